//! Where a body ends, by its head (RFC 9112 section 6.3).

use super::super::characters::{self as of, first_other};
use super::super::{Fields, Length, Method, Refusal, Version};
use super::refuse;

const SECTION: &str = "RFC 9112 section 6.3";
const SECTION_CODING: &str = "RFC 9112 section 6.1";

/// Where `value`, a part of `input`, lies in it.
pub(super) fn place(value: &[u8], input: &[u8]) -> usize {
    (value.as_ptr() as usize).saturating_sub(input.as_ptr() as usize)
}

/// What Transfer-Encoding says.
enum Coded {
    No,
    /// By chunked alone.
    Chunked,
    /// By something else, chunked last.
    AlsoChunked(usize),
    /// Chunked is not the last; where the field stands.
    Otherwise(usize),
}

pub(super) fn of_request(
    fields: &Fields<'_>,
    version: Version,
    input: &[u8],
) -> Result<Length, Refusal> {
    match codings(fields, version, input)? {
        Coded::No => Ok(told(fields, input)?.map_or(Length::None, Length::Bytes)),
        Coded::Chunked => Ok(Length::Chunked),
        Coded::AlsoChunked(at) => {
            let rule = "no transfer coding but chunked is known";
            Err(refuse(501, at, SECTION_CODING, rule))
        }
        Coded::Otherwise(at) => {
            let rule = "the last transfer coding of a request is chunked";
            Err(refuse(400, at, SECTION, rule))
        }
    }
}

pub(super) fn of_response(
    fields: &Fields<'_>,
    version: Version,
    status: u16,
    to: Method<'_>,
    input: &[u8],
) -> Result<Length, Refusal> {
    match (to, status) {
        (_, 101) | (Method::Connect, 200..=299) => return Ok(Length::Tunnel),
        (Method::Head, _) | (_, 100..=199 | 204 | 304) => return Ok(Length::None),
        _ => {}
    }
    match codings(fields, version, input)? {
        Coded::No => Ok(told(fields, input)?.map_or(Length::UntilClose, Length::Bytes)),
        Coded::Chunked | Coded::AlsoChunked(_) => Ok(Length::Chunked),
        Coded::Otherwise(_) => Ok(Length::UntilClose),
    }
}

/// The codings of all Transfer-Encoding fields together.
fn codings(fields: &Fields<'_>, version: Version, input: &[u8]) -> Result<Coded, Refusal> {
    let mut coded = Coded::No;
    for value in fields.all("Transfer-Encoding") {
        let at = place(value, input);
        let bad = |rule| Err(refuse(400, at, SECTION_CODING, rule));
        if version == Version::Http10 {
            return bad("HTTP/1.0 has no Transfer-Encoding");
        }
        if fields.get("Content-Length").is_some() {
            return Err(refuse(
                400,
                at,
                SECTION,
                "Transfer-Encoding and Content-Length exclude each other",
            ));
        }
        for member in value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
            let name = &member[..memchr::memchr(b';', member).unwrap_or(member.len())];
            let name = name.trim_ascii_end();
            coded = match (coded, name) {
                // Empty members of a list are passed over (RFC 9110 section 5.6.1.2).
                (coded, []) if member.is_empty() => coded,
                (_, name) if name.is_empty() || first_other(of::TOKEN, name).is_some() => {
                    return bad("this is no transfer coding");
                }
                (Coded::Chunked | Coded::AlsoChunked(_), name) => {
                    return bad(match name.eq_ignore_ascii_case(b"chunked") {
                        true => "chunked stands there twice",
                        false => "a transfer coding follows chunked, which is the last",
                    });
                }
                (Coded::No, name) if is_chunked(name, member) => Coded::Chunked,
                (Coded::Otherwise(at), name) if is_chunked(name, member) => Coded::AlsoChunked(at),
                (_, name) if name.eq_ignore_ascii_case(b"chunked") => {
                    return bad("chunked has no parameters");
                }
                (Coded::Otherwise(at), _) => Coded::Otherwise(at),
                _ => Coded::Otherwise(at),
            };
        }
        if matches!(coded, Coded::No) {
            return bad("Transfer-Encoding names no coding");
        }
    }
    Ok(coded)
}

fn is_chunked(name: &[u8], member: &[u8]) -> bool {
    name.len() == member.len() && name.eq_ignore_ascii_case(b"chunked")
}

/// What Content-Length says: one number. Two are two opinions on where the message ends, also where they
/// agree.
fn told(fields: &Fields<'_>, input: &[u8]) -> Result<Option<u64>, Refusal> {
    const SECTION: &str = "RFC 9110 section 8.6";
    let mut values = fields.all("Content-Length");
    let Some(value) = values.next() else { return Ok(None) };
    if let Some(second) = values.next() {
        return Err(refuse(
            400,
            place(second, input),
            SECTION,
            "Content-Length stands there twice",
        ));
    }
    let at = place(value, input);
    if value.is_empty() {
        return Err(refuse(400, at, SECTION, "Content-Length is empty"));
    }
    if let Some(other) = value.iter().position(|byte| !byte.is_ascii_digit()) {
        let rule = "Content-Length is one number in decimal digits";
        return Err(refuse(400, at + other, SECTION, rule));
    }
    let length = value.iter().try_fold(0u64, |length, digit| {
        length.checked_mul(10)?.checked_add(u64::from(digit - b'0'))
    });
    match length {
        Some(length) => Ok(Some(length)),
        None => Err(refuse(413, at, SECTION, "Content-Length is more than 64 bits hold")),
    }
}
