//! `framecat listen --chat`, seen from outside: one peer speaks, all the others hear. What each of many
//! peers gets, whatever they do, is in chat_histories.rs; the crowd is in chat_crowd.rs.

mod run;

use std::os::unix::net::UnixDatagram;

use run::peer::{Peer, datagram, udp};
use run::{Folder, Run, Running, Signal, have};

fn chat(args: &[&str]) -> Running {
    Run::new(&[&["listen", "--chat"], args].concat()).start()
}

#[track_caller]
fn ends(running: Running, code: i32) -> run::Finished {
    running.signal(Signal::TERM);
    let finished = running.wait();
    assert_eq!(finished.code, code, "{finished}");
    finished
}

/// A peer that the listener has heard: it is in the chat.
fn joined(listener: &mut Running, name: &str) -> Peer {
    let mut peer = Peer::dial(listener.port());
    peer.send(format!("{name} is here\n"));
    assert_eq!(listener.read_line(), format!("{name} is here"));
    peer
}

#[test]
fn each_message_goes_to_all_the_others_and_stdins_to_all() {
    let mut listener = chat(&[":0"]);
    let mut ann = joined(&mut listener, "ann");
    let mut bob = joined(&mut listener, "bob");
    assert_eq!(ann.line(), "bob is here\n");
    let mut eve = joined(&mut listener, "eve");
    assert_eq!((ann.line(), bob.line()), ("eve is here\n".into(), "eve is here\n".into()));
    ann.send("one\ntwo\n");
    for peer in [&mut bob, &mut eve] {
        assert_eq!((peer.line(), peer.line()), ("one\n".into(), "two\n".into()));
    }
    listener.stdin_write("from the keyboard\n");
    for peer in [&mut ann, &mut bob, &mut eve] {
        assert_eq!(peer.line(), "from the keyboard\n");
    }
    assert_eq!((listener.read_line(), listener.read_line()), ("one".into(), "two".into()));
    // What is under way at a signal arrives before the end.
    eve.send("last\n");
    assert_eq!(listener.read_line(), "last");
    ends(listener, 0);
    // Nobody got anything back that was its own.
    assert_eq!((ann.rest(), bob.rest()), (b"last\n".to_vec(), b"last\n".to_vec()));
    assert_eq!(eve.rest(), b"");
}

#[test]
fn every_kind_of_endpoint_has_chats() {
    let folder = Folder::new();
    for scheme in ["tcp", "unix", "unixseq", "unixgram", "udp"] {
        let endpoint = match scheme {
            "tcp" | "udp" => format!("{scheme}://:0"),
            _ => format!("{scheme}://{}", folder.file("s")),
        };
        let mut listener = chat(&[&endpoint]);
        let endpoint = listener.endpoint();
        let mut peers: Vec<_> = (0..4)
            .map(|i| {
                let args = ["connect", &endpoint, "--in", "line", "--out", "line"];
                let mut peer = Run::new(&args).start();
                // A datagram socket is in the chat once it has said something.
                peer.stdin_write(format!("hello from {i}\n"));
                assert_eq!(listener.read_line(), format!("hello from {i}"), "{scheme}");
                peer
            })
            .collect();
        for (i, peer) in peers.iter_mut().enumerate() {
            for other in i + 1..4 {
                assert_eq!(peer.read_line(), format!("hello from {other}"), "{scheme}");
            }
        }
        for speaker in 0..4 {
            peers[speaker].stdin_write(format!("{speaker} speaks\n"));
            for (i, peer) in peers.iter_mut().enumerate().filter(|(i, _)| *i != speaker) {
                assert_eq!(peer.read_line(), format!("{speaker} speaks"), "{i} over {scheme}");
            }
        }
        listener.stdin_write("typed\n");
        for peer in &mut peers {
            assert_eq!(peer.read_line(), "typed", "{scheme}");
        }
        ends(listener, 0);
    }
}

#[test]
fn messages_of_any_bytes_stay_whole() {
    let mut listener = chat(&[":0", "-f", "len:u16be", "--out", "hex"]);
    let (mut one, mut two) = (Peer::dial(listener.port()), Peer::dial(listener.port()));
    one.send(b"\0\x01a");
    two.send(b"\0\x01b");
    let mut heard = [listener.read_line(), listener.read_line()];
    heard.sort();
    assert_eq!(heard, ["61", "62"]);
    // Half a message of one does not get between the messages of another.
    let mut three = Peer::dial(listener.port());
    three.send(b"\0\x01c");
    assert_eq!(listener.read_line(), "63");
    one.send(b"\0\x04\n\0");
    two.send(b"\0\x00\0\x02\xff\n");
    assert_eq!(three.take(6), b"\0\x00\0\x02\xff\n");
    one.send(b"\xfe;");
    assert_eq!(three.take(6), b"\0\x04\n\0\xfe;");
    ends(listener, 0);
}

#[test]
fn a_message_that_the_framing_cannot_hold_is_told_and_the_next_one_goes_out() {
    for show in [&[][..], &["--show"]] {
        let mut listener = chat(&[&[":0", "--in", "quoted"], show].concat());
        let mut ann = joined(&mut listener, "ann");
        listener.stdin_write("two\\nlines\nnext\n");
        assert_eq!(ann.line(), "next\n");
        let told = listener.told("is left out");
        assert!(told.contains("message 1 ") && told.contains("line cannot hold it"), "{told}");
        ends(listener, 9);
    }
}

#[test]
fn a_peer_that_has_said_its_last_gets_what_is_under_way_and_the_end() {
    let mut listener = chat(&[":0", "-v"]);
    let mut ann = joined(&mut listener, "ann");
    let mut bob = joined(&mut listener, "bob");
    assert_eq!(ann.line(), "bob is here\n");
    bob.send("goodbye, cut");
    bob.end();
    assert_eq!(bob.rest(), b"");
    // To the others it is a message like any other.
    assert_eq!(ann.line(), "goodbye, cut\n");
    assert_eq!(listener.read_line(), "goodbye, cut");
    let told = listener.told("is closed");
    assert!(told.contains("connection 2 with 127.0.0.1:"), "{told}");
    let mut eve = joined(&mut listener, "eve");
    assert_eq!(ann.line(), "eve is here\n");
    ann.send("still here\n");
    assert_eq!(eve.line(), "still here\n");
    ends(listener, 0);
}

#[test]
fn half_open_lets_a_peer_that_has_ended_hear_until_it_closes() {
    let mut listener = chat(&[":0", "--half-open", "-v"]);
    let mut reader = joined(&mut listener, "reader");
    reader.end();
    let mut ann = joined(&mut listener, "ann");
    assert_eq!(reader.line(), "ann is here\n");
    listener.stdin_write("typed\n");
    assert_eq!(reader.line(), "typed\n");
    drop(reader);
    // It closed: the first message it would have got is answered by a reset, and that is no failure.
    for n in 0.. {
        ann.send(format!("{n}\n"));
        assert_eq!(listener.read_line(), n.to_string());
        if listener.told_when(|_| true).contains("connection 1 with") && n > 1 {
            break;
        }
    }
    let told = listener.told("connection 1 with 127.0.0.1:");
    assert!(!told.contains("reset") && !told.contains("broken pipe"), "{told}");
    ends(listener, 0);
}

#[test]
fn the_end_of_stdin_ends_nothing() {
    let mut listener = Run::new(&["listen", ":0", "--chat"]).stdin_null().start();
    let mut ann = joined(&mut listener, "ann");
    let mut bob = joined(&mut listener, "bob");
    assert_eq!(ann.line(), "bob is here\n");
    ann.send("hello\n");
    assert_eq!(bob.line(), "hello\n");
    ends(listener, 0);
}

#[test]
fn count_and_until_end_a_chat_when_all_have_the_last_message() {
    for (args, last) in [(["--count", "4"], "two\n"), (["--until", "two"], "two\n")] {
        let mut listener = chat(&[&[":0"], &args[..]].concat());
        let mut ann = joined(&mut listener, "ann");
        let mut bob = joined(&mut listener, "bob");
        bob.send("one\ntwo\nthree\n");
        assert_eq!((ann.line(), ann.line()), ("bob is here\n".into(), "one\n".into()));
        assert_eq!(ann.rest(), last.as_bytes(), "{args:?}");
        assert_eq!(bob.rest(), b"");
        let finished = listener.wait();
        assert!(finished.stdout.ends_with(b"one\ntwo\n"), "{finished}");
        assert_eq!(finished.code, 0, "{finished}");
    }
}

#[test]
fn a_reset_of_one_is_told_and_the_others_go_on() {
    let mut listener = chat(&[":0"]);
    let mut ann = joined(&mut listener, "ann");
    let bob = joined(&mut listener, "bob");
    let mut eve = joined(&mut listener, "eve");
    assert_eq!((ann.line(), ann.line()), ("bob is here\n".into(), "eve is here\n".into()));
    bob.reset();
    let told = listener.told("connection 2: ");
    assert!(told.contains("reset"), "{told}");
    ann.send("are you there?\n");
    assert_eq!(eve.line(), "are you there?\n");
    ends(listener, 0);
}

#[test]
fn broken_framing_ends_its_sender_only() {
    let mut listener = chat(&[":0", "-f", "len:u16be", "--max-message", "100", "--out", "line"]);
    let mut ann = Peer::dial(listener.port());
    ann.send(b"\0\x01a");
    assert_eq!(listener.read_line(), "a");
    let mut mad = Peer::dial(listener.port());
    mad.send(b"\0\x02ok\xff\xff");
    assert_eq!(mad.rest(), b"");
    assert_eq!(ann.take(4), b"\0\x02ok");
    listener.told("len:u16be: message 2");
    let mut bob = Peer::dial(listener.port());
    bob.send(b"\0\x02hi");
    assert_eq!(ann.take(4), b"\0\x02hi");
    ends(listener, 9);
}

#[test]
fn every_delivery_is_shown_and_in_the_log() {
    let mut listener = chat(&[":0", "--show"]);
    let mut ann = joined(&mut listener, "ann");
    let mut bob = joined(&mut listener, "bob");
    ann.send("psst\n");
    assert_eq!(bob.line(), "psst\n");
    let told = listener.told("#2 > ");
    assert!(told.contains("#1 < ") && told.contains("4B psst"), "{told}");
    ends(listener, 0);

    let mut listener = chat(&[":0", "--json"]);
    let mut peers = [Peer::dial(listener.port()), Peer::dial(listener.port())];
    for peer in &mut peers {
        peer.send("x\n");
        let _ = listener.read_until("\"text\":\"x\"");
    }
    peers[1].send("psst\n");
    peers[1].end();
    assert_eq!((peers[0].line(), peers[0].line()), ("x\n".into(), "psst\n".into()));
    let log = ends(listener, 0).text();
    let has = |dir: &str, conn: u64, text: &str| {
        let conn = format!("\"conn\":{conn},");
        let found = log.lines().filter(|line| {
            line.contains(&conn) && line.contains(dir) && line.contains(&format!(":\"{text}\""))
        });
        found.count()
    };
    assert_eq!(has("\"dir\":\"in\"", 2, "psst"), 1, "{log}");
    assert_eq!(has("\"dir\":\"out\"", 1, "psst"), 1, "{log}");
    assert_eq!(has("\"dir\":\"out\"", 2, "psst"), 0, "{log}");
}

#[test]
fn a_datagram_peer_without_a_name_can_speak_and_is_told_that_it_hears_nothing() {
    let folder = Folder::new();
    let endpoint = format!("unixgram://{}", folder.file("s"));
    let mut listener = chat(&[&endpoint]);
    listener.endpoint();
    let named = UnixDatagram::bind(folder.file("named")).unwrap();
    named.connect(folder.file("s")).unwrap();
    named.set_read_timeout(Some(run::PATIENCE)).unwrap();
    named.send(b"hello").unwrap();
    assert_eq!(listener.read_line(), "hello");
    let unnamed = UnixDatagram::unbound().unwrap();
    unnamed.connect(folder.file("s")).unwrap();
    let mut buffer = [0; 10];
    for _ in 0..3 {
        unnamed.send(b"psst").unwrap();
        assert_eq!(named.recv(&mut buffer).map(|n| buffer[..n].to_vec()).unwrap(), b"psst");
        named.send(b"what?").unwrap();
    }
    let finished = ends(listener, 0);
    assert_eq!(finished.stderr.matches("it has bound no name").count(), 1, "{finished}");
    assert_eq!(finished.text().matches("what?").count(), 3, "{finished}");
}

#[test]
fn datagrams_of_any_size_go_to_all_the_others() {
    let mut listener = chat(&["udp://:0", "--out", "hex"]);
    let port = listener.port();
    let peers = [udp().0, udp().0, udp().0];
    for (i, peer) in peers.iter().enumerate() {
        peer.send_to(&[i as u8], ("127.0.0.1", port)).unwrap();
        assert_eq!(listener.read_line(), format!("{i:02x}"));
        peers[..i].iter().for_each(|other| assert_eq!(datagram(other), [i as u8]));
    }
    for size in [0, 1, 9000, 65_507] {
        let message = vec![7; size];
        peers[1].send_to(&message, ("127.0.0.1", port)).unwrap();
        assert_eq!((datagram(&peers[0]), datagram(&peers[2])), (message.clone(), message));
    }
    ends(listener, 0);
}

#[test]
fn nc_and_ncat_and_python_chat() {
    if !have("nc") || !have("ncat") || !have("python3") {
        return;
    }
    let mut listener = chat(&[":0"]);
    let port = listener.port().to_string();
    let python = "import socket, sys\n\
                  s = socket.create_connection(('127.0.0.1', int(sys.argv[1])))\n\
                  f = s.makefile('rwb', 0)\n\
                  f.write(b'python is here\\n')\n\
                  for _ in range(4): print(f.readline().decode(), end='', flush=True)\n\
                  f.write(b'goodbye\\n')";
    let snake = Run::program("python3", &["-c", python, &port]).start();
    assert_eq!(listener.read_line(), "python is here");
    let mut cats = ["nc", "ncat"].map(|program| {
        let mut cat = Run::program(program, &["127.0.0.1", &port]).start();
        cat.stdin_write(format!("{program} is here\n"));
        assert_eq!(listener.read_line(), format!("{program} is here"));
        cat
    });
    assert_eq!(cats[0].read_line(), "ncat is here");
    for (i, name) in ["nc", "ncat"].iter().enumerate() {
        cats[i].stdin_write(format!("{name} speaks\n"));
        assert_eq!(cats[1 - i].read_line(), format!("{name} speaks"));
    }
    snake.finish().expect(0, "nc is here\nncat is here\nnc speaks\nncat speaks\n");
    for cat in &mut cats {
        assert_eq!(cat.read_line(), "goodbye");
    }
    ends(listener, 0);
}

#[test]
fn what_makes_no_sense_with_chat_is_a_mistake() {
    for option in ["--echo", "--once", "--reply=x"] {
        let finished = Run::new(&["listen", ":0", "--chat", option]).run("");
        finished.expect(2, "");
        assert!(finished.stderr.contains("--chat"), "{finished}");
    }
    let explained = Run::new(&["listen", ":0", "--chat", "--explain"]).run("").text();
    assert!(explained.contains("what the others say, and stdin"), "{explained}");
    assert!(explained.contains("line"), "{explained}");
}
