//! `stx`: a message stands between STX (02) and ETX (03). With `,dle` it stands between DLE STX and
//! DLE ETX (ANSI X3.28, transparent), and a DLE (10) within it is written twice.
//!
//! ```text
//!  INPUT (stx)               MESSAGES
//! +----+-------+----+----+----+    +-------+  +--+
//! | 02 | hello | 03 | 02 | 03 | →  | hello |  |  |
//! +----+-------+----+----+----+    +-------+  +--+
//!
//!  INPUT (stx,dle)                      MESSAGE
//! +-------+-----+-------+-----+-------+   +----------+
//! | 10 02 |  a  | 10 10 |  03 | 10 03 | → | a  10 03 |
//! +-------+-----+-------+-----+-------+   +----------+
//! ```

use std::fmt;

use memchr::{memchr, memchr_iter, memchr2};

use super::nearest::{nothing_to_keep, switches};
use super::{EncodeError, Ending, Fault, ParseFramingError, Progress};
use crate::message::{Context, Outbound, Outgoing, Spans};

const STX: u8 = 0x02;
const ETX: u8 = 0x03;
const DLE: u8 = 0x10;

/// The rule `stx[,dle][,keep][,resync]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stx {
    /// DLE STX and DLE ETX in place of STX and ETX, so that a message may hold any byte.
    pub dle: bool,
    /// STX and ETX stay on the message, and must be there when it is written. Not with `dle`.
    pub keep: bool,
    /// After a broken message, go on with the next STX.
    pub resync: bool,
}

impl Stx {
    pub(super) fn parse(rest: &str) -> Result<Stx, ParseFramingError> {
        let mut rule = Stx::default();
        switches(
            "stx",
            rest,
            [("dle", &mut rule.dle), ("keep", &mut rule.keep), ("resync", &mut rule.resync)],
        )?;
        if rule.dle && rule.keep {
            return Err(nothing_to_keep("stx,dle", r"delim:\x10\x03,keep"));
        }
        Ok(rule)
    }

    pub(super) fn framer(self, max: usize) -> Box<dyn super::Framer> {
        match self.dle {
            true => Box::new(Doubled { max, resync: self.resync, ..Doubled::default() }),
            false => Box::new(Plain { rule: self, max, scanned: 0, skipping: None }),
        }
    }
}

impl fmt::Display for Stx {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.dle { ",dle" } else { "" })?;
        f.write_str(if self.keep { ",keep" } else { "" })?;
        f.write_str(if self.resync { ",resync" } else { "" })
    }
}

#[cold]
fn begins_with(byte: u8, due: &str) -> Fault {
    Fault::Broken(format!("the byte {byte:02x} stands where {due} is due"))
}

#[cold]
fn another_begins() -> Fault {
    Fault::Broken("another one begins before it has ended".into())
}

/// `stx` without `dle`.
struct Plain {
    rule: Stx,
    max: usize,
    /// Bytes of the unconsumed input known to hold neither STX nor ETX, the first STX apart.
    scanned: usize,
    /// Behind a broken message: reject so many bytes, and then up to the next STX.
    skipping: Option<usize>,
}

impl Plain {
    fn fault(&mut self, (start, rejected): (usize, usize), begun: bool, fault: Fault) -> Progress {
        self.scanned = 0;
        self.skipping = self.rule.resync.then_some(usize::from(begun));
        Progress { consumed: start, rejected, fault: Some(fault) }
    }
}

impl super::Framer for Plain {
    fn decode(&mut self, input: &[u8], out: &mut Spans) -> Progress {
        let mut start = 0;
        if let Some(lead) = self.skipping.take() {
            let lead = lead.min(input.len());
            let Some(at) = memchr(STX, &input[lead..]) else {
                self.skipping = Some(0);
                return Progress { consumed: input.len(), rejected: input.len(), fault: None };
            };
            start = lead + at;
        }
        let rejected = start;
        let kept = if self.rule.keep { 2 } else { 0 };
        let too_long = Fault::TooLong { len: None, max: self.max };
        loop {
            let rest = &input[start..];
            match rest.first() {
                None => break,
                Some(&STX) => {}
                Some(byte) => {
                    let fault = begins_with(*byte, "the 02 of a message");
                    return self.fault((start, rejected), false, fault);
                }
            }
            let from = self.scanned.max(1);
            let mark = memchr2(STX, ETX, &rest[from..]).map(|at| from + at);
            // Payload bytes until there; what is kept around them counts, too.
            let len = mark.unwrap_or(rest.len()) - 1;
            if len + kept > self.max {
                return self.fault((start, rejected), true, too_long);
            }
            let Some(mark) = mark else {
                self.scanned = rest.len();
                break;
            };
            if rest[mark] == STX {
                return self.fault((start, rejected), true, another_begins());
            }
            match self.rule.keep {
                true => out.push(start, start + mark + 1),
                false => out.push(start + 1, start + mark),
            }
            self.scanned = 0;
            start += mark + 1;
            if out.is_full() {
                break;
            }
        }
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
        let (inside, lead) = match (self.rule.keep, payload) {
            (false, inside) => (inside, 0),
            (true, [STX, inside @ .., ETX]) => (inside, 1),
            (true, _) => {
                let lacks = "it does not begin in 02 and end in 03, as `keep` asks";
                return Err(EncodeError::Lacks(lacks.into()));
            }
        };
        if let Some(at) = memchr2(STX, ETX, inside) {
            return Err(EncodeError::WouldSplit { at: lead + at });
        }
        if self.rule.keep {
            out.put_payload(message);
        } else {
            out.put(&[STX]);
            out.put_payload(message);
            out.put(&[ETX]);
        }
        Ok(())
    }

    fn resynchronises(&self) -> bool {
        self.rule.resync
    }
}

/// `stx,dle`.
#[derive(Default)]
struct Doubled {
    max: usize,
    resync: bool,
    /// Bytes of the unconsumed input that were looked at: no DLE ETX is among them.
    scanned: usize,
    /// Doubled DLEs among those; each is one byte less in the payload.
    doubled: usize,
    /// As in [`Plain`], up to the next DLE STX.
    skipping: Option<usize>,
}

impl Doubled {
    fn fault(&mut self, (start, rejected): (usize, usize), begun: bool, fault: Fault) -> Progress {
        (self.scanned, self.doubled) = (0, 0);
        // Behind its own DLE STX the DLEs of a message come in pairs again.
        self.skipping = self.resync.then_some(if begun { 2 } else { 0 });
        Progress { consumed: start, rejected, fault: Some(fault) }
    }

    /// Looks for the next message in a payload or in noise: where DLE STX begins, or how many bytes
    /// hold none.
    fn hunt(input: &[u8], lead: usize) -> Result<usize, usize> {
        let mut seen = lead.min(input.len());
        while let Some(at) = memchr(DLE, &input[seen..]) {
            let at = seen + at;
            match input.get(at + 1) {
                Some(&STX) => return Ok(at),
                Some(&DLE) => seen = at + 2,
                Some(_) => seen = at + 1,
                None => return Err(at),
            }
        }
        Err(input.len())
    }
}

/// What became of the message at the beginning of some bytes.
enum Found {
    /// It ends before this place, so many of its DLEs are doubled.
    Whole(usize, usize),
    More,
    Bad(Fault),
}

impl Doubled {
    /// Looks at the message that `rest` begins with.
    fn find(&mut self, rest: &[u8]) -> Found {
        for (byte, want) in rest.iter().zip([DLE, STX]) {
            if *byte != want {
                return Found::Bad(begins_with(*byte, "the 10 02 of a message"));
            }
        }
        let from = self.scanned.max(2);
        if rest.len() < from {
            return Found::More;
        }
        let too_long = |upto: usize, doubled: usize| upto - 2 - doubled > self.max;
        let mut doubled = self.doubled;
        let mut seen = from;
        for at in memchr_iter(DLE, &rest[from..]) {
            let at = from + at;
            if at < seen {
                continue;
            }
            if too_long(at, doubled) {
                return Found::Bad(Fault::TooLong { len: None, max: self.max });
            }
            match rest.get(at + 1) {
                Some(&DLE) => doubled += 1,
                Some(&ETX) => return Found::Whole(at, doubled),
                Some(&STX) => return Found::Bad(another_begins()),
                Some(byte) => {
                    let text =
                        format!("its 10 is followed by {byte:02x}, which is neither 10 nor 03");
                    return Found::Bad(Fault::Broken(text));
                }
                None => {
                    (self.scanned, self.doubled) = (at, doubled);
                    return Found::More;
                }
            }
            seen = at + 2;
        }
        if too_long(rest.len(), doubled) {
            return Found::Bad(Fault::TooLong { len: None, max: self.max });
        }
        (self.scanned, self.doubled) = (rest.len(), doubled);
        Found::More
    }
}

impl super::Framer for Doubled {
    fn decode(&mut self, input: &[u8], out: &mut Spans) -> Progress {
        let mut start = 0;
        if let Some(lead) = self.skipping.take() {
            match Doubled::hunt(input, lead) {
                Ok(at) => start = at,
                Err(none) => {
                    self.skipping = Some(0);
                    return Progress { consumed: none, rejected: none, fault: None };
                }
            }
        }
        let rejected = start;
        loop {
            let rest = &input[start..];
            let (end, doubled) = match self.find(rest) {
                Found::Whole(end, doubled) => (end, doubled),
                Found::More => break,
                Found::Bad(fault) => {
                    let begun = rest.starts_with(&[DLE, STX]);
                    return self.fault((start, rejected), begun, fault);
                }
            };
            (self.scanned, self.doubled) = (0, 0);
            if doubled == 0 {
                out.push(start + 2, start + end);
            } else {
                let built: Result<(), Fault> = out.push_built(|own| {
                    undouble(&rest[2..end], own);
                    Ok(())
                });
                debug_assert!(built.is_ok());
            }
            start += end + 2;
            if out.is_full() {
                break;
            }
        }
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
        out.put(&[DLE, STX]);
        match memchr(DLE, payload) {
            None => out.put_payload(message),
            Some(_) => double(payload, out.buf()),
        }
        out.put(&[DLE, ETX]);
        Ok(())
    }

    fn resynchronises(&self) -> bool {
        self.resync
    }
}

/// Appends `bytes`, in which every DLE is doubled, with one in place of each two.
fn undouble(bytes: &[u8], out: &mut Vec<u8>) {
    let mut copied = 0;
    let mut second = usize::MAX;
    for at in memchr_iter(DLE, bytes) {
        if at == second {
            copied = at + 1;
        } else {
            out.extend_from_slice(&bytes[copied..=at]);
            second = at + 1;
        }
    }
    out.extend_from_slice(&bytes[copied..]);
}

/// Appends `bytes` with every DLE doubled.
fn double(bytes: &[u8], out: &mut Vec<u8>) {
    let mut copied = 0;
    for at in memchr_iter(DLE, bytes) {
        out.extend_from_slice(&bytes[copied..=at]);
        out.push(DLE);
        copied = at + 1;
    }
    out.extend_from_slice(&bytes[copied..]);
}
