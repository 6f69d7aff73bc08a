//! `multicast://GROUP:PORT`: all that joined a group. Dialling sends to it and hears whoever answers;
//! listening joins it, on one interface, and answers from a port of its own.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::os::fd::{AsFd, OwnedFd};

use framecat_proto::Endpoint;
use framecat_proto::endpoint::GroupAt;
use framecat_proto::options::{Value, When};
use rustix::net::SocketType;

use super::{ListenOptions, Listener, apply, broadcast, resolve, tcp, udp};
use crate::conn::Conn;
use crate::datagrams::cast::{Answers, Networks};
use crate::datagrams::{Datagrams, PacketSocket, Type, shown_ip};
use crate::error::{Cause, Error, Op};
use crate::event::Reach;
use crate::interfaces;
use crate::sockopt::{self, Family};

/// An interface, by name and index.
struct Way {
    name: String,
    index: u32,
}

pub(super) async fn connect(endpoint: &Endpoint, at: &GroupAt) -> Result<Conn, Error> {
    let wrong = |error: std::io::Error| Error::io(Op::Connect, endpoint.to_string(), error);
    let way = way(endpoint, at, Op::Connect)?;
    let fd = new_socket(endpoint, at, Op::Connect)?;
    send_by(endpoint, &fd, at, &way, Op::Connect)?;
    let from = match endpoint.options.get("bind") {
        Some(Value::Address(from)) => resolve::addresses(endpoint, from).await?[0],
        _ => SocketAddr::new(unspecified(at.group), 0),
    };
    tcp::bind_to(&fd, from).map_err(|error| wrong(error.into()))?;
    let local = rustix::net::getsockname(&fd).and_then(SocketAddr::try_from);
    let local = local.map_err(|error| wrong(error.into()))?;
    let networks = Networks::one(place(at, at.port, &way));
    let peer = networks.to_string();
    let socket = PacketSocket::new(fd, Type::Udp, shown_ip(local), peer).map_err(wrong)?;
    Ok(Conn::Datagrams(Datagrams::to_many(Answers::new(socket, Vec::new()), networks)))
}

/// The interface of a group: the one named, else the one that the route to the group names.
fn way(endpoint: &Endpoint, at: &GroupAt, op: Op) -> Result<Way, Error> {
    let refused = |cause| Error { op, endpoint: endpoint.to_string(), cause };
    let all = interfaces::all().map_err(|error| Error::io(op, endpoint.to_string(), error))?;
    let named = match (&at.zone, endpoint.options.get("dev")) {
        (Some(name), _) | (None, Some(Value::Text(name))) => Some(name.as_str()),
        _ => None,
    };
    let way = match named {
        None => None,
        Some(name) => {
            let by_index = |index: u32| interfaces::name_of(index).map(|name| Way { name, index });
            let by_name = || {
                let index = interfaces::index_of(name).ok()?;
                Some(Way { name: name.into(), index })
            };
            let way = match (&at.zone, name.parse()) {
                (Some(_), Ok(index)) => by_index(index),
                _ => by_name(),
            };
            Some(way.ok_or_else(|| refused(broadcast::unknown(&all, name)))?)
        }
    };
    // Who listens may join where no way leads out: what arrives there is heard.
    if let (Some(way), Op::Listen) = (&way, op) {
        return Ok(Way { name: way.name.clone(), index: way.index });
    }
    let probe = tcp::new_socket(endpoint, place(at, 0, &nowhere()), SocketType::DGRAM, op)?;
    if let Some(way) = &way {
        send_by(endpoint, &probe, at, way, op)?;
    }
    // Connecting sends nothing; it finds the route, and the address that goes with it.
    let to = place(at, at.port.max(1), way.as_ref().unwrap_or(&nowhere()));
    let local = rustix::net::connect(&probe, &to)
        .and_then(|()| rustix::net::getsockname(&probe))
        .and_then(SocketAddr::try_from);
    match (way, local) {
        (Some(way), Ok(_)) => Ok(way),
        (Some(way), Err(error)) => Err(refused(cannot_leave(at, &way, error.into()))),
        (None, Err(error)) => Err(refused(no_route(at, &all, error.into()))),
        (None, Ok(local)) => {
            let scope = match local {
                SocketAddr::V6(local) => local.scope_id(),
                SocketAddr::V4(_) => 0,
            };
            let mut rows = all.iter();
            let found = rows.find(|one| one.ip == local.ip() && [0, one.index].contains(&scope));
            let found = found.map(|one| Way { name: one.name.clone(), index: one.index });
            found.ok_or_else(|| refused(no_route(at, &all, rustix::io::Errno::NETUNREACH.into())))
        }
    }
}

fn nowhere() -> Way {
    Way { name: String::new(), index: 0 }
}

fn no_route(at: &GroupAt, all: &[interfaces::Interface], error: std::io::Error) -> Cause {
    if error.raw_os_error() != Some(libc::ENETUNREACH) {
        return Cause::Io(error);
    }
    let names = interfaces::names(all);
    let remedy = match (names.iter().find(|name| **name != "lo"), names.is_empty()) {
        (Some(name), _) => format!("name it: multicast://{at},dev={name}"),
        (None, false) if at.group.is_ipv4() => {
            format!("multicast://{at},dev=lo reaches this machine; there is no other interface")
        }
        (None, false) => "loopback carries no IPv6 groups, and there is no other interface".into(),
        (None, true) => "no interface has an address: `ip -br link` lists them".into(),
    };
    let problem = format!("no route leads to {}, so no interface is the one", at.group);
    Cause::Missing { problem, remedy }
}

fn cannot_leave(at: &GroupAt, way: &Way, error: std::io::Error) -> Cause {
    let name = &way.name;
    match (error.raw_os_error(), at.group.is_ipv4()) {
        (Some(libc::ENETUNREACH | libc::ENODEV), true) => Cause::Missing {
            problem: format!("nothing leaves by {name}: it is down or has no IPv4 address"),
            remedy: format!("`ip address show {name}` tells which"),
        },
        (Some(libc::ENETUNREACH | libc::EADDRNOTAVAIL | libc::ENODEV), false) => Cause::Missing {
            problem: format!("no route for IPv6 groups leaves by {name}"),
            remedy: format!(
                "`ip -6 route show table local dev {name}` shows ff00::/8 where one does"
            ),
        },
        _ => Cause::Io(error),
    }
}

fn unspecified(group: IpAddr) -> IpAddr {
    match group {
        IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    }
}

fn family(at: &GroupAt) -> Family {
    if at.group.is_ipv4() { Family::Group4 } else { Family::Group6 }
}

/// The group and a port, with the interface where the address needs one.
fn place(at: &GroupAt, port: u16, way: &Way) -> SocketAddr {
    match at.group {
        IpAddr::V4(group) => SocketAddr::from((group, port)),
        IpAddr::V6(group) => {
            let scope = if at.needs_interface() { way.index } else { 0 };
            SocketAddr::V6(SocketAddrV6::new(group, port, 0, scope))
        }
    }
}

/// Datagrams to the group leave by this interface.
fn send_by(
    endpoint: &Endpoint,
    fd: &OwnedFd,
    at: &GroupAt,
    way: &Way,
    op: Op,
) -> Result<(), Error> {
    let wrong = |error| Error::io(op, endpoint.to_string(), error);
    sockopt::cast::send_group_by(fd.as_fd(), family(at), way.index).map_err(wrong)
}

/// A UDP socket of the group's family with the endpoint's options. The interface and the source are
/// for joining and for sending, which know more than an option's value.
fn new_socket(endpoint: &Endpoint, at: &GroupAt, op: Op) -> Result<OwnedFd, Error> {
    let options = endpoint.options.without(&["dev", "source"]);
    let endpoint = Endpoint { options, ..endpoint.clone() };
    let any = SocketAddr::new(unspecified(at.group), 0);
    let fd = tcp::new_socket(&endpoint, any, SocketType::DGRAM, op)?;
    udp::make_room(fd.as_fd());
    for when in [When::BeforeBind, When::Any] {
        apply(fd.as_fd(), family(at), &endpoint, when, op)?;
    }
    Ok(fd)
}

pub(super) fn listen(
    endpoint: &Endpoint,
    at: &GroupAt,
    options: &ListenOptions,
) -> Result<Listener, Error> {
    let wrong = |error: std::io::Error| Error::io(Op::Listen, endpoint.to_string(), error);
    let way = way(endpoint, at, Op::Listen)?;
    let fd = new_socket(endpoint, at, Op::Listen)?;
    // Bound to the group, it gets nothing that is sent to this machine alone or to another group.
    let local = super::bind_shared(endpoint, &fd, place(at, at.port, &way))?;
    let source = match endpoint.options.get("source") {
        Some(Value::Ip(source)) => Some(*source),
        _ => None,
    };
    sockopt::cast::join(fd.as_fd(), way.index, at.group, source).map_err(|error| {
        match error.raw_os_error() {
            Some(libc::ENODEV | libc::EADDRNOTAVAIL) => {
                let family = if at.group.is_ipv4() { "IPv4" } else { "IPv6" };
                let problem = format!("{} takes no part in {family}: no group is there", way.name);
                let remedy = format!("`ip address show {}` tells more", way.name);
                let cause = Cause::Missing { problem, remedy };
                Error { op: Op::Listen, endpoint: endpoint.to_string(), cause }
            }
            _ => wrong(error),
        }
    })?;
    let socket = PacketSocket::new(fd, Type::Udp, shown_ip(local), String::new()).map_err(wrong)?;
    let answers = answers_socket(endpoint, at)?;
    let answers = super::answers(endpoint, answers, unspecified(at.group))?;
    let shown = GroupAt { port: local.port(), ..at.clone() }.to_string();
    let from = source.map(|source| format!(", what {source} sends")).unwrap_or_default();
    let reach = Reach::Cast(vec![(at.group.to_string(), format!("{}{from}", way.name))]);
    Ok(Listener::cast((socket, answers), endpoint, &shown, reach, options))
}

/// A socket for answers, which go to one host each.
fn answers_socket(endpoint: &Endpoint, at: &GroupAt) -> Result<OwnedFd, Error> {
    let options = endpoint.options.without(&["dev", "source", "loop"]);
    let endpoint = Endpoint { options, ..endpoint.clone() };
    let any = SocketAddr::new(unspecified(at.group), 0);
    let fd = tcp::new_socket(&endpoint, any, SocketType::DGRAM, Op::Listen)?;
    udp::make_room(fd.as_fd());
    for when in [When::BeforeBind, When::Any] {
        apply(fd.as_fd(), tcp::family(any), &endpoint, when, Op::Listen)?;
    }
    Ok(fd)
}
