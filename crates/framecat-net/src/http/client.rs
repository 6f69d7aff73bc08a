//! One request and its reply on a connection. The reply is heard while the request is still being sent: a
//! server that refuses content says so before it has read it (RFC 9112 section 9.5).

use std::fs::File;
use std::io::{self, IoSlice, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use framecat_proto::http::body::{LAST_CHUNK, put_chunk_size};
use framecat_proto::http::follow::counted;
use framecat_proto::http::head::{Heads, unfold};
use framecat_proto::http::{Method, Response, auth};
use framecat_proto::limits::{
    EXPECT_WAIT, HTTP_INTERIMS, LINGER_TIME, READ_BYTES_MAX, READ_BYTES_MIN,
};
use framecat_proto::message::Dir;
use tokio::time::Instant;

use crate::conn::Stream;
use crate::error::{Cause, Error, Op};
use crate::event::{Event, HttpPart, Observer, Totals};
use crate::relay::{self, Progress, Side};

/// A connection to a server, and what was read of it and not used yet.
pub(crate) struct Wire {
    pub(crate) stream: Stream,
    buf: Vec<u8>,
    at: usize,
    /// How much is read at a time.
    want: usize,
    /// Where every byte that comes is kept, too.
    raw: Option<Raw>,
    /// How many bytes came.
    came: u64,
    sent: Sent,
}

/// How many bytes of a request went out, however its sending ends.
#[derive(Debug, Clone, Default)]
struct Sent(Arc<AtomicU64>);

impl Sent {
    fn add(&self, bytes: u64) {
        self.0.fetch_add(bytes, Relaxed);
    }

    /// Writes all bytes.
    async fn put(&self, to: &Stream, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let written = to.write_some(&[IoSlice::new(bytes)]).await?;
            self.add(written as u64);
            bytes = &bytes[written..];
        }
        to.flush().await
    }
}

/// Adds what was copied to what was sent, also where the copying is given up.
struct Copying<'a>(&'a Progress, &'a Sent);

impl Drop for Copying<'_> {
    fn drop(&mut self) {
        self.1.add(self.0.bytes());
    }
}

/// The file of `--raw`. What it holds stays until there is something to keep.
#[derive(Debug)]
pub(crate) struct Raw {
    file: File,
    name: String,
    begun: bool,
}

impl Raw {
    /// Opens the file. Errors: `Write`, with its name.
    pub(crate) fn open(path: &std::path::Path) -> Result<Raw, Error> {
        let name = path.display().to_string();
        let file = std::fs::OpenOptions::new().write(true).create(true).truncate(false).open(path);
        let file = file.map_err(|error| Error::io(Op::Write, name.clone(), error))?;
        Ok(Raw { file, name, begun: false })
    }

    fn keep(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let regular = !self.begun && self.file.metadata().is_ok_and(|about| about.is_file());
        let emptied = if regular { self.file.set_len(0) } else { Ok(()) };
        self.begun = true;
        let kept = emptied.and_then(|()| self.file.write_all(bytes));
        kept.map_err(|error| Error::io(Op::Write, self.name.clone(), error))
    }
}

impl Wire {
    pub(crate) fn new(stream: Stream, raw: Option<Raw>) -> Wire {
        Wire {
            stream,
            buf: Vec::new(),
            at: 0,
            want: READ_BYTES_MIN,
            raw,
            came: 0,
            sent: Sent::default(),
        }
    }

    /// The file of `--raw` back, for the next connection.
    pub(crate) fn into_raw(self) -> Option<Raw> {
        self.raw
    }

    /// What the connection carried so far.
    pub(crate) fn totals(&self) -> Totals {
        let (bytes_in, bytes_out) = (self.came, self.sent.0.load(Relaxed));
        Totals { bytes_in, bytes_out, ..Totals::default() }
    }

    /// So many bytes came past us.
    pub(crate) fn went_past(&mut self, bytes: u64) {
        self.came += bytes;
    }

    /// Whether every byte has to pass us.
    pub(crate) fn is_kept(&self) -> bool {
        self.raw.is_some()
    }

    /// What was read and not used.
    pub(crate) fn rest(&self) -> &[u8] {
        &self.buf[self.at..]
    }

    /// So many bytes of [`rest`](Self::rest) are used.
    pub(crate) fn used(&mut self, bytes: usize) {
        self.at += bytes;
    }

    /// Reads more behind [`rest`](Self::rest): how many bytes, 0 at the end. Cancel safe.
    pub(crate) async fn more(&mut self) -> Result<usize, Error> {
        if self.at > 0 {
            self.buf.drain(..self.at);
            self.at = 0;
        }
        let before = self.buf.len();
        self.buf.reserve(self.want);
        let read = self.stream.read(&mut self.buf).await;
        let read = read.map_err(|error| Error::io(Op::Receive, self.stream.peer(), error))?;
        self.came += read as u64;
        if read >= self.want && self.want < READ_BYTES_MAX {
            self.want *= 2;
        }
        if let Some(raw) = &mut self.raw {
            raw.keep(&self.buf[before..])?;
        }
        Ok(read)
    }

    /// With `--raw`: reads to the server's end, for a while.
    pub(crate) async fn linger(&mut self) -> Result<(), Error> {
        let until = Instant::now() + LINGER_TIME;
        while self.is_kept() {
            self.at = self.buf.len();
            match tokio::time::timeout_at(until, self.more()).await {
                Ok(Ok(1..)) => {}
                Ok(Err(error)) if error.op == Op::Write => return Err(error),
                // It ended, broke off or goes on for ever; what came is kept.
                _ => return Ok(()),
            }
        }
        Ok(())
    }

    /// The next head, interim or final. Cancel safe.
    async fn head(&mut self, method: &str, first: &mut Option<Instant>) -> Result<Head, Error> {
        let mut heads = Heads::default();
        loop {
            let read = heads.response(&self.buf[self.at..], Method::of(method));
            let found = match read {
                Ok(found) => found.map(|reply| (reply.len, reply.status)),
                Err(refusal) => {
                    // A user agent takes folded fields (RFC 9112 section 5.2).
                    if unfold(&mut self.buf[self.at..]) {
                        heads = Heads::default();
                        continue;
                    }
                    let begun = self.rest().starts_with(b"HTTP/");
                    let what = if begun {
                        "the reply's head breaks the rules"
                    } else {
                        "it speaks no HTTP"
                    };
                    let problem = format!("{what}: {refusal}");
                    return Err(self.broken(problem));
                }
            };
            if let Some((len, status)) = found {
                let bytes = self.rest()[..len].to_vec();
                self.used(len);
                return Ok(Head { bytes, status });
            }
            let had = self.rest().len();
            match self.more().await {
                Ok(0) if had == 0 => {
                    let error = io::Error::from(io::ErrorKind::ConnectionAborted);
                    return Err(Error::io(Op::Receive, self.stream.peer(), error));
                }
                Ok(0) => {
                    return Err(self.cut(format!("the server closed {had} bytes into its head")));
                }
                Err(error) if had > 0 && matches!(error.cause, Cause::Io(_) | Cause::Truncated) => {
                    return Err(self.cut(format!("{} {had} bytes into its head", error.cause)));
                }
                Err(error) => return Err(error),
                Ok(_) => {
                    first.get_or_insert_with(Instant::now);
                }
            }
        }
    }

    pub(crate) fn broken(&self, problem: String) -> Error {
        let remedy = "--show shows what came, --raw FILE keeps it byte for byte".into();
        self.because(Cause::Broken { problem, remedy })
    }

    fn cut(&self, how: String) -> Error {
        let remedy = "the server or somebody between gave up; its log may say why".into();
        self.because(Cause::Broken { problem: format!("the reply is cut: {how}"), remedy })
    }

    pub(crate) fn because(&self, cause: Cause) -> Error {
        Error { op: Op::Receive, endpoint: self.stream.peer().into(), cause }
    }
}

/// The head of a reply.
#[derive(Debug)]
pub(crate) struct Head {
    /// Byte for byte, but for folded fields, which are unfolded.
    pub(crate) bytes: Vec<u8>,
    pub(crate) status: u16,
}

impl Head {
    /// What stands in it.
    pub(crate) fn reply(&self, method: &str) -> Option<Response<'_>> {
        framecat_proto::http::head::response(&self.bytes, Method::of(method)).ok().flatten()
    }

    /// Status and reason as a sentence has them: `404 Not Found`.
    pub(crate) fn said(&self) -> String {
        let line = self.bytes.split(|byte| *byte == b'\r').next().unwrap_or_default();
        let said = line.splitn(2, |byte| *byte == b' ').nth(1).unwrap_or_default();
        framecat_proto::text::visible(said.trim_ascii_end(), 80)
    }
}

/// The content of a request.
#[derive(Debug)]
pub(crate) enum Upload {
    None,
    Bytes(Vec<u8>),
    /// So many bytes of a file from where it is.
    File {
        file: Stream,
        len: u64,
    },
    /// What a stream has until its end, in chunks.
    Chunked(Stream),
}

/// A request that is ready to be sent.
pub(crate) struct Request<'a> {
    pub(crate) method: &'a str,
    pub(crate) head: Vec<u8>,
    pub(crate) upload: &'a Upload,
    /// Its head asks whether the content is wanted.
    pub(crate) expects: bool,
}

/// What is told of a connection, and how much of content is shown.
#[derive(Clone, Copy)]
pub(crate) struct Telling<'a> {
    pub(crate) observer: &'a dyn Observer,
    pub(crate) conn: u64,
    /// So many bytes of each message's content; none, and it need not pass us.
    pub(crate) shows: usize,
}

impl Telling<'_> {
    pub(crate) fn part(&self, dir: Dir, part: HttpPart<'_>) {
        self.observer.event(Event::Http { conn: self.conn, dir, part });
    }
}

/// Sends a request and hears the head of its reply, interim ones told on the way. `wait`: for the head once
/// the request is out. `first`: when the first byte came.
pub(crate) async fn exchange(
    wire: &mut Wire,
    request: &Request<'_>,
    telling: Telling<'_>,
    wait: Duration,
    first: &mut Option<Instant>,
) -> Result<Head, Error> {
    let (stream, out) = (wire.stream.clone(), wire.sent.clone());
    let sending = |error: io::Error| Error::io(Op::Send, stream.peer(), error);
    // What is told is shown, kept, and sent to others who are to help.
    let mut told = request.head.clone();
    auth::hide(&mut told);
    telling.part(Dir::Out, HttpPart::Head(&told));
    let sent = out.put(&stream, &request.head).await.map_err(sending);
    let mut interims = 0;
    let mut goes_on = !request.expects;
    if let (Ok(()), true) = (&sent, request.expects) {
        let until = Instant::now() + EXPECT_WAIT;
        while !goes_on {
            match tokio::time::timeout_at(until, wire.head(request.method, first)).await {
                // Who does not know the expectation waits for the content (RFC 9110 section 10.1.1).
                Err(_) => goes_on = true,
                Ok(head) => match interim(wire, head?, &mut interims, telling)? {
                    Some(last) => return Ok(last),
                    None => goes_on = true,
                },
            }
        }
    }
    let mut uploaded = std::pin::pin!(async {
        sent?;
        upload(&stream, &out, request.upload, telling).await
    });
    let mut uploading = true;
    let mut failed = None;
    let mut until = Instant::now() + wait;
    loop {
        tokio::select! {
            biased;
            sent = &mut uploaded, if uploading => {
                uploading = false;
                failed = sent.err();
                // Who closed early may have said why before.
                until = Instant::now() + if failed.is_some() { LINGER_TIME.min(wait) } else { wait };
            }
            head = wire.head(request.method, first) => match (head, failed.take()) {
                (Err(_), Some(sending)) => return Err(sending),
                (head, before) => {
                    failed = before;
                    if let Some(last) = interim(wire, head?, &mut interims, telling)? {
                        return Ok(last);
                    }
                }
            },
            () = tokio::time::sleep_until(until), if !uploading => {
                return Err(failed.unwrap_or_else(|| wire.because(Cause::Silent { time: wait, option: "--wait" })));
            }
        }
    }
}

/// Tells a head. `None`: it was an interim one.
fn interim(
    wire: &Wire,
    head: Head,
    interims: &mut usize,
    telling: Telling<'_>,
) -> Result<Option<Head>, Error> {
    telling.part(Dir::In, HttpPart::Head(&head.bytes));
    match head.status {
        101 => {
            Err(wire
                .broken("the server switches to another protocol, which nobody asked for".into()))
        }
        100..200 => {
            let why = format!("behind its head: {} is not the last word", head.status);
            telling.part(Dir::In, HttpPart::End(&why));
            *interims += 1;
            match *interims > HTTP_INTERIMS {
                true => Err(wire.broken(format!("more than {HTTP_INTERIMS} interim replies came"))),
                false => Ok(None),
            }
        }
        _ => Ok(Some(head)),
    }
}

/// Tells content that is sent: what is shown of it, and how much it is.
fn tell_content(telling: Telling<'_>, shown: &[u8], len: u64) {
    if !shown.is_empty() {
        telling.part(Dir::Out, HttpPart::Content(shown));
    }
    if len > shown.len() as u64 {
        telling.part(Dir::Out, HttpPart::Left(len - shown.len() as u64));
    }
}

async fn upload(
    to: &Stream,
    out: &Sent,
    upload: &Upload,
    telling: Telling<'_>,
) -> Result<(), Error> {
    let sending = |error: io::Error| Error::io(Op::Send, to.peer(), error);
    let tell = |part: HttpPart<'_>| telling.part(Dir::Out, part);
    match upload {
        Upload::None => {
            tell(HttpPart::End("behind its head: it has no content"));
            Ok(())
        }
        Upload::Bytes(bytes) => {
            let shown = bytes.len().min(telling.shows);
            tell_content(telling, &bytes[..shown], bytes.len() as u64);
            out.put(to, bytes).await.map_err(sending)?;
            tell(HttpPart::End(&counted(bytes.len() as u64)));
            Ok(())
        }
        Upload::File { file, len } => {
            let reading = |error: io::Error| Error::io(Op::Receive, file.peer(), error);
            let progress = Progress::default();
            let mut first = Vec::new();
            if telling.shows > 0 && *len > 0 {
                // What is shown passes us; the rest need not.
                let most = usize::try_from(*len).unwrap_or(usize::MAX);
                first.reserve(READ_BYTES_MIN.max(telling.shows.min(READ_BYTES_MAX)).min(most));
                file.read(&mut first).await.map_err(reading)?;
                first.truncate(most);
                out.put(to, &first).await.map_err(sending)?;
            }
            let left = len - first.len() as u64;
            let shown = first.len().min(telling.shows);
            tell_content(telling, &first[..shown], *len);
            let _copying = Copying(&progress, out);
            let copied = relay::copy_some(file, to, left, &progress, &mut |_| {}).await;
            copied.map_err(|failed| match failed.side {
                Side::From => reading(failed.error),
                Side::To => sending(failed.error),
            })?;
            if progress.bytes() < left {
                let remedy =
                    "what was sent is no whole request; send it again once it rests".into();
                let problem = "it became shorter while it was sent".into();
                let cause = Cause::Broken { problem, remedy };
                return Err(Error { op: Op::Receive, endpoint: file.peer().into(), cause });
            }
            tell(HttpPart::End(&counted(*len)));
            Ok(())
        }
        Upload::Chunked(from) => {
            let mut bytes = Vec::new();
            let mut framed = Vec::new();
            let mut shows = telling.shows;
            loop {
                bytes.clear();
                bytes.reserve(READ_BYTES_MIN);
                let read = from.read(&mut bytes).await;
                if read.map_err(|error| Error::io(Op::Receive, from.peer(), error))? == 0 {
                    break;
                }
                framed.clear();
                put_chunk_size(bytes.len(), &mut framed);
                let shown = bytes.len().min(shows);
                if shown > 0 {
                    tell(HttpPart::Chunking(&framed));
                }
                tell_content(telling, &bytes[..shown], bytes.len() as u64);
                shows -= shown;
                framed.extend_from_slice(&bytes);
                framed.extend_from_slice(b"\r\n");
                out.put(to, &framed).await.map_err(sending)?;
            }
            out.put(to, LAST_CHUNK).await.map_err(sending)?;
            tell(HttpPart::Chunking(LAST_CHUNK));
            tell(HttpPart::End("behind the last chunk: Transfer-Encoding is chunked"));
            Ok(())
        }
    }
}
