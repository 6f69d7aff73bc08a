//! `quoted`: one message a line. UTF-8 stands as it is; a backslash and controls are escaped, and so
//! are bytes that are no UTF-8. There are no quotes around it.
//!
//! ```text
//!  MESSAGE            LINE
//! +---------------+  +-------------------+
//! | héllo\ ␍ ␊ ␛ ff|  | héllo\\\r\n\x1b\xff |
//! +---------------+  +-------------------+
//! ```
//! Escaped are `\\ \n \r \t \0`, and as `\xHH` the other controls (U+0001 to U+001F, U+007F, U+0080
//! to U+009F), the overrides of text direction (U+202A to U+202E, U+2066 to U+2069) and every byte
//! that is no UTF-8. So what is printed is harmless on a terminal. Reading takes these escapes, hex
//! digits of either case, and any other byte as itself.

use std::ops::Range;

use memchr::{memchr, memchr_iter};

use super::escape::{self, Marked, hex_value};
use super::rows::Row;
use crate::framing::Fault;
use crate::message::{Context, Outbound, Spans};

const MARKED: Marked = escape::marked(b"\\", b"");

pub(super) struct Quoted;

impl Row for Quoted {
    fn line_max(&self, max: usize) -> usize {
        max.saturating_mul(4)
    }

    fn read(&self, input: &[u8], line: Range<usize>, out: &mut Spans) -> Result<(), Fault> {
        let text = &input[line.clone()];
        if memchr(b'\\', text).is_none() {
            out.push(line.start, line.end);
            return Ok(());
        }
        out.push_built(|payload| unquote(text, payload)).map_err(Fault::Broken)
    }

    fn write(&mut self, message: Outbound<'_>, _: &Context<'_>, out: &mut Vec<u8>) {
        quote(message.payload, out);
    }
}

/// Appends `bytes` in the form `quoted`, without an LF.
pub fn quote(bytes: &[u8], out: &mut Vec<u8>) {
    escape::put_bytes(bytes, &MARKED, out, |rest, len, out| escape::put_escape(&rest[..len], out));
}

/// Appends the bytes that `text`, in the form `quoted`, stands for. The error is a sentence that says
/// what is wrong at which column (from 1), and what to write; `out` may hold part of the text then.
pub fn unquote(text: &[u8], out: &mut Vec<u8>) -> Result<(), String> {
    let mut copied = 0;
    for at in memchr_iter(b'\\', text) {
        // The second backslash of an escape that was read already.
        if at < copied {
            continue;
        }
        out.extend_from_slice(&text[copied..at]);
        let (byte, len) = unescape(&text[at..]).ok_or_else(|| no_escape(text, at))?;
        out.push(byte);
        copied = at + len;
    }
    out.extend_from_slice(&text[copied..]);
    Ok(())
}

/// The byte that the escape at the start of `text` stands for, and the escape's length.
fn unescape(text: &[u8]) -> Option<(u8, usize)> {
    match *text.get(1)? {
        b'\\' => Some((b'\\', 2)),
        b'n' => Some((b'\n', 2)),
        b'r' => Some((b'\r', 2)),
        b't' => Some((b'\t', 2)),
        b'0' => Some((0, 2)),
        b'x' => Some(((hex_value(*text.get(2)?)? << 4) | hex_value(*text.get(3)?)?, 4)),
        _ => None,
    }
}

#[cold]
fn no_escape(text: &[u8], at: usize) -> String {
    let rest = String::from_utf8_lossy(&text[at + 1..]);
    let shown = match rest.chars().next() {
        None => {
            return format!("the line ends in a single backslash at column {}; write \\\\", at + 1);
        }
        Some('x') => rest.chars().take(3).collect::<String>(),
        Some(first) => first.to_string(),
    };
    format!(
        "`\\{}` at column {} is no escape; they are \\\\ \\n \\r \\t \\0 and \\xHH with two hex digits, \
         and a backslash itself is \\\\",
        super::visible(shown.as_bytes(), 8),
        at + 1
    )
}
