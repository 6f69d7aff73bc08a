//! `framecat serve --auth` and its kin: who brings no password gets no further.

mod run;
mod served;

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use run::terminal::Terminal;
use run::{Folder, Run, have, have_python};
use served::{Served, body, get, head_of, rest, status};

/// The field that brings a user and a password.
fn field(user: &str, password: &str) -> String {
    format!("Authorization: Basic {}\r\n", STANDARD.encode(format!("{user}:{password}")))
}

/// A request whose connection ends behind the reply.
fn ask(method: &str, target: &str, fields: &str) -> String {
    format!("{method} {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{fields}\r\n")
}

/// The password that was made, from the lines that the server begins with.
fn made(site: &Served) -> String {
    let told = site.server.told_when(|told| told.contains("told this once\n"));
    let (_, behind) = told.split_once("user ada, password ").expect("it was waited for");
    behind.split_once(':').expect("it was waited for").0.into()
}

/// A file of users that is as it should be, with these lines.
fn users(folder: &Folder, lines: &str) -> String {
    let path = folder.file("users");
    fs::write(&path, lines).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    path
}

/// `ada:$argon2id$…` of `secret`, and bob's of `other`, made by Debian's argon2 at a cost that a debug build
/// bears well.
const LINES: &str = "\
ada:$argon2id$v=19$m=64,t=2,p=1$c29tZXNhbHQ$NwLSKyqrGIiZOR0o1xAodvQbqYvoClGXx5cYXiW9kDY\n\
# and\n\
bob:$argon2id$v=19$m=64,t=2,p=4$c29tZXNhbHQ$PpJQoakInxorswdvxGwP8k9Kml9BZpT5SJFpkxi3UdU\n";

/// A folder that only ada and bob may read.
fn guarded(args: &[&str], files: &[(&str, &[u8])]) -> (Served, Folder) {
    let folder = Folder::new();
    let path = users(&folder, LINES);
    (Served::new(&[&["--auth-file", &path], args].concat(), files), folder)
}

/// The replies of a connection, each as its status.
fn statuses(said: &str) -> Vec<&str> {
    said.split("HTTP/1.1 ").skip(1).map(|reply| &reply[..3]).collect()
}

#[test]
fn curl_and_python_get_in_with_the_password_that_was_made_and_only_with_it() {
    if !have("curl") {
        return;
    }
    let site = Served::new(&["--auth", "ada"], &[("a.txt", b"hello\n"), ("sub/b", b"b")]);
    let password = made(&site);
    let both = format!("ada:{password}");
    site.curl(&["-u", &both], "/a.txt").expect(0, "hello\n");
    site.curl(&["-u", &both, "--anyauth"], "/sub/b").expect(0, "b");
    assert!(site.curl(&["-u", &both], "/").text().contains("href=\"a.txt\""));
    let code = ["-o", "/dev/null", "-w", "%{http_code}"];
    for wrong in ["ada:", "ada:x", ":", &format!("bob:{password}"), &format!("ada:{password} ")] {
        site.curl(&[&code[..], &["-u", wrong]].concat(), "/a.txt").expect(0, "401");
    }
    let head = site.curl(&["-I"], "/a.txt").text();
    assert!(head.starts_with("HTTP/1.1 401 ") && head.ends_with("\r\n\r\n"), "{head}");
    let challenge = "\r\nWWW-Authenticate: Basic realm=\"framecat\", charset=\"UTF-8\"\r\n";
    assert!(head.contains(challenge), "{head}");
    if have_python(&["requests"]) {
        let python = "import requests, sys\n\
            r = requests.get(sys.argv[1], auth=('ada', sys.argv[2])); print(r.status_code, r.text, end='')\n\
            r = requests.get(sys.argv[1], auth=('ada', 'x')); print(r.status_code)\n";
        let url = site.url() + "/a.txt";
        Run::program("python3", &["-c", python, &url, &password])
            .run("")
            .expect(0, "200 hello\n401\n");
    }
    let told = site.ends().stderr;
    assert!(told.contains("127.0.0.1 - ada ["), "{told}");
    assert_eq!(told.matches(&password).count(), 1, "told once: {told}");
    assert!(!told.contains(&STANDARD.encode(&both)), "{told}");
}

#[test]
fn chromium_shows_the_page_to_who_knows_the_password() {
    if !have("chromium") {
        return;
    }
    let site = Served::new(&["--auth", "ada"], &[("a.txt", b"hello\n")]);
    let (password, profile) = (made(&site), Folder::new());
    let data = format!("--user-data-dir={}", profile.path().display());
    let dump = |url: String| {
        let args = ["--headless", "--no-sandbox", "--disable-gpu", &data, "--dump-dom", &url];
        // A browser takes its time where others are busy: its end is awaited as long as it takes.
        let finished = Command::new("chromium").args(args).output().unwrap();
        String::from_utf8_lossy(&finished.stdout).into_owned()
    };
    let host = site.url().replace("http://", "");
    assert!(dump(format!("http://ada:{password}@{host}/")).contains("href=\"a.txt\""));
    assert!(!dump(format!("http://{host}/")).contains("a.txt"));
    site.ends();
}

#[test]
fn nothing_is_looked_up_for_who_has_no_password() {
    let files: &[(&str, &[u8])] = &[("a.txt", b"hello"), (".hidden", b"h"), ("sub/b", b"b")];
    for args in
        [&[][..], &["--trace"], &["--hidden"], &["--upload"], &["--full"], &["--drop"], &["--echo"]]
    {
        let folder = Folder::new();
        let path = users(&folder, LINES);
        let args = [&["--auth-file", &path], args].concat();
        // `--echo` serves no folder.
        let site = Served { server: served(&args, &folder), folder };
        if !args.contains(&"--echo") && !args.contains(&"--drop") {
            for (name, content) in files {
                let path = site.folder.path().join(name);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, content).unwrap();
            }
        }
        let without = |reply: String| {
            let lines = reply.lines().filter(|line| !line.starts_with("Date: "));
            lines.map(|line| format!("{line}\n")).collect::<String>()
        };
        let first = without(site.said(get("/a.txt")));
        assert!(first.starts_with("HTTP/1.1 401 "), "{first}");
        for target in [
            "/",
            "/none",
            "/.hidden",
            "/users",
            "/sub",
            "/sub/",
            "/?json",
            "/?tar",
            "/a.txt?sha256",
            "/../../etc/passwd",
            "/%2e%2e/",
            "/%ff",
            "/%00",
            "/a|b",
            "http://evil.example/",
            "http://localhost/a.txt",
            "ftp://localhost/a.txt",
        ] {
            for method in ["GET", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "BREW", "get"] {
                let reply = without(site.said(ask(method, target, "")));
                assert_eq!(reply, first, "{method} {target}");
            }
            let reply = without(site.said(ask("HEAD", target, "")));
            assert_eq!(reply, first.split_inclusive("\n\n").next().unwrap(), "HEAD {target}");
        }
        for request in [
            ask("OPTIONS", "*", ""),
            "CONNECT localhost:80 HTTP/1.1\r\nHost: localhost\r\n\r\n".into(),
            get("/").replace("localhost", "evil.example"),
            "GET /a.txt HTTP/1.0\r\n\r\n".into(),
            ask("GET", "/a.txt", "Expect: tea\r\n"),
            ask("GET", "/a.txt", "If-Match: \"x\"\r\nRange: bytes=0-\r\n"),
            ask("GET", "/a.txt", "Authorization: Bearer x\r\n"),
            ask("GET", "/a.txt", "Authorization: Basic x\r\n"),
            ask("GET", "/a.txt", "Proxy-Authorization: Basic YWRhOnNlY3JldA==\r\n"),
            ask("GET", "/a.txt", "Cookie: Authorization=Basic YWRhOnNlY3JldA==\r\n"),
            // Two of them, both right.
            ask("GET", "/a.txt", &(field("ada", "secret") + &field("ada", "secret"))),
        ] {
            assert_eq!(without(site.said(&request)), first, "{request}");
        }
        // What is no request at all is told so, and nothing is looked up for that either.
        for target in ["/%", "/%zz", "a", "/ /"] {
            assert_eq!(status(&site.said(ask("GET", target, ""))), "400", "{target}");
        }
        // Who is let in gets what there is, as ever.
        let known = field("ada", "secret");
        if !args.contains(&"--echo") && !args.contains(&"--drop") {
            for (target, want) in [("/a.txt", "200"), ("/none", "404"), ("/%00", "400")] {
                assert_eq!(status(&site.said(ask("GET", target, &known))), want, "{target}");
            }
            let evil = ask("GET", "/a.txt", &known).replace("localhost", "evil.example");
            assert_eq!(status(&site.said(evil)), "421");
        }
        site.ends();
    }
}

/// A server in the folder, which holds what the test puts there.
fn served(args: &[&str], folder: &Folder) -> run::Running {
    let echo = args.contains(&"--echo");
    let place: &[&str] = if echo { &[] } else { &["."] };
    let args = [&["serve"], place, &["--listen", "127.0.0.1:0"], args].concat();
    Run::new(&args).in_folder(folder.path()).start()
}

#[test]
fn content_of_who_is_refused_is_never_taken_nor_taken_for_a_request() {
    let (site, _users) = guarded(&["--upload"], &[("a", b"hello")]);
    let inner = ask("GET", "/a", &field("ada", "secret"));
    for fields in [
        format!("Content-Length: {}\r\n", inner.len()),
        "Content-Length: 100000000\r\n".into(),
        "Content-Length: 100000000\r\nExpect: 100-continue\r\n".into(),
        "Transfer-Encoding: chunked\r\n".into(),
    ] {
        for method in ["PUT", "POST", "GET", "DELETE"] {
            let head = format!("{method} /new HTTP/1.1\r\nHost: localhost\r\n{fields}\r\n");
            let said = site.said(head + &inner);
            assert_eq!(statuses(&said), ["401"], "{method} {fields}");
            assert!(said.contains("\r\nConnection: close\r\n"), "{said}");
        }
    }
    let tunnel = "CONNECT localhost:80 HTTP/1.1\r\nHost: localhost\r\n\r\n".to_string() + &inner;
    assert_eq!(statuses(&site.said(tunnel)), ["401"]);
    // A megabyte on its way does not destroy the answer.
    let mut stream = site.dial();
    stream
        .write_all(b"PUT /new HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n")
        .unwrap();
    stream.write_all(&vec![b'x'; 1_000_000]).unwrap();
    assert_eq!(statuses(&rest(&mut stream)), ["401"]);
    let names: Vec<_> = fs::read_dir(site.folder.path()).unwrap().collect();
    assert_eq!(names.len(), 1, "{names:?}");
    // With the password it is taken, once it was looked at.
    let put = format!("{}Content-Length: 1\r\n", field("bob", "other"));
    assert_eq!(statuses(&site.said(ask("PUT", "/new", &put) + "x")), ["201"]);
    site.ends();
}

#[test]
fn each_request_of_a_connection_brings_its_own_password() {
    let (site, _users) = guarded(&[], &[("a", b"hello")]);
    let request = |fields: &str| format!("GET /a HTTP/1.1\r\nHost: localhost\r\n{fields}\r\n");
    let (ada, bob) = (field("ada", "secret"), field("bob", "other"));
    let (wrong, none) = (field("ada", "other"), String::new());
    let order = [
        (&ada, "200"),
        (&none, "401"),
        (&ada, "200"),
        (&wrong, "401"),
        (&bob, "200"),
        (&wrong, "401"),
        (&none, "401"),
        (&bob, "200"),
        (&ada, "200"),
        (&wrong, "401"),
    ];
    // More often than the least number of times after which a reply might be remembered.
    for _ in 0..3 {
        let all: String = order.iter().map(|(fields, _)| request(fields)).collect();
        // Forgiven before the next time, for bob and ada do not guess.
        let mut stream = site.dial();
        stream.write_all((all + &ask("GET", "/a", &ada)).as_bytes()).unwrap();
        let said = rest(&mut stream);
        let want: Vec<_> = order.iter().map(|(_, want)| *want).chain(["200"]).collect();
        assert_eq!(statuses(&said), want, "{said}");
        assert_eq!(said.matches("\r\n\r\nhello").count(), 6, "{said}");
    }
    // Byte by byte, and another connection with what the first one sent but the password.
    let mut stream = site.dial();
    stream.set_nodelay(true).unwrap();
    for byte in ask("GET", "/a", &ada).bytes() {
        stream.write_all(&[byte]).unwrap();
    }
    assert_eq!(statuses(&rest(&mut stream)), ["200"]);
    assert_eq!(statuses(&site.said(ask("GET", "/a", ""))), ["401"]);
    let told = site.ends().stderr;
    assert!(told.contains("127.0.0.1 - bob ["), "{told}");
    for line in told.lines().filter(|line| line.contains("\" 401 ")) {
        assert!(line.starts_with("127.0.0.1 - - ["), "nobody's: {line}");
    }
}

#[test]
fn what_was_sent_to_others_is_never_sent_to_who_has_no_password() {
    // Reading is open: so heads are remembered, and none of them with a password.
    let (site, _users) = guarded(&["--open-read", "--upload"], &[("a", b"hello")]);
    for _ in 0..3 {
        for (fields, want) in
            [(String::new(), "200"), (field("ada", "x"), "200"), (field("ada", "secret"), "200")]
        {
            assert_eq!(status(&site.said(ask("GET", "/a", &fields))), want);
            assert_eq!(status(&site.said(ask("HEAD", "/a", &fields))), want);
            assert_eq!(status(&site.said(ask("OPTIONS", "/a", &fields))), want);
        }
    }
    for (fields, want) in
        [(String::new(), "401"), (field("ada", "x"), "401"), (field("ada", "secret"), "201")]
    {
        let fields = fields + "Content-Length: 1\r\n";
        assert_eq!(statuses(&site.said(ask("PUT", "/b", &fields) + "x")), [want]);
    }
    assert_eq!(status(&site.said(ask("HEAD", "/a?upload=0123456789abcdef", ""))), "401");
    assert_eq!(body(&site.said(get("/b"))), "x");
    let told = site.server.told("/b");
    assert!(told.contains("who knows a password can also bring new ones"), "{told}");
    site.ends();
}

/// A connection from another address of this machine.
fn from(address: &str, site: &Served) -> TcpStream {
    let to: SocketAddr = site.url().strip_prefix("http://").unwrap().parse().unwrap();
    let socket = rustix::net::socket(
        rustix::net::AddressFamily::INET,
        rustix::net::SocketType::STREAM,
        None,
    );
    let socket = socket.unwrap();
    let own: SocketAddr = format!("{address}:0").parse().unwrap();
    rustix::net::bind(&socket, &own).unwrap();
    rustix::net::connect(&socket, &to).unwrap();
    let stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(run::PATIENCE)).unwrap();
    stream
}

#[test]
fn ten_thousand_guesses_let_nobody_in_and_others_are_served_meanwhile() {
    let (site, _users) = guarded(&["--log", "none"], &[("a", b"hello")]);
    let good = |stream: &mut TcpStream| {
        let (fields, mut content) = (field("bob", "other"), [0; 5]);
        write!(stream, "GET /a HTTP/1.1\r\nHost: localhost\r\n{fields}\r\n").unwrap();
        let head = head_of(stream);
        if status(&head) == "200" {
            stream.read_exact(&mut content).unwrap();
        }
        head[9..12].to_string()
    };
    // On the guesser's own address, and known before the guesses began.
    let mut beside = from("127.0.0.1", &site);
    assert_eq!(good(&mut beside), "200");
    let (mut tried, mut put_off) = (0, 0);
    for batch in 0..100 {
        let guesses = (0..100).map(|n| {
            let last = if n == 99 { "Connection: close\r\n" } else { "" };
            let guess = field(["ada", "bob", "eve"][n % 3], &format!("guess {batch} {n}"));
            format!("GET /a HTTP/1.1\r\nHost: localhost\r\n{guess}{last}\r\n")
        });
        let mut guesser = from("127.0.0.1", &site);
        guesser.write_all(guesses.collect::<String>().as_bytes()).unwrap();
        // Another address, new each time: it is looked at anew whether the password is right.
        assert_eq!(good(&mut from("127.0.0.2", &site)), "200");
        assert_eq!(good(&mut beside), "200");
        let said = rest(&mut guesser);
        let got = statuses(&said);
        assert_eq!(got.len(), 100);
        tried += got.iter().filter(|status| **status == "401").count();
        put_off += got.iter().filter(|status| **status == "429").count();
        assert!(!said.contains("hello"), "{said}");
        if got.contains(&"429") {
            assert!(said.contains("\r\nRetry-After: "), "{said}");
        }
    }
    assert_eq!(tried + put_off, 10_000);
    assert!(put_off > tried, "{tried} were looked at");
    // Not even the right one, while the guesser has to wait; where it does not any more, it is right.
    let after = good(&mut from("127.0.0.1", &site));
    assert!(after == "429" || after == "200", "{after}");
    site.ends();
}

#[test]
fn many_who_come_at_once_are_all_let_in() {
    let (site, _users) = guarded(&[], &[("a", b"hello")]);
    let threads = (0..40).map(|n| {
        let mut stream = site.dial();
        let known = if n % 2 == 0 { field("ada", "secret") } else { field("bob", "other") };
        std::thread::spawn(move || {
            stream.write_all(ask("GET", "/a", &known).as_bytes()).unwrap();
            rest(&mut stream)
        })
    });
    for thread in threads.collect::<Vec<_>>() {
        assert_eq!(statuses(&thread.join().unwrap()), ["200"]);
    }
    site.ends();
}

#[test]
fn a_password_is_never_shown() {
    let (user, password) = ("ada", "correct horse");
    let secret = STANDARD.encode(format!("{user}:{password}"));
    for args in
        [&["--show=all"][..], &["--show", "--echo"], &["--log", "json"], &["--show", "--trace"]]
    {
        let folder = Folder::new();
        let args = [&["--auth", user], args].concat();
        let echo = args.contains(&"--echo");
        let place: &[&str] = if echo { &[] } else { &["."] };
        let args = [&["serve"], place, &["--listen", "127.0.0.1:0"], &args].concat();
        let server =
            Run::new(&args).env("FRAMECAT_PASSWORD", password).in_folder(folder.path()).start();
        let site = Served { server, folder };
        let known = field(user, password);
        let said = site.said(ask("GET", "/", &known));
        assert_eq!((status(&said), said.contains(&secret)), ("200", echo), "{said}");
        let said = site.said(ask("TRACE", "/", &known));
        assert_eq!(said.contains(&secret), echo, "{said}");
        // What is no request is shown, too.
        for broken in
            ["Authorization : Basic ", "Authorization\r: Basic ", "X: y\r\n Authorization: Basic "]
        {
            let said =
                site.said(format!("GET / HTTP/1.1\r\nHost: localhost\r\n{broken}{secret}\r\n\r\n"));
            assert_eq!(status(&said), "400", "{said}");
            assert!(!said.contains(&secret), "{said}");
        }
        let told = site.ends().stderr;
        for secret in [password, &secret] {
            assert!(!told.contains(secret), "{args:?}: {told}");
        }
        if args.contains(&"json") {
            assert!(told.contains("\"user\":\"ada\""), "{told}");
        }
    }
}

#[test]
fn a_hash_that_was_made_here_or_elsewhere_lets_in() {
    let folder = Folder::new();
    let hash = |args: &[&str], password: &str| {
        let finished = Run::new(&[&["serve", "--hash"], args].concat()).run(password);
        assert_eq!((finished.code, &*finished.stderr), (0, ""), "{finished}");
        finished.text()
    };
    let mut lines = hash(&["--auth", "ada"], "secret\n");
    assert!(lines.starts_with("ada:$argon2id$v=19$m=19456,t=2,p=1$"), "{lines}");
    lines += &format!("bob:{}", hash(&[], "päss wörd"));
    if have("argon2") {
        let made =
            Run::program("argon2", &["somesalt", "-id", "-t", "3", "-k", "4096", "-p", "2", "-e"])
                .run("of argon2");
        lines += &format!("\n# of another program\r\neve:{}\r\n", made.text().trim());
    }
    let path = users(&folder, &lines);
    let site = Served::new(&["--auth-file", &path], &[("a", b"hello")]);
    let mut all = vec![("ada", "secret"), ("bob", "päss wörd")];
    if have("argon2") {
        all.push(("eve", "of argon2"));
    }
    for (user, password) in &all {
        for (password, want) in [(*password, "200"), ("wrong", "401"), (*password, "200")] {
            let said = site.said(ask("GET", "/a", &field(user, password)));
            assert_eq!(status(&said), want, "{user} {password}");
        }
    }
    site.ends();
    // Both ways at once, and a password from a descriptor.
    if !have("bash") {
        return;
    }
    let command = format!(
        "exec {} serve . --listen 127.0.0.1:0 --auth-file {path} --auth joe --password-file /dev/fd/3 3<<<sesame",
        env!("CARGO_BIN_EXE_framecat")
    );
    let server = Run::program("bash", &["-c", &command]).in_folder(folder.path()).start();
    let site = Served { server, folder };
    for (user, password, want) in
        [("joe", "sesame", "200"), ("ada", "secret", "200"), ("joe", "secret", "401")]
    {
        assert_eq!(status(&site.said(ask("GET", "/", &field(user, password)))), want, "{user}");
    }
    site.ends();
}

#[test]
fn what_is_wrong_with_a_password_is_told_before_anything_is_bound() {
    let folder = Folder::new();
    let refused = |args: &[&str], want: &str, remedy: &str| {
        let finished = Run::new(&[&["serve"], args].concat()).in_folder(folder.path()).run("");
        assert_eq!((finished.code, &*finished.text()), (2, ""), "{args:?}: {finished}");
        assert!(finished.stderr.contains(want), "{want}: {finished}");
        assert!(finished.stderr.contains(remedy), "{remedy}: {finished}");
        for secret in ["hunter2", "c29tZXNhbHQ"] {
            assert!(!finished.stderr.contains(secret), "{finished}");
        }
    };
    refused(
        &["--auth", "ada:hunter2"],
        "can be read by every program",
        "--auth USER makes a password",
    );
    refused(
        &["--auth", "ada:hunter2", "--hash"],
        "can be read by every program",
        "--password-file",
    );
    refused(&["--hash", "."], "--hash", "");
    refused(&["--hash", "--lan"], "--hash", "");
    for option in ["--upload", "--drop", "--full", "--durable", "--hidden"] {
        refused(&["--hash", option], "--hash", "");
    }
    refused(&["--auth", ""], "a user has a name", "such as ada");
    refused(&["--open-read"], "none is asked for", "--auth USER");
    refused(&["--open-read", "--auth", "ada"], "nothing but reading is done here", "--upload");
    refused(&["--password-file", "x"], "--auth", "");
    let path = users(&folder, LINES);
    refused(
        &["--auth", "bob", "--auth-file", &path],
        "bob has a password in --auth-file",
        "leave --auth out",
    );
    refused(&["--auth-file", "none"], "--auth-file none: ", "name a file");
    refused(&["--auth-file", "."], "--auth-file .: ", "name a file");
    for (mode, word) in [(0o620, "go-w"), (0o602, "go-w"), (0o666, "go-w")] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        refused(&["--auth-file", &path], "others than its owner may write it", word);
        refused(
            &["--auth", "eve", "--password-file", &path],
            "others than its owner may write it",
            word,
        );
    }
    for (lines, want) in [
        ("", "line 1: no user stands there"),
        ("# a\nada:hunter2\n", "line 2: what stands behind the colon is no hash"),
        (
            "ada:$apr1$hunter2$x",
            "line 1: a hash of MD5, as htpasswd -m makes it, and argon2id is taken",
        ),
        ("ada:$2y$05$hunter2", "line 1: a hash of bcrypt"),
        ("hunter2", "line 1: no colon"),
        (&LINES.replace("bob", "ada"), "line 3: the user stands there for the second time"),
        (&LINES.replace("m=64", "m=99999999"), "line 1: each guess would take 99999999 KiB"),
    ] {
        let path = users(&folder, lines);
        refused(&["--auth-file", &path], &format!("--auth-file {path}: {want}"), "serve --hash");
    }
    for (content, want) in
        [("", "empty"), ("a\nhunter2\n", "a second line"), ("hunter2\u{7}", "a control character")]
    {
        let path = users(&folder, content);
        refused(&["--auth", "ada", "--password-file", &path], want, "one line of UTF-8");
        let hash = Run::new(&["serve", "--hash"]).run(content);
        assert_eq!((hash.code, &*hash.text()), (2, ""), "{hash}");
        assert!(hash.stderr.contains(want) && !hash.stderr.contains("hunter2"), "{hash}");
    }
    // Nothing is made where nothing is done.
    let explained = Run::new(&["serve", "--auth", "ada", "--explain"]).run("").text();
    assert!(explained.contains("ada has one that is made"), "{explained}");
    assert!(Run::new(&["serve", "--explain"]).run("").text().contains("none is asked for"));
}

#[test]
fn a_password_is_typed_unseen_and_twice() {
    let hash = |typed: &[&str]| {
        let mut terminal = Terminal::new();
        // Its screen is there as long as somebody has it open.
        let _open = terminal.end();
        let running = Run::new(&["serve", "--hash", "--auth", "ada"]).stdin(terminal.end()).start();
        for (prompt, line) in ["password: ", "and again: "].iter().zip(typed) {
            running.told(prompt);
            terminal.types(line);
        }
        let finished = running.wait();
        assert!(!finished.stderr.contains("hunter"), "{finished}");
        // What is typed later is seen again, and what was typed before was not.
        terminal.types("mark\n");
        let seen = terminal.shows("mark");
        assert!(!seen.contains("hun"), "{seen}");
        finished
    };
    let finished = hash(&["hunterx\u{7f}2\r", "x\u{15}hunter2\n"]);
    assert_eq!(finished.code, 0, "{finished}");
    let folder = Folder::new();
    let path = users(&folder, &finished.text());
    let site = Served::new(&["--auth-file", &path], &[("a", b"hello")]);
    assert_eq!(status(&site.said(ask("GET", "/a", &field("ada", "hunter2")))), "200");
    site.ends();
    let differ = hash(&["hunter2\n", "hunter3\n"]);
    assert_eq!((differ.code, &*differ.text()), (2, ""), "{differ}");
    assert!(differ.stderr.contains("the two passwords differ"), "{differ}");
    let left = hash(&["hun\u{3}"]);
    assert!(left.code != 0 && left.text().is_empty(), "{left}");
}

#[test]
fn a_browser_asks_for_the_password_where_something_changes() {
    let cases = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser");
    if !have("node") || !have("chromium") {
        return;
    }
    if !cases.join("node_modules/playwright-core").exists() {
        return run::skipped("no playwright-core: npm ci --prefix crates/framecat/tests/browser");
    }
    let site = Served::new(&["--auth", "ada", "--open-read", "--upload"], &[]);
    let page = format!(
        "<form method=post action='{}/' enctype='multipart/form-data'><input name=file value=x></form>",
        site.url()
    );
    let other = Served::new(&[], &[("page.html", page.as_bytes())]);
    let chromium = Run::program("sh", &["-c", "command -v chromium"]).run("").text();
    let finished = Command::new("node")
        .arg("auth.mjs")
        .current_dir(&cases)
        .envs([("BASE", site.url()), ("OTHER", other.url()), ("PASSWORD", made(&site))])
        .env("CHROMIUM", chromium.trim())
        .output()
        .unwrap();
    assert!(finished.status.success(), "{}", String::from_utf8_lossy(&finished.stderr));
    let names = fs::read_dir(site.folder.path()).unwrap();
    let names: Vec<_> = names.map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["by-ada"]);
    site.ends();
    other.ends();
}
