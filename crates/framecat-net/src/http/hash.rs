//! `?sha256` and `?blake3`: a file is read by workers, a stretch at a time, so that large files take turns
//! with each other and with what else waits for a disk; what is known of a file that has not changed since
//! is remembered.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use framecat_proto::http::FileFacts;
use framecat_proto::http::digest::Digest;
use framecat_proto::limits::HTTP_HASHES_KNOWN;
use rustix::fs::Advice;
use rustix::io::Errno;

use super::files::{Opened, facts_now};
use super::seats::Seat;

/// What is read before others have their turn.
const STRETCH: u64 = 16 << 20;

/// A file that changes while it is read is read anew so often.
const TRIES: u32 = 3;

/// A hash.
pub(super) type Hash = [u8; 32];

/// What is known already: one for all loops.
#[derive(Debug, Default)]
pub(super) struct Known(Mutex<HashMap<(Digest, FileFacts), Hash>>);

impl Known {
    /// The hash of a file in this very state.
    pub(super) fn get(&self, digest: Digest, facts: &FileFacts) -> Option<Hash> {
        self.lock().get(&(digest, *facts)).copied()
    }

    fn keep(&self, digest: Digest, facts: &FileFacts, hash: Hash) {
        // The next change might not show: nothing can be known of such a file.
        if !facts.settled {
            return;
        }
        let mut known = self.lock();
        if known.len() >= HTTP_HASHES_KNOWN {
            known.clear();
        }
        known.insert((digest, *facts), hash);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<(Digest, FileFacts), Hash>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A file whose hash is being made.
pub(super) struct Hasher {
    digest: Digest,
    file: Arc<Opened>,
    state: State,
    facts: FileFacts,
    at: u64,
    tries: u32,
    _seat: Seat,
}

enum State {
    Sha256(Box<ring::digest::Context>),
    Blake3(Box<blake3::Hasher>),
}

impl State {
    fn new(digest: Digest) -> State {
        match digest {
            Digest::Sha256 => {
                State::Sha256(Box::new(ring::digest::Context::new(&ring::digest::SHA256)))
            }
            Digest::Blake3 => State::Blake3(Box::new(blake3::Hasher::new())),
        }
    }

    fn update(&mut self, bytes: &[u8]) {
        match self {
            State::Sha256(context) => context.update(bytes),
            State::Blake3(hasher) => drop(hasher.update(bytes)),
        }
    }

    fn finish(&self) -> Hash {
        let mut hash = Hash::default();
        match self {
            State::Sha256(context) => hash.copy_from_slice((**context).clone().finish().as_ref()),
            State::Blake3(hasher) => hash = *hasher.finalize().as_bytes(),
        }
        hash
    }
}

impl std::fmt::Debug for Hasher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hasher").field("digest", &self.digest).field("at", &self.at).finish()
    }
}

impl Hasher {
    /// Of an open file. Nothing is read yet.
    pub(super) fn new(digest: Digest, file: Arc<Opened>, seat: Seat) -> Hasher {
        let (state, facts) = (State::new(digest), file.facts);
        Hasher { digest, file, state, facts, at: 0, tries: 0, _seat: seat }
    }

    /// Reads on; the hash, once all is read. It may wait for a disk.
    ///
    /// # Errors
    /// The file cannot be read; `BUSY`: it changes again and again.
    pub(super) fn next(&mut self, known: &Known) -> Result<Option<Hash>, Errno> {
        if self.at == 0 {
            // Only advice.
            let _ = rustix::fs::fadvise(&self.file.fd, 0, None, Advice::Sequential);
        }
        let mut buf = vec![0; 256 << 10];
        let upto = self.at + STRETCH;
        while self.at < upto {
            match rustix::io::pread(&self.file.fd, &mut buf[..], self.at) {
                Err(Errno::INTR) => {}
                Ok(0) => return self.end(known),
                Ok(got) => {
                    self.state.update(&buf[..got]);
                    self.at += got as u64;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }

    fn end(&mut self, known: &Known) -> Result<Option<Hash>, Errno> {
        let now = facts_now(&self.file.fd)?;
        let state = |facts: &FileFacts| (facts.size, facts.mtime, facts.mtime_nanos);
        if state(&now) == state(&self.facts) && self.at == now.size {
            let hash = self.state.finish();
            known.keep(self.digest, &self.facts, hash);
            return Ok(Some(hash));
        }
        self.tries += 1;
        if self.tries == TRIES {
            return Err(Errno::BUSY);
        }
        (self.state, self.facts, self.at) = (State::new(self.digest), now, 0);
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_of_files_that_rest_is_anything_known_and_only_so_much() {
        let known = Known::default();
        let facts = |inode, settled| FileFacts {
            size: 1,
            mtime: 1,
            mtime_nanos: 1,
            inode,
            device: 1,
            settled,
        };
        known.keep(Digest::Sha256, &facts(1, false), [1; 32]);
        assert_eq!(known.get(Digest::Sha256, &facts(1, false)), None);
        known.keep(Digest::Sha256, &facts(1, true), [1; 32]);
        assert_eq!(known.get(Digest::Sha256, &facts(1, true)), Some([1; 32]));
        assert_eq!(known.get(Digest::Blake3, &facts(1, true)), None);
        let changed = FileFacts { mtime_nanos: 2, ..facts(1, true) };
        assert_eq!(known.get(Digest::Sha256, &changed), None);
        for inode in 0..3 * HTTP_HASHES_KNOWN as u64 {
            known.keep(Digest::Sha256, &facts(inode, true), [2; 32]);
            assert!(known.lock().len() <= HTTP_HASHES_KNOWN);
        }
    }
}
