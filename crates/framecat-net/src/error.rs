//! What went wrong: the act, the place, the cause. The program adds what to try and an exit code.

use std::fmt;
use std::io;
use std::process::ExitStatus;
use std::time::Duration;

use framecat_proto::framing::FramingError;
use framecat_proto::transfer::error::TransferError;

/// The act that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Op {
    /// Making a socket or setting its options.
    Open,
    /// Looking up a name.
    Resolve,
    /// Binding and listening.
    Listen,
    /// Taking a connection in.
    Accept,
    /// Dialling.
    Connect,
    /// Reading from a peer or from stdin.
    Receive,
    /// Writing to a peer.
    Send,
    /// Writing to stdout.
    Write,
    /// Starting a program, and its end.
    Run,
}

impl Op {
    /// The verb as it stands in a sentence.
    pub fn word(self) -> &'static str {
        match self {
            Op::Open => "open",
            Op::Resolve => "resolve",
            Op::Listen => "listen on",
            Op::Accept => "accept",
            Op::Connect => "connect",
            Op::Receive => "receive from",
            Op::Send => "send to",
            Op::Write => "write to",
            Op::Run => "run",
        }
    }
}

/// Why it failed.
#[derive(Debug, thiserror::Error)]
pub enum Cause {
    /// The kernel said so.
    #[error("{}", plain(.0))]
    Io(io::Error),
    /// The name has no address.
    #[error("{0}")]
    Name(String),
    /// Every address of a name failed, each with its own reason.
    #[error("{}", .0.iter().map(|(at, error)| format!("{at}: {}", plain(error))).collect::<Vec<_>>().join("; "))]
    EveryAddress(Vec<(String, io::Error)>),
    /// A socket option was refused.
    #[error("the option {name} ({c_name}): {}", plain(.source))]
    Option {
        /// As typed.
        name: &'static str,
        /// The C constant.
        c_name: &'static str,
        /// What the kernel said.
        source: io::Error,
        /// What to try.
        remedy: String,
    },
    /// Nothing happened for so long.
    #[error("no answer within {}", seconds(*.0))]
    TimedOut(Duration),
    /// The peer is there, but answered no TLS handshake for so long.
    #[error("it is there, but answered no TLS handshake within {}", seconds(*.0))]
    NoHandshake(Duration),
    /// TLS was refused, by us or by the peer.
    #[error("{0}")]
    Untrusted(Untrusted),
    /// The two sides of a transfer did not come together.
    #[error("{0}")]
    Unmet(Unmet),
    /// A stream of TLS ended without the end that TLS gives it: what came may not be all.
    #[error("the stream ended without TLS's own end (close_notify), so it may be cut")]
    Truncated,
    /// The peer took nothing of what waits for it for so long, while others wait too.
    #[error("it took nothing for {} while others waited", seconds(*.0))]
    Stalled(Duration),
    /// A program ended and says that it failed.
    #[error("it ended {}", ended(*.0))]
    Exit(ExitStatus),
    /// A program had said all and did not end for so long, until it was made to.
    #[error("it closed its stdout and did not end within {}, so it was ended", seconds(*.0))]
    Stayed(Duration),
    /// What a program said is no answer.
    #[error("{problem}")]
    Unfit {
        /// Why not.
        problem: String,
        /// What to do.
        remedy: String,
    },
    /// The bytes break the framing, or the stream ended inside a message.
    #[error("{0}")]
    Framing(Box<FramingError>),
    /// A server that is there said nothing for so long.
    #[error("it said nothing for {}", seconds(*.time))]
    Silent {
        /// How long.
        time: Duration,
        /// The option that waits longer.
        option: &'static str,
    },
    /// An HTTP message breaks the rules, or ends before its end.
    #[error("{problem}")]
    Broken {
        /// What is wrong with it.
        problem: String,
        /// What to do.
        remedy: String,
    },
    /// What a peer said is not what was recorded.
    #[error("{0}")]
    Differs(Box<Difference>),
    /// This machine lacks what it takes: an interface, a route.
    #[error("{problem}")]
    Missing {
        /// What is missing.
        problem: String,
        /// How to get it, or do without.
        remedy: String,
    },
    /// A transfer as a whole ended before its time.
    #[error("{0}")]
    Transfer(TransferError),
    /// A message to many went out, but not by every network: those that did not take it.
    #[error("{}", .0.iter().map(|(at, error)| format!("{at}: {}", plain(error))).collect::<Vec<_>>().join("; "))]
    Partly(Vec<(String, io::Error)>),
    /// A path or address cannot be used; says how it should be.
    #[error("{problem}")]
    Address {
        /// What is wrong with it.
        problem: String,
        /// What to do.
        remedy: String,
    },
}

/// The first thing that a peer said otherwise than it was recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The recorded connection.
    pub conn: u64,
    /// The number of the peer's message, from 1.
    pub n: u64,
    /// The line of the recording that holds the message.
    pub line: Option<u64>,
    /// How it differs.
    pub what: Differs,
}

/// How a message differs from the recorded one. Texts are quoted, and cut to what a line can hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Differs {
    /// In its bytes.
    Bytes {
        /// How many bytes are the same in front of the first that is not.
        same: usize,
        /// The recorded bytes around that place.
        recorded: String,
        /// The ones that came.
        came: String,
    },
    /// The recording has no more messages.
    More {
        /// What came.
        came: String,
    },
    /// The peer ended without it.
    Less {
        /// What is recorded.
        recorded: String,
    },
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Difference { conn, n, line, what } = self;
        match what {
            Differs::Bytes { same: 0, .. } => write!(f, "message {n} is not the recorded one")?,
            Differs::Bytes { same: 1, .. } => {
                write!(f, "message {n} differs from the recording after 1 byte")?;
            }
            Differs::Bytes { same, .. } => {
                write!(f, "message {n} differs from the recording after {same} bytes")?;
            }
            Differs::More { .. } => write!(f, "message {n} is more than the recording has")?,
            Differs::Less { .. } => write!(f, "message {n} of the recording did not come")?,
        }
        match line {
            Some(line) => write!(f, " (its line {line}, connection {conn})"),
            None => write!(f, " (its connection {conn})"),
        }
    }
}

/// Why a peer is not trusted, or does not trust us. On its way from the bytes to an [`Error`] it is the
/// inside of an [`io::Error`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{problem}")]
pub struct Untrusted {
    /// What is wrong.
    pub problem: String,
    /// What to do.
    pub remedy: String,
}

impl Untrusted {
    pub(crate) fn new(problem: impl Into<String>, remedy: impl Into<String>) -> Untrusted {
        Untrusted { problem: problem.into(), remedy: remedy.into() }
    }
}

/// Why two sides of a transfer did not come together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unmet {
    /// The two have different codes, or somebody stands between them: the same to see.
    #[error("the other side has another code")]
    WrongCode,
    /// It was wrong so often that this side takes it no longer.
    #[error("the code was wrong {} and is void: somebody mistyped it, or guesses", match .guesses {
        1 => "once".to_string(),
        guesses => format!("{guesses} times"),
    })]
    Burned {
        /// How often.
        guesses: u32,
    },
    /// It was wrong so often that the other side takes it no longer.
    #[error("the code was wrong too often, and the other side takes it no longer")]
    Void,
    /// The other side has found somebody else who knows the code.
    #[error("somebody else who knows the code came first")]
    Taken,
    /// Both have something to send.
    #[error("both sides send")]
    BothSend,
    /// Both wait for something.
    #[error("both sides receive")]
    BothReceive,
    /// One is `--plain`, the other asks for a code.
    #[error("{}", match .plain {
        true => "this side is --plain, and the other side asks for a code",
        false => "the other side is --plain, and this side asks for a code",
    })]
    Guards {
        /// Whether it is this side that is plain.
        plain: bool,
    },
    /// The other side speaks another version.
    #[error("the other side speaks version {theirs} of the transfer, and this one version {ours}")]
    Version {
        /// Theirs.
        theirs: u8,
        /// Ours.
        ours: u8,
    },
    /// The other side is no transfer.
    #[error("it is no framecat transfer; it said `{said}`")]
    Stranger {
        /// Its first bytes, escaped.
        said: String,
    },
    /// It left in the middle of the handshake, or its connection broke.
    #[error("it hung up before both sides knew each other{}", match .why {
        Some(why) => format!(": {why}"),
        None => String::new(),
    })]
    Left {
        /// What the kernel says, if it did not just end.
        why: Option<String>,
    },
    /// The handshake took longer than this.
    #[error("the handshake was not over within {}", seconds(*.0))]
    Late(Duration),
    /// TLS did not come to be.
    #[error("no encryption came to be: {0}")]
    NoTls(String),
    /// What it said inside TLS is none of this handshake.
    #[error("it broke the rules of the handshake: {0}")]
    Broken(&'static str),
}

impl Unmet {
    /// A connection that failed.
    pub(crate) fn left(error: io::Error) -> Unmet {
        match error.get_ref().and_then(|inner| inner.downcast_ref::<Untrusted>()) {
            Some(said) => Unmet::NoTls(said.problem.clone()),
            None => Unmet::Left { why: Some(plain(&error)) },
        }
    }

    /// Whether the other side is a transfer, started with words that do not fit to ours: somebody's mistake.
    pub fn is_mistake(&self) -> bool {
        matches!(
            self,
            Unmet::BothSend | Unmet::BothReceive | Unmet::Guards { .. } | Unmet::Version { .. }
        )
    }

    /// What to try.
    pub fn remedy(&self) -> &'static str {
        match self {
            Unmet::WrongCode => {
                "compare the two screens; if both show the same code, somebody between the two listens in"
            }
            Unmet::Burned { .. } => {
                "the same command makes a new code; see first who it was that tried"
            }
            Unmet::Void => "the other side has to start again, with a new code",
            Unmet::Taken => "each code is for one; the other side has to start again for another",
            Unmet::BothSend => "on one of the two it has to be framecat receive",
            Unmet::BothReceive => "on one of the two it has to be framecat send",
            Unmet::Guards { plain: true } => "leave --plain out here; or say it on both sides",
            Unmet::Guards { plain: false } => {
                "leave --plain out there; or say it on both sides, and nothing is encrypted"
            }
            Unmet::Version { .. } => "run the same release of framecat on both sides",
            Unmet::Stranger { .. } => {
                "the address may be another's: the side that listens tells its own"
            }
            Unmet::Left { .. } => {
                "its own words may say why; it may serve somebody else, or be no transfer"
            }
            Unmet::Late(_) => "the network is very slow, or what is there is no framecat transfer",
            Unmet::NoTls(_) | Unmet::Broken(_) => {
                "the other side is no framecat, or somebody between changes what passes"
            }
        }
    }
}

/// An act on an endpoint that failed.
#[derive(Debug)]
pub struct Error {
    /// The act.
    pub op: Op,
    /// The endpoint or peer, as it prints.
    pub endpoint: String,
    /// The reason.
    pub cause: Cause,
}

impl Error {
    /// An error of the kernel's, or of TLS below it.
    pub fn io(op: Op, endpoint: impl Into<String>, error: impl Into<io::Error>) -> Error {
        let cause = match error.into().downcast::<Untrusted>() {
            Ok(said) => Cause::Untrusted(said),
            // read(2) knows no such end.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Cause::Truncated,
            Err(error) => Cause::Io(error),
        };
        Error { op, endpoint: endpoint.into(), cause }
    }

    /// Whether a stream broke off: a reset, or an end without TLS's own. Whoever hands it on must not
    /// make a clean end of it.
    pub(crate) fn breaks_off(&self) -> bool {
        matches!(self.cause, Cause::Io(_) | Cause::Truncated | Cause::Untrusted(_))
    }

    /// Whether the peer's host or the network says that nobody is there (ICMP for datagrams), or one of
    /// several networks takes nothing: the conversation can go on.
    pub fn is_refusal(&self) -> bool {
        self.is_partial() || self.errno().is_some_and(is_unreachable)
    }

    /// Whether a message went out by some networks and not by others.
    pub fn is_partial(&self) -> bool {
        matches!(self.cause, Cause::Partly(_))
    }

    /// The errno, if there was one.
    pub fn errno(&self) -> Option<i32> {
        match &self.cause {
            Cause::Io(error) => error.raw_os_error(),
            Cause::EveryAddress(all) | Cause::Partly(all) => {
                all.last().and_then(|(_, error)| error.raw_os_error())
            }
            Cause::Option { source, .. } => source.raw_os_error(),
            _ => None,
        }
    }
}

pub(crate) fn is_unreachable(errno: i32) -> bool {
    [
        libc::ECONNREFUSED,
        libc::EHOSTUNREACH,
        libc::ENETUNREACH,
        libc::EHOSTDOWN,
        libc::ENETDOWN,
        libc::ENODEV,
    ]
    .contains(&errno)
}

impl std::error::Error for Error {}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.op.word(), self.endpoint, self.cause)
    }
}

/// Where the C libraries differ in their words, ours: a script that reads a sentence finds the same
/// one in every build.
const WORDS: &[(i32, &str)] = &[
    (libc::EADDRINUSE, "address already in use"),
    (libc::EADDRNOTAVAIL, "cannot assign requested address"),
    (libc::EHOSTUNREACH, "no route to host"),
    (libc::EMFILE, "too many open files"),
    (libc::EMSGSIZE, "message too long"),
    (libc::ENETUNREACH, "network is unreachable"),
    (libc::ENFILE, "too many open files in system"),
    (libc::ENOMEM, "cannot allocate memory"),
    (libc::ETIMEDOUT, "connection timed out"),
];

/// An error of the kernel's in lower case and without its number: "connection refused".
pub fn plain(error: &io::Error) -> String {
    let text = match error.raw_os_error() {
        Some(code) => match WORDS.iter().find(|(known, _)| *known == code) {
            Some((_, words)) => return words.to_string(),
            None => io::Error::from_raw_os_error(code).to_string(),
        },
        None => error.to_string(),
    };
    let text = text.split(" (os error").next().unwrap_or_default();
    let mut letters = text.chars();
    match letters.next() {
        // "I/O error" keeps its capitals.
        Some(first) if !letters.as_str().starts_with('/') => {
            first.to_lowercase().chain(letters).collect()
        }
        _ => text.to_string(),
    }
}

/// How a program ended: `with exit code 3`, `by signal 11 (SIGSEGV)`.
pub fn ended(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt;
    const NAMES: &[(i32, &str)] = &[
        (libc::SIGHUP, "SIGHUP"),
        (libc::SIGINT, "SIGINT"),
        (libc::SIGQUIT, "SIGQUIT"),
        (libc::SIGILL, "SIGILL"),
        (libc::SIGABRT, "SIGABRT"),
        (libc::SIGBUS, "SIGBUS"),
        (libc::SIGFPE, "SIGFPE"),
        (libc::SIGKILL, "SIGKILL"),
        (libc::SIGSEGV, "SIGSEGV"),
        (libc::SIGPIPE, "SIGPIPE"),
        (libc::SIGTERM, "SIGTERM"),
    ];
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("with exit code {code}"),
        (None, Some(signal)) => match NAMES.iter().find(|(number, _)| *number == signal) {
            Some((_, name)) => format!("by {name}"),
            None => format!("by signal {signal}"),
        },
        (None, None) => "in no known way".into(),
    }
}

/// A time as people write it: `2 s`, `350 ms`, `1.5 s`.
pub fn seconds(time: Duration) -> String {
    let ms = time.as_millis();
    match ms {
        _ if ms.is_multiple_of(1000) => format!("{} s", ms / 1000),
        0..1000 => format!("{ms} ms"),
        _ => format!("{:.1} s", time.as_secs_f64()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kernel_errors_read_as_words() {
        let error = |code| plain(&io::Error::from_raw_os_error(code));
        assert_eq!(error(libc::ECONNREFUSED), "connection refused");
        assert_eq!(error(libc::ENOSPC), "no space left on device");
        for (code, words) in WORDS {
            let text = io::Error::from_raw_os_error(*code).to_string().to_lowercase();
            let glibc = cfg!(target_env = "gnu");
            assert!(!glibc || text.starts_with(words), "{text}: {words}");
        }
        assert_eq!(seconds(Duration::from_millis(2000)), "2 s");
        assert_eq!(seconds(Duration::from_millis(350)), "350 ms");
        assert_eq!(seconds(Duration::from_millis(1500)), "1.5 s");
    }
}
