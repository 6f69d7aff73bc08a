//! The two sides against another sender and another receiver: programs in Python that were written from
//! docs/transfer-wire.md alone (`python/`).

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use framecat_proto::path::SafePath;
use framecat_proto::transfer::Sizes;
use framecat_proto::transfer::receiver::{self, Begun, Fact, Found, Receiver, Rules};
use framecat_proto::transfer::record::{Carries, Entry, EntryKind, PLAIN_RECEIVER, PLAIN_SENDER};
use framecat_proto::transfer::sender::{self, Outcome, Sender, Stat};

/// Pieces of 1 KiB, and files of more than 100 bytes have some.
const SIZES: Sizes = Sizes {
    piece_log2: 10,
    small_bytes: 100,
    data_bytes: 700,
    window: 16,
    asked: 4,
    unsent_bytes: 1 << 16,
};

const TIME: i64 = 1_762_214_400_000_000_000;

/// A folder of this test that is removed with it.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("framecat-{}-{name}", std::process::id()));
        fs::create_dir(&path).unwrap();
        Folder(path)
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        let path = self.0.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    fn path(&self, name: &str) -> String {
        self.0.join(name).to_str().unwrap().to_owned()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn script(name: &str) -> String {
    format!("{}/tests/transfer/python/{name}", env!("CARGO_MANIFEST_DIR"))
}

fn have_python() -> bool {
    let import = Command::new("python3").args(["-c", "import blake3, cbor2"]).output();
    let there = import.is_ok_and(|output| output.status.success());
    if !there {
        let _ =
            writeln!(std::io::stderr(), "skipped: python3 has no blake3, cbor2 (.ci/peers.txt)");
    }
    there
}

/// A program in Python that dialled us, and what it printed when it has ended.
struct Peer {
    child: Child,
    stream: TcpStream,
}

impl Peer {
    fn start(program: &str, args: &[&str]) -> Peer {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let to = listener.local_addr().unwrap().to_string();
        let child = Command::new("python3")
            .args([&[&script(program), to.as_str()], args].concat())
            .env("PIECE", SIZES.piece_log2.to_string())
            .env("SMALL", SIZES.small_bytes.to_string())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        Peer { child, stream: listener.accept().unwrap().0 }
    }

    /// Its exit code and its lines.
    fn end(mut self) -> (i32, Vec<String>) {
        drop(self.stream);
        let lines = BufReader::new(self.child.stdout.take().unwrap()).lines();
        let lines = lines.map(|line| line.unwrap().trim_end().to_owned()).collect();
        (self.child.wait().unwrap().code().unwrap(), lines)
    }
}

fn begin(stream: &mut TcpStream, ours: [u8; 8], theirs: [u8; 8]) {
    stream.write_all(&ours).unwrap();
    let mut came = [0; 8];
    stream.read_exact(&mut came).unwrap();
    assert_eq!(came, theirs);
}

fn picture(len: usize) -> Vec<u8> {
    (0..len as u32).map(|at| (at * at % 251) as u8).collect()
}

/// What our receiver has.
#[derive(Debug, Default)]
struct Disk {
    names: BTreeMap<String, Option<Vec<u8>>>,
    parts: BTreeMap<u64, (Vec<u8>, Vec<u8>)>,
    open: BTreeMap<u32, u64>,
    /// Bytes of pieces that were logged.
    logged: usize,
}

impl Disk {
    fn part(&mut self, entry: u32) -> &mut (Vec<u8>, Vec<u8>) {
        self.parts.get_mut(&self.open[&entry]).unwrap()
    }

    fn look(&self, path: &SafePath, part: Option<(u64, u64)>) -> Fact {
        let found = match self.names.get(&path.to_string()) {
            None => Found::Nothing,
            Some(None) => Found::Folder,
            Some(Some(bytes)) => Found::File { size: bytes.len() as u64, mtime: TIME },
        };
        let journal = part.and_then(|(id, _)| self.parts.get(&id)).map(|it| it.1.clone());
        Fact::Looked(found, journal)
    }

    fn work(&mut self, receiver: &mut Receiver, effect: receiver::Effect) {
        use receiver::Effect;
        let (entry, fact) = match effect {
            Effect::Ask(_) => return receiver.accept(),
            Effect::SyncFolders { .. } => return receiver.handle_folders(Ok(())),
            Effect::Close { .. } | Effect::Resolved { .. } => return,
            Effect::Look { entry, path, part } => (entry, self.look(&path, part)),
            Effect::MakeFolder { entry, path, .. } => {
                self.names.insert(path.to_string(), None);
                (entry, Fact::Done)
            }
            Effect::Begin { entry, id, journal, .. } => {
                self.open.insert(entry, id);
                match journal {
                    Begun::New(header) => {
                        self.parts.insert(id, (Vec::new(), header));
                    }
                    Begun::Kept(len) => self.part(entry).1.truncate(len as usize),
                }
                (entry, Fact::Done)
            }
            Effect::Rehash { entry, pieces, which } => {
                let part = &self.part(entry).0;
                let hash = |which: u32| {
                    let range = pieces.bytes(which);
                    (which, pieces.hash(which, &part[range.start as usize..range.end as usize]))
                };
                (entry, Fact::Rehashed(which.into_iter().map(hash).collect()))
            }
            Effect::Write { entry, offset, bytes } => {
                let (part, end) = (&mut self.part(entry).0, offset as usize + bytes.len());
                part.resize(part.len().max(end), 0);
                part[offset as usize..end].copy_from_slice(&bytes);
                (entry, Fact::Done)
            }
            Effect::Log { entry, bytes } => {
                let (part, journal) = self.part(entry);
                journal.extend_from_slice(&bytes);
                // Each begins with its place.
                let at = u64::from_be_bytes(bytes[..8].try_into().unwrap()) as usize;
                self.logged += (part.len() - at).min(1 << SIZES.piece_log2);
                (entry, Fact::Done)
            }
            Effect::Sync { entry } | Effect::Seal { entry, .. } => (entry, Fact::Done),
            Effect::Commit { entry, path, id, .. } => {
                let (bytes, _) = self.parts.remove(&id).unwrap();
                self.names.insert(path.to_string(), Some(bytes));
                (entry, Fact::Done)
            }
            Effect::Place { entry, path, bytes, .. } => {
                self.names.insert(path.to_string(), Some(bytes.to_vec()));
                (entry, Fact::Done)
            }
            Effect::Discard { entry, id, .. } => {
                self.parts.remove(&id);
                (entry, Fact::Done)
            }
            other => panic!("nothing of this makes {other:?}"),
        };
        receiver.handle_fact(entry, fact);
    }
}

/// Our receiver takes what a Python sender brings; `stop`: it is gone when a piece is there.
fn receive(disk: &mut Disk, args: &[&str], stop: bool) -> (i32, Vec<String>) {
    let mut peer = Peer::start("send.py", args);
    begin(&mut peer.stream, PLAIN_RECEIVER, PLAIN_SENDER);
    let mut receiver = Receiver::new(Rules { asked: SIZES.asked, ..Rules::default() });
    let mut buf = vec![0; 2_000];
    let mut held: Vec<u8> = Vec::new();
    loop {
        let taken = receiver.handle_input(&held).unwrap();
        held.drain(..taken);
        let mut worked = taken > 0;
        while let Some(effect) = receiver.poll_effect() {
            worked = true;
            disk.work(&mut receiver, effect);
            if stop && disk.logged > 0 {
                disk.open.clear();
                return peer.end();
            }
        }
        let said = receiver.poll_output();
        peer.stream.write_all(&said).unwrap();
        if receiver.is_done() {
            return peer.end();
        }
        if !worked && said.is_empty() {
            let len = peer.stream.read(&mut buf).unwrap();
            assert!(len > 0, "the sender ended before all was done");
            held.extend_from_slice(&buf[..len]);
        }
    }
}

/// A tree in a folder of the disk: what it is called there, and its bytes.
fn tree(folder: &Folder) -> BTreeMap<String, Option<Vec<u8>>> {
    folder.write("notes/hello.txt", b"hello \xe4\xbd\xa0\xe5\xa5\xbd\n");
    folder.write("notes/deeper/empty", b"");
    folder.write("notes/photo.png", &picture(5_500));
    folder.write("one", &picture(500));
    let file = |name: &str| (name.to_owned(), Some(fs::read(folder.0.join(name)).unwrap()));
    let mut all: BTreeMap<_, _> =
        ["notes/hello.txt", "notes/deeper/empty", "notes/photo.png", "one"].map(file).into();
    all.extend(["notes", "notes/deeper"].map(|name| (name.to_owned(), None)));
    all
}

#[test]
fn a_sender_that_was_written_from_the_page_is_understood() {
    if !have_python() {
        return;
    }
    let folder = Folder::new("python-send");
    let want = tree(&folder);
    let (notes, one) = (folder.path("notes"), folder.path("one"));
    let args = [notes.as_str(), one.as_str()];

    let mut disk = Disk::default();
    let (code, said) = receive(&mut disk, &args, false);
    assert_eq!((code, &disk.names), (0, &want), "{said:?}");
    let bytes: usize = want.values().flatten().map(Vec::len).sum();
    assert_eq!(said.last(), Some(&format!("bye {bytes}")));
    assert!(disk.parts.is_empty());

    // A receiver that is gone when a piece is there asks for the others alone.
    let mut disk = Disk::default();
    let (_, said) = receive(&mut disk, &args, true);
    assert!(!said.iter().any(|line| line.starts_with("bye")), "{said:?}");
    let there = disk.logged;
    disk.names.retain(|_, what| what.is_none());
    let (code, said) = receive(&mut disk, &args, false);
    assert_eq!((code, &disk.names), (0, &want), "{said:?}");
    assert_eq!(said.last(), Some(&format!("bye {}", bytes - there)));

    // A byte that went over wrong is found by the hashes of the pieces, and that piece alone is sent again.
    let mut disk = Disk::default();
    let (code, said) = receive(&mut disk, &[&args[..], &["--flip"]].concat(), false);
    assert_eq!((code, &disk.names), (0, &want), "{said:?}");
    let again = said.iter().find(|line| line.starts_with("pieces")).expect("it was asked");
    assert!(["pieces 1", "pieces 4"].contains(&again.as_str()), "{said:?}");
    let most = bytes + (1 << SIZES.piece_log2);
    let sent: usize = said.last().unwrap()[4..].parse().unwrap();
    assert!((bytes + 1..=most).contains(&sent), "{sent}");

    // A hash that is not the file's: it gets no name.
    let mut disk = Disk::default();
    let (_, said) = receive(&mut disk, &[&args[..], &["--lie"]].concat(), false);
    for name in ["notes/photo.png", "one"] {
        assert!(!disk.names.contains_key(name), "{said:?}");
    }
    assert_eq!(said.iter().filter(|line| line.starts_with("failed")).count(), 2, "{said:?}");
    assert!(
        said.iter().filter(|line| line.starts_with("failed")).all(|line| line.ends_with(" 10"))
    );
    assert!(disk.names.contains_key("notes/hello.txt"));
}

/// Our sender; `changes`: the picture is another one when it is read for the second time.
fn send(
    files: &[(&str, EntryKind, Vec<u8>)],
    args: &[&str],
    changes: bool,
) -> (i32, Vec<String>, Vec<Outcome>) {
    let mut peer = Peer::start("receive.py", args);
    begin(&mut peer.stream, PLAIN_SENDER, PLAIN_RECEIVER);
    let mut files = files.to_vec();
    let mut ctime = 1;
    let mut sender = Sender::new(Carries::Files, SIZES);
    for (name, kind, bytes) in &files {
        let path = name.split('/').map(|part| part.as_bytes().to_vec()).collect();
        let (size, target) = (bytes.len() as u64, Vec::new());
        let entry = Entry { path, kind: *kind, size, mtime: TIME, mode: 0o644, target };
        sender.offer(entry, Stat { size, mtime: TIME, ctime }).unwrap();
    }
    sender.walk_done();
    let mut outcomes = Vec::new();
    let mut buf = vec![0; 2_000];
    loop {
        let mut worked = false;
        while let Some(effect) = sender.poll_effect() {
            worked = true;
            let stat = |entry: u32, files: &[(&str, EntryKind, Vec<u8>)], ctime| Stat {
                size: files[entry as usize].2.len() as u64,
                mtime: TIME,
                ctime,
            };
            let fact = match effect {
                sender::Effect::Open { entry } => sender::Fact::Opened(stat(entry, &files, ctime)),
                sender::Effect::Read { entry, offset, len } => {
                    let bytes = &files[entry as usize].2;
                    let end = bytes.len().min(offset as usize + len as usize);
                    sender::Fact::Bytes(bytes[offset as usize..end].to_vec())
                }
                sender::Effect::Close { entry } => {
                    if changes && ctime == 1 {
                        ctime = 2;
                        files[entry as usize].2 = picture(3_100);
                    }
                    sender::Fact::Closed(stat(entry, &files, ctime))
                }
                sender::Effect::ReadWhole { entry, .. } => {
                    let stat = stat(entry, &files, 1);
                    sender::Fact::Whole(stat, files[entry as usize].2.clone(), stat)
                }
                sender::Effect::Resolved { outcome, .. } => {
                    outcomes.push(outcome);
                    continue;
                }
            };
            sender.handle_fact(fact);
        }
        let said = sender.poll_output();
        // Whoever stopped has closed it.
        let gone = peer.stream.write_all(&said).is_err();
        if sender.is_done() || gone {
            let (code, lines) = peer.end();
            return (code, lines, outcomes);
        }
        if !worked && said.is_empty() {
            let len = peer.stream.read(&mut buf).unwrap_or(0);
            if len == 0 || sender.handle_input(&buf[..len]).is_err() {
                let (code, lines) = peer.end();
                return (code, lines, outcomes);
            }
        }
    }
}

fn holds(folder: &Path, files: &[(&str, EntryKind, Vec<u8>)]) {
    for (name, kind, bytes) in files {
        let path = folder.join(name);
        match kind {
            EntryKind::Folder => assert!(path.is_dir(), "{name}"),
            _ => assert_eq!(&fs::read(&path).unwrap(), bytes, "{name}"),
        }
    }
}

#[test]
fn a_receiver_that_was_written_from_the_page_understands_us() {
    if !have_python() {
        return;
    }
    let mut files = vec![
        ("notes", EntryKind::Folder, Vec::new()),
        ("one", EntryKind::File, picture(500)),
        ("notes/empty", EntryKind::File, Vec::new()),
        ("notes/hello.txt", EntryKind::File, b"hello\n".to_vec()),
        ("notes/photo.png", EntryKind::File, picture(5_500)),
    ];
    let bytes: usize = files.iter().map(|it| it.2.len()).sum();
    let folder = Folder::new("python-receive");
    let (code, said, outcomes) = send(&files, &[&folder.path("")], false);
    assert_eq!((code, said.last()), (0, Some(&format!("bye {bytes}"))), "{said:?}");
    assert_eq!(outcomes, vec![Outcome::Committed; files.len()]);
    holds(&folder.0, &files);

    // The same again: there is nothing to send.
    let (code, said, outcomes) = send(&files, &[&folder.path("")], false);
    assert_eq!((code, said.last().map(String::as_str)), (0, Some("bye 0")), "{said:?}");
    assert_eq!(outcomes.iter().filter(|it| **it == Outcome::Had).count(), 4);

    // One that stops with a piece, and goes on behind it.
    let folder = Folder::new("python-resume");
    let larger = [files[4].clone()];
    fs::create_dir(folder.0.join("notes")).unwrap();
    let (code, said, _) = send(&larger, &[&folder.path(""), "--stop"], false);
    assert_eq!((code, said.len()), (3, 0), "{said:?}");
    let (code, said, _) = send(&larger, &[&folder.path("")], false);
    assert_eq!((code, said.last().unwrap().as_str()), (0, "bye 4476"), "{said:?}");
    holds(&folder.0, &larger);

    // It changes while it is read: what it is now comes, whole.
    let folder = Folder::new("python-changed");
    fs::create_dir(folder.0.join("notes")).unwrap();
    let (code, said, outcomes) = send(&larger, &[&folder.path("")], true);
    assert_eq!((code, outcomes), (0, vec![Outcome::Committed]), "{said:?}");
    files[4].2 = picture(3_100);
    holds(&folder.0, &files[4..]);

    let (code, said, _) = send(&larger, &[&folder.path(""), "--refuse"], false);
    assert_eq!((code, said.len()), (1, 0), "{said:?}");
}
