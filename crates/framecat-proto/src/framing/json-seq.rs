//! `json-seq`: JSON text sequences, RFC 7464. RS (1e), one JSON value, LF.
//!
//! ```text
//!  INPUT                                  MESSAGES
//! +----+-------+----+----+----+----+     +-------+  +----+
//! | 1e |{"a":1}| 0a | 1e | 42 | 0a |  →  |{"a":1}|  | 42 |
//! +----+-------+----+----+----+----+     +-------+  +----+
//! ```
//!
//! A value in brackets or quotes ends with them; a number, true, false or null only where white
//! space follows, for without it the sender may have been cut short (section 2.4). Several RS in a
//! row are as good as one (section 2.1).

use std::fmt;

use memchr::memchr;

use super::json::scan::{Scan, Scanner, is_space};
use super::json::{self, spaces};
use super::nearest::switches;
use super::{EncodeError, Ending, Fault, ParseFramingError, Progress};
use crate::message::{Context, Outbound, Outgoing, Spans};

const RS: u8 = 0x1e;

/// The rule `json-seq[,resync]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct JsonSeq {
    /// After a text that is no JSON or too long, go on with the next RS.
    pub resync: bool,
}

impl JsonSeq {
    pub(super) fn parse(rest: &str) -> Result<JsonSeq, ParseFramingError> {
        let mut rule = JsonSeq::default();
        switches("json-seq", rest, [("resync", &mut rule.resync)])?;
        Ok(rule)
    }
}

impl fmt::Display for JsonSeq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.resync { ",resync" } else { "" })
    }
}

pub(super) struct Framer {
    rule: JsonSeq,
    max: usize,
    scanner: Scanner,
    /// Bytes behind the RS that the scanner has seen.
    scanned: usize,
    /// A value has ended there that white space must follow.
    due: Option<usize>,
    /// Inside a text that was refused: reject up to the next RS, not before this byte.
    skipping: Option<usize>,
}

impl Framer {
    pub(super) fn new(rule: JsonSeq, max: usize) -> Framer {
        Framer { rule, max, scanner: Scanner::new(), scanned: 0, due: None, skipping: None }
    }

    fn forget(&mut self) {
        self.scanner = Scanner::new();
        self.scanned = 0;
        self.due = None;
    }

    fn refuse(&mut self, fault: Fault, start: usize, rejected: usize) -> Progress {
        self.forget();
        self.skipping = self.rule.resync.then_some(1);
        Progress { consumed: start, rejected, fault: Some(fault) }
    }

    /// Finds the end of the value in `text`, what follows the RS.
    fn find(&mut self, text: &[u8]) -> Scan {
        let end = match self.due {
            Some(end) => end,
            None => match self.scanner.scan(text, self.scanned) {
                Scan::Whole(end) => end,
                other => return other,
            },
        };
        if matches!(text[spaces(text)], b'{' | b'[' | b'"') {
            return Scan::Whole(end);
        }
        match text.get(end) {
            Some(byte) if is_space(*byte) => Scan::Whole(end),
            Some(_) => Scan::Broken("no white space follows its value, so it may be cut".into()),
            None => {
                self.due = Some(end);
                Scan::More
            }
        }
    }
}

impl super::Framer for Framer {
    fn decode(&mut self, input: &[u8], out: &mut Spans) -> Progress {
        let mut start = 0;
        if let Some(from) = self.skipping.take() {
            let Some(at) = memchr(RS, &input[from..]) else {
                self.skipping = Some(0);
                return Progress { consumed: input.len(), rejected: input.len(), fault: None };
            };
            start = from + at;
        }
        let rejected = start;
        loop {
            if self.scanned == 0 {
                start += spaces(&input[start..]);
                while input[start..].starts_with(&[RS, RS]) {
                    start += 1;
                }
            }
            let rest = &input[start..];
            if rest.is_empty() {
                return Progress { consumed: start, rejected, fault: None };
            }
            if rest[0] != RS {
                let fault = Fault::Broken("it does not begin with RS (1e)".into());
                return self.refuse(fault, start, rejected);
            }
            let text = &rest[1..];
            // One byte more than the maximum says that it is too long, however it arrives.
            let seen = &text[..text.len().min(self.max + 1)];
            let fault = match self.find(seen) {
                Scan::Whole(end) if end <= self.max => {
                    out.push(start + 1 + spaces(seen), start + 1 + end);
                    start += 1 + end;
                    self.forget();
                    if out.is_full() {
                        return Progress { consumed: start, rejected, fault: None };
                    }
                    continue;
                }
                Scan::More if seen.len() <= self.max => {
                    self.scanned = seen.len();
                    return Progress { consumed: start, rejected, fault: None };
                }
                Scan::Whole(_) | Scan::More => Fault::TooLong { len: None, max: self.max },
                Scan::Broken(why) => Fault::Broken(why),
            };
            return self.refuse(fault, start, rejected);
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
        json::encode(message, self.max, &[RS], out)
    }

    fn resynchronises(&self) -> bool {
        self.rule.resync
    }
}
