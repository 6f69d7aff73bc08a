//! The two directions of an end, framed by two rules: `--send-frame`, and `,send=` on an endpoint.

mod run;

use run::peer::{Peer, tcp};
use run::{Run, have};

#[test]
fn what_is_heard_and_what_is_said_end_by_two_rules() {
    for args in [
        &[":0", "-f", "line", "--send-frame", "len:u16be"][..],
        &[":0,send=len:u16be", "-f", "line"],
        &[":0,send=len:u16be,frame=line", "-f", "nul", "--send-frame", "crlf"],
        &[":0,frame=line", "-f", "nul", "--send-frame", "len:u16be"],
    ] {
        let args = [&["listen"], args, &["--reply", "got {payload}", "--once"]].concat();
        let listener = Run::new(&args).stdin_null().start();
        let mut peer = Peer::dial(listener.port());
        peer.send("one\ntwo\n");
        peer.end();
        assert_eq!(peer.rest(), b"\0\x07got one\0\x07got two", "{args:?}");
        drop(peer);
        listener.wait().expect(0, "one\ntwo\n");
    }
}

#[test]
fn stdin_is_read_for_the_rule_of_what_is_sent() {
    let (listener, port) = tcp();
    let args = ["connect", &format!(":{port}"), "-f", "cobs", "--send-frame", "line"];
    let client = Run::new(&args).start();
    let talking = std::thread::spawn(move || {
        let mut peer = Peer::accept(&listener);
        let heard = peer.rest();
        peer.send(b"\x02a\x01\x01\0");
        heard
    });
    let mut client = client;
    client.stdin_write(b"a\\b\n");
    // A line is sent as it stands, and what comes back may hold anything, so it is quoted.
    client.finish().expect(0, "a\\0\\0\n");
    assert_eq!(talking.join().unwrap(), b"a\\b\n");
}

#[test]
fn each_end_of_a_relay_has_two_rules() {
    for (ends, flags) in [
        ([",frame=line,send=crlf", ",frame=len:u8,send=nul"], &[][..]),
        (["", ""], &["-f", "line", "-f", "len:u8", "--send-frame", "crlf", "--send-frame", "nul"]),
    ] {
        let (server, port) = tcp();
        let [left, right] = [format!(":0{}", ends[0]), format!(":{port}{}", ends[1])];
        let args = [&["relay", &left, &right, "--once"], flags].concat();
        let relay = Run::new(&args).stdin_null().start();
        let mut client = Peer::dial(relay.port());
        let mut server = Peer::accept(&server);
        client.send("one\ntwo\n");
        assert_eq!(server.take(8), b"one\0two\0", "{args:?}");
        server.send(b"\x05three\x00");
        assert_eq!(client.take(9), b"three\r\n\r\n", "{args:?}");
        client.end();
        server.end();
        assert_eq!((client.rest(), server.rest()), (vec![], vec![]), "{args:?}");
        drop((client, server));
        relay.wait().expect(0, "");
    }
}

/// A relay of bytes one way and of messages the other.
#[test]
fn one_direction_may_be_raw_and_the_other_not() {
    let (server, port) = tcp();
    let right = format!(":{port},frame=len:u8,send=raw");
    let relay = Run::new(&["relay", ":0,frame=raw,send=line", &right, "--once", "-v"]);
    let relay = relay.stdin_null().start();
    let mut client = Peer::dial(relay.port());
    let mut server = Peer::accept(&server);
    client.send("no line\0");
    assert_eq!(server.take(8), b"no line\0");
    server.send(b"\x01a\x01b");
    assert_eq!(client.take(4), b"a\nb\n");
    client.end();
    server.end();
    assert_eq!(client.rest(), b"");
    drop((client, server));
    let finished = relay.wait();
    assert_eq!(finished.code, 0, "{finished}");
}

#[test]
fn explain_says_both_rules() {
    let explained = |args: &[&str]| {
        let finished = Run::new(&[args, &["--explain"]].concat()).run("");
        assert_eq!(finished.code, 0, "{finished}");
        finished.text()
    };
    let told = explained(&["connect", ":9,send=crlf", "-f", "stx,keep"]);
    assert!(told.contains("connect to     tcp://:9,send=crlf\n"), "{told}");
    assert!(told.contains("from the wire  stx,keep, longest 16MiB\n"), "{told}");
    assert!(told.contains("to the wire    crlf\nstdin          --in line\n"), "{told}");
    assert!(told.contains("stdout         --out quoted"), "{told}");
    let told = explained(&["relay", ":1", ":2", "-f", "line", "--send-frame", "nul"]);
    assert!(told.contains("tcp://:1, messages: line from it, nul to it\n"), "{told}");
    assert!(told.contains("tcp://:2, messages: line from it, nul to it\n"), "{told}");
    // With a datagram end, one rule is for the other.
    let told = explained(&["relay", "udp://:1", ":2", "-f", "line", "--send-frame", "nul"]);
    assert!(told.contains("udp://:1, messages: native\n"), "{told}");
    assert!(told.contains("tcp://:2, messages: line from it, nul to it\n"), "{told}");
}

#[test]
fn rules_that_make_no_sense_are_refused() {
    for (args, told) in [
        (
            &["connect", "udp://:9", "--send-frame", "line"][..],
            "udp keeps messages itself, --send-frame line is for streams",
        ),
        (&["connect", ":9", "--send-frame", "native"], "tcp is a stream"),
        (
            &["listen", ":0", "--send-frame", "line", "--send-frame", "nul"],
            "--send-frame was given twice, and there is one connection",
        ),
        (
            &["relay", ":0", ":9", "--send-frame", "line"],
            "tcp://:9 carries messages, and nothing says where they end on tcp://:0",
        ),
        (
            &["relay", ":0,frame=line", ":9,frame=line,send=raw"],
            "tcp://:0,frame=line carries messages, and nothing says where they end on tcp://:9",
        ),
        (
            &["relay", "udp://:0", ":9,frame=line", "--send-frame", "raw"],
            "udp://:0 carries messages, and nothing says where they end on tcp://:9,frame=line",
        ),
        (&["listen", "udp://:0,send=line"], "so `send=line` has no place there"),
    ] {
        let finished = Run::new(args).run("");
        assert_eq!(finished.code, 2, "{finished}");
        assert!(finished.stderr.contains(told), "{told}\n{finished}");
    }
}

/// A device that hears lines and says structures, in Python.
#[test]
fn a_peer_in_python_hears_lines_and_says_structures() {
    if !have("python3") {
        return;
    }
    let program = "
import socket, struct
listener = socket.create_server(('127.0.0.1', 0))
print(listener.getsockname()[1], flush=True)
sock = listener.accept()[0]
for line in sock.makefile():
    line = line.rstrip('\\n').encode()
    sock.sendall(struct.pack('!QI', 1, len(line)) + line)
";
    let mut server = Run::program("python3", &["-c", program]).start();
    let at = format!(":{},frame=struct,send=line", server.read_line());
    Run::new(&["ask", &at, "one", "two"]).run("").expect(0, "one\ntwo\n");
    let finished = server.finish();
    assert_eq!(finished.code, 0, "{finished}");
}
