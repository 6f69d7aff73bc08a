//! `relay EP EP`: listen on the first, connect to the second, message by message, reframing on the
//! way if asked. The end of one direction closes that direction only.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use framecat_proto::framing::Tail;
use framecat_proto::limits::{CLIENTS, CONNECT_WAIT, DRAIN_TIME, QUEUE_BYTES, RELAY_PEER_IDLE};
use framecat_proto::message::Dir;
use framecat_proto::{Endpoint, Framing};
use memchr::memmem;
use tokio::sync::{Notify, Semaphore};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::conn::{Conn, Kind, Stream};
use crate::converse::{close, is_refusal, sleep_until};
use crate::error::{Cause, Error, Op};
use crate::event::{Event, Observer, Place, Totals};
use crate::link::{Begun, Filled, Link, LinkOptions, Receiver, Sender, now_ns};
use crate::open::{self, Accepted, ListenOptions, Listener};
use crate::output::Output;
use crate::relay::{Allowed, CopyError, Progress, Side, copy};
use crate::sockopt::bytes_to_read;
use crate::talk::{End, Ledger, Lines, Named, Shutdown, Talk};

/// What `relay` is told.
#[derive(Debug)]
pub struct Relay {
    /// Where to listen.
    pub left: Endpoint,
    /// Where to dial, once per connection.
    pub right: Endpoint,
    /// How messages end on the left.
    pub left_framing: Framing,
    /// How messages end on the right.
    pub right_framing: Framing,
    /// No host on the left means every interface.
    pub lan: bool,
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
    /// A connection on which nothing moves for so long is ended.
    pub idle: Option<Duration>,
    /// End after so long.
    pub deadline: Option<Duration>,
    /// One connection, then the end.
    pub once: bool,
    /// Connections at once.
    pub max_clients: Option<usize>,
    /// Whether raw bytes may take the fast paths.
    pub fast: Allowed,
    /// Stdout, and the lines that are told there (`--json`).
    pub lines: Option<(Stream, Arc<Lines>)>,
}

/// What all connections of a relay share.
struct Shared {
    options: Relay,
    observer: Arc<dyn Observer>,
    ledger: Ledger,
    relayed: AtomicU64,
    met: AtomicBool,
    enough: Notify,
    until: Option<memmem::Finder<'static>>,
    output: Option<Output>,
}

/// Binds, then relays every connection until a signal, `--count` or `--until`.
pub async fn run(
    options: Relay,
    observer: Arc<dyn Observer>,
    mut shutdown: Shutdown,
) -> Result<End, Error> {
    let listen = ListenOptions { lan: options.lan, message_bytes: options.message_bytes };
    let mut listener = open::listen(&options.left, &listen).await?;
    let (endpoint, reach) = (listener.endpoint(), listener.reach());
    observer.event(Event::Listening { endpoint, reach });
    let deadline = options.deadline.map(|time| Instant::now() + time);
    let until = options.until.as_ref().map(|text| memmem::Finder::new(text).into_owned());
    let places = Arc::new(Semaphore::new(options.max_clients.unwrap_or(CLIENTS)));
    let output = options.lines.as_ref().map(|(stdout, lines)| {
        let talk = Talk { lines: Some(lines.clone()), ..Talk::default() };
        Output::new(stdout.clone(), &talk)
    });
    let shared = Arc::new(Shared {
        output,
        options,
        observer,
        ledger: Ledger::default(),
        relayed: AtomicU64::new(0),
        met: AtomicBool::new(false),
        enough: Notify::new(),
        until,
    });
    let datagrams = listener.is_datagrams();
    let (stop, stopped) = Shutdown::new();
    let mut conns: JoinSet<()> = JoinSet::new();
    let mut open = true;
    let ended = loop {
        if !open && conns.is_empty() {
            break shared.unmet();
        }
        tokio::select! {
            biased;
            Some(_) = conns.join_next() => {}
            () = shared.enough.notified() => break End::Done,
            accepted = accept(&mut listener, &places), if open || datagrams => match accepted? {
                (Accepted::Conn(conn), place) => {
                    if !open {
                        // A datagram peer too many; accepting goes on, for it sorts what arrives.
                        continue;
                    }
                    open = !shared.options.once;
                    let (shared, stopped) = (shared.clone(), stopped.clone());
                    conns.spawn(async move {
                        let _place = place;
                        serve(&shared, conn, stopped).await;
                    });
                }
                (Accepted::Delayed { error, wait, again }, _) => {
                    if !again {
                        shared.observer.event(Event::AcceptDelayed { error: &error, wait });
                    }
                }
            },
            ended = shared.write_told() => break ended?,
            () = shutdown.requested() => break match shared.unmet() {
                End::NotMet(_) => End::Interrupted,
                end => end,
            },
            () = sleep_until(deadline) => {
                break End::Deadline(shared.options.deadline.unwrap_or_default());
            }
        }
    };
    stop.request();
    let drained = async { while conns.join_next().await.is_some() {} };
    // Whoever is not done by then is cut off.
    if tokio::time::timeout(ended.drain_time(), drained).await.is_err() {
        shared.ledger.note_lost();
    }
    shared.flush(0).await?;
    Ok(shared.ledger.settle(ended))
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

impl Shared {
    fn link(&self, framing: &Framing) -> LinkOptions {
        LinkOptions {
            receive: framing.clone(),
            send: framing.clone(),
            message_bytes: self.options.message_bytes,
            tail: self.options.tail,
        }
    }

    /// Counts a batch. `Some(n)`: only its first `n` messages go on, and then all ends.
    fn count(&self, receiver: &Receiver) -> Option<usize> {
        let batch = receiver.batch();
        let mut stop = None;
        if let Some(until) = &self.until {
            let holds = |message: &[u8]| {
                until.find(message.strip_suffix(b"\r").unwrap_or(message)).is_some()
            };
            stop = batch.iter().position(holds).map(|at| at + 1);
        }
        let Some(count) = self.options.count else { return stop };
        let before = self.relayed.fetch_add(batch.len() as u64, Ordering::Relaxed);
        let left = usize::try_from(count.saturating_sub(before)).unwrap_or(usize::MAX);
        match left <= batch.len() {
            true => Some(left.min(stop.unwrap_or(left))),
            false => stop,
        }
    }

    async fn write_told(&self) -> Result<End, Error> {
        match &self.output {
            Some(output) => output.write_told().await,
            None => std::future::pending().await,
        }
    }

    /// Writes the lines told if more than so many bytes of them wait.
    async fn flush(&self, most: usize) -> Result<(), Error> {
        let waiting = self.options.lines.as_ref().map_or(0, |(_, lines)| lines.waiting());
        match &self.output {
            Some(output) if waiting > most => output.flush_quietly().await,
            _ => Ok(()),
        }
    }

    fn finish(&self) {
        self.met.store(true, Ordering::Relaxed);
        self.enough.notify_one();
    }

    fn unmet(&self) -> End {
        let options = &self.options;
        match (self.met.load(Ordering::Relaxed), options.count) {
            (true, _) => End::Done,
            (false, Some(count)) => {
                let relayed = self.relayed.load(Ordering::Relaxed);
                End::NotMet(format!("{relayed} of {count} messages came before the end"))
            }
            (false, None) if options.until.is_some() => {
                End::NotMet("no message held the text of --until before the end".into())
            }
            _ => End::Done,
        }
    }
}

/// One connection: dial the right, pump both ways.
async fn serve(shared: &Shared, left: Conn, mut stopped: Shutdown) {
    let id = shared.ledger.next_conn();
    let named = Named { conn: id, peer: left.peer().into(), local: left.local().into() };
    named.opened(&*shared.observer);
    let wait = shared.options.wait.unwrap_or(CONNECT_WAIT);
    let right = tokio::select! {
        right = open::connect(&shared.options.right, wait) => right,
        () = stopped.requested() => return named.closed(Totals::default(), &*shared.observer),
    };
    let right = match right {
        Ok(right) => right,
        Err(error) => {
            shared.ledger.note_lost();
            shared.observer.event(Event::Failed { conn: id, error: &error });
            if let Conn::Stream(stream) = &left {
                close(stream).await;
            }
            named.closed(Totals::default(), &*shared.observer);
            return;
        }
    };
    let left = Link::new(left, &shared.link(&shared.options.left_framing));
    let right = Link::new(right, &shared.link(&shared.options.right_framing));
    let streams = [left.sender.stream().cloned(), right.sender.stream().cloned()];
    let (totals, broken) = both_ways(shared, &named, left, right, stopped).await;
    // A reset is carried on as a reset, which half-closing first would turn into an end.
    for stream in streams.iter().flatten().filter(|_| !broken) {
        close(stream).await;
    }
    named.closed(totals, &*shared.observer);
}

async fn both_ways(
    shared: &Shared,
    named: &Named,
    left: Link,
    right: Link,
    mut stopped: Shutdown,
) -> (Totals, bool) {
    let (inward, outward) = (Progress::default(), Progress::default());
    let (messages_in, messages_out) = (AtomicU64::new(0), AtomicU64::new(0));
    let datagrams = left.receiver.is_endless();
    let idle = shared.options.idle.or(datagrams.then_some(RELAY_PEER_IDLE));
    let ends = [left.sender.stream().cloned(), right.sender.stream().cloned()];
    let right_name = Named { peer: right.receiver.peer().into(), ..named.clone() };
    let there =
        Pump { shared, named, client: named, dir: Dir::In, moved: &inward, messages: &messages_in };
    let back = Pump {
        shared,
        named: &right_name,
        client: named,
        dir: Dir::Out,
        moved: &outward,
        messages: &messages_out,
    };
    let begun = [left.receiver.begun(), right.receiver.begun()];
    let mut there = std::pin::pin!(there.run(left.receiver, right.sender));
    let mut back = std::pin::pin!(back.run(right.receiver, left.sender));
    let (mut there_done, mut back_done) = (None, None);
    let (mut broken, mut stopping, mut give_up) = (false, false, None);
    loop {
        let idle_at = idle.map(|idle| inward.last().max(outward.last()) + idle);
        tokio::select! {
            biased;
            done = &mut there, if there_done.is_none() => there_done = Some(done),
            done = &mut back, if back_done.is_none() => back_done = Some(done),
            () = stopped.requested(), if !stopping => {
                // What is in hand is finished: nobody gets half a message.
                inward.stop();
                outward.stop();
                stopping = true;
                give_up = Some(Instant::now() + DRAIN_TIME);
            }
            () = async {
                let (there, back) = (there_done.is_none(), back_done.is_none());
                while (there && inward.is_holding()) || (back && outward.is_holding()) {
                    match there && inward.is_holding() {
                        true => inward.at_rest().await,
                        false => outward.at_rest().await,
                    }
                }
            }, if stopping => {
                unfinished(shared, named, &begun, &ends, false);
                break;
            }
            () = sleep_until(give_up) => {
                unfinished(shared, named, &begun, &ends, true);
                broken = true;
                break;
            }
            () = sleep_until(idle_at) => {
                let last = inward.last().max(outward.last());
                if idle.is_some_and(|idle| last + idle <= Instant::now()) {
                    // A peer that takes nothing for so long loses what was on its way.
                    let cut_off = inward.is_holding() || outward.is_holding();
                    unfinished(shared, named, &begun, &ends, cut_off);
                    break;
                }
            }
        }
        let over = there_done.is_some() && back_done.is_some();
        let errors =
            || [&there_done, &back_done].into_iter().flatten().filter_map(Result::as_ref_err);
        // A peer that takes no more may still have something to say: what it sent before it closed is
        // carried on first. Everything else ends both directions.
        let fatal = errors().any(|error| over || error.op != Op::Send);
        if fatal {
            for error in errors().take(1) {
                shared.ledger.note_lost();
                shared.observer.event(Event::Failed { conn: named.conn, error });
            }
            broken = errors().any(|error| matches!(error.cause, Cause::Io(_)));
            if broken {
                reset_both(&ends);
            }
            break;
        }
        // A peer of a shared socket ends by being forgotten: both ways are over.
        if over || (datagrams && there_done.is_some()) {
            break;
        }
    }
    let totals = Totals {
        messages_in: messages_in.load(Ordering::Relaxed),
        messages_out: messages_out.load(Ordering::Relaxed),
        bytes_in: inward.bytes(),
        bytes_out: outward.bytes(),
    };
    (totals, broken)
}

/// Tells what is left of a connection that is ended before its peers ended it.
fn unfinished(
    shared: &Shared,
    named: &Named,
    begun: &[Begun; 2],
    ends: &[Option<Stream>; 2],
    cut_off: bool,
) {
    let waiting = |end: &Stream| bytes_to_read(end.as_fd()).unwrap_or(0);
    let waiting: usize = ends.iter().flatten().map(waiting).sum();
    let unread = waiting + begun.iter().map(Begun::bytes).sum::<usize>();
    if unread > 0 || cut_off {
        shared.ledger.note_lost();
        let (conn, peer) = (named.conn, named.peer.as_str());
        shared.observer.event(Event::Unfinished { conn, peer, unread, cut_off });
    }
}

/// A reset is carried on as a reset: an end would make what was cut look whole.
fn reset_both(ends: &[Option<Stream>]) {
    for stream in ends.iter().flatten() {
        if stream.kind() == Kind::Tcp {
            // It is closed anyway; without the option it ends by FIN.
            let _ = crate::sockopt::reset_on_close(stream.as_fd());
        }
    }
}

/// `Result::err` by reference: errors are told before the outcomes are taken apart.
trait AsRefErr<E> {
    fn as_ref_err(&self) -> Option<&E>;
}

impl<T, E> AsRefErr<E> for Result<T, E> {
    fn as_ref_err(&self) -> Option<&E> {
        self.as_ref().err()
    }
}

/// One direction.
struct Pump<'a> {
    shared: &'a Shared,
    /// Whom the messages come from.
    named: &'a Named,
    /// Whose connection it is: messages are shown as from it or to it.
    client: &'a Named,
    dir: Dir,
    moved: &'a Progress,
    /// How many messages went on.
    messages: &'a AtomicU64,
}

impl Pump<'_> {
    /// Moves messages until the source ends, then ends the destination.
    async fn run(&self, mut from: Receiver, mut to: Sender) -> Result<(), Error> {
        let Shared { options, observer, ledger, .. } = self.shared;
        if let Some(done) = self.run_raw(&from, &mut to).await {
            return done;
        }
        let mut refused = Vec::new();
        loop {
            self.moved.rest().await;
            match from.fill().await {
                Ok(Filled::Messages) => self.moved.hold(),
                Ok(Filled::Notice(notice)) => {
                    self.named.notice(&notice, options.message_bytes, ledger, &**observer);
                    continue;
                }
                Ok(Filled::End) => break,
                Err(error) if from.is_endless() && is_refusal(&error) => {
                    self.unreachable(&error);
                    continue;
                }
                Err(error) => {
                    self.named.cut_by(&error, from.begun_bytes(), &**observer);
                    return Err(error);
                }
            }
            let stop = self.shared.count(&from);
            if let Some(stop) = stop {
                from.keep(stop);
            }
            let batch = from.batch();
            let context = self.client.context(self.dir, from.first(), now_ns());
            if observer.wants_messages() {
                observer.messages(batch, &context);
                self.shared.flush(QUEUE_BYTES).await?;
            }
            self.named.cut(batch, &**observer);
            match to.send_batch(batch, &context, &mut refused).await {
                Err(error) if to.stream().is_none() && is_refusal(&error) => {
                    self.unreachable(&error);
                }
                sent => sent?,
            }
            self.messages.fetch_add((batch.len() - refused.len()) as u64, Ordering::Relaxed);
            self.moved.add((0..batch.len()).map(|i| batch.get(i).len()).sum());
            let first = context.first;
            self.client.refused(
                (self.dir, Place::Peer),
                first,
                to.rule(),
                &mut refused,
                ledger,
                &**observer,
            );
            if stop.is_some() {
                self.shared.finish();
                return Ok(());
            }
        }
        to.finish()
    }

    fn unreachable(&self, error: &Error) {
        self.shared.ledger.note_lost();
        self.shared.observer.event(Event::Unreachable { conn: self.named.conn, error });
    }

    /// Bytes that nobody looks at take the short way. `None`: somebody does.
    async fn run_raw(&self, from: &Receiver, to: &mut Sender) -> Option<Result<(), Error>> {
        let Shared { options, observer, .. } = self.shared;
        let raw = options.left_framing == Framing::Raw && options.right_framing == Framing::Raw;
        let looked_at =
            observer.wants_messages() || options.count.is_some() || options.until.is_some();
        if !raw || looked_at {
            return None;
        }
        let (source, sink) = (from.stream()?.clone(), to.stream()?.clone());
        let (conn, dir) = (self.named.conn, self.dir);
        let mut which = |path| observer.event(Event::Path { conn, dir, path });
        let copied = copy(&source, &sink, self.moved, options.fast, &mut which).await;
        Some(match copied {
            Ok(()) => to.finish(),
            Err(CopyError { side: Side::From, error }) => {
                Err(Error::io(Op::Receive, source.peer(), error))
            }
            Err(CopyError { side: Side::To, error }) => {
                Err(Error::io(Op::Send, sink.peer(), error))
            }
        })
    }
}
