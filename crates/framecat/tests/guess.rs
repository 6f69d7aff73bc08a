//! `framecat connect EP -f guess`: what is said about bytes whose framing nobody knows.

mod run;

use run::peer::{Peer, tcp};
use run::{Finished, Folder, Run};

const DNS: &str = include_str!("../../framecat-proto/tests/framings/conversations/dns.txt");

/// What the server said in a captured conversation over TCP.
fn server_said(text: &str) -> Vec<u8> {
    let lines = text.lines().filter_map(|line| line.strip_prefix("< "));
    let bytes = |hex: &str| -> Vec<u8> {
        let pairs = (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16));
        pairs.map(Result::unwrap).collect()
    };
    lines.flat_map(|line| bytes(line.trim())).collect()
}

/// The columns of the first row below the heads.
fn first_row(finished: &Finished) -> Vec<String> {
    assert_eq!(finished.code, 0, "{finished}");
    let text = finished.text();
    let mut lines = text.lines();
    assert!(lines.next().is_some_and(|heads| heads.starts_with("RULE")), "{finished}");
    lines.next().unwrap_or_default().split_whitespace().map(String::from).collect()
}

#[test]
fn a_captured_conversation_is_told_by_name_from_a_file_and_from_stdin() {
    let folder = Folder::new();
    let file = folder.file("capture");
    std::fs::write(&file, server_said(DNS)).unwrap();
    let from_file = Run::new(&["connect", &format!("file:{file}"), "-f", "guess"]).run("");
    let row = first_row(&from_file);
    assert_eq!(&row[..2], ["dns", "3"], "{from_file}");
    assert!(from_file.text().contains("the same as len:u16be"), "{from_file}");
    let from_stdin = Run::new(&["connect", "-", "-f", "guess"]).run(server_said(DNS));
    assert_eq!(from_stdin.text(), from_file.text());
    // And the rule that was told does it.
    let messages =
        Run::new(&["connect", &format!("file:{file}"), "-f", &row[0], "--out", "hex"]).run("");
    assert_eq!((messages.code, messages.text().lines().count()), (0, 3), "{messages}");
}

#[test]
fn rules_come_as_json_too() {
    let guessed =
        Run::new(&["connect", "-", "-f", "guess", "--json"]).run("one\r\ntwo\r\nthree\r\n");
    assert_eq!(guessed.code, 0, "{guessed}");
    let first = guessed.text().lines().next().unwrap_or_default().to_string();
    let want = r#"{"event":"guess","rule":"crlf","also":[],"messages":3,"shortest":3,"longest":5,"#;
    assert!(first.starts_with(want), "{guessed}");
}

#[test]
fn a_peer_that_stays_is_judged_by_what_it_said() {
    let (listener, port) = tcp();
    let asked =
        Run::new(&["connect", &format!(":{port}"), "-f", "guess", "--idle", "300ms"]).start();
    let mut peer = Peer::accept(&listener);
    let said = server_said(DNS);
    peer.send(&said);
    peer.send(&said[..21]);
    let finished = asked.wait();
    let row = first_row(&finished);
    assert_eq!(&row[..2], ["dns", "3"], "{finished}");
    assert!(finished.text().contains("the last 21 bytes have no end"), "{finished}");
    assert!(
        finished.text().contains(&format!("the first {} bytes", said.len() + 21)),
        "{finished}"
    );
    assert_eq!(peer.rest(), b"", "nothing is sent");
}

#[test]
fn what_no_rule_takes_is_seven() {
    for bytes in [&b"\x7fa"[..], b""] {
        let guessed = Run::new(&["connect", "-", "-f", "guess"]).run(bytes);
        guessed.expect(7, "");
        assert!(guessed.stderr.contains("rules takes it for messages"), "{guessed}");
    }
}

#[test]
fn what_is_much_is_looked_at_in_part() {
    let guessed = Run::new(&["connect", "-", "-f", "guess"]).run(b"a line\n".repeat(500_000));
    assert_eq!(&first_row(&guessed)[..2], ["line", "149796"], "{guessed}");
    assert!(guessed.text().contains("looked at the first 1048576 bytes"), "{guessed}");
}

#[test]
fn who_must_know_the_rule_is_told_that_guess_is_none() {
    for args in [
        &["listen", ":0", "-f", "guess"][..],
        &["relay", ":0", ":1", "-f", "guess"],
        &["ask", ":1", "-f", "guess", "hello"],
        &["listen", ":0,frame=guess"],
    ] {
        let refused = Run::new(args).run("");
        assert_eq!(refused.code, 2, "{refused}");
        assert!(refused.stderr.contains("only connect takes it"), "{refused}");
    }
    for (args, why) in [
        (&["connect", ":1", "-f", "guess", "--count", "1"][..], "--count speaks of messages"),
        (&["connect", "udp://:1", "-f", "guess"], "udp keeps messages itself"),
        (&["connect", ":1", "--in", "guess"], "`guess` is no form"),
        (
            &["connect", ":1", "-f", "guess", "--send-frame", "line"],
            "--send-frame speaks of messages",
        ),
        (&["connect", ":1", "-f", "line", "--send-frame", "guess"], "nothing can be sent under it"),
        (&["relay", ":0", ":1,send=guess", "-f", "line"], "nothing can be sent under it"),
    ] {
        let refused = Run::new(args).run("");
        assert_eq!(refused.code, 2, "{refused}");
        assert!(refused.stderr.contains(why), "{refused}");
    }
}
