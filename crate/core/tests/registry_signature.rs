//! The registry of kernels that nothing leads into: the symbol is unknown and the head of the list
//! of hives is not in the dump, so only the hives themselves can be found, by their signature.

use bluepane::analysis::{Analysis, Answer, Query};
use bluepane::model::Report;
use bluepane::source::{CacheLimits, SliceProvider};
use bluepane_forge::{Scenario, Truth, forge};

static MACHINES: &[(&str, u32)] = &[
    ("x64", 7601),
    ("x64", 9600),
    ("x64", 14393),
    ("x64", 17763),
    ("x64", 20348),
    ("x64", 26100),
    ("arm64", 26100),
    ("x86", 7601),
];

/// A dump of a machine of which neither the symbol file is known nor the page with the list's head
/// was written.
fn unknown(architecture: &str, build: u32, kind: &str, hives: &str) -> Vec<u8> {
    let machine = format!(
        "[machine]\nbuild = {build}\narchitecture = \"{architecture}\"\nmemory = \"96 MiB\"\n\
         [system]\ncomputer_name = \"FORGE-A\"\n{hives}[dump]\nkind = \"{kind}\"\n"
    );
    let truth = Truth::of(&Scenario::from_toml(&machine).unwrap()).unwrap();
    let head = truth.variables["CmpHiveListHead"];
    let faults = format!(
        "{machine}[faults]\nleave_out = [\"{head:#x}\"]\nguid = \"0123456789ABCDEF0123456789ABCDEF\"\n"
    );
    forge(&Scenario::from_toml(&faults).unwrap())
        .unwrap()
        .to_vec()
}

/// Analysed in pieces, as a browser reads a file.
fn analysed(bytes: &[u8]) -> Analysis {
    let limits = CacheLimits {
        whole_file: 0,
        ..CacheLimits::default()
    };
    let mut analysis = Analysis::with_limits("x.dmp", bytes.len() as u64, limits);
    analysis.run(&mut SliceProvider(bytes));
    analysis
}

fn typed(analysis: &mut Analysis, bytes: &[u8], line: &str) -> String {
    match analysis.answer(Query::Command(line.into()), &mut SliceProvider(bytes)) {
        Some(Answer::Text(text)) => text,
        other => panic!("{line}: {other:?}"),
    }
}

fn computer(report: &Report) -> Option<&str> {
    report.system.as_ref()?.computer_name.as_deref()
}

fn unread(report: &Report) -> Option<&str> {
    let note = report.notes.iter().find(|note| note.code == "no-registry");
    note.map(|note| note.text.as_str())
}

#[test]
fn a_small_dump_of_an_unknown_kernel_still_tells_its_registry() {
    for &(architecture, build) in MACHINES.iter().filter(|(of, _)| *of != "x86") {
        let bytes = unknown(architecture, build, "bitmap-kernel", "");
        let analysis = analysed(&bytes);
        let report = analysis.report();
        assert_eq!(unread(report), None, "{build}: {} bytes", bytes.len());
        assert_eq!(computer(report), Some("FORGE-A"), "{architecture} {build}");
        let stats = &report.stats;
        assert!(
            stats.reads < 2000 && stats.rounds < 400,
            "{build} {stats:?}"
        );
    }
}

#[test]
fn a_search_of_all_pages_finds_the_hives_and_the_report_is_made_anew() {
    for &(architecture, build) in MACHINES {
        let hives = match architecture {
            "x86" => {
                "[[hives]]\nname = 'SYSTEM'\nfile_path = '\\SystemRoot\\System32\\Config\\SYSTEM'\n\
                      [hives.keys.'Select']\nCurrent = 1\n\
                      [hives.keys.'ControlSet001\\Control\\ComputerName\\ComputerName']\n\
                      ComputerName = 'FORGE-A'\n"
            }
            _ => "",
        };
        let bytes = unknown(architecture, build, "bitmap-full", hives);
        let mut analysis = analysed(&bytes);
        let why = unread(analysis.report()).unwrap_or_default();
        assert!(why.contains("`!reg scan`"), "{architecture} {build}: {why}");
        let before = typed(&mut analysis, &bytes, "!reg hivelist");
        assert!(before.contains("cannot be read"), "{before}");
        let found = typed(&mut analysis, &bytes, "!reg scan");
        assert!(
            found.contains("MACHINE\\SYSTEM"),
            "{architecture} {build}: {found}"
        );
        assert!(found.contains("stored pages were searched."), "{found}");
        let whole = found.lines().any(|line| {
            line.split_once(" of ")
                .is_some_and(|(done, rest)| rest.starts_with(&format!("{done} of ")))
        });
        assert_eq!(!whole, found.contains("The search ended there"), "{found}");
        // It counts from then on.
        assert_eq!(unread(analysis.report()), None);
        assert_eq!(
            computer(analysis.report()),
            Some("FORGE-A"),
            "{architecture} {build}"
        );
        let key = "!reg q HKLM\\SYSTEM\\Select";
        let shown = typed(&mut analysis, &bytes, key);
        assert!(shown.contains("Current"), "{shown}");
    }
}

#[test]
fn a_signature_without_a_hive_is_passed_over() {
    let scenario = "[machine]\nbuild = 9600\nmemory = \"64 MiB\"\n[dump]\nkind = \"bitmap-full\"\n";
    let mut bytes = forge(&Scenario::from_toml(scenario).unwrap())
        .unwrap()
        .to_vec();
    // Every hive loses its signature, and pages that hold nothing get a false one each, with links.
    let signature = 0xBEE0_BEE0_u32.to_le_bytes();
    let mut at = 0x2000;
    while at + 0x1000 <= bytes.len() {
        if bytes[at..at + 0x1000].iter().all(|&b| b == 0) && at % 0x8000 == 0 {
            bytes[at..at + 4].copy_from_slice(&signature);
            for place in [0x5E0, 0x5E8] {
                bytes[at + place..at + place + 8]
                    .copy_from_slice(&0xFFFF_F800_0000_1000_u64.to_le_bytes());
            }
        } else {
            for place in (0..0x1000).step_by(8) {
                if bytes[at + place..].starts_with(&signature) {
                    bytes[at + place] = 0;
                }
            }
        }
        at += 0x1000;
    }
    let mut analysis = analysed(&bytes);
    let found = typed(&mut analysis, &bytes, "!reg scan");
    assert!(found.starts_with("No hive was found"), "{found}");
    assert!(unread(analysis.report()).is_some());
}
