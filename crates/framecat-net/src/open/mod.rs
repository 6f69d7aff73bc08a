//! From an endpoint to an open connection: one file a scheme, named as it is typed.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{BorrowedFd, OwnedFd};
use std::sync::OnceLock;
use std::time::Duration;

use framecat_proto::Endpoint;
use framecat_proto::cidr::Access;
use framecat_proto::endpoint::At;
use framecat_proto::limits::{ACCEPT_BACKOFF_MAX, ACCEPT_BACKOFF_MIN, DATAGRAM_PEERS, QUEUE_BYTES};
use framecat_proto::options::When;
use rustix::io::Errno;
use tokio::time::Instant;

use crate::allow::{Came, Door};
use crate::conn::{Conn, Stream, Turns};
use crate::datagrams::{ListenerLimits, PacketListener, PacketSocket, Type};
use crate::error::{Cause, Error, Op};
use crate::event::Reach;
use crate::sockopt::{self, Family};

mod broadcast;
mod exec;
mod file;
pub(crate) mod handed;
mod multicast;
mod resolve;
pub(crate) mod retry;
pub mod stdio;
mod tcp;
mod tls;
mod udp;
pub(crate) mod unix;
mod unixgram;
mod unixseq;

/// Dials an endpoint, all addresses of its name within `wait`.
///
/// Errors: `Resolve` if the name has no address, `Connect` with the kernel's reason,
/// [`Cause::TimedOut`], or, over TLS, [`Cause::NoHandshake`] and [`Cause::Untrusted`]. Cancel safe:
/// what was begun is closed.
pub async fn connect(endpoint: &Endpoint, wait: Duration) -> Result<Conn, Error> {
    connect_for(endpoint, wait, None).await
}

/// For whom an endpoint is dialled: told to a program that is started.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Origin<'a> {
    /// The peer as it prints.
    pub(crate) peer: &'a str,
    /// Our end of its connection.
    pub(crate) local: &'a str,
}

/// When dialling came how far: what is told of its time, and which of its steps took too long.
#[derive(Debug, Default)]
pub(crate) struct Milestones {
    /// The name had its addresses.
    pub(crate) resolved: OnceLock<Instant>,
    /// There was a connection below TLS.
    pub(crate) reached: OnceLock<Instant>,
}

/// Fails as dialling would where it can be known at once: a program that is not there.
pub(crate) fn check(endpoint: &Endpoint) -> Result<(), Error> {
    match &endpoint.at {
        At::Exec(command) => exec::check(endpoint, command),
        _ => Ok(()),
    }
}

/// As [`connect`], on behalf of a peer.
pub(crate) async fn connect_for(
    endpoint: &Endpoint,
    wait: Duration,
    origin: Option<Origin<'_>>,
) -> Result<Conn, Error> {
    connect_watched(endpoint, wait, origin, &Milestones::default()).await
}

/// As [`connect_for`], telling how far it came.
pub(crate) async fn connect_watched(
    endpoint: &Endpoint,
    wait: Duration,
    origin: Option<Origin<'_>>,
    milestones: &Milestones,
) -> Result<Conn, Error> {
    let dialled = async {
        match &endpoint.at {
            At::Tcp(at) => tcp::connect(endpoint, at, milestones).await,
            At::Tls(at) => tls::connect(endpoint, at, milestones).await,
            At::Udp(at) => udp::connect(endpoint, at).await,
            At::Unix(at) => unix::connect(endpoint, at).await,
            At::Unixgram(at) => unixgram::connect(endpoint, at).await,
            At::Unixseq(at) => unixseq::connect(endpoint, at).await,
            At::Broadcast(at) => broadcast::connect(endpoint, at).await,
            At::Multicast(at) => multicast::connect(endpoint, at).await,
            At::Exec(command) => exec::connect(endpoint, command, origin),
            At::File(at) => file::connect(endpoint, at).await,
            At::Stdio => stdio::connect()
                .map_err(|error| Error::io(Op::Connect, endpoint.to_string(), error)),
        }
    };
    match tokio::time::timeout(wait, dialled).await {
        Ok(done) => done,
        Err(_) => {
            let cause = match milestones.reached.get() {
                Some(_) => Cause::NoHandshake(wait),
                None => Cause::TimedOut(wait),
            };
            Err(Error { op: Op::Connect, endpoint: endpoint.to_string(), cause })
        }
    }
}

/// Nobody comes to it by himself.
fn not_for_listening(endpoint: &Endpoint) -> Error {
    let (problem, remedy) = match &endpoint.at {
        At::Exec(_) => (
            "a program is started, and nobody comes to it",
            "framecat connect talks to it; framecat relay EP exec:WORDS starts it for each peer",
        ),
        At::File(_) => (
            "a file is opened, and nobody comes to it",
            "framecat connect reads and writes it; framecat relay joins it with another end",
        ),
        _ => (
            "stdin and stdout are there already",
            "name a socket: HOST:PORT, udp://…, unix://…; framecat relay takes - as an end",
        ),
    };
    let (problem, remedy) = (problem.to_string(), remedy.to_string());
    let cause = Cause::Address { problem, remedy };
    Error { op: Op::Listen, endpoint: endpoint.to_string(), cause }
}

/// How to listen.
#[derive(Debug, Clone, Copy)]
pub struct ListenOptions {
    /// No host means every interface, not this machine.
    pub lan: bool,
    /// The longest datagram delivered, in bytes.
    pub message_bytes: usize,
}

/// A bound endpoint that gives connections. Datagram peers are connections too: their first datagram
/// opens one.
#[derive(Debug)]
pub struct Listener {
    kind: ListenerKind,
    door: Door,
    endpoint: Endpoint,
    shown: String,
    reach: Reach,
    /// The hash of our key, of tls only.
    pin: Option<String>,
    backoff: Duration,
    resume_at: Option<Instant>,
    turns: Turns,
    /// When descriptors were missing last: told once, not at every try.
    short_at: Option<Instant>,
}

#[derive(Debug)]
enum ListenerKind {
    Tcp(Stream),
    Tls(Box<tls::Greeter>),
    Unix(Stream, Option<unix::BoundPath>),
    Unixseq(
        Stream,
        #[allow(dead_code, reason = "removes the path when dropped")] Option<unix::BoundPath>,
    ),
    Packets(Box<PacketListener>),
}

/// A shortage of descriptors is a new one after so long without any.
const SHORTAGE_OVER: Duration = Duration::from_secs(60);

/// What an [`accept`](Listener::accept) gave.
#[derive(Debug)]
pub enum Accepted {
    /// A connection.
    Conn(Conn),
    /// One that did not come to be: its TLS handshake failed. The others go on.
    Failed(Error),
    /// One whose address may not talk ([`Listener::admit`]): it was closed, or, if a datagram, dropped,
    /// and nothing of it read. Told when their number reaches 1, 2, 4, 8 …: a flood fills no log.
    NotAllowed {
        /// Its address.
        peer: String,
        /// How many connections or datagrams were turned away until now.
        count: u64,
    },
    /// There was one, but no descriptor or memory for it. It waits in the kernel's queue, and
    /// accepting rests for so long. Told once while the shortage lasts.
    Delayed {
        /// What the kernel said.
        error: io::Error,
        /// How long.
        wait: Duration,
        /// Whether it was so a short while ago: no news.
        again: bool,
    },
}

/// Binds an endpoint and listens on it.
pub async fn listen(endpoint: &Endpoint, options: &ListenOptions) -> Result<Listener, Error> {
    match &endpoint.at {
        At::Tcp(at) => tcp::listen(endpoint, at, options.lan).await,
        At::Tls(at) => tls::listen(endpoint, at, options.lan).await,
        At::Udp(at) => udp::listen(endpoint, at, options).await,
        At::Unix(at) => unix::listen(endpoint, at),
        At::Unixgram(at) => unixgram::listen(endpoint, at, options),
        At::Unixseq(at) => unixseq::listen(endpoint, at),
        At::Broadcast(at) => broadcast::listen(endpoint, at, options),
        At::Multicast(at) => multicast::listen(endpoint, at, options),
        At::Exec(_) | At::File(_) | At::Stdio => Err(not_for_listening(endpoint)),
    }
}

impl Listener {
    fn new(kind: ListenerKind, endpoint: &Endpoint, local: &str, reach: Reach) -> Listener {
        let backoff = ACCEPT_BACKOFF_MIN;
        let shown = format!("{}://{local}", endpoint.scheme());
        let endpoint = endpoint.clone();
        Listener {
            kind,
            door: Door::default(),
            endpoint,
            shown,
            reach,
            pin: None,
            backoff,
            resume_at: None,
            turns: Turns::default(),
            short_at: None,
        }
    }

    fn packets(
        socket: PacketSocket,
        endpoint: &Endpoint,
        reach: Reach,
        options: &ListenOptions,
    ) -> Listener {
        let local = socket.stream.local().to_string();
        let packets = Box::new(PacketListener::new(socket, packet_limits(options)));
        Listener::new(ListenerKind::Packets(packets), endpoint, &local, reach)
    }

    /// A socket on a port that others may share, and the one that answers leave from.
    fn cast(
        (socket, answers): (PacketSocket, PacketSocket),
        endpoint: &Endpoint,
        shown: &str,
        reach: Reach,
        options: &ListenOptions,
    ) -> Listener {
        let packets = PacketListener::new(socket, packet_limits(options)).answering_from(answers);
        Listener::new(ListenerKind::Packets(Box::new(packets)), endpoint, shown, reach)
    }

    /// The endpoint with its real port, without options.
    pub fn endpoint(&self) -> &str {
        &self.shown
    }

    /// Who can reach it.
    pub fn reach(&self) -> &Reach {
        &self.reach
    }

    /// How the other side names our key: `sha256:…`. Of tls only.
    pub fn pin(&self) -> Option<&str> {
        self.pin.as_deref()
    }

    /// Whether its connections are datagram peers, which share one socket and have no end.
    pub fn is_datagrams(&self) -> bool {
        matches!(self.kind, ListenerKind::Packets(_))
    }

    /// How many datagram peers are told apart, [`DATAGRAM_PEERS`] unless this says otherwise; at least
    /// one. The one silent longest makes room for a new one. Without effect on other connections, which
    /// who accepts them bounds.
    pub fn bound_peers(&mut self, peers: usize) {
        if let ListenerKind::Packets(packets) = &mut self.kind {
            packets.bound_peers(peers.max(1));
        }
    }

    /// Who may talk; everybody unless this says otherwise. Without effect where peers have no address.
    pub fn admit(&mut self, access: Access) {
        if let ListenerKind::Packets(packets) = &mut self.kind {
            packets.admit(access.clone());
        }
        self.door.admit(access);
    }

    /// The listening descriptor.
    pub fn as_fd(&self) -> BorrowedFd<'_> {
        match &self.kind {
            ListenerKind::Tcp(stream) => stream.as_fd(),
            ListenerKind::Tls(greeter) => greeter.socket().as_fd(),
            ListenerKind::Unix(stream, _) | ListenerKind::Unixseq(stream, _) => stream.as_fd(),
            ListenerKind::Packets(packets) => packets.socket().stream.as_fd(),
        }
    }

    /// The listening socket itself, for who accepts on it by other means; what takes its path away, if
    /// it has one, when dropped. `None`: its connections are made and not accepted (datagrams).
    pub(crate) fn into_socket(self) -> Option<(OwnedFd, Option<unix::BoundPath>)> {
        match self.kind {
            ListenerKind::Tcp(stream) => Some((stream.into_fd()?, None)),
            ListenerKind::Tls(greeter) => Some((greeter.into_socket().into_fd()?, None)),
            ListenerKind::Unix(stream, bound) => Some((stream.into_fd()?, bound)),
            _ => None,
        }
    }

    /// How TLS is spoken on its connections, for who accepts them by other means.
    pub(crate) fn tls(&self) -> Option<std::sync::Arc<rustls::ServerConfig>> {
        match &self.kind {
            ListenerKind::Tls(greeter) => Some(greeter.config()),
            _ => None,
        }
    }

    /// The next connection. Errors that concern one connection are passed over (accept(2) hands on
    /// what happened to it while it waited). Cancel safe.
    ///
    /// For datagrams this also hands what arrives to the peers that are known already: call it as
    /// long as they are to hear anything.
    pub async fn accept(&mut self) -> Result<Accepted, Error> {
        loop {
            self.turns.take().await;
            if let Some(at) = self.resume_at {
                // The listener stays readable while descriptors are missing; without this rest it
                // would spin (docs/mistakes.md).
                tokio::time::sleep_until(at).await;
                self.resume_at = None;
            }
            match self.accept_one().await {
                Ok(Came::TurnedAway(away)) => {
                    if let Some(count) = self.door.count(&away) {
                        return Ok(Accepted::NotAllowed { peer: away.peer, count });
                    }
                }
                Ok(Came::In(accepted)) => {
                    self.backoff = ACCEPT_BACKOFF_MIN;
                    return Ok(accepted);
                }
                Err(error) if is_exhaustion(&error) => {
                    let wait = self.backoff;
                    self.backoff = (wait * 2).min(ACCEPT_BACKOFF_MAX);
                    let now = Instant::now();
                    self.resume_at = Some(now + wait);
                    let before = self.short_at.replace(now);
                    let again = before.is_some_and(|at| now.duration_since(at) <= SHORTAGE_OVER);
                    return Ok(Accepted::Delayed { error, wait, again });
                }
                Err(error) if concerns_one_connection(&error) => tokio::task::yield_now().await,
                Err(error) => return Err(Error::io(Op::Receive, self.shown.clone(), error)),
            }
        }
    }

    async fn accept_one(&mut self) -> io::Result<Came<Accepted>> {
        let access = self.door.access();
        let conn = match &mut self.kind {
            ListenerKind::Tls(greeter) => return greeter.accept(&self.endpoint, access).await,
            ListenerKind::Tcp(stream) => tcp::accept(stream, &self.endpoint, access).await?,
            ListenerKind::Unix(stream, _) => Came::In(unix::accept(stream).await?),
            ListenerKind::Unixseq(stream, _) => Came::In(unixseq::accept(stream).await?),
            ListenerKind::Packets(packets) => packets.accept().await?.map(Conn::Datagrams),
        };
        Ok(conn.map(Accepted::Conn))
    }
}

fn packet_limits(options: &ListenOptions) -> ListenerLimits {
    ListenerLimits {
        message_bytes: options.message_bytes,
        peers: DATAGRAM_PEERS,
        queue_bytes: QUEUE_BYTES,
    }
}

/// Binds to a port that others may bind too (SO_REUSEADDR), and says to which. Each of them hears what
/// is sent to many.
fn bind_shared(endpoint: &Endpoint, fd: &OwnedFd, place: SocketAddr) -> Result<SocketAddr, Error> {
    let wrong = |error: Errno| Error::io(Op::Listen, endpoint.to_string(), error);
    let share = || match endpoint.options.get("reuseaddr") {
        None => rustix::net::sockopt::set_socket_reuseaddr(fd, true),
        Some(_) => Ok(()),
    };
    // Shared before, a free port could be one that another program shares too.
    let chosen = place.port() != 0;
    if chosen {
        share().map_err(wrong)?;
    }
    tcp::bind_to(fd, place).map_err(wrong)?;
    if !chosen {
        share().map_err(wrong)?;
    }
    rustix::net::getsockname(fd).and_then(SocketAddr::try_from).map_err(wrong)
}

/// The socket that answers leave from, on a free port.
fn answers(endpoint: &Endpoint, fd: OwnedFd, ip: IpAddr) -> Result<PacketSocket, Error> {
    let wrong = |error: io::Error| Error::io(Op::Listen, endpoint.to_string(), error);
    tcp::bind_to(&fd, SocketAddr::new(ip, 0)).map_err(|error| wrong(error.into()))?;
    let local = rustix::net::getsockname(&fd).and_then(SocketAddr::try_from);
    let local = local.map_err(|error| wrong(error.into()))?;
    PacketSocket::new(fd, Type::Udp, local.to_string(), String::new()).map_err(wrong)
}

fn is_exhaustion(error: &io::Error) -> bool {
    // ENOSPC: no room for another descriptor in epoll (epoll_ctl(2)).
    let exhausted = [libc::EMFILE, libc::ENFILE, libc::ENOBUFS, libc::ENOMEM, libc::ENOSPC];
    error.raw_os_error().is_some_and(|code| exhausted.contains(&code))
}

/// "Linux accept() passes already-pending network errors on the new socket as an error code from
/// accept()": the list of accept(2), and what nginx adds.
fn concerns_one_connection(error: &io::Error) -> bool {
    let passing = [
        libc::ECONNABORTED,
        libc::ECONNRESET,
        libc::EPROTO,
        libc::ENOPROTOOPT,
        libc::ENETDOWN,
        libc::EHOSTDOWN,
        libc::ENONET,
        libc::EHOSTUNREACH,
        libc::EOPNOTSUPP,
        libc::ENETUNREACH,
        libc::EPERM,
        libc::EINVAL,
    ];
    error.raw_os_error().is_some_and(|code| passing.contains(&code))
}

/// Sets what the endpoint asks for at one moment of a socket's life.
fn apply(
    fd: BorrowedFd<'_>,
    family: Family,
    endpoint: &Endpoint,
    when: When,
    op: Op,
) -> Result<(), Error> {
    sockopt::apply(fd, family, &endpoint.options, when).map_err(|refused| Error {
        op,
        endpoint: endpoint.to_string(),
        cause: Cause::Option {
            name: refused.name,
            c_name: refused.c_name,
            source: refused.source,
            remedy: refused.remedy,
        },
    })
}
