//! What is answered to a request: RFC 9110 for an origin server that reads files.
//!
//! [`needs`] says what is to be looked for, or answers at once; the caller looks; [`plan`] answers by
//! what was found. [`refused`] answers what was no request. All three are pure functions.

use super::accept::Accepted;
use super::conditional::{Outcome, Validators, outcome, range_counts};
use super::digest::Digest;
use super::hosts::{absolute, ours};
use super::listing::Language;
use super::path::{Path, asks, decode, encode, encode_query};
use super::range::{Ranges, Span};
use super::status::{TEXT, escape, page};
use super::write::{deed, why_not};
use super::{
    Coding, Content, Facts, Field, FileFacts, Length, ListingForm, Method, Part, Refusal, Reply,
    Request, Seconds, Target, Then, Version, Why, archive, date, kind, listing, range,
};
use crate::limits::{HTTP_SMALL_BYTES, HTTP_SQUEEZED_FROM};

mod trace;

use trace::trace;

pub use super::hosts::Hosts;
pub use super::write::Rights;

/// The file that stands for a folder that has one.
pub const INDEX: &[u8] = b"index.html";

/// What a server is willing to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Whom requests may be meant for.
    pub hosts: Hosts,
    /// The connection is protected by TLS, so `https` is its scheme.
    pub secure: bool,
    /// TRACE is answered.
    pub trace: bool,
    /// Names that begin with a dot are served.
    pub hidden: bool,
    /// Files are looked for in codings, too.
    pub precompressed: bool,
    /// Files that are kept in no coding are coded in gzip on their way, where that is worth it. Listings
    /// always are.
    pub compress: bool,
    /// What is in the folder may come from strangers: HTML and SVG run with no rights over the rest of it.
    /// Where only the owner puts files there, the page is theirs and may be one that needs its rights.
    /// And no file stands for another thing: an index file not for its folder, and one in a coding not for
    /// the file beside it. A stranger who may only bring new ones would change what is there.
    pub sandbox: bool,
    /// What strangers may do.
    pub rights: Rights,
    /// A file whose name is taken gets a number.
    pub numbers: bool,
    /// The content of a file that is uploaded is no longer than so many bytes.
    pub max_upload: u64,
}

/// What a request is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Needs {
    /// Where to look.
    pub path: Path,
    /// A folder stands for its [`INDEX`] file, where it has one. If `false`, a folder is
    /// [`Facts::Folder`] at once.
    pub index: bool,
    /// The form in which a folder is listed.
    pub form: ListingForm,
    /// The folder is wanted in one piece, and not as a list of its names.
    pub archive: Option<archive::Form>,
    /// The hash of the file is wanted, and not the file.
    pub hash: Option<Digest>,
    /// In which codings the file may be sent. Those that it is not worth looking for are left out.
    pub accepted: Accepted,
    /// What is made for the reply may be coded in gzip on its way.
    pub gzip: bool,
    /// No condition and no range: what [`plan`] answers to the method depends on facts and policy alone.
    /// Once a file is [settled](FileFacts::settled) and not from the future, it stays the same until
    /// the file changes, and may be kept.
    pub plain: bool,
}

const NOT_A_FILE: &str = "Only a file has a hash: leave the part behind the question mark out.";
const NOT_A_FOLDER: &str =
    "Only a folder can be packed: leave the part behind the question mark out.";

/// Others are not told where a link stood. Our own server is: by `no-referrer` a form would come from the
/// origin `null`, as one of another site does (Fetch, "append a request `Origin` header").
const OURS_ALONE: &str = "Referrer-Policy: same-origin\r\n";

pub(super) const FORM: Why = Why {
    rule: "the target has a form that its method does not have",
    section: "RFC 9112 section 3.2",
};
const PORT: Why =
    Why { rule: "CONNECT has no port, or none from 1 to 65535", section: "RFC 9110 section 9.3.6" };
const EXPECTATION: Why =
    Why { rule: "an expectation other than 100-continue", section: "RFC 9110 section 10.1.1" };
const READS: Why = Why {
    rule: "this server only reads: it answers GET, HEAD and OPTIONS",
    section: "RFC 9110 section 15.5.6",
};
const UNKNOWN: Why = Why {
    rule: "a method that this server does not know; their case matters",
    section: "RFC 9110 section 15.6.2",
};

/// What `request` needs to be looked for, or the reply where nothing does.
pub fn needs(request: &Request<'_>, policy: &Policy) -> Result<Needs, Reply> {
    let needs = looked(request, policy);
    needs.map_err(|mut reply| {
        // What waits for a 100 may come behind this reply or not: nobody can tell it from a request
        // (RFC 9110 section 10.1.1).
        if waits(request) {
            reply.then = Then::Close;
        }
        reply
    })
}

/// Whether a request is meant for us and expects what we can do. `true` if it has no condition and no range.
pub(super) fn meant(request: &Request<'_>, policy: &Policy) -> Result<bool, Reply> {
    let mut plain = true;
    for field in request.fields.iter() {
        match field.name.as_bytes().first() {
            Some(b'E' | b'e') if field.name.eq_ignore_ascii_case("expect") => expected(field)?,
            Some(b'I' | b'i') if starts_with(field.name, "if-") => plain = false,
            Some(b'R' | b'r') if field.name.eq_ignore_ascii_case("range") => plain = false,
            _ => {}
        }
    }
    match request.target {
        // RFC 9112 section 3.2.2: the target's host counts, and Host does not.
        Target::Absolute { scheme, authority, .. } => {
            absolute(scheme, authority, policy).map_err(|(status, why)| because(status, why))?;
        }
        Target::Authority(_) => {}
        Target::Origin { .. } | Target::Asterisk => {
            let host = request.fields.only("host").unwrap_or_default();
            ours(host, policy).map_err(|why| because(421, why))?;
        }
    }
    Ok(plain)
}

fn looked(request: &Request<'_>, policy: &Policy) -> Result<Needs, Reply> {
    let plain = meant(request, policy)?;
    let allow = Allow(policy);
    let known = match request.method {
        Method::Other(_) => return Err(because(501, UNKNOWN)),
        Method::Connect => return Err(connect(request, policy)),
        Method::Get | Method::Options => true,
        Method::Trace => policy.trace,
        // What is done, and not only looked at, is `write`'s; so is what is asked of an upload.
        Method::Head => {
            deed(request, policy)?;
            true
        }
        Method::Post | Method::Put | Method::Delete => {
            deed(request, policy)?;
            false
        }
    };
    let (path, query) = match request.target {
        // RFC 9112 section 3.2.4: it is how `OPTIONS *` reaches a proxy.
        Target::Absolute { path: "", query: None, .. } | Target::Asterisk
            if request.method == Method::Options =>
        {
            return Err(options(allow));
        }
        Target::Origin { path, query } | Target::Absolute { path, query, .. } => (path, query),
        Target::Asterisk | Target::Authority(_) => return Err(because(400, FORM)),
    };
    if !known {
        return Err(not_allowed(policy));
    }
    let path = decode(path).map_err(|why| because(400, why))?;
    match request.method {
        Method::Options => return Err(options(allow)),
        Method::Trace => return Err(trace(request)),
        _ => {}
    }
    if path.ours || path.hidden && !policy.hidden {
        return Err(page(404, None));
    }
    if is_loose(request.target) && policy.rights.read {
        // Browsers send some octets that a target may not hold. Who reads over them in silence may read
        // another name than a filter before it (RFC 9112 section 3.2): so they are shown the right one.
        return Err(moved(&path, path.folder, query, "The address, written as it should be"));
    }
    let json = asks(query, "json");
    let forms = [archive::Form::Tar, archive::Form::Zip];
    let archive = forms.into_iter().find(|form| asks(query, form.name()));
    let hash = Digest::ALL.into_iter().find(|digest| asks(query, digest.name()));
    // Of what may not be read nothing is told, and the root is the page by which files are brought.
    let told = policy.rights.read || path.bytes.is_empty() && archive.is_none() && hash.is_none();
    if !told || json && !policy.rights.read {
        return Err(page(404, None));
    }
    let index = path.folder && !json && archive.is_none() && hash.is_none() && !policy.sandbox;
    let name = if index { INDEX } else { path.name() };
    let mut accepted = Accepted::of(&request.fields);
    let gzip = accepted.codings().any(|coding| coding == Coding::Gzip);
    if !policy.precompressed || policy.sandbox || hash.is_some() || !kind::of(name).compressible {
        accepted = accepted.plain();
    }
    let form = if json { ListingForm::Json } else { ListingForm::Html };
    Ok(Needs { path, index, form, archive, hash, accepted, gzip, plain })
}

/// What is answered to `request`, a GET or HEAD that [`needs`] let through, by what was found.
///
/// `now` is what Date will say. `boundary` separates the parts of several ranges: characters of a token,
/// 70 at the most, that are in no file, so made of chance.
pub fn plan(
    request: &Request<'_>,
    needs: &Needs,
    facts: &Facts,
    policy: &Policy,
    now: Seconds,
    boundary: &str,
) -> Reply {
    let mut reply = match facts {
        Facts::Missing => page(404, None),
        Facts::Denied => page(403, None),
        Facts::Folder if needs.hash.is_some() => page(404, Some(NOT_A_FILE)),
        // From `//a//` its page would lead to itself where it leads up.
        Facts::Folder if !needs.path.folder || has_gaps(request.target) => redirect(request, needs),
        Facts::Folder => match needs.archive {
            Some(form) => archived(request, needs, form, now),
            None => listed(request, needs, policy, now),
        },
        Facts::File { .. } if needs.path.folder && needs.hash.is_some() => page(404, None),
        Facts::File { .. } if needs.archive.is_some() => page(404, Some(NOT_A_FOLDER)),
        // A slash behind the name of a file: a folder was meant, and there is none.
        Facts::File { name, .. } if needs.path.folder && name != INDEX => page(404, None),
        Facts::File { name, file, coded } => match needs.hash {
            Some(digest) => hashed(request, needs, digest, now),
            None => {
                let sent = Sent { request, needs, policy, now, boundary };
                sent.file(name, file, coded)
            }
        },
    };
    if waits(request) {
        reply.then = Then::Close;
    }
    reply
}

/// What is answered by a server that answers each request with itself: `came`, its head and its content as
/// they came, as text. Whatever the method; the server's own host is asked for all the same.
pub fn echo(request: &Request<'_>, came: Vec<u8>, policy: &Policy) -> Reply {
    if request.method == Method::Connect {
        return connect(request, policy);
    }
    let mut reply = match meant(request, policy) {
        Ok(_) => Reply::new(200),
        Err(reply) => reply,
    };
    if reply.status == 200 {
        // A browser must not take it for a page, whatever is in it.
        reply.fields.extend_from_slice(TEXT);
        reply.body = Content::Bytes(came);
    }
    if waits(request) {
        reply.then = Then::Close;
    }
    reply
}

/// What is answered to what was no request. The connection ends behind it, for nobody knows where the next
/// request would begin. `near`, the peer is on this machine: it is told the octet and the rule.
pub fn refused(refusal: &Refusal, policy: &Policy, near: bool) -> Reply {
    let words = near.then(|| {
        let Refusal { at, rule, section, .. } = refusal;
        format!("Octet {at}: {rule} ({section}).")
    });
    let mut reply = page(refusal.status, words.as_deref());
    if refusal.status == 405 {
        reply.field("Allow", Allow(policy));
    }
    reply.then = Then::Close;
    reply
}

/// The value of Allow: what this server answers, whatever the target.
#[derive(Clone, Copy)]
struct Allow<'p>(&'p Policy);

impl std::fmt::Display for Allow<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("GET, HEAD, OPTIONS")?;
        f.write_str(if self.0.trace { ", TRACE" } else { "" })?;
        let rights = self.0.rights;
        f.write_str(if rights.posts() { ", POST" } else { "" })?;
        f.write_str(if rights.upload { ", PUT" } else { "" })?;
        f.write_str(if rights.delete { ", DELETE" } else { "" })
    }
}

/// The page of a status, with the rule that decided it.
pub fn because(status: u16, why: Why) -> Reply {
    let mut words = String::with_capacity(why.rule.len() + why.section.len() + 4);
    let mut chars = why.rule.chars();
    words.extend(chars.next().map(|first| first.to_ascii_uppercase()));
    words.push_str(chars.as_str());
    words.extend([" (", why.section, ")."]);
    Reply { why: Some(why), ..page(status, Some(&words)) }
}

pub(super) fn not_allowed(policy: &Policy) -> Reply {
    let mut reply = because(405, why_not(policy).unwrap_or(READS));
    reply.field("Allow", Allow(policy));
    reply
}

/// RFC 9110 section 9.3.7.
fn options(allow: Allow<'_>) -> Reply {
    let mut reply = Reply::new(200);
    reply.field("Allow", allow);
    reply.body = Content::Bytes(Vec::new());
    reply
}

/// RFC 9110 section 9.3.6: refused, by a reply that depends on whether it could ever be granted. Bytes
/// for the tunnel may follow it at once, so nothing behind it is a request.
fn connect(request: &Request<'_>, policy: &Policy) -> Reply {
    let port = match request.target {
        Target::Authority(authority) => authority.rsplit_once(':').map(|(_, port)| port),
        _ => return Reply { then: Then::Close, ..because(400, FORM) },
    };
    let valid = port.and_then(|port| port.parse::<u16>().ok()).is_some_and(|port| port > 0);
    let reply = if valid { not_allowed(policy) } else { because(400, PORT) };
    Reply { then: Then::Close, ..reply }
}

/// Whether the client holds its content back until it is told to go on.
fn waits(request: &Request<'_>) -> bool {
    request.version >= Version::Http11
        && !matches!(request.length, Length::None | Length::Bytes(0))
        && request.fields.lists("expect", "100-continue")
}

fn expected(field: &Field<'_>) -> Result<(), Reply> {
    let mut members = field.value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
    let all = members.all(|m| m.is_empty() || m.eq_ignore_ascii_case(b"100-continue"));
    if all { Ok(()) } else { Err(because(417, EXPECTATION)) }
}

fn starts_with(name: &str, prefix: &str) -> bool {
    let start = name.as_bytes().get(..prefix.len());
    start.is_some_and(|start| start.eq_ignore_ascii_case(prefix.as_bytes()))
}

/// The same with a slash behind it, so that the names in it can be relative. Made of the path that was
/// found and not of what was sent: `//other.example/..` would lead there.
fn redirect(request: &Request<'_>, needs: &Needs) -> Reply {
    let (Target::Origin { query, .. } | Target::Absolute { query, .. }) = request.target else {
        return page(404, None);
    };
    moved(&needs.path, true, query, "The folder")
}

/// Whether a target holds octets that RFC 3986 has only encoded, and that browsers send as they are.
pub(super) fn is_loose(target: Target<'_>) -> bool {
    let (Target::Origin { path, query } | Target::Absolute { path, query, .. }) = target else {
        return false;
    };
    let loose = |byte: &u8| b"[]|{}^`\\".contains(byte);
    path.as_bytes().iter().chain(query.unwrap_or_default().as_bytes()).any(loose)
}

/// Whether a path has segments that count for nothing.
fn has_gaps(target: Target<'_>) -> bool {
    matches!(target, Target::Origin { path, .. } | Target::Absolute { path, .. } if path.contains("//"))
}

/// The same thing is there under another address, for good.
fn moved(path: &Path, slash: bool, query: Option<&str>, words: &str) -> Reply {
    let mut to = b"/".to_vec();
    encode(&path.bytes, &mut to);
    if slash && !path.bytes.is_empty() {
        to.push(b'/');
    }
    if let Some(query) = query {
        to.push(b'?');
        encode_query(query, &mut to);
    }
    // All of it is ASCII by now.
    let to = String::from_utf8_lossy(&to);
    let mut reply = page(301, None);
    reply.field("Location", &to);
    let mut html =
        String::from("<!doctype html>\n<meta charset=utf-8>\n<title>301</title>\n<a href=\"");
    escape(&to, &mut html);
    html.push_str("\">");
    html.push_str(words);
    html.push_str("</a>\n");
    reply.body = Content::Bytes(html.into_bytes());
    reply
}

/// A folder. Its page is made anew each time: there is nothing to compare it with.
fn listed(request: &Request<'_>, needs: &Needs, policy: &Policy, now: Seconds) -> Reply {
    if !needs.accepted.identity && !needs.gzip {
        return not_acceptable();
    }
    let mut reply = Reply::new(200);
    match if needs.plain { Outcome::Proceed } else { outcome(&request.fields, None, now) } {
        Outcome::Failed => return page(412, None),
        Outcome::NotModified => reply.status = 304,
        Outcome::Proceed => {
            reply.body = Content::Listing { form: needs.form, gzip: needs.gzip };
        }
    }
    reply.fields.extend_from_slice(b"Cache-Control: no-cache\r\nVary: Accept-Encoding");
    put(
        &mut reply,
        &[if needs.form == ListingForm::Html { ", Accept-Language\r\n" } else { "\r\n" }],
    );
    if reply.status == 200 {
        reply.fields.extend_from_slice(match needs.form {
            ListingForm::Html => b"Content-Type: text/html; charset=utf-8\r\n".as_slice(),
            ListingForm::Json => b"Content-Type: application/json\r\n",
        });
        put(&mut reply, &["X-Content-Type-Options: nosniff\r\n", OURS_ALONE]);
        if needs.gzip {
            put(&mut reply, &["Content-Encoding: gzip\r\n"]);
        }
        if needs.form == ListingForm::Html {
            let language = Language::accepted(request.fields.all("Accept-Language"));
            let may = listing::policy(language, policy.rights);
            put(&mut reply, &["Content-Security-Policy: ", may, "\r\n"]);
        }
    }
    reply
}

/// A file's hash. As with a folder's page there is nothing to compare it with.
fn hashed(request: &Request<'_>, needs: &Needs, digest: Digest, now: Seconds) -> Reply {
    let mut reply = made(request, needs, Content::Hash(digest), now);
    if reply.status == 200 {
        reply.field("Content-Type", "text/plain; charset=utf-8");
    }
    reply
}

/// A folder in one piece. As with its page there is nothing to compare it with.
fn archived(request: &Request<'_>, needs: &Needs, form: archive::Form, now: Seconds) -> Reply {
    let mut reply = made(request, needs, Content::Archive(form), now);
    if reply.status == 200 {
        let name = match needs.path.name() {
            // What the root is called is its owner's business.
            b"" => archive::ROOT,
            name => name,
        };
        let name = [name, b".", form.name().as_bytes()].concat();
        reply.field("Content-Type", form.content_type());
        reply.field("Content-Disposition", archive::attachment(&name));
    }
    reply
}

/// What is made for each who asks, or why it is not.
fn made(request: &Request<'_>, needs: &Needs, what: Content, now: Seconds) -> Reply {
    if !needs.accepted.identity {
        return not_acceptable();
    }
    let mut reply = Reply::new(200);
    match if needs.plain { Outcome::Proceed } else { outcome(&request.fields, None, now) } {
        Outcome::Failed => return page(412, None),
        Outcome::NotModified => reply.status = 304,
        Outcome::Proceed => reply.body = what,
    }
    put(&mut reply, &["Cache-Control: no-cache\r\n"]);
    if reply.status == 200 {
        put(&mut reply, &["X-Content-Type-Options: nosniff\r\n"]);
    }
    reply
}

fn not_acceptable() -> Reply {
    let mut reply = page(406, None);
    reply.field("Vary", "Accept-Encoding");
    reply
}

/// Everything that decides how a file is sent.
struct Sent<'a> {
    request: &'a Request<'a>,
    needs: &'a Needs,
    policy: &'a Policy,
    now: Seconds,
    boundary: &'a str,
}

impl Sent<'_> {
    fn file(&self, name: &[u8], file: &FileFacts, coded: &[(Coding, FileFacts)]) -> Reply {
        let kind = kind::of(name);
        let accepted = self.needs.accepted;
        let found = accepted.codings().find_map(|coding| {
            let (_, facts) = coded.iter().find(|(found, _)| *found == coding)?;
            Some((coding, facts))
        });
        let squeezed = found.is_none() && self.squeezes(kind, file.size);
        let (coding, file) = match found {
            Some((coding, facts)) => (Some(coding), facts),
            None if squeezed => (Some(Coding::Gzip), file),
            None if accepted.identity => (None, file),
            None => return not_acceptable(),
        };
        let is = Validators::of(file, coding, self.now);
        // Whoever asks with another Accept-Encoding may get another file.
        let precompressed = self.policy.precompressed && !self.policy.sandbox;
        let varies = (precompressed || self.policy.compress) && kind.compressible;
        let fields = &self.request.fields;
        let plain = self.needs.plain;
        match if plain { Outcome::Proceed } else { outcome(fields, Some(&is), self.now) } {
            Outcome::Failed => return page(412, None),
            Outcome::NotModified => return self.not_modified(&is, varies),
            Outcome::Proceed => {}
        }
        let ranges =
            if plain || squeezed { Ranges::Ignored } else { self.ranges(&is, coding, file.size) };
        let mut reply = Reply::new(200);
        reply.fields.reserve(320);
        let (parts, end) = match ranges {
            Ranges::Unsatisfiable => return unsatisfiable(file.size),
            Ranges::Ignored => {
                put(&mut reply, &["Content-Type: ", kind.content_type, "\r\n"]);
                (vec![Part { before: Vec::new(), from: 0, len: file.size }], Vec::new())
            }
            Ranges::Spans(spans) => {
                reply.status = 206;
                self.parts(&mut reply, &spans, kind.content_type, file.size)
            }
        };
        if let Some(coding) = coding {
            put(&mut reply, &["Content-Encoding: ", coding.name(), "\r\n"]);
        }
        if !squeezed {
            put(&mut reply, &["Accept-Ranges: bytes\r\n"]);
        }
        put(&mut reply, &["ETag: ", &is.etag, "\r\nLast-Modified: "]);
        reply.fields.extend_from_slice(&date::write(is.modified));
        // Browsers would guess how long they need not ask again: whoever changes a file wants it seen.
        put(&mut reply, &["\r\nCache-Control: no-cache\r\nX-Content-Type-Options: nosniff\r\n"]);
        if varies {
            put(&mut reply, &["Vary: Accept-Encoding\r\n"]);
        }
        if kind.active {
            put(&mut reply, &[OURS_ALONE]);
            if self.policy.sandbox {
                put(&mut reply, &["Content-Security-Policy: sandbox; default-src 'self'\r\n"]);
            }
        }
        reply.body = match squeezed {
            true => Content::Squeezed,
            false => Content::File { coding, parts, end },
        };
        reply
    }

    /// Whether a file of this kind and size is coded on its way. One of which a range is wanted is not,
    /// for nobody can go on inside what is made anew each time; nor is one whose end HTTP/1.0 could not see.
    fn squeezes(&self, kind: kind::Kind, size: u64) -> bool {
        let ends = size <= HTTP_SMALL_BYTES as u64 || self.request.version >= Version::Http11;
        let worth = size >= HTTP_SQUEEZED_FROM
            && ends
            && !(self.request.method == Method::Get && self.request.fields.get("range").is_some());
        let may = self.policy.compress && self.needs.gzip && kind.compressible;
        may && (worth || !self.needs.accepted.identity)
    }

    /// RFC 9110 section 15.4.5: what a cache needs, and no more.
    fn not_modified(&self, is: &Validators, varies: bool) -> Reply {
        let mut reply = Reply::new(304);
        put(&mut reply, &["ETag: ", &is.etag, "\r\nCache-Control: no-cache\r\n"]);
        if varies {
            put(&mut reply, &["Vary: Accept-Encoding\r\n"]);
        }
        reply
    }

    fn ranges(&self, is: &Validators, coding: Option<Coding>, size: u64) -> Ranges {
        let fields = &self.request.fields;
        // RFC 9110 section 14.2: for GET alone.
        let (Method::Get, Some(value)) = (self.request.method, fields.only("range")) else {
            return Ranges::Ignored;
        };
        if !range_counts(fields, is, self.now) {
            return Ranges::Ignored;
        }
        match range::of(value, size) {
            // Content-Encoding in the head of such a reply would be said of its parts together, by
            // some, and of the file, by others. Nobody needs to be able to ask.
            Ranges::Spans(spans) if spans.len() > 1 && coding.is_some() => Ranges::Ignored,
            ranges => ranges,
        }
    }

    /// RFC 9110 section 14.6 for several, and section 15.3.7.
    fn parts(
        &self,
        reply: &mut Reply,
        spans: &[Span],
        kind: &str,
        size: u64,
    ) -> (Vec<Part>, Vec<u8>) {
        if let [span] = spans {
            put(reply, &["Content-Type: ", kind, "\r\n"]);
            let range = format!("bytes {}-{}/{size}", span.from, span.last());
            put(reply, &["Content-Range: ", &range, "\r\n"]);
            let part = Part { before: Vec::new(), from: span.from, len: span.len };
            return (vec![part], Vec::new());
        }
        let boundary = self.boundary;
        put(reply, &["Content-Type: multipart/byteranges; boundary=", boundary, "\r\n"]);
        let parts = spans.iter().enumerate().map(|(nth, span)| {
            let end = if nth == 0 { "" } else { "\r\n" };
            let before = format!(
                "{end}--{boundary}\r\nContent-Type: {kind}\r\nContent-Range: bytes {}-{}/{size}\r\n\r\n",
                span.from,
                span.last()
            );
            Part { before: before.into_bytes(), from: span.from, len: span.len }
        });
        (parts.collect(), format!("\r\n--{boundary}--\r\n").into_bytes())
    }
}

/// RFC 9110 section 15.5.17.
fn unsatisfiable(size: u64) -> Reply {
    let mut reply = page(416, None);
    reply.field("Content-Range", format_args!("bytes */{size}"));
    reply.field("Accept-Ranges", "bytes");
    reply
}

fn put(reply: &mut Reply, texts: &[&str]) {
    for text in texts {
        reply.fields.extend_from_slice(text.as_bytes());
    }
}
