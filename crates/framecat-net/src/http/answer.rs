//! From the bytes of a request to those of its reply: parsed and planned by proto, looked up in between.

use std::cell::Cell;
use std::collections::HashMap;
use std::io::Write as _;
use std::sync::Arc;

use framecat_proto::http::accept::{Accepted, wants_html};
use framecat_proto::http::digest::line;
use framecat_proto::http::head::{self, Heads, put_status_line};
use framecat_proto::http::listing::{Language, Sort};
use framecat_proto::http::plan::{self, Needs};
use framecat_proto::http::write;
use framecat_proto::http::{
    Coding, Content, Length, Method, Part, Reply, Request, Target, Then, Version, date, status,
};
use framecat_proto::limits::{HTTP_BODY_PASSED, HTTP_LOOKS};
use rustix::io::Errno;
use rustix::time::{ClockId, clock_gettime};

use super::auth::Attempt;
use super::files::{Found, Opened, Patience, Wanted};
use super::folder::{Task, Unlisted};
use super::hash::{Hash, Hasher};
use super::memory::{Memory, Remembered, Squeezed};
use super::outgoing::{Body, Maker};
use super::pack::Packer;
use super::receive::Receiver;
use super::seats::Seat;
use super::server::Shared;
use super::squeeze::Squeezer;
use super::telling::{Client, Reasons};

use coded::Full;
pub(super) use coded::Listed;
pub(super) use early::Early;

mod coded;
mod early;
mod guarded;
mod received;

/// When a client for which there is no place, no descriptor or no memory should come again, in seconds.
const RETRY_AFTER: u64 = 1;

/// What becomes of the bytes at hand.
#[derive(Debug)]
pub(super) enum Answer {
    /// A head begins here that is not all there.
    More,
    /// The message had so many bytes; its reply is in [`Answers::out`], as far as it is not a file.
    Reply { used: usize, body: Body, then: Then },
    /// A body follows the head of so many bytes and is to be read before anything is answered.
    Body { head: usize, length: Length },
    /// A disk must be waited for. Ask again once it is [learnt](Answers::learn).
    Look(Wanted),
    /// Its password is to be looked at. Ask again once that was [learnt](super::auth::Shown::learn).
    Judge(Box<Attempt>),
    /// The hash of a file is to be made for it.
    Hash { used: usize, hashing: Box<Hashing> },
    /// The content behind the head is to be received, and all that came is the receiver's.
    Receive(Box<Receiver>),
    /// A folder is to be read for it.
    List { used: usize, awaited: Box<Awaited> },
}

/// A reply that waits for the listing of a folder.
#[derive(Debug)]
pub(super) struct Awaited {
    pub(super) task: Arc<Task>,
    reply: Reply,
    asked: Asked,
    /// For what is coded.
    seat: Option<Seat>,
    /// The request's head, where its reply is told.
    request: Vec<u8>,
}

/// A reply that waits for the hash of a file.
#[derive(Debug)]
pub(super) struct Hashing {
    reply: Reply,
    asked: Asked,
    /// The file's.
    name: Vec<u8>,
    /// The request's head, where its reply is told.
    request: Vec<u8>,
    /// `None`: a worker has it.
    pub(super) hasher: Option<Box<Hasher>>,
}

/// What of a request decides how its reply is written.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked {
    /// Pages are for who asks for HTML; to anybody else a line of text says the same.
    html: bool,
    /// HEAD: the reply has no body.
    head: bool,
    version: Version,
    /// The connection ends behind it, whatever the reply says.
    closes: bool,
}

/// Makes the replies of one loop.
pub(super) struct Answers {
    shared: Arc<Shared>,
    /// Replies on their way out.
    pub(super) out: Vec<u8>,
    looked: HashMap<Wanted, Arc<Found>>,
    memory: Memory,
    /// Small files that were coded since all requests of this round had arrived.
    squeezed: Cell<usize>,
    /// What decided the reply that was put together last.
    reasons: Reasons,
    /// Milliseconds of a clock that never goes back.
    now_ms: u64,
    /// Seconds since 1970, and as a moment is written.
    wall: i64,
    date: [u8; date::LEN],
}

impl Answers {
    pub(super) fn new(shared: Arc<Shared>) -> Answers {
        let mut answers = Answers {
            shared,
            out: Vec::new(),
            looked: HashMap::new(),
            memory: Memory::default(),
            squeezed: Cell::new(0),
            reasons: Reasons::default(),
            now_ms: 0,
            wall: 0,
            date: date::write(0),
        };
        answers.tick();
        answers
    }

    /// Looks at the clock: once a round.
    pub(super) fn tick(&mut self) {
        let now = clock_gettime(ClockId::MonotonicCoarse);
        self.now_ms = now.tv_sec as u64 * 1000 + now.tv_nsec as u64 / 1_000_000;
        let wall = clock_gettime(ClockId::RealtimeCoarse).tv_sec;
        if wall != self.wall {
            self.wall = wall;
            self.date = date::write(wall);
        }
    }

    pub(super) fn now_ms(&self) -> u64 {
        self.now_ms
    }

    /// Whether requests are answered with themselves.
    pub(super) fn echoes(&self) -> bool {
        self.shared.echo
    }

    pub(super) fn second(&self) -> u32 {
        (self.now_ms / 1000) as u32
    }

    /// All requests that are answered until [`end`](Self::end) have arrived: one look serves them all.
    pub(super) fn begin(&mut self) {
        self.squeezed.set(0);
        self.forget();
    }

    /// What was looked at is not held any longer: a file that is removed is gone.
    pub(super) fn end(&mut self) {
        self.forget();
    }

    fn forget(&mut self) {
        self.looked.clear();
        self.memory.doubt();
    }

    /// What a worker found, after the request that asks for it had come.
    pub(super) fn learn(&mut self, wanted: Wanted, found: Result<Found, Errno>) {
        let found = found.unwrap_or_else(Found::failed);
        self.looked.insert(wanted, Arc::new(found));
    }

    /// The answer to the message that `input` begins with. `body`: it had one, which is not in `input` any
    /// more, and this is what was kept of it.
    pub(super) fn answer(
        &mut self,
        input: &[u8],
        heads: &mut Heads,
        body: Option<&[u8]>,
        client: &mut Client,
    ) -> Answer {
        let start = self.out.len();
        let answer = self.answer_to(input, heads, body, client);
        if client.is_told()
            && let Answer::Reply { used, body: rest, .. } = &answer
        {
            self.tell(client, (&input[..*used], body.unwrap_or_default()), start, rest);
        }
        answer
    }

    /// Tells what was put together from `start` on.
    fn tell(&mut self, client: &mut Client, request: (&[u8], &[u8]), start: usize, rest: &Body) {
        let now = clock_gettime(ClockId::RealtimeCoarse);
        let now_ns = now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64;
        let reasons = std::mem::take(&mut self.reasons);
        let mut hidden = None;
        let (request, reply) = match &self.shared.guard {
            None => (request, &self.out[start..]),
            Some(_) => self.without_passwords(request, start, &mut hidden),
        };
        let told = (self.user(client), now_ns);
        client.tell(&*self.shared.observer, request, (reply, rest), reasons, told);
    }

    fn answer_to(
        &mut self,
        input: &[u8],
        heads: &mut Heads,
        body: Option<&[u8]>,
        client: &mut Client,
    ) -> Answer {
        let body_read = body.is_some();
        client.shown.next();
        // What was answered to who brought a password is not among them.
        if !body_read && let Some(answer) = self.remembered(input) {
            *heads = Heads::default();
            return answer;
        }
        let request = match heads.request(input) {
            Ok(Some(request)) => request,
            Ok(None) => return Answer::More,
            Err(refusal) => {
                self.refuse(refusal, input, client.near);
                return Answer::Reply { used: input.len(), body: Body::None, then: Then::Close };
            }
        };
        if let Some(answer) = self.guarded(&request, client) {
            return answer;
        }
        let expects = head::expects_continue(&request) != Ok(false);
        if !body_read && self.shared.policy.rights.writes() && !self.shared.echo {
            // What is wrong with it is answered below, as for any request that brings what nobody takes.
            if let Ok(Some(deed)) = write::deed(&request, &self.shared.policy) {
                return self.receive(input, &request, (deed, expects), client);
            }
        }
        let unread = match request.length {
            _ if body_read => false,
            Length::None | Length::Bytes(0) => false,
            // Who waits for leave to send is told at once that nobody wants it, whatever else it expects.
            _ if expects => true,
            Length::Bytes(len) if len > HTTP_BODY_PASSED as u64 => true,
            length => {
                return Answer::Body { head: request.len, length };
            }
        };
        let asked = Asked {
            head: request.method == Method::Head,
            html: wants_html(&request.fields),
            version: request.version,
            closes: unread
                || self.shared.is_stopping()
                || !head::keeps_alive(request.version, &request.fields),
        };
        if self.shared.echo {
            let reply = match unread && !expects {
                true => status::page(413, None),
                false => {
                    let came = [&input[..request.len], body.unwrap_or_default()].concat();
                    plan::echo(&request, came, &self.shared.policy)
                }
            };
            let (body, then) = self.compose(reply, None, asked);
            return Answer::Reply { used: request.len, body, then };
        }
        self.reply(input, &request, asked, (!body_read, client.is_told()))
    }

    fn reply(
        &mut self,
        input: &[u8],
        request: &Request<'_>,
        asked: Asked,
        (whole, told): (bool, bool),
    ) -> Answer {
        let used = request.len;
        let mut needs = match plan::needs(request, &self.shared.policy) {
            Ok(needs) => needs,
            Err(reply) => {
                let (body, then) = self.compose(reply, None, asked);
                return Answer::Reply { used, body, then };
            }
        };
        let (path, index) = (needs.path.bytes.clone(), needs.index);
        let wanted = Wanted { path, index, codings: bits(&needs.accepted) };
        let found = match self.look(&wanted) {
            Ok(found) => found,
            Err(Errno::AGAIN) => return Answer::Look(wanted),
            Err(error) => Arc::new(Found::failed(error)),
        };
        if let Some(error) = found.failed {
            let (body, then) = self.compose(failure(error), None, asked);
            return Answer::Reply { used, body, then };
        }
        let ranges = request.fields.get("Range").is_some();
        let boundary = if ranges { self.boundary() } else { String::new() };
        let policy = &self.shared.policy;
        let planned =
            |needs: &Needs| plan::plan(request, needs, &found.facts, policy, self.wall, &boundary);
        let mut reply = planned(&needs);
        let seat = match self.coded_at(&reply, &found, asked.head) {
            Ok(seat) => seat,
            Err(Full) => {
                needs.gzip = false;
                reply = match needs.accepted.identity {
                    true => planned(&needs),
                    false => failure(Errno::NOMEM),
                };
                None
            }
        };
        if let (Content::Listing { form, gzip }, Some(folder), false) =
            (&reply.body, &found.folder, asked.head)
        {
            let task = Arc::new(Task {
                folder: folder.clone(),
                path: wanted.path,
                form: *form,
                language: Language::accepted(request.fields.all("Accept-Language")),
                sort: Sort::of_query(query(request)),
                rights: policy.rights,
                gzip: *gzip,
            });
            let request = if told { input[..used].to_vec() } else { Vec::new() };
            let awaited = Box::new(Awaited { task, reply, asked, seat, request });
            return Answer::List { used, awaited };
        }
        if let (Content::Hash(digest), Some(file), false) = (&reply.body, &found.file, asked.head) {
            let (digest, name) = (*digest, needs.path.name().to_vec());
            let known = self.shared.known.get(digest, &file.facts);
            let request = if told { input[..used].to_vec() } else { Vec::new() };
            let mut hashing = Hashing { reply, asked, name, request, hasher: None };
            if known.is_none()
                && let Some(seat) = self.shared.hashes.take()
            {
                hashing.hasher = Some(Box::new(Hasher::new(digest, file.clone(), seat)));
                return Answer::Hash { used, hashing: Box::new(hashing) };
            }
            let then = self.put_hash(hashing, known.ok_or(Errno::NOMEM));
            return Answer::Reply { used, body: Body::None, then };
        }
        if let (Content::Archive(form), Some(folder), false) =
            (&reply.body, &found.folder, asked.head)
        {
            let Some(seat) = self.shared.archives.take() else {
                let (body, then) = self.compose(failure(Errno::NOMEM), None, asked);
                return Answer::Reply { used, body, then };
            };
            let packer = Packer::new(*form, folder.clone(), &wanted.path, seat);
            let (body, then) = self.made(&reply, Maker::Archive(Box::new(packer)), asked);
            return Answer::Reply { used, body, then };
        }
        if let (Content::Squeezed, Some(file), Some(seat)) = (&reply.body, &found.file, seat) {
            let squeezer = Box::new(Squeezer::file(file.clone(), seat));
            let (body, then) = self.made(&reply, Maker::Gzip(squeezer), asked);
            return Answer::Reply { used, body, then };
        }
        let coding = match &reply.body {
            Content::File { coding, .. } => *coding,
            _ => None,
        };
        let keep = whole
            && !asked.closes
            && self.is_open(request)
            && can_be_remembered(request, &needs, &found, &reply, self.wall);
        let squeezed = coded::squeezed(&mut reply, &found);
        let start = self.out.len();
        let (body, then) = self.compose(reply, Some(&found), asked);
        if keep {
            let kept = (coding, squeezed);
            self.remember(&input[..used], (start, asked), (wanted, &found), kept, then);
        }
        Answer::Reply { used, body, then }
    }

    /// What is known of a name: one look serves a round.
    fn look(&mut self, wanted: &Wanted) -> Result<Arc<Found>, Errno> {
        if let Some(found) = self.looked.get(wanted) {
            return Ok(found.clone());
        }
        let found = Arc::new(self.shared.root.look(wanted, Patience::None)?);
        // Each holds a descriptor, and a fresh look is as good.
        if self.looked.len() >= HTTP_LOOKS {
            self.forget();
        }
        self.looked.insert(wanted.clone(), found.clone());
        Ok(found)
    }

    /// The reply to a request that was answered before, if it still holds.
    fn remembered(&mut self, input: &[u8]) -> Option<Answer> {
        if self.shared.is_stopping() {
            return None;
        }
        let place = self.memory.find(input)?;
        let found = match &self.memory.at(place)?.sure {
            Some(found) => found.clone(),
            None => {
                let wanted = self.memory.at(place)?.wanted.clone();
                let found = self.look(&wanted).ok()?;
                if self.memory.at(place)?.facts != found.facts {
                    self.memory.forget(place);
                    return None;
                }
                self.memory.sure(place, found.clone());
                found
            }
        };
        let remembered = self.memory.at(place)?;
        let opened = found.opened(remembered.coding)?;
        let squeezed = remembered.squeezed.as_ref();
        if squeezed.is_some_and(|squeezed| Some(&squeezed.content) != opened.content.as_ref()) {
            self.memory.forget(place);
            return None;
        }
        self.out.reserve(remembered.head.len());
        let start = self.out.len();
        self.out.extend_from_slice(&remembered.head);
        self.out[start + DATE_AT..][..date::LEN].copy_from_slice(&self.date);
        let body = match (&opened.content, remembered.sends) {
            (_, false) => Body::None,
            (Some(content), true) => {
                let content = squeezed.map_or(content, |squeezed| &squeezed.coded);
                self.out.extend_from_slice(content);
                Body::None
            }
            (None, true) => {
                let whole = Part { before: Vec::new(), from: 0, len: opened.facts.size };
                Body::file(opened.clone(), vec![whole], Vec::new())
            }
        };
        Some(Answer::Reply { used: remembered.request.len(), body, then: remembered.then })
    }

    /// Appends the head of a reply, and its body as far as it is no file of some size.
    fn compose(&mut self, reply: Reply, found: Option<&Found>, asked: Asked) -> (Body, Then) {
        let then = if asked.closes { Then::Close } else { reply.then };
        if self.shared.tells.is_some() && is_told(reply.status) {
            self.reasons.words = reply.words().map(Into::into);
        }
        if let Some(why) = reply.why {
            self.reasons.why = Some(why);
        }
        let reply = if asked.html { reply } else { reply.into_text() };
        let out = &mut self.out;
        put_status_line(reply.status, out);
        put_date(&self.date, out);
        out.extend_from_slice(&reply.fields);
        match (reply.body.length(), reply.status) {
            (Some(len), _) => put_length(len, out),
            // These have no content whatever they say (RFC 9112 section 6.3); of others it must be told.
            (None, 100..200 | 204 | 304) => {}
            (None, _) if matches!(reply.body, Content::None) => put_length(0, out),
            (None, _) => {}
        }
        put_connection(then, asked.version, out);
        out.extend_from_slice(b"\r\n");
        let body = match reply.body {
            _ if asked.head => Body::None,
            Content::None | Content::Squeezed | Content::Listing { .. } => Body::None,
            Content::Archive(_) | Content::Hash(_) => Body::None,
            Content::Bytes(bytes) | Content::Page { html: bytes, .. } => {
                out.extend_from_slice(&bytes);
                Body::None
            }
            Content::File { coding, parts, end } => {
                match found.and_then(|found| found.opened(coding)) {
                    Some(opened) => self.put_file(opened, parts, end),
                    // Nothing was promised of a file that was not found.
                    None => return (Body::None, Then::Close),
                }
            }
        };
        (body, then)
    }

    /// A small file goes out with its head.
    fn put_file(&mut self, opened: &Arc<Opened>, parts: Vec<Part>, end: Vec<u8>) -> Body {
        let Some(content) = &opened.content else { return Body::file(opened.clone(), parts, end) };
        for Part { before, from, len } in &parts {
            self.out.extend_from_slice(before);
            // Parts are planned from the size of this very content.
            let piece = content.get(*from as usize..).and_then(|rest| rest.get(..*len as usize));
            debug_assert!(piece.is_some(), "{from}+{len} of {}", content.len());
            self.out.extend_from_slice(piece.unwrap_or_default());
        }
        self.out.extend_from_slice(&end);
        Body::None
    }

    /// Appends the reply that waited for a listing.
    pub(super) fn listed(
        &mut self,
        awaited: Awaited,
        listed: Result<Listed, Unlisted>,
        client: &mut Client,
    ) -> (Body, Then) {
        self.out.clear();
        let request = awaited.request.clone();
        let (body, then) = self.list(awaited, listed);
        if client.is_told() {
            self.tell(client, (&request, b""), 0, &body);
        }
        (body, then)
    }

    /// Appends the reply that waited for a hash.
    pub(super) fn hashed(
        &mut self,
        mut hashing: Hashing,
        hash: Result<Hash, Errno>,
        client: &mut Client,
    ) -> Then {
        self.out.clear();
        let request = std::mem::take(&mut hashing.request);
        let then = self.put_hash(hashing, hash);
        self.told((&request, b""), client);
        then
    }

    fn put_hash(&mut self, hashing: Hashing, hash: Result<Hash, Errno>) -> Then {
        let Hashing { mut reply, asked, name, .. } = hashing;
        let reply = match hash {
            Ok(hash) => {
                reply.body = Content::Bytes(line(&hash, &name));
                reply
            }
            // It changes all the time, and may rest soon.
            Err(Errno::BUSY) => failure(Errno::NOMEM),
            Err(error) => failure(error),
        };
        self.compose(reply, None, asked).1
    }

    fn remember(
        &mut self,
        request: &[u8],
        (start, asked): (usize, Asked),
        (wanted, found): (Wanted, &Found),
        (coding, squeezed): (Option<Coding>, Option<Squeezed>),
        then: Then,
    ) {
        let head = &self.out[start..];
        let Some(len) = memchr::memmem::find(head, b"\r\n\r\n") else { return };
        self.memory.keep(Remembered {
            request: request.into(),
            wanted,
            facts: found.facts.clone(),
            head: head[..len + 4].into(),
            coding,
            squeezed,
            sends: !asked.head,
            then,
            sure: None,
        });
    }

    /// What separates the parts of several ranges: 120 bits that nobody can know before, so that no file
    /// holds them.
    fn boundary(&mut self) -> String {
        use std::hash::{BuildHasher, RandomState};
        // Each RandomState has keys of its own, which began by chance.
        let part = |n: u64| RandomState::new().hash_one(n);
        format!("{:016x}{:016x}", part(0), part(1))
    }
}

/// The second of the clock that a loop goes by.
pub(super) fn second() -> u32 {
    clock_gettime(ClockId::MonotonicCoarse).tv_sec as u32
}

/// Where the moment stands in a reply with status 200.
const DATE_AT: usize = "HTTP/1.1 200 OK\r\nDate: ".len();

fn put_date(date: &[u8; date::LEN], out: &mut Vec<u8>) {
    out.extend_from_slice(b"Date: ");
    out.extend_from_slice(date);
    out.extend_from_slice(b"\r\n");
}

fn put_length(len: u64, out: &mut Vec<u8>) {
    out.extend_from_slice(b"Content-Length: ");
    // Writing to memory cannot fail.
    let _ = write!(out, "{len}\r\n");
}

/// HTTP/1.0 goes on only where it is told so, and 1.1 ends only then (RFC 9112 section 9.3).
fn put_connection(then: Then, version: Version, out: &mut Vec<u8>) {
    match (then, version) {
        (Then::Close, _) => out.extend_from_slice(b"Connection: close\r\n"),
        (Then::KeepAlive, Version::Http10) => out.extend_from_slice(b"Connection: keep-alive\r\n"),
        (Then::KeepAlive, Version::Http11) => {}
    }
}

/// Whether the log says why: what is not there is no reason to be told.
fn is_told(status: u16) -> bool {
    matches!(status, 400 | 403 | 408 | 409 | 411..=413 | 415 | 500 | 507)
}

/// What the machine lacks: descriptors and memory may be there in a moment.
pub(super) fn failure(error: Errno) -> Reply {
    match error {
        Errno::MFILE | Errno::NFILE | Errno::NOMEM | Errno::NOBUFS => {
            let mut reply = status::page(503, None);
            reply.field("Retry-After", RETRY_AFTER);
            reply
        }
        _ => status::page(500, None),
    }
}

/// A reply that is the same for every such request while the file is the same.
fn can_be_remembered(
    request: &Request<'_>,
    needs: &Needs,
    found: &Found,
    reply: &Reply,
    now: i64,
) -> bool {
    let coding = match &reply.body {
        Content::File { coding, .. } => *coding,
        Content::Squeezed => None,
        _ => return false,
    };
    let old = found
        .opened(coding)
        .is_some_and(|opened| opened.facts.settled && opened.facts.mtime <= now);
    old && needs.plain && reply.status == 200 && matches!(request.length, Length::None)
}

fn query<'r>(request: &Request<'r>) -> Option<&'r str> {
    match request.target {
        Target::Origin { query, .. } | Target::Absolute { query, .. } => query,
        _ => None,
    }
}

/// A bit for each of [`Coding::ALL`].
fn bits(accepted: &Accepted) -> u8 {
    let bit =
        |coding| Coding::ALL.iter().position(|known| *known == coding).map_or(0, |at| 1 << at);
    accepted.codings().fold(0, |bits, coding| bits | bit(coding))
}
