//! What went through one conversation.

use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;

use tokio::time::Instant;

use crate::event::Totals;
use crate::relay::Progress;

/// Counters of one conversation.
#[derive(Debug, Default)]
pub(super) struct Moved {
    pub(super) inward: Progress,
    pub(super) outward: Progress,
    pub(super) messages_in: std::sync::atomic::AtomicU64,
    pub(super) messages_out: std::sync::atomic::AtomicU64,
    /// The end of what we say was told.
    pub(super) ended_out: AtomicBool,
    /// A datagram of ours was refused by the peer's host; told.
    pub(super) refused: AtomicBool,
}

impl Moved {
    pub(super) fn totals(&self) -> Totals {
        Totals {
            messages_in: self.messages_in.load(Relaxed),
            messages_out: self.messages_out.load(Relaxed),
            bytes_in: self.inward.bytes(),
            bytes_out: self.outward.bytes(),
        }
    }

    pub(super) fn last(&self) -> Instant {
        self.inward.last().max(self.outward.last())
    }
}
