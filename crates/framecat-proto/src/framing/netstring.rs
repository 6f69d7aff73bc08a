//! `netstring`: the length in decimal digits, a colon, the payload, a comma
//! (<https://cr.yp.to/proto/netstrings.txt>).
//!
//! ```text
//!  INPUT              MESSAGES
//! +---+---+-------+---+----+---+---+    +-------+  +--+
//! | 5 | : | hello | , | 0  | : | , | →  | hello |  |  |
//! +---+---+-------+---+----+---+---+    +-------+  +--+
//! ```

use std::fmt;

use super::nearest::switches;
use super::{EncodeError, Ending, Fault, ParseFramingError, Progress};
use crate::message::{Context, Outbound, Outgoing, Spans};

/// Digits of the largest length that 64 bits hold.
const DIGITS: usize = 20;

/// The rule `netstring[,keep]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Netstring {
    /// Length, colon and comma stay on the message, and must be there when it is written.
    pub keep: bool,
}

impl Netstring {
    pub(super) fn parse(rest: &str) -> Result<Netstring, ParseFramingError> {
        let mut rule = Netstring::default();
        switches("netstring", rest, [("keep", &mut rule.keep)])?;
        Ok(rule)
    }
}

impl fmt::Display for Netstring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.keep { ",keep" } else { "" })
    }
}

pub(super) struct Framer {
    keep: bool,
    max: usize,
    /// The size of the message that the unconsumed input begins with, 0 if not yet known.
    need: usize,
}

/// What the bytes at the beginning of a message say.
enum Measured {
    /// The bytes of the length with its colon, and of the whole message.
    Size {
        head: usize,
        size: usize,
    },
    Short,
    Bad(Fault),
}

impl Framer {
    pub(super) fn new(rule: Netstring, max: usize) -> Framer {
        Framer { keep: rule.keep, max, need: 0 }
    }

    /// Reads the length digit by digit, so that an error does not depend on what has come behind it.
    #[inline]
    fn measure(&self, bytes: &[u8]) -> Measured {
        let mut len = 0u64;
        for (at, byte) in bytes.iter().enumerate() {
            match byte {
                b':' if at > 0 => return self.sized(at + 1, len),
                // One length has one form: only 0 itself begins with a zero.
                b'0'..=b'9' if at == 1 && bytes[0] == b'0' => {
                    return Measured::Bad(Fault::Broken("its length begins with a zero".into()));
                }
                b'0'..=b'9' => {
                    let longer =
                        len.checked_mul(10).and_then(|len| len.checked_add(u64::from(byte - b'0')));
                    let Some(longer) = longer else {
                        return Measured::Bad(Fault::TooLong { len: None, max: self.max });
                    };
                    len = longer;
                }
                _ => {
                    let due = if at == 0 {
                        "the first digit of its length is"
                    } else {
                        "a digit of its length or its colon is"
                    };
                    return Measured::Bad(Fault::Broken(format!(
                        "the byte {byte:02x} stands where {due} due"
                    )));
                }
            }
        }
        Measured::Short
    }

    fn sized(&self, head: usize, len: u64) -> Measured {
        let around = if self.keep { head as u64 + 1 } else { 0 };
        let told = len.saturating_add(around);
        if told > self.max as u64 {
            return Measured::Bad(Fault::TooLong { len: Some(told), max: self.max });
        }
        Measured::Size { head, size: head + len as usize + 1 }
    }

    #[cold]
    fn no_comma(len: usize) -> Fault {
        Fault::Broken(format!("its {len} bytes are not followed by a comma"))
    }

    /// With `keep` the payload is the whole message, so its length must speak of it.
    fn check(&self, payload: &[u8]) -> Result<(), EncodeError> {
        let len = payload.len();
        match self.measure(payload) {
            Measured::Bad(fault) => Err(EncodeError::Lacks(fault.to_string())),
            Measured::Short => Err(EncodeError::Lacks(
                "it does not bring its length and colon, as `keep` asks".into(),
            )),
            Measured::Size { size, .. } if size > len => Err(EncodeError::Lacks(format!(
                "its length speaks of {size} bytes and it has {len}"
            ))),
            Measured::Size { size, .. } if size < len => Err(EncodeError::WouldSplit { at: size }),
            Measured::Size { head, size } if payload[size - 1] != b',' => {
                Err(EncodeError::Lacks(Framer::no_comma(size - head - 1).to_string()))
            }
            Measured::Size { .. } => Ok(()),
        }
    }
}

/// Appends the decimal digits of `n` and a colon.
fn put_length(n: usize, out: &mut Outgoing) {
    let mut digits = [b':'; DIGITS + 1];
    let (mut at, mut n) = (DIGITS, n);
    loop {
        at -= 1;
        digits[at] = b'0' + (n % 10) as u8;
        n /= 10;
        if n == 0 {
            break;
        }
    }
    out.put(&digits[at..]);
}

impl super::Framer for Framer {
    fn decode(&mut self, input: &[u8], out: &mut Spans) -> Progress {
        if input.len() < self.need {
            return Progress::default();
        }
        self.need = 0;
        let mut start = 0;
        let fault = loop {
            let rest = &input[start..];
            let (head, size) = match self.measure(rest) {
                Measured::Size { head, size } => (head, size),
                Measured::Short => break None,
                Measured::Bad(fault) => break Some(fault),
            };
            if size > rest.len() {
                self.need = size;
                break None;
            }
            if rest[size - 1] != b',' {
                break Some(Framer::no_comma(size - head - 1));
            }
            match self.keep {
                true => out.push(start, start + size),
                false => out.push(start + head, start + size - 1),
            }
            start += size;
            if out.is_full() {
                break None;
            }
        };
        Progress { consumed: start, rejected: 0, fault }
    }

    fn end(&mut self, rest: &[u8]) -> Ending {
        if rest.is_empty() {
            return Ending::Clean;
        }
        Ending::Cut { need: (self.need > 0).then_some(self.need as u64) }
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
            out.put_payload(message);
        } else {
            put_length(len, out);
            out.put_payload(message);
            out.put(b",");
        }
        Ok(())
    }
}
