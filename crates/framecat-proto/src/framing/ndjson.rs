//! `ndjson`: one JSON value a line (JSON Lines, ndjson.org). Every line is checked; empty ones are
//! passed over, and white space around a value, the CR of a CR LF too, is no part of the message.
//!
//! ```text
//!  INPUT                          MESSAGES
//! +--------+---+---+-----+---+   +-------+  +-----+
//! |{"a":1}␍| ␊ | ␊ |[2,3]| ␊ | → |{"a":1}|  |[2,3]|
//! +--------+---+---+-----+---+   +-------+  +-----+
//! ```

use std::fmt;

use memchr::memchr;

use super::json::{self, scan};
use super::nearest::switches;
use super::{EncodeError, Ending, Fault, ParseFramingError, Progress};
use crate::message::{Context, Outbound, Outgoing, Spans};

/// The rule `ndjson[,resync]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Ndjson {
    /// After a line that is no JSON or too long, go on with the next one.
    pub resync: bool,
}

impl Ndjson {
    pub(super) fn parse(rest: &str) -> Result<Ndjson, ParseFramingError> {
        let mut rule = Ndjson::default();
        switches("ndjson", rest, [("resync", &mut rule.resync)])?;
        Ok(rule)
    }
}

impl fmt::Display for Ndjson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.resync { ",resync" } else { "" })
    }
}

pub(super) struct Framer {
    rule: Ndjson,
    max: usize,
    /// Bytes of the unconsumed input known to hold no LF.
    scanned: usize,
    /// Inside a line that was refused: reject up to its LF.
    skipping: bool,
}

impl Framer {
    pub(super) fn new(rule: Ndjson, max: usize) -> Framer {
        Framer { rule, max, scanned: 0, skipping: false }
    }

    fn refuse(&mut self, fault: Fault, start: usize, rejected: usize) -> Progress {
        self.scanned = 0;
        self.skipping = self.rule.resync;
        Progress { consumed: start, rejected, fault: Some(fault) }
    }
}

impl super::Framer for Framer {
    fn decode(&mut self, input: &[u8], out: &mut Spans) -> Progress {
        let mut start = 0;
        if self.skipping {
            let Some(at) = memchr(b'\n', input) else {
                return Progress { consumed: input.len(), rejected: input.len(), fault: None };
            };
            self.skipping = false;
            start = at;
        }
        let rejected = start;
        loop {
            if self.scanned == 0 {
                start += json::spaces(&input[start..]);
            }
            let rest = &input[start..];
            let Some(at) = memchr(b'\n', &rest[self.scanned..]) else {
                if rest.len() > self.max {
                    return self.refuse(too_long(self.max), start, rejected);
                }
                self.scanned = rest.len();
                return Progress { consumed: start, rejected, fault: None };
            };
            let line = &rest[..self.scanned + at];
            if line.len() > self.max {
                return self.refuse(too_long(self.max), start, rejected);
            }
            let text = json::trimmed(line);
            if let Err(why) = scan::check(text) {
                return self.refuse(Fault::Broken(why), start, rejected);
            }
            out.push(start, start + text.len());
            start += line.len() + 1;
            self.scanned = 0;
            if out.is_full() {
                return Progress { consumed: start, rejected, fault: None };
            }
        }
    }

    fn end(&mut self, rest: &[u8]) -> Ending {
        match scan::check(json::trimmed(rest)) {
            _ if rest.is_empty() => Ending::Clean,
            Ok(()) => Ending::Whole,
            Err(_) => Ending::Cut { need: None },
        }
    }

    fn finish(&mut self, rest: &[u8], out: &mut Spans) -> Result<Ending, Fault> {
        let ending = self.end(rest);
        if ending == Ending::Whole {
            out.push(0, json::trimmed(rest).len());
        }
        Ok(ending)
    }

    fn encode(
        &mut self,
        message: Outbound<'_>,
        _: &Context<'_>,
        out: &mut Outgoing,
    ) -> Result<(), EncodeError> {
        if let Some(at) = memchr(b'\n', message.payload) {
            return Err(EncodeError::WouldSplit { at });
        }
        json::encode(message, self.max, b"", out)
    }

    fn resynchronises(&self) -> bool {
        self.rule.resync
    }
}

fn too_long(max: usize) -> Fault {
    Fault::TooLong { len: None, max }
}
