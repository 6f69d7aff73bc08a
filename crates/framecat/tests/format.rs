//! `--format T`, seen from outside: what is printed in place of a message.

mod run;

use run::peer::{Peer, udp};
use run::terminal::Terminal;
use run::{Finished, Run, Signal, have};

/// A listener hears `bytes` from one peer and ends.
fn heard(args: &[&str], bytes: &[u8]) -> Finished {
    let listener = Run::new(&[&["listen", ":0", "--once"], args].concat()).stdin_null().start();
    let mut peer = Peer::dial(listener.port());
    peer.send(bytes);
    peer.end();
    peer.rest();
    listener.finish()
}

#[test]
fn the_words_of_the_notes_are_put_in_order() {
    let echo = Run::new(&["listen", ":0", "--echo"]).start();
    let endpoint = format!(":{}", echo.port());
    let said = Run::new(&["connect", &endpoint, "--format", "{1} is a {0}"]).run("TOm boy\n");
    said.expect(0, "boy is a TOm\n");
    let asked = Run::new(&["ask", &endpoint, "--format", "{n}: {payload}", "one", "two"]).run("");
    asked.expect(0, "1: one\n2: two\n");
    echo.signal(Signal::TERM);
    // What is sent and answered is the message itself.
    echo.wait().expect(0, "TOm boy\none\ntwo\n");
}

#[test]
fn every_name_of_a_template_is_filled_in() {
    let heard = heard(
        &["--format", "{n} {len} {b} {} {} {{{payload}}} {peer} {local} {time}"],
        b"x b=1\n{\"b\": \"t\\u00e9\", \"c\": 2}\r\n",
    );
    assert_eq!(heard.code, 0, "{heard}");
    let text = heard.text();
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[0].starts_with("1 5 1 x b=1 {x b=1} 127.0.0.1:"), "{heard}");
    assert!(lines[0].ends_with('Z') && lines[0].contains(" 127.0.0.1:"), "{heard}");
    assert!(lines[1].starts_with("2 24 té "), "{heard}");
}

#[test]
fn a_message_without_the_word_is_told_and_makes_the_exit_code_9() {
    let heard = heard(&["--format", "<{1}>"], b"only\na b\n\n\"open\nc d\n");
    heard.expect(9, "<b>\n<d>\n");
    for n in [1, 3, 4] {
        assert!(heard.stderr.contains(&format!("message {n} from ")), "{heard}");
    }
    assert!(heard.stderr.contains("is not printed: the message has no {1}"), "{heard}");
}

#[test]
fn the_text_is_what_out_writes() {
    let message = b"a\\b \xff\n";
    for (out, printed) in [
        (&[][..], &b"<a\\b \xff>\n"[..]),
        (&["--out", "raw"], b"<a\\b \xff>"),
        (&["--out", "quoted"], b"<a\\\\b \\xff>\n"),
        (&["--out", "hex"], b"3c615c6220ff3e\n"),
        (&["--out", "nul"], b"<a\\b \xff>\0"),
    ] {
        heard(&[&["--format", "<{payload}>"], out].concat(), message).expect(0, printed);
    }
    // An ending of its own is not doubled, and a line break is told.
    let two = heard(&["--format", "{0}\n{1}\n"], b"a b\n");
    two.expect(0, "a\nb\n");
    assert!(two.stderr.contains("holds a line break"), "{two}");
}

#[test]
fn a_refused_text_is_told_with_the_number_of_its_message() {
    // The first lacks the word, the second is fine, the form cannot hold the third's text.
    let heard =
        heard(&["-f", "len:u8", "--format", "{1}", "--out", "fixed:1"], b"\x01a\x03a b\x04a bc");
    heard.expect(9, "b");
    assert!(heard.stderr.contains("message 1 from "), "{heard}");
    assert!(heard.stderr.contains("message 3 from "), "{heard}");
    assert!(!heard.stderr.contains("message 2 from "), "{heard}");
}

#[test]
fn json_lines_and_a_format_contradict_each_other() {
    for args in [["--json", "--format"], ["--out=jsonl", "--format"]] {
        let refused = Run::new(&["connect", ":1", args[0], args[1], "{n}"]).run("");
        refused.expect(2, "");
        assert!(refused.stderr.contains("--format makes a text of each message"), "{refused}");
    }
    for (template, problem) in [("{", "never closed"), ("}", "closes nothing"), ("{a b}", "{a b}")]
    {
        let refused = Run::new(&["ask", ":1", "x", "--format", template]).run("");
        refused.expect(2, "");
        assert!(refused.stderr.contains(problem), "{refused}");
    }
}

#[test]
fn count_and_until_count_messages_and_not_texts() {
    let listener = Run::new(&["listen", ":0", "--format", "{1}", "--count", "2"]).start();
    Peer::dial(listener.port()).send("only\na b\nc d\n");
    listener.wait().expect(9, "b\n");
    let listener = Run::new(&["listen", ":0", "--format", "{0}", "--until", "end"]).start();
    Peer::dial(listener.port()).send("a 1\nb end\nc 3\n");
    listener.wait().expect(0, "a\nb\n");
}

#[test]
fn datagrams_of_a_python_peer_are_printed_by_sender() {
    if !have("python3") {
        return;
    }
    let listener =
        Run::new(&["listen", "udp://:0", "--format", "{peer} says {name}", "--count", "1"]).start();
    let script = format!(
        "import socket, json\n\
         s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n\
         s.bind(('127.0.0.1', 0))\n\
         s.sendto(json.dumps({{'name': 'Tom \"T\"'}}).encode(), ('127.0.0.1', {}))\n\
         print(s.getsockname()[1])",
        listener.port()
    );
    let python = Run::program("python3", &["-c", &script]).run("");
    let port = python.text();
    listener.wait().expect(0, format!("127.0.0.1:{} says Tom \"T\"\n", port.trim()));
}

#[test]
fn a_cut_message_ends_its_line_and_is_told() {
    let heard = heard(&["--format", "<{payload}>"], b"whole\ncut");
    heard.expect(0, "<whole>\n<cut>\n");
    assert!(heard.stderr.contains("is cut"), "{heard}");
}

#[test]
fn a_peer_cannot_write_the_template_or_reach_the_terminal() {
    let mut terminal = Terminal::new();
    let listener = Run::new(&["listen", ":0", "--format", "<{0}>"]).stdout(terminal.end()).start();
    Peer::dial(listener.port()).send("\x1b[31mred\n");
    assert_eq!(terminal.shows("\n"), "<\\x1b[31mred>\r\n");
    drop(listener);
    // Braces of a message are its own.
    heard(&["--format", "{payload}"], b"{n} {peer} {{\n").expect(0, "{n} {peer} {{\n");
    let (socket, port) = udp();
    let asking = Run::new(&["ask", &format!("udp://:{port}"), "--format", "{0}", "x"]).start();
    let mut buffer = [0; 16];
    let (_, from) = socket.recv_from(&mut buffer).unwrap();
    socket.send_to(b"{0} {1}", from).unwrap();
    asking.wait().expect(0, "{0}\n");
}
