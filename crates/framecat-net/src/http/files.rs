//! What is in a folder, looked up so that nothing outside it can be reached.
//!
//! Every look is openat2(2) below the folder's own descriptor with RESOLVE_BENEATH: neither `..` nor a
//! symbolic link leads out, whatever is renamed meanwhile, and links inside are followed. What is in the
//! kernel's caches is looked at and read here (RESOLVE_CACHED, RWF_NOWAIT); where a disk would have to
//! be waited for, the answer is [`Errno::AGAIN`] and a worker asks again with [`Patience::Waits`].

use std::io::IoSliceMut;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::sync::Arc;

use framecat_proto::http::path::is_ours;
use framecat_proto::http::{Coding, Facts, FileFacts};
use framecat_proto::limits::HTTP_SMALL_BYTES;
use rustix::fs::{FileType, Mode, OFlags, ResolveFlags, Stat};
use rustix::io::{Errno, ReadWriteFlags};

/// How much of a large file is looked for in the page cache at a time, before it is sent.
pub(super) const STRETCH: u64 = 1 << 20;

/// Whether a look may wait for a disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Patience {
    /// It runs where others wait: `AGAIN` where a disk is needed.
    None,
    /// It runs on a thread of its own.
    Waits,
}

/// What a request wants to know of: the key by which one look serves many requests.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Wanted {
    /// Relative to the folder, components parted by `/`, not empty ones; empty: the folder itself.
    pub(super) path: Vec<u8>,
    /// Of a folder, its index file.
    pub(super) index: bool,
    /// A bit for each of [`Coding::ALL`] that the request accepts.
    pub(super) codings: u8,
}

/// A regular file, open.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) fd: OwnedFd,
    pub(super) facts: FileFacts,
    /// All of it, if it is small.
    pub(super) content: Option<Vec<u8>>,
}

/// What was found.
#[derive(Debug)]
pub(super) struct Found {
    /// For planning.
    pub(super) facts: Facts,
    /// The file of [`Facts::File`].
    pub(super) file: Option<Arc<Opened>>,
    /// Those of its codings.
    pub(super) coded: Vec<(Coding, Arc<Opened>)>,
    /// The folder of [`Facts::Folder`].
    pub(super) folder: Option<Arc<OwnedFd>>,
    /// Nothing is known, for the machine lacks something.
    pub(super) failed: Option<Errno>,
}

impl Found {
    fn nothing(facts: Facts) -> Found {
        Found { facts, file: None, coded: Vec::new(), folder: None, failed: None }
    }

    /// The look failed.
    pub(super) fn failed(error: Errno) -> Found {
        Found { failed: Some(error), ..Found::nothing(Facts::Missing) }
    }

    /// The file in this coding.
    pub(super) fn opened(&self, coding: Option<Coding>) -> Option<&Arc<Opened>> {
        match coding {
            None => self.file.as_ref(),
            Some(coding) => self.coded.iter().find(|(c, _)| *c == coding).map(|(_, file)| file),
        }
    }
}

/// The folder that is served.
#[derive(Debug)]
pub(super) struct Root {
    fd: OwnedFd,
    /// Whether names that begin with a dot are served.
    hidden: bool,
    /// The kernel can look without waiting for a disk (Linux 5.12); else every look may.
    cached: ResolveFlags,
}

impl Root {
    /// Opens the folder.
    ///
    /// # Errors
    /// It cannot be opened; or the kernel has no openat2(2) (before Linux 5.6, or where a sandbox takes
    /// it away), without which nothing is served.
    pub(super) fn open(path: &Path, hidden: bool) -> Result<Root, Errno> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let fd = rustix::fs::open(path, flags, Mode::empty())?;
        let look = |resolve| rustix::fs::openat2(&fd, ".", flags, Mode::empty(), resolve);
        let cached = match look(ResolveFlags::BENEATH | ResolveFlags::CACHED) {
            Ok(_) | Err(Errno::AGAIN) => ResolveFlags::CACHED,
            Err(Errno::INVAL) => look(ResolveFlags::BENEATH).map(|_| ResolveFlags::empty())?,
            Err(error) => return Err(error),
        };
        Ok(Root { fd, hidden, cached })
    }

    /// The folder itself, to be written to.
    pub(super) fn folder(&self) -> Result<OwnedFd, Errno> {
        rustix::io::fcntl_dupfd_cloexec(&self.fd, 0)
    }

    /// Whether what has this name is served: our own files are not, and others that begin with a dot only
    /// where that is wanted.
    pub(super) fn shows(&self, name: &[u8]) -> bool {
        !name.starts_with(b".") || self.hidden && !is_ours(name)
    }

    /// Looks.
    ///
    /// # Errors
    /// `AGAIN`: with patience it can be told. Else what the machine lacks (descriptors, memory, a disk
    /// that reads); whatever is wrong with the name itself is a fact.
    pub(super) fn look(&self, wanted: &Wanted, patience: Patience) -> Result<Found, Errno> {
        let path: &[u8] = if wanted.path.is_empty() { b"." } else { &wanted.path };
        let (fd, stat) = match self.open_below(path, patience) {
            Ok(opened) => opened,
            Err(error) => return Ok(Found::nothing(fact_of(error)?)),
        };
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => self.file(path.to_vec(), (fd, stat), wanted.codings, patience),
            FileType::Directory => {
                if wanted.index {
                    let index = [&wanted.path[..], b"/index.html"].concat();
                    let index = index.strip_prefix(b"/").unwrap_or(&index).to_vec();
                    match self.open_below(&index, patience) {
                        Ok((fd, stat)) if is_regular(&stat) => {
                            return self.file(index, (fd, stat), wanted.codings, patience);
                        }
                        // Anything but a file is no index: the folder is listed.
                        Ok(_) => {}
                        Err(error) => match fact_of(error)? {
                            Facts::Missing => {}
                            denied => return Ok(Found::nothing(denied)),
                        },
                    }
                }
                let folder = Some(Arc::new(fd));
                Ok(Found { folder, ..Found::nothing(Facts::Folder) })
            }
            _ => Ok(Found::nothing(Facts::Missing)),
        }
    }

    /// What is at the end of a link below the folder, if that is inside too. It may wait for a disk.
    pub(super) fn stat(&self, path: &[u8]) -> Option<Stat> {
        let flags = OFlags::PATH | OFlags::CLOEXEC;
        let beneath = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
        let fd = rustix::fs::openat2(&self.fd, path, flags, Mode::empty(), beneath).ok()?;
        rustix::fs::fstat(&fd).ok()
    }

    /// Opens what is at `path`, wherever links lead on the way, as long as it is below the folder. It may
    /// wait for a disk.
    pub(super) fn open_at(&self, path: &[u8]) -> Result<(OwnedFd, Stat), Errno> {
        self.open_below(path, Patience::Waits)
    }

    fn file(
        &self,
        path: Vec<u8>,
        (fd, stat): (OwnedFd, Stat),
        codings: u8,
        patience: Patience,
    ) -> Result<Found, Errno> {
        let file = Arc::new(Opened::read(fd, stat, patience)?);
        let mut coded = Vec::new();
        for (bit, coding) in Coding::ALL.into_iter().enumerate() {
            if codings & (1 << bit) == 0 {
                continue;
            }
            let beside = [&path[..], coding.suffix().as_bytes()].concat();
            match self.open_below(&beside, patience) {
                Ok((fd, stat)) if is_regular(&stat) => {
                    let opened = Opened::read(fd, stat, patience)?;
                    let changed = |facts: &FileFacts| (facts.mtime, facts.mtime_nanos);
                    // An older one is of another state of the file.
                    if changed(&opened.facts) >= changed(&file.facts) {
                        coded.push((coding, Arc::new(opened)));
                    }
                }
                Ok(_) => {}
                // One that may not be read is as good as none.
                Err(error) => drop(fact_of(error)?),
            }
        }
        let name = path.rsplit(|byte| *byte == b'/').next().unwrap_or_default().to_vec();
        let known = coded.iter().map(|(coding, opened)| (*coding, opened.facts)).collect();
        let facts = Facts::File { name, file: file.facts, coded: known };
        Ok(Found { file: Some(file), coded, ..Found::nothing(facts) })
    }

    /// Opens what is at `path`. A FIFO opens at once and is no regular file; one that nobody listens to
    /// gives no error either, because it is opened for reading.
    fn open_below(&self, path: &[u8], patience: Patience) -> Result<(OwnedFd, Stat), Errno> {
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY;
        let beneath = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
        let resolve = match patience {
            Patience::None => beneath | self.cached,
            Patience::Waits => beneath,
        };
        // Without RESOLVE_CACHED, AGAIN is a rename on the way of a `..` in a link: it is tried again.
        let mut tries = 0;
        let fd = loop {
            match rustix::fs::openat2(&self.fd, path, flags, Mode::empty(), resolve) {
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) if !resolve.contains(ResolveFlags::CACHED) && tries < 100 => {
                    tries += 1;
                }
                opened => break opened?,
            }
        };
        let stat = rustix::fs::fstat(&fd)?;
        Ok((fd, stat))
    }
}

fn is_regular(stat: &Stat) -> bool {
    FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile
}

/// What an error says of the name; of the machine it stays one.
fn fact_of(error: Errno) -> Result<Facts, Errno> {
    match error {
        Errno::NOENT
        | Errno::NOTDIR
        | Errno::LOOP
        | Errno::XDEV
        | Errno::NAMETOOLONG
        | Errno::INVAL
        | Errno::NXIO
        | Errno::NODEV
        | Errno::OPNOTSUPP => Ok(Facts::Missing),
        Errno::ACCESS | Errno::PERM => Ok(Facts::Denied),
        error => Err(error),
    }
}

/// The state of an open file now.
pub(super) fn facts_now(fd: &OwnedFd) -> Result<FileFacts, Errno> {
    rustix::fs::fstat(fd).map(|stat| facts(&stat))
}

pub(super) fn facts(stat: &Stat) -> FileFacts {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Realtime);
    let (mtime, nanos) = (stat.st_mtime, stat.st_mtime_nsec as u32);
    FileFacts {
        size: u64::try_from(stat.st_size).unwrap_or(0),
        mtime,
        mtime_nanos: nanos,
        inode: stat.st_ino,
        device: stat.st_dev,
        settled: FileFacts::is_settled(mtime, nanos, now.tv_sec, now.tv_nsec as u32),
    }
}

impl Opened {
    /// Reads a small file whole; of a large one it makes sure that its beginning is in memory.
    fn read(fd: OwnedFd, mut stat: Stat, patience: Patience) -> Result<Opened, Errno> {
        // Somebody may shorten the file while it is read: then its size is asked for anew. One that
        // never rests is sent as a large one, whose end is watched.
        for _ in 0..4 {
            let now = facts(&stat);
            if now.size > HTTP_SMALL_BYTES as u64 {
                warm(&fd, 0, STRETCH.min(now.size), patience)?;
                return Ok(Opened { fd, facts: now, content: None });
            }
            let mut content = vec![0; now.size as usize];
            let got = read_at(&fd, &mut content, 0, patience)?;
            if got == content.len() {
                return Ok(Opened { fd, facts: now, content: Some(content) });
            }
            stat = rustix::fs::fstat(&fd)?;
        }
        Ok(Opened { facts: facts(&stat), fd, content: None })
    }
}

/// Fills `buf` from the file at `from`; less at its end.
fn read_at(fd: &OwnedFd, buf: &mut [u8], from: u64, patience: Patience) -> Result<usize, Errno> {
    let mut got = 0;
    while got < buf.len() {
        match read_some(fd, &mut buf[got..], from + got as u64, patience) {
            Ok(0) => break,
            Ok(n) => got += n,
            Err(Errno::INTR) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(got)
}

fn read_some(fd: &OwnedFd, buf: &mut [u8], from: u64, patience: Patience) -> Result<usize, Errno> {
    if patience == Patience::None {
        let mut bufs = [IoSliceMut::new(buf)];
        match rustix::io::preadv2(fd, &mut bufs, from, ReadWriteFlags::NOWAIT) {
            // A file system that cannot tell what it has in memory (FUSE among them) is read as it is.
            Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL) => {}
            read => return read,
        }
    }
    rustix::io::pread(fd, buf, from)
}

/// Makes sure that these bytes are in memory, so that sending them waits for no disk. Without patience,
/// `AGAIN` where they are not: the first and the last of them are looked at, for the kernel reads a
/// stretch as a whole. With patience they are read.
pub(super) fn warm(fd: &OwnedFd, from: u64, len: u64, patience: Patience) -> Result<(), Errno> {
    let Some(last) = len.checked_sub(1) else { return Ok(()) };
    if patience == Patience::None {
        for at in [from, from + last] {
            // Nothing there is a file that was cut, which sending notices.
            read_at(fd, &mut [0], at, patience)?;
        }
        return Ok(());
    }
    let ahead = std::num::NonZeroU64::new(len.saturating_mul(4));
    // Only advice: what comes of it is read below.
    let _ = rustix::fs::fadvise(fd.as_fd(), from, ahead, rustix::fs::Advice::WillNeed);
    let mut buf = vec![0; 64 << 10];
    let mut at = from;
    while at <= from + last {
        let upto = buf.len().min((from + last + 1 - at) as usize);
        match read_at(fd, &mut buf[..upto], at, patience)? {
            0 => break,
            got => at += got as u64,
        }
    }
    Ok(())
}
