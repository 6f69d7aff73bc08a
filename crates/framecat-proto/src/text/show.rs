//! Bytes from a peer inside a sentence: in an error, in `--show`, in a title.

use super::quoted::quote;

/// At most the first `max_bytes` of `bytes` in the form `quoted`, then `… n more bytes`. Nothing in
/// it can act on a terminal, and it is one line.
pub fn visible(bytes: &[u8], max_bytes: usize) -> String {
    let head = &bytes[..shown_len(bytes, max_bytes)];
    let mut text = Vec::with_capacity(head.len() + 24);
    quote(head, &mut text);
    // Quoting leaves valid UTF-8 and ASCII escapes only.
    let mut text = String::from_utf8(text).unwrap_or_default();
    match bytes.len() - head.len() {
        0 => {}
        1 => text.push_str("… 1 more byte"),
        more => text.push_str(&format!("… {more} more bytes")),
    }
    text
}

/// How many bytes to show: `max_bytes`, or up to three fewer so that no character is split.
fn shown_len(bytes: &[u8], max_bytes: usize) -> usize {
    if bytes.len() <= max_bytes {
        return bytes.len();
    }
    let from = max_bytes.saturating_sub(3);
    let lead = (from..max_bytes).rev().find(|&at| bytes[at] & 0xc0 != 0x80);
    match lead {
        // A character that goes on beyond the limit, and is one.
        Some(at) if width(bytes[at]) > max_bytes - at => {
            let whole = bytes.get(at..at + width(bytes[at]));
            let is_text = whole.is_some_and(|whole| std::str::from_utf8(whole).is_ok());
            if is_text { at } else { max_bytes }
        }
        _ => max_bytes,
    }
}

/// The bytes of a character that begins with `lead`.
fn width(lead: u8) -> usize {
    match lead {
        0xc2..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf4 => 4,
        _ => 1,
    }
}
