//! The journal of a file that is coming: which pieces of it are on the disk, and with which hashes.
//!
//! ```text
//!  +----------------+-----+    +--------+----------------+-----+
//!  | header         | crc |    | offset | hash of piece  | crc |  one a piece, appended
//!  | magic, lengths,|u32be|    | u64be  | 32 bytes       |u32be|
//!  | id, size, time,|     |    +--------+----------------+-----+
//!  | pieces, path   |     |
//!  +----------------+-----+
//! ```
//!
//! It promises nothing: whoever goes on with a part reads every piece that is told here from the disk
//! again, and only one whose hash is the told one counts. So it may lie in any way that a crash, a full
//! disk or a foreign hand make it lie (a record torn, pages of the part lost, a length that came before
//! its bytes), and costs progress then, never truth. What follows a record that is not in order is
//! ignored, and cut off before the next is appended.

use super::pieces::{Hash, Pieces};
use crate::path::SafePath;

/// How a journal begins; its last byte is its version.
const MAGIC: [u8; 8] = *b"framecj\x01";

/// Bytes of a record.
pub const RECORD_BYTES: usize = 8 + 32 + 4;

/// Bytes of a header before its path.
const HEAD_BYTES: usize = 8 + 2 + 8 + 8 + 8 + 1;

/// What names a part and its journal: the same file, offered again, has the same; one that changed has
/// another.
pub fn id(path: &SafePath, size: u64, mtime: i64) -> u64 {
    let mut hasher = blake3::Hasher::new();
    hasher.update(path.to_string().as_bytes());
    // No path holds a zero byte.
    hasher.update(&[0]);
    hasher.update(&size.to_be_bytes());
    hasher.update(&mtime.to_be_bytes());
    let hash = hasher.finalize();
    let [a, b, c, d, e, f, g, h, ..] = *hash.as_bytes();
    u64::from_be_bytes([a, b, c, d, e, f, g, h])
}

/// Of which file a journal is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Journal {
    id: u64,
    mtime: i64,
    pieces: Pieces,
    path: String,
}

impl Journal {
    /// That of the file at `path`, in `pieces`, last changed at `mtime` (nanoseconds since 1970).
    pub fn new(path: &SafePath, pieces: Pieces, mtime: i64) -> Journal {
        Journal { id: id(path, pieces.size(), mtime), mtime, pieces, path: path.to_string() }
    }

    /// What names it and its part.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// What the journal begins with.
    pub fn header(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(HEAD_BYTES + self.path.len() + 4);
        out.extend_from_slice(&MAGIC);
        let len = HEAD_BYTES + self.path.len() + 4;
        out.extend_from_slice(&(len as u16).to_be_bytes());
        out.extend_from_slice(&self.id.to_be_bytes());
        out.extend_from_slice(&self.pieces.size().to_be_bytes());
        out.extend_from_slice(&self.mtime.to_be_bytes());
        out.push(self.pieces.log2());
        out.extend_from_slice(self.path.as_bytes());
        let crc = crc(&[&out]);
        out.extend_from_slice(&crc.to_be_bytes());
        out
    }

    /// Appends the record of a piece to `out`.
    pub fn record(&self, piece: u32, hash: &Hash, out: &mut Vec<u8>) {
        let offset = self.pieces.bytes(piece).start.to_be_bytes();
        out.extend_from_slice(&offset);
        out.extend_from_slice(hash);
        // The id is in it too, so that a record of another journal that lay in the same place of the disk
        // does not pass for one of this.
        out.extend_from_slice(&crc(&[&self.id.to_be_bytes(), &offset, hash]).to_be_bytes());
    }

    /// What a journal tells, if it is one of this very file. `bytes` is all of it, or its first
    /// [`bytes_max`](Journal::bytes_max).
    pub fn read(&self, bytes: &[u8]) -> Option<Logged> {
        let header = self.header();
        let records = bytes.strip_prefix(header.as_slice())?;
        let mut logged = Logged { pieces: Vec::new(), len: header.len() as u64 };
        for record in records.chunks_exact(RECORD_BYTES).take(self.records_max()) {
            let Some(told) = self.parse(record) else { break };
            logged.len += RECORD_BYTES as u64;
            // A piece that came anew has a later record, which counts.
            logged.pieces.push(told);
        }
        logged.pieces.reverse();
        logged.pieces.sort_by_key(|told| told.0);
        logged.pieces.dedup_by_key(|told| told.0);
        Some(logged)
    }

    /// How long a journal of this file gets: a record a piece, twice where all had to come anew.
    pub fn bytes_max(&self) -> u64 {
        (self.header().len() + self.records_max() * RECORD_BYTES) as u64
    }

    fn records_max(&self) -> usize {
        2 * self.pieces.count() as usize
    }

    fn parse(&self, record: &[u8]) -> Option<(u32, Hash)> {
        let (offset, rest) = record.split_first_chunk::<8>()?;
        let (hash, told) = rest.split_first_chunk::<32>()?;
        let crc = crc(&[&self.id.to_be_bytes(), offset, hash]);
        let at = u64::from_be_bytes(*offset);
        let piece = u32::try_from(at >> self.pieces.log2()).ok()?;
        let fits = piece < self.pieces.count() && self.pieces.bytes(piece).start == at;
        (told == crc.to_be_bytes() && fits).then_some((piece, *hash))
    }
}

fn crc(parts: &[&[u8]]) -> u32 {
    let mut crc = flate2::Crc::new();
    parts.iter().for_each(|part| crc.update(part));
    crc.sum()
}

/// What a journal tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logged {
    /// Pieces that were written, ascending, and their hashes.
    pub pieces: Vec<(u32, Hash)>,
    /// Bytes of the journal that are in order.
    pub len: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn journal() -> Journal {
        let path = SafePath::new([b"in".as_slice(), "über.iso".as_bytes()]).unwrap();
        Journal::new(&path, Pieces::of(5_000, 10), 1_700_000_000_123_456_789)
    }

    fn written(journal: &Journal, told: &[(u32, u8)]) -> Vec<u8> {
        let mut bytes = journal.header();
        told.iter().for_each(|(piece, hash)| journal.record(*piece, &[*hash; 32], &mut bytes));
        bytes
    }

    #[test]
    fn what_was_logged_is_read_back_and_the_last_record_of_a_piece_counts() {
        let journal = journal();
        let bytes = written(&journal, &[(0, 1), (4, 2), (2, 3), (4, 9)]);
        let logged = journal.read(&bytes).unwrap();
        assert_eq!(logged.pieces, [(0, [1; 32]), (2, [3; 32]), (4, [9; 32])]);
        assert_eq!(logged.len, bytes.len() as u64);
        assert!(logged.len <= journal.bytes_max());
    }

    #[test]
    fn a_journal_that_ends_anywhere_tells_what_is_whole_of_it() {
        let journal = journal();
        let bytes = written(&journal, &[(0, 1), (1, 2), (2, 3)]);
        let head = journal.header().len();
        for cut in 0..=bytes.len() {
            match journal.read(&bytes[..cut]) {
                None => assert!(cut < head),
                Some(logged) => {
                    let whole = (cut - head) / RECORD_BYTES;
                    assert_eq!(logged.pieces.len(), whole, "cut at {cut}");
                    assert_eq!(logged.len, (head + whole * RECORD_BYTES) as u64);
                }
            }
        }
    }

    #[test]
    fn a_bit_that_flips_ends_what_is_believed() {
        let journal = journal();
        let bytes = written(&journal, &[(0, 1), (1, 2), (2, 3)]);
        let head = journal.header().len();
        for bit in 0..bytes.len() * 8 {
            let mut bad = bytes.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            match journal.read(&bad) {
                None => assert!(bit / 8 < head),
                Some(logged) => assert_eq!(logged.pieces.len(), (bit / 8 - head) / RECORD_BYTES),
            }
        }
    }

    #[test]
    fn a_journal_of_another_file_or_of_another_time_is_none_of_this_one() {
        let this = journal();
        let bytes = written(&this, &[(0, 1)]);
        let path = SafePath::new([b"in".as_slice(), "über.iso".as_bytes()]).unwrap();
        let pieces = Pieces::of(5_000, 10);
        let others = [
            Journal::new(&SafePath::new([b"in".as_slice()]).unwrap(), pieces, this.mtime),
            Journal::new(&path, Pieces::of(5_001, 10), this.mtime),
            Journal::new(&path, Pieces::of(5_000, 11), this.mtime),
            Journal::new(&path, pieces, this.mtime + 1),
        ];
        for other in others {
            assert_eq!(other.read(&bytes), None, "{other:?}");
            // Its records are no records here either, whatever they lie behind.
            let mut mixed = this.header();
            other.record(0, &[1; 32], &mut mixed);
            let same_id = other.id() == this.id();
            assert_eq!(this.read(&mixed).unwrap().pieces.len(), usize::from(same_id));
        }
    }

    #[test]
    fn a_piece_that_the_file_does_not_have_is_not_believed() {
        let journal = journal();
        let path = SafePath::new([b"in".as_slice(), "über.iso".as_bytes()]).unwrap();
        // The same id, other pieces: only a bug of ours could write that.
        let mut longer = Journal::new(&path, Pieces::of(50_000, 10), journal.mtime);
        longer.id = journal.id;
        let mut bytes = journal.header();
        longer.record(5, &[1; 32], &mut bytes);
        assert_eq!(journal.read(&bytes).unwrap().pieces, []);
    }
}
