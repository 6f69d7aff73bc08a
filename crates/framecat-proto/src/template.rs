//! Text made from messages: `--format T` and `--reply T`.
//!
//! | in a template | is |
//! | --- | --- |
//! | `{payload}` | the message's bytes, whatever they are |
//! | `{peer}` `{local}` | the two ends, as endpoints print them without the scheme |
//! | `{len}` | how many bytes `{payload}` has, in decimal |
//! | `{time}` | when, as RFC 3339 in UTC with nine decimals |
//! | `{n}` | the message's number |
//! | `{0}` `{1}` … | one of its words, by index, split as [`words`] says |
//! | `{}` | the next word: the first `{}` is `{0}`, the second `{1}`, whatever stands between |
//! | `{b}` | the key `b` of a message that is a JSON object, else what follows `b=` in the first word that begins so |
//! | `{{` `}}` | a brace |
//!
//! A CR at the end of the payload is not seen by any of them. Of a JSON string its text is taken, of
//! any other value its JSON as it stands in the message. Only what a template uses is computed: the
//! words after the last one it needs are not looked at.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use crate::limits::TEMPLATE_WORDS;
use crate::message::Context;
use crate::text::{Instants, put_decimal};
use crate::words;

mod object;

/// A parsed template. Prints back as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    source: String,
    parts: Vec<Part>,
    /// How many words are needed: one more than the largest index.
    words: usize,
    keys: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Literal(String),
    Payload,
    Peer,
    Local,
    Len,
    Time,
    Number,
    /// The word of this index.
    Word(usize),
    /// The value of `keys[i]`.
    Key(usize),
}

/// Why a text is no template.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{problem}")]
pub struct TemplateError {
    /// What is wrong with it, and where.
    pub problem: String,
    /// What to write instead.
    pub remedy: String,
}

/// A message has not what its template asks for. Nothing was written for it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the message has no {{{name}}}: {cause}")]
pub struct Missing {
    /// What is missing, as written between the braces; an index where `{}` stood.
    pub name: String,
    /// What the message has instead.
    pub cause: String,
}

impl Template {
    /// Parses a template, once for all messages.
    ///
    /// # Errors
    /// A brace without its partner, or a name that no message could have.
    pub fn parse(text: &str) -> Result<Template, TemplateError> {
        let mut template =
            Template { source: text.into(), parts: Vec::new(), words: 0, keys: Vec::new() };
        let mut literal = String::new();
        let mut next_word = 0;
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            literal.push_str(&rest[..at]);
            let column = text.len() - rest.len() + at + 1;
            let brace = &rest[at..at + 1];
            rest = &rest[at + 1..];
            if let Some(after) = rest.strip_prefix(brace) {
                literal.push_str(brace);
                rest = after;
                continue;
            }
            let len = match brace {
                "{" => rest.find(['{', '}']).filter(|&len| rest.as_bytes()[len] == b'}'),
                _ => None,
            };
            let name = &rest[..len.ok_or_else(|| unpaired(brace, column))?];
            rest = &rest[name.len() + 1..];
            if !literal.is_empty() {
                template.parts.push(Part::Literal(std::mem::take(&mut literal)));
            }
            let part = template.part(name, &mut next_word)?;
            template.parts.push(part);
        }
        literal.push_str(rest);
        if !literal.is_empty() {
            template.parts.push(Part::Literal(literal));
        }
        Ok(template)
    }

    fn part(&mut self, name: &str, next_word: &mut usize) -> Result<Part, TemplateError> {
        match name {
            "payload" => return Ok(Part::Payload),
            "peer" => return Ok(Part::Peer),
            "local" => return Ok(Part::Local),
            "len" => return Ok(Part::Len),
            "time" => return Ok(Part::Time),
            "n" => return Ok(Part::Number),
            _ => {}
        }
        if name.bytes().all(|byte| byte.is_ascii_digit()) {
            let index = if name.is_empty() { Some(*next_word) } else { name.parse().ok() };
            *next_word += usize::from(name.is_empty());
            let index = index.filter(|&i| i < TEMPLATE_WORDS).ok_or_else(|| too_far(name))?;
            self.words = self.words.max(index + 1);
            return Ok(Part::Word(index));
        }
        if name.contains(|c: char| c.is_whitespace() || c.is_control() || "='\":!".contains(c)) {
            return Err(no_name(name));
        }
        let known = self.keys.iter().position(|key| key == name);
        Ok(Part::Key(known.unwrap_or_else(|| {
            self.keys.push(name.into());
            self.keys.len() - 1
        })))
    }

    /// Its own text, as it was written.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The first byte of its own text, as it was written: what a message brings along cannot change it.
    pub fn first_byte(&self) -> Option<u8> {
        self.source.as_bytes().first().copied()
    }

    /// Appends what the template makes of a message. `n` is the message's number, `time_ns` its time
    /// in nanoseconds since 1970; the ends come from `context`.
    ///
    /// # Errors
    /// The message lacks a word or key; `out` is as it was then.
    pub fn render(
        &self,
        payload: &[u8],
        context: &Context<'_>,
        n: u64,
        time_ns: u64,
        out: &mut Vec<u8>,
    ) -> Result<(), Missing> {
        let payload = payload.strip_suffix(b"\r").unwrap_or(payload);
        let found = self.find(payload)?;
        for part in &self.parts {
            match part {
                Part::Literal(text) => out.extend_from_slice(text.as_bytes()),
                Part::Payload => out.extend_from_slice(payload),
                Part::Peer => out.extend_from_slice(context.peer.as_bytes()),
                Part::Local => out.extend_from_slice(context.local.as_bytes()),
                Part::Len => put_decimal(payload.len() as u64, out),
                Part::Time => Instants::default().put(time_ns, out),
                Part::Number => put_decimal(n, out),
                Part::Word(index) => out.extend_from_slice(&found.words[*index]),
                Part::Key(i) => out.extend_from_slice(&found.values[*i]),
            }
        }
        Ok(())
    }

    /// All words and values that the template uses, or the first that the message lacks.
    fn find<'a>(&self, payload: &'a [u8]) -> Result<Found<'a>, Missing> {
        let mut values = vec![None; self.keys.len()];
        let is_object = !values.is_empty() && object::values(payload, &self.keys, &mut values);
        let keys = if is_object { &[][..] } else { &self.keys[..] };
        let mut found = Vec::with_capacity(self.words.min(16));
        let mut missing_keys = keys.len();
        let mut split = words::split(payload);
        while found.len() < self.words || missing_keys > 0 {
            let Some(word) = split.next() else { break };
            let word = word.map_err(|error| self.unsplit(&found, &values, &error))?;
            for (key, value) in keys.iter().zip(&mut values) {
                if value.is_none()
                    && let Some(text) = value_of(&word, key)
                {
                    *value = Some(text);
                    missing_keys -= 1;
                }
            }
            if found.len() < self.words {
                found.push(word);
            }
        }
        if found.len() < self.words {
            return Err(self.too_few_words(found.len()));
        }
        let lacking = |i: usize| {
            let key = &self.keys[i];
            let cause = match is_object {
                true => "its JSON object has no such key".into(),
                false => format!("none of its words begins with {key}="),
            };
            Missing { name: key.clone(), cause }
        };
        let values = values.into_iter().enumerate();
        let values = values.map(|(i, value)| value.ok_or_else(|| lacking(i)));
        Ok(Found { words: found, values: values.collect::<Result<_, _>>()? })
    }

    /// The smallest index used that a message of `have` words does not have.
    fn too_few_words(&self, have: usize) -> Missing {
        let used = self.parts.iter().filter_map(|part| match part {
            Part::Word(index) if *index >= have => Some(*index),
            _ => None,
        });
        let index = used.min().unwrap_or(have);
        let cause = match have {
            0 => "it has no words".into(),
            1 => "it has 1 word, of index 0".into(),
            _ => format!("it has {have} words, of indexes 0 to {}", have - 1),
        };
        Missing { name: index.to_string(), cause }
    }

    fn unsplit(
        &self,
        found: &[Cow<'_, [u8]>],
        values: &[Option<Cow<'_, [u8]>>],
        error: &words::UnclosedQuote,
    ) -> Missing {
        let name = match values.iter().position(Option::is_none) {
            Some(i) if found.len() >= self.words => self.keys[i].clone(),
            _ => self.too_few_words(found.len()).name,
        };
        Missing { name, cause: error.to_string() }
    }
}

/// What a message has of what a template uses.
struct Found<'a> {
    words: Vec<Cow<'a, [u8]>>,
    values: Vec<Cow<'a, [u8]>>,
}

/// What follows `key=` in a word that begins so.
fn value_of<'a>(word: &Cow<'a, [u8]>, key: &str) -> Option<Cow<'a, [u8]>> {
    let after = |word: &[u8]| Some(word.strip_prefix(key.as_bytes())?.strip_prefix(b"=")?.len());
    let len = after(word)?;
    Some(match word {
        Cow::Borrowed(word) => Cow::Borrowed(&word[word.len() - len..]),
        Cow::Owned(word) => Cow::Owned(word[word.len() - len..].to_vec()),
    })
}

fn unpaired(brace: &str, column: usize) -> TemplateError {
    let problem = match brace {
        "{" => format!("the {{ at column {column} is never closed"),
        _ => format!("the }} at column {column} closes nothing"),
    };
    TemplateError { problem, remedy: format!("write {brace}{brace} for a single {brace}") }
}

fn too_far(name: &str) -> TemplateError {
    let problem = match name {
        "" => format!("there are more than {TEMPLATE_WORDS} {{}}"),
        _ => format!("the word index {{{name}}} is too large"),
    };
    TemplateError { problem, remedy: format!("indexes go from 0 to {}", TEMPLATE_WORDS - 1) }
}

fn no_name(name: &str) -> TemplateError {
    TemplateError {
        problem: format!("no message could have what {{{name}}} names"),
        remedy: "write {payload} {peer} {local} {len} {time} {n}, {0} for a word, {} for the next \
                 one, {b} for the word b=… or a key of a JSON object (a name without spaces, quotes \
                 and = : !), {{ for a brace"
            .into(),
    }
}

impl FromStr for Template {
    type Err = TemplateError;

    fn from_str(text: &str) -> Result<Template, TemplateError> {
        Template::parse(text)
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.source)
    }
}
