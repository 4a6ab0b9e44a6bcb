//! Putting things in order by numbers, with one compiled sort for all of them.
//!
//! The standard library's sorts are fast and compiled anew for every element type: a dozen of them
//! weighed as much in the page as the whole stack reader. Everything that is ordered here is
//! ordered by one or two integers, so one sort of keys serves all.

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

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    #[test]
    fn equal_keys_keep_their_order() {
        let items = vec![(2, 'a'), (1, 'b'), (2, 'c'), (1, 'd')];
        let ordered = by_key(items, |item| (item.0, 0));
        assert_eq!(ordered, [(1, 'b'), (1, 'd'), (2, 'a'), (2, 'c')]);
        assert_eq!(indices(vec![(1, 9), (1, 2), (0, 5)]), [2, 1, 0]);
    }
}
