//! What killed servers left in the folder, and uploads that nobody goes on with: looked for at the start and then
//! once in a while, on a thread of its own.

use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Weak};
use std::time::SystemTime;

use framecat_proto::limits::HTTP_SWEEP;

use super::server::Shared;

/// Sweeps for as long as it is held.
#[derive(Debug)]
pub(super) struct Sweeper {
    /// Its end is what the thread waits for.
    _held: Sender<()>,
}

impl Sweeper {
    /// Begins. Where no thread can be had nothing is swept: it is no harm.
    pub(super) fn start(shared: &Arc<Shared>) -> Sweeper {
        let (held, end) = channel();
        let shared = Arc::downgrade(shared);
        let thread = std::thread::Builder::new().name("framecat-sweep".into());
        let _ = thread.spawn(move || {
            loop {
                sweep(&shared);
                if end.recv_timeout(HTTP_SWEEP) != Err(RecvTimeoutError::Timeout) {
                    return;
                }
            }
        });
        Sweeper { _held: held }
    }
}

fn sweep(shared: &Weak<Shared>) {
    let Some(folder) = shared.upgrade().and_then(|shared| shared.folder().ok()) else { return };
    let mut go_on = || shared.upgrade().is_some_and(|shared| !shared.is_stopping());
    folder.sweep_all(SystemTime::now(), &mut go_on);
}
