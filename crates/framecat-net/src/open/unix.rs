//! `unix://PATH` and `unix://@NAME`: stream sockets on this machine (unix(7)).
//!
//! A socket file whose owner is gone is replaced; a live one, or any other file, never is.

use std::ffi::OsStr;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use framecat_proto::Endpoint;
use framecat_proto::endpoint::UnixPath;
use framecat_proto::limits::{BACKLOG, UNIX_PATH_BYTES};
use framecat_proto::options::{Value, When};
use rustix::fs::{FlockOperation, Mode, OFlags};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};
use tokio::io::Interest;

use super::{Listener, ListenerKind, apply};
use crate::conn::{Conn, Kind, Stream};
use crate::datagrams::shown;
use crate::error::{Cause, Error, Op};
use crate::event::Reach;
use crate::sockopt::Family;

/// The wait before a full queue of a Unix listener is tried again: its connect(2) says EAGAIN and
/// gives nothing to wait for.
const QUEUE_FULL_WAIT: Duration = Duration::from_millis(10);

/// A path that we bound, removed when dropped if it is still ours.
#[derive(Debug)]
pub(crate) struct BoundPath {
    path: PathBuf,
    device: u64,
    inode: u64,
}

impl Drop for BoundPath {
    fn drop(&mut self) {
        let Ok(now) = rustix::fs::lstat(&self.path) else { return };
        if (now.st_dev, now.st_ino) == (self.device, self.inode) {
            // Nobody is left to tell.
            let _ = rustix::fs::unlink(&self.path);
        }
    }
}

pub(super) async fn connect(endpoint: &Endpoint, at: &UnixPath) -> Result<Conn, Error> {
    let fd = dial(endpoint, at, SocketType::STREAM).await?;
    let stream = Stream::new(fd, Kind::Unix, "this end".into(), at.to_string());
    Ok(Conn::Stream(stream.map_err(|error| failed(Op::Connect, endpoint, error))?))
}

pub(super) fn failed(op: Op, endpoint: &Endpoint, error: impl Into<io::Error>) -> Error {
    Error::io(op, endpoint.to_string(), error)
}

pub(super) fn new_socket(endpoint: &Endpoint, kind: SocketType, op: Op) -> Result<OwnedFd, Error> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let fd = rustix::net::socket_with(AddressFamily::UNIX, kind, flags, None)
        .map_err(|error| failed(op, endpoint, error))?;
    apply(fd.as_fd(), Family::Unix, endpoint, When::BeforeBind, op)?;
    apply(fd.as_fd(), Family::Unix, endpoint, When::Any, op)?;
    Ok(fd)
}

/// A connected socket of a type that has connections.
pub(super) async fn dial(
    endpoint: &Endpoint,
    at: &UnixPath,
    kind: SocketType,
) -> Result<OwnedFd, Error> {
    let fd = new_socket(endpoint, kind, Op::Connect)?;
    if kind == SocketType::SEQPACKET {
        // Before connecting: the peer may send at once.
        crate::sockopt::pass_credentials(fd.as_fd(), true)
            .map_err(|error| failed(Op::Connect, endpoint, error))?;
    }
    let address = address(at).map_err(|cause| Error {
        op: Op::Connect,
        endpoint: endpoint.to_string(),
        cause,
    })?;
    loop {
        match rustix::net::connect(&fd, &address) {
            Ok(()) => return Ok(fd),
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => tokio::time::sleep(QUEUE_FULL_WAIT).await,
            Err(error) => return Err(failed(Op::Connect, endpoint, error)),
        }
    }
}

/// The kernel's form of a path.
pub(super) fn address(at: &UnixPath) -> Result<SocketAddrUnix, Cause> {
    let made = match at {
        UnixPath::Path(path) if path.len() > UNIX_PATH_BYTES => {
            return Err(Cause::Address {
                problem: format!(
                    "the path has {} bytes, a socket's path has at most {UNIX_PATH_BYTES}",
                    path.len()
                ),
                remedy: "use a shorter path, or an abstract name: unix://@NAME".into(),
            });
        }
        UnixPath::Path(path) => SocketAddrUnix::new(Path::new(OsStr::from_bytes(path))),
        UnixPath::Abstract(name) => SocketAddrUnix::new_abstract_name(name),
    };
    made.map_err(|error| Cause::Io(error.into()))
}

pub(super) fn listen(endpoint: &Endpoint, at: &UnixPath) -> Result<Listener, Error> {
    let (stream, bound) = listen_socket(endpoint, at, SocketType::STREAM)?;
    let kind = ListenerKind::Unix(stream, bound);
    Ok(Listener::new(kind, endpoint, &at.to_string(), Reach::Path))
}

/// A bound and listening socket of a type that has connections.
pub(super) fn listen_socket(
    endpoint: &Endpoint,
    at: &UnixPath,
    kind: SocketType,
) -> Result<(Stream, Option<BoundPath>), Error> {
    let fd = new_socket(endpoint, kind, Op::Listen)?;
    // Held until it listens: a socket that is bound and does not listen yet looks dead to others.
    let _lock = lock_parent(at);
    let bound = bind(endpoint, &fd, at, kind)?;
    let backlog = match endpoint.options.get("backlog") {
        Some(Value::Int(backlog)) => i32::try_from(*backlog).unwrap_or(i32::MAX),
        _ => BACKLOG,
    };
    rustix::net::listen(&fd, backlog).map_err(|error| failed(Op::Listen, endpoint, error))?;
    let stream = Stream::new(fd, Kind::Unix, at.to_string(), String::new())
        .map_err(|error| failed(Op::Listen, endpoint, error))?;
    Ok((stream, bound))
}

/// Binds a socket to its path or name. The caller holds [`lock_parent`] until it can be reached.
pub(super) fn bind(
    endpoint: &Endpoint,
    fd: &OwnedFd,
    at: &UnixPath,
    kind: SocketType,
) -> Result<Option<BoundPath>, Error> {
    let wrong = |cause| Error { op: Op::Listen, endpoint: endpoint.to_string(), cause };
    let address = address(at).map_err(wrong)?;
    let UnixPath::Path(path) = at else {
        return match rustix::net::bind(fd, &address) {
            Ok(()) => Ok(None),
            Err(error) => Err(failed(Op::Listen, endpoint, error)),
        };
    };
    let path = Path::new(OsStr::from_bytes(path));
    match rustix::net::bind(fd, &address) {
        Ok(()) => {}
        Err(Errno::ADDRINUSE) => {
            remove_dead(path, &address, kind).map_err(wrong)?;
            rustix::net::bind(fd, &address).map_err(|error| failed(Op::Listen, endpoint, error))?;
        }
        Err(error) => return Err(failed(Op::Listen, endpoint, error)),
    }
    let made = rustix::fs::lstat(path).map_err(|error| failed(Op::Listen, endpoint, error))?;
    Ok(Some(BoundPath { path: path.to_path_buf(), device: made.st_dev, inode: made.st_ino }))
}

/// Two programs that find the same dead socket must not remove each other's new one. `None`: an
/// abstract name, or a directory that cannot be locked.
pub(super) fn lock_parent(at: &UnixPath) -> Option<OwnedFd> {
    let UnixPath::Path(path) = at else { return None };
    let path = Path::new(OsStr::from_bytes(path));
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let dir = rustix::fs::open(parent.unwrap_or(Path::new(".")), flags, Mode::empty()).ok()?;
    // Anybody may hold this lock for other reasons; it is waited for a second at most.
    for _ in 0..100 {
        match rustix::fs::flock(&dir, FlockOperation::NonBlockingLockExclusive) {
            Err(Errno::WOULDBLOCK) => std::thread::sleep(Duration::from_millis(10)),
            locked => return locked.ok().map(|()| dir),
        }
    }
    None
}

/// Removes what is at `path` if it is a socket that nobody owns any more.
fn remove_dead(path: &Path, address: &SocketAddrUnix, kind: SocketType) -> Result<(), Cause> {
    let there = rustix::fs::lstat(path).map_err(|error| Cause::Io(error.into()))?;
    if rustix::fs::FileType::from_raw_mode(there.st_mode) != rustix::fs::FileType::Socket {
        return Err(Cause::Address {
            problem: "a file that is no socket is there".into(),
            remedy: "framecat never replaces it; choose another path, or remove it yourself".into(),
        });
    }
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let probe = rustix::net::socket_with(AddressFamily::UNIX, kind, flags, None)
        .map_err(|error| Cause::Io(error.into()))?;
    match rustix::net::connect(&probe, address) {
        Err(Errno::CONNREFUSED) => {
            rustix::fs::unlink(path).map_err(|error| Cause::Io(error.into()))
        }
        Err(Errno::NOENT) => Ok(()),
        // It answered, its queue is full, or it is of another type: it lives.
        _ => Err(Cause::Io(Errno::ADDRINUSE.into())),
    }
}

pub(super) async fn accept(listener: &Stream) -> io::Result<Conn> {
    let fd = accept_fd(listener).await?;
    let peer = peer_name(&fd);
    let local = listener.local().to_string();
    Ok(Conn::Stream(Stream::new(fd, Kind::Unix, local, peer)?))
}

pub(super) async fn accept_fd(listener: &Stream) -> io::Result<OwnedFd> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    listener.until_ready(Interest::READABLE, |fd| rustix::net::accept_with(fd, flags)).await
}

/// The peer's own name, or who it is: few Unix clients bind one.
pub(super) fn peer_name(fd: &OwnedFd) -> String {
    let name = rustix::net::getpeername(fd).ok().flatten().map(|address| shown(&address));
    match name.as_deref() {
        Some("unnamed") | None => match rustix::net::sockopt::socket_peercred(fd) {
            Ok(cred) => format!("pid {}", cred.pid.as_raw_nonzero()),
            Err(_) => "unnamed".into(),
        },
        Some(name) => name.to_string(),
    }
}
