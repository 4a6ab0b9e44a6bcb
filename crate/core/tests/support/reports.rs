//! Whole reports of dumps that lie in memory, and commands asked of them.

use super::Random;
use bluepane::analysis::{Analysis, Answer, Progress, Query};
use bluepane::model::{Kind, Report};
use bluepane::source::{CacheLimits, Provider, SliceProvider};
use bluepane_forge::{Scenario, forge};

/// Containers with pages: how a scenario names them, how the report does, and whether they exist
/// for 32 bits.
pub const CONTAINERS: &[(&str, Kind, bool)] = &[
    ("full", Kind::Full, true),
    ("kernel-summary", Kind::KernelSummary, true),
    ("bitmap-full", Kind::BitmapFull, true),
    ("bitmap-kernel", Kind::BitmapKernel, true),
    ("automatic", Kind::BitmapKernel, true),
    ("active", Kind::Active, true),
    ("live", Kind::Live, true),
    ("range-kernel", Kind::RangeKernel, false),
    ("range-kernel-user", Kind::RangeKernelUser, false),
    ("range-complete", Kind::RangeComplete, false),
];

/// The report on a file that is read in one go.
pub fn report(bytes: &[u8]) -> Report {
    let mut analysis = Analysis::new("a.dmp", bytes.len() as u64);
    analysis.run(&mut SliceProvider(bytes));
    analysis.report().clone()
}

/// The report on the dump of a machine.
pub fn report_on(scenario: &Scenario) -> Report {
    report(&forge(scenario).expect("the dump").to_vec())
}

/// The report on a file that answers one range a round, whichever chance picks.
pub fn report_piecewise(bytes: &[u8], seed: u64) -> Report {
    let limits = CacheLimits {
        whole_file: 0,
        rounds_per_step: u32::MAX,
        ..CacheLimits::default()
    };
    let mut analysis = Analysis::with_limits("a.dmp", bytes.len() as u64, limits);
    let mut random = Random(seed);
    loop {
        match analysis.advance() {
            Progress::Finished => return analysis.report().clone(),
            Progress::Step { .. } => {}
            Progress::Wanting => {
                let wanted = analysis.cache_mut().take_wanted();
                let range = wanted[random.below(wanted.len())];
                let found = SliceProvider(bytes).fetch(range).unwrap();
                analysis.cache_mut().supply(range, &found);
            }
        }
    }
}

/// A dump that is read in pieces, as a browser reads it, and asked afterwards.
pub struct Asked {
    pub bytes: Vec<u8>,
    pub analysis: Analysis,
}

impl Asked {
    pub fn new(scenario: &Scenario) -> Self {
        Self::of(forge(scenario).unwrap().to_vec())
    }

    pub fn of(bytes: Vec<u8>) -> Self {
        let limits = CacheLimits {
            whole_file: 0,
            ..CacheLimits::default()
        };
        let mut analysis = Analysis::with_limits("x.dmp", bytes.len() as u64, limits);
        analysis.run(&mut SliceProvider(&bytes));
        Self { bytes, analysis }
    }

    /// What a command prints.
    pub fn ask(&mut self, line: &str) -> String {
        let mut file = SliceProvider(&self.bytes);
        match self.analysis.answer(Query::Command(line.into()), &mut file) {
            Some(Answer::Text(text)) => text,
            other => panic!("{line}: {other:?}"),
        }
    }

    /// What the report says a parameter of the stop code is; empty where it says nothing.
    pub fn decoded(&self, index: usize) -> String {
        let bugcheck = self.analysis.report().bugcheck.as_ref().unwrap();
        let decoded = &bugcheck.parameters[index].decoded;
        decoded.clone().unwrap_or_default()
    }
}
