//! The clock of a framing whose messages end after silence (`gap`): proto says how long the silence
//! is, and here it is waited for.

use std::io;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use framecat_proto::framing::Decoder;
use tokio::time::{Instant, sleep_until};

use super::{Notice, Receiver, Source};
use crate::conn::Stream;

/// A message that lay there for longer than the silence that ends one before it was read, so it may
/// be several.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LooksMerged {
    /// Its number, from 1.
    pub n: u64,
    /// How many looked so until now.
    pub count: u64,
}

/// Listens for silence.
#[derive(Debug)]
pub(super) struct Ear {
    silence: Duration,
    /// When bytes, or the silence behind them, were seen last.
    looked: Instant,
    /// What is read lay there for longer than a silence, so there may have been one in it.
    late: bool,
    /// Messages of which that was so.
    merged: u64,
}

impl Ear {
    /// One for a rule that listens for silence.
    pub(super) fn of(decoder: &Decoder) -> Option<Ear> {
        let silence = decoder.silence()?;
        Some(Ear { silence, looked: Instant::now(), late: false, merged: 0 })
    }

    /// Reads; `None` if the silence comes first, which it does only where a message has `begun`.
    /// Cancel safe.
    async fn read(
        &mut self,
        stream: &Stream,
        buf: &mut Vec<u8>,
        begun: bool,
    ) -> Option<io::Result<usize>> {
        if self.looked.elapsed() > self.silence {
            // Nobody looked for a while: what is there now may have come before a silence or after.
            let there = tokio::select! {
                biased;
                read = stream.read(buf) => Some(read),
                () = std::future::ready(()) => None,
            };
            if let Some(read) = there {
                self.late |= matches!(read, Ok(1..));
                self.looked = Instant::now();
                return Some(read);
            }
        }
        let silent = self.looked + self.silence;
        let read = tokio::select! {
            biased;
            read = stream.read(buf) => Some(read),
            () = sleep_until(silent), if begun => None,
        };
        self.looked = Instant::now();
        read
    }

    /// A message has ended. How many look merged, if this one does.
    fn ended(&mut self) -> Option<u64> {
        let late = std::mem::take(&mut self.late);
        self.merged += u64::from(late);
        late.then_some(self.merged)
    }
}

impl Receiver {
    /// Reads from the stream behind what has begun. `None`: it was silent for so long that this is a
    /// message. Cancel safe.
    pub(super) async fn read_or_silence(&mut self) -> Option<io::Result<usize>> {
        let Source::Stream(stream) = &self.source else { return None };
        let Some(ear) = &mut self.ear else { return Some(stream.read(&mut self.buf).await) };
        let begun = !self.buf.is_empty();
        let read = ear.read(stream, &mut self.buf, begun).await;
        if read.is_none() {
            let rest = &self.buf[self.start..];
            match self.decoder.silent(rest, &mut self.spans) {
                Ok(false) => {}
                Ok(true) => {
                    self.taken = rest.len();
                    self.begun.0.store(0, Relaxed);
                    self.note_merged(self.decoder.messages());
                }
                Err(error) => self.fail(error),
            }
        }
        read
    }

    /// Says of message `n`, which just ended, if it may be several.
    pub(super) fn note_merged(&mut self, n: u64) {
        if let Some(count) = self.ear.as_mut().and_then(Ear::ended) {
            self.notices.push_back(Notice::LooksMerged(LooksMerged { n, count }));
        }
    }
}
