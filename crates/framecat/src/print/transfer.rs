//! What is told of a transfer: how it is reached, what is offered, how far it is, what became of each file, and
//! what it came to.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use framecat_net::event::{Event, Moving, Reach, Transferred};
use framecat_net::transfer::{Offer, Offered, Role};
use framecat_proto::limits::TRANSFER_NAMES_SHOWN;
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
    /// One that did not come for want of room or right, where no other is there and none failed otherwise.
    unwritable: Option<Why>,
    otherwise: bool,
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
        match why.cause {
            Cause::Full | Cause::Disk => count.unwritable = Some(why.clone()),
            _ => count.otherwise = true,
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

    /// Why nothing at all could be written.
    pub(super) fn unwritable(&self) -> Option<Why> {
        let count = self.lock();
        let nothing = count.first.is_none() && !count.otherwise;
        count.unwritable.clone().filter(|_| nothing)
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
            (Some((name, _)), 1) => shown(name),
            (_, n) => files(n),
        };
        let is = if there <= 1 { "is" } else { "are" };
        let into = transfer.into.as_ref().filter(|_| sum.carries != Carries::Text);
        let place = match (into, transfer.role) {
            (Some(folder), _) => format!("in {folder}"),
            (None, Role::Send) => "there".into(),
            (None, Role::Receive) => "on stdout".into(),
        };
        let text = format!(
            "{what} {is} {place}: {} in {}",
            bytes(sum.bytes),
            took(sum.took, sum.moved, sum.bytes)
        );
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
    let (name, size) = (shown(name), bytes(size));
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
pub(super) fn progress(moving: &Moving, role: Option<Role>) -> String {
    if role == Some(Role::Send) && moving.bytes == 0 && moving.entries == 0 {
        return format!("{PREFIX}waiting for the other side's answer");
    }
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
fn took(time: Duration, moved: u64, all: u64) -> String {
    let seconds = time.as_secs_f64();
    let rate = moved as f64 / 1e6 / seconds.max(1e-6);
    match moved {
        // So little tells the time of an exchange, and what is not there now no rate.
        _ if moved < 100_000 || moved > all => format!("{seconds:.2} s"),
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

/// A name as a person is to see it: what takes no room on a screen, or room alone, is written out (Unicode's
/// Default_Ignorable_Code_Point and White_Space), but for what joins letters of scripts and emoji; and a long one
/// shows its beginning and its end.
pub fn shown(name: &str) -> String {
    const LONGEST: usize = 160;
    let (mut text, mut spaces, mut marks) = (String::new(), 0, 0);
    for c in name.chars() {
        spaces = if c == ' ' { spaces + 1 } else { 0 };
        marks = if is_mark(c) { marks + 1 } else { 0 };
        match spaces > 2 || marks > 4 || is_unseen(c) {
            true => text.extend(c.escape_unicode()),
            false => text.push(c),
        }
    }
    let letters = text.chars().count();
    if letters <= LONGEST {
        return text;
    }
    let head: String = text.chars().take(LONGEST / 2).collect();
    let tail: String = text.chars().skip(letters - LONGEST / 2).collect();
    format!("{head}…{tail}")
}

/// Marks that are put over and under the letter before them.
fn is_mark(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}' | '\u{483}'..='\u{489}' | '\u{1ab0}'..='\u{1aff}'
        | '\u{1dc0}'..='\u{1dff}' | '\u{20d0}'..='\u{20ff}' | '\u{fe20}'..='\u{fe2f}')
}

fn is_unseen(c: char) -> bool {
    (c.is_whitespace() && c != ' ')
        || matches!(c, '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0e}' | '\u{feff}'
            | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// `1 file or folder`, `5,002 files and folders`.
pub(super) fn files(n: u64) -> String {
    match n {
        1 => "1 file or folder".into(),
        n => format!("{} files and folders", counted(n)),
    }
}

/// What is offered, for the person who is asked. Nothing in it acts on a terminal.
pub fn offer(offer: &Offer, into: Option<&str>) -> Vec<u8> {
    let summary = &offer.summary;
    let entries = &offer.entries;
    // As many names come along as may; where there are fewer, the rest was refused by itself.
    let all = entries.len() < TRANSFER_NAMES_SHOWN && !summary.more;
    let what = match (summary.carries, entries.as_slice()) {
        (Carries::Text, _) => "a text is offered, to be shown".to_string(),
        (Carries::Stream, [stream, ..]) => {
            let name = shown(&stream.path);
            format!("a stream is offered, called {name}: nobody knows how long it is")
        }
        (Carries::Stream, []) => "a stream is offered: nobody knows how long it is".into(),
        (Carries::Files, _) if summary.more => format!(
            "{} and more that is not told yet: at least {}",
            match summary.count {
                1 => "1 file or folder is offered,".into(),
                n => format!("{} are offered,", files(n)),
            },
            bytes(summary.bytes)
        ),
        (Carries::Files, [one]) if summary.count == 1 => match one.kind {
            EntryKind::Folder => format!("an empty folder is offered: {}", shown(&one.path)),
            EntryKind::Link => format!("a link is offered: {}", listed(one)),
            _ => format!("{} is offered: {}", shown(&one.path), bytes(one.size)),
        },
        (Carries::Files, []) if all => "nothing is offered that is taken here".into(),
        (Carries::Files, _) if summary.count == 1 => {
            format!("1 file or folder is offered: {}", bytes(summary.bytes))
        }
        (Carries::Files, _) => {
            format!("{} are offered: {}", files(summary.count), bytes(summary.bytes))
        }
    };
    let mut below = Vec::new();
    if summary.carries == Carries::Files {
        if summary.count > 1 || summary.more {
            let named = entries.len().min(NAMES);
            below.extend(entries.iter().take(NAMES).map(|entry| format!("  {}", listed(entry))));
            let known = if all { entries.len() as u64 } else { summary.count };
            let rest = known.saturating_sub(named as u64);
            if rest > 0 {
                below.push(format!("  … and {} more", counted(rest)));
            }
            let refused = summary.count.saturating_sub(known);
            if refused > 0 {
                below.push(format!("{} of them are refused here, as told", counted(refused)));
            }
        }
        let hidden = entries.iter().filter(|it| is_hidden(it));
        below.extend(pointed_out(summary.hidden, "hidden", hidden));
        let runs = entries.iter().filter(|it| is_executable(it));
        below.extend(pointed_out(summary.executable, "can be run", runs));
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
    let name = shown(&entry.path);
    match entry.kind {
        EntryKind::Folder => format!("{name}/"),
        EntryKind::Link => format!("{name} -> {} (a link)", shown(&entry.target)),
        EntryKind::File | EntryKind::Stream => format!("{name}  {}", bytes(entry.size)),
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
    let names: Vec<String> = known.take(POINTED_OUT).map(|entry| shown(&entry.path)).collect();
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
