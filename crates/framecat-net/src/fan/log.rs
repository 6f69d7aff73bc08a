//! The log behind a [`Fan`](super::Fan): what was given, and where each reader is in it. No I/O here
//! but the clock that tells how long a reader has taken nothing.

use std::collections::VecDeque;
use std::io::IoSlice;
use std::sync::Arc;
use std::task::{Context as Task, Poll, Waker};

use framecat_proto::limits::{QUEUE_BYTES, STALLED_TIME};
use tokio::time::Instant;

use super::{Parcel, Taken};
use crate::conn::Stream;
use crate::sockopt::bytes_unsent;

/// What an entry of the log costs besides its bytes: a flood of the smallest messages is bounded too.
const ENTRY_COST: u64 = 64;

/// The most that one write takes: what lies behind it is gathered for the next.
const WRITE_BYTES: u64 = 256 << 10;

/// Pieces of one write. There are more than two only for a reader that speaks itself, whose own
/// messages are passed over.
pub(super) const SLICES: usize = 64;

/// What is due to a reader.
pub(super) enum Due {
    Bytes,
    Parcel(Arc<Parcel>),
    End,
}

/// The log itself. Places in it count bytes and entries from the beginning of time.
#[derive(Debug, Default)]
pub(super) struct Log {
    /// Encoded bytes, where the readers share them; what is trimmed is gone from their front.
    bytes: VecDeque<u8>,
    entries: VecDeque<Entry>,
    /// The number of the first entry that is kept, and where it begins.
    first: u64,
    begin: u64,
    /// Where the last entry ends.
    end: u64,
    pub(super) slots: Vec<Reader>,
    free: Vec<usize>,
    pub(super) live: usize,
    /// Readers that have something to take.
    behind: usize,
    /// Readers that are too far behind.
    full: usize,
    pub(super) speaking: usize,
    pub(super) draining: bool,
    pub(super) ended: bool,
}

/// What one sender gave at once.
#[derive(Debug)]
struct Entry {
    from: u64,
    /// Where it ends.
    end: u64,
    messages: u64,
    payload: usize,
    parcel: Option<Arc<Parcel>>,
}

#[derive(Debug)]
pub(super) struct Reader {
    conn: u64,
    state: State,
    /// The next entry, and where in it.
    next: u64,
    at: u64,
    /// Entries from this one on are not for it.
    pub(super) until: Option<u64>,
    pub(super) behind: bool,
    /// Its task waits for something to take.
    asleep: bool,
    waker: Option<Waker>,
    /// Since when it is too far behind and takes nothing.
    full: Option<Instant>,
    /// Its socket, and how much of what was written there its peer had not taken then. The kernel has
    /// room for more only when much is gone, so a slow peer is seen there long before.
    socket: Option<Stream>,
    unsent: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Live,
    Stalled,
    Gone,
}

impl Reader {
    pub(super) fn wake(&mut self) {
        self.asleep = false;
        if let Some(waker) = &self.waker {
            waker.wake_by_ref();
        }
    }

    fn set_full(&mut self, now: Instant) {
        (self.full, self.unsent) = (Some(now), self.unsent_now());
    }

    fn unsent_now(&self) -> usize {
        let unsent = self.socket.as_ref().and_then(|socket| bytes_unsent(socket.as_fd()).ok());
        unsent.unwrap_or(0)
    }

    /// Tells where it writes to.
    pub(super) fn writes_to(&mut self, socket: &Stream) {
        if self.socket.is_none() {
            self.socket = Some(socket.clone());
        }
    }

    pub(super) fn poll_stalled(&mut self, task: &mut Task<'_>) -> Poll<()> {
        if self.state == State::Stalled {
            return Poll::Ready(());
        }
        match &mut self.waker {
            Some(waker) => waker.clone_from(task.waker()),
            none => *none = Some(task.waker().clone()),
        }
        Poll::Pending
    }
}

impl Log {
    /// How many readers have something to take.
    #[cfg(test)]
    pub(super) fn behind(&self) -> usize {
        self.behind
    }

    /// Entries and bytes that are kept.
    #[cfg(test)]
    pub(super) fn kept(&self) -> (usize, usize) {
        (self.entries.len(), self.bytes.len())
    }

    /// The number that the next entry will have.
    pub(super) fn next(&self) -> u64 {
        self.first + self.entries.len() as u64
    }

    fn entry(&self, number: u64) -> &Entry {
        &self.entries[(number - self.first) as usize]
    }

    pub(super) fn join(&mut self, conn: u64) -> usize {
        let until = self.ended.then(|| self.next());
        let (next, at) = (self.next(), self.end);
        let state = State::Live;
        let reader = Reader {
            conn,
            state,
            next,
            at,
            until,
            behind: false,
            asleep: false,
            waker: None,
            full: None,
            socket: None,
            unsent: 0,
        };
        self.live += 1;
        match self.free.pop() {
            Some(slot) => {
                self.slots[slot] = reader;
                slot
            }
            None => {
                self.slots.push(reader);
                self.slots.len() - 1
            }
        }
    }

    /// True: there is room again.
    pub(super) fn leave(&mut self, slot: usize) -> bool {
        let room = self.retire(slot, State::Gone);
        (self.slots[slot].waker, self.slots[slot].socket) = (None, None);
        self.free.push(slot);
        room
    }

    fn retire(&mut self, slot: usize, state: State) -> bool {
        let reader = &mut self.slots[slot];
        let was = std::mem::replace(&mut reader.state, state);
        if was != State::Live {
            return false;
        }
        self.live -= 1;
        let full = reader.full.take().is_some();
        if std::mem::take(&mut reader.behind) {
            self.behind -= 1;
            self.clear_if_taken();
        }
        self.no_longer_full(full)
    }

    /// Whether one reader less that is too far behind leaves none.
    fn no_longer_full(&mut self, was: bool) -> bool {
        self.full -= usize::from(was);
        was && self.full == 0
    }

    /// Appends so many encoded messages.
    pub(super) fn give_bytes<'a>(
        &mut self,
        from: u64,
        pieces: impl Iterator<Item = &'a [u8]>,
        messages: u64,
        payload: usize,
    ) {
        for piece in pieces {
            self.bytes.extend(piece);
            self.end += piece.len() as u64;
        }
        self.append(Entry { from, end: self.end, messages, payload, parcel: None });
    }

    /// Appends messages that each reader encodes for itself.
    pub(super) fn give_parcel(&mut self, from: u64, parcel: Parcel) {
        let (messages, payload) = (parcel.spans.len() as u64, parcel.input.len());
        self.end += payload as u64;
        let parcel = Some(Arc::new(parcel));
        self.append(Entry { from, end: self.end, messages, payload, parcel });
    }

    fn append(&mut self, entry: Entry) {
        let (from, number) = (entry.from, self.next());
        self.entries.push_back(entry);
        let (mut oldest, mut now) = (number + 1, None);
        self.behind = 0;
        self.full = 0;
        for reader in self.slots.iter_mut().filter(|reader| reader.state == State::Live) {
            if reader.until.is_none() {
                if !reader.behind && reader.conn == from {
                    (reader.next, reader.at) = (number + 1, self.end);
                } else if !reader.behind {
                    reader.behind = true;
                    if reader.asleep {
                        reader.wake();
                    }
                }
            }
            if reader.behind {
                self.behind += 1;
                oldest = oldest.min(reader.next);
                let lag = self.end - reader.at + (number + 1 - reader.next) * ENTRY_COST;
                if lag > QUEUE_BYTES as u64 {
                    if reader.full.is_none() {
                        reader.set_full(*now.get_or_insert_with(Instant::now));
                    }
                    self.full += 1;
                }
            }
        }
        self.trim(oldest);
    }

    /// Forgets entries before this one: everybody has them.
    fn trim(&mut self, oldest: u64) {
        let count = (oldest - self.first) as usize;
        let Some(last) = count.checked_sub(1) else { return };
        let begin = self.entries[last].end;
        self.entries.drain(..count);
        let bytes = ((begin - self.begin) as usize).min(self.bytes.len());
        self.bytes.drain(..bytes);
        (self.first, self.begin) = (oldest, begin);
    }

    fn clear_if_taken(&mut self) {
        if self.behind > 0 {
            return;
        }
        (self.first, self.begin) = (self.next(), self.end);
        self.entries.clear();
        self.bytes.clear();
        // A large message went through; the next ones need not be large.
        self.bytes.shrink_to(2 * QUEUE_BYTES);
    }

    pub(super) fn poll_due(&mut self, slot: usize) -> Poll<Due> {
        let ended = self.ended;
        let reader = &mut self.slots[slot];
        if reader.behind {
            let number = reader.next;
            return Poll::Ready(match &self.entry(number).parcel {
                Some(parcel) => Due::Parcel(parcel.clone()),
                None => Due::Bytes,
            });
        }
        if reader.until.is_some() || ended {
            return Poll::Ready(Due::End);
        }
        reader.asleep = true;
        Poll::Pending
    }

    /// The bytes that a reader is to write next, its own messages passed over. How many pieces.
    pub(super) fn gather<'a>(&'a self, slot: usize, slices: &mut [IoSlice<'a>; SLICES]) -> usize {
        let reader = &self.slots[slot];
        if !reader.behind {
            return 0;
        }
        let stop = reader.until.unwrap_or(self.next());
        let (front, back) = self.bytes.as_slices();
        let (mut number, mut at, mut filled, mut total) = (reader.next, reader.at, 0, 0);
        // A range may lie on both sides of the ring's end.
        while number < stop && filled + 2 <= SLICES && total < WRITE_BYTES {
            let from = at;
            while number < stop && self.entry(number).from != reader.conn {
                at = self.entry(number).end;
                number += 1;
                if total + (at - from) >= WRITE_BYTES {
                    break;
                }
            }
            total += at - from;
            let (from, to) = ((from - self.begin) as usize, (at - self.begin) as usize);
            if from < front.len().min(to) {
                slices[filled] = IoSlice::new(&front[from..to.min(front.len())]);
                filled += 1;
            }
            if to > front.len().max(from) {
                let (from, to) = (from.max(front.len()) - front.len(), to - front.len());
                slices[filled] = IoSlice::new(&back[from..to]);
                filled += 1;
            }
            while number < stop && self.entry(number).from == reader.conn {
                at = self.entry(number).end;
                number += 1;
            }
        }
        filled
    }

    /// A reader wrote so many bytes. What that was, and whether there is room again.
    pub(super) fn advance(&mut self, slot: usize, written: u64) -> (Taken, bool) {
        let mut taken = Taken::default();
        if !self.slots[slot].behind {
            return (taken, false);
        }
        let (mut number, mut at) = (self.slots[slot].next, self.slots[slot].at);
        let (conn, until) = (self.slots[slot].conn, self.slots[slot].until);
        let (stop, mut left) = (until.unwrap_or(self.next()), written);
        while number < stop {
            let entry = self.entry(number);
            if entry.from != conn {
                if left < entry.end - at {
                    at += left;
                    break;
                }
                left -= entry.end - at;
                taken.messages += entry.messages;
                taken.bytes += entry.payload;
            }
            at = entry.end;
            number += 1;
        }
        (taken, self.moved(slot, number, at))
    }

    /// A reader sent the parcel that it is at. Whether there is room again.
    pub(super) fn took(&mut self, slot: usize) -> bool {
        let reader = &self.slots[slot];
        if !reader.behind {
            return false;
        }
        let (conn, mut number) = (reader.conn, reader.next + 1);
        let stop = reader.until.unwrap_or(self.next());
        let mut at = self.entry(number - 1).end;
        while number < stop && self.entry(number).from == conn {
            at = self.entry(number).end;
            number += 1;
        }
        self.moved(slot, number, at)
    }

    fn moved(&mut self, slot: usize, number: u64, at: u64) -> bool {
        let end = self.next();
        let lag = self.end - at + (end - number) * ENTRY_COST;
        let reader = &mut self.slots[slot];
        (reader.next, reader.at) = (number, at);
        let mut room = false;
        if reader.full.is_some() {
            // Something left: it is slow, and not stalled.
            room = lag <= QUEUE_BYTES as u64;
            match room {
                true => reader.full = None,
                false => reader.set_full(Instant::now()),
            }
        }
        if number >= reader.until.unwrap_or(end) {
            reader.behind = false;
            self.behind -= 1;
            self.clear_if_taken();
        }
        self.no_longer_full(room)
    }

    /// Since when the reader that is full for longest takes nothing.
    pub(super) fn longest_full(&self) -> Option<Instant> {
        if self.full == 0 {
            return None;
        }
        self.slots.iter().filter_map(|reader| reader.full).min()
    }

    /// Drops whoever has taken nothing for too long, so that it stalls nobody else. Alone it stalls
    /// nobody else, and is waited for.
    pub(super) fn drop_stalled(&mut self, now: Instant) {
        for slot in 0..self.slots.len() {
            let reader = &mut self.slots[slot];
            let Some(since) = reader.full else { continue };
            let unsent = reader.unsent_now();
            let before = std::mem::replace(&mut reader.unsent, unsent);
            if unsent < before {
                reader.full = Some(now);
            } else if since + STALLED_TIME <= now && self.live > 1 {
                self.retire(slot, State::Stalled);
                self.slots[slot].wake();
            } else if since + STALLED_TIME <= now {
                reader.full = Some(now);
            }
        }
    }

    pub(super) fn wake_sleepers(&mut self) {
        for reader in self.slots.iter_mut().filter(|reader| reader.asleep) {
            reader.wake();
        }
    }
}
