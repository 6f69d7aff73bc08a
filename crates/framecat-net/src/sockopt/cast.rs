//! What one-to-many sockets need besides the table: the interface to send by, and membership of a
//! group. The structs are built as bytes, so that [`set_bytes`](super::set_bytes) tells the kernel.

use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::os::fd::BorrowedFd;

use libc::{SOL_IP, SOL_IPV6, c_int};

use super::{Family, get_bytes, get_int, set_bytes, set_int};
use crate::interfaces;

/// linux/in6.h; libc does not name it.
const IPV6_MULTICAST_ALL: c_int = 29;

/// Size of `struct sockaddr_storage` (socket(7)).
const STORAGE: usize = 128;

/// The row of `dev` for groups.
pub(super) fn send_by(fd: BorrowedFd<'_>, level: c_int, name: &str) -> io::Result<()> {
    let family = if level == SOL_IPV6 { Family::Group6 } else { Family::Group4 };
    send_group_by(fd, family, interfaces::index_of(name)?)
}

/// Datagrams to a group leave by this interface, and IPv4 ones from its address.
///
/// # Errors
/// ENODEV, EADDRNOTAVAIL: no such interface.
pub(crate) fn send_group_by(fd: BorrowedFd<'_>, family: Family, index: u32) -> io::Result<()> {
    if family == Family::Group6 {
        return set_int(fd, SOL_IPV6, libc::IPV6_MULTICAST_IF, index.cast_signed());
    }
    // ip(7): struct ip_mreqn { imr_multiaddr; imr_address; int imr_ifindex }. Without an address the
    // kernel takes one by the scope of the group, which on loopback is 0.0.0.0.
    let own = interfaces::own_v4(index).unwrap_or(Ipv4Addr::UNSPECIFIED);
    let request = [&[0; 4][..], &own.octets(), &index.to_ne_bytes()].concat();
    set_bytes(fd, SOL_IP, libc::IP_MULTICAST_IF, &request)
}

/// The interface that datagrams to a group leave by: its name for IPv6, its address for IPv4, which is
/// all that the kernel tells there. Empty if none was named.
pub(super) fn sends_by(fd: BorrowedFd<'_>, level: c_int) -> io::Result<String> {
    if level == SOL_IPV6 {
        let index = get_int(fd, SOL_IPV6, libc::IPV6_MULTICAST_IF)?;
        return Ok(interfaces::name_of(index.cast_unsigned()).unwrap_or_default());
    }
    let mut own = [0; 4];
    get_bytes(fd, SOL_IP, libc::IP_MULTICAST_IF, &mut own)?;
    let own = Ipv4Addr::from(own);
    Ok(if own.is_unspecified() { String::new() } else { own.to_string() })
}

/// The next IPv4 datagrams leave by this interface (IP_UNICAST_IF), whatever the routes say; 0 for
/// none in particular. Sockets bound to a device are not changed by it.
///
/// # Errors
/// ENODEV: the interface is gone.
pub(crate) fn leave_by(fd: BorrowedFd<'_>, index: u32) -> io::Result<()> {
    set_bytes(fd, SOL_IP, libc::IP_UNICAST_IF, &index.to_be_bytes())
}

/// Joins a group on an interface, for all senders or for one (RFC 3678 section 5.1), and hears no
/// group that only other sockets of this machine joined (IP_MULTICAST_ALL, ip(7)).
///
/// # Errors
/// EINVAL: no group. ENODEV: no such interface. EADDRINUSE: joined already. ENOBUFS: more than
/// net.ipv4.igmp_max_memberships.
pub(crate) fn join(
    fd: BorrowedFd<'_>,
    index: u32,
    group: IpAddr,
    source: Option<IpAddr>,
) -> io::Result<()> {
    let level = match group {
        IpAddr::V4(_) => {
            set_int(fd, SOL_IP, libc::IP_MULTICAST_ALL, 0)?;
            SOL_IP
        }
        IpAddr::V6(_) => {
            // Linux 4.20 has it first; before, a datagram is filtered by the address bound alone.
            match set_int(fd, SOL_IPV6, IPV6_MULTICAST_ALL, 0) {
                Err(error) if error.raw_os_error() == Some(libc::ENOPROTOOPT) => {}
                set => set?,
            }
            SOL_IPV6
        }
    };
    // struct group_req { uint32_t gr_interface; struct sockaddr_storage gr_group; } and the source
    // behind it in struct group_source_req. The storage is aligned as a pointer.
    let mut request = vec![0; size_of::<usize>()];
    request[..4].copy_from_slice(&index.to_ne_bytes());
    request.extend_from_slice(&storage(group));
    let opt = match source {
        None => libc::MCAST_JOIN_GROUP,
        Some(source) => {
            request.extend_from_slice(&storage(source));
            libc::MCAST_JOIN_SOURCE_GROUP
        }
    };
    set_bytes(fd, level, opt, &request)
}

/// `struct sockaddr_in` or `sockaddr_in6` in a `sockaddr_storage`.
fn storage(address: IpAddr) -> [u8; STORAGE] {
    let mut bytes = [0; STORAGE];
    let family = match address {
        IpAddr::V4(_) => libc::AF_INET,
        IpAddr::V6(_) => libc::AF_INET6,
    };
    bytes[..2].copy_from_slice(&(family as libc::sa_family_t).to_ne_bytes());
    match address {
        // The port takes two bytes in both, the flow label four more in IPv6.
        IpAddr::V4(address) => bytes[4..8].copy_from_slice(&address.octets()),
        IpAddr::V6(address) => bytes[8..24].copy_from_slice(&address.octets()),
    }
    bytes
}
