//! The nc form: `framecat HOST PORT`, `framecat -l PORT`, with `-k -u -U -v -w -z` as nc has them.
//!
//! Letters combine and take values as getopt(3) has it: `-klu`, `-w3`, `-w 3`, before or after the
//! operands. Every other letter and long option of nc and ncat is refused with what takes its place
//! here, see [`elsewhere`].

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::time::Duration;

use framecat_proto::Endpoint;
use framecat_proto::endpoint::{At, UnixPath};
use framecat_proto::options::{nearest, parse_time};

mod elsewhere;
#[cfg(test)]
mod tests;

use elsewhere::{LETTERS, LONG};

/// What was asked in the nc form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Nc {
    /// Where, as an endpoint prints itself: `tcp://127.0.0.1:9000`.
    pub endpoint: String,
    /// `-l`: wait there instead of dialling.
    pub listen: bool,
    /// `-k`: go on after the first connection.
    pub keep: bool,
    /// `-z`: is the port open, nothing is sent.
    pub zero: bool,
    /// `-w`: how long to wait for a connection, and how much silence ends it.
    pub wait: Option<Duration>,
    /// How many `-v` there were.
    pub verbose: u8,
    /// `-u`: datagrams.
    pub udp: bool,
    /// `-U`: the operand is the path of a Unix socket.
    pub unix: bool,
}

/// Why the words do not say what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NcError {
    /// What is wrong.
    pub problem: String,
    /// What to type instead.
    pub remedy: String,
}

fn error(problem: impl Into<String>, remedy: impl Into<String>) -> NcError {
    NcError { problem: problem.into(), remedy: remedy.into() }
}

/// The first words that are not nc's.
pub const VERBS: &[&str] =
    &["listen", "connect", "ask", "relay", "send", "receive", "serve", "fetch", "lab", "help"];

/// Reads the words after `framecat` in the nc form. `None`: they are not in it, the first is a verb
/// (or meant to be one), `--help`, `--version` or an option that nobody has.
pub fn parse(args: &[OsString]) -> Option<Result<Nc, NcError>> {
    let first = args.first()?.to_string_lossy();
    if VERBS.contains(&&*first) || ["-h", "--help", "--version"].contains(&&*first) {
        return None;
    }
    if let Some(error) = url(args) {
        return Some(Err(error));
    }
    // Alone it asks for our version; nc's takes a value.
    if first == "-V" && args.len() == 1 {
        return None;
    }
    if let Some(name) = first.strip_prefix("--").filter(|name| !name.is_empty()) {
        let name = name.split('=').next().unwrap_or_default();
        LONG.iter().find(|row| row.0 == name)?;
    } else if !first.starts_with('-') && nearest(&first, VERBS.iter().copied()).is_some() {
        return None;
    }
    Some(read(args).and_then(Typed::meant))
}

/// A URL without a verb, or behind one of other tools, was meant to be fetched.
fn url(args: &[OsString]) -> Option<NcError> {
    let first = args.first()?.to_string_lossy();
    let is_url = |word: &str| word.starts_with("http://") || word.starts_with("https://");
    let (problem, url) = match args.get(1).map(|word| word.to_string_lossy()) {
        _ if is_url(&first) => (format!("`{first}` is a URL, and no verb says what to do"), first),
        Some(second) if is_url(&second) && !first.starts_with('-') => {
            (format!("`{first}` is no verb for a URL"), second)
        }
        _ => return None,
    };
    Some(error(problem, format!("write framecat fetch {url}")))
}

/// The words, sorted but not yet understood.
#[derive(Default)]
struct Typed {
    letters: String,
    wait: Option<Duration>,
    port: Option<OsString>,
    operands: Vec<OsString>,
}

impl Typed {
    fn has(&self, letter: char) -> bool {
        self.letters.contains(letter)
    }
}

fn read(args: &[OsString]) -> Result<Typed, NcError> {
    let mut typed = Typed::default();
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        let bytes = arg.as_bytes();
        if arg == "--" {
            typed.operands.extend(args.by_ref().cloned());
        } else if let Some(name) = bytes.strip_prefix(b"--") {
            return Err(long(&String::from_utf8_lossy(name)));
        } else if bytes.len() < 2 || bytes[0] != b'-' {
            typed.operands.push(arg.clone());
        } else {
            read_letters(&bytes[1..], &mut args, &mut typed)?;
        }
    }
    Ok(typed)
}

/// One word of letters, the first of which that takes a value takes the rest of it.
fn read_letters<'a>(
    letters: &[u8],
    args: &mut impl Iterator<Item = &'a OsString>,
    typed: &mut Typed,
) -> Result<(), NcError> {
    for (at, &letter) in letters.iter().enumerate() {
        let mut value = || match &letters[at + 1..] {
            [] => args.next().cloned(),
            rest => Some(OsStr::from_bytes(rest).to_owned()),
        };
        match letter {
            b'l' | b'k' | b'u' | b'U' | b'z' | b'v' => typed.letters.push(char::from(letter)),
            b'w' => {
                let value = value();
                typed.wait = Some(seconds(value.as_deref())?);
                return Ok(());
            }
            b'p' => {
                typed.port = value();
                if typed.port.is_none() {
                    return Err(error("-p needs a port", "write framecat -l -p 9000"));
                }
                return Ok(());
            }
            other => return Err(unknown_letter(other)),
        }
    }
    Ok(())
}

fn seconds(value: Option<&OsStr>) -> Result<Duration, NcError> {
    const REMEDY: &str = "write whole seconds, -w 3, or a time with its unit, -w 500ms";
    let Some(value) = value else {
        return Err(error("-w needs a time", REMEDY));
    };
    let text = value.to_string_lossy();
    let time = match text.parse().map(Duration::from_secs) {
        Ok(seconds) => seconds,
        Err(_) => parse_time(&text)
            .map_err(|_| error(format!("-w takes a time, and `{text}` is none"), REMEDY))?,
    };
    if time > framecat_proto::quantity::TIME_MAX {
        return Err(error("-w waits a hundred years at most", REMEDY));
    }
    if time.is_zero() {
        return Err(error("-w 0 would wait for nothing", REMEDY));
    }
    Ok(time)
}

fn unknown_letter(letter: u8) -> NcError {
    if !letter.is_ascii_graphic() {
        let problem = format!("after - stands a byte that is no letter: 0x{letter:02x}");
        return error(problem, "the letters are -l -k -u -U -z -w -v and -p");
    }
    let letter = char::from(letter);
    match LETTERS.iter().find(|row| row.0 == letter) {
        Some((_, means, here)) => {
            error(format!("nc's -{letter} ({means}) is not taken here"), *here)
        }
        None => error(
            format!("-{letter} is no option of the nc form"),
            "the letters are -l -k -u -U -z -w -v and -p; all else: framecat help",
        ),
    }
}

fn long(word: &str) -> NcError {
    let name = word.split('=').next().unwrap_or_default();
    match LONG.iter().find(|row| row.0 == name) {
        Some((_, here)) => error(format!("ncat's --{name} is not taken here"), *here),
        None => error(
            format!("--{name} is no option of the nc form"),
            "it takes the letters -l -k -u -U -z -w -v and -p; options with names follow a verb: \
             framecat listen --help",
        ),
    }
}

impl Typed {
    fn meant(self) -> Result<Nc, NcError> {
        let (listen, keep, zero) = (self.has('l'), self.has('k'), self.has('z'));
        let (udp, unix) = (self.has('u'), self.has('U'));
        if keep && !listen {
            return Err(error("-k is for listening", "add -l: framecat -lk 9000"));
        }
        if zero && listen {
            return Err(error(
                "-z asks whether a port is open, -l opens one",
                "leave one of them out",
            ));
        }
        let at = if unix { self.path(udp)? } else { self.host_and_port(listen, udp)? };
        Ok(Nc {
            endpoint: Endpoint::from(at).to_string(),
            listen,
            keep,
            zero,
            wait: self.wait,
            verbose: self.letters.chars().filter(|letter| *letter == 'v').count().min(255) as u8,
            udp,
            unix,
        })
    }

    fn path(&self, datagrams: bool) -> Result<At, NcError> {
        let [path] = self.operands.as_slice() else {
            let n = self.operands.len();
            return Err(error(
                format!("-U takes one path, and {n} were given"),
                "write framecat -U /run/x.sock",
            ));
        };
        if self.port.is_some() {
            return Err(error("a Unix socket has no port", "leave -p out"));
        }
        // nc has no way to write a byte otherwise: a % or a comma is itself.
        let path = match path.as_bytes() {
            [b'@', name @ ..] => UnixPath::Abstract(name.to_vec()),
            path => UnixPath::Path(path.to_vec()),
        };
        // Printing and reading it back checks its length.
        let path = path.to_string().parse().map_err(from_grammar)?;
        Ok(if datagrams { At::Unixgram(path) } else { At::Unix(path) })
    }

    fn host_and_port(&self, listen: bool, udp: bool) -> Result<At, NcError> {
        let words: Vec<_> = self.operands.iter().map(|word| word.to_string_lossy()).collect();
        let port = self.port.as_ref().map(|port| port.to_string_lossy());
        if let (Some(port), false) = (&port, listen) {
            return Err(error(
                "nc's -p, the port we dial from, is not taken here",
                format!("write it with the endpoint: framecat connect HOST:PORT,bind=:{port}"),
            ));
        }
        let (host, port) = match (words.as_slice(), &port) {
            ([], Some(port)) => (None, port),
            ([host], Some(port)) => (Some(host), port),
            ([port], None) if listen => (None, port),
            ([host, port], None) => (Some(host), port),
            ([], None) => {
                return Err(error(
                    if listen { "-l needs a port" } else { "a host and a port are missing" },
                    if listen { "write framecat -l 9000" } else { "write framecat localhost 9000" },
                ));
            }
            ([word], None) => return Err(one_word(word)),
            (words, _) => {
                let all = words.join(" ");
                return Err(error(
                    format!("a host and a port are two words, and more were given: {all}"),
                    "one port at a time: framecat HOST PORT, framecat -l PORT",
                ));
            }
        };
        let host = host.map(|host| &**host);
        let port = number(port, host, self.has('z'))?;
        let address = match host {
            None => format!(":{port}"),
            // An IPv6 address is typed to nc as it is.
            Some(host) if host.contains(':') && !host.starts_with('[') => {
                format!("[{host}]:{port}")
            }
            Some(host) => format!("{host}:{port}"),
        };
        let address = address.parse().map_err(from_grammar)?;
        Ok(if udp { At::Udp(address) } else { At::Tcp(address) })
    }
}

fn from_grammar(error: framecat_proto::endpoint::ParseEndpointError) -> NcError {
    NcError { problem: error.problem, remedy: error.remedy }
}

/// One operand where a host and a port belong.
fn one_word(word: &str) -> NcError {
    if word.parse::<Endpoint>().is_ok() {
        return error(
            format!("`{word}` says where, and no verb says what to do there"),
            format!("write framecat connect {word}, or framecat listen {word}"),
        );
    }
    error(
        format!("after `{word}` a port is missing, or `{word}` should be a verb"),
        format!("write framecat {word} 9000; the verbs: framecat help"),
    )
}

fn number(text: &str, host: Option<&str>, zero: bool) -> Result<u16, NcError> {
    if let Ok(port) = text.parse() {
        return Ok(port);
    }
    let host = host.unwrap_or("localhost");
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if let Some((first, last)) = text.split_once('-')
        && is_number(first)
        && is_number(last)
    {
        let remedy = match zero {
            true => format!(
                "one port a run: for p in $(seq {first} {last}); do framecat connect -z {host}:$p; done"
            ),
            false => format!("write one of them: framecat {host} {first}"),
        };
        return Err(error(format!("`{text}` is a range of ports"), remedy));
    }
    if is_number(text) {
        return Err(error(format!("the port {text} is too large"), "ports end at 65535"));
    }
    Err(error(
        format!("the port `{text}` is no number"),
        format!(
            "write the number; getent services {text} tells it, if it is the name of a service"
        ),
    ))
}
