//! Raw bytes by the shortest way the kernel offers, for as long as nothing looks at them. Each way
//! is behind the portable one in [`crate::relay`], and says that it ran: a fast path that silently
//! falls back is slow.

use std::fmt;

#[cfg(target_os = "linux")]
pub(crate) mod batch;
pub(crate) mod poll;
#[cfg(target_os = "linux")]
pub(crate) mod sendfile;
#[cfg(target_os = "linux")]
pub(crate) mod splice;

/// The way raw bytes moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Path {
    /// read(2) and write(2) through a buffer of ours.
    ReadWrite,
    /// splice(2) through a pipe of ours.
    Splice,
    /// splice(2) with a pipe at one end already.
    SpliceDirect,
    /// sendfile(2) from a file.
    Sendfile,
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Path::ReadWrite => "read/write",
            Path::Splice => "splice",
            Path::SpliceDirect => "splice, no pipe between",
            Path::Sendfile => "sendfile",
        })
    }
}
