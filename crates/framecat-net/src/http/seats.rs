//! How many may have the same costly thing done for them at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// So many seats; one for all loops.
#[derive(Debug, Clone)]
pub(super) struct Seats {
    most: usize,
    taken: Arc<AtomicUsize>,
}

/// One of them, given back when dropped.
#[derive(Debug)]
pub(super) struct Seat(Arc<AtomicUsize>);

impl Seats {
    pub(super) fn new(most: usize) -> Seats {
        Seats { most, taken: Arc::default() }
    }

    /// `None`: all are taken.
    pub(super) fn take(&self) -> Option<Seat> {
        // Whoever finds too many gives its own back at once.
        let taken = self.taken.fetch_add(1, Ordering::Relaxed);
        let seat = Seat(self.taken.clone());
        (taken < self.most).then_some(seat)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seat_that_is_given_back_is_had_again() {
        let seats = Seats::new(2);
        let (first, second) = (seats.take(), seats.take());
        assert!(first.is_some() && second.is_some());
        assert!(seats.take().is_none() && seats.take().is_none(), "asking takes none");
        drop(first);
        let third = seats.take();
        assert!(third.is_some() && seats.take().is_none());
    }
}
