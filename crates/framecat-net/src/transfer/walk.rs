//! What is named to be sent, and what lies in it: looked at as it is offered, folder by folder, and found again
//! when it is asked for.
//!
//! Below a named folder everything is reached from descriptors, and no link is followed: whoever may write in it
//! cannot lead a sender elsewhere. Names are in the order of their bytes, so that two runs offer the same in the
//! same order; those of a folder with very many are so in runs of [`TRANSFER_SORTED_BYTES`], and what is kept of a
//! tree is that much, the names of folders that are to come, and a descriptor a level.

use std::collections::{HashSet, VecDeque};
use std::ffi::CStr;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use framecat_proto::limits::TRANSFER_SORTED_BYTES;
use framecat_proto::path::OURS;
use framecat_proto::transfer::record::{Entry, EntryKind};
use framecat_proto::transfer::sender;
use framecat_proto::transfer::why::{Cause, Why};
use rustix::fs::{AtFlags, FileType, Mode, OFlags, RawDir, Stat};
use rustix::io::Errno;

use crate::disk;
use crate::error::{self, Error, Op, plain};

/// A folder that is read.
const AS_FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);
/// A folder from which something is reached.
const TO_REACH: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);
/// A file: what became a pipe or a terminal meanwhile holds nobody up.
const AS_FILE: OFlags =
    OFlags::RDONLY.union(OFlags::NONBLOCK).union(OFlags::NOCTTY).union(OFlags::CLOEXEC);

/// What is read of a folder at once.
const READ_BYTES: usize = 32 << 10;

/// A path that a person named. Links on it are followed once, when it is looked at first: who puts one there
/// afterwards leads nobody anywhere.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Top {
    typed: PathBuf,
    /// Where that led.
    real: PathBuf,
    /// What it is called on the other side.
    name: Vec<u8>,
}

impl Top {
    fn new(typed: &Path, name: Vec<u8>) -> Top {
        // Where it cannot be told (realpath(3)) there may be no links on it.
        let real = std::fs::canonicalize(typed).unwrap_or_else(|_| typed.into());
        Top { typed: typed.into(), real, name }
    }

    fn open(&self, how: OFlags) -> Result<OwnedFd, Errno> {
        disk::straight(&self.real, how)
    }

    fn stat(&self) -> Result<Stat, Errno> {
        rustix::fs::fstat(self.open(OFlags::PATH | OFlags::CLOEXEC)?)
    }

    fn shown(&self) -> String {
        shown(self.typed.as_os_str().as_bytes())
    }
}

/// What a person named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Named(Arc<Top>);

/// Looks at all that was named, before anybody is dialled: whether it is there, is a file or a folder, and can be
/// read; and that no two would have one name.
///
/// # Errors
/// The first that will not do.
pub(crate) fn named(paths: &[PathBuf]) -> Result<Vec<Named>, Error> {
    let mut names = HashSet::new();
    let mut all = Vec::with_capacity(paths.len());
    for path in paths {
        let name = called(path)?;
        let top = see(path, name.clone())?;
        if !names.insert(name.clone()) {
            let problem = format!("another of what is sent is called `{}` too", shown(&name));
            return Err(unfit(path, problem, "send them one after the other, or rename one"));
        }
        all.push(Named(Arc::new(top)));
    }
    Ok(all)
}

fn unfit(path: &Path, problem: impl Into<String>, remedy: &str) -> Error {
    let cause = error::Cause::Address { problem: problem.into(), remedy: remedy.into() };
    Error { op: Op::Open, endpoint: shown(path.as_os_str().as_bytes()), cause }
}

/// The last part of a path; of `.` and `..` that of the folder which they are.
fn called(path: &Path) -> Result<Vec<u8>, Error> {
    if let Some(name) = path.file_name() {
        return Ok(name.as_bytes().to_vec());
    }
    if path.as_os_str().is_empty() {
        return Err(unfit(path, "the path is empty", "name a file or a folder"));
    }
    let real = std::fs::canonicalize(path).map_err(|error| of_looking(path, &error))?;
    match real.file_name() {
        Some(name) => Ok(name.as_bytes().to_vec()),
        None => {
            Err(unfit(path, "it has no name under which it could arrive", "name what lies in it"))
        }
    }
}

fn of_looking(path: &Path, error: &std::io::Error) -> Error {
    let remedy = match error.raw_os_error() {
        Some(libc::ENOENT | libc::ENOTDIR) => "is the path right? `ls` shows what there is",
        Some(libc::EACCES | libc::EPERM) => "`ls -ld` shows its permissions",
        _ => "the system says so",
    };
    unfit(path, plain(error), remedy)
}

/// Whether it can be read now.
fn see(path: &Path, name: Vec<u8>) -> Result<Top, Error> {
    let of = |errno: Errno| of_looking(path, &errno.into());
    let top = Top::new(path, name);
    let stat = rustix::fs::stat(path).map_err(of)?;
    let how = match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => AS_FILE,
        FileType::Directory => AS_FOLDER,
        other => {
            let remedy = "`framecat send - < PATH` sends what can be read from it";
            return Err(unfit(path, format!("it is {}", kind(other)), remedy));
        }
    };
    top.open(how).map_err(of)?;
    Ok(top)
}

fn kind(of: FileType) -> &'static str {
    match of {
        FileType::Fifo => "a pipe (FIFO)",
        FileType::Socket => "a socket",
        FileType::CharacterDevice | FileType::BlockDevice => "a device",
        FileType::Symlink => "a symbolic link",
        _ => "no file or folder",
    }
}

/// Bytes of a name as text; what is none is `\xNN`.
pub(super) fn shown(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        for byte in chunk.invalid() {
            let _ = write!(text, "\\x{byte:02x}");
        }
    }
    text
}

/// What the kernel says of a file.
pub(super) fn stat_of(stat: &Stat) -> sender::Stat {
    // The types of these fields differ by machine.
    #[allow(clippy::unnecessary_cast)]
    let ns = |seconds: i64, nanos: u64| {
        seconds.saturating_mul(1_000_000_000).saturating_add(nanos as i64)
    };
    #[allow(clippy::unnecessary_cast)]
    sender::Stat {
        size: u64::try_from(stat.st_size).unwrap_or(0),
        mtime: ns(stat.st_mtime as i64, stat.st_mtime_nsec as u64),
        ctime: ns(stat.st_ctime as i64, stat.st_ctime_nsec as u64),
    }
}

/// Why something cannot be read.
pub(super) fn unreadable(error: Errno) -> Why {
    match error {
        // None was when it was looked at, and none is followed.
        Errno::LOOP => Why::new(Cause::Unreadable, "a symbolic link leads to it by now"),
        error => Why::new(Cause::Unreadable, &plain(&error.into())),
    }
}

/// A folder whose names are offered.
#[derive(Debug)]
pub(super) struct Folder {
    /// The named folder in which it lies.
    top: Arc<Top>,
    /// From there, parts parted by `/`.
    below: Vec<u8>,
    /// As it is offered.
    path: Vec<Vec<u8>>,
}

impl Folder {
    fn child(&self, name: &[u8]) -> Folder {
        let mut below = self.below.clone();
        if !below.is_empty() {
            below.push(b'/');
        }
        below.extend_from_slice(name);
        Folder { top: self.top.clone(), below, path: self.path_of(name) }
    }

    fn path_of(&self, name: &[u8]) -> Vec<Vec<u8>> {
        let mut path = Vec::with_capacity(self.path.len() + 1);
        path.extend_from_slice(&self.path);
        path.push(name.to_vec());
        path
    }

    /// As a person would type it.
    fn typed(&self, name: &[u8]) -> String {
        let mut typed = self.top.typed.as_os_str().as_bytes().to_vec();
        for part in [&self.below, name] {
            if !part.is_empty() {
                if typed.last() != Some(&b'/') {
                    typed.push(b'/');
                }
                typed.extend_from_slice(part);
            }
        }
        shown(&typed)
    }
}

/// Where something that was offered lies.
#[derive(Debug, Clone)]
pub(super) enum Place {
    /// It was named.
    Named(Arc<Top>),
    /// It lies in a folder.
    In(Arc<Folder>, Box<[u8]>),
}

impl Place {
    /// As it is offered.
    pub(super) fn offered(&self) -> String {
        shown(&match self {
            Place::Named(top) => top.name.clone(),
            Place::In(folder, name) => folder.path_of(name).join(&b'/'),
        })
    }

    /// As a person would type it.
    pub(super) fn typed(&self) -> String {
        match self {
            Place::Named(top) => top.shown(),
            Place::In(folder, name) => folder.typed(name),
        }
    }
}

/// Opens what was offered. It keeps the folder of the last one, for the next is mostly in it too.
#[derive(Debug, Default)]
pub(super) struct Finder {
    last: Option<(Arc<Folder>, OwnedFd)>,
}

impl Finder {
    /// Opens a file, to be read from its beginning to its end.
    ///
    /// # Errors
    /// Why it cannot be read, or that it is none any more.
    pub(super) fn open(&mut self, place: &Place) -> Result<(OwnedFd, Stat), Why> {
        let fd = self.reach(place).map_err(unreadable)?;
        let stat = rustix::fs::fstat(&fd).map_err(unreadable)?;
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => Ok((fd, stat)),
            other => Err(Why::new(Cause::Kind, &format!("it is {} by now", kind(other)))),
        }
    }

    fn reach(&mut self, place: &Place) -> Result<OwnedFd, Errno> {
        match place {
            Place::Named(top) => top.open(AS_FILE),
            Place::In(folder, name) => {
                let at = match self.last.take() {
                    Some((last, fd)) if Arc::ptr_eq(&last, folder) => fd,
                    _ => reach_folder(folder)?,
                };
                let how = AS_FILE | OFlags::NOFOLLOW;
                let opened = rustix::fs::openat(&at, &**name, how, Mode::empty());
                self.last = Some((folder.clone(), at));
                opened
            }
        }
    }
}

fn reach_folder(folder: &Folder) -> Result<OwnedFd, Errno> {
    let top = folder.top.open(TO_REACH)?;
    match folder.below.as_slice() {
        b"" => Ok(top),
        below => disk::below(&top, below, TO_REACH),
    }
}

/// Something to be offered.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) entry: Entry,
    /// How it is now.
    pub(super) stat: sender::Stat,
    pub(super) place: Place,
}

/// What a walk comes to next.
#[derive(Debug)]
pub(super) enum Step {
    /// Something to be offered.
    Found(Found),
    /// Something that is not.
    LeftOut {
        /// As a person would type it.
        path: String,
        why: Why,
        /// Whether it should have been there.
        missing: bool,
    },
    /// Nothing, so far: there may be more.
    Nothing,
    /// That was all.
    Done,
}

/// Names, one behind the other.
#[derive(Debug, Default)]
struct Names {
    bytes: Vec<u8>,
    /// Where each begins and ends; taken from the end.
    left: Vec<(u32, u32)>,
}

impl Names {
    fn push(&mut self, name: &[u8]) {
        let from = self.bytes.len() as u32;
        self.bytes.extend_from_slice(name);
        self.left.push((from, self.bytes.len() as u32));
    }

    /// From now on they come in the order of their bytes.
    fn sort(&mut self) {
        let Names { bytes, left } = self;
        let name = |it: &(u32, u32)| &bytes[it.0 as usize..it.1 as usize];
        left.sort_unstable_by(|a, b| name(b).cmp(name(a)));
    }

    fn pop(&mut self) -> Option<Vec<u8>> {
        let (from, to) = self.left.pop()?;
        let name = self.bytes[from as usize..to as usize].to_vec();
        if self.left.is_empty() {
            *self = Names::default();
        }
        Some(name)
    }
}

/// A folder on the way down.
#[derive(Debug)]
struct Level {
    folder: Arc<Folder>,
    fd: OwnedFd,
    /// Device and number.
    id: (u64, u64),
    /// Names of it that were read and are not looked at.
    names: Names,
    /// Whether all were read.
    read: bool,
    /// Folders in it that are to come; in order once the first of them is gone into.
    folders: Names,
    ordered: bool,
}

/// A walk through all that was named.
#[derive(Debug)]
pub(super) struct Walk {
    /// Whether links are offered as such.
    links: bool,
    named: std::vec::IntoIter<Named>,
    /// Named folders that are to come.
    tops: VecDeque<Named>,
    /// From a named folder down to the one at hand.
    levels: Vec<Level>,
}

impl Walk {
    pub(super) fn new(named: Vec<Named>, links: bool) -> Walk {
        Walk { links, named: named.into_iter(), tops: VecDeque::new(), levels: Vec::new() }
    }

    /// The folder that was found last is not taken: nothing in it is offered.
    pub(super) fn pass_over(&mut self) {
        match self.levels.last_mut() {
            Some(level) => drop(level.folders.left.pop()),
            None => drop(self.tops.pop_back()),
        }
    }

    /// The next thing.
    pub(super) fn step(&mut self) -> Step {
        if let Some(named) = self.named.next() {
            return self.top(named);
        }
        let Some(level) = self.levels.last_mut() else {
            let Some(named) = self.tops.pop_front() else { return Step::Done };
            return self.enter_top(named);
        };
        if let Some(name) = level.names.pop() {
            return self.look(&name);
        }
        if !level.read {
            return match level.read() {
                Ok(()) => Step::Nothing,
                Err(error) => {
                    level.read = true;
                    left_out(level.folder.typed(b""), unreadable(error), true)
                }
            };
        }
        if !level.ordered {
            level.ordered = true;
            level.folders.sort();
        }
        match level.folders.pop() {
            Some(name) => self.enter(&name),
            None => {
                self.levels.pop();
                Step::Nothing
            }
        }
    }

    /// Something that was named.
    fn top(&mut self, named: Named) -> Step {
        let top = named.0.clone();
        let stat = match top.stat() {
            Ok(stat) => stat,
            Err(error) => return left_out(top.shown(), unreadable(error), true),
        };
        let entry = |kind| entry(vec![top.name.clone()], kind, &stat);
        let found = |entry, place| Step::Found(Found { entry, stat: stat_of(&stat), place });
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => found(entry(EntryKind::File), Place::Named(top)),
            FileType::Directory => {
                let entry = entry(EntryKind::Folder);
                self.tops.push_back(named);
                found(entry, Place::Named(top))
            }
            other => left_out(top.shown(), Why::new(Cause::Kind, kind(other)), true),
        }
    }

    /// Something in the folder at hand.
    fn look(&mut self, name: &[u8]) -> Step {
        let Some(level) = self.levels.last_mut() else { return Step::Nothing };
        let stat = match rustix::fs::statat(&level.fd, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => stat,
            // It is gone: a moment earlier it would not have been seen.
            Err(Errno::NOENT) => return Step::Nothing,
            Err(error) => return left_out(level.folder.typed(name), unreadable(error), true),
        };
        let kind_found = FileType::from_raw_mode(stat.st_mode);
        let mut target = Vec::new();
        let kind = match kind_found {
            FileType::RegularFile if name.starts_with(OURS.as_bytes()) => {
                let why = Why::new(Cause::Name, "it is part of a file that has not wholly come");
                return left_out(level.folder.typed(name), why, false);
            }
            FileType::RegularFile => EntryKind::File,
            FileType::Directory => EntryKind::Folder,
            FileType::Symlink if self.links => {
                match rustix::fs::readlinkat(&level.fd, name, Vec::new()) {
                    Ok(to) => target = to.into_bytes(),
                    Err(Errno::NOENT) => return Step::Nothing,
                    Err(error) => {
                        return left_out(level.folder.typed(name), unreadable(error), true);
                    }
                }
                EntryKind::Link
            }
            other => {
                let missing = other != FileType::Symlink;
                let why = Why::new(Cause::Kind, kind(other));
                return left_out(level.folder.typed(name), why, missing);
            }
        };
        if kind == EntryKind::Folder {
            let id = id_of(&stat);
            if self.levels.iter().any(|level| level.id == id) {
                return self.leads_back(name);
            }
            if let Some(level) = self.levels.last_mut() {
                level.folders.push(name);
            }
        }
        let Some(level) = self.levels.last() else { return Step::Nothing };
        let entry = Entry { target, ..entry(level.folder.path_of(name), kind, &stat) };
        let place = Place::In(level.folder.clone(), name.into());
        Step::Found(Found { entry, stat: stat_of(&stat), place })
    }

    /// A folder is, by a mount, one in which it lies.
    fn leads_back(&self, name: &[u8]) -> Step {
        let Some(level) = self.levels.last() else { return Step::Nothing };
        let why = Why::new(Cause::Kind, "it is a folder in which it lies itself");
        left_out(level.folder.typed(name), why, false)
    }

    fn enter_top(&mut self, named: Named) -> Step {
        let Named(top) = named;
        let fd = match top.open(AS_FOLDER) {
            Ok(fd) => fd,
            Err(error) => {
                return left_out(top.shown(), unreadable(error), true);
            }
        };
        let path = vec![top.name.clone()];
        let folder = Folder { top, below: Vec::new(), path };
        self.go_into(folder, fd)
    }

    fn enter(&mut self, name: &[u8]) -> Step {
        let Some(level) = self.levels.last() else { return Step::Nothing };
        let how = AS_FOLDER | OFlags::NOFOLLOW;
        match rustix::fs::openat(&level.fd, name, how, Mode::empty()) {
            Ok(fd) => {
                let folder = level.folder.child(name);
                self.go_into(folder, fd)
            }
            Err(error) => left_out(level.folder.typed(name), unreadable(error), true),
        }
    }

    fn go_into(&mut self, folder: Folder, fd: OwnedFd) -> Step {
        let stat = match rustix::fs::fstat(&fd) {
            Ok(stat) => stat,
            Err(error) => return left_out(folder.typed(b""), unreadable(error), true),
        };
        let id = id_of(&stat);
        // It may be another one by now than the one that was looked at.
        if self.levels.iter().any(|level| level.id == id) {
            let why = Why::new(Cause::Kind, "it is a folder in which it lies itself");
            return left_out(folder.typed(b""), why, false);
        }
        let (names, folders) = (Names::default(), Names::default());
        let folder = Arc::new(folder);
        self.levels.push(Level { folder, fd, id, names, read: false, folders, ordered: false });
        Step::Nothing
    }
}

impl Level {
    /// Reads names: all there are, or as many as are sorted at once.
    fn read(&mut self) -> Result<(), Errno> {
        let mut buffer = Vec::with_capacity(READ_BYTES);
        let mut listing = RawDir::new(self.fd.as_fd(), buffer.spare_capacity_mut());
        loop {
            // What lies in the buffer was taken from the descriptor, and would be lost.
            if self.names.bytes.len() >= TRANSFER_SORTED_BYTES && listing.is_buffer_empty() {
                break;
            }
            match listing.next() {
                Some(Ok(entry)) => {
                    let name: &CStr = entry.file_name();
                    if !matches!(name.to_bytes(), b"." | b"..") {
                        self.names.push(name.to_bytes());
                    }
                }
                Some(Err(Errno::INTR)) => {}
                Some(Err(error)) => {
                    self.names.sort();
                    return Err(error);
                }
                None => {
                    self.read = true;
                    break;
                }
            }
        }
        self.names.sort();
        Ok(())
    }
}

fn left_out(path: String, why: Why, missing: bool) -> Step {
    Step::LeftOut { path, why, missing }
}

#[allow(clippy::unnecessary_cast)]
fn id_of(stat: &Stat) -> (u64, u64) {
    (stat.st_dev as u64, stat.st_ino as u64)
}

fn entry(path: Vec<Vec<u8>>, kind: EntryKind, stat: &Stat) -> Entry {
    let known = stat_of(stat);
    Entry {
        path,
        kind,
        size: if kind == EntryKind::File { known.size } else { 0 },
        mtime: known.mtime,
        mode: (stat.st_mode & 0o777) as u16,
        target: Vec::new(),
    }
}
