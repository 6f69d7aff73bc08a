//! Files that come from a peer: nothing under a final name until all of it is there.
//!
//! A [`Folder`] is opened once and everything below it is reached from its descriptor, one component
//! at a time, following no symbolic link (openat2(2)): a folder that is swapped for a link between a
//! look and a write leads nowhere. What arrives is written to a [`Part`] in the same folder as the
//! file it will be, and gets its name by one call, [`Part::commit`]: whoever is killed before leaves
//! the old file as it was, whoever is killed after leaves the new one whole.
//!
//! | killed | left behind |
//! | --- | --- |
//! | before the commit | `.framecat-ID.part`, which the same ID takes up again ([`Part::open`]); of an unnamed part nothing, or `.framecat-ID.new` where the file system has no unnamed files |
//! | in a commit that replaces | perhaps `.framecat-ID.new` beside the old file |
//! | after it | the file |
//! | while a folder is removed | `.framecat-ID.gone`, with what is left of it |
//!
//! [`Folder::sweep`] removes what nobody comes back for.
//!
//! All calls here may wait for the disk. They belong on a thread that may.

use std::ffi::CString;
use std::fmt;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::time::SystemTime;

mod remove;

pub use remove::Gone;

use framecat_proto::path::{OURS, SafePath};
use rustix::fs::{
    AtFlags, FallocateFlags, FileType, FlockOperation, Mode, OFlags, RenameFlags, ResolveFlags,
    Stat, Timespec, Timestamps,
};
use rustix::fs::{Gid, Uid};
use rustix::io::Errno;

/// No link is followed, and nothing above the folder is reached.
const BELOW: ResolveFlags =
    ResolveFlags::BENEATH.union(ResolveFlags::NO_SYMLINKS).union(ResolveFlags::NO_MAGICLINKS);

/// How a folder is opened in order to reach what is in it.
const AS_FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

/// Parts end so.
const PART: &str = ".part";
/// What is on its way from one system call to the next ends so.
const NEW: &str = ".new";
/// What is being removed ends so.
const GONE: &str = ".gone";

/// A folder below which files are made. Whoever may write elsewhere holds no more than its descriptor.
#[derive(Debug)]
pub struct Folder {
    fd: OwnedFd,
}

impl Folder {
    /// Opens it. Here links are followed: the path is the user's own.
    ///
    /// # Errors
    /// open(2): not there, not a folder, not allowed.
    pub fn open(path: &Path) -> io::Result<Folder> {
        let fd = rustix::fs::open(path, AS_FOLDER, Mode::empty())?;
        Ok(Folder { fd })
    }

    /// A folder that is open already.
    pub fn of(fd: OwnedFd) -> Folder {
        Folder { fd }
    }

    /// The folder that `path`'s last component lies in. With `make`, those that are missing are made
    /// (mode 0777 less the umask).
    ///
    /// # Errors
    /// `ENOENT` where one is missing, `ENOTDIR` where a file is in the way, `ELOOP` where a symbolic
    /// link is; those of openat2(2) and mkdirat(2) else.
    pub fn parent_of(&self, path: &SafePath, make: bool) -> io::Result<Folder> {
        let (mut folder, missing) = self.nearest(path.folders())?;
        for name in &path.folders()[path.folders().len() - missing..] {
            if !make {
                return Err(Errno::NOENT.into());
            }
            match rustix::fs::mkdirat(&folder.fd, name.as_str(), Mode::from_raw_mode(0o777)) {
                // Somebody else made it in between.
                Ok(()) | Err(Errno::EXIST) => {
                    folder = Folder { fd: below(&folder.fd, name, AS_FOLDER)? }
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(folder)
    }

    /// The deepest of these `folders`, each inside the one before it, that is there, and how many behind it
    /// are missing. Where the first of them is missing, that is this one.
    ///
    /// # Errors
    /// As [`parent_of`](Self::parent_of), but for `ENOENT`.
    pub fn nearest(&self, folders: &[String]) -> io::Result<(Folder, usize)> {
        let mut fd = self.fd.try_clone()?;
        for (nth, name) in folders.iter().enumerate() {
            fd = match below(&fd, name, AS_FOLDER) {
                Err(Errno::NOENT) => return Ok((Folder { fd }, folders.len() - nth)),
                opened => opened?,
            };
        }
        Ok((Folder { fd }, 0))
    }

    /// The folder that `path`'s last component lies in; those that are missing are made as by
    /// [`parent_of`](Self::parent_of), and can be taken back. With `durable` they outlive a power cut.
    ///
    /// # Errors
    /// As [`parent_of`](Self::parent_of); what was made is taken back then.
    pub fn make_parent_of(&self, path: &SafePath, durable: bool) -> io::Result<(Folder, Made)> {
        let mut folder = Folder { fd: self.fd.try_clone()? };
        let mut made = Made::default();
        for name in path.folders() {
            let inner = match below(&folder.fd, name, AS_FOLDER) {
                Err(Errno::NOENT) => {
                    let new = folder.make(name, durable);
                    match new {
                        Ok(()) => made.folders.push((folder.fd.try_clone()?, name.clone())),
                        // Somebody else made it in between.
                        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                        Err(error) => return Err(made.take_back(error)),
                    }
                    below(&folder.fd, name, AS_FOLDER)
                }
                opened => opened,
            };
            match inner {
                Ok(fd) => folder = Folder { fd },
                Err(error) => return Err(made.take_back(error.into())),
            }
        }
        Ok((folder, made))
    }

    /// The folder at `path`, components parted by `/`; empty: this one. No link on the way is followed.
    ///
    /// # Errors
    /// As [`parent_of`](Self::parent_of).
    pub fn at(&self, path: &[u8]) -> io::Result<Folder> {
        let fd = match path {
            b"" => self.fd.try_clone()?,
            path => below(&self.fd, path, AS_FOLDER)?,
        };
        Ok(Folder { fd })
    }

    /// Makes a folder (mode 0777 less the umask); with `durable` it outlives a power cut.
    ///
    /// # Errors
    /// `EEXIST`; mkdirat(2), fsync(2).
    pub fn make(&self, name: &str, durable: bool) -> io::Result<()> {
        rustix::fs::mkdirat(&self.fd, name, Mode::from_raw_mode(0o777))?;
        if durable { self.sync() } else { Ok(()) }
    }

    /// Gives what is called `name` here the name `to` in another folder, or in this one. A link is moved
    /// itself. Nothing is ever replaced.
    ///
    /// # Errors
    /// `EEXIST` where the name is taken, `ENOENT`, `EXDEV` for another file system; renameat2(2).
    pub fn rename(&self, name: &[u8], folder: &Folder, to: &str) -> io::Result<()> {
        match rename_new(&self.fd, name, &folder.fd, to) {
            // A folder, on a file system that has no such rename: onto a folder with something in it, or onto
            // a file, it fails as well.
            Err(Errno::PERM | Errno::ISDIR) if folder.look(to)?.is_none() => {
                Ok(rustix::fs::renameat(&self.fd, name, &folder.fd, to)?)
            }
            done => Ok(done?),
        }
    }

    /// Bytes that an ordinary user may still write to the file system (statvfs(2)).
    ///
    /// # Errors
    /// fstatvfs(2).
    pub fn room(&self) -> io::Result<u64> {
        let known = rustix::fs::fstatvfs(&self.fd)?;
        Ok(known.f_bavail.saturating_mul(known.f_frsize))
    }

    /// What has the name `name` in this folder, a link itself and not what it leads to.
    ///
    /// # Errors
    /// fstatat(2) else than `ENOENT`.
    pub fn look(&self, name: impl rustix::path::Arg) -> io::Result<Option<Stat>> {
        match rustix::fs::statat(&self.fd, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some(stat)),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Makes names that were given in this folder outlive a power cut (fsync(2)).
    ///
    /// # Errors
    /// fsync(2).
    pub fn sync(&self) -> io::Result<()> {
        Ok(rustix::fs::fsync(&self.fd)?)
    }
}

impl AsFd for Folder {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// Folders that were made on the way to a file, outermost first.
#[derive(Debug, Default)]
pub struct Made {
    folders: Vec<(OwnedFd, String)>,
}

impl Made {
    /// Removes those that are empty again, for `error` came between.
    pub fn take_back<E>(self, error: E) -> E {
        for (folder, name) in self.folders.iter().rev() {
            // One that somebody uses by now stays.
            let _ = rustix::fs::unlinkat(folder, name.as_str(), AtFlags::REMOVEDIR);
        }
        error
    }
}

/// Opens what is reached from `at` without leaving it and without following a link.
pub(crate) fn below(
    at: impl AsFd,
    name: impl rustix::path::Arg,
    how: OFlags,
) -> Result<OwnedFd, Errno> {
    open_by(at, name, how, BELOW)
}

/// As [`below`], with `EXDEV` where another file system is mounted on it.
fn here(at: impl AsFd, name: impl rustix::path::Arg, how: OFlags) -> Result<OwnedFd, Errno> {
    open_by(at, name, how, BELOW | ResolveFlags::NO_XDEV)
}

fn open_by(
    at: impl AsFd,
    name: impl rustix::path::Arg,
    how: OFlags,
    resolve: ResolveFlags,
) -> Result<OwnedFd, Errno> {
    let name = name.into_c_str()?;
    loop {
        match rustix::fs::openat2(&at, &*name, how, Mode::empty(), resolve) {
            // A rename somewhere in the tree came between (openat2(2)).
            Err(Errno::AGAIN | Errno::INTR) => {}
            opened => return opened,
        }
    }
}

/// Whoever holds a part's lock writes it.
fn lock(fd: impl AsFd) -> Result<(), Errno> {
    rustix::fs::flock(fd, FlockOperation::NonBlockingLockExclusive)
}

/// Why what is there under a part's name is not ours to go on with, nor to write to: somebody else may
/// have put it there, a link to lead our bytes elsewhere or a beginning of his own. `None`: it is ours.
pub(crate) fn not_ours(stat: &Stat) -> Option<&'static str> {
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Some("it is no regular file");
    }
    // A second name of the part would be a file that changes when it must not.
    if stat.st_nlink > 1 {
        return Some("it has another name (a hard link), whose file would change with it");
    }
    let we = rustix::process::geteuid().as_raw();
    (stat.st_uid != we).then_some("it belongs to another user")
}

/// What becomes of a name that is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// The file that has it stays, and the commit is refused.
    Refuse,
    /// It is replaced in one step: at any moment the name has the old file or the new one.
    Replace,
}

/// Why a part did not become a file. The part is still there.
#[derive(Debug)]
pub enum CommitError {
    /// The name is taken, and was not to be replaced; or a folder has it, which nothing replaces.
    Taken,
    /// The disk or the kernel said so.
    Io(io::Error),
}

impl From<Errno> for CommitError {
    fn from(error: Errno) -> CommitError {
        match error {
            Errno::EXIST | Errno::ISDIR => CommitError::Taken,
            error => CommitError::Io(error.into()),
        }
    }
}

/// What a file is to be besides its bytes.
#[derive(Debug, Clone, Copy, Default)]
pub struct Finish {
    /// The permissions, of which only 0777 count, less the umask where they are not given.
    pub mode: Option<u32>,
    /// Whose it is to be, user and group, as far as this process may say so.
    pub owner: Option<(u32, u32)>,
    /// When it was last changed.
    pub mtime: Option<SystemTime>,
    /// Whether its bytes and its name outlive a power cut when the commit returns.
    pub durable: bool,
}

/// A file that is coming. It is removed when it is dropped, unless it was committed or kept.
pub struct Part {
    folder: OwnedFd,
    fd: OwnedFd,
    /// None: it has no name yet (O_TMPFILE), so a killed process leaves nothing.
    name: Option<String>,
    keep: bool,
}

impl fmt::Debug for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Part").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Part {
    /// A part that has no name until it is committed. Where the file system has none such, one with
    /// the name that `id` gives, which is new.
    ///
    /// # Errors
    /// open(2).
    pub fn unnamed(folder: &Folder, id: u64) -> io::Result<Part> {
        let how = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
        // Nobody else can open it before it has a name, so it has its permissions from the start: the kernel
        // knows the umask, and the rules of the folder (acl(5)).
        match rustix::fs::openat(&folder.fd, ".", how, Mode::from_raw_mode(0o666)) {
            Ok(fd) => {
                // It is ours alone until it has a name; then no sweep may take it.
                lock(&fd)?;
                Ok(Part { folder: folder.fd.try_clone()?, fd, name: None, keep: false })
            }
            Err(Errno::OPNOTSUPP | Errno::ISDIR | Errno::INVAL) => {
                Part::named(folder, format!("{OURS}{id:016x}{NEW}"), true, false)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// The part of the name that `id` gives: a new one, or with `new` false the one that is there. It
    /// is locked, so two never write one part; and it stays when it is dropped, for who takes it up
    /// again.
    ///
    /// # Errors
    /// `EEXIST` or `ENOENT` where it is there or is not (or not ours), `EWOULDBLOCK` where another writes it, open(2).
    pub fn open(folder: &Folder, id: u64, new: bool) -> io::Result<Part> {
        Part::named(folder, Part::name_of(id), new, true)
    }

    fn named(folder: &Folder, name: String, new: bool, keep: bool) -> io::Result<Part> {
        let how = OFlags::RDWR | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let fd = match new {
            true => {
                let how = how | OFlags::CREATE | OFlags::EXCL;
                rustix::fs::openat(&folder.fd, name.as_str(), how, Mode::from_raw_mode(0o600))?
            }
            false => below(&folder.fd, &name, how)?,
        };
        Part::locked(folder, fd, name, (new, keep))
    }

    /// The part that is open as `fd`, if it still is the one of this name once it is locked.
    fn locked(
        folder: &Folder,
        fd: OwnedFd,
        name: String,
        (new, keep): (bool, bool),
    ) -> io::Result<Part> {
        lock(&fd)?;
        let stat = rustix::fs::fstat(&fd)?;
        // Another one may have committed it between our open and our lock: then it is a file, with another name,
        // and never to be written again.
        let named = folder.look(name.as_str())?;
        let is_it = |named: Stat| (named.st_dev, named.st_ino) == (stat.st_dev, stat.st_ino);
        // What we made is ours, whatever owner the file system gives it (NFS, with root squashed).
        if !named.is_some_and(is_it) || stat.st_nlink != 1 || !new && not_ours(&stat).is_some() {
            return Err(Errno::NOENT.into());
        }
        Ok(Part { folder: folder.fd.try_clone()?, fd, name: Some(name), keep })
    }

    /// What a part with this number is called.
    pub fn name_of(id: u64) -> String {
        format!("{OURS}{id:016x}{PART}")
    }

    /// Bytes that are there: of a part that was written from its start on, those that arrived.
    ///
    /// # Errors
    /// fstat(2).
    pub fn written(&self) -> io::Result<u64> {
        let stat = rustix::fs::fstat(&self.fd)?;
        Ok(u64::try_from(stat.st_size).unwrap_or(0))
    }

    /// Takes the room for a file of `size` bytes, so that a full disk is known now. The part's length
    /// stays. A file system that cannot do that is no error: then a write will tell.
    ///
    /// # Errors
    /// `ENOSPC`, `EDQUOT`, `EFBIG`: fallocate(2).
    pub fn reserve(&self, size: u64) -> io::Result<()> {
        if size == 0 {
            return Ok(());
        }
        loop {
            match rustix::fs::fallocate(&self.fd, FallocateFlags::KEEP_SIZE, 0, size) {
                Err(Errno::INTR) => {}
                Err(Errno::OPNOTSUPP | Errno::NOSYS) => return Ok(()),
                done => return Ok(done?),
            }
        }
    }

    /// Writes all of `bytes` from byte `at` on.
    ///
    /// # Errors
    /// pwrite(2): some of them may be written then.
    pub fn write_at(&self, mut bytes: &[u8], mut at: u64) -> io::Result<()> {
        while !bytes.is_empty() {
            match rustix::io::pwrite(&self.fd, bytes, at) {
                Err(Errno::INTR) => {}
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(n) => {
                    bytes = &bytes[n..];
                    at += n as u64;
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Cuts it to `len` bytes, or makes it so long.
    ///
    /// # Errors
    /// ftruncate(2).
    pub fn set_len(&self, len: u64) -> io::Result<()> {
        Ok(rustix::fs::ftruncate(&self.fd, len)?)
    }

    /// Whether the part is there when this is dropped uncommitted. Of a part without a name nothing
    /// can be.
    pub fn keep(&mut self, keep: bool) {
        self.keep = keep;
    }

    /// Makes its bytes outlive a power cut (fsync(2)): what a durable commit begins with, so that it has
    /// less to do then.
    ///
    /// # Errors
    /// fsync(2).
    pub fn sync(&self) -> io::Result<()> {
        Ok(rustix::fs::fsync(&self.fd)?)
    }

    /// Gives it its name in the folder. From this call on, and not before, the name has all of it.
    /// With [`Finish::durable`] that holds across a power cut once it returned.
    ///
    /// # Errors
    /// [`CommitError`]; the part is dropped with it, or kept as it was before.
    pub fn commit(mut self, name: &str, taken: Taken, finish: Finish) -> Result<(), CommitError> {
        let folder = Folder { fd: self.folder.try_clone().map_err(CommitError::Io)? };
        self.commit_to(&folder, name, taken, finish)
    }

    /// As [`commit`](Self::commit), to another folder of the same file system, or to this one. Where it fails
    /// it can be tried again; where it does not, this is the file, and nothing else is to be done with it.
    ///
    /// # Errors
    /// [`CommitError`], `EXDEV` among them.
    pub fn commit_to(
        &mut self,
        folder: &Folder,
        name: &str,
        taken: Taken,
        finish: Finish,
    ) -> Result<(), CommitError> {
        if let Some((user, group)) = finish.owner {
            let (user, group) = (Uid::from_raw(user), Gid::from_raw(group));
            // An ordinary user may give a file to another group of its own, and to no other user (chown(2)).
            if rustix::fs::fchown(&self.fd, Some(user), Some(group)).is_err() {
                let _ = rustix::fs::fchown(&self.fd, None, Some(group));
            }
        }
        match (finish.mode, &self.name) {
            (Some(mode), _) => rustix::fs::fchmod(&self.fd, Mode::from_raw_mode(mode & 0o777))?,
            (None, Some(_)) => {
                rustix::fs::fchmod(&self.fd, Mode::from_raw_mode(0o666 & !umask()))?;
            }
            (None, None) => {}
        }
        if let Some(mtime) = finish.mtime {
            let time = timespec(mtime);
            let times = Timestamps { last_access: time, last_modification: time };
            rustix::fs::futimens(&self.fd, &times)?;
        }
        if finish.durable {
            // Once it failed, the pages may count as written: a second try would tell nothing.
            rustix::fs::fsync(&self.fd)?;
        }
        match (&self.name, taken) {
            (Some(part), Taken::Refuse) => rename_new(&self.folder, part, &folder.fd, name)?,
            (Some(part), Taken::Replace) => {
                rustix::fs::renameat(&self.folder, part, &folder.fd, name)?;
            }
            (None, Taken::Refuse) => self.link(&folder.fd, name)?,
            (None, Taken::Replace) => self.replace(&folder.fd, name)?,
        }
        self.name = None;
        if finish.durable {
            rustix::fs::fsync(&folder.fd)?;
        }
        Ok(())
    }

    /// The first name of a part that had none (open(2), O_TMPFILE).
    fn link(&self, folder: &OwnedFd, name: &str) -> Result<(), Errno> {
        use std::os::fd::AsRawFd as _;
        let own =
            CString::new(format!("/proc/self/fd/{}", self.fd.as_raw_fd())).unwrap_or_default();
        let cwd = rustix::fs::CWD;
        rustix::fs::linkat(cwd, &own, folder, name, AtFlags::SYMLINK_FOLLOW)
    }

    /// linkat(2) replaces nothing: so first a name of its own, then a rename.
    fn replace(&self, folder: &OwnedFd, name: &str) -> Result<(), Errno> {
        match self.link(folder, name) {
            Err(Errno::EXIST) => {}
            done => return done,
        }
        let stat = rustix::fs::fstat(&self.fd)?;
        let between = format!("{OURS}{:016x}{NEW}", stat.st_ino);
        match self.link(folder, &between) {
            // One that was killed between these two calls left it.
            Err(Errno::EXIST) => {
                rustix::fs::unlinkat(folder, between.as_str(), AtFlags::empty())?;
                self.link(folder, &between)?;
            }
            done => done?,
        }
        let renamed = rustix::fs::renameat(folder, between.as_str(), folder, name);
        if renamed.is_err() {
            let _ = rustix::fs::unlinkat(folder, between.as_str(), AtFlags::empty());
        }
        renamed
    }
}

/// A rename that replaces nothing.
fn rename_new(
    folder: &OwnedFd,
    from: impl rustix::path::Arg,
    to_folder: &OwnedFd,
    to: &str,
) -> Result<(), Errno> {
    let from = from.into_c_str()?;
    let flags = RenameFlags::NOREPLACE;
    match rustix::fs::renameat_with(folder, &*from, to_folder, to, flags) {
        // A file system that has no such rename: a second name fails where there is one, too.
        Err(Errno::INVAL | Errno::NOSYS) => {
            rustix::fs::linkat(folder, &*from, to_folder, to, AtFlags::empty())?;
            rustix::fs::unlinkat(folder, &*from, AtFlags::empty())
        }
        done => done,
    }
}

impl AsFd for Part {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        if let (Some(name), false) = (&self.name, self.keep) {
            // It is locked, and so ours still.
            let _ = rustix::fs::unlinkat(&self.folder, name.as_str(), AtFlags::empty());
        }
    }
}

/// The bits that new files do not get. It is asked without being set, which another thread would see:
/// proc_pid_status(5).
fn umask() -> u32 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mut lines = status.lines();
    let told = lines.find_map(|line| line.strip_prefix("Umask:")).map(str::trim);
    // Without /proc the careful half of what is usual.
    told.and_then(|octal| u32::from_str_radix(octal, 8).ok()).unwrap_or(0o077)
}

fn timespec(time: SystemTime) -> Timespec {
    let since = time.duration_since(SystemTime::UNIX_EPOCH);
    let (seconds, nanos) = match since {
        Ok(after) => (i64::try_from(after.as_secs()).unwrap_or(i64::MAX), after.subsec_nanos()),
        Err(before) => (-i64::try_from(before.duration().as_secs()).unwrap_or(i64::MAX), 0),
    };
    Timespec { tv_sec: seconds, tv_nsec: i64::from(nanos) as _ }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_that_was_committed_between_the_open_and_the_lock_of_another_is_not_written_again() {
        let at = std::env::temp_dir().join(format!("framecat-disk-{}", std::process::id()));
        std::fs::create_dir_all(&at).unwrap();
        let folder = Folder::open(&at).unwrap();
        for replaced in [false, true] {
            let first = Part::open(&folder, 1, true).unwrap();
            first.write_at(b"whole", 0).unwrap();
            let name = Part::name_of(1);
            let how = OFlags::RDWR | OFlags::CLOEXEC;
            let second = below(&folder.fd, &name, how).unwrap();
            first.commit("file", Taken::Replace, Finish::default()).unwrap();
            // Nothing has the name any more, or another part has.
            if replaced {
                drop(Part::open(&folder, 1, true).unwrap());
            }
            let taken_up = Part::locked(&folder, second, name, (false, true));
            assert_eq!(taken_up.unwrap_err().kind(), io::ErrorKind::NotFound, "{replaced}");
            assert_eq!(std::fs::read(at.join("file")).unwrap(), b"whole");
        }
        std::fs::remove_dir_all(at).unwrap();
    }
}
