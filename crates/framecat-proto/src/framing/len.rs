//! `len:WIDTH…`: a length field in the header says where a message ends. This file is the rule, its
//! grammar and its arithmetic; `len/codec.rs` is the rule at work.
//!
//! ```text
//!  INPUT (len:u16be)              MESSAGE
//! +- len -+---- payload ----+    +---- payload ----+
//! | 00 0b |   Hello world   | →  |   Hello world   |
//! +-------+-----------------+    +-----------------+
//! ```
//!
//! With v the field's value, H the header's bytes and T the trailer's, the whole message has
//!
//! | `counts=` | bytes |
//! | --- | --- |
//! | `payload` | H + v + T |
//! | `rest` | AT + width + v + T |
//! | `self` | AT + v + T |
//! | `total` | v |

use std::fmt;
use std::str::FromStr;

use super::delim::hex_byte;
use super::nearest::{nearest, options, unknown_option};
use super::{Framer, ParseFramingError};
use crate::limits::{HEADER_BYTES, MESSAGE_BYTES_CEILING};

mod codec;

pub(super) const GRAMMAR: &str = "len:WIDTH[@AT][,head=H][,counts=payload|rest|self|total]\
                                  [,tail=HEX][,magic=HEX][,keep][,max=N]";

const OPTIONS: &[&str] = &["head=", "counts=", "tail=", "magic=", "keep", "max="];

/// How the length is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are the words typed, in capitals")]
pub enum Width {
    U8,
    U16be,
    U16le,
    U24be,
    U24le,
    U32be,
    U32le,
    U64be,
    U64le,
    /// LEB128, as protobuf has it: seven bits a byte, the least significant first, at most 10 bytes.
    Varint,
    /// The same in at most 4 bytes, as MQTT has it.
    Varint4,
    /// RFC 9000 section 16: the first two bits say 1, 2, 4 or 8 bytes.
    Qvarint,
}

impl Width {
    /// Every width, in the order of the reference page.
    pub const ALL: [Width; 12] = [
        Width::U8,
        Width::U16be,
        Width::U16le,
        Width::U24be,
        Width::U24le,
        Width::U32be,
        Width::U32le,
        Width::U64be,
        Width::U64le,
        Width::Varint,
        Width::Varint4,
        Width::Qvarint,
    ];

    /// The word, as typed.
    pub fn word(self) -> &'static str {
        match self {
            Width::U8 => "u8",
            Width::U16be => "u16be",
            Width::U16le => "u16le",
            Width::U24be => "u24be",
            Width::U24le => "u24le",
            Width::U32be => "u32be",
            Width::U32le => "u32le",
            Width::U64be => "u64be",
            Width::U64le => "u64le",
            Width::Varint => "varint",
            Width::Varint4 => "varint4",
            Width::Qvarint => "qvarint",
        }
    }

    /// The field's bytes; `None` where its value decides.
    pub fn bytes(self) -> Option<usize> {
        match self {
            Width::U8 => Some(1),
            Width::U16be | Width::U16le => Some(2),
            Width::U24be | Width::U24le => Some(3),
            Width::U32be | Width::U32le => Some(4),
            Width::U64be | Width::U64le => Some(8),
            Width::Varint | Width::Varint4 | Width::Qvarint => None,
        }
    }

    /// The largest value that the field holds.
    fn largest(self) -> u64 {
        match self.bytes() {
            Some(bytes) => u64::MAX >> (64 - 8 * bytes as u32),
            None if self == Width::Qvarint => codec::QVARINT_LARGEST,
            None if self == Width::Varint4 => codec::VARINT4_LARGEST,
            None => u64::MAX,
        }
    }
}

/// What the length field counts; the formulas are at the head of this module's source and in
/// docs/framings.md.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Counts {
    /// The payload alone.
    #[default]
    Payload,
    /// All that follows the field, up to the trailer.
    Rest,
    /// The field itself and all that follows it, up to the trailer.
    ItselfToo,
    /// The whole message, header and trailer included.
    Total,
}

impl Counts {
    /// The word, as typed.
    pub fn word(self) -> &'static str {
        match self {
            Counts::Payload => "payload",
            Counts::Rest => "rest",
            Counts::ItselfToo => "self",
            Counts::Total => "total",
        }
    }
}

/// The rule `len:WIDTH[@AT][,head=H][,counts=…][,tail=HEX][,magic=HEX][,keep][,max=N]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Len {
    width: Width,
    at: usize,
    /// Header bytes without the field's own where its width varies.
    head: usize,
    counts: Counts,
    tail: Vec<u8>,
    magic: Vec<u8>,
    keep: bool,
    max: Option<usize>,
}

impl Len {
    /// How the length is written.
    pub fn width(&self) -> Width {
        self.width
    }

    /// The bytes that end every message, often none.
    pub fn trailer(&self) -> &[u8] {
        &self.tail
    }

    /// Whether header and trailer stay on the message, and must be there when it is written.
    pub fn keep(&self) -> bool {
        self.keep
    }

    /// The longest message in bytes that the rule itself allows, if it says so.
    pub fn max(&self) -> Option<usize> {
        self.max
    }

    /// The smallest value the field can have: that of an empty payload.
    fn least(&self) -> u64 {
        // The field of varying width always counts what follows it, and nothing else follows.
        let Some(width) = self.width.bytes() else { return 0 };
        let least = match self.counts {
            Counts::Payload => 0,
            Counts::Rest => self.head - (self.at + width),
            Counts::ItselfToo => self.head - self.at,
            Counts::Total => self.head + self.tail.len(),
        };
        least as u64
    }

    pub(super) fn framer(&self, max: usize) -> Box<dyn Framer> {
        let max = self.max.map_or(max, |own| own.min(max));
        codec::framer(self, max)
    }

    pub(super) fn parse(rest: &str) -> Result<Len, ParseFramingError> {
        let (argument, after) = rest.split_at(rest.find(',').unwrap_or(rest.len()));
        let argument = argument.strip_prefix(':').unwrap_or_default();
        let (word, at) = match argument.split_once('@') {
            Some((word, at)) => (word, count("@", at, HEADER_BYTES)?),
            None => (argument, 0),
        };
        let width = parse_width(word)?;
        let mut rule = Len {
            width,
            at,
            head: at + width.bytes().unwrap_or(0),
            counts: Counts::Payload,
            tail: Vec::new(),
            magic: Vec::new(),
            keep: false,
            max: None,
        };
        let mut seen: Vec<&str> = Vec::new();
        for option in options(after) {
            let (key, value) = match option.split_once('=') {
                Some((key, value)) => (key, Some(value)),
                None => (option, None),
            };
            if seen.contains(&key) {
                return Err(refused(format!("`{key}` is given twice"), "once is enough"));
            }
            seen.push(key);
            match (key, value) {
                ("head", Some(value)) => rule.head = parse_head(value, width)?,
                ("counts", Some(value)) => rule.counts = parse_counts(value)?,
                ("tail", Some(value)) => rule.tail = hex("tail", value)?,
                ("magic", Some(value)) => rule.magic = hex("magic", value)?,
                ("keep", None) => rule.keep = true,
                ("max", Some(value)) => {
                    rule.max = Some(count("max=", value, MESSAGE_BYTES_CEILING)?);
                }
                ("head" | "counts" | "tail" | "magic" | "max", None) => {
                    let remedy = format!("write {key}=…; the grammar is {GRAMMAR}");
                    return Err(refused(format!("`{key}` needs a value"), remedy));
                }
                _ => return Err(unknown_option("len", option, OPTIONS)),
            }
        }
        rule.check()?;
        Ok(rule)
    }

    /// Refuses what contradicts itself.
    fn check(&self) -> Result<(), ParseFramingError> {
        let word = self.width.word();
        if self.magic.len() > self.at {
            return Err(refused(
                format!("the magic has {} bytes and lies over the length field", self.magic.len()),
                format!("put the field behind it: len:{word}@{}", self.magic.len()),
            ));
        }
        let Some(width) = self.width.bytes() else {
            if matches!(self.counts, Counts::ItselfToo | Counts::Total) {
                return Err(refused(
                    format!("a {word} cannot count itself (counts={})", self.counts.word()),
                    "its own size depends on its value; write counts=payload or leave it out",
                ));
            }
            return Ok(());
        };
        if self.head < self.at + width {
            let reach = self.at + width;
            return Err(refused(
                format!("the header has {} bytes, the length field ends at {reach}", self.head),
                format!("write head={reach} or more, or leave it out"),
            ));
        }
        if self.least() > self.width.largest() {
            return Err(refused(
                format!("a {word} that counts {} holds no message", self.counts.word()),
                format!("an empty message would need the value {}", self.least()),
            ));
        }
        Ok(())
    }
}

fn refused(problem: String, remedy: impl Into<String>) -> ParseFramingError {
    ParseFramingError { problem: format!("in the framing `len`, {problem}"), remedy: remedy.into() }
}

fn parse_width(word: &str) -> Result<Width, ParseFramingError> {
    let words = || Width::ALL.map(Width::word);
    let found = Width::ALL.into_iter().find(|width| width.word() == word);
    found.ok_or_else(|| {
        let all = format!("the widths are {}", words().join(" "));
        let problem = if word.is_empty() {
            "the width of the length field is missing".into()
        } else {
            format!("`{word}` is no width")
        };
        match nearest(word, words()) {
            Some(near) => refused(problem, format!("did you mean `{near}`? {all}")),
            None => refused(problem, all),
        }
    })
}

fn parse_head(value: &str, width: Width) -> Result<usize, ParseFramingError> {
    if width.bytes().is_none() {
        let problem = format!("head= has no meaning with a {}", width.word());
        return Err(refused(problem, "the header ends where the field ends; leave head= out"));
    }
    count("head=", value, HEADER_BYTES)
}

fn parse_counts(value: &str) -> Result<Counts, ParseFramingError> {
    let all = [Counts::Payload, Counts::Rest, Counts::ItselfToo, Counts::Total];
    let found = all.into_iter().find(|counts| counts.word() == value);
    found.ok_or_else(|| {
        let problem = format!("`{value}` is nothing that a length counts");
        refused(problem, "write counts=payload, counts=rest, counts=self or counts=total")
    })
}

/// A number in decimal digits, at most `most`.
fn count(key: &str, digits: &str, most: usize) -> Result<usize, ParseFramingError> {
    let plain = digits.bytes().all(|digit| digit.is_ascii_digit());
    match usize::from_str(digits) {
        Ok(n) if plain && n <= most => Ok(n),
        _ => Err(refused(
            format!("`{key}{digits}` gives no number of bytes"),
            format!("write {key}N, N from 0 to {most}"),
        )),
    }
}

fn hex(key: &str, digits: &str) -> Result<Vec<u8>, ParseFramingError> {
    let remedy = || format!("write {key}= and two hex digits for each byte, as in {key}=0d0a");
    if digits.len() > 2 * HEADER_BYTES {
        return Err(refused(format!("{key}= has more than {HEADER_BYTES} bytes"), remedy()));
    }
    let pairs = digits.as_bytes().chunks(2);
    let bytes = pairs.map(|pair| std::str::from_utf8(pair).ok().and_then(hex_byte));
    match bytes.collect::<Option<Vec<u8>>>() {
        Some(bytes) if !bytes.is_empty() => Ok(bytes),
        _ => Err(refused(format!("`{key}={digits}` is not in hex"), remedy())),
    }
}

impl fmt::Display for Len {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.width.word())?;
        if self.at > 0 {
            write!(f, "@{}", self.at)?;
        }
        if self.width.bytes().is_some_and(|width| self.head != self.at + width) {
            write!(f, ",head={}", self.head)?;
        }
        if self.counts != Counts::default() {
            write!(f, ",counts={}", self.counts.word())?;
        }
        for (key, bytes) in [("tail", &self.tail), ("magic", &self.magic)] {
            if !bytes.is_empty() {
                write!(f, ",{key}=")?;
                bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
            }
        }
        f.write_str(if self.keep { ",keep" } else { "" })?;
        self.max.map_or(Ok(()), |max| write!(f, ",max={max}"))
    }
}
