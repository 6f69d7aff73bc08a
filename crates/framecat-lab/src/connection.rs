//! The group **connection**: what a connection is called, how it begins, who holds it in the meantime,
//! and how it ends.
//!
//! One fn a law makes the calls: names and addresses in `connection/names.rs`, the way from connect to
//! accept in `connection/queue.rs`, the queues themselves in `connection/backlog.rs`, the end in
//! `connection/ends.rs`, what TCP promises and costs in `connection/trust.rs`, how two ends must fit in
//! `connection/customs.rs`. Beside each are its judges and its telling. Every wait is bounded by
//! `PATIENCE`.

use std::io;
use std::os::fd::AsFd;
use std::thread;
use std::time::{Duration, Instant};

use framecat_net::sockopt::tcp_info;
use socket2::SockRef;

use crate::evidence::{Evidence, Verdict, errno_name};
use crate::lang::{Say, say};
use crate::page::Part;

mod backlog;
mod customs;
mod ends;
mod names;
mod queue;
#[cfg(test)]
mod tests;
mod trust;
mod wire;

pub(crate) use backlog::told::BACKLOG;
pub(crate) use customs::told::{LIKE_A_FILE, SAME_TYPE, TELNET, TURNS};
pub(crate) use ends::told::{CLOSE_FOUR_WAY, PEER_KILLED};
pub(crate) use names::told::{BIND, REUSEADDR, SOCKET_NAME};
pub(crate) use queue::told::{ACCEPT_BLOCKS, ACCEPT_NEW, HANDSHAKE, LISTEN_MANY, TWO_SOCKETS};
pub(crate) use trust::told::{REALTIME, SHORT_LONG, TCP_RELIABLE};

/// The longest that one call waits. Never reached unless something is wrong.
const PATIENCE: Duration = Duration::from_secs(5);

/// Bounds every later accept, recv and send on a socket (SO_RCVTIMEO, SO_SNDTIMEO).
fn patient(socket: &impl AsFd) -> io::Result<()> {
    let socket = SockRef::from(socket);
    socket.set_read_timeout(Some(PATIENCE))?;
    socket.set_write_timeout(Some(PATIENCE))
}

/// Asks again and again until it is so: no guess by a pause.
fn wait_until(mut so: impl FnMut() -> io::Result<bool>) -> io::Result<()> {
    let deadline = Instant::now() + PATIENCE;
    while !so()? {
        if Instant::now() > deadline {
            return Err(io::ErrorKind::TimedOut.into());
        }
        thread::sleep(Duration::from_micros(100));
    }
    Ok(())
}

/// What a call returned: `0`, or the name of its errno.
fn returned<T>(result: &io::Result<T>) -> String {
    match result {
        Ok(_) => "0".into(),
        Err(error) => match error.raw_os_error() {
            Some(errno) => errno_name(errno).map_or_else(|| format!("errno {errno}"), String::from),
            None => format!("{:?}", error.kind()),
        },
    }
}

/// How many connections wait in the listener's queue (TCP_INFO).
fn waiting(listener: impl AsFd) -> io::Result<u32> {
    Ok(tcp_info(listener.as_fd())?.unacked)
}

/// The calls of a scene, where the experiment noted it.
fn calls(seen: &Evidence, name: &str) -> impl Iterator<Item = Part> {
    seen.scene(name).cloned().map(Part::Calls).into_iter()
}

/// The first claim that is not so, or the finding.
fn all_so(claims: impl IntoIterator<Item = (bool, Say)>, finding: Say) -> Verdict {
    match claims.into_iter().find(|(so, _)| !so) {
        Some((_, why)) => Verdict::NotShown(why),
        None => Verdict::Shown(finding),
    }
}

/// A figure that must have this value, and the sentence where it has another.
fn must_be(seen: &Evidence, name: &str, wanted: &str) -> (bool, Say) {
    let word = seen.word(name);
    (word == wanted, say!("{name} is {word}, not {wanted}", "{name} 是 {word}，不是 {wanted}"))
}
