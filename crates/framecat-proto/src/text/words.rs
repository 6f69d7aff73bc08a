//! `words`: RESP values as people type and read them, one a line.
//!
//! Read, a line is a command: its words, split as [`words`] says, become an array of strings. A line
//! that begins with `+ - : _ # ,` or `(`, which no command does, is a value of one line itself.
//!
//! ```text
//!  LINE                 VALUE
//!  SET k "a b"      →   *3␍␊$3␍␊SET␍␊$1␍␊k␍␊$3␍␊a b␍␊
//!  +OK              →   +OK␍␊
//! ```
//!
//! Written, a value is for reading: a command as its words, everything else much as redis-cli shows
//! it, on one line. What could act on a terminal is escaped as in `quoted`.
//!
//! ```text
//!  VALUE                            LINE
//!  $11 hello world                  "hello world"
//!  :1 · $-1 · #t · -ERR no          (integer) 1 · (nil) · (true) · (error) ERR no
//!  *3 $1 a $3 b c *1 :2             a "b c" [(integer) 2]
//!  %1 $1 k ~1 $1 v                  {k => ~[v]}
//! ```

use std::borrow::Cow;
use std::ops::Range;

use super::quoted::quote;
use super::rows::Row;
use crate::framing::resp::{self, Part};
use crate::framing::{Fault, Framing};
use crate::message::{Context, Outbound, Spans};
use crate::words;

pub(super) struct Words;

impl Row for Words {
    fn line_max(&self, max: usize) -> usize {
        max
    }

    fn read(&self, input: &[u8], line: Range<usize>, out: &mut Spans) -> Result<(), Fault> {
        let text = &input[line];
        let text = text.strip_suffix(b"\r").unwrap_or(text).trim_ascii_start();
        if text.is_empty() {
            return Ok(());
        }
        out.push_built(|payload| put_typed(text, payload)).map_err(Fault::Broken)
    }

    fn write(&mut self, message: Outbound<'_>, _: &Context<'_>, out: &mut Vec<u8>) {
        let start = out.len();
        let mut print = Print::new(out, true);
        if resp::parts(message.payload, |part| print.part(part)).is_err() {
            // Only what the end of the stream cut, or what comes from another framing.
            out.truncate(start);
            quote(message.payload, out);
        }
    }
}

/// Appends the value that a line stands for.
fn put_typed(text: &[u8], out: &mut Vec<u8>) -> Result<(), String> {
    if text.first().is_some_and(|first| is_simple(*first)) {
        return put_simple(text, out);
    }
    let words: Result<Vec<_>, _> = words::split(text).collect();
    let words = words.map_err(|error| error.to_string())?;
    put_count(b'*', words.len(), out);
    for word in &words {
        put_bulk(word, out);
    }
    Ok(())
}

/// Whether a text that begins so is a value of one line.
fn is_simple(first: u8) -> bool {
    b"+-:_#,(".contains(&first)
}

fn put_simple(text: &[u8], out: &mut Vec<u8>) -> Result<(), String> {
    let start = out.len();
    out.extend_from_slice(text);
    out.extend_from_slice(b"\r\n");
    resp::parts(&out[start..], |_| {})
}

fn put_count(kind: u8, n: usize, out: &mut Vec<u8>) {
    out.push(kind);
    super::put_decimal(n as u64, out);
    out.extend_from_slice(b"\r\n");
}

fn put_bulk(text: &[u8], out: &mut Vec<u8>) {
    put_count(b'$', text.len(), out);
    out.extend_from_slice(text);
    out.extend_from_slice(b"\r\n");
}

/// A payload as templates see it. Of a RESP value: the text of a string, an error or a number; of
/// what holds others, the words. Of any other framing: the payload as it is.
pub fn seen<'a>(framing: &Framing, payload: &'a [u8]) -> Cow<'a, [u8]> {
    if *framing != Framing::Resp {
        return Cow::Borrowed(payload);
    }
    let mut out = Vec::new();
    let mut print = Print::new(&mut out, false);
    match resp::parts(payload, |part| print.part(part)) {
        Ok(()) => Cow::Owned(out),
        Err(_) => Cow::Borrowed(payload),
    }
}

/// Makes a payload of the framing out of `out[from..]`, what a template made. RESP: a template whose
/// own text, of which `first` is the first byte, begins with `+ - : _ # ,` or `(` makes a value of one
/// line; any other makes a string. Other framings take the text as it is.
pub fn reply(framing: &Framing, first: Option<u8>, from: usize, out: &mut Vec<u8>) {
    if *framing != Framing::Resp {
        return;
    }
    let text = out.split_off(from);
    match first {
        Some(first) if is_simple(first) => {
            out.extend_from_slice(&text);
            out.extend_from_slice(b"\r\n");
        }
        _ => put_bulk(&text, out),
    }
}

/// A value on its way to a line.
struct Print<'a> {
    out: &'a mut Vec<u8>,
    /// What is open: its type, and how many values it has so far.
    levels: Vec<(u8, usize)>,
    /// For a person: types are named, and what could act on a terminal is escaped.
    shown: bool,
    /// An attribute has just ended.
    attributed: bool,
}

impl<'a> Print<'a> {
    fn new(out: &'a mut Vec<u8>, shown: bool) -> Print<'a> {
        Print { out, levels: Vec::new(), shown, attributed: false }
    }

    fn part(&mut self, part: Part<'_>) {
        match part {
            Part::Close(kind) => self.close(kind),
            // The pieces of a streamed string are one text.
            Part::Bulk(b';', text) => self.text(text),
            part => {
                self.separate();
                match part {
                    Part::Open(kind) => self.open(kind),
                    Part::Bulk(b'!', text) => self.named("(error) ", text),
                    // Behind the three letters of the format and a colon.
                    Part::Bulk(b'=', text) => self.word(&text[4..]),
                    Part::Bulk(_, text) => self.word(text),
                    Part::Null | Part::Line(b'_', _) => self.named("(nil)", b""),
                    Part::Line(b'-', text) => self.named("(error) ", text),
                    Part::Line(b':', text) => self.named("(integer) ", text),
                    Part::Line(b',', text) => self.named("(double) ", text),
                    Part::Line(b'(', text) => self.named("(big number) ", text),
                    Part::Line(b'#', b"t") => self.named("(true)", b""),
                    Part::Line(b'#', _) => self.named("(false)", b""),
                    Part::Line(_, text) if self.levels.is_empty() => self.text(text),
                    Part::Line(_, text) => self.word(text),
                    Part::Inline(text) => self.text(text),
                    Part::Close(_) => {}
                }
            }
        }
    }

    fn separate(&mut self) {
        // What an attribute speaks of is one value with it.
        if std::mem::take(&mut self.attributed) {
            return;
        }
        let Some((kind, count)) = self.levels.last_mut() else { return };
        let between: &[u8] = match (&kind, *count) {
            (_, 0) => b"",
            (b'%' | b'|', odd) if odd % 2 == 1 => b" => ",
            (b'%' | b'|', _) => b", ",
            _ => b" ",
        };
        *count += 1;
        self.out.extend_from_slice(between);
    }

    fn open(&mut self, kind: u8) {
        // An array that stands alone is a command, or as good as one.
        let bare = self.levels.is_empty();
        let before: &[u8] = match kind {
            b'*' | b'$' if bare => b"",
            b'>' if self.shown => b"(push) ",
            b'>' => b"",
            b'%' => b"{",
            b'|' => b"(attribute) {",
            b'~' => b"~[",
            b'$' => b"",
            _ => b"[",
        };
        self.out.extend_from_slice(before);
        self.levels.push((kind, 0));
    }

    fn close(&mut self, kind: u8) {
        let count = self.levels.pop().map_or(0, |(_, count)| count);
        let bare = self.levels.is_empty();
        let behind: &[u8] = match kind {
            b'*' | b'>' if bare && count == 0 && self.shown => b"(empty)",
            b'*' if bare => b"",
            b'>' | b'$' => b"",
            b'%' => b"}",
            b'|' => b"} ",
            _ => b"]",
        };
        self.out.extend_from_slice(behind);
        self.attributed = kind == b'|';
    }

    fn named(&mut self, name: &str, text: &[u8]) {
        if self.shown || text.is_empty() {
            self.out.extend_from_slice(name.as_bytes());
        }
        self.text(text);
    }

    /// A string. Quotes keep it apart from its neighbours, and from what is no string.
    fn word(&mut self, text: &[u8]) {
        let special = |byte: &u8| byte.is_ascii_whitespace() || b"'\"()[]{}".contains(byte);
        let plain = !text.is_empty() && !text.iter().any(special);
        if plain || (self.levels.is_empty() && !self.shown) {
            return self.text(text);
        }
        // One kind of quote goes inside the other; both kinds make two quoted pieces of one word.
        let mut rest = text;
        loop {
            let mark =
                if rest.contains(&b'"') && rest.first() != Some(&b'\'') { b'\'' } else { b'"' };
            let len = rest.iter().position(|byte| *byte == mark).unwrap_or(rest.len());
            self.out.push(mark);
            self.text(&rest[..len]);
            self.out.push(mark);
            rest = &rest[len..];
            if rest.is_empty() {
                return;
            }
        }
    }

    fn text(&mut self, text: &[u8]) {
        match self.shown {
            true => quote(text, self.out),
            false => self.out.extend_from_slice(text),
        }
    }
}
