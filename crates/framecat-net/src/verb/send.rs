//! `send PATH…`: files, folders, a stream or a text to another machine.

use std::sync::Arc;

use crate::conn::Stream;
use crate::error::Error;
use crate::event::Observer;
use crate::talk::{End, Shutdown};
use crate::transfer::Source;
use crate::transfer::send::{Ready, drive};

/// Sends over a connection that is open and whose other side is the one that is meant, which receives.
/// Nothing is secret that the connection does not keep secret.
///
/// [`End::Partly`] where something did not arrive: an event told what, and why.
///
/// # Errors
/// [`Cause::Address`](crate::error::Cause::Address) for what cannot be sent, before anything is said;
/// [`Cause::Transfer`](crate::error::Cause::Transfer); what the kernel says of a connection that broke.
///
/// Dropped, it stops where it is, and the other side takes the connection for cut.
pub async fn over(
    stream: Stream,
    source: Source,
    links: bool,
    observer: Arc<dyn Observer>,
    shutdown: Shutdown,
) -> Result<End, Error> {
    drive(stream, Ready::new(source, links)?, observer, shutdown).await
}
