//! Limits of transfers: files from one machine to another.

use std::time::Duration;

/// Words of a code, at least: 31 bits, of which a peer may guess one a try.
pub const CODE_WORDS: usize = 3;
/// Words of a code, at most: 124 bits, more than anybody reads out.
pub const CODE_WORDS_MAX: usize = 12;

/// The body of a record of a transfer that is no content: it waits in memory until it is whole.
pub const TRANSFER_CONTROL_BYTES: usize = 64 << 10;

/// Content in one record of a transfer. Small files, many in a record, wait in memory until it is whole;
/// content of others is handed on as it arrives.
pub const TRANSFER_DATA_BYTES: usize = 1 << 20;

/// A file up to this size is sent whole in a record with others. It has no part and no journal: what is
/// lost of it is sent again.
pub const TRANSFER_SMALL_BYTES: u32 = 64 << 10;

/// The piece of a file: what is hashed, journalled and asked for again as one, as a power of two. What
/// is lost when either side is killed is less than one.
pub const TRANSFER_PIECE_LOG2: u8 = 20;

/// Pieces of a file. Those of a larger one are larger, so that their hashes take 2 MiB at most.
pub const TRANSFER_PIECES: u64 = 1 << 16;

/// Files and folders in one transfer: their numbers, and what is kept of their names, stay small.
pub const TRANSFER_ENTRIES: u32 = 10_000_000;

/// Files and folders that are offered and of which nobody has said yet what becomes of them. Their names
/// are in memory: about 2 MiB of them, 64 MiB with the longest there are.
pub const TRANSFER_WINDOW: u32 = 16_384;

/// Files that are asked for at once: enough to keep a line of 100 ms busy with small ones.
pub const TRANSFER_ASKED: u32 = 1_024;

/// Of these those that have a part and a journal, and so two descriptors open, of which a process may have 1,024: the smallest
/// of them fill a line of 100 ms at 80 MB/s.
pub const TRANSFER_PARTS: u32 = 128;

/// Ranges of one file in one question. What is beyond them is asked for when these are there.
pub const TRANSFER_RANGES: usize = 1_024;

/// A text that is sent to be shown: more than a person types or reads.
pub const TRANSFER_TEXT_BYTES: u64 = 1 << 20;

/// What a receiver has taken and its disk has not: then it takes no more.
pub const TRANSFER_UNWRITTEN_BYTES: usize = 8 << 20;

/// What a sender has read and the network has not taken: then it reads no more.
pub const TRANSFER_UNSENT_BYTES: usize = 2 << 20;

/// How long what was received may lie in memory before it is written to the disk for good.
pub const TRANSFER_SYNC_TIME: Duration = Duration::from_secs(5);

/// What one side tells the other in words: why it does not want, or cannot.
pub const TRANSFER_SAID_BYTES: usize = 512;

/// All of the handshake of a transfer, from the first byte to the last: what must be said has a few hundred bytes.
pub const TRANSFER_MEET_TIME: Duration = Duration::from_secs(10);
/// Handshakes under way at one listener. Of so many, one of those who have said least gives way to a new one.
pub const TRANSFER_MEETING: usize = 16;
/// See [`TRANSFER_MEETING`]: so long at least has who said that it is a transfer.
pub const TRANSFER_MEET_TURN: Duration = Duration::from_secs(1);
/// See [`TRANSFER_MEETING`]: of a host that has more than half of the places each has this part of a turn, so that
/// a thousand of its connections are through in a few seconds, and who waits behind them has not given up.
pub const TRANSFER_CROWD_SHARE: u32 = 16;
/// See [`TRANSFER_MEETING`]: so long at least has who said nothing. Who dials says it at once.
pub const TRANSFER_SILENT_TURN: Duration = Duration::from_millis(50);

/// Wrong guesses that a code bears unless `--tries` says otherwise: people mistype, and of 31 bits three guesses are
/// one chance in 700 million.
pub const TRANSFER_TRIES: u32 = 3;
/// The most that `--tries` accepts.
pub const TRANSFER_TRIES_MAX: u32 = 5;
/// The wait before the second guess of a code begins. It grows by as much before each later one, so that a person
/// sees that somebody is guessing before it is over; all of it stays within [`TRANSFER_MEET_TIME`].
pub const TRANSFER_GUESS_PAUSE: Duration = Duration::from_secs(1);

/// Names tried for a file whose name is taken: `photo (1).jpg` and so on.
pub const TRANSFER_NAMES: u32 = 1_000;

/// What is read at once of what the other side of a transfer sends, and in how many buffers: what came and was
/// not looked at is in them.
pub const TRANSFER_CAME_BYTES: usize = 256 << 10;
/// See [`TRANSFER_CAME_BYTES`].
pub const TRANSFER_CAME_BUFFERS: usize = 4;

/// Names of an offer that are handed to whoever is asked about it.
pub const TRANSFER_NAMES_SHOWN: usize = 1_000;

/// Names of one folder that are sorted before they are offered: some 100,000 of them. A folder with more is
/// offered in several runs, each sorted.
pub const TRANSFER_SORTED_BYTES: usize = 4 << 20;

/// How often a transfer tells how far it is, and over how long its rate is taken.
pub const TRANSFER_TELL_TIME: Duration = Duration::from_millis(200);
/// See [`TRANSFER_TELL_TIME`].
pub const TRANSFER_RATE_TIME: Duration = Duration::from_secs(3);

/// What a sender has read ahead of a stream, in so many buffers of so many bytes.
pub const TRANSFER_FED_BUFFERS: usize = 4;
/// See [`TRANSFER_FED_BUFFERS`].
pub const TRANSFER_FED_BYTES: usize = 256 << 10;

/// What files may grow between the offer that somebody accepted and their being read, all of them together: this
/// much, or one part in [`TRANSFER_GROWN_SHARE`] of the offer where that is more.
pub const TRANSFER_GROWN_BYTES: u64 = 1 << 20;
/// See [`TRANSFER_GROWN_BYTES`].
pub const TRANSFER_GROWN_SHARE: u64 = 8;
