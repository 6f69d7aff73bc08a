//! `fixed:N`: every message has N bytes, so nothing is written between them.
//!
//! ```text
//!  INPUT (fixed:3)            MESSAGES
//! +-----+-----+-- -         +-----+  +-----+
//! | abc | def | g     →     | abc |  | def |    and 1 of 3 bytes
//! +-----+-----+-- -         +-----+  +-----+
//! ```

use std::fmt;

use super::nearest::{options, unknown_option};
use super::{EncodeError, Ending, Fault, ParseFramingError, Progress};
use crate::limits::MESSAGE_BYTES_CEILING;
use crate::message::{Context, Outbound, Outgoing, Spans};

/// The rule `fixed:N`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fixed {
    size: usize,
}

impl Fixed {
    /// The bytes of every message: at least 1, at most
    /// [`MESSAGE_BYTES_CEILING`].
    pub fn size(self) -> usize {
        self.size
    }

    pub(super) fn parse(rest: &str) -> Result<Fixed, ParseFramingError> {
        let remedy = || format!("write fixed:N, N from 1 to {MESSAGE_BYTES_CEILING}");
        let (number, after) = rest.split_at(rest.find(',').unwrap_or(rest.len()));
        if let Some(word) = options(after).next() {
            if word == "keep" {
                return Err(ParseFramingError {
                    problem: "the framing `fixed` has no header or trailer to keep".into(),
                    remedy: remedy(),
                });
            }
            return Err(unknown_option("fixed", word, &[]));
        }
        let digits = number.strip_prefix(':').unwrap_or_default();
        match digits.parse::<usize>() {
            Ok(size @ 1..=MESSAGE_BYTES_CEILING) if !digits.starts_with('+') => Ok(Fixed { size }),
            _ => Err(ParseFramingError {
                problem: format!("the framing `fixed` needs its number of bytes, not `{digits}`"),
                remedy: remedy(),
            }),
        }
    }
}

impl fmt::Display for Fixed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, ":{}", self.size)
    }
}

pub(super) struct Framer {
    size: usize,
    max: usize,
}

impl Framer {
    pub(super) fn new(rule: Fixed, max: usize) -> Framer {
        Framer { size: rule.size, max }
    }
}

impl super::Framer for Framer {
    fn decode(&mut self, input: &[u8], out: &mut Spans) -> Progress {
        if self.size > self.max && !input.is_empty() {
            let fault = Some(Fault::TooLong { len: Some(self.size as u64), max: self.max });
            return Progress { fault, ..Progress::default() };
        }
        let consumed = input.len() - input.len() % self.size;
        for start in (0..consumed).step_by(self.size) {
            out.push(start, start + self.size);
        }
        Progress { consumed, ..Progress::default() }
    }

    fn end(&mut self, rest: &[u8]) -> Ending {
        if rest.is_empty() { Ending::Clean } else { Ending::Cut { need: Some(self.size as u64) } }
    }

    fn encode(
        &mut self,
        message: Outbound<'_>,
        _: &Context<'_>,
        out: &mut Outgoing,
    ) -> Result<(), EncodeError> {
        let len = message.payload.len();
        if len != self.size {
            return Err(EncodeError::WrongLength { len, want: self.size });
        }
        if len > self.max {
            return Err(EncodeError::DoesNotFit { len, max: self.max as u64 });
        }
        out.put_payload(message);
        Ok(())
    }
}
