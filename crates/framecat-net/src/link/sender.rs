//! The sending half of a link.

use std::io;

use framecat_proto::framing::{EncodeError, Framer};
use framecat_proto::message::{Batch, Context, Outgoing, Spans};

use super::now_ns;
use crate::conn::{Stream, Turns};
use crate::datagrams::runs::RunSent;
use crate::datagrams::{NotSent, PacketSink};
use crate::error::{Cause, Error, Op};
use crate::shape::{Shape, Shaper};

mod shaped;

use super::prompt::Prompter;

#[derive(Debug)]
pub(super) enum Sink {
    Stream(Stream),
    Packets(PacketSink),
    /// It ended, or never took anything: then why, told once.
    None(Option<Cause>),
}

/// A message that could not be written. Nothing of it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Its index in the batch.
    pub index: usize,
    /// Why.
    pub error: EncodeError,
}

/// Messages that did not go out, and their bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Unsent {
    /// How many.
    pub messages: usize,
    /// Their payloads together.
    pub bytes: usize,
}

/// The sending half of a [`Link`](crate::Link).
pub struct Sender {
    sink: Sink,
    framer: Box<dyn Framer>,
    name: String,
    /// Where it goes and what that is, for errors.
    pub(super) peer: String,
    pub(super) op: Op,
    out: Outgoing,
    unsent: Unsent,
    turns: Turns,
    shaper: Option<Box<Shaper>>,
    /// What was asked of that; the framing may ask for more.
    asked: Shape,
    /// Where the framing says something by itself.
    pub(super) prompter: Option<Prompter>,
}

impl std::fmt::Debug for Sender {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sender").field("sink", &self.sink).field("rule", &self.name).finish()
    }
}

impl Sender {
    /// Messages into a stream. `name` is how the rule prints.
    pub fn of_stream(stream: Stream, framer: Box<dyn Framer>, name: String) -> Sender {
        Sender::new(Sink::Stream(stream), framer, name)
    }

    pub(super) fn new(sink: Sink, framer: Box<dyn Framer>, name: String) -> Sender {
        let peer = match &sink {
            Sink::Stream(stream) => stream.peer().to_string(),
            Sink::Packets(packets) => packets.peer.clone(),
            Sink::None(_) => String::new(),
        };
        let (out, turns) = (Outgoing::new(), Turns::default());
        let mut sender = Sender {
            sink,
            framer,
            name,
            peer,
            op: Op::Send,
            out,
            unsent: Unsent::default(),
            turns,
            shaper: None,
            asked: Shape::default(),
            prompter: None,
        };
        sender.shape(sender.asked);
        sender
    }

    /// The peer's address.
    pub fn peer(&self) -> &str {
        &self.peer
    }

    /// Whether it sends datagrams.
    pub(crate) fn is_packets(&self) -> bool {
        matches!(self.sink, Sink::Packets(_))
    }

    pub(crate) fn failed(&self, error: impl Into<io::Error>) -> Error {
        Error::io(self.op, self.peer.clone(), error)
    }

    /// The rule, as it prints: who refuses a message.
    pub fn rule(&self) -> &str {
        &self.name
    }

    /// The stream under it, where there is one and it has not ended.
    pub fn stream(&self) -> Option<&Stream> {
        match &self.sink {
            Sink::Stream(stream) => Some(stream),
            Sink::Packets(_) | Sink::None(_) => None,
        }
    }

    /// Why nothing can be sent to this peer, if nothing can.
    pub(crate) fn unnamed(&self) -> Option<Error> {
        match &self.sink {
            Sink::Packets(packets) if packets.is_unnamed() => Some(packets.unnamed()),
            _ => None,
        }
    }

    /// What the last [`send_batch`](Self::send_batch) could not send over UDP: the network refused it.
    pub fn unsent(&self) -> Unsent {
        self.unsent
    }

    /// Changes the rule from here on.
    pub fn reframe(&mut self, framer: Box<dyn Framer>, name: String) {
        self.framer = framer;
        self.name = name;
        self.shape(self.asked);
    }

    /// Sends all messages of a batch that the rule can hold, in one write where the kernel takes it;
    /// the others are pushed to `refused`. Not cancel safe: part may have gone out.
    ///
    /// Over UDP, [`is_refusal`](crate::error::Error::is_refusal) errors concern datagrams sent
    /// before; what of this batch was refused itself is [`unsent`](Self::unsent), the rest was sent.
    pub async fn send_batch(
        &mut self,
        batch: Batch<'_>,
        context: &Context<'_>,
        refused: &mut Vec<Refusal>,
    ) -> Result<(), Error> {
        if self.prompter.is_some() {
            return Box::pin(self.send_prompting(batch, context, refused)).await;
        }
        self.send_plain(batch, context, refused).await
    }

    /// As [`send_batch`](Self::send_batch), and says behind it what the framing has to say.
    async fn send_prompting(
        &mut self,
        batch: Batch<'_>,
        context: &Context<'_>,
        refused: &mut Vec<Refusal>,
    ) -> Result<(), Error> {
        let Some(prompter) = self.prompter.clone() else { return Ok(()) };
        prompter.set_sending(true);
        let left = prompter.take_left();
        if let (Sink::Stream(stream), false) = (&self.sink, left.is_empty()) {
            stream.write_all(left).await.map_err(|error| self.failed(error))?;
        }
        self.send_plain(batch, context, refused).await?;
        self.sent_prompting();
        Ok(())
    }

    /// Nothing is under way any more, unless it is held back.
    fn sent_prompting(&mut self) {
        let holds = self.holds();
        if let Some(prompter) = &self.prompter {
            prompter.set_sending(holds);
            prompter.say(|| self.framer.prompt());
        }
    }

    /// Whether what was sent says that nothing follows, so that our direction is to be ended.
    pub(crate) fn is_last(&self) -> bool {
        self.framer.is_last()
    }

    async fn send_plain(
        &mut self,
        batch: Batch<'_>,
        context: &Context<'_>,
        refused: &mut Vec<Refusal>,
    ) -> Result<(), Error> {
        self.unsent = Unsent::default();
        if self.shaper.is_some() && !matches!(self.sink, Sink::None(_)) {
            return self.send_shaped(batch, context, refused).await;
        }
        if let Sink::Packets(_) = self.sink {
            return self.send_packets(batch, context, refused).await;
        }
        self.out.clear();
        let mut from = 0;
        while let Err((index, error)) =
            self.framer.encode_batch(batch, from, context, &mut self.out)
        {
            refused.push(Refusal { index, error });
            from = index + 1;
        }
        match &mut self.sink {
            Sink::Stream(stream) => {
                let written = stream.write_pieces(self.out.pieces(batch)).await;
                written.map_err(|error| self.failed(error))
            }
            Sink::None(why) => Err(match why.take() {
                Some(cause) => Error { op: self.op, endpoint: self.peer.clone(), cause },
                None => self.failed(io::ErrorKind::BrokenPipe),
            }),
            Sink::Packets(_) => Ok(()),
        }
    }

    async fn send_packets(
        &mut self,
        batch: Batch<'_>,
        context: &Context<'_>,
        refused: &mut Vec<Refusal>,
    ) -> Result<(), Error> {
        let Sink::Packets(packets) = &self.sink else { return Ok(()) };
        let (mut told, mut partly) = (None, Vec::new());
        let mut next = 0;
        while next < batch.len() {
            self.turns.take().await;
            self.out.clear();
            let index = next;
            next += 1;
            let message = batch.outbound(index);
            if let Err(error) = self.framer.encode(message, context, &mut self.out) {
                refused.push(Refusal { index, error });
                continue;
            }
            // None behind the first is longer, so none of them is refused for its length.
            let run = packets.run(batch, index);
            if run > 1 {
                let mut sent = packets.send_run(batch, index, run).await;
                if let RunSent::Refused(error) = sent {
                    told.get_or_insert(error);
                    sent = packets.send_run(batch, index, run).await;
                }
                if let RunSent::All = sent {
                    next = index + run;
                    continue;
                }
            }
            // `native` adds nothing: the payload itself is the datagram.
            let mut sent = packets.send(message.payload).await;
            if let Err(NotSent::Io(error)) = sent {
                // A connected UDP socket tells the refusal of an earlier datagram in place of
                // sending this one, once: this one goes out by a second call.
                if packets.socket.kind != crate::datagrams::Type::Udp || !is_unreachable(&error) {
                    return Err(Error::io(Op::Send, packets.peer.clone(), error));
                }
                told.get_or_insert(error);
                sent = packets.send(message.payload).await;
            }
            match sent {
                Ok(()) => {}
                Err(NotSent::Unnamed) => return Err(packets.unnamed()),
                Err(NotSent::Partly(networks)) => partly.extend(networks),
                Err(NotSent::TooLarge { max }) => {
                    let error = EncodeError::DoesNotFit { len: message.payload.len(), max };
                    refused.push(Refusal { index, error });
                }
                // Refused twice: this one, whatever was sent before it. The next may have better luck.
                Err(NotSent::Io(error)) if is_unreachable(&error) && told.is_some() => {
                    self.unsent.messages += 1;
                    self.unsent.bytes += message.payload.len();
                }
                Err(NotSent::Io(error)) => {
                    return Err(Error::io(Op::Send, packets.peer.clone(), error));
                }
            }
        }
        match told {
            Some(error) => Err(Error::io(Op::Send, packets.peer.clone(), error)),
            None if partly.is_empty() => Ok(()),
            None => {
                let (op, endpoint) = (Op::Send, packets.peer.clone());
                Err(Error { op, endpoint, cause: Cause::Partly(partly) })
            }
        }
    }

    /// Sends one message; a message that the rule cannot hold is an error of kind `InvalidInput`.
    /// Not cancel safe.
    pub async fn send(&mut self, payload: &[u8]) -> Result<(), Error> {
        let mut spans = Spans::new();
        spans.push(0, payload.len());
        let mut refused = Vec::new();
        let batch = Batch { input: payload, spans: &spans };
        self.send_batch(batch, &Context::at(now_ns()), &mut refused).await?;
        match refused.pop() {
            None => Ok(()),
            Some(Refusal { error, .. }) => Err(Error::io(
                Op::Send,
                self.peer(),
                io::Error::new(io::ErrorKind::InvalidInput, error),
            )),
        }
    }

    /// Writes some bytes as they are, past the framing: a line of JSON between messages. How many went
    /// out. Cancel safe: then none did.
    pub(crate) async fn write_raw_some(&self, bytes: &[u8]) -> Result<usize, Error> {
        let Sink::Stream(stream) = &self.sink else { return Ok(bytes.len()) };
        let written = stream.write_some(&[io::IoSlice::new(bytes)]).await;
        written.map_err(|error| self.failed(error))
    }

    /// Ends our direction where it has an end; the peer can still answer. A pipe ends when the last
    /// clone of its [`stream`](Self::stream) is dropped too.
    pub fn finish(&mut self) -> Result<(), Error> {
        let finished = match &self.sink {
            Sink::Stream(stream) if stream.kind().is_socket() => stream.shutdown_write(),
            Sink::Stream(_) => {
                self.sink = Sink::None(None);
                Ok(())
            }
            Sink::Packets(packets) => packets.finish(),
            Sink::None(_) => Ok(()),
        };
        finished.map_err(|error| self.failed(error))
    }
}

fn is_unreachable(error: &io::Error) -> bool {
    error.raw_os_error().is_some_and(crate::error::is_unreachable)
}
