//! How connections end: last words arrive, resets are told, each direction ends by itself.

use framecat_net::Conn;
use framecat_net::conn::Kind;
use framecat_net::link::Link;
use framecat_net::sockopt::reset_on_close;
use framecat_net::talk::End;

use crate::sockets::{framing, options, pair, read_all, streams, within};
use crate::verbs::{leaves_after_one, plain};

#[tokio::test]
async fn our_last_words_survive_unread_input() {
    let (running, printed) = leaves_after_one().await;
    let client = plain(&running.at).await;
    // The listener leaves after the first line; the rest is never read as messages.
    let unread = [b"first\n".to_vec(), vec![b'x'; 300_000]].concat();
    client.write_all(&unread).await.unwrap();
    let words = read_all(&client).await;
    assert_eq!(words, b"first\n", "an end, and no reset in front of it");
    drop(client);
    assert_eq!(within(running.done).await.unwrap().unwrap(), End::Done);
    assert_eq!(read_all(&printed).await, b"first\n");
}

#[tokio::test]
async fn data_before_a_reset_is_delivered_and_the_reset_is_told() {
    for word in ["line", "len:u32be", "raw"] {
        let mut both = pair("tcp", &options(word, 100)).await;
        both.client.send(b"last words").await.unwrap();
        let stream = both.client.sender.stream().cloned().unwrap();
        reset_on_close(stream.as_fd()).unwrap();
        drop((stream, both.client));
        assert_eq!(within(both.server.recv()).await.unwrap().unwrap(), b"last words", "{word}");
        let error = within(both.server.recv()).await.unwrap_err();
        assert_eq!(error.errno(), Some(libc::ECONNRESET), "{word}: {error}");
        assert_eq!(within(both.server.recv()).await.unwrap(), None, "{word}: told once");
    }
}

/// The kernel tells a reset once. If a write hears of it, the read behind it sees a clean end.
#[tokio::test]
async fn a_message_that_a_reset_cut_is_none_though_a_write_was_told_of_the_reset() {
    let mut both = pair("tcp", &options("line", 100)).await;
    both.client.send(b"whole").await.unwrap();
    let stream = both.client.sender.stream().cloned().unwrap();
    stream.write_all(b"hal").await.unwrap();
    reset_on_close(stream.as_fd()).unwrap();
    drop((stream, both.client));
    // Its first write is told; until the reset is here it may still succeed.
    let told = loop {
        match within(both.server.send(b"answer")).await {
            Ok(()) => tokio::task::yield_now().await,
            Err(error) => break error,
        }
    };
    assert_eq!(told.errno(), Some(libc::ECONNRESET), "{told}");
    assert_eq!(within(both.server.recv()).await.unwrap().unwrap(), b"whole");
    let error = within(both.server.recv()).await.unwrap_err();
    assert_eq!(error.errno(), Some(libc::ECONNRESET), "{error}");
}

#[tokio::test]
async fn each_direction_ends_by_itself() {
    for scheme in ["tcp", "unix", "unixseq"] {
        let mut both = pair(scheme, &options("len:u32be", 100)).await;
        both.client.send(b"question").await.unwrap();
        both.client.finish().await.unwrap();
        assert_eq!(within(both.server.recv()).await.unwrap().unwrap(), b"question", "{scheme}");
        assert_eq!(within(both.server.recv()).await.unwrap(), None, "{scheme}");
        both.server.send(b"late answer").await.unwrap();
        both.server.finish().await.unwrap();
        assert_eq!(within(both.client.recv()).await.unwrap().unwrap(), b"late answer", "{scheme}");
        assert_eq!(within(both.client.recv()).await.unwrap(), None, "{scheme}");
    }
}

#[tokio::test]
async fn every_cut_of_a_message_is_told_as_cut() {
    let whole = b"\x00\x00\x00\x05hello\x00\x00\x00\x05world";
    for cut in 1..whole.len() {
        let (to, from) = streams(Kind::Unix).await;
        to.write_all(&whole[..cut]).await.unwrap();
        drop(to);
        let mut receiver = Link::new(Conn::Stream(from), &framing("len:u32be").into()).receiver;
        if cut >= 9 {
            assert_eq!(within(receiver.recv()).await.unwrap().unwrap(), b"hello");
        }
        let end = within(receiver.recv()).await;
        assert_eq!(end.is_err(), cut != 9, "cut at {cut}: {end:?}");
    }
}
