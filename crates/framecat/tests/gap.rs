//! Messages that end by silence, seen from outside. Nobody here measures a time from above: a peer says
//! the next thing when the last was heard, and a pause is never shorter than it was asked to be.

mod run;

use std::time::{Duration, Instant};

use run::peer::{Peer, tcp};
use run::{Folder, Run, have};

const CAUTION: &str = "TCP keeps no silence between what is sent";

#[test]
fn a_message_is_there_after_a_silence_and_at_the_end() {
    let mut listener = Run::new(&["listen", ":0", "-f", "gap:20ms", "--once"]).stdin_null().start();
    let mut peer = Peer::dial(listener.port());
    for message in ["one", "two words", r"back\slash"] {
        peer.send(message);
        assert_eq!(listener.read_line(), message.replace('\\', r"\\"));
    }
    peer.send("the last");
    peer.end();
    assert_eq!(listener.read_line(), "the last");
    let finished = listener.wait();
    assert_eq!(finished.code, 0, "{finished}");
    assert_eq!(finished.stderr.matches(CAUTION).count(), 1, "{finished}");
}

#[test]
fn the_end_ends_a_message_whatever_the_silence() {
    let listener = Run::new(&["listen", ":0", "-f", "gap:1h", "--once"]).stdin_null().start();
    let mut peer = Peer::dial(listener.port());
    peer.send("a");
    peer.send("b");
    peer.end();
    listener.wait().expect(0, "ab\n");
}

#[test]
fn what_is_sent_is_kept_apart_by_twice_the_silence() {
    let (listener, port) = tcp();
    let began = Instant::now();
    let sending = std::thread::spawn(move || {
        let client = Run::new(&["connect", &format!(":{port}"), "-f", "gap:100ms"]);
        client.run("one\ntwo\n\nthree\n")
    });
    let mut peer = Peer::accept(&listener);
    assert_eq!(peer.rest(), b"onetwothree");
    assert!(began.elapsed() >= Duration::from_millis(400), "{:?}", began.elapsed());
    drop(peer);
    let sent = sending.join().unwrap();
    // The empty message is none, and is told.
    assert!(sent.stderr.contains("gap:100ms cannot hold it, it is empty"), "{sent}");
    assert_eq!(sent.code, 9, "{sent}");
}

/// Python, which keeps messages apart by waiting for the answer.
#[test]
fn a_peer_in_python_is_answered_at_each_silence() {
    if !have("python3") {
        return;
    }
    let listener = Run::new(&["listen", ":0", "-f", "gap:20ms", "--echo", "--once"]);
    let listener = listener.stdin_null().start();
    let program = "
import socket, sys
sock = socket.create_connection(('127.0.0.1', int(sys.argv[1])))
for message in [b'hello', bytes(range(256)), b'x' * 1000]:
    sock.sendall(message)
    got = b''
    while len(got) < len(message):
        got += sock.recv(65536)
    assert got == message, got
sock.shutdown(socket.SHUT_WR)
assert sock.recv(1) == b''
print('same')
";
    let port = listener.port().to_string();
    Run::program("python3", &["-c", program, &port]).run("").expect(0, "same\n");
    let finished = listener.wait();
    assert_eq!(finished.code, 0, "{finished}");
}

#[test]
fn no_caution_where_no_network_is_between_and_no_stdout_that_forgets_time() {
    let folder = Folder::new();
    let endpoint = format!("unix://{}", folder.path().join("s").display());
    let listener = Run::new(&["listen", &endpoint, "-f", "gap:20ms", "--once"]);
    let listener = listener.stdin_null().start();
    listener.endpoint();
    Run::new(&["connect", &endpoint, "-f", "gap:20ms"]).run("one\n").expect(0, "");
    let finished = listener.wait();
    assert!(!finished.stderr.contains(CAUTION), "{finished}");
    finished.expect(0, "one\n");
    let refused = Run::new(&["listen", ":0", "--out", "gap:1s"]).run("");
    assert_eq!(refused.code, 2, "{refused}");
    assert!(refused.stderr.contains("--out raw writes the same bytes"), "{refused}");
}

#[test]
fn stdin_is_read_by_silence_if_asked() {
    let (listener, port) = tcp();
    let rule = ["-f", "len:u8", "--in", "gap:20ms"];
    let mut client = Run::new(&[&["connect", &format!(":{port}")], &rule[..]].concat()).start();
    let mut peer = Peer::accept(&listener);
    for message in ["one", "two"] {
        client.stdin_write(message);
        assert_eq!(peer.take(4), format!("\x03{message}").into_bytes());
    }
    client.stdin_write("end");
    client.close_stdin();
    assert_eq!(peer.rest(), b"\x03end");
    drop(peer);
    client.finish().expect(0, "");
}
