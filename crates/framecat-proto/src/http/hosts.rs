//! For whom a request is meant: whether its host is one of ours (RFC 9110 section 7.4).

use super::Why;
use super::plan::Policy;

/// Which hosts a server answers for.
///
/// A page of another site can make a browser ask us by a name of its own that it has pointed at our
/// address, and read the answer as its own (DNS rebinding). It cannot do so with an address in place of a
/// name, so these are always ours; so are `localhost` and all below it, which are never looked up (RFC
/// 6761 section 6.3), and names without a dot (`box`, `raspberrypi`): those are of this machine or network,
/// and nobody outside can have one (RFC 7085 on why no domain answers by its bare name). The port does not count: it may have been forwarded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hosts {
    /// All.
    Any,
    /// Addresses, `localhost`, names without a dot, and these names, in any case.
    Only(Vec<String>),
}

const DOUBTFUL: Why = Why {
    rule: "the address names a host that this server is not; use its IP address, or start it with \
           --any-host",
    section: "RFC 9110 section 7.4",
};
const INSECURE: Why = Why {
    rule: "a target with another scheme than http came over a connection without TLS",
    section: "RFC 9110 section 7.4",
};
const NO_HOST: Why = Why { rule: "the target names no host", section: "RFC 9110 section 4.2.1" };
const USER: Why = Why {
    rule: "the target names a user, which is used to deceive",
    section: "RFC 9110 section 4.2.4",
};
/// A target that says where it leads: by a scheme that this connection is not for, it leads elsewhere
/// (RFC 9110 section 7.4).
pub(super) fn absolute(scheme: &str, authority: &str, policy: &Policy) -> Result<(), (u16, Why)> {
    let https = policy.secure && scheme.eq_ignore_ascii_case("https");
    if !https && !scheme.eq_ignore_ascii_case("http") {
        return Err((421, INSECURE));
    }
    if authority.contains('@') {
        return Err((400, USER));
    }
    if host(authority.as_bytes()).is_empty() {
        return Err((400, NO_HOST));
    }
    ours(authority.as_bytes(), policy).map_err(|why| (421, why))
}

/// Without its port.
fn host(authority: &[u8]) -> &[u8] {
    let behind = authority.iter().rposition(|byte| *byte == b']').unwrap_or(0);
    let colon = authority[behind..].iter().position(|byte| *byte == b':');
    &authority[..colon.map_or(authority.len(), |at| behind + at)]
}

/// Whether a host with or without a port is one of ours. None at all is: HTTP/1.0 has no Host, and no page
/// can make a browser leave it out.
pub(super) fn ours(authority: &[u8], policy: &Policy) -> Result<(), Why> {
    let Hosts::Only(names) = &policy.hosts else { return Ok(()) };
    let host = host(authority);
    let host = host.strip_suffix(b".").unwrap_or(host);
    let local = b"localhost";
    let below = host.len().checked_sub(local.len()).map(|at| host.split_at(at));
    let address = || {
        let text = std::str::from_utf8(host).unwrap_or_default();
        let inside = text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
        inside.map_or(text.parse::<std::net::Ipv4Addr>().is_ok(), |text| {
            text.parse::<std::net::Ipv6Addr>().is_ok()
        })
    };
    let is_ours = !host.contains(&b'.') && !host.starts_with(b"[")
        || below.is_some_and(|(above, end)| {
            end.eq_ignore_ascii_case(local) && (above.is_empty() || above.ends_with(b"."))
        })
        || names.iter().any(|name| host.eq_ignore_ascii_case(name.as_bytes()))
        || address();
    if is_ours { Ok(()) } else { Err(DOUBTFUL) }
}
