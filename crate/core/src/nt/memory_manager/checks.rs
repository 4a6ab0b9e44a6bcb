//! Arithmetic that the figures of a healthy memory manager obey.
//!
//! Source: outputs of `!vm` that people published, of Windows 2000 to 11. The commit limit is
//! physical memory and page files exactly in the newer ones, a little less in 32-bit ones; swap
//! file and compression store do not count.

use super::page_files;
use crate::model::{Check, Confidence, Memory};

/// One rule: what it says, the figures that are doubtful when it fails, and whether it holds;
/// `None` while a figure is missing.
type Rule = (
    &'static str,
    &'static [&'static str],
    fn(&Memory) -> Option<bool>,
);

fn pages(memory: &Memory, name: &str) -> Option<u64> {
    Some(memory.counters.get(name)?.pages?.0)
}

fn at_most(memory: &Memory, small: &str, large: &str) -> Option<bool> {
    Some(pages(memory, small)? <= pages(memory, large)?)
}

/// Sums what is known of `names`; `None` when the first is not.
fn sum(memory: &Memory, names: &[&str]) -> Option<u64> {
    pages(memory, names.first()?)?;
    let known = names.iter().filter_map(|name| pages(memory, name));
    known.reduce(u64::saturating_add)
}

const RULES: &[Rule] = &[
    (
        "Available memory is a part of physical memory.",
        &["available"],
        |m| at_most(m, "available", "physical"),
    ),
    (
        "Available and modified pages and nonpaged pool fit into physical memory.",
        &[
            "available",
            "modified",
            "modified_no_write",
            "nonpaged_pool",
        ],
        |m| {
            let parts = [
                "available",
                "modified",
                "modified_no_write",
                "nonpaged_pool",
            ];
            Some(sum(m, &parts)? <= pages(m, "physical")?)
        },
    ),
    (
        "Zeroed, free and standby pages make up available memory.",
        &["zeroed", "free", "standby"],
        |m| {
            pages(m, "free")?;
            pages(m, "standby")?;
            let available = pages(m, "available")?;
            let parts = sum(m, &["zeroed", "free", "standby"])?;
            Some(parts.abs_diff(available) <= (available / 50).max(0x400))
        },
    ),
    (
        "Committed memory is at most the commit limit.",
        &["committed", "commit_limit"],
        |m| at_most(m, "committed", "commit_limit"),
    ),
    (
        "Committed memory is at most its peak.",
        &["committed_peak"],
        |m| at_most(m, "committed", "committed_peak"),
    ),
    (
        "The commit limit is physical memory and the page files, less a little that Windows keeps.",
        &["commit_limit"],
        limit,
    ),
    (
        "What is committed for shared memory, drivers, processes and pools is part of what is committed.",
        &[],
        |m| {
            let parts = [
                "shared_commit",
                "driver_commit",
                "nonpaged_pool",
                "paged_pool",
            ];
            Some(sum(m, &parts)? <= pages(m, "committed")?)
        },
    ),
    (
        "Nonpaged pool is within its limit.",
        &["nonpaged_pool", "nonpaged_pool_maximum"],
        |m| at_most(m, "nonpaged_pool", "nonpaged_pool_maximum"),
    ),
    (
        "Paged pool is within its limit.",
        &["paged_pool", "paged_pool_maximum"],
        |m| at_most(m, "paged_pool", "paged_pool_maximum"),
    ),
    (
        "Pages locked by drivers are part of physical memory.",
        &["mdl_pages"],
        |m| at_most(m, "mdl_pages", "physical"),
    ),
    (
        "Every page file has at most its largest size, and no more free pages than its size.",
        &[],
        |m| {
            let files = m.page_files.iter();
            let mut orders = files.map(|file| {
                file.free_pages <= file.size_pages && file.size_pages <= file.maximum_pages
            });
            (!m.page_files.is_empty()).then(|| orders.all(|holds| holds))
        },
    ),
];

fn limit(memory: &Memory) -> Option<bool> {
    if memory.page_files.is_empty() {
        return None;
    }
    let (physical, limit) = (pages(memory, "physical")?, pages(memory, "commit_limit")?);
    let whole = physical.saturating_add(page_files::capacity(&memory.page_files).0);
    // Up to 28 % of 64 MiB were kept in Windows 2000; 0.1 % of 3 GiB in Windows 7.
    let kept = (physical / 16).max(0x2000);
    Some(limit <= whole.saturating_add(physical / 100) && whole.saturating_sub(limit) <= kept)
}

/// Runs them all. Figures that break one are no more than possible from then on.
pub fn run(memory: &mut Memory) {
    for &(text, names, rule) in RULES {
        let Some(holds) = rule(memory) else {
            continue;
        };
        memory.checks.push(Check {
            text: text.into(),
            holds,
        });
        for name in names.iter().filter(|_| !holds) {
            if let Some(counter) = memory.counters.get_mut(name) {
                counter.confidence = Confidence::Possible;
            }
        }
    }
}
