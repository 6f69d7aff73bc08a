"""Files from one place to another: one of 1 GiB, and five thousand small ones in folders. The time runs from the start of
who sends to the end of both sides, starting, shaking hands and checking included."""

import filecmp
import getpass
import os
import random
import shutil
import subprocess
import time

import processes
from figures import Goal, Row, Table
from processes import Failed, Trial
from serving import GIB, tool

MANY, SEED = 5_000, 1
SECONDS, CPU, RATE, MEMORY = "seconds", "machine CPU s", "files/s", "MiB, either side"
SSHD = """
Port {port}
ListenAddress 127.0.0.1
HostKey {place}/host
AuthorizedKeysFile {place}/authorized
PidFile {place}/sshd.pid
StrictModes no
UsePAM no
PasswordAuthentication no
PermitRootLogin yes
Subsystem sftp internal-sftp
"""
RSYNCD = """
pid file = {place}/rsyncd.pid
use chroot = no
address = 127.0.0.1
port = {port}
reverse lookup = no
[into]
path = {into}
read only = no
uid = {uid}
gid = {gid}
"""
AES = ["-c", "aes128-gcm@openssh.com"]


class Places:
    """What is sent, and an empty folder that it goes into, both in memory where there is room."""

    def __init__(self, scratch, many):
        self.big, self.many = scratch.file(GIB), many
        self.root = self.big + ".transfer"

    def __enter__(self):
        self.into, self.place = os.path.join(self.root, "into"), os.path.join(self.root, "place")
        os.makedirs(self.into)
        os.mkdir(self.place)
        self.source = os.path.join(self.root, "source")
        os.mkdir(self.source)
        # A name of its own, so that every row sends the same one.
        os.link(self.big, os.path.join(self.source, "file"))
        if self.many:
            small_files(os.path.join(self.source, "many"))
        self.what = os.path.join(self.source, "many" if self.many else "file")
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.root, ignore_errors=True)

    def check(self, at=""):
        """All of it came, byte for byte."""
        came = os.path.join(self.into, at) if at else os.path.join(self.into, os.path.basename(self.what))
        if not self.many:
            if not os.path.exists(came) or not filecmp.cmp(self.what, came, shallow=False):
                raise Failed("what arrived is not what was sent")
            return
        for folder, _, names in os.walk(self.what):
            there = os.path.join(came, os.path.relpath(folder, self.what))
            _, differs, absent = filecmp.cmpfiles(folder, there, names, shallow=False)
            if differs or absent:
                raise Failed(f"{len(differs)} files differ and {len(absent)} are not there")


def small_files(root):
    """1 to 16 KiB each, incompressible, a hundred in a folder; the same ones in every run."""
    made = random.Random(SEED)
    for n in range(MANY):
        folder = os.path.join(root, f"folder-{n // 100:02}")
        if n % 100 == 0:
            os.makedirs(folder)
        with open(os.path.join(folder, f"file-{n:04}"), "wb") as f:
            f.write(made.randbytes(made.randint(1 << 10, 16 << 10)))


def local_cp(trial, places):
    trial.start(["cp", "-r", places.what, places.into]).succeed()


def bare(way):
    """A file through one connection into a file, by system calls alone."""
    def move(trial, places):
        here = os.path.join(os.path.dirname(os.path.abspath(__file__)), "target")
        keep = trial.start([os.path.join(here, "keep"), way, os.path.join(places.into, "file")])
        port = keep.port_told()
        places.started = time.monotonic()
        with open(places.what, "rb") as file:
            trial.start([os.path.join(here, "source"), "sendfile", str(port)], stdin=file).succeed()
        keep.succeed()
    return move


def by_tar(receive, send):
    def move(trial, places):
        port = processes.free_port()
        folder, name = os.path.split(places.what)
        take = f"{receive.replace('PORT', str(port))} | tar -x -C {places.into}"
        taker = trial.start(["bash", "-c", take])
        taker.port_listening(port)
        places.started = time.monotonic()
        give = f"tar -c -C {folder} {name} | {send.replace('PORT', str(port))}"
        trial.start(["bash", "-c", give]).succeed()
        taker.succeed()
    return move


def rsync_daemon(trial, places):
    port = processes.free_port()
    config = os.path.join(places.place, "rsyncd.conf")
    with open(config, "w") as f:
        f.write(RSYNCD.format(place=places.place, port=port, into=places.into, uid=os.getuid(), gid=os.getgid()))
    server = trial.start(["rsync", "--daemon", "--no-detach", "--config", config], serves=True)
    server.port_listening(port)
    places.started = time.monotonic()
    trial.start(["rsync", "-a", "-W", places.what, f"rsync://127.0.0.1:{port}/into/"]).succeed()
    places.ended = time.monotonic()
    server.stop()


def by_ssh(argv):
    def move(trial, places):
        port = processes.free_port()
        for key in ("host", "user"):
            path = os.path.join(places.place, key)
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path], check=True)
        shutil.copy(os.path.join(places.place, "user.pub"), os.path.join(places.place, "authorized"))
        config = os.path.join(places.place, "sshd.conf")
        with open(config, "w") as f:
            f.write(SSHD.format(port=port, place=places.place))
        os.makedirs("/run/sshd", exist_ok=True)
        server = trial.start([tool("sshd"), "-D", "-f", config], serves=True)
        server.port_listening(port)
        options = ["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR",
                   "-i", os.path.join(places.place, "user")]
        places.started = time.monotonic()
        trial.start(argv(port, options, places)).succeed()
        places.ended = time.monotonic()
        server.stop()
    return move


def scp(cipher):
    return lambda port, options, places: [
        "scp", "-q", "-r", "-P", str(port), *cipher, *options, places.what, f"{getpass.getuser()}@127.0.0.1:{places.into}"]


def rsync_ssh(port, options, places):
    return ["rsync", "-a", "-W", "-e", " ".join(["ssh", "-p", str(port), *options]), places.what,
            f"{getpass.getuser()}@127.0.0.1:{places.into}/"]


def wormhole(trial, places):
    port = processes.free_port()
    relay = trial.start([tool("twist"), "wormhole-mailbox", f"--port=tcp:{port}:interface=127.0.0.1",
                         f"--channel-db={places.place}/channels", f"--usage-db={places.place}/usage"], serves=True)
    relay.port_listening(port)
    common = [tool("wormhole"), f"--relay-url=ws://127.0.0.1:{port}/v1", "--transit-helper=tcp:127.0.0.1:1"]
    places.started = time.monotonic()
    sender = trial.start([*common, "send", "--hide-progress", "--code", "1-some-words", places.what])
    name = os.path.join(places.into, os.path.basename(places.what))
    receiver = trial.start([*common, "receive", "--hide-progress", "--accept-file", "-o", name, "1-some-words"])
    sender.succeed()
    receiver.succeed()
    places.ended = time.monotonic()
    relay.stop()


def framecat(program, *options):
    def move(trial, places):
        code = {"FRAMECAT_CODE": "417-blaze-otter-quilt"} if not options else {}
        receiver = trial.start([program, "receive", places.into, "--listen", "127.0.0.1:0", "--yes", *options], more=code)
        port = receiver.port_told()
        places.started = time.monotonic()
        trial.start([program, "send", places.what, "--to", f"127.0.0.1:{port}", *options], more=code).succeed()
        receiver.succeed()
    return move


def row(scratch, name, many, move, absent, goals):
    def run():
        with Places(scratch, many) as places, Trial() as trial:
            places.started, places.ended = time.monotonic(), None
            trial.watch.restart()
            move(trial, places)
            seconds = (places.ended or time.monotonic()) - places.started
            trial.finish()
            places.check()
            figures = {SECONDS: seconds, CPU: trial.watch.cpu,
                       MEMORY: max(p.peak for p in trial.processes) / 2**20}
            if many:
                figures[RATE] = MANY / seconds
            return figures, trial.watch.foreign
    return Row(name, run, absent, goals)


def table(tools, _size, scratch):
    def lacks(*needed):
        return next((f"absent (no {name})" for name in needed if not tool(name)), "")

    ssh = lacks("sshd", "ssh", "scp")
    ours = tools.absent("framecat")
    several = [
        ("cp -r", local_cp, ""),
        ("tar → socat -b256K", by_tar("socat -u -b262144 TCP-LISTEN:PORT,bind=127.0.0.1 -",
                                      "socat -u -b262144 - TCP:127.0.0.1:PORT"), lacks("socat", "tar")),
        ("tar → nc", by_tar("nc -l 127.0.0.1 PORT", "nc -N 127.0.0.1 PORT"), tools.absent("nc")),
        ("rsync daemon", rsync_daemon, lacks("rsync")),
        ("scp aes128-gcm", by_ssh(scp(AES)), ssh),
        ("scp", by_ssh(scp([])), ssh),
        ("rsync over ssh", by_ssh(rsync_ssh), ssh or lacks("rsync")),
        ("magic-wormhole", wormhole, lacks("wormhole", "twist")),
        ("framecat --plain", framecat(tools.framecat, "--plain"), ours),
        ("framecat", framecat(tools.framecat), ours),
    ]
    limits = [
        ("limit sendfile/splice", bare("splice"), tools.absent("cc")),
        ("limit sendfile/read", bare("read"), tools.absent("cc")),
    ]
    goals = {
        ("framecat --plain", False): [Goal(SECONDS, "≤", 1.5, "limit sendfile/read, 1 GiB"),
                                      Goal(SECONDS, "≤", 1.0, "rsync daemon, 1 GiB"), Goal(MEMORY, "≤", 64)],
        ("framecat", False): [Goal(SECONDS, "≤", 1 / 2.5, "scp aes128-gcm, 1 GiB"),
                              Goal(SECONDS, "≤", 1 / 3, "magic-wormhole, 1 GiB"), Goal(MEMORY, "≤", 64)],
        ("framecat --plain", True): [Goal(SECONDS, "≤", 1.3, f"tar → socat -b256K, {MANY:,} files")],
        ("framecat", True): [Goal(SECONDS, "≤", 1 / 4, f"rsync over ssh, {MANY:,} files"),
                             Goal(SECONDS, "≤", 1 / 15, f"scp, {MANY:,} files")],
    }
    rows = []
    for many, kind, movers in ((False, "1 GiB", limits + several), (True, f"{MANY:,} files", several)):
        for name, move, absent in movers:
            rows.append(row(scratch, f"{name}, {kind}", many, move, absent, goals.get((name, many), [])))
    columns = [(SECONDS, 3), (CPU, 2), (RATE, 0), (MEMORY, 0)]
    return Table(f"Files moved: one of 1 GiB, and {MANY:,} of 1 to 16 KiB", columns, rows)
