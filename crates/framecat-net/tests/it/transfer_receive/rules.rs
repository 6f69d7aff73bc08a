//! Names that are taken, offers that somebody is asked about, and what goes to stdout.

use std::fs;
use std::os::fd::OwnedFd;
use std::time::{Duration, SystemTime};

use framecat_net::conn::Kind;
use framecat_net::error::{Cause as ErrorCause, Op};
use framecat_net::talk::End;
use framecat_net::transfer::{Consent, Question};
use framecat_proto::transfer::Outcome;
use framecat_proto::transfer::error::TransferError;
use framecat_proto::transfer::receiver::{Conflict, Rules};
use framecat_proto::transfer::record::{Carries, EntryKind, Record};
use framecat_proto::transfer::why::Cause;
use tokio::sync::mpsc;

use super::peer::{
    Hostile, How, TIME, Thing, Way, exchange, exchange_by, file, flow, folder, names, noise,
    receive, tree,
};
use crate::sockets::{Dir, pipe, wrap};

fn time(ns: i64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_nanos(ns as u64)
}

#[tokio::test]
async fn a_name_that_is_taken_is_dealt_with_as_was_said() {
    let second = 1_000_000_000;
    // What becomes of the file, and which content the name has then: the old one or the new one.
    for (conflict, age, expected, replaced) in [
        (Conflict::Rename, -second, Outcome::Committed, false),
        (Conflict::Overwrite, second, Outcome::Committed, true),
        (Conflict::Newer, -second, Outcome::Committed, true),
        (Conflict::Newer, second, Outcome::Skipped(Cause::Kept.into()), false),
        (Conflict::Skip, -second, Outcome::Skipped(Cause::Kept.into()), false),
        (Conflict::Refuse, -second, Outcome::Skipped(Cause::Taken.into()), false),
    ] {
        for (old, new) in [(99, 100_000), (300_000, 100_000), (9, 8), (100_000, 50)] {
            let dir = Dir::new();
            let old = noise(old, 1);
            fs::write(dir.join("photo.jpg"), &old).unwrap();
            let opened = fs::File::options().write(true).open(dir.join("photo.jpg")).unwrap();
            opened.set_modified(time(TIME + age)).unwrap();
            let new = noise(new, 2);
            let rules = Rules { conflict, ..Rules::default() };
            let how = How { rules, ..How::into(dir.join("")) };
            let (received, sent) = exchange(how, vec![file("photo.jpg", &new)]).await;
            assert_eq!(*sent.of("photo.jpg"), expected, "{conflict:?}");
            let kept = fs::read(dir.join("photo.jpg")).unwrap();
            assert!(kept == if replaced { new.clone() } else { old }, "{conflict:?}");
            let called = if conflict == Conflict::Rename { "photo (1).jpg" } else { "photo.jpg" };
            assert_eq!(received.of(called), expected);
            if conflict == Conflict::Rename {
                assert_eq!(fs::read(dir.join(called)).unwrap(), new);
            } else {
                assert_eq!(names(&dir.join("")), ["photo.jpg"]);
            }
            let skipped = matches!(expected, Outcome::Skipped(_));
            assert_eq!(matches!(received.end, Ok(End::Partly)), skipped, "{conflict:?}");
            assert_eq!(sent.content == 0, skipped);
        }
    }
}

#[tokio::test]
async fn what_is_the_same_but_for_its_time_gets_no_second_name() {
    for len in [50, 100_000, 2 << 20] {
        let dir = Dir::new();
        let bytes = noise(len, 1);
        fs::write(dir.join("photo.jpg"), &bytes).unwrap();
        let (_, sent) = exchange(How::into(dir.join("")), vec![file("photo.jpg", &bytes)]).await;
        assert_eq!(*sent.of("photo.jpg"), Outcome::Committed);
        assert_eq!(names(&dir.join("")), ["photo.jpg"]);
    }
}

#[tokio::test]
async fn what_a_check_finds_to_differ_is_replaced_unless_what_is_there_is_to_stay() {
    for (conflict, stays) in [
        (Conflict::Rename, None),
        (Conflict::Overwrite, None),
        (Conflict::Newer, None),
        (Conflict::Refuse, Some(Cause::Kept)),
        (Conflict::Skip, Some(Cause::Kept)),
    ] {
        for len in [100, 200_000] {
            let dir = Dir::new();
            let at = dir.join("name");
            fs::write(&at, noise(len, 1)).unwrap();
            fs::File::options().write(true).open(&at).unwrap().set_modified(time(TIME)).unwrap();
            let rules = Rules { conflict, check: true, ..Rules::default() };
            let how = How { rules, ..How::into(dir.join("")) };
            let (received, sent) = exchange(how, vec![file("name", noise(len, 2))]).await;
            let seed = match (stays, sent.of("name")) {
                (Some(cause), Outcome::Failed(why)) if why.cause == cause => 1,
                (None, Outcome::Committed) => 2,
                other => panic!("{conflict:?} {len}: {other:?}"),
            };
            assert_eq!(fs::read(&at).unwrap(), noise(len, seed), "{conflict:?}");
            assert_eq!(names(&dir.join("")), ["name"]);
            assert_eq!(matches!(received.end, Ok(End::Partly)), stays.is_some());
        }
    }
}

/// Somebody who is asked, and what was asked.
fn somebody(yes: Option<bool>) -> (Consent, tokio::task::JoinHandle<Vec<Question>>) {
    let (ask, mut asked) = mpsc::unbounded_channel::<Question>();
    let answering = tokio::spawn(async move {
        let mut all = Vec::new();
        while let Some(mut question) = asked.recv().await {
            if let Some(yes) = yes {
                let (spare, _) = tokio::sync::oneshot::channel();
                std::mem::replace(&mut question.answer, spare).send(yes).unwrap();
                all.push(question);
            }
        }
        all
    });
    (Consent::Ask(ask), answering)
}

#[tokio::test]
async fn whoever_is_asked_sees_what_is_offered_and_decides() {
    for answer in [Some(true), Some(false), None] {
        let dir = Dir::new();
        let things = vec![
            folder("d"),
            Thing { mode: 0o755, ..file("run", noise(100_000, 1)) },
            file("d/.hidden", b"x"),
        ];
        let (consent, asked) = somebody(answer);
        let how = How { consent, ..How::into(dir.join("")) };
        let (received, sent) = exchange(how, things).await;
        let asked = asked.await.unwrap();
        if answer == Some(true) {
            assert!(matches!(received.end, Ok(End::Done)), "{:?}", received.end);
            assert_eq!(names(&dir.join("")), ["d/", "d/.hidden", "run"]);
        } else {
            assert!(matches!(&received.end.unwrap_err().cause,
                ErrorCause::Transfer(TransferError::Ended(why)) if why.cause == Cause::Declined));
            assert!(
                matches!(&sent.end, Err(TransferError::Refused(why)) if why.cause == Cause::Declined)
            );
            assert_eq!(names(&dir.join("")), [""; 0]);
        }
        if answer.is_some() {
            let offer = &asked[0].offer;
            let names: Vec<_> =
                offer.entries.iter().map(|it| (it.path.as_str(), it.size)).collect();
            assert_eq!(names, [("d", 0), ("run", 100_000), ("d/.hidden", 1)]);
            assert_eq!((offer.summary.count, offer.summary.bytes), (3, 100_001));
            assert_eq!((offer.summary.hidden, offer.summary.executable), (1, 1));
            assert!(offer.room.unwrap() >= 100_001);
        }
    }
}

#[tokio::test]
async fn a_sender_that_leaves_while_somebody_thinks_is_gone() {
    let dir = Dir::new();
    let (ask, _asked) = mpsc::unbounded_channel();
    let how = How { consent: Consent::Ask(ask), ..How::into(dir.join("")) };
    let (received, ()) = receive(how, |conn| {
        let mut peer = Hostile::new(conn);
        peer.offer(vec![file("x", b"y").entry()]);
    })
    .await;
    let error = received.end.unwrap_err();
    assert!(matches!(error.cause, ErrorCause::Transfer(TransferError::Cut { .. })), "{error}");
}

#[tokio::test]
async fn a_stream_becomes_a_file_when_all_of_it_is_there() {
    for (durable, conflict) in
        [(false, Conflict::Rename), (true, Conflict::Rename), (false, Conflict::Overwrite)]
    {
        let dir = Dir::new();
        for (len, round) in [(0, 0), (1, 1), (300_000, 2)] {
            let bytes = noise(len, 5);
            let rules = Rules { durable, conflict, ..Rules::default() };
            let how = How { rules, ..How::into(dir.join("")) };
            let way = Way { carries: Carries::Stream, ..Way::files() };
            let (received, sent) = exchange_by(way, how, vec![flow("dump.sql", &bytes)]).await;
            assert!(matches!(received.end, Ok(End::Done)), "{:?}", received.end);
            assert_eq!(sent.outcomes[0].1, Outcome::Committed);
            let name = match (round, conflict) {
                (1 | 2, Conflict::Rename) => format!("dump ({round}).sql"),
                _ => "dump.sql".to_string(),
            };
            assert_eq!(fs::read(dir.join(&name)).unwrap(), bytes);
            assert_eq!(received.of(&name), Outcome::Committed);
            assert_eq!(received.sums().bytes, len as u64);
            assert_eq!(received.stdout, b"");
        }
        let count = if conflict == Conflict::Rename { 3 } else { 1 };
        assert_eq!(names(&dir.join("")).len(), count);
    }
}

#[tokio::test]
async fn a_stream_that_is_cut_or_wrong_leaves_nothing() {
    for what in ["cut", "wrong", "cancelled"] {
        let dir = Dir::new();
        let (received, ()) = receive(How::into(dir.join("")), move |conn| {
            let mut peer = Hostile::new(conn);
            let mut entry = flow("dump.sql", b"").entry();
            entry.kind = EntryKind::Stream;
            peer.say(&Record::Offer(framecat_proto::transfer::record::Opening {
                carries: Carries::Stream,
                piece_log2: 20,
                small_bytes: 65_536,
            }));
            peer.say(&Record::Entries(vec![entry]));
            peer.say(&Record::OfferEnd { count: 1, bytes: 0, more: false });
            peer.needs();
            peer.data(0, 0, &[7; 100_000]);
            match what {
                "wrong" => {
                    peer.say(&Record::FileEnd { entry: 0, size: 100_000, hash: [1; 32] });
                    peer.until(|record| matches!(record, Record::Failed(_)).then_some(()));
                    peer.say(&Record::Bye(Default::default()));
                    peer.rest();
                }
                "cancelled" => peer.say(&Record::Cancel(Cause::Cancelled.into())),
                _ => {}
            }
        })
        .await;
        assert_eq!(matches!(received.end, Ok(End::Partly)), what == "wrong", "{what}");
        assert_eq!(names(&dir.join("")), [""; 0], "{what}");
    }
}

#[tokio::test]
async fn a_text_goes_to_stdout_and_into_no_folder() {
    for text in ["", "hello", "two\nlines\n", "\u{1b}[2J"] {
        let dir = Dir::new();
        let way = Way { carries: Carries::Text, ..Way::files() };
        let how = How::into(dir.join(""));
        let (received, _) = exchange_by(way, how, vec![flow("text", text)]).await;
        assert!(matches!(received.end, Ok(End::Done)), "{:?}", received.end);
        assert_eq!(received.stdout, text.as_bytes());
        assert_eq!(names(&dir.join("")), [""; 0]);
        let (received, _) = exchange_by(way, How::to_stdout(), vec![flow("text", text)]).await;
        assert_eq!(received.stdout, text.as_bytes());
    }
}

#[tokio::test]
async fn one_file_or_stream_goes_to_stdout_and_more_than_one_do_not() {
    for len in [0, 9, 65_536, 3_000_000] {
        let bytes = noise(len, 8);
        let (received, sent) = exchange(How::to_stdout(), vec![file(".x", &bytes)]).await;
        assert!(matches!(received.end, Ok(End::Done)), "{:?}", received.end);
        assert!(received.stdout == bytes);
        assert_eq!(sent.outcomes[0].1, Outcome::Committed);
        let way = Way { carries: Carries::Stream, ..Way::files() };
        let (received, _) = exchange_by(way, How::to_stdout(), vec![flow("-", &bytes)]).await;
        assert!(received.stdout == bytes);
    }
    let things = vec![file("a", b"first"), file("b", b"second"), folder("c")];
    let (received, sent) = exchange(How::to_stdout(), things).await;
    assert!(matches!(received.end, Ok(End::Partly)), "{:?}", received.end);
    assert_eq!(received.stdout, b"first");
    let Outcome::Skipped(why) = sent.of("b") else { panic!("{sent:?}") };
    assert_eq!(why.cause, Cause::Kind);
}

#[tokio::test]
async fn a_reader_of_stdout_that_leaves_is_no_failure_here_and_is_told_there() {
    let (read, write) = pipe();
    drop(read);
    let how = How { stdout: Some(write), ..How::to_stdout() };
    let (received, sent) = exchange(how, vec![file("x", noise(3_000_000, 1))]).await;
    assert!(matches!(received.end, Ok(End::Done)), "{:?}", received.end);
    assert!(
        matches!(&sent.end, Err(TransferError::Cancelled(why)) if why.cause == Cause::Cancelled),
        "{sent:?}"
    );
}

#[tokio::test]
async fn a_stdout_that_is_full_is_told_on_both_sides() {
    let full: OwnedFd = fs::File::options().write(true).open("/dev/full").unwrap().into();
    let how = How { stdout: Some(wrap(full, Kind::Device)), ..How::to_stdout() };
    let (received, sent) = exchange(how, vec![file("x", noise(300_000, 1))]).await;
    let error = received.end.unwrap_err();
    assert_eq!((error.op, error.errno()), (Op::Write, Some(libc::ENOSPC)));
    assert!(
        matches!(&sent.end, Err(TransferError::Cancelled(why)) if why.cause == Cause::Full),
        "{sent:?}"
    );
}

#[tokio::test]
async fn a_folder_that_is_no_folder_is_told_before_anything_is_said() {
    let dir = Dir::new();
    fs::write(dir.join("file"), "x").unwrap();
    for name in ["file", "missing"] {
        let (received, told) =
            receive(How::into(dir.join(name)), |conn| Hostile::new(conn).hear().is_none()).await;
        let error = received.end.unwrap_err();
        assert!(error.endpoint.ends_with(name) && error.op == Op::Open, "{error}");
        assert!(told);
    }
    assert_eq!(tree(&dir.join("")).len(), 1);
}
