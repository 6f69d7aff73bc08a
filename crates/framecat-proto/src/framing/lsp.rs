//! `lsp`: a header of fields, an empty line, and as many bytes as Content-Length says. The base
//! protocol of the Language Server Protocol, and of the Debug Adapter Protocol.
//!
//! ```text
//!  INPUT                                            MESSAGE
//! +----------------------------+----+---------+    +---------+
//! | Content-Length: 7 ␍␊       | ␍␊ | {"a":1} | →  | {"a":1} |
//! +----------------------------+----+---------+    +---------+
//! ```
//!
//! Source: the specification of LSP 3.17, "Base Protocol". Field names are those of HTTP (RFC 9110
//! section 5.1), so case does not matter. Fields that are not known are passed over.

use std::fmt;
use std::io::Write as _;

use super::nearest::switches;
use super::{EncodeError, Ending, Fault, ParseFramingError, Progress};
use crate::limits::HEADER_BYTES;
use crate::message::{Context, Outbound, Outgoing, Spans};

/// The rule `lsp[,keep]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Lsp {
    /// The header stays on the message, and must be there when it is written.
    pub keep: bool,
}

impl Lsp {
    pub(super) fn parse(rest: &str) -> Result<Lsp, ParseFramingError> {
        let mut rule = Lsp::default();
        switches("lsp", rest, [("keep", &mut rule.keep)])?;
        Ok(rule)
    }
}

impl fmt::Display for Lsp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.keep { ",keep" } else { "" })
    }
}

/// Where in a header the next byte stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Place {
    #[default]
    Name,
    Value,
    /// Behind the CR of a field, or of the empty line.
    FieldEnd,
    HeaderEnd,
}

/// A header as it arrives. Every byte is looked at once.
#[derive(Debug, Clone, Copy, Default)]
struct Header {
    place: Place,
    /// Where the line at hand begins, and its colon stands.
    line: usize,
    colon: usize,
    /// Bytes that were looked at: once the length is known to be final, the header's size.
    seen: usize,
    length: Option<u64>,
    complete: bool,
}

impl Header {
    /// Reads on in `input`, which begins with the header. Whether it is complete.
    fn read(&mut self, input: &[u8]) -> Result<bool, String> {
        while !self.complete {
            if self.seen == HEADER_BYTES {
                return Err(format!("its header is longer than {HEADER_BYTES} bytes"));
            }
            let Some(&byte) = input.get(self.seen) else { return Ok(false) };
            let at = self.seen;
            self.seen += 1;
            match (self.place, byte) {
                (Place::Name, b'\r') if at == self.line => self.place = Place::HeaderEnd,
                (Place::Name, b':') if at > self.line => {
                    self.colon = at;
                    self.place = Place::Value;
                }
                (Place::Name, byte) if is_token(byte) => {}
                (Place::Name, byte) => {
                    let found = byte.escape_ascii();
                    return Err(format!("`{found}` stands in the name of a header field"));
                }
                (Place::Value, b'\r') => self.place = Place::FieldEnd,
                (Place::Value, b'\t' | b' '..=b'~') => {}
                (Place::Value, byte) => {
                    let found = byte.escape_ascii();
                    return Err(format!("`{found}` stands in the value of a header field"));
                }
                (Place::FieldEnd, b'\n') => {
                    self.field(&input[self.line..self.colon], &input[self.colon + 1..at - 1])?;
                    self.line = self.seen;
                    self.place = Place::Name;
                }
                (Place::HeaderEnd, b'\n') => {
                    if self.length.is_none() {
                        return Err("its header has no Content-Length".into());
                    }
                    self.complete = true;
                }
                (Place::FieldEnd | Place::HeaderEnd, _) => {
                    return Err("a CR without LF stands in its header".into());
                }
            }
        }
        Ok(true)
    }

    fn field(&mut self, name: &[u8], value: &[u8]) -> Result<(), String> {
        let value = value.trim_ascii();
        let shown = || value[..value.len().min(32)].escape_ascii();
        if name.eq_ignore_ascii_case(b"Content-Length") {
            let digits = value.iter().all(u8::is_ascii_digit);
            let text = std::str::from_utf8(value).ok().filter(|_| digits);
            let Some(length) = text.and_then(|text| text.parse().ok()) else {
                return Err(format!("its Content-Length is no length: `{}`", shown()));
            };
            // Two lengths are two opinions on where it ends, even where they agree.
            if self.length.replace(length).is_some() {
                return Err("its header has Content-Length twice".into());
            }
        } else if name.eq_ignore_ascii_case(b"Content-Type") && !is_utf8(value) {
            return Err(format!("its Content-Type is not in UTF-8: `{}`", shown()));
        }
        Ok(())
    }

    /// The whole message's bytes, once the header is complete.
    fn size(&self) -> Option<u64> {
        self.length.filter(|_| self.complete).map(|length| length.saturating_add(self.seen as u64))
    }
}

/// RFC 9110 section 5.6.2.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// Whether a Content-Type names the charset utf-8, or `utf8` as LSP allows for old peers, or none.
fn is_utf8(value: &[u8]) -> bool {
    let parameters = value.split(|byte| *byte == b';').skip(1).map(<[u8]>::trim_ascii);
    let charset = parameters.filter_map(|parameter| {
        let (name, value) = parameter.split_at(parameter.iter().position(|byte| *byte == b'=')?);
        name.eq_ignore_ascii_case(b"charset").then_some(&value[1..])
    });
    let plain = |value: &[u8]| {
        let value = value.strip_prefix(b"\"").and_then(|v| v.strip_suffix(b"\"")).unwrap_or(value);
        value.eq_ignore_ascii_case(b"utf-8") || value.eq_ignore_ascii_case(b"utf8")
    };
    charset.into_iter().all(plain)
}

pub(super) struct Framer {
    keep: bool,
    max: usize,
    header: Header,
}

impl Framer {
    pub(super) fn new(rule: Lsp, max: usize) -> Framer {
        Framer { keep: rule.keep, max, header: Header::default() }
    }

    /// The size of the message that `rest` begins with, once its header is there.
    fn size(&mut self, rest: &[u8]) -> Result<Option<u64>, Fault> {
        // With `keep` the header is part of the message, and of what the maximum bounds.
        let seen = if self.keep { rest.len().min(self.max + 1) } else { rest.len() };
        if !self.header.read(&rest[..seen]).map_err(Fault::Broken)? {
            let too_long = self.keep && seen > self.max;
            let fault = Fault::TooLong { len: None, max: self.max };
            return if too_long { Err(fault) } else { Ok(None) };
        }
        let size = self.header.size().unwrap_or(u64::MAX);
        let len = if self.keep { size } else { size - self.header.seen as u64 };
        match len > self.max as u64 {
            true => Err(Fault::TooLong { len: Some(len), max: self.max }),
            false => Ok(Some(size)),
        }
    }

    /// With `,keep` the payload is the whole message, so its header must speak of it.
    fn check(payload: &[u8]) -> Result<(), EncodeError> {
        let mut header = Header::default();
        let len = payload.len() as u64;
        let size = match header.read(payload).map_err(EncodeError::Lacks)? {
            true => header.size().unwrap_or(u64::MAX),
            false => {
                return Err(EncodeError::Lacks("its header has no end, as `keep` asks".into()));
            }
        };
        match size {
            _ if size > len => {
                let lacks = format!("its header speaks of {size} bytes and it has {len}");
                Err(EncodeError::Lacks(lacks))
            }
            _ if size < len => Err(EncodeError::WouldSplit { at: size as usize }),
            _ => Ok(()),
        }
    }
}

impl super::Framer for Framer {
    fn decode(&mut self, input: &[u8], out: &mut Spans) -> Progress {
        let mut start = 0;
        while start < input.len() {
            let size = match self.size(&input[start..]) {
                Ok(Some(size)) if size <= (input.len() - start) as u64 => size as usize,
                Ok(_) => break,
                Err(fault) => return Progress { consumed: start, rejected: 0, fault: Some(fault) },
            };
            let lead = if self.keep { 0 } else { self.header.seen };
            out.push(start + lead, start + size);
            start += size;
            self.header = Header::default();
            if out.is_full() {
                break;
            }
        }
        Progress { consumed: start, ..Progress::default() }
    }

    fn end(&mut self, rest: &[u8]) -> Ending {
        match rest {
            [] => Ending::Clean,
            _ => Ending::Cut { need: self.header.size() },
        }
    }

    fn encode(
        &mut self,
        message: Outbound<'_>,
        _: &Context<'_>,
        out: &mut Outgoing,
    ) -> Result<(), EncodeError> {
        let len = message.payload.len();
        if len > self.max {
            return Err(EncodeError::DoesNotFit { len, max: self.max as u64 });
        }
        if self.keep {
            Framer::check(message.payload)?;
        } else {
            // Writing to memory cannot fail.
            let _ = write!(out.buf(), "Content-Length: {len}\r\n\r\n");
        }
        out.put_payload(message);
        Ok(())
    }
}
