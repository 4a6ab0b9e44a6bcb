//! What the tests on real dumps share: finding the corpus, and a file that is fetched piece by
//! piece in an order of its own.
#![allow(dead_code, unused_imports)]

pub mod devices;
mod pieces;
mod reports;

pub use pieces::*;
pub use reports::*;

use bluepane::source::{Attempt, Cache, CacheLimits, Completeness, Provider, SliceProvider, serve};
use std::path::{Path, PathBuf};

/// A dump of the corpus, by its path below it; `None`, with a line that says so, when there is
/// no corpus on this machine.
pub fn dump(path: &str) -> Option<Vec<u8>> {
    let file = corpus()?.join(path);
    match std::fs::read(&file) {
        Ok(bytes) => Some(bytes),
        Err(error) => {
            eprintln!("skipped: {path}: {error}");
            None
        }
    }
}

/// Where the corpus is: `BLUEPANE_CORPUS`, else beside the repository.
pub fn corpus() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus");
    let nearby = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../../shared/corpus");
    let found = std::env::var_os("BLUEPANE_CORPUS")
        .map(PathBuf::from)
        .into_iter()
        .chain([beside, nearby])
        .find(|path| path.is_dir());
    if found.is_none() {
        eprintln!("skipped: no corpus (set BLUEPANE_CORPUS)");
    }
    found
}

/// A small generator of numbers that only depend on the seed (xorshift).
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    pub fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound.max(1) as u64) as usize
    }
}

/// Runs a step over `bytes` while the file answers one range a round, whichever chance picks.
pub fn piecewise<T>(bytes: &[u8], seed: u64, mut step: impl FnMut(&Cache) -> T) -> T {
    let limits = CacheLimits {
        whole_file: 0,
        rounds_per_step: u32::MAX,
        ..CacheLimits::default()
    };
    let mut cache = Cache::with_limits(bytes.len() as u64, limits);
    let mut random = Random(seed | 1);
    let mut provider = SliceProvider(bytes);
    for _ in 0..100_000 {
        match cache.attempt(&mut step) {
            Attempt::Accepted(value, Completeness::Complete) => return value,
            Attempt::Accepted(_, stopped) => panic!("{stopped:?}"),
            Attempt::Wanting => {}
        }
        let wanted = cache.take_wanted();
        let range = wanted[random.below(wanted.len())];
        match provider.fetch(range) {
            Some(found) => cache.supply(range, &found),
            None => cache.fail(range),
        }
    }
    panic!("the step never ended");
}

/// Runs a step to its end over a provider that answers everything at once.
pub fn complete<T>(
    cache: &mut Cache,
    provider: &mut dyn Provider,
    mut step: impl FnMut(&Cache) -> T,
) -> T {
    for _ in 0..100_000 {
        match cache.attempt(&mut step) {
            Attempt::Accepted(value, _) => return value,
            Attempt::Wanting => serve(cache, provider),
        }
    }
    panic!("the step never ended");
}
