//! Bytes between a stream and the thread that works on them.
//!
//! A transfer has one worker: a thread that hashes, reads and writes files, and may wait for a disk. What
//! comes from the other side is brought to it in buffers of ours, of which there are a few, so that a worker
//! that is behind makes the other side wait; what it says is sent behind its back, and it is told when that
//! has happened, so that it can make more only while little is unsent. It waits at one place for all that it
//! is told ([`Desk::turn`]), and never for the network.

use std::io;
use std::sync::mpsc;
use std::time::Duration;

use framecat_proto::limits::{LINGER_TIME, TRANSFER_CAME_BUFFERS, TRANSFER_CAME_BYTES};
use framecat_proto::transfer::error::TransferError;
use tokio::sync::{mpsc as queue, oneshot};

use crate::conn::{Stream, Turns};
use crate::converse::close;
use crate::error::{Cause, Error, Op};

/// A buffer that is worth being used again, and how many of them are kept for that.
const SPENT_BYTES: usize = 128 << 10;
const SPENT_BUFFERS: usize = 8;

/// What a worker is told; `T` is what its own side tells it.
#[derive(Debug)]
pub(super) enum Turn<T> {
    /// Bytes of the other side, in a buffer to be given back.
    Came(Vec<u8>),
    /// So many bytes of what was said were sent.
    Sent(usize),
    /// The other side's stream ended, with an error where it broke.
    Ended(Option<io::Error>),
    /// What is said is not sent any more. The other side's last words may still come.
    Deaf(io::Error),
    /// Something of our own side.
    Told(T),
}

/// Where a worker sits.
#[derive(Debug)]
pub(super) struct Desk<T> {
    turns: mpsc::Receiver<Turn<T>>,
    out: queue::UnboundedSender<Vec<u8>>,
    /// Large buffers that were sent: memory that is in use goes faster than new memory.
    spent: mpsc::Receiver<Vec<u8>>,
    spare: queue::UnboundedSender<Vec<u8>>,
    unsent: usize,
    /// Nobody is left who could tell anything.
    gone: bool,
    /// Dropped with the rest.
    _leaves: oneshot::Sender<()>,
}

impl<T> Desk<T> {
    /// The next turn. `None`: none came within `wait`. Without `wait` only what is there already. Where nobody
    /// is left who could tell anything, that is told once, as the end.
    pub(super) fn turn(&mut self, wait: Option<Duration>) -> Option<Turn<T>> {
        let mut gone = || {
            let first = !std::mem::replace(&mut self.gone, true);
            first.then(|| Turn::Ended(Some(io::ErrorKind::BrokenPipe.into())))
        };
        let turn = match wait {
            Some(wait) => match self.turns.recv_timeout(wait) {
                Err(mpsc::RecvTimeoutError::Disconnected) => gone(),
                turn => turn.ok(),
            },
            None => match self.turns.try_recv() {
                Err(mpsc::TryRecvError::Disconnected) => gone(),
                turn => turn.ok(),
            },
        };
        if let Some(Turn::Sent(bytes)) = &turn {
            self.unsent -= bytes;
        }
        turn
    }

    /// Has bytes sent.
    pub(super) fn say(&mut self, bytes: Vec<u8>) {
        if !bytes.is_empty() {
            self.unsent += bytes.len();
            // Where nobody sends any more a turn tells it.
            let _ = self.out.send(bytes);
        }
    }

    /// Bytes that were said and are not sent.
    pub(super) fn unsent(&self) -> usize {
        self.unsent
    }

    /// A buffer that was sent, with what was in it, if there is one.
    pub(super) fn spent(&self) -> Option<Vec<u8>> {
        self.spent.try_recv().ok()
    }

    /// Gives the buffer of [`Turn::Came`] back; until then that much less can come.
    pub(super) fn give_back(&self, mut buffer: Vec<u8>) {
        buffer.clear();
        let _ = self.spare.send(buffer);
    }
}

/// What is said of a transfer that is `over` before its time. Where `broke` is all that was heard of the other
/// side, that says more than that it is gone, unless it says just that: one who is killed leaves a reset, or an end
/// without TLS's own, as it happens.
pub(super) fn broken(op: Op, peer: &str, over: TransferError, broke: Option<io::Error>) -> Error {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    let gone = [BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof];
    match (over, broke) {
        (TransferError::Cut { .. }, Some(error)) if !gone.contains(&error.kind()) => {
            Error::io(op, peer, error)
        }
        (over, _) => Error { op, endpoint: peer.into(), cause: Cause::Transfer(over) },
    }
}

/// A desk on `stream`, what can tell it things, and what moves the bytes. That ends when the desk is gone, all
/// that was said there is sent, and the stream was closed so that the other side keeps our last words.
pub(super) fn open<T: Send + 'static>(
    stream: Stream,
) -> (Desk<T>, mpsc::Sender<Turn<T>>, impl Future<Output = ()>) {
    let (tell, turns) = mpsc::channel();
    let (out, said) = queue::unbounded_channel();
    let (spare, mut buffers) = queue::unbounded_channel();
    for _ in 0..TRANSFER_CAME_BUFFERS {
        let _ = spare.send(Vec::with_capacity(TRANSFER_CAME_BYTES));
    }
    let (leaves, left) = oneshot::channel();
    let (keep, spent) = mpsc::sync_channel(SPENT_BUFFERS);
    let desk = Desk { turns, out, spent, spare, unsent: 0, gone: false, _leaves: leaves };
    let teller = tell.clone();
    let moving = async move {
        let hears = async {
            hear(&stream, &teller, &mut buffers).await;
            std::future::pending::<()>().await;
        };
        // Last words are for whoever takes them: one who reads no more is not waited for.
        let late = async {
            let _ = left.await;
            tokio::time::sleep(LINGER_TIME).await;
        };
        tokio::select! {
            () = speak(&stream, &teller, &keep, said) => {}
            () = hears => {}
            // Nor is one who may still send.
            () = late => return,
        }
        close(&stream).await;
    };
    (desk, tell, moving)
}

/// Brings what comes, to its end.
async fn hear<T>(
    stream: &Stream,
    tell: &mpsc::Sender<Turn<T>>,
    buffers: &mut queue::UnboundedReceiver<Vec<u8>>,
) {
    let mut turns = Turns::default();
    // `None`: the worker is gone.
    while let Some(mut buffer) = buffers.recv().await {
        turns.take().await;
        let turn = match stream.read(&mut buffer).await {
            Ok(0) => Turn::Ended(None),
            Ok(_) => Turn::Came(buffer),
            Err(error) => Turn::Ended(Some(error)),
        };
        let ended = matches!(turn, Turn::Ended(_));
        if tell.send(turn).is_err() || ended {
            return;
        }
    }
}

/// Sends what is said, until nobody says anything more.
async fn speak<T>(
    stream: &Stream,
    tell: &mpsc::Sender<Turn<T>>,
    spent: &mpsc::SyncSender<Vec<u8>>,
    mut said: queue::UnboundedReceiver<Vec<u8>>,
) {
    let mut turns = Turns::default();
    let mut all = Vec::new();
    while said.recv_many(&mut all, 64).await > 0 {
        turns.take().await;
        let bytes = all.iter().map(Vec::len).sum();
        match stream.write_pieces(all.iter().map(Vec::as_slice)).await {
            // A worker that is gone needs no telling.
            Ok(()) => drop(tell.send(Turn::Sent(bytes))),
            Err(error) => {
                let _ = tell.send(Turn::Deaf(error));
                // The worker still hears, and ends when it heard the end.
                tell_nobody(&mut said).await;
                return;
            }
        }
        for buffer in all.drain(..).filter(|buffer| buffer.len() >= SPENT_BYTES) {
            // What is too many is freed: content of small files is said, and never read into these.
            let _ = spent.try_send(buffer);
        }
    }
}

/// Drops what is said, until nobody says anything more.
async fn tell_nobody(said: &mut queue::UnboundedReceiver<Vec<u8>>) {
    while said.recv().await.is_some() {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_kernel_says_is_told_where_it_is_more_than_that_the_other_side_is_gone() {
        let said = |over, code| {
            let broke = Some(io::Error::from_raw_os_error(code));
            broken(Op::Send, "there", over, broke).to_string()
        };
        let cut = || TransferError::Cut { at: 7 };
        let gone = broken(Op::Send, "there", cut(), None).to_string();
        assert_eq!(said(cut(), libc::ECONNRESET), gone);
        assert_eq!(said(cut(), libc::EPIPE), gone);
        assert_eq!(said(cut(), libc::ETIMEDOUT), "send to there: connection timed out");
        let full = TransferError::Cancelled(framecat_proto::transfer::why::Cause::Full.into());
        assert!(said(full, libc::ETIMEDOUT).contains("no room"));
    }
}
