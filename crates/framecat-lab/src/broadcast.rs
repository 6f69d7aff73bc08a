//! The group **broadcast**: one sends, all who listen receive.
//!
//! One fn a law makes the calls; `broadcast/judge.rs` concludes, `broadcast/told.rs` tells. Loopback
//! is a network with a broadcast address of its own, so nothing leaves the machine, unless somebody
//! names an interface ([`on`]). What must not arrive is followed by what must.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4, UdpSocket};
use std::sync::OnceLock;
use std::time::Duration;

use framecat_net::interfaces;
use rustix::io::Errno;
use rustix::net::sockopt::{set_socket_broadcast, set_socket_reuseaddr, socket_broadcast};
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketType, bind, connect, recvfrom, sendto, socket,
};

use crate::evidence::{Evidence, Scene, errno_name, quoted};
use crate::lang::Text;

mod judge;
#[cfg(test)]
mod tests;
mod told;

pub(crate) use told::{BROADCAST_ADDRESS, BROADCAST_ONE_MANY, BROADCAST_PERMISSION};

/// The longest that one call waits. Never reached unless something is wrong.
const PATIENCE: Duration = Duration::from_secs(5);

/// The network on which the laws are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    /// Our address there.
    ip: Ipv4Addr,
    /// How many of its bits are the network's.
    prefix: u8,
}

/// Loopback as Linux has it: 127.0.0.1/8.
const LOOPBACK: Place = Place { ip: Ipv4Addr::LOCALHOST, prefix: 8 };

static CHOSEN: OnceLock<Place> = OnceLock::new();

/// Shows the laws of broadcast on an interface, not on loopback: what they send goes to its network.
/// The first call in a program decides.
///
/// # Errors
/// Why that cannot be, in words: there is no such interface, it is down, or it has no network that
/// broadcasts.
pub fn on(interface: &str) -> Result<(), String> {
    let all = interfaces::all().map_err(|error| error.to_string())?;
    let mut rows = all.iter().filter(|row| row.name == interface).peekable();
    if rows.peek().is_none() {
        return Err(format!("there is no interface {interface} with an address"));
    }
    let place = rows.find_map(|row| match (row.ip, row.broadcast) {
        (IpAddr::V4(ip), Some(_)) if row.up => Some(Place { ip, prefix: row.prefix }),
        _ => None,
    });
    let place = place.ok_or_else(|| interfaces::why_not(&all, interface))?;
    CHOSEN.get_or_init(|| place);
    Ok(())
}

impl Place {
    fn now() -> Place {
        *CHOSEN.get_or_init(|| LOOPBACK)
    }

    /// The bits of the network are ones.
    fn mask(self) -> Ipv4Addr {
        Ipv4Addr::from(!(u32::MAX >> self.prefix))
    }

    /// The highest address of the network: the bits of the host are ones.
    fn highest(self) -> Ipv4Addr {
        Ipv4Addr::from(u32::from(self.ip) | !u32::from(self.mask()))
    }
}

/// Law `broadcast-one-many`: one sendto, and everyone receives who listens on any address.
fn broadcast_one_many() -> io::Result<Evidence> {
    let mut seen = Evidence::new();
    let place = Place::now();
    let (any, all) = (Ipv4Addr::UNSPECIFIED, place.highest());
    let mut scene = Scene::new("one_many", &[]);
    scene.right = Text::new("RECEIVERS", "几个接收端");
    let bound = |scene: &mut Scene, name: &str, ip: Ipv4Addr| {
        scene.right(format!("{name}: bind({ip}) = 0"), Vec::new());
    };

    let a = listener(any, 0)?;
    bound(&mut scene, "A", any);
    let port = a.local_addr()?.port();
    let b = listener(any, port)?;
    bound(&mut scene, "B", any);
    // Without SO_REUSEADDR a port of one host is one socket's.
    let c = socket(AddressFamily::INET, SocketType::DGRAM, None)?;
    let without = outcome(bind(&c, &SocketAddrV4::new(any, port)).map(|()| 0));
    scene.right(format!("C: bind({any}) = {without}"), Vec::new());
    let d = listener(all, port)?;
    bound(&mut scene, "D", all);
    let own = listener(place.ip, port)?;
    bound(&mut scene, "E", place.ip);
    let loopback = match place.ip.is_loopback() {
        true => None,
        false => Some(listener(Ipv4Addr::LOCALHOST, port)?),
    };
    if loopback.is_some() {
        bound(&mut scene, "F", Ipv4Addr::LOCALHOST);
    }

    let sender = UdpSocket::bind((place.ip, 0))?;
    set_socket_broadcast(&sender, true)?;
    let to = SocketAddrV4::new(all, port);
    let sent = sendto(&sender, b"to all", SendFlags::empty(), &to)?;
    scene.left(format!("sendto(\"to all\", {all}) = {sent}"), Vec::new());
    let mut heard = Vec::new();
    for (name, receiver) in [("A", &a), ("B", &b), ("D", &d)] {
        let (got, call) = hear(receiver);
        scene.right(format!("{name}: {call}"), Vec::new());
        heard.push(got);
    }
    // The others are there, as what is sent to them alone shows: it is the first that they hear.
    let mut alone = Vec::new();
    for (name, receiver) in [("E", Some(&own)), ("F", loopback.as_ref())] {
        let Some(receiver) = receiver else { continue };
        let SocketAddr::V4(at) = receiver.local_addr()? else { continue };
        let socket = UdpSocket::bind((*at.ip(), 0))?;
        let sent = sendto(&socket, b"to you", SendFlags::empty(), &at)?;
        scene.left(format!("sendto(\"to you\", {}) = {sent}", at.ip()), Vec::new());
        let (got, call) = hear(receiver);
        scene.right(format!("{name}: {call}"), Vec::new());
        alone.push(got);
    }
    seen.set("to", all.to_string());
    seen.set("sends", 1);
    seen.set("heard", heard);
    seen.set("heard_alone", alone);
    seen.set("without_reuseaddr", without);
    seen.scenes.push(scene);
    Ok(seen)
}

/// Law `broadcast-address`: the highest address of the network, by its prefix, and the limited one.
fn broadcast_address() -> io::Result<Evidence> {
    let mut seen = Evidence::new();
    let place = Place::now();
    let highest = place.highest();
    let below = Ipv4Addr::from(u32::from(highest) - 1);
    // Ends in 255 and is none: the network of loopback is larger.
    let lookalike = Ipv4Addr::new(127, 0, 0, 255);
    for (name, ip) in [("address", place.ip), ("mask", place.mask()), ("highest", highest)] {
        seen.set(name, ip.to_string());
        seen.set(&format!("{name}_bits"), bits(ip));
    }
    seen.set("prefix", place.prefix);
    seen.set("below", below.to_string());
    seen.set("lookalike", lookalike.to_string());
    seen.set("limited", Ipv4Addr::BROADCAST.to_string());
    let notes = [24, 16, 26].map(|prefix| {
        let place = Place { ip: Ipv4Addr::new(172, 60, 50, 1), prefix };
        format!("{}/{prefix} -> {}", place.ip, place.highest())
    });
    seen.set("notes", notes.to_vec());

    let first = listener(Ipv4Addr::UNSPECIFIED, 0)?;
    let port = first.local_addr()?.port();
    let second = listener(Ipv4Addr::UNSPECIFIED, port)?;
    for (name, ip) in [
        ("highest", highest),
        ("limited", Ipv4Addr::BROADCAST),
        ("lookalike", lookalike),
        ("below", below),
    ] {
        let from = if name == "lookalike" { Ipv4Addr::LOCALHOST } else { place.ip };
        let to = SocketAddrV4::new(ip, port);
        // Nothing is sent: the kernel looks the address up, and asks for the permission or does not.
        let probe = UdpSocket::bind((from, 0))?;
        seen.set(&format!("{name}_asks"), outcome(connect(&probe, &to).map(|()| 0)));
        if name == "below" {
            // Some other host of a network: not to be bothered.
            continue;
        }
        let sender = UdpSocket::bind((from, 0))?;
        set_socket_broadcast(&sender, true)?;
        sendto(&sender, name.as_bytes(), SendFlags::empty(), &to)?;
        // All hear what follows, and who has not heard the first by then never will.
        let after = UdpSocket::bind((place.ip, 0))?;
        set_socket_broadcast(&after, true)?;
        sendto(&after, b"after", SendFlags::empty(), &SocketAddrV4::new(highest, port))?;
        let mut heard = 0;
        for receiver in [&first, &second] {
            loop {
                let (got, _) = hear(receiver);
                if got == quoted(name.as_bytes()) {
                    heard += 1;
                } else {
                    break;
                }
            }
        }
        seen.set(&format!("{name}_heard"), heard);
    }
    seen.set("receivers", 2);
    Ok(seen)
}

/// Law `broadcast-permission`: SO_BROADCAST is needed to send, and for nothing else.
fn broadcast_permission() -> io::Result<Evidence> {
    let mut seen = Evidence::new();
    let place = Place::now();
    let all = place.highest();
    let mut scene = Scene::new("permission", &[]);
    let receiver = listener(Ipv4Addr::UNSPECIFIED, 0)?;
    let permitted = listener(Ipv4Addr::UNSPECIFIED, receiver.local_addr()?.port())?;
    set_socket_broadcast(&permitted, true)?;
    let (off, on) = (socket_broadcast(&receiver)?, socket_broadcast(&permitted)?);
    scene.right(format!("A: getsockopt(SO_BROADCAST) = {}", u8::from(off)), Vec::new());
    scene.right(format!("B: getsockopt(SO_BROADCAST) = {}", u8::from(on)), Vec::new());

    let to = SocketAddrV4::new(all, receiver.local_addr()?.port());
    let sender = UdpSocket::bind((place.ip, 0))?;
    let at_first = socket_broadcast(&sender)?;
    scene.left(format!("getsockopt(SO_BROADCAST) = {}", u8::from(at_first)), Vec::new());
    let refused = outcome(sendto(&sender, b"refused", SendFlags::empty(), &to));
    scene.left(format!("sendto(\"refused\") = {refused}"), Vec::new());
    set_socket_broadcast(&sender, true)?;
    scene.left("setsockopt(SO_BROADCAST, 1) = 0".into(), Vec::new());
    let sent = sendto(&sender, b"hello", SendFlags::empty(), &to);
    // Without a way to the network permission makes no difference, and nothing can be shown.
    if sent == Err(Errno::NETUNREACH) {
        return Err(Errno::NETUNREACH.into());
    }
    let sent = outcome(sent);
    scene.left(format!("sendto(\"hello\") = {sent}"), Vec::new());
    let ((heard_off, by_a), (heard_on, by_b)) = (hear(&receiver), hear(&permitted));
    scene.right(format!("A: {by_a}"), Vec::new());
    scene.right(format!("B: {by_b}"), Vec::new());
    set_socket_broadcast(&sender, false)?;
    scene.left("setsockopt(SO_BROADCAST, 0) = 0".into(), Vec::new());
    let again = outcome(sendto(&sender, b"refused", SendFlags::empty(), &to));
    scene.left(format!("sendto(\"refused\") = {again}"), Vec::new());
    seen.set("sender_at_first", at_first);
    seen.set("without", refused);
    seen.set("with", sent);
    seen.set("taken_back", again);
    seen.set("receiver_has_it", off);
    seen.set("other_receiver_has_it", on);
    seen.set("heard_without", heard_off);
    seen.set("heard_with", heard_on);
    seen.scenes.push(scene);
    Ok(seen)
}

/// A datagram socket that shares its port with others that agree to share it.
fn listener(ip: Ipv4Addr, port: u16) -> io::Result<UdpSocket> {
    let fd = socket(AddressFamily::INET, SocketType::DGRAM, None)?;
    set_socket_reuseaddr(&fd, true)?;
    bind(&fd, &SocketAddrV4::new(ip, port))?;
    let socket = UdpSocket::from(fd);
    socket.set_read_timeout(Some(PATIENCE))?;
    Ok(socket)
}

/// The next datagram, or the name of the error; then the call with its result.
fn hear(receiver: &UdpSocket) -> (String, String) {
    let mut buffer = [0; 64];
    match recvfrom(receiver, &mut buffer[..], RecvFlags::empty()) {
        Ok((taken, _, _)) => {
            let got = quoted(&buffer[..taken]);
            (got.clone(), format!("recvfrom(64) = {taken} {got}"))
        }
        Err(errno) => (name_of(errno), format!("recvfrom(64) = {}", name_of(errno))),
    }
}

fn outcome(result: rustix::io::Result<usize>) -> String {
    match result {
        Ok(count) => count.to_string(),
        Err(errno) => name_of(errno),
    }
}

fn name_of(errno: Errno) -> String {
    let number = errno.raw_os_error();
    errno_name(number).map_or_else(|| format!("errno {number}"), String::from)
}

/// An address in binary, a group of eight a byte.
fn bits(ip: Ipv4Addr) -> String {
    ip.octets().map(|byte| format!("{byte:08b}")).join(" ")
}
