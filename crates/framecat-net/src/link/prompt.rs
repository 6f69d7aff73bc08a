//! What a framing says by itself so that the peer goes on (100 (Continue) of `http`): written to the
//! same stream as messages, and never into one.
//!
//! Whoever waits for a whole message cannot answer its head. The framing can, and the halves of a link
//! do it: the receiver when it has seen the head, or the sender, if it has something under way then.

use std::io::IoSlice;
use std::sync::{Arc, Mutex, PoisonError};

use crate::conn::Stream;

/// Shared by the two halves of a link.
#[derive(Debug, Clone)]
pub(super) struct Prompter(Arc<(Stream, Mutex<State>)>);

#[derive(Debug, Default)]
struct State {
    /// A message is under way, or held back.
    sending: bool,
    /// What the kernel did not take yet.
    left: &'static [u8],
    /// It was said, and not told.
    untold: bool,
}

impl Prompter {
    pub(super) fn new(stream: Stream) -> Prompter {
        Prompter(Arc::new((stream, Mutex::default())))
    }

    fn with<T>(&self, change: impl FnOnce(&Stream, &mut State) -> T) -> T {
        let (stream, state) = &*self.0;
        change(stream, &mut state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The sender begins or ends; what it was given to hold back is under way too.
    pub(super) fn set_sending(&self, sending: bool) {
        self.with(|_, state| state.sending = sending);
    }

    /// Says what `ask` has to say, unless a message is under way: then it is not asked.
    pub(super) fn say(&self, ask: impl FnOnce() -> Option<&'static [u8]>) {
        self.with(|stream, state| {
            if state.sending {
                return;
            }
            if state.left.is_empty()
                && let Some(bytes) = ask()
            {
                state.left = bytes;
                state.untold = true;
            }
            if !state.left.is_empty() {
                // An error is one for the next message too, and is told then.
                let written = stream.write_now(&[IoSlice::new(state.left)]).unwrap_or(0);
                state.left = &state.left[written.min(state.left.len())..];
            }
        });
    }

    /// What must go out before anything else does. It counts as gone.
    pub(super) fn take_left(&self) -> &'static [u8] {
        self.with(|_, state| std::mem::take(&mut state.left))
    }

    /// Whether something was said since this was last asked.
    pub(super) fn take_told(&self) -> bool {
        self.with(|_, state| std::mem::take(&mut state.untold))
    }
}
