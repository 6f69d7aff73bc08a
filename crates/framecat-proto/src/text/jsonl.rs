//! `jsonl`: one message a line, as a JSON object (RFC 8259) with all that is known of it.
//!
//! ```text
//! {"event":"message","time":"2026-11-22T04:30:00.123456789Z","conn":1,"peer":"127.0.0.1:41327","dir":"in","n":1,"length":5,"text":"hello"}
//! ```
//! | key | is |
//! | --- | --- |
//! | `event` | `"message"` |
//! | `time` | the time that the message brought along, else when it was handled; RFC 3339, UTC |
//! | `conn`, `peer`, `dir` | the connection's number, the peer, `"in"` or `"out"` |
//! | `n` | the message's number on that connection and direction, from 1 |
//! | `length` | the payload's bytes |
//! | `text` | the payload |
//! | `base64` | the payload in place of `text`, where it is not UTF-8 (RFC 4648 section 4) |
//! | `cut` | `true` if the end of the stream closed the message, else absent |
//! | `rtt_us` | microseconds since the request, on replies to `ask`, else absent |
//!
//! DEL, C1 controls and overrides of text direction are written as `\u…` too, which JSON permits and
//! a terminal needs. Reading takes `text` or `base64` and ignores every other key, the time included:
//! a message sent again is sent now. Objects whose `event` is not `"message"` are passed over, and
//! so are blank lines.

use std::ops::Range;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use super::escape::{self, Marked, hex_digits};
use super::instant::{Instants, put_decimal};
use super::rows::Row;
use crate::framing::Fault;
use crate::limits::JSON_KEYS_BYTES;
use crate::message::{Context, Dir, Outbound, Spans};

const MARKED: Marked = escape::marked(b"\"\\", b"");

#[derive(Default)]
pub(super) struct Jsonl {
    instants: Instants,
    origin: Option<Origin>,
}

/// The keys that are the same from message to message, written once.
struct Origin {
    conn: u64,
    peer: String,
    dir: Dir,
    /// `,"conn":1,"peer":"…","dir":"in","n":`
    text: Vec<u8>,
}

impl Origin {
    fn of(context: &Context<'_>) -> Origin {
        let mut text = b",\"conn\":".to_vec();
        put_decimal(context.conn, &mut text);
        text.extend_from_slice(b",\"peer\":");
        put_string(context.peer, &mut text);
        text.extend_from_slice(b",\"dir\":\"");
        text.extend_from_slice(context.dir.word().as_bytes());
        text.extend_from_slice(b"\",\"n\":");
        Origin { conn: context.conn, peer: context.peer.into(), dir: context.dir, text }
    }

    fn is(&self, context: &Context<'_>) -> bool {
        self.conn == context.conn && self.dir == context.dir && self.peer == context.peer
    }
}

impl Row for Jsonl {
    fn line_max(&self, max: usize) -> usize {
        // The longest escape, \u0001, is six bytes for one.
        max.saturating_mul(6).saturating_add(JSON_KEYS_BYTES)
    }

    fn read(&self, input: &[u8], line: Range<usize>, out: &mut Spans) -> Result<(), Fault> {
        let Some(object) = parse(&input[line]).map_err(Fault::Broken)? else { return Ok(()) };
        out.push_built(|payload| put_payload_of(&object, payload)).map_err(Fault::Broken)
    }

    fn write(&mut self, message: Outbound<'_>, context: &Context<'_>, out: &mut Vec<u8>) {
        out.extend_from_slice(b"{\"event\":\"message\",\"time\":\"");
        self.instants.put(message.time_ns.unwrap_or(context.now_ns), out);
        out.push(b'"');
        if !self.origin.as_ref().is_some_and(|origin| origin.is(context)) {
            self.origin = None;
        }
        let origin = self.origin.get_or_insert_with(|| Origin::of(context));
        out.extend_from_slice(&origin.text);
        put_decimal(context.first, out);
        out.extend_from_slice(b",\"length\":");
        put_decimal(message.payload.len() as u64, out);
        match std::str::from_utf8(message.payload) {
            Ok(text) => {
                out.extend_from_slice(b",\"text\":");
                put_string(text, out);
            }
            Err(_) => put_base64(message.payload, out),
        }
        if message.cut {
            out.extend_from_slice(b",\"cut\":true");
        }
        if let Some(rtt_us) = context.rtt_us {
            out.extend_from_slice(b",\"rtt_us\":");
            put_decimal(rtt_us, out);
        }
        out.push(b'}');
    }
}

/// Appends `text` as a JSON string, quotes included. Nothing in it can act on a terminal.
pub fn put_string(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    escape::put_text(text.as_bytes(), &MARKED, out, |rest, len, out| match rest[..len] {
        [byte @ (b'"' | b'\\')] => out.extend_from_slice(&[b'\\', byte]),
        [b'\n'] => out.extend_from_slice(br"\n"),
        [b'\r'] => out.extend_from_slice(br"\r"),
        [b'\t'] => out.extend_from_slice(br"\t"),
        [byte] => put_unicode(byte.into(), out),
        // Two bytes: U+0080 to U+009F. Three bytes: U+2000 to U+2FFF, of which some are marked.
        [_, second] => put_unicode(second.into(), out),
        [_, second, third] => {
            put_unicode(0x2000 | u16::from(second & 0x3f) << 6 | u16::from(third & 0x3f), out);
        }
        _ => unreachable!("an escaped character has one to three bytes"),
    });
    out.push(b'"');
}

fn put_unicode(unit: u16, out: &mut Vec<u8>) {
    out.extend_from_slice(br"\u");
    unit.to_be_bytes().iter().for_each(|&byte| out.extend_from_slice(&hex_digits(byte)));
}

/// Appends `,"base64":"…"` for bytes that are no UTF-8.
pub fn put_base64(payload: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(b",\"base64\":\"");
    let start = out.len();
    out.resize(start + payload.len().div_ceil(3) * 4, 0);
    let written = STANDARD.encode_slice(payload, &mut out[start..]);
    debug_assert_eq!(written, Ok(out.len() - start), "four digits for every three bytes");
    out.push(b'"');
}

/// The object of a line, if it is a message's.
fn parse(line: &[u8]) -> Result<Option<Map<String, Value>>, String> {
    if line.trim_ascii().is_empty() {
        return Ok(None);
    }
    let object = match serde_json::from_slice(line) {
        Ok(Value::Object(object)) => object,
        Ok(_) => {
            return Err("the line is no JSON object; write {\"text\":\"…\"}".into());
        }
        Err(error) => {
            let cause = error.to_string().replace(" at line 1 column ", " at column ");
            return Err(format!("the line is no JSON: {cause}; write {{\"text\":\"…\"}}"));
        }
    };
    // What a log says was sent was an answer to the rest: sending it again would double it.
    let sent = object.get("dir").is_some_and(|dir| dir == "out");
    let is_message = !sent && object.get("event").is_none_or(|event| event == "message");
    Ok(is_message.then_some(object))
}

pub(super) fn put_payload_of(object: &Map<String, Value>, out: &mut Vec<u8>) -> Result<(), String> {
    match (object.get("text"), object.get("base64")) {
        (Some(Value::String(text)), None) => {
            out.extend_from_slice(text.as_bytes());
            Ok(())
        }
        (None, Some(Value::String(digits))) => STANDARD.decode_vec(digits, out).map_err(|error| {
            let cause = error.to_string();
            format!("the value of `base64` is no base64: {}", cause.trim_end_matches('.'))
        }),
        (Some(_), Some(_)) => {
            Err("the object has both `text` and `base64`; a message is one of them".into())
        }
        (None, None) => Err("the object has neither `text` nor `base64`; give one of them".into()),
        (Some(_), None) => Err("the value of `text` is no string; put it in quotes".into()),
        (None, Some(_)) => Err("the value of `base64` is no string; put it in quotes".into()),
    }
}
