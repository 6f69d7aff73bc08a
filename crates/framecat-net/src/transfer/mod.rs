//! Files from one machine to another: the disk, the network and the thread between the state machines of
//! [`framecat_proto::transfer`].
//!
//! | the thing | where |
//! | --- | --- |
//! | who dials, who listens, who is let in | [`meet`](meet()) |
//! | what each side says first: what it is | `hello` |
//! | that the other side knows the code, and nobody listens | `pake`; what it promises is in docs/security.md |
//! | how many wrong guesses a code bears | `guesses` |
//! | bytes between the stream and the thread that works on them | `pump` |
//! | the side that sends; what is named and lies in it; what a stream gives | `send`, `walk`, `feed` |
//! | the side that receives; what that comes to on a disk, in which folders, and on stdout | `receive`, `store`, `folders`, `show` |
//! | how far it is, and when that is told | `pace` |
//!
//! The verbs are [`verb::send`](crate::verb) and [`verb::receive`](crate::verb).

mod feed;
mod folders;
mod guesses;
mod hello;
mod meet;
mod pace;
mod pake;
mod pump;
pub(crate) mod receive;
pub(crate) mod send;
mod show;
mod store;
mod walk;

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use framecat_proto::Endpoint;
use framecat_proto::transfer::code::Code;
use framecat_proto::transfer::receiver::Summary;
use framecat_proto::transfer::record::EntryKind;
use ring::rand::{SecureRandom, SystemRandom};
use tokio::sync::{mpsc, oneshot};

use crate::conn::Stream;

pub use meet::{Bounds, meet, meet_within};

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
        /// Wrong guesses after which it is worth nothing any more, for who listens: from 1 to
        /// [`TRANSFER_TRIES_MAX`](framecat_proto::limits::TRANSFER_TRIES_MAX), and as if so where it is not.
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
    /// Where a link leads, with any letters; empty for all else.
    pub target: String,
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

/// A new code of `words` words, three at least.
///
/// # Errors
/// The kernel gives no random bytes.
pub fn draw(words: usize) -> io::Result<Code> {
    let (random, mut lacks) = (SystemRandom::new(), false);
    let code = Code::draw(words, |n| {
        below(n, || {
            let mut bytes = [0; 4];
            lacks |= random.fill(&mut bytes).is_err();
            u32::from_ne_bytes(bytes)
        })
    });
    match lacks {
        false => Ok(code),
        true => Err(io::Error::other("the system gives no random bytes")),
    }
}

/// A number below `n`, each equally likely: numbers of the last, incomplete run of `n` are drawn again.
fn below(n: u32, mut draw: impl FnMut() -> u32) -> u32 {
    let runs = u32::MAX / n * n;
    loop {
        let drawn = draw();
        if drawn < runs {
            return drawn % n;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_drawn_prefers_no_number() {
        let mut drawn = [u32::MAX, u32::MAX - 1, 7].into_iter();
        assert_eq!(below(1_295, || drawn.next().unwrap()), 7, "the last run is not whole");
        let mut counts = [0u32; 3];
        (0..9).for_each(|n| counts[below(3, || n) as usize] += 1);
        assert_eq!(counts, [3, 3, 3]);
        assert_eq!(below(1, || 5), 0);
    }

    #[test]
    fn a_drawn_code_is_another_each_time_and_reads_back() {
        let (a, b) = (draw(3).unwrap(), draw(3).unwrap());
        assert_ne!(a, b, "one chance in two million million");
        assert_eq!((a.len(), draw(6).unwrap().len()), (3, 6));
        assert_eq!(a.to_string().parse::<Code>().unwrap(), a);
    }
}
