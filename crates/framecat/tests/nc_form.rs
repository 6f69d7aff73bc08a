//! The nc form, byte for byte, and the programs that people have beside it: nc, ncat, socat, telnet,
//! each in both roles.

use std::net::UdpSocket;
use std::os::unix::net::{UnixListener, UnixStream};

mod run;

use run::sockets::{Peer, Server, own_address, udp};
use run::terminal::Terminal;
use run::{Folder, Run, Running, Signal, have};

/// Every byte there is, in an order that no text has, more than one read holds.
fn binary(len: usize) -> Vec<u8> {
    (0..len).map(|n| (n * 167 + n / 251) as u8).collect()
}

/// A port that is free at an address that nothing else uses.
fn free() -> (String, String) {
    let host = own_address();
    let socket = UdpSocket::bind((&*host, 0)).unwrap();
    (host, socket.local_addr().unwrap().port().to_string())
}

#[test]
fn host_and_port_connect() {
    let server = Server::new();
    let address = server.address();
    let (host, port) = address.split_once(':').unwrap();
    let sent = binary(300_000);
    let mut client = Run::new(&[host, port]).start();
    let mut peer = server.accept();
    let reply = binary(200_000);
    let replying = reply.clone();
    let reading = std::thread::spawn(move || {
        let read = peer.read_to_end();
        peer.send(replying);
        read
    });
    client.stdin_write(&sent);
    let finished = client.finish();
    assert!(reading.join().unwrap() == sent);
    assert_eq!((finished.code, finished.stderr.as_str()), (0, ""));
    assert!(finished.stdout == reply);
}

#[test]
fn l_takes_one_connection_byte_for_byte() {
    let listener = Run::new(&["-l", "0"]).start();
    let mut peer = Peer::connect(listener.port());
    let sent = binary(300_000);
    peer.send(&sent);
    peer.finish();
    let mut listener = listener;
    let reply = binary(100_000);
    listener.stdin_write(&reply);
    listener.close_stdin();
    assert!(peer.read_to_end() == reply);
    drop(peer);
    let finished = listener.wait();
    assert_eq!(finished.code, 0, "{finished}");
    assert!(finished.stdout == sent);
}

#[test]
fn a_file_arrives_exact_while_stdin_is_a_terminal() {
    let folder = Folder::new();
    let terminal = Terminal::new();
    let file = std::fs::File::create(folder.file("x.tar")).unwrap();
    let listener = Run::new(&["-l", "0"]).stdin(terminal.end()).stdout(file).start();
    let mut peer = Peer::connect(listener.port());
    let sent = binary(3 << 20);
    peer.send(&sent);
    drop(peer);
    listener.wait().expect(0, "");
    assert!(std::fs::read(folder.file("x.tar")).unwrap() == sent);
}

#[test]
fn a_terminal_gets_lines_that_cannot_act_on_it() {
    let server = Server::new();
    let mut terminal = Terminal::new();
    let client = Run::new(&["connect", &server.address()]);
    let client = client.stdin(terminal.end()).stdout(terminal.end()).start();
    let mut peer = server.accept();
    peer.send("\x1b[2Jplain\n");
    let shown = terminal.shows("plain\r\n");
    assert!(!shown.contains('\x1b'), "{shown:?}");
    terminal.types("typed\n");
    assert_eq!(peer.read_until("\n"), b"typed\n");
    drop(peer);
    client.wait().expect(0, "");
}

#[test]
fn k_goes_on_and_z_asks() {
    let mut listener = Run::new(&["-lk", "0"]).start();
    let port = listener.port().to_string();
    for text in ["one;", "two;"] {
        let mut client = Run::new(&["localhost", &port]).start();
        client.stdin_write(text);
        client.close_stdin();
        assert_eq!(listener.read_until(";"), text.as_bytes());
    }
    for order in
        [&["-z", "localhost", &port][..], &["-zv", "127.0.0.1", &port], &["127.0.0.1", &port, "-z"]]
    {
        let probe = Run::new(order).run("nothing of this is sent");
        probe.expect(0, "");
        assert!(probe.stderr.contains("is open"), "{probe}");
    }
    listener.signal(Signal::TERM);
    listener.wait().expect(0, "one;two;");
}

#[test]
fn w_bounds_silence() {
    let server = Server::new();
    let address = server.address();
    let (host, port) = address.split_once(':').unwrap();
    let client = Run::new(&["-w", "50ms", host, port]).start();
    let mut peer = server.accept();
    assert_eq!(peer.read_to_end(), b"");
    client.wait().expect(0, "");
}

#[test]
fn u_sends_each_line_as_a_datagram() {
    let server = udp();
    let port = server.local_addr().unwrap().port().to_string();
    let mut client = Run::new(&["-u", "-w", "1", "127.0.0.1", &port]).start();
    client.stdin_write("one\n\nthree\n");
    let mut buffer = [0; 64];
    for line in ["one", "", "three"] {
        let (len, from) = server.recv_from(&mut buffer).unwrap();
        assert_eq!(&buffer[..len], line.as_bytes());
        if line == "three" {
            server.send_to(b"reply", from).unwrap();
        }
    }
    assert_eq!(client.read_line(), "reply");
    client.finish().expect(0, "reply\n");
}

#[test]
fn ul_hears_every_peer() {
    let mut listener = Run::new(&["-ul", "0"]).start();
    let port = listener.port();
    for text in ["one", "two"] {
        udp().send_to(text.as_bytes(), ("127.0.0.1", port)).unwrap();
        assert_eq!(listener.read_line(), text);
    }
    listener.signal(Signal::TERM);
    listener.wait().expect(0, "one\ntwo\n");
}

#[test]
fn the_path_of_a_unix_socket_is_taken_as_it_is() {
    use std::io::{Read, Write};
    let folder = Folder::new();
    let path = folder.file("a,b%2C c");
    let listener = UnixListener::bind(&path).unwrap();
    let mut client = Run::new(&["-U", &path]).start();
    let (mut peer, _) = listener.accept().unwrap();
    client.stdin_write("question");
    client.close_stdin();
    let mut question = String::new();
    peer.read_to_string(&mut question).unwrap();
    assert_eq!(question, "question");
    peer.write_all(b"answer").unwrap();
    drop(peer);
    client.wait().expect(0, "answer");
    let path = folder.file("second");
    let listening = Run::new(&["-lU", &path]).start();
    listening.told("listening on");
    let mut peer = UnixStream::connect(&path).unwrap();
    peer.write_all(b"hello").unwrap();
    drop(peer);
    listening.wait().expect(0, "hello");
    assert!(!std::path::Path::new(&path).exists(), "the socket file is left behind");
}

/// Both talk to each other: what each says arrives at the other byte for byte, and both end.
fn exchange(mut asks: Running, mut answers: Running, ends: [i32; 2]) {
    let (question, answer) = (binary(100_000), binary(70_000));
    asks.stdin_write(&question);
    asks.stdin_write("<end>");
    assert!(answers.read_until("<end>")[..question.len()] == question);
    answers.stdin_write(&answer);
    answers.stdin_write("<end>");
    assert!(asks.read_until("<end>")[..answer.len()] == answer);
    asks.close_stdin();
    answers.close_stdin();
    let (asks, answers) = (asks.wait(), answers.wait());
    assert_eq!([asks.code, answers.code], ends, "{asks}\n{answers}");
}

#[test]
fn nc_talks_to_us_in_both_roles() {
    if !have("nc") {
        return;
    }
    let listener = Run::new(&["-l", "0"]).start();
    let port = listener.port().to_string();
    exchange(Run::program("nc", &["-N", "127.0.0.1", &port]).start(), listener, [0, 0]);
    let (host, port) = free();
    let nc = Run::program("nc", &["-lvN", &host, &port]).start();
    nc.told("istening on");
    exchange(Run::new(&[&host, &port]).start(), nc, [0, 0]);
}

#[test]
fn ncat_talks_to_us_in_both_roles() {
    if !have("ncat") {
        return;
    }
    let listener = Run::new(&["-l", "0"]).start();
    let port = listener.port().to_string();
    exchange(Run::program("ncat", &["127.0.0.1", &port]).start(), listener, [0, 0]);
    let (host, port) = free();
    let ncat = Run::program("ncat", &["-lv", &host, &port]).start();
    ncat.told("istening on");
    exchange(Run::new(&[&host, &port]).start(), ncat, [0, 0]);
}

#[test]
fn socat_talks_to_us_in_both_roles() {
    if !have("socat") {
        return;
    }
    let folder = Folder::new();
    let (ours, theirs) = (folder.file("ours"), folder.file("theirs"));
    let listener = Run::new(&["-l", "0"]).start();
    let to = format!("TCP:127.0.0.1:{}", listener.port());
    exchange(Run::program("socat", &["-t20", "-", &to]).start(), listener, [0, 0]);
    let (host, port) = free();
    let at = format!("TCP-LISTEN:{port},bind={host}");
    let socat = Run::program("socat", &["-dd", "-t20", "-", &at]).start();
    socat.told("listening on");
    exchange(Run::new(&[&host, &port]).start(), socat, [0, 0]);
    let listener = Run::new(&["-lU", &ours]).start();
    listener.told("listening on");
    let to = format!("UNIX-CONNECT:{ours}");
    exchange(Run::program("socat", &["-t20", "-", &to]).start(), listener, [0, 0]);
    let at = format!("UNIX-LISTEN:{theirs}");
    let socat = Run::program("socat", &["-dd", "-t20", "-", &at]).start();
    socat.told("listening on");
    exchange(Run::new(&["-U", &theirs]).start(), socat, [0, 0]);
}

/// A message each way. socat sends the line feed with the line, we do not.
fn messages(mut socat: Running, mut ours: Running, asks_first: bool) {
    if asks_first {
        socat.stdin_write("question\n");
        assert_eq!(ours.read_line(), "question");
    }
    ours.stdin_write("answer\n");
    assert_eq!(socat.read_until("answer"), b"answer");
    socat.stdin_write("thanks\n");
    assert_eq!(ours.read_line(), "thanks");
}

#[test]
fn socat_exchanges_datagrams_and_packets_with_us() {
    if !have("socat") {
        return;
    }
    let folder = Folder::new();
    let dials = |to: &str| Run::program("socat", &["-", to]).start();
    let waits = |at: &str| {
        let socat = Run::program("socat", &["-dd", "-", at]).start();
        socat.told("listening on");
        socat
    };
    let listener = Run::new(&["listen", "udp://:0"]).start();
    messages(dials(&format!("UDP:127.0.0.1:{}", listener.port())), listener, true);
    let (host, port) = free();
    let socat = waits(&format!("UDP-LISTEN:{port},bind={host}"));
    messages(socat, Run::new(&["-u", &host, &port]).start(), false);
    let (ours, theirs) = (folder.file("ours"), folder.file("theirs"));
    let listener = Run::new(&["listen", &format!("unixseq://{ours}")]).start();
    listener.told("listening on");
    messages(dials(&format!("UNIX-CONNECT:{ours},type=5")), listener, true);
    let socat = waits(&format!("UNIX-LISTEN:{theirs},type=5"));
    let client = Run::new(&["connect", &format!("unixseq://{theirs}")]).start();
    messages(socat, client, false);
    let (ours, theirs) = (folder.file("our-datagrams"), folder.file("their-datagrams"));
    let listener = Run::new(&["listen", &format!("unixgram://{ours}")]).start();
    listener.told("listening on");
    messages(dials(&format!("UNIX-CLIENT:{ours},type=2,bind={theirs}")), listener, true);
}

#[test]
fn telnet_is_answered_with_the_endings_it_uses() {
    let listener = Run::new(&["listen", ":0", "-f", "line", "--reply", "got {payload}"]).start();
    let mut peer = Peer::connect(listener.port());
    peer.send("hello\r\n");
    assert_eq!(peer.read_until("\n"), b"got hello\r\n");
    peer.send("hello\n");
    assert_eq!(peer.read_until("\n"), b"got hello\n");
    if !have("telnet") {
        return;
    }
    let terminal = Terminal::new();
    let port = listener.port().to_string();
    let telnet = Run::program("telnet", &["127.0.0.1", &port]).stdin(terminal.end());
    let mut telnet = telnet.start();
    telnet.read_until("Escape character");
    let mut terminal = terminal;
    terminal.types("typed\n");
    telnet.read_until("got typed");
}
