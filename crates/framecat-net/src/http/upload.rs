//! Uploads in pieces: a part that outlives its requests, their connections and this process.
//!
//! The part lies in the deepest folder of its path that was there when it began, under a name made of the
//! upload's id and that path, so an id is good for the one file it was given for. It holds what came from its
//! first byte on and nothing else: how much is there is how long it is. Whoever writes it has its lock; a newer
//! request of this server takes it over from an older one, whose client may have been gone for a while
//! without anybody having noticed.

use std::collections::HashMap;
use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use framecat_proto::http::plan::because;
use framecat_proto::http::resume::{self, Piece, Step, Upload, UploadId};
use framecat_proto::http::write::Put;
use framecat_proto::http::{Fields, Reply, status};
use framecat_proto::limits::HTTP_SWEEP;
use framecat_proto::path::SafePath;
use rustix::fs::Stat;
use rustix::io::Errno;
use rustix::time::{ClockId, clock_gettime};

use super::places::{Came, Place, Places};
use super::put::{along, chance, failed, judge, settle};
use super::receive::Sink;
use super::server::Shared;
use super::verify::{Verifier, of_part};
use crate::disk::{Folder, Part, not_ours};

/// The uploads that are written now, by the numbers of their parts.
#[derive(Debug, Clone, Default)]
pub(super) struct Uploads(Arc<Mutex<HashMap<u64, Slot>>>);

/// The uploads that were begun here and have not ended, by the numbers of their parts. What another process
/// began is not among them, nor what began longer ago than [`HTTP_SWEEP`].
#[derive(Debug)]
pub(super) struct Begun {
    places: Places,
    open: Mutex<HashMap<u64, (Instant, Place)>>,
}

impl Begun {
    pub(super) fn new(most: usize, most_per_source: usize) -> Begun {
        Begun { places: Places::new(most, most_per_source), open: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u64, (Instant, Place)>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts one that begins. False: there are as many as may be, in all or from this address.
    fn begin(&self, number: u64, source: Option<IpAddr>, now: Instant) -> bool {
        let mut open = self.lock();
        let place = match self.places.take(source) {
            Came::In(place) => place,
            _ => {
                open.retain(|_, (begun, _)| now.duration_since(*begun) < HTTP_SWEEP);
                let Came::In(place) = self.places.take(source) else { return false };
                place
            }
        };
        open.insert(number, (now, place));
        true
    }

    /// It is whole or given up.
    fn end(&self, number: u64) {
        self.lock().remove(&number);
    }
}

/// A part in somebody's hands; empty once another has taken it over.
type Slot = Arc<Mutex<Option<Part>>>;

impl Uploads {
    fn lock(&self) -> MutexGuard<'_, HashMap<u64, Slot>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The part is ours to write, until another takes it over.
    fn hold(&self, number: u64, part: Part) -> Hold {
        let slot = Arc::new(Mutex::new(Some(part)));
        self.lock().insert(number, slot.clone());
        Hold { uploads: self.clone(), number, slot }
    }

    /// The part that somebody holds and, once no byte of it is under way, is `wanted`.
    fn take_over(
        &self,
        number: u64,
        wanted: impl FnOnce(&Part) -> Result<(), Reply>,
    ) -> Result<Option<Part>, Reply> {
        let slot = self.lock().get(&number).cloned();
        let Some(slot) = slot else { return Ok(None) };
        let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(part) = slot.as_ref() else { return Ok(None) };
        wanted(part)?;
        Ok(slot.take())
    }
}

/// A part that one request writes. When it is dropped the part is left where it is, for the next one.
#[derive(Debug)]
struct Hold {
    uploads: Uploads,
    number: u64,
    slot: Slot,
}

impl Hold {
    /// The part; `None` if somebody else has it now. While this is kept nobody takes it over.
    fn part(&self) -> MutexGuard<'_, Option<Part>> {
        self.slot.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The part, which nobody can take over any longer.
    fn take(self) -> Option<Part> {
        self.part().take()
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        let mut all = self.uploads.lock();
        if all.get(&self.number).is_some_and(|slot| Arc::ptr_eq(slot, &self.slot)) {
            all.remove(&self.number);
        }
    }
}

/// What a request does about an upload.
#[derive(Debug)]
pub(super) struct Uploading {
    put: Put,
    step: Step,
    verifier: Verifier,
    /// Of the one that has begun.
    id: UploadId,
    /// Whose it is; see [`Places::take`].
    source: Option<IpAddr>,
    taking: Option<Taking>,
}

/// A piece on its way to the disk.
#[derive(Debug)]
struct Taking {
    hold: Hold,
    /// Where it begins, how long it is to be, and how much of it came.
    from: u64,
    len: u64,
    came: u64,
}

impl Uploading {
    pub(super) fn new(upload: Upload, source: Option<IpAddr>) -> Uploading {
        let Upload { put, step } = upload;
        let verifier = Verifier::new(put.expected);
        Uploading { put, step, verifier, id: UploadId(chance()), source, taking: None }
    }

    /// Looks whether it would be done, and has room.
    fn look(&self, site: &Shared, missing: u64) -> Result<Folder, Reply> {
        let way = along(site, &self.put.path)?;
        judge(site, &self.put, &way)?;
        let room = way.near.room().map_err(|error| failed(&error))?;
        if missing > room { Err(status::page(507, None)) } else { Ok(way.near) }
    }

    /// Begins to take a piece.
    fn take_up(&self, site: &Shared, id: UploadId, piece: Piece) -> Result<Taking, Reply> {
        let number = number(id, &self.put.path);
        let mut from = 0;
        let mut wanted = |part: &Part| {
            from = trusted(part).map_err(|error| failed(&error))?;
            if !piece.is_due(from) {
                return Err(resume::not_due(from));
            }
            let missing = piece.total.unwrap_or(from + piece.len).saturating_sub(from);
            self.look(site, missing).map_err(|reply| resume::with_offset(reply, from)).map(drop)
        };
        let part = match site.uploads.take_over(number, &mut wanted)? {
            Some(part) => part,
            None => {
                let part = open(site, number, &self.put.path)?;
                wanted(&part)?;
                part
            }
        };
        let hold = site.uploads.hold(number, part);
        Ok(Taking { hold, from, len: piece.len, came: 0 })
    }

    /// Somebody else has taken it over.
    fn taken_over(&self, site: &Shared, number: u64) -> Reply {
        match find(site, number, &self.put.path) {
            Ok(Some(stat)) => resume::busy(offset_of(&stat)),
            _ => resume::ended(),
        }
    }

    /// All of a piece came.
    fn taken(mut self, site: &Shared, piece: Piece, trailers: &Fields<'_>) -> Reply {
        let Some(Taking { hold, from, len, came }) = self.taking.take() else {
            return status::page(500, None);
        };
        let number = hold.number;
        let Some(part) = hold.take() else { return self.taken_over(site, number) };
        let back_to = |offset: u64, reply: Reply| match part.set_len(offset) {
            Ok(()) => resume::with_offset(reply, offset),
            Err(error) => failed(&error),
        };
        if came < len {
            return back_to(from, resume::short());
        }
        let verifier = std::mem::replace(&mut self.verifier, Verifier::new(Default::default()));
        let (expected, hash) = match verifier.content(trailers) {
            Ok(verified) => verified,
            Err(why) => return back_to(from, because(400, why)),
        };
        let offset = from + came;
        if !piece.ends() {
            return resume::there(202, offset);
        }
        if expected.whole.is_some() {
            let hash = match (hash, from) {
                (Some(hash), 0) => Ok(hash),
                _ => of_part(&part, offset),
            };
            let verdict = hash.map(|hash| expected.is_whole(&hash));
            match verdict {
                Ok(Ok(())) => {}
                // Nobody knows which of its bytes are wrong.
                Ok(Err(why)) => return back_to(0, because(400, why)),
                Err(error) => return resume::with_offset(failed(&error), offset),
            }
        }
        match settle(site, &self.put, part) {
            Ok((way, place)) => {
                site.begun.end(number);
                self.put.saved(way, &place)
            }
            // It is there still, and may be asked for once more.
            Err(reply) => resume::with_offset(reply, offset),
        }
    }
}

impl Sink for Uploading {
    fn begin(&mut self, site: &Shared) -> Result<(), Reply> {
        match self.step {
            Step::Begin => {
                let near = self.look(site, self.put.size.unwrap_or(0))?;
                let number = number(self.id, &self.put.path);
                if !site.begun.begin(number, self.source, Instant::now()) {
                    return Err(resume::too_many());
                }
                // It stays when it is dropped.
                Part::open(&near, number, true).map(drop).map_err(|error| {
                    site.begun.end(number);
                    failed(&error)
                })
            }
            Step::Take(id, piece) => {
                self.taking = Some(self.take_up(site, id, piece)?);
                Ok(())
            }
            Step::Tell(_) | Step::Forget(_) => Ok(()),
        }
    }

    fn due(&mut self, _: &Shared, len: u64) -> Result<(), Reply> {
        match &self.taking {
            Some(taking) if len > taking.len - taking.came => {
                // As if they had come.
                let slot = taking.hold.part();
                let back = slot.as_ref().map(|part| part.set_len(taking.from));
                back.transpose().map_err(|error| failed(&error))?;
                Err(resume::with_offset(resume::long(), taking.from))
            }
            _ => Ok(()),
        }
    }

    fn take(&mut self, site: &Shared, content: &[u8]) -> Result<(), Reply> {
        self.verifier.take(content);
        let Some(taking) = &mut self.taking else { return Err(status::page(500, None)) };
        let slot = taking.hold.part();
        let Some(part) = slot.as_ref() else {
            let number = taking.hold.number;
            drop(slot);
            return Err(self.taken_over(site, number));
        };
        let at = taking.from + taking.came;
        if taking.came + content.len() as u64 > taking.len {
            // Nobody knows which of its bytes are meant.
            part.set_len(taking.from).map_err(|error| failed(&error))?;
            return Err(resume::with_offset(resume::long(), taking.from));
        }
        if let Err(error) = part.write_at(content, at) {
            let there = part.written().unwrap_or(at);
            return Err(resume::with_offset(failed(&error), there));
        }
        taking.came += content.len() as u64;
        Ok(())
    }

    fn finish(self: Box<Self>, site: &Shared, trailers: &Fields<'_>) -> Reply {
        match self.step {
            Step::Begin => resume::begun(&self.put.path, self.id),
            Step::Take(_, piece) => self.taken(site, piece, trailers),
            Step::Tell(id) => match find(site, number(id, &self.put.path), &self.put.path) {
                Ok(Some(stat)) => resume::there(204, offset_of(&stat)),
                Ok(None) => resume::none(),
                Err(error) => failed(&error),
            },
            Step::Forget(id) => {
                let number = number(id, &self.put.path);
                let part = match site.uploads.take_over(number, |_| Ok(())) {
                    Ok(Some(part)) => Ok(part),
                    Ok(None) => open(site, number, &self.put.path),
                    Err(reply) => Err(reply),
                };
                match part {
                    Ok(mut part) => {
                        part.keep(false);
                        site.begun.end(number);
                    }
                    Err(reply) => return reply,
                }
                Reply::new(204)
            }
        }
    }
}

/// The number of the part of an upload: an id is good for the file that it was given for.
fn number(id: UploadId, path: &SafePath) -> u64 {
    let named = [&id.0.to_be_bytes()[..], path.to_string().as_bytes()].concat();
    let hash = ring::digest::digest(&ring::digest::SHA256, &named);
    hash.as_ref().iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// The folders in which the part of an upload may lie: the deepest first, for when it began, the others may
/// not have been there.
fn folders(site: &Shared, path: &SafePath) -> impl Iterator<Item = io::Result<Folder>> {
    let root = site.folder();
    let names = path.folders().to_vec();
    let mut left = Some(names.len());
    std::iter::from_fn(move || {
        let upto = left?;
        let found = match &root {
            Ok(root) => root.nearest(&names[..upto]),
            Err(error) => Err(io::Error::from(error.kind())),
        };
        left = match &found {
            Ok((_, missing)) => (upto - missing).checked_sub(1),
            Err(_) => None,
        };
        Some(found.map(|(folder, _)| folder))
    })
}

/// The part of an upload that nobody writes.
fn open(site: &Shared, number: u64, path: &SafePath) -> Result<Part, Reply> {
    for folder in folders(site, path) {
        let folder = folder.map_err(|error| failed(&error))?;
        match Part::open(&folder, number, false) {
            Err(error) => match Errno::from_io_error(&error) {
                Some(Errno::NOENT | Errno::LOOP | Errno::ISDIR) => {}
                Some(Errno::AGAIN) => {
                    let stat = find(site, number, path).map_err(|error| failed(&error))?;
                    return Err(
                        stat.map_or_else(resume::none, |stat| resume::busy(offset_of(&stat)))
                    );
                }
                _ => return Err(failed(&error)),
            },
            Ok(part) => return Ok(part),
        }
    }
    Err(resume::none())
}

/// What is known of the part of an upload, whoever writes it.
fn find(site: &Shared, number: u64, path: &SafePath) -> io::Result<Option<Stat>> {
    let name = Part::name_of(number);
    for folder in folders(site, path) {
        if let Some(stat) = folder?.look(&name)? {
            return Ok(not_ours(&stat).is_none().then_some(stat));
        }
    }
    Ok(None)
}

/// How many bytes of a part can be gone on with.
fn offset_of(stat: &Stat) -> u64 {
    if is_trusted(stat) { u64::try_from(stat.st_size).unwrap_or(0) } else { 0 }
}

/// The same of one that is open; of what is not trusted nothing stays.
fn trusted(part: &Part) -> io::Result<u64> {
    let stat = rustix::fs::fstat(part)?;
    if !is_trusted(&stat) {
        part.set_len(0)?;
    }
    Ok(offset_of(&stat))
}

/// Whether what was written has certainly come to the disk or is in memory still: nothing was made durable,
/// so what was written before the machine started may be zeros now. A time that is ahead was told by a
/// clock that nobody can rely on.
fn is_trusted(stat: &Stat) -> bool {
    const AHEAD: i64 = 60;
    let now = clock_gettime(ClockId::Realtime).tv_sec;
    let started = now - clock_gettime(ClockId::Boottime).tv_sec;
    (started..=now + AHEAD).contains(&stat.st_mtime)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uploads_that_do_not_end_are_bounded_until_they_are_old() {
        let begun = Begun::new(3, 2);
        let start = Instant::now();
        let far = Some(IpAddr::from([192, 0, 2, 7]));
        assert!(begun.begin(1, far, start) && begun.begin(2, far, start));
        assert!(!begun.begin(3, far, start), "of this address there are as many as may be");
        assert!(begun.begin(4, None, start) && !begun.begin(5, None, start), "and in all");
        begun.end(2);
        begun.end(2);
        begun.end(99);
        assert!(begun.begin(6, None, start) && !begun.begin(7, None, start));
        assert!(begun.begin(8, far, start + HTTP_SWEEP), "the others count no more");
        assert_eq!(begun.lock().len(), 1);
    }
}
