//! `--allow`, `--deny`: who may talk to a listener. Whoever may not is heard by nobody, takes nobody's
//! place, and fills no log.

use std::net::{SocketAddr, TcpStream, UdpSocket};

mod run;

use run::network::Network;
use run::peer::{Peer, datagram};
use run::{Finished, PATIENCE, Run, Running, Signal, have};
use rustix::net::{AddressFamily, SocketType};

/// Dials from an address of this machine.
fn dial_from(from: &str, port: u16) -> Peer {
    let socket = rustix::net::socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
    let from: SocketAddr = format!("{from}:0").parse().unwrap();
    rustix::net::bind(&socket, &from).unwrap();
    rustix::net::connect(&socket, &SocketAddr::from(([127, 0, 0, 1], port))).unwrap();
    Peer::of(TcpStream::from(socket))
}

fn udp_from(from: &str, port: u16) -> UdpSocket {
    let socket = UdpSocket::bind((from, 0)).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket.connect(("127.0.0.1", port)).unwrap();
    socket
}

fn listen(args: &[&str]) -> Running {
    Run::new(&[&["listen"], args].concat()).start()
}

fn ends(listener: Running, code: i32) -> Finished {
    listener.signal(Signal::TERM);
    let finished = listener.wait();
    assert_eq!(finished.code, code, "{finished}");
    finished
}

/// How many times it was told that somebody was turned away.
fn times_told(stderr: &str) -> usize {
    stderr.matches("is turned away").count()
}

#[test]
fn only_who_is_allowed_is_heard_and_deny_wins() {
    for (rules, admitted, turned_away) in [
        (&["--allow", "127.0.0.2"][..], &["127.0.0.2"][..], &["127.0.0.1", "127.0.0.3"][..]),
        (&["--deny", "127.0.0.2"], &["127.0.0.1"], &["127.0.0.2"]),
        (&["--allow", "127.0.0.2,127.0.0.3"], &["127.0.0.2", "127.0.0.3"], &["127.0.0.1"]),
        (&["--allow", "127.0.0.2", "--allow", "127.0.0.4/30"], &["127.0.0.7"], &["127.0.0.8"]),
        (&["--deny", "127.0.0.2", "--allow", "127.0.0.0/8"], &["127.0.0.1"], &["127.0.0.2"]),
        (&["--allow", "127.0.0.2", "--deny", "127.0.0.0/8,::1"], &[], &["127.0.0.2"]),
        (&["--deny", "::ffff:127.0.0.2", "--deny", "::/0"], &["127.0.0.1"], &["127.0.0.2"]),
    ] {
        let listener = listen(&[&[":0", "--echo"], rules].concat());
        for from in admitted {
            let mut peer = dial_from(from, listener.port());
            peer.send("hello\n");
            assert_eq!(peer.line(), "hello\n", "{from} with {rules:?}");
        }
        for from in turned_away {
            // It has an end at once, and says nothing.
            assert_eq!(dial_from(from, listener.port()).rest(), b"", "{from} with {rules:?}");
            listener.told(&format!("{from}:"));
        }
        let finished = ends(listener, 0);
        assert_eq!(finished.text(), "hello\n".repeat(admitted.len()));
    }
}

#[test]
fn other_programs_are_let_in_or_turned_away() {
    if !have("socat") || !have("ncat") {
        return;
    }
    let listener = listen(&[":0", "--echo", "--deny", "127.0.0.2"]);
    let port = listener.port().to_string();
    let ncat = |from| Run::program("ncat", &["-s", from, "127.0.0.1", &port]);
    ncat("127.0.0.1").run("by ncat\n").expect(0, "by ncat\n");
    assert_eq!(ncat("127.0.0.2").stdin_null().run("").text(), "");
    let socat = |from| {
        let to = format!("TCP:127.0.0.1:{port},bind={from}");
        Run::program("socat", &["-t", "20", "-", &to])
    };
    socat("127.0.0.1").run("by socat\n").expect(0, "by socat\n");
    assert_eq!(socat("127.0.0.2").run("secret\n").text(), "");
    listener.told("2 until now");
    let finished = ends(listener, 0);
    assert_eq!(finished.text(), "by ncat\nby socat\n");
}

#[test]
fn one_that_is_gone_before_it_is_taken_in_is_still_known_by_its_address() {
    let listener = listen(&[":0", "-f", "line", "--max-clients", "1", "--deny", "127.0.0.2"]);
    // It holds the only place, so the others wait in the kernel's queue.
    let mut first = dial_from("127.0.0.1", listener.port());
    first.send("first\n");
    let mut listener = listener;
    assert_eq!(listener.read_line(), "first");
    for _ in 0..50 {
        let mut gone = dial_from("127.0.0.2", listener.port());
        gone.send("secret\n");
        gone.reset();
    }
    first.end();
    assert_eq!(first.rest(), b"");
    dial_from("127.0.0.1", listener.port()).send("last\n");
    assert_eq!(listener.read_line(), "last");
    let finished = ends(listener, 0);
    assert_eq!(finished.text(), "first\nlast\n");
}

#[test]
fn a_flood_takes_no_place_and_fills_no_log() {
    let listener = listen(&[":0", "--echo", "--max-clients", "1", "--deny", "127.0.0.2"]);
    for _ in 0..300 {
        assert_eq!(dial_from("127.0.0.2", listener.port()).rest(), b"");
    }
    let mut peer = dial_from("127.0.0.1", listener.port());
    peer.send("hello\n");
    assert_eq!(peer.line(), "hello\n");
    let told = listener.told("256 until now");
    assert_eq!(times_told(&told), 9, "1, 2, 4 … 256: {told}");
    ends(listener, 0);
}

#[test]
fn datagrams_are_dropped_unread_and_disturb_no_peer() {
    let listener = listen(&["udp://:0", "--echo", "--max-clients", "1", "--allow", "127.0.0.1"]);
    let peer = udp_from("127.0.0.1", listener.port());
    let exchange = |text: &str| {
        peer.send(text.as_bytes()).unwrap();
        assert_eq!(datagram(&peer), text.as_bytes());
    };
    exchange("first");
    for n in 2..34 {
        let other = udp_from(&format!("127.0.0.{n}"), listener.port());
        for _ in 0..10 {
            other.send(b"secret").unwrap();
        }
        // One conversation all along: the place was never another's.
        exchange("still here");
    }
    // 320 in all, and those that came together are counted together.
    let past_256 = |told: &str| {
        let counts = told.split(" until now").filter_map(|before| before.rsplit(' ').next());
        counts.filter_map(|count| count.parse::<u32>().ok()).any(|count| count >= 256)
    };
    let told = listener.told_when(past_256);
    assert!(times_told(&told) <= 9, "{told}");
    let finished = ends(listener, 0);
    assert_eq!(finished.text(), format!("first\n{}", "still here\n".repeat(32)));
}

#[test]
fn one_connection_is_the_first_that_is_allowed() {
    let once = listen(&[":0", "--echo", "--once", "--deny", "127.0.0.2"]);
    assert_eq!(dial_from("127.0.0.2", once.port()).rest(), b"");
    let mut peer = dial_from("127.0.0.1", once.port());
    peer.send("hello\n");
    peer.end();
    assert_eq!(peer.rest(), b"hello\n");
    once.wait().expect(0, "hello\n");
    // As nc has it: raw, for one connection.
    let raw = Run::new(&["listen", ":0", "--deny", "127.0.0.2"]).stdin_null().start();
    assert_eq!(dial_from("127.0.0.2", raw.port()).rest(), b"");
    dial_from("127.0.0.1", raw.port()).send("raw");
    raw.wait().expect(0, "raw");
    let datagrams = listen(&["udp://:0", "--once", "--deny", "127.0.0.2"]);
    udp_from("127.0.0.2", datagrams.port()).send(b"secret").unwrap();
    datagrams.told("is turned away");
    udp_from("127.0.0.1", datagrams.port()).send(b"hello").unwrap();
    datagrams.wait().expect(0, "hello\n");
}

#[test]
fn relays_and_programs_are_for_those_who_are_allowed() {
    for args in [
        &["relay", ":0", "exec:cat", "--deny", "127.0.0.2"][..],
        &["relay", "--shared", ":0", "exec:cat", "--deny", "127.0.0.2"],
        &["listen", ":0", "--exec", "cat", "--deny", "127.0.0.2"],
    ] {
        let relay = Run::new(args).start();
        assert_eq!(dial_from("127.0.0.2", relay.port()).rest(), b"");
        let mut peer = dial_from("127.0.0.1", relay.port());
        peer.send("through\n");
        assert_eq!(peer.line(), "through\n");
        relay.told("is turned away");
        ends(relay, 0);
    }
    let both = ["relay", "--listen-both", ":0", "unixseq:///none/x", "--deny", "127.0.0.2"];
    Run::new(&both).run("").expect(2, "");
    let args = ["relay", ":0", "exec:cat", "--once", "--deny", "127.0.0.2"];
    let once = Run::new(&args).start();
    assert_eq!(dial_from("127.0.0.2", once.port()).rest(), b"");
    let mut peer = dial_from("127.0.0.1", once.port());
    peer.send("through");
    peer.end();
    assert_eq!(peer.rest(), b"through");
    assert_eq!(once.wait().code, 0);
}

#[test]
fn both_ends_that_wait_are_guarded() {
    let relay = Run::new(&["relay", "--listen-both", ":0", ":0", "--deny", "127.0.0.2"]).start();
    let at = "listening on tcp://127.0.0.1:";
    let told = relay.told_when(|told| told.matches(at).count() == 2 && told.ends_with("network\n"));
    let port = |part: &str| part.split_whitespace().next().unwrap().parse::<u16>().unwrap();
    let ports: Vec<_> = told.split(at).skip(1).map(port).collect();
    for port in &ports {
        assert_eq!(dial_from("127.0.0.2", *port).rest(), b"");
    }
    let (mut one, mut other) = (Peer::dial(ports[0]), Peer::dial(ports[1]));
    one.send("across\n");
    assert_eq!(other.line(), "across\n");
    relay.told("turned away");
    drop((one, other));
    ends(relay, 0);
}

#[test]
fn no_handshake_is_begun_with_who_may_not_talk() {
    let listener = listen(&["tls://:0,self-signed", "--echo", "--deny", "127.0.0.2"]);
    let mut peer = dial_from("127.0.0.2", listener.port());
    assert_eq!(peer.rest(), b"");
    listener.told("is turned away");
    let told = listener.told(",pin=");
    let pin = told.split(",pin=").nth(1).unwrap().split_whitespace().next().unwrap();
    let to = format!("tls://127.0.0.1:{},pin={pin}", listener.port());
    Run::new(&["ask", &to, "hello", "--wait", "20s"]).run("").expect(0, "hello\n");
    ends(listener, 0);
}

#[test]
fn ipv4_that_comes_to_a_socket_of_ipv6_is_ipv4() {
    let Some(network) = Network::new(3) else { return };
    let args = ["listen", "[::]:9000", "--echo", "--allow", "10.77.0.2,fd77::3"];
    let listener = network.run(1, &args).start();
    listener.endpoint();
    let ask = |host, to: &str| network.run(host, &["ask", to, "hello", "--wait", "20s"]).run("");
    ask(2, "10.77.0.1:9000").expect(0, "hello\n");
    ask(3, "[fd77::1]:9000").expect(0, "hello\n");
    for (host, to) in [(3, "10.77.0.1:9000"), (2, "[fd77::1]:9000")] {
        let finished = ask(host, to);
        assert_eq!(finished.text(), "", "{finished}");
    }
    let told = listener.told("2 until now");
    assert!(told.contains("10.77.0.3:") && told.contains("[fd77::2]:"), "{told}");
    ends(listener, 0);
    // Broadcasts go by who sent them.
    let args = ["listen", "broadcast://:9000", "--reply", "got {payload}", "--deny", "10.77.0.2"];
    let listener = network.run(1, &args).start();
    listener.endpoint();
    let ask = |host, wait| {
        network.run(host, &["ask", "broadcast://:9000", "ping", "--wait", wait]).run("")
    };
    ask(2, "300ms").expect(5, "");
    let answered = ask(3, "1s");
    assert_eq!(answered.text(), "got ping\n", "{answered}");
    listener.told("10.77.0.2:");
    ends(listener, 0);
}

#[test]
fn it_is_told_as_json_too() {
    let mut listener = listen(&[":0", "--json", "--deny", "127.0.0.2"]);
    let listening: serde_json::Value = serde_json::from_str(&listener.read_line()).unwrap();
    assert_eq!(listening["event"], "listening");
    let mut peer = dial_from("127.0.0.2", listener.port());
    let own = peer.0.local_addr().unwrap().to_string();
    assert_eq!(peer.rest(), b"");
    let event: serde_json::Value = serde_json::from_str(&listener.read_line()).unwrap();
    assert_eq!(event["event"], "not_allowed", "{event}");
    assert_eq!((&event["peer"], &event["count"]), (&own.into(), &1.into()), "{event}");
    ends(listener, 0);
}

#[test]
fn what_cannot_be_meant_is_told_before_anything_is_bound() {
    for (args, told) in [
        (&["listen", ":0", "--allow", "10.0.0.1/8"][..], "the network is 10.0.0.0/8"),
        (&["listen", ":0", "--deny", "somewhere.example"], "names are not looked up"),
        (&["listen", ":0", "--deny", "127.0.0.1,"], "is no address and no network"),
        (&["listen", ":0", "--allow", "10.0.0.0/33"], "from 0 to 32"),
        (&["listen", ":0", "--allow", "10.0.0.0/8"], "--allow lets nobody in"),
        (&["listen", "unix:///none/x", "--allow", "127.0.0.1"], "the modes of its path"),
        (&["listen", "unixgram:///none/x", "--deny", "127.0.0.1"], "go by addresses"),
        (&["listen", "unixseq:///none/x", "--deny", "127.0.0.1"], "go by addresses"),
        (&["relay", "-", "127.0.0.1:1", "--deny", "127.0.0.1"], "both ends are dialled"),
        (&["relay", "unix:///none/x", ":1", "--deny", "127.0.0.1"], "go by addresses"),
        (&["connect", ":1", "--allow", "127.0.0.1"], "unexpected argument '--allow'"),
    ] {
        let finished = Run::new(args).run("");
        finished.expect(2, "");
        assert!(finished.stderr.contains(told), "{finished}");
    }
    let args =
        ["listen", ":0", "--lan", "--allow", "10.0.0.0/8", "--deny", "10.1.2.3", "--explain"];
    let explained = Run::new(&args).run("").text();
    assert!(explained.contains("10.0.0.0/8"), "{explained}");
    assert!(explained.contains("turned away    10.1.2.3"), "{explained}");
}
