//! The command on dumps of invented machines: every kind of file, and the reference case in its
//! three tellings.

mod support;

use serde_json::{Value, json};
use std::path::Path;
use support::{Folder, bluepane, json as report};

/// Kinds as the forge calls them, and as the report does.
static KINDS: [(&str, &str); 12] = [
    ("full", "full"),
    ("kernel-summary", "kernel-summary"),
    ("header-only", "header-only"),
    ("triage", "triage"),
    ("bitmap-full", "bitmap-full"),
    ("bitmap-kernel", "bitmap-kernel"),
    ("automatic", "bitmap-kernel"),
    ("active", "active"),
    ("live", "live"),
    ("range-kernel", "range-kernel"),
    ("range-kernel-user", "range-kernel-user"),
    ("range-complete", "range-complete"),
];

fn scenario(build: u32, kind: &str) -> String {
    format!(
        "[machine]\nbuild = {build}\nmemory = \"64 MiB\"\n[system]\ncomputer_name = \"SECRET-PC\"\n\
         [stop]\ncode = 0x50\nparameters = [0x1000, 0, 0, 0]\n[dump]\nkind = \"{kind}\"\n"
    )
}

#[test]
fn a_dump_of_every_kind_has_its_stop_code_told_and_obeys_the_schema() {
    let folder = Folder::new("kinds");
    for (forged, told) in KINDS {
        // The form of kernel dumps before Windows 8 is written by Windows 7.
        let build = if forged == "kernel-summary" {
            7601
        } else {
            19041
        };
        let path = folder.forge(&format!("{forged}.dmp"), &scenario(build, forged));
        let (status, report) = report(&path);
        assert_eq!(status, 0, "{forged}: {report}");
        assert_eq!(report["file"]["kind"], told, "{forged}");
        assert_eq!(report["bugcheck"]["code"], 0x50, "{forged}");
        assert_eq!(
            report["bugcheck"]["parameters"][0]["value"], "0x1000",
            "{forged}"
        );
        assert_eq!(report["system"]["build"], build, "{forged}");
        assert_eq!(report["system"]["architecture"], "x64", "{forged}");
    }
    support::schema::validate(folder.path(), KINDS.len());
}

#[test]
fn a_dump_of_every_architecture_and_generation_is_told() {
    let folder = Folder::new("builds");
    let machines = [
        ("x86", 7601, "x86"),
        ("x64", 9600, "x64"),
        ("x64", 26100, "x64"),
        ("arm64", 22000, "ARM64"),
    ];
    for (architecture, build, told) in machines {
        let scenario = format!(
            "[machine]\nbuild = {build}\narchitecture = \"{architecture}\"\nmemory = \"64 MiB\"\n\
             [stop]\ncode = 0xd1\n"
        );
        let path = folder.forge(&format!("{architecture}-{build}.dmp"), &scenario);
        let (status, report) = report(&path);
        assert_eq!(
            (status, &report["system"]["architecture"]),
            (0, &json!(told))
        );
        assert_eq!(report["bugcheck"]["name"], "DRIVER_IRQL_NOT_LESS_OR_EQUAL");
        assert!(
            report["modules"]
                .as_array()
                .is_some_and(|all| !all.is_empty()),
            "{report}"
        );
    }
    support::schema::validate(folder.path(), machines.len());
}

/// The scenarios of the reference case, with the code and build that stand in them.
fn reference_cases() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../forge/scenarios/kernel");
    let mut cases: Vec<(String, String)> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.file_stem()
                .unwrap()
                .to_string_lossy()
                .starts_with("page-in")
        })
        .map(|path| {
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            (name, std::fs::read_to_string(path).unwrap())
        })
        .collect();
    cases.sort();
    assert!(cases.len() >= 3);
    cases
}

#[test]
fn the_reference_case_is_told_in_every_format_and_names_nobody_when_redacted() {
    let folder = Folder::new("reference");
    for (name, scenario) in reference_cases() {
        let path = folder.forge(&format!("{name}.dmp"), &scenario);
        let (status, report) = report(&path);
        assert_eq!(
            (status, &report["bugcheck"]["code"]),
            (0, &json!(0x7a)),
            "{name}"
        );
        let path = path.to_str().unwrap();
        let text = bluepane(&[path]).stdout;
        assert!(
            text.starts_with("KERNEL_DATA_INPAGE_ERROR (0x7A)\n"),
            "{name}"
        );
        assert!(
            text.lines().all(|line| line.chars().count() <= 100),
            "{name}"
        );
        for format in ["text", "json", "markdown", "html"] {
            let redacted = bluepane(&["--redact", "--format", format, path]);
            assert_eq!(redacted.status, 0, "{name} {format}");
            assert!(!redacted.stdout.contains("FORGE-VM"), "{name} {format}");
        }
    }
    support::schema::validate(folder.path(), 3);
}

#[test]
fn a_dump_of_many_gigabytes_is_read_in_few_pieces() {
    let folder = Folder::new("large");
    let (name, scenario) = reference_cases().pop().unwrap();
    let (status, report) = report(&folder.forge(&name, &scenario));
    let stat = |name: &str| match &report["stats"][name] {
        Value::String(hex) => u64::from_str_radix(&hex[2..], 16).unwrap(),
        other => other.as_u64().unwrap(),
    };
    assert_eq!(status, 0);
    assert!(stat("rounds") <= 400, "{report}");
    assert!(stat("reads") <= 2000, "{report}");
    assert!(stat("bytes_read") <= 128 << 20, "{report}");
}

#[test]
fn commands_read_the_dump_unless_names_are_to_be_taken_out() {
    let folder = Folder::new("live");
    let path = folder.forge("x.dmp", &scenario(19041, "bitmap-kernel"));
    let path = path.to_str().unwrap();
    let ran = bluepane(&["--command", "db nt L2", "--command", "!pte nt", path]);
    assert_eq!(ran.status, 0);
    assert!(ran.stdout.contains("  4d 5a "), "{}", ran.stdout);
    assert!(ran.stdout.contains("PXE at #"), "{}", ran.stdout);
    let redacted = bluepane(&["--redact", "--command", "db nt L2", path]);
    assert!(redacted.stdout.contains("memory of the dump is not read"));
    assert!(!redacted.stdout.contains("4d 5a"), "{}", redacted.stdout);
}
