//! A file that is coming, and the one call that gives it its name.

use std::ffi::CString;
use std::fmt;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::time::SystemTime;

use framecat_proto::path::OURS;
use rustix::fs::{AtFlags, FallocateFlags, Gid, Mode, OFlags, Stat, Timespec, Timestamps, Uid};
use rustix::io::Errno;

use super::{Folder, NEW, PART, below, lock, not_ours, rename_new, write_all_at};

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
    folder: Folder,
    fd: OwnedFd,
    /// None: it has no name yet (O_TMPFILE), so a killed process leaves nothing.
    name: Option<String>,
    keep: bool,
    /// It is the file, and has its name.
    done: AtomicBool,
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
        Part::unnamed_with(folder, id, 0o666)
    }

    /// As [`unnamed`](Self::unnamed), with these permissions (less the umask) where it has no name; else they are given by
    /// [`seal`](Self::seal).
    ///
    /// # Errors
    /// open(2).
    pub fn unnamed_with(folder: &Folder, id: u64, mode: u32) -> io::Result<Part> {
        let how = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
        // Nobody else can open it before it has a name, so it has its permissions from the start: the kernel
        // knows the umask, and the rules of the folder (acl(5)).
        match rustix::fs::openat(folder, ".", how, Mode::from_raw_mode(mode & 0o777)) {
            Ok(fd) => Ok(Part {
                folder: folder.clone(),
                fd,
                name: None,
                keep: false,
                done: AtomicBool::new(false),
            }),
            Err(Errno::OPNOTSUPP | Errno::ISDIR | Errno::INVAL) => {
                Part::named(folder, format!("{OURS}{id:016x}{NEW}"), true, false)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Whether it has no name, so that who is killed leaves nothing, and its permissions are those it was made with.
    pub fn is_unnamed(&self) -> bool {
        self.name.is_none()
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
                rustix::fs::openat(folder, name.as_str(), how, Mode::from_raw_mode(0o600))?
            }
            false => below(folder, &name, how)?,
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
        Ok(Part {
            folder: folder.clone(),
            fd,
            name: Some(name),
            keep,
            done: AtomicBool::new(false),
        })
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
    pub fn write_at(&self, bytes: &[u8], at: u64) -> io::Result<()> {
        write_all_at(&self.fd, bytes, at)
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
    pub fn commit(self, name: &str, taken: Taken, finish: Finish) -> Result<(), CommitError> {
        let folder = self.folder.clone();
        self.commit_to(&folder, name, taken, finish)
    }

    /// As [`commit`](Self::commit), to another folder of the same file system, or to this one. Where it fails
    /// it can be tried again; where it does not, this is the file, and nothing else is to be done with it.
    ///
    /// # Errors
    /// [`CommitError`], `EXDEV` among them.
    pub fn commit_to(
        &self,
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
        self.give_name(folder, name, taken)?;
        if finish.durable {
            folder.sync().map_err(CommitError::Io)?;
        }
        Ok(())
    }

    /// Makes it what it will be, all but its name: gives it its permissions, just these, and says when it was last changed, in nanoseconds
    /// since 1970. Where the file system has no such thing, or this one may not say it, that is no error.
    ///
    /// # Errors
    /// fchmod(2), futimens(2).
    pub fn seal(&self, mode: Option<u32>, mtime: i64) -> io::Result<()> {
        let or_not = |done: io::Result<()>| match done {
            Err(error) if has_none(&error) => Ok(()),
            done => done,
        };
        if let Some(mode) = mode {
            or_not(self.permit(mode))?;
        }
        const SECOND: i64 = 1_000_000_000;
        let time =
            Timespec { tv_sec: mtime.div_euclid(SECOND), tv_nsec: mtime.rem_euclid(SECOND) as _ };
        let times = Timestamps { last_access: time, last_modification: time };
        or_not(rustix::fs::futimens(&self.fd, &times).map_err(Into::into))
    }

    /// Gives it these permissions, of which 0777 count.
    ///
    /// # Errors
    /// fchmod(2).
    pub fn permit(&self, mode: u32) -> io::Result<()> {
        Ok(rustix::fs::fchmod(&self.fd, Mode::from_raw_mode(mode & 0o777))?)
    }

    /// Gives it its name and nothing else, as [`commit_to`](Self::commit_to) does at its end.
    ///
    /// # Errors
    /// [`CommitError`], `EXDEV` among them.
    pub fn give_name(&self, folder: &Folder, name: &str, taken: Taken) -> Result<(), CommitError> {
        match (&self.name, taken) {
            (Some(part), Taken::Refuse) => rename_new(&self.folder, part.as_str(), folder, name)?,
            (Some(part), Taken::Replace) => {
                rustix::fs::renameat(&self.folder, part.as_str(), folder, name)?;
            }
            (None, Taken::Refuse) => self.link(folder, name)?,
            (None, Taken::Replace) => self.replace(folder, name)?,
        }
        self.done.store(true, Relaxed);
        Ok(())
    }

    /// The folder that it lies in.
    pub fn folder(&self) -> &Folder {
        &self.folder
    }

    /// Reads from byte `at` on, until `bytes` is full or the part ends; how much that was.
    ///
    /// # Errors
    /// pread(2).
    pub fn read_at(&self, bytes: &mut [u8], at: u64) -> io::Result<usize> {
        let mut read = 0;
        while read < bytes.len() {
            match rustix::io::pread(&self.fd, &mut bytes[read..], at + read as u64) {
                Err(Errno::INTR) => {}
                Ok(0) => break,
                Ok(n) => read += n,
                Err(error) => return Err(error.into()),
            }
        }
        Ok(read)
    }

    /// What is known of it.
    ///
    /// # Errors
    /// fstat(2).
    pub fn stat(&self) -> io::Result<Stat> {
        Ok(rustix::fs::fstat(&self.fd)?)
    }

    /// Whether what has its name still is this file, or it needs none.
    ///
    /// # Errors
    /// fstat(2), fstatat(2).
    pub fn is_there(&self) -> io::Result<bool> {
        let Some(name) = &self.name else { return Ok(true) };
        let (stat, named) = (self.stat()?, self.folder.look(name.as_str())?);
        Ok(named.is_some_and(|it| (it.st_dev, it.st_ino) == (stat.st_dev, stat.st_ino)))
    }

    /// Bytes of the disk that it has taken already.
    ///
    /// # Errors
    /// fstat(2).
    pub fn taken(&self) -> io::Result<u64> {
        let stat = self.stat()?;
        // st_blocks counts 512 bytes, whatever the file system does (stat(2)).
        Ok(u64::try_from(stat.st_blocks).unwrap_or(0).saturating_mul(512))
    }

    /// Makes its bytes outlive a power cut, and of what is known of it as much as that takes (fdatasync(2)).
    ///
    /// # Errors
    /// fdatasync(2).
    pub fn sync_data(&self) -> io::Result<()> {
        Ok(rustix::fs::fdatasync(&self.fd)?)
    }

    /// The first name of a part that had none (open(2), O_TMPFILE).
    fn link(&self, folder: &Folder, name: &str) -> Result<(), Errno> {
        use std::os::fd::AsRawFd as _;
        // Since Linux 6.10 whoever opened a file may link it by its descriptor, before only who may all (linkat(2)).
        static BY_PROC: AtomicBool = AtomicBool::new(false);
        if !BY_PROC.load(Relaxed) {
            match rustix::fs::linkat(&self.fd, c"", folder, name, AtFlags::EMPTY_PATH) {
                Err(Errno::NOENT | Errno::PERM | Errno::INVAL) => {}
                done => return done,
            }
        }
        let own =
            CString::new(format!("/proc/self/fd/{}", self.fd.as_raw_fd())).unwrap_or_default();
        let cwd = rustix::fs::CWD;
        let linked = rustix::fs::linkat(cwd, &own, folder, name, AtFlags::SYMLINK_FOLLOW);
        // That way is the one that works here.
        if linked.is_ok() {
            BY_PROC.store(true, Relaxed);
        }
        linked
    }

    /// linkat(2) replaces nothing: so first a name of its own, then a rename.
    fn replace(&self, folder: &Folder, name: &str) -> Result<(), Errno> {
        match self.link(folder, name) {
            Err(Errno::EXIST) => {}
            done => return done,
        }
        // No sweep may take what is on its way.
        lock(&self.fd)?;
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

impl AsFd for Part {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        if let (Some(name), false) = (&self.name, self.keep || self.done.load(Relaxed)) {
            // It is locked, and so ours still.
            let _ = rustix::fs::unlinkat(&self.folder, name.as_str(), AtFlags::empty());
        }
    }
}

/// Whether a file system says that it has no permissions or times of its own, or lets only others set them: FUSE,
/// shares of other systems.
fn has_none(error: &io::Error) -> bool {
    let errno = Errno::from_io_error(error);
    matches!(errno, Some(Errno::PERM | Errno::OPNOTSUPP | Errno::NOSYS))
}

/// The bits that new files do not get. It is asked without being set, which another thread would see:
/// proc_pid_status(5).
pub(crate) fn umask() -> u32 {
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
            let second = below(&folder, &name, how).unwrap();
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
