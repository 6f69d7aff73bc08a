//! `framecat relay`, seen from outside: what goes in at one end comes out at the other, and nothing else.

mod run;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;

use run::peer::{Peer, Random, datagram, nobody, tcp, udp};
use run::{Finished, Folder, Run, Running, Signal};

fn relay(args: &[&str]) -> Running {
    Run::new(&[&["relay"], args].concat()).start()
}

fn ends(running: Running, code: i32) -> Finished {
    running.signal(Signal::TERM);
    let finished = running.wait();
    assert_eq!(finished.code, code, "{finished}");
    finished
}

/// A relay to the test, and one connection through it: the relay, its left and its right peer.
fn joined(args: &[&str]) -> (Running, Peer, Peer) {
    let (listener, port) = tcp();
    let relay = relay(&[&[":0", &format!(":{port}")], args].concat());
    let left = Peer::dial(relay.port());
    let right = Peer::accept(&listener);
    (relay, left, right)
}

#[test]
fn a_chain_of_relays_reframes_and_changes_no_message() {
    let folder = Folder::new();
    let middle = format!("unix://{},frame=len:u32be", folder.file("s"));
    let (server, port) = udp();
    let second = relay(&[&middle, &format!("udp://:{port}")]);
    second.endpoint();
    let first = relay(&[":0", &middle, "-f", "line"]);
    let mut client = Peer::dial(first.port());
    let mut random = Random(2026);
    for _ in 0..100 {
        let messages: Vec<Vec<u8>> = (0..10)
            .map(|_| {
                let n = random.below(1400);
                random.bytes(n).into_iter().filter(|byte| *byte != b'\n').collect()
            })
            .collect();
        client.send(messages.iter().flat_map(|m| [m, &b"\n"[..]].concat()).collect::<Vec<u8>>());
        for message in &messages {
            let mut buffer = vec![0; 1 << 16];
            let (taken, from) = server.recv_from(&mut buffer).expect("one comes");
            assert!(buffer[..taken] == message[..], "there");
            server.send_to(&buffer[..taken], from).unwrap();
        }
        for message in &messages {
            assert!(client.take(message.len() + 1)[..message.len()] == message[..], "and back");
        }
    }
    ends(first, 0);
    ends(second, 0);
}

#[test]
fn a_message_too_long_for_a_datagram_is_told_and_skipped() {
    let (server, port) = udp();
    let relay = relay(&[":0", &format!("udp://:{port}"), "-f", "line"]);
    let mut client = Peer::dial(relay.port());
    client.send("before\n");
    assert_eq!(datagram(&server), b"before");
    client.send("x".repeat(70_000) + "\nafter\n");
    assert_eq!(datagram(&server), b"after");
    let told = relay.told("message 2 from 127.0.0.1:");
    assert!(told.contains("70000 bytes"), "{told}");
    ends(relay, 9);
}

#[test]
fn a_relay_passes_half_close_in_both_directions() {
    for framing in [&[][..], &["-f", "line"], &["-f", "line", "-f", "len:u8"]] {
        let (line, other): (&[u8], &[u8]) =
            if framing.len() == 4 { (b"ask\n", b"\x03ask") } else { (b"ask\n", b"ask\n") };
        // The left ends first, and is answered afterwards.
        let (relay, mut left, mut right) = joined(framing);
        left.send(line);
        left.end();
        assert_eq!(right.rest(), other);
        right.send(other);
        right.end();
        assert_eq!(left.rest(), line);
        ends(relay, 0);
        // And the right.
        let (relay, mut left, mut right) = joined(framing);
        right.send(other);
        right.end();
        assert_eq!(left.rest(), line);
        left.send(line);
        left.end();
        assert_eq!(right.rest(), other);
        ends(relay, 0);
    }
}

/// Writes until the way is full, and gives how many bytes that took.
fn fill(mut to: &TcpStream, block: &[u8]) -> usize {
    to.set_nonblocking(true).unwrap();
    let (mut sent, mut refusals) = (0, 0);
    while refusals < 2 {
        match to.write(&block[sent % block.len()..]) {
            Ok(taken) => (sent, refusals) = (sent + taken, 0),
            Err(_) => {
                let mut fds = [rustix::event::PollFd::new(&to, rustix::event::PollFlags::OUT)];
                let time = rustix::time::Timespec { tv_sec: 0, tv_nsec: 100_000_000 };
                if rustix::event::poll(&mut fds, Some(&time)).unwrap() == 0 {
                    refusals += 1;
                }
            }
        }
    }
    to.set_nonblocking(false).unwrap();
    sent
}

#[test]
fn a_paused_reader_does_not_grow_the_relay() {
    const ALL: usize = 200_000_000;
    let block = ("y".repeat(999) + "\n").repeat(1000).into_bytes();
    for framing in [&[][..], &["-f", "line"]] {
        let (listener, port) = tcp();
        let relay = relay(&[&[":0", &format!(":{port}")], framing].concat());
        let left = Peer::dial(relay.port());
        let mut paused = Peer::accept(&listener);
        let before = relay.peak_memory();
        let sent = fill(&left.0, &block);
        // Nobody else is stalled.
        let mut other = Peer::dial(relay.port());
        let mut its = Peer::accept(&listener);
        for _ in 0..10 {
            other.send("hello\n");
            assert_eq!(its.line(), "hello\n");
            its.send("hello\n");
            assert_eq!(other.line(), "hello\n");
        }
        // The reader goes on, and all of it comes.
        let block = block.clone();
        let rest = thread::spawn(move || {
            let mut sent = sent;
            while sent < ALL {
                let from = sent % block.len();
                let end = block.len().min(from + ALL - sent);
                sent += (&left.0).write(&block[from..end]).unwrap();
            }
            left.end();
            left
        });
        let mut buffer = vec![0; 1 << 20];
        let (mut came, mut lines) = (0, 0);
        loop {
            match paused.0.read(&mut buffer).unwrap() {
                0 => break,
                taken => {
                    came += taken;
                    lines += buffer[..taken].iter().filter(|byte| **byte == b'\n').count();
                }
            }
        }
        assert_eq!((came, lines), (ALL, ALL / 1000));
        let _left = rest.join().unwrap();
        let grown = relay.peak_memory() - before;
        assert!(grown < 8 << 20, "{framing:?}: it grew by {grown} bytes");
    }
}

#[test]
fn a_reset_is_carried_on_as_a_reset() {
    for framing in [&[][..], &["-f", "line"]] {
        let (relay, mut left, mut right) = joined(framing);
        left.send("x\n");
        assert_eq!(right.line(), "x\n");
        left.reset();
        let error = right.0.read(&mut [0]).expect_err("no end");
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
        relay.told("connection reset");
        drop(relay);

        let (relay, mut left, mut right) = joined(framing);
        right.send("x\n");
        assert_eq!(left.line(), "x\n");
        right.reset();
        let error = left.0.read(&mut [0]).expect_err("no end");
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
        relay.told("connection reset");
    }
}

#[test]
fn a_right_side_that_refuses_closes_the_left_and_the_relay_lives_on() {
    let port = nobody();
    let relay = relay(&[":0", &format!(":{port}"), "-f", "line"]);
    let mut left = Peer::dial(relay.port());
    assert_eq!(left.rest(), b"");
    relay.told(&format!("connection 1: connect tcp://:{port}: connection refused"));
    let listener = std::net::TcpListener::bind(("127.0.0.1", port)).unwrap();
    let mut left = Peer::dial(relay.port());
    left.send("now\n");
    assert_eq!(Peer::accept(&listener).line(), "now\n");
    ends(relay, 9);
}

#[test]
fn many_clients_are_relayed_at_once() {
    let server = Run::new(&["listen", ":0", "--reply", "{payload} at {n}"]).start();
    let relay = relay(&[":0", &server.endpoint(), "-f", "line"]);
    let mut clients: Vec<_> = (0..50).map(|_| Peer::dial(relay.port())).collect();
    for round in 1..=3 {
        for (i, client) in clients.iter_mut().enumerate() {
            client.send(format!("{i}\n"));
        }
        for (i, client) in clients.iter_mut().enumerate() {
            assert_eq!(client.line(), format!("{i} at {round}\n"));
        }
    }
    ends(relay, 0);
}

#[test]
fn replies_over_udp_go_to_the_peer_that_asked() {
    let (server, port) = udp();
    let relay = relay(&["udp://:0", &format!("udp://:{port}")]);
    let there = ("127.0.0.1", relay.port());
    let ((one, _), (two, _)) = (udp(), udp());
    let mut buffer = [0; 100];
    one.send_to(b"one", there).unwrap();
    let (_, from_one) = server.recv_from(&mut buffer).unwrap();
    two.send_to(b"two", there).unwrap();
    let (taken, from_two) = server.recv_from(&mut buffer).unwrap();
    assert_eq!(&buffer[..taken], b"two");
    assert_ne!(from_one, from_two);
    server.send_to(b"for two", from_two).unwrap();
    server.send_to(b"", from_two).unwrap();
    server.send_to(b"for one", from_one).unwrap();
    assert_eq!(datagram(&one), b"for one");
    assert_eq!(datagram(&two), b"for two");
    assert_eq!(datagram(&two), b"");
    ends(relay, 0);
}

#[test]
fn an_idle_connection_is_ended_and_the_relay_lives_on() {
    let (listener, port) = tcp();
    let relay = relay(&[":0", &format!(":{port}"), "--idle", "500ms"]);
    for _ in 0..2 {
        let mut left = Peer::dial(relay.port());
        let mut right = Peer::accept(&listener);
        left.send("x\n");
        assert_eq!(right.line(), "x\n");
        assert_eq!((left.rest(), right.rest()), (vec![], vec![]));
    }
    ends(relay, 0);
}

#[test]
fn count_and_until_end_the_relay_with_the_message_that_met_them() {
    for args in [["--count", "2"], ["--until", "stop"]] {
        let (relay, mut left, mut right) = joined(&[&["-f", "line"], &args[..]].concat());
        left.send("one\nstop here\r\nthree\n");
        assert_eq!(right.rest(), b"one\nstop here\r\n", "{args:?}");
        let finished = relay.wait();
        finished.expect(0, "");
    }
    let (relay, left, right) = joined(&["--count", "2", "--once"]);
    left.end();
    right.end();
    relay.wait().expect(1, "");
}

#[test]
fn show_and_json_tell_both_directions_once() {
    let (relay, mut left, mut right) = joined(&["-f", "line", "--show", "--json"]);
    left.send("there\n");
    assert_eq!(right.line(), "there\n");
    right.send(b"back\xff\n");
    assert_eq!(left.take(6), b"back\xff\n");
    left.end();
    assert_eq!(right.rest(), b"");
    right.end();
    assert_eq!(left.rest(), b"");
    let finished = ends(relay, 0);
    for (arrow, text) in [("<", "5B there\n"), (">", "5B back\\xff\n")] {
        let shown: Vec<_> =
            finished.stderr.lines().filter(|l| l.contains(text.trim_end())).collect();
        assert_eq!(shown.len(), 1, "{finished}");
        assert!(shown[0].contains(&format!("#1 {arrow} 127.0.0.1:")), "{finished}");
    }
    let objects: Vec<serde_json::Value> =
        finished.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let messages: Vec<_> = objects.iter().filter(|o| o["event"] == "message").collect();
    assert_eq!(messages.len(), 2, "{finished}");
    assert_eq!((&messages[0]["dir"], &messages[0]["text"]), (&"in".into(), &"there".into()));
    assert_eq!((&messages[1]["dir"], &messages[1]["base64"]), (&"out".into(), &"YmFja/8=".into()));
    assert_eq!(objects[objects.len() - 2]["event"], "closed", "{finished}");
    assert_eq!(objects.last().unwrap()["exit"], 0, "{finished}");
}

#[test]
fn a_raw_relay_is_exact_both_ways_at_once_and_the_fast_path_runs_where_it_can() {
    const ALL: usize = 50_000_000;
    let (relay, left, right) = joined(&["-v"]);
    let ends_of = |peer: Peer, seed: u64| {
        let mut writing = peer.0.try_clone().unwrap();
        let write = thread::spawn(move || {
            writing.write_all(&Random(seed).bytes(ALL)).unwrap();
            writing.shutdown(std::net::Shutdown::Write).unwrap();
        });
        let read = thread::spawn(move || Peer::of(peer.0).rest());
        (write, read)
    };
    let (left_write, left_read) = ends_of(left, 1);
    let (right_write, right_read) = ends_of(right, 2);
    assert!(left_read.join().unwrap() == Random(2).bytes(ALL), "right to left");
    assert!(right_read.join().unwrap() == Random(1).bytes(ALL), "left to right");
    left_write.join().unwrap();
    right_write.join().unwrap();
    relay.told(&format!("is closed: {ALL} bytes in, {ALL} bytes out"));
    let finished = ends(relay, 0);
    assert_eq!(finished.stderr.matches("bytes move by splice").count(), 2, "{finished}");
}

#[test]
fn a_stream_without_a_framing_joined_to_messages_is_a_mistake() {
    let folder = Folder::new();
    let gram = format!("unixgram://{}", folder.file("s"));
    for (left, right) in [(":0", "udp://:9"), ("udp://:0", ":9"), (":0", &gram)] {
        let finished = Run::new(&["relay", left, right]).run("");
        finished.expect(2, "");
        assert!(finished.stderr.contains("-f line"), "{finished}");
        assert!(!finished.stderr.contains("listening"), "{finished}");
    }
}

#[test]
fn a_message_that_the_other_framing_cannot_hold_is_told_and_skipped() {
    let (relay, mut left, mut right) = joined(&["-f", "len:u16be", "-f", "line"]);
    left.send(b"\0\x03a\nb\0\x02ok");
    assert_eq!(right.line(), "ok\n");
    let told = relay.told("message 1 from 127.0.0.1:");
    assert!(told.contains("line cannot hold it"), "{told}");
    right.send("x".repeat(70_000) + "\nok\n");
    assert_eq!(left.take(4), b"\0\x02ok");
    relay.told("message 1 to 127.0.0.1:");
    ends(relay, 9);
}

#[test]
fn a_client_over_the_maximum_waits() {
    let (listener, port) = tcp();
    let relay = relay(&[":0", &format!(":{port}"), "--max-clients", "1", "-f", "line"]);
    let mut first = Peer::dial(relay.port());
    let mut first_right = Peer::accept(&listener);
    let mut second = Peer::dial(relay.port());
    second.send("2\n");
    first.send("1\n");
    assert_eq!(first_right.line(), "1\n");
    listener.set_nonblocking(true).unwrap();
    let early = listener.accept().map(drop).map_err(|error| error.kind());
    assert_eq!(early, Err(std::io::ErrorKind::WouldBlock));
    listener.set_nonblocking(false).unwrap();
    drop(first);
    drop(first_right);
    assert_eq!(Peer::accept(&listener).line(), "2\n");
}

#[test]
fn a_signal_lets_the_message_in_hand_be_finished() {
    let (relay, mut left, mut right) = joined(&["-f", "len:u32be"]);
    // More than the buffers on the way hold, so that most of it is still in hand.
    let message = [&15_000_000_u32.to_be_bytes()[..], &vec![b'x'; 15_000_000]].concat();
    left.send(&message);
    assert_eq!(right.take(4), message[..4]);
    relay.signal(Signal::TERM);
    assert!(right.rest() == message[4..], "the message is whole");
    assert_eq!(relay.wait().code, 0);
}

#[test]
fn once_with_a_datagram_end_carries_the_whole_conversation() {
    let echo = Run::new(&["listen", ":0", "-f", "line", "--echo"]).start();
    let right = format!(":{},frame=line", echo.port());
    let relay = Run::new(&["relay", "udp://:0", &right, "--once"]).start();
    let left = format!("udp://:{}", relay.port());
    Run::new(&["ask", &left, "one", "two", "three"]).run("").expect(0, "one\ntwo\nthree\n");
    ends(relay, 0);
    ends(echo, 0);
}

#[test]
fn a_message_begun_on_an_idle_connection_is_told_when_that_is_ended() {
    let echo = Run::new(&["listen", ":0", "-f", "line", "--echo"]).start();
    let right = format!(":{}", echo.port());
    let relay = Run::new(&["relay", ":0", &right, "-f", "line", "--idle", "2s"]).start();
    let mut peer = Peer::dial(relay.port());
    peer.send("one\nhalf");
    assert_eq!(peer.rest(), b"one\n");
    let finished = ends(relay, 9);
    assert!(finished.stderr.contains("4 bytes"), "{finished}");
    ends(echo, 0);
}
