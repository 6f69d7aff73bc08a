//! Host: there, once, and a host (RFC 9110 section 7.2, RFC 9112 section 3.2).

use super::super::characters::{self as of, first_other};
use super::super::{Fields, Refusal, Version};
use super::{refuse, shown};

const SECTION: &str = "RFC 9112 section 3.2";

/// An empty Host is one: the target has no authority then, and the server decides
/// (RFC 9112 section 3.3).
pub(super) fn check(
    fields: &Fields<'_>,
    version: Version,
    start: usize,
    input: &[u8],
) -> Result<(), Refusal> {
    let mut hosts = fields.all("Host");
    let Some(host) = hosts.next() else {
        return match version {
            Version::Http10 => Ok(()),
            Version::Http11 => {
                Err(refuse(400, start, SECTION, "an HTTP/1.1 request names its Host"))
            }
        };
    };
    if let Some(second) = hosts.next() {
        return Err(refuse(
            400,
            super::length::place(second, input),
            SECTION,
            "Host stands there twice",
        ));
    }
    let bad = |(at, rule): (usize, String)| {
        refuse(400, super::length::place(host, input) + at, SECTION, format!("Host: {rule}"))
    };
    if host.is_empty() { Ok(()) } else { authority(host, false).map_err(bad) }
}

/// Whether octets are `host[:port]`; what is wrong, and where. `port`: it must be there.
pub(super) fn authority(bytes: &[u8], port: bool) -> Result<(), (usize, String)> {
    let host = match bytes {
        [b'[', rest @ ..] => {
            let Some(len) = memchr::memchr(b']', rest) else {
                return Err((bytes.len(), "the [ is never closed".into()));
            };
            if !is_literal(&rest[..len]) {
                return Err((1, "what stands between [ and ] is no IPv6 address".into()));
            }
            len + 2
        }
        _ => memchr::memchr(b':', bytes).unwrap_or(bytes.len()),
    };
    let name = &bytes[..host];
    if name.is_empty() {
        return Err((0, "it has no host".into()));
    }
    if name[0] != b'[' {
        if let Some(at) = first_other(of::NAME, name) {
            return Err((at, format!("{} stands in a host", shown(name[at]))));
        }
        encoded(name).map_err(|at| (at, "a % is followed by two hexadecimal digits".into()))?;
    }
    let digits = match &bytes[host..] {
        [] if port => return Err((host, "it has no port".into())),
        [] => return Ok(()),
        [b':', digits @ ..] => digits,
        [byte, ..] => return Err((host, format!("{} stands behind the host", shown(*byte)))),
    };
    let after = host + 1;
    if let Some(at) = digits.iter().position(|byte| !byte.is_ascii_digit()) {
        return Err((after + at, format!("{} stands in a port", shown(digits[at]))));
    }
    if port && digits.is_empty() {
        return Err((after, "it has no port".into()));
    }
    let number = digits.iter().try_fold(0u32, |number, digit| {
        Some(number * 10 + u32::from(digit - b'0')).filter(|number| *number <= 65_535)
    });
    match number {
        Some(_) => Ok(()),
        None => Err((after, "no port is above 65535".into())),
    }
}

/// The first `%` that no two hexadecimal digits follow.
pub(super) fn encoded(bytes: &[u8]) -> Result<(), usize> {
    let mut at = 0;
    while let Some(found) = memchr::memchr(b'%', &bytes[at..]) {
        at += found;
        match bytes.get(at + 1..at + 3) {
            Some([high, low]) if of::is(of::HEX, *high) && of::is(of::HEX, *low) => at += 3,
            _ => return Err(at),
        }
    }
    Ok(())
}

/// What stands between brackets: an IPv6 address, or one of a version to come
/// (RFC 3986 section 3.2.2).
fn is_literal(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else { return false };
    if text.parse::<std::net::Ipv6Addr>().is_ok() {
        return true;
    }
    let Some((version, rest)) = text.strip_prefix(['v', 'V']).and_then(|rest| rest.split_once('.'))
    else {
        return false;
    };
    let plain = |byte: u8| byte == b':' || (byte != b'%' && of::is(of::NAME, byte));
    let versioned = !version.is_empty() && version.bytes().all(|byte| of::is(of::HEX, byte));
    versioned && !rest.is_empty() && rest.bytes().all(plain)
}
