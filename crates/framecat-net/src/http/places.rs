//! How many are served at once: all together, and from one address.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Those for whom there was no place and who are told so, at once. Others are let go without a word.
const AWAY: usize = 128;

/// Those who are here: one for all loops.
#[derive(Debug, Clone)]
pub(super) struct Places(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    most: usize,
    most_per_source: usize,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    here: usize,
    away: usize,
    /// Those on this machine are not among them.
    by_source: HashMap<IpAddr, usize>,
}

/// A place, given back when dropped.
#[derive(Debug)]
pub(super) struct Place {
    places: Places,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    /// Of one who is not counted by address.
    Here,
    From(IpAddr),
    Away,
}

/// Who may come in.
#[derive(Debug)]
pub(super) enum Came {
    /// There is a place.
    In(Place),
    /// There is none; there is one to be told so.
    Full(Place),
    /// There is none at all.
    Crowded,
}

impl Places {
    pub(super) fn new(most: usize, most_per_source: usize) -> Places {
        Places(Arc::new(Shared { most, most_per_source, taken: Mutex::default() }))
    }

    /// A place for one from this address; `None`: of a Unix socket.
    pub(super) fn take(&self, source: Option<IpAddr>) -> Came {
        let source = source.map(|ip| ip.to_canonical()).filter(|ip| !ip.is_loopback());
        let mut taken = self.lock();
        let there = source.and_then(|ip| taken.by_source.get(&ip)).copied().unwrap_or(0);
        let places = self.clone();
        if taken.here < self.0.most && there < self.0.most_per_source {
            taken.here += 1;
            let kind = match source {
                Some(ip) => {
                    taken.by_source.insert(ip, there + 1);
                    Kind::From(ip)
                }
                None => Kind::Here,
            };
            return Came::In(Place { places, kind });
        }
        if taken.away < AWAY {
            taken.away += 1;
            return Came::Full(Place { places, kind: Kind::Away });
        }
        Came::Crowded
    }

    /// How many have one.
    pub(super) fn here(&self) -> usize {
        self.lock().here
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        self.0.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.lock();
        match self.kind {
            Kind::Away => taken.away -= 1,
            Kind::Here => taken.here -= 1,
            Kind::From(ip) => {
                taken.here -= 1;
                if let Some(there) = taken.by_source.get_mut(&ip) {
                    *there -= 1;
                    if *there == 0 {
                        taken.by_source.remove(&ip);
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_has_its_part_and_this_machine_has_all() {
        let places = Places::new(5, 2);
        let ip = |text: &str| Some(text.parse().unwrap());
        let mut here = Vec::new();
        let mut come = |source| match places.take(source) {
            Came::In(place) => {
                here.push(place);
                true
            }
            _ => false,
        };
        let far = ip("192.0.2.7");
        assert!(come(far) && come(ip("::ffff:192.0.2.7")), "one address, written in two ways");
        assert!(!come(far));
        assert!(come(ip("127.0.0.1")) && come(ip("::1")) && come(None));
        assert!(!come(None) && !come(ip("192.0.2.8")), "all are taken");
        here.remove(0);
        let Came::In(again) = places.take(far) else { panic!("a place was given back") };
        drop((again, here));
        assert!(places.lock().by_source.is_empty() && places.lock().here == 0);
    }

    #[test]
    fn who_is_turned_away_is_told_so_up_to_a_bound() {
        let places = Places::new(0, 0);
        let away: Vec<_> = (0..AWAY).map(|_| places.take(None)).collect();
        assert!(away.iter().all(|came| matches!(came, Came::Full(_))));
        assert!(matches!(places.take(None), Came::Crowded));
        drop(away);
        assert!(matches!(places.take(None), Came::Full(_)));
    }
}
