//! `listen EP`: wait for peers, print their messages, answer.

use std::sync::Arc;

use framecat_proto::cidr::Access;
use framecat_proto::endpoint::At;
use framecat_proto::limits::{CLIENTS, DATAGRAM_PEERS};
use framecat_proto::message::Dir;
use framecat_proto::{Endpoint, Framing};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::conn::{Conn, Kind, Stream};
use crate::converse::{Bounds, Feed, Shared, converse, sleep_until, stdin_messages};
use crate::error::{Cause, Error, Op};
use crate::event::{Event, Observer, Place};
use crate::fan::Fan;
use crate::link::{Filled, now_ns};
use crate::open::{self, Accepted, ListenOptions, Listener};
use crate::relay::Progress;
use crate::replay::{Player, Script};
use crate::respond::{Answer, Respond};
use crate::talk::{End, Named, Shutdown, Talk};

/// What `listen` is told.
#[derive(Debug)]
pub struct Listen {
    /// Where.
    pub endpoint: Endpoint,
    /// How to talk.
    pub talk: Talk,
    /// No host means every interface.
    pub lan: bool,
    /// Who may talk.
    pub access: Access,
    /// Answers instead of stdin.
    pub answer: Option<Answer>,
    /// Each message goes to all the other peers, and stdin's to all of them.
    pub chat: bool,
    /// One connection (for datagrams one message), then the end.
    pub once: bool,
    /// `--idle` counts from the first peer on, as nc's `-w` does.
    pub patient: bool,
    /// Connections served at once.
    pub max_clients: Option<usize>,
    /// Where messages to the peers come from, opened when the first of them is there.
    pub stdin: Stream,
    /// Where their messages go.
    pub stdout: Stream,
}

/// Binds, serves peers until the end: of the one conversation, of what `--count` and its like ask
/// for, or by a signal.
pub async fn run(
    options: Listen,
    observer: Arc<dyn Observer>,
    shutdown: Shutdown,
) -> Result<End, Error> {
    if let Some(Answer::Each(each)) = &options.answer {
        each.check()?;
    }
    let listen = ListenOptions { lan: options.lan, message_bytes: options.talk.message_bytes };
    let mut listener = open::listen(&options.endpoint, &listen).await?;
    if let Some(most) = options.max_clients {
        listener.bound_peers(most);
    }
    listener.admit(options.access);
    let (endpoint, reach, pin) = (listener.endpoint(), listener.reach(), listener.pin());
    observer.event(Event::Listening { endpoint, reach, pin });
    let deadline = options.talk.deadline.map(|time| Instant::now() + time);
    let Listen { mut talk, answer, chat, once, patient, max_clients, stdin, stdout, .. } = options;
    let datagrams = listener.is_datagrams();
    let plain = matches!(options.endpoint.at, At::Tcp(_) | At::Unix(_));
    if once && datagrams && talk.count.is_none() {
        talk.count = Some(1);
    }
    talk.many = !once || datagrams;
    let shared = Arc::new(Shared::new(talk, stdout, observer));
    let serve = async {
        if once && !datagrams {
            return one(&shared, listener, stdin, answer, (deadline, patient), shutdown).await;
        }
        let places = Arc::new(Semaphore::new(max_clients.unwrap_or(CLIENTS)));
        // What is shown as it leaves is shown per peer, and the kernel frames datagrams.
        let alike = plain && !shared.talk.shape.is_set();
        let one_for_all = alike && !shared.observer.wants_messages();
        let sends = (&shared.talk.send, shared.talk.message_bytes);
        let fan = Fan::new(one_for_all.then_some(sends));
        let (shared, conns) = (shared.clone(), JoinSet::new());
        // A peer that made room for another may still be answered by a program. Those who are answered
        // and those who talk are bounded together: the kernel holds what comes meanwhile.
        let bounded = datagrams && matches!(answer, Some(Answer::Each(_)));
        let crowd = bounded.then(|| max_clients.unwrap_or(DATAGRAM_PEERS).saturating_mul(2));
        let many = Many { shared, listener, answer, chat, fan, places, crowd, deadline, conns };
        many.serve(stdin, shutdown).await
    };
    let ended = tokio::select! {
        biased;
        ended = serve => ended,
        ended = shared.output.write_told() => ended,
    };
    shared.output.flush_quietly().await?;
    Ok(shared.ledger.settle(ended?))
}

/// One connection, as nc has it.
async fn one(
    shared: &Shared,
    mut listener: Listener,
    stdin: Stream,
    answer: Option<Answer>,
    (deadline, patient): (Option<Instant>, bool),
    mut shutdown: Shutdown,
) -> Result<End, Error> {
    let idle = shared.talk.idle;
    let waiting = Instant::now();
    let conn = loop {
        let idle_at = idle.filter(|_| !patient).map(|idle| waiting + idle);
        tokio::select! {
            accepted = listener.accept() => match accepted? {
                Accepted::Conn(conn) => break conn,
                Accepted::Failed(error) => {
                    let conn = shared.ledger.next_conn();
                    shared.observer.event(Event::Failed { conn, error: &error });
                }
                Accepted::NotAllowed { peer, count } => {
                    shared.observer.event(Event::NotAllowed { peer: &peer, count });
                }
                Accepted::Delayed { error, wait, again } => {
                    if !again {
                        shared.observer.event(Event::AcceptDelayed { error: &error, wait });
                    }
                }
            },
            () = shutdown.requested() => return Ok(End::Interrupted),
            () = sleep_until(deadline) => {
                return Ok(End::Deadline(shared.talk.deadline.unwrap_or_default()));
            }
            () = sleep_until(idle_at) => return Ok(End::Done),
        }
    };
    // Nobody else is let in; those in the queue are told so.
    drop(listener);
    let feed = match (answer, &shared.talk.replay) {
        (Some(answer), _) => Feed::Answers(Respond::new(answer, &shared.talk)),
        (None, Some(script)) => Feed::Replay(player(script, &shared.talk)),
        (None, None) => Feed::Stdin(stdin),
    };
    let bounds = Bounds { idle, deadline, wait: shared.talk.wait, stays: false };
    converse(shared, conn, shared.ledger.next_conn(), feed, bounds, shutdown).await
}

/// Who plays the next recorded conversation, for as long as its peer needs.
fn player(script: &Arc<Script>, talk: &Talk) -> Arc<Player> {
    script.player(talk.receive == Framing::Raw, None)
}

/// Many connections.
struct Many {
    shared: Arc<Shared>,
    listener: Listener,
    answer: Option<Answer>,
    chat: bool,
    fan: Arc<Fan>,
    places: Arc<Semaphore>,
    /// So many conversations, and nobody else is heard until one is over.
    crowd: Option<usize>,
    deadline: Option<Instant>,
    conns: JoinSet<(u64, Result<End, Error>)>,
}

impl Many {
    async fn serve(mut self, stdin: Stream, mut shutdown: Shutdown) -> Result<End, Error> {
        let shared = self.shared.clone();
        let (stop, stopped) = Shutdown::new();
        let kind = stdin.kind();
        let input = Stdin { fan: self.fan.clone(), moved: Progress::default() };
        let mut reading = std::pin::pin!(input.read(stdin, &shared));
        let mut reads = self.answer.is_none() && shared.talk.replay.is_none();
        let mut failed = None;
        let ended = loop {
            let idle_at = shared.talk.idle.map(|idle| shared.activity.last() + idle);
            let crowded = self.crowd.is_some_and(|most| self.conns.len() >= most);
            tokio::select! {
                biased;
                Some(done) = self.conns.join_next() => {
                    // One that panicked has told so itself; the others go on.
                    let Ok((id, outcome)) = done else { continue };
                    if let Some(end) = self.note(id, outcome).await? {
                        break end;
                    }
                }
                accepted = accept(&mut self.listener, &self.places), if !crowded => match accepted? {
                    (Accepted::Conn(conn), place) => self.start(conn, place, kind, &stopped),
                    (Accepted::Failed(error), _) => {
                        let conn = shared.ledger.next_conn();
                        shared.observer.event(Event::Failed { conn, error: &error });
                    }
                    (Accepted::NotAllowed { peer, count }, _) => {
                        shared.observer.event(Event::NotAllowed { peer: &peer, count });
                    }
                    (Accepted::Delayed { error, wait, again }, _) => {
                        if !again {
                            shared.observer.event(Event::AcceptDelayed { error: &error, wait });
                        }
                    }
                },
                read = &mut reading, if reads => {
                    reads = false;
                    if let Err(error) = read {
                        failed = Some(error);
                        break End::Done;
                    }
                    // A chat goes on among the peers.
                    if !self.chat {
                        self.fan.end();
                    }
                }
                () = shutdown.requested() => break match shared.output.unmet() {
                    Some(_) => End::Interrupted,
                    None => End::Done,
                },
                () = sleep_until(self.deadline) => {
                    break End::Deadline(shared.talk.deadline.unwrap_or_default());
                }
                () = sleep_until(idle_at) => {
                    if idle_at.is_some_and(|at| shared.activity.last() + shared.talk.idle.unwrap_or_default() <= at) {
                        break match shared.output.unmet() {
                            Some(what) => End::NotMet(what),
                            None => End::Done,
                        };
                    }
                }
            }
        };
        // No new peers; messages in hand are finished.
        self.fan.drain();
        input.moved.stop();
        stop.request();
        let drained = async {
            loop {
                tokio::select! {
                    biased;
                    Some(done) = self.conns.join_next() => {
                        if let Ok((id, outcome)) = done {
                            self.note(id, outcome).await?;
                        }
                    }
                    _ = &mut reading, if reads && input.moved.is_holding() => reads = false,
                    else => return Ok(()),
                }
            }
        };
        // Whoever is not done by then is cut off.
        match tokio::time::timeout(ended.drain_time(), drained).await {
            Ok(noted) => noted?,
            Err(_) => shared.ledger.note_lost(),
        }
        failed.map_or(Ok(ended), Err)
    }

    fn start(
        &mut self,
        conn: Conn,
        place: Option<OwnedSemaphorePermit>,
        kind: Kind,
        stopped: &Shutdown,
    ) {
        let shared = self.shared.clone();
        let id = shared.ledger.next_conn();
        shared.activity.touch();
        let feed = match (&self.answer, &shared.talk.replay) {
            (Some(answer), _) => Feed::Answers(Respond::new(answer.clone(), &shared.talk)),
            (None, Some(script)) => Feed::Replay(player(script, &shared.talk)),
            (None, None) if self.chat => Feed::Chat(self.fan.join(id)),
            (None, None) => Feed::Fan(self.fan.join(id), kind),
        };
        let stopped = stopped.clone();
        self.conns.spawn(async move {
            let _place = place;
            let bounds = Bounds { stays: true, ..Bounds::default() };
            (id, converse(&shared, conn, id, feed, bounds, stopped).await)
        });
    }

    /// What the end of one connection means for all: `Some` ends the listener.
    async fn note(&self, id: u64, outcome: Result<End, Error>) -> Result<Option<End>, Error> {
        let shared = &self.shared;
        match outcome {
            Ok(End::Done) if shared.output.is_met() => Ok(Some(End::Done)),
            Ok(End::Done) if shared.output.is_closed() => Ok(Some(End::Done)),
            Ok(End::Done) if shared.talk.replay.as_ref().is_some_and(|script| script.is_over()) => {
                Ok(Some(End::Done))
            }
            Ok(_) => Ok(None),
            // Stdout concerns all of them.
            Err(error) if error.op == Op::Write => Err(error),
            // It was looked for, and is found.
            Err(error) if matches!(error.cause, Cause::Differs(_)) => Err(error),
            Err(error) => {
                // Its messages, or ours to it, are lost.
                use Cause::{Address, Framing, Stalled, Truncated};
                if matches!(error.cause, Framing(_) | Stalled(_) | Truncated | Address { .. }) {
                    shared.ledger.note_lost();
                }
                shared.observer.event(Event::Failed { conn: id, error: &error });
                Ok(None)
            }
        }
    }
}

/// The next connection, once there is a place for it. Peers of one datagram socket are let in as
/// they come: the listener bounds them, and must run for the others to hear anything.
async fn accept(
    listener: &mut Listener,
    places: &Arc<Semaphore>,
) -> Result<(Accepted, Option<OwnedSemaphorePermit>), Error> {
    if listener.is_datagrams() {
        return Ok((listener.accept().await?, None));
    }
    let place = places.clone().acquire_owned().await.ok();
    Ok((listener.accept().await?, place))
}

/// Stdin for all peers, which is not read before one of them is there.
struct Stdin {
    fan: Arc<Fan>,
    /// What it has read and not given yet is given at the end too.
    moved: Progress,
}

impl Stdin {
    async fn read(&self, stdin: Stream, shared: &Shared) -> Result<(), Error> {
        let mut messages = stdin_messages(stdin, &shared.talk)?;
        let named = Named { conn: 0, peer: "stdin".into(), local: "stdin".into() };
        let mut refused = Vec::new();
        loop {
            self.moved.rest().await;
            self.fan.somebody().await;
            match messages.fill().await? {
                Filled::Messages => {}
                Filled::Notice(_) => continue,
                Filled::End => return Ok(()),
            }
            let _speaking = self.fan.speak();
            self.moved.hold();
            // The last peer may have left while stdin was silent: then the next one gets it.
            self.fan.somebody().await;
            let context = named.context(Dir::Out, messages.first(), now_ns());
            self.fan.give(0, messages.batch(), &context, &mut refused).await;
            let (way, ledger) = ((Dir::In, Place::Peer), &shared.ledger);
            let observer = &*shared.observer;
            named.refused(way, context.first, &shared.sends, &mut refused, ledger, observer);
        }
    }
}
