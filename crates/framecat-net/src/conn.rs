//! An open connection: [`Stream`] for bytes, [`Datagrams`] for messages that the kernel keeps.
//!
//! Every endpoint is a descriptor in the end, so there is one type of stream for sockets, pipes,
//! terminals and files, with no trait object between: what differs is one `match` on [`Kind`].

use std::io::{self, IoSlice};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;

use rustix::buffer::spare_capacity;
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, Shutdown};
use tokio::io::unix::AsyncFd;
use tokio::io::{Interest, Ready};

pub use crate::child::Child;
pub use crate::datagrams::Datagrams;
use crate::error::{Cause, Op};
use crate::sockopt::{bytes_to_read, bytes_unsent};
use crate::tls::Session;

/// An open connection.
#[derive(Debug)]
pub enum Conn {
    /// Bytes in order, with an end in each direction.
    Stream(Stream),
    /// The same over two descriptors, one each way.
    Pair(Pair),
    /// Messages whose boundaries the kernel keeps.
    Datagrams(Datagrams),
}

impl Conn {
    /// The peer as its endpoint prints it, without the scheme.
    pub fn peer(&self) -> &str {
        match self {
            Conn::Stream(stream) => stream.peer(),
            Conn::Pair(pair) => &pair.peer,
            Conn::Datagrams(datagrams) => datagrams.peer(),
        }
    }

    /// Our own end, likewise.
    pub fn local(&self) -> &str {
        match self {
            Conn::Stream(stream) => stream.local(),
            Conn::Pair(pair) => pair.from.local(),
            Conn::Datagrams(datagrams) => datagrams.local(),
        }
    }

    /// The descriptor, for socket options; of two the one that is read.
    pub fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Conn::Stream(stream) => stream.as_fd(),
            Conn::Pair(pair) => pair.from.as_fd(),
            Conn::Datagrams(datagrams) => datagrams.as_fd(),
        }
    }
}

/// Two descriptors that make one connection: what it says is read from one, what it is sent goes to
/// the other. Its direction from us ends when that one closes.
#[derive(Debug)]
pub struct Pair {
    pub(crate) peer: String,
    pub(crate) from: Stream,
    pub(crate) to: Result<Stream, Cause>,
    /// The program that is the peer, if one was started.
    pub(crate) child: Option<Child>,
    /// What it is to write there, for errors.
    pub(crate) op: Op,
}

impl Pair {
    /// Stdin and stdout.
    pub(crate) fn stdio(stdin: Stream, stdout: Stream) -> Pair {
        Pair { peer: "-".into(), from: stdin, to: Ok(stdout), child: None, op: Op::Write }
    }

    /// What is only read; `why`: what who sends to it is told.
    pub(crate) fn read_only(from: Stream, why: Cause) -> Pair {
        Pair { peer: from.peer().into(), from, to: Err(why), child: None, op: Op::Send }
    }

    /// The pipes of a program.
    pub(crate) fn child(from: Stream, to: Stream, child: Child) -> Pair {
        let peer = from.peer().into();
        Pair { peer, from, to: Ok(to), child: Some(child), op: Op::Send }
    }

    /// A file that is written; `from` says when it ended.
    pub(crate) fn written(from: Stream, to: Stream) -> Pair {
        Pair { peer: from.peer().into(), from, to: Ok(to), child: None, op: Op::Write }
    }
}

/// What a stream's descriptor is, as far as the calls on it differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A TCP connection.
    Tcp,
    /// A TCP connection on which TLS is spoken: what is read and written is plain.
    Tls,
    /// A Unix stream connection.
    Unix,
    /// A socket inherited as stdin or stdout, which may block: others share its mode.
    Inherited,
    /// A pipe or FIFO.
    Pipe,
    /// A terminal.
    Terminal,
    /// A regular file: never waits.
    File,
    /// A device such as `/dev/null`.
    Device,
}

impl Kind {
    pub(crate) fn is_socket(self) -> bool {
        matches!(self, Kind::Tcp | Kind::Tls | Kind::Unix | Kind::Inherited)
    }
}

/// A stream of bytes over any descriptor. Clones share it; it closes with the last.
#[derive(Debug, Clone)]
pub struct Stream {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    fd: Fd,
    kind: Kind,
    peer: String,
    local: String,
    /// A write was told that the peer reset the connection.
    reset: AtomicBool,
    #[allow(dead_code, reason = "closes with the stream")]
    held: Option<OwnedFd>,
    /// What stands between the bytes and the socket; of [`Kind::Tls`] only.
    tls: Option<Box<Session>>,
}

/// Why a call on a descriptor gave nothing.
pub(crate) enum Wait {
    /// It said `EAGAIN` for each of these.
    For(Interest),
    /// It failed.
    Error(io::Error),
}

#[derive(Debug)]
enum Fd {
    /// Waits by epoll.
    Polled(AsyncFd<OwnedFd>),
    /// Cannot be polled because it never waits: files and most devices.
    Direct(OwnedFd),
}

impl Stream {
    /// Takes a descriptor. One that may wait must be non-blocking, sockets excepted: their calls say
    /// `MSG_DONTWAIT`, so that a socket shared with another program keeps its mode.
    ///
    /// Must be called within a tokio runtime with I/O enabled.
    pub fn new(fd: OwnedFd, kind: Kind, local: String, peer: String) -> io::Result<Stream> {
        Stream::make(fd, kind, local, peer, None)
    }

    /// As [`new`](Self::new), with a descriptor that closes when the stream does.
    pub(crate) fn holding(
        fd: OwnedFd,
        kind: Kind,
        local: String,
        peer: String,
        held: OwnedFd,
    ) -> io::Result<Stream> {
        Stream::make(fd, kind, local, peer, Some(held))
    }

    fn make(
        fd: OwnedFd,
        kind: Kind,
        local: String,
        peer: String,
        held: Option<OwnedFd>,
    ) -> io::Result<Stream> {
        let fd = match kind {
            Kind::File => Fd::Direct(fd),
            _ => match crate::fast::poll::register(fd) {
                Ok(fd) => Fd::Polled(fd),
                // epoll refuses what is always ready, /dev/null for one (epoll_ctl(2), EPERM).
                Err((fd, error)) if error.raw_os_error() == Some(libc::EPERM) => Fd::Direct(fd),
                Err((_, error)) => return Err(error),
            },
        };
        Ok(Stream {
            inner: Arc::new(Inner { fd, kind, peer, local, held, reset: false.into(), tls: None }),
        })
    }

    /// Puts TLS on a TCP connection that nobody else holds. Then [`handshake`](Self::handshake).
    pub(crate) fn secured(self, session: Session) -> Option<Stream> {
        let inner = Arc::into_inner(self.inner)?;
        let tls = Some(Box::new(session));
        Some(Stream { inner: Arc::new(Inner { kind: Kind::Tls, tls, ..inner }) })
    }

    /// The TLS handshake, to its end. Not cancel safe but for closing.
    pub(crate) async fn handshake(&self) -> io::Result<()> {
        match &self.inner.tls {
            Some(session) => self.until(|fd| session.handshake(fd)).await,
            None => Ok(()),
        }
    }

    /// What TLS knows of this connection: see [`Session::exported`]. `None` where there is none.
    pub(crate) fn exported(&self, label: &[u8]) -> Option<([u8; 32], Vec<u8>)> {
        self.inner.tls.as_ref()?.exported(label)
    }

    /// The descriptor back, if no clone holds it.
    pub(crate) fn into_fd(self) -> Option<OwnedFd> {
        match Arc::into_inner(self.inner)?.fd {
            Fd::Polled(fd) => Some(fd.into_inner()),
            Fd::Direct(fd) => Some(fd),
        }
    }

    /// What the descriptor is.
    pub fn kind(&self) -> Kind {
        self.inner.kind
    }

    /// The peer's address, or what the stream is (`stdin`).
    pub fn peer(&self) -> &str {
        &self.inner.peer
    }

    /// Our own address.
    pub fn local(&self) -> &str {
        &self.inner.local
    }

    /// The descriptor.
    pub fn as_fd(&self) -> BorrowedFd<'_> {
        match &self.inner.fd {
            Fd::Polled(fd) => fd.get_ref().as_fd(),
            Fd::Direct(fd) => fd.as_fd(),
        }
    }

    /// Waits until the peer can no more be told anything: it has closed, not just ended. Of TCP only its
    /// reset shows that, which comes for what is sent to it, if only for a keepalive. Cancel safe.
    pub(crate) async fn gone(&self) {
        #[cfg(target_os = "linux")]
        {
            // A registration of its own takes no readiness away from those who read and write. That of
            // urgent data wakes for EPOLLHUP, which always counts, and not for the end of one direction.
            let interest = Interest::PRIORITY;
            let own = self.as_fd().try_clone_to_owned().ok();
            let own = own.and_then(|own| crate::fast::poll::register_for(own, interest).ok());
            if let Some(own) = own {
                while let Ok(mut ready) = own.ready(interest).await {
                    if has_hung_up(own.get_ref().as_fd()) {
                        return;
                    }
                    ready.clear_ready();
                }
            }
        }
        std::future::pending().await
    }

    /// Runs a non-blocking system call, waiting for readiness whenever it says `EAGAIN` and
    /// repeating it after `EINTR`. Cancel safe if the call is: nothing is kept between calls.
    pub async fn until_ready<T>(
        &self,
        interest: Interest,
        mut call: impl FnMut(BorrowedFd<'_>) -> Result<T, Errno>,
    ) -> io::Result<T> {
        self.until(|fd| at_once(interest, || call(fd))).await
    }

    /// As [`until_ready`](Self::until_ready), for a call that says itself what it waits for.
    pub(crate) async fn until<T>(
        &self,
        mut call: impl FnMut(BorrowedFd<'_>) -> Result<T, Wait>,
    ) -> io::Result<T> {
        loop {
            let interest = match call(self.as_fd()) {
                Ok(done) => return Ok(done),
                Err(Wait::Error(error)) => return Err(error),
                Err(Wait::For(interest)) => interest,
            };
            match &self.inner.fd {
                Fd::Direct(_) => tokio::task::yield_now().await,
                Fd::Polled(fd) => {
                    let mut guard = fd.ready(or_error(interest)).await?;
                    // Only a call that says EAGAIN may take the readiness back, else an edge
                    // that came in between would be lost.
                    match call(self.as_fd()) {
                        Err(Wait::For(again)) => guard.clear_ready_matching(ready_of(again)),
                        Ok(done) => return Ok(done),
                        Err(Wait::Error(error)) => return Err(error),
                    }
                }
            }
        }
    }

    /// Reads what is there into the spare capacity of `buf`, at least one byte unless the stream
    /// ended (0). Cancel safe.
    pub async fn read(&self, buf: &mut Vec<u8>) -> io::Result<usize> {
        debug_assert!(buf.capacity() > buf.len(), "a read of no bytes looks like the end");
        if let Some(session) = &self.inner.tls {
            return self.until(|fd| session.read(fd, buf)).await;
        }
        let socket = self.kind().is_socket();
        let read = self
            .until_ready(Interest::READABLE, |fd| match socket {
                true => Ok(rustix::net::recv(fd, spare_capacity(buf), RecvFlags::DONTWAIT)?.0),
                false => rustix::io::read(fd, spare_capacity(buf)),
            })
            .await?;
        // The kernel tells a reset once, to whoever asks first. Where that was a write, what looks
        // like an end here is none, and a message that it cut is not whole.
        match read == 0 && self.inner.reset.load(Relaxed) {
            true => Err(Errno::CONNRESET.into()),
            false => Ok(read),
        }
    }

    /// Writes all pieces, several to a call. Not cancel safe: how much went out is lost.
    pub async fn write_pieces<'p>(
        &self,
        mut pieces: impl Iterator<Item = &'p [u8]>,
    ) -> io::Result<()> {
        const SLICES: usize = 64;
        let mut slices: [IoSlice<'_>; SLICES] = [IoSlice::new(&[]); SLICES];
        loop {
            let mut filled = 0;
            while filled < SLICES {
                let Some(piece) = pieces.next() else { break };
                slices[filled] = IoSlice::new(piece);
                filled += 1;
            }
            if filled == 0 {
                return self.flush().await;
            }
            let mut left = &mut slices[..filled];
            while !left.is_empty() {
                let written = self.write_some(left).await?;
                IoSlice::advance_slices(&mut left, written);
            }
        }
    }

    /// Writes all bytes. Not cancel safe: how much went out is lost.
    pub async fn write_all(&self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let written = self.write_some(&[IoSlice::new(bytes)]).await?;
            bytes = &bytes[written..];
        }
        self.flush().await
    }

    /// Writes all bytes as a segment of its own as far as the kernel lets it: over TCP nothing is put
    /// behind them that comes later (`MSG_EOR`, net/ipv4/tcp.c). Not cancel safe.
    pub(crate) async fn write_segment(&self, mut bytes: &[u8]) -> io::Result<()> {
        if self.kind() != Kind::Tcp {
            return self.write_all(bytes).await;
        }
        let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL | SendFlags::EOR;
        while !bytes.is_empty() {
            let send = |fd: BorrowedFd<'_>| rustix::net::send(fd, bytes, flags);
            let sent = self.until_ready(Interest::WRITABLE, send).await?;
            bytes = &bytes[sent..];
        }
        Ok(())
    }

    /// Sends what a [`write_some`](Self::write_some) on TLS took and the socket did not. Cancel safe.
    pub(crate) async fn flush(&self) -> io::Result<()> {
        match &self.inner.tls {
            Some(session) => self.until(|fd| session.flush(fd)).await,
            None => Ok(()),
        }
    }

    /// Writes some of the bytes. On TLS part of them may lie with us until [`flush`](Self::flush).
    /// Cancel safe: there is no await behind the call.
    pub(crate) async fn write_some(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        let written = self.until(|_| self.write_now(slices)).await?;
        if written == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        Ok(written)
    }

    /// Writes some of the bytes, or says what it waits for: for [`until`](Self::until).
    pub(crate) fn write_now(&self, slices: &[IoSlice<'_>]) -> Result<usize, Wait> {
        if let Some(session) = &self.inner.tls {
            return session.write(self.as_fd(), slices);
        }
        let write = || {
            if !self.kind().is_socket() {
                return rustix::io::writev(self.as_fd(), slices);
            }
            let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
            let sent = match slices {
                [one] => rustix::net::send(self.as_fd(), one, flags),
                many => rustix::net::sendmsg(self.as_fd(), many, &mut Default::default(), flags),
            };
            if let Err(Errno::CONNRESET) = sent {
                self.inner.reset.store(true, Relaxed);
            }
            sent
        };
        at_once(Interest::WRITABLE, write)
    }

    /// Ends our direction: the peer reads the end, and can still answer. Pipes and files end when
    /// they close. A peer that is gone already is no error.
    pub fn shutdown_write(&self) -> io::Result<()> {
        if !self.kind().is_socket() {
            return Ok(());
        }
        if let Some(session) = &self.inner.tls {
            return session.finish(self.as_fd());
        }
        match rustix::net::shutdown(self.as_fd(), Shutdown::Write) {
            Err(Errno::NOTCONN) | Ok(()) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Whether the peer sent anything in a TLS handshake that has not ended.
    pub(crate) fn was_spoken_to(&self) -> bool {
        self.inner.tls.as_ref().is_some_and(|session| session.has_heard())
    }

    /// Bytes that came and that nobody has read: of TLS only those of the peer's own.
    pub(crate) fn unread(&self) -> usize {
        match &self.inner.tls {
            Some(session) => session.unread(self.as_fd()),
            None => bytes_to_read(self.as_fd()).unwrap_or(0),
        }
    }

    /// Whether the peer's kernel has all that we sent.
    pub(crate) fn is_delivered(&self) -> bool {
        let held = self.inner.tls.as_ref().is_some_and(|session| session.holds_unsent());
        !held && bytes_unsent(self.as_fd()).unwrap_or(0) == 0
    }
}

#[cfg(target_os = "linux")]
fn has_hung_up(fd: BorrowedFd<'_>) -> bool {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let mut polled = [PollFd::from_borrowed_fd(fd, PollFlags::empty())];
    let polled = poll(&mut polled, Some(&Timespec::default())).map(|_| polled[0].revents());
    polled.is_ok_and(|told| told.intersects(PollFlags::HUP | PollFlags::ERR))
}

/// Makes a non-blocking system call, again after `EINTR`; `EAGAIN` waits for `interest`.
fn at_once<T>(interest: Interest, mut call: impl FnMut() -> Result<T, Errno>) -> Result<T, Wait> {
    loop {
        match call() {
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => return Err(Wait::For(interest)),
            done => return done.map_err(|error| Wait::Error(error.into())),
        }
    }
}

/// A datagram socket that was refused by ICMP is neither readable nor, to tokio, anything else that
/// a reader waits for: its error must be waited for by name.
fn or_error(interest: Interest) -> Interest {
    #[cfg(target_os = "linux")]
    return interest.add(Interest::ERROR);
    #[cfg(not(target_os = "linux"))]
    interest
}

fn ready_of(interest: Interest) -> Ready {
    let mut ready = Ready::EMPTY;
    if interest.is_readable() {
        ready |= Ready::READABLE;
    }
    if interest.is_writable() {
        ready |= Ready::WRITABLE;
    }
    #[cfg(target_os = "linux")]
    return ready | Ready::ERROR;
    #[cfg(not(target_os = "linux"))]
    ready
}

/// Counts calls that may never have waited, and lets others run every so often.
///
/// tokio's own budget is one for all branches of a task: a branch that is always ready would use it
/// up each time, and the branches behind it (the other direction, a signal, a deadline) would starve.
#[derive(Debug, Default)]
pub(crate) struct Turns(u32);

impl Turns {
    /// Cancel safe. Stands in front of the call, so that nothing that the call gave is lost here.
    pub(crate) async fn take(&mut self) {
        const CALLS: u32 = 64;
        self.0 = (self.0 + 1) % CALLS;
        if self.0 == 0 {
            tokio::task::yield_now().await;
        }
    }
}
