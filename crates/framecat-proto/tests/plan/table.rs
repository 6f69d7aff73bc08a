//! A row a rule.

use super::*;
use framecat_proto::http::Then;

#[test]
fn a_file_is_sent_with_what_tells_it_from_others() {
    let reply = get("");
    assert_eq!((reply.status, reply.then), (200, Then::KeepAlive));
    assert_eq!(content(&reply), "0+1000");
    assert_eq!(reply.body.length(), Some(SIZE));
    assert_eq!(
        String::from_utf8(reply.fields).unwrap(),
        "Content-Type: text/plain; charset=utf-8\r\n\
         Accept-Ranges: bytes\r\n\
         ETag: \"ae1b981bc490a7b-3e8-538454137b096493\"\r\n\
         Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\n\
         Cache-Control: no-cache\r\n\
         X-Content-Type-Options: nosniff\r\n\
         Vary: Accept-Encoding\r\n"
    );
}

#[test]
fn methods_are_read_ones_or_refused_by_the_right_status() {
    let allow = Some("GET, HEAD, OPTIONS");
    for (line, status, allowed, then) in [
        ("GET /a.txt", 200, None, Then::KeepAlive),
        ("HEAD /a.txt", 200, None, Then::KeepAlive),
        ("OPTIONS /a.txt", 200, allow, Then::KeepAlive),
        ("OPTIONS *", 200, allow, Then::KeepAlive),
        ("OPTIONS http://localhost:80", 200, allow, Then::KeepAlive),
        ("POST /a.txt", 405, allow, Then::KeepAlive),
        ("PUT /a.txt", 405, allow, Then::KeepAlive),
        ("DELETE /", 405, allow, Then::KeepAlive),
        ("TRACE /a.txt", 405, allow, Then::KeepAlive),
        ("CONNECT other:443", 405, allow, Then::Close),
        ("CONNECT other:0", 400, None, Then::Close),
        ("CONNECT other:", 400, None, Then::Close),
        ("CONNECT other:65536", 400, None, Then::Close),
        ("GET *", 400, None, Then::Close),
        ("PATCH /a.txt", 501, None, Then::KeepAlive),
        ("get /a.txt", 501, None, Then::KeepAlive),
        ("BREW /pot", 501, None, Then::KeepAlive),
    ] {
        let reply = answer(&format!("{line} HTTP/1.1\nHost: localhost"), &found("a.txt"));
        assert_eq!(
            (reply.status, reply.get("Allow"), reply.then),
            (status, allowed, then),
            "{line}"
        );
    }
}

#[test]
fn only_our_own_names_are_answered_for() {
    for (host, status) in [
        ("localhost", 200),
        ("LOCALHOST.:8000", 200),
        ("files.localhost", 200),
        ("127.0.0.1:8000", 200),
        ("192.0.2.7", 200),
        ("[::1]:8000", 200),
        ("[fe80::1]", 200),
        ("box.LAN:80", 200),
        ("", 200),
        ("evil.example", 421),
        ("raspberrypi", 200),
        ("evil.notlocalhost", 421),
        ("localhost.evil.example", 421),
        ("127.0.0.1.evil.example", 421),
        ("[::1].evil.example", 400),
        ("[evil.example]", 400),
        ("xbox.lan", 421),
        ("127.0.0.1@evil.example", 400),
    ] {
        let text = format!("GET /a.txt HTTP/1.1\nHost: {host}");
        assert_eq!(answer(&text, &found("a.txt")).status, status, "{host}");
        let any = Policy { hosts: Hosts::Any, ..policy() };
        let status = if status == 421 { 200 } else { status };
        assert_eq!(answered(&text, &found("a.txt"), &any, NOW).1.status, status, "{host}");
    }
    for (target, status) in [
        ("http://localhost/a.txt", 200),
        ("HTTP://localhost:9/a.txt", 200),
        ("http://evil.example/a.txt", 421),
        ("https://localhost/a.txt", 421),
        ("ftp://localhost/a.txt", 421),
        ("http:///a.txt", 400),
        ("http://:80/a.txt", 400),
        ("http://localhost@evil.example/a.txt", 400),
    ] {
        // The target's host counts, whatever Host says.
        let text = format!("GET {target} HTTP/1.1\nHost: evil.example");
        assert_eq!(answer(&text, &found("a.txt")).status, status, "{target}");
    }
}

#[test]
fn what_is_not_there_or_not_served_is_said_so() {
    for (target, facts, status) in [
        ("/a.txt", Facts::Missing, 404),
        ("/a.txt", Facts::Denied, 403),
        ("/.git/config", found("config"), 404),
        ("/a.txt/", found("a.txt"), 404),
        ("/../../etc/passwd", found("passwd"), 400),
        ("/%2e%2e/a", found("a"), 400),
        ("/..%2fa", found("a"), 400),
        ("/a%00", found("a"), 400),
        ("/%zz", found("a"), 400),
    ] {
        let reply = answer(&format!("GET {target} HTTP/1.1\nHost: localhost"), &facts);
        // What is no target is no request, and ends the connection.
        let then = if target == "/%zz" { Then::Close } else { Then::KeepAlive };
        assert_eq!((reply.status, reply.then), (status, then), "{target}");
        assert_eq!(reply.get("X-Content-Type-Options"), Some("nosniff"));
    }
}

/// RFC 9112 section 3.2: 400 or 301 for what a target may not hold. Browsers send these octets, so it is 301,
/// whatever is there.
#[test]
fn a_target_that_browsers_send_and_the_grammar_has_not_is_sent_to_the_right_one() {
    for (target, location) in [
        ("/a[1].txt", "/a%5B1%5D.txt"),
        ("/a|b/", "/a%7Cb/"),
        ("/|", "/%7C"),
        ("/?a[]=1", "/?a%5B%5D=1"),
        ("/a?x={'&y=`^\\|", "/a?x=%7B'&y=%60%5E%5C%7C"),
        ("//evil.example/|", "/evil.example/%7C"),
        ("http://localhost/a|b", "/a%7Cb"),
    ] {
        for (method, facts) in
            [("GET", found("a.txt")), ("HEAD", Facts::Folder), ("GET", Facts::Missing)]
        {
            let reply = answer(&format!("{method} {target} HTTP/1.1\nHost: localhost"), &facts);
            let told = (reply.status, reply.get("Location"), reply.then);
            assert_eq!(told, (301, Some(location), Then::KeepAlive), "{method} {target}");
            // What it leads to leads nowhere else.
            let text = format!("{method} {location} HTTP/1.1\nHost: localhost");
            assert_ne!(answer(&text, &found("a.txt")).status, 301, "{location}");
        }
        let reply = answer(&format!("POST {target} HTTP/1.1\nHost: localhost"), &found("a.txt"));
        assert_eq!(reply.status, 405, "{target}");
    }
    let hidden = answer("GET /.a[1] HTTP/1.1\nHost: localhost", &found("a.txt"));
    assert_eq!(hidden.status, 404);
}

#[test]
fn a_folder_is_its_index_file_or_a_list_and_ends_in_a_slash() {
    for (target, location) in [
        ("/a", "/a/"),
        ("//evil.example", "/evil.example/"),
        ("//evil.example/%2561", "/evil.example/%2561/"),
        ("/%0d%0aX-Injected:1", "/%0D%0AX-Injected%3A1/"),
        ("/a?json", "/a/?json"),
        ("/a?x=%7B'&y=%60%7C", "/a/?x=%7B'&y=%60%7C"),
        ("/%22%3E%3Cscript%3E", "/%22%3E%3Cscript%3E/"),
        ("http://localhost/a", "/a/"),
        // Whose page leads up by `../`: each of its slashes has to count.
        ("//", "/"),
        ("//a//", "/a/"),
        ("/a//b/?sort=-time", "/a/b/?sort=-time"),
    ] {
        let text = format!("GET {target} HTTP/1.1\nHost: localhost");
        let reply = answer(&text, &Facts::Folder);
        assert_eq!((reply.status, reply.get("Location")), (301, Some(location)), "{target}");
        assert!(!content(&reply).contains("<script"), "{target}");
    }
    for (target, index, form) in
        [("/", true, "Html"), ("/a/?json", false, "Json"), ("/?x&json=1", false, "Json")]
    {
        let text = format!("GET {target} HTTP/1.1\nHost: localhost");
        let (needs, reply) = answered(&text, &Facts::Folder, &policy(), NOW);
        assert_eq!((needs.unwrap().index, reply.status), (index, 200), "{target}");
        assert_eq!((&*content(&reply), reply.body.length()), (form, None), "{target}");
    }
    for (target, form, name) in [
        ("/?tar", "Tar", "files.tar"),
        ("/b/a/?x&zip=1", "Zip", "a.zip"),
        ("/a/?tar&json", "Tar", "a.tar"),
    ] {
        let text = format!("GET {target} HTTP/1.1\nHost: localhost");
        let (needs, reply) = answered(&text, &Facts::Folder, &policy(), NOW);
        assert_eq!((needs.unwrap().index, reply.status), (false, 200), "{target}");
        assert_eq!((&*content(&reply), reply.body.length()), (form, None), "{target}");
        let disposition = format!("attachment; filename=\"{name}\"");
        assert_eq!(reply.get("Content-Disposition"), Some(&*disposition), "{target}");
        let text = text + "\nIf-None-Match: *";
        assert_eq!(answer(&text, &Facts::Folder).status, 304, "{target}");
        let text = format!("GET {target} HTTP/1.1\nHost: localhost\nAccept-Encoding: identity;q=0");
        assert_eq!(answer(&text, &Facts::Folder).status, 406, "{target}");
    }
    assert_eq!(answer("GET /a.txt?zip HTTP/1.1\nHost: localhost", &found("a.txt")).status, 404);
    for (target, digest) in [("/a.txt?sha256", "Sha256"), ("/a.txt?x&blake3=1", "Blake3")] {
        let text = format!("GET {target} HTTP/1.1\nHost: localhost\nAccept-Encoding: gzip");
        let (needs, reply) = answered(&text, &found("a.txt"), &policy(), NOW);
        assert_eq!(needs.unwrap().accepted.codings().count(), 0, "no precompressed file is meant");
        assert_eq!((reply.status, &*content(&reply)), (200, digest), "{target}");
        assert_eq!(answer(&text, &Facts::Folder).status, 404, "{target}");
        assert_eq!(answer(&(text + "\nRange: bytes=0-1"), &found("a.txt")).status, 200);
    }
    let reply = answer("GET /a/ HTTP/1.1\nHost: localhost", &found("index.html"));
    assert_eq!(reply.get("Content-Type"), Some("text/html; charset=utf-8"));
}
