//! `git`: pkt-lines, as git's protocols are made of (gitprotocol-common(5)). Four hex digits say how
//! long the line is, themselves included; 0000, 0001 and 0002 are the flush, delimiter and
//! response-end packets. A pack that stands outside the lines begins with PACK and has no end of its
//! own: from there on everything is handed on as it comes.
//!
//! ```text
//!  INPUT                              MESSAGES
//! +------+-------------+------+      +-----------------+  +------+
//! | 0010 | command=ls\n | 0000 |  →  | 0010command=ls\n |  | 0000 |
//! +------+-------------+------+      +-----------------+  +------+
//! ```

use super::{EncodeError, Ending, Fault, Progress};
use crate::message::{Context, Outbound, Outgoing, Spans};

/// Bytes of the length.
const HEAD: usize = 4;

/// The longest line, its length included (gitprotocol-common(5)).
const LINE_BYTES: usize = 65_520;

const PACK: &[u8] = b"PACK";

pub(super) struct Framer {
    max: usize,
    /// A pack has begun in this direction.
    packed: bool,
}

enum Measured {
    Size(usize),
    Pack,
    Short,
    Bad(Fault),
}

impl Framer {
    pub(super) fn new(max: usize) -> Framer {
        Framer { max, packed: false }
    }

    fn measure(&self, rest: &[u8]) -> Measured {
        let head = &rest[..rest.len().min(HEAD)];
        if self.packed || head == PACK {
            return match self.max {
                0 => Measured::Bad(Fault::TooLong { len: None, max: 0 }),
                _ => Measured::Pack,
            };
        }
        if !head.is_empty() && PACK.starts_with(head) {
            return Measured::Short;
        }
        let mut value = 0;
        for byte in head {
            match char::from(*byte).to_digit(16) {
                Some(digit) => value = value << 4 | digit as usize,
                None => {
                    let problem = "it begins with no length of four hex digits";
                    return Measured::Bad(Fault::Broken(problem.into()));
                }
            }
        }
        if head.len() < HEAD {
            return Measured::Short;
        }
        match value {
            // Flush, delimiter, response end: they have no content.
            0..=2 => Measured::bounded(HEAD, self.max),
            3 => Measured::Bad(Fault::Broken("its length 0003 is not in use".into())),
            HEAD..=LINE_BYTES => Measured::bounded(value, self.max),
            _ => Measured::Bad(Fault::Broken(format!(
                "its length says {value}, and no line has more than {LINE_BYTES}"
            ))),
        }
    }
}

impl Measured {
    fn bounded(size: usize, max: usize) -> Measured {
        if size > max {
            return Measured::Bad(Fault::TooLong { len: Some(size as u64), max });
        }
        Measured::Size(size)
    }
}

impl super::Framer for Framer {
    fn decode(&mut self, input: &[u8], out: &mut Spans) -> Progress {
        let mut start = 0;
        while start < input.len() {
            match self.measure(&input[start..]) {
                Measured::Short => break,
                Measured::Bad(fault) => {
                    return Progress { consumed: start, rejected: 0, fault: Some(fault) };
                }
                Measured::Size(size) if size > input.len() - start => break,
                Measured::Size(size) => {
                    out.push(start, start + size);
                    start += size;
                }
                Measured::Pack => {
                    self.packed = true;
                    let end = input.len().min(start + self.max);
                    out.push(start, end);
                    start = end;
                }
            }
            if out.is_full() {
                break;
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
            Measured::Pack if !payload.is_empty() => self.packed = true,
            Measured::Pack | Measured::Short => {
                return Err(EncodeError::Lacks(
                    "it must bring its length of four hex digits".into(),
                ));
            }
            Measured::Bad(fault) => return Err(EncodeError::Lacks(fault.to_string())),
            Measured::Size(size) => super::whole(payload, size)?,
        }
        out.put_payload(message);
        Ok(())
    }
}
