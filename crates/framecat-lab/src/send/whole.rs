//! Sends that are many calls: `sendall`, and the buffers that take them. Judged in `judge.rs`, told in
//! `told.rs`.

use std::fs;
use std::io;
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::thread;
use std::time::Duration;

use framecat_net::sockopt::{bytes_to_read, bytes_unsent, tcp_info};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::sockopt::{set_socket_recv_buffer_size, set_socket_send_buffer_size};
use rustix::net::{RecvFlags, SendFlags, recv, send};

use super::{BOTH_BUFFERS, SMALL};
use crate::evidence::{Evidence, Scene};
use crate::watch::{NOT_TOLD, PATIENCE, returned, until};

/// What each experiment gives to sendall.
const GIVEN: usize = 1 << 20;

/// Law `send-all`: sendall sends until all is taken, or fails and leaves unknown how much was.
pub(super) fn send_all() -> io::Result<Evidence> {
    let content: Vec<u8> = (0..GIVEN).map(|at| (at % 251) as u8).collect();
    let mut seen = Evidence::new();
    seen.set("given_bytes", content.len());
    seen.set("buffer_bytes", SMALL);
    to_a_reader(&content, &mut seen)?;
    to_one_that_leaves(&content, &mut seen)?;
    Ok(seen)
}

/// What Python's `sendall` and Rust's `write_all` do: send again from where the last send stopped.
/// Each send here takes what there is room for, as Python's do on a socket with a time limit. `took`
/// is what the real ones keep to themselves.
fn sendall(socket: &TcpStream, bytes: &[u8], took: &mut Vec<usize>) -> Result<(), Errno> {
    let patience = Timespec { tv_sec: PATIENCE.as_secs() as i64, tv_nsec: 0 };
    let mut sent = 0;
    while sent < bytes.len() {
        if poll(&mut [PollFd::new(socket, PollFlags::OUT)], Some(&patience))? == 0 {
            return Err(Errno::TIMEDOUT);
        }
        let taken = send(socket, &bytes[sent..], SendFlags::NOSIGNAL | SendFlags::DONTWAIT)?;
        took.push(taken);
        sent += taken;
    }
    Ok(())
}

/// What sendall gives to its caller: in Python None or an exception.
fn outcome(result: Result<(), Errno>) -> String {
    result.map_or_else(|errno| returned(Err(errno)), |()| "None".into())
}

fn to_a_reader(content: &[u8], seen: &mut Evidence) -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    set_socket_recv_buffer_size(&listener, SMALL)?;
    let sender = TcpStream::connect(listener.local_addr()?)?;
    set_socket_send_buffer_size(&sender, SMALL)?;
    let (receiver, _) = listener.accept()?;
    receiver.set_read_timeout(Some(PATIENCE))?;
    let mut took = Vec::new();
    let (result, received) = thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let (mut received, mut buffer) = (Vec::new(), vec![0; 64 << 10]);
            while received.len() < content.len() {
                let (bytes, _) = recv(&receiver, &mut buffer[..], RecvFlags::empty())?;
                if bytes == 0 {
                    break;
                }
                received.extend_from_slice(&buffer[..bytes]);
            }
            Ok::<_, io::Error>(received)
        });
        let result = sendall(&sender, content, &mut took);
        (result, reader.join().expect("the reader does not panic"))
    });
    let received = received?;
    seen.set("whole_result", outcome(result));
    seen.set("whole_sends", took.len());
    seen.set("whole_received_bytes", received.len());
    seen.set("whole_same_content", received == content);
    Ok(())
}

fn to_one_that_leaves(content: &[u8], seen: &mut Evidence) -> io::Result<()> {
    const READS: usize = 100_000;
    let listener = TcpListener::bind("127.0.0.1:0")?;
    set_socket_recv_buffer_size(&listener, SMALL)?;
    let sender = TcpStream::connect(listener.local_addr()?)?;
    set_socket_send_buffer_size(&sender, SMALL)?;
    let (receiver, _) = listener.accept()?;
    receiver.set_read_timeout(Some(PATIENCE))?;
    let mut took = Vec::new();
    let (result, read) = thread::scope(|scope| {
        let reader = scope.spawn(move || {
            let (mut read, mut buffer) = (0, vec![0; READS]);
            while read < READS {
                let room = READS - read;
                let (bytes, _) = recv(&receiver, &mut buffer[..room], RecvFlags::empty())?;
                if bytes == 0 {
                    break;
                }
                read += bytes;
            }
            // It leaves in the middle: more has come by then.
            until(|| Ok(bytes_to_read(receiver.as_fd())? > 0))?;
            drop(receiver);
            Ok::<_, io::Error>(read)
        });
        let result = sendall(&sender, content, &mut took);
        (result, reader.join().expect("the reader does not panic"))
    });
    seen.set("failed_result", outcome(result));
    seen.set("failed_sends", took.len());
    seen.set("failed_taken_bytes", took.iter().sum::<usize>());
    // The SYN counts as one.
    seen.set("failed_acked_bytes", tcp_info(sender.as_fd())?.bytes_acked.saturating_sub(1));
    seen.set("failed_read_bytes", read?);
    Ok(())
}

/// Law `buffers`: send and recv move bytes to and from the kernel, which evens out two speeds.
pub(super) fn buffers() -> io::Result<Evidence> {
    const TRIES: usize = 3;
    // A page of the program may be fetched from disk the first time that it runs.
    let mut seen = burst_and_slow_reader()?;
    for _ in 1..TRIES {
        if ["0", NOT_TOLD].contains(&seen.word("disk_bytes")) {
            break;
        }
        seen = burst_and_slow_reader()?;
    }
    Ok(seen)
}

fn burst_and_slow_reader() -> io::Result<Evidence> {
    const SENDS: usize = 6;
    const EACH: usize = 100;
    const PAUSE: Duration = Duration::from_millis(2);
    let disk_before = disk_bytes();
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let sender = TcpStream::connect(listener.local_addr()?)?;

    let mut seen = Evidence::new();
    let mut scene = Scene::new("burst", BOTH_BUFFERS);
    let message = [b'x'; EACH];
    let mut sent = 0;
    let begun_us = scene.now_us();
    for _ in 0..SENDS {
        let taken = send(&sender, &message, SendFlags::NOSIGNAL)?;
        sent += taken;
        until(|| Ok(bytes_unsent(sender.as_fd())? == 0))?;
        // Nobody has a descriptor to ask yet: what the other kernel acknowledged, it holds. The SYN
        // counts as one.
        let there = tcp_info(sender.as_fd())?.bytes_acked.saturating_sub(1);
        let kept = bytes_unsent(sender.as_fd())?;
        scene.left(format!("send({EACH} B) = {taken}"), vec![kept.to_string(), there.to_string()]);
    }
    let sent_us = scene.now_us();
    seen.set("state_before_accept", tcp_info(sender.as_fd())?.state.to_string());
    seen.set("kept_before_accept", bytes_unsent(sender.as_fd())?);
    let at_us = scene.now_us();
    drop(sender);
    scene.left_at(at_us, "close()".into());

    let (receiver, _) = listener.accept()?;
    let accepted_us = scene.now_us();
    receiver.set_read_timeout(Some(PATIENCE))?;
    let unread = |receiver: &TcpStream| bytes_to_read(receiver.as_fd());
    seen.set("unread_at_accept", unread(&receiver)?);
    scene.right("accept()".into(), vec![String::new(), unread(&receiver)?.to_string()]);
    let (mut recvs, mut received) = (0, 0);
    let mut buffer = [0; EACH];
    let end = loop {
        thread::sleep(PAUSE);
        let (taken, _) = recv(&receiver, &mut buffer[..], RecvFlags::empty())?;
        let left = unread(&receiver)?.to_string();
        scene.right(format!("recv({EACH}) = {taken}"), vec![String::new(), left]);
        if taken == 0 {
            break taken;
        }
        recvs += 1;
        received += taken;
    };
    let read_us = scene.now_us();
    seen.set("sends", SENDS);
    seen.set("sent_bytes", sent);
    seen.set("sending_us", sent_us - begun_us);
    seen.set("sent_us", sent_us);
    seen.set("accepted_us", accepted_us);
    seen.set("pause_ms", PAUSE.as_millis() as u64);
    seen.set("recvs", recvs);
    seen.set("received_bytes", received);
    seen.set("reading_us", read_us - accepted_us);
    seen.set("end", end);
    let disk = disk_before.zip(disk_bytes()).map(|(before, after)| (after - before).to_string());
    seen.set("disk_bytes", disk.as_deref().unwrap_or(NOT_TOLD));
    seen.scenes.push(scene);
    Ok(seen)
}

/// Bytes that this thread had the disks read or write so far, where the kernel counts them (proc(5),
/// /proc/PID/io).
fn disk_bytes() -> Option<u64> {
    let io = fs::read_to_string("/proc/thread-self/io").ok()?;
    let of = |name: &str| -> Option<u64> {
        io.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok())
    };
    Some(of("read_bytes:")? + of("write_bytes:")?)
}
