//! What a dump with pages says of itself: whether its pages are all there, and what Windows
//! notes of the machine's memory where every process can read it.

use crate::container::Extent;
use crate::container::header::{product_name, suite_names};
use crate::model::{Check, Confidence, Counter, Hex, Kind, Memory, Note, Report, System};
use crate::nt::{PagedDump, SharedData};
use crate::time::{iso8601_from_filetime, seconds_from_ticks};
use alloc::format;

/// Adds to the report on the dump.
pub(super) fn compose(dump: &PagedDump, report: &mut Report) {
    let stored = dump.index.stored();
    let mut extent = Extent::new(&dump.header, Some(stored), None);
    // Of a count and a bitmap that differ the smaller one accuses nobody of having cut the file.
    extent.expected = Some(dump.index.ends().0);
    report.file.truncated |= extent.truncated();
    if extent.missing() > 0 {
        let text = format!(
            "The file ends {:#x} bytes before its last page: what stood there is missing. Copy it \
             again from where Windows wrote it.",
            extent.missing()
        );
        report.notes.push(Note::new("pages-cut", text));
    }
    if report.file.kind == Kind::KernelSummary {
        let text = "How a kernel dump from before Windows 8 keeps its pages was not verified on a \
                    real file: the layout rests on one public source and on the dump being \
                    consistent in itself.";
        report.notes.push(Note::new("layout-unverified", text));
    }
    if stored.list_cut {
        let text = "The list of stored pages is longer than its header: pages behind its end \
                    cannot be found.";
        report.notes.push(Note::new("page-list-cut", text));
    }
    if let Some(why) = dump.index.ended() {
        let text = format!("The list of stored pages was not read to its end: {why}.");
        report.notes.push(Note::new("page-list-cut", text));
    }
    if let Some(marked) = dump
        .index
        .marked()
        .filter(|&marked| marked != stored.present)
    {
        let text = format!(
            "The header counts {:#x} stored pages, the list of pages {marked:#x}: one of them is \
             wrong, so memory may be read from the wrong place.",
            stored.present
        );
        report.notes.push(Note::new("page-count", text));
    }
    if stored.mended {
        let text = "The numbers before the list of stored pages contradict each other. Those were \
                    taken that the file bears out, so memory may be read from the wrong place.";
        report.notes.push(Note::new("page-count", text));
    }
    let memory = dump.header.physical_memory.as_ref();
    if let Some(memory) = memory.filter(|memory| {
        let whole = memory.recorded as usize == memory.runs.len();
        report.file.kind == Kind::Full && whole && memory.total_pages != memory.pages()
    }) {
        let text = format!(
            "The header counts {:#x} pages, its runs {:#x}: one of them is wrong, so memory may be \
             missing or be read from the wrong place.",
            memory.total_pages,
            memory.pages()
        );
        report.notes.push(Note::new("page-count", text));
    }
    if let Some(shared) = &dump.ground.shared {
        compose_shared(shared, dump, report);
    }
}

fn compose_shared(shared: &SharedData, dump: &PagedDump, report: &mut Report) {
    if let (Some(said), Some(build)) = (shared.build, dump.header.minor_version)
        && said != build
    {
        let text = format!("The header says build {build}, Windows itself says {said}.");
        report.notes.push(Note::new("build-differs", text));
    }
    if let Some(system) = &mut report.system {
        complete(system, shared);
    }
    if let Some(memory) = &mut report.memory {
        physical(shared.physical_pages, memory);
    }
}

/// What the header leaves out.
fn complete(system: &mut System, shared: &SharedData) {
    let product = || shared.product_type.and_then(product_name);
    system.product = system.product.or_else(product);
    if let (true, Some(mask)) = (system.suite.is_empty(), shared.suite_mask) {
        system.suite = suite_names(mask);
    }
    if system.crash_time.is_none() {
        system.crash_time = shared.system_time.and_then(iso8601_from_filetime);
    }
    let uptime = system
        .uptime_seconds
        .or(shared.uptime.map(seconds_from_ticks));
    system.uptime_seconds = uptime;
    system.time_zone_bias_minutes = shared.time_zone_bias;
}

/// Pages of physical memory: the count of Windows itself wins over the runs of the header, which
/// in a dump with a bitmap are no more than advice.
fn physical(pages: Option<u32>, memory: &mut Memory) {
    let listed = memory.counters.get_mut("physical");
    let Some(pages) = pages else {
        if let Some(listed) = listed {
            listed.confidence = Confidence::Likely;
        }
        return;
    };
    let found = listed.and_then(|found| found.pages);
    // The count has 32 bits.
    let same = |Hex(listed): Hex| listed & 0xFFFF_FFFF == u64::from(pages);
    if let Some(listed) = found {
        memory.checks.push(Check {
            text: "The header lists as many pages of physical memory as Windows counted.".into(),
            holds: same(listed),
        });
    }
    if !found.is_some_and(same) {
        let counter = Counter {
            pages: Some(Hex(u64::from(pages))),
            source: "KUSER_SHARED_DATA.NumberOfPhysicalPages".into(),
            confidence: Confidence::Certain,
            gap: None,
        };
        memory.counters.insert("physical", counter);
    }
}
