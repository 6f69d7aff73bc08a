//! `framecat serve --full`: replacing, making, renaming, deleting; and the limits of what others bring.

mod run;
mod served;

use std::fs;
use std::io::Write;
use std::net::{Shutdown, TcpStream};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use run::{Folder, Run, Signal, have, skipped};
use served::{Served, body, get, head_of, request, rest, status};

const FULL: &[&str] = &["--full"];

/// The status of a request.
fn asked(site: &Served, line: &str, fields: &str, content: &str) -> String {
    status(&site.said(request(line, fields, content))).into()
}

fn put(site: &Served, path: &str, content: &str) -> String {
    asked(site, &format!("PUT {path}"), "", content)
}

/// Sends all but the last byte of a PUT that the server has taken.
fn begin(site: &Served, path: &str, fields: &str, content: &str) -> TcpStream {
    let put =
        request(&format!("PUT {path}"), &format!("Expect: 100-continue\r\n{fields}"), content);
    let (head, _) = put.split_once("\r\n\r\n").unwrap();
    let mut stream = site.dial();
    stream.write_all(format!("{head}\r\n\r\n").as_bytes()).unwrap();
    assert_eq!(head_of(&mut stream), "HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(&content.as_bytes()[..content.len() - 1]).unwrap();
    stream
}

/// Sends the last byte.
fn end(mut stream: TcpStream, content: &str) -> String {
    stream.write_all(&content.as_bytes()[content.len() - 1..]).unwrap();
    rest(&mut stream)
}

fn names_in(at: &Path) -> Vec<String> {
    fn walk(at: &Path, before: &str, names: &mut Vec<String>) {
        // A folder may be removed while it is looked at.
        let Ok(entries) = fs::read_dir(at) else { return };
        for entry in entries.flatten() {
            let name = format!("{before}{}", entry.file_name().to_string_lossy());
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                walk(&entry.path(), &format!("{name}/"), names);
            }
            names.push(name);
        }
    }
    let mut names = Vec::new();
    walk(at, "", &mut names);
    names.sort();
    names
}

fn names(site: &Served) -> Vec<String> {
    names_in(site.folder.path())
}

fn path(site: &Served, name: &str) -> PathBuf {
    site.folder.path().join(name)
}

fn read(site: &Served, name: &str) -> String {
    fs::read_to_string(path(site, name)).unwrap()
}

/// A moment long ago, so that a tag is a strong one.
fn age(site: &Served, name: &str) {
    let file = fs::File::options().write(true).open(path(site, name)).unwrap();
    file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(1_500_000_000)).unwrap();
}

fn tag(site: &Served, name: &str) -> String {
    let reply = site.said(get(&format!("/{name}")));
    let tag = reply.lines().find_map(|line| line.strip_prefix("ETag: ")).unwrap();
    assert!(tag.starts_with('"'), "{tag}");
    tag.to_string()
}

#[test]
fn a_file_is_replaced_once_all_of_the_new_one_is_there() {
    let site = Served::new(FULL, &[("a", b"old content")]);
    fs::set_permissions(path(&site, "a"), fs::Permissions::from_mode(0o751)).unwrap();
    let new = "new content, and longer";
    let upload = begin(&site, "/a", "", new);
    assert_eq!(body(&site.said(get("/a"))), "old content");
    let said = end(upload, new);
    assert_eq!(status(&said), "204", "{said}");
    assert!(said.contains("\r\nLocation: /a\r\n") && !said.contains("Content-Length"), "{said}");
    assert_eq!(body(&site.said(get("/a"))), new);
    assert_eq!(fs::metadata(path(&site, "a")).unwrap().permissions().mode() & 0o7777, 0o751);
    if rustix::process::geteuid().is_root() {
        std::os::unix::fs::chown(path(&site, "a"), Some(12345), Some(54321)).unwrap();
        fs::set_permissions(path(&site, "a"), fs::Permissions::from_mode(0o4755)).unwrap();
        assert_eq!(put(&site, "/a", new), "204");
        let now = fs::metadata(path(&site, "a")).unwrap();
        let is = (now.uid(), now.gid(), now.permissions().mode() & 0o7777);
        assert_eq!(is, (12345, 54321, 0o755), "whose it was, and never set-uid");
    }
    // What is cut off replaces nothing.
    let upload = begin(&site, "/a", "", "cut");
    upload.shutdown(Shutdown::Write).unwrap();
    assert_eq!(status(&rest(&mut { upload })), "400");
    assert_eq!((read(&site, "a").as_str(), names(&site)), (new, vec!["a".to_string()]));
    if have("curl") {
        let reply = site.curl(&["-i", "-T", "/etc/hostname"], "/a").text();
        assert!(reply.contains("HTTP/1.1 204 No Content\r\n"), "{reply}");
        assert_eq!(read(&site, "a"), fs::read_to_string("/etc/hostname").unwrap());
    }
    site.ends();
}

#[test]
fn conditions_hold_before_the_content_comes_and_when_it_is_there() {
    let site = Served::new(FULL, &[("a", b"first"), ("b", b"first")]);
    age(&site, "a");
    age(&site, "b");
    let first = tag(&site, "a");
    let if_match = format!("If-Match: {first}\r\n");
    // Those who wait for leave are refused before they send.
    let waits = format!("Expect: 100-continue\r\n{if_match}");
    assert_eq!(asked(&site, "PUT /a", &if_match, "second"), "204");
    assert_eq!(asked(&site, "PUT /a", &waits, "third"), "412");
    assert_eq!(asked(&site, "DELETE /a", &if_match, ""), "412");
    assert_eq!(asked(&site, "POST /a?rename=c", &if_match, ""), "412");
    assert_eq!(asked(&site, "PUT /a", "If-None-Match: *\r\n", "third"), "412");
    assert_eq!(asked(&site, "PUT /c", "If-Match: *\r\n", "third"), "412");
    let old = "If-Unmodified-Since: Fri, 14 Jul 2017 02:39:59 GMT\r\n";
    assert_eq!(asked(&site, "PUT /b", old, "third"), "412");
    assert_eq!(read(&site, "a"), "second");

    // Somebody else is faster.
    let upload = begin(&site, "/c", "If-None-Match: *\r\n", "mine");
    fs::write(path(&site, "c"), "theirs").unwrap();
    assert_eq!(status(&end(upload, "mine")), "412");
    let upload = begin(&site, "/b", &format!("If-Match: {}\r\n", tag(&site, "b")), "mine");
    fs::write(path(&site, "b"), "theirs").unwrap();
    assert_eq!(status(&end(upload, "mine")), "412");
    assert_eq!((read(&site, "b"), read(&site, "c")), ("theirs".into(), "theirs".into()));
    age(&site, "b");
    let tag = tag(&site, "b");
    assert_eq!(asked(&site, "DELETE /b", &format!("If-Match: {tag}\r\n"), ""), "204");
    assert_eq!(names(&site), ["a", "c"]);
    site.ends();
}

#[test]
fn of_those_who_change_the_same_state_of_a_file_one_does() {
    let site = Served::new(FULL, &[("a", b"0")]);
    for round in 0..5 {
        age(&site, "a");
        let fields = format!("If-Match: {}\r\n", tag(&site, "a"));
        let contents: Vec<String> = (0..12).map(|n| format!("{round} {n}")).collect();
        let uploads: Vec<_> =
            contents.iter().map(|content| begin(&site, "/a", &fields, content)).collect();
        let said: Vec<String> = std::thread::scope(|scope| {
            let ends: Vec<_> = uploads
                .into_iter()
                .zip(&contents)
                .map(|(upload, content)| scope.spawn(move || end(upload, content)))
                .collect();
            ends.into_iter().map(|end| end.join().unwrap()).collect()
        });
        let done: Vec<_> = said.iter().enumerate().filter(|(_, s)| status(s) == "204").collect();
        let refused = said.iter().filter(|said| status(said) == "412").count();
        assert_eq!((done.len(), refused), (1, 11), "{said:?}");
        assert_eq!(read(&site, "a"), contents[done[0].0]);
    }
    site.ends();
}

#[test]
fn folders_on_the_way_are_made_when_the_file_is_there_and_not_before() {
    for flags in [FULL, &["--upload"]] {
        let site = Served::new(flags, &[("a/x", b"")]);
        let upload = begin(&site, "/a/b/c/d.txt", "", "content");
        assert_eq!(names(&site), ["a", "a/x"]);
        let cut = begin(&site, "/new/folder/e.txt", "", "content");
        cut.shutdown(Shutdown::Write).unwrap();
        assert_eq!(status(&rest(&mut { cut })), "400");
        let said = end(upload, "content");
        assert_eq!(status(&said), "201", "{said}");
        assert!(said.contains("\r\nLocation: /a/b/c/d.txt\r\n"), "{said}");
        assert_eq!(names(&site), ["a", "a/b", "a/b/c", "a/b/c/d.txt", "a/x"]);
        site.ends();
    }
}

#[test]
fn folders_are_made_and_things_have_other_names() {
    let site = Served::new(FULL, &[("file", b"content"), ("folder/x", b"x")]);
    symlink("file", path(&site, "link")).unwrap();
    for (line, want, place) in [
        ("POST /new/?mkdir", "201", "/new/"),
        ("POST /new/inner?mkdir", "201", "/new/inner/"),
        ("POST /new?mkdir", "409", ""),
        ("POST /file?mkdir", "409", ""),
        ("POST /link?mkdir", "409", ""),
        ("POST /none/inner?mkdir", "409", ""),
        ("POST /link/inner?mkdir", "409", ""),
        ("POST /?mkdir", "403", ""),
        ("POST /file?rename=a%20b", "201", "/a%20b"),
        ("POST /a%20b?rename=/new/%E6%96%B0", "201", "/new/%E6%96%B0"),
        ("POST /new/%E6%96%B0?rename=/file", "201", "/file"),
        ("POST /file?rename=link", "409", ""),
        ("POST /file?rename=folder", "409", ""),
        ("POST /file?rename=/none/x", "409", ""),
        ("POST /none?rename=x", "404", ""),
        ("POST /none/none?rename=x", "404", ""),
        ("POST /file/?rename=x", "404", ""),
        ("POST /file/none?rename=x", "404", ""),
        ("POST /folder?rename=/folder/inner", "409", ""),
        ("POST /folder?rename=/folder", "409", ""),
        ("POST /folder?rename=/new/folder", "201", "/new/folder/"),
        // In another folder it would lead elsewhere.
        ("POST /link?rename=/new/link", "409", ""),
        ("POST /link?rename=moved", "201", "/moved"),
        ("POST /?rename=x", "403", ""),
        ("POST /file?rename=..", "400", ""),
        ("POST /file", "415", ""),
    ] {
        let said = site.said(request(line, "", ""));
        assert_eq!(status(&said), want, "{line}: {said}");
        let told = said.lines().find_map(|line| line.strip_prefix("Location: "));
        assert_eq!(told.unwrap_or(""), place, "{line}: {said}");
    }
    assert_eq!(names(&site), ["file", "moved", "new", "new/folder", "new/folder/x", "new/inner"]);
    assert_eq!(fs::read_link(path(&site, "moved")).unwrap(), Path::new("file"));
    site.ends();
}

#[test]
fn what_is_deleted_is_gone_and_nothing_else() {
    let outside = Folder::new();
    fs::write(outside.path().join("precious"), "precious").unwrap();
    let site = Served::new(
        FULL,
        &[
            ("file", b"x"),
            ("folder/a/b/c", b"c"),
            ("folder/d", b"d"),
            ("empty/x", b""),
            ("keep", b"k"),
        ],
    );
    fs::remove_file(path(&site, "empty/x")).unwrap();
    symlink(outside.path(), path(&site, "out")).unwrap();
    symlink(outside.path(), path(&site, "folder/a/out")).unwrap();
    symlink("keep", path(&site, "link")).unwrap();
    symlink("nowhere", path(&site, "dangling")).unwrap();
    symlink(".", path(&site, "here")).unwrap();
    fs::write(path(&site, "odd\n\x1b[2J"), "").unwrap();
    let fifo = path(&site, "pipe");
    Run::program("mkfifo", &[fifo.to_str().unwrap()]).run("").expect(0, "");
    for (target, want) in [
        ("/", "403"),
        ("//", "403"),
        ("/folder/..", "400"),
        ("/none", "404"),
        ("/none/none", "404"),
        ("/file/none", "404"),
        ("/file/", "404"),
        ("/link/", "404"),
        // Through a link nothing is changed.
        ("/here/keep", "409"),
        ("/out/precious", "409"),
        ("/file", "204"),
        ("/file", "404"),
        ("/link", "204"),
        ("/dangling", "204"),
        ("/out", "204"),
        ("/here", "204"),
        ("/pipe", "204"),
        ("/odd%0A%1B%5B2J", "204"),
        ("/empty/", "204"),
        ("/folder", "204"),
    ] {
        let said = site.said(request(&format!("DELETE {target}"), "", ""));
        assert_eq!(status(&said), want, "{target}: {said}");
    }
    assert_eq!(names(&site), ["keep"]);
    assert_eq!(names_in(outside.path()), ["precious"]);
    // Content is passed over, and the connection goes on behind it.
    let both = request("DELETE /none", "", "content").replace("Connection: close\r\n", "");
    let said = site.said(format!("{both}{}", get("/keep")));
    assert!(said.starts_with("HTTP/1.1 404 ") && said.ends_with("\r\n\r\nk"), "{said}");
    site.ends();
}

#[test]
fn many_folders_that_are_deleted_at_once_are_gone_at_once_and_removed_by_and_by() {
    let site = Served::new(FULL, &[("keep", b"k")]);
    for folder in 0..8 {
        fs::create_dir(path(&site, &folder.to_string())).unwrap();
        for file in 0..500 {
            fs::write(path(&site, &format!("{folder}/{file}")), "").unwrap();
        }
    }
    let mut streams: Vec<TcpStream> = (0..8).map(|_| site.dial()).collect();
    for (n, stream) in streams.iter_mut().enumerate() {
        stream.write_all(request(&format!("DELETE /{n}"), "", "").as_bytes()).unwrap();
    }
    for stream in &mut streams {
        assert_eq!(status(&rest(stream)), "204");
    }
    for n in 0..8 {
        assert!(!path(&site, &n.to_string()).exists(), "{n}");
    }
    let begun = std::time::Instant::now();
    while names(&site) != ["keep"] && begun.elapsed() < run::PATIENCE {
        std::thread::yield_now();
    }
    assert_eq!(names(&site), ["keep"]);
    site.ends();
}

#[test]
fn a_name_whose_number_would_be_too_much_is_refused_with_nothing_saved() {
    let site = Served::new(&["--upload", "--rename"], &[]);
    // A path of the 4,096 bytes that are the most.
    let folder = format!("/{}{}", format!("{}/", "w".repeat(255)).repeat(15), "v".repeat(251));
    for want in ["201", "400", "400"] {
        let said = site.said(request(&format!("PUT {folder}/xxx"), "", "x"));
        assert_eq!(status(&said), want, "{said}");
    }
    let listed = site.said(request(&format!("GET {folder}/?json"), "", ""));
    assert_eq!(body(&listed).matches("\"name\"").count(), 1, "{listed}");
    site.ends();
}

#[test]
fn a_taken_name_gets_a_number_where_that_was_said() {
    let site = Served::new(&["--upload", "--rename"], &[("a.txt", b"0"), ("folder/x", b"x")]);
    for (target, place, name) in [
        ("/a.txt", "/a%20%281%29.txt", "a (1).txt"),
        ("/a.txt", "/a%20%282%29.txt", "a (2).txt"),
        ("/a%20%281%29.txt", "/a%20%281%29%20%281%29.txt", "a (1) (1).txt"),
        ("/folder", "/folder%20%281%29", "folder (1)"),
        ("/new", "/new", "new"),
    ] {
        let said = site.said(request(&format!("PUT {target}"), "", target));
        assert_eq!(status(&said), "201", "{target}: {said}");
        assert!(said.contains(&format!("\r\nLocation: {place}\r\n")), "{target}: {said}");
        assert!(said.ends_with(&format!("\r\n\r\nsaved {name}\n")), "{said}");
        assert_eq!(read(&site, name), target);
    }
    assert_eq!(read(&site, "a.txt"), "0");
    // Behind a long row too, and at its end.
    for n in 1..=998 {
        fs::write(path(&site, &format!("row ({n})")), "").unwrap();
    }
    fs::write(path(&site, "row"), "").unwrap();
    for (want, name) in [("201", "row (999)"), ("201", "row (1000)"), ("409", "row (1001)")] {
        let said = site.said(request("PUT /row", "", "x"));
        assert_eq!(status(&said), want, "{name}: {said}");
        assert_eq!(path(&site, name).exists(), want == "201", "{name}");
    }
    // Many at once: each has one of its own.
    let uploads: Vec<_> = (0..20).map(|_| begin(&site, "/n", "", "xy")).collect();
    for upload in uploads {
        assert_eq!(status(&end(upload, "xy")), "201");
    }
    let all = names(&site);
    assert_eq!(all.iter().filter(|name| name.starts_with('n')).count(), 21, "{all:?}");
    site.ends();
}

#[test]
fn what_is_too_large_is_refused_as_early_as_it_is_known() {
    let site = Served::new(&["--upload", "--max-upload", "1KiB"], &[]);
    let fits = "x".repeat(1024);
    assert_eq!(put(&site, "/fits", &fits), "201");
    let waits = "Expect: 100-continue\r\n";
    let large =
        format!("PUT /large HTTP/1.1\r\nHost: localhost\r\n{waits}Content-Length: 1025\r\n\r\n");
    let said = site.said(large);
    assert_eq!(status(&said), "413");
    assert!(body(&said).contains("more than 1KiB"), "{said}");
    let chunked = "PUT /large HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n";
    // The chunk alone is told to be too large; with the one before it; and when it has come.
    for content in [
        "401\r\n".to_string(),
        "ffffffffffffffff\r\n".into(),
        format!("400\r\n{fits}\r\n1\r\n"),
        format!("400\r\n{fits}\r\n1\r\nx\r\n0\r\n\r\n"),
    ] {
        assert_eq!(status(&site.said(format!("{chunked}{content}"))), "413", "{content}");
    }
    let exact = format!("{chunked}400\r\n{fits}\r\n0\r\n\r\n").replace("large", "exact");
    let mut stream = site.dial();
    stream.write_all(exact.as_bytes()).unwrap();
    assert_eq!(status(&head_of(&mut stream)), "201");
    assert_eq!(names(&site), ["exact", "fits"]);
    site.ends();
}

#[test]
fn a_full_disk_is_known_before_the_content_comes_or_when_it_is_full() {
    let folder = Folder::new();
    let line = format!(
        "mount -t tmpfs -o size=1m tmpfs . && cd \"$PWD\" && echo old > old && \
         mkdir ro && mount -t tmpfs -o ro tmpfs ro && \
         exec {} serve . --full --listen 127.0.0.1:0",
        run::tested()
    );
    let server = Run::program("unshare", &["-Urm", "sh", "-c", &line]).in_folder(folder.path());
    let server = server.start();
    let told = server.told_when(|told| told.contains("/\n") || told.contains("unshare:"));
    if told.contains("unshare:") {
        skipped("no mount namespaces here");
        return;
    }
    let site = Served { folder, server };
    let content = "x".repeat(2 << 20);
    let (head, _) = request("PUT /a", "Expect: 100-continue\r\n", &content)
        .split_once("\r\n\r\n")
        .map(|(head, rest)| (head.to_string(), rest.len()))
        .unwrap();
    let said = site.said(format!("{head}\r\n\r\n"));
    assert_eq!(status(&said), "507", "{said}");
    assert!(body(&said).contains("has no room"), "{said}");
    let chunked = "Host: localhost\r\nTransfer-Encoding: chunked\r\n\r\n";
    let said = site.said(format!("PUT /a HTTP/1.1\r\n{chunked}200000\r\n"));
    assert_eq!(status(&said), "507", "a chunk that is told to be too large: {said}");
    let mut all = format!("PUT /old HTTP/1.1\r\n{chunked}");
    for _ in 0..128 {
        all += &format!("4000\r\n{}\r\n", "x".repeat(0x4000));
    }
    let mut stream = site.dial();
    // It may be refused before all is sent.
    let _ = stream.write_all(all.as_bytes());
    assert_eq!(status(&rest(&mut stream)), "507");
    // What may not be written to is 403.
    assert_eq!(put(&site, "/ro/a", "x"), "403");
    assert_eq!(asked(&site, "POST /ro/a?mkdir", "", ""), "403");
    assert_eq!(asked(&site, "POST /old?rename=/ro/a", "", ""), "409", "another disk");
    assert_eq!(asked(&site, "DELETE /ro", "", ""), "409", "another disk");
    // Nothing is lost, and the room is free again.
    assert_eq!(body(&site.said(get("/old"))), "old\n");
    assert_eq!(put(&site, "/fits", &"y".repeat(700_000)), "201");
    let listing = site.said(get("/?json"));
    assert_eq!(listing.matches("\"name\"").count(), 3, "{listing}");
    site.ends();
}

#[test]
fn a_disk_that_is_mounted_in_a_deleted_folder_is_left_alone() {
    for inside in ["dir/disk", "dir/sub/disk"] {
        let folder = Folder::new();
        let line = format!(
            "mkdir -p {inside} && echo x > dir/x && mount -t tmpfs tmpfs {inside} && \
             mkdir {inside}/f && echo precious > {inside}/f/a && echo precious > {inside}/b && \
             exec {} serve . --full --listen 127.0.0.1:0",
            run::tested()
        );
        let server = Run::program("unshare", &["-Urm", "sh", "-c", &line]).in_folder(folder.path());
        let server = server.start();
        let told = server.told_when(|told| told.contains("/\n") || told.contains("unshare:"));
        if told.contains("unshare:") {
            skipped("no mount namespaces here");
            return;
        }
        let site = Served { folder, server };
        let said = site.said(request("DELETE /dir/", "", ""));
        assert!(status(&said) == "409" && body(&said).contains("Another disk"), "{said}");
        assert_eq!(status(&site.said(get("/dir/x"))), "200", "{inside}: all of it is left");
        for file in ["b", "f/a"] {
            let said = site.said(get(&format!("/{inside}/{file}")));
            assert_eq!(body(&said), "precious\n", "{inside}/{file}: {said}");
        }
        site.ends();
    }
}

#[test]
fn what_is_durable_is_on_the_disk_before_it_is_told() {
    if !have("strace") {
        return;
    }
    let folder = Folder::new();
    let log = folder.file("trace");
    fs::create_dir(folder.path().join("served")).unwrap();
    let tested = run::tested();
    let args = [
        "-f",
        "-qq",
        "-o",
        &log,
        "-e",
        "trace=fsync,linkat,renameat2,mkdirat,unlinkat,sendto",
        tested,
    ];
    let serve = ["serve", "served", "--full", "--durable", "--listen", "127.0.0.1:0"];
    let server = Run::program("strace", &[&args[..], &serve].concat());
    let site = Served { server: server.in_folder(folder.path()).start(), folder };
    let calls = |before: usize| {
        let log = fs::read_to_string(&log).unwrap();
        let names = log.lines().skip(before).filter_map(|line| {
            let call = line.split_whitespace().nth(1)?.split('(').next()?;
            (!call.starts_with('<') && !line.contains("resumed")).then(|| call.to_string())
        });
        (names.collect::<Vec<_>>(), log.lines().count())
    };
    let mut before = 0;
    for (line, want, sent) in [
        // The file, the folders that were made in theirs, the name in its own, and only then the reply.
        ("PUT /a/b", "201", "fsync mkdirat fsync fsync linkat fsync sendto"),
        ("POST /c?mkdir", "201", "mkdirat fsync sendto"),
        ("POST /a/b?rename=/c/b", "201", "renameat2 fsync fsync sendto"),
        ("DELETE /c/b", "204", "unlinkat fsync sendto"),
    ] {
        assert_eq!(asked(&site, line, "", ""), want, "{line}");
        let (names, len) = calls(before);
        before = len;
        assert_eq!(names.join(" "), sent, "{line}");
    }
    // strace hands the signal on to what it started.
    let children = format!("/proc/{0}/task/{0}/children", site.server.id());
    let child = fs::read_to_string(children).unwrap().trim().parse().unwrap();
    let child = rustix::process::Pid::from_raw(child).unwrap();
    rustix::process::kill_process(child, Signal::TERM).unwrap();
    assert_eq!(site.server.wait().code, 0);
}

#[test]
fn a_folder_that_is_swapped_for_a_link_all_the_time_leads_nowhere() {
    let outside = Folder::new();
    fs::create_dir(outside.path().join("inner")).unwrap();
    fs::write(outside.path().join("inner/precious"), "precious").unwrap();
    fs::write(outside.path().join("victim"), "precious").unwrap();
    let site = Served::new(FULL, &[("at/inner/x", b"x"), ("from", b"from")]);
    symlink(outside.path(), path(&site, "link")).unwrap();
    let stop = AtomicBool::new(false);
    let (at, link) = (path(&site, "at"), path(&site, "link"));
    let mut done = 0;
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let cwd = rustix::fs::CWD;
            let flags = rustix::fs::RenameFlags::EXCHANGE;
            while !stop.load(Ordering::Relaxed) {
                let _ = rustix::fs::renameat_with(cwd, &at, cwd, &link, flags);
            }
        });
        let mut statuses = std::collections::BTreeMap::<String, u32>::new();
        for n in 0..300 {
            for line in [
                format!("PUT /at/{n}"),
                format!("PUT /at/deep{n}/file"),
                "PUT /at/victim".into(),
                format!("POST /at/folder{n}?mkdir"),
                format!("POST /from?rename=/at/from{n}"),
                format!("POST /at/from{n}?rename=/from"),
                "DELETE /at/victim".into(),
                "DELETE /at/inner".into(),
                "DELETE /at/inner/precious".into(),
            ] {
                let status =
                    asked(&site, &line, "", if line.starts_with("PUT") { "x" } else { "" });
                done += u32::from(status.starts_with('2'));
                *statuses.entry(status).or_default() += 1;
            }
            // Wherever it has got to.
            let _ = fs::write(path(&site, "from"), "from");
        }
        stop.store(true, Ordering::Relaxed);
        assert!(done > 0 && statuses.contains_key("409"), "both were met: {statuses:?}");
        let odd = |status: &&String| !matches!(&status[..], "201" | "204" | "404" | "409");
        assert_eq!(statuses.keys().find(odd), None, "{statuses:?}");
    });
    assert_eq!(names_in(outside.path()), ["inner", "inner/precious", "victim"]);
    assert_eq!(fs::read_to_string(outside.path().join("victim")).unwrap(), "precious");
    site.ends();
}

#[test]
fn what_killed_servers_left_is_gone_soon_after_the_start_and_nothing_else() {
    let folder = Folder::new();
    let at = |name: &str| folder.path().join(name);
    fs::create_dir_all(at("a/b/.framecat-0000000000000001.gone/c/d")).unwrap();
    fs::write(at("a/b/.framecat-0000000000000001.gone/c/d/file"), "x").unwrap();
    fs::write(at("a/b/.framecat-0000000000000002.new"), "x").unwrap();
    fs::write(at("a/.framecat-0000000000000003.part"), "somebody goes on with it").unwrap();
    fs::write(at(".framecat-0000000000000004.part"), "nobody does").unwrap();
    let old = SystemTime::now() - Duration::from_secs(8 * 24 * 60 * 60);
    let file = fs::File::options().write(true).open(at(".framecat-0000000000000004.part")).unwrap();
    file.set_modified(old).unwrap();
    fs::write(at("a/b/.framecat-notes"), "mine").unwrap();
    fs::write(at("a/b/.hidden"), "mine").unwrap();
    let outside = Folder::new();
    fs::write(outside.path().join(".framecat-0000000000000005.new"), "not ours").unwrap();
    symlink(outside.path(), at("out")).unwrap();
    let left = [
        "a",
        "a/.framecat-0000000000000003.part",
        "a/b",
        "a/b/.framecat-notes",
        "a/b/.hidden",
        "out",
    ];
    // Who only reads changes nothing.
    let listen = ["serve", ".", "--listen", "127.0.0.1:0"];
    let reader = Run::new(&listen).in_folder(folder.path()).start();
    reader.told("--lan for the network");
    let before = names_in(folder.path());
    let server = Run::new(&[&listen[..], &["--upload"]].concat()).in_folder(folder.path()).start();
    assert!(before.len() > left.len());
    let begun = std::time::Instant::now();
    while names_in(folder.path()) != left && begun.elapsed() < run::PATIENCE {
        std::thread::yield_now();
    }
    assert_eq!(names_in(folder.path()), left);
    assert_eq!(names_in(outside.path()), [".framecat-0000000000000005.new"]);
    for server in [server, reader] {
        server.signal(Signal::TERM);
        assert_eq!(server.wait().code, 0);
    }
}

#[test]
fn a_reply_is_text_for_programs_and_html_for_browsers_and_always_has_an_end() {
    let site = Served::new(FULL, &[("file", b"x"), ("folder/x", b"x")]);
    let form =
        "--b\r\nContent-Disposition: form-data; name=f; filename=new\r\n\r\nhello\r\n--b--\r\n";
    let multipart = "Content-Type: multipart/form-data; boundary=b\r\n";
    for (line, fields, content, want) in [
        ("GET /none", "", "", 404),
        ("GET /../a", "", "", 400),
        ("BREW /pot", "", "", 501),
        ("TRACE /file", "", "", 405),
        ("GET /file", "If-Match: \"x\"\r\n", "", 412),
        ("GET /file", "Range: bytes=9-\r\n", "", 416),
        ("PUT /folder", "", "x", 409),
        ("PUT /folder/", "", "x", 409),
        ("PUT /new", "Content-Encoding: gzip\r\n", "x", 415),
        ("PUT /a%00", "", "x", 400),
        ("DELETE /none", "", "", 404),
        ("DELETE /", "", "", 403),
        ("POST /", "", "a=b", 415),
        ("POST /folder?mkdir=x", "", "", 400),
        ("PUT /file", "", "x", 204),
        ("POST /", multipart, form, 201),
    ] {
        for (accept, html) in
            [("", false), ("Accept: */*\r\n", false), ("Accept: text/html,*/*\r\n", true)]
        {
            let request = request(line, &format!("{accept}{fields}"), content)
                .replace("Connection: close\r\n", "");
            // What is not closed behind it is followed by another one, so its end is known.
            let said = site.said(format!("{request}{}", get("/folder/x")));
            let want = if html && want == 201 && content == form { 303 } else { want };
            assert_eq!(status(&said), want.to_string(), "{line} {accept}: {said}");
            let (head, body) = said.split_once("\r\n\r\n").unwrap();
            let has_length = head.contains("\r\nContent-Length: ");
            assert_eq!(has_length, want != 204, "{line} {accept}: {said}");
            if !head.contains("\r\nConnection: close") {
                assert!(said.ends_with("\r\n\r\nx"), "{line}: {said}");
            }
            if want >= 400 {
                let kind = if html { "text/html" } else { "text/plain" };
                assert!(
                    head.contains(&format!("\r\nContent-Type: {kind}; charset=utf-8")),
                    "{said}"
                );
                assert_eq!(body.contains("<p>"), html, "{line}: {said}");
                assert!(html || body.starts_with(&format!("{want} ")), "{line}: {said}");
            }
        }
    }
    let told = site.ends().stderr;
    for reason in [
        "refused, connection ",
        ": A folder has this name: with a slash",
        ": The folder itself is not for others to change\n",
        ": It is not what the request expects it to be\n",
    ] {
        assert!(told.contains(reason), "{reason}: {told}");
    }
    assert!(!told.contains("Nothing is served at this address"), "{told}");
}
