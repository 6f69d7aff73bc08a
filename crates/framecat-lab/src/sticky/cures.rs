//! The three cures of the notes: a marker, a structure with the length, a pause. Judged in
//! `judge.rs`, told in `told.rs`.

use std::io;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use framecat_net::sockopt::bytes_to_read;
use rustix::net::{RecvFlags, SendFlags, recv, send};

use super::{PATIENCE, ROOM, UNREAD, wait_until_unread};
use crate::evidence::{Evidence, Scene, hex, quoted};
use crate::lang::{Say, say};

/// The marker of the experiment. A printable one, so that it can be seen.
pub(super) const MARKER: u8 = b';';

/// Law `cure-marker`: a marker ends each message, if no payload can hold it.
pub(super) fn cure_marker() -> io::Result<Evidence> {
    let mut seen = Evidence::new();
    seen.set("marker", char::from(MARKER).to_string());
    for (name, byte) in [("escaped_marker", MARKER), ("escaped_percent", b'%')] {
        seen.set(name, String::from_utf8_lossy(&escape(&[byte])).into_owned());
    }
    let harmless: [&[u8]; 3] = [b"one", b"two", b"three"];
    let holds_it: [&[u8]; 3] = [b"one", b"two;half", b"100%"];
    for (name, payloads, escaping) in
        [("plain", harmless, false), ("bare", holds_it, false), ("escaped", holds_it, true)]
    {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let sender = TcpStream::connect(listener.local_addr()?)?;
        let (receiver, _) = listener.accept()?;
        receiver.set_read_timeout(Some(PATIENCE))?;

        let mut scene = Scene::new(name, UNREAD);
        let mut sent = 0;
        for payload in payloads {
            let mut wire = if escaping { escape(payload) } else { payload.to_vec() };
            wire.push(MARKER);
            let taken = send(&sender, &wire, SendFlags::NOSIGNAL)?;
            sent += taken;
            wait_until_unread(&receiver, sent)?;
            let unread = bytes_to_read(receiver.as_fd())?;
            scene.left(format!("send({}) = {taken}", quoted(&wire)), vec![unread.to_string()]);
        }
        sender.shutdown(Shutdown::Write)?;

        // Six bytes at a time: messages come both merged and cut, and it must not matter.
        let (mut found, mut rest, mut recvs) = (Vec::new(), Vec::new(), 0);
        let mut buffer = [0; 6];
        loop {
            let (taken, _) = recv(&receiver, &mut buffer[..], RecvFlags::empty())?;
            if taken == 0 {
                break;
            }
            recvs += 1;
            rest.extend_from_slice(&buffer[..taken]);
            let before = found.len();
            while let Some(end) = rest.iter().position(|byte| *byte == MARKER) {
                let wire: Vec<u8> = rest.drain(..=end).collect();
                let wire = &wire[..end];
                found.push(quoted(&if escaping { unescape(wire) } else { wire.to_vec() }));
            }
            let unread = bytes_to_read(receiver.as_fd())?;
            let call = format!("recv(6) = {taken} {}", quoted(&buffer[..taken]));
            scene.right_said(with_found(&call, &found[before..]), vec![unread.to_string()]);
        }
        let given: Vec<String> = payloads.iter().map(|payload| quoted(payload)).collect();
        seen.set(&format!("{name}_given"), given);
        seen.set(&format!("{name}_found"), found);
        seen.set(&format!("{name}_recvs"), recvs);
        seen.scenes.push(scene);
    }
    Ok(seen)
}

/// A recv, and the messages that it made whole.
fn with_found(call: &str, found: &[String]) -> Say {
    let messages = found.join(" ");
    match found.is_empty() {
        true => say!("{call} -> none yet", "{call} -> 还不够一条"),
        false => say!("{call} -> {messages}", "{call} -> {messages}"),
    }
}

/// Writes the marker, and the sign of an escape itself, as `%` and two hex digits.
pub(super) fn escape(payload: &[u8]) -> Vec<u8> {
    let mut wire = Vec::new();
    for byte in payload {
        match byte {
            b'%' | &MARKER => wire.extend_from_slice(format!("%{byte:02X}").as_bytes()),
            _ => wire.push(*byte),
        }
    }
    wire
}

/// Undoes [`escape`].
pub(super) fn unescape(wire: &[u8]) -> Vec<u8> {
    let mut payload = Vec::new();
    let mut rest = wire;
    while let Some((byte, after)) = rest.split_first() {
        let escaped = after.get(..2).filter(|_| *byte == b'%');
        let digits = escaped.and_then(|hex| std::str::from_utf8(hex).ok());
        match digits.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(value) => {
                payload.push(value);
                rest = &after[2..];
            }
            None => {
                payload.push(*byte);
                rest = after;
            }
        }
    }
    payload
}

/// The notes' structure as a C program on this machine lays it out.
#[repr(C)]
struct NativeHead {
    time: u64,
    length: u32,
}

/// Bytes of the structure's head in network order: Python's `!QI`.
const HEAD_BYTES: usize = 12;
/// And of the time in it, which comes first.
const TIME_BYTES: usize = 8;

/// Law `cure-struct`: time and length in front of the content carry any payload.
pub(super) fn cure_struct() -> io::Result<Evidence> {
    let mut seen = Evidence::new();
    let payloads: [&[u8]; 4] = [b"one", b"two;half", b"", b"\0\0\n"];
    let time = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |age| age.as_nanos() as u64);

    let listener = TcpListener::bind("127.0.0.1:0")?;
    let sender = TcpStream::connect(listener.local_addr()?)?;
    let (receiver, _) = listener.accept()?;
    receiver.set_read_timeout(Some(PATIENCE))?;
    let mut scene = Scene::new("network", UNREAD);
    let mut sent = 0;
    for payload in payloads {
        // struct.pack("!QI", time, len(payload)) + payload
        let mut wire = time.to_be_bytes().to_vec();
        wire.extend_from_slice(&(payload.len() as u32).to_be_bytes());
        wire.extend_from_slice(payload);
        if sent == 0 {
            seen.set("network_head", hex(&wire[..HEAD_BYTES]));
        }
        let taken = send(&sender, &wire, SendFlags::NOSIGNAL)?;
        sent += taken;
        wait_until_unread(&receiver, sent)?;
        let unread = bytes_to_read(receiver.as_fd())?;
        let (length, content) = (payload.len(), quoted(payload));
        let call = format!("send(time=T length={length} {content}) = {taken}");
        scene.left(call, vec![unread.to_string()]);
    }
    sender.shutdown(Shutdown::Write)?;

    let (mut found, mut rest, mut recvs) = (Vec::new(), Vec::new(), 0);
    let mut buffer = [0; 25];
    loop {
        let (taken, _) = recv(&receiver, &mut buffer[..], RecvFlags::empty())?;
        if taken == 0 {
            break;
        }
        recvs += 1;
        rest.extend_from_slice(&buffer[..taken]);
        let before = found.len();
        while let Some(head) = rest.get(TIME_BYTES..HEAD_BYTES) {
            let length = u32::from_be_bytes(head.try_into().expect("four bytes")) as usize;
            if rest.len() < HEAD_BYTES + length {
                break;
            }
            let message: Vec<u8> = rest.drain(..HEAD_BYTES + length).collect();
            found.push(quoted(&message[HEAD_BYTES..]));
        }
        let unread = bytes_to_read(receiver.as_fd())?;
        let call = format!("recv(25) = {taken}");
        scene.right_said(with_found(&call, &found[before..]), vec![unread.to_string()]);
    }
    let given: Vec<String> = payloads.iter().map(|payload| quoted(payload)).collect();
    seen.set("given", given);
    seen.set("found", found);
    seen.set("sends", payloads.len());
    seen.set("recvs", recvs);
    seen.set("head_bytes", HEAD_BYTES);
    seen.set("time_bytes", TIME_BYTES);
    seen.set("length_bytes", HEAD_BYTES - TIME_BYTES);
    seen.scenes.push(scene);
    native_head(time, payloads[0], &mut seen)?;
    Ok(seen)
}

/// The same head sent as this machine's C compiler lays it out, and read as `!QI`.
fn native_head(time: u64, payload: &[u8], seen: &mut Evidence) -> io::Result<()> {
    let head = NativeHead { time, length: payload.len() as u32 };
    let mut wire = head.time.to_ne_bytes().to_vec();
    wire.extend_from_slice(&head.length.to_ne_bytes());
    // C leaves what it likes in the padding; zeros here.
    wire.resize(size_of::<NativeHead>(), 0);
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let sender = TcpStream::connect(listener.local_addr()?)?;
    let (receiver, _) = listener.accept()?;
    receiver.set_read_timeout(Some(PATIENCE))?;
    let sent = send(&sender, &wire, SendFlags::NOSIGNAL)?;
    wait_until_unread(&receiver, sent)?;
    let mut buffer = [0; HEAD_BYTES];
    let (taken, _) = recv(&receiver, &mut buffer[..], RecvFlags::empty())?;
    let length = buffer[TIME_BYTES..].try_into().expect("four bytes");
    seen.set("native_head", hex(&wire));
    seen.set("native_head_bytes", sent);
    seen.set("native_read_bytes", taken);
    seen.set("native_length_sent", payload.len());
    seen.set("native_length_read", u32::from_be_bytes(length));
    Ok(())
}

/// The pause of the experiment; the notes sleep 100 ms.
const PAUSE: Duration = Duration::from_millis(20);

/// Law `cure-delay`: a pause between sends only seems to keep messages apart.
pub(super) fn cure_delay() -> io::Result<Evidence> {
    let mut seen = Evidence::new();
    seen.set("pause_ms", PAUSE.as_millis() as u64);
    to_a_prompt_receiver("prompt", PAUSE, &mut seen)?;
    to_a_prompt_receiver("unpaused", Duration::ZERO, &mut seen)?;
    to_a_late_receiver(&mut seen)?;
    Ok(seen)
}

/// Five messages of two bytes.
const PACED: [&[u8]; 5] = [b"m1", b"m2", b"m3", b"m4", b"m5"];

/// The receiver waits in recv all the time.
fn to_a_prompt_receiver(
    name: &'static str,
    pause: Duration,
    seen: &mut Evidence,
) -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let sender = TcpStream::connect(listener.local_addr()?)?;
    let (receiver, _) = listener.accept()?;
    receiver.set_read_timeout(Some(PATIENCE))?;

    let mut scene = Scene::new(name, &[]);
    let mut receiving = scene.clone();
    let (mut recvs, mut received, mut sent) = (0, 0, 0);
    let took = thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut buffer = [0; ROOM];
            loop {
                let (taken, _) = recv(&receiver, &mut buffer[..], RecvFlags::empty())?;
                if taken == 0 {
                    return Ok::<_, io::Error>(());
                }
                let call = format!("recv({ROOM}) = {taken} {}", quoted(&buffer[..taken]));
                receiving.right(call, Vec::new());
                recvs += 1;
                received += taken;
            }
        });
        let begun = Instant::now();
        for (n, message) in PACED.iter().enumerate() {
            if n > 0 {
                thread::sleep(pause);
            }
            let at_us = scene.now_us();
            let taken = send(&sender, message, SendFlags::NOSIGNAL)?;
            scene.left_at(at_us, format!("send({}) = {taken}", quoted(message)));
            sent += taken;
        }
        let took = begun.elapsed();
        sender.shutdown(Shutdown::Write)?;
        reader.join().expect("the reader does not panic")?;
        Ok::<_, io::Error>(took)
    })?;
    scene.merge(receiving);
    seen.set(&format!("{name}_sends"), PACED.len());
    seen.set(&format!("{name}_sent_bytes"), sent);
    seen.set(&format!("{name}_recvs"), recvs);
    seen.set(&format!("{name}_received_bytes"), received);
    seen.set(&format!("{name}_us"), took.as_micros() as u64);
    seen.scenes.push(scene);
    Ok(())
}

/// The same pauses, but the receiver is busy with something else until all has arrived.
fn to_a_late_receiver(seen: &mut Evidence) -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let sender = TcpStream::connect(listener.local_addr()?)?;
    let (receiver, _) = listener.accept()?;
    receiver.set_read_timeout(Some(PATIENCE))?;

    let mut scene = Scene::new("late", UNREAD);
    let mut sent = 0;
    let begun = Instant::now();
    for (n, message) in PACED.iter().enumerate() {
        if n > 0 {
            thread::sleep(PAUSE);
        }
        let taken = send(&sender, message, SendFlags::NOSIGNAL)?;
        sent += taken;
        wait_until_unread(&receiver, sent)?;
        let unread = bytes_to_read(receiver.as_fd())?;
        scene.left(format!("send({}) = {taken}", quoted(message)), vec![unread.to_string()]);
    }
    let took = begun.elapsed();
    sender.shutdown(Shutdown::Write)?;
    let (mut recvs, mut received) = (0, 0);
    let mut buffer = [0; ROOM];
    loop {
        let (taken, _) = recv(&receiver, &mut buffer[..], RecvFlags::empty())?;
        if taken == 0 {
            break;
        }
        let unread = bytes_to_read(receiver.as_fd())?;
        let call = format!("recv({ROOM}) = {taken} {}", quoted(&buffer[..taken]));
        scene.right(call, vec![unread.to_string()]);
        recvs += 1;
        received += taken;
    }
    seen.set("late_sends", PACED.len());
    seen.set("late_sent_bytes", sent);
    seen.set("late_recvs", recvs);
    seen.set("late_received_bytes", received);
    seen.set("late_us", took.as_micros() as u64);
    seen.scenes.push(scene);
    Ok(())
}
