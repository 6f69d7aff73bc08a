//! Which codings a request accepts (RFC 9110 section 12.5.3), and whether it asks for a page.

use super::{Coding, Fields};

/// Whether HTML is asked for by name, as browsers do for what a person is to see (RFC 9110 section 12.5.1).
pub fn wants_html(fields: &Fields<'_>) -> bool {
    const HTML: &[u8] = b"text/html";
    let mut ranges = fields.all("accept").flat_map(|value| value.split(|byte| *byte == b','));
    ranges.any(|range| {
        let kind = range.split(|byte| *byte == b';').next().unwrap_or_default();
        kind.trim_ascii().eq_ignore_ascii_case(HTML)
    })
}

/// What Accept-Encoding says, in the order in which it is to be tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Accepted {
    /// Up to the first `None`; better ones first.
    codings: [Option<Coding>; Coding::ALL.len()],
    /// Whether the file as it is may be sent.
    pub identity: bool,
}

impl Accepted {
    /// The file as it is, and nothing else.
    pub const IDENTITY: Accepted = Accepted { codings: [None; Coding::ALL.len()], identity: true };

    /// The codings that are better than none, the best first.
    pub fn codings(&self) -> impl Iterator<Item = Coding> + '_ {
        self.codings.iter().copied().flatten()
    }

    /// The same with no coding at all, for files that are kept in none.
    pub fn plain(self) -> Accepted {
        Accepted { identity: self.identity, ..Accepted::IDENTITY }
    }

    /// What the fields accept. Without the field everything is acceptable, and the file as it is the
    /// wisest: who does not name a coding may know none.
    pub fn of(fields: &Fields<'_>) -> Accepted {
        let mut named: [Option<u16>; Coding::ALL.len()] = [None; Coding::ALL.len()];
        let (mut identity, mut any) = (None, None);
        for member in fields.all("accept-encoding").flat_map(|value| value.split(|b| *b == b',')) {
            let Some((name, weight)) = weighed(member) else { continue };
            match place(name) {
                Some(Place::Coding(at)) => named[at] = Some(weight),
                Some(Place::Identity) => identity = Some(weight),
                Some(Place::Any) => any = Some(weight),
                None => {}
            }
        }
        let identity_weight = identity.or(any);
        let acceptable = identity_weight != Some(0);
        // A coding that is named comes before the file as it is, where both weigh the same; one that
        // only `*` stands for comes behind it: who writes that may still know none.
        let mut weighed: Vec<(u16, Coding)> = Vec::with_capacity(Coding::ALL.len());
        for (at, coding) in Coding::ALL.into_iter().enumerate() {
            let weight = match (named[at], any) {
                (Some(weight), _) if weight > 0 && weight >= identity.unwrap_or(0) => weight,
                (Some(weight), _) if weight > 0 && !acceptable => weight,
                (None, Some(weight)) if weight > 0 && !acceptable => weight,
                _ => continue,
            };
            weighed.push((weight, coding));
        }
        weighed.sort_by_key(|(weight, _)| std::cmp::Reverse(*weight));
        let mut codings = [None; Coding::ALL.len()];
        for (slot, (_, coding)) in codings.iter_mut().zip(weighed) {
            *slot = Some(coding);
        }
        Accepted { codings, identity: acceptable }
    }
}

enum Place {
    Coding(usize),
    Identity,
    Any,
}

fn place(name: &[u8]) -> Option<Place> {
    // Section 8.4.1.3: x-gzip is gzip.
    let name = if name.eq_ignore_ascii_case(b"x-gzip") { b"gzip" } else { name };
    if name == b"*" {
        return Some(Place::Any);
    }
    if name.eq_ignore_ascii_case(b"identity") {
        return Some(Place::Identity);
    }
    let mut all = Coding::ALL.iter();
    all.position(|coding| name.eq_ignore_ascii_case(coding.name().as_bytes())).map(Place::Coding)
}

/// `gzip;q=0.5` as its name and its weight in thousandths. `None`: no such member, or a weight that is
/// none; nothing is known of what it wants then.
pub(super) fn weighed(member: &[u8]) -> Option<(&[u8], u16)> {
    let mut parts = member.split(|byte| *byte == b';').map(<[u8]>::trim_ascii);
    let name = parts.next().filter(|name| !name.is_empty())?;
    let mut weight = 1_000;
    for part in parts {
        let (q, value) = part.split_at_checked(2)?;
        if !q.eq_ignore_ascii_case(b"q=") {
            return None;
        }
        weight = thousandths(value)?;
    }
    Some((name, weight))
}

/// `0`, `0.5`, `1.000` (section 12.4.2): at most three digits behind the dot, and no more than 1.
fn thousandths(value: &[u8]) -> Option<u16> {
    let (whole, rest) = value.split_first()?;
    let whole: u16 = match whole {
        b'0' => 0,
        b'1' => 1_000,
        _ => return None,
    };
    let digits = match rest {
        [] => rest,
        [b'.', digits @ ..] if digits.len() <= 3 => digits,
        _ => return None,
    };
    let mut part = 0;
    for at in 0..3 {
        let digit = digits.get(at).copied().unwrap_or(b'0');
        part = part * 10 + digit.is_ascii_digit().then(|| u16::from(digit - b'0'))?;
    }
    (whole + part <= 1_000).then_some(whole + part)
}

#[cfg(test)]
mod tests {
    use super::super::Field;
    use super::*;

    fn accepted(values: &[&str]) -> (String, bool) {
        let mut fields = Fields::default();
        for value in values {
            fields.push(Field { name: "Accept-Encoding", value: value.as_bytes() });
        }
        let accepted = Accepted::of(&fields);
        let names: Vec<&str> = accepted.codings().map(Coding::name).collect();
        (names.join(" "), accepted.identity)
    }

    #[test]
    fn codings_stand_in_the_order_of_their_weights() {
        for (values, want, identity) in [
            (&[][..], "", true),
            (&[""], "", true),
            (&["identity"], "", true),
            (&["gzip, deflate, br, zstd"], "br zstd gzip", true),
            (&["gzip", "br"], "br gzip", true),
            (&["GZip;Q=0.9, x-br, zstd ; q=1.0"], "zstd gzip", true),
            (&["x-gzip"], "gzip", true),
            (&["gzip;q=0.5, br;q=0.4"], "gzip br", true),
            (&["gzip;q=0, br;q=0.000"], "", true),
            (&["identity, gzip;q=0.5"], "", true),
            (&["identity;q=0.5, gzip;q=0.5, br;q=0.4"], "gzip", true),
            (&["*"], "", true),
            (&["*;q=0"], "", false),
            (&["*;q=0, gzip"], "gzip", false),
            (&["identity;q=0"], "", false),
            (&["identity;q=0, *"], "br zstd gzip", false),
            (&["identity;q=0, br;q=0, *;q=0.1"], "zstd gzip", false),
            (&["*;q=0, identity;q=0.001"], "", true),
            (&["gzip;q=2, br;q=0.1234, zstd;q=x, ;q=1, gzip;level=9"], "", true),
            (&["gzip;q=1.001", "br;q=", "zstd;q=.5"], "", true),
            (&[",, gzip ,"], "gzip", true),
        ] {
            assert_eq!(accepted(values), (want.to_owned(), identity), "{values:?}");
        }
    }

    #[test]
    fn html_is_asked_for_by_its_name_alone() {
        for (accept, want) in [
            ("text/html", true),
            ("application/xml;q=0.9, Text/HTML ;q=0.8", true),
            ("*/*", false),
            ("text/html5", false),
            ("application/x;p=\"text/html\"", false),
        ] {
            let mut fields = Fields::default();
            fields.push(Field { name: "Accept", value: accept.as_bytes() });
            assert_eq!(wants_html(&fields), want, "{accept}");
        }
        assert!(!wants_html(&Fields::default()));
    }
}
