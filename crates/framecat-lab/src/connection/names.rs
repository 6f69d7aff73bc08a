//! What the ends of connections are called: addresses and ports, who may have which, and for how long.
//! Judged in `names/judge.rs`, told in `names/told.rs`.

use std::fs;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::AsFd;
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::UnixListener;
use std::process;
use std::time::{SystemTime, UNIX_EPOCH};

use framecat_net::sockopt::{domain, type_of};
use rustix::net::{AddressFamily, SocketType};
use socket2::{Domain, Protocol, SockAddr, Socket, Type};

use super::{patient, returned, wait_until};
use crate::evidence::{Evidence, Scene};
use crate::lang::Text;
use crate::watch;

mod judge;
pub(super) mod told;

/// Law `socket-name`: address, TCP or UDP, and port name one end; the pair of ends names a connection.
fn socket_name() -> io::Result<Evidence> {
    let mut seen = Evidence::new();
    // The same number for UDP is another name. Somebody else may have that one: then look on.
    const TRIES: usize = 8;
    let mut listener = TcpListener::bind("127.0.0.1:0")?;
    let mut for_udp = UdpSocket::bind(listener.local_addr()?);
    for _ in 1..TRIES {
        if for_udp.is_err() {
            listener = TcpListener::bind("127.0.0.1:0")?;
            for_udp = UdpSocket::bind(listener.local_addr()?);
        }
    }
    seen.set("same_port_for_udp", returned(&for_udp));
    let server = listener.local_addr()?;
    // The first client asks for a port of its own that may be shared, for what comes below.
    let first = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    first.set_reuse_address(true)?;
    first.bind(&any_port().into())?;
    first.connect(&server.into())?;
    let mut first = TcpStream::from(first);
    let (mut at_first, _) = listener.accept()?;
    let mut second = TcpStream::connect(server)?;
    let (mut at_second, _) = listener.accept()?;
    for (who, socket) in [
        ("first", &first),
        ("second", &second),
        ("for_first", &at_first),
        ("for_second", &at_second),
    ] {
        patient(socket)?;
        seen.set(&format!("{who}_name"), socket.local_addr()?.to_string());
        seen.set(&format!("{who}_peer"), socket.peer_addr()?.to_string());
    }

    first.write_all(b"one")?;
    second.write_all(b"two")?;
    for (who, socket) in [("for_first", &mut at_first), ("for_second", &mut at_second)] {
        let mut heard = [0; 3];
        socket.read_exact(&mut heard)?;
        seen.set(&format!("{who}_heard"), heard.escape_ascii().to_string());
    }

    // A third socket with the first one's name: to another server, and to the same.
    let other = TcpListener::bind("127.0.0.1:0")?;
    let elsewhere = namesake(&first)?;
    seen.set("same_name_other_server", returned(&elsewhere.connect(&other.local_addr()?.into())));
    let twin = namesake(&first)?;
    seen.set("same_name_same_server", returned(&twin.connect(&server.into())));
    Ok(seen)
}

fn any_port() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

fn namesake(of: &TcpStream) -> io::Result<Socket> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    socket.bind(&of.local_addr()?.into())?;
    Ok(socket)
}

/// Law `bind`: a name is had once, and only here; port 0 leaves it to the kernel.
fn bind() -> io::Result<Evidence> {
    let mut seen = Evidence::new();
    let mut scene = Scene::new("bind", &[]);
    scene.left = Text::new("ONE SOCKET", "一个套接字");
    scene.right = Text::new("ANOTHER", "另一个");
    let one = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    let before = name(&one)?;
    scene.left(format!("getsockname() = {before}"), Vec::new());
    one.bind(&any_port().into())?;
    scene.left(format!("bind({}) = 0", any_port()), Vec::new());
    let given = name(&one)?;
    scene.left(format!("getsockname() = {given}"), Vec::new());
    seen.set("name_before", before);
    seen.set("asked", any_port().to_string());
    seen.set("given", given.clone());

    let taken: SocketAddr = given.parse().map_err(io::Error::other)?;
    let another = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    let in_use = returned(&another.bind(&taken.into()));
    scene.right(format!("bind({taken}) = {in_use}"), Vec::new());
    seen.set("in_use", in_use);
    let again = returned(&one.bind(&any_port().into()));
    scene.left(format!("bind({}) = {again}", any_port()), Vec::new());
    seen.set("second_bind", again);

    // An address for documentation (RFC 5737), that no machine has. Nothing is sent to it.
    let foreign = SocketAddr::from(([192, 0, 2, 1], 0));
    let not_ours = returned(&another.bind(&foreign.into()));
    scene.right(format!("bind({foreign}) = {not_ours}"), Vec::new());
    let any_address = fs::read_to_string("/proc/sys/net/ipv4/ip_nonlocal_bind");
    seen.set("foreign", foreign.to_string());
    seen.set("not_ours", not_ours);
    seen.set("nonlocal_bind", any_address.is_ok_and(|setting| setting.trim() == "1"));

    // Without bind: connect chooses.
    let server = TcpListener::bind("127.0.0.1:0")?;
    let client = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    client.connect(&server.local_addr()?.into())?;
    scene.right(format!("no bind; connect({}) = 0", server.local_addr()?), Vec::new());
    let chosen = name(&client)?;
    scene.right(format!("getsockname() = {chosen}"), Vec::new());
    seen.set("chosen_by_connect", chosen);
    seen.scenes.push(scene);
    a_path(&mut seen)?;
    Ok(seen)
}

/// The name of a Unix socket is a path, and bind makes the file.
fn a_path(seen: &mut Evidence) -> io::Result<()> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let path = std::env::temp_dir().join(format!("lab-{}-{}", process::id(), now.as_nanos()));
    let mut scene = Scene::new("path", &[]);
    scene.left = Text::new("ONE SOCKET", "一个套接字");
    scene.right = Text::new("ANOTHER", "另一个");
    let one = UnixListener::bind(&path)?;
    scene.left("bind(PATH) = 0".into(), Vec::new());
    let kind = fs::symlink_metadata(&path)?.file_type();
    let in_use = returned(&UnixListener::bind(&path));
    scene.right(format!("bind(PATH) = {in_use}"), Vec::new());
    drop(one);
    scene.left("close() = 0".into(), Vec::new());
    let left_over = returned(&UnixListener::bind(&path));
    scene.right(format!("bind(PATH) = {left_over}"), Vec::new());
    fs::remove_file(&path)?;
    scene.left("unlink(PATH) = 0".into(), Vec::new());
    let removed = returned(&UnixListener::bind(&path));
    scene.right(format!("bind(PATH) = {removed}"), Vec::new());
    let _ = fs::remove_file(&path);
    seen.set("path_is_a_socket", kind.is_socket());
    seen.set("path_in_use", in_use);
    seen.set("path_left_over", left_over);
    seen.set("path_removed", removed);
    seen.scenes.push(scene);
    Ok(())
}

fn name(of: &Socket) -> io::Result<String> {
    let name = of.local_addr()?.as_socket();
    Ok(name.map_or_else(|| "?".into(), |name| name.to_string()))
}

/// Law `reuseaddr`: who may take a port where an old connection is in TIME_WAIT.
fn reuseaddr() -> io::Result<Evidence> {
    let mut seen = Evidence::new();
    let mut ports = Vec::new();
    for (combination, old, new) in [
        ("neither", false, false),
        ("old", true, false),
        ("new", false, true),
        ("both", true, true),
    ] {
        let server = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        server.set_reuse_address(old)?;
        server.bind(&any_port().into())?;
        server.listen(1)?;
        patient(&server)?;
        let address = server.local_addr()?;
        let client = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        client.connect(&address)?;
        let (accepted, _) = server.accept()?;
        // The old server still listens.
        let while_listening = returned(&fresh(new)?.bind(&address));
        seen.set(&format!("{combination}_while_listening"), while_listening);
        // Who closes first keeps the port in TIME_WAIT.
        drop(accepted);
        drop(client);
        drop(server);
        let address = address.as_socket().ok_or(io::ErrorKind::InvalidData)?;
        ports.push((combination, new, address));
    }
    wait_until(|| {
        let table = watch::read("/proc/net/tcp")?;
        Ok(ports.iter().all(|(_, _, address)| in_time_wait(&table, address.port())))
    })?;
    for (combination, new, address) in ports {
        let rebound = fresh(new)?;
        let bound = returned(&rebound.bind(&address.into()));
        seen.set(&format!("{combination}_time_wait"), bound);
    }
    as_the_notes_have_it(&mut seen)?;
    Ok(seen)
}

fn fresh(reuse: bool) -> io::Result<Socket> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.set_reuse_address(reuse)?;
    Ok(socket)
}

/// Whether the kernel's table of connections has this port of ours in state 06, proc(5).
fn in_time_wait(table: &str, port: u16) -> bool {
    let port = format!(":{port:04X}");
    table.lines().any(|line| {
        let mut cells = line.split_whitespace().skip(1);
        cells.next().is_some_and(|name| name.ends_with(&port)) && cells.nth(1) == Some("06")
    })
}

/// `socket(SOL_SOCKET, SO_REUSEADDR, 1)`: numbers of setsockopt where families and types belong.
fn as_the_notes_have_it(seen: &mut Evidence) -> io::Result<()> {
    // asm-generic/socket.h; a few architectures have other numbers, and then another socket or none.
    const SOL_SOCKET: i32 = 1;
    const SO_REUSEADDR: i32 = 2;
    let (family, kind) = (Domain::from(SOL_SOCKET), Type::from(SO_REUSEADDR));
    let socket = Socket::new(family, kind, Some(Protocol::from(1)))?;
    let unix = domain(socket.as_fd())? == AddressFamily::UNIX;
    let datagram = type_of(socket.as_fd())? == SocketType::DGRAM;
    seen.set("slip_level", SOL_SOCKET);
    seen.set("slip_option", SO_REUSEADDR);
    seen.set("slip_family", if unix { "AF_UNIX" } else { "another" });
    seen.set("slip_type", if datagram { "SOCK_DGRAM" } else { "another" });
    seen.set("slip_reuses", socket.reuse_address()?);
    let address: SockAddr = any_port().into();
    seen.set("slip_bind", returned(&socket.bind(&address)));
    Ok(())
}
