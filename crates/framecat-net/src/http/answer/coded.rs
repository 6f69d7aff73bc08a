//! Replies whose content is made while they are sent, coded or not.

use framecat_proto::http::body::put_chunk_size;
use framecat_proto::http::head::put_status_line;
use framecat_proto::http::listing::Listing;
use framecat_proto::http::squeeze::Squeeze;
use framecat_proto::http::{Content, Reply, Then, Version, status};
use framecat_proto::limits::HTTP_SQUEEZED_A_ROUND;
use rustix::io::Errno;

use super::super::files::Found;
use super::super::folder::{Room, Task, Unlisted};
use super::super::memory::Squeezed;
use super::super::outgoing::{Body, Maker, Making, Paged};
use super::super::seats::Seat;
use super::super::squeeze::Squeezer;
use super::{Answers, Asked, Awaited, failure, put_connection, put_date};

/// A page up to this size is made before anything of it is sent, so that its length is known.
/// The page's style and script are 40 kB of it; some hundred names have place behind them.
const LISTED_AT_ONCE: usize = 64 << 10;

/// A listing that a worker has made, as far as it makes it.
#[derive(Debug)]
pub(in super::super) enum Listed {
    /// Its names are known, and it is yet to be written.
    Plain(Listing, Room),
    /// The first stretch of it coded, and what makes the next one.
    Coded(Vec<u8>, Option<Box<Squeezer>>),
}

impl Listed {
    pub(in super::super) fn of(
        task: &Task,
        (listing, room): (Listing, Room),
    ) -> Result<Listed, Unlisted> {
        if !task.gzip {
            return Ok(Listed::Plain(listing, room));
        }
        let mut squeezer = Box::new(Squeezer::listing(listing, room));
        let mut first = Vec::new();
        match squeezer.next(&mut first) {
            Ok(more) => Ok(Listed::Coded(first, more.then_some(squeezer))),
            Err(_) => Err(Unlisted::Io(Errno::IO)),
        }
    }
}

/// There is no place in which it could be coded now: it is sent as it is.
#[derive(Debug)]
pub(super) struct Full;

/// A small file is coded at once.
pub(super) fn squeezed(reply: &mut Reply, found: &Found) -> Option<Squeezed> {
    let Content::Squeezed = reply.body else { return None };
    let content = found.file.as_ref()?.content.clone()?;
    let coded = Squeeze::whole(&content);
    reply.body = Content::Bytes(coded.clone());
    Some(Squeezed { content, coded })
}

impl Answers {
    /// Whether it may be coded now, if it is to be. A small file is coded here, in some 0.3 ms at the most, so no
    /// more than a few in a round; what else there is has a seat.
    pub(super) fn coded_at(
        &self,
        reply: &Reply,
        found: &Found,
        head: bool,
    ) -> Result<Option<Seat>, Full> {
        let small = found.file.as_ref().is_some_and(|file| file.content.is_some());
        match reply.body {
            Content::Squeezed if small => {
                self.squeezed.set(self.squeezed.get() + 1);
                if self.squeezed.get() > HTTP_SQUEEZED_A_ROUND { Err(Full) } else { Ok(None) }
            }
            Content::Squeezed | Content::Listing { gzip: true, .. } if !head => {
                self.shared.squeezes.take().map(Some).ok_or(Full)
            }
            _ => Ok(None),
        }
    }

    pub(super) fn list(
        &mut self,
        awaited: Awaited,
        listed: Result<Listed, Unlisted>,
    ) -> (Body, Then) {
        let Awaited { reply, asked, seat, .. } = awaited;
        let chunked = asked.version == Version::Http11;
        // A page that is made at once has a length; a longer one is made as it is read.
        let (mut first, body) = match listed {
            Ok(Listed::Plain(listing, room)) => {
                let mut paged = Box::new(Paged { listing, chunked, _room: room });
                let mut first = Vec::new();
                let more = paged.listing.write(LISTED_AT_ONCE, &mut first);
                (first, if more { Body::Listing(paged) } else { Body::None })
            }
            Ok(Listed::Coded(first, None)) => (first, Body::None),
            Ok(Listed::Coded(first, Some(mut squeezer))) => {
                squeezer.hold(seat);
                (first, Body::Made(Making { maker: Some(Maker::Gzip(squeezer)), chunked }))
            }
            Err(why) => {
                let failed = match why {
                    Unlisted::Io(Errno::ACCESS | Errno::PERM) => status::page(403, None),
                    Unlisted::Io(error) => failure(error),
                    Unlisted::Full(words) => status::page(500, Some(&words)),
                    Unlisted::Busy | Unlisted::Left => failure(Errno::NOMEM),
                };
                return self.compose(failed, None, asked);
            }
        };
        if !body.is_none() {
            let then = self.put_unmeasured(&reply, asked);
            if chunked {
                put_chunk_size(first.len(), &mut self.out);
                first.extend_from_slice(b"\r\n");
            }
            self.out.append(&mut first);
            return (body, then);
        }
        self.compose(Reply { body: Content::Bytes(first), ..reply }, None, asked)
    }

    /// Appends the head of what is made while it is sent.
    pub(super) fn made(&mut self, reply: &Reply, maker: Maker, asked: Asked) -> (Body, Then) {
        let then = self.put_unmeasured(reply, asked);
        let chunked = asked.version == Version::Http11;
        (Body::Made(Making { maker: Some(maker), chunked }), then)
    }

    /// Appends a head behind which content comes whose length is known at its end.
    fn put_unmeasured(&mut self, reply: &Reply, asked: Asked) -> Then {
        let chunked = asked.version == Version::Http11;
        let then = if asked.closes || !chunked { Then::Close } else { reply.then };
        let out = &mut self.out;
        put_status_line(reply.status, out);
        put_date(&self.date, out);
        out.extend_from_slice(&reply.fields);
        if chunked {
            out.extend_from_slice(b"Transfer-Encoding: chunked\r\n");
        }
        put_connection(then, asked.version, out);
        out.extend_from_slice(b"\r\n");
        then
    }
}
