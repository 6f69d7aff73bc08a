//! What a program writes, and what a person types.

use std::io::Write;

use framecat_proto::transfer::why::{Cause, Why};

use super::taker::to_stream;
use super::*;
use crate::sockets::{pipe, wrap};

fn stream(stream: Stream) -> Source {
    Source::Stream { stream, name: "dump.sql".into() }
}

async fn sent_stream(source: Source, manner: Manner) -> (Result<End, Error>, Taken, Arc<Told>) {
    sent(source, false, manner).await
}

#[tokio::test]
async fn a_stream_arrives_as_it_is_written_to_its_end() {
    for len in [0, 1, 300_000, 5 << 20] {
        let content: Vec<u8> = (0..len as u32).map(|n| (n >> 3) as u8).collect();
        let (read, write) = pipe();
        let written = content.clone();
        let writing = tokio::spawn(async move { write.write_all(&written).await.unwrap() });
        let (end, taken, told) = sent_stream(stream(read), to_stream()).await;
        writing.await.unwrap();
        assert_eq!(end.unwrap(), End::Done);
        assert!(taken.names["dump.sql"] == Node::File(content), "{len}");
        assert_eq!(told.of("file "), [format!("file dump.sql {len} committed")]);
        let ended = told.ended.lock().unwrap().unwrap();
        assert_eq!((ended.moved, ended.bytes), (len, len));
    }
}

#[tokio::test]
async fn what_is_written_arrives_while_the_writer_thinks() {
    let (read, write) = pipe();
    let (came, mut arrived) = tokio::sync::mpsc::unbounded_channel();
    let sending = sent_while(stream(read), false, to_stream(), move |effect| {
        if let Effect::Write { bytes, .. } = effect {
            came.send(bytes.to_vec()).unwrap();
        }
        None
    });
    let talking = async {
        for word in [b"one", b"two"] {
            write.write_all(word).await.unwrap();
            assert_eq!(within(arrived.recv()).await.unwrap(), word);
        }
        drop(write);
    };
    let ((end, ..), ()) = tokio::join!(sending, talking);
    assert_eq!(end.unwrap(), End::Done);
}

#[tokio::test]
async fn a_file_as_stdin_goes_from_where_it_is_read() {
    let dir = Dir::new();
    fs::write(dir.join("file"), vec![b'x'; 2 << 20]).unwrap();
    let mut opened = fs::File::open(dir.join("file")).unwrap();
    std::io::Seek::seek(&mut opened, std::io::SeekFrom::Start(1 << 20)).unwrap();
    let source = stream(wrap(opened, Kind::File));
    let (end, taken, _) = sent_stream(source, to_stream()).await;
    assert_eq!(end.unwrap(), End::Done);
    assert!(taken.names["dump.sql"] == Node::File(vec![b'x'; 1 << 20]));
}

#[tokio::test]
async fn a_stream_that_cannot_be_read_fails() {
    let dir = Dir::new();
    let written = fs::File::create(dir.join("file")).unwrap();
    let source = stream(wrap(written, Kind::File));
    let (end, taken, told) = sent_stream(source, to_stream()).await;
    assert_eq!(end.unwrap(), End::Partly);
    assert!(taken.done && taken.names.is_empty());
    let failed = "file dump.sql 0 failed: it cannot be read (bad file descriptor)";
    assert!(told.has(failed), "{:?}", told.lines());
}

#[tokio::test]
async fn nothing_is_read_of_a_stream_that_is_refused() {
    let (read, write) = pipe();
    write.write_all(b"not for them").await.unwrap();
    let manner = to_stream();
    let rules = framecat_proto::transfer::receiver::Rules { ask: true, ..manner.rules };
    let manner = Manner { refuse: true, rules, ..manner };
    let (end, ..) = sent_stream(stream(read.clone()), manner).await;
    let error = end.unwrap_err().to_string();
    assert!(error.ends_with("the other side refused: it was declined"), "{error}");
    assert_eq!(crate::sockets::read_exactly(&read, 12).await, b"not for them");
}

#[tokio::test]
async fn who_waits_for_a_writer_hears_that_the_other_side_has_no_room() {
    let (read, write) = pipe();
    write.write_all(b"some").await.unwrap();
    let full = |effect: &Effect| match effect {
        Effect::Write { .. } => Some(Fact::Failed(Why::new(Cause::Full, "ENOSPC"))),
        _ => None,
    };
    // The writer writes nothing more, and does not end.
    let (end, taken, told) = sent_while(stream(read), false, to_stream(), full).await;
    assert_eq!(end.unwrap(), End::Partly);
    assert!(taken.done);
    let failed = "file dump.sql 4 failed: there is no room for it (ENOSPC)";
    assert!(told.has(failed), "{:?}", told.lines());
    drop(write);
}

#[tokio::test]
async fn a_cancel_ends_the_wait_for_a_writer_and_is_told() {
    let (here, there) = pair();
    let (read, write) = pipe();
    let (came, mut arrived) = tokio::sync::mpsc::unbounded_channel();
    let taking = tokio::task::spawn_blocking(move || {
        take(there, to_stream(), |effect| {
            if let Effect::Write { .. } = effect {
                let _ = came.send(());
            }
            None
        })
    });
    let (switch, shutdown) = Shutdown::new();
    let sending =
        tokio::spawn(send::over(here, stream(read), false, Arc::new(Told::default()), shutdown));
    write.write_all(b"some").await.unwrap();
    within(arrived.recv()).await.unwrap();
    switch.request();
    assert_eq!(within(sending).await.unwrap().unwrap(), End::Interrupted);
    let over = within(taking).await.unwrap().over.unwrap().to_string();
    assert_eq!(over, "the other side ended the transfer: it was cancelled");
}

#[tokio::test]
async fn little_is_read_of_a_stream_while_nobody_takes_it() {
    let (here, mut there) = pair();
    let (read, write) = pipe();
    let (switch, shutdown) = Shutdown::new();
    let sending =
        tokio::spawn(send::over(here, stream(read), false, Arc::new(Told::default()), shutdown));
    there.write_all(&hostile::encode(&[hostile::accept(), hostile::need(0)])).unwrap();
    let mut written = 0;
    let chunk = vec![0; 1 << 16];
    // What is on the way, in two sockets, in the worker, in the pump and in the feed.
    let most = 64 << 20;
    while written < most {
        let writing = write.write_all(&chunk);
        if tokio::time::timeout(std::time::Duration::from_millis(500), writing).await.is_err() {
            break;
        }
        written += chunk.len();
    }
    assert!(written < 32 << 20, "{written} bytes were read, and none of them is wanted");
    drop(there);
    assert!(within(sending).await.unwrap().is_err());
    drop(switch);
}

#[tokio::test]
async fn a_text_arrives_and_one_that_is_too_long_is_refused_here() {
    for text in ["", "hello", "grüß dich 🦦\n", &"long ".repeat(100_000)] {
        let (end, taken, told) = sent_stream(Source::Text(text.into()), to_stream()).await;
        assert_eq!(end.unwrap(), End::Done);
        assert_eq!(taken.names["text"], file(text.as_bytes()));
        assert_eq!(told.of("offered"), [format!("offered 1 {}", text.len())]);
    }
    let (here, _there) = pair();
    let text = Source::Text("x".repeat((1 << 20) + 1));
    let sending = send::over(here, text, false, Arc::new(Told::default()), Shutdown::never());
    let error = within(sending).await.unwrap_err().to_string();
    assert_eq!(error, "open the text: it has 1048577 bytes, and 1 MiB is the most");
}
