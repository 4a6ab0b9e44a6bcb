//! What a report on a large machine's kernel dump costs, in reads and rounds: counts, which no
//! noisy machine can blur. The machine has run for weeks: its frames are scattered.

use bluepane::analysis::{Analysis, JUDGE_STEP, Progress};
use bluepane::model::{Report, Stats};
use bluepane::source::{CacheLimits, SliceProvider, serve};
use bluepane_forge::{Scenario, forge};
use std::fmt::Write;

const DRIVERS: usize = 300;
const PROCESSES: usize = 400;
/// What the top card may cost: reads, rounds.
const TOP_CARD: (u64, u64) = (150, 40);
/// What the whole report may cost: reads, rounds, bytes.
const WHOLE: (u64, u64, u64) = (2_000, 400, 128 << 20);

fn dump(memory: &str, machine: &str, faults: &str) -> Vec<u8> {
    let mut text = format!(
        "[machine]\n{machine}\nmemory = \"{memory}\"\nprocessors = 16\n\
         [stop]\ncode = 0xd1\nparameters = [16, 2, 0, 0]\n[dump]\nkind = \"bitmap-kernel\"\n"
    );
    for i in 0..DRIVERS {
        writeln!(text, "[[modules]]\nname = \"driver{i:03}.sys\"").unwrap();
    }
    for i in 0..PROCESSES - 1 {
        let current = if i == 200 { "current = true" } else { "" };
        writeln!(text, "[[processes]]\nname = \"process-{i}.exe\"\n{current}").unwrap();
    }
    text += "[[stack]]\nat = \"nt!KeBugCheckEx\"\n[[stack]]\nat = \"driver123.sys+0x1234\"\n\
             [[stack]]\nat = \"driver045.sys+0x2234\"\n";
    if machine == "build = 19041" {
        text += "[[stack]]\nat = \"nt!IofCallDriver\"\n";
    }
    text += faults;
    forge(&Scenario::from_toml(&text).unwrap())
        .unwrap()
        .to_vec()
}

/// What the report cost, what it had cost when the conclusion first stood in it, and what of that
/// went into the list of stored pages.
fn cost(bytes: &[u8]) -> (Report, Stats, Stats) {
    let limits = CacheLimits {
        whole_file: 0,
        ..CacheLimits::default()
    };
    let mut analysis = Analysis::with_limits("a.dmp", bytes.len() as u64, limits);
    let (mut card, mut bitmap) = (None, Stats::default());
    let mut before = Stats::default();
    let mut provider = SliceProvider(bytes);
    loop {
        match analysis.advance() {
            Progress::Wanting => serve(analysis.cache_mut(), &mut provider),
            Progress::Step { name, .. } => {
                let stats = analysis.report().stats;
                eprintln!("{name}: {} rounds, {} reads", stats.rounds, stats.reads);
                if name == "list of pages" {
                    bitmap.reads += stats.reads - before.reads;
                    bitmap.rounds += stats.rounds - before.rounds;
                }
                if name == JUDGE_STEP && card.is_none() {
                    card = Some(stats);
                }
                before = stats;
            }
            Progress::Finished => return (analysis.report().clone(), card.unwrap(), bitmap),
        }
    }
}

#[test]
fn a_large_machine_costs_few_reads_whatever_its_memory() {
    let mut all: Vec<(u64, u64)> = Vec::new();
    for memory in ["4 GiB", "64 GiB", "1 TiB"] {
        let (report, card, bitmap) = cost(&dump(memory, "build = 19041", ""));
        let whole = report.stats;
        eprintln!("{memory}: card {card:?}, whole {whole:?}");
        assert_eq!(report.modules.len(), DRIVERS + 1);
        assert!(report.modules.iter().all(|module| module.path.is_some()));
        assert_eq!(report.memory.as_ref().unwrap().processes.len(), PROCESSES);
        assert_eq!(report.blame.as_ref().unwrap().module, "driver123.sys");
        let card = (card.reads - bitmap.reads, card.rounds - bitmap.rounds);
        let beside = (whole.reads - bitmap.reads, whole.rounds - bitmap.rounds);
        assert!(
            card.0 < TOP_CARD.0 && card.1 < TOP_CARD.1,
            "{memory} {card:?}"
        );
        assert!(
            beside.0 < WHOLE.0 && beside.1 < WHOLE.1,
            "{memory} {beside:?}"
        );
        assert!(whole.bytes_read.0 < WHOLE.2, "{memory} {whole:?}");
        all.push(beside);
    }
    for pair in all.windows(2) {
        assert!(pair[0].0.abs_diff(pair[1].0) * 8 <= pair[0].0, "{all:?}");
        assert!(pair[0].1.abs_diff(pair[1].1) * 8 <= pair[0].1, "{all:?}");
    }
}

/// Machines whose kernels some table may have.
const BUILDS: &[&str] = &[
    "build = 7601",
    "build = 9600",
    "build = 14393",
    "build = 17763",
    "build = 20348",
    "build = 22000",
    "build = 26100",
    "build = 22000\narchitecture = \"arm64\"",
    "build = 26100\narchitecture = \"arm64\"",
    "build = 7601\narchitecture = \"x86\"",
];
/// What is left of the card's reads on every one of them.
const MARGIN: u64 = 4;

#[test]
fn the_card_of_a_kernel_that_no_table_knows_costs_as_little() {
    let other = "[faults]\nguid = \"00112233445566778899AABBCCDDEEFF\"\n";
    let newer = format!("{other}build = 27999\n");
    let known = BUILDS.iter().map(|&machine| (machine, ""));
    let unknown = BUILDS.iter().map(|&machine| (machine, other));
    // Of a Windows that is not there yet, its forerunners are all that it may be like.
    let to_come = BUILDS[3..9].iter().map(|&machine| (machine, &*newer));
    for (machine, faults) in known.chain(unknown).chain(to_come) {
        let (report, card, bitmap) = cost(&dump("64 GiB", machine, faults));
        let card = (card.reads - bitmap.reads, card.rounds - bitmap.rounds);
        let whole = report.stats;
        eprintln!("{machine} {faults}: card {card:?}, whole {whole:?}");
        assert_eq!(report.modules.len(), DRIVERS + 1, "{machine} {faults}");
        assert!(
            card.0 + MARGIN < TOP_CARD.0 && card.1 + MARGIN < TOP_CARD.1,
            "{machine} {faults}: {card:?}"
        );
        assert!(
            whole.reads < WHOLE.0 && whole.rounds < WHOLE.1 && whole.bytes_read.0 < WHOLE.2,
            "{machine} {faults}: {whole:?}"
        );
    }
}
