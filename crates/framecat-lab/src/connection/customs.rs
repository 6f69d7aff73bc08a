//! How the two ends must fit: their types, whose turn it is, what a typed line looks like, and what a
//! socket has of a file. Judged in `customs/judge.rs`, told in `customs/told.rs`.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::os::unix::net::{UnixDatagram, UnixListener};
use std::path::PathBuf;
use std::sync::Barrier;
use std::thread;
use std::time::Duration;

use framecat_net::sockopt::bytes_to_read;
use rustix::fs::{FileType, fstat};
use rustix::net::{RecvFlags, SendFlags, recv, send};
use socket2::{Domain, SockAddr, SockRef, Socket, Type};

use super::wire::{client_and_server, connected, counted, recv_some, shown, wait_until};
use super::{PATIENCE, returned};
use crate::evidence::{Evidence, Scene, hex, quoted};
use crate::lang::Text;
use crate::watch;

mod judge;
mod protocol;
#[cfg(test)]
mod tests;
pub(super) mod told;

/// Law `same-type`: stream talks to stream and datagram to datagram, and nothing else.
fn same_type() -> io::Result<Evidence> {
    let mut seen = Evidence::new();
    // A port that is UDP's alone: a TCP socket that does not listen keeps others from it.
    let (udp, _tcp_kept) = udp_port_without_tcp()?;
    let udp_port = udp.local_addr()?;
    seen.set("tcp_to_udp", returned(&TcpStream::connect(udp_port)));
    let other = UdpSocket::bind("127.0.0.1:0")?;
    other.connect(udp_port)?;
    seen.set("udp_to_udp", counted(send(&other, b"hello", SendFlags::NOSIGNAL)));

    let listener = TcpListener::bind("127.0.0.1:0")?;
    let tcp_port = listener.local_addr()?;
    seen.set("tcp_to_tcp", returned(&TcpStream::connect(tcp_port)));
    let datagrams = UdpSocket::bind("127.0.0.1:0")?;
    datagrams.set_read_timeout(Some(PATIENCE))?;
    datagrams.connect(tcp_port)?;
    seen.set("udp_to_tcp_send", counted(send(&datagrams, b"hello", SendFlags::NOSIGNAL)));
    seen.set("udp_to_tcp_recv", recv_some(&datagrams, 64, RecvFlags::empty()).0);

    let paths = Paths::new();
    let made = UnixListener::bind(&paths.stream)
        .and_then(|stream| Ok((stream, UnixDatagram::bind(&paths.datagram)?)));
    seen.set("unix_made", returned(&made));
    for (name, of, to) in [
        ("unix_stream_to_stream", Type::STREAM, &paths.stream),
        ("unix_stream_to_datagram", Type::STREAM, &paths.datagram),
        ("unix_datagram_to_stream", Type::DGRAM, &paths.stream),
        ("unix_datagram_to_datagram", Type::DGRAM, &paths.datagram),
    ] {
        let socket = Socket::new(Domain::UNIX, of, None)?;
        seen.set(name, returned(&socket.connect(&SockAddr::unix(to)?)));
    }
    Ok(seen)
}

/// A UDP socket, and a TCP socket bound to the same port that does not listen.
fn udp_port_without_tcp() -> io::Result<(UdpSocket, Socket)> {
    const TRIES_MAX: u32 = 50;
    for _ in 0..TRIES_MAX {
        let udp = UdpSocket::bind("127.0.0.1:0")?;
        let tcp = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        if tcp.bind(&udp.local_addr()?.into()).is_ok() {
            return Ok((udp, tcp));
        }
    }
    Err(io::ErrorKind::AddrInUse.into())
}

/// Paths of sockets that nobody else has; removed when dropped.
struct Paths {
    stream: PathBuf,
    datagram: PathBuf,
}

impl Paths {
    fn new() -> Paths {
        use std::sync::atomic::{AtomicU32, Ordering};
        static MADE: AtomicU32 = AtomicU32::new(0);
        let n = MADE.fetch_add(1, Ordering::Relaxed);
        let name = format!("framecat-lab-{}-{n}", std::process::id());
        let path = |kind: &str| std::env::temp_dir().join(format!("{name}-{kind}"));
        Paths { stream: path("stream"), datagram: path("datagram") }
    }
}

impl Drop for Paths {
    fn drop(&mut self) {
        // Not there where bind failed.
        let _ = std::fs::remove_file(&self.stream);
        let _ = std::fs::remove_file(&self.datagram);
    }
}

/// What waits unread at both ends.
const BOTH_UNREAD: &[Text] =
    &[Text::new("AT CLIENT", "客户端未读"), Text::new("AT SERVER", "服务器未读")];

/// Law `turns`: two ends that do the same at once are stuck, receiving or sending.
fn turns() -> io::Result<Evidence> {
    let mut seen = Evidence::new();
    both_receive(&mut seen)?;
    both_send(&mut seen)?;
    Ok(seen)
}

/// How long a call that will never end is watched.
const WATCHED: Duration = Duration::from_millis(40);

fn both_receive(seen: &mut Evidence) -> io::Result<()> {
    let (client, server) = connected()?;
    client.set_read_timeout(Some(WATCHED))?;
    server.set_read_timeout(Some(WATCHED))?;
    let unread = || {
        let of = |end: &TcpStream| bytes_to_read(end.as_fd()).map(|bytes| format!("{bytes} B"));
        Ok::<_, io::Error>(vec![of(&client)?, of(&server)?])
    };
    let mut scene = client_and_server("both_receive", BOTH_UNREAD);
    let both = Barrier::new(2);
    let (at_client, at_server) = thread::scope(|scope| {
        let at_server = scope.spawn(|| {
            both.wait();
            recv_some(&server, 64, RecvFlags::empty())
        });
        both.wait();
        let at_client = recv_some(&client, 64, RecvFlags::empty());
        (at_client, at_server.join().expect("recv does not panic"))
    });
    scene.left(format!("recv(64), SO_RCVTIMEO = {}", shown(&at_client)), unread()?);
    scene.right(format!("recv(64), SO_RCVTIMEO = {}", shown(&at_server)), unread()?);
    // The way out: one of them begins.
    let sent = counted(send(&client, b"hello", SendFlags::NOSIGNAL));
    wait_until(|| Ok(bytes_to_read(server.as_fd())? > 0))?;
    scene.left(format!("send({}) = {sent}", quoted(b"hello")), unread()?);
    let heard = recv_some(&server, 64, RecvFlags::empty());
    scene.right(format!("recv(64) = {}", shown(&heard)), unread()?);
    seen.set("client_recv", at_client.0);
    seen.set("server_recv", at_server.0);
    seen.set("then_heard", heard.1.escape_ascii().to_string());
    seen.scenes.push(scene);
    Ok(())
}

fn both_send(seen: &mut Evidence) -> io::Result<()> {
    const GIVEN_BYTES: usize = 4 << 20;
    const BUFFER_BYTES: usize = 64 << 10;
    let (client, server) = connected()?;
    for end in [&client, &server] {
        SockRef::from(end).set_send_buffer_size(BUFFER_BYTES)?;
        SockRef::from(end).set_recv_buffer_size(BUFFER_BYTES)?;
        end.set_write_timeout(Some(WATCHED))?;
    }
    let unread = || {
        let of = |end: &TcpStream| bytes_to_read(end.as_fd()).map(|bytes| format!("{bytes} B"));
        Ok::<_, io::Error>(vec![of(&client)?, of(&server)?])
    };
    let given = vec![b'x'; GIVEN_BYTES];
    let mut scene = client_and_server("both_send", BOTH_UNREAD);
    let both = Barrier::new(2);
    let (at_client, at_server) = thread::scope(|scope| {
        let at_server = scope.spawn(|| {
            both.wait();
            send_until_stuck(&server, &given)
        });
        both.wait();
        let at_client = send_until_stuck(&client, &given);
        (at_client, at_server.join().expect("send does not panic"))
    });
    let stuck = unread()?;
    let (taken, why) = &at_client;
    scene.left(format!("send({GIVEN_BYTES} B) = {taken}, {why}"), stuck.clone());
    let (taken, why) = &at_server;
    scene.right(format!("send({GIVEN_BYTES} B) = {taken}, {why}"), stuck);
    seen.set("given_bytes", GIVEN_BYTES);
    seen.set("client_taken", at_client.0);
    seen.set("client_send", at_client.1);
    seen.set("client_unread", bytes_to_read(client.as_fd())?);
    seen.set("server_taken", at_server.0);
    seen.set("server_send", at_server.1);
    seen.set("server_unread", bytes_to_read(server.as_fd())?);

    // The way out: one of them reads, and the other can send again.
    let mut buffer = vec![0; BUFFER_BYTES];
    let (mut read, mut sent) = (0, 0);
    wait_until(|| {
        if let Ok((taken, _)) = recv(&client, &mut buffer[..], RecvFlags::DONTWAIT) {
            read += taken;
        }
        sent = send(&server, &given, SendFlags::NOSIGNAL | SendFlags::DONTWAIT).unwrap_or(0);
        Ok(sent > 0)
    })?;
    scene.left(format!("recv({BUFFER_BYTES} B) x n = {read}"), unread()?);
    scene.right(format!("send = {sent}"), unread()?);
    seen.set("then_read", read);
    seen.set("then_sent", sent);
    seen.scenes.push(scene);
    Ok(())
}

/// Sends until a whole timeout passes without a byte taken: the bytes taken, and what ended it.
fn send_until_stuck(end: &TcpStream, given: &[u8]) -> (usize, String) {
    let mut taken = 0;
    while taken < given.len() {
        match send(end, &given[taken..], SendFlags::NOSIGNAL) {
            Ok(more) => taken += more,
            Err(errno) => return (taken, counted(Err(errno))),
        }
    }
    (taken, "all".into())
}

/// Law `telnet`: what telnet sends for typed lines and keys, as a server gets it.
fn telnet() -> io::Result<Evidence> {
    use protocol::{DO, ECHO, IAC, INTERRUPT, TIMING_MARK, WILL};
    let mut seen = Evidence::new();
    let (client, server) = connected()?;
    let mut scene = Scene::new("telnet", &[]);
    (scene.left, scene.right) = (Text::new("TELNET", "telnet"), Text::new("SERVER", "服务器"));
    // A server that offers to echo, and what telnet sends, as RFC 854 has it: the answer to the offer,
    // a typed line, a line with the byte 255, and Ctrl+C.
    let offer = [IAC, WILL, ECHO];
    let steps: [(&str, &[u8]); 4] = [
        ("answer", &[IAC, DO, ECHO]),
        ("line", b"hello\r\n"),
        ("doubled", &[b'a', IAC, IAC, b'z', b'\r', b'\n']),
        ("interrupt", &[IAC, INTERRUPT, IAC, DO, TIMING_MARK]),
    ];
    let offered = counted(send(&server, &offer, SendFlags::NOSIGNAL));
    scene.right(format!("send({}) = {offered}", hex(&offer)), Vec::new());
    let heard = recv_some(&client, 64, RecvFlags::empty());
    scene.left(format!("recv(64) = {} {}", heard.0, hex(&heard.1)), Vec::new());
    let mut all = Vec::new();
    for (name, bytes) in steps {
        let sent = counted(send(&client, bytes, SendFlags::NOSIGNAL));
        scene.left(format!("send({}) = {sent}", hex(bytes)), Vec::new());
        let mut got = Vec::new();
        while got.len() < bytes.len() {
            let (_, more) = recv_some(&server, 64, RecvFlags::empty());
            if more.is_empty() {
                break;
            }
            got.extend(more);
        }
        scene.right(format!("recv(64) = {} {}", got.len(), hex(&got)), Vec::new());
        let bare = got.strip_suffix(b"\n").unwrap_or(&got);
        seen.set(&format!("{name}_hex"), hex(&got));
        seen.set(&format!("{name}_without_lf"), bare.escape_ascii().to_string());
        seen.set(&format!("{name}_is_text"), std::str::from_utf8(&got).is_ok());
        all.extend(got);
    }
    let parsed = protocol::take_commands(&all);
    seen.set("data", parsed.data.escape_ascii().to_string());
    seen.set("commands", parsed.commands.iter().map(|bytes| hex(bytes)).collect::<Vec<_>>());
    seen.set("received_bytes", all.len());
    seen.set("data_bytes", parsed.data.len());
    seen.scenes.push(scene);
    Ok(seen)
}

/// Law `like-a-file`: read and write work on a socket's descriptor, a position it has not.
fn like_a_file() -> io::Result<Evidence> {
    let mut seen = Evidence::new();
    let (client, server) = connected()?;
    // The same descriptor, taken for a file's.
    let mut file = File::from(OwnedFd::from(client));
    let mut peer = server;
    let mut scene = Scene::new("like_a_file", &[]);
    (scene.left, scene.right) = (Text::new("AS A FILE", "当作文件"), Text::new("PEER", "对端"));
    let written = file.write(b"hello");
    scene.left(format!("write({}) = {}", quoted(b"hello"), number(&written)), Vec::new());
    seen.set("write", number(&written));
    let heard = recv_some(&peer, 64, RecvFlags::empty());
    scene.right(format!("recv(64) = {}", shown(&heard)), Vec::new());
    seen.set("peer_heard", heard.1.escape_ascii().to_string());
    let answered = peer.write(b"world");
    scene.right(format!("write({}) = {}", quoted(b"world"), number(&answered)), Vec::new());
    let mut buffer = [0; 64];
    let taken = file.read(&mut buffer);
    scene.left(format!("read(64) = {}", number(&taken)), Vec::new());
    seen.set("read", buffer[..taken.unwrap_or(0)].escape_ascii().to_string());
    let sought = file.seek(SeekFrom::Start(0));
    scene.left(format!("lseek(0) = {}", returned(&sought)), Vec::new());
    seen.set("lseek", returned(&sought));
    let at_place = file.read_at(&mut buffer, 0);
    scene.left(format!("pread(64, 0) = {}", returned(&at_place)), Vec::new());
    seen.set("pread", returned(&at_place));
    seen.set("fstat", kind(&file)?);
    scene.left(format!("fstat: {}", kind(&file)?), Vec::new());
    drop(file);
    scene.left("close() = 0".into(), Vec::new());
    let end = recv_some(&peer, 64, RecvFlags::empty());
    scene.right(format!("recv(64) = {}", shown(&end)), Vec::new());
    seen.set("peer_end", end.0);
    seen.scenes.push(scene);

    // A true file beside it: this very program's.
    let mut program = watch::open(watch::OWN_PROGRAM)?;
    seen.set("file_fstat", kind(&program)?);
    seen.set("file_lseek", returned(&program.seek(SeekFrom::Start(0))));
    seen.set("file_pread", returned(&program.read_at(&mut buffer, 0)));
    seen.set("file_send", counted(send(&program, b"hello", SendFlags::NOSIGNAL)));
    Ok(seen)
}

fn number(result: &io::Result<usize>) -> String {
    result.as_ref().map_or_else(|_| returned(result), usize::to_string)
}

/// What kind of thing a descriptor is open on (fstat).
fn kind(file: &File) -> io::Result<&'static str> {
    Ok(match FileType::from_raw_mode(fstat(file)?.st_mode) {
        FileType::Socket => "socket",
        FileType::RegularFile => "file",
        FileType::Fifo => "pipe",
        _ => "something else",
    })
}
