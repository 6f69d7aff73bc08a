//! `connect EP`: stdin to a peer, its messages to stdout.

use std::sync::Arc;
use std::time::Duration;

use framecat_proto::Endpoint;
use framecat_proto::limits::CONNECT_WAIT;
use tokio::time::Instant;

use crate::conn::Stream;
use crate::converse::{Bounds, Feed, Shared, converse};
use crate::error::Error;
use crate::event::{Event, Observer};
use crate::open;
use crate::talk::{End, Shutdown, Talk};

/// What `connect` is told.
#[derive(Debug)]
pub struct Connect {
    /// Where to.
    pub endpoint: Endpoint,
    /// How to talk.
    pub talk: Talk,
    /// Where messages to the peer come from.
    pub stdin: Stream,
    /// Where messages from the peer go.
    pub stdout: Stream,
}

/// Dials, talks until the conversation ends.
///
/// Errors: what dialling or the conversation failed with. What refused single messages is told as
/// events and ends with [`End::Partly`].
pub async fn run(
    options: Connect,
    observer: Arc<dyn Observer>,
    mut shutdown: Shutdown,
) -> Result<End, Error> {
    let Connect { endpoint, talk, stdin, stdout } = options;
    let deadline = talk.deadline.map(|time| Instant::now() + time);
    let dialled = tokio::select! {
        dialled = open::connect(&endpoint, talk.dial_time(deadline)) => dialled,
        () = shutdown.requested() => return Ok(End::Interrupted),
    };
    let conn = match dialled {
        Err(error) if talk.is_over(deadline, &error) => return Ok(talk.deadline_came()),
        dialled => dialled?,
    };
    let shared = Shared::new(talk, stdout, observer);
    let id = shared.ledger.next_conn();
    let bounds = Bounds { idle: shared.talk.idle, deadline, wait: shared.talk.wait, stays: false };
    let ended = tokio::select! {
        biased;
        ended = converse(&shared, conn, id, Feed::Stdin(stdin), bounds, shutdown) => ended,
        ended = shared.output.write_told() => ended,
    };
    shared.output.flush_quietly().await?;
    Ok(shared.ledger.settle(ended?))
}

/// `connect -z`: is the port open? Nothing is sent.
pub async fn probe(
    endpoint: &Endpoint,
    wait: Option<Duration>,
    observer: &dyn Observer,
) -> Result<End, Error> {
    let began = Instant::now();
    open::connect(endpoint, wait.unwrap_or(CONNECT_WAIT)).await?;
    let shown = endpoint.to_string();
    observer.event(Event::Open { endpoint: &shown, took: began.elapsed() });
    Ok(End::Done)
}
