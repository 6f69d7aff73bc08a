"""Starting the programs that are measured, finding their ports, and taking their CPU time from wait4."""

import json
import os
import re
import signal
import socket
import subprocess
import tempfile
import threading
import time

import arena

PORT_TOLD = re.compile(rb"listening on (?:tcp|udp)://[^\n]*:(\d+)\n")
TCP_LISTEN = "0A"


class Failed(Exception):
    """A program did not do its part: the row is reported as failed, with this text."""


class Process:
    """One program, in a session of its own. Its stdout and stderr go to files unless told otherwise, so that neither
    can block it. `serves` says that it goes on listening after its work and has to be stopped; `more` goes into its
    environment."""

    def __init__(self, argv, stdin=subprocess.DEVNULL, stdout=None, stderr=None, core=None, serves=False, more=None):
        self.serves = serves
        self.name = " ".join(os.path.basename(word) for word in argv[:2])
        self.output = tempfile.TemporaryFile()
        self.complaints = tempfile.TemporaryFile()
        before = os.sched_getaffinity(0)
        if core is not None:
            os.sched_setaffinity(0, {core})  # inherited by the child
        try:
            self.popen = subprocess.Popen(
                argv, stdin=stdin, stdout=self.output if stdout is None else stdout,
                stderr=self.complaints if stderr is None else stderr, start_new_session=True,
                env={**os.environ, **(more or {})})
        except OSError as e:
            raise Failed(f"{self.name}: {e}") from e
        finally:
            os.sched_setaffinity(0, before)
        self.pid = self.popen.pid
        self.cpu = None
        self.peak = 0
        self.cpu_whole = True

    def ended(self):
        """Whether it is over, without taking its exit status."""
        if self.cpu is not None:
            return True
        return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None

    def wait(self):
        """Waits for the end; takes exit status, CPU time, that of its own children included, and the most memory that
        it or one of them had, in bytes."""
        if self.cpu is None:
            _, status, used = os.wait4(self.pid, 0)
            self.popen.returncode = os.waitstatus_to_exitcode(status)
            self.cpu = used.ru_utime + used.ru_stime
            self.peak = used.ru_maxrss * 1024

    def succeed(self):
        self.wait()
        if self.popen.returncode != 0:
            raise Failed(f"{self.name}: exit code {self.popen.returncode}: {self.said()[-200:]!r}")
        return self

    def stop(self):
        """Ends a program whose work is done: by a signal if it serves on, else it has some time to end by itself,
        for only so does the CPU time of its children count."""
        deadline = time.monotonic() + (0 if self.serves else 2)
        while not self.ended():
            if time.monotonic() >= deadline:
                os.killpg(self.pid, signal.SIGTERM)
                break
            time.sleep(0.001)
        self.wait()

    def said(self):
        self.complaints.seek(0)
        return self.complaints.read().decode(errors="replace").strip()

    def figures(self):
        """The JSON line that every limit program prints at its end."""
        self.output.seek(0)
        return json.loads(self.output.read())

    def port_told(self):
        """The port from the line in which framecat and the limit programs tell it."""
        return int(await_condition(self, "tells its port", self.find_port))

    def find_port(self):
        found = PORT_TOLD.search(os.pread(self.complaints.fileno(), 4096, 0))
        return found and found[1]

    def port_listening(self, port):
        """Waits until somebody listens on the port, for programs that do not tell."""
        await_condition(self, f"listens on port {port}", lambda: listens(port))
        return port

    def status(self, key):
        """A memory figure of /proc/PID/status in bytes."""
        with open(f"/proc/{self.pid}/status") as f:
            for line in f:
                if line.startswith(key + ":"):
                    return int(line.split()[1]) * 1024
        raise Failed(f"{self.name}: no {key} in its status")


def await_condition(process, what, condition, limit=10.0):
    deadline = time.monotonic() + limit
    while True:
        answer = condition()
        if answer:
            return answer
        if process.ended():
            raise Failed(f"{process.name}: ended before it {what}: {process.said()[-200:]!r}")
        if time.monotonic() > deadline:
            raise Failed(f"{process.name}: {limit:g} s passed before it {what}: {process.said()[-200:]!r}")
        time.sleep(0.001)


def listens(port):
    """Whether the kernel's tables show a TCP socket listening on the port."""
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            with open(table) as f:
                for line in f.readlines()[1:]:
                    fields = line.split()
                    if fields[3] == TCP_LISTEN and int(fields[1].rsplit(":", 1)[1], 16) == port:
                        return True
        except FileNotFoundError:
            pass  # a kernel without IPv6
    return False


def free_port():
    """A port that nobody has. In a namespace of our own nobody takes it before the program that gets it."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Trial:
    """The programs of one run. Whatever happens, they are over at its end, and after `limit` seconds in any case."""

    def __init__(self, limit=120.0):
        self.limit = limit

    def __enter__(self):
        self.processes = []
        self.timed_out = False
        self.timer = threading.Timer(self.limit, self.time_out)
        self.timer.start()
        self.watch = arena.Watch()
        return self

    def time_out(self):
        self.timed_out = True
        self.kill()

    def kill(self):
        for p in self.processes:
            try:
                os.killpg(p.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass  # it is over, and so are its children

    def start(self, argv, **how):
        p = Process(argv, **how)
        self.processes.append(p)
        return p

    def finish(self):
        """Ends the watch. All programs must be over."""
        self.watch.stop(sum(p.cpu for p in self.processes))

    def __exit__(self, kind, error, _traceback):
        self.timer.cancel()
        self.kill()
        for p in self.processes:
            p.wait()
            p.output.close()
            p.complaints.close()
        if self.timed_out and kind is not None and issubclass(kind, Failed):
            raise Failed(f"over {self.limit:g} s") from error
