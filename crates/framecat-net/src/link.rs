//! A [`Conn`] with a framer each way: messages live here.
//!
//! A [`Receiver`] reads once and hands on all messages in what it read; a [`Sender`] encodes a whole
//! batch and writes it in one call. Nothing is queued between them: who relays reads the next batch
//! when the last one is written, so a reader that pauses slows its sender and costs one buffer.

use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{SystemTime, UNIX_EPOCH};

use framecat_proto::Framing;
use framecat_proto::framing::{Decoder, FramingError, Tail, Tailed};
use framecat_proto::limits::{MESSAGE_BYTES, READ_BYTES_MAX, READ_BYTES_MIN};
use framecat_proto::message::{Batch, Spans};

use memchr::memmem;

use crate::conn::{Child, Conn, Pair, Stream, Turns};
use crate::datagrams::{PacketSource, Parcel};
use crate::error::{Cause, Error, Op};

mod prompt;
mod sender;
mod silence;

use prompt::Prompter;
use sender::Sink;
pub use sender::{Refusal, Sender, Unsent};
use silence::Ear;
pub use silence::LooksMerged;

/// How a link frames: a rule each way, the longest message, and what becomes of a cut one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkOptions {
    /// The rule for what the peer sends.
    pub receive: Framing,
    /// The rule for what we send.
    pub send: Framing,
    /// The longest payload either way, in bytes.
    pub message_bytes: usize,
    /// What becomes of bytes left when the stream ends inside a message; `None`: as the rule has it.
    pub tail: Option<Tail>,
}

impl From<Framing> for LinkOptions {
    /// The same rule both ways, with the default limits.
    fn from(framing: Framing) -> LinkOptions {
        LinkOptions {
            receive: framing.clone(),
            send: framing,
            message_bytes: MESSAGE_BYTES,
            tail: None,
        }
    }
}

/// A connection that carries messages.
#[derive(Debug)]
pub struct Link {
    /// The half that receives.
    pub receiver: Receiver,
    /// The half that sends.
    pub sender: Sender,
    /// The program at the other end, if one was started; killed when this is dropped.
    pub child: Option<Child>,
}

impl Link {
    /// Frames a connection. Datagrams and seqpacket keep their own boundaries, whatever the rule.
    pub fn new(conn: Conn, options: &LinkOptions) -> Link {
        let max = options.message_bytes;
        let [receive, framer] = match options.receive == options.send {
            true => options.send.pair(max),
            false => [options.receive.framer(max), options.send.framer(max)],
        };
        let tail = options.tail.unwrap_or(options.receive.tail());
        let decoder = Decoder::new(receive, options.receive.to_string(), tail);
        match conn {
            Conn::Stream(stream) => {
                let prompter = options.receive.prompts().then(|| Prompter::new(stream.clone()));
                let mut receiver = Receiver::of_stream(stream.clone(), decoder).ended_by(options);
                let mut sender = Sender::of_stream(stream, framer, options.send.to_string());
                (receiver.prompter, sender.prompter) = (prompter.clone(), prompter);
                Link { receiver, sender, child: None }
            }
            Conn::Pair(Pair { from, to, child, op, .. }) => {
                let (sink, peer) = match to {
                    Ok(to) => {
                        let peer = to.peer().to_string();
                        (Sink::Stream(to), peer)
                    }
                    Err(why) => (Sink::None(Some(why)), from.peer().to_string()),
                };
                let mut sender = Sender::new(sink, framer, options.send.to_string());
                (sender.peer, sender.op) = (peer, op);
                Link { receiver: Receiver::of_stream(from, decoder), sender, child }
            }
            Conn::Datagrams(datagrams) => {
                let peer = datagrams.peer().to_string();
                let local = datagrams.local().to_string();
                Link {
                    receiver: Receiver::new(
                        Source::Packets(datagrams.source, Parcel::default()),
                        Decoder::of(&Framing::Native, max, None),
                        peer,
                        local,
                        max,
                    ),
                    sender: Sender::new(
                        Sink::Packets(datagrams.sink),
                        Framing::Native.framer(max),
                        "native".into(),
                    ),
                    child: None,
                }
            }
        }
    }

    /// The next message, in a buffer of its own. `None`: the peer ended between messages.
    ///
    /// Cancel safe: bytes already read stay in the link.
    pub async fn recv(&mut self) -> Result<Option<Vec<u8>>, Error> {
        self.receiver.recv().await
    }

    /// Sends one message. Not cancel safe: part of it may have gone out.
    pub async fn send(&mut self, payload: &[u8]) -> Result<(), Error> {
        self.sender.send(payload).await
    }

    /// Ends our direction; the peer reads the end and can still answer.
    pub async fn finish(&mut self) -> Result<(), Error> {
        self.sender.flush().await?;
        self.sender.finish()
    }
}

#[derive(Debug)]
enum Source {
    Stream(Stream),
    Packets(PacketSource, Parcel),
}

/// How many bytes of a message that has not ended a [`Receiver`] holds.
#[derive(Debug, Clone, Default)]
pub(crate) struct Begun(Arc<AtomicUsize>);

impl Begun {
    pub(crate) fn bytes(&self) -> usize {
        self.0.load(Relaxed)
    }
}

/// What it means that a stream of TLS ended without TLS's own end (close_notify).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum CutEnd {
    /// Every message has an end of its own: only what lies behind the last one is cut.
    #[default]
    Behind,
    /// The end of the stream is the only end there is, so anything may be missing.
    Anywhere,
    /// It was asked to take what came (`--tail keep`).
    Taken,
}

/// What one [`Receiver::fill`] found.
#[derive(Debug)]
pub enum Filled {
    /// There are messages: [`Receiver::batch`].
    Messages,
    /// Something to report; the conversation goes on.
    Notice(Notice),
    /// The peer ended. So will every later call.
    End,
}

/// Something about what arrived that is no message.
#[derive(Debug)]
pub enum Notice {
    /// The framing was broken and found its place again.
    Resynchronised(FramingError),
    /// The stream ended inside a message, which was left out as asked.
    TailDropped(FramingError),
    /// A datagram of this length exceeds the maximum and was not delivered.
    TooLong {
        /// Its real length in bytes.
        len: usize,
    },
    /// So many datagrams were dropped because they were not taken in time.
    Dropped(u64),
    /// A message that ended by silence may be several.
    LooksMerged(LooksMerged),
    /// The peer waited before it sent the rest of its message, and was told to go on.
    Prompted,
}

/// The receiving half of a [`Link`].
#[derive(Debug)]
pub struct Receiver {
    source: Source,
    decoder: Decoder,
    peer: String,
    local: String,
    max: usize,
    /// Bytes read; those before `start` are consumed, those before `start + taken` decoded.
    buf: Vec<u8>,
    start: usize,
    /// Length of the input that the spans refer to, from `start`, and how much of it is consumed.
    taken: usize,
    spans: Spans,
    notices: std::collections::VecDeque<Notice>,
    failed: Option<Error>,
    /// Messages of the batch that `recv` has handed out.
    popped: usize,
    /// Messages of the batch that were given up.
    given_up: u64,
    /// Decoding stopped at a message with bytes behind it.
    stopped: bool,
    ended: bool,
    /// What a stream of TLS that was cut means to its framing.
    cut_end: CutEnd,
    begun: Begun,
    /// Reads in a row that used little of a large buffer.
    small_reads: u32,
    turns: Turns,
    /// Where messages end by silence.
    ear: Option<Ear>,
    /// Where the framing says something by itself.
    prompter: Option<Prompter>,
    /// The end of what was searched before: a text may lie across reads.
    searched: Vec<u8>,
}

impl Receiver {
    /// Messages out of a stream.
    pub fn of_stream(stream: Stream, decoder: Decoder) -> Receiver {
        let (peer, local) = (stream.peer().to_string(), stream.local().to_string());
        Receiver::new(Source::Stream(stream), decoder, peer, local, usize::MAX)
    }

    fn ended_by(mut self, options: &LinkOptions) -> Receiver {
        self.cut_end = match (options.tail, &options.receive) {
            (Some(Tail::Keep), _) => CutEnd::Taken,
            (_, Framing::Raw | Framing::Eof) => CutEnd::Anywhere,
            _ => CutEnd::Behind,
        };
        self
    }

    fn new(source: Source, decoder: Decoder, peer: String, local: String, max: usize) -> Receiver {
        Receiver {
            source,
            ear: Ear::of(&decoder),
            decoder,
            prompter: None,
            peer,
            local,
            max,
            buf: Vec::new(),
            start: 0,
            taken: 0,
            spans: Spans::new(),
            notices: Default::default(),
            failed: None,
            popped: 0,
            given_up: 0,
            stopped: false,
            ended: false,
            cut_end: CutEnd::default(),
            begun: Begun::default(),
            small_reads: 0,
            turns: Turns::default(),
            searched: Vec::new(),
        }
    }

    /// The peer's address; where many may answer, that of who sent the last batch.
    pub fn peer(&self) -> &str {
        match &self.source {
            Source::Packets(PacketSource::Answers(answers), _) => {
                answers.from().unwrap_or(&self.peer)
            }
            _ => &self.peer,
        }
    }

    /// Whether one message may be answered by many (broadcast, multicast).
    pub fn hears_many(&self) -> bool {
        matches!(self.source, Source::Packets(PacketSource::Answers(_), _))
    }

    /// Our own address.
    pub fn local(&self) -> &str {
        &self.local
    }

    /// The stream under it, where there is one.
    pub fn stream(&self) -> Option<&Stream> {
        match &self.source {
            Source::Stream(stream) => Some(stream),
            Source::Packets(..) => None,
        }
    }

    /// Whether the conversation has no end of its own (udp, unixgram).
    pub fn is_endless(&self) -> bool {
        match &self.source {
            Source::Stream(_) => false,
            Source::Packets(PacketSource::Socket(socket), _) => {
                socket.kind != crate::datagrams::Type::Unixseq
            }
            Source::Packets(PacketSource::Inbox(_) | PacketSource::Answers(_), _) => true,
        }
    }

    /// The messages that the last [`fill`](Self::fill) found.
    pub fn batch(&self) -> Batch<'_> {
        let input = match &self.source {
            Source::Stream(_) => &self.buf[self.start..],
            Source::Packets(_, parcel) => &parcel.bytes[..],
        };
        Batch { input, spans: &self.spans }
    }

    /// What the read buffer of a stream holds of memory now, in bytes.
    pub fn buffer_bytes(&self) -> usize {
        self.buf.capacity()
    }

    /// Bytes behind the current batch that are read and no whole message yet.
    pub fn begun_bytes(&self) -> usize {
        self.buf.len() - self.start - self.taken
    }

    /// The same, to be asked while somebody else waits in [`fill`](Self::fill).
    pub(crate) fn begun(&self) -> Begun {
        self.begun.clone()
    }

    /// What is wrong with the bytes behind the batch, where that is known already: for who reads no further.
    pub(crate) fn take_failure(&mut self) -> Option<Error> {
        self.failed.take()
    }

    /// Whether the batch waits for its time to be sent on: it counts as begun then.
    pub(crate) fn set_waiting(&self, waits: bool) {
        let behind = self.buf.len() - self.start - self.taken;
        let batch = match (waits, &self.source) {
            (false, _) => 0,
            (true, Source::Stream(_)) => self.taken,
            (true, _) => self.batch().iter().map(<[u8]>::len).sum(),
        };
        self.begun.0.store(behind + batch, Relaxed);
    }

    /// Makes the last message of the batch one like the others, if the end of the stream cut it.
    pub(crate) fn close_cut(&mut self) {
        self.spans.close_cut();
    }

    /// The number that the batch's first message has, from 1.
    pub fn first(&self) -> u64 {
        self.decoder.messages() - self.given_up - self.spans.len() as u64 + 1
    }

    /// Gives up all messages of the batch but the first `n`.
    pub fn keep(&mut self, n: usize) {
        let dropped = self.spans.len().saturating_sub(n);
        self.spans.truncate(n);
        self.given_up += dropped as u64;
    }

    /// One message a batch from here on, so that [`reframe`](Self::reframe) can come behind any of
    /// them (a head says how its body is framed).
    pub fn one_by_one(&mut self) {
        self.spans = std::mem::take(&mut self.spans).one_by_one();
    }

    /// The first of the batch's first `n` messages that holds a text. Where nothing says where messages
    /// end (`raw`) it may have begun in one before; else a CR at the end of a message is not seen.
    pub(crate) fn holding(
        &mut self,
        text: &memmem::Finder<'_>,
        n: usize,
        raw: bool,
    ) -> Option<usize> {
        let mut searched = std::mem::take(&mut self.searched);
        let found = self.batch().iter().take(n).position(|message| match raw {
            true => holds_across(&mut searched, message, text),
            false => text.find(message.strip_suffix(b"\r").unwrap_or(message)).is_some(),
        });
        self.searched = searched;
        found
    }

    /// Changes the rule behind the current batch. Bytes already read beyond it are decoded by the new
    /// rule; the current batch is given up.
    pub fn reframe(&mut self, decoder: Decoder) {
        self.drop_batch();
        self.ear = Ear::of(&decoder);
        self.decoder = decoder;
        // What lies here already is looked at before anything is read.
        self.stopped = !self.buf.is_empty();
    }

    /// Waits for messages and takes all that came with one read.
    ///
    /// Messages in front of broken bytes are delivered first, then the error. Cancel safe: bytes
    /// already read stay.
    pub async fn fill(&mut self) -> Result<Filled, Error> {
        loop {
            // Also what a framer passed over without finding a message in it.
            self.drop_batch();
            if let Some(notice) = self.notices.pop_front() {
                return Ok(Filled::Notice(notice));
            }
            if self.prompter.as_ref().is_some_and(Prompter::take_told) {
                return Ok(Filled::Notice(Notice::Prompted));
            }
            if let Some(error) = self.failed.take() {
                self.ended |= !self.is_endless();
                return Err(error);
            }
            if self.ended {
                return Ok(Filled::End);
            }
            match self.source {
                Source::Stream(_) if self.stopped => self.decode(),
                Source::Stream(_) => self.read_stream().await?,
                Source::Packets(..) => self.read_packets().await?,
            }
            if !self.spans.is_empty() {
                return Ok(Filled::Messages);
            }
        }
    }

    /// The next message, in a buffer of its own: for callers that want no batches. Notices are passed
    /// over. Cancel safe.
    pub async fn recv(&mut self) -> Result<Option<Vec<u8>>, Error> {
        loop {
            if let Some(message) = self.pop() {
                return Ok(Some(message));
            }
            if let Filled::End = self.fill().await? {
                return Ok(None);
            }
        }
    }

    fn pop(&mut self) -> Option<Vec<u8>> {
        if self.popped == self.spans.len() {
            return None;
        }
        let message = self.batch().get(self.popped).to_vec();
        self.popped += 1;
        Some(message)
    }

    fn drop_batch(&mut self) {
        self.spans.clear();
        self.popped = 0;
        self.given_up = 0;
        self.start += self.taken;
        self.taken = 0;
        if self.start == self.buf.len() {
            self.start = 0;
            self.buf.clear();
        }
    }

    async fn read_stream(&mut self) -> Result<(), Error> {
        self.turns.take().await;
        self.make_room();
        let before = self.buf.len();
        let room = self.buf.capacity() - before;
        let Some(read) = self.read_or_silence().await else { return Ok(()) };
        let read = match read {
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                self.end_of_cut_stream(error);
                return Ok(());
            }
            // Data in front of a reset was decoded when it was read; nothing is held back.
            Err(error) => {
                self.ended = true;
                return Err(Error::io(Op::Receive, self.peer.clone(), error));
            }
        };
        if read == 0 {
            self.end_of_stream();
            return Ok(());
        }
        self.note_read(read, room);
        self.decode();
        Ok(())
    }

    fn decode(&mut self) {
        let input = &self.buf[self.start..];
        let decoded = self.decoder.decode(input, &mut self.spans);
        self.taken = decoded.consumed;
        self.begun.0.store(self.buf.len() - self.start - self.taken, Relaxed);
        self.stopped = self.spans.is_full() && self.start + self.taken < self.buf.len();
        if let Some(prompter) = &self.prompter {
            prompter.say(|| self.decoder.prompt());
        }
        if let Some(error) = decoded.error {
            if decoded.resumes {
                self.stopped = true;
                self.notices.push_back(Notice::Resynchronised(error));
            } else {
                self.fail(error);
            }
        }
    }

    fn fail(&mut self, error: FramingError) {
        let (op, endpoint) = (Op::Receive, self.peer.clone());
        self.failed = Some(Error { op, endpoint, cause: Cause::Framing(Box::new(error)) });
    }

    fn end_of_stream(&mut self) {
        self.ended = true;
        self.note_merged(self.decoder.messages() + 1);
        let rest = &self.buf[self.start..];
        match self.decoder.end(rest, &mut self.spans) {
            Ok(Tailed::Nothing) => {}
            Ok(Tailed::Message) => self.taken = rest.len(),
            Ok(Tailed::Dropped(error)) => self.notices.push_back(Notice::TailDropped(error)),
            Err(error) => self.fail(error),
        }
    }

    /// As [`end_of_stream`](Self::end_of_stream), where nothing says that it is the end and not a cut.
    fn end_of_cut_stream(&mut self, error: io::Error) {
        self.end_of_stream();
        let kept = !self.spans.is_empty();
        let told = self.failed.is_some() || !self.notices.is_empty();
        let cut = self.cut_end == CutEnd::Anywhere || (self.cut_end == CutEnd::Behind && kept);
        if cut && !told {
            if kept {
                self.spans.mark_last_cut();
            }
            self.failed = Some(Error::io(Op::Receive, self.peer.clone(), error));
        }
    }

    async fn read_packets(&mut self) -> Result<(), Error> {
        self.turns.take().await;
        let Source::Packets(source, parcel) = &mut self.source else { return Ok(()) };
        if let Err(error) = source.receive(parcel, self.max).await {
            return Err(Error::io(Op::Receive, self.peer.clone(), error));
        }
        parcel.spans(&mut self.spans);
        self.decoder.count(self.spans.len());
        for &len in &parcel.too_long {
            self.notices.push_back(Notice::TooLong { len });
        }
        let mut dropped = parcel.dropped;
        if let PacketSource::Inbox(inbox) = source {
            dropped += inbox.take_dropped();
        }
        if dropped > 0 {
            self.notices.push_back(Notice::Dropped(dropped));
        }
        self.ended = parcel.ended;
        if let Some(error) = parcel.failed.take() {
            self.failed = Some(Error::io(Op::Receive, self.peer.clone(), error));
        }
        Ok(())
    }

    /// Room for the next read: what is left of a message moves to the front, and the buffer doubles
    /// while one message fills it. It never grows by what a header claims.
    fn make_room(&mut self) {
        if self.start > 0 {
            self.buf.drain(..self.start);
            self.start = 0;
        }
        let (len, capacity) = (self.buf.len(), self.buf.capacity());
        if capacity < READ_BYTES_MIN {
            self.buf.reserve_exact(READ_BYTES_MIN - len);
        } else if capacity - len < capacity / 2 || (len > capacity / 4 && capacity < READ_BYTES_MAX)
        {
            // The second: messages that are large beside the buffer would cost short reads.
            self.buf.reserve_exact(capacity * 2 - len);
        } else if len < READ_BYTES_MIN && capacity > READ_BYTES_MAX {
            // A large message went through; the next ones need not be large.
            self.buf.shrink_to(READ_BYTES_MAX);
        }
    }

    /// Grows the buffer while reads fill it, gives it back after a quiet time.
    fn note_read(&mut self, read: usize, room: usize) {
        const FRAMED_MAX: usize = READ_BYTES_MAX / 4;
        const QUIET_READS: u32 = 64;
        let capacity = self.buf.capacity();
        if read == room && capacity < FRAMED_MAX {
            self.buf.reserve_exact(capacity * 2 - self.buf.len());
        }
        self.small_reads = if read < READ_BYTES_MIN / 4 { self.small_reads + 1 } else { 0 };
        if self.small_reads > QUIET_READS && capacity > READ_BYTES_MIN {
            self.small_reads = 0;
            self.buf.shrink_to(READ_BYTES_MIN);
        }
    }
}

/// Now, in nanoseconds since 1970.
pub fn now_ns() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos() as u64)
}

/// Whether `bytes`, with what came in front of them, hold a text. `before` is as much of that as the
/// text may have begun in.
fn holds_across(before: &mut Vec<u8>, bytes: &[u8], text: &memmem::Finder<'_>) -> bool {
    let most = text.needle().len().saturating_sub(1);
    before.extend_from_slice(&bytes[..bytes.len().min(most)]);
    let found = text.find(before).is_some() || text.find(bytes).is_some();
    if bytes.len() > most {
        before.clear();
        before.extend_from_slice(&bytes[bytes.len() - most..]);
    } else {
        before.drain(..before.len().saturating_sub(most));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_found_however_it_is_cut() {
        let stream = b"aaab aab aaaab";
        for text in ["aab", "b a", "a", "aaaab", "b aab a", "c", "aaab aab aaaab"] {
            let finder = memmem::Finder::new(text);
            // Every way to cut it into three.
            for (i, j) in (0..=stream.len()).flat_map(|i| (i..=stream.len()).map(move |j| (i, j))) {
                let mut before = Vec::new();
                let pieces = [&stream[..i], &stream[i..j], &stream[j..]];
                let mut until = 0;
                for piece in pieces {
                    until += piece.len();
                    let ends = finder.find(&stream[..until]).is_some();
                    let known = finder.find(&stream[..until - piece.len()]).is_some();
                    let found = holds_across(&mut before, piece, &finder);
                    assert!(known || found == ends, "{text} in {pieces:?}");
                    assert!(before.len() < text.len());
                }
            }
        }
    }
}
