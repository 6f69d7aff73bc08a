//! Socket options by name, and what else a socket tells of itself. Linux.
//!
//! [`framecat_proto::options::OPTIONS`] says what a person may ask for; `ROWS` here says how the
//! kernel is told, and [`apply`] and [`read_back`] go through both. Three functions at the end make
//! the system calls; all else is safe code around them.
#![allow(unsafe_code)]

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::time::Duration;

use framecat_proto::limits::{BACKLOG, KEEPALIVE};
use framecat_proto::options::{Keepalive, OPTIONS, OptionAbout, Options, Value, When};
use libc::{SOL_IP, SOL_IPV6, SOL_SOCKET, SOL_TCP, c_int};
use rustix::net::{AddressFamily, Protocol, SocketType};

pub(crate) mod cast;
mod tcp_info;

pub use tcp_info::{TcpInfo, TcpState, tcp_info};

/// The family of a socket's addresses, on which the level of some options depends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// AF_INET.
    Inet4,
    /// AF_INET6, dual-stack sockets too.
    Inet6,
    /// AF_UNIX.
    Unix,
    /// AF_INET, to send to a multicast group.
    Group4,
    /// AF_INET6, likewise.
    Group6,
}

/// How a value is handed to setsockopt, and what getsockopt gives back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// An int, 0 or 1.
    Flag,
    /// An int.
    Int,
    /// An int that holds 32 bits without a sign.
    Unsigned,
    /// An int, in bytes.
    Size,
    /// An int, in milliseconds.
    Millis,
    /// A flag that is set to a queue's length.
    Queue,
    /// `struct linger`: two ints, whether and how many seconds.
    Linger,
    /// A name without a NUL.
    Text,
    /// SO_KEEPALIVE and its three times and counts.
    Keepalive,
    /// The interface of a name: `struct ip_mreqn`, or its index.
    Interface,
}

/// How one option is told to the kernel.
#[derive(Debug)]
struct Row {
    name: &'static str,
    level: c_int,
    opt: c_int,
    c_name: &'static str,
    form: Form,
    families: &'static [Family],
    when: When,
}

const INET: &[Family] = &[Family::Inet4, Family::Inet6, Family::Group4, Family::Group6];
const HOST: &[Family] = &[Family::Inet4, Family::Inet6];
const INET6: &[Family] = &[Family::Inet6];
const ANY6: &[Family] = &[Family::Inet6, Family::Group6];
const GROUP4: &[Family] = &[Family::Group4];
const GROUP6: &[Family] = &[Family::Group6];
const ALL: &[Family] =
    &[Family::Inet4, Family::Inet6, Family::Unix, Family::Group4, Family::Group6];

macro_rules! row {
    ($name:literal, $level:ident, $opt:ident, $form:ident, $families:ident, $when:ident) => {
        Row {
            name: $name,
            level: $level,
            opt: libc::$opt,
            c_name: stringify!($opt),
            form: Form::$form,
            families: $families,
            when: When::$when,
        }
    };
}

/// Every socket option of [`OPTIONS`] (`bind`, `backlog` and `source` are arguments of calls, not
/// options).
///
/// A dual-stack socket speaks IPv4 too, so the IPv4 options are set on IPv6 sockets as well.
/// `fastopen` is one option for who listens and another for who dials: only who dials applies
/// `BeforeConnect`, and on its socket TCP_FASTOPEN is without effect.
const ROWS: &[Row] = &[
    row!("reuseaddr", SOL_SOCKET, SO_REUSEADDR, Flag, INET, BeforeBind),
    row!("reuseport", SOL_SOCKET, SO_REUSEPORT, Flag, INET, BeforeBind),
    row!("v6only", SOL_IPV6, IPV6_V6ONLY, Flag, INET6, BeforeBind),
    row!("dev", SOL_SOCKET, SO_BINDTODEVICE, Text, HOST, BeforeBind),
    row!("dev", SOL_IP, IP_MULTICAST_IF, Interface, GROUP4, BeforeBind),
    row!("dev", SOL_IPV6, IPV6_MULTICAST_IF, Interface, GROUP6, BeforeBind),
    row!("broadcast", SOL_SOCKET, SO_BROADCAST, Flag, INET, Any),
    row!("loop", SOL_IP, IP_MULTICAST_LOOP, Flag, GROUP4, Any),
    row!("loop", SOL_IPV6, IPV6_MULTICAST_LOOP, Flag, GROUP6, Any),
    row!("rcvbuf", SOL_SOCKET, SO_RCVBUF, Size, INET, BeforeBind),
    row!("sndbuf", SOL_SOCKET, SO_SNDBUF, Size, ALL, BeforeBind),
    row!("mark", SOL_SOCKET, SO_MARK, Unsigned, INET, BeforeBind),
    row!("fastopen", SOL_TCP, TCP_FASTOPEN, Queue, INET, BeforeBind),
    row!("fastopen", SOL_TCP, TCP_FASTOPEN_CONNECT, Flag, INET, BeforeConnect),
    row!("nodelay", SOL_TCP, TCP_NODELAY, Flag, INET, Any),
    row!("keepalive", SOL_SOCKET, SO_KEEPALIVE, Keepalive, INET, Any),
    row!("usertimeout", SOL_TCP, TCP_USER_TIMEOUT, Millis, INET, Any),
    row!("linger", SOL_SOCKET, SO_LINGER, Linger, INET, Any),
    row!("congestion", SOL_TCP, TCP_CONGESTION, Text, INET, Any),
    row!("ttl", SOL_IPV6, IPV6_UNICAST_HOPS, Int, INET6, Any),
    row!("ttl", SOL_IP, IP_TTL, Int, HOST, Any),
    row!("ttl", SOL_IP, IP_MULTICAST_TTL, Int, GROUP4, Any),
    row!("ttl", SOL_IPV6, IPV6_MULTICAST_HOPS, Int, GROUP6, Any),
    row!("tos", SOL_IPV6, IPV6_TCLASS, Int, ANY6, Any),
    row!("tos", SOL_IP, IP_TOS, Int, INET, Any),
];

/// An option that the kernel did not take.
#[derive(Debug, thiserror::Error)]
#[error("the option `{name}` ({c_name}): {source}")]
pub struct OptionError {
    /// Its name as typed.
    pub name: &'static str,
    /// Its name in C.
    pub c_name: &'static str,
    /// The kernel's reason.
    pub source: io::Error,
    /// What to try.
    pub remedy: String,
}

impl From<OptionError> for io::Error {
    /// The kernel's reason with its errno, for who sorts errors by it.
    fn from(error: OptionError) -> io::Error {
        error.source
    }
}

/// Sets the options that were given and that belong to this moment of a socket's life, in the order
/// of the table. Those that the family does not have (`v6only` on IPv4) are passed over: a name may
/// resolve to addresses of both.
///
/// # Errors
/// The first option that the kernel refuses; those before it are set.
pub fn apply(
    fd: BorrowedFd<'_>,
    family: Family,
    options: &Options,
    when: When,
) -> Result<(), OptionError> {
    for setting in options {
        for row in rows(setting.name, family).filter(|row| row.when == when) {
            set(fd, row, &setting.value)?;
        }
    }
    Ok(())
}

/// Sets what is on by default unless the options say otherwise: for `tcp`, nodelay and keepalive
/// with [`KEEPALIVE`]'s times. Never TCP_USER_TIMEOUT, which ends a connection whose reader pauses.
/// Other schemes have no defaults.
///
/// # Errors
/// The first option that the kernel refuses.
pub fn defaults(fd: BorrowedFd<'_>, scheme: &str, options: &Options) -> Result<(), OptionError> {
    if scheme != "tcp" {
        return Ok(());
    }
    for (name, value) in
        [("nodelay", Value::Flag(true)), ("keepalive", Value::Keepalive(KEEPALIVE))]
    {
        if options.get(name).is_none() {
            // These two are the same for both families.
            for row in rows(name, Family::Inet4) {
                set(fd, row, &value)?;
            }
        }
    }
    Ok(())
}

/// What was asked of an option and what holds.
#[derive(Debug)]
pub struct ReadBack {
    /// Its name as typed.
    pub name: &'static str,
    /// Its name in C.
    pub c_name: &'static str,
    /// What was asked, if anything.
    pub asked: Option<Value>,
    /// What the kernel answers. It differs from what was asked by the kernel's own rules: Linux
    /// doubles buffers and bounds them. `fastopen` of a listener is the length of its queue, `dev` is
    /// empty where no interface was named, and for IPv4 groups it is the interface's address.
    pub effective: Result<Value, io::Error>,
}

/// Asks the kernel for every option that a socket of this family and type has, in the order of the
/// table. An option with two names in C (`ttl` of a dual-stack socket) comes twice. A socket of
/// `broadcast` is one of `udp` to the kernel, and so it is here.
pub fn read_back(fd: BorrowedFd<'_>, family: Family, options: &Options) -> Vec<ReadBack> {
    let Some(scheme) = scheme_of(fd, family) else {
        return Vec::new();
    };
    OPTIONS
        .iter()
        .filter(|about| about.schemes.contains(&scheme))
        .flat_map(|about| rows(about.name, family))
        .map(|row| ReadBack {
            name: row.name,
            c_name: row.c_name,
            asked: options.get(row.name).cloned(),
            effective: get(fd, row),
        })
        .collect()
}

fn rows(name: &str, family: Family) -> impl Iterator<Item = &'static Row> {
    ROWS.iter().filter(move |row| row.name == name && row.families.contains(&family))
}

/// The scheme whose sockets are of this family and type.
fn scheme_of(fd: BorrowedFd<'_>, family: Family) -> Option<&'static str> {
    match (family, type_of(fd).ok()?) {
        (Family::Inet4 | Family::Inet6, SocketType::STREAM) => Some("tcp"),
        (Family::Inet4 | Family::Inet6, SocketType::DGRAM) => Some("udp"),
        (Family::Group4 | Family::Group6, SocketType::DGRAM) => Some("multicast"),
        (Family::Unix, SocketType::STREAM) => Some("unix"),
        (Family::Unix, SocketType::DGRAM) => Some("unixgram"),
        (Family::Unix, SocketType::SEQPACKET) => Some("unixseq"),
        _ => None,
    }
}

fn set(fd: BorrowedFd<'_>, row: &Row, value: &Value) -> Result<(), OptionError> {
    let (name, c_name) = (row.name, row.c_name);
    let set = match (row.form, value) {
        (Form::Flag, Value::Flag(on)) => set_int(fd, row.level, row.opt, c_int::from(*on)),
        (Form::Queue, Value::Flag(on)) => {
            set_int(fd, row.level, row.opt, if *on { BACKLOG } else { 0 })
        }
        (Form::Unsigned, Value::Int(n)) => match u32::try_from(*n) {
            Ok(n) => set_int(fd, row.level, row.opt, n.cast_signed()),
            Err(_) => Err(invalid()),
        },
        (Form::Int, Value::Int(n)) => set_wide(fd, row, i128::from(*n)),
        (Form::Size, Value::Size(bytes)) => set_wide(fd, row, i128::from(*bytes)),
        (Form::Millis, Value::Time(time)) => set_wide(fd, row, time.as_millis() as i128),
        (Form::Linger, Value::Time(time)) => match c_int::try_from(time.as_secs()) {
            Ok(seconds) => set_linger(fd, seconds),
            Err(_) => Err(invalid()),
        },
        (Form::Interface, Value::Text(name)) => cast::send_by(fd, row.level, name),
        (Form::Text, Value::Text(text)) => set_bytes(fd, row.level, row.opt, text.as_bytes()),
        (Form::Keepalive, Value::Flag(on)) => {
            set_int(fd, SOL_SOCKET, libc::SO_KEEPALIVE, c_int::from(*on))
        }
        (Form::Keepalive, Value::Keepalive(value)) => {
            return set_keepalive(fd, value)
                .map_err(|(c_name, error)| refused(name, c_name, error));
        }
        // The parser gives each option a value of its own kind, and a test joins the two tables.
        (_, _) => Err(invalid()),
    };
    set.map_err(|error| refused(name, c_name, error))
}

fn invalid() -> io::Error {
    io::Error::from_raw_os_error(libc::EINVAL)
}

fn set_wide(fd: BorrowedFd<'_>, row: &Row, value: i128) -> io::Result<()> {
    match c_int::try_from(value) {
        Ok(value) => set_int(fd, row.level, row.opt, value),
        Err(_) => Err(invalid()),
    }
}

fn set_linger(fd: BorrowedFd<'_>, seconds: c_int) -> io::Result<()> {
    // socket(7): struct linger { int l_onoff; int l_linger; }
    let linger = [1_i32.to_ne_bytes(), seconds.to_ne_bytes()].concat();
    set_bytes(fd, SOL_SOCKET, libc::SO_LINGER, &linger)
}

/// The times and the count first, so that no probe goes out by the old ones.
fn set_keepalive(fd: BorrowedFd<'_>, value: &Keepalive) -> Result<(), (&'static str, io::Error)> {
    for (level, opt, c_name, n) in [
        (SOL_TCP, libc::TCP_KEEPIDLE, "TCP_KEEPIDLE", value.idle.as_secs()),
        (SOL_TCP, libc::TCP_KEEPINTVL, "TCP_KEEPINTVL", value.interval.as_secs()),
        (SOL_TCP, libc::TCP_KEEPCNT, "TCP_KEEPCNT", u64::from(value.count)),
        (SOL_SOCKET, libc::SO_KEEPALIVE, "SO_KEEPALIVE", 1),
    ] {
        let n = c_int::try_from(n).map_err(|_| (c_name, invalid()))?;
        set_int(fd, level, opt, n).map_err(|error| (c_name, error))?;
    }
    Ok(())
}

fn get(fd: BorrowedFd<'_>, row: &Row) -> io::Result<Value> {
    let int = || get_int(fd, row.level, row.opt);
    Ok(match row.form {
        Form::Flag => Value::Flag(int()? != 0),
        Form::Int | Form::Queue => Value::Int(i64::from(int()?)),
        Form::Unsigned => Value::Int(i64::from(int()?.cast_unsigned())),
        Form::Size => Value::Size(u64::from(int()?.cast_unsigned())),
        Form::Millis => Value::Time(Duration::from_millis(u64::from(int()?.cast_unsigned()))),
        Form::Linger => {
            let mut room = [0; 2 * size_of::<c_int>()];
            let len = get_bytes(fd, SOL_SOCKET, libc::SO_LINGER, &mut room)?;
            let (on, seconds) = room[..len].split_at(len / 2);
            match int_of(on)? {
                0 => Value::Flag(false),
                _ => Value::Time(Duration::from_secs(int_of(seconds)?.max(0) as u64)),
            }
        }
        Form::Text => {
            let mut room = [0; 16];
            let len = get_bytes(fd, row.level, row.opt, &mut room)?;
            let text = room[..len].split(|byte| *byte == 0).next().unwrap_or_default();
            Value::Text(String::from_utf8_lossy(text).into_owned())
        }
        Form::Interface => Value::Text(cast::sends_by(fd, row.level)?),
        Form::Keepalive if int()? == 0 => Value::Flag(false),
        Form::Keepalive => {
            let tcp = |opt| get_int(fd, SOL_TCP, opt).map(c_int::cast_unsigned);
            let seconds = |opt| tcp(opt).map(|n| Duration::from_secs(u64::from(n)));
            Value::Keepalive(Keepalive {
                idle: seconds(libc::TCP_KEEPIDLE)?,
                interval: seconds(libc::TCP_KEEPINTVL)?,
                count: tcp(libc::TCP_KEEPCNT)?,
            })
        }
    })
}

fn refused(name: &'static str, c_name: &'static str, source: io::Error) -> OptionError {
    let remedy = match (name, source.raw_os_error()) {
        ("mark", Some(libc::EPERM)) => {
            "leave `mark` out, or run with the capability CAP_NET_ADMIN or CAP_NET_RAW".into()
        }
        ("dev", Some(libc::EPERM)) => {
            "leave `dev` out, or run with the capability CAP_NET_RAW".into()
        }
        ("dev", Some(libc::ENODEV)) => {
            "no interface has this name; `ip -br link` lists those there are".into()
        }
        ("congestion", Some(libc::ENOENT)) => {
            "this kernel has those in /proc/sys/net/ipv4/tcp_available_congestion_control".into()
        }
        ("congestion", Some(libc::EPERM)) => {
            "users may choose those in /proc/sys/net/ipv4/tcp_allowed_congestion_control".into()
        }
        ("fastopen", Some(libc::EOPNOTSUPP)) => {
            "sysctl net.ipv4.tcp_fastopen forbids it: 1 allows dialling, 2 listening, 3 both".into()
        }
        (_, Some(libc::ENOPROTOOPT)) => format!("leave `{name}` out, this kernel has no {c_name}"),
        _ => {
            let example = OptionAbout::of(name).map_or(name, |about| about.example);
            format!("leave `{name}` out, or give another value, such as {example}")
        }
    };
    OptionError { name, c_name, source, remedy }
}

/// Bytes that can be read now (FIONREAD). Of datagrams and seqpacket, the length of the next one,
/// which is 0 for an empty one as for none.
///
/// # Errors
/// EINVAL on a listening socket.
pub fn bytes_to_read(fd: BorrowedFd<'_>) -> io::Result<usize> {
    Ok(rustix::io::ioctl_fionread(fd)? as usize)
}

/// Bytes written that the peer's kernel has not acknowledged yet (SIOCOUTQ, tcp(7)); our FIN counts
/// as one. 0 does not say that the peer's program read them. On UDP and Unix sockets it is the memory
/// that unsent messages take.
///
/// # Errors
/// EINVAL on a listening socket.
pub fn bytes_unsent(fd: BorrowedFd<'_>) -> io::Result<usize> {
    // SIOCOUTQ is another name of TIOCOUTQ.
    ioctl_int(fd, libc::TIOCOUTQ).map(|n| n.max(0) as usize)
}

/// Takes the error that waits on a socket (SO_ERROR), such as why a non-blocking connect failed.
/// Asking again gives none.
///
/// # Errors
/// The descriptor is no socket.
pub fn take_error(fd: BorrowedFd<'_>) -> io::Result<Option<io::Error>> {
    Ok(rustix::net::sockopt::socket_error(fd)?.err().map(io::Error::from))
}

/// How many datagrams the kernel has dropped at a socket since it was made: no room in its receive
/// buffer, or a bad checksum (`SO_MEMINFO`, sock_diag(7)).
pub fn drops(fd: BorrowedFd<'_>) -> io::Result<u32> {
    const WORD: usize = size_of::<u32>();
    let mut words = [0; (libc::SK_MEMINFO_DROPS as usize + 1) * WORD];
    let got = get_bytes(fd, SOL_SOCKET, libc::SO_MEMINFO, &mut words)?;
    let at = libc::SK_MEMINFO_DROPS as usize * WORD;
    let word = words[..got].get(at..at + WORD).and_then(|word| word.try_into().ok());
    word.map(u32::from_ne_bytes).ok_or_else(|| io::ErrorKind::Unsupported.into())
}

/// Where the next looks (MSG_PEEK) begin: at this byte of what waits, each moving it on by what it
/// saw, so that they see one waiting datagram after another. `None`: at the beginning, always
/// (SO_PEEK_OFF, socket(7)).
///
/// # Errors
/// EOPNOTSUPP where the family has no such option.
pub fn peek_from(fd: BorrowedFd<'_>, offset: Option<u16>) -> io::Result<()> {
    set_int(fd, SOL_SOCKET, libc::SO_PEEK_OFF, offset.map_or(-1, c_int::from))
}

/// Lets datagrams that came together be received together: `UDP_GRO`, udp(7).
pub fn receive_runs(fd: BorrowedFd<'_>) -> io::Result<()> {
    set_bytes(fd, libc::SOL_UDP, libc::UDP_GRO, &1i32.to_ne_bytes())
}

/// A receive buffer of so many bytes, or what the system allows (`net.core.rmem_max`, socket(7)).
pub fn set_receive_buffer(fd: BorrowedFd<'_>, bytes: usize) -> io::Result<()> {
    let bytes = c_int::try_from(bytes).unwrap_or(c_int::MAX);
    set_bytes(fd, SOL_SOCKET, libc::SO_RCVBUF, &bytes.to_ne_bytes())
}

/// Drops every TCP segment that comes with a smaller time to live (IP_MINTTL, ip(7)); 0 drops none.
/// RFC 5082 keeps strangers out with it.
///
/// # Errors
/// The socket is none of IPv4's.
pub fn set_least_ttl(fd: BorrowedFd<'_>, ttl: u8) -> io::Result<()> {
    set_int(fd, SOL_IP, libc::IP_MINTTL, c_int::from(ttl))
}

/// Whether each message of a Unix socket brings its sender's credentials (SO_PASSCRED, unix(7)).
///
/// # Errors
/// The socket is of another family (EOPNOTSUPP), on kernels that look.
pub fn pass_credentials(fd: BorrowedFd<'_>, on: bool) -> io::Result<()> {
    set_int(fd, SOL_SOCKET, libc::SO_PASSCRED, c_int::from(on))
}

/// Makes close send RST instead of FIN and throw unsent bytes away (SO_LINGER with 0 seconds).
///
/// # Errors
/// The descriptor is no socket.
pub fn reset_on_close(fd: BorrowedFd<'_>) -> io::Result<()> {
    set_linger(fd, 0)
}

/// Lets a listener's connections be complete only when they have sent something (TCP_DEFER_ACCEPT,
/// tcp(7)): until then the client is connected, and accept does not see it. `within` is about how
/// long the kernel waits for that, in whole seconds.
///
/// # Errors
/// The socket is no TCP socket.
pub fn accept_with_data(fd: BorrowedFd<'_>, within: Duration) -> io::Result<()> {
    let seconds = c_int::try_from(within.as_secs()).unwrap_or(c_int::MAX);
    set_int(fd, SOL_TCP, libc::TCP_DEFER_ACCEPT, seconds)
}

/// The type of a socket (SO_TYPE): STREAM, DGRAM, SEQPACKET or RAW.
///
/// # Errors
/// The descriptor is no socket.
pub fn type_of(fd: BorrowedFd<'_>) -> io::Result<SocketType> {
    Ok(rustix::net::sockopt::socket_type(fd)?)
}

/// The family of a socket (SO_DOMAIN): INET, INET6 or UNIX.
///
/// # Errors
/// The descriptor is no socket.
pub fn domain(fd: BorrowedFd<'_>) -> io::Result<AddressFamily> {
    Ok(rustix::net::sockopt::socket_domain(fd)?)
}

/// The protocol of a socket (SO_PROTOCOL); none for 0, as Unix sockets have it.
///
/// # Errors
/// The descriptor is no socket.
pub fn protocol(fd: BorrowedFd<'_>) -> io::Result<Option<Protocol>> {
    Ok(rustix::net::sockopt::socket_protocol(fd)?)
}

fn set_int(fd: BorrowedFd<'_>, level: c_int, opt: c_int, value: c_int) -> io::Result<()> {
    set_bytes(fd, level, opt, &value.to_ne_bytes())
}

fn get_int(fd: BorrowedFd<'_>, level: c_int, opt: c_int) -> io::Result<c_int> {
    let mut room = [0; size_of::<c_int>()];
    let len = get_bytes(fd, level, opt, &mut room)?;
    int_of(&room[..len])
}

fn int_of(bytes: &[u8]) -> io::Result<c_int> {
    bytes.try_into().map(c_int::from_ne_bytes).map_err(|_| io::ErrorKind::InvalidData.into())
}

/// setsockopt(2).
fn set_bytes(fd: BorrowedFd<'_>, level: c_int, opt: c_int, value: &[u8]) -> io::Result<()> {
    // SAFETY: `fd` is borrowed, so it stays open during the call; pointer and length are those of
    // one live slice, which the kernel only reads and does not keep.
    let result = unsafe {
        libc::setsockopt(
            fd.as_raw_fd(),
            level,
            opt,
            value.as_ptr().cast(),
            value.len() as libc::socklen_t,
        )
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// getsockopt(2): fills the beginning of `room` and tells how much of it.
fn get_bytes(fd: BorrowedFd<'_>, level: c_int, opt: c_int, room: &mut [u8]) -> io::Result<usize> {
    let mut len = room.len() as libc::socklen_t;
    // SAFETY: `fd` is borrowed, so it stays open during the call; the kernel writes at most `len`
    // bytes into `room`, which is exclusively ours and that long, and any bytes are valid u8; `len`
    // is a live socklen_t of ours.
    let result =
        unsafe { libc::getsockopt(fd.as_raw_fd(), level, opt, room.as_mut_ptr().cast(), &mut len) };
    if result == 0 { Ok(room.len().min(len as usize)) } else { Err(io::Error::last_os_error()) }
}

/// An ioctl(2) that writes one int.
fn ioctl_int(fd: BorrowedFd<'_>, request: libc::Ioctl) -> io::Result<c_int> {
    debug_assert!(request == libc::TIOCOUTQ, "only requests that write one int");
    let mut value: c_int = 0;
    // SAFETY: `fd` is borrowed, so it stays open during the call; TIOCOUTQ writes one int through
    // its argument, which points to a live int of ours, and keeps no pointer.
    let result = unsafe { libc::ioctl(fd.as_raw_fd(), request, &raw mut value) };
    if result == 0 { Ok(value) } else { Err(io::Error::last_os_error()) }
}

#[cfg(test)]
mod tests;
