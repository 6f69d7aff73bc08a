//! Receivers that break the rules: the sender ends with a clear error, and keeps nothing for them.

use std::io::{Read, Write};
use std::net::Shutdown as Half;

use framecat_net::error;
use framecat_proto::transfer::error::TransferError;
use framecat_proto::transfer::record::{Decoder, Item, Need, Record, Totals};
use framecat_proto::transfer::why::Cause;

use super::*;

pub fn encode(records: &[Record]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for record in records {
        record.encode(&mut bytes);
    }
    bytes
}

pub fn accept() -> Record {
    Record::Accept
}

pub fn need(entry: u32) -> Record {
    Record::Need(vec![Need { entry, pieces: None }])
}

fn pieces(entry: u32, range: std::ops::Range<u32>) -> Record {
    Record::Need(vec![Need { entry, pieces: Some(vec![range]) }])
}

/// The other side, byte by byte.
struct Raw {
    stream: TcpStream,
    decoder: Decoder,
    unread: Vec<u8>,
}

impl Raw {
    fn say(&mut self, bytes: &[u8]) {
        // One that is not listened to any more has said enough.
        let _ = self.stream.write_all(bytes);
    }

    /// Hears until a record of this kind; `None`: the end came first.
    fn hear(&mut self, kind: Option<u8>) -> Option<Record> {
        loop {
            let mut rest = self.unread.as_slice();
            while let Some(item) = self.decoder.next(&mut rest).expect("a sender speaks in order") {
                if let Item::Record(record) = item
                    && kind.is_none_or(|kind| record.kind() == kind)
                {
                    self.unread = rest.to_vec();
                    return Some(record);
                }
            }
            self.unread = vec![0; 1 << 16];
            let read = self.stream.read(&mut self.unread).unwrap_or(0);
            self.unread.truncate(read);
            if read == 0 {
                return None;
            }
        }
    }
}

/// Numbers: 0 a folder, 1 a file of 3 MiB, 2 a small one, 3 one in the folder.
async fn against(
    play: impl FnOnce(&mut Raw) + Send + 'static,
) -> (Result<End, Error>, Option<Record>) {
    let dir = Dir::new();
    fs::create_dir(dir.join("d")).unwrap();
    fs::write(dir.join("large"), vec![7; 3 << 20]).unwrap();
    fs::write(dir.join("small"), "small").unwrap();
    fs::write(dir.join("d/in"), "in").unwrap();
    let (here, there) = pair();
    let told = Arc::new(Told::default());
    let source = paths(&dir, &["d", "large", "small"]);
    let playing = tokio::task::spawn_blocking(move || {
        let mut raw = Raw { stream: there, decoder: Decoder::new(), unread: Vec::new() };
        raw.hear(Some(0x03)).expect("an offer comes");
        play(&mut raw);
        let _ = raw.stream.shutdown(Half::Write);
        raw.hear(Some(0x41))
    });
    let end = within(send::over(here, source, false, told, Shutdown::never())).await;
    (end, within(playing).await.unwrap())
}

#[tokio::test]
async fn records_that_have_no_place_end_it_with_a_clear_error_on_both_sides() {
    let accepted = |mut records: Vec<Record>| {
        records.insert(0, Record::Accept);
        encode(&records)
    };
    let committed = |all: &[u32]| Record::Committed(all.to_vec());
    let none = Totals::default();
    #[rustfmt::skip]
    let cases: Vec<(&str, Vec<u8>, &str)> = vec![
        ("NEED before ACCEPT", encode(&[need(1)]), "accepts nothing"),
        ("two ACCEPTs", encode(&[Record::Accept, Record::Accept]), "taken already"),
        ("REFUSE after ACCEPT", accepted(vec![Record::Refuse(Cause::Declined.into())]), "no place"),
        ("NEED of what is not there", accepted(vec![need(4)]), "not offered"),
        ("NEED of the last number", accepted(vec![need(u32::MAX)]), "not offered"),
        ("NEED of a folder", accepted(vec![need(0)]), "has none"),
        ("NEED twice", accepted(vec![Record::Need(vec![
            Need { entry: 2, pieces: None }, Need { entry: 2, pieces: None },
        ])]), "asked for already"),
        ("pieces beyond the end", accepted(vec![pieces(1, 2..4)]), "does not have"),
        ("pieces of a small file", accepted(vec![pieces(2, 0..1)]), "does not have"),
        ("pieces of a folder", accepted(vec![pieces(0, 0..1)]), "does not have"),
        ("COMMITTED unsent", accepted(vec![committed(&[1])]), "what has not come to it"),
        ("COMMITTED twice", accepted(vec![committed(&[0, 0])]), "not offered, or is dealt with"),
        ("HAVE of nothing", accepted(vec![Record::Have(vec![9])]), "not offered"),
        ("HAVE twice", accepted(vec![Record::Have(vec![1, 1])]), "dealt with"),
        ("SKIP of nothing", accepted(vec![Record::Skip(vec![(9, Cause::Kept.into())])]), "not offered"),
        ("FAILED of nothing", accepted(vec![Record::Failed(vec![(9, Cause::Full.into())])]), "not offered"),
        ("PIECES? unsent", accepted(vec![Record::AskPieces { entry: 1 }]), "not sent"),
        ("BYE early", accepted(vec![Record::Bye(none)]), "no place"),
        ("a sender's record", encode(&[Record::OfferEnd { count: 0, bytes: 0, more: false }]), "no place"),
        ("content", encode(&[Record::Data { entry: 1, offset: 0, len: 0 }]), ""),
        ("an unknown type", vec![0x77, 0, 0, 0, 0, 0, 0, 0], "0x77 is not known"),
        ("unknown flags", vec![0x20, 0x80, 0, 0, 0, 0, 0, 0], "flags 0x80"),
        ("another stream", vec![0x20, 0, 0, 1, 0, 0, 0, 0], "stream 1"),
        ("a length that nobody has", vec![0x22, 0, 0, 0, 0xff, 0xff, 0xff, 0xff], "4294967295 bytes"),
        ("a body that is none", vec![0x22, 0, 0, 0, 0, 0, 0, 2, 0xff, 0xff], "CBOR"),
        ("another protocol", b"GET / HTTP/1.1\r\nHost: there\r\n\r\n".to_vec(), "flags 0x45"),
    ];
    for (what, bytes, problem) in cases {
        let (end, heard) = against(move |raw| raw.say(&bytes)).await;
        let error = end.expect_err(what);
        let text = error.to_string();
        let error::Cause::Transfer(over) = error.cause else { panic!("{what}: {text}") };
        let broken = matches!(over, TransferError::Misplaced { .. } | TransferError::Record(_));
        assert!(broken && text.contains(problem), "{what}: {text}");
        // The other side is told the same.
        match heard {
            Some(Record::Cancel(why)) => assert!(why.says().contains(problem), "{what}: {why}"),
            other => panic!("{what}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn one_who_goes_at_any_step_leaves_an_error_and_nothing_else() {
    let steps: Vec<(&str, Vec<Record>)> = vec![
        ("before a word", vec![]),
        ("behind ACCEPT", vec![Record::Accept]),
        ("behind NEED", vec![Record::Accept, need(1)]),
        ("in the middle of all", vec![Record::Accept, need(1), need(2), Record::Have(vec![0])]),
    ];
    for (what, records) in steps {
        let (end, _) = against(move |raw| raw.say(&encode(&records))).await;
        let error = end.expect_err(what);
        let cut = matches!(&error.cause, error::Cause::Transfer(TransferError::Cut { .. }));
        assert!(cut || error.errno().is_some(), "{what}: {error}");
    }
    for record in [Record::Cancel(Cause::Full.into()), Record::Refuse(Cause::Limit.into())] {
        for accepted in [false, true] {
            if accepted && matches!(record, Record::Refuse(_)) {
                continue;
            }
            let said = record.clone();
            let (end, _) = against(move |raw| {
                if accepted {
                    raw.say(&encode(&[Record::Accept, need(1)]));
                }
                raw.say(&encode(&[said]));
            })
            .await;
            let error = end.unwrap_err().to_string();
            assert!(error.contains("the other side"), "{error}");
        }
    }
}

#[tokio::test]
async fn one_who_asks_for_everything_again_and_again_gets_it_and_no_more() {
    // Each ending lets it ask again: that is its right, and costs what reading costs.
    let (end, _) = against(|raw| {
        raw.say(&encode(&[Record::Accept, Record::Have(vec![0, 1, 3])]));
        for _ in 0..200 {
            raw.say(&encode(&[need(2)]));
            raw.hear(Some(0x05)).expect("it is sent again");
        }
        raw.say(&encode(&[Record::Committed(vec![2])]));
        raw.hear(Some(0x42)).expect("all is done");
        raw.say(&encode(&[Record::Bye(Totals::default())]));
    })
    .await;
    assert_eq!(end.unwrap(), End::Done);
}

#[tokio::test]
async fn what_becomes_of_many_files_at_once_is_told_of_each() {
    let dir = Dir::new();
    fs::create_dir(dir.join("d")).unwrap();
    for n in 0..3_000 {
        fs::write(dir.join(&format!("d/{n}")), "").unwrap();
    }
    let (here, there) = pair();
    let playing = tokio::task::spawn_blocking(move || {
        let mut raw = Raw { stream: there, decoder: Decoder::new(), unread: Vec::new() };
        raw.hear(Some(0x03)).expect("an offer comes");
        // One word about all, and the last one with it.
        raw.say(&encode(&[Record::Accept, Record::Have((0..=3_000).collect())]));
        raw.hear(Some(0x42)).expect("all is done");
        raw.say(&encode(&[Record::Bye(Totals::default())]));
    });
    let told = Arc::new(Told::default());
    let sending = send::over(here, paths(&dir, &["d"]), false, told.clone(), Shutdown::never());
    assert_eq!(within(sending).await.unwrap(), End::Done);
    within(playing).await.unwrap();
    assert_eq!(told.of("file ").len(), 3_001);
    assert_eq!(told.ended.lock().unwrap().unwrap().had, 3_001);
}

#[tokio::test]
async fn a_flood_is_taken_and_not_kept() {
    let (end, _) = against(|raw| {
        // Records that may be passed over, as long as they may be.
        let mut record = vec![0x3f, 0x01, 0, 0, 0, 1, 0, 0];
        record.resize(8 + (64 << 10), 0);
        for _ in 0..500 {
            raw.say(&record);
        }
        raw.say(&encode(&[Record::Accept, Record::Have(vec![0, 1, 2, 3])]));
        raw.hear(Some(0x42)).expect("all is done");
        raw.say(&encode(&[Record::Bye(Totals::default())]));
    })
    .await;
    assert_eq!(end.unwrap(), End::Done);
}

#[tokio::test]
async fn one_who_reads_nothing_stops_the_sender_which_can_still_be_cancelled() {
    let dir = Dir::new();
    let made = fs::File::create(dir.join("large")).unwrap();
    made.set_len(1 << 30).unwrap();
    let (here, mut there) = pair();
    let (switch, shutdown) = Shutdown::new();
    let told = Arc::new(Told::default());
    let sending =
        tokio::spawn(send::over(here, paths(&dir, &["large"]), false, told.clone(), shutdown));
    there.write_all(&encode(&[Record::Accept, need(0)])).unwrap();
    // Until it stands: what was told last does not change any more.
    let mut last = (0, 0);
    while last.1 < 3 {
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        let bytes = told.moving.lock().unwrap().last().map_or(0, |moving| moving.bytes);
        last = if bytes > 0 && bytes == last.0 { (bytes, last.1 + 1) } else { (bytes, 0) };
    }
    assert!(last.0 < 32 << 20, "{} bytes were read for nobody", last.0);
    switch.request();
    assert_eq!(within(sending).await.unwrap().unwrap(), End::Interrupted);
    drop(there);
}
