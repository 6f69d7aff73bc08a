"""Raw pipe: a file through one TCP connection, no message looked at."""

import os
import subprocess
import time

from figures import Goal, Row, Table
from processes import Trial, free_port

GB = 1e9
COLUMNS = [("GB/s", 2), ("recv CPU s/GB", 3), ("send CPU s/GB", 3), ("machine CPU s/GB", 3)]


def table(tools, size, scratch):
    path = scratch.file(size)

    def row(name, receive, send, absent, goals=()):
        return Row(name, lambda: transfer(size, path, receive, send), absent, list(goals))

    read, splice = limit_receiver(tools, "262144", size), limit_receiver(tools, "splice", size)
    by_write, by_sendfile = limit_sender(tools, "write"), limit_sender(tools, "sendfile")
    framecat, no_framecat = tools.framecat, tools.absent("framecat")
    best, nc = "socat -b262144", "nc-openbsd"
    piped = "socat -b262144, pipe → /dev/null"
    receive_best, send_best = socat(["-b262144"])
    return Table(f"Raw pipe, {size / 2**30:.3g} GiB", COLUMNS, [
        row("limit write/read 256K", read, by_write, tools.absent("cc")),
        row("limit sendfile/read 256K", read, by_sendfile, tools.absent("cc")),
        row("limit sendfile/splice to /dev/null", splice, by_sendfile, tools.absent("cc")),
        row(nc, listener(["nc", "-l", "127.0.0.1", "PORT"]), dialler(["nc", "-N", "127.0.0.1", "PORT"]),
            tools.absent("nc")),
        row("ncat", listener(["ncat", "-l", "--recv-only", "127.0.0.1", "PORT"]),
            dialler(["ncat", "--send-only", "127.0.0.1", "PORT"]), tools.absent("ncat")),
        row("socat", *socat([]), tools.absent("socat")),
        row(best, *socat(["-b262144"]), tools.absent("socat")),
        row(piped, receive_best, from_pipe(send_best), tools.absent("socat")),
        row("framecat, file → limit read 256K", read, framecat_sender(framecat), no_framecat,
            [Goal("GB/s", "≥", 0.9, "limit sendfile/read 256K")]),
        row("framecat, file → /dev/null", framecat_receiver(framecat), framecat_sender(framecat), no_framecat,
            [Goal("GB/s", "≥", 0.9, "limit sendfile/splice to /dev/null"), Goal("GB/s", "≥", 2, best),
             Goal("GB/s", "≥", 2.5, nc), Goal("machine CPU s/GB", "≤", 0.5, best)]),
        row("framecat, file → pipe", framecat_to_pipe(tools, size), framecat_sender(framecat), no_framecat,
            [Goal("GB/s", "≥", 0.9, "limit sendfile/splice to /dev/null")]),
        row("framecat, pipe → /dev/null", framecat_receiver(framecat), from_pipe(framecat_sender(framecat)),
            no_framecat, [Goal("GB/s", "≥", 1.2, piped)]),
    ])


def transfer(size, path, receive, send):
    """One run: the time from the sender's start until both ends are over."""
    with Trial() as trial:
        receiver, port = receive(trial)
        start = time.monotonic()
        with open(path, "rb") as file:
            sender = send(trial, file, port)
        for p in trial.processes:
            p.succeed()
        seconds = time.monotonic() - start
        trial.finish()
        gigabytes = size / GB
        return {"GB/s": gigabytes / seconds, "recv CPU s/GB": receiver.cpu / gigabytes,
                "send CPU s/GB": sender.cpu / gigabytes, "machine CPU s/GB": trial.watch.cpu / gigabytes,
                }, trial.watch.foreign


# A receiver is a function of the trial that starts it and gives its process and port; a sender one of the trial,
# the file and the port. `words` have PORT in place of the port.

def listener(words):
    def start(trial):
        port = free_port()
        p = trial.start([w.replace("PORT", str(port)) for w in words], stdout=subprocess.DEVNULL)
        return p, p.port_listening(port)
    return start


def dialler(words):
    return lambda trial, file, port: trial.start([w.replace("PORT", str(port)) for w in words], stdin=file)


def socat(options):
    return (listener(["socat", "-u", *options, "TCP-LISTEN:PORT,bind=127.0.0.1", "STDOUT"]),
            dialler(["socat", "-u", *options, "STDIN", "TCP:127.0.0.1:PORT"]))


def limit_receiver(tools, how, size):
    def start(trial):
        p = trial.start([tools.limit("sink"), how, str(size)])
        return p, p.port_told()
    return start


def limit_sender(tools, how):
    return dialler([tools.limit("source"), how, "PORT"])


def framecat_receiver(framecat, stdout=subprocess.DEVNULL):
    def start(trial):
        p = trial.start([framecat, "listen", ":0"], stdout=stdout)
        return p, p.port_told()
    return start


def framecat_sender(framecat):
    return dialler([framecat, "connect", "127.0.0.1:PORT"])


def framecat_to_pipe(tools, size):
    """Its stdout is a pipe whose reader costs next to nothing and counts the bytes."""
    def start(trial):
        read_end, write_end = os.pipe()
        try:
            trial.start([tools.limit("drain"), str(size)], stdin=read_end)
            return framecat_receiver(tools.framecat, write_end)(trial)
        finally:
            os.close(read_end)
            os.close(write_end)
    return start


def from_pipe(send):
    """A sender whose stdin is a pipe that cat fills from the file."""
    def start(trial, file, port):
        read_end, write_end = os.pipe()
        try:
            trial.start(["cat"], stdin=file, stdout=write_end)
            return send(trial, read_end, port)
        finally:
            os.close(read_end)
            os.close(write_end)
    return start
