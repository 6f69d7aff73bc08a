//! What a receiver has its caller do, and what the caller tells of it.

use std::fmt;
use std::ops::{Deref, Range};
use std::sync::Arc;

use crate::path::SafePath;
use crate::transfer::Outcome;
use crate::transfer::pieces::{Hash, Pieces};
use crate::transfer::record::{Carries, EntryKind};
use crate::transfer::why::Why;

/// Bytes that came, where they lie: clones share them.
#[derive(Clone)]
pub struct Bytes {
    of: Arc<Vec<u8>>,
    range: Range<usize>,
}

impl Bytes {
    /// Some of a buffer.
    ///
    /// # Panics
    /// Later, where it does not hold that range.
    pub fn of(buffer: &Arc<Vec<u8>>, range: Range<usize>) -> Bytes {
        Bytes { of: Arc::clone(buffer), range }
    }
}

impl From<Vec<u8>> for Bytes {
    fn from(bytes: Vec<u8>) -> Bytes {
        let range = 0..bytes.len();
        Bytes { of: Arc::new(bytes), range }
    }
}

impl Deref for Bytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.of[self.range.clone()]
    }
}

impl fmt::Debug for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self[..].fmt(f)
    }
}

impl PartialEq for Bytes {
    fn eq(&self, other: &Bytes) -> bool {
        self[..] == other[..]
    }
}

impl Eq for Bytes {}

/// What is offered, for the person who is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Summary {
    /// What it carries.
    pub carries: Carries,
    /// Files, folders and links.
    pub count: u64,
    /// Bytes of them.
    pub bytes: u64,
    /// Whether there are more than the sender may tell before it is answered.
    pub more: bool,
    /// Those whose name begins with a dot.
    pub hidden: u64,
    /// Files that can be run.
    pub executable: u64,
}

/// Something that is offered, and not dealt with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known<'a> {
    /// Its name.
    pub path: &'a SafePath,
    /// What it is.
    pub kind: EntryKind,
    /// Its size.
    pub size: u64,
    /// When it was last changed, in nanoseconds since 1970.
    pub mtime: i64,
    /// Its permissions, of which 0777 count.
    pub mode: u16,
    /// Where a link leads.
    pub target: &'a [u8],
}

/// What the caller is to do. Those about one entry are done in the order in which they are given, and
/// [`Receiver::handle_fact`](super::Receiver::handle_fact) is told what came of each in that order, but for [`Effect::Close`] and
/// [`Effect::Resolved`], of which nothing is told. Those about different entries may be done in any
/// order, so folders that something lies in are made with it where they are missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Ask the person: [`Receiver::accept`](super::Receiver::accept) or [`Receiver::refuse`](super::Receiver::refuse). [`Receiver::offered`](super::Receiver::offered) tells the names.
    Ask(Summary),
    /// See what has this name: [`Fact::Looked`].
    Look {
        /// Its number.
        entry: u32,
        /// The name.
        path: SafePath,
        /// Look too for the part and the journal of this id, and read this much of the journal at most.
        part: Option<(u64, u64)>,
    },
    /// Make the folder: [`Fact::Done`], also where it is there by now.
    MakeFolder {
        /// Its number.
        entry: u32,
        /// Its name.
        path: SafePath,
        /// Its permissions. Whoever receives may write into it whatever they are.
        mode: u16,
    },
    /// Make the link: [`Fact::Done`].
    MakeLink {
        /// Its number.
        entry: u32,
        /// Its name.
        path: SafePath,
        /// Where it leads.
        target: Vec<u8>,
    },
    /// Open the part of this id in the folder of `path`, new or as it is, and take the room for all of it:
    /// [`Fact::Done`]. Nobody else may have it open.
    Begin {
        /// Its number.
        entry: u32,
        /// Its name, once it is whole.
        path: SafePath,
        /// What the part and its journal are called by.
        id: u64,
        /// How long it will be.
        size: u64,
        /// What becomes of its journal.
        journal: Begun,
    },
    /// Read these pieces of the part from the disk: [`Fact::Rehashed`].
    Rehash {
        /// Its number.
        entry: u32,
        /// Where each piece lies, and what makes its hash.
        pieces: Pieces,
        /// Which.
        which: Vec<u32>,
    },
    /// Write to the part, or to the stream: [`Fact::Done`].
    Write {
        /// Its number.
        entry: u32,
        /// Where.
        offset: u64,
        /// What.
        bytes: Bytes,
    },
    /// Append to the journal: [`Fact::Done`]. It need not outlive a power cut.
    Log {
        /// Its number.
        entry: u32,
        /// What.
        bytes: Vec<u8>,
    },
    /// Make what was written to the part, and then what was logged, outlive a power cut (fdatasync(2)):
    /// [`Fact::Done`].
    Sync {
        /// Its number.
        entry: u32,
    },
    /// Read the file of this name: [`Fact::Hashed`].
    HashNamed {
        /// Its number.
        entry: u32,
        /// The name of something else.
        path: SafePath,
    },
    /// Cut the part to its size, give it its permissions and its time; with `durable` make all that outlive a
    /// power cut (fsync(2)): [`Fact::Done`].
    Seal {
        /// Its number.
        entry: u32,
        /// Its size.
        size: u64,
        /// Its permissions, of which 0777 count.
        mode: u16,
        /// When it was last changed, in nanoseconds since 1970.
        mtime: i64,
        /// Whether it is synced.
        durable: bool,
    },
    /// Give the part its name in one step, and then remove its journal: [`Fact::Done`], or
    /// [`Fact::Taken`] with all as it was.
    Commit {
        /// Its number.
        entry: u32,
        /// Its name.
        path: SafePath,
        /// What the part and its journal are called by, in the same folder.
        id: u64,
        /// Whether it takes the place of a file.
        replace: bool,
    },
    /// Write a file that is small, and give it its name when all of it is written, and with `durable` when
    /// that outlives a power cut: [`Fact::Done`] or [`Fact::Taken`].
    Place {
        /// Its number.
        entry: u32,
        /// Its name.
        path: SafePath,
        /// All of it.
        bytes: Bytes,
        /// Whether it takes the place of a file.
        replace: bool,
        /// Its permissions, of which 0777 count.
        mode: u16,
        /// When it was last changed, in nanoseconds since 1970.
        mtime: i64,
        /// Whether its bytes are to outlive a power cut. Several of these that are given together may be
        /// written, synced by one syncfs(2), and then be given their names.
        durable: bool,
    },
    /// Make the names that these were given outlive a power cut, their folders' own included:
    /// [`Receiver::handle_folders`](super::Receiver::handle_folders).
    SyncFolders {
        /// Their numbers.
        entries: Vec<u32>,
    },
    /// The stream is whole: [`Fact::Done`] when whoever reads it has it, or a file that was made of it has
    /// its name.
    Finish {
        /// Its number.
        entry: u32,
        /// The name that it came with.
        path: SafePath,
    },
    /// Remove the part of this id and its journal, open or not: [`Fact::Done`], also where there are none.
    Discard {
        /// Its number.
        entry: u32,
        /// The name that it would have had.
        path: SafePath,
        /// What they are called by.
        id: u64,
    },
    /// Close what is open of it, and leave it as it is.
    Close {
        /// Its number.
        entry: u32,
    },
    /// What became of it.
    Resolved {
        /// Its number.
        entry: u32,
        /// The name that it has, or would have had; what it was offered as where that is none.
        name: String,
        /// Its bytes: of a stream those that came.
        bytes: u64,
        /// What.
        outcome: Outcome,
    },
}

impl Effect {
    /// Of which entry it is, where it is of one.
    pub fn entry(&self) -> Option<u32> {
        match self {
            Effect::Look { entry, .. }
            | Effect::MakeFolder { entry, .. }
            | Effect::MakeLink { entry, .. }
            | Effect::Begin { entry, .. }
            | Effect::Rehash { entry, .. }
            | Effect::Write { entry, .. }
            | Effect::Log { entry, .. }
            | Effect::Sync { entry }
            | Effect::Seal { entry, .. }
            | Effect::HashNamed { entry, .. }
            | Effect::Commit { entry, .. }
            | Effect::Place { entry, .. }
            | Effect::Finish { entry, .. }
            | Effect::Discard { entry, .. }
            | Effect::Close { entry }
            | Effect::Resolved { entry, .. } => Some(*entry),
            Effect::Ask(_) | Effect::SyncFolders { .. } => None,
        }
    }
}

/// How a journal begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Begun {
    /// Part and journal are new; what is there of that name is removed. This is its header.
    New(Vec<u8>),
    /// They are as they are, and the journal is cut to this many bytes.
    Kept(u64),
}

/// What came of an [`Effect`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fact {
    /// It is done.
    Done,
    /// What has the name; and the journal, where there is a part of that id or a journal. It is empty where
    /// there is a part alone.
    Looked(Found, Option<Vec<u8>>),
    /// Of each piece that was asked for and could be read, the hash.
    Rehashed(Vec<(u32, Hash)>),
    /// The hash of a file; `None` where it is none, or cannot be read.
    Hashed(Option<Hash>),
    /// Something has the name that it was to get.
    Taken,
    /// It could not be done.
    Failed(Why),
}

/// What has a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// Nothing.
    Nothing,
    /// A regular file.
    File {
        /// Its size.
        size: u64,
        /// When it was last changed, in nanoseconds since 1970.
        mtime: i64,
    },
    /// A folder.
    Folder,
    /// A symbolic link.
    Link {
        /// Where it leads.
        target: Vec<u8>,
    },
    /// Something else.
    Other,
}
