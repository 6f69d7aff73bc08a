//! Whether a request's conditions hold (RFC 9110 section 13), and the validators they are about
//! (section 8.8).

use std::fmt::Write as _;

use super::{Coding, Field, Fields, FileFacts, Seconds, date};

/// What a file that was found can be told by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Validators {
    /// As it stands in ETag: `"…"`, or `W/"…"` while the file is not [settled](FileFacts::settled).
    pub etag: String,
    /// Last-Modified: never after the reply itself (section 8.8.2.1).
    pub modified: Seconds,
}

impl Validators {
    /// Those of `file`, kept in `coding`, at `now`.
    ///
    /// The tag names one state of one file: when it was changed to the nanosecond, its size, and which
    /// file it is, so that another one moved to its place with the same time and size has another.
    /// A coding's file has its own.
    pub fn of(file: &FileFacts, coding: Option<Coding>, now: Seconds) -> Validators {
        let nanos = file.mtime.wrapping_mul(1_000_000_000).wrapping_add(file.mtime_nanos.into());
        // Inode and device are nobody's business: what is told is one number of both. The factor
        // is 2^64 / φ, odd, so that no two inodes of a device share a number.
        let which = file.inode.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ file.device.rotate_left(32);
        let mut etag = String::with_capacity(64);
        let weak = if file.settled { "" } else { "W/" };
        let (dash, coding) = coding.map_or(("", ""), |coding| ("-", coding.name()));
        let written = write!(etag, "{weak}\"{nanos:x}-{:x}-{which:x}{dash}{coding}\"", file.size);
        debug_assert!(written.is_ok(), "a String can be written to");
        Validators { etag, modified: file.mtime.min(now) }
    }
}

/// What becomes of a request by its conditions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It is answered as if it had none.
    Proceed,
    /// 304: the client has it.
    NotModified,
    /// 412: it is not what the client thinks.
    Failed,
}

/// Section 13.2.2, steps 1 to 4, for a GET or HEAD of something that is there. `None`: it has no
/// validators (a page made anew each time), so only `*` matches it and its dates are not asked for.
pub fn outcome(fields: &Fields<'_>, is: Option<&Validators>, now: Seconds) -> Outcome {
    if fields.get("if-match").is_some() {
        if !matches(fields, "if-match", is, Compare::Strong) {
            return Outcome::Failed;
        }
    } else if let Some((is, since)) = is.zip(moment(fields, "if-unmodified-since", now))
        && is.modified > since
    {
        return Outcome::Failed;
    }
    if fields.get("if-none-match").is_some() {
        if matches(fields, "if-none-match", is, Compare::Weak) {
            return Outcome::NotModified;
        }
    } else if let Some((is, since)) = is.zip(moment(fields, "if-modified-since", now))
        && is.modified <= since
    {
        return Outcome::NotModified;
    }
    Outcome::Proceed
}

/// The conditions of a request, kept until they are asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Conditions {
    fields: Vec<(String, Vec<u8>)>,
}

impl Conditions {
    /// Those among `fields`.
    pub fn of(fields: &Fields<'_>) -> Conditions {
        let named = |name: &str| name.get(..3).is_some_and(|head| head.eq_ignore_ascii_case("if-"));
        let kept = fields.iter().filter(|field| named(field.name));
        Conditions { fields: kept.map(|f| (f.name.to_string(), f.value.to_vec())).collect() }
    }

    /// As fields of a request.
    pub fn fields(&self) -> Fields<'_> {
        let mut fields = Fields::with_capacity(self.fields.len());
        for (name, value) in &self.fields {
            fields.push(Field { name, value });
        }
        fields
    }
}

/// The coding in which files are sent that are kept in none.
const GZIP: Option<Coding> = Some(Coding::Gzip);

/// What there is of what a request would change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State<'f> {
    /// Nothing.
    Missing,
    /// A file.
    Known(&'f FileFacts),
    /// Something without validators: a folder, a link.
    Unknown,
}

/// Whether the conditions of a request that changes something hold (section 13.2.2, steps 1 to 3): with
/// any other outcome than `true` it is answered with 412 and nothing is changed.
pub fn holds(fields: &Fields<'_>, state: State<'_>, now: Seconds) -> bool {
    let (is, coded) = match state {
        State::Known(facts) => {
            (Some(Validators::of(facts, None, now)), Some(Validators::of(facts, GZIP, now)))
        }
        _ => (None, None),
    };
    let there = state != State::Missing;
    // Who read the file coded on its way knows its state by that tag.
    let named = |name, compare| {
        there
            && (matches(fields, name, is.as_ref(), compare)
                || matches(fields, name, coded.as_ref(), compare))
    };
    if fields.get("if-match").is_some() {
        if !named("if-match", Compare::Strong) {
            return false;
        }
    } else if let Some((is, since)) = is.as_ref().zip(moment(fields, "if-unmodified-since", now))
        && is.modified > since
    {
        return false;
    }
    !named("if-none-match", Compare::Weak)
}

/// Whether the Range of a request counts (section 13.2.2, step 5): there is no If-Range, or it names
/// exactly what there is.
///
/// A date does so only where it is a strong validator (section 8.8.2.2): its second is over, so that
/// the file cannot be changed once more within it.
pub fn range_counts(fields: &Fields<'_>, is: &Validators, now: Seconds) -> bool {
    if fields.get("if-range").is_none() {
        return true;
    }
    let Some(value) = fields.only("if-range") else { return false };
    if value.contains(&b'"') {
        let mut rest = value;
        return Tag::next(&mut rest)
            .is_some_and(|tag| rest.is_empty() && tag.is_strongly(&is.etag));
    }
    date::parse(value, now).is_some_and(|at| at == is.modified && at < now)
}

/// A date that is given once and is one; otherwise the field is as if it were not there
/// (sections 13.1.3 and 13.1.4).
fn moment(fields: &Fields<'_>, name: &str, now: Seconds) -> Option<Seconds> {
    fields.only(name).and_then(|value| date::parse(value, now))
}

#[derive(Clone, Copy)]
enum Compare {
    Strong,
    Weak,
}

/// Whether one of the tags of the fields `name`, or `*`, is what there is.
fn matches(fields: &Fields<'_>, name: &str, is: Option<&Validators>, compare: Compare) -> bool {
    fields.all(name).any(|value| {
        let Some(is) = is.filter(|_| value != b"*") else { return value == b"*" };
        let mut rest = value;
        while let Some(tag) = Tag::next(&mut rest) {
            let found = match compare {
                Compare::Strong => tag.is_strongly(&is.etag),
                Compare::Weak => tag.is_weakly(&is.etag),
            };
            if found {
                return true;
            }
        }
        false
    })
}

/// An entity tag of a list (section 8.8.3).
struct Tag<'b> {
    weak: bool,
    /// With its quotes.
    opaque: &'b [u8],
}

impl<'b> Tag<'b> {
    /// The next tag of `list`, which is left behind it; `None` at its end, and where it is no list.
    fn next(list: &mut &'b [u8]) -> Option<Tag<'b>> {
        let from = list.iter().position(|byte| !matches!(byte, b' ' | b'\t' | b','))?;
        let rest = &list[from..];
        let (weak, quoted) = match rest.strip_prefix(b"W/") {
            Some(quoted) => (true, quoted),
            None => (false, rest),
        };
        let inside = quoted.strip_prefix(b"\"")?;
        let len = inside.iter().position(|byte| matches!(byte, b'"' | b' ' | b'\t' | 0x7f))?;
        if inside[len] != b'"' {
            return None;
        }
        let (opaque, behind) = quoted.split_at(len + 2);
        let space = behind.iter().position(|byte| !matches!(byte, b' ' | b'\t'));
        let behind = &behind[space.unwrap_or(behind.len())..];
        if behind.first().is_some_and(|byte| *byte != b',') {
            return None;
        }
        *list = behind;
        Some(Tag { weak, opaque })
    }

    fn is_strongly(&self, etag: &str) -> bool {
        !self.weak && self.opaque == etag.as_bytes()
    }

    fn is_weakly(&self, etag: &str) -> bool {
        self.opaque == etag.strip_prefix("W/").unwrap_or(etag).as_bytes()
    }
}
