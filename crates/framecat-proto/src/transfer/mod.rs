//! Files from one machine to another: what is said, and what each side does about it.
//!
//! | the thing | where |
//! | --- | --- |
//! | what one person reads out to another | [`code::Code`] |
//! | what the two sides say, byte by byte | [`record`] |
//! | a file as pieces, each with its hash | [`pieces`] |
//! | what is offered, and which names of it are taken | [`offer`] |
//! | what is known of a file that has partly come | [`resume`] |
//! | the side that sends | [`sender::Sender`] |
//! | the side that receives | [`receiver::Receiver`] |
//! | why all of it ended, why one file did not come | [`error`], [`why`] |

pub mod code;
pub mod error;
pub mod offer;
pub mod pieces;
pub mod receiver;
pub mod record;
pub mod resume;
pub mod sender;
pub mod why;

use crate::limits::{
    TRANSFER_ASKED, TRANSFER_DATA_BYTES, TRANSFER_PIECE_LOG2, TRANSFER_SMALL_BYTES,
    TRANSFER_UNSENT_BYTES, TRANSFER_WINDOW,
};
use why::Why;

/// The sizes that both sides of a transfer go by. Programs take the default; tests take smaller ones, so
/// that a little data meets all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sizes {
    /// The base of pieces ([`pieces::Pieces::of`]). The sender's holds for both.
    pub piece_log2: u8,
    /// Files up to this size are sent in records of many. The sender's holds for both.
    pub small_bytes: u32,
    /// Content in a record that a sender makes.
    pub data_bytes: u32,
    /// Entries that are offered and not dealt with.
    pub window: u32,
    /// Files that are asked for at once.
    pub asked: u32,
    /// Bytes that wait for the network before a sender reads no more.
    pub unsent_bytes: usize,
}

/// What became of something that was offered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It was there already.
    Had,
    /// It has its final name there now.
    Committed,
    /// It was not wanted.
    Skipped(Why),
    /// It could not be read where it was, or not be kept where it goes.
    Failed(Why),
}

impl Default for Sizes {
    fn default() -> Sizes {
        Sizes {
            piece_log2: TRANSFER_PIECE_LOG2,
            small_bytes: TRANSFER_SMALL_BYTES,
            data_bytes: (TRANSFER_DATA_BYTES / 4) as u32,
            window: TRANSFER_WINDOW,
            asked: TRANSFER_ASKED,
            unsent_bytes: TRANSFER_UNSENT_BYTES,
        }
    }
}
