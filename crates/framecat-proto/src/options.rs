//! The options of an endpoint: `tcp://host:9000,nodelay=off,rcvbuf=1MiB`.
//!
//! [`OPTIONS`] is the one table: the parser, the help page and the reference read it, and the
//! library that opens sockets joins it, by name, with the kernel's constants.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::endpoint::{
    FilePath, Host, HostPort, ParseEndpointError, SCHEMES, SchemeAbout, is_interface_name,
};
use crate::limits::{KEEPALIVE, PROTOCOLS};
pub use crate::quantity::{parse_size, parse_time, print_size, print_time};

mod table;

pub use table::OPTIONS;

/// A row of the table of options.
#[derive(Debug, Clone, Copy)]
pub struct OptionAbout {
    /// The name, as typed.
    pub name: &'static str,
    /// Which values it takes.
    pub kind: Kind,
    /// The level given to setsockopt, or `-` where it is no socket option.
    pub level: &'static str,
    /// The name in C: of the option, or of the call where it is no socket option.
    pub c_name: &'static str,
    /// When it may be set.
    pub when: When,
    /// The schemes that have it.
    pub schemes: &'static [&'static str],
    /// What it does, in a sentence.
    pub about: &'static str,
    /// What holds without it.
    pub default: &'static str,
    /// How it is typed.
    pub example: &'static str,
}

impl OptionAbout {
    /// The row of an option, if there is one of this name.
    pub fn of(name: &str) -> Option<&'static OptionAbout> {
        OPTIONS.iter().find(|row| row.name == name)
    }
}

/// When in the life of a socket an option may be set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// Before `bind`, or it comes too late.
    BeforeBind,
    /// Before `connect`, by who dials.
    BeforeConnect,
    /// When the file is opened.
    Opening,
    /// At any time. Set before `connect` or `listen`, the first segment obeys it too; sockets that
    /// `accept` gives inherit it.
    Any,
}

impl fmt::Display for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            When::BeforeBind => "before bind",
            When::BeforeConnect => "before connect",
            When::Opening => "when it is opened",
            When::Any => "any time",
        })
    }
}

/// Which values an option takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Nothing, or `on off 1 0 yes no`.
    Flag,
    /// A whole number, decimal or `0x…`.
    Int {
        /// The smallest.
        min: i64,
        /// The largest.
        max: i64,
    },
    /// A number of bytes; see [`parse_size`].
    Size {
        /// The smallest, in bytes.
        min: u64,
        /// The largest, in bytes.
        max: u64,
    },
    /// A time; see [`parse_time`].
    Time {
        /// What the kernel counts it in; the value is a multiple.
        unit: Duration,
        /// The largest.
        max: Duration,
    },
    /// `IDLE[/INTERVAL/COUNT]`, or on or off.
    Keepalive,
    /// A name of at most 15 bytes, as the kernel has them.
    Text,
    /// `ADDR`, `ADDR:PORT` or `:PORT`; an address, no name.
    Address,
    /// An IP address of one host, without brackets.
    Ip,
    /// The path of a file, with `%2C` for a comma.
    File,
    /// The name of a host, or an IP address.
    Host,
    /// `sha256:` and the hash of a public key, in base64 or hex.
    Pin,
    /// Names of protocols with `+` between them.
    Protocols,
}

impl fmt::Display for Kind {
    /// What the option takes, for the reference page and for errors.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Kind::Flag => f.write_str("on or off"),
            Kind::Int { min, max } => write!(f, "{min} to {max}"),
            Kind::Size { min, max } => write!(f, "{} to {}", print_size(*min), print_size(*max)),
            Kind::Time { unit, max } => {
                write!(f, "0 to {} in steps of {}", print_time(*max), print_time(*unit))
            }
            Kind::Keepalive => f.write_str("IDLE[/INTERVAL/COUNT], or off"),
            Kind::Text => f.write_str("a name of 1 to 15 characters"),
            Kind::Address => f.write_str("ADDR:PORT"),
            Kind::Ip => f.write_str("the IP address of a host"),
            Kind::File => f.write_str("a path; %2C is a comma, %25 a percent sign"),
            Kind::Host => f.write_str("the name of a host, or an IP address"),
            Kind::Pin => f.write_str("sha256: and 32 bytes in base64 or hex"),
            Kind::Protocols => f.write_str("names with + between them"),
        }
    }
}

/// TCP keepalive: when a connection on which nothing moves is asked whether it still lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keepalive {
    /// The silence before the first probe, in whole seconds.
    pub idle: Duration,
    /// The time between probes, in whole seconds.
    pub interval: Duration,
    /// How many unanswered probes end the connection.
    pub count: u32,
}

/// The longest idle time and interval (`MAX_TCP_KEEPIDLE`, `MAX_TCP_KEEPINTVL`).
const KEEPALIVE_TIME_MAX: Duration = Duration::from_secs(32_767);
/// The most probes (`MAX_TCP_KEEPCNT`).
const KEEPALIVE_COUNT_MAX: u32 = 127;

/// The value of a setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// On or off.
    Flag(bool),
    /// A number.
    Int(i64),
    /// A number of bytes.
    Size(u64),
    /// A time.
    Time(Duration),
    /// Keepalive switched on. Switched off it is `Flag(false)`.
    Keepalive(Keepalive),
    /// A name.
    Text(String),
    /// An address of this machine. No host: any of its addresses; port 0: any port.
    Address(HostPort),
    /// The address of a host, never of many.
    Ip(IpAddr),
    /// The path of a file.
    File(FilePath),
    /// The SHA-256 of a public key (its SubjectPublicKeyInfo in DER, RFC 7469 section 2.4).
    Pin([u8; 32]),
    /// Names of protocols in the order of preference, each of 1 to 255 bytes.
    Protocols(Vec<String>),
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Flag(on) => f.write_str(if *on { "on" } else { "off" }),
            Value::Int(n) => write!(f, "{n}"),
            Value::Size(bytes) => f.write_str(&print_size(*bytes)),
            Value::Time(time) => f.write_str(&print_time(*time)),
            Value::Keepalive(Keepalive { idle, interval, count }) => {
                write!(f, "{}/{}/{count}", print_time(*idle), print_time(*interval))
            }
            Value::Text(text) => f.write_str(text),
            Value::Address(address) => write!(f, "{address}"),
            Value::Ip(address) => write!(f, "{address}"),
            Value::File(path) => write!(f, "{path}"),
            Value::Pin(hash) => f.write_str(&print_pin(hash)),
            Value::Protocols(names) => f.write_str(&names.join("+")),
        }
    }
}

/// An option that was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// Its name in [`OPTIONS`].
    pub name: &'static str,
    /// What it is set to.
    pub value: Value,
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.value {
            Value::Flag(true) => f.write_str(self.name),
            value => write!(f, "{}={value}", self.name),
        }
    }
}

/// The options given to an endpoint, each at most once, in the order of the table.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Options(Vec<Setting>);

impl Options {
    /// No option was given.
    pub fn new() -> Options {
        Options::default()
    }

    /// The value given to an option, if it was given one.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.iter().find(|setting| setting.name == name).map(|setting| &setting.value)
    }

    /// The same without some of them.
    #[must_use]
    pub fn without(&self, names: &[&str]) -> Options {
        let kept = self.0.iter().filter(|setting| !names.contains(&setting.name));
        Options(kept.cloned().collect())
    }

    /// All that were given, in the order of the table.
    pub fn iter(&self) -> std::slice::Iter<'_, Setting> {
        self.0.iter()
    }

    /// Whether none was given.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes one option as typed, `NAME` or `NAME=VALUE`, for an endpoint of `scheme`.
    ///
    /// # Errors
    /// No option has this name (the nearest is named), it is not for this scheme, its value is none
    /// or out of range, or it was given before.
    pub fn add(&mut self, word: &str, scheme: &str) -> Result<(), ParseOptionError> {
        let (name, value) = match word.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (word, None),
        };
        let row = OptionAbout::of(name).ok_or_else(|| unknown(name))?;
        if !row.schemes.contains(&scheme) {
            return Err(not_for(row, scheme));
        }
        if self.get(name).is_some() {
            return Err(ParseOptionError {
                problem: format!("the option `{name}` is given twice"),
                remedy: "leave one of them out".into(),
            });
        }
        let value = parse_value(row, value)?;
        self.insert(Setting { name: row.name, value });
        Ok(())
    }

    /// Keeps the order of the table, so that what means the same prints the same.
    fn insert(&mut self, setting: Setting) {
        let place = |name: &str| OPTIONS.iter().position(|row| row.name == name);
        let at = self.0.partition_point(|other| place(other.name) < place(setting.name));
        self.0.insert(at, setting);
    }
}

impl<'a> IntoIterator for &'a Options {
    type Item = &'a Setting;
    type IntoIter = std::slice::Iter<'a, Setting>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Display for Options {
    /// As they follow an address: each with a comma before it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|setting| write!(f, ",{setting}"))
    }
}

/// Why a word is no option, size or time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{problem}")]
pub struct ParseOptionError {
    /// What is wrong with it, naming the part.
    pub problem: String,
    /// What to write instead.
    pub remedy: String,
}

fn unknown(name: &str) -> ParseOptionError {
    let problem = if name.is_empty() {
        "an option is missing beside a comma".into()
    } else {
        format!("`{name}` is no option of an endpoint")
    };
    let remedy = match nearest(name, OPTIONS.iter().map(|row| row.name)) {
        Some(known) => format!("did you mean `{known}`? see framecat help options"),
        None => {
            let names: Vec<_> = OPTIONS.iter().map(|row| row.name).collect();
            format!("the options are {}", names.join(" "))
        }
    };
    ParseOptionError { problem, remedy }
}

fn not_for(row: &OptionAbout, scheme: &str) -> ParseOptionError {
    let place = if scheme == "-" { "stdin and stdout" } else { scheme };
    let of = SCHEMES.iter().find(|about| about.name == row.schemes[0]);
    let written = of.map(SchemeAbout::written).unwrap_or_default();
    ParseOptionError {
        problem: format!(
            "the option `{}` is for {}, not for {place}",
            row.name,
            row.schemes.join(", ")
        ),
        remedy: format!("leave `{}` out, or use {written}", row.name),
    }
}

/// The name that was probably meant: at most two edits away, and less than half of the word.
pub fn nearest<'a>(word: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // A word of another length class cannot be near, and a long one would cost quadratic time.
    if word.len() > 32 {
        return None;
    }
    names
        .into_iter()
        .map(|name| (edits(word, name), name))
        .filter(|(edits, name)| *edits <= 2 && edits * 2 < name.len())
        .min_by_key(|(edits, _)| *edits)
        .map(|(_, name)| name)
}

/// How many letters to insert, remove, replace or swap with their neighbour to make `b` of `a`
/// (the restricted Damerau-Levenshtein distance), without regard to case.
fn edits(a: &str, b: &str) -> usize {
    let a: Vec<char> = a.to_lowercase().chars().collect();
    let b: Vec<char> = b.to_lowercase().chars().collect();
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let replaced = above[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut least = replaced.min(above[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                least = least.min(before[j - 2] + 1);
            }
            row.push(least);
        }
        before = std::mem::replace(&mut above, row);
    }
    above[b.len()]
}

/// `VALUE` of an option; `None` where only its name was given.
fn parse_value(row: &OptionAbout, value: Option<&str>) -> Result<Value, ParseOptionError> {
    let text = match (value, row.kind) {
        (Some(text), _) => text,
        (None, Kind::Flag | Kind::Keepalive) => "on",
        (None, _) => {
            return Err(ParseOptionError {
                problem: format!("the option `{}` needs a value", row.name),
                remedy: format!("write {}", row.example),
            });
        }
    };
    match row.kind {
        Kind::Flag => parse_flag(text).map(Value::Flag).ok_or_else(|| wrong(row, text)),
        Kind::Int { min, max } => {
            let n = parse_int(text).ok_or_else(|| wrong(row, text))?;
            if (min..=max).contains(&n) { Ok(Value::Int(n)) } else { Err(wrong(row, text)) }
        }
        Kind::Size { min, max } => {
            let bytes = parse_size(text).map_err(|error| in_option(row, error))?;
            if (min..=max).contains(&bytes) {
                Ok(Value::Size(bytes))
            } else {
                Err(wrong(row, text))
            }
        }
        Kind::Time { unit, max } => {
            let time = parse_time(text).map_err(|error| in_option(row, error))?;
            let whole = time.as_nanos().is_multiple_of(unit.as_nanos());
            if whole && time <= max { Ok(Value::Time(time)) } else { Err(wrong(row, text)) }
        }
        Kind::Keepalive => parse_keepalive(row, text),
        Kind::Text if is_interface_name(text) => Ok(Value::Text(text.into())),
        Kind::Text => Err(wrong(row, text)),
        Kind::Address => parse_local(row, text),
        Kind::Ip => match text.parse::<IpAddr>() {
            Ok(ip) if !ip.is_multicast() && !ip.is_unspecified() => Ok(Value::Ip(ip)),
            _ => Err(wrong(row, text)),
        },
        Kind::File => parse_file(row, text),
        Kind::Host => parse_name(row, text),
        Kind::Pin => parse_pin(text).map(Value::Pin).ok_or_else(|| wrong(row, text)),
        Kind::Protocols => parse_protocols(text).ok_or_else(|| wrong(row, text)),
    }
}

fn wrong(row: &OptionAbout, text: &str) -> ParseOptionError {
    ParseOptionError {
        problem: format!("`{text}` is no value of the option `{}`: {}", row.name, row.kind),
        remedy: format!("write {}", row.example),
    }
}

fn in_option(row: &OptionAbout, error: ParseOptionError) -> ParseOptionError {
    let ParseOptionError { problem, remedy } = error;
    ParseOptionError { problem: format!("the option `{}`: {problem}", row.name), remedy }
}

fn parse_flag(text: &str) -> Option<bool> {
    match text {
        "on" | "1" | "yes" => Some(true),
        "off" | "0" | "no" => Some(false),
        _ => None,
    }
}

fn parse_int(text: &str) -> Option<i64> {
    let (digits, radix) = match text.strip_prefix("0x") {
        Some(hex) => (hex, 16),
        None => (text, 10),
    };
    // from_str_radix would also take a sign.
    if !digits.chars().all(|c| c.is_digit(radix)) {
        return None;
    }
    i64::from_str_radix(digits, radix).ok()
}

fn parse_keepalive(row: &OptionAbout, text: &str) -> Result<Value, ParseOptionError> {
    match text {
        "on" | "yes" => return Ok(Value::Keepalive(KEEPALIVE)),
        "off" | "no" | "0" => return Ok(Value::Flag(false)),
        _ => {}
    }
    let seconds = |word: &str| {
        let time = parse_time(word).map_err(|error| in_option(row, error))?;
        let whole = time.subsec_nanos() == 0 && !time.is_zero();
        if whole && time <= KEEPALIVE_TIME_MAX {
            return Ok(time);
        }
        Err(ParseOptionError {
            problem: format!("`{word}` is no time of keepalive: 1s to 32767s in steps of 1s"),
            remedy: format!("write {}", row.example),
        })
    };
    let mut words = text.split('/');
    let idle = seconds(words.next().unwrap_or_default())?;
    let (interval, count) = match (words.next(), words.next(), words.next()) {
        (None, ..) => (KEEPALIVE.interval, KEEPALIVE.count),
        (Some(interval), Some(count), None) => {
            let probes = u32::from_str(count)
                .ok()
                .filter(|n| (1..=KEEPALIVE_COUNT_MAX).contains(n) && !count.starts_with('+'));
            let Some(probes) = probes else {
                return Err(ParseOptionError {
                    problem: format!(
                        "`{count}` is no count of keepalive probes: 1 to {KEEPALIVE_COUNT_MAX}"
                    ),
                    remedy: format!("write {}", row.example),
                });
            };
            (seconds(interval)?, probes)
        }
        _ => return Err(wrong(row, text)),
    };
    Ok(Value::Keepalive(Keepalive { idle, interval, count }))
}

/// `bind=`: the address alone is enough, the kernel then picks the port.
fn parse_local(row: &OptionAbout, text: &str) -> Result<Value, ParseOptionError> {
    let alone = !text.is_empty()
        && !text.bytes().all(|b| b.is_ascii_digit())
        && (text.ends_with(']') || !text.contains(':'));
    let full = if alone { format!("{text}:0") } else { text.to_owned() };
    let local = full.parse::<HostPort>().map_err(|error| ParseOptionError {
        problem: format!("the option `{}`: {}", row.name, error.problem),
        remedy: error.remedy,
    })?;
    match local.host {
        Some(Host::Name(name)) => Err(ParseOptionError {
            problem: format!("the option `{}` takes an address, and `{name}` is a name", row.name),
            remedy: format!("write {}", row.example),
        }),
        _ => Ok(Value::Address(local)),
    }
}

fn parse_file(row: &OptionAbout, text: &str) -> Result<Value, ParseOptionError> {
    text.parse().map(Value::File).map_err(|error: ParseEndpointError| ParseOptionError {
        problem: format!("the option `{}`: {}", row.name, error.problem),
        remedy: format!("write {}", row.example),
    })
}

/// A host as an endpoint has it; an IPv6 address stands without brackets too.
fn parse_name(row: &OptionAbout, text: &str) -> Result<Value, ParseOptionError> {
    let bare = text.trim_start_matches('[').trim_end_matches(']');
    if bare.parse::<IpAddr>().is_ok() {
        return Ok(Value::Text(bare.into()));
    }
    match format!("{text}:0").parse::<HostPort>() {
        Ok(HostPort { host: Some(Host::Name(name)), .. }) => Ok(Value::Text(name)),
        _ => Err(wrong(row, text)),
    }
}

/// How the hash of a public key is written: `sha256:` and base64, as in RFC 7469.
pub fn print_pin(hash: &[u8; 32]) -> String {
    format!("sha256:{}", STANDARD.encode(hash))
}

/// `sha256:` and 32 bytes in base64, or in hex as `openssl dgst` prints them.
fn parse_pin(text: &str) -> Option<[u8; 32]> {
    // curl has two slashes in place of the colon.
    let digits = text.strip_prefix("sha256:").or_else(|| text.strip_prefix("sha256//"))?;
    let bytes = match digits.len() == 64 && digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        true => (0..32).map(|i| u8::from_str_radix(&digits[2 * i..2 * i + 2], 16).ok()).collect(),
        false => STANDARD.decode(digits).ok(),
    };
    <[u8; 32]>::try_from(bytes?).ok()
}

/// Names of application protocols (RFC 7301 section 3.1: 1 to 255 bytes each). None that is
/// registered has a plus sign in it, and a slash is in many.
fn parse_protocols(text: &str) -> Option<Value> {
    let names: Vec<String> = text.split('+').map(str::to_owned).collect();
    let fits = |name: &String| {
        (1..=255).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_graphic())
    };
    (names.len() <= PROTOCOLS && names.iter().all(fits)).then_some(Value::Protocols(names))
}

#[cfg(test)]
mod tests;
