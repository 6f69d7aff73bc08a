//! `framecat relay --shared`, seen from outside: many clients, one dial.

mod history;
mod run;

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;

use history::{Heard, Id, Sent, check};
use run::peer::{Peer, datagram, nobody, tcp, udp};
use run::{Finished, Folder, Run, Running, Signal, have};

fn shared(left: &str, right: &str, args: &[&str]) -> Running {
    Run::new(&[&["relay", "--shared", left, right], args].concat()).start()
}

#[track_caller]
fn ends(running: Running, code: i32) -> Finished {
    running.signal(Signal::TERM);
    let finished = running.wait();
    assert_eq!(finished.code, code, "{finished}");
    finished
}

/// A relay whose dial is the test's.
fn dialled(args: &[&str]) -> (Running, Peer) {
    let (listener, port) = tcp();
    let relay = shared(":0", &format!(":{port}"), args);
    relay.endpoint();
    (relay, Peer::accept(&listener))
}

/// A client that the dial has heard.
fn client(relay: &Running, dial: &mut Peer, name: &str) -> Peer {
    let mut client = Peer::dial(relay.port());
    client.send(format!("{name}\n"));
    assert_eq!(dial.line(), format!("{name}\n"));
    client
}

#[test]
fn all_clients_speak_to_one_dial_and_all_hear_what_it_says() {
    let (relay, mut dial) = dialled(&[]);
    let mut ann = client(&relay, &mut dial, "ann");
    let mut bob = client(&relay, &mut dial, "bob");
    dial.send("hello, both\n");
    assert_eq!((ann.line(), bob.line()), ("hello, both\n".into(), "hello, both\n".into()));
    // Half a message of one does not get between the messages of another.
    ann.send("the first half");
    bob.send("whole\n");
    assert_eq!(dial.line(), "whole\n");
    ann.send(" and the rest\n");
    assert_eq!(dial.line(), "the first half and the rest\n");
    // One that has ended still hears; one that left does not matter.
    bob.end();
    dial.send("for all\n");
    assert_eq!((ann.line(), bob.line()), ("for all\n".into(), "for all\n".into()));
    drop(ann);
    dial.send("for bob\n");
    assert_eq!(bob.line(), "for bob\n");
    ends(relay, 0);
    assert_eq!((dial.rest(), bob.rest()), (vec![], vec![]));
}

#[test]
fn each_side_has_its_framing_and_each_message_its_bytes() {
    let (relay, mut dial) = dialled(&["-f", "line", "-f", "len:u16be"]);
    let mut clients = [Peer::dial(relay.port()), Peer::dial(relay.port())];
    clients[0].send("one\n");
    assert_eq!(dial.take(5), b"\0\x03one");
    clients[1].send("two");
    clients[1].end();
    // The end of one client cuts its message, and nothing of the others.
    assert_eq!(dial.take(5), b"\0\x03two");
    relay.told("is cut");
    dial.send(b"\0\x02a\n\0\x02ok");
    for client in &mut clients {
        assert_eq!(client.line(), "ok\n");
    }
    let told = relay.told("cannot hold it");
    assert!(told.contains("message 1 from 127.0.0.1:"), "{told}");
    ends(relay, 9);
}

#[test]
fn all_kinds_of_ends_share_a_dial() {
    let folder = Folder::new();
    let (server, port) = udp();
    for left in ["tcp", "unix", "unixseq", "unixgram", "udp"] {
        let endpoint = match left {
            "tcp" | "udp" => format!("{left}://:0"),
            _ => format!("{left}://{}", folder.file(left)),
        };
        let framing: &[&str] = if matches!(left, "tcp" | "unix") { &["-f", "line"] } else { &[] };
        let relay = shared(&endpoint, &format!("udp://:{port}"), framing);
        let endpoint = relay.endpoint();
        let mut clients: Vec<_> = (0..3)
            .map(|i| {
                let args = ["connect", &endpoint, "--in", "line", "--out", "line"];
                let mut client = Run::new(&args).start();
                client.stdin_write(format!("{i} over {left}\n"));
                assert_eq!(datagram(&server), format!("{i} over {left}").as_bytes());
                client
            })
            .collect();
        clients[1].stdin_write("whence?\n");
        let mut buffer = [0; 100];
        let (_, relayed) = server.recv_from(&mut buffer).unwrap();
        server.send_to(b"for all", relayed).unwrap();
        for client in &mut clients {
            assert_eq!(client.read_line(), "for all", "{left}");
        }
        ends(relay, 0);
    }
}

#[test]
fn the_end_of_the_dial_is_the_end_of_its_clients_and_of_the_relay() {
    let (relay, mut dial) = dialled(&[]);
    let mut ann = client(&relay, &mut dial, "ann");
    let mut bob = client(&relay, &mut dial, "bob");
    dial.send("last words\n");
    dial.end();
    assert_eq!((ann.rest(), bob.rest()), (b"last words\n".to_vec(), b"last words\n".to_vec()));
    // Its own ears are open still: the end of one direction is the end of that direction.
    ann.send("goodbye\n");
    assert_eq!(dial.line(), "goodbye\n");
    assert!(TcpStream::connect(("127.0.0.1", relay.port())).is_err(), "nobody else is let in");
    ann.end();
    bob.end();
    let finished = relay.wait();
    finished.expect(0, "");
    assert_eq!(dial.rest(), b"");
}

#[test]
fn a_reset_of_the_dial_resets_its_clients() {
    let (relay, mut dial) = dialled(&[]);
    let mut ann = client(&relay, &mut dial, "ann");
    dial.reset();
    let error = ann.0.read_to_end(&mut Vec::new()).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    let finished = relay.wait();
    finished.expect(1, "");
    assert!(finished.stderr.contains("receive from 127.0.0.1:"), "{finished}");
}

#[test]
fn a_dial_that_nobody_takes_ends_the_relay() {
    let finished = shared(":0", &format!(":{}", nobody()), &[]).wait();
    finished.expect(4, "");
    assert!(finished.stderr.contains("connection refused"), "{finished}");
    let finished = Run::new(&["relay", "--shared", "--once", ":0", ":1"]).run("");
    finished.expect(2, "");
    let finished = Run::new(&["relay", "--shared", "-", ":1"]).run("");
    finished.expect(2, "");
    assert!(finished.stderr.contains("--shared is for many clients"), "{finished}");
    let explained = Run::new(&["relay", "--shared", ":0", ":1", "--explain"]).run("").text();
    assert!(explained.contains("once, for all clients"), "{explained}");
}

#[test]
fn a_client_that_stalls_is_dropped_and_the_others_get_all() {
    let (listener, port) = tcp();
    let relay = shared(":0,sndbuf=16KiB", &format!(":{port}"), &[]);
    relay.endpoint();
    let mut dial = Peer::accept(&listener);
    let stalled = client(&relay, &mut dial, "stalled");
    let mut other = client(&relay, &mut dial, "other");
    let line = "x".repeat(999) + "\n";
    let saying = thread::spawn(move || {
        (0..10_000).for_each(|_| dial.send(&line));
        dial.end();
    });
    assert_eq!(other.rest().len(), 10_000_000);
    saying.join().unwrap();
    let told = relay.told("took nothing for 1 s");
    assert!(told.contains("connection 2: send to 127.0.0.1:"), "{told}");
    drop((stalled, other));
    assert_eq!(relay.wait().code, 9);
}

#[test]
fn count_and_signals_end_with_nothing_in_hand() {
    let (relay, mut dial) = dialled(&["--count", "3"]);
    let mut ann = client(&relay, &mut dial, "ann");
    dial.send("two\nthree\nfour\n");
    assert_eq!(ann.rest(), b"two\nthree\n");
    relay.wait().expect(0, "");

    let (relay, mut dial) = dialled(&["--show"]);
    let mut ann = client(&relay, &mut dial, "ann");
    dial.send("x\n");
    assert_eq!(ann.line(), "x\n");
    let told = relay.told("1B x");
    assert!(told.contains("#2 < 127.0.0.1:") && told.contains("#1 < 127.0.0.1:"), "{told}");
    ends(relay, 0);
}

#[test]
fn stdin_and_stdout_can_be_what_they_share() {
    let mut relay = shared(":0", "-", &[]);
    let mut clients = [Peer::dial(relay.port()), Peer::dial(relay.port())];
    for (i, client) in clients.iter_mut().enumerate() {
        client.send(format!("{i}\n"));
        assert_eq!(relay.read_line(), format!("{i}"));
    }
    relay.stdin_write("to both\n");
    relay.close_stdin();
    for client in &mut clients {
        assert_eq!(client.rest(), b"to both\n");
        client.end();
    }
    relay.wait().expect(0, "0\n1\n");
}

#[test]
fn what_goes_to_many_is_shared_by_nature() {
    let args = ["listen", "broadcast://lo:0", "--reply", "heard {payload}"];
    let responder = Run::new(&args).start();
    let to = format!("broadcast://lo:{}", responder.port());
    let relay = Run::new(&["relay", ":0", &to, "-f", "line"]).start();
    let mut clients = Vec::new();
    for name in ["ann", "bob", "eve"] {
        // Whoever has its own answer is in, and hears the others'.
        clients.push(Peer::dial(relay.port()));
        clients.last_mut().expect("it is there").send(format!("{name}\n"));
        clients.iter_mut().for_each(|peer| assert_eq!(peer.line(), format!("heard {name}\n")));
    }
    ends(relay, 0);
}

#[test]
fn nc_is_a_dial_that_many_share() {
    if !have("nc") {
        return;
    }
    let folder = Folder::new();
    let path = folder.file("s");
    let mut server = Run::program("nc", &["-lvU", &path]).start();
    server.told("istening on");
    let relay = shared(":0", &format!("unix://{path}"), &[]);
    let mut clients: Vec<_> = (0..3)
        .map(|i| {
            let mut client = Peer::dial(relay.port());
            client.send(format!("{i} is here\n"));
            assert_eq!(server.read_line(), format!("{i} is here"));
            client
        })
        .collect();
    server.stdin_write("hello from nc\n");
    for client in &mut clients {
        assert_eq!(client.line(), "hello from nc\n");
    }
    ends(relay, 0);
    server.finish();
}

/// Many clients that all speak at once, and a dial that speaks too.
fn play(seed: u64) -> Vec<history::Wrong> {
    const CLIENTS: usize = 8;
    const SAYS: u64 = 300;
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let right = format!(":{},frame=len:u32be", listener.local_addr().unwrap().port());
    let relay = shared(":0", &right, &["-f", "line"]);
    let port = relay.port();
    let dial = Peer::accept(&listener).0;
    let payload = |sender, n| Id { sender, n }.payload(seed, false);
    let read = move |message: &[u8]| {
        Id::read(message, seed, false)
            .ok_or_else(|| String::from_utf8_lossy(&message[..message.len().min(40)]).into_owned())
    };
    let said = Arc::new(AtomicU64::new(0));
    let all_joined = Arc::new(Barrier::new(CLIENTS + 2));
    // Sender 0 is the dial. Its first CLIENTS messages heard are hellos, whoever they are from.
    let hearing = thread::spawn({
        let (mut dial, all_joined) = (dial.try_clone().unwrap(), all_joined.clone());
        move || {
            let mut got = Vec::new();
            for n in 0..CLIENTS as u64 * (SAYS + 1) {
                let mut len = [0; 4];
                dial.read_exact(&mut len).unwrap();
                let mut message = vec![0; u32::from_be_bytes(len) as usize];
                dial.read_exact(&mut message).unwrap();
                got.push(read(&message));
                if n + 1 == CLIENTS as u64 {
                    all_joined.wait();
                }
            }
            got
        }
    });
    let clients: Vec<_> = (1..=CLIENTS)
        .map(|sender| {
            let (all_joined, said) = (all_joined.clone(), said.clone());
            thread::spawn(move || {
                let stream = Peer::dial(port).0;
                let say = |n| [Id { sender, n }.payload(seed, false), b"\n".to_vec()].concat();
                (&stream).write_all(&say(0)).unwrap();
                let reading = thread::spawn({
                    let mut stream = stream.try_clone().unwrap();
                    move || {
                        let mut bytes = Vec::new();
                        stream.read_to_end(&mut bytes).unwrap();
                        bytes.split(|b| *b == b'\n').map(read).collect::<Vec<_>>()
                    }
                });
                all_joined.wait();
                for n in 1..=SAYS {
                    (&stream).write_all(&say(n)).unwrap();
                    said.fetch_add(1, Ordering::SeqCst);
                }
                let mut got = reading.join().unwrap();
                // Behind the last LF is nothing.
                assert_eq!(got.pop(), Some(Err(String::new())));
                got
            })
        })
        .collect();
    // All are there when the dial begins to speak.
    let speaking = thread::spawn({
        let all_joined = all_joined.clone();
        let mut dial = dial.try_clone().unwrap();
        let messages: Vec<Vec<u8>> = (0..SAYS).map(|n| payload(0, n)).collect();
        move || {
            all_joined.wait();
            for message in messages {
                let len = (message.len() as u32).to_be_bytes();
                dial.write_all(&[&len, &message[..]].concat()).unwrap();
            }
        }
    });
    let dial_got = hearing.join().unwrap();
    speaking.join().unwrap();
    relay.signal(Signal::TERM);
    let own = |sender| (sender > 0).then_some(sender);
    let mut heard = Vec::new();
    for (i, client) in clients.into_iter().enumerate() {
        let got = client.join().unwrap();
        assert!(got.iter().flatten().all(|id| id.sender == 0), "another client's message");
        // It hears the dial and no other client; it may have joined behind the dial's first words.
        let mut from = vec![SAYS + 1; CLIENTS + 1];
        from[0] = 0;
        heard.push(Heard {
            name: format!("client {}", i + 1),
            own: own(i + 1),
            got,
            from,
            left: false,
        });
    }
    let finished = relay.wait();
    assert_eq!(finished.code, 0, "{finished}");
    let mut sent = vec![Sent { messages: SAYS + 1, reset: false }; CLIENTS + 1];
    sent[0].messages = SAYS;
    let from = vec![0; CLIENTS + 1];
    let dial = Heard { name: "dial".into(), own: Some(0), got: dial_got, from, left: false };
    let mut wrong = check(&sent, &[dial]);
    wrong.extend(check(&sent, &heard));
    wrong
}

#[test]
fn every_message_goes_there_and_back_once_whole_and_in_order() {
    let seeds = match std::env::var("FRAMECAT_SEED") {
        Ok(seed) => vec![seed.parse().expect("FRAMECAT_SEED is a number")],
        Err(_) => vec![1, 2, 3],
    };
    for seed in seeds {
        let wrong = play(seed);
        assert!(
            wrong.is_empty(),
            "{wrong:#?}\nrepeat it: FRAMECAT_SEED={seed} cargo test -p framecat --test relay_shared \
             every_message"
        );
    }
}

#[test]
fn a_client_that_closed_gives_its_place_to_others_though_the_dial_is_silent() {
    let folder = Folder::new();
    let (listener, port) = tcp();
    let relay = shared(
        &format!("unix://{}", folder.file("s")),
        &format!(":{port}"),
        &["--max-clients", "1", "-v"],
    );
    let endpoint = relay.endpoint();
    let mut dial = Peer::accept(&listener);
    for n in 0..2 {
        drop(std::os::unix::net::UnixStream::connect(folder.file("s")).unwrap());
        let mut client = Run::new(&["connect", &endpoint, "-f", "line"]).start();
        client.stdin_write(format!("hello {n}\n"));
        assert_eq!(dial.line(), format!("hello {n}\n"));
        client.signal(Signal::KILL);
        client.wait();
    }
    ends(relay, 0);
}
