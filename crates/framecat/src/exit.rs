//! How the program ends: one table from what happened to an exit code, a sentence and what to try.

use std::io;

use framecat_net::Error;
use framecat_net::error::{Cause, Differs, Op, Unmet, seconds};
use framecat_net::talk::End;
use framecat_proto::framing::{Fault, FramingError};
use framecat_proto::transfer::error::TransferError;
use framecat_proto::transfer::why::Cause as WhyNot;

/// All done.
pub const DONE: u8 = 0;
/// The conversation failed, or listening did.
pub const FAILED: u8 = 1;
/// The command was wrong.
pub const USAGE: u8 = 2;
/// A name was not resolved.
pub const NO_NAME: u8 = 3;
/// Refused or unreachable.
pub const REFUSED: u8 = 4;
/// Timed out, or no answer.
pub const NO_ANSWER: u8 = 5;
/// Not trusted: TLS refused it.
pub const UNTRUSTED: u8 = 6;
/// The framing is broken or a message is cut.
pub const FRAMING: u8 = 7;
/// What came is not what was recorded.
pub const DIFFERS: u8 = 8;
/// Only part was done.
pub const PARTLY: u8 = 9;
/// Stdout is full or not writable.
pub const OUTPUT: u8 = 10;
/// Ended by SIGINT (128 + 2, as shells count).
pub const INTERRUPTED: u8 = 130;
/// Ended by SIGTERM (128 + 15).
pub const TERMINATED: u8 = 143;

/// The signal that asked the program to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// SIGINT, Ctrl-C.
    Interrupt,
    /// SIGTERM.
    Terminate,
}

/// How the program ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// The exit code.
    pub code: u8,
    /// What happened, if it is not told already.
    pub sentence: Option<String>,
    /// What to try.
    pub remedy: Option<String>,
    /// Stdout takes nothing any more.
    pub mute: bool,
}

impl Verdict {
    fn silent(code: u8) -> Verdict {
        Verdict { code, sentence: None, remedy: None, mute: false }
    }

    fn told(code: u8, sentence: impl Into<String>, remedy: Option<String>) -> Verdict {
        Verdict { code, sentence: Some(sentence.into()), remedy, mute: false }
    }
}

/// The command was wrong: code 2.
pub fn usage(problem: &str, remedy: &str) -> Verdict {
    Verdict::told(USAGE, problem, Some(remedy.into()))
}

/// How a conversation that did not fail ends the program. `signal` is the one that came, if any.
pub fn of_end(end: &End, signal: Option<Signal>) -> Verdict {
    let longer = |option: &str| Some(format!("{option} TIME waits longer"));
    match end {
        End::Done => Verdict::silent(DONE),
        End::NotMet(what) => Verdict::told(FAILED, what.clone(), None),
        End::NoReply(wait) => {
            let sentence = format!("no reply within {}", seconds(*wait));
            Verdict::told(NO_ANSWER, sentence, longer("--wait"))
        }
        End::PeerEnded => {
            let remedy = "its own log may say why; --show shows what went to and fro";
            Verdict::told(NO_ANSWER, "the peer ended without a reply", Some(remedy.into()))
        }
        End::Unanswered(messages) => {
            let messages = match messages {
                1 => "1 message".into(),
                messages => format!("{messages} messages"),
            };
            let sentence = format!("only part was done: {messages} got no reply");
            let remedy = "--wait TIME waits longer, unless the peer ended: -v tells";
            Verdict::told(PARTLY, sentence, Some(remedy.into()))
        }
        End::OutOfStep { n, wait, replied } => {
            let sentence = format!(
                "message {n} got no reply within {}; those behind it are not asked: a late reply would \
                 pass for theirs",
                seconds(*wait)
            );
            let remedy = "--wait TIME waits longer; --short asks each on a connection of its own";
            let code = if *replied { PARTLY } else { NO_ANSWER };
            Verdict::told(code, sentence, Some(remedy.into()))
        }
        End::Refused => Verdict::silent(REFUSED),
        End::Deadline(time) => {
            let sentence = format!("the deadline came after {}", seconds(*time));
            Verdict::told(NO_ANSWER, sentence, longer("--deadline"))
        }
        End::Partly => {
            let sentence = "only part was done: some messages were refused, too long or lost";
            Verdict::told(PARTLY, sentence, Some("each of them is told above".into()))
        }
        End::Incomplete(missing) => {
            let sentence = match missing {
                1 => "only part was done: 1 file or folder is missing".to_string(),
                n => format!("only part was done: {n} files and folders are missing"),
            };
            let remedy = "each is told, and why, on the side that could not do it; the same commands again try those alone";
            Verdict::told(PARTLY, sentence, Some(remedy.into()))
        }
        End::Declined { said, remedy } => Verdict::told(FAILED, said.clone(), Some(remedy.clone())),
        End::Disobeys(times) => {
            let sentence = match times {
                1 => "1 MUST is not obeyed".into(),
                times => format!("{times} MUSTs are not obeyed"),
            };
            let remedy = "each is told above, with the section that demands it";
            Verdict::told(DIFFERS, sentence, Some(remedy.into()))
        }
        End::NoRule(tried) => {
            let sentence = format!("none of {tried} rules takes it for messages");
            let remedy =
                "it may begin or end inside a message, or be encrypted: --out dump shows it";
            Verdict::told(FRAMING, sentence, Some(remedy.into()))
        }
        End::Interrupted => Verdict::silent(match signal {
            Some(Signal::Terminate) => TERMINATED,
            Some(Signal::Interrupt) | None => INTERRUPTED,
        }),
    }
}

/// Text for stdout could not be written.
pub fn stdout_failed(error: &io::Error) -> Verdict {
    // An io::Error cannot be cloned; its number says as much.
    let again = error.raw_os_error().map(io::Error::from_raw_os_error);
    let again = again.unwrap_or_else(|| io::Error::from(error.kind()));
    of_error(&Error::io(Op::Write, "stdout", again))
}

/// Descriptor 1 was not open when the program began: what it would print has nowhere to go.
pub fn stdout_not_open() -> Verdict {
    let remedy = "give it one, /dev/null perhaps: framecat … > /dev/null".to_string();
    let told = Verdict::told(OUTPUT, "write to stdout: it is not open", Some(remedy));
    Verdict { mute: true, ..told }
}

/// The program could not get ready.
pub fn cannot_start(error: &io::Error) -> Verdict {
    Verdict::told(FAILED, format!("start: {}", framecat_net::error::plain(error)), None)
}

/// How an error ends the program.
pub fn of_error(error: &Error) -> Verdict {
    let (code, remedy) = match &error.cause {
        Cause::Name(cause) => (NO_NAME, Some(of_name(error, cause))),
        Cause::Stalled(_) => {
            let remedy = "the peer has to read faster, or be the only one: --max-clients 1";
            (FAILED, Some(remedy.into()))
        }
        Cause::Exit(_) => {
            let remedy = "what it wrote to stderr, which is ours, may say why";
            (FAILED, Some(remedy.into()))
        }
        Cause::Stayed(_) => {
            let remedy =
                "a program that works on after its last word should do so with stdout open";
            (FAILED, Some(remedy.into()))
        }
        Cause::TimedOut(_) if error.endpoint.starts_with("file:") => {
            let remedy = "nobody opened the other end of the FIFO; --wait TIME waits longer";
            (NO_ANSWER, Some(remedy.into()))
        }
        Cause::TimedOut(_) if error.op == Op::Receive => {
            let remedy = "the recording waits for a message here; --wait TIME waits longer";
            (NO_ANSWER, Some(remedy.into()))
        }
        Cause::TimedOut(_) if error.op == Op::Accept => {
            let remedy =
                "nobody came who may be let in; --wait TIME waits longer, -v tells who came";
            (NO_ANSWER, Some(remedy.into()))
        }
        Cause::Differs(difference) => (DIFFERS, Some(of_difference(&difference.what))),
        Cause::TimedOut(_) => (NO_ANSWER, Some(timed_out())),
        Cause::Option { remedy, .. } | Cause::Address { remedy, .. } => {
            (USAGE, Some(remedy.clone()))
        }
        Cause::Unfit { remedy, .. } => (PARTLY, Some(remedy.clone())),
        Cause::Missing { remedy, .. } => {
            let code = if error.op == Op::Listen { FAILED } else { REFUSED };
            (code, Some(remedy.clone()))
        }
        Cause::Partly(_) => (PARTLY, Some(BY_THE_OTHERS.into())),
        Cause::NoHandshake(_) => {
            let remedy = "it may speak no TLS: tcp:// in place of tls://; --wait TIME waits longer";
            (NO_ANSWER, Some(remedy.into()))
        }
        Cause::Unmet(unmet) => (of_unmet(unmet), Some(unmet.remedy().into())),
        Cause::Untrusted(said) => (UNTRUSTED, Some(said.remedy.clone())),
        Cause::Truncated => {
            let remedy =
                "the peer crashed, or somebody between cut it; --tail keep takes what came";
            (FRAMING, Some(remedy.into()))
        }
        Cause::Silent { option, .. } => (NO_ANSWER, Some(format!("{option} TIME waits longer"))),
        Cause::Broken { remedy, .. } => (FRAMING, Some(remedy.clone())),
        Cause::Framing(framing) => (FRAMING, Some(of_framing(error, framing))),
        // Without words it was a person.
        Cause::Transfer(TransferError::Refused(why))
            if why.cause == WhyNot::Declined && why.says().is_empty() =>
        {
            (FAILED, Some("whoever sits there said no; nothing was sent".into()))
        }
        Cause::Transfer(transfer) => (of_transfer(transfer), Some(transfer.remedy().into())),
        Cause::Io(cause) => of_io(error, cause),
        Cause::EveryAddress(all) => match all.last() {
            Some((_, cause)) => of_io(error, cause),
            None => (FAILED, None),
        },
    };
    let mute = error.op == Op::Write && error.endpoint == "stdout";
    Verdict { mute, ..Verdict::told(code, error.to_string(), remedy) }
}

fn of_transfer(error: &TransferError) -> u8 {
    match error {
        TransferError::Record(_) | TransferError::Misplaced { .. } => FRAMING,
        TransferError::Ended(why) if matches!(why.cause, WhyNot::Full | WhyNot::Disk) => OUTPUT,
        TransferError::Cut { .. }
        | TransferError::Refused(_)
        | TransferError::Cancelled(_)
        | TransferError::Ended(_) => FAILED,
    }
}

fn of_unmet(unmet: &Unmet) -> u8 {
    match unmet {
        Unmet::WrongCode | Unmet::Burned { .. } | Unmet::Void => UNTRUSTED,
        Unmet::NoTls(_) | Unmet::Broken(_) => UNTRUSTED,
        Unmet::BothSend | Unmet::BothReceive | Unmet::Guards { .. } => USAGE,
        Unmet::Stranger { .. } | Unmet::Version { .. } => FRAMING,
        Unmet::Late(_) => NO_ANSWER,
        Unmet::Left { .. } | Unmet::Taken => FAILED,
    }
}

fn of_difference(what: &Differs) -> String {
    match what {
        Differs::Bytes { recorded, came, .. } => format!("recorded `{recorded}`, came `{came}`"),
        Differs::More { came } => format!("it is `{came}`"),
        Differs::Less { recorded } => format!("it is `{recorded}`"),
    }
}

const BY_THE_OTHERS: &str =
    "the other networks got it; `ip -br address` shows what became of this one";

fn timed_out() -> String {
    "the host is down or a firewall drops what we send; --wait TIME waits longer".into()
}

fn of_name(error: &Error, cause: &str) -> String {
    if cause.starts_with("the interface") {
        return "`ip -br link` lists the interfaces there are".into();
    }
    match Place::of(&error.endpoint).host {
        Some(host) => format!("`getent hosts {host}` asks the same resolver; or give the address"),
        None => "write the address in place of the name".into(),
    }
}

fn of_framing(error: &Error, framing: &FramingError) -> String {
    let rule = &framing.framing;
    let stdin = error.endpoint == "stdin";
    match (&framing.fault, stdin) {
        (Fault::TooLong { .. }, true) => {
            format!("--max-message SIZE allows more; if stdin is not {rule}, --in names its form")
        }
        // Words are a request on one line; what has a field on the next is a message as it is sent.
        (Fault::Broken(said), true) if rule == "words" && said.contains("RFC 9112") => {
            "stdin is read as words, a request or reply a line; --in http reads whole messages as they are sent".into()
        }
        (_, true) => format!("stdin is read as {rule}; --in names another form"),
        (Fault::TooLong { .. }, false) if rule == "http" => {
            "-f http holds each message whole: --max-message SIZE allows more, -f raw passes bytes on as they come".into()
        }
        (Fault::TooLong { .. }, false) => {
            format!("--max-message SIZE allows more; if the peer does not speak {rule}, -f says so")
        }
        (Fault::Broken(_), false) => format!(
            "the peer may not speak {rule}: -f names another, framecat help framings lists them"
        ),
        (Fault::Cut { .. }, false) => format!(
            "--tail keep takes it as it is, --tail drop leaves it out; -f if it is not {rule}"
        ),
    }
}

/// An endpoint or peer as it prints, taken apart for a remedy.
struct Place<'a> {
    scheme: &'a str,
    host: Option<&'a str>,
    port: Option<&'a str>,
}

impl<'a> Place<'a> {
    fn of(endpoint: &'a str) -> Place<'a> {
        let (scheme, rest) = endpoint.split_once("://").unwrap_or(("", endpoint));
        if endpoint.starts_with("exec:") {
            return Place { scheme: "exec", host: None, port: None };
        }
        if endpoint.starts_with("file:") {
            return Place { scheme: "file", host: None, port: None };
        }
        if scheme.starts_with("unix") || rest.starts_with(['/', '@']) {
            return Place { scheme: "unix", host: None, port: None };
        }
        // Socket options and the framing follow a comma.
        let authority = rest.split(',').next().unwrap_or(rest);
        match authority.rsplit_once(':') {
            Some((host, port)) => {
                let host = Some(host).filter(|host| !host.is_empty());
                Place { scheme, host, port: Some(port) }
            }
            None => Place { scheme, host: None, port: None },
        }
    }

    fn is_unix(&self) -> bool {
        self.scheme == "unix"
    }

    fn is_privileged(&self) -> bool {
        let port = self.port.and_then(|port| port.parse::<u16>().ok());
        port.is_some_and(|port| port < 1024)
    }

    fn is_here(&self) -> bool {
        let here = |host: &str| {
            host == "localhost"
                || ["127.", "0.0.0.0", "[::1]", "[::]"].iter().any(|here| host.starts_with(here))
        };
        self.host.is_none_or(here)
    }

    /// The command that would listen at this place.
    fn listening(&self, endpoint: &str) -> String {
        let port = self.port.unwrap_or("PORT");
        // No host is 127.0.0.1, which another address of this machine would not be.
        let host = self.host.filter(|host| self.is_here() && host.starts_with(['[', '1']));
        let host = host.filter(|host| *host != "127.0.0.1").unwrap_or("");
        let at = match self.scheme {
            "unix" => endpoint.to_string(),
            "" | "tcp" => format!("{host}:{port}"),
            "tls" => format!("tls://{host}:{port},self-signed"),
            scheme => format!("{scheme}://{host}:{port}"),
        };
        format!("framecat listen {at}")
    }
}

fn of_io(error: &Error, cause: &io::Error) -> (u8, Option<String>) {
    let place = Place::of(&error.endpoint);
    let code = cause.raw_os_error().unwrap_or(0);
    if matches!(code, libc::EMFILE | libc::ENFILE) && error.op != Op::Write {
        let remedy = "too many files are open: `ulimit -n` shows and raises the limit";
        return (FAILED, Some(remedy.into()));
    }
    match error.op {
        // A folder.
        Op::Open
            if error.endpoint.starts_with('/') && matches!(code, libc::EACCES | libc::EPERM) =>
        {
            let remedy = "its permissions forbid it: `ls -ld` shows them";
            (FAILED, Some(remedy.into()))
        }
        Op::Open => of_open(code),
        Op::Resolve => (NO_NAME, Some("write the address in place of the name".into())),
        Op::Listen => (FAILED, of_listen(&place, code)),
        Op::Run => of_start(&error.endpoint, code),
        Op::Connect if place.scheme == "file" => of_reading(code),
        Op::Connect => of_connect(error, &place, code),
        Op::Receive if error.endpoint == "stdin" => of_stdin(cause, code),
        Op::Accept | Op::Receive | Op::Send => of_talk(error, &place, cause, code),
        Op::Write if place.scheme == "file" => (OUTPUT, of_writing(code).map(Into::into)),
        Op::Write if error.endpoint == "stdout" => (OUTPUT, Some(of_output(code).into())),
        Op::Write => (OUTPUT, Some(of_file(code).into())),
    }
}

fn of_start(endpoint: &str, code: i32) -> (u8, Option<String>) {
    let remedy = match code {
        _ if endpoint.contains(",frame=") => {
            "exec: takes all of the word; -f RULE names the framing"
        }
        libc::ENOENT | libc::ENOTDIR => {
            "no program has this name in PATH; quote the whole: 'exec:wc -c', and a shell is \
             exec:sh -c '...'"
        }
        libc::EACCES | libc::EPERM => "it is no program, or may not be run: `ls -l` shows it",
        libc::ENOEXEC => "it is no program; a script needs #! in front",
        libc::E2BIG => "its arguments are longer than the kernel takes",
        libc::EAGAIN => "no more processes may run: `ulimit -u` shows the limit",
        _ => return (FAILED, None),
    };
    let code = if code == libc::EAGAIN { FAILED } else { USAGE };
    (code, Some(remedy.into()))
}

fn of_reading(code: i32) -> (u8, Option<String>) {
    let remedy = match code {
        libc::ENOENT | libc::ENOTDIR => {
            "no file has this path; ,create after it writes a new one, ,append writes to one"
        }
        libc::EISDIR => "a directory holds no bytes; name a file in it",
        libc::ENXIO => "it is a socket, or a device without a driver; a socket is unix://PATH",
        libc::EACCES | libc::EPERM => "its permissions forbid it: `ls -l` shows them",
        _ => return (FAILED, None),
    };
    (REFUSED, Some(remedy.into()))
}

fn of_open(code: i32) -> (u8, Option<String>) {
    let remedy = match code {
        libc::EAFNOSUPPORT => "this kernel lacks the address family; for IPv6 give an IPv4 address",
        libc::EPERM | libc::EACCES => "the system forbids it; look at the sandbox or container",
        _ => return (FAILED, None),
    };
    (FAILED, Some(remedy.into()))
}

fn of_listen(place: &Place<'_>, code: i32) -> Option<String> {
    let udp = place.scheme.starts_with("udp");
    Some(match (code, place.is_unix()) {
        (libc::EADDRINUSE, true) => {
            "another program listens there: `ss -xlp` shows which; or take another path".into()
        }
        (libc::EADDRINUSE, false) => {
            let flags = if udp { "-lunp" } else { "-ltnp" };
            format!("another program holds the port: `ss {flags}` shows which; :0 takes a free one")
        }
        (libc::EADDRNOTAVAIL, _) => {
            "no interface has this address: `ip -br address` lists those there are".into()
        }
        (libc::EACCES | libc::EPERM, true) => {
            "the directory does not let us make the socket; choose another path".into()
        }
        (libc::EACCES | libc::EPERM, false) if place.is_privileged() => {
            "ports below 1024 need the capability CAP_NET_BIND_SERVICE; take a higher one".into()
        }
        (libc::EACCES | libc::EPERM, false) => {
            "a policy of this system forbids it; look at the sandbox, container or SELinux".into()
        }
        (libc::ENOENT | libc::ENOTDIR, true) => "the directory is not there; make it first".into(),
        (libc::EROFS, true) => "the file system is read-only; choose another path".into(),
        (libc::EAFNOSUPPORT, _) => "this machine has no such addresses; give an IPv4 one".into(),
        _ => return None,
    })
}

fn of_connect(error: &Error, place: &Place<'_>, code: i32) -> (u8, Option<String>) {
    let listening = place.listening(&error.endpoint);
    let (exit, remedy) = match (code, place.is_unix()) {
        (libc::ECONNREFUSED, true) => {
            (REFUSED, format!("whoever listened there is gone; start it again, or: {listening}"))
        }
        (libc::ENOENT | libc::ENOTDIR, true) => {
            (REFUSED, format!("nothing is at this path; start who listens, or: {listening}"))
        }
        (libc::EACCES | libc::EPERM, true) => {
            (REFUSED, "the path's permissions forbid it: `ls -l` shows them".into())
        }
        (libc::EPROTOTYPE, _) => {
            let others = ["unix", "unixgram", "unixseq"]
                .into_iter()
                .filter(|scheme| error.endpoint.split("://").next() != Some(scheme))
                .map(|scheme| format!("{scheme}://"));
            let others = others.collect::<Vec<_>>().join(" or ");
            (USAGE, format!("the socket there is of another type; try {others}"))
        }
        (libc::ECONNREFUSED, false) => (REFUSED, refused(place, &listening)),
        (libc::EACCES, false) if place.scheme == "udp" => (REFUSED, cast(place)),
        (libc::EACCES | libc::EPERM, false) => {
            (REFUSED, "a local firewall rule or policy forbids it: `nft list ruleset`".into())
        }
        (libc::ENETUNREACH | libc::EHOSTUNREACH | libc::EHOSTDOWN, _) => {
            (REFUSED, unreachable(place))
        }
        (libc::ETIMEDOUT, _) => (NO_ANSWER, timed_out()),
        (libc::ECONNRESET, _) => {
            (FAILED, "the peer accepts and hangs up at once; its own log may say why".into())
        }
        (libc::EADDRNOTAVAIL, _) => {
            (FAILED, "no local address or free port is left for it: `ss -s` counts sockets".into())
        }
        _ => return (FAILED, None),
    };
    (exit, Some(remedy))
}

fn refused(place: &Place<'_>, listening: &str) -> String {
    match place.host {
        Some(host) if !place.is_here() => {
            format!("nothing listens there; on {host}: {listening} --lan")
        }
        _ => format!("nothing listens there; {listening} would"),
    }
}

fn unreachable(place: &Place<'_>) -> String {
    match place.host {
        Some(host) => {
            let host = host.trim_start_matches('[').trim_end_matches(']');
            format!("no way leads there: `ip route get {host}` shows what the kernel tries")
        }
        None => "no way leads there: `ip route` lists the ways there are".into(),
    }
}

/// What sends to many, where a socket for one was told to.
fn cast(place: &Place<'_>) -> String {
    let (host, port) = (place.host.unwrap_or_default(), place.port.unwrap_or("PORT"));
    format!(
        "if it is a broadcast address: broadcast://{host}:{port}; else a local firewall forbids it"
    )
}

fn of_stdin(cause: &io::Error, code: i32) -> (u8, Option<String>) {
    match (code, cause.kind()) {
        (libc::EBADF, _) => (FAILED, Some("stdin is not open; give it < /dev/null".into())),
        (libc::EISDIR, _) => (FAILED, Some("stdin is a directory; give it a file".into())),
        (_, io::ErrorKind::InvalidInput) => {
            let remedy =
                "--in takes raw, line, quoted, hex, jsonl, words or a framing; dump is for output";
            (USAGE, Some(remedy.into()))
        }
        _ => (FAILED, None),
    }
}

fn of_talk(error: &Error, place: &Place<'_>, cause: &io::Error, code: i32) -> (u8, Option<String>) {
    let (exit, remedy) = match code {
        // Only datagrams are refused once they are under way: an ICMP message told so.
        libc::ECONNREFUSED => {
            (REFUSED, "nobody receives datagrams there; start who should, or check the port".into())
        }
        libc::ENETDOWN | libc::ENODEV => {
            (REFUSED, "the interface went down or is gone: `ip -br link` shows them".into())
        }
        libc::ENETUNREACH | libc::EHOSTUNREACH | libc::EHOSTDOWN => (REFUSED, unreachable(place)),
        libc::ETIMEDOUT => (
            NO_ANSWER,
            "the peer vanished without a word; keepalive= says how soon it counts".into(),
        ),
        libc::ECONNRESET => (FAILED, "the peer gave up or crashed; its own log may say why".into()),
        libc::EPIPE => {
            (FAILED, "the peer had closed and reads no more; its own log may say why".into())
        }
        libc::EMSGSIZE => {
            (FAILED, "a datagram holds less; send it in parts, or over a stream".into())
        }
        libc::EACCES if error.op == Op::Send => (
            FAILED,
            "a local firewall forbids it, or broadcasts are switched off (broadcast=off)".into(),
        ),
        _ if cause.kind() == io::ErrorKind::InvalidInput => {
            (FAILED, "-f names a framing that holds it, such as len:u32be".into())
        }
        _ => return (FAILED, None),
    };
    (exit, Some(remedy))
}

fn of_writing(code: i32) -> Option<&'static str> {
    Some(match code {
        libc::EEXIST => {
            "what is there is left alone; ,append adds to it, ,replace empties it first"
        }
        libc::ENOENT | libc::ENOTDIR => "the folder is not there; make it first",
        libc::EISDIR => "a directory is there; name a file in it",
        libc::EACCES | libc::EPERM => {
            "permissions forbid it: `ls -l` shows those of file and folder"
        }
        libc::EROFS => "the file system is read-only; choose another path",
        libc::ENXIO => "it is a socket, or a device without a driver; a socket is unix://PATH",
        libc::EPIPE => "who read the FIFO is gone",
        libc::ENOSPC | libc::EDQUOT | libc::EFBIG => of_output(code),
        _ => return None,
    })
}

fn of_output(code: i32) -> &'static str {
    match code {
        libc::ENOSPC | libc::EDQUOT => "make room: `df -h` shows which file system is full",
        libc::EBADF => "stdout is not open for writing; > /dev/null throws the messages away",
        libc::EFBIG => "the file may not grow further: `ulimit -f` shows the limit",
        _ => "look at where stdout goes; > FILE keeps the messages elsewhere",
    }
}

/// A file that we were told to write.
fn of_file(code: i32) -> &'static str {
    match code {
        libc::ENOSPC | libc::EDQUOT => "make room: `df -h` shows which file system is full",
        libc::EFBIG => "the file may not grow further: `ulimit -f` shows the limit",
        libc::ENOENT | libc::ENOTDIR => "the folder is not there; make it first",
        libc::EISDIR => "it is a folder; name a file in it",
        libc::EPIPE => "its reader left; --record FILE keeps it",
        libc::ENXIO => "nobody reads the FIFO yet; start who does first",
        libc::EEXIST => "a file that is not ours has the name; move it away, or name another one",
        _ => "`ls -l` shows whose it is; name another file",
    }
}

#[cfg(test)]
mod tests;
