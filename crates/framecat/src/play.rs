//! `--replay FILE`: reads a recording and decides how it is played.

use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use framecat_net::replay::Script;
use framecat_proto::limits::RECORDING_BYTES;
use framecat_proto::text::recording::{Head, Recording, Side};
use framecat_proto::{Endpoint, Framing};

use crate::flags::{ReplayArgs, TalkArgs};
use crate::plan::Mistake;

/// A recording to be played.
#[derive(Debug)]
pub struct Play {
    /// What is played.
    pub script: Arc<Script>,
    /// The framing of what the peer says, if the recording says it.
    receive: Option<Framing>,
    /// The framing of what we say.
    send: Option<Framing>,
}

/// Reads the recording that was asked for, as `side` sees it.
pub fn load(args: &ReplayArgs, record: Option<&Path>, side: Side) -> Result<Option<Play>, Mistake> {
    let Some(path) = &args.replay else { return Ok(None) };
    if record.is_some_and(|record| is_same(path, record)) {
        return Err(Mistake {
            problem: "--record would overwrite the recording that --replay plays".into(),
            remedy: "name another file for one of them".into(),
        });
    }
    let name = path.display();
    let wrong = |problem: &dyn std::fmt::Display, remedy: &str| Mistake {
        problem: format!("--replay {name}: {problem}"),
        remedy: remedy.into(),
    };
    let bytes = read(path).map_err(|error| {
        let remedy = "it takes a file that --record FILE wrote";
        wrong(&framecat_net::error::plain(&error), remedy)
    })?;
    if bytes.len() as u64 > RECORDING_BYTES {
        let remedy = "a part of its lines is a recording too: head -n 10000";
        return Err(wrong(&"it is longer than 256 MiB", remedy));
    }
    let recording = Recording::parse(&bytes).map_err(|error| wrong(&error, &error.remedy))?;
    let Head { client, server, dialled, .. } = recording.head.clone();
    // A relay's server speaks as the end that the relay dialled.
    let (receive, send) = match (side, dialled) {
        (Side::Listen, _) => (client, server),
        (Side::Connect, None) => (server, client),
        (Side::Connect, Some(dialled)) => (Some(dialled.clone()), Some(dialled)),
    };
    let script = Script::new(recording.seen_from(side), args.expect, args.timed);
    Ok(Some(Play { script: Arc::new(script), receive, send }))
}

/// Whether two paths are one file that holds something.
pub fn is_same(one: &Path, other: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    match (std::fs::metadata(one), std::fs::metadata(other)) {
        (Ok(one), Ok(other)) => {
            one.is_file() && (one.dev(), one.ino()) == (other.dev(), other.ino())
        }
        _ => false,
    }
}

/// As much of a file as is too much at most.
fn read(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    std::fs::File::open(path)?.take(RECORDING_BYTES + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

impl Play {
    /// Messages end as they did when they were recorded, unless it is said how. What is to be done with
    /// the framing of what we say, which has no option of its own.
    pub fn frame(&self, endpoint: &Endpoint, args: &mut TalkArgs) -> Option<Framing> {
        let said = endpoint.framing.is_some() || !args.frame.is_empty();
        if said || endpoint.keeps_boundaries() {
            return None;
        }
        // Datagrams were framed by nature, and a stream is not.
        let known = |rule: &Option<Framing>| rule.clone().filter(|rule| *rule != Framing::Native);
        args.frame.extend(known(&self.receive));
        known(&self.send)
    }
}
