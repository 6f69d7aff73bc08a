//! What a stream gives, on its way to the thread that sends it: a few buffers ahead of what was asked for, so that
//! one who writes slowly, or a person who types, holds up nothing else.

use std::collections::VecDeque;
use std::io;
use std::sync::mpsc;

use framecat_proto::limits::{TRANSFER_FED_BUFFERS, TRANSFER_FED_BYTES};
use tokio::sync::mpsc as queue;

use super::pump::Turn;
use super::send::Told;
use crate::conn::{Kind, Stream, Turns};

/// What came of the stream.
#[derive(Debug)]
pub(super) enum Fed {
    /// Bytes.
    Bytes(Vec<u8>),
    /// Its end, with an error where it broke.
    End(Option<io::Error>),
}

/// What was read, and the way to more.
#[derive(Debug)]
pub(super) struct Feed {
    /// A file never waits for anybody, so the thread reads it itself.
    file: Option<Stream>,
    waiting: VecDeque<Fed>,
    /// Of the first of them, what was taken.
    taken: usize,
    spare: queue::UnboundedSender<Vec<u8>>,
    begun: bool,
}

impl Feed {
    /// Up to `len` bytes, none at the end. `None`: nothing is there yet, and more will be [`put`](Self::put).
    pub(super) fn take(&mut self, len: usize) -> Option<io::Result<Vec<u8>>> {
        if let Some(file) = &self.file {
            return Some(read(file, len));
        }
        if !self.begun {
            self.begun = true;
            for _ in 0..TRANSFER_FED_BUFFERS {
                let _ = self.spare.send(Vec::with_capacity(TRANSFER_FED_BYTES));
            }
        }
        match self.waiting.front_mut()? {
            Fed::End(error) => {
                let error = error.take();
                // It stays: the end is read again.
                Some(error.map_or(Ok(Vec::new()), Err))
            }
            Fed::Bytes(bytes) => {
                let rest = &bytes[self.taken..];
                let some = rest[..len.min(rest.len())].to_vec();
                self.taken += some.len();
                if self.taken == bytes.len() {
                    let mut buffer = std::mem::take(bytes);
                    buffer.clear();
                    let _ = self.spare.send(buffer);
                    self.waiting.pop_front();
                    self.taken = 0;
                }
                Some(Ok(some))
            }
        }
    }

    /// Keeps what came.
    pub(super) fn put(&mut self, fed: Fed) {
        self.waiting.push_back(fed);
    }
}

fn read(file: &Stream, len: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(len);
    loop {
        let spare = rustix::buffer::spare_capacity(&mut bytes);
        match rustix::io::read(file.as_fd(), spare) {
            Err(rustix::io::Errno::INTR) => {}
            Ok(_) => return Ok(bytes),
            Err(error) => return Err(error.into()),
        }
    }
}

/// A stream as a feed, and what reads it: to its end, or until the feed is gone.
pub(super) fn open(
    stream: Stream,
    tell: mpsc::Sender<Turn<Told>>,
) -> (Feed, impl Future<Output = ()>) {
    let (spare, mut buffers) = queue::unbounded_channel::<Vec<u8>>();
    let file = (stream.kind() == Kind::File).then(|| stream.clone());
    let feed = Feed { file, waiting: VecDeque::new(), taken: 0, spare, begun: false };
    let reading = async move {
        let mut turns = Turns::default();
        while let Some(mut buffer) = buffers.recv().await {
            turns.take().await;
            let fed = match stream.read(&mut buffer).await {
                Ok(0) => Fed::End(None),
                Ok(_) => Fed::Bytes(buffer),
                Err(error) => Fed::End(Some(error)),
            };
            let ended = matches!(fed, Fed::End(_));
            if tell.send(Turn::Told(Told::Fed(fed))).is_err() || ended {
                return;
            }
        }
    };
    (feed, reading)
}
