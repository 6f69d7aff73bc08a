//! The addresses of endpoints: a host and a port, or the name of a Unix socket.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

use super::ParseEndpointError;
use crate::limits::UNIX_PATH_BYTES;

/// The longest host name (RFC 1035 section 2.3.4: 255 bytes on the wire, 253 as text).
const NAME_BYTES: usize = 253;

/// The longest name of an interface (`IFNAMSIZ` less its final NUL), and of what the kernel names
/// the same way.
const INTERFACE_BYTES: usize = 15;

/// Where on the Internet: a machine and a port of it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct HostPort {
    /// The machine. None: this one, its loopback address.
    pub host: Option<Host>,
    /// The port. 0 lets the kernel choose where it is bound.
    pub port: u16,
}

/// A machine, by name or by address.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Host {
    /// A name that has to be resolved. It is never digits that look like an address.
    Name(String),
    /// An IPv4 address.
    V4(Ipv4Addr),
    /// An IPv6 address.
    V6 {
        /// The address.
        address: Ipv6Addr,
        /// The interface it holds on, by name or index: `eth0` in `fe80::1%eth0`.
        zone: Option<String>,
    },
}

impl From<IpAddr> for Host {
    fn from(address: IpAddr) -> Host {
        match address {
            IpAddr::V4(address) => Host::V4(address),
            IpAddr::V6(address) => Host::V6 { address, zone: None },
        }
    }
}

impl From<SocketAddr> for HostPort {
    /// The scope of an IPv6 address becomes its zone, as an index.
    fn from(address: SocketAddr) -> HostPort {
        let mut host = Host::from(address.ip());
        if let (Host::V6 { zone, .. }, SocketAddr::V6(v6)) = (&mut host, address)
            && v6.scope_id() != 0
        {
            *zone = Some(v6.scope_id().to_string());
        }
        HostPort { host: Some(host), port: address.port() }
    }
}

impl fmt::Display for Host {
    /// As in an endpoint: an IPv6 address in brackets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Host::Name(name) => f.write_str(name),
            Host::V4(address) => write!(f, "{address}"),
            Host::V6 { address, zone: None } => write!(f, "[{address}]"),
            Host::V6 { address, zone: Some(zone) } => write!(f, "[{address}%{zone}]"),
        }
    }
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            Some(host) => write!(f, "{host}:{}", self.port),
            None => write!(f, ":{}", self.port),
        }
    }
}

impl FromStr for HostPort {
    type Err = ParseEndpointError;

    /// `HOST:PORT`, `[IPV6]:PORT`, `:PORT` or `PORT`.
    fn from_str(text: &str) -> Result<HostPort, ParseEndpointError> {
        if text.is_empty() {
            return Err(error(
                "the address is empty",
                "write HOST:PORT, or :PORT for this machine",
            ));
        }
        if let Some(rest) = text.strip_prefix('[') {
            return parse_bracketed(text, rest);
        }
        if text.bytes().all(|b| b.is_ascii_digit()) {
            return Ok(HostPort { host: None, port: parse_port(text)? });
        }
        match text.split_once(':') {
            None => Err(no_port(text)),
            Some((_, port)) if port.contains(':') => Err(no_brackets(text)),
            Some(("", port)) => Ok(HostPort { host: None, port: parse_port(port)? }),
            Some((host, port)) => {
                let host = parse_host(host)?;
                Ok(HostPort { host: Some(host), port: parse_port(port)? })
            }
        }
    }
}

pub(super) fn error(problem: impl Into<String>, remedy: impl Into<String>) -> ParseEndpointError {
    ParseEndpointError { problem: problem.into(), remedy: remedy.into() }
}

fn no_port(text: &str) -> ParseEndpointError {
    if text.contains('/') {
        let path = UnixPath::Path(text.as_bytes().to_vec());
        return error(
            format!("`{text}` is no HOST:PORT"),
            format!("a Unix socket is written unix://{path}"),
        );
    }
    error(format!("`{text}` has no port"), format!("write {text}:9000, the port after a colon"))
}

fn no_brackets(text: &str) -> ParseEndpointError {
    let (address, port) = match text.rsplit_once(':') {
        // Both may be meant, and only one of them by whoever typed a port.
        Some((address, port)) if is_v6(text) && is_v6(address) && port.parse::<u16>().is_ok() => {
            return error(
                format!("the IPv6 address in `{text}` has no brackets"),
                format!("write [{address}]:{port} if {port} is the port, else [{text}]:9000"),
            );
        }
        // `::1:9000` is an address as it stands; what was meant is for the person to say.
        _ if is_v6(text) => (text, "9000"),
        Some((address, port)) if is_v6(address) && !port.is_empty() => (address, port),
        _ => {
            return error(
                format!("`{text}` has more than one colon and is no HOST:PORT"),
                "write HOST:PORT; an IPv6 address stands in brackets: [::1]:9000",
            );
        }
    };
    error(
        format!("the IPv6 address in `{text}` has no brackets"),
        format!("write [{address}]:{port}, the address in brackets and then the port"),
    )
}

fn is_v6(text: &str) -> bool {
    let address = text.split_once('%').map_or(text, |(address, _)| address);
    address.parse::<Ipv6Addr>().is_ok()
}

fn parse_bracketed(text: &str, rest: &str) -> Result<HostPort, ParseEndpointError> {
    let Some((inside, after)) = rest.split_once(']') else {
        return Err(error(format!("`{text}` has no closing bracket"), "write [::1]:9000"));
    };
    let (address, zone) = match inside.split_once('%') {
        Some((address, zone)) => (address, Some(zone)),
        None => (inside, None),
    };
    let Ok(address) = address.parse() else {
        return Err(error(
            format!("`{address}` is no IPv6 address"),
            "only IPv6 addresses stand in brackets: [::1]:9000",
        ));
    };
    if let Some(zone) = zone
        && !is_interface_name(zone)
    {
        return Err(error(
            format!("`{zone}` is no name of an interface"),
            "write the interface after the %, by name or index: [fe80::1%eth0]:9000",
        ));
    }
    let Some(port) = after.strip_prefix(':') else {
        return Err(error(format!("`{text}` has no port"), format!("write [{inside}]:9000")));
    };
    let host = Host::V6 { address, zone: zone.map(str::to_owned) };
    Ok(HostPort { host: Some(host), port: parse_port(port)? })
}

pub(super) fn parse_port(text: &str) -> Result<u16, ParseEndpointError> {
    let remedy = "a port is a number from 0 to 65535";
    if text.is_empty() {
        return Err(error("the port after the colon is missing", remedy));
    }
    if !text.bytes().all(|b| b.is_ascii_digit()) {
        let remedy = format!("{remedy}; names such as http have theirs in /etc/services");
        return Err(error(format!("`{text}` is no port number"), remedy));
    }
    text.parse().map_err(|_| error(format!("there is no port {text}"), remedy))
}

fn parse_host(text: &str) -> Result<Host, ParseEndpointError> {
    if let Ok(address) = text.parse() {
        return Ok(Host::V4(address));
    }
    if text == "*" {
        return Err(error(
            "`*` is no host",
            "every address of this machine is 0.0.0.0, or [::] with IPv6",
        ));
    }
    // Resolvers take 127.1 and 0x7f000001 for addresses, each in its own way: such a name is never
    // what it seems.
    let last = text.trim_end_matches('.').rsplit('.').next().unwrap_or_default();
    let number = last.bytes().all(|b| b.is_ascii_digit()) || last.starts_with("0x");
    if number {
        return Err(error(
            format!("`{text}` is no IPv4 address"),
            "an IPv4 address is four numbers from 0 to 255: 192.0.2.7",
        ));
    }
    if !text.is_ascii() {
        return Err(error(
            format!("the host name `{text}` is not ASCII"),
            "write the name as DNS has it: xn--…",
        ));
    }
    let letters = text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
    if !letters || text.starts_with(['-', '.']) || text.contains("..") || text.len() > NAME_BYTES {
        return Err(error(
            format!("`{text}` is no host name"),
            format!("a name is letters, digits, - _ and dots between them, at most {NAME_BYTES}"),
        ));
    }
    Ok(Host::Name(text.into()))
}

/// Whether this can name an interface, or anything else the kernel names in 15 bytes. The letters
/// are those that need no quoting anywhere.
pub(crate) fn is_interface_name(text: &str) -> bool {
    let letters = text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._:+@-".contains(&b));
    letters && (1..=INTERFACE_BYTES).contains(&text.len())
}

/// The name of a Unix socket, in bytes as the kernel has it.
///
/// Written with `%XX` for bytes that a shell or this grammar would take for something else: `%2C` a
/// comma, `%25` a percent sign.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum UnixPath {
    /// A file: 1 to 107 bytes, no NUL.
    Path(Vec<u8>),
    /// A name in the abstract namespace, written `@NAME`: 1 to 107 bytes, any of them.
    Abstract(Vec<u8>),
}

impl UnixPath {
    fn bytes(&self) -> &[u8] {
        match self {
            UnixPath::Path(bytes) | UnixPath::Abstract(bytes) => bytes,
        }
    }
}

impl FromStr for UnixPath {
    type Err = ParseEndpointError;

    /// `PATH` or `@NAME`.
    fn from_str(text: &str) -> Result<UnixPath, ParseEndpointError> {
        let path = match text.strip_prefix('@') {
            Some(name) => UnixPath::Abstract(decode(name)?),
            None => UnixPath::Path(decode(text)?),
        };
        let len = path.bytes().len();
        if len == 0 {
            return Err(error(
                "the name of the Unix socket is empty",
                "write a path, unix:///run/x.sock, or an abstract name, unix://@x",
            ));
        }
        if len > UNIX_PATH_BYTES {
            return Err(error(
                format!(
                    "the name of the Unix socket has {len} bytes, the most is {UNIX_PATH_BYTES}"
                ),
                "use a shorter path, for instance a relative one",
            ));
        }
        if let UnixPath::Path(bytes) = &path
            && bytes.contains(&0)
        {
            return Err(error(
                "a path cannot hold the byte %00",
                "leave it out, or write an abstract name, unix://@x",
            ));
        }
        Ok(path)
    }
}

impl fmt::Display for UnixPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if matches!(self, UnixPath::Abstract(_)) {
            f.write_str("@")?;
        }
        // A file may have a name that begins with @ too.
        write_path(f, self.bytes(), matches!(self, UnixPath::Path(_)))
    }
}

/// Bytes of a path with `%XX` for all but letters, digits and `/._-+:=@`; `no_at`: for an @ in front
/// too.
pub(super) fn write_path(f: &mut fmt::Formatter<'_>, path: &[u8], no_at: bool) -> fmt::Result {
    let mut begins = no_at;
    for chunk in path.utf8_chunks() {
        for c in chunk.valid().chars() {
            let plain = c.is_alphanumeric() || "/._-+:=@".contains(c);
            if plain && !(begins && c == '@') {
                write!(f, "{c}")?;
            } else {
                let mut room = [0; 4];
                write_encoded(f, c.encode_utf8(&mut room).as_bytes())?;
            }
            begins = false;
        }
        write_encoded(f, chunk.invalid())?;
        begins = false;
    }
    Ok(())
}

fn write_encoded(f: &mut fmt::Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    bytes.iter().try_for_each(|byte| write!(f, "%{byte:02X}"))
}

/// Takes `%XX` for a byte (RFC 3986 section 2.1) and all else as it is.
pub(super) fn decode(text: &str) -> Result<Vec<u8>, ParseEndpointError> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let (byte, after) = match (byte, after) {
            (b'%', [high, low, after @ ..]) => match (digit(*high), digit(*low)) {
                (Some(high), Some(low)) => (high << 4 | low, after),
                _ => return Err(bad_percent(text)),
            },
            (b'%', _) => return Err(bad_percent(text)),
            plain => plain,
        };
        bytes.push(byte);
        rest = after;
    }
    Ok(bytes)
}

fn digit(byte: u8) -> Option<u8> {
    (byte as char).to_digit(16).map(|n| n as u8)
}

fn bad_percent(text: &str) -> ParseEndpointError {
    error(
        format!("in `{text}` two hex digits are missing after a %"),
        "write %25 for a percent sign, %2C for a comma",
    )
}
