//! Words as the notes' argv has them (law `argv`): spaces and tabs separate, `'…'` and `"…"` join.
//! Templates and `exec:` split by this rule. There is no other escape: a backslash is a backslash,
//! and one kind of quote is written inside the other.
//!
//! ```text
//!  a "b c" d'e f'g ''   →   a · b c · de fg · (empty)
//! ```

use std::borrow::Cow;

use memchr::memchr;

/// A quote that is never closed. Its remedy: close it, or put it between quotes of the other kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the quote {} at byte {at} is never closed", char::from(*.quote))]
pub struct UnclosedQuote {
    /// `'` or `"`.
    pub quote: u8,
    /// Where it stands in the text, in bytes from 0.
    pub at: usize,
}

/// The words of a text, found one by one. After an error it yields nothing more.
#[derive(Debug, Clone)]
pub struct Words<'a> {
    text: &'a [u8],
    at: usize,
}

/// Splits bytes into words. Nothing is copied but words that quotes are part of.
pub fn split(text: &[u8]) -> Words<'_> {
    Words { text, at: 0 }
}

/// Splits text into words, all at once.
pub fn split_text(text: &str) -> Result<Vec<String>, UnclosedQuote> {
    // Words begin and end at ASCII characters, so they stay valid UTF-8.
    split(text.as_bytes()).map(|word| Ok(String::from_utf8_lossy(&word?).into_owned())).collect()
}

impl<'a> Iterator for Words<'a> {
    type Item = Result<Cow<'a, [u8]>, UnclosedQuote>;

    fn next(&mut self) -> Option<Self::Item> {
        let text = self.text;
        self.at += text[self.at..].iter().position(|b| !is_space(*b))?;
        let start = self.at;
        let len = text[start..].iter().position(|b| is_space(*b) || is_quote(*b));
        self.at = len.map_or(text.len(), |len| start + len);
        if text.get(self.at).is_none_or(|b| is_space(*b)) {
            return Some(Ok(Cow::Borrowed(&text[start..self.at])));
        }
        let joined = self.join(text[start..self.at].to_vec());
        if joined.is_err() {
            self.at = text.len();
        }
        Some(joined.map(Cow::Owned))
    }
}

impl Words<'_> {
    /// The rest of a word that quotes are part of, `word` being what came before the first of them.
    fn join(&mut self, mut word: Vec<u8>) -> Result<Vec<u8>, UnclosedQuote> {
        while let Some(&byte) = self.text.get(self.at) {
            if is_space(byte) {
                break;
            }
            let from = self.at + 1;
            if !is_quote(byte) {
                word.push(byte);
                self.at = from;
                continue;
            }
            let Some(len) = memchr(byte, &self.text[from..]) else {
                return Err(UnclosedQuote { quote: byte, at: self.at });
            };
            word.extend_from_slice(&self.text[from..from + len]);
            self.at = from + len + 1;
        }
        Ok(word)
    }
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

fn is_quote(byte: u8) -> bool {
    matches!(byte, b'\'' | b'"')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spaces_separate_and_quotes_join() {
        for (text, want) in [
            ("", &[][..]),
            (" \t ", &[]),
            ("a b", &["a", "b"]),
            ("  a\tb  ", &["a", "b"]),
            ("'a b' c", &["a b", "c"]),
            (r#"a"b c"d"#, &["ab cd"]),
            (r#""it's" 'say "hi"'"#, &["it's", r#"say "hi""#]),
            ("'' \"\"", &["", ""]),
            ("b=boy a='T O m'", &["b=boy", "a=T O m"]),
            (r"a\ b", &[r"a\", "b"]),
            ("你 'é è'", &["你", "é è"]),
            ("a\nb", &["a\nb"]),
        ] {
            assert_eq!(split_text(text).as_deref(), Ok(want_of(want).as_slice()), "{text:?}");
        }
    }

    fn want_of(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_string()).collect()
    }

    #[test]
    fn an_unclosed_quote_is_an_error_that_says_where_and_ends_the_words() {
        assert_eq!(split_text("a b'c d"), Err(UnclosedQuote { quote: b'\'', at: 3 }));
        let error = split_text("say \"hi").unwrap_err();
        assert_eq!(error.to_string(), "the quote \" at byte 4 is never closed");
        let mut words = split(b"it's fine");
        assert!(matches!(words.next(), Some(Err(_))));
        assert!(words.next().is_none());
    }

    #[test]
    fn words_that_no_quote_is_part_of_are_not_copied() {
        assert!(split(b"ab cd").all(|word| matches!(word, Ok(Cow::Borrowed(_)))));
    }
}
