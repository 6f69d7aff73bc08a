//! Records: what the two sides say to each other, and where each ends. docs/transfer-wire.md draws them.
//!
//! ```text
//!  0      1       2        4          8
//! +------+-------+--------+----------+----------------+
//! | type | flags | stream |  length  | body           |
//! |  u8  |  u8   | u16be  |  u32be   | length bytes   |
//! +------+-------+--------+----------+----------------+
//! ```
//!
//! A body is CBOR (RFC 8949), but for content, which is bytes as they are. The decoder here takes any
//! split of the stream, hands content on as it arrives and keeps the rest until it is whole; a length is
//! held against its limit before anything is kept for it, and memory grows with what arrived.

mod body;

use super::pieces::Hash;
use super::why::Why;
use crate::limits::{TRANSFER_CONTROL_BYTES, TRANSFER_DATA_BYTES};

/// Bytes before a record's body.
pub const HEAD_BYTES: usize = 8;

/// What a sender says before its records where there was no handshake: the head of one without a body, whose type
/// and flags no record has. So the first byte tells that it is none, and whoever knows heads alone finds where it
/// ends. Behind `fc` stand the version and who speaks.
pub const PLAIN_SENDER: [u8; HEAD_BYTES] = *b"fc\x01S\0\0\0\0";

/// What a receiver says there: see [`PLAIN_SENDER`].
pub const PLAIN_RECEIVER: [u8; HEAD_BYTES] = *b"fc\x01R\0\0\0\0";

/// Bytes before the content of a [`Record::Data`]: whose it is, and where it belongs.
pub const DATA_HEAD_BYTES: usize = 12;

/// Bytes before each file in a record of small ones.
pub const SMALL_HEAD_BYTES: usize = 40;

/// A flag: whoever does not know the type of this record may pass over it.
pub const OPTIONAL: u8 = 0x01;

/// A flag that is kept for bodies that are compressed. There are none in this version.
pub const COMPRESSED: u8 = 0x02;

/// The version that an offer names.
pub const VERSION: u64 = 1;

/// Numbers of the types of records. Below 0x20 the sender's, from there on the receiver's, from 0x40 on
/// those of both.
pub mod kind {
    #![allow(missing_docs)]
    pub const OFFER: u8 = 0x01;
    pub const ENTRIES: u8 = 0x02;
    pub const OFFER_END: u8 = 0x03;
    pub const DATA: u8 = 0x04;
    pub const SMALL: u8 = 0x05;
    pub const FILE_END: u8 = 0x06;
    pub const CHANGED: u8 = 0x07;
    pub const PIECES: u8 = 0x08;
    pub const ACCEPT: u8 = 0x20;
    pub const REFUSE: u8 = 0x21;
    pub const NEED: u8 = 0x22;
    pub const HAVE: u8 = 0x23;
    pub const SKIP: u8 = 0x24;
    pub const ASK_PIECES: u8 = 0x25;
    pub const COMMITTED: u8 = 0x26;
    pub const FAILED: u8 = 0x40;
    pub const CANCEL: u8 = 0x41;
    pub const BYE: u8 = 0x42;
}

/// What a transfer carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carries {
    /// Files and folders.
    Files,
    /// A text that a person typed, to be shown and not kept.
    Text,
    /// What a program writes, until it ends.
    Stream,
}

/// How a transfer begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Opening {
    /// What it carries.
    pub carries: Carries,
    /// The base of its pieces ([`Pieces::of`](super::pieces::Pieces::of)).
    pub piece_log2: u8,
    /// Files up to this size are sent in records of many, and others never are.
    pub small_bytes: u32,
}

/// What an entry of an offer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EntryKind {
    /// A regular file.
    File,
    /// A folder.
    Folder,
    /// A symbolic link.
    Link,
    /// Bytes without a known end: a stream, or a text.
    Stream,
}

/// One file, folder or link that is offered. Its number is its place in the offer, from 0 on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its path, component by component, as its side has it: nothing here is checked yet.
    pub path: Vec<Vec<u8>>,
    /// What it is.
    pub kind: EntryKind,
    /// Bytes of a file; 0 for others.
    pub size: u64,
    /// When it was last changed, in nanoseconds since 1970.
    pub mtime: i64,
    /// Its permissions, of which 0777 count.
    pub mode: u16,
    /// Where a link leads.
    pub target: Vec<u8>,
}

/// A file that is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Need {
    /// Its number.
    pub entry: u32,
    /// Which pieces of it, ascending and apart; `None`: all. None of them: only its hash is wanted.
    pub pieces: Option<Vec<std::ops::Range<u32>>>,
}

/// A small file on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SmallFile {
    /// Its number.
    pub entry: u32,
    /// Its hash.
    pub hash: Hash,
    /// All of it.
    pub bytes: Vec<u8>,
}

/// What a transfer came to, for its sender or its receiver.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Totals {
    /// Files, folders and links that are there now, those that were before counted.
    pub there: u64,
    /// Those that are not.
    pub missing: u64,
    /// Bytes of content sent, or received.
    pub bytes: u64,
    /// What should have been offered and could not be: its sender could not look at it.
    pub left_out: u64,
}

/// A record, or the head of one that carries content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Record {
    /// The sender begins.
    Offer(Opening),
    /// Some of what it offers, in the order of their numbers.
    Entries(Vec<Entry>),
    /// That was all of it; with `more` only what fits before some of it has been dealt with.
    OfferEnd {
        /// How many were offered so far.
        count: u64,
        /// Bytes of them.
        bytes: u64,
        /// Whether there are more.
        more: bool,
    },
    /// Content follows: `len` bytes of `entry` from `offset` on.
    Data {
        /// Its number.
        entry: u32,
        /// Where in the file.
        offset: u64,
        /// How much of it.
        len: u32,
    },
    /// Whole files.
    Small(Vec<SmallFile>),
    /// All that was asked for of a file has been sent.
    FileEnd {
        /// Its number.
        entry: u32,
        /// Its size.
        size: u64,
        /// The hash of all of it.
        hash: Hash,
    },
    /// The file changed while it was read: nothing that came of it counts, and it is offered anew.
    Changed {
        /// Its number.
        entry: u32,
        /// Its size now.
        size: u64,
        /// Its time now.
        mtime: i64,
    },
    /// Hashes of pieces, from the piece `first` on.
    Pieces {
        /// Whose.
        entry: u32,
        /// The first.
        first: u32,
        /// One after the other.
        hashes: Vec<Hash>,
    },
    /// The offer is taken.
    Accept,
    /// It is not.
    Refuse(Why),
    /// These are to be sent.
    Need(Vec<Need>),
    /// These are there already.
    Have(Vec<u32>),
    /// These are not wanted.
    Skip(Vec<(u32, Why)>),
    /// The hash of this file differs: which pieces do?
    AskPieces {
        /// Its number.
        entry: u32,
    },
    /// These have their final names.
    Committed(Vec<u32>),
    /// These will not come, or could not be kept.
    Failed(Vec<(u32, Why)>),
    /// The transfer ends here.
    Cancel(Why),
    /// All has been said. The receiver answers the sender's with its own.
    Bye(Totals),
}

impl Record {
    /// Its type's number.
    pub fn kind(&self) -> u8 {
        match self {
            Record::Offer(_) => kind::OFFER,
            Record::Entries(_) => kind::ENTRIES,
            Record::OfferEnd { .. } => kind::OFFER_END,
            Record::Data { .. } => kind::DATA,
            Record::Small(_) => kind::SMALL,
            Record::FileEnd { .. } => kind::FILE_END,
            Record::Changed { .. } => kind::CHANGED,
            Record::Pieces { .. } => kind::PIECES,
            Record::Accept => kind::ACCEPT,
            Record::Refuse(_) => kind::REFUSE,
            Record::Need(_) => kind::NEED,
            Record::Have(_) => kind::HAVE,
            Record::Skip(_) => kind::SKIP,
            Record::AskPieces { .. } => kind::ASK_PIECES,
            Record::Committed(_) => kind::COMMITTED,
            Record::Failed(_) => kind::FAILED,
            Record::Cancel(_) => kind::CANCEL,
            Record::Bye(_) => kind::BYE,
        }
    }

    /// Appends the record; of a [`Record::Data`] all but its content, which is to follow.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let at = out.len();
        out.extend_from_slice(&[self.kind(), 0, 0, 0, 0, 0, 0, 0]);
        body::encode(self, out);
        let mut len = out.len() - at - HEAD_BYTES;
        if let Record::Data { len: content, .. } = self {
            len += *content as usize;
        }
        debug_assert!(
            len <= limit(self.kind()).unwrap_or(0),
            "{} of {len} bytes",
            name(self.kind())
        );
        out[at + 4..at + HEAD_BYTES].copy_from_slice(&(len as u32).to_be_bytes());
    }
}

/// What a type is called, in the language of docs/transfer-wire.md.
pub fn name(kind: u8) -> &'static str {
    match kind {
        kind::OFFER => "OFFER",
        kind::ENTRIES => "ENTRIES",
        kind::OFFER_END => "OFFER-END",
        kind::DATA => "DATA",
        kind::SMALL => "SMALL",
        kind::FILE_END => "FILE-END",
        kind::CHANGED => "CHANGED",
        kind::PIECES => "PIECES",
        kind::ACCEPT => "ACCEPT",
        kind::REFUSE => "REFUSE",
        kind::NEED => "NEED",
        kind::HAVE => "HAVE",
        kind::SKIP => "SKIP",
        kind::ASK_PIECES => "PIECES?",
        kind::COMMITTED => "COMMITTED",
        kind::FAILED => "FAILED",
        kind::CANCEL => "CANCEL",
        kind::BYE => "BYE",
        _ => "a record",
    }
}

/// The longest body of a type; none for a type that is not known.
fn limit(of: u8) -> Option<usize> {
    match of {
        kind::DATA => Some(DATA_HEAD_BYTES + TRANSFER_DATA_BYTES),
        kind::SMALL => Some(TRANSFER_DATA_BYTES),
        _ if name(of) != "a record" => Some(TRANSFER_CONTROL_BYTES),
        _ => None,
    }
}

/// What is wrong with a record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{} at byte {at} of the transfer: {fault}", name(*.kind))]
pub struct RecordError {
    /// Where in the stream it begins.
    pub at: u64,
    /// Its type.
    pub kind: u8,
    /// What is wrong.
    pub fault: Fault,
}

/// See [`RecordError`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Its type is not known, and it does not say that it may be passed over.
    #[error("its type {0:#04x} is not known here")]
    Unknown(u8),
    /// Flags that this version does not know.
    #[error("its flags {0:#04x} are not known here")]
    Flags(u8),
    /// Streams beside each other are no part of this version.
    #[error("it is of stream {0}, and there is only stream 0")]
    Stream(u16),
    /// Longer than its type may be.
    #[error("it claims {len} bytes, and {limit} are the most")]
    TooLong {
        /// What its head claims.
        len: u32,
        /// The limit of its type.
        limit: usize,
    },
    /// Shorter than what it must hold.
    #[error("it is shorter than what it must hold")]
    Short,
    /// No CBOR, or another shape than its type has.
    #[error("its body is not in order: {0}")]
    Body(&'static str),
    /// The stream ended inside it.
    #[error("the stream ends inside it, {have} bytes after its beginning")]
    Cut {
        /// What there is of it.
        have: usize,
    },
}

/// What a [`Decoder`] found.
#[derive(Debug, PartialEq, Eq)]
pub enum Item<'i> {
    /// A record. Of a [`Record::Data`] the content follows in [`Item::Content`].
    Record(Record),
    /// Some of the content of the last [`Record::Data`]: never empty, and all of it before the next record.
    Content(&'i [u8]),
}

/// The memory that a decoder keeps from one record to the next: what holds one of small files, as senders make them.
const HELD_BYTES: usize = 512 << 10;

/// Makes records of a stream of bytes.
#[derive(Debug)]
pub struct Decoder {
    /// Head and body of the record at hand, as far as they are here; of DATA only what stands before its
    /// content.
    held: Vec<u8>,
    /// The type of the record at hand.
    of: u8,
    /// Content that is due.
    content: u32,
    /// What is passed over.
    passed: u32,
    /// Where the record at hand begins, and how far the stream was taken.
    begins: u64,
    taken: u64,
    broken: bool,
}

impl Default for Decoder {
    fn default() -> Decoder {
        Decoder::new()
    }
}

impl Decoder {
    /// At the beginning of a stream.
    pub fn new() -> Decoder {
        let held = Vec::new();
        Decoder { held, of: 0, content: 0, passed: 0, begins: 0, taken: 0, broken: false }
    }

    /// The next item in `input`, which moves behind what was taken. `None`: all of it is taken, and more
    /// is needed.
    ///
    /// # Errors
    /// The first record that breaks a rule. Nothing can be read behind it: every further call says the
    /// same.
    pub fn next<'i>(&mut self, input: &mut &'i [u8]) -> Result<Option<Item<'i>>, RecordError> {
        if self.broken {
            return Err(self.error(Fault::Body("the stream is broken already")));
        }
        let next = self.advance(input);
        self.broken = next.is_err();
        next
    }

    /// The stream ended.
    ///
    /// # Errors
    /// [`Fault::Cut`] inside a record.
    pub fn end(&self) -> Result<(), RecordError> {
        match self.held.is_empty() && self.content == 0 && self.passed == 0 {
            true => Ok(()),
            false => Err(self.error(Fault::Cut { have: (self.taken - self.begins) as usize })),
        }
    }

    /// Bytes of the stream that were taken.
    pub fn taken(&self) -> u64 {
        self.taken
    }

    /// Bytes in memory.
    pub fn held(&self) -> usize {
        self.held.len()
    }

    /// How many bytes of content are due for certain: where the kernel can move them, it may
    /// ([`went_past`](Self::went_past)).
    pub fn due(&self) -> u32 {
        self.content
    }

    /// So many bytes of the content that is [`due`](Self::due) were moved without being shown here.
    pub fn went_past(&mut self, len: u32) {
        debug_assert!(len <= self.content, "more than was due");
        self.content -= len;
        self.taken += u64::from(len);
        if self.content == 0 {
            self.begins = self.taken;
        }
    }

    fn error(&self, fault: Fault) -> RecordError {
        RecordError {
            at: self.begins,
            kind: self.held.first().copied().unwrap_or(kind::DATA),
            fault,
        }
    }

    /// Takes up to `n` bytes of the input.
    fn take<'i>(&mut self, input: &mut &'i [u8], n: usize) -> &'i [u8] {
        let (taken, rest) = input.split_at(n.min(input.len()));
        *input = rest;
        self.taken += taken.len() as u64;
        taken
    }

    fn advance<'i>(&mut self, input: &mut &'i [u8]) -> Result<Option<Item<'i>>, RecordError> {
        loop {
            if input.is_empty() {
                return Ok(None);
            }
            if self.content > 0 {
                let taken = self.take(input, self.content as usize);
                self.content -= taken.len() as u32;
                if self.content == 0 {
                    self.begins = self.taken;
                }
                return Ok(Some(Item::Content(taken)));
            }
            if self.passed > 0 {
                let taken = self.take(input, self.passed as usize);
                self.passed -= taken.len() as u32;
                if self.passed == 0 {
                    self.begins = self.taken;
                }
                continue;
            }
            let want = self.want()?;
            let taken = self.take(input, want - self.held.len());
            self.held.extend_from_slice(taken);
            if self.held.len() < want {
                return Ok(None);
            }
            // The head alone is there now, or all of it.
            let want = self.want()?;
            if self.held.len() < want {
                continue;
            }
            if let Some(record) = self.whole()? {
                return Ok(Some(Item::Record(record)));
            }
        }
    }

    /// How many bytes are to be held before there is something to see: the head, then what it claims,
    /// after it was held against the limits.
    fn want(&self) -> Result<usize, RecordError> {
        let [of, flags, s0, s1, l0, l1, l2, l3, ..] = self.held[..] else { return Ok(HEAD_BYTES) };
        let stream = u16::from_be_bytes([s0, s1]);
        let len = u32::from_be_bytes([l0, l1, l2, l3]);
        let bound = limit(of);
        if flags & !OPTIONAL != 0 {
            return Err(self.error(Fault::Flags(flags)));
        }
        if stream != 0 {
            return Err(self.error(Fault::Stream(stream)));
        }
        match bound {
            None if flags & OPTIONAL == 0 => Err(self.error(Fault::Unknown(of))),
            _ if len as usize > bound.unwrap_or(TRANSFER_CONTROL_BYTES) => {
                let limit = bound.unwrap_or(TRANSFER_CONTROL_BYTES);
                Err(self.error(Fault::TooLong { len, limit }))
            }
            // What is passed over is not held.
            None => Ok(HEAD_BYTES),
            // An empty one says nothing, and many of them would keep us busy.
            Some(_) if of == kind::DATA && len as usize <= DATA_HEAD_BYTES => {
                Err(self.error(Fault::Short))
            }
            Some(_) if of == kind::DATA => Ok(HEAD_BYTES + DATA_HEAD_BYTES),
            Some(_) => Ok(HEAD_BYTES + len as usize),
        }
    }

    /// The record that is held, unless it is one to be passed over.
    fn whole(&mut self) -> Result<Option<Record>, RecordError> {
        let of = self.held[0];
        self.of = of;
        let [l0, l1, l2, l3] = [self.held[4], self.held[5], self.held[6], self.held[7]];
        let len = u32::from_be_bytes([l0, l1, l2, l3]);
        if limit(of).is_none() {
            self.held.clear();
            self.passed = len;
            if len == 0 {
                self.begins = self.taken;
            }
            return Ok(None);
        }
        let record = body::decode(of, len, &self.held[HEAD_BYTES..]);
        let record = record.map_err(|fault| self.error(fault))?;
        self.held.clear();
        // One that is longer than those of small files are is rare: what it took is given back.
        self.held.shrink_to(HELD_BYTES);
        match record {
            Record::Data { len, .. } => self.content = len,
            _ => self.begins = self.taken,
        }
        Ok(Some(record))
    }
}
