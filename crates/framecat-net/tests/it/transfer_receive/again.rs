//! What was begun and did not end: kept, gone on with, and never taken for more than it is.

use std::fs;
use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::{Duration, SystemTime};

use framecat_net::error::Cause as ErrorCause;
use framecat_net::talk::{End, Shutdown};
use framecat_proto::limits::{EMPTY_PARTS_KEPT, PARTS_KEPT};
use framecat_proto::transfer::Outcome;
use framecat_proto::transfer::error::TransferError;
use framecat_proto::transfer::receiver::Rules;
use framecat_proto::transfer::record::Record;
use framecat_proto::transfer::why::Cause;

use super::peer::{
    Hostile, How, Thing, Way, exchange, exchange_by, file, folder, names, noise, receive, send,
};
use crate::sockets::{Dir, within};

const PIECE: usize = 16 << 10;

/// A file of twelve pieces and a bit.
fn thing() -> Thing {
    file("name", noise(12 * PIECE + 1_000, 3))
}

fn ours(at: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(at).unwrap().map(|entry| entry.unwrap().path());
    let mut ours: Vec<_> =
        entries.filter(|path| path.display().to_string().contains(".framecat-")).collect();
    ours.sort();
    ours
}

/// A folder in which the thing has come but for its last bytes.
async fn half(dir: &Dir, name: &str, cut: u64) -> PathBuf {
    let at = dir.join(name);
    fs::create_dir(&at).unwrap();
    let way = Way { bytes: cut, ..Way::in_small_pieces() };
    let (received, _) = exchange_by(way, How::into(&at), vec![thing()]).await;
    assert!(received.end.is_err());
    assert_eq!(ours(&at).len(), 2, "{:?}", ours(&at));
    at
}

async fn go_on(at: &Path) -> u64 {
    let (received, sent) = exchange_by(Way::in_small_pieces(), How::into(at), vec![thing()]).await;
    assert!(matches!(received.end, Ok(End::Done)), "{:?}", received.end);
    assert_eq!(*sent.of("name"), Outcome::Committed);
    assert_eq!(fs::read(at.join("name")).unwrap(), thing().bytes);
    assert_eq!(names(at), ["name"], "and nothing of ours is left");
    let sums = received.sums();
    assert_eq!((sums.moved, sums.bytes), (sent.content, thing().bytes.len() as u64));
    sent.content
}

#[tokio::test]
async fn what_was_cut_anywhere_is_gone_on_with_and_only_what_is_missing_comes() {
    let dir = Dir::new();
    let size = thing().bytes.len() as u64;
    let mut least = u64::MAX;
    for (n, cut) in (300..size + 300).step_by(7_919).enumerate() {
        let at = dir.join(&n.to_string());
        fs::create_dir(&at).unwrap();
        let way = Way { bytes: cut, ..Way::in_small_pieces() };
        let (received, _) = exchange_by(way, How::into(&at), vec![thing()]).await;
        match &received.end.unwrap_err().cause {
            ErrorCause::Transfer(TransferError::Cut { at }) => assert_eq!(*at, cut),
            // What was said behind its back was not taken: a reset.
            ErrorCause::Io(error) => assert_eq!(error.raw_os_error(), Some(libc::ECONNRESET)),
            other => panic!("{other:?}"),
        }
        let moved = go_on(&at).await;
        // Every record has a head of 20 bytes, which stand for content here: less than a piece is lost.
        let kept = cut.saturating_sub(2_000) / PIECE as u64 * PIECE as u64;
        assert!(moved <= size - kept, "cut at {cut}: {moved} of {size} came again");
        least = least.min(moved);
    }
    assert!(least < size / 10, "{least}");
}

#[tokio::test]
async fn a_part_that_was_altered_costs_the_piece_and_is_never_taken_as_it_is() {
    let dir = Dir::new();
    let at = half(&dir, "base", 12 * PIECE as u64 + 900).await;
    let [journal, part] = &ours(&at)[..] else { panic!() };
    let (journal_bytes, part_bytes) = (fs::read(journal).unwrap(), fs::read(part).unwrap());
    let missing = go_on(&at).await;
    let within_pieces = (thing().bytes.len() as u64 - missing) as usize;
    for block in (0..within_pieces).step_by(4_096) {
        fs::remove_file(at.join("name")).unwrap();
        fs::write(journal, &journal_bytes).unwrap();
        let mut bad = part_bytes.clone();
        bad[block + block / 97 % 4_096] ^= 1;
        fs::write(part, &bad).unwrap();
        assert_eq!(go_on(&at).await, missing + PIECE as u64, "a byte behind {block}");
    }
    // Shorter than its journal says, longer than the file, all of it zeros.
    for (len, most) in [(0, 1), (PIECE * 5 + 7, 0), (part_bytes.len() + 99_999, 0)] {
        fs::remove_file(at.join("name")).unwrap();
        fs::write(journal, &journal_bytes).unwrap();
        let mut bad = part_bytes.clone();
        bad.resize(len.max(most * part_bytes.len()), 0);
        if most == 1 {
            bad.fill(0);
        }
        fs::write(part, &bad).unwrap();
        go_on(&at).await;
    }
}

#[tokio::test]
async fn a_journal_that_was_altered_costs_pieces_and_never_makes_a_wrong_file() {
    let dir = Dir::new();
    let at = half(&dir, "base", 12 * PIECE as u64 + 900).await;
    let [journal, part] = &ours(&at)[..] else { panic!() };
    let (journal_bytes, part_bytes) = (fs::read(journal).unwrap(), fs::read(part).unwrap());
    let missing = go_on(&at).await;
    let again = |journal_bytes: Vec<u8>| {
        fs::remove_file(at.join("name")).unwrap();
        fs::write(journal, journal_bytes).unwrap();
        fs::write(part, &part_bytes).unwrap();
    };
    for byte in (0..journal_bytes.len()).step_by(5) {
        let mut bad = journal_bytes.clone();
        bad[byte] ^= 0x10;
        again(bad);
        assert!(go_on(&at).await > missing, "byte {byte} was believed");
        again(journal_bytes[..byte].to_vec());
        assert!(go_on(&at).await > missing, "what ends at byte {byte} was believed");
    }
    again([journal_bytes.clone(), vec![7; 4_000]].concat());
    assert_eq!(go_on(&at).await, missing, "what follows is no harm");
}

#[tokio::test]
async fn a_file_that_changed_meanwhile_is_another_one() {
    let dir = Dir::new();
    let at = half(&dir, "base", 100_000).await;
    let newer = Thing { bytes: noise(12 * PIECE + 1_000, 4), mtime: thing().mtime + 1, ..thing() };
    let (_, sent) = exchange_by(Way::in_small_pieces(), How::into(&at), vec![newer.clone()]).await;
    assert_eq!(sent.content, newer.bytes.len() as u64);
    assert_eq!(fs::read(at.join("name")).unwrap(), newer.bytes);
}

#[tokio::test]
async fn of_two_receivers_of_one_file_the_second_is_told_and_the_first_gets_it() {
    let dir = Dir::new();
    let at = dir.join("");
    let (begun, is_begun) = mpsc::channel();
    let (go, going) = mpsc::channel::<()>();
    let first = receive(How::into(&at), move |conn| {
        let mut peer = Hostile::new(conn);
        let thing = thing();
        peer.offer(vec![framecat_proto::transfer::record::Entry {
            size: 200_000,
            ..thing.entry()
        }]);
        peer.needs();
        begun.send(()).unwrap();
        going.recv_timeout(crate::sockets::PATIENCE).unwrap();
        let bytes = noise(200_000, 9);
        peer.data(0, 0, &bytes);
        let hash = *blake3::hash(&bytes).as_bytes();
        peer.say(&Record::FileEnd { entry: 0, size: 200_000, hash });
        peer.until(|record| matches!(record, Record::Committed(_)).then_some(()));
        peer.say(&Record::Bye(Default::default()));
        peer.rest();
    });
    let second = async {
        let waiting = tokio::task::spawn_blocking(move || is_begun.recv());
        within(waiting).await.unwrap().unwrap();
        let same = Thing { bytes: noise(200_000, 9), ..thing() };
        let (received, sent) = exchange(How::into(&at), vec![same]).await;
        assert!(matches!(received.end, Ok(End::Partly)));
        let Outcome::Failed(why) = sent.of("name") else { panic!("{sent:?}") };
        assert!(why.says().contains("another receive"), "{why}");
        assert_eq!(why.cause, Cause::Disk);
        assert_eq!(sent.content, 0);
        go.send(()).unwrap();
    };
    let ((received, ()), ()) = tokio::join!(first, second);
    assert!(matches!(received.end, Ok(End::Done)), "{:?}", received.end);
    assert_eq!(fs::read(at.join("name")).unwrap(), noise(200_000, 9));
    assert_eq!(names(&at), ["name"]);
}

#[tokio::test]
async fn a_signal_tells_the_other_side_and_keeps_what_has_come() {
    let dir = Dir::new();
    let at = dir.join("");
    let (switch, shutdown) = Shutdown::new();
    let (received, told) = receive(How { shutdown, ..How::into(&at) }, move |conn| {
        let mut peer = Hostile::new(conn);
        let thing = thing();
        peer.offer(vec![thing.entry()]);
        peer.needs();
        peer.data(0, 0, &thing.bytes[..5 * PIECE]);
        switch.request();
        peer.rest()
    })
    .await;
    assert!(matches!(received.end, Ok(End::Interrupted)), "{:?}", received.end);
    let Some(Record::Cancel(why)) = told.last() else { panic!("{told:?}") };
    assert_eq!(why.cause, Cause::Cancelled);
    assert!(!at.join("name").exists());
    assert!(!ours(&at).is_empty());
}

#[tokio::test]
async fn a_transfer_that_is_dropped_lets_go_of_its_part() {
    let dir = Dir::new();
    let at = dir.join("");
    let (begun, mut is_begun) = tokio::sync::mpsc::unbounded_channel();
    let receiving = receive(How::into(&at), move |mut conn| {
        let things = [thing()];
        let way = Way { bytes: 100_000, ..Way::in_small_pieces() };
        let sent = send(&mut conn.try_clone().unwrap(), way, &things);
        begun.send(()).unwrap();
        // It is held open until the other side ends it.
        let _ = conn.read_to_end(&mut Vec::new());
        sent
    });
    tokio::select! {
        _ = receiving => panic!("it cannot end"),
        begun = is_begun.recv() => begun.unwrap(),
    }
    // Its thread may take a moment to see it.
    let mut tries = 0;
    loop {
        let (_, sent) = exchange_by(Way::in_small_pieces(), How::into(&at), vec![thing()]).await;
        match sent.of("name") {
            Outcome::Committed => break,
            Outcome::Failed(why) if why.says().contains("another receive") && tries < 10_000 => {
                tries += 1;
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(names(&at), ["name"]);
}

#[tokio::test]
async fn what_is_the_same_by_size_and_time_is_looked_into_where_that_was_asked_for() {
    for (check, large) in [(false, true), (true, true), (false, false), (true, false)] {
        let dir = Dir::new();
        let thing = file("name", noise(if large { 200_000 } else { 500 }, 1));
        exchange(How::into(dir.join("")), vec![thing.clone()]).await;
        let rules = Rules { check, ..Rules::default() };
        let again = || exchange(How { rules, ..How::into(dir.join("")) }, vec![thing.clone()]);
        let (_, sent) = again().await;
        let had = if check { Outcome::Committed } else { Outcome::Had };
        assert_eq!(*sent.of("name"), had, "{check} {large}");
        assert!(sent.content == 0 || !large, "{sent:?}");
        // The disk lost it, and its time is as it was.
        let meta = fs::metadata(dir.join("name")).unwrap();
        fs::write(dir.join("name"), vec![0; thing.bytes.len()]).unwrap();
        let opened = fs::File::options().write(true).open(dir.join("name")).unwrap();
        opened.set_modified(meta.modified().unwrap()).unwrap();
        let (_, _) = again().await;
        let found = fs::read(dir.join("name")).unwrap();
        assert_eq!(found == thing.bytes, check, "{check} {large}");
        assert_eq!(names(&dir.join("")), ["name"]);
    }
}

#[tokio::test]
async fn old_parts_and_journals_are_removed_where_something_is_received_and_young_ones_are_not() {
    let dir = Dir::new();
    let at = dir.join("");
    let now = SystemTime::now();
    let make = |name: &str, bytes: &[u8], age: Duration| {
        fs::write(at.join(name), bytes).unwrap();
        let opened = fs::File::options().write(true).open(at.join(name)).unwrap();
        opened.set_modified(now - age).unwrap();
    };
    fs::create_dir_all(at.join("in/untouched")).unwrap();
    let hour = Duration::from_secs(3_600);
    let (old, young) = (PARTS_KEPT + hour, PARTS_KEPT - hour);
    for folder in ["", "in/", "in/untouched/"] {
        make(&format!("{folder}.framecat-0000000000000001.part"), b"x", old);
        make(&format!("{folder}.framecat-0000000000000001.journal"), b"x", old);
        make(&format!("{folder}.framecat-0000000000000002.part"), b"x", young);
        make(&format!("{folder}.framecat-0000000000000002.journal"), b"x", old);
        make(&format!("{folder}.framecat-0000000000000003.journal"), b"x", old);
        make(&format!("{folder}.framecat-0000000000000004.journal"), b"x", young);
        make(&format!("{folder}.framecat-0000000000000005.part"), b"", EMPTY_PARTS_KEPT + hour);
        make(&format!("{folder}old"), b"x", old);
    }
    let things = vec![folder("in"), file("new", b"x"), file("in/new", b"x")];
    let (received, _) = exchange(How::into(&at), things).await;
    for folder in ["", "in/"] {
        let left: Vec<_> = ours(&at.join(folder))
            .into_iter()
            .map(|path| path.file_name().unwrap().to_string_lossy().into_owned())
            .collect();
        assert_eq!(
            left,
            [
                ".framecat-0000000000000002.journal",
                ".framecat-0000000000000002.part",
                ".framecat-0000000000000004.journal"
            ]
        );
        assert!(at.join(folder).join("old").exists());
    }
    assert_eq!(ours(&at.join("in/untouched")).len(), 7);
    let lines = received.ear.lines.lock().unwrap();
    let swept = lines.iter().filter(|line| line.starts_with("Swept")).count();
    assert_eq!(swept, 2, "{lines:?}");
    assert_eq!(fs::metadata(at.join("new")).unwrap().nlink(), 1);
}

#[tokio::test]
async fn somebody_who_says_no_touches_nothing() {
    let dir = Dir::new();
    let at = half(&dir, "base", 100_000).await;
    let [_, part] = &ours(&at)[..] else { panic!() };
    let opened = fs::File::options().write(true).open(part).unwrap();
    opened.set_modified(SystemTime::now() - PARTS_KEPT * 2).unwrap();
    let before = names(&at);
    let how = How { consent: framecat_net::transfer::Consent::Nobody, ..How::into(&at) };
    let (received, sent) = exchange(how, vec![thing()]).await;
    assert!(matches!(&received.end.unwrap_err().cause,
        ErrorCause::Transfer(TransferError::Ended(why)) if why.cause == Cause::Declined));
    assert!(matches!(sent.end, Err(TransferError::Refused(_))), "{sent:?}");
    assert_eq!(names(&at), before);
}
