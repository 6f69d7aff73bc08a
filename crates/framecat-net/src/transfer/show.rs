//! What a receiver brings to stdout.

use std::io;
use std::sync::mpsc;

use framecat_proto::text::put_for_terminal;
use framecat_proto::transfer::receiver::Bytes;
use tokio::sync::mpsc as queue;

use super::pump::Turn;
use super::receive::Told;
use crate::conn::{Kind, Stream};
use crate::error::{Cause, Error, Op};

/// What is shown.
#[derive(Debug)]
pub(super) enum Show {
    /// Some of a stream.
    Bytes(Bytes),
    /// Its end; all of it, where it is a text.
    End(Option<Vec<u8>>),
}

/// Where what is to be shown is given.
#[derive(Debug)]
pub(super) struct Desk(queue::UnboundedSender<(u32, Show)>);

impl Desk {
    /// Gives it. [`Told::Shown`] says when stdout has it.
    pub(super) fn give(&self, entry: u32, show: Show) {
        let _ = self.0.send((entry, show));
    }
}

/// A desk, and what brings to `stdout` what is given there.
pub(super) fn open(
    stdout: Stream,
    tell: mpsc::Sender<Turn<Told>>,
) -> (Desk, impl Future<Output = ()>) {
    let (give, mut given) = queue::unbounded_channel();
    let showing = async move {
        let mut held = Vec::new();
        while let Some((entry, show)) = given.recv().await {
            let told = match bring(&stdout, show, &mut held).await {
                Ok(()) => Told::Shown(entry),
                Err(error) => Told::Unshown(error),
            };
            if tell.send(Turn::Told(told)).is_err() {
                return;
            }
        }
    };
    (Desk(give), showing)
}

/// On a terminal nothing that it is given acts on it; `held` is the beginning of a character.
async fn bring(stdout: &Stream, show: Show, held: &mut Vec<u8>) -> io::Result<()> {
    let terminal = stdout.kind() == Kind::Terminal;
    let (bytes, ended) = match show {
        Show::Bytes(bytes) => (bytes, false),
        Show::End(text) => {
            let mut text = text.unwrap_or_default();
            if terminal && !text.is_empty() && !text.ends_with(b"\n") {
                text.push(b'\n');
            }
            (text.into(), true)
        }
    };
    if !terminal {
        return stdout.write_all(&bytes).await;
    }
    held.extend_from_slice(&bytes);
    let whole = if ended { held.len() } else { whole_characters(held) };
    let mut shown = Vec::with_capacity(whole);
    put_for_terminal(&held[..whole], &mut shown);
    held.drain(..whole);
    stdout.write_all(&shown).await
}

/// How much of it is in whole characters, or in bytes that are none.
fn whole_characters(bytes: &[u8]) -> usize {
    let tail = bytes.len().saturating_sub(3);
    let begins = |at: &usize| bytes[*at] >= 0xc0;
    match (tail..bytes.len()).rev().find(begins) {
        Some(at) if std::str::from_utf8(&bytes[at..]).is_err_and(|e| e.error_len().is_none()) => at,
        _ => bytes.len(),
    }
}

/// Whether an error is that of a reader of stdout who left, which is no failure.
pub(super) fn has_left(error: &Error) -> bool {
    let left = matches!(&error.cause, Cause::Io(it) if it.kind() == io::ErrorKind::BrokenPipe);
    left && error.op == Op::Write
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_character_that_has_not_all_come_waits_and_bytes_that_are_none_do_not() {
        let smile = "\u{1f600}".as_bytes();
        for (bytes, whole) in [
            (b"".as_slice(), 0),
            (b"abc", 3),
            ("a\u{fc}".as_bytes(), 3),
            (&"a\u{fc}".as_bytes()[..2], 1),
            (&smile[..1], 0),
            (&smile[..2], 0),
            (&smile[..3], 0),
            (smile, 4),
            (b"ab\xff", 3),
            (b"ab\x80\x80\x80\x80", 6),
            (b"a\xe2\x28", 3),
        ] {
            assert_eq!(whole_characters(bytes), whole, "{bytes:?}");
        }
    }
}
