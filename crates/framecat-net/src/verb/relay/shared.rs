//! `relay --shared`: all clients share one connection to the right. What they say goes there in the
//! order in which it came, a message at a time; what it says goes to all of them.
//!
//! Either way is a [`Fan`]: the one reader of the first is the dial, which nobody drops; the readers
//! of the second are the clients. When the dial ends they end too, and so does the relay: it does not
//! dial again. A client that has ended hears on until it closes, for its answer may be under way.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use framecat_proto::endpoint::At;
use framecat_proto::limits::{CLIENTS, DRAIN_TIME, RELAY_PEER_IDLE};
use framecat_proto::message::Dir;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::conn::Conn;
use crate::converse::{close, is_refusal, sleep_until};
use crate::error::{Cause, Error};
use crate::event::{self, Event, Observer, Totals};
use crate::fan::{Fan, Place, Step};
use crate::join::{Joint, Pump, To, reset_both, unfinished};
use crate::link::{Link, Sender, now_ns};
use crate::open::retry::dial;
use crate::open::{self, Accepted, ListenOptions, Listener};
use crate::relay::Progress;
use crate::talk::{End, Named, Shutdown};

use super::Relay;

struct Shared {
    joint: Joint,
    /// From the clients to the dial.
    there: Arc<Fan>,
    /// From the dial to the clients.
    back: Arc<Fan>,
    /// The dial failed: its clients are reset, an end would make what was cut look whole.
    broken: AtomicBool,
}

/// What went through one connection.
#[derive(Default)]
struct Moved {
    inward: Progress,
    outward: Progress,
    messages_in: AtomicU64,
    messages_out: AtomicU64,
}

impl Moved {
    fn totals(&self) -> Totals {
        Totals {
            messages_in: self.messages_in.load(Ordering::Relaxed),
            messages_out: self.messages_out.load(Ordering::Relaxed),
            bytes_in: self.inward.bytes(),
            bytes_out: self.outward.bytes(),
        }
    }

    fn stop(&self) {
        self.inward.stop();
        self.outward.stop();
    }
}

/// Binds, dials, and relays until the dial ends, a signal, `--count` or `--until`.
pub(super) async fn run(
    options: Relay,
    observer: Arc<dyn Observer>,
    mut shutdown: Shutdown,
) -> Result<End, Error> {
    let listen = ListenOptions { lan: options.lan, message_bytes: options.message_bytes };
    let mut listener = Some(open::listen(&options.left, &listen).await?);
    if let Some(listener) = &mut listener {
        listener.admit(options.access.clone());
        let (endpoint, reach, pin) = (listener.endpoint(), listener.reach(), listener.pin());
        observer.event(Event::Listening { endpoint, reach, pin });
    }
    let time = options.deadline;
    let deadline = time.map(|time| Instant::now() + time);
    let datagrams = listener.as_ref().is_some_and(Listener::is_datagrams);
    let places = Arc::new(Semaphore::new(options.max_clients.unwrap_or(CLIENTS)));
    let patience = options.patience();
    let right = options.right.clone();
    let plain = matches!(options.left.at, At::Tcp(_) | At::Unix(_));
    let (rules, lines) = options.rules();
    let joint = Joint::new(rules, observer, lines);
    let interrupted = |joint: &Joint| match joint.unmet() {
        End::NotMet(_) => End::Interrupted,
        end => end,
    };
    let dial = tokio::select! {
        biased;
        dial = dial(&right, patience, None, &*joint.observer) => dial?,
        () = shutdown.requested() => return Ok(interrupted(&joint)),
        () = sleep_until(deadline) => return Ok(End::Deadline(time.unwrap_or_default())),
    };
    // A message is shown once, where it arrives: what leaves is the same bytes for all.
    let max = joint.rules.message_bytes;
    let unshaped = !joint.rules.shape.is_set();
    let stream = matches!(dial, Conn::Stream(_)) && unshaped;
    let there = Fan::new(stream.then_some((&joint.rules.right.send, max)));
    let back = Fan::new((plain && unshaped).then_some((&joint.rules.left.send, max)));
    let broken = AtomicBool::new(false);
    let shared = Arc::new(Shared { joint, there, back, broken });
    let joint = &shared.joint;

    let conn = joint.ledger.next_conn();
    let named = Named { conn, peer: dial.peer().into(), local: dial.local().into() };
    named.opened(&*joint.observer);
    let Link { receiver, mut sender, child } = Link::new(dial, &joint.link(&joint.rules.right));
    sender.shape(joint.rules.shape);
    let (ends, begun) = ([receiver.stream().cloned()], [receiver.begun()]);
    let place = shared.there.join(conn);
    let moved = Moved::default();
    let rule = joint.rules.left.send.to_string();
    let pump = pump(joint, &named, &moved);
    let mut hear = std::pin::pin!(pump.run(receiver, To::All(&shared.back, &rule)));
    let mut say = std::pin::pin!(send(joint, &named, &mut sender, &place, &moved));
    let (mut heard, mut said, mut failed) = (false, false, None);

    let (stop, stopped) = Shutdown::new();
    let mut conns: JoinSet<()> = JoinSet::new();
    let ended = loop {
        if heard && conns.is_empty() {
            break Ok(joint.unmet());
        }
        tokio::select! {
            biased;
            done = &mut hear, if !heard => {
                heard = true;
                // Nobody else is let in; those in the queue are told so.
                listener = listener.filter(|_| datagrams);
                if let Err(error) = done.and(failed.take().map_or(Ok(()), Err)) {
                    break Err(error);
                }
                shared.back.end();
            }
            done = &mut say, if !said => {
                said = true;
                match done {
                    Err(error) if heard => break Err(error),
                    // It takes no more, and may still have something to say.
                    Err(error) => failed = Some(error),
                    Ok(()) => {}
                }
            }
            Some(_) = conns.join_next() => {}
            () = joint.enough() => break Ok(End::Done),
            accepted = accept(&mut listener, &places) => match accepted {
                Err(error) => break Err(error),
                // A datagram peer too many; accepting goes on, for it sorts what arrives.
                Ok((Accepted::Conn(_), _)) if heard => {}
                Ok((Accepted::Conn(conn), permit)) => {
                    let id = joint.ledger.next_conn();
                    let place = shared.back.join(id);
                    let (shared, stopped) = (shared.clone(), stopped.clone());
                    conns.spawn(async move {
                        let _permit = permit;
                        client(&shared, conn, id, place, stopped).await;
                    });
                }
                Ok((Accepted::Failed(error), _)) => {
                    let conn = joint.ledger.next_conn();
                    joint.observer.event(Event::Failed { conn, error: &error });
                }
                Ok((Accepted::NotAllowed { peer, count }, _)) => {
                    joint.observer.event(Event::NotAllowed { peer: &peer, count });
                }
                Ok((Accepted::Delayed { error, wait, again }, _)) => {
                    if !again {
                        joint.observer.event(Event::AcceptDelayed { error: &error, wait });
                    }
                }
            },
            ended = joint.write_told() => break ended,
            () = shutdown.requested() => break Ok(interrupted(joint)),
            () = sleep_until(deadline) => break Ok(End::Deadline(time.unwrap_or_default())),
        }
    };
    let by_itself = heard;
    // No new clients; what is in hand is finished, on all sides.
    let broken = matches!(&ended, Err(error) if error.breaks_off());
    shared.broken.store(broken, Ordering::Relaxed);
    shared.there.drain();
    shared.back.drain();
    moved.stop();
    stop.request();
    said |= ended.is_err();
    let drained = async {
        let mut left = true;
        loop {
            tokio::select! {
                biased;
                _ = &mut hear, if !heard => heard = true,
                _ = &mut say, if !said => said = true,
                next = conns.join_next(), if left => left = next.is_some(),
                () = settled(&moved, &place, heard, said), if !left => break,
            }
        }
    };
    let time = ended.as_ref().map_or(DRAIN_TIME, End::drain_time);
    let cut_off = tokio::time::timeout(time, drained).await.is_err();
    if matches!(&ended, Ok(End::Done | End::Interrupted)) && !heard {
        unfinished(joint, &named, &begun, &ends, cut_off);
    } else if cut_off {
        joint.ledger.note_lost();
    }
    for stream in ends.iter().flatten().filter(|_| !broken) {
        close(stream).await;
    }
    let ended = match child {
        Some(child) => child.after(ended, by_itself).await,
        None => ended,
    };
    named.closed(moved.totals(), &*joint.observer);
    joint.flush(0).await?;
    Ok(joint.ledger.settle(ended?))
}

async fn accept(
    listener: &mut Option<Listener>,
    places: &Arc<Semaphore>,
) -> Result<(Accepted, Option<OwnedSemaphorePermit>), Error> {
    match listener {
        Some(listener) => super::accept(listener, places).await,
        None => std::future::pending().await,
    }
}

fn pump<'a>(joint: &'a Joint, named: &'a Named, moved: &'a Moved) -> Pump<'a> {
    // Whoever says it, it comes in: it has many ends to go to, or comes from one of many.
    let (moved, messages) = (&moved.inward, &moved.messages_in);
    Pump { joint, named, client: named, dir: Dir::In, moved, messages }
}

/// Waits until nothing is in hand that comes from or goes to one end, while somebody polls both ways.
async fn settled(moved: &Moved, place: &Place, heard: bool, said: bool) {
    while !heard && moved.inward.is_holding() {
        moved.inward.at_rest().await;
    }
    if !said {
        place.settled().await;
    }
}

/// Sends one end what is given to it, then the end of our direction.
async fn send(
    joint: &Joint,
    named: &Named,
    sender: &mut Sender,
    place: &Place,
    moved: &Moved,
) -> Result<(), Error> {
    let (outward, messages) = (&moved.outward, &moved.messages_out);
    let mut refused = Vec::new();
    let peer = named.peer.as_str();
    let sending = async {
        loop {
            let parcel = match place.step(sender, outward).await? {
                Step::Parcel(parcel) => parcel,
                Step::Wrote(taken) => {
                    outward.add(taken.bytes);
                    messages.fetch_add(taken.messages, Ordering::Relaxed);
                    continue;
                }
                Step::End => {
                    sender.flush().await?;
                    return sender.finish();
                }
            };
            let (batch, first) = (parcel.batch(), messages.load(Ordering::Relaxed) + 1);
            let context = named.context(Dir::Out, first, now_ns());
            match sender.send_batch(batch, &context, &mut refused).await {
                Err(error) if sender.is_packets() && is_refusal(&error) => {
                    joint.ledger.note_lost();
                    joint.observer.event(Event::Unreachable { conn: named.conn, error: &error });
                }
                sent => sent?,
            }
            outward.add(batch.iter().map(<[u8]>::len).sum());
            messages.fetch_add((batch.len() - refused.len()) as u64, Ordering::Relaxed);
            let way = (Dir::Out, event::Place::Peer);
            let rule = sender.rule();
            named.refused(way, first, rule, &mut refused, &joint.ledger, &*joint.observer);
            place.took();
        }
    };
    tokio::select! {
        biased;
        error = place.stalled(peer) => Err(error),
        sent = sending => sent,
    }
}

/// One client, until it or the dial is over.
async fn client(shared: &Shared, conn: Conn, id: u64, place: Place, mut stopped: Shutdown) {
    let Shared { joint, there, broken, .. } = shared;
    let named = Named { conn: id, peer: conn.peer().into(), local: conn.local().into() };
    named.opened(&*joint.observer);
    let Link { receiver, mut sender, .. } = Link::new(conn, &joint.link(&joint.rules.left));
    if let Some(error) = sender.unnamed() {
        // It can speak.
        place.end_here();
        joint.observer.event(Event::Failed { conn: id, error: &error });
    }
    let endless = receiver.is_endless();
    let idle = joint.rules.idle.or(endless.then_some(RELAY_PEER_IDLE));
    sender.shape(joint.rules.shape);
    let (ends, begun) = ([receiver.stream().cloned()], [receiver.begun()]);
    let moved = Moved::default();
    let rule = joint.rules.right.send.to_string();
    let pump = pump(joint, &named, &moved);
    let mut hear = std::pin::pin!(pump.run(receiver, To::All(there, &rule)));
    let mut say = std::pin::pin!(send(joint, &named, &mut sender, &place, &moved));
    let (mut heard, mut said, mut failed) = (false, false, None);
    let mut gone = std::pin::pin!(async {
        match &ends {
            [Some(stream)] => stream.gone().await,
            [None] => std::future::pending().await,
        }
    });
    let (mut stopping, mut give_up) = (false, None);
    // A datagram peer that says nothing is gone for all we know: what it is sent proves nothing.
    let last = || match endless {
        true => moved.inward.last(),
        false => moved.inward.last().max(moved.outward.last()),
    };
    let ended = loop {
        let idle_at = idle.map(|idle| last() + idle);
        tokio::select! {
            biased;
            done = &mut hear, if !heard => {
                heard = true;
                match (done, failed.take()) {
                    (Err(error), _) | (Ok(()), Some(error)) => break Err(error),
                    // A peer of a shared socket ends by being forgotten: both ways are over.
                    (Ok(()), None) if said || endless => break Ok(()),
                    (Ok(()), None) => {}
                }
            }
            done = &mut say, if !said => {
                said = true;
                match done {
                    Ok(()) if heard => break Ok(()),
                    Ok(()) => {}
                    // It had ended, and now it is gone: nothing is wrong with that.
                    Err(Error { cause: Cause::Io(_), .. }) if heard => break Ok(()),
                    Err(Error { cause: Cause::Io(_), .. }) if endless => {}
                    Err(error @ Error { cause: Cause::Io(_), .. }) => failed = Some(error),
                    Err(error) => break Err(error),
                }
            }
            // It had ended, and hears no more: it must not keep its place from others.
            () = &mut gone, if heard && !said => break Ok(()),
            () = stopped.requested(), if !stopping => {
                // What is in hand is finished: nobody gets half a message.
                moved.stop();
                stopping = true;
                give_up = Some(Instant::now() + DRAIN_TIME);
            }
            () = settled(&moved, &place, heard, said), if stopping => {
                if !heard {
                    unfinished(joint, &named, &begun, &ends, false);
                }
                break Ok(());
            }
            () = sleep_until(give_up) => {
                unfinished(joint, &named, &begun, &ends, true);
                break Ok(());
            }
            () = sleep_until(idle_at) => {
                if idle.is_some_and(|idle| last() + idle <= Instant::now()) {
                    // A peer that takes nothing for so long loses what was on its way.
                    let cut_off = moved.inward.is_holding() || moved.outward.is_holding();
                    unfinished(joint, &named, &begun, &ends, cut_off);
                    break Ok(());
                }
            }
        }
    };
    if let Err(error) = &ended {
        joint.ledger.note_lost();
        joint.observer.event(Event::Failed { conn: id, error });
    }
    if broken.load(Ordering::Relaxed) {
        reset_both(&ends);
    } else if ended.is_ok() {
        for stream in ends.iter().flatten() {
            close(stream).await;
        }
    }
    named.closed(moved.totals(), &*joint.observer);
}
