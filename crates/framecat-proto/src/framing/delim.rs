//! `delim:BYTES`, and its two short names `crlf` and `nul`: a message ends at a marker, which may
//! have any length. With `,any` each of the bytes ends a message by itself.
//!
//! ```text
//!  INPUT (delim:\x03)         MESSAGES
//! +-------+----+----+        +-------+  +--+
//! | hello | 03 | 03 |   →    | hello |  |  |
//! +-------+----+----+        +-------+  +--+
//! ```

use std::fmt::{self, Write as _};

use memchr::memmem::Finder;
use memchr::{memchr_iter, memchr2_iter, memchr3_iter};

use super::nearest::{options, unknown_option};
use super::{EncodeError, Ending, Fault, ParseFramingError, Progress};
use crate::limits::HEADER_BYTES;
use crate::message::{Context, Outbound, Outgoing, Spans};

const CRLF: &[u8] = b"\r\n";
const NUL: &[u8] = b"\0";

/// The rule `delim:BYTES[,keep][,any]`. `crlf` and `nul` are other words for `delim:\r\n` and
/// `delim:\0`, which print back as those.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delim {
    marker: Vec<u8>,
    keep: bool,
    any: bool,
}

impl Delim {
    /// The marker; with [`any`](Self::any) each of its bytes is one, and the first is written.
    pub fn marker(&self) -> &[u8] {
        &self.marker
    }

    /// Whether the marker stays on the message, and must be there when it is written.
    pub fn keep(&self) -> bool {
        self.keep
    }

    /// Whether each byte of the marker ends a message by itself.
    pub fn any(&self) -> bool {
        self.any
    }

    /// Parses what follows the name, which is `crlf`, `nul` or `delim`.
    pub(super) fn parse(name: &str, rest: &str) -> Result<Delim, ParseFramingError> {
        let (argument, after) = rest.split_at(rest.find(',').unwrap_or(rest.len()));
        let fixed = match name {
            "crlf" => Some(CRLF),
            "nul" => Some(NUL),
            _ => None,
        };
        let marker = match fixed {
            Some(_) if !argument.is_empty() => {
                return Err(super::takes_no_argument(name, argument));
            }
            Some(marker) => marker.to_vec(),
            None => unescape(argument.strip_prefix(':').unwrap_or_default())?,
        };
        let mut rule = Delim { marker, keep: false, any: false };
        for word in options(after) {
            match word {
                "keep" => rule.keep = true,
                "any" if fixed.is_none() => rule.any = true,
                _ if fixed.is_some() => return Err(unknown_option(name, word, &["keep"])),
                _ => return Err(unknown_option(name, word, &["keep", "any"])),
            }
        }
        if rule.any {
            let mut seen = [false; 256];
            rule.marker.retain(|byte| !std::mem::replace(&mut seen[usize::from(*byte)], true));
            // One byte is a marker like any other: one value, one word.
            rule.any = rule.marker.len() > 1;
        }
        Ok(rule)
    }
}

fn bad_marker(problem: String) -> ParseFramingError {
    ParseFramingError {
        problem,
        remedy:
            r"write delim:BYTES with \r \n \t \0 \xHH \\ for what cannot be typed; a comma is \x2c"
                .into(),
    }
}

fn unescape(text: &str) -> Result<Vec<u8>, ParseFramingError> {
    let mut marker = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        marker.extend_from_slice(&rest.as_bytes()[..at]);
        let escape = &rest[at..];
        let (byte, len) = match escape.as_bytes().get(1) {
            Some(b'r') => (b'\r', 2),
            Some(b'n') => (b'\n', 2),
            Some(b't') => (b'\t', 2),
            Some(b'0') => (0, 2),
            Some(b'\\') => (b'\\', 2),
            Some(b'x') => match escape.get(2..4).and_then(hex_byte) {
                Some(byte) => (byte, 4),
                None => return Err(bad_marker(format!("`{text}` has \\x without two hex digits"))),
            },
            _ => {
                let shown: String = escape.chars().take(2).collect();
                return Err(bad_marker(format!("`{shown}` is no escape of the framing `delim`")));
            }
        };
        marker.push(byte);
        rest = &escape[len..];
    }
    marker.extend_from_slice(rest.as_bytes());
    match marker.len() {
        0 => Err(bad_marker("the framing `delim` needs its marker".into())),
        1..=HEADER_BYTES => Ok(marker),
        n => Err(bad_marker(format!("the marker has {n} bytes, at most {HEADER_BYTES} may be"))),
    }
}

/// The byte of exactly two hex digits; `from_str_radix` alone would take a sign.
pub(super) fn hex_byte(digits: &str) -> Option<u8> {
    let both = digits.len() == 2 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    both.then(|| u8::from_str_radix(digits, 16).ok()).flatten()
}

impl fmt::Display for Delim {
    /// The whole word, name included: the name depends on the marker.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.marker.as_slice() {
            CRLF if !self.any => f.write_str("crlf")?,
            NUL => f.write_str("nul")?,
            marker => {
                f.write_str("delim:")?;
                write_escaped(marker, f)?;
            }
        }
        f.write_str(if self.keep { ",keep" } else { "" })?;
        f.write_str(if self.any { ",any" } else { "" })
    }
}

fn write_escaped(marker: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for chunk in marker.utf8_chunks() {
        for char in chunk.valid().chars() {
            match char {
                '\r' => f.write_str("\\r")?,
                '\n' => f.write_str("\\n")?,
                '\t' => f.write_str("\\t")?,
                '\0' => f.write_str("\\0")?,
                '\\' => f.write_str("\\\\")?,
                _ if char == ',' || char.is_whitespace() || char.is_control() => {
                    let mut bytes = [0; 4];
                    for byte in char.encode_utf8(&mut bytes).bytes() {
                        write!(f, "\\x{byte:02x}")?;
                    }
                }
                _ => f.write_char(char)?,
            }
        }
        for byte in chunk.invalid() {
            write!(f, "\\x{byte:02x}")?;
        }
    }
    Ok(())
}

/// How the marker is looked for.
enum Search {
    One(u8),
    Two(u8, u8),
    Three(u8, u8, u8),
    Set(Box<[bool; 256]>),
    Whole {
        finder: Box<Finder<'static>>,
        /// Each k for which the marker, moved on by k bytes, agrees with itself. A payload that
        /// ends in the first k bytes of the marker would then end k bytes early.
        periods: Vec<usize>,
    },
}

impl Search {
    fn new(rule: &Delim) -> Search {
        match (rule.marker.as_slice(), rule.any) {
            (&[a], _) => Search::One(a),
            (&[a, b], true) => Search::Two(a, b),
            (&[a, b, c], true) => Search::Three(a, b, c),
            (marker, true) => {
                let mut set = Box::new([false; 256]);
                marker.iter().for_each(|byte| set[usize::from(*byte)] = true);
                Search::Set(set)
            }
            (marker, false) => Search::Whole {
                finder: Box::new(Finder::new(marker).into_owned()),
                periods: (1..marker.len()).filter(|k| marker.starts_with(&marker[*k..])).collect(),
            },
        }
    }

    /// Where the first marker begins.
    fn first(&self, bytes: &[u8]) -> Option<usize> {
        match self {
            Search::One(a) => memchr::memchr(*a, bytes),
            Search::Two(a, b) => memchr::memchr2(*a, *b, bytes),
            Search::Three(a, b, c) => memchr::memchr3(*a, *b, *c, bytes),
            Search::Set(set) => bytes.iter().position(|byte| set[usize::from(*byte)]),
            Search::Whole { finder, .. } => finder.find(bytes),
        }
    }

    /// Where the marker would begin if it were written after `payload`, if not at its end.
    fn early(&self, payload: &[u8]) -> Option<usize> {
        let early = self.first(payload);
        match self {
            Search::Whole { finder, periods } if early.is_none() => periods
                .iter()
                .rev()
                .find(|k| payload.ends_with(&finder.needle()[..**k]))
                .map(|k| payload.len() - k),
            _ => early,
        }
    }
}

pub(super) struct Framer {
    search: Search,
    keep: bool,
    /// What is written: the marker, or the first of `,any`.
    ending: Vec<u8>,
    max: usize,
    /// Bytes of the unconsumed input in which no marker begins.
    scanned: usize,
}

impl Framer {
    pub(super) fn new(rule: &Delim, max: usize) -> Framer {
        let ending = rule.marker[..if rule.any { 1 } else { rule.marker.len() }].to_vec();
        Framer { search: Search::new(rule), keep: rule.keep, ending, max, scanned: 0 }
    }
}

/// The limits that [`split`] keeps.
#[derive(Clone, Copy)]
struct Bounds {
    marker: usize,
    /// Bytes of the marker that stay on the message.
    kept: usize,
    max: usize,
}

/// Pushes a message for each of `marks`, the places where markers begin. Gives where the next
/// message begins, and whether that one is too long.
#[inline]
fn split(marks: impl Iterator<Item = usize>, bounds: Bounds, out: &mut Spans) -> (usize, bool) {
    let mut start = 0;
    for mark in marks {
        let end = mark + bounds.kept;
        if end - start > bounds.max {
            return (start, true);
        }
        out.push(start, end);
        start = mark + bounds.marker;
    }
    (start, false)
}

impl super::Framer for Framer {
    fn decode(&mut self, input: &[u8], out: &mut Spans) -> Progress {
        let marker = self.ending.len();
        let kept = if self.keep { marker } else { 0 };
        let bounds = Bounds { marker, kept, max: self.max };
        let from = self.scanned;
        let fresh = &input[from..];
        let (start, mut too_long) = match &self.search {
            Search::One(a) => split(memchr_iter(*a, fresh).map(|at| from + at), bounds, out),
            Search::Two(a, b) => {
                split(memchr2_iter(*a, *b, fresh).map(|at| from + at), bounds, out)
            }
            Search::Three(a, b, c) => {
                split(memchr3_iter(*a, *b, *c, fresh).map(|at| from + at), bounds, out)
            }
            Search::Set(set) => {
                let marks = fresh.iter().enumerate().filter(|(_, byte)| set[usize::from(**byte)]);
                split(marks.map(|(at, _)| from + at), bounds, out)
            }
            Search::Whole { finder, .. } => {
                split(finder.find_iter(fresh).map(|at| from + at), bounds, out)
            }
        };
        // The last bytes may be the beginning of a marker, all but one of it.
        let rest = input.len() - start;
        let scanned = rest.saturating_sub(marker - 1);
        too_long |= rest > 0 && scanned + kept > self.max;
        self.scanned = scanned;
        let fault = too_long.then_some(Fault::TooLong { len: None, max: self.max });
        Progress { consumed: start, rejected: 0, fault }
    }

    fn end(&mut self, rest: &[u8]) -> Ending {
        if rest.is_empty() { Ending::Clean } else { Ending::Cut { need: None } }
    }

    fn encode(
        &mut self,
        message: Outbound<'_>,
        _: &Context<'_>,
        out: &mut Outgoing,
    ) -> Result<(), EncodeError> {
        let payload = message.payload;
        if payload.len() > self.max {
            return Err(EncodeError::DoesNotFit { len: payload.len(), max: self.max as u64 });
        }
        if self.keep {
            match self.search.first(payload) {
                Some(at) if at + self.ending.len() == payload.len() => {}
                Some(at) => return Err(EncodeError::WouldSplit { at }),
                None if message.cut => {}
                None => {
                    let lacks = "it does not end in the marker, as `keep` asks";
                    return Err(EncodeError::Lacks(lacks.into()));
                }
            }
            out.put_payload(message);
        } else if message.cut {
            // The end of the stream closed it: it is written without a marker, as it came.
            if let Some(at) = self.search.first(payload) {
                return Err(EncodeError::WouldSplit { at });
            }
            out.put_payload(message);
        } else {
            if let Some(at) = self.search.early(payload) {
                return Err(EncodeError::WouldSplit { at });
            }
            out.put_payload(message);
            out.put(&self.ending);
        }
        Ok(())
    }
}
