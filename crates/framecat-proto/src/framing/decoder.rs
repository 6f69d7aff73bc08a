//! A framer driven over a stream: where it is, what the end of the stream means, and faults with their
//! place.

use std::fmt;
use std::time::Duration;

use super::{Ending, Fault, Framer, Framing, Progress, Tail};
use crate::limits::SHOWN_HEAD_BYTES;
use crate::message::Spans;

/// A fault with its place (law 8).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FramingError {
    /// The rule or text form that was broken, as typed.
    pub framing: String,
    /// What is wrong.
    pub fault: Fault,
    /// Where in the stream the bad message begins, in bytes from 0.
    pub offset: u64,
    /// Its number, from 1.
    pub message: u64,
    /// Its first bytes, at most 16.
    pub head: Vec<u8>,
}

impl std::error::Error for FramingError {}

impl fmt::Display for FramingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: message {} at byte {}", self.framing, self.message, self.offset)?;
        if !self.head.is_empty() {
            f.write_str(" (")?;
            for (i, byte) in self.head.iter().enumerate() {
                write!(f, "{}{byte:02x}", if i == 0 { "" } else { " " })?;
            }
            f.write_str(")")?;
        }
        write!(f, ": {}", self.fault)
    }
}

/// Drives a [`Framer`] over a stream: keeps the offset and the message number, and applies the
/// policy for the tail.
pub struct Decoder {
    framer: Box<dyn Framer>,
    name: String,
    tail: Tail,
    last_needs_no_end: bool,
    offset: u64,
    messages: u64,
}

impl fmt::Debug for Decoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decoder")
            .field("framing", &self.name)
            .field("offset", &self.offset)
            .field("messages", &self.messages)
            .finish_non_exhaustive()
    }
}

/// What one call of [`Decoder::decode`] did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Decoded {
    /// Bytes that the caller may drop once it is done with the spans.
    pub consumed: usize,
    /// Consumed bytes that belong to no message.
    pub rejected: usize,
    /// What stopped it. Spans pushed before are good.
    pub error: Option<FramingError>,
    /// Whether decoding may go on after the error.
    pub resumes: bool,
}

/// What the end of the stream left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tailed {
    /// Nothing.
    Nothing,
    /// A message was pushed; marked cut unless the end is its boundary.
    Message,
    /// A cut message was left out, as asked.
    Dropped(FramingError),
}

impl Decoder {
    /// A decoder for bytes from the wire. `name` is how errors call the rule.
    pub fn new(framer: Box<dyn Framer>, name: impl Into<String>, tail: Tail) -> Decoder {
        Decoder {
            framer,
            name: name.into(),
            tail,
            last_needs_no_end: false,
            offset: 0,
            messages: 0,
        }
    }

    /// The decoder of a rule for bytes from the wire, with the rule's own policy for the tail unless
    /// another is given.
    pub fn of(framing: &Framing, max: usize, tail: Option<Tail>) -> Decoder {
        Decoder::new(framing.framer(max), framing.to_string(), tail.unwrap_or(framing.tail()))
    }

    /// As stdin is read: where the tail would be kept, an unterminated last message is a message
    /// like the others and not cut.
    pub fn last_needs_no_end(mut self) -> Decoder {
        self.last_needs_no_end = true;
        self
    }

    /// Messages seen so far.
    pub fn messages(&self) -> u64 {
        self.messages
    }

    /// Counts messages that came whole from the kernel and never passed through the framer.
    pub fn count(&mut self, messages: usize) {
        self.messages += messages as u64;
    }

    /// Finds all whole messages in `input`; see [`Framer::decode`] for what `input` must be.
    pub fn decode(&mut self, input: &[u8], out: &mut Spans) -> Decoded {
        let before = out.len();
        let Progress { consumed, rejected, fault } = self.framer.decode(input, out);
        debug_assert!(consumed <= input.len() && rejected <= consumed);
        self.offset += consumed as u64;
        self.messages += (out.len() - before) as u64;
        let error = fault.map(|fault| self.error(fault, &input[consumed..]));
        Decoded { consumed, rejected, error, resumes: self.framer.resynchronises() }
    }

    /// The silence that ends a message, for whoever reads to wait for: see [`Framer::silence`].
    pub fn silence(&self) -> Option<Duration> {
        self.framer.silence()
    }

    /// What the peer waits for before it sends on: see [`Framer::prompt`].
    pub fn prompt(&mut self) -> Option<&'static [u8]> {
        self.framer.prompt()
    }

    /// The silence came after `rest`, which is what decoding left, and the whole input of the spans.
    /// Says whether it is a message; all of it is consumed then.
    pub fn silent(&mut self, rest: &[u8], out: &mut Spans) -> Result<bool, FramingError> {
        let ending = self.framer.finish(rest, out).map_err(|fault| self.error(fault, rest))?;
        let whole = ending == Ending::Whole;
        if whole {
            self.messages += 1;
            self.offset += rest.len() as u64;
        }
        Ok(whole)
    }

    /// The stream ended; `rest` is what decoding left, and the whole input of the spans.
    pub fn end(&mut self, rest: &[u8], out: &mut Spans) -> Result<Tailed, FramingError> {
        let before = out.len();
        match self.framer.finish(rest, out).map_err(|fault| self.error(fault, rest))? {
            Ending::Clean => return Ok(Tailed::Nothing),
            Ending::Whole => {}
            Ending::Cut { need } => {
                let fault = Fault::Cut { have: rest.len(), need };
                match self.tail {
                    Tail::Keep => out.push(0, rest.len()),
                    Tail::Drop => return Ok(Tailed::Dropped(self.error(fault, rest))),
                    Tail::Error => return Err(self.error(fault, rest)),
                }
                if !self.last_needs_no_end {
                    out.mark_last_cut();
                }
            }
        }
        self.messages += (out.len() - before) as u64;
        self.offset += rest.len() as u64;
        if out.len() == before {
            return Ok(Tailed::Nothing);
        }
        Ok(Tailed::Message)
    }

    fn error(&self, fault: Fault, at: &[u8]) -> FramingError {
        FramingError {
            framing: self.name.clone(),
            fault,
            offset: self.offset,
            message: self.messages + 1,
            head: at[..at.len().min(SHOWN_HEAD_BYTES)].to_vec(),
        }
    }
}
