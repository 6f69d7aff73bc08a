//! Whether what came is what was sent: Content-Digest and Repr-Digest of a request that brings something.

use std::io;

use framecat_proto::http::repr_digest::{Expected, Hash};
use framecat_proto::http::{Fields, Why};
use ring::digest::{Context, SHA256};

use crate::disk::Part;

/// What a content must hash to, and how far its hash is made.
pub(super) struct Verifier {
    expected: Expected,
    /// `None`: nobody will ask for it.
    hash: Option<Box<Context>>,
}

impl std::fmt::Debug for Verifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Verifier").field("expected", &self.expected).finish_non_exhaustive()
    }
}

impl Verifier {
    pub(super) fn new(expected: Expected) -> Verifier {
        let hash = (!expected.is_nothing()).then(|| Box::new(Context::new(&SHA256)));
        Verifier { expected, hash }
    }

    /// The next piece of the content.
    pub(super) fn take(&mut self, content: &[u8]) {
        if let Some(hash) = &mut self.hash {
            hash.update(content);
        }
    }

    /// All of the content came, and these trailers behind it: it is judged by Content-Digest. What is to be
    /// said of the whole is returned, with the hash of the content.
    pub(super) fn content(self, trailers: &Fields<'_>) -> Result<(Expected, Option<Hash>), Why> {
        let expected = self.expected.with(trailers)?;
        let hash = self.hash.map(|hash| of(*hash));
        if let Some(hash) = &hash {
            expected.is_content(hash)?;
        }
        Ok((expected, hash))
    }

    /// As [`content`](Self::content), where the content is the whole.
    pub(super) fn whole(self, trailers: &Fields<'_>) -> Result<(), Why> {
        match self.content(trailers)? {
            (expected, Some(hash)) => expected.is_whole(&hash),
            (_, None) => Ok(()),
        }
    }
}

fn of(context: Context) -> Hash {
    let mut hash = Hash::default();
    hash.copy_from_slice(context.finish().as_ref());
    hash
}

/// The hash of what a part holds: it is read once more.
pub(super) fn of_part(part: &Part, len: u64) -> io::Result<Hash> {
    let mut hash = Context::new(&SHA256);
    let mut buf = vec![0; 256 << 10];
    let mut at = 0;
    while at < len {
        let upto = buf.len().min(usize::try_from(len - at).unwrap_or(usize::MAX));
        match rustix::io::pread(part, &mut buf[..upto], at) {
            Err(rustix::io::Errno::INTR) => {}
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(got) => {
                hash.update(&buf[..got]);
                at += got as u64;
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(of(hash))
}
