//! `mllp`: HL7's Minimal Lower Layer Protocol. A block begins with 0b and ends with 1c 0d.
//!
//! ```text
//!  INPUT                           MESSAGE
//! +----+-----------------+-------+   +-----------------+
//! | 0b | MSH|^~\&|…\r    | 1c 0d | → | MSH|^~\&|…\r    |
//! +----+-----------------+-------+   +-----------------+
//! ```

use memchr::memmem;

use super::{EncodeError, Ending, Fault, Progress};
use crate::message::{Context, Outbound, Outgoing, Spans};

const START: u8 = 0x0b;
const END: &[u8] = b"\x1c\r";

pub(super) struct Framer {
    max: usize,
    /// Bytes of the block that hold no end.
    searched: usize,
}

impl Framer {
    pub(super) fn new(max: usize) -> Framer {
        Framer { max, searched: 0 }
    }
}

impl super::Framer for Framer {
    fn decode(&mut self, input: &[u8], out: &mut Spans) -> Progress {
        let mut start = 0;
        while start < input.len() && !out.is_full() {
            let rest = &input[start..];
            let stop = |fault| Progress { consumed: start, rejected: 0, fault: Some(fault) };
            if rest[0] != START {
                return stop(Fault::Broken("a block begins with 0b, and this does not".into()));
            }
            let from = self.searched.max(1);
            let found = memmem::find(&rest[from..], END).map(|at| from + at);
            // A last 1c may belong to the end.
            let begun = rest.len() - usize::from(rest.ends_with(&END[..1]));
            if found.unwrap_or(begun) - 1 > self.max {
                return stop(Fault::TooLong { len: None, max: self.max });
            }
            let Some(at) = found else {
                self.searched = begun;
                break;
            };
            self.searched = 0;
            out.push(start + 1, start + at);
            start += at + END.len();
        }
        Progress { consumed: start, ..Progress::default() }
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
        if let Some(at) = memmem::find(payload, END) {
            return Err(EncodeError::WouldSplit { at });
        }
        out.put(&[START]);
        out.put_payload(message);
        out.put(END);
        Ok(())
    }
}
