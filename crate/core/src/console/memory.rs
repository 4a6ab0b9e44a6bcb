//! `!vm`, `!mem` and `!process 0 0`: what is known of memory, and who used it.

use crate::model::{Confidence, Counter, Gap, Memory, PageFile, PoolTag, Process, Report};
use crate::order;
use crate::report::document::{COUNTERS, counter_name, counters_in_order, gap, is_count};
use crate::report::format::pages;
use alloc::{format, string::String, vec::Vec};

/// KiB in a page.
const KB: u64 = 4;

fn memory(report: &Report) -> Option<&Memory> {
    report.memory.as_ref().filter(|memory| {
        !memory.counters.is_empty() || !memory.page_files.is_empty() || !memory.processes.is_empty()
    })
}

/// Page files, counters, and the processes that commit most; `!vm 1` leaves the processes out.
pub(super) fn vm(words: &[&str], report: &Report) -> Vec<String> {
    let Some(memory) = memory(report) else {
        return super::absent("A memory counter");
    };
    let mut lines = Vec::new();
    lines.extend(memory.page_files.iter().flat_map(page_file));
    if !memory.page_files.is_empty() {
        lines.push(String::new());
    }
    let mut blanks = Blanks::default();
    for (name, counter) in counters_in_order(memory) {
        if let Some(line) = counted(name, counter) {
            lines.push(line);
            continue;
        }
        let label = COUNTERS
            .iter()
            .find(|&&(known, _)| known == name)
            .map_or_else(|| counter_name(name), |&(_, label)| label.into());
        let Some(pages) = counter.pages else {
            blanks.add(label, counter.gap);
            continue;
        };
        let kb = pages.0.saturating_mul(KB);
        let doubt = match counter.confidence {
            Confidence::Possible => "  (doubtful)",
            _ => "",
        };
        lines.push(format!(
            "{:<25}{:>12} ({kb:>12} Kb){doubt}",
            format!("{label}:"),
            pages.0
        ));
    }
    lines.extend(failed_checks(memory));
    if words.first() != Some(&"1") {
        lines.extend(by_commit(memory));
    }
    let closing: Vec<String> = blanks
        .lines()
        .chain(memory.limits.iter().cloned())
        .collect();
    if !closing.is_empty() {
        lines.push(String::new());
    }
    lines.extend(closing);
    lines
}

/// Figures that are missing, by the reason.
#[derive(Default)]
struct Blanks(Vec<(Gap, Vec<String>)>);

impl Blanks {
    fn add(&mut self, label: String, why: Option<Gap>) {
        let Some(why) = why else { return };
        match self.0.iter_mut().find(|known| known.0 == why) {
            Some((_, labels)) => labels.push(label),
            None => self.0.push((why, Vec::from([label]))),
        }
    }

    /// A sentence for each reason.
    fn lines(&self) -> impl Iterator<Item = String> {
        let line = |(why, labels): &(Gap, Vec<String>)| {
            format!("Not told ({}): {}.", gap(*why), labels.join(", "))
        };
        self.0.iter().map(line)
    }
}

/// The line of a counter that counts no pages; the debugger prints failures between stars.
fn counted(name: &str, counter: &Counter) -> Option<String> {
    let count = counter
        .pages
        .map(|pages| pages.0)
        .filter(|_| is_count(name))?;
    Some(match name {
        "failed_commit_charges" if count > 0 => {
            format!("******* {count} commit requests have failed  ******")
        }
        "page_hash_errors" if count > 0 => {
            format!("******* {count} page file pages came back changed  ******")
        }
        _ => format!("{:<25}{count:>12}", format!("{}:", counter_name(name))),
    })
}

fn failed_checks(memory: &Memory) -> impl Iterator<Item = String> {
    let failed = memory.checks.iter().filter(|check| !check.holds);
    failed.map(|check| format!("The figures do not agree: {}", check.text))
}

/// Lines of the short lists in `!mem`.
const SHORT: usize = 5;

/// The state of memory in a few lines.
pub(super) fn mem(_: &[&str], report: &Report) -> Vec<String> {
    let Some(memory) = memory(report) else {
        return super::absent("A memory counter");
    };
    let figure = |name: &str| Some(memory.counters.get(name)?.pages?.0);
    let mut lines = Vec::new();
    let mut line = |label: &str, text: String| lines.push(format!("{label:<20}{text}"));
    let unknown = |name: &str| {
        let why = memory.counters.get(name).and_then(|counter| counter.gap);
        why.map_or("not recorded".into(), |why| format!("({})", gap(why)))
    };
    let shown = |name: &str| figure(name).map_or_else(|| unknown(name), pages);
    let share = |part: Option<u64>, whole: Option<u64>| {
        let whole = whole.filter(|&whole| whole > 0);
        let percent = part
            .zip(whole)
            .map(|(part, whole)| u128::from(part) * 100 / u128::from(whole));
        percent.map_or(String::new(), |percent| format!(" ({percent} %)"))
    };
    let physical = figure("physical");
    line("Physical memory:", shown("physical"));
    for (label, name) in [
        ("Available:", "available"),
        ("Modified:", "modified"),
        ("Locked by drivers:", "mdl_pages"),
        ("Nonpaged pool:", "nonpaged_pool"),
        ("Paged pool:", "paged_pool"),
    ] {
        line(label, shown(name) + &share(figure(name), physical));
    }
    let limit = figure("commit_limit");
    line("Commit limit:", shown("commit_limit"));
    for (label, name) in [("Committed:", "committed"), ("Peak:", "committed_peak")] {
        line(label, shown(name) + &share(figure(name), limit));
    }
    for file in &memory.page_files {
        let used = file.size_pages.0.saturating_sub(file.free_pages.0);
        let text = format!(
            "{} of {} used{}, at most {}: {}",
            pages(used),
            pages(file.size_pages.0),
            share(Some(used), Some(file.size_pages.0)),
            pages(file.maximum_pages.0),
            file.name
        );
        line("Page file:", text);
    }
    if let Some(balloon) = &memory.balloon {
        line("Balloon:", balloon.explanation.clone());
    }
    lines.extend(failures(memory));
    lines.extend(by_commit(memory).into_iter().take(SHORT + 2));
    lines.extend(by_tag(memory.pool_tags.iter().take(SHORT)));
    lines.push(String::new());
    lines.extend(conspicuous(report));
    lines.extend(failed_checks(memory));
    lines
}

/// Lines of what failed, where something did.
fn failures(memory: &Memory) -> impl Iterator<Item = String> {
    let names = ["failed_commit_charges", "page_hash_errors"];
    names.into_iter().filter_map(|name| {
        let counter = memory.counters.get(name)?;
        counter.pages.filter(|count| count.0 > 0)?;
        counted(name, counter)
    })
}

/// Titles of the findings on memory.
fn conspicuous(report: &Report) -> impl Iterator<Item = String> {
    let words = ["memory", "commit", "page-file", "holds-most"];
    let about = move |id: &str| words.iter().any(|word| id.contains(word));
    let found = report.findings.iter().filter(move |found| about(found.id));
    found.map(|found| found.title.clone())
}

/// Pool tags under a heading.
pub(super) fn by_tag<'a>(tags: impl Iterator<Item = &'a PoolTag>) -> Vec<String> {
    let mut lines = Vec::new();
    lines.extend(tags.map(|tag| {
        let owner = tag.owner.as_deref().unwrap_or("UNKNOWN");
        format!(
            "{:<6}{:>16}{:>16}  {owner}",
            tag.tag, tag.nonpaged_bytes.0, tag.paged_bytes.0
        )
    }));
    if !lines.is_empty() {
        let heading = format!(
            "{:<6}{:>16}{:>16}  Owner",
            "Tag", "NonPaged bytes", "Paged bytes"
        );
        lines.splice(0..0, [String::new(), heading]);
    }
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
