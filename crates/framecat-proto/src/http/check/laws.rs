//! What every answer must be, whatever was asked: looked at in all answers of a run.

use super::Level;
use super::answer::{Answer, is_digits, is_token, shown};
use super::sending::Moment;
use super::subject::Subject;

/// A rule for every answer.
#[derive(Debug)]
pub struct Law {
    /// Short, unique, made of words; begins with `every-`.
    pub id: &'static str,
    /// As in [`Case`](super::Case).
    pub section: &'static str,
    /// How binding it is.
    pub level: Level,
    /// What it says.
    pub says: &'static str,
    /// What breaks it in an answer.
    broken: fn(&Answer<'_>, &About<'_>) -> Option<String>,
}

/// What is known of an answer besides its bytes.
pub(super) struct About<'a> {
    pub subject: &'a Subject,
    /// It answers HEAD.
    pub head: bool,
    /// It answers a request of HTTP/1.0.
    pub old: bool,
    /// The server closed behind it.
    pub closed: bool,
    /// Another answer came behind it.
    pub followed: bool,
}

/// The laws that an answer breaks, each with what it did.
pub(super) fn broken(answer: &Answer<'_>, about: &About<'_>) -> Vec<(&'static Law, String)> {
    let broken = |law: &'static Law| (law.broken)(answer, about).map(|what| (law, what));
    LAWS.iter().filter_map(broken).collect()
}

/// All laws, in the order of the RFCs' sections.
pub fn laws() -> &'static [Law] {
    LAWS
}

const LAWS: &[Law] = &[
    Law {
        id: "every-transfer-encoding-alone",
        section: "9112 6.2",
        level: Level::Must,
        says: "no Content-Length beside Transfer-Encoding",
        broken: |answer, _| {
            let both = has(answer, "transfer-encoding") && has(answer, "content-length");
            both.then(|| format!("{} with both", answer.status))
        },
    },
    Law {
        id: "every-bodiless-without-transfer-encoding",
        section: "9112 6.1",
        level: Level::Must,
        says: "no Transfer-Encoding in 1xx and 204",
        broken: |answer, _| {
            let bare = answer.status < 200 || answer.status == 204;
            let wrong = bare && has(answer, "transfer-encoding");
            wrong.then(|| format!("{} with Transfer-Encoding", answer.status))
        },
    },
    Law {
        id: "every-transfer-encoding-to-1.1",
        section: "9112 6.1",
        level: Level::Must,
        says: "no Transfer-Encoding to a client of HTTP/1.0",
        broken: |answer, about| {
            let wrong = about.old && has(answer, "transfer-encoding");
            wrong.then(|| format!("{} with Transfer-Encoding", answer.status))
        },
    },
    Law {
        id: "every-chunked-last",
        section: "9112 6.1",
        level: Level::Must,
        says: "chunked once, and last",
        broken: |answer, _| {
            let codings: Vec<&[u8]> = answer.members("transfer-encoding").collect();
            let chunked = codings.iter().filter(|c| c.eq_ignore_ascii_case(b"chunked")).count();
            (chunked > 1).then(|| format!("{} with chunked {chunked} times", answer.status))
        },
    },
    Law {
        id: "every-close-kept",
        section: "9112 9.6",
        level: Level::Must,
        says: "who says close closes, and answers nothing more",
        broken: |answer, about| {
            let said = answer.status >= 200 && answer.lists("connection", "close");
            (said && about.followed)
                .then(|| format!("{} with Connection: close, and another answer", answer.status))
        },
    },
    Law {
        id: "every-close-said",
        section: "9112 9.6",
        level: Level::Should,
        says: "who closes says close",
        broken: |answer, about| {
            let last = about.closed && !about.old && answer.status >= 200;
            let silent = last && !answer.lists("connection", "close") && answer.version == (1, 1);
            silent.then(|| format!("{} without Connection: close, and closed", answer.status))
        },
    },
    Law {
        id: "every-length-delimited",
        section: "9112 6.3",
        level: Level::Should,
        says: "an answer says where it ends",
        broken: |answer, about| {
            let wrong = answer.by_close && !about.old;
            wrong.then(|| format!("{} that ends where the connection does", answer.status))
        },
    },
    Law {
        id: "every-version",
        section: "9110 6.2",
        level: Level::Should,
        says: "an answer has the highest version of the server: 1.1",
        broken: |answer, _| match answer.version {
            (1, 1) => None,
            (major, minor) => Some(format!("an answer of HTTP/{major}.{minor}")),
        },
    },
    Law {
        id: "every-field-once",
        section: "9110 5.3",
        level: Level::Must,
        says: "a field that is no list stands once",
        broken: |answer, _| {
            const SINGLE: [&str; 12] = [
                "content-length",
                "content-type",
                "content-range",
                "content-location",
                "date",
                "etag",
                "last-modified",
                "location",
                "server",
                "expires",
                "retry-after",
                "age",
            ];
            let twice = SINGLE.iter().find(|name| answer.all(name).nth(1).is_some())?;
            Some(format!("{} with {twice} twice", answer.status))
        },
    },
    Law {
        id: "every-date",
        section: "9110 6.6.1",
        level: Level::Must,
        says: "2xx, 3xx and 4xx have a Date",
        broken: |answer, _| {
            let dated = matches!(answer.status, 200..500);
            (dated && !has(answer, "date")).then(|| format!("{} without Date", answer.status))
        },
    },
    Law {
        id: "every-date-format",
        section: "9110 5.6.7",
        level: Level::Must,
        says: "dates are written as IMF-fixdate",
        broken: |answer, _| {
            let dates = ["date", "last-modified", "expires"];
            dates.into_iter().find_map(|name| {
                let value = answer.get(name)?;
                // Caches take any other Expires for the past, and 0 is in use for that (RFC 9111 section 5.3).
                let right = moment(value).is_some() || (name == "expires" && value == b"0");
                (!right).then(|| format!("{name}: {}", shown(value)))
            })
        },
    },
    Law {
        id: "every-last-modified-past",
        section: "9110 8.8.2.1",
        level: Level::Must,
        says: "Last-Modified is not later than Date",
        broken: |answer, _| {
            let (modified, date) = (answer.get("last-modified")?, answer.get("date")?);
            let later = moment(modified)? > moment(date)?;
            later.then(|| format!("{} behind {}", shown(modified), shown(date)))
        },
    },
    Law {
        id: "every-etag-format",
        section: "9110 8.8.3",
        level: Level::Must,
        says: "an entity tag is quoted; a weak one begins with W/",
        broken: |answer, _| {
            let tag = answer.get("etag")?;
            let opaque = tag.strip_prefix(b"W/").unwrap_or(tag);
            let inner = opaque.strip_prefix(b"\"").and_then(|tag| tag.strip_suffix(b"\""));
            let right = inner.is_some_and(|inner| {
                inner.iter().all(|b| *b == 0x21 || (0x23..0x7F).contains(b) || *b >= 0x80)
            });
            (!right).then(|| format!("ETag: {}", shown(tag)))
        },
    },
    Law {
        id: "every-connection-field-listed",
        section: "9110 7.6.1",
        level: Level::Must,
        says: "fields about the connection are listed in Connection",
        broken: |answer, _| {
            let hidden = ["keep-alive", "upgrade"];
            let hidden =
                hidden.into_iter().find(|n| has(answer, n) && !answer.lists("connection", n))?;
            Some(format!("{} with {hidden}, not listed", answer.status))
        },
    },
    Law {
        id: "every-connection-tokens",
        section: "9110 7.6.1",
        level: Level::Must,
        says: "Connection is a list of tokens",
        broken: |answer, _| tokens(answer, "connection"),
    },
    Law {
        id: "every-content-type",
        section: "9110 8.3",
        level: Level::Should,
        says: "what has content has a Content-Type",
        broken: |answer, _| {
            let bare = !answer.content.is_empty() && !has(answer, "content-type");
            bare.then(|| format!("{} without Content-Type", answer.status))
        },
    },
    Law {
        id: "every-content-type-format",
        section: "9110 8.3.1",
        level: Level::Must,
        says: "Content-Type is type/subtype",
        broken: |answer, _| {
            let value = answer.get("content-type")?;
            let text = std::str::from_utf8(value).unwrap_or_default();
            let kind = text.split(';').next().unwrap_or_default().trim();
            let right = kind.split_once('/').is_some_and(|(a, b)| is_token(a) && is_token(b));
            (!right).then(|| format!("Content-Type: {}", shown(value)))
        },
    },
    Law {
        id: "every-identity-unsaid",
        section: "9110 8.4",
        level: Level::Should,
        says: "Content-Encoding does not say identity",
        broken: |answer, _| {
            let said = answer.lists("content-encoding", "identity");
            said.then(|| format!("{} with Content-Encoding: identity", answer.status))
        },
    },
    Law {
        id: "every-bodiless-without-length",
        section: "9110 8.6",
        level: Level::Must,
        says: "no Content-Length in 1xx and 204",
        broken: |answer, _| {
            let bare = answer.status < 200 || answer.status == 204;
            let wrong = bare && has(answer, "content-length");
            wrong.then(|| format!("{} with Content-Length", answer.status))
        },
    },
    Law {
        id: "every-length-as-get",
        section: "9110 8.6",
        level: Level::Must,
        says: "Content-Length in 304 and of 200 to HEAD is that of the 200 to GET",
        broken: |answer, about| {
            let without = answer.status == 304 || (about.head && answer.status == 200);
            let length = answer.get("content-length").filter(|_| without)?;
            // Of another resource nothing is known; all that cases ask by HEAD or revalidate is the file.
            let of_file = about.subject.field("content-length");
            let wrong = of_file.is_some_and(|of_file| of_file.as_bytes() != length);
            wrong.then(|| format!("{} with Content-Length: {}", answer.status, shown(length)))
        },
    },
    Law {
        id: "every-length-digits",
        section: "9110 8.6",
        level: Level::Must,
        says: "Content-Length is digits",
        broken: |answer, _| {
            let length = answer.get("content-length")?;
            let right = std::str::from_utf8(length).is_ok_and(is_digits);
            (!right).then(|| format!("Content-Length: {}", shown(length)))
        },
    },
    Law {
        id: "every-allow-tokens",
        section: "9110 10.2.1",
        level: Level::Must,
        says: "Allow is a list of methods",
        broken: |answer, _| tokens(answer, "allow"),
    },
    Law {
        id: "every-405-allow",
        section: "9110 15.5.6",
        level: Level::Must,
        says: "a 405 has Allow",
        broken: |answer, _| {
            let wrong = answer.status == 405 && !has(answer, "allow");
            wrong.then(|| "405 without Allow".into())
        },
    },
    Law {
        id: "every-401-challenge",
        section: "9110 15.5.2",
        level: Level::Must,
        says: "a 401 has WWW-Authenticate",
        broken: |answer, _| {
            let wrong = answer.status == 401 && !has(answer, "www-authenticate");
            wrong.then(|| "401 without WWW-Authenticate".into())
        },
    },
    Law {
        id: "every-upgrade-said",
        section: "9110 7.8",
        level: Level::Must,
        says: "101 and 426 have Upgrade",
        broken: |answer, _| {
            let wrong = matches!(answer.status, 101 | 426) && !has(answer, "upgrade");
            wrong.then(|| format!("{} without Upgrade", answer.status))
        },
    },
    Law {
        id: "every-content-range-format",
        section: "9110 14.4",
        level: Level::Must,
        says: "Content-Range is a range within the length that it tells",
        broken: |answer, _| {
            let value = answer.get("content-range")?;
            let text = std::str::from_utf8(value).unwrap_or_default();
            (!is_content_range(text)).then(|| format!("Content-Range: {}", shown(value)))
        },
    },
    Law {
        id: "every-206-range",
        section: "9110 15.3.7",
        level: Level::Must,
        says: "a 206 has Content-Range or is multipart/byteranges, not both",
        broken: |answer, about| {
            if answer.status != 206 || about.head {
                return None;
            }
            let kind = answer.get("content-type").unwrap_or_default().to_ascii_lowercase();
            let multipart = kind.starts_with(b"multipart/byteranges");
            let range = has(answer, "content-range");
            (multipart == range).then(|| match range {
                true => "a multipart 206 with Content-Range".into(),
                false => "206 without Content-Range".into(),
            })
        },
    },
    Law {
        id: "every-416-length",
        section: "9110 15.5.17",
        level: Level::Should,
        says: "a 416 tells the length in Content-Range",
        broken: |answer, _| {
            let told =
                answer.get("content-range").is_some_and(|range| range.starts_with(b"bytes */"));
            (answer.status == 416 && !told).then(|| "416 without Content-Range: bytes */…".into())
        },
    },
    Law {
        id: "every-accept-ranges-tokens",
        section: "9110 14.3",
        level: Level::Must,
        says: "Accept-Ranges is a list of units",
        broken: |answer, _| tokens(answer, "accept-ranges"),
    },
    Law {
        id: "every-coding-own-tag",
        section: "9110 8.8.3",
        level: Level::Must,
        says: "each coding of a file has a strong entity tag of its own",
        broken: |answer, about| {
            let coded = has(answer, "content-encoding") && answer.status == 200;
            let same = about
                .subject
                .strong()
                .is_some_and(|tag| answer.get("etag") == Some(tag.as_bytes()));
            let wrong = coded && same && about.subject.field("content-encoding").is_none();
            wrong.then(|| "the ETag of the file as it is, on the file in a coding".into())
        },
    },
    Law {
        id: "every-coded-varies",
        section: "9110 12.5.5",
        level: Level::Should,
        says: "what is in a coding varies by Accept-Encoding",
        broken: |answer, about| {
            let coded = has(answer, "content-encoding") && answer.status == 200;
            let told = answer.lists("vary", "accept-encoding") || answer.lists("vary", "*");
            let wrong = coded && !told && about.subject.field("content-encoding").is_none();
            wrong.then(|| "Content-Encoding without Vary: Accept-Encoding".into())
        },
    },
    Law {
        id: "every-vary-tokens",
        section: "9110 12.5.5",
        level: Level::Must,
        says: "Vary is * or a list of field names",
        broken: |answer, _| tokens(answer, "vary"),
    },
    Law {
        id: "every-no-1xx-to-1.0",
        section: "9110 15.2",
        level: Level::Must,
        says: "no interim answer to a client of HTTP/1.0",
        broken: |answer, about| {
            (about.old && answer.status < 200).then(|| format!("{} to HTTP/1.0", answer.status))
        },
    },
    Law {
        id: "every-redirect-location",
        section: "9110 15.4",
        level: Level::Should,
        says: "a redirect has Location",
        broken: |answer, _| {
            let redirect = matches!(answer.status, 301 | 302 | 303 | 307 | 308);
            let wrong = redirect && !has(answer, "location");
            wrong.then(|| format!("{} without Location", answer.status))
        },
    },
    Law {
        id: "every-location-format",
        section: "9110 10.2.2",
        level: Level::Must,
        says: "Location is a reference to a URI",
        broken: |answer, _| {
            let value = answer.get("location")?;
            let odd = |byte: &u8| !(0x21..0x7F).contains(byte) || b"\"<>\\^`{|}".contains(byte);
            value.iter().any(odd).then(|| format!("Location: {}", shown(value)))
        },
    },
    Law {
        id: "every-error-explained",
        section: "9110 15.5",
        level: Level::Should,
        says: "4xx and 5xx say in their content what is wrong",
        broken: |answer, about| {
            let bare = answer.status >= 400 && !about.head && answer.content.is_empty();
            bare.then(|| format!("{} without content", answer.status))
        },
    },
];

fn has(answer: &Answer<'_>, name: &str) -> bool {
    answer.get(name).is_some()
}

fn moment(value: &[u8]) -> Option<Moment<'_>> {
    std::str::from_utf8(value).ok().and_then(Moment::read)
}

/// What is no token in a list of them. A sender writes no empty members (RFC 9110 section 5.6.1.1), but a
/// list may be empty.
fn tokens(answer: &Answer<'_>, name: &'static str) -> Option<String> {
    let values = answer.all(name).filter(|value| !value.is_empty());
    let mut members = values.flat_map(|value| value.split(|byte| *byte == b','));
    let right = |member: &[u8]| std::str::from_utf8(member.trim_ascii()).is_ok_and(is_token);
    let wrong = members.find(|member| !right(member))?;
    Some(format!("`{}` in {name}", shown(wrong)))
}

/// `bytes 0-9/100`, `bytes 0-9/*`, `bytes */100`.
fn is_content_range(text: &str) -> bool {
    let number = |text: &str| match is_digits(text) {
        true => text.parse::<u64>().ok(),
        false => None,
    };
    let Some((range, length)) = text.strip_prefix("bytes ").and_then(|rest| rest.split_once('/'))
    else {
        return false;
    };
    if range == "*" {
        return number(length).is_some();
    }
    let Some((first, last)) = range.split_once('-') else { return false };
    let (Some(first), Some(last)) = (number(first), number(last)) else { return false };
    let within = length == "*" || number(length).is_some_and(|length| last < length);
    first <= last && within
}
