//! The two names of a socket: its own and its peer's. Judged in `judge.rs`, told in `told.rs`.

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::AsFd;

use framecat_net::sockopt::reset_on_close;
use rustix::net::{RecvFlags, recv};
use socket2::{Domain, Socket, Type};

use super::{PATIENCE, done_or_errno, errno_word};
use crate::evidence::{Evidence, Scene};
use crate::lang::Text;

/// Law `sockname`: getsockname tells the own address, the kernel's part of it included.
pub(super) fn sockname() -> io::Result<Evidence> {
    let mut seen = Evidence::new();
    let mut scene = ends("sockname");

    let server = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    let unbound = own_name(&server)?;
    scene.left(format!("getsockname() = {unbound}"), Vec::new());
    let asked: SocketAddr = ([127, 0, 0, 1], 0).into();
    server.bind(&asked.into())?;
    scene.left(format!("bind({asked}) = 0"), Vec::new());
    server.listen(1)?;
    let listening = own_name(&server)?;
    scene.left(format!("getsockname() = {listening}"), Vec::new());

    // The client never binds.
    let client = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    let before = own_name(&client)?;
    scene.right(format!("getsockname() = {before}"), Vec::new());
    client.connect(&listening.into())?;
    scene.right(format!("connect({listening}) = 0"), Vec::new());
    let after = own_name(&client)?;
    scene.right(format!("getsockname() = {after}"), Vec::new());

    let (conversation, from) = server.accept()?;
    let from = internet(from)?;
    scene.left(format!("accept() from {from}"), Vec::new());
    let conversing = own_name(&conversation)?;
    scene.left(format!("its getsockname() = {conversing}"), Vec::new());

    // Bound to every address of this machine; connect picks the one that leads to the peer.
    let datagrams = Socket::new(Domain::IPV4, Type::DGRAM, None)?;
    let any: SocketAddr = ([0, 0, 0, 0], 0).into();
    datagrams.bind(&any.into())?;
    let wide = own_name(&datagrams)?;
    datagrams.connect(&listening.into())?;
    let narrow = own_name(&datagrams)?;

    for (name, value) in [
        ("unbound", unbound),
        ("bind_asked", asked),
        ("listening", listening),
        ("client_before", before),
        ("client_after", after),
        ("accepted_from", from),
        ("conversation", conversing),
        ("datagrams_bound", wide),
        ("datagrams_connected", narrow),
    ] {
        seen.set(name, value.to_string());
    }
    seen.scenes.push(scene);
    Ok(seen)
}

/// Law `peername`: getpeername tells the other end's address while there is a connection.
pub(super) fn peername() -> io::Result<Evidence> {
    let mut seen = Evidence::new();
    let mut scene = ends("peername");
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let of_listener = done_or_errno(peer_name(&Socket::from(listener.try_clone()?)));
    scene.left(format!("getpeername() = {of_listener}"), Vec::new());
    seen.set("of_listener", of_listener);

    let client = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    let before = done_or_errno(peer_name(&client));
    scene.right(format!("getpeername() = {before}"), Vec::new());
    seen.set("before", before);
    client.connect(&address.into())?;
    scene.right(format!("connect({address}) = 0"), Vec::new());
    let (server, _) = listener.accept()?;
    server.set_read_timeout(Some(PATIENCE))?;
    let server = Socket::from(server);

    let (at_client, at_server) = (peer_name(&client)?, peer_name(&server)?);
    scene.right(format!("getpeername() = {at_client}"), Vec::new());
    scene.left(format!("getpeername() = {at_server}"), Vec::new());
    seen.set("client_name", own_name(&client)?.to_string());
    seen.set("client_peer", at_client.to_string());
    seen.set("server_name", own_name(&server)?.to_string());
    seen.set("server_peer", at_server.to_string());

    // It closed cleanly: the name stays as long as we keep our end.
    drop(client);
    scene.right("close() = 0".into(), Vec::new());
    let mut buffer = [0; 16];
    let (taken, _) = recv(&server, &mut buffer[..], RecvFlags::empty())?;
    scene.left(format!("recv(16) = {taken}"), Vec::new());
    let after_end = peer_name(&server).map_or_else(|e| errno_word(&e), |name| name.to_string());
    scene.left(format!("getpeername() = {after_end}"), Vec::new());
    seen.set("recv_after_end", taken);
    seen.set("after_end", after_end);

    // It reset the connection: the name is gone with it.
    let client = TcpStream::connect(address)?;
    let (server, _) = listener.accept()?;
    server.set_read_timeout(Some(PATIENCE))?;
    scene.right(format!("another connect({address}) = 0"), Vec::new());
    reset_on_close(client.as_fd())?;
    drop(client);
    scene.right("close() = 0, with RST".into(), Vec::new());
    let recv_after_reset =
        done_or_errno(recv(&server, &mut buffer[..], RecvFlags::empty()).map_err(io::Error::from));
    scene.left(format!("recv(16) = {recv_after_reset}"), Vec::new());
    let after_reset = done_or_errno(peer_name(&Socket::from(server)));
    scene.left(format!("getpeername() = {after_reset}"), Vec::new());
    seen.set("recv_after_reset", recv_after_reset);
    seen.set("after_reset", after_reset);

    // connect on UDP sends nothing, and yet there is a peer then.
    let target = UdpSocket::bind("127.0.0.1:0")?;
    let datagrams = Socket::new(Domain::IPV4, Type::DGRAM, None)?;
    seen.set("datagrams_before", done_or_errno(peer_name(&datagrams)));
    datagrams.connect(&target.local_addr()?.into())?;
    seen.set("datagrams_target", target.local_addr()?.to_string());
    seen.set("datagrams_after", peer_name(&datagrams)?.to_string());
    seen.scenes.push(scene);
    Ok(seen)
}

fn ends(name: &'static str) -> Scene {
    let mut scene = Scene::new(name, &[]);
    scene.left = Text::new("SERVER", "服务端");
    scene.right = Text::new("CLIENT", "客户端");
    scene
}

/// getsockname(2).
fn own_name(socket: &Socket) -> io::Result<SocketAddr> {
    internet(socket.local_addr()?)
}

/// getpeername(2).
fn peer_name(socket: &Socket) -> io::Result<SocketAddr> {
    internet(socket.peer_addr()?)
}

fn internet(address: socket2::SockAddr) -> io::Result<SocketAddr> {
    address.as_socket().ok_or_else(|| io::ErrorKind::InvalidData.into())
}
