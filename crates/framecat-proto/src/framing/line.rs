//! `line`: a message ends at LF. A CR before it stays in the payload, so that decoding and encoding
//! give the same bytes; what shows messages to people leaves it out.
//!
//! ```text
//!  INPUT                      MESSAGES
//! +---------+----+----+      +---------+  +--+
//! | hello\r | \n | \n |  →   | hello\r |  |  |
//! +---------+----+----+      +---------+  +--+
//! ```

use std::fmt;

use memchr::{memchr, memchr_iter};

use super::nearest::{options, unknown_option};
use super::{EncodeError, Ending, Fault, ParseFramingError, Progress};
use crate::message::{Context, Outbound, Outgoing, Spans};

/// The rule `line[,keep][,resync]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Line {
    /// The LF stays on the message, and must be there when it is written.
    pub keep: bool,
    /// After a line that is too long, go on with the next one.
    pub resync: bool,
}

impl Line {
    pub(super) fn parse(rest: &str) -> Result<Line, ParseFramingError> {
        if rest.starts_with(':') {
            return Err(ParseFramingError {
                problem: format!("the framing `line` takes no argument, but `{rest}` follows"),
                remedy: "write line[,keep][,resync]; another marker is delim:BYTES".into(),
            });
        }
        let mut line = Line::default();
        for word in options(rest) {
            match word {
                "keep" => line.keep = true,
                "resync" => line.resync = true,
                _ => return Err(unknown_option("line", word, &["keep", "resync"])),
            }
        }
        Ok(line)
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.keep { ",keep" } else { "" })?;
        f.write_str(if self.resync { ",resync" } else { "" })
    }
}

pub(super) struct Framer {
    rule: Line,
    max: usize,
    /// Bytes of the unconsumed input known to hold no LF.
    scanned: usize,
    /// Inside a line that was too long: reject up to its LF.
    skipping: bool,
}

impl Framer {
    pub(super) fn new(rule: Line, max: usize) -> Framer {
        Framer { rule, max, scanned: 0, skipping: false }
    }

    fn too_long(&mut self, start: usize, rejected: usize) -> Progress {
        self.scanned = 0;
        self.skipping = self.rule.resync;
        let fault = Some(Fault::TooLong { len: None, max: self.max });
        Progress { consumed: start, rejected, fault }
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
            start = at + 1;
        }
        let rejected = start;
        let from = start.max(self.scanned);
        let kept = usize::from(self.rule.keep);
        for at in memchr_iter(b'\n', &input[from..]) {
            let lf = from + at;
            let end = lf + kept;
            if end - start > self.max {
                return self.too_long(start, rejected);
            }
            out.push(start, end);
            start = lf + 1;
            if out.is_full() {
                self.scanned = 0;
                return Progress { consumed: start, rejected, fault: None };
            }
        }
        let rest = input.len() - start;
        if rest > 0 && rest + kept > self.max {
            return self.too_long(start, rejected);
        }
        self.scanned = rest;
        Progress { consumed: start, rejected, fault: None }
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
        match (memchr(b'\n', payload), self.rule.keep) {
            (Some(at), true) if at + 1 == payload.len() => out.put_payload(message),
            (Some(at), _) => return Err(EncodeError::WouldSplit { at }),
            (None, _) if message.cut => out.put_payload(message),
            (None, true) => {
                return Err(EncodeError::Lacks("it does not end in LF, as `keep` asks".into()));
            }
            (None, false) => {
                out.put_payload(message);
                out.put(b"\n");
            }
        }
        Ok(())
    }

    fn resynchronises(&self) -> bool {
        self.rule.resync
    }
}
