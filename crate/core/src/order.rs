//! Putting things in order by numbers, with one compiled sort for all of them.
//!
//! The standard library's sorts are fast and compiled anew for every element type: a dozen of them
//! weighed as much in the page as the whole stack reader. Everything that is ordered here is
//! ordered by one or two integers, so one sort of keys serves all. The same goes for maps: a tree
//! is compiled anew for every type of value, a [`Map`] hardly at all.

use alloc::vec::Vec;

/// The items by ascending key; equal keys keep their order.
pub(crate) fn by_key<T>(items: Vec<T>, key: impl Fn(&T) -> (u64, u64)) -> Vec<T> {
    let keys = items.iter().map(key).collect();
    let mut items: Vec<Option<T>> = items.into_iter().map(Some).collect();
    indices(keys)
        .into_iter()
        .filter_map(|index| items.get_mut(index)?.take())
        .collect()
}

/// The indices of `keys` in ascending order of the keys; equal keys keep their order.
pub(crate) fn indices(keys: Vec<(u64, u64)>) -> Vec<usize> {
    let mut keyed: Vec<((u64, u64), usize)> = keys.into_iter().zip(0..).collect();
    keyed.sort_unstable();
    keyed.into_iter().map(|(_, index)| index).collect()
}

/// Values by number, for maps of some hundred entries: putting one in moves those behind it.
#[derive(Clone, Debug)]
pub(crate) struct Map<V> {
    keys: Vec<u64>,
    values: Vec<V>,
}

impl<V> Default for Map<V> {
    fn default() -> Self {
        Self {
            keys: Vec::new(),
            values: Vec::new(),
        }
    }
}

impl<V> Map<V> {
    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether there is one.
    pub(crate) fn contains_key(&self, key: &u64) -> bool {
        self.keys.binary_search(key).is_ok()
    }

    /// The value of a number.
    pub(crate) fn get(&self, key: &u64) -> Option<&V> {
        self.values.get(self.keys.binary_search(key).ok()?)
    }

    /// The value of a number, made where there is none.
    pub(crate) fn or_insert_with(&mut self, key: u64, make: impl FnOnce() -> V) -> &mut V {
        let place = match self.keys.binary_search(&key) {
            Ok(place) => place,
            Err(place) => {
                self.keys.insert(place, key);
                self.values.insert(place, make());
                place
            }
        };
        &mut self.values[place]
    }

    /// Puts a value in the place of what was there.
    pub(crate) fn insert(&mut self, key: u64, value: V) {
        match self.keys.binary_search(&key) {
            Ok(place) => {
                if let Some(old) = self.values.get_mut(place) {
                    *old = value;
                }
            }
            Err(place) => {
                self.keys.insert(place, key);
                self.values.insert(place, value);
            }
        }
    }

    /// Takes in all of another.
    pub(crate) fn append(&mut self, other: &mut Self) {
        let keys = core::mem::take(&mut other.keys);
        for (key, value) in keys.into_iter().zip(other.values.drain(..)) {
            self.insert(key, value);
        }
    }
}

impl<V> FromIterator<(u64, V)> for Map<V> {
    fn from_iter<I: IntoIterator<Item = (u64, V)>>(items: I) -> Self {
        let mut map = Self::default();
        for (key, value) in items {
            map.insert(key, value);
        }
        map
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    #[test]
    fn a_map_keeps_the_last_value_of_each_number() {
        let mut map = Map::default();
        for (key, value) in [(9, 'a'), (2, 'b'), (9, 'c'), (u64::MAX, 'd')] {
            map.insert(key, value);
        }
        map.append(&mut Map::from_iter([(2, 'x')]));
        assert_eq!(*map.or_insert_with(5, || 'y'), 'y');
        assert_eq!(*map.or_insert_with(5, || 'z'), 'y');
        assert_eq!(
            (map.len(), map.get(&9), map.get(&2)),
            (4, Some(&'c'), Some(&'x'))
        );
        assert!(map.contains_key(&u64::MAX) && !map.contains_key(&3));
    }

    #[test]
    fn equal_keys_keep_their_order() {
        let items = vec![(2, 'a'), (1, 'b'), (2, 'c'), (1, 'd')];
        let ordered = by_key(items, |item| (item.0, 0));
        assert_eq!(ordered, [(1, 'b'), (1, 'd'), (2, 'a'), (2, 'c')]);
        assert_eq!(indices(vec![(1, 9), (1, 2), (0, 5)]), [2, 1, 0]);
    }
}
