//! How a conversation ends, rule by rule as `framecat help eof` has them.

use std::fs::File;

mod run;

use run::sockets::{Peer, Server, udp};
use run::terminal::Terminal;
use run::{Folder, Run, Signal};

/// More than the buffers of a connection hold, so that it is under way when the test goes on.
const MUCH: usize = 12 << 20;

/// Bytes in which a loss or a doubling anywhere shows.
fn numbered(len: usize) -> Vec<u8> {
    static ALL: std::sync::OnceLock<Vec<u8>> = std::sync::OnceLock::new();
    let all = || (0..MUCH / 8).flat_map(|n| format!("{n:07}\n").into_bytes()).collect();
    ALL.get_or_init(all)[..len].to_vec()
}

// Rule 1: stdin ends.

#[test]
fn the_end_of_stdin_reaches_the_peer() {
    for (rule, question, answer, printed) in [
        ("raw", "question", "answer", "answer"),
        ("line", "question\n", "answer\n", "answer\n"),
        ("len:u8", "\x08question", "\x06answer", "answer\n"),
    ] {
        let server = Server::new();
        let mut client = Run::new(&["connect", &server.address(), "-f", rule]).start();
        client.stdin_write("question");
        client.close_stdin();
        let mut peer = server.accept();
        assert_eq!(peer.read_to_end(), question.as_bytes(), "{rule}");
        peer.send(answer);
        drop(peer);
        client.wait().expect(0, printed);
    }
}

#[test]
fn a_listener_ends_its_direction_with_stdin_and_reads_on() {
    let mut listener = Run::new(&["listen", ":0"]).start();
    let mut peer = Peer::connect(listener.port());
    listener.stdin_write("question");
    listener.close_stdin();
    assert_eq!(peer.read_to_end(), b"question");
    peer.send("answer");
    drop(peer);
    listener.wait().expect(0, "answer");
}

#[test]
fn a_late_reply_after_half_close_is_printed() {
    let server = Server::new();
    let mut client = Run::new(&["connect", &server.address()]).start();
    client.close_stdin();
    let mut peer = server.accept();
    assert_eq!(peer.read_to_end(), b"");
    // Each part is sent once the one before it is out.
    for part in ["one;", "two;", "three;"] {
        peer.send(part);
        assert_eq!(client.read_until(";"), part.as_bytes());
    }
    drop(peer);
    client.wait().expect(0, "one;two;three;");
}

#[test]
fn the_end_of_one_direction_leaves_the_other_running() {
    let server = Server::new();
    let mut client = Run::new(&["connect", &server.address(), "--half-open"]).start();
    let mut peer = server.accept();
    peer.send("the peer says no more");
    peer.finish();
    assert_eq!(client.read_until("more"), b"the peer says no more");
    let much = numbered(MUCH);
    let reading = std::thread::spawn(move || peer.read_to_end());
    client.stdin_write(&much);
    client.close_stdin();
    assert!(reading.join().unwrap() == much);
    assert_eq!(client.wait().code, 0);
}

#[test]
fn the_tail_of_a_pipe_is_sent_before_the_end() {
    for rule in ["raw", "line"] {
        // The writer is gone before the program starts: data and hang-up are there together.
        let (ours, theirs) = std::io::pipe().unwrap();
        let tail = numbered(32 << 10);
        std::io::Write::write_all(&mut &theirs, &tail).unwrap();
        drop(theirs);
        let server = Server::new();
        let address = server.address();
        let client = Run::new(&["connect", &address, "-f", rule]).stdin(ours).start();
        let mut peer = server.accept();
        assert!(peer.read_to_end() == tail, "{rule}");
        drop(peer);
        assert_eq!(client.wait().code, 0);
    }
}

// Rule 2: the peer ends.

#[test]
fn the_peers_end_ends_it_at_a_terminal() {
    for role in ["connect", "listen"] {
        let server = Server::new();
        let address = server.address();
        let place = if role == "listen" { ":0" } else { &address };
        let terminal = Terminal::new();
        let run = Run::new(&[role, place, "--once"][..if role == "listen" { 3 } else { 2 }]);
        let running = run.stdin(terminal.end()).start();
        let mut peer = match role {
            "listen" => Peer::connect(running.port()),
            _ => server.accept(),
        };
        peer.send("bye\n");
        drop(peer);
        // The terminal stays open and silent.
        running.wait().expect(0, "bye\n");
    }
}

#[test]
fn the_end_typed_at_a_terminal_closes_our_half_only() {
    let server = Server::new();
    let mut terminal = Terminal::new();
    let mut client = Run::new(&["connect", &server.address()]).stdin(terminal.end()).start();
    let mut peer = server.accept();
    terminal.types("typed\n\x04");
    assert_eq!(peer.read_to_end(), b"typed\n");
    peer.send("and answered\n");
    assert_eq!(client.read_line(), "and answered");
    drop(peer);
    client.wait().expect(0, "and answered\n");
}

#[test]
fn a_file_is_sent_to_its_end_after_the_peers_end() {
    let folder = Folder::new();
    let much = numbered(MUCH);
    std::fs::write(folder.file("much"), &much).unwrap();
    for rule in ["raw", "line"] {
        let server = Server::new();
        let file = File::open(folder.file("much")).unwrap();
        let address = server.address();
        let client = Run::new(&["connect", &address, "-f", rule]).stdin(file).start();
        let mut peer = server.accept();
        peer.finish();
        assert!(peer.read_to_end() == much, "{rule}");
        drop(peer);
        client.wait().expect(0, "");
    }
}

#[test]
fn a_pipe_with_data_is_sent_to_its_end_after_the_peers_end() {
    let server = Server::new();
    let much = numbered(MUCH);
    let mut client = Run::new(&["connect", &server.address()]).start();
    let mut peer = server.accept();
    peer.finish();
    let reading = std::thread::spawn(move || peer.read_to_end());
    client.stdin_write(&much);
    client.close_stdin();
    assert!(reading.join().unwrap() == much);
    client.wait().expect(0, "");
}

#[test]
fn a_peer_that_ended_and_reads_slowly_is_sent_all_of_a_pipe() {
    for rule in ["raw", "line"] {
        let server = Server::new();
        let mut client = Run::new(&["connect", &server.address(), "-f", rule]).start();
        let mut peer = server.accept();
        let much = numbered(MUCH);
        peer.finish();
        let (mut stdin, sent) = (client.take_stdin(), much.clone());
        let writing = std::thread::spawn(move || std::io::Write::write_all(&mut stdin, &sent));
        // The time in which a silent pipe is left goes by twice, and nothing is read.
        for _ in 0..2 {
            let other = Run::new(&["connect", &server.address()]).start();
            server.accept().finish();
            other.wait().expect(0, "");
        }
        let read = peer.read_to_end();
        drop(peer);
        let finished = client.wait();
        assert!(read == much, "{rule}: {} of {}, {finished}", read.len(), much.len());
        writing.join().unwrap().unwrap();
        finished.expect(0, "");
    }
}

#[test]
fn a_silent_pipe_does_not_keep_it_after_the_peers_end() {
    for rule in ["raw", "line"] {
        let server = Server::new();
        let client = Run::new(&["connect", &server.address(), "-f", rule]).start();
        let mut peer = server.accept();
        peer.send("bye\n");
        drop(peer);
        // Its stdin stays open all the time.
        client.wait().expect(0, "bye\n");
    }
    let listener = Run::new(&["listen", ":0"]).start();
    drop(Peer::connect(listener.port()));
    listener.wait().expect(0, "");
}

#[test]
fn half_open_waits_for_stdin_after_the_peers_end() {
    let server = Server::new();
    let mut patient = Run::new(&["connect", &server.address(), "--half-open"]).start();
    let mut peer = server.accept();
    peer.finish();
    // One without the option, whose peer ended later, shows when a silent pipe is left.
    let other = Run::new(&["connect", &server.address()]).start();
    server.accept().finish();
    other.wait().expect(0, "");
    patient.stdin_write("still here");
    assert_eq!(peer.read_until("here"), b"still here");
    patient.close_stdin();
    assert_eq!(peer.read_to_end(), b"");
    patient.wait().expect(0, "");
}

#[test]
fn a_send_that_fails_after_the_peers_end_is_told() {
    let folder = Folder::new();
    std::fs::write(folder.file("much"), numbered(MUCH)).unwrap();
    for rule in ["raw", "line"] {
        let server = Server::new();
        let file = File::open(folder.file("much")).unwrap();
        let client = Run::new(&["connect", &server.address(), "-f", rule]).stdin(file).start();
        let mut peer = server.accept();
        peer.send("last\n");
        // Closed with unread input: what is sent from now on is answered with a reset.
        peer.read_until("0000000\n");
        drop(peer);
        let finished = client.wait();
        assert_eq!(finished.code, 1, "{rule}: {finished}");
        assert!(finished.stderr.contains(&server.address()), "{finished}");
    }
}

#[test]
fn answers_do_not_end_with_stdin() {
    for (args, answer) in [
        (&["listen", ":0", "--echo"][..], "hello\n"),
        (&["listen", ":0", "--echo", "-f", "line"], "hello\n"),
        (&["listen", ":0", "--reply", "got {payload}"], "got hello\n"),
    ] {
        let listener = Run::new(args).stdin_null().start();
        let port = listener.port();
        for _ in 0..2 {
            let mut peer = Peer::connect(port);
            peer.send("hello\n");
            assert_eq!(peer.read_until("\n"), answer.as_bytes(), "{args:?}");
            peer.send("hello\n");
            assert_eq!(peer.read_until("\n"), answer.as_bytes(), "{args:?}");
            // It closes once the peer ended and its answers are out.
            peer.send("hello\n");
            peer.finish();
            assert_eq!(peer.read_to_end(), answer.as_bytes(), "{args:?}");
        }
        listener.signal(Signal::TERM);
        listener.wait().expect(0, "hello\n".repeat(6));
    }
}

#[test]
fn k_keeps_a_raw_listener_listening() {
    let mut listener = Run::new(&["-lk", "0"]).start();
    for text in ["first;", "second;"] {
        let mut peer = Peer::connect(listener.port());
        peer.send(text);
        assert_eq!(listener.read_until(";"), text.as_bytes());
    }
    listener.signal(Signal::INT);
    listener.wait().expect(0, "first;second;");
}

#[test]
fn a_raw_listener_takes_one_connection() {
    let listener = Run::new(&["listen", ":0"]).start();
    let port = listener.port();
    let mut peer = Peer::connect(port);
    peer.send("only this");
    drop(peer);
    listener.wait().expect(0, "only this");
    assert!(std::net::TcpStream::connect(("127.0.0.1", port)).is_err());
}

// Rule 3, relay, is tested with the relay.

// Rule 4: datagrams.

#[test]
fn a_datagram_reply_after_the_end_of_stdin_is_printed() {
    let server = udp();
    let endpoint = format!("udp://{}", server.local_addr().unwrap());
    let mut client = Run::new(&["connect", &endpoint]).start();
    client.stdin_write("question\n");
    client.close_stdin();
    let mut buffer = [0; 64];
    let (len, from) = server.recv_from(&mut buffer).unwrap();
    assert_eq!(&buffer[..len], b"question");
    for reply in ["one", "two"] {
        server.send_to(reply.as_bytes(), from).unwrap();
        assert_eq!(client.read_line(), reply);
    }
    client.wait().expect(0, "one\ntwo\n");
}

#[test]
fn datagrams_without_a_reply_end_with_five() {
    let server = udp();
    let endpoint = format!("udp://{}", server.local_addr().unwrap());
    let finished = Run::new(&["connect", &endpoint, "--wait", "50ms"]).run("question\n");
    finished.expect(5, "");
    assert!(finished.stderr.contains("no reply within"), "{finished}");
}

#[test]
fn a_refused_datagram_is_told() {
    let endpoint = format!("udp://{}", udp().local_addr().unwrap());
    let finished = Run::new(&["connect", &endpoint, "--wait", "50ms"]).run("question\n");
    finished.expect(4, "");
    assert!(finished.stderr.contains("refused"), "{finished}");
}

// Rule 5: stdout closes.

#[test]
fn a_closed_stdout_ends_quietly() {
    for rule in ["raw", "line"] {
        let server = Server::new();
        let (reader, writer) = std::io::pipe().unwrap();
        let address = server.address();
        let client = Run::new(&["connect", &address, "-f", rule]).stdout(writer).start();
        let mut peer = server.accept();
        drop(reader);
        peer.send("nobody reads this\n");
        let finished = client.wait();
        finished.expect(0, "");
        assert_eq!(finished.stderr, "", "{rule}");
    }
    for args in [
        &["listen", ":0"][..],
        &["listen", ":0", "-f", "line"],
        &["listen", ":0", "--echo"],
        &["listen", ":0", "--json"],
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        let listener = Run::new(args).stdout(writer).start();
        let mut peer = Peer::connect(listener.port());
        drop(reader);
        peer.send("nobody reads this\n");
        let finished = listener.wait();
        finished.expect(0, "");
        assert_eq!(finished.stderr.lines().count(), 2, "{args:?} {finished}");
    }
}

#[test]
fn json_without_a_reader_ends_quietly_too() {
    let server = Server::new();
    let address = server.address();
    let (reader, writer) = std::io::pipe().unwrap();
    let relay = Run::new(&["relay", ":0", &address, "--json"]).stdout(writer).start();
    let port = relay.port();
    drop(reader);
    // A line is told for the connection, and nobody is there to read it.
    let _peer = Peer::connect(port);
    let finished = relay.wait();
    finished.expect(0, "");
    assert_eq!(finished.stderr.lines().count(), 2, "{finished}");
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let asking = Run::new(&["ask", &address, "hello", "--json"]).stdout(writer).start();
    let mut peer = server.accept();
    peer.try_send("reply\n");
    let finished = asking.wait();
    finished.expect(0, "");
    assert_eq!(finished.stderr, "");
}

#[test]
fn head_takes_what_it_wants_and_all_ends() {
    let server = Server::new();
    let line = format!("(framecat connect {}; echo $? >&2) | head -1", server.address());
    let shell = Run::shell(&line).start();
    let mut peer = server.accept();
    peer.send("one\n");
    // head has its line and leaves; what comes from then on has no reader.
    while peer.try_send("more\n") {}
    let finished = shell.wait();
    finished.expect(0, "one\n");
    assert_eq!(finished.stderr, "0\n");
}

// Rule 6: cut messages.

#[test]
fn a_line_without_its_end_is_marked_cut() {
    for (tail, printed, code) in [
        (None, "whole\npart", 0),
        (Some("keep"), "whole\npart", 0),
        (Some("drop"), "whole\n", 0),
        (Some("error"), "whole\n", 7),
    ] {
        let finished = cut("line", tail, b"whole\npart");
        finished.expect(code, printed);
        let told = if code == 7 { "ended inside a message" } else { "is cut" };
        assert!(finished.stderr.contains(told), "{tail:?} {finished}");
    }
}

#[test]
fn a_stream_that_ends_after_a_header_is_cut() {
    for sent in [
        &b"\x00\x00\x00\x05whole\x00\x00\x00\x09part"[..],
        b"\x00\x00\x00\x05whole\x00\x00\x00\x09",
        b"\x00\x00\x00\x05whole\x00\x00",
    ] {
        for (tail, code) in [(None, 7), (Some("drop"), 0), (Some("error"), 7)] {
            let finished = cut("len:u32be", tail, sent);
            finished.expect(code, "whole\n");
            assert!(
                finished.stderr.contains("cut") || finished.stderr.contains("ended"),
                "{tail:?} {finished}"
            );
        }
    }
    let kept = cut("len:u32be", Some("keep"), b"\x00\x00\x00\x05whole\x00\x00\x00\x09part");
    assert_eq!(kept.code, 0, "{kept}");
    assert!(kept.text().starts_with("whole\n") && kept.text().contains("part"), "{kept}");
    assert!(kept.stderr.contains("cut"), "{kept}");
}

fn cut(rule: &str, tail: Option<&str>, sent: &[u8]) -> run::Finished {
    let server = Server::new();
    let address = server.address();
    let mut args = vec!["connect", &address, "-f", rule];
    if let Some(tail) = tail {
        args.extend(["--tail", tail]);
    }
    let client = Run::new(&args).stdin_null().start();
    let mut peer = server.accept();
    peer.send(sent);
    drop(peer);
    client.wait()
}

// Rule 7: the last words.

#[test]
fn our_last_words_survive_unread_input() {
    let listener = Run::new(&["listen", ":0", "-f", "line", "--echo", "--count", "1"]).start();
    let mut peer = Peer::connect(listener.port());
    peer.send("last words\n");
    peer.send(vec![b'x'; 512 << 10]);
    // A reset would be an error here, and on some systems take the words with it.
    assert_eq!(peer.read_to_end(), b"last words\n");
    drop(peer);
    listener.wait().expect(0, "last words\n");
}

#[test]
fn data_before_a_reset_is_printed_and_the_reset_is_told() {
    for rule in ["raw", "line"] {
        let server = Server::new();
        let client = Run::new(&["connect", &server.address(), "-f", rule]).start();
        let mut peer = server.accept();
        peer.send("before\n");
        peer.reset();
        let finished = client.wait();
        finished.expect(1, "before\n");
        assert!(finished.stderr.contains("connection reset"), "{finished}");
    }
}

#[test]
fn a_message_that_a_reset_cut_is_told() {
    let server = Server::new();
    let client = Run::new(&["connect", &server.address(), "-f", "line"]).start();
    let mut peer = server.accept();
    peer.send("whole\npart");
    peer.reset();
    let finished = client.wait();
    finished.expect(1, "whole\n");
    assert!(finished.stderr.contains("4 bytes"), "{finished}");
}

#[test]
fn a_message_in_hand_goes_out_whole_though_the_peer_broke_the_framing() {
    let server = Server::new();
    let args = ["connect", &server.address(), "-f", "len:u32be", "--in", "len:u32be"];
    let mut client = Run::new(&args).start();
    let mut peer = server.accept();
    // More than the kernels hold on the way: it is in hand until the peer reads.
    let mut message = (12_u32 << 20).to_be_bytes().to_vec();
    message.resize(4 + (12 << 20), 7);
    let stdin = client.take_stdin();
    let feeding = message.clone();
    let feeder = std::thread::spawn(move || {
        let mut stdin = stdin;
        let _ = std::io::Write::write_all(&mut stdin, &feeding);
    });
    let begun = peer.read_until(&message[..4]);
    peer.send(b"\xff\xff\xff\xff");
    assert!([begun, peer.read_to_end()].concat() == message, "all of it");
    feeder.join().unwrap();
    assert_eq!(client.wait().code, 7);
}
