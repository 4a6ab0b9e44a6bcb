//! The memory manager's figures of forged dumps: every build, every counter as the scenario has it.

use bluepane::analysis::{Analysis, Answer, Progress, Query};
use bluepane::model::{Confidence, Gap, Memory, Report};
use bluepane::source::{SliceProvider, serve};
use bluepane_forge::{Scenario, forge};

fn report(text: &str) -> Report {
    let scenario = Scenario::from_toml(text).unwrap();
    let bytes = forge(&scenario).unwrap().to_vec();
    let mut analysis = Analysis::new("MEMORY.DMP", bytes.len() as u64);
    let mut provider = SliceProvider(&bytes);
    while analysis.advance() != Progress::Finished {
        serve(analysis.cache_mut(), &mut provider);
    }
    analysis.report().clone()
}

fn memory(text: &str) -> Memory {
    report(text).memory.unwrap()
}

/// Counters of a scenario: their name there, their name in the report, and a value that nothing
/// else has.
const COUNTERS: &[(&str, &str, u64)] = &[
    ("available", "available", 200_001),
    ("resident_available", "resident_available", 300_007),
    ("zeroed", "zeroed", 30_001),
    ("free", "free", 5_000),
    ("standby", "standby", 165_000),
    ("modified", "modified", 20_011),
    ("modified_no_write", "modified_no_write", 33),
    ("committed", "committed", 600_123),
    ("commit_limit", "commit_limit", 850_968),
    ("peak_commit", "committed_peak", 700_013),
    ("shared_commit", "shared_commit", 15_017),
    ("process_commit", "process_commit", 41_019),
    ("driver_commit", "driver_commit", 6_401),
    ("paged_pool", "paged_pool", 21_023),
    ("paged_pool_maximum", "paged_pool_maximum", 0x5_1234),
    ("nonpaged_pool", "nonpaged_pool", 13_337),
    ("nonpaged_pool_maximum", "nonpaged_pool_maximum", 0x5_4321),
    ("system_page_tables", "page_tables", 2_611),
    ("free_system_ptes", "free_system_ptes", 0x3_0017),
    ("mdl_pages", "mdl_pages", 150_029),
    ("commit_failures", "failed_commit_charges", 17),
    ("page_hash_errors", "page_hash_errors", 3),
];

/// A machine with those counters, 3 GiB and three page files.
fn scenario(machine: &str, counters: &[(&str, &str, u64)]) -> String {
    let mut text = format!(
        "[machine]\nmemory = \"3 GiB\"\n{machine}\n[dump]\nkind = \"bitmap-kernel\"\n[counters]\n"
    );
    for (name, _, value) in counters {
        text += &format!("{name} = {value}\n");
    }
    text + r"
[[page_files]]
name = '\??\C:\pagefile.sys'
size = 65536
free = 30001
maximum = 100000
minimum = 4096
peak = 40009
[[page_files]]
name = '\??\C:\swapfile.sys'
size = 4096
free = 4000
[[page_files]]
name = 'No Name for Paging File'
size = 999999
free = 999000
"
}

/// Machines, and the counters that no public table says of them.
const MACHINES: &[(&str, &[&str])] = &[
    (
        "build = 7601",
        &["page_tables", "free_system_ptes", "page_hash_errors"],
    ),
    ("build = 9600", &["page_tables", "free_system_ptes"]),
    ("build = 14393", &[]),
    ("build = 17763", &[]),
    ("build = 19041", &[]),
    ("build = 20348", &[]),
    ("build = 22000", &[]),
    ("build = 26100", &[]),
    ("build = 26100\narchitecture = \"arm64\"", &[]),
    (
        "build = 7601\narchitecture = \"x86\"",
        &[
            "page_tables",
            "free_system_ptes",
            "mdl_pages",
            "failed_commit_charges",
            "page_hash_errors",
        ],
    ),
];

fn assert_counters(machine: &str, memory: &Memory, unknown: &[&str]) {
    for (_, name, value) in COUNTERS {
        let counter = &memory.counters[name];
        if unknown.contains(name) {
            assert!(
                counter.pages.is_none() && counter.gap.is_some(),
                "{machine}: {name}"
            );
            continue;
        }
        let found = counter.pages.map(|pages| pages.0);
        assert_eq!(found, Some(*value), "{machine}: {name}: {}", counter.source);
        assert!(counter.gap.is_none(), "{machine}: {name}");
        let sure = counter.confidence;
        assert!(
            sure >= Confidence::Likely,
            "{machine}: {name} {}",
            counter.source
        );
    }
}

#[test]
fn every_counter_of_every_build_is_the_scenarios() {
    for (machine, unknown) in MACHINES {
        let memory = memory(&scenario(machine, COUNTERS));
        assert_counters(machine, &memory, unknown);
        assert_eq!(
            memory.counters["physical"].pages,
            Some(0xC_0000.into()),
            "{machine}"
        );
        let failed: Vec<_> = memory.checks.iter().filter(|check| !check.holds).collect();
        assert!(failed.is_empty(), "{machine}: {failed:?}");
        assert!(memory.checks.len() >= 10, "{machine}");
    }
}

#[test]
fn page_files_of_every_build_are_told_apart_and_never_summed() {
    for (machine, _) in MACHINES {
        let memory = memory(&scenario(machine, COUNTERS));
        let files: Vec<_> = memory
            .page_files
            .iter()
            .map(|file| {
                (
                    file.kind,
                    file.size_pages.0,
                    file.free_pages.0,
                    file.peak_pages.unwrap().0,
                )
            })
            .collect();
        let expected = [
            ("page file", 65_536, 30_001, 40_009),
            ("swap file", 4_096, 4_000, 0x5000),
            ("compression store", 999_999, 999_000, 0x5000),
        ];
        assert_eq!(files, expected, "{machine}");
        let first = &memory.page_files[0];
        assert_eq!(first.name, r"\??\C:\pagefile.sys", "{machine}");
        assert_eq!(first.minimum_pages, 4096.into(), "{machine}");
        assert_eq!(first.maximum_pages, 100_000.into(), "{machine}");
    }
}

#[test]
fn a_kernel_whose_layout_nobody_published_says_so_and_shows_no_figure() {
    let memory = memory(&scenario(
        "build = 22000\narchitecture = \"arm64\"",
        COUNTERS,
    ));
    for (_, name, _) in COUNTERS {
        let counter = &memory.counters[name];
        assert_eq!(counter.pages, None, "{name}");
        assert_eq!(counter.gap, Some(Gap::UnknownLayout), "{name}");
    }
    assert!(
        memory
            .limits
            .iter()
            .any(|text| text.contains("symbol file"))
    );
}

#[test]
fn pool_use_by_tag_is_the_scenarios_in_every_build() {
    for (machine, _) in MACHINES {
        let mut text = scenario(machine, &[]);
        for (tag, nonpaged, paged) in [
            ("MmSt", 0, 34_000_000),
            ("Acme", 900_000_000, 4096),
            ("Irp ", 65_536, 0),
        ] {
            text +=
                &format!("[[pool_tags]]\ntag = '{tag}'\nnonpaged = {nonpaged}\npaged = {paged}\n");
        }
        let memory = memory(&text);
        let tags: Vec<_> = memory
            .pool_tags
            .iter()
            .map(|tag| (&*tag.tag, tag.nonpaged_bytes.0, tag.paged_bytes.0))
            .collect();
        let expected = [
            ("Acme", 900_000_000, 4096),
            ("MmSt", 0, 34_000_000),
            ("Irp ", 65_536, 0),
        ];
        assert_eq!(tags, expected, "{machine}");
        let owners: Vec<bool> = memory
            .pool_tags
            .iter()
            .map(|tag| tag.owner.is_some())
            .collect();
        assert_eq!(owners, [false, true, true], "{machine}");
    }
}

/// What a kernel in no symbol table calls its symbol file.
const UNKNOWN: &str = "guid = \"00112233445566778899AABBCCDDEEFF\"\n";

/// Asserts that every figure is the scenario's or withheld with a reason, and that those of `must`
/// are there.
fn assert_honest(what: &str, memory: &Memory, must: &[&str]) {
    for (_, name, value) in COUNTERS {
        let counter = &memory.counters[name];
        match counter.pages {
            Some(pages) => assert_eq!(pages.0, *value, "{what}: {name}: {}", counter.source),
            None => {
                assert!(counter.gap.is_some(), "{what}: {name}");
                assert!(
                    !must.contains(name),
                    "{what}: {name} is withheld: {:?}",
                    memory.limits
                );
            }
        }
    }
}

const MAIN: &[&str] = &[
    "available",
    "committed",
    "commit_limit",
    "modified",
    "shared_commit",
];

#[test]
fn a_kernel_in_no_symbol_table_is_read_by_what_must_stand_in_its_structures() {
    for (machine, _) in &MACHINES[2..8] {
        let text = scenario(machine, COUNTERS) + "[faults]\n" + UNKNOWN;
        let memory = memory(&text);
        assert_honest(machine, &memory, MAIN);
        assert_honest(
            machine,
            &memory,
            &["committed_peak", "zeroed", "free", "mdl_pages"],
        );
        assert_eq!(memory.page_files.len(), 3, "{machine}");
        let available = &memory.counters["available"];
        assert!(
            available.source.contains("found by its content"),
            "{machine}"
        );
        assert!(available.confidence < Confidence::Certain, "{machine}");
    }
    // Without a symbol table nothing tells where these few are.
    for machine in ["build = 7601", "build = 9600"] {
        let memory = memory(&(scenario(machine, COUNTERS) + "[faults]\n" + UNKNOWN));
        assert_honest(
            machine,
            &memory,
            &["available", "committed", "commit_limit", "modified"],
        );
        assert_eq!(memory.page_files.len(), 3, "{machine}");
        assert_eq!(
            memory.counters["mdl_pages"].gap,
            Some(Gap::UnknownLayout),
            "{machine}"
        );
    }
}

/// Layouts that differ from the build's own as servicing makes them differ.
const SERVICED: &[(&str, &str)] = &[
    (
        "build = 14393",
        "members = { '_MI_PARTITION.Vp' = 0x1400, '_MI_PARTITION.Commit' = 0x1180, \
         '_MI_PARTITION.PageLists' = 0x640, '_MI_SYSTEM_INFORMATION.Vs' = 0x1680, \
         '_MI_SYSTEM_INFORMATION.Errors' = 0xbd0 }",
    ),
    (
        "build = 17763",
        "members = { '_MI_SYSTEM_INFORMATION.Vs' = 0x2540, '_MI_SYSTEM_INFORMATION.Errors' = 0x1e18 }",
    ),
    (
        "build = 19041",
        "members = { '_MI_SYSTEM_INFORMATION.Vs' = 0x25c0, '_MI_SYSTEM_INFORMATION.Errors' = 0x1df8 }",
    ),
    ("build = 14393", "layout_of = 17763"),
    ("build = 17763", "layout_of = 14393"),
    ("build = 17763", "layout_of = 19041"),
    ("build = 19041", "layout_of = 17763"),
    ("build = 20348", "layout_of = 22000"),
    ("build = 22000", "layout_of = 20348"),
    ("build = 22000", "layout_of = 26100"),
    // A place that no kernel is known to have.
    ("build = 19041", "members = { '_MI_PARTITION.Vp' = 0x1640 }"),
];

#[test]
fn layouts_that_servicing_moved_are_read_right_or_withheld_and_never_wrong() {
    for (machine, fault) in SERVICED {
        for guid in ["", UNKNOWN] {
            let what = format!("{machine}, {fault}, {guid}");
            let text = scenario(machine, COUNTERS) + "[faults]\n" + fault + "\n" + guid;
            let memory = memory(&text);
            assert_honest(&what, &memory, &["available", "committed", "commit_limit"]);
            assert_eq!(memory.page_files.len(), 3, "{what}");
        }
    }
}

#[test]
fn members_that_no_known_layout_has_are_withheld() {
    let fault = "[faults]\nmembers = { '_MI_VISIBLE_PARTITION.TotalCommitLimit' = 0x2f0, \
                 '_MI_VISIBLE_PARTITION.TotalCommittedPages' = 0x2f8 }\n";
    for guid in ["", UNKNOWN] {
        let memory = memory(&(scenario("build = 19041", COUNTERS) + fault + guid));
        assert_honest(guid, &memory, &["available"]);
        for name in ["committed", "commit_limit"] {
            assert_eq!(memory.counters[name].pages, None, "{name}");
        }
        assert!(!memory.limits.is_empty());
    }
}

#[test]
fn without_the_debugger_data_block_a_known_kernel_still_tells_everything() {
    for (machine, unknown) in &MACHINES[..7] {
        for state in ["absent", "encoded"] {
            let fault = format!("[faults]\ndebugger_data = \"{state}\"\n");
            let memory = memory(&(scenario(machine, COUNTERS) + &fault));
            assert_counters(&format!("{machine}, {state}"), &memory, unknown);
            assert_eq!(memory.page_files.len(), 3, "{machine}");
        }
    }
}

/// 64 MiB with a page-frame database.
fn small(machine: &str) -> Scenario {
    let text = format!(
        "[machine]\nmemory = \"64 MiB\"\nframe_database = true\n{machine}\n[dump]\n\
         kind = \"bitmap-kernel\"\n[counters]\nzeroed = 700\nfree = 300\nstandby = 2000\n\
         available = 3000\nmodified = 400\nmodified_no_write = 7\nmdl_pages = 5000\n"
    );
    Scenario::from_toml(&text).unwrap()
}

fn census(scenario: &Scenario) -> String {
    let bytes = forge(scenario).unwrap().to_vec();
    let mut analysis = Analysis::new("MEMORY.DMP", bytes.len() as u64);
    let mut provider = SliceProvider(&bytes);
    analysis.run(&mut provider);
    match analysis.answer(Query::Command("!memusage".into()), &mut provider) {
        Some(Answer::Text(text)) => text,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_census_counts_every_page_by_its_state() {
    for machine in [
        "build = 19041",
        "build = 9600",
        "build = 22000",
        "build = 7601\narchitecture = \"x86\"",
    ] {
        let text = census(&small(machine));
        let count = |name: &str| {
            let line = text
                .lines()
                .find_map(|line| line.strip_prefix(name))
                .unwrap_or(&text);
            line.split_whitespace()
                .next()
                .and_then(|word| word.parse::<u64>().ok())
        };
        let total = 0x4000;
        for (name, pages) in [
            ("Zeroed ", 700),
            ("Free ", 300),
            ("Standby ", 2000),
            ("  priority 5 ", 2000),
            ("Modified ", 400),
            ("ModifiedNoWrite ", 7),
            ("Active/Valid ", total - 3407),
            ("Active, no owner found ", 5000),
        ] {
            assert_eq!(count(name), Some(pages), "{machine}: {name}\n{text}");
        }
        assert!(
            text.contains(&format!("{total} of {total} pages")),
            "{machine}: {text}"
        );
    }
}

#[test]
fn a_dump_without_the_database_says_so() {
    let mut scenario = small("build = 19041");
    scenario.machine.frame_database = false;
    assert!(census(&scenario).contains("The page-frame database is not in this dump."));
}
