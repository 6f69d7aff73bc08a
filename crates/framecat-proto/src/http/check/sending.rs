//! From the text of a case to the bytes that are sent.
//!
//! A line end in the text is CR LF, and all else stands for itself but what is in braces:
//!
//! | in braces | is |
//! | --- | --- |
//! | `GET`, `HEAD`, any word in capitals | a request line with that method, and Host |
//! | `path` `path-pct` `path-pct-small` | the file's path; the same with a letter percent-encoded, in capital or small digits |
//! | `host` `name` `scheme` `scheme-case` | host and port; the host alone; http or https; the same in capitals and not |
//! | `unsecured` | nothing; the case is for connections without TLS |
//! | `size` `last` | of the file in bytes; one less |
//! | `etag` `strong` `opaque` `opaque-longer` `opaque-shorter` | the tag; if it is strong; without `W/`; and a letter more, or less |
//! | `modified` `modified-850` `modified-asc` `now` | Last-Modified in three formats; Date |
//! | `smuggled` `smuggled-length` `smuggled-hex` | a request for what is not there; its length |
//! | `TEXT*N` | the text N times |
//! | `fill:N` | as much as makes the line N bytes long with ` HTTP/1.1` behind it |
//! | `CR` `LF` `NUL` `TAB` `xHH` | that byte |
//! | `wait` | here an answer is waited for |
//! | `end` | here our direction ends |

use super::subject::Subject;

/// What is done, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// These bytes are sent.
    Bytes(Vec<u8>),
    /// An answer is waited for, interim or final.
    Wait,
    /// Our direction ends. Always the last.
    End,
}

/// What a case sends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sending {
    /// In order.
    pub pieces: Vec<Piece>,
}

/// What a smuggled request asks for: nothing that is there.
const SMUGGLED: &str = "/framecat-smuggled";

impl Sending {
    /// The bytes of `text` for `subject`.
    ///
    /// Errors: what the case needs to know and the server does not tell, such as `an entity tag`.
    pub(super) fn new(text: &str, subject: &Subject) -> Result<Sending, &'static str> {
        let mut sending = Sending { pieces: Vec::new() };
        let mut bytes = Vec::new();
        let mut rest = text;
        while let Some(open) = rest.find('{') {
            put(&rest[..open], &mut bytes);
            // Braces inside each other are not written.
            let close = rest[open..].find('}').map_or(rest.len(), |at| open + at);
            let word = rest.get(open + 1..close).unwrap_or_default();
            rest = rest.get(close + 1..).unwrap_or_default();
            match word {
                "wait" | "end" => {
                    sending.pieces.push(Piece::Bytes(std::mem::take(&mut bytes)));
                    let last = if word == "end" { Piece::End } else { Piece::Wait };
                    sending.pieces.push(last);
                }
                _ => known(word, subject, &mut bytes)?,
            }
        }
        put(rest, &mut bytes);
        if !bytes.is_empty() {
            sending.pieces.push(Piece::Bytes(bytes));
        }
        Ok(sending)
    }

    /// All bytes, one behind the other.
    pub fn bytes(&self) -> Vec<u8> {
        let pieces = self.pieces.iter();
        pieces.fold(Vec::new(), |mut all, piece| {
            if let Piece::Bytes(bytes) = piece {
                all.extend_from_slice(bytes);
            }
            all
        })
    }

    /// The same in two writes where it was one: all bytes before `at`, and the rest.
    pub fn cut(&self, at: usize) -> Sending {
        let mut before = 0;
        let mut pieces = Vec::with_capacity(self.pieces.len() + 1);
        for piece in &self.pieces {
            match piece {
                Piece::Bytes(bytes) if before < at && at < before + bytes.len() => {
                    let (a, b) = bytes.split_at(at - before);
                    pieces.extend([Piece::Bytes(a.to_vec()), Piece::Bytes(b.to_vec())]);
                    before += bytes.len();
                }
                Piece::Bytes(bytes) => {
                    before += bytes.len();
                    pieces.push(piece.clone());
                }
                Piece::Wait | Piece::End => pieces.push(piece.clone()),
            }
        }
        Sending { pieces }
    }
}

/// Text as it stands; its line ends are CR LF.
fn put(text: &str, out: &mut Vec<u8>) {
    for byte in text.bytes() {
        if byte == b'\n' {
            out.push(b'\r');
        }
        out.push(byte);
    }
}

/// What cases about dates need.
pub(super) const NO_DATE: &str = "a Last-Modified date";

/// What a word in braces stands for.
fn known(word: &str, subject: &Subject, out: &mut Vec<u8>) -> Result<(), &'static str> {
    const NO_TAG: &str = "an entity tag";
    const NO_LETTER: &str = "a path with a letter in it";
    let Subject { authority, path, .. } = subject;
    let smuggled = || format!("GET {SMUGGLED} HTTP/1.1\r\nHost: {authority}\r\n\r\n");
    let opaque = || subject.field("etag").map(|tag| tag.trim_start_matches("W/")).ok_or(NO_TAG);
    let modified = || subject.field("last-modified").and_then(Moment::read).ok_or(NO_DATE);
    let text = match word {
        "path" => path.clone(),
        "path-pct" => escaped(path, false).ok_or(NO_LETTER)?,
        "path-pct-small" => escaped(path, true).ok_or(NO_LETTER)?,
        "host" => authority.clone(),
        "name" => host_of(authority).to_string(),
        "scheme" => if subject.secured { "https" } else { "http" }.into(),
        "scheme-case" => if subject.secured { "hTTpS" } else { "hTTp" }.into(),
        "unsecured" if subject.secured => return Err("a connection without TLS"),
        "unsecured" => String::new(),
        "size" => subject.content.len().to_string(),
        "etag" => subject.field("etag").ok_or(NO_TAG)?.into(),
        "strong" => subject.strong().ok_or("a strong entity tag")?.into(),
        "last" => (subject.content.len() - 1).to_string(),
        "opaque" => opaque()?.into(),
        "opaque-longer" => opaque()?.replacen('"', "\"a", 1),
        "opaque-shorter" => shorter(opaque()?).ok_or("an entity tag of two letters and more")?,
        "modified" => modified()?.imf(),
        "modified-850" => modified()?.rfc850(),
        "modified-asc" => modified()?.asctime(),
        "now" => subject.field("date").ok_or("a Date")?.into(),
        "smuggled" => smuggled(),
        "smuggled-length" => smuggled().len().to_string(),
        "smuggled-hex" => format!("{:x}", smuggled().len()),
        "CR" => "\r".into(),
        "LF" => "\n".into(),
        "NUL" => "\0".into(),
        "TAB" => "\t".into(),
        _ => {
            repeated(word, authority, path, out);
            return Ok(());
        }
    };
    out.extend_from_slice(text.as_bytes());
    Ok(())
}

/// The words that hold a number or a method.
fn repeated(word: &str, authority: &str, path: &str, out: &mut Vec<u8>) {
    if let Some(length) = word.strip_prefix("fill:").and_then(|n| n.parse::<usize>().ok()) {
        let line = out.iter().rev().take_while(|byte| **byte != b'\n').count();
        let missing = length.saturating_sub(line + " HTTP/1.1".len());
        out.extend(std::iter::repeat_n(b'a', missing));
    } else if let Some((text, times)) = word.rsplit_once('*') {
        for _ in 0..times.parse().unwrap_or(0) {
            put(text, out);
        }
    } else if let Some(byte) =
        word.strip_prefix('x').and_then(|hex| u8::from_str_radix(hex, 16).ok())
    {
        out.push(byte);
    } else {
        debug_assert!(word.bytes().all(|byte| byte.is_ascii_uppercase()), "{{{word}}}");
        let head = format!("{word} {path} HTTP/1.1\r\nHost: {authority}\r\n");
        out.extend_from_slice(head.as_bytes());
    }
}

/// The host of an authority, without the port.
fn host_of(authority: &str) -> &str {
    match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => authority,
    }
}

/// A tag without its first letter.
fn shorter(opaque: &str) -> Option<String> {
    let mut letters = opaque.strip_prefix('"')?.chars();
    letters.next().filter(|first| *first != '"')?;
    Some(format!("\"{}", letters.as_str())).filter(|tag| tag.len() > 2)
}

/// The path with its last letter percent-encoded, in small digits or capital ones.
fn escaped(path: &str, small: bool) -> Option<String> {
    let end = path.find('?').unwrap_or(path.len());
    let bytes = path.as_bytes();
    let letter = |at: usize| {
        // A letter of an escape is none.
        let inside = |back: usize| at.checked_sub(back).is_some_and(|at| bytes[at] == b'%');
        bytes[at].is_ascii_alphabetic() && !inside(1) && !inside(2)
    };
    let at = (0..end).rev().find(|at| letter(*at))?;
    let escape = format!("%{:02X}", bytes[at]);
    let escape = if small { escape.to_ascii_lowercase() } else { escape };
    Some(format!("{}{escape}{}", &path[..at], &path[at + 1..]))
}

/// A moment, as the fields of a date.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Moment<'a> {
    year: u16,
    month: usize,
    day: u8,
    time: &'a str,
    weekday: usize,
}

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const DAYS: [&str; 7] =
    ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

impl<'a> Moment<'a> {
    /// Reads an IMF-fixdate (RFC 9110 section 5.6.7), letter for letter.
    pub fn read(text: &'a str) -> Option<Moment<'a>> {
        let (weekday, rest) = text.split_once(", ")?;
        let weekday = DAYS.iter().position(|day| day[..3] == *weekday)?;
        if rest.len() != "06 Nov 1994 08:49:37 GMT".len() || !rest.is_ascii() {
            return None;
        }
        let separators = [(2, " "), (6, " "), (11, " "), (14, ":"), (17, ":"), (20, " GMT")];
        let right = separators.iter().all(|(at, text)| rest[*at..].starts_with(text));
        let digits = |from: usize, to: usize| {
            let digits = &rest[from..to];
            digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse::<u16>().ok())?
        };
        let (hour, minute, second) = (digits(12, 14)?, digits(15, 17)?, digits(18, 20)?);
        let moment = Moment {
            year: digits(7, 11)?,
            month: MONTHS.iter().position(|month| *month == &rest[3..6])?,
            day: u8::try_from(digits(0, 2)?).ok()?,
            time: &rest[12..20],
            weekday,
        };
        let valid = hour < 24 && minute < 60 && second <= 60 && (1..=31).contains(&moment.day);
        (right && valid).then_some(moment)
    }

    fn imf(&self) -> String {
        let Moment { year, month, day, time, weekday } = self;
        format!("{}, {day:02} {} {year:04} {time} GMT", &DAYS[*weekday][..3], MONTHS[*month])
    }

    fn rfc850(&self) -> String {
        let Moment { year, month, day, time, weekday } = self;
        format!("{}, {day:02}-{}-{:02} {time} GMT", DAYS[*weekday], MONTHS[*month], year % 100)
    }

    fn asctime(&self) -> String {
        let Moment { year, month, day, time, weekday } = self;
        format!("{} {} {day:2} {time} {year:04}", &DAYS[*weekday][..3], MONTHS[*month])
    }
}
