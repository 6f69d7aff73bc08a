//! `eof`: everything until the stream ends is one message, so a connection carries one.

use super::{EncodeError, Ending, Fault, Progress};
use crate::message::{Context, Outbound, Outgoing, Spans};

pub(super) struct Framer {
    max: usize,
    written: bool,
}

impl Framer {
    pub(super) fn new(max: usize) -> Framer {
        Framer { max, written: false }
    }
}

impl super::Framer for Framer {
    fn decode(&mut self, input: &[u8], _: &mut Spans) -> Progress {
        let too_long = input.len() > self.max;
        let fault = too_long.then_some(Fault::TooLong { len: None, max: self.max });
        Progress { fault, ..Progress::default() }
    }

    fn end(&mut self, _: &[u8]) -> Ending {
        // Also when nothing came: the message is empty then (law 4).
        Ending::Whole
    }

    fn encode(
        &mut self,
        message: Outbound<'_>,
        _: &Context<'_>,
        out: &mut Outgoing,
    ) -> Result<(), EncodeError> {
        let len = message.payload.len();
        if self.written {
            return Err(EncodeError::OnlyOne);
        }
        if len > self.max {
            return Err(EncodeError::DoesNotFit { len, max: self.max as u64 });
        }
        self.written = true;
        out.put_payload(message);
        Ok(())
    }
}
