//! `framecat serve --upload`: files that others bring, whole or not at all.

mod run;
mod served;

use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::unix::fs::symlink;

use run::{Run, Signal, have, have_python};
use served::{Served, body, get, head_of, rest, status};

const UPLOAD: &[&str] = &["--upload"];

/// A PUT with this length and content, behind which the connection ends.
fn put(path: &str, content: &str) -> String {
    let length = content.len();
    format!(
        "PUT {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
         Content-Length: {length}\r\n\r\n{content}"
    )
}

/// Sends an upload whose last byte is missing, once the server has taken it.
fn begin(stream: &mut TcpStream, path: &str, content: &str) {
    let put = put(path, content).replacen("Connection", "Expect: 100-continue\r\nConnection", 1);
    let (head, _) = put.split_once("\r\n\r\n").unwrap();
    stream.write_all(format!("{head}\r\n\r\n").as_bytes()).unwrap();
    assert_eq!(head_of(stream), "HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(&content.as_bytes()[..content.len() - 1]).unwrap();
}

fn numbers(n: u32) -> Vec<u8> {
    (0..n).flat_map(u32::to_le_bytes).collect()
}

/// Waits until so many requests were logged.
fn logged(site: &Served, requests: usize) -> String {
    site.server.told_when(|told| told.matches("HTTP/1.1\" ").count() >= requests)
}

#[test]
fn curl_brings_files_of_known_length_and_of_none() {
    if !have("curl") {
        return;
    }
    let site = Served::new(UPLOAD, &[("taken", b"old"), ("in/x", b"")]);
    let content = numbers(1 << 20);
    let source = run::Folder::new();
    let file = source.file("source");
    fs::write(&file, &content).unwrap();
    for (name, args) in [
        ("counted", &["-T", &file][..]),
        ("in/chunked", &["-T", &file, "-H", "Transfer-Encoding: chunked"]),
        ("at%20once", &["-T", &file, "-H", "Expect:"]),
        ("old", &["-T", &file, "--http1.0"]),
        ("%E6%96%B0", &["--data-binary", &format!("@{file}"), "-X", "PUT"]),
    ] {
        let path = format!("/{name}");
        let reply = site.curl(&[&["-i"], args].concat(), &path).text();
        assert!(reply.contains(" 201 Created\r\n"), "{name}: {reply}");
        assert!(reply.contains(&format!("\r\nLocation: {path}\r\n")), "{name}: {reply}");
        let name = name.replace("%20", " ").replace("%E6%96%B0", "新");
        assert!(reply.ends_with(&format!("\r\n\r\nsaved {name}\n")), "{name}: {reply}");
        assert!(site.read(&name) == content, "{name}");
        assert_eq!(site.curl(&[], &path).stdout.len(), content.len(), "it is served at once");
    }
    let reply = site.curl(&["-i", "-T", &file], "/taken").text();
    assert!(reply.starts_with("HTTP/1.1 409 Conflict\r\n"), "no 100 before it: {reply}");
    assert_eq!(site.read("taken"), b"old");
    assert_eq!(
        site.names(),
        ["at once", "counted", "in", "in/chunked", "in/x", "old", "taken", "新"]
    );
    site.ends();
}

#[test]
fn pythons_own_client_brings_files_too() {
    if !have_python(&["urllib.request"]) {
        return;
    }
    let site = Served::new(UPLOAD, &[]);
    let program = format!(
        "import urllib.request as u, io\n\
         for name, data in (('a', b'hello'), ('b', io.BytesIO(b'x' * 300000)), ('c', iter([b'1', b'', b'22']))):\n \
         \x20print(u.urlopen(u.Request('{0}/' + name, data, method='PUT')).status)\n\
         try: u.urlopen(u.Request('{0}/a', b'other', method='PUT'))\n\
         except u.HTTPError as e: print(e.code)\n",
        site.url()
    );
    Run::program("python3", &["-c", &program]).run("").expect(0, "201\n201\n201\n409\n");
    assert_eq!((site.read("a"), site.read("c")), (b"hello".to_vec(), b"122".to_vec()));
    assert_eq!(site.read("b").len(), 300_000);
    site.ends();
}

#[test]
fn what_is_cut_short_leaves_nothing() {
    let site = Served::new(UPLOAD, &[("old", b"old")]);
    let counted = "PUT /a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n";
    let chunked = "PUT /a HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n";
    let some = "x".repeat(50_000);
    let beginnings = [
        counted.to_string(),
        format!("{counted}{some}"),
        chunked.to_string(),
        format!("{chunked}c350\r\n{some}"),
        format!("{chunked}c350\r\n{some}\r\n"),
        format!("{chunked}c350\r\n{some}\r\n0\r\n"),
        format!("{chunked}c350\r\n{some}\r\n0\r\nTrailer: x\r\n"),
    ];
    for beginning in &beginnings {
        let mut stream = site.dial();
        stream.write_all(beginning.as_bytes()).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        let said = rest(&mut stream);
        assert_eq!(status(&said), "400", "{:?}", &beginning[..beginning.len().min(200)]);
        assert!(body(&said).contains("ended too early"), "{said}");
    }
    for beginning in &beginnings {
        let mut stream = site.dial();
        stream.write_all(beginning.as_bytes()).unwrap();
        // With 0 the end is a reset (socket(7), SO_LINGER).
        rustix::net::sockopt::set_socket_linger(&stream, Some(std::time::Duration::ZERO)).unwrap();
        drop(stream);
    }
    // Whoever comes after all of them finds nothing of them.
    assert_eq!(status(&site.said(put("/b", "whole"))), "201");
    assert_eq!(site.names(), ["b", "old"]);
    site.ends();
}

#[test]
fn a_put_is_the_same_however_its_bytes_arrive() {
    let site = Served::new(UPLOAD, &[]);
    let mut names_then = Vec::new();
    for (kind, content) in [
        ("counted", "Content-Length: 11\r\n\r\nhello world".to_string()),
        (
            "chunked",
            "Transfer-Encoding: chunked\r\n\r\n5;a=\"b\"\r\nhello\r\n6\r\n world\r\n0\r\nX: y\r\n\r\n"
                .to_string(),
        ),
    ] {
        let whole = |name: &str| {
            let put = format!("PUT /{name} HTTP/1.1\r\nHost: localhost\r\n{content}");
            format!("{put}{}", get(&format!("/{name}")))
        };
        for cut in 1..whole("00chunked").len() {
            let name = format!("{cut:02}{kind}");
            let request = whole(&name);
            let mut stream = site.dial();
            stream.set_nodelay(true).unwrap();
            stream.write_all(&request.as_bytes()[..cut.min(request.len())]).unwrap();
            stream.write_all(&request.as_bytes()[cut.min(request.len())..]).unwrap();
            let said = rest(&mut stream);
            assert_eq!(status(&said), "201", "{kind} cut at {cut}: {said}");
            assert!(said.ends_with("\r\n\r\nhello world"), "{kind} cut at {cut}: {said}");
            names_then.push(name);
        }
        let name = format!("single {kind}").replace(' ', "-");
        let mut stream = site.dial();
        stream.set_nodelay(true).unwrap();
        for byte in whole(&name).bytes() {
            stream.write_all(&[byte]).unwrap();
        }
        assert!(rest(&mut stream).ends_with("\r\n\r\nhello world"), "{kind}");
        names_then.push(name);
    }
    names_then.sort();
    assert_eq!(site.names(), names_then);
    site.ends();
}

#[test]
fn requests_behind_an_upload_are_answered_in_their_order() {
    let site = Served::new(UPLOAD, &[("z", b"z")]);
    let keep = |path: &str, content: &str| put(path, content).replace("Connection: close\r\n", "");
    let large = "l".repeat(400_000);
    let all = [
        "GET /z HTTP/1.1\r\nHost: localhost\r\n\r\n".to_string(),
        keep("/a", "first"),
        keep("/a", "second"),
    ]
    .concat();
    // A refused content is not read, so nothing behind it is a request.
    let said = site.said(&all);
    let statuses: Vec<&str> = said.split("HTTP/1.1 ").skip(1).map(|reply| &reply[..3]).collect();
    assert_eq!(statuses, ["200", "201", "409"]);
    let all = [keep("/b", ""), keep("/c", &large), keep("/d", "d"), get("/c")].concat();
    let mut stream = site.dial();
    stream.write_all(all.as_bytes()).unwrap();
    let said = rest(&mut stream);
    let statuses: Vec<&str> = said.split("HTTP/1.1 ").skip(1).map(|reply| &reply[..3]).collect();
    assert_eq!(statuses, ["201", "201", "201", "200"]);
    assert!(said.ends_with(&large));
    assert_eq!(site.names(), ["a", "b", "c", "d", "z"]);
    assert_eq!((site.read("a"), site.read("b")), (b"first".to_vec(), Vec::new()));
    site.ends();
}

#[test]
fn who_has_ended_its_direction_behind_an_upload_is_answered() {
    let site = Served::new(UPLOAD, &[]);
    for content in ["", "hello"] {
        let mut stream = site.dial();
        let put = put(&format!("/a{content}"), content).replace("Connection: close\r\n", "");
        stream.write_all(put.as_bytes()).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        assert_eq!(status(&rest(&mut stream)), "201", "{content}");
    }
    assert_eq!(site.names(), ["a", "ahello"]);
    site.ends();
}

#[test]
fn chunks_of_a_byte_are_written_together() {
    if !have("strace") {
        return;
    }
    let folder = run::Folder::new();
    let log = folder.file("trace");
    fs::create_dir(folder.path().join("served")).unwrap();
    let args = ["-f", "-qq", "-o", &log, "-e", "trace=pwrite64", run::tested()];
    let serve = ["serve", "served", "--upload", "--listen", "127.0.0.1:0"];
    let server = Run::program("strace", &[&args[..], &serve].concat());
    let site = Served { server: server.in_folder(folder.path()).start(), folder };
    let chunks = "1;x\r\ny\r\n".repeat(40_000);
    let head = "PUT /a HTTP/1.1\r\n";
    let fields = "Host: localhost\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n";
    assert_eq!(status(&site.said(format!("{head}{fields}{chunks}0\r\n\r\n"))), "201");
    assert!(site.read("served/a") == "y".repeat(40_000).as_bytes());
    let calls = fs::read_to_string(&log).unwrap().lines().count();
    assert!(calls < 200, "{calls} calls for 40,000 chunks");
    let children = format!("/proc/{0}/task/{0}/children", site.server.id());
    let child = fs::read_to_string(children).unwrap().trim().parse().unwrap();
    let child = rustix::process::Pid::from_raw(child).unwrap();
    rustix::process::kill_process(child, Signal::TERM).unwrap();
    assert_eq!(site.server.wait().code, 0);
}

#[test]
fn who_waits_for_leave_gets_it_once_it_is_taken_and_never_else() {
    let site = Served::new(UPLOAD, &[("taken", b"old")]);
    let head = |name: &str, version: &str| {
        format!(
            "PUT /{name} HTTP/1.{version}\r\nHost: localhost\r\nExpect: 100-continue\r\n\
             Content-Length: 5\r\n\r\n"
        )
    };
    let mut stream = site.dial();
    stream.write_all(head("a", "1").as_bytes()).unwrap();
    assert_eq!(head_of(&mut stream), "HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(b"hello").unwrap();
    assert_eq!(status(&head_of(&mut stream)), "201");
    // Taken, not allowed, hidden, and over the connection of an upload that went well.
    for (name, want) in
        [("taken", "409"), ("a", "409"), (".x", "404"), ("taken/x", "409"), ("", "409")]
    {
        let mut stream = site.dial();
        stream.write_all(head(name, "1").as_bytes()).unwrap();
        let said = rest(&mut stream);
        assert_eq!(status(&said), want, "{name}: {said}");
        assert!(said.contains("\r\nConnection: close\r\n"), "{said}");
    }
    // Who has sent it does not wait; and HTTP/1.0 knows no interim replies (RFC 9110 section 15.2).
    let mut stream = site.dial();
    stream.write_all(format!("{}hello", head("b", "1")).as_bytes()).unwrap();
    assert_eq!(status(&head_of(&mut stream)), "201");
    let mut stream = site.dial();
    stream.write_all(head("c", "0").as_bytes()).unwrap();
    stream.write_all(b"hello").unwrap();
    assert_eq!(status(&head_of(&mut stream)), "201");
    assert_eq!(site.names(), ["a", "b", "c", "taken"]);
    site.ends();
}

#[test]
fn broken_content_is_refused_and_leaves_nothing() {
    let site = Served::new(UPLOAD, &[]);
    let chunked = "PUT /a HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n";
    for (content, want) in [
        ("0x5\r\nhello\r\n0\r\n\r\n", "400"),
        ("+5\r\nhello\r\n0\r\n\r\n", "400"),
        ("-1\r\n", "400"),
        ("5\nhello\r\n0\r\n\r\n", "400"),
        ("5;a\nhello\r\n0\r\n\r\n", "400"),
        ("5\r\r;\nhello\r\n", "400"),
        ("5\r\nhelloX\r\n0\r\n\r\n", "400"),
        ("10000000000000005\r\nhello\r\n0\r\n\r\n", "400"),
        ("5\r\nhello\r\n0\r\nbad trailer\r\n\r\n", "400"),
        // A chunk longer than anything that is taken is refused at once, and not as one that was cut.
        ("ffffffffffffffff\r\nhello", "413"),
    ] {
        let mut stream = site.dial();
        stream.write_all(format!("{chunked}{content}").as_bytes()).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        let said = rest(&mut stream);
        assert_eq!(status(&said), want, "{content:?}: {said}");
    }
    for (fields, want) in [
        ("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "400"),
        ("Content-Length: 5\r\nContent-Length: 6\r\n", "400"),
        ("Content-Length: +5\r\n", "400"),
        ("Content-Length: 5, 5\r\n", "400"),
        ("Content-Length: 99999999999999999999999\r\n", "413"),
        ("Content-Length: 20000000000\r\n", "413"),
        ("Content-Length: 18446744073709551615\r\n", "413"),
        ("Transfer-Encoding: gzip\r\n", "400"),
        ("Transfer-Encoding: gzip, chunked\r\n", "501"),
        ("Content-Length: 5\r\nContent-Range: bytes 0-4/10\r\n", "400"),
        ("Content-Length: 5\r\nContent-Encoding: gzip\r\n", "415"),
        ("", "411"),
    ] {
        let close = "Connection: close\r\n";
        let request = format!("PUT /a HTTP/1.1\r\nHost: localhost\r\n{close}{fields}\r\nhello");
        let said = site.said(request);
        assert_eq!(status(&said), want, "{fields:?}: {said}");
    }
    assert!(site.names().is_empty(), "{:?}", site.names());
    site.ends();
}

#[test]
fn nothing_is_written_through_a_link_or_over_what_is_no_file() {
    let outside = run::Folder::new();
    let site = Served::new(UPLOAD, &[("file", b"old"), ("folder/x", b"x")]);
    let path = |name: &str| site.folder.path().join(name);
    symlink(outside.path(), path("out")).unwrap();
    symlink("folder", path("in")).unwrap();
    symlink("nowhere", path("dangling")).unwrap();
    symlink(outside.path().join("new"), path("new")).unwrap();
    Run::program("mkfifo", &[path("pipe").to_str().unwrap()]).run("").expect(0, "");
    let before = site.names();
    for (name, want) in [
        ("out/a", "409"),
        ("in/a", "409"),
        ("dangling", "409"),
        ("dangling/a", "409"),
        ("new", "409"),
        ("pipe", "409"),
        ("file", "409"),
        ("file/a", "409"),
        ("folder", "409"),
        ("folder/", "409"),
        ("", "409"),
        ("folder/../a", "400"),
        ("%2e%2e/a", "400"),
        ("a%00b", "400"),
        ("a%0Ab", "400"),
        ("%zz", "400"),
        ("a%5Cb", "400"),
        ("%FF", "400"),
        (".hidden", "404"),
        (".framecat-x", "404"),
    ] {
        let said = site.said(put(&format!("/{name}"), "hello"));
        assert_eq!(status(&said), want, "{name}: {said}");
    }
    assert_eq!(site.names(), before);
    assert_eq!(site.read("file"), b"old");
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0, "nothing outside");
    site.ends();
}

#[test]
fn slow_uploads_hold_nobody_else() {
    let site = Served::new(UPLOAD, &[]);
    // More than there are threads that write.
    let slow: Vec<TcpStream> = (0..40)
        .map(|n| {
            let mut stream = site.dial();
            let put = put(&format!("/slow{n}"), "hello world");
            stream.write_all(&put.as_bytes()[..put.len() - 5]).unwrap();
            stream
        })
        .collect();
    assert_eq!(status(&site.said(put("/quick", "quick"))), "201");
    assert_eq!(site.names(), ["quick"], "no other has a name yet");
    for mut stream in slow {
        stream.write_all(b"world").unwrap();
        assert_eq!(status(&rest(&mut stream)), "201");
    }
    assert_eq!(site.names().len(), 41);
    site.ends();
}

#[test]
fn of_two_who_bring_one_name_one_has_it() {
    let site = Served::new(UPLOAD, &[]);
    for n in 0..20 {
        let name = format!("/{n}");
        let mut both: Vec<TcpStream> = ["first", "other"]
            .map(|content| {
                let mut stream = site.dial();
                let put = put(&name, content);
                stream.write_all(&put.as_bytes()[..put.len() - 1]).unwrap();
                stream
            })
            .into();
        both[0].write_all(b"t").unwrap();
        both[1].write_all(b"r").unwrap();
        let said: Vec<String> = both.iter_mut().map(rest).collect();
        let mut statuses: Vec<&str> = said.iter().map(|said| status(said)).collect();
        let content = site.read(&name[1..]);
        assert_eq!(content, if statuses[0] == "201" { b"first" } else { b"other" });
        statuses.sort_unstable();
        assert_eq!(statuses, ["201", "409"]);
    }
    site.ends();
}

#[test]
fn at_the_end_uploads_in_hand_are_waited_for() {
    let site = Served::new(UPLOAD, &[]);
    let mut stream = site.dial();
    begin(&mut stream, "/a", "hello");
    site.server.signal(Signal::TERM);
    site.server.told_when(|told| told.contains("ending: "));
    stream.write_all(b"o").unwrap();
    let said = rest(&mut stream);
    assert_eq!(status(&said), "201", "{said}");
    let folder = site.folder;
    let finished = site.server.wait();
    assert_eq!(finished.code, 0, "{finished}");
    assert_eq!(fs::read(folder.path().join("a")).unwrap(), b"hello");
}

#[test]
fn a_server_that_is_killed_leaves_no_part() {
    let site = Served::new(UPLOAD, &[("old", b"old")]);
    let mut stream = site.dial();
    begin(&mut stream, "/a", &"x".repeat(1 << 20));
    site.server.signal(Signal::KILL);
    // It ends, or is reset.
    let _ = stream.read_to_end(&mut Vec::new());
    let Served { folder, server } = site;
    server.wait();
    let left: Vec<_> =
        fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(left, ["old"]);
}

#[test]
fn uploads_are_logged_and_shown() {
    let site = Served::new(&["--upload", "--show", "--log", "combined"], &[]);
    let content = "y".repeat(1000);
    assert_eq!(status(&site.said(put("/a", &content))), "201");
    let told = logged(&site, 1);
    assert!(told.contains("\"PUT /a HTTP/1.1\" 201 8 "), "{told}");
    let told = site.ends().stderr;
    assert!(told.contains("request line  PUT /a HTTP/1.1\\r\\n"), "{told}");
    assert!(told.contains(&format!("content       {}", "y".repeat(60))), "{told}");
    assert!(told.contains("content       saved a\\n"), "{told}");
    assert!(!told.contains(&content), "and not all of it: {told}");
    assert!(told.contains("… 744 more bytes\n"), "{told}");
    assert!(told.contains("behind 1000 bytes of content: Content-Length"), "{told}");
    // What was cut is told to be.
    let site = Served::new(&["--upload", "--show", "--log", "json"], &[]);
    assert_eq!(status(&site.said(put("/a", &content))), "201");
    let mut stream = site.dial();
    begin(&mut stream, "/b", "hello!");
    stream.shutdown(Shutdown::Write).unwrap();
    assert_eq!(status(&rest(&mut stream)), "400");
    let told = site.ends().stderr;
    assert!(told.contains("\"bytes\":8,\"received\":1000,"), "{told}");
    assert!(told.contains("ends          not yet: 5 bytes of its content came\n"), "{told}");
}

#[test]
fn folders_on_the_way_are_made_with_the_file_and_not_before() {
    let site = Served::new(UPLOAD, &[("in/x", b"")]);
    let mut cut = site.dial();
    begin(&mut cut, "/new/deep/a", "hello");
    let mut refused = site.dial();
    refused
        .write_all(put("/other/a", "hello").replacen("Host", "If-Match: *\r\nHost", 1).as_bytes())
        .unwrap();
    assert_eq!(status(&rest(&mut refused)), "412");
    assert_eq!(site.names(), ["in", "in/x"], "nothing is whole yet");
    drop(cut);
    let mut slow = site.dial();
    begin(&mut slow, "/in/new/deep/b", "hello");
    // Somebody else makes one of them meanwhile.
    assert_eq!(status(&site.said(put("/in/new/c", "c"))), "201");
    slow.write_all(b"o").unwrap();
    assert_eq!(status(&rest(&mut slow)), "201");
    assert_eq!(site.read("in/new/deep/b"), b"hello");
    assert_eq!(site.names(), ["in", "in/new", "in/new/c", "in/new/deep", "in/new/deep/b", "in/x"]);
    site.ends();
}

#[test]
fn who_does_not_read_its_replies_is_not_waited_for() {
    let site = Served::new(UPLOAD, &[("file", b"x")]);
    // Refused at once, and sending on all the same: the reply arrives, and no reset destroys it.
    let mut stream = site.dial();
    let request = put("/file/a", &"x".repeat(30_000_000));
    stream.write_all(request.as_bytes()).unwrap();
    assert_eq!(status(&rest(&mut stream)), "409");
    site.ends();
}

#[test]
fn by_tls_it_is_the_same() {
    if !have("curl") {
        return;
    }
    let site = Served::new(&["--upload"], &[]);
    let content = numbers(1 << 18);
    let file = site.folder.file("source");
    fs::write(&file, &content).unwrap();
    let secured = Run::new(&["serve", ".", "--listen", "127.0.0.1:0", "--self-signed", "--upload"])
        .in_folder(site.folder.path())
        .start();
    let told = secured.told_when(|told| told.contains("can read"));
    let url = told.split_once(" at ").unwrap().1.lines().next().unwrap().to_string();
    let copy = format!("{url}copy");
    for args in [&["-T", &file][..], &["-T", "-", "-H", "Expect: 100-continue"]] {
        let all = [&["-sSk", "-w", "%{http_code}", "-o", "/dev/null"], args, &[&copy]].concat();
        Run::program("curl", &all).run(content.clone()).expect(0, "201");
        assert!(site.read("copy") == content);
        fs::remove_file(site.folder.path().join("copy")).unwrap();
    }
    secured.signal(Signal::TERM);
    assert_eq!(secured.wait().code, 0);
    site.ends();
}

#[test]
fn what_is_brought_never_stands_for_what_is_there() {
    let site = Served::new(UPLOAD, &[("page.html", b"mine")]);
    for name in ["/page.html.gz", "/page.html.br", "/page.html.zst", "/index.html", "/feed.rss"] {
        assert_eq!(status(&site.said(put(name, "theirs"))), "201", "{name}");
    }
    let accepts = "Accept-Encoding: gzip, br, zstd\r\nConnection";
    let page = site.said(get("/page.html").replacen("Connection", accepts, 1));
    assert_eq!((status(&page), body(&page)), ("200", "mine"), "{page}");
    let folder = site.said(get("/"));
    for name in ["page.html", "index.html", "page.html.gz"] {
        assert!(folder.contains(&format!("href=\"{name}\"")), "{name}: {folder}");
    }
    for name in ["/index.html", "/feed.rss"] {
        let page = site.said(get(name));
        assert_eq!(body(&page), "theirs");
        assert!(page.contains("\r\nContent-Security-Policy: sandbox;"), "{page}");
    }
    site.ends();
}

#[test]
fn fetch_brings_a_file_into_a_folder_and_fails_where_it_is_not_taken() {
    let site = Served::new(UPLOAD, &[("in/x", b"")]);
    let source = run::Folder::new();
    let file = source.file("a b:c.txt");
    fs::write(&file, "hello").unwrap();
    let fetch = |path: &str, args: &[&str]| {
        Run::new(&[&["fetch", &(site.url() + path)], args].concat()).run("")
    };
    fetch("/in/", &["--upload", &file]).expect(0, "saved in/a b:c.txt\n");
    fetch("/in/y", &["--upload", &file]).expect(0, "saved in/y\n");
    assert_eq!(site.read("in/a b:c.txt"), b"hello");
    let refused = fetch("/in/", &["--upload", &file]);
    refused.expect(1, refused.text());
    assert!(refused.text().contains("A file has this name"), "{refused}");
    assert!(refused.stderr.contains("409 Conflict"), "{refused}");
    let quiet = fetch("/in/", &["--upload", &file, "--fail"]);
    quiet.expect(1, "");
    assert_eq!(fetch("/in/", &["--method", "DELETE"]).code, 1);
    assert_eq!(fetch("/none", &[]).code, 0, "who asks is answered");
    let folder = fetch("/", &["--upload", source.path().to_str().unwrap()]);
    assert!(folder.code == 2 && folder.stderr.contains("is a folder"), "{folder}");
    site.ends();
}
