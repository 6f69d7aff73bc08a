"""Files that are brought over HTTP: what they cost the server, one core for it and one for who brings them."""

import os
import shutil

import arena
import processes
from figures import Goal, Row, Table
from processes import Failed, Trial
from serving import GIB, KIB, cpu_of, tool

MANY, SMALL, CONNECTIONS = 3_000, 100 * KIB, 8
CPU, RATE, CPU_GB, SPEED = "CPU µs/file", "files/s", "CPU s/GB", "GB/s"

NGINX = """
worker_processes 1; daemon off; pid {place}/nginx.pid; error_log /dev/null; user root;
events {{ worker_connections 512; }}
http {{
    access_log off; keepalive_requests 1000000000; client_max_body_size 0;
    client_body_temp_path {place}/a; proxy_temp_path {place}/b; fastcgi_temp_path {place}/c;
    uwsgi_temp_path {place}/d; scgi_temp_path {place}/e;
    server {{ listen 127.0.0.1:{port}; root {folder}; dav_methods PUT; }}
}}
"""


def nginx(trial, folder, place, core):
    """Its temporary files lie on the same file system, so that it renames them and copies nothing."""
    port = processes.free_port()
    path = os.path.join(place, "nginx.conf")
    with open(path, "w") as f:
        f.write(NGINX.format(folder=folder, place=place, port=port))
    return trial.start([tool("nginx"), "-c", path], core=core, serves=True), port


def plain(argv):
    def start(trial, folder, _place, core):
        port = processes.free_port()
        words = [word.replace("PORT", str(port)).replace("FOLDER", folder) for word in argv]
        return trial.start(words, core=core, serves=True), port
    return start


class Inbox:
    """An empty folder in memory, a place for what servers write, and what is brought."""

    def __init__(self, scratch, size):
        self.content = scratch.file(GIB)
        self.size = size

    def __enter__(self):
        self.root = self.content + ".inbox"
        self.folder, self.place = os.path.join(self.root, "folder"), os.path.join(self.root, "place")
        os.makedirs(self.folder)
        os.mkdir(self.place)
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.root, ignore_errors=True)

    def check(self, count):
        """All of it came, whatever the names; of the last file every byte."""
        names = os.listdir(self.folder)
        sizes = {os.path.getsize(os.path.join(self.folder, name)) for name in names}
        if len(names) != count or sizes != {self.size}:
            raise Failed(f"{len(names)} files of {sizes} bytes arrived, and not {count} of {self.size}")
        with open(os.path.join(self.folder, names[-1]), "rb") as got, open(self.content, "rb") as want:
            left = self.size
            while left:
                block = min(left, 16 * 2**20)
                if got.read(block) != want.read(block):
                    raise Failed("a file arrived that is not what was sent")
                left -= block


def brought(start, form, size, count, connections):
    """Our own client: it does nothing but system calls."""
    def measure(trial, inbox, server_core, client_core):
        server, port = start(trial, inbox.folder, inbox.place, server_core)
        server.port_listening(port)
        kind, place = ("form", "/upload?path=/") if form else ("put", "/")
        argv = [os.path.join(os.path.dirname(os.path.abspath(__file__)), "target", "put"),
                str(port), kind, place, str(size), str(count), str(connections)]
        before = cpu_of(server)
        with open(inbox.content, "rb") as content:
            client = trial.start(argv, stdin=content, core=client_core).succeed()
        used, took = cpu_of(server) - before, client.figures()["seconds"]
        server.stop()
        inbox.check(count)
        if count == 1:
            return {CPU_GB: used / size * 1e9, SPEED: size / took / 1e9}
        return {CPU: used / count * 1e6, RATE: count / took}
    return measure


def by_curl(start, form):
    """What people type."""
    def measure(trial, inbox, server_core, client_core):
        server, port = start(trial, inbox.folder, inbox.place, server_core)
        server.port_listening(port)
        url = f"http://127.0.0.1:{port}/"
        what = ["-F", f"path=@{inbox.content};filename=f0", url + "upload?path=/"] if form else \
            ["-T", inbox.content, url + "f0"]
        before = cpu_of(server)
        client = trial.start(["curl", "-sSf", "-o", "/dev/null", "-w", "%{time_total}", *what], core=client_core)
        client.succeed()
        used = cpu_of(server) - before
        client.output.seek(0)
        took = float(client.output.read())
        server.stop()
        inbox.check(1)
        return {CPU_GB: used / GIB * 1e9, SPEED: GIB / took / 1e9}
    return measure


def row(scratch, name, size, measure, absent, goals=()):
    def run():
        first, *others = arena.cores()
        with Trial() as trial, Inbox(scratch, size) as inbox:
            figures = measure(trial, inbox, first, others[0] if others else first)
            trial.finish()
            return figures, trial.watch.foreign
    return Row(name, run, absent, list(goals))


def table(tools, _size, scratch):
    serve = [tools.framecat, "serve", "FOLDER", "--listen", "127.0.0.1:PORT", "--upload"]
    servers = [
        ("nginx dav", nginx, False, tool("nginx")),
        ("miniserve", plain([tool("miniserve") or "", "-i", "127.0.0.1", "-p", "PORT", "-u", "--", "FOLDER"]), True,
         tool("miniserve")),
        ("dufs", plain([tool("dufs") or "", "-b", "127.0.0.1", "-p", "PORT", "-A", "FOLDER"]), False, tool("dufs")),
        ("framecat serve", plain(serve), False, not tools.absent("framecat")),
    ]
    kinds = [
        ("100 KiB", SMALL, lambda start, form: brought(start, form, SMALL, MANY, CONNECTIONS),
         [Goal(CPU, "≤", 1.0, "nginx dav, 100 KiB"), Goal(RATE, "≥", 1.0, "nginx dav, 100 KiB")]),
        ("1 GiB", GIB, lambda start, form: brought(start, form, GIB, 1, 1),
         [Goal(CPU_GB, "≤", 1.0, "nginx dav, 1 GiB"), Goal(SPEED, "≥", 1.0, "nginx dav, 1 GiB")]),
        ("1 GiB by curl", GIB, by_curl,
         [Goal(CPU_GB, "≤", 1.0, "nginx dav, 1 GiB by curl"), Goal(SPEED, "≥", 1.0, "nginx dav, 1 GiB by curl")]),
    ]
    rows = []
    for kind, size, measure, goals in kinds:
        for name, start, form, there in servers:
            absent = "" if there and ("curl" not in kind or shutil.which("curl")) else "absent"
            own = goals if name.startswith("framecat") else []
            rows.append(row(scratch, f"{name}, {kind}", size, measure(start, form), absent, own))
    columns = [(CPU, 1), (RATE, 0), (CPU_GB, 3), (SPEED, 2)]
    return Table(f"HTTP: files brought, one server core, {CONNECTIONS} connections or one", columns, rows)
