//! Each rule on memory: where it fires, and where it stays silent.

use super::tests::{get, ids, machine, only, platform};
use super::*;
use crate::diagnose::testing::Machine;
use crate::model::{
    Counter, Gap, Hex, HypervisorRole, HypervisorVendor, Kind, Memory, PageFile, PoolTag, Process,
};
use alloc::vec;

/// 4 GiB, and counters over the usual ones.
pub(super) fn memory(counters: &[(&'static str, u64)]) -> Memory {
    let mut memory = Memory::default();
    let usual = [
        ("physical", 0x10_0000),
        ("available", 400_000),
        ("committed", 600_000),
        ("committed_peak", 700_000),
        ("commit_limit", 1_500_000),
        ("nonpaged_pool", 20_000),
        ("modified", 5_000),
    ];
    for &(name, pages) in usual.iter().chain(counters) {
        let counter = Counter {
            pages: Some(Hex(pages)),
            source: "MmSomething".into(),
            confidence: Confidence::Certain,
            gap: None,
        };
        memory.counters.insert(name, counter);
    }
    memory
}

fn without(name: &'static str, mut memory: Memory) -> Memory {
    let counter = Counter {
        gap: Some(Gap::UnknownLayout),
        ..Counter::default()
    };
    memory.counters.insert(name, counter);
    memory
}

pub(super) fn with<'a>(machine: &'a Machine, memory: &'a Memory) -> Facts<'a> {
    let mut facts = machine.facts(0xD1, [0; 4]);
    facts.kind = Kind::BitmapKernel;
    facts.memory = Some(memory);
    facts
}

fn page_file(size: u64, free: u64, maximum: u64) -> PageFile {
    PageFile {
        name: r"\??\C:\pagefile.sys".into(),
        kind: "page file",
        size_pages: Hex(size),
        free_pages: Hex(free),
        maximum_pages: Hex(maximum),
        ..PageFile::default()
    }
}

#[test]
fn low_memory_is_told_in_two_degrees_and_enough_is_not() {
    let m = machine();
    let (low, tight) = (
        memory(&[("available", 1_870)]),
        memory(&[("available", 40_000)]),
    );
    let enough = memory(&[]);
    let found = only("available-memory-low", &with(&m, &low), &with(&m, &tight));
    assert!(
        found.title.contains("definitely low: 7 MiB of 4.0 GiB"),
        "{}",
        found.title
    );
    only(
        "available-memory-tight",
        &with(&m, &tight),
        &with(&m, &enough),
    );
    assert!(!ids(&with(&m, &low)).contains(&"available-memory-tight"));
    let unknown = without("available", memory(&[]));
    assert!(!ids(&with(&m, &unknown)).contains(&"available-memory-low"));
    let guest = platform(HypervisorVendor::HyperV, HypervisorRole::Guest);
    let mut facts = with(&m, &low);
    facts.platform = Some(&guest);
    let advice = only("available-memory-low", &facts, &with(&m, &enough)).advice;
    assert!(advice.iter().any(|step| step.contains("Dynamic Memory")));
}

#[test]
fn commit_is_told_near_its_limit_and_not_below() {
    let m = machine();
    let of = |committed, peak| {
        memory(&[
            ("committed", committed),
            ("committed_peak", peak),
            ("commit_limit", 1000),
        ])
    };
    let (full, peaked, calm) = (of(950, 960), of(100, 900), of(100, 899));
    let id = "commit-near-limit";
    assert!(
        only(id, &with(&m, &full), &with(&m, &calm))
            .title
            .contains("95 %")
    );
    assert!(
        only(id, &with(&m, &peaked), &with(&m, &calm))
            .title
            .contains("peak")
    );
    assert!(!ids(&with(&m, &Memory::default())).contains(&id));
}

#[test]
fn refused_charges_and_changed_pages_are_told_when_there_was_one() {
    let m = machine();
    for (id, name) in [
        ("commit-charges-failed", "failed_commit_charges"),
        ("page-file-content-wrong", "page_hash_errors"),
    ] {
        let (some, none) = (memory(&[(name, 3)]), memory(&[(name, 0)]));
        assert!(
            only(id, &with(&m, &some), &with(&m, &none))
                .title
                .starts_with('3')
        );
        let unknown = without(name, memory(&[]));
        assert!(!ids(&with(&m, &unknown)).contains(&id));
    }
}

#[test]
fn locked_memory_is_told_only_while_memory_is_scarce() {
    let m = machine();
    let id = "driver-locked-memory";
    let scarce = memory(&[("mdl_pages", 500_000), ("available", 2_000)]);
    let idle = memory(&[("mdl_pages", 500_000)]);
    let few = memory(&[("mdl_pages", 5_000), ("available", 2_000)]);
    only(id, &with(&m, &scarce), &with(&m, &idle));
    let guest = platform(HypervisorVendor::HyperV, HypervisorRole::Guest);
    let mut facts = with(&m, &scarce);
    facts.platform = Some(&guest);
    let found = only(id, &facts, &with(&m, &few));
    assert!(found.evidence[1].text.contains("dmvsc.sys is not loaded"));
    assert!(found.advice[0].contains("compare assigned memory"));
}

#[test]
fn what_no_figure_accounts_for_is_called_arithmetic() {
    let m = machine();
    let process = Process {
        working_set_pages: Some(Hex(100_000)),
        ..Process::default()
    };
    let mut lost = without("mdl_pages", memory(&[]));
    lost.processes = vec![process.clone()];
    let mut held = lost.clone();
    held.processes = vec![process; 5];
    let found = only("memory-not-accounted", &with(&m, &lost), &with(&m, &held));
    assert!(found.title.contains("probably locked by drivers"));
    assert_eq!(found.confidence, Confidence::Possible);
    let mut counted = memory(&[("mdl_pages", 10)]);
    counted.processes = lost.processes.clone();
    assert!(!ids(&with(&m, &counted)).contains(&"memory-not-accounted"));
}

#[test]
fn a_process_that_holds_most_is_named() {
    let m = machine();
    let of = |commit| {
        let mut memory = memory(&[]);
        memory.processes = vec![Process {
            name: "sqlservr.exe".into(),
            commit_pages: Some(Hex(commit)),
            ..Process::default()
        }];
        memory
    };
    let (most, third, some) = (of(310_000), of(210_000), of(100_000));
    let id = "process-holds-most";
    let found = only(id, &with(&m, &most), &with(&m, &third));
    assert!(found.title.starts_with("sqlservr.exe had 51 %"));
    let mut scarce = third.clone();
    scarce
        .counters
        .extend(memory(&[("available", 100)]).counters);
    only(id, &with(&m, &scarce), &with(&m, &some));
}

#[test]
fn a_pool_tag_that_holds_most_is_named_with_its_owner() {
    let m = machine();
    let of = |bytes| {
        let mut memory = memory(&[("nonpaged_pool", 150_000)]);
        memory.pool_tags = vec![PoolTag {
            tag: "Acme".into(),
            owner: Some("acme.sys: leaks".into()),
            nonpaged_bytes: Hex(bytes),
            paged_bytes: Hex(0),
            ..PoolTag::default()
        }];
        memory
    };
    let (leak, calm) = (of(400 << 20), of(40 << 20));
    let found = only("pool-tag-holds-most", &with(&m, &leak), &with(&m, &calm));
    assert!(found.evidence[1].text.contains("acme.sys"));
}

#[test]
fn a_page_file_that_is_missing_full_or_too_small_is_told() {
    let m = machine();
    let of = |file: Option<PageFile>, peak| {
        let count = u64::from(file.is_some());
        let counters = [
            ("paging_files", count),
            ("committed_peak", peak),
            ("commit_limit", 1_100_000),
        ];
        let mut memory = memory(&counters);
        memory.page_files.extend(file);
        memory
    };
    let none = of(None, 700_000);
    let good = of(Some(page_file(50_000, 40_000, 500_000)), 700_000);
    let full = of(Some(page_file(50_000, 2_000, 50_000)), 1_090_000);
    only("page-file-missing", &with(&m, &none), &with(&m, &good));
    only("page-file-full", &with(&m, &full), &with(&m, &good));
    only("page-file-too-small", &with(&m, &full), &with(&m, &good));
    let mut complete = with(&m, &good);
    complete.kind = Kind::BitmapFull;
    let found = only("page-file-too-small", &complete, &with(&m, &good));
    assert!(found.evidence[0].text.contains("complete dump for 4.2 GiB"));
    let unknown = memory(&[]);
    assert!(!ids(&with(&m, &unknown)).contains(&"page-file-missing"));
}

#[test]
fn a_swap_file_is_no_page_file() {
    let m = machine();
    let mut swap = memory(&[("paging_files", 1)]);
    swap.page_files = vec![PageFile {
        kind: "swap file",
        ..page_file(4096, 10, 4096)
    }];
    let found = ids(&with(&m, &swap));
    assert!(found.contains(&"page-file-missing"));
    assert!(!found.contains(&"page-file-full"));
}

#[test]
fn the_page_file_of_this_machine_is_sized_where_its_commit_is_known() {
    let m = machine();
    let (little, much) = (memory(&[]), memory(&[("committed_peak", 1_200_000)]));
    let unknown = Memory::default();
    let id = "page-file-sizing";
    let found = only(id, &with(&m, &little), &with(&m, &unknown));
    assert!(found.title.contains("no page file; for a dump it does"));
    assert!(found.advice[0].contains("4.2 GiB"));
    let guest = platform(HypervisorVendor::HyperV, HypervisorRole::Guest);
    let mut facts = with(&m, &much);
    facts.platform = Some(&guest);
    let found = only(id, &facts, &with(&m, &unknown));
    assert!(
        found.title.contains("a page file of 1.0 GiB"),
        "{}",
        found.title
    );
    assert!(
        found
            .advice
            .last()
            .is_some_and(|step| step.contains("Dynamic Memory"))
    );
}

#[test]
fn a_page_file_fuller_than_its_peak_and_a_process_above_all_commit_are_said_with_less_certainty() {
    let m = machine();
    let confidence = |memory: &Memory, id: &str| {
        let found = get(&with(&m, memory), id).unwrap();
        (found.confidence, found.title)
    };
    let mut full = memory(&[("paging_files", 1)]);
    full.page_files = vec![page_file(100_000, 1_000, 100_000)];
    for (peak, sure) in [
        (Some(99_000), Confidence::Certain),
        (Some(98_999), Confidence::Possible),
        (None, Confidence::Possible),
    ] {
        full.page_files[0].peak_pages = peak.map(Hex);
        assert_eq!(confidence(&full, "page-file-full").0, sure, "{peak:?}");
    }
    let mut held = memory(&[]);
    for (commit, sure) in [
        (600_000, Confidence::Likely),
        (606_000, Confidence::Possible),
    ] {
        held.processes = vec![Process {
            name: "leak.exe".into(),
            commit_pages: Some(Hex(commit)),
            ..Process::default()
        }];
        let (found, title) = confidence(&held, "process-holds-most");
        assert_eq!(found, sure);
        assert!(title.contains("100 %"), "{title}");
    }
}

/// Whether a finding is made of a machine with these counters over the usual ones.
fn fires(id: &str, counters: &[(&'static str, u64)]) -> bool {
    ids(&with(&machine(), &memory(counters))).contains(&id)
}

#[test]
fn each_threshold_on_a_counter_is_where_the_catalogue_says_to_the_page() {
    // 4 GiB are 1,048,576 pages: 2 % of it are 20,971.52, 5 % are 52,428.8.
    for (id, name, fires_at, silent_at) in [
        ("available-memory-low", "available", 20_971, 20_972),
        ("available-memory-tight", "available", 20_972, 20_971),
        ("available-memory-tight", "available", 52_428, 52_429),
        ("commit-near-limit", "committed", 1_350_000, 1_349_999),
        ("commit-near-limit", "committed_peak", 1_350_000, 1_349_999),
        ("commit-charges-failed", "failed_commit_charges", 1, 0),
        ("page-file-content-wrong", "page_hash_errors", 1, 0),
        ("nonpaged-pool-large", "nonpaged_pool", 300_000, 299_999),
    ] {
        assert!(fires(id, &[(name, fires_at)]), "{id}: {name} {fires_at}");
        assert!(!fires(id, &[(name, silent_at)]), "{id}: {name} {silent_at}");
    }
    // Large machines: 512 MiB and 1 GiB are enough whatever the share.
    for (id, fires_at) in [
        ("available-memory-low", 0x1_FFFF),
        ("available-memory-tight", 0x3_FFFF),
    ] {
        let large = |available| [("physical", 1 << 28), ("available", available)];
        assert!(fires(id, &large(fires_at)), "{id}");
        assert!(!fires(id, &large(fires_at + 1)), "{id}");
    }
    // Small ones: 64 MiB are little where they are less than a tenth.
    let small = |available| [("physical", 1 << 18), ("available", available)];
    assert!(fires("available-memory-low", &small(0x3FFF)));
    assert!(!fires("available-memory-low", &small(0x4000)));
    let locked = |pages| [("available", 2_000), ("mdl_pages", pages)];
    assert!(fires("driver-locked-memory", &locked(1 << 17)));
    assert!(!fires("driver-locked-memory", &locked((1 << 17) - 1)));
}

#[test]
fn each_threshold_on_a_process_a_tag_and_a_page_file_is_where_the_catalogue_says() {
    let m = machine();
    let is = |id: &str, memory: &Memory| ids(&with(&m, memory)).contains(&id);
    let process = |commit, available| {
        let mut memory = memory(&[("available", available)]);
        memory.processes = vec![Process {
            commit_pages: Some(Hex(commit)),
            ..Process::default()
        }];
        is("process-holds-most", &memory)
    };
    assert!(process(300_000, 400_000) && !process(299_999, 400_000));
    // While memory is scarce a third is enough.
    assert!(process(198_000, 2_000) && !process(197_999, 2_000));
    let tag = |pages: u64, pool| {
        let mut memory = memory(&[("nonpaged_pool", pool)]);
        memory.pool_tags = vec![PoolTag {
            nonpaged_bytes: Hex(pages << 12),
            ..PoolTag::default()
        }];
        is("pool-tag-holds-most", &memory)
    };
    assert!(tag(65_536, 100_000) && !tag(65_535, 100_000));
    assert!(tag(100_000, 200_000) && !tag(100_000, 200_001));
    let file = |free, maximum, peak| {
        let mut memory = memory(&[("paging_files", 1), ("committed_peak", peak)]);
        memory.page_files = vec![page_file(100_000, free, maximum)];
        memory
    };
    assert!(is("page-file-full", &file(10_000, 100_000, 0)));
    assert!(!is("page-file-full", &file(10_001, 100_000, 0)));
    // A peak of 1,400,000 pages and a tenth are 491,424 more than memory has.
    assert!(is("page-file-too-small", &file(50_000, 491_423, 1_400_000)));
    assert!(!is(
        "page-file-too-small",
        &file(50_000, 491_424, 1_400_000)
    ));
    // A complete dump: memory and 257 MiB.
    let complete = |maximum| {
        let memory = file(50_000, maximum, 0);
        let mut facts = with(&m, &memory);
        facts.kind = Kind::Full;
        ids(&facts).contains(&"page-file-too-small")
    };
    assert!(complete(1_114_367) && !complete(1_114_368));
}

#[test]
fn a_minidump_that_knows_the_largest_limit_alone_tells_a_share_or_more() {
    let m = machine();
    let of = |committed| {
        let mut memory = without("commit_limit", memory(&[("committed", committed)]));
        let counter = memory.counters["committed"].clone();
        let limit = Counter {
            pages: Some(Hex(1_000_000)),
            ..counter
        };
        memory.counters.insert("commit_limit_maximum", limit);
        memory
    };
    let (near, far) = (of(900_000), of(899_999));
    let found = only("commit-near-limit", &with(&m, &near), &with(&m, &far));
    assert!(
        found.title.contains("90 % or more of its limit"),
        "{}",
        found.title
    );
}

#[test]
fn nonpaged_pool_that_a_tag_stands_for_is_told_once() {
    let m = machine();
    let mut told = memory(&[("nonpaged_pool", 400_000)]);
    assert!(ids(&with(&m, &told)).contains(&"nonpaged-pool-large"));
    told.pool_tags = vec![PoolTag {
        nonpaged_bytes: Hex(300_000 << 12),
        ..PoolTag::default()
    }];
    let found = ids(&with(&m, &told));
    assert!(found.contains(&"pool-tag-holds-most"));
    assert!(!found.contains(&"nonpaged-pool-large"));
}
