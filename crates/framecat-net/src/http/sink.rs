//! Where the content of a reply goes.

use std::io;
use std::sync::Arc;

use framecat_proto::text::{put_for_terminal, put_json_base64, put_json_string};

use crate::conn::Stream;
use crate::error::{Cause, Error, Op};
use crate::talk::Lines;

/// So much of content is a line of JSON at most.
const LINE_BYTES: usize = 16 << 10;

/// Where content goes.
pub(crate) enum Sink {
    /// A file, a pipe, a device: byte for byte.
    Plain(Stream),
    /// A terminal: text, and nothing that could act on it.
    Terminal {
        stdout: Stream,
        /// The beginning of a character that has not all come.
        held: Vec<u8>,
    },
    /// JSON lines on stdout.
    Lines {
        stdout: Stream,
        lines: Arc<Lines>,
        /// Of the content's next byte.
        offset: u64,
        held: Vec<u8>,
    },
}

impl Sink {
    /// The stream that takes bytes as they are.
    pub(crate) fn plain(&self) -> Option<&Stream> {
        match self {
            Sink::Plain(stream) => Some(stream),
            _ => None,
        }
    }

    /// What it is, for errors.
    pub(crate) fn name(&self) -> &str {
        match self {
            Sink::Plain(stream) => stream.peer(),
            Sink::Terminal { stdout, .. } | Sink::Lines { stdout, .. } => stdout.peer(),
        }
    }

    /// Takes bytes. Not cancel safe.
    pub(crate) async fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let (stream, shown) = match self {
            Sink::Plain(stream) => (&*stream, None),
            Sink::Terminal { stdout, held } => {
                let mut shown = Vec::with_capacity(bytes.len());
                held.extend_from_slice(bytes);
                let whole = whole_text(held).ok_or_else(no_text)?;
                put_for_terminal(&held[..whole], &mut shown);
                held.drain(..whole);
                (&*stdout, Some(shown))
            }
            Sink::Lines { stdout, lines, offset, held } => {
                held.extend_from_slice(bytes);
                let whole = whole_text(held).unwrap_or(held.len());
                let mut shown = lines.take();
                for piece in pieces(&held[..whole]) {
                    put_line(piece, *offset, &mut shown);
                    *offset += piece.len() as u64;
                }
                held.drain(..whole);
                (&*stdout, Some(shown))
            }
        };
        let written = stream.write_all(shown.as_deref().unwrap_or(bytes)).await;
        written.map_err(|error| Error::io(Op::Write, stream.peer(), error))
    }

    /// The content ended: what was held back is written.
    pub(crate) async fn end(&mut self) -> Result<(), Error> {
        let (stream, shown) = match self {
            Sink::Plain(_) => return Ok(()),
            Sink::Terminal { stdout, held } => {
                let mut shown = Vec::new();
                put_for_terminal(&std::mem::take(held), &mut shown);
                (&*stdout, shown)
            }
            Sink::Lines { stdout, lines, offset, held } => {
                let mut shown = lines.take();
                if !held.is_empty() {
                    put_line(&std::mem::take(held), *offset, &mut shown);
                }
                (&*stdout, shown)
            }
        };
        let written = stream.write_all(&shown).await;
        written.map_err(|error| Error::io(Op::Write, stream.peer(), error))
    }
}

/// Whether an error is that of a reader of stdout who left, which is no failure.
pub(crate) fn has_left(error: &Error) -> bool {
    let left =
        matches!(&error.cause, Cause::Io(error) if error.kind() == io::ErrorKind::BrokenPipe);
    left && error.op == Op::Write && error.endpoint == "stdout"
}

fn no_text() -> Error {
    let cause = Cause::Address {
        problem: "the content is no text, and stdout is a terminal".into(),
        remedy: "-o FILE keeps it, -O under its own name; `| xxd` shows it".into(),
    };
    Error { op: Op::Write, endpoint: "stdout".into(), cause }
}

/// How much of `bytes` is text: all but the beginning of a character that goes on, or a CR whose LF may
/// come. `None`: it is no text.
fn whole_text(bytes: &[u8]) -> Option<usize> {
    if bytes.contains(&0) {
        return None;
    }
    let whole = match std::str::from_utf8(bytes) {
        Ok(_) => bytes.len(),
        Err(error) if error.error_len().is_none() => error.valid_up_to(),
        Err(_) => return None,
    };
    let ends_in_cr = bytes[..whole].last() == Some(&b'\r');
    Some(whole - usize::from(ends_in_cr))
}

/// Pieces of at most [`LINE_BYTES`] and a character.
fn pieces(mut bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let mut at = bytes.len().min(LINE_BYTES);
        while bytes.get(at).is_some_and(|byte| byte & 0xc0 == 0x80) && at < LINE_BYTES + 4 {
            at += 1;
        }
        let (piece, rest) = bytes.split_at(at);
        bytes = rest;
        (!piece.is_empty()).then_some(piece)
    })
}

fn put_line(piece: &[u8], offset: u64, out: &mut Vec<u8>) {
    let head = format!(r#"{{"event":"content","offset":{offset},"length":{}"#, piece.len());
    out.extend_from_slice(head.as_bytes());
    match std::str::from_utf8(piece) {
        Ok(text) => {
            out.extend_from_slice(br#","text":"#);
            put_json_string(text, out);
        }
        Err(_) => put_json_base64(piece, out),
    }
    out.extend_from_slice(b"}\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_held_back_where_a_character_or_a_line_end_may_go_on() {
        for (bytes, whole) in [
            (b"abc".as_slice(), Some(3)),
            (b"", Some(0)),
            ("a\u{fc}".as_bytes(), Some(3)),
            (&"a\u{fc}".as_bytes()[..2], Some(1)),
            (&"\u{1f600}".as_bytes()[..3], Some(0)),
            (b"a\r", Some(1)),
            (b"a\r\n", Some(3)),
            (b"a\0b", None),
            (b"a\xffb", None),
            (b"a\xc3b", None),
        ] {
            assert_eq!(whole_text(bytes), whole, "{bytes:?}");
        }
    }

    #[test]
    fn pieces_are_all_there_is() {
        let text = "\u{fc}".repeat(20_000);
        let found: Vec<&[u8]> = pieces(text.as_bytes()).collect();
        assert_eq!(found.concat(), text.as_bytes());
        assert!(found.len() == 3 && found.iter().all(|piece| std::str::from_utf8(piece).is_ok()));
    }
}
