//! What a client makes of a reply: whether and how it follows a redirect, whether a part of a file that it
//! has can be gone on with, and which coding is to be undone.

use super::{Coding, Fields, Length, Response};

/// What is asked next, at the place that Location names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Follow {
    /// The same, with its content (RFC 9110 sections 15.4.8 and 15.4.9).
    Same,
    /// GET, without content: what a form was answered with lies elsewhere.
    Get,
}

/// Whether a reply with this status to a request of `method` sends the client elsewhere
/// (RFC 9110 section 15.4). 301 and 302 make a GET of POST alone, as all clients do; 303 of everything but
/// HEAD. 300, 304, 305 and 306 send nobody anywhere by themselves.
pub fn redirect(status: u16, method: &str) -> Option<Follow> {
    match (status, method) {
        (301 | 302, "POST") => Some(Follow::Get),
        (303, method) if !matches!(method, "GET" | "HEAD") => Some(Follow::Get),
        (301 | 302 | 303 | 307 | 308, _) => Some(Follow::Same),
        _ => None,
    }
}

/// Whether a field that the user added may go to another origin than the one typed. All others may be
/// secrets: Authorization and Cookie are, and nobody knows of an `X-Api-Key`.
pub fn goes_elsewhere(name: &str) -> bool {
    const HARMLESS: [&str; 9] = [
        "Accept",
        "Accept-Charset",
        "Accept-Encoding",
        "Accept-Language",
        "Content-Encoding",
        "Content-Language",
        "Content-Type",
        "Range",
        "User-Agent",
    ];
    HARMLESS.iter().any(|known| known.eq_ignore_ascii_case(name))
}

/// Whether a field speaks of a content that is no longer sent (RFC 9110 section 15.4).
pub fn is_of_content(name: &str) -> bool {
    const OTHERS: [&str; 4] = ["Digest", "Expect", "Last-Modified", "Repr-Digest"];
    let content = name.get(..8).is_some_and(|head| head.eq_ignore_ascii_case("Content-"));
    content || OTHERS.iter().any(|known| known.eq_ignore_ascii_case(name))
}

/// What of a file a reply has: `bytes 5-9/10` (RFC 9110 section 14.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContentRange {
    /// From the first byte to the last one, of as many as there are, if that is told.
    Part {
        /// The first byte.
        first: u64,
        /// The last one.
        last: u64,
        /// Of so many.
        size: Option<u64>,
    },
    /// None of so many: 416.
    None {
        /// So many.
        size: u64,
    },
}

/// Reads the value of Content-Range. `None`: it is none, or makes no sense.
pub fn content_range(value: &[u8]) -> Option<ContentRange> {
    let value = std::str::from_utf8(value).ok()?;
    let (unit, range) = value.split_once(' ')?;
    let (range, size) = range.split_once('/')?;
    if !unit.eq_ignore_ascii_case("bytes") {
        return None;
    }
    if range == "*" {
        return Some(ContentRange::None { size: number(size)? });
    }
    let (first, last) = range.split_once('-')?;
    let (first, last) = (number(first)?, number(last)?);
    let size = if size == "*" { None } else { Some(number(size)?) };
    let fits = first <= last && last < u64::MAX && size.is_none_or(|size| last < size);
    fits.then_some(ContentRange::Part { first, last, size })
}

/// Digits and nothing else: no sign, no space.
fn number(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if digits { text.parse().ok() } else { None }
}

/// The value of If-Range that holds exactly as long as this representation does: a strong entity tag, else
/// a Last-Modified that lies a minute or more before Date, so that nothing can have changed within its
/// second (RFC 9110 sections 8.8.2.2 and 13.1.5). A weak one is none.
pub fn strong_validator(fields: &Fields<'_>) -> Option<Vec<u8>> {
    const SETTLED: i64 = 60;
    if let Some(tag) = fields.only("ETag") {
        let inside = tag.strip_prefix(b"\"").and_then(|tag| tag.strip_suffix(b"\""))?;
        let is_one = inside.iter().all(|byte| matches!(byte, 0x21 | 0x23..=0x7e | 0x80..));
        return is_one.then(|| tag.to_vec());
    }
    let moment = |name: &str| super::date::parse(fields.only(name)?, 0);
    let changed = moment("Last-Modified")?;
    let settled = moment("Date")?.checked_sub(changed)? >= SETTLED;
    settled.then(|| fields.only("Last-Modified").unwrap_or_default().to_vec())
}

/// In which coding the content of a reply is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Coded {
    /// In none.
    Plain,
    /// In one that is known.
    In(Coding),
    /// In another, or several: as told.
    Unknown(String),
}

/// What Content-Encoding says (RFC 9110 section 8.4). `x-gzip` is gzip.
pub fn coded(fields: &Fields<'_>) -> Coded {
    let members =
        fields.all("Content-Encoding").flat_map(|value| value.split(|byte| *byte == b','));
    let members = members.map(<[u8]>::trim_ascii);
    let mut members =
        members.filter(|member| !member.is_empty() && !member.eq_ignore_ascii_case(b"identity"));
    let (first, second) = (members.next(), members.next());
    let shown = |member: &[u8]| String::from_utf8_lossy(member).into_owned();
    match (first, second) {
        (None, _) => Coded::Plain,
        (Some(one), None) => {
            let named = |coding: &Coding| one.eq_ignore_ascii_case(coding.name().as_bytes());
            match Coding::ALL.into_iter().find(named) {
                Some(coding) => Coded::In(coding),
                None if one.eq_ignore_ascii_case(b"x-gzip") => Coded::In(Coding::Gzip),
                None => Coded::Unknown(shown(one)),
            }
        }
        (Some(one), Some(two)) => Coded::Unknown(format!("{}, {}", shown(one), shown(two))),
    }
}

/// Why a message ends that was counted.
pub fn counted(len: u64) -> String {
    format!("after {len} {}: Content-Length", if len == 1 { "byte" } else { "bytes" })
}

/// Why a reply ends where it ends, in a few words.
pub fn why_it_ends(reply: &Response<'_>, method: &str) -> String {
    let status = reply.status;
    match reply.length {
        Length::None if method == "HEAD" => "behind its head: HEAD asks for no content".into(),
        Length::None if matches!(status, 100..200 | 204 | 304) => {
            format!("behind its head: {status} has no content")
        }
        Length::None => "behind its head: it has no content".into(),
        Length::Bytes(len) => counted(len),
        Length::Chunked => "behind the last chunk: Transfer-Encoding is chunked".into(),
        Length::UntilClose => "where the server closes: neither Content-Length nor chunked".into(),
        Length::Tunnel => "behind its head: what follows is another protocol".into(),
    }
}

#[cfg(test)]
mod tests;
