//! Whole documents against golden text, and hostile strings against every renderer.
//! `UPDATE=1 cargo test -p bluepane` writes the golden files anew, to be reviewed as they change.

extern crate std;

pub(crate) mod sample;

use super::{RedactionOptions, html, markdown, redact, redact::visit_all, summary_line, text};
use crate::model::{Finding, Report};
use alloc::{format, string::String, vec};
use sample::{NAMES, sample};
use std::path::Path;

/// Compares with a golden file, or writes it anew.
pub(crate) fn golden(name: &str, found: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("src/report/tests/golden")
        .join(name);
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, found).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    for (at, (expected, found)) in expected.lines().zip(found.lines()).enumerate() {
        assert_eq!(expected, found, "line {} of {name}", at + 1);
    }
    assert_eq!(expected, found, "{name}");
}

#[test]
fn the_terminals_text_is_as_reviewed() {
    golden("report.txt", &text(&sample()));
}

#[test]
fn the_tickets_markdown_is_as_reviewed() {
    let redacted = redact(&sample(), &RedactionOptions::default());
    golden("report.md", &markdown(&redacted));
}

#[test]
fn the_saved_page_is_as_reviewed() {
    golden("report.html", &html(&sample()));
}

#[test]
fn text_keeps_the_width_of_a_terminal() {
    let text = text(&sample());
    for line in text.lines() {
        assert!(line.chars().count() <= 100, "{line}");
    }
}

#[test]
fn the_summary_line_names_stop_blame_and_system() {
    assert_eq!(
        summary_line(&Report {
            error: None,
            ..sample()
        }),
        "FILESRV07-MEMORY.DMP: KERNEL_DATA_INPAGE_ERROR (0x7A), exampflt.sys, \
         Windows Server 2012 R2, 2020-11-19T11:33:20.123Z"
    );
    let report = sample();
    assert!(summary_line(&report).ends_with(&report.summary));
}

#[test]
fn nothing_that_names_people_or_machines_survives_redaction() {
    let before = serde_json::to_string(&sample()).unwrap().to_lowercase();
    let redacted = redact(&sample(), &RedactionOptions::default());
    let after = serde_json::to_string(&redacted).unwrap().to_lowercase();
    for name in NAMES {
        let name = name.to_lowercase();
        assert!(before.contains(&name), "{name} is not in the sample");
        assert!(!after.contains(&name), "{name} survives in {after}");
    }
    assert!(redacted.notes.iter().any(|note| note.code == "redacted"));
    let again = redact(&redacted, &RedactionOptions::default());
    assert!(again == redacted, "redacting twice changes the report");
}

#[test]
fn redaction_leaves_versions_identities_and_addresses_alone() {
    let before = sample();
    let after = redact(&before, &RedactionOptions::default());
    assert_eq!(before.modules[0].version, after.modules[0].version);
    assert_eq!(before.modules[0].pdb, after.modules[0].pdb);
    assert_eq!(before.secondary_data, after.secondary_data);
    assert_eq!(before.bugcheck, after.bugcheck);
    assert_eq!(before.stack, after.stack);
    // A version inside a sentence is known from the list of modules.
    let explained = |report: &Report| report.integration_services.clone().unwrap().explanation;
    assert_eq!(explained(&before), explained(&after));
}

#[test]
fn redaction_sees_every_string_of_the_model() {
    let mut report = sample();
    visit_all(&mut report, &mut |text| *text = "§".into());
    let json = serde_json::to_value(&report).unwrap();
    // Whatever is no § now is a word of ours: a closed list, a number, or a fixed label.
    let mut ours = std::collections::BTreeSet::new();
    collect(&json, &mut ours);
    let all = serde_json::to_value(sample()).unwrap();
    let mut every = std::collections::BTreeSet::new();
    collect(&all, &mut every);
    let free: std::vec::Vec<_> = ours
        .iter()
        .filter(|text| !text.starts_with("0x") && *text != "§")
        .cloned()
        .collect();
    golden("fixed-words.txt", &format!("{}\n", free.join("\n")));
    assert!(ours.len() < every.len() / 2);
}

fn collect(value: &serde_json::Value, into: &mut std::collections::BTreeSet<String>) {
    match value {
        serde_json::Value::String(text) => {
            into.insert(text.clone());
        }
        serde_json::Value::Array(values) => values.iter().for_each(|v| collect(v, into)),
        serde_json::Value::Object(map) => map.values().for_each(|v| collect(v, into)),
        _ => {}
    }
}

#[test]
fn more_names_can_be_given() {
    let options = RedactionOptions {
        names: alloc::vec!["Invented".into()],
    };
    let report = redact(&sample(), &options);
    let name = report.system.unwrap().processor_name.unwrap();
    assert_eq!(name, "[name] CPU @ 2.00GHz");
}

/// A string that is markup in every language that a report is drawn in.
const HOSTILE: &str =
    "\u{1b}[31m</td><script>alert(1)</script>|`*_[x](javascript:y) <img src=x>\r\n# ''\"";

/// A report whose every string is hostile.
pub(crate) fn hostile() -> Report {
    let mut report = sample();
    visit_all(&mut report, &mut |text| *text = HOSTILE.into());
    report
}

#[test]
fn hostile_strings_stay_text_in_every_rendering() {
    let mut report = hostile();
    report.findings.push(Finding {
        title: HOSTILE.into(),
        ..Finding::default()
    });
    let page = html(&report);
    assert!(!page.contains("<script") && !page.contains("<img"));
    assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;"));
    for rendering in [&page, &text(&report), &markdown(&report)] {
        assert!(!rendering.contains(['\u{1b}', '\r']));
    }
    for line in markdown(&report).lines() {
        let unescaped = line.contains("](") && !line.contains("\\](") && !line.contains('`');
        assert!(!unescaped, "{line}");
    }
}

#[test]
fn the_pages_policy_names_the_hash_of_its_style() {
    use base64::Engine as _;
    use sha2::{Digest as _, Sha256};
    let page = html(&sample());
    let from = page.find("<style>").unwrap() + "<style>".len();
    let to = page.find("</style>").unwrap();
    let hash = Sha256::digest(&page.as_bytes()[from..to]);
    let hash = base64::engine::general_purpose::STANDARD.encode(hash);
    assert!(
        page.contains(&format!("style-src 'sha256-{hash}'")),
        "{hash}"
    );
    assert!(!page.contains("style=\"") && !page.contains("<script"));
}

#[test]
fn commands_in_sentences_are_code_and_addresses_stay_whole() {
    let mut report = sample();
    report.notes.push(crate::model::Note::new(
        "x",
        "See `!pte <x>` (`lm`) for fffff800`12345678 and ffffd000`00000000.",
    ));
    let page = html(&report);
    let told = "See <code>!pte &lt;x&gt;</code> (<code>lm</code>) for fffff800`12345678 and \
                ffffd000`00000000.";
    assert!(page.contains(told), "{page}");
}

#[test]
fn what_several_stretches_of_a_stack_do_is_said_once() {
    let mut report = sample();
    let stack = report.stack.as_mut().unwrap();
    let frame = stack.frames[0].clone();
    stack.frames.resize(4, frame);
    let part = |first, title: &str| crate::model::Stretch {
        first,
        frames: 1,
        title: title.into(),
        text: "Works.".into(),
        ..crate::model::Stretch::default()
    };
    stack.stretches = vec![part(0, "One"), part(1, "Two"), part(2, "One")];
    let page = html(&report);
    assert!(
        page.contains("<li>00, 02 One. Works.</li>\n<li>01 Two. Works.</li>"),
        "{page}"
    );
}

#[test]
fn a_page_says_whether_names_were_taken_out() {
    let page = html(&sample());
    assert!(page.contains("may name machines and people"));
    let page = html(&redact(&sample(), &RedactionOptions::default()));
    assert!(page.contains("were taken out") && !page.contains("may name machines"));
}

#[test]
fn an_empty_report_is_drawn_without_a_section() {
    let report = Report::default();
    for rendering in [text(&report), markdown(&report), html(&report)] {
        assert!(!rendering.contains("Bug check") && !rendering.contains("Modules"));
    }
}
