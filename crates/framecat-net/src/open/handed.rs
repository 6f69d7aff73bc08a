//! A listening socket that somebody else has bound: systemd's socket units, and what does as they do
//! (sd_listen_fds(3)).

use std::net::SocketAddr;
use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::OFlags;
use rustix::io::FdFlags;
use rustix::net::{SocketAddrUnix, SocketType};

use super::resolve;
use crate::datagrams::shown_ip;
use crate::error::{Cause, Error, Op};
use crate::event::Reach;

/// The socket made ready for a loop, where it listens, and who reaches it.
///
/// # Errors
/// It is no listening stream socket of TCP or Unix.
pub(crate) fn listener(socket: OwnedFd) -> Result<(OwnedFd, String, Reach), Error> {
    let wrong = |problem: &str| Error {
        op: Op::Listen,
        endpoint: "the socket that was handed over".into(),
        cause: Cause::Address {
            problem: problem.into(),
            remedy: "a socket unit needs ListenStream= and Accept=no".into(),
        },
    };
    let fd = socket.as_fd();
    let listens = rustix::net::sockopt::socket_acceptconn(fd).unwrap_or(false)
        && rustix::net::sockopt::socket_type(fd) == Ok(SocketType::STREAM);
    if !listens {
        return Err(wrong("descriptor 3 is no stream socket that listens"));
    }
    let ready = rustix::io::fcntl_setfd(fd, FdFlags::CLOEXEC)
        .and_then(|()| rustix::fs::fcntl_getfl(fd))
        .and_then(|flags| rustix::fs::fcntl_setfl(fd, flags | OFlags::NONBLOCK));
    let local = ready.and_then(|()| rustix::net::getsockname(fd));
    let local = local.map_err(|error| wrong(&error.to_string()))?;
    if let Ok(local) = SocketAddr::try_from(local.clone()) {
        let shown = format!("tcp://{}", shown_ip(local));
        let reach = match local.ip() {
            ip if ip.is_loopback() => Reach::ThisMachine { udp: false },
            ip if ip.is_unspecified() => Reach::Network(resolve::reachable("tcp", local, false)),
            _ => Reach::Network(vec![shown.clone()]),
        };
        return Ok((socket, shown, reach));
    }
    let path = SocketAddrUnix::try_from(local)
        .map_err(|_| wrong("descriptor 3 is a socket of neither TCP nor Unix"))?;
    let shown = match (path.path_bytes(), path.abstract_name()) {
        (Some(path), _) => format!("unix://{}", String::from_utf8_lossy(path)),
        (None, Some(name)) => format!("unix://@{}", String::from_utf8_lossy(name)),
        (None, None) => "unix://".into(),
    };
    Ok((socket, shown, Reach::Path))
}
