//! Uploads in pieces: what names one, which piece a request brings, and whether that is the one that is due.
//!
//! ```text
//!  POST /a.bin?upload              Upload-Length: 9    201  Location: /a.bin?upload=ID
//!  PUT  /a.bin?upload=ID  Content-Range: bytes 0-4/9   202  Upload-Offset: 5
//!  HEAD /a.bin?upload=ID                               204  Upload-Offset: 5
//!  PUT  /a.bin?upload=ID  Content-Range: bytes 5-8/9   201  Location: /a.bin
//! ```
//!
//! Content-Range in a PUT is what RFC 9110 section 14.5 leaves to be agreed on; a PUT without `?upload=ID`
//! that has one is no such agreement, and is refused.

use std::fmt;
use std::str::FromStr;

use super::conditional::Conditions;
use super::path::encode;
use super::plan::{Policy, because};
use super::repr_digest::Expected;
use super::status::page;
use super::write::{LENGTHLESS, Put, text, too_long};
use super::{Length, Method, Reply, Request, Why};
use crate::path::SafePath;

const SECTION_RANGE: &str = "RFC 9110 section 14.4";

const RANGE: Why = Why {
    rule: "Content-Range is not \"bytes FIRST-LAST/LENGTH\", with \"*\" for a length not yet known, or \
           \"bytes */LENGTH\"",
    section: SECTION_RANGE,
};
const LARGE: Why =
    Why { rule: "a number in Content-Range is larger than any file", section: SECTION_RANGE };
const BACKWARDS: Why = Why {
    rule: "Content-Range has its last byte before its first, or behind the length",
    section: SECTION_RANGE,
};
const LENGTH: Why = Why {
    rule: "Upload-Length is not a number of bytes that a file can have",
    section: "RFC 9651 section 3.3.1",
};
const DIFFERS: Why = Why {
    rule: "Content-Length and Content-Range tell different numbers of bytes",
    section: SECTION_RANGE,
};

const RANGELESS: Why = Why {
    rule: "a piece of an upload says by Content-Range where it belongs; without one it is all of the file, and has a \
           Content-Length",
    section: SECTION_RANGE,
};
const SHORT: Why = Why {
    rule: "the content ends before the last byte that Content-Range tells",
    section: SECTION_RANGE,
};
const LONG: Why = Why {
    rule: "the content goes on behind the last byte that Content-Range tells",
    section: SECTION_RANGE,
};

const STEPS: &str = "An upload in pieces is begun by POST with ?upload; with the id that is told then its pieces \
                     are PUT, HEAD tells how much is there, and DELETE gives it up.";

/// The largest file (`off_t`).
const FILE_BYTES_MAX: u64 = i64::MAX as u64;

/// What names an upload: 64 bits of chance. Who knows it may go on with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct UploadId(
    /// As a number.
    pub u64,
);

impl fmt::Display for UploadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// It is not 16 digits of lower-case hexadecimal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the id of an upload is 16 hexadecimal digits, the letters in lower case")]
pub struct NoUploadId;

impl FromStr for UploadId {
    type Err = NoUploadId;

    /// Exactly what [`Display`](fmt::Display) writes, so that no upload has two names.
    fn from_str(text: &str) -> Result<UploadId, NoUploadId> {
        let digits = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        if text.len() != 16 || !digits {
            return Err(NoUploadId);
        }
        u64::from_str_radix(text, 16).map(UploadId).map_err(|_| NoUploadId)
    }
}

/// What the query of a target says of an upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// Nothing.
    No,
    /// `?upload`: one is to begin.
    New,
    /// `?upload=ID`: it is about this one.
    Of(UploadId),
    /// `?upload=…` with something that is no id, or more than one: there is no such upload.
    Other,
}

/// What `query` says of an upload.
pub fn asked(query: Option<&str>) -> Asked {
    let mut found = Asked::No;
    for parameter in query.into_iter().flat_map(|query| query.split('&')) {
        let (name, value) = match parameter.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (parameter, None),
        };
        if name != "upload" {
            continue;
        }
        found = match (found, value.map(str::parse)) {
            (Asked::No, None) => Asked::New,
            (Asked::No, Some(Ok(id))) => Asked::Of(id),
            _ => Asked::Other,
        };
    }
    found
}

/// A piece of a file, or the news that there is none left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Piece {
    /// Where it begins. `None`: there is none, for all is there (`bytes */LENGTH`).
    pub from: Option<u64>,
    /// How many bytes it has: 0 only where there is none.
    pub len: u64,
    /// How many bytes the file has. `None`: nobody knows yet, more comes.
    pub total: Option<u64>,
}

impl Piece {
    /// The one that the value of a Content-Range tells: `bytes 0-4/9`, `bytes 0-4/*`, `bytes */9`. Its unit may be
    /// in any case.
    ///
    /// # Errors
    /// It tells none: another unit, no numbers, numbers that no file can have, or a last byte before the first or
    /// behind the end.
    pub fn of(value: &[u8]) -> Result<Piece, Why> {
        let (unit, rest) = value.split_at_checked(6).ok_or(RANGE)?;
        if !unit.eq_ignore_ascii_case(b"bytes ") {
            return Err(RANGE);
        }
        let slash = rest.iter().position(|byte| *byte == b'/').ok_or(RANGE)?;
        let (range, total) = (&rest[..slash], &rest[slash + 1..]);
        let total = if total == b"*" { None } else { Some(number(total, RANGE, LARGE)?) };
        if range == b"*" {
            // "bytes */*" says nothing at all.
            let total = Some(total.ok_or(RANGE)?);
            return Ok(Piece { from: None, len: 0, total });
        }
        let dash = range.iter().position(|byte| *byte == b'-').ok_or(RANGE)?;
        let from = number(&range[..dash], RANGE, LARGE)?;
        let last = number(&range[dash + 1..], RANGE, LARGE)?;
        if last < from || total.is_some_and(|total| last >= total) {
            return Err(BACKWARDS);
        }
        // Numbers of files are below 2^63: nothing overflows.
        let len = last - from + 1;
        if from + len > FILE_BYTES_MAX {
            return Err(LARGE);
        }
        Ok(Piece { from: Some(from), len, total })
    }

    /// All of a file of so many bytes.
    pub fn whole(len: u64) -> Piece {
        Piece { from: (len > 0).then_some(0), len, total: Some(len) }
    }

    /// Whether the content of the request has as many bytes, as far as its head says.
    ///
    /// # Errors
    /// It has another number.
    pub fn fits(&self, content_length: Option<u64>) -> Result<(), Why> {
        match content_length {
            Some(length) if length != self.len => Err(DIFFERS),
            _ => Ok(()),
        }
    }

    /// Whether it is the piece that is due where so many bytes are there. A piece that tells where all ends
    /// must not tell an end before what is there, either.
    pub fn is_due(&self, offset: u64) -> bool {
        match (self.from, self.total) {
            (Some(from), _) => from == offset,
            (None, total) => total == Some(offset),
        }
    }

    /// Whether the file is whole behind it.
    pub fn ends(&self) -> bool {
        match (self.from, self.total) {
            (Some(from), Some(total)) => from + self.len == total,
            (Some(_), None) => false,
            (None, _) => true,
        }
    }
}

/// What is to be done about an upload in pieces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upload {
    /// The file it is to be.
    pub put: Put,
    /// What is to be done.
    pub step: Step,
}

/// See [`Upload`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Begin one.
    Begin,
    /// Tell how much of it is there.
    Tell(UploadId),
    /// Take a piece.
    Take(UploadId, Piece),
    /// Forget it.
    Forget(UploadId),
}

impl Upload {
    /// What a request to `path` wants whose query asks for an upload.
    ///
    /// # Errors
    /// The reply to what is wrong with it, whatever is there.
    pub(super) fn of(
        request: &Request<'_>,
        path: SafePath,
        asked: Asked,
        policy: &Policy,
    ) -> Result<Upload, Reply> {
        let fields = &request.fields;
        let empty = matches!(request.length, Length::None | Length::Bytes(0));
        if request.method != Method::Put && !empty {
            return Err(page(400, Some(STEPS)));
        }
        let (step, size) = match (request.method, asked) {
            (_, Asked::Other) => return Err(none()),
            (Method::Post, Asked::New) => {
                let told = fields.get("upload-length").map(length).transpose();
                (Step::Begin, told.map_err(|why| because(400, why))?)
            }
            (Method::Head, Asked::Of(id)) => (Step::Tell(id), None),
            (Method::Delete, Asked::Of(id)) => (Step::Forget(id), None),
            (Method::Put, Asked::Of(id)) => {
                let content = match request.length {
                    Length::None => return Err(because(411, LENGTHLESS)),
                    Length::Bytes(len) => Some(len),
                    _ => None,
                };
                let range = fields.only("content-range");
                let piece = match (range, fields.get("content-range"), content) {
                    (Some(range), ..) => Piece::of(range).map_err(|why| because(400, why))?,
                    (None, None, Some(len)) => Piece::whole(len),
                    _ => return Err(because(400, RANGELESS)),
                };
                piece.fits(content).map_err(|why| because(400, why))?;
                (Step::Take(id, piece), piece.total)
            }
            _ => return Err(page(400, Some(STEPS))),
        };
        let end = match step {
            Step::Take(_, piece) => piece.total.max(piece.from.map(|from| from + piece.len)),
            _ => size,
        };
        if end.is_some_and(|end| end > policy.max_upload) {
            return Err(too_long(policy));
        }
        let expected = Expected::of(fields).map_err(|why| because(400, why))?;
        let put = Put { path, size, conditions: Conditions::of(fields), expected };
        Ok(Upload { put, step })
    }
}

/// The reply to an upload of the file `path` that has begun.
pub fn begun(path: &SafePath, id: UploadId) -> Reply {
    let mut place = b"/".to_vec();
    encode(path.to_string().as_bytes(), &mut place);
    let place = format!("{}?upload={id}", String::from_utf8_lossy(&place));
    let mut reply = text(201, &format!("goes on at {place}\n"));
    reply.field("Location", place);
    reply.field("Upload-Offset", 0);
    reply
}

/// The reply that tells how much is there: 204 to who asks, 202 behind a piece that was not the last.
pub fn there(status: u16, offset: u64) -> Reply {
    let mut reply = Reply::new(status);
    if status != 204 {
        reply = text(status, &format!("{offset} bytes are there\n"));
    } else {
        reply.field("Cache-Control", "no-store");
    }
    reply.field("Upload-Offset", offset);
    reply
}

/// The reply to a piece that is not the one that is due.
pub fn not_due(offset: u64) -> Reply {
    let words = format!("{offset} bytes are there: the next piece begins at {offset}.");
    with_offset(page(409, Some(&words)), offset)
}

/// The reply to a request whose upload another one writes now.
pub fn busy(offset: u64) -> Reply {
    with_offset(page(409, Some("Another request goes on with this upload.")), offset)
}

/// The same, where the other one has ended it: it is whole, or given up.
pub fn ended() -> Reply {
    page(409, Some("Another request went on with this upload, and ended it."))
}

/// The reply to a piece of which less came than was told.
pub fn short() -> Reply {
    because(400, SHORT)
}

/// The reply to a piece of which more came than was told.
pub fn long() -> Reply {
    because(400, LONG)
}

/// The same reply, with how much is there.
pub fn with_offset(mut reply: Reply, offset: u64) -> Reply {
    reply.field("Upload-Offset", offset);
    reply
}

/// No other upload begins now: too many have begun and not ended.
pub fn too_many() -> Reply {
    let words =
        "Too many uploads were begun and have not ended: end some, or give them up (DELETE).";
    let mut reply = page(503, Some(words));
    reply.field("Retry-After", 60);
    reply
}

/// The reply where there is no such upload.
pub fn none() -> Reply {
    page(
        404,
        Some(
            "There is no such upload: it is whole, was given up, or nobody went on with it for a week.",
        ),
    )
}

/// The value of Upload-Length: digits.
///
/// # Errors
/// It is no number, or one that no file can have.
pub fn length(value: &[u8]) -> Result<u64, Why> {
    number(value, LENGTH, LENGTH)
}

/// Digits alone, and no more than a file can have bytes.
fn number(digits: &[u8], no_number: Why, too_large: Why) -> Result<u64, Why> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Err(no_number);
    }
    let number = digits.iter().try_fold(0_u64, |number, digit| {
        number.checked_mul(10)?.checked_add(u64::from(digit - b'0'))
    });
    number.filter(|number| *number <= FILE_BYTES_MAX).ok_or(too_large)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn piece(from: impl Into<Option<u64>>, len: u64, total: impl Into<Option<u64>>) -> Piece {
        Piece { from: from.into(), len, total: total.into() }
    }

    #[test]
    fn pieces_are_what_content_range_says() {
        for (value, want) in [
            ("bytes 0-4/9", piece(0, 5, 9)),
            ("bytes 5-8/9", piece(5, 4, 9)),
            ("Bytes 0-0/1", piece(0, 1, 1)),
            ("bytes 7-7/*", piece(7, 1, None)),
            ("bytes */0", piece(None, 0, 0)),
            ("bytes */9", piece(None, 0, 9)),
            ("bytes 000-004/0009", piece(0, 5, 9)),
            (
                "bytes 0-9223372036854775806/9223372036854775807",
                piece(0, i64::MAX as u64, i64::MAX as u64),
            ),
        ] {
            assert_eq!(Piece::of(value.as_bytes()), Ok(want), "{value}");
        }
        for (value, why) in [
            ("", RANGE),
            ("bytes", RANGE),
            ("bytes ", RANGE),
            ("bytes 0-4", RANGE),
            ("bytes=0-4/9", RANGE),
            ("items 0-4/9", RANGE),
            ("bytes  0-4/9", RANGE),
            ("bytes 0 - 4/9", RANGE),
            ("bytes 0-4/9 ", RANGE),
            ("bytes -4/9", RANGE),
            ("bytes 0-/9", RANGE),
            ("bytes 4/9", RANGE),
            ("bytes +0-4/9", RANGE),
            ("bytes 0-0x4/9", RANGE),
            ("bytes 0-4/", RANGE),
            ("bytes 0-4/9/9", RANGE),
            ("bytes */*", RANGE),
            ("bytes */", RANGE),
            ("bytes *-4/9", RANGE),
            ("bytes 0-4/9, bytes 5-8/9", RANGE),
            ("bytes 4-0/9", BACKWARDS),
            ("bytes 0-9/9", BACKWARDS),
            ("bytes 0-0/0", BACKWARDS),
            ("bytes 0-4/18446744073709551616", LARGE),
            ("bytes 0-18446744073709551615/*", LARGE),
            ("bytes 18446744073709551615-18446744073709551615/*", LARGE),
            ("bytes 0-9223372036854775807/*", LARGE),
            ("bytes 9223372036854775807-9223372036854775807/*", LARGE),
            ("bytes 0-99999999999999999999999999999999999999999/*", LARGE),
        ] {
            assert_eq!(Piece::of(value.as_bytes()), Err(why), "{value}");
        }
    }

    #[test]
    fn a_piece_is_due_where_the_one_before_it_ended() {
        let middle = piece(5, 4, 12);
        assert!(middle.is_due(5) && !middle.is_due(4) && !middle.is_due(9) && !middle.ends());
        assert!(piece(9, 3, 12).ends() && !piece(9, 3, None).ends());
        let nothing_left = piece(None, 0, 12);
        assert!(nothing_left.is_due(12) && !nothing_left.is_due(11) && nothing_left.ends());
        assert!(piece(None, 0, 0).is_due(0) && piece(None, 0, 0).ends());
        assert_eq!(middle.fits(None), Ok(()));
        assert_eq!(middle.fits(Some(4)), Ok(()));
        assert_eq!(middle.fits(Some(5)), Err(DIFFERS));
        assert!(
            Piece::whole(12).is_due(0) && Piece::whole(12).ends() && !Piece::whole(12).is_due(1)
        );
        assert_eq!(Piece::whole(0), Piece::of(b"bytes */0").unwrap());
        assert_eq!(nothing_left.fits(Some(0)), Ok(()));
        assert_eq!(nothing_left.fits(Some(1)), Err(DIFFERS));
    }

    #[test]
    fn an_upload_has_one_name() {
        let id = UploadId(0x00ab_cdef_0123_4567);
        assert_eq!(id.to_string(), "00abcdef01234567");
        assert_eq!(id.to_string().parse(), Ok(id));
        for text in [
            "",
            "0",
            "00ABCDEF01234567",
            "00abcdef0123456",
            "00abcdef012345678",
            "+0abcdef01234567",
            "0xabcdef01234567",
            "../../../../../x",
            "00abcdef0123456g",
            "é0abcdef0123456",
        ] {
            assert_eq!(text.parse::<UploadId>(), Err(NoUploadId), "{text}");
        }
    }

    #[test]
    fn a_query_names_one_upload_or_none() {
        let id = UploadId(1);
        for (query, want) in [
            (None, Asked::No),
            (Some(""), Asked::No),
            (Some("json&uploads"), Asked::No),
            (Some("upload"), Asked::New),
            (Some("a=b&upload"), Asked::New),
            (Some("upload=0000000000000001"), Asked::Of(id)),
            (Some("upload=0000000000000001&x"), Asked::Of(id)),
            (Some("upload="), Asked::Other),
            (Some("upload=1"), Asked::Other),
            (Some("upload=%30000000000000001"), Asked::Other),
            (Some("upload=0000000000000001&upload=0000000000000001"), Asked::Other),
            (Some("upload&upload=0000000000000001"), Asked::Other),
        ] {
            assert_eq!(asked(query), want, "{query:?}");
        }
    }

    #[test]
    fn the_length_of_an_upload_is_a_number() {
        assert_eq!(length(b"0"), Ok(0));
        assert_eq!(length(b"9223372036854775807"), Ok(i64::MAX as u64));
        for value in
            ["", "-1", "+1", "1.5", "1 ", "?1", "9223372036854775808", "99999999999999999999"]
        {
            assert_eq!(length(value.as_bytes()), Err(LENGTH), "{value}");
        }
    }
}
