//! Files: whole or not there, gone on with where that is safe, and never where a server says.

use std::fs;
use std::io::Write;

use super::*;
use crate::run::{Folder, Signal};

/// What is in a folder, sorted.
fn names(folder: &Folder) -> Vec<String> {
    let names = fs::read_dir(folder.path()).unwrap();
    let mut names: Vec<String> =
        names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn fetch_in(folder: &Folder, url: &str, args: &[&str]) -> Finished {
    let all: Vec<&str> = ["fetch", url].iter().chain(args).copied().collect();
    Run::new(&all).in_folder(folder.path()).stdin_null().run("")
}

/// A reply of `content` of which only so much comes.
fn cut(fields: &str, content: &str, at: usize) -> String {
    format!(
        "HTTP/1.1 200 OK\r\n{fields}Content-Length: {}\r\n\r\n{}",
        content.len(),
        &content[..at]
    )
}

fn part(fields: &str, content: &str, from: usize) -> String {
    let len = content.len();
    let rest = &content[from..];
    format!(
        "HTTP/1.1 206 Partial Content\r\n{fields}Content-Range: bytes {from}-{}/{len}\r\n\
         Content-Length: {}\r\n\r\n{rest}",
        len - 1,
        rest.len()
    )
}

#[test]
fn a_file_replaces_the_old_one_when_it_is_whole() {
    let folder = Folder::new();
    fs::write(folder.file("x"), "old").unwrap();
    let server = Server::answering([ok("new"), ok("by name")]);
    fetch_in(&folder, &server.url("/"), &["-o", "x"]).expect(0, "");
    assert_eq!(fs::read_to_string(folder.file("x")).unwrap(), "new");
    fetch_in(&folder, &server.url("/a/b%20c.txt?q=/d"), &["-O"]).expect(0, "");
    assert_eq!(fs::read_to_string(folder.file("b c.txt")).unwrap(), "by name");
    assert_eq!(names(&folder), ["b c.txt", "x"]);
    let heard = server.heard();
    assert!(heard[0].contains("Accept-Encoding: identity\r\n"), "{}", heard[0]);
}

#[test]
fn the_rights_of_the_old_file_stay_and_what_its_content_was_given_does_not() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::new();
    fs::write(folder.file("x"), "old").unwrap();
    fs::set_permissions(folder.file("x"), fs::Permissions::from_mode(0o4750)).unwrap();
    let server = Server::answering([ok("new")]);
    fetch_in(&folder, &server.url("/"), &["-o", "x"]).expect(0, "");
    let mode = fs::metadata(folder.file("x")).unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0o750, "{mode:o}");
}

#[test]
fn a_server_has_no_say_in_the_name_of_the_file() {
    let folder = Folder::new();
    fs::create_dir(folder.file("in")).unwrap();
    let reply = "HTTP/1.1 200 OK\r\nContent-Disposition: attachment; filename=\"../../x\"\r\nContent-Length: 1\r\n\r\ny";
    let moved = "HTTP/1.1 302 F\r\nLocation: /..%2f..%2fevil\r\nContent-Length: 0\r\n\r\n";
    let server = Server::answering([moved, reply]);
    let all = ["fetch", &server.url("/name"), "-O"];
    Run::new(&all).in_folder(&folder.path().join("in")).stdin_null().run("").expect(0, "");
    assert_eq!(names(&folder), ["in"]);
    assert_eq!(fs::read_to_string(folder.file("in/name")).unwrap(), "y");
}

#[test]
fn an_answer_that_is_no_success_becomes_no_file() {
    let folder = Folder::new();
    fs::write(folder.file("x"), "old").unwrap();
    for (status, content) in [("404 Not Found", "no"), ("500 Oh", "no"), ("204 No Content", "")] {
        let reply =
            format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{content}", content.len());
        let server = Server::answering([reply]);
        let finished = fetch_in(&folder, &server.url("/"), &["-o", "x"]);
        finished.expect(1, "");
        assert!(finished.stderr.contains(&status[..3]), "{finished}");
        assert_eq!(fs::read_to_string(folder.file("x")).unwrap(), "old");
        assert_eq!(names(&folder), ["x"]);
        server.heard();
    }
}

#[test]
fn what_did_not_change_stays_and_a_range_of_one_s_own_is_that() {
    let folder = Folder::new();
    fs::write(folder.file("x"), "old").unwrap();
    let same = "HTTP/1.1 304 Not Modified\r\nETag: \"v\"\r\n\r\n".to_string();
    let server = Server::answering([same.clone(), same, part("", "0123456789", 5)]);
    let ask = ["--header", "If-None-Match: \"v\"", "-o"];
    fetch_in(&folder, &server.url("/"), &[ask.as_slice(), &["x"]].concat()).expect(0, "");
    assert_eq!(fs::read_to_string(folder.file("x")).unwrap(), "old");
    let none = fetch_in(&folder, &server.url("/"), &[ask.as_slice(), &["y"]].concat());
    none.expect(1, "");
    fetch_in(&folder, &server.url("/"), &["--header", "Range: bytes=5-", "-o", "x"]).expect(0, "");
    assert_eq!(fs::read_to_string(folder.file("x")).unwrap(), "56789");
    assert_eq!(names(&folder), ["x"]);
}

#[test]
fn a_reader_of_stdout_that_pauses_is_no_silence_of_the_server() {
    // More than a pipe and the socket's buffers hold, so that the server has to wait for the reader.
    const LEN: usize = 32 << 20;
    let server = Server::of(1, |_, _, stream| {
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {LEN}\r\n\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(&vec![b'x'; LEN]).unwrap();
    });
    // Its first byte is read, and the rest when the time of silence is over.
    let line = format!(
        "framecat fetch {} --idle 2s | (head -c 1; timeout 3 tail -f /dev/null; cat) | wc -c",
        server.url("/")
    );
    let finished = Run::shell(&line).run("");
    assert_eq!(finished.text().trim(), LEN.to_string(), "{finished}");
}

#[test]
fn a_cut_file_is_gone_on_with_by_a_strong_validator() {
    let content = "0123456789".repeat(1000);
    for (fields, validator) in [
        ("ETag: \"v1\"\r\n", "\"v1\""),
        (
            "Date: Sun, 06 Nov 1994 08:50:37 GMT\r\nLast-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\n",
            "Sun, 06 Nov 1994 08:49:37 GMT",
        ),
    ] {
        let folder = Folder::new();
        fs::write(folder.file("x"), "old").unwrap();
        let server = Server::answering([cut(fields, &content, 4321), part(fields, &content, 4321)]);
        let url = server.url("/");
        let first = fetch_in(&folder, &url, &["-o", "x"]);
        assert_eq!(first.code, 7, "{first}");
        assert!(first.stderr.contains("4321 of 10000 bytes"), "{first}");
        assert_eq!(fs::read_to_string(folder.file("x")).unwrap(), "old");
        assert_eq!(names(&folder), ["x", "x.part", "x.part.from"]);
        let second = fetch_in(&folder, &url, &["-o", "x"]);
        second.expect(0, "");
        assert!(second.stderr.contains("goes on from byte 4321"), "{second}");
        assert_eq!(fs::read_to_string(folder.file("x")).unwrap(), content);
        assert_eq!(names(&folder), ["x"]);
        let heard = server.heard();
        assert!(!heard[0].contains("Range"), "{}", heard[0]);
        let range = format!("Range: bytes=4321-\r\nIf-Range: {validator}\r\n");
        assert!(heard[1].contains(&range), "{}", heard[1]);
    }
}

#[test]
fn a_cut_file_is_begun_anew_where_nobody_can_tell_that_it_is_the_same() {
    let content = "0123456789";
    // No validator, or a weak one: the second request asks for all of it.
    for fields in ["", "ETag: W/\"v1\"\r\n", "Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\n"] {
        let folder = Folder::new();
        let server = Server::answering([cut(fields, content, 5), ok("abc")]);
        assert_eq!(fetch_in(&folder, &server.url("/"), &["-o", "x"]).code, 7);
        let second = fetch_in(&folder, &server.url("/"), &["-o", "x"]);
        second.expect(0, "");
        assert!(second.stderr.contains("begun anew"), "{second}");
        assert_eq!(fs::read_to_string(folder.file("x")).unwrap(), "abc");
        assert!(!server.heard()[1].contains("Range"));
    }
    // The server has another one: it sends all of it.
    let folder = Folder::new();
    let server = Server::answering([cut("ETag: \"v1\"\r\n", content, 5), ok("abc")]);
    assert_eq!(fetch_in(&folder, &server.url("/"), &["-o", "x"]).code, 7);
    let second = fetch_in(&folder, &server.url("/"), &["-o", "x"]);
    assert!(second.code == 0 && second.stderr.contains("begun anew"), "{second}");
    assert_eq!(fs::read_to_string(folder.file("x")).unwrap(), "abc");
    // Another URL: what is there is no part of it.
    let server = Server::answering([cut("ETag: \"v1\"\r\n", content, 5), ok("abc")]);
    assert_eq!(fetch_in(&folder, &server.url("/a"), &["-o", "x"]).code, 7);
    let second = fetch_in(&folder, &server.url("/b"), &["-o", "x"]);
    assert!(second.code == 0 && second.stderr.contains("another URL"), "{second}");
    assert!(!server.heard()[1].contains("Range"));
}

#[test]
fn a_server_that_answers_with_another_part_is_not_believed() {
    let content = "0123456789";
    for (reply, code) in [
        (part("", content, 4), 7),
        (part("", content, 6), 7),
        ("HTTP/1.1 206 P\r\nContent-Length: 5\r\n\r\n56789".to_string(), 7),
        (
            "HTTP/1.1 206 P\r\nContent-Range: bytes 5-9/12\r\nContent-Length: 5\r\n\r\n56789"
                .into(),
            7,
        ),
        // It says that there is no more, and that there are fewer.
        ("HTTP/1.1 416 No\r\nContent-Range: bytes */5\r\nContent-Length: 0\r\n\r\n".into(), 0),
    ] {
        let folder = Folder::new();
        let server = Server::answering([cut("ETag: \"v\"\r\n", content, 5), reply.clone()]);
        assert_eq!(fetch_in(&folder, &server.url("/"), &["-o", "x"]).code, 7);
        let second = fetch_in(&folder, &server.url("/"), &["-o", "x"]);
        assert_eq!(second.code, code, "{reply}: {second}");
        server.heard();
    }
    // 416 for another size: all of it, once more.
    let folder = Folder::new();
    let no = "HTTP/1.1 416 No\r\nContent-Range: bytes */3\r\nContent-Length: 0\r\n\r\n";
    let server = Server::answering([cut("ETag: \"v\"\r\n", content, 5), no.into(), ok("abc")]);
    assert_eq!(fetch_in(&folder, &server.url("/"), &["-o", "x"]).code, 7);
    fetch_in(&folder, &server.url("/"), &["-o", "x"]).expect(0, "");
    assert_eq!(fs::read_to_string(folder.file("x")).unwrap(), "abc");
}

#[test]
fn a_part_that_is_not_ours_is_left_alone() {
    let folder = Folder::new();
    fs::write(folder.file("x.part"), "mine").unwrap();
    let port = run::peer::nobody();
    let finished = fetch_in(&folder, &format!("http://127.0.0.1:{port}/"), &["-o", "x"]);
    assert_eq!(finished.code, 10, "{finished}");
    assert_eq!(fs::read_to_string(folder.file("x.part")).unwrap(), "mine");
    // A link in its place leads nobody's writing elsewhere.
    fs::remove_file(folder.file("x.part")).unwrap();
    fs::write(folder.file("other"), "mine").unwrap();
    std::os::unix::fs::symlink(folder.file("other"), folder.file("x.part")).unwrap();
    let finished = fetch_in(&folder, &format!("http://127.0.0.1:{port}/"), &["-o", "x"]);
    assert_eq!(finished.code, 10, "{finished}");
    assert_eq!(fs::read_to_string(folder.file("other")).unwrap(), "mine");
}

/// Both files of a fetch that was cut, of this URL.
fn cut_in(folder: &Folder, url: &str) {
    fs::write(folder.file("x.part"), "01234").unwrap();
    let from = format!("framecat fetch 1\n{url}\n\"v\"\n");
    fs::write(folder.file("x.part.from"), from).unwrap();
}

/// It is refused before anything is asked, and every file is what it was.
fn refused(folder: &Folder, url: &str, file: &str, why: &str) {
    let about = |name: &String| {
        let about = fs::symlink_metadata(folder.file(name)).unwrap();
        let bytes = about.is_file().then(|| fs::read(folder.file(name)).unwrap());
        (about.file_type(), bytes)
    };
    let all = || names(folder).iter().map(about).collect::<Vec<_>>();
    let (were, before) = (names(folder), all());
    let finished = fetch_in(folder, url, &["-o", "x"]);
    assert_eq!(finished.code, 10, "{finished}");
    assert!(finished.stderr.contains(&format!("write to {file}: {why}")), "{finished}");
    assert_eq!(names(folder), were, "{finished}");
    assert_eq!(all(), before, "{finished}");
}

#[test]
fn a_link_or_a_fifo_in_place_of_a_part_is_refused_at_once() {
    let url = format!("http://127.0.0.1:{}/", run::peer::nobody());
    for name in ["x.part", "x.part.from"] {
        // With the other one there, and without.
        for alone in [false, true] {
            let make = |plant: &dyn Fn(&Folder)| {
                let folder = Folder::new();
                cut_in(&folder, &url);
                fs::rename(folder.file(name), folder.file("victim")).unwrap();
                if alone {
                    let other = if name == "x.part" { "x.part.from" } else { "x.part" };
                    fs::remove_file(folder.file(other)).unwrap();
                }
                plant(&folder);
                folder
            };
            let link = make(&|folder| {
                std::os::unix::fs::symlink("victim", folder.file(name)).unwrap();
            });
            refused(&link, &url, name, "it is a symbolic link");
            let nowhere = make(&|folder| {
                std::os::unix::fs::symlink("nowhere", folder.file(name)).unwrap();
            });
            refused(&nowhere, &url, name, "it is a symbolic link");
            let hard = make(&|folder| {
                fs::hard_link(folder.file("victim"), folder.file(name)).unwrap();
            });
            refused(&hard, &url, name, "it has another name (a hard link)");
            let fifo = make(&|folder| {
                Run::program("mkfifo", &[&folder.file(name)]).run("").expect(0, "");
            });
            refused(&fifo, &url, name, "it is no regular file");
            let socket = make(&|folder| {
                drop(std::os::unix::net::UnixListener::bind(folder.file(name)).unwrap());
            });
            refused(&socket, &url, name, "it is no regular file");
            let inner = make(&|folder| fs::create_dir(folder.file(name)).unwrap());
            refused(&inner, &url, name, "it is no regular file");
        }
    }
    // A file that only has the name.
    let folder = Folder::new();
    fs::write(folder.file("x.part.from"), "mine").unwrap();
    refused(&folder, &url, "x.part.from", "file exists");
}

#[test]
fn a_link_that_comes_while_the_server_thinks_leads_nowhere() {
    let folder = Folder::new();
    fs::write(folder.file("victim"), "mine").unwrap();
    let from = folder.file("x.part.from");
    let server = Server::of(1, move |_, _, stream| {
        std::os::unix::fs::symlink("victim", &from).unwrap();
        let _ = stream.write_all(cut("ETag: \"v\"\r\n", "0123456789", 5).as_bytes());
    });
    let finished = fetch_in(&folder, &server.url("/"), &["-o", "x"]);
    assert_eq!(finished.code, 7, "{finished}");
    assert_eq!(fs::read_to_string(folder.file("victim")).unwrap(), "mine");
    assert!(fs::symlink_metadata(folder.file("x.part.from")).unwrap().is_file());
    server.heard();
}

#[test]
fn a_part_of_another_user_is_never_gone_on_with() {
    if !rustix::process::geteuid().is_root() {
        return run::skipped("only root can give a file to another user");
    }
    let url = format!("http://127.0.0.1:{}/", run::peer::nobody());
    for name in ["x.part", "x.part.from"] {
        for content in [None, Some("")] {
            let folder = Folder::new();
            cut_in(&folder, &url);
            if let Some(content) = content {
                fs::write(folder.file(name), content).unwrap();
            }
            std::os::unix::fs::chown(folder.file(name), Some(65534), None).unwrap();
            refused(&folder, &url, name, "it belongs to another user");
        }
    }
}

#[test]
fn two_fetches_of_one_file_never_mix() {
    let folder = Folder::new();
    let (go, wait) = std::sync::mpsc::channel();
    let server = Server::of(1, move |_, _, stream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab").unwrap();
        wait.recv_timeout(PATIENCE).unwrap();
        stream.write_all(b"cd").unwrap();
    });
    let url = server.url("/");
    let first = Run::new(&["fetch", &url, "-o", "x", "-v"]).in_folder(folder.path()).stdin_null();
    let first = first.start();
    first.told("is open");
    let second = fetch_in(&folder, &url, &["-o", "x"]);
    assert_eq!(second.code, 9, "{second}");
    assert!(second.stderr.contains("another fetch"), "{second}");
    go.send(()).unwrap();
    let first = first.wait();
    assert_eq!(first.code, 0, "{first}");
    assert_eq!(fs::read_to_string(folder.file("x")).unwrap(), "abcd");
}

#[test]
fn a_signal_keeps_the_part_and_the_next_one_goes_on() {
    let folder = Folder::new();
    let content = "0123456789".repeat(100_000);
    let rest = content.clone();
    let server = Server::of(2, move |n, request, stream| match n {
        0 => {
            let reply = cut("ETag: \"v\"\r\n", &rest, 500_000);
            stream.write_all(reply.as_bytes()).unwrap();
            // Until the client is gone.
            let _ = stream.read(&mut [0]);
        }
        _ => {
            let from = request.split("bytes=").nth(1).unwrap().split('-').next().unwrap();
            stream.write_all(part("", &rest, from.parse().unwrap()).as_bytes()).unwrap();
        }
    });
    let url = server.url("/");
    let first = Run::new(&["fetch", &url, "-o", "x"]).in_folder(folder.path()).stdin_null();
    let first = first.start();
    let there = || fs::metadata(folder.file("x.part")).map_or(0, |about| about.len());
    while there() == 0 {
        std::thread::yield_now();
    }
    first.signal(Signal::INT);
    let first = first.wait();
    assert_eq!(first.code, 130, "{first}");
    let second = fetch_in(&folder, &url, &["-o", "x"]);
    assert_eq!(second.code, 0, "{second}");
    assert_eq!(fs::read_to_string(folder.file("x")).unwrap(), content);
}

#[test]
fn what_is_no_regular_file_is_written_as_it_comes() {
    let server = Server::answering([ok("x"), ok("full")]);
    server.fetch("/", &["-o", "/dev/null"]).expect(0, "");
    let full = server.fetch("/", &["-o", "/dev/full"]);
    assert_eq!(full.code, 10, "{full}");
    assert!(full.stderr.contains("no space left"), "{full}");
    assert!(!fs::metadata("/dev/null").unwrap().is_file());
}

#[test]
fn a_file_that_cannot_be_written_is_told_and_kept() {
    let folder = Folder::new();
    let server = Server::answering([ok(&"x".repeat(200_000))]);
    // ulimit counts in KiB here; SIGXFSZ is ignored as by who wants EFBIG (setrlimit(2)).
    let line = format!("ulimit -f 64; trap '' XFSZ; framecat fetch {} -o x", server.url("/"));
    let finished = Run::shell(&line).in_folder(folder.path()).run("");
    assert_eq!(finished.code, 10, "{finished}");
    assert_eq!(names(&folder), ["x.part", "x.part.from"], "{finished}");
    let port = run::peer::nobody();
    let nowhere = fetch_in(&folder, &format!("http://127.0.0.1:{port}/"), &["-o", "no/x"]);
    assert_eq!(nowhere.code, 10, "{nowhere}");
    assert!(nowhere.stderr.contains("make it first"), "{nowhere}");
}

#[test]
fn raw_keeps_every_byte_to_the_end_of_the_connection() {
    let folder = Folder::new();
    let reply = "HTTP/1.1 103 E\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\nand more";
    let server = Server::answering([reply]);
    fetch_in(&folder, &server.url("/"), &["--raw", "r"]).expect(0, "x");
    assert_eq!(fs::read_to_string(folder.file("r")).unwrap(), reply);
    // What is broken is kept, too; and of a redirect both replies.
    let broken = "HTTP/1.1 200 OK\r\nBad : x\r\n\r\nrest";
    let moved = "HTTP/1.1 302 F\r\nLocation: /\r\nContent-Length: 0\r\n\r\n";
    let server = Server::answering([moved, broken]);
    assert_eq!(fetch_in(&folder, &server.url("/"), &["--raw", "r"]).code, 7);
    assert_eq!(fs::read_to_string(folder.file("r")).unwrap(), format!("{moved}{broken}"));
    // Nothing came, so nothing is lost.
    let port = run::peer::nobody();
    fetch_in(&folder, &format!("http://127.0.0.1:{port}/"), &["--raw", "r"]);
    assert_eq!(fs::read_to_string(folder.file("r")).unwrap(), format!("{moved}{broken}"));
}
