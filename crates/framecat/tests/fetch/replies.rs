//! Where a reply ends, and what becomes of those that do not end as they say.

use std::io::Write;

use super::*;
use crate::run::Folder;

#[test]
fn every_way_a_reply_can_end_is_known() {
    for (reply, content) in [
        ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "hello"),
        ("HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", ""),
        ("HTTP/1.1 200 \r\ncontent-length:5\r\n\r\nhello and what is no part of it", "hello"),
        ("HTTP/1.1 200 OK\r\n\r\nuntil it closes", "until it closes"),
        ("HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello", "hello"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", "hello"),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n\
             1;a=b;c=\"d\\\"\"\r\nh\r\n04\r\nello\r\n000\r\nTrailer: x\r\n\r\n",
            "hello",
        ),
        ("HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello", ""),
        ("HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", ""),
        ("HTTP/1.1 404 No\r\nContent-Length: 2\r\n\r\nno", "no"),
        (
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n\
             HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
            "ok",
        ),
        // A user agent takes folded fields (RFC 9112 section 5.2).
        ("HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 2\r\n\r\nok", "ok"),
        ("HTTP/1.1 299 What?\r\nContent-Length: 2\r\n\r\nok", "ok"),
        ("HTTP/1.9 200 OK\r\nContent-Length: 2\r\n\r\nok", "ok"),
    ] {
        let server = Server::answering([reply]);
        let finished = server.fetch("/", &[]);
        assert_eq!(
            (finished.code, finished.text().as_str()),
            (0, content),
            "{reply:?}: {finished}"
        );
        server.heard();
    }
}

#[test]
fn a_reply_that_arrives_byte_by_byte_is_the_same() {
    let reply = "HTTP/1.1 103 Early\r\n\r\nHTTP/1.1 200 OK\r\nX: a\r\n b\r\nTransfer-Encoding: chunked\r\n\r\n\
                 5;x\r\nhello\r\n1\r\n!\r\n0\r\nA: b\r\n\r\n";
    let server = Server::of(1, move |_, _, stream| {
        for byte in reply.as_bytes() {
            stream.write_all(&[*byte]).unwrap();
        }
    });
    server.fetch("/", &[]).expect(0, "hello!");
}

#[test]
fn a_reply_cut_at_any_byte_is_never_a_success_and_never_a_file() {
    for reply in [
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    ] {
        let cuts = reply.len();
        let server = Server::answering((0..cuts).map(|cut| reply[..cut].to_string()));
        let folder = Folder::new();
        let file = folder.file("x");
        std::fs::write(&file, "old").unwrap();
        for cut in 0..cuts {
            let finished = server.fetch("/", &["-o", &file]);
            let code = if cut == 0 { 5 } else { 7 };
            assert_eq!(finished.code, code, "cut at {cut}: {finished}");
            assert_eq!(std::fs::read_to_string(&file).unwrap(), "old", "cut at {cut}");
        }
        server.heard();
    }
}

#[test]
fn replies_that_break_the_rules_end_with_7_and_say_which_octet() {
    for (reply, said) in [
        ("garbage\r\n\r\n", "speaks no HTTP"),
        ("SSH-2.0-OpenSSH_9.2\r\n", "speaks no HTTP"),
        ("HTTP/2 200\r\n\r\n", "octet"),
        ("HTTP/1.1 20 OK\r\n\r\n", "octet"),
        ("HTTP/1.1 200 OK\nContent-Length: 2\n\nok", "LF"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok", "Content-Length"),
        ("HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\nok", "octet"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\nok", "octet"),
        ("HTTP/1.1 200 OK\r\nName : x\r\n\r\n", "octet"),
        ("HTTP/1.1 200 OK\r\nA: b\0c\r\n\r\n", "NUL"),
        ("HTTP/1.1 200 OK\r\nno colon\r\n\r\n", "octet"),
        ("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n", "nobody asked for"),
        ("HTTP/1.1 206 Part\r\nContent-Range: bytes 0-1/9\r\nContent-Length: 2\r\n\r\nok", "206"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0x5\r\nhello\r\n0\r\n\r\n", "octet"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\nhello\n0\n\n", "octet"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhelloX", "octet"),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n11111111111111111\r\n",
            "more than 16 digits",
        ),
    ] {
        let server = Server::answering([reply]);
        let finished = server.fetch("/", &[]);
        assert_eq!(finished.code, 7, "{reply:?}: {finished}");
        assert!(finished.stderr.contains(said), "{reply:?}: {finished}");
        server.heard();
    }
}

#[test]
fn what_never_ends_is_ended() {
    for (begin, again, code) in [
        // A head, an interim reply after the other, an extension of a chunk, trailers.
        ("HTTP/1.1 200 OK\r\n", "A: b\r\n", 7),
        ("HTTP/1.1 200 OK\r\nA: ", "b", 7),
        ("", "HTTP/1.1 102 Processing\r\n\r\n", 7),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;a=", "b", 7),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", "A: b\r\n", 7),
    ] {
        let server = Server::of(1, move |_, _, stream| {
            let _ = stream.write_all(begin.as_bytes());
            let piece = again.repeat(1000);
            while stream.write_all(piece.as_bytes()).is_ok() {}
        });
        let finished = server.fetch("/", &[]);
        assert_eq!(finished.code, code, "{begin:?} {again:?}: {finished}");
        server.heard();
    }
}

#[test]
fn silence_is_bounded_at_every_step() {
    // Silence before the head, within it, within the content; and a deadline over all.
    for (begin, args) in [
        ("", ["--wait", "50ms"]),
        ("HTTP/1.1 200 OK\r\n", ["--wait", "50ms"]),
        ("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc", ["--idle", "50ms"]),
        ("HTTP/1.1 200 OK\r\nContent-Length: 9000000\r\n\r\nabc", ["--idle", "50ms"]),
        ("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc", ["--deadline", "50ms"]),
    ] {
        let server = Server::of(1, move |_, _, stream| {
            stream.write_all(begin.as_bytes()).unwrap();
            // Until the client leaves.
            let _ = stream.read(&mut [0]);
        });
        let finished = server.fetch("/", &args);
        assert_eq!(finished.code, 5, "{begin:?}: {finished}");
        assert!(finished.stderr.contains("--"), "{finished}");
        server.heard();
    }
}

#[test]
fn who_is_not_there_or_says_nothing_has_the_code_for_it() {
    let port = run::peer::nobody();
    let refused = fetch(&format!("http://127.0.0.1:{port}/"), &[]);
    assert_eq!(refused.code, 4, "{refused}");
    let unresolved = fetch("http://nosuch.invalid/", &[]);
    assert_eq!(unresolved.code, 3, "{unresolved}");
    let server = Server::answering([""]);
    let silent = server.fetch("/", &[]);
    assert_eq!(silent.code, 5, "{silent}");
    assert!(silent.stderr.contains("ended without a reply"), "{silent}");
}

#[test]
fn fail_makes_an_answer_of_4xx_or_5xx_a_failure() {
    for status in ["404 Not Found", "500 Oh"] {
        let reply = format!("HTTP/1.1 {status}\r\nContent-Length: 2\r\n\r\nno");
        let server = Server::answering([reply.clone(), reply]);
        server.fetch("/", &[]).expect(0, "no");
        let failed = server.fetch("/", &["--fail"]);
        failed.expect(1, "");
        assert!(failed.stderr.contains(status), "{failed}");
    }
    let reply = "HTTP/1.1 401 Who\r\nContent-Length: 0\r\n\r\n";
    let server = Server::answering([reply, reply]);
    let asked = server.fetch("/", &["--fail"]);
    assert!(asked.stderr.contains("--user NAME"), "{asked}");
    let known = server.fetch("/", &["--fail", "--header", "Authorization: Basic eDp5"]);
    assert!(known.stderr.contains("its user or password is another one"), "{known}");
    let server = Server::answering(["HTTP/1.1 399 Fine\r\nContent-Length: 2\r\n\r\nok"]);
    server.fetch("/", &["--fail"]).expect(0, "ok");
}

#[test]
fn a_reader_of_stdout_that_leaves_is_no_failure() {
    let server = Server::of(1, |_, _, stream| {
        let head = "HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n";
        let _ = stream.write_all(head.as_bytes());
        while stream.write_all(&[b'x'; 65536]).is_ok() {}
    });
    let line = format!("framecat fetch {} 2> told | head -c 3; cat told", server.url("/"));
    let folder = Folder::new();
    let finished = Run::shell(&line).in_folder(folder.path()).run("");
    finished.expect(0, "xxx");
}

#[test]
fn a_reply_before_the_content_is_sent_is_heard() {
    // 413 while a body of 64 MiB is under way, which nobody reads.
    let folder = Folder::new();
    let file = folder.file("big");
    std::fs::File::create(&file).unwrap().set_len(64 << 20).unwrap();
    let server = Server::of(1, |_, request, stream| {
        assert!(request.contains("Expect: 100-continue"), "{request}");
        stream.write_all(b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno").unwrap();
    });
    server.fetch("/", &["--upload", &file]).expect(1, "no");
    // The same where the server goes on first.
    let server = Server::of(1, |_, _, stream| {
        stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").unwrap();
        let mut some = vec![0; 1 << 20];
        stream.read_exact(&mut some).unwrap();
        stream.write_all(b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno").unwrap();
    });
    server.fetch("/", &["--upload", &file]).expect(1, "no");
}
