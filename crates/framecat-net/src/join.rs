//! Two connections joined: what each says goes to the other, message by message, reframed on the way
//! if asked. The end of one direction closes that direction only.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use framecat_proto::Framing;
use framecat_proto::framing::{Tail, Ways};
use framecat_proto::limits::{DRAIN_TIME, QUEUE_BYTES, RELAY_PEER_IDLE};
use framecat_proto::message::Dir;
use memchr::memmem;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::conn::{Child, Conn, Kind, Stream};
use crate::converse::{close, is_refusal, sleep_until, swallow};
use crate::error::{Error, Op};
use crate::event::{Event, Observer, Place, Totals};
use crate::fan::Fan;
use crate::link::{Begun, Filled, Link, LinkOptions, Receiver, Sender, Unsent, now_ns};
use crate::output::Output;
use crate::record::Record;
use crate::relay::{Allowed, CopyError, Progress, Side, copy};
use crate::shape::Shape;
use crate::talk::{End, Ledger, Lines, Named, Shutdown, Talk};

/// How two connections are joined.
#[derive(Debug)]
pub(crate) struct Rules {
    /// How messages end on the left.
    pub(crate) left: Ways,
    /// How messages end on the right.
    pub(crate) right: Ways,
    /// The longest message, in bytes.
    pub(crate) message_bytes: usize,
    /// What becomes of a cut message.
    pub(crate) tail: Option<Tail>,
    /// Enough after so many messages, both ways and all pairs together.
    pub(crate) count: Option<u64>,
    /// Enough after a message that holds this, either way.
    pub(crate) until: Option<Vec<u8>>,
    /// A pair on which nothing moves for so long is ended.
    pub(crate) idle: Option<Duration>,
    /// How what is sent is spread over time and calls, each direction by itself.
    pub(crate) shape: Shape,
    /// Where both directions are recorded: the observer records, and the pair waits for its room.
    pub(crate) record: Option<Arc<Record>>,
    /// Whether raw bytes may take the fast paths.
    pub(crate) fast: Allowed,
}

/// What all pairs of a verb share.
pub(crate) struct Joint {
    pub(crate) rules: Rules,
    pub(crate) observer: Arc<dyn Observer>,
    pub(crate) ledger: Ledger,
    relayed: AtomicU64,
    met: AtomicBool,
    enough: Notify,
    until: Option<memmem::Finder<'static>>,
    output: Option<(Output, Arc<Lines>)>,
}

impl Joint {
    /// Nothing joined yet. `lines`: stdout, and what is told there (`--json`).
    pub(crate) fn new(
        rules: Rules,
        observer: Arc<dyn Observer>,
        lines: Option<(Stream, Arc<Lines>)>,
    ) -> Joint {
        let output = lines.map(|(stdout, lines)| {
            let talk = Talk { lines: Some(lines.clone()), ..Talk::default() };
            (Output::new(stdout, &talk), lines)
        });
        Joint {
            until: rules.until.as_ref().map(|text| memmem::Finder::new(text).into_owned()),
            rules,
            observer,
            ledger: Ledger::default(),
            relayed: AtomicU64::new(0),
            met: AtomicBool::new(false),
            enough: Notify::new(),
            output,
        }
    }

    /// Joins two connections until both are over. `named` is the left one.
    ///
    /// What went through it, and the error that ended it, which is told nowhere else.
    pub(crate) async fn join(
        &self,
        named: &Named,
        left: Conn,
        right: Conn,
        stopped: Shutdown,
    ) -> (Totals, Result<(), Error>) {
        let mut left = Link::new(left, &self.link(&self.rules.left));
        let mut right = Link::new(right, &self.link(&self.rules.right));
        left.sender.shape(self.rules.shape);
        right.sender.shape(self.rules.shape);
        let mut children = [left.child.take(), right.child.take()];
        let streams = [left.receiver.stream().cloned(), right.receiver.stream().cloned()];
        let (totals, ended, heard) =
            both_ways(self, named, left, right, &mut children, stopped).await;
        // A reset is carried on as a reset, which half-closing first would turn into an end.
        let close_well = matches!(&ended, Ended::Well)
            || matches!(&ended, Ended::Failed(error) if !error.breaks_off());
        for stream in streams.iter().flatten().filter(|_| close_well) {
            close(stream).await;
        }
        // A program that still says something is to notice that nobody hears it.
        drop(streams);
        let mut over = match ended {
            Ended::Failed(error) => Err(error),
            Ended::Well | Ended::CutOff => Ok(()),
        };
        for (child, heard) in children.into_iter().zip(heard) {
            if let Some(child) = child {
                over = child.after(over, heard).await;
            }
        }
        (totals, over)
    }

    /// Tells that a connection failed; the others go on.
    pub(crate) fn failed(&self, conn: u64, error: &Error) {
        self.ledger.note_lost();
        self.observer.event(Event::Failed { conn, error });
    }

    /// Waits until `--count` or `--until` is met.
    pub(crate) async fn enough(&self) {
        self.enough.notified().await;
    }

    pub(crate) fn link(&self, ways: &Ways) -> LinkOptions {
        LinkOptions {
            receive: ways.receive.clone(),
            send: ways.send.clone(),
            message_bytes: self.rules.message_bytes,
            tail: self.rules.tail,
        }
    }

    /// Counts a batch. `Some(n)`: only its first `n` messages go on, and then all ends.
    fn count(&self, receiver: &mut Receiver, raw: bool) -> Option<usize> {
        let all = receiver.batch().len();
        let until = self.until.as_ref();
        let stop = until.and_then(|until| receiver.holding(until, all, raw)).map(|at| at + 1);
        let batch = receiver.batch();
        let Some(count) = self.rules.count else { return stop };
        let before = self.relayed.fetch_add(batch.len() as u64, Ordering::Relaxed);
        let left = usize::try_from(count.saturating_sub(before)).unwrap_or(usize::MAX);
        match left <= batch.len() {
            true => Some(left.min(stop.unwrap_or(left))),
            false => stop,
        }
    }

    /// Writes what is told as long as it is polled; see [`Output::write_told`].
    pub(crate) async fn write_told(&self) -> Result<End, Error> {
        match &self.output {
            Some((output, _)) => output.write_told().await,
            None => std::future::pending().await,
        }
    }

    /// Writes the lines told if more than so many bytes of them wait.
    pub(crate) async fn flush(&self, most: usize) -> Result<(), Error> {
        match &self.output {
            Some((output, lines)) if lines.waiting() > most => output.flush_quietly().await,
            _ => Ok(()),
        }
    }

    fn finish(&self) {
        self.met.store(true, Ordering::Relaxed);
        self.enough.notify_one();
    }

    /// The end if no more comes: done, unless `--count` or `--until` asked for more.
    pub(crate) fn unmet(&self) -> End {
        let rules = &self.rules;
        match (self.met.load(Ordering::Relaxed), rules.count) {
            (true, _) => End::Done,
            (false, Some(count)) => {
                let relayed = self.relayed.load(Ordering::Relaxed);
                End::NotMet(format!("{relayed} of {count} messages came before the end"))
            }
            (false, None) if rules.until.is_some() => {
                End::NotMet("no message held the text of --until before the end".into())
            }
            _ => End::Done,
        }
    }
}

/// How a pair ended.
enum Ended {
    /// Both directions did, or time or a signal ended them between messages.
    Well,
    /// What was in hand could not be finished; told.
    CutOff,
    /// One of them failed.
    Failed(Error),
}

async fn both_ways(
    joint: &Joint,
    named: &Named,
    left: Link,
    right: Link,
    children: &mut [Option<Child>; 2],
    mut stopped: Shutdown,
) -> (Totals, Ended, [bool; 2]) {
    let (inward, outward) = (Progress::default(), Progress::default());
    let (messages_in, messages_out) = (AtomicU64::new(0), AtomicU64::new(0));
    let datagrams = left.receiver.is_endless();
    let idle = joint.rules.idle.or(datagrams.then_some(RELAY_PEER_IDLE));
    let ends = [left.receiver.stream().cloned(), right.receiver.stream().cloned()];
    let right_name = Named { peer: right.receiver.peer().into(), ..named.clone() };
    let there =
        Pump { joint, named, client: named, dir: Dir::In, moved: &inward, messages: &messages_in };
    let back = Pump {
        joint,
        named: &right_name,
        client: named,
        dir: Dir::Out,
        moved: &outward,
        messages: &messages_out,
    };
    let begun = [left.receiver.begun(), right.receiver.begun()];
    let Link { receiver: from_left, sender: mut to_left, .. } = left;
    let Link { receiver: from_right, sender: mut to_right, .. } = right;
    let mut there = std::pin::pin!(there.run(from_left, To::One(&mut to_right)));
    let mut back = std::pin::pin!(back.run(from_right, To::One(&mut to_left)));
    let (mut there_done, mut back_done) = (None, None);
    let (mut ended, mut stopping, mut give_up) = (Ended::Well, false, None);
    let (mut heard, mut reaped) = ([false; 2], false);
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
                unfinished(joint, named, &begun, &ends, false);
                break;
            }
            // What goes to who takes no more is read all the same: held up, it would hold up the rest.
            () = swallow(ends[0].as_ref()), if matches!(there_done, Some(Err(_))) => {}
            () = swallow(ends[1].as_ref()), if matches!(back_done, Some(Err(_))) => {}
            left = gone(children, heard), if heard != [false; 2] && !reaped => {
                reaped = true;
                // Nobody serves this peer any more, which may say something or nothing for ever. The
                // other way round a peer may still be at work on what it was sent.
                if !left {
                    unfinished(joint, named, &begun, &ends, false);
                    break;
                }
            }
            () = sleep_until(give_up) => {
                unfinished(joint, named, &begun, &ends, true);
                ended = Ended::CutOff;
                break;
            }
            () = sleep_until(idle_at) => {
                let last = inward.last().max(outward.last());
                if idle.is_some_and(|idle| last + idle <= Instant::now()) {
                    // A peer that takes nothing for so long loses what was on its way.
                    let cut_off = inward.is_holding() || outward.is_holding();
                    unfinished(joint, named, &begun, &ends, cut_off);
                    break;
                }
            }
        }
        let over = there_done.is_some() && back_done.is_some();
        let ended_well = |done: &Option<Result<(), Error>>| matches!(done, Some(Ok(())));
        // With --count met, it is we who ended it.
        if !joint.met.load(Ordering::Relaxed) {
            heard = [ended_well(&there_done), ended_well(&back_done)];
        }
        // A peer that takes no more may still have something to say: what it sent before it closed is
        // carried on first. Everything else ends both directions.
        let fatal = |done: &Option<Result<(), Error>>| matches!(done, Some(Err(error)) if over || error.op != Op::Send);
        if fatal(&there_done) || fatal(&back_done) {
            let first = [there_done.take(), back_done.take()].into_iter().flatten();
            let Some(error) = first.filter_map(Result::err).next() else { break };
            // Nobody reads stdout any more (| head): a quiet end.
            let stdout = error.op == Op::Write && error.endpoint == "stdout";
            let quiet = stdout && error.errno() == Some(libc::EPIPE);
            if !quiet {
                if error.breaks_off() {
                    reset_both(&ends);
                }
                ended = Ended::Failed(error);
            }
            break;
        }
        // Whoever sits at a terminal need not end it when there is nobody left to talk to.
        let terminal = ends[0].as_ref().is_some_and(|end| end.kind() == Kind::Terminal);
        if back_done.is_some() && terminal {
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
    (totals, ended, heard)
}

/// Waits until a program whose output has ended is gone; true if it is the left one.
async fn gone(children: &mut [Option<Child>; 2], heard: [bool; 2]) -> bool {
    let [left, right] = children;
    let gone = async |child: &mut Option<Child>, heard: bool| match child {
        Some(child) if heard => child.gone().await,
        _ => std::future::pending().await,
    };
    tokio::select! {
        () = gone(left, heard[0]) => true,
        () = gone(right, heard[1]) => false,
    }
}

/// Tells what is left of a connection that is ended before its peers ended it. With `--count` or
/// `--until` met nothing more was asked for: what nobody read is no loss.
pub(crate) fn unfinished(
    joint: &Joint,
    named: &Named,
    begun: &[Begun],
    ends: &[Option<Stream>],
    cut_off: bool,
) {
    let unread = match joint.met.load(Ordering::Relaxed) {
        true => 0,
        false => {
            let waiting: usize = ends.iter().flatten().map(Stream::unread).sum();
            waiting + begun.iter().map(Begun::bytes).sum::<usize>()
        }
    };
    if unread > 0 || cut_off {
        joint.ledger.note_lost();
        let (conn, peer) = (named.conn, named.peer.as_str());
        joint.observer.event(Event::Unfinished { conn, peer, unread, cut_off });
    }
}

/// A reset is carried on as a reset: an end would make what was cut look whole.
pub(crate) fn reset_both(ends: &[Option<Stream>]) {
    for stream in ends.iter().flatten() {
        if matches!(stream.kind(), Kind::Tcp | Kind::Tls) {
            // It is closed anyway; without the option it ends by FIN.
            let _ = crate::sockopt::reset_on_close(stream.as_fd());
        }
    }
}

/// Where a direction leads.
pub(crate) enum To<'a> {
    /// To one other end, which ends when the source does.
    One(&'a mut Sender),
    /// To all readers of a fan-out, under the framing that prints so. It goes on without the source.
    All(&'a Arc<Fan>, &'a str),
}

impl To<'_> {
    /// Whether messages are held back to be sent with others. (A fan-out's readers hold their own.)
    fn holds(&self) -> bool {
        matches!(self, To::One(to) if to.holds())
    }

    /// See [`Sender::meanwhile`].
    async fn meanwhile<T>(
        &mut self,
        moved: &Progress,
        next: impl Future<Output = T>,
    ) -> Result<Option<T>, Error> {
        match self {
            To::One(to) => to.meanwhile(moved, next).await,
            To::All(..) => Ok(Some(next.await)),
        }
    }

    /// See [`Sender::turn`].
    async fn turn(&self) {
        if let To::One(to) = self {
            to.turn().await;
        }
    }

    /// See [`Sender::flush`].
    async fn flush(&mut self) -> Result<(), Error> {
        match self {
            To::One(to) => to.flush().await,
            To::All(..) => Ok(()),
        }
    }
}

/// One direction.
pub(crate) struct Pump<'a> {
    pub(crate) joint: &'a Joint,
    /// Whom the messages come from.
    pub(crate) named: &'a Named,
    /// Whose connection it is: messages are shown as from it or to it.
    pub(crate) client: &'a Named,
    pub(crate) dir: Dir,
    pub(crate) moved: &'a Progress,
    /// How many messages went on.
    pub(crate) messages: &'a AtomicU64,
}

impl Pump<'_> {
    /// Moves messages until the source ends, then ends the destination if that is one.
    pub(crate) async fn run(&self, mut from: Receiver, mut to: To<'_>) -> Result<(), Error> {
        let Joint { rules, observer, ledger, .. } = self.joint;
        if let To::One(to) = &mut to
            && let Some(done) = self.run_raw(&from, to).await
        {
            return done;
        }
        let mut refused = Vec::new();
        let mut takes_nothing = false;
        let rule = if self.dir == Dir::In { &rules.left } else { &rules.right };
        let raw = rule.receive == Framing::Raw;
        if rules.shape.paces_messages() {
            from.one_by_one();
        }
        loop {
            if !to.holds() {
                self.moved.rest().await;
            }
            let Some(filled) = to.meanwhile(self.moved, from.fill()).await? else { continue };
            match filled {
                Ok(Filled::Messages) => {
                    if !to.holds() {
                        // What waits for its time is not read yet, should all end before.
                        from.set_waiting(true);
                        to.turn().await;
                        from.set_waiting(false);
                    }
                    self.moved.hold();
                }
                Ok(Filled::Notice(notice)) => {
                    self.named.heard(&from).notice(
                        &notice,
                        rules.message_bytes,
                        ledger,
                        &**observer,
                    );
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
            let _speaking = match &to {
                To::One(_) => None,
                To::All(fan, _) => Some(fan.speak()),
            };
            let stop = self.joint.count(&mut from, raw);
            if let Some(stop) = stop {
                from.keep(stop);
            }
            let context = self.client.context(self.dir, from.first(), now_ns());
            let batch = from.batch();
            if observer.wants_messages() {
                observer.messages(batch, &context);
                self.joint.flush(QUEUE_BYTES).await?;
                if let Some(record) = &rules.record {
                    record.room().await?;
                }
            }
            self.named.cut(batch, &**observer);
            match &mut to {
                To::One(to) => match to.send_batch(batch, &context, &mut refused).await {
                    Err(error) if to.is_packets() && is_refusal(&error) => {
                        self.unreachable(&error);
                    }
                    // It takes nothing, ever: whoever speaks to it is heard to the end, for held up
                    // it would hold up the other direction. That this is lost is told.
                    Err(error) if to.stream().is_none() && !to.is_packets() => {
                        if !std::mem::replace(&mut takes_nothing, true) {
                            self.unreachable(&error);
                        }
                        continue;
                    }
                    sent => sent?,
                },
                To::All(fan, _) => {
                    // Behind it come messages of others.
                    from.close_cut();
                    fan.give(context.conn, from.batch(), &context, &mut refused).await;
                }
            }
            let batch = from.batch();
            let (by, unsent) = match &to {
                To::One(to) => (to.rule(), to.unsent()),
                To::All(_, rule) => (*rule, Unsent::default()),
            };
            let went = batch.len() - refused.len() - unsent.messages;
            self.messages.fetch_add(went as u64, Ordering::Relaxed);
            let bytes: usize = (0..batch.len()).map(|i| batch.get(i).len()).sum();
            self.moved.add(bytes - unsent.bytes);
            let (way, first) = ((self.dir, Place::Peer), context.first);
            self.client.refused(way, first, by, &mut refused, ledger, &**observer);
            if stop.is_some() {
                to.flush().await?;
                self.joint.finish();
                return Ok(());
            }
        }
        to.flush().await?;
        self.client.ended(self.dir, &**observer);
        match to {
            To::One(to) => to.finish(),
            To::All(..) => Ok(()),
        }
    }

    fn unreachable(&self, error: &Error) {
        self.joint.ledger.note_lost();
        self.joint.observer.event(Event::Unreachable { conn: self.named.conn, error });
    }

    /// Bytes that nobody looks at take the short way. `None`: somebody does.
    async fn run_raw(&self, from: &Receiver, to: &mut Sender) -> Option<Result<(), Error>> {
        let Joint { rules, observer, .. } = self.joint;
        let (hears, says) = match self.dir {
            Dir::In => (&rules.left.receive, &rules.right.send),
            Dir::Out => (&rules.right.receive, &rules.left.send),
        };
        let raw = *hears == Framing::Raw && *says == Framing::Raw;
        let counts = rules.count.is_some() || rules.until.is_some();
        let looked_at = observer.wants_messages() || counts || rules.shape.is_set();
        if !raw || looked_at {
            return None;
        }
        let (source, sink) = (from.stream()?.clone(), to.stream()?.clone());
        let (conn, dir) = (self.named.conn, self.dir);
        let mut which = |path| observer.event(Event::Path { conn, dir, path });
        let copied = copy(&source, &sink, self.moved, rules.fast, &mut which).await;
        // A pipe ends when the last hold on it is gone.
        let peer = source.peer().to_string();
        drop((source, sink));
        Some(match copied {
            Ok(()) => to.finish(),
            Err(CopyError { side: Side::From, error })
                if error.kind() == std::io::ErrorKind::UnexpectedEof
                    && rules.tail == Some(Tail::Keep) =>
            {
                to.finish()
            }
            Err(CopyError { side: Side::From, error }) => Err(Error::io(Op::Receive, peer, error)),
            Err(CopyError { side: Side::To, error }) => Err(to.failed(error)),
        })
    }
}
