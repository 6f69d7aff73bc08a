//! The content of a reply on its way to where it is wanted: by the kernel's short ways where nobody looks at
//! it, through a decoder and past `--show` where somebody does.

use std::time::Duration;

use framecat_proto::http::body::{Body, Next};
use framecat_proto::http::coding::Decoder;
use framecat_proto::limits::READ_BYTES_MIN;
use framecat_proto::message::Dir;
use tokio::time::Instant;

use super::client::{Telling, Wire};
use super::sink::Sink;
use crate::conn::Kind;
use crate::error::{Cause, Error, Op};
use crate::event::{Event, HttpPart};
use crate::relay::{self, Allowed, CopyError, Progress, Side};

/// How often progress is told, and silence looked for.
const TICK: Duration = Duration::from_millis(200);

/// Content to be delivered.
pub(crate) struct Delivery<'a> {
    pub(crate) wire: &'a mut Wire,
    pub(crate) body: Body,
    pub(crate) decoder: Option<Decoder>,
    pub(crate) sink: &'a mut Sink,
    pub(crate) telling: Telling<'a>,
    /// How long nothing may come.
    pub(crate) idle: Duration,
    /// How much was there before, and how much it is to be, for who watches.
    pub(crate) had: u64,
    pub(crate) whole: Option<u64>,
}

/// What went by the kernel's way.
enum Passed {
    /// Nothing, or not all: the rest has to be read.
    Nothing,
    /// What was due.
    AllDue,
    /// All, up to the end of the stream.
    TheEnd,
}

/// What is still to be shown of content.
struct Shown {
    left: usize,
    unshown: u64,
}

impl Shown {
    /// Shows a piece of content and what stands before it.
    fn look(&mut self, chunking: &[u8], content: &[u8], last: bool, telling: Telling<'_>) {
        let part = |part: HttpPart<'_>| telling.part(Dir::In, part);
        let some = content.len().min(self.left);
        if last && telling.shows > 0 {
            self.tell_left(telling);
        }
        // What stands around content that is not shown would say nothing.
        if !chunking.is_empty() && (self.left > 0 || (last && telling.shows > 0)) {
            part(HttpPart::Chunking(chunking));
        }
        if some > 0 {
            part(HttpPart::Content(&content[..some]));
        }
        self.left -= some;
        self.unshown += (content.len() - some) as u64;
    }

    fn tell_left(&mut self, telling: Telling<'_>) {
        if self.unshown > 0 {
            telling.part(Dir::In, HttpPart::Left(std::mem::take(&mut self.unshown)));
        }
    }
}

impl Delivery<'_> {
    /// Delivers all of it: how many bytes went into the sink. `why`: why it ends where it ends, for
    /// `--show`.
    ///
    /// # Errors
    /// [`Cause::Broken`] where it is cut, breaks the rules of chunks or of its coding;
    /// [`Cause::Silent`]; what the sink fails with. What came until then is in the sink.
    pub(crate) async fn run(mut self, why: &str) -> Result<u64, Error> {
        let mut shown = Shown { left: self.telling.shows, unshown: 0 };
        let mut written = 0;
        let begun = Instant::now();
        let mut told = begun;
        while !self.in_hand(&mut shown, &mut written).await? {
            self.tell_progress(written, begun, &mut told);
            if shown.left == 0 && self.is_unseen() {
                match self.pass_on(&mut shown, &mut written).await? {
                    Passed::Nothing => {}
                    Passed::AllDue => continue,
                    Passed::TheEnd => break,
                }
            }
            let more = tokio::time::timeout(self.idle, self.wire.more()).await;
            match more {
                Err(_) => {
                    return Err(self
                        .wire
                        .because(Cause::Silent { time: self.idle, option: "--idle" }));
                }
                Ok(Ok(0)) if self.body.is_whole_at_end() => break,
                Ok(Ok(0)) => return Err(self.cut(written, "the server closed")),
                Ok(Err(error)) => return Err(self.because_of(error, written)),
                Ok(Ok(_)) => {}
            }
        }
        if let Some(decoder) = &mut self.decoder {
            let mut out = Vec::new();
            decoder.end(&mut out).map_err(|error| self.wire.broken(error.to_string()))?;
            self.sink.write(&out).await?;
            written += out.len() as u64;
        }
        self.sink.end().await?;
        shown.tell_left(self.telling);
        let behind = self.wire.rest().len();
        match behind {
            0 => self.telling.part(Dir::In, HttpPart::End(why)),
            _ => {
                let why = format!("{why}; {behind} bytes that came behind it are no part of it");
                self.telling.part(Dir::In, HttpPart::End(&why));
            }
        }
        Ok(written)
    }

    /// Delivers what was read already. Whether the body ended.
    async fn in_hand(&mut self, shown: &mut Shown, written: &mut u64) -> Result<bool, Error> {
        let mut at = 0;
        let ended = loop {
            let before = at;
            let next = self.body.next(self.wire.rest(), &mut at);
            let next = match next {
                Ok(next) => next,
                Err(refusal) => {
                    return Err(self
                        .wire
                        .broken(format!("the content breaks the rules: {refusal}")));
                }
            };
            let input = self.wire.rest();
            let content = match &next {
                Next::Content(range) => range.clone(),
                Next::More | Next::End => at..at,
            };
            let chunking = &input[before..content.start];
            let content = &input[content];
            shown.look(chunking, content, next == Next::End, self.telling);
            match &mut self.decoder {
                _ if content.is_empty() => {}
                None => {
                    self.sink.write(content).await?;
                    *written += content.len() as u64;
                }
                Some(decoder) => {
                    let (mut from, mut more) = (0, true);
                    let mut out = Vec::new();
                    while from < content.len() || more {
                        out.clear();
                        let decoded = decoder.decode(&content[from..], &mut out);
                        let decoded =
                            decoded.map_err(|error| self.wire.broken(error.to_string()))?;
                        (from, more) = (from + decoded.taken, decoded.more);
                        self.sink.write(&out).await?;
                        *written += out.len() as u64;
                    }
                }
            }
            match next {
                Next::Content(_) => {}
                Next::More => break false,
                Next::End => break true,
            }
        };
        self.wire.used(at);
        Ok(ended)
    }

    /// Whether bytes may go from the socket to the sink past us.
    fn is_unseen(&self) -> bool {
        let socket = matches!(self.wire.stream.kind(), Kind::Tcp | Kind::Unix);
        socket && self.decoder.is_none() && !self.wire.is_kept() && self.sink.plain().is_some()
    }

    /// Moves what is due by the shortest way.
    async fn pass_on(&mut self, shown: &mut Shown, written: &mut u64) -> Result<Passed, Error> {
        let due = self.body.due();
        let until_close = due == 0 && self.body.is_whole_at_end();
        if due < READ_BYTES_MIN as u64 && !until_close {
            return Ok(Passed::Nothing);
        }
        let Some(sink) = self.sink.plain() else { return Ok(Passed::Nothing) };
        let (from, to) = (self.wire.stream.clone(), sink.clone());
        let progress = Progress::default();
        let (before, begun) = (*written, Instant::now());
        let copied = {
            let mut which = |path| {
                let conn = self.telling.conn;
                self.telling.observer.event(Event::Path { conn, dir: Dir::In, path });
            };
            let copying = async {
                match until_close {
                    true => relay::copy(&from, &to, &progress, Allowed::Fast, &mut which).await,
                    false => relay::copy_some(&from, &to, due, &progress, &mut which).await,
                }
            };
            let mut copying = std::pin::pin!(copying);
            loop {
                tokio::select! {
                    biased;
                    copied = &mut copying => break Some(copied),
                    () = tokio::time::sleep(TICK) => {
                        self.tell_progress(before + progress.bytes(), begun, &mut { begun });
                        // A reader of ours that pauses is no silence of the server's.
                        if progress.last().elapsed() >= self.idle && from.unread() == 0 {
                            break None;
                        }
                    }
                }
            }
        };
        let moved = progress.bytes();
        self.wire.went_past(moved);
        *written += moved;
        shown.unshown += moved;
        match copied {
            None => {
                return Err(self.wire.because(Cause::Silent { time: self.idle, option: "--idle" }));
            }
            Some(Err(CopyError { side: Side::To, error })) => {
                return Err(Error::io(Op::Write, self.sink.name(), error));
            }
            Some(Err(CopyError { side: Side::From, error })) => {
                let error = Error::io(Op::Receive, self.wire.stream.peer(), error);
                return Err(self.because_of(error, *written));
            }
            Some(Ok(())) => {}
        }
        if until_close {
            return Ok(Passed::TheEnd);
        }
        self.body.went_past(moved);
        // Where it ended early, the next read says so.
        Ok(if moved == due { Passed::AllDue } else { Passed::Nothing })
    }

    fn tell_progress(&self, written: u64, begun: Instant, told: &mut Instant) {
        // On a terminal that shows the content it would stand in the middle of it.
        if told.elapsed() < TICK || matches!(self.sink, Sink::Terminal { .. }) {
            return;
        }
        *told = Instant::now();
        let rate = written as f64 / begun.elapsed().as_secs_f64().max(0.001);
        let (got, whole) = (self.had + written, self.whole);
        self.telling.observer.event(Event::Fetching { got, whole, rate: rate as u64 });
    }

    /// What a failed read means inside content.
    fn because_of(&self, error: Error, written: u64) -> Error {
        match &error.cause {
            Cause::Io(_) if error.op == Op::Receive => self.cut(written, &error.cause.to_string()),
            Cause::Truncated => self.cut(written, "the stream ended without TLS's own end"),
            _ => error,
        }
    }

    fn cut(&self, written: u64, how: &str) -> Error {
        let problem = match (self.body.due(), self.whole.filter(|_| self.decoder.is_none())) {
            (_, Some(whole)) => {
                let got = self.had + written;
                format!("the content is cut after {got} of {whole} bytes: {how}")
            }
            (due @ 1.., None) => format!("the content is cut, {due} bytes before its end: {how}"),
            (0, None) => format!("the content is cut after {written} bytes: {how}"),
        };
        let remedy = "the server or somebody between gave up; try again".into();
        self.wire.because(Cause::Broken { problem, remedy })
    }
}
