"""The place where programs are measured: a network namespace of our own, known cores, and what else the machine does.

Many machines default to the bbr congestion control, which paces even loopback and so hides what the programs
cost. In a namespace of its own every run uses reno, and no other program has a port.
"""

import fcntl
import os
import resource
import shutil
import socket
import struct
import subprocess
import sys
import time

INSIDE = "FRAMECAT_BENCH_INSIDE"
CONTROL = "/proc/sys/net/ipv4/tcp_congestion_control"
SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 0x1


def enter():
    """Runs this very command again inside a new network namespace, unless it is there already or may not."""
    if INSIDE in os.environ:
        if os.environ[INSIDE] == "private":
            raise_loopback()
            choose_reno()
        return
    for unshare in (["unshare", "-n"], ["unshare", "-rn"]):
        if shutil.which("unshare") and subprocess.run([*unshare, "true"], stderr=subprocess.DEVNULL).returncode == 0:
            os.environ[INSIDE] = "private"
            os.execvp(unshare[0], [*unshare, sys.executable, *sys.argv])
    os.environ[INSIDE] = "host"


def raise_loopback():
    """What `ip link set lo up` does."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        name = b"lo".ljust(16, b"\0")
        flags = struct.unpack("16xH", fcntl.ioctl(s, SIOCGIFFLAGS, name + bytes(2)))[0]
        fcntl.ioctl(s, SIOCSIFFLAGS, struct.pack("16sH", name, flags | IFF_UP) + bytes(14))


def choose_reno():
    try:
        with open(CONTROL, "w") as f:
            f.write("reno")
    except OSError as e:
        print(f"bench: reno could not be set ({e}); the machine's default stays", file=sys.stderr)


def describe():
    """One sentence on where the figures come from: they hold for this machine and this hour only."""
    with open(CONTROL) as f:
        control = f.read().strip()
    u = os.uname()
    where = "a network namespace of its own" if os.environ.get(INSIDE) == "private" else "the host's network"
    return (f"{u.sysname} {u.release} {u.machine}, {len(cores())} cores, loopback in {where}, "
            f"congestion control {control}, load average {loadavg()} at the start.")


def cores():
    return sorted(os.sched_getaffinity(0))


def loadavg():
    with open("/proc/loadavg") as f:
        return f.read().split()[0]


def machine_cpu():
    """Seconds that all cores together have worked since boot, interrupts included."""
    with open("/proc/stat") as f:
        user, nice, system, _idle, _iowait, irq, softirq = map(int, f.readline().split()[1:8])
    return (user + nice + system + irq + softirq) / os.sysconf("SC_CLK_TCK")


def own_cpu():
    """Seconds that this script itself has worked."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


class Watch:
    """What the whole machine did during a trial. The clock of /proc/stat ticks 100 times a second."""

    def __init__(self):
        self.restart()

    def restart(self):
        self.machine, self.own, self.start = machine_cpu(), own_cpu(), time.monotonic()

    def stop(self, programs_cpu):
        """Sets `cpu`, the machine's seconds of work, and `foreign`, how many cores other programs kept busy."""
        wall = time.monotonic() - self.start
        self.cpu = machine_cpu() - self.machine
        self.foreign = max(0.0, (self.cpu - programs_cpu - (own_cpu() - self.own)) / wall)
