//! The conformance table: requests, valid and hostile, and what RFC 9110 and RFC 9112 say comes back.
//!
//! | step | where |
//! | --- | --- |
//! | a first GET of a plain file → what all cases speak of | [`Subject::learn`] |
//! | a case's text and the subject → the bytes to send | [`Sending`] |
//! | the bytes that came back → answers | `answer` |
//! | a case's expectation and the answers → [`Verdict`] | [`Trial`] |
//! | what every answer must be, whatever the case | `laws` |
//!
//! Who sends, waits and closes is `framecat-net`; here nothing is touched, so a server can be judged
//! from a recording, and the judge itself from false answers. The answers are read by this module's own
//! reader: a mistake in `head` must not excuse itself.

use std::fmt;

mod answer;
mod laws;
mod sending;
mod subject;
mod table;
mod trial;
mod want;

pub use laws::{Law, laws};
pub use sending::{Piece, Sending};
pub use subject::{NoSubject, Subject};
pub use trial::{Broken, Ended, Next, Trial, Verdict};

/// How binding a requirement is (RFC 2119).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// No choice: a server that does otherwise does not conform.
    Must,
    /// Recommended: who does otherwise needs a reason.
    Should,
    /// Left to the server; what is checked is that it is one of the ways that are open.
    May,
}

impl Level {
    /// All, the most binding first.
    pub const ALL: [Level; 3] = [Level::Must, Level::Should, Level::May];

    /// As RFC 2119 writes it.
    pub fn name(self) -> &'static str {
        match self {
            Level::Must => "MUST",
            Level::Should => "SHOULD",
            Level::May => "MAY",
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A request and what must come of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Case {
    /// Short, unique, made of words.
    pub id: &'static str,
    /// Where it is demanded: `9112 5.1` is RFC 9112 section 5.1.
    pub section: &'static str,
    /// How binding that is.
    pub level: Level,
    /// What is sent, in the notation of [`Sending`].
    pub sent: &'static str,
    /// What must come, in the notation of the table: [`CASE_NOTATION`].
    pub want: &'static str,
}

/// How an expectation is written.
pub const CASE_NOTATION: &str = "\
ANSWER [+ ANSWER]…, END. An ANSWER is a status (200, 400|501, 4xx, !5xx; none: closing without an answer) and words:
file (a 200 holds the file), part:0-9 (a 206 holds these bytes), parts:0-9,20-29 (multipart), empty (no content),
head (answers HEAD), trace (a 200 echoes the request), has:NAME, no:NAME, is:NAME=VALUE, lists:NAME=TOKEN,
as-get (fields as the answer to GET has them), validators-as-get (those for caches), lacks:TEXT, as-first (status and length of the first), 100
(after a 100), no-1xx. END is close, open, or either: the connection must
close, should go on, or may do either and then answers the next request rightly; ended where our side has ended.";

/// All cases, in the order of the RFCs' sections.
pub fn cases() -> impl Iterator<Item = &'static Case> {
    table::ALL.iter().flat_map(|group| group.iter())
}

#[cfg(test)]
mod tests;
