//! The command on real dumps, against the table of facts that comes with them. Nothing of those
//! dumps stands here: the facts are read when the tests run.

mod support;

use serde_json::Value;
use std::collections::BTreeSet;
use support::{bluepane, corpus, json, rows};

fn number(value: &Value) -> u64 {
    match value {
        Value::String(text) => u64::from_str_radix(text.trim_start_matches("0x"), 16).unwrap(),
        other => other.as_u64().unwrap(),
    }
}

#[test]
fn every_fact_of_the_index_is_in_the_report() {
    let Some(corpus) = corpus() else { return };
    let rows = rows(&corpus);
    assert!(rows.len() >= 14, "the index has changed its shape");
    for row in rows {
        let (status, report) = json(&row.path);
        let path = row.path.display();
        assert_eq!(status, 0, "{path}");
        assert_eq!(report["file"]["kind"], "triage", "{path}");
        assert_eq!(number(&report["file"]["size"]), row.size, "{path}");
        assert_eq!(number(&report["bugcheck"]["code"]), row.code, "{path}");
        let parameters = report["bugcheck"]["parameters"].as_array().unwrap();
        let parameters: Vec<u64> = parameters.iter().map(|p| number(&p["value"])).collect();
        assert_eq!(parameters, row.parameters, "{path}");
        assert_eq!(report["system"]["build"], row.build, "{path}");
        let architecture = if row.machine == 0xAA64 {
            "ARM64"
        } else {
            "x64"
        };
        assert_eq!(report["system"]["architecture"], architecture, "{path}");
        let modules = report["modules"].as_array().unwrap();
        assert_eq!(modules.len(), row.drivers, "{path}");
        assert_eq!(firmware(&report["platform"]), row.firmware, "{path}");
        assert!(
            report["stats"]["elapsed_ms"].as_f64().unwrap() > 0.0,
            "{path}"
        );
    }
}

/// Maker, product and firmware, as the index writes them.
fn firmware(platform: &Value) -> String {
    let field = |name: &str| platform[name].as_str().unwrap_or("-").to_owned();
    format!(
        "{} / {}, BIOS {} {}",
        field("manufacturer"),
        field("product"),
        field("bios_version"),
        field("bios_date")
    )
}

/// The index says in a sentence of some dumps: "`NAME` … (role ROLE)".
#[test]
fn the_role_under_a_hypervisor_is_what_the_index_says() {
    let Some(corpus) = corpus() else { return };
    let index = std::fs::read_to_string(corpus.join("INDEX.md")).unwrap();
    let mut seen = 0;
    for (at, _) in index.match_indices("(role ") {
        let role = index[at + 6..].split(')').next().unwrap();
        // The last name in back-ticks before it.
        let name = index[..at].rsplit('`').nth(1).unwrap();
        let (_, report) = json(&corpus.join(format!("triage/{name}.dmp")));
        assert_eq!(report["platform"]["hypervisor"]["role"], role, "{name}");
        seen += 1;
    }
    assert!(seen >= 2, "the index has changed its words");
}

#[test]
fn what_names_a_real_machine_is_in_no_redacted_output() {
    let Some(corpus) = corpus() else { return };
    let mut names = 0;
    for row in rows(&corpus) {
        let (_, report) = json(&row.path);
        let fields = [
            &report["system"]["computer_name"],
            &report["platform"]["serial"],
            &report["platform"]["uuid"],
            &report["platform"]["asset_tag"],
        ];
        let known: Vec<&str> = fields.iter().filter_map(|field| field.as_str()).collect();
        names += known.len();
        for format in ["json", "html"] {
            let path = row.path.to_str().unwrap();
            let redacted = bluepane(&["--redact", "--format", format, path]).stdout;
            for name in known.iter().filter(|name| name.len() > 4) {
                assert!(!redacted.contains(name), "{} {format}", row.path.display());
            }
        }
    }
    assert!(names > 0, "no real dump names its machine");
}

#[test]
fn a_folder_is_reported_dump_by_dump() {
    let Some(corpus) = corpus() else { return };
    let folder = corpus.join("triage/folder-of-8");
    let ran = bluepane(&["--format", "json", "--array", folder.to_str().unwrap()]);
    let reports: Vec<Value> = serde_json::from_str(&ran.stdout).unwrap();
    let names: BTreeSet<&str> = reports
        .iter()
        .map(|report| report["file"]["name"].as_str().unwrap())
        .collect();
    assert_eq!((reports.len(), names.len()), (8, 8));
}

#[test]
fn real_reports_in_text_keep_the_width_and_drive_no_terminal() {
    let Some(corpus) = corpus() else { return };
    for row in rows(&corpus) {
        let ran = bluepane(&[row.path.to_str().unwrap()]);
        for line in ran.stdout.lines() {
            assert!(
                line.chars().count() <= 100,
                "{}: {line}",
                row.path.display()
            );
            assert!(!line.chars().any(char::is_control), "{line:?}");
        }
    }
}

#[test]
fn real_damaged_files_say_what_is_wrong_with_them() {
    let Some(corpus) = corpus() else { return };
    for name in ["empty.dmp", "header-zeroed.dmp"] {
        let (status, report) = json(&corpus.join("damaged").join(name));
        assert_eq!(status, 1, "{name}");
        assert!(!report["summary"].as_str().unwrap().is_empty(), "{name}");
    }
    // User minidumps that broke another reader: whatever is made of them, it is a report.
    for name in ["mdmp-fuzzed-1.dmp", "mdmp-fuzzed-2.dmp"] {
        let (_, report) = json(&corpus.join("damaged").join(name));
        assert_eq!(report["file"]["kind"], "user-minidump", "{name}");
    }
}

/// Cuts a real dump at every length of a kind and sets bytes by chance: a report comes out, and
/// the command ends as it promises.
#[test]
fn cut_and_bent_dumps_still_make_a_report() {
    let Some(corpus) = corpus() else { return };
    let folder = support::Folder::new("bent");
    let row = &rows(&corpus)[0];
    let bytes = std::fs::read(&row.path).unwrap();
    let mut seed = 0x9E37_79B9_7F4A_7C15_u64;
    let mut random = move || {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed as usize
    };
    for n in 0..16 {
        let mut bent = bytes.clone();
        if n % 2 == 0 {
            bent.truncate(random() % bytes.len());
        } else {
            for _ in 0..64 {
                let at = random() % 0x4000;
                bent[at] = random() as u8;
            }
        }
        folder.file(&format!("{n}.dmp"), &bent);
    }
    let ran = bluepane(&["--format", "json", folder.path()]);
    assert!(matches!(ran.status, 0 | 1), "{}", ran.stderr);
    assert_eq!(ran.stdout.lines().count(), 16);
}
