//! Requests whose content is received, and the replies to them.

use framecat_proto::http::accept::wants_html;
use framecat_proto::http::write::Deed;
use framecat_proto::http::{Method, Request, Then, head};

use super::super::change::{Change, Changing};
use super::super::form::Forming;
use super::super::outgoing::Body;
use super::super::put::Putting;
use super::super::receive::{Received, Receiver, Sink};
use super::super::telling::Client;
use super::super::upload::Uploading;
use super::{Answer, Answers, Asked};
use crate::event::Came;

impl Answers {
    /// What receives the content of a request that wants this done.
    pub(super) fn receive(
        &self,
        input: &[u8],
        request: &Request<'_>,
        (deed, expects): (Deed, bool),
        client: &Client,
    ) -> Answer {
        let asked = Asked {
            head: request.method == Method::Head,
            html: wants_html(&request.fields),
            version: request.version,
            closes: self.shared.is_stopping()
                || !head::keeps_alive(request.version, &request.fields),
        };
        let changing = |change| Box::new(Changing::new(change));
        let sink: Box<dyn Sink> = match deed {
            Deed::Put(put) => Box::new(Putting::new(put)),
            Deed::Form(form) => Box::new(Forming::new(form, client.source)),
            Deed::Upload(upload) => Box::new(Uploading::new(upload, client.source)),
            Deed::Make(make) => changing(Change::Make(make)),
            Deed::Rename(rename) => changing(Change::Rename(rename)),
            Deed::Delete(delete) => changing(Change::Delete(delete)),
        };
        let parts = input.split_at(request.len);
        let how = (request.length, expects, client.keeps());
        let receiver = Box::new(Receiver::new(parts, how, asked, sink));
        Answer::Receive(receiver)
    }

    /// Makes the reply to a request whose content was received, or will not be. What came behind it is
    /// returned.
    pub(in super::super) fn received(
        &mut self,
        receiver: Receiver,
        received: Received,
        client: &mut Client,
    ) -> (Then, Vec<u8>) {
        let behind = if let Received::Done(_, behind) = &received { behind.len() } else { 0 };
        let whole = matches!(received, Received::Done(..));
        self.reasons.came = Some(Came { bytes: receiver.came() - behind as u64, whole });
        let request = (&receiver.head[..], &receiver.kept[..]);
        let (reply, closes, behind) = match received {
            Received::Done(reply, behind) => (reply, false, behind),
            Received::Refused(reply) => (reply, true, Vec::new()),
            Received::Early(early) => {
                self.early(early, request, client);
                return (Then::Close, Vec::new());
            }
            Received::More => return (Then::KeepAlive, Vec::new()),
        };
        self.out.clear();
        let closes = closes || receiver.asked.closes || self.shared.is_stopping();
        let (body, then) = self.compose(reply, None, Asked { closes, ..receiver.asked });
        debug_assert!(matches!(body, Body::None), "what was done is told in few words");
        self.told(request, client);
        (then, behind)
    }
}
