//! What the ends of connections are called: addresses and ports, who may have which, and for how long.
//! Judged in `names/judge.rs`, told in `names/told.rs`.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};

use socket2::{Domain, Socket, Type};

use super::{PATIENCE, returned};
use crate::evidence::Evidence;

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
        socket.set_read_timeout(Some(PATIENCE))?;
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
