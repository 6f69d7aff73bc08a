//! Why something is not sent or not taken: what one side tells the other, and what a person reads.

use std::fmt;

use crate::limits::TRANSFER_SAID_BYTES;

/// A cause, as a number on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Cause {
    /// One that this version does not know.
    Other,
    /// The person said no, or nobody was there to say yes.
    Declined,
    /// The name is none for a file on the other side.
    Name,
    /// The name is another one's too, where capital letters or accents do not count.
    Clash,
    /// Something has the name already.
    Taken,
    /// What is there is to stay: it is newer, or it was said so.
    Kept,
    /// There is no room.
    Full,
    /// It cannot be written: the disk or the system says so.
    Disk,
    /// It changed while it was read, twice.
    Changed,
    /// It cannot be read.
    Unreadable,
    /// What arrived is not what was sent, whatever was tried.
    Differs,
    /// It is of a kind that is not taken: a link where links were not asked for, a device.
    Kind,
    /// It is hidden, and hidden ones were not asked for.
    Hidden,
    /// More than a limit allows.
    Limit,
    /// Somebody ended it.
    Cancelled,
}

const TABLE: &[(Cause, u8, &str, &str)] = &[
    (
        Cause::Other,
        0,
        "the other side says no",
        "a newer framecat on this side may know the reason",
    ),
    (Cause::Declined, 1, "it was declined", "receive --yes takes what is offered unasked"),
    (Cause::Name, 2, "its name is none for a file there", "rename it and send it again"),
    (
        Cause::Clash,
        3,
        "another one has the same name where capital letters and accents do not count",
        "rename one of them and send it again",
    ),
    (
        Cause::Taken,
        4,
        "the name is taken",
        "receive into another folder, or say --on-conflict rename or overwrite",
    ),
    (Cause::Kept, 5, "what is there is kept", "--on-conflict overwrite replaces it"),
    (
        Cause::Full,
        6,
        "there is no room for it",
        "make room and run the same commands: it goes on where it was",
    ),
    (
        Cause::Disk,
        7,
        "it cannot be written",
        "mend that and run the same commands: it goes on where it was",
    ),
    (Cause::Changed, 8, "it changed while it was read", "send it again when nobody writes to it"),
    (Cause::Unreadable, 9, "it cannot be read", "see its permissions, and run the same commands"),
    (
        Cause::Differs,
        10,
        "what arrived differs from what was sent",
        "run the same commands; if it happens again, a disk or memory is at fault",
    ),
    (
        Cause::Kind,
        11,
        "it is no file or folder",
        "send what it leads to, or say --links on both sides",
    ),
    (Cause::Hidden, 12, "its name is hidden", "receive --hidden takes it"),
    (Cause::Limit, 13, "it is more than is taken at once", "send it in several parts"),
    (Cause::Cancelled, 14, "it was cancelled", "run the same commands: it goes on where it was"),
];

impl Cause {
    fn row(self) -> &'static (Cause, u8, &'static str, &'static str) {
        // Every cause has a row: a test walks them.
        TABLE.iter().find(|row| row.0 == self).unwrap_or(&TABLE[0])
    }

    /// Its number on the wire.
    pub fn number(self) -> u8 {
        self.row().1
    }

    /// The cause of this number; [`Cause::Other`] where it is a newer version's.
    pub fn of(number: u64) -> Cause {
        TABLE.iter().find(|row| u64::from(row.1) == number).map_or(Cause::Other, |row| row.0)
    }

    /// What to try.
    pub fn remedy(self) -> &'static str {
        self.row().3
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.row().2)
    }
}

/// A cause, and what the side that met it says of it: `no space left on device`. Nothing in it acts on a
/// terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Why {
    /// The cause.
    pub cause: Cause,
    says: String,
}

impl Why {
    /// A cause and words about it, of which control characters are escaped and
    /// [`TRANSFER_SAID_BYTES`] kept. They may be none.
    pub fn new(cause: Cause, says: &str) -> Why {
        let mut kept = String::new();
        for c in says.chars() {
            let before = kept.len();
            match crate::path::deceives(c) {
                true => kept.extend(c.escape_unicode()),
                false => kept.push(c),
            }
            if kept.len() > TRANSFER_SAID_BYTES {
                kept.truncate(before);
                break;
            }
        }
        Why { cause, says: kept }
    }

    /// The words about it.
    pub fn says(&self) -> &str {
        &self.says
    }
}

impl From<Cause> for Why {
    fn from(cause: Cause) -> Why {
        Why { cause, says: String::new() }
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.says.as_str() {
            "" => self.cause.fmt(f),
            says => write!(f, "{} ({says})", self.cause),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cause_has_its_number_and_its_sentence() {
        for (n, (cause, number, text, remedy)) in TABLE.iter().enumerate() {
            assert_eq!(usize::from(*number), n);
            assert_eq!(cause.number(), *number);
            assert_eq!(Cause::of(n as u64), *cause);
            assert!(!text.is_empty() && !remedy.is_empty());
        }
        assert_eq!(Cause::of(1 << 40), Cause::Other);
        // The last one is in the table, and so are all before it.
        assert_eq!(Cause::Cancelled as usize + 1, TABLE.len());
    }

    #[test]
    fn what_a_peer_says_does_not_act_on_a_terminal() {
        let why = Why::new(Cause::Disk, "no\u{1b}[2J space\u{202E}\n");
        assert_eq!(why.to_string(), "it cannot be written (no\\u{1b}[2J space\\u{202e}\\u{a})");
        assert!(Why::new(Cause::Disk, &"ü".repeat(1000)).says().len() <= TRANSFER_SAID_BYTES);
        assert!(Why::new(Cause::Disk, &"\u{1b}".repeat(1000)).says().len() <= TRANSFER_SAID_BYTES);
        assert_eq!(Why::from(Cause::Full).to_string(), "there is no room for it");
    }
}
