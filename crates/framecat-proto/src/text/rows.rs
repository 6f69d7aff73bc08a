//! What `quoted`, `hex` and `jsonl` share: one message a line, an unterminated last line is a
//! message, and a bound on a line that does not end.

use std::ops::Range;

use memchr::memchr_iter;

use crate::framing::{EncodeError, Ending, Fault, Framer, Progress};
use crate::message::{Context, Outbound, Outgoing, Spans};

/// How one message is a line.
pub(super) trait Row: Send + Sync {
    /// The longest line, in bytes without LF, that a payload of `max` bytes may need.
    fn line_max(&self, max: usize) -> usize;

    /// Reads `input[line]`, which does not include the LF, and pushes its message if it holds one.
    fn read(&self, input: &[u8], line: Range<usize>, out: &mut Spans) -> Result<(), Fault>;

    /// Appends the line without its LF.
    fn write(&mut self, message: Outbound<'_>, context: &Context<'_>, out: &mut Vec<u8>);
}

/// A form of one message a line, at work.
pub(super) struct Rows<R> {
    row: R,
    /// The longest payload.
    max: usize,
    line_max: usize,
    /// Bytes of the unconsumed input known to hold no LF.
    scanned: usize,
}

impl<R: Row> Rows<R> {
    pub(super) fn new(row: R, max: usize) -> Rows<R> {
        // Spans address 31 bits.
        let line_max = row.line_max(max).min((1 << 31) - 2);
        Rows { row, max, line_max, scanned: 0 }
    }

    fn read(&self, input: &[u8], line: Range<usize>, out: &mut Spans) -> Result<(), Fault> {
        self.check_line(line.len())?;
        let before = out.len();
        self.row.read(input, line, out)?;
        if out.len() > before && out.get(before, input).len() > self.max {
            out.truncate(before);
            return Err(Fault::TooLong { len: None, max: self.max });
        }
        Ok(())
    }

    fn check_line(&self, len: usize) -> Result<(), Fault> {
        if len <= self.line_max {
            return Ok(());
        }
        Err(Fault::Broken(format!(
            "the line is longer than {} bytes, the most that a message of {} bytes may take; \
             --max-message raises it",
            self.line_max, self.max
        )))
    }
}

impl<R: Row> Framer for Rows<R> {
    fn decode(&mut self, input: &[u8], out: &mut Spans) -> Progress {
        let mut start = 0;
        for at in memchr_iter(b'\n', &input[self.scanned..]) {
            let lf = self.scanned + at;
            if let Err(fault) = self.read(input, start..lf, out) {
                self.scanned = 0;
                return Progress { consumed: start, rejected: 0, fault: Some(fault) };
            }
            start = lf + 1;
        }
        self.scanned = input.len() - start;
        let fault = self.check_line(self.scanned).err();
        Progress { consumed: start, rejected: 0, fault }
    }

    fn end(&mut self, rest: &[u8]) -> Ending {
        if rest.is_empty() { Ending::Clean } else { Ending::Whole }
    }

    fn finish(&mut self, rest: &[u8], out: &mut Spans) -> Result<Ending, Fault> {
        let ending = self.end(rest);
        if ending == Ending::Whole {
            self.read(rest, 0..rest.len(), out)?;
        }
        Ok(ending)
    }

    fn encode(
        &mut self,
        message: Outbound<'_>,
        context: &Context<'_>,
        out: &mut Outgoing,
    ) -> Result<(), EncodeError> {
        let len = message.payload.len();
        if len > self.max {
            return Err(EncodeError::DoesNotFit { len, max: self.max as u64 });
        }
        self.row.write(message, context, out.buf());
        out.put(b"\n");
        Ok(())
    }
}
