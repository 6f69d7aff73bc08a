//! What the experiments of the group need beside plain calls: a connection, what the kernel knows of
//! it, and a way to lose segments that asks for no privilege.

use std::io;
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::thread;
use std::time::{Duration, Instant};

use framecat_net::sockopt::{TcpState, tcp_info};
use rustix::net::{RecvFlags, recv};
use socket2::{SockFilter, SockRef};

use super::{PATIENCE, returned};
use crate::evidence::{Evidence, Scene, quoted};
use crate::lang::{Say, Text, say};

/// A scene between a client on the left and a server on the right.
pub(super) fn client_and_server(name: &'static str, kernel: &'static [Text]) -> Scene {
    let mut scene = Scene::new(name, kernel);
    scene.left = Text::new("CLIENT", "客户端");
    scene.right = Text::new("SERVER", "服务器");
    scene
}

/// Both ends of a new connection over loopback: who dialled, who accepted.
pub(super) fn connected() -> io::Result<(TcpStream, TcpStream)> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let dialled = TcpStream::connect(listener.local_addr()?)?;
    let (accepted, _) = listener.accept()?;
    for end in [&dialled, &accepted] {
        end.set_read_timeout(Some(PATIENCE))?;
        end.set_write_timeout(Some(PATIENCE))?;
    }
    Ok((dialled, accepted))
}

/// The state of a connection's end (TCP_INFO).
pub(super) fn state(end: &TcpStream) -> io::Result<TcpState> {
    Ok(tcp_info(end.as_fd())?.state)
}

/// Segments of any kind that went and came at this end (TCP_INFO).
pub(super) fn segments(end: &TcpStream) -> io::Result<u32> {
    let info = tcp_info(end.as_fd())?;
    Ok(info.segs_out + info.segs_in)
}

/// Asks again and again until it is so: no guess by a pause.
pub(super) fn wait_until(mut so: impl FnMut() -> io::Result<bool>) -> io::Result<()> {
    let deadline = Instant::now() + PATIENCE;
    while !so()? {
        if Instant::now() > deadline {
            return Err(io::ErrorKind::TimedOut.into());
        }
        thread::sleep(Duration::from_micros(50));
    }
    Ok(())
}

/// What a call that counts bytes returned: the number, or the name of its errno.
pub(super) fn counted(result: Result<usize, rustix::io::Errno>) -> String {
    match result {
        Ok(bytes) => bytes.to_string(),
        Err(errno) => returned::<()>(&Err(errno.into())),
    }
}

/// One recv: what it returned, as [`counted`] has it, and the bytes.
pub(super) fn recv_some(end: impl AsFd, most: usize, flags: RecvFlags) -> (String, Vec<u8>) {
    let mut buffer = vec![0; most];
    let result = recv(end, &mut buffer[..], flags).map(|(taken, _)| taken);
    buffer.truncate(result.unwrap_or(0));
    (counted(result), buffer)
}

/// What a recv returned, with its bytes in quotes where there were any.
pub(super) fn shown((result, bytes): &(String, Vec<u8>)) -> String {
    if bytes.is_empty() { result.clone() } else { format!("{result} {}", quoted(bytes)) }
}

/// Where a payload begins, as a socket's filter sees a packet.
#[derive(Clone, Copy)]
pub(super) enum Payload {
    /// After TCP's header, whose length is in it.
    Tcp,
    /// After UDP's header of eight bytes.
    Udp,
}

/// Loses every packet to this socket whose payload begins with that byte, before the kernel's TCP or
/// UDP sees it: a filter on the socket (SO_ATTACH_FILTER, socket(7)), which every user may set.
pub(super) fn lose(end: &impl AsFd, payload: Payload, first: u8) -> io::Result<()> {
    // Classic BPF, linux/bpf_common.h: each returns how many bytes of the packet to keep.
    const LOAD_BYTE: u16 = 0x30;
    const LOAD_BYTE_AT_X: u16 = 0x50;
    const AND: u16 = 0x54;
    const SHIFT_RIGHT: u16 = 0x74;
    const A_TO_X: u16 = 0x07;
    const JUMP_IF_EQUAL: u16 = 0x15;
    const RETURN: u16 = 0x06;
    let mut program = match payload {
        // The header's length is the upper half of its byte 12, in words of four bytes.
        Payload::Tcp => vec![
            SockFilter::new(LOAD_BYTE, 0, 0, 12),
            SockFilter::new(AND, 0, 0, 0xf0),
            SockFilter::new(SHIFT_RIGHT, 0, 0, 2),
            SockFilter::new(A_TO_X, 0, 0, 0),
            SockFilter::new(LOAD_BYTE_AT_X, 0, 0, 0),
        ],
        Payload::Udp => vec![SockFilter::new(LOAD_BYTE, 0, 0, 8)],
    };
    program.push(SockFilter::new(JUMP_IF_EQUAL, 0, 1, first.into()));
    program.push(SockFilter::new(RETURN, 0, 0, 0));
    program.push(SockFilter::new(RETURN, 0, 0, u32::MAX));
    SockRef::from(end).attach_filter(&program)
}

/// Loses every packet to this socket, as a cable that was pulled does.
pub(super) fn lose_all(end: &impl AsFd) -> io::Result<()> {
    const RETURN: u16 = 0x06;
    SockRef::from(end).attach_filter(&[SockFilter::new(RETURN, 0, 0, 0)])
}

/// Loses nothing any more.
pub(super) fn heal(end: &impl AsFd) -> io::Result<()> {
    SockRef::from(end).detach_filter()
}

/// A count that must have this value, and the sentence where it has another.
pub(super) fn must_count(seen: &Evidence, name: &str, wanted: u64) -> (bool, Say) {
    let count = seen.count(name);
    (count == wanted, say!("{name} is {count}, not {wanted}", "{name} 是 {count}，不是 {wanted}"))
}

/// A count that must be larger than another, and the sentence where it is not.
pub(super) fn must_exceed(seen: &Evidence, name: &str, than: &str) -> (bool, Say) {
    let (count, other) = (seen.count(name), seen.count(than));
    (
        count > other,
        say!(
            "{name} ({count}) is not more than {than} ({other})",
            "{name}（{count}）没有超过 {than}（{other}）"
        ),
    )
}

/// The telling's first part where a scene was noted.
pub(super) fn calls(seen: &Evidence, name: &str) -> impl Iterator<Item = crate::page::Part> {
    seen.scene(name).cloned().map(crate::page::Part::Calls).into_iter()
}

/// The state of a row of the kernel's table of TCP sockets (proc(5), /proc/net/tcp) with these two
/// names, `none` where there is none, or the errno where the table cannot be read.
pub(super) fn row_of_table(local: std::net::SocketAddr, peer: std::net::SocketAddr) -> String {
    let table = match std::fs::read_to_string("/proc/net/tcp") {
        Ok(table) => table,
        Err(error) => return returned::<()>(&Err(error)),
    };
    let (local, peer) = (table_name(local), table_name(peer));
    let row = table.lines().find_map(|line| {
        let mut words = line.split_whitespace().skip(1);
        let names = (words.next()?, words.next()?);
        let state = words.next()?;
        (names == (local.as_str(), peer.as_str())).then(|| u8::from_str_radix(state, 16).ok())?
    });
    row.map_or_else(|| "none".into(), |state| TcpState::from(state).to_string())
}

/// An IPv4 address and port as the table writes them: the address as the machine reads its bytes.
fn table_name(address: std::net::SocketAddr) -> String {
    match address {
        std::net::SocketAddr::V4(v4) => {
            format!("{:08X}:{:04X}", u32::from_ne_bytes(v4.ip().octets()), v4.port())
        }
        std::net::SocketAddr::V6(_) => String::new(),
    }
}
