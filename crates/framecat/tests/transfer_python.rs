//! `send` and `receive` against a receiver and a sender that are not ours: programs in Python that know the page of
//! the wire and nothing else (`crates/framecat-proto/tests/transfer/python`).

mod run;

use std::fs;
use std::path::Path;
use std::time::SystemTime;

use run::{Finished, Folder, Run, Running, have_python};

fn python(program: &str, args: &[&str]) -> Run {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../framecat-proto/tests/transfer/python/");
    Run::program("python3", &[&[format!("{folder}{program}").as_str()], args].concat())
}

fn there() -> bool {
    have_python(&["blake3", "cbor2"])
}

/// Bytes in which no piece is like another.
fn content(len: usize) -> Vec<u8> {
    (0..len as u64).map(|at| (at * at / 1_000 + (at >> 16) * 7) as u8).collect()
}

/// Three pieces and a bit, so that there is something to go on with.
const LARGE: usize = (3 << 20) + 5;

/// A tree of everything that is sent, `from/notes` and `from/large`.
fn tree(folder: &Folder) {
    let at = |name: &str| folder.path().join("from").join(name);
    fs::create_dir_all(at("notes/deeper/none")).unwrap();
    fs::write(at("notes/hello.txt"), "hello 你好\n").unwrap();
    fs::write(at("notes/deeper/empty"), "").unwrap();
    fs::write(at("notes/größe \u{1f408}.bin"), content(70_000)).unwrap();
    for n in 0..300 {
        fs::write(at(&format!("notes/deeper/{n}")), format!("file {n}")).unwrap();
    }
    fs::write(at("large"), content(LARGE)).unwrap();
    fs::create_dir(folder.path().join("to")).unwrap();
}

/// A file's bytes, and when it was changed; of a folder nothing.
type About = Option<(Vec<u8>, SystemTime)>;

/// Every name below a folder.
fn all(folder: &Path, below: &str, into: &mut Vec<(String, About)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = format!("{below}/{}", entry.file_name().to_str().unwrap());
        let about = entry.metadata().unwrap();
        if about.is_dir() {
            into.push((name.clone(), None));
            all(&entry.path(), &name, into);
        } else {
            into.push((name, Some((fs::read(entry.path()).unwrap(), about.modified().unwrap()))));
        }
    }
    into.sort();
}

fn same(folder: &Folder) {
    let (mut from, mut to) = (Vec::new(), Vec::new());
    all(&folder.path().join("from"), "", &mut from);
    all(&folder.path().join("to"), "", &mut to);
    let names = |all: &[(String, _)]| all.iter().map(|it| it.0.clone()).collect::<Vec<_>>();
    assert_eq!(names(&from), names(&to));
    assert!(from == to, "bytes or times differ");
}

/// What the Python side said last: the bytes of content that it sent, or got.
fn moved(finished: &Finished) -> usize {
    let last = finished.text().lines().last().unwrap_or_default().to_owned();
    let bytes = last.strip_prefix("bye ").unwrap_or_else(|| panic!("{finished}"));
    bytes.parse().unwrap()
}

/// Our receiver, waiting.
fn receiver(folder: &Folder, args: &[&str]) -> Running {
    let to = folder.file("to");
    let args = [&["receive", &to, "--plain", "--yes", "--listen", ":0"], args].concat();
    Run::new(&args).start()
}

/// A Python sender of the tree, to that port.
fn sender(folder: &Folder, port: u16, args: &[&str]) -> Finished {
    let (to, notes, large) =
        (format!("127.0.0.1:{port}"), folder.file("from/notes"), folder.file("from/large"));
    python("send.py", &[&[to.as_str(), &notes, &large], args].concat()).run("")
}

#[test]
fn a_sender_that_is_not_ours_is_received_from() {
    if !there() {
        return;
    }
    let folder = Folder::new();
    tree(&folder);
    let ours = receiver(&folder, &[]);
    let theirs = sender(&folder, ours.port(), &[]);
    let ours = ours.finish();
    assert_eq!((theirs.code, ours.code), (0, 0), "{theirs}\n{ours}");
    assert!(moved(&theirs) > LARGE);
    same(&folder);

    // The same again: nothing is asked for.
    let ours = receiver(&folder, &[]);
    let theirs = sender(&folder, ours.port(), &[]);
    assert_eq!((theirs.code, moved(&theirs)), (0, 0), "{theirs}");
    assert_eq!(ours.finish().code, 0);
}

#[test]
fn a_byte_that_went_over_wrong_is_found_and_its_piece_alone_is_asked_for_again() {
    if !there() {
        return;
    }
    let folder = Folder::new();
    tree(&folder);
    let ours = receiver(&folder, &[]);
    let theirs = sender(&folder, ours.port(), &["--flip"]);
    let ours = ours.finish();
    assert_eq!((theirs.code, ours.code), (0, 0), "{theirs}\n{ours}");
    assert!(theirs.text().contains("pieces "), "{theirs}");
    let (_, content) = sizes(&folder);
    let again = moved(&theirs) - content;
    assert!((1..=1 << 20).contains(&again), "{again} bytes more than there are");
    same(&folder);
}

/// Files, and bytes of them.
fn sizes(folder: &Folder) -> (usize, usize) {
    let mut from = Vec::new();
    all(&folder.path().join("from"), "", &mut from);
    let files = from.iter().filter_map(|it| it.1.as_ref());
    files.fold((0, 0), |(count, bytes), file| (count + 1, bytes + file.0.len()))
}

#[test]
fn a_sender_that_stopped_is_asked_for_the_other_pieces() {
    if !there() {
        return;
    }
    let folder = Folder::new();
    tree(&folder);
    let ours = receiver(&folder, &[]);
    let theirs = sender(&folder, ours.port(), &["--stop"]);
    let ours = ours.finish();
    assert_eq!((theirs.code, ours.code), (3, 1), "{theirs}\n{ours}");
    assert!(ours.stderr.contains("run the same commands again"), "{ours}");
    assert!(!folder.path().join("to/large").exists());
    let ours = receiver(&folder, &[]);
    let theirs = sender(&folder, ours.port(), &[]);
    let ours = ours.finish();
    assert_eq!((theirs.code, ours.code), (0, 0), "{theirs}\n{ours}");
    // Two pieces of the large one are there; what else is, nobody has to say.
    assert!(moved(&theirs) <= sizes(&folder).1 - (2 << 20), "{theirs}");
    same(&folder);
}

#[test]
fn a_file_whose_hash_is_another_one_gets_no_name() {
    if !there() {
        return;
    }
    let folder = Folder::new();
    tree(&folder);
    let ours = receiver(&folder, &[]);
    let theirs = sender(&folder, ours.port(), &["--lie"]);
    let ours = ours.finish();
    assert_eq!(ours.code, 9, "{ours}");
    assert!(ours.stderr.contains("what arrived differs from what was sent"), "{ours}");
    // Both larger ones, for the cause that the page numbers 10.
    let failed: Vec<_> =
        theirs.text().lines().filter(|line| line.starts_with("failed")).map(String::from).collect();
    assert_eq!(failed.len(), 2, "{theirs}");
    assert!(failed.iter().all(|line| line.ends_with(" 10")), "{theirs}");
    assert!(!folder.path().join("to/large").exists());
    assert!(folder.path().join("to/notes/hello.txt").exists());
}

/// A Python receiver, waiting, and the port that it told.
fn their_receiver(folder: &Folder, args: &[&str]) -> (Running, String) {
    let to = folder.file("to");
    let mut theirs = python("receive.py", &[&[":0", &to], args].concat()).start();
    let port = theirs.read_line();
    (theirs, format!(":{}", port.strip_prefix("port ").expect("it tells its port").trim_end()))
}

fn send(folder: &Folder, to: &str, args: &[&str]) -> Finished {
    let (notes, large) = (folder.file("from/notes"), folder.file("from/large"));
    Run::new(&[&["send", "--plain", &notes, &large, "--to", to], args].concat()).run("")
}

#[test]
fn a_receiver_that_is_not_ours_is_sent_to() {
    if !there() {
        return;
    }
    let folder = Folder::new();
    tree(&folder);
    let (theirs, to) = their_receiver(&folder, &[]);
    let ours = send(&folder, &to, &[]);
    let theirs = theirs.finish();
    assert_eq!((ours.code, theirs.code), (0, 0), "{ours}\n{theirs}");
    assert_eq!(moved(&theirs), sizes(&folder).1);
    same(&folder);

    let (theirs, to) = their_receiver(&folder, &[]);
    let ours = send(&folder, &to, &[]);
    let theirs = theirs.finish();
    assert_eq!((ours.code, theirs.code, moved(&theirs)), (0, 0, 0), "{ours}\n{theirs}");
}

#[test]
fn a_receiver_that_stopped_is_sent_the_other_pieces() {
    if !there() {
        return;
    }
    let folder = Folder::new();
    tree(&folder);
    let large = folder.file("from/large");
    let (theirs, to) = their_receiver(&folder, &["--stop"]);
    let ours = Run::new(&["send", "--plain", &large, "--to", &to]).run("");
    assert_eq!(theirs.finish().code, 3);
    assert_ne!(ours.code, 0, "{ours}");
    let (theirs, to) = their_receiver(&folder, &[]);
    let ours = Run::new(&["send", "--plain", &large, "--to", &to]).run("");
    let theirs = theirs.finish();
    assert_eq!((ours.code, theirs.code), (0, 0), "{ours}\n{theirs}");
    let came = moved(&theirs);
    assert!(came <= LARGE - (1 << 20), "{came}");
    assert_eq!(fs::read(folder.path().join("to/large")).unwrap(), content(LARGE));
}

#[test]
fn a_receiver_that_says_no_is_heard() {
    if !there() {
        return;
    }
    let folder = Folder::new();
    tree(&folder);
    let (theirs, to) = their_receiver(&folder, &["--refuse"]);
    let ours = send(&folder, &to, &[]);
    assert_eq!((ours.code, theirs.finish().code), (1, 1), "{ours}");
    assert!(ours.stderr.contains("declined"), "{ours}");
}
