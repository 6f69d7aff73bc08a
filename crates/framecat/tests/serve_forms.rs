//! `framecat serve --upload` and forms (multipart/form-data): from curl, from Python, cut off and hostile.

mod run;
mod served;

use std::fs;
use std::io::Write;
use std::net::Shutdown;

use run::{Folder, Run, Signal, have, have_python};
use served::{Served, body, field, head_of, rest, status};

const UPLOAD: &[&str] = &["--upload"];

/// A form of these files.
fn form(files: &[(&str, &str)]) -> String {
    let parts = files.iter().map(|(name, content)| {
        format!(
            "--B\r\nContent-Disposition: form-data; name=\"f\"; filename=\"{name}\"\r\n\r\n{content}\r\n"
        )
    });
    parts.collect::<String>() + "--B--\r\n"
}

const FORM: &str = "Content-Type: multipart/form-data; boundary=B\r\n";

fn post(site: &Served, path: &str, form: &str) -> String {
    site.asked(&format!("POST {path}"), FORM, form)
}

#[test]
fn curl_brings_files_under_their_base_names() {
    if !have("curl") {
        return;
    }
    let site = Served::new(UPLOAD, &[("in/x", b"")]);
    let source = Folder::new();
    let large: Vec<u8> = (0..300_000_u32).flat_map(u32::to_le_bytes).collect();
    fs::write(source.file("large"), &large).unwrap();
    fs::write(source.file("small.txt"), "hello\r\n--\r\n").unwrap();
    fs::write(source.file("empty"), "").unwrap();
    let from = |name: &str, rest: &str| format!("f=@{}{rest}", source.file(name));
    let (large_, small, empty) = (from("large", ""), from("small.txt", ""), from("empty", ""));
    let many = ["-i", "-F", &large_, "-F", "note=hello", "-F", &small, "-F", &empty];
    for (args, path, want) in [
        (&many[..], "/in/", "saved in/large\nsaved in/small.txt\nsaved in/empty\n"),
        (&["-i", "-F", &from("large", ";filename=../../x")], "/", "saved x\n"),
        (&["-i", "-F", &from("small.txt", ";filename=\"C:\\\\dir\\\\y\"")], "/", "saved y\n"),
        (
            &["-i", "-F", &from("small.txt", ";filename=\"a\\\"b;c.txt\"")],
            "/",
            "saved a\"b;c.txt\n",
        ),
        (
            &["-i", "--form-escape", "-F", &from("small.txt", ";filename=\"e\\\"b\"")],
            "/",
            "saved e\"b\n",
        ),
        (&["-i", "-F", &from("small.txt", ";filename=新 建.txt")], "/", "saved 新 建.txt\n"),
        // The folder is made.
        (&["-i", "-F", &from("empty", ";type=text/html")], "/new/deep/", "saved new/deep/empty\n"),
        (&["-i", "-H", "Transfer-Encoding: chunked", "-F", &large_], "/in", "409"),
        (
            &["-i", "-H", "Transfer-Encoding: chunked", "-F", &from("large", ";filename=chunked")],
            "/in",
            "saved in/chunked\n",
        ),
    ] {
        let reply = site.curl(args, path).text();
        let reply = reply.split("100 Continue\r\n\r\n").last().unwrap();
        match want {
            "409" => assert_eq!(status(reply), "409", "{args:?}: {reply}"),
            want => {
                assert_eq!((status(reply), body(reply)), ("201", want), "{args:?}: {reply}");
                assert_eq!(field(reply, "Content-Type"), Some("text/plain; charset=utf-8"));
            }
        }
    }
    for name in ["in/large", "x", "in/chunked"] {
        assert!(site.read(name) == large, "{name}");
    }
    for name in ["in/small.txt", "y", "a\"b;c.txt", "e\"b", "新 建.txt"] {
        assert_eq!(site.read(name), b"hello\r\n--\r\n", "{name}");
    }
    assert_eq!(site.read("in/empty"), b"");
    // What curl makes of several files of one field is a multipart of its own, which would be lost as a field.
    let nested = format!("f=@{},{}", source.file("small.txt"), source.file("empty"));
    let reply = site.curl(&["-i", "-F", &nested], "/new/").text();
    assert!(reply.contains("400 Bad Request") && reply.contains("a part of the form"), "{reply}");
    // And its own coding would be stored as it is.
    let coded = from("small.txt", ";filename=coded;encoder=base64");
    let reply = site.curl(&["-i", "-F", &coded], "/").text();
    assert!(reply.contains("400 Bad Request") && reply.contains("as it is"), "{reply}");
    for (name, why) in [
        ("..", "no name for a file"),
        (".framecat-x.part", "wholly"),
        (".x", "dot"),
        ("a/", "empty"),
    ] {
        let reply =
            site.curl(&["-i", "-F", &from("empty", &format!(";filename={name}"))], "/").text();
        assert!(reply.contains("400 Bad Request") && reply.contains(why), "{name}: {reply}");
    }
    assert_eq!(
        site.names(),
        [
            "a\"b;c.txt",
            "e\"b",
            "in",
            "in/chunked",
            "in/empty",
            "in/large",
            "in/small.txt",
            "in/x",
            "new",
            "new/deep",
            "new/deep/empty",
            "x",
            "y",
            "新 建.txt",
        ]
    );
    site.ends();
}

#[test]
fn pythons_requests_brings_forms_and_files() {
    if !have_python(&["requests"]) {
        return;
    }
    let site = Served::new(UPLOAD, &[]);
    let program = "
import io, sys, hashlib, base64, requests
url = sys.argv[1]
def said(r): print(r.status_code, r.text.strip() if r.status_code == 201 else '')
said(requests.post(url + '/', files={'f': ('a.txt', b'hello')}))
said(requests.post(url + '/in/', data={'note': 'x'}, files=[
    ('f', ('b', io.BytesIO(b'b' * 300000), 'image/png')), ('f', ('../../\\u65b0.txt', 'new'))]))
said(requests.post(url + '/', files={'f': ('a.txt', b'other')}))
said(requests.post(url + '/', files={'f': ('c \"d\".txt', b'')}))
said(requests.put(url + '/raw', data=io.BytesIO(b'raw')))
said(requests.put(url + '/chunks', data=iter([b'1', b'22'])))
content = b'checked'
digest = 'sha-256=:' + base64.b64encode(hashlib.sha256(content).digest()).decode() + ':'
said(requests.put(url + '/digest', data=content, headers={'Repr-Digest': digest}))
said(requests.put(url + '/wrong', data=content + b'!', headers={'Repr-Digest': digest}))
# In pieces, a session's connection for all of them.
s = requests.Session()
at = s.post(url + '/deep/pieces?upload', headers={'Upload-Length': '7'}).headers['Location']
for first, last in ((0, 2), (3, 6)):
    r = s.put(url + at, data=content[first:last + 1], headers={'Content-Range': f'bytes {first}-{last}/7'})
    print(r.status_code, r.headers.get('Upload-Offset'))
    if first == 0: print(s.head(url + at).headers['Upload-Offset'])
";
    Run::program("python3", &["-c", program, &site.url()]).run("").expect(
        0,
        "201 saved a.txt\n201 saved in/b\nsaved in/新.txt\n409 \n201 saved c \"d\".txt\n\
         201 saved raw\n201 saved chunks\n201 saved digest\n400 \n202 3\n3\n201 None\n",
    );
    assert_eq!(site.read("a.txt"), b"hello");
    assert_eq!((site.read("in/b").len(), site.read("in/新.txt")), (300_000, b"new".to_vec()));
    assert_eq!(
        (site.read("digest"), site.read("deep/pieces")),
        (b"checked".to_vec(), b"checked".to_vec())
    );
    assert!(!site.names().contains(&"wrong".to_string()));
    site.ends();
}

#[test]
fn a_browser_is_led_back_to_the_folder() {
    let site = Served::new(UPLOAD, &[("in b/x", b"")]);
    let accepts = format!("{FORM}Accept: text/html,application/xhtml+xml,*/*;q=0.8\r\n");
    for (path, file, place) in [
        ("/", "a", "/#saved"),
        ("/in%20b/", "b", "/in%20b/#saved"),
        ("/in%20b", "c", "/in%20b/#saved"),
    ] {
        let said = site.asked(&format!("POST {path}"), &accepts, form(&[(file, "x")]));
        assert_eq!((status(&said), field(&said, "Location")), ("303", Some(place)), "{said}");
    }
    // What went wrong is told as a page.
    let said = site.asked("POST /", &accepts, form(&[("a", "x")]));
    assert!(status(&said) == "409" && body(&said).contains("<!doctype html>"), "{said}");
    let other = format!("{accepts}Origin: http://evil.example\r\nSec-Fetch-Site: cross-site\r\n");
    let said = site.asked("POST /", &other, form(&[("evil", "x")]));
    assert_eq!(status(&said), "403", "{said}");
    assert_eq!(site.names(), ["a", "in b", "in b/b", "in b/c", "in b/x"]);
    site.ends();
}

#[test]
fn all_files_of_a_form_are_there_or_none() {
    let site = Served::new(UPLOAD, &[("taken", b"old"), ("folder/x", b"")]);
    std::os::unix::fs::symlink("/tmp", site.folder.path().join("link")).unwrap();
    for (path, form, want) in [
        ("/", form(&[("a", "1"), ("taken", "2"), ("b", "3")]), "409"),
        ("/", form(&[("a", "1"), ("folder", "2")]), "409"),
        ("/", form(&[("a", "1"), ("link", "2")]), "409"),
        ("/", form(&[("a", "1"), ("a", "2")]), "409"),
        ("/", form(&[("a", "1"), ("..", "2")]), "400"),
        ("/", form(&[("a", "1"), (".hidden", "2")]), "400"),
        ("/", form(&[("a", "1")]).replace("--B--", "--Bx"), "400"),
        ("/", form(&[("a", "1")]).replace("--B--\r\n", ""), "400"),
        ("/", form(&[]), "400"),
        ("/", form(&[("", "")]), "400"),
        ("/", form(&[("a", "1"), ("", "lost")]), "400"),
        ("/", "a=1&b=2".into(), "400"),
        ("/", String::new(), "400"),
        ("/none", form(&[("a", "1")]), "409"),
        ("/taken/", form(&[("a", "1")]), "409"),
        ("/link/", form(&[("a", "1")]), "409"),
        ("/.hidden/", form(&[("a", "1")]), "404"),
        ("/folder/..%2f", form(&[("a", "1")]), "400"),
    ] {
        let said = post(&site, path, &form);
        assert_eq!(status(&said), want, "{path} {form}: {said}");
    }
    let said = post(&site, "/folder/", &form(&[("a", "1"), ("x", "2"), ("b", "3")]));
    let words = "`folder/x` is there already: none of the form";
    assert!(status(&said) == "409" && body(&said).contains(words), "{said}");
    for (fields, want) in [
        ("Content-Type: text/plain\r\n", "415"),
        ("", "415"),
        ("Content-Type: multipart/form-data\r\n", "400"),
        (&format!("{FORM}Content-Encoding: gzip\r\n"), "415"),
        (&format!("{FORM}If-Match: \"x\"\r\n"), "412"),
        (&format!("{FORM}If-None-Match: *\r\n"), "412"),
        (&format!("{FORM}Content-Digest: sha-256=:AAAA:\r\n"), "400"),
        (
            &format!(
                "{FORM}Content-Digest: sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:\r\n"
            ),
            "400",
        ),
    ] {
        let said = site.asked("POST /", fields, form(&[("a", "1")]));
        assert_eq!(status(&said), want, "{fields}: {said}");
    }
    assert_eq!(site.names(), ["folder", "folder/x", "link", "taken"]);
    assert_eq!(site.read("taken"), b"old");
    site.ends();
}

#[test]
fn taken_names_of_a_form_are_numbered_or_replaced_where_that_is_meant() {
    let files = [("a.txt", "new"), ("b", "1"), ("b", "2"), ("folder", "3")];
    let site = Served::new(&["--upload", "--rename"], &[("a.txt", b"old"), ("folder/x", b"")]);
    let said = post(&site, "/", &form(&files));
    let lines = "saved a (1).txt\nsaved b\nsaved b (1)\nsaved folder (1)\n";
    assert_eq!((status(&said), body(&said)), ("201", lines), "{said}");
    assert_eq!((site.read("a.txt"), site.read("b (1)")), (b"old".to_vec(), b"2".to_vec()));
    assert_eq!(
        site.names(),
        ["a (1).txt", "a.txt", "b", "b (1)", "folder", "folder (1)", "folder/x"]
    );
    site.ends();
    let site = Served::new(&["--full"], &[("a.txt", b"old"), ("folder/x", b"")]);
    // Of two of one name one would be lost.
    for refused in [&files[1..3], &files[2..]] {
        assert_eq!(status(&post(&site, "/", &form(refused))), "409");
    }
    assert_eq!(site.names(), ["a.txt", "folder", "folder/x"]);
    let said = post(&site, "/", &form(&files[..2]));
    assert_eq!((status(&said), site.read("a.txt")), ("201", b"new".to_vec()), "{said}");
    // In pieces it is the same.
    let begun = site.asked("POST /a.txt?upload", "", "");
    let place = field(&begun, "Location").unwrap();
    let said = site.asked(&format!("PUT {place}"), "Content-Range: bytes 0-5/6\r\n", "newest");
    assert_eq!((status(&said), site.read("a.txt")), ("204", b"newest".to_vec()), "{said}");
    site.ends();
}

#[test]
fn a_form_that_is_cut_anywhere_leaves_nothing() {
    let site = Served::new(UPLOAD, &[]);
    let content = form(&[("a", "hello"), ("b", "\r\n--")]);
    let length = content.len();
    let head = |framing: &str| {
        format!("POST /new/ HTTP/1.1\r\nHost: localhost\r\n{FORM}{framing}\r\n\r\n")
    };
    let counted = head(&format!("Content-Length: {length}"));
    for cut in (0..length).step_by(7).chain([length - 2, length - 1]) {
        let mut stream = site.dial();
        stream.write_all(counted.as_bytes()).unwrap();
        stream.write_all(&content.as_bytes()[..cut]).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        assert_eq!(status(&rest(&mut stream)), "400", "cut at {cut}");
    }
    // In chunks of one byte, each boundary of the form in two chunks: cut behind each of them, the last too.
    let chunked = head("Transfer-Encoding: chunked");
    let chunks: Vec<String> = content.chars().map(|c| format!("1\r\n{c}\r\n")).collect();
    for cut in (0..=length).step_by(11).chain([length]) {
        let mut stream = site.dial();
        stream.write_all((chunked.clone() + &chunks[..cut].concat()).as_bytes()).unwrap();
        if cut % 2 == 0 {
            stream.shutdown(Shutdown::Write).unwrap();
            assert_eq!(status(&rest(&mut stream)), "400", "cut at {cut}");
        } else {
            rustix::net::sockopt::set_socket_linger(&stream, Some(std::time::Duration::ZERO))
                .unwrap();
        }
    }
    assert_eq!(site.names(), [""; 0]);
    // A killed server leaves nothing either.
    let mut stream = site.dial();
    stream.write_all(counted.as_bytes()).unwrap();
    stream.write_all(&content.as_bytes()[..length - 3]).unwrap();
    let folder = &site.folder;
    site.server.signal(Signal::KILL);
    rest_or_reset(&mut stream);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

fn rest_or_reset(stream: &mut std::net::TcpStream) {
    use std::io::Read;
    let _ = stream.read_to_end(&mut Vec::new());
}

#[test]
fn it_does_not_matter_how_a_form_arrives() {
    let site = Served::new(UPLOAD, &[]);
    let long = "x".repeat(70_000) + "\r\n--";
    for (nth, size) in [1_usize, 3, 64, 4_096, 65_537].into_iter().enumerate() {
        let (a, b) = (format!("a{nth}"), format!("b{nth}"));
        let text = if size < 64 { "hello\r\n--A\r\n" } else { &long };
        let content = form(&[(&a, text), (&b, "")]);
        let mut stream = site.dial();
        stream.set_nodelay(true).unwrap();
        let head = format!(
            "POST / HTTP/1.1\r\nHost: localhost\r\n{FORM}Transfer-Encoding: chunked\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).unwrap();
        for piece in content.as_bytes().chunks(size) {
            let chunk = [format!("{:x}\r\n", piece.len()).as_bytes(), piece, b"\r\n"].concat();
            stream.write_all(&chunk).unwrap();
        }
        stream.write_all(b"0\r\n\r\n").unwrap();
        assert_eq!(status(&head_of(&mut stream)), "201", "in pieces of {size}");
        assert_eq!(
            (site.read(&a), site.read(&b)),
            (text.into(), Vec::new()),
            "in pieces of {size}"
        );
    }
    site.ends();
}

#[test]
fn hostile_forms_end_at_their_limits_and_leave_nothing() {
    let site = Served::new(UPLOAD, &[]);
    let part = "--B\r\nContent-Disposition: form-data; name=\"f\"; filename=\"FILE\"\r\n\r\n\r\n";
    let field = "--B\r\nContent-Disposition: form-data; name=f\r\n\r\nx\r\n";
    let files: String = (0..10_000).map(|n| part.replace("FILE", &n.to_string())).collect();
    let huge = "x".repeat(1 << 20);
    for (form, want, why) in [
        (files + "--B--", "413", "more than 100 files"),
        (field.repeat(10_000) + "--B--", "413", "more than 1000 parts"),
        (part.replace("FILE", &huge) + "--B--", "413", "head of a part is longer"),
        (
            part.replace("form-data", &format!("form-data; x={huge}")) + "--B--",
            "413",
            "head of a part is longer",
        ),
        (format!("--B\r\n{}\r\n\r\n--B--", "X: y\r\n".repeat(100)), "413", "more than 16 fields"),
        (huge.clone() + &huge, "413", "belong to no file"),
        (field.replace('x', &(huge.clone() + "x")) + "--B--", "413", "belong to no file"),
        (part.replace("FILE", "a") + "--B--\r\n" + &huge, "413", "belong to no file"),
        (format!("--B{}", " ".repeat(2 << 20)), "413", "belong to no file"),
    ] {
        let said = post(&site, "/", &form);
        assert!(status(&said) == want && body(&said).contains(why), "{why}: {said}");
    }
    assert_eq!(site.names(), [""; 0]);
    // A hundred is what a form may have.
    let files: Vec<String> = (0..100).map(|n| format!("file {n}")).collect();
    let files: Vec<(&str, &str)> =
        files.iter().map(|name| (name.as_str(), name.as_str())).collect();
    let said = post(&site, "/", &form(&files));
    assert_eq!((status(&said), site.names().len()), ("201", 100), "{said}");
    assert_eq!(site.read("file 77"), b"file 77");
    site.ends();
    // A form is no way round the limit of one file.
    let site = Served::new(&["--upload", "--max-upload", "1KiB"], &[]);
    let half = "x".repeat(512);
    assert_eq!(status(&post(&site, "/", &form(&[("a", &half), ("b", &half), ("c", "x")]))), "413");
    assert_eq!(site.names(), [""; 0]);
    assert_eq!(status(&post(&site, "/", &form(&[("a", &half), ("b", &half)]))), "201");
    site.ends();
}

#[test]
fn only_so_many_forms_are_taken_at_once() {
    let site = Served::new(UPLOAD, &[]);
    let content = form(&[("a", "x")]);
    let length = content.len();
    let head = format!(
        "POST / HTTP/1.1\r\nHost: localhost\r\n{FORM}Expect: 100-continue\r\nContent-Length: {length}\r\n\r\n"
    );
    let busy: Vec<_> = (0..32)
        .map(|_| {
            let mut stream = site.dial();
            stream.write_all(head.as_bytes()).unwrap();
            assert_eq!(head_of(&mut stream), "HTTP/1.1 100 Continue\r\n\r\n");
            stream
        })
        .collect();
    let mut one_more = site.dial();
    one_more.write_all(head.as_bytes()).unwrap();
    let said = rest(&mut one_more);
    assert!(status(&said) == "503" && field(&said, "Retry-After").is_some(), "{said}");
    drop(busy);
    // Their places are had again once it is seen that they are gone.
    let had = (0..10_000).any(|_| status(&post(&site, "/", &content)) != "503");
    assert!(had && site.read("a") == b"x");
    site.ends();
}

#[test]
fn all_files_of_all_forms_that_are_taken_may_be_open() {
    // Clients take 2,304 descriptors, and 32 forms of 100 files 6,400.
    for (upload, wanted) in [("", 2_304), (" --upload", 8_704)] {
        let folder = Folder::new();
        let line = format!("ulimit -Sn 256; exec framecat serve --listen 127.0.0.1:0{upload}");
        let server = Run::shell(&line).in_folder(folder.path()).start();
        server.told("serving");
        let limits = fs::read_to_string(format!("/proc/{}/limits", server.id())).unwrap();
        let files = limits.lines().find_map(|line| line.strip_prefix("Max open files")).unwrap();
        let mut bounds = files.split_whitespace().filter_map(|bound| bound.parse::<u64>().ok());
        let (soft, hard) = (bounds.next().unwrap(), bounds.next().unwrap_or(u64::MAX));
        assert_eq!(soft, hard.min(wanted), "{files}");
        server.signal(Signal::TERM);
        assert_eq!(server.wait().code, 0);
    }
}

#[test]
fn a_form_that_is_certainly_too_long_is_refused_before_it_comes() {
    let site = Served::new(&["--upload", "--max-upload", "1KiB"], &[]);
    let head = |field: &str| {
        format!("POST / HTTP/1.1\r\nHost: localhost\r\n{FORM}Connection: close\r\n{field}")
    };
    // All but the files may be 1 MiB.
    let most = (1 << 20) + 1024;
    let long = format!("Content-Length: {}\r\nExpect: 100-continue\r\n\r\n", most + 1);
    let mut stream = site.dial();
    stream.write_all(head(&long).as_bytes()).unwrap();
    assert_eq!(status(&rest(&mut stream)), "413");
    let just = format!("Content-Length: {most}\r\nExpect: 100-continue\r\n\r\n");
    let mut stream = site.dial();
    stream.write_all(head(&just).as_bytes()).unwrap();
    assert_eq!(head_of(&mut stream), "HTTP/1.1 100 Continue\r\n\r\n");
    drop(stream);
    // A chunk tells its length before it comes.
    let chunk = format!("Transfer-Encoding: chunked\r\n\r\n{:x}\r\n", most + 1);
    let mut stream = site.dial();
    stream.write_all(head(&chunk).as_bytes()).unwrap();
    assert_eq!(status(&rest(&mut stream)), "413");
    assert!(site.names().is_empty());
    site.ends();
}
