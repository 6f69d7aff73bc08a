//! Options: set and read back. Judged in `judge.rs`, told in `told_options.rs`.

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::AsFd;

use framecat_net::sockopt::tcp_info;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::sockopt::{
    set_ipv6_v6only, set_socket_broadcast, set_socket_keepalive, set_socket_recv_buffer_size,
    set_socket_reuseaddr, set_tcp_nodelay, socket_error, socket_keepalive, socket_recv_buffer_size,
    socket_type, tcp_nodelay,
};
use rustix::net::{AddressFamily, SendFlags, SocketType, bind, sendto, socket};
use socket2::{Domain, Socket, Type};

use super::{PATIENCE, done_or_errno, errno_word};
use crate::evidence::Evidence;

/// A receive buffer small enough to be seen in the window that is offered.
const SMALL_BYTES: usize = 4_096;

/// Law `setsockopt`: an option changes a socket; some only up to a moment of its life.
pub(super) fn setsockopt() -> io::Result<Evidence> {
    let mut seen = Evidence::new();

    // bind looks at SO_REUSEADDR: what was not set then does not count.
    let holder = UdpSocketBeforeBind::new()?;
    set_socket_reuseaddr(&holder.0, true)?;
    let shared = holder.bind(([127, 0, 0, 1], 0).into())?;
    let second = UdpSocketBeforeBind::new()?;
    seen.set("bind_without", done_or_errno(bind(&second.0, &shared).map_err(Into::into)));
    set_socket_reuseaddr(&second.0, true)?;
    seen.set("bind_with", done_or_errno(bind(&second.0, &shared).map_err(Into::into)));

    // Broadcast is looked at by each send: on and off at any time.
    let sender = UdpSocket::bind("127.0.0.1:0")?;
    let everyone: SocketAddr = ([127, 255, 255, 255], sender.local_addr()?.port()).into();
    let send = || {
        let sent = sendto(&sender, b"to all", SendFlags::NOSIGNAL, &everyone);
        done_or_errno(sent.map_err(io::Error::from))
    };
    seen.set("send_before", send());
    set_socket_broadcast(&sender, true)?;
    seen.set("send_on", send());
    set_socket_broadcast(&sender, false)?;
    seen.set("send_off", send());

    // The receive buffer bounds the window, and the window is offered with the first segment.
    seen.set("small_bytes", SMALL_BYTES);
    seen.set("window_set_before_listen", window_that_the_client_sees(true)?);
    seen.set("window_set_after_accept", window_that_the_client_sees(false)?);

    // What accept gives has the listener's options.
    let listener = TcpListener::bind("127.0.0.1:0")?;
    set_tcp_nodelay(&listener, true)?;
    set_socket_keepalive(&listener, true)?;
    let client = TcpStream::connect(listener.local_addr()?)?;
    let (accepted, _) = listener.accept()?;
    seen.set("inherited_nodelay", tcp_nodelay(&accepted)?);
    seen.set("inherited_keepalive", socket_keepalive(&accepted)?);
    seen.set("client_nodelay", tcp_nodelay(&client)?);
    seen.set("client_keepalive", socket_keepalive(&client)?);

    // An option belongs to a level, and a level to a protocol.
    seen.set("nodelay_on_udp", done_or_errno(set_tcp_nodelay(&sender, true).map_err(Into::into)));
    seen.set("v6only_after_bind", v6only_after_bind());
    Ok(seen)
}

/// A datagram socket that bind has not named yet.
struct UdpSocketBeforeBind(std::os::fd::OwnedFd);

impl UdpSocketBeforeBind {
    fn new() -> io::Result<Self> {
        Ok(Self(socket(AddressFamily::INET, SocketType::DGRAM, None)?))
    }

    /// Binds, and tells the address with the port that the kernel chose.
    fn bind(&self, address: SocketAddr) -> io::Result<SocketAddr> {
        bind(&self.0, &address)?;
        let name = Socket::from(self.0.try_clone()?).local_addr()?;
        name.as_socket().ok_or_else(|| io::ErrorKind::InvalidData.into())
    }
}

/// The window at the client of a connection whose server set a small SO_RCVBUF, before or after.
fn window_that_the_client_sees(set_before_listen: bool) -> io::Result<u32> {
    let listener = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    let any_port: SocketAddr = ([127, 0, 0, 1], 0).into();
    listener.bind(&any_port.into())?;
    if set_before_listen {
        set_socket_recv_buffer_size(&listener, SMALL_BYTES)?;
    }
    listener.listen(1)?;
    let client = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    client.connect(&listener.local_addr()?)?;
    let (accepted, _) = listener.accept()?;
    if !set_before_listen {
        set_socket_recv_buffer_size(&accepted, SMALL_BYTES)?;
    }
    Ok(tcp_info(client.as_fd())?.snd_wnd)
}

/// IPV6_V6ONLY decides what bind takes, so it is refused after. Where there is no IPv6, why.
fn v6only_after_bind() -> String {
    let refused = || -> io::Result<()> {
        let socket = socket(AddressFamily::INET6, SocketType::DGRAM, None)?;
        let loopback: SocketAddr = (std::net::Ipv6Addr::LOCALHOST, 0).into();
        bind(&socket, &loopback)?;
        Ok(set_ipv6_v6only(&socket, true)?)
    };
    done_or_errno(refused())
}

/// Law `getsockopt`: options can be read back, and the kernel answers what it made of them.
pub(super) fn getsockopt() -> io::Result<Evidence> {
    let mut seen = Evidence::new();
    let stream = socket(AddressFamily::INET, SocketType::STREAM, None)?;
    seen.set("nodelay_at_first", tcp_nodelay(&stream)?);
    set_tcp_nodelay(&stream, true)?;
    seen.set("nodelay_set", tcp_nodelay(&stream)?);
    seen.set("type_is_stream", socket_type(&stream)? == SocketType::STREAM);

    seen.set("default_bytes", socket_recv_buffer_size(&stream)?);
    for (name, bytes) in [("plain", 10_000), ("tiny", 1), ("huge", 1 << 30)] {
        set_socket_recv_buffer_size(&stream, bytes)?;
        seen.set(&format!("{name}_asked"), bytes);
        seen.set(&format!("{name}_got"), socket_recv_buffer_size(&stream)?);
    }
    // In a container this file may be hidden.
    let most = std::fs::read_to_string("/proc/sys/net/core/rmem_max");
    let most = most.ok().and_then(|text| text.trim().parse::<u64>().ok());
    seen.set("rmem_max_known", most.is_some());
    seen.set("rmem_max", most.unwrap_or_default());

    // SO_ERROR can only be read, and reading it empties it.
    let nobody = UdpSocket::bind("127.0.0.1:0")?.local_addr()?;
    let datagrams = UdpSocket::bind("127.0.0.1:0")?;
    datagrams.connect(nobody)?;
    datagrams.send(b"is anybody there?")?;
    let waiting = Timespec::try_from(PATIENCE).map_err(io::Error::other)?;
    poll(&mut [PollFd::new(&datagrams, PollFlags::ERR)], Some(&waiting))?;
    for name in ["error_first", "error_again"] {
        let error = socket_error(&datagrams)?;
        seen.set(name, error.map_or_else(|errno| errno_word(&errno.into()), |()| "none".into()));
    }
    Ok(seen)
}
