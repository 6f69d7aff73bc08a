//! The addresses of one-to-many endpoints: the networks that a broadcast goes to, and groups.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::str::FromStr;

use super::ParseEndpointError;
use super::address::{Host, HostPort, error, is_interface_name, parse_port};

/// Where broadcasts go to or come from: `[ADDRESS or INTERFACE]:PORT`. Broadcast is IPv4's alone.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct BroadcastAt {
    /// Which networks. None: every one that this machine is on.
    pub to: Option<BroadcastTo>,
    /// The port. 0 lets the kernel choose where it is bound.
    pub port: u16,
}

/// The network of a broadcast.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum BroadcastTo {
    /// The one of this address: a broadcast address (192.0.2.255), the limited one
    /// (255.255.255.255), or this machine's own in that network. Never a multicast group.
    Address(Ipv4Addr),
    /// The ones of this interface.
    Interface(String),
}

impl fmt::Display for BroadcastAt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.to {
            None => write!(f, ":{}", self.port),
            Some(BroadcastTo::Address(address)) => write!(f, "{address}:{}", self.port),
            Some(BroadcastTo::Interface(name)) => write!(f, "{name}:{}", self.port),
        }
    }
}

impl FromStr for BroadcastAt {
    type Err = ParseEndpointError;

    /// `:PORT`, `PORT`, `ADDRESS:PORT` or `INTERFACE:PORT`; the last colon parts the two.
    fn from_str(text: &str) -> Result<BroadcastAt, ParseEndpointError> {
        if text.is_empty() {
            let remedy = "write broadcast://:9000 for every network, or broadcast://eth0:9000";
            return Err(error("the address is empty", remedy));
        }
        if text.bytes().all(|b| b.is_ascii_digit()) {
            return Ok(BroadcastAt { to: None, port: parse_port(text)? });
        }
        if text.starts_with('[') {
            return Err(error(
                format!("`{text}` is no place of a broadcast: IPv6 has none"),
                "all hosts of a link are a group there: multicast://[ff02::1%eth0]:9000",
            ));
        }
        let Some((place, port)) = text.rsplit_once(':') else {
            return Err(error(
                format!("`{text}` has no port"),
                format!("write {text}:9000, the port after a colon"),
            ));
        };
        let port = parse_port(port)?;
        let to = match place.parse::<Ipv4Addr>() {
            _ if place.is_empty() => None,
            Ok(group) if group.is_multicast() => {
                return Err(error(
                    format!("{group} is a multicast group, no broadcast address"),
                    format!("write multicast://{group}:{port}"),
                ));
            }
            Ok(Ipv4Addr::UNSPECIFIED) => {
                return Err(error(
                    "0.0.0.0 is no broadcast address",
                    format!("write broadcast://:{port} for every network of this machine"),
                ));
            }
            Ok(address) => Some(BroadcastTo::Address(address)),
            // What looks like an address and is none must not be taken for an interface.
            Err(_) if place.bytes().all(|b| b.is_ascii_digit() || b == b'.') => {
                return Err(error(
                    format!("`{place}` is no IPv4 address"),
                    "an IPv4 address is four numbers from 0 to 255: 192.0.2.255",
                ));
            }
            Err(_) if is_interface_name(place) => Some(BroadcastTo::Interface(place.into())),
            Err(_) => {
                return Err(error(
                    format!("`{place}` is no IPv4 address and no name of an interface"),
                    format!("write broadcast://192.0.2.255:{port}, or broadcast://eth0:{port}"),
                ));
            }
        };
        Ok(BroadcastAt { to, port })
    }
}

/// A multicast group and a port: `239.1.2.3:9000`, `[ff02::123%eth0]:9000`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct GroupAt {
    /// The group: always a multicast address.
    pub group: IpAddr,
    /// The interface that it holds on, by name or index (IPv6).
    pub zone: Option<String>,
    /// The port. 0 lets the kernel choose where it is bound.
    pub port: u16,
}

impl GroupAt {
    /// Whether the group means nothing without an interface: `ff01::…` and `ff02::…` are others on
    /// every link (RFC 4291 section 2.7).
    pub fn needs_interface(&self) -> bool {
        match self.group {
            IpAddr::V4(_) => false,
            IpAddr::V6(group) => matches!(group.segments()[0] & 0xf, 1 | 2),
        }
    }
}

impl fmt::Display for GroupAt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = match (self.group, &self.zone) {
            (IpAddr::V6(address), Some(zone)) => Host::V6 { address, zone: Some(zone.clone()) },
            (group, _) => Host::from(group),
        };
        write!(f, "{host}:{}", self.port)
    }
}

impl FromStr for GroupAt {
    type Err = ParseEndpointError;

    /// `GROUP:PORT`, an IPv6 group in brackets and with its interface where it needs one.
    fn from_str(text: &str) -> Result<GroupAt, ParseEndpointError> {
        let HostPort { host, port } = text.parse()?;
        let (group, zone) = match host {
            Some(Host::V4(group)) => (IpAddr::V4(group), None),
            Some(Host::V6 { address, zone }) => (IpAddr::V6(address), zone),
            None => {
                return Err(error(
                    "no group is named",
                    format!(
                        "write multicast://239.1.2.3:{port}; groups are 224.0.0.0 to 239.255.255.255 and ff00::/8"
                    ),
                ));
            }
            Some(Host::Name(name)) => {
                return Err(error(
                    format!("`{name}` is no multicast group, which is an address"),
                    format!("write multicast://239.1.2.3:{port}, the interface as dev=eth0"),
                ));
            }
        };
        if !group.is_multicast() {
            let place = Host::from(group);
            let remedy = match group {
                IpAddr::V4(v4) if v4.is_broadcast() => format!("write broadcast://{v4}:{port}"),
                _ => format!(
                    "one host is udp://{place}:{port}, all of a network broadcast://:{port}"
                ),
            };
            let groups = match group {
                IpAddr::V4(_) => "224.0.0.0 to 239.255.255.255",
                IpAddr::V6(_) => "those that begin with ff",
            };
            return Err(error(
                format!("{group} is no multicast group, which are {groups}"),
                remedy,
            ));
        }
        Ok(GroupAt { group, zone, port })
    }
}
