//! What is sent, and what is found where it goes.
#![allow(dead_code, reason = "each test file uses a part of it")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// Content of files, by the path from the folder that holds what is sent; a folder has none.
pub type Tree = BTreeMap<String, Option<Vec<u8>>>;

/// Bytes that are others for each seed.
pub fn bytes(seed: u32, len: usize) -> Vec<u8> {
    (0..).flat_map(|n: u32| (n ^ seed).wrapping_mul(0x9e37_79b9).to_le_bytes()).take(len).collect()
}

/// Files of every kind: none, small ones, of a piece, of several, names that are no ASCII, folders with
/// something in them and without.
pub fn what() -> Tree {
    let mut tree = Tree::new();
    for folder in FOLDERS {
        tree.insert((*folder).into(), None);
    }
    for (n, (name, len)) in [
        ("src/none", 0),
        ("src/small", 3_000),
        ("src/ü 名.txt", 64 << 10),
        ("src/deep/piece", 100_000),
        ("src/deep/er/one", 1),
        ("src/big", (3 << 20) + 300_000),
    ]
    .into_iter()
    .enumerate()
    {
        tree.insert(name.into(), Some(bytes(n as u32, len)));
    }
    tree
}

pub const FOLDERS: &[&str] = &["src", "src/empty", "src/deep", "src/deep/er"];

/// When files of [`what`] were changed last. Longer ago than parts are kept.
pub fn changed() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::new(1_700_000_000, 123_456_789)
}

/// Writes it there.
pub fn lay(tree: &Tree, at: &Path, times: SystemTime) {
    for (name, content) in tree {
        let path = at.join(name);
        match content {
            None => fs::create_dir_all(path).unwrap(),
            Some(content) => {
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(&path, content).unwrap();
                fs::File::options().write(true).open(&path).unwrap().set_modified(times).unwrap();
            }
        }
    }
}

/// Copies all that is in `from`, names of ours too.
pub fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let (path, copied) = (entry.path(), to.join(entry.file_name()));
        if entry.file_type().unwrap().is_dir() {
            fs::create_dir(&copied).unwrap();
            copy(&path, &copied);
        } else {
            fs::copy(&path, &copied).unwrap();
            let times = entry.metadata().unwrap().modified().unwrap();
            fs::File::open(&copied).unwrap().set_modified(times).unwrap();
        }
    }
}

/// What is there, and the names of ours apart.
pub fn found(at: &Path) -> (Tree, BTreeSet<PathBuf>) {
    let (mut tree, mut ours, mut folders) = (Tree::new(), BTreeSet::new(), vec![at.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let path = entry.path();
            let name = path.strip_prefix(at).unwrap().to_str().unwrap().to_owned();
            if entry.file_name().to_str().unwrap().starts_with(".framecat-") {
                ours.insert(path);
            } else if entry.file_type().unwrap().is_dir() {
                tree.insert(name, None);
                folders.push(path);
            } else {
                tree.insert(name, Some(fs::read(path).unwrap()));
            }
        }
    }
    (tree, ours)
}

/// Bytes of pieces that journals say are there, of parts that are; docs/transfer-wire.md and proto's `resume`
/// draw them. One that is left of a part that has its name by now tells nothing new.
pub fn logged(ours: &BTreeSet<PathBuf>) -> u64 {
    let mut all = 0;
    for journal in ours.iter().filter(|path| path.extension().is_some_and(|it| it == "journal")) {
        let bytes = fs::read(journal).unwrap();
        let Some((head, _)) = bytes.split_first_chunk::<26>() else { continue };
        if !ours.contains(&journal.with_extension("part")) {
            continue;
        }
        let len = u16::from_be_bytes([head[8], head[9]]);
        let size = u64::from_be_bytes(head[18..].try_into().unwrap());
        let records = bytes.get(usize::from(len)..).unwrap_or_default().chunks_exact(44);
        let pieces: BTreeSet<u64> =
            records.map(|it| u64::from_be_bytes(it[..8].try_into().unwrap())).collect();
        all += pieces.iter().map(|at| (size - at).min(1 << 20)).sum::<u64>();
    }
    all
}

/// Bytes of all its files.
pub fn size(tree: &Tree) -> u64 {
    tree.values().flatten().map(|content| content.len() as u64).sum()
}

/// The same files with a number in their names.
pub fn numbered(tree: &Tree) -> Tree {
    let name = |(path, content): (&String, &Option<Vec<u8>>)| {
        let called = match (content, path.rsplit_once('.')) {
            (None, _) => path.clone(),
            (Some(_), Some((stem, ending))) => format!("{stem} (1).{ending}"),
            (Some(_), None) => format!("{path} (1)"),
        };
        (called, content.clone())
    };
    tree.iter().map(name).collect()
}
