"""A folder over HTTP: what a request costs the server, one core for it and one for who asks."""

import os
import re
import resource
import shutil
import socket
import subprocess
import tempfile
import time

import arena
import processes
from figures import Goal, Row, Table
from processes import Failed, Trial

SECONDS = 3
CLIENTS = 64
IDLE = 5_000
KIB, GIB = 2**10, 2**30
SMALL, MIDDLE = KIB, 100 * KIB
CPU, RATE, CPU_GB, SPEED, MEMORY = "CPU µs/request", "requests/s", "CPU s/GB", "GB/s", "KiB/idle connection"

NGINX = """
worker_processes 1; worker_rlimit_nofile 16384; daemon off; pid {place}/nginx.pid; error_log /dev/null;
events {{ worker_connections 12000; multi_accept on; }}
http {{
    access_log off; sendfile on; tcp_nopush on; tcp_nodelay on;
    keepalive_requests 1000000000; keepalive_timeout 65;
    open_file_cache max=1000 inactive=60s; open_file_cache_valid 60s;
    client_body_temp_path {place}/a; proxy_temp_path {place}/b; fastcgi_temp_path {place}/c;
    uwsgi_temp_path {place}/d; scgi_temp_path {place}/e;
    server {{ listen 127.0.0.1:{port} backlog=1024; root {folder}; }}
}}
"""
LIGHTTPD = """
server.document-root = "{folder}"
server.bind = "127.0.0.1"
server.port = {port}
server.max-connections = 12000
server.max-fds = 16384
server.max-keep-alive-requests = 1000000000
server.max-keep-alive-idle = 65
server.errorlog = "/dev/null"
"""


def tool(name):
    """A program in PATH, or one that `cargo install --root target/peers` put there."""
    here = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "target", "peers", "bin", name)
    return here if os.access(here, os.X_OK) else shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin")


def configured(name, text, argv):
    def start(trial, folder, place, core):
        port = processes.free_port()
        path = os.path.join(place, name + ".conf")
        with open(path, "w") as f:
            f.write(text.format(folder=folder, place=place, port=port))
        server = trial.start([tool(name), *argv, path], core=core, serves=True)
        return server, server.port_listening(port)
    return start


def plain(name, argv):
    def start(trial, folder, _place, core):
        port = processes.free_port()
        words = [word.replace("PORT", str(port)).replace("FOLDER", folder) for word in argv]
        server = trial.start([tool(name), *words], core=core, serves=True)
        return server, server.port_listening(port)
    return start


def framecat(tools):
    def start(trial, folder, _place, core):
        port = processes.free_port()
        argv = [tools.framecat, "serve", folder, "--listen", f"127.0.0.1:{port}", "--max-clients", "12000"]
        server = trial.start(argv, core=core, serves=True)
        return server, server.port_listening(port)
    return start


class Site:
    """The files that are served, and a place for what servers write."""

    def __init__(self, scratch):
        self.scratch = scratch

    def __enter__(self):
        large = self.scratch.file(GIB)
        self.root = tempfile.mkdtemp(prefix="framecat-bench-", dir=os.path.dirname(large))
        self.folder, self.place = os.path.join(self.root, "folder"), os.path.join(self.root, "place")
        os.mkdir(self.folder)
        os.mkdir(self.place)
        os.chmod(self.root, 0o755)
        for name, size in (("small", SMALL), ("middle", MIDDLE)):
            with open(os.path.join(self.folder, name), "wb") as f:
                f.write(os.urandom(size))
        os.link(large, os.path.join(self.folder, "large"))
        os.chmod(large, 0o644)
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.root, ignore_errors=True)


def group(server):
    """The processes that a server is: itself and those it started."""
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/stat") as f:
                session = int(f.read().rpartition(")")[2].split()[3])
        except OSError:
            continue
        if session == server.pid:
            yield pid


def cpu_of(server):
    """Seconds that its threads have run, to the nanosecond (the scheduler's own count)."""
    total = 0
    for pid in group(server):
        for thread in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{thread}/schedstat") as f:
                total += int(f.read().split()[0])
    return total / 1e9


def resident(server):
    """KiB of memory that are its own and in use."""
    total = 0
    for pid in group(server):
        with open(f"/proc/{pid}/smaps_rollup") as f:
            total += sum(int(line.split()[1]) for line in f if line.startswith(("Private_Dirty:", "Swap:")))
    return total


def many_small(start, name):
    """wrk asks for one file over and over."""
    def measure(trial, site, server_core, client_core):
        server, port = start(trial, site.folder, site.place, server_core)
        url = f"http://127.0.0.1:{port}/{name}"
        wrk = ["wrk", "-t1", f"-c{CLIENTS}"]
        trial.start([*wrk, "-d1s", url], core=client_core).succeed()
        before = cpu_of(server)
        asked = trial.start([*wrk, f"-d{SECONDS}s", url], core=client_core).succeed()
        used = cpu_of(server) - before
        asked.output.seek(0)
        told = asked.output.read().decode()
        if "Non-2xx" in told or "Socket errors" in told:
            raise Failed(f"wrk had answers that are none: {told[-200:]!r}")
        requests = int(re.search(r"(\d+) requests in", told)[1])
        rate = float(re.search(r"Requests/sec:\s*([\d.]+)", told)[1])
        server.stop()
        return {CPU: used * 1e6 / requests, RATE: rate}
    return measure


def one_large(start):
    """curl reads a file of 1 GiB."""
    def measure(trial, site, server_core, client_core):
        server, port = start(trial, site.folder, site.place, server_core)
        url = f"http://127.0.0.1:{port}/"
        curl = ["curl", "-sSf", "-o", "/dev/null"]
        trial.start([*curl, url + "small"], core=client_core).succeed()
        before, begun = cpu_of(server), time.monotonic()
        trial.start([*curl, url + "large"], core=client_core).succeed()
        took, used = time.monotonic() - begun, cpu_of(server) - before
        server.stop()
        return {CPU_GB: used / GIB * 1e9, SPEED: GIB / took / 1e9}
    return measure


def many_idle(start):
    """Connections that asked once and are kept open."""
    def measure(trial, site, server_core, _client_core):
        server, port = start(trial, site.folder, site.place, server_core)
        request = b"GET /small HTTP/1.1\r\nHost: localhost\r\n\r\n"

        def ask():
            s = socket.create_connection(("127.0.0.1", port))
            s.sendall(request)
            got = b""
            while b"\r\n\r\n" not in got or len(got) - got.index(b"\r\n\r\n") - 4 < SMALL:
                more = s.recv(4096)
                if not more:
                    raise Failed("a connection ended before its answer did")
                got += more
            return s

        held = [ask() for _ in range(8)]
        before = resident(server)
        try:
            held += [ask() for _ in range(IDLE)]
            grown = resident(server) - before
        finally:
            for s in held:
                s.close()
        server.stop()
        return {MEMORY: grown / IDLE}
    return measure


def row(scratch, name, measure, absent, goals=()):
    def run():
        first, *others = arena.cores()
        with Trial() as trial, Site(scratch) as site:
            figures = measure(trial, site, first, others[0] if others else first)
            trial.finish()
            return figures, trial.watch.foreign
    return Row(name, run, absent, list(goals))


def table(tools, _size, scratch):
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    servers = [
        ("nginx", configured("nginx", NGINX, ["-c"]), tool("nginx")),
        ("lighttpd", configured("lighttpd", LIGHTTPD, ["-D", "-f"]), tool("lighttpd")),
        ("miniserve", plain("miniserve", ["-i", "127.0.0.1", "-p", "PORT", "FOLDER"]), tool("miniserve")),
        ("dufs", plain("dufs", ["-b", "127.0.0.1", "-p", "PORT", "FOLDER"]), tool("dufs")),
        ("framecat serve", framecat(tools), not tools.absent("framecat")),
    ]
    kinds = [
        ("1 KiB", lambda start: many_small(start, "small"), "wrk",
         [Goal(CPU, "≤", 0.85, "nginx, 1 KiB"), Goal(RATE, "≥", 5, "miniserve, 1 KiB")]),
        ("100 KiB", lambda start: many_small(start, "middle"), "wrk", [Goal(CPU, "≤", 1.0, "nginx, 100 KiB")]),
        ("1 GiB", one_large, "curl",
         [Goal(CPU_GB, "≤", 1.1, "nginx, 1 GiB"), Goal(SPEED, "≥", 3, "miniserve, 1 GiB")]),
        (f"{IDLE:,} idle", many_idle, "", [Goal(MEMORY, "≤", 2)]),
    ]
    rows = []
    for kind, measure, client, goals in kinds:
        for name, start, there in servers:
            absent = "" if there and (not client or shutil.which(client)) else "absent"
            own = goals if name.startswith("framecat") else []
            rows.append(row(scratch, f"{name}, {kind}", measure(start), absent, own))
    columns = [(CPU, 2), (RATE, 0), (CPU_GB, 3), (SPEED, 2), (MEMORY, 2)]
    return Table(f"HTTP: one server core, wrk -t1 -c{CLIENTS} or curl on another", columns, rows)
