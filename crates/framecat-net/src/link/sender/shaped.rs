//! What a [`Sender`] does where it paces, splits or holds what it sends.

use std::future::Future;

use framecat_proto::message::{Batch, Context, Spans};
use tokio::time::{Instant, sleep_until};

use super::{Refusal, Sender, Sink};
use crate::error::Error;
use crate::relay::Progress;
use crate::shape::{Shape, Shaper};

impl Sender {
    /// Spreads what is sent from here on. `chop` and `coalesce` do nothing to datagrams. A framing that
    /// keeps messages apart by silence (`gap`) has twice that silence between them, or more if asked:
    /// a reader with the same rule hears it though one message was on its way a little longer than the
    /// next.
    pub fn shape(&mut self, mut shape: Shape) {
        self.asked = shape;
        let silence = self.framer.silence();
        shape.delay = shape.delay.max(silence.map(|silence| silence * 2));
        self.shaper = shape.is_set().then(|| Box::new(Shaper::new(shape)));
    }

    /// Whether messages are held back to be sent with others.
    pub(crate) fn holds(&self) -> bool {
        self.held_until().is_some()
    }

    /// Until when.
    pub(crate) fn held_until(&self) -> Option<Instant> {
        self.shaper.as_ref().and_then(|shaper| shaper.until())
    }

    /// Waits for `next`; `None`: what was held was sent meanwhile, in its time or because all is to
    /// stop, and `next` was given up, which must be cancel safe.
    pub(crate) async fn meanwhile<T>(
        &mut self,
        moved: &Progress,
        next: impl Future<Output = T>,
    ) -> Result<Option<T>, Error> {
        let Some(until) = self.held_until() else { return Ok(Some(next.await)) };
        tokio::select! {
            biased;
            // What is due goes first: a peer that never pauses would hold it for ever.
            () = sleep_until(until) => {}
            () = moved.stopped() => {}
            done = next => return Ok(Some(done)),
        }
        self.flush().await?;
        Ok(None)
    }

    /// Waits until the next message may go. Cancel safe.
    pub(crate) async fn turn(&self) {
        if let Some(shaper) = &self.shaper {
            shaper.turn().await;
        }
    }

    /// Sends what is held. Not cancel safe: part of it may have gone out.
    pub async fn flush(&mut self) -> Result<(), Error> {
        let (Sink::Stream(stream), Some(shaper)) = (&self.sink, &mut self.shaper) else {
            return Ok(());
        };
        let flushed = shaper.flush(stream).await;
        flushed.map_err(|error| self.failed(error))?;
        self.sent_prompting();
        Ok(())
    }

    /// As [`send_batch`](Self::send_batch), message by message.
    pub(super) async fn send_shaped(
        &mut self,
        batch: Batch<'_>,
        context: &Context<'_>,
        refused: &mut Vec<Refusal>,
    ) -> Result<(), Error> {
        let mut told = None;
        for index in 0..batch.len() {
            if let Some(shaper) = &mut self.shaper {
                shaper.message().await;
            }
            match self.sink {
                Sink::Stream(_) | Sink::None(_) => {
                    self.send_one(batch, index, context, refused).await?;
                }
                Sink::Packets(_) => {
                    match self.send_datagram(batch, index, context, refused).await {
                        // Told of an earlier one: the next go out all the same.
                        Err(error) if error.is_refusal() => {
                            told.get_or_insert(error);
                        }
                        sent => sent?,
                    }
                }
            }
            if let Some(shaper) = &mut self.shaper {
                shaper.sent();
            }
        }
        told.map_or(Ok(()), Err)
    }

    async fn send_one(
        &mut self,
        batch: Batch<'_>,
        index: usize,
        context: &Context<'_>,
        refused: &mut Vec<Refusal>,
    ) -> Result<(), Error> {
        let Sender { sink: Sink::Stream(stream), framer, out, shaper: Some(shaper), .. } = self
        else {
            return Ok(());
        };
        out.clear();
        if let Err(error) = framer.encode(batch.outbound(index), context, out) {
            refused.push(Refusal { index, error });
            return Ok(());
        }
        let written = match shaper.hold(out.pieces(batch)) {
            true if shaper.until().is_some_and(|until| until <= Instant::now()) => {
                shaper.flush(stream).await
            }
            true => Ok(()),
            false => shaper.write(stream, &out.to_vec(batch)).await,
        };
        written.map_err(|error| self.failed(error))
    }

    async fn send_datagram(
        &mut self,
        batch: Batch<'_>,
        index: usize,
        context: &Context<'_>,
        refused: &mut Vec<Refusal>,
    ) -> Result<(), Error> {
        let message = batch.get(index);
        if let Some(shaper) = &mut self.shaper {
            shaper.datagram(message.len()).await;
        }
        let mut spans = Spans::new();
        spans.push(0, message.len());
        let mut alone = Vec::new();
        let batch = Batch { input: message, spans: &spans };
        let sent = self.send_packets(batch, context, &mut alone).await;
        refused.extend(alone.into_iter().map(|Refusal { error, .. }| Refusal { index, error }));
        sent
    }
}
