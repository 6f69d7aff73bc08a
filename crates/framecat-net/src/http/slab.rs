//! Places for connections, named by a number that is never used for another one soon: what was meant for
//! a connection that is gone finds nothing.

/// Values with a name each.
#[derive(Debug)]
pub(super) struct Slab<T> {
    places: Vec<Place<T>>,
    free: Vec<u32>,
}

#[derive(Debug)]
struct Place<T> {
    /// Counts those who had it.
    turn: u32,
    value: Option<T>,
}

/// The name of a value: its place, and the how manieth there it is.
pub(super) type Name = u64;

fn name(index: u32, turn: u32) -> Name {
    u64::from(turn) << 32 | u64::from(index)
}

impl<T> Slab<T> {
    pub(super) fn new() -> Slab<T> {
        Slab { places: Vec::new(), free: Vec::new() }
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.places.len() - self.free.len()
    }

    pub(super) fn insert(&mut self, value: T) -> Name {
        let index = self.free.pop().unwrap_or_else(|| {
            self.places.push(Place { turn: 0, value: None });
            (self.places.len() - 1) as u32
        });
        let place = &mut self.places[index as usize];
        place.value = Some(value);
        name(index, place.turn)
    }

    pub(super) fn get(&mut self, name: Name) -> Option<&mut T> {
        let place = self.places.get_mut(name as u32 as usize)?;
        (place.turn == (name >> 32) as u32).then_some(place.value.as_mut()).flatten()
    }

    pub(super) fn remove(&mut self, name: Name) -> Option<T> {
        self.get(name)?;
        let index = name as u32;
        let place = &mut self.places[index as usize];
        // 31 bits, so that no name is one of those that the loop keeps for itself.
        place.turn = (place.turn + 1) & (u32::MAX >> 1);
        self.free.push(index);
        place.value.take()
    }

    /// All of them with their names.
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = (Name, &mut T)> {
        self.places.iter_mut().enumerate().filter_map(|(index, place)| {
            let turn = place.turn;
            place.value.as_mut().map(|value| (name(index as u32, turn), value))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_of_one_value_alone() {
        let mut slab = Slab::new();
        let (a, b) = (slab.insert('a'), slab.insert('b'));
        let got = (slab.get(a).copied(), slab.get(b).copied());
        assert_eq!((got, slab.len()), ((Some('a'), Some('b')), 2));
        assert_eq!(slab.remove(a), Some('a'));
        assert_eq!(slab.remove(a), None);
        assert_eq!(slab.get(a), None);
        assert_eq!(slab.len(), 1);
        let c = slab.insert('c');
        assert_ne!(a, c);
        assert_eq!(
            (a as u32, slab.get(a)),
            (c as u32, None),
            "the place is used again, not the name"
        );
        let all: Vec<_> = slab.iter_mut().map(|(name, value)| (name, *value)).collect();
        assert_eq!(all, [(c, 'c'), (b, 'b')]);
        assert_eq!(slab.get(u64::MAX), None);
    }
}
