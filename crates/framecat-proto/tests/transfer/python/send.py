"""A sender of files by docs/transfer-wire.md: `send.py PLACE PATH… [--flip | --lie | --stop]`.

--flip: once a byte goes over wrong. --lie: hashes of larger files are not theirs. --stop: ends in the middle,
behind 2 MiB of content."""

import os
import socket
import struct
import sys

from blake3 import blake3
from wire import *

PIECE, SMALL_BYTES = (int(os.environ.get(name, of)) for name, of in [("PIECE", 20), ("SMALL", 65_536)])


def walk(paths):
    """Folder by folder: what each path is called there, and where it is."""
    folders = [[((os.path.basename(os.path.normpath(path)),), path) for path in paths]]
    while folders:
        for name, path in folders.pop(0):
            yield name, path
            if os.path.isdir(path) and not os.path.islink(path):
                inside = sorted(os.listdir(path))
                folders.append([(name + (part,), os.path.join(path, part)) for part in inside])


def entry(name, path):
    about = os.lstat(path)
    fields = {0: [part.encode() for part in name], 1: FILE, 3: about.st_mtime_ns, 4: about.st_mode & 0o777}
    if os.path.islink(path):
        return fields | {1: LINK, 5: os.readlink(path).encode()}
    if os.path.isdir(path):
        return fields | {1: FOLDER}
    return fields | {2: about.st_size}


class Sender:
    def __init__(self, wire, paths, flip, lie, stop):
        self.wire, self.flip, self.lie, self.stop, self.sent = wire, flip, lie, stop, 0
        self.files = [path for _, path in walk(paths)]
        self.open = set(range(len(self.files)))
        entries = [entry(name, path) for name, path in walk(paths)]
        wire.write(OFFER, {0: 1, 1: 0, 2: PIECE, 3: SMALL_BYTES})
        for at in range(0, len(entries), 100):
            wire.write(ENTRIES, entries[at:at + 100])
        size = sum(one.get(2, 0) for one in entries)
        wire.write(OFFER_END, {0: len(entries), 1: size})

    def content(self, number):
        with open(self.files[number], "rb") as file:
            return file.read()

    def hash(self, content):
        return bytes(32) if self.lie else blake3(content).digest()

    def data(self, number, offset, content):
        self.sent += len(content)
        if self.flip:
            content, self.flip = bytes([content[0] ^ 1]) + content[1:], False
        self.wire.write(DATA, struct.pack("!IQ", number, offset) + content)
        if self.stop and self.sent > 2 << 20:
            # All of it arrives, and nothing behind it.
            self.wire.sock.shutdown(socket.SHUT_WR)
            while self.wire.file.read(1 << 16):
                pass
            raise SystemExit(3)

    def need(self, needs):
        small = []
        for need in needs:
            number, content = need[0], self.content(need[0])
            if len(content) <= SMALL_BYTES:
                self.sent += len(content)
                small.append(struct.pack("!II", number, len(content)) + blake3(content).digest() + content)
                continue
            base, count = pieces(len(content), PIECE)
            wanted = need.get(1, [0, count])
            for start, end in zip(wanted[::2], wanted[1::2]):
                last = min(end << base, len(content))
                for at in range(start << base, last, 1 << 18):
                    self.data(number, at, content[at:min(at + (1 << 18), last)])
            self.wire.write(FILE_END, {0: number, 1: len(content), 2: self.hash(content)})
        while small:
            # As many as fit a record.
            batch = b""
            while small and len(batch) + len(small[0]) <= 1 << 20:
                batch += small.pop(0)
            self.wire.write(SMALL, batch)

    def pieces(self, number):
        content = self.content(number)
        base, count = pieces(len(content), PIECE)
        starts = [at << base for at in range(count)]
        hashes = [node(content[at:at + (1 << base)], at) for at in starts]
        if count == 1:
            hashes = [self.hash(content)]
        for first in range(0, count, 1_000):
            told = b"".join(hashes[first:first + 1_000])
            self.wire.write(PIECES, {0: number, 1: first, 2: told})

    def resolved(self, what, number, why=""):
        print(what, number, why, flush=True)
        self.open.discard(number)

    def run(self):
        accepted = not self.files
        while self.open or not accepted:
            kind, body = self.wire.read()
            if kind == ACCEPT:
                accepted = True
            elif kind in (REFUSE, CANCEL):
                return print("ended", body[0], body.get(1, ""), flush=True) or 1
            elif kind == NEED:
                self.need(body)
            elif kind == ASK_PIECES:
                print("pieces", body[0], flush=True)
                self.pieces(body[0])
            elif kind in (HAVE, COMMITTED):
                for number in body:
                    self.resolved("had" if kind == HAVE else "committed", number)
            elif kind in (SKIP, FAILED):
                for one in body:
                    self.resolved("skipped" if kind == SKIP else "failed", one[2], one[0])
            else:
                raise ValueError(f"a receiver says no {kind:#x}")
        self.wire.write(BYE, {0: len(self.files), 1: 0, 2: self.sent})
        kind, body = self.wire.read()
        assert kind == BYE, hex(kind)
        print("bye", self.sent, flush=True)
        return 0


if __name__ == "__main__":
    words = [word for word in sys.argv[1:] if not word.startswith("--")]
    wire = Wire(words[0], b"S")
    options = [option in sys.argv for option in ("--flip", "--lie", "--stop")]
    sys.exit(Sender(wire, words[1:], *options).run())
