#!/usr/bin/env python3
"""Measures framecat beside its peers and beside what the bare system calls reach.

    python3 bench/run.py [raw-pipe|raw-relay|framed-relay|show|memory|startup|udp|chat|http|upload|transfer|all ...] --runs 5 --size 2GiB --markdown

Exit code 0 if no goal was missed, 1 if one was, 2 for a wrong command line. Absent programs miss nothing.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile

import arena
import chats
import raw_pipe
import relays
import serving
import single
import transferring
import udp
import uploading

HERE = os.path.dirname(os.path.abspath(__file__))
TABLES = {
    "raw-pipe": raw_pipe.table,
    "raw-relay": relays.raw_table,
    "framed-relay": relays.framed_table,
    "show": relays.show_table,
    "memory": single.memory_table,
    "startup": single.startup_table,
    "udp": udp.table,
    "chat": chats.table,
    "http": serving.table,
    "upload": uploading.table,
    "transfer": transferring.table,
}
UNITS = {"": 1, "B": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "kB": 10**3, "MB": 10**6, "GB": 10**9}


def size_of(text):
    found = re.fullmatch(r"(\d+)\s*([A-Za-z]*)", text)
    if not found or found[2] not in UNITS or int(found[1]) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no size: a number with one of {', '.join(UNITS)[2:]}")
    return int(found[1]) * UNITS[found[2]]


def count_of(least):
    def parse(text):
        if not text.isdigit() or int(text) < least:
            raise argparse.ArgumentTypeError(f"{text!r} is no number from {least} up")
        return int(text)
    return parse


class Tools:
    """Where the programs are, and why one is not here."""

    def __init__(self, framecat):
        self.framecat = os.path.abspath(framecat)

    def limit(self, program):
        return os.path.join(HERE, "target", program)

    def absent(self, tool):
        """Why a row cannot be measured; empty if it can."""
        if tool == "framecat":
            return "" if os.access(self.framecat, os.X_OK) else "absent (not built)"
        if tool == "cc":
            return "" if os.path.exists(self.limit("source")) else "absent (no C compiler)"
        if not shutil.which(tool):
            return "absent"
        if tool == "nc":
            told = subprocess.run(["nc", "-h"], capture_output=True, text=True)
            return "" if "OpenBSD" in told.stdout + told.stderr else "absent (another nc)"
        return ""


class Scratch:
    """The file that is sent: incompressible, in memory if there is room, gone at the end."""

    def __init__(self):
        self.paths = {}

    def file(self, size):
        if size not in self.paths:
            memory = "/dev/shm"
            roomy = os.path.isdir(memory) and shutil.disk_usage(memory).free > size + size // 4
            fd, path = tempfile.mkstemp(prefix="framecat-bench-", dir=memory if roomy else None)
            self.paths[size] = path
            block = os.urandom(min(size, 16 * 2**20))
            with open(fd, "wb") as f:
                for at in range(0, size, len(block)):
                    f.write(block[:size - at])
        return self.paths[size]

    def remove(self):
        for path in self.paths.values():
            os.unlink(path)


def arguments():
    p = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    p.add_argument("tables", nargs="*", metavar="TABLE", help=f"{', '.join(TABLES)} or all (default)")
    p.add_argument("--runs", type=count_of(1), default=5, help="runs of every row (5)")
    p.add_argument("--retries", type=count_of(0), default=3,
                   help="how often a run is repeated that other programs disturbed (3)")
    p.add_argument("--size", type=size_of, default=2 * 2**30, help="bytes sent in a run (2GiB)")
    p.add_argument("--markdown", action="store_true", help="tables in Markdown")
    p.add_argument("--framecat", default=os.path.join(HERE, "..", "target", "release", "framecat"),
                   help="the binary (target/release/framecat)")
    args = p.parse_args()
    unknown = [name for name in args.tables if name not in TABLES and name != "all"]
    if unknown:
        p.error(f"no table {unknown[0]!r}: {', '.join(TABLES)} or all")
    if not args.tables or "all" in args.tables:
        args.tables = list(TABLES)
    return args


def main():
    args = arguments()
    arena.enter()
    built = subprocess.run(["bash", os.path.join(HERE, "build.sh")], stdout=sys.stderr)
    if built.returncode != 0:
        print("bench: the limit programs were not built", file=sys.stderr)
    tools, scratch, missed = Tools(args.framecat), Scratch(), 0
    print(arena.describe(), f"Medians of {args.runs} (min–max), the rows taking turns.\n")
    try:
        for name in args.tables:
            table = TABLES[name](tools, args.size, scratch)
            table.fill(args.runs, args.retries)
            text, misses = table.render(args.markdown)
            print(text, flush=True)
            missed += misses
    except KeyboardInterrupt:
        return 130
    finally:
        scratch.remove()
    print(f"Load average {arena.loadavg()} at the end.")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
