//! The network interfaces of this machine, their addresses and those that broadcasts go to.

use std::io;
use std::net::{IpAddr, Ipv4Addr};

use rustix::net::{AddressFamily, SocketFlags, SocketType};

/// An address of an interface, as far as sending to many needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interface {
    /// Its name: `eth0`.
    pub name: String,
    /// Its index.
    pub index: u32,
    /// The address.
    pub ip: IpAddr,
    /// How many of its bits are the network's.
    pub prefix: u8,
    /// The highest address of the network, to which all its hosts listen: of an IPv4 network of more
    /// than two hosts (RFC 3021), on an interface that is not point to point.
    pub broadcast: Option<Ipv4Addr>,
    /// Whether it is up, with a carrier.
    pub up: bool,
    /// Whether it leads to this machine alone.
    pub loopback: bool,
    /// Whether there is one host only at the other end.
    pub point_to_point: bool,
}

/// Every address of every interface, in the order of the kernel. An interface without one is not
/// among them.
///
/// # Errors
/// The kernel does not tell (getifaddrs(3)).
pub fn all() -> io::Result<Vec<Interface>> {
    Ok(if_addrs::get_if_addrs()?.iter().map(Interface::of).collect())
}

impl Interface {
    fn of(row: &if_addrs::Interface) -> Interface {
        // An address may have a label of its own behind a colon.
        let name = row.name.split(':').next().unwrap_or_default().to_string();
        let index = row.index.or_else(|| index_of(&name).ok()).unwrap_or(0);
        let prefix = match &row.addr {
            if_addrs::IfAddr::V4(v4) => v4.prefixlen,
            if_addrs::IfAddr::V6(v6) => v6.prefixlen,
        };
        let broadcast = match &row.addr {
            if_addrs::IfAddr::V4(v4) if !row.is_p2p => highest(v4.ip, v4.prefixlen),
            _ => None,
        };
        Interface {
            name,
            index,
            ip: row.ip(),
            prefix,
            broadcast,
            up: row.is_oper_up(),
            loopback: row.is_loopback(),
            point_to_point: row.is_p2p,
        }
    }
}

/// The highest address of a network: the kernel takes it for broadcast, whatever else is set, if the
/// network has more than two addresses.
fn highest(ip: Ipv4Addr, prefix: u8) -> Option<Ipv4Addr> {
    let host_bits = u32::MAX.checked_shr(prefix.into())?;
    (prefix < 31).then(|| Ipv4Addr::from(u32::from(ip) | host_bits))
}

/// The addresses to which broadcasts reach every network of this machine, each once. Loopback is one
/// where there is no other: elsewhere it would bring listeners here everything twice, for they hear
/// what is sent to their networks too.
pub fn broadcasts(all: &[Interface]) -> Vec<&Interface> {
    let able = |loopback: bool| {
        let mut able: Vec<&Interface> = Vec::new();
        for one in all.iter().filter(|one| one.up && one.loopback == loopback) {
            let known =
                |other: &&Interface| (other.index, other.broadcast) == (one.index, one.broadcast);
            if one.broadcast.is_some() && !able.iter().any(known) {
                able.push(one);
            }
        }
        able
    };
    let networks = able(false);
    if networks.is_empty() { able(true) } else { networks }
}

/// Why an interface has no broadcast address, for a sentence.
pub fn why_not(all: &[Interface], name: &str) -> String {
    let rows: Vec<_> = all.iter().filter(|one| one.name == name).collect();
    let v4: Vec<_> = rows.iter().filter(|one| one.ip.is_ipv4()).collect();
    match v4.first() {
        None => format!("{name} has no IPv4 address"),
        Some(one) if one.point_to_point => format!("{name} leads to one host only"),
        Some(one) if !one.up => format!("{name} is down"),
        Some(_) => format!("the network of {name} has two addresses at most"),
    }
}

/// The names of interfaces, each once.
pub fn names(all: &[Interface]) -> Vec<&str> {
    let mut names: Vec<&str> = Vec::new();
    for one in all {
        if !names.contains(&one.name.as_str()) {
            names.push(&one.name);
        }
    }
    names
}

/// The first IPv4 address of an interface.
pub fn own_v4(index: u32) -> Option<Ipv4Addr> {
    all().ok()?.iter().filter(|one| one.index == index).find_map(|one| match one.ip {
        IpAddr::V4(ip) => Some(ip),
        IpAddr::V6(_) => None,
    })
}

/// Whether an address is this machine's own.
pub fn is_own(ip: IpAddr) -> bool {
    ip.is_loopback() || all().is_ok_and(|all| all.iter().any(|one| one.ip == ip))
}

/// The index of an interface.
///
/// # Errors
/// ENODEV: there is none of this name.
pub fn index_of(name: &str) -> io::Result<u32> {
    Ok(rustix::net::netdevice::name_to_index(any_socket()?, name)?)
}

/// The name of an interface. None: there is none with this index.
pub fn name_of(index: u32) -> Option<String> {
    rustix::net::netdevice::index_to_name(any_socket().ok()?, index).ok()
}

/// What netdevice(7) asks through. A Unix socket: every kernel has them.
fn any_socket() -> io::Result<std::os::fd::OwnedFd> {
    let flags = SocketFlags::CLOEXEC;
    Ok(rustix::net::socket_with(AddressFamily::UNIX, SocketType::DGRAM, flags, None)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interface(name: &str, index: u32, ip: &str, prefix: u8, up: bool) -> Interface {
        let ip: Ipv4Addr = ip.parse().unwrap();
        Interface {
            name: name.into(),
            index,
            ip: ip.into(),
            prefix,
            broadcast: highest(ip, prefix),
            up,
            loopback: ip.is_loopback(),
            point_to_point: false,
        }
    }

    #[test]
    fn the_broadcast_address_is_the_highest_of_the_network() {
        for (ip, prefix, want) in [
            ("192.0.2.7", 24, Some("192.0.2.255")),
            ("192.0.2.5", 30, Some("192.0.2.7")),
            ("192.0.2.7", 31, None),
            ("192.0.2.7", 32, None),
            ("127.0.0.1", 8, Some("127.255.255.255")),
            ("172.60.50.1", 16, Some("172.60.255.255")),
            ("10.0.0.1", 0, Some("255.255.255.255")),
        ] {
            let want = want.map(|text| text.parse().unwrap());
            assert_eq!(highest(ip.parse().unwrap(), prefix), want, "{ip}/{prefix}");
        }
    }

    #[test]
    fn loopback_is_used_only_where_there_is_no_network() {
        let lo = interface("lo", 1, "127.0.0.1", 8, true);
        let eth0 = interface("eth0", 2, "192.0.2.7", 24, true);
        let second = interface("eth0", 2, "192.0.2.8", 24, true);
        let down = interface("eth1", 3, "198.51.100.7", 24, false);
        let host = interface("tun0", 4, "203.0.113.1", 32, true);
        let found = |all: &[&Interface]| {
            let all: Vec<Interface> = all.iter().copied().cloned().collect();
            let found = broadcasts(&all);
            found.iter().map(|one| one.broadcast.unwrap().to_string()).collect::<Vec<_>>()
        };
        assert_eq!(found(&[&lo, &eth0, &second, &down, &host]), ["192.0.2.255"]);
        assert_eq!(found(&[&lo, &down, &host]), ["127.255.255.255"]);
        assert!(found(&[&down, &host]).is_empty() && found(&[]).is_empty());
    }

    #[test]
    fn an_interface_has_a_name_and_an_index() {
        let lo = index_of("lo").unwrap();
        assert_eq!(name_of(lo).as_deref(), Some("lo"));
        assert_eq!(index_of("nosuch0").unwrap_err().raw_os_error(), Some(libc::ENODEV));
        assert_eq!(name_of(1 << 30), None);
    }
}
