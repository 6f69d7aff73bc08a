//! A file as pieces: what is hashed, kept in the journal and asked for again as one.
//!
//! ```text
//!   0        1 MiB     2 MiB    2.3 MiB
//!   +---------+---------+------+
//!   | piece 0 | piece 1 |  2   |      each with a hash, a node of the file's own BLAKE3 tree,
//!   +----+----+----+----+--+---+
//!        \---------/      /
//!             \----------/            so that theirs together give the file's: what b3sum prints
//! ```
//!
//! So pieces may come in any order and in any number of runs, and the file is never read a second time to
//! know its hash. Of a file that is one piece, the piece's hash is the file's.

use std::ops::Range;

use blake3::hazmat::{HasherExt as _, Mode, merge_subtrees_non_root, merge_subtrees_root};

use crate::limits::TRANSFER_PIECES;

/// A BLAKE3 hash, of a file or a piece.
pub type Hash = [u8; 32];

/// The smallest and the largest base of pieces that a sender may name, as powers of two: a node of a
/// BLAKE3 tree has 1 KiB at least.
pub const PIECE_LOG2: std::ops::RangeInclusive<u8> = 10..=26;

/// A file of known size in pieces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pieces {
    size: u64,
    log2: u8,
}

impl Pieces {
    /// Those of a file of `size` bytes. They have `1 << base` bytes, twice as many as often as is needed
    /// for there to be [`TRANSFER_PIECES`] at most.
    pub fn of(size: u64, base: u8) -> Pieces {
        debug_assert!(PIECE_LOG2.contains(&base), "a base of {base}");
        let mut log2 = base;
        while size.div_ceil(1 << log2) > TRANSFER_PIECES {
            log2 += 1;
        }
        Pieces { size, log2 }
    }

    /// Bytes of the file.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Bytes of a piece that is not the last, as a power of two.
    pub fn log2(&self) -> u8 {
        self.log2
    }

    /// How many there are. An empty file has none.
    pub fn count(&self) -> u32 {
        self.size.div_ceil(1 << self.log2) as u32
    }

    /// The bytes of one of them.
    pub fn bytes(&self, piece: u32) -> Range<u64> {
        let from = u64::from(piece) << self.log2;
        from..self.size.min(from.saturating_add(1 << self.log2))
    }

    /// Those that `from` up to `to` are, in bytes.
    pub fn span(&self, pieces: Range<u32>) -> Range<u64> {
        if pieces.is_empty() {
            return 0..0;
        }
        self.bytes(pieces.start).start..self.bytes(pieces.end - 1).end
    }

    /// What makes the hash of one of them.
    pub fn hasher(&self, piece: u32) -> PieceHasher {
        let mut hasher = blake3::Hasher::new();
        let only = self.count() <= 1;
        if !only {
            hasher.set_input_offset(self.bytes(piece).start);
        }
        PieceHasher { hasher, only }
    }

    /// The hash of one of them, whose bytes are all here.
    pub fn hash(&self, piece: u32, bytes: &[u8]) -> Hash {
        let mut hasher = self.hasher(piece);
        hasher.update(bytes);
        hasher.finish()
    }

    /// The hash of the file, of those of all its pieces.
    pub fn whole(&self, hashes: &[Hash]) -> Hash {
        debug_assert_eq!(hashes.len(), self.count() as usize);
        match hashes {
            [] => *blake3::hash(b"").as_bytes(),
            [only] => *only,
            _ => {
                let (left, right) = hashes.split_at(left(hashes.len()));
                *merge_subtrees_root(&node(left), &node(right), Mode::Hash).as_bytes()
            }
        }
    }
}

/// How many of `n` leaves are in the left half of a tree: the largest power of two below `n`.
fn left(n: usize) -> usize {
    n.next_power_of_two() / 2
}

fn node(hashes: &[Hash]) -> Hash {
    match hashes {
        [only] => *only,
        _ => {
            let (left, right) = hashes.split_at(left(hashes.len()));
            merge_subtrees_non_root(&node(left), &node(right), Mode::Hash)
        }
    }
}

/// A piece whose bytes come one after the other.
#[derive(Debug, Clone)]
pub struct PieceHasher {
    hasher: blake3::Hasher,
    only: bool,
}

impl PieceHasher {
    /// Takes its next bytes. All that it is given must lie in the piece.
    pub fn update(&mut self, bytes: &[u8]) {
        self.hasher.update(bytes);
    }

    /// Its hash.
    pub fn finish(&self) -> Hash {
        match self.only {
            true => *self.hasher.finalize().as_bytes(),
            false => self.hasher.finalize_non_root(),
        }
    }
}

/// Adds `piece` to ranges that grow at their end.
pub(super) fn push(ranges: &mut Vec<Range<u32>>, piece: u32) {
    match ranges.last_mut() {
        Some(last) if last.end == piece => last.end += 1,
        _ => ranges.push(piece..piece + 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(n: usize) -> Vec<u8> {
        (0..n).map(|i| (i * 7 + i / 251) as u8).collect()
    }

    #[test]
    fn the_hashes_of_pieces_give_the_hash_of_the_file() {
        for n in [
            0,
            1,
            1023,
            1024,
            1025,
            2047,
            2048,
            2049,
            3072,
            4096,
            5000,
            7 * 1024 + 3,
            16 << 10,
            17_000,
        ] {
            let file = bytes(n);
            for base in [10, 11, 13] {
                let pieces = Pieces::of(n as u64, base);
                let hashes: Vec<Hash> = (0..pieces.count())
                    .map(|piece| {
                        let at = pieces.bytes(piece);
                        let part = &file[at.start as usize..at.end as usize];
                        let mut slow = pieces.hasher(piece);
                        part.chunks(100).for_each(|chunk| slow.update(chunk));
                        let hash = pieces.hash(piece, part);
                        assert_eq!(slow.finish(), hash);
                        hash
                    })
                    .collect();
                assert_eq!(
                    pieces.whole(&hashes),
                    *blake3::hash(&file).as_bytes(),
                    "{n} bytes in 2^{base}"
                );
            }
        }
    }

    #[test]
    fn pieces_grow_with_the_file_and_cover_it() {
        for (size, log2, count) in [
            (0, 20, 0),
            (1, 20, 1),
            (1 << 20, 20, 1),
            ((1 << 20) + 1, 20, 2),
            (64 << 30, 20, 65_536),
            ((64 << 30) + 1, 21, 32_769),
            (u64::MAX, 48, 65_536),
        ] {
            let pieces = Pieces::of(size, 20);
            assert_eq!((pieces.log2(), pieces.count()), (log2, count), "{size}");
            if count > 0 {
                assert_eq!(pieces.bytes(count - 1).end, size);
                assert_eq!(pieces.span(0..count), 0..size);
            }
        }
    }

    #[test]
    fn neighbours_become_one_range() {
        let mut ranges = Vec::new();
        for piece in [1, 2, 3, 5, 7, 8] {
            push(&mut ranges, piece);
        }
        assert_eq!(ranges, [1..4, 5..6, 7..9]);
    }
}
