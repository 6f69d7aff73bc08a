//! One file being read: from its opening to the record that ends it.

use std::ops::Range;

use super::{Effect, EntryKind, Fact, Job, Phase, SMALLS_BYTES, Sender, Stat};
use crate::limits::TRANSFER_DATA_BYTES;
use crate::transfer::pieces::{Hash, PieceHasher, Pieces};
use crate::transfer::record::{DATA_HEAD_BYTES, Record, SMALL_HEAD_BYTES, SmallFile};
use crate::transfer::why::{Cause, Why};

/// Hashes in one record of pieces: half of what fits.
const PIECES_TOLD: usize = 1_024;

/// A file that is open, or about to be.
#[derive(Debug)]
pub(super) struct Reading {
    pub(super) entry: u32,
    job: Job,
    pieces: Pieces,
    /// How it was when it was opened.
    before: Stat,
    at: u64,
    whole: blake3::Hasher,
    /// For [`Job::Pieces`]: the piece at hand, and those that are done and not told.
    piece: Option<PieceHasher>,
    hashes: Vec<Hash>,
    told: u32,
    /// Nobody waits for it any more.
    stopped: bool,
    /// It is not as long as it was: it is closed, and seen to have changed.
    cut: bool,
    closing: bool,
    /// A read is under way, of so many bytes, to be sent or not.
    asked: Option<(u32, bool)>,
}

impl Reading {
    pub(super) fn stop(&mut self) {
        self.stopped = true;
    }

    pub(super) fn held(&self) -> usize {
        self.hashes.len() * size_of::<Hash>() + self.job.held()
    }

    /// What is read next: how much, and whether it is sent.
    fn next(&self, data_bytes: u32) -> (u32, bool) {
        let rest = self.pieces.size() - self.at;
        let (until, sent) = match &self.job {
            Job::Send(None) => (self.pieces.size(), true),
            // A piece at a time.
            Job::Pieces => {
                let within = self.at & ((1 << self.pieces.log2()) - 1);
                (self.at - within + (1 << self.pieces.log2()), false)
            }
            Job::Send(Some(ranges)) => within(self.pieces, ranges, self.at),
        };
        let len = rest.min(until - self.at).min(u64::from(data_bytes));
        (len as u32, sent)
    }
}

/// Up to where the bytes from `at` on are all wanted, or all not, and which.
fn within(pieces: Pieces, ranges: &[Range<u32>], at: u64) -> (u64, bool) {
    for range in ranges {
        let span = pieces.span(range.clone());
        if at < span.start {
            return (span.start, false);
        }
        if at < span.end {
            return (span.end, true);
        }
    }
    (pieces.size(), false)
}

impl Sender {
    /// Gives the next thing to be done, if the network is not behind.
    pub(super) fn step(&mut self) {
        if self.is_full() {
            return;
        }
        match self.reading.take() {
            Some(reading) if reading.asked.is_some() || reading.closing => {
                self.reading = Some(reading);
            }
            Some(reading) => self.go_on(reading),
            None => self.begin(),
        }
    }

    fn begin(&mut self) {
        let Some((entry, job)) = self.jobs.pop_front() else { return };
        let sizes = self.sizes;
        let Some(offered) = self.entries.get_mut(&entry) else { return };
        offered.phase = Phase::Sending;
        let size = offered.stat.size;
        let is_stream = offered.kind == EntryKind::Stream;
        let is_small = !is_stream && job == Job::Send(None) && size <= u64::from(sizes.small_bytes);
        let mut reading = Reading {
            entry,
            job,
            pieces: Pieces::of(size, sizes.piece_log2),
            before: offered.stat,
            at: 0,
            whole: blake3::Hasher::new(),
            piece: None,
            hashes: Vec::new(),
            told: 0,
            stopped: false,
            cut: false,
            closing: false,
            asked: Some((0, false)),
        };
        if is_small {
            self.effects.push_back(Effect::ReadWhole { entry, size: size as u32 });
            self.reading = Some(reading);
            return;
        }
        self.flush_small();
        if is_stream {
            reading.asked = None;
            self.reading = Some(reading);
            return self.step();
        }
        self.effects.push_back(Effect::Open { entry });
        self.reading = Some(reading);
    }

    /// A file is open and nothing of it is under way.
    fn go_on(&mut self, mut reading: Reading) {
        let entry = reading.entry;
        let is_stream = self.entries.get(&entry).is_some_and(|it| it.kind == EntryKind::Stream);
        let most = self.sizes.data_bytes.min((TRANSFER_DATA_BYTES - DATA_HEAD_BYTES) as u32);
        if is_stream && !reading.stopped {
            reading.asked = Some((most, true));
            self.effects.push_back(Effect::Read { entry, offset: reading.at, len: most });
        } else if reading.stopped || reading.cut || reading.at == reading.pieces.size() {
            reading.closing = true;
            self.effects.push_back(Effect::Close { entry });
        } else {
            let (len, sent) = reading.next(most);
            reading.asked = Some((len, sent));
            self.effects.push_back(Effect::Read { entry, offset: reading.at, len });
        }
        self.reading = Some(reading);
    }

    /// What came of the last effect.
    pub(super) fn fact(&mut self, mut reading: Reading, fact: Fact) {
        let asked = reading.asked.take();
        match fact {
            Fact::Failed(why) => {
                let why = match why.cause {
                    Cause::Disk => Why::new(Cause::Unreadable, why.says()),
                    _ => why,
                };
                self.failed_here(&reading, why);
            }
            Fact::Opened(stat) => {
                // What has changed since it was offered is offered anew before anything of it is sent.
                reading.cut =
                    stat.size != reading.before.size || stat.mtime != reading.before.mtime;
                reading.before = stat;
                self.reading = Some(reading);
            }
            Fact::Bytes(bytes) => self.bytes(reading, asked, bytes),
            Fact::Closed(after) => self.closed(&reading, after),
            Fact::Whole(before, bytes, after) => self.whole(&reading, before, bytes, after),
        }
    }

    fn bytes(&mut self, mut reading: Reading, asked: Option<(u32, bool)>, bytes: Vec<u8>) {
        let (len, sent) = asked.unwrap_or_default();
        debug_assert!(bytes.len() <= len as usize, "more bytes than were asked for");
        let Some(offered) = self.entries.get(&reading.entry) else {
            // Nobody waits for it.
            reading.stop();
            self.reading = Some(reading);
            return;
        };
        let is_stream = offered.kind == EntryKind::Stream;
        reading.whole.update(&bytes);
        if reading.job == Job::Pieces {
            self.piece(&mut reading, &bytes);
        }
        let offset = reading.at;
        reading.at += bytes.len() as u64;
        reading.cut = !is_stream && bytes.len() < len as usize;
        if is_stream && bytes.is_empty() {
            return self.file_end(&reading);
        }
        if sent && !bytes.is_empty() && !reading.stopped {
            let entry = reading.entry;
            Record::Data { entry, offset, len: bytes.len() as u32 }.encode(self.out.tail());
            self.totals.bytes += bytes.len() as u64;
            self.out.content(bytes);
        }
        self.reading = Some(reading);
    }

    /// Adds to the hash of the piece at hand, and tells those that are done.
    fn piece(&mut self, reading: &mut Reading, bytes: &[u8]) {
        let pieces = reading.pieces;
        let number = (reading.at >> pieces.log2()) as u32;
        let piece = reading.piece.get_or_insert_with(|| pieces.hasher(number));
        piece.update(bytes);
        let last = reading.at + bytes.len() as u64 == pieces.bytes(number).end;
        if last && !bytes.is_empty() {
            reading.hashes.push(piece.finish());
            reading.piece = None;
        }
        let all = reading.told as usize + reading.hashes.len() == pieces.count() as usize;
        // The last of them are told when it is certain that nothing changed meanwhile.
        if reading.hashes.len() >= PIECES_TOLD && !all && !reading.stopped {
            self.tell_pieces(reading.entry, &mut reading.told, std::mem::take(&mut reading.hashes));
        }
    }

    fn tell_pieces(&mut self, entry: u32, told: &mut u32, hashes: Vec<Hash>) {
        let first = *told;
        *told += hashes.len() as u32;
        Record::Pieces { entry, first, hashes }.encode(self.out.tail());
    }

    fn closed(&mut self, reading: &Reading, after: Stat) {
        if reading.stopped {
            return self.tell_failed(reading.entry, &Cause::Cancelled.into());
        }
        if reading.cut || after != reading.before || reading.at != reading.pieces.size() {
            return self.changed(reading.entry, after);
        }
        // What was offered may have another ctime only; from here on it is what was read.
        if let Some(offered) = self.entries.get_mut(&reading.entry) {
            offered.stat = after;
        }
        match &reading.job {
            Job::Send(_) => self.file_end(reading),
            Job::Pieces => {
                let (mut told, hashes) = (reading.told, reading.hashes.clone());
                self.tell_pieces(reading.entry, &mut told, hashes);
                self.set(reading.entry, Phase::Ended);
            }
        }
    }

    fn file_end(&mut self, reading: &Reading) {
        let (entry, size) = (reading.entry, reading.at);
        let hash = *reading.whole.finalize().as_bytes();
        Record::FileEnd { entry, size, hash }.encode(self.out.tail());
        self.set(entry, Phase::Ended);
    }

    fn set(&mut self, entry: u32, phase: Phase) {
        if let Some(offered) = self.entries.get_mut(&entry) {
            offered.phase = phase;
        }
    }

    /// It is another file than the one that was offered, or two in one.
    fn changed(&mut self, entry: u32, now: Stat) {
        let Some(offered) = self.entries.get_mut(&entry) else { return };
        if offered.changed {
            let why = Why::from(Cause::Changed);
            self.tell_failed(entry, &why);
            return self.resolved(entry, super::Outcome::Failed(why));
        }
        offered.changed = true;
        offered.stat = now;
        offered.phase = Phase::Offered;
        Record::Changed { entry, size: now.size, mtime: now.mtime }.encode(self.out.tail());
    }

    fn whole(&mut self, reading: &Reading, before: Stat, bytes: Vec<u8>, after: Stat) {
        let entry = reading.entry;
        if reading.stopped {
            return self.tell_failed(entry, &Cause::Cancelled.into());
        }
        let offered = reading.before;
        let same = before == after && (offered.size, offered.mtime) == (after.size, after.mtime);
        if !same || bytes.len() as u64 != after.size {
            return self.changed(entry, after);
        }
        let more = SMALL_HEAD_BYTES + bytes.len();
        if self.small_bytes + more > TRANSFER_DATA_BYTES {
            self.flush_small();
        }
        self.small_bytes += more;
        self.totals.bytes += bytes.len() as u64;
        let hash = *blake3::hash(&bytes).as_bytes();
        self.small.push(SmallFile { entry, hash, bytes });
        if self.small_bytes >= SMALLS_BYTES {
            self.flush_small();
        }
    }

    pub(super) fn flush_small(&mut self) {
        if self.small.is_empty() {
            return;
        }
        let files = std::mem::take(&mut self.small);
        self.small_bytes = 0;
        for file in &files {
            self.set(file.entry, Phase::Ended);
        }
        Record::Small(files).encode(self.out.tail());
    }

    fn failed_here(&mut self, reading: &Reading, why: Why) {
        let entry = reading.entry;
        self.tell_failed(entry, &why);
        if self.entries.contains_key(&entry) {
            self.resolved(entry, super::Outcome::Failed(why));
        }
    }
}
