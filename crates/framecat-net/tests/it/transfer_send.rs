//! `send`, over a connection that is there already: what is walked, read and told.

mod taker;

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use framecat_net::Error;
use framecat_net::conn::{Kind, Stream};
use framecat_net::event::{Event, Moving, Observer, Transferred};
use framecat_net::talk::{End, Shutdown};
use framecat_net::transfer::Source;
use framecat_net::verb::send;
use framecat_proto::transfer::receiver::Outcome;

use crate::sockets::{Dir, within};
use taker::{Manner, Node, Taken, take};

/// What was told, as lines.
#[derive(Debug, Default)]
struct Told {
    lines: Mutex<Vec<String>>,
    moving: Mutex<Vec<Moving>>,
    ended: Mutex<Option<Transferred>>,
}

impl Told {
    fn lines(&self) -> Vec<String> {
        self.lines.lock().unwrap().clone()
    }

    fn has(&self, line: &str) -> bool {
        self.lines().iter().any(|told| told == line)
    }
}

impl Observer for Told {
    fn event(&self, event: Event<'_>) {
        let line = match event {
            Event::Moving(moving) => return self.moving.lock().unwrap().push(moving),
            Event::Transferred(totals) => {
                *self.ended.lock().unwrap() = Some(totals);
                "transferred".into()
            }
            Event::Offered { count, bytes } => format!("offered {count} {bytes}"),
            Event::LeftOut { path, why, missing } => {
                let path = path.rsplit_once("fc-").map_or(path, |(_, rest)| {
                    rest.split_once('/').map_or(rest, |(_, below)| below)
                });
                format!("left out {path}: {why}; missing: {missing}")
            }
            Event::File { name, bytes, outcome } => {
                let outcome = match outcome {
                    Outcome::Had => "had".into(),
                    Outcome::Committed => "committed".into(),
                    Outcome::Skipped(why) => format!("skipped: {why}"),
                    Outcome::Failed(why) => format!("failed: {why}"),
                };
                format!("file {name} {bytes} {outcome}")
            }
            other => format!("{other:?}"),
        };
        self.lines.lock().unwrap().push(line);
    }
}

/// A connection: its end for a sender, and the other one.
fn pair() -> (Stream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let there = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (here, peer) = listener.accept().unwrap();
    let (local, peer) = (here.local_addr().unwrap().to_string(), peer.to_string());
    (Stream::new(here.into(), Kind::Tcp, local, peer).unwrap(), there)
}

/// Sends to a receiver that takes it in this manner.
async fn sent(
    source: Source,
    links: bool,
    manner: Manner,
) -> (Result<End, Error>, Taken, Arc<Told>) {
    let (here, there) = pair();
    let told = Arc::new(Told::default());
    let taking = tokio::task::spawn_blocking(move || take(there, manner, |_| None));
    let sending = send::over(here, source, links, told.clone(), Shutdown::never());
    let end = within(sending).await;
    let taken = within(taking).await.unwrap();
    (end, taken, told)
}

fn paths(dir: &Dir, names: &[&str]) -> Source {
    Source::Paths(names.iter().map(|name| dir.join(name)).collect())
}

fn file(bytes: &[u8]) -> Node {
    Node::File(bytes.to_vec())
}

#[tokio::test]
async fn files_and_folders_arrive_whole_and_all_of_it_is_told() {
    let dir = Dir::new();
    let large: Vec<u8> = (0..3_000_000u32).map(|n| (n / 7) as u8).collect();
    fs::write(dir.join("large"), &large).unwrap();
    fs::create_dir_all(dir.join("notes/deep/er")).unwrap();
    fs::create_dir(dir.join("notes/empty")).unwrap();
    fs::write(dir.join("notes/a.txt"), "hello").unwrap();
    fs::write(dir.join("notes/nothing"), "").unwrap();
    fs::write(dir.join("notes/deep/er/b"), "deep").unwrap();
    for script in ["ünïcode", "日本語", "עברית", "हिन्दी", "emoji 🦦"] {
        fs::write(dir.join("notes").join(script), script).unwrap();
    }
    let source = paths(&dir, &["large", "notes"]);
    let (end, taken, told) = sent(source, false, Manner::default()).await;
    assert_eq!(end.unwrap(), End::Done);
    assert!(taken.done);
    assert_eq!(taken.names["large"], file(&large));
    assert_eq!(taken.names["notes/a.txt"], file(b"hello"));
    assert_eq!(taken.names["notes/nothing"], file(b""));
    assert_eq!(taken.names["notes/empty"], Node::Folder);
    assert_eq!(taken.names["notes/deep/er/b"], file(b"deep"));
    assert_eq!(taken.names["notes/日本語"], file("日本語".as_bytes()));
    assert_eq!(taken.names.len(), 13);
    let bytes = 3_000_065;
    assert!(told.has(&format!("offered 13 {bytes}")), "{:?}", told.lines());
    assert!(told.has("file large 3000000 committed"));
    assert!(told.has("file notes/deep/er 0 committed"));
    let ended = told.ended.lock().unwrap().unwrap();
    assert_eq!((ended.committed, ended.had, ended.skipped, ended.failed), (13, 0, 0, 0));
    assert_eq!((ended.moved, ended.bytes), (bytes, bytes));
}
