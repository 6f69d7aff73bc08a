//! `framecat listen`, seen from outside: many peers, what answers them, and what they cannot do to it.

mod run;

use std::io::Write;
use std::os::unix::net::UnixStream;

use run::peer::{Peer, datagram, udp};
use run::{Folder, Run, Running, Signal, have};

fn listen(args: &[&str]) -> Running {
    Run::new(&[&["listen"], args].concat()).start()
}

fn ends(running: Running, code: i32) -> run::Finished {
    running.signal(Signal::TERM);
    let finished = running.wait();
    assert_eq!(finished.code, code, "{finished}");
    finished
}

const GOT_IT: &str = "收到你的消息";

#[test]
fn a_line_is_answered_with_the_ending_that_the_peer_used() {
    let mut listener = listen(&[":0", "--reply", GOT_IT]);
    let port = listener.port();
    let mut telnet = Peer::dial(port);
    let mut plain = Peer::dial(port);
    for _ in 0..3 {
        telnet.send("hello\r\n");
        assert_eq!(telnet.line(), format!("{GOT_IT}\r\n"));
        plain.send("hello\n");
        assert_eq!(plain.line(), format!("{GOT_IT}\n"));
    }
    for _ in 0..3 {
        assert_eq!(listener.read_line(), "hello\r");
        assert_eq!(listener.read_line(), "hello");
    }
    ends(listener, 0);
}

#[test]
fn nc_gets_an_answer_to_every_line_and_then_the_end() {
    if !have("nc") {
        return;
    }
    let listener = listen(&[":0", "--reply", GOT_IT]);
    let port = listener.port().to_string();
    let finished = Run::program("nc", &["-N", "127.0.0.1", &port]).run("one\ntwo\n");
    finished.expect(0, format!("{GOT_IT}\n{GOT_IT}\n"));
    ends(listener, 0).expect(0, "one\ntwo\n");
}

#[test]
fn a_datagram_listener_hears_every_peer() {
    let listener = listen(&["udp://:0", "--reply", "{payload} from {peer}, your {n}"]);
    let port = listener.port();
    let peers: Vec<_> = (0..20).map(|_| udp()).collect();
    for round in 1..=3 {
        for (i, (socket, _)) in peers.iter().enumerate() {
            socket.send_to(format!("{i}").as_bytes(), ("127.0.0.1", port)).unwrap();
        }
        for (i, (socket, own)) in peers.iter().enumerate() {
            let answer = format!("{i} from 127.0.0.1:{own}, your {round}");
            assert_eq!(String::from_utf8(datagram(socket)).unwrap(), answer);
        }
    }
    assert_eq!(ends(listener, 0).text().lines().count(), 60);
}

#[test]
fn templates_give_the_three_results_of_the_notes() {
    for (template, said, answer) in [
        ("{} is a {}", "TOm boy", "TOm is a boy\n"),
        ("{1} is a {0}", "TOm boy", "boy is a TOm\n"),
        ("{b} is a {a}", "a=TOm b=boy", "boy is a TOm\n"),
        ("{b} is a {a}", r#"{"a":"TOm","b":"boy"}"#, "boy is a TOm\n"),
        ("{len} {n} {{{payload}}}", "x y", "3 1 {x y}\n"),
    ] {
        let listener = listen(&[":0", "--reply", template]);
        let mut peer = Peer::dial(listener.port());
        peer.send(format!("{said}\n"));
        assert_eq!(peer.line(), answer, "{template}");
        ends(listener, 0);
    }
}

#[test]
fn a_message_that_lacks_a_word_of_the_template_is_told_and_the_listener_goes_on() {
    let listener = listen(&[":0", "--reply", "second: {1}"]);
    let mut peer = Peer::dial(listener.port());
    peer.send("one\n");
    let told = listener.told("not answered");
    assert!(told.contains("message 1 from 127.0.0.1:"), "{told}");
    peer.send("one two\n");
    assert_eq!(peer.line(), "second: two\n");
    ends(listener, 9).expect(9, "one\none two\n");
}

#[test]
fn a_name_that_no_message_could_have_is_a_mistake() {
    let finished = Run::new(&["listen", ":0", "--reply", "{no such name}"]).run("");
    finished.expect(2, "");
    assert!(!finished.stderr.contains("listening"), "{finished}");
}

#[test]
fn echo_gives_every_message_back_under_any_framing() {
    let listener = listen(&[":0", "--echo", "-f", "len:u16be"]);
    let mut peer = Peer::dial(listener.port());
    for message in [&b"\0\x03a\nb"[..], b"\0\0", b"\0\x02\xff\0"] {
        peer.send(message);
        assert_eq!(peer.take(message.len()), message);
    }
    peer.end();
    assert_eq!(peer.rest(), b"");
    ends(listener, 0).expect(0, "a\\nb\n\n\\xff\\0\n");
}

#[test]
fn a_listener_serves_clients_at_the_same_time() {
    let folder = Folder::new();
    let path = folder.file("s");
    for scheme in ["tcp", "unix", "unixseq", "unixgram", "udp"] {
        let endpoint = match scheme {
            "tcp" | "udp" => format!("{scheme}://:0"),
            _ => format!("{scheme}://{path}"),
        };
        let listener = listen(&[&endpoint, "--reply", "{payload}!"]);
        let endpoint = listener.endpoint();
        // Each of them is open and answered before any of them ends.
        let mut clients: Vec<_> = (0..5)
            .map(|_| Run::new(&["connect", &endpoint, "--in", "line", "--out", "line"]).start())
            .collect();
        for round in 0..3 {
            for (i, client) in clients.iter_mut().enumerate() {
                client.stdin_write(format!("{i}.{round}\n"));
            }
            for (i, client) in clients.iter_mut().enumerate() {
                assert_eq!(client.read_line(), format!("{i}.{round}!"), "{scheme}");
            }
        }
        for client in clients.drain(..) {
            // Datagrams have no end: these stay for --wait, and are not waited for here.
            if matches!(scheme, "tcp" | "unix" | "unixseq") {
                assert_eq!(client.finish().code, 0, "{scheme}");
            }
        }
        assert_eq!(ends(listener, 0).text().lines().count(), 15, "{scheme}");
    }
}

#[test]
fn stdin_goes_to_all_peers_and_is_not_read_before_one_is_there() {
    let mut listener = listen(&[":0", "-f", "line"]);
    let port = listener.port();
    listener.stdin_write("early\n");
    let mut one = Peer::dial(port);
    assert_eq!(one.line(), "early\n");
    let mut two = Peer::dial(port);
    two.send("here\n");
    assert_eq!(listener.read_line(), "here");
    listener.stdin_write("both\n");
    assert_eq!(one.line(), "both\n");
    assert_eq!(two.line(), "both\n");
    // The end of stdin is the end of our direction, and the peers may still speak.
    listener.close_stdin();
    assert_eq!((one.rest(), two.rest()), (vec![], vec![]));
    one.send("late\n");
    assert_eq!(listener.read_line(), "late");
    ends(listener, 0);
}

#[test]
fn what_was_typed_while_nobody_was_there_is_for_the_next_peer() {
    let mut listener = listen(&[":0", "-f", "line", "-v"]);
    let port = listener.port();
    let mut first = Peer::dial(port);
    listener.stdin_write("a\n");
    assert_eq!(first.line(), "a\n");
    first.end();
    assert_eq!(first.rest(), b"");
    listener.told("is closed");
    listener.stdin_write("b\n");
    assert_eq!(Peer::dial(port).line(), "b\n");
}

#[test]
fn once_takes_one_connection_or_one_datagram() {
    let listener = listen(&[":0", "-f", "line", "--once"]);
    let mut peer = Peer::dial(listener.port());
    peer.send("one\ntwo\n");
    peer.end();
    listener.finish().expect(0, "one\ntwo\n");

    let listener = listen(&["udp://:0", "--once"]);
    let (socket, _) = udp();
    for text in ["one", "two"] {
        socket.send_to(text.as_bytes(), ("127.0.0.1", listener.port())).unwrap();
    }
    listener.wait().expect(0, "one\n");
}

#[test]
fn a_raw_listener_takes_one_connection() {
    let listener = listen(&[":0"]);
    let port = listener.port();
    let mut peer = Peer::dial(port);
    peer.send(b"raw\0\xff");
    peer.end();
    listener.finish().expect(0, b"raw\0\xff");
}

#[test]
fn the_client_over_the_maximum_waits_until_one_leaves() {
    let listener = listen(&[":0", "--echo", "--max-clients", "2", "-v"]);
    let port = listener.port();
    let mut first = Peer::dial(port);
    let mut second = Peer::dial(port);
    let mut third = Peer::dial(port);
    third.send("3\n");
    for peer in [&mut first, &mut second] {
        peer.send("x\n");
        assert_eq!(peer.line(), "x\n");
    }
    let told = listener.told("connection 2 ");
    assert!(!told.contains("connection 3 "), "{told}");
    first.end();
    assert_eq!(third.line(), "3\n");
    ends(listener, 0);
}

#[test]
fn a_listener_out_of_descriptors_waits_and_recovers() {
    let line = "ulimit -n 24; exec framecat listen :0 --echo --max-clients 1000";
    let listener = Run::shell(line).start();
    let port = listener.port();
    let mut peers: Vec<_> = (0..40).map(|_| Peer::dial(port)).collect();
    for (i, peer) in peers.iter_mut().enumerate() {
        peer.send(format!("{i}\n"));
    }
    listener.told("accept: ");
    // As they leave, the waiting ones are served.
    for (i, mut peer) in peers.into_iter().enumerate() {
        assert_eq!(peer.line(), format!("{i}\n"));
    }
    let told = ends(listener, 0);
    assert!(told.stderr.contains("ulimit -n"), "{told}");
    assert_eq!(told.stderr.matches("accept: ").count(), 1, "told once: {told}");
}

#[test]
fn a_reset_before_accept_does_not_end_the_listener() {
    let listener = listen(&[":0", "--echo", "--max-clients", "1"]);
    let port = listener.port();
    let mut first = Peer::dial(port);
    first.send("1\n");
    assert_eq!(first.line(), "1\n");
    // There is no place for it, so it waits in the queue of the kernel; there it is reset.
    Peer::dial(port).reset();
    drop(first);
    let mut next = Peer::dial(port);
    next.send("2\n");
    assert_eq!(next.line(), "2\n");
    ends(listener, 0);
}

/// Sends without end to a peer that answers, and reads nothing, until no more is taken.
fn stall(port: u16) -> Peer {
    let peer = Peer::dial(port);
    peer.0.set_nonblocking(true).unwrap();
    let lines = "x".repeat(999) + "\n";
    let mut idle = 0;
    while idle < 3 {
        match (&peer.0).write(lines.as_bytes()) {
            // Lines may be cut here; only that they are many matters.
            Ok(1..) => idle = 0,
            Ok(0) => unreachable!("a write that takes nothing fails"),
            // Until the kernel has been given time to move the rest: poll(2) with a time.
            Err(_) => {
                let mut fds = [rustix::event::PollFd::new(&peer.0, rustix::event::PollFlags::OUT)];
                let time = rustix::time::Timespec { tv_sec: 0, tv_nsec: 100_000_000 };
                if rustix::event::poll(&mut fds, Some(&time)).unwrap() == 0 {
                    idle += 1;
                }
            }
        }
    }
    peer
}

#[test]
fn a_client_that_reads_no_answers_does_not_stall_the_others() {
    let listener = Run::shell("exec framecat listen :0 --echo > /dev/null").start();
    let port = listener.port();
    let stalled = stall(port);
    let mut other = Peer::dial(port);
    for _ in 0..100 {
        other.send("hello\n");
        assert_eq!(other.line(), "hello\n");
    }
    assert!(listener.peak_memory() < 40 << 20, "{}", listener.peak_memory());
    drop(stalled);
    drop(other);
    listener.signal(Signal::TERM);
    listener.wait();
}

#[test]
fn a_stalled_reader_does_not_stall_the_others() {
    let line = "head -c 60000000 /dev/zero | tr '\\0' x | fold -w 999; echo end";
    let line = format!("( {line} ) | framecat listen :0 -f line --idle 4s");
    let listener = Run::shell(&line).start();
    let port = listener.port();
    let stalled = Peer::dial(port);
    let mut other = Peer::dial(port);
    let rest = other.rest();
    // What came before it joined is not its own; from there on it misses nothing.
    assert!(rest.ends_with(b"xend\n"), "{} bytes", rest.len());
    let told = listener.told("took nothing for 1 s");
    assert!(told.contains("connection 1: send to 127.0.0.1:"), "{told}");
    drop(stalled);
    // It lost what it did not take.
    assert_eq!(listener.wait().code, 9);
}

#[test]
fn count_and_until_end_the_listener() {
    for (args, code, printed) in [
        (&["--count", "2"][..], 0, "one\ntwo stop\r\n"),
        (&["--until", "stop"], 0, "one\ntwo stop\r\n"),
        // The CR of a line is not part of what is looked at.
        (&["--until", "stop\r"], 5, "one\ntwo stop\r\nthree\n"),
        (&["--count", "9"], 5, "one\ntwo stop\r\nthree\n"),
    ] {
        let mut args = [&[":0", "-f", "line"], args].concat();
        if code == 5 {
            args.extend(["--deadline", "1s"]);
        }
        let listener = listen(&args);
        Peer::dial(listener.port()).send("one\ntwo stop\r\nthree\n");
        listener.wait().expect(code, printed);
    }
}

#[test]
fn idle_ends_with_0_and_what_was_asked_for_and_did_not_come_with_1() {
    listen(&[":0", "-f", "line", "--idle", "200ms"]).wait().expect(0, "");
    let finished = listen(&[":0", "--count", "3", "--idle", "200ms"]).wait();
    finished.expect(1, "");
    assert!(finished.stderr.contains("0 of 3 messages"), "{finished}");
    let finished = listen(&["udp://:0", "--until", "x", "--idle", "200ms"]).wait();
    finished.expect(1, "");
    assert!(finished.stderr.contains("no message held `x`"), "{finished}");
    // One connection whose end comes before the count.
    let listener = listen(&[":0", "--count", "3", "--once"]);
    Peer::dial(listener.port()).send("one\n");
    let finished = listener.wait();
    finished.expect(1, "one\n");
    assert!(finished.stderr.contains("1 of 3 messages"), "{finished}");
}

#[test]
fn the_deadline_ends_with_5() {
    let finished = listen(&[":0", "-f", "line", "--deadline", "200ms"]).wait();
    finished.expect(5, "");
    assert!(finished.stderr.contains("the deadline came after"), "{finished}");
}

#[test]
fn the_first_line_tells_the_real_port() {
    for endpoint in ["0", ":0", "tcp://127.0.0.1:0", "udp://:0", "[::1]:0"] {
        let listener = listen(&[endpoint]);
        assert_ne!(listener.port(), 0);
        let told = listener.told("\n");
        assert!(told.starts_with("framecat: listening on "), "{told}");
        listener.told("this machine only; --lan for the network");
        listener.signal(Signal::TERM);
        listener.wait();
    }
    listen(&["udp://:0"]).told("broadcasts do not arrive");
}

#[test]
fn no_host_listens_on_loopback() {
    let listener = listen(&[":0"]);
    assert!(listener.endpoint().starts_with("tcp://127.0.0.1:"), "{}", listener.endpoint());
    let other = std::net::TcpStream::connect(("127.0.0.2", listener.port()));
    assert_eq!(other.map(drop).unwrap_err().kind(), std::io::ErrorKind::ConnectionRefused);
}

#[test]
fn lan_listens_everywhere_and_tells_every_address() {
    if Run::program("unshare", &["-rn", "true"]).run("").code != 0 {
        let _ = writeln!(std::io::stderr(), "skipped: no network namespace of our own here");
        return;
    }
    let line = "ip link add d0 type dummy && ip addr add 192.0.2.7/24 dev d0 && ip link set d0 up \
                && echo address >&2; exec framecat listen :0 --lan --deadline 100ms -f line";
    let ours = std::path::Path::new(env!("CARGO_BIN_EXE_framecat")).parent().expect("a folder");
    let path = format!("{}:{}", ours.display(), std::env::var("PATH").expect("it is set"));
    let finished = Run::program("unshare", &["-rn", "sh", "-c", line]).env("PATH", &path).run("");
    assert_eq!(finished.code, 5, "{finished}");
    // Not every machine lets us make an interface, and then there is no address to tell.
    let reach = match finished.stderr.contains("address\n") {
        true => "reachable at 192.0.2.7:",
        false => "the whole network, but this machine has no address there yet",
    };
    assert!(finished.stderr.contains("listening on tcp://[::]:"), "{finished}");
    assert!(finished.stderr.contains(reach), "{finished}");
}

#[test]
fn a_dead_socket_file_is_replaced() {
    let folder = Folder::new();
    let path = folder.file("s");
    // Bound, and gone without unlinking: what a crash leaves behind.
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    let listener = listen(&[&format!("unix://{path}"), "--echo"]);
    listener.endpoint();
    let mut peer = UnixStream::connect(&path).unwrap();
    peer.write_all(b"x\n").unwrap();
    peer.shutdown(std::net::Shutdown::Write).unwrap();
    assert_eq!(std::io::read_to_string(peer).unwrap(), "x\n");
    ends(listener, 0);
    assert!(!folder.path().join("s").exists(), "the path is gone after the end");
}

#[test]
fn a_live_socket_file_is_kept() {
    let folder = Folder::new();
    for scheme in ["unix", "unixgram", "unixseq"] {
        let endpoint = format!("{scheme}://{}", folder.file(scheme));
        let listener = listen(&[&endpoint, "--echo"]);
        listener.endpoint();
        let second = Run::new(&["listen", &endpoint, "--echo"]).run("");
        second.expect(1, "");
        assert!(second.stderr.contains("address already in use"), "{second}");
        let asked = Run::new(&["ask", &endpoint, "still there?"]).run("");
        asked.expect(0, "still there?\n");
        ends(listener, 0);
    }
}

#[test]
fn a_file_that_is_no_socket_is_never_removed() {
    let folder = Folder::new();
    let path = folder.file("notes.txt");
    std::fs::write(&path, "mine").unwrap();
    let finished = Run::new(&["listen", &format!("unix://{path}")]).run("");
    assert_ne!(finished.code, 0, "{finished}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "mine");
}

#[test]
fn a_datagram_over_the_maximum_is_told_with_its_length() {
    let mut listener = listen(&["udp://:0", "--max-message", "100"]);
    let port = listener.port();
    let (one, own) = udp();
    let (two, _) = udp();
    one.send_to(&[b'x'; 4321], ("127.0.0.1", port)).unwrap();
    listener.told(&format!("a datagram from 127.0.0.1:{own} is left out: its 4321 bytes"));
    two.send_to(&[b'y'; 100], ("127.0.0.1", port)).unwrap();
    assert_eq!(listener.read_line(), "y".repeat(100));
    ends(listener, 9);
}

#[test]
fn an_empty_datagram_is_a_message() {
    let listener = listen(&["udp://:0", "--count", "3", "--reply", "n={n} len={len}"]);
    let port = listener.port();
    let (socket, _) = udp();
    for (i, text) in ["a", "", "b"].into_iter().enumerate() {
        socket.send_to(text.as_bytes(), ("127.0.0.1", port)).unwrap();
        let answer = format!("n={} len={}", i + 1, text.len());
        assert_eq!(String::from_utf8(datagram(&socket)).unwrap(), answer);
    }
    listener.wait().expect(0, "a\n\nb\n");
}

#[test]
fn the_largest_datagram_arrives_whole() {
    let listener = listen(&["udp://:0", "--once", "--out", "raw"]);
    let (socket, _) = udp();
    let largest = run::peer::Random(7).bytes(65_507);
    socket.send_to(&largest, ("127.0.0.1", listener.port())).unwrap();
    listener.wait().expect(0, &largest);
}

#[test]
fn control_bytes_from_a_peer_do_not_reach_the_terminal() {
    if !have("script") {
        return;
    }
    let line = "script -qec 'framecat listen :0 --show -v' /dev/null";
    let mut listener = Run::shell(line).env("NO_COLOR", "1").start();
    let heard = listener.read_until("--lan for the network");
    let heard = String::from_utf8_lossy(&heard).into_owned();
    let digits = heard.split("127.0.0.1:").nth(1).expect("it is told");
    let digits: String = digits.chars().take_while(char::is_ascii_digit).collect();
    let mut peer = Peer::dial(digits.parse().unwrap());
    peer.send(b"\x1b]0;owned\x07\x1b[2J\x9b31m\x08plain\n");
    let seen = listener.read_until("plain");
    let acts = |byte: &u8| *byte != b'\n' && *byte != b'\r' && byte.is_ascii_control();
    assert!(!seen.iter().any(acts) && !seen.contains(&0x9b), "{seen:?}");
}

#[test]
fn json_tells_events_and_messages_both_ways_as_lines_that_parse() {
    let listener = listen(&[":0", "--json", "--reply", "re {payload}"]);
    let mut peer = Peer::dial(listener.port());
    peer.send(b"hello\n\xff\xfe\n");
    assert_eq!(peer.line(), "re hello\n");
    assert_eq!(peer.take(6), b"re \xff\xfe\n");
    peer.end();
    peer.rest();
    let finished = ends(listener, 0);
    let objects: Vec<serde_json::Value> = finished
        .text()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}")))
        .collect();
    let events: Vec<_> = objects.iter().map(|o| o["event"].as_str().unwrap()).collect();
    assert_eq!(events[..2], ["listening", "connected"], "{finished}");
    assert_eq!(events[events.len() - 2..], ["closed", "end"], "{finished}");
    assert_eq!(objects.last().unwrap()["exit"], 0, "{finished}");
    let messages: Vec<_> = objects.iter().filter(|o| o["event"] == "message").collect();
    let inward: Vec<_> = messages.iter().filter(|o| o["dir"] == "in").collect();
    let outward: Vec<_> = messages.iter().filter(|o| o["dir"] == "out").collect();
    assert_eq!((inward.len(), outward.len()), (2, 2), "{finished}");
    assert_eq!((&inward[0]["text"], &inward[0]["n"]), (&"hello".into(), &1.into()));
    assert_eq!((&inward[1]["base64"], &inward[1]["length"]), (&"//4=".into(), &2.into()));
    assert_eq!(outward[0]["text"], "re hello");
    assert!(messages.iter().all(|o| o["conn"] == 1 && o["time"].as_str().unwrap().ends_with('Z')));
}

#[test]
fn show_prints_both_directions_on_stderr_only() {
    let long = "z".repeat(300);
    for (show, in_shown, out_shown) in [
        ("--show", "n=1 4B a\\x01b!", "n=1 5B ra\\x01b!"),
        ("--show=hex", "n=1 4B 61016221", "n=1 5B 7261016221"),
        ("--show=dump", "61 01 62 21", "72 61 01 62 21"),
        ("--show=all", "n=1 4B a\\x01b!", "n=1 5B ra\\x01b!"),
    ] {
        let listener = listen(&[":0", show, "--reply", "r{payload}"]);
        let mut peer = Peer::dial(listener.port());
        peer.send(format!("a\x01b!\n{long}\n"));
        peer.line();
        peer.line();
        let finished = ends(listener, 0);
        assert_eq!(finished.text(), format!("a\x01b!\n{long}\n"), "{finished}");
        assert!(finished.stderr.contains(in_shown), "{show}: {finished}");
        assert!(finished.stderr.contains(out_shown), "{show}: {finished}");
        assert!(finished.stderr.contains(" < ") && finished.stderr.contains(" > "), "{finished}");
        let whole = finished.stderr.contains(&long);
        assert_eq!(whole, show == "--show=all", "{show}: {finished}");
    }
}

#[test]
fn v_tells_connections_and_their_ends() {
    let listener = listen(&[":0", "-f", "line", "--echo", "-v"]);
    let mut peer = Peer::dial(listener.port());
    peer.send("12345\n");
    peer.end();
    assert_eq!(peer.rest(), b"12345\n");
    let told = listener.told("is closed");
    assert!(told.contains("connection 1 with 127.0.0.1:"), "{told}");
    assert!(told.contains("1 message of 5 bytes in, 1 message of 5 bytes out"), "{told}");
}

#[test]
fn explain_touches_nothing() {
    let folder = Folder::new();
    let path = folder.file("s");
    let endpoint = format!("unix://{path}");
    let finished = Run::new(&["listen", &endpoint, "--reply", "x", "--explain"]).run("");
    assert_eq!(finished.code, 0, "{finished}");
    assert!(finished.text().contains(&path) && finished.stderr.is_empty(), "{finished}");
    assert!(!folder.path().join("s").exists());
    let refused = Run::new(&["connect", "127.0.0.1:1", "--explain"]).run("");
    assert_eq!(refused.code, 0, "{refused}");
}

#[test]
fn a_listener_can_restart_at_once() {
    let listener = listen(&[":0", "--echo"]);
    let port = listener.port();
    let mut peer = Peer::dial(port);
    peer.send("x\n");
    peer.line();
    // Our side closes first, so that the port is in TIME_WAIT afterwards.
    ends(listener, 0);
    drop(peer);
    let again = listen(&[&format!(":{port}"), "--echo"]);
    assert_eq!(again.port(), port);
}

#[test]
fn two_datagram_listeners_cannot_share_a_port() {
    let first = listen(&["udp://:0"]);
    let second = Run::new(&["listen", &format!("udp://:{}", first.port())]).run("");
    second.expect(1, "");
    assert!(second.stderr.contains("address already in use"), "{second}");
}

#[test]
fn a_signal_lets_the_answer_in_hand_be_finished() {
    let listener =
        Run::shell("exec framecat listen :0 -f len:u32be --echo --out len:u32be > /dev/null")
            .start();
    let mut peer = Peer::dial(listener.port());
    // More than the buffers on the way hold, so that most of the answer is still in hand.
    let message = [&15_000_000_u32.to_be_bytes()[..], &vec![b'x'; 15_000_000]].concat();
    peer.send(&message);
    assert_eq!(peer.take(4), message[..4]);
    listener.signal(Signal::TERM);
    assert!(peer.rest() == message[4..], "the answer is whole");
    assert_eq!(listener.wait().code, 0);
}

#[test]
fn a_datagram_client_without_a_name_is_told_and_the_others_are_answered() {
    let folder = Folder::new();
    let path = folder.file("s");
    let listener = listen(&[&format!("unixgram://{path}"), "--reply", "{payload}!"]);
    listener.endpoint();
    let unnamed = std::os::unix::net::UnixDatagram::unbound().unwrap();
    unnamed.send_to(b"who am I", &path).unwrap();
    let told = listener.told("it has bound no name, so nothing can be sent to it");
    assert!(told.contains("send to unnamed"), "{told}");
    let asked = Run::new(&["ask", &format!("unixgram://{path}"), "and I"]).run("");
    asked.expect(0, "and I!\n");
    ends(listener, 9).expect(9, "who am I\nand I\n");
}

#[test]
fn a_message_that_was_cut_does_not_run_into_another_peers() {
    let mut listener = listen(&[":0", "-f", "line"]);
    let mut first = Peer::dial(listener.port());
    first.send("half");
    first.end();
    assert_eq!(first.rest(), b"");
    assert_eq!(listener.read_line(), "half");
    listener.told("cut");
    let mut second = Peer::dial(listener.port());
    second.send("whole\n");
    assert_eq!(listener.read_line(), "whole");
    ends(listener, 0);
}

#[test]
fn an_open_port_is_told_as_json_too() {
    let listener = listen(&[":0", "-f", "line"]);
    let at = format!(":{}", listener.port());
    let finished = Run::new(&["connect", "-z", &at, "--json"]).run("");
    let events: Vec<serde_json::Value> =
        finished.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(events[0]["event"], "open", "{finished}");
    assert_eq!(events[1]["exit"], 0, "{finished}");
    ends(listener, 0);
    let finished = Run::new(&["connect", &at, "--json"]).run("");
    let last: serde_json::Value =
        serde_json::from_str(finished.text().lines().last().unwrap()).unwrap();
    assert_eq!((&last["event"], &last["exit"]), (&"end".into(), &4.into()), "{finished}");
}

#[test]
fn a_time_that_no_clock_reaches_is_a_mistake() {
    for flag in ["--deadline", "--idle", "--wait"] {
        let finished = Run::new(&["connect", ":1", flag, "9999999999999999999s"]).run("");
        assert_eq!(finished.code, 2, "{finished}");
    }
}

#[test]
fn a_rule_that_keeps_its_marker_reads_stdin_by_itself() {
    for (rule, marker) in [("line,keep", "\n"), ("crlf,keep", "\r\n")] {
        let listener = listen(&[":0", "-f", "line", "--echo"]);
        let at = format!(":{}", listener.port());
        let text = format!("one{marker}two{marker}");
        let finished = Run::new(&["connect", &at, "-f", rule, "--out", "raw"]).run(text.clone());
        finished.expect(0, &text);
        ends(listener, 0);
    }
}

#[test]
fn an_open_port_that_cannot_be_told_is_an_error() {
    let listener = listen(&[":0", "-f", "line"]);
    let at = format!(":{}", listener.port());
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let finished = Run::new(&["connect", "-z", &at, "--json"]).stdout(full).run("");
    assert_eq!(finished.code, 10, "{finished}");
    ends(listener, 0);
}

#[test]
fn the_text_of_until_is_found_across_reads_of_a_raw_stream() {
    let (target, right) = run::peer::tcp();
    let right = format!(":{right}");
    for verb in [&["listen", ":0", "--once"][..], &["relay", ":0", &right]] {
        let args = [verb, &["-f", "raw", "--until", "login: "]].concat();
        let waiting = Run::new(&args).stdin_null().start();
        let mut peer = Peer::dial(waiting.port());
        let mut other = (verb[0] == "relay").then(|| Peer::accept(&target));
        let mut waiting = waiting;
        for piece in ["lo", "gin", ":", " and more"] {
            peer.send(piece);
            // Each is a read of its own: it went on before the next was sent.
            match &mut other {
                Some(other) => assert_eq!(other.take(piece.len()), piece.as_bytes()),
                None => assert_eq!(waiting.read_until(piece), piece.as_bytes()),
            }
        }
        let ended = waiting.wait();
        assert_eq!(ended.code, 0, "{ended}");
    }
}
