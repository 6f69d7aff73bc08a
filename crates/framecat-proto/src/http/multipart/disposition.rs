//! What the head of a part says: whether it is a file, and what that is called.

use crate::http::characters::{self as of, first_other};
use crate::http::{Field, Why};

const SECTION: &str = "RFC 7578 section 4.2";

const NOT_ONE: Why = Why {
    rule: "the head of a part has no Content-Disposition, or more than one",
    section: SECTION,
};
const OTHER: Why = Why {
    rule: "the Content-Disposition of a part is another one than form-data",
    section: SECTION,
};
const PARAMETERS: Why = Why {
    rule: "the parameters of a Content-Disposition are not NAME=VALUE each",
    section: "RFC 6266 section 4.1",
};
const TWICE: Why =
    Why { rule: "a Content-Disposition has two names, or two file names", section: SECTION };
const EXTENDED: Why = Why {
    rule: "a file has its name in filename* alone, which no form may use: send it as filename, in UTF-8",
    section: SECTION,
};
const NESTED: Why = Why {
    rule: "a part of the form is a multipart of its own: give each file a part of the form",
    section: "RFC 7578 section 4.3",
};
const ENCODED: Why = Why {
    rule: "a part has a Content-Transfer-Encoding, and HTTP needs none: send the file as it is",
    section: "RFC 7578 section 4.7",
};

/// What was read of the head of a part.
#[derive(Debug, Clone, Default)]
pub(super) struct Disposition {
    seen: bool,
    named: bool,
    file: Option<Vec<u8>>,
    extended: bool,
}

impl Disposition {
    /// One field more. Those that say nothing of what the part is are passed over (RFC 7578 section 4.8).
    pub(super) fn take(&mut self, field: &Field<'_>) -> Result<(), Why> {
        let is = |name: &str| field.name.eq_ignore_ascii_case(name);
        if is("Content-Disposition") {
            self.disposition(field.value)
        } else if is("Content-Transfer-Encoding") {
            let plain = [&b"7bit"[..], b"8bit", b"binary"];
            let plain = plain.iter().any(|plain| field.value.eq_ignore_ascii_case(plain));
            if plain { Ok(()) } else { Err(ENCODED) }
        } else if is("Content-Type") {
            let nested =
                field.value.get(..10).is_some_and(|kind| kind.eq_ignore_ascii_case(b"multipart/"));
            if nested { Err(NESTED) } else { Ok(()) }
        } else {
            Ok(())
        }
    }

    fn disposition(&mut self, value: &[u8]) -> Result<(), Why> {
        if std::mem::replace(&mut self.seen, true) {
            return Err(NOT_ONE);
        }
        let end = value.iter().position(|byte| matches!(byte, b';' | b' ' | b'\t'));
        let (kind, rest) = value.split_at(end.unwrap_or(value.len()));
        if !kind.eq_ignore_ascii_case(b"form-data") {
            return Err(OTHER);
        }
        for (name, value) in parameters(rest).map_err(|NoParameters| PARAMETERS)? {
            if name.eq_ignore_ascii_case(b"filename") {
                if self.file.replace(browsers(&value)).is_some() {
                    return Err(TWICE);
                }
            } else if name.eq_ignore_ascii_case(b"name") {
                if std::mem::replace(&mut self.named, true) {
                    return Err(TWICE);
                }
            } else if name.eq_ignore_ascii_case(b"filename*") {
                self.extended = true;
            }
        }
        Ok(())
    }

    /// The name of the file, as it was sent. `None`: the part is a field.
    pub(super) fn file(self) -> Result<Option<Vec<u8>>, Why> {
        match self {
            Disposition { seen: false, .. } => Err(NOT_ONE),
            Disposition { file: None, extended: true, .. } => Err(EXTENDED),
            Disposition { file, .. } => Ok(file),
        }
    }
}

/// The octets that browsers write as `%22`, `%0D` and `%0A` in a name, and no others (HTML, "escape a
/// multipart form data name").
fn browsers(name: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(name.len());
    let mut rest = name;
    while let Some((first, behind)) = rest.split_first() {
        let (byte, len) = match rest.get(..3) {
            Some(b"%22") => (b'"', 3),
            Some(b"%0D") => (b'\r', 3),
            Some(b"%0A") => (b'\n', 3),
            _ => (*first, 1),
        };
        out.push(byte);
        rest = if len == 1 { behind } else { &rest[len..] };
    }
    out
}

/// A parameter's name and its value, without quotes.
type Parameter<'b> = (&'b [u8], Vec<u8>);

/// Something is no parameter.
#[derive(Debug)]
pub(super) struct NoParameters;

/// The parameters behind a value: `; name=token`, `; name="quoted"` (RFC 9110 section 5.6.6).
///
/// In quotes a backslash stands for what follows it only before `"` and `\`: browsers send a path of Windows as
/// it is, curl before 7.81 and other programs escape these two.
pub(super) fn parameters(rest: &[u8]) -> Result<Vec<Parameter<'_>>, NoParameters> {
    let mut found = Vec::new();
    let mut rest = rest.trim_ascii();
    while !rest.is_empty() {
        rest = rest.strip_prefix(b";").ok_or(NoParameters)?.trim_ascii_start();
        if rest.is_empty() || rest[0] == b';' {
            continue;
        }
        let equals = first_other(of::TOKEN, rest).filter(|at| *at > 0 && rest[*at] == b'=');
        let (name, value) = rest.split_at(equals.ok_or(NoParameters)?);
        let value = &value[1..];
        let mut text = Vec::new();
        match value.strip_prefix(b"\"") {
            Some(quoted) => rest = unquoted(quoted, &mut text).ok_or(NoParameters)?,
            None => {
                let end = first_other(of::TOKEN, value).unwrap_or(value.len());
                if end == 0 {
                    return Err(NoParameters);
                }
                text.extend_from_slice(&value[..end]);
                rest = &value[end..];
            }
        }
        rest = rest.trim_ascii_start();
        found.push((name, text));
    }
    Ok(found)
}

/// What stands before the quote that ends it goes to `out`; what stands behind that is returned.
fn unquoted<'b>(mut quoted: &'b [u8], out: &mut Vec<u8>) -> Option<&'b [u8]> {
    loop {
        match quoted {
            [] => return None,
            [b'"', behind @ ..] => return Some(behind),
            [b'\\', byte @ (b'"' | b'\\'), behind @ ..] => {
                out.push(*byte);
                quoted = behind;
            }
            [byte, behind @ ..] => {
                out.push(*byte);
                quoted = behind;
            }
        }
    }
}
