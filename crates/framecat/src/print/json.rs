//! Events as JSON lines, in the manner of the form `jsonl`.
//!
//! Each is an object with `event` and `time` (RFC 3339, UTC, nanoseconds) and what the event knows:
//! `conn`, `peer`, `dir`, `n`, `error` mean the same in all of them; sizes are bytes, `…_us`
//! microseconds.

use std::time::Duration;

use framecat_net::error::plain;
use framecat_net::event::{Event, HttpPart, Moving, Reach};
use framecat_proto::text::{put_json_base64, put_json_string, put_time};
use framecat_proto::transfer::Outcome;
use framecat_proto::transfer::record::Carries;
use framecat_proto::transfer::why::Why;

use crate::exit;

/// An event at `now_ns` nanoseconds since 1970 as a line, LF included.
pub(super) fn line(event: &Event<'_>, now_ns: u64) -> Vec<u8> {
    let object = Object::of(name(event), now_ns);
    let object = match *event {
        Event::Listening { endpoint, reach, pin } => {
            let object = listening(object.text("endpoint", endpoint), reach);
            match pin {
                Some(pin) => object.text("pin", pin),
                None => object,
            }
        }
        Event::Connected { conn, peer, local } => object.conn(conn, peer).text("local", local),
        Event::Closed { conn, peer, totals } => object
            .conn(conn, peer)
            .number("messages_in", totals.messages_in)
            .number("messages_out", totals.messages_out)
            .number("bytes_in", totals.bytes_in)
            .number("bytes_out", totals.bytes_out),
        Event::Failed { conn, error } | Event::Unreachable { conn, error } => object
            .conn(conn, &error.endpoint)
            .text("act", error.op.word())
            .number("exit", exit::of_error(error).code.into())
            .text("error", &error.to_string()),
        Event::Refused { conn, peer, dir, n, by, error, .. } => object
            .conn(conn, peer)
            .text("dir", dir.word())
            .number("n", n)
            .text("by", by)
            .text("error", &error.to_string()),
        Event::TooLong { conn, peer, len, max } => {
            object.conn(conn, peer).number("length", len as u64).number("max", max as u64)
        }
        Event::LineBreak { conn, peer } => object.conn(conn, peer),
        Event::Cut { conn, peer, len, delivered } => {
            object.conn(conn, peer).number("length", len as u64).truth("delivered", delivered)
        }
        Event::Resynchronised { conn, peer, error } => object
            .conn(conn, peer)
            .number("n", error.message)
            .number("offset", error.offset)
            .text("error", &error.to_string()),
        Event::Unanswered { conn, peer, n, missing }
        | Event::Unprinted { conn, peer, n, missing } => {
            object.conn(conn, peer).number("n", n).text("error", &missing.to_string())
        }
        Event::NoAnswer { conn, peer, n, error } => {
            object.conn(conn, peer).number("n", n).text("error", &error.to_string())
        }
        Event::LooksMerged { conn, peer, n, count } => {
            object.conn(conn, peer).number("n", n).number("count", count)
        }
        Event::Prompted { conn, peer } => object.conn(conn, peer),
        Event::Dropped { conn, peer, count } => object.conn(conn, peer).number("count", count),
        Event::Retrying { error, time } => {
            object.text("error", &error.to_string()).number("time_us", micros(time))
        }
        Event::Serving { folder, urls, .. } => match folder {
            Some(folder) => object.text("folder", folder).list("urls", urls),
            None => object.list("urls", urls),
        },
        Event::NotAllowed { peer, count } | Event::TurnedAway { peer, count } => {
            object.text("peer", peer).number("count", count)
        }
        Event::WrongCode { peer, why, left } => {
            object.text("peer", peer).text("error", &why.to_string()).number("left", left.into())
        }
        Event::NotMet { peer, why, count } => {
            object.text("peer", peer).text("error", &why.to_string()).number("count", count)
        }
        Event::Finishing { connections, most } => {
            object.number("connections", connections as u64).number("most_us", micros(most))
        }
        Event::Unwritable { folder, error } => {
            object.text("folder", folder).text("error", &plain(error))
        }
        Event::AcceptDelayed { error, wait } => {
            object.text("error", &plain(error)).number("wait_us", micros(wait))
        }
        Event::Path { conn, dir, path } => {
            object.number("conn", conn).text("dir", dir.word()).text("path", &path.to_string())
        }
        Event::Unfinished { conn, peer, unread, cut_off } => {
            object.conn(conn, peer).number("unread", unread as u64).truth("cut_off", cut_off)
        }
        Event::Replied { n, peer, rtt, .. } => {
            object.text("peer", peer).number("n", n).number("rtt_us", micros(rtt))
        }
        Event::Open { endpoint, took } => {
            object.text("endpoint", endpoint).number("took_us", micros(took))
        }
        Event::Http { conn, dir, part } => {
            let object = object.number("conn", conn).text("dir", dir.word());
            match part {
                HttpPart::Head(bytes) => object.text("part", "head").bytes(bytes),
                HttpPart::Content(bytes) => object.text("part", "content").bytes(bytes),
                HttpPart::Chunking(bytes) => object.text("part", "chunking").bytes(bytes),
                HttpPart::Left(bytes) => object.text("part", "left").number("bytes", bytes),
                HttpPart::End(why) => object.text("part", "end").text("why", why),
            }
        }
        Event::Redirected { status, to, method, left_out } => {
            let object = object.number("status", status.into()).text("to", to);
            let object = match method {
                Some(method) => object.text("method", method),
                None => object,
            };
            object.list("left_out", left_out)
        }
        Event::Resumed { file, from } => object.text("file", file).number("from", from),
        Event::Anew { file, why } => object.text("file", file).text("why", why),
        Event::StaysCoded { coding, why } => object.text("coding", coding).text("why", why),
        Event::Fetched { status, bytes, file, timings } => {
            let object = object.number("status", status.into()).number("bytes", bytes);
            let object = match file {
                Some(file) => object.text("file", file),
                None => object,
            };
            let steps = [
                ("resolved_us", timings.resolved),
                ("connected_us", timings.connected),
                ("secured_us", timings.secured),
                ("first_byte_us", timings.first_byte),
                ("total_us", Some(timings.total)),
            ];
            steps.into_iter().fold(object, |object, (name, time)| match time {
                Some(time) => object.number(name, micros(time)),
                None => object,
            })
        }
        Event::Met { peer, secured } => object.text("peer", peer).truth("secured", secured),
        Event::Offered { count, bytes } => object.number("count", count).number("bytes", bytes),
        Event::Moving(Moving { bytes, of, entries, of_entries, more, rate }) => object
            .number("bytes", bytes)
            .number("of", of)
            .number("count", entries)
            .number("of_count", of_entries)
            .truth("more", more)
            .number("rate", rate),
        Event::File { name, bytes, outcome } => {
            let object = object.text("name", name).number("bytes", bytes);
            match outcome {
                Outcome::Had => object.text("outcome", "had"),
                Outcome::Committed => object.text("outcome", "committed"),
                Outcome::Skipped(why) => object.text("outcome", "skipped").why(why),
                Outcome::Failed(why) => object.text("outcome", "failed").why(why),
            }
        }
        Event::LeftOut { path, why, missing } => {
            object.text("path", path).why(why).truth("missing", missing)
        }
        Event::Swept { count } => object.number("count", count as u64),
        Event::Transferred(sum) => object
            .text("carries", carries(sum.carries))
            .number("committed", sum.committed)
            .number("had", sum.had)
            .number("skipped", sum.skipped)
            .number("failed", sum.failed)
            .number("bytes", sum.bytes)
            .number("moved", sum.moved)
            .number("took_us", micros(sum.took)),
        ref other => object.text("text", &format!("{other:?}")),
    };
    object.end()
}

/// The line that tells the code of a transfer.
pub(super) fn code(code: &str, now_ns: u64) -> Vec<u8> {
    Object::of("code", now_ns).text("code", code).end()
}

/// The line that holds a text that was received.
pub(super) fn text(text: &[u8], now_ns: u64) -> Vec<u8> {
    Object::of("text", now_ns).number("length", text.len() as u64).bytes(text).end()
}

/// The line that says how the program ended.
pub(super) fn end(code: u8, sentence: Option<&str>, now_ns: u64) -> Vec<u8> {
    let object = Object::of("end", now_ns).number("exit", code.into());
    match sentence {
        Some(sentence) => object.text("error", sentence).end(),
        None => object.end(),
    }
}

/// The line that says how many events stdout had no room for.
pub(super) fn untold(count: u64, now_ns: u64) -> Vec<u8> {
    Object::of("not_told", now_ns).number("count", count).end()
}

fn name(event: &Event<'_>) -> &'static str {
    match event {
        Event::Listening { .. } => "listening",
        Event::Connected { .. } => "connected",
        Event::Unfinished { .. } => "unfinished",
        Event::Closed { .. } => "closed",
        Event::Failed { .. } => "failed",
        Event::Refused { .. } => "refused",
        Event::TooLong { .. } => "too_long",
        Event::LineBreak { .. } => "line_break",
        Event::Cut { .. } => "cut",
        Event::Resynchronised { .. } => "resynchronised",
        Event::Unanswered { .. } | Event::NoAnswer { .. } => "unanswered",
        Event::Unprinted { .. } => "unprinted",
        Event::LooksMerged { .. } => "looks_merged",
        Event::Prompted { .. } => "prompted",
        Event::Dropped { .. } => "dropped",
        Event::Unreachable { .. } => "unreachable",
        Event::Retrying { .. } => "retrying",
        Event::NotAllowed { .. } => "not_allowed",
        Event::WrongCode { .. } => "wrong_code",
        Event::NotMet { .. } => "not_met",
        Event::Serving { .. } => "serving",
        Event::Finishing { .. } => "finishing",
        Event::TurnedAway { .. } => "turned_away",
        Event::Unwritable { .. } => "unwritable",
        Event::AcceptDelayed { .. } => "accept_delayed",
        Event::Path { .. } => "path",
        Event::Replied { .. } => "replied",
        Event::Open { .. } => "open",
        Event::Http { .. } => "http",
        Event::Redirected { .. } => "redirected",
        Event::Resumed { .. } => "resumed",
        Event::Anew { .. } => "anew",
        Event::StaysCoded { .. } => "stays_coded",
        Event::Fetched { .. } => "fetched",
        Event::Met { .. } => "met",
        Event::Offered { .. } => "offered",
        Event::Moving(_) => "moving",
        Event::File { .. } => "file",
        Event::LeftOut { .. } => "left_out",
        Event::Swept { .. } => "swept",
        Event::Transferred(_) => "transferred",
        _ => "other",
    }
}

fn carries(what: Carries) -> &'static str {
    match what {
        Carries::Files => "files",
        Carries::Stream => "stream",
        Carries::Text => "text",
    }
}

fn listening(object: Object, reach: &Reach) -> Object {
    match reach {
        Reach::ThisMachine { .. } => object.text("reach", "machine"),
        Reach::Network(addresses) => object.text("reach", "network").list("addresses", addresses),
        Reach::Cast(heard) => {
            let addresses: Vec<_> = heard.iter().map(|(address, _)| address.clone()).collect();
            object.text("reach", "network").list("addresses", &addresses)
        }
        Reach::Path => object.text("reach", "path"),
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

/// An object being written.
pub(super) struct Object(Vec<u8>);

impl Object {
    pub(super) fn of(event: &'static str, now_ns: u64) -> Object {
        let mut text = format!("{{\"event\":\"{event}\",\"time\":\"").into_bytes();
        put_time(now_ns, &mut text);
        text.push(b'"');
        Object(text)
    }

    pub(super) fn conn(self, conn: u64, peer: &str) -> Object {
        self.number("conn", conn).text("peer", peer)
    }

    fn key(mut self, key: &'static str) -> Object {
        self.0.extend_from_slice(format!(",\"{key}\":").as_bytes());
        self
    }

    pub(super) fn text(self, key: &'static str, value: &str) -> Object {
        let mut object = self.key(key);
        put_json_string(value, &mut object.0);
        object
    }

    fn why(self, why: &Why) -> Object {
        self.number("cause", why.cause.number().into()).text("error", &why.to_string())
    }

    /// `text`, or `base64` where it is none.
    fn bytes(self, bytes: &[u8]) -> Object {
        match std::str::from_utf8(bytes) {
            Ok(text) => self.text("text", text),
            Err(_) => {
                let mut object = self;
                put_json_base64(bytes, &mut object.0);
                object
            }
        }
    }

    pub(super) fn number(self, key: &'static str, value: u64) -> Object {
        let mut object = self.key(key);
        object.0.extend_from_slice(value.to_string().as_bytes());
        object
    }

    fn truth(self, key: &'static str, value: bool) -> Object {
        let mut object = self.key(key);
        object.0.extend_from_slice(value.to_string().as_bytes());
        object
    }

    fn list(self, key: &'static str, values: &[String]) -> Object {
        let mut object = self.key(key);
        object.0.push(b'[');
        for (i, value) in values.iter().enumerate() {
            if i > 0 {
                object.0.push(b',');
            }
            put_json_string(value, &mut object.0);
        }
        object.0.push(b']');
        object
    }

    pub(super) fn end(mut self) -> Vec<u8> {
        self.0.extend_from_slice(b"}\n");
        self.0
    }
}
