//! What is asked, byte for byte.

use std::io::Write;
use std::os::unix::net::UnixListener;

use super::*;
use crate::run::terminal::Terminal;
use crate::run::{Folder, Run, have};

/// The only request of a fetch with these arguments.
fn asked(path: &str, args: &[&str]) -> String {
    let server = Server::answering([ok("")]);
    let port = server.port;
    let finished = server.fetch(path, args);
    assert_eq!(finished.code, 0, "{finished}");
    server.heard().remove(0).replace(&port.to_string(), "PORT")
}

const AGENT: &str = concat!("User-Agent: framecat/", env!("CARGO_PKG_VERSION"), "\r\n");

#[test]
fn a_request_is_exactly_this() {
    assert_eq!(
        asked("/a b?c#d", &[]),
        format!(
            "GET /a%20b?c HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\n{AGENT}Accept: */*\r\n\
             Accept-Encoding: gzip, br, zstd\r\nConnection: close\r\n\r\n"
        )
    );
    assert_eq!(
        asked(
            "/",
            &[
                "--data",
                "a=b",
                "--header",
                "accept: text/plain",
                "--header",
                "User-Agent:",
                "--host",
                "x:1"
            ]
        ),
        "POST / HTTP/1.1\r\nHost: x:1\r\nAccept-Encoding: gzip, br, zstd\r\naccept: text/plain\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 3\r\nConnection: close\r\n\r\na=b"
    );
    assert!(asked("/", &["--as-sent"]).find("Accept-Encoding").is_none());
    let head = asked("/", &["--head"]);
    assert!(head.starts_with("HEAD / HTTP/1.1\r\n") && !head.contains("Content-Length"), "{head}");
    let put = asked("/", &["--method", "PUT"]);
    assert!(
        put.starts_with("PUT / HTTP/1.1\r\n") && put.contains("Content-Length: 0\r\n"),
        "{put}"
    );
    let odd = asked("/%2e%2e/../x", &["--method", "PURGE"]);
    assert!(odd.starts_with("PURGE /%2e%2e/../x HTTP/1.1\r\n"), "{odd}");
}

#[test]
fn files_and_stdin_are_sent_as_they_are() {
    let folder = Folder::new();
    let file = folder.file("x.json");
    std::fs::write(&file, "{\"a\":\n1}\n").unwrap();
    for args in [["--upload", &file], ["--data", &format!("@{file}")]] {
        let request = asked("/", &args);
        let method = if args[0] == "--upload" { "PUT" } else { "POST" };
        assert!(request.starts_with(method), "{request}");
        assert!(request.contains("Content-Type: application/json\r\n"), "{request}");
        assert!(request.contains("Content-Length: 9\r\n"), "{request}");
        assert!(request.ends_with("\r\n\r\n{\"a\":\n1}\n"), "{request}");
    }
    std::fs::write(folder.file("fields"), "Authorization: Basic c2VjcmV0\n\nX-A: b\n").unwrap();
    let request = asked("/", &["--header", &format!("@{}", folder.file("fields"))]);
    assert!(request.contains("Authorization: Basic c2VjcmV0\r\nX-A: b\r\n"), "{request}");
}

#[test]
fn stdin_is_sent_in_chunks_and_asked_for_first() {
    let server = Server::of(1, |_, request, stream| {
        assert!(request.starts_with("PUT /up HTTP/1.1\r\n"), "{request}");
        assert!(request.contains("Transfer-Encoding: chunked\r\n"), "{request}");
        assert!(request.contains("Expect: 100-continue\r\n"), "{request}");
        assert!(!request.contains("Content-Length"), "{request}");
        stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").unwrap();
        let mut heard = Vec::new();
        while !heard.ends_with(b"0\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            heard.push(byte[0]);
        }
        assert_eq!(String::from_utf8_lossy(&heard), "5\r\nhello\r\n0\r\n\r\n");
        stream.write_all(ok("thanks").as_bytes()).unwrap();
    });
    let finished = Run::new(&["fetch", &server.url("/up"), "--upload", "-"]).run("hello");
    finished.expect(0, "thanks");
    server.heard();
}

#[test]
fn a_fifo_is_sent_to_its_end_once_somebody_writes() {
    let folder = Folder::new();
    let server = Server::of(1, |_, request, stream| {
        assert!(request.contains("Transfer-Encoding: chunked\r\n"), "{request}");
        stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").unwrap();
        let mut heard = Vec::new();
        while !heard.ends_with(b"0\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            heard.push(byte[0]);
        }
        assert_eq!(String::from_utf8_lossy(&heard), "6\r\nhello\n\r\n0\r\n\r\n");
        stream.write_all(ok("thanks").as_bytes()).unwrap();
    });
    let line = format!(
        "mkfifo 'a,b%'; (echo hello > 'a,b%') & framecat fetch {} --upload 'a,b%'; wait",
        server.url("/")
    );
    Run::shell(&line).in_folder(folder.path()).run("").expect(0, "thanks");
    server.heard();
    let line = format!("framecat fetch {} --upload 'a,b%' --wait 50ms", "http://127.0.0.1:1/");
    let alone = Run::shell(&line).in_folder(folder.path()).run("");
    assert_eq!(alone.code, 5, "{alone}");
    // And nobody who reads.
    let alone = Run::shell("framecat fetch http://127.0.0.1:1/ -o 'a,b%'").in_folder(folder.path());
    let alone = alone.run("");
    assert_eq!(alone.code, 10, "{alone}");
    assert!(alone.stderr.contains("nobody reads the FIFO"), "{alone}");
}

#[test]
fn a_server_that_knows_no_expectation_gets_the_content_anyway() {
    let folder = Folder::new();
    let file = folder.file("big");
    std::fs::write(&file, vec![b'x'; 2 << 20]).unwrap();
    // It says nothing until it has all; and one that refuses to be expected anything of.
    let server = Server::of(1, |_, _, stream| {
        let mut content = vec![0; 2 << 20];
        stream.read_exact(&mut content).unwrap();
        stream.write_all(ok("all").as_bytes()).unwrap();
    });
    server.fetch("/", &["--upload", &file]).expect(0, "all");
    let server = Server::of(2, |n, request, stream| match n {
        0 => stream.write_all(b"HTTP/1.1 417 No\r\nContent-Length: 0\r\n\r\n").unwrap(),
        _ => {
            assert!(!request.contains("Expect"), "{}", &request[..200]);
            stream.write_all(ok("all").as_bytes()).unwrap();
        }
    });
    server.fetch("/", &["--upload", &file]).expect(0, "all");
    server.heard();
}

#[test]
fn a_unix_socket_is_a_server_too() {
    let folder = Folder::new();
    let path = folder.file("x.sock");
    let listener = UnixListener::bind(&path).unwrap();
    let thread = std::thread::spawn(move || {
        let mut heard = Vec::new();
        for answer in [
            "HTTP/1.1 302 F\r\nLocation: http://api/b\r\nContent-Length: 0\r\n\r\n".into(),
            ok("hi"),
        ] {
            run::sockets::wait_readable(&listener, b"");
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                stream.read_exact(&mut byte).unwrap();
                request.push(byte[0]);
            }
            stream.write_all(answer.as_bytes()).unwrap();
            heard.push(String::from_utf8(request).unwrap());
        }
        heard
    });
    fetch(&format!("unix://{path}:/a?q"), &["--host", "api"]).expect(0, "hi");
    let heard = thread.join().unwrap();
    assert!(heard[0].starts_with("GET /a?q HTTP/1.1\r\nHost: api\r\n"), "{heard:?}");
    assert!(heard[1].starts_with("GET /b HTTP/1.1\r\nHost: api\r\n"), "{heard:?}");
}

#[test]
fn what_makes_no_sense_is_told_before_anything_is_sent() {
    let folder = Folder::new();
    for (args, said) in [
        (vec!["http://u:p@h/"], "user or password"),
        (vec!["ftp://h/"], "no scheme"),
        (vec!["http://h/", "--header", "Content-Length: 3"], "ours to say"),
        (vec!["http://h/", "--header", "transfer-encoding: chunked"], "ours to say"),
        (vec!["http://h/", "--header", "Host: x"], "--host"),
        (vec!["http://h/", "--header", "a b: c"], "no name of a field"),
        (vec!["http://h/", "--header", "x: a\r\nEvil: b"], "control character"),
        (vec!["http://h/", "--header", "nothing"], "no colon"),
        (vec!["http://h/", "--header", "@/nowhere/x"], "no such file"),
        (vec!["http://h/", "--host", "a\r\nb"], "no value of the Host"),
        (vec!["http://h/", "--method", "GET /x"], "no method"),
        (vec!["http://h/", "--method", "CONNECT"], "tunnel"),
        (vec!["http://h/", "--method", "GET", "--data", "x"], "sends no content"),
        (vec!["http://h/", "--method", "TRACE", "--header", "cookie: x"], "is a secret"),
        (vec!["http://h/", "--data", "x", "--upload", "y"], "cannot be used with"),
        (vec!["http://h/", "--with", "nope=1"], "no option of an endpoint"),
        (vec!["http://h/", "--with", "backlog=1"], "of a listener"),
        (vec!["http://h/", "-O"], "no name"),
        (vec!["http://h/..", "-O"], "no name"),
        (vec!["http://h/%2e%2e", "-O"], "no name"),
        (vec!["http://h/x", "-o", folder.path().to_str().unwrap()], "is a folder"),
        (vec!["http://h/x", "-o", "x", "--raw", "x"], "one file"),
    ] {
        let all: Vec<&str> = ["fetch"].into_iter().chain(args.iter().copied()).collect();
        let finished = Run::new(&all).in_folder(folder.path()).stdin_null().run("");
        assert_eq!(finished.code, 2, "{finished}");
        assert!(finished.stderr.contains(said), "{args:?}: {finished}");
        assert!(!finished.stderr.contains("u:p"), "{finished}");
    }
}

/// Whoever comes from curl or wget is told what takes the place of what they typed.
#[test]
fn options_of_curl_and_wget_are_told_what_we_have_for_them() {
    for (typed, told) in [
        ("-L", "followed already"),
        ("-Is", "-I is --head"),
        ("-s", "leave it out"),
        ("-k", "--with pin="),
        ("-XPOST", "--method"),
        ("-H", "--header 'Name: value'"),
        ("-d", "--data"),
        ("-i", "--show"),
        ("-C", "goes on"),
        ("-u", "--user USER"),
        ("-T", "--upload"),
        ("-f", "--fail"),
        ("-A", "User-Agent"),
        ("-m", "--deadline"),
        ("--location", "followed already"),
        ("--insecure", "--with pin="),
        ("--unix-socket", "unix://SOCKET:/PATH"),
        ("--unix-socket=/x", "unix://SOCKET:/PATH"),
    ] {
        for args in
            [["fetch", typed, "http://127.0.0.1:1/"], ["fetch", "http://127.0.0.1:1/", typed]]
        {
            let finished = Run::new(&args).stdin_null().run("");
            assert_eq!((finished.code, &*finished.text()), (2, ""), "{typed}: {finished}");
            assert!(finished.stderr.contains(told), "{typed}: {finished}");
        }
    }
}

#[test]
fn a_url_where_something_else_belongs_leads_to_fetch() {
    let url = "http://127.0.0.1:1/x";
    for args in [
        vec!["get", url],
        vec!["curl", url],
        vec!["GET", "https://h/"],
        vec![url],
        vec![url, "80"],
        vec!["ask", url],
        vec!["connect", url],
        vec!["relay", ":0", url],
        vec!["ask", "https://h/"],
    ] {
        let finished = Run::new(&args).stdin_null().run("");
        assert_eq!(finished.code, 2, "{args:?}: {finished}");
        assert!(finished.stderr.contains("framecat fetch http"), "{args:?}: {finished}");
    }
}

/// A file that is not there is a command that is wrong, and nobody is asked.
#[test]
fn a_file_to_send_that_is_not_there_is_named() {
    for (args, told) in [
        (["--data", "@/nowhere/x.json"], "--data @/nowhere/x.json: no such file"),
        (["--upload", "/nowhere/x.json"], "--upload /nowhere/x.json: no such file"),
    ] {
        let finished =
            Run::new(&[&["fetch", "http://127.0.0.1:1/"][..], &args].concat()).stdin_null().run("");
        assert_eq!((finished.code, &*finished.text()), (2, ""), "{finished}");
        assert!(finished.stderr.contains(told), "{finished}");
        assert!(!finished.stderr.contains("create"), "{finished}");
    }
    let json = folder_with_json();
    // What stands behind a `?` may say where it goes.
    let queried = asked("/in/?to=a", &["--upload", &json.file("x.json")]);
    assert!(queried.starts_with("PUT /in/?to=a HTTP/1.1\r\n"), "{queried}");
    let typed = asked("/", &["--data", &format!("@{}", json.file("x.json"))]);
    assert!(typed.contains("\r\nContent-Type: application/json\r\n"), "{typed}");
    let header = ["--data", "{}", "--header", "Content-Type: application/json"];
    let typed = asked("/", &header);
    assert!(typed.contains("\r\nContent-Type: application/json\r\n"), "{typed}");
    assert!(!typed.contains("urlencoded"), "{typed}");
}

fn folder_with_json() -> Folder {
    let folder = Folder::new();
    std::fs::write(folder.file("x.json"), "{}").unwrap();
    folder
}

/// Heads and content, both ways: what the connection carried.
#[test]
fn what_a_connection_carried_is_counted() {
    let folder = Folder::new();
    std::fs::write(folder.file("body.json"), "{\"x\":1}\n").unwrap();
    let path = folder.file("body.json");
    for args in [["--upload", &path], ["--data", "{\"x\":1}\n"]] {
        for (reply, output) in [(ok("said\n"), "-"), (ok(&"long ".repeat(40_000)), "/dev/null")] {
            let came = reply.len();
            let server = Server::answering([reply]);
            let finished = server.fetch("/", &[&args[..], &["-v", "-o", output]].concat());
            assert_eq!(finished.code, 0, "{finished}");
            let sent = server.heard().remove(0).len();
            let told = format!("{came} bytes in, {sent} bytes out");
            assert!(finished.stderr.contains(&told), "{args:?}: {told}: {finished}");
        }
    }
}

#[test]
fn a_user_asks_with_a_password_that_nobody_sees() {
    let folder = Folder::new();
    let file = folder.file("password");
    std::fs::write(&file, "s:crét\r\n").unwrap();
    let want = "Authorization: Basic YWRhOnM6Y3LDqXQ=\r\n";
    let request = asked("/", &["--user", "ada", "--password-file", &file]);
    assert!(request.contains(want), "{request}");
    let typed = |keys: &str, want: &str| {
        let server = Server::answering([ok("")]);
        let url = format!("http://127.0.0.1:{}/", server.port);
        let mut terminal = Terminal::new();
        // Its screen is there as long as somebody has it open.
        let _open = terminal.end();
        let running = Run::new(&["fetch", &url, "--user", "ada"]).stdin(terminal.end()).start();
        running.told(&format!("password of ada at 127.0.0.1:{}: ", server.port));
        terminal.types(keys);
        let finished = running.wait();
        assert_eq!(finished.code, 0, "{finished}");
        terminal.types("mark\n");
        let seen = terminal.shows("mark");
        assert!(!seen.contains("s:cr") && !finished.stderr.contains("s:cr"), "{seen} {finished}");
        assert!(server.heard()[0].contains(want));
    };
    typed("s:crét\n", want);
    // Sent, and not shown.
    let server = Server::answering([ok(""), ok("")]);
    for show in [["--show"], ["--json"]] {
        let args = [&["--user", "ada", "--password-file", &file][..], &show].concat();
        let finished = server.fetch("/", &args);
        assert_eq!(finished.code, 0, "{finished}");
        let all = finished.stderr.clone() + &finished.text();
        assert!(all.contains("Authorization: Basic ************"), "{all}");
        assert!(!all.contains("YWRhOnM6") && !all.contains("s:cr"), "{all}");
    }
    assert!(server.heard().iter().all(|head| head.contains(want)));
    typed("s:créx\u{7f}ée\u{7f}\u{7f}\u{7f}ét\u{4}", want);
}

#[test]
fn a_user_without_a_password_is_told_where_it_may_stand() {
    let folder = Folder::new();
    let shared = folder.file("shared");
    std::fs::write(&shared, "secret").unwrap();
    std::fs::set_permissions(&shared, std::os::unix::fs::PermissionsExt::from_mode(0o666)).unwrap();
    for (args, want) in [
        (&["--user", "ada:secret"][..], "can be read by every program"),
        (&["--user", ""], "a user has a name"),
        (&["--user", "ada", "--password-file", "/none"], "--password-file /none: "),
        (&["--user", "ada", "--password-file", &shared], "others than its owner may write it"),
        (&["--password-file", &shared], "--user"),
        (
            &["--user", "ada", "--password-file", "/dev/null", "--header", "authorization: x"],
            "--header has one, too",
        ),
        (&["--user", "ada", "--password-file", "/dev/null"], "the password is empty"),
        // Nobody is asked for one in vain.
        (&["--user", "ada", "--upload", "/nowhere"], "--upload /nowhere: no such file"),
        // No terminal is there to type at.
        (&["--user", "ada"], "there is no terminal to ask for the password at"),
    ] {
        let args = [&["fetch", "http://127.0.0.1:1/"], args].concat();
        let finished = match have("setsid") {
            true => {
                let binary = env!("CARGO_BIN_EXE_framecat");
                Run::program("setsid", &[&["-w", binary], &args[..]].concat()).run("")
            }
            false => continue,
        };
        assert_eq!((finished.code, &*finished.text()), (2, ""), "{args:?}: {finished}");
        assert!(finished.stderr.contains(want), "{want}: {finished}");
        assert!(!finished.stderr.contains("secret"), "{finished}");
    }
    let traced = ["fetch", "http://127.0.0.1:1/", "--user", "ada", "--method", "TRACE"];
    let traced = Run::new(&traced).stdin_null().run("");
    assert!(traced.code == 2 && traced.stderr.contains("--user is a secret"), "{traced}");
    let explained =
        Run::new(&["fetch", "http://127.0.0.1:1/", "--user", "ada", "--explain"]).run("");
    assert!(explained.text().contains("ada"), "{explained}");
}
