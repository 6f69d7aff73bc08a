//! A conversation in which a program answers each message (`--exec-each`).

use framecat_proto::Framing;
use framecat_proto::message::{Batch, Context, Spans};
use framecat_proto::text::http::{is_reply, reply_with};

use super::One;
use crate::error::Error;
use crate::event::Event;
use crate::link::Sender;
use crate::open::Origin;
use crate::respond::Each;

impl One<'_> {
    /// Answers one message after another, in order. What has no answer is told, and the next goes on.
    pub(super) async fn answer_each(
        &self,
        each: &Each,
        batch: Batch<'_>,
        context: &Context<'_>,
        sender: &mut Sender,
    ) -> Result<(), Error> {
        let talk = &self.shared.talk;
        let origin = Origin { peer: context.peer, local: context.local };
        let (mut spans, mut refused) = (Spans::new(), Vec::new());
        for (n, payload) in (context.first..).zip(batch.iter()) {
            let rules = (&talk.receive, &talk.send);
            match each.answer(rules, payload, origin, talk.message_bytes).await {
                Ok(None) => {}
                Ok(Some(mut answer)) => {
                    if talk.send == Framing::Http && !is_reply(&answer) {
                        reply_with(payload, context.now_ns, 0, &mut answer);
                    }
                    spans.clear();
                    spans.push(0, answer.len());
                    let answer = Batch { input: &answer, spans: &spans };
                    let sent = self.hand_over(sender, answer, &mut refused).await;
                    for refusal in refused.drain(..) {
                        self.no_answer(n, &each.does_not_fit(sender.rule(), &refusal.error));
                    }
                    sent?;
                }
                Err(error) => self.no_answer(n, &error),
            }
        }
        Ok(())
    }

    fn no_answer(&self, n: u64, error: &Error) {
        self.shared.ledger.note_lost();
        let (conn, peer) = (self.named.conn, self.named.peer.as_str());
        self.shared.observer.event(Event::NoAnswer { conn, peer, n, error });
    }
}
