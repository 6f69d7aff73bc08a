//! Datagrams: each is a message, none is cut, and peers are told apart.

use framecat_net::Conn;
use framecat_net::error::Cause;
use framecat_net::link::{Filled, Link, Notice};
use framecat_net::open::{Accepted, Listener};
use framecat_proto::limits::{DATAGRAM_PEERS, QUEUE_BYTES};
use rustix::net::{AddressFamily, SendFlags, SocketAddrUnix, SocketFlags, SocketType};

use crate::sockets::{Dir, accepted, dial, endpoint, listening, options, pair, within};

#[tokio::test]
async fn the_largest_datagram_arrives_whole_and_a_larger_one_is_refused() {
    let mut both = pair("udp", &options("native", 1 << 20)).await;
    both.client.send(&[b'x'; 65_507]).await.unwrap();
    assert_eq!(within(both.server.recv()).await.unwrap().unwrap().len(), 65_507);
    let error = both.client.send(&[b'x'; 65_508]).await.unwrap_err();
    assert!(error.to_string().contains("65507"), "{error}");
}

#[tokio::test]
async fn a_datagram_over_the_maximum_is_told_with_its_length() {
    for scheme in ["udp", "unixgram", "unixseq"] {
        let mut both = pair(scheme, &options("native", 100)).await;
        let raw = both.client.sender;
        // Past our own maximum, as a foreign peer sends.
        let mut raw = {
            let mut sender = raw;
            sender.reframe(options("native", 1 << 20).send.framer(1 << 20), "native".into());
            sender
        };
        raw.send(&[b'x'; 101]).await.unwrap();
        raw.send(&[b'y'; 100]).await.unwrap();
        let (mut told, mut whole) = (Vec::new(), 0);
        while told.is_empty() || whole == 0 {
            match within(both.server.receiver.fill()).await.unwrap() {
                Filled::Notice(Notice::TooLong { len }) => told.push(len),
                Filled::Messages => whole += both.server.receiver.batch().len(),
                other => panic!("{scheme}: {other:?}"),
            }
        }
        assert_eq!((told, whole), (vec![101], 1), "{scheme}");
    }
}

#[tokio::test]
async fn an_empty_datagram_is_a_message() {
    for scheme in ["udp", "unixgram", "unixseq"] {
        let mut both = pair(scheme, &options("native", 100)).await;
        both.client.send(b"").await.unwrap();
        assert_eq!(within(both.server.recv()).await.unwrap().unwrap(), b"", "{scheme}");
        both.server.send(b"").await.unwrap();
        assert_eq!(within(both.client.recv()).await.unwrap().unwrap(), b"", "{scheme}");
    }
}

#[tokio::test]
async fn a_datagram_listener_tells_its_peers_apart() {
    let mut listener = listening(&endpoint("udp://127.0.0.1:0"), 100).await;
    let rule = options("native", 100);
    let mut clients = Vec::new();
    let mut servers = Vec::new();
    for i in 0..3u8 {
        let mut client = Link::new(dial(&listener).await, &rule);
        client.send(&[i]).await.unwrap();
        servers.push(Link::new(accepted(&mut listener).await, &rule));
        clients.push(client);
    }
    tokio::spawn(async move { while listener.accept().await.is_ok() {} });
    for (i, (client, server)) in clients.iter_mut().zip(&mut servers).enumerate() {
        assert_eq!(within(server.recv()).await.unwrap().unwrap(), [i as u8]);
        server.send(&[i as u8 + 10]).await.unwrap();
        assert_eq!(within(client.recv()).await.unwrap().unwrap(), [i as u8 + 10]);
    }
    for (i, client) in clients.iter_mut().enumerate().rev() {
        client.send(&[i as u8 + 20]).await.unwrap();
    }
    for (i, server) in servers.iter_mut().enumerate() {
        assert_eq!(within(server.recv()).await.unwrap().unwrap(), [i as u8 + 20]);
    }
}

/// Lets a listener hand on what is there already, and says that no new peer came.
async fn hand_on(listener: &mut Listener) {
    tokio::select! {
        biased;
        accepted = listener.accept() => panic!("{accepted:?}"),
        () = tokio::task::yield_now() => {}
    }
}

#[tokio::test]
async fn what_a_peer_floods_us_with_is_bounded_and_the_loss_is_told() {
    for size in [1_000, 0] {
        let dir = Dir::new();
        let mut listener = listening(&dir.endpoint("unixgram", "s"), 1_000).await;
        let rule = options("native", 1_000);
        let mut client = Link::new(dial(&listener).await, &rule);
        let message = vec![b'x'; size];
        client.send(&message).await.unwrap();
        let mut server = Link::new(accepted(&mut listener).await, &rule);
        const SENT: u64 = 6_000;
        for _ in 1..SENT {
            client.send(&message).await.unwrap();
            hand_on(&mut listener).await;
        }
        let (mut came, mut dropped) = (0, 0);
        while came + dropped < SENT {
            match within(server.receiver.fill()).await.unwrap() {
                Filled::Messages => came += server.receiver.batch().len() as u64,
                Filled::Notice(Notice::Dropped(count)) => dropped += count,
                other => panic!("{other:?}"),
            }
        }
        assert!(dropped > 0, "{size}: nothing was bounded");
        assert!(came as usize * (size + 256) <= QUEUE_BYTES, "{size}: {came} were kept");
    }
}

#[tokio::test]
async fn one_peer_too_many_puts_out_the_one_that_was_silent_longest() {
    let dir = Dir::new();
    let mut listener = listening(&dir.endpoint("unixgram", "s"), 100).await;
    let rule = options("native", 100);
    let mut clients = Vec::new();
    let mut servers = Vec::new();
    for i in 0..=DATAGRAM_PEERS {
        let mut client = Link::new(dial(&listener).await, &rule);
        client.send(b"x").await.unwrap();
        servers.push(Link::new(accepted(&mut listener).await, &rule));
        clients.push(client);
        if i == 2 {
            // The first two have spoken again: the third is the one silent longest.
            for client in &mut clients[..2] {
                client.send(b"y").await.unwrap();
            }
            hand_on(&mut listener).await;
        }
    }
    assert_eq!(within(servers[2].recv()).await.unwrap().unwrap(), b"x");
    assert_eq!(within(servers[2].recv()).await.unwrap(), None, "the third was put out");
    for i in [0, 1] {
        assert_eq!(within(servers[i].recv()).await.unwrap().unwrap(), b"x");
        assert_eq!(within(servers[i].recv()).await.unwrap().unwrap(), b"y");
        clients[i].send(b"z").await.unwrap();
        hand_on(&mut listener).await;
        assert_eq!(within(servers[i].recv()).await.unwrap().unwrap(), b"z");
    }
}

#[tokio::test]
async fn a_refused_datagram_is_told_to_who_sends_and_to_who_waits_for_an_answer() {
    let nobody = {
        let listener = listening(&endpoint("udp://127.0.0.1:0"), 100).await;
        endpoint(listener.endpoint())
    };
    let conn = within(framecat_net::connect(&nobody, crate::sockets::PATIENCE)).await.unwrap();
    let Link { mut receiver, mut sender, .. } = Link::new(conn, &options("native", 100));
    let waiting = tokio::spawn(async move { within(receiver.recv()).await.unwrap_err() });
    // It waits now: the refusal must wake it.
    tokio::task::yield_now().await;
    sender.send(b"x").await.unwrap();
    let error = within(waiting).await.unwrap();
    assert!(error.is_refusal(), "{error}");

    // Nobody waits: the next sending tells it, and its own datagrams go out all the same.
    sender.send(b"x").await.unwrap();
    assert!(sender.send(b"x").await.unwrap_err().is_refusal());
}

#[tokio::test]
async fn a_refusal_takes_no_other_datagram_with_it() {
    let mut listener = listening(&endpoint("udp://127.0.0.1:0"), 100).await;
    let at = endpoint(listener.endpoint());
    let mut client = Link::new(dial(&listener).await, &options("native", 100));
    drop(listener);
    client.send(b"refused").await.unwrap();
    listener = listening(&at, 100).await;
    let error = client.send(b"sent").await.unwrap_err();
    assert!(error.is_refusal(), "{error}");
    let mut server = Link::new(accepted(&mut listener).await, &options("native", 100));
    assert_eq!(within(server.recv()).await.unwrap().unwrap(), b"sent");
}

#[tokio::test]
async fn a_peer_without_a_name_is_heard_and_cannot_be_answered() {
    let dir = Dir::new();
    let mut listener = listening(&dir.endpoint("unixgram", "s"), 100).await;
    let flags = SocketFlags::CLOEXEC;
    let unnamed =
        rustix::net::socket_with(AddressFamily::UNIX, SocketType::DGRAM, flags, None).unwrap();
    let to = SocketAddrUnix::new(dir.join("s")).unwrap();
    rustix::net::sendto(&unnamed, b"hello", SendFlags::empty(), &to).unwrap();
    let mut server = Link::new(accepted(&mut listener).await, &options("native", 100));
    assert_eq!(within(server.recv()).await.unwrap().unwrap(), b"hello");
    let error = within(server.send(b"answer")).await.unwrap_err();
    assert!(matches!(error.cause, Cause::Address { .. }), "{error}");
    assert!(error.to_string().contains("bound no name"), "{error}");
}

#[tokio::test]
async fn an_empty_seqpacket_message_is_no_end_also_before_accept() {
    let dir = Dir::new();
    let mut listener = listening(&dir.endpoint("unixseq", "s"), 100).await;
    let rule = options("native", 100);
    let mut client = Link::new(dial(&listener).await, &rule);
    for message in [&b""[..], b"x", b""] {
        client.send(message).await.unwrap();
    }
    client.finish().await.unwrap();
    let mut server = Link::new(accepted(&mut listener).await, &rule);
    server.send(b"").await.unwrap();
    server.finish().await.unwrap();
    for message in [&b""[..], b"x", b""] {
        assert_eq!(within(server.recv()).await.unwrap().unwrap(), message);
    }
    assert_eq!(within(server.recv()).await.unwrap(), None);
    assert_eq!(within(client.recv()).await.unwrap().unwrap(), b"");
    assert_eq!(within(client.recv()).await.unwrap(), None);
}

#[tokio::test]
async fn what_came_before_a_seqpacket_reset_is_delivered_and_the_reset_is_told() {
    let mut both = pair("unixseq", &options("native", 100)).await;
    both.server.send(b"unread").await.unwrap();
    both.client.send(b"one").await.unwrap();
    both.client.send(b"two").await.unwrap();
    // Closed with unread input: a reset.
    drop(both.client);
    assert_eq!(within(both.server.recv()).await.unwrap().unwrap(), b"one");
    assert_eq!(within(both.server.recv()).await.unwrap().unwrap(), b"two");
    let error = within(both.server.recv()).await.unwrap_err();
    assert_eq!(error.errno(), Some(libc::ECONNRESET), "{error}");
    assert_eq!(within(both.server.recv()).await.unwrap(), None);
}

#[tokio::test]
async fn a_flood_from_a_known_peer_leaves_time_for_everything_else() {
    let mut listener = listening(&endpoint("udp://127.0.0.1:0"), 100).await;
    let at = endpoint(listener.endpoint());
    let rule = options("native", 100);
    let mut client = Link::new(dial(&listener).await, &rule);
    client.send(b"x").await.unwrap();
    let Conn::Datagrams(_server) = accepted(&mut listener).await else { panic!("datagrams") };
    let stop = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let flood = std::thread::spawn({
        let stop = stop.clone();
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let to = at.to_string();
        socket.connect(to.trim_start_matches("udp://")).unwrap();
        move || {
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                let _ = socket.send(b"flood");
            }
        }
    });
    let Accepted::Conn(_flooder) = within(listener.accept()).await.unwrap() else {
        panic!("a peer")
    };
    // The flood's own peer is known now. Each turn of the listener must end for another's.
    let mut turns = 0;
    while turns < 50 {
        tokio::select! {
            biased;
            _ = listener.accept() => panic!("nobody else speaks"),
            () = tokio::task::yield_now() => turns += 1,
        }
    }
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    flood.join().unwrap();
}
