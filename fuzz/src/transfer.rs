//! Transfers: records whatever the split, and each side against a peer that says anything.

use framecat_proto::text::transfer::seen;
use framecat_proto::transfer::Sizes;
use framecat_proto::transfer::pieces::Pieces;
use framecat_proto::transfer::receiver::{self, Fact, Found, Receiver, Rules};
use framecat_proto::transfer::record::{
    Carries, Decoder, Entry, EntryKind, Item, Record, RecordError,
};
use framecat_proto::transfer::resume::Journal;
use framecat_proto::transfer::sender::{self, Sender, Stat};

/// What a decoder makes of a stream: records, and the content behind them joined.
type Read = (Vec<(Record, Vec<u8>)>, Result<(), RecordError>);

fn read<'b>(parts: impl IntoIterator<Item = &'b [u8]>) -> Read {
    let mut decoder = Decoder::new();
    let mut got: Vec<(Record, Vec<u8>)> = Vec::new();
    for mut part in parts {
        loop {
            match decoder.next(&mut part) {
                Ok(None) => break,
                Ok(Some(Item::Record(record))) => got.push((record, Vec::new())),
                Ok(Some(Item::Content(bytes))) => {
                    let last = got.last_mut().expect("content is behind its record");
                    last.1.extend_from_slice(bytes);
                }
                Err(error) => return (got, Err(error)),
            }
        }
    }
    let end = decoder.end();
    (got, end)
}

/// How the bytes arrive does not matter, and what is read is written as what reads as the same.
pub fn check_records(data: &[u8]) {
    let [split, bytes @ ..] = data else { return };
    let whole = read([bytes]);
    assert_eq!(read(bytes.chunks(1 + usize::from(*split))), whole);
    // What was read can be longer when it is written: escapes, keys that were left out.
    if bytes.len() > 8 << 10 {
        return;
    }
    for (record, content) in whole.0 {
        let mut again = Vec::new();
        record.encode(&mut again);
        let whole = !matches!(record, Record::Data { len, .. } if len as usize != content.len());
        again.extend_from_slice(&content);
        let words = seen(&again);
        assert_eq!(words.is_some(), whole, "{record:?}");
        assert!(!words.unwrap_or_default().chars().any(char::is_control), "{record:?}");
        let (got, end) = read([again.as_slice()]);
        assert_eq!(got, [(record, content)]);
        assert_eq!(end.is_ok(), whole);
    }
}

const SIZES: Sizes = Sizes {
    piece_log2: 10,
    small_bytes: 100,
    data_bytes: 512,
    window: 16,
    asked: 4,
    unsent_bytes: 4_096,
};

/// A receiver to which anything is said stays within its memory, and its caller is never told to do what
/// makes no sense.
pub fn check_receiver(data: &[u8]) {
    let [split, bytes @ ..] = data else { return };
    let rules = Rules {
        ask: split & 1 == 0,
        durable: split & 2 == 0,
        window: SIZES.window,
        asked: SIZES.asked,
        unwritten_bytes: 4_096,
        ..Rules::default()
    };
    let mut receiver = Receiver::new(rules);
    let mut begun = Vec::new();
    for mut chunk in bytes.chunks(1 + usize::from(split >> 2)) {
        loop {
            match receiver.handle_input(chunk) {
                Ok(taken) => chunk = &chunk[taken..],
                Err(_) => chunk = &[],
            }
            // A record of small files, one of control, what waits for the disk, and names of the window.
            assert!(receiver.held() <= 3 << 20, "{} held", receiver.held());
            let moved = work(&mut receiver, &mut begun);
            if chunk.is_empty() && !moved {
                break;
            }
        }
    }
    let _ = receiver.handle_end();
    receiver.poll_output();
}

fn work(receiver: &mut Receiver, begun: &mut Vec<u32>) -> bool {
    use receiver::Effect;
    let mut moved = !receiver.poll_output().is_empty();
    while let Some(effect) = receiver.poll_effect() {
        moved = true;
        let (entry, fact) = match effect {
            Effect::Ask(summary) => {
                assert!(summary.hidden + summary.executable <= 2 * summary.count);
                receiver.accept();
                continue;
            }
            Effect::SyncFolders { .. } => {
                receiver.handle_folders(Ok(()));
                continue;
            }
            Effect::Close { .. } | Effect::Resolved { .. } => continue,
            Effect::Look { entry, .. } => (entry, Fact::Looked(Found::Nothing, None)),
            Effect::Begin { entry, .. } => {
                begun.push(entry);
                (entry, Fact::Done)
            }
            Effect::Rehash { entry, .. } => (entry, Fact::Rehashed(Vec::new())),
            Effect::HashNamed { entry, .. } => (entry, Fact::Hashed(None)),
            Effect::Write { entry, .. }
            | Effect::Log { entry, .. }
            | Effect::Sync { entry }
            | Effect::Seal { entry, .. }
            | Effect::Commit { entry, .. } => {
                assert!(begun.contains(&entry), "no part is open of {entry}");
                (entry, Fact::Done)
            }
            Effect::MakeFolder { entry, .. }
            | Effect::MakeLink { entry, .. }
            | Effect::Place { entry, .. }
            | Effect::Finish { entry, .. }
            | Effect::Discard { entry, .. } => (entry, Fact::Done),
        };
        receiver.handle_fact(entry, fact);
    }
    moved
}

/// A sender to which anything is said stays within its memory and reads only what it offered.
pub fn check_sender(data: &[u8]) {
    let [split, bytes @ ..] = data else { return };
    let mut sender = Sender::new(Carries::Files, SIZES);
    let mut sizes = Vec::new();
    for size in [50_u64, 5_000, 0, 1_024] {
        let kind = EntryKind::File;
        let path = vec![vec![b'a' + sizes.len() as u8]];
        let entry = Entry { path, kind, size, mtime: 1, mode: 0o644, target: Vec::new() };
        let stat = Stat { size, mtime: 1, ctime: 1 };
        sender.offer(entry, stat).expect("it can be offered");
        sizes.push(stat);
    }
    sender.walk_done();
    for chunk in bytes.chunks(1 + usize::from(*split)) {
        if sender.handle_input(chunk).is_err() {
            break;
        }
        sender.poll_output();
        while let Some(effect) = sender.poll_effect() {
            use sender::{Effect, Fact};
            let fact = match effect {
                Effect::Open { entry } => Fact::Opened(sizes[entry as usize]),
                Effect::Close { entry } => Fact::Closed(sizes[entry as usize]),
                Effect::Read { entry, offset, len } => {
                    assert!(offset + u64::from(len) <= sizes[entry as usize].size);
                    Fact::Bytes(vec![0; len as usize])
                }
                Effect::ReadWhole { entry, .. } => {
                    let stat = sizes[entry as usize];
                    Fact::Whole(stat, vec![0; stat.size as usize], stat)
                }
                Effect::Resolved { .. } => continue,
            };
            sender.handle_fact(fact);
            assert!(sender.held() <= 1 << 20, "{} held", sender.held());
            sender.poll_output();
        }
    }
    let _ = sender.handle_end();
}

/// A journal that holds anything tells only pieces that the file has, and no more than fits it.
pub fn check_journal(data: &[u8]) {
    let [size, bytes @ ..] = data else { return };
    let path = framecat_proto::path::SafePath::new([b"a".as_slice()]).expect("it is safe");
    let pieces = Pieces::of(u64::from(*size) * 100, 10);
    let journal = Journal::new(&path, pieces, 0);
    let mut whole = journal.header();
    whole.extend_from_slice(bytes);
    for bytes in [bytes, &whole] {
        let Some(logged) = journal.read(bytes) else { continue };
        assert!(logged.len <= bytes.len() as u64 && logged.len <= journal.bytes_max());
        assert!(logged.pieces.iter().all(|told| told.0 < pieces.count()));
        assert!(logged.pieces.windows(2).all(|pair| pair[0].0 < pair[1].0));
    }
}
