//! How messages look on stdin and stdout: the forms of `--in` and `--out`.
//!
//! A form is at work through the same [`Framer`](crate::framing::Framer) trait as a framing. The law: what one form writes,
//! the same form reads back as the same messages, for `quoted`, `hex`, `jsonl` and every framing
//! that holds them. `raw` and `line` are for byte streams and for reading; `dump` is output only.

use crate::framing::Framing;

/// A form of `--in` or `--out`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Form {
    /// Payloads with nothing between them.
    Raw,
    /// One message a line, as people read them.
    Line,
    /// One message a line, escaped.
    Quoted,
    /// One message a line, as hex digits.
    Hex,
    /// A hex dump of each message. Output only.
    Dump,
    /// One message a line, as JSON with all that is known of it.
    Jsonl,
    /// Any framing, with its own bytes.
    Framing(Framing),
}
