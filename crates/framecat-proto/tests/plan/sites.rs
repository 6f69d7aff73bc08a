//! Whose pages may change something.

use super::*;
use framecat_proto::http::site::check;

/// What becomes of a request with these fields: `None`, it may change something.
fn refusal(request: &str, fields: &str, policy: &Policy) -> Option<Reply> {
    let text = format!("{request} HTTP/1.1\n{fields}");
    let bytes = bytes(&text);
    let request = head::request(&bytes).unwrap_or_else(|why| panic!("{text}: {why}"));
    check(&request.expect("a whole head"), policy).err()
}

fn may(host: &str, fields: &str, secure: bool) -> bool {
    let policy = Policy { secure, ..policy() };
    let answers = ["POST /a/", "PUT /a.txt", "DELETE /a.txt", "BREW /a"].map(|request| {
        let fields = format!("Host: {host}\n{fields}");
        let refusal = refusal(request, &fields, &policy);
        if let Some(reply) = &refusal {
            assert_eq!(reply.status, 403, "{fields}");
            let why = reply.why.expect("a reason");
            assert!(why.rule.contains("another"), "{fields}");
            assert!(content(reply).contains("only the pages of this server"), "{fields}");
        }
        refusal.is_none()
    });
    assert!(answers.iter().all(|may| *may == answers[0]), "one rule for every method: {fields}");
    // What changes nothing asks nobody.
    for request in ["GET /a.txt", "HEAD /a.txt", "OPTIONS /a.txt", "TRACE /a.txt"] {
        let fields = format!("Host: {host}\n{fields}");
        assert!(refusal(request, &fields, &policy).is_none(), "{request}: {fields}");
    }
    answers[0]
}

#[test]
fn programs_say_nothing_of_pages_and_may() {
    assert!(may("localhost:8000", "", false));
    assert!(may("localhost:8000", "User-Agent: curl/8\nReferer: https://evil.example/", false));
    assert!(may("box", "", true));
}

#[test]
fn where_the_browser_compares_the_sites_it_decides() {
    for ours in ["same-origin", "none"] {
        for origin in ["", "\nOrigin: null", "\nOrigin: https://share.example"] {
            // No page can send it, so what it says of a proxy's address or a page's silence holds.
            assert!(may("localhost:8000", &format!("Sec-Fetch-Site: {ours}{origin}"), false));
        }
        assert!(may("localhost:8000", &format!("sEC-fETCH-sITE: {ours}"), true));
    }
    for other in ["cross-site", "same-site", "", "Same-Origin", "same-origin;a", "none, none", "x"]
    {
        for origin in ["", "\nOrigin: http://localhost:8000"] {
            let fields = format!("Sec-Fetch-Site: {other}{origin}");
            assert!(!may("localhost:8000", &fields, false), "{fields}");
        }
    }
    // Two of them: one is somebody's else.
    assert!(!may("box", "Sec-Fetch-Site: same-origin\nSec-Fetch-Site: cross-site", false));
    assert!(!may("box", "Sec-Fetch-Site: cross-site\nSec-Fetch-Site: same-origin", false));
}

#[test]
fn an_origin_is_ours_by_scheme_host_and_port() {
    // Host, Origin, by TLS → whether it may.
    let table = [
        ("localhost:8000", "http://localhost:8000", false, true),
        ("localhost:8000", "https://localhost:8000", false, false),
        ("localhost:8000", "https://localhost:8000", true, true),
        ("localhost:8000", "http://localhost:8000", true, false),
        ("localhost:8000", "http://localhost:8001", false, false),
        ("localhost:8000", "http://localhost", false, false),
        ("localhost", "http://localhost:8000", false, false),
        ("localhost:8000", "http://127.0.0.1:8000", false, false),
        ("localhost:8000", "http://localhost:80000", false, false),
        ("localhost:8000", "http://localhost:8000/", false, false),
        ("localhost:8000", "http://evil.example", false, false),
        ("localhost:8000", "http://localhost:8000.evil.example", false, false),
        ("localhost:8000", "http://evil.example#localhost:8000", false, false),
        ("localhost:8000", "http://evil@localhost:8000", false, false),
        ("localhost:8000", "http://localhost.:8000", false, false),
        ("localhost:8000", "http://a.localhost:8000", false, false),
        ("localhost:8000", "null", false, false),
        ("localhost:8000", "NULL", false, false),
        ("localhost:8000", "", false, false),
        ("localhost:8000", "localhost:8000", false, false),
        ("localhost:8000", "//localhost:8000", false, false),
        ("localhost:8000", "file://", false, false),
        ("localhost:8000", "http://", false, false),
        ("localhost:8000", "http://localhost:8000 http://localhost:8000", false, false),
        ("localhost:8000", "moz-extension://localhost:8000", false, false),
        // Any case: browsers write small letters, and a Host as it was typed.
        ("LocalHost:8000", "http://localhost:8000", false, true),
        ("localhost:8000", "HTTP://LOCALHOST:8000", false, true),
        // The port that a scheme has need not be said.
        ("box", "http://box", false, true),
        ("box:80", "http://box", false, true),
        ("box:", "http://box", false, true),
        ("box", "http://box:80", false, true),
        ("box", "https://box", true, true),
        ("box:443", "https://box", true, true),
        ("box:80", "https://box", true, false),
        ("box:443", "http://box", false, false),
        ("box", "https://box", false, false),
        // Addresses.
        ("[::1]:8000", "http://[::1]:8000", false, true),
        ("[::1]:8000", "http://[::1]:8001", false, false),
        ("[::1]", "http://[::1]", false, true),
        ("[::1]:80", "http://[::1]", false, true),
        ("[FE80::1]:8000", "http://[fe80::1]:8000", false, true),
        ("[::1]:8000", "http://[::2]:8000", false, false),
        ("[::1]:8000", "http://::1:8000", false, false),
        ("192.0.2.7:8000", "http://192.0.2.7:8000", false, true),
        ("192.0.2.7:8000", "http://192.0.2.70:8000", false, false),
        // Browsers write such names in ASCII.
        ("localhost:8000", "http://localh\u{f6}st:8000", false, false),
    ];
    for (host, origin, secure, want) in table {
        let fields = format!("Origin: {origin}");
        assert_eq!(may(host, &fields, secure), want, "{host} {fields} {secure}");
    }
    assert!(!may("box", "Origin: http://box\nOrigin: http://evil.example", false));
    assert!(!may("box", "Origin: http://evil.example\nOrigin: http://box", false));
}

#[test]
fn the_host_of_the_target_counts_before_the_field() {
    let policy = policy();
    let fields = "Host: other:1\nOrigin: http://localhost:8000";
    assert!(refusal("PUT http://localhost:8000/a", fields, &policy).is_none());
    let fields = "Host: localhost:8000\nOrigin: http://localhost:8000";
    assert!(refusal("PUT http://other:1/a", fields, &policy).is_some());
}

#[test]
fn without_a_host_no_origin_is_ours() {
    let bytes = b"PUT /a HTTP/1.0\r\nOrigin: http://localhost\r\nContent-Length: 0\r\n\r\n";
    let request = head::request(bytes).unwrap().expect("a whole head");
    assert_eq!(check(&request, &policy()).expect_err("nothing to compare with").status, 403);
}

#[test]
fn the_pages_that_are_sent_have_forms_say_where_they_come_from() {
    for facts in [Facts::Folder, found("index.html"), found("a.svg")] {
        let path = if facts == found("a.svg") { "/a.svg" } else { "/" };
        let reply = answer(&format!("GET {path} HTTP/1.1\nHost: box"), &facts);
        assert_eq!(reply.get("Referrer-Policy"), Some("same-origin"), "{facts:?}");
    }
}
