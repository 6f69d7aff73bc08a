//! `--short`, seen from outside: a connection for each message; and what `ask` does without a reply.

mod run;

use std::net::TcpListener;
use std::thread;

use run::peer::{Peer, nobody, tcp, udp};
use run::{Finished, Run, Signal, have};

/// Runs a verb at a listener of the test, which plays one peer after the other.
fn run(verb: &[&str], stdin: &str, peers: impl FnOnce(&TcpListener) + Send + 'static) -> Finished {
    let (listener, port) = tcp();
    let playing = thread::spawn(move || peers(&listener));
    let endpoint = format!(":{port}");
    let args = [&verb[..1], &[endpoint.as_str()], &verb[1..]].concat();
    let finished = Run::new(&args).run(stdin);
    playing.join().expect("the peers heard what they waited for");
    finished
}

fn echo_each(listener: &TcpListener, messages: &[&str]) {
    for message in messages {
        let mut peer = Peer::accept(listener);
        assert_eq!(peer.line(), format!("{message}\n"));
        peer.send(format!("{message}!\n"));
        assert_eq!(peer.rest(), b"", "one message a connection");
    }
}

#[test]
fn ask_dials_for_each_message_and_counts_them_all() {
    let words = |listener: &TcpListener| echo_each(listener, &["a", "b", "c"]);
    let asked = run(&["ask", "--short", "a", "b", "c", "--out", "jsonl"], "", words);
    assert_eq!(asked.code, 0, "{asked}");
    let text = asked.text();
    let lines = text.lines().map(|line| serde_json::from_str(line).unwrap());
    let lines: Vec<serde_json::Value> = lines.collect();
    let told = |key: &str| lines.iter().map(|line| line[key].to_string()).collect::<Vec<_>>();
    assert_eq!(told("conn"), ["1", "2", "3"]);
    assert_eq!(told("n"), ["1", "1", "1"]);
    assert_eq!(told("text"), ["\"a!\"", "\"b!\"", "\"c!\""]);
    for n in 1..=3 {
        assert!(asked.stderr.contains(&format!("reply to message {n} after ")), "{asked}");
    }
    let stdin = |listener: &TcpListener| echo_each(listener, &["a", "b"]);
    run(&["ask", "--short"], "a\nb\n", stdin).expect(0, "a!\nb!\n");
    let enough = |listener: &TcpListener| echo_each(listener, &["a", "b"]);
    run(&["ask", "--short", "--count", "2"], "a\nb\nc\n", enough).expect(0, "a!\nb!\n");
}

#[test]
fn connect_ends_its_half_behind_each_message_and_hears_the_peer_out() {
    let talk = |listener: &TcpListener| {
        for message in ["a\n", "b\n"] {
            let mut peer = Peer::accept(listener);
            assert_eq!(peer.rest(), message.as_bytes());
            peer.send("one\n");
            peer.send("two\n");
        }
    };
    run(&["connect", "--short"], "a\nb\n", talk).expect(0, "one\ntwo\none\ntwo\n");
    // The two sides of it: what a listener of ours hears.
    let listener = Run::new(&["listen", ":0", "--reply", "{n} {payload}"]).start();
    let endpoint = format!(":{}", listener.port());
    let stdin: String = (0..50).map(|n| format!("m{n}\n")).collect();
    let expected: String = (0..50).map(|n| format!("1 m{n}\n")).collect();
    Run::new(&["connect", &endpoint, "--short"]).run(stdin.clone()).expect(0, &expected);
    listener.signal(Signal::TERM);
    listener.wait().expect(0, stdin);
}

#[test]
fn a_python_server_of_one_message_a_connection_is_asked() {
    if !have("python3") {
        return;
    }
    let script = "import socketserver\n\
        class Once(socketserver.StreamRequestHandler):\n\
        \x20   def handle(self):\n\
        \x20       self.wfile.write(self.rfile.readline().upper())\n\
        s = socketserver.TCPServer(('127.0.0.1', 0), Once)\n\
        print(s.server_address[1], flush=True)\n\
        s.serve_forever()";
    let mut server = Run::program("python3", &["-c", script]).start();
    let endpoint = format!(":{}", server.read_line());
    Run::new(&["ask", &endpoint, "--short", "a", "b"]).run("").expect(0, "A\nB\n");
    Run::new(&["connect", &endpoint, "--short"]).run("a\nb\n").expect(0, "A\nB\n");
    // On one connection it answers once.
    let once = Run::new(&["ask", &endpoint, "a", "b"]).run("");
    once.expect(9, "A\n");
}

#[test]
fn a_message_without_a_reply_costs_the_others_nothing() {
    let some = |listener: &TcpListener| {
        Peer::accept(listener).line();
        let mut silent = Peer::accept(listener);
        silent.line();
        assert_eq!(silent.rest(), b"");
        echo_each(listener, &["c"]);
    };
    let asked = run(&["ask", "--short", "a", "b", "c", "--wait", "200ms"], "", some);
    asked.expect(9, "c!\n");
    assert!(asked.stderr.contains("2 messages got no reply"), "{asked}");
    let none = |listener: &TcpListener| {
        let mut silent = Peer::accept(listener);
        silent.line();
        silent.rest();
        // It is left after the time, though it does not end.
        Peer::accept(listener).line();
    };
    let said = run(&["connect", "--short", "--wait", "200ms"], "a\nb\n", none);
    said.expect(9, "");
    // Nobody there ends it.
    let refused = Run::new(&["ask", &format!(":{}", nobody()), "--short", "a", "b"]).run("");
    refused.expect(4, "");
}

#[test]
fn the_pace_lies_between_connections() {
    let (listener, port) = tcp();
    let endpoint = format!(":{port}");
    for verb in ["ask", "connect"] {
        let args = [verb, &endpoint, "--short", "--delay", "1h"];
        let mut running = Run::new(&args).start();
        running.stdin_write("a\nb\n");
        echo_each(&listener, &["a"]);
        assert_eq!(running.read_line(), "a!");
        listener.set_nonblocking(true).unwrap();
        let early = listener.accept().map_err(|error| error.kind());
        assert!(matches!(early, Err(std::io::ErrorKind::WouldBlock)));
        listener.set_nonblocking(false).unwrap();
        running.signal(Signal::INT);
        assert_eq!(running.wait().code, 130);
    }
}

#[test]
fn short_and_what_it_contradicts() {
    let folder = run::Folder::new();
    let file = folder.file("x.jsonl");
    std::fs::write(&file, "{\"dir\":\"in\",\"text\":\"a\"}\n").unwrap();
    let refused = Run::new(&["connect", ":1", "--short", "--replay", &file]).run("");
    refused.expect(2, "");
    assert!(refused.stderr.contains("--short for each message"), "{refused}");
    let unknown = Run::new(&["listen", ":0", "--short"]).run("");
    unknown.expect(2, "");
}

#[test]
fn a_late_reply_is_never_taken_for_the_next_one() {
    // On a stream nothing could tell them apart: the next is not asked.
    let late = |listener: &TcpListener| {
        let mut peer = Peer::accept(listener);
        peer.line();
        peer.send("1\n");
        peer.line();
        assert_eq!(peer.rest(), b"", "no third message");
        let _ = std::io::Write::write_all(&mut peer.0, b"late\n");
    };
    let asked = run(&["ask", "a", "b", "c", "--wait", "200ms"], "", late);
    asked.expect(9, "1\n");
    assert!(asked.stderr.contains("message 2 got no reply within 200 ms"), "{asked}");
    assert!(asked.stderr.contains("a late reply would pass for theirs"), "{asked}");
    assert!(asked.stderr.contains("--short"), "{asked}");
    let none = |listener: &TcpListener| {
        let mut peer = Peer::accept(listener);
        peer.line();
        peer.rest();
    };
    let asked = run(&["ask", "--wait", "200ms"], "a\nb\n", none);
    asked.expect(5, "");
    // Datagrams are asked from another port, at which a late one does not arrive.
    let (socket, port) = udp();
    let endpoint = format!("udp://:{port}");
    let args = ["ask", &endpoint, "a", "b", "--wait", "500ms"];
    let asking = Run::new(&args).start();
    let mut buffer = [0; 16];
    let (_, first) = socket.recv_from(&mut buffer).unwrap();
    let (taken, second) = socket.recv_from(&mut buffer).unwrap();
    assert_eq!(&buffer[..taken], b"b");
    assert_ne!(first, second);
    socket.send_to(b"late", first).unwrap();
    socket.send_to(b"to b", second).unwrap();
    asking.wait().expect(9, "to b\n");
}
