//! `connect EP`: stdin to a peer, its messages to stdout.

use std::sync::Arc;
use std::time::Duration;

use framecat_proto::limits::{GUESS_BYTES, READ_BYTES_MIN, REPLAY_WAIT, REPLY_WAIT};
use framecat_proto::{Endpoint, Framing};
use tokio::time::Instant;

use crate::conn::{Conn, Stream};
use crate::converse::{Bounds, Feed, Shared, converse, sleep_until, stdin_messages};
use crate::error::{Cause, Error, Op};
use crate::event::{Event, Observer};
use crate::link::Filled;
use crate::open::retry::dial;
use crate::replay::Script;
use crate::shape::Shaper;
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
    shutdown: Shutdown,
) -> Result<End, Error> {
    let Connect { endpoint, talk, stdin, stdout } = options;
    let deadline = talk.deadline.map(|time| Instant::now() + time);
    let shared = Shared::new(talk, stdout, observer);
    let talking = async {
        if shared.talk.short {
            return short(&shared, &endpoint, stdin, deadline, shutdown).await;
        }
        let Some(script) = &shared.talk.replay else {
            let feed = Feed::Stdin(stdin);
            return once(&shared, &endpoint, feed, shared.talk.wait, deadline, shutdown).await;
        };
        // One connection after the other, each as it was recorded.
        let wait = Some(shared.talk.wait.unwrap_or(REPLAY_WAIT));
        let raw = shared.talk.receive == Framing::Raw;
        for _ in 0..script.len() {
            let feed = Feed::Replay(script.player(raw, wait));
            match once(&shared, &endpoint, feed, wait, deadline, shutdown.clone()).await? {
                End::Done if !shared.output.is_met() && !shared.output.is_closed() => {}
                // What --count wants may come on a later connection.
                End::NotMet(_) => {}
                ended => return Ok(ended),
            }
        }
        Ok(shared.output.unmet().map_or(End::Done, End::NotMet))
    };
    let ended = tokio::select! {
        biased;
        ended = talking => ended,
        ended = shared.output.write_told() => ended,
    };
    shared.output.flush_quietly().await?;
    Ok(shared.ledger.settle(ended?))
}

/// A connection for each message of stdin: it is said, our direction ends, and what the peer says until
/// it ends is printed.
async fn short(
    shared: &Shared,
    endpoint: &Endpoint,
    stdin: Stream,
    deadline: Option<Instant>,
    mut shutdown: Shutdown,
) -> Result<End, Error> {
    let talk = &shared.talk;
    let raw = talk.receive == Framing::Raw;
    let wait = talk.wait.unwrap_or(REPLY_WAIT);
    let mut messages = stdin_messages(stdin, talk)?;
    let mut pace = Shaper::new(talk.shape);
    let (mut replied, mut silent) = (false, 0);
    loop {
        let filled = tokio::select! {
            filled = messages.fill() => filled?,
            () = shutdown.requested() => return Ok(End::Interrupted),
            () = sleep_until(deadline) => return Ok(talk.deadline_came()),
        };
        if matches!(filled, Filled::End) {
            break;
        }
        for message in messages.batch().iter() {
            tokio::select! {
                () = pace.message() => {}
                () = shutdown.requested() => return Ok(End::Interrupted),
                () = sleep_until(deadline) => return Ok(talk.deadline_came()),
            }
            // A conversation of one message and its end.
            let script = Arc::new(Script::saying(message.to_vec()));
            let feed = Feed::Replay(script.player(raw, None));
            match once(shared, endpoint, feed, Some(wait), deadline, shutdown.clone()).await? {
                End::Done | End::NotMet(_) => replied = true,
                End::NoReply(_) => silent += 1,
                ended => return Ok(ended),
            }
            if shared.output.is_met() || shared.output.is_closed() {
                return Ok(End::Done);
            }
            pace.sent();
        }
    }
    Ok(match (shared.output.unmet(), silent, replied) {
        (Some(what), _, _) => End::NotMet(what),
        (None, 0, _) => End::Done,
        (None, _, false) => End::NoReply(wait),
        (None, silent, true) => End::Unanswered(silent),
    })
}

/// One connection, from dialling to its end.
async fn once(
    shared: &Shared,
    endpoint: &Endpoint,
    feed: Feed,
    wait: Option<Duration>,
    deadline: Option<Instant>,
    mut shutdown: Shutdown,
) -> Result<End, Error> {
    let talk = &shared.talk;
    let dialled = tokio::select! {
        dialled = dial(endpoint, talk.patience(deadline), None, &*shared.observer) => dialled,
        () = shutdown.requested() => return Ok(End::Interrupted),
    };
    let conn = match dialled {
        Err(error) if talk.is_over(deadline, &error) => return Ok(talk.deadline_came()),
        dialled => dialled?,
    };
    let id = shared.ledger.next_conn();
    let bounds = Bounds { idle: talk.idle, deadline, wait, stays: false };
    converse(shared, conn, id, feed, bounds, shutdown).await
}

/// `connect -z`: is the port open? Nothing is sent.
pub async fn probe(
    endpoint: &Endpoint,
    talk: &Talk,
    observer: &dyn Observer,
) -> Result<End, Error> {
    let began = Instant::now();
    dial(endpoint, talk.patience(None), None, observer).await?;
    let shown = endpoint.to_string();
    observer.event(Event::Open { endpoint: &shown, took: began.elapsed() });
    Ok(End::Done)
}

/// What an endpoint says, for `-f guess`.
#[derive(Debug)]
pub struct Sample {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Whether it ended behind them.
    pub ended: bool,
}

/// Reads what the endpoint says until it ends, [`GUESS_BYTES`] came, `--idle` or `--deadline` passed, or
/// a signal came. Nothing is sent.
///
/// Errors: what dialling or reading failed with; [`Cause::Address`] where messages are kept already.
pub async fn sample(
    endpoint: &Endpoint,
    talk: &Talk,
    observer: &dyn Observer,
    mut shutdown: Shutdown,
) -> Result<Sample, Error> {
    let deadline = talk.deadline.map(|time| Instant::now() + time);
    let conn = dial(endpoint, talk.patience(deadline), None, observer).await?;
    let peer = conn.peer().to_string();
    let stream = match conn {
        Conn::Stream(stream) => stream,
        Conn::Pair(pair) => pair.from,
        Conn::Datagrams(_) => {
            let problem = "it keeps messages itself".into();
            let cause = Cause::Address { problem, remedy: "leave -f out".into() };
            return Err(Error { op: Op::Receive, endpoint: peer, cause });
        }
    };
    let mut bytes = Vec::new();
    let mut ended = false;
    while !ended && bytes.len() <= GUESS_BYTES {
        bytes.reserve(READ_BYTES_MIN);
        let idle_at = talk.idle.map(|idle| Instant::now() + idle);
        tokio::select! {
            read = stream.read(&mut bytes) => match read {
                Ok(read) => ended = read == 0,
                Err(error) => return Err(Error::io(Op::Receive, peer, error)),
            },
            () = sleep_until(idle_at) => break,
            () = sleep_until(deadline) => break,
            () = shutdown.requested() => break,
        }
    }
    ended &= bytes.len() <= GUESS_BYTES;
    bytes.truncate(GUESS_BYTES);
    Ok(Sample { bytes, ended })
}
