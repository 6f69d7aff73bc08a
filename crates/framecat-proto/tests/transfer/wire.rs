//! docs/transfer-wire.md against the code: every example is what is encoded, and every type has one.

use framecat_proto::path::SafePath;
use framecat_proto::transfer::pieces::Pieces;
use framecat_proto::transfer::record::{
    Carries, Decoder, Entry, EntryKind, Fault, Item, Need, Opening, PLAIN_RECEIVER, PLAIN_SENDER,
    Record, SmallFile, Totals, name,
};
use framecat_proto::transfer::resume::{self, Journal};
use framecat_proto::transfer::why::{Cause, Why};

const PAGE: &str = include_str!("../../../../docs/transfer-wire.md");
const TIME: i64 = 0x1874_a7a0_bb05_7100;
const BIG: u64 = 5 << 19;

/// The blocks of the page: a name and bytes.
fn drawn() -> Vec<(String, Vec<u8>)> {
    let blocks = PAGE.split("```hex ").skip(1);
    let block = |block: &str| {
        let (name, rest) = block.split_once('\n').unwrap();
        let lines = rest.split("```").next().unwrap().lines();
        let bytes = lines.flat_map(|line| {
            let (bytes, _) = line.split_once('|').unwrap_or_else(|| panic!("{name}: {line}"));
            let byte =
                |hex| u8::from_str_radix(hex, 16).unwrap_or_else(|_| panic!("{name}: {line}"));
            bytes.split_whitespace().map(byte).collect::<Vec<u8>>()
        });
        (name.to_owned(), bytes.collect())
    };
    blocks.map(block).collect()
}

fn entry(path: &[&str], kind: EntryKind, size: u64, mtime: i64) -> Entry {
    let path = path.iter().map(|part| part.as_bytes().to_vec()).collect();
    let mode = if kind == EntryKind::Folder { 0o755 } else { 0o644 };
    Entry { path, kind, size, mtime, mode, target: Vec::new() }
}

fn examples() -> Vec<Record> {
    let hello =
        SmallFile { entry: 2, hash: *blake3::hash(b"hello").as_bytes(), bytes: b"hello".to_vec() };
    vec![
        Record::Offer(Opening { carries: Carries::Files, piece_log2: 20, small_bytes: 65_536 }),
        Record::Entries(vec![
            entry(&["notes"], EntryKind::Folder, 0, 0),
            entry(&["big.iso"], EntryKind::File, BIG, TIME),
            entry(&["notes", "a.txt"], EntryKind::File, 5, 0),
        ]),
        Record::OfferEnd { count: 3, bytes: BIG + 5, more: false },
        Record::Small(vec![hello]),
        Record::Data { entry: 1, offset: 1 << 20, len: 3 },
        Record::FileEnd { entry: 1, size: BIG, hash: [0x11; 32] },
        Record::Changed { entry: 1, size: BIG + 1, mtime: TIME + 1 },
        Record::Pieces { entry: 1, first: 1, hashes: vec![[0x22; 32], [0x33; 32]] },
        Record::Accept,
        Record::Refuse(Cause::Declined.into()),
        Record::Need(vec![
            Need { entry: 2, pieces: None },
            Need { entry: 1, pieces: Some(std::iter::once(1..3).collect()) },
        ]),
        Record::Have(vec![0]),
        Record::Skip(vec![(1, Cause::Kept.into())]),
        Record::AskPieces { entry: 1 },
        Record::Committed(vec![1, 2]),
        Record::Failed(vec![(1, Why::new(Cause::Full, "ENOSPC"))]),
        Record::Cancel(Cause::Cancelled.into()),
        Record::Bye(Totals { there: 3, bytes: BIG + 5, ..Totals::default() }),
    ]
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x} ")).collect()
}

#[test]
fn what_is_drawn_is_what_is_said() {
    let drawn = drawn();
    for record in examples() {
        let what = name(record.kind());
        let (_, bytes) =
            drawn.iter().find(|block| block.0 == what).unwrap_or_else(|| panic!("no {what}"));
        let mut encoded = Vec::new();
        record.encode(&mut encoded);
        if let Record::Data { .. } = record {
            encoded.extend_from_slice(b"abc");
        }
        assert_eq!(hex(bytes), hex(&encoded), "{what}");
        let mut input = bytes.as_slice();
        assert_eq!(Decoder::new().next(&mut input), Ok(Some(Item::Record(record))));
    }
    // The two heads of a plain one, and the journal.
    assert_eq!(drawn.len(), examples().len() + 3, "an example of something else");
}

#[test]
fn what_a_plain_transfer_begins_with_is_a_head_and_no_record() {
    let drawn = drawn();
    for (block, said) in [("plain-sender", PLAIN_SENDER), ("plain-receiver", PLAIN_RECEIVER)] {
        let (_, bytes) = drawn.iter().find(|it| it.0 == block).unwrap();
        assert_eq!(hex(bytes), hex(&said));
        assert_eq!(said[4..], [0; 4], "no body follows");
        assert_eq!(name(said[0]), "a record", "its type is nobody's");
        let fault = Decoder::new().next(&mut said.as_slice()).unwrap_err().fault;
        assert_eq!(fault, Fault::Flags(said[1]), "and may not be passed over");
    }
}

#[test]
fn the_journal_that_is_drawn_is_the_one_that_is_kept() {
    let path = SafePath::new([b"big.iso".as_slice()]).unwrap();
    let journal = Journal::new(&path, Pieces::of(BIG, 20), TIME);
    assert_eq!(journal.id(), resume::id(&path, BIG, TIME));
    let mut bytes = journal.header();
    journal.record(1, &[0x22; 32], &mut bytes);
    let drawn = drawn();
    let (_, page) = drawn.iter().find(|block| block.0 == "journal").unwrap();
    assert_eq!(hex(page), hex(&bytes));
}

#[test]
fn every_type_and_every_cause_is_on_the_page() {
    for of in 0..=0xff_u8 {
        let row = format!("| {of:02x} | {} |", name(of));
        assert_eq!(PAGE.contains(&row), name(of) != "a record", "{row}");
    }
    for number in 0..=14 {
        let row = format!("| {number} | {} |", Cause::of(number));
        assert!(PAGE.contains(&row), "{row}");
    }
}
