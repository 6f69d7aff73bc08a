//! `fetch --check`: serve obeys RFC 9110 and RFC 9112 in every case of the table, whole and however it is
//! cut, and what other servers do not obey is found.

mod run;
mod served;

use std::fs;
use std::time::{Duration, SystemTime};

use framecat_net::http::check::{Check, Tryout, run as try_on};
use framecat_net::talk::Shutdown;
use framecat_proto::http::check::{cases, laws};
use framecat_proto::http::url::Url;
use framecat_proto::limits::CHECK_CONNECTIONS;
use run::{Folder, Run, have};
use served::Served;

const FILE: &[u8] = b"A file that is long enough to be cut into ranges, and no longer than it has to be. \
    Its bytes differ from each other: 0123456789 abcdefghijklmnopqrstuvwxyz ABCDEFGHIJKLMNOPQRSTUVWXYZ.\n";

/// Makes a file one that nobody wrote just now, so that its entity tag is a strong one.
fn age(path: &str) {
    let hours_ago = SystemTime::now() - Duration::from_secs(5 * 3600);
    fs::File::options().write(true).open(path).unwrap().set_modified(hours_ago).unwrap();
}

fn site(args: &[&str]) -> Served {
    let site = Served::new(args, &[("file.txt", FILE)]);
    age(&site.folder.file("file.txt"));
    site
}

fn check(args: &[&str], url: &str) -> run::Finished {
    Run::new(&[&["fetch", "--check", url], args].concat()).stdin_null().run("")
}

#[test]
fn serve_obeys_every_case_and_every_law() {
    for args in [&[][..], &["--trace"], &["--any-host"]] {
        let site = site(args);
        let finished = check(&[], &format!("{}/file.txt", site.url()));
        assert_eq!(finished.code, 0, "{args:?}: {finished}\n{}", finished.text());
        let all = cases().count() + laws().len();
        let text = finished.text();
        let last = text.lines().last().unwrap();
        // `all 484 of 484 210 of 210 54 of 54`
        let words: Vec<&str> = last.split_whitespace().collect();
        let [name, must, "of", musts, should, "of", shoulds, may, "of", mays] = words[..] else {
            panic!("{text}")
        };
        assert_eq!((name, must, should, may), ("all", musts, shoulds, mays), "{text}");
        let count: usize = [must, should, may].iter().map(|n| n.parse::<usize>().unwrap()).sum();
        assert_eq!(count, all, "{text}");
    }
}

#[test]
fn serve_obeys_over_a_unix_socket() {
    let folder = Folder::new();
    fs::write(folder.file("file.txt"), FILE).unwrap();
    age(&folder.file("file.txt"));
    let endpoint = format!("unix://{}", folder.file("s"));
    let server = Run::new(&["serve", "--listen", &endpoint]).in_folder(folder.path()).start();
    server.told("change nothing");
    let finished = check(&[], &format!("{endpoint}:/file.txt"));
    assert_eq!(finished.code, 0, "{finished}\n{}", finished.text());
}

/// Each case in two writes, cut behind every byte, and byte by byte.
#[test]
fn serve_obeys_however_requests_are_cut() {
    let site = site(&[]);
    let url: Url = format!("{}/file.txt", site.url()).parse().unwrap();
    let check = Check {
        endpoint: url.endpoint(&Default::default()),
        authority: url.host(),
        target: url.target().into(),
        secured: false,
        wait: run::PATIENCE,
        connections: CHECK_CONNECTIONS,
        split: true,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (_switch, shutdown) = Shutdown::new();
    let report = runtime.block_on(try_on(check, |_| {}, shutdown)).unwrap();
    let mut connections = 0;
    for tried in &report.cases {
        connections += tried.connections;
        match &tried.result {
            Tryout::Passed => {}
            Tryout::Untried => panic!("{} was not tried", tried.case.id),
            Tryout::Skipped(needs) => panic!("{} was left out for want of {needs}", tried.case.id),
            Tryout::Failed(failure) => panic!(
                "{} ({}) {:?}: wanted {}, {}\nsent {}\ncame {}",
                tried.case.id,
                failure.broken.section,
                failure.cut,
                tried.case.want,
                failure.broken,
                failure.sent.escape_ascii(),
                failure.received.escape_ascii()
            ),
        }
    }
    assert!(report.breaches.is_empty(), "{:?}", report.breaches[0].what);
    assert!(connections > 50_000, "{connections}");
}

/// What nginx does not obey is written down, with the reason: so the table asks of no server what the RFCs
/// do not.
#[test]
fn nginx_obeys_but_where_the_page_says_why() {
    if !std::path::Path::new("/usr/sbin/nginx").exists() || !have("nginx") {
        return;
    }
    let (folder, state) = (Folder::new(), Folder::new());
    fs::write(folder.file("file.txt"), FILE).unwrap();
    let config = format!(
        "daemon off; master_process off; pid {state}/pid; error_log stderr notice;
         events {{ worker_connections 256; }}
         http {{
             access_log off; client_body_temp_path {state}/b; proxy_temp_path {state}/p;
             fastcgi_temp_path {state}/f; uwsgi_temp_path {state}/u; scgi_temp_path {state}/s;
             types {{ text/plain txt; }}
             server {{ listen unix:{state}/sock; root {root}; }}
         }}",
        state = state.path().display(),
        root = folder.path().display(),
    );
    let file = state.file("conf");
    fs::write(&file, config).unwrap();
    let prefix = state.path().to_str().unwrap();
    let server = Run::program("nginx", &["-p", prefix, "-c", &file, "-e", "stderr"]).start();
    server.told("event method");
    let finished = check(&["--json"], &format!("unix://{prefix}/sock:/file.txt"));
    assert_eq!(finished.code, 8, "{finished}");
    assert!(finished.stderr.contains("MUSTs are not obeyed"), "{finished}");
    let page =
        fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/http.md")).unwrap();
    let (mut obeyed, mut failed) = (0, 0);
    for line in finished.text().lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        if line["level"] != "MUST" {
            continue;
        }
        let id = line["id"].as_str().unwrap();
        match line["result"].as_str().unwrap() {
            "passed" => obeyed += 1,
            "failed" => {
                failed += 1;
                let told = page.contains(&format!("`{id}`"));
                assert!(told, "docs/http.md does not say why nginx fails {line}");
            }
            other => panic!("{id}: {other}"),
        }
    }
    assert!(obeyed > 400 && failed > 0, "{obeyed} obeyed, {failed} not");
}

/// A server that nobody would call strict: what it does wrong is told so that a person can act on it.
#[test]
fn what_pythons_server_does_not_obey_is_told() {
    if !have("python3") {
        return;
    }
    let folder = Folder::new();
    fs::write(folder.file("file.txt"), FILE).unwrap();
    let args = ["-u", "-m", "http.server", "0", "--bind", "127.0.0.1"];
    let mut server = Run::program("python3", &args).in_folder(folder.path()).start();
    let line = server.read_line();
    let port = line.split("port ").nth(1).unwrap().split(' ').next().unwrap();
    let finished = check(&[], &format!("http://127.0.0.1:{port}/file.txt"));
    assert_eq!(finished.code, 8, "{finished}");
    let text = finished.text();
    let told = "MUST    RFC 9112 3.2  host-missing\n        wanted 400, either\n        found  200\n        \
         sent   GET /file.txt HTTP/1.1\\r\\n\\r\\n\n        came   HTTP/1.0 200 OK\\r\\n";
    assert!(text.contains(told), "{text}");
    assert!(text.contains("SHOULD  RFC 9110 6.2  every-version\n"), "{text}");
    assert!(
        text.contains("cases were left out: the server does not give an entity tag\n"),
        "{text}"
    );
    assert!(finished.stderr.contains("MUSTs are not obeyed"), "{finished}");
}

/// A signal ends it at once, and nothing is claimed of what was not tried; a reader that leaves is no fault.
#[test]
fn who_leaves_early_is_told_nothing_that_is_not_so() {
    // A server that takes connections and says nothing.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    let url = format!("http://127.0.0.1:{port}/file.txt");
    let (reached, came) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        use std::io::{Read, Write};
        let (mut first, _) = silent.accept().unwrap();
        let mut buf = [0; 4096];
        let _ = first.read(&mut buf);
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", FILE.len());
        first.write_all(&[head.as_bytes(), FILE].concat()).unwrap();
        let mut held = Vec::new();
        while let Ok((stream, _)) = silent.accept() {
            held.push(stream);
            let _ = reached.send(());
        }
    });
    let running = Run::new(&["fetch", "--check", &url, "--json"]).stdin_null().start();
    came.recv_timeout(run::PATIENCE).unwrap();
    running.signal(run::Signal::INT);
    let finished = running.wait();
    assert_eq!(finished.code, 130, "{finished}");
    assert!(finished.text().contains("\"result\":\"untried\""), "{finished}");
    let passed = finished
        .text()
        .lines()
        .any(|line| line.contains("\"event\":\"case\"") && line.contains("\"result\":\"passed\""));
    assert!(!passed, "{finished}");
    let site = site(&[]);
    let line = format!(
        "framecat fetch --check {}/file.txt 2> /dev/null | true; echo ${{PIPESTATUS[0]}}",
        site.url()
    );
    let piped = Run::program("bash", &["-c", &line.replace("framecat", run::tested())]).run("");
    assert_eq!(piped.text(), "0\n", "{piped}");
}

/// A folder's page is made for each request: it has no date, and HEAD does not tell its length.
#[test]
fn serve_obeys_with_a_folders_page_too() {
    let site = site(&[]);
    for n in 0..5 {
        fs::write(site.folder.file(&format!("another file {n}.txt")), FILE).unwrap();
    }
    for page in ["/", "/?json"] {
        let finished = check(&[], &format!("{}{page}", site.url()));
        assert_eq!(finished.code, 0, "{page}: {finished}\n{}", finished.text());
        let told = "cases were left out: the server does not give a Last-Modified date\n";
        assert!(finished.text().contains(told), "{page}: {}", finished.text());
    }
}

/// Whoever reads no further has seen enough, whatever is not obeyed.
#[test]
fn a_reader_that_leaves_is_no_failure() {
    if !have("python3") {
        return;
    }
    let folder = Folder::new();
    fs::write(folder.file("file.txt"), FILE).unwrap();
    let args = ["-u", "-m", "http.server", "0", "--bind", "127.0.0.1"];
    let mut server = Run::program("python3", &args).in_folder(folder.path()).start();
    let line = server.read_line();
    let port = line.split("port ").nth(1).unwrap().split(' ').next().unwrap();
    for json in ["", "--json"] {
        let line = format!(
            "{} fetch --check {json} http://127.0.0.1:{port}/file.txt | head -n 1 > /dev/null; \
             echo ${{PIPESTATUS[0]}}",
            run::tested()
        );
        let piped = Run::program("bash", &["-c", &line]).run("");
        assert_eq!((&*piped.text(), &*piped.stderr), ("0\n", ""), "{piped}");
    }
}

#[test]
fn what_cannot_be_checked_is_said_at_once() {
    let site = site(&[]);
    let large = fs::File::create(site.folder.file("large")).unwrap();
    large.set_len(143 << 20).unwrap();
    let short = site.folder.file("short");
    fs::write(short, "too short").unwrap();
    let url = site.url();
    for (path, told) in [
        ("/short", "the file has 9 bytes, and the cases need 100 to 1048576"),
        ("/large", "the file has 149946368 bytes, and the cases need 100 to 1048576"),
        ("/nothing", "it answers a plain GET with 404"),
    ] {
        let finished = check(&[], &format!("{url}{path}"));
        assert_eq!((finished.code, &*finished.text()), (2, ""), "{finished}");
        assert!(finished.stderr.contains(told), "{finished}");
        assert!(finished.stderr.contains("must name a plain file"), "{finished}");
    }
    let refused = check(&[], ":1/x");
    assert_eq!(refused.code, 4, "{refused}");
    let both = check(&["-o", "x"], &format!("{url}/file.txt"));
    assert_eq!(both.code, 2, "{both}");
    let alone = Run::new(&["fetch", "--split", &url]).stdin_null().run("");
    assert_eq!(alone.code, 2, "{alone}");
    let explained = check(&["--explain", "--split"], &format!("{url}/file.txt"));
    assert!(explained.text().contains("cases about /file.txt"), "{explained}");
}
