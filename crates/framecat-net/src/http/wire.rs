//! How a client is spoken to: on the socket itself, or by TLS on it. Nothing waits here: what cannot be done
//! now is `AGAIN`.

use std::io::{self, IoSlice};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, Shutdown};
use rustls::{ServerConfig, ServerConnection};

use crate::conn::Wait;
use crate::tls::Session;
use crate::tls::told::Side;

/// What who speaks HTTP without TLS is told, once.
const NOT_TLS: &[u8] = b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\n\
    Content-Length: 69\r\nConnection: close\r\n\r\n\
    This port speaks HTTP by TLS only: the address begins with https://.\n";

/// A connection to a client.
#[derive(Debug)]
pub(super) struct Wire {
    fd: OwnedFd,
    tls: Option<Box<Secured>>,
}

#[derive(Debug)]
struct Secured {
    session: Session,
    /// The first byte was looked at.
    begun: bool,
}

impl Wire {
    /// The socket as it is, or with TLS on it; the handshake is part of reading.
    pub(super) fn new(fd: OwnedFd, tls: Option<&Arc<ServerConfig>>) -> io::Result<Wire> {
        let Some(config) = tls else { return Ok(Wire { fd, tls: None }) };
        let tls = ServerConnection::new(config.clone()).map_err(io::Error::other)?;
        let session = Session::new(tls, Side::Server { alpn: "http/1.1".into() });
        Ok(Wire { fd, tls: Some(Box::new(Secured { session, begun: false })) })
    }

    pub(super) fn fd(&self) -> &OwnedFd {
        &self.fd
    }

    pub(super) fn is_plain(&self) -> bool {
        self.tls.is_none()
    }

    /// Whether more may be had without anything new on the socket: what TLS has taken apart already.
    pub(super) fn may_hold_more(&self) -> bool {
        !self.is_plain()
    }

    /// Whether something of ours waits for the socket that goes out with the next call of any kind.
    pub(super) fn holds_unsent(&self) -> bool {
        self.tls.as_ref().is_some_and(|tls| tls.session.holds_unsent())
    }

    /// Reads; 0 is the client's end.
    ///
    /// # Errors
    /// `AGAIN`: nothing came. Else the connection broke, or what came is no TLS.
    pub(super) fn recv(&mut self, room: &mut [u8]) -> Result<usize, Errno> {
        let Some(tls) = &mut self.tls else {
            return rustix::net::recv(&self.fd, room, RecvFlags::empty()).map(|(n, _)| n);
        };
        if !tls.begun {
            let mut first = [0];
            if rustix::net::recv(&self.fd, &mut first, RecvFlags::PEEK)?.0 == 1 {
                tls.begun = true;
                // A handshake begins with 22 (RFC 8446 section 5.1), a method with a letter.
                if first[0].is_ascii_uppercase() {
                    let _ = rustix::net::send(&self.fd, NOT_TLS, SendFlags::NOSIGNAL);
                    let _ = rustix::net::shutdown(&self.fd, Shutdown::Write);
                    // What lies unread would make a reset of the end.
                    let _ = rustix::net::recv(&self.fd, &mut *room, RecvFlags::empty());
                    return Err(Errno::PROTO);
                }
            }
        }
        let mut plain = Vec::with_capacity(room.len());
        match tls.session.read(self.fd.as_fd(), &mut plain) {
            Ok(_) => {
                let len = plain.len().min(room.len());
                room[..len].copy_from_slice(&plain[..len]);
                Ok(len)
            }
            // Many leave without a word. Where a request ends is told by itself (RFC 9112 section 9.8).
            Err(Wait::Error(error)) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(0),
            Err(wait) => Err(errno(wait)),
        }
    }

    /// Sends; how much was taken. By TLS it may not all have left yet: see [`flush`](Self::flush).
    pub(super) fn send(&self, bytes: &[u8], more: bool) -> Result<usize, Errno> {
        match &self.tls {
            None => {
                let more = if more { SendFlags::MORE } else { SendFlags::empty() };
                rustix::net::send(&self.fd, bytes, SendFlags::NOSIGNAL | more)
            }
            Some(tls) => tls.session.write(self.fd.as_fd(), &[IoSlice::new(bytes)]).map_err(errno),
        }
    }

    /// Sends what was taken and has not left; behind the `last` of it TLS says that this is the end.
    pub(super) fn flush(&self, last: bool) -> Result<(), Errno> {
        let Some(tls) = &self.tls else { return Ok(()) };
        if last {
            // A peer that is gone needs no end.
            let _ = tls.session.finish(self.fd.as_fd());
        }
        tls.session.flush(self.fd.as_fd()).map_err(errno)
    }

    /// Ends our direction.
    pub(super) fn end(&self) {
        let _ = self.flush(true);
        // Of one that broke, the next read tells.
        let _ = rustix::net::shutdown(&self.fd, Shutdown::Write);
    }
}

fn errno(wait: Wait) -> Errno {
    match wait {
        Wait::For(_) => Errno::AGAIN,
        Wait::Error(error) => error.raw_os_error().map_or(Errno::PROTO, Errno::from_raw_os_error),
    }
}
