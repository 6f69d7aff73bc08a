//! Datagrams that go by many to a system call: their boundaries stay, what is lost is told, and where the
//! network cannot take them so they go one by one.

use std::collections::VecDeque;
use std::net::UdpSocket;

use framecat_net::link::{Filled, Link, Notice, Receiver, Sender};
use framecat_proto::message::{Batch, Context, Spans};
use rustix::net::sockopt;

use crate::sockets::{Dice, PATIENCE, accepted, dial, endpoint, listening, options, pair, within};

/// Sends messages as one batch.
async fn send(sender: &mut Sender, messages: &[Vec<u8>]) {
    let (mut input, mut spans) = (Vec::new(), Spans::new());
    for message in messages {
        let start = input.len();
        input.extend_from_slice(message);
        spans.push(start, input.len());
    }
    let mut refused = Vec::new();
    let batch = Batch { input: &input, spans: &spans };
    sender.send_batch(batch, &Context::at(0), &mut refused).await.unwrap();
    assert_eq!(refused, []);
}

/// As many messages as `n`, and what was told besides.
async fn receive(receiver: &mut Receiver, n: usize) -> (VecDeque<Vec<u8>>, Vec<Notice>) {
    let (mut messages, mut notices) = (VecDeque::new(), Vec::new());
    while messages.len() < n {
        match within(receiver.fill()).await.unwrap() {
            Filled::Messages => messages.extend(receiver.batch().iter().map(<[u8]>::to_vec)),
            Filled::Notice(notice) => notices.push(notice),
            Filled::End => panic!("it ended after {} of {n}", messages.len()),
        }
    }
    (messages, notices)
}

/// Runs of one size, sizes that change, empty ones, large ones: some 30 KB.
fn mixed(dice: &mut Dice) -> Vec<Vec<u8>> {
    let mut messages = Vec::new();
    while messages.iter().map(Vec::len).sum::<usize>() < 20_000 {
        let size = [0, 1, 2, 64, 64, 700, 1400, 9000][dice.below(8)];
        for _ in 0..1 + dice.below(80) {
            messages.push(dice.letters(size));
        }
        let last = dice.below(64).min(size);
        messages.push(dice.letters(last));
        if messages.len() > 400 {
            break;
        }
    }
    messages
}

#[tokio::test]
async fn the_boundaries_of_a_batch_stay_both_ways() {
    let mut both = pair("udp", &options("native", 1 << 20)).await;
    let mut dice = Dice::new(7);
    for round in 0..50 {
        let messages = mixed(&mut dice);
        let (from, to) = match round % 2 {
            0 => (&mut both.client.sender, &mut both.server.receiver),
            _ => (&mut both.server.sender, &mut both.client.receiver),
        };
        send(from, &messages).await;
        let (got, notices) = receive(to, messages.len()).await;
        assert!(notices.is_empty(), "{notices:?}");
        assert!(got == messages, "round {round}: something was glued, cut or reordered");
    }
}

#[tokio::test]
async fn a_peer_that_knows_nothing_of_runs_gets_each_by_itself() {
    let peer = UdpSocket::bind("127.0.0.1:0").unwrap();
    peer.set_read_timeout(Some(PATIENCE)).unwrap();
    let to = endpoint(&format!("udp://{}", peer.local_addr().unwrap()));
    let conn = within(framecat_net::connect(&to, PATIENCE)).await.unwrap();
    let mut link = Link::new(conn, &options("native", 1 << 20));
    let messages: Vec<Vec<u8>> =
        (0..100u8).map(|i| vec![i; if i % 70 == 69 { 9 } else { 64 }]).collect();
    send(&mut link.sender, &messages).await;
    let mut buf = [0; 2000];
    for message in &messages {
        let len = peer.recv(&mut buf).unwrap();
        assert_eq!(&buf[..len], message);
    }
}

#[tokio::test]
async fn datagrams_over_the_maximum_are_told_out_of_the_middle_of_a_run() {
    let server = options("native", 100);
    let mut listener = listening(&endpoint("udp://127.0.0.1:0"), 100).await;
    let mut client = Link::new(dial(&listener).await, &options("native", 1 << 20));
    let sizes = [50, 50, 50, 200, 200, 30, 120, 120, 110, 7];
    let messages: Vec<Vec<u8>> = sizes.iter().map(|size| vec![b'x'; *size]).collect();
    send(&mut client.sender, &messages).await;
    let mut server = Link::new(accepted(&mut listener).await, &server);
    tokio::spawn(async move { while listener.accept().await.is_ok() {} });
    let (got, mut notices) = receive(&mut server.receiver, 5).await;
    // What came behind the last message is told behind it.
    client.send(b"end").await.unwrap();
    notices.extend(receive(&mut server.receiver, 1).await.1);
    assert_eq!(got.iter().map(Vec::len).collect::<Vec<_>>(), [50, 50, 50, 30, 7]);
    let told = notices.iter().map(|notice| match notice {
        Notice::TooLong { len } => *len,
        other => panic!("{other:?}"),
    });
    assert_eq!(told.collect::<Vec<_>>(), [200, 200, 120, 120, 110]);
}

#[tokio::test]
async fn what_the_kernel_had_no_room_for_is_counted_to_the_last() {
    let mut listener = listening(&endpoint("udp://127.0.0.1:0,rcvbuf=4KiB"), 100).await;
    let client = UdpSocket::bind("127.0.0.1:0").unwrap();
    let port: u16 = listener.endpoint().rsplit(':').next().unwrap().parse().unwrap();
    client.connect(("127.0.0.1", port)).unwrap();
    for i in 0..1000u32 {
        client.send(&i.to_be_bytes()).unwrap();
    }
    let mut server = Link::new(accepted(&mut listener).await, &options("native", 100));
    tokio::spawn(async move { while listener.accept().await.is_ok() {} });
    let (mut came, mut lost) = (0, 0);
    while came + lost < 1000 {
        match within(server.receiver.fill()).await.unwrap() {
            Filled::Messages => came += server.receiver.batch().len() as u64,
            Filled::Notice(Notice::Dropped(count)) => lost += count,
            other => panic!("{other:?} after {came} and {lost}"),
        }
    }
    assert!(came > 0 && lost > 0 && came + lost == 1000, "{came} came, {lost} lost");
}

#[tokio::test]
async fn a_receive_buffer_that_is_asked_for_is_the_one_there_is() {
    let listener = listening(&endpoint("udp://127.0.0.1:0"), 100).await;
    let size = |conn: &framecat_net::Conn| sockopt::socket_recv_buffer_size(conn.as_fd()).unwrap();
    let unasked = size(&dial(&listener).await);
    let asking = endpoint(&format!("{},rcvbuf=16KiB", listener.endpoint()));
    let asked = size(&within(framecat_net::connect(&asking, PATIENCE)).await.unwrap());
    // The kernel doubles what it is told (socket(7)).
    assert_eq!(asked, 32 << 10);
    assert!(unasked > asked, "{unasked}");
}
