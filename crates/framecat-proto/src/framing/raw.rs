//! `raw` and `native`: a message is what one read gave. On a stream that is no boundary at all; on
//! datagrams and seqpacket the kernel keeps it.

use super::{EncodeError, Ending, Progress};
use crate::message::{Context, Outbound, Outgoing, Spans};

pub(super) struct Framer {
    pub(super) max: usize,
}

impl super::Framer for Framer {
    fn decode(&mut self, input: &[u8], out: &mut Spans) -> Progress {
        // A read of no bytes is no message of a stream; datagrams do not come through here.
        // One larger than the maximum has no boundary to respect either, so it is divided.
        let step = self.max.max(1);
        for start in (0..input.len()).step_by(step) {
            out.push(start, input.len().min(start + step));
        }
        Progress { consumed: input.len(), ..Progress::default() }
    }

    fn end(&mut self, rest: &[u8]) -> Ending {
        debug_assert!(rest.is_empty());
        Ending::Clean
    }

    fn encode(
        &mut self,
        message: Outbound<'_>,
        _: &Context<'_>,
        out: &mut Outgoing,
    ) -> Result<(), EncodeError> {
        let len = message.payload.len();
        if len > self.max {
            return Err(EncodeError::DoesNotFit { len, max: self.max as u64 });
        }
        out.put_payload(message);
        Ok(())
    }
}
