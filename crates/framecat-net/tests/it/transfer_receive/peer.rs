//! The other side: an honest one, driven by the library's own sender from memory; and one that says what it likes.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use framecat_net::Error;
use framecat_net::conn::{Kind, Stream};
use framecat_net::event::{Event, Observer, Transferred};
use framecat_net::talk::{End, Shutdown};
use framecat_net::transfer::Consent;
use framecat_net::verb::receive::{Taking, over};
use framecat_proto::transfer::error::TransferError;
use framecat_proto::transfer::receiver::Rules;
use framecat_proto::transfer::record::{
    Carries, Decoder, Entry, EntryKind, Item, Need, Opening, Record, SmallFile,
};
use framecat_proto::transfer::sender::{Effect, Fact, Sender, Stat};
use framecat_proto::transfer::{Outcome, Sizes};

use crate::sockets::{pipe, read_all, within, wrap};

/// Something to be sent.
#[derive(Debug, Clone)]
pub struct Thing {
    pub path: Vec<Vec<u8>>,
    pub kind: EntryKind,
    pub bytes: Vec<u8>,
    pub mtime: i64,
    pub mode: u16,
    pub target: Vec<u8>,
}

pub const TIME: i64 = 1_700_000_000_123_456_789;

impl Thing {
    pub fn entry(&self) -> Entry {
        let stream = self.kind == EntryKind::Stream;
        Entry {
            path: self.path.clone(),
            kind: self.kind,
            size: if stream { 0 } else { self.bytes.len() as u64 },
            mtime: self.mtime,
            mode: self.mode,
            target: self.target.clone(),
        }
    }
}

fn thing(path: &str, kind: EntryKind, bytes: &[u8]) -> Thing {
    let path = path.split('/').map(|part| part.as_bytes().to_vec()).collect();
    let mode = if kind == EntryKind::Folder { 0o755 } else { 0o644 };
    Thing { path, kind, bytes: bytes.to_vec(), mtime: TIME, mode, target: Vec::new() }
}

pub fn file(path: &str, bytes: impl AsRef<[u8]>) -> Thing {
    thing(path, EntryKind::File, bytes.as_ref())
}

pub fn folder(path: &str) -> Thing {
    thing(path, EntryKind::Folder, b"")
}

pub fn link(path: &str, target: &str) -> Thing {
    Thing { target: target.as_bytes().to_vec(), ..thing(path, EntryKind::Link, b"") }
}

pub fn flow(name: &str, bytes: impl AsRef<[u8]>) -> Thing {
    thing(name, EntryKind::Stream, bytes.as_ref())
}

/// Bytes of which no two stretches are alike.
pub fn noise(len: usize, seed: u64) -> Vec<u8> {
    let mut bytes = vec![0; len];
    let mut hasher = blake3::Hasher::new();
    hasher.update(&seed.to_be_bytes());
    hasher.finalize_xof().fill(&mut bytes);
    bytes
}

/// What came of it, on the side that sends.
#[derive(Debug)]
pub struct Sent {
    pub outcomes: Vec<(String, Outcome)>,
    /// Bytes of content that went out.
    pub content: u64,
    pub end: Result<(), TransferError>,
}

impl Sent {
    pub fn of(&self, path: &str) -> &Outcome {
        let found = self.outcomes.iter().find(|(name, _)| name == path);
        &found.unwrap_or_else(|| panic!("nothing became of {path}: {self:?}")).1
    }
}

/// How to send.
#[derive(Debug, Clone, Copy)]
pub struct Way {
    pub carries: Carries,
    pub sizes: Sizes,
    /// It goes away when so many bytes have been said.
    pub bytes: u64,
}

impl Way {
    pub fn files() -> Way {
        let sizes = Sizes { data_bytes: 60_000, ..Sizes::default() };
        Way { carries: Carries::Files, sizes, bytes: u64::MAX }
    }

    /// In pieces of 16 KiB.
    pub fn in_small_pieces() -> Way {
        let small = Way::files();
        let sizes = Sizes { piece_log2: 14, small_bytes: 1_024, data_bytes: 9_000, ..small.sizes };
        Way { sizes, ..small }
    }
}

/// Sends it all, until both sides have said that all is done or one of them ends.
pub fn send(conn: &mut TcpStream, way: Way, things: &[Thing]) -> Sent {
    let Way { carries, sizes, bytes } = way;
    let mut sender = Sender::new(carries, sizes);
    let mut outcomes = Vec::new();
    let mut left = usize::try_from(bytes).unwrap_or(usize::MAX);
    let mut next = things.iter();
    let mut waiting = next.next();
    let mut buffer = vec![0; 64 << 10];
    let stat = |thing: &Thing| {
        let stream = thing.kind == EntryKind::Stream;
        let size = if stream { 0 } else { thing.bytes.len() as u64 };
        Stat { size, mtime: thing.mtime, ctime: 1 }
    };
    let end = loop {
        while let Some(thing) = waiting.filter(|_| sender.can_offer()) {
            sender.offer(thing.entry(), stat(thing)).unwrap();
            waiting = next.next();
            if waiting.is_none() {
                sender.walk_done();
            }
        }
        let effect = sender.poll_effect();
        let idle = effect.is_none();
        if let Some(effect) = effect {
            let fact = match effect {
                Effect::Open { entry } => Some(Fact::Opened(stat(&things[entry as usize]))),
                Effect::Read { entry, offset, len } => {
                    let bytes = &things[entry as usize].bytes;
                    let from = (offset as usize).min(bytes.len());
                    let to = (from + len as usize).min(bytes.len());
                    Some(Fact::Bytes(bytes[from..to].to_vec()))
                }
                Effect::Close { entry } => Some(Fact::Closed(stat(&things[entry as usize]))),
                Effect::ReadWhole { entry, .. } => {
                    let thing = &things[entry as usize];
                    Some(Fact::Whole(stat(thing), thing.bytes.clone(), stat(thing)))
                }
                Effect::Resolved { entry, outcome } => {
                    let path = things[entry as usize].path.join(&b'/');
                    outcomes.push((String::from_utf8_lossy(&path).into_owned(), outcome));
                    None
                }
            };
            fact.into_iter().for_each(|fact| sender.handle_fact(fact));
        }
        let out = sender.poll_output();
        let said = out.len().min(left);
        left -= said;
        // Who is gone is heard of below.
        let _ = conn.write_all(&out[..said]);
        if left == 0 {
            break Ok(());
        }
        if sender.is_done() {
            break Ok(());
        }
        if idle && out.is_empty() {
            let heard = match conn.read(&mut buffer) {
                Ok(0) | Err(_) => sender.handle_end(),
                Ok(n) => sender.handle_input(&buffer[..n]),
            };
            if heard.is_err() {
                let _ = conn.write_all(&sender.poll_output());
                break heard;
            }
        }
    };
    Sent { outcomes, content: sender.totals().bytes, end }
}

/// Says what it is told to, byte by byte if need be.
pub struct Hostile {
    conn: TcpStream,
    decoder: Decoder,
    heard: std::collections::VecDeque<Record>,
}

impl Hostile {
    pub fn new(conn: TcpStream) -> Hostile {
        Hostile { conn, decoder: Decoder::new(), heard: Default::default() }
    }

    pub fn raw(&mut self, bytes: &[u8]) {
        // One who is refused may be gone already.
        let _ = self.conn.write_all(bytes);
    }

    pub fn say(&mut self, record: &Record) {
        let mut out = Vec::new();
        record.encode(&mut out);
        self.raw(&out);
    }

    /// Offers these and no more, at once: what is known of all is known before any is looked at.
    pub fn offer(&mut self, entries: Vec<Entry>) {
        let Sizes { piece_log2, small_bytes, .. } = Sizes::default();
        let bytes = entries.iter().fold(0u64, |sum, entry| sum.saturating_add(entry.size));
        let count = entries.len() as u64;
        let mut out = Vec::new();
        Record::Offer(Opening { carries: Carries::Files, piece_log2, small_bytes })
            .encode(&mut out);
        Record::Entries(entries).encode(&mut out);
        Record::OfferEnd { count, bytes, more: false }.encode(&mut out);
        self.raw(&out);
    }

    pub fn small(&mut self, entry: u32, bytes: &[u8]) {
        let hash = *blake3::hash(bytes).as_bytes();
        self.say(&Record::Small(vec![SmallFile { entry, hash, bytes: bytes.to_vec() }]));
    }

    pub fn data(&mut self, entry: u32, offset: u64, bytes: &[u8]) {
        self.say(&Record::Data { entry, offset, len: bytes.len() as u32 });
        self.raw(bytes);
    }

    /// The next record; `None` where the other side ended.
    pub fn hear(&mut self) -> Option<Record> {
        let mut buffer = vec![0; 64 << 10];
        loop {
            if let Some(record) = self.heard.pop_front() {
                return Some(record);
            }
            let n = self.conn.read(&mut buffer).unwrap_or(0);
            if n == 0 {
                return None;
            }
            let mut rest = &buffer[..n];
            while let Some(item) = self.decoder.next(&mut rest).unwrap() {
                match item {
                    Item::Record(record) => self.heard.push_back(record),
                    Item::Content(_) => panic!("a receiver sends no content"),
                }
            }
        }
    }

    /// Hears until this is said, and returns what `pick` makes of it.
    pub fn until<T>(&mut self, mut pick: impl FnMut(Record) -> Option<T>) -> T {
        loop {
            let record = self.hear().expect("it ended before that");
            if let Some(found) = pick(record) {
                return found;
            }
        }
    }

    pub fn needs(&mut self) -> Vec<Need> {
        self.until(|record| if let Record::Need(needs) = record { Some(needs) } else { None })
    }

    /// All that is heard to the end.
    pub fn rest(&mut self) -> Vec<Record> {
        std::iter::from_fn(|| self.hear()).collect()
    }
}

/// Writes down what it is told.
#[derive(Default)]
pub struct Ear {
    /// Where files without a name are counted, each time something is told, and the most that there were.
    pub within: Option<PathBuf>,
    pub unnamed: AtomicUsize,
    pub lines: Mutex<Vec<String>>,
    pub files: Mutex<Vec<(String, u64, Outcome)>>,
    pub sums: Mutex<Option<Transferred>>,
}

impl Observer for Ear {
    fn event(&self, event: Event<'_>) {
        self.lines.lock().unwrap().push(format!("{event:?}"));
        if let Some(at) = &self.within {
            self.unnamed.fetch_max(unnamed(at), Ordering::Relaxed);
        }
        match event {
            Event::File { name, bytes, outcome } => {
                self.files.lock().unwrap().push((name.into(), bytes, outcome.clone()));
            }
            Event::Transferred(sums) => *self.sums.lock().unwrap() = Some(sums),
            _ => {}
        }
    }
}

/// Files of this process that are open there and have no name (proc_pid_fd(5)).
fn unnamed(at: &Path) -> usize {
    let open = std::fs::read_dir("/proc/self/fd").unwrap().flatten();
    let leads = open.filter_map(|entry| std::fs::read_link(entry.path()).ok());
    leads
        .filter(|path| path.starts_with(at) && path.to_string_lossy().contains("(deleted)"))
        .count()
}

/// What came of it, on the side that receives.
pub struct Received {
    pub end: Result<End, Error>,
    pub ear: Arc<Ear>,
    pub stdout: Vec<u8>,
}

impl Received {
    pub fn of(&self, name: &str) -> Outcome {
        let files = self.ear.files.lock().unwrap();
        let found = files.iter().find(|(path, ..)| path == name);
        found.unwrap_or_else(|| panic!("nothing became of {name}: {files:?}")).2.clone()
    }

    pub fn sums(&self) -> Transferred {
        self.ear.sums.lock().unwrap().expect("it did not come to its end")
    }
}

/// How to receive.
pub struct How {
    pub into: Option<PathBuf>,
    pub rules: Rules,
    pub consent: Consent,
    pub shutdown: Shutdown,
    /// In place of a pipe that all is read from.
    pub stdout: Option<Stream>,
}

impl How {
    pub fn into(folder: impl AsRef<Path>) -> How {
        How { into: Some(folder.as_ref().into()), ..How::to_stdout() }
    }

    pub fn to_stdout() -> How {
        How {
            into: None,
            rules: Rules::default(),
            consent: Consent::Given,
            shutdown: Shutdown::never(),
            stdout: None,
        }
    }
}

/// Receives from a peer that is on a thread of its own.
pub async fn receive<T: Send + 'static>(
    how: How,
    peer: impl FnOnce(TcpStream) -> T + Send + 'static,
) -> (Received, T) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = listener.local_addr().unwrap();
    let peer = std::thread::spawn(move || {
        let conn = TcpStream::connect(at).unwrap();
        conn.set_read_timeout(Some(crate::sockets::PATIENCE)).unwrap();
        peer(conn)
    });
    let (conn, _) = listener.accept().unwrap();
    conn.set_nonblocking(true).unwrap();
    let stream = wrap(conn, Kind::Tcp);
    let within_folder = how.into.clone().filter(|_| how.rules.durable);
    let ear = Arc::new(Ear { within: within_folder, ..Ear::default() });
    let How { into, rules, consent, shutdown, stdout } = how;
    let (read, write) = pipe();
    let stdout = stdout.unwrap_or(write);
    let options = Taking { into, rules, consent, stdout };
    let receiving = over(stream, options, ear.clone(), shutdown);
    let (end, stdout) = within(async { tokio::join!(receiving, read_all(&read)) }).await;
    let sent = tokio::task::spawn_blocking(|| peer.join()).await.unwrap();
    let sent = sent.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    (Received { end, ear, stdout }, sent)
}

/// Receives what an honest peer sends.
pub async fn exchange(how: How, things: Vec<Thing>) -> (Received, Sent) {
    exchange_by(Way::files(), how, things).await
}

/// As [`exchange`], sent so.
pub async fn exchange_by(way: Way, how: How, things: Vec<Thing>) -> (Received, Sent) {
    receive(how, move |mut conn| send(&mut conn, way, &things)).await
}

/// All below a folder, by name: what files hold, where links lead, `/` for folders.
pub fn tree(at: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    let mut folders = vec![(at.to_path_buf(), String::new())];
    while let Some((folder, shown)) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let name = format!("{shown}{}", entry.file_name().to_string_lossy());
            let kind = entry.file_type().unwrap();
            if kind.is_dir() {
                folders.push((entry.path(), format!("{name}/")));
                found.push((format!("{name}/"), Vec::new()));
            } else if kind.is_symlink() {
                let target = std::fs::read_link(entry.path()).unwrap();
                found.push((format!("{name}@"), target.display().to_string().into_bytes()));
            } else if kind.is_file() {
                found.push((name, std::fs::read(entry.path()).unwrap()));
            } else {
                found.push((format!("{name}|"), Vec::new()));
            }
        }
    }
    found.sort();
    found
}

/// The names of [`tree`].
pub fn names(at: &Path) -> Vec<String> {
    tree(at).into_iter().map(|(name, _)| name).collect()
}

/// Says that something is not tried, and why.
#[allow(clippy::print_stderr, reason = "that nothing was tried must be seen")]
pub fn skipped(why: &str) {
    eprintln!("skipped: {why}");
}
