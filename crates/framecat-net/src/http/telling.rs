//! What is told of a client's requests and their replies, for whoever looks on.

use std::net::{IpAddr, SocketAddr};

use framecat_proto::http::{Refusal, Why};

use super::auth::Shown;
use super::outgoing::Body;
use crate::datagrams::shown_ip;
use crate::event::{Came, Exchange, Observer};

/// A client as it is told. One that nobody wants to know of costs nothing.
#[derive(Debug, Default)]
pub(super) struct Client {
    /// On this machine: it may know why it is refused.
    pub(super) near: bool,
    /// Where it is; `None`: a Unix socket.
    pub(super) source: Option<IpAddr>,
    /// To the guard, if there is one.
    pub(super) shown: Shown,
    told: Option<Box<Told>>,
}

#[derive(Debug)]
struct Told {
    conn: u64,
    n: u64,
    peer: String,
    /// So much is kept of a request's content.
    content: usize,
}

/// What decided a reply.
#[derive(Debug, Default)]
pub(super) struct Reasons {
    pub(super) refusal: Option<Refusal>,
    pub(super) why: Option<Why>,
    pub(super) words: Option<Box<str>>,
    pub(super) came: Option<Came>,
}

impl Client {
    /// One from there; `None` is a Unix socket. `conn` numbers those that are told.
    pub(super) fn new(
        peer: Option<SocketAddr>,
        shown: Shown,
        content: Option<usize>,
        conn: impl FnOnce() -> u64,
    ) -> Client {
        let near = peer.is_none_or(|peer| peer.ip().to_canonical().is_loopback());
        let told = content.map(|content| {
            let peer = match peer {
                None => "unix".to_string(),
                Some(peer) => shown_ip(peer),
            };
            Box::new(Told { conn: conn(), n: 0, peer, content })
        });
        Client { near, source: peer.map(|peer| peer.ip()), shown, told }
    }

    /// How much of a request's content is to be kept for telling.
    pub(super) fn keeps(&self) -> usize {
        self.told.as_ref().map_or(0, |told| told.content)
    }

    /// Whether anybody wants to know.
    pub(super) fn is_told(&self) -> bool {
        self.told.is_some()
    }

    /// Tells a request and the reply that is put together: `reply` is its head and content as far as it is
    /// made, `body` what follows.
    pub(super) fn tell(
        &mut self,
        observer: &dyn Observer,
        (request, content): (&[u8], &[u8]),
        (reply, body): (&[u8], &Body),
        reasons: Reasons,
        (user, now_ns): (Option<&str>, u64),
    ) {
        let Some(told) = &mut self.told else { return };
        told.n += 1;
        let Reasons { refusal, why, words, came } = reasons;
        observer.exchange(&Exchange {
            conn: told.conn,
            n: told.n,
            peer: &told.peer,
            user,
            now_ns,
            request,
            request_content: content,
            came,
            reply,
            reply_content: &body.beginning(told.content),
            refusal: refusal.as_ref(),
            why,
            words: words.as_deref(),
        });
    }
}
