//! A recording being made (`--record`): both directions of all connections into a file, as JSON lines
//! ([`framecat_proto::text::recording`]).
//!
//! A thread of its own writes, so that a slow disk does not hold up a connection before 1 MiB waits for
//! it. Then it does: a recording is complete, or it is an error.

use std::fs::File;
use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use framecat_proto::framing::Framer;
use framecat_proto::limits::{MESSAGE_BYTES_CEILING, QUEUE_BYTES};
use framecat_proto::message::{Batch, Context, Outgoing};
use framecat_proto::text::recording::{Head, put_ended, put_head};
use framecat_proto::text::{Form, Look};
use tokio::sync::Notify;

use crate::error::{Error, Op};
use crate::event::{Event, Observer};

/// A recording being made. The file is emptied when the first thing is recorded, and not before: a
/// command that comes to nothing destroys no earlier recording.
#[derive(Debug)]
pub struct Record {
    name: String,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    /// There is something to write, or nothing will come.
    told: Condvar,
    /// Something was written, or failed.
    settled: Notify,
}

struct State {
    head: Head,
    rows: Box<dyn Framer>,
    pending: Outgoing,
    begun: bool,
    writing: bool,
    closed: bool,
    failed: Option<io::Error>,
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State").field("pending", &self.pending.len()).finish_non_exhaustive()
    }
}

impl Record {
    /// A recording into `file`, which must be open for writing; `name` is how errors call it.
    ///
    /// # Errors
    /// No thread can be started.
    pub fn begin(file: File, name: String, head: Head) -> io::Result<Record> {
        let state = State {
            head,
            rows: Form::Jsonl.writer(MESSAGE_BYTES_CEILING, Look::default()),
            pending: Outgoing::new(),
            begun: false,
            writing: false,
            closed: false,
            failed: None,
        };
        let shared =
            Shared { state: Mutex::new(state), told: Condvar::new(), settled: Notify::new() };
        let shared = Arc::new(shared);
        let writer = shared.clone();
        std::thread::Builder::new().name("record".into()).spawn(move || writer.write(file))?;
        Ok(Record { name, shared })
    }

    /// Waits while more than [`QUEUE_BYTES`] are not written yet. Cancel safe.
    ///
    /// # Errors
    /// What writing failed with: nothing is recorded from then on.
    pub async fn room(&self) -> Result<(), Error> {
        self.until(|state| state.pending.len() <= QUEUE_BYTES).await
    }

    /// Waits until all is written. Cancel safe.
    ///
    /// # Errors
    /// As [`room`](Self::room).
    pub async fn flush(&self) -> Result<(), Error> {
        self.until(|state| state.pending.is_empty() && !state.writing).await
    }

    /// Returns once writing has failed. Cancel safe.
    pub async fn failed(&self) {
        while self.until(|_| false).await.is_ok() {}
    }

    async fn until(&self, enough: impl Fn(&State) -> bool) -> Result<(), Error> {
        loop {
            let mut settled = std::pin::pin!(self.shared.settled.notified());
            // From here on nothing that settles is missed.
            settled.as_mut().enable();
            {
                let state = self.shared.lock();
                if let Some(error) = &state.failed {
                    let again = error.raw_os_error().map(io::Error::from_raw_os_error);
                    let again = again.unwrap_or_else(|| error.kind().into());
                    return Err(Error::io(Op::Write, self.name.clone(), again));
                }
                if enough(&state) {
                    return Ok(());
                }
            }
            settled.await;
        }
    }

    fn messages(&self, batch: Batch<'_>, context: &Context<'_>) {
        self.add(context.now_ns, |rows, out| {
            // A message is never longer than the ceiling, so none is refused.
            let _ = rows.encode_batch(batch, 0, context, out);
        });
    }

    fn ended(&self, context: &Context<'_>) {
        self.add(context.now_ns, |_, out| put_ended(context, out.buf()));
    }

    fn add(&self, now_ns: u64, put: impl FnOnce(&mut dyn Framer, &mut Outgoing)) {
        let mut state = self.shared.lock();
        let State { head, rows, pending, begun, failed, .. } = &mut *state;
        if failed.is_some() {
            return;
        }
        if !*begun {
            *begun = true;
            put_head(head, now_ns, pending.buf());
        }
        put(&mut **rows, pending);
        self.shared.told.notify_one();
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        self.shared.lock().closed = true;
        self.shared.told.notify_one();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The thread that writes.
    fn write(&self, mut file: File) {
        let mut begun = false;
        let mut bytes = Vec::new();
        loop {
            let mut state = self.lock();
            while state.pending.is_empty() && !state.closed {
                state = self.told.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
            if state.pending.is_empty() {
                return;
            }
            bytes.clear();
            std::mem::swap(&mut bytes, state.pending.buf());
            state.writing = true;
            drop(state);
            let emptied = if begun { Ok(()) } else { empty(&file) };
            begun = true;
            let written = emptied.and_then(|()| file.write_all(&bytes));
            let mut state = self.lock();
            state.writing = false;
            state.failed = written.err();
            let failed = state.failed.is_some();
            drop(state);
            self.settled.notify_waiters();
            if failed {
                return;
            }
        }
    }
}

/// What a file held before goes; a pipe or device holds nothing.
fn empty(file: &File) -> io::Result<()> {
    if file.metadata()?.is_file() { file.set_len(0) } else { Ok(()) }
}

/// An observer that records what it sees, and hands it on.
pub struct Recorder {
    inner: Arc<dyn Observer>,
    record: Arc<Record>,
}

impl Recorder {
    /// Records what `inner` is told of.
    pub fn new(inner: Arc<dyn Observer>, record: Arc<Record>) -> Recorder {
        Recorder { inner, record }
    }
}

impl Observer for Recorder {
    fn event(&self, event: Event<'_>) {
        if let Event::Ended { conn, peer, dir, now_ns } = event {
            let context = Context { conn, peer, dir, ..Context::at(now_ns) };
            self.record.ended(&context);
        }
        self.inner.event(event);
    }

    fn wants_messages(&self) -> bool {
        true
    }

    fn messages(&self, batch: Batch<'_>, context: &Context<'_>) {
        self.record.messages(batch, context);
        if self.inner.wants_messages() {
            self.inner.messages(batch, context);
        }
    }
}
