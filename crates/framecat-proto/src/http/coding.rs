//! Content codings undone piece by piece: `gzip` (RFC 1952), `br` (RFC 7932), `zstd` (RFC 8878).
//!
//! Whatever the coded bytes claim, a call gives at most [`DECODED_BYTES`] and the decoder holds at most
//! its window: 32 KiB, 16 MiB, 8 MiB. So a small body that becomes a huge one is written as it comes, and
//! fills no memory.

use std::io::{Read, Write};

use brotli_decompressor::{BrotliDecompressStream, BrotliResult, BrotliState, StandardAlloc};
use flate2::write::MultiGzDecoder;
use ruzstd::decoding::errors::FrameDecoderError;
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

use super::Coding;
use crate::limits::ZSTD_WINDOW_BYTES;

/// The most that one call of [`Decoder::decode`] gives, but for what is left of a gzip window.
pub const DECODED_BYTES: usize = 64 << 10;

/// What is wrong with coded bytes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct CodingError(String);

impl CodingError {
    fn new(problem: impl Into<String>) -> CodingError {
        CodingError(problem.into())
    }
}

/// How far a call came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decoded {
    /// Bytes of the input that are done with.
    pub taken: usize,
    /// There is more to come without more input.
    pub more: bool,
}

/// A coding being undone.
pub struct Decoder(Kind);

enum Kind {
    Gzip { decoder: Box<MultiGzDecoder<Vec<u8>>>, begun: bool },
    Brotli { state: Box<Brotli>, begun: bool, ended: bool },
    Zstd(Box<Zstd>),
}

type Brotli = BrotliState<StandardAlloc, StandardAlloc, StandardAlloc>;

impl std::fmt::Debug for Decoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let coding = match self.0 {
            Kind::Gzip { .. } => Coding::Gzip,
            Kind::Brotli { .. } => Coding::Brotli,
            Kind::Zstd(_) => Coding::Zstd,
        };
        write!(f, "Decoder({coding:?})")
    }
}

impl Decoder {
    /// At the start of a body.
    pub fn new(coding: Coding) -> Decoder {
        Decoder(match coding {
            Coding::Gzip => Kind::Gzip {
                decoder: Box::new(MultiGzDecoder::new(Vec::with_capacity(DECODED_BYTES))),
                begun: false,
            },
            Coding::Brotli => {
                let [a, b, c] = std::array::from_fn(|_| StandardAlloc::default());
                // Strict: no windows larger than RFC 7932 has.
                let state = Box::new(BrotliState::new_strict(a, b, c));
                Kind::Brotli { state, begun: false, ended: false }
            }
            Coding::Zstd => Kind::Zstd(Box::default()),
        })
    }

    /// Decodes some of `input`, appending to `out`. Called again with the rest of the input as long as
    /// there is some or [`Decoded::more`] says so.
    ///
    /// # Errors
    /// The bytes are not of this coding, or something stands behind their end.
    pub fn decode(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<Decoded, CodingError> {
        match &mut self.0 {
            Kind::Gzip { decoder, begun } => {
                *begun |= !input.is_empty();
                // A write gives at most 32 KiB; what waits behind the last one is a window at most.
                let wrong = |_| CodingError::new("the gzip data is broken");
                let taken =
                    if input.is_empty() { 0 } else { decoder.write(input).map_err(wrong)? };
                if taken == input.len() {
                    decoder.flush().map_err(wrong)?;
                } else if taken == 0 && decoder.get_ref().is_empty() {
                    return Err(CodingError::new("the gzip data is broken"));
                }
                out.append(decoder.get_mut());
                Ok(Decoded { taken, more: false })
            }
            Kind::Brotli { state, begun, ended } => {
                *begun |= !input.is_empty();
                brotli(state, ended, input, out)
            }
            Kind::Zstd(zstd) => zstd.decode(input, out),
        }
    }

    /// The body ended. What is left is appended.
    ///
    /// # Errors
    /// It ended inside the coded data. A body of no bytes at all is one of no bytes.
    pub fn end(&mut self, out: &mut Vec<u8>) -> Result<(), CodingError> {
        let cut = || CodingError::new("the coded data ends before its own end");
        match &mut self.0 {
            Kind::Gzip { begun: false, .. } => Ok(()),
            Kind::Gzip { decoder, .. } => {
                decoder.try_finish().map_err(|_| cut())?;
                out.append(decoder.get_mut());
                Ok(())
            }
            Kind::Brotli { begun, ended, .. } => match *ended || !*begun {
                true => Ok(()),
                false => Err(cut()),
            },
            Kind::Zstd(zstd) => match zstd.held.is_empty() && !zstd.inside {
                true => Ok(()),
                false => Err(cut()),
            },
        }
    }
}

fn brotli(
    state: &mut Brotli,
    ended: &mut bool,
    input: &[u8],
    out: &mut Vec<u8>,
) -> Result<Decoded, CodingError> {
    if *ended {
        return match input.is_empty() {
            true => Ok(Decoded { taken: 0, more: false }),
            false => Err(CodingError::new("something stands behind the end of the br data")),
        };
    }
    let from = out.len();
    out.resize(from + DECODED_BYTES, 0);
    let (mut left, mut taken) = (input.len(), 0);
    let (mut room, mut given, mut total) = (DECODED_BYTES, 0, 0);
    let result = BrotliDecompressStream(
        &mut left,
        &mut taken,
        input,
        &mut room,
        &mut given,
        &mut out[from..],
        &mut total,
        state,
    );
    out.truncate(from + given);
    match result {
        BrotliResult::ResultSuccess => {
            *ended = true;
            Ok(Decoded { taken, more: false })
        }
        BrotliResult::NeedsMoreInput => Ok(Decoded { taken, more: false }),
        BrotliResult::NeedsMoreOutput => Ok(Decoded { taken, more: true }),
        BrotliResult::ResultFailure => Err(CodingError::new("the br data is broken")),
    }
}

/// Frames of zstd, one after the other, a block at a time.
struct Zstd {
    decoder: FrameDecoder,
    /// A header or block of which not all has come.
    held: Vec<u8>,
    /// Within a frame, which has a checksum behind it or not.
    inside: bool,
    checksum: bool,
    /// Bytes of a skippable frame that are still to come.
    skip: u64,
}

impl Default for Zstd {
    fn default() -> Zstd {
        let mut decoder = FrameDecoder::new();
        decoder.set_max_window_size(ZSTD_WINDOW_BYTES);
        Zstd { decoder, held: Vec::new(), inside: false, checksum: false, skip: 0 }
    }
}

/// RFC 8878 section 3.1.1.2: type 2 bits, size 21 bits, a header of 3 bytes.
const BLOCK_HEADER: usize = 3;
const BLOCK_BYTES: usize = 128 << 10;

impl Zstd {
    fn decode(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<Decoded, CodingError> {
        let broken = |error: FrameDecoderError| match error {
            FrameDecoderError::WindowSizeTooBig { .. } => CodingError::new(
                "the zstd data needs a window of more than 8 MiB, which HTTP does not have (RFC 9659)",
            ),
            FrameDecoderError::DictNotProvided { .. } => {
                CodingError::new("the zstd data needs a dictionary")
            }
            _ => CodingError::new("the zstd data is broken"),
        };
        if self.give(out)? {
            return Ok(Decoded { taken: 0, more: true });
        }
        let mut taken = 0;
        if self.skip > 0 {
            let skipped = self.skip.min(input.len() as u64);
            self.skip -= skipped;
            return Ok(Decoded { taken: skipped as usize, more: false });
        }
        // As much as is known to be needed, until that is there.
        while let Some(need) = self.need()? {
            let have = self.held.len();
            if have < need {
                let more = (need - have).min(input.len() - taken);
                self.held.extend_from_slice(&input[taken..taken + more]);
                taken += more;
                if self.held.len() < need {
                    return Ok(Decoded { taken, more: false });
                }
            } else {
                break;
            }
        }
        if !self.inside {
            if let Some(len) = skippable(&self.held) {
                self.skip = len.into();
            } else {
                self.checksum = self.held[4] & 4 != 0;
                self.decoder.reset(self.held.as_slice()).map_err(broken)?;
                self.inside = true;
            }
            self.held.clear();
            return Ok(Decoded { taken, more: taken < input.len() });
        }
        let one = BlockDecodingStrategy::UptoBlocks(1);
        let ended = self.decoder.decode_blocks(self.held.as_slice(), one).map_err(broken)?;
        self.held.clear();
        if ended {
            self.inside = false;
            self.verify()?;
        }
        let more = self.give(out)?;
        Ok(Decoded { taken, more })
    }

    /// At the end of a frame, once all of it was given: the checksum covers what is read.
    fn verify(&self) -> Result<(), CodingError> {
        if !self.decoder.is_finished() || self.decoder.can_collect() > 0 {
            return Ok(());
        }
        match self.decoder.get_checksum_from_data() {
            Some(told) if self.decoder.get_calculated_checksum() != Some(told) => {
                Err(CodingError::new("the zstd data does not match its checksum"))
            }
            _ => Ok(()),
        }
    }

    /// Gives what is ready. Whether there is more of it.
    fn give(&mut self, out: &mut Vec<u8>) -> Result<bool, CodingError> {
        let ready = self.decoder.can_collect().min(DECODED_BYTES);
        if ready == 0 {
            return Ok(false);
        }
        let from = out.len();
        out.resize(from + ready, 0);
        let read = self.decoder.read(&mut out[from..]).unwrap_or(0);
        out.truncate(from + read);
        self.verify()?;
        Ok(self.decoder.can_collect() > 0)
    }

    /// How many bytes the next header or block has, as far as `held` tells. `None`: it is whole.
    fn need(&self) -> Result<Option<usize>, CodingError> {
        let have = self.held.len();
        let need = match self.inside {
            false if have < 5 => 5,
            false if skippable_magic(&self.held) => 8,
            false => frame_header(self.held[4]),
            true if have < BLOCK_HEADER => BLOCK_HEADER,
            true => {
                let header = u32::from_le_bytes([self.held[0], self.held[1], self.held[2], 0]);
                let (last, kind, size) = (header & 1, header >> 1 & 3, header as usize >> 3);
                if size > BLOCK_BYTES {
                    return Err(CodingError::new("the zstd data is broken: a block is too long"));
                }
                let content = if kind == 1 { 1 } else { size };
                let checksum = if last == 1 && self.checksum { 4 } else { 0 };
                BLOCK_HEADER + content + checksum
            }
        };
        Ok((have < need).then_some(need))
    }
}

/// Magic number, descriptor and what the descriptor says follows (RFC 8878 section 3.1.1.1).
fn frame_header(descriptor: u8) -> usize {
    let single = descriptor & 0x20 != 0;
    let dictionary = [0, 1, 2, 4][usize::from(descriptor & 3)];
    let size = match descriptor >> 6 {
        0 => usize::from(single),
        1 => 2,
        2 => 4,
        _ => 8,
    };
    4 + 1 + usize::from(!single) + dictionary + size
}

fn skippable_magic(held: &[u8]) -> bool {
    matches!(held, [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..])
}

fn skippable(held: &[u8]) -> Option<u32> {
    match held {
        [0x50..=0x5f, 0x2a, 0x4d, 0x18, a, b, c, d] => Some(u32::from_le_bytes([*a, *b, *c, *d])),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
