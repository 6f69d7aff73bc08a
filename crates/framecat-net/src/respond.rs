//! Answers to messages: the same back (`--echo`), a template filled in (`--reply`), or what a program
//! says (`--exec-each`).

use std::sync::Arc;

use framecat_proto::Framing;
use framecat_proto::message::{Batch, Context, Spans};
use framecat_proto::template::{Missing, Template};
use framecat_proto::text;

use crate::talk::Talk;

mod each;

pub use each::Each;

/// How messages are answered.
#[derive(Debug, Clone)]
pub enum Answer {
    /// With themselves.
    Echo,
    /// With a template.
    Reply(Template),
    /// With what a program says that is started for each.
    Each(Arc<Each>),
}

/// Answers to one peer's messages.
#[derive(Debug)]
pub(crate) struct Respond {
    answer: Answer,
    /// Under which messages come, and answers go.
    framings: Box<(Framing, Framing)>,
    spans: Spans,
}

impl Respond {
    pub(crate) fn new(answer: Answer, talk: &Talk) -> Respond {
        let framings = Box::new((talk.receive.clone(), talk.send.clone()));
        Respond { answer, framings, spans: Spans::new() }
    }

    /// The program that answers, which is asked one message at a time.
    pub(crate) fn each(&self) -> Option<Arc<Each>> {
        match &self.answer {
            Answer::Each(each) => Some(each.clone()),
            Answer::Echo | Answer::Reply(_) => None,
        }
    }

    /// The answers to a batch, in order; `unanswered` hears of messages that have none.
    pub(crate) fn answers<'a>(
        &'a mut self,
        batch: Batch<'a>,
        context: &Context<'_>,
        mut unanswered: impl FnMut(u64, &Missing),
    ) -> Batch<'a> {
        let http = self.framings.1 == Framing::Http;
        let template = match &self.answer {
            Answer::Echo if http => return self.echo_http(batch, context),
            Answer::Echo | Answer::Each(_) => return batch,
            Answer::Reply(template) => template,
        };
        // What a message brings along must not make a reply of its own.
        let whole = text::http::is_reply(template.source().as_bytes());
        self.spans.clear();
        for i in 0..batch.len() {
            let n = context.first + i as u64;
            let time_ns = batch.spans.time_ns(i).unwrap_or(context.now_ns);
            let payload = batch.get(i);
            let (receive, send) = &*self.framings;
            let built = self.spans.push_built(|out| {
                let from = out.len();
                template.render(&text::seen(receive, payload), context, n, time_ns, out)?;
                if http && !whole {
                    text::http::reply_with(payload, context.now_ns, from, out);
                }
                text::reply(send, template.first_byte(), from, out);
                // A line is answered with the ending that the peer used.
                if payload.ends_with(b"\r") && !out.ends_with(b"\r") {
                    out.push(b'\r');
                }
                Ok(())
            });
            if let Err(missing) = built {
                unanswered(n, &missing);
            }
        }
        Batch { input: &[], spans: &self.spans }
    }

    /// Requests as the text of replies: what a client really sent.
    fn echo_http<'a>(&'a mut self, batch: Batch<'a>, context: &Context<'_>) -> Batch<'a> {
        self.spans.clear();
        for payload in batch.iter() {
            let built: Result<(), std::convert::Infallible> = self.spans.push_built(|out| {
                let from = out.len();
                out.extend_from_slice(payload);
                text::http::reply_with(payload, context.now_ns, from, out);
                Ok(())
            });
            let Ok(()) = built;
        }
        Batch { input: &[], spans: &self.spans }
    }
}
