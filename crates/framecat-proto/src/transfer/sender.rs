//! The side that sends: what it offers, what of that it is asked for, and how it ends.
//!
//! No file is opened here. The caller does what [`poll_effect`](Sender::poll_effect) says, tells what came
//! of it, and moves bytes: those of [`poll_output`](Sender::poll_output) to the other side, the other
//! side's to [`handle_input`](Sender::handle_input).
//!
//! ```text
//!   offer(entry) ──► Offered ──HAVE, SKIP──────────────────────────────────► Resolved
//!                     │  ▲                                                      ▲
//!                     │  └──────────── CHANGED, once ◄──┐                       │
//!                     └─NEED─► Needed ──read──► Sending ─┴─FILE-END─► Ended ──COMMITTED, FAILED
//!                                ▲                                      │
//!                                └──────────────── NEED, PIECES? ◄──────┘
//! ```
//!
//! A file is read from its beginning to its end whatever is asked for of it, because its hash is made on
//! the way; only what is asked for is sent. Each NEED has one ending: FILE-END, CHANGED, FAILED, or its
//! place among small files. When the transfer is over, what is open is the caller's to close.

mod output;
mod reading;

use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;

pub use super::Outcome;
use super::Sizes;
use super::error::TransferError;
use super::pieces::Pieces;
use super::record::{
    Carries, Decoder, Entry, EntryKind, Item, Need, Opening, Record, SMALL_HEAD_BYTES, SmallFile,
    Totals,
};
use super::why::{Cause, Why};
use crate::limits::{COMPONENT_BYTES, PATH_BYTES, PATH_DEPTH, TRANSFER_ENTRIES, TRANSFER_RANGES};
use output::Output;
use reading::Reading;

/// What tells whether a file is still the same (stat(2)). Times in nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stat {
    /// Bytes.
    pub size: u64,
    /// When its content was last changed.
    pub mtime: i64,
    /// When anything of it was last changed; no program can set it.
    pub ctime: i64,
}

/// What the caller is to do, one after the other, and to tell with [`Sender::handle_fact`] but for
/// [`Effect::Resolved`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Open it, and look at it: [`Fact::Opened`].
    Open {
        /// Its number.
        entry: u32,
    },
    /// Read from it: [`Fact::Bytes`]. Of a stream up to `len` bytes, of a file just so many, or those there
    /// are up to its end.
    Read {
        /// Its number.
        entry: u32,
        /// From where.
        offset: u64,
        /// How many bytes.
        len: u32,
    },
    /// Look at it once more and close it: [`Fact::Closed`]. Of a stream there is nothing to look at.
    Close {
        /// Its number.
        entry: u32,
    },
    /// Look at it, read all of it, look at it again: [`Fact::Whole`]. It had `size` bytes; one more read
    /// than that is enough to see that it grew.
    ReadWhole {
        /// Its number.
        entry: u32,
        /// Its size when it was offered.
        size: u32,
    },
    /// What became of it. Nothing is asked about it any more.
    Resolved {
        /// Its number.
        entry: u32,
        /// What.
        outcome: Outcome,
    },
}

/// What came of an [`Effect`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fact {
    /// It is open, and so it is.
    Opened(Stat),
    /// These bytes; fewer than were asked for where a file ends, none where a stream does.
    Bytes(Vec<u8>),
    /// It is closed, and so it was before.
    Closed(Stat),
    /// All of a small file, and how it was before and after.
    Whole(Stat, Vec<u8>, Stat),
    /// It could not be done. What was open is closed.
    Failed(Why),
}

/// How far something that was offered is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// It waits for the receiver.
    Offered,
    /// It was asked for.
    Needed,
    /// It is being read.
    Sending,
    /// All that was asked for was sent.
    Ended,
}

#[derive(Debug)]
struct Offered {
    kind: EntryKind,
    stat: Stat,
    phase: Phase,
    changed: bool,
}

/// What is to be done for a file.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Job {
    /// Send these pieces of it, or all.
    Send(Option<Vec<Range<u32>>>),
    /// Tell the hashes of its pieces.
    Pieces,
}

/// See the [module](self).
#[derive(Debug)]
pub struct Sender {
    sizes: Sizes,
    decoder: Decoder,
    out: Output,
    effects: VecDeque<Effect>,
    entries: BTreeMap<u32, Offered>,
    /// Offered, and not told to the other side yet.
    batch: Vec<Entry>,
    batch_bytes: usize,
    count: u32,
    bytes: u64,
    jobs: VecDeque<(u32, Job)>,
    reading: Option<Reading>,
    small: Vec<SmallFile>,
    small_bytes: usize,
    stage: Stage,
    accepted: bool,
    /// The walk is done, and told.
    walked: bool,
    told: bool,
    /// Told that there is more than fits the window.
    told_more: bool,
    totals: Totals,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Stage {
    Open,
    ByeSaid,
    Done,
    Over(TransferError),
}

/// What an entry takes of a record, at most.
fn entry_bytes(entry: &Entry) -> usize {
    let path: usize = entry.path.iter().map(|part| part.len() + 5).sum();
    path + entry.target.len() + 48
}

/// What one record of entries holds before it is sent.
const BATCH_BYTES: usize = 32 << 10;

/// What one record of small files holds before it is sent.
const SMALLS_BYTES: usize = 256 << 10;

impl Sender {
    /// One that begins.
    pub fn new(carries: Carries, sizes: Sizes) -> Sender {
        let mut out = Output::default();
        let Sizes { piece_log2, small_bytes, .. } = sizes;
        Record::Offer(Opening { carries, piece_log2, small_bytes }).encode(out.tail());
        Sender {
            sizes,
            decoder: Decoder::new(),
            out,
            effects: VecDeque::new(),
            entries: BTreeMap::new(),
            batch: Vec::new(),
            batch_bytes: 0,
            count: 0,
            bytes: 0,
            jobs: VecDeque::new(),
            reading: None,
            small: Vec::new(),
            small_bytes: 0,
            stage: Stage::Open,
            accepted: false,
            walked: false,
            told: false,
            told_more: false,
            totals: Totals::default(),
        }
    }

    /// Whether something more can be offered now. If not, some of what was offered is to be dealt with
    /// first.
    pub fn can_offer(&self) -> bool {
        let room = self.entries.len() < self.sizes.window as usize;
        room && !self.is_full() && self.stage == Stage::Open
    }

    /// Offers the next file, folder, link or stream, and returns its number. Folder by folder: see
    /// [`offer`](super::offer). `stat` is how it is now.
    ///
    /// # Errors
    /// Where no receiver can take it: its path or target is too long, or there are [`TRANSFER_ENTRIES`] already.
    ///
    /// # Panics
    /// In debug builds, where [`can_offer`](Self::can_offer) is false or the walk was said to be done.
    pub fn offer(&mut self, entry: Entry, stat: Stat) -> Result<u32, Why> {
        debug_assert!(self.can_offer() && !self.walked, "nothing can be offered now");
        if self.count == TRANSFER_ENTRIES {
            return Err(Why::new(Cause::Limit, "ten million files and folders are the most"));
        }
        let parts = &entry.path;
        let path: usize = parts.iter().map(|part| part.len() + 1).sum();
        let long = parts.iter().any(|part| part.len() > COMPONENT_BYTES) || path > PATH_BYTES;
        if long || parts.len() > PATH_DEPTH || entry.target.len() > PATH_BYTES {
            return Err(Why::new(Cause::Name, "its path is too long"));
        }
        let number = self.count;
        self.count += 1;
        self.bytes = self.bytes.saturating_add(entry.size);
        let (kind, phase) = (entry.kind, Phase::Offered);
        self.entries.insert(number, Offered { kind, stat, phase, changed: false });
        self.batch_bytes += entry_bytes(&entry);
        self.batch.push(entry);
        if self.batch_bytes >= BATCH_BYTES {
            self.flush_batch();
        }
        Ok(number)
    }

    /// Something that should have been offered cannot be: the other side is told how much that was.
    pub fn left_out(&mut self) {
        self.totals.left_out += 1;
    }

    /// All has been offered.
    pub fn walk_done(&mut self) {
        self.walked = true;
    }

    /// Whether all is done: the other side has said so, and was answered.
    pub fn is_done(&self) -> bool {
        self.stage == Stage::Done
    }

    /// Whether the offer was taken.
    pub fn is_accepted(&self) -> bool {
        self.accepted
    }

    /// What it came to so far.
    pub fn totals(&self) -> Totals {
        self.totals
    }

    /// Bytes in memory that the other side, or the size of a file, could make more of; names in the window
    /// are not kept here.
    pub fn held(&self) -> usize {
        let jobs: usize = self.jobs.iter().map(|(_, job)| job.held()).sum();
        let reading = self.reading.as_ref().map_or(0, Reading::held);
        let entries = self.entries.len() * size_of::<Offered>();
        let small = self.small_bytes + self.batch_bytes;
        self.decoder.held() + self.out.len() + jobs + reading + entries + small
    }

    /// Ends the transfer here, and tells the other side why. What was committed stays.
    pub fn cancel(&mut self, why: Why) {
        if matches!(self.stage, Stage::Open | Stage::ByeSaid) {
            Record::Cancel(why.clone()).encode(self.out.tail());
            self.over(TransferError::Ended(why));
        }
    }

    /// Bytes of the other side.
    ///
    /// # Errors
    /// The transfer is over: the same for every later call. Where the other side does not know why, what
    /// is due to be sent tells it.
    pub fn handle_input(&mut self, mut input: &[u8]) -> Result<(), TransferError> {
        if let Stage::Over(error) = &self.stage {
            return Err(error.clone());
        }
        loop {
            let at = self.decoder.taken();
            let record = match self.decoder.next(&mut input) {
                Ok(None) => return Ok(()),
                Ok(Some(Item::Record(record))) => record,
                // No record that a receiver may send carries content: the head was refused before.
                Ok(Some(Item::Content(_))) => continue,
                Err(error) => return Err(self.broken(error.into())),
            };
            let kind = record.kind();
            if let Err(end) = self.take(record) {
                let error = match end {
                    End::Misplaced(problem) => TransferError::Misplaced { at, kind, problem },
                    End::Other(error) => {
                        self.over(error.clone());
                        return Err(error);
                    }
                };
                return Err(self.broken(error));
            }
        }
    }

    /// The other side's stream ended.
    ///
    /// # Errors
    /// Unless all was done: [`TransferError::Cut`], or what ended it before.
    pub fn handle_end(&mut self) -> Result<(), TransferError> {
        match &self.stage {
            Stage::Done => Ok(()),
            Stage::Over(error) => Err(error.clone()),
            Stage::Open | Stage::ByeSaid => {
                let error = TransferError::Cut { at: self.decoder.taken() };
                self.over(error.clone());
                Err(error)
            }
        }
    }

    /// What is to be sent now; empty if nothing is.
    pub fn poll_output(&mut self) -> Vec<u8> {
        self.poll_pieces().concat()
    }

    /// As [`poll_output`](Self::poll_output), in pieces to be sent one behind the other, none of them empty:
    /// content that was read is one as it is.
    pub fn poll_pieces(&mut self) -> Vec<Vec<u8>> {
        if self.stage == Stage::Open {
            self.flush_batch();
            // Small files wait for others, but not for nothing.
            if self.jobs.is_empty() && self.reading.is_none() {
                self.flush_small();
            }
            self.tell_end();
        }
        self.out.take()
    }

    /// What is to be done now. `None`: nothing, until bytes come, were taken, or a fact is told.
    pub fn poll_effect(&mut self) -> Option<Effect> {
        if self.effects.is_empty() && self.stage == Stage::Open {
            self.step();
        }
        self.effects.pop_front()
    }

    /// What came of the effect that was given last of those that ask for a fact.
    ///
    /// # Panics
    /// In debug builds, where no effect asked for it.
    pub fn handle_fact(&mut self, fact: Fact) {
        if self.stage != Stage::Open {
            return;
        }
        let Some(reading) = self.reading.take() else {
            debug_assert!(false, "nobody asked for {fact:?}");
            return;
        };
        self.fact(reading, fact);
    }

    fn over(&mut self, error: TransferError) {
        self.stage = Stage::Over(error);
        self.effects.clear();
        self.reading = None;
    }

    /// The other side broke the rules: it is told.
    fn broken(&mut self, error: TransferError) -> TransferError {
        let why = Why::new(Cause::Other, &error.to_string());
        Record::Cancel(why).encode(self.out.tail());
        self.over(error.clone());
        error
    }

    fn flush_batch(&mut self) {
        if !self.batch.is_empty() {
            Record::Entries(std::mem::take(&mut self.batch)).encode(self.out.tail());
            self.batch_bytes = 0;
        }
    }

    /// Tells that the offer ends, or for now; and that all is done.
    fn tell_end(&mut self) {
        let (count, bytes) = (u64::from(self.count), self.bytes);
        if self.walked && !self.told {
            self.told = true;
            Record::OfferEnd { count, bytes, more: false }.encode(self.out.tail());
        }
        let window = self.entries.len() >= self.sizes.window as usize;
        if !self.walked && window && !self.accepted && !self.told_more {
            self.told_more = true;
            Record::OfferEnd { count, bytes, more: true }.encode(self.out.tail());
        }
        let idle = self.entries.is_empty() && self.reading.is_none();
        if self.told && self.accepted && idle && self.small.is_empty() {
            Record::Bye(self.totals).encode(self.out.tail());
            self.stage = Stage::ByeSaid;
        }
    }

    fn take(&mut self, record: Record) -> Result<(), End> {
        match record {
            Record::Accept if self.accepted => {
                return Err(End::Misplaced("the offer is taken already"));
            }
            Record::Accept => self.accepted = true,
            Record::Refuse(why) if !self.accepted => {
                return Err(End::Other(TransferError::Refused(why)));
            }
            Record::Cancel(why) => return Err(End::Other(TransferError::Cancelled(why))),
            Record::Need(needs) => needs.into_iter().try_for_each(|need| self.need(need))?,
            Record::AskPieces { entry } => self.ask_pieces(entry)?,
            Record::Have(entries) => {
                for entry in entries {
                    self.resolve(entry, Outcome::Had, |_, phase| phase == Phase::Offered)?;
                }
            }
            Record::Committed(entries) => {
                for entry in entries {
                    self.resolve(entry, Outcome::Committed, |kind, phase| match kind {
                        EntryKind::File | EntryKind::Stream => phase == Phase::Ended,
                        EntryKind::Folder | EntryKind::Link => phase == Phase::Offered,
                    })?;
                }
            }
            Record::Skip(all) => {
                for (entry, why) in all {
                    let outcome = Outcome::Skipped(why);
                    self.resolve(entry, outcome, |_, phase| phase == Phase::Offered)?;
                }
            }
            Record::Failed(all) => {
                all.into_iter().try_for_each(|(entry, why)| self.failed_there(entry, why))?;
            }
            Record::Bye(_) if self.stage == Stage::ByeSaid => self.stage = Stage::Done,
            _ => return Err(End::Misplaced("it has no place here")),
        }
        Ok(())
    }

    fn offered(&mut self, entry: u32) -> Result<&mut Offered, End> {
        let unknown = End::Misplaced("it speaks of what was not offered, or is dealt with");
        self.entries.get_mut(&entry).ok_or(unknown)
    }

    fn need(&mut self, need: Need) -> Result<(), End> {
        let Need { entry, pieces } = need;
        let (small, asked) = (self.sizes.small_bytes, self.sizes.asked as usize);
        let jobs = self.jobs.len() + usize::from(self.reading.is_some());
        let (accepted, offered) = (self.accepted, self.offered(entry)?);
        if !matches!(offered.phase, Phase::Offered | Phase::Ended) || !accepted {
            return Err(End::Misplaced(
                "it asks for what was asked for already, or accepts nothing",
            ));
        }
        if let Some(ranges) = &pieces {
            let count = Pieces::of(offered.stat.size, self.sizes.piece_log2).count();
            let offered = &self.entries[&entry];
            let small = offered.stat.size <= u64::from(small);
            let beyond = ranges.last().is_some_and(|last| last.end > count);
            if beyond || small || offered.kind != EntryKind::File || ranges.len() > TRANSFER_RANGES
            {
                return Err(End::Misplaced("it asks for pieces that the file does not have"));
            }
        }
        let offered = self.offered(entry)?;
        if matches!(offered.kind, EntryKind::Folder | EntryKind::Link) {
            return Err(End::Misplaced("it asks for the content of what has none"));
        }
        offered.phase = Phase::Needed;
        if jobs >= asked {
            return Err(End::Misplaced("it asks for too many files at once"));
        }
        self.jobs.push_back((entry, Job::Send(pieces)));
        Ok(())
    }

    fn ask_pieces(&mut self, entry: u32) -> Result<(), End> {
        let offered = self.offered(entry)?;
        if offered.phase != Phase::Ended || offered.kind != EntryKind::File {
            return Err(End::Misplaced("it asks for pieces of what was not sent"));
        }
        offered.phase = Phase::Needed;
        // Asked for once a file that ended, so there are never more of them than files asked for.
        self.jobs.push_back((entry, Job::Pieces));
        Ok(())
    }

    /// The receiver has said what becomes of `entry`, if it may say so now.
    fn resolve(
        &mut self,
        entry: u32,
        outcome: Outcome,
        may: impl Fn(EntryKind, Phase) -> bool,
    ) -> Result<(), End> {
        let offered = self.offered(entry)?;
        if !may(offered.kind, offered.phase) {
            return Err(End::Misplaced("it tells the end of what has not come to it"));
        }
        self.resolved(entry, outcome);
        Ok(())
    }

    fn resolved(&mut self, entry: u32, outcome: Outcome) {
        self.entries.remove(&entry);
        match outcome {
            Outcome::Had | Outcome::Committed => self.totals.there += 1,
            Outcome::Skipped(_) | Outcome::Failed(_) => self.totals.missing += 1,
        }
        self.effects.push_back(Effect::Resolved { entry, outcome });
    }

    /// The receiver cannot keep it. What is under way ends, and that is told: a NEED always has an ending.
    fn failed_there(&mut self, entry: u32, why: Why) -> Result<(), End> {
        // We may have said that it failed before we heard it.
        if entry < self.count && !self.entries.contains_key(&entry) {
            return Ok(());
        }
        match self.offered(entry)?.phase {
            Phase::Offered | Phase::Ended => {}
            Phase::Needed => {
                self.jobs.retain(|job| job.0 != entry);
                self.tell_failed(entry, &why);
            }
            Phase::Sending => {
                match &mut self.reading {
                    Some(reading) if reading.entry == entry => reading.stop(),
                    // It waits among the small files.
                    _ => {
                        let waits = |file: &SmallFile| file.entry == entry;
                        let dropped = self.small.iter().filter(|file| waits(file));
                        let bytes: usize =
                            dropped.map(|it| SMALL_HEAD_BYTES + it.bytes.len()).sum();
                        self.small_bytes -= bytes;
                        self.small.retain(|file| !waits(file));
                        self.tell_failed(entry, &why);
                    }
                }
            }
        }
        self.resolved(entry, Outcome::Failed(why));
        Ok(())
    }

    fn tell_failed(&mut self, entry: u32, why: &Why) {
        Record::Failed(vec![(entry, why.clone())]).encode(self.out.tail());
    }

    /// Whether the network is behind.
    fn is_full(&self) -> bool {
        self.out.len() >= self.sizes.unsent_bytes
    }
}

impl Job {
    fn held(&self) -> usize {
        match self {
            Job::Send(Some(ranges)) => ranges.len() * size_of::<Range<u32>>(),
            Job::Send(None) | Job::Pieces => 0,
        }
    }
}

/// Why a record ends the transfer.
enum End {
    Misplaced(&'static str),
    Other(TransferError),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_one_too_many_is_refused_and_not_waited_for() {
        let mut sender = Sender::new(Carries::Files, Sizes::default());
        sender.count = TRANSFER_ENTRIES - 1;
        let mut offer = |name: &str| {
            assert!(sender.can_offer());
            let entry = Entry {
                kind: EntryKind::Folder,
                path: vec![name.into()],
                size: 0,
                mode: 0o755,
                mtime: 0,
                target: Vec::new(),
            };
            sender.offer(entry, Stat { size: 0, mtime: 0, ctime: 0 })
        };
        assert_eq!(offer("last"), Ok(TRANSFER_ENTRIES - 1));
        assert_eq!(offer("more").unwrap_err().cause, Cause::Limit);
    }
}
