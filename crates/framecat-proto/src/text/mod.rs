//! How messages look on stdin and stdout: the forms of `--in` and `--out`.
//!
//! A form is at work through the same [`Framer`] trait as a framing. The law: what one form writes,
//! the same form reads back as the same messages, for `quoted`, `hex`, `jsonl` and every framing
//! that holds them. `raw` and `line` are for byte streams and for reading, and so is what `words`
//! writes; `dump` is output only.
//!
//! Text from a peer is escaped before it reaches a terminal: [`Look`] tells the forms where they
//! write, and [`visible`] is for sentences.

use std::fmt;
use std::str::FromStr;

use crate::framing::{self, Decoder, Framer, Framing, ParseFramingError, Tail};
use crate::message::Spans;

mod dump;
mod escape;
mod hex;
pub mod http;
mod instant;
mod jsonl;
mod line;
mod quoted;
pub mod recording;
mod rows;
mod show;
pub mod transfer;
mod words;

pub use dump::put_dump;
pub use instant::put_time;
pub(crate) use instant::{Instants, put_decimal};
pub use jsonl::{put_base64 as put_json_base64, put_string as put_json_string};
pub use line::{holds_line_break, put_for_terminal};
pub use quoted::{quote, unquote};
pub use show::visible;
pub use words::{reply, seen};

/// A form of `--in` or `--out`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Form {
    /// Payloads with nothing between them.
    Raw,
    /// One message a line, as people read them.
    Line,
    /// One message a line, escaped.
    Quoted,
    /// One message a line, as hex digits.
    Hex,
    /// A hex dump of each message. Output only.
    Dump,
    /// One message a line, as JSON with all that is known of it.
    Jsonl,
    /// One RESP value a line, a command as its words. Output is for reading.
    Words,
    /// `words` where the framing is `http`: one request or the text of a reply a line. Output is for
    /// reading.
    Http(http::Typed),
    /// Any framing, with its own bytes.
    Framing(Framing),
}

/// Where a form writes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Look {
    /// It is a terminal: `raw` and `line` escape what could act on it. The other forms always do,
    /// but for [`Form::Framing`], whose bytes are not text and go out as they are.
    pub terminal: bool,
}

/// The forms by name, in the order of the reference page. A framing of the same name cannot be
/// asked for as a form, and need not be: `raw` and `line` read as those framings do.
pub const NAMES: [(&str, Form); 7] = [
    ("raw", Form::Raw),
    ("line", Form::Line),
    ("quoted", Form::Quoted),
    ("hex", Form::Hex),
    ("dump", Form::Dump),
    ("jsonl", Form::Jsonl),
    ("words", Form::Words),
];

impl Form {
    /// The form that messages of a framing have on stdin and stdout unless another is asked for:
    /// lines where they are text with an end, escapes where they may hold anything.
    pub fn default_for(framing: &Framing) -> Form {
        match framing {
            Framing::Raw => Form::Raw,
            Framing::Line(_) | Framing::Delim(_) | Framing::Native => Form::Line,
            Framing::Json | Framing::Ndjson(_) => Form::Line,
            Framing::Syslog(_) | Framing::Dot(_) => Form::Line,
            Framing::Resp => Form::Words,
            Framing::Http => Form::Http(http::Typed::default()),
            _ => Form::Quoted,
        }
    }

    /// The form at work on output. `max` is the longest payload in bytes that it accepts; a longer
    /// one is refused and nothing of it is written.
    pub fn writer(&self, max: usize, look: Look) -> Box<dyn Framer> {
        match self {
            Form::Raw => Box::new(line::Printed::raw(max, look.terminal)),
            Form::Line => Box::new(line::Printed::line(max, look.terminal)),
            Form::Quoted => Box::new(rows::Rows::new(quoted::Quoted, max)),
            Form::Hex => Box::new(rows::Rows::new(hex::Hex, max)),
            Form::Dump => Box::new(dump::Dump::new(max)),
            Form::Jsonl => Box::new(rows::Rows::new(jsonl::Jsonl::default(), max)),
            Form::Words => Box::new(rows::Rows::new(words::Words, max)),
            Form::Http(typed) => {
                Box::new(rows::Rows::new(http::Lines::new(typed.clone(), look), max))
            }
            Form::Framing(framing) => framing.framer(max),
        }
    }

    /// The form at work on input, `max` being the longest payload in bytes; `None` if it is for
    /// output only. What it writes is what [`writer`](Self::writer) writes to a file.
    pub fn reader(&self, max: usize) -> Option<Box<dyn Framer>> {
        (*self != Form::Dump).then(|| self.writer(max, Look::default()))
    }

    /// The decoder of stdin: an unterminated last message is a message like the others wherever the
    /// form lets a message end without its boundary. `None` if the form is for output only.
    pub fn decoder(&self, max: usize) -> Option<Decoder> {
        let tail = match self {
            Form::Framing(framing) => framing.tail(),
            _ => Tail::Keep,
        };
        let reader = self.reader(max)?;
        Some(Decoder::new(reader, self.to_string(), tail).last_needs_no_end())
    }

    /// Reads one message from a word of the command line, of at most `max` bytes. The word is one
    /// message already: no LF has to end it, and one inside it belongs to the message if the form
    /// is `raw`, `line` or `quoted`.
    ///
    /// # Errors
    /// A sentence that says why the word is not exactly one message of this form.
    pub fn one(&self, word: &str, max: usize) -> Result<Vec<u8>, String> {
        let said = |cause: String| {
            format!("`{}` is no {self} message: {cause}", visible(word.as_bytes(), 64))
        };
        let input = word.as_bytes();
        let mut spans = Spans::new();
        match self {
            Form::Raw | Form::Line if input.len() > max => {
                Err(said(framing::Fault::TooLong { len: None, max }.to_string()))
            }
            Form::Raw | Form::Line => Ok(input.to_vec()),
            // An empty word is an empty message, and `end` would call it a clean end.
            Form::Quoted | Form::Hex if input.is_empty() => Ok(Vec::new()),
            Form::Dump => Err(said("this form is for output only; hex reads back".into())),
            Form::Quoted | Form::Hex | Form::Jsonl | Form::Words | Form::Http(_) => {
                let mut reader = self.writer(max, Look::default());
                reader.finish(input, &mut spans).map_err(|fault| said(fault.to_string()))?;
                match spans.len() {
                    0 => Err(said("it holds no message".into())),
                    _ => Ok(spans.get(0, input).to_vec()),
                }
            }
            Form::Framing(framing) => one_framed(framing, input, max).map_err(said),
        }
    }
}

/// The only message in `input`, which are a framing's bytes.
fn one_framed(framing: &Framing, input: &[u8], max: usize) -> Result<Vec<u8>, String> {
    let mut decoder = Decoder::of(framing, max, None).last_needs_no_end();
    let mut spans = Spans::new();
    let decoded = decoder.decode(input, &mut spans);
    if let Some(error) = decoded.error {
        return Err(error.fault.to_string());
    }
    if spans.len() == 1 && decoded.consumed == input.len() {
        return Ok(spans.get(0, input).to_vec());
    }
    if !spans.is_empty() {
        return Err("it holds more than one message; give one a word".into());
    }
    let rest = &input[decoded.consumed..];
    decoder.end(rest, &mut spans).map_err(|error| error.fault.to_string())?;
    match spans.len() {
        0 => Err("it holds no message".into()),
        _ => Ok(spans.get(0, rest).to_vec()),
    }
}

impl FromStr for Form {
    type Err = ParseFramingError;

    fn from_str(word: &str) -> Result<Form, ParseFramingError> {
        if let Some((_, form)) = NAMES.iter().find(|(name, _)| *name == word) {
            return Ok(form.clone());
        }
        let name = &word[..word.find([':', ',']).unwrap_or(word.len())];
        if NAMES[2..].iter().any(|(form, _)| *form == name) {
            return Err(ParseFramingError {
                problem: format!(
                    "the form `{name}` takes nothing after its name, but `{word}` has"
                ),
                remedy: format!("write `{name}` alone"),
            });
        }
        if word == "guess" {
            return Err(ParseFramingError {
                problem: "`guess` is no form: it looks for the framing of bytes".into(),
                remedy: "framecat connect file:PATH -f guess".into(),
            });
        }
        word.parse().map(Form::Framing).map_err(|error| {
            // A framing of that name exists: what it says of its options is the better answer.
            if Framing::is_name(name) { error } else { unknown(word) }
        })
    }
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self, NAMES.iter().find(|(_, form)| form == self)) {
            (_, Some((name, _))) => f.write_str(name),
            (Form::Http(_), None) => f.write_str("words"),
            (Form::Framing(framing), None) => framing.fmt(f),
            (_, None) => unreachable!("every form but framings has a name in the table"),
        }
    }
}

fn unknown(word: &str) -> ParseFramingError {
    let forms = NAMES.iter().map(|(name, _)| *name);
    let nearest = forms.chain(framing::all_names()).min_by_key(|name| edits(name, word));
    let all = NAMES.map(|(name, _)| name).join(" ");
    let nearest = match nearest.filter(|name| edits(name, word) <= 1 + name.len() / 3) {
        Some(name) => format!("the nearest is `{name}`; "),
        None => String::new(),
    };
    ParseFramingError {
        problem: format!("`{word}` is no message form and no framing"),
        remedy: format!(
            "{nearest}the forms are {all} and every framing, see framecat help framings"
        ),
    }
}

/// How many letters to insert, remove or replace to get from one word to the other (Levenshtein).
fn edits(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().take(64).collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (i, a) in from.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, b) in to.iter().enumerate() {
            let replaced = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[to.len()]
}
