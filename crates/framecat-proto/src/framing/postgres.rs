//! `postgres`: PostgreSQL's protocol, version 3 (its documentation, chapter "Frontend/Backend
//! Protocol"). A message is kept whole, header included.
//!
//! ```text
//!  client, until it has started           + length u32be +- code u32be -+- … -+
//!                                         |  itself too  | 00 03 00 00  |     |
//!  both, from then on       + type u8 +---+--------------+--------------+-----+
//!                           |    Q    |  length u32be, itself too  |    …     |
//!                           +---------+----------------------------+----------+
//!  server, to a request for encryption    S, G or N: one byte
//! ```
//!
//! Which side a direction is, its first byte says: the length of a client's first message is small,
//! so its first byte is 0; a server begins with a letter; a client that begins with TLS (from
//! PostgreSQL 17 on) with 16. The untyped messages end with the one that starts the conversation, of
//! version 3 or above: the codes of the requests are 1234 in its place. After `S` (TLS) or `G` (GSSAPI)
//! both directions are encrypted, and are handed on as they come.
//!
//! That is the one thing that a direction must know of the other. The two framers of a connection
//! ([`Framing::pair`](super::Framing::pair)) share a byte for it; a framer by itself goes by what it
//! sees.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering::Relaxed};

use super::{EncodeError, Ending, Fault, Progress};
use crate::limits::POSTGRES_START_BYTES;
use crate::message::{Context, Outbound, Outgoing, Spans};

const CANCEL: u32 = 1234 << 16 | 5678;
const TLS: u32 = 1234 << 16 | 5679;
const GSSAPI: u32 = 1234 << 16 | 5680;

/// The first byte of a TLS handshake (RFC 8446 section 5.1).
const TLS_HANDSHAKE: u8 = 0x16;

/// What the directions of a connection know of each other.
#[derive(Debug, Default)]
struct Shared(AtomicU8);

/// Nothing was asked, or what was asked was refused.
const CLEAR: u8 = 0;
/// The client asked for encryption.
const ASKED: u8 = 1;
/// It was granted.
const ENCRYPTED: u8 = 2;

pub(super) struct Framer {
    max: usize,
    state: State,
    shared: Option<Arc<Shared>>,
}

/// How far a direction is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nothing came.
    New,
    /// A client that has not started the conversation.
    Asking,
    /// A server that has said nothing but S, G or N.
    Answering,
    /// A type, a length.
    Typed,
    /// As it comes.
    Encrypted,
}

/// A message, and what it changes.
#[derive(Debug, Clone, Copy)]
struct Found {
    size: usize,
    next: State,
    /// What the other direction must know.
    tell: Option<u8>,
}

enum Measured {
    Found(Found),
    /// All there is, encrypted.
    Encrypted,
    Short,
    Bad(Fault),
}

fn broken(problem: impl Into<String>) -> Measured {
    Measured::Bad(Fault::Broken(problem.into()))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(*bytes.get(at..)?.first_chunk()?))
}

impl Framer {
    /// A framer that hears nothing of the other direction.
    pub(super) fn new(max: usize) -> Framer {
        Framer { max, state: State::New, shared: None }
    }

    /// The framers of a connection's two directions.
    pub(super) fn pair(max: usize) -> [Framer; 2] {
        let shared = Arc::new(Shared::default());
        [shared.clone(), shared].map(|shared| Framer { shared: Some(shared), ..Framer::new(max) })
    }

    fn known(&self) -> Option<u8> {
        self.shared.as_ref().map(|shared| shared.0.load(Relaxed))
    }

    fn measure(&self, rest: &[u8]) -> Measured {
        let Some(&first) = rest.first() else { return Measured::Short };
        let known = self.known();
        if self.state == State::Encrypted || known == Some(ENCRYPTED) {
            return self.as_it_comes();
        }
        match self.state {
            State::New | State::Asking if first == TLS_HANDSHAKE && known != Some(ASKED) => {
                self.as_it_comes()
            }
            State::New if first != 0 => self.answer(first, rest),
            State::New | State::Asking => self.untyped(rest),
            State::Answering => self.answer(first, rest),
            _ => self.typed(first, rest),
        }
    }

    /// What a server says first. Before a client is let in no server sends a notice or a parameter, so
    /// that N and S are answers.
    fn answer(&self, first: u8, rest: &[u8]) -> Measured {
        let asked = self.known().is_none_or(|known| known == ASKED);
        let (next, tell) = match first {
            b'S' | b'G' if asked => (State::Encrypted, ENCRYPTED),
            b'N' if asked => (State::Answering, CLEAR),
            _ => return self.typed(first, rest),
        };
        self.bounded(1, next, Some(tell))
    }

    /// What a client says before it has started: length, code, the rest.
    fn untyped(&self, rest: &[u8]) -> Measured {
        if self.known() == Some(ASKED) {
            return broken("it follows a request for encryption that is not answered");
        }
        let Some(len) = u32_at(rest, 0) else { return Measured::Short };
        if len as usize > POSTGRES_START_BYTES {
            return broken(format!(
                "its length says {len}, and no first message has more than {POSTGRES_START_BYTES}"
            ));
        }
        if len < 8 {
            return broken(format!("its length says {len}, and no first message has less than 8"));
        }
        let Some(code) = u32_at(rest, 4) else { return Measured::Short };
        let size = len as usize;
        match code {
            TLS | GSSAPI if len != 8 => {
                broken(format!("its length says {len}, and a request for encryption has 8"))
            }
            TLS | GSSAPI => self.bounded(size, State::Asking, Some(ASKED)),
            CANCEL => self.bounded(size, State::Asking, None),
            _ if code >> 16 == 1234 => broken(format!("{code} is no code of a request")),
            _ if code >> 16 < 3 => {
                let (major, minor) = (code >> 16, code & 0xffff);
                broken(format!("it speaks protocol {major}.{minor}, and 3.0 is the least here"))
            }
            _ => self.bounded(size, State::Typed, None),
        }
    }

    fn typed(&self, first: u8, rest: &[u8]) -> Measured {
        if !first.is_ascii_alphanumeric() {
            return broken(format!("{first:02x} is no type of message"));
        }
        let Some(len) = u32_at(rest, 1) else { return Measured::Short };
        if len < 4 {
            return broken(format!("its length says {len}, and no message has less than 4"));
        }
        let size = 1 + u64::from(len);
        if size > self.max as u64 {
            return Measured::Bad(Fault::TooLong { len: Some(size), max: self.max });
        }
        // An error in place of an answer is one.
        let tell = (self.state != State::Typed && self.known() == Some(ASKED)).then_some(CLEAR);
        self.bounded(size as usize, State::Typed, tell)
    }

    fn as_it_comes(&self) -> Measured {
        match self.max {
            0 => Measured::Bad(Fault::TooLong { len: None, max: 0 }),
            _ => Measured::Encrypted,
        }
    }

    fn bounded(&self, size: usize, next: State, tell: Option<u8>) -> Measured {
        if size > self.max {
            return Measured::Bad(Fault::TooLong { len: Some(size as u64), max: self.max });
        }
        Measured::Found(Found { size, next, tell })
    }

    fn enter(&mut self, found: Found) {
        self.state = found.next;
        self.tell(found.tell);
    }

    fn encrypted(&mut self) {
        self.state = State::Encrypted;
        self.tell(Some(ENCRYPTED));
    }

    fn tell(&self, what: Option<u8>) {
        if let (Some(shared), Some(what)) = (&self.shared, what) {
            shared.0.store(what, Relaxed);
        }
    }
}

impl super::Framer for Framer {
    fn decode(&mut self, input: &[u8], out: &mut Spans) -> Progress {
        let mut start = 0;
        while start < input.len() {
            match self.measure(&input[start..]) {
                Measured::Short => break,
                Measured::Bad(fault) => {
                    return Progress { consumed: start, rejected: 0, fault: Some(fault) };
                }
                Measured::Found(found) if found.size > input.len() - start => break,
                Measured::Found(found) => {
                    out.push(start, start + found.size);
                    start += found.size;
                    self.enter(found);
                }
                Measured::Encrypted => {
                    let end = input.len().min(start + self.max);
                    out.push(start, end);
                    start = end;
                    self.encrypted();
                }
            }
            if out.is_full() {
                break;
            }
        }
        Progress { consumed: start, ..Progress::default() }
    }

    fn end(&mut self, rest: &[u8]) -> Ending {
        match self.measure(rest) {
            _ if rest.is_empty() => Ending::Clean,
            Measured::Found(found) => Ending::Cut { need: Some(found.size as u64) },
            _ => Ending::Cut { need: None },
        }
    }

    fn encode(
        &mut self,
        message: Outbound<'_>,
        _: &Context<'_>,
        out: &mut Outgoing,
    ) -> Result<(), EncodeError> {
        let payload = message.payload;
        if payload.len() > self.max {
            return Err(EncodeError::DoesNotFit { len: payload.len(), max: self.max as u64 });
        }
        match self.measure(payload) {
            Measured::Short => {
                let what = "it must be a whole message, its length included";
                return Err(EncodeError::Lacks(what.into()));
            }
            Measured::Bad(fault) => return Err(EncodeError::Lacks(fault.to_string())),
            Measured::Found(found) => {
                super::whole(payload, found.size)?;
                self.enter(found);
            }
            Measured::Encrypted => self.encrypted(),
        }
        out.put_payload(message);
        Ok(())
    }
}
