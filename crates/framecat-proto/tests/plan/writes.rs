//! What is done for a request that changes something, by what has the name: a row a rule.

use super::*;
use framecat_proto::http::conditional::Validators;
use framecat_proto::http::write::{Deed, Delete, Put, Rename, Rights, There, Way, deed};

fn uploads() -> Policy {
    Policy { rights: Rights::UPLOAD, ..policy() }
}

fn replaces() -> Policy {
    Policy { rights: Rights { replace: true, ..Rights::UPLOAD }, ..policy() }
}

fn full() -> Policy {
    Policy { rights: Rights::FULL, ..policy() }
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
        ("/a?", "a"),
        ("/a?&", "a"),
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
    let options = answered("OPTIONS * HTTP/1.1\nHost: a", &Facts::Missing, &full(), NOW).1;
    assert_eq!(options.get("Allow"), Some("GET, HEAD, OPTIONS, POST, PUT, DELETE"));
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
    let numbers = Policy { numbers: true, ..uploads() };
    for there in [There::File(file()), There::Folder, There::Other] {
        assert_eq!(put("").judge(&there, &numbers, NOW), Ok(Way::Numbered), "{there:?}");
    }
    let place = put("").path.renamed("a (1).txt").unwrap();
    let numbered = put("").saved(Way::Numbered, &place);
    assert_eq!((numbered.status, numbered.get("Location")), (201, Some("/a%20%281%29.txt")));
    let new = put("").saved(Way::New, &put("").path);
    assert_eq!((new.status, new.get("Location")), (201, Some("/a.txt")));
    assert_eq!(content(&new), "saved a.txt\n");
    assert_eq!(put("").saved(Way::Replace, &put("").path).status, 204);
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
            judged.map_or_else(|reply| reply.status, |way| put("").saved(way, &put("").path).status)
        };
        assert_eq!(status(There::Nothing, &replaces()), missing, "{fields}");
        assert_eq!(status(There::File(file()), &replaces()), there, "{fields}");
        // Without the right it is a conflict, whatever the conditions (RFC 9110 section 13.2.1).
        assert_eq!(status(There::File(file()), &uploads()), 409, "{fields}");
    }
}

#[test]
fn a_letter_box_tells_nothing_of_what_is_in_it() {
    let drop = Policy { rights: Rights::DROP, numbers: true, ..policy() };
    let reply = |line: &str, facts: &Facts| {
        answered(&format!("{line} HTTP/1.1\nHost: localhost"), facts, &drop, NOW).1
    };
    for there in [Facts::Missing, Facts::Denied, Facts::Folder, found("a.txt")] {
        for line in [
            "GET /a.txt",
            "HEAD /a.txt",
            "GET /a/",
            "GET /a?json",
            "GET /?json",
            "GET /?tar",
            "GET /?zip",
            "GET /?sha256",
            "GET /a.txt?blake3",
            "GET /[a]",
        ] {
            assert_eq!(reply(line, &there).status, 404, "{line} {there:?}");
        }
    }
    assert_eq!(reply("GET /", &Facts::Folder).status, 200);
    for (request, want) in [
        ("PUT /a", "put a"),
        ("PUT /a/b", "404"),
        ("PUT /", "409"),
        ("POST /a/", "404"),
        ("POST /", "415"),
        ("POST /a?upload", "upload a"),
        ("POST /a/b?upload", "404"),
        ("POST /a?mkdir", "405"),
        ("POST /a?rename=b", "405"),
        ("DELETE /a", "405"),
    ] {
        assert_eq!(told(request, &drop), want, "{request}");
    }
    // Whatever has the name, and whatever is asked of it, it is the same.
    for fields in [
        "",
        "If-None-Match: *",
        "If-Match: *",
        "If-Unmodified-Since: Sun, 06 Nov 1994 08:49:36 GMT",
    ] {
        let judged = |there: There| put(fields).judge(&there, &drop, NOW).map_err(|r| r.status);
        let free = judged(There::Nothing).map(drop_way);
        for there in [There::File(file()), There::Folder, There::Other] {
            assert_eq!(judged(there).map(drop_way), free, "{fields} {there:?}");
        }
    }
}

/// What is told of the way.
fn drop_way(way: Way) -> Reply {
    put("").saved(way, &put("").path)
}

/// What the request is taken for, in a word and a path or two; or its status.
fn told(text: &str, policy: &Policy) -> String {
    let path = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    match wanted(&format!("{text} HTTP/1.1\nHost: localhost\nContent-Length: 0"), policy) {
        Err(reply) => reply.status.to_string(),
        Ok(None) => "nothing".into(),
        Ok(Some(Deed::Put(put))) => format!("put {}", put.path),
        Ok(Some(Deed::Form(_))) => "form".into(),
        Ok(Some(Deed::Upload(upload))) => format!("upload {}", upload.put.path),
        Ok(Some(Deed::Make(make))) => format!("make {}", make.path),
        Ok(Some(Deed::Rename(rename))) => {
            format!("rename {} {}", path(&rename.from.bytes), rename.to)
        }
        Ok(Some(Deed::Delete(delete))) => format!("delete {}", path(&delete.path.bytes)),
    }
}

#[test]
fn folders_are_made_and_things_renamed_and_deleted_by_the_rights_to_it() {
    for (request, want) in [
        ("POST /a/?mkdir", "make a"),
        ("POST /a/b?mkdir", "make a/b"),
        ("POST /a/b?mkdir=1", "400"),
        ("POST /photos/?mkdir=sub", "400"),
        ("POST /a/b?mkdir=", "make a/b"),
        ("POST /x/a?rename=b+c%2Bd", "rename x/a x/b c+d"),
        ("POST /?mkdir", "403"),
        ("POST /.a?mkdir", "404"),
        ("POST /a%0Ab?mkdir", "400"),
        ("POST /a%5Cb?mkdir", "400"),
        ("POST /../a?mkdir", "400"),
        ("POST /a?rename=b", "rename a b"),
        ("POST /x/a?rename=b%20c", "rename x/a x/b c"),
        ("POST /x/a?rename=/b", "rename x/a b"),
        ("POST /x/a?rename=/y/b/", "rename x/a y/b"),
        ("POST /x/a?rename=%2Fb", "400"),
        ("POST /x/a?rename=y/b", "400"),
        ("POST /x/a?rename=..", "400"),
        ("POST /x/a?rename=/../b", "400"),
        ("POST /x/a?rename=", "400"),
        ("POST /x/a?rename", "400"),
        ("POST /x/a?rename=/", "400"),
        ("POST /x/a?rename=.b", "404"),
        ("POST /x/a?rename=%1B", "400"),
        ("POST /x/a?rename=%FF", "400"),
        ("POST /x?rename=/x/y", "409"),
        ("POST /x?rename=/x2", "rename x x2"),
        ("POST /?rename=b", "403"),
        // What has a name that nothing is given here can be got rid of.
        ("POST /a%0Ab%FF?rename=c", "rename a\nb\u{fffd} c"),
        ("DELETE /a%0Ab%FF", "delete a\nb\u{fffd}"),
        ("DELETE /a/b", "delete a/b"),
        ("DELETE /a/b/", "delete a/b"),
        ("DELETE /", "403"),
        ("DELETE //", "403"),
        ("DELETE /sub/..", "400"),
        ("DELETE /%2e%2e/a", "400"),
        ("DELETE /.git", "404"),
        ("POST /a", "415"),
        ("POST /a?x", "415"),
        // What is about an upload in pieces is never done to the file itself.
        ("DELETE /a?upload=0123456789abcdef", "upload a"),
        ("DELETE /a?upload", "400"),
        ("DELETE /a?upload=x", "404"),
        ("POST /a?upload&mkdir", "upload a"),
        ("POST /a?rename=b&upload", "upload a"),
        ("PUT /a?mkdir", "400"),
    ] {
        assert_eq!(told(request, &full()), want, "{request}");
    }
    let hidden = Policy { hidden: true, ..full() };
    for (request, want) in [
        ("DELETE /.git", "delete .git"),
        ("DELETE /.framecat-0.part", "404"),
        ("POST /.framecat-0.part?rename=a", "404"),
        ("POST /a?rename=.framecat-0.part", "400"),
        ("POST /.framecat-x?mkdir", "400"),
    ] {
        assert_eq!(told(request, &hidden), want, "{request}");
    }
    for (request, uploads_want) in [
        ("POST /a?mkdir", "make a"),
        ("POST /a?rename=b", "405"),
        ("DELETE /a", "405"),
        ("PUT /a", "put a"),
    ] {
        assert_eq!(told(request, &uploads()), uploads_want, "{request}");
        assert_eq!(told(request, &policy()), "405", "{request}");
    }
}

#[test]
fn what_is_not_there_is_not_deleted_or_renamed_and_nothing_is_replaced() {
    let delete = |target: &str, fields: &str| -> Delete {
        match wanted(&format!("DELETE {target} HTTP/1.1\nHost: a\n{fields}"), &full()) {
            Ok(Some(Deed::Delete(delete))) => delete,
            other => panic!("{other:?}"),
        }
    };
    let tag = Validators::of(&file(), None, NOW).etag;
    let [nothing, a_file, folder, other] =
        [There::Nothing, There::File(file()), There::Folder, There::Other];
    for (target, fields, there, want) in [
        ("/a", "", nothing, 404),
        ("/a", "", a_file, 204),
        ("/a", "", folder, 204),
        ("/a", "", other, 204),
        ("/a/", "", folder, 204),
        ("/a/", "", a_file, 404),
        ("/a/", "", other, 404),
        ("/a", "If-Match: *", nothing, 404),
        ("/a", "If-Match: *", folder, 204),
        ("/a", "If-Match: \"x\"", folder, 412),
        ("/a", "If-Match: \"x\"", a_file, 412),
        ("/a", "If-None-Match: *", a_file, 412),
        ("/a", &format!("If-Match: {tag}"), a_file, 204),
    ] {
        let delete = delete(target, fields);
        let status =
            delete.judge(&there, NOW).map_or_else(|r| r.status, |()| delete.deleted().status);
        assert_eq!(status, want, "{target} {fields} {there:?}");
    }
    let rename = |fields: &str| -> Rename {
        match wanted(&format!("POST /a?rename=b HTTP/1.1\nHost: a\n{fields}"), &full()) {
            Ok(Some(Deed::Rename(rename))) => rename,
            other => panic!("{other:?}"),
        }
    };
    for (fields, there, taken, want) in [
        ("", a_file, nothing, 201),
        ("", other, nothing, 201),
        ("", nothing, nothing, 404),
        ("", a_file, a_file, 409),
        ("", a_file, folder, 409),
        ("", folder, other, 409),
        ("If-Match: \"x\"", a_file, nothing, 412),
        (&format!("If-Match: {tag}"), a_file, nothing, 201),
    ] {
        let rename = rename(fields);
        let judged = rename.judge(&there, &taken, NOW);
        let status = judged.map_or_else(|reply| reply.status, |()| rename.renamed(&there).status);
        assert_eq!(status, want, "{fields} {there:?} {taken:?}");
    }
    assert_eq!(rename("").renamed(&a_file).get("Location"), Some("/b"));
    assert_eq!(rename("").renamed(&folder).get("Location"), Some("/b/"));
}

#[test]
fn what_means_something_to_another_server_is_not_done_to_the_thing_itself() {
    for (line, done) in [
        ("DELETE /photos/", true),
        ("DELETE /photos/?", true),
        ("DELETE /photos/?file=a.jpg", false),
        ("DELETE /a?%75pload=0123456789abcdef", false),
        ("DELETE /a?mkdir", false),
        ("DELETE /a?versionId=3", false),
        ("PUT /a?partNumber=2&uploadId=x", false),
        ("PUT /a?acl", false),
        ("PUT /a?rename=b", false),
        ("POST /a?rename=b", true),
        ("POST /a?rename=b&rename=c", false),
        ("POST /a?rename=b&mkdir", false),
        ("POST /a?mkdir&", true),
        ("POST /a?mkdir&x", false),
    ] {
        let text = format!("{line} HTTP/1.1\nHost: localhost");
        match wanted(&text, &full()) {
            Ok(deed) => assert!(done && deed.is_some(), "{line}"),
            Err(reply) => assert_eq!((done, reply.status), (false, 400), "{line}"),
        }
    }
}
