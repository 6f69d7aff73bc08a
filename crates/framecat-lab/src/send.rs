//! The group **send**: what send returns, when it waits, and what its success does not say.
//!
//! One fn a law makes the calls, `send_all` and `buffers` in `send/whole.rs`; `send/judge.rs`
//! concludes, `send/told.rs` tells. Both ends are on loopback; each call gives up after a few seconds,
//! so that no experiment hangs.

use std::fs;
use std::io;
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use framecat_net::sockopt::{TcpState, bytes_to_read, bytes_unsent, tcp_info};
use rustix::io::Errno;
use rustix::net::sockopt::{set_socket_recv_buffer_size, set_socket_send_buffer_size};
use rustix::net::{RecvFlags, SendFlags, recv, send};
use rustix::process::Signal;

use crate::evidence::{Evidence, Scene, quoted};
use crate::lang::Text;
use crate::watch::{NOT_TOLD, PATIENCE, returned, this_thread, until, until_asleep};

mod judge;
#[cfg(test)]
mod tests;
mod told;
mod whole;

pub(crate) use told::{BUFFERS, SEND_ALL, SEND_BLOCKS, SEND_BROKEN_PIPE, SEND_COUNT};

/// What the recvs of a sender ask for, in bytes.
const ROOM: usize = 1024;

/// The sender's connection (TCP_INFO).
const STATE: &[Text] = &[Text::new("SENDER'S STATE", "发送端的状态")];

/// What the sender's kernel keeps (SIOCOUTQ), and what waits unread in the receiver's (FIONREAD).
const BOTH_BUFFERS: &[Text] =
    &[Text::new("SEND BUF", "发送缓冲"), Text::new("RECV BUF", "接收缓冲")];

/// The buffers that the experiments ask for where they are to be small: SO_SNDBUF and SO_RCVBUF.
const SMALL: usize = 32 << 10;

/// Law `send-broken-pipe`: a send to a peer that is gone fails, and often only the second.
fn send_broken_pipe() -> io::Result<Evidence> {
    let mut seen = Evidence::new();
    closed_cleanly(&mut seen)?;
    closed_with_unread_data(&mut seen)?;
    broken_pipe_signal(&mut seen)?;
    Ok(seen)
}

fn state(sender: &TcpStream) -> io::Result<TcpState> {
    Ok(tcp_info(sender.as_fd())?.state)
}

fn told_state(sender: &TcpStream) -> io::Result<Vec<String>> {
    Ok(vec![state(sender)?.to_string()])
}

fn closed_cleanly(seen: &mut Evidence) -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let sender = TcpStream::connect(listener.local_addr()?)?;
    let (receiver, _) = listener.accept()?;
    sender.set_read_timeout(Some(PATIENCE))?;

    let mut scene = Scene::new("clean", STATE);
    drop(receiver);
    until(|| Ok(state(&sender)? == TcpState::CloseWait))?;
    scene.right("close()".into(), told_state(&sender)?);
    let message = b"one";
    let first = returned(send(&sender, message, SendFlags::NOSIGNAL));
    // The answer is a reset: there is nobody who could read this.
    until(|| Ok(state(&sender)? == TcpState::Close))?;
    scene.left(format!("send({}) = {first}", quoted(message)), told_state(&sender)?);
    let between = recv(&sender, &mut [0; ROOM][..], RecvFlags::empty());
    let between = returned(between.map(|(taken, _)| taken));
    scene.left(format!("recv({ROOM}) = {between}"), told_state(&sender)?);
    let second = returned(send(&sender, b"two", SendFlags::NOSIGNAL));
    scene.left(format!("send(\"two\") = {second}"), told_state(&sender)?);
    seen.set("clean_given_bytes", message.len());
    seen.set("clean_first", first);
    seen.set("clean_recv_between", between);
    seen.set("clean_second", second);
    seen.scenes.push(scene);
    Ok(())
}

fn closed_with_unread_data(seen: &mut Evidence) -> io::Result<()> {
    // The error is told to whichever call comes first, so twice: a send first, and a recv first.
    for (name, recv_first) in [("unread_sends", false), ("unread_recv", true)] {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let sender = TcpStream::connect(listener.local_addr()?)?;
        let (receiver, _) = listener.accept()?;
        sender.set_read_timeout(Some(PATIENCE))?;

        let mut scene = Scene::new(name, STATE);
        let message = b"unread";
        let sent = send(&sender, message, SendFlags::NOSIGNAL)?;
        until(|| Ok(bytes_to_read(receiver.as_fd())? == sent))?;
        scene.left(format!("send({}) = {sent}", quoted(message)), told_state(&sender)?);
        drop(receiver);
        until(|| Ok(state(&sender)? == TcpState::Close))?;
        scene.right("close()".into(), told_state(&sender)?);
        let mut results = Vec::new();
        if recv_first {
            let result = recv(&sender, &mut [0; ROOM][..], RecvFlags::empty());
            results.push(returned(result.map(|(taken, _)| taken)));
            scene.left(format!("recv({ROOM}) = {}", results[0]), told_state(&sender)?);
        }
        while results.len() < 2 {
            let result = returned(send(&sender, b"more", SendFlags::NOSIGNAL));
            scene.left(format!("send(\"more\") = {result}"), told_state(&sender)?);
            results.push(result);
        }
        seen.set(name, results);
        seen.set("unread_left_bytes", sent);
        seen.scenes.push(scene);
    }
    Ok(())
}

/// What is told where a thing could not be tried.
const NOT_TRIED: &str = "not tried";
/// How a program ended that wrote with SIGPIPE as it is by default.
const KILLED: &str = "killed by SIGPIPE";
/// How one ended that ignored it.
const LIVED_ON: &str = "lived on";

/// A C program (the shell) writes to a peer that is gone: with SIGPIPE as it is by default, and
/// ignoring it.
fn broken_pipe_signal(seen: &mut Evidence) -> io::Result<()> {
    // Lives on after the failed write.
    const LIVED: i32 = 7;
    let scripts = [
        ("signal_default", "echo more; exit 7"),
        ("signal_ignored", "trap '' PIPE; echo more; exit 7"),
    ];
    for (name, script) in scripts {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let sender = TcpStream::connect(listener.local_addr()?)?;
        let (receiver, _) = listener.accept()?;
        drop(receiver);
        until(|| Ok(state(&sender)? == TcpState::CloseWait))?;
        send(&sender, b"one", SendFlags::NOSIGNAL)?;
        until(|| Ok(state(&sender)? == TcpState::Close))?;
        let mut shell = Command::new("sh");
        // The standard library gives a child SIGPIPE as C programs have it.
        shell.args(["-c", script]).stdin(Stdio::null()).stderr(Stdio::null());
        let ended = match shell.stdout(OwnedFd::from(sender)).status() {
            Ok(status) if status.signal() == Some(Signal::PIPE.as_raw()) => KILLED.into(),
            Ok(status) if status.code() == Some(LIVED) => LIVED_ON.into(),
            Ok(status) => status.to_string(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => NOT_TRIED.into(),
            Err(error) => return Err(error),
        };
        seen.set(name, ended);
    }
    seen.set("own_sigpipe", own_sigpipe());
    Ok(())
}

/// Whether this program ignores SIGPIPE: SigIgn in /proc/self/status, a bit a signal (proc(5)).
fn own_sigpipe() -> &'static str {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    match mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()) {
        Some(mask) if mask & (1 << (Signal::PIPE.as_raw() - 1)) != 0 => "ignored",
        Some(_) => "not ignored",
        None => NOT_TOLD,
    }
}

/// Law `send-blocks`: send waits while the buffers are full.
fn send_blocks() -> io::Result<Evidence> {
    let mut seen = Evidence::new();
    seen.set("small_buffer_bytes", SMALL);
    fill_and_wait("default", None, &mut seen)?;
    fill_and_wait("small", Some(SMALL), &mut seen)?;
    Ok(seen)
}

fn fill_and_wait(
    name: &'static str,
    buffers: Option<usize>,
    seen: &mut Evidence,
) -> io::Result<()> {
    const PIECE: [u8; 16 << 10] = [b'x'; 16 << 10];
    let listener = TcpListener::bind("127.0.0.1:0")?;
    if let Some(bytes) = buffers {
        // An accepted socket has the buffers of the listening one.
        set_socket_recv_buffer_size(&listener, bytes)?;
    }
    let sender = TcpStream::connect(listener.local_addr()?)?;
    if let Some(bytes) = buffers {
        set_socket_send_buffer_size(&sender, bytes)?;
    }
    let (receiver, _) = listener.accept()?;
    receiver.set_read_timeout(Some(PATIENCE))?;
    sender.set_write_timeout(Some(PATIENCE))?;

    let mut scene = Scene::new(name, BOTH_BUFFERS);
    let (mut sends, mut taken) = (0, 0);
    let no_wait = SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
    let at_us = scene.now_us();
    let next = loop {
        match send(&sender, &PIECE, no_wait) {
            Ok(bytes) => {
                taken += bytes;
                sends += 1;
            }
            // Full, unless something is still on its way between the two.
            Err(Errno::AGAIN) if in_both(&sender, &receiver)? != taken => {
                until(|| Ok(in_both(&sender, &receiver)? == taken))?;
            }
            Err(errno) => break returned(Err(errno)),
        }
    };
    let (kept, unread) = (bytes_unsent(sender.as_fd())?, bytes_to_read(receiver.as_fd())?);
    scene.left_at(at_us, format!("{sends} x send({}) = {taken}", PIECE.len()));
    let call = format!("send({}, MSG_DONTWAIT) = {next}", PIECE.len());
    scene.left(call, vec![kept.to_string(), unread.to_string()]);

    let message = b"one more";
    let mut sending = scene.clone();
    sending.rows.clear();
    let (tell, told) = mpsc::channel();
    let sender = &sender;
    thread::scope(|scope| {
        let waiting = scope.spawn(move || {
            let begun_us = sending.now_us();
            sending.left_at(begun_us, format!("send({}) ...", quoted(message)));
            // The other side may have failed and gone; join tells.
            let _ = tell.send(this_thread());
            let result = returned(send(sender, message, SendFlags::NOSIGNAL));
            let returned_us = sending.now_us();
            sending.left_at(returned_us, format!("... = {result}"));
            Ok::<_, io::Error>((begun_us, returned_us, result, sending))
        });
        let thread = told.recv_timeout(PATIENCE).map_err(|_| io::ErrorKind::TimedOut)?;
        seen.set(&format!("{name}_thread"), until_asleep(&thread)?);
        let mut buffer = vec![0; 64 << 10];
        let (mut recvs, mut received) = (0, 0);
        let read_us = scene.now_us();
        while received < taken + message.len() {
            let (bytes, _) = recv(&receiver, &mut buffer[..], RecvFlags::empty())?;
            if bytes == 0 {
                break;
            }
            if recvs == 0 {
                let both = vec![
                    bytes_unsent(sender.as_fd())?.to_string(),
                    bytes_to_read(receiver.as_fd())?.to_string(),
                ];
                scene.right(format!("recv({}) = {bytes}", buffer.len()), both);
            }
            recvs += 1;
            received += bytes;
        }
        scene.right(format!("{recvs} recvs, {received} B"), Vec::new());
        let (begun_us, returned_us, result, sending) =
            waiting.join().expect("the sender does not panic")?;
        scene.merge(sending);
        for (what, number) in [
            ("sends", sends),
            ("taken_bytes", taken),
            ("kept_bytes", kept),
            ("unread_bytes", unread),
            ("begun_us", begun_us as usize),
            ("read_us", read_us as usize),
            ("returned_us", returned_us as usize),
            ("more_bytes", message.len()),
            ("received_bytes", received),
        ] {
            seen.set(&format!("{name}_{what}"), number);
        }
        seen.set(&format!("{name}_next"), next);
        seen.set(&format!("{name}_more"), result);
        Ok::<_, io::Error>(())
    })?;
    seen.scenes.push(scene);
    Ok(())
}

/// Bytes in the two kernels' buffers; one that is under way, or whose acknowledgement is, may count
/// twice.
fn in_both(sender: &TcpStream, receiver: &TcpStream) -> io::Result<usize> {
    Ok(bytes_unsent(sender.as_fd())? + bytes_to_read(receiver.as_fd())?)
}

/// Law `send-count`: send tells how many bytes the kernel took, which may be fewer than given.
fn send_count() -> io::Result<Evidence> {
    const GIVEN: usize = 1 << 20;
    const LIMIT: Duration = Duration::from_millis(20);
    let content: Vec<u8> = (0..GIVEN).map(|at| (at % 251) as u8).collect();
    let mut seen = Evidence::new();
    seen.set("given_bytes", content.len());
    seen.set("buffer_bytes", SMALL);

    // There is room for three bytes.
    let listener = TcpListener::bind("127.0.0.1:0")?;
    set_socket_recv_buffer_size(&listener, SMALL)?;
    let sender = TcpStream::connect(listener.local_addr()?)?;
    set_socket_send_buffer_size(&sender, SMALL)?;
    let (receiver, _) = listener.accept()?;
    let mut scene = Scene::new("once", BOTH_BUFFERS);
    let both = || {
        let kept = bytes_unsent(sender.as_fd())?;
        Ok::<_, io::Error>(vec![kept.to_string(), bytes_to_read(receiver.as_fd())?.to_string()])
    };
    let small = b"abc";
    let small_taken = send(&sender, small, SendFlags::NOSIGNAL)?;
    until(|| Ok(in_both(&sender, &receiver)? == small_taken))?;
    scene.left(format!("send({}) = {small_taken}", quoted(small)), both()?);
    seen.set("small_given_bytes", small.len());
    seen.set("small_taken_bytes", small_taken);

    // A send that may not wait takes what there is room for.
    let no_wait = SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
    let taken = send(&sender, &content, no_wait)?;
    until(|| Ok(in_both(&sender, &receiver)? == small_taken + taken))?;
    scene.left(format!("send({GIVEN} B, MSG_DONTWAIT) = {taken}"), both()?);
    seen.set("once_taken_bytes", taken);
    seen.set("once_kept_bytes", bytes_unsent(sender.as_fd())?);
    seen.set("once_unread_bytes", bytes_to_read(receiver.as_fd())?);
    seen.scenes.push(scene);

    // So does one that may wait, but not for ever. What it did not take is sent again.
    let listener = TcpListener::bind("127.0.0.1:0")?;
    set_socket_recv_buffer_size(&listener, SMALL)?;
    let sender = TcpStream::connect(listener.local_addr()?)?;
    set_socket_send_buffer_size(&sender, SMALL)?;
    let (receiver, _) = listener.accept()?;
    receiver.set_read_timeout(Some(PATIENCE))?;
    sender.set_write_timeout(Some(LIMIT))?;
    let timed = send(&sender, &content, SendFlags::NOSIGNAL)?;
    sender.set_write_timeout(Some(PATIENCE))?;
    let received = thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let (mut received, mut buffer) = (Vec::new(), vec![0; 64 << 10]);
            while received.len() < GIVEN {
                let (bytes, _) = recv(&receiver, &mut buffer[..], RecvFlags::empty())?;
                if bytes == 0 {
                    break;
                }
                received.extend_from_slice(&buffer[..bytes]);
            }
            Ok::<_, io::Error>(received)
        });
        let (mut sends, mut sent) = (0, timed);
        while sent < GIVEN {
            sent += send(&sender, &content[sent..], SendFlags::NOSIGNAL)?;
            sends += 1;
        }
        seen.set("rest_sends", sends);
        reader.join().expect("the reader does not panic")
    })?;
    seen.set("timed_limit_ms", LIMIT.as_millis() as u64);
    seen.set("timed_taken_bytes", timed);
    seen.set("received_bytes", received.len());
    seen.set("same_content", received == content);
    Ok(seen)
}
