//! Where to connect or listen: `SCHEME://ADDRESS[,OPTION[=VALUE]…][,frame=RULE][,send=RULE]`.
//!
//! An [`Endpoint`] is a value. It parses from one word that a shell leaves as it is, prints itself
//! back the same, and knows nothing of sockets; whether one waits there or dials is the verb's.
//!
//! ```text
//! tcp://host:9000,nodelay=off,frame=line
//! └┬┘   └───┬───┘ └────┬────┘ └───┬────┘
//! scheme  address   options     framing: comes last and takes the rest of the word, up to ,send=
//! ```

use std::fmt;
use std::str::FromStr;

use crate::framing::{Framing, ParseFramingError};
use crate::options::{Options, ParseOptionError, Value, nearest};

mod address;
mod cast;
mod exec;
mod file;

pub(crate) use address::is_interface_name;
pub use address::{Host, HostPort, UnixPath};
pub use cast::{BroadcastAt, BroadcastTo, GroupAt};
pub use exec::Command;
pub use file::FilePath;

/// Where to connect or listen, with its options and its framing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// The place.
    pub at: At,
    /// What was asked of the socket.
    pub options: Options,
    /// Where a message ends, if the endpoint itself says it (`,frame=`).
    pub framing: Option<Framing>,
    /// Where a message ends that goes there, if the endpoint itself says that it is another rule
    /// (`,send=`).
    pub send: Option<Framing>,
}

/// A place, and how one talks there.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum At {
    /// A TCP port.
    Tcp(HostPort),
    /// A TCP port on which TLS is spoken.
    Tls(HostPort),
    /// A UDP port.
    Udp(HostPort),
    /// A Unix stream socket.
    Unix(UnixPath),
    /// A Unix datagram socket.
    Unixgram(UnixPath),
    /// A Unix seqpacket socket: connections that keep messages whole.
    Unixseq(UnixPath),
    /// A program that is started: its stdin and stdout.
    Exec(Command),
    /// A file, FIFO or device: read to its end, or written if an option says so.
    File(FilePath),
    /// A UDP port of every host of a network.
    Broadcast(BroadcastAt),
    /// A UDP port of every host that joined a group.
    Multicast(GroupAt),
    /// The standard input and output of this process.
    Stdio,
}

/// A row of the table of schemes.
#[derive(Debug, Clone, Copy)]
pub struct SchemeAbout {
    /// The scheme, as typed before `://`; `-` stands alone.
    pub name: &'static str,
    /// What follows it.
    pub address: &'static str,
    /// What it is, in a sentence.
    pub about: &'static str,
}

impl SchemeAbout {
    /// The scheme with what stands between it and the address: `tcp://`, `file:`, `-`.
    pub fn written(&self) -> String {
        match self.name {
            "-" => "-".into(),
            name @ ("exec" | "file") => format!("{name}:"),
            name => format!("{name}://"),
        }
    }
}

/// Every scheme there is, in the order of the reference page.
pub const SCHEMES: &[SchemeAbout] = &[
    SchemeAbout {
        name: "tcp",
        address: "HOST:PORT",
        about: "A stream over TCP; HOST:PORT alone means the same, and :PORT is this machine.",
    },
    SchemeAbout {
        name: "tls",
        address: "HOST:PORT",
        about: "TLS 1.2 or 1.3 over TCP. Who dials checks the certificate against the system's roots, \
                ca= or pin=; who listens shows cert= or is self-signed.",
    },
    SchemeAbout {
        name: "udp",
        address: "HOST:PORT",
        about: "Datagrams over UDP: each is a message of 0 to 65,507 bytes, and may be lost.",
    },
    SchemeAbout {
        name: "unix",
        address: "PATH or @NAME",
        about: "A stream between programs of this machine; @NAME is in the abstract namespace.",
    },
    SchemeAbout {
        name: "unixgram",
        address: "PATH or @NAME",
        about: "Datagrams between programs of this machine; none is lost.",
    },
    SchemeAbout {
        name: "unixseq",
        address: "PATH or @NAME",
        about: "Connections between programs of this machine that keep messages whole.",
    },
    SchemeAbout {
        name: "broadcast",
        address: "[ADDRESS or INTERFACE]:PORT",
        about: "Datagrams to all hosts of a network, of every network of this machine if none is \
                named; each that answers is a peer. Listening hears the network, as typed.",
    },
    SchemeAbout {
        name: "multicast",
        address: "GROUP:PORT",
        about: "Datagrams to all that joined a group (239.1.2.3, [ff02::123%eth0]), by the interface \
                of the route or dev=; source= hears one sender only.",
    },
    SchemeAbout {
        name: "exec",
        address: "WORDS",
        about: "A program, started for the conversation: its stdin and stdout. Takes the whole word.",
    },
    SchemeAbout {
        name: "file",
        address: "PATH",
        about: "A file, FIFO or device: read to its end; with ,create ,append or ,replace written.",
    },
    SchemeAbout {
        name: "-",
        address: "",
        about: "The standard input and output, as an end of relay.",
    },
];

/// Why a word is no endpoint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{problem}")]
pub struct ParseEndpointError {
    /// What is wrong with it, naming the part.
    pub problem: String,
    /// What to write instead.
    pub remedy: String,
}

impl From<ParseOptionError> for ParseEndpointError {
    fn from(error: ParseOptionError) -> ParseEndpointError {
        ParseEndpointError { problem: error.problem, remedy: error.remedy }
    }
}

impl From<ParseFramingError> for ParseEndpointError {
    fn from(error: ParseFramingError) -> ParseEndpointError {
        ParseEndpointError { problem: error.problem, remedy: error.remedy }
    }
}

impl From<At> for Endpoint {
    fn from(at: At) -> Endpoint {
        Endpoint { at, options: Options::new(), framing: None, send: None }
    }
}

impl Endpoint {
    /// A TCP port of a host, or of this machine.
    pub fn tcp(host: Option<Host>, port: u16) -> Endpoint {
        At::Tcp(HostPort { host, port }).into()
    }

    /// A UDP port of a host, or of this machine.
    pub fn udp(host: Option<Host>, port: u16) -> Endpoint {
        At::Udp(HostPort { host, port }).into()
    }

    /// The standard input and output.
    pub fn stdio() -> Endpoint {
        At::Stdio.into()
    }

    /// The scheme, as typed; `-` for stdin and stdout.
    pub fn scheme(&self) -> &'static str {
        match self.at {
            At::Tcp(_) => "tcp",
            At::Tls(_) => "tls",
            At::Udp(_) => "udp",
            At::Unix(_) => "unix",
            At::Unixgram(_) => "unixgram",
            At::Unixseq(_) => "unixseq",
            At::Exec(_) => "exec",
            At::File(_) => "file",
            At::Broadcast(_) => "broadcast",
            At::Multicast(_) => "multicast",
            At::Stdio => "-",
        }
    }

    /// The port, where the address has one.
    pub fn port(&self) -> Option<u16> {
        match &self.at {
            At::Tcp(at) | At::Tls(at) | At::Udp(at) => Some(at.port),
            At::Broadcast(at) => Some(at.port),
            At::Multicast(at) => Some(at.port),
            _ => None,
        }
    }

    /// Whether the address names a host, or many; without one it is this machine.
    pub fn has_host(&self) -> bool {
        match &self.at {
            At::Tcp(at) | At::Tls(at) | At::Udp(at) => at.host.is_some(),
            At::Broadcast(_) | At::Multicast(_) => true,
            _ => false,
        }
    }

    /// The address as it is printed after `SCHEME://`; empty for stdin and stdout.
    pub fn address(&self) -> String {
        match &self.at {
            At::Tcp(at) | At::Tls(at) | At::Udp(at) => at.to_string(),
            At::Unix(path) | At::Unixgram(path) | At::Unixseq(path) => path.to_string(),
            At::Exec(command) => command.to_string(),
            At::File(path) => path.to_string(),
            At::Broadcast(at) => at.to_string(),
            At::Multicast(at) => at.to_string(),
            At::Stdio => String::new(),
        }
    }

    /// Whether the kernel keeps messages whole here, so that no framing is needed.
    pub fn keeps_boundaries(&self) -> bool {
        matches!(self.at, At::Udp(_) | At::Unixgram(_) | At::Unixseq(_)) || self.is_cast()
    }

    /// Whether what is sent there goes to many hosts, and many may answer.
    pub fn is_cast(&self) -> bool {
        matches!(self.at, At::Broadcast(_) | At::Multicast(_))
    }

    /// Whether it has an address and a port, as other machines could reach them. (Loopback counts.)
    pub fn is_network(&self) -> bool {
        matches!(self.at, At::Tcp(_) | At::Tls(_) | At::Udp(_)) || self.is_cast()
    }

    /// Whether it is a file to be written, and not read.
    pub fn is_written(&self) -> bool {
        let ways = ["create", "append", "replace"];
        matches!(self.at, At::File(_)) && ways.iter().any(|way| self.is_on(way))
    }

    /// Whether one conversation is all that can be had here, and nobody waits: a program is started, a
    /// file opened, stdin and stdout are there already.
    pub fn is_dialled(&self) -> bool {
        matches!(self.at, At::Exec(_) | At::File(_) | At::Stdio)
    }

    fn is_on(&self, name: &str) -> bool {
        self.options.get(name) == Some(&Value::Flag(true))
    }

    /// What only the whole endpoint can tell.
    fn check(&self) -> Result<(), ParseEndpointError> {
        for (key, rule) in [("frame", &self.framing), ("send", &self.send)] {
            match (rule, self.keeps_boundaries()) {
                (Some(Framing::Native), true) | (None, _) => {}
                (Some(rule), true) => {
                    return Err(ParseEndpointError {
                        problem: format!(
                            "{} keeps messages whole by itself, so `{key}={rule}` has no place there",
                            self.scheme()
                        ),
                        remedy: format!("leave ,{key}= out, or write {key}=native"),
                    });
                }
                (Some(Framing::Native), false) => {
                    return Err(ParseEndpointError {
                        problem: format!(
                            "`{key}=native` has no place on {}, a stream has no boundaries of its own",
                            if self.at == At::Stdio { "stdin and stdout" } else { self.scheme() }
                        ),
                        remedy: format!("write a framing such as {key}=line, or {key}=raw"),
                    });
                }
                (Some(_), false) => {}
            }
        }
        self.check_certificates()?;
        let ways = || ["create", "append", "replace"].into_iter().filter(|way| self.is_on(way));
        if let (At::File(_), Some(first), Some(second)) = (&self.at, ways().next(), ways().nth(1)) {
            return Err(ParseEndpointError {
                problem: format!("`{first}` and `{second}` are two ways to write one file"),
                remedy: "leave one of them out: create makes a new file, append adds to one, \
                         replace empties it first"
                    .into(),
            });
        }
        let (host, port) = match &self.at {
            At::Tcp(at) | At::Tls(at) | At::Udp(at) => (&at.host, &at.port),
            At::Broadcast(at) => return self.check_broadcast(at),
            At::Multicast(at) => return self.check_group(at),
            _ => return Ok(()),
        };
        match host {
            Some(Host::V4(address)) if self.options.get("v6only") == Some(&Value::Flag(true)) => {
                Err(ParseEndpointError {
                    problem: format!("`v6only` has no place with the IPv4 address {address}"),
                    remedy: format!("leave it out, or write [::]:{port} for every address"),
                })
            }
            // connect(2) and bind(2) give EINVAL for it, which would tell nothing.
            Some(Host::V6 { address, zone: None })
                if address.is_unicast_link_local() && self.options.get("dev").is_none() =>
            {
                Err(ParseEndpointError {
                    problem: format!("the link-local address {address} does not say its interface"),
                    remedy: format!("write [{address}%eth0]:{port} with the interface after the %"),
                })
            }
            _ => Ok(()),
        }
    }

    fn check_broadcast(&self, at: &BroadcastAt) -> Result<(), ParseEndpointError> {
        match (&at.to, self.options.get("dev")) {
            (Some(_), Some(dev)) => Err(ParseEndpointError {
                problem: format!("{at} names its network, and so does dev={dev}"),
                remedy: format!("leave one out: broadcast://{dev}:{}", at.port),
            }),
            _ => Ok(()),
        }
    }

    fn check_group(&self, at: &GroupAt) -> Result<(), ParseEndpointError> {
        let (group, port, dev) = (at.group, at.port, self.options.get("dev"));
        if let (Some(zone), Some(dev)) = (&at.zone, dev) {
            return Err(ParseEndpointError {
                problem: format!("the interface is named twice: %{zone} and dev={dev}"),
                remedy: "leave one of them out".into(),
            });
        }
        if at.needs_interface() && at.zone.is_none() && dev.is_none() {
            return Err(ParseEndpointError {
                problem: format!("{group} is another group on each link, and names no interface"),
                remedy: format!("write [{group}%eth0]:{port} with the interface after the %"),
            });
        }
        match self.options.get("source") {
            Some(Value::Ip(source)) if source.is_ipv4() != group.is_ipv4() => {
                Err(ParseEndpointError {
                    problem: format!("{source} cannot send to {group}: they are of two families"),
                    remedy: "give an IPv4 group an IPv4 source, an IPv6 group an IPv6 one".into(),
                })
            }
            _ => Ok(()),
        }
    }
}

impl Endpoint {
    /// A key belongs to a certificate, and one certificate is shown.
    fn check_certificates(&self) -> Result<(), ParseEndpointError> {
        let asked = |name| self.options.get(name).is_some_and(|value| *value != Value::Flag(false));
        if asked("key") && !asked("cert") {
            return Err(ParseEndpointError {
                problem: "`key=` is given without the certificate it belongs to".into(),
                remedy: "write cert=FILE,key=FILE, or cert=FILE alone if it holds both".into(),
            });
        }
        if asked("self-signed") && asked("cert") {
            return Err(ParseEndpointError {
                problem: "`self-signed` makes a certificate, and `cert=` names one".into(),
                remedy: "leave one of them out".into(),
            });
        }
        Ok(())
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.at {
            At::Stdio => f.write_str("-")?,
            At::Exec(_) | At::File(_) => write!(f, "{}:{}", self.scheme(), self.address())?,
            _ => write!(f, "{}://{}", self.scheme(), self.address())?,
        }
        write!(f, "{}", self.options)?;
        for (key, rule) in [("frame", &self.framing), ("send", &self.send)] {
            if let Some(rule) = rule {
                write!(f, ",{key}={rule}")?;
            }
        }
        Ok(())
    }
}

impl FromStr for Endpoint {
    type Err = ParseEndpointError;

    fn from_str(word: &str) -> Result<Endpoint, ParseEndpointError> {
        // A command may hold anything, so it takes all of the word.
        if let Some(command) = word.strip_prefix("exec:") {
            return Ok(At::Exec(command.parse()?).into());
        }
        let (place, mut rest) = match word.find(',') {
            Some(comma) => (&word[..comma], Some(&word[comma + 1..])),
            None => (word, None),
        };
        let mut endpoint = Endpoint::from(parse_place(place)?);
        while let Some(options) = rest {
            if let Some((key, rule, after)) = split_rule(options) {
                let place = if key == "send" { &mut endpoint.send } else { &mut endpoint.framing };
                if place.replace(rule.parse()?).is_some() {
                    return Err(ParseEndpointError {
                        problem: format!("`{key}=` is given twice"),
                        remedy:
                            "leave one of them out; frame= is for both directions, send= for what \
                                 goes there"
                                .into(),
                    });
                }
                rest = after;
                continue;
            }
            let (option, after) = match options.split_once(',') {
                Some((option, after)) => (option, Some(after)),
                None => (options, None),
            };
            endpoint.options.add(option, endpoint.scheme())?;
            rest = after;
        }
        endpoint.check()?;
        Ok(endpoint)
    }
}

/// The rule that `options` begins with, and what comes behind it. A rule has commas of its own, and ends
/// only where the other one begins.
fn split_rule(options: &str) -> Option<(&str, &str, Option<&str>)> {
    let (key, rest) =
        options.split_once('=').filter(|(key, _)| matches!(*key, "frame" | "send"))?;
    let ends = [",frame=", ",send="].into_iter().filter_map(|other| rest.find(other));
    match ends.min() {
        Some(at) => Some((key, &rest[..at], Some(&rest[at + 1..]))),
        None => Some((key, rest, None)),
    }
}

/// `SCHEME://ADDRESS`, `-`, or an address of tcp.
fn parse_place(place: &str) -> Result<At, ParseEndpointError> {
    if place == "-" {
        return Ok(At::Stdio);
    }
    if let Some(path) = place.strip_prefix("file:") {
        return path.parse().map(At::File);
    }
    let Some((scheme, address)) = place.split_once("://") else {
        return parse_bare(place);
    };
    match scheme {
        "tcp" => address.parse().map(At::Tcp),
        "tls" => address.parse().map(At::Tls),
        "udp" => address.parse().map(At::Udp),
        "unix" => address.parse().map(At::Unix),
        "unixgram" => address.parse().map(At::Unixgram),
        "unixseq" => address.parse().map(At::Unixseq),
        "broadcast" => address.parse().map(At::Broadcast),
        "multicast" => address.parse().map(At::Multicast),
        _ => Err(unknown_scheme(scheme)),
    }
}

/// An address without a scheme is tcp's. What others take for a scheme (`udp:9000`, `exec:cat`) is
/// not taken for a host.
fn parse_bare(place: &str) -> Result<At, ParseEndpointError> {
    if let Some((first, rest)) = place.split_once(':')
        && first != "-"
    {
        if SCHEMES.iter().any(|row| row.name == first) {
            let remedy = match rest.bytes().all(|b| b.is_ascii_digit()) {
                true => format!(
                    "write {first}://:{rest}, or tcp://{place} if the host is named {first}"
                ),
                false => format!("write {first}://{}", rest.trim_start_matches("//")),
            };
            return Err(ParseEndpointError {
                problem: format!("in `{place}` the scheme {first} is not followed by ://"),
                remedy,
            });
        }
        let a_name = first.bytes().all(|b| b.is_ascii_alphabetic()) && !first.is_empty();
        let no_port = rest.bytes().any(|b| !b.is_ascii_digit() && b != b':');
        if a_name && no_port && !looks_like_v6(place) {
            return Err(ParseEndpointError {
                problem: format!("`{rest}` is no port number, and `{first}` is no scheme"),
                remedy: format!("write HOST:PORT with a port from 0 to 65535; {}", known_schemes()),
            });
        }
    }
    place.parse().map(At::Tcp)
}

fn looks_like_v6(place: &str) -> bool {
    place.bytes().filter(|b| *b == b':').count() > 1
}

fn unknown_scheme(scheme: &str) -> ParseEndpointError {
    let meant = nearest(scheme, SCHEMES.iter().map(|row| row.name))
        .map(|name| format!("did you mean {name}://? "))
        .unwrap_or_default();
    ParseEndpointError {
        problem: format!("`{scheme}` is no scheme known here"),
        remedy: format!("{meant}{}", known_schemes()),
    }
}

fn known_schemes() -> String {
    let names: Vec<_> =
        SCHEMES.iter().filter(|row| row.name != "-").map(SchemeAbout::written).collect();
    format!("the schemes are {}, and - is stdin and stdout", names.join(" "))
}

#[cfg(test)]
mod tests;
