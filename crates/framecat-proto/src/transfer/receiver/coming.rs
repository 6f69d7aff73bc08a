//! One entry, from the look at its name to the name that it has.

use std::collections::VecDeque;

use super::file::File;
use super::{
    Begun, Bytes, Conflict, Effect, Entry, EntryKind, Fact, Found, Known, Outcome, Receiver, Stage,
    To,
};
use crate::limits::TRANSFER_NAMES;
use crate::path::{SafePath, numbered};
use crate::transfer::pieces::Hash;
use crate::transfer::record::{Need, Record};
use crate::transfer::resume::{Journal, Logged};
use crate::transfer::why::{Cause, Why};

/// What an entry waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    /// Its turn.
    Waiting,
    /// The disk's answer to the last of what it is doing.
    Looking,
    Making,
    Beginning(Option<Logged>),
    /// Content.
    Arriving,
    /// All that was asked for has come, and is being written and logged.
    Ending,
    /// The hashes of its pieces, from the sender.
    Checking,
    /// The hash of what has its name.
    Comparing(Hash),
    Sealing,
    Naming,
    /// Its folder's sync.
    Named,
    /// It is over, and what it is doing comes to its end; then its part is removed or left.
    Leaving {
        outcome: Option<Outcome>,
        discard: bool,
    },
    /// It changed, and begins anew with this size and time.
    Restarting {
        size: u64,
        mtime: i64,
    },
}

/// What was given to the caller, and is not told yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Doing {
    Write(usize),
    Log,
    Sync,
    Discard,
    Other,
}

/// A stream, or a file on its way into one.
#[derive(Debug, Default)]
pub(super) struct Flow {
    pub(super) hasher: Box<blake3::Hasher>,
    pub(super) at: u64,
}

/// See the [module](self).
#[derive(Debug)]
pub(super) struct Coming {
    pub(super) path: SafePath,
    /// The name that it is to get, and the number in it.
    pub(super) at: SafePath,
    n: u32,
    pub(super) kind: EntryKind,
    pub(super) size: u64,
    pub(super) mode: u16,
    mtime: i64,
    target: Vec<u8>,
    pub(super) step: Step,
    pub(super) doing: VecDeque<Doing>,
    /// The sender owes an ending.
    pub(super) asked: bool,
    /// It changed once while it was sent, which is as often as it may.
    pub(super) changed: bool,
    replace: bool,
    /// Something of the same size and time is there, and only its hash was asked for.
    pub(super) doubted: bool,
    /// What has the name and seems to be the same is about to be compared.
    checking: bool,
    /// A file of the same size that has the name, and may be the same.
    same: Option<SafePath>,
    /// What was found of it by the first look: the journal of a part.
    found: Option<Vec<u8>>,
    /// A part is open.
    begun: bool,
    pub(super) file: Option<Box<File>>,
    pub(super) flow: Option<Flow>,
    pub(super) small: Option<Bytes>,
}

impl Coming {
    pub(super) fn new(path: SafePath, entry: Entry) -> Coming {
        Coming {
            at: path.clone(),
            path,
            n: 0,
            kind: entry.kind,
            size: entry.size,
            mode: entry.mode,
            mtime: entry.mtime,
            target: entry.target,
            step: Step::Waiting,
            doing: VecDeque::new(),
            asked: false,
            changed: false,
            replace: false,
            doubted: false,
            checking: false,
            same: None,
            found: None,
            begun: false,
            file: None,
            flow: None,
            small: None,
        }
    }

    pub(super) fn held(&self) -> usize {
        let file = self.file.as_ref().map_or(0, |file| file.held());
        let found = self.found.as_ref().map_or(0, Vec::len);
        let small = self.small.as_ref().map_or(0, |small| small.len());
        size_of::<Coming>() + 2 * self.path.len() + self.target.len() + file + found + small
    }

    /// How long it is: of a stream as far as it has come.
    pub(super) fn bytes(&self) -> u64 {
        match (&self.flow, self.kind) {
            (Some(flow), EntryKind::Stream) => flow.at,
            _ => self.size,
        }
    }

    pub(super) fn known(&self) -> Known<'_> {
        let Coming { path, kind, size, mtime, mode, target, .. } = self;
        Known { path, kind: *kind, size: *size, mtime: *mtime, mode: *mode, target }
    }

    pub(super) fn is_begun(&self) -> bool {
        self.begun
    }

    /// Whether something was written since the last sync. What is about to get its name is not asked: its
    /// part may be none any more.
    pub(super) fn is_dirty(&self) -> bool {
        let comes = matches!(self.step, Step::Arriving | Step::Ending | Step::Checking);
        comes && self.file.as_ref().is_some_and(|file| file.dirty)
    }

    pub(super) fn is_leaving(&self) -> bool {
        matches!(self.step, Step::Leaving { .. } | Step::Restarting { .. })
    }

    fn id(&self) -> u64 {
        crate::transfer::resume::id(&self.path, self.size, self.mtime)
    }
}

impl Receiver {
    /// What came of the entry's earliest effect of which nothing was told yet.
    ///
    /// # Panics
    /// In debug builds, where there is none.
    pub fn handle_fact(&mut self, entry: u32, fact: Fact) {
        if !matches!(self.stage, Stage::Open | Stage::Leaving) {
            return;
        }
        let Some(coming) = self.entries.get_mut(&entry) else {
            debug_assert!(false, "nothing is known of entry {entry}");
            return;
        };
        let Some(doing) = coming.doing.pop_front() else {
            debug_assert!(false, "entry {entry} does nothing: {fact:?}");
            return;
        };
        if let Doing::Write(len) = doing {
            self.unwritten -= len;
            if let Some(file) = &mut coming.file {
                file.written();
            }
        }
        if coming.is_leaving() {
            if doing == Doing::Discard {
                coming.begun = false;
            }
            return self.settle(entry);
        }
        match (fact, doing) {
            // A sync that failed may have taken what it could not write for written: nothing of it is
            // trusted (fsync(2), and Rebello et al., "Can Applications Recover from fsync Failures?").
            (Fact::Failed(why), Doing::Sync) => self.fail(entry, why, true),
            (Fact::Failed(why), _) => self.fail(entry, why, false),
            (Fact::Looked(found, journal), _) => self.looked(entry, &found, journal),
            (Fact::Rehashed(hashes), _) => self.rehashed(entry, &hashes),
            (Fact::Hashed(hash), _) => self.compared(entry, hash),
            (Fact::Taken, _) => self.taken(entry),
            (Fact::Done, _) => self.done(entry),
        }
    }

    /// Gives an effect about an entry.
    pub(super) fn give(&mut self, entry: u32, doing: Doing, effect: Effect) {
        if let Some(coming) = self.entries.get_mut(&entry) {
            coming.doing.push_back(doing);
            self.effects.push_back(effect);
        }
    }

    /// Its turn: a look, or for what flows the question for all of it.
    pub(super) fn begin(&mut self, entry: u32) {
        let Some(coming) = self.entries.get_mut(&entry) else { return };
        if coming.kind == EntryKind::Stream || self.rules.to == To::Stream {
            coming.flow = Some(Flow::default());
            return self.need(entry, None);
        }
        self.look(entry);
    }

    fn look(&mut self, entry: u32) {
        let Some(coming) = self.entries.get_mut(&entry) else { return };
        coming.step = Step::Looking;
        let path = coming.at.clone();
        let journal = (coming.n == 0 && coming.kind == EntryKind::File).then_some(coming.size);
        let part = journal.filter(|size| *size > self.small_bytes()).map(|size| {
            let coming = &self.entries[&entry];
            let journal = Journal::new(&coming.path, self.pieces_of(size), coming.mtime);
            (journal.id(), journal.bytes_max())
        });
        self.give(entry, Doing::Other, Effect::Look { entry, path, part });
    }

    pub(super) fn small_bytes(&self) -> u64 {
        self.opening.map_or(0, |opening| u64::from(opening.small_bytes))
    }

    fn looked(&mut self, entry: u32, found: &Found, journal: Option<Vec<u8>>) {
        let Some(coming) = self.entries.get_mut(&entry) else { return };
        if coming.n == 0 {
            coming.found = journal;
        }
        match (coming.kind, found) {
            (EntryKind::Folder, Found::Nothing) => {
                coming.step = Step::Making;
                let (path, mode) = (coming.at.clone(), coming.mode);
                self.give(entry, Doing::Other, Effect::MakeFolder { entry, path, mode });
            }
            (EntryKind::Link, Found::Nothing) => {
                coming.step = Step::Making;
                let (path, target) = (coming.at.clone(), coming.target.clone());
                self.give(entry, Doing::Other, Effect::MakeLink { entry, path, target });
            }
            (EntryKind::Folder, Found::Folder) => self.leave(entry, Some(Outcome::Had)),
            (EntryKind::Link, Found::Link { target }) if *target == coming.target => {
                self.leave(entry, Some(Outcome::Had));
            }
            (EntryKind::Folder | EntryKind::Link, _) => self.skip(entry, Cause::Taken),
            (_, Found::Nothing) => self.open(entry),
            (_, Found::File { size, mtime }) => self.conflict(entry, Some((*size, *mtime))),
            (_, Found::Folder | Found::Link { .. } | Found::Other) => self.conflict(entry, None),
        }
    }

    /// Something has the name: a file of that size and time, or what is no file.
    fn conflict(&mut self, entry: u32, file: Option<(u64, i64)>) {
        let Some(coming) = self.entries.get_mut(&entry) else { return };
        if file == Some((coming.size, coming.mtime)) {
            if self.rules.check {
                return self.doubt(entry);
            }
            let discard = coming.found.is_some();
            return self.leave_with(entry, Some(Outcome::Had), discard);
        }
        if coming.same.is_none() && file.is_some_and(|(size, _)| size == coming.size) {
            coming.same = Some(coming.at.clone());
        }
        match (self.rules.conflict, file) {
            (Conflict::Rename, _) => self.rename(entry, true),
            (Conflict::Skip, _) => self.skip(entry, Cause::Kept),
            (Conflict::Newer, Some((_, mtime))) if mtime >= coming.mtime => {
                self.skip(entry, Cause::Kept);
            }
            (Conflict::Overwrite | Conflict::Newer, Some(_)) => {
                coming.replace = true;
                self.open(entry);
            }
            (Conflict::Refuse | Conflict::Overwrite | Conflict::Newer, _) => {
                self.skip(entry, Cause::Taken);
            }
        }
    }

    /// What is there may be the same: its hash will tell. A small file comes with it.
    fn doubt(&mut self, entry: u32) {
        let small = self.small_bytes();
        let Some(coming) = self.entries.get_mut(&entry) else { return };
        coming.same = Some(coming.at.clone());
        coming.checking = true;
        coming.doubted = coming.size > small;
        let pieces = coming.doubted.then(Vec::new);
        self.need(entry, pieces);
    }

    /// The next name that may be free, which is looked at first or taken at once.
    fn rename(&mut self, entry: u32, look: bool) {
        let Some(coming) = self.entries.get_mut(&entry) else { return };
        coming.n += 1;
        let name = numbered(coming.path.name(), coming.n);
        match coming.path.renamed(&name) {
            Ok(at) if coming.n <= TRANSFER_NAMES => {
                coming.at = at;
                match look {
                    true => self.look(entry),
                    false => self.name(entry),
                }
            }
            _ => self.fail(entry, Cause::Taken.into(), true),
        }
    }

    /// The name is settled: a part is opened, where it is large enough to have one.
    fn open(&mut self, entry: u32) {
        let Some(coming) = self.entries.get(&entry) else { return };
        if coming.size <= self.small_bytes() {
            return self.need(entry, None);
        }
        let pieces = self.pieces_of(coming.size);
        let Some(coming) = self.entries.get_mut(&entry) else { return };
        let journal = Journal::new(&coming.path, pieces, coming.mtime);
        let found = coming.found.take().and_then(|bytes| journal.read(&bytes));
        // A part of which nothing is known is begun anew.
        let logged = found.filter(|logged| !logged.pieces.is_empty());
        let begun = match &logged {
            Some(logged) => Begun::Kept(logged.len),
            None => Begun::New(journal.header()),
        };
        let (path, id, size) = (coming.path.clone(), journal.id(), coming.size);
        coming.file = Some(Box::new(File::new(journal, pieces)));
        coming.step = Step::Beginning(logged);
        self.give(entry, Doing::Other, Effect::Begin { entry, path, id, size, journal: begun });
    }

    fn rehashed(&mut self, entry: u32, hashes: &[(u32, Hash)]) {
        let Some(coming) = self.entries.get_mut(&entry) else { return };
        let Step::Beginning(Some(logged)) = &coming.step else { return };
        if let Some(file) = &mut coming.file {
            file.keep(logged, hashes);
        }
        self.ask(entry);
    }

    /// Asks for what is missing of a file that is begun.
    pub(super) fn ask(&mut self, entry: u32) {
        let file = self.entries.get_mut(&entry).and_then(|coming| coming.file.as_mut());
        let pieces = file.and_then(|file| file.ask());
        self.need(entry, pieces);
    }

    pub(super) fn need(&mut self, entry: u32, pieces: Option<Vec<std::ops::Range<u32>>>) {
        if let Some(coming) = self.entries.get_mut(&entry) {
            coming.step = Step::Arriving;
            coming.asked = true;
            self.said.need.push(Need { entry, pieces });
        }
    }

    /// All that was asked for has come: when it is written and logged, it is seen whether it is all.
    pub(super) fn end(&mut self, entry: u32) {
        self.log(entry);
        let Some(coming) = self.entries.get_mut(&entry) else { return };
        let busy = coming.doing.iter().any(|doing| matches!(doing, Doing::Write(_) | Doing::Log));
        let Some(file) = &mut coming.file else { return };
        if busy || !file.is_written() {
            return;
        }
        match (file.whole(), file.end) {
            // More was missing than one question asks for.
            (None, _) => self.ask(entry),
            (Some(whole), Some(end)) if whole == end => self.compare(entry, end),
            _ if file.mended => self.fail(entry, Cause::Differs.into(), true),
            _ => {
                file.told.clear();
                coming.step = Step::Checking;
                coming.asked = true;
                Record::AskPieces { entry }.encode(&mut self.out);
            }
        }
    }

    /// All of it is here and in order. Where a file that has the name may be the same, that is seen first.
    pub(super) fn compare(&mut self, entry: u32, hash: Hash) {
        let Some(coming) = self.entries.get_mut(&entry) else { return };
        let Some(path) = coming.same.clone() else { return self.seal(entry) };
        coming.step = Step::Comparing(hash);
        self.give(entry, Doing::Other, Effect::HashNamed { entry, path });
    }

    fn compared(&mut self, entry: u32, found: Option<Hash>) {
        let Some(coming) = self.entries.get_mut(&entry) else { return };
        match (&coming.step, coming.same.take()) {
            (Step::Comparing(hash), Some(path)) if found == Some(*hash) => {
                coming.at = path;
                // It was sent, so the sender waits for this word and no other.
                self.leave_with(entry, Some(Outcome::Committed), true);
            }
            _ if std::mem::take(&mut coming.checking) => self.differs(entry),
            _ => self.seal(entry),
        }
    }

    /// It only seemed to be there: the name is another file's, of the same size and time.
    fn differs(&mut self, entry: u32) {
        let Some(coming) = self.entries.get_mut(&entry) else { return };
        coming.doubted = false;
        match self.rules.conflict {
            // The sender has heard that it is wanted, so it is too late to say that it is not.
            Conflict::Refuse | Conflict::Skip => {
                let says = "another file with the same size and time has the name";
                self.fail(entry, Why::new(Cause::Kept, says), true);
            }
            // It is what was meant to be there, and was spoilt.
            Conflict::Rename | Conflict::Overwrite | Conflict::Newer => {
                coming.replace = true;
                if coming.small.is_some() { self.seal(entry) } else { self.open(entry) }
            }
        }
    }

    /// A part is made what it will be, all but its name. With `durable` that outlives a power cut before
    /// the name does: else the name could be there without it.
    fn seal(&mut self, entry: u32) {
        let durable = self.rules.durable;
        let Some(coming) = self.entries.get_mut(&entry) else { return };
        if coming.small.is_some() {
            return self.name(entry);
        }
        coming.step = Step::Sealing;
        let (size, mode, mtime) = (coming.size, coming.mode, coming.mtime);
        self.give(entry, Doing::Sync, Effect::Seal { entry, size, mode, mtime, durable });
    }

    pub(super) fn sync(&mut self, entry: u32) {
        if let Some(file) = self.entries.get_mut(&entry).and_then(|it| it.file.as_mut()) {
            file.dirty = false;
            self.give(entry, Doing::Sync, Effect::Sync { entry });
        }
    }

    fn name(&mut self, entry: u32) {
        let durable = self.rules.durable;
        let Some(coming) = self.entries.get_mut(&entry) else { return };
        coming.step = Step::Naming;
        let (path, replace) = (coming.at.clone(), coming.replace);
        let (mode, mtime) = (coming.mode, coming.mtime);
        match coming.small.clone() {
            Some(bytes) => {
                let place = Effect::Place { entry, path, bytes, replace, mode, mtime, durable };
                self.give(entry, Doing::Other, place);
            }
            None => {
                let id = coming.id();
                self.give(entry, Doing::Other, Effect::Commit { entry, path, id, replace });
            }
        }
    }

    /// The name that it was to get was given to something else meanwhile.
    fn taken(&mut self, entry: u32) {
        match self.rules.conflict {
            Conflict::Rename => self.rename(entry, false),
            _ => self.fail(entry, Cause::Taken.into(), true),
        }
    }

    /// What an entry was doing is done.
    fn done(&mut self, entry: u32) {
        let Some(coming) = self.entries.get_mut(&entry) else { return };
        match &coming.step {
            Step::Making => self.named(entry),
            Step::Beginning(logged) => {
                coming.begun = true;
                let Some(logged) = logged else { return self.ask(entry) };
                let which = logged.pieces.iter().map(|told| told.0).collect();
                let Some(pieces) = coming.file.as_ref().map(|file| file.pieces) else { return };
                self.give(entry, Doing::Other, Effect::Rehash { entry, pieces, which });
            }
            Step::Arriving => self.log(entry),
            Step::Ending => self.end(entry),
            Step::Sealing if coming.doing.is_empty() => self.name(entry),
            Step::Naming if coming.doing.is_empty() => {
                coming.begun = false;
                self.named(entry);
            }
            _ => {}
        }
    }

    /// Logs the pieces that are written, when what was logged before is.
    fn log(&mut self, entry: u32) {
        let Some(coming) = self.entries.get_mut(&entry) else { return };
        let Some(file) = &mut coming.file else { return };
        if coming.doing.contains(&Doing::Log) {
            return;
        }
        if let Some(bytes) = file.log() {
            self.give(entry, Doing::Log, Effect::Log { entry, bytes });
        }
    }

    /// It has its name.
    fn named(&mut self, entry: u32) {
        let Some(coming) = self.entries.get_mut(&entry) else { return };
        match self.rules.durable && coming.flow.is_none() {
            true => {
                coming.step = Step::Named;
                self.named.push(entry);
            }
            false => self.leave(entry, Some(Outcome::Committed)),
        }
    }

    fn skip(&mut self, entry: u32, cause: Cause) {
        let discard = self.entries.get(&entry).is_some_and(|coming| coming.found.is_some());
        self.leave_with(entry, Some(Outcome::Skipped(cause.into())), discard);
    }

    /// It cannot be kept. The sender is told at once, and may still be sending.
    pub(super) fn fail(&mut self, entry: u32, why: Why, discard: bool) {
        let Some(coming) = self.entries.get_mut(&entry) else { return };
        let (name, bytes) = (coming.at.to_string(), coming.bytes());
        coming.step = Step::Leaving { outcome: None, discard };
        self.resolved(entry, name, bytes, Outcome::Failed(why));
        self.settle(entry);
    }

    /// It is dealt with, and its part, if it has one, stays.
    pub(super) fn leave(&mut self, entry: u32, outcome: Option<Outcome>) {
        self.leave_with(entry, outcome, false);
    }

    fn leave_with(&mut self, entry: u32, outcome: Option<Outcome>, discard: bool) {
        if let Some(coming) = self.entries.get_mut(&entry) {
            coming.step = Step::Leaving { outcome, discard };
            self.settle(entry);
        }
    }

    /// Goes on with an entry that is leaving or starts anew, when it does nothing any more and the sender
    /// owes nothing.
    pub(super) fn settle(&mut self, entry: u32) {
        let Some(coming) = self.entries.get_mut(&entry) else { return };
        if coming.asked || !coming.doing.is_empty() {
            return;
        }
        let has_part = coming.begun || coming.found.is_some();
        let (path, id) = (coming.path.clone(), coming.id());
        match &mut coming.step {
            Step::Leaving { discard, .. } if *discard && (has_part || coming.flow.is_some()) => {
                *discard = false;
                coming.found = None;
                coming.flow = None;
                self.give(entry, Doing::Discard, Effect::Discard { entry, path, id });
            }
            Step::Restarting { .. } if has_part => {
                coming.found = None;
                self.give(entry, Doing::Discard, Effect::Discard { entry, path, id });
            }
            Step::Leaving { outcome, .. } => {
                let outcome = outcome.take();
                self.free(entry);
                let Some(coming) = self.entries.remove(&entry) else { return };
                if coming.begun {
                    self.effects.push_back(Effect::Close { entry });
                }
                if let Some(outcome) = outcome {
                    self.resolved(entry, coming.at.to_string(), coming.bytes(), outcome);
                }
            }
            Step::Restarting { size, mtime } => {
                let (size, mtime) = (*size, *mtime);
                self.free(entry);
                let Some(coming) = self.entries.get_mut(&entry) else { return };
                (coming.size, coming.mtime, coming.step) = (size, mtime, Step::Waiting);
                (coming.at, coming.n, coming.replace) = (coming.path.clone(), 0, false);
                (coming.same, coming.file, coming.flow) = (None, None, None);
                (coming.doubted, coming.checking) = (false, false);
                self.waiting.push_front(entry);
            }
            _ => {}
        }
    }

    /// It is at work no more.
    fn free(&mut self, entry: u32) {
        let Some(coming) = self.entries.get_mut(&entry) else { return };
        let (small, size) = (coming.small.take(), coming.size);
        let part = self.entries.get(&entry).is_some_and(|coming| self.has_part(coming));
        self.parts -= u32::from(part);
        self.unwritten -= small.map_or(0, |bytes| bytes.len());
        self.open -= 1;
        self.pieces -= u64::from(self.pieces_of(size).count());
    }
}
