//! Reads a folder for its listing. It may take long, so it runs on a worker; what it read is in memory
//! until it is sent, so all listings together have a bound.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use framecat_proto::http::ListingForm;
use framecat_proto::http::listing::{Entries, Kind, Language, Listing, Sort};
use framecat_proto::limits::HTTP_LISTINGS_BYTES;
use rustix::fs::{AtFlags, Dir, FileType, Stat};
use rustix::io::Errno;

use super::files::Root;

/// A folder that is to be listed, and how.
#[derive(Debug, Clone)]
pub(super) struct Task {
    pub(super) folder: Arc<OwnedFd>,
    pub(super) path: Vec<u8>,
    pub(super) form: ListingForm,
    pub(super) language: Language,
    pub(super) sort: Sort,
}

/// Why a folder is not listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Unlisted {
    /// It cannot be read.
    Io(Errno),
    /// It has too many names.
    Full(String),
    /// Other listings are on their way, and take all the memory there is for them.
    Busy,
}

/// The memory of all listings, in bytes.
#[derive(Debug, Clone, Default)]
pub(super) struct Rooms(Arc<AtomicUsize>);

/// A part of it, given back when dropped.
#[derive(Debug)]
pub(super) struct Room {
    rooms: Rooms,
    bytes: usize,
}

impl Rooms {
    pub(super) fn empty(&self) -> Room {
        Room { rooms: self.clone(), bytes: 0 }
    }
}

impl Room {
    /// Takes so much more. False: there is not so much.
    fn grow(&mut self, bytes: usize) -> bool {
        let taken = self.rooms.0.fetch_add(bytes, Ordering::Relaxed);
        self.bytes += bytes;
        taken + bytes <= HTTP_LISTINGS_BYTES
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.rooms.0.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// The listing that is awaited, made.
pub(super) fn list(root: &Root, task: &Task, rooms: &Rooms) -> Result<(Listing, Room), Unlisted> {
    let (entries, room) = read(root, &task.path, &task.folder, rooms)?;
    Ok((Listing::new(task.form, &task.path, task.language, task.sort, entries), room))
}

/// What is in the folder `fd`, which is at `path` below the root: files and folders, and links that
/// lead to either without leaving the root.
fn read(
    root: &Root,
    path: &[u8],
    fd: &OwnedFd,
    rooms: &Rooms,
) -> Result<(Entries, Room), Unlisted> {
    // Room is taken for so many names at once.
    const NAMES: usize = 256;
    // What a name costs besides its bytes, twice: sorting makes keys of all.
    const NAME_BYTES: usize = 64;
    let mut room = rooms.empty();
    let mut entries = Entries::default();
    let mut unaccounted = 0;
    for entry in Dir::read_from(fd).map_err(Unlisted::Io)? {
        let entry = match entry {
            Ok(entry) => entry,
            Err(Errno::INTR) => continue,
            Err(error) => return Err(Unlisted::Io(error)),
        };
        let name = entry.file_name().to_bytes();
        if matches!(name, b"." | b"..") || (name.starts_with(b".") && !root.shows_hidden()) {
            continue;
        }
        let Some((kind, stat)) = kind_of(root, path, fd, name, entry.file_type()) else { continue };
        let size = u64::try_from(stat.st_size).unwrap_or(0);
        entries
            .push(name, kind, size, stat.st_mtime)
            .map_err(|full| Unlisted::Full(full.to_string()))?;
        unaccounted += NAME_BYTES + 3 * name.len();
        if entries.len().is_multiple_of(NAMES) && !room.grow(std::mem::take(&mut unaccounted)) {
            return Err(Unlisted::Busy);
        }
    }
    if room.grow(unaccounted) { Ok((entries, room)) } else { Err(Unlisted::Busy) }
}

fn kind_of(
    root: &Root,
    path: &[u8],
    fd: &OwnedFd,
    name: &[u8],
    told: FileType,
) -> Option<(Kind, Stat)> {
    // Pipes and devices are not served, so they need no look.
    let served = |kind| match kind {
        FileType::RegularFile => Some(Kind::File),
        FileType::Directory => Some(Kind::Folder),
        _ => None,
    };
    if !matches!(told, FileType::Unknown | FileType::Symlink) {
        served(told)?;
    }
    let mut stat = rustix::fs::statat(fd.as_fd(), name, AtFlags::SYMLINK_NOFOLLOW).ok()?;
    if FileType::from_raw_mode(stat.st_mode) == FileType::Symlink {
        let path = if path.is_empty() { name.to_vec() } else { [path, b"/", name].concat() };
        stat = root.stat(&path)?;
    }
    Some((served(FileType::from_raw_mode(stat.st_mode))?, stat))
}
