//! Bad input, by class: what others have been broken by is answered by a status and nothing else.

use super::*;
use framecat_proto::http::plan::INDEX;
use framecat_proto::http::{Refusal, Then};

/// A reply whose fields and page hold nothing that was sent, whatever was found.
fn is_clean(reply: &Reply, sent: &str) {
    let fields = String::from_utf8(reply.fields.clone()).unwrap();
    for line in fields.split_terminator("\r\n") {
        assert!(line.contains(": ") && !line.contains(['\r', '\n', '\0']), "{sent}: {line:?}");
    }
    assert!(!fields.to_lowercase().contains("\nx-injected"), "{sent}: {fields}");
    if let Content::Bytes(bytes) | Content::Page { html: bytes, .. } = &reply.body {
        let page = String::from_utf8(bytes.clone()).unwrap();
        assert!(!page.contains("<script") && !page.contains("onerror"), "{sent}: {page}");
    }
}

#[test]
fn no_target_leads_out_or_into_a_field_or_a_page() {
    let everything = [
        Facts::Missing,
        Facts::Denied,
        Facts::Folder,
        found("a.txt"),
        found("<img src=x onerror=alert(1)>.html"),
        found("a\r\nX-Injected: 1.svg"),
    ];
    for target in [
        "/../../etc/passwd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/%2e%2e%2fetc%2fpasswd",
        "/..%2f..%2fetc",
        "/..%5c..%5cetc",
        "/%252e%252e/etc",
        "/%c0%ae%c0%ae/etc",
        "/%e0%80%ae/etc",
        "/....//....//etc",
        "/.%00./etc",
        "/a.txt%00.html",
        "/foo/c:/windows/win.ini",
        "/a.txt::$DATA",
        "/CON",
        "//evil.example/%2e%2e",
        "//evil.example/",
        "/%2f%2fevil.example/",
        "/%5c%5cevil.example",
        "/%0d%0aX-Injected:1",
        "/%0aX-Injected:%201",
        "/%3Cscript%3Ealert(1)%3C/script%3E",
        "/a?q=%22><script>",
        "/a?%0d%0aX-Injected:%201",
        "/%",
        "/%zz",
        "/%u002e",
    ] {
        for method in ["GET", "HEAD", "OPTIONS", "POST", "TRACE", "BREW"] {
            for facts in &everything {
                let text = format!("{method} {target} HTTP/1.1\nHost: localhost");
                let (needs, reply) = answered(&text, facts, &policy(), NOW);
                is_clean(&reply, &text);
                if let Some(needs) = needs {
                    let mut names = needs.path.bytes.split(|byte| *byte == b'/');
                    let bad = |name: &[u8]| matches!(name, b"." | b"..") || name.contains(&0);
                    assert!(!names.any(bad), "{target}");
                    assert!(!needs.path.bytes.starts_with(b"/"), "{target}");
                }
                if let Some(to) = reply.get("Location") {
                    assert!(to.starts_with('/') && !to.starts_with("//"), "{target}: {to}");
                    assert!(to.bytes().all(|b| b.is_ascii_graphic()), "{target}: {to}");
                }
            }
        }
    }
}

#[test]
fn a_host_that_attacks_is_refused_and_never_echoed() {
    for host in ["\"><script>", "a b", "u@h", "h/p", ":abc", "[::1", "evil.example"] {
        let reply = answer(&format!("GET / HTTP/1.1\nHost: {host}"), &Facts::Folder);
        assert!(matches!(reply.status, 400 | 421), "{host}: {}", reply.status);
        is_clean(&reply, host);
    }
}

#[test]
fn a_refusal_tells_the_octet_to_this_machine_alone() {
    let refusal = Refusal {
        status: 400,
        at: 17,
        rule: "no field name has `<script>` in it".into(),
        section: "RFC 9112 section 5.1",
    };
    let (near, far) = (refused(&refusal, &policy(), true), refused(&refusal, &policy(), false));
    let told = "Octet 17: no field name has `&lt;script&gt;` in it (RFC 9112 section 5.1).";
    assert!(content(&near).contains(told), "{}", content(&near));
    assert!(!content(&far).contains("17") && !content(&far).contains("script"));
    assert_eq!((near.status, near.then, far.then), (400, Then::Close, Then::Close));
    let allowed = refused(&Refusal { status: 405, ..refusal }, &policy(), false);
    assert_eq!(allowed.get("Allow"), Some("GET, HEAD, OPTIONS"));
}

#[test]
fn every_page_of_an_error_is_html_that_can_do_nothing() {
    for status in
        [400, 403, 404, 405, 406, 408, 412, 413, 414, 416, 417, 421, 431, 500, 501, 503, 505]
    {
        let reply = framecat_proto::http::status::page(status, None);
        let page = content(&reply);
        let title = format!("<title>{status} {}</title>", head::reason(status));
        assert!(page.contains(&title) && page.starts_with("<!doctype html>"), "{page}");
        let policy = reply.get("Content-Security-Policy").unwrap();
        assert!(policy.starts_with("default-src 'none'"));
        assert_eq!(reply.get("Content-Type"), Some("text/html; charset=utf-8"));
        assert_eq!(reply.get("X-Content-Type-Options"), Some("nosniff"));
    }
}

#[test]
fn expectations_are_met_at_once_or_refused() {
    let body = "Content-Length: 5";
    for (fields, version, status, then) in [
        ("Expect: 100-continue\nContent-Length: 5", "HTTP/1.1", 405, Then::Close),
        ("Expect: 100-Continue\nTransfer-Encoding: chunked", "HTTP/1.1", 405, Then::Close),
        ("Expect: 100-continue", "HTTP/1.1", 405, Then::KeepAlive),
        ("Expect: 100-continue\nContent-Length: 5", "HTTP/1.0", 405, Then::KeepAlive),
        (body, "HTTP/1.1", 405, Then::KeepAlive),
        ("Expect: 200-ok", "HTTP/1.1", 417, Then::KeepAlive),
        ("Expect: 100-continue, x=y\nContent-Length: 5", "HTTP/1.1", 417, Then::Close),
    ] {
        let text = format!("POST /a.txt {version}\nHost: localhost\n{fields}");
        let reply = answer(&text, &found("a.txt"));
        assert_eq!((reply.status, reply.then), (status, then), "{fields} {version}");
    }
    let text = "GET /a.txt HTTP/1.1\nHost: localhost\nExpect: 100-continue\nContent-Length: 5";
    let reply = answer(text, &found("a.txt"));
    assert_eq!((reply.status, reply.then), (200, Then::Close));
}

#[test]
fn trace_is_an_echo_without_secrets_where_it_is_allowed() {
    let text = "TRACE /a?b=%20 HTTP/1.1\nHost: localhost\nCookie: secret\nX: 1\naUTHORIZATION: secret\n\
                Proxy-Authorization: secret\nX: 2";
    assert_eq!(answer(text, &found("a")).status, 405);
    let policy = Policy { trace: true, ..policy() };
    let reply = answered(text, &found("a"), &policy, NOW).1;
    assert_eq!((reply.status, reply.get("Content-Type")), (200, Some("message/http")));
    let echo = "TRACE /a?b=%20 HTTP/1.1\r\nHost: localhost\r\nX: 1\r\nX: 2\r\n\r\n";
    assert_eq!(content(&reply), echo);
    let with_content = "TRACE / HTTP/1.1\nHost: localhost\nContent-Length: 1";
    assert_eq!(answered(with_content, &found("a"), &policy, NOW).1.status, 400);
    let options = answered("OPTIONS * HTTP/1.1\nHost: localhost", &found("a"), &policy, NOW).1;
    assert_eq!(options.get("Allow"), Some("GET, HEAD, OPTIONS, TRACE"));
    let absolute = "TRACE http://localhost/a HTTP/1.0\nHost: localhost";
    let reply = answered(absolute, &found("a"), &policy, NOW).1;
    assert!(content(&reply).starts_with("TRACE http://localhost/a HTTP/1.0\r\n"));
}

#[test]
fn pages_of_strangers_run_in_a_box_of_their_own() {
    for (name, boxed) in [
        ("a.html", true),
        ("a.svg", true),
        ("a.xhtml", true),
        ("a.rss", true),
        ("a.txt", false),
        ("a.pdf", false),
    ] {
        let text = format!("GET /{name} HTTP/1.1\nHost: localhost");
        let strangers = Policy { sandbox: true, ..policy() };
        let reply = answered(&text, &found(name), &strangers, NOW).1;
        let is = reply.get("Content-Security-Policy").is_some_and(|p| p.starts_with("sandbox"));
        assert_eq!(is, boxed, "{name}");
        assert_eq!(answer(&text, &found(name)).get("Content-Security-Policy"), None, "{name}");
    }
}

#[test]
fn what_strangers_bring_stands_for_nothing_else() {
    let strangers = Policy { sandbox: true, ..policy() };
    for (policy, index, codings) in [(&policy(), true, 3), (&strangers, false, 0)] {
        let needs = |target: &str| {
            let text =
                format!("GET {target} HTTP/1.1\nHost: localhost\nAccept-Encoding: gzip, br, zstd");
            answered(&text, &found("a.html"), policy, NOW).0.expect("it is looked for")
        };
        assert_eq!(needs("/a/").index, index);
        assert_eq!(needs("/a.html").accepted.codings().count(), codings);
    }
}

#[test]
fn hidden_names_are_served_where_that_is_wanted() {
    for target in ["/.git/config", "/.well-known/", "/a/.b", "/%2egit/config"] {
        let text = format!("GET {target} HTTP/1.1\nHost: localhost");
        let name = std::str::from_utf8(INDEX).unwrap();
        let (looked, reply) = answered(&text, &found(name), &policy(), NOW);
        assert_eq!((looked, reply.status), (None, 404), "{target}");
        // Nothing tells it from a name that is not there.
        assert_eq!(reply, answer("GET /no HTTP/1.1\nHost: localhost", &Facts::Missing));
        let hidden = Policy { hidden: true, ..policy() };
        assert_eq!(answered(&text, &found(name), &hidden, NOW).1.status, 200, "{target}");
    }
}

#[test]
fn an_echo_is_text_for_our_own_hosts_alone() {
    use framecat_proto::http::plan::echo;
    for (text, status) in [
        ("GET /<%3Cscript%3E HTTP/1.1\nHost: localhost", 400),
        ("GET /%3Cscript%3E HTTP/1.1\nHost: localhost", 200),
        ("BREW /%zz HTTP/1.1\nHost: localhost", 400),
        ("BREW /.. HTTP/1.1\nHost: localhost", 200),
        ("OPTIONS * HTTP/1.1\nHost: localhost", 200),
        ("GET / HTTP/1.1\nHost: evil.example", 421),
        ("GET https://localhost/ HTTP/1.1\nHost: localhost", 421),
        ("GET / HTTP/1.1\nHost: localhost\nExpect: x", 417),
        ("CONNECT a:443 HTTP/1.1\nHost: a:443", 405),
    ] {
        let bytes = bytes(text);
        let Ok(request) = head::request(&bytes) else {
            assert_eq!(status, 400, "{text}");
            continue;
        };
        let reply = echo(&request.unwrap(), bytes.clone(), &policy());
        assert_eq!(reply.status, status, "{text}");
        if status == 200 {
            assert_eq!(content(&reply).as_bytes(), bytes);
            assert_eq!(reply.get("Content-Type"), Some("text/plain; charset=utf-8"));
            assert_eq!(reply.get("X-Content-Type-Options"), Some("nosniff"));
        }
    }
}
