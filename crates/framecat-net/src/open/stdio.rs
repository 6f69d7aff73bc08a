//! `-`: the standard input and output of this process, as streams like any other.
//!
//! Both are shared with other programs, so their mode is never changed: a pipe or terminal is opened
//! anew through /proc (Linux gives it a file description of its own, which may be non-blocking), and
//! a socket is read and written with `MSG_DONTWAIT`.

use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};

use rustix::fs::{FileType, Mode, OFlags};
use rustix::io::Errno;

use crate::conn::{Conn, Kind, Pair, Stream};

/// Standard input. Must be called within a tokio runtime with I/O enabled.
pub fn stdin() -> io::Result<Stream> {
    let fd = rustix::stdio::stdin();
    let kind = kind_of(fd)?;
    let own = match kind {
        Kind::Pipe | Kind::Terminal => match reopen(fd, OFlags::RDONLY) {
            Ok(own) => own,
            Err(_) => pumped(fd)?,
        },
        _ => duplicate(fd)?,
    };
    Stream::new(own, kind, "stdin".into(), "stdin".into())
}

/// In place of stdin for who must not read it: ended from the start.
pub fn nothing() -> io::Result<Stream> {
    let null = rustix::fs::open("/dev/null", OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
    Stream::new(null, Kind::Device, "nothing".into(), "nothing".into())
}

/// Standard output. Must be called within a tokio runtime with I/O enabled.
///
/// If it cannot be opened anew (a pipe of another user's, no /proc) it is written in its own mode,
/// which may hold up everything while its reader pauses.
pub fn stdout() -> io::Result<Stream> {
    let fd = rustix::stdio::stdout();
    let kind = kind_of(fd)?;
    let own = match kind {
        Kind::Pipe | Kind::Terminal => match reopen(fd, OFlags::WRONLY) {
            Ok(own) => own,
            Err(_) => duplicate(fd)?,
        },
        _ => duplicate(fd)?,
    };
    Stream::new(own, kind, "stdout".into(), "stdout".into())
}

/// Both as one connection. Must be called within a tokio runtime with I/O enabled.
pub(super) fn connect() -> io::Result<Conn> {
    Ok(Conn::Pair(Pair::stdio(stdin()?, stdout()?)))
}

/// What a standard descriptor is: for defaults that depend on a terminal.
pub fn kind_of(fd: BorrowedFd<'_>) -> io::Result<Kind> {
    let stat = rustix::fs::fstat(fd)?;
    Ok(match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => Kind::File,
        FileType::Fifo => Kind::Pipe,
        FileType::Socket => Kind::Inherited,
        FileType::CharacterDevice if rustix::termios::isatty(fd) => Kind::Terminal,
        _ => Kind::Device,
    })
}

fn duplicate(fd: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    Ok(rustix::io::fcntl_dupfd_cloexec(fd, 3)?)
}

fn reopen(fd: BorrowedFd<'_>, access: OFlags) -> Result<OwnedFd, Errno> {
    use std::os::fd::AsRawFd;
    let path = format!("/proc/self/fd/{}", fd.as_raw_fd());
    let flags = access | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY;
    rustix::fs::open(path, flags, Mode::empty())
}

/// A thread reads what cannot be made non-blocking and hands it on through a pipe.
fn pumped(fd: BorrowedFd<'static>) -> io::Result<OwnedFd> {
    use rustix::pipe::{PipeFlags, pipe_with};
    let (read, write) = pipe_with(PipeFlags::CLOEXEC)?;
    rustix::fs::fcntl_setfl(&read, OFlags::NONBLOCK)?;
    std::thread::Builder::new().name("stdin".into()).spawn(move || {
        let mut from = std::fs::File::from(duplicate(fd)?);
        let mut to = std::fs::File::from(write);
        io::copy(&mut from, &mut to)
    })?;
    Ok(read)
}

/// Whether something waits to be read.
pub fn holds_input(stream: &Stream) -> bool {
    use rustix::event::{PollFd, PollFlags, poll};
    let mut polled = [PollFd::from_borrowed_fd(stream.as_fd(), PollFlags::IN)];
    let now = rustix::time::Timespec::default();
    matches!(poll(&mut polled, Some(&now)), Ok(1)) && polled[0].revents().contains(PollFlags::IN)
}

/// Whether a reader of `stdout` is still there: a pipe or socket without one says so at once.
pub fn has_reader(stream: &Stream) -> bool {
    use rustix::event::{PollFd, PollFlags, poll};
    let mut polled = [PollFd::from_borrowed_fd(stream.as_fd(), PollFlags::empty())];
    let now = rustix::time::Timespec::default();
    match poll(&mut polled, Some(&now)) {
        Ok(1) => !polled[0].revents().intersects(PollFlags::ERR | PollFlags::HUP),
        _ => true,
    }
}
