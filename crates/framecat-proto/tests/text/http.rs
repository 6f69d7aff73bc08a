//! HTTP as it is typed and read.

use framecat_proto::Framing;
use framecat_proto::text::Form;
use framecat_proto::text::http::{Typed, is_interim, reply_with};

use crate::{FILE, MAX, TERMINAL, read, written};

fn asks() -> Form {
    Form::Http(Typed::Request { host: "h:8".into() })
}

fn request(line: &str) -> Result<String, String> {
    let message = asks().one(line, MAX)?;
    Ok(String::from_utf8(message)
        .unwrap()
        .replace(concat!("framecat/", env!("CARGO_PKG_VERSION")), "us"))
}

#[test]
fn a_line_is_a_request_where_we_ask() {
    let head = "Host: h:8\r\nUser-Agent: us\r\n";
    for (line, want) in [
        ("GET /a?b", format!("GET /a?b HTTP/1.1\r\n{head}\r\n")),
        ("/a", format!("GET /a HTTP/1.1\r\n{head}\r\n")),
        (
            "HEAD http://x/ Accept:text/html",
            format!("HEAD http://x/ HTTP/1.1\r\n{head}Accept: text/html\r\n\r\n"),
        ),
        ("PUT /a", format!("PUT /a HTTP/1.1\r\n{head}Content-Length: 0\r\n\r\n")),
        ("POST /a 'a b'", format!("POST /a HTTP/1.1\r\n{head}Content-Length: 3\r\n\r\na b")),
        (
            "OPTIONS * host:x user-agent:y",
            "OPTIONS * HTTP/1.1\r\nhost: x\r\nuser-agent: y\r\n\r\n".into(),
        ),
        ("CONNECT a:1", "CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\nUser-Agent: us\r\n\r\n".into()),
    ] {
        assert_eq!(request(line), Ok(want), "{line}");
    }
    for (line, why) in [
        ("", "it holds no message"),
        ("GET", "a request is METHOD TARGET"),
        ("G@T /", "`@` stands in the method"),
        ("GET x", "a target begins with /"),
        ("GET / a b", "are two"),
        ("GET / 'X:a\tb\u{1}'", "the octet 01 stands in the value of a field"),
        ("GET / 'it", "is never closed"),
        ("GET / Host:a Host:b", "Host stands there twice"),
    ] {
        let error = request(line).unwrap_err();
        assert!(error.contains(why), "{line}: {error}");
    }
    assert_eq!(read(&asks(), b"GET /\n\n/b\r\n").unwrap().len(), 2, "an empty line is none");
}

#[test]
fn a_line_is_the_text_of_a_reply_where_we_answer() {
    let reply = &read(&Form::default_for(&Framing::Http), b"hello\r\n").unwrap()[0];
    let want = "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 6\r\n\r\nhello\n";
    assert_eq!(std::str::from_utf8(reply), Ok(want));
    assert_eq!(Form::default_for(&Framing::Http).to_string(), "words");
}

#[test]
fn a_reply_is_one_to_its_request() {
    let reply = |request: &str| {
        let mut out = b"kept".to_vec();
        out.extend_from_slice(b"text");
        reply_with(request.as_bytes(), 1_700_000_000_000_000_000, 4, &mut out);
        String::from_utf8(out).unwrap()
    };
    let date = "Date: Tue, 14 Nov 2023 22:13:20 GMT\r\n";
    let fields = "Content-Type: text/plain; charset=utf-8\r\nContent-Length: 4\r\n";
    for (request, status, field, body) in [
        ("GET / HTTP/1.1\r\nHost: a\r\n\r\n", "200 OK", "", "text"),
        ("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n", "200 OK", "", ""),
        ("GET / HTTP/1.0\r\n\r\n", "200 OK", "Connection: close\r\n", "text"),
        (
            "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
            "200 OK",
            "Connection: keep-alive\r\n",
            "text",
        ),
        ("CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n", "501 Not Implemented", "", "text"),
        ("no request", "200 OK", "", "text"),
    ] {
        let want = format!("keptHTTP/1.1 {status}\r\n{date}{fields}{field}\r\n{body}");
        assert_eq!(reply(request), want, "{request:?}");
    }
}

#[test]
fn a_message_is_printed_for_reading() {
    let form = Form::default_for(&Framing::Http);
    let message = b"HTTP/1.1 200 OK\r\nA: \x1b[2J\r\n\r\na\r\nb\x1b";
    let seen = written(&form, FILE, &[&message[..], b"HTTP/1.1 204 \r\n\r\n"]);
    assert_eq!(seen, b"HTTP/1.1 200 OK\nA: \x1b[2J\n\na\r\nb\x1b\nHTTP/1.1 204 \n\n");
    let shown = written(&form, TERMINAL, &[message]);
    assert_eq!(shown, b"HTTP/1.1 200 OK\nA: \\x1b[2J\n\na\nb\\x1b\n");
}

#[test]
fn interim_replies_are_told_from_the_last() {
    for (message, interim) in [
        (&b"HTTP/1.1 100 Continue\r\n\r\n"[..], true),
        (b"HTTP/1.0 199\r\n\r\n", true),
        (b"HTTP/1.1 101 Switching Protocols\r\n\r\n", false),
        (b"HTTP/1.1 200 OK\r\n\r\n", false),
        (b"GET / HTTP/1.1\r\n", false),
        (b"HTTP/1.", false),
    ] {
        assert_eq!(is_interim(message), interim);
    }
}
