//! What the cases speak of: a plain file on the server, learned by a first GET.

use super::answer::{Answer, Read, read_answer, told_length};
use crate::limits::CHECK_ANSWERS_BYTES;

/// The fewest bytes of a file that the cases can be about: ranges are cut out of it.
pub const FILE_BYTES_MIN: usize = 100;

/// The most: every case fetches it.
pub const FILE_BYTES_MAX: usize = 1 << 20;

/// A file on a server, as a first GET showed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// Host and port as the URL has them: what Host says.
    pub authority: String,
    /// Path and query: what the request line says.
    pub path: String,
    /// Whether the connections are TLS.
    pub secured: bool,
    /// The file.
    pub content: Vec<u8>,
    /// The fields of the answer, in order.
    pub fields: Vec<(String, Vec<u8>)>,
}

/// Why the cases cannot be tried on this.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoSubject {
    /// The answer to the plainest GET is none.
    #[error("its answer to a plain GET is no answer of HTTP/1: {0}")]
    Unreadable(String),
    /// It was not 200.
    #[error("it answers a plain GET with {0}")]
    Status(u16),
    /// The file is too short to be cut into ranges, or too long to be fetched by every case.
    #[error("the file has {have} bytes, and the cases need {FILE_BYTES_MIN} to {FILE_BYTES_MAX}")]
    Size {
        /// Its size.
        have: usize,
    },
    /// More than `FILE_BYTES_MAX` came, and not the end of it.
    #[error("the file has more bytes than the {FILE_BYTES_MAX} that every case could fetch")]
    Endless,
}

impl NoSubject {
    /// Why an answer whose end is not in `bytes` is none: its file is too big, or it is cut.
    fn unfinished(bytes: &[u8]) -> NoSubject {
        match told_length(bytes) {
            Some(have) if have > FILE_BYTES_MAX => NoSubject::Size { have },
            _ if bytes.len() > CHECK_ANSWERS_BYTES => NoSubject::Endless,
            _ => NoSubject::Unreadable("it is cut".into()),
        }
    }
}

impl Subject {
    /// The request that asks for what [`learn`](Self::learn) reads.
    pub fn question(authority: &str, path: &str) -> Vec<u8> {
        format!("GET {path} HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\n\r\n")
            .into_bytes()
    }

    /// Whether the answer to [`question`](Self::question) is there, or cannot come any more: a server that
    /// keeps the connection need not be waited for.
    pub fn is_answered(received: &[u8]) -> bool {
        let mut rest = received;
        loop {
            match read_answer(rest, false, false) {
                Read::Whole(answer, used) if answer.status < 200 => rest = &rest[used..],
                // What is too big to be the subject need not be waited for.
                Read::Partial => return told_length(rest).is_some_and(|len| len > FILE_BYTES_MAX),
                Read::Whole(..) | Read::Broken(_) => return true,
            }
        }
    }

    /// Reads the answer to [`question`](Self::question): all bytes that came.
    ///
    /// Errors: there is no 200 with a file of `FILE_BYTES_MIN` to `FILE_BYTES_MAX` bytes.
    pub fn learn(
        authority: &str,
        path: &str,
        secured: bool,
        received: &[u8],
    ) -> Result<Subject, NoSubject> {
        let mut rest = received;
        let answer: Answer<'_> = loop {
            match read_answer(rest, false, true) {
                Read::Whole(answer, used) if answer.status < 200 => rest = &rest[used..],
                Read::Whole(answer, _) => break answer,
                Read::Partial => return Err(NoSubject::unfinished(rest)),
                Read::Broken(why) => return Err(NoSubject::Unreadable(why)),
            }
        };
        if answer.status != 200 {
            return Err(NoSubject::Status(answer.status));
        }
        let have = answer.content.len();
        if !(FILE_BYTES_MIN..=FILE_BYTES_MAX).contains(&have) {
            return Err(NoSubject::Size { have });
        }
        let fields = answer.fields.iter();
        let fields = fields.map(|(name, value)| ((*name).to_string(), value.to_vec())).collect();
        Ok(Subject {
            authority: authority.into(),
            path: path.into(),
            secured,
            content: answer.content.into_owned(),
            fields,
        })
    }

    /// The value of the first field `name`, if it is text.
    pub(super) fn field(&self, name: &str) -> Option<&str> {
        let named = self.fields.iter().find(|(found, _)| found.eq_ignore_ascii_case(name));
        named.and_then(|(_, value)| std::str::from_utf8(value).ok())
    }

    /// The entity tag, if it is a strong one.
    pub(super) fn strong(&self) -> Option<&str> {
        self.field("etag").filter(|tag| tag.starts_with('"'))
    }

    /// Whether the server says nothing of what it is by: a page that is made anew for each request.
    pub(super) fn is_made(&self) -> bool {
        self.field("last-modified").is_none() && self.field("etag").is_none()
    }
}
