//! Who talks with whom: no connection is needed, one may be had, and the calls are everybody's.
//! Judged in `judge.rs`, told in `told_peers.rs`.

use std::io;
use std::net::{SocketAddr, UdpSocket};

use rustix::io::{read, write};
use rustix::net::sockopt::socket_error;
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketAddrAny, SocketType, accept, connect, getpeername,
    listen, recv, recvfrom, send, sendto, socket,
};

use super::{address, name_of, outcome, tcp, udp};
use crate::evidence::{Evidence, Scene, quoted};
use crate::lang::Text;

/// Law `udp-connectionless`: no listen, no accept; one socket for all, who sent comes with each.
pub(super) fn udp_connectionless() -> io::Result<Evidence> {
    let mut seen = Evidence::new();
    one_socket_for_all(&mut seen)?;
    refused_and_not_told(&mut seen)?;
    refused_and_told(&mut seen)?;
    only_from_the_peer(&mut seen)?;
    Ok(seen)
}

fn one_socket_for_all(seen: &mut Evidence) -> io::Result<()> {
    let server = udp()?;
    let clients = [udp()?, udp()?, udp()?];
    let mut scene = ends("clients", CLIENTS, SERVER);
    let listening = outcome(listen(&server, 1).map(|()| 0));
    scene.right(format!("listen(1) = {listening}"), Vec::new());
    let accepting = outcome(accept(&server).map(|_| 0));
    scene.right(format!("accept() = {accepting}"), Vec::new());
    let mut buffer = [0; 64];
    let (mut senders, mut named, mut answered) = (Vec::new(), Vec::new(), 0);
    for (n, client) in clients.iter().enumerate() {
        let message = format!("from {}", n + 1);
        let taken = sendto(client, message.as_bytes(), SendFlags::empty(), &address(&server)?)?;
        let port = address(client)?.port();
        scene.left(format!(":{port} sendto({message:?}) = {taken}"), Vec::new());
        senders.push(client.local_addr()?.to_string());
    }
    for _ in &clients {
        let (taken, _, from) = recvfrom(&server, &mut buffer[..], RecvFlags::empty())?;
        let from = named_by(from);
        let port = from.map_or(0, |from| from.port());
        let call = format!("recvfrom(64) = {taken} {} from :{port}", quoted(&buffer[..taken]));
        scene.right(call, Vec::new());
        named.push(from.map_or_else(|| "none".into(), |from| from.to_string()));
        if let Some(from) = from {
            // The answer goes to whom recvfrom named, from the same socket.
            let answer = format!("to :{port}");
            let sent = sendto(&server, answer.as_bytes(), SendFlags::empty(), &from)?;
            scene.right(format!("sendto({answer:?}) = {sent}"), Vec::new());
        }
    }
    for client in &clients {
        let port = address(client)?.port();
        let (taken, _, _) = recvfrom(client, &mut buffer[..], RecvFlags::empty())?;
        let call = format!(":{port} recvfrom(64) = {taken} {}", quoted(&buffer[..taken]));
        scene.left(call, Vec::new());
        answered += usize::from(buffer[..taken] == *format!("to :{port}").as_bytes());
    }
    senders.sort();
    named.sort();
    seen.set("listen", listening);
    seen.set("accept", accepting);
    seen.set("clients", clients.len());
    seen.set("answered", answered);
    seen.set("senders", senders);
    seen.set("named", named);
    seen.scenes.push(scene);
    Ok(())
}

/// Not connected: the port is closed, its host says so (ICMP), and the sender never hears of it.
fn refused_and_not_told(seen: &mut Evidence) -> io::Result<()> {
    let closed = closed_port()?;
    let socket = udp()?;
    let mut scene = ends("unconnected", UNCONNECTED, CLOSED);
    let sent = sendto(&socket, b"hello", SendFlags::empty(), &closed)?;
    scene.left(format!("sendto(\"hello\") = {sent}"), Vec::new());
    // What comes after the refusal would: a datagram to itself.
    let myself = address(&socket)?;
    let again = sendto(&socket, b"to myself", SendFlags::empty(), &myself)?;
    scene.left(format!("sendto(\"to myself\") = {again}"), Vec::new());
    let mut buffer = [0; 64];
    let (got, shown) = match recvfrom(&socket, &mut buffer[..], RecvFlags::empty()) {
        Ok((taken, _, _)) => {
            let got = quoted(&buffer[..taken]);
            (got.clone(), format!("{taken} {got}"))
        }
        Err(errno) => (name_of(errno), name_of(errno)),
    };
    scene.left(format!("recvfrom(64) = {shown}"), Vec::new());
    let error = match socket_error(&socket)? {
        Ok(()) => "0".into(),
        Err(errno) => name_of(errno),
    };
    scene.left(format!("getsockopt(SO_ERROR) = {error}"), Vec::new());
    seen.set("unconnected_send", sent);
    seen.set("unconnected_recv", got);
    seen.set("unconnected_error", error);
    seen.scenes.push(scene);
    Ok(())
}

/// Connected to the same kind of port: the refusal is told, once, by the next call.
fn refused_and_told(seen: &mut Evidence) -> io::Result<()> {
    let closed = closed_port()?;
    let socket = udp()?;
    let mut scene = ends("connected", CONNECTED, CLOSED);
    connect(&socket, &closed)?;
    let peer = getpeername(&socket)?.and_then(|peer| named_by(Some(peer)));
    scene.left("connect() = 0".into(), Vec::new());
    let sent = send(&socket, b"hello", SendFlags::empty())?;
    scene.left(format!("send(\"hello\") = {sent}"), Vec::new());
    let mut buffer = [0; 64];
    let got = outcome(recv(&socket, &mut buffer[..], RecvFlags::empty()).map(|got| got.0));
    scene.left(format!("recv(64) = {got}"), Vec::new());
    seen.set("connected_send", sent);
    seen.set("connected_recv", got);
    seen.set("has_peer", peer == Some(SocketAddr::V4(closed)));
    seen.scenes.push(scene);
    Ok(())
}

/// Connected to a peer: what others send does not arrive.
fn only_from_the_peer(seen: &mut Evidence) -> io::Result<()> {
    let (client, peer, stranger) = (udp()?, udp()?, udp()?);
    let mut scene = ends("filtered", CONNECTED, OTHERS);
    connect(&client, &address(&peer)?)?;
    scene.left(format!("connect(:{}) = 0", address(&peer)?.port()), Vec::new());
    let sent = sendto(&stranger, b"stranger", SendFlags::empty(), &address(&client)?)?;
    let port = address(&stranger)?.port();
    scene.right(format!(":{port} sendto(\"stranger\") = {sent}"), Vec::new());
    let from_peer = sendto(&peer, b"peer", SendFlags::empty(), &address(&client)?)?;
    let port = address(&peer)?.port();
    scene.right(format!(":{port} sendto(\"peer\") = {from_peer}"), Vec::new());
    let mut buffer = [0; 64];
    let (taken, _) = recv(&client, &mut buffer[..], RecvFlags::empty())?;
    let first = quoted(&buffer[..taken]);
    scene.left(format!("recv(64) = {taken} {first}"), Vec::new());
    let next = outcome(recv(&client, &mut buffer[..], RecvFlags::DONTWAIT).map(|got| got.0));
    scene.left(format!("recv(64, MSG_DONTWAIT) = {next}"), Vec::new());
    seen.set("stranger_send", sent);
    seen.set("from_peer", quoted(b"peer"));
    seen.set("filtered_first", first);
    seen.set("filtered_next", next);
    seen.scenes.push(scene);
    Ok(())
}

/// Law `calls`: recvfrom and sendto work on TCP, connect, send and recv on UDP, read and write on both.
pub(super) fn calls() -> io::Result<Evidence> {
    let mut seen = Evidence::new();
    let mut buffer = [0; 64];

    let (client, server) = tcp()?;
    let mut scene = ends("tcp", CLIENT, SERVER);
    let elsewhere = address(&udp()?)?;
    // sendto with an address, on a connection that has a peer already.
    let taken = outcome(sendto(&client, b"sendto", SendFlags::NOSIGNAL, &elsewhere));
    scene.left(format!("sendto(\"sendto\", :{}) = {taken}", elsewhere.port()), Vec::new());
    let (got, _, from) = recvfrom(&server, &mut buffer[..], RecvFlags::empty())?;
    let from = named_by(from).map_or_else(|| "none".into(), |from| from.to_string());
    let tcp_recvfrom = quoted(&buffer[..got]);
    scene.right(format!("recvfrom(64) = {got} {tcp_recvfrom}, address {from}"), Vec::new());
    let wrote = write(&client, b"write")?;
    scene.left(format!("write(\"write\") = {wrote}"), Vec::new());
    let got = read(&server, &mut buffer[..])?;
    let tcp_read = quoted(&buffer[..got]);
    scene.right(format!("read(64) = {got} {tcp_read}"), Vec::new());
    seen.set("tcp_sendto", taken);
    seen.set("tcp_recvfrom", tcp_recvfrom);
    seen.set("tcp_address", from);
    seen.set("tcp_read", tcp_read);
    let new = socket(AddressFamily::INET, SocketType::STREAM, None)?;
    seen.set("tcp_send_unconnected", outcome(send(&new, b"x", SendFlags::NOSIGNAL)));
    seen.scenes.push(scene);

    let (client, server) = (udp()?, udp()?);
    let mut scene = ends("udp", CLIENT, SERVER);
    let unconnected = outcome(send(&client, b"send", SendFlags::empty()));
    scene.left(format!("send(\"send\") = {unconnected}"), Vec::new());
    connect(&client, &address(&server)?)?;
    scene.left(format!("connect(:{}) = 0", address(&server)?.port()), Vec::new());
    let taken = send(&client, b"send", SendFlags::empty())?;
    scene.left(format!("send(\"send\") = {taken}"), Vec::new());
    let (got, _) = recv(&server, &mut buffer[..], RecvFlags::empty())?;
    let udp_recv = quoted(&buffer[..got]);
    scene.right(format!("recv(64) = {got} {udp_recv}"), Vec::new());
    let wrote = write(&client, b"write")?;
    scene.left(format!("write(\"write\") = {wrote}"), Vec::new());
    let got = read(&server, &mut buffer[..])?;
    let udp_read = quoted(&buffer[..got]);
    scene.right(format!("read(64) = {got} {udp_read}"), Vec::new());
    seen.set("udp_send_unconnected", unconnected);
    seen.set("udp_recv", udp_recv);
    seen.set("udp_read", udp_read);
    seen.scenes.push(scene);
    Ok(seen)
}

const CLIENT: Text = Text::new("CLIENT", "客户端");
const CLIENTS: Text = Text::new("CLIENTS", "三个客户端");
const SERVER: Text = Text::new("SERVER", "服务端");
const UNCONNECTED: Text = Text::new("NOT CONNECTED", "没有 connect");
const CONNECTED: Text = Text::new("CONNECTED", "connect 过");
const CLOSED: Text = Text::new("A CLOSED PORT", "没人监听的端口");
const OTHERS: Text = Text::new("PEER AND STRANGER", "对端和陌生人");

fn ends(name: &'static str, left: Text, right: Text) -> Scene {
    let mut scene = Scene::new(name, &[]);
    (scene.left, scene.right) = (left, right);
    scene
}

/// The address that a call gave, if it gave one.
fn named_by(address: Option<SocketAddrAny>) -> Option<SocketAddr> {
    address.and_then(|address| SocketAddr::try_from(address).ok())
}

/// A port on which nobody listens: the kernel chose it, and the socket is gone again.
pub(super) fn closed_port() -> io::Result<std::net::SocketAddrV4> {
    address(&UdpSocket::bind("127.0.0.1:0")?)
}
