//! Requests that were answered before. Clients repeat themselves byte for byte, so what was parsed and
//! planned for one request holds for the next that is the same, for as long as the file is the same too:
//! its head is kept, its content never, but for the coded form of a small one, to be compared with what it was
//! made of.

use std::sync::Arc;

use framecat_proto::http::{Coding, Facts, Then};
use framecat_proto::limits::{HTTP_REMEMBERED, HTTP_REMEMBERED_BYTES, HTTP_SQUEEZED_BYTES};
use memchr::memmem;

use super::files::{Found, Wanted};

/// A reply that holds for all requests that are the same.
#[derive(Debug)]
pub(super) struct Remembered {
    /// The request, whole.
    pub(super) request: Box<[u8]>,
    pub(super) wanted: Wanted,
    /// The reply holds for these.
    pub(super) facts: Facts,
    /// Its head.
    pub(super) head: Box<[u8]>,
    pub(super) coding: Option<Coding>,
    /// The content is coded, of a file that holds just this.
    pub(super) squeezed: Option<Squeezed>,
    /// A GET: the content follows.
    pub(super) sends: bool,
    pub(super) then: Then,
    /// What was found in this round, once it is known to be the same as before.
    pub(super) sure: Option<Arc<Found>>,
}

/// A small file and its coded form. Its facts alone do not tell that it is still the same: what a program changes
/// by mmap(2) may show in none of them.
#[derive(Debug)]
pub(super) struct Squeezed {
    pub(super) content: Vec<u8>,
    pub(super) coded: Vec<u8>,
}

impl Squeezed {
    fn bytes(&self) -> usize {
        self.content.len() + self.coded.len()
    }
}

impl Remembered {
    fn bytes(&self) -> usize {
        self.squeezed.as_ref().map_or(0, Squeezed::bytes)
    }
}

/// So many of them; what comes to the place of another takes it.
#[derive(Debug, Default)]
pub(super) struct Memory {
    places: Vec<Option<Box<Remembered>>>,
    /// What of them is content, at most [`HTTP_SQUEEZED_BYTES`].
    bytes: usize,
    /// Those that are sure of their file.
    sure: Vec<usize>,
}

impl Memory {
    /// The place of the request that `input` begins with, if it was answered before.
    pub(super) fn find(&mut self, input: &[u8]) -> Option<usize> {
        let request = request(input)?;
        let at = place(request);
        let there = self.places.get(at)?.as_ref()?;
        (*there.request == *request).then_some(at)
    }

    pub(super) fn at(&mut self, place: usize) -> Option<&mut Remembered> {
        self.places.get_mut(place)?.as_deref_mut()
    }

    /// It is sure of its file, until it is to [`doubt`](Self::doubt) again.
    pub(super) fn sure(&mut self, place: usize, found: Arc<Found>) {
        if let Some(remembered) = self.at(place) {
            remembered.sure = Some(found);
            self.sure.push(place);
        }
    }

    /// Files may have changed; none is held open for what is only remembered.
    pub(super) fn doubt(&mut self) {
        while let Some(place) = self.sure.pop() {
            if let Some(remembered) = self.at(place) {
                remembered.sure = None;
            }
        }
    }

    /// The reply is another one by now.
    pub(super) fn forget(&mut self, place: usize) {
        if let Some(there) = self.places.get_mut(place) {
            self.bytes -= there.take().map_or(0, |there| there.bytes());
        }
    }

    pub(super) fn keep(&mut self, remembered: Remembered) {
        if remembered.request.len() > HTTP_REMEMBERED_BYTES {
            return;
        }
        if self.places.is_empty() {
            self.places.resize_with(HTTP_REMEMBERED, || None);
        }
        let at = place(&remembered.request);
        self.forget(at);
        if self.bytes + remembered.bytes() > HTTP_SQUEEZED_BYTES {
            self.places
                .iter_mut()
                .filter(|there| there.as_ref().is_some_and(|r| r.bytes() > 0))
                .for_each(|there| *there = None);
            self.bytes = 0;
        }
        self.bytes += remembered.bytes();
        self.places[at] = Some(Box::new(remembered));
    }
}

/// The head that `input` begins with: where there is a shorter one, it is no request.
fn request(input: &[u8]) -> Option<&[u8]> {
    let near = &input[..input.len().min(HTTP_REMEMBERED_BYTES)];
    // One request and nothing else is what comes most.
    let end = match near.ends_with(b"\r\n\r\n") {
        _ if near.len() < 4 => return None,
        true if memmem::find(&near[..near.len() - 1], b"\r\n\r\n").is_none() => near.len(),
        _ => memmem::find(near, b"\r\n\r\n")? + 4,
    };
    Some(&near[..end])
}

/// Eight bytes at a time, in the manner of FxHash: who makes requests meet at one place makes them
/// forgotten, and no more.
fn place(request: &[u8]) -> usize {
    const SEED: u64 = 0x51_7c_c1_b7_27_22_0a_95;
    let mix = |hash: u64, word: u64| (hash.rotate_left(5) ^ word).wrapping_mul(SEED);
    let (words, rest) = request.as_chunks::<8>();
    let hash = words.iter().fold(0, |hash, word| mix(hash, u64::from_le_bytes(*word)));
    let last = rest.iter().fold(0, |word, byte| word << 8 | u64::from(*byte));
    (mix(hash, last) >> 40) as usize % HTTP_REMEMBERED
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remembered(request: &[u8]) -> Remembered {
        Remembered {
            request: request.into(),
            wanted: Wanted { path: Vec::new(), index: true, codings: 0 },
            facts: Facts::Missing,
            head: Box::default(),
            coding: None,
            squeezed: None,
            sends: true,
            then: Then::KeepAlive,
            sure: None,
        }
    }

    #[test]
    fn only_the_very_same_request_is_found_whatever_follows_it() {
        let mut memory = Memory::default();
        let request = b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n";
        assert_eq!(memory.find(request), None);
        memory.keep(remembered(request));
        let place = memory.find(request).expect("it is kept");
        assert_eq!(memory.find(&[&request[..], b"GET /b"].concat()), Some(place));
        assert_eq!(memory.find(&[&request[..], request].concat()), Some(place));
        for other in [
            &b"GET /b HTTP/1.1\r\nHost: a\r\n\r\n"[..],
            b"GET /a HTTP/1.1\r\nHost: a\r\n",
            b"GET /a HTTP/1.1\r\nHost: a\r\nX: y\r\n\r\n",
            b"\r\n\r\n",
            b"\r\n",
            b"",
        ] {
            assert_eq!(memory.find(other), None, "{}", other.escape_ascii());
        }
        memory.forget(place);
        assert_eq!(memory.find(request), None);
        let long = [b"GET /", &[b'a'; HTTP_REMEMBERED_BYTES][..], b" HTTP/1.1\r\n\r\n"].concat();
        memory.keep(remembered(&long));
        assert_eq!(memory.find(&long), None, "a long one is not worth it");
    }
}
