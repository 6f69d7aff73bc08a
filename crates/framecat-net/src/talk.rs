//! What the talking verbs share: what they are told, what they report, how they end.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use framecat_proto::Framing;
use framecat_proto::framing::Tail;
use framecat_proto::limits::{CONNECT_WAIT, DRAIN_TIME, MESSAGE_BYTES, TOLD_BYTES};
use framecat_proto::message::{Batch, Context, Dir};
use framecat_proto::template::Template;
use framecat_proto::text::{Form, Look};
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use crate::error::{Cause, Difference, Error, Op};
use crate::event::{Event, Observer, Place, Totals};
use crate::link::{LinkOptions, LooksMerged, Notice, Receiver, Refusal, now_ns};
use crate::open::retry::Patience;
use crate::record::Record;
use crate::relay::Allowed;
use crate::replay::Script;
use crate::shape::Shape;

/// What a talking verb is told, the endpoint apart.
#[derive(Debug, Clone)]
pub struct Talk {
    /// Where messages from the wire end.
    pub receive: Framing,
    /// Where messages to the wire end.
    pub send: Framing,
    /// How messages stand on stdin.
    pub input: Form,
    /// How they look on stdout.
    pub output: Form,
    /// Whether stdout is a terminal.
    pub look: Look,
    /// What is printed in place of a message: this, filled in from it.
    pub format: Option<Template>,
    /// The longest message, in bytes.
    pub message_bytes: usize,
    /// What becomes of bytes left when a stream ends inside a message; `None`: as the rule has it.
    pub tail: Option<Tail>,
    /// End after so many messages.
    pub count: Option<u64>,
    /// End after a message that holds this.
    pub until: Option<Vec<u8>>,
    /// How long to wait for a connection, and for a reply where one is waited for.
    pub wait: Option<Duration>,
    /// Dial again for so long while nobody is there.
    pub retry: Option<Duration>,
    /// End when nothing happened for so long.
    pub idle: Option<Duration>,
    /// End after so long, whatever happens.
    pub deadline: Option<Duration>,
    /// After the peer ended, wait for stdin for ever.
    pub half_open: bool,
    /// Messages of several peers go to stdout.
    pub many: bool,
    /// Lines told besides the messages (`--json`), written to stdout between them.
    pub lines: Option<Arc<Lines>>,
    /// A connection for each message and what is said to it.
    pub short: bool,
    /// How what is sent is spread over time and calls.
    pub shape: Shape,
    /// A recording to play, one of its parts: stdin plays none then.
    pub replay: Option<Arc<Script>>,
    /// Where both directions are recorded: the observer records, and the verb waits for its room.
    pub record: Option<Arc<Record>>,
    /// Whether raw bytes may take the kernel's fast paths.
    pub fast: Allowed,
}

impl Default for Talk {
    /// Raw bytes both ways, no limits but the size of a message.
    fn default() -> Talk {
        Talk {
            receive: Framing::Raw,
            send: Framing::Raw,
            input: Form::Raw,
            output: Form::Raw,
            look: Look::default(),
            format: None,
            message_bytes: MESSAGE_BYTES,
            tail: None,
            count: None,
            until: None,
            wait: None,
            retry: None,
            idle: None,
            deadline: None,
            half_open: false,
            many: false,
            lines: None,
            short: false,
            shape: Shape::default(),
            replay: None,
            record: None,
            fast: Allowed::Fast,
        }
    }
}

impl Talk {
    /// The part that concerns one connection.
    pub fn link(&self) -> LinkOptions {
        LinkOptions {
            receive: self.receive.clone(),
            send: self.send.clone(),
            message_bytes: self.message_bytes,
            tail: self.tail,
        }
    }

    /// How long dialling may take.
    pub(crate) fn patience(&self, deadline: Option<Instant>) -> Patience {
        let left = deadline.map(|at| at.saturating_duration_since(Instant::now()));
        let bounded = |time: Duration| left.map_or(time, |left| time.min(left));
        Patience {
            wait: bounded(self.wait.unwrap_or(CONNECT_WAIT)),
            retry: self.retry.map(bounded),
        }
    }

    /// Whether dialling failed because the deadline came, and not the bound on dialling.
    pub(crate) fn is_over(&self, deadline: Option<Instant>, error: &Error) -> bool {
        matches!(error.cause, Cause::TimedOut(_)) && deadline.is_some_and(|at| at <= Instant::now())
    }

    /// The end that the deadline makes.
    pub(crate) fn deadline_came(&self) -> End {
        End::Deadline(self.deadline.unwrap_or_default())
    }

    /// Whether bytes from the wire may go to stdout without anybody looking at them.
    pub(crate) fn raw_in(&self) -> bool {
        self.receive == Framing::Raw
            && self.output == Form::Raw
            && !self.look.terminal
            && !self.speaks_of_messages()
    }

    /// Whether bytes from stdin may go to the wire without anybody looking at them.
    pub(crate) fn raw_out(&self) -> bool {
        self.send == Framing::Raw && self.input == Form::Raw && !self.shape.is_set()
    }

    /// Whether a raw stream of TLS that ended without TLS's own end is taken as it came.
    pub(crate) fn takes_cut(&self, error: &std::io::Error) -> bool {
        error.kind() == std::io::ErrorKind::UnexpectedEof && self.tail == Some(Tail::Keep)
    }

    fn speaks_of_messages(&self) -> bool {
        let asked = self.count.is_some() || self.until.is_some() || self.format.is_some();
        asked || self.lines.is_some()
    }
}

/// Lines for stdout that are no messages. They are written between messages, or soon if none comes.
#[derive(Debug, Default)]
pub struct Lines {
    pending: std::sync::Mutex<Vec<u8>>,
    told: Notify,
    /// What waits was taken.
    taken: std::sync::Condvar,
    /// Nobody waits for room any more.
    hurried: AtomicBool,
}

impl Lines {
    /// Adds to what is to be written, line endings included. Never waits.
    pub fn tell(&self, lines: &[u8]) {
        self.lock().extend_from_slice(lines);
        self.told.notify_one();
    }

    /// As [`tell`](Self::tell), for what may be left out: false once [`TOLD_BYTES`] wait. A peer that
    /// makes events while nobody reads stdout fills no memory.
    pub fn offer(&self, lines: &[u8]) -> bool {
        let room = self.waiting() < TOLD_BYTES;
        if room {
            self.tell(lines);
        }
        room
    }

    /// As [`tell`](Self::tell), for what must not be left out: blocks this thread while [`TOLD_BYTES`] wait,
    /// until somebody takes them or [`hurry`](Self::hurry) is called. Not for a thread that runs futures.
    pub fn tell_in_turn(&self, lines: &[u8]) {
        let full = |pending: &mut Vec<u8>| {
            pending.len() >= TOLD_BYTES && !self.hurried.load(Ordering::Relaxed)
        };
        let pending = self.taken.wait_while(self.lock(), full);
        pending.unwrap_or_else(|poisoned| poisoned.into_inner()).extend_from_slice(lines);
        self.told.notify_one();
    }

    /// From now on nobody waits for room: the end is near.
    pub fn hurry(&self) {
        let _pending = self.lock();
        self.hurried.store(true, Ordering::Relaxed);
        self.taken.notify_all();
    }

    /// How many bytes wait to be written.
    pub fn waiting(&self) -> usize {
        self.lock().len()
    }

    /// Takes what waits: for who writes it instead.
    pub fn take(&self) -> Vec<u8> {
        let lines = std::mem::take(&mut *self.lock());
        self.taken.notify_all();
        lines
    }

    /// Returns once something was told since the last call. Cancel safe.
    pub async fn told(&self) {
        self.told.notified().await;
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<u8>> {
        self.pending.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

/// How a conversation ended that did not fail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// All done.
    Done,
    /// It ended before `--count` or `--until` was met; says which.
    NotMet(String),
    /// Nobody answered within this time.
    NoReply(Duration),
    /// The peer ended before it answered anything.
    PeerEnded,
    /// So many messages got no reply; others did.
    Unanswered(u64),
    /// The peer's host refused datagrams and nothing else came; told when it happened.
    Refused,
    /// The deadline came.
    Deadline(Duration),
    /// This message had no reply in time, and those behind it were not asked: a late reply would have
    /// passed for theirs.
    OutOfStep {
        /// Its number, from 1.
        n: u64,
        /// The time.
        wait: Duration,
        /// Whether others had one.
        replied: bool,
    },
    /// Some messages were refused, too long or lost, or files of a transfer are missing; each was told.
    Partly,
    /// So many files, folders or links of a transfer are missing; each was told.
    Incomplete(u64),
    /// The server answered, and not with what was asked for.
    Declined {
        /// What it said instead.
        said: String,
        /// What to do.
        remedy: String,
    },
    /// So many of what a server must do, it does not (`fetch --check`).
    Disobeys(usize),
    /// None of so many rules takes the bytes for messages (`-f guess`).
    NoRule(usize),
    /// A signal came before the work was done.
    Interrupted,
}

impl End {
    /// How long all connections together may take to finish what they have in hand: a little more
    /// than each of them, so that each can tell. A deadline is one whatever is in hand.
    pub(crate) fn drain_time(&self) -> Duration {
        match self {
            End::Deadline(_) => Duration::ZERO,
            _ => DRAIN_TIME + Duration::from_millis(500),
        }
    }
}

/// Asks a verb to end: no new peers, the messages in hand, then done.
#[derive(Debug, Clone)]
pub struct Shutdown(watch::Receiver<bool>);

/// The other end of a [`Shutdown`].
#[derive(Debug)]
pub struct ShutdownSwitch(watch::Sender<bool>);

impl ShutdownSwitch {
    /// Asks.
    pub fn request(&self) {
        self.0.send_replace(true);
    }
}

impl Shutdown {
    /// A switch and what it switches.
    pub fn new() -> (ShutdownSwitch, Shutdown) {
        let (send, receive) = watch::channel(false);
        (ShutdownSwitch(send), Shutdown(receive))
    }

    /// Never asked.
    pub fn never() -> Shutdown {
        Shutdown::new().1
    }

    /// Whether it was asked.
    pub fn is_requested(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits until it is asked. Cancel safe.
    pub async fn requested(&mut self) {
        if self.0.wait_for(|asked| *asked).await.is_err() {
            // The switch is gone: nobody will ask.
            std::future::pending::<()>().await;
        }
    }
}

/// What happened over all connections of a verb.
#[derive(Debug, Default)]
pub struct Ledger {
    lost: AtomicBool,
    conns: AtomicU64,
}

impl Ledger {
    /// A number for the next connection, from 1.
    pub fn next_conn(&self) -> u64 {
        self.conns.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// A message was refused, too long or lost.
    pub fn note_lost(&self) {
        self.lost.store(true, Ordering::Relaxed);
    }

    /// `Partly` where something was lost, else `end`.
    pub fn settle(&self, end: End) -> End {
        match end {
            End::Done if self.lost.load(Ordering::Relaxed) => End::Partly,
            end => end,
        }
    }
}

/// One connection as events name it.
#[derive(Debug, Clone)]
pub(crate) struct Named {
    pub(crate) conn: u64,
    pub(crate) peer: String,
    pub(crate) local: String,
}

impl Named {
    pub(crate) fn context(&self, dir: Dir, first: u64, now_ns: u64) -> Context<'_> {
        let (peer, local) = (self.peer.as_str(), self.local.as_str());
        Context { now_ns, conn: self.conn, peer, local, dir, first, rtt_us: None }
    }

    /// Named by who sent the batch, where one conversation hears many.
    pub(crate) fn heard(&self, receiver: &Receiver) -> Cow<'_, Named> {
        match receiver.hears_many() {
            true => Cow::Owned(Named { peer: receiver.peer().into(), ..self.clone() }),
            false => Cow::Borrowed(self),
        }
    }

    pub(crate) fn opened(&self, observer: &dyn Observer) {
        let Named { conn, peer, local } = self;
        observer.event(Event::Connected { conn: *conn, peer, local });
    }

    pub(crate) fn closed(&self, totals: Totals, observer: &dyn Observer) {
        observer.event(Event::Closed { conn: self.conn, peer: &self.peer, totals });
    }

    pub(crate) fn differs(&self, difference: Box<Difference>) -> Error {
        let (op, endpoint) = (Op::Receive, self.peer.clone());
        Error { op, endpoint, cause: Cause::Differs(difference) }
    }

    /// The end of a direction, for who records.
    pub(crate) fn ended(&self, dir: Dir, observer: &dyn Observer) {
        let (conn, peer, now_ns) = (self.conn, self.peer.as_str(), now_ns());
        observer.event(Event::Ended { conn, peer, dir, now_ns });
    }

    /// Tells each refused message of a batch whose first has number `first`.
    pub(crate) fn refused(
        &self,
        (dir, place): (Dir, Place),
        first: u64,
        by: &str,
        refused: &mut Vec<Refusal>,
        ledger: &Ledger,
        observer: &dyn Observer,
    ) {
        for Refusal { index, error } in refused.drain(..) {
            ledger.note_lost();
            let (n, error) = (first + index as u64, &error);
            let (conn, peer) = (self.conn, self.peer.as_str());
            observer.event(Event::Refused { conn, peer, dir, n, place, by, error });
        }
    }

    pub(crate) fn notice(
        &self,
        notice: &Notice,
        max: usize,
        ledger: &Ledger,
        observer: &dyn Observer,
    ) {
        let (conn, peer) = (self.conn, self.peer.as_str());
        match notice {
            Notice::Resynchronised(error) => {
                ledger.note_lost();
                observer.event(Event::Resynchronised { conn, peer, error });
            }
            Notice::TailDropped(error) => {
                let len = match error.fault {
                    framecat_proto::framing::Fault::Cut { have, .. } => have,
                    _ => 0,
                };
                observer.event(Event::Cut { conn, peer, len, delivered: false });
            }
            Notice::TooLong { len } => {
                ledger.note_lost();
                observer.event(Event::TooLong { conn, peer, len: *len, max });
            }
            Notice::Prompted => observer.event(Event::Prompted { conn, peer }),
            Notice::LooksMerged(LooksMerged { n, count }) => {
                observer.event(Event::LooksMerged { conn, peer, n: *n, count: *count });
            }
            Notice::Dropped(count) => {
                ledger.note_lost();
                observer.event(Event::Dropped { conn, peer, count: *count });
            }
        }
    }

    /// A message that a reset cut is told: the error alone does not say that one had begun.
    pub(crate) fn cut_by(&self, error: &Error, len: usize, observer: &dyn Observer) {
        if len > 0 && matches!(error.cause, Cause::Io(_)) {
            let (conn, peer) = (self.conn, self.peer.as_str());
            observer.event(Event::Cut { conn, peer, len, delivered: false });
        }
    }

    /// Tells a cut message at the end of a batch.
    pub(crate) fn cut(&self, batch: Batch<'_>, observer: &dyn Observer) {
        let Some(last) = batch.len().checked_sub(1) else { return };
        if batch.spans.is_cut(last) {
            let len = batch.get(last).len();
            let (conn, peer) = (self.conn, self.peer.as_str());
            observer.event(Event::Cut { conn, peer, len, delivered: true });
        }
    }
}
