//! What a TCP connection promises, what the promise costs, and what it does not hold: order and
//! completeness, delay, and the price of a connection. Judged in `trust/judge.rs`, told in
//! `trust/told.rs`.
//!
//! Segments are lost on purpose, by a time to live that the receiving kernel refuses, and datagrams by
//! a full receive buffer: loopback itself loses none.

use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::AsFd;
use std::time::Instant;

use framecat_net::sockopt::{TcpState, bytes_unsent, tcp_info};
use rustix::net::sockopt::set_tcp_nodelay;
use rustix::net::{RecvFlags, SendFlags, send};
use socket2::SockRef;

use super::PATIENCE;
use super::wire::{
    Way, client_and_server, connected, counted, recv_some, segments, send_into_a_full_buffer,
    shown, state, wait_until,
};
use crate::evidence::{Evidence, Scene, quoted};
use crate::lang::Text;

mod judge;
#[cfg(test)]
mod tests;
pub(super) mod told;

/// Segments with data that were sent, those sent again included, and those that came (TCP_INFO).
const CROSSED: &[Text] = &[Text::new("SENT", "已发段"), Text::new("CAME", "到达段")];

/// Datagrams that the kernel dropped at the receiver at this send (SO_MEMINFO).
const DROPPED: &[Text] = &[Text::new("DROPPED", "丢弃")];

/// On a busy machine the kernel may send the lost segment again in the very moment in which another is
/// let through: then the run is made again, so often at most.
const TRIES_MAX: usize = 5;

/// Law `tcp-reliable`: what is lost is sent again; but a send is no delivery, and bytes no messages.
fn tcp_reliable() -> io::Result<Evidence> {
    let mut seen = Evidence::new();
    for _ in 0..TRIES_MAX {
        seen.scenes.clear();
        one_segment_is_lost(&mut seen)?;
        if seen.word("held_recv") == "EAGAIN" {
            break;
        }
    }
    one_datagram_is_lost(&mut seen)?;
    sent_and_acknowledged_and_never_read(&mut seen)?;
    Ok(seen)
}

const MESSAGES: [&[u8]; 3] = [b"1 one;", b"2 two;", b"3 three;"];

fn one_segment_is_lost(seen: &mut Evidence) -> io::Result<()> {
    let (sender, receiver) = connected()?;
    set_tcp_nodelay(&sender, true)?;
    let way = Way::new(&sender, &receiver)?;
    let mut scene = Scene::new("segment", CROSSED);
    let [one, two, three] = MESSAGES;
    let mut sent = 0;
    for (message, lost) in [(one, false), (two, true), (three, false)] {
        let taken = if lost { way.send_and_lose(message)? } else { way.send_through(message)? };
        scene.left(format!("send({}) = {taken}", quoted(message)), way.crossed()?);
        sent += taken;
    }
    let first = recv_some(&receiver, 64, RecvFlags::empty());
    scene.right(format!("recv(64) = {}", shown(&first)), way.crossed()?);
    let held = recv_some(&receiver, 64, RecvFlags::DONTWAIT);
    scene.right(format!("recv(64, MSG_DONTWAIT) = {}", shown(&held)), way.crossed()?);
    way.heal()?;
    scene.right("IP_MINTTL=0".into(), way.crossed()?);
    let mut received = first.1.clone();
    let mut recvs: u64 = 1;
    while received.len() < sent {
        let more = recv_some(&receiver, 64, RecvFlags::empty());
        scene.right(format!("recv(64) = {}", shown(&more)), way.crossed()?);
        if more.1.is_empty() {
            break;
        }
        recvs += 1;
        received.extend_from_slice(&more.1);
    }
    seen.set("sends", MESSAGES.len());
    seen.set("sent", MESSAGES.concat().escape_ascii().to_string());
    seen.set("first_recv", first.1.escape_ascii().to_string());
    seen.set("held_recv", held.0);
    seen.set("received", received.escape_ascii().to_string());
    seen.set("recvs", recvs);
    seen.set("sent_again", tcp_info(sender.as_fd())?.total_retrans);
    seen.scenes.push(scene);
    Ok(())
}

/// A UDP receiver with the smallest buffer that the kernel gives, and a sender to it.
fn datagrams() -> io::Result<(UdpSocket, UdpSocket)> {
    let receiver = UdpSocket::bind("127.0.0.1:0")?;
    SockRef::from(&receiver).set_recv_buffer_size(1)?;
    receiver.set_read_timeout(Some(PATIENCE))?;
    let sender = UdpSocket::bind("127.0.0.1:0")?;
    sender.connect(receiver.local_addr()?)?;
    Ok((sender, receiver))
}

fn one_datagram_is_lost(seen: &mut Evidence) -> io::Result<()> {
    let (sender, receiver) = datagrams()?;
    let mut scene = Scene::new("datagram", DROPPED);
    let dropped = |this: u32| vec![this.to_string()];
    let mut received = Vec::new();
    let [one, two, three] = MESSAGES;
    for (message, lost) in [(one, false), (two, true), (three, false)] {
        if lost {
            let (taken, gone) = send_into_a_full_buffer(&sender, &receiver, message)?;
            scene.left(format!("send({}) = {taken}", quoted(message)), dropped(gone));
            seen.set("udp_lost_send", taken);
            seen.set("udp_dropped", gone);
        } else {
            let taken = counted(send(&sender, message, SendFlags::NOSIGNAL));
            scene.left(format!("send({}) = {taken}", quoted(message)), dropped(0));
            let datagram = recv_some(&receiver, 64, RecvFlags::empty());
            scene.right(format!("recv(64) = {}", shown(&datagram)), Vec::new());
            received.extend(datagram.1);
        }
    }
    let nothing = recv_some(&receiver, 64, RecvFlags::DONTWAIT);
    scene.right(format!("recv(64, MSG_DONTWAIT) = {}", shown(&nothing)), Vec::new());
    seen.set("udp_received", received.escape_ascii().to_string());
    seen.set("udp_rest", nothing.0);
    seen.scenes.push(scene);
    Ok(())
}

fn sent_and_acknowledged_and_never_read(seen: &mut Evidence) -> io::Result<()> {
    const UNACKED: &[Text] = &[Text::new("UNACKED", "未确认")];
    let (sender, receiver) = connected()?;
    let unacked = || Ok::<_, io::Error>(vec![format!("{} B", bytes_unsent(sender.as_fd())?)]);
    let mut scene = Scene::new("undelivered", UNACKED);
    let taken = send(&sender, b"order", SendFlags::NOSIGNAL)?;
    wait_until(|| Ok(bytes_unsent(sender.as_fd())? == 0))?;
    scene.left(format!("send({}) = {taken}", quoted(b"order")), unacked()?);
    seen.set("order_sent", taken);
    seen.set("order_unacked", bytes_unsent(sender.as_fd())?);
    drop(receiver);
    wait_until(|| Ok(state(&sender)? == TcpState::Close))?;
    scene.right("close() = 0".into(), vec![]);
    let told = recv_some(&sender, 64, RecvFlags::empty());
    scene.left(format!("recv(64) = {}", shown(&told)), vec![]);
    seen.set("order_recv", told.0);
    seen.scenes.push(scene);
    Ok(())
}

/// Law `realtime`: what came is held back behind what is lost; on UDP it is not.
fn realtime() -> io::Result<Evidence> {
    let mut seen = Evidence::new();
    for _ in 0..TRIES_MAX {
        seen.scenes.clear();
        frames_on_tcp(&mut seen)?;
        if seen.count("tcp_given_before_repair") == 0 {
            break;
        }
    }
    frames_on_udp(&mut seen)?;
    Ok(seen)
}

const FRAMES: [&[u8]; 4] = [b"1", b"2", b"3", b"4"];

fn frames_on_tcp(seen: &mut Evidence) -> io::Result<()> {
    let (sender, receiver) = connected()?;
    set_tcp_nodelay(&sender, true)?;
    let way = Way::new(&sender, &receiver)?;
    let mut scene = Scene::new("tcp", CROSSED);
    let mut given = 0;
    let mut second_sent = Instant::now();
    let mut waiting = String::new();
    for frame in FRAMES {
        if frame == FRAMES[1] {
            second_sent = Instant::now();
        }
        let lost = frame == FRAMES[0];
        let taken = if lost { way.send_and_lose(frame)? } else { way.send_through(frame)? };
        scene.left(format!("send({}) = {taken}", quoted(frame)), way.crossed()?);
        let now = recv_some(&receiver, 64, RecvFlags::DONTWAIT);
        given += now.1.len();
        scene.right(format!("recv(64, MSG_DONTWAIT) = {}", shown(&now)), way.crossed()?);
        waiting = now.0;
    }
    seen.set("tcp_frames", FRAMES.len());
    seen.set("tcp_came", way.came()?);
    seen.set("tcp_given_before_repair", given);
    seen.set("tcp_last_recv", waiting);
    way.heal()?;
    scene.right("IP_MINTTL=0".into(), way.crossed()?);
    let mut after = Vec::new();
    while given + after.len() < FRAMES.len() {
        let late = recv_some(&receiver, 64, RecvFlags::empty());
        scene.right(format!("recv(64) = {}", shown(&late)), way.crossed()?);
        if late.1.is_empty() {
            break;
        }
        after.extend(late.1);
    }
    seen.set("tcp_second_waited_us", second_sent.elapsed().as_micros() as u64);
    seen.set("tcp_after_repair", after.escape_ascii().to_string());
    seen.set("tcp_sent_again", tcp_info(sender.as_fd())?.total_retrans);
    seen.scenes.push(scene);
    Ok(())
}

fn frames_on_udp(seen: &mut Evidence) -> io::Result<()> {
    let (sender, receiver) = datagrams()?;
    let mut scene = Scene::new("udp", DROPPED);
    let mut received = Vec::new();
    for frame in FRAMES {
        if frame == FRAMES[0] {
            let (taken, gone) = send_into_a_full_buffer(&sender, &receiver, frame)?;
            scene.left(format!("send({}) = {taken}", quoted(frame)), vec![gone.to_string()]);
            let none = recv_some(&receiver, 64, RecvFlags::DONTWAIT);
            scene.right(format!("recv(64, MSG_DONTWAIT) = {}", shown(&none)), Vec::new());
            seen.set("udp_dropped", gone);
            seen.set("udp_first_recv", none.0);
            continue;
        }
        let sent_at = Instant::now();
        let taken = counted(send(&sender, frame, SendFlags::NOSIGNAL));
        scene.left(format!("send({}) = {taken}", quoted(frame)), vec!["0".into()]);
        // The first is lost, and nobody waits for it.
        let now = recv_some(&receiver, 64, RecvFlags::empty());
        scene.right(format!("recv(64) = {}", shown(&now)), Vec::new());
        if frame == FRAMES[1] {
            seen.set("udp_second_waited_us", sent_at.elapsed().as_micros() as u64);
        }
        received.extend(now.1);
    }
    seen.set("udp_received", received.escape_ascii().to_string());
    seen.scenes.push(scene);
    Ok(())
}

/// Law `short-long`: what a connection for each exchange costs beside one for all.
fn short_long() -> io::Result<Evidence> {
    const EXCHANGES: usize = 20;
    let mut seen = Evidence::new();
    seen.set("exchanges", EXCHANGES);
    // A client that closes after each exchange, and one that keeps its connection.
    for (name, connections, each) in [("short", EXCHANGES, 1), ("long", 1, EXCHANGES)] {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let begun = Instant::now();
        let (mut answers, mut crossed, mut ports) = (0, 0, Vec::new());
        for _ in 0..connections {
            let client = TcpStream::connect(listener.local_addr()?)?;
            let (server, _) = listener.accept()?;
            for end in [&client, &server] {
                end.set_read_timeout(Some(PATIENCE))?;
            }
            for _ in 0..each {
                send(&client, b"question", SendFlags::NOSIGNAL)?;
                recv_some(&server, 64, RecvFlags::empty());
                send(&server, b"200", SendFlags::NOSIGNAL)?;
                let answer = recv_some(&client, 64, RecvFlags::empty());
                answers += usize::from(answer.1 == b"200");
            }
            ports.push(client.local_addr()?);
            server.shutdown(Shutdown::Write)?;
            recv_some(&client, 64, RecvFlags::empty());
            client.shutdown(Shutdown::Write)?;
            wait_until(|| Ok(state(&server)? == TcpState::Close))?;
            crossed += segments(&client)?;
        }
        let took = begun.elapsed().as_micros() as u64;
        ports.sort();
        ports.dedup();
        seen.set(&format!("{name}_connections"), connections);
        seen.set(&format!("{name}_answers"), answers);
        seen.set(&format!("{name}_client_ports"), ports.len());
        seen.set(&format!("{name}_segments"), crossed);
        seen.set(&format!("{name}_us_each"), took / EXCHANGES as u64);
        seen.set(&format!("{name}_left_in_table"), time_waits(listener.local_addr()?));
    }
    the_loop_of_the_notes(&mut seen)?;
    Ok(seen)
}

/// Rows of /proc/net/tcp in TIME-WAIT with this local port; `unreadable` where there is no table.
fn time_waits(server: SocketAddr) -> String {
    const TIME_WAIT: &str = "06";
    let Ok(table) = std::fs::read_to_string("/proc/net/tcp") else { return "unreadable".into() };
    let port = format!(":{:04X}", server.port());
    let rows = table.lines().filter(|line| {
        let mut words = line.split_whitespace().skip(1);
        let local = words.next().unwrap_or_default();
        local.ends_with(&port) && words.nth(1) == Some(TIME_WAIT)
    });
    rows.count().to_string()
}

/// `while True: accept, recv, send(b"200"), close`, and a client that would like to ask twice.
fn the_loop_of_the_notes(seen: &mut Evidence) -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let mut scene = client_and_server("loop", &[]);
    let client = TcpStream::connect(listener.local_addr()?)?;
    client.set_read_timeout(Some(PATIENCE))?;
    let asked = counted(send(&client, b"first", SendFlags::NOSIGNAL));
    scene.left(format!("send({}) = {asked}", quoted(b"first")), Vec::new());
    let (conn, _) = listener.accept()?;
    conn.set_read_timeout(Some(PATIENCE))?;
    scene.right("accept() = conn".into(), Vec::new());
    let question = recv_some(&conn, 64, RecvFlags::empty());
    scene.right(format!("recv(64) = {}", shown(&question)), Vec::new());
    let answered = counted(send(&conn, b"200", SendFlags::NOSIGNAL));
    scene.right(format!("send({}) = {answered}", quoted(b"200")), Vec::new());
    drop(conn);
    scene.right("close() = 0".into(), Vec::new());
    let answer = recv_some(&client, 64, RecvFlags::empty());
    scene.left(format!("recv(64) = {}", shown(&answer)), Vec::new());
    let end = recv_some(&client, 64, RecvFlags::empty());
    scene.left(format!("recv(64) = {}", shown(&end)), Vec::new());
    let second = counted(send(&client, b"second", SendFlags::NOSIGNAL));
    scene.left(format!("send({}) = {second}", quoted(b"second")), Vec::new());
    wait_until(|| Ok(state(&client)? == TcpState::Close))?;
    let third = counted(send(&client, b"second", SendFlags::NOSIGNAL));
    scene.left(format!("send({}) = {third}", quoted(b"second")), Vec::new());
    seen.set("loop_answer", answer.1.escape_ascii().to_string());
    seen.set("loop_recv", end.0);
    seen.set("loop_last_send", third);
    seen.scenes.push(scene);
    Ok(())
}
