//! A program that was started for a conversation, from its start to its end.

use std::process::ExitStatus;

use framecat_proto::limits::{CHILD_LEAVES, CHILD_LEFT, CHILD_TERM};
use rustix::process::{Pid, Signal, kill_process};

use crate::error::{Cause, Error, Op};

/// A program that was started. Dropped before its `end`, it is killed.
#[derive(Debug)]
pub struct Child {
    running: Box<tokio::process::Child>,
    name: String,
}

impl Child {
    pub(crate) fn new(running: tokio::process::Child, name: String) -> Child {
        Child { running: Box::new(running), name }
    }

    /// What a conversation with it came to: [`end`](Self::end) behind `over`. A program that failed
    /// says more than that it took no more.
    pub(crate) async fn after<T>(self, over: Result<T, Error>, heard: bool) -> Result<T, Error> {
        match (over, self.end(heard).await) {
            (Ok(over), Ok(())) => Ok(over),
            (Ok(_), Err(error)) => Err(error),
            (Err(over), Err(error)) if over.errno() == Some(libc::EPIPE) => Err(error),
            (Err(over), _) => Err(over),
        }
    }

    /// Waits until it has ended, by itself. Cancel safe.
    pub(crate) async fn gone(&mut self) {
        // What it is waited for with later tells an error.
        let _ = self.running.wait().await;
    }

    /// Waits for its end, once nothing of ours holds its stdin and stdout any more. `heard`: its output
    /// ended by itself; then how it ended is the outcome, and it has more time.
    ///
    /// One that stays is asked by SIGTERM, and then killed. It is reaped in any case.
    pub(crate) async fn end(mut self, heard: bool) -> Result<(), Error> {
        let time = if heard { CHILD_LEAVES } else { CHILD_LEFT };
        let waited = tokio::time::timeout(time, self.running.wait()).await;
        let failed =
            |name: &str, cause| Err(Error { op: Op::Run, endpoint: name.to_string(), cause });
        match waited {
            Ok(Ok(status)) if status.success() || !heard => return Ok(()),
            Ok(Ok(status)) => return failed(&self.name, Cause::Exit(status)),
            Ok(Err(error)) => return failed(&self.name, Cause::Io(error)),
            Err(_) => {}
        }
        // It is ours and not reaped yet, so its number is nobody else's; it may have ended meanwhile.
        if let Some(pid) = self.running.id().and_then(|pid| Pid::from_raw(pid as i32)) {
            let _ = kill_process(pid, Signal::TERM);
        }
        let mut status: Option<ExitStatus> = None;
        if let Ok(Ok(ended)) = tokio::time::timeout(CHILD_TERM, self.running.wait()).await {
            status = Some(ended);
        }
        if status.is_none() {
            // Fails only if it ended by now.
            let _ = self.running.kill().await;
        }
        match heard {
            true => failed(&self.name, Cause::Stayed(CHILD_LEAVES)),
            false => Ok(()),
        }
    }
}
