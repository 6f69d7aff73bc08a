//! `send PATH…`: files, folders, a stream or a text to another machine.

use std::sync::Arc;

use crate::conn::Stream;
use crate::error::Error;
use crate::event::Observer;
use crate::talk::{End, Shutdown};
use crate::transfer::send::{Ready, drive};
use crate::transfer::{Meeting, Role, Source, meet};

/// What `send` is told.
#[derive(Debug)]
pub struct Send {
    /// How it meets the other side.
    pub meeting: Meeting,
    /// What.
    pub source: Source,
    /// Symbolic links that lie in folders are sent as links, and not left out. One that is named is what it
    /// leads to either way.
    pub links: bool,
}

/// Looks at what is to be sent, meets the other side, and sends: done when that has said that it has all.
///
/// [`End::Partly`] where something did not arrive: an event told what, and why.
///
/// # Errors
/// [`Cause::Address`](crate::error::Cause::Address) for what cannot be sent, before anybody is dialled; those of
/// [`meet`](crate::transfer::meet()); [`Cause::Transfer`](crate::error::Cause::Transfer); what the kernel says of a
/// connection that broke.
pub async fn run(
    options: Send,
    observer: Arc<dyn Observer>,
    mut shutdown: Shutdown,
) -> Result<End, Error> {
    let Send { meeting, source, links } = options;
    let ready = Ready::new(source, links)?;
    match meet(&meeting, Role::Send, &*observer, &mut shutdown).await? {
        Some(stream) => drive(stream, ready, observer, shutdown).await,
        None => Ok(End::Interrupted),
    }
}

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
