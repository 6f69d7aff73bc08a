//! One socket, many peers: sending to all hosts of networks or of a group, and hearing whoever answers.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::os::fd::BorrowedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::io::Errno;
use rustix::net::{AddressFamily, SendFlags, SocketAddrAny, SocketFlags, SocketType};
use tokio::io::Interest;

use super::{
    NotSent, PacketListener, PacketSink, PacketSocket, Parcel, Sender, To, shown, shown_ip,
};
use crate::{interfaces, sockopt};

/// Where one message goes: at least one place.
#[derive(Debug)]
pub(crate) struct Networks(Vec<Network>);

/// One of the places.
#[derive(Debug)]
struct Network {
    /// All of its hosts, by one address.
    to: SocketAddr,
    /// The interface that it leaves by, by name and index, where the route alone does not say it.
    by: Option<(String, u32)>,
    /// Whether it took the last message.
    takes: AtomicBool,
}

impl Networks {
    /// One place, by whatever way the routes or the socket's own options say.
    pub(crate) fn one(to: SocketAddr) -> Networks {
        Networks(vec![Network { to, by: None, takes: AtomicBool::new(true) }])
    }

    /// An address on each of these interfaces.
    pub(crate) fn by(places: Vec<(SocketAddr, String, u32)>) -> Networks {
        let network = |(to, name, index)| {
            let by = Some((name, index));
            Network { to, by, takes: AtomicBool::new(true) }
        };
        Networks(places.into_iter().map(network).collect())
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.by {
            Some((name, _)) => write!(f, "{} by {name}", self.to),
            None => write!(f, "{}", self.to),
        }
    }
}

impl fmt::Display for Networks {
    /// The addresses: `192.0.2.255:9000`, several with commas.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, network) in self.0.iter().enumerate() {
            let comma = if i > 0 { ", " } else { "" };
            write!(f, "{comma}{}", network.to)?;
        }
        Ok(())
    }
}

impl PacketSink {
    /// Sends one message to each network. An error only if none took it. Cancel safe for one network;
    /// of several, some may have it.
    pub(super) async fn send_to_many(
        &self,
        networks: &Networks,
        payload: &[u8],
    ) -> Result<(), NotSent> {
        let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
        let (mut taken, mut first, mut news) = (0, None, Vec::new());
        for network in &networks.0 {
            let send = |fd: BorrowedFd<'_>| {
                if let Some((_, index)) = network.by {
                    let set = sockopt::cast::leave_by(fd, index);
                    set.map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::NODEV))?;
                }
                rustix::net::sendto(fd, payload, flags, &network.to)
            };
            let sent = self.socket.stream.until_ready(Interest::WRITABLE, send).await;
            let took = network.takes.swap(sent.is_ok(), Ordering::Relaxed);
            match sent {
                Ok(_) => taken += 1,
                Err(error) => {
                    if took {
                        let again = error.raw_os_error().map(io::Error::from_raw_os_error);
                        let again = again.unwrap_or(io::ErrorKind::Other.into());
                        news.push((network.to_string(), again));
                    }
                    first.get_or_insert(error);
                }
            }
        }
        match first {
            None => Ok(()),
            Some(error) if taken == 0 => Err(self.not_sent(payload.len(), error)),
            Some(_) => Err(NotSent::Partly(news)),
        }
    }
}

/// What comes to a socket that sent to many. A batch is of one sender, and nothing is kept of one.
#[derive(Debug)]
pub(crate) struct Answers {
    socket: Arc<PacketSocket>,
    /// Addresses under which our own datagrams come back to us.
    own: Vec<SocketAddr>,
    /// Who sent the last batch.
    from: Option<String>,
    buf: Vec<u8>,
}

impl Answers {
    pub(crate) fn new(socket: PacketSocket, own: Vec<SocketAddr>) -> Answers {
        Answers { socket: Arc::new(socket), own, from: None, buf: Vec::new() }
    }

    pub(crate) fn socket(&self) -> &Arc<PacketSocket> {
        &self.socket
    }

    /// Who sent what was received last.
    pub(crate) fn from(&self) -> Option<&str> {
        self.from.as_deref()
    }

    /// As [`PacketSource::receive`](super::PacketSource::receive), of one sender. Cancel safe.
    pub(super) async fn receive(&mut self, parcel: &mut Parcel, max: usize) -> io::Result<()> {
        parcel.clear();
        let socket = self.socket.clone();
        let call = |_: BorrowedFd<'_>| self.receive_into(parcel, max);
        socket.stream.until_ready(Interest::READABLE, call).await
    }

    fn receive_into(&mut self, parcel: &mut Parcel, max: usize) -> Result<(), Errno> {
        loop {
            let (from, gathered) = self.socket.gather(&mut self.buf, max)?;
            if self.is_own(from.as_ref()) {
                continue;
            }
            if let Some(from) = &from {
                self.from = Some(shown(from));
            }
            *parcel = gathered;
            return Ok(());
        }
    }

    fn is_own(&self, sender: Option<&SocketAddrAny>) -> bool {
        let ours = |sender: &SocketAddrAny| {
            SocketAddr::try_from(sender.clone()).is_ok_and(|from| self.own.contains(&from))
        };
        !self.own.is_empty() && sender.is_some_and(ours)
    }
}

impl PacketListener {
    /// A listener on a port that other programs may share: the last of them to bind it gets all that is
    /// sent to it alone, so answers leave from `answers`, where what is said to us reaches us.
    pub(crate) fn answering_from(mut self, answers: PacketSocket) -> PacketListener {
        self.answers = Some(Arc::new(answers));
        self
    }

    /// Tells at most so many peers apart.
    pub(crate) fn bound_peers(&mut self, peers: usize) {
        self.limits.peers = peers;
    }

    /// Whether a datagram is our own answer. A sender that gives our own port as its address would make
    /// us answer ourselves for ever.
    pub(super) fn is_our_own(&self, from: &Sender) -> bool {
        let (Some(answers), Some(from)) = (&self.answers, from) else { return false };
        let local = rustix::net::getsockname(answers.stream.as_fd()).and_then(SocketAddr::try_from);
        match (local, SocketAddr::try_from(from.clone())) {
            (Ok(local), Ok(from)) => from.port() == local.port() && interfaces::is_own(from.ip()),
            _ => false,
        }
    }
}

/// The address that a datagram to this peer leaves from: of the interface that leads there. None where
/// the kernel does not say.
pub(super) fn local_toward(answers: &PacketSocket, to: &To) -> Option<String> {
    let To::Address(to) = to else { return None };
    let to = SocketAddr::try_from(SocketAddrAny::clone(to)).ok()?;
    let bound = rustix::net::getsockname(answers.stream.as_fd()).and_then(SocketAddr::try_from);
    let probe = rustix::net::socket_with(
        if to.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 },
        SocketType::DGRAM,
        SocketFlags::CLOEXEC,
        None,
    );
    // Connecting sends nothing.
    let probe = probe.ok()?;
    rustix::net::connect(&probe, &to).ok()?;
    let local = rustix::net::getsockname(&probe).and_then(SocketAddr::try_from).ok()?;
    Some(shown_ip(SocketAddr::new(local.ip(), bound.ok()?.port())))
}
