//! Each cause has its exit code, its sentence and its remedy. The snapshots are what a person sees.

use std::fs::OpenOptions;
use std::net::{TcpListener, UdpSocket};
use std::os::unix::net::{UnixDatagram, UnixListener};

mod run;

use run::sockets::{Peer, Server, own_address, udp};
use run::{Finished, Folder, Run, Signal};

/// A TCP port where nobody listens, at an address that nobody else uses.
fn free() -> String {
    let listener = TcpListener::bind((own_address(), 0)).unwrap();
    listener.local_addr().unwrap().to_string()
}

/// What one program after the other was told.
#[derive(Default)]
struct Told(String);

impl Told {
    #[track_caller]
    fn add(&mut self, code: i32, finished: &Finished, names: &[(&str, &str)]) {
        assert_eq!(finished.code, code, "{finished}");
        self.0.push_str(&finished.told(names));
    }
}

#[test]
fn refused_or_unreachable_is_four() {
    let mut told = Told::default();
    let free = free();
    let named = [(&*free, "ADDRESS")];
    told.add(4, &Run::new(&["connect", &free]).run(""), &named);
    told.add(4, &Run::new(&["connect", "-z", &free]).run(""), &named);
    told.add(4, &Run::new(&["ask", &free, "hello"]).run(""), &named);
    let (host, port) = free.split_once(':').unwrap();
    let named = [(host, "HOST"), (port, "PORT")];
    told.add(4, &Run::new(&[host, port]).run(""), &named);
    let datagrams = UdpSocket::bind((own_address(), 0)).unwrap().local_addr().unwrap().to_string();
    let endpoint = format!("udp://{datagrams}");
    let named = [(&*datagrams, "ADDRESS")];
    told.add(4, &Run::new(&["connect", &endpoint, "--wait", "50ms"]).run("hello\n"), &named);
    told.add(4, &Run::new(&["ask", &endpoint, "hello"]).run(""), &named);
    let folder = Folder::new();
    let dead = folder.file("dead");
    drop(UnixListener::bind(&dead).unwrap());
    drop(UnixDatagram::bind(folder.file("dead-datagrams")).unwrap());
    let named = [(folder.path().to_str().unwrap(), "FOLDER")];
    for endpoint in [
        format!("unix://{dead}"),
        format!("unix://{}", folder.file("missing")),
        format!("unixgram://{}", folder.file("dead-datagrams")),
        format!("unixseq://{}", folder.file("missing")),
        format!("unix://@{}", folder.file("missing")),
    ] {
        told.add(4, &Run::new(&["connect", &endpoint]).run("hello\n"), &named);
    }
    // TCP to a broadcast address has no way to go, on any machine.
    told.add(4, &Run::new(&["connect", "255.255.255.255:9"]).run(""), &[]);
    insta::assert_snapshot!(told.0);
}

#[test]
fn a_name_that_is_not_resolved_is_three() {
    for args in [
        &["connect", "nothing.invalid:9"][..],
        &["connect", "-z", "nothing.invalid:9"],
        &["connect", "udp://nothing.invalid:9"],
        &["ask", "nothing.invalid:9", "hello"],
        &["listen", "nothing.invalid:9"],
        &["nothing.invalid", "9"],
    ] {
        let finished = Run::new(args).run("hello\n");
        finished.expect(3, "");
        assert!(finished.stderr.contains("nothing.invalid"), "{finished}");
        assert!(finished.stderr.contains("getent hosts nothing.invalid"), "{finished}");
    }
}

#[test]
fn no_answer_in_time_is_five() {
    let mut told = Told::default();
    let server = Server::new();
    let address = server.address();
    let named = [(&*address, "ADDRESS")];
    told.add(5, &Run::new(&["ask", &address, "hello", "--wait", "50ms"]).run(""), &named);
    let held = Run::new(&["connect", &address, "--deadline", "50ms"]).start();
    told.add(5, &held.wait(), &named);
    let silent = udp();
    let silent_address = silent.local_addr().unwrap().to_string();
    let named = [(&*silent_address, "ADDRESS")];
    let endpoint = format!("udp://{silent_address}");
    told.add(5, &Run::new(&["connect", &endpoint, "--wait", "50ms"]).run("hello\n"), &named);
    told.add(5, &Run::new(&["ask", &endpoint, "hello", "--wait", "50ms"]).run(""), &named);
    let listener = Run::new(&["listen", ":0", "--deadline", "50ms"]).start();
    let port = listener.port().to_string();
    told.add(5, &listener.wait(), &[(&*port, "PORT")]);
    let listener = Run::new(&["listen", ":0", "-f", "line", "--deadline", "50ms"]).start();
    let port = listener.port().to_string();
    told.add(5, &listener.wait(), &[(&*port, "PORT")]);
    insta::assert_snapshot!(told.0);
}

#[test]
fn a_connection_that_nobody_takes_is_five() {
    use rustix::net::{AddressFamily, SocketType, bind, connect, getsockname, listen, socket};
    let new = || socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
    let listener = new();
    bind(&listener, &"127.0.0.1:0".parse::<std::net::SocketAddr>().unwrap()).unwrap();
    listen(&listener, 0).unwrap();
    let address = std::net::SocketAddr::try_from(getsockname(&listener).unwrap()).unwrap();
    // The queue of accepted connections is full after one; the kernel drops what comes then.
    let first = new();
    connect(&first, &address).unwrap();
    let mut told = Told::default();
    let address = address.to_string();
    let named = [(&*address, "ADDRESS")];
    for args in [
        &["connect", &address, "--wait", "100ms"][..],
        &["connect", "-z", &address, "--wait", "100ms"],
        &["ask", &address, "hello", "--wait", "100ms"],
    ] {
        told.add(5, &Run::new(args).run(""), &named);
    }
    insta::assert_snapshot!(told.0);
}

#[test]
fn a_peer_that_ends_without_a_reply_is_five() {
    let server = Server::new();
    let asking = Run::new(&["ask", &server.address(), "hello"]).start();
    let mut peer = server.accept();
    assert_eq!(peer.read_until("\n"), b"hello\n");
    drop(peer);
    let mut told = Told::default();
    told.add(5, &asking.wait(), &[(&server.address(), "ADDRESS")]);
    insta::assert_snapshot!(told.0);
}

#[test]
fn a_conversation_that_failed_is_one() {
    let mut told = Told::default();
    let server = Server::new();
    let address = server.address();
    let named = [(&*address, "ADDRESS")];
    let hears = |args: &[&str], sent: &str, reset: bool| {
        let client = Run::new(args).start();
        let mut peer = server.accept();
        peer.send(sent);
        match reset {
            true => peer.reset(),
            false => drop(peer),
        }
        client.wait()
    };
    told.add(1, &hears(&["connect", &address], "one\n", true), &named);
    told.add(1, &hears(&["connect", &address, "-f", "line"], "one\n", true), &named);
    told.add(1, &hears(&["connect", &address, "--count", "2"], "one\n", false), &named);
    told.add(1, &hears(&["connect", &address, "--until", "two"], "one\n", false), &named);
    let held = Run::new(&["listen", &address]).run("");
    told.add(1, &held, &named);
    let folder = Folder::new();
    let alive = folder.file("alive");
    let _alive = UnixListener::bind(&alive).unwrap();
    let missing = folder.file("missing/socket");
    let plain = folder.file("plain");
    std::fs::write(&plain, "kept").unwrap();
    let named = [(folder.path().to_str().unwrap(), "FOLDER")];
    for (path, code) in [(&alive, 1), (&missing, 1), (&plain, 2)] {
        told.add(code, &Run::new(&["listen", &format!("unix://{path}")]).run(""), &named);
    }
    assert_eq!(std::fs::read(&plain).unwrap(), b"kept");
    insta::assert_snapshot!(told.0);
}

#[test]
fn framing_broken_or_cut_is_seven() {
    let mut told = Told::default();
    for (args, sent) in [
        (&["-f", "len:u32be"][..], &b"HTTP/1.1 400 Bad Request\r\n"[..]),
        (&["-f", "len:u32be"], b"\0\0\0\x05hello\0\0\0\x09wor"),
        (&["-f", "len:u16be", "--max-message", "4"], b"\0\x05hello"),
        (&["-f", "line", "--max-message", "4"], b"hello\n"),
        (&["-f", "line", "--tail", "error"], b"hello"),
        (&["-f", "fixed:4"], b"hello"),
    ] {
        let server = Server::new();
        let address = server.address();
        let client = Run::new(&[&["connect", &address], args].concat()).start();
        let mut peer = server.accept();
        peer.send(sent);
        peer.finish();
        told.add(7, &client.wait(), &[(&*address, "ADDRESS")]);
    }
    for (form, stdin) in [
        ("hex", "0a zz\n"),
        ("quoted", "a\\qb\n"),
        ("jsonl", "{\"text\":1}\n"),
        ("len:u32be", "\0\0\0\x05hel"),
    ] {
        let server = Server::new();
        let address = server.address();
        let mut client = Run::new(&["connect", &address, "-f", "line", "--in", form]).start();
        let mut peer = server.accept();
        client.stdin_write(stdin);
        client.close_stdin();
        assert_eq!(peer.read_to_end(), b"");
        told.add(7, &client.wait(), &[(&*address, "ADDRESS")]);
    }
    insta::assert_snapshot!(told.0);
}

#[test]
fn only_part_done_is_nine() {
    let mut told = Told::default();
    // A message that the form of stdout, or the framing to the peer, cannot hold.
    for (args, stdin, sent, code) in [
        (&["--out", "len:u8"][..], "", "x".repeat(300), 9),
        (&["--in", "quoted"], "a\\nb\nc\n", String::new(), 9),
    ] {
        let server = Server::new();
        let address = server.address();
        let args = [&["connect", &address, "-f", "line"], args].concat();
        let mut client = Run::new(&args).start();
        let mut peer = server.accept();
        client.stdin_write(stdin);
        peer.send(format!("{sent}\nshort\n"));
        peer.finish();
        told.add(code, &client.finish(), &[(&*address, "ADDRESS")]);
    }
    let silent = udp();
    let address = silent.local_addr().unwrap().to_string();
    let client = Run::new(&["connect", &format!("udp://{address}"), "--wait", "50ms"]).start();
    let named = [(&*address, "ADDRESS")];
    let mut client = client;
    client.stdin_write(format!("{}\nshort\n", "x".repeat(70_000)));
    let mut buffer = [0; 64];
    let (len, from) = silent.recv_from(&mut buffer).unwrap();
    assert_eq!(&buffer[..len], b"short");
    silent.send_to(b"reply", from).unwrap();
    assert_eq!(client.read_line(), "reply");
    told.add(9, &client.finish(), &named);
    // One reply to two questions.
    let server = Server::new();
    let address = server.address();
    let asking = Run::new(&["ask", &address, "one", "two"]).start();
    let mut peer = server.accept();
    peer.read_until("one\n");
    peer.send("reply\n");
    peer.read_until("two\n");
    drop(peer);
    let asked = asking.wait();
    let replied = asked.stderr.lines().next().unwrap();
    let named = [(replied, "framecat: reply to message 1 after TIME"), (&*address, "ADDRESS")];
    told.add(9, &asked, &named);
    asked.expect(9, "reply\n");
    insta::assert_snapshot!(told.0);
}

#[test]
fn a_full_stdout_is_an_error() {
    let full = || OpenOptions::new().write(true).open("/dev/full").unwrap();
    let mut told = Told::default();
    for args in [
        &["help"][..],
        &["help", "endpoints"],
        &["help", "exit"],
        &["--help"],
        &["--version"],
        &["listen", "--help"],
        &["lab", "sticky"],
        &["listen", ":0", "--explain"],
    ] {
        let finished = Run::new(args).stdout(full()).run("");
        told.add(10, &finished, &[]);
    }
    let server = Server::new();
    let address = server.address();
    for args in [
        &["connect", &address][..],
        &["connect", &address, "-f", "line"],
        &["connect", &address, "--json"],
        &["ask", &address, "question"],
    ] {
        let client = Run::new(args).stdout(full()).start();
        let mut peer = server.accept();
        // With --json the first line fails before any message.
        peer.try_send("data\n");
        let finished = client.wait();
        assert_eq!(finished.code, 10, "{finished}");
        assert!(finished.stderr.contains("write to stdout: no space left on device"), "{finished}");
    }
    for args in [
        &["listen", ":0"][..],
        &["listen", ":0", "-f", "line"],
        &["listen", ":0", "--echo"],
        &["listen", ":0", "--json"],
        &["relay", ":0", &address, "--json"],
    ] {
        let listener = Run::new(args).stdout(full()).start();
        // With --json the first line fails at once.
        if !args.contains(&"--json") {
            Peer::connect(listener.port()).try_send("data\n");
        }
        let finished = listener.wait();
        assert_eq!(finished.code, 10, "{finished}");
        assert!(finished.stderr.contains("write to stdout: no space left on device"), "{finished}");
    }
    insta::assert_snapshot!(told.0);
}

#[test]
fn a_stdout_that_is_not_open_is_an_error() {
    let mut told = Told::default();
    let server = Server::new();
    let address = server.address();
    let named = [(&*address, "ADDRESS")];
    for command in [
        "help",
        "help exit",
        "--version",
        "lab sticky",
        "listen :0",
        "listen udp://:0 --echo",
        "connect ADDRESS",
        "ask ADDRESS hello",
        "relay :0 ADDRESS --json",
        "connect ADDRESS --explain",
    ] {
        let line = format!("framecat {command} >&-").replace("ADDRESS", &address);
        told.add(10, &Run::shell(&line).run(""), &named);
    }
    insta::assert_snapshot!(told.0);
    // What writes nothing to stdout needs none.
    let line = format!("framecat connect -z {address} >&-");
    assert_eq!(Run::shell(&line).run("").code, 0);
}

#[test]
fn a_stdin_that_is_not_open_is_an_ended_one() {
    let server = Server::new();
    let shell = Run::shell(&format!("framecat connect {} <&-", server.address())).start();
    let mut peer = server.accept();
    assert_eq!(peer.read_to_end(), b"");
    peer.send("reply");
    drop(peer);
    let finished = shell.wait();
    finished.expect(0, "reply");
    assert_eq!(finished.stderr, "");
}

#[test]
fn a_signal_before_the_work_is_done_is_told_by_the_code() {
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        for rule in ["raw", "line"] {
            let server = Server::new();
            let client = Run::new(&["connect", &server.address(), "-f", rule]).start();
            let mut peer = server.accept();
            client.signal(signal);
            // The end, not a reset.
            assert_eq!(peer.read_to_end(), b"");
            drop(peer);
            client.wait().expect(code, "");
        }
        let server = Server::new();
        let asking = Run::new(&["ask", &server.address(), "hello", "--wait", "20s"]).start();
        let mut peer = server.accept();
        peer.read_until("\n");
        asking.signal(signal);
        drop(peer.read_to_end());
        drop(peer);
        asking.wait().expect(code, "");
        let listener = Run::new(&["listen", ":0"]).start();
        listener.port();
        listener.signal(signal);
        listener.wait().expect(code, "");
        let mut listener = Run::new(&["listen", ":0"]).start();
        let mut peer = Peer::connect(listener.port());
        peer.send("data;");
        listener.read_until(";");
        listener.signal(signal);
        assert_eq!(peer.read_to_end(), b"");
        listener.wait().expect(code, "data;");
    }
}

#[test]
fn a_listener_of_many_peers_that_drained_is_done() {
    for signal in [Signal::INT, Signal::TERM] {
        for args in [
            &["listen", ":0", "-f", "line"][..],
            &["listen", ":0", "--echo"],
            &["listen", "udp://:0"],
        ] {
            let listener = Run::new(args).start();
            listener.told("listening on");
            listener.signal(signal);
            listener.wait().expect(0, "");
        }
        let mut listener = Run::new(&["listen", ":0", "-f", "line"]).start();
        let mut peer = Peer::connect(listener.port());
        peer.send("one\n");
        assert_eq!(listener.read_line(), "one");
        listener.signal(signal);
        assert_eq!(peer.read_to_end(), b"");
        listener.wait().expect(0, "one\n");
        // One whose message was refused has not done all.
        let mut listener = Run::new(&["listen", ":0", "-f", "line", "--out", "len:u8"]).start();
        let mut peer = Peer::connect(listener.port());
        peer.send("x".repeat(300) + "\nshort\n");
        assert_eq!(listener.read_until("short"), b"\x05short");
        listener.signal(signal);
        let finished = listener.wait();
        assert_eq!(finished.code, 9, "{finished}");
        assert!(finished.stderr.contains("message 1 from 127.0.0.1"), "{finished}");
    }
}

#[test]
fn a_signal_lets_the_answer_in_hand_go_out() {
    let null = OpenOptions::new().write(true).open("/dev/null").unwrap();
    let listener = Run::new(&["listen", ":0", "-f", "line", "--echo", "--show"]).stdout(null);
    let listener = listener.start();
    let mut peer = Peer::connect(listener.port());
    // More than the connection holds while the peer reads nothing.
    let line = "x".repeat(12 << 20) + "\n";
    peer.send(&line);
    listener.told("xxx");
    listener.signal(Signal::TERM);
    assert!(peer.read_to_end() == line.as_bytes());
    drop(peer);
    assert_eq!(listener.wait().code, 0);
}

#[test]
fn a_second_signal_ends_at_once() {
    // The peer reads nothing, so what was sent is under way and waited for after the first signal.
    let server = Server::new();
    let zeros = std::fs::File::open("/dev/zero").unwrap();
    let client = Run::new(&["connect", &server.address(), "-v"]).stdin(zeros).start();
    let peer = server.accept();
    client.told("out: bytes move by");
    run::sockets::wait_readable(peer.stream(), b"");
    client.signal(Signal::INT);
    client.signal(Signal::TERM);
    client.wait().expect(143, "");
}

#[test]
fn every_mistake_of_usage_is_two_with_what_to_type_instead() {
    let mut told = Told::default();
    for line in [
        // Verbs and flags.
        "lisen :9000",
        "nothing",
        "listen",
        "connect",
        "relay :9000",
        "listen :9000 extra",
        "listen :9000 --nothing",
        "listen :9000 --cuont 1",
        "listen :9000,bind=127.0.0.1:0",
        "connect :9000,backlog=3",
        "connect :0",
        "listen 127.0.0.1:9000 --lan",
        "listen :9000 --until=",
        "ask",
        "help nothing",
        "lab stikcy",
        "-x localhost 9000",
        "-l",
        "-lz 9000",
        "-k 9000",
        "localhost http",
        "localhost 1-100",
        "localhost 99999",
        "-C localhost 80",
        "--ssl localhost 443",
        "-w",
        "-w nothing localhost 9",
        "-U",
        "-U -p 9 /x",
        // Endpoints and options.
        "connect nothing://x",
        "connect htp://x:1",
        "connect tcp://",
        "connect :99999",
        "connect :9000,nodlay",
        "connect :9000,ttl=999",
        "connect unix://",
        "listen udp://:9000,frame=line",
        "connect :9000,frame=native",
        "connect -z udp://:9000",
        // Framings and forms.
        "listen :9000 -f",
        "listen :9000 -f nothing",
        "listen :9000 -f lin",
        "listen :9000 -f len:u33be",
        "listen :9000 -f delim:",
        "listen :9000 -f fixed:0",
        "listen :9000 -f line -f crlf",
        "connect udp://:9000 -f line",
        "relay :1 :2 -f line -f raw",
        "relay :1 udp://:2",
        "relay :1 :2 -f line -f line -f line",
        "listen :9000 --in dump",
        "listen :9000 --in nothing",
        "listen :9000 --json --out hex",
        "listen :9000 --show=nothing",
        // Values.
        "listen :9000 --wait nothing",
        "listen :9000 --wait 5",
        "listen :9000 --count 0",
        "listen :9000 --count x",
        "listen :9000 --max-message 0",
        "listen :9000 --max-message 2GiB",
        "listen :9000 --max-clients 0",
        "listen :9000 --tail nothing",
        "listen :9000 --reply",
        "listen :9000 --reply {",
        "listen :9000 --reply {5000}",
        "listen :9000 --echo --reply x",
    ] {
        let args: Vec<&str> = line.split(' ').collect();
        let finished = Run::new(&args).run("");
        finished.expect(2, "");
        assert!(finished.stderr.starts_with("framecat: "), "{finished}");
        assert!(finished.stderr.contains("\n          "), "no remedy: {finished}");
        told.add(2, &finished, &[]);
    }
    insta::assert_snapshot!(told.0);
}

#[test]
fn all_done_is_zero_and_quiet() {
    let server = Server::new();
    let address = server.address();
    let finished = Run::new(&["connect", "-z", &address]).run("");
    assert_eq!(finished.code, 0, "{finished}");
    let idle = Run::new(&["connect", &address, "--idle", "50ms"]).start();
    let finished = idle.wait();
    finished.expect(0, "");
    assert_eq!(finished.stderr, "");
    for args in [&["help"][..], &["--help"], &["--version"], &["-V"]] {
        let finished = Run::new(args).run("");
        assert!(finished.code == 0 && finished.stderr.is_empty(), "{finished}");
        assert!(finished.text().contains("framecat"), "{finished}");
    }
    assert_eq!(Run::new(&[]).run("").code, 0);
}
