//! Memory: counters, page files, processes, pool tags, devices.

use super::{Block, Column, Detail, Facts, Table, code, confidence, gap, number, words};
use crate::model::{BalloonState, Counter, Memory, PoolTag, Process, Report};
use crate::order;
use crate::report::format::{bytes, count, pages};
use alloc::{format, string::String, vec, vec::Vec};

/// Counters in the order in which the debugger's `!vm` prints them, each with its name there.
/// Counters that are not listed follow by name.
pub(crate) const COUNTERS: [(&str, &str); 50] = [
    ("physical", "Physical Memory"),
    ("available", "Available Pages"),
    ("zeroed", "Zeroed Pages"),
    ("free", "Free Pages"),
    ("standby", "Standby Pages"),
    ("standby_0", "Standby Priority 0"),
    ("standby_1", "Standby Priority 1"),
    ("standby_2", "Standby Priority 2"),
    ("standby_3", "Standby Priority 3"),
    ("standby_4", "Standby Priority 4"),
    ("standby_5", "Standby Priority 5"),
    ("standby_6", "Standby Priority 6"),
    ("standby_7", "Standby Priority 7"),
    ("resident_available", "ResAvail Pages"),
    ("locked_io", "Locked IO Pages"),
    ("free_system_ptes", "Free System PTEs"),
    ("modified", "Modified Pages"),
    ("modified_page_file", "Modified PF Pages"),
    ("modified_no_write", "Modified No Write Pages"),
    ("transition", "Transition Pages"),
    ("bad_pages", "Bad Pages"),
    ("nonpaged_pool", "NonPagedPool Usage"),
    ("nonpaged_pool_maximum", "NonPagedPool Max"),
    ("paged_pool", "PagedPool Usage"),
    ("paged_pool_maximum", "PagedPool Maximum"),
    ("session_commit", "Session Commit"),
    ("shared_commit", "Shared Commit"),
    ("kernel_stacks", "Kernel Stacks"),
    ("mdl_pages", "Pages For MDLs"),
    ("contiguous", "ContigMem Pages"),
    ("physical_vads", "Pages For AWE"),
    ("large_pages", "Large Pages"),
    ("process_locked", "ProcessLockedFilePages"),
    ("slab_allocator", "SlabAllocatorPages"),
    ("nonpaged_pool_commit", "NonPagedPool Commit"),
    ("paged_pool_commit", "PagedPool Commit"),
    ("driver_commit", "Driver Commit"),
    ("boot_commit", "Boot Commit"),
    ("page_frame_database", "PFN Array Commit"),
    ("page_tables", "System PageTables"),
    ("process_commit", "Process Commit"),
    ("page_file_hash", "Pagefile Hash Pages"),
    ("total_private", "Total Private"),
    ("committed", "Committed pages"),
    ("committed_peak", "Committed peak"),
    ("commit_limit", "Commit limit"),
    ("commit_limit_maximum", "Commit limit maximum"),
    ("paging_files", "Paging files"),
    ("failed_commit_charges", "Failed commit charges"),
    ("page_hash_errors", "Page hash errors"),
];

/// Whether a counter counts something else than pages, so that it has no size.
pub(crate) fn is_count(name: &str) -> bool {
    matches!(
        name,
        "paging_files" | "failed_commit_charges" | "page_hash_errors"
    )
}

/// The counters of a report in that order.
pub(crate) fn counters_in_order(memory: &Memory) -> Vec<(&'static str, &Counter)> {
    let place = |name: &str| COUNTERS.iter().position(|&(known, _)| known == name);
    // The map is in the order of the names already, which decides among those without a place.
    let known: Vec<_> = memory.counters.iter().map(|(&n, c)| (n, c)).collect();
    order::by_key(known, |&(name, _)| {
        (place(name).unwrap_or(COUNTERS.len()) as u64, 0)
    })
}

/// What is known of the machine's memory.
pub(super) fn memory(report: &Report, detail: Detail, blocks: &mut Vec<Block>) {
    let Some(memory) = &report.memory else {
        return;
    };
    blocks.push(Block::Heading("Memory".into()));
    let mut facts = Facts::default();
    facts.text("Installed", memory.installed_bytes.map(|b| bytes(b.0)));
    facts.add_to(blocks);
    balloon(memory, blocks);
    counters(memory, blocks);
    page_files(memory, blocks);
    processes(memory, detail, blocks);
    pool_tags(memory, detail, blocks);
    devices(memory, blocks);
    if detail == Detail::Full {
        runs(memory, blocks);
    }
    let failed = memory.checks.iter().filter(|check| !check.holds);
    let mut items: Vec<String> = failed
        .map(|check| format!("The figures do not agree: {}", check.text))
        .collect();
    items.extend(memory.limits.iter().cloned());
    if !items.is_empty() {
        blocks.push(Block::Items(items));
    }
}

/// What the hypervisor had taken back, in a few lines.
fn balloon(memory: &Memory, blocks: &mut Vec<Block>) {
    let Some(balloon) = &memory.balloon else {
        return;
    };
    let size = |value: Option<crate::model::Hex>| value.map(|v| pages(v.0));
    let mut facts = Facts::default();
    facts
        .text(
            "Balloon",
            Some(format!(
                "{} ({}, {})",
                balloon_state(balloon.state),
                balloon.driver,
                confidence(balloon.confidence)
            )),
        )
        .text(
            "Dynamic Memory by the host's word",
            balloon.host_setting.map(|on| if on { "on" } else { "off" }),
        )
        .text("Locked by drivers", size(balloon.locked_pages))
        .text("Usable", size(balloon.usable_pages))
        .text(
            "Not accounted for, by arithmetic",
            size(balloon.not_accounted_pages),
        )
        .text("Added since start", size(balloon.hot_added_pages));
    facts.add_to(blocks);
    blocks.push(Block::Paragraph(balloon.explanation.clone()));
}

fn balloon_state(state: BalloonState) -> &'static str {
    match state {
        BalloonState::Off => "off",
        BalloonState::Idle => "idle",
        BalloonState::InUse => "in use, which is normal",
        BalloonState::NotGivingBack => "not giving memory back",
        BalloonState::Unable => "cannot work",
        BalloonState::Unknown => "cannot be told",
    }
}

fn counters(memory: &Memory, blocks: &mut Vec<Block>) {
    let rows = counters_in_order(memory)
        .into_iter()
        .map(|(name, counter)| {
            let (figure, size) = match (counter.pages, counter.gap) {
                (Some(value), _) if is_count(name) => (count(value.0), String::new()),
                (Some(value), _) => (count(value.0), pages(value.0)),
                (None, Some(why)) => (String::new(), format!("({})", gap(why))),
                (None, None) => (String::new(), String::new()),
            };
            vec![
                counter_name(name),
                figure,
                size,
                counter
                    .pages
                    .map_or("", |_| confidence(counter.confidence))
                    .into(),
                counter.source.clone(),
            ]
        });
    Table {
        columns: vec![
            words("Counter"),
            number("Pages"),
            number("Size"),
            words("Sure"),
            words("Read from"),
        ],
        rows: rows.collect(),
    }
    .add_to(blocks);
}

/// A counter's name in words: `commit_limit` is `Commit limit`.
pub(crate) fn counter_name(name: &str) -> String {
    let mut text = name.replace('_', " ");
    if let Some(first) = text.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    text
}

fn page_files(memory: &Memory, blocks: &mut Vec<Block>) {
    let rows = memory.page_files.iter().map(|file| {
        vec![
            file.name.clone(),
            file.kind.into(),
            pages(file.size_pages.0),
            pages(file.free_pages.0),
            file.peak_pages
                .map_or_else(String::new, |peak| pages(peak.0)),
            pages(file.minimum_pages.0),
            pages(file.maximum_pages.0),
        ]
    });
    Table {
        columns: vec![
            code("Page file"),
            words("Kind"),
            number("Size"),
            number("Free"),
            number("Peak"),
            number("Smallest"),
            number("Largest"),
        ],
        rows: rows.collect(),
    }
    .add_to(blocks);
}

fn processes(memory: &Memory, detail: Detail, blocks: &mut Vec<Block>) {
    let weight = |process: &Process| process.commit_pages.or(process.private_pages);
    let heaviest = order::by_key(memory.processes.iter().collect(), |process: &&Process| {
        (
            weight(process).map_or(u64::MAX, |pages| u64::MAX - 1 - pages.0),
            0,
        )
    });
    let shown = heaviest.len().min(detail.heaviest());
    if shown < heaviest.len() {
        blocks.push(Block::Paragraph(format!(
            "The {shown} processes of {} that commit most:",
            heaviest.len()
        )));
    }
    let size = |value: Option<crate::model::Hex>| value.map_or(String::new(), |v| pages(v.0));
    let rows = heaviest.into_iter().take(shown).map(|process| {
        let name = process.name_text();
        let ended = match &process.exited {
            Some(time) => format!("{name} (ended {time})"),
            None => name.into(),
        };
        vec![
            process.pid_text(),
            ended,
            process
                .parent_pid
                .map_or(String::new(), |pid| format!("{pid}")),
            process.session.map_or(String::new(), |n| format!("{n}")),
            size(process.commit_pages),
            size(process.private_pages),
            size(process.working_set_pages),
        ]
    });
    Table {
        columns: PROCESS_COLUMNS.into(),
        rows: rows.collect(),
    }
    .add_to(blocks);
}

const PROCESS_COLUMNS: [Column; 7] = [
    number("Id"),
    code("Process"),
    number("Parent"),
    number("Session"),
    number("Commit"),
    number("Private"),
    number("Working set"),
];

fn pool_tags(memory: &Memory, detail: Detail, blocks: &mut Vec<Block>) {
    let tags = order::by_key(memory.pool_tags.iter().collect(), |tag: &&PoolTag| {
        (
            u64::MAX - tag.paged_bytes.0.saturating_add(tag.nonpaged_bytes.0),
            0,
        )
    });
    let rows = tags.into_iter().take(detail.heaviest()).map(|tag| {
        vec![
            tag.tag.clone(),
            bytes(tag.nonpaged_bytes.0),
            bytes(tag.paged_bytes.0),
            tag.owner.clone().unwrap_or_default(),
        ]
    });
    Table {
        columns: vec![
            code("Pool tag"),
            number("Nonpaged"),
            number("Paged"),
            words("Whose"),
        ],
        rows: rows.collect(),
    }
    .add_to(blocks);
}

fn devices(memory: &Memory, blocks: &mut Vec<Block>) {
    let rows = memory.devices.iter().map(|device| {
        let size = if device.bytes.0 == 0 {
            "empty".into()
        } else {
            bytes(device.bytes.0)
        };
        vec![
            device.locator.clone(),
            size,
            device.kind.unwrap_or_default().into(),
            device
                .speed
                .map_or(String::new(), |speed| format!("{speed} MT/s")),
            device.manufacturer.clone().unwrap_or_default(),
            device.part.clone().unwrap_or_default(),
        ]
    });
    Table {
        columns: vec![
            words("Memory device"),
            number("Size"),
            words("Type"),
            words("Speed"),
            words("Maker"),
            code("Part"),
        ],
        rows: rows.collect(),
    }
    .add_to(blocks);
}

fn runs(memory: &Memory, blocks: &mut Vec<Block>) {
    let rows = memory.physical_runs.iter().map(|run| {
        vec![
            format!("{:#x}", run.base_page.0),
            count(run.pages.0),
            pages(run.pages.0),
            run.stored.map_or(String::new(), |stored| pages(stored.0)),
            if run.added { "added later" } else { "" }.into(),
        ]
    });
    Table {
        columns: vec![
            code("First page"),
            number("Pages"),
            number("Size"),
            number("In the file"),
            words("Remark"),
        ],
        rows: rows.collect(),
    }
    .add_to(blocks);
}
