//! What is known of a part beside it: which pieces of it are there.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

use framecat_proto::path::OURS;
use rustix::fs::{AtFlags, Mode, OFlags};
use rustix::io::Errno;

use super::{Folder, JOURNAL, Part, below, not_ours, write_all_at};

/// The journal of a part, `.framecat-ID.journal`. Whoever holds the part's lock writes it; it is appended to.
#[derive(Debug)]
pub struct Journal {
    fd: OwnedFd,
    end: AtomicU64,
}

impl Journal {
    /// What the journal of the part of this number is called.
    pub fn name_of(id: u64) -> String {
        format!("{OURS}{id:016x}{JOURNAL}")
    }

    /// A new one, which holds `header`.
    ///
    /// # Errors
    /// `EEXIST`; open(2), pwrite(2). There is none then.
    pub fn new(folder: &Folder, id: u64, header: &[u8]) -> io::Result<Journal> {
        let how = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let name = Journal::name_of(id);
        let fd = rustix::fs::openat(folder, name.as_str(), how, Mode::from_raw_mode(0o600))?;
        let journal = Journal { fd, end: AtomicU64::new(0) };
        if let Err(error) = journal.append(header) {
            let _ = folder.remove(&name);
            return Err(error);
        }
        Ok(journal)
    }

    /// The one that is there, cut to `len` bytes.
    ///
    /// # Errors
    /// `ENOENT`, also where what is there is not ours; open(2), ftruncate(2).
    pub fn open(folder: &Folder, id: u64, len: u64) -> io::Result<Journal> {
        let how = OFlags::RDWR | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let fd = below(folder, Journal::name_of(id), how)?;
        if not_ours(&rustix::fs::fstat(&fd)?).is_some() {
            return Err(Errno::NOENT.into());
        }
        rustix::fs::ftruncate(&fd, len)?;
        Ok(Journal { fd, end: AtomicU64::new(len) })
    }

    /// What the journal of this number tells, up to `most` bytes of it.
    ///
    /// # Errors
    /// `ENOENT`, also where what is there is not ours; open(2), read(2).
    pub fn read(folder: &Folder, id: u64, most: u64) -> io::Result<Vec<u8>> {
        let fd = below(
            folder,
            Journal::name_of(id),
            OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC,
        )?;
        let stat = rustix::fs::fstat(&fd)?;
        if not_ours(&stat).is_some() {
            return Err(Errno::NOENT.into());
        }
        let len = u64::try_from(stat.st_size).unwrap_or(0).min(most);
        let mut told = vec![0; usize::try_from(len).unwrap_or(usize::MAX)];
        let mut at = 0;
        while at < told.len() {
            match rustix::io::pread(&fd, &mut told[at..], at as u64) {
                Err(Errno::INTR) => {}
                Ok(0) => break,
                Ok(n) => at += n,
                Err(error) => return Err(error.into()),
            }
        }
        told.truncate(at);
        Ok(told)
    }

    /// Appends to it, on one thread at a time. What was half written when it failed is written over by the next.
    ///
    /// # Errors
    /// pwrite(2).
    pub fn append(&self, bytes: &[u8]) -> io::Result<()> {
        let at = self.end.load(Relaxed);
        write_all_at(&self.fd, bytes, at)?;
        self.end.store(at + bytes.len() as u64, Relaxed);
        Ok(())
    }

    /// Makes it outlive a power cut (fdatasync(2)).
    ///
    /// # Errors
    /// fdatasync(2).
    pub fn sync(&self) -> io::Result<()> {
        Ok(rustix::fs::fdatasync(&self.fd)?)
    }
}

impl Part {
    /// Removes the part of this number and its journal, where nobody writes them. What has their names and is not
    /// ours loses these, and nothing else.
    ///
    /// # Errors
    /// `EWOULDBLOCK` where another writes the part; unlinkat(2).
    pub fn remove(folder: &Folder, id: u64) -> io::Result<()> {
        // Locked, nobody takes it up before it is gone.
        let _locked = match Part::open(folder, id, false) {
            Ok(part) => Some(part),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Err(error),
            Err(_) => None,
        };
        for name in [Journal::name_of(id), Part::name_of(id)] {
            match rustix::fs::unlinkat(folder, name.as_str(), AtFlags::empty()) {
                Ok(()) | Err(Errno::NOENT) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}
