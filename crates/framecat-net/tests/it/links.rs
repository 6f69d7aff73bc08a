//! Messages over links: what is sent is what arrives, however the bytes are cut on the way.

use framecat_net::conn::{Kind, Stream};
use framecat_net::link::{Filled, Link, Receiver};
use framecat_net::{Conn, error::Cause};
use framecat_proto::framing::Decoder;
use framecat_proto::limits::{READ_BYTES_MAX, READ_BYTES_MIN};

use crate::sockets::{Dice, framing, options, pair, streams, within};

/// The framings of this release that keep messages apart on a stream; `fixed` has one length only.
const FRAMINGS: &[&str] = &[
    "line",
    "crlf",
    "nul",
    "delim:||",
    "len:u16le",
    "len:u32be",
    "len:varint",
    "struct",
    "fixed:64",
    "lsp",
    "dot",
];

/// Those that count in digits or stuff their bytes.
const STUFFED: &[&str] = &["netstring", "slip", "cobs", "hdlc", "stx", "stx,dle"];

fn messages(word: &str, count: usize, max: usize, dice: &mut Dice) -> Vec<Vec<u8>> {
    let max = if word == "len:u16le" { max.min(65_535) } else { max };
    let least = usize::from(matches!(word, "slip" | "hdlc"));
    let length = |i: usize, dice: &mut Dice| match (word, i) {
        ("fixed:64", _) => 64,
        (_, 7) => max,
        (_, _) if i % 100 == 99 => dice.below(max),
        (_, _) if i.is_multiple_of(3) => 0,
        _ => dice.below(200),
    };
    (0..count)
        .map(|i| length(i, dice).max(least))
        .collect::<Vec<_>>()
        .into_iter()
        .map(|len| dice.letters(len))
        .collect()
}

async fn expect(receiver: &mut Receiver, want: &[Vec<u8>], what: &str) {
    for (i, want) in want.iter().enumerate() {
        let got = within(receiver.recv()).await.unwrap();
        assert!(
            got.as_ref() == Some(want),
            "{what}: message {i}, {:?} bytes",
            got.map(|m| m.len())
        );
    }
}

#[tokio::test]
async fn a_thousand_messages_arrive_over_every_stream_both_ways_at_once() {
    const MAX: usize = 300_000;
    for scheme in ["tcp", "unix"] {
        for word in FRAMINGS.iter().chain(STUFFED) {
            let what = format!("{scheme} {word}");
            let mut dice = Dice::new(1);
            let there = messages(word, 1_000, MAX, &mut dice);
            let back = messages(word, 1_000, MAX, &mut dice);
            let both = pair(scheme, &options(word, MAX)).await;
            let (mut client, mut server) = (both.client, both.server);
            let say = async {
                for message in &there {
                    client.sender.send(message).await.unwrap();
                }
                client.sender.finish().unwrap();
            };
            let answer = async {
                for message in &back {
                    server.sender.send(message).await.unwrap();
                }
            };
            let hear = expect(&mut server.receiver, &there, &what);
            let heard = expect(&mut client.receiver, &back, &what);
            within(async { tokio::join!(say, answer, hear, heard) }).await;
            assert_eq!(within(server.receiver.recv()).await.unwrap(), None, "{what}");
        }
    }
}

#[tokio::test]
async fn a_thousand_messages_arrive_over_everything_that_keeps_messages_itself() {
    for (scheme, max) in [("udp", 65_507), ("unixgram", 100_000), ("unixseq", 100_000)] {
        let mut dice = Dice::new(2);
        let all = messages("native", 1_000, max, &mut dice);
        let Pair { mut client, mut server } = halves(scheme, max).await;
        for (i, message) in all.iter().enumerate() {
            client.send(message).await.unwrap();
            let got = within(server.recv()).await.unwrap().unwrap();
            assert!(&got == message, "{scheme}: message {i} there");
            server.send(&got).await.unwrap();
            let got = within(client.recv()).await.unwrap().unwrap();
            assert!(&got == message, "{scheme}: message {i} back");
        }
    }
}

struct Pair {
    client: Link,
    server: Link,
}

async fn halves(scheme: &str, max: usize) -> Pair {
    let both = pair(scheme, &options("native", max)).await;
    Pair { client: both.client, server: both.server }
}

/// Hands on what comes in pieces of random size.
async fn chop(from: Stream, to: Stream, mut dice: Dice) {
    let mut buf = Vec::with_capacity(64 << 10);
    while within(from.read(&mut buf)).await.unwrap() > 0 {
        let mut rest = &buf[..];
        while !rest.is_empty() {
            let cut = 1 + dice.below(3_000).min(rest.len() - 1);
            to.write_all(&rest[..cut]).await.unwrap();
            rest = &rest[cut..];
            if dice.below(4) == 0 {
                tokio::task::yield_now().await;
            }
        }
        buf.clear();
    }
    to.shutdown_write().unwrap();
}

#[tokio::test]
async fn a_hundred_thousand_messages_cut_and_merged_on_the_way_arrive_one_by_one() {
    for word in FRAMINGS.iter().chain(&["raw"]) {
        let mut dice = Dice::new(3);
        let lengths: Vec<usize> =
            (0..100_000).map(|_| if *word == "fixed:64" { 64 } else { dice.below(90) }).collect();
        let total: usize = lengths.iter().sum();
        let (client, left) = streams(Kind::Tcp).await;
        let (right, server) = streams(Kind::Tcp).await;
        tokio::spawn(chop(left, right, Dice::new(4)));
        let mut sender = Link::new(Conn::Stream(client), &framing(word).into()).sender;
        let mut receiver = Link::new(Conn::Stream(server), &framing(word).into()).receiver;
        let say = async {
            let mut dice = Dice::new(5);
            for &len in &lengths {
                sender.send(&dice.letters(len)).await.unwrap();
            }
            sender.finish().unwrap();
        };
        let hear = async {
            let mut dice = Dice::new(5);
            let (mut count, mut bytes) = (0, 0);
            while let Some(message) = receiver.recv().await.unwrap() {
                if *word != "raw" {
                    assert!(message == dice.letters(lengths[count]), "{word}: message {count}");
                }
                count += 1;
                bytes += message.len();
            }
            (count, bytes)
        };
        let (_, (count, bytes)) = within(async { tokio::join!(say, hear) }).await;
        assert_eq!(bytes, total, "{word}");
        match *word {
            // A read gives whatever is there: far fewer than were sent.
            "raw" => assert!(count < 50_000, "raw merged nothing: {count}"),
            _ => assert_eq!(count, 100_000, "{word}"),
        }
    }
}

#[tokio::test]
async fn the_rule_can_change_behind_any_message_in_one_read_and_in_many() {
    let bytes = b"first\nsecond\n\0\0\0\x05third\0\0\0\x00rest of it";
    for step in [bytes.len(), 1, 3] {
        let (to, from) = streams(Kind::Unix).await;
        let mut receiver = Link::new(Conn::Stream(from), &framing("line").into()).receiver;
        receiver.one_by_one();
        let write = async {
            for piece in bytes.chunks(step) {
                to.write_all(piece).await.unwrap();
                tokio::task::yield_now().await;
            }
            to.shutdown_write().unwrap();
        };
        let read = async {
            assert_eq!(receiver.recv().await.unwrap().unwrap(), b"first");
            assert_eq!(receiver.recv().await.unwrap().unwrap(), b"second");
            receiver.reframe(Decoder::of(&framing("len:u32be"), 100, None));
            assert_eq!(receiver.recv().await.unwrap().unwrap(), b"third");
            assert_eq!(receiver.recv().await.unwrap().unwrap(), b"");
            receiver.reframe(Decoder::of(&framing("raw"), 100, None));
            let mut rest = Vec::new();
            while let Some(more) = receiver.recv().await.unwrap() {
                rest.extend_from_slice(&more);
            }
            rest
        };
        let (_, rest) = within(async { tokio::join!(write, read) }).await;
        assert_eq!(rest, b"rest of it", "pieces of {step}");
    }
}

#[tokio::test]
async fn a_head_says_how_its_body_is_framed_and_another_head_follows() {
    let (to, from) = streams(Kind::Unix).await;
    let mut receiver = Link::new(Conn::Stream(from), &framing("line").into()).receiver;
    receiver.one_by_one();
    to.write_all(b"4\nab\ncGET\n1\n\n2\n").await.unwrap();
    to.write_all(b"xy").await.unwrap();
    let line = || Decoder::of(&framing("line"), 100, None);
    for (head, body) in [("4", Some("ab\nc")), ("GET", None), ("1", Some("\n")), ("2", Some("xy"))]
    {
        assert_eq!(within(receiver.recv()).await.unwrap().unwrap(), head.as_bytes());
        let Some(body) = body else { continue };
        receiver.reframe(Decoder::of(&framing(&format!("fixed:{head}")), 100, None));
        assert_eq!(within(receiver.recv()).await.unwrap().unwrap(), body.as_bytes());
        receiver.reframe(line());
    }
}

#[tokio::test]
async fn a_receive_that_is_cancelled_over_and_over_loses_nothing() {
    for scheme in ["tcp", "unixseq", "udp"] {
        let both = pair(scheme, &options("len:u32be", 1_000)).await;
        let (mut sender, mut receiver) = (both.client.sender, both.server.receiver);
        for sent in 0..3_000u32 {
            sender.send(&sent.to_be_bytes()).await.unwrap();
            let mut cancelled = 0u32;
            loop {
                tokio::select! {
                    biased;
                    message = receiver.recv() => {
                        assert_eq!(message.unwrap().unwrap(), sent.to_be_bytes(), "{scheme}");
                        break;
                    }
                    () = std::future::ready(()) => cancelled += 1,
                }
                assert!(cancelled < 1_000_000, "{scheme}: message {sent} was lost");
                // Rarely, so that tokio's budget runs out within a receive too.
                if cancelled.is_multiple_of(8) {
                    tokio::task::yield_now().await;
                }
            }
        }
    }
}

#[tokio::test]
async fn a_batch_is_all_that_one_read_gave_and_numbers_go_on() {
    let (to, from) = streams(Kind::Unix).await;
    let mut receiver = Link::new(Conn::Stream(from), &framing("line").into()).receiver;
    for (text, want, first) in [("a\nb\nc\nd", 3, 1), ("e\nf\n", 2, 4), ("\n", 1, 6)] {
        to.write_all(text.as_bytes()).await.unwrap();
        assert!(matches!(within(receiver.fill()).await.unwrap(), Filled::Messages));
        assert_eq!((receiver.batch().len(), receiver.first()), (want, first), "{text:?}");
        receiver.keep(1);
        assert_eq!((receiver.batch().len(), receiver.first()), (1, first), "{text:?} kept one");
    }
}

#[tokio::test]
async fn memory_follows_what_arrived_and_not_what_a_header_claims() {
    let (to, from) = streams(Kind::Unix).await;
    let mut receiver = Link::new(Conn::Stream(from), &options("len:u32be", 1 << 30)).receiver;
    to.write_all(&((1u32 << 30) - 1).to_be_bytes()).await.unwrap();
    to.write_all(b"ten bytes!").await.unwrap();
    to.shutdown_write().unwrap();
    let error = within(receiver.recv()).await.unwrap_err();
    assert!(matches!(error.cause, Cause::Framing(_)), "{error}");
    assert!(receiver.buffer_bytes() <= READ_BYTES_MIN, "{} bytes", receiver.buffer_bytes());

    let (to, from) = streams(Kind::Unix).await;
    let mut receiver = Link::new(Conn::Stream(from), &options("len:u32be", 1 << 20)).receiver;
    to.write_all(&u32::MAX.to_be_bytes()).await.unwrap();
    to.write_all(b"ten bytes!").await.unwrap();
    assert!(within(receiver.recv()).await.is_err());
    assert!(receiver.buffer_bytes() <= READ_BYTES_MIN, "{} bytes", receiver.buffer_bytes());
}

#[tokio::test]
async fn the_buffer_is_given_back_after_a_large_message() {
    let both = pair("tcp", &options("len:u32be", 8 << 20)).await;
    let (mut sender, mut receiver) = (both.client.sender, both.server.receiver);
    let large = vec![b'x'; 8 << 20];
    let (sent, got) = within(async { tokio::join!(sender.send(&large), receiver.recv()) }).await;
    sent.unwrap();
    assert_eq!(got.unwrap().unwrap().len(), large.len());
    assert!(receiver.buffer_bytes() >= large.len());
    for _ in 0..100 {
        sender.send(b"small").await.unwrap();
        assert_eq!(within(receiver.recv()).await.unwrap().unwrap(), b"small");
        assert!(receiver.buffer_bytes() <= READ_BYTES_MAX, "{} bytes", receiver.buffer_bytes());
    }
    assert!(receiver.buffer_bytes() <= READ_BYTES_MIN, "{} bytes", receiver.buffer_bytes());
}

#[tokio::test]
async fn a_line_that_never_ends_is_passed_over_in_bounded_memory() {
    let (to, from) = streams(Kind::Unix).await;
    let mut receiver = Link::new(Conn::Stream(from), &options("line,resync", 1_000)).receiver;
    let write = async {
        for _ in 0..400 {
            to.write_all(&[b'x'; 64 << 10]).await.unwrap();
        }
        to.write_all(b"\nhello\n").await.unwrap();
    };
    let (_, got) = within(async { tokio::join!(write, receiver.recv()) }).await;
    assert_eq!(got.unwrap().unwrap(), b"hello");
    assert!(receiver.buffer_bytes() <= READ_BYTES_MAX, "{} bytes", receiver.buffer_bytes());
}
