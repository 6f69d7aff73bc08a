//! Content coded in `gzip` (RFC 1952) as it goes out, a piece at a time.
//!
//! What is coded depends on the content alone, not on the pieces it came in, so a file has one coded form and
//! its strong entity tag names one sequence of bytes (RFC 9110 section 8.8.1). A release that codes
//! otherwise must give the tag another ending.

use flate2::{Compress, Compression, Crc, FlushCompress};

/// Of a source tree and a page: level 1 makes 38 to 41 % of it at 90 to 130 MB/s, 2 makes 31 to 35 % at 65 to
/// 95, 3 makes 27 to 33 % at 50, 6 makes 26 to 32 % at 25. Up to some 30 MB/s on the wire, 2 is the fastest.
const LEVEL: u32 = 2;

/// Deflate; no name, no time, from an unknown system (section 2.3).
const HEAD: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];

/// Content that is coded while it goes out. It takes some 300 KiB.
pub struct Squeeze {
    deflate: Compress,
    crc: Crc,
    begun: bool,
}

/// A piece that is the same in all contents it is in, coded once for all of them.
#[derive(Debug)]
pub struct Known {
    coded: Vec<u8>,
    crc: Crc,
}

impl std::fmt::Debug for Squeeze {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Squeeze").field("taken", &self.crc.amount()).finish_non_exhaustive()
    }
}

impl Default for Squeeze {
    fn default() -> Squeeze {
        Squeeze::new()
    }
}

impl Squeeze {
    /// At the start of a content.
    pub fn new() -> Squeeze {
        let deflate = Compress::new(Compression::new(LEVEL), false);
        Squeeze { deflate, crc: Crc::new(), begun: false }
    }

    /// Takes more of the content, and appends what is coded by now.
    pub fn write(&mut self, content: &[u8], out: &mut Vec<u8>) {
        self.begin(out);
        self.crc.update(content);
        deflate(&mut self.deflate, content, FlushCompress::None, out);
    }

    /// The content goes on with this piece.
    pub fn put(&mut self, piece: &Known, out: &mut Vec<u8>) {
        self.begin(out);
        // To a byte of its own; what refers back from here on must not count the piece.
        deflate(&mut self.deflate, b"", FlushCompress::Full, out);
        out.extend_from_slice(&piece.coded);
        self.crc.combine(&piece.crc);
    }

    /// The content is over: appends what is left.
    pub fn end(mut self, out: &mut Vec<u8>) {
        self.begin(out);
        deflate(&mut self.deflate, b"", FlushCompress::Finish, out);
        out.extend_from_slice(&self.crc.sum().to_le_bytes());
        out.extend_from_slice(&self.crc.amount().to_le_bytes());
    }

    /// The coded form of a content that is there whole.
    pub fn whole(content: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(content.len() / 2 + 64);
        let mut squeeze = Squeeze::new();
        squeeze.write(content, &mut out);
        squeeze.end(&mut out);
        out
    }

    fn begin(&mut self, out: &mut Vec<u8>) {
        if !std::mem::replace(&mut self.begun, true) {
            out.extend_from_slice(&HEAD);
        }
    }
}

impl Known {
    /// Coded as small as can be: it is done once.
    pub fn of(content: &[u8]) -> Known {
        let mut crc = Crc::new();
        crc.update(content);
        let mut coded = Vec::new();
        let mut best = Compress::new(Compression::best(), false);
        deflate(&mut best, content, FlushCompress::None, &mut coded);
        deflate(&mut best, b"", FlushCompress::Full, &mut coded);
        Known { coded, crc }
    }
}

/// Appends what comes of all of `content`.
fn deflate(state: &mut Compress, content: &[u8], flush: FlushCompress, out: &mut Vec<u8>) {
    let start = state.total_in();
    loop {
        let taken = (state.total_in() - start) as usize;
        out.reserve(content.len() / 4 + 1024);
        let room = out.capacity() - out.len();
        let before = out.len();
        // Only a state that was finished before refuses anything, and none is used then.
        let coded = state.compress_vec(&content[taken..], out, flush);
        debug_assert!(coded.is_ok(), "{coded:?}");
        let taken = (state.total_in() - start) as usize;
        // As long as all the room was needed, there may be more.
        if taken == content.len() && out.len() - before < room || coded.is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::Coding;
    use super::super::coding::Decoder;
    use super::*;

    fn undone(coded: &[u8]) -> Vec<u8> {
        let (mut decoder, mut out, mut at) = (Decoder::new(Coding::Gzip), Vec::new(), 0);
        while at < coded.len() {
            at += decoder.decode(&coded[at..], &mut out).unwrap().taken;
        }
        decoder.end(&mut out).unwrap();
        out
    }

    fn in_pieces<'p>(pieces: impl Iterator<Item = &'p [u8]>) -> Vec<u8> {
        let (mut squeeze, mut out) = (Squeeze::new(), Vec::new());
        pieces.for_each(|piece| squeeze.write(piece, &mut out));
        squeeze.end(&mut out);
        out
    }

    /// Words, runs and noise, as they come from a seed.
    fn content(len: usize, seed: u64) -> Vec<u8> {
        let mut state = seed | 1;
        let mut next = move || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state
        };
        let mut content = Vec::with_capacity(len + 64);
        while content.len() < len {
            let n = next();
            match n % 4 {
                0 => content.extend_from_slice(&n.to_le_bytes()),
                1 => content.resize(content.len() + (n >> 8) as usize % 3_000, b'a'),
                _ => content.extend_from_slice(format!("the {} of ", (n >> 8) % 500).as_bytes()),
            }
        }
        content.truncate(len);
        content
    }

    #[test]
    fn nothing_at_all_and_what_is_long_are_the_same_whatever_they_came_in() {
        assert_eq!(undone(&Squeeze::whole(b"")), b"");
        let content = content(3 << 20, 7);
        let whole = Squeeze::whole(&content);
        assert!(whole.len() < content.len() * 3 / 4, "{}", whole.len());
        assert_eq!(undone(&whole), content);
        for piece in [4_096, 64 << 10, 99_999, 1 << 20] {
            assert!(in_pieces(content.chunks(piece)) == whole, "in pieces of {piece}");
        }
        // Noise does not become much longer.
        let noise: Vec<u8> =
            (0..100_000_u64).map(|n| (n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 41) as u8).collect();
        assert!(Squeeze::whole(&noise).len() < noise.len() + 100);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn the_pieces_in_which_a_content_comes_do_not_show(
            len in 0_usize..200_000,
            seed: u64,
            cuts in prop::collection::vec(0_usize..200_000, 0..8),
        ) {
            let content = content(len, seed);
            let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut % (len + 1)).collect();
            cuts.extend([0, len]);
            cuts.sort_unstable();
            let coded = in_pieces(cuts.windows(2).map(|pair| &content[pair[0]..pair[1]]));
            prop_assert!(coded == Squeeze::whole(&content));
            prop_assert!(undone(&coded) == content);
        }

        #[test]
        fn what_is_known_stands_where_it_was_put(
            pieces in prop::collection::vec((any::<bool>(), 0_usize..70_000, any::<u64>()), 0..6),
        ) {
            let (mut squeeze, mut coded, mut want) = (Squeeze::new(), Vec::new(), Vec::new());
            for (known, len, seed) in pieces {
                let piece = content(len, seed);
                match known {
                    true => squeeze.put(&Known::of(&piece), &mut coded),
                    false => squeeze.write(&piece, &mut coded),
                }
                want.extend_from_slice(&piece);
            }
            squeeze.end(&mut coded);
            prop_assert!(undone(&coded) == want);
        }
    }
}
