//! `resp`: one whole value of Redis' protocol, RESP2 or RESP3, as its bytes stand.
//!
//! ```text
//!  INPUT                                    MESSAGES
//! +----------------------+-------+         +----------------------+  +-------+
//! |*2␍␊$3␍␊GET␍␊$1␍␊k␍␊|+OK␍␊|    →    |*2␍␊$3␍␊GET␍␊$1␍␊k␍␊|  |+OK␍␊|
//! +----------------------+-------+         +----------------------+  +-------+
//! ```
//!
//! Source: redis.io, "Redis serialization protocol specification" and RESP3 by its author. What is
//! one message is decided here so: an attribute and the value that it speaks of; a push by itself; a
//! streamed string, array, set or map up to its end. An inline command, as a person types it to a
//! server, is a line that begins with a letter; empty lines between values are passed over, as Redis
//! does.

use memchr::memchr;

use super::{EncodeError, Ending, Fault, Progress};
use crate::limits::{RESP_DEPTH, RESP_INLINE_BYTES};
use crate::message::{Context, Outbound, Outgoing, Spans};

/// The longest line that holds only a type and a number: 20 digits, a sign and room to spare.
const NUMBER_LINE: usize = 32;
/// No value has fewer bytes: `_`, CR, LF.
const LEAST: u64 = 3;

/// A part of a value, told as it is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part<'a> {
    /// A value of one line: its type and what stands behind it.
    Line(u8, &'a [u8]),
    /// A string, an error or verbatim text by its type, or a piece (`;`) of a streamed string.
    Bulk(u8, &'a [u8]),
    /// RESP2's null, string or array.
    Null,
    /// What holds other values begins, by its type; `$`: a streamed string.
    Open(u8),
    /// It ends.
    Close(u8),
    /// An inline command without its line end.
    Inline(&'a [u8]),
}

/// How far a scan came.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Scan {
    More,
    /// The value ends before this byte.
    Whole(usize),
    /// A length says that it is longer than the maximum; its size where that is certain.
    TooLong(Option<u64>),
    Broken(String),
}

/// What a value stands in.
#[derive(Debug, Clone, Copy)]
enum Level {
    Counted {
        kind: u8,
        left: u64,
    },
    /// `*?` and its like, up to `.`; whether a map lacks the value of a key.
    Streamed {
        kind: u8,
        odd: bool,
    },
    /// `$?`, up to `;0`.
    Pieces,
}

/// A string whose length is known.
#[derive(Debug, Clone, Copy)]
struct Body {
    kind: u8,
    start: usize,
    end: usize,
}

/// One value, scanned as it arrives.
#[derive(Debug, Default)]
struct Scanner {
    levels: Vec<Level>,
    body: Option<Body>,
    /// Where the line at hand begins.
    at: usize,
    /// Bytes known to hold no LF behind `at`.
    searched: usize,
}

impl Scanner {
    fn forget(&mut self) {
        self.levels.clear();
        self.body = None;
        (self.at, self.searched) = (0, 0);
    }

    /// Goes on in `input`, which begins as it did in the calls before. `max` is the longest value.
    fn scan<'a>(&mut self, input: &'a [u8], max: usize, part: &mut impl FnMut(Part<'a>)) -> Scan {
        loop {
            let done = match self.body {
                Some(Body { kind, start, end }) => {
                    let Some(ending) = input.get(end..end + 2) else { return Scan::More };
                    if ending != b"\r\n" {
                        return Scan::Broken(
                            "its string does not end where its length says".into(),
                        );
                    }
                    let text = &input[start..end];
                    if kind == b'=' && text.get(3) != Some(&b':') {
                        return Scan::Broken(
                            "its verbatim text does not begin with a format".into(),
                        );
                    }
                    part(Part::Bulk(kind, text));
                    self.body = None;
                    (self.at, self.searched) = (end + 2, end + 2);
                    Ok(kind != b';')
                }
                None => match self.line(input) {
                    Ok(Some(line)) => self.value(line, max, part),
                    Ok(None) => return Scan::More,
                    Err(why) => Err(Scan::Broken(why)),
                },
            };
            match done {
                Ok(true) if self.value_done(part) => return Scan::Whole(self.at),
                Ok(_) => {}
                Err(stopped) => return stopped,
            }
        }
    }

    /// The next line with its ending, once it is there.
    fn line<'a>(&mut self, input: &'a [u8]) -> Result<Option<&'a [u8]>, String> {
        let Some(&kind) = input.get(self.at) else { return Ok(None) };
        let longest = match kind {
            b'+' | b'-' | b'(' | b',' => usize::MAX,
            b'$' | b'!' | b'=' | b'*' | b'~' | b'%' | b'>' | b'|' | b';' | b':' | b'_' | b'#'
            | b'.' => NUMBER_LINE,
            b'a'..=b'z' | b'A'..=b'Z' if self.levels.is_empty() => RESP_INLINE_BYTES,
            _ => {
                let found = kind.escape_ascii();
                return Err(format!("no value begins with `{found}` (byte {})", self.at + 1));
            }
        };
        let until = input.len().min(self.at.saturating_add(longest));
        let Some(lf) = memchr(b'\n', &input[self.searched..until]) else {
            self.searched = until;
            if until - self.at < longest {
                return Ok(None);
            }
            return Err(format!(
                "the line of its `{}` is longer than {longest} bytes",
                char::from(kind)
            ));
        };
        let line = &input[self.at..=self.searched + lf];
        self.at += line.len();
        self.searched = self.at;
        Ok(Some(line))
    }

    /// Takes a line. `Ok(true)`: it is a value by itself.
    fn value<'a>(
        &mut self,
        line: &'a [u8],
        max: usize,
        part: &mut impl FnMut(Part<'a>),
    ) -> Result<bool, Scan> {
        let broken = |why: &str| {
            let shown = line.trim_ascii_end();
            Err(Scan::Broken(format!(
                "{why}: `{}`",
                shown[..shown.len().min(NUMBER_LINE)].escape_ascii()
            )))
        };
        let kind = line[0];
        if kind.is_ascii_alphabetic() {
            let text =
                line[..line.len() - 1].strip_suffix(b"\r").unwrap_or(&line[..line.len() - 1]);
            if text.iter().any(|byte| byte.is_ascii_control() && *byte != b'\t') {
                return broken("a control stands in its inline command");
            }
            part(Part::Inline(text));
            return Ok(true);
        }
        let Some(text) = line[1..].strip_suffix(b"\r\n") else {
            return broken("a line ends in LF without CR");
        };
        if memchr(b'\r', text).is_some() {
            return broken("a CR stands in its line");
        }
        let pieces = matches!(self.levels.last(), Some(Level::Pieces));
        if pieces != (kind == b';') {
            return broken("a streamed string is made of `;` pieces, and nothing else is");
        }
        match kind {
            b'+' | b'-' => {}
            b':' if is_integer(text)
                && std::str::from_utf8(text).is_ok_and(|text| text.parse::<i64>().is_ok()) => {}
            b':' => return broken("it is no integer of 64 bits"),
            b'(' if is_integer(text) => {}
            b'(' => return broken("it is no number"),
            b',' if is_double(text) => {}
            b',' => return broken("it is no double"),
            b'#' if matches!(text, b"t" | b"f") => {}
            b'#' => return broken("a boolean is t or f"),
            b'_' if text.is_empty() => {}
            b'_' => return broken("a null has nothing behind it"),
            b'.' => return self.end_stream(text, part).map_or_else(broken, Ok),
            b'$' | b'*' if text == b"-1" => {
                part(Part::Null);
                return Ok(true);
            }
            b'$' | b'*' | b'~' | b'%' if text == b"?" => {
                let level = match kind {
                    b'$' => Level::Pieces,
                    _ => Level::Streamed { kind, odd: false },
                };
                part(Part::Open(kind));
                return self.enter(level);
            }
            _ => {
                let Some(n) = count(text) else { return broken("it is no length") };
                return match kind {
                    b'$' | b'!' | b'=' | b';' => self.bulk(kind, n, max, part),
                    _ => self.aggregate(kind, n, max, part),
                };
            }
        }
        part(Part::Line(kind, text));
        Ok(true)
    }

    /// `$5`, `!5`, `=5`, `;5`: a string follows.
    fn bulk<'a>(
        &mut self,
        kind: u8,
        n: u64,
        max: usize,
        part: &mut impl FnMut(Part<'a>),
    ) -> Result<bool, Scan> {
        if (kind, n) == (b';', 0) {
            self.levels.pop();
            part(Part::Close(b'$'));
            return Ok(true);
        }
        if kind == b'=' && n < 4 {
            return Err(Scan::Broken("its verbatim text has no room for a format".into()));
        }
        let size = n.saturating_add(self.at as u64).saturating_add(2);
        if size > max as u64 {
            return Err(Scan::TooLong(self.levels.is_empty().then_some(size)));
        }
        self.body = Some(Body { kind, start: self.at, end: self.at + n as usize });
        Ok(false)
    }

    /// `*2`, `~2`, `%2`, `>2`, `|2`: so many values, or pairs of them, follow.
    fn aggregate<'a>(
        &mut self,
        kind: u8,
        n: u64,
        max: usize,
        part: &mut impl FnMut(Part<'a>),
    ) -> Result<bool, Scan> {
        // A push comes between replies; anywhere else it would be taken for a part of one.
        if kind == b'>' && !self.levels.is_empty() {
            return Err(Scan::Broken("a push stands inside another value".into()));
        }
        let left = if matches!(kind, b'%' | b'|') { n.saturating_mul(2) } else { n };
        if left.saturating_mul(LEAST).saturating_add(self.at as u64) > max as u64 {
            return Err(Scan::TooLong(None));
        }
        part(Part::Open(kind));
        if left > 0 {
            return self.enter(Level::Counted { kind, left });
        }
        part(Part::Close(kind));
        // What an attribute speaks of follows it.
        Ok(kind != b'|')
    }

    fn enter(&mut self, level: Level) -> Result<bool, Scan> {
        if self.levels.len() == RESP_DEPTH {
            return Err(Scan::Broken(format!("its values are nested deeper than {RESP_DEPTH}")));
        }
        self.levels.push(level);
        Ok(false)
    }

    /// `.`: the end of a streamed array, set or map.
    fn end_stream<'a>(
        &mut self,
        text: &[u8],
        part: &mut impl FnMut(Part<'a>),
    ) -> Result<bool, &'static str> {
        match self.levels.last() {
            Some(Level::Streamed { kind: b'%', odd: true }) => Err("a map ends behind a key"),
            Some(Level::Streamed { kind, .. }) if text.is_empty() => {
                part(Part::Close(*kind));
                self.levels.pop();
                Ok(true)
            }
            Some(Level::Streamed { .. }) => Err("the end of a stream has nothing behind it"),
            _ => Err("nothing streamed ends here"),
        }
    }

    /// A value is complete: what it stands in may be too. Whether the whole message is.
    fn value_done<'a>(&mut self, part: &mut impl FnMut(Part<'a>)) -> bool {
        while let Some(level) = self.levels.last_mut() {
            match level {
                Level::Counted { left, .. } if *left > 1 => {
                    *left -= 1;
                    return false;
                }
                Level::Counted { kind, .. } => {
                    let kind = *kind;
                    part(Part::Close(kind));
                    self.levels.pop();
                    if kind == b'|' {
                        return false;
                    }
                }
                Level::Streamed { odd, .. } => {
                    *odd = !*odd;
                    return false;
                }
                Level::Pieces => return false,
            }
        }
        true
    }
}

/// A length in decimal digits, written in its only form.
fn count(text: &[u8]) -> Option<u64> {
    let digits =
        text.iter().all(u8::is_ascii_digit) && (text.len() == 1 || text.first() != Some(&b'0'));
    std::str::from_utf8(text).ok().filter(|_| digits).and_then(|text| text.parse().ok())
}

fn is_integer(text: &[u8]) -> bool {
    let digits = text.strip_prefix(b"-").or(text.strip_prefix(b"+")).unwrap_or(text);
    !digits.is_empty() && digits.iter().all(u8::is_ascii_digit)
}

/// `[+-]digits[.digits][e[+-]digits]`, `inf`, `-inf` or `nan`.
fn is_double(text: &[u8]) -> bool {
    if matches!(text, b"inf" | b"+inf" | b"-inf" | b"nan" | b"-nan") {
        return true;
    }
    let plain = text.iter().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(byte));
    plain && std::str::from_utf8(text).is_ok_and(|text| text.parse::<f64>().is_ok())
}

/// Tells the parts of exactly one value; if `bytes` are not that, why.
pub(crate) fn parts<'a>(bytes: &'a [u8], mut part: impl FnMut(Part<'a>)) -> Result<(), String> {
    check(&mut Scanner::default(), bytes, &mut part)
}

fn check<'a>(
    scanner: &mut Scanner,
    bytes: &'a [u8],
    part: &mut impl FnMut(Part<'a>),
) -> Result<(), String> {
    scanner.forget();
    match scanner.scan(bytes, bytes.len(), part) {
        Scan::Whole(end) if end == bytes.len() => Ok(()),
        Scan::Whole(end) => Err(format!("its value ends after {end} of its {} bytes", bytes.len())),
        Scan::More if bytes.is_empty() => Err("it holds no RESP value".into()),
        Scan::More | Scan::TooLong(_) => Err("its value has no end".into()),
        Scan::Broken(why) => Err(why),
    }
}

pub(super) struct Framer {
    max: usize,
    scanner: Scanner,
    /// For what is written.
    checker: Scanner,
}

impl Framer {
    pub(super) fn new(max: usize) -> Framer {
        Framer { max, scanner: Scanner::default(), checker: Scanner::default() }
    }
}

impl super::Framer for Framer {
    fn decode(&mut self, input: &[u8], out: &mut Spans) -> Progress {
        let mut start = 0;
        loop {
            if self.scanner.searched == 0 {
                start += empty_lines(&input[start..]);
            }
            let rest = &input[start..];
            if rest.is_empty() || rest == b"\r" {
                return Progress { consumed: start, ..Progress::default() };
            }
            // One byte more than the maximum says that it is too long, however it arrives.
            let seen = &rest[..rest.len().min(self.max + 1)];
            let fault = match self.scanner.scan(seen, self.max, &mut |_| {}) {
                Scan::Whole(end) if end <= self.max => {
                    out.push(start, start + end);
                    start += end;
                    self.scanner.forget();
                    if out.is_full() {
                        return Progress { consumed: start, ..Progress::default() };
                    }
                    continue;
                }
                Scan::More if seen.len() <= self.max => {
                    return Progress { consumed: start, ..Progress::default() };
                }
                Scan::Whole(_) | Scan::More => Fault::TooLong { len: None, max: self.max },
                Scan::TooLong(len) => Fault::TooLong { len, max: self.max },
                Scan::Broken(why) => Fault::Broken(why),
            };
            return Progress { consumed: start, rejected: 0, fault: Some(fault) };
        }
    }

    fn end(&mut self, rest: &[u8]) -> Ending {
        if rest.is_empty() {
            return Ending::Clean;
        }
        // Only of a string that stands alone is the size known.
        let alone = self.scanner.levels.is_empty();
        let need = self.scanner.body.filter(|_| alone).map(|body| body.end as u64 + 2);
        Ending::Cut { need }
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
        check(&mut self.checker, payload, &mut |_| {}).map_err(EncodeError::Lacks)?;
        out.put_payload(message);
        Ok(())
    }
}

/// How many bytes of empty lines `bytes` begin with.
fn empty_lines(bytes: &[u8]) -> usize {
    let mut at = 0;
    loop {
        match &bytes[at..] {
            [b'\r', b'\n', ..] => at += 2,
            [b'\n', ..] => at += 1,
            _ => return at,
        }
    }
}
