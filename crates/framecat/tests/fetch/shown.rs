//! What a person and what a program gets to see.

use super::*;
use crate::run::terminal::Terminal;

/// `--show` without times and with the port named.
fn shown(finished: &Finished, port: u16) -> String {
    let lines = finished.stderr.lines().map(|line| match line.split_once("Z #") {
        Some((_, rest)) => format!("#{rest}\n"),
        None => format!("{}\n", line.split(" in ").next().unwrap_or_default()),
    });
    lines.collect::<String>().replace(&port.to_string(), "PORT")
}

#[test]
fn show_tells_every_part_and_why_the_message_ends() {
    let reply = "HTTP/1.1 103 Early\r\nLink: <x>\r\n\r\n\
                 HTTP/1.1 200 OK\x1b\r\nTransfer-Encoding: chunked\r\n\r\n5;a\r\nhello\r\n0\r\nA: b\r\n\r\n";
    let reply = reply.replace('\x1b', "");
    let server = Server::answering([reply]);
    let port = server.port;
    let finished = server.fetch("/x", &["--show", "--data", "q"]);
    finished.expect(0, "hello");
    let agent = env!("CARGO_PKG_VERSION");
    assert_eq!(
        shown(&finished, port),
        format!(
            "#1 > request line  POST /x HTTP/1.1\\r\\n
#1 > field         Host: 127.0.0.1:PORT\\r\\n
#1 > field         User-Agent: framecat/{agent}\\r\\n
#1 > field         Accept: */*\\r\\n
#1 > field         Accept-Encoding: gzip, br, zstd\\r\\n
#1 > field         Content-Type: application/x-www-form-urlencoded\\r\\n
#1 > field         Content-Length: 1\\r\\n
#1 > field         Connection: close\\r\\n
#1 > empty line    \\r\\n
#1 > content       q
#1 > ends          after 1 byte: Content-Length
#1 < status line   HTTP/1.1 103 Early\\r\\n
#1 < field         Link: <x>\\r\\n
#1 < empty line    \\r\\n
#1 < ends          behind its head: 103 is not the last word
#1 < status line   HTTP/1.1 200 OK\\r\\n
#1 < field         Transfer-Encoding: chunked\\r\\n
#1 < empty line    \\r\\n
#1 < chunk         5;a\\r\\n
#1 < content       hello
#1 < chunk         \\r\\n
#1 < chunk         0\\r\\n
#1 < trailer       A: b\\r\\n
#1 < chunk         \\r\\n
#1 < ends          behind the last chunk: Transfer-Encoding is chunked
framecat: 200, 5 bytes
"
        ),
        "{finished}"
    );
}

#[test]
fn every_end_has_its_reason() {
    for (reply, args, why) in [
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
            vec![],
            "after 5 bytes: Content-Length",
        ),
        ("HTTP/1.1 200 OK\r\n\r\nhello", vec![], "where the server closes: neither"),
        ("HTTP/1.1 204 No\r\n\r\n", vec![], "behind its head: 204 has no content"),
        ("HTTP/1.1 304 No\r\n\r\n", vec![], "behind its head: 304 has no content"),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
            vec!["--head"],
            "HEAD asks for no content",
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhello",
            vec![],
            "3 bytes that came behind it are no part of it",
        ),
    ] {
        let server = Server::answering([reply]);
        let mut all = vec!["--show"];
        all.extend(args);
        let finished = server.fetch("/", &all);
        assert_eq!(finished.code, 0, "{finished}");
        assert!(finished.stderr.contains(why), "{why}: {finished}");
        server.heard();
    }
}

#[test]
fn shown_content_is_the_beginning_or_all_of_it() {
    let long = "x".repeat(100_000);
    let server = Server::answering([ok(&long), ok(&long)]);
    let some = server.fetch("/", &["--show", "-o", "/dev/null"]);
    assert!(some.stderr.contains("content       … 99744 more bytes"), "{some}");
    let all = server.fetch("/", &["--show=all", "-o", "/dev/null"]);
    assert_eq!(all.stderr.matches('x').count() - some.stderr.matches('x').count(), 99_744);
}

#[test]
fn the_head_is_printed_as_it_came() {
    let head = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX: y\r\n\r\n";
    let server = Server::answering([head]);
    server.fetch("/", &["--head"]).expect(0, head);
}

#[test]
fn a_terminal_gets_text_and_nothing_that_acts_on_it() {
    let server = Server::answering([
        ok("sch\u{f6}n\r\n\x1b[2J\u{9b}\u{202e}end\n").into_bytes(),
        [ok("").replace("0", "6").as_bytes(), b"a\0b\xffc\n"].concat(),
    ]);
    let mut terminal = Terminal::new();
    let running =
        Run::new(&["fetch", &server.url("/")]).stdin_null().stdout(terminal.end()).start();
    let seen = terminal.shows("end\r\n");
    assert_eq!(seen, "sch\u{f6}n\r\n\\x1b[2J\\xc2\\x9b\\xe2\\x80\\xaeend\r\n", "{seen:?}");
    assert_eq!(running.wait().code, 0);
    let running =
        Run::new(&["fetch", &server.url("/")]).stdin_null().stdout(terminal.end()).start();
    let refused = running.wait();
    assert_eq!(refused.code, 2, "{refused}");
    assert!(refused.stderr.contains("no text") && refused.stderr.contains("-o FILE"), "{refused}");
}

#[test]
fn json_has_every_event_and_all_of_the_content() {
    let long = "a\u{f6}".repeat(20_000);
    let moved = "HTTP/1.1 302 F\r\nLocation: /b\r\nContent-Length: 0\r\n\r\n".to_string();
    let server = Server::answering([moved, ok(&long)]);
    let finished = server.fetch("/", &["--json"]);
    assert_eq!(finished.code, 0, "{finished}");
    assert_eq!(finished.stderr, "");
    let text = finished.text();
    let events: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of = |name: &str| events.iter().filter(|event| event["event"] == name).collect::<Vec<_>>();
    assert_eq!(of("redirected")[0]["to"], server.url("/b"));
    let content: String =
        of("content").iter().map(|event| event["text"].as_str().unwrap()).collect();
    assert_eq!(content, long);
    let fetched = of("fetched")[0];
    assert_eq!((fetched["status"].as_u64(), fetched["bytes"].as_u64()), (Some(200), Some(60_000)));
    assert!(fetched["connected_us"].is_u64() && fetched["first_byte_us"].is_u64());
    assert_eq!(events.last().unwrap()["exit"], 0);
    assert!(of("http").iter().any(|event| event["part"] == "head" && event["dir"] == "in"));
}

#[test]
fn progress_is_for_terminals() {
    let server = Server::answering([ok("x"), ok("x")]);
    for args in [["-o", "/dev/null"], ["-o", "/dev/stdout"]] {
        let finished = server.fetch("/", &args);
        assert_eq!((finished.code, finished.stderr.as_str()), (0, ""), "{finished}");
    }
}

#[test]
fn explain_says_what_would_be_done() {
    let told = fetch("https://h/a?b", &["-o", "x", "--host", "v", "--with", "ttl=3", "--explain"]);
    assert_eq!(told.code, 0, "{told}");
    for line in [
        "ask        GET /a?b",
        "of         tls://h:443,ttl=3,alpn=http/1.1",
        "host       v",
        "into       x",
    ] {
        assert!(told.text().contains(line), "{line}: {told}");
    }
}
