//! A folder in one piece, `?tar` or `?zip`: read a stretch at a time by workers, each when the client has
//! taken the one before. So a client that does not read holds no thread, one that is gone ends it, and
//! an archive of any size takes the memory of a stretch.
//!
//! What is in it is what is served: regular files and folders, links to files where they stay inside,
//! hidden names only with `--hidden`. Each thing is opened relative to the folder it was found in
//! (openat2(2), no links), so that a folder that is swapped for a link meanwhile leads nowhere. Links to
//! folders are left out: they may lead in circles.
//!
//! An archive tells the size of a file before its content. A file that turns out shorter cuts the whole
//! archive, so that nobody takes it for one; what else is not as it should be (no right to read it,
//! changed while it was read) stands in a note at the end.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use framecat_proto::http::archive::{Entry, Form, Kind, ROOT, Writer};
use framecat_proto::limits::{HTTP_ARCHIVE_DEPTH, HTTP_ZIP_DIRECTORY_BYTES};
use rustix::fs::{Advice, Dir, FileType, Mode, OFlags, ResolveFlags, Stat};
use rustix::io::Errno;

use super::files::Root;
use super::seats::Seat;

/// What is read at a time.
const STRETCH: usize = 256 << 10;

/// So many names are looked at in one go, though nothing of them is served.
const NAMES: usize = 4096;

/// The note at the end tells so much, and that there is more.
const NOTE_BYTES: usize = 64 << 10;

/// Why what is made on its way ends before its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cut {
    /// Something cannot be read.
    Io(Errno),
    /// A file has become shorter than was told.
    Shorter,
    /// A file is not what it was when its reply began.
    Changed,
    /// The directory at the end of a zip would be too long.
    TooMany,
}

impl From<Errno> for Cut {
    fn from(error: Errno) -> Cut {
        Cut::Io(error)
    }
}

/// An archive that is being made.
#[derive(Debug)]
pub(super) struct Packer {
    writer: Option<Writer>,
    /// The folder that is packed, until it is opened.
    top: Option<Arc<OwnedFd>>,
    /// The open folders, from the top down.
    levels: Vec<Level>,
    /// Where the innermost is in the archive, and below the root.
    inside: Vec<u8>,
    below: Vec<u8>,
    file: Option<Reading>,
    note: Vec<u8>,
    _seat: Seat,
}

#[derive(Debug)]
struct Level {
    names: Dir,
    /// Lengths of the two paths without this one.
    inside: usize,
    below: usize,
}

/// The file whose content goes out.
#[derive(Debug)]
struct Reading {
    fd: OwnedFd,
    before: Stat,
    left: u64,
    path: Vec<u8>,
}

impl Packer {
    /// Of the folder `top`, which is at `path` below the root. Nothing is read yet.
    pub(super) fn new(form: Form, top: Arc<OwnedFd>, path: &[u8], seat: Seat) -> Packer {
        let name = path.rsplit(|byte| *byte == b'/').next().filter(|name| !name.is_empty());
        let inside = name.unwrap_or(ROOT).to_vec();
        Packer {
            writer: Some(Writer::new(form)),
            top: Some(top),
            levels: Vec::new(),
            inside,
            below: path.to_vec(),
            file: None,
            note: Vec::new(),
            _seat: seat,
        }
    }

    /// Appends the next stretch, which may be nothing; whether there is more. It may wait for a disk.
    ///
    /// # Errors
    /// The archive cannot go on: what was sent of it must not look whole.
    pub(super) fn next(&mut self, root: &Root, out: &mut Vec<u8>) -> Result<bool, Cut> {
        if let Some(top) = self.top.take() {
            let names = Dir::read_from(&*top)?;
            let stat = rustix::fs::fstat(&*top)?;
            let own = (self.inside.len(), self.below.len());
            self.enter(names, &stat, own, out);
        }
        let mut looked = 0;
        while out.len() < STRETCH && looked < NAMES {
            if let Some(file) = self.file.as_mut() {
                let (Some(writer), true) = (self.writer.as_mut(), file.left > 0) else {
                    self.close_file(out)?;
                    continue;
                };
                let start = out.len();
                let room = (STRETCH - start).max(4096);
                out.resize(start + room.min(usize::try_from(file.left).unwrap_or(room)), 0);
                let got = match rustix::io::read(&file.fd, &mut out[start..]) {
                    Err(Errno::INTR) => 0,
                    Ok(0) => return Err(Cut::Shorter),
                    got => got?,
                };
                out.truncate(start + got);
                file.left -= got as u64;
                writer.content(&out[start..]);
                continue;
            }
            let Some(level) = self.levels.last_mut() else {
                self.put_note(out);
                if let Some(writer) = self.writer.take() {
                    writer.finish(out);
                }
                return Ok(false);
            };
            looked += 1;
            match level.names.next() {
                Some(Ok(entry)) => {
                    let name = entry.file_name().to_bytes();
                    if matches!(name, b"." | b"..") || !root.shows(name) {
                        continue;
                    }
                    let name = name.to_vec();
                    self.visit(root, &name, entry.file_type(), out)?;
                }
                Some(Err(Errno::INTR)) => {}
                Some(Err(error)) => return Err(error.into()),
                None => {
                    let (inside, below) = (level.inside, level.below);
                    self.levels.pop();
                    self.inside.truncate(inside);
                    self.below.truncate(below);
                }
            }
        }
        Ok(true)
    }

    /// Begins what is called `name` in the innermost folder, if it is served.
    fn visit(
        &mut self,
        root: &Root,
        name: &[u8],
        told: FileType,
        out: &mut Vec<u8>,
    ) -> Result<(), Cut> {
        let Some(level) = self.levels.last() else { return Ok(()) };
        let (inside, below) = (self.inside.len(), self.below.len());
        self.inside.push(b'/');
        self.inside.extend_from_slice(name);
        if below > 0 {
            self.below.push(b'/');
        }
        self.below.extend_from_slice(name);
        let opened = match told {
            FileType::RegularFile | FileType::Directory | FileType::Unknown => {
                open(level.names.fd()?, name)
            }
            FileType::Symlink => Err(Errno::LOOP),
            _ => Err(Errno::NOENT),
        };
        let link = matches!(opened, Err(Errno::LOOP));
        let opened = if link { root.open_at(&self.below) } else { opened };
        let entered = match opened {
            Ok((fd, stat)) => match FileType::from_raw_mode(stat.st_mode) {
                FileType::RegularFile => {
                    self.open_file(fd, stat, out)?;
                    false
                }
                FileType::Directory if link => false,
                FileType::Directory if self.levels.len() >= HTTP_ARCHIVE_DEPTH => {
                    self.remark("left out, for it lies too deep");
                    false
                }
                FileType::Directory => match Dir::new(fd) {
                    Ok(names) => {
                        self.enter(names, &stat, (inside, below), out);
                        true
                    }
                    Err(error) => return Err(error.into()),
                },
                _ => false,
            },
            Err(Errno::ACCESS | Errno::PERM) => {
                self.remark("left out, for it may not be read");
                false
            }
            // The machine lacks something, or its disk does not read.
            Err(
                error @ (Errno::MFILE | Errno::NFILE | Errno::NOMEM | Errno::NOBUFS | Errno::IO),
            ) => return Err(error.into()),
            // It is gone, or it is nothing that is served.
            Err(_) => false,
        };
        if !entered {
            self.inside.truncate(inside);
            self.below.truncate(below);
        }
        if self.writer.as_ref().is_some_and(|writer| writer.kept() > HTTP_ZIP_DIRECTORY_BYTES) {
            return Err(Cut::TooMany);
        }
        Ok(())
    }

    fn enter(
        &mut self,
        names: Dir,
        stat: &Stat,
        (inside, below): (usize, usize),
        out: &mut Vec<u8>,
    ) {
        if let Some(writer) = &mut self.writer {
            let entry = Entry { path: &self.inside, kind: Kind::Folder, mtime: stat.st_mtime };
            writer.begin(&entry, out);
            writer.end(out);
        }
        self.levels.push(Level { names, inside, below });
    }

    fn open_file(&mut self, fd: OwnedFd, before: Stat, out: &mut Vec<u8>) -> Result<(), Cut> {
        let size = u64::try_from(before.st_size).unwrap_or(0);
        // Only advice.
        let _ = rustix::fs::fadvise(&fd, 0, None, Advice::Sequential);
        if let Some(writer) = &mut self.writer {
            let kind = Kind::File { size, executable: before.st_mode & 0o100 != 0 };
            writer.begin(&Entry { path: &self.inside, kind, mtime: before.st_mtime }, out);
        }
        self.file = Some(Reading { fd, before, left: size, path: self.inside.clone() });
        // An empty one is over at once, so that the next name is looked at.
        if size == 0 { self.close_file(out) } else { Ok(()) }
    }

    fn close_file(&mut self, out: &mut Vec<u8>) -> Result<(), Cut> {
        let Some(Reading { fd, before, path, .. }) = self.file.take() else { return Ok(()) };
        if let Some(writer) = &mut self.writer {
            writer.end(out);
        }
        let after = rustix::fs::fstat(&fd)?;
        let changed = |stat: &Stat| (stat.st_size, stat.st_mtime, stat.st_mtime_nsec);
        if changed(&before) != changed(&after) {
            remark(&mut self.note, &path, "changed while it was read");
        }
        Ok(())
    }

    /// A line for the note, of what is at `inside` now.
    fn remark(&mut self, what: &str) {
        remark(&mut self.note, &self.inside, what);
    }

    /// The last file, where something is not as it is on the disk: beside the folder, so that no file in
    /// it has that name.
    fn put_note(&mut self, out: &mut Vec<u8>) {
        let Some(writer) = &mut self.writer else { return };
        if self.note.is_empty() {
            return;
        }
        let note = std::mem::take(&mut self.note);
        // All folders in it are left, so this is its own name.
        let path = [&self.inside[..], b".incomplete.txt"].concat();
        let kind = Kind::File { size: note.len() as u64, executable: false };
        let mtime = rustix::time::clock_gettime(rustix::time::ClockId::Realtime).tv_sec;
        writer.begin(&Entry { path: &path, kind, mtime }, out);
        writer.content(&note);
        out.extend_from_slice(&note);
        writer.end(out);
    }
}

/// A line for the note. Names stand there as any terminal can show them.
fn remark(note: &mut Vec<u8>, path: &[u8], what: &str) {
    const MORE: &[u8] = b"... and more\n";
    if note.len() < NOTE_BYTES {
        let line = format!("{}: {what}\n", String::from_utf8_lossy(path).escape_debug());
        note.extend_from_slice(line.as_bytes());
    } else if !note.ends_with(MORE) {
        note.extend_from_slice(MORE);
    }
}

/// What is called `name` in `folder`, if it is no link.
fn open(folder: BorrowedFd<'_>, name: &[u8]) -> Result<(OwnedFd, Stat), Errno> {
    let flags =
        OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY | OFlags::NOFOLLOW;
    let beneath = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    let fd = loop {
        match rustix::fs::openat2(folder, name, flags, Mode::empty(), beneath) {
            Err(Errno::INTR) => {}
            opened => break opened?,
        }
    };
    let stat = rustix::fs::fstat(fd.as_fd())?;
    Ok((fd, stat))
}
