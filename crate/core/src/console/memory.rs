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

/// Counters in the order in which a debugger of today prints them, whatever Windows is in the dump.
/// Source: outputs of `!vm` that people published, of Windows 7 to 11.
const VM: [&str; 29] = [
    "physical",
    "available",
    "resident_available",
    "locked_io",
    "free_system_ptes",
    "modified",
    "modified_page_file",
    "modified_no_write",
    "nonpaged_pool",
    "nonpaged_pool_maximum",
    "paged_pool",
    "paged_pool_maximum",
    "session_commit",
    "shared_commit",
    "kernel_stacks",
    "mdl_pages",
    "contiguous",
    "physical_vads",
    "nonpaged_pool_commit",
    "paged_pool_commit",
    "driver_commit",
    "boot_commit",
    "page_frame_database",
    "slab_allocator",
    "page_tables",
    "process_locked",
    "page_file_hash",
    "committed",
    "commit_limit",
];
/// How far a line reaches to the end of its pages.
const COLUMN: usize = 33;

/// What the debugger calls a counter.
fn label(name: &str) -> String {
    let known = COUNTERS.iter().find(|&&(known, _)| known == name);
    known.map_or_else(|| counter_name(name), |&(_, label)| label.into())
}

/// A label, and a number that ends where all do.
fn number(label: &str, number: u64) -> String {
    let room = COLUMN.saturating_sub(label.len() + 2);
    format!("{label}: {number:>room$}")
}

/// A line as the debugger prints it: pages end in one column, KiB in another.
fn line(label: &str, pages: u64) -> String {
    let kb = pages.saturating_mul(KB);
    format!("{} ({kb:>11} Kb)", number(label, pages))
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
    for name in VM {
        if name == "committed" {
            let private = total_private(report, memory);
            lines.extend(private.map(|pages| line("Total Private", pages)));
        }
        if let Some(counter) = memory.counters.get(name) {
            lines.extend(counted(name, counter, &mut blanks));
        }
        lines.extend(excess(memory, name));
    }
    lines.extend(failures(memory));
    let more = counters_in_order(memory).into_iter();
    let more = more.filter(|(name, _)| !VM.contains(name));
    let more: Vec<String> = more
        .filter_map(|(name, counter)| counted(name, counter, &mut blanks))
        .collect();
    if !more.is_empty() {
        lines.extend([String::new(), "Not among what a debugger prints:".into()]);
        lines.extend(more);
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

/// What all processes committed, where each of them is known.
fn total_private(report: &Report, memory: &Memory) -> Option<u64> {
    let partial = report
        .notes
        .iter()
        .any(|note| note.code.starts_with("process"));
    let mut commits = memory.processes.iter().map(|process| process.commit_pages);
    let sum = commits.try_fold(0_u64, |sum, pages| Some(sum.saturating_add(pages?.0)));
    sum.filter(|&sum| sum > 0 && !partial)
}

/// The debugger's warning behind a pool that is used to more than four fifths.
fn excess(memory: &Memory, name: &str) -> Option<String> {
    let (used, word) = match name {
        "nonpaged_pool_maximum" => ("nonpaged_pool", "NonPaged"),
        "paged_pool_maximum" => ("paged_pool", "Paged"),
        _ => return None,
    };
    let pages = |name: &str| Some(u128::from(memory.counters.get(name)?.pages?.0));
    (pages(used)? * 5 > pages(name)? * 4)
        .then(|| format!("********** Excessive {word} Pool Usage *****"))
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

/// The line of a counter. One that is missing goes to the `blanks`.
fn counted(name: &str, counter: &Counter, blanks: &mut Blanks) -> Option<String> {
    let label = label(name);
    let Some(pages) = counter.pages else {
        blanks.add(label, counter.gap);
        return None;
    };
    let mut text = match is_count(name) {
        true => number(&label, pages.0),
        false => line(&label, pages.0),
    };
    if counter.confidence == Confidence::Possible {
        text += "  (doubtful)";
    }
    Some(text)
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
    let mut blanks = Blanks::default();
    let mut line = |label: &str, text: String| lines.push(format!("{label:<20}{text}"));
    let share = |part: u64, whole: Option<u64>| {
        let whole = whole.filter(|&whole| whole > 0);
        let percent = whole.map(|whole| u128::from(part) * 100 / u128::from(whole));
        percent.map_or(String::new(), |percent| format!(" ({percent} %)"))
    };
    let (physical, limit) = (figure("physical"), figure("commit_limit"));
    for (label, name, whole) in [
        ("Physical memory", "physical", None),
        ("Available", "available", physical),
        ("Modified", "modified", physical),
        ("Locked by drivers", "mdl_pages", physical),
        ("Nonpaged pool", "nonpaged_pool", physical),
        ("Paged pool", "paged_pool", physical),
        ("Commit limit", "commit_limit", None),
        ("Committed", "committed", limit),
        ("Peak", "committed_peak", limit),
    ] {
        match figure(name) {
            Some(found) => line(&format!("{label}:"), pages(found) + &share(found, whole)),
            None => {
                let why = memory.counters.get(name).and_then(|counter| counter.gap);
                blanks.add(label.into(), why.or(Some(Gap::NotRecorded)));
            }
        }
    }
    if limit.is_none()
        && let Some(most) = figure("commit_limit_maximum")
    {
        line("Limit at most:", pages(most));
    }
    for file in &memory.page_files {
        let used = file.size_pages.0.saturating_sub(file.free_pages.0);
        let text = format!(
            "{} of {} used{}, at most {}: {}",
            pages(used),
            pages(file.size_pages.0),
            share(used, Some(file.size_pages.0)),
            pages(file.maximum_pages.0),
            file.name
        );
        // Only page files count towards the commit limit.
        let what = match file.kind {
            "swap file" => "Swap file:",
            "compression store" => "Compressed:",
            _ => "Page file:",
        };
        line(what, text);
    }
    if let Some(balloon) = &memory.balloon {
        line("Balloon:", balloon.explanation.clone());
    }
    lines.extend(failures(memory));
    lines.extend(by_commit(memory).into_iter().take(SHORT + 3));
    lines.extend(by_tag(memory.pool_tags.iter().take(SHORT)));
    lines.push(String::new());
    lines.extend(conspicuous(report));
    lines.extend(failed_checks(memory));
    lines.extend(blanks.lines());
    lines
}

/// Lines of what failed, where something did: the debugger puts them between stars.
fn failures(memory: &Memory) -> impl Iterator<Item = String> {
    let words = [
        ("failed_commit_charges", "commit requests have failed"),
        ("page_hash_errors", "page file pages came back changed"),
    ];
    let line = |(name, words)| {
        let count = memory.counters.get(name)?.pages?.0;
        (count > 0).then(|| format!("********** {count} {words}  **********"))
    };
    let lines = words.into_iter().filter_map(line);
    lines.flat_map(|line| [String::new(), line])
}

/// Titles of the findings on memory.
fn conspicuous(report: &Report) -> impl Iterator<Item = String> {
    let words = ["memory", "commit", "page-file", "holds-most", "pool-large"];
    let about = move |id: &str| words.iter().any(|word| id.contains(word));
    let found = report.findings.iter().filter(move |found| about(found.id));
    found.map(|found| found.title.clone())
}

/// Pool tags under a heading.
pub(super) fn by_tag<'a>(tags: impl Iterator<Item = &'a PoolTag>) -> Vec<String> {
    let mut lines = Vec::new();
    lines.extend(tags.map(|tag| {
        let owner = tag.owner.as_deref().unwrap_or("UNKNOWN");
        let count = |count: Option<crate::model::Hex>| {
            count.map_or_else(|| "?".into(), |count| format!("{}", count.0))
        };
        let [nonpaged, paged] = [tag.nonpaged_allocations, tag.paged_allocations].map(count);
        format!(
            " {:<4}{nonpaged:>11}{:>13}{paged:>11}{:>13}  {owner}",
            tag.tag, tag.nonpaged_bytes.0, tag.paged_bytes.0
        )
    }));
    if !lines.is_empty() {
        let heading = [
            String::new(),
            format!("{:>29}{:>24}", "NonPaged", "Paged"),
            format!(
                " {:<4}{:>11}{:>13}{:>11}{:>13}  Owner",
                "Tag", "Allocs", "Used", "Allocs", "Used"
            ),
        ];
        lines.splice(0..0, heading);
    }
    lines
}

fn page_file(file: &PageFile) -> [String; 3] {
    let kb = |pages: crate::model::Hex| pages.0.saturating_mul(KB);
    let name = match file.kind {
        // It has no name, and the debugger says so.
        "compression store" => file.name.clone(),
        _ => format!("Page File: {}", file.name),
    };
    [
        name,
        format!(
            "  Current:{:>10} Kb  Free Space:{:>10} Kb",
            kb(file.size_pages),
            kb(file.free_pages)
        ),
        format!(
            "  Minimum:{:>10} Kb  Maximum:{:>13} Kb",
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
        lines.push("  Pid ImageName                        Commit".into());
        lines.push(String::new());
    }
    lines.extend(processes.into_iter().map(|process| {
        let kb = process.commit_pages.map_or(0, |p| p.0.saturating_mul(KB));
        let pid = process
            .pid
            .map_or_else(|| "?".into(), |pid| format!("{pid:x}"));
        format!("{pid:>5} {:<25}{kb:>11} Kb", process.name_text())
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
                "SessionId: {}  Cid: {}  ParentCid: {}  Image: {}{ended}",
                number(process.session),
                super::process::hex(process.pid),
                number(process.parent_pid),
                process.name_text()
            )
        })
        .collect()
}
