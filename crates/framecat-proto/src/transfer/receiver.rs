//! The side that receives: what it wants of what is offered, where that goes, and when it is there.
//!
//! No disk is touched here. The caller does what [`poll_effect`](Receiver::poll_effect) says, tells what
//! came of it, and moves bytes: those of [`poll_output`](Receiver::poll_output) to the other side, the
//! other side's to [`handle_input`](Receiver::handle_input).
//!
//! ```text
//!  ENTRY ─► look ─┬─ there already ─► HAVE                      (the same size and time)
//!                 ├─ so, to be checked ► NEED its hash alone, and HAVE no more of it if that is right
//!                 ├─ not wanted ────► SKIP
//!                 └─ part, journal ─► hash what is there ─► NEED what is not
//!  DATA ──► write, log each piece that is whole
//!  FILE-END ► all pieces' hashes give the file's? ─► sync ─► its name ─► sync the folder ─► COMMITTED
//!                 └─ not: PIECES? ─► NEED those that differ, once
//! ```
//!
//! Nothing has its final name before all of it is there and its hash is the sender's; and nothing is told
//! as there before it has its name, and with [`Rules::durable`] before that outlives a power cut.

mod coming;
mod effect;
mod file;
mod records;
mod said;

use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

pub use super::Outcome;
use super::error::TransferError;
use super::offer::{Names, Taste};
use super::pieces::Pieces;
use super::record::{Carries, Decoder, Entry, EntryKind, Item, Opening, Record, Totals};
use super::why::{Cause, Why};
use crate::limits::{
    TRANSFER_ASKED, TRANSFER_ENTRIES, TRANSFER_PARTS, TRANSFER_PIECES, TRANSFER_SYNC_TIME,
    TRANSFER_UNSENT_BYTES, TRANSFER_UNWRITTEN_BYTES, TRANSFER_WINDOW,
};
use coming::Coming;
pub use effect::{Begun, Bytes, Effect, Fact, Found, Known, Summary};
use said::Said;

/// Where what is received goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum To {
    /// Into a folder, under the names that it is offered with.
    #[default]
    Folder,
    /// To a stream, as it comes: one file, or a stream.
    Stream,
}

/// What becomes of a file whose name something else has. What is the same file is never sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Conflict {
    /// It is not received.
    Refuse,
    /// It gets a number: `photo (1).jpg`.
    #[default]
    Rename,
    /// It takes the place of a file; of nothing else.
    Overwrite,
    /// What is there stays, and that is no failure here.
    Skip,
    /// It takes the place of a file that is older.
    Newer,
}

/// How to receive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// Which names and kinds.
    pub taste: Taste,
    /// Where to.
    pub to: To,
    /// What of names that are taken.
    pub conflict: Conflict,
    /// Whether what is there with the same size and time is compared by its hash before it is taken for
    /// the same; where it differs it is replaced, unless [`conflict`](Rules::conflict) says that what is there
    /// stays ([`Conflict::Refuse`], [`Conflict::Skip`]). So files can be told that a power cut hit before they were
    /// on the disk, or that changed and had their time put back.
    pub check: bool,
    /// Whether somebody is asked before anything is received.
    pub ask: bool,
    /// Whether what is told as there outlives a power cut.
    pub durable: bool,
    /// Entries that the sender may offer beyond those that were dealt with.
    pub window: u32,
    /// Files that are asked for at once.
    pub asked: u32,
    /// Bytes that wait for the disk before no more are taken.
    pub unwritten_bytes: usize,
}

impl Default for Rules {
    fn default() -> Rules {
        Rules {
            taste: Taste::default(),
            to: To::default(),
            conflict: Conflict::default(),
            check: false,
            ask: true,
            durable: false,
            window: TRANSFER_WINDOW,
            asked: TRANSFER_ASKED,
            unwritten_bytes: TRANSFER_UNWRITTEN_BYTES,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Stage {
    /// Nothing came yet.
    New,
    /// The offer is coming, and somebody is asked behind it.
    Hearing,
    /// Somebody is being asked.
    Asking,
    /// It is taken.
    Open,
    /// The sender has said that all was told.
    Leaving,
    /// All is done.
    Done,
    Over(TransferError),
}

/// See the [module](self).
#[derive(Debug)]
pub struct Receiver {
    rules: Rules,
    decoder: Decoder,
    out: Vec<u8>,
    said: Said,
    effects: VecDeque<Effect>,
    stage: Stage,
    opening: Option<Opening>,
    names: Names,
    /// Those that were taken and are not dealt with.
    entries: BTreeMap<u32, Coming>,
    /// Those of them that nobody has looked at.
    waiting: VecDeque<u32>,
    /// Files at work, those of them that have a part, and pieces of them.
    open: u32,
    parts: u32,
    pieces: u64,
    count: u32,
    bytes: u64,
    /// Bytes by which files have grown since they were offered.
    grown: u64,
    hidden: u64,
    executable: u64,
    /// Offered, and nothing said of them yet.
    unresolved: u32,
    offer_ended: bool,
    /// Whose content is coming.
    content: u32,
    unwritten: usize,
    /// Named, and their folders not synced.
    named: Vec<u32>,
    syncing: Vec<u32>,
    since_sync: Duration,
    totals: Totals,
}

impl Receiver {
    /// One to which nothing has been offered.
    pub fn new(rules: Rules) -> Receiver {
        // Into a stream no name goes.
        let hidden = rules.taste.hidden || rules.to == To::Stream;
        Receiver {
            rules,
            decoder: Decoder::new(),
            out: Vec::new(),
            said: Said::default(),
            effects: VecDeque::new(),
            stage: Stage::New,
            opening: None,
            names: Names::new(Taste { hidden, ..rules.taste }),
            entries: BTreeMap::new(),
            waiting: VecDeque::new(),
            open: 0,
            parts: 0,
            pieces: 0,
            count: 0,
            bytes: 0,
            grown: 0,
            hidden: 0,
            executable: 0,
            unresolved: 0,
            offer_ended: false,
            content: 0,
            unwritten: 0,
            named: Vec::new(),
            syncing: Vec::new(),
            since_sync: Duration::ZERO,
            totals: Totals::default(),
        }
    }

    /// What is offered and not dealt with.
    pub fn offered(&self) -> impl Iterator<Item = Known<'_>> {
        self.entries.values().map(Coming::known)
    }

    /// What has been offered so far.
    pub fn summary(&self) -> Summary {
        let carries = self.opening.map_or(Carries::Files, |opening| opening.carries);
        Summary {
            carries,
            count: u64::from(self.count),
            bytes: self.bytes,
            more: !self.offer_ended,
            hidden: self.hidden,
            executable: self.executable,
        }
    }

    /// Takes the offer.
    pub fn accept(&mut self) {
        if matches!(self.stage, Stage::Hearing | Stage::Asking) {
            Record::Accept.encode(&mut self.out);
            self.stage = Stage::Open;
        }
    }

    /// Does not take the offer, and tells the sender why.
    pub fn refuse(&mut self, why: Why) {
        if matches!(self.stage, Stage::Hearing | Stage::Asking) {
            Record::Refuse(why.clone()).encode(&mut self.out);
            self.over(TransferError::Ended(why));
        }
    }

    /// Ends the transfer here, and tells the other side why. What was committed stays, and what is partly
    /// there can be gone on with.
    pub fn cancel(&mut self, why: Why) {
        if !matches!(self.stage, Stage::Done | Stage::Over(_)) {
            Record::Cancel(why.clone()).encode(&mut self.out);
            self.over(TransferError::Ended(why));
        }
    }

    /// Whether all is done and both sides said so.
    pub fn is_done(&self) -> bool {
        self.stage == Stage::Done
    }

    /// What it came to so far.
    pub fn totals(&self) -> Totals {
        self.totals
    }

    /// Bytes in memory that the other side could make more of.
    pub fn held(&self) -> usize {
        let entries: usize = self.entries.values().map(Coming::held).sum();
        let said = self.out.len() + self.said.held();
        self.decoder.held() + said + self.unwritten + self.names.held() + entries
    }

    /// Bytes of the other side; returns how many of them were taken. Fewer than all: the disk or the
    /// network is behind, and the rest is to be shown again when facts were told or output was taken.
    ///
    /// # Errors
    /// The transfer is over: the same for every later call. Where the other side does not know why, what
    /// is due to be sent tells it.
    pub fn handle_input(&mut self, input: &[u8]) -> Result<usize, TransferError> {
        self.hear(input, |range| Bytes::from(input[range].to_vec()))
    }

    /// As [`handle_input`](Self::handle_input), of what lies in a buffer from byte `from` on. Content stays where it lies, and
    /// holds the buffer until it is written.
    ///
    /// # Errors
    /// As [`handle_input`](Self::handle_input).
    pub fn handle_buffer(
        &mut self,
        buffer: &Arc<Vec<u8>>,
        from: usize,
    ) -> Result<usize, TransferError> {
        let at = |range: Range<usize>| from + range.start..from + range.end;
        self.hear(&buffer[from..], |range| Bytes::of(buffer, at(range)))
    }

    fn hear(
        &mut self,
        input: &[u8],
        content: impl Fn(Range<usize>) -> Bytes,
    ) -> Result<usize, TransferError> {
        if let Stage::Over(error) = &self.stage {
            return Err(error.clone());
        }
        let mut rest = input;
        while !rest.is_empty() && !self.is_full() {
            let at = self.decoder.taken();
            let before = rest;
            match self.decoder.next(&mut rest) {
                Ok(None) => {}
                Ok(Some(Item::Content(bytes))) => {
                    debug_assert!(rest.len() < before.len(), "content is never empty");
                    let end = input.len() - rest.len();
                    self.content(content(end - bytes.len()..end));
                }
                Ok(Some(Item::Record(record))) => {
                    let kind = record.kind();
                    match self.take(record) {
                        Ok(()) => {}
                        Err(End::Misplaced(problem)) => {
                            return Err(self.broken(TransferError::Misplaced {
                                at,
                                kind,
                                problem,
                            }));
                        }
                        Err(End::Other(error)) => {
                            self.over(error.clone());
                            return Err(error);
                        }
                    }
                }
                Err(error) => return Err(self.broken(error.into())),
            }
        }
        Ok(input.len() - rest.len())
    }

    /// The other side's stream ended.
    ///
    /// # Errors
    /// Unless all was done: [`TransferError::Cut`], or what ended it before.
    pub fn handle_end(&mut self) -> Result<(), TransferError> {
        match &self.stage {
            Stage::Done => Ok(()),
            Stage::Over(error) => Err(error.clone()),
            _ => {
                let error = TransferError::Cut { at: self.decoder.taken() };
                self.over(error.clone());
                Err(error)
            }
        }
    }

    /// So much time has passed since it was told last: what was written meanwhile may have to be synced.
    pub fn handle_time(&mut self, passed: Duration) {
        self.since_sync += passed;
        if self.since_sync < TRANSFER_SYNC_TIME || self.stage != Stage::Open {
            return;
        }
        self.since_sync = Duration::ZERO;
        let dirty = self.entries.iter().filter(|it| it.1.is_dirty());
        let entries: Vec<u32> = dirty.map(|it| *it.0).collect();
        for entry in entries {
            self.sync(entry);
        }
    }

    /// What is to be sent now; empty if nothing is.
    pub fn poll_output(&mut self) -> Vec<u8> {
        if !matches!(self.stage, Stage::Over(_)) {
            self.said.flush(&mut self.out);
        }
        if self.stage == Stage::Leaving && self.entries.is_empty() {
            Record::Bye(self.totals).encode(&mut self.out);
            self.stage = Stage::Done;
        }
        std::mem::take(&mut self.out)
    }

    /// What is to be done now. `None`: nothing, until bytes come or a fact is told.
    pub fn poll_effect(&mut self) -> Option<Effect> {
        if self.effects.is_empty() && self.stage == Stage::Open {
            self.look_at_next();
            self.sync_folders();
        }
        self.effects.pop_front()
    }

    /// Whether the disk or the network is behind.
    fn is_full(&self) -> bool {
        let said = self.out.len() + self.said.held();
        self.unwritten >= self.rules.unwritten_bytes || said >= TRANSFER_UNSENT_BYTES
    }

    fn over(&mut self, error: TransferError) {
        self.stage = Stage::Over(error);
        self.effects.clear();
        // What is open is closed as it is: it can be gone on with.
        for (entry, coming) in std::mem::take(&mut self.entries) {
            if coming.is_begun() {
                self.effects.push_back(Effect::Close { entry });
            }
        }
    }

    /// The other side broke the rules: it is told.
    fn broken(&mut self, error: TransferError) -> TransferError {
        let why = Why::new(Cause::Other, &error.to_string());
        Record::Cancel(why).encode(&mut self.out);
        self.over(error.clone());
        error
    }

    fn take(&mut self, record: Record) -> Result<(), End> {
        match (&self.stage, record) {
            (_, Record::Cancel(why)) => Err(End::Other(TransferError::Cancelled(why))),
            (Stage::New, Record::Offer(opening)) => {
                self.opening = Some(opening);
                self.stage = Stage::Hearing;
                if !self.rules.ask {
                    self.accept();
                }
                Ok(())
            }
            (Stage::New | Stage::Leaving | Stage::Done | Stage::Over(_), _) => Err(NO_PLACE),
            (_, Record::Entries(entries)) if !self.offer_ended => {
                entries.into_iter().try_for_each(|entry| self.entry(entry))
            }
            (_, Record::OfferEnd { count, more, .. }) if !self.offer_ended => {
                if count != u64::from(self.count) {
                    return Err(End::Misplaced("it counts what did not come"));
                }
                self.offer_ended = !more;
                if self.stage == Stage::Hearing {
                    self.stage = Stage::Asking;
                    self.effects.push_back(Effect::Ask(self.summary()));
                }
                Ok(())
            }
            (Stage::Open, record) => self.transferred(record),
            _ => Err(NO_PLACE),
        }
    }

    /// Records that come once the offer is taken.
    fn transferred(&mut self, record: Record) -> Result<(), End> {
        match record {
            Record::Data { entry, offset, len } => self.data(entry, offset, len),
            Record::Small(files) => files.into_iter().try_for_each(|file| self.small(file)),
            Record::FileEnd { entry, size, hash } => self.file_end(entry, size, hash),
            Record::Changed { entry, size, mtime } => self.changed(entry, size, mtime),
            Record::Pieces { entry, first, hashes } => self.pieces_told(entry, first, &hashes),
            Record::Failed(all) => {
                all.into_iter().try_for_each(|(entry, why)| self.failed_there(entry, why))
            }
            // What failed may still come to its end here: the answer waits for that.
            Record::Bye(theirs) if self.offer_ended && self.unresolved == 0 => {
                self.totals.left_out = theirs.left_out;
                self.stage = Stage::Leaving;
                Ok(())
            }
            _ => Err(NO_PLACE),
        }
    }

    /// One more is offered.
    fn entry(&mut self, entry: Entry) -> Result<(), End> {
        if self.count == TRANSFER_ENTRIES || self.unresolved >= self.rules.window {
            return Err(End::Misplaced("it offers more than may be offered at once"));
        }
        let number = self.count;
        self.count += 1;
        self.unresolved += 1;
        self.bytes = self.bytes.saturating_add(entry.size);
        // What is refused takes no memory: there may be millions of it, and nobody has said yes.
        let taken = self.fits(&entry).and_then(|()| self.names.take(&entry));
        let path = match taken {
            Ok(path) => path,
            Err(why) => {
                let name = shown(&entry.path);
                self.resolved(number, name, entry.size, Outcome::Skipped(why));
                return Ok(());
            }
        };
        self.hidden += u64::from(path.is_hidden());
        self.executable += u64::from(entry.kind == EntryKind::File && entry.mode & 0o111 != 0);
        self.entries.insert(number, Coming::new(path, entry));
        self.waiting.push_back(number);
        Ok(())
    }

    /// Whether an entry is of a kind and a size that this transfer can have.
    fn fits(&self, entry: &Entry) -> Result<(), Why> {
        if i64::try_from(entry.size).is_err() {
            return Err(Why::new(Cause::Limit, "no file can be so long"));
        }
        let is_stream = entry.kind == EntryKind::Stream;
        let files = self.opening.is_none_or(|opening| opening.carries == Carries::Files);
        if is_stream == files {
            return Err(Why::new(Cause::Kind, "it is of another kind than the offer"));
        }
        let single = is_stream || self.rules.to == To::Stream;
        let other = self.count > 1 || matches!(entry.kind, EntryKind::Folder | EntryKind::Link);
        match single && other {
            true => Err(Why::new(Cause::Kind, "a stream takes one file")),
            false => Ok(()),
        }
    }

    /// Looks at those that wait, as many as may be at work at once.
    fn look_at_next(&mut self) {
        while self.open < self.rules.asked {
            let Some(entry) = self.waiting.front().copied() else { return };
            let Some(coming) = self.entries.get(&entry) else { return };
            let pieces = self.pieces_of(coming.size).count();
            // One is always at work, however large.
            if self.open > 0 && self.pieces + u64::from(pieces) > 2 * TRANSFER_PIECES {
                return;
            }
            let part = u32::from(self.has_part(coming));
            if self.parts + part > TRANSFER_PARTS {
                return;
            }
            self.waiting.pop_front();
            self.parts += part;
            self.open += 1;
            self.pieces += u64::from(pieces);
            self.begin(entry);
        }
    }

    /// Whether it comes into a part, which is open as long as it is at work.
    fn has_part(&self, coming: &Coming) -> bool {
        coming.kind == EntryKind::File && coming.size > self.small_bytes()
    }

    fn pieces_of(&self, size: u64) -> Pieces {
        Pieces::of(size, self.opening.map_or(20, |opening| opening.piece_log2))
    }

    /// Syncs the folders of what has its name, all of it in one go, when the last go is done.
    fn sync_folders(&mut self) {
        if self.syncing.is_empty() && !self.named.is_empty() {
            self.syncing = std::mem::take(&mut self.named);
            self.effects.push_back(Effect::SyncFolders { entries: self.syncing.clone() });
        }
    }

    /// What came of [`Effect::SyncFolders`].
    pub fn handle_folders(&mut self, synced: Result<(), Why>) {
        for entry in std::mem::take(&mut self.syncing) {
            let outcome = match &synced {
                Ok(()) => Outcome::Committed,
                Err(why) => Outcome::Failed(why.clone()),
            };
            self.leave(entry, Some(outcome));
        }
    }

    /// Says what became of an entry, to the sender and to the caller.
    fn resolved(&mut self, entry: u32, name: String, bytes: u64, outcome: Outcome) {
        self.unresolved -= 1;
        match &outcome {
            Outcome::Had => self.said.have.push(entry),
            Outcome::Committed => self.said.committed.push(entry),
            Outcome::Skipped(why) => self.said.skip.push((entry, why.clone())),
            Outcome::Failed(why) => self.said.failed.push((entry, why.clone())),
        }
        self.told(entry, name, bytes, outcome);
    }

    /// Counts it, and tells the caller.
    fn told(&mut self, entry: u32, name: String, bytes: u64, outcome: Outcome) {
        match outcome {
            Outcome::Had | Outcome::Committed => self.totals.there += 1,
            Outcome::Skipped(_) | Outcome::Failed(_) => self.totals.missing += 1,
        }
        self.effects.push_back(Effect::Resolved { entry, name, bytes, outcome });
    }
}

/// A path that is none, for a person to read.
fn shown(path: &[Vec<u8>]) -> String {
    let text = String::from_utf8_lossy(&path.join(&b'/')).into_owned();
    let head: String = text.chars().take(128).collect();
    head.escape_debug().to_string()
}

/// Why a record ends the transfer.
#[derive(Debug)]
enum End {
    Misplaced(&'static str),
    Other(TransferError),
}

const NO_PLACE: End = End::Misplaced("it has no place here");
