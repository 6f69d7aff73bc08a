//! What is answered to a request by what is found: a table of (request, facts) → reply.

mod bad_input;
mod brought;
mod conditions;
mod passwords;
mod properties;
mod sites;
mod table;
mod writes;

use framecat_proto::http::plan::{Hosts, Needs, Policy, Rights, needs, plan, refused};
use framecat_proto::http::{Content, Facts, FileFacts, Reply, head};

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
        compress: false,
        sandbox: false,
        rights: Rights::READ,
        numbers: false,
        max_upload: 1 << 20,
    }
}

fn file() -> FileFacts {
    FileFacts { size: SIZE, mtime: CHANGED, mtime_nanos: 123, inode: 7, device: 1, settled: true }
}

/// A file `name` and none beside it.
fn found(name: &str) -> Facts {
    Facts::File { name: name.into(), file: file(), coded: Vec::new() }
}

/// The bytes of the request that `text` is, its lines ending in LF and the last two left out.
fn bytes(text: &str) -> Vec<u8> {
    format!("{}\r\n\r\n", text.trim_end().replace('\n', "\r\n")).into_bytes()
}

/// What is answered, and what was looked for.
fn answered(text: &str, facts: &Facts, policy: &Policy, now: i64) -> (Option<Needs>, Reply) {
    let bytes = bytes(text);
    let request = match head::request(&bytes) {
        Ok(request) => request.expect("a whole head"),
        Err(refusal) => return (None, refused(&refusal, policy, true)),
    };
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
        Content::Bytes(bytes) | Content::Page { html: bytes, .. } => {
            String::from_utf8_lossy(bytes).into_owned()
        }
        Content::Squeezed => "squeezed".into(),
        Content::Listing { form, gzip: false } => format!("{form:?}"),
        Content::Listing { form, gzip: true } => format!("{form:?} squeezed"),
        Content::Archive(form) => format!("{form:?}"),
        Content::Hash(digest) => format!("{digest:?}"),
        Content::File { coding, parts, .. } => {
            let coding = coding.map_or("", |coding| coding.name());
            let parts = parts.iter().map(|p| format!("{coding}{}+{}", p.from, p.len));
            parts.collect::<Vec<_>>().join(" ")
        }
    }
}
