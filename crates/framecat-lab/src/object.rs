//! The group **object**: what a socket is to the program that holds it: three words to make it by, a
//! number, two names, and options.
//!
//! One fn a law makes the calls, those about names in `object/names.rs`, those about options in
//! `object/options.rs`. `object/judge.rs` concludes, `object/told.rs` tells, the options in
//! `object/told_options.rs`.

use std::fs;
use std::io;
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use framecat_net::sockopt::{domain, protocol, type_of};
use rustix::net::{AddressFamily, Protocol, SocketFlags, SocketType, ipproto, socket, socket_with};

use crate::evidence::{Evidence, Scene, errno_name};
use crate::lang::Text;
use crate::watch::missing;

mod judge;
mod names;
mod options;
#[cfg(test)]
mod tests;
mod told;
mod told_options;

pub(crate) use told::{FILENO, PEERNAME, SOCKET_TRIPLE, SOCKNAME, TYPE_FAMILY};
pub(crate) use told_options::{GETSOCKOPT, SETSOCKOPT};

/// The longest that one call waits. Never reached unless something is wrong.
const PATIENCE: Duration = Duration::from_secs(5);

/// A socket asked for: the name of its figure, what a person reads, and the three words.
struct Triple {
    figure: &'static str,
    label: &'static str,
    family: AddressFamily,
    kind: SocketType,
    protocol: Option<Protocol>,
}

const fn triple(
    figure: &'static str,
    label: &'static str,
    family: AddressFamily,
    kind: SocketType,
    protocol: Option<Protocol>,
) -> Triple {
    Triple { figure, label, family, kind, protocol }
}

use AddressFamily as F;
use SocketType as T;

/// What `socket-triple` asks for, in the order told.
static TRIPLES: &[Triple] = &[
    triple("inet_stream_0", "INET STREAM 0", F::INET, T::STREAM, None),
    triple("inet_dgram_0", "INET DGRAM 0", F::INET, T::DGRAM, None),
    triple("inet_stream_tcp", "INET STREAM IPPROTO_TCP", F::INET, T::STREAM, Some(ipproto::TCP)),
    triple("inet_stream_udp", "INET STREAM IPPROTO_UDP", F::INET, T::STREAM, Some(ipproto::UDP)),
    triple(
        "inet_stream_mptcp",
        "INET STREAM IPPROTO_MPTCP",
        F::INET,
        T::STREAM,
        Some(ipproto::MPTCP),
    ),
    triple(
        "inet_dgram_udplite",
        "INET DGRAM IPPROTO_UDPLITE",
        F::INET,
        T::DGRAM,
        Some(ipproto::UDPLITE),
    ),
    triple("inet_dgram_icmp", "INET DGRAM IPPROTO_ICMP", F::INET, T::DGRAM, Some(ipproto::ICMP)),
    triple("inet_raw_0", "INET RAW 0", F::INET, T::RAW, None),
    triple("inet_raw_icmp", "INET RAW IPPROTO_ICMP", F::INET, T::RAW, Some(ipproto::ICMP)),
    triple("inet6_stream_0", "INET6 STREAM 0", F::INET6, T::STREAM, None),
    triple("inet6_dgram_0", "INET6 DGRAM 0", F::INET6, T::DGRAM, None),
    triple("unix_stream_0", "UNIX STREAM 0", F::UNIX, T::STREAM, None),
    triple("unix_dgram_0", "UNIX DGRAM 0", F::UNIX, T::DGRAM, None),
    triple("unix_seqpacket_0", "UNIX SEQPACKET 0", F::UNIX, T::SEQPACKET, None),
    triple("unix_raw_0", "UNIX RAW 0", F::UNIX, T::RAW, None),
];

/// Law `socket-triple`: family, type and protocol name a kind of socket; not every three do.
fn socket_triple() -> io::Result<Evidence> {
    let mut seen = Evidence::new();
    let (mut opened, mut refused) = (0, 0);
    for asked in TRIPLES {
        let answer = match socket(asked.family, asked.kind, asked.protocol) {
            Ok(made) => {
                opened += 1;
                format!("{} {}", type_word(&made)?, protocol_word(&made)?)
            }
            Err(errno) => {
                refused += 1;
                errno_word(&errno.into())
            }
        };
        seen.set(asked.figure, answer);
    }
    seen.set("opened", opened);
    seen.set("refused", refused);
    Ok(seen)
}

/// Law `type-family`: the kernel tells what a descriptor is, whoever made it.
fn type_family() -> io::Result<Evidence> {
    let mut seen = Evidence::new();
    let plain = socket(F::INET, T::STREAM, None)?;
    seen.set("plain", kind_word(&plain)?);
    // These two travel in the same word as the type, and are no part of it.
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let with_flags = socket_with(F::INET, T::STREAM, flags, None)?;
    seen.set("with_flags", kind_word(&with_flags)?);
    seen.set("datagram", kind_word(&socket(F::INET, T::DGRAM, None)?)?);
    seen.set("packets", kind_word(&socket(F::UNIX, T::SEQPACKET, None)?)?);

    // Nobody asked for the kind of this one: accept made it.
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let _client = TcpStream::connect(listener.local_addr()?)?;
    let (accepted, _) = listener.accept()?;
    seen.set("accepted", kind_word(&accepted)?);

    let (reader, _writer) = rustix::pipe::pipe()?;
    let of_pipe = match type_of(reader.as_fd()) {
        Ok(kind) => kind_name(kind),
        Err(error) => errno_word(&error),
    };
    seen.set("pipe", of_pipe);
    Ok(seen)
}

/// Law `fileno`: a descriptor is the lowest number that is free, in this process alone.
fn fileno() -> io::Result<Evidence> {
    // Another thread of this program may take a number in between; then once more.
    const ATTEMPTS_MAX: u64 = 50;
    let mut attempt = 1;
    let (mut seen, mut scene) = loop {
        let (seen, scene) = numbers_in_order()?;
        let found = |name: &str| seen.count(name);
        let undisturbed = found("free") == found("first")
            && found("again") == found("first")
            && found("next_free") == found("second");
        if undisturbed || attempt == ATTEMPTS_MAX {
            break (seen, scene);
        }
        attempt += 1;
    };
    seen.set("attempts", attempt);

    // The same socket in another process, which has it as its standard input.
    let (keeper, given) = UnixStream::pair()?;
    let ours = given.as_raw_fd();
    scene.left(format!("socketpair() = {ours}"), Vec::new());
    seen.set("ours", ours);
    let spawned = Command::new("cat")
        .stdin(Stdio::from(OwnedFd::from(given.try_clone()?)))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let theirs = match spawned {
        Ok(mut child) => {
            let link = fs::read_link(format!("/proc/{}/fd/0", child.id()));
            // cat ends when its standard input does.
            keeper.shutdown(std::net::Shutdown::Both)?;
            child.wait()?;
            link.map(|link| link.display().to_string())
        }
        Err(error) => Err(error),
    };
    let ours = link_of(&given)?.display().to_string();
    seen.set("our_socket", ours);
    match theirs {
        Ok(link) => {
            scene.right(format!("0 is {link}"), Vec::new());
            seen.set("their_socket", link);
        }
        Err(error) => seen.set("their_socket", errno_word(&error)),
    }
    scene.left = Text::new("THIS PROCESS", "本进程");
    scene.right = Text::new("ANOTHER (cat)", "另一个进程（cat）");
    seen.scenes.push(scene);
    Ok(seen)
}

/// Opens, closes and opens again, and looks each time which number is the lowest free one.
fn numbers_in_order() -> io::Result<(Evidence, Scene)> {
    let mut seen = Evidence::new();
    let mut scene = Scene::new("numbers", &[]);
    let free = lowest_free()?;
    let first = socket(F::INET, T::STREAM, None)?;
    scene.left(format!("socket() = {}", first.as_raw_fd()), Vec::new());
    let next_free = lowest_free()?;
    let second = socket(F::INET, T::DGRAM, None)?;
    scene.left(format!("socket() = {}", second.as_raw_fd()), Vec::new());
    seen.set("free", free);
    seen.set("first", first.as_raw_fd());
    seen.set("next_free", next_free);
    seen.set("second", second.as_raw_fd());

    let number = first.as_raw_fd();
    drop(first);
    scene.left(format!("close({number}) = 0"), Vec::new());
    let again = socket(F::INET, T::DGRAM, None)?;
    scene.left(format!("socket() = {}", again.as_raw_fd()), Vec::new());
    seen.set("again", again.as_raw_fd());

    // Two numbers for one socket.
    let copy = rustix::io::dup(&second)?;
    let (number, of) = (copy.as_raw_fd(), second.as_raw_fd());
    scene.left(format!("dup({of}) = {number}"), Vec::new());
    seen.set("copy", number);
    seen.set("copy_is_the_same", link_of(&copy)? == link_of(&second)?);
    Ok((seen, scene))
}

/// The lowest number that names nothing open, looked up without opening anything.
fn lowest_free() -> io::Result<u64> {
    const NUMBERS: &str = "/proc/self/fd";
    if let Err(error) = fs::symlink_metadata(NUMBERS) {
        // There is nothing to look it up in.
        return Err(missing(NUMBERS, &error));
    }
    let is_free = |n: &u64| fs::symlink_metadata(format!("{NUMBERS}/{n}")).is_err();
    (0..).find(is_free).ok_or_else(|| io::ErrorKind::NotFound.into())
}

/// What a descriptor leads to: `socket:[INODE]`, the same for every number of one socket.
fn link_of(fd: &impl AsFd) -> io::Result<PathBuf> {
    fs::read_link(format!("/proc/self/fd/{}", fd.as_fd().as_raw_fd()))
}

/// The name of an error as C has it.
fn errno_word(error: &io::Error) -> String {
    match error.raw_os_error() {
        Some(errno) => errno_name(errno).map_or_else(|| format!("errno {errno}"), String::from),
        None => format!("{:?}", error.kind()),
    }
}

/// The errno of what was refused; of what was not, `done`.
fn done_or_errno<T>(result: io::Result<T>) -> String {
    result.map_or_else(|error| errno_word(&error), |_| "done".into())
}

fn kind_word(fd: &impl AsFd) -> io::Result<String> {
    let family = match domain(fd.as_fd())? {
        F::INET => "INET".into(),
        F::INET6 => "INET6".into(),
        F::UNIX => "UNIX".into(),
        other => format!("{}", other.as_raw()),
    };
    Ok(format!("{family} {} {}", type_word(fd)?, protocol_word(fd)?))
}

fn type_word(fd: &impl AsFd) -> io::Result<String> {
    Ok(kind_name(type_of(fd.as_fd())?))
}

fn kind_name(kind: SocketType) -> String {
    match kind {
        T::STREAM => "STREAM".into(),
        T::DGRAM => "DGRAM".into(),
        T::SEQPACKET => "SEQPACKET".into(),
        T::RAW => "RAW".into(),
        other => format!("{}", other.as_raw()),
    }
}

fn protocol_word(fd: &impl AsFd) -> io::Result<String> {
    Ok(match protocol(fd.as_fd())? {
        None => "0".into(),
        Some(ipproto::TCP) => "TCP".into(),
        Some(ipproto::UDP) => "UDP".into(),
        Some(ipproto::ICMP) => "ICMP".into(),
        Some(ipproto::MPTCP) => "MPTCP".into(),
        Some(ipproto::UDPLITE) => "UDPLITE".into(),
        Some(other) => other.as_raw().to_string(),
    })
}
