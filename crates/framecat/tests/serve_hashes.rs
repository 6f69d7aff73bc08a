//! `?sha256` and `?blake3`: checked by the programs that check such lines.

mod run;
mod served;

use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;

use run::{Run, have, have_python};
use served::{Served, body, get, head_of, status};

#[test]
fn sha256sum_and_b3sum_check_what_is_told() {
    if !have("curl") {
        return;
    }
    let site = Served::new(&[], &[("empty", b""), ("small", b"hello\n")]);
    let large: Vec<u8> = (0..10_000_000_u32).flat_map(u32::to_le_bytes).collect();
    fs::write(site.folder.path().join("large"), large).unwrap();
    let odd: &[u8] = "a b\\c\nd 新".as_bytes();
    fs::write(site.folder.path().join(OsStr::from_bytes(odd)), "odd").unwrap();
    for (query, check) in [("sha256", "sha256sum"), ("blake3", "b3sum")] {
        if !have(check) {
            continue;
        }
        for path in ["/empty", "/small", "/large", "/a%20b%5Cc%0Ad%20%E6%96%B0"] {
            // Twice: made, and remembered.
            for _ in 0..2 {
                let line = site.curl(&["-f"], &format!("{path}?{query}"));
                let mut check = Run::program(check, &["--check", "-"])
                    .in_folder(site.folder.path())
                    .env("LC_ALL", "C.UTF-8")
                    .start();
                check.stdin_write(&line.stdout);
                let checked = check.finish();
                assert_eq!(checked.code, 0, "{path} {query}: {checked}");
            }
        }
    }
    site.ends();
}

#[test]
fn hashes_are_those_of_the_standards() {
    // FIPS 180-4's examples, and the first of BLAKE3's test vectors.
    let site = Served::new(&[], &[("empty", b""), ("abc", b"abc")]);
    for (target, want) in [
        ("/abc?sha256", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad  abc\n"),
        (
            "/empty?sha256",
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855  empty\n",
        ),
        (
            "/empty?x&blake3=1",
            "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262  empty\n",
        ),
    ] {
        let said = site.said(get(target));
        assert_eq!((status(&said), body(&said)), ("200", want), "{target}");
        for field in ["Content-Type: text/plain; charset=utf-8", "X-Content-Type-Options: nosniff"]
        {
            assert!(said.contains(&format!("\r\n{field}\r\n")), "{said}");
        }
    }
    let head = site.said(get("/abc?sha256").replacen("GET", "HEAD", 1));
    assert!(status(&head) == "200" && head.ends_with("\r\n\r\n"), "{head}");
    for target in ["/?sha256", "/none?sha256", "/abc/?sha256"] {
        assert_eq!(status(&site.said(get(target))), "404", "{target}");
    }
    // The connection goes on behind one, and what waited is answered in its order.
    let two = "GET /abc?blake3 HTTP/1.1\r\nHost: localhost\r\n\r\n".to_string() + &get("/abc");
    let said = site.said(two);
    assert!(said.contains("  abc\nHTTP/1.1 200 OK\r\n") && said.ends_with("\r\n\r\nabc"), "{said}");
    site.ends();
}

#[test]
fn a_changed_file_has_another_hash_at_once() {
    if !have_python(&["hashlib"]) {
        return;
    }
    let site = Served::new(&[], &[("a", b"0")]);
    let path = site.folder.path().join("a");
    let mut seen = Vec::new();
    for n in 0..50 {
        // In place and of the same size, faster than the clock of the file system ticks.
        fs::File::options().write(true).open(&path).unwrap().write_all(&[b'0' + n]).unwrap();
        let said = site.said(get("/a?sha256"));
        let hash = body(&said).to_string();
        assert!(!seen.contains(&hash), "round {n}: {said}");
        seen.push(hash);
    }
    let script = "import hashlib, sys\n\
        for n in range(50): print(hashlib.sha256(bytes([48 + n])).hexdigest() + '  a')\n";
    let want = Run::program("python3", &["-c", script]).run("").text();
    assert_eq!(seen.concat(), want);
    site.ends();
}

#[test]
fn large_files_are_hashed_beside_others_and_only_so_many() {
    let site = Served::new(&[], &[("a", b"hello")]);
    let large = site.folder.path().join("large");
    fs::File::create(&large).unwrap().set_len(8 << 30).unwrap();
    let request = "GET /large?sha256 HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let busy: Vec<_> = (0..8)
        .map(|_| {
            let mut stream = site.dial();
            stream.write_all(request.as_bytes()).unwrap();
            stream
        })
        .collect();
    // Each has its place once it was read: whoever comes then has none.
    let full = (0..1000).map(|_| {
        let mut stream = site.dial();
        let request = "HEAD /a HTTP/1.1\r\nHost: localhost\r\n\r\n";
        stream.write_all(request.as_bytes()).unwrap();
        head_of(&mut stream);
        stream.set_nonblocking(true).unwrap();
        stream.write_all(b"GET /a?sha256 HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
        stream.set_nonblocking(false).unwrap();
        head_of(&mut stream)
    });
    let full = full.into_iter().find(|head| status(head) == "503").expect("eight are busy");
    assert!(full.contains("\r\nRetry-After: "), "{full}");
    // Those who want something else are answered meanwhile, folders and archives too.
    assert_eq!(body(&site.said(get("/a"))), "hello");
    assert_eq!(status(&site.said(get("/?json"))), "200");
    for stream in &busy {
        rustix::net::sockopt::set_socket_linger(stream, Some(std::time::Duration::ZERO)).unwrap();
    }
    drop(busy);
    // Who is gone is seen to be, and its file is not read to its end: that would take minutes.
    let had = (0..10_000).any(|_| status(&site.said(get("/a?sha256"))) == "200");
    assert!(had, "the places of those who are gone are had again");
    site.ends();
}
