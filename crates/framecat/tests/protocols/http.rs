//! HTTP: real clients and servers on both sides of a relay, and framecat in the place of each.

use crate::run::{Folder, Run, Running, Signal, at_a_free_port, have, have_python};
use crate::shown::{Shown, shown};

/// A server of the Python library that echoes bodies, and tells its port. HTTP/1.1 as `http.server` has it.
const SERVER: &str = r#"
import http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def reply(self, body, status=200):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
    def do_GET(self):
        if self.path == "/chunked":
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            self.wfile.write(b"4\r\nchun\r\n3;x=y\r\nked\r\n0\r\nSum: 7\r\n\r\n")
        elif self.path == "/close":
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"until the end")
            self.close_connection = True
        elif self.path == "/upgrade":
            self.send_response(101)
            self.send_header("Connection", "Upgrade")
            self.send_header("Upgrade", "echo")
            self.end_headers()
            while line := self.rfile.readline():
                self.wfile.write(line.upper())
            self.close_connection = True
        else:
            self.reply(b"hello")
    do_HEAD = do_GET
    def do_POST(self):
        self.reply(self.rfile.read(int(self.headers["Content-Length"])))
    def do_CONNECT(self):
        self.send_response(200)
        self.end_headers()
        while line := self.rfile.readline():
            self.wfile.write(line.upper())
        self.close_connection = True
    def log_message(self, *args):
        pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()
"#;

struct Server {
    _running: Running,
    port: u16,
}

impl Server {
    fn start() -> Option<Server> {
        if !have_python(&["http.server"]) || !have("curl") {
            return None;
        }
        let mut running = Run::program("python3", &["-c", SERVER]).start();
        let port = running.read_line().trim().parse().expect("it tells its port");
        Some(Server { _running: running, port })
    }
}

fn relay(port: u16) -> Running {
    let to = format!("127.0.0.1:{port}");
    Run::new(&["relay", ":0", &to, "-f", "http", "--show=all", "-v"]).stdin_null().start()
}

fn curl(args: &[&str]) -> Run {
    // Waiting for 100 has no end, so that a relay that does not send it is found out.
    let always = ["-sS", "--max-time", "60", "--expect100-timeout", "300"];
    Run::program("curl", &[&always, args].concat())
}

fn ended(running: Running) -> (String, Vec<Shown>) {
    running.signal(Signal::TERM);
    let finished = running.wait();
    assert_eq!(finished.code, 0, "{finished}");
    let told = shown(&finished.stderr);
    (finished.stderr, told)
}

/// The first words of messages: `< GET /` and `> HTTP/1.1 200`.
fn lines(told: &[Shown]) -> Vec<String> {
    let line = |message: &Shown| {
        let words: Vec<&str> = message.text.split(' ').take(2).collect();
        format!("{} {}", message.mark, words.join(" ").split(r"\r").next().unwrap_or_default())
    };
    told.iter().map(line).collect()
}

#[test]
fn curl_and_a_server_talk_through_a_relay_message_by_message() {
    let Some(server) = Server::start() else { return };
    let tap = relay(server.port);
    let url = |path: &str| format!("http://127.0.0.1:{}{path}", tap.port());
    // One connection for all of them; a body that looks like a request is none.
    let (plain, chunked) = (url("/a%20b?c|d"), url("/chunked"));
    let body = "GET /not HTTP/1.1\r\nHost: a\r\n\r\n";
    let asked = curl(&[&plain, &chunked, "--next", "-sSI", &plain, "--next", "-sSd", body, &plain]);
    let got = asked.run("");
    assert_eq!(got.code, 0, "{got}");
    let text = got.text();
    assert!(text.starts_with("hellochunkedHTTP/1.1 200 OK\r\n"), "{text}");
    assert!(text.ends_with(&format!("\r\n\r\n{body}")), "{text}");
    curl(&[&url("/close")]).run("").expect(0, "until the end");
    curl(&["-0", &url("/close")]).run("").expect(0, "until the end");
    let (stderr, told) = ended(tap);
    let want = [
        "< GET /a%20b?c|d",
        "> HTTP/1.1 200",
        "< GET /chunked",
        "> HTTP/1.1 200",
        "< HEAD /a%20b?c|d",
        "> HTTP/1.1 200",
        "< POST /a%20b?c|d",
        "> HTTP/1.1 200",
        "< GET /close",
        "> HTTP/1.1 200",
        "< GET /close",
        "> HTTP/1.1 200",
    ];
    assert_eq!(lines(&told), want, "{stderr}");
    assert!(told[3].text.ends_with(r"ked\r\n0\r\nSum: 7\r\n\r\n"), "{}", told[3].text);
    assert!(told[5].text.contains("Content-Length: 5") && told[5].text.ends_with(r"\r\n\r\n"));
    assert!(told[9].text.ends_with("until the end"));
}

/// Nothing whole arrives before the client is told to go on, and the server is not asked before that.
#[test]
fn what_does_not_fit_into_a_message_is_told_with_what_lets_it_through() {
    let Some(server) = Server::start() else { return };
    let to = format!("127.0.0.1:{}", server.port);
    let tap = Run::new(&["relay", ":0", &to, "-f", "http", "--max-message", "1KiB"]).start();
    let url = format!("http://127.0.0.1:{}/", tap.port());
    let refused = curl(&["-d", &"x".repeat(2_000), &url]).run("");
    assert_ne!(refused.code, 0, "{refused}");
    let told = tap.told("-f raw passes bytes on");
    assert!(told.contains("holds each message whole: --max-message SIZE"), "{told}");
    tap.signal(Signal::TERM);
    tap.wait();
    // A request as it is sent, where one is expected in words.
    let request = "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    let typed = Run::new(&["connect", &to, "-f", "http"]).run(request);
    assert_eq!(typed.code, 7, "{typed}");
    assert!(typed.stderr.contains("--in http reads whole messages"), "{typed}");
    let sent = Run::new(&["connect", &to, "-f", "http", "--in", "http"]).run(request);
    assert_eq!(sent.code, 0, "{sent}");
    assert!(sent.text().ends_with("hello\n"), "{sent}");
}

#[test]
fn a_client_that_waits_for_100_is_told_to_go_on() {
    let Some(server) = Server::start() else { return };
    let tap = relay(server.port);
    let url = format!("http://127.0.0.1:{}/", tap.port());
    let expect = ["-H", "Expect: 100-continue", "-d", "with patience", url.as_str()];
    curl(
        &[&expect[..], &["--next", "-sSd", "and again", "-H", "Expect: 100-continue", &url]]
            .concat(),
    )
    .run("")
    .expect(0, "with patienceand again");
    let (stderr, told) = ended(tap);
    assert_eq!(stderr.matches("was told: 100 Continue").count(), 2, "{stderr}");
    // The server says it too, having seen the field.
    let want = ["< POST /", "> HTTP/1.1 100", "> HTTP/1.1 200"];
    assert_eq!(lines(&told), [want, want].concat(), "{stderr}");
}

#[test]
fn behind_101_and_an_accepted_connect_bytes_go_on_as_they_come() {
    let Some(server) = Server::start() else { return };
    for head in [
        "GET /upgrade HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n",
        "CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n",
    ] {
        let tap = relay(server.port);
        let mut peer = crate::run::peer::Peer::dial(tap.port());
        peer.send(head);
        while peer.line() != "\r\n" {}
        peer.send("no http\n");
        assert_eq!(peer.line(), "NO HTTP\n");
        peer.send("GET / HTTP/1.1\r\n");
        assert_eq!(peer.line(), "GET / HTTP/1.1\r\n");
        peer.end();
        assert_eq!(peer.rest(), b"");
        let (stderr, told) = ended(tap);
        let texts: Vec<&str> = told[2..].iter().map(|message| message.text.as_str()).collect();
        assert_eq!(texts[..2], [r"no http\n", r"NO HTTP\n"], "{stderr}");
    }
}

#[test]
fn nginx_and_python_talk_through_a_relay() {
    if !have("nginx") || !have_python(&["http.client"]) {
        return;
    }
    let folder = Folder::new();
    std::fs::write(folder.file("a.txt"), "hello nginx\n".repeat(100)).unwrap();
    let (nginx, port) = at_a_free_port(|port| nginx(&folder, port)).until("start worker process ");
    let tap = relay(port);
    let client = format!(
        r#"
import http.client, gzip
c = http.client.HTTPConnection("127.0.0.1", {})
def ask(*args, **more):
    c.request(*args, **more)
    reply = c.getresponse()
    return reply, reply.read()
text = b"hello nginx\n" * 100
r, body = ask("GET", "/a.txt")
assert (r.status, body) == (200, text), (r.status, body)
tag = r.getheader("ETag")
r, body = ask("HEAD", "/a.txt")
assert (r.status, body, r.getheader("Content-Length")) == (200, b"", "1200")
r, body = ask("GET", "/a.txt", headers={{"Accept-Encoding": "gzip"}})
assert r.getheader("Transfer-Encoding") == "chunked" and gzip.decompress(body) == text
r, body = ask("GET", "/a.txt", headers={{"If-None-Match": tag}})
assert (r.status, body) == (304, b"")
r, body = ask("GET", "/a.txt", headers={{"Range": "bytes=0-1,6-7"}})
assert r.status == 206 and b"\r\nhe\r\n" in body and b"\r\nng\r\n" in body
r, body = ask("POST", "/a.txt", body=iter([b"one", b"two"]), encode_chunked=True, headers={{"Transfer-Encoding": "chunked"}})
assert r.status == 405
"#,
        tap.port()
    );
    Run::program("python3", &["-c", &client]).run("").expect(0, "");
    let (stderr, told) = ended(tap);
    let statuses: Vec<String> =
        lines(&told).into_iter().filter(|line| line.starts_with('>')).collect();
    let want = ["200", "200", "200", "304", "206", "405"];
    assert_eq!(statuses, want.map(|status| format!("> HTTP/1.1 {status}")), "{stderr}");
    nginx.signal(Signal::TERM);
    nginx.wait();
}

/// Serves `folder` until it is told to end.
fn nginx(folder: &Folder, port: u16) -> Running {
    let path = folder.path().to_str().expect("it is plain text");
    let user = if rustix::process::geteuid().is_root() { "user root;" } else { "" };
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|what| format!("{what}_temp_path {path}/{what};"))
        .concat();
    let config = format!(
        "{user} daemon off; worker_processes 1; error_log stderr notice; pid {path}/pid;
         events {{}}
         http {{ access_log off; gzip on; gzip_types text/plain; gzip_min_length 1; {temporary}
                default_type text/plain;
                server {{ listen 127.0.0.1:{port}; root {path}; }} }}"
    );
    let file = folder.file("nginx.conf");
    std::fs::write(&file, config).unwrap();
    Run::program("nginx", &["-p", path, "-c", &file, "-e", "stderr"]).start()
}

#[test]
fn a_listener_answers_curl_with_text_and_prints_what_it_sent() {
    if !have("curl") {
        return;
    }
    let listener = Run::new(&["listen", ":0", "-f", "http", "--reply", "{n} {0} {1}"]).start();
    let url = |path: &str| format!("http://127.0.0.1:{}{path}", listener.port());
    let got = curl(&["-i", &url("/a"), &url("/b"), "--next", "-sSI", &url("/c")]).run("");
    assert_eq!(got.code, 0, "{got}");
    let text = got.text();
    let [first, second, third] = text.split("HTTP/1.1 200 OK\r\n").skip(1).collect::<Vec<_>>()[..]
    else {
        panic!("{text}")
    };
    assert!(first.starts_with("Date: ") && first.ends_with("Content-Length: 8\r\n\r\n1 GET /a"));
    assert!(second.ends_with("2 GET /b"), "one connection: {text}");
    assert!(third.ends_with("Content-Length: 9\r\n\r\n"), "no body to HEAD: {text}");
    // Closed behind the reply where the client wants it, and for HTTP/1.0.
    let mut old = crate::run::peer::Peer::dial(listener.port());
    old.send("GET /old HTTP/1.0\r\n\r\nGET /more HTTP/1.0\r\n\r\n");
    let all = String::from_utf8(old.rest()).unwrap();
    assert!(all.contains("Connection: close\r\n") && all.contains("1 GET /old"), "{all}");
    // Whole, in pieces, and what it is told before.
    let body = ["-H", "Expect: 100-continue", "-d", "k=v"];
    curl(&[&body[..], &[&url("/up")]].concat()).run("").expect(0, "1 POST /up");
    // A tunnel is not made by saying so.
    let mut proxied = crate::run::peer::Peer::dial(listener.port());
    proxied.send("CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\nConnection: close\r\n\r\n");
    assert!(proxied.rest().starts_with(b"HTTP/1.1 501 Not Implemented\r\n"));
    listener.signal(Signal::TERM);
    let printed = listener.wait();
    let text = printed.text();
    assert!(text.starts_with("GET /a HTTP/1.1\nHost: 127.0.0.1:"), "{text}");
    assert!(text.contains("\n\nHEAD /c HTTP/1.1\n") && text.contains("\n\nk=v\nCONNECT"), "{text}");
}

#[test]
fn a_request_is_echoed_as_it_was_sent_and_a_reply_may_be_written_out() {
    if !have("curl") {
        return;
    }
    let url = |listener: &Running| format!("http://127.0.0.1:{}/x", listener.port());
    let listener = Run::new(&["listen", ":0", "-f", "http", "--echo", "--count", "1"]).start();
    let got = curl(&["-A", "cat", "-d", "body", &url(&listener)]).run("");
    let want = format!(
        "POST /x HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nUser-Agent: cat\r\nAccept: */*\r\nContent-Length: 4\r\n\
         Content-Type: application/x-www-form-urlencoded\r\n\r\nbody",
        listener.port()
    );
    got.expect(0, want);
    listener.wait();
    let reply = "HTTP/1.1 404 Not Found\r\nContent-Length: 3\r\n\r\n{1}x";
    let listener = Run::new(&["listen", ":0", "-f", "http", "--reply", reply, "--count", "1"]);
    let listener = listener.start();
    curl(&["-w", " %{http_code}", &url(&listener)]).run("").expect(0, "/xx 404");
    listener.wait();
    let each = ["listen", ":0", "-f", "http", "--exec-each", "head -n 1", "--count", "1"];
    let listener = Run::new(&each).start();
    curl(&[&url(&listener)]).run("").expect(0, "GET /x HTTP/1.1\r\n");
    listener.wait();
    // What is typed is the text of a reply too.
    let mut listener = Run::new(&["listen", ":0", "-f", "http", "--once"]).start();
    let client = curl(&[&url(&listener)]).start();
    listener.read_until("\n\n");
    listener.stdin_write("typed\n");
    client.finish().expect(0, "typed\n");
    listener.wait();
}

#[test]
fn a_server_is_asked_in_words() {
    let Some(server) = Server::start() else { return };
    let to = format!("127.0.0.1:{}", server.port);
    let ask = |args: &[&str]| Run::new(&[&["ask", &to, "-f", "http"], args].concat()).run("");
    let asked = ask(&["/", "POST /p X-A:b 'two words'", "GET /chunked", "HEAD /"]);
    assert_eq!(asked.code, 0, "{asked}");
    let text = asked.text();
    assert_eq!(text.matches("HTTP/1.1 200 OK\n").count(), 4, "{text}");
    assert!(text.contains("\n\nhello\n") && text.contains("\n\ntwo words\n"), "{text}");
    assert!(text.contains("\n\n4\r\nchun\r\n3;x=y\r\nked\r\n0\r\nSum: 7\r\n\r\n"), "{text}");
    let exact = ask(&["--out", "http", "GET /"]);
    assert!(exact.text().starts_with("HTTP/1.1 200 OK\r\nServer: "), "{exact}");
    let waits = ask(&["--json", "POST /p Expect:100-continue body"]);
    assert_eq!(waits.code, 0, "{waits}");
    assert!(waits.text().contains("100 Continue") && waits.text().contains("body\""), "{waits}");
    for (word, why) in [
        ("GET x", "a target begins with / or http://"),
        ("GET", "a request is METHOD TARGET"),
        ("GET / a b", "`a` and `b` are two"),
        ("GET / Host:a/b", "`/` stands in a host"),
        ("GET / Content-Length:x", "Content-Length is one number"),
    ] {
        let refused = ask(&[word]);
        assert_eq!(refused.code, 2, "{refused}");
        assert!(refused.stderr.contains(why), "{refused}");
    }
}

/// What no HTTP is costs a peer its connection, and nobody else.
#[test]
fn hostile_peers_of_a_listener_are_told_and_closed() {
    let listener = Run::new(&["listen", ":0", "-f", "http", "--reply", "ok", "--json"]).start();
    for bytes in [
        &b"\x16\x03\x01\x02\0\x01"[..],
        b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"GET / HTTP/1.1\nHost: a\n\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999\r\nExpect: 100-continue\r\n\r\n",
        &[b'A'; 9_000],
    ] {
        let mut peer = crate::run::peer::Peer::dial(listener.port());
        peer.send(bytes);
        assert_eq!(peer.rest(), b"");
    }
    let mut good = crate::run::peer::Peer::dial(listener.port());
    good.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    assert!(good.rest().ends_with(b"\r\n\r\nok"));
    listener.signal(Signal::TERM);
    let finished = listener.wait();
    assert_eq!(finished.code, 9, "{finished}");
    assert_eq!(finished.text().matches("\"failed\"").count(), 5, "{finished}");
}

#[test]
fn nothing_behind_the_last_request_is_answered_or_handed_on() {
    let more = "GET /more HTTP/1.1\r\nHost: a\r\n\r\n";
    for last in ["GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "GET / HTTP/1.0\r\n\r\n"]
    {
        let listener =
            Run::new(&["listen", ":0", "-f", "http", "--reply", "{1}", "--once"]).start();
        let mut client = crate::run::peer::Peer::dial(listener.port());
        client.send(format!("{last}{more}"));
        let all = String::from_utf8(client.rest()).unwrap();
        assert!(all.matches("HTTP/1.1 200 OK").count() == 1 && all.ends_with("\r\n\r\n/"), "{all}");
        let heard = listener.wait();
        assert!(!heard.text().contains("/more"), "{heard}");
        assert!(
            heard.stderr.contains("it follows a request that said Connection: close"),
            "{heard}"
        );
        assert_eq!(heard.code, 7, "{heard}");

        let (server, port) = crate::run::peer::tcp();
        let tap = relay(port);
        let mut client = crate::run::peer::Peer::dial(tap.port());
        client.send(format!("{last}{more}"));
        let mut server = crate::run::peer::Peer::accept(&server);
        assert_eq!(server.rest(), last.as_bytes());
        client.rest();
        tap.signal(Signal::TERM);
        let told = tap.wait().stderr;
        assert!(told.contains("it follows a request that said Connection: close"), "{told}");
    }
}
