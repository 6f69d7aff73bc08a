//! From a host and a port to the addresses to try, in the order of RFC 8305: families in turn.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};

use framecat_proto::Endpoint;
use framecat_proto::endpoint::{Host, HostPort};

use crate::error::{Cause, Error, Op};

/// All addresses of a host. No host is this machine.
pub(super) async fn addresses(
    endpoint: &Endpoint,
    at: &HostPort,
) -> Result<Vec<SocketAddr>, Error> {
    let wrong = |cause| Error { op: Op::Resolve, endpoint: endpoint.to_string(), cause };
    match &at.host {
        None => Ok(vec![SocketAddr::from((Ipv4Addr::LOCALHOST, at.port))]),
        Some(Host::V4(ip)) => Ok(vec![SocketAddr::from((*ip, at.port))]),
        Some(Host::V6 { address, zone }) => {
            let scope = match zone {
                None => 0,
                Some(zone) => scope_of(zone).map_err(|error| {
                    wrong(Cause::Name(format!("the interface `{zone}` after %: {error}")))
                })?,
            };
            Ok(vec![SocketAddr::V6(SocketAddrV6::new(*address, at.port, 0, scope))])
        }
        Some(Host::Name(name)) => {
            let found = tokio::net::lookup_host((name.as_str(), at.port)).await;
            let found = found.map_err(|error| wrong(Cause::Name(said(&error.to_string()))))?;
            let found = in_turn(found.collect());
            match found.is_empty() {
                true => Err(wrong(Cause::Name("the name has no address".into()))),
                false => Ok(found),
            }
        }
    }
}

/// getaddrinfo's words without the prefix that std puts before them.
fn said(text: &str) -> String {
    let said = text.rsplit("information: ").next().unwrap_or(text);
    let mut letters = said.chars();
    let first = letters.next().map(|letter| letter.to_lowercase().to_string());
    first.unwrap_or_default() + letters.as_str()
}

fn scope_of(zone: &str) -> Result<u32, String> {
    if let Ok(index) = zone.parse() {
        return Ok(index);
    }
    use rustix::net::{AddressFamily, SocketFlags, SocketType};
    let family = AddressFamily::INET6;
    let socket = rustix::net::socket_with(family, SocketType::DGRAM, SocketFlags::CLOEXEC, None)
        .map_err(|error| error.to_string())?;
    rustix::net::netdevice::name_to_index(socket, zone)
        .map_err(|_| "there is no such interface".into())
}

/// IPv6 and IPv4 in turn, beginning with the family that the resolver put first.
fn in_turn(all: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let first_is_v6 = all.first().is_some_and(SocketAddr::is_ipv6);
    let (first, second): (Vec<_>, Vec<_>) =
        all.into_iter().partition(|address| address.is_ipv6() == first_is_v6);
    let mut second = second.into_iter();
    let mut mixed = Vec::new();
    for address in first {
        mixed.push(address);
        mixed.extend(second.next());
    }
    mixed.extend(second);
    mixed.dedup();
    mixed
}

/// The addresses at which others reach a socket bound to every interface.
pub(super) fn reachable(scheme: &str, bound: SocketAddr, v6only: bool) -> Vec<String> {
    let (port, v6) = (bound.port(), bound.is_ipv6());
    let Ok(interfaces) = if_addrs::get_if_addrs() else { return Vec::new() };
    let usable = |ip: &IpAddr| match ip {
        IpAddr::V4(_) => !v6only,
        // A link-local address needs the reader's own interface behind %: of no use to print.
        IpAddr::V6(ip) => v6 && !is_link_local(ip),
    };
    let mut shown: Vec<String> = interfaces
        .iter()
        .filter(|interface| !interface.is_loopback())
        .map(|interface| interface.ip())
        .filter(usable)
        .map(|ip| format!("{scheme}://{}", SocketAddr::new(ip, port)))
        .collect();
    shown.sort();
    shown.dedup();
    shown
}

fn is_link_local(ip: &Ipv6Addr) -> bool {
    ip.segments()[0] & 0xffc0 == 0xfe80
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_are_tried_in_turn() {
        let all = ["[::1]:1", "[::2]:1", "[::3]:1", "1.1.1.1:1"];
        let all = all.iter().map(|text| text.parse().unwrap()).collect();
        let order: Vec<String> = in_turn(all).iter().map(ToString::to_string).collect();
        assert_eq!(order, ["[::1]:1", "1.1.1.1:1", "[::2]:1", "[::3]:1"]);
    }

    #[test]
    fn the_resolver_is_quoted_without_its_prefix() {
        let text = "failed to lookup address information: Name or service not known";
        assert_eq!(said(text), "name or service not known");
    }
}
