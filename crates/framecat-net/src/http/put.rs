//! A file that comes by PUT: a part in the folder where it will be, and its name once all of it is there.

use std::io;
use std::time::{SystemTime, UNIX_EPOCH};

use framecat_proto::http::write::{Put, There, Way, too_long};
use framecat_proto::http::{Fields, Reply, status};
use rustix::fs::FileType;
use rustix::io::Errno;

use super::files::facts;
use super::receive::Sink;
use super::server::Shared;
use crate::disk::{CommitError, Finish, Folder, Part, Taken};

/// The content of a PUT on its way to the disk.
#[derive(Debug)]
pub(super) struct Putting {
    put: Put,
    open: Option<Open>,
    /// How much came.
    len: u64,
}

#[derive(Debug)]
struct Open {
    folder: Folder,
    part: Part,
}

impl Putting {
    pub(super) fn new(put: Put) -> Putting {
        Putting { put, open: None, len: 0 }
    }

    fn judge(&self, site: &Shared, folder: &Folder) -> Result<Way, Reply> {
        let there = there(folder, self.put.path.name()).map_err(|error| failed(&error))?;
        self.put.judge(&there, &site.policy, now())
    }
}

impl Sink for Putting {
    fn begin(&mut self, site: &Shared) -> Result<(), Reply> {
        let root = site.folder().map_err(|error| failed(&error))?;
        let folder = root.parent_of(&self.put.path, false).map_err(|error| failed(&error))?;
        self.judge(site, &folder)?;
        let room = folder.room().map_err(|error| failed(&error))?;
        if self.put.size.is_some_and(|size| size > room) {
            return Err(status::page(507, None));
        }
        let part = Part::unnamed(&folder, chance()).map_err(|error| failed(&error))?;
        self.open = Some(Open { folder, part });
        Ok(())
    }

    fn take(&mut self, site: &Shared, content: &[u8]) -> Result<(), Reply> {
        let Some(open) = &self.open else { return Err(status::page(500, None)) };
        // What is told is true, and is looked at in the plan; chunks tell nothing.
        if self.len + content.len() as u64 > site.policy.max_upload {
            return Err(too_long(&site.policy));
        }
        open.part.write_at(content, self.len).map_err(|error| failed(&error))?;
        self.len += content.len() as u64;
        Ok(())
    }

    fn finish(mut self: Box<Self>, site: &Shared, _: &Fields<'_>) -> Reply {
        let Some(Open { folder, part }) = self.open.take() else {
            return status::page(500, None);
        };
        let way = match self.judge(site, &folder) {
            Ok(way) => way,
            Err(reply) => return reply,
        };
        let taken = match way {
            Way::New => Taken::Refuse,
            Way::Replace => Taken::Replace,
        };
        match part.commit(self.put.path.name(), taken, Finish::default()) {
            Ok(()) => self.put.saved(way),
            Err(CommitError::Taken) => status::page(409, None),
            Err(CommitError::Io(error)) => failed(&error),
        }
    }
}

/// What has the name in the folder.
pub(super) fn there(folder: &Folder, name: &str) -> io::Result<There> {
    let Some(stat) = folder.look(name)? else { return Ok(There::Nothing) };
    Ok(match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => There::File(facts(&stat)),
        FileType::Directory => There::Folder,
        _ => There::Other,
    })
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
