//! Content on its way from a client to the disk: read by the loop a stretch at a time, taken apart and
//! written by workers.
//!
//! ```text
//!  loop    reads up to 256 KiB ──►┐        ┌► reads on, or waits for the client
//!  worker                         └ decodes, writes, and gives both back
//! ```
//!
//! A [`Receiver`] goes to and fro between the two; while a worker has it nothing is read, so a client that
//! is faster than the disk waits, and one that is slow holds no thread and, between two stretches, no
//! memory. What is done with the content is a [`Sink`]'s; before it has seen [`Sink::finish`] nothing
//! has changed for anybody.

use framecat_proto::http::body::{Body as Decoder, Next};
use framecat_proto::http::{Fields, Length, Reply};
use framecat_proto::limits::HTTP_UPLOAD_STRETCH;
use rustix::io::Errno;

use super::answer::{Asked, Early};
use super::server::Shared;
use super::wire::Wire;

/// What is read first. Who sends more gets more room, up to [`HTTP_UPLOAD_STRETCH`].
const FIRST_BYTES: usize = 16 << 10;

/// What is done with the content of a request. All of it runs where it may wait for a disk.
///
/// A sink that is dropped before `finish` was cut short: the client left, broke a rule or was too slow. What
/// is kept then is what somebody else may take up again.
pub(super) trait Sink: Send + std::fmt::Debug {
    /// Before any of the content is taken: looks, and makes room.
    ///
    /// # Errors
    /// The reply to a request that is not done; its content is not read then.
    fn begin(&mut self, site: &Shared) -> Result<(), Reply>;

    /// At least so many bytes more will come: those of the content, or of the chunk at hand.
    ///
    /// # Errors
    /// As [`take`](Self::take), and they are not read then.
    fn due(&mut self, site: &Shared, len: u64) -> Result<(), Reply> {
        let _ = (site, len);
        Ok(())
    }

    /// The next piece of the content, decoded.
    ///
    /// # Errors
    /// The reply to a request that is not done after all.
    fn take(&mut self, site: &Shared, content: &[u8]) -> Result<(), Reply>;

    /// All of it has come, and these trailers behind it. Only now anything is done that others see.
    fn finish(self: Box<Self>, site: &Shared, trailers: &Fields<'_>) -> Reply;
}

/// A request whose content is being received.
#[derive(Debug)]
pub(super) struct Receiver {
    /// The request's head.
    pub(super) head: Vec<u8>,
    pub(super) asked: Asked,
    /// The client holds its content back until it is told to go on.
    pub(super) expects: bool,
    decoder: Decoder,
    /// How long the content is, where that was told.
    total: Option<u64>,
    sink: Option<Box<dyn Sink>>,
    begun: bool,
    /// What came and is not decoded; filled up to `filled`. It grows while it is filled at once.
    buffer: Vec<u8>,
    filled: usize,
    room: usize,
    /// How many bytes came, and the first of them, as far as somebody wants to see them.
    came: u64,
    pub(super) kept: Vec<u8>,
    keeps: usize,
    /// The client's direction has ended; or its time is up.
    ended: bool,
    late: bool,
}

/// How far it came.
#[derive(Debug)]
pub(super) enum Received {
    /// More is due.
    More,
    /// It is answered; behind it came these bytes of the next request.
    Done(Reply, Vec<u8>),
    /// It is answered, and the rest of its content will not be read.
    Refused(Reply),
    /// Its content ended before its end, or is none.
    Early(Early),
}

impl Receiver {
    /// Of the request whose `head` this is. Content came behind it already: `behind`.
    pub(super) fn new(
        (head, behind): (&[u8], &[u8]),
        (length, expects, keeps): (Length, bool, usize),
        asked: Asked,
        sink: Box<dyn Sink>,
    ) -> Receiver {
        let mut receiver = Receiver {
            head: head.to_vec(),
            asked,
            // Who has begun waits for nothing (RFC 9110 section 10.1.1).
            expects: expects && behind.is_empty(),
            decoder: Decoder::new(length),
            total: match length {
                Length::Bytes(total) => Some(total),
                _ => None,
            },
            sink: Some(sink),
            begun: false,
            buffer: behind.to_vec(),
            filled: behind.len(),
            room: FIRST_BYTES,
            came: 0,
            kept: Vec::new(),
            keeps,
            ended: false,
            late: false,
        };
        receiver.keep(0);
        receiver
    }

    /// Bytes that came, as they came.
    pub(super) fn came(&self) -> u64 {
        self.came
    }

    /// Whether there is something for a worker.
    pub(super) fn is_due(&self) -> bool {
        self.filled > 0 || self.ended || self.late
    }

    /// The client's direction has ended.
    pub(super) fn end(&mut self) {
        self.ended = true;
    }

    /// The client was too slow.
    pub(super) fn late(&mut self) {
        self.late = true;
    }

    /// Nothing comes for now: what is empty takes no memory.
    pub(super) fn rest(&mut self) {
        if self.filled == 0 {
            self.buffer = Vec::new();
            self.room = FIRST_BYTES;
        }
    }

    /// Whether it can hold more before a worker has taken what it holds, and more is due.
    pub(super) fn has_room(&self) -> bool {
        self.filled < HTTP_UPLOAD_STRETCH && self.total.is_none_or(|total| self.came < total)
    }

    /// Reads once, while there is room. As [`Wire::recv`]; and whether more may be there.
    pub(super) fn read(&mut self, wire: &mut Wire) -> Result<(usize, bool), Errno> {
        // Half of it came at once, so more does: all that is due, or a guess at it.
        if self.filled * 2 > self.room {
            let due = self.total.map(|total| total.saturating_sub(self.came));
            let due = due.map(|due| usize::try_from(due).unwrap_or(HTTP_UPLOAD_STRETCH));
            let more = due.unwrap_or(self.filled * 3).min(HTTP_UPLOAD_STRETCH);
            self.room = (self.filled + more.max(1)).min(HTTP_UPLOAD_STRETCH);
        }
        if self.buffer.len() < self.room {
            self.buffer.resize(self.room, 0);
        }
        let from = self.filled;
        let room = &mut self.buffer[from..];
        let len = room.len();
        let came = wire.recv(room)?;
        self.filled += came;
        self.keep(from);
        Ok((came, came == len))
    }

    fn keep(&mut self, from: usize) {
        let came = &self.buffer[from..self.filled];
        self.came += came.len() as u64;
        let room = self.keeps.saturating_sub(self.kept.len()).min(came.len());
        self.kept.extend_from_slice(&came[..room]);
    }

    /// Takes what came; it may wait for a disk.
    pub(super) fn work(&mut self, site: &Shared) -> Received {
        let Some(mut sink) = self.sink.take() else { return Received::Early(Early::Cut) };
        if !self.begun {
            self.begun = true;
            if let Err(reply) = sink.begin(site) {
                return self.refused(reply);
            }
        }
        let (mut at, mut content) = (0, 0);
        let next = loop {
            match self.decoder.next(&self.buffer[..self.filled], &mut at) {
                Ok(Next::Content(range)) => {
                    // Side by side, so that chunks of a byte are not a call of the disk each.
                    let len = range.len();
                    if range.start > content {
                        self.buffer.copy_within(range, content);
                    }
                    content += len;
                }
                next => break next,
            }
        };
        if content > 0
            && let Err(reply) = sink.take(site, &self.buffer[..content])
        {
            return Received::Refused(reply);
        }
        let early = match next {
            Ok(Next::End) => {
                let reply = sink.finish(site, &self.decoder.trailers());
                return Received::Done(reply, self.buffer[at..self.filled].to_vec());
            }
            Ok(Next::More | Next::Content(_)) => {
                // First: whether its end has been seen by now is chance.
                if let Err(reply) = sink.due(site, self.decoder.due()) {
                    return Received::Refused(reply);
                }
                match (self.late, self.ended) {
                    (true, _) => Early::Late,
                    (_, true) => Early::Cut,
                    _ => {
                        self.filled = 0;
                        self.sink = Some(sink);
                        return Received::More;
                    }
                }
            }
            Err(refusal) => Early::Refused(refusal),
        };
        Received::Early(early)
    }

    /// The sink does not want it. Where there is no content the connection can go on.
    fn refused(&self, reply: Reply) -> Received {
        match self.decoder.is_done() {
            true => Received::Done(reply, self.buffer[..self.filled].to_vec()),
            false => Received::Refused(reply),
        }
    }
}
