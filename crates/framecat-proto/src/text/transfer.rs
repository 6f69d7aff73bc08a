//! Records of a transfer in words, for whoever looks on: `NEED 1, 2[1..2]`.

use std::fmt::{self, Write as _};

use super::quote;
use crate::transfer::record::{
    Carries, Decoder, Entry, EntryKind, Item, Need, PLAIN_RECEIVER, PLAIN_SENDER, Record, name,
};

/// A message of the framing `transfer` in words, one line in which nothing acts on a terminal; `None` where it is
/// no record. Of content only its length is told.
pub fn seen(message: &[u8]) -> Option<String> {
    for (plain, who) in [(PLAIN_SENDER, "sender"), (PLAIN_RECEIVER, "receiver")] {
        let version = plain[2];
        if message == plain {
            return Some(format!("version {version}, the {who}"));
        }
        // Small letters where there is a code.
        if message == plain.to_ascii_lowercase() {
            return Some(format!("version {version}, the {who}, encrypted from here on"));
        }
    }
    let mut rest = message;
    match Decoder::new().next(&mut rest) {
        // Nothing behind it but its content.
        Ok(Some(Item::Record(record))) => {
            let whole = match record {
                Record::Data { len, .. } => rest.len() == len as usize,
                _ => rest.is_empty(),
            };
            whole.then(|| Words(&record).to_string())
        }
        _ => None,
    }
}

/// In the language of docs/transfer-wire.md.
struct Words<'r>(&'r Record);

impl fmt::Display for Words<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(name(self.0.kind()))?;
        match self.0 {
            Record::Offer(opening) => {
                let carries = match opening.carries {
                    Carries::Files => "files",
                    Carries::Text => "a text",
                    Carries::Stream => "a stream",
                };
                let (log2, small) = (opening.piece_log2, opening.small_bytes);
                write!(f, " of {carries}, pieces of {}B, small to {small}B", 1_u64 << log2)
            }
            Record::Entries(entries) => list(f, entries, put_entry),
            Record::OfferEnd { count, bytes, more } => {
                let more = if *more { ", and more" } else { "" };
                write!(f, ": {count} of {bytes}B{more}")
            }
            Record::Data { entry, offset, len } => write!(f, " {entry} from {offset}: {len}B"),
            Record::Small(files) => {
                list(f, files, |f, file| write!(f, "{}: {}B", file.entry, file.bytes.len()))
            }
            Record::FileEnd { entry, size, hash } => {
                write!(f, " {entry}: {size}B, blake3 ")?;
                hash.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
            Record::Changed { entry, size, .. } => write!(f, " {entry}: {size}B"),
            Record::Pieces { entry, first, hashes } => {
                write!(f, " {entry}: {} from {first}", hashes.len())
            }
            Record::Accept => Ok(()),
            Record::Refuse(why) | Record::Cancel(why) => write!(f, ": {why}"),
            Record::Need(needs) => list(f, needs, put_need),
            Record::Have(entries) | Record::Committed(entries) => {
                list(f, entries, |f, entry| write!(f, "{entry}"))
            }
            Record::Skip(entries) | Record::Failed(entries) => {
                list(f, entries, |f, (entry, why)| write!(f, "{entry}: {why}"))
            }
            Record::AskPieces { entry } => write!(f, " {entry}"),
            Record::Bye(totals) => {
                let (there, missing, bytes) = (totals.there, totals.missing, totals.bytes);
                write!(f, ": {there} there, {missing} missing, {bytes}B")?;
                match totals.left_out {
                    0 => Ok(()),
                    left_out => write!(f, ", {left_out} left out"),
                }
            }
        }
    }
}

fn list<T>(
    f: &mut fmt::Formatter<'_>,
    all: &[T],
    put: impl Fn(&mut fmt::Formatter<'_>, &T) -> fmt::Result,
) -> fmt::Result {
    for (n, one) in all.iter().enumerate() {
        f.write_str(if n == 0 { " " } else { ", " })?;
        put(f, one)?;
    }
    Ok(())
}

fn put_entry(f: &mut fmt::Formatter<'_>, entry: &Entry) -> fmt::Result {
    put_quoted(f, &entry.path.join(&b'/'))?;
    match entry.kind {
        EntryKind::File => write!(f, " {}B", entry.size),
        EntryKind::Folder => f.write_char('/'),
        EntryKind::Link => {
            f.write_str(" -> ")?;
            put_quoted(f, &entry.target)
        }
        EntryKind::Stream => Ok(()),
    }
}

/// Which of its pieces; `[]`: its hash alone.
fn put_need(f: &mut fmt::Formatter<'_>, need: &Need) -> fmt::Result {
    write!(f, "{}", need.entry)?;
    let Some(pieces) = &need.pieces else { return Ok(()) };
    f.write_char('[')?;
    for (n, range) in pieces.iter().enumerate() {
        let space = if n == 0 { "" } else { " " };
        write!(f, "{space}{}..{}", range.start, range.end)?;
    }
    f.write_char(']')
}

fn put_quoted(f: &mut fmt::Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    let mut quoted = Vec::with_capacity(bytes.len());
    quote(bytes, &mut quoted);
    f.write_str(&String::from_utf8_lossy(&quoted))
}
