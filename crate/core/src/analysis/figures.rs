//! The memory section of the report, as far as a dump without page tables can fill it.

use super::known::Known;
use crate::container::DumpHeader;
use crate::container::triage::MemoryFigures;
use crate::model::{Check, Confidence, Counter, Gap, Hex, Kind, Memory, PhysicalRun, Report};
use crate::platform;
use alloc::string::String;

/// Fills the memory section.
pub(super) fn compose(header: &DumpHeader, known: &Known, report: &mut Report) {
    let mut memory = known
        .secondary
        .as_ref()
        .map(|found| platform::memory(&found.platform))
        .unwrap_or_default();
    runs(header, &mut memory);
    if let Some(dump) = &known.minidump {
        match dump
            .pieces
            .memory_figures
            .as_ref()
            .filter(|figures| figures.recorded())
        {
            Some(figures) => counters(figures, &mut memory),
            None => not_recorded(&mut memory),
        }
    }
    if let Some(found) = &known.memory {
        super::counters::compose(found, known, &mut memory);
    }
    if let Some(pool) = &known.pool {
        memory.pool_tags.clone_from(&pool.tags);
        memory.limits.extend(pool.limits.iter().cloned());
    }
    if header.kind() == Kind::Triage {
        memory.limits.push(String::from(
            "A kernel or automatic dump of the next stop would also tell available memory, the \
             page files, pool usage by tag, memory that drivers have locked (a Hyper-V balloon \
             among it), and the memory of every process.",
        ));
    }
    report.memory = Some(memory);
}

/// The runs of physical memory that the header lists (seen filled from 26100 on in minidumps).
fn runs(header: &DumpHeader, memory: &mut Memory) {
    let Some(physical) = &header.physical_memory else {
        return;
    };
    memory.physical_runs = physical
        .runs
        .iter()
        .map(|run| PhysicalRun {
            base_page: Hex(run.base_page),
            pages: Hex(run.pages),
            ..PhysicalRun::default()
        })
        .collect();
    let counter = counter(physical.total_pages, "physical memory runs of the header");
    memory.counters.insert("physical", counter);
    memory.checks.push(Check {
        text: "The runs of physical memory add up to the number of pages.".into(),
        holds: physical.adds_up(),
    });
}

/// Pages of 4 KiB, as the memory-manager record of a minidump counts them. The limit there is the one
/// with the page files at their largest: in real dumps it is four times physical memory, where Windows
/// manages a page file that may grow to three times of it.
fn counters(figures: &MemoryFigures, memory: &mut Memory) {
    let place = "memory-manager record of the minidump";
    for (name, pages) in [
        ("committed", figures.committed),
        ("committed_peak", figures.committed_peak),
        ("commit_limit", 0),
        ("commit_limit_maximum", figures.commit_limit_maximum),
        ("nonpaged_pool", figures.allocated_nonpaged_pool),
        ("nonpaged_pool_maximum", figures.maximum_nonpaged_pool),
        ("paged_pool", figures.allocated_paged_pool),
        ("paged_pool_maximum", figures.maximum_paged_pool),
    ] {
        // A real dump of 9600 leaves the paged pool at 0, and no Windows runs without one.
        let figure = if pages == 0 {
            unrecorded()
        } else {
            counter(pages, place)
        };
        memory.counters.insert(name, figure);
    }
    memory.checks.push(Check {
        text:
            "Committed memory is at most its peak, and the peak at most what the limit can grow to."
                .into(),
        holds: figures.committed <= figures.committed_peak
            && figures.committed_peak <= figures.commit_limit_maximum,
    });
}

fn counter(pages: u64, source: &str) -> Counter {
    let confidence = Confidence::Certain;
    Counter {
        pages: Some(Hex(pages)),
        source: source.into(),
        confidence,
        gap: None,
    }
}

/// A field that Windows left empty.
fn unrecorded() -> Counter {
    Counter {
        pages: None,
        source: "memory-manager record of the minidump".into(),
        confidence: Confidence::Certain,
        gap: Some(Gap::NotRecorded),
    }
}

fn not_recorded(memory: &mut Memory) {
    for name in [
        "committed",
        "committed_peak",
        "commit_limit",
        "nonpaged_pool",
        "paged_pool",
    ] {
        memory.counters.insert(name, unrecorded());
    }
    memory.limits.push(String::from(
        "This minidump records no memory counters: Windows left their fields empty, as Windows 10 \
         and the first Windows 11 do when they write a minidump directly.",
    ));
}
