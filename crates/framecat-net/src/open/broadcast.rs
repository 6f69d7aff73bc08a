//! `broadcast://[ADDRESS or INTERFACE]:PORT`: all hosts of a network (IPv4). Dialling sends to each
//! network by its own broadcast address and hears whoever answers; listening hears the port on every
//! interface and answers from a port of its own.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::fd::{AsFd, OwnedFd};

use framecat_proto::Endpoint;
use framecat_proto::endpoint::{BroadcastAt, BroadcastTo};
use framecat_proto::options::{Value, When};
use rustix::net::{SocketType, sockopt};

use super::{ListenOptions, Listener, apply, resolve, tcp, udp};
use crate::conn::Conn;
use crate::datagrams::cast::{Answers, Networks};
use crate::datagrams::{Datagrams, PacketSocket, Type, shown_ip};
use crate::error::{Cause, Error, Op};
use crate::event::Reach;
use crate::interfaces::{self, Interface};
use crate::sockopt::Family;

/// The networks meant: by an address, by an interface, or all.
enum Meant<'a> {
    All,
    Address(Ipv4Addr),
    Interface(&'a str),
}

impl<'a> Meant<'a> {
    fn of(endpoint: &'a Endpoint, at: &'a BroadcastAt) -> Meant<'a> {
        match (&at.to, endpoint.options.get("dev")) {
            (Some(BroadcastTo::Interface(name)), _) | (None, Some(Value::Text(name))) => {
                Meant::Interface(name)
            }
            (Some(BroadcastTo::Address(address)), _) => Meant::Address(*address),
            (None, _) => Meant::All,
        }
    }
}

pub(super) async fn connect(endpoint: &Endpoint, at: &BroadcastAt) -> Result<Conn, Error> {
    let wrong = |error: std::io::Error| Error::io(Op::Connect, endpoint.to_string(), error);
    let refused = |cause| Error { op: Op::Connect, endpoint: endpoint.to_string(), cause };
    let all = interfaces::all().map_err(wrong)?;
    let (networks, alone) = networks(&all, Meant::of(endpoint, at), at.port).map_err(refused)?;
    let fd = new_socket(endpoint, Op::Connect, &["dev"])?;
    if endpoint.options.get("broadcast").is_none() {
        sockopt::set_socket_broadcast(&fd, true).map_err(|error| wrong(error.into()))?;
    }
    let from = match endpoint.options.get("bind") {
        Some(Value::Address(from)) => resolve::addresses(endpoint, from).await?[0],
        // Loopback has no address of a scope that the kernel would send from to 255.255.255.255.
        _ => SocketAddr::from((alone.unwrap_or(Ipv4Addr::UNSPECIFIED), 0)),
    };
    tcp::bind_to(&fd, from).map_err(|error| wrong(error.into()))?;
    let local = rustix::net::getsockname(&fd).and_then(SocketAddr::try_from);
    let local = local.map_err(|error| wrong(error.into()))?;
    // Bound to the port that it sends to, it would hear itself.
    let own = match local.port() == at.port {
        true => all.iter().map(|one| SocketAddr::new(one.ip, at.port)).collect(),
        false => Vec::new(),
    };
    let peer = networks.to_string();
    let socket = PacketSocket::new(fd, Type::Udp, shown_ip(local), peer).map_err(wrong)?;
    Ok(Conn::Datagrams(Datagrams::to_many(Answers::new(socket, own), networks)))
}

/// Where a message goes, and the address to send from if that is loopback's alone.
fn networks(
    all: &[Interface],
    meant: Meant<'_>,
    port: u16,
) -> Result<(Networks, Option<Ipv4Addr>), Cause> {
    let able = interfaces::broadcasts(all);
    let (chosen, limited) = match meant {
        Meant::All if able.is_empty() => return Err(nowhere(all)),
        Meant::All => (able, false),
        Meant::Interface(name) => (of_interface(all, name)?, false),
        Meant::Address(Ipv4Addr::BROADCAST) if able.is_empty() => return Err(nowhere(all)),
        Meant::Address(Ipv4Addr::BROADCAST) => (able, true),
        Meant::Address(address) => {
            let by_address = |one: &&Interface| {
                one.up && (one.broadcast == Some(address) || one.ip == IpAddr::V4(address))
            };
            let mut chosen: Vec<_> = all.iter().filter(by_address).collect();
            chosen.retain(|one| one.broadcast.is_some());
            chosen.dedup_by_key(|one| (one.index, one.broadcast));
            if chosen.is_empty() {
                if let Some(one) = all.iter().find(|one| one.up && is_host_of(one, address)) {
                    return Err(one_host(one, address, port));
                }
                // Of a network that is not ours: its routers decide.
                return Ok((Networks::one(SocketAddr::from((address, port))), None));
            }
            (chosen, false)
        }
    };
    let alone = chosen.iter().all(|one| one.loopback).then(|| chosen[0].ip);
    let place = |one: &Interface| {
        let to = if limited { Some(Ipv4Addr::BROADCAST) } else { one.broadcast };
        Some((SocketAddr::from((to?, port)), one.name.clone(), one.index))
    };
    let networks = Networks::by(chosen.iter().filter_map(|one| place(one)).collect());
    let alone = alone.and_then(|ip| if let IpAddr::V4(ip) = ip { Some(ip) } else { None });
    Ok((networks, alone))
}

fn of_interface<'a>(all: &'a [Interface], name: &str) -> Result<Vec<&'a Interface>, Cause> {
    if interfaces::index_of(name).is_err() {
        return Err(unknown(all, name));
    }
    let chosen = |one: &&Interface| one.name == name && one.up && one.broadcast.is_some();
    let mut chosen: Vec<_> = all.iter().filter(chosen).collect();
    chosen.dedup_by_key(|one| one.broadcast);
    match chosen.is_empty() {
        true => Err(Cause::Missing {
            problem: format!("no broadcast goes by {name}: {}", interfaces::why_not(all, name)),
            remedy: match interfaces::broadcasts(all).first() {
                Some(one) => format!("`ip address show {name}` tells more; {} has one", one.name),
                None => format!("`ip address show {name}` tells more"),
            },
        }),
        false => Ok(chosen),
    }
}

/// There is no interface of that name.
pub(super) fn unknown(all: &[Interface], name: &str) -> Cause {
    let names = interfaces::names(all);
    let remedy = match names.is_empty() {
        true => "no interface of this machine has an address: `ip -br link` lists them".into(),
        false => format!("those with an address are {}", names.join(", ")),
    };
    Cause::Address { problem: format!("this machine has no interface `{name}`"), remedy }
}

fn nowhere(all: &[Interface]) -> Cause {
    let why: Vec<_> =
        interfaces::names(all).iter().map(|name| interfaces::why_not(all, name)).collect();
    let why = match why.is_empty() {
        true => "none has an address and is up".into(),
        false => why.join(", "),
    };
    Cause::Missing {
        problem: format!("no interface of this machine has a broadcast address: {why}"),
        remedy: "`ip link set lo up` is enough to reach this machine; `ip -br address` lists all"
            .into(),
    }
}

/// Whether an address is one of a single host in the network of an interface.
fn is_host_of(one: &Interface, address: Ipv4Addr) -> bool {
    let (IpAddr::V4(ip), Some(highest)) = (one.ip, one.broadcast) else { return false };
    let host_bits = u32::from(ip) ^ u32::from(highest);
    // All bits below the highest that differs belong to the host, and the highest address has them set.
    let mask = u32::MAX.checked_shr(host_bits.leading_zeros()).unwrap_or(0);
    (u32::from(address) ^ u32::from(highest)) & !mask == 0
}

fn one_host(one: &Interface, address: Ipv4Addr, port: u16) -> Cause {
    let highest = one.broadcast.unwrap_or(Ipv4Addr::BROADCAST);
    Cause::Address {
        problem: format!("{address} is one host of the network of {}", one.name),
        remedy: format!(
            "all of them are broadcast://{highest}:{port}, the one udp://{address}:{port}"
        ),
    }
}

/// A UDP socket over IPv4 with the endpoint's options but these.
fn new_socket(endpoint: &Endpoint, op: Op, but: &[&str]) -> Result<OwnedFd, Error> {
    let endpoint = Endpoint { options: endpoint.options.without(but), ..endpoint.clone() };
    let any = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0));
    let fd = tcp::new_socket(&endpoint, any, SocketType::DGRAM, op)?;
    udp::make_room(fd.as_fd());
    for when in [When::BeforeBind, When::Any] {
        apply(fd.as_fd(), Family::Inet4, &endpoint, when, op)?;
    }
    Ok(fd)
}

pub(super) fn listen(
    endpoint: &Endpoint,
    at: &BroadcastAt,
    options: &ListenOptions,
) -> Result<Listener, Error> {
    let wrong = |error: std::io::Error| Error::io(Op::Listen, endpoint.to_string(), error);
    let refused = |cause| Error { op: Op::Listen, endpoint: endpoint.to_string(), cause };
    let all = interfaces::all().map_err(wrong)?;
    let mut with_device = endpoint.clone();
    let (place, heard) = match Meant::of(endpoint, at) {
        Meant::All => (Ipv4Addr::UNSPECIFIED, heard(&all, |_| true)),
        Meant::Address(address) => {
            let by_address =
                |one: &Interface| one.broadcast == Some(address) || one.ip == IpAddr::V4(address);
            let own = all.iter().filter(|one| by_address(one)).find_map(|one| one.broadcast);
            if let (None, Some(one)) = (own, all.iter().find(|one| is_host_of(one, address))) {
                return Err(refused(one_host(one, address, at.port)));
            }
            let place = own.unwrap_or(address);
            let heard = match place.is_broadcast() {
                true => vec![(place.to_string(), "every interface".into())],
                false => heard(&all, by_address),
            };
            (place, heard)
        }
        Meant::Interface(name) => {
            of_interface(&all, name).map_err(refused)?;
            // Typed as the place or as an option, it is one for the kernel.
            if endpoint.options.get("dev").is_none()
                && let Err(error) = with_device.options.add(&format!("dev={name}"), "broadcast")
            {
                let (problem, remedy) = (error.problem, error.remedy);
                return Err(refused(Cause::Address { problem, remedy }));
            }
            (Ipv4Addr::UNSPECIFIED, heard(&all, |one| one.name == name))
        }
    };
    let fd = new_socket(&with_device, Op::Listen, &["broadcast"])?;
    let local = super::bind_shared(endpoint, &fd, SocketAddr::from((place, at.port)))?;
    let socket = PacketSocket::new(fd, Type::Udp, shown_ip(local), String::new()).map_err(wrong)?;
    let answers =
        new_socket(endpoint, Op::Listen, &["dev", "broadcast", "reuseaddr", "reuseport"])?;
    let answers = super::answers(endpoint, answers, Ipv4Addr::UNSPECIFIED.into())?;
    let shown = BroadcastAt { port: local.port(), ..at.clone() };
    Ok(Listener::cast((socket, answers), endpoint, &shown.to_string(), Reach::Cast(heard), options))
}

/// The addresses whose broadcasts arrive, and by which interface.
fn heard(all: &[Interface], of: impl Fn(&Interface) -> bool) -> Vec<(String, String)> {
    let mut heard: Vec<(String, String)> = Vec::new();
    for one in all.iter().filter(|one| one.up && of(one)) {
        if let Some(address) = one.broadcast {
            let row = (address.to_string(), one.name.clone());
            if !heard.contains(&row) {
                heard.push(row);
            }
        }
    }
    heard
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interface(name: &str, ip: &str, broadcast: &str) -> Interface {
        let ip: Ipv4Addr = ip.parse().unwrap();
        Interface {
            name: name.into(),
            index: 7,
            ip: ip.into(),
            // Not looked at: the broadcast address is given.
            prefix: 24,
            broadcast: broadcast.parse().ok(),
            up: true,
            loopback: ip.is_loopback(),
            point_to_point: false,
        }
    }

    #[test]
    fn an_address_means_its_network() {
        let all = [
            interface("lo", "127.0.0.1", "127.255.255.255"),
            interface("eth0", "192.0.2.7", "192.0.2.255"),
            interface("eth1", "198.51.100.1", "198.51.100.127"),
        ];
        let to = |text: &str| {
            let (networks, alone) = networks(&all, Meant::Address(text.parse().unwrap()), 9)?;
            Ok((networks.to_string(), alone))
        };
        let told = |text: &str| to(text).map_err(|cause: Cause| cause.to_string());
        let two = "255.255.255.255:9, 255.255.255.255:9";
        assert_eq!(told("255.255.255.255"), Ok((two.into(), None)));
        assert_eq!(told("192.0.2.255"), Ok(("192.0.2.255:9".into(), None)));
        assert_eq!(told("192.0.2.7"), Ok(("192.0.2.255:9".into(), None)), "our own address");
        assert_eq!(
            told("203.0.113.255"),
            Ok(("203.0.113.255:9".into(), None)),
            "a network far away"
        );
        let loopback = Some(Ipv4Addr::LOCALHOST);
        assert_eq!(told("127.255.255.255"), Ok(("127.255.255.255:9".into(), loopback)));
        for (text, name) in [("192.0.2.9", "eth0"), ("198.51.100.126", "eth1"), ("127.0.0.2", "lo")]
        {
            let refused = format!("{text} is one host of the network of {name}");
            assert_eq!(told(text), Err(refused));
        }
        // One past the network of eth1.
        assert_eq!(told("198.51.100.128"), Ok(("198.51.100.128:9".into(), None)));
    }
}
