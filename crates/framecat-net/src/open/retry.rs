//! `--retry TIME`: dial again until then, for who is started together with the one it calls.

use std::time::Duration;

use framecat_proto::Endpoint;
use framecat_proto::limits::{RETRY_BACKOFF_MAX, RETRY_BACKOFF_MIN};
use tokio::time::Instant;

use super::{Origin, connect_for};
use crate::conn::Conn;
use crate::error::{Cause, Error, Op, is_unreachable};
use crate::event::{Event, Observer};

/// How long dialling may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    /// One try.
    pub(crate) wait: Duration,
    /// All tries together, the first included; `None`: there is one.
    pub(crate) retry: Option<Duration>,
}

/// As [`connect_for`](super::connect_for), again and again while nobody is there yet: refused, no
/// route, no such name, no answer. The first failure is told, and the last is the error. Cancel safe.
pub(crate) async fn dial(
    endpoint: &Endpoint,
    patience: Patience,
    origin: Option<Origin<'_>>,
    observer: &dyn Observer,
) -> Result<Conn, Error> {
    let Patience { wait, retry } = patience;
    let Some(time) = retry else { return connect_for(endpoint, wait, origin).await };
    let over = Instant::now() + time;
    let mut pause = RETRY_BACKOFF_MIN;
    let mut told = false;
    loop {
        let left = over.saturating_duration_since(Instant::now());
        // The first try is made however little time there is.
        let error = match connect_for(endpoint, wait.min(left.max(RETRY_BACKOFF_MIN)), origin).await
        {
            Ok(conn) => return Ok(conn),
            Err(error) => error,
        };
        let left = over.saturating_duration_since(Instant::now());
        if left.is_zero() || !may_pass(&error) {
            return Err(error);
        }
        if !told {
            told = true;
            observer.event(Event::Retrying { error: &error, time });
        }
        tokio::time::sleep(pause.min(left)).await;
        pause = (pause * 2).min(RETRY_BACKOFF_MAX);
    }
}

/// Whether another try may end otherwise: what is wrong is that somebody is not there yet.
fn may_pass(error: &Error) -> bool {
    let passing = [
        libc::ETIMEDOUT,
        libc::ECONNRESET,
        libc::ECONNABORTED,
        // A Unix socket that is not bound yet, or whose queue is full.
        libc::ENOENT,
        libc::EAGAIN,
        libc::ENETDOWN,
        // A signed-off interface has no address to come from.
        libc::EADDRNOTAVAIL,
    ];
    error.op == Op::Resolve
        || matches!(error.cause, Cause::TimedOut(_) | Cause::NoHandshake(_))
        || error.errno().is_some_and(|errno| is_unreachable(errno) || passing.contains(&errno))
}
