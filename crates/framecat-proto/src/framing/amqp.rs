//! `amqp`: AMQP 0-9-1 (sections 4.2.2 and 4.2.3 of its specification). A direction may begin with a
//! protocol header of 8 bytes, as the client's does, and the server's where it refuses the version;
//! all else is frames, which end with ce.
//!
//! ```text
//!  A M Q P 00 00 09 01
//! + type +- channel -+---- size ----+- payload -+ end +
//! |  01  |   00 00   |  00 00 00 05 |    …      |  ce |
//! +------+-----------+--------------+-----------+-----+
//! ```

use super::{EncodeError, Ending, Fault, Progress};
use crate::message::{Context, Outbound, Outgoing, Spans};

const HEADER: &[u8] = b"AMQP\x00\x00\x09\x01";

/// Type, channel and size.
const HEAD: usize = 7;

const END: u8 = 0xce;

pub(super) struct Framer {
    max: usize,
    state: State,
}

/// How far a direction is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nothing came.
    New,
    Frames,
    /// It announced another version, whose frames are none of ours.
    Other,
}

enum Measured {
    Size(usize, State),
    Short,
    Bad(Fault),
}

fn broken(problem: impl Into<String>) -> Measured {
    Measured::Bad(Fault::Broken(problem.into()))
}

impl Framer {
    pub(super) fn new(max: usize) -> Framer {
        Framer { max, state: State::New }
    }

    fn measure(&self, rest: &[u8]) -> Measured {
        let Some(first) = rest.first() else { return Measured::Short };
        if self.state == State::Other {
            return broken("its protocol header speaks of another version than 0-9-1");
        }
        if self.state == State::New && *first == b'A' {
            let name = &HEADER[..4];
            let there = rest.len().min(name.len());
            if rest[..there] != name[..there] {
                return broken("it begins like a protocol header, and is not AMQP");
            }
            let Some(header) = rest.get(..HEADER.len()) else { return Measured::Short };
            let next = if header == HEADER { State::Frames } else { State::Other };
            return self.bounded(HEADER.len() as u64, next);
        }
        // Method, header, body, heartbeat.
        if !matches!(first, 1 | 2 | 3 | 8) {
            return broken(format!("{first:02x} is no type of frame"));
        }
        let Some(head) = rest.first_chunk::<HEAD>() else { return Measured::Short };
        let [_, _, _, a, b, c, d] = *head;
        let size = HEAD as u64 + u64::from(u32::from_be_bytes([a, b, c, d])) + 1;
        self.bounded(size, State::Frames)
    }

    fn bounded(&self, size: u64, next: State) -> Measured {
        if size > self.max as u64 {
            return Measured::Bad(Fault::TooLong { len: Some(size), max: self.max });
        }
        Measured::Size(size as usize, next)
    }

    /// Whether a frame of the right size ends as it must; a header has no end.
    fn check(&self, message: &[u8]) -> Result<(), Fault> {
        if message[0] != b'A' && !message.ends_with(&[END]) {
            return Err(Fault::Broken("its size does not lead to the frame end ce".into()));
        }
        Ok(())
    }
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
                Measured::Size(size, _) if size > rest.len() => break,
                Measured::Size(size, next) => {
                    if let Err(fault) = self.check(&rest[..size]) {
                        return stop(fault);
                    }
                    out.push(start, start + size);
                    start += size;
                    self.state = next;
                }
            }
        }
        Progress { consumed: start, ..Progress::default() }
    }

    fn end(&mut self, rest: &[u8]) -> Ending {
        match self.measure(rest) {
            _ if rest.is_empty() => Ending::Clean,
            Measured::Size(size, _) => Ending::Cut { need: Some(size as u64) },
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
        let next = match self.measure(payload) {
            Measured::Short => {
                let what = "it must be a whole frame: type, channel, size, payload, ce";
                return Err(EncodeError::Lacks(what.into()));
            }
            Measured::Bad(fault) => return Err(EncodeError::Lacks(fault.to_string())),
            Measured::Size(size, next) => {
                super::whole(payload, size)?;
                next
            }
        };
        self.check(payload).map_err(|fault| EncodeError::Lacks(fault.to_string()))?;
        self.state = next;
        out.put_payload(message);
        Ok(())
    }
}
