//! `send`, over a connection that is there already: what is walked, read and told.

mod changes;
mod ends;
mod hostile;
mod streams;
mod taker;
mod walk;

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use framecat_net::Error;
use framecat_net::conn::{Kind, Stream};
use framecat_net::event::{Event, Moving, Observer, Transferred};
use framecat_net::talk::{End, Shutdown};
use framecat_net::transfer::Source;
use framecat_net::verb::send;
use framecat_proto::transfer::receiver::{Effect, Fact, Found, Outcome};

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

    /// All lines that begin so.
    fn of(&self, beginning: &str) -> Vec<String> {
        self.lines().into_iter().filter(|line| line.starts_with(beginning)).collect()
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
    sent_while(source, links, manner, |_| None).await
}

/// The same, and something is done before each thing that the receiver does.
async fn sent_while(
    source: Source,
    links: bool,
    manner: Manner,
    meanwhile: impl FnMut(&Effect) -> Option<Fact> + Send + 'static,
) -> (Result<End, Error>, Taken, Arc<Told>) {
    let (here, there) = pair();
    let told = Arc::new(Told::default());
    let taking = tokio::task::spawn_blocking(move || take(there, manner, meanwhile));
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

#[tokio::test]
async fn thousands_of_small_files_arrive() {
    let dir = Dir::new();
    let mut source = Vec::new();
    for n in 0..5_000u32 {
        let (folder, size) = (dir.join(&format!("d{}", n % 7)), (n * 37 % 16_000) as usize);
        if n < 7 {
            fs::create_dir(&folder).unwrap();
            source.push(folder.clone());
        }
        fs::write(folder.join(format!("f{n}")), vec![n as u8; size]).unwrap();
    }
    let (end, taken, told) = sent(Source::Paths(source), false, Manner::default()).await;
    assert_eq!(end.unwrap(), End::Done);
    assert_eq!(taken.names.len(), 5_007);
    for n in 0..5_000u32 {
        let content = vec![n as u8; (n * 37 % 16_000) as usize];
        assert_eq!(taken.names[&format!("d{}/f{n}", n % 7)], file(&content));
    }
    assert_eq!(told.of("file ").len(), 5_007);
}

#[tokio::test]
async fn a_large_file_with_holes_arrives_and_progress_is_told() {
    const SIZE: u64 = 200 << 20;
    let dir = Dir::new();
    let made = fs::File::create(dir.join("large")).unwrap();
    made.set_len(SIZE).unwrap();
    let manner = Manner { hashed: true, ..Manner::default() };
    let (end, taken, told) = sent(paths(&dir, &["large"]), false, manner).await;
    assert_eq!(end.unwrap(), End::Done);
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(std::io::Read::take(std::io::repeat(0), SIZE)).unwrap();
    assert_eq!(taken.hashes["large"], *hasher.finalize().as_bytes());
    let moving = told.moving.lock().unwrap();
    assert!(moving.iter().all(|moving| moving.of == SIZE && moving.bytes <= SIZE), "{moving:?}");
    assert!(moving.is_sorted_by_key(|moving| moving.bytes));
}

#[tokio::test]
async fn what_is_there_already_is_told_and_nothing_of_it_is_sent() {
    let dir = Dir::new();
    fs::create_dir(dir.join("d")).unwrap();
    fs::write(dir.join("d/same"), vec![7; 100_000]).unwrap();
    fs::write(dir.join("d/new"), "new").unwrap();
    let changed = fs::metadata(dir.join("d/same")).unwrap().modified().unwrap();
    let mtime = changed.duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos() as i64;
    let same = move |effect: &Effect| match effect {
        Effect::Look { path, .. } if path.to_string() == "d/same" => {
            Some(Fact::Looked(Found::File { size: 100_000, mtime }, None))
        }
        _ => None,
    };
    let (end, _, told) = sent_while(paths(&dir, &["d"]), false, Manner::default(), same).await;
    assert_eq!(end.unwrap(), End::Done);
    assert!(told.has("file d/same 100000 had"), "{:?}", told.lines());
    let ended = told.ended.lock().unwrap().unwrap();
    assert_eq!((ended.committed, ended.had, ended.moved, ended.bytes), (2, 1, 3, 100_003));
}
