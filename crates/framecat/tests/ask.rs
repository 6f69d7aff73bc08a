//! `framecat ask`, seen from outside: one reply awaited for each message.

mod run;

use std::thread;

use run::peer::{Peer, nobody, tcp};
use run::{Finished, Folder, Run, Signal};

/// Asks a peer that the test plays on a thread of its own.
fn ask(args: &[&str], stdin: &str, peer: impl FnOnce(Peer) + Send + 'static) -> Finished {
    let (listener, port) = tcp();
    let playing = thread::spawn(move || peer(Peer::accept(&listener)));
    let endpoint = format!(":{port}");
    let finished = Run::new(&[&["ask", &endpoint], args].concat()).run(stdin);
    playing.join().expect("the peer heard what it waited for");
    finished
}

/// Asks framecat itself, listening at `endpoint` with the framing of `args`.
fn ask_echo(endpoint: &str, listener: &[&str], args: &[&str], stdin: &str) -> Finished {
    let listening = Run::new(&[&["listen", endpoint, "--echo"], listener].concat()).start();
    let there = listening.endpoint();
    let finished = Run::new(&[&["ask", &there], args].concat()).run(stdin);
    listening.signal(Signal::TERM);
    listening.wait();
    finished
}

#[test]
fn messages_as_arguments_are_answered_in_order_and_the_round_trips_told() {
    let finished = ask(&["one", "two three"], "", |mut peer| {
        assert_eq!(peer.line(), "one\n");
        peer.send("1\n");
        assert_eq!(peer.line(), "two three\n");
        peer.send("2\n");
        assert_eq!(peer.rest(), b"");
    });
    finished.expect(0, "1\n2\n");
    assert!(finished.stderr.contains("reply to message 1 after "), "{finished}");
    assert!(finished.stderr.contains("reply to message 2 after "), "{finished}");
}

#[test]
fn the_next_message_of_stdin_is_sent_after_the_reply_to_the_last() {
    let finished = ask(&[], "a\nb\nc", |mut peer| {
        for expected in ["a\n", "b\n", "c\n"] {
            assert_eq!(peer.line(), expected);
            // Whatever else was sent would be here already.
            peer.0.set_nonblocking(true).unwrap();
            let early = peer.0.peek(&mut [0]).map_err(|error| error.kind());
            assert_eq!(early, Err(std::io::ErrorKind::WouldBlock));
            peer.0.set_nonblocking(false).unwrap();
            peer.send(expected.to_uppercase());
        }
    });
    finished.expect(0, "A\nB\nC\n");
}

#[test]
fn jsonl_carries_the_round_trip() {
    let finished = ask(&["x", "--out", "jsonl"], "", |mut peer| {
        peer.line();
        peer.send("reply\n");
    });
    assert_eq!(finished.code, 0, "{finished}");
    let object: serde_json::Value = serde_json::from_str(&finished.text()).unwrap();
    assert_eq!(object["text"], "reply");
    assert!(object["rtt_us"].as_u64().is_some(), "{finished}");
}

#[test]
fn no_reply_at_all_ends_with_5() {
    let finished = ask(&["x", "--wait", "100ms"], "", |mut peer| {
        peer.line();
        peer.rest();
    });
    finished.expect(5, "");
    assert!(finished.stderr.contains("no reply within 100 ms"), "{finished}");
}

#[test]
fn fewer_replies_than_messages_end_with_9() {
    let finished = ask(&["one", "two", "--wait", "300ms"], "", |mut peer| {
        peer.line();
        peer.send("1\n");
        peer.line();
        peer.rest();
    });
    finished.expect(9, "1\n");
}

#[test]
fn a_server_that_closes_in_between_leaves_what_it_answered_and_9() {
    let finished = ask(&["one", "two", "three"], "", |mut peer| {
        assert_eq!(peer.line(), "one\n");
        peer.send("1\n");
    });
    finished.expect(9, "1\n");
    let closed = ask(&["one"], "", |mut peer| {
        peer.line();
    });
    closed.expect(5, "");
}

#[test]
fn a_server_that_answers_twice_is_printed_whole() {
    let finished = ask(&["one"], "", |mut peer| {
        peer.line();
        peer.send("1a\n1b\n");
    });
    finished.expect(0, "1a\n1b\n");
}

#[test]
fn a_refusal_ends_with_4_and_says_what_to_try() {
    let port = nobody();
    for scheme in ["tcp", "udp"] {
        let finished = Run::new(&["ask", &format!("{scheme}://:{port}"), "x"]).run("");
        finished.expect(4, "");
        assert!(finished.stderr.contains("connection refused"), "{finished}");
        let remedy = if scheme == "tcp" { "framecat listen" } else { "nobody receives datagrams" };
        assert!(finished.stderr.contains(remedy), "{finished}");
    }
}

#[test]
fn every_framing_of_this_release_asks_and_is_answered() {
    for framing in [
        "line",
        "crlf",
        "nul",
        "delim:;",
        r"delim:\x03\x04",
        "len:u8",
        "len:u16be",
        "len:u32le,counts=total",
        "len:u64be",
        "len:varint",
        "len:qvarint",
        "len:u16be@2,counts=total,magic=03",
        "struct",
        "fixed:5",
        "lsp",
        "syslog",
        "dot",
    ] {
        let finished = ask_echo(
            ":0",
            &["-f", framing],
            &["-f", framing, "hello", "world", "--out", "quoted"],
            "",
        );
        finished.expect(0, "hello\nworld\n");
    }
}

#[test]
fn messages_are_read_by_the_form_of_in() {
    let args = ["-f", "len:u16be", "--in", "hex", "--out", "hex", "00ff", "0A"];
    ask_echo(":0", &["-f", "len:u16be"], &args, "").expect(0, "00ff\n0a\n");
    let args = ["-f", "len:u16be", "--in", "quoted", r"a\nb\xff", ""];
    ask_echo(":0", &["-f", "len:u16be"], &args, "").expect(0, "a\\nb\\xff\n\n");
    let args = ["-f", "len:u16be", "--in", "hex", "--out", "hex"];
    ask_echo(":0", &["-f", "len:u16be"], &args, "00\n01\n").expect(0, "00\n01\n");
    let wrong = Run::new(&["ask", ":1", "--in", "hex", "xyz"]).run("");
    wrong.expect(2, "");
    assert!(wrong.stderr.contains("xyz"), "{wrong}");
}

#[test]
fn datagrams_and_packets_are_asked_as_streams_are() {
    let folder = Folder::new();
    let path = folder.file("s");
    for endpoint in ["udp://:0".into(), format!("unixgram://{path}"), format!("unixseq://{path}")] {
        ask_echo(&endpoint, &[], &["one", "", "three"], "").expect(0, "one\n\nthree\n");
        ask_echo(&endpoint, &[], &[], "one\ntwo\n").expect(0, "one\ntwo\n");
    }
}

#[test]
fn a_payload_that_would_split_is_refused() {
    let finished = ask_echo(":0", &["-f", "line"], &["--in", "quoted", r"a\nb", "c"], "");
    finished.expect(9, "c\n");
    assert!(finished.stderr.contains("message 1 to 127.0.0.1:"), "{finished}");
}

#[test]
fn count_and_until_end_asking() {
    ask_echo(":0", &["-f", "line"], &["--count", "2"], "a\nb\nc\n").expect(0, "a\nb\n");
    ask_echo(":0", &["-f", "line"], &["--until", "b"], "a\nb\nc\n").expect(0, "a\nb\n");
    let short = ask_echo(":0", &["-f", "line"], &["--count", "3"], "a\nb\n");
    short.expect(1, "a\nb\n");
}

#[test]
fn a_broken_framing_ends_with_7() {
    let finished = ask(&["x", "-f", "line", "--max-message", "10"], "", |mut peer| {
        peer.line();
        peer.send("x".repeat(50));
        peer.rest();
    });
    finished.expect(7, "");
}

#[test]
fn a_message_that_the_end_closes_is_followed_by_the_end() {
    let finished = ask(&["-f", "eof", "hello"], "", |mut peer| {
        assert_eq!(peer.rest(), b"hello");
        peer.send("all of it");
        peer.end();
    });
    finished.expect(0, "all of it\n");
}
