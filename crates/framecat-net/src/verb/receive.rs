//! `receive`: files, a stream or a text from another machine.

use std::path::PathBuf;
use std::sync::Arc;

use framecat_proto::transfer::receiver::Rules;

use crate::conn::Stream;
use crate::disk::Folder;
use crate::error::{Error, Op};
use crate::event::Observer;
use crate::talk::{End, Shutdown};
use crate::transfer::receive::drive;
use crate::transfer::{Consent, Meeting, Role, meet};

/// What `receive` is told.
#[derive(Debug)]
pub struct Receive {
    /// How the two sides meet.
    pub meeting: Meeting,
    /// What becomes of what the other side offers.
    pub taking: Taking,
}

/// What becomes of what is offered.
#[derive(Debug)]
pub struct Taking {
    /// The folder that takes files; `None`: one file or stream goes to stdout.
    pub into: Option<PathBuf>,
    /// How. Where to, and whether somebody is asked, follow from the rest.
    pub rules: Rules,
    /// Whether the offer is taken.
    pub consent: Consent,
    /// Standard output: for texts, and for all content where there is no folder.
    pub stdout: Stream,
}

impl Taking {
    fn folder(&self) -> Result<Option<Folder>, Error> {
        let open = |path: &PathBuf| {
            let shown = || path.display().to_string();
            Folder::open(path).map_err(|error| Error::io(Op::Open, shown(), error))
        };
        self.into.as_ref().map(open).transpose()
    }
}

/// Receives: opens the folder, meets the other side, and takes what it offers.
///
/// # Errors
/// As [`meet`](crate::transfer::meet()) and [`over`].
pub async fn run(
    options: Receive,
    observer: Arc<dyn Observer>,
    mut shutdown: Shutdown,
) -> Result<End, Error> {
    let Receive { meeting, taking } = options;
    let into = taking.folder()?;
    let met = meet(&meeting, Role::Receive, &*observer, &mut shutdown).await?;
    let Some(stream) = met else { return Ok(End::Interrupted) };
    let Taking { rules, consent, stdout, .. } = taking;
    drive(stream, into, rules, consent, stdout, observer, shutdown).await
}

/// Receives over a connection that is open and whose other side is the one that is meant, which sends.
/// Nothing is secret that the connection does not keep secret.
///
/// [`End::Partly`] where something is missing: an event told what, and why.
///
/// # Errors
/// A folder that cannot be opened, before anything is said; [`Cause::Transfer`](crate::error::Cause::Transfer); what
/// the kernel says of a connection that broke, or of stdout. What has partly come is kept then, and gone on with by
/// the next.
///
/// Dropped, it stops where it is, and the other side is told that it was cancelled if that can still be said.
pub async fn over(
    stream: Stream,
    taking: Taking,
    observer: Arc<dyn Observer>,
    shutdown: Shutdown,
) -> Result<End, Error> {
    let into = taking.folder()?;
    let Taking { rules, consent, stdout, .. } = taking;
    drive(stream, into, rules, consent, stdout, observer, shutdown).await
}
