//! The first eight bytes of a transfer's connection, from each side: what it is, and what it wants to be.
//!
//! ```text
//!   'f' 'c' │ version 01 │ 'S' sends plain, 'R' receives plain, 's' and 'r' with a code │ 00 00 00 00
//! ```
//!
//! Who dials says it at once; who listens only to somebody who has said it, so that nobody who tries doors
//! hears a word. Nothing is agreed upon by it: both sides say what they were told to be, and where the two do
//! not fit both say so and part. It is sent in clear, and whoever changes it on the way has two sides that part.
//! That of a plain side is drawn in docs/transfer-wire.md.

use framecat_proto::text::visible;
use framecat_proto::transfer::record::{HEAD_BYTES, PLAIN_RECEIVER, PLAIN_SENDER};

use super::{Guard, Role};
use crate::conn::Stream;
use crate::error::Unmet;

/// The version of all that is said: of this greeting, of the handshake and of the records.
const VERSION: u8 = PLAIN_SENDER[2];

/// What every version begins with.
const MAGIC: [u8; 2] = [PLAIN_SENDER[0], PLAIN_SENDER[1]];

/// What one side says that it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Hello {
    pub(super) plain: bool,
    pub(super) role: Role,
}

const KINDS: [Hello; 4] = [
    Hello { plain: true, role: Role::Send },
    Hello { plain: true, role: Role::Receive },
    Hello { plain: false, role: Role::Send },
    Hello { plain: false, role: Role::Receive },
];

impl Hello {
    pub(super) fn new(guard: &Guard, role: Role) -> Hello {
        Hello { plain: matches!(guard, Guard::Plain), role }
    }

    fn bytes(self) -> [u8; HEAD_BYTES] {
        let mut bytes = match self.role {
            Role::Send => PLAIN_SENDER,
            Role::Receive => PLAIN_RECEIVER,
        };
        if !self.plain {
            bytes[3].make_ascii_lowercase();
        }
        bytes
    }

    /// What the other side said.
    fn parse(bytes: &[u8; HEAD_BYTES]) -> Result<Hello, Unmet> {
        if let Some(hello) = KINDS.into_iter().find(|kind| kind.bytes() == *bytes) {
            return Ok(hello);
        }
        match *bytes {
            [a, b, version, ..] if [a, b] == MAGIC && version != VERSION => {
                Err(Unmet::Version { theirs: version, ours: VERSION })
            }
            _ => Err(stranger(bytes)),
        }
    }

    /// Whether the two belong together.
    fn fits(self, theirs: Hello) -> Result<(), Unmet> {
        match (self.role, theirs.role) {
            (Role::Send, Role::Send) => Err(Unmet::BothSend),
            (Role::Receive, Role::Receive) => Err(Unmet::BothReceive),
            _ if self.plain != theirs.plain => Err(Unmet::Guards { plain: self.plain }),
            _ => Ok(()),
        }
    }
}

fn stranger(said: &[u8]) -> Unmet {
    Unmet::Stranger { said: visible(said, 32).to_string() }
}

/// Says ours and hears theirs; `first`: we dialled. Not cancel safe but for closing.
pub(super) async fn greet(stream: &Stream, ours: Hello, first: bool) -> Result<(), Unmet> {
    if first {
        stream.write_all(&ours.bytes()).await.map_err(Unmet::left)?;
    }
    let theirs = Hello::parse(&hear(stream).await?);
    // A transfer of another version, role or guard is told what we are, so that it can say so too.
    if !first && !matches!(theirs, Err(Unmet::Stranger { .. })) {
        stream.write_all(&ours.bytes()).await.map_err(Unmet::left)?;
    }
    ours.fits(theirs?)
}

/// Eight bytes, and not one behind them; less where it is clear before that they are no greeting.
async fn hear(stream: &Stream) -> Result<[u8; HEAD_BYTES], Unmet> {
    let mut heard = room(HEAD_BYTES);
    while heard.len() < HEAD_BYTES {
        let read = stream.read(&mut heard).await.map_err(Unmet::left)?;
        let known = heard.len().min(MAGIC.len());
        if heard[..known] != MAGIC[..known] {
            return Err(stranger(&heard));
        }
        if read == 0 {
            return Err(Unmet::Left { why: None });
        }
    }
    Ok(std::array::from_fn(|at| heard[at]))
}

/// Room for exactly so many bytes, so that no more are read than these.
pub(super) fn room(bytes: usize) -> Vec<u8> {
    // The capacity of what was a boxed slice is its length.
    let mut room = vec![0; bytes].into_boxed_slice().into_vec();
    room.clear();
    room
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_greeting_is_these_bytes() {
        let drawn: Vec<_> = KINDS.iter().map(|kind| kind.bytes()).collect();
        let bytes =
            [*b"fc\x01S\0\0\0\0", *b"fc\x01R\0\0\0\0", *b"fc\x01s\0\0\0\0", *b"fc\x01r\0\0\0\0"];
        assert_eq!(drawn, bytes);
        for kind in KINDS {
            assert_eq!(Hello::parse(&kind.bytes()).unwrap(), kind);
        }
    }

    #[test]
    fn every_other_value_of_every_byte_is_none() {
        for kind in KINDS {
            for at in 0..HEAD_BYTES {
                for value in 0..=255 {
                    let mut bytes = kind.bytes();
                    bytes[at] = value;
                    match Hello::parse(&bytes) {
                        Ok(read) => assert_eq!(read.bytes(), bytes),
                        Err(Unmet::Version { theirs, .. }) => assert_eq!((at, theirs), (2, value)),
                        Err(Unmet::Stranger { .. }) => assert_ne!(at, 2),
                        Err(other) => panic!("{other:?}"),
                    }
                }
            }
        }
    }

    #[test]
    fn only_a_sender_and_a_receiver_of_one_guard_fit() {
        let mut fit = 0;
        for ours in KINDS {
            for theirs in KINDS {
                let (one, other) = (ours.fits(theirs), theirs.fits(ours));
                assert_eq!(one.is_ok(), other.is_ok());
                fit += u32::from(one.is_ok());
                match one {
                    Ok(()) => assert!(ours.role != theirs.role && ours.plain == theirs.plain),
                    Err(Unmet::BothSend) => {
                        assert_eq!((ours.role, theirs.role), (Role::Send, Role::Send));
                    }
                    Err(Unmet::BothReceive) => {
                        assert_eq!((ours.role, theirs.role), (Role::Receive, Role::Receive));
                    }
                    Err(Unmet::Guards { plain }) => {
                        assert!(ours.plain == plain && theirs.plain != plain);
                    }
                    Err(other) => panic!("{other:?}"),
                }
            }
        }
        assert_eq!(fit, 4);
    }
}
