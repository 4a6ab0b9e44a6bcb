//! What becomes of a report that may not have all it wants: a small cache, few rounds, or a user who
//! says stop between any two of them. It ends, says so, and concludes nothing that the whole report does not.

use bluepane::analysis::{Analysis, Progress};
use bluepane::model::{Confidence, Gap, Report};
use bluepane::source::{CacheLimits, Range};
use bluepane_forge::{Dump, Scenario, forge};
use std::sync::OnceLock;

/// 256 GiB, so that the bitmap takes more than one step; fewer processes and drivers, for the time it takes.
fn dump() -> &'static Dump {
    static DUMP: OnceLock<Dump> = OnceLock::new();
    DUMP.get_or_init(|| {
        let text = include_str!("../../forge/scenarios/kernel/large.toml")
            .replace("64 GiB\"\nprocessors", "256 GiB\"\nprocessors")
            .replace("repeat = 398", "repeat = 60")
            .replace("repeat = 295", "repeat = 40");
        forge(&Scenario::from_toml(&text).unwrap()).unwrap()
    })
}

fn read(range: Range) -> Vec<u8> {
    let end = range.offset + range.len;
    let mut out = vec![0; range.len as usize];
    for (at, bytes) in dump().pieces() {
        let (from, to) = (at.max(range.offset), (at + bytes.len() as u64).min(end));
        if from < to {
            out[(from - range.offset) as usize..(to - range.offset) as usize]
                .copy_from_slice(&bytes[(from - at) as usize..(to - at) as usize]);
        }
    }
    out
}

/// When the user says stop.
#[derive(Clone, Copy, Debug)]
enum Stop {
    Never,
    /// When this many rounds were asked for; the last of them is not answered.
    InRound(u64),
    /// After the first piece of the bitmap, between two steps.
    BetweenPieces,
    /// While the second piece of the bitmap is asked for.
    InSecondPiece,
}

fn run(limits: CacheLimits, stop: Stop) -> Report {
    let mut analysis = Analysis::with_limits("a.dmp", dump().len(), limits);
    let (mut rounds, mut pieces, mut advances) = (0, 0, 0);
    loop {
        advances += 1;
        assert!(advances < 20_000, "{stop:?}: it does not end");
        match analysis.advance() {
            Progress::Finished => break,
            Progress::Step { name, .. } => {
                pieces += u64::from(name == "list of pages");
                if name == "list of pages" && matches!(stop, Stop::BetweenPieces) {
                    analysis.cache_mut().cancel();
                }
            }
            Progress::Wanting => {
                rounds += 1;
                let cache = analysis.cache_mut();
                let said = match stop {
                    Stop::InRound(round) => rounds >= round,
                    Stop::InSecondPiece => pieces == 1,
                    Stop::Never | Stop::BetweenPieces => false,
                };
                if said {
                    assert!(!cache.is_cancelled(), "{stop:?}: it asks after the stop");
                    cache.cancel();
                    continue;
                }
                for range in cache.take_wanted() {
                    cache.supply(range, &read(range));
                    assert!(cache.held() <= limits.capacity, "{} held", cache.held());
                }
            }
        }
    }
    assert_eq!(analysis.advance(), Progress::Finished);
    analysis.report().clone()
}

fn whole() -> &'static Report {
    static WHOLE: OnceLock<Report> = OnceLock::new();
    WHOLE.get_or_init(|| run(CacheLimits::default(), Stop::Never))
}

fn why(report: &Report) -> Option<&str> {
    let mut notes = report.notes.iter();
    Some(&notes.find(|note| note.code == "stopped-early")?.text)
}

/// Figures that every dump with pages gives.
const MAIN: [&str; 7] = [
    "available",
    "committed",
    "commit_limit",
    "modified",
    "standby",
    "nonpaged_pool",
    "mdl_pages",
];

/// Whatever the report states, the whole report states too.
fn states_nothing_else(report: &Report, what: &str) {
    let whole = whole();
    let (code, want) = (&report.bugcheck, &whole.bugcheck);
    let code = code.as_ref().map(|b| (b.code, b.parameters.len()));
    let want = want.as_ref().map(|b| (b.code, b.parameters.len()));
    assert!(code.is_none() || code == want, "{what}: {code:?}");
    for module in &report.modules {
        let known = |m: &&bluepane::model::Module| m.base == module.base && m.size == module.size;
        assert!(
            whole.modules.iter().any(|m| known(&m)),
            "{what}: {module:?}"
        );
    }
    for finding in &report.findings {
        let known = whole.findings.iter().any(|f| f.id == finding.id);
        // What is possible as far as was read, more may rule out.
        let open = finding.confidence == Confidence::Possible;
        assert!(known || open, "{what}: {finding:?}");
    }
    let none = Default::default();
    let memory = report.memory.as_ref().unwrap_or(&none);
    let want = whole.memory.as_ref().unwrap();
    for (name, counter) in &memory.counters {
        let known = want.counters.get(name).map(|c| c.pages);
        assert!(
            counter.pages.is_none() || Some(counter.pages) == known,
            "{what}: {name}: {counter:?}"
        );
        assert!(counter.pages.is_some() || counter.gap.is_some(), "{name}");
    }
    // What the whole report tells and this one does not was not read.
    if why(report).is_some() && report.bugcheck.is_some() {
        for name in MAIN {
            assert!(want.counters[name].pages.is_some(), "{name}");
            let found = memory.counters.get(name);
            let gap = found.map(|found| (found.pages.is_some(), found.gap));
            let told = gap == Some((true, None)) || gap == Some((false, Some(Gap::NotRead)));
            assert!(told, "{what}: {name}: {found:?}");
        }
    }
    for process in &memory.processes {
        let known = want
            .processes
            .iter()
            .any(|p| p.pid == process.pid && (process.name.is_empty() || p.name == process.name));
        assert!(known, "{what}: {process:?}");
    }
}

fn not_read(report: &Report) -> bool {
    serde_json::to_string(report)
        .unwrap()
        .contains("\"not-read\"")
}

#[test]
fn the_usual_bounds_do_not_touch_this_dump() {
    let whole = whole();
    assert_eq!(why(whole), None);
    assert!(!not_read(whole));
    assert!(whole.modules.len() > 40 && whole.memory.as_ref().unwrap().processes.len() > 60);
}

#[test]
fn a_small_cache_is_kept_to_and_said() {
    for capacity in [64 << 10, 512 << 10, 2 << 20] {
        let limits = CacheLimits {
            capacity,
            ..CacheLimits::default()
        };
        let report = run(limits, Stop::Never);
        let what = format!("{capacity} bytes");
        let why = why(&report).unwrap_or_else(|| panic!("{what}: not said"));
        println!(
            "{what}: {why} {} modules, {} findings",
            report.modules.len(),
            report.findings.len()
        );
        assert!(why.contains("memory limit"), "{what}: {why}");
        states_nothing_else(&report, &what);
    }
}

#[test]
fn few_rounds_are_kept_to_and_said() {
    for rounds_per_step in [0, 1, 3] {
        let limits = CacheLimits {
            rounds_per_step,
            ..CacheLimits::default()
        };
        let report = run(limits, Stop::Never);
        let what = format!("{rounds_per_step} rounds");
        let why = why(&report).unwrap_or_else(|| panic!("{what}: not said"));
        println!(
            "{what}: {why} {} modules, {} findings",
            report.modules.len(),
            report.findings.len()
        );
        assert!(why.contains("limit of read rounds"), "{what}: {why}");
        states_nothing_else(&report, &what);
    }
}

#[test]
fn a_stop_in_any_round_ends_in_a_report_that_says_so() {
    let rounds = whole().stats.rounds;
    let mut missing = 0;
    for round in (1..=rounds).step_by(3) {
        let report = run(CacheLimits::default(), Stop::InRound(round));
        let what = format!("stopped in round {round} of {rounds}");
        let why = why(&report).unwrap_or_else(|| panic!("{what}: not said"));
        assert!(why.contains("was stopped"), "{what}: {why}");
        missing += u64::from(not_read(&report));
        states_nothing_else(&report, &what);
    }
    assert!(missing > 0);
}

#[test]
fn a_stop_while_the_bitmap_is_streamed_leaves_what_needs_it_unread() {
    for stop in [Stop::BetweenPieces, Stop::InSecondPiece] {
        let report = run(CacheLimits::default(), stop);
        let what = format!("{stop:?}");
        assert!(
            why(&report).unwrap().starts_with("list of pages"),
            "{what}: {:?}",
            why(&report)
        );
        let memory = report.memory.clone().unwrap_or_default();
        assert!(
            report.modules.is_empty() && memory.processes.is_empty(),
            "{what}"
        );
        assert_eq!(
            report.bugcheck.as_ref().unwrap().code,
            whole().bugcheck.as_ref().unwrap().code
        );
        states_nothing_else(&report, &what);
    }
}
