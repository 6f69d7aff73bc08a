//! `struct`: a message is a structure of time, byte count and content, all numbers big-endian.
//! Python's `struct.pack('!QI', time_ns, len(content)) + content` writes the same bytes.
//!
//! ```text
//!  INPUT                                            MESSAGE
//! +- time, ns u64be -+- len u32be -+- content -+   +---------+
//! |  since 1970      | 00 00 00 05 |  hello    | → |  hello  |  with its time
//! +------------------+-------------+-----------+   +---------+
//! ```

use std::fmt;

use super::nearest::switches;
use super::{EncodeError, Ending, Fault, ParseFramingError, Progress};
use crate::message::{Context, Outbound, Outgoing, Spans};

/// Bytes before the content: 8 of time, 4 of length.
const HEAD: usize = 12;

/// The rule `struct[,keep]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Struct {
    /// The 12 bytes of the header stay on the message, and must be there when it is written.
    pub keep: bool,
}

impl Struct {
    pub(super) fn parse(rest: &str) -> Result<Struct, ParseFramingError> {
        let mut rule = Struct::default();
        switches("struct", rest, [("keep", &mut rule.keep)])?;
        Ok(rule)
    }
}

impl fmt::Display for Struct {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.keep { ",keep" } else { "" })
    }
}

pub(super) struct Framer {
    keep: bool,
    max: usize,
}

impl Framer {
    pub(super) fn new(rule: Struct, max: usize) -> Framer {
        Framer { keep: rule.keep, max }
    }

    /// The whole message's bytes, header included, as its length field says them.
    fn size(head: &[u8; HEAD]) -> u64 {
        let [.., a, b, c, d] = *head;
        HEAD as u64 + u64::from(u32::from_be_bytes([a, b, c, d]))
    }

    /// With `,keep` the payload is the whole message, so its header must speak of it.
    fn check(payload: &[u8]) -> Result<(), EncodeError> {
        let len = payload.len();
        let Some(head) = payload.first_chunk() else {
            return Err(EncodeError::Lacks(format!(
                "it has {len} bytes and must bring its header of {HEAD}, as `keep` asks"
            )));
        };
        match Framer::size(head) {
            size if size > len as u64 => Err(EncodeError::Lacks(format!(
                "its header speaks of {size} bytes and it has {len}"
            ))),
            size if size < len as u64 => Err(EncodeError::WouldSplit { at: size as usize }),
            _ => Ok(()),
        }
    }
}

impl super::Framer for Framer {
    fn decode(&mut self, input: &[u8], out: &mut Spans) -> Progress {
        let lead = if self.keep { 0 } else { HEAD };
        let mut start = 0;
        while let Some(head) = input[start..].first_chunk::<HEAD>() {
            let size = Framer::size(head);
            let len = size - lead as u64;
            if len > self.max as u64 {
                let fault = Some(Fault::TooLong { len: Some(len), max: self.max });
                return Progress { consumed: start, rejected: 0, fault };
            }
            if size > (input.len() - start) as u64 {
                break;
            }
            let [a, b, c, d, e, f, g, h, ..] = *head;
            let time_ns = u64::from_be_bytes([a, b, c, d, e, f, g, h]);
            let end = start + size as usize;
            out.push_timed(start + lead, end, time_ns);
            start = end;
            if out.is_full() {
                break;
            }
        }
        Progress { consumed: start, ..Progress::default() }
    }

    fn end(&mut self, rest: &[u8]) -> Ending {
        if rest.is_empty() {
            return Ending::Clean;
        }
        Ending::Cut { need: rest.first_chunk().map(Framer::size) }
    }

    fn encode(
        &mut self,
        message: Outbound<'_>,
        context: &Context<'_>,
        out: &mut Outgoing,
    ) -> Result<(), EncodeError> {
        let len = message.payload.len();
        let most = if self.keep { self.max } else { self.max.min(u32::MAX as usize) };
        if len > most {
            return Err(EncodeError::DoesNotFit { len, max: most as u64 });
        }
        if self.keep {
            Framer::check(message.payload)?;
        } else {
            let mut head = [0; HEAD];
            head[..8].copy_from_slice(&message.time_ns.unwrap_or(context.now_ns).to_be_bytes());
            head[8..].copy_from_slice(&(len as u32).to_be_bytes());
            out.put(&head);
        }
        out.put_payload(message);
        Ok(())
    }
}
