//! The values of a JSON object as they stand in the message: numbers keep all their digits.
//!
//! `serde_json` says whether the message is an object at all, and bounds its nesting; what is left
//! here is to find where the members of a valid object begin and end.

use std::borrow::Cow;

use memchr::memchr2;
use serde_json::Value;

/// Fills in the values of those `keys` that the object has, the last one where a key comes twice.
/// False if `text` is no JSON object; nothing is filled in then.
pub(super) fn values<'a>(
    text: &'a [u8],
    keys: &[String],
    found: &mut [Option<Cow<'a, [u8]>>],
) -> bool {
    let text = text.trim_ascii();
    if text.first() != Some(&b'{') || !matches!(serde_json::from_slice(text), Ok(Value::Object(_)))
    {
        return false;
    }
    for (name, value) in (Members { text, at: 1 }) {
        let name = unstring(name);
        if let Some(i) = keys.iter().position(|key| key.as_bytes() == name.as_ref()) {
            found[i] = Some(if value.starts_with(b"\"") { unstring(value) } else { value.into() });
        }
    }
    true
}

/// The text of a JSON string, quotes included.
fn unstring(string: &[u8]) -> Cow<'_, [u8]> {
    let inside = &string[1..string.len() - 1];
    if !inside.contains(&b'\\') {
        return Cow::Borrowed(inside);
    }
    serde_json::from_slice::<String>(string)
        .map_or(Cow::Borrowed(inside), |s| s.into_bytes().into())
}

/// The names and values of a valid object, as they are written. `at` is after its `{`.
struct Members<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Iterator for Members<'a> {
    type Item = (&'a [u8], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        self.skip(b" \t\r\n,");
        if self.text.get(self.at) != Some(&b'"') {
            return None;
        }
        let name = self.value();
        self.skip(b" \t\r\n:");
        Some((name, self.value()))
    }
}

impl<'a> Members<'a> {
    fn skip(&mut self, any: &[u8]) {
        while self.text.get(self.at).is_some_and(|byte| any.contains(byte)) {
            self.at += 1;
        }
    }

    /// The value at `at`, which moves behind it.
    fn value(&mut self) -> &'a [u8] {
        let (text, start) = (self.text, self.at);
        let mut depth = 0;
        while let Some(byte) = text.get(self.at) {
            match byte {
                b'"' => self.at = string_end(text, self.at),
                b'{' | b'[' => {
                    depth += 1;
                    self.at += 1;
                }
                // The object's own end, after a number or a word.
                b'}' | b']' if depth == 0 => break,
                b'}' | b']' => {
                    depth -= 1;
                    self.at += 1;
                }
                b',' | b' ' | b'\t' | b'\r' | b'\n' if depth == 0 => break,
                _ => {
                    self.at += 1;
                    continue;
                }
            }
            if depth == 0 {
                break;
            }
        }
        &text[start..self.at]
    }
}

/// Behind the closing quote of the string that begins at `start`.
fn string_end(text: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while let Some(step) = memchr2(b'"', b'\\', &text[at..]) {
        at += step;
        if text[at] == b'"' {
            return at + 1;
        }
        at += 2;
    }
    text.len()
}
