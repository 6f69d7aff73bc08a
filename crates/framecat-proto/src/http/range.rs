//! Which bytes of a file a Range field asks for (RFC 9110 section 14).

use crate::limits::HTTP_RANGES;

/// `len` bytes from `from` on: at least one, and inside the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// The first byte.
    pub from: u64,
    /// How many; never 0.
    pub len: u64,
}

impl Span {
    /// The last byte.
    pub fn last(&self) -> u64 {
        self.from + (self.len - 1)
    }

    fn end(&self) -> u64 {
        self.from + self.len
    }
}

/// What is to be done about a Range field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ranges {
    /// Nothing: another unit, no range by the grammar, or more of them than anybody needs. The whole
    /// file goes out, as if the field were not there.
    Ignored,
    /// No byte that is asked for is in the file: 416.
    Unsatisfiable,
    /// These bytes, in the order they were asked for. None of them overlap or touch.
    Spans(Vec<Span>),
}

/// What `value` asks of a file of `size` bytes.
///
/// A number may have any count of digits. Ranges that overlap or touch become one (section 14.2 allows
/// it), so no request makes more bytes of a file than it has; more than
/// [`HTTP_RANGES`] in one field are ignored.
pub fn of(value: &[u8], size: u64) -> Ranges {
    let Some(set) = set(value) else { return Ranges::Ignored };
    let mut spans: Vec<Span> = Vec::new();
    let mut count = 0;
    let mut whole = false;
    for member in set.split(|byte| *byte == b',').map(trimmed) {
        // Empty members of a list are nothing (RFC 9110 section 5.6.1.2).
        if member.is_empty() {
            continue;
        }
        count += 1;
        let Some(range) = Asked::parse(member) else { return Ranges::Ignored };
        if count > HTTP_RANGES {
            return Ranges::Ignored;
        }
        match range.of(size) {
            Found::Span(span) => merge(&mut spans, span),
            // The end of an empty file is all of it, and no Content-Range can say so.
            Found::Nothing => whole = true,
            Found::Outside => {}
        }
    }
    match (count, spans.is_empty()) {
        (0, _) => Ranges::Ignored,
        (_, true) if whole => Ranges::Ignored,
        (_, true) => Ranges::Unsatisfiable,
        (_, false) => Ranges::Spans(spans),
    }
}

/// What stands behind `bytes=`; the unit's case does not matter.
fn set(value: &[u8]) -> Option<&[u8]> {
    let (unit, set) = value.split_at_checked(6)?;
    (unit.eq_ignore_ascii_case(b"bytes=") && !set.first()?.is_ascii_whitespace()).then_some(set)
}

fn trimmed(member: &[u8]) -> &[u8] {
    let space = |byte: &u8| matches!(byte, b' ' | b'\t');
    let from = member.iter().position(|byte| !space(byte)).unwrap_or(member.len());
    let end = member.iter().rposition(|byte| !space(byte)).map_or(from, |at| at + 1);
    &member[from..end]
}

/// A range as it is asked for.
enum Asked {
    /// `5-9`, `5-`
    From(u64, Option<u64>),
    /// `-5`: the last so many.
    Last(u64),
}

enum Found {
    Span(Span),
    Nothing,
    Outside,
}

impl Asked {
    fn parse(member: &[u8]) -> Option<Asked> {
        let dash = member.iter().position(|byte| *byte == b'-')?;
        let (first, last) = (&member[..dash], &member[dash + 1..]);
        match (first.is_empty(), last.is_empty()) {
            (true, true) => None,
            (true, false) => number(last).map(Asked::Last),
            (false, true) => Some(Asked::From(number(first)?, None)),
            (false, false) => {
                let (first, last) = (number(first)?, number(last)?);
                (first <= last).then_some(Asked::From(first, Some(last)))
            }
        }
    }

    fn of(&self, size: u64) -> Found {
        match *self {
            Asked::Last(0) => Found::Outside,
            Asked::Last(_) if size == 0 => Found::Nothing,
            Asked::Last(count) => {
                let len = count.min(size);
                Found::Span(Span { from: size - len, len })
            }
            Asked::From(first, _) if first >= size => Found::Outside,
            Asked::From(first, last) => {
                let last = last.unwrap_or(u64::MAX).min(size - 1);
                Found::Span(Span { from: first, len: last - first + 1 })
            }
        }
    }
}

/// Digits alone. What 64 bits do not hold is behind the end of every file, and so is their largest value.
fn number(digits: &[u8]) -> Option<u64> {
    digits.iter().try_fold(0_u64, |number, digit| {
        let digit = digit.is_ascii_digit().then(|| u64::from(digit - b'0'))?;
        Some(number.saturating_mul(10).saturating_add(digit))
    })
}

/// `span` goes where the first of those stands that it overlaps or touches, or behind all of them.
fn merge(spans: &mut Vec<Span>, mut span: Span) {
    let mut place = spans.len();
    // What `span` has grown by may touch one that was passed over before.
    while let Some(at) = spans.iter().position(|s| s.from <= span.end() && span.from <= s.end()) {
        let other = spans.remove(at);
        let (from, end) = (span.from.min(other.from), span.end().max(other.end()));
        span = Span { from, len: end - from };
        place = place.min(at);
    }
    spans.insert(place.min(spans.len()), span);
}
