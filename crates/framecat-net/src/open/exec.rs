//! `exec:WORDS`: a program started for one conversation, its stdin and stdout the connection, its
//! stderr ours.
//!
//! It gets pipes and not a socket. A program may open `/dev/stdin` and `/dev/stdout` again, which a
//! socket refuses (ENXIO); bash takes a socket for a login by rshd and reads its start files; and a
//! pipe has one direction, so closing it is the end of that direction, whoever else holds the other.
//! Between a pipe and a socket raw bytes are spliced without another pipe.
//!
//! What the program inherits: our environment with FRAMECAT_PEER and FRAMECAT_LOCAL where there is a
//! peer, our folder, our process group (so that Ctrl-C reaches it, and it may ask for a password), and
//! no descriptor but these three. SIGPIPE ends it as usual (the standard library sees to that).

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::OwnedFd;
use std::process::Stdio;

use framecat_proto::Endpoint;
use framecat_proto::endpoint::Command;
use rustix::fs::{Access, OFlags, access, fcntl_setfl};
use rustix::pipe::{PipeFlags, pipe_with};

use super::Origin;
use crate::child::Child;
use crate::conn::{Conn, Kind, Pair, Stream};
use crate::error::{Error, Op};

/// Starts it. Must be called within a tokio runtime with I/O enabled.
pub(super) fn connect(
    endpoint: &Endpoint,
    command: &Command,
    origin: Option<Origin<'_>>,
) -> Result<Conn, Error> {
    let name = endpoint.to_string();
    let failed = |error: io::Error| Error::io(Op::Run, name.clone(), error);
    let (stdin, to) = pipe().map_err(failed)?;
    let (from, stdout) = pipe().map_err(failed)?;
    for ours in [&to, &from] {
        fcntl_setfl(ours, OFlags::NONBLOCK).map_err(|error| failed(error.into()))?;
    }
    let mut starting = tokio::process::Command::new(command.program());
    starting.args(command.arguments()).stdin(Stdio::from(stdin)).stdout(Stdio::from(stdout));
    if let Some(Origin { peer, local }) = origin {
        starting.env("FRAMECAT_PEER", peer).env("FRAMECAT_LOCAL", local);
    }
    let running = starting.kill_on_drop(true).spawn().map_err(failed)?;
    // It holds our copies of the program's ends.
    drop(starting);
    let local = match running.id() {
        Some(pid) => format!("pipes of pid {pid}"),
        None => "gone".into(),
    };
    let from = Stream::new(from, Kind::Pipe, local.clone(), name.clone()).map_err(failed)?;
    let to = Stream::new(to, Kind::Pipe, local, name.clone()).map_err(failed)?;
    Ok(Conn::Pair(Pair::child(from, to, Child::new(running, name))))
}

fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    Ok(pipe_with(PipeFlags::CLOEXEC)?)
}

/// Fails as starting it would, where it can be known before: the program is not there.
pub(super) fn check(endpoint: &Endpoint, command: &Command) -> Result<(), Error> {
    let program = command.program();
    // What is written with a slash is a path (execvp(3)).
    let places: Vec<OsString> = match program.contains('/') {
        true => vec![program.into()],
        false => {
            let Some(path) = std::env::var_os("PATH") else { return Ok(()) };
            std::env::split_paths(&path).map(|folder| folder.join(program).into()).collect()
        }
    };
    let runs = |place: &OsString| {
        let file: &OsStr = place;
        std::path::Path::new(file).is_file() && access(file, Access::EXEC_OK).is_ok()
    };
    if places.iter().any(runs) {
        return Ok(());
    }
    let there = places.iter().any(|place| std::path::Path::new(place).exists());
    let error = if there { libc::EACCES } else { libc::ENOENT };
    Err(Error::io(Op::Run, endpoint.to_string(), io::Error::from_raw_os_error(error)))
}
