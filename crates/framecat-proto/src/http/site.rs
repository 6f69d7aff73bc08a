//! Whose page sent a request: what changes something is done for our own pages, and for programs.
//!
//! Any page can have a browser send a form, and with it what the browser holds of ours (a password, a
//! place behind the firewall). The browser says where the page was from, in fields that no page can set:
//!
//! - `Sec-Fetch-Site` (Fetch Metadata), sent to https and to this machine. Where it is, it decides, for
//!   the browser compares the places as it sees them: through a proxy that ends TLS, with every redirect on
//!   the way, and for a form whose page keeps its `Origin` to itself.
//! - `Origin` (RFC 6454 section 7) elsewhere, which every browser sends with POST, PUT and DELETE. It is ours
//!   where scheme, host and port are the ones that the request is for.
//!
//! Programs that are no browser send neither, and obey no page.

use super::plan::{Policy, because};
use super::{Method, Reply, Request, Target, Why};

const FOREIGN: Why = Why {
    rule: "a page of another site sent this, and only the pages of this server may change something",
    section: "Fetch Metadata, Sec-Fetch-Site",
};
const NOT_OURS: Why = Why {
    rule: "a page of another origin sent this, and only the pages of this server may change something",
    section: "RFC 6454 section 7",
};

/// Whether a request may change something, as far as that hangs on who had it sent. Methods that change
/// nothing always may. What its Host says is believed: whether that is one of ours is asked before.
///
/// # Errors
/// The reply, 403.
pub fn check(request: &Request<'_>, policy: &Policy) -> Result<(), Reply> {
    if matches!(request.method, Method::Get | Method::Head | Method::Options | Method::Trace) {
        return Ok(());
    }
    let mut sites = request.fields.all("Sec-Fetch-Site").peekable();
    if sites.peek().is_some() {
        // `none`: the user did it, and no page.
        let ours = sites.all(|site| matches!(site, b"same-origin" | b"none"));
        return if ours { Ok(()) } else { Err(because(403, FOREIGN)) };
    }
    let ours = |origin: &[u8]| is_ours(origin, request, policy.secure).unwrap_or(false);
    let all = request.fields.all("Origin").all(ours);
    if all { Ok(()) } else { Err(because(403, NOT_OURS)) }
}

/// `None`: one of them is no place at all, such as `null`.
fn is_ours(origin: &[u8], request: &Request<'_>, secure: bool) -> Option<bool> {
    // RFC 9112 section 3.2.2: the target's host counts, where it has one.
    let here = match request.target {
        Target::Absolute { authority, .. } => authority.as_bytes(),
        _ => request.fields.only("Host")?,
    };
    let origin = std::str::from_utf8(origin).ok()?;
    let (scheme, place) = origin.split_once("://")?;
    let (ours, port) = if secure { ("https", 443) } else { ("http", 80) };
    let (host, at) = split(place, port)?;
    let (own_host, own_at) = split(std::str::from_utf8(here).ok()?, port)?;
    let same = host.eq_ignore_ascii_case(own_host) && at == own_at;
    Some(same && scheme.eq_ignore_ascii_case(ours))
}

/// A host and its port, or the one that the scheme has.
fn split(authority: &str, port: u16) -> Option<(&str, u16)> {
    let behind = authority.rfind(']').unwrap_or(0);
    let (host, digits) = match authority[behind..].find(':') {
        None => (authority, ""),
        Some(at) => (&authority[..behind + at], &authority[behind + at + 1..]),
    };
    let valid = !host.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    let port = if digits.is_empty() { Some(port) } else { digits.parse().ok() };
    port.filter(|_| valid).map(|port| (host, port))
}
