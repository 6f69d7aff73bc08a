//! Runs every row of docs/coming-from.md: what the column "here" says is given to a shell as it
//! stands, with only ports and paths replaced.

mod run;

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream, UdpSocket};
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use std::thread::{self, JoinHandle};
use std::time::{Duration, SystemTime};

use run::network::Network;
use run::{Finished, Folder, PATIENCE, Run, Running, have};

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/coming-from.md");

/// The bytes of a file to move: every byte there is, and no LF at the end.
fn file() -> Vec<u8> {
    (0..200_000u32).map(|i| (i * 7 % 251) as u8).collect()
}

/// A recording that either side may play.
const TALK: &str = "{\"event\":\"recording\",\"side\":\"listen\"}\n{\"dir\":\"in\",\"text\":\"ping\"}\n{\"dir\":\"out\",\"text\":\"pong\"}\n";

/// A row being run, in a folder of its own that holds `x.tar`.
struct Row {
    here: &'static str,
    folder: Folder,
}

impl Row {
    fn new(here: &'static str) -> Row {
        let folder = Folder::new();
        fs::write(folder.file("x.tar"), file()).expect("the folder can be written");
        Row { here, folder }
    }

    /// The row with its port replaced: 8080 is ours, 9000 that of the peer, or ours if we listen.
    fn line(&self, port: u16) -> String {
        let line = self.here.replace("8080", "0").replace("9000", &port.to_string());
        // The shell makes room for a single command, so that signals reach it.
        let exec = if line.contains(" | ") { "" } else { "exec " };
        format!("{exec}{}", line.replace("/run/x.sock", &self.sock()))
    }

    fn sock(&self) -> String {
        self.folder.file("x.sock")
    }

    fn run(&self, port: u16) -> Run {
        Run::shell(&self.line(port)).in_folder(self.folder.path())
    }

    /// Starts it on a port that the kernel chooses.
    fn listen(&self) -> Running {
        self.run(0).start()
    }

    fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.folder.file(name)).expect("the file is there")
    }
}

/// The rows and their tests: a test a row, keyed by what the row says.
macro_rules! rows {
    ($($name:ident: $here:literal => $test:expr;)*) => {
        $(#[test]
        fn $name() {
            let test: fn(Row) = $test;
            test(Row::new($here));
        })*

        const TESTED: &[&str] = &[$($here),*];
    };
}

rows! {
    a_file_goes_to_a_host: "framecat send x.tar --to localhost:9000" => |row| {
        let there = other_side(&row, &["receive", "--yes", "--listen", ":0"]).start();
        row.run(there.port()).env("FRAMECAT_CODE", CODE).run("").expect(0, "");
        there.finish().expect(0, "");
        assert_eq!(row.read("there/x.tar"), file());
    };
    a_file_comes_from_a_host: "framecat receive --yes --from localhost:9000" => |row| {
        takes_from(&row, "y.tar", &[]);
        assert_eq!(row.read("y.tar"), file());
    };
    a_folder_goes_to_a_host: "framecat send notes --to localhost:9000" => |row| {
        fs::create_dir_all(row.folder.file("notes/none")).unwrap();
        fs::write(row.folder.file("notes/a.txt"), "hello").unwrap();
        for again in [false, true] {
            let args = ["receive", "--yes", "--json", "--listen", ":0"];
            let there = other_side(&row, &args).start();
            row.run(there.port()).env("FRAMECAT_CODE", CODE).run("").expect(0, "");
            let there = there.finish();
            let moved = if again { "\"moved\":0," } else { "\"moved\":5," };
            assert!(there.text().contains(moved), "{there}");
        }
        assert_eq!(row.read("there/notes/a.txt"), b"hello");
        assert!(row.folder.path().join("there/notes/none").is_dir());
    };
    a_newer_file_is_received:
        "framecat receive --yes --on-conflict newer --from localhost:9000" => |row| {
        for (name, age) in [("new", 0), ("old", 3_600)] {
            fs::write(row.folder.file(name), "mine").unwrap();
            other_side(&row, &[]);
            let theirs = fs::File::create(row.folder.path().join("there").join(name)).unwrap();
            (&theirs).write_all(b"theirs").unwrap();
            let then = SystemTime::now() - Duration::from_secs(1_800);
            let mine = fs::File::options().append(true).open(row.folder.file(name)).unwrap();
            mine.set_modified(then).unwrap();
            theirs.set_modified(SystemTime::now() - Duration::from_secs(age)).unwrap();
        }
        takes_from(&row, "new", &["old"]);
        assert_eq!((row.read("new"), row.read("old")), (b"theirs".to_vec(), b"mine".to_vec()));
    };
    a_file_waits_to_be_fetched: "framecat send x.tar --listen :9000" => |row| {
        let here = row.listen();
        let code = here.told("the code is ");
        let code = code.split("the code is ").nth(1).unwrap().split_whitespace().next().unwrap();
        let from = format!(":{}", here.port());
        let there = other_side(&row, &["receive", "--yes", "--from", &from]);
        there.env("FRAMECAT_CODE", code).run("").expect(0, "");
        here.finish().expect(0, "");
        assert_eq!(row.read("there/x.tar"), file());
    };
    a_code_is_typed:
        "framecat receive 417-blaze-otter-quilt --yes --from localhost:9000" => |row| {
        let told = takes_from(&row, "y.tar", &[]);
        assert!(told.contains("ps"), "{told}");
        assert_eq!(row.read("y.tar"), file());
    };
    a_text_goes_to_a_host: "framecat send --text hello --to localhost:9000" => |row| {
        let there = other_side(&row, &["receive", "--yes", "--listen", ":0"]).start();
        row.run(there.port()).env("FRAMECAT_CODE", CODE).run("").expect(0, "");
        there.finish().expect(0, "hello");
    };
    a_folder_is_sent_in_the_clear: "framecat send --plain notes --to localhost:9000" => |row| {
        fs::create_dir(row.folder.file("notes")).unwrap();
        fs::write(row.folder.file("notes/a.txt"), "hello").unwrap();
        let there = other_side(&row, &["receive", "--plain", "--yes", "--listen", ":0"]).start();
        row.run(there.port()).run("").expect(0, "");
        there.finish().expect(0, "");
        assert_eq!(row.read("there/notes/a.txt"), b"hello");
    };
    a_folder_is_received_in_the_clear: "framecat receive --plain --yes --listen :9000" => |row| {
        let here = row.listen();
        let to = format!(":{}", here.port());
        let there = other_side(&row, &["send", "--plain", "y.tar", "--to", &to]);
        fs::write(row.folder.file("there/y.tar"), file()).unwrap();
        there.run("").expect(0, "");
        here.finish().expect(0, "");
        assert_eq!(row.read("y.tar"), file());
    };
    a_stream_goes_to_a_host: "printf hello | framecat send - --to localhost:9000" => |row| {
        let there = other_side(&row, &["receive", "-", "--yes", "--listen", ":0"]).start();
        row.run(there.port()).env("FRAMECAT_CODE", CODE).run("").expect(0, "");
        there.finish().expect(0, "hello");
    };
    a_file_is_received_as_a_stream:
        "framecat receive - --yes --from localhost:9000 | wc -c" => |row| {
        let there = other_side(&row, &["send", "y.tar", "--listen", ":0"]);
        fs::write(row.folder.file("there/y.tar"), file()).unwrap();
        let there = there.start();
        let here = row.run(there.port()).env("FRAMECAT_CODE", CODE).run("");
        assert_eq!((here.code, here.text().trim()), (0, "200000"), "{here}");
        there.finish().expect(0, "");
    };
    a_page_is_fetched: "framecat fetch http://localhost:9000/x" => |row| {
        let (port, peer) = http("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
        row.run(port).run("").expect(0, "hello");
        assert!(peer.join().unwrap().starts_with("GET /x HTTP/1.1\r\n"));
    };
    a_script_is_fetched: "framecat fetch :9000/x --fail | sh" => |row| {
        let (port, _) = http("HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\necho hi\n");
        row.run(port).run("").expect(0, "hi\n");
        let (port, _) = http("HTTP/1.1 404 No\r\nContent-Length: 10\r\n\r\necho oh no");
        row.run(port).run("").expect(0, "");
    };
    a_page_becomes_a_file: "framecat fetch http://localhost:9000/x -o x.iso" => |row| {
        let (port, _) = http("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
        row.run(port).run("").expect(0, "");
        assert_eq!(row.read("x.iso"), b"hello");
        let (port, _) = http("HTTP/1.1 404 No\r\nContent-Length: 2\r\n\r\nno");
        assert_eq!(row.run(port).run("").code, 1);
        assert_eq!(row.read("x.iso"), b"hello");
    };
    a_cut_file_is_fetched_on: "framecat fetch http://localhost:9000/x.iso -O" => |row| {
        // Both on one port, for a part is of one URL.
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let peer = thread::spawn(move || {
            let whole = "HTTP/1.1 200 OK\r\nETag: \"a\"\r\nContent-Length: 5\r\n\r\nhel";
            let rest = "HTTP/1.1 206 OK\r\nContent-Range: bytes 3-4/5\r\nContent-Length: 2\r\n\r\nlo";
            [whole, rest].map(|reply| http_reply(listener.accept().unwrap().0, reply))
        });
        assert_eq!(row.run(port).run("").code, 7);
        row.run(port).run("").expect(0, "");
        assert_eq!(row.read("x.iso"), b"hello");
        assert!(peer.join().unwrap()[1].contains("Range: bytes=3-\r\nIf-Range: \"a\"\r\n"));
    };
    a_page_is_fetched_as_somebody:
        "framecat fetch http://localhost:9000/x --user ada --password-file x.pw" => |row| {
        fs::write(row.folder.file("x.pw"), "secret\n").unwrap();
        let (port, peer) = http("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
        row.run(port).run("").expect(0, "hello");
        let asked = peer.join().unwrap();
        assert!(asked.contains("\r\nAuthorization: Basic YWRhOnNlY3JldA==\r\n"), "{asked}");
    };
    a_head_is_fetched: "framecat fetch http://localhost:9000/x --head" => |row| {
        let reply = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n";
        let (port, peer) = http(reply);
        row.run(port).run("").expect(0, reply);
        assert!(peer.join().unwrap().starts_with("HEAD /x HTTP/1.1\r\n"));
    };
    very_bytes_are_fetched:
        "framecat fetch http://localhost:9000/x --raw /dev/stdout -o /dev/null" => |row| {
        let reply = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n";
        let (port, _) = http(reply);
        row.run(port).run("").expect(0, reply);
    };
    a_fetch_is_shown: "framecat fetch http://localhost:9000/x --show" => |row| {
        let (port, _) = http("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
        let finished = row.run(port).run("");
        finished.expect(0, "hello");
        for part in ["request line  GET /x HTTP/1.1\\r\\n", "after 5 bytes: Content-Length", "first byte "] {
            assert!(finished.stderr.contains(part), "{part}: {finished}");
        }
    };
    a_form_is_sent: "framecat fetch http://localhost:9000/x --data a=b" => |row| {
        let (port, peer) = http("HTTP/1.1 204 OK\r\n\r\n");
        row.run(port).run("").expect(0, "");
        let heard = peer.join().unwrap();
        assert!(heard.starts_with("POST /x ") && heard.ends_with("\r\n\r\na=b"), "{heard}");
    };
    a_file_is_posted: "framecat fetch http://localhost:9000/x --data @x.tar" => |row| {
        let (port, peer) = http("HTTP/1.1 204 OK\r\n\r\n");
        row.run(port).run("").expect(0, "");
        let heard = peer.join().unwrap();
        assert!(heard.starts_with("POST /x ") && heard.contains("Content-Length: 200000\r\n"));
    };
    a_file_is_put: "framecat fetch http://localhost:9000/x --upload x.tar" => |row| {
        let (port, peer) = http("HTTP/1.1 204 OK\r\n\r\n");
        row.run(port).run("").expect(0, "");
        let heard = peer.join().unwrap();
        assert!(heard.starts_with("PUT /x ") && heard.contains("Content-Length: 200000\r\n"));
    };
    a_method_is_named:
        "framecat fetch http://localhost:9000/x --method DELETE --header 'X-A: b'" => |row| {
        let (port, peer) = http("HTTP/1.1 204 OK\r\n\r\n");
        row.run(port).run("").expect(0, "");
        let heard = peer.join().unwrap();
        assert!(heard.starts_with("DELETE /x ") && heard.contains("\r\nX-A: b\r\n"), "{heard}");
    };
    a_unix_server_is_asked: "framecat fetch unix:///run/x.sock:/v1 --host api" => |row| {
        let listener = UnixListener::bind(row.sock()).unwrap();
        let peer = thread::spawn(move || {
            let (stream, _) = listener.accept().unwrap();
            http_reply(stream, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")
        });
        row.run(0).run("").expect(0, "hi");
        assert!(peer.join().unwrap().starts_with("GET /v1 HTTP/1.1\r\nHost: api\r\n"));
    };
    a_folder_is_served: "framecat serve" => serves;
    a_folder_is_served_at_a_port: "framecat serve . --listen :9000" => serves;
    a_folder_is_served_compressed: "framecat serve . --compress --listen :9000" => serves;
    a_folder_takes_files: "framecat serve . --upload --listen 127.0.0.1:9000" => |row| {
        takes(row, &[("PUT /new", 201), ("PUT /x.tar", 409), ("DELETE /x.tar", 405)]);
    };
    a_folder_is_everybodys: "framecat serve . --full --listen :9000" => |row| {
        takes(row, &[("PUT /new", 201), ("PUT /x.tar", 204), ("DELETE /x.tar", 204)]);
    };
    a_folder_is_served_to_who_knows_the_password:
        "framecat serve . --auth ada --listen :9000" => |row| {
        let server = row.listen();
        let told = server.told("told this once");
        let (_, at) = told.split_once(" at http://").expect("it was waited for");
        let at = at.split('/').next().unwrap();
        let (_, password) = told.split_once("user ada, password ").unwrap();
        let password = password.split(':').next().unwrap();
        let url = format!("http://{at}/x.tar");
        let fetch = |password: &str| {
            let fetch = Run::new(&["fetch", &url, "--user", "ada", "--fail"]);
            fetch.env("FRAMECAT_PASSWORD", password).run("")
        };
        fetch(password).expect(0, file());
        fetch("secret").expect(1, "");
        server.signal(run::Signal::INT);
        assert_eq!(server.wait().code, 0);
    };
    a_folder_is_served_with_all_that_is_in_it:
        "framecat serve . --hidden --listen 127.0.0.1:9000" => serves;
    two_listeners_are_joined: "framecat relay localhost:8080 localhost:9000 --dial-both" => |row| {
        // Both stand for the port of one listener here: who comes first is joined with who comes next.
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let command = row.line(port).replace("localhost:0 ", &format!("localhost:{port} "));
        let relay = Run::shell(&command).start();
        let (mut one, _) = listener.accept().unwrap();
        let (mut two, _) = listener.accept().unwrap();
        one.write_all(b"hello").unwrap();
        let mut got = [0; 5];
        two.read_exact(&mut got).unwrap();
        assert_eq!(&got, b"hello");
        drop((one, two));
        assert_eq!(relay.finish().code, 0);
    };
    two_clients_are_joined: "framecat relay :8080 :9000 --listen-both" => |row| {
        let relay = row.run(0).start();
        let told = relay.told_when(|heard| heard.matches("listening on ").count() == 2);
        let ports = told.lines().filter_map(|line| line.split("127.0.0.1:").nth(1)?.parse().ok());
        let ports: Vec<u16> = ports.collect();
        let mut one = TcpStream::connect(("127.0.0.1", ports[0])).unwrap();
        one.write_all(b"hello").unwrap();
        one.shutdown(Shutdown::Write).unwrap();
        let mut two = TcpStream::connect(("127.0.0.1", ports[1])).unwrap();
        let mut got = Vec::new();
        two.read_to_end(&mut got).unwrap();
        assert_eq!(got, b"hello");
    };
    a_port_is_awaited: "framecat connect -z localhost:9000 --retry 1m" => |row| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let probe = row.run(port).start();
        probe.told("tried again");
        let _listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
        assert_eq!(probe.finish().code, 0);
    };
    a_late_listener_is_sent_to: "framecat connect localhost:9000 --retry 10s" => |row| {
        let (port, peer) = tcp_peer(take_and_echo);
        row.run(port).run("hi").expect(0, "hi");
        assert_eq!(peer.join().unwrap(), b"hi");
    };
    each_message_has_a_connection: "printf 'a\\nb\\n' | framecat connect localhost:9000 --short" => |row| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let running = row.run(listener.local_addr().unwrap().port()).start();
        for expected in [b"a\n", b"b\n"] {
            let (mut stream, _) = listener.accept().unwrap();
            let mut got = Vec::new();
            stream.read_to_end(&mut got).unwrap();
            assert_eq!(got, expected);
            stream.write_all(&got).unwrap();
        }
        running.finish().expect(0, "a\nb\n");
    };
    lines_are_sent_with_pauses: "framecat connect localhost:9000 -f line --delay 1s" => |row| {
        let (port, peer) = tcp_peer(take_and_echo);
        row.run(port).run("one\ntwo\n").expect(0, "one\ntwo\n");
        assert_eq!(peer.join().unwrap(), b"one\ntwo\n");
    };
    a_file_is_sent_slowly: "framecat connect localhost:9000 --rate 1MiB/s < x.tar" => file_to_peer;
    bytes_are_sent_one_by_one:
        "printf hey | framecat connect localhost:9000 --chop 1 --rate 10B/s" => |row| {
            let (port, peer) = tcp_peer(take_and_echo);
            row.run(port).run("").expect(0, "hey");
            assert_eq!(peer.join().unwrap(), b"hey");
        };
    a_recorded_client_is_played: "framecat connect localhost:9000 --replay x.jsonl" => |row| {
        let (port, peer) = tcp_peer(echo_lines);
        fs::write(row.folder.file("x.jsonl"), TALK).unwrap();
        row.run(port).run("").expect(0, "ping\n");
        assert_eq!(peer.join().unwrap(), b"ping\n");
    };
    a_recorded_server_is_played: "framecat listen :9000 --replay x.jsonl --expect" => |row| {
        fs::write(row.folder.file("x.jsonl"), TALK).unwrap();
        let listener = row.listen();
        assert_eq!(exchange(listener.port(), b"ping\n"), b"pong\n");
        listener.finish().expect(0, "ping\n");
    };
    a_conversation_is_recorded: "framecat connect localhost:9000 --record x.jsonl" => |row| {
        let (port, peer) = tcp_peer(take_and_echo);
        row.run(port).run("hi").expect(0, "hi");
        peer.join().unwrap();
        let recorded = String::from_utf8(row.read("x.jsonl")).unwrap();
        assert!(recorded.contains("\"dir\":\"out\",\"n\":1,\"length\":2,\"text\":\"hi\""), "{recorded}");
        assert!(recorded.contains("\"dir\":\"in\",\"n\":1,\"length\":2,\"text\":\"hi\""), "{recorded}");
    };
    a_relay_is_recorded: "framecat relay :8080 localhost:9000 -f line --record x.jsonl" => |row| {
        let (port, peer) = tcp_peer(echo_lines);
        let relay = row.run(port).start();
        assert_eq!(exchange(relay.port(), b"one\ntwo\n"), b"one\ntwo\n");
        peer.join().unwrap();
        relay.signal(run::Signal::TERM);
        assert_eq!(relay.finish().code, 0);
        let recorded = String::from_utf8(row.read("x.jsonl")).unwrap();
        assert_eq!(recorded.matches("\"event\":\"message\"").count(), 4, "{recorded}");
    };
    words_are_put_in_order: "framecat listen :9000 --format '{1} {0}' --once" => |row| {
        let listener = row.listen();
        exchange(listener.port(), b"boy TOm\n'a b' c\n");
        listener.finish().expect(0, "TOm boy\nc a b\n");
    };
    a_tls_server_is_dialled: "framecat connect tls://localhost:9000" => |row| {
        let Some((_server, port)) = tls_server(&row, &[]) else { return };
        let ca = row.folder.file("ca.pem");
        row.run(port).env("SSL_CERT_FILE", &ca).run("abc\n").expect(0, "cba\n");
    };
    a_tls_server_of_a_protocol_is_dialled:
        "framecat connect tls://localhost:9000,ca=ca.pem,alpn=mqtt" => |row| {
            let Some((_server, port)) = tls_server(&row, &["-alpn", "mqtt"]) else { return };
            row.run(port).run("abc\n").expect(0, "cba\n");
        };
    a_tls_server_is_sent_a_file: "framecat connect tls://localhost:9000,ca=ca.pem < x.tar" => |row| {
        let Some((_server, port)) = tls_server(&row, &[]) else { return };
        fs::write(row.folder.file("x.tar"), "one\n").unwrap();
        row.run(port).run("").expect(0, "eno\n");
    };
    openssl_is_served: "framecat listen tls://:9000,cert=cert.pem,key=key.pem -f line" => |row| {
        if !certificates(&row) {
            return;
        }
        let mut listener = row.listen();
        let address = format!("localhost:{}", listener.port());
        let (ca, verify) = (row.folder.file("ca.pem"), "-verify_return_error");
        let args = ["s_client", "-quiet", "-CAfile", &ca, verify, "-connect", &address];
        let mut client = Run::program("openssl", &args).start();
        client.stdin_write("hello\n");
        assert_eq!(listener.read_line(), "hello");
        listener.stdin_write("answer\n");
        assert_eq!(client.read_line(), "answer");
    };
    a_tls_listener_makes_its_own_certificate: "framecat listen tls://:9000,self-signed" => |row| {
        if !have("ncat") {
            return;
        }
        let mut listener = row.listen();
        listener.told(",pin=sha256:");
        let port = listener.port().to_string();
        let mut ncat = Run::program("ncat", &["--ssl", "localhost", &port]).start();
        ncat.stdin_write("hello\n");
        assert_eq!(listener.read_line(), "hello");
    };
    a_relay_puts_tls_on: "framecat relay :8080 tls://localhost:9000,ca=ca.pem" => |row| {
        let Some((_server, port)) = tls_server(&row, &[]) else { return };
        let relay = row.run(port).start();
        assert_eq!(exchange(relay.port(), b"abc\n"), b"cba\n");
    };
    a_relay_takes_tls_off:
        "framecat relay tls://:8080,cert=cert.pem,key=key.pem localhost:9000" => |row| {
            if !certificates(&row) || !have("socat") {
                return;
            }
            let (port, peer) = tcp_peer(take_and_echo);
            let relay = row.run(port).start();
            let ca = row.folder.file("ca.pem");
            let client = format!("OPENSSL:localhost:{},cafile={ca}", relay.port());
            let mut socat = Run::program("socat", &["-t5", "-", &client]).start();
            socat.stdin_write("hello\n");
            socat.finish().expect(0, "hello\n");
            peer.join().unwrap();
        };
    a_file_is_received: "framecat listen :9000 > x.tar" => file_from_nc;
    a_file_is_received_in_the_nc_form: "framecat -lp 9000 > x.tar" => file_from_nc;
    a_file_is_received_without_stdin: "framecat listen :9000 < /dev/null > x.tar" => file_from_nc;
    a_file_is_sent: "framecat connect localhost:9000 < x.tar" => file_to_peer;
    a_file_is_sent_in_the_nc_form: "framecat localhost 9000 < x.tar" => file_to_peer;
    a_file_is_sent_and_answers_are_thrown_away:
        "framecat connect localhost:9000 < x.tar > /dev/null" => |row| {
            let (port, peer) = tcp_peer(|mut stream| {
                let mut got = Vec::new();
                stream.read_to_end(&mut got)?;
                stream.write_all(b"an answer")?;
                Ok(got)
            });
            row.run(port).run("").expect(0, "");
            assert!(peer.join().unwrap() == file());
        };
    a_file_is_given_to_who_connects: "framecat -l 9000 < x.tar" => |row| {
        let listener = row.listen();
        let mut stream = dial(listener.port());
        stream.shutdown(Shutdown::Write).unwrap();
        assert!(read_all(&mut stream) == file());
        listener.finish().expect(0, "");
    };
    a_file_is_fetched: "framecat connect localhost:9000 < /dev/null > x.tar" => |row| {
        let (port, peer) = tcp_peer(|mut stream| {
            stream.write_all(b"fetched")?;
            Ok(Vec::new())
        });
        row.run(port).run("").expect(0, "");
        peer.join().unwrap();
        assert_eq!(row.read("x.tar"), b"fetched");
    };
    several_peers_are_served_side_by_side: "framecat -lk 9000" => |row| {
        let mut listener = row.listen();
        let mut first = dial(listener.port());
        let mut second = dial(listener.port());
        second.write_all(b"second\n").unwrap();
        assert_eq!(listener.read_line(), "second");
        first.write_all(b"first\n").unwrap();
        assert_eq!(listener.read_line(), "first");
        listener.signal(run::Signal::TERM);
        let Finished { code, .. } = listener.finish();
        assert_eq!(code, 0);
    };
    lines_of_several_peers_do_not_mix: "framecat listen :9000 -f line" => |row| {
        let mut listener = row.listen();
        let mut first = dial(listener.port());
        first.write_all(b"the first half").unwrap();
        let port = listener.port().to_string();
        if have("ncat") {
            Run::program("ncat", &["--send-only", "127.0.0.1", &port]).run("whole\n").expect(0, "");
        } else {
            dial(listener.port()).write_all(b"whole\n").unwrap();
        }
        assert_eq!(listener.read_line(), "whole");
        first.write_all(b" and the rest\n").unwrap();
        assert_eq!(listener.read_line(), "the first half and the rest");
    };
    a_broker: "framecat listen :9000 --chat" => |row| {
        let mut listener = row.listen();
        let port = listener.port().to_string();
        let mut first = dial(listener.port());
        first.write_all(b"first\n").unwrap();
        assert_eq!(listener.read_line(), "first");
        if have("ncat") {
            Run::program("ncat", &["--send-only", "127.0.0.1", &port]).run("whole\n").expect(0, "");
        } else {
            dial(listener.port()).write_all(b"whole\n").unwrap();
        }
        let mut heard = [0; 6];
        first.read_exact(&mut heard).unwrap();
        assert_eq!(&heard, b"whole\n");
    };
    one_connection_for_all: "framecat relay --shared :8080 localhost:9000" => |row| {
        let (port, peer) = tcp_peer(echo_lines);
        let relay = row.run(port).start();
        let mut clients = [dial(relay.port()), dial(relay.port())];
        clients[0].write_all(b"one\n").unwrap();
        let mut heard = [0; 4];
        clients[0].read_exact(&mut heard).unwrap();
        assert_eq!(&heard, b"one\n");
        clients[1].write_all(b"two\n").unwrap();
        for client in &mut clients {
            while &heard != b"two\n" {
                client.read_exact(&mut heard).unwrap();
            }
            heard = [0; 4];
        }
        relay.signal(run::Signal::TERM);
        assert_eq!(relay.wait().code, 0);
        peer.join().unwrap();
    };
    a_chat_tells_who_comes_and_goes: "framecat listen :9000 --chat -v" => |row| {
        let listener = row.listen();
        let peer = dial(listener.port());
        listener.told("connection 1 with 127.0.0.1:");
        drop(peer);
        listener.told("is closed");
    };
    datagrams_are_sent: "framecat connect udp://localhost:9000" => |row| {
        let (port, peer) = udp_peer(1);
        row.run(port).run("ping\n").expect(0, "ping\n");
        assert_eq!(peer.join().unwrap(), b"ping");
    };
    datagrams_are_counted: "framecat connect udp://localhost:9000 --count 1" => |row| {
        let (port, peer) = udp_peer(1);
        row.run(port).run("ping\n").expect(0, "ping\n");
        peer.join().unwrap();
    };
    datagrams_are_awaited: "framecat connect udp://localhost:9000 --wait 5s --count 1" => |row| {
        let (port, peer) = udp_peer(1);
        row.run(port).run("ping\n").expect(0, "ping\n");
        peer.join().unwrap();
    };
    all_of_a_network_are_sent_to: "framecat connect broadcast://:9000" => |row| {
        to_many(&row, "UDP4-RECV:9000,reuseaddr");
    };
    a_group_is_sent_to: "framecat connect multicast://239.1.2.3:9000,dev=eth0" => |row| {
        to_many(&row, "UDP4-RECV:9000,reuseaddr,ip-add-membership=239.1.2.3:eth0");
    };
    broadcasts_are_received: "framecat listen broadcast://:9000" => |row| {
        from_many(&row, "UDP4-DATAGRAM:10.77.0.255:9000,broadcast");
    };
    a_group_is_heard: "framecat listen multicast://239.1.2.3:9000,dev=eth0" => |row| {
        from_many(&row, "UDP4-DATAGRAM:239.1.2.3:9000,ip-multicast-if=10.77.0.2");
    };
    all_of_a_network_are_asked: "framecat ask broadcast://:9000 ping --wait 3s" => |row| {
        let Some(network) = Network::new(2) else { return };
        let listener = network.run(2, &["listen", "broadcast://:9000", "--reply", "pong"]).start();
        listener.endpoint();
        network.shell(1, row.here).run("").expect(0, "pong\n");
    };
    datagrams_are_received: "framecat listen udp://:9000" => |row| {
        let mut listener = row.listen();
        let port = listener.port().to_string();
        if have("nc") {
            // The traditional one has no -W, so we end it as soon as its line is here.
            let mut nc = Run::program("nc", &["-u", "127.0.0.1", &port]).start();
            nc.stdin_write("from nc\n");
            assert_eq!(listener.read_line(), "from nc");
        }
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.send_to(b"from us", ("127.0.0.1", listener.port())).unwrap();
        assert_eq!(listener.read_line(), "from us");
    };
    a_unix_socket_is_dialled: "framecat -U /run/x.sock" => |row| {
        let listener = UnixListener::bind(row.sock()).unwrap();
        let peer = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut got = Vec::new();
            stream.read_to_end(&mut got).unwrap();
            stream.write_all(&got).unwrap();
        });
        row.run(0).run("hello").expect(0, "hello");
        peer.join().unwrap();
    };
    a_unix_socket_is_listened_on: "framecat listen unix:///run/x.sock" => |row| {
        let listener = row.listen();
        assert_eq!(listener.endpoint(), format!("unix://{}", row.sock()));
        if have("nc") {
            Run::program("nc", &["-N", "-U", &row.sock()]).start().feed_and_leave("hello");
        } else {
            UnixStream::connect(row.sock()).unwrap().write_all(b"hello").unwrap();
        }
        listener.finish().expect(0, "hello");
    };
    a_port_is_found_open_or_closed: "framecat connect -z localhost:9000" => open_or_closed;
    a_port_is_found_open_or_closed_in_the_nc_form: "framecat -zw3 localhost 9000" => open_or_closed;
    a_wait_bounds_connecting_and_silence:
        "framecat connect localhost:9000 --wait 3s --idle 3s" => byte_exact;
    a_deadline_ends_a_silent_conversation: "framecat connect localhost:9000 --deadline 1s" => |row| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let connect = row.run(port).start();
        let held = listener.accept().unwrap();
        assert_eq!(connect.wait().code, 5);
        drop(held);
    };
    the_address_we_dial_from_is_chosen:
        "framecat connect localhost:9000,bind=127.0.0.1:0" => byte_exact;
    a_question_gets_its_reply: "framecat ask localhost:9000 ping" => |row| {
        let (port, peer) = tcp_peer(echo_lines);
        row.run(port).run("").expect(0, "ping\n");
        assert_eq!(peer.join().unwrap(), b"ping\n");
    };
    a_question_by_datagram_gets_its_reply: "framecat ask udp://localhost:9000 ping" => |row| {
        let (port, peer) = udp_peer(1);
        row.run(port).run("").expect(0, "ping\n");
        assert_eq!(peer.join().unwrap(), b"ping");
    };
    what_is_received_goes_down_a_pipe: "framecat listen :9000 | tee x.log" => |row| {
        let listener = row.listen();
        dial(listener.port()).write_all(b"to the log").unwrap();
        listener.finish().expect(0, "to the log");
        assert_eq!(row.read("x.log"), b"to the log");
    };
    one_message_is_enough: "framecat listen :9000 --count 1" => |row| {
        let listener = row.listen();
        let mut stream = dial(listener.port());
        stream.write_all(b"one\ntwo\n").unwrap();
        listener.wait().expect(0, "one\n");
    };
    messages_are_seen_in_hex: "framecat listen :9000 -f fixed:4 --out hex --once" => |row| {
        let listener = row.listen();
        dial(listener.port()).write_all(b"\x00\x01\x02\x03abcd").unwrap();
        listener.finish().expect(0, "00010203\n61626364\n");
    };
    a_pipe_is_byte_exact:
        r"printf 'GET / HTTP/1.0\r\n\r\n' | framecat connect localhost:9000" => |row| {
            let (port, peer) = tcp_peer(|mut stream| {
                let mut got = Vec::new();
                stream.read_to_end(&mut got)?;
                stream.write_all(b"HTTP/1.0 200 OK\r\n\r\nhello")?;
                Ok(got)
            });
            row.run(port).run("").expect(0, "HTTP/1.0 200 OK\r\n\r\nhello");
            assert_eq!(peer.join().unwrap(), b"GET / HTTP/1.0\r\n\r\n");
        };
    words_ended_by_nul_leave_with_their_length:
        r"printf 'a\0b\0' | framecat connect localhost:9000 --in nul -f len:u32be" => |row| {
            let (port, peer) = tcp_peer(take_all);
            row.run(port).run("").expect(0, "");
            assert_eq!(peer.join().unwrap(), b"\0\0\0\x01a\0\0\0\x01b");
        };
    a_line_leaves_with_cr_lf: "framecat connect localhost:9000 --in line -f crlf" => crlf;
    a_person_talks_to_a_line_protocol: "framecat connect localhost:9000 -f crlf" => crlf;
    messages_are_echoed: "framecat listen :9000 --echo" => |row| {
        let listener = row.listen();
        assert_eq!(exchange(listener.port(), b"one\ntwo\n"), b"one\ntwo\n");
    };
    messages_are_answered: "framecat listen :9000 --reply 'got {payload}'" => |row| {
        let listener = row.listen();
        assert_eq!(exchange(listener.port(), b"one\ntwo\n"), b"got one\ngot two\n");
    };
    tcp_is_relayed: "framecat relay :8080 localhost:9000" => |row| {
        let (port, peer) = tcp_peer(take_and_echo);
        let relay = row.run(port).start();
        let ours = relay.port();
        if have("socat") {
            let to = format!("TCP:127.0.0.1:{ours}");
            Run::program("socat", &["-t", "20", "-", &to]).run("through").expect(0, "through");
        } else {
            assert_eq!(exchange(ours, b"through"), b"through");
        }
        assert_eq!(peer.join().unwrap(), b"through");
    };
    a_program_serves_each_connection: "framecat relay :8080 'exec:wc -c'" => |row| {
        let relay = row.listen();
        for bytes in [&b""[..], b"hello", b"one\ntwo\n"] {
            let counted = exchange(relay.port(), bytes);
            assert_eq!(counted, format!("{}\n", bytes.len()).into_bytes());
        }
        if have("socat") {
            let to = format!("TCP:127.0.0.1:{}", relay.port());
            Run::program("socat", &["-t", "20", "-", &to]).run("through").expect(0, "7\n");
        }
    };
    a_program_answers_each_connection: "framecat listen :9000 --exec 'wc -c'" => |row| {
        let listener = row.listen();
        for bytes in [&b""[..], b"hello"] {
            let counted = exchange(listener.port(), bytes);
            assert_eq!(counted, format!("{}\n", bytes.len()).into_bytes());
        }
        if have("ncat") {
            let port = listener.port().to_string();
            Run::program("ncat", &["127.0.0.1", &port]).run("by ncat").expect(0, "7\n");
        }
    };
    a_shell_answers_each_connection:
        r#"framecat listen :9000 --exec "sh -c 'read x; echo hi \$x'""# => |row| {
            let listener = row.listen();
            assert_eq!(exchange(listener.port(), b"you\n"), b"hi you\n");
        };
    only_a_network_is_let_in: "framecat listen :9000 -f line --lan --allow 10.0.0.0/8" => |row| {
        let (true, Some(network)) = (have("ncat"), Network::new(2)) else { return };
        let mut listener = network.shell(1, row.here).start();
        listener.endpoint();
        let ncat = |host, to| network.program(host, "ncat", &["--send-only", to, "9000"]);
        ncat(1, "127.0.0.1").run("no\n");
        listener.told("127.0.0.1:");
        ncat(2, "10.77.0.1").run("let in\n").expect(0, "");
        assert_eq!(listener.read_line(), "let in");
    };
    addresses_of_a_file_are_turned_away:
        "framecat listen :9000 -f line --deny $(paste -sd, bad.txt)" => |row| {
            fs::write(row.folder.file("bad.txt"), "10.0.0.0/8\n127.0.0.2\n::/0\n").unwrap();
            let mut listener = row.listen();
            let from = |ip: &str, text: &str| {
                let to = format!("127.0.0.1:{},bind={ip}:0", listener.port());
                Run::new(&["connect", &to]).run(text)
            };
            from("127.0.0.2", "no\n");
            from("127.0.0.3", "let in\n").expect(0, "");
            assert_eq!(listener.read_line(), "let in");
        };
    a_relay_for_one_network:
        "framecat relay :8080 localhost:9000 --lan --allow 10.0.0.0/8" => |row| {
            let (true, Some(network)) = (have("socat"), Network::new(2)) else { return };
            let server = network.run(1, &["listen", ":9000", "--echo"]).start();
            server.endpoint();
            let relay = network.shell(1, row.here).start();
            relay.endpoint();
            let socat = |host, to| network.program(host, "socat", &["-t", "20", "-", to]);
            assert_eq!(socat(1, "TCP:127.0.0.1:8080").run("no\n").text(), "");
            socat(2, "TCP:10.77.0.1:8080").run("let in\n").expect(0, "let in\n");
        };
    a_program_answers_each_line: "framecat listen :9000 --exec-each rev" => |row| {
        let listener = row.listen();
        let port = listener.port().to_string();
        assert_eq!(exchange(listener.port(), b"abc\ndef\n"), b"cba\nfed\n");
        if have("ncat") {
            Run::program("ncat", &["127.0.0.1", &port]).run("by\nncat\n").expect(0, "yb\ntacn\n");
        }
    };
    a_program_answers_each_datagram: "framecat listen udp://:9000 --exec-each 'tr a-z A-Z'" => |row| {
        let listener = row.listen();
        if have("socat") {
            let to = format!("UDP:127.0.0.1:{},shut-null", listener.port());
            let mut socat = Run::program("socat", &["-", &to]).start();
            socat.stdin_write("hello\n");
            assert_eq!(socat.read_line(), "HELLO");
        }
        let to = format!("udp://127.0.0.1:{}", listener.port());
        Run::new(&["ask", &to, "abc", "--wait", "20s"]).run("").expect(0, "ABC\n");
    };
    a_program_is_talked_to: "framecat connect 'exec:wc -c'" => |row| {
        row.run(0).run("hello").expect(0, "5\n");
    };
    a_file_is_a_peer: "framecat relay file:x.tar localhost:9000" => |row| {
        let (port, peer) = tcp_peer(take_all);
        row.run(port).run("").expect(0, "");
        assert!(peer.join().unwrap() == file());
    };
    lines_are_appended_to_a_file: "framecat relay :9000 file:x.log,append -f line" => |row| {
        let relay = row.listen();
        for line in ["one\n", "two\n"] {
            assert_eq!(exchange(relay.port(), line.as_bytes()), b"");
        }
        assert_eq!(row.read("x.log"), b"one\ntwo\n");
    };
    stdin_and_stdout_are_an_end: "framecat relay - localhost:9000" => |row| {
        let (port, peer) = tcp_peer(take_and_echo);
        row.run(port).run("through").expect(0, "through");
        assert_eq!(peer.join().unwrap(), b"through");
    };
    a_unix_socket_is_relayed_to_tcp:
        "framecat relay unix:///run/x.sock localhost:9000" => |row| {
            let (port, peer) = tcp_peer(take_and_echo);
            let relay = row.run(port).start();
            assert!(relay.endpoint().starts_with("unix://"));
            let mut stream = UnixStream::connect(row.sock()).unwrap();
            stream.write_all(b"through").unwrap();
            stream.shutdown(Shutdown::Write).unwrap();
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            let mut got = Vec::new();
            stream.read_to_end(&mut got).unwrap();
            assert_eq!(got, b"through");
            peer.join().unwrap();
        };
    tcp_is_relayed_to_a_unix_socket: "framecat relay :8080 unix:///run/x.sock" => |row| {
        let listener = UnixListener::bind(row.sock()).unwrap();
        let peer = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut got = Vec::new();
            stream.read_to_end(&mut got).unwrap();
            stream.write_all(&got).unwrap();
        });
        let relay = row.listen();
        assert_eq!(exchange(relay.port(), b"through"), b"through");
        peer.join().unwrap();
    };
    datagrams_are_relayed: "framecat relay udp://:8080 udp://localhost:9000" => |row| {
        let (port, peer) = udp_peer(1);
        let relay = row.run(port).start();
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        socket.send_to(b"through", ("127.0.0.1", relay.port())).unwrap();
        let mut got = [0; 64];
        let (taken, _) = socket.recv_from(&mut got).unwrap();
        assert_eq!(&got[..taken], b"through");
        peer.join().unwrap();
    };
    lines_become_datagrams: "framecat relay :8080 udp://localhost:9000 -f line" => |row| {
        let (port, peer) = udp_peer(2);
        let relay = row.run(port).start();
        let mut stream = dial(relay.port());
        stream.write_all(b"one\ntwo\n").unwrap();
        let mut lines = BufReader::new(stream).lines().map(Result::unwrap);
        assert_eq!(lines.next().unwrap(), "one");
        assert_eq!(lines.next().unwrap(), "two");
        assert_eq!(peer.join().unwrap(), b"onetwo");
    };
    what_is_relayed_is_shown_in_hex:
        "framecat relay :8080 localhost:9000 -f line --show=hex" => |row| {
            let (port, peer) = tcp_peer(take_and_echo);
            let relay = row.run(port).start();
            assert_eq!(exchange(relay.port(), b"hello\n"), b"hello\n");
            relay.told("68656c6c6f");
            peer.join().unwrap();
        };
    one_datagram_of_a_unix_socket_is_received:
        "framecat listen unixgram:///run/x.sock --once" => |row| {
            let listener = row.listen();
            assert!(listener.endpoint().starts_with("unixgram://"));
            UnixDatagram::unbound().unwrap().send_to(b"hello", row.sock()).unwrap();
            listener.finish().expect(0, "hello\n");
        };
    a_python_program_understands_struct: "framecat ask localhost:9000 -f struct hello" => |row| {
        if !have("python3") {
            return;
        }
        let mut peer = Run::program("python3", &["-c", STRUCT_PEER]).start();
        let port = peer.read_line().parse().unwrap();
        row.run(port).run("").expect(0, "HELLO\n");
        assert_eq!(peer.read_line(), "5 hello");
    };
}

/// Reads a message of time, length and content, and answers it in capitals.
const STRUCT_PEER: &str = r"
import socket, struct, time
listener = socket.create_server(('127.0.0.1', 0))
print(listener.getsockname()[1], flush=True)
stream = listener.accept()[0].makefile('rwb')
sent, length = struct.unpack('!QI', stream.read(12))
content = stream.read(length)
assert abs(time.time_ns() - sent) < 3600e9, sent
print(length, content.decode(), flush=True)
stream.write(struct.pack('!QI', time.time_ns(), length) + content.upper())
stream.flush()
stream.read()
";

#[test]
fn every_row_has_a_test_and_every_test_a_row() {
    let page = fs::read_to_string(PAGE).expect("the page is there");
    let rows: Vec<String> = page.lines().filter_map(here).collect();
    assert!(rows.len() >= 25, "{} rows", rows.len());
    let named: BTreeSet<&str> = rows.iter().map(String::as_str).collect();
    assert_eq!(named.len(), rows.len(), "a row stands there twice");
    let tested: BTreeSet<&str> = TESTED.iter().copied().collect();
    assert_eq!(named, tested);
}

/// The second column of `| they type | here | what differs |`, without its backticks.
fn here(line: &str) -> Option<String> {
    let row = line.strip_prefix("| ")?.replace("\\|", "\u{1}");
    let here = row.split(" | ").nth(1)?;
    let code = here.trim().strip_prefix('`')?.strip_suffix('`')?;
    Some(code.replace('\u{1}', "|"))
}

/// The row serves the folder it is in, for this machine.
/// Does these to a folder that is served.
fn takes(row: Row, requests: &[(&str, u16)]) {
    let server = row.listen();
    let told = server.told("--lan for the network");
    let (_, at) = told.split_once(" at http://").expect("it was waited for");
    for (request, want) in requests {
        let mut client = TcpStream::connect(at.split('/').next().unwrap()).unwrap();
        write!(client, "{request} HTTP/1.0\r\nContent-Length: 5\r\n\r\nhello").unwrap();
        let mut got = String::new();
        client.read_to_string(&mut got).unwrap();
        assert!(got.starts_with(&format!("HTTP/1.1 {want} ")), "{request}: {got}");
    }
    assert_eq!(fs::read(row.folder.file("new")).unwrap(), b"hello");
    server.signal(run::Signal::INT);
    assert_eq!(server.wait().code, 0);
}

fn serves(row: Row) {
    let server = row.listen();
    let told = server.told("--lan for the network");
    let (_, at) = told.split_once(" at http://").expect("it was waited for");
    let mut client = TcpStream::connect(at.split('/').next().unwrap()).unwrap();
    client.write_all(b"GET /x.tar HTTP/1.0\r\n\r\n").unwrap();
    let mut got = Vec::new();
    client.read_to_end(&mut got).unwrap();
    assert!(got.starts_with(b"HTTP/1.1 200 OK\r\n") && got.ends_with(&file()));
    server.signal(run::Signal::INT);
    assert_eq!(server.wait().code, 0);
}

fn file_from_nc(row: Row) {
    let listener = row.listen();
    let port = listener.port();
    if have("nc") {
        let nc = Run::program("nc", &["-N", "127.0.0.1", &port.to_string()]).start();
        nc.feed_and_leave(file());
    } else {
        dial(port).write_all(&file()).unwrap();
    }
    listener.finish().expect(0, "");
    assert!(row.read("x.tar") == file());
}

fn file_to_peer(row: Row) {
    let (port, peer) = tcp_peer(|mut stream| {
        let mut got = Vec::new();
        stream.read_to_end(&mut got)?;
        stream.write_all(b"thanks")?;
        Ok(got)
    });
    row.run(port).run("").expect(0, "thanks");
    assert!(peer.join().unwrap() == file());
}

fn open_or_closed(row: Row) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    row.run(port).run("").expect(0, "");
    drop(listener);
    let closed = row.run(port).run("");
    assert_eq!(closed.code, 4, "{closed}");
    assert!(closed.stderr.contains("refused"), "{closed}");
}

fn byte_exact(row: Row) {
    let (port, peer) = tcp_peer(take_and_echo);
    row.run(port).run("no end of line").expect(0, "no end of line");
    assert_eq!(peer.join().unwrap(), b"no end of line");
}

fn crlf(row: Row) {
    let (port, peer) = tcp_peer(take_and_echo);
    row.run(port).run("HELO me\nQUIT\n").expect(0, "HELO me\nQUIT\n");
    assert_eq!(peer.join().unwrap(), b"HELO me\r\nQUIT\r\n");
}

/// Puts `cert.pem` for localhost, `key.pem`, and `ca.pem` that vouches for it into the folder of a row.
fn certificates(row: &Row) -> bool {
    if !have("openssl") {
        return false;
    }
    let line = "openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem \
                -subj /CN=localhost -addext subjectAltName=DNS:localhost && cp cert.pem ca.pem";
    let made = Run::shell(line).in_folder(row.folder.path()).run("");
    assert_eq!(made.code, 0, "{made}");
    true
}

/// A server of openssl's that answers each line with itself backwards, and its port.
fn tls_server(row: &Row, args: &[&str]) -> Option<(Running, u16)> {
    if !certificates(row) {
        return None;
    }
    let (cert, key) = (row.folder.file("cert.pem"), row.folder.file("key.pem"));
    let mut all = vec!["s_server", "-accept", "127.0.0.1:0", "-rev", "-cert", &cert, "-key", &key];
    all.extend(args);
    let mut server = Run::program("openssl", &all).start();
    server.read_until("ACCEPT ");
    let port = server.read_line().trim().rsplit(':').next().and_then(|port| port.parse().ok());
    Some((server, port.expect("it tells its port")))
}

/// A TCP peer for one connection, and its port. Its thread gives what `talk` gives.
const CODE: &str = "417-blaze-otter-quilt";

/// The other side of a transfer, in the folder `there` of the row's.
fn other_side(row: &Row, args: &[&str]) -> Run {
    let there = row.folder.path().join("there");
    fs::create_dir_all(&there).unwrap();
    let run = Run::new(args).in_folder(&there);
    if args.contains(&"--plain") { run } else { run.env("FRAMECAT_CODE", CODE) }
}

/// The row receives this file, and others that are there. What it said.
fn takes_from(row: &Row, name: &str, others: &[&str]) -> String {
    let there = other_side(row, &[&["send", name, "--listen", ":0"], others].concat());
    let path = row.folder.path().join("there").join(name);
    if !path.exists() {
        fs::write(path, file()).unwrap();
    }
    let there = there.start();
    let here = row.run(there.port()).env("FRAMECAT_CODE", CODE).run("");
    here.expect(0, "");
    there.finish();
    here.stderr
}

fn tcp_peer(
    talk: impl FnOnce(TcpStream) -> std::io::Result<Vec<u8>> + Send + 'static,
) -> (u16, JoinHandle<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let peer = thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        talk(stream).unwrap()
    });
    (port, peer)
}

/// A server that answers one request. What it heard.
fn http(reply: &'static str) -> (u16, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    (port, thread::spawn(move || http_reply(listener.accept().unwrap().0, reply)))
}

/// Hears a request with its content, answers it and closes.
fn http_reply(mut stream: impl Read + Write, reply: &str) -> String {
    let mut heard = Vec::new();
    let mut due = None;
    while due.is_none_or(|due| heard.len() < due) {
        let mut some = [0; 4096];
        let read = stream.read(&mut some).unwrap();
        assert!(read > 0, "it ended after {:?}", String::from_utf8_lossy(&heard));
        heard.extend_from_slice(&some[..read]);
        if let (None, Some(end)) = (due, heard.windows(4).position(|four| four == b"\r\n\r\n")) {
            let head = String::from_utf8_lossy(&heard[..end]);
            let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: "));
            due = Some(end + 4 + length.map_or(0, |length| length.parse().unwrap()));
        }
    }
    stream.write_all(reply.as_bytes()).unwrap();
    String::from_utf8_lossy(&heard).into_owned()
}

fn take_all(mut stream: TcpStream) -> std::io::Result<Vec<u8>> {
    let mut got = Vec::new();
    stream.read_to_end(&mut got)?;
    Ok(got)
}

fn take_and_echo(mut stream: TcpStream) -> std::io::Result<Vec<u8>> {
    let mut got = Vec::new();
    stream.read_to_end(&mut got)?;
    stream.write_all(&got)?;
    Ok(got)
}

/// Answers each line with itself as soon as it is there.
fn echo_lines(stream: TcpStream) -> std::io::Result<Vec<u8>> {
    let mut got = Vec::new();
    let mut lines = BufReader::new(stream.try_clone()?);
    loop {
        let from = got.len();
        if lines.read_until(b'\n', &mut got)? == 0 {
            return Ok(got);
        }
        (&stream).write_all(&got[from..])?;
    }
}

/// A UDP peer that sends `count` datagrams back, and its port.
/// What the row sends on one host, socat hears on another.
fn to_many(row: &Row, theirs: &str) {
    let (true, Some(network)) = (have("socat"), Network::new(2)) else { return };
    let mut socat = network.program(2, "socat", &["-u", "-d", "-d", theirs, "-"]).start();
    socat.told("starting data transfer loop");
    let mut client = network.shell(1, row.here).start();
    client.stdin_write("ping\n");
    assert_eq!(socat.read_until("ping"), b"ping");
    client.signal(run::Signal::TERM);
    client.wait();
}

/// What socat sends on one host, the row hears on another.
fn from_many(row: &Row, theirs: &str) {
    let (true, Some(network)) = (have("socat"), Network::new(2)) else { return };
    let mut listener = network.shell(1, row.here).start();
    listener.endpoint();
    network.program(2, "socat", &["-u", "-", theirs]).run("ping").expect(0, "");
    assert_eq!(listener.read_line(), "ping");
}

fn udp_peer(count: usize) -> (u16, JoinHandle<Vec<u8>>) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let port = socket.local_addr().unwrap().port();
    let peer = thread::spawn(move || {
        let (mut all, mut buffer) = (Vec::new(), [0; 2048]);
        for _ in 0..count {
            let (taken, from) = socket.recv_from(&mut buffer).unwrap();
            socket.send_to(&buffer[..taken], from).unwrap();
            all.extend_from_slice(&buffer[..taken]);
        }
        all
    });
    (port, peer)
}

fn dial(port: u16) -> TcpStream {
    let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

fn read_all(stream: &mut TcpStream) -> Vec<u8> {
    let mut got = Vec::new();
    stream.read_to_end(&mut got).unwrap();
    got
}

/// Sends, ends our half, and gives all that comes back.
fn exchange(port: u16, bytes: &[u8]) -> Vec<u8> {
    let mut stream = dial(port);
    stream.write_all(bytes).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    read_all(&mut stream)
}
