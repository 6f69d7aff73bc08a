"""Chats: one peer speaks, a thousand read."""

import resource

import arena
from figures import Goal, Row, Table
from processes import Trial
from relays import peer

READERS = 1000
ROUNDS = 50
FILES = 8192  # what either side may open; the default of many machines is 1,024
MIB = 2**20


def table(tools, size, _scratch):
    columns = [("M deliveries/s", 2), ("chat CPU s", 2), ("peak memory MiB", 1), ("one line to all p50 ms", 2)]
    rows = []
    for line in [64, 1024]:
        # So many bytes go out in all as `size` says.
        count = max(1, size // READERS // line)
        limit = f"limit read/write 64K, {line} B"

        def row(name, chat, absent, goals=(), line=line, count=count):
            return Row(f"{name}, {line} B", lambda: run(tools, count, line, chat), absent or tools.absent("cc"),
                       list(goals))

        goals = [Goal("M deliveries/s", "≥", 2)] if line == 64 else []
        rows += [
            row("limit read/write 64K", limit_fan(tools), ""),
            row("ncat --broker", peer(["ncat", "-l", "--broker", "-m", "2000", "127.0.0.1", "LEFT"]),
                tools.absent("ncat")),
            row("framecat --chat", framecat_chat(tools), tools.absent("framecat"),
                goals + [Goal("M deliveries/s", "≥", 0.9, limit)]),
        ]
    return Table(f"Chat, {READERS:,} readers", columns, rows)


def run(tools, count, line, chat):
    """`count` lines from one of the chat's peers to all the others, the chat alone on its core; then lines one by one."""
    ends, alone = arena.cores()[0], arena.cores()[-1]
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(max(soft, FILES), hard), hard))  # inherited by the children
    with Trial() as trial:
        served, port = chat(trial, None, alone)
        words = [READERS, count, line, ROUNDS, port]
        crowd = trial.start([tools.limit("crowd"), *map(str, words)], core=ends).succeed()
        peak = served.status("VmHWM") if not served.ended() else None
        served.serves = True
        served.stop()
        trial.finish()
        told = crowd.figures()
        figures = {"M deliveries/s": told["deliveries"] / told["seconds"] / 1e6, "chat CPU s": served.cpu,
                   "one line to all p50 ms": told["p50_ms"]}
        if peak is not None:
            figures["peak memory MiB"] = peak / MIB
        return figures, trial.watch.foreign


def limit_fan(tools):
    def start(trial, _right, core):
        p = trial.start([tools.limit("fan"), "65536"], core=core)
        return p, p.port_told()
    return start


def framecat_chat(tools):
    def start(trial, _right, core):
        argv = [tools.framecat, "listen", ":0", "--chat", "--max-clients", "2000", "--out", "line"]
        p = trial.start(argv, core=core, serves=True)
        return p, p.port_told()
    return start
