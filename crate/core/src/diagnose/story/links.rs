//! The links that lead from the stop to the machine's memory.

use super::{Case, Failure};
use crate::knowledge::ntstatus;
use crate::model::{Confidence, Counter, Evidence, Hex, StoryLink};
use crate::platform::{counter_pages, page_files, size};
use alloc::{format, string::String, vec, vec::Vec};

/// Functions of the kernel that wait for a page to be read.
const WAITING: [&str; 3] = [
    "MiWaitForInPageComplete",
    "MiIssueHardFault",
    "MmAccessFault",
];

pub(super) fn link(
    text: impl Into<String>,
    confidence: Confidence,
    evidence: Vec<Evidence>,
) -> StoryLink {
    StoryLink {
        text: text.into(),
        confidence,
        evidence,
    }
}

/// A counter as evidence.
pub(super) fn counted(case: &Case<'_>, name: &str, words: &str) -> Option<Evidence> {
    let counters = &case.facts.memory?.counters;
    let pages = counter_pages(counters, name)?;
    let source = counters
        .get(name)
        .map_or("", |counter: &Counter| &counter.source);
    Some(Evidence::new(
        format!("{words}: {} ({pages} pages).", size(pages)),
        source,
    ))
}

/// What stopped, and what the dump says of the failed read.
pub(super) fn of_stop(case: &Case<'_>) -> Vec<StoryLink> {
    use Confidence::{Certain, Likely};
    let facts = case.facts;
    let code = facts.code_label();
    let mut links = Vec::new();
    let place = || {
        vec![Evidence::new(
            format!("The stop code is {code}."),
            "stop code parameters",
        )]
    };
    let text = match case.failure {
        Failure::Resources(status)
        | Failure::Disk(status)
        | Failure::Content(status)
        | Failure::Other(status) => {
            let name = ntstatus::name(status).map_or_else(|| format!("{status:#x}"), String::from);
            let virtual_disk = match facts.is_guest() {
                true => of_virtual_disk(status),
                false => "",
            };
            format!("A page could not be read back into memory: {name}. {virtual_disk}")
        }
        Failure::Changed => "A page came back from the page file different from what Windows had \
                             written there: its checksum was wrong."
            .into(),
        Failure::Unknown => "A page could not be read back into memory.".into(),
    };
    links.push(link(text.trim_end(), Certain, place()));
    if let Some(errors) = facts
        .memory
        .and_then(|memory| counter_pages(&memory.counters, "page_hash_errors"))
        .filter(|&errors| errors > 0)
    {
        let pages = if errors == 1 { "page" } else { "pages" };
        let text = format!(
            "Since it started, Windows had read {errors} {pages} back from its page file with \
             other contents than it had written there; it keeps checksums of them."
        );
        links.push(link(
            text,
            Certain,
            vec![Evidence::new(
                format!("Page-hash errors: {errors}."),
                "counter page_hash_errors",
            )],
        ));
    }
    let frames = facts
        .stack
        .map(|stack| stack.frames.as_slice())
        .unwrap_or_default();
    let waiting = frames.iter().find(|frame| {
        let symbol = frame.symbol.as_deref().unwrap_or_default();
        WAITING.contains(&symbol)
    });
    if let Some(frame) = waiting {
        let place = frame
            .stack_pointer
            .map_or_else(String::new, |Hex(at)| format!("stack {at:x}"));
        links.push(link(
            "The stack shows the same: the code that ran touched memory that had been moved out, \
             and waited for it to be read in.",
            Likely,
            vec![Evidence::new(
                format!(
                    "{} is on the stack.",
                    frame.symbol.as_deref().unwrap_or_default()
                ),
                place,
            )],
        ));
    }
    links
}

/// What a status means where the disk is a file on a host.
fn of_virtual_disk(status: u32) -> &'static str {
    match status {
        0xC000_009A | 0xC000_0017 | 0xC000_012D => {
            "That says that the guest ran out of memory for the request, not that the disk failed."
        }
        0xC000_009C | 0xC000_003E | 0xC000_016A | 0xC000_0015 | 0xC000_0483 => {
            "For a virtual disk that is a bad place in its file or on the host's disk."
        }
        0xC000_0185 | 0xC000_00B5 => {
            "For a virtual disk that is a request that was reset or timed out: the host's storage \
             stalled."
        }
        0xC000_000E | 0xC000_009D | 0xC000_00A3 | 0xC000_00C0 | 0xC000_026E | 0xC000_02B6 => {
            "For a virtual disk that is a disk that went away: the host lost the path to its \
             storage, or the disk was detached."
        }
        0xC000_003F | 0xC000_0032 | 0xC000_0102 | 0xC000_0470 => {
            "For a virtual disk that is content that differs from what was written."
        }
        _ => "",
    }
}

/// How short of memory the machine was.
pub(super) fn of_memory(case: &Case<'_>) -> Vec<StoryLink> {
    use Confidence::Certain;
    let p = &case.pressure;
    let mut links = Vec::new();
    links.extend(paging(case));
    let some = |name: &str, words: &str| counted(case, name, words);
    let shown = [
        some("available", "Available"),
        some("physical", "Physical memory"),
    ];
    let evidence: Vec<Evidence> = shown.into_iter().flatten().collect();
    let (available, physical) = (size(p.available), size(p.physical));
    if !p.low() {
        let text = format!("Memory was not short: {available} of {physical} were available.");
        links.push(link(text, Certain, evidence));
        return links;
    }
    let text = format!("Almost no memory was left: {available} of {physical} were available.");
    links.push(link(text, Certain, evidence));
    if let (Some(committed), true) = (p.committed, p.wanted()) {
        let mut text = format!(
            "More memory was wanted than there was: {} had been promised to programs and drivers \
             (committed)",
            size(committed)
        );
        if let Some(limit) = p.limit {
            text.push_str(&format!(", of at most {}", size(limit)));
        }
        let refused = p.failures.filter(|&failures| failures > 0);
        if let Some(failures) = refused {
            text.push_str(&format!(
                ", and {failures} requests for memory had been refused"
            ));
        }
        text.push('.');
        let shown = [
            some("committed", "Committed"),
            some("commit_limit", "Commit limit"),
        ];
        links.push(link(text, Certain, shown.into_iter().flatten().collect()));
    }
    links
}

/// How full the page files are.
fn paging(case: &Case<'_>) -> Option<StoryLink> {
    let memory = case.facts.memory?;
    let (used, all) = page_files(memory)?;
    case.pressure.paging.then(|| {
        let text = format!(
            "Windows had moved much memory out to disk: {} of {} of its page files were in use.",
            size(used),
            size(all)
        );
        let files = memory.page_files.iter();
        let own = files.filter(|file| file.kind == "page file");
        let evidence = own.map(|file| {
            let words = format!(
                "{}: {} free of {}.",
                file.name,
                size(file.free_pages.0),
                size(file.size_pages.0)
            );
            Evidence::new(words, "page files")
        });
        link(text, Confidence::Certain, evidence.collect())
    })
}
