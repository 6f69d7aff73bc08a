//! `http`: a message of HTTP/1.1, head and body (RFC 9112). It is kept whole, as it was sent.
//!
//! ```text
//!  +----------------------------------+----+------------------------------------+
//!  | GET /path HTTP/1.1 ␍␊ Host: a ␍␊ | ␍␊ | body                               |
//!  | HTTP/1.1 200 OK ␍␊ Field: value ␍␊|    | none, counted, in chunks, or up to |
//!  +----------------------------------+----+ the end of the stream -------------+
//! ```
//!
//! A direction that begins with `HTTP/` answers, any other asks: `/` stands in no method. Where a
//! response ends depends on what it answers (HEAD, CONNECT), so the two framers of a connection
//! ([`Framing::pair`](super::Framing::pair)) share what was asked and is not answered yet. A framer by
//! itself takes every response for one to GET.
//!
//! Behind 101 (Switching Protocols) and a 2xx to CONNECT both directions are handed on as they come. A
//! framer by itself does so behind its own 101, behind CONNECT, and behind a request with Upgrade where
//! no method begins.
//!
//! A client may wait for 100 (Continue) before it sends its body (RFC 9110 section 10.1.1). Nobody who
//! waits for the whole message can send that, so the framing does: see
//! [`prompt`](super::Framer::prompt).

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{EncodeError, Ending, Fault, Progress};
use crate::http::body::{Body, Next};
use crate::http::head::{self, Heads};
use crate::http::{Fields, Length, Method, Refusal, Request, Response, Version};
use crate::limits::HTTP_UNANSWERED;
use crate::message::{Context, Outbound, Outgoing, Spans};

const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// What a request means for its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Asked {
    /// HEAD and CONNECT change where the answer ends.
    kind: Kind,
    /// It asks for another protocol (RFC 9110 section 7.8).
    upgrade: bool,
    /// Nothing follows the answer.
    last: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Head,
    Connect,
    Other,
}

/// What the directions of a connection know of each other.
#[derive(Debug, Default)]
struct Shared {
    /// Which direction asks.
    asker: Option<usize>,
    /// What is not answered, in order.
    asked: VecDeque<Asked>,
    /// A request was the last: nothing behind it is processed (RFC 9112 section 9.6).
    closing: bool,
    /// It is no HTTP any more.
    tunnel: bool,
    /// A client waits for 100 (Continue).
    waits: bool,
}

pub(super) struct Framer {
    max: usize,
    /// 0 or 1 of a pair.
    side: usize,
    alone: bool,
    shared: Arc<Mutex<Shared>>,
    heads: Heads,
    at: At,
    /// What was written last ends with the stream, or says that nothing follows it.
    last: Last,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Last {
    No,
    /// It says so.
    Said,
    /// The end of the stream is its end.
    UntilClose,
}

/// Where in a direction we are.
enum At {
    Head,
    Body(Message),
    /// What follows may be another protocol (a framer by itself behind Upgrade).
    Perhaps,
    Tunnel,
}

/// A message whose head is read.
struct Message {
    what: What,
    /// Bytes of its head, and of all of it that were looked at.
    head: usize,
    taken: usize,
    body: Body,
}

/// What is known of a message by its head.
#[derive(Clone, Copy)]
enum What {
    Request { asked: Asked, expects: bool, counted: bool, content: bool },
    Response { status: u16, length: Length, last: bool, to: Option<Asked> },
}

/// Where the bytes are from.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Heard,
    /// Who answers for us may have written before the request was there.
    Said,
}

/// What `measure` found.
enum Measured {
    /// A message of so many bytes.
    Whole(usize),
    /// All there is.
    Tunnel,
    Short,
    Bad(Fault),
}

impl Framer {
    /// A framer that hears nothing of the other direction.
    pub(super) fn new(max: usize) -> Framer {
        Framer {
            max,
            side: 0,
            alone: true,
            shared: Arc::default(),
            heads: Heads::default(),
            at: At::Head,
            last: Last::No,
        }
    }

    /// The framers of a connection's two directions.
    pub(super) fn pair(max: usize) -> [Framer; 2] {
        let shared: Arc<Mutex<Shared>> = Arc::default();
        [0, 1].map(|side| Framer { side, alone: false, shared: shared.clone(), ..Framer::new(max) })
    }

    /// What follows in `rest`, which begins where the last message ended, as far as it is there.
    fn measure(&mut self, rest: &[u8], way: Way) -> Measured {
        let shared = self.shared.clone();
        let mut shared = lock(&shared);
        if matches!(self.at, At::Perhaps) {
            // A method begins with a letter in practice, an empty line may stand before it.
            let asks =
                rest.first().is_some_and(|byte| byte.is_ascii_alphabetic() || *byte == b'\r');
            self.at = if asks { At::Head } else { At::Tunnel };
        }
        if shared.tunnel || matches!(self.at, At::Tunnel) {
            return match self.max {
                0 => Measured::Bad(Fault::TooLong { len: None, max: 0 }),
                _ => Measured::Tunnel,
            };
        }
        // Nothing behind the maximum is looked at: it must not matter whether it is there yet.
        let seen = &rest[..rest.len().min(self.max + 1)];
        let measured = self.advance(seen, &mut shared, way);
        match measured {
            Measured::Short if rest.len() > self.max => too_long(None, self.max),
            Measured::Whole(size) if size > self.max => too_long(None, self.max),
            measured => measured,
        }
    }

    fn advance(&mut self, seen: &[u8], shared: &mut Shared, way: Way) -> Measured {
        if let At::Head = self.at {
            let answers = seen.starts_with(b"HTTP/");
            if !answers && b"HTTP/".starts_with(seen) {
                return Measured::Short;
            }
            match self.begin(seen, answers, shared, way) {
                Ok(Some(message)) => {
                    if let Some(size) = message.told().filter(|size| *size > self.max as u64) {
                        let too_long_head = message.head > self.max;
                        return too_long(Some(size).filter(|_| !too_long_head), self.max);
                    }
                    if let What::Request { expects, .. } = message.what {
                        shared.waits = expects;
                    }
                    self.at = At::Body(message);
                }
                Ok(None) => return Measured::Short,
                Err(fault) => return Measured::Bad(fault),
            }
        }
        let At::Body(message) = &mut self.at else { return Measured::Short };
        let next = message.read(seen);
        if matches!(message.what, What::Request { .. }) && message.taken > message.head {
            // Who has begun to send its body waits for nothing.
            shared.waits = false;
        }
        match next {
            Ok(true) => Measured::Whole(message.taken),
            Ok(false) => Measured::Short,
            Err(refusal) => Measured::Bad(fault(&refusal)),
        }
    }

    /// The head of what follows.
    fn begin(
        &mut self,
        seen: &[u8],
        answers: bool,
        shared: &Shared,
        way: Way,
    ) -> Result<Option<Message>, Fault> {
        let asked = shared.asked.front().copied();
        let wrong = |problem: &str| Err(Fault::Broken(problem.into()));
        let last = shared.asked.back();
        match shared.asker {
            Some(asker) if answers && asker == self.side => {
                return wrong("it is a response, and this direction asked before");
            }
            Some(asker) if !answers && asker != self.side => {
                return wrong("it is a request, and the other direction asked before");
            }
            // RFC 9112 section 9.2: it cannot be taken for the answer to what is asked later.
            _ if answers && !self.alone && way == Way::Heard && asked.is_none() => {
                return wrong("it is a response, and no request waits for one");
            }
            // Nothing is let in behind these, so they are the last.
            _ if !answers && last.is_some_and(|last| last.kind == Kind::Connect) => {
                return wrong("it follows a CONNECT that is not answered");
            }
            _ if !answers && last.is_some_and(|last| last.upgrade) => {
                return wrong("it follows a request with Upgrade that is not answered");
            }
            // Old clients send an empty line behind a body (RFC 9112 section 2.2).
            _ if shared.closing && b"\r\n".starts_with(seen) => return Ok(None),
            _ if !answers && shared.closing => {
                return wrong(
                    "it follows a request that said Connection: close, or of HTTP/1.0 without keep-alive",
                );
            }
            _ if !answers && shared.asked.len() == HTTP_UNANSWERED => {
                return wrong(&format!("{HTTP_UNANSWERED} requests before it are not answered"));
            }
            _ => {}
        }
        let message = match answers {
            false => self.heads.request(seen).map(|head| head.as_ref().map(Message::request)),
            true => {
                let to = match asked.map(|asked| asked.kind) {
                    Some(Kind::Head) => Method::Head,
                    Some(Kind::Connect) => Method::Connect,
                    _ => Method::Get,
                };
                let head = self.heads.response(seen, to);
                head.map(|head| head.as_ref().map(|head| Message::response(head, asked)))
            }
        };
        let message = message.map_err(|refusal| fault(&refusal))?;
        match message.as_ref().map(|message| message.what) {
            Some(What::Request {
                asked: Asked { kind: Kind::Connect, .. }, content: true, ..
            }) => wrong("it is a CONNECT with content (RFC 9110 section 9.3.6)"),
            Some(What::Response { status: 101, to: Some(to), .. }) if !to.upgrade => {
                wrong("it is a 101, and the request had no Upgrade (RFC 9110 section 7.8)")
            }
            _ => Ok(message),
        }
    }

    /// A whole message went by.
    fn enter(&mut self, what: What) {
        let shared = self.shared.clone();
        let mut shared = lock(&shared);
        self.at = At::Head;
        match what {
            What::Request { asked, .. } if self.alone => match asked {
                Asked { kind: Kind::Connect, .. } => self.at = At::Tunnel,
                Asked { upgrade: true, .. } => self.at = At::Perhaps,
                _ => {}
            },
            What::Request { asked, .. } => {
                shared.asker = Some(self.side);
                shared.asked.push_back(asked);
                shared.closing |= asked.last;
                shared.waits = false;
            }
            What::Response { status, length, .. } => {
                if !self.alone {
                    shared.asker = Some(1 - self.side);
                }
                if !(100..200).contains(&status) || status == 101 {
                    shared.asked.pop_front();
                }
                if length == Length::Tunnel {
                    self.at = At::Tunnel;
                    shared.tunnel = true;
                }
            }
        }
    }
}

fn lock(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

fn too_long(len: Option<u64>, max: usize) -> Measured {
    Measured::Bad(Fault::TooLong { len, max })
}

fn fault(refusal: &Refusal) -> Fault {
    Fault::Broken(refusal.to_string())
}

impl Message {
    fn request(head: &Request<'_>) -> Message {
        let kind = match head.method {
            Method::Head => Kind::Head,
            Method::Connect => Kind::Connect,
            _ => Kind::Other,
        };
        let upgrade = upgrades(&head.fields, head.version);
        let last = !head::keeps_alive(head.version, &head.fields);
        let expects = head::expects_continue(head).unwrap_or(false);
        let counted = matches!(head.length, Length::Bytes(_));
        let content = !matches!(head.length, Length::None | Length::Bytes(0));
        let asked = Asked { kind, upgrade, last };
        let what = What::Request { asked, expects, counted, content };
        Message { what, head: head.len, taken: head.len, body: Body::new(head.length) }
    }

    fn response(head: &Response<'_>, to: Option<Asked>) -> Message {
        let (status, length) = (head.status, head.length);
        let last = !head::keeps_alive(head.version, &head.fields);
        let what = What::Response { status, length, last, to };
        let body = match length {
            Length::Tunnel => Body::new(Length::None),
            length => Body::new(length),
        };
        Message { what, head: head.len, taken: head.len, body }
    }

    /// How long it is, head included, if the head says it.
    fn told(&self) -> Option<u64> {
        match self.body.is_done() || self.body.due() > 0 {
            true => (self.taken as u64).checked_add(self.body.due()).or(Some(u64::MAX)),
            false => (self.head > 0).then_some(self.head as u64),
        }
    }

    /// Looks at what came of its body. Whether it is whole.
    fn read(&mut self, seen: &[u8]) -> Result<bool, Refusal> {
        loop {
            match self.body.next(seen, &mut self.taken) {
                Ok(Next::Content(_)) => {}
                Ok(Next::More) => return Ok(false),
                Ok(Next::End) => return Ok(true),
                Err(refusal) => return Err(Refusal { at: refusal.at + self.head, ..refusal }),
            }
        }
    }

    /// Whether its head says how long it is.
    fn counted(&self) -> bool {
        match self.what {
            What::Request { counted, .. } => counted,
            What::Response { length, .. } => matches!(length, Length::Bytes(_)),
        }
    }

    /// Whether the end of the stream is its end.
    fn until_close(&self) -> bool {
        matches!(self.what, What::Response { length: Length::UntilClose, .. })
    }
}

fn upgrades(fields: &Fields<'_>, version: Version) -> bool {
    version == Version::Http11
        && fields.get("Upgrade").is_some()
        && fields.lists("Connection", "upgrade")
}

impl super::Framer for Framer {
    fn decode(&mut self, input: &[u8], out: &mut Spans) -> Progress {
        let mut start = 0;
        while start < input.len() {
            match self.measure(&input[start..], Way::Heard) {
                Measured::Short => break,
                Measured::Bad(fault) => {
                    return Progress { consumed: start, rejected: 0, fault: Some(fault) };
                }
                Measured::Whole(size) => {
                    out.push(start, start + size);
                    start += size;
                    if let At::Body(Message { what, .. }) = self.at {
                        self.enter(what);
                    }
                }
                Measured::Tunnel => {
                    let end = input.len().min(start + self.max);
                    out.push(start, end);
                    start = end;
                }
            }
            if out.is_full() {
                break;
            }
        }
        Progress { consumed: start, ..Progress::default() }
    }

    fn end(&mut self, rest: &[u8]) -> Ending {
        match &self.at {
            _ if rest.is_empty() => Ending::Clean,
            At::Body(message) if message.until_close() => {
                let what = message.what;
                self.enter(what);
                Ending::Whole
            }
            At::Body(message) if message.body.due() > 0 && message.counted() => {
                Ending::Cut { need: message.told() }
            }
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
        if self.last == Last::UntilClose {
            let what = "the message before it ends with the connection";
            return Err(EncodeError::Lacks(what.into()));
        }
        if payload.is_empty() {
            return Err(EncodeError::Empty);
        }
        let lacks = |what: &str| Err(EncodeError::Lacks(what.into()));
        let waits = lock(&self.shared).waits;
        let measured = self.measure(payload, Way::Said);
        // It is the other side that may be waiting, and not for itself.
        lock(&self.shared).waits = waits;
        self.heads = Heads::default();
        let (what, size, until_close) = match (measured, std::mem::replace(&mut self.at, At::Head))
        {
            (Measured::Tunnel, _) => {
                self.at = At::Tunnel;
                out.put_payload(message);
                return Ok(());
            }
            (Measured::Bad(fault), _) => return lacks(&fault.to_string()),
            (Measured::Whole(size), At::Body(message)) => (message.what, size, false),
            (_, At::Body(message)) if message.until_close() => (message.what, payload.len(), true),
            (_, At::Body(message)) => {
                return match message.counted() {
                    true => super::whole(payload, message.told().unwrap_or_default() as usize),
                    false => lacks("the last chunk of its body is missing"),
                };
            }
            _ => {
                return lacks(
                    "it must be a whole HTTP message, and the empty line that ends its head is missing",
                );
            }
        };
        super::whole(payload, size)?;
        self.last = match what {
            _ if until_close => Last::UntilClose,
            What::Response { status, last, to, .. } if status >= 200 => {
                let asked_last = to.is_some_and(|asked| asked.last);
                if last || asked_last { Last::Said } else { Last::No }
            }
            _ => Last::No,
        };
        self.enter(what);
        out.put_payload(message);
        Ok(())
    }

    fn prompt(&mut self) -> Option<&'static [u8]> {
        let mut shared = lock(&self.shared);
        // What was asked before is answered first.
        let due = shared.waits && shared.asked.is_empty();
        due.then(|| {
            shared.waits = false;
            CONTINUE
        })
    }

    fn is_last(&self) -> bool {
        self.last != Last::No
    }
}
