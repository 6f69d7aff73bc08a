//! One conversation: what comes from the peer to stdout, what comes from stdin to the peer, and the
//! rules by which it ends (`framecat help eof`).

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use framecat_proto::limits::{DRAIN_TIME, QUEUE_BYTES, STDIN_AFTER_PEER};
use framecat_proto::message::{Batch, Context, Dir};
use tokio::time::Instant;

use crate::conn::{Conn, Kind, Stream};
use crate::error::{Cause, Error, Op};
use crate::event::{self, Event, Observer};
use crate::fan::{Fan, Place, Step};
use crate::link::{Filled, Link, Receiver, Refusal, Sender, now_ns};
use crate::open::stdio;
use crate::output::{Output, Printed};
use crate::relay::{self, CopyError, Progress, Side};
use crate::replay::Player;
use crate::respond::Respond;
use crate::talk::{End, Ledger, Named, Shutdown, Talk};

mod closing;
mod each;
mod moved;
mod raw;
mod recorded;
mod silence;

pub(crate) use closing::close;
pub(crate) use closing::swallow;
use moved::Moved;
pub(crate) use silence::Bounds;

/// What is sent to the peer.
pub(crate) enum Feed {
    /// Stdin, which is this one's alone.
    Stdin(Stream),
    /// Messages that somebody else read from stdin for all peers.
    Fan(Place, Kind),
    /// Those, and what the other peers say: this one's messages are for them.
    Chat(Place),
    /// Answers to what the peer says, and nothing else.
    Answers(Respond),
    /// One part of a recording.
    Replay(Arc<Player>),
}

impl Feed {
    fn kind(&self) -> Option<Kind> {
        match self {
            Feed::Stdin(stdin) => Some(stdin.kind()),
            Feed::Fan(_, kind) => Some(*kind),
            Feed::Chat(_) | Feed::Answers(_) => None,
            // It waits for nobody but the peer.
            Feed::Replay(_) => Some(Kind::Device),
        }
    }
}

/// What every conversation of a verb shares.
pub(crate) struct Shared {
    pub(crate) talk: Talk,
    /// The framing to the wire, as it prints.
    pub(crate) sends: String,
    pub(crate) output: Output,
    pub(crate) ledger: Ledger,
    pub(crate) observer: Arc<dyn Observer>,
    /// When anything happened last, on any connection.
    pub(crate) activity: Progress,
}

impl Shared {
    /// For a verb that begins now.
    pub(crate) fn new(talk: Talk, stdout: Stream, observer: Arc<dyn Observer>) -> Shared {
        Shared {
            output: Output::new(stdout, &talk),
            sends: talk.send.to_string(),
            talk,
            ledger: Ledger::default(),
            observer,
            activity: Progress::default(),
        }
    }
}

impl Shared {
    /// Waits until stdout and the recording have taken most of what was told: messages told as JSON
    /// are never left out.
    pub(crate) async fn wait_for_room(&self) -> Result<(), Error> {
        if let Some(record) = &self.talk.record {
            record.room().await?;
        }
        match &self.talk.lines {
            Some(lines) if lines.waiting() > QUEUE_BYTES => self.output.flush_quietly().await,
            _ => Ok(()),
        }
    }
}

/// Why reading from the peer is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Heard {
    /// The peer ended.
    All,
    /// `--count` or `--until` is met.
    Enough,
    /// Nobody reads stdout.
    NoReader,
    /// By its own word nothing follows our answer.
    Last,
}

/// Holds one conversation until it is over.
pub(crate) async fn converse(
    shared: &Shared,
    conn: Conn,
    id: u64,
    feed: Feed,
    bounds: Bounds,
    shutdown: Shutdown,
) -> Result<End, Error> {
    let named = Named { conn: id, peer: conn.peer().into(), local: conn.local().into() };
    let observer = shared.observer.clone();
    named.opened(&*observer);
    let moved = Moved::default();
    let mut link = Link::new(conn, &shared.talk.link());
    link.sender.shape(shared.talk.shape);
    let child = link.child.take();
    let stream = link.receiver.stream().cloned();
    let player = match &feed {
        Feed::Replay(player) => Some(player.clone()),
        _ => None,
    };
    let one = One {
        player: player.as_deref(),
        shared,
        named: &named,
        moved: &moved,
        stream: stream.clone(),
        stuck: AtomicBool::new(false),
        heard: AtomicBool::new(false),
    };
    let mut ended = one.run(link, feed, bounds, shutdown).await;
    let whole = !shared.output.is_met() && !shared.output.is_closed();
    if let (Ok(End::Done), Some(player), true) = (&ended, &player, whole) {
        ended = player.finish().map(|()| End::Done).map_err(|difference| named.differs(difference));
    }
    // Whoever takes nothing would not take our last words either.
    let stalled = matches!(&ended, Err(Error { cause: Cause::Stalled(_), .. }));
    if let Some(stream) = stream.filter(|_| !stalled && !one.stuck.load(Relaxed)) {
        close(&stream).await;
        one.ended_out();
    }
    if let Some(child) = child {
        // A program that still says something is to notice that nobody hears it.
        let heard = one.heard.load(Relaxed);
        drop(one);
        ended = child.after(ended, heard).await;
    }
    named.closed(moved.totals(), &*observer);
    ended
}

struct One<'a> {
    shared: &'a Shared,
    named: &'a Named,
    moved: &'a Moved,
    /// Who speaks for us, and hears what the peer says.
    player: Option<&'a Player>,
    /// What it runs over, where that is a stream.
    stream: Option<Stream>,
    /// What was in hand at the end could not be finished: the peer takes nothing.
    stuck: AtomicBool,
    /// The peer ended by itself.
    heard: AtomicBool,
}

impl One<'_> {
    async fn run(
        &self,
        link: Link,
        feed: Feed,
        bounds: Bounds,
        mut shutdown: Shutdown,
    ) -> Result<End, Error> {
        let Link { mut receiver, sender, .. } = link;
        if let (Feed::Chat(place), Some(error)) = (&feed, sender.unnamed()) {
            // It can speak.
            place.end_here();
            self.shared.observer.event(Event::Failed { conn: self.named.conn, error: &error });
        }
        let endless = receiver.is_endless();
        let begun = receiver.begun();
        let kind = feed.kind();
        let stdin = match &feed {
            Feed::Stdin(stdin) => Some(stdin.clone()),
            _ => None,
        };
        let answers = kind.is_none();
        // With answers both directions are one: what is heard is answered before more is read.
        let (mut respond, feed) = match feed {
            Feed::Answers(respond) => (Some(respond), None),
            feed => (None, Some(feed)),
        };
        let (place, chat) = match &feed {
            Some(Feed::Fan(place, _)) => (Some(place), None),
            Some(Feed::Chat(place)) => (Some(place), Some(place.fan())),
            _ => (None, None),
        };
        let (mut answering, mut saying) = match feed {
            None => (Some(sender), None),
            Some(_) => (None, Some(sender)),
        };
        let responding = answering.as_mut().zip(respond.as_mut());
        let mut hear = std::pin::pin!(self.hear(&mut receiver, responding, chat));
        let mut heard: Option<Heard> = None;
        let mut said = feed.is_none();
        let mut say = std::pin::pin!(async {
            match (&mut saying, &feed) {
                (Some(sender), Some(feed)) => self.say(sender, feed).await,
                _ => std::future::pending().await,
            }
        });
        let mut failed_to_say: Option<Error> = None;
        // When the peer ended, or stdin last held something after that.
        let mut last_sign = Instant::now();
        let mut said_at = Instant::now();
        let ended = loop {
            let silence = self.silence(&bounds, endless, said && !answers, said_at);
            let left_alone = match (heard, kind) {
                (Some(_), Some(Kind::Pipe | Kind::Inherited)) if !self.shared.talk.half_open => {
                    Some(self.moved.outward.last().max(last_sign) + STDIN_AFTER_PEER)
                }
                _ => None,
            };
            let wake = [silence.map(|(at, _)| at), left_alone].into_iter().flatten().min();
            tokio::select! {
                biased;
                outcome = &mut hear, if heard.is_none() => {
                    // Over either way; what is said may still be in hand.
                    heard = Some(*outcome.as_ref().unwrap_or(&Heard::All));
                    last_sign = Instant::now();
                    if let Some(error) = failed_to_say.take() {
                        self.heard.store(outcome.is_ok(), Relaxed);
                        break Err(error);
                    }
                    let what = match outcome {
                        Ok(what) => what,
                        Err(error) => break Err(error),
                    };
                    self.heard.store(what == Heard::All, Relaxed);
                    match what {
                        Heard::Enough | Heard::NoReader => break Ok(End::Done),
                        Heard::Last => break self.done().await,
                        // A peer of a shared socket ends by being forgotten: both ways are over.
                        Heard::All if said || endless || kind == Some(Kind::Terminal) => {
                            break self.done().await;
                        }
                        // It has said its last: what is under way to it is sent, and that is all.
                        Heard::All if chat.is_some() && !self.shared.talk.half_open => {
                            place.inspect(|place| place.end_here());
                        }
                        Heard::All => {}
                    }
                }
                outcome = &mut say, if !said => {
                    said = true;
                    said_at = Instant::now();
                    match outcome {
                        Ok(()) if heard.is_some() => break self.done().await,
                        // All that was recorded is said and heard, and nothing else has an end.
                        Ok(()) if endless && self.player.is_some() => break self.done().await,
                        Ok(()) => {}
                        // It had said its last, and now it is gone: nothing is wrong with that.
                        Err(Error { cause: Cause::Io(_), .. })
                            if chat.is_some() && heard.is_some() =>
                        {
                            break self.done().await;
                        }
                        Err(error) if heard.is_some() => break Err(error),
                        // What stdin holds is wrong, or the peer takes no more. It may still have
                        // something to say in the second case.
                        Err(error)
                            if error.op == Op::Send
                                && !endless
                                && !matches!(error.cause, Cause::Stalled(_)) =>
                        {
                            failed_to_say = Some(error);
                        }
                        Err(error) => break Err(error),
                    }
                }
                () = shutdown.requested() => break Ok(End::Interrupted),
                () = sleep_until(wake) => {
                    if left_alone.is_some_and(|at| at <= Instant::now()) {
                        // Something may have moved since the time was set; and it is not silent if
                        // the peer is slow to take what it holds.
                        let outward = &self.moved.outward;
                        let moved = outward.last() + STDIN_AFTER_PEER > Instant::now();
                        let waits = stdin.as_ref().is_some_and(stdio::holds_input);
                        if !moved && !waits && !outward.is_holding() {
                            break self.done().await;
                        }
                        if !moved {
                            last_sign = Instant::now();
                        }
                        continue;
                    }
                    // Something may have moved since the time was set.
                    let again = self.silence(&bounds, endless, said && !answers, said_at);
                    if let Some((at, end)) = again && at <= Instant::now() {
                        break self.silent(end).await;
                    }
                }
            }
        };
        // What is in hand is finished: nobody gets half a message.
        let Moved { inward, outward, .. } = self.moved;
        inward.stop();
        outward.stop();
        let interrupted = matches!(ended, Ok(End::Interrupted));
        if let Some(place) = place.filter(|_| !interrupted) {
            place.end_here();
        }
        // A deadline is one whatever is in hand.
        let time = if matches!(ended, Ok(End::Deadline(_))) { Duration::ZERO } else { DRAIN_TIME };
        let give_up = Instant::now() + time;
        let cut_off = loop {
            tokio::select! {
                biased;
                _ = &mut hear, if heard.is_none() => heard = Some(Heard::All),
                _ = &mut say, if !said => said = true,
                () = async {
                    let hears = heard.is_none();
                    // A peer that we no longer read from may not read from us either.
                    while (hears && inward.is_holding()) || (!said && outward.is_holding()) {
                        if hears && inward.is_holding() {
                            inward.at_rest().await;
                            continue;
                        }
                        tokio::select! {
                            biased;
                            () = outward.at_rest() => {}
                            () = swallow(self.stream.as_ref()) => {}
                        }
                    }
                    // Others may have in hand what is for this one too.
                    if let Some(place) = place.filter(|_| !said) {
                        tokio::select! {
                            biased;
                            () = place.settled() => {}
                            () = swallow(self.stream.as_ref()) => {}
                        }
                    }
                } => break false,
                () = tokio::time::sleep_until(give_up) => break true,
            }
        };
        self.stuck.store(cut_off, Relaxed);
        let unread = match (interrupted && heard.is_none(), &self.stream) {
            (true, Some(stream)) => begun.bytes() + stream.unread(),
            _ => 0,
        };
        if unread > 0 || cut_off {
            self.shared.ledger.note_lost();
            let (conn, peer) = (self.named.conn, self.named.peer.as_str());
            self.shared.observer.event(Event::Unfinished { conn, peer, unread, cut_off });
        }
        ended
    }

    async fn done(&self) -> Result<End, Error> {
        Ok(match self.shared.output.unmet() {
            Some(what) => End::NotMet(what),
            None => End::Done,
        })
    }

    /// From the peer to stdout, and answers back.
    async fn hear(
        &self,
        receiver: &mut Receiver,
        mut answering: Option<(&mut Sender, &mut Respond)>,
        chat: Option<&Arc<Fan>>,
    ) -> Result<Heard, Error> {
        let Shared { talk, output, ledger, observer, activity, .. } = self.shared;
        let alone = answering.is_none() && chat.is_none() && self.player.is_none();
        let raw = talk.raw_in() && alone && !observer.wants_messages();
        if let (true, Some(stream)) = (raw, receiver.stream().cloned()) {
            // Boxed, here and below, for the many conversations that need no room for it.
            return Box::pin(self.hear_raw(&stream)).await;
        }
        let mut refused = Vec::new();
        let each = answering.as_ref().is_some_and(|(_, respond)| respond.each().is_some());
        if each || (answering.is_some() && talk.shape.paces_messages()) {
            receiver.one_by_one();
        }
        loop {
            let filled = match &mut answering {
                // Answers may be held back to be sent with others.
                Some((sender, _)) => {
                    if !sender.holds() {
                        self.moved.inward.rest().await;
                    }
                    match sender.meanwhile(&self.moved.inward, receiver.fill()).await? {
                        Some(filled) => filled,
                        None => continue,
                    }
                }
                None => {
                    self.moved.inward.rest().await;
                    receiver.fill().await
                }
            };
            match filled {
                Ok(Filled::Messages) => self.moved.inward.hold(),
                Ok(Filled::Notice(notice)) => {
                    let named = self.named.heard(receiver);
                    named.notice(&notice, talk.message_bytes, ledger, &**observer);
                    continue;
                }
                Ok(Filled::End) => break,
                Err(error) if receiver.is_endless() && is_refusal(&error) => {
                    self.note_refused(&error);
                    continue;
                }
                Err(error) => {
                    self.named.cut_by(&error, receiver.begun_bytes(), &**observer);
                    return Err(error);
                }
            }
            let _speaking = chat.map(Fan::speak);
            let batch = receiver.batch();
            let bytes: usize = (0..batch.len()).map(|i| batch.get(i).len()).sum();
            self.moved.inward.add(bytes);
            activity.touch();
            let messages = batch.len() as u64;
            self.moved.messages_in.fetch_add(messages, Relaxed);
            let named = self.named.heard(receiver);
            let context = named.context(Dir::In, receiver.first(), now_ns());
            if observer.wants_messages() {
                observer.messages(batch, &context);
                self.shared.wait_for_room().await?;
            }
            named.cut(batch, &**observer);
            let printed = output.print(receiver, &named, &context, ledger, &**observer).await?;
            if printed == Printed::Closed {
                return Ok(Heard::NoReader);
            }
            if let Some(player) = self.player {
                player.hear(receiver.batch()).map_err(|found| self.named.differs(found))?;
            }
            if let Some((sender, respond)) = &mut answering {
                self.answer(receiver.batch(), &context, sender, respond).await?;
                if sender.is_last() && printed == Printed::More {
                    sender.flush().await?;
                    // What stands behind the last message is dropped, and told.
                    return receiver.take_failure().map_or(Ok(Heard::Last), Err);
                }
            }
            if let Some(fan) = chat {
                // To the others a message is one like any other, whatever ended it here.
                receiver.close_cut();
                fan.give(context.conn, receiver.batch(), &context, &mut refused).await;
                let (way, by) = ((Dir::In, event::Place::Peer), &self.shared.sends);
                self.named.refused(way, context.first, by, &mut refused, ledger, &**observer);
            }
            if printed == Printed::Enough {
                if let Some((sender, _)) = &mut answering {
                    sender.flush().await?;
                }
                return Ok(Heard::Enough);
            }
        }
        self.named.ended(Dir::In, &**observer);
        if let Some(player) = self.player {
            player.hear_end();
        }
        if let Some((sender, _)) = answering {
            self.finish(sender).await?;
        }
        Ok(Heard::All)
    }

    async fn answer(
        &self,
        batch: Batch<'_>,
        context: &Context<'_>,
        sender: &mut Sender,
        respond: &mut Respond,
    ) -> Result<(), Error> {
        if let Some(each) = respond.each() {
            return Box::pin(self.answer_each(&each, batch, context, sender)).await;
        }
        let Shared { ledger, observer, .. } = self.shared;
        let answers = respond.answers(batch, context, |n, missing| {
            ledger.note_lost();
            let (conn, peer) = (self.named.conn, self.named.peer.as_str());
            observer.event(Event::Unanswered { conn, peer, n, missing });
        });
        self.send(sender, answers, &mut Vec::new()).await
    }

    async fn send(
        &self,
        sender: &mut Sender,
        batch: Batch<'_>,
        refused: &mut Vec<Refusal>,
    ) -> Result<(), Error> {
        let first = self.moved.totals().messages_out + 1;
        let sent = self.hand_over(sender, batch, refused).await;
        let (way, ledger) = ((Dir::Out, event::Place::Peer), &self.shared.ledger);
        let observer = &*self.shared.observer;
        self.named.refused(way, first, sender.rule(), refused, ledger, observer);
        sent
    }

    /// As [`send`](Self::send), and what is refused is the caller's to tell.
    async fn hand_over(
        &self,
        sender: &mut Sender,
        batch: Batch<'_>,
        refused: &mut Vec<Refusal>,
    ) -> Result<(), Error> {
        let Shared { ledger, observer, activity, .. } = self.shared;
        let first = self.moved.totals().messages_out + 1;
        let context = self.named.context(Dir::Out, first, now_ns());
        if observer.wants_messages() {
            observer.messages(batch, &context);
            self.shared.wait_for_room().await?;
        }
        let sent = sender.send_batch(batch, &context, refused).await;
        match &sent {
            // Told of an earlier datagram; what of this batch was refused too is counted.
            Err(error) if sender.is_packets() && is_refusal(error) => {}
            Err(_) => return sent,
            Ok(()) => {}
        }
        let unsent = sender.unsent();
        if unsent.messages > 0 {
            ledger.note_lost();
        }
        let bytes: usize = (0..batch.len()).map(|i| batch.get(i).len()).sum();
        self.moved.outward.add(bytes - unsent.bytes);
        activity.touch();
        let messages = batch.len() - refused.len() - unsent.messages;
        self.moved.messages_out.fetch_add(messages as u64, Relaxed);
        sent
    }

    /// From stdin to the peer, then the end of our direction.
    async fn say(&self, sender: &mut Sender, feed: &Feed) -> Result<(), Error> {
        match feed {
            Feed::Answers(_) => Ok(()),
            Feed::Stdin(stdin) => Box::pin(self.say_stdin(sender, stdin.clone())).await,
            Feed::Replay(player) => self.say_recorded(sender, player).await,
            Feed::Fan(place, _) | Feed::Chat(place) => {
                tokio::select! {
                    biased;
                    error = place.stalled(&self.named.peer) => Err(error),
                    said = self.say_given(sender, place) => said,
                }
            }
        }
    }

    async fn say_given(&self, sender: &mut Sender, place: &Place) -> Result<(), Error> {
        let (Shared { activity, .. }, Moved { outward, messages_out, .. }) =
            (self.shared, self.moved);
        let mut refused = Vec::new();
        loop {
            match place.step(sender, outward).await? {
                Step::Wrote(taken) => {
                    outward.add(taken.bytes);
                    activity.touch();
                    messages_out.fetch_add(taken.messages, Relaxed);
                }
                Step::Parcel(parcel) => {
                    Box::pin(self.send(sender, parcel.batch(), &mut refused)).await?;
                    place.took();
                    if sender.is_last() {
                        return self.finish(sender).await;
                    }
                }
                Step::End => return self.finish(sender).await,
            }
        }
    }

    async fn say_stdin(&self, sender: &mut Sender, stdin: Stream) -> Result<(), Error> {
        let Shared { talk, observer, .. } = self.shared;
        let raw = talk.raw_out() && !observer.wants_messages();
        if let (true, Some(to)) = (raw, sender.stream()) {
            let conn = self.named.conn;
            let mut which = |path| observer.event(Event::Path { conn, dir: Dir::Out, path });
            let outward = &self.moved.outward;
            let copied = relay::copy(&stdin, to, outward, talk.fast, &mut which).await;
            return match copied {
                Ok(()) => sender.finish(),
                Err(CopyError { side: Side::From, error }) => {
                    Err(Error::io(Op::Receive, "stdin", error))
                }
                Err(CopyError { side: Side::To, error }) => Err(sender.failed(error)),
            };
        }
        let mut messages = stdin_messages(stdin, talk)?;
        if talk.shape.paces_messages() {
            messages.one_by_one();
        }
        let mut refused = Vec::new();
        loop {
            self.rest(sender).await;
            let Some(filled) = sender.meanwhile(&self.moved.outward, messages.fill()).await? else {
                continue;
            };
            match filled? {
                Filled::Messages => {
                    if !sender.holds() {
                        sender.turn().await;
                    }
                    self.moved.outward.hold();
                    let sent = self.send(sender, messages.batch(), &mut refused).await;
                    match sent {
                        Err(error) if sender.is_packets() && is_refusal(&error) => {
                            self.note_refused(&error);
                        }
                        sent => sent?,
                    }
                    if sender.is_last() {
                        return self.finish(sender).await;
                    }
                }
                Filled::Notice(_) => {}
                Filled::End => return self.finish(sender).await,
            }
        }
    }

    /// Nothing is in hand, unless it is held back to be sent with others.
    async fn rest(&self, sender: &Sender) {
        if !sender.holds() {
            self.moved.outward.rest().await;
        }
    }

    /// Ends what we say.
    async fn finish(&self, sender: &mut Sender) -> Result<(), Error> {
        sender.flush().await?;
        self.ended_out();
        sender.finish()
    }

    fn ended_out(&self) {
        if !self.moved.ended_out.swap(true, Relaxed) {
            self.named.ended(Dir::Out, &*self.shared.observer);
        }
    }

    /// A datagram was refused: told once, and how the conversation ends if nothing else comes. One that
    /// some networks took and others did not is told by the sink once for each.
    fn note_refused(&self, error: &Error) {
        if error.is_partial() {
            self.shared.ledger.note_lost();
            self.shared.observer.event(Event::Unreachable { conn: self.named.conn, error });
        } else if !self.moved.refused.swap(true, Relaxed) {
            self.shared.observer.event(Event::Unreachable { conn: self.named.conn, error });
        }
    }
}

/// Messages on stdin under the form of `--in`.
pub(crate) fn stdin_messages(stdin: Stream, talk: &Talk) -> Result<Receiver, Error> {
    let Some(decoder) = talk.input.decoder(talk.message_bytes) else {
        let problem = format!("the form {} is for output only", talk.input);
        let error = std::io::Error::new(std::io::ErrorKind::InvalidInput, problem);
        return Err(Error::io(Op::Receive, "stdin", error));
    };
    Ok(Receiver::of_stream(stdin, decoder))
}

pub(crate) fn is_refusal(error: &Error) -> bool {
    error.is_refusal()
}

/// Sleeps until then; for ever without a time.
pub(crate) async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}
