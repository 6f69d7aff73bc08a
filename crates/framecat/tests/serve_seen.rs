//! What `serve` lets be seen: its log, messages part by part, and requests as text.

mod run;
mod served;

use std::io::Write;

use run::have;
use served::{Served, body, get, rest, status};

/// A server for which `wanted` came to stderr, and all that came there.
fn told(site: Served, wanted: &str) -> String {
    site.server.told_when(|told| told.contains(wanted));
    site.ends().stderr
}

#[test]
fn each_request_is_a_line_of_the_combined_log() {
    let site = Served::new(&[], &[("a.txt", b"hello\n")]);
    let agent = "GET /a.txt HTTP/1.1\r\nHost: localhost\r\nReferer: http://localhost/\r\n\
                 User-Agent: \x1b[31m\"x\r\n\r\n";
    // An escape is no character of a field: refused, and told harmlessly.
    assert_eq!(status(&site.said(agent)), "400");
    let three = [
        "GET /a.txt HTTP/1.1\r\nHost: localhost\r\nUser-Agent: it \"is\" x\r\n\r\n",
        "HEAD /a.txt HTTP/1.1\r\nHost: localhost\r\n\r\n",
        &get("/none"),
    ];
    assert!(site.said(three.concat()).contains("404 Not Found"));
    let told = told(site, "GET /none");
    for line in [
        "\"GET /a.txt HTTP/1.1\" 200 6 \"-\" \"it \\\"is\\\" x\"\n",
        "\"HEAD /a.txt HTTP/1.1\" 200 - \"-\" \"-\"\n",
        "\"GET /none HTTP/1.1\" 404 ",
        "127.0.0.1 - - [",
        "framecat: refused, connection 1 request 1: octet ",
    ] {
        assert!(told.contains(line), "{line}: {told}");
    }
    assert!(!told.contains('\x1b'), "{told:?}");
}

#[test]
fn the_log_is_json_or_nothing_where_that_is_wanted() {
    let site = Served::new(&["--log", "json"], &[("a.txt", b"hello\n")]);
    site.said("GET /a.txt HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n");
    let told = told(site, "evil.example");
    let line = told.lines().find(|line| line.starts_with('{')).unwrap();
    let line: serde_json::Value = serde_json::from_str(line).unwrap();
    assert_eq!((&line["status"], &line["host"]), (&421.into(), &"evil.example".into()));
    assert_eq!(line["section"], "RFC 9110 section 7.4");

    let site = Served::new(&["--log", "none"], &[("a.txt", b"hello\n")]);
    assert_eq!(status(&site.said(get("/a.txt"))), "200");
    assert!(!site.ends().stderr.contains("a.txt"));
}

#[test]
fn messages_are_shown_part_by_part_and_why_they_end() {
    let large = vec![b'x'; 100_000];
    let files: &[(&str, &[u8])] = &[("a.txt", b"hello\n"), ("large.bin", &large)];
    let site = Served::new(&["--show"], files);
    let all = [
        "GET /a.txt HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "POST /a.txt HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        "HEAD /large.bin HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        &get("/large.bin"),
    ];
    site.said(all.concat());
    assert_eq!(status(&site.said("GET /a HTTP/1.1\r\nHost : x\r\n\r\n")), "400");
    let told = told(site, "#2 > ");
    for part in [
        "request 1\n  request line  GET /a.txt HTTP/1.1\\r\\n\n  field         Host: localhost\\r\\n\n  \
         empty line    \\r\\n\n  ends          it has neither Content-Length nor Transfer-Encoding\n",
        "reply 1\n  status line   HTTP/1.1 200 OK\\r\\n\n",
        "  content       hello\\n\n  ends          behind 6 bytes of content: Content-Length\n",
        "  content       3\\r\\nabc\\r\\n0\\r\\n\\r\\n\n  ends          behind the last chunk",
        "  refused       this server only reads",
        "  status line   HTTP/1.1 405 Method Not Allowed\\r\\n\n",
        "  ends          a reply to HEAD has no content",
        "x… 99744 more bytes\n  ends          behind 100000 bytes",
        "#2 < 127.0.0.1:",
        "  field         Host : x\\r\\n\n",
        "  refused       octet ",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
    // Shown or logged, not both.
    assert!(!told.contains("- - ["), "{told}");
}

#[test]
fn a_request_is_answered_with_itself() {
    let server = run::Run::new(&["serve", "--echo", "--listen", "127.0.0.1:0"]).start();
    let site = Served { folder: run::Folder::new(), server };
    assert!(site.url().starts_with("http://127.0.0.1:"));
    let request = get("/a.txt?x=%3Cscript%3E");
    let reply = site.said(&request);
    assert_eq!((status(&reply), body(&reply)), ("200", &*request), "{reply}");
    assert!(reply.contains("Content-Type: text/plain; charset=utf-8\r\n"), "{reply}");
    assert!(reply.contains("X-Content-Type-Options: nosniff\r\n"), "{reply}");
    let request = "BREW /pot HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
                   Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX: 1\r\n\r\n";
    // However it comes.
    let mut slow = site.dial();
    for byte in request.as_bytes() {
        slow.write_all(&[*byte]).unwrap();
    }
    assert_eq!(body(&rest(&mut slow)), request);
    let foreign = "GET / HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n";
    assert_eq!(status(&site.said(foreign)), "421");
    let long = format!(
        "POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n{}",
        "1\r\na\r\n".repeat(20_000)
    );
    assert_eq!(status(&site.said(long)), "413");
    if have("curl") {
        let said = site.curl(&["--data", "name=value", "-A", "test"], "/form").text();
        assert!(said.starts_with("POST /form HTTP/1.1\r\n"), "{said}");
        assert!(
            said.contains("User-Agent: test\r\n") && said.ends_with("\r\n\r\nname=value"),
            "{said}"
        );
    }
    let told = site.ends().stderr;
    assert!(told.contains("answering each request with itself at http://127.0.0.1:"), "{told}");
}

#[test]
fn a_refusal_is_explained_to_this_machine() {
    let site = Served::new(&[], &[]);
    let reply = site.said("GET / HTTP/1.1\r\nHost: a\r\nX Y: 1\r\n\r\n");
    assert_eq!(status(&reply), "400");
    assert!(
        body(&reply).contains("Octet ") && body(&reply).contains("RFC 9110 section 5.1"),
        "{reply}"
    );
    site.ends();
}
