//! A file that is coming into its part: which pieces are there, which are due, and what is to be logged.

use std::collections::VecDeque;
use std::ops::Range;

use crate::limits::TRANSFER_RANGES;
use crate::transfer::pieces::{Hash, PieceHasher, Pieces, push};
use crate::transfer::resume::{Journal, Logged};

/// See the [module](self).
#[derive(Debug)]
pub(super) struct File {
    pub(super) journal: Journal,
    pub(super) pieces: Pieces,
    hashes: Vec<Option<Hash>>,
    /// What was asked for, and how far it has come.
    asked: Vec<Range<u32>>,
    at: u64,
    piece: Option<PieceHasher>,
    /// Writes that were given and that were done: a piece is logged when the write of its last byte is.
    given: u64,
    done: u64,
    unlogged: VecDeque<(u64, u32, Hash)>,
    /// What the sender says that the whole is, and that its pieces are.
    pub(super) end: Option<Hash>,
    pub(super) told: Vec<Hash>,
    pub(super) mended: bool,
    /// Written since it was synced.
    pub(super) dirty: bool,
}

impl File {
    pub(super) fn new(journal: Journal, pieces: Pieces) -> File {
        File {
            journal,
            pieces,
            hashes: vec![None; pieces.count() as usize],
            asked: Vec::new(),
            at: 0,
            piece: None,
            given: 0,
            done: 0,
            unlogged: VecDeque::new(),
            end: None,
            told: Vec::new(),
            mended: false,
            dirty: false,
        }
    }

    /// Bytes in memory.
    pub(super) fn held(&self) -> usize {
        let hashes = (self.hashes.len() + self.told.len()) * size_of::<Option<Hash>>();
        let unlogged = self.unlogged.len() * size_of::<(u64, u32, Hash)>();
        hashes + self.asked.len() * size_of::<Range<u32>>() + unlogged
    }

    /// Takes the pieces of a part whose hashes, made anew from the disk, are those that the journal tells.
    pub(super) fn keep(&mut self, logged: &Logged, found: &[(u32, Hash)]) {
        for (piece, hash) in found {
            let told = logged.pieces.binary_search_by_key(piece, |told| told.0);
            if told.is_ok_and(|at| logged.pieces[at].1 == *hash) {
                self.hashes[*piece as usize] = Some(*hash);
            }
        }
    }

    /// Asks for what is missing: `None` for all of it.
    pub(super) fn ask(&mut self) -> Option<Vec<Range<u32>>> {
        let mut missing = Vec::new();
        for (piece, hash) in self.hashes.iter().enumerate() {
            if hash.is_none() {
                push(&mut missing, piece as u32);
            }
        }
        // What is beyond is asked for when these are there.
        missing.truncate(TRANSFER_RANGES);
        let all = matches!(&missing[..], [all] if *all == (0..self.pieces.count()));
        self.at = self.start_of(missing.first());
        self.asked = missing;
        self.piece = None;
        (!all).then(|| self.asked.clone())
    }

    fn start_of(&self, range: Option<&Range<u32>>) -> u64 {
        range.map_or(u64::MAX, |range| self.pieces.bytes(range.start).start)
    }

    /// Whether all that was asked for has come.
    pub(super) fn has_come(&self) -> bool {
        self.asked.is_empty()
    }

    /// Whether `len` bytes from `offset` on are what is due.
    pub(super) fn is_due(&self, offset: u64, len: u32) -> bool {
        let Some(range) = self.asked.first() else { return false };
        offset == self.at && u64::from(len) <= self.pieces.span(range.clone()).end - offset
    }

    /// Takes the next bytes, and returns where they belong.
    pub(super) fn take(&mut self, bytes: &[u8]) -> u64 {
        let offset = self.at;
        self.given += 1;
        self.dirty = true;
        let mut rest = bytes;
        while !rest.is_empty() {
            let number = (self.at >> self.pieces.log2()) as u32;
            let end = self.pieces.bytes(number).end;
            let fits = (end - self.at).min(rest.len() as u64) as usize;
            let (now, later) = rest.split_at(fits);
            let piece = self.piece.get_or_insert_with(|| self.pieces.hasher(number));
            piece.update(now);
            self.at += fits as u64;
            rest = later;
            if self.at == end {
                let hash = piece.finish();
                self.piece = None;
                self.hashes[number as usize] = Some(hash);
                self.unlogged.push_back((self.given, number, hash));
            }
        }
        if self.asked.first().is_some_and(|range| self.at == self.pieces.span(range.clone()).end) {
            self.asked.remove(0);
            self.at = self.start_of(self.asked.first());
        }
        offset
    }

    /// A write was done.
    pub(super) fn written(&mut self) {
        self.done += 1;
    }

    /// Whether all writes were done.
    pub(super) fn is_written(&self) -> bool {
        self.given == self.done
    }

    /// Records of the pieces that are on the disk and not logged.
    pub(super) fn log(&mut self) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        while let Some((_, piece, hash)) = self.unlogged.front().filter(|it| it.0 <= self.done) {
            self.journal.record(*piece, hash, &mut out);
            self.unlogged.pop_front();
        }
        (!out.is_empty()).then_some(out)
    }

    /// The hash of all of it, if all of it is there.
    pub(super) fn whole(&self) -> Option<Hash> {
        let hashes: Option<Vec<Hash>> = self.hashes.iter().copied().collect();
        hashes.map(|hashes| self.pieces.whole(&hashes))
    }

    /// Drops the pieces that are not as the sender's; how many those are.
    pub(super) fn mend(&mut self) -> usize {
        let mut differ = 0;
        for (have, told) in self.hashes.iter_mut().zip(&self.told) {
            if *have != Some(*told) {
                *have = None;
                differ += 1;
            }
        }
        self.told = Vec::new();
        self.mended = true;
        differ
    }
}
