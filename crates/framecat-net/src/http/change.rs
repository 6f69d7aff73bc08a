//! What is done by a request that brings nothing: a folder made, something renamed or deleted.

use std::io;

use framecat_proto::http::write::{Delete, Make, Rename, There};
use framecat_proto::http::{Fields, Reply, status};
use framecat_proto::limits::HTTP_BODY_PASSED;
use rustix::fs::{FileType, Stat};
use rustix::io::Errno;

use super::put::{chance, failed, now, there};
use super::receive::Sink;
use super::server::Shared;
use crate::disk::Gone;

/// One of them. Content that comes with it is passed over.
#[derive(Debug)]
pub(super) struct Changing {
    what: Change,
    passed: usize,
}

#[derive(Debug)]
pub(super) enum Change {
    Make(Make),
    Rename(Rename),
    Delete(Delete),
}

impl Changing {
    pub(super) fn new(what: Change) -> Changing {
        Changing { what, passed: 0 }
    }
}

impl Sink for Changing {
    fn begin(&mut self, _: &Shared) -> Result<(), Reply> {
        Ok(())
    }

    fn take(&mut self, _: &Shared, content: &[u8]) -> Result<(), Reply> {
        self.passed += content.len();
        if self.passed > HTTP_BODY_PASSED { Err(status::page(413, None)) } else { Ok(()) }
    }

    fn finish(self: Box<Self>, site: &Shared, _: &Fields<'_>) -> Reply {
        let done = match &self.what {
            Change::Make(make) => self::make(site, make),
            Change::Rename(rename) => self::rename(site, rename),
            Change::Delete(delete) => self::delete(site, delete),
        };
        done.unwrap_or_else(|reply| reply)
    }
}

fn make(site: &Shared, make: &Make) -> Result<Reply, Reply> {
    let failed = |error: io::Error| failed(&error);
    let _turn = site.turn();
    let folder = site.folder().and_then(|root| root.parent_of(&make.path, false));
    let folder = folder.map_err(failed)?;
    make.judge(&there(&folder, make.path.name()).map_err(failed)?.0, now())?;
    match folder.make(make.path.name(), site.durable) {
        Ok(()) => Ok(make.made()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            Err(status::page(409, Some("Something has this name.")))
        }
        Err(error) => Err(failed(error)),
    }
}

fn rename(site: &Shared, rename: &Rename) -> Result<Reply, Reply> {
    let failed = |error: io::Error| failed(&error);
    let _turn = site.turn();
    let root = site.folder().map_err(failed)?;
    let from = root.at(rename.from.above()).map_err(missing)?;
    let (is, stat) = there(&from, rename.from.name()).map_err(failed)?;
    if is == There::Nothing {
        return Err(status::page(404, None));
    }
    let to = root.parent_of(&rename.to, false).map_err(failed)?;
    let taken = there(&to, rename.to.name()).map_err(failed)?.0;
    rename.judge(&is, &taken, now())?;
    let link = |stat: Stat| FileType::from_raw_mode(stat.st_mode) == FileType::Symlink;
    let elsewhere = rename.to.folders().join("/").into_bytes() != rename.from.above();
    if elsewhere && stat.is_some_and(link) {
        // A relative one would lead somewhere else, and be served.
        let words = "A link keeps its folder: in another one it would lead elsewhere.";
        return Err(status::page(409, Some(words)));
    }
    from.rename(rename.from.name(), &to, rename.to.name()).map_err(|error| {
        match Errno::from_io_error(&error) {
            Some(Errno::EXIST | Errno::NOTEMPTY) => {
                status::page(409, Some("Something has the new name."))
            }
            Some(Errno::NOENT) => status::page(404, None),
            Some(Errno::XDEV | Errno::BUSY) => {
                status::page(409, Some("It cannot be moved there: that is another disk."))
            }
            _ => failed(error),
        }
    })?;
    if site.durable {
        to.sync().and_then(|()| from.sync()).map_err(failed)?;
    }
    Ok(rename.renamed(&is))
}

fn delete(site: &Shared, delete: &Delete) -> Result<Reply, Reply> {
    let failed = |error: io::Error| failed(&error);
    let root = site.folder().map_err(failed)?;
    let folder = root.at(delete.path.above()).map_err(missing)?;
    let turn = site.turn();
    delete.judge(&there(&folder, delete.path.name()).map_err(failed)?.0, now())?;
    let gone =
        folder.take_away(delete.path.name(), chance()).map_err(
            |error| match Errno::from_io_error(&error) {
                Some(Errno::NOENT) => status::page(404, None),
                Some(Errno::BUSY | Errno::XDEV) => status::page(
                    409,
                    Some("Another disk is in it, or it is in use: all of it is left."),
                ),
                _ => failed(error),
            },
        )?;
    // Nobody finds it any more: what is left to do needs no turn.
    drop(turn);
    // A few large ones must not hold all who wait for a disk: then it is done by and by.
    match (gone, site.removals.take()) {
        (Some(gone), Some(_seat)) => {
            gone.remove().map_err(|error| left(&gone, delete.path.name(), &error))?;
        }
        (Some(gone), None) => site.remove_later(gone),
        (None, _) => {}
    }
    if site.durable {
        folder.sync().map_err(failed)?;
    }
    Ok(delete.deleted())
}

/// What of a folder is not removed. What is on another disk is not, and is found again where it was.
fn left(gone: &Gone, name: &[u8], error: &io::Error) -> Reply {
    let mounted =
        Errno::from_io_error(error).is_some_and(|errno| matches!(errno, Errno::XDEV | Errno::BUSY));
    if mounted && gone.put_back(name).is_ok() {
        return status::page(409, Some("Another disk is in it, which is left; the rest is gone."));
    }
    status::page(500, Some("It is gone, but some of it could not be removed from the disk."))
}

/// Where the folder of what is to be changed cannot be reached: then that is not there either.
fn missing(error: io::Error) -> Reply {
    match Errno::from_io_error(&error) {
        Some(Errno::NOENT | Errno::NOTDIR | Errno::NAMETOOLONG) => status::page(404, None),
        _ => failed(&error),
    }
}
