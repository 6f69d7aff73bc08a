//! Records, byte by byte: every split, every cut, every limit, and what is refused.

use framecat_proto::limits::{
    PATH_BYTES, TRANSFER_CONTROL_BYTES, TRANSFER_DATA_BYTES, TRANSFER_RANGES,
};
use framecat_proto::text::transfer::seen;
use framecat_proto::transfer::record::{
    Carries, DATA_HEAD_BYTES, Decoder, Entry, EntryKind, Fault, HEAD_BYTES, Item, Need, OPTIONAL,
    Opening, Record, RecordError, SmallFile, Totals, kind,
};
use framecat_proto::transfer::why::{Cause, Why};
use proptest::prelude::*;

use crate::laws;

fn entry(path: &[&[u8]], of: EntryKind) -> Entry {
    Entry {
        path: path.iter().map(|part| part.to_vec()).collect(),
        kind: of,
        size: if of == EntryKind::File { 5 } else { 0 },
        mtime: -1,
        mode: 0o755,
        target: if of == EntryKind::Link { b"../x".to_vec() } else { Vec::new() },
    }
}

/// One of each type, and more where a type has more shapes. Content follows a DATA.
fn examples() -> Vec<(Record, Vec<u8>)> {
    let entries = vec![
        entry(&[b"a"], EntryKind::File),
        entry(&["ü".as_bytes(), b"\xff"], EntryKind::Folder),
        entry(&[b"l"], EntryKind::Link),
        entry(&[b"-"], EntryKind::Stream),
        entry(&[], EntryKind::File),
    ];
    let small = |entry, bytes: &[u8]| SmallFile { entry, hash: [7; 32], bytes: bytes.to_vec() };
    let why = Why::new(Cause::Full, "ENOSPC");
    let opening = |carries| Opening { carries, piece_log2: 20, small_bytes: 65_536 };
    let plain = [
        Record::Offer(opening(Carries::Files)),
        Record::Offer(opening(Carries::Text)),
        Record::Offer(opening(Carries::Stream)),
        Record::Entries(entries),
        Record::Entries(Vec::new()),
        Record::OfferEnd { count: 3, bytes: 1 << 40, more: false },
        Record::OfferEnd { count: 3, bytes: 0, more: true },
        Record::Small(vec![small(0, b"hello"), small(u32::MAX, b"")]),
        Record::FileEnd { entry: 1, size: u64::MAX, hash: [9; 32] },
        Record::Changed { entry: 1, size: 7, mtime: i64::MIN },
        Record::Pieces { entry: 1, first: 2, hashes: vec![[1; 32], [2; 32]] },
        Record::Accept,
        Record::Refuse(Cause::Declined.into()),
        Record::Need(vec![
            Need { entry: 1, pieces: None },
            Need { entry: 2, pieces: Some(Vec::new()) },
            Need { entry: 3, pieces: Some(vec![0..1, 5..9]) },
        ]),
        Record::Have(vec![1, 300, u32::MAX]),
        Record::Skip(vec![(4, Cause::Kept.into()), (5, why.clone())]),
        Record::AskPieces { entry: 6 },
        Record::Committed(vec![0]),
        Record::Failed(vec![(4, why.clone())]),
        Record::Cancel(why),
        Record::Bye(Totals { there: 1, missing: 2, bytes: 3, left_out: 0 }),
        Record::Bye(Totals { there: 1, missing: 2, bytes: 3, left_out: u64::MAX }),
    ];
    let mut all: Vec<_> = plain.into_iter().map(|record| (record, Vec::new())).collect();
    let data = Record::Data { entry: 3, offset: 1 << 40, len: 4 };
    all.insert(4, (data, b"data".to_vec()));
    all
}

fn stream() -> (Vec<u8>, Vec<Got>) {
    let (mut bytes, mut want) = (Vec::new(), Vec::new());
    for (record, content) in examples() {
        record.encode(&mut bytes);
        bytes.extend_from_slice(&content);
        want.push(Got::Record(record));
        want.extend((!content.is_empty()).then_some(Got::Content(content)));
    }
    (bytes, want)
}

#[derive(Debug, PartialEq)]
enum Got {
    Record(Record),
    Content(Vec<u8>),
}

/// All items of a stream that arrives in these parts, neighbouring content joined; and how it ended.
fn decode(parts: &[&[u8]]) -> (Vec<Got>, Result<(), RecordError>) {
    let mut decoder = Decoder::new();
    let mut got = Vec::new();
    for mut part in parts.iter().copied() {
        loop {
            match decoder.next(&mut part) {
                Ok(None) => break,
                Ok(Some(Item::Record(record))) => got.push(Got::Record(record)),
                Ok(Some(Item::Content(bytes))) => match got.last_mut() {
                    Some(Got::Content(before)) => before.extend_from_slice(bytes),
                    _ => got.push(Got::Content(bytes.to_vec())),
                },
                Err(error) => {
                    assert_eq!(decoder.next(&mut part).map(|_| ()).unwrap_err().at, error.at);
                    return (got, Err(error));
                }
            }
        }
        assert!(part.is_empty());
    }
    let end = decoder.end();
    (got, end)
}

#[test]
fn every_record_comes_back_whatever_the_split() {
    let (bytes, want) = stream();
    assert_eq!(decode(&[&bytes]), (want, Ok(())));
    let whole = decode(&[&bytes]);
    for cut in 0..=bytes.len() {
        let (a, b) = bytes.split_at(cut);
        assert_eq!(decode(&[a, b]), whole, "cut at {cut}");
    }
    let single: Vec<&[u8]> = bytes.chunks(1).collect();
    assert_eq!(decode(&single), whole);
    let three: Vec<&[u8]> = bytes.chunks(3).collect();
    assert_eq!(decode(&three), whole);
}

#[test]
fn a_stream_that_ends_inside_a_record_is_cut() {
    let mut at = 0;
    for (record, content) in examples() {
        let mut bytes = Vec::new();
        record.encode(&mut bytes);
        bytes.extend_from_slice(&content);
        let (all, _) = stream();
        for cut in 1..bytes.len() {
            let (_, end) = decode(&[&all[..at + cut]]);
            let error = end.unwrap_err();
            assert_eq!(error.fault, Fault::Cut { have: cut }, "{record:?} cut at {cut}");
            assert_eq!(
                (error.at, error.kind),
                (at as u64, if cut == 0 { 0 } else { record.kind() })
            );
        }
        at += bytes.len();
    }
}

fn head(of: u8, flags: u8, stream: u16, len: u32) -> Vec<u8> {
    let mut bytes = vec![of, flags];
    bytes.extend_from_slice(&stream.to_be_bytes());
    bytes.extend_from_slice(&len.to_be_bytes());
    bytes
}

fn fault(bytes: &[u8]) -> Fault {
    let (got, end) = decode(&[bytes]);
    assert_eq!(got, [], "{bytes:?}");
    let whole = end.unwrap_err();
    for cut in 1..bytes.len() {
        let (a, b) = bytes.split_at(cut);
        assert_eq!(decode(&[a, b]).1.unwrap_err(), whole, "cut at {cut}");
    }
    whole.fault
}

#[test]
fn a_length_is_held_against_its_limit_before_anything_is_kept() {
    for (of, limit) in [
        (kind::OFFER, TRANSFER_CONTROL_BYTES),
        (kind::ENTRIES, TRANSFER_CONTROL_BYTES),
        (kind::BYE, TRANSFER_CONTROL_BYTES),
        (kind::SMALL, TRANSFER_DATA_BYTES),
        (kind::DATA, TRANSFER_DATA_BYTES + DATA_HEAD_BYTES),
        (0x7f, TRANSFER_CONTROL_BYTES),
    ] {
        let flags = if of == 0x7f { OPTIONAL } else { 0 };
        for len in [limit as u32 + 1, u32::MAX] {
            assert_eq!(fault(&head(of, flags, 0, len)), Fault::TooLong { len, limit });
        }
        let at_limit = head(of, flags, 0, limit as u32);
        let mut decoder = Decoder::new();
        assert_eq!(decoder.next(&mut at_limit.as_slice()), Ok(None));
        // What a head claims takes no memory.
        assert!(decoder.held() <= HEAD_BYTES + DATA_HEAD_BYTES);
    }
}

#[test]
fn content_is_handed_on_as_it_comes_and_never_held() {
    let mut bytes = Vec::new();
    let len = TRANSFER_DATA_BYTES as u32;
    Record::Data { entry: 0, offset: 0, len }.encode(&mut bytes);
    let mut decoder = Decoder::new();
    let mut input = bytes.as_slice();
    assert!(matches!(decoder.next(&mut input), Ok(Some(Item::Record(_)))));
    assert_eq!((decoder.due(), decoder.held()), (len, 0));
    // What the kernel moved need not be shown.
    decoder.went_past(len - 1);
    let mut last: &[u8] = b"x\x42";
    assert_eq!(decoder.next(&mut last), Ok(Some(Item::Content(b"x"))));
    assert_eq!(decoder.next(&mut last), Ok(None));
    assert_eq!(decoder.end().unwrap_err().at, bytes.len() as u64 + u64::from(len));
}

#[test]
fn what_is_not_known_is_refused_unless_it_may_be_passed_over() {
    assert_eq!(fault(&head(0x7f, 0, 0, 0)), Fault::Unknown(0x7f));
    assert_eq!(fault(&head(0, 0, 0, 0)), Fault::Unknown(0));
    for flags in [0x02, 0x04, 0x80, 0xff] {
        assert_eq!(fault(&head(kind::ACCEPT, flags, 0, 1)), Fault::Flags(flags));
    }
    assert_eq!(fault(&head(kind::ACCEPT, 0, 1, 1)), Fault::Stream(1));
    let mut bytes = head(0x7f, OPTIONAL, 0, 5);
    bytes.extend_from_slice(b"later");
    bytes.extend_from_slice(&head(0x7e, OPTIONAL, 0, 0));
    Record::Accept.encode(&mut bytes);
    for cut in 0..bytes.len() {
        let (a, b) = bytes.split_at(cut);
        assert_eq!(decode(&[a, b]), (vec![Got::Record(Record::Accept)], Ok(())), "cut at {cut}");
    }
    assert_eq!(decode(&[&bytes[..10]]).1.unwrap_err().fault, Fault::Cut { have: 10 });
}

fn body(of: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = head(of, 0, 0, body.len() as u32);
    bytes.extend_from_slice(body);
    bytes
}

#[test]
fn bodies_out_of_order_are_refused() {
    let cases: &[(u8, &[u8], &str)] = &[
        (kind::ACCEPT, b"", "no CBOR"),
        (kind::ACCEPT, b"\xa0\xa0", "behind its end"),
        (kind::ACCEPT, b"\xbf\xff", "how long"),
        (kind::ACCEPT, b"\xa1\x61x\x00", "no CBOR"),
        (kind::HAVE, b"\x9f\x01\xff", "how long"),
        (kind::HAVE, b"\x9b\xff\xff\xff\xff\xff\xff\xff\xff", "no CBOR"),
        (kind::HAVE, b"\x81\x1b\x00\x00\x00\x01\x00\x00\x00\x00", "too large"),
        (kind::HAVE, b"\x81\x20", "no CBOR"),
        (kind::ASK_PIECES, b"\xa0", "missing"),
        (kind::ASK_PIECES, b"\xa2\x00\x01\x00\x02", "comes twice"),
        (kind::OFFER_END, b"\xa1\x00\x01", "missing"),
        (kind::FILE_END, b"\xa3\x00\x01\x01\x01\x02\x41\x00", "another length"),
        (kind::PIECES, b"\xa3\x00\x01\x01\x01\x02\x41\x00", "another length"),
        (kind::NEED, b"\x81\xa2\x00\x01\x01\x81\x00", "ranges"),
        (kind::NEED, b"\x81\xa2\x00\x01\x01\x82\x01\x01", "ranges"),
        (kind::NEED, b"\x81\xa2\x00\x01\x01\x82\x02\x01", "ranges"),
        (kind::NEED, b"\x81\xa2\x00\x01\x01\x84\x00\x02\x02\x03", "ranges"),
        (kind::ENTRIES, b"\x81\xa2\x00\x81\x41a\x01\x00", "missing"),
        (kind::ENTRIES, b"\x81\xa2\x00\x81\x41a\x01\x04", "kind of entry"),
        (kind::ENTRIES, b"\x81\xa2\x00\x81\x41a\x01\x02", "link"),
        (kind::ENTRIES, b"\x81\xa3\x00\x81\x41a\x01\x01\x05\x41x", "link"),
        (kind::REFUSE, b"\xa1\x00\x61x", "no CBOR"),
        (kind::CANCEL, b"\xa2\x00\x01\x01\x61\xff", "no CBOR"),
        (kind::OFFER, b"\xa4\x00\x02\x01\x00\x02\x14\x03\x00", "another version"),
        (kind::OFFER, b"\xa4\x00\x01\x01\x09\x02\x14\x03\x00", "carries"),
        (kind::OFFER, b"\xa4\x00\x01\x01\x00\x02\x09\x03\x00", "smaller or larger"),
        (kind::OFFER, b"\xa4\x00\x01\x01\x00\x02\x18\x1b\x03\x00", "smaller or larger"),
        (kind::OFFER, b"\xa4\x00\x01\x01\x00\x02\x0a\x03\x19\x04\x01", "small files"),
        (kind::OFFER, b"\xa4\x00\x01\x01\x00\x02\x19\x01\x14\x03\x00", "too large"),
    ];
    for (of, bytes, told) in cases {
        let fault = fault(&body(*of, bytes));
        assert!(fault.to_string().contains(told), "{of:#x} {bytes:x?}: {fault}");
    }
    for (of, bytes) in [
        (kind::DATA, [0; DATA_HEAD_BYTES].as_slice()),
        (kind::DATA, &[0; 4]),
        (kind::SMALL, &[]),
        (kind::SMALL, &[0; 39]),
        (kind::SMALL, &[0, 0, 0, 0, 0, 0, 0, 1].repeat(5)),
    ] {
        assert_eq!(fault(&body(of, bytes)), Fault::Short, "{of:#x} {} bytes", bytes.len());
    }
    // An offset whose content would end behind all numbers.
    let mut data = vec![0; 4];
    data.extend_from_slice(&u64::MAX.to_be_bytes());
    data.extend_from_slice(b"xx");
    assert!(matches!(fault(&body(kind::DATA, &data)), Fault::Body(_)));
}

#[test]
fn keys_that_a_later_version_adds_are_passed_over() {
    // Key 40 with nested arrays, as deep as they come.
    let mut bytes = vec![0xa2, 0x00, 0x06, 0x18, 40];
    bytes.extend(std::iter::repeat_n(0x81, 60_000));
    bytes.push(0x00);
    let (got, end) = decode(&[&body(kind::ASK_PIECES, &bytes)]);
    assert_eq!((got, end), (vec![Got::Record(Record::AskPieces { entry: 6 })], Ok(())));
}

#[test]
fn what_fits_a_record_fits_one() {
    let ranges = (0..TRANSFER_RANGES as u32).map(|n| u32::MAX - 3 * n - 2..u32::MAX - 3 * n);
    let mut ranges: Vec<_> = ranges.collect();
    ranges.reverse();
    let path = vec![vec![b'x'; 255]; PATH_BYTES / 256];
    let long = Entry { path, target: vec![b'y'; PATH_BYTES], ..entry(&[], EntryKind::Link) };
    for record in [
        Record::Need(vec![Need { entry: u32::MAX, pieces: Some(ranges) }]),
        Record::Entries(vec![long; 6]),
        Record::Pieces { entry: 0, first: 0, hashes: vec![[1; 32]; 1_024] },
        Record::Small(vec![SmallFile {
            entry: 0,
            hash: [0; 32],
            bytes: vec![1; TRANSFER_DATA_BYTES - 40],
        }]),
    ] {
        let mut bytes = Vec::new();
        record.encode(&mut bytes);
        let (got, end) = decode(&[&bytes]);
        assert_eq!((got, end), (vec![Got::Record(record)], Ok(())));
    }
}

#[test]
fn seeds_of_the_fuzz_targets_pass() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/seeds");
    let mut count = 0;
    for seed in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let bytes = std::fs::read(seed.path()).unwrap();
        laws::check_records(&bytes);
        laws::check_journal(&bytes);
        laws::check_receiver(&bytes);
        laws::check_sender(&bytes);
        count += usize::from(seed.file_name().to_string_lossy().starts_with("transfer"));
    }
    assert!(count >= 3, "{count} seeds of transfers in {folder}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// A record that is spoiled anywhere is refused or read, and read the same whatever the split.
    #[test]
    fn spoiled_streams_are_read_the_same_whatever_the_split(
        at in 0_usize..4_000, byte in 0_u8..=255, cut in 0_usize..4_000,
    ) {
        let (mut bytes, _) = stream();
        let (at, cut) = (at % bytes.len(), cut % bytes.len());
        bytes[at] = byte;
        let (a, b) = bytes.split_at(cut);
        prop_assert_eq!(decode(&[a, b]), decode(&[&bytes]));
        let split = [cut as u8];
        laws::check_records(&[&split, bytes.as_slice()].concat());
        laws::check_receiver(&[&split, bytes.as_slice()].concat());
        laws::check_sender(&[&split, bytes.as_slice()].concat());
    }
}

/// What of the other records is told, and of what is none.
#[test]
fn every_record_is_told_in_words_that_do_not_act_on_a_terminal() {
    let said = |record: Record| {
        let mut bytes = Vec::new();
        record.encode(&mut bytes);
        seen(&bytes).expect("it is a record")
    };
    let hostile = b"a\x1b]0;x\x07\n\xe2\x80\xae\xff".to_vec();
    let link = Entry {
        kind: EntryKind::Link,
        target: hostile.clone(),
        path: vec![b"d".to_vec(), hostile],
        size: 0,
        mtime: 0,
        mode: 0o644,
    };
    let name = r"a\x1b]0;x\x07\n\xe2\x80\xae\xff";
    assert_eq!(said(Record::Entries(vec![link])), format!("ENTRIES d/{name} -> {name}"));
    let why = Why::new(Cause::Full, "ENOSPC\u{1b}");
    let failed = said(Record::Failed(vec![(1, why.clone()), (2, Cause::Changed.into())]));
    assert_eq!(
        failed,
        r"FAILED 1: there is no room for it (ENOSPC\u{1b}), 2: it changed while it was read"
    );
    assert_eq!(said(Record::Cancel(why)), r"CANCEL: there is no room for it (ENOSPC\u{1b})");
    let offer = Opening { carries: Carries::Text, piece_log2: 26, small_bytes: 0 };
    assert_eq!(said(Record::Offer(offer)), "OFFER of a text, pieces of 67108864B, small to 0B");
    let end = Record::OfferEnd { count: 9, bytes: 7, more: true };
    assert_eq!(said(end), "OFFER-END: 9 of 7B, and more");
    let none = Need { entry: 3, pieces: Some(Vec::new()) };
    let some = Need { entry: 4, pieces: Some(vec![0..1, 5..9]) };
    assert_eq!(said(Record::Need(vec![none, some])), "NEED 3[], 4[0..1 5..9]");
    assert_eq!(said(Record::AskPieces { entry: 8 }), "PIECES? 8");
    let pieces = Record::Pieces { entry: 1, first: 2, hashes: vec![[0; 32]; 3] };
    assert_eq!(said(pieces), "PIECES 1: 3 from 2");
    assert_eq!(said(Record::Changed { entry: 1, size: 2, mtime: 3 }), "CHANGED 1: 2B");
    let end = Record::Bye(Totals { there: 1, missing: 2, bytes: 3, left_out: 4 });
    assert_eq!(said(end), "BYE: 1 there, 2 missing, 3B, 4 left out");

    let mut data = Vec::new();
    Record::Data { entry: 1, offset: 2, len: 3 }.encode(&mut data);
    data.extend_from_slice(b"abc");
    assert_eq!(seen(&data).as_deref(), Some("DATA 1 from 2: 3B"));
    for none in [&data[..data.len() - 1], b"", b"fc\x02S\0\0\0\0", &head(0x7f, OPTIONAL, 0, 0)] {
        assert_eq!(seen(none), None, "{none:x?}");
    }
    let secret = seen(b"fc\x01r\0\0\0\0").unwrap();
    assert_eq!(secret, "version 1, the receiver, encrypted from here on");
    data.push(b'd');
    assert_eq!(seen(&data), None, "it is followed by something");
}
