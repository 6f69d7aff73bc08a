//! `relay EP EP`: listen on the first, connect to the second, message by message, reframing on the
//! way if asked. The end of one direction closes that direction only. A first end that is dialled by
//! nature (a file, stdin and stdout) makes it one conversation, whose end is ours.

use std::sync::Arc;
use std::time::Duration;

use framecat_proto::Endpoint;
use framecat_proto::cidr::Access;
use framecat_proto::endpoint::At;
use framecat_proto::framing::{Tail, Ways};
use framecat_proto::limits::{CLIENTS, CONNECT_WAIT};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::conn::{Conn, Stream};
use crate::converse::{close, sleep_until};
use crate::error::Error;
use crate::event::{Event, Observer, Totals};
use crate::join::{Joint, Rules};
use crate::open::retry::{Patience, dial};
use crate::open::{self, Accepted, ListenOptions, Listener, Origin};
use crate::record::Record;
use crate::relay::Allowed;
use crate::shape::Shape;
use crate::talk::{End, Lines, Named, Shutdown};

mod pairs;
mod shared;

/// Who waits, and who is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Roles {
    /// The left end waits, the right one is dialled for each connection.
    #[default]
    ListenAndDial,
    /// Both are dialled, once: `--dial-both`, and a left end that nobody comes to (a file, a program,
    /// stdin and stdout).
    DialBoth,
    /// Both wait: `--listen-both`.
    ListenBoth,
}

/// What `relay` is told.
#[derive(Debug)]
pub struct Relay {
    /// The left end.
    pub left: Endpoint,
    /// The right end.
    pub right: Endpoint,
    /// How messages end on the left.
    pub left_framing: Ways,
    /// How messages end on the right.
    pub right_framing: Ways,
    /// No host on the left means every interface.
    pub lan: bool,
    /// Who may talk to the left.
    pub access: Access,
    /// The longest message.
    pub message_bytes: usize,
    /// What becomes of a cut message.
    pub tail: Option<Tail>,
    /// End after so many messages, both ways together.
    pub count: Option<u64>,
    /// End after a message that holds this, either way.
    pub until: Option<Vec<u8>>,
    /// Bound on dialling.
    pub wait: Option<Duration>,
    /// Dial again for so long while nobody is there.
    pub retry: Option<Duration>,
    /// A connection on which nothing moves for so long is ended.
    pub idle: Option<Duration>,
    /// End after so long.
    pub deadline: Option<Duration>,
    /// One dial for all connections.
    pub shared: bool,
    /// Who waits where.
    pub roles: Roles,
    /// One connection, then the end.
    pub once: bool,
    /// Connections at once.
    pub max_clients: Option<usize>,
    /// Whether raw bytes may take the fast paths.
    pub fast: Allowed,
    /// How what is sent is spread over time and calls, each direction by itself.
    pub shape: Shape,
    /// Where both directions are recorded: the observer records, and the relay waits for its room.
    pub record: Option<Arc<Record>>,
    /// Stdout, and the lines that are told there (`--json`).
    pub lines: Option<(Stream, Arc<Lines>)>,
}

impl Relay {
    /// How long dialling may take.
    fn patience(&self) -> Patience {
        Patience { wait: self.wait.unwrap_or(CONNECT_WAIT), retry: self.retry }
    }

    /// What concerns the connections once they are there; and stdout.
    fn rules(self) -> (Rules, Option<(Stream, Arc<Lines>)>) {
        let rules = Rules {
            left: self.left_framing,
            right: self.right_framing,
            message_bytes: self.message_bytes,
            tail: self.tail,
            count: self.count,
            until: self.until,
            idle: self.idle,
            shape: self.shape,
            record: self.record,
            fast: self.fast,
        };
        (rules, self.lines)
    }
}

/// What all connections of a relay share.
struct Shared {
    joint: Joint,
    right: Endpoint,
    /// Bounds on dialling.
    patience: Patience,
}

impl Shared {
    fn new(options: Relay, observer: Arc<dyn Observer>) -> Shared {
        let (right, patience) = (options.right.clone(), options.patience());
        let (rules, lines) = options.rules();
        Shared { joint: Joint::new(rules, observer, lines), right, patience }
    }
}

/// Relays until a signal, `--count` or `--until`.
///
/// Where both ends are dialled there is one conversation, and what ended it is the outcome.
pub async fn run(
    options: Relay,
    observer: Arc<dyn Observer>,
    shutdown: Shutdown,
) -> Result<End, Error> {
    open::check(&options.right)?;
    match options.roles {
        Roles::DialBoth => dial_both(options, observer, shutdown).await,
        Roles::ListenBoth => pairs::run(options, observer, shutdown).await,
        Roles::ListenAndDial if options.shared => shared::run(options, observer, shutdown).await,
        Roles::ListenAndDial => serve_all(options, observer, shutdown).await,
    }
}

/// Dials both ends, and joins them.
async fn dial_both(
    options: Relay,
    observer: Arc<dyn Observer>,
    mut shutdown: Shutdown,
) -> Result<End, Error> {
    let (left, time) = (options.left.clone(), options.deadline);
    let deadline = time.map(|time| Instant::now() + time);
    let shared = Shared::new(options, observer);
    let joint = &shared.joint;
    let (stop, mut stopped) = Shutdown::new();
    let joined = stopped.clone();
    let whole = async {
        let dialled = async {
            let (patience, observer) = (shared.patience, &*joint.observer);
            let left = dial(&left, patience, None, observer).await?;
            Ok((left, dial(&shared.right, patience, None, observer).await?))
        };
        let (left, right) = tokio::select! {
            dialled = dialled => dialled?,
            () = stopped.requested() => return Ok(()),
        };
        let conn = joint.ledger.next_conn();
        let named = Named { conn, peer: left.peer().into(), local: left.local().into() };
        named.opened(&*joint.observer);
        let (totals, ended) = joint.join(&named, left, right, joined).await;
        named.closed(totals, &*joint.observer);
        ended
    };
    let mut whole = std::pin::pin!(whole);
    let mut over = None;
    let ended = tokio::select! {
        biased;
        done = &mut whole => {
            over = Some(done);
            joint.unmet()
        }
        () = joint.enough() => End::Done,
        ended = joint.write_told() => ended?,
        () = shutdown.requested() => End::Interrupted,
        () = sleep_until(deadline) => End::Deadline(time.unwrap_or_default()),
    };
    // What is in hand is finished.
    stop.request();
    let over = match over {
        Some(over) => over,
        None => tokio::time::timeout(ended.drain_time(), whole).await.unwrap_or_else(|_| {
            joint.ledger.note_lost();
            Ok(())
        }),
    };
    joint.flush(0).await?;
    over?;
    Ok(joint.ledger.settle(ended))
}

/// Binds the left, and dials the right for each connection.
async fn serve_all(
    options: Relay,
    observer: Arc<dyn Observer>,
    mut shutdown: Shutdown,
) -> Result<End, Error> {
    let listen = ListenOptions { lan: options.lan, message_bytes: options.message_bytes };
    let mut listener = open::listen(&options.left, &listen).await?;
    if let Some(most) = options.max_clients {
        listener.bound_peers(most);
    }
    listener.admit(options.access.clone());
    let (endpoint, reach, pin) = (listener.endpoint(), listener.reach(), listener.pin());
    observer.event(Event::Listening { endpoint, reach, pin });
    let time = options.deadline;
    let deadline = time.map(|time| Instant::now() + time);
    let places = Arc::new(Semaphore::new(options.max_clients.unwrap_or(CLIENTS)));
    // Stdin and stdout can be joined once.
    let once = options.once || options.right.at == At::Stdio;
    let shared = Arc::new(Shared::new(options, observer));
    let datagrams = listener.is_datagrams();
    let (stop, stopped) = Shutdown::new();
    let mut conns: JoinSet<()> = JoinSet::new();
    let mut open = true;
    let ended = loop {
        if !open && conns.is_empty() {
            break shared.joint.unmet();
        }
        tokio::select! {
            biased;
            Some(_) = conns.join_next() => {}
            () = shared.joint.enough() => break End::Done,
            accepted = accept(&mut listener, &places), if open || datagrams => match accepted? {
                (Accepted::Conn(conn), place) => {
                    if !open {
                        // A datagram peer too many; accepting goes on, for it sorts what arrives.
                        continue;
                    }
                    open = !once;
                    let (shared, stopped) = (shared.clone(), stopped.clone());
                    conns.spawn(async move {
                        let _place = place;
                        serve(&shared, conn, stopped).await;
                    });
                }
                (Accepted::Failed(error), _) => {
                    let conn = shared.joint.ledger.next_conn();
                    shared.joint.observer.event(Event::Failed { conn, error: &error });
                }
                (Accepted::NotAllowed { peer, count }, _) => {
                    shared.joint.observer.event(Event::NotAllowed { peer: &peer, count });
                }
                (Accepted::Delayed { error, wait, again }, _) => {
                    if !again {
                        shared.joint.observer.event(Event::AcceptDelayed { error: &error, wait });
                    }
                }
            },
            ended = shared.joint.write_told() => break ended?,
            () = shutdown.requested() => break match shared.joint.unmet() {
                End::NotMet(_) => End::Interrupted,
                end => end,
            },
            () = sleep_until(deadline) => {
                break End::Deadline(time.unwrap_or_default());
            }
        }
    };
    stop.request();
    let drained = async { while conns.join_next().await.is_some() {} };
    // Whoever is not done by then is cut off.
    if tokio::time::timeout(ended.drain_time(), drained).await.is_err() {
        shared.joint.ledger.note_lost();
    }
    shared.joint.flush(0).await?;
    Ok(shared.joint.ledger.settle(ended))
}

async fn accept(
    listener: &mut Listener,
    places: &Arc<Semaphore>,
) -> Result<(Accepted, Option<tokio::sync::OwnedSemaphorePermit>), Error> {
    if listener.is_datagrams() {
        return Ok((listener.accept().await?, None));
    }
    let place = places.clone().acquire_owned().await.ok();
    Ok((listener.accept().await?, place))
}

/// One connection: dial the right, pump both ways.
async fn serve(shared: &Shared, left: Conn, mut stopped: Shutdown) {
    let id = shared.joint.ledger.next_conn();
    let named = Named { conn: id, peer: left.peer().into(), local: left.local().into() };
    named.opened(&*shared.joint.observer);
    let origin = Origin { peer: &named.peer, local: &named.local };
    let right = tokio::select! {
        right = dial(&shared.right, shared.patience, Some(origin), &*shared.joint.observer) => right,
        () = stopped.requested() => return named.closed(Totals::default(), &*shared.joint.observer),
    };
    let right = match right {
        Ok(right) => right,
        Err(error) => {
            shared.joint.failed(id, &error);
            if let Conn::Stream(stream) = &left {
                close(stream).await;
            }
            named.closed(Totals::default(), &*shared.joint.observer);
            return;
        }
    };
    let (totals, ended) = shared.joint.join(&named, left, right, stopped).await;
    if let Err(error) = ended {
        shared.joint.failed(id, &error);
    }
    named.closed(totals, &*shared.joint.observer);
}
