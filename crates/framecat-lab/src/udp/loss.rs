//! What does not arrive, and what sendto says of it. Judged in `judge.rs`, told in `told_loss.rs`.

use std::io;
use std::net::UdpSocket;
use std::os::fd::AsFd;

use framecat_net::sockopt::{drops, set_receive_buffer};
use rustix::net::sockopt::socket_recv_buffer_size;
use rustix::net::{RecvFlags, SendFlags, connect, recv, recvfrom, sendto};

use super::peers::closed_port;
use super::{address, outcome, udp, wait_until, waiting};
use crate::evidence::{Evidence, Scene};
use crate::lang::Text;

/// How many datagrams wait at the receiver (SO_PEEK_OFF), and how many its kernel dropped for want of
/// room (SO_MEMINFO).
const ROOM: &[Text] = &[Text::new("WAITING", "未读"), Text::new("DROPS", "丢弃")];

/// Law `udp-unreliable`: what finds no room at the receiver is gone, and the sender is not told.
pub(super) fn udp_unreliable() -> io::Result<Evidence> {
    let mut seen = Evidence::new();
    to_a_receiver_that_reads_late(&mut seen)?;
    to_a_receiver_that_reads_at_once(&mut seen)?;
    Ok(seen)
}

const SENDS: usize = 12;
const EACH_BYTES: usize = 100;

/// More than the smallest receive buffer of any kernel holds.
const FILLERS_MAX: usize = 1_000;

/// A datagram that begins with its number.
fn numbered(n: usize) -> Vec<u8> {
    let mut message = format!("{n:02} ").into_bytes();
    message.resize(EACH_BYTES, b'.');
    message
}

/// The number of such a datagram.
fn number_of(message: &[u8]) -> String {
    String::from_utf8_lossy(&message[..message.len().min(2)]).into_owned()
}

/// A receiver with as small a buffer as the kernel allows.
fn with_a_small_buffer() -> io::Result<UdpSocket> {
    let receiver = udp()?;
    set_receive_buffer(receiver.as_fd(), 1)?;
    Ok(receiver)
}

fn to_a_receiver_that_reads_late(seen: &mut Evidence) -> io::Result<()> {
    let receiver = with_a_small_buffer()?;
    let sender = udp()?;
    let to = address(&receiver)?;
    let room = || -> io::Result<Vec<String>> {
        Ok(vec![waiting(&receiver)?.len().to_string(), drops(receiver.as_fd())?.to_string()])
    };
    let mut scene = Scene::new("late", ROOM);
    let mut taken_whole = 0;
    for n in 1..=SENDS {
        let taken = sendto(&sender, &numbered(n), SendFlags::empty(), &to)?;
        taken_whole += usize::from(taken == EACH_BYTES);
        // Nothing is read yet, so each is either waiting or dropped.
        wait_until(|| Ok(waiting(&receiver)?.len() + drops(receiver.as_fd())? as usize >= n))?;
        scene.left(format!("sendto(\"{n:02} ...\") = {taken}"), room()?);
    }
    let mut arrived = Vec::new();
    let mut buffer = [0; 1024];
    let after = loop {
        match recvfrom(&receiver, &mut buffer[..], RecvFlags::DONTWAIT) {
            Ok((taken, _, _)) => {
                let number = number_of(&buffer[..taken]);
                scene.right(format!("recvfrom(1024) = {taken} \"{number} ...\""), room()?);
                arrived.push(number);
            }
            Err(errno) => break outcome(Err(errno)),
        }
    };
    scene.right(format!("recvfrom(1024, MSG_DONTWAIT) = {after}"), room()?);
    // There is room again, and only the numbers show that something is missing.
    let taken = sendto(&sender, &numbered(SENDS + 1), SendFlags::empty(), &to)?;
    wait_until(|| Ok(!waiting(&receiver)?.is_empty()))?;
    scene.left(format!("sendto(\"{:02} ...\") = {taken}", SENDS + 1), room()?);
    let (taken, _, _) = recvfrom(&receiver, &mut buffer[..], RecvFlags::empty())?;
    let later = number_of(&buffer[..taken]);
    scene.right(format!("recvfrom(1024) = {taken} \"{later} ...\""), room()?);
    seen.set("late_sends", SENDS);
    seen.set("late_taken_whole", taken_whole);
    seen.set("late_arrived", arrived.len());
    seen.set("late_lost", SENDS - arrived.len());
    seen.set("late_dropped", drops(receiver.as_fd())?);
    seen.set("late_last", arrived.last().cloned().unwrap_or_default());
    seen.set("late_later", later);
    seen.set("buffer_bytes", socket_recv_buffer_size(&receiver)?);
    seen.set("each_bytes", EACH_BYTES);
    seen.scenes.push(scene);
    Ok(())
}

fn to_a_receiver_that_reads_at_once(seen: &mut Evidence) -> io::Result<()> {
    let receiver = with_a_small_buffer()?;
    let sender = udp()?;
    let to = address(&receiver)?;
    let mut buffer = [0; 1024];
    let mut arrived = 0;
    for n in 1..=SENDS {
        sendto(&sender, &numbered(n), SendFlags::empty(), &to)?;
        let (taken, _, _) = recvfrom(&receiver, &mut buffer[..], RecvFlags::empty())?;
        arrived += usize::from(buffer[..taken] == *numbered(n));
    }
    seen.set("prompt_sends", SENDS);
    seen.set("prompt_arrived", arrived);
    seen.set("prompt_dropped", drops(receiver.as_fd())?);
    Ok(())
}

/// Law `udp-count`: sendto gives the bytes that this kernel took, whatever becomes of them.
pub(super) fn udp_count() -> io::Result<Evidence> {
    let mut seen = Evidence::new();
    let message = "你好".as_bytes();
    let given = message.len();
    seen.set("characters", "你好".chars().count());
    seen.set("given_bytes", given);
    let mut buffer = [0; 1024];

    let (sender, receiver) = (udp()?, udp()?);
    let mut scene = to_whom("reads", Text::new("A READER", "会读的接收端"));
    let taken = sendto(&sender, message, SendFlags::empty(), &address(&receiver)?)?;
    scene.left(format!("sendto({given} B) = {taken}"), Vec::new());
    let (got, _, _) = recvfrom(&receiver, &mut buffer[..], RecvFlags::empty())?;
    scene.right(format!("recvfrom(1024) = {got}"), Vec::new());
    seen.set("reads_returned", taken);
    seen.set("reads_arrived_bytes", if buffer[..got] == *message { got } else { 0 });
    seen.scenes.push(scene);

    // Connected, so that the refusal can be heard: nobody else could have taken the datagram.
    let sender = udp()?;
    let closed = closed_port()?;
    connect(&sender, &closed)?;
    let mut scene = to_whom("closed", Text::new("A CLOSED PORT", "没人监听的端口"));
    let taken = sendto(&sender, message, SendFlags::empty(), &closed)?;
    scene.left(format!("sendto({given} B) = {taken}"), Vec::new());
    let answer = outcome(recv(&sender, &mut buffer[..], RecvFlags::empty()).map(|got| got.0));
    scene.left(format!("recv(1024) = {answer}"), Vec::new());
    seen.set("closed_returned", taken);
    // The answer says that no socket had it. Any other is none, and the verdict says so.
    seen.set("closed_arrived_bytes", if answer == "ECONNREFUSED" { 0 } else { given });
    seen.set("closed_answer", answer);
    seen.scenes.push(scene);

    let (sender, receiver) = (udp()?, with_a_small_buffer()?);
    let to = address(&receiver)?;
    let dropped = || drops(receiver.as_fd());
    let settled = || Ok::<_, io::Error>(waiting(&receiver)?.len() + dropped()? as usize);
    let mut before = 0;
    while dropped()? == 0 {
        if before == FILLERS_MAX {
            return Err(io::Error::other("the smallest receive buffer does not fill"));
        }
        // As long as the message: a shorter one might still find room.
        sendto(&sender, &vec![b'x'; given], SendFlags::empty(), &to)?;
        before += 1;
        wait_until(|| Ok(settled()? >= before))?;
    }
    let mut scene = to_whom("full", Text::new("A FULL BUFFER", "缓冲区满的接收端"));
    let had = dropped()?;
    let taken = sendto(&sender, message, SendFlags::empty(), &to)?;
    wait_until(|| Ok(settled()? > before))?;
    let lost = dropped()? - had;
    scene.left(format!("sendto({given} B) = {taken}"), Vec::new());
    scene.right(format!("getsockopt(SO_MEMINFO): drops +{lost}"), Vec::new());
    let mut arrived = 0;
    while let Ok((got, _, _)) = recvfrom(&receiver, &mut buffer[..], RecvFlags::DONTWAIT) {
        arrived += if buffer[..got] == *message { got } else { 0 };
    }
    seen.set("full_returned", taken);
    seen.set("full_dropped", lost);
    seen.set("full_arrived_bytes", arrived);
    seen.scenes.push(scene);

    // More than a datagram can hold: all or nothing, never a part.
    let too_long = vec![b'x'; usize::from(u16::MAX)];
    let over = outcome(sendto(&sender, &too_long, SendFlags::empty(), &to));
    seen.set("over_bytes", too_long.len());
    seen.set("over", over);
    Ok(seen)
}

fn to_whom(name: &'static str, receiver: Text) -> Scene {
    let mut scene = Scene::new(name, &[]);
    scene.right = receiver;
    scene
}
