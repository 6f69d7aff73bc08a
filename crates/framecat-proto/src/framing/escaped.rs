//! What `slip` and `hdlc` share: a flag byte ends a frame and begins the next, and an escape byte
//! stands in front of what would look like one of the two.
//!
//! A frame without an escape in it is handed on where it lies; the others are built in the spans'
//! scratch. On the wire a frame is at most twice as long as its payload, so what waits for its end
//! stays below twice the maximum.

use std::marker::PhantomData;

use memchr::{memchr, memchr_iter, memchr2, memchr2_iter};

use super::{EncodeError, Ending, Fault, Progress};
use crate::message::{Context, Outbound, Outgoing, Spans};

/// How one framing stuffs its bytes.
pub(super) trait Escaping: Send + Sync + 'static {
    const FLAG: u8;
    const ESCAPE: u8;
    /// Bytes of a check sequence behind the payload.
    const TRAILER: usize;

    /// The byte that `ESCAPE` and this byte stand for together.
    fn read(byte: u8) -> Option<u8>;

    /// What is written behind `ESCAPE` in place of `byte`, which is one of the two.
    fn write(byte: u8) -> u8;

    /// What is wrong with `ESCAPE` in front of this byte, for which `read` has nothing.
    fn wrong_escape(byte: u8) -> String;

    /// Checks a frame, which holds payload and trailer.
    fn check(frame: &[u8]) -> Result<(), Fault>;

    /// Appends the trailer of `payload`, stuffed.
    fn put_trailer(payload: &[u8], out: &mut Vec<u8>);
}

pub(super) struct Framer<E> {
    max: usize,
    resync: bool,
    /// Bytes of the unconsumed input that were looked at: no flag is among them.
    scanned: usize,
    /// Escapes among those; each is one byte less in the payload.
    escapes: usize,
    /// Inside a frame that was broken: reject up to its flag.
    skipping: bool,
    escaping: PhantomData<E>,
}

impl<E: Escaping> Framer<E> {
    pub(super) fn new(resync: bool, max: usize) -> Framer<E> {
        Framer { max, resync, scanned: 0, escapes: 0, skipping: false, escaping: PhantomData }
    }

    fn fault(&mut self, start: usize, rejected: usize, fault: Fault) -> Progress {
        (self.scanned, self.escapes) = (0, 0);
        self.skipping = self.resync;
        Progress { consumed: start, rejected, fault: Some(fault) }
    }

    fn too_long(&mut self, start: usize, rejected: usize) -> Progress {
        let fault = Fault::TooLong { len: None, max: self.max };
        self.fault(start, rejected, fault)
    }
}

/// Pushes the payload of `input[start..end]`, a whole frame without its flags.
#[inline]
fn push<E: Escaping>(
    input: &[u8],
    (start, end): (usize, usize),
    escapes: usize,
    out: &mut Spans,
) -> Result<(), Fault> {
    let frame = &input[start..end];
    if escapes == 0 {
        E::check(frame)?;
        out.push(start, end - E::TRAILER);
        return Ok(());
    }
    out.push_built(|own| {
        let begin = own.len();
        let mut copied = 0;
        for at in memchr_iter(E::ESCAPE, frame) {
            // The second byte of an escape may look like the first.
            if at < copied {
                continue;
            }
            own.extend_from_slice(&frame[copied..at]);
            own.extend(E::read(frame[at + 1]));
            copied = at + 2;
        }
        own.extend_from_slice(&frame[copied..]);
        E::check(&own[begin..])?;
        own.truncate(own.len() - E::TRAILER);
        Ok(())
    })
}

/// Appends `bytes` with flags and escapes among them escaped.
pub(super) fn stuff<E: Escaping>(bytes: &[u8], out: &mut Vec<u8>) {
    let mut copied = 0;
    for at in memchr2_iter(E::FLAG, E::ESCAPE, bytes) {
        out.extend_from_slice(&bytes[copied..at]);
        out.extend_from_slice(&[E::ESCAPE, E::write(bytes[at])]);
        copied = at + 1;
    }
    out.extend_from_slice(&bytes[copied..]);
}

impl<E: Escaping> super::Framer for Framer<E> {
    fn decode(&mut self, input: &[u8], out: &mut Spans) -> Progress {
        let mut start = 0;
        if self.skipping {
            let Some(at) = memchr(E::FLAG, input) else {
                return Progress { consumed: input.len(), rejected: input.len(), fault: None };
            };
            self.skipping = false;
            start = at + 1;
        }
        let rejected = start;
        let most = self.max + E::TRAILER;
        let from = start + self.scanned;
        let mut escapes = self.escapes;
        let (mut seen, mut pending) = (from, false);
        for at in memchr2_iter(E::FLAG, E::ESCAPE, &input[from..]) {
            let at = from + at;
            if at < seen {
                continue;
            }
            // Faults follow from where they lie and not from what has come behind them, so that
            // they are the same however the bytes arrive.
            if at - start - escapes > most {
                return self.too_long(start, rejected);
            }
            if input[at] == E::ESCAPE {
                let Some(next) = input.get(at + 1) else {
                    (seen, pending) = (at, true);
                    break;
                };
                if E::read(*next).is_none() {
                    let fault = Fault::Broken(E::wrong_escape(*next));
                    return self.fault(start, rejected, fault);
                }
                escapes += 1;
                seen = at + 2;
                continue;
            }
            // Two flags with nothing between them are one: many senders begin with one, too.
            if at > start {
                if let Err(fault) = push::<E>(input, (start, at), escapes, out) {
                    return self.fault(start, rejected, fault);
                }
                escapes = 0;
            }
            start = at + 1;
            seen = start;
            if out.is_full() {
                (self.scanned, self.escapes) = (0, 0);
                return Progress { consumed: start, rejected, fault: None };
            }
        }
        if !pending {
            seen = input.len();
        }
        if seen - start - escapes > most {
            return self.too_long(start, rejected);
        }
        (self.scanned, self.escapes) = (seen - start, escapes);
        Progress { consumed: start, rejected, fault: None }
    }

    fn end(&mut self, rest: &[u8]) -> Ending {
        if rest.is_empty() { Ending::Clean } else { Ending::Cut { need: None } }
    }

    fn encode(
        &mut self,
        message: Outbound<'_>,
        _: &Context<'_>,
        out: &mut Outgoing,
    ) -> Result<(), EncodeError> {
        let payload = message.payload;
        if payload.is_empty() {
            return Err(EncodeError::Empty);
        }
        if payload.len() > self.max {
            return Err(EncodeError::DoesNotFit { len: payload.len(), max: self.max as u64 });
        }
        out.put(&[E::FLAG]);
        match memchr2(E::FLAG, E::ESCAPE, payload) {
            None => out.put_payload(message),
            Some(_) => stuff::<E>(payload, out.buf()),
        }
        E::put_trailer(payload, out.buf());
        out.put(&[E::FLAG]);
        Ok(())
    }

    fn resynchronises(&self) -> bool {
        self.resync
    }
}
