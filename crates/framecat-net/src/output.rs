//! Messages to stdout: one hand writes, whoever they come from, so that none runs into another; and
//! `--count` and `--until` are counted there, over all connections.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicBool, AtomicU64};

use framecat_proto::Framing;
use framecat_proto::message::{Batch, Context, Dir, Spans};
use framecat_proto::template::{Missing, Template};
use framecat_proto::text::{Form, holds_line_break, seen};
use memchr::memmem;
use tokio::sync::Mutex;

use crate::conn::Stream;
use crate::error::{Error, Op};
use crate::event::{Event, Observer, Place};
use crate::link::{Receiver, Refusal, Sender};
use crate::talk::{End, Ledger, Lines, Named, Talk};

/// Standard output under a form.
#[derive(Debug)]
pub(crate) struct Output {
    stream: Stream,
    hand: Mutex<Hand>,
    /// Apart from the hand, which may be held for as long as nobody reads stdout.
    asked: Asked,
    /// Lines told between messages, written before the next ones.
    lines: Option<Arc<Lines>>,
}

#[derive(Debug)]
struct Hand {
    sender: Sender,
    /// Form `line` prints a payload with a line break as it is, once with a word about it.
    watch_breaks: bool,
    refused: Vec<Refusal>,
    /// Lines taken and not written yet: a write that is given up half-way goes on here.
    unwritten: Vec<u8>,
    /// A cut message gets its ending all the same: another peer's message may come behind it.
    ends_cut: bool,
    format: Option<Format>,
}

/// Text printed in place of messages.
#[derive(Debug)]
struct Format {
    template: Template,
    /// Under which the messages came.
    framing: Framing,
    texts: Spans,
    /// The index in its batch of the message that each text is made from.
    of: Vec<usize>,
}

impl Format {
    /// Fills the template in for each message; `missing` hears of those that lack something.
    fn fill(
        &mut self,
        batch: Batch<'_>,
        context: &Context<'_>,
        mut missing: impl FnMut(u64, &Missing),
    ) {
        self.texts.clear();
        self.of.clear();
        for (i, payload) in batch.iter().enumerate() {
            let n = context.first + i as u64;
            let time_ns = batch.spans.time_ns(i).unwrap_or(context.now_ns);
            let seen = seen(&self.framing, payload);
            let render = |out: &mut Vec<u8>| self.template.render(&seen, context, n, time_ns, out);
            match self.texts.push_built(render) {
                Ok(()) => self.of.push(i),
                Err(lacks) => missing(n, &lacks),
            }
        }
    }
}

/// What printing a batch led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Printed {
    /// There is room for more.
    More,
    /// `--count` or `--until` is met.
    Enough,
    /// Nobody reads stdout any more: a quiet end.
    Closed,
}

impl Output {
    pub(crate) fn new(stream: Stream, talk: &Talk) -> Output {
        let framer = talk.output.writer(talk.message_bytes, talk.look);
        let sender = Sender::of_stream(stream.clone(), framer, talk.output.to_string());
        let watch_breaks = talk.output == Form::Line && !talk.look.terminal;
        let hand = Hand {
            sender,
            watch_breaks,
            refused: Vec::new(),
            unwritten: Vec::new(),
            ends_cut: talk.many && talk.output != Form::Jsonl,
            format: talk.format.clone().map(|template| Format {
                template,
                framing: talk.receive.clone(),
                texts: Spans::new(),
                of: Vec::new(),
            }),
        };
        Output {
            stream,
            hand: Mutex::new(hand),
            asked: Asked::new(talk),
            lines: talk.lines.clone(),
        }
    }

    /// Stdout itself, for bytes that nobody looks at.
    pub(crate) fn stream(&self) -> &Stream {
        &self.stream
    }

    /// Prints what a receiver has found; messages beyond `--count` or `--until` are given up.
    pub(crate) async fn print(
        &self,
        receiver: &mut Receiver,
        named: &Named,
        context: &Context<'_>,
        ledger: &Ledger,
        observer: &dyn Observer,
    ) -> Result<Printed, Error> {
        let mut hand = self.hand.lock().await;
        if self.asked.is_met() {
            receiver.keep(0);
            return Ok(Printed::Enough);
        }
        let allowed = self.asked.allowed(receiver);
        receiver.keep(allowed);
        if hand.ends_cut {
            receiver.close_cut();
        }
        let printed =
            hand.print(receiver.batch(), named, context, ledger, observer, &self.lines).await?;
        Ok(if printed == Printed::More && self.asked.is_met() { Printed::Enough } else { printed })
    }

    /// Writes lines that were told and not written yet.
    pub(crate) async fn flush(&self) -> Result<(), Error> {
        let mut hand = self.hand.lock().await;
        hand.write_lines(&self.lines).await.map_err(written)
    }

    /// As [`flush`](Self::flush); a reader that left is no error.
    pub(crate) async fn flush_quietly(&self) -> Result<(), Error> {
        match self.flush().await {
            Err(error) if error.errno() == Some(libc::EPIPE) => Ok(()),
            flushed => flushed,
        }
    }

    /// Writes lines as they are told, for as long as it is polled; returns once nobody reads stdout
    /// any more, which is a quiet end, or with an error.
    pub(crate) async fn write_told(&self) -> Result<End, Error> {
        let Some(lines) = &self.lines else { return std::future::pending().await };
        loop {
            // Looked at before waiting: what woke an earlier call that was given up is still here.
            match self.flush().await {
                Err(error) if error.errno() == Some(libc::EPIPE) => return Ok(End::Done),
                flushed => flushed?,
            }
            if lines.waiting() == 0 {
                lines.told().await;
            }
        }
    }

    /// Whether `--count` or `--until` was asked for and met.
    pub(crate) fn is_met(&self) -> bool {
        self.asked.is_met()
    }

    /// Whether the reader of stdout left.
    pub(crate) fn is_closed(&self) -> bool {
        !crate::open::stdio::has_reader(&self.stream)
    }

    /// Whether `--count` or `--until` was met, or neither was asked for; else what is missing.
    pub(crate) fn unmet(&self) -> Option<String> {
        self.asked.unmet()
    }
}

/// What `--count` and `--until` ask for, and how far it is.
#[derive(Debug)]
struct Asked {
    count: Option<u64>,
    until: Option<memmem::Finder<'static>>,
    /// Nothing says where messages end.
    raw: bool,
    printed: AtomicU64,
    met: AtomicBool,
}

impl Asked {
    fn new(talk: &Talk) -> Asked {
        Asked {
            count: talk.count,
            until: talk.until.as_ref().map(|text| memmem::Finder::new(text).into_owned()),
            raw: talk.receive == Framing::Raw,
            printed: AtomicU64::new(0),
            met: AtomicBool::new(false),
        }
    }

    fn is_met(&self) -> bool {
        self.met.load(Relaxed)
    }

    /// How many messages of a batch may be printed. Called with the hand held.
    fn allowed(&self, receiver: &mut Receiver) -> usize {
        let mut allowed = receiver.batch().len();
        let before = self.printed.load(Relaxed);
        if let Some(count) = self.count {
            allowed = allowed.min(usize::try_from(count - before).unwrap_or(usize::MAX));
        }
        if let Some(until) = &self.until
            && let Some(at) = receiver.holding(until, allowed, self.raw)
        {
            allowed = at + 1;
            self.met.store(true, Relaxed);
        }
        let printed = before + allowed as u64;
        self.printed.store(printed, Relaxed);
        if self.count == Some(printed) {
            self.met.store(true, Relaxed);
        }
        allowed
    }

    fn unmet(&self) -> Option<String> {
        match (self.is_met(), self.count, &self.until) {
            (true, _, _) | (_, None, None) => None,
            (_, Some(count), _) => {
                let printed = self.printed.load(Relaxed);
                Some(format!("{printed} of {count} messages came before the end"))
            }
            (_, None, Some(until)) => {
                let text = framecat_proto::text::visible(until.needle(), 64);
                Some(format!("no message held `{text}` before the end"))
            }
        }
    }
}

fn written(error: Error) -> Error {
    Error { op: Op::Write, endpoint: "stdout".into(), cause: error.cause }
}

impl Hand {
    async fn print(
        &mut self,
        batch: Batch<'_>,
        named: &Named,
        context: &Context<'_>,
        ledger: &Ledger,
        observer: &dyn Observer,
        lines: &Option<Arc<Lines>>,
    ) -> Result<Printed, Error> {
        let mut format = self.format.take();
        if let Some(format) = &mut format {
            format.fill(batch, context, |n, missing| {
                ledger.note_lost();
                let (conn, peer) = (named.conn, named.peer.as_str());
                observer.event(Event::Unprinted { conn, peer, n, missing });
            });
        }
        let batch = match &format {
            Some(format) => Batch { input: &[], spans: &format.texts },
            None => batch,
        };
        if self.watch_breaks && batch.iter().any(holds_line_break) {
            self.watch_breaks = false;
            observer.event(Event::LineBreak { conn: named.conn, peer: &named.peer });
        }
        let mut refused = std::mem::take(&mut self.refused);
        let sent = match self.write_lines(lines).await {
            Ok(()) => self.sender.send_batch(batch, context, &mut refused).await,
            failed => failed,
        };
        if let Some(format) = &format {
            refused.iter_mut().for_each(|refusal| refusal.index = format.of[refusal.index]);
        }
        self.format = format;
        named.refused(
            (Dir::In, Place::Stdout),
            context.first,
            self.sender.rule(),
            &mut refused,
            ledger,
            observer,
        );
        self.refused = refused;
        match sent.map_err(written) {
            Ok(()) => Ok(Printed::More),
            Err(error) if error.errno() == Some(libc::EPIPE) => Ok(Printed::Closed),
            Err(error) => Err(error),
        }
    }

    /// Cancel safe: what was not written is written by the next call.
    async fn write_lines(&mut self, lines: &Option<Arc<Lines>>) -> Result<(), Error> {
        let Some(lines) = lines else { return Ok(()) };
        self.unwritten.append(&mut lines.take());
        while !self.unwritten.is_empty() {
            let written = self.sender.write_raw_some(&self.unwritten).await?;
            self.unwritten.drain(..written);
        }
        Ok(())
    }
}
