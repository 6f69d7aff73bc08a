//! Requests that the guard does not let in, and the replies to them.

use framecat_proto::http::accept::wants_html;
use framecat_proto::http::{Length, Method, Request, auth, head};

use super::super::auth::Judged;
use super::super::telling::Client;
use super::{Answer, Answers, Asked};

impl Answers {
    /// What becomes of a request before anything but its head is looked at. `None`: it is let in.
    pub(super) fn guarded(&mut self, request: &Request<'_>, client: &mut Client) -> Option<Answer> {
        let now = self.second();
        let reply = match self.shared.guard.as_ref()?.judge(request, &mut client.shown, now) {
            Judged::In => return None,
            Judged::Look(attempt) => return Some(Answer::Judge(attempt)),
            Judged::Out(reply) => reply,
        };
        // Nobody takes its content, nor what is meant for a tunnel.
        let content = !matches!(request.length, Length::None | Length::Bytes(0));
        let asked = Asked {
            head: request.method == Method::Head,
            html: wants_html(&request.fields),
            version: request.version,
            closes: content
                || request.method == Method::Connect
                || self.shared.is_stopping()
                || !head::keeps_alive(request.version, &request.fields),
        };
        let (body, then) = self.compose(reply, None, asked);
        Some(Answer::Reply { used: request.len, body, then })
    }

    /// Whether the reply may be remembered: not where a password may be in the request, for what is
    /// remembered is compared byte by byte.
    pub(super) fn is_open(&self, request: &Request<'_>) -> bool {
        self.shared.guard.is_none() || request.fields.get("Authorization").is_none()
    }

    /// Who is asking, for the log.
    pub(super) fn user(&self, client: &Client) -> Option<&str> {
        self.shared.guard.as_ref()?.user(&client.shown)
    }

    /// A request and the reply that begins at `start`, as they may be told. `hidden` holds what was changed.
    pub(super) fn without_passwords<'a>(
        &'a self,
        (head, content): (&[u8], &'a [u8]),
        start: usize,
        hidden: &'a mut Option<[Vec<u8>; 2]>,
    ) -> ((&'a [u8], &'a [u8]), &'a [u8]) {
        let mut reply = Vec::new();
        if self.shared.echo {
            reply = self.out[start..].to_vec();
            auth::hide(&mut reply);
        }
        let mut head = head.to_vec();
        auth::hide(&mut head);
        let [head, echo] = hidden.insert([head, reply]);
        let reply = if self.shared.echo { &echo[..] } else { &self.out[start..] };
        ((head, content), reply)
    }
}
