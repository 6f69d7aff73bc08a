//! A name in text and in JSON; a size; a time.

use std::fmt::Write as _;

use crate::http::{Seconds, date};

/// The furthest moment that a browser knows: 100,000,000 days from 1970.
const FURTHEST: Seconds = 8_640_000_000_000;

/// Appends a name as text of the page. What a reader could not see, or could be led astray by, is written
/// out as a mark of its own: a control, an override of text direction, a byte that is no UTF-8.
pub(super) fn put_html(name: &[u8], out: &mut Vec<u8>) {
    pieces(name, |piece| match piece {
        Piece::Char('&') => out.extend_from_slice(b"&amp;"),
        Piece::Char('<') => out.extend_from_slice(b"&lt;"),
        Piece::Char('>') => out.extend_from_slice(b"&gt;"),
        Piece::Char('"') => out.extend_from_slice(b"&#34;"),
        Piece::Char('\'') => out.extend_from_slice(b"&#39;"),
        Piece::Char(c) => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        Piece::Mark(mark) => {
            out.extend_from_slice(b"<i>");
            out.extend_from_slice(mark.as_bytes());
            out.extend_from_slice(b"</i>");
        }
    });
}

/// The same where no element may stand: in a title.
pub(super) fn put_title(name: &[u8], out: &mut Vec<u8>) {
    let mut plain = String::new();
    put_plain(name, &mut plain);
    put_html(plain.as_bytes(), out);
}

/// Appends what a reader sees of a name.
pub(super) fn put_plain(name: &[u8], out: &mut String) {
    pieces(name, |piece| match piece {
        Piece::Char(c) => out.push(c),
        Piece::Mark(mark) => out.push_str(mark),
    });
}

enum Piece<'m> {
    Char(char),
    Mark(&'m str),
}

fn pieces(name: &[u8], mut each: impl FnMut(Piece<'_>)) {
    let mut mark = String::new();
    for chunk in name.utf8_chunks() {
        for c in chunk.valid().chars() {
            mark.clear();
            match c {
                '\n' => mark.push_str("\\n"),
                '\r' => mark.push_str("\\r"),
                '\t' => mark.push_str("\\t"),
                '\0'..='\x1f' | '\x7f' => {
                    let _ = write!(mark, "\\x{:02X}", c as u32);
                }
                // C1, soft hyphen, zero-width space and joins of words, marks and overrides of direction,
                // line and paragraph separators.
                '\u{80}'..='\u{9f}'
                | '\u{ad}'
                | '\u{61c}'
                | '\u{200b}'
                | '\u{200e}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}' => {
                    let _ = write!(mark, "U+{:04X}", c as u32);
                }
                _ => {
                    each(Piece::Char(c));
                    continue;
                }
            }
            each(Piece::Mark(&mark));
        }
        for byte in chunk.invalid() {
            mark.clear();
            let _ = write!(mark, "\\x{byte:02X}");
            each(Piece::Mark(&mark));
        }
    }
}

/// Appends a string of JSON (RFC 8259 section 7); what a terminal could take for a command or be led
/// astray by is escaped too.
pub(super) fn put_json(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend_from_slice(&[b'\\', c as u8]),
            '\0'..='\x1f'
            | '\x7f'..='\u{9f}'
            | '\u{61c}'
            | '\u{200e}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}' => {
                out.extend_from_slice(format!("\\u{:04x}", c as u32).as_bytes());
            }
            _ => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    out.push(b'"');
}

/// Appends a size as people say it: `999 B`, `1.2 kB`, `12 MB`. Units are powers of 1,000.
pub(super) fn put_size(bytes: u64, out: &mut Vec<u8>) {
    const UNITS: [&str; 7] = ["B", "kB", "MB", "GB", "TB", "PB", "EB"];
    let (mut unit, mut whole) = (0, 1_u64);
    // 999,500 is 1.0 MB and not 1,000 kB.
    while unit + 1 < UNITS.len() && bytes / whole >= 1_000
        || unit > 0 && unit + 1 < UNITS.len() && (bytes + whole / 2) / whole >= 1_000
    {
        unit += 1;
        whole *= 1_000;
    }
    let tenths = (u128::from(bytes) * 10 + u128::from(whole / 2)) / u128::from(whole);
    let text = if unit > 0 && tenths < 100 {
        format!("{}.{} {}", tenths / 10, tenths % 10, UNITS[unit])
    } else {
        let rounded = (u128::from(bytes) + u128::from(whole / 2)) / u128::from(whole);
        format!("{rounded} {}", UNITS[unit])
    };
    out.extend_from_slice(text.as_bytes());
}

/// Appends a number with its thousands set apart: `1,234,567`.
pub(super) fn put_grouped(number: u64, out: &mut Vec<u8>) {
    let digits = number.to_string();
    for (n, digit) in digits.bytes().enumerate() {
        if n > 0 && (digits.len() - n).is_multiple_of(3) {
            out.push(b',');
        }
        out.push(digit);
    }
}

/// Appends a moment for programs and one for people, both in UTC: `<time datetime=…>2026-11-25 16:18</time>`.
pub(super) fn put_time(at: Seconds, out: &mut Vec<u8>) {
    let at = at.clamp(-FURTHEST, FURTHEST);
    let (year, month, day) = date::civil(at.div_euclid(86_400));
    let second = at.rem_euclid(86_400);
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    // As JavaScript reads it (ECMA-262, Date Time String Format): six digits where four are too few.
    let year =
        if (0..=9_999).contains(&year) { format!("{year:04}") } else { format!("{year:+07}") };
    let text = format!(
        "<time datetime={year}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z>\
         {year}-{month:02}-{day:02} {hour:02}:{minute:02}</time>"
    );
    out.extend_from_slice(text.as_bytes());
}
