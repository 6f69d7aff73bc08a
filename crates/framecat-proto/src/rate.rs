//! How fast to send: `--rate`.

use std::fmt;
use std::str::FromStr;

use crate::options::{ParseOptionError, parse_size};
use crate::quantity::print_size;

const SECOND_NS: u64 = 1_000_000_000;

/// What fell behind by more than this is not made up for: after a pause there is no burst. Less is, for
/// timers and busy machines are late by as much, and the rate would drift.
const SLACK_NS: u64 = SECOND_NS / 20;

/// So many messages or bytes in a second, a minute or an hour: `10`, `10/s`, `30/m`, `5/h`, `64KiB/s`.
/// Prints back in the same words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// Of what.
    pub of: Unit,
    amount: u64,
    per: char,
}

/// What a rate counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Messages.
    Messages,
    /// Bytes on the wire, framing included.
    Bytes,
}

impl Rate {
    /// How many of its unit come in so many nanoseconds; at least 1.
    pub fn within(&self, ns: u64) -> u64 {
        let many = u128::from(self.amount) * u128::from(ns) / u128::from(self.per_ns());
        u64::try_from(many).unwrap_or(u64::MAX).max(1)
    }

    fn per_ns(&self) -> u64 {
        match self.per {
            'h' => 3600 * SECOND_NS,
            'm' => 60 * SECOND_NS,
            _ => SECOND_NS,
        }
    }
}

impl FromStr for Rate {
    type Err = ParseOptionError;

    fn from_str(text: &str) -> Result<Rate, ParseOptionError> {
        let wrong = |problem: &str| ParseOptionError {
            problem: format!("`{text}` {problem}"),
            remedy: "write messages as 10, 10/s, 30/m or 5/h, and bytes as 500B/s or 64KiB/s"
                .into(),
        };
        let (amount, per) = match text.split_once('/') {
            None => (text, 's'),
            Some((amount, "s")) => (amount, 's'),
            Some((amount, "m")) => (amount, 'm'),
            Some((amount, "h")) => (amount, 'h'),
            Some(_) => return Err(wrong("is no rate: behind the / stands s, m or h")),
        };
        let digits = !amount.is_empty() && amount.bytes().all(|byte| byte.is_ascii_digit());
        let (of, number) = match amount {
            _ if digits => (Unit::Messages, amount.parse().map_err(|_| wrong("is too fast"))?),
            // 10k might be messages too.
            _ if amount.ends_with('B') => {
                (Unit::Bytes, parse_size(amount).map_err(|_| wrong("is no rate"))?)
            }
            _ => return Err(wrong("is no rate")),
        };
        match number {
            0 => Err(wrong("sends nothing at all")),
            amount => Ok(Rate { of, amount, per }),
        }
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Rate { of, amount, per } = self;
        match of {
            Unit::Messages => write!(f, "{amount}/{per}"),
            Unit::Bytes => {
                let size = print_size(*amount);
                let unit = if size.ends_with('B') { "" } else { "B" };
                write!(f, "{size}{unit}/{per}")
            }
        }
    }
}

/// When the next may go under a [`Rate`]. It counts from the first in whole numbers, so that it never
/// drifts; times are nanoseconds of any clock that only goes on.
#[derive(Debug, Clone)]
pub struct Pace {
    rate: Rate,
    due_ns: u64,
    /// What is missing to the next nanosecond, in parts of `amount`.
    rest: u128,
}

impl Pace {
    /// Nothing was sent yet.
    pub fn new(rate: Rate) -> Pace {
        Pace { rate, due_ns: 0, rest: 0 }
    }

    /// When the next may go.
    pub fn due_ns(&self) -> u64 {
        self.due_ns
    }

    /// So many go now.
    pub fn spend(&mut self, amount: u64, now_ns: u64) {
        let earliest = now_ns.saturating_sub(SLACK_NS);
        if self.due_ns < earliest {
            (self.due_ns, self.rest) = (earliest, 0);
        }
        let parts = u128::from(amount) * u128::from(self.rate.per_ns()) + self.rest;
        let whole = u64::try_from(parts / u128::from(self.rate.amount)).unwrap_or(u64::MAX);
        self.due_ns = self.due_ns.saturating_add(whole);
        self.rest = parts % u128::from(self.rate.amount);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn rates_are_of_messages_or_bytes() {
        for (text, printed) in [
            ("10", "10/s"),
            ("10/s", "10/s"),
            ("30/m", "30/m"),
            ("1/h", "1/h"),
            ("500B/s", "500B/s"),
            ("64KiB/s", "64KiB/s"),
            ("1MB/m", "1000000B/m"),
            ("1.5KiB", "1536B/s"),
        ] {
            let rate: Rate = text.parse().expect(text);
            assert_eq!(rate.to_string(), printed);
            assert_eq!(printed.parse::<Rate>().expect(printed), rate);
        }
        for text in [
            "",
            "/s",
            "0",
            "0/m",
            "0B/s",
            "10k",
            "10k/s",
            "-1",
            "1.5",
            "10/d",
            "10/",
            "10//s",
            "fast",
            "99999999999999999999",
            "10kb/s",
            "1e3",
        ] {
            let error = text.parse::<Rate>().expect_err(text);
            assert!(error.problem.contains(text) && error.remedy.contains("64KiB/s"), "{error:?}");
        }
    }

    proptest! {
        #[test]
        fn a_pace_never_drifts(
            amount in 1..=5_000_000_u64,
            per in prop::sample::select(vec!['s', 'm', 'h']),
            late in prop::collection::vec(0..SLACK_NS, 1..200),
        ) {
            let rate = Rate { of: Unit::Messages, amount, per };
            let mut pace = Pace::new(rate);
            let begin = 10 * SECOND_NS;
            pace.spend(1, begin);
            let begun = begin - SLACK_NS;
            let (mut sent, mut now) = (1_u128, begin);
            for late in late {
                // However late each is within the slack, the sum is what the rate says.
                now = now.max(pace.due_ns()) + late;
                let behind = now - pace.due_ns();
                pace.spend(1, now);
                sent += 1;
                if behind > SLACK_NS {
                    return Ok(());
                }
                let exact = u128::from(begun) + sent * u128::from(rate.per_ns()) / u128::from(amount);
                prop_assert_eq!(u128::from(pace.due_ns()), exact);
            }
        }

        #[test]
        fn after_a_pause_there_is_no_burst(amount in 1..1_000_000_u64, pause in 0..3600 * SECOND_NS) {
            let rate = Rate { of: Unit::Bytes, amount, per: 's' };
            let mut pace = Pace::new(rate);
            let now = SECOND_NS + pause;
            let mut at_once = 0;
            while pace.due_ns() <= now {
                pace.spend(1, now);
                at_once += 1;
            }
            prop_assert!(at_once <= rate.within(SLACK_NS) + 1);
        }
    }
}
