//! The log with readers that the test plays: who gets what, in which order, and what it costs.

use std::io::IoSlice;

use framecat_proto::limits::{QUEUE_BYTES, STALLED_TIME};

use super::log::{Log, SLICES};
use crate::conn::{Kind, Stream};

/// The same numbers in every run (xorshift64*).
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) % end as u64) as usize
    }
}

/// Writes at most so many bytes of what is due to a reader: as a kernel that takes part of it.
fn write(log: &mut Log, slot: usize, most: usize, got: &mut Vec<u8>) -> u64 {
    let mut slices = [IoSlice::new(&[]); SLICES];
    let filled = log.gather(slot, &mut slices);
    let before = got.len();
    for slice in &slices[..filled] {
        let room = most - (got.len() - before);
        got.extend_from_slice(&slice[..slice.len().min(room)]);
    }
    let (taken, _) = log.advance(slot, (got.len() - before) as u64);
    taken.messages
}

fn give(log: &mut Log, from: u64, bytes: &[u8]) {
    log.give_bytes(from, std::iter::once(bytes), 1, bytes.len());
}

#[test]
fn every_reader_gets_the_same_bytes_in_the_same_order_less_its_own() {
    for seed in 1..200 {
        let mut random = Random(seed);
        let mut log = Log::default();
        struct Reader {
            conn: u64,
            slot: usize,
            want: Vec<u8>,
            messages: u64,
            got: Vec<u8>,
            counted: u64,
        }
        let mut readers: Vec<Reader> = Vec::new();
        for step in 0..400u64 {
            match random.below(10) {
                0 if readers.len() < 8 => {
                    let conn = step + 1;
                    let slot = log.join(conn);
                    let (want, got) = (Vec::new(), Vec::new());
                    readers.push(Reader { conn, slot, want, messages: 0, got, counted: 0 });
                }
                1 if readers.len() > 2 => {
                    let gone = readers.swap_remove(random.below(readers.len()));
                    log.leave(gone.slot);
                    assert!(gone.want.starts_with(&gone.got), "seed {seed}");
                }
                2..6 => {
                    let from = match random.below(readers.len() + 1) {
                        0 => 0,
                        i => readers[i - 1].conn,
                    };
                    let bytes = vec![step as u8; 1 + random.below(300)];
                    give(&mut log, from, &bytes);
                    for reader in readers.iter_mut().filter(|reader| reader.conn != from) {
                        reader.want.extend_from_slice(&bytes);
                        reader.messages += 1;
                    }
                }
                _ if !readers.is_empty() => {
                    let i = random.below(readers.len());
                    let most = 1 + random.below(700);
                    let Reader { slot, got, counted, .. } = &mut readers[i];
                    *counted += write(&mut log, *slot, most, got);
                }
                _ => {}
            }
        }
        for Reader { slot, want, messages, got, counted, .. } in &mut readers {
            while got.len() < want.len() {
                *counted += write(&mut log, *slot, 1000, got);
            }
            assert!(got == want, "seed {seed}");
            assert_eq!(counted, messages, "seed {seed}");
        }
        assert_eq!(log.behind(), 0, "seed {seed}");
        assert_eq!(log.kept(), (0, 0), "seed {seed}: all is taken and nothing is kept");
    }
}

#[test]
fn the_log_is_as_long_as_the_slowest_is_behind() {
    let mut log = Log::default();
    let quick = log.join(1);
    let slow = log.join(2);
    let (mut first, mut second) = (Vec::new(), Vec::new());
    for _ in 0..100 {
        give(&mut log, 0, &[7; 1000]);
        write(&mut log, quick, usize::MAX, &mut first);
    }
    assert_eq!(log.kept(), (100, 100_000));
    write(&mut log, slow, 60_500, &mut second);
    give(&mut log, 0, &[8; 1000]);
    assert_eq!(log.kept(), (41, 41_000), "what both have is forgotten");
    log.leave(slow);
    write(&mut log, quick, usize::MAX, &mut first);
    assert_eq!(log.kept(), (0, 0));
}

#[test]
fn a_full_reader_that_takes_nothing_is_dropped_and_a_slow_one_is_not() {
    let mut log = Log::default();
    let (stalled, slow) = (log.join(1), log.join(2));
    assert!(log.longest_full().is_none());
    give(&mut log, 0, &vec![0; QUEUE_BYTES]);
    give(&mut log, 0, &[0; 100]);
    let since = log.longest_full().expect("both are too far behind");
    write(&mut log, slow, 1, &mut Vec::new());
    log.drop_stalled(since + STALLED_TIME / 2);
    assert_eq!(log.live, 2);
    log.drop_stalled(since + STALLED_TIME);
    assert_eq!(log.live, 1);
    assert!(log.longest_full().expect("the slow one is full still") > since);
    // Alone it is waited for, however long that takes.
    log.drop_stalled(since + 9 * STALLED_TIME);
    assert_eq!(log.live, 1);
    assert!(!log.leave(stalled) && log.longest_full().is_some());
    assert!(log.leave(slow), "there is room again");
}

#[tokio::test]
async fn a_reader_whose_kernel_still_hands_on_is_slow_and_not_stalled() {
    use std::io::Read;
    let (ours, mut peers) = std::os::unix::net::UnixStream::pair().unwrap();
    let stream = Stream::new(ours.into(), Kind::Unix, "a".into(), "b".into()).unwrap();
    let mut log = Log::default();
    let (slot, _) = (log.join(1), log.join(2));
    log.slots[slot].writes_to(&stream);
    while stream.write_now(&[IoSlice::new(&[7; 10_000])]).is_ok() {}
    give(&mut log, 2, &vec![0; QUEUE_BYTES + 1]);
    let since = log.longest_full().expect("it is too far behind");
    peers.read_exact(&mut [0; 50_000]).unwrap();
    log.drop_stalled(since + STALLED_TIME);
    assert_eq!(log.live, 2, "its peer took something");
    log.drop_stalled(since + 2 * STALLED_TIME);
    assert_eq!(log.live, 1, "its peer took nothing");
}

#[test]
fn bytes_are_shared_where_every_reader_is_written_the_same() {
    let shared = [("line", true), ("len:u32be", true), ("eof", false), ("gap:10ms", false)];
    for (word, all) in shared {
        let fan = super::Fan::new(Some((&word.parse().unwrap(), 1000)));
        assert_eq!(fan.pen.try_lock().unwrap().framer.is_some(), all, "{word}");
    }
}

#[test]
fn a_flood_of_empty_messages_fills_the_queue_too() {
    let mut log = Log::default();
    log.join(1);
    let mut given = 0;
    while log.longest_full().is_none() {
        give(&mut log, 0, &[]);
        given += 1;
        assert!(given < QUEUE_BYTES);
    }
}
