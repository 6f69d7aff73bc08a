//! `cobs`: consistent overhead byte stuffing (Cheshire and Baker, IEEE/ACM Transactions on
//! Networking 7(2), 1999). A message ends at a zero byte; its own zeros are taken out.
//!
//! ```text
//!  INPUT                              MESSAGE
//! +----+-----+----+---------+----+   +------------+
//! | 02 |  a  | 03 |  b   c  | 00 | → | a  00  b c |
//! +----+-----+----+---------+----+   +------------+
//! ```
//! A message is written as blocks. A code byte n from 1 to 255 begins one, n − 1 bytes without a
//! zero follow, and then a zero is meant, unless n is 255 or the message ends there. So a payload
//! grows by at most one byte in 254, and the empty one is `01 00`.
//!
//! Own code and not the crate `cobs`: a payload of one block is handed on where it lies, the others
//! are copied a block at a time; the crate copies byte by byte into a slice whose size it is told
//! before, and its errors do not say where.

use std::fmt;

use memchr::memchr;

use super::nearest::{nothing_to_keep, options, unknown_option};
use super::{EncodeError, Ending, Fault, ParseFramingError, Progress};
use crate::message::{Context, Outbound, Outgoing, Spans};

/// The code of a block behind which no zero is meant, and the bytes of it.
const FULL: usize = 255;

/// The rule `cobs[,resync]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Cobs {
    /// After a broken message, go on behind the next zero.
    pub resync: bool,
}

impl Cobs {
    pub(super) fn parse(rest: &str) -> Result<Cobs, ParseFramingError> {
        if rest.starts_with(':') {
            return Err(super::takes_no_argument("cobs", rest));
        }
        let mut rule = Cobs::default();
        for word in options(rest) {
            match word {
                "resync" => rule.resync = true,
                "keep" => return Err(nothing_to_keep("cobs", "nul,keep")),
                _ => return Err(unknown_option("cobs", word, &["resync"])),
            }
        }
        Ok(rule)
    }
}

impl fmt::Display for Cobs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.resync { ",resync" } else { "" })
    }
}

/// How far the blocks of a message are measured.
#[derive(Debug, Clone, Copy, Default)]
struct Walk {
    /// Bytes of the message that were looked at.
    at: usize,
    /// Bytes of the payload in them, without the zero that the last block may mean.
    len: usize,
    /// The last block's code, and how many of its bytes are still due.
    code: u8,
    due: usize,
}

impl Walk {
    /// Goes over the blocks of `bytes`, which hold no zero. `whole` says that the message ends behind
    /// them.
    ///
    /// A fault follows from where it lies, not from what has come behind it.
    fn walk(&mut self, bytes: &[u8], whole: bool, max: usize) -> Result<(), Fault> {
        while let Some(code) = bytes.get(self.at) {
            if self.due == 0 {
                self.len += usize::from(self.means_zero());
                (self.code, self.due) = (*code, usize::from(*code) - 1);
                self.at += 1;
            }
            let there = self.due.min(bytes.len() - self.at);
            self.at += there;
            self.len += there;
            self.due -= there;
            if self.len > max {
                return Err(Fault::TooLong { len: None, max });
            }
        }
        if whole && self.due > 0 { Err(self.short()) } else { Ok(()) }
    }

    /// Whether a zero is meant behind the last block, if another one follows.
    fn means_zero(&self) -> bool {
        (1..FULL as u8).contains(&self.code)
    }

    #[cold]
    fn short(&self) -> Fault {
        let (code, due) = (self.code, usize::from(self.code) - 1);
        let came = due - self.due;
        Fault::Broken(format!(
            "its code {code:02x} says {due} bytes, and the zero comes after {came}"
        ))
    }
}

/// Appends the payload of `frame`, a whole message without its zero, and which is well formed.
fn build(frame: &[u8], out: &mut Vec<u8>) {
    let mut rest = frame;
    while let Some((code, after)) = rest.split_first() {
        let (block, after) = after.split_at(usize::from(*code) - 1);
        out.extend_from_slice(block);
        if usize::from(*code) < FULL && !after.is_empty() {
            out.push(0);
        }
        rest = after;
    }
}

/// Appends the blocks of `payload`.
fn stuff(payload: &[u8], out: &mut Vec<u8>) {
    let mut rest = payload;
    loop {
        let reach = &rest[..rest.len().min(FULL - 1)];
        let (block, zero) = match memchr(0, reach) {
            Some(at) => (&reach[..at], 1),
            None => (reach, 0),
        };
        out.push(block.len() as u8 + 1);
        out.extend_from_slice(block);
        rest = &rest[block.len() + zero..];
        // Behind a zero another block is due, be it an empty one.
        if rest.is_empty() && zero == 0 {
            return;
        }
    }
}

pub(super) struct Framer {
    max: usize,
    resync: bool,
    /// Bytes of the unconsumed input known to hold no zero.
    scanned: usize,
    /// How far the blocks of the message that it begins with are measured.
    walk: Walk,
    /// Inside a message that was broken: reject up to its zero.
    skipping: bool,
}

impl Framer {
    pub(super) fn new(rule: Cobs, max: usize) -> Framer {
        Framer { max, resync: rule.resync, scanned: 0, walk: Walk::default(), skipping: false }
    }

    fn fault(&mut self, start: usize, rejected: usize, fault: Fault) -> Progress {
        (self.scanned, self.walk) = (0, Walk::default());
        self.skipping = self.resync;
        Progress { consumed: start, rejected, fault: Some(fault) }
    }
}

impl super::Framer for Framer {
    fn decode(&mut self, input: &[u8], out: &mut Spans) -> Progress {
        let mut start = 0;
        if self.skipping {
            let Some(at) = memchr(0, input) else {
                return Progress { consumed: input.len(), rejected: input.len(), fault: None };
            };
            self.skipping = false;
            start = at + 1;
        }
        let rejected = start;
        loop {
            let rest = &input[start..];
            let Some(zero) = memchr(0, &rest[self.scanned..]) else {
                self.scanned = rest.len();
                return match self.walk.walk(rest, false, self.max) {
                    Ok(()) => Progress { consumed: start, rejected, fault: None },
                    Err(fault) => self.fault(start, rejected, fault),
                };
            };
            let frame = &rest[..self.scanned + zero];
            if let Err(fault) = self.walk.walk(frame, true, self.max) {
                return self.fault(start, rejected, fault);
            }
            (self.scanned, self.walk) = (0, Walk::default());
            let end = start + frame.len();
            match frame.first() {
                // A zero with nothing before it: some senders begin with one.
                None => {}
                Some(code) if usize::from(*code) == frame.len() => out.push(start + 1, end),
                Some(_) => {
                    let built: Result<(), Fault> = out.push_built(|own| {
                        build(frame, own);
                        Ok(())
                    });
                    debug_assert!(built.is_ok());
                }
            }
            start = end + 1;
            if out.is_full() {
                return Progress { consumed: start, rejected, fault: None };
            }
        }
    }

    fn end(&mut self, rest: &[u8]) -> Ending {
        if rest.is_empty() { Ending::Clean } else { Ending::Cut { need: None } }
    }

    fn encode(
        &mut self,
        message: Outbound<'_>,
        _: &Context<'_>,
        out: &mut Outgoing,
    ) -> Result<(), EncodeError> {
        let payload = message.payload;
        if payload.len() > self.max {
            return Err(EncodeError::DoesNotFit { len: payload.len(), max: self.max as u64 });
        }
        stuff(payload, out.buf());
        out.put(&[0]);
        Ok(())
    }

    fn resynchronises(&self) -> bool {
        self.resync
    }
}
