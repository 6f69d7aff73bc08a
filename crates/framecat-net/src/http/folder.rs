//! Reads a folder for its listing. It may take long, so it runs on a worker; what it read is in memory
//! until it is sent, so all listings together have a bound. Long folders need a seat while they are read, so
//! short ones do not wait behind them, and nothing is read for a client that has gone.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use framecat_proto::http::ListingForm;
use framecat_proto::http::listing::{Entries, Kind, Language, Listing, Sort};
use framecat_proto::http::write::Rights;
use framecat_proto::limits::{HTTP_LISTING_SHORT, HTTP_LISTINGS_BYTES};
use rustix::fs::{AtFlags, Dir, DirEntry, FileType, Stat};
use rustix::io::Errno;

use super::files::Root;
use super::seats::Seats;

/// A folder that is to be listed, and how. The connection that waits for it has it, and so has the
/// worker that does it.
#[derive(Debug)]
pub(super) struct Task {
    pub(super) folder: Arc<OwnedFd>,
    pub(super) path: Vec<u8>,
    pub(super) form: ListingForm,
    pub(super) language: Language,
    pub(super) sort: Sort,
    pub(super) rights: Rights,
    /// It is coded.
    pub(super) gzip: bool,
}

impl Task {
    /// Whether a connection still waits for what its worker does. One whose client has ended its direction
    /// does: it may have sent its request by `nc -N`, and a socket that was closed looks the same until
    /// something is sent to it. So the seats, not this, are the bound.
    fn is_awaited(self: &Arc<Task>) -> bool {
        Arc::strong_count(self) > 1
    }
}

/// Why a folder is not listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Unlisted {
    /// It cannot be read.
    Io(Errno),
    /// It has too many names.
    Full(String),
    /// Other listings take all the memory there is for them, or as many long ones as may be are being read.
    Busy,
    /// Nobody waits for it any more.
    Left,
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

/// The listing that is awaited, made. `long`: the seats of folders of more than [`HTTP_LISTING_SHORT`] names.
pub(super) fn list(
    root: &Root,
    task: &Arc<Task>,
    rooms: &Rooms,
    long: &Seats,
) -> Result<(Listing, Room), Unlisted> {
    if !task.is_awaited() {
        return Err(Unlisted::Left);
    }
    let Task { form, path, language, sort, rights, .. } = &**task;
    let listing = |entries| Listing::new(*form, path, *language, *sort, entries, *rights);
    // Nothing of what may not be read is told, nor how long it takes to read it.
    if !rights.read {
        return Ok((listing(Entries::default()), rooms.empty()));
    }
    let mut dir = Dir::read_from(&task.folder).map_err(Unlisted::Io)?;
    // Names are cheap, a look at each is not: whether the folder is long is known before the first look.
    let first: Vec<_> = dir.by_ref().take(HTTP_LISTING_SHORT + 1).collect();
    let _seat = match first.len() > HTTP_LISTING_SHORT {
        true => Some(long.take().ok_or(Unlisted::Busy)?),
        false => None,
    };
    let (entries, room) = read(root, task, first.into_iter().chain(dir), rooms)?;
    Ok((listing(entries), room))
}

/// What is in the folder: files and folders, and links that lead to either without leaving the root.
fn read(
    root: &Root,
    task: &Arc<Task>,
    names: impl Iterator<Item = Result<DirEntry, Errno>>,
    rooms: &Rooms,
) -> Result<(Entries, Room), Unlisted> {
    // Room is taken for so many names at once.
    const NAMES: usize = 256;
    // What a name costs besides its bytes, twice: sorting makes keys of all.
    const NAME_BYTES: usize = 64;
    let mut room = rooms.empty();
    let mut entries = Entries::default();
    let mut unaccounted = 0;
    for entry in names {
        let entry = match entry {
            Ok(entry) => entry,
            Err(Errno::INTR) => continue,
            Err(error) => return Err(Unlisted::Io(error)),
        };
        let name = entry.file_name().to_bytes();
        if matches!(name, b"." | b"..") || !root.shows(name) {
            continue;
        }
        let Some((kind, stat)) = kind_of(root, task, name, entry.file_type()) else { continue };
        let size = u64::try_from(stat.st_size).unwrap_or(0);
        entries
            .push(name, kind, size, stat.st_mtime)
            .map_err(|full| Unlisted::Full(full.to_string()))?;
        unaccounted += NAME_BYTES + 3 * name.len();
        if entries.len().is_multiple_of(NAMES) {
            if !task.is_awaited() {
                return Err(Unlisted::Left);
            }
            if !room.grow(std::mem::take(&mut unaccounted)) {
                return Err(Unlisted::Busy);
            }
        }
    }
    if room.grow(unaccounted) { Ok((entries, room)) } else { Err(Unlisted::Busy) }
}

fn kind_of(root: &Root, task: &Task, name: &[u8], told: FileType) -> Option<(Kind, Stat)> {
    // Pipes and devices are not served, so they need no look.
    let served = |kind| match kind {
        FileType::RegularFile => Some(Kind::File),
        FileType::Directory => Some(Kind::Folder),
        _ => None,
    };
    if !matches!(told, FileType::Unknown | FileType::Symlink) {
        served(told)?;
    }
    let mut stat = rustix::fs::statat(task.folder.as_fd(), name, AtFlags::SYMLINK_NOFOLLOW).ok()?;
    if FileType::from_raw_mode(stat.st_mode) == FileType::Symlink {
        let path = &task.path;
        let path = if path.is_empty() { name.to_vec() } else { [path, &b"/"[..], name].concat() };
        stat = root.stat(&path)?;
    }
    Some((served(FileType::from_raw_mode(stat.st_mode))?, stat))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(root: &Root, path: &[u8]) -> Arc<Task> {
        let (folder, _) = root.open_at(path).unwrap();
        Arc::new(Task {
            folder: Arc::new(folder),
            path: Vec::new(),
            form: ListingForm::Json,
            language: Language::accepted(std::iter::empty()),
            sort: Sort::of_query(None),
            rights: Rights::READ,
            gzip: false,
        })
    }

    #[test]
    fn a_listing_is_not_begun_for_a_client_that_has_gone() {
        let root = Root::open("/".as_ref(), false).unwrap();
        // No folder: whoever looks at it gets an error.
        let ours = task(&root, b"dev/null");
        let workers = ours.clone();
        let (rooms, long) = (Rooms::default(), Seats::new(1));
        let list = || list(&root, &workers, &rooms, &long).map(drop).unwrap_err();
        assert_eq!(list(), Unlisted::Io(Errno::NOTDIR));
        drop(ours);
        assert_eq!(list(), Unlisted::Left);
    }

    #[test]
    fn a_folder_of_which_nothing_is_told_is_not_read() {
        let root = Root::open("/".as_ref(), false).unwrap();
        // Whoever looks at it gets an error; nor is there a seat.
        let mut ours = task(&root, b"dev/null");
        Arc::get_mut(&mut ours).unwrap().rights = Rights::DROP;
        let workers = ours.clone();
        let (mut listing, _room) =
            list(&root, &workers, &Rooms::default(), &Seats::new(0)).unwrap();
        let mut told = Vec::new();
        assert!(!listing.write(1 << 20, &mut told));
        assert_eq!(told, b"[\n]\n");
    }

    #[test]
    fn a_listing_ends_soon_after_its_client_has_gone() {
        let root = Root::open("/".as_ref(), false).unwrap();
        let workers = task(&root, b".");
        let mut ours = Some(workers.clone());
        let mut taken = 0;
        // The same few names again and again: more than anybody lists.
        let names = std::iter::repeat_with(|| Dir::read_from(&workers.folder).unwrap()).flatten();
        let names = names.inspect(|_| {
            taken += 1;
            if taken == 10_000 {
                ours = None;
            }
        });
        let rooms = Rooms::default();
        let read = read(&root, &workers, names, &rooms).map(drop);
        assert_eq!(read.unwrap_err(), Unlisted::Left);
        assert!((10_000..100_000).contains(&taken), "{taken}");
        assert_eq!(rooms.0.load(Ordering::Relaxed), 0, "its memory was given back");
    }
}
