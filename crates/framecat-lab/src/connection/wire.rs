//! What the experiments of the group need beside plain calls: a connection, what the kernel knows of
//! it, and a way to lose segments that asks for no privilege.

use std::io;
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::fd::AsFd;
use std::thread;
use std::time::{Duration, Instant};

use framecat_net::sockopt::{TcpState, drops, set_least_ttl, tcp_info};
use rustix::net::{RecvFlags, SendFlags, recv, send};

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

/// The least time to live that a segment may have (IP_MINTTL): with it every user can make one end's
/// kernel drop what the other sends. Most systems send with 64.
const LEAST_TTL: u8 = 2;
/// A time to live with which a segment is dropped where [`LEAST_TTL`] is asked for.
const LOST_TTL: u32 = 1;
/// An ordinary time to live.
const USUAL_TTL: u32 = 64;

/// A way from a sender to a receiver that loses what it is told to.
pub(super) struct Way<'a> {
    sender: &'a TcpStream,
    receiver: &'a TcpStream,
}

impl<'a> Way<'a> {
    /// Loses nothing yet.
    pub(super) fn new(sender: &'a TcpStream, receiver: &'a TcpStream) -> io::Result<Way<'a>> {
        set_least_ttl(receiver.as_fd(), LEAST_TTL)?;
        Ok(Way { sender, receiver })
    }

    /// From now on no segment with data comes through, nor is the sender told of any that came: it
    /// would slow down at the first sign of a loss and send nothing new.
    fn lose(&self) -> io::Result<()> {
        lose_all(self.sender)?;
        self.sender.set_ttl(LOST_TTL)
    }

    /// Nothing is lost any more.
    pub(super) fn heal(&self) -> io::Result<()> {
        self.sender.set_ttl(USUAL_TTL)?;
        set_least_ttl(self.sender.as_fd(), 0)?;
        set_least_ttl(self.receiver.as_fd(), 0)
    }

    /// Segments with data that were sent, and that came.
    pub(super) fn crossed(&self) -> io::Result<Vec<String>> {
        let sent = tcp_info(self.sender.as_fd())?.data_segs_out;
        Ok(vec![sent.to_string(), self.came()?.to_string()])
    }

    /// Segments with data that came.
    pub(super) fn came(&self) -> io::Result<u32> {
        Ok(tcp_info(self.receiver.as_fd())?.data_segs_in)
    }

    /// Sends one message and loses it: the segment has left before this returns.
    pub(super) fn send_and_lose(&self, message: &[u8]) -> io::Result<usize> {
        let sent = || Ok::<_, io::Error>(tcp_info(self.sender.as_fd())?.data_segs_out);
        self.lose()?;
        let before = sent()?;
        let taken = send(self.sender, message, SendFlags::NOSIGNAL)?;
        wait_until(|| Ok(sent()? > before))?;
        Ok(taken)
    }

    /// Sends one message and waits until it came. What the kernel sends again is lost before and after.
    pub(super) fn send_through(&self, message: &[u8]) -> io::Result<usize> {
        let before = self.came()?;
        self.sender.set_ttl(USUAL_TTL)?;
        let taken = send(self.sender, message, SendFlags::NOSIGNAL)?;
        wait_until(|| Ok(self.came()? > before))?;
        self.lose()?;
        Ok(taken)
    }
}

/// Loses every segment to this end, as a cable that was pulled does.
pub(super) fn lose_all(end: &TcpStream) -> io::Result<()> {
    set_least_ttl(end.as_fd(), u8::MAX)
}

/// Sends a datagram that is lost: others of the same size fill the receive buffer before, and are
/// taken out after. Returns what send returned, and how many datagrams were dropped then.
pub(super) fn send_into_a_full_buffer(
    sender: &UdpSocket,
    receiver: &UdpSocket,
    message: &[u8],
) -> io::Result<(String, u32)> {
    let filler = UdpSocket::bind("127.0.0.1:0")?;
    filler.connect(receiver.local_addr()?)?;
    let before = drops(receiver.as_fd())?;
    let filling = vec![b'.'; message.len()];
    wait_until(|| {
        send(&filler, &filling, SendFlags::NOSIGNAL)?;
        Ok(drops(receiver.as_fd())? > before)
    })?;
    let full = drops(receiver.as_fd())?;
    let taken = counted(send(sender, message, SendFlags::NOSIGNAL));
    let dropped = drops(receiver.as_fd())? - full;
    while recv_some(receiver, 64, RecvFlags::DONTWAIT).1 == filling {}
    Ok((taken, dropped))
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
