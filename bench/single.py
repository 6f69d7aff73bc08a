"""Figures of a program by itself: memory while its reader pauses, start-up, size, memory while idle."""

import os
import select
import shutil
import socket

import raw_pipe
import relays
from figures import Goal, Row, Table
from processes import Trial

MIB = 2**20
STALL = 1.0  # seconds without room for one more byte, after which the relay has taken what it will take
STARTS = 50


def memory_table(tools, size, _scratch):
    columns = [("peak memory growth MiB", 2), ("taken before it paused MiB", 1)]
    feed = min(size, 2**30)

    def row(name, relay, absent, goals=()):
        return Row(name, lambda: paused_reader(feed, relay), absent, list(goals))

    within = [Goal(columns[0][0], "≤", 2)]
    return Table(f"Memory of a relay whose reader pauses, {feed / 2**30:.3g} GiB offered", columns, [
        row("limit read/write 256K", relays.limit_relay(tools, "262144"), tools.absent("cc")),
        row("socat -b262144", relays.peer(
            ["socat", "-b262144", "TCP-LISTEN:LEFT,bind=127.0.0.1", "TCP:127.0.0.1:RIGHT"]), tools.absent("socat")),
        row("framecat, raw", relays.framecat_raw(tools), tools.absent("framecat"), within),
        row("framecat line → len:u32be", relays.framecat_framed(tools), tools.absent("framecat"), within),
    ])


def paused_reader(feed, relay):
    """Offers `feed` bytes of 1 KiB lines to a relay whose other end accepts and reads nothing."""
    block = (b"x" * 1023 + b"\n") * 256
    with Trial() as trial, socket.create_server(("127.0.0.1", 0)) as paused:
        paused.settimeout(10)
        middle, port = relay(trial, paused.getsockname()[1], None)
        before = middle.status("VmHWM")
        with socket.create_connection(("127.0.0.1", port)) as source, paused.accept()[0]:
            source.setblocking(False)
            taken = 0
            while taken < feed and select.select([], [source], [], STALL)[1]:
                at = taken % len(block)
                taken += source.send(block[at:at + feed - taken])
            growth = middle.status("VmHWM") - before
        middle.serves = True  # bytes are stuck in it, so it will not end by itself
        middle.stop()
        trial.finish()
        return {"peak memory growth MiB": growth / MIB, "taken before it paused MiB": taken / MIB}, trial.watch.foreign


def startup_table(tools, _size, _scratch):
    columns = [("start-up ms", 2), ("binary MiB", 2), ("idle RSS MiB", 1)]
    here = "127.0.0.1"

    def row(name, command, idle, absent, goals=()):
        return Row(name, lambda: startup(tools, command, idle), absent or tools.absent("cc"), list(goals))

    return Table("Start and size", columns, [
        row("limit (a C program that does nothing)", [tools.limit("nothing")], None, ""),
        row("nc-openbsd", ["nc", "-h"], raw_pipe.listener(["nc", "-l", here, "PORT"]), tools.absent("nc")),
        row("ncat", ["ncat", "--version"], raw_pipe.listener(["ncat", "-l", here, "PORT"]), tools.absent("ncat")),
        row("socat", ["socat", "-V"], raw_pipe.listener(["socat", f"TCP-LISTEN:PORT,bind={here}", "STDOUT"]),
            tools.absent("socat")),
        row("framecat", [tools.framecat, "--version"], raw_pipe.framecat_receiver(tools.framecat),
            tools.absent("framecat"),
            [Goal("start-up ms", "≤", 1.5), Goal("binary MiB", "≤", 5), Goal("idle RSS MiB", "≤", 4.5)]),
    ])


def startup(tools, command, idle):
    """`command` from spawn to exit; the memory of a listener with nobody there. Shared libraries are not counted."""
    with Trial() as trial:
        timed = trial.start([tools.limit("startup"), str(STARTS), *command]).succeed()
        program = os.path.realpath(shutil.which(command[0]))
        figures = {"start-up ms": timed.figures()["p50_us"] / 1e3, "binary MiB": os.path.getsize(program) / MIB}
        if idle:
            listener, _ = idle(trial)
            figures["idle RSS MiB"] = listener.status("VmRSS") / MIB
            listener.serves = True
            listener.stop()
        # The children of `startup` are in its own CPU time, which wait4 gives.
        trial.finish()
        return figures, trial.watch.foreign
