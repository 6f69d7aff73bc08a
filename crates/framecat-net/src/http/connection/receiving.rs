//! A connection while the content of a request is received.

use framecat_proto::limits::{HTTP_BODY_IDLE, HTTP_UPLOAD_LINGER, HTTP_UPLOAD_RATE};
use rustix::io::Errno;

use super::super::answer::Answers;
use super::super::outgoing::Body;
use super::super::receive::{Received, Receiver};
use super::{Connection, State, Step, broken};

/// What a client waits for that sends nothing before it (RFC 9110 section 15.2.1).
const GO_ON: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

#[derive(Debug)]
pub(super) struct Receiving {
    /// `None`: a worker has it.
    receiver: Option<Box<Receiver>>,
    /// What of [`GO_ON`] is not out yet.
    prompt: &'static [u8],
    /// The second at which the client began, without those in which we had it wait.
    began: u32,
    /// When a worker got it.
    given: u32,
}

impl Connection {
    /// Begins to receive content.
    pub(super) fn begin(&mut self, receiver: Box<Receiver>, answers: &Answers) {
        let now = answers.second();
        let receiving = Receiving { receiver: Some(receiver), prompt: b"", began: now, given: now };
        self.state = State::Receiving(Box::new(receiving));
    }

    /// Whether what the client says is wanted now, by whomever it is read.
    pub(in super::super) fn wants(&self) -> bool {
        match &self.state {
            State::Receiving(receiving) => receiving.receiver.is_some(),
            _ => self.hears(),
        }
    }

    /// Whether something is on its way to the client.
    pub(in super::super) fn sends(&self) -> bool {
        match &self.state {
            State::Receiving(receiving) => !receiving.prompt.is_empty(),
            _ => self.outgoing().is_some(),
        }
    }

    /// What is received, for a worker.
    pub(in super::super) fn receiver(&mut self) -> Option<Box<Receiver>> {
        match &mut self.state {
            State::Receiving(receiving) => receiving.receiver.take(),
            _ => None,
        }
    }

    /// A worker has taken what came.
    pub(in super::super) fn received(
        &mut self,
        mut receiver: Box<Receiver>,
        received: Received,
        answers: &mut Answers,
    ) -> Step {
        let State::Receiving(receiving) = &mut self.state else { return Step::Close };
        if matches!(received, Received::More) {
            if std::mem::take(&mut receiver.expects) {
                receiving.prompt = GO_ON;
            }
            receiving.receiver = Some(receiver);
            // Who waits for us is not late.
            receiving.began += answers.second() - receiving.given;
            self.patience(answers);
            return self.receive(answers);
        }
        self.state = State::Reading;
        let refused = matches!(received, Received::Refused(_));
        let (then, behind) = answers.received(*receiver, received, &mut self.client);
        match self.send(Body::None, then, answers) {
            None => self.requests(&behind, answers),
            Some(step) => {
                match &self.state {
                    State::Writing(_) => self.input = behind,
                    // Many send all of it before they read what is said.
                    State::Lingering(_) if refused => {
                        self.linger_for(HTTP_UPLOAD_LINGER, answers.second());
                    }
                    _ => {}
                }
                step
            }
        }
    }

    /// Reads what came, for a worker.
    pub(super) fn receive(&mut self, answers: &mut Answers) -> Step {
        let State::Receiving(receiving) = &mut self.state else { return Step::Rest };
        let Some(receiver) = &mut receiving.receiver else { return Step::Rest };
        while !receiving.prompt.is_empty() {
            match self.wire.send(receiving.prompt, false) {
                Ok(n) => receiving.prompt = &receiving.prompt[n..],
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => break,
                Err(error) => return broken(error),
            }
        }
        if let Err(error) = self.wire.flush(false)
            && error != Errno::AGAIN
        {
            return broken(error);
        }
        let before = receiver.came();
        while self.readable && receiver.has_room() {
            match receiver.read(&mut self.wire) {
                Ok((0, _)) => {
                    self.readable = false;
                    self.ended = true;
                    receiver.end();
                }
                // Less than there was room for: as in `rounds::hear`.
                Ok((_, full)) => {
                    self.readable = full || self.may_have_ended || self.wire.may_hold_more();
                }
                Err(Errno::AGAIN) => {
                    self.readable = false;
                }
                Err(Errno::INTR) => {}
                Err(error) => return broken(error),
            }
        }
        let (came, due) = (receiver.came() > before, receiver.is_due());
        match due {
            true => receiving.given = answers.second(),
            false => receiver.rest(),
        }
        if came {
            self.patience(answers);
        }
        if due { Step::Receive } else { Step::Rest }
    }

    /// The client was waited for long enough, if it is waited for.
    pub(super) fn too_slow(&mut self) -> Step {
        let State::Receiving(receiving) = &mut self.state else { return Step::Rest };
        let Some(receiver) = &mut receiving.receiver else { return Step::Rest };
        receiver.late();
        Step::Receive
    }

    /// Waits for more of the content: never long in silence, and for a slow client not for ever.
    fn patience(&mut self, answers: &Answers) {
        let State::Receiving(receiving) = &self.state else { return };
        let came = receiving.receiver.as_ref().map_or(0, |receiver| receiver.came());
        let idle = HTTP_BODY_IDLE.as_secs() as u32;
        let earned = u32::try_from(came / HTTP_UPLOAD_RATE).unwrap_or(u32::MAX);
        let over = receiving.began.saturating_add(idle).saturating_add(earned);
        self.due = (answers.second() + idle).min(over);
    }
}
