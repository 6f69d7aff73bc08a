//! `gap:TIME`: a message ends after TIME of silence.
//!
//! ```text
//!  INPUT (gap:100ms)                   MESSAGES
//! +-------+--------+-------+--- -     +-------+  +-------+
//! | hello | 100 ms | world |      →   | hello |  | world |
//! +-------+--------+-------+--- -     +-------+  +-------+
//! ```
//! There is no clock here: the framer says how long the silence is, and whoever reads tells
//! [`Decoder::silent`](super::Decoder::silent) when it came. Of the laws it keeps that messages are
//! the input, and not that the split of the input does not matter.

use std::fmt;
use std::time::Duration;

use super::nearest::{options, unknown_option};
use super::{EncodeError, Ending, Fault, ParseFramingError, Progress};
use crate::message::{Context, Outbound, Outgoing, Spans};
use crate::quantity::{parse_time, print_time};

/// What timers tell apart.
const LEAST: Duration = Duration::from_millis(1);
/// A message waits for this long in memory, and whoever waits for it.
const MOST: Duration = Duration::from_secs(3600);

/// The rule `gap:TIME`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gap {
    silence: Duration,
}

impl Gap {
    /// The silence that ends a message: from 1 ms to 1 h.
    pub fn silence(self) -> Duration {
        self.silence
    }

    pub(super) fn parse(rest: &str) -> Result<Gap, ParseFramingError> {
        let remedy = || "write gap:TIME, as in gap:50ms; TIME from 1ms to 1h".into();
        let (time, after) = rest.split_at(rest.find(',').unwrap_or(rest.len()));
        if let Some(word) = options(after).next() {
            if word == "keep" {
                let problem = "the framing `gap` has no header or trailer to keep".into();
                return Err(ParseFramingError { problem, remedy: remedy() });
            }
            return Err(unknown_option("gap", word, &[]));
        }
        let Some(time) = time.strip_prefix(':').filter(|time| !time.is_empty()) else {
            let problem = "the framing `gap` needs the time of its silence".into();
            return Err(ParseFramingError { problem, remedy: remedy() });
        };
        match parse_time(time) {
            Ok(silence) if (LEAST..=MOST).contains(&silence) => Ok(Gap { silence }),
            Ok(_) => Err(ParseFramingError {
                problem: format!("in the framing `gap`, `{time}` is too short or too long"),
                remedy: remedy(),
            }),
            Err(error) => Err(ParseFramingError {
                problem: format!("in the framing `gap`, {}", error.problem),
                remedy: error.remedy,
            }),
        }
    }
}

impl fmt::Display for Gap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, ":{}", print_time(self.silence))
    }
}

pub(super) struct Framer {
    silence: Duration,
    max: usize,
}

impl Framer {
    pub(super) fn new(rule: Gap, max: usize) -> Framer {
        Framer { silence: rule.silence, max }
    }
}

impl super::Framer for Framer {
    fn decode(&mut self, input: &[u8], _: &mut Spans) -> Progress {
        let too_long = input.len() > self.max;
        let fault = too_long.then_some(Fault::TooLong { len: None, max: self.max });
        Progress { fault, ..Progress::default() }
    }

    fn end(&mut self, rest: &[u8]) -> Ending {
        // Behind the end it is silent for good.
        if rest.is_empty() { Ending::Clean } else { Ending::Whole }
    }

    fn encode(
        &mut self,
        message: Outbound<'_>,
        _: &Context<'_>,
        out: &mut Outgoing,
    ) -> Result<(), EncodeError> {
        let len = message.payload.len();
        if len == 0 {
            return Err(EncodeError::Empty);
        }
        if len > self.max {
            return Err(EncodeError::DoesNotFit { len, max: self.max as u64 });
        }
        out.put_payload(message);
        Ok(())
    }

    fn silence(&self) -> Option<Duration> {
        Some(self.silence)
    }
}
