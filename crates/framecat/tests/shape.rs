//! `--delay`, `--rate`, `--chop`, `--coalesce`, seen from outside: how what is sent is spread over time
//! and sends. That nothing is lost or reordered is asserted here, when things go is in framecat-net.

mod run;

use std::io::Read;
use std::thread;

use run::peer::{Peer, Random, datagram, tcp, udp};
use run::{Finished, Run, Running, Signal, have};

/// A TCP listener in Python that reads to the end and tells what came, and in how many segments with
/// data (tcpi_data_segs_in of TCP_INFO, linux/tcp.h).
const SEGMENTS: &str = "import socket, struct, sys\n\
    l = socket.create_server(('127.0.0.1', 0))\n\
    print(l.getsockname()[1], flush=True)\n\
    c, _ = l.accept()\n\
    data = b''\n\
    while True:\n\
    \x20   got = c.recv(65536)\n\
    \x20   if not got: break\n\
    \x20   data += got\n\
    info = c.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)\n\
    print(data, struct.unpack_from('=I', info, 152)[0])";

fn segments() -> (Running, String) {
    let mut python = Run::program("python3", &["-c", SEGMENTS]).start();
    let endpoint = format!(":{}", python.read_line());
    (python, endpoint)
}

/// What the Python listener told behind its port.
fn told(python: Running) -> String {
    let finished = python.wait();
    assert_eq!(finished.code, 0, "{finished}");
    finished.text().lines().nth(1).unwrap_or_default().into()
}

/// Nothing has come.
fn silent(peer: &Peer) {
    peer.0.set_nonblocking(true).unwrap();
    let early = peer.0.peek(&mut [0]).map_err(|error| error.kind());
    assert_eq!(early, Err(std::io::ErrorKind::WouldBlock));
    peer.0.set_nonblocking(false).unwrap();
}

fn ended(listener: Running) -> Finished {
    listener.signal(Signal::TERM);
    listener.wait()
}

/// Messages of every size and byte, as `len:u32be` writes them.
fn counted(n: usize) -> Vec<u8> {
    let mut random = Random(99);
    let mut bytes = Vec::new();
    for _ in 0..n {
        let len = random.below(2000);
        bytes.extend_from_slice(&(len as u32).to_be_bytes());
        bytes.extend_from_slice(&random.bytes(len));
    }
    bytes
}

#[test]
fn chopped_bytes_are_segments_of_their_own() {
    if !have("python3") {
        return;
    }
    for (chop, count) in [("1", 12), ("5", 3), ("12", 1), ("1KiB", 1)] {
        let (python, endpoint) = segments();
        Run::new(&["connect", &endpoint, "--chop", chop]).run("hello world\n").expect(0, "");
        assert_eq!(told(python), format!("b'hello world\\n' {count}"), "{chop}");
    }
    // Each message is chopped by itself.
    let (python, endpoint) = segments();
    let args = ["connect", &endpoint, "-f", "line", "--chop", "2"];
    Run::new(&args).run("abc\nd\ne\n").expect(0, "");
    assert_eq!(told(python), "b'abc\\nd\\ne\\n' 4");
}

#[test]
fn held_messages_are_one_segment() {
    if !have("python3") {
        return;
    }
    let (python, endpoint) = segments();
    let args = ["connect", &endpoint, "-f", "len:u8", "--in", "line", "--coalesce", "1h"];
    Run::new(&args).run("a\nbc\nd\n").expect(0, "");
    // The end of stdin sends what is held.
    assert_eq!(told(python), "b'\\x01a\\x02bc\\x01d' 1");
    // Joined and split again, wherever messages end.
    let (python, endpoint) = segments();
    let args = [&["connect", &endpoint], &args[2..], &["--chop", "3"]].concat();
    Run::new(&args).run("a\nbc\nd\n").expect(0, "");
    assert_eq!(told(python), "b'\\x01a\\x02bc\\x01d' 3");
}

#[test]
fn messages_are_held_for_their_time_only() {
    let (listener, port) = tcp();
    let endpoint = format!(":{port}");
    let args = ["connect", &endpoint, "-f", "line", "--coalesce", "1h"];
    let mut client = Run::new(&args).start();
    let mut peer = Peer::accept(&listener);
    client.stdin_write("a\nb\n");
    // What comes back shows that they were read, if anything had gone.
    peer.send("?\n");
    assert_eq!(client.read_line(), "?");
    silent(&peer);
    // A signal does not lose what was read.
    client.signal(Signal::INT);
    let interrupted = client.wait();
    assert_eq!(interrupted.code, 130, "{interrupted}");
    let rest = String::from_utf8(peer.rest()).unwrap();
    assert!(rest == "a\nb\n" || rest == "a\n" || rest.is_empty(), "{rest}");
    // With a short one nothing has to end.
    let args = ["connect", &endpoint, "-f", "line", "--coalesce", "1ms"];
    let mut client = Run::new(&args).start();
    let mut peer = Peer::accept(&listener);
    for n in 0..20 {
        client.stdin_write(format!("{n}\n"));
        assert_eq!(peer.line(), format!("{n}\n"));
    }
    drop(peer);
    client.finish();
}

#[test]
fn no_split_and_no_joint_changes_a_message() {
    let bytes = counted(60);
    for shape in [
        &["--chop", "1"][..],
        &["--chop", "7", "--coalesce", "1ms"],
        &["--coalesce", "5ms"],
        &["--rate", "1GB/s"],
        &["--rate", "100000", "--chop", "100"],
        &["--delay", "0"],
    ] {
        let echo = [&["listen", ":0", "-f", "len:u32be", "--echo", "--out", "raw"], shape].concat();
        let echo = Run::new(&echo).start();
        let right = format!(":{}", echo.port());
        let relay =
            [&["relay", ":0", &right, "-f", "len:u32be", "-f", "len:u32be"], shape].concat();
        let relay = Run::new(&relay).start();
        let endpoint = format!(":{}", relay.port());
        let framing = ["-f", "len:u32be", "--in", "len:u32be", "--out", "len:u32be"];
        let client = [&["connect", &endpoint], &framing[..], shape].concat();
        let came = Run::new(&client).run(bytes.clone());
        assert_eq!(came.code, 0, "{shape:?} {}", came.stderr);
        assert!(came.stdout == bytes, "{shape:?}");
        assert_eq!(ended(relay).code, 0);
        assert_eq!(ended(echo).code, 0);
    }
}

#[test]
fn a_foreign_receiver_reads_what_was_split() {
    if !have("nc") || !have("socat") {
        return;
    }
    let bytes = counted(200);
    let listener = Run::new(&["listen", ":0", "--chop", "3"]).start();
    // nc reads what it gets, and gives it on.
    let port = listener.port().to_string();
    let nc = Run::program("nc", &["-d", "127.0.0.1", &port]).start();
    listener.feed_and_leave(&bytes);
    let nc = nc.finish();
    assert!(nc.stdout == bytes, "{}", nc.stderr);
    let mut socat =
        Run::program("socat", &["-d", "-d", "TCP-LISTEN:0,bind=127.0.0.1", "PIPE"]).start();
    let told = socat
        .told_when(|text| text.contains("listening on AF=2 127.0.0.1:") && text.ends_with('\n'));
    let port =
        told.split("127.0.0.1:").nth(1).unwrap().split_whitespace().next().unwrap().to_string();
    socat.close_stdin();
    let sent = Run::new(&["connect", &format!(":{port}"), "--chop", "11"]).run(bytes.clone());
    assert!(sent.stdout == bytes, "{}", sent.stderr);
}

#[test]
fn all_readers_of_one_stdin_get_chopped_messages() {
    let mut listener = Run::new(&["listen", ":0", "-f", "line", "--chop", "2"]).start();
    let mut peers: Vec<_> = (0..3).map(|_| Peer::dial(listener.port())).collect();
    for (n, peer) in peers.iter_mut().enumerate() {
        peer.send(format!("{n}\n"));
        assert_eq!(listener.read_line(), n.to_string());
    }
    listener.stdin_write("hello\nworld\n");
    for peer in &mut peers {
        assert_eq!((peer.line(), peer.line()), ("hello\n".into(), "world\n".into()));
    }
    ended(listener);
    // In a chat, too.
    let listener = Run::new(&["listen", ":0", "--chat", "--coalesce", "1ms"]).start();
    let (mut one, mut other) = (Peer::dial(listener.port()), Peer::dial(listener.port()));
    let mut listener = listener;
    for (n, peer) in [&mut one, &mut other].into_iter().enumerate() {
        peer.send(format!("here {n}\n"));
        assert_eq!(listener.read_line(), format!("here {n}"));
    }
    one.send("hi\n");
    let mut heard = other.line();
    if heard == "here 0\n" {
        heard = other.line();
    }
    assert_eq!(heard, "hi\n");
    ended(listener);
}

#[test]
fn the_next_message_waits_and_a_signal_does_not() {
    let (listener, port) = tcp();
    let endpoint = format!(":{port}");
    for pace in [["--delay", "1h"], ["--rate", "1/h"]] {
        let args = [&["connect", &endpoint, "-f", "line"], &pace[..]].concat();
        let client = Run::new(&args).start();
        let mut client = client;
        let mut peer = Peer::accept(&listener);
        client.stdin_write("first\nsecond\nthird\n");
        assert_eq!(peer.line(), "first\n");
        peer.send("?\n");
        assert_eq!(client.read_line(), "?");
        silent(&peer);
        client.signal(Signal::INT);
        let interrupted = client.wait();
        assert_eq!(interrupted.code, 130, "{interrupted}");
        assert_eq!(peer.rest(), b"");
    }
}

#[test]
fn a_relay_tells_what_still_waited_for_its_time() {
    let (listener, port) = tcp();
    let right = format!(":{port}");
    let relay = Run::new(&["relay", ":0", &right, "-f", "line", "--delay", "1h"]).start();
    let mut client = Peer::dial(relay.port());
    let mut server = Peer::accept(&listener);
    client.send("first\nsecond\n");
    assert_eq!(server.line(), "first\n");
    // Each direction has its own pace.
    server.send("answer\n");
    assert_eq!(client.line(), "answer\n");
    relay.signal(Signal::TERM);
    let ended = relay.wait();
    assert_eq!(ended.code, 9, "{ended}");
    assert!(ended.stderr.contains("7 bytes from 127.0.0.1:"), "{ended}");
    assert_eq!(server.rest(), b"");
}

#[test]
fn datagrams_are_paced_and_stay_whole() {
    let (socket, port) = udp();
    let endpoint = format!("udp://:{port}");
    let stdin: String = (0..200).map(|n| format!("message {n}\n")).collect();
    for rate in ["1000", "100kB/s"] {
        let args = ["connect", &endpoint, "--rate", rate, "--wait", "1ms"];
        let sending = Run::new(&args).start();
        let taking = thread::spawn({
            let socket = socket.try_clone().unwrap();
            move || {
                for n in 0..200 {
                    assert_eq!(datagram(&socket), format!("message {n}").as_bytes());
                }
            }
        });
        let mut sending = sending;
        sending.stdin_write(&stdin);
        sending.finish();
        taking.join().unwrap();
    }
}

#[test]
fn what_cannot_be_paced_or_split_is_a_mistake() {
    for (args, told) in [
        (
            &["connect", "udp://:1", "--chop", "1"][..],
            "--chop splits a stream of bytes, and udp keeps",
        ),
        (&["listen", "unixseq://@x", "--coalesce", "1s"], "--coalesce joins a stream of bytes"),
        (&["relay", "udp://:0", "udp://:1", "--chop", "1"], "--chop splits a stream"),
        (&["ask", ":1", "x", "--coalesce", "1s"], "ask awaits a reply to each message"),
        (&["connect", ":1", "--coalesce", "1s", "--delay", "1s"], "--delay keeps messages apart"),
        (&["connect", ":1", "--coalesce", "1s", "--rate", "5"], "--rate keeps messages apart"),
        (&["connect", ":1", "--chop", "0"], "`0` is no number of bytes"),
        (&["connect", ":1", "--chop=-1"], "`-1` is no number of bytes"),
        (&["connect", ":1", "--rate", "0"], "`0` sends nothing at all"),
        (&["connect", ":1", "--rate", "10k"], "`10k` is no rate"),
        (&["connect", ":1", "--delay", "5"], "`5` has no unit"),
    ] {
        let refused = Run::new(args).run("");
        refused.expect(2, "");
        assert!(refused.stderr.contains(told), "{refused}");
    }
    // One end is a stream: that one is split.
    let explained = ["relay", "udp://:0", ":1", "-f", "line", "--chop", "1", "--explain"];
    let explained = Run::new(&explained).run("");
    assert!(explained.text().contains("bytes a send  1"), "{explained}");
}

#[test]
fn a_receiver_that_leaves_ends_a_paced_sender() {
    let (listener, port) = tcp();
    let endpoint = format!(":{port}");
    let args = ["connect", &endpoint, "-f", "line", "--rate", "200", "--chop", "1"];
    let client = Run::new(&args).start();
    let mut peer = Peer::accept(&listener);
    let mut client = client;
    client.stdin_write("x\n".repeat(10_000));
    assert_eq!(peer.line(), "x\n");
    peer.reset();
    let failed = client.wait();
    assert_eq!(failed.code, 1, "{failed}");
}

#[test]
fn an_answer_that_is_held_goes_out_at_the_end() {
    let args = ["listen", ":0", "--echo", "--count", "2", "--coalesce", "1h"];
    let listener = Run::new(&args).start();
    let mut peer = Peer::dial(listener.port());
    peer.send("a\nb\n");
    let mut all = String::new();
    peer.0.read_to_string(&mut all).unwrap();
    assert_eq!(all, "a\nb\n");
    drop(peer);
    listener.wait().expect(0, "a\nb\n");
    let listener = Run::new(&["listen", ":0", "--echo", "--coalesce", "1h"]).start();
    let mut peer = Peer::dial(listener.port());
    peer.send("a\nb\n");
    peer.end();
    assert_eq!(peer.rest(), b"a\nb\n");
    ended(listener);
}
