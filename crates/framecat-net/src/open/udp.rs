//! `udp://HOST:PORT`. Dialling connects the socket, so that refusals are told; listening takes all
//! senders on one socket and never sets SO_REUSEADDR, under which the last binder would take all.

use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd};

use framecat_proto::Endpoint;
use framecat_proto::endpoint::HostPort;
use framecat_proto::limits::UDP_RECEIVE_BYTES;
use framecat_proto::options::{Value, When};
use rustix::io::Errno;
use rustix::net::SocketType;

use super::{ListenOptions, Listener, apply, resolve, tcp};
use crate::conn::Conn;
use crate::datagrams::{Datagrams, PacketSocket, Type, shown_ip};
use crate::error::{Error, Op};
use crate::sockopt;

pub(super) async fn connect(endpoint: &Endpoint, at: &HostPort) -> Result<Conn, Error> {
    let addresses = resolve::addresses(endpoint, at).await?;
    let mut last = None;
    // Connecting sends nothing: an address fails here only if there is no route to it.
    for address in addresses {
        match dial(endpoint, address).await {
            Ok(conn) => return Ok(conn),
            Err(error) => last = Some(error),
        }
    }
    Err(last.unwrap_or_else(|| Error::io(Op::Connect, endpoint.to_string(), Errno::ADDRNOTAVAIL)))
}

async fn dial(endpoint: &Endpoint, address: SocketAddr) -> Result<Conn, Error> {
    let wrong = |error: Errno| Error::io(Op::Connect, endpoint.to_string(), error);
    let family = tcp::family(address);
    let fd = tcp::new_socket(endpoint, address, SocketType::DGRAM, Op::Connect)?;
    make_room(fd.as_fd());
    apply(fd.as_fd(), family, endpoint, When::BeforeBind, Op::Connect)?;
    apply(fd.as_fd(), family, endpoint, When::Any, Op::Connect)?;
    if let Some(Value::Address(from)) = endpoint.options.get("bind") {
        let from = resolve::addresses(endpoint, from).await?;
        tcp::bind_to(&fd, from[0]).map_err(wrong)?;
    }
    apply(fd.as_fd(), family, endpoint, When::BeforeConnect, Op::Connect)?;
    rustix::net::connect(&fd, &address).map_err(wrong)?;
    let local = rustix::net::getsockname(&fd).and_then(SocketAddr::try_from).map_err(wrong)?;
    let peer = shown_ip(address);
    let socket = PacketSocket::new(fd, Type::Udp, shown_ip(local), peer.clone())
        .map_err(|error| Error::io(Op::Connect, endpoint.to_string(), error))?;
    Ok(Conn::Datagrams(Datagrams::connected(socket, peer)))
}

pub(super) async fn listen(
    endpoint: &Endpoint,
    at: &HostPort,
    options: &ListenOptions,
) -> Result<Listener, Error> {
    let places = tcp::places(endpoint, at, options.lan).await?;
    tcp::first_that_binds(endpoint, &places, |place| {
        let wrong = |error: Errno| Error::io(Op::Listen, endpoint.to_string(), error);
        let family = tcp::family(place);
        let fd = tcp::new_socket(endpoint, place, SocketType::DGRAM, Op::Listen)?;
        make_room(fd.as_fd());
        for when in [When::BeforeBind, When::Any] {
            apply(fd.as_fd(), family, endpoint, when, Op::Listen)?;
        }
        if place.is_ipv6() && place.ip().is_unspecified() {
            tcp::dual_stack(&fd, endpoint).map_err(wrong)?;
        }
        tcp::bind_to(&fd, place).map_err(wrong)?;
        let local = rustix::net::getsockname(&fd).and_then(SocketAddr::try_from).map_err(wrong)?;
        let socket = PacketSocket::new(fd, Type::Udp, local.to_string(), String::new())
            .map_err(|error| Error::io(Op::Listen, endpoint.to_string(), error))?;
        Ok(Listener::packets(socket, endpoint, tcp::reach(endpoint, local), options))
    })
}

/// Room for a fast sender, and its datagrams by the run. Neither is needed: a kernel that refuses only makes
/// it slower. What the endpoint asks for comes later and wins.
pub(super) fn make_room(fd: BorrowedFd<'_>) {
    let _ = sockopt::set_receive_buffer(fd, UDP_RECEIVE_BYTES);
    let _ = sockopt::receive_runs(fd);
}
