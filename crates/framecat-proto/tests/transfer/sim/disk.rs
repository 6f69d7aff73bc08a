//! The receiver's disk: what programs see of it, and what of that outlives a power cut.

use std::collections::BTreeMap;

use super::Dice;

/// A call failed; or the process was killed by the plan of this run, before the next one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    Killed,
    Full,
    Broken,
}

/// What a name leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Node {
    File(usize),
    Folder,
    Link(Vec<u8>),
}

#[derive(Debug, Clone, Default)]
pub struct File {
    pub bytes: Vec<u8>,
    pub mtime: i64,
    /// What is on the disk for good, and what was done since: any of it may be lost.
    safe: Vec<u8>,
    safe_mtime: i64,
    unsynced: Vec<Change>,
}

impl File {
    /// What was done since the last time reaches the disk; what was lost then does not.
    fn write_out(&mut self) {
        for change in self.unsynced.drain(..) {
            match change {
                Change::Write(at, bytes) => {
                    if self.safe.len() < at + bytes.len() {
                        self.safe.resize(at + bytes.len(), 0);
                    }
                    self.safe[at..at + bytes.len()].copy_from_slice(&bytes);
                }
                Change::Length(len) => self.safe.resize(len, 0),
                Change::Time(time) => self.safe_mtime = time,
            }
        }
    }
}

#[derive(Debug, Clone)]
enum Change {
    Write(usize, Vec<u8>),
    Length(usize),
    Time(i64),
}

#[derive(Debug, Clone)]
enum Naming {
    Give(String, Node),
    Take(String),
    Move(String, String),
}

fn name(names: &mut BTreeMap<String, Node>, naming: &Naming) {
    match naming {
        Naming::Give(to, node) => {
            names.insert(to.clone(), node.clone());
        }
        Naming::Take(from) => {
            names.remove(from);
        }
        Naming::Move(from, to) => {
            if let Some(node) = names.remove(from) {
                names.insert(to.clone(), node);
            }
        }
    }
}

#[derive(Debug, Default)]
pub struct Disk {
    pub names: BTreeMap<String, Node>,
    pub files: Vec<File>,
    safe_names: BTreeMap<String, Node>,
    unsynced: Vec<Naming>,
    /// Bytes that fit.
    pub room: usize,
    /// Steps until the process is killed.
    pub steps_left: Option<usize>,
    /// Calls until one fails, and how.
    pub fails: Option<(usize, Trouble)>,
    pub steps: usize,
}

impl Disk {
    pub fn new() -> Disk {
        Disk { room: usize::MAX, ..Disk::default() }
    }

    /// One step begins: a call that is done wholly or not at all by who may be killed.
    fn step(&mut self) -> Result<(), Trouble> {
        self.steps += 1;
        if let Some(left) = &mut self.steps_left {
            if *left == 0 {
                return Err(Trouble::Killed);
            }
            *left -= 1;
        }
        if let Some((left, how)) = &mut self.fails {
            if *left == 0 {
                let how = *how;
                self.fails = None;
                return Err(how);
            }
            *left -= 1;
        }
        Ok(())
    }

    fn used(&self) -> usize {
        let named = self.names.values().filter_map(|node| match node {
            Node::File(file) => Some(self.files[*file].bytes.len()),
            Node::Folder | Node::Link(_) => None,
        });
        named.sum()
    }

    fn change(&mut self, naming: Naming) {
        name(&mut self.names, &naming);
        self.unsynced.push(naming);
    }

    pub fn file(&self, name: &str) -> Option<usize> {
        match self.names.get(name) {
            Some(Node::File(file)) => Some(*file),
            _ => None,
        }
    }

    pub fn bytes(&self, name: &str) -> Option<&[u8]> {
        self.file(name).map(|file| self.files[file].bytes.as_slice())
    }

    /// A file with no name yet.
    pub fn create_unnamed(&mut self) -> Result<usize, Trouble> {
        self.step()?;
        self.files.push(File::default());
        Ok(self.files.len() - 1)
    }

    pub fn create(&mut self, name: &str) -> Result<usize, Trouble> {
        let file = self.create_unnamed()?;
        self.change(Naming::Give(name.into(), Node::File(file)));
        Ok(file)
    }

    pub fn make(&mut self, name: &str, node: Node) -> Result<(), Trouble> {
        self.step()?;
        self.change(Naming::Give(name.into(), node));
        Ok(())
    }

    pub fn remove(&mut self, name: &str) -> Result<(), Trouble> {
        self.step()?;
        self.change(Naming::Take(name.into()));
        Ok(())
    }

    pub fn link(&mut self, file: usize, name: &str) -> Result<(), Trouble> {
        self.step()?;
        self.change(Naming::Give(name.into(), Node::File(file)));
        Ok(())
    }

    pub fn rename(&mut self, from: &str, to: &str) -> Result<(), Trouble> {
        self.step()?;
        self.change(Naming::Move(from.into(), to.into()));
        Ok(())
    }

    /// Room for a file of that size: known before anything of it is written.
    pub fn reserve(&mut self, size: usize) -> Result<(), Trouble> {
        self.step()?;
        match self.used() + size > self.room {
            true => Err(Trouble::Full),
            false => Ok(()),
        }
    }

    pub fn write(&mut self, file: usize, at: usize, bytes: &[u8]) -> Result<(), Trouble> {
        let trouble = self.step();
        let used = self.used();
        let it = &mut self.files[file];
        // A call that fails, or in which the process is killed, may have done half of it.
        let end = match trouble {
            Ok(()) => bytes.len(),
            Err(_) => bytes.len() / 2,
        };
        let grows = (at + end).saturating_sub(it.bytes.len());
        let fits = used + grows <= self.room;
        let bytes = &bytes[..if fits { end } else { 0 }];
        if !bytes.is_empty() {
            if it.bytes.len() < at + bytes.len() {
                it.bytes.resize(at + bytes.len(), 0);
            }
            it.bytes[at..at + bytes.len()].copy_from_slice(bytes);
            it.unsynced.push(Change::Write(at, bytes.to_vec()));
        }
        trouble?;
        if fits { Ok(()) } else { Err(Trouble::Full) }
    }

    pub fn set_len(&mut self, file: usize, len: usize) -> Result<(), Trouble> {
        self.step()?;
        self.files[file].bytes.resize(len, 0);
        self.files[file].unsynced.push(Change::Length(len));
        Ok(())
    }

    pub fn set_time(&mut self, file: usize, mtime: i64) -> Result<(), Trouble> {
        self.step()?;
        self.files[file].mtime = mtime;
        self.files[file].unsynced.push(Change::Time(mtime));
        Ok(())
    }

    pub fn sync(&mut self, file: usize) -> Result<(), Trouble> {
        let trouble = self.step();
        let it = &mut self.files[file];
        if trouble == Err(Trouble::Broken) {
            // What could not be written counts as written from now on, and is lost all the same.
            it.unsynced.clear();
        }
        trouble?;
        it.write_out();
        Ok(())
    }

    pub fn sync_names(&mut self) -> Result<(), Trouble> {
        self.step()?;
        self.safe_names = self.names.clone();
        self.unsynced.clear();
        Ok(())
    }

    /// A file of somebody else.
    pub fn foreign(&mut self, name: &str, bytes: &[u8]) {
        self.files.push(File { bytes: bytes.to_vec(), safe: bytes.to_vec(), ..File::default() });
        self.change(Naming::Give(name.into(), Node::File(self.files.len() - 1)));
    }

    /// All of it is on the disk: a run begins long after the last.
    pub fn settle(&mut self) {
        self.safe_names = self.names.clone();
        self.unsynced.clear();
        self.files.iter_mut().for_each(File::write_out);
    }

    /// Of what was not synced some is lost: names behind any one, writes in any order.
    pub fn lose_power(&mut self, dice: &mut Dice) {
        self.names = self.safe_names.clone();
        let kept = dice.below(self.unsynced.len() + 1);
        for naming in self.unsynced.drain(..).take(kept) {
            name(&mut self.names, &naming);
        }
        let mostly = dice.pick(&[1, 2, 2, 4]);
        for file in &mut self.files {
            file.unsynced.retain_mut(|change| {
                if let (Change::Write(_, bytes), true) = (&mut *change, dice.one_in(4)) {
                    bytes.truncate(dice.below(bytes.len()));
                }
                dice.one_in(mostly)
            });
            file.write_out();
            // The length may have come before the bytes did.
            if file.safe.len() < file.bytes.len() && dice.one_in(3) {
                file.safe.resize(file.bytes.len(), 0);
            }
            (file.bytes, file.mtime) = (file.safe.clone(), file.safe_mtime);
        }
        self.settle();
    }
}
