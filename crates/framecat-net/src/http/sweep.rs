//! What killed servers left in the folder, and uploads that nobody goes on with: looked for at the start and then
//! once in a while, on a thread of its own.

use std::sync::Weak;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::SystemTime;

use framecat_proto::limits::HTTP_SWEEP;

use super::server::Shared;
use crate::disk::Gone;

/// Sweeps for as long as this is held. What is sent is removed in between.
pub(super) fn start(shared: &Weak<Shared>) -> Sender<Gone> {
    let (held, asked) = channel::<Gone>();
    let shared = shared.clone();
    let thread = std::thread::Builder::new().name("framecat-sweep".into());
    // Where no thread can be had nothing is swept: it is no harm.
    let _ = thread.spawn(move || {
        loop {
            sweep(&shared);
            loop {
                match asked.recv_timeout(HTTP_SWEEP) {
                    // What cannot be removed is tried again by the next sweep.
                    Ok(gone) => drop(gone.remove()),
                    Err(RecvTimeoutError::Timeout) => break,
                    Err(RecvTimeoutError::Disconnected) => return,
                }
            }
        }
    });
    held
}

fn sweep(shared: &Weak<Shared>) {
    let Some(folder) = shared.upgrade().and_then(|shared| shared.folder().ok()) else { return };
    let mut go_on = || shared.upgrade().is_some_and(|shared| !shared.is_stopping());
    folder.sweep_all(SystemTime::now(), &mut go_on);
}
