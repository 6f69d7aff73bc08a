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

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::sync::Arc;

mod journal;
mod part;
mod remove;

pub use journal::Journal;
pub(crate) use part::umask;
pub use part::{CommitError, Finish, Part, Taken};
pub use remove::Gone;

use framecat_proto::path::SafePath;
use rustix::fs::{
    AtFlags, FileType, FlockOperation, Mode, OFlags, RenameFlags, ResolveFlags, Stat,
};
use rustix::io::Errno;

/// No link is followed, and nothing above the folder is reached.
const BELOW: ResolveFlags =
    ResolveFlags::BENEATH.union(ResolveFlags::NO_SYMLINKS).union(ResolveFlags::NO_MAGICLINKS);

/// How a folder is opened in order to reach what is in it.
const AS_FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

/// What tells which pieces of a part are there ends so.
const JOURNAL: &str = ".journal";
/// Parts end so.
const PART: &str = ".part";
/// What is on its way from one system call to the next ends so.
const NEW: &str = ".new";
/// What is being removed ends so.
const GONE: &str = ".gone";

/// A folder below which files are made. Whoever may write elsewhere holds no more than its descriptor. Clones share that.
#[derive(Debug, Clone)]
pub struct Folder {
    fd: Arc<OwnedFd>,
}

impl Folder {
    /// Opens it. Here links are followed: the path is the user's own.
    ///
    /// # Errors
    /// open(2): not there, not a folder, not allowed.
    pub fn open(path: &Path) -> io::Result<Folder> {
        Ok(Folder::of(rustix::fs::open(path, AS_FOLDER, Mode::empty())?))
    }

    /// A folder that is open already.
    pub fn of(fd: OwnedFd) -> Folder {
        Folder { fd: Arc::new(fd) }
    }

    /// The folder of this name in this one. No link is followed.
    ///
    /// # Errors
    /// `ENOENT`, `ENOTDIR` where a file has the name, `ELOOP` where a symbolic link has; openat2(2).
    pub fn inner(&self, name: &str) -> io::Result<Folder> {
        Ok(Folder::of(below(self, name, AS_FOLDER)?))
    }

    /// The file of this name in this folder, to be read: a regular file, and nothing that a link leads to.
    ///
    /// # Errors
    /// `ENOENT`, also where something else has the name; openat2(2).
    pub fn read(&self, name: &str) -> io::Result<OwnedFd> {
        let fd = below(self, name, OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC)?;
        let kind = FileType::from_raw_mode(rustix::fs::fstat(&fd)?.st_mode);
        if kind == FileType::RegularFile { Ok(fd) } else { Err(Errno::NOENT.into()) }
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
                    folder = folder.inner(name)?;
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
        let mut folder = self.clone();
        for (nth, name) in folders.iter().enumerate() {
            folder = match below(&folder, name, AS_FOLDER) {
                Err(Errno::NOENT) => return Ok((folder, folders.len() - nth)),
                opened => Folder::of(opened?),
            };
        }
        Ok((folder, 0))
    }

    /// The folder that `path`'s last component lies in; those that are missing are made as by
    /// [`parent_of`](Self::parent_of), and can be taken back. With `durable` they outlive a power cut.
    ///
    /// # Errors
    /// As [`parent_of`](Self::parent_of); what was made is taken back then.
    pub fn make_parent_of(&self, path: &SafePath, durable: bool) -> io::Result<(Folder, Made)> {
        let mut folder = self.clone();
        let mut made = Made::default();
        for name in path.folders() {
            let inner = match below(&folder.fd, name, AS_FOLDER) {
                Err(Errno::NOENT) => {
                    let new = folder.make(name, durable);
                    match new {
                        Ok(()) => made.folders.push((folder.clone(), name.clone())),
                        // Somebody else made it in between.
                        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                        Err(error) => return Err(made.take_back(error)),
                    }
                    below(&folder.fd, name, AS_FOLDER)
                }
                opened => opened,
            };
            match inner {
                Ok(fd) => folder = Folder::of(fd),
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
        match path {
            b"" => Ok(self.clone()),
            path => Ok(Folder::of(below(self, path, AS_FOLDER)?)),
        }
    }

    /// Makes a folder (mode 0777 less the umask); with `durable` it outlives a power cut.
    ///
    /// # Errors
    /// `EEXIST`; mkdirat(2), fsync(2).
    pub fn make(&self, name: &str, durable: bool) -> io::Result<()> {
        rustix::fs::mkdirat(&self.fd, name, Mode::from_raw_mode(0o777))?;
        if durable { self.sync() } else { Ok(()) }
    }

    /// Makes a folder with this mode, less the umask.
    ///
    /// # Errors
    /// `EEXIST`; mkdirat(2).
    pub fn make_as(&self, name: &str, mode: u32) -> io::Result<()> {
        Ok(rustix::fs::mkdirat(self, name, Mode::from_raw_mode(mode & 0o777))?)
    }

    /// Makes a symbolic link. Nobody has looked where it leads.
    ///
    /// # Errors
    /// `EEXIST`; symlinkat(2).
    pub fn make_link(&self, name: &str, target: &[u8]) -> io::Result<()> {
        Ok(rustix::fs::symlinkat(target, self, name)?)
    }

    /// Whether `path`, followed through whatever links there are, leads to something below this folder, or to
    /// nothing (openat2(2), `RESOLVE_BENEATH`).
    ///
    /// # Errors
    /// openat2(2), but for what says that it leads out.
    pub fn keeps_inside(&self, path: &SafePath) -> io::Result<bool> {
        let resolve = ResolveFlags::BENEATH.union(ResolveFlags::NO_MAGICLINKS);
        let how = OFlags::PATH.union(OFlags::CLOEXEC);
        match open_by(self, path.to_string(), how, resolve) {
            Ok(_) | Err(Errno::NOENT | Errno::ACCESS | Errno::NOTDIR) => Ok(true),
            Err(Errno::XDEV | Errno::LOOP) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Where the symbolic link of this name leads.
    ///
    /// # Errors
    /// readlinkat(2).
    pub fn link_target(&self, name: &str) -> io::Result<Vec<u8>> {
        Ok(rustix::fs::readlinkat(self, name, Vec::new())?.into_bytes())
    }

    /// Makes all that was written to the file system of this folder outlive a power cut (syncfs(2)).
    ///
    /// # Errors
    /// syncfs(2).
    pub fn sync_all(&self) -> io::Result<()> {
        Ok(rustix::fs::syncfs(self)?)
    }

    /// The number of the file system that it is on.
    ///
    /// # Errors
    /// fstat(2).
    pub fn device(&self) -> io::Result<u64> {
        Ok(rustix::fs::fstat(self)?.st_dev)
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

    /// Whether names that differ by capital letters only are one name here, as far as the file system says so without being tried.
    pub fn folds(&self) -> bool {
        let kind = rustix::fs::fstatfs(self).map_or(0, |told| told.f_type);
        // A file system that knows no such flags says so by an error.
        let flags = rustix::fs::ioctl_getflags(self).map_or(0, |flags| flags.bits());
        folds(kind as u32, flags)
    }

    /// Whether what is written here lies in memory (tmpfs).
    pub fn is_in_memory(&self) -> bool {
        rustix::fs::fstatfs(self).is_ok_and(|told| told.f_type as u32 == 0x0102_1994)
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

    /// Removes what is called `name` and is no folder; a link itself.
    ///
    /// # Errors
    /// `ENOENT`; unlinkat(2).
    pub fn remove(&self, name: &str) -> io::Result<()> {
        Ok(rustix::fs::unlinkat(self, name, AtFlags::empty())?)
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

/// Of a file system of this type (statfs(2)), and of a folder with these flags (ioctl_iflags(2)).
fn folds(kind: u32, flags: u32) -> bool {
    /// ext4 and f2fs with `chattr +F`: FS_CASEFOLD_FL of linux/fs.h.
    const CASEFOLD: u32 = 0x4000_0000;
    let always = [
        0x4d44,      // msdos, vfat
        0x2011_bab0, // exfat
        0x5346_544e, // ntfs
        0x7366_746e, // ntfs3
        0x482b,      // hfsplus
        0x517b,      // smb
        0xfe53_4d42, // smb2
        0xff53_4d42, // cifs
    ];
    always.contains(&kind) || flags & CASEFOLD != 0
}

/// Folders that were made on the way to a file, outermost first.
#[derive(Debug, Default)]
pub struct Made {
    folders: Vec<(Folder, String)>,
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

/// Opens what a path leads to where no link is on the way.
pub(crate) fn straight(path: &Path, how: OFlags) -> Result<OwnedFd, Errno> {
    let links = ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    open_by(rustix::fs::CWD, path, how, links)
}

/// As [`below`], with `EXDEV` where another file system is mounted on it.
fn here(at: impl AsFd, name: impl rustix::path::Arg, how: OFlags) -> Result<OwnedFd, Errno> {
    open_by(at, name, how, BELOW | ResolveFlags::NO_XDEV)
}

fn write_all_at(fd: &OwnedFd, mut bytes: &[u8], mut at: u64) -> io::Result<()> {
    while !bytes.is_empty() {
        match rustix::io::pwrite(fd, bytes, at) {
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

/// A rename that replaces nothing.
fn rename_new(
    folder: impl AsFd,
    from: impl rustix::path::Arg,
    to_folder: impl AsFd,
    to: &str,
) -> Result<(), Errno> {
    let from = from.into_c_str()?;
    let flags = RenameFlags::NOREPLACE;
    match rustix::fs::renameat_with(&folder, &*from, &to_folder, to, flags) {
        // A file system that has no such rename: a second name fails where there is one, too.
        Err(Errno::INVAL | Errno::NOSYS) => {
            rustix::fs::linkat(&folder, &*from, &to_folder, to, AtFlags::empty())?;
            rustix::fs::unlinkat(&folder, &*from, AtFlags::empty())
        }
        done => done,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_systems_that_fold_names_are_known_by_their_type_or_their_folder() {
        assert!(folds(0x4d44, 0) && folds(0xff53_4d42, 0) && folds(0xef53, 0x4000_0000));
        // ext4, tmpfs, xfs, btrfs, overlayfs.
        for kind in [0xef53, 0x0102_1994, 0x5846_5342, 0x9123_683e, 0x794c_7630] {
            assert!(!folds(kind, 0x0008_0000));
        }
        let here = Folder::open(Path::new("/proc/self/fdinfo")).unwrap();
        assert!(!here.folds());
    }
}
