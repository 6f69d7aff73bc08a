//! One client: what it has said and was not answered, what is on its way to it, and what comes next.
//!
//! ```text
//!            head          body, if any         a disk, if needed
//!   Reading ─────► Body ────────────────► … ──► Working ──► … ──► Writing ──► Reading (keep-alive)
//!                                                                   └───────► Lingering ──► gone
//! ```
//!
//! Requests are answered in order, each when the reply before it is out; while one is on its way nothing
//! is read, so a client that does not read is not heard either. A connection that waits for its next
//! request holds no buffer.

use std::os::fd::AsFd;
use std::sync::Arc;

use framecat_proto::http::Then;
use framecat_proto::http::body::{Body as Decoder, Next as Decoded};
use framecat_proto::http::head::Heads;
use framecat_proto::limits::{
    HTTP_BODY_IDLE, HTTP_BODY_PASSED, HTTP_BODY_TIME, HTTP_HEAD_TIME, HTTP_KEEP_ALIVE,
    HTTP_WRITE_IDLE, LINGER_BYTES, LINGER_TIME,
};
use rustix::io::Errno;

use super::answer::{Answer, Answers, Awaited, Early, Hashing, Listed};
use super::auth::{Attempt, Verdict};
use super::files::{STRETCH, Wanted};
use super::folder::{Task, Unlisted};
use super::hash::{Hash, Hasher};
use super::outgoing::{Body, Maker, Outgoing, Progress};
use super::places::Place;
use super::telling::Client;
use super::wire::Wire;
use crate::sockopt;

mod receiving;

use receiving::Receiving;

/// Replies to requests that came together are put together up to this size.
const TOGETHER_BYTES: usize = 64 << 10;

/// A client's connection.
#[derive(Debug)]
pub(super) struct Connection {
    /// Given back when dropped, and before the socket is closed: who sees that has it.
    #[allow(dead_code, reason = "it is held")]
    place: Place,
    client: Client,
    wire: Wire,
    state: State,
    /// What came and is not answered yet; begins with a message.
    input: Vec<u8>,
    heads: Heads,
    /// The first message of the input had a body, which was read and taken out; this is what was kept of it.
    passed: Option<Vec<u8>>,
    /// Something was answered: a silent client is waited for longer.
    answered: bool,
    /// When patience is over, in seconds of the loop's clock.
    pub(super) due: u32,
    /// A read may give something.
    pub(super) readable: bool,
    /// The kernel said that the client ends its direction: behind what can be read comes its end.
    pub(super) may_have_ended: bool,
    /// Its end was read.
    ended: bool,
    /// It is among those that go on in the next round.
    pub(super) queued: bool,
}

#[derive(Debug)]
enum State {
    Reading,
    /// Reads the body behind the head, and passes over it.
    Body(Box<Passing>),
    /// Content is received; a worker has it, or the client is waited for.
    Receiving(Box<Receiving>),
    /// A worker looks for something.
    Working(Option<Box<Awaited>>),
    /// A worker makes the hash of a file.
    Hashing(Box<Hashing>),
    Writing(Box<Outgoing>),
    /// All is said, and our direction has ended; the client's is read until it ends or this many bytes
    /// came, so that no reset destroys our last words (RFC 9112 section 9.6).
    Lingering(usize),
}

#[derive(Debug)]
struct Passing {
    head: Vec<u8>,
    decoder: Decoder,
    taken: usize,
    /// What came of it, as far as somebody wants to see it.
    kept: Vec<u8>,
    /// Whatever comes, it must be over by then.
    over: u32,
}

impl Passing {
    /// Keeps what came of the body, as far as it is wanted. `false`: all of it is, and that is too much.
    fn keep(&mut self, came: &[u8], client: &Client, answers: &Answers) -> bool {
        let most = if answers.echoes() { HTTP_BODY_PASSED } else { client.keeps() };
        let room = most.saturating_sub(self.kept.len()).min(HTTP_BODY_PASSED);
        self.kept.extend_from_slice(&came[..came.len().min(room)]);
        !answers.echoes() || came.len() <= room
    }
}

/// What a connection needs now.
#[derive(Debug)]
pub(super) enum Step {
    /// Nothing before something comes, or goes out.
    Rest,
    /// Another turn.
    Again,
    /// A look that may wait for a disk.
    Look(Wanted),
    /// A look at a password.
    Judge(Box<Attempt>),
    /// A folder's listing.
    List,
    /// This stretch of the file that is being sent.
    Warm(u64, u64),
    /// The next stretch of what is made while it is sent.
    Pack,
    /// The next stretch of the file whose hash is being made.
    Hash,
    /// What came of a request's content.
    Receive,
    /// It is over.
    Close,
}

impl Connection {
    /// A client that has just come, at this second.
    pub(super) fn new(wire: Wire, place: Place, client: Client, now: u32) -> Connection {
        Connection {
            wire,
            place,
            client,
            state: State::Reading,
            input: Vec::new(),
            heads: Heads::default(),
            passed: None,
            answered: false,
            due: now + HTTP_HEAD_TIME.as_secs() as u32,
            readable: false,
            may_have_ended: false,
            ended: false,
            queued: false,
        }
    }

    /// A client for whom there is no place: it is told so, and let go.
    pub(super) fn turned_away(wire: Wire, place: Place, reply: &[u8], now: u32) -> Connection {
        let mut away = Connection::new(wire, place, Client::default(), now);
        // A new connection takes that much; who has gone already needs no answer.
        let _ = away.wire.send(reply, false);
        away.linger(now);
        away
    }

    pub(super) fn wire(&mut self) -> &mut Wire {
        &mut self.wire
    }

    /// It is over, and nothing is on its way: by TLS that is said, so that nobody takes it for a cut.
    pub(super) fn leave(&self) {
        if self.is_idle() && matches!(self.state, State::Reading) {
            let _ = self.wire.flush(true);
        }
    }

    /// Whether what the client says is wanted now.
    pub(super) fn hears(&self) -> bool {
        matches!(self.state, State::Reading | State::Body(_) | State::Lingering(_))
    }

    /// Whether it may be closed at the end: no request is in hand, and what was said has arrived. On Linux
    /// it stays with the peer then, whatever comes later.
    pub(super) fn is_idle(&self) -> bool {
        match self.state {
            State::Reading => self.input.is_empty(),
            State::Lingering(_) => {
                sockopt::bytes_unsent(self.wire.fd().as_fd()).is_ok_and(|n| n == 0)
            }
            _ => false,
        }
    }

    /// All that the client ever says was read.
    pub(super) fn end(&mut self) {
        self.ended = true;
    }

    /// The folder that is to be listed for it.
    pub(super) fn task(&self) -> Option<&Arc<Task>> {
        match &self.state {
            State::Working(Some(awaited)) => Some(&awaited.task),
            _ => None,
        }
    }

    pub(super) fn outgoing(&self) -> Option<&Outgoing> {
        match &self.state {
            State::Writing(outgoing) => Some(outgoing),
            _ => None,
        }
    }

    /// A worker has found what was looked for; it is in `answers`.
    pub(super) fn looked(&mut self, answers: &mut Answers) -> Step {
        self.state = State::Reading;
        self.requests(&[], answers)
    }

    /// A worker has looked at its password.
    pub(super) fn judged(&mut self, verdict: Verdict, answers: &mut Answers) -> Step {
        self.client.shown.learn(verdict);
        self.looked(answers)
    }

    /// A worker has brought this stretch into memory.
    pub(super) fn warmed(&mut self, upto: u64, answers: &mut Answers) -> Step {
        if let State::Writing(outgoing) = &mut self.state {
            outgoing.warmed(upto);
        }
        self.go_on(&[], answers)
    }

    /// What makes the hash that is awaited.
    pub(super) fn hasher(&mut self) -> Option<Box<Hasher>> {
        match &mut self.state {
            State::Hashing(hashing) => hashing.hasher.take(),
            _ => None,
        }
    }

    /// A worker has read a stretch of the file.
    pub(super) fn hashes(&mut self, hasher: Box<Hasher>) -> Step {
        let State::Hashing(hashing) = &mut self.state else { return Step::Close };
        hashing.hasher = Some(hasher);
        Step::Hash
    }

    /// A worker has made the hash of the file, or cannot.
    pub(super) fn hashed(&mut self, hash: Result<Hash, Errno>, answers: &mut Answers) -> Step {
        let State::Hashing(hashing) = std::mem::replace(&mut self.state, State::Reading) else {
            return Step::Close;
        };
        answers.out.clear();
        let then = answers.hashed(*hashing, hash, &mut self.client);
        match self.send(Body::None, then, answers) {
            None => self.requests(&[], answers),
            Some(step) => step,
        }
    }

    /// What makes the next stretch of what is on its way.
    pub(super) fn maker(&mut self) -> Option<Maker> {
        match &mut self.state {
            State::Writing(outgoing) => outgoing.maker(),
            _ => None,
        }
    }

    /// A worker has made a stretch.
    pub(super) fn packed(
        &mut self,
        stretch: &[u8],
        maker: Option<Maker>,
        answers: &mut Answers,
    ) -> Step {
        if maker.is_none() {
            self.cut_by_reset(false);
        }
        if let State::Writing(outgoing) = &mut self.state {
            outgoing.packed(stretch, maker);
        }
        // Who waits for us is not late.
        self.wait(answers, HTTP_WRITE_IDLE);
        self.go_on(&[], answers)
    }

    /// Whether the end of the connection, whatever its reason, is a reset: where it would be the end of
    /// the content otherwise, that must not look whole.
    fn cut_by_reset(&self, reset: bool) {
        let linger = reset.then_some(std::time::Duration::ZERO);
        // Of a connection that broke, the next write tells.
        let _ = rustix::net::sockopt::set_socket_linger(self.wire.fd(), linger);
    }

    /// A worker has read the folder.
    pub(super) fn listed(
        &mut self,
        listed: Result<Listed, Unlisted>,
        answers: &mut Answers,
    ) -> Step {
        let State::Working(Some(awaited)) = std::mem::replace(&mut self.state, State::Reading)
        else {
            return Step::Close;
        };
        let (body, then) = answers.listed(*awaited, listed, &mut self.client);
        match self.send(body, then, answers) {
            None => self.requests(&[], answers),
            Some(step) => step,
        }
    }

    /// Goes on with what came: nothing, where it was this connection's turn for another reason.
    pub(super) fn go_on(&mut self, came: &[u8], answers: &mut Answers) -> Step {
        match &mut self.state {
            State::Reading => self.requests(came, answers),
            State::Body(_) => self.body(came, answers),
            State::Receiving(_) => self.receive(answers),
            State::Working(_) | State::Hashing(_) => Step::Rest,
            State::Writing(_) => match self.write(answers) {
                None => self.requests(&[], answers),
                Some(step) => step,
            },
            State::Lingering(left) => match left.checked_sub(came.len()) {
                Some(rest) if !self.ended => {
                    *left = rest;
                    Step::Rest
                }
                _ => Step::Close,
            },
        }
    }

    /// The time is up.
    pub(super) fn expire(&mut self, answers: &mut Answers) -> Step {
        match &self.state {
            // It said nothing at all, or does not take what it asked for, or was told all.
            State::Reading if self.input.is_empty() => Step::Close,
            State::Writing(_) | State::Lingering(_) => Step::Close,
            State::Receiving(_) => self.too_slow(),
            State::Working(_) | State::Hashing(_) => Step::Rest,
            State::Reading | State::Body(_) => {
                let request = match &self.state {
                    State::Body(passing) => (&passing.head[..], &passing.kept[..]),
                    _ => (&self.input[..], &b""[..]),
                };
                answers.late(request, &mut self.client);
                self.send(Body::None, Then::Close, answers).unwrap_or(Step::Rest)
            }
        }
    }

    /// Answers what is all there.
    fn requests(&mut self, came: &[u8], answers: &mut Answers) -> Step {
        let kept = std::mem::take(&mut self.input);
        let joined = if kept.is_empty() {
            None
        } else {
            let mut kept = kept;
            kept.extend_from_slice(came);
            Some(kept)
        };
        let input = joined.as_deref().unwrap_or(came);
        let mut at = 0;
        answers.out.clear();
        let step = loop {
            let rest = &input[at..];
            if rest.is_empty() {
                break self.flush(answers);
            }
            let answer =
                answers.answer(rest, &mut self.heads, self.passed.as_deref(), &mut self.client);
            match answer {
                Answer::Reply { used, body, then } => {
                    at += used;
                    self.passed = None;
                    self.answered = true;
                    if body.is_none()
                        && then == Then::KeepAlive
                        && answers.out.len() < TOGETHER_BYTES
                    {
                        continue;
                    }
                    if let Some(step) = self.send(body, then, answers) {
                        if then == Then::Close {
                            // Nothing behind it is a request (RFC 9112 section 9.6).
                            at = input.len();
                        }
                        break Some(step);
                    }
                }
                // Whatever else it is, the replies before it go out first.
                _ if !answers.out.is_empty() => {
                    if let Some(step) = self.flush(answers) {
                        break Some(step);
                    }
                    // `answers` has been asked for nothing that cannot be asked again.
                }
                Answer::More if self.ended => {
                    answers.cut(rest, &mut self.client);
                    at = input.len();
                    break Some(self.send(Body::None, Then::Close, answers).unwrap_or(Step::Rest));
                }
                Answer::More => break None,
                Answer::Body { head, length } => {
                    let passing = Passing {
                        head: rest[..head].to_vec(),
                        decoder: Decoder::new(length),
                        taken: 0,
                        kept: Vec::new(),
                        over: answers.second() + HTTP_BODY_TIME.as_secs() as u32,
                    };
                    self.wait(answers, HTTP_BODY_IDLE);
                    self.state = State::Body(Box::new(passing));
                    let behind = rest[head..].to_vec();
                    drop(joined);
                    return self.body(&behind, answers);
                }
                Answer::Receive(receiver) => {
                    self.passed = None;
                    self.answered = true;
                    self.begin(receiver, answers);
                    at = input.len();
                    // A worker looks at its place now, whatever of it is here, and takes that with it.
                    break Some(match self.receive(answers) {
                        Step::Close => Step::Close,
                        _ => Step::Receive,
                    });
                }
                Answer::Look(wanted) => {
                    self.state = State::Working(None);
                    break Some(Step::Look(wanted));
                }
                Answer::Judge(attempt) => {
                    self.state = State::Working(None);
                    break Some(Step::Judge(attempt));
                }
                Answer::Hash { used, hashing } => {
                    at += used;
                    self.passed = None;
                    self.answered = true;
                    self.state = State::Hashing(hashing);
                    break Some(Step::Hash);
                }
                Answer::List { used, awaited } => {
                    at += used;
                    self.passed = None;
                    self.answered = true;
                    self.state = State::Working(Some(awaited));
                    break Some(Step::List);
                }
            }
        };
        let fresh = at > 0 || joined.is_none();
        if at < input.len() {
            self.input = match joined {
                Some(mut kept) => {
                    kept.drain(..at);
                    kept
                }
                None => came[at..].to_vec(),
            };
        }
        if matches!(self.state, State::Reading) {
            // The time for a head begins with its first byte, and no other byte prolongs it.
            match self.input.is_empty() {
                true if self.answered => self.wait(answers, HTTP_KEEP_ALIVE),
                false if fresh => self.wait(answers, HTTP_HEAD_TIME),
                _ => {}
            }
        }
        match step {
            Some(step) => step,
            None if self.ended && self.input.is_empty() && matches!(self.state, State::Reading) => {
                Step::Close
            }
            None => Step::Rest,
        }
    }

    /// Passes over the body of a request that has none to give, and answers once it is over.
    fn body(&mut self, came: &[u8], answers: &mut Answers) -> Step {
        let State::Body(passing) = &mut self.state else { return Step::Rest };
        let mut at = 0;
        let mut early = loop {
            match passing.decoder.next(came, &mut at) {
                Ok(Decoded::Content(range)) => {
                    passing.taken += range.len();
                    if passing.taken > HTTP_BODY_PASSED {
                        break Some(Early::TooLong);
                    }
                }
                Ok(Decoded::End) => break None,
                Ok(Decoded::More) if self.ended => break Some(Early::Cut),
                // A chunk said that it is longer than anybody listens to: that much need not come first.
                Ok(Decoded::More)
                    if passing.decoder.due() > (HTTP_BODY_PASSED - passing.taken) as u64 =>
                {
                    break Some(Early::TooLong);
                }
                Ok(Decoded::More) => {
                    if !passing.keep(came, &self.client, answers) {
                        break Some(Early::TooLong);
                    }
                    let over = passing.over;
                    if !came.is_empty() {
                        self.wait(answers, HTTP_BODY_IDLE);
                        self.due = self.due.min(over);
                    }
                    return Step::Rest;
                }
                Err(refusal) => break Some(Early::Refused(refusal)),
            }
        };
        if !passing.keep(&came[..at], &self.client, answers) {
            early.get_or_insert(Early::TooLong);
        }
        let mut head = std::mem::take(&mut passing.head);
        let kept = std::mem::take(&mut passing.kept);
        if let Some(early) = early {
            answers.early(early, (&head, &kept), &mut self.client);
            self.answered = true;
            return self.send(Body::None, Then::Close, answers).unwrap_or(Step::Rest);
        }
        self.state = State::Reading;
        self.passed = Some(kept);
        head.extend_from_slice(&came[at..]);
        self.requests(&head, answers)
    }

    /// Sends what was put together, if anything.
    fn flush(&mut self, answers: &mut Answers) -> Option<Step> {
        match answers.out.is_empty() {
            true => None,
            false => self.send(Body::None, Then::KeepAlive, answers),
        }
    }

    /// Sends `answers.out` and what follows it. `None`: all is out, and the next request may come.
    fn send(&mut self, body: Body, then: Then, answers: &mut Answers) -> Option<Step> {
        if matches!(&body, Body::Made(making) if !making.chunked) {
            self.cut_by_reset(true);
        }
        let mut outgoing = Outgoing::new(std::mem::take(&mut answers.out), body, then);
        match outgoing.send(&self.wire) {
            Ok((Progress::Done, _)) => {
                answers.out = outgoing.bytes;
                self.done(then, answers)
            }
            Ok((progress, _)) => {
                outgoing.rest();
                self.state = State::Writing(Box::new(outgoing));
                self.wait(answers, HTTP_WRITE_IDLE);
                Some(step(progress))
            }
            Err(error) => Some(broken(error)),
        }
    }

    /// Sends more of what is on its way. `None` as for [`send`](Self::send).
    fn write(&mut self, answers: &mut Answers) -> Option<Step> {
        let State::Writing(outgoing) = &mut self.state else { return None };
        match outgoing.send(&self.wire) {
            Ok((Progress::Done, _)) => {
                let then = outgoing.then;
                self.state = State::Reading;
                self.done(then, answers)
            }
            Ok((progress, sent)) => {
                if sent > 0 {
                    self.wait(answers, HTTP_WRITE_IDLE);
                }
                Some(step(progress))
            }
            Err(error) => Some(broken(error)),
        }
    }

    /// A reply is out.
    fn done(&mut self, then: Then, answers: &Answers) -> Option<Step> {
        match then {
            Then::KeepAlive => None,
            Then::Close => {
                self.linger(answers.second());
                Some(if self.ended { Step::Close } else { Step::Rest })
            }
        }
    }

    fn linger(&mut self, now: u32) {
        self.linger_for(LINGER_BYTES, now);
    }

    fn linger_for(&mut self, bytes: usize, now: u32) {
        self.wire.end();
        self.input = Vec::new();
        self.state = State::Lingering(bytes);
        self.due = now + LINGER_TIME.as_secs() as u32;
    }

    fn wait(&mut self, answers: &Answers, time: std::time::Duration) {
        self.due = answers.second() + time.as_secs() as u32;
    }
}

fn step(progress: Progress) -> Step {
    match progress {
        Progress::Done | Progress::Blocked => Step::Rest,
        Progress::Turn => Step::Again,
        Progress::Pack => Step::Pack,
        Progress::Cold(from, len) => Step::Warm(from, from + len.min(STRETCH)),
        // What was promised cannot be kept, and only the end of the connection says so.
        Progress::Cut => Step::Close,
    }
}

/// The connection broke, or the file cannot be read: there is nobody to tell.
fn broken(_: Errno) -> Step {
    Step::Close
}
