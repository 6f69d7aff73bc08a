//! `unixseq://`: Unix seqpacket sockets: connections, with an end, that keep messages whole
//! (unix(7)).
//!
//! recvmsg(2) gives 0 for an empty message and for the end alike. With `SO_PASSCRED` set before
//! anything is sent, only a message carries credentials: that tells them apart.

use std::io;
use std::os::fd::{AsFd, OwnedFd};

use framecat_proto::Endpoint;
use framecat_proto::endpoint::UnixPath;
use rustix::net::SocketType;

use super::{Listener, ListenerKind, unix};
use crate::conn::{Conn, Stream};
use crate::datagrams::{Datagrams, PacketSocket, Type};
use crate::error::{Error, Op};
use crate::event::Reach;
use crate::sockopt::pass_credentials;

pub(super) async fn connect(endpoint: &Endpoint, at: &UnixPath) -> Result<Conn, Error> {
    let fd = unix::dial(endpoint, at, SocketType::SEQPACKET).await?;
    let conn = wrap(fd, "this end".into(), at.to_string());
    conn.map_err(|error| unix::failed(Op::Connect, endpoint, error))
}

fn wrap(fd: OwnedFd, local: String, peer: String) -> io::Result<Conn> {
    let socket = PacketSocket::new(fd, Type::Unixseq, local, peer.clone())?;
    Ok(Conn::Datagrams(Datagrams::connected(socket, peer)))
}

pub(super) fn listen(endpoint: &Endpoint, at: &UnixPath) -> Result<Listener, Error> {
    let (stream, bound) = unix::listen_socket(endpoint, at, SocketType::SEQPACKET)?;
    // Accepted sockets inherit it; what a peer sends before it is accepted carries credentials
    // anyway.
    pass_credentials(stream.as_fd(), true)
        .map_err(|error| unix::failed(Op::Listen, endpoint, error))?;
    let kind = ListenerKind::Unixseq(stream, bound);
    Ok(Listener::new(kind, endpoint, &at.to_string(), Reach::Path))
}

pub(super) async fn accept(listener: &Stream) -> io::Result<Conn> {
    let fd = unix::accept_fd(listener).await?;
    pass_credentials(fd.as_fd(), true)?;
    let peer = unix::peer_name(&fd);
    wrap(fd, listener.local().to_string(), peer)
}
