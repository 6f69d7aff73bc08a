//! The head of a message: from bytes to a [`Request`] or [`Response`], and back.
//!
//! Strict as RFC 9112 asks who serves to be, for what two programs read differently lets a message
//! pass for two: CR LF ends every line, nothing else does; no octet stands where the grammar has none.
//! Two things are taken that the grammar does not have, because browsers send them: `[`, `]` and `|` in
//! a target, and the braces, `^`, the backtick and the backslash behind its `?` (URL Standard,
//! "path percent-encode set" and "query percent-encode set").
//!
//! What is refused is refused as soon as it is there: line by line, in the order of the octets, so that
//! it never matters how the bytes arrive. [`Heads`] remembers how far it has looked.

use super::characters::{self as of, first_control, first_other};
use super::{Field, Fields, Length, Method, Refusal, Request, Response, Target, Version};
use crate::limits::{HTTP_FIELDS, HTTP_HEAD_BYTES, HTTP_LINE_BYTES};

mod host;
mod length;
mod target;
mod write;

pub use write::{put_field, put_request_line, put_status_line, reason};

/// The version of a message.
const SECTION_VERSION: &str = "RFC 9112 section 2.3";
const SECTION_LINES: &str = "RFC 9112 section 2.2";
const SECTION_REQUEST: &str = "RFC 9112 section 3";
const SECTION_STATUS: &str = "RFC 9112 section 4";
const SECTION_FIELDS: &str = "RFC 9112 section 5";
const SECTION_FOLD: &str = "RFC 9112 section 5.2";

pub(super) fn refuse(
    status: u16,
    at: usize,
    section: &'static str,
    rule: impl Into<String>,
) -> Refusal {
    Refusal { status, at, rule: rule.into(), section }
}

/// An octet as a person reads it.
pub(super) fn shown(byte: u8) -> String {
    match byte {
        b'\r' => "a CR without LF".into(),
        b'\n' => "an LF without CR".into(),
        b'\t' => "a tab".into(),
        b' ' => "a space".into(),
        0 => "a NUL".into(),
        0x21..=0x7e => format!("`{}`", byte as char),
        _ => format!("the octet {byte:02x}"),
    }
}

/// Reads the head of a request. `None`: it is not all there, and nothing in it is wrong yet.
///
/// `input` begins with the message; what lies behind the head is not looked at. One empty line before
/// the request line is passed over (RFC 9112 section 2.2).
///
/// # Errors
/// The first octet that breaks a rule, or a head over the limits
/// ([`HTTP_LINE_BYTES`], [`HTTP_HEAD_BYTES`], [`HTTP_FIELDS`]).
pub fn request(input: &[u8]) -> Result<Option<Request<'_>>, Refusal> {
    let mut lines = Lines { input, at: 0 };
    match input {
        [b'\r'] | [] => return Ok(None),
        [b'\r', b'\n', ..] => lines.at = 2,
        _ => {}
    }
    let start = lines.at;
    match input.get(start) {
        Some(&byte) if !of::is(of::TOKEN, byte) => {
            let rule = format!("{} stands where a method begins", shown(byte));
            let section =
                if matches!(byte, b'\r' | b'\n') { SECTION_LINES } else { SECTION_REQUEST };
            return Err(refuse(400, start, section, rule));
        }
        _ => {}
    }
    let Some(line) = lines.next(start + HTTP_LINE_BYTES, line_too_long)? else {
        return Ok(None);
    };
    let (method, target, version) = request_line(line, start)?;
    let Some(fields) = lines.fields(400)? else { return Ok(None) };
    host::check(&fields, version, start, input)?;
    let length = length::of_request(&fields, version, input)?;
    Ok(Some(Request { method, target, version, fields, length, len: lines.at }))
}

/// Reads the head of a response to a request of method `to`, which decides whether it has a body.
/// `None`: as for [`request`].
///
/// A server may send folded fields, which a user agent has to take (RFC 9112 section 5.2): call
/// [`unfold`] before.
///
/// # Errors
/// As for [`request`]; the status is 502.
pub fn response<'b>(input: &'b [u8], to: Method<'_>) -> Result<Option<Response<'b>>, Refusal> {
    let bad = |refusal: Refusal| Refusal { status: 502, ..refusal };
    match input.first() {
        None => return Ok(None),
        Some(b'H') => {}
        Some(&byte) => {
            let rule = format!("{} stands where HTTP/ begins", shown(byte));
            return Err(refuse(502, 0, SECTION_STATUS, rule));
        }
    }
    let mut lines = Lines { input, at: 0 };
    let Some(line) = lines.next(HTTP_HEAD_BYTES, head_too_long).map_err(bad)? else {
        return Ok(None);
    };
    let (version, status, reason) = status_line(line).map_err(bad)?;
    let Some(fields) = lines.fields(502).map_err(bad)? else { return Ok(None) };
    let length = length::of_response(&fields, version, status, to, input).map_err(bad)?;
    Ok(Some(Response { version, status, reason, fields, length, len: lines.at }))
}

/// Makes spaces of every line break that folds a field of a response, as a user agent must
/// (RFC 9112 section 5.2). `head` begins with the status line; what lies behind the empty line stays as
/// it is. Whether there was any.
pub fn unfold(head: &mut [u8]) -> bool {
    let mut found = false;
    let mut at = 0;
    let mut first = true;
    while let Some(len) = memchr::memchr(b'\n', &head[at..]) {
        let end = at + len;
        if end == at || (end == at + 1 && head[at] == b'\r') {
            break;
        }
        let folded = matches!(head.get(end + 1), Some(b' ' | b'\t'));
        if folded && !first && head[end - 1] == b'\r' {
            head[end - 1..=end].fill(b' ');
            found = true;
        }
        first = false;
        at = end + 1;
    }
    found
}

/// Heads that arrive in pieces: remembers what was looked at, so that a head that arrives byte by byte
/// costs no more than one look at each byte and one at each line, of which there are few.
///
/// One for each direction of a connection; give it to nothing else while a head is not all there.
#[derive(Debug, Clone, Copy, Default)]
pub struct Heads {
    /// Bytes without an LF that would change anything.
    seen: usize,
}

impl Heads {
    /// As [`request()`], `input` holding at least what it held when the last call gave `None`.
    ///
    /// # Errors
    /// See there.
    pub fn request<'b>(&mut self, input: &'b [u8]) -> Result<Option<Request<'b>>, Refusal> {
        if self.knows(input) { Ok(None) } else { self.keep(input, request(input)) }
    }

    /// As [`response()`], `input` holding at least what it held when the last call gave `None`.
    ///
    /// # Errors
    /// See there.
    pub fn response<'b>(
        &mut self,
        input: &'b [u8],
        to: Method<'_>,
    ) -> Result<Option<Response<'b>>, Refusal> {
        if self.knows(input) { Ok(None) } else { self.keep(input, response(input, to)) }
    }

    /// Whether what came changes nothing: no line ended, and no limit is near.
    fn knows(&mut self, input: &[u8]) -> bool {
        let (seen, len) = (std::mem::replace(&mut self.seen, input.len()), input.len());
        let line_ends = memchr::memchr(b'\n', input.get(seen..).unwrap_or_default()).is_some();
        let long = seen < HTTP_LINE_BYTES + 4 && len > HTTP_LINE_BYTES;
        seen > 2 && !line_ends && !long && len < HTTP_HEAD_BYTES
    }

    fn keep<T>(
        &mut self,
        input: &[u8],
        read: Result<Option<T>, Refusal>,
    ) -> Result<Option<T>, Refusal> {
        self.seen = if matches!(read, Ok(None)) { input.len() } else { 0 };
        read
    }
}

/// Whether the connection can go on behind this message, as far as the message says (RFC 9112
/// section 9.3).
pub fn keeps_alive(version: Version, fields: &Fields<'_>) -> bool {
    let close = fields.lists("Connection", "close");
    !close && (version == Version::Http11 || fields.lists("Connection", "keep-alive"))
}

/// Whether the client waits for 100 (Continue) before it sends the body (RFC 9110 section 10.1.1).
/// HTTP/1.0 knows of no such thing, and who has no body to send waits for nothing.
///
/// # Errors
/// 417 where something else is expected.
pub fn expects_continue(request: &Request<'_>) -> Result<bool, Refusal> {
    let mut expects = false;
    for value in request.fields.all("Expect") {
        for member in value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
            match member {
                [] => {}
                member if member.eq_ignore_ascii_case(b"100-continue") => expects = true,
                _ => {
                    let rule = "only 100-continue can be expected";
                    return Err(refuse(417, 0, "RFC 9110 section 10.1.1", rule));
                }
            }
        }
    }
    let body = !matches!(request.length, Length::None | Length::Bytes(0));
    Ok(expects && body && request.version == Version::Http11)
}

fn line_too_long(line: &[u8]) -> (u16, String) {
    match line.contains(&b' ') {
        true => (414, format!("the request line is longer than {HTTP_LINE_BYTES} octets")),
        // RFC 9112 section 3: longer than any that is known.
        false => (501, format!("the method is longer than {HTTP_LINE_BYTES} octets")),
    }
}

fn head_too_long(_: &[u8]) -> (u16, String) {
    (431, format!("the head is longer than {HTTP_HEAD_BYTES} octets"))
}

fn lone_lf(at: usize) -> Refusal {
    refuse(400, at, SECTION_LINES, "a line ends in CR LF, and this LF has no CR before it")
}

/// The lines of a head, one after the other.
struct Lines<'b> {
    input: &'b [u8],
    /// Where the next one begins.
    at: usize,
}

impl<'b> Lines<'b> {
    /// The next line without its CR LF, which must stand before `end` and two octets more. `None`: it is
    /// not all there.
    fn next(
        &mut self,
        end: usize,
        too_long: impl Fn(&[u8]) -> (u16, String),
    ) -> Result<Option<&'b [u8]>, Refusal> {
        let (start, input) = (self.at, self.input);
        let most = input.len().min(end + 2);
        let Some(len) = memchr::memchr(b'\n', &input[start.min(most)..most]) else {
            if input.len() < end + 2 {
                return Ok(None);
            }
            let (status, rule) = too_long(&input[start.min(end)..end]);
            let section = if status == 431 { "RFC 6585 section 5" } else { SECTION_REQUEST };
            return Err(refuse(status, end, section, rule));
        };
        self.at = start + len + 1;
        match input[start..start + len].split_last() {
            Some((b'\r', line)) => Ok(Some(line)),
            _ => Err(lone_lf(start + len)),
        }
    }

    /// All fields up to the empty line. `None`: they are not all there.
    fn fields(&mut self, status: u16) -> Result<Option<Fields<'b>>, Refusal> {
        let mut fields = Fields::default();
        loop {
            let start = self.at;
            let Some(line) = self.next(HTTP_HEAD_BYTES - 2, head_too_long)? else {
                return Ok(None);
            };
            if line.is_empty() {
                return Ok(Some(fields));
            }
            if fields.is_empty() {
                fields = Fields::with_capacity(16);
            }
            let field = field(line, start, fields.is_empty())?;
            if fields.len() == HTTP_FIELDS {
                let status = if status == 400 { 431 } else { status };
                let rule = format!("there are more than {HTTP_FIELDS} fields");
                return Err(refuse(status, start, "RFC 6585 section 5", rule));
            }
            fields.push(field);
        }
    }
}

/// Reads the fields of `trailers`, whole lines and an empty one.
pub(super) fn trailers(input: &[u8]) -> Result<Fields<'_>, Refusal> {
    Ok(Lines { input, at: 0 }.fields(400)?.unwrap_or_default())
}

/// Checks a field line with its LF; it begins at `at`.
pub(super) fn check_field(line: &[u8], at: usize, first: bool) -> Result<(), Refusal> {
    match line.strip_suffix(b"\r\n") {
        Some(line) => field(line, at, first).map(|_| ()),
        None => Err(lone_lf(at + line.len() - 1)),
    }
}

/// A field line without its CR LF; it begins at `at`.
pub(super) fn field(line: &[u8], at: usize, first: bool) -> Result<Field<'_>, Refusal> {
    let Some(colon) = first_other(of::TOKEN, line) else {
        let rule = "this line has no colon, so it is no field";
        return Err(refuse(400, at, SECTION_FIELDS, rule));
    };
    match (colon, line[colon]) {
        (0, b' ' | b'\t') if first => {
            let rule = "a space stands before the first field";
            return Err(refuse(400, at, SECTION_LINES, rule));
        }
        (0, b' ' | b'\t') => {
            let rule = "a field goes on in a line of its own, which is obsolete";
            return Err(refuse(400, at, SECTION_FOLD, rule));
        }
        (0, b':') => {
            return Err(refuse(400, at, SECTION_FIELDS, "a field has no name"));
        }
        (_, b':') => {}
        (_, byte @ (b' ' | b'\t')) if line[colon..].trim_ascii_start().first() == Some(&b':') => {
            let rule = format!("{} stands between a field's name and its colon", shown(byte));
            return Err(refuse(400, at + colon, "RFC 9112 section 5.1", rule));
        }
        (_, byte) => {
            let rule = format!("{} stands in the name of a field", shown(byte));
            return Err(refuse(400, at + colon, "RFC 9110 section 5.1", rule));
        }
    }
    let (name, value) = (&line[..colon], &line[colon + 1..]);
    if let Some(bad) = first_control(value) {
        let rule = format!("{} stands in the value of a field", shown(value[bad]));
        return Err(refuse(400, at + colon + 1 + bad, "RFC 9110 section 5.5", rule));
    }
    Ok(Field { name: text(name), value: value.trim_ascii() })
}

/// Octets that were found to be ASCII.
fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap_or_default()
}

fn request_line(line: &[u8], at: usize) -> Result<(Method<'_>, Target<'_>, Version), Refusal> {
    let bad = |place: usize, rule: String| refuse(400, at + place, SECTION_REQUEST, rule);
    let Some(space) = first_other(of::TOKEN, line) else {
        return Err(bad(line.len(), "the request line ends behind the method".into()));
    };
    if line[space] != b' ' {
        return Err(bad(space, format!("{} stands in the method", shown(line[space]))));
    }
    let begin = space + 1;
    let rest = &line[begin..];
    let Some(len) = rest.iter().position(|byte| *byte == b' ') else {
        return Err(match rest.iter().position(|&byte| byte <= b' ' || byte == 0x7f) {
            Some(place) => {
                bad(begin + place, format!("{} stands in the target", shown(rest[place])))
            }
            None => bad(line.len(), "the request line has no version".into()),
        });
    };
    if len == 0 {
        return Err(bad(begin, "two spaces follow the method, where one does".into()));
    }
    let last = &rest[len + 1..];
    if !last.starts_with(b"HTTP/") && last.contains(&b' ') {
        return Err(bad(begin + len, "a space stands in the target".into()));
    }
    let version = version(last, at + begin + len + 1, 505)?;
    let method = Method::of(text(&line[..space]));
    let target = target::parse(method, &rest[..len], at + begin)?;
    Ok((method, target, version))
}

/// `HTTP/1.1` and nothing behind it; it begins at `at`. `other` is the status for another major version.
fn version(bytes: &[u8], at: usize, other: u16) -> Result<Version, Refusal> {
    const SHAPE: &[u8; 8] = b"HTTP/0.0";
    let fits = |i: usize, byte: u8| match SHAPE[i] {
        b'0' => byte.is_ascii_digit(),
        must => byte == must,
    };
    let wrong = bytes.iter().enumerate().find(|&(i, &byte)| i >= SHAPE.len() || !fits(i, byte));
    let bad = |at: usize, rule: String| Err(refuse(400, at, SECTION_VERSION, rule));
    match wrong {
        Some((8, b' ')) => return bad(at + 8, "a space stands behind the version".into()),
        Some((i, &byte)) => {
            let byte = shown(byte);
            return bad(at + i, format!("{byte} stands in a version, which is HTTP/1.1 or alike"));
        }
        None if bytes.len() < SHAPE.len() => {
            return bad(at + bytes.len(), "the version ends too early".into());
        }
        None => {}
    }
    match (bytes[5], bytes[7]) {
        (b'1', b'0') => Ok(Version::Http10),
        (b'1', _) => Ok(Version::Http11),
        (major, _) => {
            let rule = format!("HTTP/{} is not spoken here, HTTP/1.1 is", char::from(major));
            Err(refuse(other, at + 5, SECTION_VERSION, rule))
        }
    }
}

fn status_line(line: &[u8]) -> Result<(Version, u16, &[u8]), Refusal> {
    let bad = |at: usize, rule: &str| Err(refuse(502, at, SECTION_STATUS, rule));
    let version = version(&line[..line.len().min(8)], 0, 502)?;
    if line.get(8) != Some(&b' ') {
        return bad(8, "one space follows the version");
    }
    let digits = &line[9..line.len().min(12)];
    if let Some(place) = digits.iter().position(|byte| !byte.is_ascii_digit()) {
        return bad(9 + place, "a status has three digits");
    }
    let status = digits.iter().fold(0, |status, digit| status * 10 + u16::from(digit - b'0'));
    if digits.len() < 3 {
        return bad(line.len(), "a status has three digits");
    }
    if status < 100 {
        return bad(9, "no status is below 100");
    }
    let reason = match line.get(12) {
        // The space is due here too, and widely left out.
        None => &[][..],
        Some(b' ') => &line[13..],
        Some(_) => return bad(12, "one space follows the status"),
    };
    if let Some(place) = first_control(reason) {
        let rule = format!("{} stands in the reason", shown(reason[place]));
        return bad(13 + place, &rule);
    }
    Ok((version, status, reason))
}
