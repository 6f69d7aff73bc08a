//! Times and numbers as the forms write them.

use std::io::Write as _;
use std::time::{Duration, UNIX_EPOCH};

const NS: u64 = 1_000_000_000;

/// Writes times as RFC 3339 in UTC with nine decimals, and remembers the last second's text: the
/// messages of a busy second differ in the decimals only.
#[derive(Debug, Default)]
pub(crate) struct Instants {
    second: u64,
    /// `2026-11-22T04:30:00`, or empty before the first.
    text: Vec<u8>,
}

impl Instants {
    /// Appends `2026-11-22T04:30:00.123456789Z` for `ns` nanoseconds since 1970.
    pub(crate) fn put(&mut self, ns: u64, out: &mut Vec<u8>) {
        let second = ns / NS;
        if self.text.is_empty() || self.second != second {
            self.second = second;
            self.text.clear();
            let time = UNIX_EPOCH + Duration::from_secs(second);
            // 64 bits of nanoseconds end in 2554, humantime in 9999; writing to a vector never fails.
            let _ = write!(self.text, "{}", humantime::format_rfc3339_seconds(time));
            self.text.pop();
        }
        out.extend_from_slice(&self.text);
        let mut decimals = *b".000000000Z";
        let mut rest = ns % NS;
        for digit in decimals[1..10].iter_mut().rev() {
            *digit += (rest % 10) as u8;
            rest /= 10;
        }
        out.extend_from_slice(&decimals);
    }
}

/// Appends the time `ns` nanoseconds after 1970 as the form `jsonl` writes it: RFC 3339 in UTC with
/// nine decimals.
pub fn put_time(ns: u64, out: &mut Vec<u8>) {
    Instants::default().put(ns, out);
}

/// Appends a number in decimal.
pub(crate) fn put_decimal(mut number: u64, out: &mut Vec<u8>) {
    let mut digits = [b'0'; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] += (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}
