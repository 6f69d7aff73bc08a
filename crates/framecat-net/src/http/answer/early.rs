//! Replies that do not wait for the end of their request: to what is none, what is too long or too slow, and
//! what was cut.

use framecat_proto::http::{Refusal, Version, plan, status};
use rustix::io::Errno;

use super::super::outgoing::Body;
use super::super::telling::Client;
use super::{Answers, Asked, failure};

/// Why a request is answered before its body was read.
#[derive(Debug)]
pub(in super::super) enum Early {
    /// It is longer than anybody listens to.
    TooLong,
    /// It broke a rule.
    Refused(Refusal),
    /// The client ended inside it.
    Cut,
    /// It did not come in time.
    Late,
}

impl Answers {
    /// Appends the reply to what is no request; `input` begins with it.
    pub(super) fn refuse(&mut self, refusal: Refusal, input: &[u8], near: bool) {
        let reply = plan::refused(&refusal, &self.shared.policy, near);
        self.compose(reply, None, last(input));
        if self.shared.tells.is_some() {
            self.reasons.refusal = Some(refusal);
        }
    }

    /// Makes the reply to a request whose body was not read to its end. `request` is its head and what
    /// was kept of its content.
    pub(in super::super) fn early(
        &mut self,
        early: Early,
        request: (&[u8], &[u8]),
        client: &mut Client,
    ) {
        self.out.clear();
        match early {
            Early::Refused(refusal) => self.refuse(refusal, request.0, client.near),
            Early::TooLong => drop(self.compose(status::page(413, None), None, last(request.0))),
            Early::Cut => self.put_cut(request.0),
            Early::Late => drop(self.compose(status::page(408, None), None, last(request.0))),
        }
        self.told(request, client);
    }

    /// Makes the reply to a message whose end never came.
    pub(in super::super) fn cut(&mut self, request: &[u8], client: &mut Client) {
        self.out.clear();
        self.put_cut(request);
        self.told((request, b""), client);
    }

    fn put_cut(&mut self, input: &[u8]) {
        let words = "The request ended too early (RFC 9112 section 8).";
        self.compose(status::page(400, Some(words)), None, last(input));
    }

    /// Makes the reply to a message that did not come in time.
    pub(in super::super) fn late(&mut self, request: (&[u8], &[u8]), client: &mut Client) {
        self.out.clear();
        self.compose(status::page(408, None), None, last(request.0));
        self.told(request, client);
    }

    pub(super) fn told(&mut self, request: (&[u8], &[u8]), client: &mut Client) {
        if client.is_told() {
            self.tell(client, request, 0, &Body::None);
        }
    }

    /// What one is told for whom there is no place.
    pub(in super::super) fn unavailable(&mut self) -> Vec<u8> {
        self.out.clear();
        self.compose(failure(Errno::NOMEM), None, LAST);
        std::mem::take(&mut self.out)
    }
}

/// How the connection ends that one is on who cannot go on.
const LAST: Asked = Asked { html: true, head: false, version: Version::Http11, closes: true };

/// As [`LAST`], for what begins like a request: even where it is none, who said HEAD reads no content (RFC
/// 9110 section 9.3.2), and would take it for the next reply.
fn last(input: &[u8]) -> Asked {
    let begins = input.iter().position(|byte| !b"\r\n".contains(byte)).unwrap_or(input.len());
    let html = memchr::memmem::find(input, b"text/html").is_some();
    Asked { head: input[begins..].starts_with(b"HEAD "), html, ..LAST }
}
