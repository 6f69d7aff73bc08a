//! What is answered to a request by what is found: a table of (request, facts) → reply.

mod conditions;
mod table;

use framecat_proto::http::plan::{Hosts, Needs, Policy, needs, plan};
use framecat_proto::http::{
    Content, Facts, Field, Fields, FileFacts, Length, Method, Reply, Request, Target, Version,
};

/// Sun, 06 Nov 1994 08:49:37 GMT, when the file was changed.
const CHANGED: i64 = 784_111_777;
/// A day later, when it is asked for.
const NOW: i64 = CHANGED + 86_400;
const SIZE: u64 = 1_000;
const BOUNDARY: &str = "THIS_SEPARATES";

fn policy() -> Policy {
    Policy {
        hosts: Hosts::Only(vec!["box.lan".into()]),
        secure: false,
        trace: false,
        hidden: false,
        precompressed: true,
        sandbox: false,
    }
}

fn file() -> FileFacts {
    FileFacts { size: SIZE, mtime: CHANGED, mtime_nanos: 123, inode: 7, device: 1, settled: true }
}

/// A file `name` and none beside it.
fn found(name: &str) -> Facts {
    Facts::File { name: name.into(), file: file(), coded: Vec::new() }
}

/// The request that `text` is, its lines ending in LF: what is good in it stays good, and what is
/// bad is the parser's to refuse.
fn request(text: &str) -> Request<'_> {
    let mut lines = text.lines();
    let mut words = lines.next().unwrap().split(' ');
    let method = Method::of(words.next().unwrap());
    let target = words.next().unwrap();
    let version = if words.next() == Some("HTTP/1.0") { Version::Http10 } else { Version::Http11 };
    let halves = |text| match str::split_once(text, '?') {
        Some((path, query)) => (path, Some(query)),
        None => (text, None),
    };
    let target = if method == Method::Connect {
        Target::Authority(target)
    } else if target == "*" {
        Target::Asterisk
    } else if let Some((scheme, rest)) =
        target.split_once("://").filter(|_| !target.starts_with('/'))
    {
        let at = rest.find(['/', '?']).unwrap_or(rest.len());
        let (path, query) = halves(&rest[at..]);
        Target::Absolute { scheme, authority: &rest[..at], path, query }
    } else {
        let (path, query) = halves(target);
        Target::Origin { path, query }
    };
    let mut fields = Fields::default();
    let mut length = Length::None;
    for line in lines {
        let (name, value) = line.split_once(':').unwrap();
        let value = value.trim().as_bytes();
        if name == "Content-Length" {
            length = Length::Bytes(std::str::from_utf8(value).unwrap().parse().unwrap());
        }
        fields.push(Field { name, value });
    }
    Request { method, target, version, fields, length, len: text.len() }
}

/// What is answered, and what was looked for.
fn answered(text: &str, facts: &Facts, policy: &Policy, now: i64) -> (Option<Needs>, Reply) {
    let request = request(text);
    match needs(&request, policy) {
        Ok(needs) => {
            let reply = plan(&request, &needs, facts, policy, now, BOUNDARY);
            (Some(needs), reply)
        }
        Err(reply) => (None, reply),
    }
}

fn answer(text: &str, facts: &Facts) -> Reply {
    answered(text, facts, &policy(), NOW).1
}

/// `GET /a.txt` with these fields.
fn get(fields: &str) -> Reply {
    answer(&format!("GET /a.txt HTTP/1.1\nHost: localhost\n{fields}"), &found("a.txt"))
}

/// The content in a line: the bytes, or the pieces of the file.
fn content(reply: &Reply) -> String {
    match &reply.body {
        Content::None => "nothing".into(),
        Content::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        Content::Listing(form) => format!("{form:?}"),
        Content::File { coding, parts, .. } => {
            let coding = coding.map_or("", |coding| coding.name());
            let parts = parts.iter().map(|p| format!("{coding}{}+{}", p.from, p.len));
            parts.collect::<Vec<_>>().join(" ")
        }
    }
}
