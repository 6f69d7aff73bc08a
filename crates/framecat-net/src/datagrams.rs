//! Datagrams and seqpacket: messages whose boundaries the kernel keeps. Nothing is cut: a datagram
//! that exceeds the maximum is told with its real length (`MSG_TRUNC`, recv(2)) and left out.

use std::fmt;
use std::io::{self, IoSliceMut};
use std::mem::MaybeUninit;
use std::net::SocketAddr;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use framecat_proto::cidr::Access;
use framecat_proto::limits::DATAGRAM_BYTES;
use framecat_proto::message::Spans;
use rustix::io::Errno;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendFlags, Shutdown, SocketAddrAny,
};
use tokio::io::Interest;
use tokio::sync::mpsc;

use crate::allow::Came;
use crate::conn::{Kind, Stream, Turns};
use crate::error::{Cause, Error, Op};

mod allow;
pub(crate) mod cast;
pub(crate) mod runs;
mod shown;

use cast::{Answers, Networks};
pub(crate) use shown::{shown, shown_ip};

/// The room a receive leaves for one UDP datagram: none is larger.
const UDP_ROOM: usize = 64 << 10;
/// Bytes gathered into one batch before it is handed on.
const BATCH_BYTES: usize = 256 << 10;
/// Bytes gathered for one peer of many before they are handed on. Each parcel has memory of its own: larger
/// ones would be mapped and unmapped again by the allocator (M_MMAP_THRESHOLD, mallopt(3)).
const PARCEL_BYTES: usize = 32 << 10;
/// Datagrams gathered into one batch.
const BATCH_MESSAGES: usize = 4096;

/// What the socket is, as far as receiving differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Type {
    /// At most 64 KiB a datagram.
    Udp,
    /// As large as the sender's buffer: the length is asked first.
    Unixgram,
    /// As unixgram, in order, with an end. `SO_PASSCRED` is set: only a message carries credentials,
    /// which tells an empty one from the end.
    Unixseq,
}

/// One end of a datagram conversation: a connected socket, or one peer of a socket with many.
#[derive(Debug)]
pub struct Datagrams {
    pub(crate) source: PacketSource,
    pub(crate) sink: PacketSink,
}

impl Datagrams {
    /// A connected socket.
    pub(crate) fn connected(socket: PacketSocket, peer: String) -> Datagrams {
        let socket = Arc::new(socket);
        Datagrams {
            source: PacketSource::Socket(socket.clone()),
            sink: PacketSink { socket, to: To::Connected, peer, local: None },
        }
    }

    /// A socket that sends to many and hears whoever answers.
    pub(crate) fn to_many(answers: Answers, networks: Networks) -> Datagrams {
        let (socket, peer) = (answers.socket().clone(), networks.to_string());
        let to = To::Networks(Arc::new(networks));
        let sink = PacketSink { socket, to, peer, local: None };
        Datagrams { source: PacketSource::Answers(Box::new(answers)), sink }
    }

    /// The peer's address.
    pub fn peer(&self) -> &str {
        &self.sink.peer
    }

    /// Our own address.
    pub fn local(&self) -> &str {
        self.sink.local.as_deref().unwrap_or(self.sink.socket.stream.local())
    }

    /// The descriptor. Peers of one listening socket share it.
    pub fn as_fd(&self) -> BorrowedFd<'_> {
        self.sink.socket.stream.as_fd()
    }
}

/// A datagram socket. Dropped, it removes the path that it was bound to.
#[derive(Debug)]
pub(crate) struct PacketSocket {
    pub(crate) stream: Stream,
    pub(crate) kind: Type,
    pub(crate) unlink: Option<crate::open::unix::BoundPath>,
    runs: runs::RunLimit,
    /// What was received behind a parcel and belongs to another sender.
    held: Mutex<Option<(Sender, Parcel)>>,
    /// Datagrams that the kernel had dropped here when it was asked last.
    dropped: AtomicU32,
}

/// What one receive gave.
#[derive(Debug)]
pub(crate) enum Got {
    /// A message of so many bytes.
    Message(usize),
    /// Messages of `segment` bytes back to back, `len` together; the last may be shorter.
    Run {
        /// All bytes.
        len: usize,
        /// Those of each message but the last.
        segment: usize,
    },
    /// One that exceeds the maximum; it is gone.
    TooLong(usize),
    /// The peer ended (seqpacket).
    End,
}

impl PacketSocket {
    pub(crate) fn new(fd: OwnedFd, kind: Type, local: String, peer: String) -> io::Result<Self> {
        let stream = Stream::new(fd, Kind::Unix, local, peer)?;
        Ok(PacketSocket {
            stream,
            kind,
            unlink: None,
            runs: Default::default(),
            held: Default::default(),
            dropped: Default::default(),
        })
    }

    /// One datagram into `buf` from `at` on, or `EAGAIN`. `buf` is all initialised bytes; it grows
    /// when a Unix datagram is larger than the room left, never beyond `at + max`, or 64 KiB for UDP.
    fn receive(
        &self,
        buf: &mut Vec<u8>,
        at: usize,
        max: usize,
    ) -> Result<(Got, Option<SocketAddrAny>), Errno> {
        let fd = self.stream.as_fd();
        let room = match self.kind {
            Type::Udp => return self.receive_udp(buf, at, max),
            Type::Unixgram | Type::Unixseq => {
                let flags = RecvFlags::PEEK | RecvFlags::TRUNC | RecvFlags::DONTWAIT;
                let (_, len) = rustix::net::recv(fd, &mut [0u8; 1][..], flags)?;
                len.min(max).max(1)
            }
        };
        if buf.len() < at + room {
            buf.resize(at + room, 0);
        }
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmCredentials(1))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let mut slices = [IoSliceMut::new(&mut buf[at..at + room])];
        let flags = RecvFlags::DONTWAIT | RecvFlags::TRUNC;
        let got = rustix::net::recvmsg(fd, &mut slices, &mut control, flags)?;
        let ended = self.kind == Type::Unixseq
            && got.bytes == 0
            && !control.drain().any(|c| matches!(c, RecvAncillaryMessage::ScmCredentials(_)));
        let what = match got.bytes {
            _ if ended => Got::End,
            len if len > room || len > max => Got::TooLong(len),
            len => Got::Message(len),
        };
        Ok((what, got.address))
    }
}

/// Datagrams received together: their bytes, where they lie, and which were too long.
#[derive(Debug, Default)]
pub(crate) struct Parcel {
    pub(crate) bytes: Vec<u8>,
    /// End of each message in `bytes`.
    pub(crate) ends: Vec<usize>,
    /// Real lengths of datagrams over the maximum.
    pub(crate) too_long: Vec<usize>,
    pub(crate) ended: bool,
    /// What the kernel told behind these, to be told behind them.
    pub(crate) failed: Option<io::Error>,
    /// Datagrams that the kernel dropped at this socket around these.
    pub(crate) dropped: u64,
}

/// What a parcel costs besides its bytes: a peer that floods us with empty datagrams is bounded too.
const PARCEL_COST: usize = 256;

impl Parcel {
    /// What it counts for in the queue of a peer, in bytes.
    fn cost(&self) -> usize {
        self.filled() + self.ends.len() * size_of::<usize>() + PARCEL_COST
    }

    /// How many datagrams it tells of.
    fn told(&self) -> usize {
        self.ends.len() + self.too_long.len()
    }

    fn clear(&mut self) {
        self.ends.clear();
        self.too_long.clear();
        self.ended = false;
        self.failed = None;
        self.dropped = 0;
    }

    /// Takes in what one receive put into `bytes` at `at`, where the last message ends.
    fn add(&mut self, at: usize, got: &Got, max: usize) {
        match *got {
            Got::Message(len) => self.ends.push(at + len),
            Got::TooLong(len) => self.too_long.push(len),
            Got::End => self.ended = true,
            Got::Run { len, segment } if segment <= max => {
                let end = at + len;
                self.ends.extend((at..end).step_by(segment).skip(1));
                self.ends.push(end);
            }
            Got::Run { len, segment } => {
                self.too_long.extend((segment..=len).step_by(segment).map(|_| segment));
                let last = len % segment;
                if last > max {
                    self.too_long.push(last);
                } else if last > 0 {
                    self.bytes.copy_within(at + len - last..at + len, at);
                    self.ends.push(at + last);
                }
            }
        }
    }

    /// Takes in a copy of what one receive put at the beginning of `buf`.
    fn copy(&mut self, buf: &[u8], got: &Got, max: usize) {
        let at = self.filled();
        self.bytes.truncate(at);
        let len = match *got {
            Got::Message(len) | Got::Run { len, .. } => len,
            Got::TooLong(_) | Got::End => 0,
        };
        self.bytes.extend_from_slice(&buf[..len]);
        self.add(at, got, max);
    }

    fn is_full(&self) -> bool {
        self.ends.len() >= BATCH_MESSAGES || self.filled() >= BATCH_BYTES
    }

    fn filled(&self) -> usize {
        self.ends.last().copied().unwrap_or(0)
    }

    pub(crate) fn spans(&self, spans: &mut Spans) {
        let mut start = 0;
        for &end in &self.ends {
            spans.push(start, end);
            start = end;
        }
    }
}

/// The receiving half.
#[derive(Debug)]
pub(crate) enum PacketSource {
    /// A socket of our own.
    Socket(Arc<PacketSocket>),
    /// One peer of a shared socket: a [`PacketListener`] sorts.
    Inbox(Inbox),
    /// Whoever answers what was sent to many.
    Answers(Box<Answers>),
}

impl PacketSource {
    /// Waits for datagrams and takes all that are there, up to a batch. Cancel safe: nothing is
    /// taken from the kernel before it is in `parcel`, and there is no await after that.
    pub(crate) async fn receive(&mut self, parcel: &mut Parcel, max: usize) -> io::Result<()> {
        match self {
            PacketSource::Inbox(inbox) => {
                inbox.receive(parcel).await;
                Ok(())
            }
            PacketSource::Answers(answers) => answers.receive(parcel, max).await,
            PacketSource::Socket(socket) => {
                parcel.clear();
                let stream = &socket.stream;
                stream.until_ready(Interest::READABLE, |_| socket.receive_into(parcel, max)).await
            }
        }
    }
}

impl PacketSocket {
    fn receive_into(&self, parcel: &mut Parcel, max: usize) -> Result<(), Errno> {
        while !parcel.is_full() && !parcel.ended {
            let at = parcel.filled();
            match self.receive(&mut parcel.bytes, at, max) {
                Ok((got, _)) => parcel.add(at, &got, max),
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => {
                    if parcel.told() > 0 {
                        parcel.dropped += self.newly_dropped();
                    }
                    break;
                }
                // A seqpacket socket tells a reset before what was received in front of it; all
                // others tell an error in its place. Both once, so it is kept.
                Err(error) => {
                    let again = parcel.failed.is_some();
                    parcel.failed.get_or_insert(error.into());
                    if again || self.kind != Type::Unixseq {
                        break;
                    }
                }
            }
        }
        match parcel.told() > 0 || parcel.ended || parcel.failed.is_some() {
            true => Ok(()),
            false => Err(Errno::AGAIN),
        }
    }
}

/// Parcels for one peer of a shared socket.
#[derive(Debug)]
pub(crate) struct Inbox {
    parcels: mpsc::UnboundedReceiver<Parcel>,
    queued: Arc<AtomicUsize>,
    dropped: Arc<AtomicU64>,
}

impl Inbox {
    async fn receive(&mut self, parcel: &mut Parcel) {
        match self.parcels.recv().await {
            Some(next) => {
                self.queued.fetch_sub(next.cost(), Ordering::Relaxed);
                *parcel = next;
            }
            // The listener forgot this peer, or is gone.
            None => {
                parcel.clear();
                parcel.ended = true;
            }
        }
    }

    /// Datagrams dropped because this peer's were not taken, since the last call.
    pub(crate) fn take_dropped(&self) -> u64 {
        self.dropped.swap(0, Ordering::Relaxed)
    }
}

/// The sending half of a peer's inbox, kept by the listener.
#[derive(Debug)]
pub(crate) struct Outbox {
    parcels: mpsc::UnboundedSender<Parcel>,
    queued: Arc<AtomicUsize>,
    dropped: Arc<AtomicU64>,
}

impl Outbox {
    pub(crate) fn new() -> (Outbox, Inbox) {
        let (send, receive) = mpsc::unbounded_channel();
        let (queued, dropped) = (Arc::<AtomicUsize>::default(), Arc::<AtomicU64>::default());
        (
            Outbox { parcels: send, queued: queued.clone(), dropped: dropped.clone() },
            Inbox { parcels: receive, queued, dropped },
        )
    }

    /// Hands a parcel on, or counts its datagrams as dropped when `limit` bytes are waiting already.
    /// False: nobody reads any more.
    pub(crate) fn hand_on(&self, parcel: Parcel, limit: usize) -> bool {
        if self.queued.load(Ordering::Relaxed) + parcel.cost() > limit {
            self.dropped.fetch_add(parcel.told() as u64 + parcel.dropped, Ordering::Relaxed);
            return !self.parcels.is_closed();
        }
        self.queued.fetch_add(parcel.cost(), Ordering::Relaxed);
        self.parcels.send(parcel).is_ok()
    }
}

/// The sending half.
#[derive(Debug, Clone)]
pub(crate) struct PacketSink {
    pub(crate) socket: Arc<PacketSocket>,
    pub(crate) to: To,
    pub(crate) peer: String,
    /// The address that datagrams to this peer leave from, where the socket's own does not say it.
    pub(crate) local: Option<String>,
}

/// Where datagrams of a sink go.
#[derive(Debug, Clone)]
pub(crate) enum To {
    /// Where the socket is connected to.
    Connected,
    /// To one peer of a shared socket.
    Address(Box<SocketAddrAny>),
    /// To all hosts of networks, or of a group.
    Networks(Arc<Networks>),
    /// A Unix peer that bound no name, or a host that has no address yet, cannot be answered.
    Nobody,
}

/// Why a datagram was not sent.
#[derive(Debug)]
pub(crate) enum NotSent {
    /// It is larger than a datagram can be.
    TooLarge {
        /// The largest that fits, as far as is known.
        max: u64,
    },
    /// The peer bound no name, so there is no address to send to.
    Unnamed,
    /// It went out, but not by every network: those that did not take it, once while they do not.
    Partly(Vec<(String, io::Error)>),
    /// The kernel said something else.
    Io(io::Error),
}

/// The longest wait before a datagram to one Unix peer of many is tried again: the kernel wakes an
/// unconnected socket only when one of its own datagrams is taken, not when the peer has room.
const PEER_FULL_WAIT: std::time::Duration = std::time::Duration::from_millis(10);

impl PacketSink {
    /// Sends one message as one datagram. Cancel safe: it went out whole or not at all.
    pub(crate) async fn send(&self, payload: &[u8]) -> Result<(), NotSent> {
        let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
        let stream = &self.socket.stream;
        let sent = match &self.to {
            To::Nobody => return Err(NotSent::Unnamed),
            To::Networks(networks) => return self.send_to_many(networks, payload).await,
            To::Connected => {
                let send = |fd: BorrowedFd<'_>| rustix::net::send(fd, payload, flags);
                stream.until_ready(Interest::WRITABLE, send).await
            }
            To::Address(address) => loop {
                let send = |fd: BorrowedFd<'_>| rustix::net::sendto(fd, payload, flags, &**address);
                let sending = stream.until_ready(Interest::WRITABLE, send);
                if let Ok(sent) = tokio::time::timeout(PEER_FULL_WAIT, sending).await {
                    break sent;
                }
            },
        };
        sent.map(drop).map_err(|error| self.not_sent(payload.len(), error))
    }

    fn not_sent(&self, len: usize, error: io::Error) -> NotSent {
        match error.raw_os_error() {
            Some(libc::EMSGSIZE) => NotSent::TooLarge { max: self.largest(len) },
            _ => NotSent::Io(error),
        }
    }

    /// Whether it has no address to send to.
    pub(crate) fn is_unnamed(&self) -> bool {
        matches!(self.to, To::Nobody)
    }

    /// The error that this is.
    pub(crate) fn unnamed(&self) -> Error {
        let (problem, remedy) = match self.socket.kind {
            Type::Udp => (
                "it sends from no address, so nothing can be sent to it",
                "give the host an address, by DHCP or by `ip address add`",
            ),
            _ => (
                "it has bound no name, so nothing can be sent to it",
                "bind the client to a path or an abstract name",
            ),
        };
        let cause = Cause::Address { problem: problem.into(), remedy: remedy.into() };
        Error { op: Op::Send, endpoint: self.peer.clone(), cause }
    }

    fn largest(&self, refused: usize) -> u64 {
        match self.socket.kind {
            Type::Udp => DATAGRAM_BYTES.min(refused.saturating_sub(1)) as u64,
            // The send buffer bounds a Unix datagram (unix(7)); the kernel's share of it is not told.
            _ => rustix::net::sockopt::socket_send_buffer_size(self.socket.stream.as_fd())
                .unwrap_or(0)
                .min(refused.saturating_sub(1)) as u64,
        }
    }

    /// Ends our direction where there is one (seqpacket).
    pub(crate) fn finish(&self) -> io::Result<()> {
        if self.socket.kind != Type::Unixseq {
            return Ok(());
        }
        match rustix::net::shutdown(self.socket.stream.as_fd(), Shutdown::Write) {
            Err(Errno::NOTCONN) | Ok(()) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

/// Sorts what arrives at one socket by its sender, so that each sender looks like a connection.
#[derive(Debug)]
pub(crate) struct PacketListener {
    socket: Arc<PacketSocket>,
    /// Where answers leave from, and what is said to them comes in: a socket of its own where the port
    /// of `socket` is shared with other programs.
    answers: Option<Arc<PacketSocket>>,
    answers_buf: Vec<u8>,
    access: Access,
    /// Dropped by the kernel, and not told yet.
    dropped: u64,
    peers: std::collections::HashMap<Sender, Known>,
    limits: ListenerLimits,
    clock: u64,
    buf: Vec<u8>,
    /// A parcel gathered and not handed on yet.
    gathered: Option<(Sender, Parcel)>,
    turns: Turns,
}

/// Who sent a datagram. `None`: a Unix socket that is bound to no name; all of those are one.
type Sender = Option<SocketAddrAny>;

/// The bounds of a [`PacketListener`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct ListenerLimits {
    /// The longest datagram delivered.
    pub(crate) message_bytes: usize,
    /// Peers told apart.
    pub(crate) peers: usize,
    /// Bytes held for one peer.
    pub(crate) queue_bytes: usize,
}

#[derive(Debug)]
struct Known {
    outbox: Outbox,
    heard: u64,
}

impl PacketListener {
    pub(crate) fn new(socket: PacketSocket, limits: ListenerLimits) -> PacketListener {
        PacketListener {
            socket: Arc::new(socket),
            answers: None,
            answers_buf: Vec::new(),
            access: Access::default(),
            dropped: 0,
            peers: Default::default(),
            limits,
            clock: 0,
            buf: Vec::new(),
            gathered: None,
            turns: Turns::default(),
        }
    }

    pub(crate) fn socket(&self) -> &PacketSocket {
        &self.socket
    }

    /// Hands datagrams of known peers to them, and returns when a new peer is heard: its first
    /// datagrams wait in it. Cancel safe.
    pub(crate) async fn accept(&mut self) -> io::Result<Came<Datagrams>> {
        loop {
            self.turns.take().await;
            if let Some((from, parcel)) = self.gathered.take() {
                if let Some(new) = self.deliver(from, parcel) {
                    return Ok(Came::In(new));
                }
                continue;
            }
            match self.gather().await {
                Ok((from, _)) if self.is_our_own(&from) => {}
                Ok((from, parcel)) if !self.admits(&from) => {
                    return Ok(Came::TurnedAway(self.turn_away(from, parcel)));
                }
                Ok(gathered) => self.gathered = Some(gathered),
                // An ICMP error of some peer; a socket with many peers goes on.
                Err(error) if error.raw_os_error() == Some(libc::ECONNREFUSED) => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// The next datagram of either socket, which come in turn when both have some. Cancel safe.
    async fn gather(&mut self) -> io::Result<(Sender, Parcel)> {
        let PacketListener { socket, answers, buf, answers_buf, .. } = self;
        let max = self.limits.message_bytes;
        let heard = socket.stream.until_ready(Interest::READABLE, |_| socket.gather(buf, max));
        let Some(answers) = answers else { return heard.await };
        let call = |_: BorrowedFd<'_>| answers.gather(answers_buf, max);
        tokio::select! {
            gathered = heard => gathered,
            gathered = answers.stream.until_ready(Interest::READABLE, call) => gathered,
        }
    }

    fn deliver(&mut self, from: Sender, mut parcel: Parcel) -> Option<Datagrams> {
        self.clock += 1;
        parcel.dropped += std::mem::take(&mut self.dropped);
        let queue_bytes = self.limits.queue_bytes;
        if let Some(known) = self.peers.get_mut(&from) {
            known.heard = self.clock;
            // A conversation that is over makes place for a new one with the same peer. A datagram
            // that was too long for the queue counts there; it must not open another.
            if !known.outbox.parcels.is_closed() {
                known.outbox.hand_on(parcel, queue_bytes);
                return None;
            }
        }
        self.peers.retain(|_, known| !known.outbox.parcels.is_closed());
        if self.peers.len() >= self.limits.peers {
            let oldest = self.peers.iter().min_by_key(|(_, known)| known.heard);
            if let Some(oldest) = oldest.map(|(address, _)| address.clone()) {
                self.peers.remove(&oldest);
            }
        }
        let (outbox, inbox) = Outbox::new();
        outbox.hand_on(parcel, usize::MAX);
        let peer = from.as_ref().map_or_else(|| "unnamed".into(), shown);
        let to =
            from.clone().filter(has_address).map_or(To::Nobody, |from| To::Address(Box::new(from)));
        self.peers.insert(from, Known { outbox, heard: self.clock });
        let socket = self.answers.as_ref().unwrap_or(&self.socket).clone();
        let local = self.answers.as_ref().and_then(|answers| cast::local_toward(answers, &to));
        let sink = PacketSink { socket, to, peer, local };
        Some(Datagrams { source: PacketSource::Inbox(inbox), sink })
    }
}

impl PacketSocket {
    /// The next datagrams of one sender, and who that is.
    fn gather(&self, buf: &mut Vec<u8>, max: usize) -> Result<(Sender, Parcel), Errno> {
        let held = || self.held.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if let Some(gathered) = held().take() {
            return Ok(gathered);
        }
        let (got, from) = self.receive(buf, 0, max)?;
        let mut parcel = Parcel::default();
        parcel.copy(buf, &got, max);
        while self.kind == Type::Udp && !parcel.is_full() && parcel.filled() < PARCEL_BYTES {
            match self.receive(buf, 0, max) {
                Ok((got, sender)) if sender == from => parcel.copy(buf, &got, max),
                Ok((got, sender)) => {
                    let mut next = Parcel::default();
                    next.copy(buf, &got, max);
                    *held() = Some((sender, next));
                    break;
                }
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => {
                    parcel.dropped = self.newly_dropped();
                    break;
                }
                // An ICMP error of some peer, told once; what lasts is told by the next call.
                Err(_) => break,
            }
        }
        Ok((from, parcel))
    }
}

/// Whether a sender can be sent to: a host that has no address yet sends from 0.0.0.0 (RFC 2131), which
/// as a destination would be this machine.
fn has_address(from: &SocketAddrAny) -> bool {
    SocketAddr::try_from(from.clone()).map_or(true, |ip| !ip.ip().is_unspecified())
}

impl fmt::Display for Datagrams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.peer())
    }
}
