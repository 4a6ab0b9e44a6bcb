//! The file itself: its header field by field, what drivers added to it, what it cost to read.

use super::{Block, Detail, Table, code, gap, words};
use crate::model::Report;
use crate::report::format::{bytes, count};
use alloc::{format, string::String, vec, vec::Vec};

/// Header, secondary data and cost.
pub(super) fn file(report: &Report, detail: Detail, blocks: &mut Vec<Block>) {
    if detail == Detail::Full {
        header(report, blocks);
        secondary(report, blocks);
    }
    let stats = &report.stats;
    if stats.reads == 0 {
        return;
    }
    let elapsed = stats
        .elapsed_ms
        .map_or(String::new(), |ms| format!(", {} ms", (ms + 0.5) as u64));
    blocks.push(Block::Paragraph(format!(
        "Read {} of {} in {} read{}, {} round{}{elapsed}.",
        bytes(stats.bytes_read.0),
        bytes(report.file.size.0),
        count(stats.reads),
        if stats.reads == 1 { "" } else { "s" },
        count(stats.rounds),
        if stats.rounds == 1 { "" } else { "s" },
    )));
}

fn header(report: &Report, blocks: &mut Vec<Block>) {
    let Some(header) = &report.header else {
        return;
    };
    blocks.push(Block::Heading(format!("Header ({})", header.structure)));
    let rows = header.fields.iter().map(|field| {
        vec![
            format!("{:#x}", field.offset.0),
            field.name.into(),
            field
                .value
                .clone()
                .or_else(|| field.gap.map(|why| format!("({})", gap(why))))
                .unwrap_or_default(),
            field.meaning.clone().unwrap_or_default(),
        ]
    });
    Table {
        columns: vec![
            code("Offset"),
            code("Field"),
            code("Value"),
            words("Meaning"),
        ],
        rows: rows.collect(),
    }
    .add_to(blocks);
}

fn secondary(report: &Report, blocks: &mut Vec<Block>) {
    if report.secondary_data.is_empty() {
        return;
    }
    blocks.push(Block::Heading("Data that drivers added".into()));
    let rows = report.secondary_data.iter().map(|blob| {
        vec![
            blob.guid.clone(),
            blob.label.unwrap_or_default().into(),
            format!("{:#x}", blob.offset.0),
            bytes(u64::from(blob.size)),
        ]
    });
    Table {
        columns: vec![
            code("Identity"),
            words("Holds"),
            code("Offset"),
            code("Size"),
        ],
        rows: rows.collect(),
    }
    .add_to(blocks);
}
