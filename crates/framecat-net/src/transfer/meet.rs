//! The two sides of a transfer come together: one dials, or listens until somebody comes who may.
//!
//! Who listens says nothing to who does not begin as a transfer does, takes the first who proves the code (of
//! `--plain`: who comes first), and ends when the code was wrong too often. Strangers cost a place among
//! [`Bounds::meeting`] for a while, and nothing else: they are no guesses.

use std::sync::Arc;
use std::time::Duration;

use framecat_proto::Endpoint;
use framecat_proto::endpoint::At;
use framecat_proto::limits::{
    CONNECT_WAIT, TRANSFER_CROWD_SHARE, TRANSFER_GUESS_PAUSE, TRANSFER_MEET_TIME,
    TRANSFER_MEET_TURN, TRANSFER_MEETING, TRANSFER_SILENT_TURN, TRANSFER_TRIES_MAX,
};
use tokio::task::{AbortHandle, Id, JoinError, JoinSet};
use tokio::time::Instant;

use super::guesses::{Guesses, Stage};
use super::hello::{Hello, greet};
use super::pake::Handshake;
use super::{Guard, Meeting, Place, Role};
use crate::conn::{Conn, Stream};
use crate::error::{Cause, Error, Op, Unmet};
use crate::event::{Event, Observer};
use crate::open::{self, Accepted, ListenOptions};
use crate::talk::Shutdown;

/// What strangers may cost.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// All of a handshake, from its first byte on.
    pub time: Duration,
    /// Handshakes under way at once.
    pub meeting: usize,
    /// How long one that has begun may go on when another waits for its place.
    pub turn: Duration,
    /// How long one that has not begun may.
    pub silent: Duration,
    /// The wait before the second guess, which grows by as much before each later one.
    pub pause: Duration,
}

impl Default for Bounds {
    fn default() -> Bounds {
        Bounds {
            time: TRANSFER_MEET_TIME,
            meeting: TRANSFER_MEETING,
            turn: TRANSFER_MEET_TURN,
            silent: TRANSFER_SILENT_TURN,
            pause: TRANSFER_GUESS_PAUSE,
        }
    }
}

/// Dials, or listens until the right one has come; nobody else is let in then. What is said on the stream is
/// heard by the other side, and by nobody else unless the transfer is plain. `None`: a signal came first.
///
/// # Errors
/// As [`connect`](crate::connect) and [`listen`](crate::listen), and [`Cause::Unmet`]: who dials fails with
/// whatever was wrong; who listens when its code is burned, and goes on after everything else, until
/// [`Cause::TimedOut`]. Cancel safe: what was begun is closed.
pub async fn meet(
    meeting: &Meeting,
    role: Role,
    observer: &dyn Observer,
    shutdown: &mut Shutdown,
) -> Result<Option<Stream>, Error> {
    meet_within(Bounds::default(), meeting, role, observer, shutdown).await
}

/// As [`meet`], with sizes and times of one's own.
pub async fn meet_within(
    bounds: Bounds,
    meeting: &Meeting,
    role: Role,
    observer: &dyn Observer,
    shutdown: &mut Shutdown,
) -> Result<Option<Stream>, Error> {
    let met = async {
        match &meeting.place {
            Place::Dial(endpoint) => dial(endpoint, meeting, role, bounds).await,
            Place::Listen(endpoint) => listen(endpoint, meeting, role, bounds, observer).await,
        }
    };
    let stream = tokio::select! {
        biased;
        met = met => met?,
        () = shutdown.requested() => return Ok(None),
    };
    let secured = meeting.guard != Guard::Plain;
    observer.event(Event::Met { peer: stream.peer(), secured });
    Ok(Some(stream))
}

/// A transfer needs a stream of bytes between two programs, and brings its own encryption.
fn check(endpoint: &Endpoint, op: Op) -> Result<(), Error> {
    let problem = match &endpoint.at {
        At::Tcp(_) | At::Unix(_) => return Ok(()),
        At::Tls(_) => "files move over tcp:// and bring their own encryption",
        _ => "files move over tcp:// and unix://",
    };
    let remedy = match &endpoint.at {
        At::Tls(at) => format!("write tcp://{at}"),
        _ => "write HOST:PORT or unix://PATH".into(),
    };
    let cause = Cause::Address { problem: problem.into(), remedy };
    Err(Error { op, endpoint: endpoint.to_string(), cause })
}

async fn dial(
    endpoint: &Endpoint,
    meeting: &Meeting,
    role: Role,
    bounds: Bounds,
) -> Result<Stream, Error> {
    let op = Op::Connect;
    check(endpoint, op)?;
    let failed = |unmet| Error { op, endpoint: endpoint.to_string(), cause: Cause::Unmet(unmet) };
    let ours = Side::new(role, &meeting.guard, bounds).map_err(failed)?;
    let wait = meeting.wait.unwrap_or(CONNECT_WAIT);
    let Conn::Stream(stream) = open::connect(endpoint, wait).await? else {
        return Err(failed(Unmet::Broken("it is no stream")));
    };
    let ours = Side { guesses: Guesses::one(), dials: true, ..ours };
    ours.meet(stream, &Stage::default()).await.map_err(failed)
}

async fn listen(
    endpoint: &Endpoint,
    meeting: &Meeting,
    role: Role,
    bounds: Bounds,
    observer: &dyn Observer,
) -> Result<Stream, Error> {
    let op = Op::Listen;
    check(endpoint, op)?;
    let listener =
        open::listen(endpoint, &ListenOptions { lan: meeting.lan, message_bytes: 0 }).await?;
    let failed = |unmet| Error { op, endpoint: endpoint.to_string(), cause: Cause::Unmet(unmet) };
    let ours = Side::new(role, &meeting.guard, bounds).map_err(failed)?;
    let (at, reach) = (listener.endpoint(), listener.reach());
    observer.event(Event::Listening { endpoint: at, reach, pin: None });
    let until = meeting.wait.map(|wait| (Instant::now() + wait, wait));
    Door::new(listener, ours, observer).open(until).await
}

/// What is ours in every handshake.
struct Side {
    hello: Hello,
    /// `None`: plain.
    handshake: Option<Handshake>,
    guesses: Guesses,
    bounds: Bounds,
    dials: bool,
}

impl Side {
    fn new(role: Role, guard: &Guard, bounds: Bounds) -> Result<Side, Unmet> {
        let hello = Hello::new(guard, role);
        let (handshake, tries) = match guard {
            Guard::Plain => (None, 1),
            Guard::Code { code, tries } => (Some(Handshake::new(role, code)?), *tries),
        };
        let guesses = Guesses::new(tries.clamp(1, TRANSFER_TRIES_MAX), bounds.pause);
        Ok(Side { hello, handshake, guesses, bounds, dials: false })
    }

    /// From a connection to somebody who may be there, within the time.
    async fn meet(&self, stream: Stream, stage: &Stage) -> Result<Stream, Unmet> {
        let all = async {
            greet(&stream, self.hello, self.dials).await?;
            stage.spoke();
            match &self.handshake {
                None => Ok(stream),
                Some(handshake) => handshake.shake(stream, &self.guesses, stage).await,
            }
        };
        let time = self.bounds.time;
        tokio::time::timeout(time, all).await.unwrap_or(Err(Unmet::Late(time)))
    }
}

/// Where who comes is looked at.
struct Door<'a> {
    listener: open::Listener,
    ours: Arc<Side>,
    observer: &'a dyn Observer,
    at_it: JoinSet<Result<Stream, Unmet>>,
    visitors: Vec<Visitor>,
    /// Who is no transfer.
    strangers: u64,
    /// Who is one, and does not fit.
    mistakes: u64,
}

/// Somebody who has come.
struct Visitor {
    task: AbortHandle,
    peer: String,
    since: Instant,
    stage: Arc<Stage>,
    /// It is being closed, to make room.
    leaves: bool,
}

impl Visitor {
    /// Its address without the port, which it can choose.
    fn host(&self) -> &str {
        self.peer.rsplit_once(':').map_or(&self.peer, |(host, _)| host)
    }
}

impl<'a> Door<'a> {
    fn new(listener: open::Listener, ours: Side, observer: &'a dyn Observer) -> Door<'a> {
        let (at_it, visitors) = (JoinSet::new(), Vec::new());
        let ours = Arc::new(ours);
        Door { listener, ours, observer, at_it, visitors, strangers: 0, mistakes: 0 }
    }

    /// Until the right one is there, the code burned, or the time over.
    async fn open(mut self, until: Option<(Instant, Duration)>) -> Result<Stream, Error> {
        let endpoint = self.listener.endpoint().to_string();
        let mut waits: Option<Stream> = None;
        loop {
            let gives_way = match waits {
                Some(_) => self.gives_way(),
                None => None,
            };
            let op = Op::Listen;
            tokio::select! {
                biased;
                Some(done) = self.at_it.join_next_with_id() => {
                    if let Some(stream) = self.note(done) {
                        return Ok(stream);
                    }
                    if self.ours.guesses.left() == 0 {
                        self.see_out().await;
                        let cause = Cause::Unmet(Unmet::Burned { guesses: self.ours.guesses.wrong() });
                        return Err(Error { op, endpoint, cause });
                    }
                    if let Some(stream) = waits.take() {
                        self.let_in(stream);
                    }
                }
                accepted = self.listener.accept(), if waits.is_none() => match accepted? {
                    Accepted::Conn(Conn::Stream(stream)) => match self.visitors.len() < self.ours.bounds.meeting {
                        true => self.let_in(stream),
                        false => waits = Some(stream),
                    },
                    Accepted::Conn(_) | Accepted::Failed(_) => {}
                    Accepted::NotAllowed { peer, count } => {
                        self.observer.event(Event::NotAllowed { peer: &peer, count });
                    }
                    Accepted::Delayed { error, wait, again } => {
                        if !again {
                            self.observer.event(Event::AcceptDelayed { error: &error, wait });
                        }
                    }
                },
                () = sleep_until(gives_way.map(|(at, _)| at)) => {
                    if let Some((_, visitor)) = gives_way {
                        self.visitors[visitor].task.abort();
                        self.visitors[visitor].leaves = true;
                    }
                }
                () = sleep_until(until.map(|(at, _)| at)) => {
                    let cause = Cause::TimedOut(until.map_or(Duration::ZERO, |(_, wait)| wait));
                    return Err(Error { op: Op::Accept, endpoint, cause });
                }
            }
        }
    }

    fn let_in(&mut self, stream: Stream) {
        let stage = Arc::new(Stage::default());
        let peer = stream.peer().to_string();
        let (ours, its) = (self.ours.clone(), stage.clone());
        let task = self.at_it.spawn(async move { ours.meet(stream, &its).await });
        self.visitors.push(Visitor { task, peer, since: Instant::now(), stage, leaves: false });
    }

    /// Who makes room for another, and when: one who said nothing rather than one who did, and of the host that
    /// has most places its oldest; each once it has had its turn, which is short for one of a crowd. Never one whose guess is under way.
    fn gives_way(&self) -> Option<(Instant, usize)> {
        if self.visitors.iter().any(|it| it.leaves) {
            return None;
        }
        let places = |host: &str| self.visitors.iter().filter(|it| it.host() == host).count();
        let may = self.visitors.iter().enumerate();
        let may = may.filter(|(_, it)| !it.stage.has_guessed() && !it.task.is_finished());
        let first = may.min_by_key(|(_, it)| {
            (!it.stage.is_silent(), std::cmp::Reverse(places(it.host())), it.since)
        });
        // Who has most of the places has sent a crowd, behind which others wait in the kernel's queue.
        let crowds = |host: &str| places(host) > 1.max(self.ours.bounds.meeting / 2);
        let Bounds { silent, turn, .. } = self.ours.bounds;
        first.map(|(at, it)| match it.stage.is_silent() {
            true => (it.since + silent, at),
            false if crowds(it.host()) => (it.since + turn / TRANSFER_CROWD_SHARE, at),
            false => (it.since + turn, at),
        })
    }

    /// A visit is over. What it came to is told, unless it is the right one.
    fn note(&mut self, done: Result<(Id, Result<Stream, Unmet>), JoinError>) -> Option<Stream> {
        let id = done.as_ref().map_or_else(JoinError::id, |(id, _)| *id);
        let at = self.visitors.iter().position(|visitor| visitor.task.id() == id)?;
        let visitor = self.visitors.swap_remove(at);
        let unmet = match done {
            Ok((_, Ok(stream))) => return Some(stream),
            Ok((_, Err(unmet))) => unmet,
            // It made room for another; or panicked, which has been told.
            Err(_) => Unmet::Late(visitor.since.elapsed()),
        };
        if visitor.stage.was_wrong() {
            let left = self.ours.guesses.left();
            self.observer.event(Event::WrongCode { peer: &visitor.peer, why: &unmet, left });
            return None;
        }
        let count = if unmet.is_mistake() { &mut self.mistakes } else { &mut self.strangers };
        *count += 1;
        // A flood fills no log.
        if count.is_power_of_two() {
            let count = *count;
            self.observer.event(Event::NotMet { peer: &visitor.peer, why: &unmet, count });
        }
        None
    }

    /// The code is burned: those who wait for their turn are told.
    async fn see_out(&mut self) {
        let over = Instant::now() + self.ours.bounds.turn;
        while let Ok(Some(done)) =
            tokio::time::timeout_at(over, self.at_it.join_next_with_id()).await
        {
            self.note(done);
        }
    }
}

async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}
