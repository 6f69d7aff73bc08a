//! Why a transfer as a whole ended before its time.

use super::record::{self, RecordError};
use super::why::Why;

/// See the variants. What went wrong with one file is a [`Why`], and ends nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TransferError {
    /// The other side's bytes are no records.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// A record that is in order has no place where it came, or speaks of what is not there.
    #[error("{} at byte {at} of the transfer: {problem}", record::name(*.kind))]
    Misplaced {
        /// Where in the stream.
        at: u64,
        /// Its type.
        kind: u8,
        /// What is wrong.
        problem: &'static str,
    },
    /// The stream ended, or broke, before both sides had said that all was done.
    #[error("the other side was gone after {at} bytes, and had not said that all was done")]
    Cut {
        /// How many bytes of it came.
        at: u64,
    },
    /// The receiver does not want it.
    #[error("the other side refused: {0}")]
    Refused(Why),
    /// The other side ended it.
    #[error("the other side ended the transfer: {0}")]
    Cancelled(Why),
    /// This side ended it.
    #[error("the transfer was ended here: {0}")]
    Ended(Why),
}

impl TransferError {
    /// What to try.
    pub fn remedy(&self) -> &'static str {
        match self {
            TransferError::Record(_) | TransferError::Misplaced { .. } => {
                "is the other side a framecat of the same version, and nothing else between the two?"
            }
            TransferError::Cut { .. } => "run the same commands again: it goes on where it was",
            TransferError::Refused(why)
            | TransferError::Cancelled(why)
            | TransferError::Ended(why) => why.cause.remedy(),
        }
    }
}
