//! `--allow`, `--deny`: who is let in by a listener, and how many are not.

use framecat_proto::cidr::Access;

/// Who came to a listener.
#[derive(Debug)]
pub(crate) enum Came<T> {
    /// Let in.
    In(T),
    /// Not let in.
    TurnedAway(TurnedAway),
}

impl<T> Came<T> {
    pub(crate) fn map<U>(self, make: impl FnOnce(T) -> U) -> Came<U> {
        match self {
            Came::In(it) => Came::In(make(it)),
            Came::TurnedAway(away) => Came::TurnedAway(away),
        }
    }
}

/// Somebody who may not talk.
#[derive(Debug)]
pub(crate) struct TurnedAway {
    /// The address, as it prints.
    pub(crate) peer: String,
    /// How many times it was turned away at once: datagrams come by the run.
    pub(crate) times: u64,
}

/// Where it is decided, and counted.
#[derive(Debug, Default)]
pub(crate) struct Door {
    access: Access,
    turned_away: u64,
}

impl Door {
    pub(crate) fn admit(&mut self, access: Access) {
        self.access = access;
    }

    pub(crate) fn access(&self) -> &Access {
        &self.access
    }

    /// Counts them: their number, if it has reached or passed another power of two.
    pub(crate) fn count(&mut self, away: &TurnedAway) -> Option<u64> {
        let before = self.turned_away;
        self.turned_away = before.saturating_add(away.times);
        let digits = |count: u64| u64::BITS - count.leading_zeros();
        (digits(self.turned_away) > digits(before)).then_some(self.turned_away)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_told_ever_more_rarely() {
        let mut door = Door::default();
        let mut told = |times| door.count(&TurnedAway { peer: String::new(), times });
        let by_one: Vec<_> = (0..1000).filter_map(|_| told(1)).collect();
        assert_eq!(by_one, [1, 2, 4, 8, 16, 32, 64, 128, 256, 512]);
        assert_eq!(told(0), None);
        assert_eq!(told(23), None);
        assert_eq!(told(1), Some(1024));
        assert_eq!(told(5000), Some(6024), "past two of them at once");
        assert_eq!(told(u64::MAX), Some(u64::MAX));
        assert_eq!(told(1), None);
    }
}
