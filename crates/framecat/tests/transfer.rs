//! `send` and `receive`: two programs on this machine, what arrives, what both say, and how both end.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use run::{Finished, Folder, Run, Running, Signal, have, tested};

mod run;

#[path = "transfer/asked.rs"]
mod asked;
#[path = "transfer/codes.rs"]
mod codes;
#[path = "transfer/ends.rs"]
mod ends;
#[path = "transfer/files.rs"]
mod files;
#[path = "transfer/mistakes.rs"]
mod mistakes;
#[path = "transfer/streams.rs"]
mod streams;

/// The code of those that are given one.
const CODE: &str = "417-blaze-otter-quilt";

/// How the two find each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Listens {
    Sender,
    Receiver,
}

const BOTH: [Listens; 2] = [Listens::Sender, Listens::Receiver];

/// Two programs that talk to each other, started.
struct Pair {
    sender: Running,
    receiver: Running,
}

/// How the two ended.
#[derive(Debug)]
struct Ended {
    sender: Finished,
    receiver: Finished,
}

/// `send` with these arguments and `receive` with those, which trust each other by a code that both are given.
fn pair(listens: Listens, send: &[&str], receive: &[&str]) -> Pair {
    met(listens, send, receive, |run| run.env("FRAMECAT_CODE", CODE))
}

/// The same with nothing between them.
fn plain(listens: Listens, send: &[&str], receive: &[&str]) -> Pair {
    let (send, receive) = ([send, &["--plain"]].concat(), [receive, &["--plain"]].concat());
    met(listens, &send, &receive, |run| run)
}

fn met(listens: Listens, send: &[&str], receive: &[&str], with: impl Fn(Run) -> Run) -> Pair {
    let start = |args: &[&str], place: &[&str]| with(Run::new(&[args, place].concat())).start();
    let (send, receive) = ([&["send"], send].concat(), [&["receive"], receive].concat());
    match listens {
        Listens::Sender => {
            let sender = start(&send, &["--listen", "127.0.0.1:0"]);
            let receiver = start(&receive, &["--from", &at(&sender)]);
            Pair { sender, receiver }
        }
        Listens::Receiver => {
            let receiver = start(&receive, &["--listen", "127.0.0.1:0"]);
            let sender = start(&send, &["--to", &at(&receiver)]);
            Pair { sender, receiver }
        }
    }
}

/// Where who listens was told to be reached.
fn at(listener: &Running) -> String {
    listener.endpoint().replace("tcp://", "")
}

impl Pair {
    /// Waits for the end of both, while the stdin of neither ends.
    fn wait(self) -> Ended {
        Ended { sender: self.sender.wait(), receiver: self.receiver.wait() }
    }
}

impl Ended {
    #[track_caller]
    fn expect(&self, sender: i32, receiver: i32) -> &Ended {
        let ended = (self.sender.code, self.receiver.code);
        assert_eq!(ended, (sender, receiver), "{}\n{}", self.sender, self.receiver);
        self
    }

    /// Whether each told what was to be told.
    #[track_caller]
    fn told(&self, sender: &str, receiver: &str) -> &Ended {
        assert!(self.sender.stderr.contains(sender), "{sender}: {self:?}");
        assert!(self.receiver.stderr.contains(receiver), "{receiver}: {self:?}");
        self
    }
}

/// All that is below a folder: names, permissions, times, and content or where a link leads.
fn tree(folder: &Path) -> BTreeMap<String, (u32, i64, Vec<u8>)> {
    let (mut all, mut open) = (BTreeMap::new(), vec![folder.to_path_buf()]);
    while let Some(here) = open.pop() {
        for entry in fs::read_dir(&here).unwrap().map(Result::unwrap) {
            let path = entry.path();
            let about = entry.metadata().unwrap();
            let name = path.strip_prefix(folder).unwrap().to_str().unwrap().to_string();
            // A folder's time is that of its last entry.
            let time = |about: &fs::Metadata| about.mtime() * 1_000_000_000 + about.mtime_nsec();
            let content = match about.file_type() {
                kind if kind.is_dir() => {
                    open.push(path);
                    all.insert(name, (about.mode(), 0, Vec::new()));
                    continue;
                }
                kind if kind.is_symlink() => {
                    let target =
                        fs::read_link(&path).unwrap().into_os_string().into_encoded_bytes();
                    all.insert(name, (0, 0, target));
                    continue;
                }
                _ => fs::read(&path).unwrap(),
            };
            all.insert(name, (about.mode(), time(&about), content));
        }
    }
    all
}

/// Bytes that look like nothing in particular, another row for each seed.
fn noise(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut bytes = Vec::with_capacity(len + 8);
    while bytes.len() < len {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(len);
    bytes
}

/// A folder with something of everything in it, as `from/all`.
fn everything() -> Folder {
    let folder = Folder::new();
    let all = folder.path().join("all");
    fs::create_dir_all(all.join("deep/er/est")).unwrap();
    fs::create_dir(all.join("empty folder")).unwrap();
    fs::write(all.join("empty"), "").unwrap();
    fs::write(all.join("text.txt"), "one\ntwo\n").unwrap();
    fs::write(all.join("picture.png"), [b"\x89PNG\r\n\x1a\n", &noise(1, 300_000)[..]].concat())
        .unwrap();
    fs::write(all.join("large"), noise(2, 3_000_001)).unwrap();
    fs::write(all.join("deep/er/est/run.sh"), "#!/bin/sh\n").unwrap();
    fs::set_permissions(all.join("deep/er/est/run.sh"), fs::Permissions::from_mode(0o750)).unwrap();
    fs::write(all.join("deep/.hidden"), "x").unwrap();
    for name in [
        "中文 文件.txt",
        "Größe",
        "עברית",
        "عربي",
        "日本語",
        "한국어",
        "ελληνικά",
        "🐈‍⬛",
        "a'b\"c\\d",
        "-x",
        "*?",
    ] {
        fs::write(all.join("deep/er").join(name), name).unwrap();
    }
    let old =
        std::time::SystemTime::UNIX_EPOCH + std::time::Duration::new(1_000_000_000, 123_456_789);
    fs::File::open(all.join("text.txt")).unwrap().set_modified(old).unwrap();
    folder
}

/// What a folder holds, by name.
fn names(folder: &Folder) -> Vec<String> {
    tree(folder.path()).into_keys().collect()
}
