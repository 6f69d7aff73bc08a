"""Relays between a source and a sink that cost little: raw, and from one framing to another."""

import subprocess

import arena
from figures import Goal, Row, Table
from processes import Trial, free_port

GB = 1e9
PING_ROUNDS = 20_000
SIZES = [(16, "16 B"), (64, "64 B"), (1024, "1 KiB"), (65536, "64 KiB")]


def raw_table(tools, size, scratch):
    columns = [("GB/s", 2), ("relay CPU s/GB", 3), ("machine CPU s/GB", 3), ("RTT one core p50 µs", 1)]
    path = scratch.file(size)

    def row(name, relay, absent, goals=()):
        return Row(name, lambda: raw_run(tools, size, path, relay), absent or tools.absent("cc"), list(goals))

    best = "socat -b262144"
    return Table(f"Raw relay, {size / 2**30:.3g} GiB", columns, [
        row("direct (no relay)", None, ""),
        row("limit splice 1M", limit_relay(tools, "splice"), ""),
        row("limit read/write 256K", limit_relay(tools, "262144"), ""),
        row("limit read/write 16K", limit_relay(tools, "16384"), ""),
        row("socat", peer(["socat", "TCP-LISTEN:LEFT,bind=127.0.0.1", "TCP:127.0.0.1:RIGHT"]), tools.absent("socat")),
        row(best, peer(["socat", "-b262144", "TCP-LISTEN:LEFT,bind=127.0.0.1", "TCP:127.0.0.1:RIGHT"]),
            tools.absent("socat")),
        row("ncat -c ncat", peer(["ncat", "-l", "127.0.0.1", "LEFT", "-c", "exec ncat 127.0.0.1 RIGHT"],
                                 cpu_whole=False),
            tools.absent("ncat")),
        row("framecat", framecat_raw(tools), tools.absent("framecat"),
            [Goal("GB/s", "≥", 0.95, "limit splice 1M"), Goal("GB/s", "≥", 5, "socat"), Goal("GB/s", "≥", 1.25, best),
             Goal("relay CPU s/GB", "≤", 0.07)]),
    ])


def raw_run(tools, size, path, relay):
    figures, foreign = raw_throughput(tools, size, path, relay)
    round_trip, foreign_too = raw_round_trip(tools, relay)
    return figures | round_trip, max(foreign, foreign_too)


def raw_throughput(tools, size, path, relay):
    with Trial() as trial, open(path, "rb") as file:
        sink = trial.start([tools.limit("sink"), "1048576", str(size)])
        port = sink.port_told()
        middle = None
        if relay:
            middle, port = relay(trial, port, None)
        source = trial.start([tools.limit("source"), "sendfile", str(port)], stdin=file)
        source.succeed()
        sink.succeed()
        if middle:
            middle.stop()
        trial.finish()
        gigabytes = size / GB
        figures = {"GB/s": gigabytes / sink.figures()["seconds"],
                   "machine CPU s/GB": trial.watch.cpu / gigabytes}
        if middle and middle.cpu_whole:
            figures["relay CPU s/GB"] = middle.cpu / gigabytes
        return figures, trial.watch.foreign


def raw_round_trip(tools, relay):
    """64 bytes there and back, all programs on one core: what remains is the relay's own work."""
    core = arena.cores()[0]
    with Trial() as trial:
        echo = trial.start([tools.limit("echo")], core=core)
        port = echo.port_told()
        middle = None
        if relay:
            middle, port = relay(trial, port, core)
        ping = trial.start([tools.limit("ping"), str(PING_ROUNDS), str(port)], core=core).succeed()
        if middle:
            middle.stop()
        echo.stop()
        trial.finish()
        return {"RTT one core p50 µs": ping.figures()["p50_us"]}, trial.watch.foreign


# A relay is a function of the trial, the port to dial and the core to stay on; it gives its process and its port.

def limit_relay(tools, how):
    def start(trial, right, core):
        p = trial.start([tools.limit("relay"), how, str(right)], core=core)
        return p, p.port_told()
    return start


def peer(words, stderr=None, serves=False, cpu_whole=True):
    """`words` with LEFT and RIGHT in place of the ports, for programs that do not tell theirs. `cpu_whole` is false
    for one that leaves its children to init, whose time wait4 then does not give."""
    def start(trial, right, core):
        left = free_port()
        argv = [w.replace("LEFT", str(left)).replace("RIGHT", str(right)) for w in words]
        p = trial.start(argv, core=core, stderr=stderr, serves=serves)
        p.cpu_whole = cpu_whole
        return p, p.port_listening(left)
    return start


def framecat_relay(tools, right_rule, *options):
    def start(trial, right, core):
        argv = [tools.framecat, "relay", ":0", f"127.0.0.1:{right}{right_rule}", *options]
        p = trial.start(argv, core=core, serves=True)
        return p, p.port_told()
    return start


def framecat_raw(tools):
    return framecat_relay(tools, "", "-f", "raw")


def framecat_framed(tools):
    return framecat_relay(tools, ",frame=len:u32be", "-f", "line")


def framecat_shown(tools):
    """With every message told on stderr, which goes nowhere: so the port is chosen, not told."""
    return peer([tools.framecat, "relay", "127.0.0.1:LEFT", "127.0.0.1:RIGHT,frame=len:u32be", "-f", "line", "--show"],
                stderr=subprocess.DEVNULL, serves=True)


FRAMED_COLUMNS = [("M messages/s", 3), ("GB/s", 2), ("relay CPU s/GB", 3), ("machine CPU s/GB", 3)]
MESSAGES_WANTED = {16: 20, 64: 12, 1024: 2.5}  # millions a second


def framed_table(tools, size, _scratch):
    rows = []
    for payload, name in SIZES:
        limit = f"limit read/write 256K, {name} lines, raw"
        goals = []
        if payload in MESSAGES_WANTED:
            goals.append(Goal("M messages/s", "≥", MESSAGES_WANTED[payload]))
        if payload >= 1024:
            goals += [Goal("GB/s", "≥", 0.9, limit), Goal("relay CPU s/GB", "≤", 1.25, limit)]
        rows.append(framed_row(tools, limit, size, payload, limit_relay(tools, "262144"), False, "", []))
        rows.append(framed_row(tools, f"framecat line → len:u32be, {name}", size, payload, framecat_framed(tools),
                               True, tools.absent("framecat"), goals))
    return Table(f"Framed relay, {size / 2**30:.3g} GiB of lines, the relay alone on its core", FRAMED_COLUMNS, rows)


def show_table(tools, size, _scratch):
    payload, absent, plain = 1024, tools.absent("framecat"), "framecat line → len:u32be"
    return Table("Relay with --show, 1 KiB messages", FRAMED_COLUMNS, [
        framed_row(tools, plain, size, payload, framecat_framed(tools), True, absent, []),
        framed_row(tools, f"{plain} --show 2>/dev/null", size, payload, framecat_shown(tools), True, absent,
                   [Goal("M messages/s", "", 1, plain), Goal("relay CPU s/GB", "", 1, plain)]),
    ])


def framed_row(tools, name, size, payload, relay, framed, absent, goals):
    count = max(1, size // (payload + 1))
    return Row(name, lambda: framed_run(tools, count, payload, relay, framed), absent or tools.absent("cc"), goals)


def framed_run(tools, count, payload, relay, framed):
    """`count` lines into the relay; out of it messages with a length, or the same bytes where nothing is framed.
    GB are those of the lines, so that both kinds of row compare."""
    ends, alone = arena.cores()[0], arena.cores()[-1]
    size = count * (payload + 1)
    with Trial() as trial:
        words = ["len_sink", str(count), str(payload)] if framed else ["sink", "1048576", str(size)]
        sink = trial.start([tools.limit(words[0]), *words[1:]], core=ends)
        middle, port = relay(trial, sink.port_told(), alone)
        source = trial.start([tools.limit("lines_source"), str(count), str(payload), str(port)], core=ends)
        source.succeed()
        sink.succeed()
        middle.stop()
        trial.finish()
        seconds, gigabytes = sink.figures()["seconds"], size / GB
        return {"M messages/s": count / seconds / 1e6, "GB/s": gigabytes / seconds,
                "relay CPU s/GB": middle.cpu / gigabytes, "machine CPU s/GB": trial.watch.cpu / gigabytes,
                }, trial.watch.foreign
