//! `framecat serve --drop`: a letter box. Whoever brings something learns nothing of what is in it.

mod run;
mod served;

use std::fs;
use std::os::unix::fs::symlink;

use run::have;
use served::{Served, body, get, request, status};

/// A reply without the moment it was made.
fn timeless(reply: &str) -> String {
    reply.lines().filter(|line| !line.starts_with("Date: ")).collect::<Vec<_>>().join("\n")
}

#[test]
fn what_is_there_and_what_is_not_are_the_same_to_whoever_asks() {
    let there = Served::new(
        &["--drop"],
        &[
            ("a", b"secret"),
            ("folder/x", b"secret"),
            ("index.html", b"secret"),
            ("README", b"secret"),
        ],
    );
    symlink("a", there.folder.path().join("link")).unwrap();
    let empty = Served::new(&["--drop"], &[]);
    let replies = |request: &str| [&there, &empty].map(|site| timeless(&site.said(request)));
    for path in [
        "/",
        "/a",
        "/folder",
        "/folder/",
        "/folder/x",
        "/link",
        "/index.html",
        "/?json",
        "/?tar",
        "/?zip",
        "/a?sha256",
        "/a?json",
        "/folder/?json",
        "/?sort=size",
        "/README",
    ] {
        let [one, other] = replies(&get(path));
        assert_eq!(one, other, "{path}");
        assert_eq!(
            status(&one),
            if path == "/" || path == "/?sort=size" { "200" } else { "404" },
            "{path}"
        );
        assert!(!one.contains("secret"), "{path}: {one}");
        let [one, other] = replies(&get(path).replacen("GET", "HEAD", 1));
        assert_eq!(one, other, "HEAD {path}");
    }
    for line in [
        "PUT /a",
        "PUT /folder",
        "PUT /link",
        "PUT /folder/",
        "PUT /folder/new",
        "PUT /none/new",
        "PUT /index.html",
        "POST /folder/",
        "POST /folder?mkdir",
        "POST /a?rename=b",
        "DELETE /a",
        "DELETE /folder/",
        "OPTIONS /a",
        "PUT /a",
        "PUT /b",
        "PUT /b",
    ] {
        let [one, other] = replies(&request(line, "", "mine"));
        assert_eq!(one, other, "{line}");
    }
    for fields in ["If-None-Match: *", "If-Match: *", "Expect: 100-continue"] {
        let put = request("PUT /a", "", "mine").replacen("Host", &format!("{fields}\r\nHost"), 1);
        let [one, other] = replies(&put);
        assert_eq!(one, other, "{fields}");
    }
    let read = |name: &str| fs::read(there.folder.path().join(name)).unwrap();
    assert_eq!((read("a"), read("folder/x")), (b"secret".to_vec(), b"secret".to_vec()));
    assert_eq!(read("a (1)"), b"mine", "it is there, under a name that was free");
    assert_eq!(read("folder (1)"), b"mine");
    there.ends();
    empty.ends();
}

#[test]
fn files_and_forms_come_in() {
    if !have("curl") {
        return;
    }
    let site = Served::new(&["--drop"], &[]);
    for _ in 0..2 {
        let reply = site.curl(&["-i", "-T", "/etc/hostname"], "/host").text();
        assert!(reply.contains("HTTP/1.1 201 Created\r\n"), "{reply}");
        assert!(reply.ends_with("\r\n\r\nsaved host\n"), "{reply}");
        let reply = site.curl(&["-F", "f=@/etc/hostname;filename=form"], "/").text();
        assert_eq!(reply, "saved form\n");
    }
    let page = site.said(get("/"));
    assert!(status(&page) == "200" && !body(&page).contains("form (1)"), "it lists nothing");
    let mut names: Vec<_> = fs::read_dir(site.folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, ["form", "form (1)", "host", "host (1)"]);
    site.ends();
}
