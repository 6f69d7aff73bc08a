//! A file that comes by PUT: a part in the deepest folder on its way that is there, and its name once all of
//! it has come.

use std::io;
use std::time::{SystemTime, UNIX_EPOCH};

use framecat_proto::http::plan::because;
use framecat_proto::http::write::{Put, There, Way, too_long};
use framecat_proto::http::{Fields, Reply, status};
use framecat_proto::limits::HTTP_NUMBERED;
use framecat_proto::path::{SafePath, numbered};
use rustix::fs::{FileType, Stat};
use rustix::io::Errno;

use super::files::facts;
use super::receive::Sink;
use super::server::Shared;
use super::verify::Verifier;
use crate::disk::{CommitError, Finish, Folder, Part, Taken};

/// The content of a PUT on its way to the disk.
#[derive(Debug)]
pub(super) struct Putting {
    put: Put,
    verifier: Verifier,
    part: Option<Part>,
    /// How much came, and what there was room for at first.
    len: u64,
    room: u64,
}

impl Putting {
    pub(super) fn new(put: Put) -> Putting {
        let verifier = Verifier::new(put.expected);
        Putting { put, verifier, part: None, len: 0, room: 0 }
    }
}

impl Sink for Putting {
    fn begin(&mut self, site: &Shared) -> Result<(), Reply> {
        let way = along(site, &self.put.path)?;
        judge(site, &self.put, &way)?;
        self.room = way.near.room().map_err(|error| failed(&error))?;
        if self.put.size.is_some_and(|size| size > self.room) {
            return Err(status::page(507, None));
        }
        let part = Part::unnamed(&way.near, chance()).map_err(|error| failed(&error))?;
        self.part = Some(part);
        Ok(())
    }

    fn due(&mut self, site: &Shared, len: u64) -> Result<(), Reply> {
        let all = self.len.saturating_add(len);
        match all {
            _ if all > site.policy.max_upload => Err(too_long(&site.policy)),
            _ if all > self.room => Err(status::page(507, None)),
            _ => Ok(()),
        }
    }

    fn take(&mut self, site: &Shared, content: &[u8]) -> Result<(), Reply> {
        let Some(part) = &self.part else { return Err(status::page(500, None)) };
        // What is told is true, and is looked at in the plan; chunks tell nothing.
        if self.len + content.len() as u64 > site.policy.max_upload {
            return Err(too_long(&site.policy));
        }
        part.write_at(content, self.len).map_err(|error| failed(&error))?;
        self.verifier.take(content);
        self.len += content.len() as u64;
        Ok(())
    }

    fn finish(mut self: Box<Self>, site: &Shared, trailers: &Fields<'_>) -> Reply {
        let Some(part) = self.part.take() else { return status::page(500, None) };
        if let Err(why) = self.verifier.whole(trailers) {
            return because(400, why);
        }
        match settle(site, &self.put, part) {
            Ok((way, place)) => self.put.saved(way, &place),
            Err(reply) => reply,
        }
    }
}

/// The way to a file that is to be.
#[derive(Debug)]
pub(super) struct Along {
    /// The deepest folder on it that is there.
    pub(super) near: Folder,
    /// How many are not. They are made when the file is there, and not before: what is cut off leaves none.
    missing: usize,
}

impl Along {
    /// Whether the file's own folder is there.
    pub(super) fn is_there(&self) -> bool {
        self.missing == 0
    }
}

/// The way to a file of this path.
pub(super) fn along(site: &Shared, path: &SafePath) -> Result<Along, Reply> {
    let root = site.folder().map_err(|error| failed(&error))?;
    let (near, missing) = root.nearest(path.folders()).map_err(|error| failed(&error))?;
    if missing > 0 && !site.policy.rights.make {
        return Err(failed(&Errno::NOENT.into()));
    }
    Ok(Along { near, missing })
}

/// Whether and how it is done, by what has its name now.
pub(super) fn judge(site: &Shared, put: &Put, way: &Along) -> Result<Way, Reply> {
    let there = match way.missing {
        0 => there(&way.near, put.path.name()).map_err(|error| failed(&error))?.0,
        _ => There::Nothing,
    };
    put.judge(&there, &site.policy, now())
}

/// Gives a part that is whole its name, and makes the folders that are missing. How, and the path that is to be
/// told.
///
/// # Errors
/// The reply where it has none; the part is dropped then, or kept if it is one that is.
pub(super) fn settle(site: &Shared, put: &Put, mut part: Part) -> Result<(Way, SafePath), Reply> {
    sync(site, &part)?;
    // What holds now holds until the name is given, as far as it is up to us.
    let _turn = site.turn();
    settle_in_turn(site, put, &mut part)
}

/// Makes sure that a part outlives a power cut, where that is promised: before the turn, so that nobody waits
/// for the disk while others wait for the turn.
pub(super) fn sync(site: &Shared, part: &Part) -> Result<(), Reply> {
    if site.durable { part.sync().map_err(|error| failed(&error)) } else { Ok(()) }
}

/// As [`settle`], by who has the [turn](Shared::turn).
pub(super) fn settle_in_turn(
    site: &Shared,
    put: &Put,
    part: &mut Part,
) -> Result<(Way, SafePath), Reply> {
    let root = site.folder().map_err(|error| failed(&error))?;
    let (folder, made) = match site.policy.rights.make {
        true => root.make_parent_of(&put.path, site.durable).map_err(|error| failed(&error))?,
        false => {
            let parent = root.parent_of(&put.path, false);
            (parent.map_err(|error| failed(&error))?, Default::default())
        }
    };
    name_it(site, put, part, &folder).map_err(|reply| made.take_back(reply))
}

fn name_it(
    site: &Shared,
    put: &Put,
    part: &mut Part,
    folder: &Folder,
) -> Result<(Way, SafePath), Reply> {
    let finish = Finish { durable: site.durable, ..Finish::default() };
    let path = &put.path;
    // Others than we may take a name, or give it free, between a look and the next call.
    for _ in 0..4 {
        let (there, stat) = there(folder, path.name()).map_err(|error| failed(&error))?;
        let way = put.judge(&there, &site.policy, now())?;
        let named = match way {
            Way::New => part.commit_to(folder, path.name(), Taken::Refuse, finish),
            Way::Replace => {
                let owner = stat.map(|stat| (stat.st_uid, stat.st_gid));
                let finish = Finish { mode: stat.map(|stat| stat.st_mode), owner, ..finish };
                part.commit_to(folder, path.name(), Taken::Replace, finish)
            }
            Way::Numbered => {
                let place = number_it(path, part, folder, finish)?;
                // Where nobody may look, nobody learns what is there.
                let told = if site.policy.rights.read { place } else { path.clone() };
                return Ok((way, told));
            }
        };
        match named {
            Ok(()) => return Ok((way, path.clone())),
            Err(CommitError::Taken) => {}
            Err(CommitError::Io(error)) => return Err(failed(&error)),
        }
    }
    Err(status::page(409, None))
}

/// Others than we may take the number that was found.
const NUMBERS_TRIED: u32 = 16;

/// Gives it a name that is free.
fn number_it(
    path: &SafePath,
    part: &mut Part,
    folder: &Folder,
    finish: Finish,
) -> Result<SafePath, Reply> {
    // Numbers are given in a row: the end of it is found by some twenty looks, however long it is.
    let taken = |n: u32| folder.look(numbered(path.name(), n)).map(|stat| stat.is_some());
    let (mut low, mut high) = (0, 1);
    while high <= HTTP_NUMBERED && taken(high).map_err(|error| failed(&error))? {
        (low, high) = (high, high * 2);
    }
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        match taken(middle).map_err(|error| failed(&error))? {
            true => low = middle,
            false => high = middle,
        }
    }
    for n in high..=HTTP_NUMBERED.min(high + NUMBERS_TRIED) {
        let name = numbered(path.name(), n);
        // Its path may be too long now; that is known before anything is there.
        let renamed = path.renamed(&name);
        let renamed = renamed.map_err(|error| status::page(400, Some(&format!("{error}."))))?;
        match part.commit_to(folder, &name, Taken::Refuse, finish) {
            Ok(()) => return Ok(renamed),
            Err(CommitError::Taken) => {}
            Err(CommitError::Io(error)) => return Err(failed(&error)),
        }
    }
    Err(status::page(409, Some("This name is taken, and so are all that have a number.")))
}

/// What has the name in the folder.
pub(super) fn there(
    folder: &Folder,
    name: impl rustix::path::Arg,
) -> io::Result<(There, Option<Stat>)> {
    let Some(stat) = folder.look(name)? else { return Ok((There::Nothing, None)) };
    let there = match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => There::File(facts(&stat)),
        FileType::Directory => There::Folder,
        _ => There::Other,
    };
    Ok((there, Some(stat)))
}

/// What is answered where the disk or the kernel does not do it.
pub(super) fn failed(error: &io::Error) -> Reply {
    let Some(errno) = Errno::from_io_error(error) else { return status::page(500, None) };
    match errno {
        Errno::NOSPC | Errno::DQUOT => status::page(507, None),
        Errno::FBIG => status::page(413, Some("The disk of this server takes no file so long.")),
        Errno::NOENT => status::page(409, Some("There is no such folder.")),
        Errno::NOTDIR => status::page(409, Some("A file is where a folder should be.")),
        Errno::LOOP | Errno::XDEV => status::page(
            409,
            Some("A link is where a folder should be: nothing is written through one."),
        ),
        Errno::NAMETOOLONG | Errno::INVAL | Errno::ILSEQ => {
            status::page(400, Some("The disk of this server takes no file of this name."))
        }
        Errno::ACCESS | Errno::PERM | Errno::ROFS => {
            status::page(403, Some("This server may not write there."))
        }
        Errno::MFILE | Errno::NFILE | Errno::NOMEM | Errno::NOBUFS => super::answer::failure(errno),
        _ => status::page(500, Some("It could not be written.")),
    }
}

pub(super) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

/// A number that nobody can guess.
pub(super) fn chance() -> u64 {
    let mut bytes = [0; 8];
    // It cannot fail once the machine has started (getrandom(2)).
    let _ = rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty());
    u64::from_ne_bytes(bytes)
}
