//! Threads for what may wait for a disk: a look at a cold name, a stretch of a cold file, a folder.
//!
//! They start when there is work and end when there has been none for a while. A connection has at most
//! one piece of work here, so the queue is no longer than there are connections. Others look at passwords.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// So many wait for disks at once: enough to keep a disk busy, few enough to be started in an instant.
pub(super) const FOR_DISKS: usize = 16;

/// A thread without work ends after this.
const REST: Duration = Duration::from_secs(10);

type Job = Box<dyn FnOnce() + Send>;

/// The threads, started as they are needed.
#[derive(Clone)]
pub(super) struct Workers(Arc<Shared>);

struct Shared {
    most: usize,
    most_queued: usize,
    state: Mutex<State>,
    work: Condvar,
}

#[derive(Default)]
struct State {
    queue: VecDeque<Job>,
    threads: usize,
    idle: usize,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Workers {
    /// So many threads at most, and so many jobs that wait for one.
    pub(super) fn new(most: usize, most_queued: usize) -> Workers {
        let (state, work) = Default::default();
        Workers(Arc::new(Shared { most, most_queued, state, work }))
    }

    /// Does it soon, on another thread. False where no thread can be had or too many jobs wait, and it will
    /// not be done.
    pub(super) fn give(&self, job: impl FnOnce() + Send + 'static) -> bool {
        let mut state = self.0.lock();
        if state.queue.len() >= self.0.most_queued {
            return false;
        }
        state.queue.push_back(Box::new(job));
        if state.idle >= state.queue.len() || state.threads == self.0.most {
            self.0.work.notify_one();
            return true;
        }
        let shared = self.0.clone();
        let started =
            std::thread::Builder::new().name("framecat-files".into()).spawn(move || work(&shared));
        match started {
            Ok(_) => state.threads += 1,
            // Whoever is there does it.
            Err(_) if state.threads > 0 => {}
            Err(_) => {
                state.queue.pop_back();
                return false;
            }
        }
        true
    }
}

fn work(shared: &Shared) {
    let mut state = shared.lock();
    loop {
        if let Some(job) = state.queue.pop_front() {
            drop(state);
            // A job that panics says so on stderr; who waits for it is told by what the job drops.
            let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(job));
            state = shared.lock();
            continue;
        }
        state.idle += 1;
        let (woken, rest) =
            shared.work.wait_timeout(state, REST).unwrap_or_else(PoisonError::into_inner);
        state = woken;
        state.idle -= 1;
        if rest.timed_out() && state.queue.is_empty() {
            state.threads -= 1;
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    #[test]
    fn all_work_is_done_and_a_panic_takes_no_thread_away() {
        let workers = Workers::new(FOR_DISKS, usize::MAX);
        let (tell, told) = mpsc::channel();
        for n in 0..1000 {
            let tell = tell.clone();
            assert!(workers.give(move || {
                tell.send(n).unwrap();
                assert!(n % 100 != 0 || std::env::var_os("NOT_SET").is_some(), "meant to panic");
            }));
        }
        drop(tell);
        let mut done: Vec<i32> = told.iter().collect();
        done.sort_unstable();
        assert_eq!(done, (0..1000).collect::<Vec<_>>());
        assert!(workers.0.lock().threads <= FOR_DISKS);
    }

    #[test]
    fn no_more_wait_than_may() {
        let workers = Workers::new(1, 2);
        let (begun, begins) = mpsc::channel();
        let (go, wait) = mpsc::channel::<()>();
        assert!(workers.give(move || {
            begun.send(()).unwrap();
            assert!(wait.recv().is_err(), "until `go` is dropped");
        }));
        begins.recv().unwrap();
        assert!(workers.give(|| {}) && workers.give(|| {}));
        assert!(!workers.give(|| panic!("it is not taken")));
        drop(go);
        let (tell, told) = mpsc::channel();
        while !workers.give({
            let tell = tell.clone();
            move || tell.send(()).unwrap()
        }) {
            std::thread::yield_now();
        }
        told.recv().unwrap();
    }
}
