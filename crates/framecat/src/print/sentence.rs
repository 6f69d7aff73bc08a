//! Events as sentences: the act, the place, the message's number, the cause, and what to try.

use std::time::Duration;

use framecat_net::error::plain;
use framecat_net::event::{Event, PasswordsAsked, Place, Reach, Timings, Totals};
use framecat_proto::framing::EncodeError;
use framecat_proto::http::plan::Rights;
use framecat_proto::limits::DATAGRAM_BYTES;
use framecat_proto::message::Dir;
use framecat_proto::text::put_for_terminal;

use super::transfer;
use crate::exit;

pub(super) const PREFIX: &str = "framecat: ";
const INDENT: &str = "          ";

/// A sentence and the lines below it.
pub(super) struct Sentence {
    text: String,
    below: Vec<String>,
}

/// When an event is told as a sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Weight {
    /// Whatever the options.
    Always,
    /// Something went wrong: unless JSON tells it.
    Trouble,
    /// With `-v`.
    Verbose,
    /// While asking.
    Asking,
    /// With `-v` or `--show`.
    Shown,
    /// In a form of its own.
    Never,
}

impl Sentence {
    pub(super) fn new(text: &str, remedy: Option<&str>) -> Sentence {
        Sentence { text: text.into(), below: remedy.map(String::from).into_iter().collect() }
    }

    pub(super) fn with(text: String, below: Vec<String>) -> Sentence {
        Sentence { text, below }
    }

    /// Appends its lines. Nothing in them can act on a terminal or begin a line of its own.
    pub(super) fn put(&self, colour: bool, out: &mut Vec<u8>) {
        let (bold, dim, plain) =
            if colour { ("\x1b[1m", "\x1b[2m", "\x1b[0m") } else { <_>::default() };
        out.extend_from_slice(format!("{bold}{PREFIX}{plain}").as_bytes());
        put_one_line(&self.text, out);
        out.push(b'\n');
        for line in &self.below {
            out.extend_from_slice(format!("{INDENT}{dim}").as_bytes());
            put_one_line(line, out);
            out.extend_from_slice(plain.as_bytes());
            out.push(b'\n');
        }
    }
}

/// Appends text in which line endings are escaped like everything else that a terminal acts on.
/// Backslashes stay single: parts of a sentence may be escaped already.
pub(super) fn put_one_line(text: &str, out: &mut Vec<u8>) {
    let mut rest = text;
    while let Some(at) = rest.find(['\n', '\r']) {
        put_for_terminal(&rest.as_bytes()[..at], out);
        out.extend_from_slice(if rest.as_bytes()[at] == b'\n' { br"\n" } else { br"\r" });
        rest = &rest[at + 1..];
    }
    put_for_terminal(rest.as_bytes(), out);
}

pub(super) fn weight(event: &Event<'_>) -> Weight {
    match event {
        Event::Listening { .. } | Event::Serving { .. } => Weight::Always,
        Event::Connected { .. } | Event::Closed { .. } | Event::Path { .. } => Weight::Verbose,
        Event::NotMet { why, .. } if why.is_mistake() => Weight::Trouble,
        Event::Prompted { .. } | Event::NotMet { .. } => Weight::Verbose,
        Event::Replied { .. } => Weight::Asking,
        Event::Fetched { .. } => Weight::Shown,
        Event::Http { .. } | Event::Fetching { .. } | Event::Moving(_) => Weight::Never,
        // How much of a transfer is told depends on how much there is to tell.
        Event::File { .. } | Event::LeftOut { .. } | Event::Transferred(_) => Weight::Never,
        Event::Met { secured: true, .. } | Event::Offered { .. } => Weight::Shown,
        _ => Weight::Trouble,
    }
}

/// The sentence of an event.
pub(super) fn of(event: &Event<'_>) -> Sentence {
    let (text, remedy) = match *event {
        Event::Listening { endpoint, reach, pin } => return listening(endpoint, reach, pin),
        Event::Serving { folder, urls, reach, hidden, rights, passwords, taken, pin } => {
            return serving(folder, urls, (reach, may(rights, hidden), passwords), taken, pin);
        }
        Event::TurnedAway { peer, count } => {
            let until_now = if count == 1 { String::new() } else { format!(", {count} until now") };
            (
                format!("{peer} is told to come again (503): there is no place for it{until_now}"),
                Some(
                    "--max-clients and --max-per-source say how many there are; told at 1, 2, 4, 8 … of them"
                        .into(),
                ),
            )
        }
        Event::Finishing { connections, most } => {
            let waited = match connections {
                1 => "1 connection has something in hand and is".to_string(),
                n => format!("{n} connections have something in hand and are"),
            };
            let text = format!("ending: {waited} waited for, {} s at most", most.as_secs());
            (text, Some("a second signal (Ctrl-C) ends at once".into()))
        }
        Event::Connected { conn, peer, local } => {
            (format!("connection {conn} with {peer} is open, our end is {local}"), None)
        }
        Event::Closed { conn, peer, totals } => {
            (format!("connection {conn} with {peer} is closed: {}", counts(&totals)), None)
        }
        Event::Failed { conn, error } => {
            (format!("connection {conn}: {error}"), exit::of_error(error).remedy)
        }
        Event::Refused { peer, dir, n, place, by, error, .. } => {
            let way = if dir == Dir::In { "from" } else { "to" };
            let text =
                format!("message {n} {way} {peer} is left out: {by} cannot hold it, {error}");
            (text, Some(refused(place, by, error)))
        }
        Event::TooLong { peer, len, max, .. } => (
            format!("a datagram from {peer} is left out: its {len} bytes are more than {max}"),
            Some(format!("--max-message {len} takes it")),
        ),
        Event::LineBreak { peer, .. } => (
            format!("a message from {peer} holds a line break and looks like several on stdout"),
            Some("--out quoted keeps messages apart; this is told once".into()),
        ),
        Event::Cut { peer, len, delivered, .. } => cut(peer, len, delivered),
        Event::Unfinished { conn, peer, unread, cut_off } => {
            let left = match (unread, cut_off) {
                (0, _) => "a message in hand could not be finished".to_string(),
                (n, false) => format!("{n} bytes from {peer} were not read"),
                (n, true) => {
                    format!("a message in hand could not be finished, {n} bytes were not read")
                }
            };
            (format!("connection {conn} with {peer}: {left} before the end"), None)
        }
        Event::Resynchronised { peer, error, .. } => (
            format!("receive from {peer}: {error}"),
            Some("the bytes up to the next boundary are left out, reading goes on".into()),
        ),
        Event::Unanswered { peer, n, missing, .. } => {
            (format!("message {n} from {peer} is not answered: {missing}"), None)
        }
        Event::NoAnswer { peer, n, error, .. } => (
            format!("message {n} from {peer} is not answered: {error}"),
            exit::of_error(error).remedy,
        ),
        Event::Unprinted { peer, n, missing, .. } => {
            (format!("message {n} from {peer} is not printed: {missing}"), None)
        }
        Event::LooksMerged { peer, n, count, .. } => (
            format!(
                "message {n} from {peer} looks merged, {count} until now: it was read later than it \
                 came, and a silence in it would not have been heard"
            ),
            Some(
                "a framing that marks or counts needs no silence, such as line or len:u32be".into(),
            ),
        ),
        Event::Prompted { peer, .. } => {
            (format!("{peer} waited with the rest of its message and was told: 100 Continue"), None)
        }
        Event::Dropped { peer, count, .. } => (
            format!(
                "{count} datagrams from {peer} are lost: they came faster than they were taken"
            ),
            Some("let the sender send more slowly, or wait for an answer".into()),
        ),
        Event::Unreachable { error, .. } => (error.to_string(), exit::of_error(error).remedy),
        Event::Retrying { error, time: long } => {
            (format!("{error}; tried again for {}", framecat_net::error::seconds(long)), None)
        }
        Event::Unwritable { folder, error } => (
            format!(
                "{folder} cannot be written to: {}; what others bring there is refused",
                plain(error)
            ),
            Some(
                "give this user the right to write there, or serve a folder where it has it".into(),
            ),
        ),
        Event::AcceptDelayed { error, wait } => {
            (format!("accept: {}; the next try is in {}", plain(error), time(wait)), starved(error))
        }
        Event::NotAllowed { peer, count } => {
            let until_now = if count == 1 { String::new() } else { format!(", {count} until now") };
            (
                format!("{peer} is turned away: its address may not talk{until_now}"),
                Some("--allow and --deny say who may; told at 1, 2, 4, 8 … of them".into()),
            )
        }
        Event::WrongCode { peer, why, left } => {
            let borne = match left {
                0 => "it was the last that the code bears".into(),
                1 => "the code bears one more".to_string(),
                left => format!("the code bears {left} more"),
            };
            (format!("{peer}: {why}: a wrong guess; {borne}"), Some(why.remedy().into()))
        }
        Event::NotMet { peer, why, count } => {
            let until_now = if count == 1 { String::new() } else { format!(", {count} until now") };
            let waits = "it waits on for the right one; told at 1, 2, 4, 8 … of them";
            let remedy = if why.is_mistake() { why.remedy() } else { waits };
            (format!("{peer} is not let in: {why}{until_now}"), Some(remedy.into()))
        }
        Event::Path { conn, dir, path } => {
            (format!("connection {conn}, {}: bytes move by {path}", dir.word()), None)
        }
        Event::Replied { n, peer, rtt, among: true } => {
            (format!("reply to message {n} from {peer} after {}", time(rtt)), None)
        }
        Event::Replied { n, rtt, .. } => {
            (format!("reply to message {n} after {}", time(rtt)), None)
        }
        Event::Open { endpoint, took } => (format!("{endpoint} is open ({})", time(took)), None),
        Event::Redirected { status, to, method, left_out } => {
            let method = method.map(|method| format!(", by {method}")).unwrap_or_default();
            let left_out = match left_out {
                [] => None,
                names => {
                    let names = names.join(", ");
                    Some(format!("it is another origin, which does not get: {names}"))
                }
            };
            (format!("redirected by {status} to {to}{method}"), left_out)
        }
        Event::Resumed { file, from } => (format!("{file} goes on from byte {from}"), None),
        Event::Anew { file, why } => (format!("{file} is begun anew: {why}"), None),
        Event::StaysCoded { coding, why } => {
            (format!("the content stays in the coding {coding}: {why}"), None)
        }
        Event::Fetched { status, bytes, file, timings } => {
            let what = match file {
                Some(file) => format!("{file} is whole: {bytes} bytes"),
                None => format!("{bytes} bytes"),
            };
            (format!("{status}, {what} in {}", times(&timings)), None)
        }
        Event::Met { peer, secured } => return transfer::met(peer, secured),
        Event::Offered { count, bytes } => {
            (format!("offered: {}, {}", transfer::files(count), transfer::bytes(bytes)), None)
        }
        Event::Swept { count } => (
            format!(
                "{} of files that nobody came back for in 7 days {} removed",
                if count == 1 { "a part".into() } else { format!("{count} parts") },
                if count == 1 { "is" } else { "are" }
            ),
            None,
        ),
        // Net may learn to tell more than this program knows.
        ref other => (format!("{other:?}"), None),
    };
    Sentence { text, below: remedy.into_iter().collect() }
}

fn listening(endpoint: &str, reach: &Reach, pin: Option<&str>) -> Sentence {
    let mut below = match reach {
        Reach::ThisMachine { udp } => {
            let mut below = vec!["this machine only; --lan for the network".to_string()];
            if *udp {
                let port = endpoint.rsplit(':').next().unwrap_or_default();
                below.push(format!("broadcasts do not arrive here; use broadcast://:{port}"));
            }
            below
        }
        Reach::Network(addresses) if addresses.is_empty() => {
            vec!["the whole network, but this machine has no address there yet".into()]
        }
        Reach::Network(addresses) => {
            addresses.iter().map(|address| format!("reachable at {address}")).collect()
        }
        Reach::Cast(heard) => {
            let heard: Vec<_> =
                heard.iter().map(|(address, by)| format!("{address} ({by})")).collect();
            let heard = match heard.is_empty() {
                true => "no network yet: no interface has a broadcast address".into(),
                false => heard.join(", "),
            };
            vec![
                "the network; other programs may share the port (SO_REUSEADDR)".into(),
                format!("hears what is sent to {heard}"),
            ]
        }
        Reach::Path => vec!["whoever may open the path".into()],
    };
    if let Some(pin) = pin {
        below.push(format!("who dials knows it by ,pin={pin}"));
    }
    Sentence { text: format!("listening on {endpoint}"), below }
}

fn serving(
    folder: Option<&str>,
    urls: &[String],
    (reach, (may, also), passwords): (&Reach, May, Option<PasswordsAsked<'_>>),
    taken: Option<u16>,
    pin: Option<&str>,
) -> Sentence {
    let mut urls = urls.iter();
    let first = urls.next().map_or("", String::as_str);
    let mut below: Vec<String> = urls.map(|url| format!("also at {url}")).collect();
    if let Some(port) = taken {
        below.push(format!("port {port} is another program's; --listen :PORT chooses one"));
    }
    if let Some(pin) = pin {
        below.push(format!("its key is known by {pin}"));
    }
    let asked = passwords.map_or_else(Vec::new, |asked| asked_for(&asked));
    let Some(folder) = folder else {
        below.extend(asked);
        return Sentence { text: format!("answering each request with itself at {first}"), below };
    };
    let knows = match passwords {
        Some(PasswordsAsked { open_read: false, .. }) => ", and knows a password,",
        _ => "",
    };
    below.push(match reach {
        Reach::Network(_) => format!("whoever reaches this address{knows} can {may}"),
        Reach::Path => format!("whoever may open the path{knows} can {may}"),
        Reach::ThisMachine { .. } | Reach::Cast(_) if knows.is_empty() => {
            format!("programs on this machine can {may}; --lan for the network")
        }
        Reach::ThisMachine { .. } | Reach::Cast(_) => {
            format!(
                "programs on this machine that know a password can {may}; --lan for the network"
            )
        }
    });
    if let Some(also) = also {
        let who = match passwords {
            Some(PasswordsAsked { open_read: true, .. }) => "who knows a password",
            _ => "they",
        };
        below.push(format!("{who} can also {also}"));
    }
    below.extend(asked);
    Sentence { text: format!("serving {folder} at {first}"), below }
}

/// What is to be said of passwords.
fn asked_for(asked: &PasswordsAsked<'_>) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some((user, password)) = asked.made {
        lines.push(format!("user {user}, password {password}: made now, and told this once"));
    }
    if asked.in_clear {
        lines.push("passwords come over the network in clear; --self-signed hides them".into());
    }
    lines
}

/// What strangers can do, in words: to what is there without changing it, and what else.
type May = (String, Option<&'static str>);

fn may(rights: Rights, hidden: bool) -> May {
    let all = if hidden { "every file in it" } else { "every file in it but hidden ones" };
    match (rights.read, rights.upload, rights.replace) {
        (false, ..) => ("bring files, and see nothing of what is there".into(), None),
        (true, false, _) => (format!("read {all}, and change nothing"), None),
        (true, true, false) => {
            (format!("read {all}"), Some("bring new ones; what is there stays as it is"))
        }
        (true, true, true) => {
            (format!("read {all}"), Some("bring, replace, rename and delete files and folders"))
        }
    }
}

/// How long a fetch took, and when its steps were over.
fn times(timings: &Timings) -> String {
    let Timings { resolved, connected, secured, first_byte, total } = *timings;
    let steps = [
        ("resolved", resolved),
        ("connected", connected),
        ("TLS", secured),
        ("first byte", first_byte),
    ];
    let steps = steps.into_iter().filter_map(|(name, at)| Some(format!("{name} {}", time(at?))));
    let steps: Vec<String> = steps.collect();
    format!("{} ({})", time(total), steps.join(", "))
}

/// How far a fetch is, for a line that is overwritten.
pub(super) fn progress(got: u64, whole: Option<u64>, rate: u64) -> String {
    let size = |bytes: u64| match bytes {
        0..10_240 => format!("{bytes} B"),
        10_240..10_485_760 => format!("{} KiB", bytes >> 10),
        _ => format!("{} MiB", bytes >> 20),
    };
    match whole {
        Some(whole) => {
            let percent = got.saturating_mul(100) / whole.max(1);
            let left = whole.saturating_sub(got) / rate.max(1);
            let (got, whole, rate) = (size(got), size(whole), size(rate));
            format!("{PREFIX}{percent}%, {got} of {whole}, {rate}/s, {left} s left")
        }
        None => format!("{PREFIX}{}, {}/s", size(got), size(rate)),
    }
}

fn counts(totals: &Totals) -> String {
    let side = |messages: u64, bytes: u64, way: &str| {
        let bytes = format!("{bytes} {}", if bytes == 1 { "byte" } else { "bytes" });
        match messages {
            // A raw direction counts none.
            0 => format!("{bytes} {way}"),
            1 => format!("1 message of {bytes} {way}"),
            _ => format!("{messages} messages of {bytes} {way}"),
        }
    };
    let inward = side(totals.messages_in, totals.bytes_in, "in");
    let outward = side(totals.messages_out, totals.bytes_out, "out");
    format!("{inward}, {outward}")
}

fn refused(place: Place, by: &str, error: &EncodeError) -> String {
    match (error, place) {
        (EncodeError::WouldSplit { .. }, Place::Stdout) => {
            "--out quoted holds it, and so does a framing that counts, such as len:u32be".into()
        }
        (EncodeError::WouldSplit { .. }, Place::Peer) => {
            "a framing that counts holds it, such as -f len:u32be".into()
        }
        (EncodeError::DoesNotFit { max, .. }, _)
            if by == "native" && *max >= DATAGRAM_BYTES as u64 =>
        {
            "a datagram holds no more; a stream does, such as tcp:// with -f len:u32be".into()
        }
        // A length of one or two bytes; --max-message is hardly ever that small.
        (EncodeError::DoesNotFit { max, .. }, _) if by.starts_with("len:") && *max < 1 << 16 => {
            "a wider length counts further, such as len:u32be".into()
        }
        (EncodeError::DoesNotFit { .. }, _) => "--max-message SIZE allows more".into(),
        (EncodeError::WrongLength { .. }, _) => {
            "messages of any length fit len:u32be or line".into()
        }
        (EncodeError::Lacks(_), _) => {
            "without `,keep` the framing writes what belongs to it by itself".into()
        }
        (EncodeError::Empty, _) => "a framing that counts holds it, such as len:u32be".into(),
        (EncodeError::OnlyOne, _) => {
            "a framing with boundaries holds more, such as line or len:u32be".into()
        }
    }
}

fn cut(peer: &str, len: usize, delivered: bool) -> (String, Option<String>) {
    let bytes = if len == 1 { "byte" } else { "bytes" };
    let text = format!("the last message from {peer} is cut: the stream ended after {len} {bytes}");
    match delivered {
        true => (format!("{text}; it is taken as it is"), Some("--tail drop leaves it out".into())),
        false => (format!("{text}; it is left out"), Some("--tail keep takes it as it is".into())),
    }
}

fn starved(error: &std::io::Error) -> Option<String> {
    let remedy = match error.raw_os_error() {
        Some(libc::EMFILE) => "`ulimit -n` raises the limit; --max-clients N stays below it",
        Some(libc::ENFILE) => "the whole system is at its limit: `sysctl fs.file-max`",
        Some(libc::ENOBUFS | libc::ENOMEM) => {
            "the system is short of memory; --max-clients N serves fewer at once"
        }
        _ => return None,
    };
    Some(remedy.into())
}

/// A time as it was measured: `0.35 ms`, `12.5 ms`, `1.50 s`.
fn time(time: Duration) -> String {
    let ms = time.as_secs_f64() * 1000.0;
    match ms {
        0.0..10.0 => format!("{ms:.2} ms"),
        10.0..1000.0 => format!("{ms:.1} ms"),
        _ => format!("{:.2} s", ms / 1000.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_lines_say_who_is_asked_and_what_a_password_costs() {
        let said = |reach: &Reach, asked: PasswordsAsked<'_>| {
            let serving = serving(
                Some("/x"),
                &["http://192.0.2.7/".into()],
                (reach, ("read it".into(), Some("bring new ones")), Some(asked)),
                None,
                None,
            );
            serving.below
        };
        let asked = PasswordsAsked { made: None, open_read: false, in_clear: true };
        assert_eq!(
            said(&Reach::Network(Vec::new()), asked),
            [
                "whoever reaches this address, and knows a password, can read it",
                "they can also bring new ones",
                "passwords come over the network in clear; --self-signed hides them",
            ]
        );
        let made = Some(("ada", "abcd-efgh"));
        assert_eq!(
            said(&Reach::Path, PasswordsAsked { made, open_read: true, in_clear: false }),
            [
                "whoever may open the path can read it",
                "who knows a password can also bring new ones",
                "user ada, password abcd-efgh: made now, and told this once",
            ]
        );
    }
}
