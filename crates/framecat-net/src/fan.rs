//! The one mechanism of fan-out: messages on their way to many readers, be they stdin's, a peer's of
//! `listen --chat`, or those of the one dial of `relay --shared`.
//!
//! A [`Fan`] is a log. What is given to it is encoded once and kept once, however many read; a reader
//! is a [`Place`] in it and writes to its connection straight from there, all that has come since its
//! last write in one call. A message is in the log whole before anybody reads it, so two senders
//! never interleave inside one, and everybody sees one order. The log is as long as the slowest
//! reader is behind. One that is 1 MiB behind slows those who give; if it then takes nothing
//! for 1 s, and is not the only one, it is dropped.

use std::future::poll_fn;
use std::io::IoSlice;
use std::sync::{Arc, MutexGuard, PoisonError};
use std::task::Poll;

use framecat_proto::Framing;
use framecat_proto::framing::Framer;
use framecat_proto::limits::STALLED_TIME;
use framecat_proto::message::{Batch, Context, Outgoing, Spans};
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::conn::{Stream, Wait};
use crate::error::{Cause, Error, Op};
use crate::link::{Refusal, Sender};
use crate::relay::Progress;

mod log;
#[cfg(test)]
mod tests;

use log::{Due, Log, SLICES};

/// Payload bytes kept together where every reader encodes for itself: a reader that takes one parcel
/// a second is slow and not stalled.
const PARCEL_BYTES: usize = 16 << 10;

/// Messages with their bytes, shared by all that they are sent to.
#[derive(Debug)]
pub(crate) struct Parcel {
    input: Vec<u8>,
    spans: Spans,
}

impl Parcel {
    pub(crate) fn batch(&self) -> Batch<'_> {
        Batch { input: &self.input, spans: &self.spans }
    }

    /// A copy of a batch, in parts of [`PARCEL_BYTES`] or one message.
    fn parts(batch: Batch<'_>) -> Vec<Parcel> {
        let mut parts: Vec<Parcel> = Vec::new();
        for (i, message) in batch.iter().enumerate() {
            let fits = |part: &Parcel| part.input.len() + message.len() <= PARCEL_BYTES;
            if !parts.last().is_some_and(fits) {
                parts.push(Parcel { input: Vec::new(), spans: Spans::new() });
            }
            let Some(Parcel { input, spans }) = parts.last_mut() else { continue };
            let start = input.len();
            input.extend_from_slice(message);
            match batch.spans.time_ns(i) {
                Some(time_ns) => spans.push_timed(start, input.len(), time_ns),
                None => spans.push(start, input.len()),
            }
        }
        parts
    }
}

/// What a reader took with one write.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Taken {
    /// Messages that are now wholly written.
    pub(crate) messages: u64,
    /// Payload bytes of those.
    pub(crate) bytes: usize,
}

/// What is next for a reader.
#[derive(Debug)]
pub(crate) enum Step {
    /// Encoded messages went out.
    Wrote(Taken),
    /// Messages that the reader is to encode and send itself, and then [`Place::took`].
    Parcel(Arc<Parcel>),
    /// Nothing more will come.
    End,
}

/// Messages for many readers.
#[derive(Debug)]
pub(crate) struct Fan {
    log: std::sync::Mutex<Log>,
    /// Whoever holds it gives; the others wait in the order in which they came.
    pen: tokio::sync::Mutex<Pen>,
    /// The last full reader has room again.
    room: Notify,
    joined: Notify,
}

struct Pen {
    /// `None`: every reader encodes for itself.
    framer: Option<Box<dyn Framer>>,
    out: Outgoing,
}

impl std::fmt::Debug for Pen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pen").field("shared", &self.framer.is_some()).finish_non_exhaustive()
    }
}

impl Fan {
    /// For readers whose connections are streams with this framing, if all of them can be written the
    /// same bytes; else `None`, and each encodes for itself: datagrams, messages that are shown to
    /// somebody as they leave, a framing that remembers what it wrote, and one that keeps silence
    /// between messages.
    pub(crate) fn new(shared: Option<(&Framing, usize)>) -> Arc<Fan> {
        let framer = shared
            .filter(|(framing, _)| !framing.remembers())
            .map(|(framing, max)| framing.framer(max))
            .filter(|framer| framer.silence().is_none());
        Arc::new(Fan {
            log: std::sync::Mutex::default(),
            pen: tokio::sync::Mutex::new(Pen { framer, out: Outgoing::new() }),
            room: Notify::new(),
            joined: Notify::new(),
        })
    }

    fn lock(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for a connection, at the end of what was given so far.
    pub(crate) fn join(self: &Arc<Fan>, conn: u64) -> Place {
        let slot = self.lock().join(conn);
        self.joined.notify_one();
        Place { fan: self.clone(), slot }
    }

    /// Waits until somebody reads. Cancel safe.
    pub(crate) async fn somebody(&self) {
        while self.lock().live == 0 {
            self.joined.notified().await;
        }
    }

    /// Nothing more will be given: readers end behind what there is.
    pub(crate) fn end(&self) {
        let mut log = self.lock();
        log.ended = true;
        log.wake_sleepers();
    }

    /// From here on readers are told when nobody has anything more to give.
    pub(crate) fn drain(&self) {
        let mut log = self.lock();
        log.draining = true;
        log.wake_sleepers();
    }

    /// Held by who has something to give: what it holds has not reached the log yet.
    pub(crate) fn speak(self: &Arc<Fan>) -> Speaking {
        self.lock().speaking += 1;
        Speaking(self.clone())
    }

    /// Gives a batch to all readers but the connection that it comes `from` (stdin's number is 0), and
    /// waits while one of them is too far behind. Messages that the framing cannot hold are pushed to
    /// `refused`. Cancel safe: it was given wholly or not at all.
    pub(crate) async fn give(
        &self,
        from: u64,
        batch: Batch<'_>,
        context: &Context<'_>,
        refused: &mut Vec<Refusal>,
    ) {
        let mut pen = self.pen.lock().await;
        let Pen { framer, out } = &mut *pen;
        match framer {
            Some(framer) => {
                out.clear();
                let mut at = 0;
                while let Err((index, error)) = framer.encode_batch(batch, at, context, out) {
                    refused.push(Refusal { index, error });
                    at = index + 1;
                }
                if out.is_empty() {
                    return;
                }
                let messages = (batch.len() - refused.len()) as u64;
                let lost = |i: usize| refused.iter().any(|refusal| refusal.index == i);
                let payload = match refused.is_empty() {
                    true => batch.iter().map(<[u8]>::len).sum(),
                    false => {
                        (0..batch.len()).filter(|i| !lost(*i)).map(|i| batch.get(i).len()).sum()
                    }
                };
                self.lock().give_bytes(from, out.pieces(batch), messages, payload);
            }
            None => {
                let mut log = self.lock();
                for parcel in Parcel::parts(batch) {
                    log.give_parcel(from, parcel);
                }
            }
        }
        self.wait_for_room().await;
    }

    /// Waits until nobody is too far behind, and drops who takes nothing.
    async fn wait_for_room(&self) {
        loop {
            let Some(since) = self.lock().longest_full() else { return };
            // In steps, so that the time counts from when its kernel last handed something on.
            let until = (since + STALLED_TIME).min(Instant::now() + STALLED_TIME / 10);
            tokio::select! {
                biased;
                () = self.room.notified() => {}
                () = tokio::time::sleep_until(until) => {
                    self.lock().drop_stalled(Instant::now());
                }
            }
        }
    }
}

/// See [`Fan::speak`].
#[derive(Debug)]
pub(crate) struct Speaking(Arc<Fan>);

impl Drop for Speaking {
    fn drop(&mut self) {
        let mut log = self.0.lock();
        log.speaking -= 1;
        if log.speaking == 0 && log.draining {
            log.wake_sleepers();
        }
    }
}

/// A reader's place in the log. Dropped, it leaves.
#[derive(Debug)]
pub(crate) struct Place {
    fan: Arc<Fan>,
    slot: usize,
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.fan.lock().leave(self.slot) {
            self.fan.room.notify_one();
        }
    }
}

impl Place {
    /// Whom it reads from.
    pub(crate) fn fan(&self) -> &Arc<Fan> {
        &self.fan
    }

    /// What is given from here on is not for this reader.
    pub(crate) fn end_here(&self) {
        let mut log = self.fan.lock();
        let end = log.next();
        let reader = &mut log.slots[self.slot];
        reader.until.get_or_insert(end);
        reader.wake();
    }

    /// Whether all that it will get is taken, as far as is known now.
    fn is_settled(&self) -> bool {
        let log = self.fan.lock();
        let reader = &log.slots[self.slot];
        !reader.behind && (reader.until.is_some() || log.speaking == 0)
    }

    /// Waits until all that it will get is taken. To be polled in the reader's task behind
    /// [`step`](Self::step), whose wakers serve both.
    pub(crate) async fn settled(&self) {
        poll_fn(|_| match self.is_settled() {
            true => Poll::Ready(()),
            false => Poll::Pending,
        })
        .await;
    }

    /// Waits until this reader is dropped because it took nothing. Polled in front of
    /// [`step`](Self::step): it is what wakes the reader's task for either.
    pub(crate) async fn stalled(&self, peer: &str) -> Error {
        poll_fn(|task| self.fan.lock().slots[self.slot].poll_stalled(task)).await;
        let (op, endpoint) = (Op::Send, peer.to_string());
        Error { op, endpoint, cause: Cause::Stalled(STALLED_TIME) }
    }

    /// Waits for something to send, and sends it if it is encoded; what the sender holds back goes out
    /// in its time. While nothing is in hand `moved` rests. Cancel safe but for a message that is half
    /// written.
    pub(crate) async fn step(&self, sender: &mut Sender, moved: &Progress) -> Result<Step, Error> {
        loop {
            let Some(until) = sender.held_until() else { return self.take(sender, moved).await };
            tokio::select! {
                biased;
                () = tokio::time::sleep_until(until) => {}
                () = moved.stopped() => {}
                step = self.take(sender, moved) => return step,
            }
            sender.flush().await?;
        }
    }

    async fn take(&self, sender: &Sender, moved: &Progress) -> Result<Step, Error> {
        if let Some(stream) = sender.stream() {
            // What the last write left with TLS.
            stream.flush().await.map_err(|error| sender.failed(error))?;
        }
        if self.is_settled() && !sender.holds() {
            moved.rest().await;
        }
        if let Some(stream) = sender.stream() {
            self.fan.lock().slots[self.slot].writes_to(stream);
        }
        let due = poll_fn(|_| self.fan.lock().poll_due(self.slot)).await;
        let parcel = match due {
            Due::End => return Ok(Step::End),
            Due::Parcel(parcel) => Some(parcel),
            Due::Bytes => None,
        };
        moved.hold();
        match (parcel, sender.stream()) {
            (Some(parcel), _) => Ok(Step::Parcel(parcel)),
            (None, Some(stream)) => {
                let write = stream.until(|_| self.write(stream));
                match write.await {
                    Ok(taken) => Ok(Step::Wrote(taken)),
                    Err(error) => Err(sender.failed(error)),
                }
            }
            (None, None) => Err(sender.failed(std::io::ErrorKind::BrokenPipe)),
        }
    }

    /// The parcel of the last [`step`](Self::step) was sent.
    pub(crate) fn took(&self) {
        if self.fan.lock().took(self.slot) {
            self.fan.room.notify_one();
        }
    }

    fn write(&self, stream: &Stream) -> Result<Taken, Wait> {
        let mut log = self.fan.lock();
        let mut slices = [IoSlice::new(&[]); SLICES];
        let filled = log.gather(self.slot, &mut slices);
        if filled == 0 {
            // It was dropped in between.
            return Ok(Taken::default());
        }
        let written = stream.write_now(&slices[..filled])?;
        let (taken, room) = log.advance(self.slot, written as u64);
        drop(log);
        if room {
            self.fan.room.notify_one();
        }
        Ok(taken)
    }
}
