//! `--show`: each message as a line of fields.
//!
//! ```text
//! 12:03:04.123Z #1 < 127.0.0.1:50112 n=3 11B hello world
//! ```
//! The time of day in UTC, the connection, the direction (`>` to the peer, `<` from it), the peer, the
//! message's number, its length (`,cut` where the end of the stream closed it) and its payload. Records of a
//! transfer (`-f transfer`) are told in words, where no other form is asked for:
//! ```text
//! 12:03:04.123Z #1 < 127.0.0.1:50112 n=4 15B NEED 1, 2[1..2]
//! ```

use std::str::FromStr;

use framecat_proto::Framing;
use framecat_proto::limits::SHOW_BYTES;
use framecat_proto::message::{Batch, Context, Dir};
use framecat_proto::text::transfer::seen;
use framecat_proto::text::{put_dump, quote};

/// How a shown payload looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ShowForm {
    /// Escaped text.
    #[default]
    Quoted,
    /// Hex digits.
    Hex,
    /// A hex dump on the lines below.
    Dump,
}

/// What `--show` asks for. As a word: `quoted`, `hex`, `dump`, `all`, or a form and `all` with a comma
/// between.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Show {
    /// The payload's form.
    pub form: ShowForm,
    /// The whole payload, however long; else its first 256 bytes.
    pub all: bool,
    /// The messages are records of a transfer.
    pub records: bool,
}

impl Show {
    /// The same, of messages that `rules` find.
    pub fn of(self, rules: &[&Framing]) -> Show {
        let transfer =
            |rule: &&Framing| matches!(rule, Framing::Preset(it) if it.about().name == "transfer");
        Show { records: rules.iter().any(transfer), ..self }
    }
}

impl FromStr for Show {
    type Err = String;

    fn from_str(words: &str) -> Result<Show, String> {
        let (mut form, mut all) = (None, false);
        for word in words.split(',') {
            let asked = match word {
                "quoted" => ShowForm::Quoted,
                "hex" => ShowForm::Hex,
                "dump" => ShowForm::Dump,
                "all" => {
                    all = true;
                    continue;
                }
                _ => {
                    return Err(format!(
                        "`{word}` is no way to show messages: quoted, hex, dump or all"
                    ));
                }
            };
            if form.replace(asked).is_some_and(|before| before != asked) {
                return Err(format!("`{words}` names two forms; give one, and all if you like"));
            }
        }
        Ok(Show { form: form.unwrap_or_default(), all, records: false })
    }
}

/// The messages of a batch, copied as far as they are shown.
pub(super) struct Copied {
    now_ns: u64,
    conn: u64,
    dir: Dir,
    first: u64,
    peer: String,
    bytes: Vec<u8>,
    messages: Vec<Message>,
}

struct Message {
    len: usize,
    /// Where its bytes end in `bytes`.
    end: usize,
    cut: bool,
    /// What is copied is a record in words: all of them, or so many characters.
    words: Option<bool>,
}

impl Copied {
    /// At most the first `room` messages, and no more once `bytes_max` bytes are copied.
    pub(super) fn of(
        batch: Batch<'_>,
        room: usize,
        bytes_max: usize,
        context: &Context<'_>,
        show: Show,
    ) -> Copied {
        let Context { now_ns, conn, dir, first, peer, .. } = *context;
        let most = if show.all { usize::MAX } else { SHOW_BYTES };
        let (mut bytes, mut messages) = (Vec::new(), Vec::with_capacity(room.min(batch.len())));
        for (i, payload) in batch.iter().enumerate().take(room) {
            if bytes.len() >= bytes_max {
                break;
            }
            // Whole records are read here, so that no more than the words waits.
            let words = (show.records && show.form == ShowForm::Quoted).then(|| seen(payload));
            let words = words.flatten();
            let shown = words.as_ref().map_or(payload, |words| words.as_bytes());
            bytes.extend_from_slice(&shown[..shown.len().min(most)]);
            let words = words.map(|words| words.len() <= most);
            let (len, end, cut) = (payload.len(), bytes.len(), batch.spans.is_cut(i));
            messages.push(Message { len, end, cut, words });
        }
        Copied { now_ns, conn, dir, first, peer: peer.into(), bytes, messages }
    }

    pub(super) fn len(&self) -> usize {
        self.messages.len()
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Appends message `i` as it is shown, line ending included.
    pub(super) fn put(&self, i: usize, form: ShowForm, colour: bool, out: &mut Vec<u8>) {
        let message = &self.messages[i];
        let start = i.checked_sub(1).map_or(0, |before| self.messages[before].end);
        let head = &self.bytes[start..message.end];
        let arrow = match self.dir {
            Dir::In => "<",
            Dir::Out => ">",
        };
        let paint = |code, text: &str| match colour {
            true => format!("\x1b[{code}m{text}\x1b[0m"),
            false => text.to_string(),
        };
        let arrow = paint(if self.dir == Dir::In { "36" } else { "32" }, arrow);
        let time = paint("2", &time_of_day(self.now_ns));
        out.extend_from_slice(format!("{time} #{} {arrow} ", self.conn).as_bytes());
        // The name of an abstract Unix socket may hold any byte.
        quote(self.peer.as_bytes(), out);
        let n = self.first + i as u64;
        let cut = if message.cut { ",cut" } else { "" };
        out.extend_from_slice(format!(" n={n} {}B{cut}", message.len).as_bytes());
        match message.words {
            Some(all) => {
                out.push(b' ');
                out.extend_from_slice(whole_characters(head));
                out.extend_from_slice(if all { b"\n" } else { "…\n".as_bytes() });
            }
            None => put_payload(head, message.len, form, out),
        }
    }
}

/// Appends all of `bytes`, line ending included.
pub(super) fn put_content(bytes: &[u8], form: ShowForm, out: &mut Vec<u8>) {
    // What stands before it has a space at its end already.
    if form != ShowForm::Dump && !bytes.is_empty() && out.last() == Some(&b' ') {
        out.pop();
    }
    put_payload(bytes, bytes.len(), form, out);
}

pub(super) fn put_payload(head: &[u8], len: usize, form: ShowForm, out: &mut Vec<u8>) {
    let mut shown = head;
    if form != ShowForm::Dump && !head.is_empty() {
        out.push(b' ');
    }
    match form {
        ShowForm::Quoted => {
            if head.len() < len {
                shown = whole_characters(head);
            }
            quote(shown, out);
        }
        ShowForm::Hex => {
            let digit = |nibble: u8| b"0123456789abcdef"[usize::from(nibble)];
            shown.iter().for_each(|byte| out.extend([digit(byte >> 4), digit(byte & 15)]));
        }
        ShowForm::Dump => {
            out.push(b'\n');
            put_dump(shown, out);
        }
    }
    match (len - shown.len(), form) {
        (0, ShowForm::Dump) => {}
        (0, _) => out.push(b'\n'),
        (1, _) => out.extend_from_slice("… 1 more byte\n".as_bytes()),
        (more, _) => out.extend_from_slice(format!("… {more} more bytes\n").as_bytes()),
    }
}

/// `head` without the part of a character that it may end with.
fn whole_characters(head: &[u8]) -> &[u8] {
    let from = head.len().saturating_sub(4);
    let begins = |&at: &usize| head[at] & 0xc0 != 0x80;
    let Some(last) = (from..head.len()).rev().find(begins) else { return head };
    match std::str::from_utf8(&head[last..]) {
        Err(error) if error.error_len().is_none() => &head[..last],
        _ => head,
    }
}

/// `12:03:04.123Z`.
pub(super) fn time_of_day(ns: u64) -> String {
    let ms = ns / 1_000_000 % 86_400_000;
    let (seconds, ms) = (ms / 1000, ms % 1000);
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    format!("{hours:02}:{minutes:02}:{seconds:02}.{ms:03}Z")
}
