//! `line` and, on a terminal, `raw`: messages as people read them.
//!
//! Written to a file or pipe, a line is the payload, and an LF only if it does not already end in
//! one. On a terminal, text is printed as it is, but what could act on the terminal is shown in the
//! escapes of `quoted`: controls other than tab and LF, the overrides of text direction, bytes that
//! are no UTF-8. A CR at the end of a line or of the payload is not shown there.
//!
//! A message that the end of the stream cut is printed without an ending.

use memchr::memchr;

use super::escape::{self, Marked};
use crate::framing::{EncodeError, Ending, Framer, Framing, Progress};
use crate::message::{Context, Outbound, Outgoing, Spans};

/// What a terminal does not get: everything that is escaped, but tab and LF.
const MARKED: Marked = escape::marked(b"", b"\t\n");

/// Whether a payload, printed in the form `line`, looks like more than one message: it holds an LF
/// before its last byte. (`--out quoted` keeps such messages apart.)
pub fn holds_line_break(payload: &[u8]) -> bool {
    memchr(b'\n', payload).is_some_and(|at| at + 1 < payload.len())
}

/// Appends `bytes` as a terminal may show them.
pub fn put_for_terminal(bytes: &[u8], out: &mut Vec<u8>) {
    let bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes);
    escape::put_bytes(bytes, &MARKED, out, |rest, len, out| {
        if !rest.starts_with(b"\r\n") {
            escape::put_escape(&rest[..len], out);
        }
    });
}

/// The forms `line` and `raw` at work. Reading is the framing's of the same name.
pub(super) struct Printed {
    reading: Box<dyn Framer>,
    max: usize,
    /// An LF is added to a payload that does not end in one.
    ended: bool,
    terminal: bool,
}

impl Printed {
    pub(super) fn line(max: usize, terminal: bool) -> Printed {
        Printed { reading: Framing::line().framer(max), max, ended: true, terminal }
    }

    pub(super) fn raw(max: usize, terminal: bool) -> Printed {
        Printed { reading: Framing::Raw.framer(max), max, ended: false, terminal }
    }
}

impl Framer for Printed {
    fn decode(&mut self, input: &[u8], out: &mut Spans) -> Progress {
        self.reading.decode(input, out)
    }

    fn end(&mut self, rest: &[u8]) -> Ending {
        if rest.is_empty() { Ending::Clean } else { Ending::Whole }
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
        if self.terminal {
            put_for_terminal(payload, out.buf());
        } else {
            out.put_payload(message);
        }
        if self.ended && !message.cut && payload.last() != Some(&b'\n') {
            out.put(b"\n");
        }
        Ok(())
    }
}
