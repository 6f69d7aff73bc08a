//! Where a body ends: counted, in chunks, or where the stream ends (RFC 9112 sections 6 and 7).
//!
//! ```text
//!   Transfer-Encoding: chunked
//!  +--------+----+---------+----+---+----+------------------+----+
//!  | 5;ext  | ␍␊ | content | ␍␊ | 0 | ␍␊ | Trailer: value ␍␊| ␍␊ |
//!  +--------+----+---------+----+---+----+------------------+----+
//!    size in hexadecimal          the last one
//! ```

use std::ops::Range;

use super::characters as of;
use super::head::{check_field, refuse, shown, trailers};
use super::{Fields, Length, Refusal};
use crate::limits::{HTTP_CHUNK_EXTENSION_BYTES, HTTP_FIELDS, HTTP_HEAD_BYTES};

const SECTION: &str = "RFC 9112 section 7.1";
const SECTION_EXTENSION: &str = "RFC 9112 section 7.1.1";
const SECTION_TRAILER: &str = "RFC 9112 section 7.1.2";

/// What a chunk that ends a body is: nothing follows it but trailers, of which there are none here.
pub const LAST_CHUNK: &[u8] = b"0\r\n\r\n";

/// Appends what stands before a chunk of `len` bytes, which is not 0; CR LF stands behind it.
pub fn put_chunk_size(len: usize, out: &mut Vec<u8>) {
    debug_assert!(len > 0, "a chunk of nothing is the end");
    use std::io::Write as _;
    // Writing to memory cannot fail.
    let _ = write!(out, "{len:x}\r\n");
}

/// What a body has next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// Content: these bytes of the input.
    Content(Range<usize>),
    /// All of the input is taken, and the body has not ended.
    More,
    /// The body ended at the place reached.
    End,
}

/// A body that is being read. What it holds of a peer's bytes are the trailers, which are limited.
#[derive(Debug, Clone)]
pub struct Body {
    state: State,
    /// Octets taken so far.
    taken: u64,
    trailers: Vec<u8>,
    /// Where in the trailers the line at hand begins, and how many are complete.
    line: usize,
    fields: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// So many bytes are due.
    Counted(u64),
    /// Whatever comes.
    UntilClose,
    /// The size of a chunk, of which so many digits were read.
    Size {
        size: u64,
        digits: u8,
    },
    /// Behind the size.
    Extension {
        size: u64,
        at: Place,
        octets: u16,
    },
    /// The LF behind the size.
    SizeEnd(u64),
    /// Content of a chunk.
    Chunk(u64),
    /// The CR and the LF behind it.
    ChunkEnd,
    ChunkEndLf,
    /// Lines of fields up to an empty one.
    Trailers,
    Done,
}

/// Where in the extensions of a chunk the next octet stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Behind the size, or a value that was quoted.
    Behind,
    /// Behind a space, where `;` is due; behind a name `=` too.
    Space {
        named: bool,
    },
    NameBegins,
    Name,
    ValueBegins,
    Value,
    Quoted,
    Escaped,
}

impl Body {
    /// A body that ends as `length` says.
    pub fn new(length: Length) -> Body {
        let state = match length {
            Length::None | Length::Bytes(0) => State::Done,
            Length::Bytes(left) => State::Counted(left),
            Length::Chunked => FIRST,
            Length::UntilClose | Length::Tunnel => State::UntilClose,
        };
        Body { state, taken: 0, trailers: Vec::new(), line: 0, fields: 0 }
    }

    /// What comes next in `input` from `at` on; moves `at` behind what was taken. What was taken need not be
    /// shown again.
    ///
    /// # Errors
    /// The first octet that breaks the rules of chunks, counted from the body's first; trailers over the
    /// limits. Nothing can be read behind it.
    pub fn next(&mut self, input: &[u8], at: &mut usize) -> Result<Next, Refusal> {
        let from = *at;
        let next = self.advance(input, at);
        self.taken += (*at - from) as u64;
        next
    }

    /// Whether it has ended by itself.
    pub fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// Whether the body is whole if the stream ends now.
    pub fn is_whole_at_end(&self) -> bool {
        matches!(self.state, State::Done | State::UntilClose)
    }

    /// How many bytes are due for certain: those of the content or the chunk at hand.
    pub fn due(&self) -> u64 {
        match self.state {
            State::Counted(left) | State::Chunk(left) => left,
            _ => 0,
        }
    }

    /// So many of the bytes that are [`due`](Self::due) went past: the kernel moved them, and nobody looked.
    pub fn went_past(&mut self, len: u64) {
        debug_assert!(len <= self.due(), "more than was due");
        self.taken += len;
        self.state = match self.state {
            State::Counted(left) if left == len => State::Done,
            State::Counted(left) => State::Counted(left.saturating_sub(len)),
            State::Chunk(left) if left == len => State::ChunkEnd,
            State::Chunk(left) => State::Chunk(left.saturating_sub(len)),
            state => state,
        };
    }

    /// The fields behind the last chunk, once all is there; none before.
    pub fn trailers(&self) -> Fields<'_> {
        match self.state {
            // They were read before.
            State::Done if !self.trailers.is_empty() => {
                trailers(&self.trailers).unwrap_or_default()
            }
            _ => Fields::default(),
        }
    }

    fn advance(&mut self, input: &[u8], at: &mut usize) -> Result<Next, Refusal> {
        let begin = *at;
        loop {
            let rest = &input[*at..];
            match self.state {
                State::Done => return Ok(Next::End),
                _ if rest.is_empty() => return Ok(Next::More),
                State::UntilClose => return Ok(content(at, rest.len())),
                State::Counted(left) | State::Chunk(left) => {
                    let len = usize::try_from(left).unwrap_or(usize::MAX).min(rest.len());
                    let left = left - len as u64;
                    self.state = match (self.state, left) {
                        (State::Counted(_), 0) => State::Done,
                        (State::Counted(_), left) => State::Counted(left),
                        (_, 0) => State::ChunkEnd,
                        (_, left) => State::Chunk(left),
                    };
                    return Ok(content(at, len));
                }
                State::Trailers => {
                    let len = memchr::memchr(b'\n', rest).map_or(rest.len(), |len| len + 1);
                    let place = self.taken + (*at - begin) as u64;
                    self.trailer(&rest[..len], place)?;
                    *at += len;
                }
                _ => {
                    self.state = self.step(rest[0]).map_err(|(section, rule)| {
                        let place = self.taken + (*at - begin) as u64;
                        refuse(400, place as usize, section, rule)
                    })?;
                    *at += 1;
                }
            }
        }
    }

    /// One octet of what stands around the content.
    fn step(&self, byte: u8) -> Result<State, (&'static str, String)> {
        let stands = |what: &str| Err((SECTION, format!("{} stands {what}", shown(byte))));
        match (self.state, byte) {
            (State::Size { digits: 16, .. }, byte) if of::is(of::HEX, byte) => {
                Err((SECTION, "the size of a chunk has more than 16 digits".into()))
            }
            (State::Size { size, digits }, byte) if of::is(of::HEX, byte) => {
                let digit = (byte as char).to_digit(16).unwrap_or_default();
                Ok(State::Size { size: size << 4 | u64::from(digit), digits: digits + 1 })
            }
            (State::Size { digits: 0, .. }, _) => stands("where the size of a chunk begins"),
            (State::Size { size, .. }, b'\r') => Ok(State::SizeEnd(size)),
            (State::Size { size, .. }, b';' | b' ' | b'\t') => {
                Ok(State::Extension { size, at: extension(Place::Behind, byte)?, octets: 1 })
            }
            (State::Size { .. }, _) => stands("in the size of a chunk"),
            (
                State::Extension { size, at: Place::Behind | Place::Name | Place::Value, .. },
                b'\r',
            ) => Ok(State::SizeEnd(size)),
            (State::Extension { octets, .. }, _)
                if usize::from(octets) == HTTP_CHUNK_EXTENSION_BYTES =>
            {
                let most = HTTP_CHUNK_EXTENSION_BYTES;
                Err((
                    SECTION_EXTENSION,
                    format!("a chunk has more than {most} octets of extensions"),
                ))
            }
            (State::Extension { size, at, octets }, byte) => {
                Ok(State::Extension { size, at: extension(at, byte)?, octets: octets + 1 })
            }
            (State::SizeEnd(0), b'\n') => Ok(State::Trailers),
            (State::SizeEnd(size), b'\n') => Ok(State::Chunk(size)),
            (State::SizeEnd(_), _) => {
                Err((SECTION, "a CR without LF ends the size of a chunk".into()))
            }
            (State::ChunkEnd, b'\r') => Ok(State::ChunkEndLf),
            (State::ChunkEndLf, b'\n') => Ok(FIRST),
            (State::ChunkEnd | State::ChunkEndLf, _) => stands("where CR LF ends a chunk"),
            (state, _) => Ok(state),
        }
    }

    /// Part of a line of the trailers, or a whole one; it begins at octet `place` of the body.
    fn trailer(&mut self, bytes: &[u8], place: u64) -> Result<(), Refusal> {
        let begun = self.trailers.len();
        let at = place as usize;
        if begun + bytes.len() > HTTP_HEAD_BYTES {
            let rule = format!("the trailers are longer than {HTTP_HEAD_BYTES} octets");
            return Err(refuse(431, at + HTTP_HEAD_BYTES - begun, SECTION_TRAILER, rule));
        }
        self.trailers.extend_from_slice(bytes);
        if bytes.last() != Some(&b'\n') {
            return Ok(());
        }
        let line = &self.trailers[self.line..];
        let begins = at + bytes.len() - line.len();
        if line == b"\r\n" {
            self.state = State::Done;
            if self.fields == 0 {
                self.trailers = Vec::new();
            }
            return Ok(());
        }
        if self.fields == HTTP_FIELDS {
            let rule = format!("there are more than {HTTP_FIELDS} trailers");
            return Err(refuse(431, begins, SECTION_TRAILER, rule));
        }
        check_field(line, begins, self.fields == 0)?;
        self.fields += 1;
        self.line = self.trailers.len();
        Ok(())
    }
}

/// Before the size of a chunk.
const FIRST: State = State::Size { size: 0, digits: 0 };

fn content(at: &mut usize, len: usize) -> Next {
    let from = *at;
    *at += len;
    Next::Content(from..*at)
}

/// The place behind an octet of the extensions:
/// `*( BWS ";" BWS name [ BWS "=" BWS ( token / quoted-string ) ] )`.
fn extension(place: Place, byte: u8) -> Result<Place, (&'static str, String)> {
    let space = matches!(byte, b' ' | b'\t');
    let token = of::is(of::TOKEN, byte);
    Ok(match (place, byte) {
        (Place::Behind, _) if space => Place::Space { named: false },
        (Place::Value, _) if space => Place::Space { named: false },
        (Place::Name, _) if space => Place::Space { named: true },
        (Place::Space { .. } | Place::NameBegins | Place::ValueBegins, _) if space => place,
        (Place::Behind | Place::Name | Place::Value | Place::Space { .. }, b';') => {
            Place::NameBegins
        }
        (Place::NameBegins | Place::Name, _) if token => Place::Name,
        (Place::Name | Place::Space { named: true }, b'=') => Place::ValueBegins,
        (Place::ValueBegins | Place::Value, _) if token => Place::Value,
        (Place::ValueBegins, b'"') => Place::Quoted,
        (Place::Quoted, b'"') => Place::Behind,
        (Place::Quoted, b'\\') => Place::Escaped,
        (Place::Quoted | Place::Escaped, _) if of::is(of::VALUE, byte) => Place::Quoted,
        _ => {
            let rule = format!("{} stands in the extensions of a chunk", shown(byte));
            return Err((SECTION_EXTENSION, rule));
        }
    })
}
