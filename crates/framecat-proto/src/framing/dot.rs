//! `dot`: a block of lines that a line of a single dot ends, as SMTP, POP3 and NNTP have it. A line
//! that begins with a dot gets another in front (RFC 5321 section 4.5.2, RFC 3977 section 3.1.1).
//!
//! ```text
//!  INPUT                                              MESSAGE
//! +----------+----------+----------+-----+           +-------------------+
//! | Hello ␍␊ | ..dot ␍␊ | bye ␍␊   | .␍␊ |     →     | Hello␍␊.dot␍␊bye  |
//! +----------+----------+----------+-----+           +-------------------+
//! ```
//!
//! The CR LF before the dot belongs to the end and not to the message, so `hello` is a message of one
//! line; only a block of nothing but empty lines keeps all of them, so that no two blocks look alike.
//! A CR or an LF alone, and a line that begins with one dot and goes on, are refused: mail servers
//! disagree on what they mean, which is how mail is smuggled.

use std::fmt;

use memchr::memchr2;

use super::nearest::switches;
use super::{EncodeError, Ending, Fault, ParseFramingError, Progress};
use crate::message::{Context, Outbound, Outgoing, Spans};

const CRLF: &[u8] = b"\r\n";
const END: &[u8] = b".\r\n";

/// The rule `dot[,keep]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Dot {
    /// The doubled dots and the end stay on the message, and must be there when it is written.
    pub keep: bool,
}

impl Dot {
    pub(super) fn parse(rest: &str) -> Result<Dot, ParseFramingError> {
        let mut rule = Dot::default();
        switches("dot", rest, [("keep", &mut rule.keep)])?;
        Ok(rule)
    }
}

impl fmt::Display for Dot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.keep { ",keep" } else { "" })
    }
}

pub(super) struct Framer {
    keep: bool,
    max: usize,
    block: Block,
}

/// A block as it arrives. Every byte is looked at once.
#[derive(Debug, Clone, Copy, Default)]
struct Block {
    /// Where the line at hand begins.
    line: usize,
    /// Bytes known to hold no line end.
    searched: usize,
    /// Lines before that began with a doubled dot.
    dots: usize,
    /// Some line before is not empty.
    filled: bool,
}

impl Block {
    /// The block's size in `rest`, which begins with it, its end included. `longest` is the most bytes
    /// that it may have, doubled dots apart.
    fn find(&mut self, rest: &[u8], longest: usize, keep: bool) -> Result<Option<usize>, Stop> {
        loop {
            let line = rest.get(self.line).is_some_and(|byte| *byte == b'.');
            let dots = if keep { 0 } else { self.dots + usize::from(line) };
            // Told at the same byte however they arrive.
            let upto = |end: usize| if end - dots > longest { Err(Stop::TooLong) } else { Ok(end) };
            let Some(at) = memchr2(b'\r', b'\n', &rest[self.searched..]) else {
                self.searched = upto(rest.len())?;
                return Ok(None);
            };
            let at = self.searched + at;
            if rest[at] == b'\n' {
                upto(at + 1)?;
                return Err(Stop::Broken("an LF without CR stands in it", at));
            }
            let Some(&next) = rest.get(at + 1) else {
                upto(at + 1)?;
                self.searched = at;
                return Ok(None);
            };
            let end = upto(at + 2)?;
            if next != b'\n' {
                return Err(Stop::Broken("a CR without LF stands in it", at));
            }
            match &rest[self.line..at] {
                b"." => return Ok(Some(end)),
                [] => {}
                [b'.', b'.', ..] => (self.dots, self.filled) = (self.dots + 1, true),
                [b'.', ..] => {
                    return Err(Stop::Broken("a line begins with a single dot", self.line));
                }
                _ => self.filled = true,
            }
            (self.line, self.searched) = (end, end);
        }
    }
}

/// Why a block is none.
enum Stop {
    TooLong,
    Broken(&'static str, usize),
}

impl Framer {
    pub(super) fn new(rule: Dot, max: usize) -> Framer {
        Framer { keep: rule.keep, max, block: Block::default() }
    }

    /// The most bytes of a block, doubled dots apart: CR LF, a dot, CR LF stand behind a payload.
    fn longest(&self) -> usize {
        if self.keep { self.max } else { self.max + CRLF.len() + END.len() }
    }
}

impl super::Framer for Framer {
    fn decode(&mut self, input: &[u8], out: &mut Spans) -> Progress {
        let mut start = 0;
        let longest = self.longest();
        loop {
            let rest = &input[start..];
            let too_long = Fault::TooLong { len: None, max: self.max };
            let fault = match self.block.find(rest, longest, self.keep) {
                Ok(None) => return Progress { consumed: start, ..Progress::default() },
                Ok(Some(size)) => {
                    let Block { line, dots, filled, .. } = self.block;
                    let end = if filled { line - CRLF.len() } else { line };
                    if self.keep {
                        out.push(start, start + size);
                    } else if end - dots > self.max {
                        return Progress { consumed: start, rejected: 0, fault: Some(too_long) };
                    } else if dots == 0 {
                        out.push(start, start + end);
                    } else {
                        put_single(&rest[..end], out);
                    }
                    start += size;
                    self.block = Block::default();
                    if out.is_full() {
                        return Progress { consumed: start, ..Progress::default() };
                    }
                    continue;
                }
                Err(Stop::TooLong) => too_long,
                Err(Stop::Broken(why, at)) => {
                    Fault::Broken(format!("{why}, at its byte {}", at + 1))
                }
            };
            return Progress { consumed: start, rejected: 0, fault: Some(fault) };
        }
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
            check(payload)?;
            out.put_payload(message);
            return Ok(());
        }
        let (mut dotted, mut filled) = (false, false);
        for line in lines(payload) {
            let line = line.map_err(|at| {
                EncodeError::Lacks(format!(
                    "a CR or an LF stands alone at its byte {}; lines end in both",
                    at + 1
                ))
            })?;
            dotted |= line.starts_with(b".");
            filled |= !line.is_empty();
        }
        if dotted {
            let buf = out.buf();
            for (i, line) in lines(payload).map_while(Result::ok).enumerate() {
                buf.extend_from_slice(if i == 0 { b"" } else { CRLF });
                buf.extend_from_slice(if line.starts_with(b".") { b"." } else { b"" });
                buf.extend_from_slice(line);
            }
        } else {
            out.put_payload(message);
        }
        if filled {
            out.put(CRLF);
        }
        out.put(END);
        Ok(())
    }
}

/// Pushes a message without the first of its doubled dots.
fn put_single(block: &[u8], out: &mut Spans) {
    let built = out.push_built(|own| {
        for (i, line) in lines(block).map_while(Result::ok).enumerate() {
            own.extend_from_slice(if i == 0 { b"" } else { CRLF });
            own.extend_from_slice(line.strip_prefix(b".").unwrap_or(line));
        }
        Ok::<(), std::convert::Infallible>(())
    });
    match built {
        Ok(()) => {}
        Err(never) => match never {},
    }
}

/// The lines of a text, the last one without an ending; or where a CR or LF stands alone.
fn lines(text: &[u8]) -> impl Iterator<Item = Result<&[u8], usize>> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let here = rest?;
        let Some(at) = memchr2(b'\r', b'\n', here) else {
            rest = None;
            return Some(Ok(here));
        };
        if !here[at..].starts_with(CRLF) {
            rest = None;
            return Some(Err(text.len() - here.len() + at));
        }
        rest = Some(&here[at + CRLF.len()..]);
        Some(Ok(&here[..at]))
    })
}

/// With `,keep` the payload is the whole block.
fn check(payload: &[u8]) -> Result<(), EncodeError> {
    match Block::default().find(payload, usize::MAX, true) {
        Ok(Some(size)) if size == payload.len() => Ok(()),
        Ok(Some(size)) => Err(EncodeError::WouldSplit { at: size }),
        Ok(None) => Err(EncodeError::Lacks(
            "it does not end in a line of a single dot, as `keep` asks".into(),
        )),
        Err(Stop::TooLong) => Err(EncodeError::DoesNotFit { len: payload.len(), max: u64::MAX }),
        Err(Stop::Broken(why, at)) => {
            Err(EncodeError::Lacks(format!("{why}, at its byte {}", at + 1)))
        }
    }
}
