//! `unixgram://`: Unix datagram sockets (unix(7)). Reliable and in order on Linux; a full queue makes
//! the sender wait.

use framecat_proto::Endpoint;
use framecat_proto::endpoint::UnixPath;
use rustix::net::{SocketAddrUnix, SocketType};

use super::{ListenOptions, Listener, unix};
use crate::conn::Conn;
use crate::datagrams::{Datagrams, PacketSocket, Type, shown};
use crate::error::{Error, Op};
use crate::event::Reach;

pub(super) async fn connect(endpoint: &Endpoint, at: &UnixPath) -> Result<Conn, Error> {
    let failed = |error: std::io::Error| unix::failed(Op::Connect, endpoint, error);
    let address = unix::address(at).map_err(|cause| Error {
        op: Op::Connect,
        endpoint: endpoint.to_string(),
        cause,
    })?;
    let fd = unix::new_socket(endpoint, SocketType::DGRAM, Op::Connect)?;
    // A socket without a name cannot be answered: the kernel picks an abstract one (autobind).
    rustix::net::bind(&fd, &SocketAddrUnix::new_unnamed()).map_err(|e| failed(e.into()))?;
    rustix::net::connect(&fd, &address).map_err(|e| failed(e.into()))?;
    let local = rustix::net::getsockname(&fd).map_err(|e| failed(e.into()))?;
    let socket = PacketSocket::new(fd, Type::Unixgram, shown(&local), at.to_string());
    let socket = socket.map_err(failed)?;
    Ok(Conn::Datagrams(Datagrams::connected(socket, at.to_string())))
}

pub(super) fn listen(
    endpoint: &Endpoint,
    at: &UnixPath,
    options: &ListenOptions,
) -> Result<Listener, Error> {
    let fd = unix::new_socket(endpoint, SocketType::DGRAM, Op::Listen)?;
    let _lock = unix::lock_parent(at);
    let bound = unix::bind(endpoint, &fd, at, SocketType::DGRAM)?;
    let mut socket = PacketSocket::new(fd, Type::Unixgram, at.to_string(), String::new())
        .map_err(|error| unix::failed(Op::Listen, endpoint, error))?;
    socket.unlink = bound;
    Ok(Listener::packets(socket, endpoint, Reach::Path, options))
}
