//! When a transfer tells how far it is, and how fast it goes.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use framecat_proto::limits::{TRANSFER_RATE_TIME, TRANSFER_TELL_TIME};

use crate::event::Moving;

/// It tells nothing twice, and not more often than [`TRANSFER_TELL_TIME`].
#[derive(Debug)]
pub(super) struct Pace {
    told: Moving,
    last: Instant,
    /// Bytes that had crossed the network, and when.
    marks: VecDeque<(Instant, u64)>,
}

impl Pace {
    pub(super) fn new(now: Instant) -> Pace {
        Pace { told: Moving::default(), last: now, marks: VecDeque::from([(now, 0)]) }
    }

    /// How long nothing need be told if nothing happens; `None`: until something does.
    pub(super) fn rests(&self, moving: Moving, now: Instant) -> Option<Duration> {
        let rate = self.told.rate;
        let news = rate > 0 || Moving { rate, ..moving } != self.told;
        news.then(|| TRANSFER_TELL_TIME.saturating_sub(now.duration_since(self.last)))
    }

    /// What is told now, if anything is; `crossed` bytes have crossed the network.
    pub(super) fn tell(&mut self, moving: Moving, crossed: u64, now: Instant) -> Option<Moving> {
        if !self.rests(moving, now).is_some_and(|rest| rest.is_zero()) {
            return None;
        }
        self.last = now;
        // Nothing crossed while nothing was told.
        if let Some((then, before)) = self.marks.back().copied()
            && now.duration_since(then) > TRANSFER_RATE_TIME
        {
            self.marks =
                VecDeque::from([(now.checked_sub(TRANSFER_TELL_TIME).unwrap_or(then), before)]);
        }
        self.marks.push_back((now, crossed));
        while let [_, second, ..] = self.marks.make_contiguous()
            && now.duration_since(second.0) >= TRANSFER_RATE_TIME
        {
            self.marks.pop_front();
        }
        let (then, before) = self.marks.front().copied().unwrap_or((now, crossed));
        let ms = u64::try_from(now.duration_since(then).as_millis()).unwrap_or(u64::MAX);
        let bytes = crossed.saturating_sub(before);
        let rate = bytes.saturating_mul(1_000).checked_div(ms).unwrap_or(0);
        self.told = Moving { rate, ..moving };
        Some(self.told)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_new_is_told_a_few_times_in_a_second_and_the_rate_falls_to_nothing() {
        let begin = Instant::now();
        let mut pace = Pace::new(begin);
        let at = |ms| begin + Duration::from_millis(ms);
        let moving = |bytes| Moving { bytes, of: 9_000, ..Moving::default() };
        assert_eq!(pace.rests(Moving::default(), begin), None, "there is nothing to tell");
        let mut told = Vec::new();
        for ms in (0..=3_000).step_by(10) {
            told.extend(pace.tell(moving(ms), ms, at(ms)));
        }
        assert_eq!(told.len(), 15);
        assert!(told.iter().all(|moving| moving.rate == 1_000), "{told:?}");
        assert_eq!(pace.rests(moving(3_000), at(3_050)), Some(Duration::from_millis(150)));
        for ms in (3_010..=7_000).step_by(10) {
            told.extend(pace.tell(moving(3_000), 3_000, at(ms)));
        }
        assert_eq!(told.last().map(|moving| moving.rate), Some(0));
        assert_eq!(pace.rests(moving(3_000), at(9_000)), None, "it stands, and that was told");
        let told = pace.tell(moving(4_000), 4_000, at(60_000)).map(|moving| moving.rate);
        assert_eq!(told, Some(5_000), "a rest is not counted");
    }
}
