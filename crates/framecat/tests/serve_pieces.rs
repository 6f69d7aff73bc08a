//! `framecat serve --upload` and files in pieces: `?upload`, cut off, gone on with, killed in between.

mod run;
mod served;

use std::fs;
use std::io::Write;
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, SystemTime};

use framecat_proto::limits::HTTP_UPLOADS;
use run::{Run, Signal, have};
use served::{Served, body, field, head_of, rest, status};

const UPLOAD: &[&str] = &["--upload"];

/// Begins an upload; the target of its pieces.
fn begin(site: &Served, path: &str) -> String {
    let said = site.asked(&format!("POST {path}?upload"), "", "");
    assert_eq!((status(&said), field(&said, "Upload-Offset")), ("201", Some("0")), "{said}");
    let place = field(&said, "Location").unwrap().to_string();
    assert_eq!(body(&said), format!("goes on at {place}\n"));
    let (at, id) = place.split_once("?upload=").unwrap();
    assert!(at == path && id.len() == 16 && id.bytes().all(|b| b.is_ascii_hexdigit()), "{place}");
    place
}

/// Sends a piece; the status, and how much is there.
fn piece(
    site: &Served,
    place: &str,
    range: &str,
    content: impl AsRef<[u8]>,
) -> (String, Option<u64>) {
    came(&site.asked(&format!("PUT {place}"), &format!("Content-Range: {range}\r\n"), content))
}

fn came(said: &str) -> (String, Option<u64>) {
    (status(said).into(), field(said, "Upload-Offset").map(|offset| offset.parse().unwrap()))
}

fn is(status: &str, offset: impl Into<Option<u64>>) -> (String, Option<u64>) {
    (status.into(), offset.into())
}

fn asked(site: &Served, place: &str) -> (String, Option<u64>) {
    let said = site.asked(&format!("HEAD {place}"), "", "");
    if status(&said) == "204" {
        assert_eq!(field(&said, "Cache-Control"), Some("no-store"));
    }
    assert!(said.ends_with("\r\n\r\n"), "HEAD has no content: {said}");
    came(&said)
}

/// A piece whose content comes later, once the server has taken it.
fn piece_begun(site: &Served, place: &str, range: &str, length: u64) -> TcpStream {
    let mut stream = site.dial();
    let head = format!(
        "PUT {place} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {length}\r\n\
         Content-Range: {range}\r\nExpect: 100-continue\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).unwrap();
    assert_eq!(head_of(&mut stream), "HTTP/1.1 100 Continue\r\n\r\n");
    stream
}

/// The one part that is there: its name.
fn part(site: &Served) -> String {
    let names = site.names();
    let mut parts = names.iter().filter(|name| name.contains(".framecat-"));
    let part = parts.next().unwrap_or_else(|| panic!("{names:?}")).clone();
    assert_eq!(parts.next(), None);
    part
}

#[test]
fn a_file_comes_in_pieces() {
    let site = Served::new(UPLOAD, &[("in/x", b"")]);
    let place = begin(&site, "/in/new/a%20b");
    assert_eq!(asked(&site, &place), is("204", 0));
    assert_eq!(piece(&site, &place, "bytes 0-4/*", "hello"), is("202", 5));
    assert_eq!(asked(&site, &place), is("204", 5));
    assert_eq!(piece(&site, &place, "bytes 5-5/9", " "), is("202", 6));
    assert!(part(&site).starts_with("in/.framecat-"), "in the deepest folder that is there");
    let said = site.asked(&format!("PUT {place}"), "Content-Range: bytes 6-8/9\r\n", "you");
    assert_eq!((status(&said), body(&said)), ("201", "saved in/new/a b\n"), "{said}");
    assert_eq!(field(&said, "Location"), Some("/in/new/a%20b"));
    assert_eq!(site.read("in/new/a b"), b"hello you");
    assert_eq!(site.names(), ["in", "in/new", "in/new/a b", "in/x"]);
    for request in ["HEAD", "DELETE"] {
        let said = site.asked(&format!("{request} {place}"), "", "");
        assert_eq!(status(&said), "404", "{request}: it is no upload any more");
    }
    assert_eq!(piece(&site, &place, "bytes 9-9/10", "!"), is("404", None));

    // One piece; nothing at all; and all there, but the end not told before.
    assert_eq!(piece(&site, &begin(&site, "/b"), "bytes 0-0/1", "b"), is("201", None));
    assert_eq!(piece(&site, &begin(&site, "/empty"), "bytes */0", ""), is("201", None));
    let place = begin(&site, "/c");
    assert_eq!(piece(&site, &place, "bytes 0-2/*", "ccc"), is("202", 3));
    assert_eq!(piece(&site, &place, "bytes */4", ""), is("409", 3));
    assert_eq!(piece(&site, &place, "bytes */3", ""), is("201", None));
    // In chunks, of which one is as long as told.
    let place = begin(&site, "/d");
    let chunked = format!(
        "PUT {place} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\
         Content-Range: bytes 0-2/3\r\n\r\n1\r\nd\r\n2\r\ndd\r\n0\r\n\r\n"
    );
    assert_eq!(came(&site.said(chunked)), is("201", None));
    for (name, content) in [("b", "b"), ("empty", ""), ("c", "ccc"), ("d", "ddd")] {
        assert_eq!(site.read(name), content.as_bytes(), "{name}");
    }
    // Given up.
    let place = begin(&site, "/e");
    assert_eq!(piece(&site, &place, "bytes 0-4/9", "hello"), is("202", 5));
    assert_eq!(status(&site.asked(&format!("DELETE {place}"), "", "")), "204");
    assert_eq!(asked(&site, &place), is("404", None));
    assert_eq!(site.names(), ["b", "c", "d", "empty", "in", "in/new", "in/new/a b", "in/x"]);
    site.ends();
}

#[test]
fn curl_goes_on_where_it_was_cut() {
    if !have("curl") {
        return;
    }
    let site = Served::new(UPLOAD, &[]);
    let content: Vec<u8> = (0..1_000_000_u32).flat_map(u32::to_le_bytes).collect();
    let source = run::Folder::new();
    let file = source.file("source");
    fs::write(&file, &content).unwrap();
    let said = site.curl(&["-i", "-X", "POST"], "/large?upload").text();
    let place = field(&said, "Location").unwrap();
    // Killed on its way; what it had sent by then may still be coming in.
    let slow = ["-sS", "-T", &file, "--limit-rate", "300k", &(site.url() + place)];
    let curl = Run::program("curl", &slow).start();
    let there = loop {
        if let (_, Some(there @ 100_000..)) = asked(&site, place) {
            break there;
        }
    };
    curl.signal(Signal::KILL);
    curl.wait();
    let head = site.curl(&["-I"], place).text();
    let offset = field(&head, "Upload-Offset").unwrap();
    assert!(offset.parse::<u64>().unwrap() >= there, "{head}");
    let reply = site.curl(&["-T", &file, "-C", offset], place).text();
    assert_eq!(reply, "saved large\n");
    assert!(site.read("large") == content);
    // At once it is a PUT like any other.
    let said = site.curl(&["-i", "-X", "POST"], "/again?upload").text();
    let reply = site.curl(&["-T", &file], field(&said, "Location").unwrap()).text();
    assert_eq!(reply, "saved again\n");
    assert!(site.read("again") == content);
    assert_eq!(site.names(), ["again", "large"]);
    site.ends();
}

#[test]
fn what_came_before_a_cut_stays() {
    let site = Served::new(UPLOAD, &[]);
    let place = begin(&site, "/a");
    let content = "0123456789".repeat(10);
    let total = content.len();
    let mut there = 0;
    // Cut after every so many bytes, by an end, by a reset, and between head and content.
    for step in [0, 1, 7, 30, 0, 2] {
        let from = there;
        let last = total - 1;
        let mut stream = piece_begun(
            &site,
            &place,
            &format!("bytes {from}-{last}/{total}"),
            (total - from) as u64,
        );
        stream.write_all(&content.as_bytes()[from..from + step]).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        let said = rest(&mut stream);
        assert_eq!(status(&said), "400", "{said}");
        there += step;
        assert_eq!(asked(&site, &place), is("204", there as u64));
    }
    let said = piece(&site, &place, &format!("bytes 0-{}/{total}", total - 1), &content);
    assert_eq!(said, is("409", there as u64), "not from the beginning");
    let last = total - 1;
    let range = format!("bytes {there}-{last}/{total}");
    assert_eq!(piece(&site, &place, &range, &content[there..]), is("201", None));
    assert_eq!(site.read("a"), content.as_bytes());
    assert_eq!(site.names(), ["a"]);
    site.ends();
}

#[test]
fn a_killed_server_goes_on_where_it_was() {
    let mut site = Served::new(UPLOAD, &[]);
    let place = begin(&site, "/new/a");
    assert_eq!(piece(&site, &place, "bytes 0-4/12", "hello"), is("202", 5));
    // Killed between two pieces, and in the middle of one.
    restart(&mut site);
    assert_eq!(asked(&site, &place), is("204", 5));
    assert_eq!(piece(&site, &place, "bytes 5-5/12", ","), is("202", 6));
    let mut stream = piece_begun(&site, &place, "bytes 6-11/12", 6);
    stream.write_all(b" you").unwrap();
    // It has them when it says so.
    while asked(&site, &place) != is("204", 10) {}
    restart(&mut site);
    drop(stream);
    // The folder has been made meanwhile: the part lies above it.
    fs::create_dir(site.folder.path().join("new")).unwrap();
    assert_eq!(asked(&site, &place), is("204", 10));
    assert_eq!(piece(&site, &place, "bytes 10-11/12", "!\n"), is("201", None));
    assert_eq!(site.read("new/a"), b"hello, you!\n");
    assert_eq!(site.names(), ["new", "new/a"]);
    site.ends();
}

/// Kills the server, and starts another one in its folder.
fn restart(site: &mut Served) {
    let args = ["serve", ".", "--listen", "127.0.0.1:0", "--upload"];
    site.server.signal(Signal::KILL);
    let next = Run::new(&args).in_folder(site.folder.path()).start();
    let killed = std::mem::replace(&mut site.server, next);
    killed.wait();
}

#[test]
fn what_may_not_have_reached_the_disk_is_not_gone_on_with() {
    let site = Served::new(UPLOAD, &[]);
    let place = begin(&site, "/a");
    for (time, told) in [
        // Before this machine started, and by a clock that cannot be right.
        (SystemTime::UNIX_EPOCH + Duration::from_secs(1), 0),
        (SystemTime::now() + Duration::from_secs(86_400), 0),
        (SystemTime::now(), 5),
    ] {
        assert_eq!(piece(&site, &place, "bytes 0-4/9", "hello"), is("202", 5));
        let part = fs::File::options().write(true).open(site.folder.path().join(part(&site)));
        part.unwrap().set_modified(time).unwrap();
        assert_eq!(asked(&site, &place), is("204", told));
        if told == 0 {
            assert_eq!(piece(&site, &place, "bytes 5-8/9", " you"), is("409", 0));
        }
    }
    assert_eq!(piece(&site, &place, "bytes 5-8/9", " you"), is("201", None));
    assert_eq!(site.read("a"), b"hello you");
    site.ends();
}

#[test]
fn a_newer_request_takes_an_upload_over_and_bytes_of_two_are_never_mixed() {
    let site = Served::new(UPLOAD, &[]);
    let place = begin(&site, "/a");
    let mut old = piece_begun(&site, &place, "bytes 0-8/9", 9);
    old.write_all(b"hel").unwrap();
    while asked(&site, &place) != is("204", 3) {}
    // Another one that does not go on where it is changes nothing for the first.
    assert_eq!(piece(&site, &place, "bytes 0-8/9", "HELLO YOU"), is("409", 3));
    old.write_all(b"l").unwrap();
    while asked(&site, &place) != is("204", 4) {}
    let mut new = piece_begun(&site, &place, "bytes 4-8/9", 5);
    new.write_all(b"O Y").unwrap();
    while asked(&site, &place) != is("204", 7) {}
    // The first is told so, and nothing of it comes between.
    old.write_all(b"o you").unwrap();
    assert_eq!(came(&rest(&mut old)), is("409", 7));
    new.write_all(b"OU").unwrap();
    assert_eq!(status(&rest(&mut new)), "201");
    assert_eq!(site.read("a"), b"hellO YOU");

    // Many at once with the same piece: one brings it, and each of the others is told where it goes on, or that
    // there is nothing left to go on with.
    let place = begin(&site, "/b");
    let content = "x".repeat(300_000);
    let all: Vec<TcpStream> = (0..8).map(|_| {
        let mut stream = site.dial();
        let head = format!(
            "PUT {place} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 300000\r\n\
             Content-Range: bytes 0-299999/300000\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).unwrap();
        stream
    }).collect();
    let said: Vec<_> = all
        .into_iter()
        .map(|mut stream| {
            let _ = stream.write_all(content.as_bytes());
            came(&rest(&mut stream)).0
        })
        .collect();
    assert_eq!(said.iter().filter(|status| *status == "201").count(), 1, "{said:?}");
    assert!(said.iter().all(|status| matches!(status.as_str(), "201" | "409" | "404")), "{said:?}");
    assert!(site.read("b") == content.as_bytes());
    // Taken over by one that gives it up.
    let place = begin(&site, "/c");
    let mut old = piece_begun(&site, &place, "bytes 0-8/9", 9);
    old.write_all(b"hel").unwrap();
    while asked(&site, &place) != is("204", 3) {}
    assert_eq!(status(&site.asked(&format!("DELETE {place}"), "", "")), "204");
    old.write_all(b"l").unwrap();
    assert_eq!(status(&rest(&mut old)), "409");
    assert_eq!(site.names(), ["a", "b"]);
    site.ends();
}

#[test]
fn an_upload_that_another_program_writes_is_left_alone() {
    use rustix::fs::{FlockOperation, flock};
    let site = Served::new(UPLOAD, &[]);
    let place = begin(&site, "/a");
    assert_eq!(piece(&site, &place, "bytes 0-4/9", "hello"), is("202", 5));
    let part = fs::File::open(site.folder.path().join(part(&site))).unwrap();
    flock(&part, FlockOperation::NonBlockingLockExclusive).unwrap();
    assert_eq!(piece(&site, &place, "bytes 5-8/9", " you"), is("409", 5));
    assert_eq!(asked(&site, &place), is("204", 5));
    assert_eq!(status(&site.asked(&format!("DELETE {place}"), "", "")), "409");
    drop(part);
    assert_eq!(piece(&site, &place, "bytes 5-8/9", " you"), is("201", None));
    site.ends();
}

#[test]
fn an_id_is_good_for_its_own_file_and_for_no_other() {
    let site = Served::new(UPLOAD, &[("old", b"old"), ("in/x", b"x")]);
    let place = begin(&site, "/a");
    assert_eq!(piece(&site, &place, "bytes 0-4/9", "hello"), is("202", 5));
    let id = place.split_once('=').unwrap().1;
    let guessed = [
        format!("/b?upload={id}"),
        format!("/in/a?upload={id}"),
        format!("/old?upload={id}"),
        format!("/a?upload={}", id.to_uppercase().replace(|c: char| c.is_ascii_digit(), "F")),
        "/a?upload=0000000000000000".into(),
        "/old?upload=".into(),
        "/old?upload=1".into(),
        "/old?upload=../../old".into(),
        "/old?upload=..%2F..%2Fold".into(),
        format!("/a?upload={id}&upload={id}"),
        format!("/a?upload={id}%00"),
    ];
    for place in &guessed {
        for method in ["HEAD", "DELETE"] {
            let said = site.asked(&format!("{method} {place}"), "", "");
            assert_eq!(status(&said), "404", "{method} {place}: {said}");
        }
        assert_eq!(piece(&site, place, "bytes 0-4/5", "guess"), is("404", None), "{place}");
        let said = site.asked(&format!("POST {place}"), "", "");
        assert!(matches!(status(&said), "404" | "400"), "{place}: {said}");
    }
    // Without an id it is nobody's upload, and never the file itself.
    for (line, want) in [
        ("DELETE /old?upload", "400"),
        ("PUT /new?upload", "400"),
        ("POST /a/?upload", "409"),
        ("HEAD /old?upload", "200"),
        ("GET /old?upload=1", "200"),
    ] {
        let said = site.asked(line, "", "");
        assert_eq!(status(&said), want, "{line}: {said}");
    }
    assert_eq!(piece(&site, "/a", "bytes 0-4/5", "hello"), is("400", None), "a part of a file");
    assert_eq!(asked(&site, &place), is("204", 5));
    assert_eq!((site.read("old"), site.read("in/x")), (b"old".to_vec(), b"x".to_vec()));
    site.ends();
}

#[test]
fn what_others_put_in_the_place_of_a_part_is_not_written_to() {
    let site = Served::new(UPLOAD, &[("victim", b"victim")]);
    let place = begin(&site, "/a");
    assert_eq!(piece(&site, &place, "bytes 0-4/9", "hello"), is("202", 5));
    let (path, victim) = (site.folder.path().join(part(&site)), site.folder.path().join("victim"));
    fs::remove_file(&path).unwrap();
    let plant: [&dyn Fn(); 4] = [
        &|| std::os::unix::fs::symlink(&victim, &path).unwrap(),
        &|| fs::hard_link(&victim, &path).unwrap(),
        &|| fs::create_dir(&path).unwrap(),
        &|| {
            rustix::fs::mknodat(rustix::fs::CWD, &path, rustix::fs::FileType::Fifo, 0o600.into(), 0)
                .unwrap()
        },
    ];
    for (nth, plant) in plant.iter().enumerate() {
        plant();
        for range in ["bytes 0-4/5", "bytes 5-9/10", "bytes 6-10/11"] {
            let said = piece(&site, &place, range, "evil!").0;
            assert!(matches!(said.as_str(), "404" | "409" | "500"), "{nth} {range}: {said}");
        }
        assert_eq!(asked(&site, &place), is("404", None), "{nth}");
        let said = site.asked(&format!("DELETE {place}"), "", "");
        assert_ne!(status(&said), "204", "{nth}");
        assert!(fs::symlink_metadata(&path).is_ok(), "it is not ours to remove, {nth}");
        fs::remove_file(&path).or_else(|_| fs::remove_dir(&path)).unwrap();
    }
    assert_eq!(site.names(), ["victim"]);
    assert_eq!(site.read("victim"), b"victim");
    site.ends();
}

#[test]
fn pieces_that_do_not_fit_are_refused_and_change_nothing() {
    let site = Served::new(UPLOAD, &[("taken", b"old")]);
    let place = begin(&site, "/a");
    assert_eq!(piece(&site, &place, "bytes 0-4/9", "hello"), is("202", 5));
    for (range, content, want) in [
        ("bytes 5-8/9", "too long", "400"),
        ("bytes 5-8/9", "x", "400"),
        ("bytes 4-7/9", "four", "409"),
        ("bytes 6-9/10", "four", "409"),
        ("bytes 5-8/8", "four", "400"),
        ("bytes 8-5/9", "four", "400"),
        ("bytes 5-8", "four", "400"),
        ("bytes */*", "", "400"),
        ("bytes */9", "", "409"),
        ("bytes */4", "", "409"),
        ("bytes */5", "x", "400"),
        ("bytes 5-18446744073709551615/18446744073709551616", "four", "400"),
        ("bytes 18446744073709551615-18446744073709551618/*", "four", "400"),
        ("bytes 5-8/9223372036854775807", "four", "413"),
        ("bytes 9223372036854775803-9223372036854775806/*", "four", "413"),
        ("bytes 5-8/10737418241", "four", "413"),
    ] {
        let said = piece(&site, &place, range, content);
        assert_eq!(said.0, want, "{range} {content}");
        assert!(said.1.is_none_or(|offset| offset == 5), "{range}");
        assert_eq!(asked(&site, &place), is("204", 5), "{range}");
    }
    // Chunks tell their end late: less, and more, than Content-Range says.
    for (chunks, why) in
        [("2\r\nxx\r\n0\r\n\r\n", "ends before"), ("6\r\nxxxxxx\r\n0\r\n\r\n", "goes on behind")]
    {
        let said = site.said(format!(
            "PUT {place} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\
             Content-Range: bytes 5-8/9\r\n\r\n{chunks}"
        ));
        assert!(came(&said) == is("400", 5) && body(&said).contains(why), "{said}");
        assert_eq!(asked(&site, &place), is("204", 5), "{why}");
    }
    for (line, fields, content, want) in [
        ("POST /taken?upload", "", "", "409"),
        ("POST /taken/x?upload", "", "", "409"),
        ("POST /.x?upload", "", "", "404"),
        ("POST /b?upload", "Upload-Length: 10737418241\r\n", "", "413"),
        ("POST /b?upload", "Upload-Length: -1\r\n", "", "400"),
        ("POST /b?upload", "Upload-Length: 99999999999999999999\r\n", "", "400"),
        ("POST /b?upload", "If-Match: *\r\n", "", "412"),
        ("POST /b?upload", "", "content", "400"),
        ("POST /b?upload", "Origin: http://evil.example\r\n", "", "403"),
        ("POST /b?upload", "Upload-Length: 5\r\n", "", "201"),
    ] {
        let said = site.asked(line, fields, content);
        assert_eq!(status(&said), want, "{line} {fields}: {said}");
    }
    // Without Content-Range it is all of the file.
    assert_eq!(came(&site.asked(&format!("PUT {place}"), "", "four")), is("409", 5));
    assert_eq!(came(&site.asked(&format!("PUT {place}"), "", "")), is("409", 5));
    // The name is taken before the end: what came stays, and the file that has the name too.
    fs::write(site.folder.path().join("a"), "other").unwrap();
    assert_eq!(piece(&site, &place, "bytes 5-8/9", " you"), is("409", 5));
    assert_eq!(site.read("a"), b"other");
    fs::remove_file(site.folder.path().join("a")).unwrap();
    assert_eq!(piece(&site, &place, "bytes 5-8/9", " you"), is("201", None));
    site.ends();
}

#[test]
fn digests_are_held_against_pieces_and_the_whole() {
    let site = Served::new(UPLOAD, &[]);
    // Of "hello", of " you" and of "hello you".
    let (hello, you, all) = (
        "sha-256=:LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=:",
        "sha-256=:Ilr/48DGZRNXluohrsp4U6/Lry9TqxIKLTAtvB98LrY=:",
        "sha-256=:soN4j6Q6vtIMxJEGO/o6RV68p2GFPECanjrOyXEmMrw=:",
    );
    let send = |place: &str, range: &str, fields: &str, content: &str| {
        came(&site.asked(
            &format!("PUT {place}"),
            &format!("Content-Range: bytes {range}\r\n{fields}"),
            content,
        ))
    };
    let sum = |text: &str| {
        let hash =
            Run::program("sh", &["-c", "openssl dgst -sha256 -binary | base64"]).run(text).text();
        format!("sha-256=:{}:", hash.trim_end())
    };
    if have("openssl") {
        assert_eq!(
            (sum("hello"), sum(" you"), sum("hello you")),
            (hello.into(), you.into(), all.into())
        );
    }
    let place = begin(&site, "/a");
    let wrong = format!("Content-Digest: {you}\r\n");
    assert_eq!(send(&place, "0-4/9", &wrong, "hello"), is("400", 0));
    let right = format!("Content-Digest: {hello}\r\nRepr-Digest: {all}\r\n");
    assert_eq!(send(&place, "0-4/9", &right, "hello"), is("202", 5));
    assert_eq!(
        send(&place, "5-8/9", &format!("Content-Digest: {hello}\r\n"), " you"),
        is("400", 5)
    );
    assert_eq!(send(&place, "5-8/9", "Repr-Digest: sha-256=hello\r\n", " you"), is("400", None));
    // Of the whole: nobody knows which byte is wrong.
    assert_eq!(send(&place, "5-8/9", &format!("Repr-Digest: {hello}\r\n"), " you"), is("400", 0));
    assert_eq!(asked(&site, &place), is("204", 0));
    assert_eq!(send(&place, "0-4/*", &right, "hello"), is("202", 5));
    let last = format!("Content-Digest: {you}, sha-512=:YQ==:\r\nRepr-Digest: {all}\r\n");
    assert_eq!(send(&place, "5-8/9", &last, " you"), is("201", None));
    // In one piece, by PUT alone, and told behind the content.
    assert_eq!(
        send(&begin(&site, "/b"), "0-8/9", &last.replace(you, all), "hello you"),
        is("201", None)
    );
    for (name, digest, want) in [("c", all, "201"), ("d", hello, "400")] {
        for field in ["Content-Digest", "Repr-Digest"] {
            let (name, lower) = (format!("{name}{}", field.len()), field.to_lowercase());
            let said =
                site.asked(&format!("PUT /{name}"), &format!("{field}: {digest}\r\n"), "hello you");
            assert_eq!(status(&said), want, "{name}: {said}");
            let said = site.said(format!(
                "PUT /behind-{name} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nTrailer: {lower}\r\n\
                 Transfer-Encoding: chunked\r\n\r\n9\r\nhello you\r\n0\r\n{field}: {digest}\r\n\r\n"
            ));
            assert_eq!(status(&said), want, "behind-{name}: {said}");
        }
    }
    assert_eq!(site.names(), ["a", "b", "behind-c11", "behind-c14", "c11", "c14"]);
    assert_eq!(site.read("a"), b"hello you");
    site.ends();
}

#[test]
fn without_upload_there_is_none() {
    let site = Served::new(&[], &[("a", b"old")]);
    for (line, want) in [
        ("POST /b?upload", "405"),
        ("PUT /a?upload=0000000000000000", "405"),
        ("DELETE /a?upload=0000000000000000", "405"),
        ("HEAD /a?upload=0000000000000000", "200"),
    ] {
        let said = site.asked(line, "", "");
        assert_eq!(status(&said), want, "{line}: {said}");
        if want == "405" {
            assert_eq!(field(&said, "Allow"), Some("GET, HEAD, OPTIONS"));
        }
    }
    assert_eq!(site.names(), ["a"]);
    site.ends();
}

#[test]
fn uploads_that_nobody_ends_are_bounded() {
    let site = Served::new(UPLOAD, &[]);
    let first = begin(&site, "/first");
    let post = "POST /x?upload HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n";
    let last = format!("{post}Connection: close\r\n\r\n");
    let said = site.said(format!("{post}\r\n").repeat(HTTP_UPLOADS - 2) + &last);
    assert_eq!(said.matches("HTTP/1.1 201 Created").count(), HTTP_UPLOADS - 1);
    let refused = || {
        let said = site.asked("POST /x?upload", "", "");
        assert_eq!((status(&said), field(&said, "Retry-After")), ("503", Some("60")), "{said}");
        assert!(body(&said).contains("end some, or give them up"), "{said}");
    };
    refused();
    assert_eq!(site.names().len(), HTTP_UPLOADS, "nothing of those that were refused");
    // Those that have begun go on; one that is whole makes room, and one that is given up does.
    assert_eq!(piece(&site, &first, "bytes 0-0/1", "b"), is("201", None));
    let next = begin(&site, "/next");
    refused();
    assert_eq!(status(&site.asked(&format!("DELETE {next}"), "", "")), "204");
    begin(&site, "/next");
    refused();
}
