//! The top card: what happened, in one glance.

use super::{Block, Facts, FindingHead};
use crate::model::{BugCheck, Finding, Report, System};
use crate::report::format;
use crate::time::Moment;
use alloc::{format as text, string::String, vec::Vec};

/// How many findings stand on the card.
const STRONGEST: usize = 3;

/// A stop code with its name, as administrators search for it.
pub(crate) fn stop_name(bugcheck: &BugCheck) -> String {
    if bugcheck.name.is_empty() {
        text!("stop code 0x{:X}", bugcheck.code)
    } else {
        text!("{} (0x{:X})", bugcheck.name, bugcheck.code)
    }
}

/// What the document is called.
pub(super) fn title(report: &Report) -> String {
    if let Some(bugcheck) = &report.bugcheck {
        return stop_name(bugcheck);
    }
    if report.error.is_some() {
        return text!("{} could not be analysed", report.file.name);
    }
    if let Some(exception) = &report.exception {
        return match exception.name {
            Some(name) => text!("{name} (0x{:X})", exception.code),
            None => text!("exception 0x{:X}", exception.code),
        };
    }
    report.file.name.clone()
}

/// The card.
pub(super) fn card(report: &Report, blocks: &mut Vec<Block>) {
    if !report.summary.is_empty() {
        blocks.push(Block::Paragraph(report.summary.clone()));
    }
    for finding in strongest(report) {
        blocks.push(Block::Finding(head(finding)));
    }
    let mut facts = Facts::default();
    let file = &report.file;
    facts
        .text("File", Some(file.name.as_str()))
        .text("Kind", Some(kind(report)))
        .text(
            "Size",
            // A file that could not be opened has a size that nobody knows.
            (file.size.0 != 0).then(|| format::bytes(file.size.0)),
        );
    if let Some(system) = &report.system {
        system_facts(system, &mut facts);
    }
    let blame = report.blame.as_ref();
    facts.text(
        "Probably caused by",
        blame.map(|b| text!("{} ({})", b.module, super::confidence(b.confidence))),
    );
    facts.add_to(blocks);
    if !file.holds.is_empty() {
        blocks.push(Block::Paragraph(file.holds.clone()));
    }
}

/// The findings that matter most, as the report already orders them, without what the summary
/// has said: it is the story in short.
fn strongest(report: &Report) -> impl Iterator<Item = &Finding> {
    let told = report.story.as_ref();
    let new =
        move |finding: &&Finding| !told.is_some_and(|told| super::story::tells(told, finding));
    report.findings.iter().filter(new).take(STRONGEST)
}

/// The head of a finding.
pub(super) fn head(finding: &Finding) -> FindingHead {
    FindingHead {
        severity: finding.severity,
        confidence: finding.confidence,
        id: finding.id,
        title: finding.title.clone(),
    }
}

/// What the file is, and what is wrong with it.
fn kind(report: &Report) -> String {
    let file = &report.file;
    let mut text = file.kind_label.clone();
    if file.truncated {
        text.push_str(", truncated");
    }
    if file.encrypted {
        text.push_str(", encrypted");
    }
    text
}

fn system_facts(system: &System, facts: &mut Facts) {
    let mut os: Vec<String> = Vec::new();
    os.extend(system.os.clone());
    os.extend(system.build.map(|build| text!("build {build}")));
    os.extend(system.architecture.map(String::from));
    os.extend(system.product.map(String::from));
    facts
        .text("System", Some(os.join(", ")))
        .code("Build lab", system.build_lab.as_deref())
        .text("Suite", Some(system.suite.join(", ")))
        .text("Computer", system.computer_name.as_deref())
        .text(
            "Processors",
            system.processors.map(|count| {
                let name = system.processor_name.as_deref();
                name.map_or(text!("{count}"), |name| text!("{count} × {name}"))
            }),
        )
        .text("Stopped at", system.crash_time.as_deref().map(moment))
        .text("Up time", system.uptime_seconds.and_then(format::duration));
}

/// A time with its day of the week; what is no such time is shown as it is.
pub(super) fn moment(iso: &str) -> String {
    Moment::from_iso8601(iso).map_or_else(
        || iso.into(),
        |m| {
            text!(
                "{} {:04}-{:02}-{:02} {:02}:{:02}:{:02} UTC",
                m.weekday_name(),
                m.year,
                m.month,
                m.day,
                m.hour,
                m.minute,
                m.second
            )
        },
    )
}
