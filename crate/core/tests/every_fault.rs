//! Each fault that the forge can put into a dump, in every container and width: the report says
//! what is wrong, keeps what is still there, and never takes missing for empty.

mod support;

use bluepane::model::{Kind, Report};
use bluepane_forge::scenario::Number;
use bluepane_forge::{Scenario, Truth, forge};
use support::{CONTAINERS, report};

const X64: &str = "build = 19041";
const PAE: &str = "build = 7601\narchitecture = \"x86\"";
const X86: &str = "build = 7601\narchitecture = \"x86\"\npae = false";
const ARM: &str = "build = 22000\narchitecture = \"arm64\"";

/// Every container with every machine that can have it.
fn combinations() -> impl Iterator<Item = (&'static str, Kind, &'static str)> {
    let machines = [X64, PAE, X86, ARM];
    let all = CONTAINERS
        .iter()
        .flat_map(move |&(kind, named, _)| machines.map(|machine| (kind, named, machine)));
    all.filter(|(kind, _, machine)| !(kind.starts_with("range") && machine.contains("x86")))
}

fn scenario(machine: &str, kind: &str) -> Scenario {
    let text = format!(
        "[machine]\nmemory = \"24 MiB\"\n{machine}\n[stop]\ncode = 0x50\nparameters = [1, 2, 3, 4]\n\
         [dump]\nkind = \"{kind}\"\n[[processes]]\nname = \"app.exe\"\npid = 360\n"
    );
    Scenario::from_toml(&text).unwrap()
}

fn forged(scenario: &Scenario) -> Vec<u8> {
    forge(scenario).unwrap().to_vec()
}

fn has_note(report: &Report, code: &str) -> bool {
    report.notes.iter().any(|note| note.code == code)
}

fn stop_code(report: &Report) -> Option<u32> {
    report.bugcheck.as_ref().map(|stop| stop.code)
}

#[test]
fn a_whole_dump_is_neither_truncated_nor_encrypted_and_has_its_kind() {
    for (kind, named, machine) in combinations() {
        let report = report(&forged(&scenario(machine, kind)));
        let what = format!("{kind}, {machine}: {:?}", report.notes);
        assert_eq!(report.file.kind, named, "{what}");
        assert!(!report.file.truncated && !report.file.encrypted, "{what}");
        assert!(!report.file.kind_label.is_empty(), "{what}");
        assert!(report.error.is_none() && report.modules.len() > 5, "{what}");
        for code in ["pages-cut", "page-count", "page-list-cut", "read-failed"] {
            assert!(!has_note(&report, code), "{what}");
        }
    }
}

#[test]
fn only_the_old_kernel_dump_says_that_its_layout_was_not_verified() {
    for (kind, named, machine) in combinations() {
        let report = report(&forged(&scenario(machine, kind)));
        assert_eq!(
            has_note(&report, "layout-unverified"),
            named == Kind::KernelSummary,
            "{kind}, {machine}"
        );
    }
}

#[test]
fn a_file_that_ends_early_is_truncated_and_its_header_is_read() {
    for (kind, named, machine) in combinations() {
        let mut scenario = scenario(machine, kind);
        let whole = forged(&scenario).len() as u64;
        scenario.dump.secondary = Some(false);
        for length in [whole / 2, whole * 9 / 10, 0x2800] {
            scenario.faults.truncate = Some(Number(length));
            let report = report(&forged(&scenario));
            let what = format!("{kind}, {machine}, {length:#x} bytes: {:?}", report.notes);
            assert_eq!(report.file.kind, named, "{what}");
            assert!(report.file.truncated, "{what}");
            assert_eq!(stop_code(&report), Some(0x50), "{what}");
            assert!(report.error.is_none(), "{what}");
            let said = ["pages-cut", "page-list-cut", "read-failed"];
            assert!(said.iter().any(|code| has_note(&report, code)), "{what}");
        }
    }
}

#[test]
fn a_dump_that_windows_itself_calls_incomplete_is_truncated() {
    for (kind, _, machine) in combinations() {
        let mut scenario = scenario(machine, kind);
        scenario.faults.insufficient_space = true;
        let report = report(&forged(&scenario));
        assert!(report.file.truncated, "{kind}, {machine}");
        assert!(report.modules.len() > 5, "{kind}, {machine}");
    }
}

#[test]
fn an_encrypted_dump_is_named_with_what_to_do_and_nothing_is_made_of_its_pages() {
    for (kind, _, machine) in combinations() {
        let mut scenario = scenario(machine, kind);
        scenario.faults.encrypted = true;
        let report = report(&forged(&scenario));
        let what = format!("{kind}, {machine}");
        assert!(report.file.encrypted, "{what}");
        assert!(
            has_note(&report, "what-to-do"),
            "{what}: {:?}",
            report.notes
        );
        assert_eq!(stop_code(&report), Some(0x50), "{what}");
        assert!(
            report.modules.is_empty() && report.stack.is_none(),
            "{what}"
        );
        assert!(report.error.is_none(), "{what}");
    }
}

/// Where DumpType stands.
fn type_at(machine: &str) -> usize {
    if machine.contains("x86") {
        0xF88
    } else {
        0xF98
    }
}

#[test]
fn an_unknown_type_still_shows_its_header() {
    for machine in [X64, PAE, X86, ARM] {
        for kind in [0_u32, 0xB, 0x77, 0xFFFF_FFFE] {
            let mut bytes = forged(&scenario(machine, "bitmap-full"));
            bytes[type_at(machine)..][..4].copy_from_slice(&kind.to_le_bytes());
            let report = report(&bytes);
            let what = format!("{machine}, type {kind:#x}");
            assert_eq!(report.file.kind, Kind::UnknownKernel, "{what}");
            assert_eq!(stop_code(&report), Some(0x50), "{what}");
            let system = report.system.as_ref().unwrap();
            assert!(
                system.build.is_some() && system.crash_time.is_some(),
                "{what}"
            );
            assert!(report.header.is_some() && report.error.is_none(), "{what}");
            assert!(!report.notes.is_empty(), "{what}");
        }
    }
}

/// Header fields without which the rest must still come, by the forge's names.
const FIELDS: &[&str] = &[
    "DirectoryTableBase",
    "PfnDataBase",
    "PsLoadedModuleList",
    "PsActiveProcessHead",
    "NumberProcessors",
    "KdDebuggerDataBlock",
    "SystemTime",
    "SystemUpTime",
    "ProductType",
    "RequiredDumpSpace",
];

#[test]
fn a_header_field_that_was_never_written_is_absent_and_the_rest_is_read() {
    // The header is the same in every container: two are enough.
    let two = combinations().filter(|it| ["full", "bitmap-kernel"].contains(&it.0));
    for (kind, _, machine) in two {
        for &field in FIELDS {
            let mut scenario = scenario(machine, kind);
            scenario.faults.fill.push(field.into());
            let Ok(dump) = forge(&scenario) else {
                panic!("{kind}, {machine}: the forge knows no field {field}");
            };
            let report = report(&dump.to_vec());
            let what = format!("{kind}, {machine}, {field}: {:?}", report.notes);
            assert_eq!(stop_code(&report), Some(0x50), "{what}");
            assert!(
                report.error.is_none() && !report.summary.is_empty(),
                "{what}"
            );
            // Without the tables' root no memory can be read; all else costs what it says.
            let readable = field != "DirectoryTableBase";
            assert_eq!(!report.modules.is_empty(), readable, "{what}");
            assert!(readable || has_note(&report, "no-page-tables"), "{what}");
            let system = report.system.as_ref().unwrap();
            // The page that Windows shares with every process tells both times too.
            let told = |there: bool, field_of: &str| there == (field != field_of || readable);
            assert!(told(system.crash_time.is_some(), "SystemTime"), "{what}");
            assert!(
                told(system.uptime_seconds.is_some(), "SystemUpTime"),
                "{what}"
            );
        }
    }
}

#[test]
fn a_driver_whose_pages_were_left_out_is_listed_and_its_neighbours_are_told_in_full() {
    for (kind, _, machine) in combinations() {
        let mut scenario = scenario(machine, kind);
        let truth = Truth::of(&scenario).unwrap();
        let gone = &truth.modules[3];
        scenario.faults.leave_out_modules.push(gone.name.clone());
        let report = report(&forged(&scenario));
        let what = format!("{kind}, {machine}, {}", gone.name);
        assert_eq!(report.modules.len(), truth.modules.len(), "{what}");
        let found = report.modules.iter().find(|m| m.base.0 == gone.base);
        let found = found.unwrap_or_else(|| panic!("{what}"));
        assert!(found.pdb.is_none(), "{what}");
        let others = report.modules.iter().filter(|m| m.pdb.is_some());
        assert!(others.count() > 3, "{what}");
    }
}

#[test]
fn a_stop_time_that_cannot_be_is_replaced_by_the_one_in_memory() {
    for (kind, _, machine) in combinations() {
        let mut scenario = scenario(machine, kind);
        scenario.faults.system_time =
            Some(bluepane_forge::scenario::Moment::parse("1601-01-01T00:00:01Z").unwrap());
        let report = report(&forged(&scenario));
        let system = report.system.as_ref().unwrap();
        let time = system.crash_time.as_deref().unwrap_or_default();
        // What the page that Windows shares with every process says instead.
        assert!(
            time.starts_with("2021-03-09T04:12:33"),
            "{kind}, {machine}: {time}"
        );
    }
}
