//! `guess`: bytes whose framing nobody knows, judged by every rule there is. It is asked of `connect`
//! alone; the judging is here, and pure.
//!
//! A rule fits if it takes all of the bytes for whole messages. Many rules may: any text is lines, and
//! small lengths look alike in every width. What speaks for a rule is what it would have refused. So
//! the bits of its messages are flipped one by one, and those that make it refuse the message, or
//! want more than there is, are counted: a bit each that was right by the rule and not by chance.
//! Every rule is measured by the same yard, and none has to tell about itself.

use super::{Decoder, Framing, TABLE, Tail, Tailed, all_names};
use crate::limits::MESSAGE_BYTES;
use crate::message::Spans;

/// A rule that fits, and what speaks for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guess {
    /// The rule.
    pub rule: Framing,
    /// The rules that are the same by another name: `len:u16be` is `dns`.
    pub also: Vec<Framing>,
    /// How many messages it finds.
    pub messages: usize,
    /// The shortest of them in bytes, as the rule hands it on.
    pub shortest: usize,
    /// The longest.
    pub longest: usize,
    /// Bits of its messages that were flipped, one after the other.
    pub flipped: usize,
    /// Those of them that it refused.
    pub refused: usize,
    /// Bytes of a last message that has no end.
    pub cut: usize,
}

/// What all rules made of the bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guesses {
    /// Those that fit, the most specific first.
    pub fit: Vec<Guess>,
    /// How many rules were tried.
    pub tried: usize,
}

/// Messages whose bits are flipped, and in how many bytes of each: at its beginning, and at its end.
const MESSAGES: usize = 16;
const HEAD: usize = 24;
const END: usize = 4;

/// Bytes that a rule reads again, all flips together: in long messages fewer bits are flipped.
const WORK: usize = 16 << 20;

/// Which framings would parse all of `bytes`; `whole`: the stream ended behind them. If it did not, a
/// last message may be cut.
///
/// The work is bounded: each rule reads the bytes twice, one that fits some 16 MiB more.
pub fn guess(bytes: &[u8], whole: bool) -> Guesses {
    let candidates = candidates(bytes, whole);
    let tried = candidates.len();
    let mut fit: Vec<(Guess, Vec<usize>)> = Vec::new();
    for rule in candidates {
        let Some((mut guess, ends)) = judge(&rule, bytes, whole) else { continue };
        let same = fit.iter_mut().find(|(known, _)| known.rule.expanded() == rule.expanded());
        if let Some((same, _)) = same {
            same.also.push(rule);
            continue;
        }
        measure(&mut guess, bytes, &ends);
        if !by_chance(&guess, tried) {
            fit.push((guess, ends));
        }
    }
    // The sort is stable: of equals the protocol that has a name comes before the mere field.
    fit.sort_by_key(|(guess, _)| (whole && guess.cut > 0, std::cmp::Reverse(weight(guess, tried))));
    // A field that says the same of the same place as a protocol that has a name, or as a better field (the
    // low half of a length), is no news.
    let field = |rule: &Framing| matches!(rule, Framing::Len(_));
    let named: Vec<Vec<usize>> = fit
        .iter()
        .filter(|(guess, _)| !field(&guess.rule) && field(guess.rule.expanded()))
        .map(|(_, ends)| ends.clone())
        .collect();
    let mut told: Vec<(Guess, Vec<usize>)> = Vec::new();
    for (guess, ends) in fit {
        let better = told.iter().any(|(other, theirs)| field(&other.rule) && *theirs == ends);
        if !field(&guess.rule) || !(better || named.contains(&ends)) {
            told.push((guess, ends));
        }
    }
    Guesses { fit: told.into_iter().map(|(guess, _)| guess).collect(), tried }
}

/// The bits that speak for a rule, less those that finding it among so many
/// others costs; a mark that was taken from the bytes themselves fits by that alone.
fn weight(guess: &Guess, tried: usize) -> i64 {
    let told = guess.refused as i64;
    match &guess.rule {
        Framing::Len(_) => told - 2 * i64::from(tried.ilog2()),
        Framing::Delim(rule) if !matches!(rule.marker(), b"\r\n" | b"\0") => {
            told - 8 * rule.marker().len() as i64
        }
        _ => told,
    }
}

/// The least bits that must speak for a rule that was made up, or that leaves an end over.
const BITS: i64 = 8;

/// Whether so many rules were tried that one like this fits anything.
fn by_chance(guess: &Guess, tried: usize) -> bool {
    let made_up = matches!(guess.rule, Framing::Len(_));
    let left_over = guess.cut > 0 && guess.rule.tail() == Tail::Error;
    (made_up || left_over) && weight(guess, tried) < BITS
}

/// Every rule that has a name, then fields of every width and place, then marks that `bytes` end with
/// if that is the end.
fn candidates(bytes: &[u8], whole: bool) -> Vec<Framing> {
    let parse = |word: &str| word.parse::<Framing>().ok();
    // These take any bytes at all.
    let tells = |rule: &Framing| {
        !matches!(rule, Framing::Raw | Framing::Native | Framing::Eof | Framing::Guess)
    };
    let mut rules: Vec<Framing> = all_names().filter_map(parse).filter(tells).collect();
    // Rules that an option makes another one.
    let options = TABLE.iter().filter(|row| row.grammar.contains(",dle"));
    rules.extend(options.filter_map(|row| parse(&format!("{},dle", row.name))));
    let fixed = ["u8", "u16be", "u16le", "u24be", "u24le", "u32be", "u32le", "u64be", "u64le"];
    for at in 0..=16 {
        for width in fixed {
            for counts in ["", ",counts=self", ",counts=total"] {
                rules.extend(parse(&format!("len:{width}@{at}{counts}")));
            }
        }
        if at < 4 {
            rules.extend(parse(&format!("len:varint@{at}")));
            rules.extend(parse(&format!("len:qvarint@{at}")));
        }
    }
    for len in 1..=2 {
        if !whole {
            break;
        }
        if let Some(mark) = bytes.len().checked_sub(len).map(|at| &bytes[at..])
            && !mark.iter().any(u8::is_ascii_alphanumeric)
        {
            let hex: String = mark.iter().map(|byte| format!("\\x{byte:02x}")).collect();
            rules
                .extend(parse(&format!("delim:{hex}")).filter(|rule| !same_as_named(rule, &rules)));
        }
    }
    rules
}

/// `delim:\n` finds what `line` finds, and so on.
fn same_as_named(rule: &Framing, rules: &[Framing]) -> bool {
    rules.contains(rule) || rule.to_string() == r"delim:\n"
}

/// What one rule makes of all the bytes, and where its messages end; `None` if it does not fit.
fn judge(rule: &Framing, bytes: &[u8], whole: bool) -> Option<(Guess, Vec<usize>)> {
    let mut decoder = Decoder::of(rule, MESSAGE_BYTES, Some(Tail::Error));
    let mut spans = Spans::new();
    let decoded = decoder.decode(bytes, &mut spans);
    if decoded.error.is_some() {
        return None;
    }
    let mut lengths: Vec<usize> = (0..spans.len()).map(|i| spans.get(i, bytes).len()).collect();
    if lets_all_pass(rule, &spans, bytes) {
        return None;
    }
    let rest = &bytes[decoded.consumed..];
    let mut cut = 0;
    spans.clear();
    match decoder.end(rest, &mut spans) {
        Ok(Tailed::Message) => lengths.push(spans.get(0, rest).len()),
        Ok(_) => {}
        // Where the stream did not end, or the rule keeps such a tail, the last may have no end.
        // More than half of it would be no explanation.
        Err(_) if rest.len() > bytes.len() / 2 => return None,
        Err(_) if !whole || rule.tail() == Tail::Keep => cut = rest.len(),
        Err(_) => return None,
    }
    let guess = Guess {
        rule: rule.clone(),
        also: Vec::new(),
        messages: lengths.len(),
        shortest: *lengths.iter().min()?,
        longest: *lengths.iter().max()?,
        flipped: 0,
        refused: 0,
        cut,
    };
    Some((guess, ends(rule, bytes, 4 * MESSAGES)))
}

/// Whether the rule found no more than what lets everything else pass: that all is encrypted from the first
/// byte on (`postgres`), or lines that a person might type (`resp`).
fn lets_all_pass(rule: &Framing, spans: &Spans, bytes: &[u8]) -> bool {
    let message = |i| if i < spans.len() { spans.get(i, bytes) } else { b"" };
    let tls = |i| message(i).starts_with(b"\x16\x03");
    match (rule, message(0)) {
        (Framing::Postgres, b"S") => !tls(1),
        (Framing::Postgres, first) => first == b"G" || first.first() == Some(&0x16),
        (Framing::Resp, _) => {
            let typed =
                |i| message(i).first().is_some_and(|byte| b"+-:$*_#,(!=%~>|".contains(byte));
            !(0..spans.len()).any(typed)
        }
        _ => false,
    }
}

/// Where the messages at the front of `bytes` end, at most so many.
fn ends(rule: &Framing, bytes: &[u8], most: usize) -> Vec<usize> {
    let mut framer = rule.framer(MESSAGE_BYTES);
    let mut spans = Spans::new().one_by_one();
    let mut ends = Vec::new();
    let mut at = 0;
    while ends.len() < most {
        spans.clear();
        let progress = framer.decode(&bytes[at..], &mut spans);
        if spans.is_empty() {
            break;
        }
        at += progress.consumed;
        ends.push(at);
    }
    ends
}

/// Flips bits and counts those that make the rule refuse their message.
fn measure(guess: &mut Guess, bytes: &[u8], ends_all: &[usize]) {
    let mut bytes = bytes.to_vec();
    let mut places = Vec::new();
    let mut start = 0;
    for (n, &end) in ends_all.iter().take(MESSAGES).enumerate() {
        let tail = end.saturating_sub(END).max(start + HEAD);
        let within = (start..end.min(start + HEAD)).chain(tail..end);
        places.extend(within.flat_map(|at| (0..8).map(move |bit| (n, at, 1_u8 << bit))));
        start = end;
    }
    // Each flip reads the messages up to its own once.
    let step = (places.len() * start / WORK).max(1);
    for (n, at, bit) in places.into_iter().step_by(step) {
        bytes[at] ^= bit;
        guess.refused += usize::from(ends(&guess.rule, &bytes, n + 1).len() <= n);
        guess.flipped += 1;
        bytes[at] ^= bit;
    }
}
