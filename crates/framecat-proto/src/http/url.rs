//! Where something is fetched from: `http://HOST[:PORT]/PATH?QUERY`, `https://…` (RFC 9110 section 4.2,
//! RFC 3986), and `unix://SOCKET:/PATH?QUERY`.
//!
//! ```text
//! http://example.org/a b.txt?q=ü    target /a%20b.txt?q=%C3%BC   host example.org
//! https://[::1]:8443                target /                     host [::1]:8443
//! :8000/x                           target /x                    host localhost:8000
//! unix:///run/x.sock:/v1/info       target /v1/info              host localhost
//! ```
//! What a target cannot hold is percent-encoded, and what is encoded already stays so. Dots in the path
//! are sent as typed: whoever asks for `/../x` wants to see what the server makes of it.

use std::fmt;
use std::str::FromStr;

use crate::Endpoint;
use crate::endpoint::{At, Host, HostPort, UnixPath};
use crate::limits::HTTP_TARGET_BYTES;
use crate::options::{OptionAbout, Options};

/// The port of `http` and of `https` where none is named.
const HTTP_PORT: u16 = 80;
const HTTPS_PORT: u16 = 443;

/// The longest name of a file that a URL may give: with what is put behind it while it is written it has
/// to fit 255 bytes (`NAME_MAX`).
const NAME_BYTES: usize = 240;

/// A place and what is asked of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Url {
    at: Place,
    /// The target in origin-form (RFC 9112 section 3.2.1): begins with `/`, percent-encoded.
    target: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    Http(HostPort),
    Https(HostPort),
    Unix(UnixPath),
}

/// Why a text is no URL that can be fetched.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{problem}")]
pub struct ParseUrlError {
    /// What is wrong with it, naming the part.
    pub problem: String,
    /// What to write instead.
    pub remedy: String,
}

fn error(problem: impl Into<String>, remedy: impl Into<String>) -> ParseUrlError {
    ParseUrlError { problem: problem.into(), remedy: remedy.into() }
}

impl Url {
    /// The target of the request line.
    pub fn target(&self) -> &str {
        &self.target
    }

    /// The value of the Host field: without the port where it is the scheme's own, without the zone of
    /// an address (RFC 6874 section 4), `localhost` over a Unix socket.
    pub fn host(&self) -> String {
        let (HostPort { host, port }, own) = match &self.at {
            Place::Http(at) => (at, HTTP_PORT),
            Place::Https(at) => (at, HTTPS_PORT),
            Place::Unix(_) => return "localhost".into(),
        };
        let host = match host {
            None => "localhost".into(),
            Some(Host::V6 { address, .. }) => format!("[{address}]"),
            Some(host) => host.to_string(),
        };
        if *port == own { host } else { format!("{host}:{port}") }
    }

    /// Whether TLS is spoken there.
    pub fn is_secure(&self) -> bool {
        matches!(self.at, Place::Https(_))
    }

    /// Whether it is a Unix socket.
    pub fn is_unix(&self) -> bool {
        matches!(self.at, Place::Unix(_))
    }

    /// Whether both are of one origin: scheme, host and port (RFC 9110 section 4.3.1).
    pub fn is_same_origin(&self, other: &Url) -> bool {
        self.at == other.at
    }

    /// The scheme of the endpoint that is dialled.
    pub fn endpoint_scheme(&self) -> &'static str {
        match self.at {
            Place::Http(_) => "tcp",
            Place::Https(_) => "tls",
            Place::Unix(_) => "unix",
        }
    }

    /// What is dialled: those of the `options` that its scheme has, and over TLS `http/1.1` as the
    /// protocol spoken inside (RFC 7301) unless they name another.
    pub fn endpoint(&self, options: &Options) -> Endpoint {
        let scheme = self.endpoint_scheme();
        let not_its = options.iter().filter(|setting| {
            OptionAbout::of(setting.name).is_none_or(|row| !row.schemes.contains(&scheme))
        });
        let not_its: Vec<&str> = not_its.map(|setting| setting.name).collect();
        let mut endpoint: Endpoint = match self.at.clone() {
            Place::Http(at) => At::Tcp(at),
            Place::Https(at) => At::Tls(at),
            Place::Unix(at) => At::Unix(at),
        }
        .into();
        endpoint.options = options.without(&not_its);
        if self.is_secure() && endpoint.options.get("alpn").is_none() {
            let added = endpoint.options.add("alpn=http/1.1", scheme);
            debug_assert!(added.is_ok(), "the table has it");
        }
        endpoint
    }

    /// The name of a file for what it names: the last part of the path, percent-decoded.
    ///
    /// # Errors
    /// There is none, or it is no name for a file: `..`, a `/` or a control in it, too long.
    pub fn file_name(&self) -> Result<Vec<u8>, ParseUrlError> {
        let path = self.target.split('?').next().unwrap_or_default();
        let last = path.rsplit('/').next().unwrap_or_default();
        let name = decoded(last);
        let remedy = "-o FILE names one";
        if name.is_empty() {
            return Err(error(format!("the path `{path}` ends with no name"), remedy));
        }
        let control = name.iter().any(|byte| *byte < 0x20 || *byte == 0x7f);
        if name == b"." || name == b".." || name.contains(&b'/') || control {
            return Err(error(format!("`{last}` is no name for a file"), remedy));
        }
        if name.len() > NAME_BYTES {
            return Err(error(format!("the name in the path has {} bytes", name.len()), remedy));
        }
        Ok(name)
    }

    /// Where a redirect from here leads (RFC 3986 section 5.2, RFC 9110 section 10.2.2). `host` is the
    /// Host field that was sent: over a Unix socket what names it leads back to the socket.
    ///
    /// # Errors
    /// It is no reference, of another scheme than http and https, or leads off a Unix socket.
    pub fn join(&self, location: &[u8], host: &str) -> Result<Url, ParseUrlError> {
        let shown = String::from_utf8_lossy(location).into_owned();
        if location.iter().any(|byte| *byte < 0x20 || *byte == 0x7f) {
            return Err(error(
                "the redirect has a control character in it",
                "--show shows it; the server is at fault",
            ));
        }
        let reference = location.split(|byte| *byte == b'#').next().unwrap_or_default();
        if let Some(scheme) = scheme_of(reference) {
            let web = ["http", "https"].iter().any(|known| scheme.eq_ignore_ascii_case(known));
            if !web {
                return Err(error(
                    format!("the redirect leads to `{shown}`: only http and https are followed"),
                    "fetch it yourself if you trust it",
                ));
            }
            let rest = &reference[scheme.len() + 1..];
            let rest = rest.strip_prefix(b"//").ok_or_else(|| {
                error(
                    format!("the redirect `{shown}` has no // behind its scheme"),
                    "the server is at fault; fetch what it means yourself",
                )
            })?;
            return self.lead(scheme.eq_ignore_ascii_case("https"), rest, host);
        }
        if let Some(rest) = reference.strip_prefix(b"//") {
            return self.lead(self.is_secure(), rest, host);
        }
        let path = self.target.split('?').next().unwrap_or_default();
        let mut target = match reference.first() {
            None => self.target.clone().into_bytes(),
            Some(b'?') => [path.as_bytes(), reference].concat(),
            Some(b'/') => reference.to_vec(),
            Some(_) => {
                let folder = path.rfind('/').map_or(0, |at| at + 1);
                [&path.as_bytes()[..folder], reference].concat()
            }
        };
        without_dots(&mut target);
        Ok(Url { at: self.at.clone(), target: encoded(&target)? })
    }

    /// The URL of a redirect that names an authority.
    fn lead(&self, secure: bool, rest: &[u8], host: &str) -> Result<Url, ParseUrlError> {
        let end = rest.iter().position(|byte| b"/?".contains(byte)).unwrap_or(rest.len());
        let (authority, target) = rest.split_at(end);
        let authority = String::from_utf8_lossy(authority).into_owned();
        let mut target = target.to_vec();
        without_dots(&mut target);
        let at = match &self.at {
            Place::Unix(_) if !secure && authority.eq_ignore_ascii_case(host) => self.at.clone(),
            Place::Unix(_) => {
                return Err(error(
                    format!("the redirect leads off the socket, to {authority}"),
                    "fetch it yourself if you trust it",
                ));
            }
            _ => network(secure, &authority)?,
        };
        Ok(Url { at, target: encoded(&target)? })
    }
}

/// The scheme that a reference begins with (RFC 3986 section 3.1).
fn scheme_of(reference: &[u8]) -> Option<&str> {
    let colon = reference.iter().position(|byte| b":/?".contains(byte))?;
    let scheme = &reference[..colon];
    let letters = |byte: &u8| byte.is_ascii_alphanumeric() || b"+-.".contains(byte);
    let is_one = reference[colon] == b':'
        && scheme.first().is_some_and(u8::is_ascii_alphabetic)
        && scheme.iter().all(letters);
    if is_one { std::str::from_utf8(scheme).ok() } else { None }
}

fn network(secure: bool, authority: &str) -> Result<Place, ParseUrlError> {
    let scheme = if secure { "https" } else { "http" };
    if authority.contains('@') {
        return Err(error(
            format!("the {scheme} URL has a user or password before its host"),
            "write the host alone, and --user USER; the password is typed, or in --password-file FILE",
        ));
    }
    let own = if secure { HTTPS_PORT } else { HTTP_PORT };
    // A zone is %25 in a URL (RFC 6874), and % to everybody else.
    let authority = authority.replace("%25", "%");
    let behind = authority.rfind(']').map_or(0, |at| at + 1);
    let with_port = match authority[behind..].rfind(':') {
        // An empty port is the scheme's own (RFC 3986 section 6.2.3).
        Some(at) if behind + at + 1 == authority.len() => format!("{authority}{own}"),
        Some(_) => authority.clone(),
        None => format!("{authority}:{own}"),
    };
    // `::1` is an address without its brackets, which is told below.
    if authority.strip_prefix(':').map_or(authority.is_empty(), |port| !port.contains(':')) {
        return Err(error(
            format!("the {scheme} URL has no host"),
            format!("write {scheme}://HOST/PATH; for this machine {scheme}://localhost/PATH"),
        ));
    }
    let lower = with_port.to_ascii_lowercase();
    let at: HostPort = lower
        .parse()
        .map_err(|e: crate::endpoint::ParseEndpointError| error(e.problem, e.remedy))?;
    if at.port == 0 {
        return Err(error("port 0 is no place to connect to", "name the port of the server"));
    }
    Ok(if secure { Place::Https(at) } else { Place::Http(at) })
}

impl FromStr for Url {
    type Err = ParseUrlError;

    /// As typed: with a scheme, or without one for http; `:PORT/PATH` is this machine.
    fn from_str(text: &str) -> Result<Url, ParseUrlError> {
        if text.bytes().any(|byte| byte < 0x20 || byte == 0x7f) {
            return Err(error(
                "the URL has a control character in it",
                "write it as %XX, %0A for a line feed, if it is meant",
            ));
        }
        let (scheme, rest) = match text.split_once("://") {
            Some((scheme, rest)) if !scheme.contains(['/', '?', ':']) => (scheme, rest),
            _ => ("", text),
        };
        let lower = scheme.to_ascii_lowercase();
        if lower == "unix" {
            return unix(rest);
        }
        if !["", "http", "https"].contains(&lower.as_str()) {
            let remedy = match lower.as_str() {
                "tcp" => format!("write http://{rest}"),
                "tls" => format!("write https://{rest}"),
                _ => {
                    "http://HOST/PATH, https://HOST/PATH and unix://SOCKET:/PATH are fetched".into()
                }
            };
            return Err(error(format!("`{scheme}` is no scheme that can be fetched"), remedy));
        }
        let rest = rest.split('#').next().unwrap_or_default();
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, target) = rest.split_at(end);
        let shorthand;
        let authority = match authority {
            "" if scheme.is_empty() => {
                return Err(error(
                    format!("`{text}` names no host"),
                    "write http://HOST/PATH; over a Unix socket unix://SOCKET:/PATH",
                ));
            }
            port if scheme.is_empty() && port.starts_with(':') => {
                shorthand = format!("localhost{port}");
                &shorthand
            }
            authority => authority,
        };
        let at = network(lower == "https", authority)?;
        Ok(Url { at, target: encoded(target.as_bytes())? })
    }
}

/// `SOCKET[:/PATH]`: the first `:/` ends the socket, as in nginx's proxy_pass; `%3A` is a colon of its
/// own.
fn unix(rest: &str) -> Result<Url, ParseUrlError> {
    let rest = rest.split('#').next().unwrap_or_default();
    let (socket, target) = match rest.find(":/") {
        Some(at) => (&rest[..at], &rest[at + 1..]),
        None => (rest.strip_suffix(':').unwrap_or(rest), "/"),
    };
    if socket.contains(['?', ',']) {
        return Err(error(
            format!("`{socket}` is no path of a socket"),
            "write unix://SOCKET:/PATH?QUERY; in the socket's own path %3F is a ?, %2C a comma",
        ));
    }
    let socket: UnixPath = socket
        .parse()
        .map_err(|e: crate::endpoint::ParseEndpointError| error(e.problem, e.remedy))?;
    Ok(Url { at: Place::Unix(socket), target: encoded(target.as_bytes())? })
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.at {
            Place::Unix(path) => {
                // What ends the socket's path must not stand in it.
                let path = path.to_string().replace(':', "%3A");
                write!(f, "unix://{path}:{}", self.target)
            }
            Place::Http(HostPort { host: Some(Host::V6 { address, zone: Some(zone) }), port }) => {
                write!(f, "http://[{address}%25{zone}]:{port}{}", self.target)
            }
            Place::Https(HostPort { host: Some(Host::V6 { address, zone: Some(zone) }), port }) => {
                write!(f, "https://[{address}%25{zone}]:{port}{}", self.target)
            }
            Place::Http(_) => write!(f, "http://{}{}", self.host(), self.target),
            Place::Https(_) => write!(f, "https://{}{}", self.host(), self.target),
        }
    }
}

/// Path and query as they stand in a request line: a `/` in front, and `%XX` for what may not stand
/// there (RFC 3986 sections 3.3 and 3.4). A `%` that begins no `%XX` is one itself.
fn encoded(target: &[u8]) -> Result<String, ParseUrlError> {
    let mut text = String::with_capacity(target.len() + 1);
    if target.first() != Some(&b'/') {
        text.push('/');
    }
    for (at, &byte) in target.iter().enumerate() {
        let plain = match byte {
            b'%' => {
                target.get(at + 1..at + 3).is_some_and(|xx| xx.iter().all(u8::is_ascii_hexdigit))
            }
            // Brackets are not allowed either, and servers have always taken them.
            _ => byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/?[]".contains(&byte),
        };
        match plain {
            true => text.push(byte as char),
            false => text.push_str(&format!("%{byte:02X}")),
        }
    }
    if text.len() > HTTP_TARGET_BYTES {
        return Err(error(
            format!("path and query have {} bytes, more than {HTTP_TARGET_BYTES}", text.len()),
            "servers take no longer request line; --data sends more",
        ));
    }
    Ok(text)
}

fn decoded(text: &str) -> Vec<u8> {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let digit = |at: usize| bytes.get(at).and_then(|byte| (*byte as char).to_digit(16));
        match (byte, digit(at + 1), digit(at + 2)) {
            (b'%', Some(high), Some(low)) => {
                out.push((high << 4 | low) as u8);
                at += 3;
            }
            _ => {
                out.push(byte);
                at += 1;
            }
        }
    }
    out
}

/// Takes `.` and `..` out of a path (RFC 3986 section 5.2.4); the query behind it stays.
fn without_dots(target: &mut Vec<u8>) {
    let end = target.iter().position(|byte| *byte == b'?').unwrap_or(target.len());
    let mut parts: Vec<&[u8]> = Vec::new();
    let (path, query) = target.split_at(end);
    let mut all = path.strip_prefix(b"/").unwrap_or(path).split(|byte| *byte == b'/').peekable();
    while let Some(part) = all.next() {
        let last = all.peek().is_none();
        match part {
            b"." if last => parts.push(b""),
            b"." => {}
            b".." => {
                parts.pop();
                if last {
                    parts.push(b"");
                }
            }
            part => parts.push(part),
        }
    }
    let whole = [b"/", parts.join(&b'/').as_slice(), query].concat();
    *target = whole;
}

#[cfg(test)]
mod tests;
