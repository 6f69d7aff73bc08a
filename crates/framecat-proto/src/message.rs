//! A message: its payload, where that lies, and how it ended.
//!
//! Bytes are read into one large buffer; a framer finds all messages in it and pushes a [`Span`]
//! for each. Nothing is copied unless the encoding transforms bytes (an escape, hex): those payloads
//! are built in the spans' own scratch. What goes out is gathered in [`Outgoing`]: small payloads
//! beside each other in one buffer, large ones left where they lie.

use crate::limits::COPY_BYTES;

/// Set in `Span::start` if the payload lies in the scratch and not in the input.
const OWN: u32 = 1 << 31;

/// Where one payload lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    start: u32,
    len: u32,
}

impl Span {
    /// The payload's length in bytes.
    pub fn len(self) -> usize {
        self.len as usize
    }

    /// Whether the payload is empty, which is a message like any other.
    pub fn is_empty(self) -> bool {
        self.len == 0
    }
}

/// The messages found in one input buffer, in order.
///
/// Reused from batch to batch: in the steady state nothing is allocated.
#[derive(Debug, Default)]
pub struct Spans {
    list: Vec<Span>,
    own: Vec<u8>,
    /// Nanoseconds since 1970 that messages brought along, one each or none at all.
    times: Vec<u64>,
    cut_last: bool,
    one_by_one: bool,
}

impl Spans {
    /// No messages yet.
    pub fn new() -> Spans {
        Spans::default()
    }

    /// Asks framers to stop after each message, so that the rule can change behind it.
    pub fn one_by_one(mut self) -> Spans {
        self.one_by_one = true;
        self
    }

    /// Whether a framer must stop here.
    #[inline]
    pub fn is_full(&self) -> bool {
        self.one_by_one && !self.list.is_empty()
    }

    /// Forgets all messages, keeps the memory.
    pub fn clear(&mut self) {
        self.list.clear();
        self.own.clear();
        self.times.clear();
        self.cut_last = false;
    }

    /// How many messages there are.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether there is no message.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// A message that is `input[start..end]`.
    #[inline]
    pub fn push(&mut self, start: usize, end: usize) {
        debug_assert!(start <= end && end < OWN as usize);
        self.list.push(Span { start: start as u32, len: (end - start) as u32 });
    }

    /// As [`push`](Self::push), with the time its sender gave it, in nanoseconds since 1970.
    #[inline]
    pub fn push_timed(&mut self, start: usize, end: usize, time_ns: u64) {
        debug_assert_eq!(self.times.len(), self.list.len(), "times are for all messages or none");
        self.push(start, end);
        self.times.push(time_ns);
    }

    /// A message whose payload is not in the input as such: `build` appends it to the scratch.
    ///
    /// If `build` fails, nothing is pushed and its error is handed on.
    pub fn push_built<E>(
        &mut self,
        build: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
    ) -> Result<(), E> {
        let start = self.own.len();
        if let Err(error) = build(&mut self.own) {
            self.own.truncate(start);
            return Err(error);
        }
        debug_assert!(self.own.len() < OWN as usize);
        self.list.push(Span { start: start as u32 | OWN, len: (self.own.len() - start) as u32 });
        Ok(())
    }

    /// Says that the last message was closed by the end of the stream and not by a boundary.
    pub fn mark_last_cut(&mut self) {
        debug_assert!(!self.list.is_empty());
        self.cut_last = true;
    }

    /// Takes back that the end of the stream closed the last message.
    pub fn close_cut(&mut self) {
        self.cut_last = false;
    }

    /// Whether message `i` was closed by the end of the stream.
    pub fn is_cut(&self, i: usize) -> bool {
        self.cut_last && i + 1 == self.list.len()
    }

    /// The time message `i` brought along, in nanoseconds since 1970.
    #[inline]
    pub fn time_ns(&self, i: usize) -> Option<u64> {
        self.times.get(i).copied()
    }

    /// The payload of message `i`, `input` being the buffer that was decoded.
    #[inline]
    pub fn get<'a>(&'a self, i: usize, input: &'a [u8]) -> &'a [u8] {
        let (own, at) = self.place(i);
        if own { &self.own[at] } else { &input[at] }
    }

    /// Drops all messages after the first `n`.
    pub fn truncate(&mut self, n: usize) {
        if n < self.list.len() {
            self.cut_last = false;
        }
        self.list.truncate(n);
        self.times.truncate(n);
    }

    #[inline]
    fn place(&self, i: usize) -> (bool, std::ops::Range<usize>) {
        let span = self.list[i];
        let start = (span.start & !OWN) as usize;
        (span.start & OWN != 0, start..start + span.len as usize)
    }
}

/// Messages and the bytes they lie in: what a reader hands on.
#[derive(Debug, Clone, Copy)]
pub struct Batch<'a> {
    /// The bytes that were decoded.
    pub input: &'a [u8],
    /// The messages in them.
    pub spans: &'a Spans,
}

impl<'a> Batch<'a> {
    /// How many messages.
    pub fn len(&self) -> usize {
        self.spans.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// The payload of message `i`.
    #[inline]
    pub fn get(&self, i: usize) -> &'a [u8] {
        self.spans.get(i, self.input)
    }

    /// All payloads in order.
    pub fn iter(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let batch = *self;
        (0..batch.len()).map(move |i| batch.get(i))
    }

    /// Message `i` as an encoder takes it.
    #[inline]
    pub fn outbound(&self, i: usize) -> Outbound<'a> {
        Outbound {
            payload: self.get(i),
            time_ns: self.spans.time_ns(i),
            index: i,
            cut: self.spans.is_cut(i),
        }
    }
}

/// One message on its way out.
#[derive(Debug, Clone, Copy)]
pub struct Outbound<'a> {
    /// The payload.
    pub payload: &'a [u8],
    /// The time it brought along, in nanoseconds since 1970.
    pub time_ns: Option<u64>,
    /// Its place in the batch: how [`Outgoing`] refers to a payload that it does not copy.
    pub index: usize,
    /// Whether the end of the stream closed it.
    pub cut: bool,
}

/// Which way a message went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dir {
    /// From the peer to us.
    In,
    /// From us to the peer.
    Out,
}

impl Dir {
    /// `in` or `out`, as in the JSON form.
    pub fn word(self) -> &'static str {
        match self {
            Dir::In => "in",
            Dir::Out => "out",
        }
    }
}

/// What is known of a batch besides its bytes. Framings that write a time and text forms that name
/// the peer take it from here; most read nothing of it.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// Now, in nanoseconds since 1970: proto has no clock.
    pub now_ns: u64,
    /// The connection's number, from 1.
    pub conn: u64,
    /// The peer as its endpoint prints it, without the scheme.
    pub peer: &'a str,
    /// Our own end.
    pub local: &'a str,
    /// Which way the batch goes.
    pub dir: Dir,
    /// The number of the batch's first message on this connection and direction, from 1.
    pub first: u64,
    /// For a reply: how long after its request it came, in microseconds.
    pub rtt_us: Option<u64>,
}

impl Context<'_> {
    /// A context that says nothing but the time: enough for every wire framing.
    pub fn at(now_ns: u64) -> Context<'static> {
        Context { now_ns, conn: 0, peer: "", local: "", dir: Dir::Out, first: 1, rtt_us: None }
    }
}

/// Encoded bytes on their way out: copied ones in one buffer, large payloads by reference.
///
/// The references are indexes into the batch that was encoded, so an `Outgoing` outlives no batch
/// and borrows none: the caller writes [`pieces`](Self::pieces) before it reads again.
#[derive(Debug, Default)]
pub struct Outgoing {
    buf: Vec<u8>,
    /// `buf` up to `upto` is followed by payload `index` of the batch.
    large: Vec<Large>,
    large_bytes: usize,
}

#[derive(Debug, Clone, Copy)]
struct Large {
    upto: usize,
    index: usize,
}

impl Outgoing {
    /// Nothing to send.
    pub fn new() -> Outgoing {
        Outgoing::default()
    }

    /// Forgets everything, keeps the memory.
    pub fn clear(&mut self) {
        self.buf.clear();
        self.large.clear();
        self.large_bytes = 0;
    }

    /// The bytes to send, references included.
    pub fn len(&self) -> usize {
        self.buf.len() + self.large_bytes
    }

    /// Whether there is nothing to send.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Appends bytes.
    #[inline]
    pub fn put(&mut self, bytes: &[u8]) {
        self.buf.extend_from_slice(bytes);
    }

    /// The buffer for bytes built in place; append only.
    #[inline]
    pub fn buf(&mut self) -> &mut Vec<u8> {
        &mut self.buf
    }

    /// Appends a whole payload: copied if small, else by reference.
    #[inline]
    pub fn put_payload(&mut self, message: Outbound<'_>) {
        if message.payload.len() <= COPY_BYTES {
            self.buf.extend_from_slice(message.payload);
        } else {
            self.refer(message);
        }
    }

    #[cold]
    fn refer(&mut self, message: Outbound<'_>) {
        self.large.push(Large { upto: self.buf.len(), index: message.index });
        self.large_bytes += message.payload.len();
    }

    /// Where we are: to take back what a refused message had begun.
    pub fn mark(&self) -> Mark {
        Mark { buf: self.buf.len(), large: self.large.len(), large_bytes: self.large_bytes }
    }

    /// Takes back everything since `mark`.
    pub fn rewind(&mut self, mark: Mark) {
        self.buf.truncate(mark.buf);
        self.large.truncate(mark.large);
        self.large_bytes = mark.large_bytes;
    }

    /// The bytes in order, `batch` being the one that was encoded.
    pub fn pieces<'a>(&'a self, batch: Batch<'a>) -> Pieces<'a> {
        Pieces { out: self, batch, at: 0, next: 0, payload_due: false }
    }

    /// All bytes in one vector: for tests and small things.
    pub fn to_vec(&self, batch: Batch<'_>) -> Vec<u8> {
        let mut all = Vec::with_capacity(self.len());
        self.pieces(batch).for_each(|piece| all.extend_from_slice(piece));
        all
    }
}

/// A place in an [`Outgoing`].
#[derive(Debug, Clone, Copy)]
pub struct Mark {
    buf: usize,
    large: usize,
    large_bytes: usize,
}

/// The pieces of an [`Outgoing`], in order, none of them empty.
#[derive(Debug, Clone)]
pub struct Pieces<'a> {
    out: &'a Outgoing,
    batch: Batch<'a>,
    at: usize,
    next: usize,
    payload_due: bool,
}

impl<'a> Iterator for Pieces<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let out = self.out;
        if self.payload_due {
            self.payload_due = false;
            let large = out.large[self.next];
            self.next += 1;
            return Some(self.batch.get(large.index));
        }
        let upto = out.large.get(self.next).map_or(out.buf.len(), |large| large.upto);
        self.payload_due = self.next < out.large.len();
        let piece = &out.buf[self.at..upto];
        self.at = upto;
        if !piece.is_empty() {
            return Some(piece);
        }
        if self.payload_due { self.next() } else { None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_give_copied_bytes_and_large_payloads_in_order() {
        let big = vec![7u8; COPY_BYTES + 1];
        let mut input = b"ab".to_vec();
        input.extend_from_slice(&big);
        let mut spans = Spans::new();
        spans.push(0, 2);
        spans.push(2, input.len());
        spans.push(2, 2);
        spans.push(2, input.len());
        let batch = Batch { input: &input, spans: &spans };
        let mut out = Outgoing::new();
        let mut want = Vec::new();
        for i in 0..batch.len() {
            out.put(b"<");
            out.put_payload(batch.outbound(i));
            want.push(b'<');
            want.extend_from_slice(batch.get(i));
        }
        assert_eq!(out.len(), want.len());
        assert_eq!(out.to_vec(batch), want);
        assert_eq!(out.pieces(batch).count(), 4, "two copied runs, two references");
        let mark = out.mark();
        out.put(b"x");
        out.put_payload(batch.outbound(1));
        out.rewind(mark);
        assert_eq!(out.to_vec(batch), want, "rewound");
    }

    #[test]
    fn a_failed_build_leaves_no_trace() {
        let mut spans = Spans::new();
        let failed: Result<(), &str> = spans.push_built(|own| {
            own.push(1);
            Err("bad")
        });
        assert_eq!(failed, Err("bad"));
        spans
            .push_built(|own| {
                own.extend_from_slice(b"ok");
                Ok::<(), ()>(())
            })
            .unwrap();
        assert_eq!(spans.len(), 1);
        assert_eq!(spans.get(0, b""), b"ok");
    }
}
