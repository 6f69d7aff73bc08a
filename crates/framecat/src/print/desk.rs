//! The queue to stderr and the thread that writes it.
//!
//! Both kinds of entry wait in one queue, in order, each with a bound of its own, so that shown
//! messages never push out a sentence. At a bound nothing is copied: what is lost is counted, and
//! told as soon as there is room again.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use framecat_proto::limits::{QUEUE_BYTES, SHOW_QUEUE, TOLD_BYTES};
use framecat_proto::message::{Batch, Context};
use rustix::event::{PollFd, PollFlags, poll};

use super::sentence::Sentence;
use super::show::{Copied, Show};

/// The text of this many bytes goes to stderr in one write.
const WRITE_BYTES: usize = 64 << 10;

/// Lines of a log alone wait for more for so long, and until there are so many bytes: a busy server's
/// come by the thousand, and each would cost a switch to the thread and a write.
const GATHER_TIME: Duration = Duration::from_millis(20);
const GATHER_BYTES: usize = TOLD_BYTES / 4;

/// How what is written looks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Look {
    pub(super) colour: bool,
    pub(super) show: Show,
}

/// The near end of the queue.
pub(super) struct Desk {
    shared: Arc<Shared>,
}

struct Shared {
    look: Look,
    state: Mutex<State>,
    /// There is something to write.
    work: Condvar,
    /// All is written.
    rest: Condvar,
    /// What waited was taken.
    room: Condvar,
    sink: Mutex<Box<dyn Write + Send>>,
    /// A line of progress stands on the terminal, without an end.
    progress: AtomicBool,
}

enum Entry {
    Said(Sentence),
    Shown(Copied),
    /// Lines that are shown as they are.
    Lines(Vec<u8>),
    /// How far something is: overwritten by whatever comes next.
    Progress(String),
}

/// What waits to be written.
#[derive(Default)]
struct Waiting {
    entries: VecDeque<Entry>,
    sentences: usize,
    messages: usize,
    message_bytes: usize,
    /// Lines of a log. They come thick: one buffer takes them, and one write.
    log: Vec<u8>,
    lost: Lost,
}

/// What found no room.
#[derive(Debug, Clone, Copy, Default)]
struct Lost {
    sentences: u64,
    messages: u64,
    lines: u64,
}

#[derive(Default)]
struct State {
    waiting: Waiting,
    started: bool,
    /// The thread sleeps and must be woken.
    asleep: bool,
    /// It has lines of a log, and waits for more; for anything else it must be woken.
    gathering: bool,
    /// Entries were taken and are being written.
    writing: bool,
    closed: bool,
    /// Nobody waits for room any more.
    hurried: bool,
}

impl Waiting {
    fn is_empty(&self) -> bool {
        let Lost { sentences, messages, lines } = self.lost;
        self.entries.is_empty() && self.log.is_empty() && sentences + messages + lines == 0
    }

    /// Whether nothing but lines of a log waits.
    fn is_log(&self) -> bool {
        self.entries.is_empty() && !self.log.is_empty() && self.log.len() < GATHER_BYTES
    }

    /// How many messages of `len` still have room.
    fn room(&self) -> usize {
        match self.message_bytes < QUEUE_BYTES {
            true => SHOW_QUEUE.saturating_sub(self.messages),
            false => 0,
        }
    }
}

impl Desk {
    pub(super) fn new(sink: Box<dyn Write + Send>, look: Look) -> Desk {
        let shared = Shared {
            look,
            state: Mutex::default(),
            work: Condvar::new(),
            rest: Condvar::new(),
            room: Condvar::new(),
            sink: Mutex::new(sink),
            progress: AtomicBool::new(false),
        };
        Desk { shared: Arc::new(shared) }
    }

    /// Queues a sentence; it is made only if there is room.
    pub(super) fn say(&self, sentence: impl FnOnce() -> Sentence) {
        let mut state = self.shared.lock();
        if state.waiting.sentences >= SHOW_QUEUE {
            state.waiting.lost.sentences += 1;
            return;
        }
        state.waiting.sentences += 1;
        state.waiting.entries.push_back(Entry::Said(sentence()));
        self.wake(state);
    }

    /// As [`say`](Self::say), for what was asked for in full: blocks this thread while there is no room, until
    /// [`hurry`](Self::hurry).
    pub(super) fn say_in_turn(&self, sentence: Sentence) {
        let full = |state: &mut State| state.waiting.sentences >= SHOW_QUEUE && !state.hurried;
        let state = self.shared.room.wait_while(self.shared.lock(), full);
        drop(state);
        self.say(|| sentence);
    }

    /// From now on nobody waits for room: the end is near.
    pub(super) fn hurry(&self) {
        self.shared.lock().hurried = true;
        self.shared.room.notify_all();
    }

    /// Queues as many messages of a batch as there is room for.
    pub(super) fn show(&self, batch: Batch<'_>, context: &Context<'_>) {
        let room = self.shared.lock().waiting.room();
        // Copied outside the lock: two connections at once may overshoot by a batch.
        let copied = (room > 0 && !batch.is_empty())
            .then(|| Copied::of(batch, room, QUEUE_BYTES, context, self.shared.look.show));
        let mut state = self.shared.lock();
        let kept = copied.as_ref().map_or(0, Copied::len);
        state.waiting.lost.messages += (batch.len() - kept) as u64;
        if let Some(copied) = copied {
            state.waiting.messages += kept;
            state.waiting.message_bytes += copied.bytes();
            state.waiting.entries.push_back(Entry::Shown(copied));
            self.wake(state);
        }
    }

    /// Queues lines that are shown, as one message.
    pub(super) fn lines(&self, lines: Vec<u8>) {
        let mut state = self.shared.lock();
        if state.waiting.room() == 0 {
            state.waiting.lost.messages += 1;
            return;
        }
        state.waiting.messages += 1;
        state.waiting.message_bytes += lines.len();
        state.waiting.entries.push_back(Entry::Lines(lines));
        self.wake(state);
    }

    /// Shows how far something is, in place of what was shown of that before.
    pub(super) fn progress(&self, text: String) {
        let mut state = self.shared.lock();
        if let Some(Entry::Progress(before)) = state.waiting.entries.back_mut() {
            *before = text;
            return;
        }
        state.waiting.entries.push_back(Entry::Progress(text));
        self.wake(state);
    }

    /// Queues a line of a log.
    pub(super) fn log(&self, line: &[u8]) {
        let mut state = self.shared.lock();
        if state.waiting.log.len() >= TOLD_BYTES {
            state.waiting.lost.lines += 1;
            return;
        }
        state.waiting.log.extend_from_slice(line);
        if !state.gathering || state.waiting.log.len() >= GATHER_BYTES {
            self.wake(state);
        }
    }

    /// Waits until all is written, for so long at most.
    pub(super) fn finish(&self, wait: Duration) {
        let state = self.shared.lock();
        if state.started && self.shared.progress.load(Ordering::Relaxed) {
            drop(state);
            // Nothing, in place of the last progress.
            self.lines(Vec::new());
            return self.wait(wait);
        }
        drop(state);
        self.wait(wait);
    }

    fn wait(&self, wait: Duration) {
        let mut state = self.shared.lock();
        if state.started {
            state.gathering = false;
            self.shared.work.notify_one();
            let busy = |state: &mut State| state.writing || !state.waiting.is_empty();
            drop(self.shared.rest.wait_timeout_while(state, wait, busy));
        }
    }

    fn wake(&self, mut state: MutexGuard<'_, State>) {
        if !state.started {
            state.started = true;
            let shared = self.shared.clone();
            let thread = std::thread::Builder::new().name("stderr".into());
            if thread.spawn(move || shared.run()).is_err() {
                // No thread to be had: whoever speaks writes.
                state.started = false;
                let waiting = std::mem::take(&mut state.waiting);
                drop(state);
                self.shared.write(waiting);
            }
        } else if state.asleep || state.gathering {
            state.asleep = false;
            state.gathering = false;
            self.shared.work.notify_one();
        }
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        self.shared.lock().closed = true;
        self.shared.work.notify_one();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self) {
        let mut shown = false;
        while let Some(waiting) = self.take() {
            if waiting.messages > 0 && !shown {
                shown = true;
                yield_to_others();
            }
            self.write(waiting);
        }
    }

    /// All that waits, once something does. `None`: nothing will.
    fn take(&self) -> Option<Waiting> {
        let mut state = self.lock();
        state.writing = false;
        while state.waiting.is_empty() {
            self.rest.notify_all();
            if state.closed {
                return None;
            }
            state.asleep = true;
            state = self.work.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.asleep = false;
        if state.waiting.is_log() && !state.closed {
            state.gathering = true;
            let more = |state: &mut State| state.gathering && !state.closed;
            let gathered = self.work.wait_timeout_while(state, GATHER_TIME, more);
            state = gathered.unwrap_or_else(PoisonError::into_inner).0;
            state.gathering = false;
        }
        state.writing = true;
        self.room.notify_all();
        Some(std::mem::take(&mut state.waiting))
    }

    fn write(&self, waiting: Waiting) {
        let mut sink = self.sink.lock().unwrap_or_else(PoisonError::into_inner);
        let mut text = Vec::new();
        for entry in &waiting.entries {
            // What was overwritten leaves nothing behind (ECMA-48: erase in line).
            if self.progress.swap(matches!(entry, Entry::Progress(_)), Ordering::Relaxed) {
                text.extend_from_slice(b"\r\x1b[K");
            }
            match entry {
                Entry::Said(sentence) => sentence.put(self.look.colour, &mut text),
                Entry::Lines(lines) => text.extend_from_slice(lines),
                Entry::Progress(shown) => text.extend_from_slice(shown.as_bytes()),
                Entry::Shown(copied) => {
                    for i in 0..copied.len() {
                        copied.put(i, self.look.show.form, self.look.colour, &mut text);
                        flush(&mut text, WRITE_BYTES, &mut **sink);
                    }
                }
            }
            flush(&mut text, WRITE_BYTES, &mut **sink);
        }
        text.extend_from_slice(&waiting.log);
        flush(&mut text, WRITE_BYTES, &mut **sink);
        for (count, what) in [
            (waiting.lost.lines, "requests not logged: stderr takes them too slowly"),
            (waiting.lost.messages, "not shown: stderr takes them too slowly"),
            (waiting.lost.sentences, "events not told: stderr takes them too slowly"),
        ] {
            if count > 0 {
                Sentence::new(&format!("{count} {what}"), None).put(self.look.colour, &mut text);
            }
        }
        flush(&mut text, 0, &mut **sink);
    }
}

/// Writes the text out if it is longer than `most`. What stderr does not take is dropped.
fn flush(text: &mut Vec<u8>, most: usize, sink: &mut dyn Write) {
    if text.len() > most {
        let _ = sink.write_all(text);
        text.clear();
    }
}

/// On Linux a nice value belongs to a thread: showing takes the time that relaying leaves.
fn yield_to_others() {
    #[cfg(target_os = "linux")]
    let _ = rustix::process::nice(19);
}

/// Descriptor 2, also where somebody made it non-blocking (it may be shared with a terminal's other
/// users).
pub(super) struct Stderr;

impl Write for Stderr {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        let stderr = io::stderr();
        loop {
            match rustix::io::write(&stderr, text) {
                Ok(len) => return Ok(len),
                Err(rustix::io::Errno::INTR) => {}
                Err(rustix::io::Errno::AGAIN) => {
                    let mut ready = [PollFd::new(&stderr, PollFlags::OUT)];
                    // An interrupted or failed wait ends in another write, which tells.
                    let _ = poll(&mut ready, None);
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
