"""Datagrams over loopback: the sender on one core, the receiver on the other. What is lost is counted."""

import os
import subprocess

import arena
from figures import Goal, Row, Table
from processes import Failed, Trial, free_port

COLUMNS = [("M sent/s", 3), ("M received/s", 3), ("lost %", 2), ("recv CPU µs each", 3)]
# Bytes of a datagram, line feed included; how many; the goal of framecat to framecat, in times one call each; and of
# framecat from a foreign sender beside the receiver named.
SIZES = [(64, 1_000_000, 10), (1400, 300_000, 5)]


def table(tools, _size, scratch):
    rows = []
    for size, count, times in SIZES:
        limit = f"{size} B, limit: send and recv, one call each"
        printed = f"{size} B, limit: the same, and a write each"
        foreign = [Goal("M received/s", "≥", 0.95, limit)] if size == 64 else [
            Goal("M received/s", "≥", 1.8, f"{size} B, nc-openbsd")]
        rows += [
            row(tools, limit, size, count, limit_source(tools), limit_sink(tools, []), ""),
            row(tools, printed, size, count, limit_source(tools), limit_sink(tools, ["print"]), ""),
            row(tools, f"{size} B, nc-openbsd", size, count, limit_source(tools),
                peer(["nc", "-u", "-l", "127.0.0.1", "PORT"]), tools.absent("nc")),
            row(tools, f"{size} B, socat", size, count, limit_source(tools),
                peer(["socat", "-u", "UDP-RECV:PORT,bind=127.0.0.1", "STDOUT"]), tools.absent("socat")),
            row(tools, f"{size} B, framecat from the limit's sender", size, count, limit_source(tools),
                framecat_sink(tools), tools.absent("framecat"), foreign),
            row(tools, f"{size} B, framecat to framecat", size, count, framecat_source(tools, scratch),
                framecat_sink(tools), tools.absent("framecat"), [Goal("M received/s", "≥", times, limit)]),
        ]
    return Table("Datagrams over loopback, printed by the receiver but for the first row of each size", COLUMNS, rows)


def row(tools, name, size, count, source, sink, absent, goals=()):
    return Row(name, lambda: run(tools, size, count, source, sink), absent or tools.absent("cc"), list(goals))


def run(tools, size, count, source, sink):
    sending, receiving = arena.cores()[0], arena.cores()[-1]
    with Trial() as trial:
        receiver, counts, port = sink(trial, tools, receiving)
        sender, seconds = source(trial, count, size, port, sending)
        counts.wait() if counts is receiver else receiver.stop()
        figures = counts.succeed().figures()
        trial.finish()
        received = figures["messages"]
        if received == 0:
            raise Failed(f"{receiver.name}: nothing came")
        return {"M sent/s": count / seconds() / 1e6, "M received/s": received / figures["seconds"] / 1e6,
                "lost %": 100 * (count - received) / count,
                "recv CPU µs each": receiver.cpu / received * 1e6}, trial.watch.foreign


def limit_source(tools):
    def start(trial, count, size, port, core):
        p = trial.start([tools.limit("udp_source"), str(count), str(size), str(port)], core=core).succeed()
        return p, lambda: p.figures()["seconds"]
    return start


def framecat_source(tools, scratch):
    def start(trial, count, size, port, core):
        path = lines(scratch, count, size)
        with open(path, "rb") as file:
            # It waits for answers at its end; nobody answers, so its own CPU time is what it took to send.
            p = trial.start([tools.framecat, "connect", f"udp://127.0.0.1:{port}", "--wait", "1s"], stdin=file, core=core)
            p.wait()
        return p, lambda: p.cpu
    return start


def lines(scratch, count, size):
    """A file of `count` lines of `size` bytes, line feed included."""
    key = ("lines", count, size)
    if key not in scratch.paths:
        memory = "/dev/shm" if os.path.isdir("/dev/shm") else "/tmp"
        path = os.path.join(memory, f"framecat-bench-lines-{os.getpid()}-{size}")
        block = (b"x" * (size - 1) + b"\n") * 1000
        with open(path, "wb") as f:
            for _ in range(count // 1000):
                f.write(block)
        scratch.paths[key] = path
    return scratch.paths[key]


# A sink is a function of the trial that gives the receiver, the process that counts, and the port.

def limit_sink(tools, words):
    def start(trial, tools, core):
        if not words:
            p = trial.start([tools.limit("udp_sink")], core=core)
            return p, p, p.port_told()
        return metered(trial, tools, core, [tools.limit("udp_sink"), *words], None)
    return start


def peer(words):
    def start(trial, tools, core):
        port = free_port()
        return metered(trial, tools, core, [w.replace("PORT", str(port)) for w in words], port)
    return start


def framecat_sink(tools):
    return lambda trial, tools, core: metered(
        trial, tools, core, [tools.framecat, "listen", "udp://127.0.0.1:0", "--idle", "1s"], None)


def metered(trial, tools, core, words, port):
    """The receiver's stdout is a pipe whose reader counts the lines, beside the sender on the other core."""
    read_end, write_end = os.pipe()
    try:
        counts = trial.start([tools.limit("meter")], stdin=read_end, core=arena.cores()[0])
        receiver = trial.start(words, stdin=subprocess.DEVNULL, stdout=write_end, core=core, serves=port is not None)
    finally:
        os.close(read_end)
        os.close(write_end)
    return receiver, counts, port or receiver.port_told()
