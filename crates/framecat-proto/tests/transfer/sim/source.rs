//! The sender's files, and how they change.

use std::collections::BTreeMap;

use framecat_proto::transfer::record::{Entry, EntryKind};
use framecat_proto::transfer::sender::Stat;

use super::Dice;

/// A file as it was at some time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    pub bytes: Vec<u8>,
    pub mtime: i64,
}

#[derive(Debug, Clone)]
pub struct File {
    /// All that it ever was; the last is what it is.
    pub versions: Vec<Version>,
    ctime: i64,
}

impl File {
    pub fn now(&self) -> &Version {
        self.versions.last().expect("a file has a version")
    }

    pub fn stat(&self) -> Stat {
        let now = self.now();
        Stat { size: now.bytes.len() as u64, mtime: now.mtime, ctime: self.ctime }
    }
}

#[derive(Debug, Default)]
pub struct Source {
    pub files: BTreeMap<String, File>,
    pub folders: Vec<String>,
    pub links: BTreeMap<String, String>,
    clock: i64,
}

fn content(dice: &mut Dice, len: usize) -> Vec<u8> {
    // Zeros among it: what a file system makes up is zeros too.
    let zeros = dice.one_in(3);
    (0..len).map(|at| if zeros && at / 700 % 2 == 0 { 0 } else { dice.roll() as u8 }).collect()
}

impl Source {
    pub fn new(dice: &mut Dice) -> Source {
        let mut source = Source { clock: 1_000, ..Source::default() };
        for folder in ["d", "d/e", "f"] {
            let parent = folder.rsplit_once('/').map(|(parent, _)| parent.to_owned());
            if dice.one_in(3) && parent.is_none_or(|parent| source.folders.contains(&parent)) {
                source.folders.push(folder.into());
            }
        }
        for n in 0..1 + dice.below(4) {
            let mut name = dice.pick(&["a.txt", "b", "c.tar.gz", "ü"]).to_owned();
            if !source.folders.is_empty() && dice.one_in(2) {
                name = format!("{}/{name}", source.folders[dice.below(source.folders.len())]);
            }
            let len = match dice.below(6) {
                _ if n == 0 => 2_500 + dice.below(12_000),
                0 => dice.below(3),
                1 => dice.below(400),
                2 => 1_024 * (1 + dice.below(3)),
                3 => 1_024 * (1 + dice.below(6)) + dice.below(5),
                _ => dice.below(5_000),
            };
            let bytes = content(dice, len);
            source.clock += 1;
            let (mtime, ctime) = (source.clock, source.clock);
            source.files.insert(name, File { versions: vec![Version { bytes, mtime }], ctime });
        }
        if dice.one_in(6) {
            source.links.insert("l".into(), "b".into());
        }
        source
    }

    /// One of its files changes: with a new time, or so that only its change time tells.
    pub fn change(&mut self, dice: &mut Dice) -> String {
        let names: Vec<String> = self.files.keys().cloned().collect();
        let name = names[dice.below(names.len())].clone();
        self.clock += 1;
        let file = self.files.get_mut(&name).expect("it is there");
        let mut bytes = file.now().bytes.clone();
        let mtime = self.clock;
        match dice.below(3) {
            0 => {
                let len = dice.below(6_000);
                bytes = content(dice, len);
            }
            1 => {
                let cut = dice.below(bytes.len() + 1);
                bytes.truncate(cut);
            }
            _ => {
                self.change_unseen(&name, dice);
                // Once in two times its time tells.
                if dice.one_in(2) {
                    let file = self.files.get_mut(&name).expect("it is there");
                    let clock = self.clock;
                    file.versions.last_mut().expect("a file has a version").mtime = clock;
                }
                return name;
            }
        }
        file.ctime = self.clock;
        file.versions.push(Version { bytes, mtime });
        name
    }

    /// Some bytes in place, and the time is put back behind it.
    pub fn change_unseen(&mut self, name: &str, dice: &mut Dice) {
        self.clock += 1;
        let file = self.files.get_mut(name).expect("it is there");
        let Version { mut bytes, mtime } = file.now().clone();
        let at = dice.below(bytes.len());
        let end = (at + 1 + dice.below(1_500)).min(bytes.len());
        bytes[at.min(end)..end].iter_mut().for_each(|byte| *byte ^= 0x55);
        file.ctime = self.clock;
        file.versions.push(Version { bytes, mtime });
    }

    /// All of it, folder by folder, with how it is now.
    pub fn walk(&self) -> Vec<(String, Entry, Stat)> {
        let mut all = Vec::new();
        let mut folders = vec![String::new()];
        folders.extend(self.folders.iter().cloned());
        for folder in folders {
            let within =
                |name: &str| name.rsplit_once('/').map_or("", |(parent, _)| parent) == folder;
            let entry = |name: &str, kind| Entry {
                path: name.split('/').map(|part| part.as_bytes().to_vec()).collect(),
                kind,
                size: 0,
                mtime: 0,
                mode: 0o644,
                target: Vec::new(),
            };
            for name in self.folders.iter().filter(|name| within(name)) {
                all.push((name.clone(), entry(name, EntryKind::Folder), Stat::default()));
            }
            for (name, target) in self.links.iter().filter(|it| within(it.0)) {
                let target = target.as_bytes().to_vec();
                let link = Entry { target, ..entry(name, EntryKind::Link) };
                all.push((name.clone(), link, Stat::default()));
            }
            for (name, file) in self.files.iter().filter(|it| within(it.0)) {
                let stat = file.stat();
                let (size, mtime) = (stat.size, stat.mtime);
                let file = Entry { size, mtime, ..entry(name, EntryKind::File) };
                all.push((name.clone(), file, stat));
            }
        }
        all
    }
}
