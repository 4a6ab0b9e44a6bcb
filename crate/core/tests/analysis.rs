//! Whole analyses of real dumps: the report depends on the file alone, never on the order in
//! which its blocks arrive.

mod support;

use bluepane::analysis::{Analysis, Progress};
use bluepane::model::{Kind, Stats};
use bluepane::source::{CacheLimits, SliceProvider};
use std::path::{Path, PathBuf};
use support::{report, report_piecewise};

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

#[test]
fn the_order_in_which_blocks_arrive_changes_nothing() {
    for path in files("triage").into_iter().chain(files("user-minidump")) {
        let bytes = std::fs::read(&path).unwrap();
        let mut whole = report(&bytes);
        let mut pieces = report_piecewise(&bytes, 0x5EED);
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
        let report = report(&std::fs::read(&path).unwrap());
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
