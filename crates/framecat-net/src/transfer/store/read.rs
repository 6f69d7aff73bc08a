//! What is there already of what is to come.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;

use framecat_proto::transfer::pieces::{Hash, Pieces};
use rustix::io::Errno;

use crate::disk::{Folder, Journal, Part, not_ours};

/// What is read at once.
pub(super) const AT_ONCE: usize = 256 << 10;

/// The journal, where there is a part or a journal of that number; empty where it tells nothing that could be used.
pub(super) fn journal_of(folder: &Folder, id: u64, most: u64) -> io::Result<Option<Vec<u8>>> {
    let part = folder.look(Part::name_of(id))?;
    let journal = match Journal::read(folder, id, most) {
        Ok(told) => Some(told),
        // Something may have its name that is not ours.
        Err(_) => folder.look(Journal::name_of(id))?.map(|_| Vec::new()),
    };
    Ok(match (part, journal) {
        (None, None) => None,
        (Some(stat), Some(told)) if not_ours(&stat).is_none() => Some(told),
        _ => Some(Vec::new()),
    })
}

/// The hash of a piece of a part, as it is on the disk. `None`: it cannot be read, or is not there.
pub(super) fn hash_piece(
    part: &Part,
    pieces: Pieces,
    piece: u32,
    buffer: &mut [u8],
    stop: &AtomicBool,
) -> Option<Hash> {
    let bytes = pieces.bytes(piece);
    let mut hasher = pieces.hasher(piece);
    let mut at = bytes.start;
    while at < bytes.end {
        if stop.load(Relaxed) {
            return None;
        }
        let most = usize::try_from(bytes.end - at).unwrap_or(usize::MAX).min(buffer.len());
        let read = part.read_at(&mut buffer[..most], at).ok().filter(|read| *read > 0)?;
        hasher.update(&buffer[..read]);
        at += read as u64;
    }
    Some(hasher.finish())
}

/// The hash of a file.
pub(super) fn hash_file(fd: &OwnedFd, stop: &AtomicBool) -> Option<Hash> {
    let mut buffer = vec![0; AT_ONCE];
    let mut hasher = blake3::Hasher::new();
    let mut at = 0;
    while !stop.load(Relaxed) {
        match rustix::io::pread(fd, &mut buffer[..], at) {
            Err(Errno::INTR) => {}
            Ok(0) => return Some(*hasher.finalize().as_bytes()),
            Ok(read) => {
                hasher.update(&buffer[..read]);
                at += read as u64;
            }
            Err(_) => return None,
        }
    }
    None
}
