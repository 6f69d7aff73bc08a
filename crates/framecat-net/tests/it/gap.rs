//! Messages that end by silence. The time here is tokio's own, which passes when nothing else is to
//! be done: nothing sleeps, and the order of what happens is always the same.

use std::time::Duration;

use framecat_net::Conn;
use framecat_net::conn::{Kind, Stream};
use framecat_net::link::{Filled, Link, LooksMerged, Notice};
use framecat_proto::message::{Batch, Context, Spans};
use tokio::time::{Instant, sleep};

use crate::sockets::options;

const SILENCE: Duration = Duration::from_millis(100);

/// A link under `gap:100ms`, and the other end.
fn link() -> (Link, Stream) {
    let ends = std::os::unix::net::UnixStream::pair().unwrap();
    let stream = |end: std::os::unix::net::UnixStream| {
        Stream::new(end.into(), Kind::Unix, "here".into(), "there".into()).unwrap()
    };
    (Link::new(Conn::Stream(stream(ends.0)), &options("gap:100ms", 1_000)), stream(ends.1))
}

#[tokio::test(start_paused = true)]
async fn what_comes_within_the_silence_is_one_message_and_what_comes_after_another() {
    let (mut link, peer) = link();
    let talk = async {
        for pause in [SILENCE * 6 / 10, SILENCE * 9 / 10, SILENCE * 5, SILENCE / 10] {
            peer.write_all(b"x").await.unwrap();
            sleep(pause).await;
        }
        peer.write_all(b"y").await.unwrap();
        peer.shutdown_write().unwrap();
    };
    let hear = async {
        let mut messages = Vec::new();
        while let Some(message) = link.recv().await.unwrap() {
            messages.push(String::from_utf8(message).unwrap());
        }
        messages
    };
    let ((), messages) = tokio::join!(talk, hear);
    assert_eq!(messages, ["xxx", "xy"]);
}

#[tokio::test(start_paused = true)]
async fn a_message_read_late_looks_merged_and_is_told() {
    let (mut link, peer) = link();
    let receiver = &mut link.receiver;
    peer.write_all(b"in time").await.unwrap();
    assert!(matches!(receiver.fill().await.unwrap(), Filled::Messages));
    for n in [2, 3] {
        peer.write_all(b"one").await.unwrap();
        sleep(SILENCE * 2).await;
        peer.write_all(b"two").await.unwrap();
        sleep(SILENCE * 2).await;
        assert!(matches!(receiver.fill().await.unwrap(), Filled::Messages));
        assert_eq!(receiver.batch().get(0), b"onetwo");
        let told = receiver.fill().await.unwrap();
        let Filled::Notice(Notice::LooksMerged(LooksMerged { n: told, count })) = told else {
            panic!("{told:?}")
        };
        assert_eq!((told, count), (n, n - 1));
    }
    // Whoever waits for it hears it in time.
    let (filled, ()) = tokio::join!(receiver.fill(), async {
        sleep(SILENCE * 9).await;
        peer.write_all(b"in time").await.unwrap();
    });
    assert!(matches!(filled.unwrap(), Filled::Messages));
    peer.shutdown_write().unwrap();
    assert!(matches!(receiver.fill().await.unwrap(), Filled::End));
}

#[tokio::test(start_paused = true)]
async fn two_silences_are_kept_between_messages_and_none_before_the_first() {
    let (mut link, peer) = link();
    let began = Instant::now();
    let mut spans = Spans::new();
    [(0, 1), (1, 1), (1, 3), (3, 6)].iter().for_each(|(from, to)| spans.push(*from, *to));
    let batch = Batch { input: b"abbccc", spans: &spans };
    let (context, mut refused) = (Context::at(0), Vec::new());
    link.sender.send_batch(batch, &context, &mut refused).await.unwrap();
    assert_eq!(refused.len(), 1, "the empty one");
    assert!(began.elapsed() >= SILENCE * 4, "{:?}", began.elapsed());
    link.send(b"d").await.unwrap();
    assert!(began.elapsed() >= SILENCE * 6, "{:?}", began.elapsed());
    let mut bytes = Vec::with_capacity(100);
    peer.read(&mut bytes).await.unwrap();
    assert_eq!(bytes, b"abbcccd");
}
