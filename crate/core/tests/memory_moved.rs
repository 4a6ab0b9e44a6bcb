//! The memory manager's figures where a member of its structures, or all behind one, stands elsewhere
//! than in the kernels that are known, as servicing leaves them: each figure is the scenario's, or is
//! withheld, or says that it is doubtful.

#[path = "support/servicing.rs"]
mod servicing;

use bluepane::analysis::Analysis;
use bluepane::model::{Confidence, Memory};
use bluepane::source::SliceProvider;
use bluepane_forge::{Scenario, forge};
use servicing::{clashes, moved, moves, table};

const COUNTERS: &[(&str, &str, u64)] = &[
    ("available", "available", 16_385),
    ("resident_available", "resident_available", 32_775),
    ("zeroed", "zeroed", 1_639),
    ("free", "free", 412),
    ("standby", "standby", 14_334),
    ("modified", "modified", 2_702),
    ("modified_no_write", "modified_no_write", 3),
    ("committed", "committed", 196_619),
    ("commit_limit", "commit_limit", 327_271),
    ("peak_commit", "committed_peak", 209_728),
    ("shared_commit", "shared_commit", 3_744),
    ("process_commit", "process_commit", 3_276),
    ("driver_commit", "driver_commit", 6_403),
    ("paged_pool", "paged_pool", 4_370),
    ("paged_pool_maximum", "paged_pool_maximum", 0x5_1234),
    ("nonpaged_pool", "nonpaged_pool", 2_917),
    ("nonpaged_pool_maximum", "nonpaged_pool_maximum", 131_073),
    ("system_page_tables", "page_tables", 658),
    ("free_system_ptes", "free_system_ptes", 0x3_0017),
    ("mdl_pages", "mdl_pages", 52_428),
    ("commit_failures", "failed_commit_charges", 17),
    ("page_hash_errors", "page_hash_errors", 3),
];

fn memory(machine: &str, faults: &str) -> Memory {
    let mut text = format!(
        "[machine]\nmemory = \"1 GiB\"\n{machine}\n[dump]\nkind = \"bitmap-kernel\"\n[counters]\n"
    );
    for &(name, _, value) in COUNTERS {
        text += &format!("{name} = \"{value:#x}\"\n");
    }
    text += "[[page_files]]\nsize = 65536\nfree = 30001\nmaximum = 100000\npeak = 40009\n";
    let bytes = forge(&Scenario::from_toml(&(text + faults)).unwrap())
        .unwrap()
        .to_vec();
    let mut analysis = Analysis::new("a.dmp", bytes.len() as u64);
    analysis.run(&mut SliceProvider(&bytes));
    analysis.report().memory.clone().unwrap()
}

/// What a scenario's page file is read as, where it is.
const FILE: [u64; 5] = [65_536, 30_001, 100_000, 40_009, 65_536];

/// Figures that are not the scenario's, and how many are withheld.
fn wrong(memory: &Memory) -> (Vec<String>, usize) {
    let mut wrong = Vec::new();
    let mut withheld = 0;
    for &(_, counter, value) in COUNTERS {
        let found = &memory.counters[counter];
        withheld += usize::from(found.pages.is_none());
        assert!(found.pages.is_some() || found.gap.is_some(), "{counter}");
        if let Some(pages) = found.pages.filter(|pages| pages.0 != value) {
            // A count that is nearly always zero has nothing that proves such a zero, and says so.
            let count = matches!(counter, "failed_commit_charges" | "page_hash_errors");
            if !(count && pages.0 == 0 && found.confidence < Confidence::Certain) {
                wrong.push(format!("{counter} = {} {:?}", pages.0, found.confidence));
            }
        }
    }
    for file in &memory.page_files {
        let peak = file.peak_pages.map_or(FILE[3], |peak| peak.0);
        let (size, free) = (file.size_pages.0, file.free_pages.0);
        let read = [size, free, file.maximum_pages.0, peak, file.minimum_pages.0];
        // Nothing but the peak contradicts a file that seems full.
        let doubted = free == 0 && memory.checks.iter().any(|check| !check.holds);
        if read != FILE && !doubted {
            wrong.push(format!("page file {read:?}"));
        }
    }
    (wrong, withheld)
}

const BUILDS: &[(&str, &str)] = &[
    ("x64-14393", "build = 14393"),
    ("x64-17763", "build = 17763"),
    ("x64-19041", "build = 19041"),
    ("x64-20348", "build = 20348"),
    ("x64-22000", "build = 22000"),
    ("x64-26100", "build = 26100"),
    ("arm64-26100", "build = 26100\narchitecture = \"arm64\""),
];

/// Of the moves of each build one in so many is tried, another one in each; `BLUEPANE_SWEEP=1` tries all.
const EVERY: usize = 67;

#[test]
fn members_that_servicing_moved_are_read_right_withheld_or_doubted_and_never_certain() {
    let every = std::env::var("BLUEPANE_SWEEP").map_or(EVERY, |every| every.parse().unwrap());
    let only = std::env::var("BLUEPANE_SWEEP_BUILD").unwrap_or_default();
    let mut failed = Vec::new();
    for (number, (name, machine)) in BUILDS.iter().enumerate() {
        let all = moves(&table(name)).into_iter().skip(number * 5 % every);
        let all = if name.contains(&only) { all } else { continue };
        for (number, (what, fault)) in all.step_by(every).enumerate() {
            let other = "guid = \"00112233445566778899AABBCCDDEEFF\"\n";
            let guid = if number % 2 == 0 { "" } else { other };
            let memory = memory(
                machine,
                &format!("[faults]\nmembers = {{ {fault} }}\n{guid}"),
            );
            let (wrong, withheld) = wrong(&memory);
            if !wrong.is_empty() {
                failed.push(format!(
                    "{name} {guid:.4} {what}: {withheld} withheld, {wrong:?}"
                ));
            }
        }
    }
    assert!(failed.is_empty(), "{failed:#?}");
}

#[test]
fn no_layout_that_is_tried_puts_one_figure_on_another() {
    for (name, _) in BUILDS {
        let own = table(name);
        assert!(!clashes(&own), "{name}");
        let all = moves(&own);
        assert!(all.len() > 20, "{name}: {}", all.len());
        assert!(
            !all.iter().any(|(_, fault)| clashes(&moved(&own, fault))),
            "{name}"
        );
    }
    // The last figure of SystemPteInfo on the one behind it.
    let own = table("x64-22000");
    let fault = "'_MI_SYSTEM_PTE_TYPE.TotalFreeSystemPtes' = 0x58";
    assert!(clashes(&moved(&own, fault)));
}
