//! Registering a descriptor with the runtime's epoll: unsafe in tokio's interface, so it stands with
//! the rest of what is.
#![allow(unsafe_code)]

use std::io;
use std::os::fd::OwnedFd;

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// Waits by epoll from now on; gives the descriptor back with the reason where epoll refuses it.
pub(crate) fn register(fd: OwnedFd) -> Result<AsyncFd<OwnedFd>, (OwnedFd, io::Error)> {
    register_for(fd, Interest::READABLE.add(Interest::WRITABLE))
}

/// As [`register`], for what is named alone.
pub(crate) fn register_for(
    fd: OwnedFd,
    interest: Interest,
) -> Result<AsyncFd<OwnedFd>, (OwnedFd, io::Error)> {
    // SAFETY: an `OwnedFd` is an open descriptor that nobody else closes, its `as_raw_fd` never
    // changes, and `AsyncFd` owns it until it is dropped or taken out.
    let registered = unsafe { AsyncFd::register_with_interest(fd, interest) };
    registered.map_err(|refused| refused.into_parts())
}
