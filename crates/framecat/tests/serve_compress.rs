//! What is compressed on its way: read by the clients that people have, and never half of it for the whole.

mod run;
mod served;

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;

use framecat_proto::http::Coding;
use framecat_proto::http::Length;
use framecat_proto::http::body::{Body, Next};
use framecat_proto::http::coding::Decoder;
use framecat_proto::limits::{HTTP_SMALL_BYTES, HTTP_SQUEEZES};
use rustix::fs::{Timespec, Timestamps};

use run::{Run, have, have_python};
use served::{Served, get, head_of, status};

const GZIP: &str = "Accept-Encoding: gzip\r\n";

/// A text of so many bytes that gets smaller, but not to nothing.
fn text(bytes: usize) -> Vec<u8> {
    let lines =
        (0_u32..).flat_map(|n| format!("{n}: {:x}\n", n.wrapping_mul(2_654_435_761)).into_bytes());
    lines.take(bytes).collect()
}

/// What does not get smaller.
fn noise(bytes: usize) -> Vec<u8> {
    let words =
        (1_u64..).flat_map(|n| n.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29).to_le_bytes());
    words.take(bytes).collect()
}

/// A GET with further fields.
fn asking(path: &str, fields: &str) -> String {
    get(path).replace("Connection", &format!("{fields}Connection"))
}

/// A reply: its head, and its content as it came, with chunks undone.
fn reply(site: &Served, request: &str) -> (String, Vec<u8>) {
    let mut stream = site.dial();
    stream.write_all(request.as_bytes()).unwrap();
    let head = head_of(&mut stream);
    let mut came = Vec::new();
    stream.read_to_end(&mut came).unwrap();
    let content = whole(&head, &came).expect("a whole body");
    (head, content)
}

/// `None`: its end is missing.
fn whole(head: &str, came: &[u8]) -> Option<Vec<u8>> {
    if !head.contains("\r\nTransfer-Encoding: chunked\r\n") {
        return Some(came.to_vec());
    }
    let (mut body, mut at, mut content) = (Body::new(Length::Chunked), 0, Vec::new());
    loop {
        match body.next(came, &mut at).unwrap() {
            Next::Content(range) => content.extend_from_slice(&came[range]),
            Next::More => return None,
            Next::End => return Some(content),
        }
    }
}

fn undone(coded: &[u8]) -> Vec<u8> {
    let (mut decoder, mut content, mut at) = (Decoder::new(Coding::Gzip), Vec::new(), 0);
    while at < coded.len() {
        at += decoder.decode(&coded[at..], &mut content).unwrap().taken;
    }
    decoder.end(&mut content).unwrap();
    content
}

fn field<'h>(head: &'h str, name: &str) -> Option<&'h str> {
    let mut lines = head.lines().filter_map(|line| line.split_once(": "));
    lines.find(|(found, _)| *found == name).map(|(_, value)| value)
}

/// Files that were changed long ago.
fn aged(folder: &Path, names: &[&str]) {
    for name in names {
        age(&folder.join(name));
    }
}

fn age(path: &Path) {
    let at = Timespec { tv_sec: 1_700_000_000, tv_nsec: 5 };
    let times = Timestamps { last_access: at, last_modification: at };
    rustix::fs::utimensat(rustix::fs::CWD, path, &times, rustix::fs::AtFlags::empty()).unwrap();
}

#[test]
fn the_clients_that_people_have_read_it() {
    let (small, large) = (text(9_000), text(3_000_000));
    let files: [(&str, &[u8]); 4] =
        [("small.txt", &small), ("large.txt", &large), ("tiny.txt", b"hi\n"), ("a.png", &small)];
    let site = Served::new(&["--compress"], &files);
    if have("curl") {
        for (name, want) in files {
            // Twice: made, and remembered.
            for _ in 0..2 {
                site.curl(&["--compressed", "-f"], &format!("/{name}")).expect(0, want);
                let coded = site.curl(&["-f", "-H", GZIP.trim_end()], &format!("/{name}"));
                let smaller = matches!(name, "small.txt" | "large.txt");
                assert_eq!(coded.stdout.len() < want.len() * 2 / 3, smaller, "{name}");
                if smaller && have("gzip") {
                    let gzip = Run::program("gzip", &["-dc"]).run(coded.stdout);
                    assert!(gzip.stdout == want, "{name}");
                }
            }
        }
        // HTTP/1.0, and whoever does not ask for it.
        site.curl(&["--compressed", "-f", "-0"], "/large.txt").expect(0, &large);
        site.curl(&["-f"], "/large.txt").expect(0, &large);
    }
    if have("wget") {
        let url = site.url() + "/large.txt";
        let args = ["-q", "-O", "-", "--compression=gzip", &url];
        let got = Run::program("wget", &args).run("");
        assert!(got.stdout == large, "{}", got.stderr);
    }
    let url = site.url() + "/large.txt";
    Run::new(&["fetch", &url]).run("").expect(0, &large);
    if have("node") {
        let script = "const r = await fetch(process.argv[1]); \
            if (r.headers.get('content-encoding') !== 'gzip') throw r; \
            process.stdout.write(Buffer.from(await r.arrayBuffer()))";
        let args = ["--input-type=module", "-e", script, &url];
        let got = Run::program("node", &args).run("");
        assert!(got.stdout == large, "{}", got.stderr);
    }
    if have_python(&["gzip", "urllib.request"]) {
        let script = "import gzip, sys, urllib.request\n\
            r = urllib.request.Request(sys.argv[1], headers={'Accept-Encoding': 'gzip'})\n\
            with urllib.request.urlopen(r) as f:\n\
            \x20   assert f.headers['Content-Encoding'] == 'gzip' and f.headers['Vary'] == 'Accept-Encoding'\n\
            \x20   sys.stdout.buffer.write(gzip.decompress(f.read()))\n";
        let got = Run::program("python3", &["-c", script, &url]).run("");
        assert!(got.code == 0 && got.stdout == large, "{}", got.stderr);
    }
    site.ends();
}

#[test]
fn head_tells_what_get_tells_and_ranges_are_of_the_file_as_it_is() {
    let (small, large) = (text(HTTP_SMALL_BYTES), text(HTTP_SMALL_BYTES + 1));
    let site = Served::new(&["--compress"], &[("s.txt", &small), ("l.txt", &large)]);
    aged(site.folder.path(), &["s.txt", "l.txt"]);
    for (path, content) in [("/s.txt", &small), ("/l.txt", &large)] {
        for _ in 0..2 {
            let (head, coded) = reply(&site, &asking(path, GZIP));
            assert!(undone(&coded) == **content, "{head}");
            assert_eq!(field(&head, "Content-Encoding"), Some("gzip"));
            let measured = path == "/s.txt";
            let length = coded.len().to_string();
            assert_eq!(field(&head, "Content-Length"), measured.then_some(&*length), "{head}");
            let told = reply(&site, &asking(path, GZIP).replacen("GET", "HEAD", 1));
            assert_eq!(told.0, head.replace("Transfer-Encoding: chunked\r\n", ""));
            assert!(told.1.is_empty());
        }
        let (head, _) = reply(&site, &asking(path, GZIP));
        let tag = field(&head, "ETag").unwrap();
        let (plain, came) = reply(&site, &get(path));
        assert!(came == **content && field(&plain, "ETag") != Some(tag));
        assert_eq!(field(&plain, "Vary"), Some("Accept-Encoding"));
        let (same, nothing) =
            reply(&site, &asking(path, &format!("{GZIP}If-None-Match: {tag}\r\n")));
        assert!(status(&same) == "304" && nothing.is_empty() && field(&same, "ETag") == Some(tag));
        let (part, came) = reply(&site, &asking(path, &format!("{GZIP}Range: bytes=100-199\r\n")));
        assert!(status(&part) == "206" && came == content[100..200], "{part}");
        assert!(field(&part, "Content-Encoding").is_none());
        assert_eq!(field(&part, "ETag"), field(&plain, "ETag"));
        let stale = asking(path, &format!("{GZIP}Range: bytes=100-199\r\nIf-Range: {tag}\r\n"));
        let (all, came) = reply(&site, &stale);
        assert!(status(&all) == "200" && came == **content, "{all}");
    }
    // Behind each the connection goes on, and HTTP/1.0 gets no chunks.
    let two = asking("/l.txt", GZIP).replace("Connection: close\r\n", "") + &get("/s.txt");
    let said = String::from_utf8_lossy(&{
        let mut stream = site.dial();
        stream.write_all(two.as_bytes()).unwrap();
        let mut said = Vec::new();
        stream.read_to_end(&mut said).unwrap();
        said
    })
    .into_owned();
    assert!(said.contains("\r\n0\r\n\r\nHTTP/1.1 200 OK\r\n"), "{said}");
    let old = asking("/l.txt", GZIP).replace("HTTP/1.1", "HTTP/1.0");
    let (head, came) = reply(&site, &old);
    assert!(came == large && field(&head, "Content-Length").is_some(), "{head}");
    site.ends();
}

#[test]
fn what_is_remembered_is_never_sent_for_what_the_file_was() {
    let site = Served::new(&["--compress"], &[("a.txt", b"")]);
    let path = site.folder.path().join("a.txt");
    let mut stream = site.dial();
    for n in 0..60_u8 {
        // In place, of the same size, and with the same time: the file's facts stay the same.
        let content = [vec![b'a' + n % 26; 2_000], vec![b'a' + n / 26; 2_000]].concat();
        fs::File::options().write(true).open(&path).unwrap().write_all(&content).unwrap();
        age(&path);
        for _ in 0..3 {
            let request = asking("/a.txt", GZIP).replace("Connection: close\r\n", "");
            stream.write_all(request.as_bytes()).unwrap();
            let head = head_of(&mut stream);
            let mut coded = vec![0; field(&head, "Content-Length").unwrap().parse().unwrap()];
            stream.read_exact(&mut coded).unwrap();
            assert!(undone(&coded) == content, "round {n}: {head}");
        }
    }
    site.ends();
}

/// Asks for a file that does not end before it is read, and reads its head.
fn stalled(site: &Served, fields: &str) -> (TcpStream, String) {
    let mut stream = site.dial();
    rustix::net::sockopt::set_socket_recv_buffer_size(&stream, 64 << 10).unwrap();
    stream.write_all(asking("/noise.txt", fields).as_bytes()).unwrap();
    let head = head_of(&mut stream);
    (stream, head)
}

#[test]
fn a_file_that_changes_on_its_way_is_cut() {
    let site = Served::new(&["--compress"], &[("noise.txt", &noise(10 << 20))]);
    let path = site.folder.path().join("noise.txt");
    let change: [(&str, &dyn Fn()); 3] = [
        ("longer", &|| {
            fs::File::options().append(true).open(&path).unwrap().write_all(b"more").unwrap();
        }),
        ("another", &|| {
            fs::File::options().write(true).open(&path).unwrap().write_all(b"other").unwrap();
        }),
        ("shorter", &|| {
            fs::File::options().write(true).open(&path).unwrap().set_len(9 << 20).unwrap();
        }),
    ];
    for (what, change) in change {
        age(&path);
        let (mut stream, head) = stalled(&site, GZIP);
        change();
        let mut came = Vec::new();
        // The end may be a reset.
        let _ = stream.read_to_end(&mut came);
        assert!(whole(&head, &came).is_none(), "{what}: {} bytes", came.len());
    }
    // Left alone it comes whole, and one that was replaced is what it was.
    age(&path);
    let (mut stream, head) = stalled(&site, GZIP);
    let was = fs::read(&path).unwrap();
    fs::write(site.folder.path().join("new"), "new").unwrap();
    fs::rename(site.folder.path().join("new"), &path).unwrap();
    let mut came = Vec::new();
    stream.read_to_end(&mut came).unwrap();
    assert!(undone(&whole(&head, &came).unwrap()) == was);
    site.ends();
}

#[test]
fn whoever_finds_no_seat_gets_the_file_as_it_is() {
    let content = noise(10 << 20);
    let site = Served::new(&["--compress"], &[("noise.txt", &content), ("a.txt", &text(5_000))]);
    let busy: Vec<_> = (0..HTTP_SQUEEZES).map(|_| stalled(&site, GZIP)).collect();
    for (_, head) in &busy {
        assert_eq!(field(head, "Content-Encoding"), Some("gzip"), "{head}");
    }
    let (head, came) = reply(&site, &asking("/noise.txt", GZIP));
    assert_eq!(field(&head, "Content-Length"), Some(&*content.len().to_string()), "{head}");
    assert!(came == content && field(&head, "Content-Encoding").is_none());
    let none = reply(&site, &asking("/noise.txt", "Accept-Encoding: gzip, *;q=0\r\n")).0;
    assert!(status(&none) == "503" && field(&none, "Retry-After").is_some(), "{none}");
    // Listings too; what is small needs none.
    let (head, page) = reply(&site, &asking("/?json", GZIP));
    assert!(field(&head, "Content-Encoding").is_none() && page.starts_with(b"["), "{head}");
    let (head, _) = reply(&site, &asking("/a.txt", GZIP));
    assert_eq!(field(&head, "Content-Encoding"), Some("gzip"));
    drop(busy);
    let had = (0..10_000)
        .any(|_| field(&reply(&site, &asking("/?json", GZIP)).0, "Content-Encoding").is_some());
    assert!(had, "the seats of those who have gone are had again");
    site.ends();
}

#[test]
fn listings_are_compressed_without_being_asked_to() {
    let site = Served::new(&[], &[("small/a.txt", &text(5_000)), ("新.html", b"<script>")]);
    let large = site.folder.path().join("large");
    fs::create_dir(&large).unwrap();
    for n in 0..12_000 {
        fs::write(large.join(format!("a file with a name {n}")), "").unwrap();
    }
    for path in ["/", "/?json", "/small/", "/small/?json", "/large/?json", "/large/"] {
        let (plain_head, plain) = reply(&site, &get(path));
        let (head, coded) = reply(&site, &asking(path, GZIP));
        assert!(undone(&coded) == plain, "{path}");
        assert!(field(&plain_head, "Content-Encoding").is_none());
        assert_eq!(field(&head, "Content-Encoding"), Some("gzip"), "{head}");
        for head in [&head, &plain_head] {
            assert!(field(head, "Vary").unwrap().contains("Accept-Encoding"), "{head}");
        }
        let long = path.starts_with("/large/");
        assert_eq!(field(&head, "Content-Length").is_none(), long, "{head}");
        if path == "/" {
            assert!(coded.len() < plain.len() * 2 / 5, "{} of {}", coded.len(), plain.len());
        }
        let (head, came) = reply(&site, &asking(path, GZIP).replace("HTTP/1.1", "HTTP/1.0"));
        assert!(undone(&came) == plain && !head.contains("chunked"), "{head}");
        if have("curl") {
            site.curl(&["--compressed", "-f"], path).expect(0, &plain);
        }
    }
    // Files are not, unless it was asked for.
    let (head, _) = reply(&site, &asking("/small/a.txt", GZIP));
    assert!(field(&head, "Content-Encoding").is_none(), "{head}");
    site.ends();
}

#[test]
fn it_obeys_the_rfcs_as_it_does_without() {
    let files: [(&str, &[u8]); 2] = [("small.txt", &text(5_000)), ("large.txt", &text(50_000))];
    let site = Served::new(&["--compress"], &files);
    for (name, _) in files {
        age(&site.folder.path().join(name));
        let url = format!("{}/{name}", site.url());
        let checked = Run::new(&["fetch", "--check", &url]).run("");
        assert_eq!(checked.code, 0, "{checked}");
    }
    site.ends();
}
