//! HTTP as people type and read it, one message a line.
//!
//! Read, a line is a request where we ask, and the text of a reply where we answer.
//!
//! ```text
//!  LINE                                        MESSAGE
//!  GET /path                               →   GET /path HTTP/1.1␍␊ Host: …␍␊ …
//!  POST /path Content-Type:text/plain 'a b' →  the same with a field and a body of 3 bytes
//!  hello                                   →   HTTP/1.1 200 OK␍␊ Content-Length: 6 … hello␊
//! ```
//!
//! Written, a message is for reading: its lines with LF, its body as it is, and an LF at the end. On a
//! terminal what could act on it is escaped as `raw` and `line` do it.

use super::{Look, put_decimal, put_for_terminal};
use crate::http::date;
use crate::http::head::{self, put_field, put_status_line};
use crate::http::{Method, Request};
use crate::message::{Context, Outbound, Spans};
use crate::words;

/// What a line that is typed stands for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Typed {
    /// The text of a reply.
    #[default]
    Reply,
    /// A request to this host.
    Request {
        /// What Host says, unless the line does.
        host: String,
    },
}

pub(super) struct Lines {
    typed: Typed,
    look: Look,
}

impl Lines {
    pub(super) fn new(typed: Typed, look: Look) -> Lines {
        Lines { typed, look }
    }
}

impl super::rows::Row for Lines {
    fn line_max(&self, max: usize) -> usize {
        max
    }

    fn read(
        &self,
        input: &[u8],
        line: std::ops::Range<usize>,
        out: &mut Spans,
    ) -> Result<(), crate::framing::Fault> {
        let text = &input[line];
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        match &self.typed {
            Typed::Reply => out.push_built(|payload| {
                put_reply(None, &[text, b"\n"].concat(), None, payload);
                Ok(())
            }),
            Typed::Request { .. } if text.trim_ascii().is_empty() => Ok(()),
            Typed::Request { host } => out
                .push_built(|payload| put_request(text, host, payload))
                .map_err(crate::framing::Fault::Broken),
        }
    }

    fn write(&mut self, message: Outbound<'_>, _: &Context<'_>, out: &mut Vec<u8>) {
        let payload = message.payload;
        let head = memchr::memmem::find(payload, b"\r\n\r\n").map_or(0, |at| at + 4);
        let (head, body) = payload.split_at(head);
        match self.look.terminal {
            true => put_for_terminal(head, out),
            false => {
                head.split(|byte| *byte == b'\r').for_each(|piece| out.extend_from_slice(piece))
            }
        }
        match self.look.terminal {
            true => put_for_terminal(body, out),
            false => out.extend_from_slice(body),
        }
        // The form puts an LF behind each message.
        if out.ends_with(b"\n") {
            out.pop();
        }
    }
}

/// Appends the request that a line stands for: `[METHOD] TARGET [NAME:VALUE]… [BODY]`.
fn put_request(line: &[u8], host: &str, out: &mut Vec<u8>) -> Result<(), String> {
    let words: Result<Vec<_>, _> = words::split(line).collect();
    let words = words.map_err(|error| error.to_string())?;
    let text = |word: &[u8]| String::from_utf8_lossy(word).into_owned();
    let (method, target, rest) = match words.as_slice() {
        [target, rest @ ..] if target.starts_with(b"/") => ("GET".into(), text(target), rest),
        [method, target, rest @ ..] => (text(method), text(target), rest),
        _ => return Err("a request is METHOD TARGET, such as GET /".into()),
    };
    let (mut fields, mut body) = (Vec::new(), None);
    for word in rest {
        match field(word) {
            Some(field) => fields.push(field),
            None if body.is_none() => body = Some(&word[..]),
            None => {
                let (one, other) = (body.map(text).unwrap_or_default(), text(word));
                return Err(format!(
                    "behind the target stand NAME:VALUE and one body, and `{one}` and `{other}` are two; \
                     quotes make one word of several"
                ));
            }
        }
    }
    let has = |name: &str| fields.iter().any(|(field, _)| field.eq_ignore_ascii_case(name));
    let start = out.len();
    // What is typed is checked as what is heard is.
    for piece in [method.as_str(), " ", target.as_str(), " HTTP/1.1\r\n"] {
        out.extend_from_slice(piece.as_bytes());
    }
    if !has("Host") {
        let host = if method == "CONNECT" { target.as_str() } else { host };
        put_field("Host", host.as_bytes(), out);
    }
    if !has("User-Agent") {
        put_field("User-Agent", concat!("framecat/", env!("CARGO_PKG_VERSION")).as_bytes(), out);
    }
    let counts = body.is_some() || matches!(method.as_str(), "POST" | "PUT" | "PATCH");
    if counts && !has("Content-Length") && !has("Transfer-Encoding") {
        out.extend_from_slice(b"Content-Length: ");
        put_decimal(body.map_or(0, <[u8]>::len) as u64, out);
        out.extend_from_slice(b"\r\n");
    }
    for (name, value) in &fields {
        for piece in [name.as_bytes(), b": ", value, b"\r\n"] {
            out.extend_from_slice(piece);
        }
    }
    out.extend_from_slice(b"\r\n");
    match head::request(&out[start..]) {
        Ok(_) => {}
        Err(refusal) => return Err(format!("{} ({})", refusal.rule, refusal.section)),
    }
    out.extend_from_slice(body.unwrap_or_default());
    Ok(())
}

/// A word that is a field: a name, a colon, a value.
fn field(word: &[u8]) -> Option<(&str, &[u8])> {
    let colon = memchr::memchr(b':', word)?;
    let (name, value) = (&word[..colon], word[colon + 1..].trim_ascii());
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let named = !name.is_empty() && name.iter().all(is_name);
    named.then(|| (std::str::from_utf8(name).unwrap_or_default(), value))
}

/// Whether a text is meant to be a whole reply, and not the body of one.
pub fn is_reply(text: &[u8]) -> bool {
    text.starts_with(b"HTTP/")
}

/// Whether a message is a reply that another follows: 1xx, but 101, behind which it is no HTTP.
pub fn is_interim(message: &[u8]) -> bool {
    let status = message.strip_prefix(b"HTTP/1.").and_then(|rest| rest.get(2..5));
    status.is_some_and(|status| status.starts_with(b"1") && status != b"101")
}

/// Makes a reply of the text `out[from..]`, which becomes its body. `request` is the message that it
/// answers; `now_ns` says when, in nanoseconds since 1970.
pub fn reply_with(request: &[u8], now_ns: u64, from: usize, out: &mut Vec<u8>) {
    let body = out.split_off(from);
    put_reply(head::request(request).ok().flatten().as_ref(), &body, Some(now_ns), out);
}

/// Appends a reply that says a text.
fn put_reply(to: Option<&Request<'_>>, body: &[u8], now_ns: Option<u64>, out: &mut Vec<u8>) {
    let method = to.map(|request| request.method);
    // A 2xx would make a tunnel of the connection.
    let status = if method == Some(Method::Connect) { 501 } else { 200 };
    put_status_line(status, out);
    if let Some(now) = now_ns {
        out.extend_from_slice(b"Date: ");
        out.extend_from_slice(&date::write((now / 1_000_000_000) as i64));
        out.extend_from_slice(b"\r\n");
    }
    put_field("Content-Type", b"text/plain; charset=utf-8", out);
    out.extend_from_slice(b"Content-Length: ");
    put_decimal(body.len() as u64, out);
    out.extend_from_slice(b"\r\n");
    if let Some(request) = to {
        let goes_on = head::keeps_alive(request.version, &request.fields);
        match request.version {
            _ if !goes_on => put_field("Connection", b"close", out),
            crate::http::Version::Http10 => put_field("Connection", b"keep-alive", out),
            crate::http::Version::Http11 => {}
        }
    }
    out.extend_from_slice(b"\r\n");
    if method != Some(Method::Head) {
        out.extend_from_slice(body);
    }
}
