//! Requests over HTTP and their replies, on stderr: a line of a log each, or shown byte for byte.
//!
//! ```text
//! 12:03:04.123Z #1 < 127.0.0.1:50112 request 1
//!   request line  GET /a.txt HTTP/1.1\r\n
//!   field         Host: localhost:8000\r\n
//!   empty line    \r\n
//!   ends          it has neither Content-Length nor Transfer-Encoding
//! 12:03:04.123Z #1 > 127.0.0.1:50112 reply 1
//!   status line   HTTP/1.1 200 OK\r\n
//!   …
//!   content       hello
//!   ends          behind 5 bytes: Content-Length
//! ```

use std::io::Write as _;

use framecat_net::event::{Came, Exchange};
use framecat_proto::http::{Length, Method, Refusal, Why, date, head};
use framecat_proto::text::quote;

use super::json::Object;
use super::show::{Show, put_payload, time_of_day};

/// How requests are logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Log {
    /// As Apache and nginx do: what reads logs reads it.
    #[default]
    Combined,
    /// An object of JSON each.
    Json,
    /// Not at all.
    None,
}

impl std::str::FromStr for Log {
    type Err = String;

    fn from_str(word: &str) -> Result<Log, String> {
        match word {
            "combined" => Ok(Log::Combined),
            "json" => Ok(Log::Json),
            "none" => Ok(Log::None),
            _ => Err(format!("`{word}` is no form of a log")),
        }
    }
}

/// What a log has of an exchange, read off its bytes in passing: it is written for each of a hundred
/// thousand requests a second, and what was refused has a line too.
struct Brief<'a> {
    line: &'a [u8],
    status: &'a str,
    /// Bytes of content. `None`: told at their end only.
    content: Option<u64>,
    request: &'a [u8],
}

impl<'a> Brief<'a> {
    fn of(exchange: &Exchange<'a>) -> Brief<'a> {
        let line = exchange.request.split(|byte| *byte == b'\n').next().unwrap_or_default();
        let status = exchange.reply.get(9..12).and_then(|status| std::str::from_utf8(status).ok());
        let status = status.unwrap_or("000");
        let none = line.starts_with(b"HEAD ") || status == "304" || status == "204";
        let told = field(exchange.reply, "Content-Length");
        let told = told.and_then(|len| std::str::from_utf8(len).ok()?.parse().ok());
        Brief {
            line: line.strip_suffix(b"\r").unwrap_or(line),
            status,
            content: if none { Some(0) } else { told },
            request: exchange.request,
        }
    }

    fn field(&self, name: &str) -> Option<&'a [u8]> {
        field(self.request, name)
    }
}

/// The value of the first field `name` of a head.
fn field<'a>(head: &'a [u8], name: &str) -> Option<&'a [u8]> {
    let mut rest = head;
    while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
        let line = &rest[..end];
        if matches!(line, b"" | b"\r") && rest.len() < head.len() {
            return None;
        }
        if line.get(name.len()) == Some(&b':')
            && line[..name.len()].eq_ignore_ascii_case(name.as_bytes())
        {
            return Some(line[name.len() + 1..].trim_ascii());
        }
        rest = &rest[end + 1..];
    }
    None
}

/// Appends the line of an exchange, with its line ending.
pub(super) fn put_log(log: Log, exchange: &Exchange<'_>, out: &mut Vec<u8>) {
    let read = Brief::of(exchange);
    match log {
        Log::Combined => put_combined(exchange, &read, out),
        Log::Json => put_json(exchange, &read, out),
        Log::None => {}
    }
}

/// Without its port, which the form has no place for.
fn host(peer: &str) -> &str {
    peer.rsplit_once(':').map_or(peer, |(host, _)| host.trim_matches(['[', ']']))
}

fn put_combined(exchange: &Exchange<'_>, read: &Brief<'_>, out: &mut Vec<u8>) {
    put_escaped(host(exchange.peer).as_bytes(), out);
    out.extend_from_slice(b" - ");
    // A space would begin another column.
    put_escaped(exchange.user.unwrap_or("-").replace(' ', "_").as_bytes(), out);
    out.extend_from_slice(b" [");
    // `Sun, 06 Nov 1994 08:49:37 GMT` as `06/Nov/1994:08:49:37 +0000`.
    let at = date::write((exchange.now_ns / 1_000_000_000) as i64);
    for piece in [&at[5..7], b"/", &at[8..11], b"/", &at[12..16], b":", &at[17..25]] {
        out.extend_from_slice(piece);
    }
    out.extend_from_slice(b" +0000] \"");
    put_escaped(read.line, out);
    // Writing to memory cannot fail.
    let _ = match read.content {
        Some(len) if len > 0 => write!(out, "\" {} {len}", read.status),
        _ => write!(out, "\" {} -", read.status),
    };
    for name in ["Referer", "User-Agent"] {
        out.extend_from_slice(b" \"");
        put_escaped(read.field(name).unwrap_or(b"-"), out);
        out.push(b'"');
    }
    out.push(b'\n');
    if let Some(why) = why(exchange) {
        let refused = format!(
            "framecat: refused, connection {} request {}: {why}\n",
            exchange.conn, exchange.n
        );
        out.extend_from_slice(refused.as_bytes());
    }
}

/// Everything but what stands for itself in a line is `\xhh`, as Apache has it: nothing a client says
/// ends a line, leaves its quotes or acts on a terminal.
fn put_escaped(text: &[u8], out: &mut Vec<u8>) {
    let stands = |byte: &u8| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\');
    let mut rest = text;
    while let Some(at) = rest.iter().position(|byte| !stands(byte)) {
        out.extend_from_slice(&rest[..at]);
        match rest[at] {
            byte @ (b'"' | b'\\') => out.extend([b'\\', byte]),
            byte => out.extend_from_slice(format!("\\x{byte:02x}").as_bytes()),
        }
        rest = &rest[at + 1..];
    }
    out.extend_from_slice(rest);
}

fn put_json(exchange: &Exchange<'_>, read: &Brief<'_>, out: &mut Vec<u8>) {
    let mut object = Object::of("exchange", exchange.now_ns)
        .conn(exchange.conn, exchange.peer)
        .number("n", exchange.n)
        .text("request", &String::from_utf8_lossy(read.line))
        .number("status", read.status.parse().unwrap_or(0));
    if let Some(user) = exchange.user {
        object = object.text("user", user);
    }
    if let Some(len) = read.content {
        object = object.number("bytes", len);
    }
    if let Some(came) = exchange.came.filter(|came| came.bytes > 0) {
        object = object.number("received", came.bytes);
    }
    for (key, name) in [("host", "Host"), ("referer", "Referer"), ("agent", "User-Agent")] {
        if let Some(value) = read.field(name) {
            object = object.text(key, &String::from_utf8_lossy(value));
        }
    }
    object = match (exchange.refusal, exchange.why) {
        (Some(Refusal { at, rule, section, .. }), _) => {
            object.number("octet", *at as u64).text("rule", rule).text("section", section)
        }
        (None, Some(Why { rule, section })) => object.text("rule", rule).text("section", section),
        (None, None) => match exchange.words {
            Some(words) => object.text("rule", words.trim_end_matches('.')),
            None => object,
        },
    };
    out.extend_from_slice(&object.end());
}

/// By which rule it was refused. What a client sent may be in it, escaped.
fn why(exchange: &Exchange<'_>) -> Option<String> {
    if let Some(Refusal { at, rule, section, .. }) = exchange.refusal {
        let mut quoted = Vec::new();
        put_escaped(rule.as_bytes(), &mut quoted);
        return Some(format!("octet {at}: {} ({section})", String::from_utf8_lossy(&quoted)));
    }
    match exchange.why {
        Some(Why { rule, section }) => Some(format!("{rule} ({section})")),
        None => exchange.words.map(|words| {
            // Names of files are in it.
            let mut quoted = Vec::new();
            quote(words.trim_end_matches('.').as_bytes(), &mut quoted);
            String::from_utf8_lossy(&quoted).into_owned()
        }),
    }
}

/// An exchange's messages, as far as they are any.
struct Read<'a> {
    request: Option<framecat_proto::http::Request<'a>>,
    /// Bytes of the reply's content. `None`: told at their end only.
    content: Option<u64>,
    reply: Option<framecat_proto::http::Response<'a>>,
}

impl<'a> Read<'a> {
    fn of(exchange: &Exchange<'a>) -> Read<'a> {
        let request = head::request(exchange.request).ok().flatten();
        let method = request.as_ref().map_or(Method::Get, |request| request.method);
        let reply = head::response(exchange.reply, method).ok().flatten();
        let content = reply.as_ref().and_then(|reply| match reply.length {
            Length::Bytes(len) => Some(len),
            Length::None => Some(0),
            _ => None,
        });
        Read { content, request, reply }
    }
}

/// Appends both messages, part by part.
pub(super) fn put_shown(exchange: &Exchange<'_>, show: Show, colour: bool, out: &mut Vec<u8>) {
    let read = Read::of(exchange);
    let time = time_of_day(exchange.now_ns);
    let title = |arrow: &str, code: &str, what: &str, out: &mut Vec<u8>| {
        let line = match colour {
            true => format!("\x1b[2m{time}\x1b[0m #{} \x1b[{code}m{arrow}\x1b[0m ", exchange.conn),
            false => format!("{time} #{} {arrow} ", exchange.conn),
        };
        out.extend_from_slice(line.as_bytes());
        quote(exchange.peer.as_bytes(), out);
        out.extend_from_slice(format!(" {what} {}\n", exchange.n).as_bytes());
    };
    title("<", "36", "request", out);
    let head = read.request.as_ref().map_or(exchange.request.len(), |request| request.len);
    put_head("request line", &exchange.request[..head], out);
    put_content(exchange.request_content, exchange.came.map(|came| came.bytes), show, out);
    match (&read.request, exchange.came) {
        (Some(_), Some(Came { bytes, whole: false })) => {
            let came = format!("not yet: {} of its content came", counted(bytes));
            put_part("ends", came.as_bytes(), out);
        }
        (Some(request), _) => put_part("ends", request_end(request.length).as_bytes(), out),
        (None, _) => {
            let why = why(exchange).unwrap_or_else(|| "its end did not come".into());
            put_part("refused", why.as_bytes(), out);
        }
    }
    if let (Some(_), Some(why)) = (&read.request, why(exchange)) {
        put_part("refused", why.as_bytes(), out);
    }
    title(">", "32", "reply", out);
    let head = read.reply.as_ref().map_or(exchange.reply.len(), |reply| reply.len);
    put_head("status line", &exchange.reply[..head], out);
    let content = [&exchange.reply[head..], exchange.reply_content].concat();
    put_content(&content, read.content, show, out);
    if let Some(reply) = &read.reply {
        let method = read.request.as_ref().map_or(Method::Get, |request| request.method);
        put_part("ends", reply_end(method, reply.status, reply.length).as_bytes(), out);
    }
}

/// Each line of a head with its name before it and its CR LF seen.
fn put_head(first: &str, head: &[u8], out: &mut Vec<u8>) {
    let mut begun = false;
    for line in head.split_inclusive(|byte| *byte == b'\n') {
        let empty = matches!(line, b"\r\n" | b"\n");
        // An empty line before the first is passed over (RFC 9112 section 2.2).
        let what = match (begun, empty) {
            (false, false) => first,
            (true, false) => "field",
            (_, true) => "empty line",
        };
        begun |= !empty;
        let mut quoted = Vec::new();
        quote(line, &mut quoted);
        put_part(what, &quoted, out);
    }
}

/// A line of the display; `text` is one already.
fn put_part(what: &str, text: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(format!("  {what:<13} ").as_bytes());
    out.extend_from_slice(text);
    out.push(b'\n');
}

/// `bytes` is what is at hand of a content of `whole` bytes.
fn put_content(bytes: &[u8], whole: Option<u64>, show: Show, out: &mut Vec<u8>) {
    if bytes.is_empty() {
        return;
    }
    let most = if show.all { usize::MAX } else { framecat_proto::limits::SHOW_BYTES };
    let whole = whole.map_or(bytes.len(), |len| usize::try_from(len).unwrap_or(usize::MAX));
    out.extend_from_slice(b"  content      ");
    put_payload(&bytes[..bytes.len().min(most)], whole.max(bytes.len()), show.form, out);
}

fn request_end(length: Length) -> String {
    match length {
        Length::Bytes(len) => {
            format!("behind {} of content: Content-Length", counted(len))
        }
        Length::Chunked => "behind the last chunk and its trailers: Transfer-Encoding".into(),
        _ => "it has neither Content-Length nor Transfer-Encoding".into(),
    }
}

fn reply_end(method: Method<'_>, status: u16, length: Length) -> String {
    match length {
        _ if method == Method::Head => "a reply to HEAD has no content, whatever it says".into(),
        Length::None => format!("a {status} has no content"),
        Length::Bytes(len) => format!("behind {} of content: Content-Length", counted(len)),
        Length::Chunked => "behind the last chunk and its trailers: Transfer-Encoding".into(),
        Length::UntilClose => "where the connection is closed".into(),
        Length::Tunnel => "it does not: the connection is HTTP no more".into(),
    }
}

fn counted(bytes: u64) -> String {
    format!("{bytes} byte{}", if bytes == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exchange<'a>(request: &'a [u8], reply: &'a [u8]) -> Exchange<'a> {
        Exchange {
            conn: 1,
            n: 2,
            peer: "127.0.0.1:50112",
            user: None,
            now_ns: 784_111_777_123_000_000,
            request,
            request_content: b"",
            came: None,
            reply,
            reply_content: b"",
            refusal: None,
            why: None,
            words: None,
        }
    }

    fn logged(log: Log, exchange: &Exchange<'_>) -> String {
        let mut out = Vec::new();
        put_log(log, exchange, &mut out);
        String::from_utf8(out).unwrap()
    }

    fn shown(exchange: &Exchange<'_>) -> String {
        let mut out = Vec::new();
        put_shown(exchange, Show::default(), false, &mut out);
        String::from_utf8(out).unwrap()
    }

    const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";

    #[test]
    fn a_request_is_a_line_that_programs_read() {
        let request = b"GET /a HTTP/1.1\r\nHost: a\r\nReferer: http://a/\r\nUser-Agent: x\r\n\r\n";
        let told = exchange(request, OK);
        assert_eq!(
            logged(Log::Combined, &told),
            "127.0.0.1 - - [06/Nov/1994:08:49:37 +0000] \"GET /a HTTP/1.1\" 200 5 \"http://a/\" \"x\"\n"
        );
        let line: serde_json::Value = serde_json::from_str(&logged(Log::Json, &told)).unwrap();
        assert_eq!(
            (&line["status"], &line["bytes"], &line["agent"]),
            (&200.into(), &5.into(), &"x".into())
        );
        assert_eq!(logged(Log::None, &told), "");
    }

    #[test]
    fn nothing_that_is_sent_ends_a_line_or_acts_on_a_terminal() {
        let request = b"GET /\x1b[2J\" HTTP/1.1\r\nHost: a\r\nUser-Agent: \"\xc2\x9b31m\r\n\r\n";
        let refusal = Refusal {
            status: 400,
            at: 5,
            rule: "no \x1b\n here".into(),
            section: "RFC 9112 section 3.2",
        };
        let reply = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n";
        let told = Exchange { refusal: Some(&refusal), ..exchange(request, reply) };
        for text in [logged(Log::Combined, &told), logged(Log::Json, &told), shown(&told)] {
            assert!(!text.contains(['\x1b', '\u{9b}', '\r']), "{text:?}");
        }
        assert_eq!(
            logged(Log::Combined, &told),
            "127.0.0.1 - - [06/Nov/1994:08:49:37 +0000] \"GET /\\x1b[2J\\\" HTTP/1.1\" 400 - \"-\" \"\\\"\\xc2\\x9b31m\"\n\
             framecat: refused, connection 1 request 2: octet 5: no \\x1b\\x0a here (RFC 9112 section 3.2)\n"
        );
        assert_eq!(logged(Log::Json, &told).lines().count(), 1);
    }

    #[test]
    fn messages_are_shown_part_by_part_with_the_reason_for_their_end() {
        let request = b"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n";
        let told = Exchange { request_content: b"a\n", ..exchange(request, OK) };
        assert_eq!(
            shown(&told),
            "08:49:37.123Z #1 < 127.0.0.1:50112 request 2\n  \
               request line  POST /a HTTP/1.1\\r\\n\n  \
               field         Host: a\\r\\n\n  \
               field         Content-Length: 2\\r\\n\n  \
               empty line    \\r\\n\n  \
               content       a\\n\n  \
               ends          behind 2 bytes of content: Content-Length\n\
             08:49:37.123Z #1 > 127.0.0.1:50112 reply 2\n  \
               status line   HTTP/1.1 200 OK\\r\\n\n  \
               field         Content-Length: 5\\r\\n\n  \
               empty line    \\r\\n\n  \
               content       hello\n  \
               ends          behind 5 bytes of content: Content-Length\n"
        );
        let get = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";
        for (request, reply, end) in [
            (&get[..], &b"HTTP/1.1 304 Not Modified\r\n\r\n"[..], "a 304 has no content"),
            (
                get,
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
                "behind the last chunk",
            ),
            (get, b"HTTP/1.1 200 OK\r\n\r\n", "where the connection is closed"),
            (b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n", OK, "a reply to HEAD has no content"),
        ] {
            let shown = shown(&exchange(request, reply));
            assert!(shown.lines().last().unwrap().contains(end), "{shown}");
            assert!(shown.contains("ends          it has neither Content-Length"), "{shown}");
        }
        let cut = shown(&exchange(b"GET / HT", b"HTTP/1.1 408 Request Timeout\r\n\r\n"));
        assert!(cut.contains("refused       its end did not come"), "{cut}");
    }
}
