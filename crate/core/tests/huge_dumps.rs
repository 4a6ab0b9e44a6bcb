//! What a report on a large machine costs, counted in rounds, reads and bytes, which no noisy
//! machine can blur; and that it costs no more on a larger one, but for the bitmap.

mod support;

use bluepane::analysis::{Analysis, JUDGE_STEP, Progress};
use bluepane::model::Report;
use bluepane::source::CacheLimits;
use bluepane_forge::{Scenario, forge};
use support::Pieces;

const LARGE: &str = include_str!("../../forge/scenarios/kernel/large.toml");

/// Counts of fetches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Cost {
    rounds: u64,
    reads: u64,
    bytes: u64,
}

impl Cost {
    fn of(report: &Report) -> Self {
        Self {
            rounds: report.stats.rounds,
            reads: report.stats.reads,
            bytes: report.stats.bytes_read.0,
        }
    }

    fn since(self, before: Self) -> Self {
        Self {
            rounds: self.rounds - before.rounds,
            reads: self.reads - before.reads,
            bytes: self.bytes - before.bytes,
        }
    }
}

/// What a machine's dump cost: its list of pages, all up to the top card, and the whole.
struct Costs {
    bitmap: Cost,
    card: Cost,
    whole: Cost,
    /// The most that the cache held.
    held: u64,
    report: Report,
}

fn costs(memory: &str, kind: &str) -> Costs {
    let text = LARGE
        .replace("64 GiB\"\nprocessors", &format!("{memory}\"\nprocessors"))
        .replace("bitmap-kernel", kind);
    let pieces = Pieces::of(&forge(&Scenario::from_toml(&text).unwrap()).unwrap());
    let mut analysis = Analysis::with_limits("a.dmp", pieces.len, CacheLimits::default());
    let mut costs = Costs {
        bitmap: Cost::default(),
        card: Cost::default(),
        whole: Cost::default(),
        held: 0,
        report: Report::default(),
    };
    let mut before = Cost::default();
    loop {
        match analysis.advance() {
            Progress::Finished => break,
            Progress::Step { name, .. } => {
                let now = Cost::of(analysis.report());
                let spent = now.since(before);
                if name == "list of pages" {
                    costs.bitmap.rounds += spent.rounds;
                    costs.bitmap.reads += spent.reads;
                    costs.bitmap.bytes += spent.bytes;
                }
                // The first conclusions are what the top card needs.
                if name == JUDGE_STEP && costs.card == Cost::default() {
                    costs.card = now;
                }
                println!("{memory} {kind}: {name}: {spent:?}");
                before = now;
            }
            Progress::Wanting => {
                let cache = analysis.cache_mut();
                for range in cache.take_wanted() {
                    let bytes = pieces.read(range);
                    cache.supply(range, &bytes);
                }
                costs.held = costs.held.max(cache.held());
            }
        }
    }
    costs.whole = Cost::of(analysis.report());
    costs.report = analysis.report().clone();
    println!(
        "{memory} {kind}: top card {:?}, whole {:?}, of it the list of pages {:?}; {} KiB held",
        costs.card,
        costs.whole,
        costs.bitmap,
        costs.held / 1024
    );
    costs
}

#[test]
fn a_report_on_64_gib_keeps_within_its_reads_and_rounds() {
    let costs = costs("64 GiB", "bitmap-kernel");
    assert!(costs.report.modules.len() > 300);
    let codes: Vec<_> = costs.report.notes.iter().map(|note| &*note.code).collect();
    assert!(!codes.contains(&"stopped-early"), "{codes:?}");
    assert!(
        costs.card.rounds <= 40 && costs.card.reads <= 150,
        "{:?}",
        costs.card
    );
    assert!(
        costs.whole.rounds <= 400 && costs.whole.reads <= 2_000,
        "{:?}",
        costs.whole
    );
    assert!(costs.whole.bytes <= 128 << 20, "{:?}", costs.whole);
}

#[test]
fn more_memory_costs_its_bitmap_and_nothing_else() {
    let small = costs("8 GiB", "bitmap-kernel");
    let large = costs("1 TiB", "bitmap-kernel");
    let rest = |costs: &Costs| costs.whole.since(costs.bitmap);
    // Other frames are other blocks of the file, so the counts differ by a little.
    assert!(
        rest(&large).reads <= rest(&small).reads * 11 / 10 + 20,
        "{:?}",
        rest(&large)
    );
    assert!(
        rest(&large).rounds <= rest(&small).rounds + 10,
        "{:?}",
        rest(&large)
    );
    assert!(large.held <= 49 << 20, "{}", large.held);
}
