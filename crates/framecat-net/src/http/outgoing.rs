//! What is on its way to a client: bytes that are made, then a file's, by the shortest way to each.
//!
//! A head goes out with MSG_MORE before a file, so that both share segments; the file by sendfile(2),
//! from the page cache alone ([`warm`]): where a disk must be waited for, a worker does. Listings are
//! written a piece at a time, so that a slow reader costs a piece of memory and not a page.

use std::os::fd::AsFd;
use std::sync::Arc;

use framecat_proto::http::body::{LAST_CHUNK, put_chunk_size};
use framecat_proto::http::listing::Listing;
use framecat_proto::http::{Part, Then};
use rustix::io::Errno;

use super::files::Root;
use super::files::{Opened, Patience, STRETCH, warm};
use super::folder::Room;
use super::pack::{Cut, Packer};
use super::squeeze::Squeezer;
use super::wire::Wire;

/// So much goes out before other connections have their turn.
const TURN_BYTES: u64 = 4 << 20;

/// A piece of a listing.
const PIECE_BYTES: usize = 32 << 10;

/// A reply, as far as it is not out yet.
#[derive(Debug)]
pub(super) struct Outgoing {
    /// Made already, and sent up to `at`.
    pub(super) bytes: Vec<u8>,
    at: usize,
    pub(super) body: Body,
    /// What comes behind it.
    pub(super) then: Then,
    /// A worker reads what comes next.
    cold: bool,
}

/// What follows the bytes.
#[derive(Debug)]
pub(super) enum Body {
    /// Nothing.
    None,
    /// Pieces of a file.
    File(Box<Pieces>),
    /// A page.
    Listing(Box<Paged>),
    /// What workers make, a stretch at a time.
    Made(Making),
}

/// What is made while it is sent.
#[derive(Debug)]
pub(super) struct Making {
    /// `None`: a worker has it, and makes the next stretch.
    pub(super) maker: Option<Maker>,
    /// In chunks (RFC 9112 section 7.1); else it ends with the connection.
    pub(super) chunked: bool,
}

/// What makes it.
#[derive(Debug)]
pub(super) enum Maker {
    /// A folder in one piece.
    Archive(Box<Packer>),
    /// A file or a listing, coded.
    Gzip(Box<Squeezer>),
}

impl Maker {
    /// Appends the next stretch, which may be nothing; whether there is more. It may wait for a disk.
    ///
    /// # Errors
    /// It cannot go on: what was sent of it must not look whole.
    pub(super) fn next(&mut self, root: &Root, out: &mut Vec<u8>) -> Result<bool, Cut> {
        match self {
            Maker::Archive(packer) => packer.next(root, out),
            Maker::Gzip(squeezer) => squeezer.next(out),
        }
    }
}

/// Pieces of a file, each behind bytes of its own.
#[derive(Debug)]
pub(super) struct Pieces {
    file: Arc<Opened>,
    parts: std::vec::IntoIter<Part>,
    end: Vec<u8>,
    /// Of the part that is being sent.
    from: u64,
    left: u64,
    /// Up to here the file was found in memory.
    warm: u64,
    /// Looking for the file found so much of its beginning there.
    first: u64,
}

/// A listing that is being written.
#[derive(Debug)]
pub(super) struct Paged {
    pub(super) listing: Listing,
    /// In chunks (RFC 9112 section 7.1); else it ends with the connection.
    pub(super) chunked: bool,
    /// What it takes of the memory for listings.
    pub(super) _room: Room,
}

impl Body {
    /// These parts of a file, and `end` behind them.
    pub(super) fn file(file: Arc<Opened>, parts: Vec<Part>, end: Vec<u8>) -> Body {
        let first = STRETCH.min(file.facts.size);
        let parts = parts.into_iter();
        Body::File(Box::new(Pieces { file, parts, end, from: 0, left: 0, warm: 0, first }))
    }

    pub(super) fn is_none(&self) -> bool {
        matches!(self, Body::None)
    }

    /// At most so many bytes of its beginning, for those who look on: as far as they are there without
    /// waiting for a disk.
    pub(super) fn beginning(&self, most: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        let Body::File(pieces) = self else { return bytes };
        for Part { before, from, len } in pieces.parts.as_slice() {
            if bytes.len() >= most {
                break;
            }
            bytes.extend_from_slice(before);
            let start = bytes.len();
            let len = usize::try_from(*len).unwrap_or(usize::MAX).min(most.saturating_sub(start));
            if let Some(content) = &pieces.file.content {
                let rest = content.get(*from as usize..).unwrap_or_default();
                bytes.extend_from_slice(&rest[..len.min(rest.len())]);
                continue;
            }
            bytes.resize(start + len, 0);
            let mut room = [std::io::IoSliceMut::new(&mut bytes[start..])];
            let flags = rustix::io::ReadWriteFlags::NOWAIT;
            let got = rustix::io::preadv2(&pieces.file.fd, &mut room, *from, flags).unwrap_or(0);
            bytes.truncate(start + got);
            if got < len {
                break;
            }
        }
        bytes.truncate(most);
        bytes
    }
}

/// How far it came.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// All is out.
    Done,
    /// The client takes no more for now.
    Blocked,
    /// Others have their turn.
    Turn,
    /// These bytes of the file are not in memory.
    Cold(u64, u64),
    /// The next stretch is to be made.
    Pack,
    /// The file has become shorter than was told: the rest can never come.
    Cut,
}

impl Outgoing {
    pub(super) fn new(bytes: Vec<u8>, body: Body, then: Then) -> Outgoing {
        Outgoing { bytes, at: 0, body, then, cold: false }
    }

    /// The file that is being sent.
    pub(super) fn file(&self) -> Option<&Arc<Opened>> {
        match &self.body {
            Body::File(pieces) => Some(&pieces.file),
            _ => None,
        }
    }

    /// It is to wait: what is sent already takes no memory.
    pub(super) fn rest(&mut self) {
        self.bytes.drain(..self.at);
        self.bytes.shrink_to_fit();
        self.at = 0;
    }

    /// A worker has brought the file into memory up to here.
    pub(super) fn warmed(&mut self, upto: u64) {
        self.cold = false;
        if let Body::File(pieces) = &mut self.body {
            pieces.warm = upto;
        }
    }

    /// What makes the next stretch, for a worker.
    pub(super) fn maker(&mut self) -> Option<Maker> {
        match &mut self.body {
            Body::Made(making) => making.maker.take(),
            _ => None,
        }
    }

    /// A worker has made this stretch, and there is more if it gives the maker back.
    pub(super) fn packed(&mut self, stretch: &[u8], maker: Option<Maker>) {
        let Body::Made(making) = &mut self.body else { return };
        if making.chunked && !stretch.is_empty() {
            put_chunk_size(stretch.len(), &mut self.bytes);
        }
        self.bytes.extend_from_slice(stretch);
        if making.chunked && !stretch.is_empty() {
            self.bytes.extend_from_slice(b"\r\n");
        }
        if maker.is_none() && making.chunked {
            self.bytes.extend_from_slice(LAST_CHUNK);
        }
        match maker {
            Some(maker) => making.maker = Some(maker),
            None => self.body = Body::None,
        }
    }

    /// Sends what the client takes.
    ///
    /// # Errors
    /// The connection broke, or the file cannot be read.
    pub(super) fn send(&mut self, to: &Wire) -> Result<(Progress, u64), Errno> {
        let mut sent = 0;
        if self.cold {
            return Ok((Progress::Blocked, sent));
        }
        loop {
            while self.at < self.bytes.len() {
                match to.send(&self.bytes[self.at..], !self.body.is_none()) {
                    Ok(n) => {
                        self.at += n;
                        sent += n as u64;
                    }
                    Err(Errno::INTR) => {}
                    Err(Errno::AGAIN) => return Ok((Progress::Blocked, sent)),
                    Err(error) => return Err(error),
                }
            }
            self.bytes.clear();
            self.at = 0;
            if sent >= TURN_BYTES && !self.body.is_none() {
                return Ok((Progress::Turn, sent));
            }
            match &mut self.body {
                Body::None => {
                    return match to.flush(self.then == Then::Close) {
                        Ok(()) => Ok((Progress::Done, sent)),
                        Err(Errno::AGAIN) => Ok((Progress::Blocked, sent)),
                        Err(error) => Err(error),
                    };
                }
                Body::File(pieces) => match pieces.send(to, &mut self.bytes)? {
                    Piece::Sent(n) => sent += n,
                    Piece::Made => {}
                    Piece::Over => self.body = Body::None,
                    Piece::Rests(progress) => {
                        self.cold = matches!(progress, Progress::Cold(..));
                        return Ok((progress, sent));
                    }
                },
                Body::Listing(paged) => {
                    if !paged.write(&mut self.bytes) {
                        self.body = Body::None;
                    }
                }
                Body::Made(Making { maker: Some(_), .. }) => return Ok((Progress::Pack, sent)),
                Body::Made(_) => return Ok((Progress::Blocked, sent)),
            }
        }
    }
}

/// What a look at the pieces gave.
enum Piece {
    /// So many bytes went out.
    Sent(u64),
    /// There are bytes to be sent.
    Made,
    /// All pieces are out, up to the bytes that were made.
    Over,
    /// It does not go on now.
    Rests(Progress),
}

impl Pieces {
    fn send(&mut self, to: &Wire, made: &mut Vec<u8>) -> Result<Piece, Errno> {
        if self.left == 0 {
            return Ok(match self.parts.next() {
                Some(Part { before, from, len }) => {
                    made.extend_from_slice(&before);
                    (self.from, self.left) = (from, len);
                    self.warm = if from < self.first { self.first } else { from };
                    Piece::Made
                }
                None => {
                    made.append(&mut self.end);
                    Piece::Over
                }
            });
        }
        if let Some(content) = &self.file.content {
            let from = usize::try_from(self.from).unwrap_or(usize::MAX);
            let upto = from.saturating_add(usize::try_from(self.left).unwrap_or(usize::MAX));
            // Parts are planned from the size of this very content.
            let Some(piece) = content.get(from..upto) else {
                return Ok(Piece::Rests(Progress::Cut));
            };
            made.extend_from_slice(piece);
            self.left = 0;
            return Ok(Piece::Made);
        }
        let fd = &self.file.fd;
        let mut len = self.left.min(STRETCH);
        if self.from >= self.warm {
            match warm(fd, self.from, len, Patience::None) {
                Ok(()) => self.warm = self.from + len,
                Err(Errno::AGAIN) => return Ok(Piece::Rests(Progress::Cold(self.from, len))),
                Err(error) => return Err(error),
            }
        }
        len = len.min(self.warm - self.from);
        let mut offset = self.from;
        let sent = match to.is_plain() {
            true => rustix::fs::sendfile(to.fd(), fd, Some(&mut offset), len as usize),
            false => Err(Errno::NOSYS),
        };
        match sent {
            Ok(0) => Ok(Piece::Rests(Progress::Cut)),
            Ok(n) => {
                self.from += n as u64;
                self.left -= n as u64;
                Ok(Piece::Sent(n as u64))
            }
            Err(Errno::INTR) => Ok(Piece::Sent(0)),
            Err(Errno::AGAIN) => Ok(Piece::Rests(Progress::Blocked)),
            // TLS, or a file system without it: through memory of ours.
            Err(Errno::INVAL | Errno::NOSYS) => {
                made.resize((len as usize).min(PIECE_BYTES), 0);
                let got = rustix::io::pread(fd.as_fd(), &mut made[..], self.from)?;
                made.truncate(got);
                self.from += got as u64;
                self.left -= got as u64;
                Ok(if got == 0 { Piece::Rests(Progress::Cut) } else { Piece::Made })
            }
            Err(error) => Err(error),
        }
    }
}

impl Paged {
    /// Appends the next piece; whether there is more.
    pub(super) fn write(&mut self, out: &mut Vec<u8>) -> bool {
        let start = out.len();
        if !self.chunked {
            return self.listing.write(start + PIECE_BYTES, out);
        }
        // The size is known behind the piece, so room for it is kept before it: hex digits may be
        // led by zeros (RFC 9112 section 7.1).
        out.extend_from_slice(b"00000000\r\n");
        let content = out.len();
        let more = self.listing.write(content + PIECE_BYTES, out);
        let size = format!("{:08x}", out.len() - content);
        match size.as_str() {
            // A chunk of size 0 would be the last one.
            "00000000" => out.truncate(start),
            size => {
                out[start..start + size.len()].copy_from_slice(size.as_bytes());
                out.extend_from_slice(b"\r\n");
            }
        }
        if !more {
            out.extend_from_slice(b"0\r\n\r\n");
        }
        more
    }
}
