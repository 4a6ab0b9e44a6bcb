//! Any bytes may be dropped on the page: the whole analysis must end, and end with a report.
#![no_main]

use bluepane::analysis::Analysis;
use bluepane::source::SliceProvider;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let mut analysis = Analysis::new("MEMORY.DMP", data.len() as u64);
    analysis.run(&mut SliceProvider(data));
});
