//! The group **sticky** (粘包): a stream has no messages, and what the notes do about it.
//!
//! One fn a law makes the calls, the cures' in `sticky/cures.rs`. `sticky/judge.rs` concludes,
//! `sticky/told.rs` tells.
//! Both ends are plain blocking sockets on loopback; the receiver's and the sender's calls give up
//! after a few seconds, so that no experiment hangs.

use std::io::{self, Read};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use framecat_net::sockopt::{bytes_to_read, bytes_unsent, tcp_info};
use rustix::net::sockopt::{set_tcp_cork, set_tcp_nodelay, set_tcp_quickack};
use rustix::net::{RecvFlags, SendFlags, recv, send};

use crate::evidence::{Evidence, Scene, errno_name, quoted};
use crate::lang::{Text, say};
use crate::watch;

mod cures;
mod judge;
#[cfg(test)]
mod tests;
mod told;

pub(crate) use told::{CURE_DELAY, CURE_MARKER, CURE_STRUCT, STICKY, WHOLE};

/// The longest that one call waits. Never reached unless something is wrong.
const PATIENCE: Duration = Duration::from_secs(5);

/// What most of the recvs here ask for, in bytes.
const ROOM: usize = 64;

/// What is watched in the kernel: bytes that the sender's kernel still keeps (SIOCOUTQ), segments
/// with data that it sent (TCP_INFO), and the very bytes that wait at the receiver (MSG_PEEK).
const BUFFERS: &[Text] =
    &[Text::new("KEPT", "留底"), Text::new("SEGMENTS", "报文段"), Text::new("WAITING", "等待接收")];

/// Only how many bytes wait at the receiver (FIONREAD).
const UNREAD: &[Text] = &[Text::new("UNREAD", "未读字节")];

/// What the kernel does with three sends, chosen by one socket option.
#[derive(Clone, Copy)]
enum Sending {
    /// TCP_NODELAY: a segment at once for each send.
    AtOnce,
    /// Nagle's rule, on by default: a small segment waits while an earlier one is unacknowledged.
    Nagle,
    /// TCP_CORK: nothing small leaves until the cork is pulled.
    Corked,
}

/// Law `sticky`: sends merge, and a send can be split.
fn sticky() -> io::Result<Evidence> {
    let mut seen = Evidence::new();
    three_sends("at_once", Sending::AtOnce, &mut seen)?;
    three_sends("nagle", Sending::Nagle, &mut seen)?;
    three_sends("corked", Sending::Corked, &mut seen)?;
    many_sends_to_a_fast_receiver(&mut seen)?;
    one_send_into_a_small_buffer(&mut seen)?;
    one_large_send(&mut seen)?;
    Ok(seen)
}

fn three_sends(name: &'static str, sending: Sending, seen: &mut Evidence) -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let sender = TcpStream::connect(listener.local_addr()?)?;
    let (receiver, _) = listener.accept()?;
    receiver.set_read_timeout(Some(PATIENCE))?;
    match sending {
        Sending::AtOnce => set_tcp_nodelay(&sender, true)?,
        // In the middle of a conversation acknowledgements are delayed, in the hope that an answer
        // will carry them. A new connection acknowledges at once, unless told so.
        Sending::Nagle => set_tcp_quickack(&receiver, false)?,
        Sending::Corked => set_tcp_cork(&sender, true)?,
    }

    let acked_before = tcp_info(sender.as_fd())?.bytes_acked;
    let mut scene = Scene::new(name, BUFFERS);
    let mut sent = 0;
    let messages: [&[u8]; 3] = [b"one", b"two", b"three"];
    for message in messages {
        let taken = send(&sender, message, SendFlags::NOSIGNAL)?;
        scene.left(format!("send({}) = {taken}", quoted(message)), buffers(&sender, &receiver)?);
        sent += taken;
    }
    if let Sending::Corked = sending {
        set_tcp_cork(&sender, false)?;
        scene.left("TCP_CORK off".into(), buffers(&sender, &receiver)?);
    }
    let all_sent_us = scene.now_us();
    wait_until_unread(&receiver, sent)?;
    if let Sending::Nagle = sending {
        seen.set("nagle_waited_ms", (scene.now_us() - all_sent_us) / 1000);
        let acked = tcp_info(sender.as_fd())?.bytes_acked - acked_before;
        seen.set("nagle_acked_bytes", acked);
        let row = match acked {
            0 => say!("(no ACK)", "（没有确认）"),
            _ => say!("(ACK comes)", "（确认到达）"),
        };
        scene.left_said(row, buffers(&sender, &receiver)?);
    }

    let (mut received, mut recvs, mut read) = (0, 0, Vec::new());
    let mut buffer = [0; ROOM];
    while received < sent {
        let (taken, _) = recv(&receiver, &mut buffer[..], RecvFlags::empty())?;
        let call = format!("recv({ROOM}) = {taken} {}", quoted(&buffer[..taken]));
        scene.right(call, buffers(&sender, &receiver)?);
        recvs += 1;
        received += taken;
        read.extend_from_slice(&buffer[..taken]);
        if taken == 0 {
            break;
        }
    }
    seen.set(&format!("{name}_read"), quoted(&read));
    seen.set(&format!("{name}_sends"), messages.len());
    seen.set(&format!("{name}_sent_bytes"), sent);
    seen.set(&format!("{name}_segments"), tcp_info(sender.as_fd())?.data_segs_out);
    seen.set(&format!("{name}_recvs"), recvs);
    seen.set(&format!("{name}_received_bytes"), received);
    seen.scenes.push(scene);
    Ok(())
}

fn many_sends_to_a_fast_receiver(seen: &mut Evidence) -> io::Result<()> {
    const SENDS: usize = 2_000;
    let message = b"sixteen bytes...";
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let sender = TcpStream::connect(listener.local_addr()?)?;
    let (receiver, _) = listener.accept()?;
    receiver.set_read_timeout(Some(PATIENCE))?;
    sender.set_write_timeout(Some(PATIENCE))?;

    let (mut recvs, mut merged, mut largest, mut received) = (0, 0, 0, 0);
    let sent = thread::scope(|scope| {
        let sending = scope.spawn(|| {
            let mut sent = 0;
            for _ in 0..SENDS {
                sent += send(&sender, message, SendFlags::NOSIGNAL)?;
            }
            sender.shutdown(Shutdown::Write)?;
            Ok::<_, io::Error>(sent)
        });
        let mut buffer = vec![0; 64 << 10];
        loop {
            let (taken, _) = recv(&receiver, &mut buffer[..], RecvFlags::empty())?;
            if taken == 0 {
                break;
            }
            recvs += 1;
            received += taken;
            merged += usize::from(taken > message.len());
            largest = largest.max(taken);
        }
        sending.join().expect("the sender does not panic")
    })?;
    seen.set("fast_sends", SENDS);
    seen.set("fast_each_bytes", message.len());
    seen.set("fast_largest_messages", largest / message.len());
    seen.set("fast_sent_bytes", sent);
    seen.set("fast_segments", tcp_info(sender.as_fd())?.data_segs_out);
    seen.set("fast_recvs", recvs);
    seen.set("fast_received_bytes", received);
    seen.set("fast_merged_recvs", merged);
    seen.set("fast_largest_bytes", largest);
    Ok(())
}

fn one_send_into_a_small_buffer(seen: &mut Evidence) -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let sender = TcpStream::connect(listener.local_addr()?)?;
    let (receiver, _) = listener.accept()?;
    receiver.set_read_timeout(Some(PATIENCE))?;

    let mut scene = Scene::new("split", BUFFERS);
    let message = b"onetwo";
    let sent = send(&sender, message, SendFlags::NOSIGNAL)?;
    scene.left(format!("send({}) = {sent}", quoted(message)), buffers(&sender, &receiver)?);
    wait_until_unread(&receiver, sent)?;
    let (mut recvs, mut received) = (0, 0);
    let mut buffer = [0; 4];
    seen.set("split_room_bytes", buffer.len());
    while received < sent {
        let (taken, _) = recv(&receiver, &mut buffer[..], RecvFlags::empty())?;
        let call = format!("recv(4) = {taken} {}", quoted(&buffer[..taken]));
        scene.right(call, buffers(&sender, &receiver)?);
        recvs += 1;
        received += taken;
        if taken == 0 {
            break;
        }
    }
    seen.set("split_sends", 1);
    seen.set("split_sent_bytes", sent);
    seen.set("split_segments", tcp_info(sender.as_fd())?.data_segs_out);
    seen.set("split_recvs", recvs);
    seen.set("split_received_bytes", received);
    seen.scenes.push(scene);
    Ok(())
}

fn one_large_send(seen: &mut Evidence) -> io::Result<()> {
    let message = vec![b'x'; 4 << 20];
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let sender = TcpStream::connect(listener.local_addr()?)?;
    let (receiver, _) = listener.accept()?;
    receiver.set_read_timeout(Some(PATIENCE))?;
    sender.set_write_timeout(Some(PATIENCE))?;

    let (mut recvs, mut first, mut received) = (0, 0, 0);
    let sent = thread::scope(|scope| {
        let sending = scope.spawn(|| {
            let sent = send(&sender, &message, SendFlags::NOSIGNAL)?;
            sender.shutdown(Shutdown::Write)?;
            Ok::<_, io::Error>(sent)
        });
        // The buffer has room for the whole message, and yet.
        let mut buffer = vec![0; message.len()];
        loop {
            let (taken, _) = recv(&receiver, &mut buffer[..], RecvFlags::empty())?;
            if taken == 0 {
                break;
            }
            if recvs == 0 {
                first = taken;
            }
            recvs += 1;
            received += taken;
        }
        sending.join().expect("the sender does not panic")
    })?;
    seen.set("large_sends", 1);
    seen.set("large_sent_bytes", sent);
    seen.set("large_segments", tcp_info(sender.as_fd())?.data_segs_out);
    seen.set("large_recvs", recvs);
    seen.set("large_first_bytes", first);
    seen.set("large_received_bytes", received);
    Ok(())
}

/// Law `whole`: one whole in many sends needs no cure; the end of the stream is its boundary.
fn whole() -> io::Result<Evidence> {
    const PIECE_BYTES: usize = 1 << 10;
    const ROOM: usize = 64 << 10;
    let file = own_program()?;
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let sender = TcpStream::connect(listener.local_addr()?)?;
    let (receiver, _) = listener.accept()?;
    receiver.set_read_timeout(Some(PATIENCE))?;
    sender.set_write_timeout(Some(PATIENCE))?;

    let mut seen = Evidence::new();
    let mut scene = Scene::new("whole", UNREAD);
    let mut sending = scene.clone();
    let (mut recvs, mut received) = (0, Vec::new());
    let (mut least, mut most) = (usize::MAX, 0);
    let (all_read, wait_all_read) = mpsc::channel();
    thread::scope(|scope| {
        let sender = scope.spawn(|| {
            let wait_all_read = wait_all_read;
            let at_us = sending.now_us();
            let (mut sends, mut sent) = (0, 0);
            while sent < file.len() {
                let end = file.len().min(sent + PIECE_BYTES);
                sent += send(&sender, &file[sent..end], SendFlags::NOSIGNAL)?;
                sends += 1;
            }
            sending.left_at(at_us, format!("{sends} x send({PIECE_BYTES} B): {sent} B"));
            // An error means that the receiver gave up; the stream is ended all the same.
            let _ = wait_all_read.recv_timeout(PATIENCE);
            let at_us = sending.now_us();
            sender.shutdown(Shutdown::Write)?;
            sending.left_at(at_us, "shutdown(SHUT_WR) = 0".into());
            Ok::<_, io::Error>((sends, sent))
        });
        let mut buffer = vec![0; ROOM];
        while received.len() < file.len() {
            let (taken, _) = recv(&receiver, &mut buffer[..], RecvFlags::empty())?;
            if taken == 0 {
                break;
            }
            recvs += 1;
            (least, most) = (least.min(taken), most.max(taken));
            received.extend_from_slice(&buffer[..taken]);
        }
        let unread = || bytes_to_read(receiver.as_fd()).map(|bytes| vec![bytes.to_string()]);
        scene.right(format!("{recvs} x recv({ROOM}) = {} B", received.len()), unread()?);
        // Every byte is here, and nothing says so: a plain recv would wait now.
        let before = match recv(&receiver, &mut buffer[..], RecvFlags::DONTWAIT) {
            Ok((taken, _)) => taken.to_string(),
            Err(errno) => errno_name(errno.raw_os_error()).unwrap_or("another error").into(),
        };
        scene.right(format!("recv({ROOM}, MSG_DONTWAIT) = {before}"), unread()?);
        // The sender may have failed and gone; join tells.
        let _ = all_read.send(());
        let (end, _) = recv(&receiver, &mut buffer[..], RecvFlags::empty())?;
        scene.right(format!("recv({ROOM}) = {end}"), unread()?);
        let (sends, sent) = sender.join().expect("the sender does not panic")?;
        seen.set("sends", sends);
        seen.set("sent_bytes", sent);
        seen.set("before_end", before);
        seen.set("end", end);
        Ok::<_, io::Error>(())
    })?;
    scene.merge(sending);
    seen.set("recvs", recvs);
    seen.set("room_bytes", ROOM);
    seen.set("least_bytes", if recvs > 0 { least } else { 0 });
    seen.set("most_bytes", most);
    seen.set("received_bytes", received.len());
    seen.set("same_content", received == file);
    seen.scenes.push(scene);
    Ok(seen)
}

/// A file that is always there and holds bytes of every kind: the beginning of this program's own.
fn own_program() -> io::Result<Vec<u8>> {
    const FILE_BYTES_MAX: u64 = 256 << 10;
    let mut file = Vec::new();
    watch::open(watch::OWN_PROGRAM)?.take(FILE_BYTES_MAX).read_to_end(&mut file)?;
    Ok(file)
}

/// What [`BUFFERS`] hold now. Looking (MSG_PEEK) takes nothing out.
fn buffers(sender: &TcpStream, receiver: &TcpStream) -> io::Result<Vec<String>> {
    let mut waiting = [0; 64];
    let peek = RecvFlags::PEEK | RecvFlags::DONTWAIT;
    let waiting = match recv(receiver, &mut waiting[..], peek) {
        Ok((taken, _)) => quoted(&waiting[..taken]),
        Err(rustix::io::Errno::AGAIN) => "0".into(),
        Err(errno) => return Err(errno.into()),
    };
    let kept = bytes_unsent(sender.as_fd())?;
    let segments = tcp_info(sender.as_fd())?.data_segs_out;
    Ok(vec![format!("{kept} B"), segments.to_string(), waiting])
}

/// Asks the kernel again and again until so many bytes wait at the receiver: no guess by a pause.
fn wait_until_unread(receiver: &TcpStream, bytes: usize) -> io::Result<()> {
    let deadline = Instant::now() + PATIENCE;
    while bytes_to_read(receiver.as_fd())? < bytes {
        if Instant::now() > deadline {
            return Err(io::ErrorKind::TimedOut.into());
        }
        thread::sleep(Duration::from_micros(50));
    }
    Ok(())
}
