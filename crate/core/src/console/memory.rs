//! `!vm` and `!process 0 0`: what is known of memory, and who used it.

use crate::model::{Memory, PageFile, Process, Report};
use crate::order;
use crate::report::document::{COUNTERS, counter_name, counters_in_order, gap};
use alloc::{format, string::String, vec::Vec};

/// KiB in a page.
const KB: u64 = 4;

fn memory(report: &Report) -> Option<&Memory> {
    report.memory.as_ref().filter(|memory| {
        !memory.counters.is_empty() || !memory.page_files.is_empty() || !memory.processes.is_empty()
    })
}

/// Page files, counters, and the processes that commit most.
pub(super) fn vm(_: &[&str], report: &Report) -> Vec<String> {
    let Some(memory) = memory(report) else {
        return super::absent("A memory counter");
    };
    let mut lines = Vec::new();
    lines.extend(memory.page_files.iter().flat_map(page_file));
    if !memory.page_files.is_empty() {
        lines.push(String::new());
    }
    for (name, counter) in counters_in_order(memory) {
        let label = COUNTERS
            .iter()
            .find(|&&(known, _)| known == name)
            .map_or_else(|| counter_name(name), |&(_, label)| label.into());
        let value = match (counter.pages, counter.gap) {
            (Some(pages), _) => {
                let kb = pages.0.saturating_mul(KB);
                format!("{:>12} ({kb:>12} Kb)", pages.0)
            }
            (None, Some(why)) => format!("({})", gap(why)),
            (None, None) => continue,
        };
        lines.push(format!("{:<25}{value}", format!("{label}:")));
    }
    lines.extend(by_commit(memory));
    lines.extend(memory.limits.iter().cloned());
    lines
}

fn page_file(file: &PageFile) -> [String; 3] {
    let kb = |pages: crate::model::Hex| pages.0.saturating_mul(KB);
    [
        format!("Page File: {}", file.name),
        format!(
            "   Current: {:>12} Kb  Free Space: {:>12} Kb",
            kb(file.size_pages),
            kb(file.free_pages)
        ),
        format!(
            "   Minimum: {:>12} Kb  Maximum:    {:>12} Kb",
            kb(file.minimum_pages),
            kb(file.maximum_pages)
        ),
    ]
}

/// Processes as `!vm` lists them, the largest first.
fn by_commit(memory: &Memory) -> Vec<String> {
    let processes: Vec<&Process> = memory
        .processes
        .iter()
        .filter(|process| process.commit_pages.is_some())
        .collect();
    let processes = order::by_key(processes, |process| {
        (
            process
                .commit_pages
                .map_or(u64::MAX, |pages| u64::MAX - pages.0),
            0,
        )
    });
    let mut lines = Vec::new();
    if !processes.is_empty() {
        lines.push(String::new());
        lines.push("  Pid ImageName                     Commit".into());
    }
    lines.extend(processes.into_iter().map(|process| {
        let kb = process.commit_pages.map_or(0, |p| p.0.saturating_mul(KB));
        format!("{:>5x} {:<25} {kb:>9} Kb", process.pid, process.name)
    }));
    lines
}

/// Every process.
pub(super) fn process(words: &[&str], report: &Report) -> Vec<String> {
    if words.first().is_some_and(|&first| first != "0") {
        return Vec::from(["Only '!process 0 0', the list, is answered here.".into()]);
    }
    let processes = memory(report).map_or(&[][..], |memory| &memory.processes);
    if processes.is_empty() {
        return super::absent("A list of processes");
    }
    processes
        .iter()
        .map(|process| {
            let number = |value: Option<u32>| value.map_or("?".into(), |v| format!("{v:x}"));
            let ended = process.exited.as_ref();
            let ended = ended.map_or(String::new(), |time| format!("  ended {time}"));
            format!(
                "SessionId: {}  Cid: {:04x}  ParentCid: {}  Image: {}{ended}",
                number(process.session),
                process.pid,
                number(process.parent_pid),
                process.name
            )
        })
        .collect()
}
