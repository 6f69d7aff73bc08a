//! `framecat serve --upload` and what the pages of other sites have a browser send.

mod run;
mod served;

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

use run::{Run, have};
use served::{Served, rest, status};

/// The port it is served on.
fn port(site: &Served) -> String {
    site.url().rsplit_once(':').unwrap().1.into()
}

/// The status of a PUT of `/NAME` with these fields.
fn put(site: &Served, name: &str, fields: &str) -> String {
    let request =
        format!("PUT /{name} HTTP/1.1\r\n{fields}Content-Length: 1\r\nConnection: close\r\n\r\nx");
    let mut stream = site.dial();
    stream.write_all(request.as_bytes()).unwrap();
    status(&rest(&mut stream)).into()
}

#[test]
fn no_page_of_another_site_brings_a_file() {
    let site = Served::new(&["--upload"], &[]);
    let port = port(&site);
    let here = format!("localhost:{port}");
    let mut brought = Vec::new();
    for (n, (host, fields, want)) in [
        (here.clone(), String::new(), "201"),
        (here.clone(), format!("Origin: http://{here}"), "201"),
        (here.to_uppercase(), format!("Origin: HTTP://{here}"), "201"),
        (format!("[::1]:{port}"), format!("Origin: http://[::1]:{port}"), "201"),
        (format!("127.0.0.1:{port}"), format!("Origin: http://127.0.0.1:{port}"), "201"),
        ("localhost".into(), "Origin: http://localhost".into(), "201"),
        ("localhost:80".into(), "Origin: http://localhost".into(), "201"),
        ("localhost".into(), "Origin: http://localhost:80".into(), "201"),
        (here.clone(), "Sec-Fetch-Site: same-origin".into(), "201"),
        (here.clone(), "Sec-Fetch-Site: none".into(), "201"),
        (here.clone(), "Sec-Fetch-Site: same-origin\r\nOrigin: null".into(), "201"),
        (here.clone(), "Origin: null".into(), "403"),
        (here.clone(), "Origin:".into(), "403"),
        (here.clone(), "Origin: http://evil.example".into(), "403"),
        (here.clone(), format!("Origin: http://evil.example:{port}"), "403"),
        (here.clone(), "Origin: http://localhost".into(), "403"),
        (here.clone(), "Origin: http://localhost:1".into(), "403"),
        (here.clone(), format!("Origin: https://{here}"), "403"),
        (here.clone(), format!("Origin: http://127.0.0.1:{port}"), "403"),
        (here.clone(), format!("Origin: http://{here}.evil.example"), "403"),
        (here.clone(), format!("Origin: http://{here}\r\nOrigin: http://evil.example"), "403"),
        (format!("[::1]:{port}"), format!("Origin: http://[::2]:{port}"), "403"),
        ("localhost".into(), "Origin: https://localhost".into(), "403"),
        (here.clone(), "Sec-Fetch-Site: cross-site".into(), "403"),
        (here.clone(), "Sec-Fetch-Site: same-site".into(), "403"),
        (here.clone(), format!("Sec-Fetch-Site: cross-site\r\nOrigin: http://{here}"), "403"),
        // By a name that was pointed at us: it is not ours, whatever agrees with it.
        (format!("evil.example:{port}"), String::new(), "421"),
        (format!("evil.example:{port}"), format!("Origin: http://evil.example:{port}"), "421"),
        (format!("evil.example:{port}"), "Sec-Fetch-Site: same-origin".into(), "421"),
    ]
    .into_iter()
    .enumerate()
    {
        let fields = if fields.is_empty() { fields } else { format!("{fields}\r\n") };
        let name = format!("file{n}");
        let got = put(&site, &name, &format!("Host: {host}\r\n{fields}"));
        assert_eq!(got, want, "{host} {fields}");
        if want == "201" {
            brought.push(name);
        }
    }
    // Before its content is asked for, and whatever it would be.
    let mut stream = site.dial();
    let head = format!(
        "PUT /late HTTP/1.1\r\nHost: {here}\r\nOrigin: null\r\nExpect: 100-continue\r\n\
         Content-Length: 100000000\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).unwrap();
    assert_eq!(status(&rest(&mut stream)), "403");
    // However it is asked for.
    for line in [
        "POST /",
        "POST /a?upload",
        "PUT /a?upload=0123456789abcdef",
        "DELETE /a?upload=0123456789abcdef",
    ] {
        for foreign in ["Origin: null", "Origin: http://evil.example", "Sec-Fetch-Site: same-site"]
        {
            let form =
                "--b\r\nContent-Disposition: form-data; name=f; filename=evil\r\n\r\nx\r\n--b--";
            let request = format!(
                "{line} HTTP/1.1\r\nHost: {here}\r\n{foreign}\r\nConnection: close\r\n\
                 Content-Type: multipart/form-data; boundary=b\r\nContent-Length: {}\r\n\r\n{form}",
                form.len()
            );
            assert_eq!(status(&site.said(&request)), "403", "{request}");
        }
    }
    let names = fs::read_dir(site.folder.path()).unwrap();
    let mut names: Vec<_> = names.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    brought.sort();
    assert_eq!(names, brought, "nothing was begun of what was refused");
    let told = site.ends().stderr;
    assert!(told.contains("a page of another origin sent this"), "{told}");
    assert!(told.contains("a page of another site sent this"), "{told}");
}

/// A server of another origin with one page.
fn other_site(page: String) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream: TcpStream = stream.unwrap();
            let _ = stream.read(&mut [0; 8192]);
            let _ = write!(
                stream,
                "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{page}",
                page.len()
            );
        }
    });
    port
}

#[test]
fn chromium_on_a_page_of_another_site_changes_nothing() {
    if !have("chromium") {
        return;
    }
    let site = Served::new(&["--upload"], &[]);
    let url = site.url();
    // Another port is another origin, and of the same site; a form, and a fetch that asks nobody first.
    let page = format!(
        "<form method=post action='{url}/' enctype='multipart/form-data'><input name=file value=x></form>\
         <script>fetch('{url}/by-fetch', {{method: 'POST', mode: 'no-cors', body: 'x'}})\
         .finally(() => document.forms[0].submit())</script>"
    );
    let other = other_site(page);
    let profile = run::Folder::new();
    let (profile, page) = (profile.path().display(), format!("http://127.0.0.1:{other}/"));
    let profile = format!("--user-data-dir={profile}");
    let how = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"];
    let args = [&how[..], &[&profile, "--remote-debugging-port=0", &page]].concat();
    // It is killed when the test ends, however it does.
    let browser = Run::program("chromium", &args).stdin_null().start();
    let posts = |told: &str| told.matches("\"POST ").count();
    let told = site.server.told_when(|told| posts(told) >= 2);
    drop(browser);
    for line in told.lines().filter(|line| line.contains("\"POST ")) {
        assert!(line.contains("HTTP/1.1\" 403 "), "{line}");
    }
    assert_eq!(fs::read_dir(site.folder.path()).unwrap().count(), 0);
    site.ends();
}
