//! Files and listings coded in gzip on their way: a stretch at a time by workers, each when the client has taken
//! the one before, as archives are. Small files are coded where they are answered, and remembered.
//!
//! A file that changes while it is coded cuts its reply: what came of it is of no state it ever had.

use std::sync::{Arc, Mutex, PoisonError};

use framecat_proto::http::FileFacts;
use framecat_proto::http::listing::Listing;
use framecat_proto::http::squeeze::{Known, Squeeze};
use rustix::fs::Advice;
use rustix::io::Errno;

use super::files::{Opened, facts_now};
use super::folder::Room;
use super::pack::Cut;
use super::seats::Seat;

/// A stretch ends when it is so long.
const STRETCH: usize = 128 << 10;

/// And when it is of so much, whatever became of it: some 10 ms of a core.
const TAKEN: u64 = 1 << 20;

/// What is read at a time.
const PIECE: usize = 64 << 10;

/// What is the same in all pages of a kind, coded once: most of a page of few names. There are few kinds.
static KNOWN: Mutex<Vec<(&str, Arc<Known>)>> = Mutex::new(Vec::new());

fn known(text: &'static str) -> Arc<Known> {
    let mut all = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, known)) = all.iter().find(|(other, _)| std::ptr::eq(*other, text)) {
        return known.clone();
    }
    let known = Arc::new(Known::of(text.as_bytes()));
    all.push((text, known.clone()));
    known
}

/// A content that is being coded.
#[derive(Debug)]
pub(super) struct Squeezer {
    squeeze: Option<Squeeze>,
    source: Source,
    buf: Vec<u8>,
    seat: Option<Seat>,
}

#[derive(Debug)]
enum Source {
    File {
        file: Arc<Opened>,
        at: u64,
    },
    Listing {
        listing: Listing,
        /// How many of its constants were met.
        met: usize,
        _room: Room,
    },
}

impl Squeezer {
    /// Of an open file. Nothing is read yet.
    pub(super) fn file(file: Arc<Opened>, seat: Seat) -> Squeezer {
        Squeezer::of(Source::File { file, at: 0 }, Some(seat))
    }

    /// Of a listing. If it is not coded in one go, it is [to hold a seat](Self::hold).
    pub(super) fn listing(listing: Listing, room: Room) -> Squeezer {
        Squeezer::of(Source::Listing { listing, met: 0, _room: room }, None)
    }

    fn of(source: Source, seat: Option<Seat>) -> Squeezer {
        Squeezer { squeeze: Some(Squeeze::new()), source, buf: Vec::new(), seat }
    }

    pub(super) fn hold(&mut self, seat: Option<Seat>) {
        self.seat = seat;
    }

    /// Appends the next stretch, which may be nothing; whether there is more. It may wait for a disk.
    ///
    /// # Errors
    /// The content cannot go on: what was sent of it must not look whole.
    pub(super) fn next(&mut self, out: &mut Vec<u8>) -> Result<bool, Cut> {
        let Some(squeeze) = &mut self.squeeze else { return Ok(false) };
        let (start, mut taken) = (out.len(), 0);
        while out.len() - start < STRETCH && taken < TAKEN {
            let more = match &mut self.source {
                Source::File { file, at } => {
                    if *at == 0 {
                        // Only advice.
                        let _ = rustix::fs::fadvise(&file.fd, 0, None, Advice::Sequential);
                    }
                    let got = read(file, *at, &mut self.buf)?;
                    squeeze.write(&self.buf[..got], out);
                    *at += got as u64;
                    taken += got as u64;
                    *at < file.facts.size
                }
                Source::Listing { listing, met, .. } => {
                    self.buf.clear();
                    let more = listing.write(PIECE, &mut self.buf);
                    put_page(squeeze, &self.buf, (&listing.constants(), met), out);
                    taken += self.buf.len() as u64;
                    more
                }
            };
            if !more {
                if let Source::File { file, .. } = &self.source {
                    unchanged(file)?;
                }
                if let Some(squeeze) = self.squeeze.take() {
                    squeeze.end(out);
                }
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// Reads at `at`, and no further than the file was long.
fn read(file: &Opened, at: u64, buf: &mut Vec<u8>) -> Result<usize, Cut> {
    let left = usize::try_from(file.facts.size - at).unwrap_or(usize::MAX);
    buf.resize(PIECE.min(left), 0);
    loop {
        match rustix::io::pread(&file.fd, &mut buf[..], at) {
            Err(Errno::INTR) => {}
            Ok(0) if left > 0 => return Err(Cut::Shorter),
            got => return Ok(got?),
        }
    }
}

fn unchanged(file: &Opened) -> Result<(), Cut> {
    let state = |facts: &FileFacts| (facts.size, facts.mtime, facts.mtime_nanos);
    let now = facts_now(&file.fd)?;
    if state(&now) == state(&file.facts) { Ok(()) } else { Err(Cut::Changed) }
}

/// What stands in each page is not coded each time. A name may hold the same text: what is met is the same,
/// whoever wrote it.
fn put_page(
    squeeze: &mut Squeeze,
    mut page: &[u8],
    (constants, met): (&[&'static str], &mut usize),
    out: &mut Vec<u8>,
) {
    while let Some(text) = constants.get(*met)
        && let Some(at) = memchr::memmem::find(page, text.as_bytes())
    {
        squeeze.write(&page[..at], out);
        squeeze.put(&known(text), out);
        page = &page[at + text.len()..];
        *met += 1;
    }
    squeeze.write(page, out);
}
