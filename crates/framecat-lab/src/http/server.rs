//! The small server of the group: what it keeps, and what it answers. It is as small as the laws allow
//! and does what RFC 9110 says of each method; it touches no socket.

use std::collections::BTreeMap;

use super::wire::Message;

/// Every method that the server knows; any other is 501.
pub(super) const METHODS: [&str; 9] =
    ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"];

/// What may be done with the page, with the list that POST adds to, and with anything else.
const FOR_PAGE: &[&str] = &["GET", "HEAD", "OPTIONS"];
const FOR_LIST: &[&str] = &["GET", "HEAD", "POST", "OPTIONS"];
const FOR_THING: &[&str] = &["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"];

/// The page at `/`.
pub(super) const PAGE: &str = "<h1>Hello</h1>";
/// A body longer than this is refused before it is sent.
const BODY_BYTES_MAX: usize = 1_000;

/// What is kept between requests: things with their content, never who asked for them.
#[derive(Debug, Default)]
pub(super) struct Server {
    things: BTreeMap<String, Thing>,
    /// Counts changes, so that each content has a tag of its own.
    changes: u64,
    /// Whether the file behind `/sum` is in order.
    pub(super) is_repaired: bool,
    /// How often each cookie came. HTTP does not ask for this: this server's author did.
    visits: BTreeMap<String, u64>,
    /// Names to give to visitors, that nobody can guess: whoever knows one passes for its owner.
    pub(super) secrets: Vec<String>,
    /// Whom it may open a tunnel to.
    pub(super) tunnel_to: Option<String>,
}

#[derive(Debug)]
struct Thing {
    content: Vec<u8>,
    tag: String,
}

/// An answer.
#[derive(Debug, PartialEq)]
pub(super) struct Reply {
    pub(super) code: u16,
    fields: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

impl Reply {
    fn new(code: u16) -> Reply {
        Reply { code, fields: Vec::new(), body: Vec::new() }
    }

    fn with(mut self, name: &'static str, value: impl Into<String>) -> Reply {
        self.fields.push((name, value.into()));
        self
    }

    fn body(mut self, kind: &str, body: impl Into<Vec<u8>>) -> Reply {
        self.body = body.into();
        self.with("Content-Type", kind)
    }

    /// The bytes of the answer to a request of this method: a HEAD gets the head alone, and says the
    /// same length.
    pub(super) fn bytes(&self, method: &str) -> Vec<u8> {
        let mut head = format!("HTTP/1.1 {} {}\r\n", self.code, reason(self.code));
        for (name, value) in &self.fields {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        let is_tunnel = method == "CONNECT" && self.code == 200;
        if !is_tunnel && ![100, 204, 304].contains(&self.code) {
            head.push_str(&format!("Content-Length: {}\r\n", self.body.len()));
        }
        head.push_str("\r\n");
        let mut bytes = head.into_bytes();
        if method != "HEAD" {
            bytes.extend(&self.body);
        }
        bytes
    }
}

/// What the code means, in words for people; no program reads them.
fn reason(code: u16) -> &'static str {
    match code {
        100 => "Continue",
        200 => "OK",
        201 => "Created",
        204 => "No Content",
        299 => "Something New",
        301 => "Moved Permanently",
        304 => "Not Modified",
        400 => "Bad Request",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        413 => "Content Too Large",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        505 => "HTTP Version Not Supported",
        _ => "",
    }
}

/// What is no request.
pub(super) fn bad_request(why: &str) -> Reply {
    Reply::new(400).with("Connection", "close").body("text/plain", why)
}

/// Whether the connection stays after this request: in 1.1 unless told otherwise, in 1.0 only where
/// both asked for it.
pub(super) fn stays_open(request: &Message) -> bool {
    let wish = request.field("Connection").unwrap_or_default();
    match request.start[2].as_str() {
        "HTTP/1.1" => !wish.eq_ignore_ascii_case("close"),
        _ => wish.eq_ignore_ascii_case("keep-alive"),
    }
}

impl Server {
    /// A server with one thing in it.
    pub(super) fn new() -> Server {
        let mut server = Server::default();
        server.keep("/note", b"hello".to_vec());
        server
    }

    fn keep(&mut self, target: &str, content: Vec<u8>) {
        self.changes += 1;
        let tag = format!("\"v{}\"", self.changes);
        self.things.insert(target.into(), Thing { content, tag });
    }

    /// How many things there are.
    pub(super) fn count(&self) -> usize {
        self.things.len()
    }

    /// The content of a thing, as a text.
    pub(super) fn content(&self, target: &str) -> String {
        let thing = self.things.get(target);
        thing.map_or_else(|| "-".into(), |thing| thing.content.escape_ascii().to_string())
    }

    /// What is to be said to a client that waits before it sends its body (RFC 9110 section 10.1.1).
    pub(super) fn before_the_body(&self, head: &Message) -> Reply {
        let length = head.field("Content-Length").and_then(|length| length.parse::<usize>().ok());
        match length {
            Some(length) if length <= BODY_BYTES_MAX => Reply::new(100),
            _ => Reply::new(413).with("Connection", "close"),
        }
    }

    /// The answer to a whole request, and what it changes.
    pub(super) fn answer(&mut self, request: &Message) -> Reply {
        let mut reply = self.decide(request);
        match (stays_open(request), request.start[2].as_str()) {
            (false, _) => reply.fields.push(("Connection", "close".into())),
            (true, "HTTP/1.0") => reply.fields.push(("Connection", "keep-alive".into())),
            (true, _) => {}
        }
        reply
    }

    fn decide(&mut self, request: &Message) -> Reply {
        let [method, target, version] = &request.start;
        let path = target.split('?').next().unwrap_or(target);
        if !["HTTP/1.0", "HTTP/1.1"].contains(&version.as_str()) {
            return Reply::new(505);
        }
        if version == "HTTP/1.1" && request.field("Host").is_none() {
            return bad_request("no Host");
        }
        if method == "CONNECT" {
            let allowed = self.tunnel_to.as_ref() == Some(target);
            return Reply::new(if allowed { 200 } else { 403 });
        }
        if !METHODS.contains(&method.as_str()) {
            return Reply::new(501);
        }
        let allowed = match path {
            "/" | "/old" | "/sum" | "/odd" | "/visit" => FOR_PAGE,
            "/notes" => FOR_LIST,
            _ => FOR_THING,
        };
        if !allowed.contains(&method.as_str()) {
            return Reply::new(405).with("Allow", allowed.join(", "));
        }
        match method.as_str() {
            "OPTIONS" => Reply::new(204).with("Allow", allowed.join(", ")),
            // The request comes back as it was.
            "TRACE" => Reply::new(200).body("message/http", request.raw.clone()),
            "PUT" => {
                let is_new = !self.things.contains_key(path);
                self.keep(path, request.body.clone());
                Reply::new(if is_new { 201 } else { 204 })
            }
            "POST" => {
                let made = format!("/notes/{}", self.changes);
                self.keep(&made, request.body.clone());
                Reply::new(201).with("Location", made)
            }
            "PATCH" => match self.things.get(path) {
                // RFC 5789 leaves to the body's type how to change: here it is put at the end.
                Some(thing) => {
                    let content = [&thing.content[..], &request.body].concat();
                    self.keep(path, content);
                    Reply::new(204)
                }
                None => Reply::new(404),
            },
            "DELETE" => Reply::new(if self.things.remove(path).is_some() { 204 } else { 404 }),
            _ => self.get(path, request),
        }
    }

    fn get(&mut self, path: &str, request: &Message) -> Reply {
        match path {
            "/" => Reply::new(200).body("text/html", PAGE),
            "/old" => Reply::new(301).with("Location", "/note"),
            "/odd" => Reply::new(299).body("text/plain", "news"),
            "/sum" => {
                let lines = if self.is_repaired { ["1", "2"] } else { ["1", "two"] };
                // An error of the server's own, of which the client need not know more.
                match lines.iter().map(|line| line.parse::<u64>()).sum::<Result<u64, _>>() {
                    Ok(sum) => Reply::new(200).body("text/plain", sum.to_string()),
                    Err(_) => Reply::new(500),
                }
            }
            "/visit" => self.visit(request),
            "/notes" => {
                let made = self.things.keys().filter(|target| target.starts_with("/notes/"));
                let made: Vec<&str> = made.map(String::as_str).collect();
                Reply::new(200).body("text/plain", made.join(" "))
            }
            _ => match self.things.get(path) {
                Some(thing) if request.field("If-None-Match") == Some(&thing.tag) => {
                    Reply::new(304).with("ETag", &thing.tag)
                }
                Some(thing) => Reply::new(200)
                    .with("ETag", &thing.tag)
                    .body("text/plain", thing.content.clone()),
                None => Reply::new(404).body("text/plain", "nothing here"),
            },
        }
    }

    /// The only thing that can tell one visitor from another is what he brings along (RFC 6265).
    fn visit(&mut self, request: &Message) -> Reply {
        let cookie = request.field("Cookie").filter(|cookie| self.visits.contains_key(*cookie));
        let (cookie, is_new) = match cookie {
            Some(cookie) => (cookie.to_string(), false),
            None => (format!("id={}", self.secrets.pop().unwrap_or_default()), true),
        };
        let visits = self.visits.entry(cookie.clone()).or_default();
        *visits += 1;
        let reply = Reply::new(200).body("text/plain", format!("visit {visits}"));
        if is_new { reply.with("Set-Cookie", cookie) } else { reply }
    }
}
