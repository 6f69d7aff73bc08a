"""The handshake of a transfer in Python, from docs/security.md: OpenSSL's TLS and Brian Warner's SPAKE2.

    peer.py send|receive dial|listen ADDRESS:PORT CODE

Prints where it listens, then `met` and what the other side says to it after that; or why it did not meet.
"""

import datetime
import hashlib
import hmac
import socket
import sys

import spake2
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from OpenSSL import SSL

LABEL = b"framecat-transfer/1"
SENDER = b"framecat-transfer/1 sender"
RECEIVER = b"framecat-transfer/1 receiver"


def mac(key, text):
    return hmac.new(key, text, hashlib.sha256).digest()


def exactly(read, count):
    got = b""
    while len(got) < count:
        more = read(count - len(got))
        if not more:
            sys.exit("it hung up")
        got += more
    return got


def context(sends):
    made = SSL.Context(SSL.TLS_METHOD)
    made.set_min_proto_version(SSL.TLS1_3_VERSION)
    if sends:
        made.set_alpn_protos([LABEL])
        made.set_verify(SSL.VERIFY_NONE)
        return made
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.datetime.now(datetime.timezone.utc)
    nobody = x509.Name([])
    cert = (
        x509.CertificateBuilder()
        .subject_name(nobody)
        .issuer_name(nobody)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + datetime.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    made.use_privatekey(key)
    made.use_certificate(cert)
    made.set_alpn_select_callback(lambda _, names: LABEL if LABEL in names else SSL.NO_OVERLAPPING_PROTOCOLS)
    # OpenSSL sends tickets; ours passes over them.
    return made


def shake(tcp, sends, dials, code):
    ours, theirs = (b"s", b"r") if sends else (b"r", b"s")
    hello = b"fc\x01%s\0\0\0\0"
    if dials:
        tcp.sendall(hello % ours)
    if exactly(tcp.recv, 8) != hello % theirs:
        sys.exit("it greets otherwise")
    if not dials:
        tcp.sendall(hello % ours)

    tls = SSL.Connection(context(sends), tcp)
    if sends:
        tls.set_connect_state()
    else:
        tls.set_accept_state()
    tls.do_handshake()
    assert tls.get_protocol_version_name() == "TLSv1.3"
    assert tls.get_alpn_proto_negotiated() == LABEL
    exporter = tls.export_keying_material(b"EXPORTER-Channel-Binding", 32, b"")

    side = spake2.SPAKE2_A if sends else spake2.SPAKE2_B
    state = side(code.encode(), idA=SENDER, idB=RECEIVER)
    share = state.start()
    tls.sendall(share)
    other = exactly(tls.recv, 33)
    shared = state.finish(other)
    shares = (share, other) if sends else (other, share)
    transcript = LABEL + SENDER + shares[0] + RECEIVER + shares[1] + exporter
    key = mac(LABEL, shared)
    proofs = [b"\1" + mac(mac(key, whose + b"\1"), transcript) for whose in (b"sender's proof", b"receiver's proof")]

    if sends:
        if exactly(tls.recv, 33) != proofs[1]:
            tls.sendall(b"\3" + bytes(32))
            sys.exit("the receiver has another code")
        tls.sendall(proofs[0])
        if exactly(tls.recv, 33) != b"\2" + bytes(32):
            sys.exit("the receiver does not take us")
    else:
        tls.sendall(proofs[1])
        if exactly(tls.recv, 33) != proofs[0]:
            tls.sendall(b"\3" + bytes(32))
            sys.exit("the sender has another code")
        tls.sendall(b"\2" + bytes(32))
    return tls


def main():
    role, way, at, code = sys.argv[1:]
    host, port = at.rsplit(":", 1)
    if way == "dial":
        tcp = socket.create_connection((host, int(port)))
    else:
        listener = socket.create_server((host, int(port)))
        print("%s:%d" % listener.getsockname(), flush=True)
        tcp, _ = listener.accept()
    tls = shake(tcp, role == "send", way == "dial", code)
    tls.sendall(b"in private")
    print("met", exactly(tls.recv, 10).decode(), flush=True)


main()
