//! `syslog`: syslog over TCP, RFC 6587. The first byte tells how a message ends: a digit begins a
//! length (octet counting, section 3.4.1), `<` a message up to LF (section 3.4.2). Both may come on
//! one connection; written are lengths, which hold any bytes.
//!
//! ```text
//!  INPUT                                  MESSAGES
//! +---+----+-------------+---------+---+  +-------------+  +---------+
//! | 11| 20 | <13>1 hello | <13>old | ␊ |→ | <13>1 hello |  | <13>old |
//! +---+----+-------------+---------+---+  +-------------+  +---------+
//! ```

use std::fmt;
use std::io::Write as _;

use memchr::memchr;

use super::nearest::switches;
use super::{EncodeError, Ending, Fault, ParseFramingError, Progress};
use crate::message::{Context, Outbound, Outgoing, Spans};

/// Digits of a length: more than any maximum needs.
const DIGITS: usize = 10;

/// The rule `syslog[,keep]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Syslog {
    /// The length or the LF stays on the message, and must be there when it is written.
    pub keep: bool,
}

impl Syslog {
    pub(super) fn parse(rest: &str) -> Result<Syslog, ParseFramingError> {
        let mut rule = Syslog::default();
        switches("syslog", rest, [("keep", &mut rule.keep)])?;
        Ok(rule)
    }
}

impl fmt::Display for Syslog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.keep { ",keep" } else { "" })
    }
}

pub(super) struct Framer {
    keep: bool,
    max: usize,
    /// Bytes of the unconsumed input known to hold no LF.
    scanned: usize,
}

/// A message among the bytes that begin with it: its size, and where its payload lies.
struct Found {
    size: usize,
    payload: std::ops::Range<usize>,
}

impl Framer {
    pub(super) fn new(rule: Syslog, max: usize) -> Framer {
        Framer { keep: rule.keep, max, scanned: 0 }
    }

    fn find(&mut self, rest: &[u8]) -> Result<Option<Found>, Fault> {
        match rest.first() {
            None => Ok(None),
            Some(b'1'..=b'9') => self.counted(rest),
            Some(b'<') => self.line(rest),
            Some(other) => Err(Fault::Broken(format!(
                "it begins with `{}`, and a message of syslog with a length or `<`",
                other.escape_ascii()
            ))),
        }
    }

    fn counted(&self, rest: &[u8]) -> Result<Option<Found>, Fault> {
        let Some((head, len)) = length(rest).map_err(Fault::Broken)? else { return Ok(None) };
        let size = head as u64 + len;
        let kept = if self.keep { size } else { len };
        if kept > self.max as u64 {
            return Err(Fault::TooLong { len: Some(kept), max: self.max });
        }
        let size = size as usize;
        let lead = if self.keep { 0 } else { head };
        Ok((size <= rest.len()).then_some(Found { size, payload: lead..size }))
    }

    fn line(&mut self, rest: &[u8]) -> Result<Option<Found>, Fault> {
        let kept = usize::from(self.keep);
        // What is too long is told as that, whatever follows.
        let most = self.max.saturating_sub(kept);
        priority(&rest[..rest.len().min(most + 1)]).map_err(Fault::Broken)?;
        let lf = memchr(b'\n', &rest[self.scanned..]).map(|at| self.scanned + at);
        self.scanned = rest.len();
        if lf.unwrap_or(rest.len()) + kept > self.max {
            return Err(Fault::TooLong { len: None, max: self.max });
        }
        Ok(lf.map(|lf| Found { size: lf + 1, payload: 0..lf + kept }))
    }
}

/// The length that `rest` begins with and the bytes it takes, its space included.
fn length(rest: &[u8]) -> Result<Option<(usize, u64)>, String> {
    let digits = rest.iter().position(|byte| !byte.is_ascii_digit());
    match digits {
        None if rest.len() <= DIGITS => Ok(None),
        Some(digits) if digits <= DIGITS => match rest[digits] {
            b' ' => {
                let number = rest[..digits].iter().fold(0, |n, b| n * 10 + u64::from(b - b'0'));
                Ok(Some((digits + 1, number)))
            }
            other => Err(format!(
                "its length is followed by `{}` and not by a space",
                other.escape_ascii()
            )),
        },
        _ => Err(format!("its length has more than {DIGITS} digits")),
    }
}

/// `<`, one to three digits, `>`, as far as it is there.
fn priority(rest: &[u8]) -> Result<(), String> {
    for (at, byte) in rest.iter().enumerate().skip(1) {
        match byte {
            b'0'..=b'9' if at <= 3 => {}
            b'>' if at > 1 => return Ok(()),
            _ => return Err("it begins with `<`, and not with a priority such as `<13>`".into()),
        }
    }
    Ok(())
}

impl super::Framer for Framer {
    fn decode(&mut self, input: &[u8], out: &mut Spans) -> Progress {
        let mut start = 0;
        loop {
            let Found { size, payload } = match self.find(&input[start..]) {
                Ok(Some(found)) => found,
                Ok(None) => return Progress { consumed: start, ..Progress::default() },
                Err(fault) => return Progress { consumed: start, rejected: 0, fault: Some(fault) },
            };
            out.push(start + payload.start, start + payload.end);
            start += size;
            self.scanned = 0;
            if out.is_full() {
                return Progress { consumed: start, ..Progress::default() };
            }
        }
    }

    fn end(&mut self, rest: &[u8]) -> Ending {
        match rest.first() {
            None => Ending::Clean,
            Some(b'<') => Ending::Cut { need: None },
            Some(_) => {
                let known = length(rest).ok().flatten();
                Ending::Cut { need: known.map(|(head, len)| head as u64 + len) }
            }
        }
    }

    fn encode(
        &mut self,
        message: Outbound<'_>,
        _: &Context<'_>,
        out: &mut Outgoing,
    ) -> Result<(), EncodeError> {
        let len = message.payload.len();
        if len > self.max {
            return Err(EncodeError::DoesNotFit { len, max: self.max as u64 });
        }
        if self.keep {
            self.check(message.payload)?;
        } else if len == 0 {
            return Err(EncodeError::Lacks(
                "it is empty, and a length of syslog is at least 1".into(),
            ));
        } else {
            // Writing to memory cannot fail.
            let _ = write!(out.buf(), "{len} ");
        }
        out.put_payload(message);
        Ok(())
    }
}

impl Framer {
    /// With `,keep` the payload is the whole message: its length or its only LF must end it.
    fn check(&self, payload: &[u8]) -> Result<(), EncodeError> {
        let lacks = |why: &str| EncodeError::Lacks(why.into());
        let mut framer = Framer { scanned: 0, ..*self };
        match framer.find(payload) {
            Ok(Some(found)) if found.size == payload.len() => Ok(()),
            Ok(Some(found)) => Err(EncodeError::WouldSplit { at: found.size }),
            Ok(None) => Err(lacks("it brings neither its length nor its LF, as `keep` asks")),
            Err(fault) => Err(EncodeError::Lacks(fault.to_string())),
        }
    }
}
