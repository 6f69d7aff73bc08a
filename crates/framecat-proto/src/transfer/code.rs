//! The code of a transfer: what one person reads out to another.
//!
//! ```text
//!   417-blaze-otter-quilt
//!   ^   ^
//!   |   the words: the secret, 31 bits in three of them
//!   the channel: public, it finds the other side and says nothing of the words
//! ```
//!
//! It is the password of a key exchange in which whoever does not know it has one guess a try, so few
//! words are enough. All that is random comes from the caller.

use std::fmt;
use std::str::FromStr;
use std::sync::OnceLock;

use crate::limits::{CODE_WORDS, CODE_WORDS_MAX};

/// Channels are numbers below this, in three digits.
pub const CHANNELS: u32 = 1_000;

/// The words, in order. None is the beginning of a code's next part, for none holds a hyphen.
pub fn words() -> &'static [&'static str] {
    static WORDS: OnceLock<Vec<&str>> = OnceLock::new();
    WORDS.get_or_init(|| {
        let lines = include_str!("words.txt").lines();
        lines.filter(|line| !line.starts_with('#')).collect()
    })
}

/// A code: a channel and words. It prints itself as it is typed, and its `Debug` form without the words.
#[derive(Clone, PartialEq, Eq)]
pub struct Code {
    channel: u16,
    words: Vec<&'static str>,
}

/// Why a text is no code. Where a word is mistyped the nearest known one is named: it tells nobody more
/// than the list does.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CodeError {
    /// It does not begin with a channel.
    #[error(
        "a code begins with three digits, as in 417-blaze-otter-quilt, and this one with `{0}`"
    )]
    Channel(String),
    /// Some words are missing.
    #[error("a code has three words or more behind its digits, and this one has {0}")]
    Few(usize),
    /// More words than any code has.
    #[error("a code has at most {CODE_WORDS_MAX} words, and this one has {0}")]
    Many(usize),
    /// A word that no code holds.
    #[error("`{word}`, word {at} of the code, is none of the words that codes are made of{}", near(.nearest))]
    Word {
        /// The word as it was typed, escaped and at most 16 characters of it.
        word: String,
        /// Which one it is, from 1 on.
        at: usize,
        /// Those that differ from it by one letter or begin so, four at most.
        nearest: Vec<&'static str>,
    },
}

fn near(nearest: &[&'static str]) -> String {
    match nearest {
        [] => String::new(),
        [word] => format!("; `{word}` is"),
        [words @ .., last] => format!("; `{}` and `{last}` are", words.join("`, `")),
    }
}

impl CodeError {
    /// What to try.
    pub fn remedy(&self) -> &'static str {
        "read it again from the other side's screen; capital letters and spaces for hyphens do not matter"
    }
}

impl Code {
    /// A code of `count` words, [`CODE_WORDS`] at least. `below(n)` gives a number below `n`, each equally
    /// likely and unguessable.
    pub fn draw(count: usize, mut below: impl FnMut(u32) -> u32) -> Code {
        let count = count.clamp(CODE_WORDS, CODE_WORDS_MAX);
        let channel = below(CHANNELS) as u16;
        let known = words();
        let words = (0..count).map(|_| known[below(known.len() as u32) as usize]).collect();
        Code { channel, words }
    }

    /// The public number by which the two sides find each other.
    pub fn channel(&self) -> u16 {
        self.channel
    }

    /// How many words it has.
    pub fn len(&self) -> usize {
        self.words.len()
    }

    /// Whether it has no words: never.
    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// What the key exchange takes as the password: the whole code, however it was typed.
    pub fn password(&self) -> Vec<u8> {
        self.to_string().into_bytes()
    }

    /// Whether a text has the shape of a code, its words known or not: such an argument is a code and not
    /// a folder.
    pub fn is_shape_of(text: &str) -> bool {
        let mut parts = text.split('-');
        let channel = parts.next().is_some_and(is_channel);
        let words: Vec<&str> = parts.collect();
        let letters =
            |word: &&str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_alphabetic());
        channel && words.len() >= CODE_WORDS && words.iter().all(letters)
    }

    /// The words that may follow what is typed of a code, for completion: those that begin as its last part
    /// does. None before the channel is whole.
    pub fn completions(typed: &str) -> &'static [&'static str] {
        let Some((before, last)) = typed.rsplit_once('-') else { return &[] };
        if !is_channel(before.split('-').next().unwrap_or_default()) {
            return &[];
        }
        begin_with(&last.to_ascii_lowercase())
    }
}

fn is_channel(text: &str) -> bool {
    text.len() == 3 && text.bytes().all(|b| b.is_ascii_digit())
}

fn begin_with(head: &str) -> &'static [&'static str] {
    let known = words();
    let from = known.partition_point(|word| *word < head);
    let to = from + known[from..].iter().take_while(|word| word.starts_with(head)).count();
    &known[from..to]
}

/// The words that may be meant; none where too many may.
fn nearest(typed: &str) -> Vec<&'static str> {
    let close = words().iter().copied();
    let mut found: Vec<_> = close.filter(|word| differ_by_one(word, typed)).collect();
    if typed.len() >= 3 {
        found.extend(begin_with(typed));
    }
    found.sort_unstable();
    found.dedup();
    if found.len() > 4 {
        found.clear();
    }
    found
}

/// Whether one letter changed, added, left out, or exchanged with its neighbour makes one of the other.
fn differ_by_one(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    let same = a.iter().zip(b).take_while(|(a, b)| a == b).count();
    let (a, b) = (&a[same..], &b[same..]);
    match (a, b) {
        ([], [_]) | ([_], []) => true,
        ([], _) | (_, []) => false,
        ([_, a @ ..], [_, b @ ..]) if a == b => true,
        ([_, rest @ ..], b) if rest == b => true,
        (a, [_, rest @ ..]) if rest == a => true,
        ([a0, a1, a @ ..], [b0, b1, b @ ..]) => a0 == b1 && a1 == b0 && a == b,
        _ => false,
    }
}

impl FromStr for Code {
    type Err = CodeError;

    /// Capital letters, and spaces for hyphens, are as good: it may have been read out.
    fn from_str(text: &str) -> Result<Code, CodeError> {
        let lower = text.trim().to_ascii_lowercase();
        let mut parts =
            lower.split(|c: char| c == '-' || c.is_whitespace()).filter(|p| !p.is_empty());
        let first = parts.next().unwrap_or_default();
        let channel = match is_channel(first) {
            true => first.parse().map_err(|_| CodeError::Channel(shown(first)))?,
            false => return Err(CodeError::Channel(shown(first))),
        };
        let typed: Vec<&str> = parts.collect();
        match typed.len() {
            0..CODE_WORDS => return Err(CodeError::Few(typed.len())),
            CODE_WORDS..=CODE_WORDS_MAX => {}
            many => return Err(CodeError::Many(many)),
        }
        let mut found = Vec::with_capacity(typed.len());
        for (at, word) in typed.into_iter().enumerate() {
            match words().binary_search(&word) {
                Ok(known) => found.push(words()[known]),
                Err(_) => {
                    let nearest = nearest(word);
                    return Err(CodeError::Word { word: shown(word), at: at + 1, nearest });
                }
            }
        }
        Ok(Code { channel, words: found })
    }
}

fn shown(text: &str) -> String {
    let more = if text.chars().nth(16).is_some() { "…" } else { "" };
    let head: String = text.chars().take(16).collect();
    format!("{}{more}", head.escape_debug())
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:03}", self.channel)?;
        self.words.iter().try_for_each(|word| write!(f, "-{word}"))
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Code({:03}-…)", self.channel)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_sorted_and_holds_plain_words() {
        assert_eq!(words().len(), 1_295);
        assert!(words().is_sorted());
        for pair in words().windows(2) {
            assert_ne!(pair[0], pair[1]);
        }
        for word in words() {
            assert!(
                (3..=5).contains(&word.len()) && word.bytes().all(|b| b.is_ascii_lowercase()),
                "{word}"
            );
        }
        // Three words: 31 bits.
        assert!((words().len() as u64).pow(3) >= 1 << 31);
    }

    #[test]
    fn what_is_printed_is_read_back_however_it_is_typed() {
        let code: Code = "417-blaze-otter-quilt".parse().unwrap();
        assert_eq!((code.channel(), code.len(), code.is_empty()), (417, 3, false));
        for typed in
            ["417 Blaze Otter QUILT", " 417-blaze-otter--quilt\n", "417-blaze otter\tquilt"]
        {
            assert_eq!(typed.parse::<Code>().unwrap(), code);
        }
        assert_eq!(code.password(), b"417-blaze-otter-quilt");
        let mut n = 0;
        let drawn = Code::draw(0, |below| {
            n += 7;
            n % below
        });
        assert_eq!(drawn.len(), CODE_WORDS);
        assert_eq!(drawn.to_string().parse::<Code>().unwrap(), drawn);
        assert_eq!(Code::draw(99, |below| below - 1).len(), CODE_WORDS_MAX);
        assert_eq!(Code::draw(3, |_| 0).to_string(), "000-acid-acid-acid");
    }

    #[test]
    fn a_mistyped_code_is_told_where_and_what_was_meant() {
        let cases = [
            ("", "three digits"),
            ("blaze-otter-quilt", "with `blaze`"),
            ("17-blaze-otter-quilt", "with `17`"),
            ("4171-blaze-otter-quilt", "with `4171`"),
            ("417", "has 0"),
            ("417-blaze-otter", "has 2"),
            (
                "417-blase-otter-quilt",
                "`blase`, word 1 of the code, is none of the words that codes are made of; `blade`, `blast` and `blaze` are",
            ),
            ("417-blaze-oter-quilt", "; `otter`, `outer` and `voter` are"),
            ("417-blaze-ottter-quilt", "; `otter` is"),
            (
                "417-blaze-otter-qiult",
                "word 3 of the code, is none of the words that codes are made of; `quilt` is",
            ),
            ("417-blaze-otter-quil", "; `quill`, `quilt` and `quit` are"),
            ("417-blaze-otter-\u{1b}[2J", "`\\u{1b}[2j`"),
            ("417-blaze-otter-xxxxxxxxxxxxxxxxxxxxxxxx", "`xxxxxxxxxxxxxxxx…`"),
            ("417-a-a-a-a-a-a-a-a-a-a-a-a-a", "at most 12 words, and this one has 13"),
        ];
        for (typed, told) in cases {
            let error = typed.parse::<Code>().unwrap_err();
            assert!(error.to_string().contains(told), "{typed:?}: {error}");
            assert!(!error.remedy().is_empty());
        }
    }

    #[test]
    fn an_argument_of_this_shape_is_a_code() {
        for text in ["417-blaze-otter-quilt", "000-a-b-c", "417-Blaze-otter-quilt-more"] {
            assert!(Code::is_shape_of(text), "{text}");
        }
        for text in [
            "",
            "417",
            "417-a-b",
            "in",
            "~/in",
            "2026-11-25-photos",
            "417-a-b-",
            "417-a-b-c2",
            "41-a-b-c",
        ] {
            assert!(!Code::is_shape_of(text), "{text}");
        }
    }

    #[test]
    fn completion_knows_the_words_from_the_channel_on() {
        assert_eq!(Code::completions("417-blaz"), ["blaze"]);
        assert_eq!(Code::completions("417-blaze-OTT"), ["otter"]);
        assert_eq!(Code::completions("417-").len(), words().len());
        assert!(Code::completions("41").is_empty());
        assert!(Code::completions("photos-bl").is_empty());
    }

    #[test]
    fn a_log_of_a_code_does_not_hold_its_words() {
        let code: Code = "417-blaze-otter-quilt".parse().unwrap();
        assert_eq!(format!("{code:?}"), "Code(417-…)");
    }
}
