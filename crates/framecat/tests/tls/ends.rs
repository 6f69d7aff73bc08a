//! Both directions end by themselves, as over tcp; a stream that ends without TLS's own end may be cut,
//! and is told as cut where nothing else would tell it.

use std::net::TcpStream;

use crate::certs::Certs;
use crate::run::{Finished, Run, Running, have};
use crate::{listen, python_server};

/// A server that sends what it is told in hex, and ends as it is told: `cut` closes the socket, `end`
/// ends TLS first, `reset` resets.
const ENDS: &str = r#"
import os, socket, ssl, struct, sys
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[1], sys.argv[2])
if sys.argv[5] == "1.2":
    context.maximum_version = ssl.TLSVersion.TLSv1_2
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1])
conn = context.wrap_socket(listener.accept()[0], server_side=True)
conn.sendall(bytes.fromhex(sys.argv[3]))
if sys.argv[4] == "end":
    conn.unwrap()
if sys.argv[4] == "reset":
    conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    os.close(conn.detach())
else:
    # What the other side says is read, so that the end is no reset.
    try:
        socket.socket(fileno=conn.detach()).shutdown(socket.SHUT_WR)
    except OSError:
        pass
input()
"#;

fn ends(certs: &Certs, bytes: &[u8], how: &str, version: &str) -> (Running, u16) {
    let good = certs.good();
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    python_server(ENDS, &[&good.cert, &good.key, &hex, how, version])
}

fn heard(certs: &Certs, bytes: &[u8], how: &str, version: &str, args: &[&str]) -> Finished {
    let (server, port) = ends(certs, bytes, how, version);
    let endpoint = format!("tls://127.0.0.1:{port},ca={}", certs.ca);
    let mut all = vec!["connect", &endpoint];
    all.extend(args);
    let finished = Run::new(&all).stdin_null().run("");
    drop(server);
    finished
}

/// What is sent, the framing, what comes out, the exit code of a cut and of an end.
type Case = (&'static [u8], &'static [&'static str], &'static str, i32, i32);

#[test]
fn a_stream_without_its_end_is_cut_where_nothing_else_tells() {
    if !have("python3") {
        return;
    }
    let certs = Certs::new();
    let cases: &[Case] = &[
        (b"hello", &[], "hello", 7, 0),
        (b"", &[], "", 7, 0),
        (b"hello", &["--tail", "keep"], "hello", 0, 0),
        (b"hello", &["-f", "eof", "--out", "line"], "hello\n", 7, 0),
        (b"one\ntwo\n", &["-f", "line"], "one\ntwo\n", 0, 0),
        (b"", &["-f", "line"], "", 0, 0),
        (b"one\ntw", &["-f", "line"], "one\ntw", 7, 0),
        (b"one\ntw", &["-f", "line", "--tail", "keep"], "one\ntw", 0, 0),
        (b"one\ntw", &["-f", "line", "--tail", "error"], "one\n", 7, 7),
        (b"\0\x03one", &["-f", "len:u16be", "--out", "line"], "one\n", 0, 0),
        (b"\0\x03one\0\x03tw", &["-f", "len:u16be", "--out", "line"], "one\n", 7, 7),
        (b"onetwo", &["-f", "fixed:3", "--out", "line"], "one\ntwo\n", 0, 0),
    ];
    for version in ["1.3", "1.2"] {
        for (bytes, args, out, cut, end) in cases {
            let finished = heard(&certs, bytes, "cut", version, args);
            let text = finished.text();
            // A cut line is printed with or without its ending: what counts is that it is told.
            assert_eq!(text.trim_end(), out.trim_end(), "{args:?} cut {finished}");
            assert_eq!(finished.code, *cut, "{args:?} cut {finished}");
            let finished = heard(&certs, bytes, "end", version, args);
            assert_eq!(finished.text().trim_end(), out.trim_end(), "{args:?} end {finished}");
            assert_eq!(finished.code, *end, "{args:?} end {finished}");
        }
    }
    let finished = heard(&certs, b"hello", "cut", "1.3", &[]);
    let peer = finished.stderr.split("127.0.0.1:").nth(1).and_then(|rest| rest.split(':').next());
    let peer = peer.unwrap_or_default().to_string();
    let (_, told) = finished.stderr.split_once("framecat: ").unwrap();
    insta::assert_snapshot!(told.replace(&peer, "PORT"));
    let finished = heard(&certs, b"one\ntw", "reset", "1.3", &["-f", "line"]);
    assert_ne!(finished.code, 0, "{finished}");
}

#[test]
fn a_relay_makes_no_clean_end_of_a_cut_stream() {
    if !have("python3") {
        return;
    }
    let certs = Certs::new();
    for (how, framing) in [("cut", "raw"), ("end", "raw"), ("cut", "line"), ("end", "line")] {
        let (_server, port) = ends(&certs, b"hello", how, "1.3");
        let right = format!("tls://127.0.0.1:{port},ca={}", certs.ca);
        let relay = Run::new(&["relay", ":0", &right, "-f", framing, "--once"]).start();
        let mut stream = TcpStream::connect(("127.0.0.1", relay.port())).unwrap();
        stream.set_read_timeout(Some(crate::run::PATIENCE)).unwrap();
        let mut bytes = Vec::new();
        let read = std::io::Read::read_to_end(&mut stream, &mut bytes);
        assert_eq!(read.is_ok(), how == "end", "{how} {framing}: {read:?}");
        assert_eq!(bytes, b"hello", "{how} {framing}");
        drop(stream);
        let finished = relay.finish();
        assert_eq!(finished.code, if how == "end" { 0 } else { 9 }, "{finished}");
    }
}

/// Sends a line, ends its direction, and then reads to the end.
const HALF: &str = r#"
import socket, ssl, sys
context = ssl.create_default_context(cafile=sys.argv[2])
if sys.argv[3] == "1.2":
    context.maximum_version = ssl.TLSVersion.TLSv1_2
incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
tls = context.wrap_bio(incoming, outgoing, server_hostname="localhost")
conn = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
def step(call):
    while True:
        try:
            done = call()
            conn.sendall(outgoing.read())
            return done
        except ssl.SSLWantReadError:
            conn.sendall(outgoing.read())
            came = conn.recv(1 << 16)
            if not came:
                incoming.write_eof()
            incoming.write(came)
step(tls.do_handshake)
step(lambda: tls.write(b"question\n"))
# close_notify goes out; the other side's is not waited for.
try:
    tls.unwrap()
except ssl.SSLWantReadError:
    pass
conn.sendall(outgoing.read())
came = b""
while True:
    try:
        part = step(lambda: tls.read(1 << 16))
    except ssl.SSLZeroReturnError:
        break
    if not part:
        break
    came += part
print(came.decode(), end="")
"#;

#[test]
fn a_peer_that_ends_its_direction_still_gets_its_answer() {
    if !have("python3") {
        return;
    }
    let certs = Certs::new();
    // In TLS 1.2 the other side's end is both ends by the RFC, but nothing is lost by answering.
    for version in ["1.3", "1.2"] {
        let mut listener = listen(&certs, "", &["-f", "line", "--once"]);
        let port = listener.port().to_string();
        let client = Run::program("python3", &["-c", HALF, &port, &certs.ca, version]).start();
        assert_eq!(listener.read_line(), "question");
        listener.stdin_write("answer\n");
        let finished = listener.finish();
        assert_eq!(finished.code, 0, "{version} {finished}");
        client.finish().expect(0, "answer\n");
    }
}

/// Reads to the end of the client's direction, then answers.
const AFTER: &str = r#"
import socket, ssl, sys
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[1], sys.argv[2])
if sys.argv[3] == "1.2":
    context.maximum_version = ssl.TLSVersion.TLSv1_2
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1])
conn = context.wrap_socket(listener.accept()[0], server_side=True, suppress_ragged_eofs=False)
came = b""
while part := conn.recv(1 << 16):
    came += part
conn.sendall(b"got %d bytes" % len(came))
conn.unwrap()
"#;

#[test]
fn our_end_is_ours_only_and_the_answer_comes_behind_it() {
    if !have("python3") {
        return;
    }
    let certs = Certs::new();
    let good = certs.good();
    for version in ["1.3", "1.2"] {
        for size in [0, 1, 16 << 10, 5_000_001] {
            let (server, port) = python_server(AFTER, &[&good.cert, &good.key, version]);
            let endpoint = format!("tls://127.0.0.1:{port},ca={}", certs.ca);
            let finished = Run::new(&["connect", &endpoint]).run(vec![b'x'; size]);
            finished.expect(0, format!("got {size} bytes"));
            assert_eq!(server.finish().code, 0);
        }
    }
}
