//! What is told of a transfer: how it is reached, what is offered, how far it is, what became of each file, and
//! what it came to.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use framecat_net::event::{Event, Moving, Reach, Transferred};
use framecat_net::transfer::{Offer, Offered, Role};
use framecat_proto::transfer::Outcome;
use framecat_proto::transfer::record::{Carries, EntryKind};
use framecat_proto::transfer::why::{Cause, Why};

use super::sentence::{PREFIX, Sentence};

/// Names of an offer that a person is shown.
const NAMES: usize = 20;

/// Of those that are pointed out, hidden ones or ones that can be run.
const POINTED_OUT: usize = 5;

/// Files that are missing, told one by one unless all are asked for.
const TOLD: u64 = 20;

/// How a transfer is told.
#[derive(Debug, Clone)]
pub struct Transfer {
    /// Which side we are.
    pub role: Role,
    /// The code that we made: the other side needs it.
    pub code: Option<String>,
    /// What the other side is told to type, up to the place: `framecat receive --from`.
    pub there: &'static str,
    /// Where what is received goes, in words: a folder. `None`: to stdout, or away.
    pub into: Option<String>,
}

/// What was told until now.
#[derive(Debug, Default)]
pub(super) struct Told(Mutex<Count>);

#[derive(Debug, Default)]
struct Count {
    /// Files that are missing.
    missing: u64,
    /// Files whose name was taken, or that are not wanted: left as the receiver wants it.
    kept: u64,
    /// Those that were not told.
    untold: u64,
    /// What to do about a cause is told once.
    causes: HashSet<Cause>,
    /// Those of the end, which counts what the other side could not offer, too.
    failed: u64,
    /// Files are on their way.
    moving: bool,
    /// The first that is there, and its bytes.
    first: Option<(String, u64)>,
}

impl Told {
    /// The sentence of something that is missing, unless there were too many.
    pub(super) fn missing(
        &self,
        text: &str,
        why: &Why,
        counts: bool,
        all: bool,
    ) -> Option<Sentence> {
        let mut count = self.lock();
        if counts {
            count.missing += 1;
        }
        let told = count.missing + count.kept - count.untold;
        if !all && told > TOLD {
            count.untold += 1;
            return None;
        }
        if !counts {
            count.kept += 1;
        }
        let remedy = count.causes.insert(why.cause).then(|| why.cause.remedy());
        Some(Sentence::new(text, remedy))
    }

    pub(super) fn there(&self, name: &str, bytes: u64) {
        self.lock().first.get_or_insert_with(|| (name.into(), bytes));
    }

    /// How many were not told, once.
    pub(super) fn rest(&self) -> Option<Sentence> {
        match std::mem::take(&mut self.lock().untold) {
            0 => None,
            n => Some(Sentence::new(&format!("and {} more", counted(n)), Some("-v names all"))),
        }
    }

    /// How many are missing.
    pub(super) fn count(&self) -> u64 {
        let count = self.lock();
        count.missing.max(count.failed)
    }

    /// Files are on their way, which can be gone on with.
    pub(super) fn moves(&self) {
        self.lock().moving = true;
    }

    pub(super) fn is_moving(&self) -> bool {
        self.lock().moving
    }

    /// What it came to, in numbers.
    pub(super) fn ended(&self, sum: &Transferred) {
        self.lock().failed = sum.failed;
    }

    /// What it came to.
    pub(super) fn sum(&self, sum: &Transferred, transfer: &Transfer) -> Sentence {
        let count = self.lock();
        let there = sum.committed + sum.had;
        let what = match (&count.first, there) {
            _ if sum.carries == Carries::Text => "the text".into(),
            (_, 0) => "nothing".to_string(),
            (Some((name, _)), 1) => name.clone(),
            (_, n) => format!("{} files and folders", counted(n)),
        };
        let is = if there <= 1 { "is" } else { "are" };
        let into = transfer.into.as_ref().filter(|_| sum.carries != Carries::Text);
        let place = match (into, transfer.role) {
            (Some(folder), _) => format!("in {folder}"),
            (None, Role::Send) => "there".into(),
            (None, Role::Receive) => "on stdout".into(),
        };
        let text =
            format!("{what} {is} {place}: {} in {}", bytes(sum.bytes), took(sum.took, sum.moved));
        let mut below = Vec::new();
        if sum.moved < sum.bytes {
            below.push(format!(
                "{} of that came over the network, the rest was there",
                bytes(sum.moved)
            ));
        }
        let parts = [
            (sum.had, "were there already", "was there already"),
            (sum.skipped, "were not wanted", "was not wanted"),
            (sum.failed, "failed", "failed"),
        ];
        let parts =
            parts.into_iter().filter(|part| part.0 > 0 && there + sum.skipped + sum.failed > 1);
        let parts: Vec<String> = parts
            .map(|(n, many, one)| format!("{} {}", counted(n), if n == 1 { one } else { many }))
            .collect();
        if !parts.is_empty() {
            below.push(parts.join(", "));
        }
        Sentence::with(text, below)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Count> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What became of a file, as a sentence of its own; the sender's files are somewhere else.
pub(super) fn became(name: &str, size: u64, outcome: &Outcome, role: Option<Role>) -> String {
    let size = bytes(size);
    match (outcome, role) {
        (Outcome::Committed, Some(Role::Receive)) => format!("{name} came ({size})"),
        (Outcome::Committed, _) => format!("{name} is there ({size})"),
        (Outcome::Had, _) => format!("{name} was there already ({size})"),
        (Outcome::Skipped(why), Some(Role::Receive)) => format!("{name} is not received: {why}"),
        (Outcome::Skipped(why), _) => format!("{name} is not wanted there: {why}"),
        (Outcome::Failed(why), Some(Role::Receive)) => format!("{name} did not come: {why}"),
        (Outcome::Failed(why), _) => format!("{name} did not arrive: {why}"),
    }
}

/// Whether this is what whoever receives wanted: nothing is missing then.
pub(super) fn is_kept(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Skipped(why) if why.cause == Cause::Kept)
}

/// The code, and what the other side types.
pub(super) fn code(code: &str, there: &str, endpoint: &str, reach: &Reach) -> Sentence {
    let place = match reach {
        Reach::Network(addresses) => addresses.first().map_or(endpoint, String::as_str),
        _ => endpoint,
    };
    let place = place.strip_prefix("tcp://").unwrap_or(place);
    Sentence::new(&format!("the code is {code}"), Some(&format!("the other side: {there} {place}")))
}

/// The other side is there.
pub(super) fn met(peer: &str, secured: bool) -> Sentence {
    match secured {
        true => Sentence::new(&format!("{peer} knows the code; nobody else can read this"), None),
        false => Sentence::new(
            &format!(
                "{peer} is there; without a code nothing proves who it is, and the network can read all"
            ),
            None,
        ),
    }
}

/// How far a transfer is, for a line that is overwritten. A `+` stands where there may be more.
pub(super) fn progress(moving: &Moving) -> String {
    let Moving { bytes: got, of, entries, of_entries, more, rate } = *moving;
    let plus = if more { "+" } else { "" };
    let files = match of_entries {
        0 | 1 => String::new(),
        n => format!(", {} of {}{plus} files", counted(entries), counted(n)),
    };
    let rate_text = bytes(rate);
    if of == 0 || got > of {
        return format!("{PREFIX}{}, {rate_text}/s{files}", bytes(got));
    }
    let percent = u128::from(got) * 100 / u128::from(of);
    let left = match rate {
        0 => String::new(),
        rate => format!(", {}{plus} left", duration((of - got).div_ceil(rate))),
    };
    let (got, of) = (bytes(got), bytes(of));
    format!("{PREFIX}{percent}%, {got} of {of}{plus}, {rate_text}/s{left}{files}")
}

fn duration(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{}:{:02} min", seconds / 60, seconds % 60),
        _ => format!("{}:{:02} h", seconds / 3600, seconds / 60 % 60),
    }
}

/// The time, and the megabytes a second that crossed the network in it, as they are told of networks.
fn took(time: Duration, moved: u64) -> String {
    let seconds = time.as_secs_f64();
    let rate = moved as f64 / 1e6 / seconds.max(1e-6);
    match moved {
        // So little tells the time of an exchange, not a rate.
        0..100_000 => format!("{seconds:.2} s"),
        _ if rate < 10.0 => format!("{seconds:.2} s ({rate:.2} MB/s)"),
        _ => format!("{seconds:.2} s ({rate:.0} MB/s)"),
    }
}

/// `1 byte`, `17 bytes`, `2.1 MiB`.
pub(super) fn bytes(n: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if n < 1024 {
        return format!("{n} {}", if n == 1 { "byte" } else { "bytes" });
    }
    let (mut value, mut unit) = (n as f64 / 1024.0, 0);
    while value >= 1023.95 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    match value {
        0.0..99.95 => format!("{value:.1} {}", UNITS[unit]),
        _ => format!("{value:.0} {}", UNITS[unit]),
    }
}

/// A number with its thousands apart: `4,970`.
pub(super) fn counted(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// What is offered, for the person who is asked. Nothing in it acts on a terminal.
pub fn offer(offer: &Offer, into: Option<&str>) -> Vec<u8> {
    let summary = &offer.summary;
    let least = if summary.more { " or more" } else { "" };
    let what = match (summary.carries, offer.entries.as_slice()) {
        (Carries::Text, _) => "a text is offered, to be shown".to_string(),
        (Carries::Stream, [stream, ..]) => {
            format!("a stream is offered, called {}: nobody knows how long it is", stream.path)
        }
        (Carries::Stream, []) => "a stream is offered: nobody knows how long it is".into(),
        (Carries::Files, [one]) if summary.count == 1 => match one.kind {
            EntryKind::Folder => format!("an empty folder is offered: {}", one.path),
            EntryKind::Link => format!("a link is offered: {}", one.path),
            _ => format!("{} is offered: {}", one.path, bytes(one.size)),
        },
        (Carries::Files, _) => format!(
            "{}{least} files and folders are offered: {}{least}",
            counted(summary.count),
            bytes(summary.bytes)
        ),
    };
    let mut below = Vec::new();
    if summary.carries == Carries::Files {
        if summary.count > 1 {
            below.extend(
                offer.entries.iter().take(NAMES).map(|entry| format!("  {}", listed(entry))),
            );
            let more = summary.count.saturating_sub(offer.entries.len().min(NAMES) as u64);
            if more > 0 {
                below.push(format!("  … and {} more", counted(more)));
            }
        }
        let entries = &offer.entries;
        below.extend(pointed_out(
            summary.hidden,
            "hidden",
            entries.iter().filter(|it| is_hidden(it)),
        ));
        below.extend(pointed_out(
            summary.executable,
            "can be run",
            entries.iter().filter(|it| is_executable(it)),
        ));
    }
    if let Some(room) = offer.room.filter(|_| summary.carries != Carries::Text) {
        below.push(match room < summary.bytes {
            true => format!("there is room for {} only", bytes(room)),
            false => format!("there is room for {}", bytes(room)),
        });
    }
    if into.is_none() && summary.carries != Carries::Text {
        below.push("it goes to stdout".into());
    }
    let mut text = Vec::new();
    Sentence::with(what, below).put(false, &mut text);
    text
}

/// The question, for the line below the offer.
pub fn question(offer: &Offer, into: Option<&str>) -> String {
    if offer.summary.carries == Carries::Text {
        return "          show it? [y/N] ".into();
    }
    let into = into.map(|folder| format!(" into {}", super::harmless(folder)));
    format!("          receive it{}? [y/N] ", into.unwrap_or_default())
}

fn listed(entry: &Offered) -> String {
    match entry.kind {
        EntryKind::Folder => format!("{}/", entry.path),
        EntryKind::Link => format!("{} (a link)", entry.path),
        EntryKind::File | EntryKind::Stream => format!("{}  {}", entry.path, bytes(entry.size)),
    }
}

fn is_hidden(entry: &Offered) -> bool {
    entry.path.rsplit('/').next().is_some_and(|name| name.starts_with('.'))
}

fn is_executable(entry: &Offered) -> bool {
    entry.kind == EntryKind::File && entry.mode & 0o111 != 0
}

fn pointed_out<'a>(
    count: u64,
    what: &str,
    known: impl Iterator<Item = &'a Offered>,
) -> Option<String> {
    if count == 0 {
        return None;
    }
    let names: Vec<&str> = known.take(POINTED_OUT).map(|entry| entry.path.as_str()).collect();
    let more = count.saturating_sub(names.len() as u64);
    let more = match (more, names.is_empty()) {
        (0, _) => String::new(),
        (n, true) => counted(n),
        (n, false) => format!(" and {} more", counted(n)),
    };
    Some(format!("{what}: {}{more}", names.join(", ")))
}

/// Whether an event is of a transfer, and told here.
pub(super) fn is_of(event: &Event<'_>) -> bool {
    matches!(
        event,
        Event::Met { .. }
            | Event::Offered { .. }
            | Event::Moving(_)
            | Event::File { .. }
            | Event::LeftOut { .. }
            | Event::Swept { .. }
            | Event::Transferred(_)
    )
}
