//! `ask EP [MESSAGE…]`: one reply awaited per message, in lockstep, the round trip told.

use std::sync::Arc;

use framecat_proto::limits::REPLY_WAIT;
use framecat_proto::message::{Batch, Dir, Spans};
use framecat_proto::text::http::is_interim;
use framecat_proto::{Endpoint, Framing};
use tokio::time::Instant;

use crate::conn::Stream;
use crate::converse::{Shared, close, sleep_until, stdin_messages};
use crate::error::Error;
use crate::event::{Event, Observer, Place, Totals};
use crate::link::{Filled, Link, Receiver, now_ns};
use crate::open::retry::dial;
use crate::output::Printed;
use crate::shape::Shaper;
use crate::talk::{End, Named, Shutdown, Talk};

/// What `ask` is told.
#[derive(Debug)]
pub struct Ask {
    /// Whom.
    pub endpoint: Endpoint,
    /// How to talk.
    pub talk: Talk,
    /// What to ask; empty: each message of stdin.
    pub messages: Vec<Vec<u8>>,
    /// Where messages come from if none is given.
    pub stdin: Stream,
    /// Where replies go.
    pub stdout: Stream,
}

/// Dials, asks each message in turn.
pub async fn run(
    options: Ask,
    observer: Arc<dyn Observer>,
    mut shutdown: Shutdown,
) -> Result<End, Error> {
    let Ask { endpoint, mut talk, messages, stdin, stdout } = options;
    // Connecting is part of the wait for the first reply.
    talk.wait = talk.wait.or(Some(REPLY_WAIT));
    let deadline = talk.deadline.map(|time| Instant::now() + time);
    let shared = Shared::new(talk, stdout, observer);
    let mut asker = Asker {
        shared: &shared,
        endpoint: &endpoint,
        deadline,
        asking: None,
        pace: Shaper::new(shared.talk.shape),
        asked: 0,
        replies: 0,
        silent: None,
    };
    let asked = async {
        if !shared.talk.short {
            asker.dial().await?;
        }
        match messages.is_empty() {
            true => asker.ask_stdin(stdin).await,
            false => asker.ask_all(&messages).await,
        }
    };
    let ended = tokio::select! {
        ended = asked => ended,
        ended = shared.output.write_told() => ended,
        () = shutdown.requested() => Ok(End::Interrupted),
        () = sleep_until(deadline) => Ok(shared.talk.deadline_came()),
    };
    let heard = matches!(ended, Ok(End::PeerEnded));
    let ended = asker.hang_up(ended, heard).await;
    let ended = match ended {
        Err(error) if shared.talk.is_over(deadline, &error) => Ok(shared.talk.deadline_came()),
        ended => ended,
    };
    shared.output.flush_quietly().await?;
    Ok(shared.ledger.settle(ended?))
}

/// Asks one message after the other, each on a connection of its own with `--short`.
struct Asker<'a> {
    shared: &'a Shared,
    endpoint: &'a Endpoint,
    deadline: Option<Instant>,
    /// The connection, if one is open.
    asking: Option<Asking<'a>>,
    /// The pace of messages that have a connection each.
    pace: Shaper,
    asked: u64,
    replies: u64,
    /// A message on this connection that got no reply in time. A reply that comes late would pass for
    /// the next one's, so there is none.
    silent: Option<u64>,
}

/// One connection.
struct Asking<'a> {
    shared: &'a Shared,
    named: Named,
    link: Link,
    totals: Totals,
    /// How many messages were asked on earlier ones.
    before: u64,
}

/// What one message came to.
enum Asked {
    Replied,
    /// Nothing within the time.
    Silence,
    /// The peer ended instead.
    PeerEnded,
    /// Nothing more is to be asked: `--count`, `--until`, or nobody reads.
    Enough,
    /// It could not be sent; told.
    Refused,
    /// It was not asked: an earlier one has no reply yet.
    OutOfStep,
}

impl Asker<'_> {
    async fn dial(&mut self) -> Result<(), Error> {
        let shared = self.shared;
        let patience = shared.talk.patience(self.deadline);
        let conn = dial(self.endpoint, patience, None, &*shared.observer).await?;
        let named = Named {
            conn: shared.ledger.next_conn(),
            peer: conn.peer().into(),
            local: conn.local().into(),
        };
        named.opened(&*shared.observer);
        let mut link = Link::new(conn, &shared.talk.link());
        link.sender.shape(shared.talk.shape);
        let before = self.asked;
        self.asking = Some(Asking { shared, named, link, totals: Totals::default(), before });
        Ok(())
    }

    /// Closes the connection, if one is open. `over` is what it came to; a program at the other end that
    /// failed says more. `heard`: it ended by itself.
    async fn hang_up<T>(&mut self, over: Result<T, Error>, heard: bool) -> Result<T, Error> {
        let Some(Asking { named, mut link, totals, .. }) = self.asking.take() else { return over };
        let observer = &*self.shared.observer;
        let child = link.child.take();
        let stream = link.receiver.stream().cloned();
        drop(link);
        if let Some(stream) = stream {
            close(&stream).await;
            named.ended(Dir::Out, observer);
        }
        let over = match child {
            Some(child) => child.after(over, heard).await,
            None => over,
        };
        named.closed(totals, observer);
        over
    }

    async fn ask(&mut self, message: &[u8]) -> Result<Asked, Error> {
        if self.silent.is_some() {
            return Ok(Asked::OutOfStep);
        }
        let short = self.shared.talk.short;
        if short {
            self.pace.message().await;
        }
        if self.asking.is_none() {
            self.dial().await?;
        }
        let Some(asking) = &mut self.asking else { return Ok(Asked::OutOfStep) };
        let replies = asking.totals.messages_in;
        let asked = asking.ask(message).await?;
        self.asked += 1;
        self.replies += asking.totals.messages_in - replies;
        self.pace.sent();
        match asked {
            Asked::Silence if !short && !asking.link.receiver.is_endless() => {
                self.silent = Some(self.asked);
            }
            // What comes late comes to a socket that is closed.
            Asked::Silence => self.hang_up(Ok(()), false).await?,
            _ if short => self.hang_up(Ok(()), matches!(asked, Asked::PeerEnded)).await?,
            _ => {}
        }
        Ok(match asked {
            Asked::PeerEnded if short => Asked::Silence,
            asked => asked,
        })
    }

    async fn ask_stdin(&mut self, stdin: Stream) -> Result<End, Error> {
        let mut messages: Receiver = stdin_messages(stdin, &self.shared.talk)?;
        let mut unanswered = 0;
        loop {
            match messages.fill().await? {
                Filled::End => return self.done(unanswered).await,
                Filled::Notice(_) => {}
                Filled::Messages => {
                    let batch = messages.batch();
                    for message in batch.iter() {
                        match self.ask(message).await? {
                            Asked::Replied => {}
                            Asked::Refused => {}
                            Asked::Silence => unanswered += 1,
                            Asked::PeerEnded => return self.cut_short(unanswered + 1),
                            Asked::Enough => return Ok(End::Done),
                            Asked::OutOfStep => return Ok(self.out_of_step()),
                        }
                    }
                }
            }
        }
    }

    async fn ask_all(&mut self, messages: &[Vec<u8>]) -> Result<End, Error> {
        let mut unanswered = 0;
        for (at, message) in messages.iter().enumerate() {
            match self.ask(message).await? {
                Asked::Replied => {}
                Asked::Refused => {}
                Asked::Silence => unanswered += 1,
                Asked::PeerEnded => {
                    let left = messages.len() - at;
                    return self.cut_short(unanswered + left as u64);
                }
                Asked::Enough => return Ok(End::Done),
                Asked::OutOfStep => return Ok(self.out_of_step()),
            }
        }
        self.done(unanswered).await
    }

    async fn done(&self, unanswered: u64) -> Result<End, Error> {
        if let Some(what) = self.shared.output.unmet() {
            return Ok(End::NotMet(what));
        }
        Ok(match (unanswered, self.replies) {
            (0, _) => End::Done,
            (_, 0) => End::NoReply(wait(&self.shared.talk)),
            (unanswered, _) => End::Unanswered(unanswered),
        })
    }

    /// The peer ended before all was answered.
    fn cut_short(&self, unanswered: u64) -> Result<End, Error> {
        Ok(match self.replies {
            0 => End::PeerEnded,
            _ => End::Unanswered(unanswered),
        })
    }

    /// A message had no reply, and others were to be asked behind it.
    fn out_of_step(&self) -> End {
        let n = self.silent.unwrap_or(self.asked);
        End::OutOfStep { n, wait: wait(&self.shared.talk), replied: self.replies > 0 }
    }
}

fn wait(talk: &Talk) -> std::time::Duration {
    talk.wait.unwrap_or(REPLY_WAIT)
}

impl Asking<'_> {
    async fn ask(&mut self, message: &[u8]) -> Result<Asked, Error> {
        let Shared { talk, ledger, observer, .. } = self.shared;
        let mut spans = Spans::new();
        spans.push(0, message.len());
        let batch = Batch { input: message, spans: &spans };
        let n = self.totals.messages_out + 1;
        let context = self.named.context(Dir::Out, n, now_ns());
        if observer.wants_messages() {
            observer.messages(batch, &context);
            self.shared.wait_for_room().await?;
        }
        let mut refused = Vec::new();
        let began = Instant::now();
        self.totals.messages_out += 1;
        self.totals.bytes_out += message.len() as u64;
        let until = began + wait(&self.shared.talk);
        let sent = self.link.sender.send_batch(batch, &context, &mut refused);
        match tokio::time::timeout_at(until, sent).await {
            // Part of it may have gone: nothing more can be asked here.
            Err(_) => return Ok(Asked::PeerEnded),
            Ok(Err(error)) if is_gone(&error) => return Ok(Asked::PeerEnded),
            // Those who got it may answer.
            Ok(Err(error)) if error.is_partial() => {
                ledger.note_lost();
                observer.event(Event::Unreachable { conn: self.named.conn, error: &error });
            }
            Ok(sent) => sent?,
        }
        if talk.send == Framing::Eof {
            // The end is the boundary: without it the peer would wait for more.
            self.link.sender.finish()?;
        }
        if !refused.is_empty() {
            let by = self.link.sender.rule();
            self.named.refused((Dir::Out, Place::Peer), n, by, &mut refused, ledger, &**observer);
            return Ok(Asked::Refused);
        }
        // Where many may answer, all that do within the time are heard.
        let many = self.link.receiver.hears_many();
        let mut silence = Asked::Silence;
        loop {
            // A flood of replies must not outlast the time: what is ready is taken before it is looked at.
            if many && Instant::now() >= until {
                return Ok(silence);
            }
            let receiver = &mut self.link.receiver;
            match tokio::time::timeout_at(until, receiver.fill()).await {
                Err(_) => return Ok(silence),
                // It ended with our message unread: the kernel says so by a reset.
                Ok(Err(error)) if is_gone(&error) && self.before + n > 1 => {
                    return Ok(Asked::PeerEnded);
                }
                Ok(Err(error)) => return Err(error),
                Ok(Ok(Filled::End)) => {
                    self.named.ended(Dir::In, &**observer);
                    return Ok(Asked::PeerEnded);
                }
                Ok(Ok(Filled::Notice(notice))) => {
                    let named = self.named.heard(receiver);
                    named.notice(&notice, talk.message_bytes, ledger, &**observer);
                }
                Ok(Ok(Filled::Messages)) => {
                    // 100 (Continue) and its like come before the reply.
                    let last = receiver.batch().iter().last();
                    let interim = talk.receive == Framing::Http && last.is_some_and(is_interim);
                    if self.hear(self.before + n, began, many).await? != Printed::More {
                        return Ok(Asked::Enough);
                    }
                    if interim {
                        continue;
                    }
                    if !many {
                        return Ok(Asked::Replied);
                    }
                    silence = Asked::Replied;
                }
            }
        }
    }

    /// Prints the replies to message `n`.
    async fn hear(&mut self, n: u64, began: Instant, among: bool) -> Result<Printed, Error> {
        let Shared { output, ledger, observer, .. } = self.shared;
        let receiver = &mut self.link.receiver;
        let rtt = began.elapsed();
        let batch = receiver.batch();
        self.totals.messages_in += batch.len() as u64;
        self.totals.bytes_in += batch.iter().map(|reply| reply.len() as u64).sum::<u64>();
        let named = self.named.heard(receiver);
        let mut context = named.context(Dir::In, receiver.first(), now_ns());
        context.rtt_us = Some(rtt.as_micros() as u64);
        if observer.wants_messages() {
            observer.messages(batch, &context);
            self.shared.wait_for_room().await?;
        }
        named.cut(batch, &**observer);
        observer.event(Event::Replied { n, peer: &named.peer, rtt, among });
        output.print(receiver, &named, &context, ledger, &**observer).await
    }
}

fn is_gone(error: &Error) -> bool {
    matches!(error.errno(), Some(libc::EPIPE | libc::ECONNRESET))
}
