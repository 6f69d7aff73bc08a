//! Which characters are escaped, and the scan that finds them. The forms `quoted` and `jsonl`, and
//! every text on its way to a terminal, differ only in the few bytes that they add to or take from
//! the same set: controls (C0, DEL, C1) and the overrides of text direction, with which a peer could
//! move the cursor, retitle the window or make a line read backwards.
//!
//! Text is checked by `std::str::from_utf8` and then copied in runs between the bytes that a table
//! marks, so ordinary text costs a look-up and a copy per byte.

/// For each byte: whether a character that begins with it may have to be escaped.
pub(super) type Marked = [bool; 256];

/// The set every form starts from, with `more` bytes marked and `fewer` unmarked.
pub(super) const fn marked(more: &[u8], fewer: &[u8]) -> Marked {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 0x20 {
        table[byte] = true;
        byte += 1;
    }
    table[0x7f] = true;
    // The first bytes of U+0080 to U+00BF and of U+2000 to U+2FFF: `escaped_len` looks closer.
    table[0xc2] = true;
    table[0xe2] = true;
    let mut i = 0;
    while i < more.len() {
        table[more[i] as usize] = true;
        i += 1;
    }
    let mut i = 0;
    while i < fewer.len() {
        table[fewer[i] as usize] = false;
        i += 1;
    }
    table
}

/// The length of the character at the start of `text` if it is to be escaped, else 0. Its first byte
/// is a marked one.
#[inline]
fn escaped_len(text: &[u8]) -> usize {
    match *text {
        [0xc2, 0x80..=0x9f, ..] => 2,
        // U+202A to U+202E, U+2066 to U+2069.
        [0xe2, 0x80, 0xaa..=0xae, ..] | [0xe2, 0x81, 0xa6..=0xa9, ..] => 3,
        [0x00..=0x7f, ..] => 1,
        _ => 0,
    }
}

/// Appends `text`, which is valid UTF-8, and calls `escape` with the rest of the text and the length
/// of the character at its start for each character to be escaped.
#[inline]
pub(super) fn put_text(
    text: &[u8],
    marked: &Marked,
    out: &mut Vec<u8>,
    escape: impl Fn(&[u8], usize, &mut Vec<u8>),
) {
    let (mut copied, mut at) = (0, 0);
    while let Some(step) = text[at..].iter().position(|byte| marked[*byte as usize]) {
        at += step;
        let len = escaped_len(&text[at..]);
        if len == 0 {
            at += 1;
            continue;
        }
        out.extend_from_slice(&text[copied..at]);
        escape(&text[at..], len, out);
        at += len;
        copied = at;
    }
    out.extend_from_slice(&text[copied..]);
}

/// As [`put_text`] for any bytes: those that are no UTF-8 are written as `\xHH`.
#[inline]
pub(super) fn put_bytes(
    mut bytes: &[u8],
    marked: &Marked,
    out: &mut Vec<u8>,
    escape: impl Fn(&[u8], usize, &mut Vec<u8>),
) {
    loop {
        let error = match std::str::from_utf8(bytes) {
            Ok(_) => return put_text(bytes, marked, out, &escape),
            Err(error) => error,
        };
        let (text, rest) = bytes.split_at(error.valid_up_to());
        put_text(text, marked, out, &escape);
        let (invalid, rest) = rest.split_at(error.error_len().unwrap_or(rest.len()));
        put_hex_escapes(invalid, out);
        bytes = rest;
    }
}

/// Appends the quoted escape of one character: `\\ \n \r \t \0`, else `\xHH` for each byte.
pub(super) fn put_escape(character: &[u8], out: &mut Vec<u8>) {
    match character {
        b"\\" => out.extend_from_slice(br"\\"),
        b"\n" => out.extend_from_slice(br"\n"),
        b"\r" => out.extend_from_slice(br"\r"),
        b"\t" => out.extend_from_slice(br"\t"),
        b"\0" => out.extend_from_slice(br"\0"),
        _ => put_hex_escapes(character, out),
    }
}

fn put_hex_escapes(bytes: &[u8], out: &mut Vec<u8>) {
    for &byte in bytes {
        let [high, low] = hex_digits(byte);
        out.extend_from_slice(&[b'\\', b'x', high, low]);
    }
}

/// The two lower-case hex digits of a byte.
#[inline]
pub(super) fn hex_digits(byte: u8) -> [u8; 2] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    [DIGITS[(byte >> 4) as usize], DIGITS[(byte & 15) as usize]]
}

/// The value of a hex digit of either case.
#[inline]
pub(super) fn hex_value(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}
