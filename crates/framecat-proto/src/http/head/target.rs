//! The target of a request in its four forms (RFC 9112 section 3.2).

use super::super::characters::{self as of, first_other};
use super::super::{Method, Refusal, Target};
use super::host::{authority, encoded};
use super::{refuse, shown, text};

const SECTION: &str = "RFC 9112 section 3.2";

/// `bytes` are not empty and hold no space; they begin at `at`.
pub(super) fn parse<'b>(
    method: Method<'_>,
    bytes: &'b [u8],
    at: usize,
) -> Result<Target<'b>, Refusal> {
    let bad = |place: usize, section, rule: String| Err(refuse(400, at + place, section, rule));
    if method == Method::Connect {
        return match authority(bytes, true) {
            Ok(()) => Ok(Target::Authority(text(bytes))),
            Err((place, rule)) => {
                let rule = format!("the target of CONNECT is host:port, and {rule}");
                bad(place, "RFC 9112 section 3.2.3", rule)
            }
        };
    }
    match bytes {
        [b'/', ..] => {
            let (path, query) = path_and_query(bytes, at)?;
            Ok(Target::Origin { path, query })
        }
        b"*" if method == Method::Options => Ok(Target::Asterisk),
        b"*" => bad(0, "RFC 9112 section 3.2.4", "the target * is for OPTIONS alone".into()),
        _ => absolute(bytes, at),
    }
}

fn absolute(bytes: &[u8], at: usize) -> Result<Target<'_>, Refusal> {
    let bad = |place: usize, section, rule: String| Err(refuse(400, at + place, section, rule));
    let colon = first_other(of::SCHEME, bytes).filter(|&end| bytes[end] == b':');
    let scheme = colon
        .map(|end| &bytes[..end])
        .filter(|scheme| scheme.first().is_some_and(u8::is_ascii_alphabetic));
    let rest = scheme.and_then(|scheme| bytes[scheme.len() + 1..].strip_prefix(b"//"));
    let (Some(scheme), Some(rest)) = (scheme, rest) else {
        if let Some(place) = first_other(of::QUERY, bytes) {
            let rule = format!("{} stands in the target", shown(bytes[place]));
            return bad(place, SECTION, rule);
        }
        let rule = "a target begins with / or http://, host:port being for CONNECT";
        return bad(0, SECTION, rule.into());
    };
    let begin = scheme.len() + 3;
    let len = rest.iter().position(|byte| matches!(byte, b'/' | b'?')).unwrap_or(rest.len());
    if let Some(place) = memchr::memchr(b'@', &rest[..len]) {
        let rule = "a name of a user stands in the target";
        return bad(begin + place, "RFC 9110 section 4.2.4", rule.into());
    }
    if let Err((place, rule)) = authority(&rest[..len], false) {
        return bad(begin + place, "RFC 9110 section 4.2.1", format!("the target: {rule}"));
    }
    let (path, query) = path_and_query(&rest[len..], at + begin + len)?;
    Ok(Target::Absolute { scheme: text(scheme), authority: text(&rest[..len]), path, query })
}

/// A path, which may be empty, and what stands behind `?`.
fn path_and_query(bytes: &[u8], at: usize) -> Result<(&str, Option<&str>), Refusal> {
    let bad = |place: usize| {
        let rule = format!("{} stands in the target", shown(bytes[place]));
        refuse(400, at + place, SECTION, rule)
    };
    let end = first_other(of::PATH, bytes).unwrap_or(bytes.len());
    let query = match bytes.get(end) {
        None => None,
        Some(b'?') => Some(&bytes[end + 1..]),
        Some(_) => return Err(bad(end)),
    };
    if let Some(place) = query.and_then(|query| first_other(of::QUERY, query)) {
        return Err(bad(end + 1 + place));
    }
    if let Err(place) = encoded(bytes) {
        let rule = "a % is followed by two hexadecimal digits";
        return Err(refuse(400, at + place, "RFC 3986 section 2.1", rule));
    }
    Ok((text(&bytes[..end]), query.map(text)))
}
