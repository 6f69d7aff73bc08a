"""What a transfer says, by docs/transfer-wire.md and nothing else."""

import array
import socket
import struct

import cbor2

OFFER, ENTRIES, OFFER_END, DATA, SMALL, FILE_END, CHANGED, PIECES = range(1, 9)
ACCEPT, REFUSE, NEED, HAVE, SKIP, ASK_PIECES, COMMITTED = range(0x20, 0x27)
FAILED, CANCEL, BYE = range(0x40, 0x43)
FILE, FOLDER, LINK, STREAM = range(4)


def meet(place):
    """`HOST:PORT` is dialled; `:0` waits, and tells its port."""
    host, port = place.rsplit(":", 1)
    if host:
        return socket.create_connection((host, int(port)))
    with socket.create_server(("127.0.0.1", int(port))) as listener:
        print("port", listener.getsockname()[1], flush=True)
        return listener.accept()[0]


class Wire:
    """Records, over a plain connection. `role`: b"S" or b"R"."""

    def __init__(self, place, role):
        self.sock = meet(place)
        self.file = self.sock.makefile("rb")
        self.sock.sendall(b"fc\x01" + role + bytes(4))
        other = b"fc\x01" + (b"R" if role == b"S" else b"S") + bytes(4)
        came = self.take(8)
        assert came == other, f"it begins with {came.hex()}"

    def take(self, n):
        try:
            came = self.file.read(n)
        except ConnectionResetError:
            came = b""
        if len(came) < n:
            raise SystemExit("the connection ended")
        return came

    def read(self):
        """The next record: its type, and its body."""
        kind, flags, stream, length = struct.unpack("!BBHI", self.take(8))
        assert stream == 0 and flags in (0, 1), (kind, flags, stream)
        assert length <= {DATA: (1 << 20) + 12, SMALL: 1 << 20}.get(kind, 64 << 10)
        body = self.take(length)
        if kind == DATA:
            return kind, struct.unpack("!IQ", body[:12]) + (body[12:],)
        if kind == SMALL:
            files, at = [], 0
            while at < length:
                number, size, hash = struct.unpack_from("!II32s", body, at)
                files.append((number, hash, body[at + 40:at + 40 + size]))
                at += 40 + size
            assert at == length
            return kind, files
        return kind, cbor2.loads(body)

    def write(self, kind, body):
        if not isinstance(body, bytes):
            body = cbor2.dumps(body)
        try:
            self.sock.sendall(struct.pack("!BBHI", kind, 0, 0, len(body)) + body)
        except (BrokenPipeError, ConnectionResetError):
            raise SystemExit("the connection ended")


def pieces(size, base):
    """Pieces of a file: as a power of two how large each is, and how many."""
    while size > 65_536 << base:
        base += 1
    return base, -(-size >> base)


# BLAKE3 (section 2 of its paper): the library hashes files, and here nodes within one are wanted. Numbers of
# many chunks stand side by side in one large number, 64 bits each, so that all are hashed at once.

IV = [0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A, 0x510E527F, 0x9B05688C, 0x1F83D9AB, 0x5BE0CD19]
PERMUTATION = [2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8]
COLUMNS = [(0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15)]
DIAGONALS = [(0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14)]
CHUNK_START, CHUNK_END, PARENT = 1, 2, 4


def lanes(numbers):
    return int.from_bytes(array.array("Q", numbers).tobytes(), "little")


def compress(lanes_n, value, block, counter, length, flags):
    each = lanes([1] * lanes_n)
    mask = each * 0xFFFFFFFF
    v = value + [word * each for word in IV[:4]] + [counter, 0, length * each, flags * each]

    def turn(a, b, by):
        x = v[a] ^ v[b]
        v[a] = (x >> by | x << 32 - by) & mask

    for _ in range(7):
        for at, (a, b, c, d) in enumerate(COLUMNS + DIAGONALS):
            v[a] = v[a] + v[b] + block[2 * at] & mask
            turn(d, a, 16)
            v[c] = v[c] + v[d] & mask
            turn(b, c, 12)
            v[a] = v[a] + v[b] + block[2 * at + 1] & mask
            turn(d, a, 8)
            v[c] = v[c] + v[d] & mask
            turn(b, c, 7)
        block = [block[at] for at in PERMUTATION]
    return [v[at] ^ v[at + 8] for at in range(8)]


def values(lanes_n, words):
    """The values of the lanes, one after the other."""
    columns = [array.array("Q", word.to_bytes(8 * lanes_n, "little")) for word in words]
    return list(zip(*columns))


def chunks(data, first):
    """The values of the chunks of `data`, all whole, or one that is not."""
    n = max(1, len(data) // 1024)
    size = len(data) // n
    blocks = max(1, -(-size // 64))
    words = memoryview(data.ljust(64 * blocks, b"\0") if n == 1 else data).cast("I")
    each = lanes([1] * n)
    value, counter = [word * each for word in IV], lanes(range(first, first + n))
    for at in range(blocks):
        block = [lanes(words[16 * at + word::16 * blocks]) for word in range(16)]
        flags = (CHUNK_START if at == 0 else 0) | (CHUNK_END if at == blocks - 1 else 0)
        value = compress(n, value, block, counter, min(64, size - 64 * at), flags)
    return values(n, value)


def node(data, offset):
    """The node above bytes of a larger file that begin at `offset`."""
    whole = len(data) // 1024 * 1024
    level = chunks(data[:whole], offset // 1024) if whole else []
    if whole < len(data):
        level += chunks(data[whole:], (offset + whole) // 1024)
    while len(level) > 1:
        pairs, left = len(level) // 2, level[len(level) & ~1:]
        sides = [list(zip(*level[side:2 * pairs:2])) for side in (0, 1)]
        block = [lanes(word) for word in sides[0] + sides[1]]
        start = [word * lanes([1] * pairs) for word in IV]
        level = values(pairs, compress(pairs, start, block, 0, 64, PARENT)) + left
    return struct.pack("<8I", *level[0])
