//! `file:PATH`: a file, FIFO or device as a peer. Without an option it is read: it says what it holds
//! and ends, and takes nothing. With `create`, `append` or `replace` it is written: it takes what it is
//! sent, says nothing, and ends when we do.
//!
//! What opens here may be anything: a FIFO waits for its other end (fifo(7)), a device is not always
//! polled, and neither may hold up the program, so all is opened with `O_NONBLOCK`.

use std::ffi::OsStr;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::time::Duration;

use framecat_proto::Endpoint;
use framecat_proto::endpoint::FilePath;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{FileType, Mode, OFlags};
use rustix::io::Errno;
use rustix::pipe::{PipeFlags, pipe_with};
use tokio::io::Interest;

use super::stdio::kind_of;
use crate::conn::{Conn, Kind, Pair, Stream};
use crate::error::{Cause, Error, Op};

/// How the file is opened, whatever it is.
const ALWAYS: OFlags = OFlags::CLOEXEC.union(OFlags::NONBLOCK).union(OFlags::NOCTTY);

/// Between two looks whether somebody reads a FIFO that is to be written: the kernel tells it to who
/// opens it and to nobody who waits.
const FIFO_STEP: Duration = Duration::from_millis(20);

/// Opens the file. One end of a FIFO waits for the other; the caller bounds the time.
pub(super) async fn connect(endpoint: &Endpoint, path: &FilePath) -> Result<Conn, Error> {
    let on = |name| endpoint.options.get(name) == Some(&framecat_proto::options::Value::Flag(true));
    let how = match (on("create"), on("append"), on("replace")) {
        (true, ..) => OFlags::CREATE | OFlags::EXCL,
        (_, true, _) => OFlags::CREATE | OFlags::APPEND,
        (_, _, true) => OFlags::CREATE | OFlags::TRUNC,
        _ => return read(path).await,
    };
    write(path, how).await
}

async fn read(path: &FilePath) -> Result<Conn, Error> {
    let name = format!("file:{path}");
    let failed = |error: io::Error| Error::io(Op::Connect, name.clone(), error);
    let fd = open(path, OFlags::RDONLY).map_err(|error| failed(error.into()))?;
    let kind = kind_of(fd.as_fd()).map_err(failed)?;
    let local = "reading".to_string();
    let stream = Stream::new(fd, kind, local, name.clone()).map_err(failed)?;
    if kind == Kind::Pipe {
        // Before anybody wrote to it a FIFO reads as ended; to poll(2) it is not.
        stream.until_ready(Interest::READABLE, written).await.map_err(failed)?;
    }
    let why = Cause::Address {
        problem: "it is read, and takes nothing".into(),
        remedy: format!("{name},append writes to it; < /dev/null sends nothing"),
    };
    Ok(Conn::Pair(Pair::read_only(stream, why)))
}

/// `EAGAIN` as long as nobody has opened the FIFO for writing.
fn written(fd: BorrowedFd<'_>) -> Result<(), Errno> {
    let mut polled = [PollFd::from_borrowed_fd(fd, PollFlags::IN)];
    match poll(&mut polled, Some(&Timespec::default()))? {
        0 => Err(Errno::AGAIN),
        _ => Ok(()),
    }
}

async fn write(path: &FilePath, how: OFlags) -> Result<Conn, Error> {
    let name = format!("file:{path}");
    let failed = |error: io::Error| Error::io(Op::Write, name.clone(), error);
    let fd = loop {
        match open(path, OFlags::WRONLY | how) {
            // A FIFO that nobody reads yet, a socket, or a device that is not there (open(2)).
            Err(Errno::NXIO) if is(path, FileType::Fifo) => tokio::time::sleep(FIFO_STEP).await,
            opened => break opened.map_err(|error| failed(error.into()))?,
        }
    };
    let kind = kind_of(fd.as_fd()).map_err(failed)?;
    // It has something to say, its end, once we have ended: so whoever joins it with stdin or with
    // another peer waits for them, and not for it.
    let (ends, held) = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)
        .map_err(|error| failed(error.into()))?;
    let local = "writing".to_string();
    let from = Stream::new(ends, Kind::Pipe, local.clone(), name.clone()).map_err(failed)?;
    let to = Stream::holding(fd, kind, local, name.clone(), held).map_err(failed)?;
    Ok(Conn::Pair(Pair::written(from, to)))
}

fn open(path: &FilePath, flags: OFlags) -> Result<OwnedFd, Errno> {
    let path = OsStr::from_bytes(path.bytes());
    // As a shell creates what > names: for all, less what the umask takes.
    let fd = rustix::fs::open(path, flags | ALWAYS, Mode::from_raw_mode(0o666))?;
    match file_type(&fd) {
        // Opened for reading, it would say so only at the first read.
        Some(FileType::Directory) => Err(Errno::ISDIR),
        _ => Ok(fd),
    }
}

fn file_type(fd: &OwnedFd) -> Option<FileType> {
    rustix::fs::fstat(fd).ok().map(|stat| FileType::from_raw_mode(stat.st_mode))
}

fn is(path: &FilePath, kind: FileType) -> bool {
    let stat = rustix::fs::stat(OsStr::from_bytes(path.bytes()));
    stat.is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == kind)
}
