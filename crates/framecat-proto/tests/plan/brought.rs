//! Forms and uploads in pieces: what a request wants, before anything is looked at.

use super::*;
use framecat_proto::http::form::{Became, Form};
use framecat_proto::http::resume::{Piece, Step, Upload, UploadId};
use framecat_proto::http::write::{Deed, Rights, deed};
use framecat_proto::path::SafePath;

fn uploads() -> Policy {
    Policy { rights: Rights::UPLOAD, ..policy() }
}

fn wanted(text: &str) -> Result<Option<Deed>, Reply> {
    let bytes = bytes(text);
    let request = head::request(&bytes).expect("a request").expect("a whole head");
    deed(&request, &uploads())
}

fn form(target: &str, fields: &str) -> Form {
    let text = format!(
        "POST {target} HTTP/1.1\nHost: localhost\nContent-Type: multipart/form-data; boundary=B\n\
         Content-Length: 5\n{fields}"
    );
    match wanted(&text) {
        Ok(Some(Deed::Form(form))) => form,
        other => panic!("{text}: {other:?}"),
    }
}

fn upload(line: &str, fields: &str) -> Result<Upload, u16> {
    match wanted(&format!("{line} HTTP/1.1\nHost: localhost\n{fields}")) {
        Ok(Some(Deed::Upload(upload))) => Ok(upload),
        Err(reply) => Err(reply.status),
        other => panic!("{line} {fields}: {other:?}"),
    }
}

fn path(names: &[&str]) -> SafePath {
    SafePath::new(names.iter().map(|name| name.as_bytes())).unwrap()
}

#[test]
fn a_form_is_for_a_folder_and_a_browser_is_led_back_to_it() {
    let saved = [Became::Saved(path(&["a"]))];
    for (target, folder, makes, place) in [
        ("/", None, true, "/"),
        ("/in/", Some(path(&["in"])), true, "/in/"),
        ("/in", Some(path(&["in"])), false, "/in/"),
        ("/a%20b/%E6%96%B0/?x", Some(path(&["a b", "新"])), true, "/a%20b/%E6%96%B0/"),
        // Two slashes would lead to another host.
        ("//evil.example/", Some(path(&["evil.example"])), true, "/evil.example/"),
    ] {
        let form = form(target, "Accept: text/html, */*");
        assert_eq!((&form.folder, form.makes, form.size), (&folder, makes, Some(5)), "{target}");
        let reply = form.done(&saved);
        let place = format!("{place}#saved");
        assert_eq!((reply.status, reply.get("Location")), (303, Some(&place[..])), "{target}");
    }
    for accepts in ["Accept: */*", "Accept: application/json", "X: text/html"] {
        assert!(!form("/", accepts).browser, "{accepts}");
    }
}

#[test]
fn what_became_of_the_files_of_a_form_is_told_a_line_each() {
    let all = [Became::Saved(path(&["in", "a"])), Became::Saved(path(&["in", "b"]))];
    let reply = form("/in/", "").done(&all);
    assert_eq!((reply.status, content(&reply).as_str()), (201, "saved in/a\nsaved in/b\n"));
    let lines = "saved in/a\nnot saved in/b: its name was taken meanwhile\n\
                 not saved in/c: one before it was not\n";
    for accepts in ["", "Accept: text/html"] {
        let some = [
            all[0].clone(),
            Became::Refused(path(&["in", "b"]), 409),
            Became::Left(path(&["in", "c"])),
        ];
        let reply = form("/in/", accepts).done(&some);
        assert_eq!((reply.status, content(&reply).as_str()), (409, lines), "{accepts}");
        assert_eq!(reply.get("Content-Type"), Some("text/plain; charset=utf-8"));
    }
}

#[test]
fn the_files_of_a_form_lie_in_its_folder() {
    let form = form("/in/", "");
    let put = form.file(&path(&["a"]), &uploads()).unwrap();
    assert_eq!((put.path, put.size), (path(&["in", "a"]), None));
    let hidden = form.file(&path(&[".a"]), &uploads());
    assert_eq!(hidden.unwrap_err().status, 400);
    let shown = Policy { hidden: true, ..uploads() };
    assert!(form.file(&path(&[".a"]), &shown).is_ok());
    let deep = "/a".repeat(64) + "/";
    let deepest = self::form(&deep, "");
    assert_eq!(deepest.file(&path(&["b"]), &uploads()).unwrap_err().status, 400, "too deep");
}

#[test]
fn what_is_asked_of_an_upload_is_told_by_method_and_query() {
    let id = UploadId(0x0123_4567_89ab_cdef);
    let at = "/in/a?upload=0123456789abcdef";
    let piece = Piece { from: Some(5), len: 4, total: Some(9) };
    for (line, fields, step, size) in [
        ("POST /in/a?upload".to_string(), "", Step::Begin, None),
        ("POST /in/a?x&upload".into(), "Upload-Length: 9\nContent-Length: 0", Step::Begin, Some(9)),
        (format!("HEAD {at}"), "", Step::Tell(id), None),
        (format!("DELETE {at}"), "", Step::Forget(id), None),
        (
            format!("PUT {at}"),
            "Content-Range: bytes 5-8/9\nContent-Length: 4",
            Step::Take(id, piece),
            Some(9),
        ),
        (
            format!("PUT {at}"),
            "Content-Length: 5",
            Step::Take(id, Piece { from: Some(0), len: 5, total: Some(5) }),
            Some(5),
        ),
        (
            format!("PUT {at}"),
            "Content-Range: bytes 5-8/*\nTransfer-Encoding: chunked",
            Step::Take(id, Piece { total: None, ..piece }),
            None,
        ),
    ] {
        let upload = upload(&line, fields).unwrap();
        assert_eq!((upload.step, upload.put.size), (step, size), "{line}");
        assert_eq!(upload.put.path, path(&["in", "a"]), "{line}");
    }
    for (line, fields, status) in [
        ("POST /a/?upload", "", 409),
        ("POST /?upload", "", 409),
        ("POST /a?upload", "Content-Length: 5", 400),
        ("POST /a?upload", "Transfer-Encoding: chunked", 400),
        ("POST /a?upload", "Upload-Length: x", 400),
        ("POST /a?upload", "Upload-Length: 10737418241", 413),
        ("POST /a?upload", "Repr-Digest: x=", 400),
        ("POST /a?upload=0123456789abcdef", "", 400),
        ("DELETE /a?upload", "", 400),
        ("DELETE /a?upload=", "", 404),
        ("DELETE /a?x&upload=1", "", 404),
        ("HEAD /a?upload=0123456789ABCDEF", "", 404),
        ("PUT /a?upload", "Content-Length: 5", 400),
        ("PUT /a?upload=0123456789abcdef", "Transfer-Encoding: chunked", 400),
        ("PUT /a?upload=0123456789abcdef", "Content-Length: 10737418241", 413),
        ("PUT /a?upload=0123456789abcdef", "Content-Range: bytes 5-8/9", 411),
        ("PUT /a?upload=0123456789abcdef", "Content-Range: bytes 5-8/9\nContent-Length: 5", 400),
        (
            "PUT /a?upload=0123456789abcdef",
            "Content-Range: bytes 0-4/9\nContent-Range: bytes 5-8/9\nContent-Length: 4",
            400,
        ),
        ("PUT /.a?upload=0123456789abcdef", "Content-Range: bytes 5-8/9\nContent-Length: 4", 404),
        ("PUT /a?upload=0123456789abcdef", "Content-Encoding: gzip\nContent-Length: 4", 415),
    ] {
        assert_eq!(upload(line, fields).unwrap_err(), status, "{line} {fields}");
    }
    // A HEAD and a GET that name no upload are about the file.
    for line in ["HEAD /a?upload", "HEAD /a", "GET /a?upload=0123456789abcdef", "OPTIONS /a?upload"]
    {
        assert_eq!(wanted(&format!("{line} HTTP/1.1\nHost: localhost")), Ok(None), "{line}");
    }
}
