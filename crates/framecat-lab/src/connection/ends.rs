//! How a connection ends: both say goodbye, one is killed, one vanishes. Judged in `ends/judge.rs`,
//! told in `ends/told.rs`.

use std::io;
use std::net::{Shutdown, TcpStream};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use framecat_net::sockopt::{TcpState, bytes_unsent, tcp_info};
use rustix::net::sockopt::set_tcp_user_timeout;
use rustix::net::{RecvFlags, SendFlags, send};

use super::wire::{
    client_and_server, connected, counted, lose_all, recv_some, row_of_table, segments, shown,
    state, wait_until,
};
use super::{PATIENCE, returned};
use crate::evidence::{Evidence, Scene, quoted};
use crate::lang::Text;

mod judge;
#[cfg(test)]
mod tests;
pub(super) mod told;

/// The states of both ends (TCP_INFO), and between them the segments of the goodbye so far.
const STATES: &[Text] = &[
    Text::new("CLIENT IS", "客户端状态"),
    Text::new("SEGMENTS", "报文段"),
    Text::new("SERVER IS", "服务器状态"),
];

/// A busy machine may send a segment again or late: then the run is made again, so often at most.
const TRIES_MAX: u64 = 20;

/// Law `close-four-way`: four segments when one end lingers, three when both close at once.
fn close_four_way() -> io::Result<Evidence> {
    let mut seen = Evidence::new();
    for attempt in 1..=TRIES_MAX {
        let sent_again = one_end_lingers(&mut seen)?;
        seen.set("lingering_runs", attempt);
        if !sent_again {
            break;
        }
    }
    for attempt in 1..=TRIES_MAX {
        both_close_at_once(&mut seen)?;
        seen.set("at_once_runs", attempt);
        if seen.count("at_once_segments") < seen.count("lingering_segments") {
            break;
        }
    }
    Ok(seen)
}

/// Returns whether a segment had to be sent again, which would count twice.
fn one_end_lingers(seen: &mut Evidence) -> io::Result<bool> {
    let (client, server) = connected()?;
    let before = segments(&client)?;
    let so_far = || {
        let goodbye = segments(&client)? - before;
        Ok::<_, io::Error>(vec![
            state(&client)?.to_string(),
            goodbye.to_string(),
            state(&server)?.to_string(),
        ])
    };
    let mut scene = client_and_server("lingering", STATES);
    scene.left("connect() = 0".into(), so_far()?);

    client.shutdown(Shutdown::Write)?;
    scene.left("shutdown(WR) = 0".into(), so_far()?);
    // The server's kernel acknowledges the FIN late, in the hope that the server ends too.
    wait_until(|| Ok(state(&client)? == TcpState::FinWait2))?;
    scene.left("(ACK)".into(), so_far()?);
    let half = so_far()?;
    let end = recv_some(&server, 64, RecvFlags::empty());
    scene.right(format!("recv(64) = {}", shown(&end)), so_far()?);

    server.shutdown(Shutdown::Write)?;
    wait_until(|| Ok(state(&client)? == TcpState::Close && state(&server)? == TcpState::Close))?;
    scene.right("shutdown(WR) = 0".into(), so_far()?);

    let (ours, theirs) = (client.local_addr()?, client.peer_addr_or(&server)?);
    seen.set("half_segments", half[1].parse::<u64>().unwrap_or_default());
    seen.set("half_client", half[0].clone());
    seen.set("half_server", half[2].clone());
    seen.set("server_recv", end.0);
    seen.set("lingering_segments", segments(&client)? - before);
    seen.set("end_client", state(&client)?.to_string());
    seen.set("end_server", state(&server)?.to_string());
    seen.set("table_client", row_of_table(ours, theirs));
    seen.set("table_server", row_of_table(theirs, ours));
    seen.scenes.retain(|old| old.name != scene.name);
    seen.scenes.push(scene);
    let again = |end: &TcpStream| Ok::<_, io::Error>(tcp_info(end.as_fd())?.total_retrans > 0);
    Ok(again(&client)? || again(&server)?)
}

/// The name of the other end, once the connection is over and getpeername gives ENOTCONN.
trait PeerOr {
    fn peer_addr_or(&self, other: &TcpStream) -> io::Result<std::net::SocketAddr>;
}

impl PeerOr for TcpStream {
    fn peer_addr_or(&self, other: &TcpStream) -> io::Result<std::net::SocketAddr> {
        self.peer_addr().or_else(|_| other.local_addr())
    }
}

fn both_close_at_once(seen: &mut Evidence) -> io::Result<()> {
    let (client, server) = connected()?;
    let before = segments(&client)?;
    let mut scene = client_and_server("at_once", STATES);
    let so_far = || {
        let goodbye = segments(&client)? - before;
        Ok::<_, io::Error>(vec![
            state(&client)?.to_string(),
            goodbye.to_string(),
            state(&server)?.to_string(),
        ])
    };
    // Nothing between the two calls: the server's FIN is to overtake its kernel's late ACK.
    let first_us = scene.now_us();
    client.shutdown(Shutdown::Write)?;
    server.shutdown(Shutdown::Write)?;
    scene.left_at(first_us, "shutdown(WR) = 0".into());
    wait_until(|| Ok(state(&client)? == TcpState::Close && state(&server)? == TcpState::Close))?;
    scene.right("shutdown(WR) = 0".into(), so_far()?);
    seen.set("at_once_segments", segments(&client)? - before);
    seen.scenes.retain(|old| old.name != scene.name);
    seen.scenes.push(scene);
    Ok(())
}

/// Law `peer-killed`: a kernel says goodbye for a killed process; nobody does for a vanished host.
fn peer_killed() -> io::Result<Evidence> {
    // The vanished host takes the kernel a while: beside the rest.
    let vanished = thread::spawn(peer_vanished);
    let mut seen = Evidence::new();
    seen.set("child", "0");
    let killed = killed_in_recv(&mut seen).and_then(|()| killed_with_unread_bytes(&mut seen));
    let vanished = vanished.join().expect("the experiment does not panic")?;
    killed?;
    seen.figures.extend(vanished.figures);
    seen.scenes.extend(vanished.scenes);
    Ok(seen)
}

/// A child that is killed and waited for, whatever becomes of the experiment.
struct Mortal(Child);

impl Mortal {
    /// Kills it with the signal that no program can catch; returns the signal it died of.
    fn kill(&mut self) -> io::Result<i32> {
        self.0.kill()?;
        self.0.wait()?.signal().ok_or_else(|| io::ErrorKind::Other.into())
    }
}

impl Drop for Mortal {
    fn drop(&mut self) {
        // Both fail where it is dead and waited for already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

const KILLED: &[Text] = &[Text::new("CLIENT IS", "客户端状态")];

fn killed_in_recv(seen: &mut Evidence) -> io::Result<()> {
    let (client, server) = connected()?;
    let mut command = Command::new("cat");
    command.stdin(OwnedFd::from(server.try_clone()?)).stdout(OwnedFd::from(server));
    let child = command.stderr(Stdio::null()).spawn();
    seen.set("child", returned(&child));
    let Ok(child) = child else { return Ok(()) };
    let mut child = Mortal(child);
    // The command still holds the socket, and a socket lives as long as one process holds it.
    drop(command);

    let is = || Ok::<_, io::Error>(vec![state(&client)?.to_string()]);
    let mut scene = client_and_server("killed", KILLED);
    let sent = counted(send(&client, b"hello", SendFlags::NOSIGNAL));
    scene.left(format!("send({}) = {sent}", quoted(b"hello")), is()?);
    let echo = recv_some(&client, 64, RecvFlags::empty());
    scene.left(format!("recv(64) = {}", shown(&echo)), is()?);
    let signal = child.kill()?;
    wait_until(|| Ok(state(&client)? != TcpState::Established))?;
    scene.right(format!("cat: kill({signal})"), is()?);
    let end = recv_some(&client, 64, RecvFlags::empty());
    scene.left(format!("recv(64) = {}", shown(&end)), is()?);
    let first = counted(send(&client, b"again", SendFlags::NOSIGNAL));
    wait_until(|| Ok(state(&client)? == TcpState::Close))?;
    scene.left(format!("send({}) = {first}", quoted(b"again")), is()?);
    let second = counted(send(&client, b"again", SendFlags::NOSIGNAL));
    scene.left(format!("send({}) = {second}", quoted(b"again")), is()?);

    seen.set("echo", echo.1.escape_ascii().to_string());
    seen.set("signal", signal);
    seen.set("killed_recv", end.0);
    seen.set("killed_first_send", first);
    seen.set("killed_second_send", second);
    seen.scenes.push(scene);
    Ok(())
}

fn killed_with_unread_bytes(seen: &mut Evidence) -> io::Result<()> {
    let (client, server) = connected()?;
    // It holds the socket as its standard input and never reads it.
    let mut command = Command::new("sleep");
    command.arg("60").stdin(OwnedFd::from(server)).stdout(Stdio::null());
    let child = command.stderr(Stdio::null()).spawn();
    seen.set("child", returned(&child));
    let Ok(child) = child else { return Ok(()) };
    let mut child = Mortal(child);
    drop(command);

    let is = || Ok::<_, io::Error>(vec![state(&client)?.to_string()]);
    let mut scene = client_and_server("unread", KILLED);
    let sent = counted(send(&client, b"hello", SendFlags::NOSIGNAL));
    wait_until(|| Ok(bytes_unsent(client.as_fd())? == 0))?;
    scene.left(format!("send({}) = {sent}", quoted(b"hello")), is()?);
    let signal = child.kill()?;
    wait_until(|| Ok(state(&client)? == TcpState::Close))?;
    scene.right(format!("sleep: kill({signal})"), is()?);
    let first = recv_some(&client, 64, RecvFlags::empty());
    scene.left(format!("recv(64) = {}", shown(&first)), is()?);
    let later = recv_some(&client, 64, RecvFlags::empty());
    scene.left(format!("recv(64) = {}", shown(&later)), is()?);
    let after = counted(send(&client, b"again", SendFlags::NOSIGNAL));
    scene.left(format!("send({}) = {after}", quoted(b"again")), is()?);

    seen.set("unread_recv", first.0);
    seen.set("unread_later_recv", later.0);
    seen.set("unread_send", after);
    seen.scenes.push(scene);
    Ok(())
}

/// What is watched of a connection whose peer is out of reach.
const VANISHED: &[Text] = &[
    Text::new("CLIENT IS", "客户端状态"),
    Text::new("UNACKED", "未确认"),
    Text::new("SENT AGAIN", "重发"),
];

fn peer_vanished() -> io::Result<Evidence> {
    const USER_TIMEOUT_MS: u32 = 20;
    let mut seen = Evidence::new();
    let (client, server) = connected()?;
    let is = || {
        let info = tcp_info(client.as_fd())?;
        let unacked = bytes_unsent(client.as_fd())?;
        let again = info.total_retrans.to_string();
        Ok::<_, io::Error>(vec![info.state.to_string(), format!("{unacked} B"), again])
    };
    let mut scene: Scene = client_and_server("vanished", VANISHED);
    lose_all(&server)?;
    scene.right("IP_MINTTL=255".into(), is()?);
    client.set_read_timeout(Some(Duration::from_millis(20)))?;
    let silent = recv_some(&client, 64, RecvFlags::empty());
    scene.left(format!("recv(64), SO_RCVTIMEO = {}", shown(&silent)), is()?);
    seen.set("silent_recv", silent.0);
    seen.set("silent_state", state(&client)?.to_string());

    set_tcp_user_timeout(&client, USER_TIMEOUT_MS)?;
    scene.left(format!("TCP_USER_TIMEOUT={USER_TIMEOUT_MS}"), is()?);
    let sent = counted(send(&client, b"hello", SendFlags::NOSIGNAL));
    seen.set("vanished_unacked", bytes_unsent(client.as_fd())?);
    scene.left(format!("send({}) = {sent}", quoted(b"hello")), is()?);
    seen.set("vanished_send", sent);
    client.set_read_timeout(Some(PATIENCE))?;
    let ended = recv_some(&client, 64, RecvFlags::empty());
    scene.left(format!("recv(64) = {}", shown(&ended)), is()?);
    seen.set("user_timeout_ms", USER_TIMEOUT_MS);
    seen.set("vanished_recv", ended.0);
    seen.set("vanished_sent_again", tcp_info(client.as_fd())?.total_retrans);
    seen.set("vanished_state", state(&client)?.to_string());
    seen.scenes.push(scene);
    Ok(seen)
}
