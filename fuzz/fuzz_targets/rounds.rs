//! The same when blocks arrive one by one and some cannot be read, as from a failing disk.
#![no_main]

use bluepane::analysis::{Analysis, Progress};
use bluepane::source::{CacheLimits, Provider, SliceProvider};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u64, &[u8])| {
    let (unreadable, data) = input;
    let limits = CacheLimits {
        whole_file: 0,
        ..CacheLimits::default()
    };
    let mut analysis = Analysis::with_limits("MEMORY.DMP", data.len() as u64, limits);
    let mut served = 0_u32;
    loop {
        match analysis.advance() {
            Progress::Finished => return,
            Progress::Step { .. } => {}
            Progress::Wanting => {
                for range in analysis.cache_mut().take_wanted() {
                    let broken = unreadable.rotate_right(served) & 7 == 7;
                    served = served.wrapping_add(1);
                    match SliceProvider(data).fetch(range) {
                        Some(bytes) if !broken => analysis.cache_mut().supply(range, &bytes),
                        _ => analysis.cache_mut().fail(range),
                    }
                }
            }
        }
    }
});
