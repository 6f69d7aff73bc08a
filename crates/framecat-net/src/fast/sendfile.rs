//! A file to a socket without passing through us: sendfile(2). Linux only.

use rustix::io::Errno;
use tokio::io::Interest;

use crate::conn::{Stream, Turns};
use crate::relay::{CopyError, Progress, Side};

/// At most so many bytes a call, so that other connections and signals get their turn.
const BYTES_A_CALL: usize = 1 << 20;

/// Moves the file `from` from where it is, to its end or `most` bytes, into the socket `to`. `None`: the kernel cannot do it for these
/// two (EINVAL), and nothing was moved.
pub(crate) async fn copy(
    from: &Stream,
    to: &Stream,
    progress: &Progress,
    most: u64,
) -> Option<Result<(), CopyError>> {
    let (mut moved_any, mut left) = (false, most);
    let mut turns = Turns::default();
    loop {
        turns.take().await;
        progress.rest().await;
        let bytes = at_most(BYTES_A_CALL, left);
        if bytes == 0 {
            return Some(Ok(()));
        }
        let moved = to
            .until_ready(Interest::WRITABLE, |to| {
                rustix::fs::sendfile(to, from.as_fd(), None, bytes)
            })
            .await;
        match moved {
            Ok(0) => return Some(Ok(())),
            Ok(bytes) => {
                moved_any = true;
                left -= bytes as u64;
                progress.add(bytes);
            }
            Err(error) if !moved_any && unsupported(&error) => return None,
            Err(error) if is_the_files(&error) => {
                return Some(Err(CopyError { side: Side::From, error }));
            }
            Err(error) => return Some(Err(CopyError { side: Side::To, error })),
        }
    }
}

/// Reading fails with EIO, and with EBADF where the file is open for writing alone: a stdin that we
/// were given may be. A socket is open for both, so everything else is its own.
fn is_the_files(error: &std::io::Error) -> bool {
    matches!(error.raw_os_error().map(Errno::from_raw_os_error), Some(Errno::IO | Errno::BADF))
}

/// How many of `left` a call of at most `bytes` moves.
pub(super) fn at_most(bytes: usize, left: u64) -> usize {
    usize::try_from(left).unwrap_or(usize::MAX).min(bytes)
}

pub(super) fn unsupported(error: &std::io::Error) -> bool {
    matches!(
        error.raw_os_error().map(Errno::from_raw_os_error),
        Some(Errno::INVAL | Errno::NOSYS | Errno::PERM)
    )
}
