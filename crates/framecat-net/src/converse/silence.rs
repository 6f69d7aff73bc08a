//! When a conversation ends because nothing happens, or because its time is over.

use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use framecat_proto::limits::REPLY_WAIT;
use tokio::time::Instant;

use super::One;
use crate::error::Error;
use crate::talk::End;

/// How the times of a conversation are bounded: a listener bounds the whole instead.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Bounds {
    pub(crate) idle: Option<Duration>,
    pub(crate) deadline: Option<Instant>,
    /// After stdin's end, how long to wait for a reply on what has no end of its own.
    pub(crate) wait: Option<Duration>,
    /// It never ends for want of a reply: a listener's peer may say something any time.
    pub(crate) stays: bool,
}

impl One<'_> {
    /// When silence or time will end the conversation, and how.
    pub(super) fn silence(
        &self,
        bounds: &Bounds,
        endless: bool,
        said: bool,
        said_at: Instant,
    ) -> Option<(Instant, End)> {
        let deadline = bounds
            .deadline
            .map(|at| (at, End::Deadline(self.shared.talk.deadline.unwrap_or_default())));
        let idle = bounds.idle.map(|idle| (self.moved.last() + idle, End::Done));
        let wait = match (said && !bounds.stays, endless, bounds.wait) {
            (true, true, wait) => Some(wait.unwrap_or(REPLY_WAIT)),
            (true, false, wait) => wait,
            _ => None,
        };
        let reply = wait.map(|wait| {
            let at = self.moved.inward.last().max(said_at) + wait;
            let any = self.moved.inward.bytes() > 0 || self.moved.totals().messages_in > 0;
            (at, if any { End::Done } else { End::NoReply(wait) })
        });
        [deadline, idle, reply].into_iter().flatten().min_by_key(|(at, _)| *at)
    }

    pub(super) async fn silent(&self, end: End) -> Result<End, Error> {
        match end {
            End::Done => self.done().await,
            End::NoReply(_) if self.moved.refused.load(Relaxed) => Ok(End::Refused),
            end => Ok(end),
        }
    }
}
