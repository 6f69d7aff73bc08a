//! `tcp://HOST:PORT`. Dialling races the addresses of a name (RFC 8305); listening sets
//! SO_REUSEADDR, so that a restarted server can bind while old connections are in TIME_WAIT.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use framecat_proto::Endpoint;
use framecat_proto::cidr::Access;
use framecat_proto::endpoint::HostPort;
use framecat_proto::limits::{BACKLOG, CONNECT_STAGGER};
use framecat_proto::options::{Value, When};
use rustix::io::Errno;
use rustix::net::{AddressFamily, RecvFlags, SocketFlags, SocketType};
use tokio::io::Interest;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::{Listener, ListenerKind, Milestones, apply, resolve};
use crate::allow::{Came, TurnedAway};
use crate::conn::{Conn, Kind, Stream};
use crate::datagrams::shown_ip;
use crate::error::{Cause, Error, Op};
use crate::event::Reach;
use crate::sockopt::{self, Family};

pub(super) async fn connect(
    endpoint: &Endpoint,
    at: &HostPort,
    milestones: &Milestones,
) -> Result<Conn, Error> {
    let mut addresses = resolve::addresses(endpoint, at).await?.into_iter();
    let _ = milestones.resolved.set(Instant::now());
    let mut attempts = JoinSet::new();
    let mut failures: Vec<(String, io::Error)> = Vec::new();
    loop {
        if let Some(address) = addresses.next() {
            let endpoint = endpoint.clone();
            attempts.spawn(async move { (address, dial(&endpoint, address).await) });
        }
        // The next address starts when one fails, or after a head start.
        let ended = match addresses.len() {
            0 => attempts.join_next().await,
            _ => match tokio::time::timeout(CONNECT_STAGGER, attempts.join_next()).await {
                Ok(ended) => ended,
                Err(_) => continue,
            },
        };
        match ended {
            Some(Ok((_, Ok(stream)))) => return Ok(Conn::Stream(stream)),
            Some(Ok((address, Err(Dial::Io(error))))) => {
                failures.push((shown_ip(address), error));
            }
            Some(Ok((_, Err(Dial::Other(error))))) => return Err(error),
            Some(Err(panicked)) => std::panic::resume_unwind(panicked.into_panic()),
            None if addresses.len() == 0 => return Err(every(endpoint, failures)),
            None => {}
        }
    }
}

fn every(endpoint: &Endpoint, mut failures: Vec<(String, io::Error)>) -> Error {
    let cause = match failures.len() {
        1 => Cause::Io(failures.remove(0).1),
        _ => Cause::EveryAddress(failures),
    };
    Error { op: Op::Connect, endpoint: endpoint.to_string(), cause }
}

enum Dial {
    /// This address; another may do.
    Io(io::Error),
    /// Something that no other address mends.
    Other(Error),
}

impl From<Errno> for Dial {
    fn from(error: Errno) -> Dial {
        Dial::Io(error.into())
    }
}

async fn dial(endpoint: &Endpoint, address: SocketAddr) -> Result<Stream, Dial> {
    let fd = match prepare(endpoint, address, Op::Connect) {
        // A kernel without this family: another address of the name may do.
        Err(error) if error.errno() == Some(libc::EAFNOSUPPORT) => {
            return Err(Errno::AFNOSUPPORT.into());
        }
        prepared => prepared.map_err(Dial::Other)?,
    };
    if let Some(Value::Address(from)) = endpoint.options.get("bind") {
        let from = resolve::addresses(endpoint, from).await.map_err(Dial::Other)?;
        bind_to(&fd, from[0])?;
    }
    apply(fd.as_fd(), family(address), endpoint, When::BeforeConnect, Op::Connect)
        .map_err(Dial::Other)?;
    match rustix::net::connect(&fd, &address) {
        Ok(()) | Err(Errno::INPROGRESS | Errno::INTR) => {}
        Err(error) => return Err(error.into()),
    }
    let local = |fd: &OwnedFd| rustix::net::getsockname(fd).and_then(SocketAddr::try_from);
    let peer = shown_ip(address);
    // Registered for polling only now: a socket that was never connected reports a hang-up.
    let connecting = Stream::new(fd, Kind::Tcp, String::new(), peer.clone()).map_err(Dial::Io)?;
    connecting.until_ready(Interest::WRITABLE, has_connected).await.map_err(Dial::Io)?;
    let fd = connecting.into_fd().ok_or(Errno::BADF)?;
    let local = local(&fd)?;
    // A free port of our own can be dialled by chance and answers itself (simultaneous open). The
    // address dialled may be written otherwise than the peer's: 0.0.0.0 is this machine too.
    // One that was reset since has no peer any more, and may have left something to read.
    let answered = rustix::net::getpeername(&fd).ok().flatten();
    let answered = answered.and_then(|peer| SocketAddr::try_from(peer).ok());
    if answered == Some(local) {
        return Err(Errno::CONNREFUSED.into());
    }
    Stream::new(fd, Kind::Tcp, shown_ip(local), peer).map_err(Dial::Io)
}

/// `EAGAIN` while connect(2) is under way, then its outcome.
///
/// A peer may send and reset before we look. SO_ERROR would give the reset in place of what it sent,
/// and only once; so we look for data first and leave the reset to whoever reads them.
fn has_connected(fd: BorrowedFd<'_>) -> Result<(), Errno> {
    match rustix::net::recv(fd, &mut [0], RecvFlags::PEEK | RecvFlags::DONTWAIT) {
        Ok(_) => return Ok(()),
        // Nothing to read yet, whether connected or not.
        Err(Errno::AGAIN) => {}
        // Where recv(2) does not tell why connecting failed, SO_ERROR does.
        Err(Errno::NOTCONN) => rustix::net::sockopt::socket_error(fd)??,
        Err(error) => return Err(error),
    }
    match rustix::net::getpeername(fd) {
        Ok(_) => Ok(()),
        Err(Errno::NOTCONN) => Err(Errno::AGAIN),
        Err(error) => Err(error),
    }
}

pub(super) fn family(address: SocketAddr) -> Family {
    if address.is_ipv4() { Family::Inet4 } else { Family::Inet6 }
}

/// A new socket with the options that come first.
fn prepare(endpoint: &Endpoint, address: SocketAddr, op: Op) -> Result<OwnedFd, Error> {
    let fd = new_socket(endpoint, address, SocketType::STREAM, op)?;
    sockopt::defaults(fd.as_fd(), "tcp", &endpoint.options)
        .map_err(|refused| Error::io(op, endpoint.to_string(), refused.source))?;
    apply(fd.as_fd(), family(address), endpoint, When::BeforeBind, op)?;
    apply(fd.as_fd(), family(address), endpoint, When::Any, op)?;
    Ok(fd)
}

pub(super) fn new_socket(
    endpoint: &Endpoint,
    address: SocketAddr,
    kind: SocketType,
    op: Op,
) -> Result<OwnedFd, Error> {
    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    rustix::net::socket_with(family, kind, flags, None)
        .map_err(|error| Error::io(op, endpoint.to_string(), error))
}

pub(super) fn bind_to(fd: &OwnedFd, address: SocketAddr) -> Result<(), Errno> {
    rustix::net::bind(fd, &address)
}

/// Where to bind: the address given, every interface with `--lan`, this machine otherwise. IPv6
/// sockets for every interface take IPv4 too; where there is no IPv6, IPv4 alone is bound.
pub(super) async fn places(
    endpoint: &Endpoint,
    at: &HostPort,
    lan: bool,
) -> Result<Vec<SocketAddr>, Error> {
    if at.host.is_none() && lan {
        let every = [IpAddr::V6(Ipv6Addr::UNSPECIFIED), IpAddr::V4(Ipv4Addr::UNSPECIFIED)];
        return Ok(every.iter().map(|ip| SocketAddr::new(*ip, at.port)).collect());
    }
    Ok(resolve::addresses(endpoint, at).await?.into_iter().take(1).collect())
}

/// Tries the places in order; only a missing address family leads on to the next.
pub(super) fn first_that_binds<T>(
    endpoint: &Endpoint,
    places: &[SocketAddr],
    mut bind: impl FnMut(SocketAddr) -> Result<T, Error>,
) -> Result<T, Error> {
    let mut last = None;
    for &place in places {
        match bind(place) {
            Err(error)
                if matches!(error.errno(), Some(libc::EAFNOSUPPORT | libc::EADDRNOTAVAIL)) =>
            {
                last = Some(error);
            }
            done => return done,
        }
    }
    let nowhere = || Error::io(Op::Listen, endpoint.to_string(), Errno::ADDRNOTAVAIL);
    Err(last.unwrap_or_else(nowhere))
}

pub(super) fn reach(endpoint: &Endpoint, local: SocketAddr) -> Reach {
    if local.ip().is_loopback() {
        return Reach::ThisMachine { udp: endpoint.scheme() == "udp" };
    }
    match local.ip().is_unspecified() {
        false => Reach::Network(vec![format!("{}://{}", endpoint.scheme(), shown_ip(local))]),
        true => {
            let v6only = endpoint.options.get("v6only") == Some(&Value::Flag(true));
            let reachable = resolve::reachable(endpoint.scheme(), local, v6only);
            Reach::Network(reachable)
        }
    }
}

pub(super) async fn listen(
    endpoint: &Endpoint,
    at: &HostPort,
    lan: bool,
) -> Result<Listener, Error> {
    let places = places(endpoint, at, lan).await?;
    first_that_binds(endpoint, &places, |place| {
        let wrong = |error: Errno| Error::io(Op::Listen, endpoint.to_string(), error);
        let fd = prepare(endpoint, place, Op::Listen)?;
        if endpoint.options.get("reuseaddr").is_none() {
            rustix::net::sockopt::set_socket_reuseaddr(&fd, true).map_err(wrong)?;
        }
        if place.ip() == IpAddr::V6(Ipv6Addr::UNSPECIFIED) {
            dual_stack(&fd, endpoint).map_err(wrong)?;
        }
        bind_to(&fd, place).map_err(wrong)?;
        rustix::net::listen(&fd, backlog(endpoint)).map_err(wrong)?;
        let local = rustix::net::getsockname(&fd).and_then(SocketAddr::try_from).map_err(wrong)?;
        let stream = Stream::new(fd, Kind::Tcp, shown_ip(local), String::new())
            .map_err(|error| Error::io(Op::Listen, endpoint.to_string(), error))?;
        let shown = local.to_string();
        Ok(Listener::new(ListenerKind::Tcp(stream), endpoint, &shown, reach(endpoint, local)))
    })
}

/// `[::]` takes IPv4 too, whatever the system's default (net.ipv6.bindv6only), unless told otherwise.
pub(super) fn dual_stack(fd: &OwnedFd, endpoint: &Endpoint) -> Result<(), Errno> {
    match endpoint.options.get("v6only") {
        Some(_) => Ok(()),
        None => rustix::net::sockopt::set_ipv6_v6only(fd, false),
    }
}

fn backlog(endpoint: &Endpoint) -> i32 {
    match endpoint.options.get("backlog") {
        Some(Value::Int(backlog)) => i32::try_from(*backlog).unwrap_or(i32::MAX),
        _ => BACKLOG,
    }
}

pub(super) async fn accept(
    listener: &Stream,
    endpoint: &Endpoint,
    access: &Access,
) -> io::Result<Came<Conn>> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    // accept(2) names a peer that is gone already, too; getpeername(2) does not.
    let accept = |fd: BorrowedFd<'_>| rustix::net::acceptfrom_with(fd, flags);
    let (fd, peer) = listener.until_ready(Interest::READABLE, accept).await?;
    let peer = peer.and_then(|address| SocketAddr::try_from(address).ok());
    let admitted = access.admits(peer.map(|peer| peer.ip()));
    let peer = peer.map_or_else(|| "an unknown address".into(), shown_ip);
    if !admitted {
        // Closing it with what it said unread resets it (RFC 1122 section 4.2.2.13).
        return Ok(Came::TurnedAway(TurnedAway { peer, times: 1 }));
    }
    // Linux hands most options on from the listener; setting them again costs little and holds on
    // systems that do not.
    sockopt::defaults(fd.as_fd(), "tcp", &endpoint.options).map_err(|refused| refused.source)?;
    let local = rustix::net::getsockname(&fd).and_then(SocketAddr::try_from)?;
    Ok(Came::In(Conn::Stream(Stream::new(fd, Kind::Tcp, shown_ip(local), peer)?)))
}
