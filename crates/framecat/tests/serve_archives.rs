//! `?tar` and `?zip`: a folder in one piece, read by the programs that people have for it.

mod run;
mod served;

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::io::{Read, Seek, Write};
use std::net::TcpStream;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use framecat_proto::http::archive::{Entry, Form, Kind, Writer};
use run::{Folder, Run, have, have_python, skipped};
use served::{Served, body, get, head_of, rest, status};

/// What is below a folder: files with their content, folders with a slash and nothing.
type Tree = BTreeMap<Vec<u8>, Vec<u8>>;

fn tree(folder: &Path) -> Tree {
    fn read(folder: &Path, inside: &[u8], tree: &mut Tree) {
        for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let path = [inside, entry.file_name().as_bytes()].concat();
            if entry.file_type().unwrap().is_dir() {
                let inside = [&path[..], b"/"].concat();
                tree.insert(inside.clone(), Vec::new());
                read(&entry.path(), &inside, tree);
            } else {
                tree.insert(path, fs::read(entry.path()).unwrap());
            }
        }
    }
    let mut all = Tree::new();
    read(folder, b"", &mut all);
    all
}

/// A folder with what file systems have, and what an archive of it has to hold.
fn laden(args: &[&str]) -> (Served, Tree) {
    let large: Vec<u8> = (0..300_000_u32).flat_map(u32::to_le_bytes).collect();
    let site = Served::new(args, &[(".hidden", b"h"), (".git/config", b"c"), ("s/large", &large)]);
    let s = site.folder.path().join("s");
    let long = "n".repeat(255);
    let deep = format!("{long}/{long}/{long}");
    fs::create_dir_all(s.join(&deep)).unwrap();
    fs::create_dir(s.join("empty folder")).unwrap();
    let names: [&[u8]; 9] = [
        b"empty",
        b"a\"b'<c>.txt",
        "新建 文件.txt".as_bytes(),
        b"new\nline",
        b"\xff\xfe",
        b"-rf",
        b"back\\slash:colon",
        long.as_bytes(),
        &[deep.as_bytes(), b"/e"].concat(),
    ];
    for (n, name) in names.iter().enumerate() {
        let content = if n == 0 { String::new() } else { format!("content {n}") };
        let name =
            if fs::exists(s.join(OsStr::from_bytes(name))).unwrap() { b"other" } else { *name };
        fs::write(s.join(OsStr::from_bytes(name)), content).unwrap();
    }
    fs::set_permissions(s.join("-rf"), fs::Permissions::from_mode(0o755)).unwrap();
    let mut want = tree(&s);
    // What is not served is not in it, and what a link to a file leads to is.
    symlink("large", s.join("link")).unwrap();
    want.insert(b"link".into(), large);
    symlink("/etc/passwd", s.join("out")).unwrap();
    symlink("../s", s.join("round")).unwrap();
    symlink("nowhere", s.join("dangling")).unwrap();
    let fifo = rustix::fs::FileType::Fifo;
    let mode = rustix::fs::Mode::RUSR;
    rustix::fs::mknodat(rustix::fs::CWD, s.join("fifo"), fifo, mode, 0).unwrap();
    fs::write(s.join(".secret"), "s").unwrap();
    if args.contains(&"--hidden") {
        want.insert(b".secret".into(), b"s".into());
    }
    (site, want)
}

/// Gets `path` and has `unpack` take it apart; what came of it.
fn unpacked(site: &Served, path: &str, unpack: &[&str]) -> Tree {
    let to = Folder::new();
    let archive = to.file("archive");
    site.curl(&["-f", "-o", &archive], path).expect(0, "");
    let inside = to.path().join("in");
    fs::create_dir(&inside).unwrap();
    let args: Vec<_> = unpack[1..].iter().map(|arg| arg.replace('@', &archive)).collect();
    let args: Vec<_> = args.iter().map(String::as_str).collect();
    let finished =
        Run::program(unpack[0], &args).in_folder(&inside).env("LC_ALL", "C.UTF-8").run("");
    assert_eq!(finished.code, 0, "{unpack:?}: {finished}");
    let roots: Vec<_> = fs::read_dir(&inside).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(roots, ["s"], "all is in one folder");
    tree(&inside.join("s"))
}

#[test]
fn the_programs_that_people_have_read_what_was_in_the_folder() {
    if !have("curl") {
        return;
    }
    const TARFILE: &str = "import sys, tarfile\n\
        with tarfile.open(sys.argv[1]) as t: t.extractall('.', filter='data')\n";
    const ZIPFILE: &str = "import sys, zipfile\n\
        with zipfile.ZipFile(sys.argv[1]) as z:\n\
        \x20   assert z.testzip() is None\n\
        \x20   for i in z.infolist():\n\
        \x20       if not i.flag_bits & 0x800: i.filename = i.filename.encode('cp437').decode('utf-8', 'surrogateescape')\n\
        \x20       z.extract(i)\n";
    for args in [&[][..], &["--hidden"]] {
        let (site, want) = laden(args);
        for (path, unpack) in [
            ("/s/?tar", &["tar", "-xf", "@"][..]),
            ("/s/?tar", &["bsdtar", "-xf", "@"]),
            ("/s/?tar", &["python3", "-c", TARFILE, "@"]),
            ("/s/?zip", &["bsdtar", "-xf", "@"]),
            ("/s/?zip", &["unzip", "-q", "@"]),
            ("/s/?zip", &["python3", "-c", ZIPFILE, "@"]),
        ] {
            let there = if unpack[0] == "python3" {
                have_python(&["tarfile", "zipfile"])
            } else {
                have(unpack[0])
            };
            if !there {
                continue;
            }
            let got = unpacked(&site, path, unpack);
            let names = |tree: &Tree| -> Vec<String> {
                tree.keys().map(|name| name.escape_ascii().to_string()).collect()
            };
            // unzip(1) leaves out what its locale has no character for.
            let spoiled = |(name, content): (&Vec<u8>, &Vec<u8>)| {
                let name = name.iter().filter(|byte| !matches!(byte, b'\n' | 0xff));
                (name.copied().collect(), content.clone())
            };
            let want: Tree = match unpack[0] {
                "unzip" => want.iter().map(spoiled).collect(),
                _ => want.clone(),
            };
            assert_eq!(names(&got), names(&want), "{path} by {unpack:?}");
            assert!(got == want, "{path} by {unpack:?}: a content differs");
        }
        site.ends();
    }
}

#[test]
fn what_is_told_of_files_stays_and_what_is_told_of_owners_does_not() {
    if !have_python(&["tarfile", "zipfile"]) || !have("curl") {
        return;
    }
    let site = Served::new(&[], &[("s/plain", b"1"), ("s/program", b"22"), ("s/old", b"333")]);
    let at = |name: &str| site.folder.path().join("s").join(name);
    fs::set_permissions(at("program"), fs::Permissions::from_mode(0o4711)).unwrap();
    fs::set_permissions(at("plain"), fs::Permissions::from_mode(0o600)).unwrap();
    let moment = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_614_834_368);
    for name in ["plain", "program"] {
        fs::File::options().write(true).open(at(name)).unwrap().set_modified(moment).unwrap();
    }
    let before = std::time::UNIX_EPOCH - std::time::Duration::from_secs(86_400);
    fs::File::options().write(true).open(at("old")).unwrap().set_modified(before).unwrap();
    let script = "import io, sys, tarfile, zipfile, urllib.request as u\n\
        get = lambda q: io.BytesIO(u.urlopen(sys.argv[1] + '/s/?' + q).read())\n\
        for m in sorted(tarfile.open(fileobj=get('tar')), key=lambda m: m.name):\n\
        \x20   print(m.name, oct(m.mode), m.size, '-' if m.isdir() else int(m.mtime), m.uid, m.gid, m.uname + m.gname + '.')\n\
        for i in sorted(zipfile.ZipFile(get('zip')).infolist(), key=lambda i: i.filename):\n\
        \x20   if not i.is_dir(): print(i.filename, oct(i.external_attr >> 16), i.file_size, i.date_time)\n";
    let finished = Run::program("python3", &["-c", script, &site.url()]).run("");
    finished.expect(
        0,
        "s 0o755 0 - 0 0 .\n\
         s/old 0o644 3 -86400 0 0 .\n\
         s/plain 0o644 1 1614834368 0 0 .\n\
         s/program 0o755 2 1614834368 0 0 .\n\
         s/old 0o100644 3 (1980, 1, 1, 0, 0, 0)\n\
         s/plain 0o100644 1 (2021, 3, 4, 5, 6, 8)\n\
         s/program 0o100755 2 (2021, 3, 4, 5, 6, 8)\n",
    );
    site.ends();
}

#[test]
fn an_archive_is_asked_for_like_a_folder() {
    let site = Served::new(&[], &[("a.txt", b"a"), ("新 a/b", b"b"), ("i/index.html", b"<html>")]);
    let tar = site.said(get("/?tar"));
    assert_eq!(status(&tar), "200");
    for field in [
        "Content-Type: application/x-tar",
        "Content-Disposition: attachment; filename=\"files.tar\"",
        "Transfer-Encoding: chunked",
        "X-Content-Type-Options: nosniff",
    ] {
        assert!(tar.contains(&format!("\r\n{field}\r\n")), "{field}: {tar}");
    }
    assert!(tar.ends_with("\r\n0\r\n\r\n"), "the last chunk");
    let named = site.said(get("/%E6%96%B0%20a/?zip"));
    let want = "filename=\"___ a.zip\"; filename*=UTF-8''%E6%96%B0%20a.zip\r\n";
    assert!(named.contains(want) && named.contains("application/zip"), "{named}");
    // A folder's index file is not the folder.
    assert!(site.said(get("/i/?tar")).contains("i/index.html"));
    let moved = site.said(get("/i?zip"));
    assert!(status(&moved) == "301" && moved.contains("\r\nLocation: /i/?zip\r\n"), "{moved}");
    assert_eq!(status(&site.said(get("/a.txt?tar"))), "404");
    assert_eq!(status(&site.said(get("/none/?tar"))), "404");
    let head = site.said(get("/?tar").replacen("GET", "HEAD", 1));
    assert!(status(&head) == "200" && head.ends_with("\r\n\r\n"), "{head}");
    // HTTP/1.0 has no chunks: the end of the connection is the end.
    let old = site.said("GET /?tar HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    assert!(old.contains("\r\nConnection: close\r\n") && !old.contains("chunked"), "{old}");
    assert_eq!(body(&old).len() % 512, 0);
    // The connection goes on behind one, and requests that waited are answered.
    let twice = "GET /?tar HTTP/1.1\r\nHost: localhost\r\n\r\n".to_string() + &get("/a.txt");
    let said = site.said(twice);
    assert!(
        said.contains("\r\n0\r\n\r\nHTTP/1.1 200 OK\r\n") && said.ends_with("\r\n\r\na"),
        "{said}"
    );
    site.ends();
}

fn sparse(path: &Path, len: u64) {
    fs::File::create(path).unwrap().set_len(len).unwrap();
}

fn asks(site: &Served, request: &str) -> TcpStream {
    let mut stream = site.dial();
    stream.write_all(request.as_bytes()).unwrap();
    stream
}

#[test]
fn a_file_that_is_cut_while_it_is_read_cuts_the_archive() {
    for (query, version) in [("tar", "1.1"), ("zip", "1.1"), ("tar", "1.0"), ("zip", "1.0")] {
        let site = Served::new(&[], &[("a", b"hello")]);
        let large = site.folder.path().join("large");
        sparse(&large, 64 << 20);
        let request = format!("GET /?{query} HTTP/{version}\r\nHost: localhost\r\n\r\n");
        let mut stream = asks(&site, &request);
        assert_eq!(status(&head_of(&mut stream)), "200");
        let mut begun = vec![0; 8192];
        stream.read_exact(&mut begun).unwrap();
        // More of it than the kernel's buffers hold is not sent yet, for nobody reads.
        fs::File::options().write(true).open(&large).unwrap().set_len(1 << 20).unwrap();
        let mut got = Vec::new();
        let ended = stream.read_to_end(&mut got);
        assert!(got.len() < 60 << 20, "{}", got.len());
        assert!(!got.ends_with(b"\r\n0\r\n\r\n"), "{query} over {version} looks whole");
        // Where the end of the connection is the end of the content, it is no clean one.
        assert!(version == "1.1" || ended.is_err(), "{query} over {version} looks whole");
        assert_eq!(body(&site.said(get("/a"))), "hello");
        site.ends();
    }
}

#[test]
fn what_is_not_as_on_the_disk_is_noted() {
    if !have("curl") || !have("tar") {
        return;
    }
    let site = Served::new(&[], &[("s/a", b"hello")]);
    let s = site.folder.path().join("s");
    fs::create_dir_all(s.join(["d"; 70].join("/"))).unwrap();
    let large = s.join("large");
    sparse(&large, 32 << 20);
    let request = "GET /s/?tar HTTP/1.0\r\n\r\n";
    let mut stream = asks(&site, request);
    head_of(&mut stream);
    let mut archive = vec![0; 8192];
    stream.read_exact(&mut archive).unwrap();
    fs::File::options().append(true).open(&large).unwrap().write_all(b"more").unwrap();
    stream.read_to_end(&mut archive).unwrap();
    let to = Folder::new();
    fs::write(to.path().join("a.tar"), &archive).unwrap();
    let names = Run::program("tar", &["-tf", "a.tar"]).in_folder(to.path()).run("").text();
    assert!(names.contains("s/a\n") && names.contains("s/large\n"), "{names}");
    let note = ["-xOf", "a.tar", "s.incomplete.txt"];
    let note = Run::program("tar", &note).in_folder(to.path()).run("").text();
    let deep = format!("s/{}: left out, for it lies too deep\n", ["d"; 64].join("/"));
    assert!(note.contains(&deep), "{note}");
    // The sizes that were told are those of its beginning, and what came later is not in it.
    assert!(note.contains("s/large: changed while it was read\n"), "{note}");
    site.ends();
    if rustix::process::geteuid().is_root() {
        skipped("root may read every file, so none can be forbidden");
        return;
    }
    let site = Served::new(&[], &[("s/a", b"hello"), ("s/forbidden", b"f")]);
    let forbidden = site.folder.path().join("s/forbidden");
    fs::set_permissions(&forbidden, fs::Permissions::from_mode(0o0)).unwrap();
    let said = site.said(get("/s/?tar"));
    assert!(said.contains("s/forbidden: left out, for it may not be read\n"), "{said}");
    site.ends();
}

#[test]
fn who_is_gone_or_does_not_read_holds_no_more_than_a_place() {
    let site = Served::new(&[], &[("a", b"hello")]);
    sparse(&site.folder.path().join("large"), 256 << 20);
    let request = "GET /?zip HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let mut slow: Vec<TcpStream> = (0..16).map(|_| asks(&site, request)).collect();
    for stream in &mut slow {
        assert_eq!(status(&head_of(stream)), "200");
    }
    let full = site.said(get("/?tar"));
    assert!(status(&full) == "503" && full.contains("\r\nRetry-After: "), "{full}");
    // Others are answered meanwhile: files, and folders that are read by the same threads.
    assert_eq!(body(&site.said(get("/a"))), "hello");
    assert_eq!(status(&site.said(get("/?json"))), "200");
    for stream in &slow[..15] {
        rustix::net::sockopt::set_socket_linger(stream, Some(std::time::Duration::ZERO)).unwrap();
    }
    slow.truncate(1);
    // Each was let go when it was seen to be gone: whoever comes then has a place.
    let had = (0..1000).any(|_| {
        let mut stream = asks(&site, request);
        let head = head_of(&mut stream);
        status(&head) == "200"
    });
    assert!(had, "the places of those who are gone are had again");
    // The one who stayed gets all of it.
    let mut all = Vec::new();
    slow[0].set_read_timeout(None).unwrap();
    rustix::net::shutdown(&slow[0], rustix::net::Shutdown::Write).unwrap();
    slow[0].read_to_end(&mut all).unwrap();
    assert!(all.len() > 256 << 20 && all.ends_with(b"\r\n0\r\n\r\n"), "{}", all.len());
    let memory = site.server.peak_memory();
    assert!(memory < 128 << 20, "{memory} bytes for archives of {} each", all.len());
    site.ends();
}

#[test]
fn a_folder_that_becomes_a_link_leads_nowhere() {
    let outside = Folder::new();
    fs::write(outside.path().join("f"), "kept outside").unwrap();
    let site = Served::new(&[], &[("s/d/f", b"inside")]);
    let s = site.folder.path().join("s");
    symlink(outside.path(), s.join("link")).unwrap();
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            use rustix::fs::{CWD, RenameFlags, renameat_with};
            while !done.load(std::sync::atomic::Ordering::Relaxed) {
                let (d, link) = (s.join("d"), s.join("link"));
                renameat_with(CWD, d, CWD, link, RenameFlags::EXCHANGE).unwrap();
            }
        });
        let said: Vec<_> = (0..100).map(|_| site.said(get("/s/?tar"))).collect();
        done.store(true, std::sync::atomic::Ordering::Relaxed);
        for said in said {
            assert!(status(&said) == "200" && !said.contains("kept outside"), "{said}");
        }
    });
    site.ends();
}

/// More than the old fields of a zip hold: 5 GiB before a file, and 70,000 names. The content is a hole
/// in a file, so only what the writer makes takes a disk.
#[test]
fn a_large_zip_is_read_by_pythons_zipfile() {
    if !have_python(&["zipfile"]) {
        return;
    }
    const HOLE: u64 = 5 << 30;
    let to = Folder::new();
    let mut file = fs::File::create(to.path().join("z.zip")).unwrap();
    let mut writer = Writer::new(Form::Zip);
    let mut out = Vec::new();
    let kind = Kind::File { size: HOLE, executable: false };
    writer.begin(&Entry { path: b"hole", kind, mtime: 0 }, &mut out);
    file.write_all(&out).unwrap();
    file.seek_relative(HOLE as i64).unwrap();
    out.clear();
    writer.end(&mut out);
    for n in 0..70_000 {
        let path = format!("f/{n}");
        let kind = Kind::File { size: 5, executable: false };
        writer.begin(&Entry { path: path.as_bytes(), kind, mtime: 0 }, &mut out);
        let content = format!("{n:05}");
        writer.content(content.as_bytes());
        out.extend_from_slice(content.as_bytes());
        writer.end(&mut out);
    }
    writer.finish(&mut out);
    file.write_all(&out).unwrap();
    let script = "import zipfile\n\
        z = zipfile.ZipFile('z.zip')\n\
        print(len(z.namelist()), z.getinfo('hole').file_size, z.read('f/0'), z.read('f/69999'))\n";
    let finished = Run::program("python3", &["-c", script]).in_folder(to.path()).run("");
    finished.expect(0, format!("70001 {HOLE} b'00000' b'69999'\n"));
    if have("unzip") {
        let last = ["-p", "z.zip", "f/69999"];
        Run::program("unzip", &last).in_folder(to.path()).run("").expect(0, "69999");
    }
}

/// Sizes that ustar has no digits for.
#[test]
fn a_large_file_in_a_tar_is_read_by_tar() {
    if !have("tar") {
        return;
    }
    const HOLE: u64 = 9 << 30;
    let to = Folder::new();
    let mut file = fs::File::create(to.path().join("t.tar")).unwrap();
    let mut writer = Writer::new(Form::Tar);
    let mut out = Vec::new();
    let kind = Kind::File { size: HOLE, executable: false };
    writer.begin(&Entry { path: b"hole", kind, mtime: 0 }, &mut out);
    file.write_all(&out).unwrap();
    file.seek_relative(HOLE as i64).unwrap();
    out.clear();
    writer.end(&mut out);
    let kind = Kind::File { size: 4, executable: false };
    writer.begin(&Entry { path: b"last", kind, mtime: 0 }, &mut out);
    out.extend_from_slice(b"here");
    writer.end(&mut out);
    writer.finish(&mut out);
    file.write_all(&out).unwrap();
    for tar in ["tar", "bsdtar"] {
        if have(tar) {
            let last = ["-xOf", "t.tar", "last"];
            Run::program(tar, &last).in_folder(to.path()).run("").expect(0, "here");
        }
    }
}

#[test]
fn a_whole_archive_of_an_empty_folder_is_one() {
    let site = Served::new(&[], &[]);
    for query in ["tar", "zip"] {
        let mut stream = asks(&site, &format!("GET /?{query} HTTP/1.0\r\n\r\n"));
        let said = rest(&mut stream);
        assert!(status(&said) == "200" && body(&said).contains("files/"), "{said}");
    }
    site.ends();
}
