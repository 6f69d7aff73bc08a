//! Files from one machine to another: the disk, the network and the thread between the state machines of
//! [`framecat_proto::transfer`].
//!
//! | the thing | where |
//! | --- | --- |
//! | bytes between the stream and the thread that works on them | `pump` |
//! | the side that sends; what is named and lies in it; what a stream gives | `send`, `walk`, `feed` |
//! | how far it is, and when that is told | `pace` |
//!
//! The verbs are [`verb::send`](crate::verb) and [`verb::receive`](crate::verb).

mod feed;
mod pace;
mod pump;
pub(crate) mod send;
mod walk;

use std::path::PathBuf;
use std::time::Duration;

use framecat_proto::Endpoint;
use framecat_proto::transfer::code::Code;
use framecat_proto::transfer::receiver::Summary;
use framecat_proto::transfer::record::EntryKind;
use tokio::sync::{mpsc, oneshot};

use crate::conn::Stream;

/// Which side of a transfer this is. Who listens and who dials is another question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// It sends.
    Send,
    /// It receives.
    Receive,
}

/// Where the other side is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// It listens there.
    Dial(Endpoint),
    /// It comes here.
    Listen(Endpoint),
}

/// What keeps others out, and what is said from being read and changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Guard {
    /// Nothing: whoever comes is taken for the other side, and the network reads all of it.
    Plain,
    /// Both sides know it.
    Code {
        /// The code.
        code: Code,
        /// Wrong guesses after which it is worth nothing any more, for who listens.
        tries: u32,
    },
}

/// How the two sides of a transfer meet.
#[derive(Debug, Clone)]
pub struct Meeting {
    /// Where.
    pub place: Place,
    /// For who listens: no host means every interface.
    pub lan: bool,
    /// How long a connection may take, for who dials; how long somebody may take to come, for who listens.
    /// `None`: 10 s, and for ever.
    pub wait: Option<Duration>,
    /// What keeps others out.
    pub guard: Guard,
}

/// An offer, for the person who decides.
#[derive(Debug, Clone)]
pub struct Offer {
    /// What it comes to.
    pub summary: Summary,
    /// The first of what is offered, up to [`TRANSFER_NAMES_SHOWN`](framecat_proto::limits::TRANSFER_NAMES_SHOWN).
    pub entries: Vec<Offered>,
    /// Bytes for which there is room where they would go (statvfs(2)); `None` for a stream.
    pub room: Option<u64>,
}

/// A file, a folder, a link or a stream of an [`Offer`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offered {
    /// Its path, with `/` between its parts. It can have any letters that are in order for a name.
    pub path: String,
    /// What it is.
    pub kind: EntryKind,
    /// Its bytes.
    pub size: u64,
    /// Its permissions, of which 0777 count.
    pub mode: u16,
}

/// A question to a person, and where the answer goes. Dropped, it is a no.
#[derive(Debug)]
pub struct Question {
    /// About what.
    pub offer: Offer,
    /// The answer.
    pub answer: oneshot::Sender<bool>,
}

/// What is sent.
#[derive(Debug)]
pub enum Source {
    /// Files and folders, each under the last part of its path.
    Paths(Vec<PathBuf>),
    /// What a stream gives, to its end.
    Stream {
        /// The stream: stdin.
        stream: Stream,
        /// What it is called where it becomes a file.
        name: String,
    },
    /// A text, to be shown and not kept.
    Text(String),
}

/// Whether an offer is taken.
#[derive(Debug)]
pub enum Consent {
    /// Unasked.
    Given,
    /// There is nobody to ask: it is refused.
    Nobody,
    /// As a person says, who is asked here.
    Ask(mpsc::UnboundedSender<Question>),
}
