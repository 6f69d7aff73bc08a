//! Whole conversations of the two sides, both directions, as a plain transfer has them on its connection. They
//! stand with those of other protocols in `tests/framings/conversations`, where the framing `transfer` is held to
//! them; here they are held to what the two sides say.

use std::fmt::Write as _;

use framecat_proto::limits::TRANSFER_DATA_BYTES;
use framecat_proto::path::SafePath;
use framecat_proto::text::transfer::seen;
use framecat_proto::transfer::Sizes;
use framecat_proto::transfer::pieces::Pieces;
use framecat_proto::transfer::receiver::{self, Fact, Found, Receiver, Rules};
use framecat_proto::transfer::record::{
    Carries, DATA_HEAD_BYTES, Entry, EntryKind, HEAD_BYTES, PLAIN_RECEIVER, PLAIN_SENDER,
};
use framecat_proto::transfer::resume::Journal;
use framecat_proto::transfer::sender::{self, Sender, Stat};
use framecat_proto::transfer::why::Cause;

/// Small ones, so that a little content meets all that is said of it.
const SIZES: Sizes = Sizes {
    piece_log2: 10,
    small_bytes: 100,
    data_bytes: 700,
    window: 16,
    asked: 4,
    unsent_bytes: 1 << 16,
};

const TIME: i64 = 1_762_214_400_000_000_000;

fn letter() -> Vec<u8> {
    b"hello \xe4\xbd\xa0\xe5\xa5\xbd\n".to_vec()
}

/// Three pieces, the last of them short.
fn picture() -> Vec<u8> {
    (0..2_500_u32).map(|at| (at * at % 251) as u8).collect()
}

fn entry(path: &[&str], kind: EntryKind, bytes: &[u8]) -> (Entry, Vec<u8>) {
    let path = path.iter().map(|part| part.as_bytes().to_vec()).collect();
    let (size, target) = (bytes.len() as u64, Vec::new());
    let mode = if kind == EntryKind::Folder { 0o755 } else { 0o644 };
    (Entry { path, kind, size, mtime: TIME, mode, target }, bytes.to_vec())
}

/// What the receiver has before it begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum There {
    Nothing,
    /// The letter, and the first and the last piece of the picture.
    Some,
}

/// A picture in the folder `notes` with a letter is sent; `yes`: the receiver's person wants it. All that is said,
/// a record a line: `>` is the sender.
fn conversation(there: There, yes: bool) -> String {
    let sent = [
        entry(&["notes"], EntryKind::Folder, b""),
        entry(&["notes", "hello.txt"], EntryKind::File, &letter()),
        entry(&["notes", "photo.png"], EntryKind::File, &picture()),
    ];
    let mut sender = Sender::new(Carries::Files, SIZES);
    let mut receiver = Receiver::new(Rules { asked: SIZES.asked, ..Rules::default() });
    let stat = |number: u32| Stat { size: sent[number as usize].0.size, mtime: TIME, ctime: TIME };
    for (number, (entry, _)) in sent.iter().enumerate() {
        sender.offer(entry.clone(), stat(number as u32)).unwrap();
    }
    sender.walk_done();
    let mut lines = String::new();
    tell('>', &PLAIN_SENDER, &mut lines);
    tell('<', &PLAIN_RECEIVER, &mut lines);
    loop {
        while let Some(effect) = sender.poll_effect() {
            if let Some(fact) =
                send(effect, |number| (stat(number), sent[number as usize].1.clone()))
            {
                sender.handle_fact(fact);
            }
        }
        let said = sender.poll_output();
        tell('>', &said, &mut lines);
        // It ends with an error where it was refused; the sender has told it then.
        let heard = receiver.handle_input(&said);
        assert!(heard.is_err() || heard == Ok(said.len()), "{heard:?}");
        while let Some(effect) = receiver.poll_effect() {
            receive(&mut receiver, effect, there, yes);
        }
        let answer = receiver.poll_output();
        tell('<', &answer, &mut lines);
        let _ = sender.handle_input(&answer);
        if said.is_empty() && answer.is_empty() {
            assert_eq!(sender.is_done(), yes);
            return lines;
        }
    }
}

/// Bytes as records, a line each. The lengths are read as the page says them, and by nothing of ours.
fn tell(mark: char, mut said: &[u8], lines: &mut String) {
    while let [_, _, _, _, l0, l1, l2, l3, ..] = *said {
        let len = 8 + u32::from_be_bytes([l0, l1, l2, l3]) as usize;
        let (record, rest) = said.split_at(len);
        let hex: String = record.iter().fold(String::new(), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        });
        writeln!(lines, "{mark} {hex}").unwrap();
        said = rest;
    }
    assert!(said.is_empty(), "half a head");
}

fn send(effect: sender::Effect, file: impl Fn(u32) -> (Stat, Vec<u8>)) -> Option<sender::Fact> {
    Some(match effect {
        sender::Effect::Open { entry } => sender::Fact::Opened(file(entry).0),
        sender::Effect::Read { entry, offset, len } => {
            let bytes = file(entry).1;
            let end = bytes.len().min(offset as usize + len as usize);
            sender::Fact::Bytes(bytes[offset as usize..end].to_vec())
        }
        sender::Effect::Close { entry } => sender::Fact::Closed(file(entry).0),
        sender::Effect::ReadWhole { entry, .. } => {
            let (stat, bytes) = file(entry);
            sender::Fact::Whole(stat, bytes, stat)
        }
        sender::Effect::Resolved { .. } => return None,
    })
}

fn receive(receiver: &mut Receiver, effect: receiver::Effect, there: There, yes: bool) {
    use receiver::Effect;
    let (entry, fact) = match effect {
        Effect::Ask(_) if yes => return receiver.accept(),
        Effect::Ask(_) => return receiver.refuse(Cause::Declined.into()),
        Effect::Look { entry, path, part } => (entry, look(&path, part.is_some(), there)),
        Effect::Rehash { entry, pieces, which } => {
            let picture = picture();
            let hash = |which: u32| {
                let range = pieces.bytes(which);
                pieces.hash(which, &picture[range.start as usize..range.end as usize])
            };
            (entry, Fact::Rehashed(which.into_iter().map(|which| (which, hash(which))).collect()))
        }
        Effect::SyncFolders { .. } | Effect::Close { .. } | Effect::Resolved { .. } => return,
        Effect::MakeFolder { entry, .. }
        | Effect::Begin { entry, .. }
        | Effect::Write { entry, .. }
        | Effect::Log { entry, .. }
        | Effect::Sync { entry }
        | Effect::Seal { entry, .. }
        | Effect::Commit { entry, .. }
        | Effect::Place { entry, .. } => (entry, Fact::Done),
        other => panic!("nothing of this makes {other:?}"),
    };
    receiver.handle_fact(entry, fact);
}

fn look(path: &SafePath, part: bool, there: There) -> Fact {
    let name = path.to_string();
    match (there, name.as_str()) {
        (There::Some, "notes/hello.txt") => {
            Fact::Looked(Found::File { size: letter().len() as u64, mtime: TIME }, None)
        }
        (There::Some, "notes/photo.png") => {
            assert!(part);
            let pieces = Pieces::of(picture().len() as u64, SIZES.piece_log2);
            let journal = Journal::new(path, pieces, TIME);
            let mut bytes = journal.header();
            for which in [0, 2] {
                let range = pieces.bytes(which);
                let hash = pieces.hash(which, &picture()[range.start as usize..range.end as usize]);
                journal.record(which, &hash, &mut bytes);
            }
            Fact::Looked(Found::Nothing, Some(bytes))
        }
        _ => Fact::Looked(Found::Nothing, None),
    }
}

#[test]
fn the_conversations_that_are_kept_are_what_the_two_sides_say() {
    for (file, kept, there, yes) in [
        (
            "transfer-1",
            include_str!("../framings/conversations/transfer-1.txt"),
            There::Nothing,
            true,
        ),
        ("transfer-2", include_str!("../framings/conversations/transfer-2.txt"), There::Some, true),
        (
            "transfer-3",
            include_str!("../framings/conversations/transfer-3.txt"),
            There::Nothing,
            false,
        ),
    ] {
        let (head, kept) = kept.split_once('\n').unwrap();
        assert!(head.starts_with("# "), "{file}");
        let said = conversation(there, yes);
        assert!(kept == said, "{file}: now it is\n{said}");
    }
}

/// What `--show` says of each message.
#[test]
fn a_conversation_is_told_record_by_record() {
    let words = |there, yes| -> Vec<String> {
        let text = conversation(there, yes);
        let line = |line: &str| {
            let hex = &line[2..];
            let pairs = (0..hex.len()).step_by(2);
            let bytes = pairs.map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap());
            let words = seen(&bytes.collect::<Vec<u8>>()).unwrap_or_else(|| panic!("{line}"));
            format!("{} {words}", &line[..1])
        };
        text.lines().map(line).collect()
    };
    let hash = "adfe2adfa587d1602ec44b67b3a60a9c75e9d2f2e141f1246ee514d4f4bd9d39";
    let end = format!("> FILE-END 2: 2500B, blake3 {hash}");
    assert_eq!(
        words(There::Nothing, true),
        [
            "> version 1, the sender",
            "< version 1, the receiver",
            "> OFFER of files, pieces of 1024B, small to 100B",
            "> ENTRIES notes/, notes/hello.txt 13B, notes/photo.png 2500B",
            "> OFFER-END: 3 of 2513B",
            "< ACCEPT",
            "< NEED 1, 2",
            "< COMMITTED 0",
            "> SMALL 1: 13B",
            "> DATA 2 from 0: 700B",
            "> DATA 2 from 700: 700B",
            "> DATA 2 from 1400: 700B",
            "> DATA 2 from 2100: 400B",
            end.as_str(),
            "< COMMITTED 1, 2",
            "> BYE: 3 there, 0 missing, 2513B",
            "< BYE: 3 there, 0 missing, 2513B",
        ]
    );
    assert_eq!(
        words(There::Some, true)[5..],
        [
            "< ACCEPT",
            "< NEED 2[1..2]",
            "< HAVE 1",
            "< COMMITTED 0",
            "> DATA 2 from 1024: 700B",
            "> DATA 2 from 1724: 324B",
            end.as_str(),
            "< COMMITTED 2",
            "> BYE: 3 there, 0 missing, 1024B",
            "< BYE: 3 there, 0 missing, 1024B",
        ]
    );
    assert_eq!(words(There::Nothing, false)[5..], ["< REFUSE: it was declined"]);
}

/// The longest record there is passes the framing, and no longer one.
#[test]
fn the_framing_of_a_transfer_lets_its_longest_record_through() {
    let longest = HEAD_BYTES + DATA_HEAD_BYTES + TRANSFER_DATA_BYTES;
    let rule: framecat_proto::Framing = "transfer".parse().unwrap();
    let line = rule.expanded().to_string();
    assert!(line.ends_with(&format!(",max={longest}")), "{line}");
}
