//! `framecat serve`, seen from outside: a folder, and those who read it.

mod run;
mod served;

use std::fs;
use std::os::unix::ffi::OsStrExt;

use run::have;
use served::{Served, body, get, status};

#[test]
fn curl_reads_a_file_a_part_of_it_and_the_folder() {
    if !have("curl") {
        return;
    }
    let large: Vec<u8> = (0..300_000_u32).flat_map(u32::to_le_bytes).collect();
    let site =
        Served::new(&[], &[("a.txt", b"hello\n"), ("large.bin", &large), ("sub/b.txt", b"b")]);
    site.curl(&[], "/a.txt").expect(0, "hello\n");
    site.curl(&[], "/sub/b.txt").expect(0, "b");
    site.curl(&[], "/large.bin").expect(0, &large);
    site.curl(&["-r", "1-3"], "/a.txt").expect(0, "ell");
    site.curl(&["-r", "1000000-"], "/large.bin").expect(0, &large[1_000_000..]);
    let page = site.curl(&["-i"], "/").text();
    assert!(page.starts_with("HTTP/1.1 200 OK\r\n"), "{page}");
    for link in ["href=\"a.txt\"", "href=\"large.bin\"", "href=\"sub/\""] {
        assert!(page.contains(link), "{link}: {page}");
    }
    let head = site.curl(&["-I"], "/large.bin").text();
    assert!(head.contains("Content-Length: 1200000\r\n") && head.ends_with("\r\n\r\n"), "{head}");
    site.curl(&["-o", "/dev/null", "-w", "%{http_code}"], "/none").expect(0, "404");
    site.curl(&["-o", "/dev/null", "-w", "%{http_code} %{redirect_url}"], "/sub")
        .expect(0, format!("301 {}/sub/", site.url()));
    site.ends();
}

#[test]
fn nothing_outside_the_folder_and_nothing_hidden_is_served() {
    let site = Served::new(&[], &[("a", b"a"), (".secret", b"s"), (".git/config", b"s")]);
    let path = |name: &str| site.folder.path().join(name);
    std::os::unix::fs::symlink("/etc/passwd", path("out")).unwrap();
    std::os::unix::fs::symlink("..", path("up")).unwrap();
    std::os::unix::fs::symlink("a", path("in")).unwrap();
    std::os::unix::fs::symlink(path("a"), path("absolute")).unwrap();
    let folder = site.folder.path().file_name().unwrap().to_str().unwrap();
    std::os::unix::fs::symlink(format!("../{folder}/a"), path("out-and-in")).unwrap();
    std::os::unix::fs::symlink(".git", path("seen")).unwrap();
    rustix::fs::mknodat(
        rustix::fs::CWD,
        path("fifo"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RUSR,
        0,
    )
    .unwrap();
    for (target, want) in [
        ("/a", "200"),
        ("/in", "200"),
        ("/absolute", "404"),
        ("/out-and-in", "404"),
        ("/seen/config", "200"),
        ("/out", "404"),
        ("/up/", "404"),
        ("/up/etc", "404"),
        ("/fifo", "404"),
        ("/.secret", "404"),
        ("/%2esecret", "404"),
        ("/.git/config", "404"),
        ("/../../etc/passwd", "400"),
        ("/%2e%2e/%2e%2e/etc/passwd", "400"),
        ("/..%2f..%2fetc/passwd", "400"),
        ("/%252e%252e/etc/passwd", "404"),
        ("/%c0%ae%c0%ae/etc/passwd", "404"),
        ("//etc/passwd", "404"),
        ("/a/", "404"),
    ] {
        let reply = site.said(get(target));
        assert_eq!(status(&reply), want, "{target}: {reply}");
        assert!(!reply.contains("root:"), "{target}: {reply}");
    }
    let page = site.said(get("/"));
    for name in ["out", "up", "fifo", ".secret", ".git"] {
        assert!(!page.contains(&format!("href=\"{name}")), "{name} is listed: {page}");
    }
    assert!(page.contains("href=\"in\"") && page.contains("href=\"a\""), "{page}");
    site.ends();
    let hidden = Served::new(&["--hidden"], &[(".secret", b"s")]);
    assert_eq!(body(&hidden.said(get("/.secret"))), "s");
    assert!(hidden.said(get("/")).contains("href=\".secret\""));
    hidden.ends();
}

#[test]
fn a_file_may_have_any_name() {
    let site = Served::new(&[], &[]);
    let long = "n".repeat(255);
    let names: [&[u8]; 9] = [
        b"<script>alert(1)<script>",
        b"%2e%2e",
        "新 建.txt".as_bytes(),
        b"a\"b'.png",
        long.as_bytes(),
        b"new\nline\r",
        b"\xff\xfe",
        b"a?b#c&d=e",
        b"back\\slash:colon",
    ];
    for (n, name) in names.iter().enumerate() {
        let path = site.folder.path().join(std::ffi::OsStr::from_bytes(name));
        fs::write(path, format!("content {n}")).unwrap();
    }
    let page = site.said(get("/"));
    assert!(!page.contains("<script>alert"), "{page}");
    // Each is reached by the link that the page has for it, and by nothing else.
    for (n, name) in names.iter().enumerate() {
        let encoded: String = name
            .iter()
            .map(|&byte| match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                    char::from(byte).to_string()
                }
                _ => format!("%{byte:02X}"),
            })
            .collect();
        assert!(page.contains(&format!("href=\"{encoded}\"")), "{encoded}: {page}");
        let reply = site.said(get(&format!("/{encoded}")));
        assert_eq!(body(&reply), format!("content {n}"), "{encoded}: {reply}");
    }
    site.ends();
}
