//! Whole analyses of real dumps: the report depends on the file alone, never on the order in
//! which its blocks arrive.

mod support;

use bluepane::analysis::{Analysis, Progress};
use bluepane::model::{Kind, Report, Stats};
use bluepane::source::{CacheLimits, Provider, SliceProvider};
use std::path::{Path, PathBuf};

fn files(below: &str) -> Vec<PathBuf> {
    fn visit(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                visit(&path, found);
            } else {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    if let Some(corpus) = support::corpus() {
        visit(&corpus.join(below), &mut found);
    }
    found.sort();
    found
}

fn at_once(bytes: &[u8]) -> Report {
    let mut analysis = Analysis::new("a.dmp", bytes.len() as u64);
    analysis.run(&mut SliceProvider(bytes));
    analysis.report().clone()
}

/// One range a round, whichever chance picks.
fn piecewise(bytes: &[u8], seed: u64) -> Report {
    let limits = CacheLimits {
        whole_file: 0,
        rounds_per_step: u32::MAX,
        ..CacheLimits::default()
    };
    let mut analysis = Analysis::with_limits("a.dmp", bytes.len() as u64, limits);
    let mut random = support::Random(seed);
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

#[test]
fn the_order_in_which_blocks_arrive_changes_nothing() {
    for path in files("triage").into_iter().chain(files("user-minidump")) {
        let bytes = std::fs::read(&path).unwrap();
        let mut whole = at_once(&bytes);
        let mut pieces = piecewise(&bytes, 0x5EED);
        whole.stats = Stats::default();
        pieces.stats = Stats::default();
        assert_eq!(whole, pieces, "{}", path.display());
    }
}

#[test]
fn every_damaged_or_foreign_file_gets_a_sentence_of_its_own() {
    let mut sentences = std::collections::BTreeSet::new();
    for path in files("damaged")
        .into_iter()
        .chain(files("hives"))
        .chain(files("smbios"))
    {
        let report = at_once(&std::fs::read(&path).unwrap());
        assert!(
            report.summary.ends_with(['.', '!']),
            "{}: {}",
            path.display(),
            report.summary
        );
        sentences.insert(report.summary);
    }
    assert!(
        sentences.is_empty() || sentences.len() >= 4,
        "{sentences:?}"
    );
}

#[test]
fn a_cancelled_analysis_still_gives_a_report_that_says_so() {
    for path in files("triage") {
        let bytes = std::fs::read(&path).unwrap();
        let limits = CacheLimits {
            whole_file: 0,
            ..CacheLimits::default()
        };
        let mut analysis = Analysis::with_limits("a.dmp", bytes.len() as u64, limits);
        let mut rounds = 0;
        loop {
            match analysis.advance() {
                Progress::Finished => break,
                Progress::Step { .. } => {}
                Progress::Wanting if rounds == 2 => analysis.cache_mut().cancel(),
                Progress::Wanting => {
                    rounds += 1;
                    bluepane::source::serve(analysis.cache_mut(), &mut SliceProvider(&bytes));
                }
            }
        }
        let report = analysis.report();
        assert_eq!(report.file.kind, Kind::Triage);
        assert!(
            report.notes.iter().any(|note| note.code == "stopped-early"),
            "{report:?}"
        );
    }
}
