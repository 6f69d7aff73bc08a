//! Redis: framecat asks a real server, answers a real client, and stands between the two.
//!
//! The server has a Unix socket of its own, so no port is guessed.

use crate::run::{Finished, Folder, Run, Running, Signal, have};

/// A real server, and where it listens.
struct Server {
    _running: Running,
    endpoint: String,
    folder: Folder,
}

impl Server {
    /// `None` without one on this machine, which is told.
    fn start() -> Option<Server> {
        if !have("redis-server") || !have("redis-cli") {
            return None;
        }
        let folder = Folder::new();
        let path = folder.file("redis");
        let args = ["--port", "0", "--unixsocket", &path, "--save", ""];
        let mut running = Run::program("redis-server", &args).in_folder(folder.path()).start();
        running.read_until("eady to accept connections");
        Some(Server { _running: running, endpoint: format!("unix://{path}"), folder })
    }

    fn ask(&self, args: &[&str]) -> Finished {
        Run::new(&[&["ask", &self.endpoint, "-f", "resp"], args].concat()).run("")
    }
}

/// redis-cli with the socket of `endpoint`.
fn redis_cli(endpoint: &str, args: &[&str]) -> Run {
    let path = endpoint.trim_start_matches("unix://");
    Run::program("redis-cli", &[&["-s", path], args].concat())
}

#[test]
fn a_server_is_asked_in_words_and_its_replies_are_read_on_a_line_each() {
    let Some(server) = Server::start() else { return };
    let asked = server.ask(&[
        "PING",
        "SET k \"a b\"",
        "GET k",
        "GET nothing",
        "INCR n",
        "SET n x",
        "INCR n",
    ]);
    let error = "(error) ERR value is not an integer or out of range";
    asked.expect(0, format!("PONG\nOK\n\"a b\"\n(nil)\n(integer) 1\nOK\n{error}\n"));
    // RESP2 has lists for all that holds values; RESP3 has maps, sets, doubles, null, booleans.
    let resp2 = server.ask(&[
        "HSET h f 'v 1'",
        "HGETALL h",
        "SADD s x",
        "SMEMBERS s",
        "ZADD z 1.5 m",
        "ZSCORE z m",
    ]);
    resp2.expect(0, "(integer) 1\nf \"v 1\"\n(integer) 1\nx\n(integer) 1\n1.5\n");
    let formatted = server.ask(&["--format", "<{payload}> of {1}", "ECHO 'a b c'"]);
    formatted.expect(0, "<a b c> of b\n");
    let resp3 = server.ask(&[
        "HELLO 3",
        "HGETALL h",
        "SMEMBERS s",
        "ZSCORE z m",
        "GET nothing",
        "DEBUG PROTOCOL attrib",
    ]);
    assert_eq!(resp3.code, 0, "{resp3}");
    let lines: Vec<String> = resp3.text().lines().map(str::to_string).collect();
    assert!(lines[0].starts_with("{server => redis, version => "), "{resp3}");
    assert_eq!(lines[1..5], ["{f => \"v 1\"}", "~[x]", "(double) 1.5", "(nil)"], "{resp3}");
}

#[test]
fn every_type_that_the_server_knows_is_one_message() {
    let Some(_) = Server::start().map(drop) else { return };
    let folder = Folder::new();
    let path = folder.file("redis");
    let args =
        ["--port", "0", "--unixsocket", &path, "--save", "", "--enable-debug-command", "yes"];
    let mut running = Run::program("redis-server", &args).in_folder(folder.path()).start();
    running.read_until("eady to accept connections");
    let endpoint = format!("unix://{path}");
    let types = [
        ("string", "\"Hello World\""),
        ("integer", "(integer) 12345"),
        ("double", "(double) 3.141"),
        ("null", "(nil)"),
        ("array", "(integer) 0 (integer) 1 (integer) 2"),
        ("set", "~[(integer) 0 (integer) 1 (integer) 2]"),
        ("map", "{(integer) 0 => (false), (integer) 1 => (true), (integer) 2 => (false)}"),
        ("bignum", "(big number) 1234567999999999999999999999999999999"),
        ("true", "(true)"),
        ("false", "(false)"),
        ("verbatim", "\"This is a verbatim\\nstring\""),
    ];
    let asks: Vec<String> =
        types.iter().map(|(name, _)| format!("DEBUG PROTOCOL {name}")).collect();
    let mut args = vec!["ask", &endpoint, "-f", "resp", "HELLO 3"];
    args.extend(asks.iter().map(String::as_str));
    let asked = Run::new(&args).run("");
    assert_eq!(asked.code, 0, "{asked}");
    let text = asked.text();
    let shown: Vec<&str> = text.lines().skip(1).collect();
    assert_eq!(shown, types.map(|(_, shown)| shown), "{asked}");
    // An attribute and the value that it speaks of.
    let attributed =
        Run::new(&["ask", &endpoint, "-f", "resp", "HELLO 3", "DEBUG PROTOCOL attrib"]).run("");
    let last = attributed.text().lines().last().map(str::to_string).unwrap_or_default();
    assert!(last.starts_with("(attribute) {key-popularity => "), "{attributed}");
    assert!(last.ends_with("} \"Some real reply following the attribute\""), "{attributed}");
}

#[test]
fn bytes_of_any_kind_and_inline_commands_pass() {
    let Some(server) = Server::start() else { return };
    let value: Vec<u8> = (0..=255).collect();
    let mut bytes = b"*3\r\n$3\r\nSET\r\n$1\r\nb\r\n$256\r\n".to_vec();
    bytes.extend_from_slice(&value);
    bytes.extend_from_slice(b"\r\n");
    let args = ["ask", &server.endpoint, "-f", "resp", "--in", "resp", "--out", "resp"];
    let set = Run::new(&args).run([&bytes, &b"*2\r\n$3\r\nGET\r\n$1\r\nb\r\n"[..]].concat());
    set.expect(0, [b"+OK\r\n$256\r\n", value.as_slice(), b"\r\n"].concat());
    server
        .ask(&["--in", "quoted", "--out", "quoted", r"PING\r\n", r"ECHO 'a b'\n"])
        .expect(0, "+PONG\\r\\n\n$3\\r\\na b\\r\\n\n");
}

#[test]
fn what_is_published_comes_as_it_happens() {
    let Some(server) = Server::start() else { return };
    for (hello, shown) in [("", ""), ("HELLO 3\n", "(push) ")] {
        let mut reader = Run::new(&["connect", &server.endpoint, "-f", "resp"]).start();
        reader.stdin_write(format!("{hello}SUBSCRIBE news\n"));
        if !hello.is_empty() {
            reader.read_line();
        }
        assert_eq!(reader.read_line(), format!("{shown}subscribe news (integer) 1"));
        server.ask(&["PUBLISH news 'hello there'"]).expect(0, "(integer) 1\n");
        assert_eq!(reader.read_line(), format!("{shown}message news \"hello there\""));
        reader.signal(Signal::TERM);
        reader.wait();
    }
}

#[test]
fn a_client_is_answered() {
    if !have("redis-cli") {
        return;
    }
    let folder = Folder::new();
    let endpoint = format!("unix://{}", folder.file("s"));
    for (reply, args, printed, heard) in [
        ("+OK", &["SET", "k", "a b"][..], "OK\n", "SET k \"a b\""),
        ("you asked for {1}", &["GET", "k"], "you asked for k\n", "GET k"),
        ("{payload}", &["ECHO", "it's"], "ECHO \"it's\"\n", "ECHO \"it's\""),
        (":42", &["DBSIZE"], "42\n", "DBSIZE"),
        ("-ERR not today", &["GET", "k"], "ERR not today\n\n", "GET k"),
        ("_", &["-3", "GET", "k"], "\n", "HELLO 3"),
    ] {
        let mut listener =
            Run::new(&["listen", &endpoint, "-f", "resp", "--reply", reply]).stdin_null().start();
        listener.endpoint();
        let client = redis_cli(&endpoint, args).run("");
        assert_eq!(client.text(), printed, "{reply}: {client}");
        assert_eq!(listener.read_line(), heard, "{reply}");
        listener.signal(Signal::TERM);
        assert_eq!(listener.wait().code, 0, "{reply}");
    }
    // The other way to answer: somebody types.
    let mut listener = Run::new(&["listen", &endpoint, "-f", "resp"]).start();
    listener.endpoint();
    let mut client = redis_cli(&endpoint, &["GET", "k"]).start();
    assert_eq!(listener.read_line(), "GET k");
    listener.stdin_write("+typed\n");
    assert_eq!(client.read_line(), "typed");
    assert_eq!(client.wait().code, 0);
}

#[test]
fn a_relay_shows_live_traffic_and_changes_none_of_it() {
    let Some(server) = Server::start() else { return };
    let relay = Run::new(&["relay", ":0", &server.endpoint, "-f", "resp", "--show"]).start();
    // Fewer lines than the queue for --show holds, so that none is left out however slow we read.
    let port = relay.port().to_string();
    let commands: String = (0..100).map(|i| format!("SET key{i} value{i}\nGET key{i}\n")).collect();
    let client = Run::program("redis-cli", &["-p", &port]).run(commands);
    let replies: String = (0..100).map(|i| format!("OK\nvalue{i}\n")).collect();
    client.expect(0, replies);
    // A request and a reply for each, in order, whole; before them redis-cli asks for the server's
    // commands by itself, and gets a reply of over 100 KiB.
    let shown = relay.told_when(|heard| heard.matches(" n=201 ").count() == 2);
    for (direction, nth) in [(" < ", 0), (" > ", 1)] {
        let lines: Vec<&str> =
            shown.lines().filter(|line| line.contains(" n=") && line.contains(direction)).collect();
        assert_eq!(lines.len(), 201, "{direction}");
        assert!(lines[0].contains(" n=1 "), "{}", lines[0]);
        for (at, line) in lines[1..].iter().enumerate() {
            assert!(line.contains(&format!(" n={} ", at + 2)), "{line}");
            let payload = match (nth, at % 2) {
                (0, 0) => {
                    format!("$3\\r\\nSET\\r\\n${}\\r\\nkey{}\\r\\n", 3 + digits(at / 2), at / 2)
                }
                (0, _) => {
                    format!("$3\\r\\nGET\\r\\n${}\\r\\nkey{}\\r\\n", 3 + digits(at / 2), at / 2)
                }
                (_, 0) => "+OK\\r\\n".into(),
                (_, _) => format!("${}\\r\\nvalue{}\\r\\n", 5 + digits(at / 2), at / 2),
            };
            assert!(line.contains(&payload), "{line} without {payload}");
        }
    }
    relay.signal(Signal::TERM);
    assert_eq!(relay.wait().code, 0);
}

fn digits(n: usize) -> usize {
    n.to_string().len()
}

#[test]
fn a_mass_insertion_passes_a_relay_whole_and_in_order() {
    let Some(server) = Server::start() else { return };
    let relay = Run::new(&["relay", ":0", &server.endpoint, "-f", "resp"]).start();
    let port = relay.port().to_string();
    // RPUSH keeps the order in which commands came.
    let commands: String = (0..20_000)
        .map(|i| {
            let i = i.to_string();
            format!("*3\r\n$5\r\nRPUSH\r\n$4\r\nlist\r\n${}\r\n{i}\r\n", i.len())
        })
        .collect();
    let piped = Run::program("redis-cli", &["-p", &port, "--pipe"]).run(commands);
    assert!(piped.text().contains("errors: 0, replies: 20000"), "{piped}");
    let listed = redis_cli(&server.endpoint, &["LRANGE", "list", "0", "-1"]).run("");
    let want: String = (0..20_000).map(|i| format!("{i}\n")).collect();
    listed.expect(0, want);
    relay.signal(Signal::TERM);
    assert_eq!(relay.wait().code, 0);
    assert!(server.folder.path().exists());
}

#[test]
fn a_server_that_is_none_is_told_with_what_it_said() {
    let listener =
        Run::new(&["listen", ":0", "-f", "raw", "--reply", "{{\"error\":1}}"]).stdin_null().start();
    let asked = Run::new(&["ask", &listener.endpoint(), "-f", "resp", "PING"]).run("");
    assert_eq!(asked.code, 7, "{asked}");
    assert!(asked.stderr.contains("no value begins with `{` (byte 1)"), "{asked}");
    listener.signal(Signal::TERM);
    listener.wait();
}

#[test]
fn words_are_for_resp_alone() {
    let wrong = Run::new(&["ask", ":1", "-f", "line", "--in", "words", "GET k"]).run("");
    wrong.expect(2, "");
    assert!(wrong.stderr.contains("the framing is line"), "{wrong}");
    let unclosed = Run::new(&["ask", ":1", "-f", "resp", "GET 'k"]).run("");
    unclosed.expect(2, "");
    assert!(unclosed.stderr.contains("the quote ' at byte 4 is never closed"), "{unclosed}");
}
