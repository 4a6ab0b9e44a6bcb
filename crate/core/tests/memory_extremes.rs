//! The memory manager's figures where one of them is what nobody expects: none, more than the machine
//! has, below zero. Each of the others stays what the scenario says, and no layout of another build is
//! taken for this one's because of it.

use bluepane::analysis::Analysis;
use bluepane::model::Memory;
use bluepane::source::SliceProvider;
use bluepane_forge::{Scenario, forge};

/// Counters of a machine of 1 GiB: their name in a scenario, in the report, and a value that
/// nothing else has.
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

fn memory(machine: &str, odd: (&str, u64), faults: &str) -> Memory {
    let mut text = format!(
        "[machine]\nmemory = \"1 GiB\"\n{machine}\n[dump]\nkind = \"bitmap-kernel\"\n[counters]\n"
    );
    for &(name, _, value) in COUNTERS {
        let value = if name == odd.0 { odd.1 } else { value };
        text += &format!("{name} = \"{value:#x}\"\n");
    }
    text += "[[page_files]]\nsize = 65536\nfree = 30001\nmaximum = 100000\n";
    let bytes = forge(&Scenario::from_toml(&(text + faults)).unwrap())
        .unwrap()
        .to_vec();
    let mut analysis = Analysis::new("a.dmp", bytes.len() as u64);
    analysis.run(&mut SliceProvider(&bytes));
    analysis.report().memory.clone().unwrap()
}

/// Asserts that every figure is the scenario's or withheld with a reason; how many are withheld.
fn assert_honest(what: &str, memory: &Memory, odd: (&str, u64)) -> usize {
    let mut withheld = 0;
    for &(name, counter, value) in COUNTERS {
        let value = if name == odd.0 { odd.1 } else { value };
        let found = &memory.counters[counter];
        match found.pages {
            Some(pages) => assert_eq!(pages.0, value, "{what}: {counter}: {}", found.source),
            None => assert!(found.gap.is_some(), "{what}: {counter}"),
        }
        withheld += usize::from(found.pages.is_none());
    }
    withheld
}

/// Machines, and how many of the counters no public table knows there.
const MACHINES: &[(&str, usize)] = &[
    ("build = 7601", 3),
    ("build = 9600", 2),
    ("build = 14393", 0),
    ("build = 17763", 0),
    ("build = 19041", 0),
    ("build = 22000", 0),
    ("build = 26100", 1),
];

#[test]
fn one_odd_figure_takes_at_most_its_neighbours_along_and_never_another_layout() {
    const HUGE: u64 = 1 << 45;
    for &(machine, unknown) in MACHINES {
        for odd in [
            ("process_commit", 0),
            ("process_commit", HUGE),
            ("driver_commit", 0xFFFF_FFFB),
            ("system_page_tables", HUGE),
            ("paged_pool", HUGE),
            ("nonpaged_pool", u64::MAX - 4),
            ("free", HUGE),
        ] {
            let what = format!("{machine}, {odd:?}");
            let memory = memory(machine, odd, "");
            let withheld = assert_honest(&what, &memory, odd);
            assert!(withheld <= unknown + 3, "{what}: {withheld} withheld");
        }
    }
}

#[test]
fn a_member_that_servicing_moved_alone_is_withheld_and_its_neighbours_stay() {
    for (machine, member, at) in [
        ("build = 19041", "_MI_VISIBLE_STATE.MdlPagesAllocated", 0xF0),
        ("build = 19041", "_MI_VISIBLE_STATE.ProcessCommit", 0xF0),
        (
            "build = 17763",
            "_MI_VISIBLE_STATE.SystemPageTableCommit",
            0x2C0,
        ),
        ("build = 22000", "_MI_VISIBLE_PARTITION.SharedCommit", 0x3B0),
    ] {
        let fault = format!("[faults]\nmembers = {{ '{member}' = {at:#x} }}\n");
        let memory = memory(machine, ("", 0), &fault);
        let withheld = assert_honest(member, &memory, ("", 0));
        assert!((1..=2).contains(&withheld), "{member}: {withheld}");
    }
}
