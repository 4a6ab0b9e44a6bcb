//! Arithmetic that the figures of a healthy memory manager obey.
//!
//! Source: outputs of `!vm` that people published, of Windows 2000 to 11. The commit limit is
//! physical memory and page files exactly in the newer ones, a little less in 32-bit ones; swap
//! file and compression store do not count.

use super::page_files;
use crate::model::{Check, Confidence, Memory, PageFile};

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
    ("No page file holds more than its own peak.", &[], |m| {
        let held = |file: &PageFile| file.size_pages.0.saturating_sub(file.free_pages.0);
        let files = m.page_files.iter();
        let known = files.filter_map(|file| Some(held(file) <= file.peak_pages?.0));
        known.reduce(|all, holds| all && holds)
    }),
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

#[cfg(test)]
mod tests {
    extern crate std;

    use super::*;
    use crate::model::{Counter, Hex, PageFile};
    use alloc::{string::String, vec::Vec};

    /// Figure of a published output, and counter.
    const NAMES: &[(&str, &str)] = &[
        ("physical_pages", "physical"),
        ("available_pages", "available"),
        ("resavail_pages", "resident_available"),
        ("modified_pages", "modified"),
        ("modified_nowrite_pages", "modified_no_write"),
        ("npp_usage", "nonpaged_pool"),
        ("npp_max", "nonpaged_pool_maximum"),
        ("pp_usage", "paged_pool"),
        ("pp_max", "paged_pool_maximum"),
        ("shared_commit", "shared_commit"),
        ("driver_commit", "driver_commit"),
        ("pages_for_mdls", "mdl_pages"),
        ("committed_pages", "committed"),
        ("commit_limit", "commit_limit"),
    ];

    fn memory(case: &serde_json::Value) -> Memory {
        let mut memory = Memory::default();
        for &(name, counter) in NAMES {
            let pages = case[name].as_u64();
            let made = pages.map(|pages| Counter {
                pages: Some(Hex(pages)),
                confidence: Confidence::Certain,
                ..Counter::default()
            });
            memory.counters.extend(made.map(|made| (counter, made)));
        }
        let files = case["pagefiles"].as_array().cloned().unwrap_or_default();
        memory.page_files = files
            .iter()
            .map(|file| {
                let pages = |name: &str| Hex(file[name].as_u64().unwrap() / 4);
                let name: String = file["name"].as_str().unwrap().into();
                PageFile {
                    kind: page_files::kind(&name).unwrap(),
                    name,
                    size_pages: pages("current_kb"),
                    free_pages: pages("free_kb"),
                    peak_pages: None,
                    minimum_pages: pages("min_kb"),
                    maximum_pages: pages("max_kb"),
                }
            })
            .collect();
        memory
    }

    fn published() -> Vec<serde_json::Value> {
        let Some(path) = std::env::var_os("BLUEPANE_REFERENCE") else {
            std::println!("skipped: BLUEPANE_REFERENCE is not set");
            return Vec::new();
        };
        let path = std::path::Path::new(&path).join("vm_outputs.json");
        let text = std::fs::read_to_string(path).unwrap();
        let all: serde_json::Value = serde_json::from_str(&text).unwrap();
        all["cases"].as_array().unwrap().clone()
    }

    #[test]
    fn published_outputs_of_real_machines_pass_every_check() {
        for case in published() {
            let mut memory = memory(&case);
            run(&mut memory);
            let failed: Vec<_> = memory.checks.iter().filter(|check| !check.holds).collect();
            assert!(failed.is_empty(), "{}: {failed:?}", case["id"]);
            assert!(memory.checks.len() > 2, "{}", case["id"]);
        }
    }

    #[test]
    fn a_published_output_with_one_figure_changed_fails_and_says_which_is_doubtful() {
        for (name, factor, doubtful) in [
            ("commit_limit", 2, "commit_limit"),
            ("committed", 9, "committed"),
            ("available", 9, "available"),
            ("modified", 9_999, "modified"),
            ("nonpaged_pool", 99_999, "nonpaged_pool"),
        ] {
            for case in published().iter().take(2) {
                let mut memory = memory(case);
                let counter = memory.counters.get_mut(name).unwrap();
                let pages = counter.pages.unwrap().0;
                counter.pages = Some(Hex(pages * factor));
                run(&mut memory);
                assert!(memory.checks.iter().any(|check| !check.holds), "{name}");
                let sure = memory.counters[doubtful].confidence;
                assert_eq!(sure, Confidence::Possible, "{name}");
                let sure = memory.counters["physical"].confidence;
                assert_eq!(sure, Confidence::Certain, "{name}");
            }
        }
    }
}
