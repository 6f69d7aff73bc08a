"""A receiver of files by docs/transfer-wire.md: `receive.py PLACE FOLDER [--refuse | --stop]`.

--refuse: says no. --stop: ends in the middle, after the first piece that is whole. The next run goes on there."""

import json
import os
import sys

from blake3 import blake3
from wire import *


class Coming:
    """A file that is not wholly there. Beside it lies which pieces are."""

    def __init__(self, path, about, base):
        self.path, self.part, self.note = path, path + ".part", path + ".pieces"
        self.told, self.tries = {}, 0
        self.file = open(self.part, "r+b" if os.path.exists(self.part) else "w+b")
        self.begin(about.get(2, 0), about[3], base)
        if os.path.exists(self.note):
            with open(self.note) as note:
                self.there = set(json.load(note))

    def begin(self, size, time, base):
        self.size, self.time, self.there, self.run = size, time, set(), (0, 0)
        self.base, self.count = pieces(size, base)

    def missing(self):
        """Ranges of the pieces that are not there, flat."""
        wanted = []
        for piece in range(self.count):
            if piece in self.there:
                continue
            if wanted and wanted[-1] == piece:
                wanted[-1] = piece + 1
            else:
                wanted += [piece, piece + 1]
        return wanted

    def write(self, offset, content):
        self.file.seek(offset)
        self.file.write(content)
        # Content may lie across pieces: those that are whole since the last gap are there.
        start = self.run[0] if offset == self.run[1] else offset
        self.run = start, offset + len(content)
        last = self.count if self.run[1] == self.size else self.run[1] >> self.base
        self.there |= set(range(-(-start >> self.base), last))
        self.file.flush()
        with open(self.note, "w") as note:
            json.dump(sorted(self.there), note)

    def bytes(self):
        self.file.seek(0)
        return self.file.read()

    def finish(self):
        self.file.close()
        if os.path.exists(self.note):
            os.remove(self.note)
        os.utime(self.part, ns=(self.time, self.time))
        os.rename(self.part, self.path)


class Receiver:
    def __init__(self, wire, folder, refuse, stop):
        self.wire, self.folder, self.refuse, self.stop = wire, folder, refuse, stop
        self.offered, self.coming, self.got, self.missed = [], {}, 0, 0
        self.decided = 0

    def decide(self):
        """Says of each entry that was offered by now what becomes of it."""
        while self.decided < len(self.offered):
            number, about = self.decided, self.offered[self.decided]
            self.decided += 1
            names = [name.decode() for name in about[0]]
            assert not any(name in ("", ".", "..") or "/" in name for name in names), names
            path = os.path.join(self.folder, *names)
            if about[1] == FOLDER:
                os.makedirs(path, exist_ok=True)
                self.committed(number, path)
            elif about[1] != FILE:
                self.wire.write(SKIP, [{0: 11, 2: number}])
            elif os.path.exists(path):
                now = os.stat(path)
                same = (now.st_size, now.st_mtime_ns) == (about.get(2, 0), about[3])
                self.wire.write(*((HAVE, [number]) if same else (SKIP, [{0: 4, 2: number}])))
            else:
                coming = self.coming[number] = Coming(path, about, self.piece)
                whole = len(coming.there) == 0
                self.wire.write(NEED, [{0: number} if whole else {0: number, 1: coming.missing()}])

    def committed(self, number, path):
        print("committed", os.path.relpath(path, self.folder), flush=True)
        self.wire.write(COMMITTED, [number])

    def small(self, number, hash, content):
        coming = self.coming.pop(number)
        assert len(content) == coming.size and blake3(content).digest() == hash
        coming.file.write(content)
        coming.finish()
        self.got += len(content)
        self.committed(number, coming.path)

    def file_end(self, number, size, hash):
        coming = self.coming[number]
        assert size == coming.size
        if blake3(coming.bytes()).digest() == hash:
            coming.finish()
            del self.coming[number]
            return self.committed(number, coming.path)
        coming.tries += 1
        if coming.tries == 1:
            return self.wire.write(ASK_PIECES, {0: number})
        self.failed(number)

    def failed(self, number):
        print("differs", number, flush=True)
        self.missed += 1
        self.wire.write(FAILED, [{0: 10, 2: number}])

    def pieces(self, number, first, hashes):
        coming = self.coming[number]
        for at in range(0, len(hashes), 32):
            coming.told[first + at // 32] = hashes[at:at + 32]
        if len(coming.told) < coming.count:
            return
        content = coming.bytes()
        for piece, hash in coming.told.items():
            start = piece << coming.base
            ours = content[start:start + (1 << coming.base)]
            ours = blake3(ours).digest() if coming.count == 1 else node(ours, start)
            if ours != hash:
                coming.there.discard(piece)
        print("pieces", number, coming.missing(), flush=True)
        self.wire.write(NEED, [{0: number, 1: coming.missing()}])

    def run(self):
        while True:
            kind, body = self.wire.read()
            if kind == OFFER:
                assert body[0] == 1 and body[1] == 0, body
                self.piece = body[2]
            elif kind == ENTRIES:
                self.offered += body
            elif kind == OFFER_END and self.refuse:
                self.wire.write(REFUSE, {0: 1})
                return 1
            elif kind == OFFER_END:
                if self.decided == 0:
                    self.wire.write(ACCEPT, {})
                self.decide()
            elif kind == DATA:
                number, offset, content = body
                self.got += len(content)
                self.coming[number].write(offset, content)
                if self.stop and self.coming[number].there:
                    return 3
            elif kind == SMALL:
                for one in body:
                    self.small(*one)
            elif kind == FILE_END:
                self.file_end(body[0], body[1], body[2])
            elif kind == CHANGED:
                # Offered anew: what came of it is nothing any more.
                coming = self.coming[body[0]]
                coming.file.truncate(0)
                coming.begin(body[1], body[2], self.piece)
                self.wire.write(NEED, [{0: body[0]}])
            elif kind == PIECES:
                self.pieces(body[0], body[1], body[2])
            elif kind == FAILED:
                self.missed += len(body)
                for one in body:
                    print("failed", one[2], one[0], flush=True)
            elif kind == CANCEL:
                return print("ended", body[0], flush=True) or 1
            elif kind == BYE:
                self.wire.write(BYE, {0: len(self.offered) - self.missed, 1: self.missed, 2: self.got})
                print("bye", self.got, flush=True)
                return 9 if self.missed else 0
            else:
                raise ValueError(f"a sender says no {kind:#x}")


if __name__ == "__main__":
    words = [word for word in sys.argv[1:] if not word.startswith("--")]
    wire = Wire(words[0], b"R")
    sys.exit(Receiver(wire, words[1], "--refuse" in sys.argv, "--stop" in sys.argv).run())
