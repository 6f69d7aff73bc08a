//! What is to be told the sender, gathered into few records.

use crate::limits::TRANSFER_CONTROL_BYTES;
use crate::transfer::record::{Need, Record};
use crate::transfer::why::Why;

/// See the [module](self).
#[derive(Debug, Default)]
pub(super) struct Said {
    pub(super) need: Vec<Need>,
    pub(super) have: Vec<u32>,
    pub(super) committed: Vec<u32>,
    pub(super) skip: Vec<(u32, Why)>,
    pub(super) failed: Vec<(u32, Why)>,
}

/// What a number takes in CBOR, at most; and a map of a few of them without what it holds.
const NUMBER: usize = 9;
const MAP: usize = 24;

fn need_bytes(need: &Need) -> usize {
    MAP + need.pieces.as_ref().map_or(0, |ranges| ranges.len() * 2 * NUMBER)
}

fn about_bytes(about: &(u32, Why)) -> usize {
    MAP + about.1.says().len()
}

impl Said {
    /// Bytes in memory.
    pub(super) fn held(&self) -> usize {
        let about = |all: &[(u32, Why)]| all.iter().map(about_bytes).sum::<usize>();
        let need: usize = self.need.iter().map(need_bytes).sum();
        let numbers = (self.have.len() + self.committed.len()) * NUMBER;
        need + numbers + about(&self.skip) + about(&self.failed)
    }

    /// Appends all of it as records. What is asked for comes before what failed: a file may be both.
    pub(super) fn flush(&mut self, out: &mut Vec<u8>) {
        batches(&mut self.need, need_bytes, Record::Need, out);
        batches(&mut self.have, |_| NUMBER, Record::Have, out);
        batches(&mut self.skip, about_bytes, Record::Skip, out);
        batches(&mut self.committed, |_| NUMBER, Record::Committed, out);
        batches(&mut self.failed, about_bytes, Record::Failed, out);
    }
}

fn batches<T>(
    all: &mut Vec<T>,
    bytes: impl Fn(&T) -> usize,
    record: impl Fn(Vec<T>) -> Record,
    out: &mut Vec<u8>,
) {
    let mut batch = Vec::new();
    let mut batch_bytes = NUMBER;
    for one in all.drain(..) {
        let more = bytes(&one);
        if batch_bytes + more > TRANSFER_CONTROL_BYTES {
            record(std::mem::take(&mut batch)).encode(out);
            batch_bytes = NUMBER;
        }
        batch_bytes += more;
        batch.push(one);
    }
    if !batch.is_empty() {
        record(batch).encode(out);
    }
}
