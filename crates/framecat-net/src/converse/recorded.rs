//! One part of a recording as what is said (`--replay`).

use framecat_proto::message::{Batch, Spans};

use super::{One, is_refusal};
use crate::error::{Cause, Error, Op};
use crate::link::Sender;
use crate::replay::{Cue, Cursor, Player};

impl One<'_> {
    /// Says what the player has to say, each message in its turn, then ends our direction.
    pub(super) async fn say_recorded(
        &self,
        sender: &mut Sender,
        player: &Player,
    ) -> Result<(), Error> {
        let (mut at, mut refused) = (Cursor::default(), Vec::new());
        loop {
            self.rest(sender).await;
            let Some(cue) = sender.meanwhile(&self.moved.outward, player.cue(&mut at)).await?
            else {
                continue;
            };
            match cue {
                Ok(Cue::Say(message)) => {
                    if !sender.holds() {
                        sender.turn().await;
                    }
                    self.moved.outward.hold();
                    let mut spans = Spans::new();
                    spans.push(0, message.len());
                    let batch = Batch { input: message, spans: &spans };
                    match self.send(sender, batch, &mut refused).await {
                        Err(error) if sender.is_packets() && is_refusal(&error) => {
                            self.note_refused(&error);
                        }
                        sent => sent?,
                    }
                }
                Ok(Cue::End) => return self.finish(sender).await,
                Err(wait) => {
                    let endpoint = self.named.peer.clone();
                    return Err(Error { op: Op::Receive, endpoint, cause: Cause::TimedOut(wait) });
                }
            }
        }
    }
}
