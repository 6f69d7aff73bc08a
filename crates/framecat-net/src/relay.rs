//! Raw bytes from one stream to another, with no messages in them: by the fast way where there is
//! one, else through a buffer. The end of one direction is the end of that direction only.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use framecat_proto::limits::{READ_BYTES_MAX, READ_BYTES_MIN};
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::conn::{Kind, Stream, Turns};
use crate::fast::Path;

/// Which end of a copy failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Reading.
    From,
    /// Writing.
    To,
}

/// A copy that did not reach the end of its source.
#[derive(Debug)]
pub struct CopyError {
    /// Which end.
    pub side: Side,
    /// What the kernel said.
    pub error: io::Error,
}

/// How far one direction came, and when it last moved: shared with whoever watches the time.
#[derive(Debug)]
pub struct Progress {
    started: Instant,
    bytes: AtomicU64,
    last_ms: AtomicU64,
    /// Something is read and not written yet.
    holding: AtomicBool,
    stopping: AtomicBool,
    rested: Notify,
    stopped: Notify,
}

impl Default for Progress {
    fn default() -> Progress {
        Progress {
            started: Instant::now(),
            bytes: AtomicU64::new(0),
            last_ms: AtomicU64::new(0),
            holding: AtomicBool::new(false),
            stopping: AtomicBool::new(false),
            rested: Notify::new(),
            stopped: Notify::new(),
        }
    }
}

impl Progress {
    /// Bytes moved so far.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// When bytes moved last, or when it all began.
    pub fn last(&self) -> Instant {
        self.started + std::time::Duration::from_millis(self.last_ms.load(Ordering::Relaxed))
    }

    /// So many bytes moved now.
    pub fn add(&self, bytes: usize) {
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
        self.touch();
    }

    /// Between two messages: nothing is in hand. Goes no further once it was told to stop.
    pub(crate) async fn rest(&self) {
        self.holding.store(false, Ordering::Relaxed);
        if self.stopping.load(Ordering::Relaxed) {
            self.rested.notify_one();
            std::future::pending().await
        }
    }

    /// Something was read: dropping the work now would lose it.
    pub(crate) fn hold(&self) {
        self.holding.store(true, Ordering::Relaxed);
    }

    /// Whether something was read that is not written yet.
    pub(crate) fn is_holding(&self) -> bool {
        self.holding.load(Ordering::Relaxed)
    }

    /// Stops the direction at its next rest.
    pub(crate) fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
        self.stopped.notify_one();
    }

    /// Waits until it was told to stop. Cancel safe.
    pub(crate) async fn stopped(&self) {
        while !self.stopping.load(Ordering::Relaxed) {
            self.stopped.notified().await;
        }
    }

    /// Waits until nothing is in hand, while somebody else polls the direction.
    pub(crate) async fn at_rest(&self) {
        while self.holding.load(Ordering::Relaxed) {
            self.rested.notified().await;
        }
    }

    /// Something happened that is no bytes.
    pub fn touch(&self) {
        let ms = self.started.elapsed().as_millis() as u64;
        self.last_ms.store(ms, Ordering::Relaxed);
    }
}

/// Whether fast paths may be taken. Tests compare both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Allowed {
    /// Whatever the kernel offers.
    #[default]
    Fast,
    /// read(2) and write(2) only.
    Portable,
}

/// Copies `from` to `to` until `from` ends, and tells `which` the way as soon as it is known. The end
/// is not carried on: the caller shuts `to` down. Not cancel safe: bytes under way are lost.
pub async fn copy(
    from: &Stream,
    to: &Stream,
    progress: &Progress,
    allowed: Allowed,
    which: &mut (dyn FnMut(Path) + Send),
) -> Result<(), CopyError> {
    #[cfg(target_os = "linux")]
    if allowed == Allowed::Fast && copy_fast(from, to, progress, which).await? {
        return Ok(());
    }
    which(Path::ReadWrite);
    copy_portable(from, to, progress).await
}

/// True: done. False: the rest is for the portable way.
#[cfg(target_os = "linux")]
async fn copy_fast(
    from: &Stream,
    to: &Stream,
    progress: &Progress,
    which: &mut (dyn FnMut(Path) + Send),
) -> Result<bool, CopyError> {
    use crate::fast::splice::{Between, Spliced, copy_direct};
    let socket = |kind| matches!(kind, Kind::Tcp | Kind::Unix);
    let (source, sink) = (from.kind(), to.kind());
    if source == Kind::File && socket(sink) {
        which(Path::Sendfile);
        return match crate::fast::sendfile::copy(from, to, progress, u64::MAX).await {
            Some(done) => done.map(|()| true),
            None => Ok(false),
        };
    }
    if source == Kind::Pipe || sink == Kind::Pipe {
        crate::fast::splice::widen(if source == Kind::Pipe { from } else { to });
    }
    let direct = (socket(source) && sink == Kind::Pipe) || (source == Kind::Pipe && socket(sink));
    let spliced = if direct {
        which(Path::SpliceDirect);
        copy_direct(from, to, progress, u64::MAX).await?
    } else if socket(source) && (socket(sink) || matches!(sink, Kind::File | Kind::Device)) {
        // A chatty connection never needs the pipe: it is made when a read fills a buffer.
        if !copy_until_busy(from, to, progress).await? {
            return Ok(true);
        }
        let Ok(between) = Between::new() else { return Ok(false) };
        which(Path::Splice);
        between.copy(from, to, progress, u64::MAX).await?
    } else {
        return Ok(false);
    };
    Ok(matches!(spliced, Spliced::Done))
}

/// Copies `len` bytes, or what comes until `from` ends: how many tells [`Progress::bytes`]. Where a buffer is
/// between, what lies behind them may be read and dropped. The fast way is taken at once, for `len` is
/// known to come. Not cancel safe: bytes under way are lost.
pub(crate) async fn copy_some(
    from: &Stream,
    to: &Stream,
    len: u64,
    progress: &Progress,
    which: &mut (dyn FnMut(Path) + Send),
) -> Result<(), CopyError> {
    let begun = progress.bytes();
    #[cfg(target_os = "linux")]
    {
        use crate::fast::splice::{Between, Spliced, copy_direct};
        let socket = |kind| matches!(kind, Kind::Tcp | Kind::Unix);
        let (source, sink) = (from.kind(), to.kind());
        if source == Kind::File && socket(sink) {
            which(Path::Sendfile);
            if let Some(done) = crate::fast::sendfile::copy(from, to, progress, len).await {
                return done;
            }
        } else if socket(source) && sink == Kind::Pipe {
            crate::fast::splice::widen(to);
            which(Path::SpliceDirect);
            if let Spliced::Done = copy_direct(from, to, progress, len).await? {
                return Ok(());
            }
        } else if socket(source)
            && matches!(sink, Kind::File | Kind::Device)
            && let Ok(between) = Between::new()
        {
            which(Path::Splice);
            if let Spliced::Done = between.copy(from, to, progress, len).await? {
                return Ok(());
            }
        }
    }
    which(Path::ReadWrite);
    // What was moved before the kernel said that it cannot is moved.
    let mut left = len - (progress.bytes() - begun);
    let mut buf = Vec::new();
    let mut turns = Turns::default();
    while left > 0 {
        turns.take().await;
        let most = usize::try_from(left).unwrap_or(usize::MAX).min(READ_BYTES_MAX);
        buf.clear();
        buf.reserve_exact(most);
        let read = from.read(&mut buf).await;
        if read.map_err(|error| CopyError { side: Side::From, error })? == 0 {
            return Ok(());
        }
        buf.truncate(most);
        to.write_all(&buf).await.map_err(|error| CopyError { side: Side::To, error })?;
        progress.add(buf.len());
        left -= buf.len() as u64;
    }
    Ok(())
}

/// Copies through a small buffer until a read fills it: true then, false at the end of `from`.
#[cfg(target_os = "linux")]
async fn copy_until_busy(
    from: &Stream,
    to: &Stream,
    progress: &Progress,
) -> Result<bool, CopyError> {
    let mut buf = Vec::with_capacity(READ_BYTES_MIN);
    let mut turns = Turns::default();
    loop {
        turns.take().await;
        progress.rest().await;
        buf.clear();
        match from.read(&mut buf).await {
            Ok(0) => return Ok(false),
            Ok(read) => {
                progress.hold();
                to.write_all(&buf).await.map_err(|error| CopyError { side: Side::To, error })?;
                progress.add(read);
                if read == buf.capacity() {
                    return Ok(true);
                }
            }
            Err(error) => return Err(CopyError { side: Side::From, error }),
        }
    }
}

/// read(2) and write(2), with a buffer that grows while reads fill it.
async fn copy_portable(from: &Stream, to: &Stream, progress: &Progress) -> Result<(), CopyError> {
    let mut buf = Vec::with_capacity(READ_BYTES_MIN);
    let mut turns = Turns::default();
    loop {
        turns.take().await;
        progress.rest().await;
        buf.clear();
        let read = match from.read(&mut buf).await {
            Ok(0) => return Ok(()),
            Ok(read) => read,
            Err(error) => return Err(CopyError { side: Side::From, error }),
        };
        progress.hold();
        to.write_all(&buf).await.map_err(|error| CopyError { side: Side::To, error })?;
        progress.add(read);
        if read == buf.capacity() && read < READ_BYTES_MAX {
            buf = Vec::with_capacity((read * 2).min(READ_BYTES_MAX));
        }
    }
}
