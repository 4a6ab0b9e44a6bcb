//! Who fills the cache where a read can be waited for: natively, and in tests.

use super::{Cache, Range};
use alloc::vec::Vec;

/// Fetches one range of the file at once. The asynchronous counterpart, in the browser, fetches
/// all wanted ranges side by side and hands them to [`Cache::supply`] itself.
pub trait Provider {
    /// The bytes of `range`, fewer when the file ends early, `None` when it cannot be read.
    fn fetch(&mut self, range: Range) -> Option<Vec<u8>>;
}

/// Serves a file that is in memory as a whole: tests, samples, small archives.
#[derive(Clone, Copy, Debug)]
pub struct SliceProvider<'a>(pub &'a [u8]);

impl Provider for SliceProvider<'_> {
    fn fetch(&mut self, range: Range) -> Option<Vec<u8>> {
        let from = usize::try_from(range.offset).ok()?.min(self.0.len());
        let to = from
            .saturating_add(usize::try_from(range.len).ok()?)
            .min(self.0.len());
        Some(self.0[from..to].to_vec())
    }
}

/// Fetches everything that is wanted, once.
pub fn serve(cache: &mut Cache, provider: &mut dyn Provider) {
    for range in cache.take_wanted() {
        match provider.fetch(range) {
            Some(bytes) => cache.supply(range, &bytes),
            None => cache.fail(range),
        }
    }
}
