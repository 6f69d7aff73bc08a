//! Socket to socket, pipe or device without passing through us: splice(2). Linux only.
//!
//! One end of each splice must be a pipe. Where neither end is one, a pipe of ours goes between, and
//! what is in it is drained before anything else is read: `EAGAIN` can mean an empty source as well
//! as a full pipe.

use std::io;
use std::os::fd::OwnedFd;

use rustix::io::Errno;
use rustix::pipe::{
    PipeFlags, SpliceFlags, fcntl_getpipe_size, fcntl_setpipe_size, pipe_with, splice,
};
use tokio::io::Interest;

use super::sendfile::{at_most, unsupported};
use crate::conn::{Kind, Stream, Turns};
use crate::relay::{CopyError, Progress, Side};

/// At most so many bytes a call. Never `usize::MAX`: the kernel adds the file position and answers
/// EINVAL, each time (see docs/mistakes.md, realm #157).
const BYTES_A_CALL: usize = 1 << 20;

/// What a splice ended with.
pub(crate) enum Spliced {
    /// The source ended and all of it was delivered.
    Done,
    /// The kernel cannot splice these two; nothing was moved.
    Unsupported,
}

fn flags() -> SpliceFlags {
    SpliceFlags::MOVE | SpliceFlags::NONBLOCK
}

/// Gives a pipe at either end the size that one splice moves. A user over their share of pipe pages
/// gets EPERM, and it stays as it is.
pub(crate) fn widen(pipe: &Stream) {
    if fcntl_getpipe_size(pipe.as_fd()).is_ok_and(|size| size < BYTES_A_CALL) {
        let _ = fcntl_setpipe_size(pipe.as_fd(), BYTES_A_CALL);
    }
}

/// Moves bytes where one end is a pipe already: to the end, or `most` of them.
pub(crate) async fn copy_direct(
    from: &Stream,
    to: &Stream,
    progress: &Progress,
    most: u64,
) -> Result<Spliced, CopyError> {
    let (mut moved_any, mut left) = (false, most);
    let mut turns = Turns::default();
    loop {
        turns.take().await;
        progress.rest().await;
        let most = at_most(BYTES_A_CALL, left);
        if most == 0 {
            return Ok(Spliced::Done);
        }
        // EAGAIN does not say which end it means. The source is waited for first; if bytes are
        // there, it was the destination.
        let call = || splice(from.as_fd(), None, to.as_fd(), None, most, flags());
        let bytes = match call() {
            Ok(bytes) => bytes,
            Err(Errno::INTR) => continue,
            Err(Errno::AGAIN) => {
                from.until_ready(Interest::READABLE, |fd| readable(fd, from.kind()))
                    .await
                    .map_err(|error| CopyError { side: Side::From, error })?;
                match to.until_ready(Interest::WRITABLE, |_| call()).await {
                    Ok(bytes) => bytes,
                    Err(error) if !moved_any && unsupported(&error) => {
                        return Ok(Spliced::Unsupported);
                    }
                    Err(error) => return Err(side_of(error, from)),
                }
            }
            Err(error) if !moved_any && unsupported(&error.into()) => {
                return Ok(Spliced::Unsupported);
            }
            Err(error) => return Err(side_of(error.into(), from)),
        };
        if bytes == 0 {
            return Ok(Spliced::Done);
        }
        moved_any = true;
        left -= bytes as u64;
        progress.add(bytes);
    }
}

/// Whether a read would give something, the end and errors included: `EAGAIN` if not.
fn readable(fd: std::os::fd::BorrowedFd<'_>, kind: Kind) -> Result<(), Errno> {
    debug_assert!(!matches!(kind, Kind::File));
    let mut polled = [rustix::event::PollFd::from_borrowed_fd(fd, rustix::event::PollFlags::IN)];
    match rustix::event::poll(&mut polled, Some(&rustix::time::Timespec::default()))? {
        0 => Err(Errno::AGAIN),
        _ => Ok(()),
    }
}

/// One end is a pipe, which knows no error but that nobody reads it (EPIPE); all others are the
/// socket's.
fn side_of(error: io::Error, from: &Stream) -> CopyError {
    let into_pipe = from.kind() != Kind::Pipe;
    let no_reader = error.raw_os_error() == Some(libc::EPIPE);
    let side = if into_pipe && !no_reader { Side::From } else { Side::To };
    CopyError { side, error }
}

/// The pipe between two ends that are none. It lives as long as one direction of a connection.
#[derive(Debug)]
pub(crate) struct Between {
    read: OwnedFd,
    write: OwnedFd,
}

impl Between {
    pub(crate) fn new() -> io::Result<Between> {
        let (read, write) = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)?;
        // A user over their share of pipe pages gets EPERM and keeps the default of 64 KiB.
        let _ = fcntl_setpipe_size(&write, BYTES_A_CALL);
        Ok(Between { read, write })
    }

    /// Moves bytes through the pipe: to the end, or `most` of them.
    pub(crate) async fn copy(
        &self,
        from: &Stream,
        to: &Stream,
        progress: &Progress,
        most: u64,
    ) -> Result<Spliced, CopyError> {
        let (mut moved_any, mut due) = (false, most);
        let mut turns = Turns::default();
        loop {
            turns.take().await;
            progress.rest().await;
            let most = at_most(BYTES_A_CALL, due);
            if most == 0 {
                return Ok(Spliced::Done);
            }
            // The pipe is empty here, so EAGAIN means the source.
            let filled = from
                .until_ready(Interest::READABLE, |from| {
                    splice(from, None, &self.write, None, most, flags())
                })
                .await;
            let filled = match filled {
                Ok(0) => return Ok(Spliced::Done),
                Ok(filled) => filled,
                Err(error) if !moved_any && unsupported(&error) => {
                    return Ok(Spliced::Unsupported);
                }
                Err(error) => return Err(CopyError { side: Side::From, error }),
            };
            progress.hold();
            let mut left = filled;
            while left > 0 {
                let moved = to
                    .until_ready(Interest::WRITABLE, |to| {
                        splice(&self.read, None, to, None, left, flags())
                    })
                    .await;
                match moved {
                    Ok(moved) => {
                        left -= moved;
                        progress.add(moved);
                    }
                    // The destination cannot be spliced into (a file opened for appending): what
                    // is in the pipe goes out by hand, the rest by the portable way.
                    Err(error) if !moved_any && left == filled && unsupported(&error) => {
                        self.drain_by_hand(to, left, progress).await?;
                        return Ok(Spliced::Unsupported);
                    }
                    Err(error) => return Err(CopyError { side: Side::To, error }),
                }
            }
            moved_any = true;
            due -= filled as u64;
        }
    }

    async fn drain_by_hand(
        &self,
        to: &Stream,
        mut left: usize,
        progress: &Progress,
    ) -> Result<(), CopyError> {
        let mut buf = vec![0; left.min(64 << 10)];
        while left > 0 {
            let upto = left.min(buf.len());
            let read = rustix::io::read(&self.read, &mut buf[..upto])
                .map_err(|error| CopyError { side: Side::From, error: error.into() })?;
            to.write_all(&buf[..read])
                .await
                .map_err(|error| CopyError { side: Side::To, error })?;
            progress.add(read);
            left -= read;
        }
        Ok(())
    }
}
