//! `--replay FILE`, seen from outside: one part of a recording is played, and the other compared.

mod run;

use std::fs;
use std::io::Read;
use std::thread;

use run::peer::{Peer, datagram, tcp, udp};
use run::{Finished, Folder, Run, Running, Signal, have};

/// A folder with a recording of these lines, `<` for what the listener heard and `>` for what it said;
/// `2<` belongs to connection 2, and nothing behind the sign is an end.
fn recording(frame: &str, said: &[&str]) -> (Folder, String) {
    let mut text = format!(
        "{{\"event\":\"recording\",\"side\":\"listen\",\"client_frame\":\"{frame}\",\
         \"server_frame\":\"{frame}\"}}\n"
    );
    for step in said {
        let (conn, rest) = match step.split_at_checked(1) {
            Some((conn, rest)) if conn.bytes().all(|byte| byte.is_ascii_digit()) => (conn, rest),
            _ => ("1", *step),
        };
        let (sign, said) = rest.split_at(1);
        let dir = if sign == "<" { "in" } else { "out" };
        let what = match said {
            "" => "\"event\":\"ended\"".to_string(),
            said => format!("\"text\":{}", serde_json::to_string(said).unwrap()),
        };
        text += &format!("{{\"conn\":{conn},\"dir\":\"{dir}\",{what}}}\n");
    }
    let folder = Folder::new();
    let file = folder.file("talk.jsonl");
    fs::write(&file, text).unwrap();
    (folder, file)
}

fn mock(file: &str, args: &[&str]) -> Running {
    Run::new(&[&["listen", ":0", "--replay", file], args].concat()).start()
}

/// Plays the client's part at a peer of the test.
fn play(file: &str, args: &[&str], peer: impl FnOnce(Peer) + Send + 'static) -> Finished {
    let (listener, port) = tcp();
    let playing = thread::spawn(move || peer(Peer::accept(&listener)));
    let endpoint = format!(":{port}");
    let finished =
        Run::new(&[&["connect", &endpoint, "--replay", file], args].concat()).start().wait();
    playing.join().expect("the peer heard what it waited for");
    finished
}

fn ended(listener: Running) -> Finished {
    listener.signal(Signal::TERM);
    listener.wait()
}

/// Nothing has come, though all that was sent before was taken.
fn silent(peer: &Peer) {
    peer.0.set_nonblocking(true).unwrap();
    let early = peer.0.peek(&mut [0]).map_err(|error| error.kind());
    assert_eq!(early, Err(std::io::ErrorKind::WouldBlock));
    peer.0.set_nonblocking(false).unwrap();
}

#[test]
fn a_server_mocked_from_a_recording_satisfies_the_recorded_client() {
    if !have("python3") {
        return;
    }
    let folder = Folder::new();
    fs::write(folder.file("page.html"), "<p>a page</p>").unwrap();
    let script = "import http.server, functools\n\
        h = functools.partial(http.server.SimpleHTTPRequestHandler, directory='.')\n\
        h.protocol_version = 'HTTP/1.0'\n\
        s = http.server.ThreadingHTTPServer(('127.0.0.1', 0), h)\n\
        print(s.server_port, flush=True)\n\
        s.serve_forever()";
    let mut server = Run::program("python3", &["-c", script]).in_folder(folder.path()).start();
    let right = format!(":{}", server.read_line());
    let file = folder.file("http.jsonl");
    let relay = Run::new(&["relay", ":0", &right, "--record", &file]).start();
    let client = |port: u16| {
        let script = format!(
            "import http.client\n\
             for path in ['/page.html', '/missing']:\n\
             \x20   c = http.client.HTTPConnection('127.0.0.1', {port}, timeout=20)\n\
             \x20   c.putrequest('GET', path, skip_host=True)\n\
             \x20   c.putheader('Host', 'example')\n\
             \x20   c.endheaders()\n\
             \x20   r = c.getresponse()\n\
             \x20   print(r.status, r.getheader('Date'), r.read())\n"
        );
        let client = Run::program("python3", &["-c", &script]).run("");
        assert_eq!(client.code, 0, "{client}");
        client.text()
    };
    let told = client(relay.port());
    assert!(told.starts_with("200 ") && told.contains("b'<p>a page</p>'\n404 "), "{told}");
    assert_eq!(ended(relay).code, 0);
    drop(server);
    // The server is gone, and the client notices nothing, with the time of then.
    let mock = mock(&file, &["--expect"]);
    assert_eq!(client(mock.port()), told);
    // All recorded connections were played: it ends by itself.
    let finished = mock.wait();
    assert_eq!(finished.code, 0, "{finished}");
}

#[test]
fn a_mail_client_talks_to_a_recording_written_by_hand() {
    if !have("python3") {
        return;
    }
    // RFC 5321, appendix D.1.
    let (_folder, file) = recording(
        "crlf",
        &[
            ">220 foo.com Simple Mail Transfer Service Ready",
            "<ehlo [127.0.0.1]",
            ">250-foo.com greets bar.com",
            ">250 SIZE",
            "<mail FROM:<Smith@bar.com> size=10",
            ">250 OK",
            "<rcpt TO:<Jones@foo.com>",
            ">250 OK",
            "<data",
            ">354 Start mail input; end with <CRLF>.<CRLF>",
            "<Blah blah",
            "<.",
            ">250 OK",
            "<quit",
            ">221 foo.com Service closing transmission channel",
            ">",
        ],
    );
    let mock = mock(&file, &["--once"]);
    let script = format!(
        "import smtplib\n\
         s = smtplib.SMTP('127.0.0.1', {}, local_hostname='[127.0.0.1]', timeout=20)\n\
         print(s.sendmail('Smith@bar.com', ['Jones@foo.com'], 'Blah blah'), s.quit())",
        mock.port()
    );
    let client = Run::program("python3", &["-c", &script]).run("");
    client.expect(0, "{} (221, b'foo.com Service closing transmission channel')\n");
    let heard = mock.wait();
    assert_eq!(heard.code, 0, "{heard}");
    assert!(heard.text().contains("mail FROM:<Smith@bar.com> size="), "{heard}");
}

#[test]
fn redis_cli_talks_to_a_recorded_redis() {
    if !have("redis-server") || !have("redis-cli") {
        return;
    }
    let folder = Folder::new();
    let socket = folder.file("redis.sock");
    let args = ["--port", "0", "--unixsocket", &socket, "--save", "", "--daemonize", "no"];
    let mut server = Run::program("redis-server", &args).in_folder(folder.path()).start();
    let _ = server.read_until("eady to accept connections");
    let file = folder.file("redis.jsonl");
    let right = format!("unix://{socket}");
    let relay = Run::new(&["relay", ":0", &right, "--record", &file]).start();
    let client = |port: u16| {
        let port = port.to_string();
        // One connection, a command at a time; the value is no text.
        let commands = "SET k \"\\xff\\r\\n\"\nGET k\nLPUSH l a b c\nLRANGE l 0 -1\nINCR k\n";
        let told = Run::program("redis-cli", &["-h", "127.0.0.1", "-p", &port]).run(commands);
        assert_eq!(told.code, 0, "{told}");
        told.stdout
    };
    let told = client(relay.port());
    assert!(String::from_utf8_lossy(&told).contains("ERR value is not an integer"), "{told:?}");
    assert_eq!(ended(relay).code, 0);
    drop(server);
    let mock = mock(&file, &["--expect"]);
    assert_eq!(client(mock.port()), told);
    let finished = mock.wait();
    assert_eq!(finished.code, 0, "{finished}");
}

#[test]
fn what_was_recorded_of_one_program_is_played_at_another() {
    let folder = Folder::new();
    let file = folder.file("talk.jsonl");
    let serve = |reply: &str| Run::new(&["listen", ":0", "--reply", reply]).start();
    let server = serve("got {payload}");
    let endpoint = format!(":{}", server.port());
    let asked = Run::new(&["ask", &endpoint, "a", "b", "c", "--record", &file]).run("");
    asked.expect(0, "got a\ngot b\ngot c\n");
    let args = |endpoint| ["connect", endpoint, "--replay", &file, "--expect"];
    // Still the same.
    Run::new(&args(&endpoint)).run("").expect(0, "got a\ngot b\ngot c\n");
    ended(server).expect(0, "a\nb\nc\n".repeat(2));
    // A changed reply is found.
    let changed = serve("got {payload}{n}");
    let differs = Run::new(&args(&format!(":{}", changed.port()))).run("");
    differs.expect(8, "got a1\n");
    assert!(
        differs.stderr.contains("message 1 differs from the recording after 5 bytes (its line 3, "),
        "{differs}"
    );
    assert!(differs.stderr.contains("recorded `got a`, came `got a1`"), "{differs}");
    ended(changed);
    // And the server's part of the same file satisfies the client.
    let mock = mock(&file, &[]);
    let endpoint = format!(":{}", mock.port());
    for _ in 0..2 {
        let asked = Run::new(&["ask", &endpoint, "a", "b", "c"]).run("");
        asked.expect(0, "got a\ngot b\ngot c\n");
    }
    ended(mock).expect(0, "a\nb\nc\n".repeat(2));
}

#[test]
fn an_answer_comes_after_as_many_messages_as_were_recorded_before_it() {
    let (_folder, file) = recording("line", &[">hello", "<a", "<b", ">ab", "<c", ">bye", ">"]);
    let mock = mock(&file, &["--once"]);
    let mut peer = Peer::dial(mock.port());
    assert_eq!(peer.line(), "hello\n");
    peer.send("one\n");
    // It has heard it, and says nothing yet.
    let mut mock = mock;
    assert_eq!(mock.read_line(), "one");
    silent(&peer);
    peer.send("two\n");
    assert_eq!(peer.line(), "ab\n");
    peer.send("three\n");
    assert_eq!(peer.rest(), b"bye\n");
    drop(peer);
    mock.wait().expect(0, "one\ntwo\nthree\n");
}

#[test]
fn a_client_that_says_more_than_was_recorded_and_ends_is_not_waited_for() {
    let (_folder, file) = recording("line", &["<a", ">1", "<", ">"]);
    let mock = mock(&file, &["--once"]);
    let mut peer = Peer::dial(mock.port());
    peer.send("x\ny\nz\n");
    assert_eq!(peer.line(), "1\n");
    peer.end();
    assert_eq!(peer.rest(), b"");
    drop(peer);
    mock.wait().expect(0, "x\ny\nz\n");
}

#[test]
fn each_client_gets_the_next_recorded_connection_and_then_the_first() {
    let (_folder, file) =
        recording("line", &["1>one", "1>", "2>two", "2>", "3<?", "3>three", "3>"]);
    let mock = mock(&file, &[]);
    for expected in ["one\n", "two\n", "three\n", "one\n", "two\n"] {
        let mut peer = Peer::dial(mock.port());
        if expected == "three\n" {
            peer.send("?\n");
        }
        assert_eq!(String::from_utf8(peer.rest()).unwrap(), expected);
    }
    ended(mock).expect(0, "?\n");
}

#[test]
fn every_recorded_connection_of_a_client_is_dialled() {
    let (_folder, file) = recording("line", &["1<a", "1>1", "1<", "2<b", "2>2", "2<"]);
    let server = Run::new(&["listen", ":0", "--echo"]).start();
    let args = ["connect", &format!(":{}", server.port()), "--replay", &file];
    Run::new(&args).run("").expect(0, "a\nb\n");
    ended(server).expect(0, "a\nb\n");
}

#[test]
fn a_listener_finds_the_first_difference_of_any_client() {
    let said = ["1<GET a", "1>1", "1<", "1>", "2<GET b", "2>2", "2<", "2>"];
    let (_folder, file) = recording("line", &said);
    let expecting = || mock(&file, &["--expect"]);
    let say = |listener: &Running, text: &str| {
        let mut peer = Peer::dial(listener.port());
        peer.send(text);
        peer.end();
        let mut heard = Vec::new();
        // Who differs is hung up on.
        let _ = peer.0.read_to_end(&mut heard);
        String::from_utf8(heard).unwrap()
    };
    // All as recorded: the end, without a signal.
    let listener = expecting();
    assert_eq!(say(&listener, "GET a\n"), "1\n");
    assert_eq!(say(&listener, "GET b\n"), "2\n");
    listener.wait().expect(0, "GET a\nGET b\n");
    // The second differs.
    let listener = expecting();
    say(&listener, "GET a\n");
    say(&listener, "GET é\n");
    let differs = listener.wait();
    differs.expect(8, "GET a\nGET é\n");
    assert!(differs.stderr.contains("after 4 bytes (its line 6, connection 2)"), "{differs}");
    assert!(differs.stderr.contains("recorded `GET b`, came `GET é`"), "{differs}");
    // One message too many, and one too few.
    let listener = expecting();
    say(&listener, "GET a\nGET x\n");
    let more = listener.wait();
    assert_eq!(more.code, 8, "{more}");
    assert!(more.stderr.contains("message 2 is more than the recording has"), "{more}");
    assert!(more.stderr.contains("it is `GET x`"), "{more}");
    let listener = expecting();
    // Who only looks whether the port is open is no client.
    say(&listener, "");
    say(&listener, "");
    assert_eq!(say(&listener, "GET a\n"), "1\n");
    assert_eq!(say(&listener, "GET b\n"), "2\n");
    listener.wait().expect(0, "GET a\nGET b\n");
    let (_folder, file) = recording("line", &["<a", ">1", "<b", ">2"]);
    let listener = mock(&file, &["--expect"]);
    assert_eq!(say(&listener, "a\n"), "1\n");
    let less = listener.wait();
    assert_eq!(less.code, 8, "{less}");
    assert!(less.stderr.contains("message 2 of the recording did not come"), "{less}");
    assert!(less.stderr.contains("it is `b`"), "{less}");
}

#[test]
fn a_difference_in_a_long_message_is_shown_around_its_place() {
    let long = format!("{}x{}", "a".repeat(5000), "b".repeat(5000));
    let (_folder, file) = recording("line", &["<?", &format!(">{long}"), ">"]);
    let differs = play(&file, &["--expect"], move |mut peer| {
        assert_eq!(peer.line(), "?\n");
        peer.send(long.replace('x', "\x1b[2J") + "\n");
    });
    assert_eq!(differs.code, 8);
    let shown = format!("recorded `…{}x{}… 4953 more bytes`", "a".repeat(16), "b".repeat(47));
    assert!(differs.stderr.contains(&shown), "{}", differs.stderr);
    assert!(differs.stderr.contains(r"came `…aaaaaaaaaaaaaaaa\x1b[2Jbbbb"), "{}", differs.stderr);
}

#[test]
fn bytes_without_messages_are_compared_as_a_stream() {
    let (_folder, file) = recording("raw", &["<GET /", "< HTTP\r\n", ">200", "<more", ">end", ">"]);
    let listener = mock(&file, &["--expect", "--once"]);
    let mut peer = Peer::dial(listener.port());
    for byte in b"GET / HTTP\r" {
        peer.send([*byte]);
    }
    silent(&peer);
    peer.send("\n");
    assert_eq!(peer.take(3), b"200");
    peer.send("more");
    assert_eq!(peer.rest(), b"end");
    drop(peer);
    listener.wait().expect(0, "GET / HTTP\r\nmore");
    let listener = mock(&file, &["--expect", "--once"]);
    let mut peer = Peer::dial(listener.port());
    peer.send("GET / FTP\r\n");
    let differs = listener.wait();
    assert_eq!(differs.code, 8, "{differs}");
    assert!(
        differs.stderr.contains("message 2 differs from the recording after 1 byte "),
        "{differs}"
    );
    assert!(differs.stderr.contains(r"recorded ` HTTP\r\n`, came ` FTP\r\n`"), "{differs}");
}

#[test]
fn datagrams_are_played_by_peer() {
    let (_folder, file) = recording("native", &["<a", ">1", "<b", ">2"]);
    let args = ["listen", "udp://:0", "--replay", &file];
    let mock = Run::new(&args).start();
    let to = ("127.0.0.1", mock.port());
    for _ in 0..2 {
        let (socket, _) = udp();
        for (say, hear) in [("a", "1"), ("b", "2")] {
            socket.send_to(say.as_bytes(), to).unwrap();
            assert_eq!(datagram(&socket), hear.as_bytes());
        }
    }
    ended(mock).expect(0, "a\nb\na\nb\n");
    let echo = Run::new(&["listen", "udp://:0", "--echo"]).start();
    let endpoint = format!("udp://:{}", echo.port());
    let played = Run::new(&["connect", &endpoint, "--replay", &file, "--expect"]).run("");
    played.expect(8, "a\n");
    assert!(played.stderr.contains("recorded `1`, came `a`"), "{played}");
    let echo_args = ["connect", &endpoint, "--replay", &file];
    Run::new(&echo_args).run("").expect(0, "a\nb\n");
    ended(echo);
}

#[test]
fn a_server_that_says_nothing_is_waited_for_only_so_long() {
    let (_folder, file) = recording("line", &["<a", ">1", "<b"]);
    let silent = play(&file, &["--wait", "100ms"], |mut peer| {
        assert_eq!(peer.line(), "a\n");
        assert_eq!(peer.rest(), b"", "no second message without the answer");
    });
    silent.expect(5, "");
    assert!(silent.stderr.contains("no answer within 100 ms"), "{silent}");
    assert!(silent.stderr.contains("--wait TIME waits longer"), "{silent}");
    // One that ends before its turn leaves the rest unsaid; with --expect that is a difference.
    let left = play(&file, &[], |mut peer| {
        peer.line();
    });
    left.expect(0, "");
    let left = play(&file, &["--expect"], |mut peer| {
        peer.line();
    });
    left.expect(8, "");
    assert!(left.stderr.contains("message 1 of the recording did not come"), "{left}");
}

#[test]
fn a_recording_of_a_replay_is_the_same_recording() {
    let (folder, file) = recording("line", &["<a", ">1", "<b", ">2", "<", ">"]);
    let (second, third) = (folder.file("second.jsonl"), folder.file("third.jsonl"));
    let mock = mock(&file, &["--expect", "--record", &second]);
    let endpoint = format!(":{}", mock.port());
    let client = ["connect", &endpoint, "--replay", &file, "--expect", "--record", &third];
    Run::new(&client).run("").expect(0, "1\n2\n");
    mock.wait().expect(0, "a\nb\n");
    let texts = |file: &str, dir: &str| -> Vec<String> {
        let text = fs::read_to_string(file).unwrap();
        let lines = text.lines().map(|line| serde_json::from_str(line).unwrap());
        lines
            .filter(|line: &serde_json::Value| line["dir"] == dir && line["event"] == "message")
            .map(|line| line["text"].as_str().unwrap().to_string())
            .collect()
    };
    assert_eq!(
        (texts(&second, "in"), texts(&second, "out")),
        (texts(&third, "out"), texts(&third, "in"))
    );
    assert_eq!(texts(&second, "in"), ["a", "b"]);
    assert_eq!(texts(&second, "out"), ["1", "2"]);
}

#[test]
fn a_framing_that_is_named_wins_over_the_recorded_one() {
    let (_folder, file) = recording("line", &["<a", ">1", ">"]);
    let mock = mock(&file, &["-f", "len:u8", "--once"]);
    let mut peer = Peer::dial(mock.port());
    peer.send(b"\x01a");
    assert_eq!(peer.rest(), b"\x011");
    drop(peer);
    mock.wait().expect(0, "a\n");
    let explained = Run::new(&["listen", ":9000", "--replay", &file, "--explain"]).run("");
    assert!(explained.text().contains("the server's part of "), "{explained}");
    assert!(explained.text().contains("from the wire  line"), "{explained}");
}

#[test]
fn what_is_no_recording_is_a_mistake_told_before_anything_opens() {
    let folder = Folder::new();
    let file = folder.file("x.jsonl");
    let huge = folder.file("huge.jsonl");
    fs::File::create(&huge).unwrap().set_len(300 << 20).unwrap();
    let tries = |path: &str, told: &str| {
        for verb in ["listen", "connect"] {
            let refused = Run::new(&[verb, ":1", "--replay", path]).run("");
            refused.expect(2, "");
            assert!(refused.stderr.contains(told), "{refused}");
        }
    };
    for (bytes, told) in [
        (&b""[..], "it holds no message"),
        (b"\x1f\x8b\x08\x00", "it ends within line 1: it is no JSON"),
        (
            b"{\"dir\":\"in\",\"text\":\"a\"}\nGET /\n",
            "line 2: it is no JSON: expected value at column 1",
        ),
        (b"{\"dir\":\"in\",\"text\":\"a\"}\n{\"dir\":\"ou", "it ends within line 2: it is no JSON"),
        (b"{\"dir\":\"in\"}\n", "line 1: the object has neither `text` nor `base64`"),
        (b"{\"event\":\"recording\",\"client_frame\":\"\\u001b[2J\"}\n", "`client_frame`"),
    ] {
        fs::write(&file, bytes).unwrap();
        tries(&file, told);
    }
    tries(&folder.file("missing"), "no such file or directory");
    tries(folder.path().to_str().unwrap(), "is a directory");
    tries(&huge, "it is longer than 256 MiB");
    fs::write(&file, "{\"dir\":\"in\",\"text\":\"a\"}\n").unwrap();
    for args in [&["--reply", "x"][..], &["--echo"], &["--chat"]] {
        let both = [&["listen", ":0", "--replay", &file], args].concat();
        let refused = Run::new(&both).run("");
        refused.expect(2, "");
        assert!(refused.stderr.contains("--replay says what was recorded"), "{refused}");
    }
    let itself = Run::new(&["listen", ":0", "--replay", &file, "--record", &file]).run("");
    itself.expect(2, "");
    assert!(itself.stderr.contains("would overwrite the recording"), "{itself}");
    let alone = Run::new(&["connect", ":1", "--expect"]).run("");
    alone.expect(2, "");
    assert!(alone.stderr.contains("--replay"), "{alone}");
}

#[test]
fn a_hostile_client_of_a_mock_costs_nobody_else_anything() {
    let (_folder, file) = recording("line", &["<a", ">1", ">"]);
    let mock = mock(&file, &[]);
    let mut held = Vec::new();
    for _ in 0..50 {
        held.push(Peer::dial(mock.port()));
    }
    Peer::dial(mock.port()).reset();
    let mut flood = Peer::dial(mock.port());
    flood.send("x\n".repeat(100_000));
    assert_eq!(flood.rest(), b"1\n");
    let mut peer = Peer::dial(mock.port());
    peer.send("a\n");
    assert_eq!(peer.rest(), b"1\n");
    drop(held);
    let _ = ended(mock);
}
