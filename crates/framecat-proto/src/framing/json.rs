//! `json`: a message is one JSON value (RFC 8259); values stand back to back, or with white space
//! between them. Writing puts an LF behind each, so that numbers stay apart.
//!
//! ```text
//!  INPUT                             MESSAGES
//! +-------+--+-----+---+--+         +-------+  +-----+  +---+
//! |{"a":1}|␊ |[2,3]|"x"|␊ |    →    |{"a":1}|  |[2,3]|  |"x"|
//! +-------+--+-----+---+--+         +-------+  +-----+  +---+
//! ```
//!
//! Objects, arrays, strings, true, false and null end with their last byte. A number ends at the
//! byte behind it, which must be white space or begin another value, or at the end of the stream.

use super::{EncodeError, Ending, Fault, Progress};
use crate::message::{Context, Outbound, Outgoing, Spans};

pub(super) mod scan;

use scan::{Scan, Scanner, is_space};

pub(super) struct Framer {
    max: usize,
    scanner: Scanner,
    /// Bytes of the value at hand that the scanner has seen.
    scanned: usize,
}

impl Framer {
    pub(super) fn new(max: usize) -> Framer {
        Framer { max, scanner: Scanner::new(), scanned: 0 }
    }
}

impl super::Framer for Framer {
    fn decode(&mut self, input: &[u8], out: &mut Spans) -> Progress {
        let mut start = 0;
        loop {
            if self.scanned == 0 {
                start += spaces(&input[start..]);
            }
            let rest = &input[start..];
            // One byte more than the maximum says that it is too long, however it arrives.
            let seen = &rest[..rest.len().min(self.max + 1)];
            let too_long = Fault::TooLong { len: None, max: self.max };
            let fault = match self.scanner.scan(seen, self.scanned) {
                Scan::Whole(end) if end <= self.max => {
                    out.push(start, start + end);
                    start += end;
                    self.scanner = Scanner::new();
                    self.scanned = 0;
                    if out.is_full() {
                        return Progress { consumed: start, ..Progress::default() };
                    }
                    continue;
                }
                Scan::More if seen.len() <= self.max => {
                    self.scanned = seen.len();
                    return Progress { consumed: start, ..Progress::default() };
                }
                Scan::Whole(_) | Scan::More => too_long,
                Scan::Broken(why) => Fault::Broken(why),
            };
            return Progress { consumed: start, rejected: 0, fault: Some(fault) };
        }
    }

    fn end(&mut self, rest: &[u8]) -> Ending {
        match rest {
            [] => Ending::Clean,
            _ if self.scanner.ends_with_text() => Ending::Whole,
            _ => Ending::Cut { need: None },
        }
    }

    fn encode(
        &mut self,
        message: Outbound<'_>,
        _: &Context<'_>,
        out: &mut Outgoing,
    ) -> Result<(), EncodeError> {
        encode(message, self.max, b"", out)
    }
}

/// How many bytes of white space `bytes` begin with.
pub(super) fn spaces(bytes: &[u8]) -> usize {
    bytes.iter().position(|byte| !is_space(*byte)).unwrap_or(bytes.len())
}

/// `bytes` without the white space at their end.
pub(super) fn trimmed(bytes: &[u8]) -> &[u8] {
    let end = bytes.iter().rposition(|byte| !is_space(*byte)).map_or(0, |at| at + 1);
    &bytes[..end]
}

/// Writes a value between `before` and an LF, if it is exactly one.
pub(super) fn encode(
    message: Outbound<'_>,
    max: usize,
    before: &[u8],
    out: &mut Outgoing,
) -> Result<(), EncodeError> {
    let payload = message.payload;
    if payload.len() > max {
        return Err(EncodeError::DoesNotFit { len: payload.len(), max: max as u64 });
    }
    scan::check(payload).map_err(EncodeError::Lacks)?;
    out.put(before);
    out.put_payload(message);
    out.put(b"\n");
    Ok(())
}
