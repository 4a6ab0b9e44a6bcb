//! Hands out page frames in an order that a machine which has run for weeks would show: scattered over all of its memory.

use crate::rng::Rng;
use std::collections::BTreeSet;

/// Frames from here on are scattered; below it live firmware, the first page tables and what must be found early.
const LOW: u64 = 0x300;

/// A supply of frames.
#[derive(Clone, Debug)]
pub struct Frames {
    runs: Vec<(u64, u64)>,
    used: BTreeSet<u64>,
    rng: Rng,
    first: u64,
}

impl Frames {
    /// Frames of the given runs.
    pub fn new(runs: Vec<(u64, u64)>, rng: Rng) -> Self {
        Self {
            runs,
            used: BTreeSet::new(),
            rng,
            first: 0x1aa,
        }
    }

    /// The frame of the first top page table: low, where the boot loader puts it and readers look for it first.
    pub fn take_first(&mut self) -> u64 {
        let frame = self.first;
        self.used.insert(frame);
        self.first += 1;
        frame
    }

    /// Reserves a frame that must lie where it lies.
    pub fn reserve(&mut self, frame: u64) {
        self.used.insert(frame);
    }

    /// A frame below 4 GiB, for top page tables of 32-bit machines.
    pub fn take_low(&mut self) -> u64 {
        loop {
            let frame = self.take();
            if frame < 0x10_0000 {
                return frame;
            }
        }
    }

    /// A free frame somewhere in memory.
    pub fn take(&mut self) -> u64 {
        let frame = loop {
            let frame = self.any();
            if frame >= LOW && !self.used.contains(&frame) {
                break frame;
            }
        };
        self.used.insert(frame);
        frame
    }

    fn any(&mut self) -> u64 {
        let total: u64 = self.runs.iter().map(|r| r.1).sum();
        let mut n = self.rng.below(total);
        for (first, count) in &self.runs {
            if n < *count {
                return first + n;
            }
            n -= count;
        }
        0
    }

    /// `count` neighbouring frames aligned to their number, for a large page; nothing when memory is too small.
    pub fn take_run(&mut self, count: u64) -> Option<u64> {
        for _ in 0..10_000 {
            let first = self.any() / count * count;
            let inside = self
                .runs
                .iter()
                .any(|r| r.0 <= first && first + count <= r.0 + r.1);
            if first >= LOW && inside && self.used.range(first..first + count).next().is_none() {
                self.used.extend(first..first + count);
                return Some(first);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_scattered_inside_the_runs_and_never_given_twice() {
        let runs = vec![(1, 0x9e), (0x100, 0x7_ff00)];
        let mut f = Frames::new(runs, Rng::new(1));
        let taken: Vec<u64> = (0..500).map(|_| f.take()).collect();
        let set: BTreeSet<u64> = taken.iter().copied().collect();
        assert_eq!(set.len(), 500);
        assert!(taken.iter().all(|x| (0x300..0x8_0000).contains(x)));
        assert!(
            taken.windows(2).filter(|w| w[1] < w[0]).count() > 100,
            "not in ascending order"
        );
    }

    #[test]
    fn a_large_page_gets_aligned_neighbouring_frames() {
        let mut f = Frames::new(vec![(0x100, 0xff00)], Rng::new(2));
        let first = f.take_run(512).unwrap();
        assert_eq!(first % 512, 0);
        assert!(
            (0..100)
                .map(|_| f.take())
                .all(|x| !(first..first + 512).contains(&x))
        );
    }
}
