//! A forged dump as a file of which only the pieces exist: a machine of a TiB costs no memory.

use bluepane::analysis::{Analysis, Progress};
use bluepane::model::Report;
use bluepane::source::{CacheLimits, Range};
use bluepane_forge::{Dump, Scenario, forge};
use std::collections::BTreeMap;

/// The pieces by their place.
pub struct Pieces {
    pieces: BTreeMap<u64, Vec<u8>>,
    pub len: u64,
}

impl Pieces {
    pub fn of(dump: &Dump) -> Self {
        Self {
            pieces: dump
                .pieces()
                .map(|(at, bytes)| (at, bytes.to_vec()))
                .collect(),
            len: dump.len(),
        }
    }

    pub fn read(&self, range: Range) -> Vec<u8> {
        let end = (range.offset + range.len).min(self.len);
        let mut out = vec![0; end.saturating_sub(range.offset) as usize];
        let before = self.pieces.range(..range.offset).next_back();
        for (&at, bytes) in before
            .into_iter()
            .chain(self.pieces.range(range.offset..end))
        {
            let (from, to) = (at.max(range.offset), (at + bytes.len() as u64).min(end));
            if from < to {
                out[(from - range.offset) as usize..(to - range.offset) as usize]
                    .copy_from_slice(&bytes[(from - at) as usize..(to - at) as usize]);
            }
        }
        out
    }
}

/// The report on a machine of any size.
pub fn report_on_pieces(scenario: &Scenario) -> Report {
    let pieces = Pieces::of(&forge(scenario).expect("the dump"));
    let mut analysis = Analysis::with_limits("a.dmp", pieces.len, CacheLimits::default());
    loop {
        match analysis.advance() {
            Progress::Finished => return analysis.report().clone(),
            Progress::Step { .. } => {}
            Progress::Wanting => {
                let cache = analysis.cache_mut();
                for range in cache.take_wanted() {
                    let bytes = pieces.read(range);
                    cache.supply(range, &bytes);
                }
            }
        }
    }
}
