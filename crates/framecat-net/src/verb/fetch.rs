//! `fetch URL`: one thing from a server, redirects followed, to stdout or into a file that is whole or not
//! there.

use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use framecat_proto::endpoint::{At, FilePath};
use framecat_proto::http::body::Body;
use framecat_proto::http::coding::Decoder;
use framecat_proto::http::follow::{
    self, Coded, ContentRange, Follow, content_range, goes_elsewhere, is_of_content,
    strong_validator, why_it_ends,
};
use framecat_proto::http::head::{put_field, put_request_line};
use framecat_proto::http::url::Url;
use framecat_proto::http::{Coding, Length, Response};
use framecat_proto::limits::{CONNECT_WAIT, EXPECT_BYTES, FETCH_HEAD_WAIT, FETCH_IDLE};
use framecat_proto::message::Dir;
use framecat_proto::options::Options;
use tokio::time::Instant;

use crate::conn::{Conn, Kind, Stream};
use crate::converse::sleep_until;
use crate::error::{Cause, Error, Op, Untrusted};
use crate::event::{Event, HttpPart, Observer, Timings};
use crate::http::client::{Head, Raw, Request, Telling, Upload, Wire, exchange};
use crate::http::deliver::Delivery;
use crate::http::part::{Part, Target};
use crate::http::sink::{Sink, has_left};
use crate::open::{Milestones, connect, connect_watched};
use crate::talk::{End, Lines, Shutdown};

/// What `fetch` is told.
#[derive(Debug)]
pub struct Fetch {
    /// What.
    pub url: Url,
    /// How: GET, HEAD …
    pub method: String,
    /// Fields that the user adds; none of those that frame a message.
    pub fields: Vec<(String, Vec<u8>)>,
    /// In place of the URL's host in the Host field.
    pub host: Option<String>,
    /// What is sent along.
    pub content: Content,
    /// Where the reply goes.
    pub output: Output,
    /// Heads go to stdout, and no content: HEAD.
    pub heads_only: bool,
    /// Every byte of the connection is kept there, too.
    pub raw: Option<PathBuf>,
    /// 4xx and 5xx fail, and their content is not printed.
    pub fail: bool,
    /// What comes in a coding stays in it, and none is asked for.
    pub as_sent: bool,
    /// So many redirects are followed.
    pub redirects: u32,
    /// Options of what is dialled; each goes to the schemes that have it.
    pub options: Options,
    /// How long connecting may take, and how long the head of the reply.
    pub wait: Option<Duration>,
    /// How long content may give nothing.
    pub idle: Option<Duration>,
    /// How long all may take.
    pub deadline: Option<Duration>,
    /// So many bytes of content are shown (`--show`).
    pub shows: usize,
    /// Standard input, for content that comes from there.
    pub stdin: Stream,
    /// Standard output.
    pub stdout: Stream,
    /// Lines told on stdout (`--json`).
    pub lines: Option<Arc<Lines>>,
}

/// What is sent along.
#[derive(Debug)]
pub enum Content {
    /// Nothing.
    None,
    /// These bytes.
    Bytes(Vec<u8>),
    /// A file: its length is known, unless it is a FIFO or a device.
    File(PathBuf),
    /// Standard input, in chunks.
    Stdin,
}

/// Where the content of a reply goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// To stdout.
    Stdout,
    /// Into a file.
    File(PathBuf),
}

/// What a request to one place led to.
enum Hop {
    /// It is all done.
    Done(End),
    /// A redirect.
    To(Url),
    /// Once more, without what the server did not understand.
    Again,
}

/// Fetches.
///
/// Errors: what dialling failed with; [`Cause::Broken`] for a reply that breaks the rules or is cut;
/// [`Cause::Silent`]; `Write` where stdout or the file takes it no more. A server that answers otherwise than
/// it was asked is [`End::Declined`].
pub async fn run(
    options: Fetch,
    observer: Arc<dyn Observer>,
    mut shutdown: Shutdown,
) -> Result<End, Error> {
    let deadline = options.deadline.map(|time| (time, Instant::now() + time));
    let fetching = async {
        match Fetching::new(&options, &*observer)?.run().await {
            Err(error) if has_left(&error) => Ok(End::Done),
            ended => ended,
        }
    };
    tokio::select! {
        biased;
        ended = fetching => ended,
        () = shutdown.requested() => Ok(End::Interrupted),
        () = sleep_until(deadline.map(|(_, at)| at)) => {
            Ok(End::Deadline(deadline.map(|(time, _)| time).unwrap_or_default()))
        }
    }
}

struct Fetching<'a> {
    asked: &'a Fetch,
    observer: &'a dyn Observer,
    url: Url,
    method: String,
    /// Content goes along.
    sends: bool,
    /// Still at the origin that was typed.
    at_home: bool,
    /// Content is asked for before it is sent, and a part is gone on with, until a server refuses that.
    may_expect: bool,
    may_resume: bool,
    part: Option<Box<Part>>,
    direct: Option<Stream>,
    raw: Option<Raw>,
    conns: u64,
}

impl<'a> Fetching<'a> {
    fn new(asked: &'a Fetch, observer: &'a dyn Observer) -> Result<Fetching<'a>, Error> {
        let (mut part, mut direct) = (None, None);
        if let Output::File(path) = &asked.output {
            match Target::open(path, &asked.url.to_string())? {
                Target::Part(file) => part = Some(file),
                Target::Direct(stream) => direct = Some(stream),
            }
        }
        let raw = asked.raw.as_deref().map(Raw::open).transpose()?;
        Ok(Fetching {
            asked,
            observer,
            url: asked.url.clone(),
            method: asked.method.clone(),
            sends: !matches!(asked.content, Content::None),
            at_home: true,
            may_expect: true,
            // Whoever names a range of his own gets that, and nothing before it.
            may_resume: !asked.fields.iter().any(|(name, _)| name.eq_ignore_ascii_case("Range")),
            part,
            direct,
            raw,
            conns: 0,
        })
    }

    async fn run(mut self) -> Result<End, Error> {
        let mut followed = 0;
        loop {
            let to = match self.hop().await? {
                Hop::Done(end) => return Ok(end),
                Hop::Again => continue,
                Hop::To(to) => to,
            };
            if followed == self.asked.redirects {
                return Ok(End::Declined {
                    said: format!("more than {followed} redirects; the next leads to {to}"),
                    remedy: "they may go round for ever; --max-redirects N follows more".into(),
                });
            }
            followed += 1;
            self.url = to;
        }
    }

    /// Everything that is sent before the content, and whether it asks if that is wanted.
    fn head(&self, upload: &Upload, resumes: Option<&(u64, Vec<u8>)>) -> (Vec<u8>, bool) {
        let mut head = Vec::new();
        let added: Vec<_> =
            self.asked.fields.iter().filter(|(name, _)| self.sends_field(name)).collect();
        let is_added = |name: &str| added.iter().any(|(added, _)| added.eq_ignore_ascii_case(name));
        put_request_line(&self.method, self.url.target(), &mut head);
        let mut own = |name: &str, value: &[u8]| {
            if !is_added(name) {
                put_field(name, value, &mut head);
            }
        };
        own("Host", self.host().as_bytes());
        own("User-Agent", concat!("framecat/", env!("CARGO_PKG_VERSION")).as_bytes());
        own("Accept", b"*/*");
        // A file is kept as the server has it, so that it can be gone on with.
        let into_file = matches!(self.asked.output, Output::File(_));
        match self.asked.as_sent {
            true => {}
            false if into_file => own("Accept-Encoding", b"identity"),
            false => own("Accept-Encoding", b"gzip, br, zstd"),
        }
        if let Some((from, validator)) = resumes {
            own("Range", format!("bytes={from}-").as_bytes());
            own("If-Range", validator);
        }
        for (name, value) in &added {
            // A name alone leaves out what we would send.
            if !value.is_empty() {
                put_field(name, value, &mut head);
            }
        }
        let len = match upload {
            // Methods that mean content say that there is none (RFC 9110 section 8.6).
            Upload::None if ["POST", "PUT", "PATCH"].contains(&self.method.as_str()) => Some(0),
            Upload::None => None,
            Upload::Bytes(bytes) => Some(bytes.len() as u64),
            Upload::File { len, .. } => Some(*len),
            Upload::Chunked(_) => {
                put_field("Transfer-Encoding", b"chunked", &mut head);
                None
            }
        };
        if let Some(len) = len {
            put_field("Content-Length", len.to_string().as_bytes(), &mut head);
        }
        let large = match upload {
            Upload::Chunked(_) => true,
            _ => len.is_some_and(|len| len > EXPECT_BYTES),
        };
        let expects = large && self.may_expect;
        if expects {
            put_field("Expect", b"100-continue", &mut head);
        }
        // One exchange a connection, and whoever does so says so (RFC 9112 section 9.3).
        put_field("Connection", b"close", &mut head);
        head.extend_from_slice(b"\r\n");
        (head, expects)
    }

    fn sends_field(&self, name: &str) -> bool {
        (self.at_home || goes_elsewhere(name))
            && (self.sends || !is_of_content(name) || self.is_first())
    }

    /// Nothing was followed yet, or nothing that changed what is sent.
    fn is_first(&self) -> bool {
        self.method == self.asked.method
    }

    fn host(&self) -> String {
        match &self.asked.host {
            Some(host) if self.at_home => host.clone(),
            _ => self.url.host(),
        }
    }

    /// The content, opened anew for each request.
    async fn upload(&self) -> Result<Upload, Error> {
        if !self.sends {
            return Ok(Upload::None);
        }
        let path = match &self.asked.content {
            Content::None => return Ok(Upload::None),
            Content::Bytes(bytes) => return Ok(Upload::Bytes(bytes.clone())),
            Content::Stdin if self.conns > 0 => {
                let problem =
                    "the server wants the content once more, and stdin gives it once".into();
                let remedy = "keep it in a file: --upload FILE".into();
                let cause = Cause::Unfit { problem, remedy };
                return Err(Error { op: Op::Send, endpoint: self.url.to_string(), cause });
            }
            Content::Stdin => return Ok(Upload::Chunked(self.asked.stdin.clone())),
            Content::File(path) => path,
        };
        let name = path.display().to_string();
        let failed = |error: io::Error| Error::io(Op::Connect, format!("file:{name}"), error);
        let about = std::fs::metadata(path).map_err(failed)?;
        if !about.is_file() {
            // A FIFO waits for its other end, a directory is told.
            let bytes = path.as_os_str().as_bytes().to_vec();
            let file = FilePath::new(bytes).map_err(|wrong| {
                let cause = Cause::Address { problem: wrong.problem, remedy: wrong.remedy };
                Error { op: Op::Connect, endpoint: format!("file:{name}"), cause }
            })?;
            let wait = self.asked.wait.unwrap_or(CONNECT_WAIT);
            return match connect(&At::File(file).into(), wait).await? {
                Conn::Pair(pair) => Ok(Upload::Chunked(pair.from)),
                Conn::Stream(stream) => Ok(Upload::Chunked(stream)),
                Conn::Datagrams(_) => Err(failed(io::ErrorKind::Unsupported.into())),
            };
        }
        let file = std::fs::File::open(path).map_err(failed)?;
        let len = file.metadata().map_err(failed)?.len();
        let file = Stream::new(file.into(), Kind::File, name.clone(), name.clone());
        Ok(Upload::File { file: file.map_err(failed)?, len })
    }

    /// The options for where we are: who we are is for the origin that was typed.
    fn options(&self) -> Options {
        match self.at_home {
            true => self.asked.options.clone(),
            false => self.asked.options.without(&["cert", "key", "sni"]),
        }
    }

    /// One request and its reply.
    async fn hop(&mut self) -> Result<Hop, Error> {
        let upload = self.upload().await?;
        let begun = Instant::now();
        let milestones = Milestones::default();
        let endpoint = self.url.endpoint(&self.options());
        let wait = self.asked.wait.unwrap_or(CONNECT_WAIT);
        let conn =
            connect_watched(&endpoint, wait, None, &milestones).await.map_err(in_our_words)?;
        let connected = Instant::now();
        let Conn::Stream(stream) = conn else {
            let error = io::Error::from(io::ErrorKind::Unsupported);
            return Err(Error::io(Op::Connect, endpoint.to_string(), error));
        };
        self.conns += 1;
        let conn = self.conns;
        let (peer, local) = (stream.peer().to_string(), stream.local().to_string());
        self.observer.event(Event::Connected { conn, peer: &peer, local: &local });
        let since = |at: Option<Instant>| at.map(|at| at - begun);
        let reached = milestones.reached.get().copied();
        let mut timings = Timings {
            resolved: since(milestones.resolved.get().copied()),
            connected: since(reached.or(Some(connected))),
            secured: since(reached.map(|_| connected)),
            ..Timings::default()
        };
        let part = self.part.as_ref().filter(|_| self.may_resume && self.method == "GET");
        let resumes = part.and_then(|part| part.had.clone());
        let (head, expects) = self.head(&upload, resumes.as_ref());
        let mut wire = Wire::new(stream, self.raw.take());
        let telling = Telling { observer: self.observer, conn, shows: self.asked.shows };
        let request = Request { method: &self.method, head, upload: &upload, expects };
        let wait = self.asked.wait.unwrap_or(FETCH_HEAD_WAIT);
        let mut first = None;
        let heard = exchange(&mut wire, &request, telling, wait, &mut first).await;
        self.flush_lines().await?;
        let head = match heard {
            Err(error) if is_silent(&error) => return Ok(Hop::Done(End::PeerEnded)),
            heard => heard?,
        };
        timings.first_byte = since(first);
        let hop = self.answered(&mut wire, &head, resumes, telling, (begun, &mut timings)).await;
        let hop = match hop {
            Ok(done) => done,
            Err(error) => {
                // What came before the fault is worth looking at, too.
                let _ = wire.linger().await;
                return Err(error);
            }
        };
        wire.linger().await?;
        let totals = wire.totals();
        self.raw = wire.into_raw();
        self.observer.event(Event::Closed { conn, peer: &peer, totals });
        self.flush_lines().await?;
        Ok(hop)
    }

    /// What is made of a reply whose head is there.
    async fn answered(
        &mut self,
        wire: &mut Wire,
        head: &Head,
        resumes: Option<(u64, Vec<u8>)>,
        telling: Telling<'_>,
        (begun, timings): (Instant, &mut Timings),
    ) -> Result<Hop, Error> {
        let method = self.method.clone();
        let Some(reply) = head.reply(&method) else {
            return Err(wire.broken("its head cannot be read twice".into()));
        };
        if head.status == 417 && self.may_expect && self.sends {
            self.may_expect = false;
            return Ok(Hop::Again);
        }
        if let (Some(follow), Some(location)) =
            (follow::redirect(head.status, &method), reply.fields.only("Location"))
            && self.asked.redirects > 0
        {
            let to = self.redirected(head.status, follow, location)?;
            self.tell_end(&reply, telling);
            return Ok(Hop::To(to));
        }
        let failed = head.status >= 400;
        let part_of = match reply.fields.only("Content-Range").and_then(content_range) {
            range @ Some(ContentRange::Part { .. }) if head.status == 206 => range,
            range @ Some(ContentRange::None { .. }) if head.status == 416 => range,
            _ => None,
        };
        if let Some((from, _)) = &resumes {
            match (head.status, part_of) {
                (416, Some(ContentRange::None { size })) if size == *from => {
                    // All of it was there already.
                    self.tell_end(&reply, telling);
                    return self.finished(head, 0, timings, begun).map(Hop::Done);
                }
                (416, _) => {
                    self.may_resume = false;
                    self.anew("the server has no such part of it");
                    return Ok(Hop::Again);
                }
                (206, Some(ContentRange::Part { first, .. })) if first == *from => {}
                (206, _) => {
                    return Err(wire.broken(format!(
                        "another part than the one asked for came, from byte {from} on"
                    )));
                }
                _ => {}
            }
        }
        if head.status == 206 && !self.asks_for_range(resumes.is_some()) {
            return Err(wire.broken("a part came (206), and all of it was asked for".into()));
        }
        let into_file = self.part.is_some() || self.direct.is_some();
        if failed && (self.asked.fail || into_file) {
            self.tell_end(&reply, telling);
            return Ok(Hop::Done(self.declined(head, false)));
        }
        if self.asked.heads_only {
            let mut sink = self.stdout();
            sink.write(&head.bytes).await?;
            sink.end().await?;
            self.tell_end(&reply, telling);
            return self.finished(head, 0, timings, begun).map(Hop::Done);
        }
        let coded = if self.asked.as_sent { None } else { self.coding(&reply) };
        let (mut sink, had) = self.sink(&reply, &resumes, coded.is_some())?;
        let whole = match (reply.length, part_of) {
            (_, Some(ContentRange::Part { size: Some(size), .. })) if resumes.is_some() => {
                Some(size)
            }
            (Length::Bytes(len), _) => Some(had + len),
            _ => None,
        };
        let delivery = Delivery {
            wire,
            body: Body::new(reply.length),
            decoder: coded.map(Decoder::new),
            sink: &mut sink,
            telling,
            idle: self.asked.idle.unwrap_or(FETCH_IDLE),
            had,
            whole: whole.filter(|_| coded.is_none()),
        };
        let written = delivery.run(&why_it_ends(&reply, &method)).await?;
        if let (Some(part), Some(whole), true) = (&self.part, whole, resumes.is_some() && had > 0)
            && part.len() != whole
        {
            let problem = format!("{} bytes of {whole} are there, and no more came", part.len());
            return Err(wire.broken(problem));
        }
        timings.total = begun.elapsed();
        if failed && changes(&method) {
            // What the server says of it was printed.
            return Ok(Hop::Done(self.declined(head, true)));
        }
        self.finished(head, had + written, timings, begun).map(Hop::Done)
    }

    /// Whether a part is what was asked for.
    fn asks_for_range(&self, resumes: bool) -> bool {
        let mut own = self.asked.fields.iter();
        resumes || own.any(|(name, _)| name.eq_ignore_ascii_case("Range"))
    }

    /// The coding that is undone, if there is one.
    fn coding(&self, reply: &Response<'_>) -> Option<Coding> {
        match follow::coded(&reply.fields) {
            Coded::Plain => None,
            Coded::In(coding) => match &self.part {
                // Asked for or not, x.tar.gz is to be what its name says.
                Some(part) if is_named_for(part.name(), coding) => {
                    let why = "the name of the file says that it is wanted so";
                    self.observer.event(Event::StaysCoded { coding: coding.name(), why });
                    None
                }
                _ => Some(coding),
            },
            Coded::Unknown(coding) => {
                let why = "only gzip, br or zstd, one of them, is undone";
                self.observer.event(Event::StaysCoded { coding: &coding, why });
                None
            }
        }
    }

    /// Where the content goes, and how much of it is there.
    fn sink(
        &mut self,
        reply: &Response<'_>,
        resumes: &Option<(u64, Vec<u8>)>,
        decoded: bool,
    ) -> Result<(Sink, u64), Error> {
        if let Some(stream) = &self.direct {
            return Ok((Sink::Plain(stream.clone()), 0));
        }
        let Some(part) = &mut self.part else { return Ok((self.stdout(), 0)) };
        let had = part.had.as_ref().map(|(had, _)| *had);
        if let (Some((from, _)), 206) = (resumes, reply.status) {
            self.observer.event(Event::Resumed { file: part.name(), from: *from });
            return Ok((Sink::Plain(part.go_on()?), *from));
        }
        let why = match (&part.why_anew, had) {
            (Some(why), _) => Some(why.clone()),
            (None, Some(_)) => Some("the server has another one now, or sends no parts".into()),
            (None, None) => None,
        };
        if let Some(why) = why.filter(|_| self.may_resume) {
            self.observer.event(Event::Anew { file: part.name(), why: &why });
        }
        // Places in what is decoded are none in what the server has.
        let validator = strong_validator(&reply.fields).filter(|_| !decoded && reply.status == 200);
        let stream = part.begin(validator.as_deref())?;
        Ok((Sink::Plain(stream), 0))
    }

    fn stdout(&self) -> Sink {
        let stdout = self.asked.stdout.clone();
        match (&self.asked.lines, stdout.kind()) {
            (Some(lines), _) => {
                Sink::Lines { stdout, lines: lines.clone(), offset: 0, held: Vec::new() }
            }
            (None, Kind::Terminal) => Sink::Terminal { stdout, held: Vec::new() },
            (None, _) => Sink::Plain(stdout),
        }
    }

    fn anew(&self, why: &str) {
        if let Some(part) = &self.part {
            self.observer.event(Event::Anew { file: part.name(), why });
        }
    }

    /// For `--show`: why the message ends, where its content is not looked at.
    fn tell_end(&self, reply: &Response<'_>, telling: Telling<'_>) {
        let why = match reply.length {
            Length::None => why_it_ends(reply, &self.method),
            _ => format!("{}; it is not read", why_it_ends(reply, &self.method)),
        };
        telling.part(Dir::In, HttpPart::End(&why));
    }

    /// `printed`: what it says of that was.
    fn declined(&self, head: &Head, printed: bool) -> End {
        let said = format!("{}: the server answered {}", self.url, head.said());
        let mut names = self.asked.fields.iter().map(|(name, _)| name);
        let asks_as_somebody = names.any(|name| name.eq_ignore_ascii_case("Authorization"));
        let remedy = match head.status {
            401 if asks_as_somebody => "its user or password is another one",
            401 => "it wants to know who asks: --user NAME",
            407 => "a proxy wants to know who asks: --header @FILE with its Proxy-Authorization",
            429 | 503 => "it has too much to do; try again later",
            _ if printed => "what it says of that is printed",
            403 => "it knows of it and does not give it to us",
            404 | 410 => "look at the path; without -o and --fail what the server says is printed",
            _ => "--show shows its answer; without -o and --fail its content is printed",
        };
        End::Declined { said, remedy: remedy.into() }
    }

    /// All of it is there.
    fn finished(
        &mut self,
        head: &Head,
        bytes: u64,
        timings: &mut Timings,
        begun: Instant,
    ) -> Result<End, Error> {
        timings.total = begun.elapsed();
        let mut file = self.direct.as_ref().map(|stream| stream.peer().to_string());
        if let Some(part) = &mut self.part {
            if head.status == 304 && part.is_there() {
                // It was asked whether it is another one, and it is not.
                let (status, timings) = (head.status, *timings);
                let file = Some(part.name());
                self.observer.event(Event::Fetched { status, bytes: 0, file, timings });
                return Ok(End::Done);
            }
            if head.status == 204 || head.status == 304 {
                let said = format!("{}: the server answered {}", self.url, head.said());
                let remedy = "that has no content, so no file is made of it".into();
                return Ok(End::Declined { said, remedy });
            }
            part.finish()?;
            file = Some(part.name().to_string());
        }
        let (status, file, timings) = (head.status, file.as_deref(), *timings);
        self.observer.event(Event::Fetched { status, bytes, file, timings });
        Ok(End::Done)
    }

    /// Where a redirect leads, told; what is asked there is settled.
    fn redirected(&mut self, status: u16, follow: Follow, location: &[u8]) -> Result<Url, Error> {
        let at = |cause: Cause| Error { op: Op::Receive, endpoint: self.url.to_string(), cause };
        let to = self
            .url
            .join(location, &self.host())
            .map_err(|wrong| at(Cause::Unfit { problem: wrong.problem, remedy: wrong.remedy }))?;
        if self.url.is_secure() && !to.is_secure() {
            return Err(at(Cause::Untrusted(Untrusted {
                problem: format!("the redirect leads from https to {to}, where anybody can listen"),
                remedy: "fetch that URL itself if you do not mind".into(),
            })));
        }
        let was_home = self.at_home;
        self.at_home &= to.is_same_origin(&self.url);
        let mut left_out: Vec<String> = Vec::new();
        if was_home && !self.at_home {
            let names = self.asked.fields.iter().map(|(name, _)| name);
            left_out.extend(names.filter(|name| !goes_elsewhere(name)).cloned());
        }
        let mut method = None;
        if follow == Follow::Get {
            self.sends = false;
            if self.method != "GET" {
                self.method = "GET".into();
                method = Some("GET");
            }
        }
        let shown = to.to_string();
        self.observer.event(Event::Redirected { status, to: &shown, method, left_out: &left_out });
        Ok(to)
    }

    /// Writes what `--json` told.
    async fn flush_lines(&self) -> Result<(), Error> {
        let Some(lines) = &self.asked.lines else { return Ok(()) };
        let stdout = &self.asked.stdout;
        let written = stdout.write_all(&lines.take()).await;
        written.map_err(|error| Error::io(Op::Write, stdout.peer(), error))
    }
}

/// What is said of the options of an endpoint is said of `--with`.
fn in_our_words(mut error: Error) -> Error {
    if let Cause::Untrusted(Untrusted { remedy, .. }) = &mut error.cause {
        *remedy = remedy.replace(",pin=", "--with pin=").replace(",ca=", "--with ca=");
    }
    error
}

/// The server closed before it said a word.
fn is_silent(error: &Error) -> bool {
    let aborted = |error: &io::Error| error.kind() == io::ErrorKind::ConnectionAborted;
    matches!(&error.cause, Cause::Io(error) if aborted(error) && error.raw_os_error().is_none())
}

/// Whether a method is to change something (RFC 9110 section 9.2.1): then an answer that it did not is no success,
/// and nobody looks for it in what is printed.
fn changes(method: &str) -> bool {
    !matches!(method, "GET" | "HEAD" | "OPTIONS" | "TRACE")
}

/// Whether a file's name says that it is in this coding.
fn is_named_for(name: &str, coding: Coding) -> bool {
    let name = name.to_ascii_lowercase();
    let also = match coding {
        Coding::Gzip => [".tgz", ".svgz"].as_slice(),
        Coding::Zstd => &[".tzst", ".zstd"],
        Coding::Brotli => &[],
    };
    name.ends_with(coding.suffix()) || also.iter().any(|ending| name.ends_with(ending))
}
