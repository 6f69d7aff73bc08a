//! What is removed: a folder with all that is in it, and what killed processes left.

use std::ffi::CStr;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, SystemTime};

use framecat_proto::limits::{EMPTY_PARTS_KEPT, PARTS_KEPT, PATH_DEPTH};
use framecat_proto::path::OURS;
use rustix::fs::{AtFlags, Dir, FileType, OFlags, Stat};
use rustix::io::Errno;

use super::{AS_FOLDER, Folder, GONE, JOURNAL, NEW, PART, below, here, lock, rename_new};

impl Folder {
    /// Takes away what is called `name`: a link itself, and a folder with all that is in it. A folder gets a name
    /// of our own, made of `id`, which is new: so it is gone at once and whole. What is in it remains to be
    /// removed, which takes longer: [`Gone::remove`].
    ///
    /// # Errors
    /// `ENOENT`; unlinkat(2), renameat2(2). It is still there then.
    pub fn take_away(&self, name: &[u8], id: u64) -> io::Result<Option<Gone>> {
        match rustix::fs::unlinkat(&self.fd, name, AtFlags::empty()) {
            // POSIX has EPERM for a folder, and Linux EISDIR.
            Err(Errno::ISDIR | Errno::PERM) if self.is_folder(name)? => {}
            done => return Ok(done.map(|()| None)?),
        }
        // What is mounted in it is not ours to hide, and what lies beside that is not to be emptied either.
        if holds_mount(&below(self, name, AS_FOLDER)?) {
            return Err(Errno::BUSY.into());
        }
        let gone = format!("{OURS}{id:016x}{GONE}");
        self.rename(name, self, &gone)?;
        Ok(Some(Gone { folder: self.clone(), name: gone }))
    }

    fn is_folder(&self, name: &[u8]) -> io::Result<bool> {
        let stat = self.look(name)?;
        Ok(stat.is_some_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::Directory))
    }

    /// Removes a folder and all in it, two folders open at a time however deep it is: what is a folder in a
    /// folder of it is moved up first. No link is followed, and no other file system is entered.
    fn empty(&self, gone: &str) -> Result<(), Errno> {
        let top = here(&self.fd, gone, AS_FOLDER)?;
        let mut moved = 0;
        loop {
            let mut failed = None;
            let mut removed = false;
            each(&top, |name, told| {
                let done = match rustix::fs::unlinkat(&top, name, AtFlags::empty()) {
                    Err(Errno::ISDIR | Errno::PERM) if told != FileType::RegularFile => {
                        raise(&top, name, &mut moved)
                    }
                    done => done,
                };
                match done {
                    Ok(()) => removed = true,
                    Err(Errno::NOENT) => {}
                    Err(error) => failed = Some(error),
                }
            })?;
            match failed {
                // What was moved up in this turn is removed in the next one.
                _ if removed => {}
                Some(error) => return Err(error),
                None => return rustix::fs::unlinkat(&self.fd, gone, AtFlags::REMOVEDIR),
            }
        }
    }

    /// Removes what nobody comes back for, by the clock `now`, and returns the names: parts that nobody writes and
    /// that have not been touched for [`PARTS_KEPT`] (for [`EMPTY_PARTS_KEPT`] if nothing is in them), nor their journals, with these; journals of
    /// that age that have no part; and what was on its way to a name, or to its removal, when its process ended. Those that cannot be removed are passed over: they are no harm.
    ///
    /// # Errors
    /// Where the folder cannot be read.
    pub fn sweep(&self, now: SystemTime) -> io::Result<Vec<String>> {
        let mut removed = Vec::new();
        for entry in Dir::read_from(&self.fd)? {
            let entry = entry?;
            let Ok(name) = entry.file_name().to_str() else { continue };
            if !name.starts_with(OURS) {
                continue;
            }
            if self.sweep_away(name, now) {
                removed.push(name.to_owned());
            }
        }
        Ok(removed)
    }

    /// [Sweeps](Self::sweep) this folder and all in it, 64 deep, as long as `go_on` says so before each.
    /// Folders that cannot be read are passed over, and no link is followed.
    pub fn sweep_all(&self, now: SystemTime, go_on: &mut impl FnMut() -> bool) {
        self.sweep_down(now, PATH_DEPTH, go_on);
    }

    fn sweep_down(&self, now: SystemTime, depth: usize, go_on: &mut impl FnMut() -> bool) {
        if !go_on() {
            return;
        }
        let Ok(entries) = Dir::read_from(&self.fd) else { return };
        for entry in entries.flatten() {
            let name = entry.file_name();
            if name.to_bytes().starts_with(OURS.as_bytes()) {
                let _ = name.to_str().is_ok_and(|name| self.sweep_away(name, now));
            } else if matches!(entry.file_type(), FileType::Directory | FileType::Unknown)
                && !matches!(name.to_bytes(), b"." | b"..")
                && depth > 0
                && let Ok(fd) = below(&self.fd, name, AS_FOLDER)
            {
                Folder::of(fd).sweep_down(now, depth - 1, go_on);
            }
        }
    }

    /// Removes it, if nobody comes back for it.
    fn sweep_away(&self, name: &str, now: SystemTime) -> bool {
        if name.ends_with(GONE) {
            return self.empty(name).is_ok();
        }
        let left = match name {
            _ if name.ends_with(PART) && self.is_logged(name, now) => None,
            _ if name.ends_with(PART) => self.left(name, Some(now)),
            _ if name.ends_with(NEW) => self.left(name, None),
            _ if name.ends_with(JOURNAL) && self.is_alone(name) => self.left(name, Some(now)),
            _ => None,
        };
        // It is locked until it is gone, so that nobody takes it up in between.
        let remove = |name: &str| rustix::fs::unlinkat(&self.fd, name, AtFlags::empty()).is_ok();
        let Some(_locked) = left else { return false };
        if let Some(stem) = name.strip_suffix(PART) {
            remove(&format!("{stem}{JOURNAL}"));
        }
        remove(name)
    }

    /// Whether a journal has no part: with one it goes when that goes.
    fn is_alone(&self, journal: &str) -> bool {
        let stem = journal.strip_suffix(JOURNAL).unwrap_or(journal);
        matches!(self.look(format!("{stem}{PART}")), Ok(None))
    }

    /// Whether the journal of a part was touched lately. The part itself has the time of the file that it is, once all
    /// of that is there, which may be any.
    fn is_logged(&self, part: &str, now: SystemTime) -> bool {
        let stem = part.strip_suffix(PART).unwrap_or(part);
        let journal = self.look(format!("{stem}{JOURNAL}")).ok().flatten();
        journal.is_some_and(|stat| !is_old(&stat, now))
    }

    /// The file, locked, if nobody has it; and with `now` has touched it for long.
    fn left(&self, name: &str, now: Option<SystemTime>) -> Option<OwnedFd> {
        let how = OFlags::RDWR | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let fd = below(&self.fd, name, how).ok()?;
        let stat = rustix::fs::fstat(&fd).ok()?;
        let left = now.is_none_or(|now| is_old(&stat, now))
            && FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile
            && lock(&fd).is_ok();
        left.then_some(fd)
    }
}

/// Whether it was written so long ago that nobody comes back for it.
fn is_old(stat: &Stat, now: SystemTime) -> bool {
    let seconds = u64::try_from(stat.st_mtime).unwrap_or(0);
    let touched = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
    let kept = if stat.st_size == 0 { EMPTY_PARTS_KEPT } else { PARTS_KEPT };
    now.duration_since(touched).is_ok_and(|age| age > kept)
}

/// A folder that nobody finds any more. One that is not removed is [swept](Folder::sweep) later.
#[derive(Debug)]
#[must_use = "it still takes room"]
pub struct Gone {
    folder: Folder,
    name: String,
}

impl Gone {
    /// Removes it with all that is in it.
    ///
    /// # Errors
    /// Some of it cannot be removed, and is left: `EXDEV` or `EBUSY` where another file system is
    /// mounted in it, which is not touched.
    pub fn remove(&self) -> io::Result<()> {
        Ok(self.folder.empty(&self.name)?)
    }

    /// Gives what is left of it the name back that it had.
    ///
    /// # Errors
    /// `EEXIST` where the name is taken by now; renameat2(2).
    pub fn put_back(&self, name: &[u8]) -> io::Result<()> {
        let name = std::str::from_utf8(name).map_err(|_| Errno::ILSEQ)?;
        self.folder.rename(self.name.as_bytes(), &self.folder, name)
    }
}

/// Whether something is mounted on the folder or in it (proc_pid_mountinfo(5)). Where that cannot be known, no:
/// what is mounted is not entered anyhow.
fn holds_mount(folder: &OwnedFd) -> bool {
    use std::os::fd::AsRawFd as _;
    use std::os::unix::ffi::OsStrExt as _;
    let link = format!("/proc/self/fd/{}", folder.as_raw_fd());
    let (Ok(path), Ok(mounts)) = (std::fs::read_link(link), std::fs::read("/proc/self/mountinfo"))
    else {
        return false;
    };
    // Space, tab, LF and backslash stand there in octal.
    let mut shown = Vec::new();
    for byte in path.as_os_str().as_bytes() {
        match byte {
            b' ' | b'\t' | b'\n' | b'\\' => shown.extend(format!("\\{byte:03o}").bytes()),
            byte => shown.push(*byte),
        }
    }
    mounts.split(|byte| *byte == b'\n').any(|line| {
        let at = line.split(|byte| *byte == b' ').nth(4).unwrap_or_default();
        at.strip_prefix(&shown[..]).is_some_and(|rest| matches!(rest, [] | [b'/', ..]))
    })
}

/// Moves the folders in `name` up to `top`, removes what else is in it, and then itself.
fn raise(top: &OwnedFd, name: &CStr, moved: &mut u64) -> Result<(), Errno> {
    let mut failed = None;
    let empty = match here(top, name, AS_FOLDER) {
        Ok(folder) => each(&folder, |name, told| {
            match rustix::fs::unlinkat(&folder, name, AtFlags::empty()) {
                Err(Errno::ISDIR | Errno::PERM) if told != FileType::RegularFile => loop {
                    *moved += 1;
                    match rename_new(&folder, name, top, &format!("{OURS}{moved:016x}")) {
                        Err(Errno::EXIST) => {}
                        Err(error) => break failed = Some(error),
                        Ok(()) => break,
                    }
                },
                Ok(()) | Err(Errno::NOENT) => {}
                Err(error) => failed = Some(error),
            }
        }),
        Err(error) => Err(error),
    };
    match rustix::fs::unlinkat(top, name, AtFlags::REMOVEDIR) {
        Ok(()) => Ok(()),
        // Why it is not empty says more than that it is not.
        Err(error) => empty.and(Err(failed.unwrap_or(error))),
    }
}

/// Calls it for each name in the folder.
fn each(folder: impl AsFd, mut act: impl FnMut(&CStr, FileType)) -> Result<(), Errno> {
    for entry in Dir::read_from(folder)? {
        let entry = entry?;
        if !matches!(entry.file_name().to_bytes(), b"." | b"..") {
            act(entry.file_name(), entry.file_type());
        }
    }
    Ok(())
}
