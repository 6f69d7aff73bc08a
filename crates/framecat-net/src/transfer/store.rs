//! What the effects of a receiver come to on a disk.
//!
//! Each is done at once on the thread that asks for it, but for what may take long: syncs, and reading what is
//! there already. Those are [`Job`]s for another thread, and nothing else is done to the same entry until they
//! are done.

mod name;
mod read;

use std::collections::{BTreeSet, HashMap};
use std::io;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, OnceLock};

use framecat_proto::path::{OURS, SafePath};
use framecat_proto::transfer::offer::leads_to;
use framecat_proto::transfer::pieces::Pieces;
use framecat_proto::transfer::receiver::{Begun, Conflict, Effect, Fact, Found, Known};
use framecat_proto::transfer::resume::id;
use framecat_proto::transfer::why::{Cause, Why};
use rustix::fs::FileType;
use rustix::io::Errno;

use super::folders::Folders;
use crate::disk::{Folder, Journal, Part, umask};
use crate::error::plain;
use name::{Replace, changed, finish, name};
use read::{hash_file, hash_piece, journal_of};

/// A file up to this size is read where it is asked for.
const READ_AT_ONCE: u64 = 1 << 20;
/// Of a file that goes into memory this much has its room from the start.
const RESERVED_IN_MEMORY: u64 = 64 << 20;
/// Small files that are synced together, and open until then.
const SYNCED_AT_ONCE: usize = 256;
/// From so many on it costs less to sync the whole file system.
const SYNCED_ALONE: usize = 16;

/// What takes long.
pub(super) type Job = Box<dyn FnOnce() -> Report + Send>;

/// What came of a job.
#[derive(Debug, Default)]
pub(super) struct Report {
    pub(super) facts: Vec<(u32, Fact)>,
    /// Of a stream: the file that was made of it.
    pub(super) name: Option<(u32, String)>,
    /// Of [`Effect::SyncFolders`].
    pub(super) folders: Option<Result<(), Why>>,
    /// It is that of [`Store::together`].
    pub(super) placed: bool,
    /// Bytes of a part that are there, as it seems.
    pub(super) kept: u64,
}

impl Report {
    fn of(entry: u32, fact: Fact) -> Report {
        Report { facts: vec![(entry, fact)], ..Report::default() }
    }
}

/// How an effect is done.
pub(super) enum Act {
    /// It is.
    Done(Report),
    /// By this.
    Slow(Job),
    /// It counts as done, and this is to be done some time.
    Aside(Report, Option<Job>),
    /// With others like it: [`Store::together`].
    Together,
    /// It is, and nothing is told of it.
    Silent,
}

/// See the [module](self).
pub(super) struct Store {
    folders: Folders,
    open: HashMap<u32, Arc<Open>>,
    /// Streams on their way into a file.
    flows: HashMap<u32, Part>,
    /// Small files that are written and wait for a sync.
    placed: Vec<Placed>,
    /// Where what has its name lies, until that is synced.
    named: HashMap<u32, Vec<String>>,
    durable: bool,
    conflict: Conflict,
    umask: u32,
    /// Numbers what is on its way to a name.
    chance: u64,
    stop: Arc<AtomicBool>,
}

/// A file that is coming.
struct Open {
    part: Part,
    /// What the journal begins with. It is made when there is something to log.
    id: u64,
    header: Vec<u8>,
    log: OnceLock<Journal>,
    /// A sync failed. What it could not write may count as written since (fsync(2)), so nothing of it is used.
    lost: OnceLock<Why>,
}

impl Open {
    fn check(&self) -> Result<(), Why> {
        self.lost.get().map_or(Ok(()), |why| Err(why.clone()))
    }
}

/// A small file that has no name yet.
struct Placed {
    entry: u32,
    part: Part,
    folder: Folder,
    path: SafePath,
    replace: Replace,
}

impl Store {
    /// One in this folder.
    pub(super) fn new(root: Folder, durable: bool, conflict: Conflict) -> Store {
        Store {
            folders: Folders::new(root),
            open: HashMap::new(),
            flows: HashMap::new(),
            placed: Vec::new(),
            named: HashMap::new(),
            durable,
            conflict,
            umask: umask(),
            chance: std::hash::BuildHasher::hash_one(&std::hash::RandomState::new(), 0),
            stop: Arc::default(),
        }
    }

    /// Ends what jobs are at, as soon as they look.
    pub(super) fn stop(&self) {
        self.stop.store(true, Relaxed);
    }

    /// How many old parts were removed since this was asked last.
    pub(super) fn swept(&mut self) -> usize {
        self.folders.swept()
    }

    /// Does it, or says how it is to be done. [`Effect::Ask`] and [`Effect::Resolved`] are not for a disk.
    pub(super) fn act(&mut self, effect: Effect) -> Act {
        let Some(entry) = effect.entry() else {
            return match effect {
                Effect::SyncFolders { entries } => Act::Slow(self.sync_folders(&entries)),
                _ => Act::Silent,
            };
        };
        let fact = match effect {
            Effect::Look { path, part, .. } => self.look(&path, part),
            Effect::MakeFolder { path, mode, .. } => self.make_folder(entry, &path, mode),
            Effect::MakeLink { path, target, .. } => self.make_link(entry, &path, &target),
            Effect::Begin { path, id, size, journal, .. } => {
                self.begin(entry, &path, id, size, journal)
            }
            Effect::Rehash { pieces, which, .. } => return self.rehash(entry, pieces, which),
            Effect::Write { offset, bytes, .. } => self.write(entry, offset, &bytes),
            Effect::Log { bytes, .. } => self.log(entry, &bytes),
            Effect::Sync { .. } => return self.sync(entry),
            Effect::HashNamed { path, .. } => return self.hash_named(entry, &path),
            Effect::Seal { size, mode, mtime, durable, .. } => {
                return self.seal(entry, size, mode, mtime, durable);
            }
            Effect::Commit { path, id, replace, .. } => self.commit(entry, &path, id, replace),
            Effect::Place { path, bytes, replace, mode, mtime, .. } => {
                match self.place(entry, &path, &bytes, replace, mode, mtime) {
                    Ok(None) => return Act::Together,
                    Ok(Some(fact)) => Ok(fact),
                    Err(error) => Err(error),
                }
            }
            Effect::Finish { path, .. } => return self.finish(entry, path),
            Effect::Discard { path, id, .. } => self.discard(entry, &path, id),
            Effect::Close { .. } => {
                self.open.remove(&entry);
                return Act::Silent;
            }
            Effect::Ask(_) | Effect::SyncFolders { .. } | Effect::Resolved { .. } => {
                return Act::Silent;
            }
        };
        Act::Done(Report::of(entry, told(fact)))
    }

    /// Calls it with the folder that `path` lies in; once more, where that went away meanwhile.
    fn within<T>(
        &mut self,
        path: &SafePath,
        mut act: impl FnMut(&Folder) -> io::Result<T>,
    ) -> io::Result<T> {
        let done = act(&self.folders.get(path.folders(), true)?);
        match done {
            Err(error) if error.kind() == io::ErrorKind::NotFound && !path.folders().is_empty() => {
                self.folders.forget();
                act(&self.folders.get(path.folders(), true)?)
            }
            done => done,
        }
    }

    fn look(&mut self, path: &SafePath, part: Option<(u64, u64)>) -> io::Result<Fact> {
        let folder = match self.folders.get(path.folders(), false) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(Fact::Looked(Found::Nothing, None));
            }
            folder => folder?,
        };
        let found = match folder.look(path.name())? {
            None => Found::Nothing,
            Some(stat) => match FileType::from_raw_mode(stat.st_mode) {
                FileType::RegularFile => Found::File {
                    size: u64::try_from(stat.st_size).unwrap_or(0),
                    mtime: changed(&stat),
                },
                FileType::Directory => Found::Folder,
                FileType::Symlink => Found::Link { target: folder.link_target(path.name())? },
                _ => Found::Other,
            },
        };
        let journal = match part {
            Some((id, most)) => journal_of(&folder, id, most)?,
            None => None,
        };
        Ok(Fact::Looked(found, journal))
    }

    fn make_folder(&mut self, entry: u32, path: &SafePath, mode: u16) -> io::Result<Fact> {
        // Whoever receives can write into it.
        let mode = u32::from(mode) | 0o700;
        self.within(path, |folder| match folder.make_as(path.name(), mode) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                folder.inner(path.name()).map(drop)
            }
            made => made,
        })?;
        self.has_name(entry, path);
        Ok(Fact::Done)
    }

    fn make_link(&mut self, entry: u32, path: &SafePath, target: &[u8]) -> io::Result<Fact> {
        let to = leads_to(path, target).map_err(io::Error::other)?;
        // What is there already may be a link of somebody's to elsewhere.
        if let Some(to) = to
            && !self.folders.root().keeps_inside(&to)?
        {
            let why = "it leads out of this folder, by a link that was there before";
            return Ok(Fact::Failed(Why::new(Cause::Kind, why)));
        }
        self.within(path, |folder| folder.make_link(path.name(), target))?;
        self.has_name(entry, path);
        Ok(Fact::Done)
    }

    fn begin(
        &mut self,
        entry: u32,
        path: &SafePath,
        id: u64,
        size: u64,
        journal: Begun,
    ) -> io::Result<Fact> {
        let open = self.within(path, |folder| match &journal {
            Begun::New(header) => {
                Part::remove(folder, id).map_err(|error| match error.kind() {
                    io::ErrorKind::IsADirectory => io::Error::other(format!(
                        "a folder has the name of its part or journal, {OURS}{id:016x}"
                    )),
                    _ => error,
                })?;
                let mut part = Part::open(folder, id, true)?;
                if let Err(error) = reserve(&part, size) {
                    // Nothing is in it: nobody needs it.
                    part.keep(false);
                    return Err(error);
                }
                Ok(Open {
                    part,
                    id,
                    header: header.clone(),
                    log: OnceLock::new(),
                    lost: OnceLock::new(),
                })
            }
            Begun::Kept(len) => {
                let part = Part::open(folder, id, false)?;
                reserve(&part, size)?;
                let log = OnceLock::from(Journal::open(folder, id, *len)?);
                Ok(Open { part, id, header: Vec::new(), log, lost: OnceLock::new() })
            }
        })?;
        self.open.insert(entry, Arc::new(open));
        Ok(Fact::Done)
    }

    fn opened(&self, entry: u32) -> io::Result<&Arc<Open>> {
        self.open.get(&entry).ok_or_else(|| Errno::BADF.into())
    }

    fn rehash(&self, entry: u32, pieces: Pieces, which: Vec<u32>) -> Act {
        let open = match self.opened(entry) {
            Ok(open) => Arc::clone(open),
            Err(error) => return Act::Done(Report::of(entry, told(Err(error)))),
        };
        let stop = Arc::clone(&self.stop);
        Act::Slow(Box::new(move || {
            let mut buffer = vec![0; read::AT_ONCE];
            let mut hashes = Vec::new();
            for piece in which {
                if let Some(hash) = hash_piece(&open.part, pieces, piece, &mut buffer, &stop) {
                    hashes.push((piece, hash));
                }
            }
            let sizes = hashes.iter().map(|(piece, _)| pieces.bytes(*piece));
            let kept = sizes.map(|bytes| bytes.end - bytes.start).sum();
            Report { kept, ..Report::of(entry, Fact::Rehashed(hashes)) }
        }))
    }

    fn write(&mut self, entry: u32, offset: u64, bytes: &[u8]) -> io::Result<Fact> {
        if let Some(open) = self.open.get(&entry) {
            open.part.write_at(bytes, offset)?;
        } else {
            self.flow(entry)?.write_at(bytes, offset)?;
        }
        Ok(Fact::Done)
    }

    /// A stream has no part that could be gone on with: a file without a name, until all of it is there.
    fn flow(&mut self, entry: u32) -> io::Result<&mut Part> {
        use std::collections::hash_map::Entry;
        match self.flows.entry(entry) {
            Entry::Occupied(known) => Ok(known.into_mut()),
            Entry::Vacant(new) => {
                self.chance = self.chance.wrapping_add(1);
                let root = self.folders.get(&[], true)?;
                Ok(new.insert(Part::unnamed(&root, self.chance)?))
            }
        }
    }

    /// What cannot be logged, for the disk is full but for the room that the part has, is sent again if it comes to
    /// that: no reason to end.
    fn log(&mut self, entry: u32, bytes: &[u8]) -> io::Result<Fact> {
        let open = self.opened(entry)?;
        let journal = match open.log.get() {
            Some(journal) => Ok(journal),
            None => Journal::new(open.part.folder(), open.id, &open.header)
                .map(|journal| open.log.get_or_init(|| journal)),
        };
        let _ = journal.and_then(|journal| journal.append(bytes));
        Ok(Fact::Done)
    }

    /// What comes meanwhile is written meanwhile: so this is done at once, and what fails is told with what is done next.
    fn sync(&self, entry: u32) -> Act {
        let Ok(open) = self.opened(entry).map(Arc::clone) else { return Act::Silent };
        let busy = Arc::strong_count(&open) > 2;
        let job: Option<Job> = (!busy).then(|| {
            Box::new(move || {
                let synced = open.part.sync_data().and_then(|()| match open.log.get() {
                    Some(journal) => journal.sync(),
                    None => Ok(()),
                });
                if let Err(error) = synced {
                    let _ = open.lost.set(why(&error));
                    // Nor is it used later: read again, it may be as it was to be, and yet not be on the disk.
                    let _ = open.part.folder().remove(&Journal::name_of(open.id));
                }
                Report::default()
            }) as Job
        });
        Act::Aside(Report::of(entry, Fact::Done), job)
    }

    fn hash_named(&mut self, entry: u32, path: &SafePath) -> Act {
        let folder = self.folders.get(path.folders(), false);
        let Ok(fd) = folder.and_then(|folder| folder.read(path.name())) else {
            return Act::Done(Report::of(entry, Fact::Hashed(None)));
        };
        let size = rustix::fs::fstat(&fd).map_or(0, |stat| stat.st_size);
        let stop = Arc::clone(&self.stop);
        let hash = move || Report::of(entry, Fact::Hashed(hash_file(&fd, &stop)));
        match u64::try_from(size).is_ok_and(|size| size <= READ_AT_ONCE) {
            true => Act::Done(hash()),
            false => Act::Slow(Box::new(hash)),
        }
    }

    fn seal(&self, entry: u32, size: u64, mode: u16, mtime: i64, durable: bool) -> Act {
        let open = match self.opened(entry) {
            Ok(open) => Arc::clone(open),
            Err(error) => return Act::Done(Report::of(entry, told(Err(error)))),
        };
        let mode = u32::from(mode) & !self.umask;
        let sealed = open.part.set_len(size).and_then(|()| open.part.seal(Some(mode), mtime));
        match (sealed, durable) {
            (Ok(()), true) => Act::Slow(Box::new(move || {
                let synced = open.part.sync();
                let fact = match open.check() {
                    Ok(()) => told(synced.map(|()| Fact::Done)),
                    Err(lost) => Fact::Failed(lost),
                };
                Report::of(entry, fact)
            })),
            (sealed, _) => Act::Done(Report::of(entry, told(sealed.map(|()| Fact::Done)))),
        }
    }

    fn commit(&mut self, entry: u32, path: &SafePath, id: u64, replace: bool) -> io::Result<Fact> {
        let open = Arc::clone(self.opened(entry)?);
        if let Err(lost) = open.check() {
            return Ok(Fact::Failed(lost));
        }
        let folder = open.part.folder();
        let named = name(&open.part, folder, path.name(), self.taken(replace));
        if !matches!(named, Ok(Fact::Done)) {
            return named;
        }
        self.open.remove(&entry);
        if open.log.get().is_some() {
            // Left behind, it would be removed by a later one.
            let _ = folder.remove(&Journal::name_of(id));
        }
        self.has_name(entry, path);
        named
    }

    /// `None`: it waits for a sync.
    fn place(
        &mut self,
        entry: u32,
        path: &SafePath,
        bytes: &[u8],
        replace: bool,
        mode: u16,
        mtime: i64,
    ) -> io::Result<Option<Fact>> {
        let mode = u32::from(mode);
        self.chance = self.chance.wrapping_add(1);
        let chance = self.chance;
        let umask = self.umask;
        let (part, folder) = self.within(path, |folder| {
            Ok((Part::unnamed_with(folder, chance, mode)?, folder.clone()))
        })?;
        part.write_at(bytes, 0)?;
        let mode = (!part.is_unnamed()).then_some(mode & !umask);
        part.seal(mode, mtime)?;
        if self.durable {
            let replace = self.taken(replace);
            self.placed.push(Placed { entry, part, folder, path: path.clone(), replace });
            return Ok(None);
        }
        let named = name(&part, &folder, path.name(), self.taken(replace))?;
        Ok(Some(named))
    }

    /// What is to be done with all that was said to be done [together](Act::Together); only once there are many, unless `all`.
    pub(super) fn together(&mut self, all: bool) -> Option<Job> {
        if self.placed.is_empty() || self.placed.len() < SYNCED_AT_ONCE && !all {
            return None;
        }
        let placed = std::mem::take(&mut self.placed);
        for one in &placed {
            let folder = one.path.folders().to_vec();
            self.named.insert(one.entry, folder);
        }
        Some(Box::new(move || {
            let synced = match placed.len() < SYNCED_ALONE {
                true => placed.iter().try_for_each(|one| one.part.sync()),
                false => sync_systems(placed.iter().map(|one| &one.folder)),
            };
            let why = synced.err().map(|error| why(&error));
            let name = |one: &Placed| match &why {
                Some(why) => Fact::Failed(why.clone()),
                None => told(name(&one.part, &one.folder, one.path.name(), one.replace)),
            };
            let facts = placed.iter().map(|one| (one.entry, name(one))).collect();
            Report { facts, placed: true, ..Report::default() }
        }))
    }

    fn finish(&mut self, entry: u32, path: SafePath) -> Act {
        let part = self.flow(entry).map(drop).map(|()| self.flows.remove(&entry));
        let part = match part {
            Ok(Some(part)) => part,
            Ok(None) => return Act::Done(Report::of(entry, told(Err(Errno::BADF.into())))),
            Err(error) => return Act::Done(Report::of(entry, told(Err(error)))),
        };
        let (folder, umask) = (self.folders.root().clone(), self.umask);
        let (durable, replace) = (self.durable, self.conflict == Conflict::Overwrite);
        let finish = move || match finish(part, &folder, path.name(), durable, replace, umask) {
            Ok(name) => Report { name: Some((entry, name)), ..Report::of(entry, Fact::Done) },
            Err(error) => Report::of(entry, told(Err(error))),
        };
        match durable {
            true => Act::Slow(Box::new(finish)),
            false => Act::Done(finish()),
        }
    }

    fn discard(&mut self, entry: u32, path: &SafePath, id: u64) -> io::Result<Fact> {
        if self.flows.remove(&entry).is_some() {
            return Ok(Fact::Done);
        }
        // Its lock goes with it, and is taken again for the removal.
        self.open.remove(&entry);
        let folder = match self.folders.get(path.folders(), false) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Fact::Done),
            folder => folder?,
        };
        match Part::remove(&folder, id) {
            // Another one is at it: then it is that one's.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(Fact::Done),
            removed => removed.map(|()| Fact::Done),
        }
    }

    fn taken(&self, replace: bool) -> Replace {
        match self.conflict {
            _ if !replace => Replace::Nothing,
            Conflict::Newer => Replace::Older,
            _ => Replace::Files,
        }
    }

    /// Remembers where it lies, if that is to be synced.
    fn has_name(&mut self, entry: u32, path: &SafePath) {
        if self.durable {
            self.named.insert(entry, path.folders().to_vec());
        }
    }

    fn sync_folders(&mut self, entries: &[u32]) -> Job {
        let mut paths = BTreeSet::new();
        for folders in entries.iter().filter_map(|entry| self.named.remove(entry)) {
            // A folder that is new has its name in the one above.
            for depth in 0..=folders.len() {
                paths.insert(folders[..depth].to_vec());
            }
        }
        let folders: io::Result<Vec<Folder>> = match paths.len() > SYNCED_ALONE {
            false => paths.iter().map(|path| self.folders.get(path, false)).collect(),
            true => self.systems_of(&paths),
        };
        let whole = paths.len() > SYNCED_ALONE;
        Box::new(move || {
            let synced = folders.and_then(|folders| match whole {
                true => folders.iter().try_for_each(Folder::sync_all),
                false => folders.iter().try_for_each(Folder::sync),
            });
            let folders = Some(synced.map_err(|error| why(&error)));
            Report { folders, ..Report::default() }
        })
    }

    /// One folder of each file system on which these lie.
    fn systems_of(&mut self, paths: &BTreeSet<Vec<String>>) -> io::Result<Vec<Folder>> {
        let mut systems: Vec<(u64, Folder)> = Vec::new();
        for path in paths {
            let folder = self.folders.get(path, false)?;
            let device = folder.device()?;
            if systems.iter().all(|(known, _)| *known != device) {
                systems.push((device, folder));
            }
        }
        Ok(systems.into_iter().map(|(_, folder)| folder).collect())
    }

    /// Room for what is to come: what is free, and for each of these paths what is there of it by its size, or by its
    /// part.
    pub(super) fn room<'p>(
        &mut self,
        coming: impl Iterator<Item = Known<'p>>,
        bytes: u64,
    ) -> io::Result<u64> {
        let mut room = self.folders.root().room()?;
        for Known { path, size, mtime, .. } in coming {
            if room >= bytes {
                break;
            }
            let Ok(folder) = self.folders.if_there(path.folders()) else { continue };
            let part = Part::name_of(id(path, size, mtime));
            let there = match folder.look(path.name()) {
                Ok(Some(stat)) if u64::try_from(stat.st_size) == Ok(size) => size,
                // st_blocks counts 512 bytes, whatever the file system does (stat(2)).
                _ => folder.look(part).ok().flatten().map_or(0, |stat| {
                    u64::try_from(stat.st_blocks).unwrap_or(0).saturating_mul(512).min(size)
                }),
            };
            room = room.saturating_add(there);
        }
        Ok(room)
    }
}

fn told(done: io::Result<Fact>) -> Fact {
    done.unwrap_or_else(|error| Fact::Failed(why(&error)))
}

/// Why something could not be done, for the other side and for a person.
pub(super) fn why(error: &io::Error) -> Why {
    let errno = Errno::from_io_error(error);
    let (cause, says) = match errno {
        Some(Errno::NOSPC | Errno::DQUOT | Errno::FBIG) => (Cause::Full, plain(error)),
        Some(Errno::NAMETOOLONG | Errno::ILSEQ) => (Cause::Name, plain(error)),
        Some(Errno::EXIST | Errno::ISDIR) => (Cause::Taken, plain(error)),
        Some(Errno::NOTDIR) => (Cause::Taken, "where a folder is to be is something else".into()),
        Some(Errno::LOOP | Errno::XDEV) => {
            (Cause::Taken, "a symbolic link is on the way, which is not followed".into())
        }
        Some(Errno::WOULDBLOCK) => {
            (Cause::Disk, "another receive is at this very file just now".into())
        }
        _ => (Cause::Disk, plain(error)),
    };
    Why::new(cause, &says)
}

/// Takes the room for all of a part.
fn reserve(part: &Part, size: u64) -> io::Result<()> {
    let missing = size.saturating_sub(part.taken()?);
    // What is kept for others stays theirs, and a file system that takes what it can before it says no is not filled up.
    if part.folder().room()? < missing {
        return Err(Errno::NOSPC.into());
    }
    // There it takes as long as writing does, before anything of it can come.
    let most = if part.folder().is_in_memory() { RESERVED_IN_MEMORY } else { u64::MAX };
    part.reserve(size.min(most))
}

fn sync_systems<'f>(folders: impl Iterator<Item = &'f Folder>) -> io::Result<()> {
    let mut synced = BTreeSet::new();
    let mut last: Option<&Folder> = None;
    for folder in folders {
        use std::os::fd::{AsFd as _, AsRawFd as _};
        let raw = |folder: &Folder| folder.as_fd().as_raw_fd();
        if last.is_some_and(|last| raw(last) == raw(folder)) {
            continue;
        }
        last = Some(folder);
        if synced.insert(folder.device()?) {
            folder.sync_all()?;
        }
    }
    Ok(())
}
