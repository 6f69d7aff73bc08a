//! A recording: what was said on connections, both ways and with times, as JSON lines.
//!
//! ```text
//! {"event":"recording","time":"2026-11-22T04:30:00.000000000Z","version":1,"side":"listen","client_frame":"line","server_frame":"line"}
//! {"event":"message","time":"…","conn":1,"peer":"127.0.0.1:41327","dir":"in","n":1,"length":4,"text":"PING"}
//! {"event":"message","time":"…","conn":1,"peer":"127.0.0.1:41327","dir":"out","n":1,"length":4,"text":"PONG"}
//! {"event":"ended","time":"…","conn":1,"peer":"127.0.0.1:41327","dir":"in"}
//! ```
//!
//! The first line says on which side it was made: `"in"` and `"out"` are as that side saw them, so
//! whoever plays the other part turns them round. `client_frame` and `server_frame` are the framings of
//! what each part said; a relay that reframed tells its dialled end's as `dialled_frame`. `ended` is the
//! end of one direction of a stream. Messages are in the form `jsonl`.
//!
//! A recording may be written by hand, or be a log of `--json`: the first line may be missing (then
//! `"out"` is what the player says), `conn` may be (then it is 1), `time` may be, and objects whose
//! `event` is another are passed over.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::instant::put_time;
use super::jsonl::{put_payload_of, put_string};
use crate::framing::Framing;
use crate::message::{Context, Dir};

/// The version of the first line that is written, and the highest that is read.
const VERSION: u64 = 1;

/// A part in a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Who waits for connections.
    Listen,
    /// Who dials.
    Connect,
}

impl Side {
    fn word(self) -> &'static str {
        match self {
            Side::Listen => "listen",
            Side::Connect => "connect",
        }
    }
}

/// What the first line of a recording says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Head {
    /// Where it was made; `None`: it was not said.
    pub side: Option<Side>,
    /// The framing of what the client says.
    pub client: Option<Framing>,
    /// The framing of what the server says.
    pub server: Option<Framing>,
    /// The framing of what a relay's dialled end says, where that end's rules are others.
    pub dialled: Option<Framing>,
}

/// What was said on some connections.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recording {
    /// The first line.
    pub head: Head,
    /// The conversations by the numbers of their connections.
    pub conversations: Vec<Conversation>,
}

/// What was said on one connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conversation {
    /// The connection's number.
    pub conn: u64,
    /// Messages and ends, as they were recorded.
    pub steps: Vec<Step>,
}

/// A message, or the end of a direction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The line that it stands in, from 1.
    pub line: u64,
    /// When, in nanoseconds since 1970.
    pub time_ns: Option<u64>,
    /// `Out`: said by the side whose view it is.
    pub dir: Dir,
    /// The payload; `None`: the end of the direction.
    pub message: Option<Vec<u8>>,
}

/// A line that is none of a recording.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{problem}")]
pub struct RecordingError {
    /// What is wrong, and in which line.
    pub problem: String,
    /// What to do about it.
    pub remedy: String,
}

impl Recording {
    /// Reads a recording.
    ///
    /// # Errors
    /// A line is no JSON, or says what no recording says; the last line is cut; there is no message.
    pub fn parse(bytes: &[u8]) -> Result<Recording, RecordingError> {
        let mut head = Head::default();
        let mut conversations = BTreeMap::<u64, Vec<Step>>::new();
        let lines = bytes.split_inclusive(|byte| *byte == b'\n');
        for (text, line) in lines.zip(1..) {
            let whole = text.ends_with(b"\n");
            let read = read_line(text, line, &mut head);
            match read.map_err(|problem| wrong(line, &problem, whole))? {
                None => {}
                Some((conn, step)) => conversations.entry(conn).or_default().push(step),
            }
        }
        let conversations: Vec<_> =
            conversations.into_iter().map(|(conn, steps)| Conversation { conn, steps }).collect();
        let messages = conversations.iter().flat_map(|conversation| &conversation.steps);
        if messages.filter(|step| step.message.is_some()).count() == 0 {
            return Err(RecordingError {
                problem: "it holds no message".into(),
                remedy: "--record FILE makes a recording; a line of it is \
                         {\"dir\":\"in\",\"text\":\"…\"}"
                    .into(),
            });
        }
        Ok(Recording { head, conversations })
    }

    /// The same as `side` saw it: its own words are `Out`.
    pub fn seen_from(mut self, side: Side) -> Recording {
        if self.head.side.is_some_and(|made_by| made_by != side) {
            self.head.side = Some(side);
            for step in self.conversations.iter_mut().flat_map(|one| &mut one.steps) {
                step.dir = match step.dir {
                    Dir::In => Dir::Out,
                    Dir::Out => Dir::In,
                };
            }
        }
        self
    }
}

fn wrong(line: u64, problem: &str, whole: bool) -> RecordingError {
    match whole {
        true => RecordingError {
            problem: format!("line {line}: {problem}"),
            remedy: "a line is {\"dir\":\"in\",\"text\":\"…\"}, as --record writes it".into(),
        },
        false => RecordingError {
            problem: format!("it ends within line {line}: {problem}"),
            remedy: "the recording is cut; remove the last line to play what is whole".into(),
        },
    }
}

/// Reads one line: a step and the number of its connection, if it is one.
fn read_line(text: &[u8], line: u64, head: &mut Head) -> Result<Option<(u64, Step)>, String> {
    if text.trim_ascii().is_empty() {
        return Ok(None);
    }
    let object = match serde_json::from_slice(text) {
        Ok(Value::Object(object)) => object,
        Ok(_) => return Err("it is no JSON object".into()),
        Err(error) => {
            let cause = error.to_string();
            let (cause, column) = cause.split_once(" at line ").unwrap_or((&cause, ""));
            let column = column.split_once("column ").map_or("", |(_, column)| column);
            return Err(format!("it is no JSON: {cause} at column {column}"));
        }
    };
    let event = match object.get("event") {
        None => "message",
        Some(Value::String(event)) => event,
        Some(_) => return Err("the value of `event` is no string".into()),
    };
    let message = match event {
        "message" => {
            let mut payload = Vec::new();
            put_payload_of(&object, &mut payload)?;
            Some(payload)
        }
        "ended" => None,
        "recording" => {
            *head = read_head(&object)?;
            return Ok(None);
        }
        // A log of --json tells by this which side it was.
        "listening" => {
            head.side.get_or_insert(Side::Listen);
            return Ok(None);
        }
        _ => return Ok(None),
    };
    let dir = match object.get("dir").and_then(Value::as_str) {
        Some("in") => Dir::In,
        Some("out") => Dir::Out,
        _ => return Err("`dir` says neither \"in\" nor \"out\"".into()),
    };
    let conn = match object.get("conn") {
        None => 1,
        Some(conn) => conn.as_u64().ok_or("the value of `conn` is no number of a connection")?,
    };
    let time_ns = match object.get("time") {
        None => None,
        Some(time) => Some(read_time(time).ok_or("the value of `time` is no time")?),
    };
    Ok(Some((conn, Step { line, time_ns, dir, message })))
}

fn read_head(object: &Map<String, Value>) -> Result<Head, String> {
    let version = object.get("version").and_then(Value::as_u64).unwrap_or(VERSION);
    if version > VERSION {
        return Err(format!("it is of version {version}, and this program knows {VERSION}"));
    }
    let side = match object.get("side").map(Value::as_str) {
        None => None,
        Some(Some("listen")) => Some(Side::Listen),
        Some(Some("connect")) => Some(Side::Connect),
        Some(_) => return Err("`side` says neither \"listen\" nor \"connect\"".into()),
    };
    let framing = |key: &str| match object.get(key) {
        None => Ok(None),
        Some(Value::String(rule)) => match rule.parse::<Framing>() {
            Ok(framing) => Ok(Some(framing)),
            Err(error) => Err(format!("the value of `{key}`: {}", error.problem)),
        },
        Some(_) => Err(format!("the value of `{key}` is no string")),
    };
    let (client, server) = (framing("client_frame")?, framing("server_frame")?);
    Ok(Head { side, client, server, dialled: framing("dialled_frame")? })
}

fn read_time(time: &Value) -> Option<u64> {
    let time = humantime::parse_rfc3339(time.as_str()?).ok()?;
    let since = time.duration_since(std::time::UNIX_EPOCH).ok()?;
    u64::try_from(since.as_nanos()).ok()
}

/// Appends the first line of a recording that is begun now.
pub fn put_head(head: &Head, now_ns: u64, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"event\":\"recording\",\"time\":\"");
    put_time(now_ns, out);
    out.extend_from_slice(format!("\",\"version\":{VERSION}").as_bytes());
    if let Some(side) = head.side {
        out.extend_from_slice(format!(",\"side\":\"{}\"", side.word()).as_bytes());
    }
    let framings = [
        ("client_frame", &head.client),
        ("server_frame", &head.server),
        ("dialled_frame", &head.dialled),
    ];
    for (key, framing) in framings {
        if let Some(framing) = framing {
            out.extend_from_slice(format!(",\"{key}\":").as_bytes());
            put_string(&framing.to_string(), out);
        }
    }
    out.extend_from_slice(b"}\n");
}

/// Appends the line that tells the end of a direction.
pub fn put_ended(context: &Context<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"event\":\"ended\",\"time\":\"");
    put_time(context.now_ns, out);
    out.extend_from_slice(format!("\",\"conn\":{},\"peer\":", context.conn).as_bytes());
    put_string(context.peer, out);
    out.extend_from_slice(format!(",\"dir\":\"{}\"}}\n", context.dir.word()).as_bytes());
}
