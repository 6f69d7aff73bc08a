//! `fix`: a FIX message in its tag=value encoding (FIX TagValue Encoding 1.1, and FIX 4.2 volume 1).
//! It says its length and its checksum, and both are checked; the fields end with SOH (01), drawn as
//! `|`.
//!
//! ```text
//!  8=FIX.4.4|9=5|35=0|10=163|
//!                └ 5 ┘   └ the sum of all bytes before `10=`, modulo 256
//! ```

use super::{EncodeError, Ending, Fault, Progress};
use crate::message::{Context, Outbound, Outgoing, Spans};

const SOH: u8 = 1;

/// The longest BeginString field that is accepted: `8=FIXT.1.1` has 10 bytes.
const BEGIN_BYTES: usize = 16;

/// Digits of a BodyLength, leading zeros included.
const LENGTH_DIGITS: usize = 10;

/// `10=ccc|`
const TRAILER_BYTES: usize = 7;

pub(super) struct Framer {
    max: usize,
}

enum Measured {
    Size(usize),
    Short,
    Bad(Fault),
}

fn broken(problem: impl Into<String>) -> Measured {
    Measured::Bad(Fault::Broken(problem.into()))
}

impl Framer {
    pub(super) fn new(max: usize) -> Framer {
        Framer { max }
    }

    /// Reads `8=FIX…|9=length|`: the size of the whole message.
    fn measure(&self, rest: &[u8]) -> Measured {
        let Some(at) = rest.iter().take(BEGIN_BYTES).position(|byte| *byte == SOH) else {
            let begun = begins(rest, b"8=FIX") && rest.len() < BEGIN_BYTES;
            return if begun { Measured::Short } else { broken("it does not begin with 8=FIX") };
        };
        if !rest.starts_with(b"8=FIX") {
            return broken("it does not begin with 8=FIX");
        }
        let field = &rest[at + 1..];
        if !begins(field, b"9=") {
            return broken("its second field is not 9=, the BodyLength");
        }
        let Some(digits) = field.get(2..) else { return Measured::Short };
        let mut length = 0_u64;
        for (i, byte) in digits.iter().enumerate() {
            match byte {
                b'0'..=b'9' if i < LENGTH_DIGITS => length = length * 10 + u64::from(byte - b'0'),
                &SOH if i > 0 => {
                    let size = (at + 1 + 2 + i + 1) as u64 + length + TRAILER_BYTES as u64;
                    if size > self.max as u64 {
                        return Measured::Bad(Fault::TooLong { len: Some(size), max: self.max });
                    }
                    return Measured::Size(size as usize);
                }
                _ => return broken("its BodyLength is no number of at most 10 digits"),
            }
        }
        Measured::Short
    }
}

/// Whether `bytes` begin with `word`, as far as they go.
fn begins(bytes: &[u8], word: &[u8]) -> bool {
    let there = bytes.len().min(word.len());
    bytes[..there] == word[..there]
}

/// Whether a message of the right size ends as it must.
fn check(message: &[u8]) -> Result<(), Fault> {
    let (body, trailer) = message.split_at(message.len() - TRAILER_BYTES);
    let [b'1', b'0', b'=', a @ b'0'..=b'9', b @ b'0'..=b'9', c @ b'0'..=b'9', SOH] = trailer else {
        return Err(Fault::Broken("its BodyLength does not lead to 10=, the CheckSum".into()));
    };
    if !body.ends_with(&[SOH]) {
        return Err(Fault::Broken("its BodyLength leads into the middle of a field".into()));
    }
    let said = u32::from(a - b'0') * 100 + u32::from(b - b'0') * 10 + u32::from(c - b'0');
    let sum = body.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte));
    if said != u32::from(sum) {
        return Err(Fault::Broken(format!(
            "its checksum says {said:03}, its bytes have the sum {sum:03}"
        )));
    }
    Ok(())
}

impl super::Framer for Framer {
    fn decode(&mut self, input: &[u8], out: &mut Spans) -> Progress {
        let mut start = 0;
        while start < input.len() && !out.is_full() {
            let rest = &input[start..];
            let stop = |fault| Progress { consumed: start, rejected: 0, fault: Some(fault) };
            match self.measure(rest) {
                Measured::Short => break,
                Measured::Bad(fault) => return stop(fault),
                Measured::Size(size) if size > rest.len() => break,
                Measured::Size(size) => {
                    if let Err(fault) = check(&rest[..size]) {
                        return stop(fault);
                    }
                    out.push(start, start + size);
                    start += size;
                }
            }
        }
        Progress { consumed: start, ..Progress::default() }
    }

    fn end(&mut self, rest: &[u8]) -> Ending {
        match self.measure(rest) {
            _ if rest.is_empty() => Ending::Clean,
            Measured::Size(size) => Ending::Cut { need: Some(size as u64) },
            _ => Ending::Cut { need: None },
        }
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
        match self.measure(payload) {
            Measured::Short => {
                return Err(EncodeError::Lacks("it must begin with 8=FIX…|9=length|".into()));
            }
            Measured::Bad(fault) => return Err(EncodeError::Lacks(fault.to_string())),
            Measured::Size(size) => super::whole(payload, size)?,
        }
        check(payload).map_err(|fault| EncodeError::Lacks(fault.to_string()))?;
        out.put_payload(message);
        Ok(())
    }
}
