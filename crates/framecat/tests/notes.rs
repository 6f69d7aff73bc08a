//! The programs of the course notes, in Python as they stand there, talk to framecat in both roles.

mod run;

use run::{Run, Running, Signal, have};

const GOT_IT: &str = "收到你的消息";

fn python(program: &str, args: &[&str]) -> Run {
    let path = format!("{}/tests/notes/{program}", env!("CARGO_MANIFEST_DIR"));
    Run::program("python3", &[&[path.as_str()], args].concat()).env("PYTHONIOENCODING", "utf-8")
}

fn listen(args: &[&str]) -> Running {
    Run::new(&[&["listen"], args].concat()).start()
}

fn drained(listener: Running, printed: &str) {
    listener.signal(Signal::TERM);
    listener.wait().expect(0, printed);
}

#[test]
fn the_tcp_server_of_the_notes_answers_connect_and_ask() {
    if !have("python3") {
        return;
    }
    let mut server = python("tcp_server.py", &["127.0.0.1", "0"]).start();
    let endpoint = format!(":{}", server.read_line());
    // It sends no line endings: what one recv gives is the answer.
    let mut client = Run::new(&["connect", &endpoint]).start();
    client.stdin_write("hello");
    assert_eq!(client.read_until(GOT_IT), GOT_IT.as_bytes());
    client.finish().expect(0, GOT_IT);
    let finished = server.finish();
    assert!(finished.text().ends_with(") : hello\n"), "{finished}");
    assert_eq!(finished.code, 0, "{finished}");

    let mut server = python("tcp_server.py", &["127.0.0.1", "0"]).start();
    let endpoint = format!(":{}", server.read_line());
    let asked = Run::new(&["ask", &endpoint, "-f", "raw", "one", "two"]).run("");
    asked.expect(0, GOT_IT.repeat(2));
    server.finish();
}

#[test]
fn the_tcp_client_of_the_notes_talks_to_listen() {
    if !have("python3") {
        return;
    }
    // It sends without line endings, so a read is a message, as in the notes.
    let listener = listen(&[":0", "-f", "raw", "--reply", GOT_IT]);
    let port = listener.port().to_string();
    for _ in 0..2 {
        let client = python("tcp_client.py", &["127.0.0.1", &port]).run("one\ntwo\n");
        client.expect(0, format!("{GOT_IT}\n{GOT_IT}\n"));
    }
    drained(listener, "onetwoonetwo");
}

#[test]
fn the_long_connection_of_the_notes_needs_a_connection_for_every_message() {
    if !have("python3") {
        return;
    }
    let mut server = python("tcp_long.py", &["127.0.0.1", "0"]).start();
    let endpoint = format!(":{}", server.read_line());
    for _ in 0..3 {
        let finished = Run::new(&["ask", &endpoint, "-f", "raw", "hello"]).run("");
        finished.expect(0, "200");
    }
    // It closes after the first reply.
    let finished = Run::new(&["ask", &endpoint, "-f", "raw", "one", "two"]).run("");
    finished.expect(9, "200");
}

#[test]
fn the_udp_server_of_the_notes_answers_ask() {
    if !have("python3") {
        return;
    }
    // Its port is given, and it says nothing when it is bound: a port that was free a moment ago,
    // asked until the refusals end.
    let port = {
        let (socket, port) = run::peer::udp();
        drop(socket);
        port.to_string()
    };
    let server = python("udp_server.py", &["127.0.0.1", &port]).start();
    let endpoint = format!("udp://:{port}");
    let asked = loop {
        let asked = Run::new(&["ask", &endpoint, "hello"]).run("");
        if asked.code != 4 {
            break asked;
        }
    };
    asked.expect(0, format!("{GOT_IT}\n"));
    let finished = server.finish();
    assert!(finished.text().starts_with("Receive from ('127.0.0.1', "), "{finished}");
    assert!(finished.text().ends_with(" : hello\n"), "{finished}");
}

#[test]
fn the_udp_client_of_the_notes_talks_to_listen() {
    if !have("python3") {
        return;
    }
    let listener = listen(&["udp://:0", "--reply", GOT_IT]);
    let port = listener.port().to_string();
    let client = python("udp_client.py", &["127.0.0.1", &port]).run("one\ntwo\n\n");
    assert_eq!(client.code, 0, "{client}");
    assert_eq!(client.text().matches(&format!("从服务器收到： {GOT_IT}\n")).count(), 2, "{client}");
    drained(listener, "one\ntwo\n");
}

#[test]
fn the_broadcast_receivers_of_the_notes_answer_ask() {
    if !have("python3") {
        return;
    }
    let mut first = python("broadcast_recv.py", &["", "0"]).env("PYTHONUNBUFFERED", "1").start();
    let port = first.read_line().trim_start_matches("bound : ").to_string();
    let mut second = python("broadcast_recv.py", &["", &port]).env("PYTHONUNBUFFERED", "1").start();
    second.read_line();
    let at = format!("broadcast://lo:{port}");
    let asked = Run::new(&["ask", &at, "hello", "--count", "2", "--wait", "20s"]).run("");
    asked.expect(0, format!("{GOT_IT}\n{GOT_IT}\n"));
    for mut receiver in [first, second] {
        let line = receiver.read_line();
        assert!(line.starts_with("Receive from ('127.0.0.1', ") && line.ends_with(" : hello"));
        assert_eq!(receiver.wait().code, 0);
    }
}

#[test]
fn the_broadcast_sender_of_the_notes_is_answered() {
    if !have("python3") {
        return;
    }
    let listener = listen(&["broadcast://lo:0", "--reply", GOT_IT]);
    let port = listener.port().to_string();
    let sender = python("broadcast_send.py", &["127.255.255.255", &port]).run("one\ntwo\n\n");
    assert_eq!(sender.code, 0, "{sender}");
    assert_eq!(sender.text().matches(&format!("收到： {GOT_IT}\n")).count(), 2, "{sender}");
    drained(listener, "one\ntwo\n");
}
