//! Transfers where the world is hard on them: networks that break at any byte, programs that are halted, disks that
//! are full or that nobody may write to, very many files and a very large one.

mod run;

#[path = "transfer_hard/disks.rs"]
mod disks;
#[path = "transfer_hard/large.rs"]
mod large;
#[path = "transfer_hard/networks.rs"]
mod networks;
#[path = "transfer_kills/trees.rs"]
mod trees;

use std::io::Write as _;
use std::path::Path;

use run::{Finished, Run, Running};

/// The code of transfers that have one.
const CODE: &str = "417-blaze-otter-quilt";

fn start(secured: bool, args: &[&str]) -> Running {
    let run = match secured {
        true => Run::new(&[args, &["--json"]].concat()).env("FRAMECAT_CODE", CODE),
        false => Run::new(&[args, &["--json", "--plain"]].concat()),
    };
    run.stdin_null().start()
}

fn receive(secured: bool, into: &Path, more: &[&str]) -> Running {
    let args = ["receive", into.to_str().unwrap(), "--yes", "--listen", "127.0.0.1:0"];
    start(secured, &[&args[..], more].concat())
}

fn send(secured: bool, from: &Path, to: &str) -> Running {
    start(secured, &["send", from.to_str().unwrap(), "--to", to])
}

/// Where who listens can be reached.
fn at(listener: &Running) -> String {
    listener.endpoint().replace("tcp://", "")
}

/// The transfer without anything in its way: what the receiver and the sender say.
fn both(secured: bool, from: &Path, into: &Path) -> (Finished, Finished) {
    let receiver = receive(secured, into, &[]);
    let sender = send(secured, from, &at(&receiver)).wait();
    (receiver.wait(), sender)
}

/// A number that a side tells of the whole transfer.
fn told(finished: &Finished, what: &str) -> u64 {
    let text = finished.text();
    let line = text.lines().find(|line| line.contains(r#""event":"transferred""#)).expect(&text);
    let line: serde_json::Value = serde_json::from_str(line).unwrap();
    line[what].as_u64().expect(&text)
}

/// Past the capturing of tests, so that it is seen how much was tried.
fn tell(what: &str) {
    let _ = writeln!(std::io::stderr(), "{what}");
}
