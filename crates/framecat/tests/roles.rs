//! Who waits and who calls: `--retry`, `--listen-both`, `--dial-both`.

use std::os::unix::net::UnixListener;

mod run;

use run::peer::{Peer, nobody, tcp};
use run::{Folder, Run};

#[test]
fn a_listener_that_comes_late_is_reached() {
    let folder = Folder::new();
    let path = folder.file("s");
    let at = format!("unix://{path}");
    for args in [&["connect", &at, "--retry", "1m"][..], &["ask", &at, "hello", "--retry", "1m"]] {
        let mut client = Run::new(args).start();
        client.told("no such file or directory; tried again for 60 s");
        let listener = UnixListener::bind(&path).unwrap();
        client.stdin_write("hello\n");
        client.close_stdin();
        let (stream, _) = listener.accept().unwrap();
        let mut lines = std::io::BufReader::new(&stream);
        let mut line = String::new();
        std::io::BufRead::read_line(&mut lines, &mut line).unwrap();
        assert_eq!(line, "hello\n");
        std::io::Write::write_all(&mut &stream, b"there\n").unwrap();
        assert_eq!(client.read_line(), "there");
        drop(stream);
        assert_eq!(client.wait().code, 0);
        std::fs::remove_file(&path).unwrap();
    }
}

#[test]
fn a_port_is_waited_for_and_the_last_refusal_is_the_error() {
    let port = nobody();
    let at = format!(":{port}");
    let tried = Run::new(&["connect", "-z", &at, "--retry", "50ms"]).run("");
    assert_eq!(tried.code, 4, "{tried}");
    assert_eq!(tried.stderr.matches("tried again").count(), 1, "told once: {tried}");
    // What no waiting mends is told at once.
    let wrong = Run::new(&["connect", "unix:///dev/null/s", "--retry", "1m"]).run("");
    assert_ne!(wrong.code, 0, "{wrong}");
    assert!(!wrong.stderr.contains("tried again"), "{wrong}");
    let probe = Run::new(&["connect", "-z", &at, "--retry", "1m"]).start();
    probe.told("tried again");
    let _listener = std::net::TcpListener::bind(("127.0.0.1", port)).unwrap();
    assert_eq!(probe.wait().code, 0);
}

#[test]
fn a_relay_keeps_its_client_while_nobody_is_there_yet() {
    let port = nobody();
    let args = ["relay", ":0", &format!(":{port}"), "-f", "line", "--once", "--retry", "1m"];
    let relay = Run::new(&args).start();
    let mut client = Peer::dial(relay.port());
    client.send("early\n");
    relay.told("tried again");
    let listener = std::net::TcpListener::bind(("127.0.0.1", port)).unwrap();
    let mut server = Peer::accept(&listener);
    assert_eq!(server.line(), "early\n");
    server.send("late\n");
    assert_eq!(client.line(), "late\n");
    drop((client, server));
    assert_eq!(relay.wait().code, 0);
}

#[test]
fn a_signal_ends_the_waiting() {
    let client = Run::new(&["connect", &format!(":{}", nobody()), "--retry", "1h"]).start();
    client.told("tried again");
    client.signal(run::Signal::TERM);
    assert_eq!(client.wait().code, 143);
}

/// The port of the second listener of a relay.
fn second_port(relay: &run::Running) -> u16 {
    let told = relay.told_when(|heard| heard.matches("listening on ").count() == 2);
    let line = told.lines().rfind(|line| line.contains("listening on ")).expect("it was told");
    line.rsplit(':').next().and_then(|port| port.parse().ok()).expect("a port")
}

#[test]
fn two_that_call_are_joined_with_each_other() {
    let relay = Run::new(&["relay", ":0", ":0", "--listen-both"]).start();
    let (left, right) = (relay.port(), second_port(&relay));
    // In the order in which they come, whichever end comes first.
    let mut a = Peer::dial(left);
    a.send("from a\n");
    let mut one = Peer::dial(right);
    assert_eq!(one.line(), "from a\n");
    let mut two = Peer::dial(right);
    two.send("from two\n");
    let mut b = Peer::dial(left);
    assert_eq!(b.line(), "from two\n");
    one.send("to a\n");
    assert_eq!(a.line(), "to a\n");
    // Each direction ends by itself, and the end of one pair is not the other's.
    a.end();
    assert_eq!(one.rest(), b"");
    one.send("last words\n");
    assert_eq!(a.line(), "last words\n");
    drop((a, one));
    b.send("still here\n");
    assert_eq!(two.line(), "still here\n");
    // Foreign programs, of which neither listens.
    if run::have("nc") {
        let say = Run::shell(&format!("echo hi | nc -N 127.0.0.1 {left}")).start();
        let hear = Run::shell(&format!("nc -N 127.0.0.1 {right} < /dev/null")).run("");
        hear.expect(0, "hi\n");
        assert_eq!(say.wait().code, 0);
    }
    drop((b, two));
    relay.signal(run::Signal::TERM);
    assert_eq!(relay.wait().code, 0);
}

#[test]
fn a_pair_is_reframed_and_once_is_one_pair() {
    let args = ["relay", ":0,frame=line", ":0,frame=len:u8", "--listen-both", "--once", "--show"];
    let relay = Run::new(&args).start();
    let (left, right) = (relay.port(), second_port(&relay));
    let (mut a, mut b) = (Peer::dial(left), Peer::dial(right));
    a.send("one\ntwo\n");
    assert_eq!(b.take(8), b"\x03one\x03two");
    b.send(b"\x05three");
    assert_eq!(a.line(), "three\n");
    drop((a, b));
    let finished = relay.wait();
    assert_eq!(finished.code, 0, "{finished}");
    assert_eq!(finished.stderr.matches(" n=").count(), 3, "{finished}");
}

#[test]
fn two_that_wait_are_joined_by_dialling_both() {
    let ((one, first), (two, second)) = (tcp(), tcp());
    let ends = [format!(":{first},frame=line"), format!(":{second},frame=netstring")];
    let relay = Run::new(&["relay", &ends[0], &ends[1], "--dial-both"]).start();
    let (mut a, mut b) = (Peer::accept(&one), Peer::accept(&two));
    a.send("hello\n");
    assert_eq!(b.take(8), b"5:hello,");
    b.send("3:bye,");
    assert_eq!(a.line(), "bye\n");
    drop((a, b));
    assert_eq!(relay.wait().code, 0);
    let refused =
        Run::new(&["relay", &ends[0], &format!(":{},frame=crlf", nobody()), "--dial-both"]).run("");
    assert_eq!(refused.code, 4, "{refused}");
}

#[test]
fn what_makes_no_sense_is_a_usage_error_with_what_to_type() {
    for (args, remedy) in [
        (&["relay", ":0", "udp://:1", "--listen-both"][..], "relay EP EP dials for each peer"),
        (&["relay", ":0", "exec:cat", "--listen-both"], "dials the second end"),
        (&["relay", "-", ":1", "--listen-both"], "dials the second end"),
        (&["relay", ":0", ":1", "--listen-both", "--dial-both"], "framecat relay"),
        (&["relay", ":0", ":1", "--listen-both", "--retry", "1s"], "framecat relay"),
        (&["relay", ":0", ":1", "--dial-both"], "the listener's first line"),
        (&["connect", "exec:cat", "--retry", "1s"], "--wait is for an answer"),
        (&["ask", "udp://:1", "x", "--retry", "1s"], "--wait is for an answer"),
        (&["listen", ":0", "--retry", "1s"], "a similar argument"),
        (&["connect", ":1", "--retry", "soon"], "30s"),
    ] {
        let finished = Run::new(args).run("");
        assert_eq!(finished.code, 2, "{finished}");
        assert!(finished.stderr.contains(remedy), "{finished}");
    }
}
