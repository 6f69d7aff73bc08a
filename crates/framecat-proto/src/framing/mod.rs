//! Where a message ends.
//!
//! A [`Framing`] is a rule, written in one word and printed back the same. A [`Framer`] is that rule
//! at work on one direction of one stream; [`Decoder`] drives a framer over bytes as they arrive and
//! turns its faults into errors that say where they happened. One file each, no I/O.
//!
//! # The laws of every framer
//! 1. `decode(encode(m)) == m`, or `encode` refuses. Nothing is ever substituted.
//! 2. The split of the input never matters (`raw` and `gap` alone obey only: the concatenation of the
//!    messages is the input).
//! 3. Nothing is invented or lost: messages + cut tail + rejected bytes = the input.
//! 4. An empty message is a message, never an end; a framing that cannot express one refuses it.
//! 5. Bytes left when the stream ends inside a message are a cut message, reported as such.
//! 6. Every framing has a maximum, checked before memory is reserved.
//! 7. A header is not consumed before its message is complete.
//! 8. An error says the byte offset, the message number and the first 16 bytes in hex.
//! 9. A framing that can resynchronise does so if asked (`,resync`); the others say they cannot.
//! 10. Decoding works on whole buffers and yields ranges of the input.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::limits::MESSAGE_BYTES_CEILING;
use crate::message::{Batch, Context, Outbound, Outgoing, Spans};

mod amqp;
mod cobs;
mod decoder;
mod delim;
mod dot;
mod eof;
mod escaped;
mod fix;
mod fixed;
mod gap;
mod git;
mod guess;
mod hdlc;
mod http;
mod json;
#[path = "json-seq.rs"]
mod json_seq;
mod len;
mod line;
mod lsp;
mod mllp;
mod ndjson;
mod nearest;
mod netstring;
mod postgres;
mod preset;
mod raw;
pub(crate) mod resp;
mod slip;
mod stx;
mod syslog;
mod ways;
// `struct` is a word of the language, so the module cannot have the file's name.
#[path = "struct.rs"]
mod structure;

pub use cobs::Cobs;
pub use decoder::{Decoded, Decoder, FramingError, Tailed};
pub use delim::Delim;
pub use dot::Dot;
pub use fixed::Fixed;
pub use gap::Gap;
pub use guess::{Guess, Guesses, guess};
pub use hdlc::Hdlc;
pub use json_seq::JsonSeq;
pub use len::{Counts, Len, Width};
pub use line::Line;
pub use lsp::Lsp;
pub use ndjson::Ndjson;
pub use netstring::Netstring;
pub use preset::{PRESETS, Preset, Row as PresetRow};
pub use slip::Slip;
pub use structure::Struct;
pub use stx::Stx;
pub use syslog::Syslog;
pub use ways::Ways;

use nearest::cannot_resync;

/// A rule that says where a message ends. Parses from one word and prints back the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Framing {
    /// What one read gave: no boundaries at all.
    Raw,
    /// What the kernel keeps: datagrams and seqpacket.
    Native,
    /// Everything until the stream ends is one message.
    Eof,
    /// Bytes up to LF.
    Line(Line),
    /// Bytes up to a marker: `crlf`, `nul` and `delim:BYTES`.
    Delim(Delim),
    /// A JSON value, back to back.
    Json,
    /// A JSON value a line.
    Ndjson(Ndjson),
    /// RS, a JSON value, LF: RFC 7464.
    JsonSeq(JsonSeq),
    /// A value of Redis' protocol.
    Resp,
    /// Content-Length in a header.
    Lsp(Lsp),
    /// A length or an LF, told by the first byte: RFC 6587.
    Syslog(Syslog),
    /// Lines up to a single dot.
    Dot(Dot),
    /// A length field says so.
    Len(Len),
    /// Time, byte count, content.
    Struct(Struct),
    /// So many bytes.
    Fixed(Fixed),
    /// Length in decimal digits, colon, payload, comma.
    Netstring(Netstring),
    /// RFC 1055.
    Slip(Slip),
    /// Consistent overhead byte stuffing.
    Cobs(Cobs),
    /// RFC 1662 with its check sequence.
    Hdlc(Hdlc),
    /// Between STX and ETX.
    Stx(Stx),
    /// Up to a silence.
    Gap(Gap),
    /// PostgreSQL's messages.
    Postgres,
    /// AMQP 0-9-1: its header, then frames.
    Amqp,
    /// HL7's blocks.
    Mllp,
    /// FIX messages, with their checksum.
    Fix,
    /// git's pkt-lines.
    Git,
    /// HTTP/1.1 messages.
    Http,
    /// No rule: the one that fits is looked for ([`guess()`]). As a framer it is `eof`.
    Guess,
    /// A name for one of the others.
    Preset(Preset),
}

impl Framing {
    /// `line`, the framing people and text protocols use.
    pub fn line() -> Framing {
        Framing::Line(Line::default())
    }

    /// A new framer for one direction of one stream. `max` is the longest payload in bytes that it
    /// accepts, in either direction, and at most [`MESSAGE_BYTES_CEILING`].
    pub fn framer(&self, max: usize) -> Box<dyn Framer> {
        let max = max.min(MESSAGE_BYTES_CEILING);
        match self {
            Framing::Raw | Framing::Native => Box::new(raw::Framer { max }),
            Framing::Eof | Framing::Guess => Box::new(eof::Framer::new(max)),
            Framing::Line(rule) => Box::new(line::Framer::new(*rule, max)),
            Framing::Delim(rule) => Box::new(delim::Framer::new(rule, max)),
            Framing::Json => Box::new(json::Framer::new(max)),
            Framing::Ndjson(rule) => Box::new(ndjson::Framer::new(*rule, max)),
            Framing::JsonSeq(rule) => Box::new(json_seq::Framer::new(*rule, max)),
            Framing::Resp => Box::new(resp::Framer::new(max)),
            Framing::Lsp(rule) => Box::new(lsp::Framer::new(*rule, max)),
            Framing::Syslog(rule) => Box::new(syslog::Framer::new(*rule, max)),
            Framing::Dot(rule) => Box::new(dot::Framer::new(*rule, max)),
            Framing::Len(rule) => rule.framer(max),
            Framing::Struct(rule) => Box::new(structure::Framer::new(*rule, max)),
            Framing::Fixed(rule) => Box::new(fixed::Framer::new(*rule, max)),
            Framing::Netstring(rule) => Box::new(netstring::Framer::new(*rule, max)),
            Framing::Slip(rule) => Box::new(slip::Framer::new(rule.resync, max)),
            Framing::Cobs(rule) => Box::new(cobs::Framer::new(*rule, max)),
            Framing::Hdlc(rule) => Box::new(hdlc::Framer::new(rule.resync, max)),
            Framing::Stx(rule) => rule.framer(max),
            Framing::Postgres => Box::new(postgres::Framer::new(max)),
            Framing::Amqp => Box::new(amqp::Framer::new(max)),
            Framing::Mllp => Box::new(mllp::Framer::new(max)),
            Framing::Fix => Box::new(fix::Framer::new(max)),
            Framing::Git => Box::new(git::Framer::new(max)),
            Framing::Http => Box::new(http::Framer::new(max)),
            Framing::Preset(preset) => preset.framer(max),
            Framing::Gap(rule) => Box::new(gap::Framer::new(*rule, max)),
        }
    }

    /// The framers of a connection's two directions, which know of each other where the rule needs it
    /// (`postgres`: once one side has granted encryption, both are encrypted; `http`: what was asked
    /// says where the answer ends). `max` as in [`framer`](Self::framer).
    pub fn pair(&self, max: usize) -> [Box<dyn Framer>; 2] {
        match self {
            Framing::Postgres => postgres::Framer::pair(max.min(MESSAGE_BYTES_CEILING))
                .map(|framer| Box::new(framer) as Box<dyn Framer>),
            Framing::Http => http::Framer::pair(max.min(MESSAGE_BYTES_CEILING))
                .map(|framer| Box::new(framer) as Box<dyn Framer>),
            _ => [self.framer(max), self.framer(max)],
        }
    }

    /// Whether what a connection has carried before decides how a message is written. If not, the
    /// same bytes do for every connection.
    pub fn remembers(&self) -> bool {
        use Framing::{Amqp, Eof, Git, Http, Postgres};
        matches!(self.expanded(), Eof | Postgres | Amqp | Git | Http)
    }

    /// Whether its framers may have something to say by themselves: see [`Framer::prompt`].
    pub fn prompts(&self) -> bool {
        *self.expanded() == Framing::Http
    }

    /// What becomes of bytes left when a stream from the wire ends inside a message.
    pub fn tail(&self) -> Tail {
        match self {
            Framing::Raw | Framing::Native | Framing::Eof | Framing::Gap(_) => Tail::Keep,
            Framing::Guess => Tail::Keep,
            Framing::Line(_) | Framing::Delim(_) => Tail::Keep,
            Framing::Json | Framing::Ndjson(_) | Framing::JsonSeq(_) => Tail::Error,
            Framing::Resp | Framing::Lsp(_) | Framing::Syslog(_) | Framing::Dot(_) => Tail::Error,
            Framing::Len(_) | Framing::Struct(_) | Framing::Fixed(_) => Tail::Error,
            Framing::Netstring(_) | Framing::Slip(_) | Framing::Cobs(_) => Tail::Error,
            Framing::Hdlc(_) | Framing::Stx(_) => Tail::Error,
            Framing::Postgres | Framing::Amqp | Framing::Mllp | Framing::Fix => Tail::Error,
            Framing::Git | Framing::Http => Tail::Error,
            Framing::Preset(preset) => preset.tail(),
        }
    }

    /// Whether the rule finds messages in a stream at all.
    pub fn has_boundaries(&self) -> bool {
        !matches!(self, Framing::Raw)
    }

    /// The name of the framing that `word` is nearest to, for who mistyped one: `line` for `lines`.
    pub fn nearest(word: &str) -> Option<&'static str> {
        let name = &word[..word.find([':', ',']).unwrap_or(word.len())];
        nearest::nearest(name, all_names())
    }

    /// Whether there is a framing or preset of that name.
    pub fn is_name(name: &str) -> bool {
        all_names().any(|known| known == name)
    }

    /// What a preset stands for; every other rule is itself.
    pub fn expanded(&self) -> &Framing {
        match self {
            Framing::Preset(preset) => preset.rule(),
            rule => rule,
        }
    }
}

/// Why a word is no framing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{problem}")]
pub struct ParseFramingError {
    /// What is wrong with it, naming the part.
    pub problem: String,
    /// What to write instead.
    pub remedy: String,
}

impl FromStr for Framing {
    type Err = ParseFramingError;

    fn from_str(word: &str) -> Result<Framing, ParseFramingError> {
        // The name ends at the first ':' or ','; what follows belongs to the framing's own parser.
        let at = word.find([':', ',']).unwrap_or(word.len());
        let (name, rest) = word.split_at(at);
        match (name, rest) {
            ("raw", "") => Ok(Framing::Raw),
            ("native", "") => Ok(Framing::Native),
            ("eof", "") => Ok(Framing::Eof),
            ("line", rest) => Line::parse(rest).map(Framing::Line),
            ("crlf" | "nul" | "delim", rest) => Delim::parse(name, rest).map(Framing::Delim),
            ("json", "") => Ok(Framing::Json),
            ("lsp", rest) => Lsp::parse(rest).map(Framing::Lsp),
            ("syslog", rest) => Syslog::parse(rest).map(Framing::Syslog),
            ("dot", rest) => Dot::parse(rest).map(Framing::Dot),
            ("resp", "") => Ok(Framing::Resp),
            ("ndjson", rest) => Ndjson::parse(rest).map(Framing::Ndjson),
            ("json-seq", rest) => JsonSeq::parse(rest).map(Framing::JsonSeq),
            ("len", rest) => Len::parse(rest).map(Framing::Len),
            ("struct", rest) => Struct::parse(rest).map(Framing::Struct),
            ("fixed", rest) => Fixed::parse(rest).map(Framing::Fixed),
            ("netstring", rest) => Netstring::parse(rest).map(Framing::Netstring),
            ("slip", rest) => Slip::parse(rest).map(Framing::Slip),
            ("cobs", rest) => Cobs::parse(rest).map(Framing::Cobs),
            ("hdlc", rest) => Hdlc::parse(rest).map(Framing::Hdlc),
            ("stx", rest) => Stx::parse(rest).map(Framing::Stx),
            ("gap", rest) => Gap::parse(rest).map(Framing::Gap),
            ("guess", "") => Ok(Framing::Guess),
            ("postgres", "") => Ok(Framing::Postgres),
            ("amqp", "") => Ok(Framing::Amqp),
            ("mllp", "") => Ok(Framing::Mllp),
            ("fix", "") => Ok(Framing::Fix),
            ("git", "") => Ok(Framing::Git),
            ("http", "") => Ok(Framing::Http),
            // What is left of the table takes nothing behind its name.
            (_, ",resync") if is_framing(name) => Err(cannot_resync(name)),
            _ if is_framing(name) => Err(takes_no_argument(name, rest)),
            _ => match Preset::parse(name, rest) {
                Some(preset) => preset.map(Framing::Preset),
                None => Err(unknown_framing(word)),
            },
        }
    }
}

fn is_framing(name: &str) -> bool {
    TABLE.iter().any(|row| row.name == name)
}

fn unknown_framing(word: &str) -> ParseFramingError {
    // guess finds none: it is a question.
    let rules = TABLE.iter().map(|row| row.name).filter(|name| *name != "guess");
    let framings = rules.collect::<Vec<_>>().join(" ");
    let presets = PRESETS.iter().map(|row| row.name).collect::<Vec<_>>().join(" ");
    let known = format!(
        "the framings are {framings}, and by the name of a protocol {presets}; see framecat help framings"
    );
    ParseFramingError {
        problem: format!("`{word}` is no framing"),
        remedy: match Framing::nearest(word) {
            Some(near) => format!("did you mean `{near}`? {known}"),
            None => known,
        },
    }
}

/// The framing `name` has no argument, and `rest` is one; options are told by the framing itself.
fn takes_no_argument(name: &str, rest: &str) -> ParseFramingError {
    ParseFramingError {
        problem: format!("the framing `{name}` takes no argument, but `{rest}` follows"),
        remedy: match TABLE.iter().find(|row| row.name == name) {
            Some(row) if row.grammar != name => format!("write {}", row.grammar),
            _ => format!("write `{name}` alone"),
        },
    }
}

/// The names of all framings and presets.
pub fn all_names() -> impl Iterator<Item = &'static str> {
    let framings = TABLE.iter().map(|row| row.name);
    framings.chain(PRESETS.iter().map(|row| row.name))
}

impl fmt::Display for Framing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Framing::Raw => f.write_str("raw"),
            Framing::Native => f.write_str("native"),
            Framing::Eof => f.write_str("eof"),
            Framing::Line(rule) => write!(f, "line{rule}"),
            Framing::Delim(rule) => rule.fmt(f),
            Framing::Json => f.write_str("json"),
            Framing::Ndjson(rule) => write!(f, "ndjson{rule}"),
            Framing::JsonSeq(rule) => write!(f, "json-seq{rule}"),
            Framing::Resp => f.write_str("resp"),
            Framing::Lsp(rule) => write!(f, "lsp{rule}"),
            Framing::Syslog(rule) => write!(f, "syslog{rule}"),
            Framing::Dot(rule) => write!(f, "dot{rule}"),
            Framing::Len(rule) => write!(f, "len:{rule}"),
            Framing::Struct(rule) => write!(f, "struct{rule}"),
            Framing::Fixed(rule) => write!(f, "fixed{rule}"),
            Framing::Netstring(rule) => write!(f, "netstring{rule}"),
            Framing::Slip(rule) => write!(f, "slip{rule}"),
            Framing::Cobs(rule) => write!(f, "cobs{rule}"),
            Framing::Hdlc(rule) => write!(f, "hdlc{rule}"),
            Framing::Stx(rule) => write!(f, "stx{rule}"),
            Framing::Gap(rule) => write!(f, "gap{rule}"),
            Framing::Guess => f.write_str("guess"),
            Framing::Postgres => f.write_str("postgres"),
            Framing::Amqp => f.write_str("amqp"),
            Framing::Mllp => f.write_str("mllp"),
            Framing::Fix => f.write_str("fix"),
            Framing::Git => f.write_str("git"),
            Framing::Http => f.write_str("http"),
            Framing::Preset(preset) => preset.fmt(f),
        }
    }
}

/// A row of `framecat help framings`.
#[derive(Debug, Clone, Copy)]
pub struct About {
    /// The name, as typed.
    pub name: &'static str,
    /// The whole word with its options.
    pub grammar: &'static str,
    /// What a message is.
    pub message: &'static str,
}

/// Every framing there is, in the order of the reference page.
pub const TABLE: &[About] = &[
    About { name: "raw", grammar: "raw", message: "what one read gave: no boundaries" },
    About {
        name: "native",
        grammar: "native",
        message: "what the kernel keeps: datagrams, seqpacket; chosen by itself",
    },
    About { name: "eof", grammar: "eof", message: "everything until the stream ends" },
    About { name: "line", grammar: "line[,keep][,resync]", message: "bytes up to LF" },
    About { name: "crlf", grammar: "crlf[,keep]", message: "bytes up to CR LF" },
    About { name: "nul", grammar: "nul[,keep]", message: "bytes up to a zero byte" },
    About {
        name: "delim",
        grammar: "delim:BYTES[,keep][,any]",
        message: "bytes up to the marker; with any, up to any one of the bytes",
    },
    About { name: "json", grammar: "json", message: "one JSON value, values back to back" },
    About { name: "ndjson", grammar: "ndjson[,resync]", message: "one JSON value a line" },
    About {
        name: "json-seq",
        grammar: "json-seq[,resync]",
        message: "RS, one JSON value, LF (RFC 7464)",
    },
    About {
        name: "resp",
        grammar: "resp",
        message: "one value of Redis' protocol, RESP2 or RESP3",
    },
    About {
        name: "lsp",
        grammar: "lsp[,keep]",
        message: "as many bytes as Content-Length in a header says: LSP, DAP",
    },
    About {
        name: "syslog",
        grammar: "syslog[,keep]",
        message: "by a length or up to LF, told by the first byte (RFC 6587); a length is written",
    },
    About {
        name: "dot",
        grammar: "dot[,keep]",
        message: "lines up to a single dot, dots doubled: SMTP, POP3, NNTP",
    },
    About { name: "len", grammar: len::GRAMMAR, message: "a length field says so" },
    About {
        name: "struct",
        grammar: "struct[,keep]",
        message: "time u64be in ns since 1970, length u32be, content: Python's '!QI'",
    },
    About { name: "fixed", grammar: "fixed:N", message: "N bytes" },
    About {
        name: "netstring",
        grammar: "netstring[,keep]",
        message: "5:hello, is the message hello",
    },
    About { name: "slip", grammar: "slip[,resync]", message: "RFC 1055: bytes up to c0, escaped" },
    About {
        name: "cobs",
        grammar: "cobs[,resync]",
        message: "consistent overhead byte stuffing, up to a zero byte",
    },
    About {
        name: "hdlc",
        grammar: "hdlc[,resync]",
        message: "RFC 1662: between flags 7e, escaped, with FCS-16",
    },
    About {
        name: "stx",
        grammar: "stx[,dle][,keep][,resync]",
        message: "between 02 and 03; with dle between 10 02 and 10 03, each 10 doubled",
    },
    About {
        name: "gap",
        grammar: "gap:TIME",
        message: "what comes before TIME of silence; only seems to work on TCP",
    },
    About {
        name: "postgres",
        grammar: "postgres",
        message: "a PostgreSQL message; as it comes once it is encrypted",
    },
    About { name: "amqp", grammar: "amqp", message: "an AMQP 0-9-1 protocol header or frame" },
    About { name: "mllp", grammar: "mllp", message: "an HL7 block between 0b and 1c 0d" },
    About { name: "fix", grammar: "fix", message: "a FIX message, length and checksum checked" },
    About { name: "git", grammar: "git", message: "a pkt-line of git; a pack as it comes" },
    About {
        name: "http",
        grammar: "http",
        message: "an HTTP/1.1 message, head and body; as it comes behind 101 and CONNECT",
    },
    About {
        name: "guess",
        grammar: "guess",
        message: "connect file:x -f guess tells which of all these would fit, and why",
    },
];

/// What becomes of bytes left when the stream ends inside a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tail {
    /// They are delivered as a message marked cut.
    Keep,
    /// They are left out.
    Drop,
    /// They are an error.
    Error,
}

impl FromStr for Tail {
    type Err = String;

    fn from_str(word: &str) -> Result<Tail, String> {
        match word {
            "keep" => Ok(Tail::Keep),
            "drop" => Ok(Tail::Drop),
            "error" => Ok(Tail::Error),
            _ => Err(format!("`{word}` is no tail policy: keep, drop or error")),
        }
    }
}

/// What is wrong with bytes that were read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The message is longer than the maximum. `len` is its length where a header tells it.
    #[error("the message {} than {max} bytes", match .len { Some(n) => format!("has {n} bytes, more"), None => "is longer".into() })]
    TooLong {
        /// The length that the header claims.
        len: Option<u64>,
        /// The maximum.
        max: usize,
    },
    /// The bytes break the framing's rule; says how.
    #[error("{0}")]
    Broken(String),
    /// The stream ended inside a message.
    #[error("the stream ended inside a message: {have} byte{} came{}", if *.have == 1 { "" } else { "s" }, match .need { Some(n) => format!(", {n} were due"), None => String::new() })]
    Cut {
        /// The bytes that came, header included.
        have: usize,
        /// The bytes that a header announced, itself included.
        need: Option<u64>,
    },
}

/// Why a payload cannot be written under a framing or text form. Nothing of it was written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// The boundary would appear inside the payload.
    #[error("its byte {at} would end it early")]
    WouldSplit {
        /// Where in the payload.
        at: usize,
    },
    /// The payload is longer than the framing, the datagram or the maximum holds.
    #[error("its {len} bytes do not fit, the maximum is {max}")]
    DoesNotFit {
        /// The payload's length.
        len: usize,
        /// The largest that fits.
        max: u64,
    },
    /// The payload's length is not the only possible one.
    #[error("it has {len} bytes, each message here has {want}")]
    WrongLength {
        /// The payload's length.
        len: usize,
        /// The length it must have.
        want: usize,
    },
    /// The payload must bring its header or trailer (`,keep`) and does not; says what is missing.
    #[error("{0}")]
    Lacks(String),
    /// The payload is empty, and the framing has no form for that.
    #[error("it is empty, and this framing has no empty messages")]
    Empty,
    /// The framing holds one message per stream, and that one was written.
    #[error("this framing holds one message per connection")]
    OnlyOne,
}

/// How far a framer came.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Progress {
    /// Bytes of the input that the caller may drop once it is done with the spans: whole messages
    /// and rejected bytes, never part of a message.
    pub consumed: usize,
    /// How many of the consumed bytes belong to no message (only after `,resync` found one again).
    pub rejected: usize,
    /// What stopped it. The bad message begins at `consumed`, its bytes are not consumed.
    pub fault: Option<Fault>,
}

/// What the bytes are that remain when a stream ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// No message was begun.
    Clean,
    /// The end itself is the boundary: all of them are one message.
    Whole,
    /// Part of a message; `need` is its size, header included, where that is known.
    Cut {
        /// See there.
        need: Option<u64>,
    },
}

/// Under a rule that leaves everything on the message: the header must speak of all of it.
fn whole(payload: &[u8], size: usize) -> Result<(), EncodeError> {
    let len = payload.len();
    match size.cmp(&len) {
        std::cmp::Ordering::Equal => Ok(()),
        std::cmp::Ordering::Less => Err(EncodeError::WouldSplit { at: size }),
        std::cmp::Ordering::Greater => {
            Err(EncodeError::Lacks(format!("its header speaks of {size} bytes and it has {len}")))
        }
    }
}

/// A framing at work on one direction of one stream. Each direction has its own.
pub trait Framer: Send + Sync {
    /// Finds all whole messages in `input` and pushes a span for each.
    ///
    /// `input` begins where the last call's `consumed` left off, and holds at least what that call
    /// left: a framer may remember how far it has looked (`,resync` apart, it must, so that bytes
    /// arriving one by one cost linear time). After a fault it is not called again, unless it
    /// resynchronises: then it is called again at once, with what it left, also if the stream has
    /// ended. It stops behind the message that makes `out` full ([`Spans::is_full`]), so that
    /// another rule can take over there.
    fn decode(&mut self, input: &[u8], out: &mut Spans) -> Progress;

    /// What `rest`, the bytes that [`decode`](Self::decode) left, are now that the stream ended.
    fn end(&mut self, rest: &[u8]) -> Ending;

    /// As [`end`](Self::end), and pushes the message that the end itself closes.
    ///
    /// Needs an implementation of its own only where bytes are transformed, so that the payload is
    /// not `rest` as it stands. A fault says that the last message is broken; nothing is pushed then.
    fn finish(&mut self, rest: &[u8], out: &mut Spans) -> Result<Ending, Fault> {
        let ending = self.end(rest);
        if ending == Ending::Whole {
            out.push(0, rest.len());
        }
        Ok(ending)
    }

    /// Appends one message to `out`, or refuses and leaves `out` as it was.
    fn encode(
        &mut self,
        message: Outbound<'_>,
        context: &Context<'_>,
        out: &mut Outgoing,
    ) -> Result<(), EncodeError>;

    /// Appends the messages of `batch` from number `from` on. Stops at the first that is refused and
    /// returns its index: the caller reports it and calls again with the next.
    ///
    /// One virtual call a batch: the loop is compiled for each framer.
    fn encode_batch(
        &mut self,
        batch: Batch<'_>,
        from: usize,
        context: &Context<'_>,
        out: &mut Outgoing,
    ) -> Result<(), (usize, EncodeError)> {
        for i in from..batch.len() {
            let context = Context { first: context.first + i as u64, ..*context };
            self.encode(batch.outbound(i), &context, out).map_err(|error| (i, error))?;
        }
        Ok(())
    }

    /// Whether decoding goes on after a fault.
    fn resynchronises(&self) -> bool {
        false
    }

    /// The silence that ends a message: if nothing more comes for so long, the bytes that
    /// [`decode`](Self::decode) left are what [`finish`](Self::finish) makes of them. Also the least
    /// that a sender waits between two messages. Almost no framing has one.
    fn silence(&self) -> Option<Duration> {
        None
    }

    /// What the peer waits for before it sends the rest of its message, if it does and nothing is to be
    /// said before: to be sent as it is, now. Asked of either framer of a pair behind each
    /// [`decode`](Self::decode) and behind what was sent; each is given once. (`http`: 100 (Continue).)
    fn prompt(&mut self) -> Option<&'static [u8]> {
        None
    }

    /// Whether nothing can follow what was written last, by its own word, so that the stream is to be ended.
    fn is_last(&self) -> bool {
        false
    }
}
