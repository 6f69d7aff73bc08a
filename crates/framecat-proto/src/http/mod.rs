//! HTTP/1.1 as RFC 9110 (meaning) and RFC 9112 (bytes) have it: decides, touches nothing.
//!
//! | step | where |
//! | --- | --- |
//! | bytes → [`Request`] or [`Response`], or a [`Refusal`] | `head` |
//! | where its body ends → [`Length`] | `body` |
//! | which names a request is about → `Needs` | `plan::needs` |
//! | who asks, and whose page sent it | [`auth`], `site::check` |
//! | what is found there → [`Facts`] | the caller looks |
//! | all of that → [`Reply`] | `plan::plan` |
//! | names in a folder → a page, or JSON | [`listing`] |
//! | what a client makes of a reply | [`follow`] |
//! | a folder in one piece: tar, zip | [`archive`] |
//! | the hash of a file: sha256, blake3 | [`digest`] |
//! | what a form sends, file by file | [`multipart`] |
//! | an upload in pieces: its id, and which piece is due | [`resume`] |
//! | what a file must come to: Repr-Digest, Content-Digest | [`repr_digest`] |
//! | content codings undone; gzip made on the way | [`coding`], [`squeeze`] |
//! | where to fetch from, and where a redirect leads | [`url`] |
//!
//! What a peer may send is bounded by [`limits`](crate::limits).

pub mod accept;
pub mod archive;
pub mod auth;
pub mod body;
mod characters;
pub mod check;
pub mod coding;
pub mod conditional;
pub mod date;
pub mod digest;
pub mod follow;
pub mod form;
pub mod head;
mod hosts;
pub mod kind;
pub mod listing;
pub mod multipart;
pub mod path;
pub mod plan;
pub mod range;
pub mod repr_digest;
pub mod resume;
pub mod site;
pub mod squeeze;
pub mod status;
pub mod url;
pub mod write;

use std::fmt;

/// The version of a message. 2.0 and above are no HTTP/1 and are refused with 505.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    /// HTTP/1.0: one exchange a connection unless `keep-alive` is asked for.
    Http10,
    /// HTTP/1.1, and any higher 1.x, which is to be taken as 1.1 (RFC 9110 section 2.5).
    Http11,
}

/// The method of a request (RFC 9110 section 9.3), as sent: case matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method<'b> {
    /// GET
    Get,
    /// HEAD
    Head,
    /// POST
    Post,
    /// PUT
    Put,
    /// DELETE
    Delete,
    /// OPTIONS
    Options,
    /// TRACE
    Trace,
    /// CONNECT
    Connect,
    /// Any other token.
    Other(&'b str),
}

impl<'b> Method<'b> {
    /// The method that `token` names.
    pub fn of(token: &'b str) -> Method<'b> {
        match token {
            "GET" => Method::Get,
            "HEAD" => Method::Head,
            "POST" => Method::Post,
            "PUT" => Method::Put,
            "DELETE" => Method::Delete,
            "OPTIONS" => Method::Options,
            "TRACE" => Method::Trace,
            "CONNECT" => Method::Connect,
            _ => Method::Other(token),
        }
    }

    /// As it stands in a request line.
    pub fn as_str(&self) -> &'b str {
        match self {
            Method::Get => "GET",
            Method::Head => "HEAD",
            Method::Post => "POST",
            Method::Put => "PUT",
            Method::Delete => "DELETE",
            Method::Options => "OPTIONS",
            Method::Trace => "TRACE",
            Method::Connect => "CONNECT",
            Method::Other(token) => token,
        }
    }
}

/// The target of a request in one of its four forms (RFC 9112 section 3.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target<'b> {
    /// `/path?query`: begins with `/`; still percent-encoded.
    Origin {
        /// Up to `?`.
        path: &'b str,
        /// Behind `?`, where there is one.
        query: Option<&'b str>,
    },
    /// `http://authority/path?query`: what a proxy gets, and a server must accept.
    Absolute {
        /// `http` or `https`, or another scheme.
        scheme: &'b str,
        /// Host and port.
        authority: &'b str,
        /// Begins with `/`, or is empty.
        path: &'b str,
        /// Behind `?`, where there is one.
        query: Option<&'b str>,
    },
    /// `host:port`, for CONNECT alone.
    Authority(&'b str),
    /// `*`, for OPTIONS alone.
    Asterisk,
}

/// A field of a head or of trailers. The name is a token; the value has no space around it, no CR,
/// LF or NUL, and may hold bytes above 127.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field<'b> {
    /// As sent; compared without regard to case.
    pub name: &'b str,
    /// As sent, without the space around it.
    pub value: &'b [u8],
}

/// The fields of a head, in the order they came.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Fields<'b> {
    fields: Vec<Field<'b>>,
}

impl<'b> Fields<'b> {
    /// None, and room for `n`.
    pub fn with_capacity(n: usize) -> Fields<'b> {
        Fields { fields: Vec::with_capacity(n) }
    }

    /// One more field behind the others.
    pub fn push(&mut self, field: Field<'b>) {
        self.fields.push(field);
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Field<'b>> + '_ {
        self.fields.iter()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.fields.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// The values of every field `name`, in order. Case does not matter.
    pub fn all<'s>(&'s self, name: &'s str) -> impl Iterator<Item = &'b [u8]> + 's {
        let named = self.fields.iter().filter(move |field| field.name.eq_ignore_ascii_case(name));
        named.map(|field| field.value)
    }

    /// The value of the first field `name`.
    pub fn get(&self, name: &str) -> Option<&'b [u8]> {
        self.fields.iter().find(|f| f.name.eq_ignore_ascii_case(name)).map(|f| f.value)
    }

    /// The value of the field `name` where there is exactly one; two of what may stand once are none.
    pub fn only(&self, name: &str) -> Option<&'b [u8]> {
        let mut values = self.fields.iter().filter(|f| f.name.eq_ignore_ascii_case(name));
        match (values.next(), values.next()) {
            (Some(field), None) => Some(field.value),
            _ => None,
        }
    }

    /// Whether one of the comma-separated members of the fields `name` is `token` (RFC 9110 section 5.6.1).
    pub fn lists(&self, name: &str, token: &str) -> bool {
        let mut values = self.fields.iter().filter(|f| f.name.eq_ignore_ascii_case(name));
        values.any(|field| {
            let mut members = field.value.split(|byte| *byte == b',');
            members.any(|member| member.trim_ascii().eq_ignore_ascii_case(token.as_bytes()))
        })
    }
}

/// The head of a request, borrowed from the bytes it was read from. What made it is strict: see `head`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request<'b> {
    /// What is asked.
    pub method: Method<'b>,
    /// Of what.
    pub target: Target<'b>,
    /// Of the message.
    pub version: Version,
    /// All fields.
    pub fields: Fields<'b>,
    /// Where its body ends.
    pub length: Length,
    /// Bytes of the head, from the first of the request line to the LF of the empty line, and any
    /// empty line that stood before it.
    pub len: usize,
}

/// The head of a response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response<'b> {
    /// Of the message.
    pub version: Version,
    /// 100 to 999.
    pub status: u16,
    /// The words behind it; may be empty.
    pub reason: &'b [u8],
    /// All fields.
    pub fields: Fields<'b>,
    /// Where its body ends, for the request it answers.
    pub length: Length,
    /// Bytes of the head, as in [`Request::len`].
    pub len: usize,
}

/// Where a body ends (RFC 9112 section 6.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Length {
    /// There is none: the message ends with its head.
    None,
    /// After so many bytes.
    Bytes(u64),
    /// After the last chunk and the trailers.
    Chunked,
    /// Where the stream ends. Responses alone.
    UntilClose,
    /// The connection is no longer HTTP behind this head: 101, and 2xx to CONNECT.
    Tunnel,
}

/// Why a message is refused: which octet, by which rule, said where. Becomes a reply and the end of the
/// connection: where one message was not understood, nobody knows where the next one begins.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("octet {at}: {rule} ({section})")]
pub struct Refusal {
    /// The status of the reply: 400, 405, 413, 414, 417, 431, 501 or 505; 502 where a response is
    /// refused, for a gateway would say so.
    pub status: u16,
    /// The octet that broke the rule, counted from the message's first; in a body from the body's first.
    pub at: usize,
    /// The rule in a sentence of its own, without a full stop.
    pub rule: String,
    /// Such as `RFC 9112 section 5.1`.
    pub section: &'static str,
}

/// A moment: seconds since 1970, of the server's clock.
pub type Seconds = i64;

/// A coding that a file may be kept in beside itself: `page.html` and `page.html.br`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Coding {
    /// `br`, `.br` (RFC 7932).
    Brotli,
    /// `zstd`, `.zst` (RFC 8878).
    Zstd,
    /// `gzip`, `.gz` (RFC 1952).
    Gzip,
}

impl Coding {
    /// All of them, the one that is preferred among equals first.
    pub const ALL: [Coding; 3] = [Coding::Brotli, Coding::Zstd, Coding::Gzip];

    /// Its name in Accept-Encoding and Content-Encoding.
    pub fn name(self) -> &'static str {
        match self {
            Coding::Brotli => "br",
            Coding::Zstd => "zstd",
            Coding::Gzip => "gzip",
        }
    }

    /// What its files end in.
    pub fn suffix(self) -> &'static str {
        match self {
            Coding::Brotli => ".br",
            Coding::Zstd => ".zst",
            Coding::Gzip => ".gz",
        }
    }
}

/// What is known of a regular file: enough to tell it from every other state of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FileFacts {
    /// In bytes.
    pub size: u64,
    /// When it was last changed: seconds since 1970.
    pub mtime: Seconds,
    /// And nanoseconds.
    pub mtime_nanos: u32,
    /// Its number on the device.
    pub inode: u64,
    /// The device's number.
    pub device: u64,
    /// It has been left alone for so long that one more change would show in its time: see
    /// [`FileFacts::is_settled`]. Until then its ETag is weak, for it may come to mean two states of it
    /// (RFC 9110 section 8.8.1).
    pub settled: bool,
}

impl FileFacts {
    /// Whether a change at `now` (seconds and nanoseconds) gives a file another time than `mtime` and
    /// `nanos` are.
    ///
    /// Linux takes these times from a clock that ticks every 1 to 10 ms, some file systems keep
    /// whole seconds, and FAT every second one. A time a little ahead is from another machine's clock, which
    /// may tick so too; one far ahead was set by hand.
    pub fn is_settled(mtime: Seconds, nanos: u32, now: Seconds, now_nanos: u32) -> bool {
        const SECOND: i64 = 1_000_000_000;
        const TICKS: i64 = 20_000_000;
        let seconds = now.saturating_sub(mtime).saturating_mul(SECOND);
        let age = seconds.saturating_add(i64::from(now_nanos) - i64::from(nanos));
        age >= if nanos == 0 { 2 * SECOND } else { TICKS } || age < -3_600 * SECOND
    }
}

/// What was found where `plan::needs` pointed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Facts {
    /// Nothing, or nothing that is served: a device, a pipe, a hidden name, a link that leads out.
    Missing,
    /// It is there and may not be read.
    Denied,
    /// A regular file.
    File {
        /// The file's own name, for its type: the last component of the path, or of the index file.
        name: Vec<u8>,
        /// The file itself.
        file: FileFacts,
        /// The precompressed ones beside it that the request accepts, at least as new as the file.
        coded: Vec<(Coding, FileFacts)>,
    },
    /// A folder without an index file.
    Folder,
}

/// What goes out for a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// 200, 206, 304, 404 …
    pub status: u16,
    /// Its own fields, ready to be written: `Name: value` CR LF each. `Date`, `Connection`,
    /// `Content-Length` and `Transfer-Encoding` are not among them: the server writes these.
    pub fields: Vec<u8>,
    /// What follows the head. To a HEAD it is what a GET would get: its length is told, it is not sent.
    pub body: Content,
    /// Whether the connection can go on. [`Then::KeepAlive`] where the reply does not mind: whether the
    /// request does is `head::keeps_alive`'s to say.
    pub then: Then,
    /// By which rule it is what it is, where that is not plain from the status: for the log.
    pub why: Option<Why>,
}

/// A rule that decided a reply. Nothing of the request is in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Why {
    /// What is wrong with the request, without a full stop.
    pub rule: &'static str,
    /// Such as `RFC 9110 section 7.4`.
    pub section: &'static str,
}

impl Reply {
    /// One without fields and content, behind which the connection goes on.
    pub fn new(status: u16) -> Reply {
        Reply { status, fields: Vec::new(), body: Content::None, then: Then::KeepAlive, why: None }
    }

    /// Where it is a small page with a status, the same as a line of text: for who does not ask for HTML.
    pub fn into_text(mut self) -> Reply {
        let Content::Page { words, .. } = &self.body else { return self };
        let Some(rest) = self.fields.strip_prefix(status::PAGE) else { return self };
        let line = format!("{} {}: {words}\n", self.status, head::reason(self.status));
        self.fields = [status::TEXT, rest].concat();
        self.body = Content::Bytes(line.into_bytes());
        self
    }

    /// What its page says, if it is one.
    pub fn words(&self) -> Option<&str> {
        match &self.body {
            Content::Page { words, .. } => Some(words),
            _ => None,
        }
    }

    /// One field more.
    pub fn field(&mut self, name: &str, value: impl fmt::Display) {
        use std::io::Write as _;
        let written = write!(self.fields, "{name}: {value}\r\n");
        debug_assert!(written.is_ok(), "a Vec can be written to");
    }

    /// The value of the first field `name`: for tests and for what shows.
    pub fn get(&self, name: &str) -> Option<&str> {
        let lines = std::str::from_utf8(&self.fields).ok()?.split("\r\n");
        let mut named = lines.filter_map(|line| line.split_once(": "));
        named.find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}

/// The content of a reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// None, and no Content-Length either: 304, 1xx, 204.
    None,
    /// These bytes.
    Bytes(Vec<u8>),
    /// A page of a few words with a status.
    Page {
        /// As HTML.
        html: Vec<u8>,
        /// The words, in a line.
        words: Box<str>,
    },
    /// Pieces of a file, in order, each behind some bytes of its own (a part's head; empty for a
    /// whole file or a single range), and some bytes at the end.
    File {
        /// The file itself, or the one beside it in that coding.
        coding: Option<Coding>,
        /// What of it.
        parts: Vec<Part>,
        /// Behind the last part: the closing boundary, or nothing.
        end: Vec<u8>,
    },
    /// The whole file, coded in gzip on its way ([`squeeze`]).
    Squeezed,
    /// The page of a folder, or its JSON: made by the server from what is in the folder.
    Listing {
        /// Which of them.
        form: ListingForm,
        /// Coded in gzip on its way.
        gzip: bool,
    },
    /// All that is in a folder, in one piece that is made while it is sent.
    Archive(archive::Form),
    /// The hash of a file, as a line of text.
    Hash(digest::Digest),
}

impl Content {
    /// Its bytes: the value of Content-Length. `None` where there is no such field, or its length is
    /// known only at its end.
    pub fn length(&self) -> Option<u64> {
        match self {
            Content::None | Content::Squeezed | Content::Listing { .. } => None,
            Content::Archive(_) | Content::Hash(_) => None,
            Content::Bytes(bytes) | Content::Page { html: bytes, .. } => Some(bytes.len() as u64),
            Content::File { parts, end, .. } => {
                let parts = parts.iter().map(|part| part.before.len() as u64 + part.len);
                Some(parts.sum::<u64>() + end.len() as u64)
            }
        }
    }
}

/// A piece of a file and what goes before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// The boundary and the part's head, or nothing.
    pub before: Vec<u8>,
    /// The first byte.
    pub from: u64,
    /// How many.
    pub len: u64,
}

/// In which form a folder is listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListingForm {
    /// A page for people.
    Html,
    /// For programs: `?json`.
    Json,
}

/// What becomes of the connection behind a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Then {
    /// The next request may come.
    KeepAlive,
    /// It is closed once the reply is out.
    Close,
}
