//! Each side by itself, against records that a test writes: what it asks, what it does in which order, and
//! what a hostile peer gets from it.

use std::time::Duration;

use framecat_proto::limits::{TRANSFER_RANGES, TRANSFER_SYNC_TIME};
use framecat_proto::path::SafePath;
use framecat_proto::transfer::Sizes;
use framecat_proto::transfer::error::TransferError;
use framecat_proto::transfer::pieces::Pieces;
use framecat_proto::transfer::receiver::{
    self, Begun, Conflict, Effect, Fact, Found, Receiver, Rules, To,
};
use framecat_proto::transfer::record::{
    Carries, Decoder, Entry, EntryKind, Item, Need, Opening, Record, SmallFile, Totals,
};
use framecat_proto::transfer::resume::Journal;
use framecat_proto::transfer::sender::{self, Sender, Stat};
use framecat_proto::transfer::why::{Cause, Why};

const SIZES: Sizes = Sizes {
    piece_log2: 10,
    small_bytes: 100,
    data_bytes: 1_000,
    window: 4,
    asked: 2,
    unsent_bytes: 1 << 16,
};

fn rules() -> Rules {
    Rules { ask: false, window: SIZES.window, asked: SIZES.asked, ..Rules::default() }
}

fn opening(carries: Carries) -> Record {
    Record::Offer(Opening { carries, piece_log2: SIZES.piece_log2, small_bytes: SIZES.small_bytes })
}

fn entry(path: &str, kind: EntryKind, size: u64) -> Entry {
    let path = path.split('/').map(|part| part.as_bytes().to_vec()).collect();
    Entry { path, kind, size, mtime: 7, mode: 0o644, target: Vec::new() }
}

fn file(path: &str, size: u64) -> Entry {
    entry(path, EntryKind::File, size)
}

fn encode(records: &[Record]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for record in records {
        record.encode(&mut bytes);
        if let Record::Data { len, .. } = record {
            bytes.resize(bytes.len() + *len as usize, b'x');
        }
    }
    bytes
}

fn decode(bytes: &[u8]) -> Vec<Record> {
    let (mut decoder, mut rest, mut all) = (Decoder::new(), bytes, Vec::new());
    while let Some(item) = decoder.next(&mut rest).expect("what we say is in order") {
        if let Item::Record(record) = item {
            all.push(record);
        }
    }
    all
}

fn hear(receiver: &mut Receiver, records: &[Record]) -> Result<usize, TransferError> {
    receiver.handle_input(&encode(records))
}

fn effects(receiver: &mut Receiver) -> Vec<Effect> {
    std::iter::from_fn(|| receiver.poll_effect()).collect()
}

fn path(name: &str) -> SafePath {
    SafePath::new(name.split('/').map(str::as_bytes)).unwrap()
}

/// A receiver that was offered these, with all of them looked at and nothing found.
fn offered(rules: Rules, entries: Vec<Entry>) -> Receiver {
    let mut receiver = Receiver::new(rules);
    let count = entries.len() as u64;
    let end = Record::OfferEnd { count, bytes: 0, more: false };
    hear(&mut receiver, &[opening(Carries::Files), Record::Entries(entries), end]).unwrap();
    let nothing = |_: &SafePath| Fact::Looked(Found::Nothing, None);
    look(&mut receiver, nothing);
    receiver
}

/// Answers looks and beginnings; what else there is to do is returned.
fn look(receiver: &mut Receiver, found: impl Fn(&SafePath) -> Fact) -> Vec<Effect> {
    let mut others = Vec::new();
    while let Some(effect) = receiver.poll_effect() {
        match effect {
            Effect::Look { entry, path, .. } => receiver.handle_fact(entry, found(&path)),
            Effect::Begin { entry, .. } => receiver.handle_fact(entry, Fact::Done),
            other => others.push(other),
        }
    }
    others
}

fn whole(bytes: &[u8]) -> [u8; 32] {
    *blake3::hash(bytes).as_bytes()
}

/// What both sides hold at most while `count` files of 100 bytes are moved, in folders of 500: more than fit
/// the window.
fn most_held(count: usize) -> usize {
    let mut sender = Sender::new(Carries::Files, Sizes::default());
    let mut receiver = Receiver::new(Rules { ask: false, ..Rules::default() });
    let stat = Stat { size: 100, mtime: 7, ctime: 7 };
    let folders = (0..count / 500).map(|n| entry(&format!("d{n:05}"), EntryKind::Folder, 0));
    let files = (0..count).map(|n| file(&format!("d{:05}/f{n:09}", n / 500), 100));
    let mut walk = folders.chain(files);
    let (mut most, mut placed, mut done) = (0, 0, false);
    for _ in 0..count {
        while !done && sender.can_offer() {
            match walk.next() {
                Some(entry) => drop(sender.offer(entry, stat).unwrap()),
                None => done = true,
            }
        }
        if done {
            sender.walk_done();
        }
        let said = sender.poll_output();
        let mut rest = said.as_slice();
        loop {
            let taken = receiver.handle_input(rest).unwrap();
            rest = &rest[taken..];
            most = most.max(sender.held() + receiver.held());
            let mut worked = false;
            while let Some(effect) = receiver.poll_effect() {
                worked = true;
                let (entry, fact) = match effect {
                    Effect::Look { entry, .. } => (entry, Fact::Looked(Found::Nothing, None)),
                    Effect::MakeFolder { entry, .. } => (entry, Fact::Done),
                    Effect::Place { entry, .. } => {
                        placed += 1;
                        (entry, Fact::Done)
                    }
                    _ => continue,
                };
                receiver.handle_fact(entry, fact);
            }
            sender.handle_input(&receiver.poll_output()).unwrap();
            if rest.is_empty() && !worked {
                break;
            }
        }
        while let Some(effect) = sender.poll_effect() {
            if let sender::Effect::ReadWhole { .. } = effect {
                sender.handle_fact(sender::Fact::Whole(stat, vec![b'x'; 100], stat));
            }
        }
        if sender.is_done() {
            break;
        }
    }
    assert!(sender.is_done() && receiver.is_done());
    assert_eq!(placed, count);
    most
}

#[test]
fn many_files_take_no_more_memory_than_some() {
    let (some, many) = (most_held(20_000), most_held(40_000));
    assert!(some < 8 << 20, "{some} bytes are held");
    assert!(
        many < some + some / 10,
        "{some} bytes are held for 20,000 files, {many} for twice as many"
    );
}

#[test]
fn nothing_is_looked_at_before_somebody_said_yes() {
    let mut receiver = Receiver::new(Rules { ask: true, ..rules() });
    let entries = vec![
        entry("d", EntryKind::Folder, 0),
        Entry { mode: 0o755, ..file("run", 5) },
        file("d/.x", 1_000),
    ];
    hear(&mut receiver, &[opening(Carries::Files), Record::Entries(entries)]).unwrap();
    assert_eq!(effects(&mut receiver), []);
    hear(&mut receiver, &[Record::OfferEnd { count: 3, bytes: 1_005, more: false }]).unwrap();
    let [Effect::Ask(summary)] = effects(&mut receiver)[..] else { panic!("nobody is asked") };
    assert_eq!((summary.count, summary.bytes, summary.more), (3, 1_005, false));
    assert_eq!((summary.hidden, summary.executable), (1, 1));
    let names: Vec<_> = receiver.offered().map(|it| it.path.to_string()).collect();
    assert_eq!(names, ["d", "run", "d/.x"]);
    assert!(receiver.poll_output().is_empty());
    receiver.accept();
    assert_eq!(decode(&receiver.poll_output()), [Record::Accept]);
    assert!(matches!(effects(&mut receiver)[..], [Effect::Look { .. }, Effect::Look { .. }]));
}

#[test]
fn a_refusal_reaches_the_sender_with_its_reason() {
    let mut receiver = Receiver::new(Rules { ask: true, ..rules() });
    let end = Record::OfferEnd { count: 0, bytes: 0, more: false };
    hear(&mut receiver, &[opening(Carries::Files), end]).unwrap();
    effects(&mut receiver);
    receiver.refuse(Why::new(Cause::Full, "3 GiB are free"));
    let mut sender = Sender::new(Carries::Files, SIZES);
    sender.poll_output();
    let error = sender.handle_input(&receiver.poll_output()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the other side refused: there is no room for it (3 GiB are free)"
    );
    assert!(error.remedy().contains("make room"));
    assert_eq!(sender.handle_input(b"x").unwrap_err(), error);
    assert!(sender.poll_output().is_empty());
    let ended = receiver.handle_end().unwrap_err();
    assert!(ended.to_string().starts_with("the transfer was ended here"));
}

#[test]
fn an_offer_that_fits_no_window_is_asked_about_before_all_of_it_is_told() {
    let mut sender = Sender::new(Carries::Files, SIZES);
    let mut receiver = Receiver::new(Rules { ask: true, ..rules() });
    let mut names = (0..10).map(|n| format!("f{n}"));
    // It could not look at something that should have been among them, and the receiver hears so.
    sender.left_out();
    let mut placed = Vec::new();
    for _ in 0..200 {
        while sender.can_offer() {
            let Some(name) = names.next() else {
                sender.walk_done();
                break;
            };
            sender.offer(file(&name, 1), Stat { size: 1, mtime: 7, ctime: 7 }).unwrap();
        }
        receiver.handle_input(&sender.poll_output()).unwrap();
        while let Some(effect) = receiver.poll_effect() {
            match effect {
                Effect::Ask(summary) => {
                    assert_eq!((summary.count, summary.more), (4, true));
                    receiver.accept();
                }
                Effect::Look { entry, .. } => {
                    receiver.handle_fact(entry, Fact::Looked(Found::Nothing, None));
                }
                Effect::Place { entry, path, .. } => {
                    placed.push(path.to_string());
                    receiver.handle_fact(entry, Fact::Done);
                }
                _ => {}
            }
        }
        sender.handle_input(&receiver.poll_output()).unwrap();
        while let Some(effect) = sender.poll_effect() {
            if let sender::Effect::ReadWhole { .. } = effect {
                let stat = Stat { size: 1, mtime: 7, ctime: 7 };
                sender.handle_fact(sender::Fact::Whole(stat, b"x".to_vec(), stat));
            }
        }
    }
    assert!(sender.is_done() && receiver.is_done());
    assert_eq!(placed.len(), 10);
    assert_eq!(sender.totals(), Totals { there: 10, missing: 0, bytes: 10, left_out: 1 });
    assert_eq!(receiver.totals(), sender.totals());
    assert_eq!((sender.handle_end(), receiver.handle_end()), (Ok(()), Ok(())));
}

#[test]
fn a_file_gets_its_name_when_it_is_whole_sealed_and_not_before() {
    let mut receiver = offered(Rules { durable: true, ..rules() }, vec![file("a", 1_500)]);
    assert_eq!(
        decode(&receiver.poll_output())[1..],
        [Record::Need(vec![Need { entry: 0, pieces: None }])]
    );
    let bytes = [b'x'; 1_500];
    let data = Record::Data { entry: 0, offset: 0, len: 1_500 };
    let end = Record::FileEnd { entry: 0, size: 1_500, hash: whole(&bytes) };
    hear(&mut receiver, &[data, end]).unwrap();
    let done = |receiver: &mut Receiver| receiver.handle_fact(0, Fact::Done);
    let mut order = Vec::new();
    while let Some(effect) = receiver.poll_effect() {
        let name = format!("{effect:?}");
        order.push(name.split([' ', '{', '(']).next().unwrap().to_owned());
        match effect {
            Effect::SyncFolders { entries } => {
                assert_eq!(entries, [0]);
                assert!(
                    receiver.poll_output().is_empty(),
                    "it is told before it outlives a power cut"
                );
                receiver.handle_folders(Ok(()));
            }
            Effect::Resolved { .. } => {}
            _ => done(&mut receiver),
        }
    }
    assert_eq!(order, ["Write", "Log", "Seal", "Commit", "SyncFolders", "Resolved"]);
    assert_eq!(decode(&receiver.poll_output()), [Record::Committed(vec![0])]);
}

#[test]
fn what_a_journal_tells_counts_where_the_disk_says_the_same() {
    let mut receiver = Receiver::new(rules());
    let end = Record::OfferEnd { count: 1, bytes: 0, more: false };
    let entries = Record::Entries(vec![file("a", 5_000)]);
    hear(&mut receiver, &[opening(Carries::Files), entries, end]).unwrap();
    let pieces = Pieces::of(5_000, 10);
    let journal = Journal::new(&path("a"), pieces, 7);
    let mut log = journal.header();
    [0, 1, 3].iter().for_each(|piece| journal.record(*piece, &[*piece as u8; 32], &mut log));
    let kept = log.len() as u64;
    // A torn record behind them.
    log.extend_from_slice(&[0; 20]);
    let [Effect::Look { part, .. }] = &effects(&mut receiver)[..] else { panic!("no look") };
    assert_eq!(*part, Some((journal.id(), journal.bytes_max())));
    receiver.handle_fact(0, Fact::Looked(Found::Nothing, Some(log)));
    let [Effect::Begin { journal, .. }] = &effects(&mut receiver)[..] else { panic!("no part") };
    assert_eq!(*journal, Begun::Kept(kept));
    receiver.handle_fact(0, Fact::Done);
    let [Effect::Rehash { which, .. }] = &effects(&mut receiver)[..] else { panic!("no hashes") };
    assert_eq!(*which, [0, 1, 3]);
    // Piece 1 is not what it was, and piece 3 cannot be read.
    receiver.handle_fact(0, Fact::Rehashed(vec![(0, [0; 32]), (1, [9; 32])]));
    let said = decode(&receiver.poll_output());
    let need = Need { entry: 0, pieces: Some(std::iter::once(1..5).collect()) };
    assert_eq!(said.last(), Some(&Record::Need(vec![need])));
}

#[test]
fn what_is_refused_takes_no_memory() {
    for (to, kind) in [
        (To::Stream, EntryKind::Folder),
        (To::Folder, EntryKind::Link),
        (To::Folder, EntryKind::Stream),
    ] {
        let mut receiver = Receiver::new(Rules { to, ask: true, ..rules() });
        hear(&mut receiver, &[opening(Carries::Files)]).unwrap();
        let mut most = 0;
        for batch in 0..100 {
            let target = if kind == EntryKind::Link { b"x".to_vec() } else { Vec::new() };
            let named = |n| entry(&format!("e{batch}-{n}"), kind, 0);
            let names = (0..200).map(|n| Entry { target: target.clone(), ..named(n) }).collect();
            hear(&mut receiver, &[Record::Entries(names)]).unwrap();
            let refused = effects(&mut receiver);
            assert!(refused.iter().all(|effect| matches!(effect, Effect::Resolved { .. })));
            receiver.poll_output();
            if batch == 0 {
                most = receiver.held();
            }
        }
        assert!(receiver.held() <= most, "{} after {most}", receiver.held());
    }
}

#[test]
fn what_has_grown_far_beyond_what_was_accepted_does_not_come() {
    // The offer is of 200 files of 100,000 bytes: an eighth more is borne, whoever was asked.
    let size = 100_000;
    for (ask, to, comes) in [
        (true, size + (200 * size) / 8, true),
        (true, size + (200 * size) / 8 + 1, false),
        (false, 1 << 40, true),
        (true, 1, true),
    ] {
        let mut receiver = Receiver::new(Rules { ask, window: 1_000, ..rules() });
        let files = (0..200).map(|n| file(&format!("f{n}"), size)).collect();
        let end = Record::OfferEnd { count: 200, bytes: 200 * size, more: false };
        hear(&mut receiver, &[opening(Carries::Files), Record::Entries(files), end]).unwrap();
        receiver.accept();
        let looked = |receiver: &mut Receiver| loop {
            match receiver.poll_effect() {
                Some(Effect::Look { entry: 0, .. }) => break,
                Some(_) => {}
                None => panic!("it is not looked at"),
            }
        };
        looked(&mut receiver);
        receiver.handle_fact(0, Fact::Looked(Found::Nothing, None));
        while let Some(effect) = receiver.poll_effect() {
            if matches!(effect, Effect::Begin { entry: 0, .. } | Effect::Log { entry: 0, .. }) {
                receiver.handle_fact(0, Fact::Done);
            }
        }
        receiver.poll_output();
        let changed = Record::Changed { entry: 0, size: to, mtime: 8 };
        hear(&mut receiver, &[changed]).unwrap();
        let mut then = effects(&mut receiver);
        while let [.., Effect::Discard { entry: 0, .. }] = &then[..] {
            receiver.handle_fact(0, Fact::Done);
            let more = effects(&mut receiver);
            then.pop();
            then.extend(more);
        }
        if comes {
            let looks = then.iter().any(|effect| matches!(effect, Effect::Look { entry: 0, .. }));
            assert!(looks, "{then:?}");
            continue;
        }
        let why = then.iter().find_map(|effect| match effect {
            Effect::Resolved {
                entry: 0,
                outcome: framecat_proto::transfer::Outcome::Failed(why),
                ..
            } => Some(why),
            _ => None,
        });
        let why = why.expect("it is told").to_string();
        assert!(why.contains("grown from 100000 to"), "{why}");
    }
}

#[test]
fn a_full_disk_is_known_before_anything_is_sent() {
    let mut receiver = Receiver::new(rules());
    let end = Record::OfferEnd { count: 2, bytes: 0, more: false };
    let entries = Record::Entries(vec![file("big", 1 << 40), file("small", 1)]);
    hear(&mut receiver, &[opening(Carries::Files), entries, end]).unwrap();
    while let Some(effect) = receiver.poll_effect() {
        match effect {
            Effect::Look { entry, .. } => {
                receiver.handle_fact(entry, Fact::Looked(Found::Nothing, None));
            }
            Effect::Begin { entry, size, .. } => {
                assert_eq!(size, 1 << 40);
                receiver.handle_fact(entry, Fact::Failed(Why::new(Cause::Full, "ENOSPC")));
            }
            _ => {}
        }
    }
    let said = decode(&receiver.poll_output());
    assert!(said.contains(&Record::Failed(vec![(0, Why::new(Cause::Full, "ENOSPC"))])));
    assert!(said.contains(&Record::Need(vec![Need { entry: 1, pieces: None }])));
}

#[test]
fn names_that_are_taken_are_dealt_with_as_was_said() {
    let other = Found::File { size: 1, mtime: 5 };
    let newer = Found::File { size: 1, mtime: 8 };
    let same = Found::File { size: 2, mtime: 7 };
    let skip = |cause: Cause| Some(Record::Skip(vec![(0, cause.into())]));
    for (conflict, found, want) in [
        (Conflict::Refuse, other.clone(), skip(Cause::Taken)),
        (Conflict::Skip, other.clone(), skip(Cause::Kept)),
        (Conflict::Newer, newer.clone(), skip(Cause::Kept)),
        (Conflict::Newer, other.clone(), None),
        (Conflict::Overwrite, newer.clone(), None),
        (Conflict::Overwrite, Found::Folder, skip(Cause::Taken)),
        (Conflict::Overwrite, Found::Link { target: b"/etc/passwd".to_vec() }, skip(Cause::Taken)),
        (Conflict::Newer, Found::Other, skip(Cause::Taken)),
        (Conflict::Rename, Found::Other, None),
        (Conflict::Rename, newer.clone(), None),
        (Conflict::Refuse, same.clone(), Some(Record::Have(vec![0]))),
        (Conflict::Overwrite, same.clone(), Some(Record::Have(vec![0]))),
    ] {
        let mut receiver = Receiver::new(Rules { conflict, ..rules() });
        let end = Record::OfferEnd { count: 1, bytes: 0, more: false };
        let entries = Record::Entries(vec![file("a", 2)]);
        hear(&mut receiver, &[opening(Carries::Files), entries, end]).unwrap();
        look(&mut receiver, |at| match at.to_string().as_str() {
            "a" => Fact::Looked(found.clone(), None),
            _ => Fact::Looked(Found::Nothing, None),
        });
        let said = decode(&receiver.poll_output());
        let need = Record::Need(vec![Need { entry: 0, pieces: None }]);
        assert_eq!(said[1..], [want.clone().unwrap_or(need)], "{conflict:?} {found:?}");
        if want.is_some() {
            continue;
        }
        let small = SmallFile { entry: 0, hash: whole(b"xx"), bytes: b"xx".to_vec() };
        hear(&mut receiver, &[Record::Small(vec![small])]).unwrap();
        let [Effect::Place { path, replace, .. }] = &effects(&mut receiver)[..] else {
            panic!("it gets no name")
        };
        let renames = conflict == Conflict::Rename;
        assert_eq!(
            (path.to_string().as_str(), *replace),
            (if renames { "a (1)" } else { "a" }, !renames)
        );
        // Somebody was faster.
        receiver.handle_fact(0, Fact::Taken);
        match (renames, &effects(&mut receiver)[..]) {
            (true, [Effect::Place { path, .. }]) => assert_eq!(path.to_string(), "a (2)"),
            (false, [Effect::Resolved { .. }]) => {}
            (_, effects) => panic!("{effects:?}"),
        }
    }
}

#[test]
fn a_sync_that_failed_leaves_nothing_to_go_on_with() {
    let mut receiver = offered(rules(), vec![file("a", 1_500), file("b", 1_500)]);
    receiver.handle_time(TRANSFER_SYNC_TIME);
    assert_eq!(effects(&mut receiver), [], "nothing was written");
    hear(&mut receiver, &[Record::Data { entry: 0, offset: 0, len: 1_200 }]).unwrap();
    receiver.handle_time(TRANSFER_SYNC_TIME - Duration::from_millis(1));
    receiver.handle_time(Duration::from_millis(1));
    let [Effect::Write { .. }, Effect::Sync { entry: 0 }] = effects(&mut receiver)[..] else {
        panic!("it is not synced")
    };
    receiver.handle_fact(0, Fact::Done);
    receiver.handle_fact(0, Fact::Failed(Why::new(Cause::Disk, "EIO")));
    let said = decode(&receiver.poll_output());
    assert_eq!(said.last(), Some(&Record::Failed(vec![(0, Why::new(Cause::Disk, "EIO"))])));
    // The sender may still be at it; then it ends, and the part is removed.
    hear(&mut receiver, &[Record::Data { entry: 0, offset: 1_200, len: 300 }]).unwrap();
    let before = effects(&mut receiver);
    // What was given before is done first.
    assert!(matches!(before[..], [Effect::Log { .. }, Effect::Resolved { .. }]), "{before:?}");
    receiver.handle_fact(0, Fact::Done);
    assert!(!before.iter().any(|effect| matches!(effect, Effect::Discard { .. })), "{before:?}");
    hear(&mut receiver, &[Record::Failed(vec![(0, Cause::Cancelled.into())])]).unwrap();
    let after = effects(&mut receiver);
    assert!(
        after.iter().any(|effect| matches!(effect, Effect::Discard { entry: 0, .. })),
        "{after:?}"
    );
}

#[test]
fn a_stream_is_told_as_whole_when_its_hash_is_right() {
    for (carries, right) in
        [(Carries::Stream, true), (Carries::Text, true), (Carries::Stream, false)]
    {
        let mut sender = Sender::new(carries, SIZES);
        let mut receiver = Receiver::new(Rules { to: To::Stream, ..rules() });
        sender.offer(entry("stdin", EntryKind::Stream, 0), Stat::default()).unwrap();
        sender.walk_done();
        let mut source: Vec<Vec<u8>> = vec![Vec::new(), b"world".to_vec(), b"hello ".to_vec()];
        let (mut sink, mut finished, mut discarded) = (Vec::new(), false, false);
        for _ in 0..20 {
            let mut bytes = sender.poll_output();
            if let (false, Some(at)) = (right, bytes.windows(5).position(|it| it == b"world")) {
                bytes[at] ^= 1;
            }
            receiver.handle_input(&bytes).unwrap();
            while let Some(effect) = receiver.poll_effect() {
                match effect {
                    Effect::Write { entry, offset, bytes } => {
                        assert_eq!(offset, sink.len() as u64);
                        sink.extend_from_slice(&bytes);
                        receiver.handle_fact(entry, Fact::Done);
                    }
                    Effect::Finish { entry, .. } => {
                        finished = true;
                        receiver.handle_fact(entry, Fact::Done);
                    }
                    Effect::Discard { entry, .. } => {
                        discarded = true;
                        receiver.handle_fact(entry, Fact::Done);
                    }
                    Effect::Resolved { .. } | Effect::Close { .. } => {}
                    effect => panic!("{effect:?}"),
                }
            }
            sender.handle_input(&receiver.poll_output()).unwrap();
            while let Some(effect) = sender.poll_effect() {
                match effect {
                    sender::Effect::Read { offset, .. } => {
                        assert!(offset <= 11);
                        sender.handle_fact(sender::Fact::Bytes(source.pop().unwrap()));
                    }
                    sender::Effect::Resolved { outcome, .. } => match right {
                        true => assert_eq!(outcome, sender::Outcome::Committed),
                        false => {
                            assert_eq!(outcome, sender::Outcome::Failed(Cause::Differs.into()))
                        }
                    },
                    effect => panic!("{effect:?}"),
                }
            }
        }
        assert!(sender.is_done() && receiver.is_done());
        assert_eq!((finished, discarded), (right, !right));
        // What was not written yet when it was known to be wrong is not written.
        assert!(if right { sink == b"hello world" } else { sink.len() <= 11 });
        assert_eq!(sender.totals().missing, u64::from(!right));
    }
}

#[test]
fn what_changed_while_it_was_sent_begins_anew_without_what_came_of_it() {
    let mut receiver = offered(rules(), vec![file("a", 1_500)]);
    let old = Journal::new(&path("a"), Pieces::of(1_500, 10), 7).id();
    let part = Record::Data { entry: 0, offset: 0, len: 1_200 };
    hear(&mut receiver, &[part, Record::Changed { entry: 0, size: 1_600, mtime: 8 }]).unwrap();
    let mut seen = Vec::new();
    while let Some(effect) = receiver.poll_effect() {
        seen.push(effect.clone());
        receiver.handle_fact(
            0,
            match effect {
                Effect::Look { .. } => Fact::Looked(Found::Nothing, None),
                _ => Fact::Done,
            },
        );
    }
    let new = Journal::new(&path("a"), Pieces::of(1_600, 10), 8).id();
    let [Effect::Write { .. }, Effect::Discard { id, .. }, Effect::Look { .. }, begin] = &seen[..]
    else {
        panic!("{seen:?}")
    };
    assert_eq!(*id, old);
    assert!(matches!(begin, Effect::Begin { id, size: 1_600, .. } if *id == new));
    let said = decode(&receiver.poll_output());
    let asked = said.iter().filter(|it| matches!(it, Record::Need(_)));
    assert_eq!(asked.count(), 1, "{said:?}");
    // Else a sender could keep it at that for ever.
    let again = hear(&mut receiver, &[Record::Changed { entry: 0, size: 1_700, mtime: 9 }]);
    assert!(matches!(again, Err(TransferError::Misplaced { .. })), "{again:?}");
}

#[test]
fn the_answer_to_bye_waits_for_the_disk() {
    let mut receiver = offered(rules(), vec![file("a", 1_500)]);
    receiver.poll_output();
    let data = Record::Data { entry: 0, offset: 0, len: 1_200 };
    let failed = Record::Failed(vec![(0, Cause::Unreadable.into())]);
    hear(&mut receiver, &[data, failed, Record::Bye(Totals::default())]).unwrap();
    let told = effects(&mut receiver);
    assert!(matches!(told[..], [Effect::Write { .. }, Effect::Resolved { .. }]), "{told:?}");
    assert!(receiver.poll_output().is_empty() && !receiver.is_done());
    receiver.handle_fact(0, Fact::Done);
    assert_eq!(effects(&mut receiver), [Effect::Close { entry: 0 }]);
    let bye = Totals { missing: 1, bytes: 1_200, ..Totals::default() };
    assert_eq!(decode(&receiver.poll_output()), [Record::Bye(bye)]);
    assert!(receiver.is_done());
}

#[test]
fn what_seems_to_be_there_is_checked_where_that_is_asked_for() {
    let cases = [(1_500, true), (1_500, false), (50, true), (50, false)];
    let rules_of_names = [Conflict::Rename, Conflict::Refuse, Conflict::Skip, Conflict::Newer];
    let all = cases.into_iter().flat_map(|case| rules_of_names.map(|conflict| (case, conflict)));
    for ((size, right), conflict) in all {
        let stays = matches!(conflict, Conflict::Refuse | Conflict::Skip);
        let bytes = vec![b'x'; size];
        let mut receiver = Receiver::new(Rules { check: true, conflict, ..rules() });
        let end = Record::OfferEnd { count: 1, bytes: 0, more: false };
        let entries = Record::Entries(vec![file("a", size as u64)]);
        hear(&mut receiver, &[opening(Carries::Files), entries, end]).unwrap();
        let there = Found::File { size: size as u64, mtime: 7 };
        look(&mut receiver, |_| Fact::Looked(there.clone(), None));
        let small = size <= SIZES.small_bytes as usize;
        let hash = whole(&bytes);
        let (pieces, ending) = match small {
            true => (None, Record::Small(vec![SmallFile { entry: 0, hash, bytes: bytes.clone() }])),
            false => (Some(Vec::new()), Record::FileEnd { entry: 0, size: size as u64, hash }),
        };
        let asked = Record::Need(vec![Need { entry: 0, pieces }]);
        assert_eq!(decode(&receiver.poll_output()).last(), Some(&asked));
        hear(&mut receiver, &[ending]).unwrap();
        let [Effect::HashNamed { .. }] = effects(&mut receiver)[..] else { panic!("not compared") };
        receiver.handle_fact(0, Fact::Hashed(Some(if right { hash } else { [0; 32] })));
        let then = effects(&mut receiver);
        match &then[..] {
            [Effect::Resolved { outcome: receiver::Outcome::Committed, .. }] => assert!(right),
            [Effect::Place { replace: true, .. }] => assert!(!right && small && !stays),
            [Effect::Begin { .. }] => assert!(!right && !small && !stays),
            [Effect::Resolved { outcome: receiver::Outcome::Failed(_), .. }] => {
                assert!(!right && stays);
            }
            then => panic!("{then:?}"),
        }
    }
}

#[test]
fn a_text_has_a_limit() {
    let mut receiver = Receiver::new(Rules { to: To::Stream, ..rules() });
    let end = Record::OfferEnd { count: 1, bytes: 0, more: false };
    let text = Record::Entries(vec![entry("text", EntryKind::Stream, 0)]);
    hear(&mut receiver, &[opening(Carries::Text), text, end]).unwrap();
    effects(&mut receiver);
    let len = 1 << 20;
    assert!(hear(&mut receiver, &[Record::Data { entry: 0, offset: 0, len }]).is_ok());
    let error =
        hear(&mut receiver, &[Record::Data { entry: 0, offset: 1 << 20, len: 1 }]).unwrap_err();
    assert!(error.to_string().contains("more than a text may be"), "{error}");
}

/// Bytes of both sides go back and forth until nothing moves; the receiver's disk is one part and one name.
fn move_file(bytes: &[u8], part: &mut Vec<u8>, log: &mut Vec<u8>, stop_at: usize) -> (usize, bool) {
    let mut sender = Sender::new(Carries::Files, Sizes::default());
    let mut receiver = Receiver::new(Rules { ask: false, ..Rules::default() });
    let stat = Stat { size: bytes.len() as u64, mtime: 7, ctime: 7 };
    sender.offer(file("a", bytes.len() as u64), stat).unwrap();
    sender.walk_done();
    let (mut sent, mut named) = (0, false);
    loop {
        let said = sender.poll_output();
        for record in decode(&said) {
            if let Record::Data { len, .. } = record {
                sent += len as usize;
            }
        }
        let moved = !said.is_empty();
        let mut rest = said.as_slice();
        while !rest.is_empty() || moved {
            let taken = receiver.handle_input(rest).unwrap();
            rest = &rest[taken..];
            let mut worked = false;
            while let Some(effect) = receiver.poll_effect() {
                worked = true;
                let fact = match effect {
                    Effect::Look { .. } if part.is_empty() => Fact::Looked(Found::Nothing, None),
                    Effect::Look { .. } => Fact::Looked(Found::Nothing, Some(log.clone())),
                    Effect::Begin { journal: Begun::New(header), .. } => {
                        *log = header;
                        Fact::Done
                    }
                    Effect::Begin { journal: Begun::Kept(len), .. } => {
                        log.truncate(len as usize);
                        Fact::Done
                    }
                    Effect::Rehash { pieces, which, .. } => {
                        let hash = |piece: &u32| {
                            let at = pieces.bytes(*piece);
                            let have = part.get(at.start as usize..at.end as usize)?;
                            Some((*piece, pieces.hash(*piece, have)))
                        };
                        Fact::Rehashed(which.iter().filter_map(hash).collect())
                    }
                    Effect::Write { offset, bytes, .. } => {
                        let at = offset as usize;
                        part.resize(part.len().max(at + bytes.len()), 0);
                        part[at..at + bytes.len()].copy_from_slice(&bytes);
                        Fact::Done
                    }
                    Effect::Log { bytes, .. } => {
                        log.extend(bytes);
                        Fact::Done
                    }
                    Effect::Commit { .. } => {
                        named = true;
                        Fact::Done
                    }
                    Effect::Seal { .. } => Fact::Done,
                    Effect::Resolved { .. } => continue,
                    effect => panic!("{effect:?}"),
                };
                receiver.handle_fact(0, fact);
            }
            if rest.is_empty() && !worked {
                break;
            }
        }
        if sent >= stop_at {
            return (sent, named);
        }
        sender.handle_input(&receiver.poll_output()).unwrap();
        let mut worked = false;
        while let Some(effect) = sender.poll_effect() {
            worked = true;
            sender.handle_fact(match effect {
                sender::Effect::Open { .. } => sender::Fact::Opened(stat),
                sender::Effect::Close { .. } => sender::Fact::Closed(stat),
                sender::Effect::Read { offset, len, .. } => {
                    sender::Fact::Bytes(bytes[offset as usize..][..len as usize].to_vec())
                }
                _ => continue,
            });
        }
        if !moved && !worked {
            return (sent, named);
        }
    }
}

#[test]
fn with_the_sizes_of_programs_a_cut_costs_less_than_a_piece() {
    let bytes: Vec<u8> = (0..(5 << 20) + 123_u32).map(|n| (n ^ (n >> 9)) as u8).collect();
    let (mut part, mut log) = (Vec::new(), Vec::new());
    let (first, named) = move_file(&bytes, &mut part, &mut log, 3 << 20);
    assert!(!named && first >= 3 << 20);
    let (second, named) = move_file(&bytes, &mut part, &mut log, usize::MAX);
    assert!(named && part == bytes);
    assert!(first + second < bytes.len() + (1 << 20), "{first} and {second} of {}", bytes.len());
    // All is there, and was not given its name: only the hash is asked for.
    assert_eq!(move_file(&bytes, &mut part, &mut log, usize::MAX), (0, true));
}

#[test]
fn a_stream_takes_one_file_and_no_folder() {
    let mut receiver = Receiver::new(Rules { to: To::Stream, ..rules() });
    let entries = vec![file(".a", 2), file("b", 2), entry("d", EntryKind::Folder, 0)];
    let end = Record::OfferEnd { count: 3, bytes: 4, more: false };
    hear(&mut receiver, &[opening(Carries::Files), Record::Entries(entries), end]).unwrap();
    let resolved = effects(&mut receiver);
    assert_eq!(resolved.len(), 2, "{resolved:?}");
    let said = decode(&receiver.poll_output());
    assert!(
        matches!(&said[2], Record::Skip(all) if all.iter().map(|it| it.0).eq([1, 2])),
        "{said:?}"
    );
}

#[test]
fn whoever_ends_it_says_why_and_parts_stay() {
    let mut receiver = offered(rules(), vec![file("a", 1_500)]);
    receiver.poll_output();
    receiver.cancel(Why::new(Cause::Cancelled, "Ctrl-C"));
    assert_eq!(effects(&mut receiver), [Effect::Close { entry: 0 }]);
    let mut sender = Sender::new(Carries::Files, SIZES);
    let error = sender.handle_input(&receiver.poll_output()).unwrap_err();
    assert_eq!(error.to_string(), "the other side ended the transfer: it was cancelled (Ctrl-C)");

    let mut receiver = offered(rules(), vec![file("a", 1_500)]);
    let mut sender = Sender::new(Carries::Files, SIZES);
    sender.poll_output();
    sender.cancel(Cause::Cancelled.into());
    assert!(matches!(
        receiver.handle_input(&sender.poll_output()),
        Err(TransferError::Cancelled(_))
    ));
    assert_eq!(effects(&mut receiver), [Effect::Close { entry: 0 }]);

    // The cable.
    let mut receiver = offered(rules(), vec![file("a", 1_500)]);
    let error = receiver.handle_end().unwrap_err();
    assert!(matches!(error, TransferError::Cut { at } if at > 0));
    assert!(error.remedy().contains("goes on where it was"));
    assert_eq!(effects(&mut receiver), [Effect::Close { entry: 0 }]);
}

#[test]
fn a_hostile_sender_is_told_what_was_wrong_and_gets_nothing() {
    let (data, end) = (
        Record::Data { entry: 0, offset: 0, len: 10 },
        Record::FileEnd { entry: 0, size: 1_500, hash: [0; 32] },
    );
    let small = |entry, bytes: &[u8]| {
        Record::Small(vec![SmallFile { entry, hash: whole(bytes), bytes: bytes.to_vec() }])
    };
    let part = |offset, len| Record::Data { entry: 0, offset, len };
    // After an offer of a (1,500 bytes), s (2 bytes) and a folder d, the first two of which were asked for.
    let cases: Vec<(Vec<Record>, &str)> = vec![
        (vec![opening(Carries::Files)], "no place"),
        (vec![Record::Entries(vec![file("late", 1)])], "no place"),
        (vec![Record::OfferEnd { count: 3, bytes: 0, more: false }], "no place"),
        (vec![Record::Bye(Totals::default())], "no place"),
        (vec![Record::Accept], "no place"),
        (vec![Record::Need(Vec::new())], "no place"),
        (vec![Record::Data { entry: 9, offset: 0, len: 1 }], "not asked for"),
        (vec![Record::Data { entry: 2, offset: 0, len: 1 }], "not asked for"),
        (vec![part(1, 10)], "not what is due"),
        (vec![part(0, 1_501)], "not what is due"),
        (vec![part(0, 1_500), part(1_500, 1)], "not what is due"),
        (vec![data.clone(), data.clone()], "not what is due"),
        (vec![Record::Data { entry: 1, offset: 0, len: 1 }], "not what is due"),
        (vec![end.clone()], "something is missing"),
        (
            vec![part(0, 1_500), Record::FileEnd { entry: 0, size: 1_499, hash: [0; 32] }],
            "something is missing",
        ),
        (vec![Record::FileEnd { entry: 1, size: 2, hash: [0; 32] }], "something is missing"),
        (vec![part(0, 1_500), end.clone(), end.clone()], "has not begun"),
        (vec![small(0, b"xx")], "not a small one"),
        (vec![small(1, b"xxx")], "not a small one"),
        (vec![small(2, b"")], "not asked for"),
        (vec![Record::Pieces { entry: 0, first: 0, hashes: vec![[0; 32]; 2] }], "not asked for"),
        (vec![Record::Pieces { entry: 1, first: 0, hashes: vec![[0; 32]] }], "has none"),
        (vec![Record::Changed { entry: 2, size: 1, mtime: 0 }], "not asked for"),
        (vec![Record::Changed { entry: 0, size: u64::MAX, mtime: 0 }], "cannot change so"),
        (vec![Record::Failed(vec![(2, Cause::Disk.into())])], "not asked for"),
    ];
    for (records, told) in cases {
        let entries = vec![file("a", 1_500), file("s", 2), entry("d", EntryKind::Folder, 0)];
        let mut receiver = offered(rules(), entries);
        receiver.poll_output();
        let mut error = None;
        for record in &records {
            error = hear(&mut receiver, std::slice::from_ref(record)).err();
            // What was written is done at once.
            while let Some(effect) = receiver.poll_effect() {
                match effect {
                    Effect::Write { entry, .. } | Effect::Log { entry, .. } => {
                        receiver.handle_fact(entry, Fact::Done);
                    }
                    Effect::Commit { .. } | Effect::Place { .. } => {
                        panic!("{records:?}: {effect:?}")
                    }
                    _ => {}
                }
            }
        }
        let error = error.unwrap_or_else(|| panic!("{records:?} is taken"));
        let text = error.to_string();
        assert!(text.contains(told) && text.contains(" at byte "), "{records:?}: {text}");
        assert!(!error.remedy().is_empty());
        let said = decode(&receiver.poll_output());
        assert!(
            matches!(&said[..], [.., Record::Cancel(why)] if why.says().contains(told)),
            "{said:?}"
        );
        assert_eq!(hear(&mut receiver, &[Record::Accept]).unwrap_err(), error);
    }
    // Nobody has accepted yet; more is offered than fits; it counts what did not come.
    let ask = Rules { ask: true, ..rules() };
    let offers = |n: usize| Record::Entries((0..n).map(|n| file(&format!("f{n}"), 1)).collect());
    for (rules, records, told) in [
        (ask, vec![opening(Carries::Files), offers(1), data], "no place"),
        (ask, vec![opening(Carries::Files), offers(5)], "more than may be offered"),
        (rules(), vec![opening(Carries::Files), offers(5)], "more than may be offered"),
        (
            ask,
            vec![
                opening(Carries::Files),
                offers(1),
                Record::OfferEnd { count: 2, bytes: 0, more: false },
            ],
            "counts",
        ),
        (ask, vec![offers(1)], "no place"),
    ] {
        let mut receiver = Receiver::new(rules);
        let error = hear(&mut receiver, &records).unwrap_err();
        assert!(error.to_string().contains(told), "{error}");
    }
}

#[test]
fn entries_that_cannot_be_are_refused_alone_and_the_rest_goes_on() {
    let many = Rules { window: 20, asked: 20, ..rules() };
    let mut receiver = Receiver::new(many);
    let entries = vec![
        file("../../.ssh/authorized_keys", 1),
        file("/etc/passwd", 1),
        file(".bashrc", 1),
        file("a\u{1b}[2J", 1),
        file("long", 1 << 63),
        file("fine", 1),
        file("fine", 1),
        Entry { target: b"x".to_vec(), ..entry("l", EntryKind::Link, 0) },
        entry("s", EntryKind::Stream, 0),
    ];
    let end = Record::OfferEnd { count: 9, bytes: 0, more: false };
    hear(&mut receiver, &[opening(Carries::Files), Record::Entries(entries), end]).unwrap();
    let told = effects(&mut receiver);
    let mut looks = told.iter().filter(|effect| matches!(effect, Effect::Look { .. }));
    assert!(matches!(looks.next(), Some(Effect::Look { entry: 5, .. })) && looks.next().is_none());
    for effect in &told {
        let Effect::Resolved { name, outcome, .. } = effect else { continue };
        assert!(!name.contains('\u{1b}'), "{name}");
        assert!(matches!(outcome, receiver::Outcome::Skipped(_)));
    }
    let said = decode(&receiver.poll_output());
    let Some(Record::Skip(skipped)) = said.last() else { panic!("{said:?}") };
    let causes: Vec<_> = skipped.iter().map(|it| (it.0, it.1.cause)).collect();
    let (name, kind) = (Cause::Name, Cause::Kind);
    assert_eq!(
        causes,
        [
            (0, name),
            (1, name),
            (2, Cause::Hidden),
            (3, name),
            (4, Cause::Limit),
            (6, Cause::Clash),
            (7, kind),
            (8, kind),
        ]
    );
}

#[test]
fn a_hostile_receiver_is_told_what_was_wrong_and_gets_nothing() {
    let need = |entry, pieces: Option<Vec<std::ops::Range<u32>>>| {
        Record::Need(vec![Need { entry, pieces }])
    };
    let range = |range: std::ops::Range<u32>| Some(vec![range]);
    let accepted = |mut more: Vec<Record>| {
        more.insert(0, Record::Accept);
        more
    };
    // Of a file a of 5,000 bytes, s of 2, a folder d and another file b.
    let cases: Vec<(Vec<Record>, &str)> = vec![
        (vec![need(0, None)], "accepts nothing"),
        (vec![Record::Bye(Totals::default())], "no place"),
        (vec![opening(Carries::Files)], "no place"),
        (accepted(vec![Record::Accept]), "taken already"),
        (accepted(vec![Record::Refuse(Cause::Declined.into())]), "no place"),
        (accepted(vec![Record::Bye(Totals::default())]), "no place"),
        (accepted(vec![need(9, None)]), "not offered"),
        (accepted(vec![need(u32::MAX, None)]), "not offered"),
        (accepted(vec![need(2, None)]), "content of what has none"),
        (accepted(vec![need(0, None), need(0, None)]), "asked for already"),
        (accepted(vec![need(0, range(4..6))]), "does not have"),
        (accepted(vec![need(0, range(0..u32::MAX))]), "does not have"),
        (accepted(vec![need(1, range(0..1))]), "does not have"),
        (accepted(vec![need(0, None), need(1, None), need(3, None)]), "too many"),
        (accepted(vec![Record::Committed(vec![0])]), "has not come to it"),
        (accepted(vec![need(0, None), Record::Committed(vec![0])]), "has not come to it"),
        (accepted(vec![need(0, None), Record::Have(vec![0])]), "has not come to it"),
        (
            accepted(vec![need(0, None), Record::Skip(vec![(0, Cause::Kept.into())])]),
            "has not come to it",
        ),
        (accepted(vec![Record::Have(vec![0]), need(0, None)]), "not offered"),
        (accepted(vec![Record::AskPieces { entry: 0 }]), "was not sent"),
        (accepted(vec![Record::Failed(vec![(9, Cause::Disk.into())])]), "not offered"),
        (accepted(vec![Record::Data { entry: 0, offset: 0, len: 5 }]), "no place"),
    ];
    for (records, told) in cases {
        let mut sender = Sender::new(Carries::Files, SIZES);
        for it in [file("a", 5_000), file("s", 2), entry("d", EntryKind::Folder, 0), file("b", 1)] {
            let stat = Stat { size: it.size, mtime: 7, ctime: 7 };
            sender.offer(it, stat).unwrap();
        }
        sender.walk_done();
        sender.poll_output();
        let error = sender.handle_input(&encode(&records)).unwrap_err();
        let text = error.to_string();
        assert!(text.contains(told) && text.contains(" at byte "), "{records:?}: {text}");
        assert_eq!(sender.poll_effect(), None);
        let said = decode(&sender.poll_output());
        assert!(
            matches!(&said[..], [Record::Cancel(why)] if why.says().contains(told)),
            "{said:?}"
        );
    }
}

#[test]
fn more_holes_than_one_question_holds_are_filled_in_several() {
    let size = 2 * 1_024 * (TRANSFER_RANGES as u64 + 10);
    let mut receiver = Receiver::new(rules());
    let end = Record::OfferEnd { count: 1, bytes: size, more: false };
    hear(&mut receiver, &[opening(Carries::Files), Record::Entries(vec![file("a", size)]), end])
        .unwrap();
    let bytes = vec![b'x'; size as usize];
    let pieces = Pieces::of(size, 10);
    let journal = Journal::new(&path("a"), pieces, 7);
    let mut log = journal.header();
    let hash = |piece| pieces.hash(piece, &bytes[..1_024]);
    let told: Vec<u32> = (0..pieces.count()).step_by(2).collect();
    told.iter().for_each(|piece| journal.record(*piece, &hash(*piece), &mut log));
    let (mut asked, mut named) = (Vec::new(), false);
    for _ in 0..100_000 {
        while let Some(effect) = receiver.poll_effect() {
            let fact = match &effect {
                Effect::Look { .. } => Fact::Looked(Found::Nothing, Some(log.clone())),
                Effect::Rehash { which, .. } => {
                    Fact::Rehashed(which.iter().map(|piece| (*piece, hash(*piece))).collect())
                }
                Effect::Resolved { .. } => continue,
                _ => Fact::Done,
            };
            named |= matches!(effect, Effect::Commit { .. });
            receiver.handle_fact(0, fact);
        }
        let Some(Record::Need(needs)) = decode(&receiver.poll_output()).pop() else { break };
        let ranges = needs[0].pieces.clone().unwrap();
        assert!(ranges.len() <= TRANSFER_RANGES);
        asked.push(ranges.len());
        for range in ranges {
            let at = pieces.span(range);
            let data = Record::Data { entry: 0, offset: at.start, len: (at.end - at.start) as u32 };
            let mut said = encode(&[data]);
            while !said.is_empty() {
                let taken = receiver.handle_input(&said).unwrap();
                said.drain(..taken);
                while let Some(effect) = receiver.poll_effect() {
                    assert!(matches!(effect, Effect::Write { .. } | Effect::Log { .. }));
                    receiver.handle_fact(0, Fact::Done);
                }
            }
        }
        hear(&mut receiver, &[Record::FileEnd { entry: 0, size, hash: whole(&bytes) }]).unwrap();
    }
    assert_eq!(asked, [TRANSFER_RANGES, 10]);
    assert!(named);
}
