//! The page of a folder as programs read it: by `?json`, and by the links in it.

mod run;
mod served;

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;

use run::{Folder, Run, have};
use served::Served;

/// Names that a person would not give a file, or only by mistake; none is longer than 255 bytes.
fn hostile() -> Vec<Vec<u8>> {
    let mut names: Vec<Vec<u8>> = [
        &b"<script>alert(1)<script>"[..],
        b"\" onmouseover=\"alert(1)",
        b"%2e%2e",
        b"%00",
        b"a?b#c&d;e=f",
        b"?json",
        b"#top",
        b"a+b c",
        b" lead",
        b"trail ",
        b"a\"b'.png",
        b"back\\slash",
        b"new\nline",
        b"cr\r\nSet-Cookie: a=b",
        b"esc\x1b[31m",
        b"javascript:alert(1)",
        b"C:",
        b"caf\xe9",
        b"\xff\xfe",
        "新 建.txt".as_bytes(),
        "evil\u{202e}gpj.exe".as_bytes(),
        &[b'x'; 255],
    ]
    .map(<[u8]>::to_vec)
    .to_vec();
    names.extend((1..=255).filter(|byte| !b"./".contains(byte)).map(|byte| vec![byte]));
    names
}

fn serve_hostile() -> (Served, Vec<Vec<u8>>) {
    let site = Served::new(&[], &[("sub folder/in.txt", b"in")]);
    let names = hostile();
    for name in &names {
        fs::write(site.folder.path().join(OsStr::from_bytes(name)), name).unwrap();
    }
    (site, names)
}

#[test]
fn curl_gets_every_file_by_the_href_of_the_json() {
    if !have("curl") {
        return;
    }
    let (site, names) = serve_hostile();
    let listed = site.curl(&["--fail"], "/?json").stdout;
    let listed: serde_json::Value = serde_json::from_slice(&listed).unwrap();
    let listed = listed.as_array().unwrap();
    assert_eq!(listed.len(), names.len() + 1);
    assert_eq!(listed[0]["href"], "sub%20folder/");
    assert_eq!(listed[0]["kind"], "folder");
    // All in one call: a file's content is its name.
    let folder = Folder::new();
    let mut config = String::new();
    for (n, item) in listed[1..].iter().enumerate() {
        let (href, at) = (item["href"].as_str().unwrap(), folder.path().join(n.to_string()));
        config += &format!("url = \"{}/{href}\"\noutput = \"{}\"\n", site.url(), at.display());
    }
    Run::program("curl", &["-sS", "--fail", "--config", "-"]).run(config).expect(0, "");
    let mut got: Vec<Vec<u8>> = (0..names.len())
        .map(|n| {
            let content = fs::read(folder.path().join(n.to_string())).unwrap();
            assert_eq!(listed[n + 1]["size"], content.len(), "{}", listed[n + 1]);
            content
        })
        .collect();
    let mut names = names;
    got.sort();
    names.sort();
    assert_eq!(got, names);
    site.ends();
}

#[test]
fn wget_mirrors_a_folder_by_the_links_of_its_page() {
    if !have("wget") {
        return;
    }
    let (site, names) = serve_hostile();
    let folder = Folder::new();
    let (url, into) = (site.url(), folder.path().to_str().unwrap());
    // Or it decodes links twice in the locale C, and the robots.txt that is not there is an error.
    let args =
        ["-e", "robots=off", "--no-iri", "-q", "-r", "-np", "-nH", "-P", into, "-R", "index.html*"];
    let args = [&args[..], &["--restrict-file-names=nocontrol", &url]].concat();
    Run::program("wget", &args).run("").expect(0, "");
    assert_eq!(fs::read(folder.path().join("sub folder/in.txt")).unwrap(), b"in");
    // wget decodes what it need not encode in a name of its own, `%2e` in `%252e` too: the content tells.
    let files = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path());
    let mut got: Vec<Vec<u8>> =
        files.filter(|path| path.is_file()).map(|path| fs::read(path).unwrap()).collect();
    let mut names = names;
    got.sort();
    names.sort();
    assert_eq!(got, names);
    site.ends();
}
