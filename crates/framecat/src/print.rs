//! Everything the program says: sentences and `--show` on stderr, `--json` lines on stdout.
//!
//! Nothing here waits on the data path. What is for stderr goes through one bounded queue to a
//! thread of its own ([`desk`]); what is for stdout goes to [`Lines`], which the verbs write between
//! messages. Errors of stderr are ignored: there is nobody left to tell.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use framecat_net::event::{Event, Exchange, HttpPart, Observer, Reach};
use framecat_net::talk::Lines;
use framecat_net::transfer::Role;
use framecat_proto::framing::Framer;
use framecat_proto::limits::{HTTP_BODY_PASSED, MESSAGE_BYTES_CEILING, SHOW_BYTES};
use framecat_proto::message::{Batch, Context, Dir, Outgoing};
use framecat_proto::text::{Form, Look};
use framecat_proto::transfer::Outcome;
use framecat_proto::transfer::record::Carries;
use framecat_proto::transfer::why::Why;

mod desk;
mod exchange;
mod http;
mod json;
mod qr;
mod sentence;
mod show;
#[cfg(test)]
mod tests;
pub mod transfer;

use desk::Desk;
pub use exchange::Log;
use sentence::{Sentence, Weight};
pub use show::Show;
pub use transfer::Transfer;

/// How long the end of the program waits for stderr.
const FINISH_WAIT: Duration = Duration::from_secs(2);

/// What is said, and how.
#[derive(Debug, Default)]
pub struct Manner {
    /// How often `-v` was given: connections and the ways bytes move are told from 1 on.
    pub verbose: u8,
    /// Show messages (`--show`).
    pub show: Option<Show>,
    /// Requests over HTTP, a line each (`--log`).
    pub log: Option<Log>,
    /// Tell events and messages as JSON lines (`--json`).
    pub json: Option<Arc<Lines>>,
    /// Messages of both directions as JSON, as a relay tells them; else outgoing ones only, for the
    /// verb itself prints those that come in.
    pub json_both_ways: bool,
    /// Use colour; only ever done on a terminal.
    pub colour: bool,
    /// Whether stderr is a terminal.
    pub terminal: bool,
    /// Tell the round trip of each reply, as `ask` does.
    pub asking: bool,
    /// Tell a transfer, as `send` and `receive` do.
    pub transfer: Option<Transfer>,
}

/// The voice of the program: an [`Observer`] that tells what it sees.
pub struct Voice {
    manner: Manner,
    desk: Desk,
    json: Mutex<JsonMessages>,
    /// Events that stdout had no room for.
    untold: AtomicU64,
    /// What was told of a transfer.
    told: transfer::Told,
}

/// The form `jsonl` at work on messages told besides the verb's own output.
struct JsonMessages {
    writer: Box<dyn Framer>,
    out: Outgoing,
}

impl Voice {
    /// A voice on stderr.
    pub fn new(manner: Manner) -> Arc<Voice> {
        Voice::on(manner, Box::new(desk::Stderr))
    }

    fn on(manner: Manner, sink: Box<dyn std::io::Write + Send>) -> Arc<Voice> {
        let look = desk::Look {
            colour: manner.colour && manner.terminal,
            show: manner.show.unwrap_or_default(),
        };
        let writer = Form::Jsonl.writer(MESSAGE_BYTES_CEILING, Look::default());
        Arc::new(Voice {
            desk: Desk::new(sink, look),
            json: Mutex::new(JsonMessages { writer, out: Outgoing::new() }),
            untold: AtomicU64::new(0),
            told: transfer::Told::default(),
            manner,
        })
    }

    /// Says one sentence and what to try. Whatever is in them, they are one line each.
    pub fn say(&self, sentence: &str, remedy: Option<&str>) {
        self.desk.say(|| Sentence::new(sentence, remedy));
    }

    /// Waits until what was said is written, at most 2 s. What was lost is told then, too.
    pub fn finish(&self) {
        self.desk.finish(FINISH_WAIT);
    }

    fn is_said(&self, event: &Event<'_>) -> bool {
        match sentence::weight(event) {
            Weight::Always => true,
            _ if self.manner.json.is_some() => false,
            Weight::Trouble => true,
            Weight::Verbose => self.manner.verbose > 0,
            Weight::Asking => self.manner.asking,
            Weight::Shown => {
                // Where progress was shown, how it ended is, too.
                let seen = self.manner.terminal
                    && (transfer::is_of(event)
                        || matches!(event, Event::Fetched { file: Some(_), .. }));
                self.manner.show.is_some() || self.manner.verbose > 0 || seen
            }
            Weight::Never => false,
        }
    }
}

impl Voice {
    /// An event on stdout, or one more that was not told; how many those were comes before the next.
    fn tell_event(&self, lines: &Lines, line: &[u8]) {
        let untold = self.untold.swap(0, Ordering::Relaxed);
        let told = match untold {
            0 => lines.offer(line),
            _ => lines.offer(&[json::untold(untold, now_ns()).as_slice(), line].concat()),
        };
        if !told {
            self.untold.fetch_add(untold + 1, Ordering::Relaxed);
        }
    }
}

impl Voice {
    fn show_part(&self, place: &http::Place, part: HttpPart<'_>, show: Show) {
        let colour = self.manner.colour && self.manner.terminal;
        self.desk.lines(http::lines(place, part, show, colour));
    }
}

impl Voice {
    /// What of a transfer is told in another way than each event by itself.
    fn transfer_event(&self, event: &Event<'_>) {
        let Some(transfer) = &self.manner.transfer else { return };
        let quiet = self.manner.json.is_some();
        let all = self.manner.verbose > 0;
        match *event {
            Event::Listening { endpoint, reach, .. } => {
                if let Some(code) = &transfer.code {
                    self.desk.say(|| transfer::code(code, transfer.there, endpoint, reach));
                    if let Some(lines) = &self.manner.json {
                        lines.tell(&json::code(code, now_ns()));
                    }
                }
            }
            Event::File { name, bytes, outcome } => {
                let text = || transfer::became(name, bytes, outcome, Some(transfer.role));
                match outcome {
                    Outcome::Had | Outcome::Committed => {
                        self.told.there(name, bytes);
                        if all && !quiet {
                            self.say_of_file(Sentence::new(&text(), None));
                        }
                    }
                    Outcome::Skipped(why) | Outcome::Failed(why) => {
                        // Whoever receives said so.
                        let meant = transfer::is_kept(outcome) && transfer.role == Role::Receive;
                        if !meant || all {
                            self.missing(&text(), why, !meant, quiet);
                        }
                    }
                }
            }
            Event::LeftOut { path, why, missing } => {
                self.missing(
                    &format!("{} is left out: {why}", transfer::shown(path)),
                    why,
                    missing,
                    quiet,
                );
            }
            Event::Moving(moving) if moving.of > 0 => self.told.moves(),
            Event::Transferred(ref sum) => {
                self.told.ended(sum);
                self.rest_of_transfer();
                // What goes to stdout is a part of something else, or is seen there, and needs no sum.
                let shown = transfer.into.is_none() || sum.carries == Carries::Text;
                let elsewhere = transfer.role == Role::Receive && shown;
                if !quiet && (!elsewhere || all || self.manner.terminal) {
                    self.desk.say(|| self.told.sum(sum, transfer));
                }
            }
            _ => {}
        }
    }

    fn missing(&self, text: &str, why: &Why, counts: bool, quiet: bool) {
        let said = self.told.missing(text, why, counts, self.manner.verbose > 0);
        if let Some(sentence) = said.filter(|_| !quiet) {
            self.say_of_file(sentence);
        }
    }

    /// Where every file is to be named, the transfer waits for who reads the names.
    fn say_of_file(&self, sentence: Sentence) {
        match self.manner.verbose > 0 && !runs_futures() {
            true => self.desk.say_in_turn(sentence),
            false => self.desk.say(|| sentence),
        }
    }

    /// From now on nothing waits for who reads stdout or stderr: the end is near.
    pub fn hurry(&self) {
        self.desk.hurry();
        if let Some(lines) = &self.manner.json {
            lines.hurry();
        }
    }

    /// How many files are missing that were not told one by one.
    pub fn rest_of_transfer(&self) {
        if let Some(rest) = self.told.rest().filter(|_| self.manner.json.is_none()) {
            self.desk.say(|| rest);
        }
    }

    /// Where nothing at all of what was received could be written, and why.
    pub fn unwritable(&self) -> Option<(String, Why)> {
        let transfer = self.manner.transfer.as_ref().filter(|it| it.role == Role::Receive)?;
        let place = transfer.into.clone().unwrap_or_else(|| "stdout".into());
        Some((place, self.told.unwritable()?))
    }

    /// A transfer was stopped here.
    pub fn stopped(&self) {
        if self.told.is_moving() && self.manner.json.is_none() {
            self.say("stopped on the way", Some("the same two commands go on where it was"));
        }
    }

    /// How many files of a transfer are missing until now.
    pub fn missing_of_transfer(&self) -> u64 {
        self.told.count()
    }
}

/// Whether this thread runs futures, and must not wait.
fn runs_futures() -> bool {
    tokio::runtime::Handle::try_current().is_ok()
}

/// How wide the terminal is that stderr is.
fn columns() -> usize {
    let size = rustix::termios::tcgetwinsize(rustix::stdio::stderr());
    size.map_or(0, |size| usize::from(size.ws_col))
}

/// As much of a line as stands in one row of so many columns, so that it can be overwritten; 0: nobody knows.
fn fitting(mut line: String, columns: usize) -> String {
    let columns = if columns == 0 { 80 } else { columns };
    if line.chars().count() >= columns {
        line = line.chars().take(columns.saturating_sub(2)).chain(['…']).collect();
    }
    line
}

/// A text in one line, in which nothing acts on a terminal.
pub fn harmless(text: &str) -> String {
    let mut line = Vec::new();
    sentence::put_one_line(text, &mut line);
    String::from_utf8_lossy(&line).into_owned()
}

impl Observer for Voice {
    fn event(&self, event: Event<'_>) {
        if matches!(event, Event::Ended { .. }) {
            // A recording tells it.
            return;
        }
        if let Event::Fetching { got, whole, rate } = event {
            // A log would fill with it.
            if self.manner.terminal && self.manner.json.is_none() {
                self.desk.progress(fitting(sentence::progress(got, whole, rate), columns()));
            }
            return;
        }
        if let Event::Moving(moving) = &event
            && self.manner.terminal
            && self.manner.json.is_none()
        {
            let role = self.manner.transfer.as_ref().map(|transfer| transfer.role);
            self.desk.progress(fitting(transfer::progress(moving, role), columns()));
        }
        if let (Event::Http { conn, dir, part }, Some(show)) = (&event, self.manner.show) {
            self.show_part(&http::Place { now_ns: now_ns(), conn: *conn, dir: *dir }, *part, show);
        }
        if let Some(lines) = &self.manner.json {
            let line = json::line(&event, now_ns());
            match self.manner.transfer.is_some() && !runs_futures() {
                // Of files nothing is lost: whoever reads the lines slows the transfer.
                true => lines.tell_in_turn(&line),
                false => self.tell_event(lines, &line),
            }
        }
        if self.is_said(&event) {
            self.desk.say(|| sentence::of(&event));
        }
        self.transfer_event(&event);
        // For a phone, which has no keys to type an address with.
        if let Event::Serving { urls: [url, ..], reach: Reach::Network(_), .. } = &event
            && self.manner.terminal
            && self.manner.json.is_none()
        {
            self.desk.lines(qr::drawn(url));
        }
    }

    fn wants_exchanges(&self) -> Option<usize> {
        match (self.manner.show, self.manner.log) {
            (Some(show), _) => Some(if show.all { HTTP_BODY_PASSED } else { SHOW_BYTES }),
            (None, Some(_)) => Some(0),
            (None, None) => None,
        }
    }

    fn exchange(&self, exchange: &Exchange<'_>) {
        let mut text = Vec::new();
        if let Some(show) = self.manner.show {
            exchange::put_shown(
                exchange,
                show,
                self.manner.colour && self.manner.terminal,
                &mut text,
            );
            self.desk.lines(text);
        }
        if let Some(log) = self.manner.log {
            let mut line = Vec::with_capacity(256);
            exchange::put_log(log, exchange, &mut line);
            self.desk.log(&line);
        }
    }

    fn wants_messages(&self) -> bool {
        self.manner.show.is_some() || self.manner.json.is_some()
    }

    fn messages(&self, batch: Batch<'_>, context: &Context<'_>) {
        if self.manner.show.is_some() {
            self.desk.show(batch, context);
        }
        if let Some(lines) = &self.manner.json
            && (self.manner.json_both_ways || context.dir == Dir::Out)
        {
            let mut json = self.json.lock().unwrap_or_else(PoisonError::into_inner);
            let JsonMessages { writer, out } = &mut *json;
            out.clear();
            // A message is never longer than the ceiling, so none is refused.
            let _ = writer.encode_batch(batch, 0, context, out);
            lines.tell(out.buf());
        }
    }
}

/// A text that was received, as a line of `--json`.
pub fn text_line(text: &[u8]) -> Vec<u8> {
    json::text(text, now_ns())
}

/// The last line of `--json`: how it ended.
pub fn end_line(code: u8, sentence: Option<&str>) -> Vec<u8> {
    json::end(code, sentence, now_ns())
}

/// Nanoseconds since 1970.
fn now_ns() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_nanos()).unwrap_or(u64::MAX)
}
