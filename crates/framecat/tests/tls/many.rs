//! `listen --chat` and `relay --shared` over TLS, among openssl and Python's ssl: what is encoded once for
//! all is encrypted for each, and a reader that stalls holds up nobody else.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::thread;

use crate::certs::Certs;
use crate::run::peer::{Peer, tcp};
use crate::run::{Run, Running, Signal, have};
use crate::{listen, openssl_server};

/// Says that it is here, and then reads nothing.
const STALLS: &str = r#"
import socket, ssl, sys
context = ssl.create_default_context(cafile=sys.argv[2])
raw = socket.socket()
raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16384)
raw.connect(("127.0.0.1", int(sys.argv[1])))
conn = context.wrap_socket(raw, server_hostname="localhost")
conn.sendall(b"stalled\n")
sys.stdin.read()
"#;

/// What is said while one stalls: more than the queue and the kernel hold for it.
fn said() -> Vec<u8> {
    (0..40_000).flat_map(|n| format!("{n:099}\n").into_bytes()).collect()
}

/// openssl's client: it speaks and hears at once.
fn client(certs: &Certs, port: u16) -> Running {
    let address = format!("127.0.0.1:{port}");
    let args = ["s_client", "-quiet", "-connect", &address, "-CAfile", &certs.ca];
    Run::program("openssl", &[&args[..], &["-verify_return_error"]].concat()).start()
}

fn stalls(certs: &Certs, port: u16) -> Running {
    Run::program("python3", &["-c", STALLS, &port.to_string(), &certs.ca]).start()
}

/// Dials `port` for the one who dials the port given, and keeps all that goes by in both directions.
fn wire(port: u16) -> (u16, thread::JoinHandle<Vec<u8>>) {
    let (listener, at) = tcp();
    let copy = |mut from: TcpStream, mut to: TcpStream| {
        thread::spawn(move || {
            let (mut all, mut buffer) = (Vec::new(), [0; 4096]);
            // A reset ends what goes by too.
            while let Ok(n @ 1..) = from.read(&mut buffer) {
                all.extend_from_slice(&buffer[..n]);
                if to.write_all(&buffer[..n]).is_err() {
                    break;
                }
            }
            let _ = to.shutdown(Shutdown::Write);
            all
        })
    };
    let both = move |listener: TcpListener| {
        let near = Peer::accept(&listener).0;
        let far = Peer::dial(port).0;
        let there = copy(near.try_clone().unwrap(), far.try_clone().unwrap());
        let back = copy(far, near);
        [there.join().unwrap(), back.join().unwrap()].concat()
    };
    (at, thread::spawn(move || both(listener)))
}

fn holds(bytes: &[u8], part: &str) -> bool {
    bytes.windows(part.len()).any(|window| window == part.as_bytes())
}

#[track_caller]
fn ends(running: Running, code: i32) {
    running.signal(Signal::TERM);
    let finished = running.wait();
    assert_eq!(finished.code, code, "{finished}");
}

#[test]
fn a_chat_is_encrypted_for_each() {
    if !have("openssl") {
        return;
    }
    let certs = Certs::new();
    let mut listener = listen(&certs, "", &["--chat"]);
    let (tapped, taped) = wire(listener.port());
    let mut peers = Vec::new();
    for (i, port) in [tapped, listener.port(), listener.port()].into_iter().enumerate() {
        let mut peer = client(&certs, port);
        peer.stdin_write(format!("peer {i} is here\n"));
        assert_eq!(listener.read_line(), format!("peer {i} is here"));
        for earlier in &mut peers {
            assert_eq!(Running::read_line(earlier), format!("peer {i} is here"));
        }
        peers.push(peer);
    }
    for speaker in 0..3 {
        peers[speaker].stdin_write(format!("a secret of {speaker}\n"));
        for (i, peer) in peers.iter_mut().enumerate().filter(|(i, _)| *i != speaker) {
            assert_eq!(peer.read_line(), format!("a secret of {speaker}"), "{i}");
        }
    }
    listener.stdin_write("a secret of the keyboard\n");
    for peer in &mut peers {
        assert_eq!(peer.read_line(), "a secret of the keyboard");
    }
    ends(listener, 0);
    drop(peers);
    let went_by = taped.join().unwrap();
    assert!(went_by.len() > 1000, "{} bytes went by", went_by.len());
    assert!(!holds(&went_by, "secret") && !holds(&went_by, "is here"), "it went by in the clear");
}

#[test]
fn a_peer_that_stalls_in_a_chat_holds_up_nobody() {
    if !have("openssl") || !have("python3") {
        return;
    }
    let certs = Certs::new();
    let mut listener = listen(&certs, ",sndbuf=16KiB", &["--chat"]);
    let mut others = Vec::new();
    for i in 0..2 {
        let mut other = client(&certs, listener.port());
        other.stdin_write(format!("{i}\n"));
        assert_eq!(listener.read_line(), format!("{i}"));
        others.push(other);
    }
    assert_eq!(others[0].read_line(), "1");
    let stalled = stalls(&certs, listener.port());
    assert_eq!(listener.read_line(), "stalled");
    listener.stdin_write(said());
    listener.stdin_write("the last\n");
    for other in &mut others {
        let heard = other.read_until("the last\n");
        assert!(heard == [b"stalled\n", &said()[..], b"the last\n"].concat(), "{}", heard.len());
    }
    let told = listener.told("took nothing for 1 s");
    assert!(told.contains("connection 3: send to 127.0.0.1:"), "{told}");
    ends(listener, 9);
    drop((stalled, others));
}

#[test]
fn a_shared_dial_is_heard_by_all_over_tls_while_one_stalls() {
    if !have("openssl") || !have("python3") {
        return;
    }
    let certs = Certs::new();
    let good = certs.good();
    let (dialled, right) = tcp();
    let left = format!("tls://127.0.0.1:0,cert={},key={},sndbuf=16KiB", good.cert, good.key);
    let relay = Run::new(&["relay", "--shared", &left, &format!(":{right}"), "-f", "line"]).start();
    let (tapped, taped) = wire(relay.port());
    let mut dial = Peer::accept(&dialled);
    let mut others = Vec::new();
    for port in [tapped, relay.port()] {
        let mut other = client(&certs, port);
        other.stdin_write("hello\n");
        assert_eq!(dial.line(), "hello\n");
        others.push(other);
    }
    let stalled = stalls(&certs, relay.port());
    assert_eq!(dial.line(), "stalled\n");
    dial.send("a secret\n");
    let saying = thread::spawn(move || {
        dial.send(said());
        dial.send("the last\n");
        dial
    });
    for other in &mut others {
        let heard = other.read_until("the last\n");
        assert!(heard == [b"a secret\n", &said()[..], b"the last\n"].concat(), "{}", heard.len());
    }
    let told = relay.told("took nothing for 1 s");
    assert!(told.contains("send to 127.0.0.1:"), "{told}");
    let dial = saying.join().unwrap();
    ends(relay, 9);
    drop((stalled, others, dial));
    let went_by = taped.join().unwrap();
    assert!(went_by.len() > said().len(), "{} bytes went by", went_by.len());
    assert!(!holds(&went_by, "secret") && !holds(&went_by, "hello"), "it went by in the clear");
}

#[test]
fn many_share_a_dial_over_tls() {
    if !have("openssl") {
        return;
    }
    let certs = Certs::new();
    let good = certs.good();
    let args = ["-cert", &good.cert, "-key", &good.key];
    let (mut server, port) = openssl_server(&args);
    let right = format!("tls://127.0.0.1:{port},ca={}", certs.ca);
    let relay = Run::new(&["relay", "--shared", ":0", &right, "-f", "line"]).start();
    let mut clients = [Peer::dial(relay.port()), Peer::dial(relay.port())];
    for (i, client) in clients.iter_mut().enumerate() {
        client.send(format!("client {i}\n"));
        server.read_until(format!("client {i}\n"));
    }
    server.stdin_write("for both\n");
    for client in &mut clients {
        assert_eq!(client.line(), "for both\n");
    }
    ends(relay, 0);
}
