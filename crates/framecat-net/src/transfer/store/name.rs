//! How what has come gets its name.

use std::io;

use framecat_proto::limits::TRANSFER_NAMES;
use framecat_proto::path::numbered;
use framecat_proto::transfer::receiver::Fact;
use rustix::fs::{FileType, Stat};
use rustix::io::Errno;

use crate::disk::{CommitError, Folder, Part, Taken};

/// What a file may take the place of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Replace {
    Nothing,
    /// Of a file.
    Files,
    /// Of a file that is no newer than it: one that was changed meanwhile stays.
    Older,
}

/// Gives it its name; of what has that only a file is replaced.
pub(super) fn name(part: &Part, folder: &Folder, name: &str, replace: Replace) -> io::Result<Fact> {
    if !part.is_there()? {
        // Somebody put something else in its place, which nobody has hashed.
        return Err(io::Error::other("its part was taken away"));
    }
    let taken = match replace {
        Replace::Nothing => Taken::Refuse,
        _ => match folder.look(name)? {
            None => Taken::Refuse,
            Some(stat) if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile => {
                return Ok(Fact::Taken);
            }
            Some(stat) if replace == Replace::Older && changed(&stat) > changed(&part.stat()?) => {
                return Ok(Fact::Taken);
            }
            Some(_) => Taken::Replace,
        },
    };
    match part.give_name(folder, name, taken) {
        Ok(()) => Ok(Fact::Done),
        Err(CommitError::Taken) => Ok(Fact::Taken),
        Err(CommitError::Io(error)) => Err(error),
    }
}

/// When it was last changed, in nanoseconds since 1970.
pub(super) fn changed(stat: &Stat) -> i64 {
    let nanos = i64::try_from(stat.st_mtime_nsec).unwrap_or(0);
    stat.st_mtime.saturating_mul(1_000_000_000).saturating_add(nanos)
}

/// Makes a file of a stream, and returns its name.
pub(super) fn finish(
    part: Part,
    folder: &Folder,
    path: &str,
    durable: bool,
    replace: bool,
    umask: u32,
) -> io::Result<String> {
    if !part.is_unnamed() {
        part.permit(0o666 & !umask)?;
    }
    if durable {
        part.sync()?;
    }
    let mut n = 0;
    loop {
        let called = if n == 0 { path.to_owned() } else { numbered(path, n) };
        let how = if replace && n == 0 { Replace::Files } else { Replace::Nothing };
        match name(&part, folder, &called, how)? {
            Fact::Taken if n < TRANSFER_NAMES => n += 1,
            Fact::Taken => return Err(Errno::EXIST.into()),
            _ => {
                if durable {
                    folder.sync()?;
                }
                return Ok(called);
            }
        }
    }
}
