//! What the sender says of entries that were asked for: content, and the endings that a question has.

use super::coming::{Coming, Doing, Step};
use super::{Bytes, Effect, End, EntryKind, Outcome, Receiver};
use crate::limits::{TRANSFER_GROWN_BYTES, TRANSFER_GROWN_SHARE, TRANSFER_TEXT_BYTES};
use crate::transfer::pieces::Hash;
use crate::transfer::record::{Carries, SmallFile};
use crate::transfer::why::{Cause, Why};

impl Receiver {
    /// The entry that a record speaks of, which was asked for.
    fn asked(&mut self, entry: u32) -> Result<&mut Coming, End> {
        let asked = self.entries.get_mut(&entry).filter(|coming| coming.asked);
        asked.ok_or(End::Misplaced("it is of what was not asked for"))
    }

    pub(super) fn data(&mut self, entry: u32, offset: u64, len: u32) -> Result<(), End> {
        let small = self.small_bytes();
        let carries = self.opening.map(|opening| opening.carries);
        self.content = entry;
        let coming = self.asked(entry)?;
        if coming.is_leaving() {
            return Ok(());
        }
        let due = match (&coming.file, &coming.flow) {
            (Some(file), _) => file.is_due(offset, len),
            (None, Some(flow)) => {
                let end = offset.checked_add(u64::from(len));
                let text = carries == Some(Carries::Text);
                if text && end.is_none_or(|end| end > TRANSFER_TEXT_BYTES) {
                    return Err(End::Misplaced("it is more than a text may be"));
                }
                let bound = coming.kind == EntryKind::Stream
                    || coming.size > small && end.is_some_and(|end| end <= coming.size);
                offset == flow.at && bound
            }
            (None, None) => false,
        };
        match due && coming.step == Step::Arriving {
            true => Ok(()),
            false => Err(End::Misplaced("it is not what is due of the file")),
        }
    }

    /// Some of the content of the record that [`data`](Self::data) saw.
    pub(super) fn content(&mut self, bytes: Bytes) {
        let entry = self.content;
        self.totals.bytes += bytes.len() as u64;
        let Some(coming) = self.entries.get_mut(&entry) else { return };
        // It goes past, up to its ending.
        if coming.is_leaving() {
            return;
        }
        let offset = match (&mut coming.file, &mut coming.flow) {
            (Some(file), _) => file.take(&bytes),
            (None, Some(flow)) => {
                let offset = flow.at;
                flow.hasher.update(&bytes);
                flow.at += bytes.len() as u64;
                offset
            }
            (None, None) => return,
        };
        self.write(entry, offset, bytes);
    }

    fn write(&mut self, entry: u32, offset: u64, bytes: Bytes) {
        self.unwritten += bytes.len();
        self.give(entry, Doing::Write(bytes.len()), Effect::Write { entry, offset, bytes });
    }

    pub(super) fn file_end(&mut self, entry: u32, size: u64, hash: Hash) -> Result<(), End> {
        let coming = self.asked(entry)?;
        coming.asked = false;
        if coming.is_leaving() {
            self.settle(entry);
            return Ok(());
        }
        if coming.step != Step::Arriving {
            return Err(End::Misplaced("it ends what has not begun"));
        }
        let whole = match (&mut coming.file, &coming.flow) {
            (Some(file), _) => {
                file.end = Some(hash);
                file.has_come() && size == coming.size
            }
            (None, Some(flow)) => {
                size == flow.at && (coming.kind == EntryKind::Stream || size == coming.size)
            }
            (None, None) => coming.doubted && size == coming.size,
        };
        if !whole {
            return Err(End::Misplaced("it ends a file of which something is missing"));
        }
        match &coming.flow {
            Some(flow) => {
                let same = *flow.hasher.finalize().as_bytes() == hash;
                self.flowed(entry, same);
            }
            None if coming.doubted => self.compare(entry, hash),
            None => {
                coming.step = Step::Ending;
                self.end(entry);
            }
        }
        Ok(())
    }

    /// All of a stream has come.
    fn flowed(&mut self, entry: u32, same: bool) {
        let Some(coming) = self.entries.get_mut(&entry) else { return };
        if !same {
            return self.fail(entry, Cause::Differs.into(), true);
        }
        coming.step = Step::Naming;
        let path = coming.path.clone();
        self.give(entry, Doing::Other, Effect::Finish { entry, path });
    }

    pub(super) fn small(&mut self, small: SmallFile) -> Result<(), End> {
        let SmallFile { entry, hash, bytes } = small;
        let limit = self.small_bytes();
        self.totals.bytes += bytes.len() as u64;
        let coming = self.asked(entry)?;
        coming.asked = false;
        if coming.is_leaving() {
            self.settle(entry);
            return Ok(());
        }
        let fits = bytes.len() as u64 == coming.size && coming.size <= limit;
        let is_file = coming.kind == EntryKind::File && coming.file.is_none();
        if coming.step != Step::Arriving || !fits || !is_file {
            return Err(End::Misplaced(
                "it holds a file that is not a small one, or not as it was offered",
            ));
        }
        let same = *blake3::hash(&bytes).as_bytes() == hash;
        if coming.flow.is_some() {
            if same && !bytes.is_empty() {
                self.write(entry, 0, bytes.into());
            }
            self.flowed(entry, same);
        } else if !same {
            self.fail(entry, Cause::Differs.into(), false);
        } else {
            let len = bytes.len();
            coming.small = Some(bytes.into());
            self.unwritten += len;
            self.compare(entry, hash);
        }
        Ok(())
    }

    pub(super) fn changed(&mut self, entry: u32, size: u64, mtime: i64) -> Result<(), End> {
        let coming = self.asked(entry)?;
        coming.asked = false;
        if coming.kind != EntryKind::File || i64::try_from(size).is_err() {
            return Err(End::Misplaced("what it speaks of cannot change so"));
        }
        if std::mem::replace(&mut coming.changed, true) {
            return Err(End::Misplaced("what it speaks of has changed before"));
        }
        if let Step::Leaving { .. } = coming.step {
            self.settle(entry);
            return Ok(());
        }
        // What has flowed cannot be taken back.
        if coming.flow.as_ref().is_some_and(|flow| flow.at > 0) {
            self.fail(entry, Cause::Changed.into(), true);
            return Ok(());
        }
        let Some(coming) = self.entries.get_mut(&entry) else { return Ok(()) };
        self.grown = self.grown.saturating_add(size.saturating_sub(coming.size));
        // Somebody was asked, and said yes to what had been told.
        let bearable = TRANSFER_GROWN_BYTES.max(self.bytes / TRANSFER_GROWN_SHARE);
        if self.rules.ask && size > coming.size && self.grown > bearable {
            let says = format!("it has grown from {} to {size} bytes since then", coming.size);
            self.fail(entry, Why::new(Cause::Changed, &says), true);
            return Ok(());
        }
        coming.step = Step::Restarting { size, mtime };
        self.settle(entry);
        Ok(())
    }

    pub(super) fn failed_there(&mut self, entry: u32, why: Why) -> Result<(), End> {
        let coming = self.asked(entry)?;
        coming.asked = false;
        if coming.is_leaving() {
            self.settle(entry);
            return Ok(());
        }
        // What is there of a file that can no more be read may be gone on with; of one that changes all
        // the time nothing is worth keeping.
        let discard = why.cause == Cause::Changed || coming.flow.is_some();
        self.unresolved -= 1;
        if let Some(coming) = self.entries.get_mut(&entry) {
            let (name, bytes) = (coming.at.to_string(), coming.bytes());
            coming.step = Step::Leaving { outcome: None, discard };
            self.told(entry, name, bytes, Outcome::Failed(why));
        }
        self.settle(entry);
        Ok(())
    }

    pub(super) fn pieces_told(
        &mut self,
        entry: u32,
        first: u32,
        hashes: &[Hash],
    ) -> Result<(), End> {
        let coming = self.asked(entry)?;
        let Some(file) = &mut coming.file else {
            return Err(End::Misplaced("it tells pieces of what has none"));
        };
        let count = file.pieces.count() as usize;
        let more = file.told.len() + hashes.len();
        let waits = matches!(coming.step, Step::Checking | Step::Leaving { .. });
        if !waits || first as usize != file.told.len() || hashes.is_empty() || more > count {
            return Err(End::Misplaced("it tells pieces that were not asked for"));
        }
        file.told.extend_from_slice(hashes);
        if file.told.len() < count {
            return Ok(());
        }
        coming.asked = false;
        match coming.step {
            Step::Leaving { .. } => self.settle(entry),
            // The pieces are the sender's, and give another hash than it told.
            _ if file.mend() == 0 => self.fail(entry, Cause::Differs.into(), true),
            _ => self.ask(entry),
        }
        Ok(())
    }
}
