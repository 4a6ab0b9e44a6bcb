//! Pool use by tag of forged machines whose processors count apart, and the search for allocations.

mod support;

use bluepane::analysis::{Analysis, Answer, Query};
use bluepane::model::Report;
use bluepane::source::SliceProvider;
use bluepane_forge::{Scenario, forge};

/// Builds, and whether they have a table of large allocations that is known.
const MACHINES: &[(&str, bool)] = &[
    ("build = 7601", true),
    ("build = 9600", true),
    ("build = 14393", true),
    ("build = 17763", true),
    ("build = 19041", true),
    ("build = 20348", true),
    ("build = 22000", true),
    ("build = 26100", false),
    ("build = 26100\narchitecture = \"arm64\"", false),
    ("build = 7601\narchitecture = \"x86\"", false),
];

const TAGS: &str = "
[[pool_tags]]
tag = 'MmSt'
paged = 34000000
[[pool_tags]]
tag = 'Acme'
nonpaged = 900000000
nonpaged_count = 300123
paged = 4096
paged_count = 7
[[pool_tags]]
tag = 'Irp '
nonpaged = 65536
";

fn scenario(machine: &str, more: &str) -> Scenario {
    let text = format!(
        "[machine]\nmemory = \"64 MiB\"\n{machine}\n[dump]\nkind = \"bitmap-kernel\"\n{TAGS}{more}"
    );
    Scenario::from_toml(&text).unwrap()
}

fn open(bytes: &[u8]) -> Analysis {
    let mut analysis = Analysis::new("a.dmp", bytes.len() as u64);
    analysis.run(&mut SliceProvider(bytes));
    analysis
}

fn tags(report: &Report) -> Vec<(&str, u64, u64)> {
    let memory = report.memory.as_ref().unwrap();
    let all = memory.pool_tags.iter();
    all.map(|tag| (&*tag.tag, tag.nonpaged_bytes.0, tag.paged_bytes.0))
        .collect()
}

fn about_pool(report: &Report) -> Vec<&String> {
    let memory = report.memory.as_ref().unwrap();
    let about = |text: &&String| text.contains("ool use");
    memory.limits.iter().filter(about).collect()
}

fn command(analysis: &mut Analysis, bytes: &[u8], line: &str) -> String {
    match analysis.answer(Query::Command(line.into()), &mut SliceProvider(bytes)) {
        Some(Answer::Text(text)) => text,
        other => panic!("{other:?}"),
    }
}

const EXPECTED: [(&str, u64, u64); 3] = [
    ("Acme", 900_000_000, 4096),
    ("MmSt", 0, 34_000_000),
    ("Irp ", 65_536, 0),
];

#[test]
fn what_processors_count_apart_is_added_up_in_every_build() {
    for (machine, _) in MACHINES {
        // With the name of the symbol file in a table and without, when the list of tables is
        // found beside the first.
        let unknown = "[faults]\nguid = \"00112233445566778899AABBCCDDEEFF\"\n";
        for (processors, fault) in [(8, ""), (3, unknown)] {
            let machine = format!("{machine}\nprocessors = {processors}");
            let bytes = forge(&scenario(&machine, fault)).unwrap().to_vec();
            let report = open(&bytes).report().clone();
            assert_eq!(tags(&report), EXPECTED, "{machine} {fault}");
            let acme = &report.memory.as_ref().unwrap().pool_tags[0];
            let live = [acme.nonpaged_allocations, acme.paged_allocations];
            let live = live.map(|count| count.map(|count| count.0));
            assert_eq!(live, [Some(300_123), Some(7)], "{machine} {fault}");
            assert!(about_pool(&report).is_empty(), "{machine} {fault}");
        }
    }
}

#[test]
fn a_tag_that_found_no_row_is_added_from_the_table_for_those() {
    let more = "[[pool_tags]]\ntag = 'Last'\nnonpaged = 700000\nexpansion = true\n";
    for machine in ["build = 9600", "build = 19041", "build = 20348"] {
        let report = open(&forge(&scenario(machine, more)).unwrap().to_vec())
            .report()
            .clone();
        assert!(tags(&report).contains(&("Last", 700_000, 0)), "{machine}");
    }
}

#[test]
fn a_list_of_tables_that_was_not_found_is_told() {
    // One table, though there are two processors: the list is empty.
    let machine = "build = 26100\nprocessors = 4\npool_tables = false";
    let report = open(&forge(&scenario(machine, "")).unwrap().to_vec())
        .report()
        .clone();
    assert_eq!(tags(&report), EXPECTED);
    assert!(about_pool(&report)[0].contains("was not found"));
}

#[test]
fn a_missing_table_of_a_processor_is_told() {
    let machine = "build = 19041\nprocessors = 4";
    let bytes = forge(&scenario(machine, "")).unwrap().to_vec();
    let sound = open(&bytes).report().clone();
    assert!(about_pool(&sound).is_empty());
    // The second slot of ExPoolTagTables of this kernel leads to a page that is not there.
    let truth = bluepane_forge::Truth::of(&scenario(machine, "")).unwrap();
    let slot = truth.variables["ExPoolTagTables"] + 8;
    let fault = format!(
        "[faults]\nwords = [{{ address = \"{slot:#x}\", value = \"0xffffe00000001000\" }}]\n"
    );
    let report = open(&forge(&scenario(machine, &fault)).unwrap().to_vec())
        .report()
        .clone();
    assert!(
        about_pool(&report)[0].contains("1 processors"),
        "{report:?}"
    );
}

#[test]
fn more_processors_than_are_cheap_are_added_up_when_asked_for() {
    let machine = "build = 20348\nprocessors = 40";
    let bytes = forge(&scenario(machine, "")).unwrap().to_vec();
    let mut analysis = open(&bytes);
    let report = analysis.report().clone();
    assert_ne!(tags(&report), EXPECTED);
    assert!(
        about_pool(&report)[0].contains("!poolused"),
        "{:?}",
        about_pool(&report)
    );
    let text = command(&mut analysis, &bytes, "!poolused");
    for (tag, nonpaged, paged) in EXPECTED {
        let row = text.lines().find(|row| row.trim_start().starts_with(tag));
        let cells: Vec<&str> = row.unwrap().split_whitespace().collect();
        let used = [nonpaged.to_string(), paged.to_string()];
        assert_eq!([cells[2], cells[4]], used, "{text}");
    }
    assert!(text.contains("over 40 of 40 processors"), "{text}");
    let text = command(&mut analysis, &bytes, "!poolused 4 Mm*");
    assert!(text.contains("MmSt") && !text.contains("Acme"), "{text}");
}

const BLOCKS: &str = "
[[pool_blocks]]
tag = 'Leak'
size = 200
count = 7
[[pool_blocks]]
tag = 'Leak'
size = 0x5000
count = 3
paged = true
[[pool_blocks]]
tag = 'Othr'
size = 100
";

#[test]
fn allocations_of_a_tag_are_found_by_their_headers_and_in_the_table_of_large_ones() {
    for &(machine, large) in MACHINES {
        let bytes = forge(&scenario(machine, BLOCKS)).unwrap().to_vec();
        let mut analysis = open(&bytes);
        let text = command(&mut analysis, &bytes, "!poolfind Leak");
        assert!(
            text.contains("7 headers of small ones"),
            "{machine}: {text}"
        );
        let said = match large {
            true => "3 large allocations, 61,440 bytes",
            false => "large allocations are listed is not known",
        };
        assert!(text.contains(said), "{machine}: {text}");
        let none = command(&mut analysis, &bytes, "!poolfind None");
        assert!(
            none.contains("0 headers of small ones"),
            "{machine}: {none}"
        );
    }
}
