//! The group **udp**: datagrams, each whole or not at all, to whoever listens or to nobody.
//!
//! One fn a law makes the calls: here the laws of one datagram, in `udp/peers.rs` those of who talks
//! with whom, in `udp/loss.rs` those of what does not arrive. `udp/judge.rs` concludes,
//! `udp/told*.rs` tell.
//! On loopback the kernel may bring a datagram a little after sendto returned, so each experiment
//! waits until what it looks at is there, and what must not come is followed by what must.

use std::io;
use std::net::{Shutdown, SocketAddr, SocketAddrV4, TcpListener, TcpStream, UdpSocket};
use std::os::fd::AsFd;
use std::thread;
use std::time::{Duration, Instant};

use framecat_net::sockopt::{bytes_to_read, peek_from};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::{
    RecvAncillaryBuffer, RecvFlags, ReturnFlags, SendFlags, recv, recvfrom, recvmsg, send, sendto,
};

use crate::evidence::{Evidence, Scene, errno_name, quoted};
use crate::lang::Text;

mod judge;
mod loss;
mod peers;
#[cfg(test)]
mod tests;
mod told;
mod told_loss;
mod told_peers;

pub(crate) use told::{UDP_BOUNDARIES, UDP_EMPTY, UDP_TRUNCATION};
pub(crate) use told_loss::{UDP_COUNT, UDP_UNRELIABLE};
pub(crate) use told_peers::{CALLS, UDP_CONNECTIONLESS};

/// The longest that one call waits. Never reached unless something is wrong.
const PATIENCE: Duration = Duration::from_secs(5);

/// What is watched in the kernel: the datagrams that wait at the receiver, each in brackets.
const QUEUE: &[Text] = &[Text::new("WAITING", "未读数据报")];

/// The very bytes that wait at the receiver of a stream.
const STREAM: &[Text] = &[Text::new("WAITING BYTES", "未读字节")];

/// What FIONREAD and poll say of the next datagram.
const NEXT: &[Text] = &[Text::new("FIONREAD", "FIONREAD"), Text::new("POLL", "POLL")];

/// Law `udp-boundaries`: each recvfrom gives what one sendto sent, no more and no less.
fn udp_boundaries() -> io::Result<Evidence> {
    let mut seen = Evidence::new();
    three_datagrams(&mut seen)?;
    three_sends_on_a_stream(&mut seen)?;
    datagrams_of_every_length(&mut seen)?;
    the_largest_datagram(&mut seen)?;
    Ok(seen)
}

const MESSAGES: [&[u8]; 3] = [b"one", b"two", b"three"];

fn three_datagrams(seen: &mut Evidence) -> io::Result<()> {
    let receiver = udp()?;
    let sender = udp()?;
    let mut scene = Scene::new("datagrams", QUEUE);
    for (n, message) in MESSAGES.iter().enumerate() {
        let taken = sendto(&sender, message, SendFlags::empty(), &address(&receiver)?)?;
        wait_until_waiting(&receiver, n + 1)?;
        scene.left(format!("sendto({}) = {taken}", quoted(message)), queue(&receiver)?);
    }
    let mut found = Vec::new();
    let mut buffer = [0; 64];
    for _ in MESSAGES {
        let (taken, _, _) = recvfrom(&receiver, &mut buffer[..], RecvFlags::empty())?;
        let call = format!("recvfrom(64) = {taken} {}", quoted(&buffer[..taken]));
        scene.right(call, queue(&receiver)?);
        found.push(quoted(&buffer[..taken]));
    }
    // Had a message come in two pieces, the second would be left.
    let left = waiting(&receiver)?.concat();
    seen.set("udp_sends", MESSAGES.len());
    seen.set("udp_recvs", found.len());
    seen.set("udp_given", MESSAGES.map(quoted).to_vec());
    seen.set("udp_found", found);
    seen.set("udp_left", left);
    seen.scenes.push(scene);
    Ok(())
}

fn three_sends_on_a_stream(seen: &mut Evidence) -> io::Result<()> {
    let (sender, receiver) = tcp()?;
    let mut scene = Scene::new("stream", STREAM);
    let mut sent = 0;
    for message in MESSAGES {
        let taken = send(&sender, message, SendFlags::NOSIGNAL)?;
        sent += taken;
        wait_until_unread(&receiver, sent)?;
        scene.left(format!("send({}) = {taken}", quoted(message)), unread(&receiver)?);
    }
    let (mut recvs, mut received) = (0, 0);
    let mut buffer = [0; 64];
    while received < sent {
        let (taken, _) = recv(&receiver, &mut buffer[..], RecvFlags::empty())?;
        let call = format!("recv(64) = {taken} {}", quoted(&buffer[..taken]));
        scene.right(call, unread(&receiver)?);
        recvs += 1;
        received += taken;
        if taken == 0 {
            break;
        }
    }
    seen.set("tcp_sends", MESSAGES.len());
    seen.set("tcp_recvs", recvs);
    seen.scenes.push(scene);
    Ok(())
}

/// One datagram of each length from 0, sent without a pause and read late.
fn datagrams_of_every_length(seen: &mut Evidence) -> io::Result<()> {
    const SENDS: usize = 64;
    let receiver = udp()?;
    let sender = udp()?;
    let mut missing: Vec<Vec<u8>> = (0..SENDS).map(|n| vec![n as u8; n]).collect();
    for message in &missing {
        sendto(&sender, message, SendFlags::empty(), &address(&receiver)?)?;
    }
    let mut whole = 0;
    let mut buffer = [0; 1024];
    for _ in 0..SENDS {
        let (taken, _, _) = recvfrom(&receiver, &mut buffer[..], RecvFlags::empty())?;
        if let Some(n) = missing.iter().position(|message| *message == buffer[..taken]) {
            missing.remove(n);
            whole += 1;
        }
    }
    seen.set("many_sends", SENDS);
    seen.set("many_whole", whole);
    Ok(())
}

fn the_largest_datagram(seen: &mut Evidence) -> io::Result<()> {
    /// What 16 bits of length leave after the heads of IPv4 and UDP, 20 and 8 bytes.
    const LARGEST_BYTES: usize = u16::MAX as usize - 20 - 8;
    let receiver = udp()?;
    let sender = udp()?;
    let message = vec![b'x'; LARGEST_BYTES + 1];
    let to = address(&receiver)?;
    let sent = sendto(&sender, &message[..LARGEST_BYTES], SendFlags::empty(), &to)?;
    let mut buffer = vec![0; LARGEST_BYTES + 1];
    let (taken, _, _) = recvfrom(&receiver, &mut buffer[..], RecvFlags::empty())?;
    let over = outcome(sendto(&sender, &message, SendFlags::empty(), &to));
    seen.set("largest_sent_bytes", sent);
    seen.set("largest_received_bytes", taken);
    seen.set("over_bytes", message.len());
    seen.set("over", over);
    Ok(())
}

/// Law `udp-truncation`: what did not fit into the buffer of one recvfrom is gone.
fn udp_truncation() -> io::Result<Evidence> {
    let mut seen = Evidence::new();
    let long = b"1234567";
    let receiver = udp()?;
    let sender = udp()?;
    let to = address(&receiver)?;

    let mut scene = Scene::new("plain", QUEUE);
    let messages: [&[u8]; 2] = [long, b"next"];
    for (n, message) in messages.iter().enumerate() {
        let taken = sendto(&sender, message, SendFlags::empty(), &to)?;
        wait_until_waiting(&receiver, n + 1)?;
        scene.left(format!("sendto({}) = {taken}", quoted(message)), queue(&receiver)?);
    }
    let mut found = Vec::new();
    let mut buffer = [0; 4];
    for _ in messages {
        let (taken, _, _) = recvfrom(&receiver, &mut buffer[..], RecvFlags::empty())?;
        let call = format!("recvfrom(4) = {taken} {}", quoted(&buffer[..taken]));
        scene.right(call, queue(&receiver)?);
        found.push(quoted(&buffer[..taken]));
    }
    let after = outcome(recvfrom(&receiver, &mut buffer[..], RecvFlags::DONTWAIT).map(|got| got.0));
    scene.right(format!("recvfrom(4, MSG_DONTWAIT) = {after}"), queue(&receiver)?);
    seen.set("room_bytes", buffer.len());
    seen.set("sent_bytes", long.len());
    seen.set("lost_bytes", long.len() - buffer.len());
    seen.set("begins", quoted(&long[..buffer.len()]));
    seen.set("second", quoted(messages[1]));
    seen.set("found", found);
    seen.set("after", after);
    seen.scenes.push(scene);

    // The same long datagram, and one that fits: who tells that bytes were lost?
    let mut scene = Scene::new("told", QUEUE);
    for (n, message) in [&long[..], b"ok"].iter().enumerate() {
        let taken = sendto(&sender, message, SendFlags::empty(), &to)?;
        wait_until_waiting(&receiver, n + 1)?;
        scene.left(format!("sendto({}) = {taken}", quoted(message)), queue(&receiver)?);
    }
    let looking = RecvFlags::PEEK | RecvFlags::TRUNC;
    let (_, real, _) = recvfrom(&receiver, &mut buffer[..], looking)?;
    scene.right(format!("recvfrom(4, MSG_PEEK|MSG_TRUNC) = {real}"), queue(&receiver)?);
    for name in ["long_flag", "fitting_flag"] {
        let mut parts = [io::IoSliceMut::new(&mut buffer)];
        let mut control = RecvAncillaryBuffer::default();
        let got = recvmsg(&receiver, &mut parts, &mut control, RecvFlags::empty())?;
        let cut = got.flags.contains(ReturnFlags::TRUNC);
        let flags = if cut { "MSG_TRUNC" } else { "0" };
        let bytes = quoted(&buffer[..got.bytes]);
        let call = format!("recvmsg(4) = {} {bytes}, flags {flags}", got.bytes);
        scene.right(call, queue(&receiver)?);
        seen.set(name, flags);
    }
    seen.set("peeked_bytes", real);
    seen.scenes.push(scene);

    let (sender, receiver) = tcp()?;
    let mut scene = Scene::new("stream", STREAM);
    let sent = send(&sender, long, SendFlags::NOSIGNAL)?;
    wait_until_unread(&receiver, sent)?;
    scene.left(format!("send({}) = {sent}", quoted(long)), unread(&receiver)?);
    let (mut recvs, mut received) = (0, Vec::new());
    while received.len() < sent {
        let (taken, _) = recv(&receiver, &mut buffer[..], RecvFlags::empty())?;
        scene.right(format!("recv(4) = {taken} {}", quoted(&buffer[..taken])), unread(&receiver)?);
        if taken == 0 {
            break;
        }
        recvs += 1;
        received.extend_from_slice(&buffer[..taken]);
    }
    seen.set("tcp_recvs", recvs);
    seen.set("tcp_lost_bytes", sent - received.len());
    seen.scenes.push(scene);
    Ok(seen)
}

/// Law `udp-empty`: an empty datagram is a message, and no end.
fn udp_empty() -> io::Result<Evidence> {
    let mut seen = Evidence::new();
    let messages: [&[u8]; 3] = [b"", b"one", b""];
    let receiver = udp()?;
    let sender = udp()?;

    let mut scene = Scene::new("datagrams", NEXT);
    let mut buffer = [0; 64];
    let dontwait = RecvFlags::DONTWAIT;
    let before = outcome(recvfrom(&receiver, &mut buffer[..], dontwait).map(|got| got.0));
    scene.right(format!("recvfrom(64, MSG_DONTWAIT) = {before}"), next(&receiver)?);
    seen.set("readable_before", readable(&receiver)?);
    for (n, message) in messages.iter().enumerate() {
        let taken = sendto(&sender, message, SendFlags::empty(), &address(&receiver)?)?;
        wait_until(|| readable(&receiver))?;
        scene.left(format!("sendto({}) = {taken}", quoted(message)), next(&receiver)?);
        if n == 0 {
            seen.set("empty_send", taken);
            seen.set("empty_unread_bytes", bytes_to_read(receiver.as_fd())?);
            seen.set("readable_after", readable(&receiver)?);
        }
    }
    let (mut found, mut from_sender) = (Vec::new(), 0);
    for _ in messages {
        let (taken, _, from) = recvfrom(&receiver, &mut buffer[..], RecvFlags::empty())?;
        let call = format!("recvfrom(64) = {taken} {}", quoted(&buffer[..taken]));
        scene.right(call, next(&receiver)?);
        let from = from.and_then(|from| SocketAddr::try_from(from).ok());
        from_sender += usize::from(from == Some(sender.local_addr()?));
        found.push(quoted(&buffer[..taken]));
    }
    let after = outcome(recvfrom(&receiver, &mut buffer[..], dontwait).map(|got| got.0));
    scene.right(format!("recvfrom(64, MSG_DONTWAIT) = {after}"), next(&receiver)?);
    seen.set("sends", messages.len());
    seen.set("recvs", found.len());
    seen.set("from_sender", from_sender);
    seen.set("given", messages.map(quoted).to_vec());
    seen.set("found", found);
    seen.set("before", before);
    seen.set("after", after);
    seen.scenes.push(scene);

    let (sender, receiver) = tcp()?;
    let mut scene = Scene::new("stream", STREAM);
    let empty = send(&sender, b"", SendFlags::NOSIGNAL)?;
    scene.left(format!("send(\"\") = {empty}"), unread(&receiver)?);
    let sent = send(&sender, b"one", SendFlags::NOSIGNAL)?;
    wait_until_unread(&receiver, sent)?;
    scene.left(format!("send(\"one\") = {sent}"), unread(&receiver)?);
    let (first, _) = recv(&receiver, &mut buffer[..], RecvFlags::empty())?;
    let call = format!("recv(64) = {first} {}", quoted(&buffer[..first]));
    scene.right(call, unread(&receiver)?);
    sender.shutdown(Shutdown::Write)?;
    scene.left("shutdown(SHUT_WR) = 0".into(), unread(&receiver)?);
    for name in ["tcp_end", "tcp_end_again"] {
        let (taken, _) = recv(&receiver, &mut buffer[..], RecvFlags::empty())?;
        scene.right(format!("recv(64) = {taken}"), unread(&receiver)?);
        seen.set(name, taken);
    }
    seen.set("tcp_empty_send", empty);
    seen.set("tcp_first", first);
    seen.scenes.push(scene);
    Ok(seen)
}

/// A datagram socket on a port of loopback that the kernel chose.
fn udp() -> io::Result<UdpSocket> {
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    socket.set_read_timeout(Some(PATIENCE))?;
    Ok(socket)
}

/// The two ends of a connection on loopback.
fn tcp() -> io::Result<(TcpStream, TcpStream)> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let sender = TcpStream::connect(listener.local_addr()?)?;
    let (receiver, _) = listener.accept()?;
    receiver.set_read_timeout(Some(PATIENCE))?;
    Ok((sender, receiver))
}

/// The address of a socket on loopback.
fn address(socket: &UdpSocket) -> io::Result<SocketAddrV4> {
    match socket.local_addr()? {
        SocketAddr::V4(address) => Ok(address),
        SocketAddr::V6(_) => Err(io::ErrorKind::Unsupported.into()),
    }
}

/// What a call gave: its count, or the name of its error.
fn outcome(result: rustix::io::Result<usize>) -> String {
    match result {
        Ok(count) => count.to_string(),
        Err(errno) => name_of(errno),
    }
}

fn name_of(errno: Errno) -> String {
    let number = errno.raw_os_error();
    errno_name(number).map_or_else(|| format!("errno {number}"), String::from)
}

/// Whether poll says that a recv would not wait now.
fn readable(socket: &UdpSocket) -> io::Result<bool> {
    let mut fds = [PollFd::new(socket, PollFlags::IN)];
    let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
    Ok(poll(&mut fds, Some(&at_once))? == 1)
}

/// The datagrams that wait, each as it is, or its length where that is shorter to read. An empty one
/// is seen by the first look alone: the kernel skips it in the next.
fn waiting(socket: &UdpSocket) -> io::Result<Vec<String>> {
    let mut datagrams = Vec::new();
    // Looking (MSG_PEEK) takes nothing out; SO_PEEK_OFF makes each look see the next one.
    peek_from(socket.as_fd(), Some(0))?;
    let mut buffer = [0; 2048];
    loop {
        match recv(socket, &mut buffer[..], RecvFlags::PEEK | RecvFlags::DONTWAIT) {
            Ok((taken, _)) if taken > 16 => datagrams.push(format!("[{taken} B]")),
            Ok((taken, _)) => datagrams.push(format!("[{}]", buffer[..taken].escape_ascii())),
            Err(Errno::AGAIN) => break,
            Err(errno) => return Err(errno.into()),
        }
    }
    peek_from(socket.as_fd(), None)?;
    Ok(datagrams)
}

/// What [`QUEUE`] holds now.
fn queue(socket: &UdpSocket) -> io::Result<Vec<String>> {
    let waiting = waiting(socket)?.concat();
    Ok(vec![if waiting.is_empty() { "0".into() } else { waiting }])
}

/// What [`NEXT`] says now.
fn next(socket: &UdpSocket) -> io::Result<Vec<String>> {
    let poll = if readable(socket)? { "POLLIN" } else { "0" };
    Ok(vec![bytes_to_read(socket.as_fd())?.to_string(), poll.into()])
}

/// What [`STREAM`] holds now.
fn unread(receiver: &TcpStream) -> io::Result<Vec<String>> {
    let mut buffer = [0; 64];
    match recv(receiver, &mut buffer[..], RecvFlags::PEEK | RecvFlags::DONTWAIT) {
        // At the end of the stream, too, nothing is left.
        Ok((0, _)) | Err(Errno::AGAIN) => Ok(vec!["0".into()]),
        Ok((taken, _)) => Ok(vec![quoted(&buffer[..taken])]),
        Err(errno) => Err(errno.into()),
    }
}

/// Asks the kernel again and again until so many datagrams wait: no guess by a pause.
fn wait_until_waiting(receiver: &UdpSocket, datagrams: usize) -> io::Result<()> {
    wait_until(|| Ok(waiting(receiver)?.len() >= datagrams))
}

/// Likewise for the bytes of a stream.
fn wait_until_unread(receiver: &TcpStream, bytes: usize) -> io::Result<()> {
    wait_until(|| Ok(bytes_to_read(receiver.as_fd())? >= bytes))
}

fn wait_until(mut is_so: impl FnMut() -> io::Result<bool>) -> io::Result<()> {
    let deadline = Instant::now() + PATIENCE;
    while !is_so()? {
        if Instant::now() > deadline {
            return Err(io::ErrorKind::TimedOut.into());
        }
        thread::sleep(Duration::from_micros(50));
    }
    Ok(())
}
