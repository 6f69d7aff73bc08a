//! What is done for a request that changes something, by what has the name: a row a rule.

use super::*;
use framecat_proto::http::conditional::Validators;
use framecat_proto::http::write::{Deed, Put, Rights, There, Way, deed};

fn uploads() -> Policy {
    Policy { rights: Rights::UPLOAD, ..policy() }
}

fn replaces() -> Policy {
    Policy { rights: Rights { replace: true, ..Rights::UPLOAD }, ..policy() }
}

/// What the request wants done; `Content-Length: 5` where it says nothing of its length.
fn wanted(text: &str, policy: &Policy) -> Result<Option<Deed>, Reply> {
    let length = match text.contains("Content-Length") || text.contains("Transfer-Encoding") {
        true => "",
        false => "\nContent-Length: 5",
    };
    let bytes = bytes(&format!("{}{length}", text.trim_end()));
    let request = head::request(&bytes).expect("a request").expect("a whole head");
    deed(&request, policy)
}

fn put(fields: &str) -> Put {
    let text = format!("PUT /a.txt HTTP/1.1\nHost: localhost\n{fields}");
    match wanted(&text, &uploads()) {
        Ok(Some(Deed::Put(put))) => put,
        other => panic!("{fields}: {other:?}"),
    }
}

#[test]
fn a_put_names_a_file_or_is_refused_by_the_right_status() {
    for (target, path) in [
        ("/a.txt", "a.txt"),
        ("/a/b/c.txt", "a/b/c.txt"),
        ("//a///b", "a/b"),
        ("/%E6%96%B0%20%E5%BB%BA.txt", "新 建.txt"),
        ("http://localhost/a", "a"),
        ("/a?x", "a"),
        ("/%252e%252e", "%2e%2e"),
        ("/c:x", "c:x"),
        ("/...a", ""),
    ] {
        let text = format!("PUT {target} HTTP/1.1\nHost: localhost");
        match (wanted(&text, &uploads()), path) {
            (Ok(Some(Deed::Put(put))), path) => {
                assert_eq!((put.path.to_string().as_str(), put.size), (path, Some(5)), "{target}");
            }
            (Err(reply), "") => assert_eq!(reply.status, 404, "{target}"),
            (other, _) => panic!("{target}: {other:?}"),
        }
    }
    let long = format!("/{}", "a".repeat(256));
    let deep = "/a".repeat(65);
    for (target, status) in [
        ("/", 409),
        ("/a/", 409),
        ("/../a", 400),
        ("/a/..", 400),
        ("/%2e%2e/a", 400),
        ("/..%2fa", 400),
        ("/a%00", 400),
        ("/a%0Ab", 400),
        ("/%1B%5B2J", 400),
        ("/%FF", 400),
        ("/%C0%AE%C0%AE/a", 400),
        ("/gpj%E2%80%AEexe", 400),
        ("/a%5Cb", 400),
        ("/..%5Ca", 404),
        ("/a[1].txt", 400),
        (&long, 400),
        (&deep, 400),
        ("/.bashrc", 404),
        ("/a/.git/config", 404),
        ("/.framecat-0123456789abcdef.part", 404),
        ("http://evil.example/a", 421),
        ("https://localhost/a", 421),
    ] {
        let text = format!("PUT {target} HTTP/1.1\nHost: localhost");
        let reply = wanted(&text, &uploads()).unwrap_err();
        assert_eq!(reply.status, status, "{target}");
        // Who reads must not say otherwise.
        assert_eq!(answered(&text, &Facts::Missing, &uploads(), NOW).1.status, status, "{target}");
    }
    let hidden = Policy { hidden: true, ..uploads() };
    for (target, status) in [("/.bashrc", 0), ("/.framecat-x", 400), ("/a/.FRAMECAT-x", 400)] {
        let text = format!("PUT {target} HTTP/1.1\nHost: localhost");
        let status_of = wanted(&text, &hidden).map_or_else(|reply| reply.status, |_| 0);
        assert_eq!(status_of, status, "{target}");
    }
}

#[test]
fn what_a_field_says_of_the_content_is_heeded() {
    for (fields, status) in [
        ("", 0),
        ("Content-Length: 0", 0),
        ("Content-Length: 1048576", 0),
        ("Content-Length: 1048577", 413),
        ("Content-Length: 18446744073709551615", 413),
        ("Transfer-Encoding: chunked", 0),
        ("Expect: 100-continue", 0),
        ("Expect: the unexpected", 417),
        ("Content-Range: bytes 0-2/10", 400),
        ("Content-Range: junk", 400),
        ("Content-Encoding: gzip", 415),
        ("Content-Encoding: identity", 0),
        ("Content-Type: multipart/form-data", 0),
    ] {
        let text = format!("PUT /a.txt HTTP/1.1\nHost: localhost\n{fields}");
        let policy = Policy { max_upload: 1 << 20, ..uploads() };
        let status_of = wanted(&text, &policy).map_or_else(|reply| reply.status, |_| 0);
        assert_eq!(status_of, status, "{fields}");
    }
    let nothing = bytes("PUT /a.txt HTTP/1.1\nHost: localhost");
    let request = head::request(&nothing).unwrap().unwrap();
    assert_eq!(deed(&request, &uploads()).unwrap_err().status, 411);
}

#[test]
fn what_may_not_be_done_is_405_and_allow_says_what_may() {
    for (method, allow, upload) in [
        ("PUT", "GET, HEAD, OPTIONS", false),
        ("POST", "GET, HEAD, OPTIONS", false),
        ("DELETE", "GET, HEAD, OPTIONS, POST, PUT", true),
    ] {
        let policy = if upload { uploads() } else { policy() };
        let text = format!("{method} /a.txt HTTP/1.1\nHost: localhost");
        let reply = wanted(&text, &policy).unwrap_err();
        assert_eq!((reply.status, reply.get("Allow")), (405, Some(allow)), "{method}");
        assert_eq!(answered(&text, &Facts::Missing, &policy, NOW).1, reply);
    }
    for method in ["GET", "HEAD", "OPTIONS", "TRACE", "PATCH"] {
        let text = format!("{method} /a.txt HTTP/1.1\nHost: localhost");
        assert_eq!(wanted(&text, &uploads()), Ok(None), "{method}");
    }
    let options = answered("OPTIONS * HTTP/1.1\nHost: a", &Facts::Missing, &uploads(), NOW).1;
    assert_eq!(options.get("Allow"), Some("GET, HEAD, OPTIONS, POST, PUT"));
}

#[test]
fn a_name_that_is_taken_is_not_given_twice_unless_files_may_be_replaced() {
    for (there, uploaded, replaced) in [
        (There::Nothing, Ok(Way::New), Ok(Way::New)),
        (There::File(file()), Err(409), Ok(Way::Replace)),
        (There::Folder, Err(409), Err(409)),
        (There::Other, Err(409), Err(409)),
    ] {
        let judged = |policy: &Policy| put("").judge(&there, policy, NOW).map_err(|r| r.status);
        assert_eq!(judged(&uploads()), uploaded, "{there:?}");
        assert_eq!(judged(&replaces()), replaced, "{there:?}");
    }
    let new = put("").saved(Way::New);
    assert_eq!((new.status, new.get("Location")), (201, Some("/a.txt")));
    assert_eq!(content(&new), "saved a.txt\n");
    assert_eq!(put("").saved(Way::Replace).status, 204);
}

#[test]
fn conditions_are_asked_for_where_it_would_be_done_without_them() {
    let tag = Validators::of(&file(), None, NOW).etag;
    let changed = "Sun, 06 Nov 1994 08:49:37 GMT";
    let before = "Sun, 06 Nov 1994 08:49:36 GMT";
    for (fields, missing, there) in [
        ("If-None-Match: *".to_string(), 201, 412),
        (format!("If-None-Match: {tag}"), 201, 412),
        (format!("If-None-Match: W/{tag}"), 201, 412),
        ("If-None-Match: \"other\"".into(), 201, 204),
        ("If-Match: *".into(), 412, 204),
        (format!("If-Match: \"x\", {tag}"), 412, 204),
        (format!("If-Match: W/{tag}"), 412, 412),
        ("If-Match: \"other\"".into(), 412, 412),
        (format!("If-Unmodified-Since: {changed}"), 201, 204),
        (format!("If-Unmodified-Since: {before}"), 201, 412),
        ("If-Unmodified-Since: yesterday".into(), 201, 204),
        // RFC 9110 section 13.1.3: for GET and HEAD alone.
        (format!("If-Modified-Since: {changed}"), 201, 204),
    ] {
        let status = |there: There, policy: &Policy| {
            let judged = put(&fields).judge(&there, policy, NOW);
            judged.map_or_else(|reply| reply.status, |way| put("").saved(way).status)
        };
        assert_eq!(status(There::Nothing, &replaces()), missing, "{fields}");
        assert_eq!(status(There::File(file()), &replaces()), there, "{fields}");
        // Without the right it is a conflict, whatever the conditions (RFC 9110 section 13.2.1).
        assert_eq!(status(There::File(file()), &uploads()), 409, "{fields}");
    }
}
