//! Loaded and unloaded modules, those that do not come with Windows first.

use super::{Block, Detail, Table, card::moment, code, is_wide, words};
use crate::model::{Module, Report};
use crate::report::format::address;
use crate::time::iso8601_from_unix;
use alloc::{format, string::String, vec, vec::Vec};

/// Loaded modules.
pub(super) fn modules(report: &Report, detail: Detail, blocks: &mut Vec<Block>) {
    if report.modules.is_empty() {
        return;
    }
    let (ours, theirs): (Vec<&Module>, Vec<&Module>) = report
        .modules
        .iter()
        .partition(|module| module.microsoft == Some(true));
    blocks.push(Block::Heading(format!(
        "Modules ({} loaded, {} not known to come with Windows)",
        report.modules.len(),
        theirs.len()
    )));
    let shown: Vec<&Module> = match detail {
        Detail::Ticket => theirs,
        Detail::Terminal | Detail::Full => theirs.into_iter().chain(ours).collect(),
    };
    let stopped = report.system.as_ref().and_then(|s| s.crash_time.as_deref());
    let row = |module| module_row(module, is_wide(report), detail, stopped);
    Table {
        columns: vec![
            code("Module"),
            code("Base"),
            // A terminal has no room for it; `lm` of the console prints it.
            code("End"),
            code("Version"),
            code("Built"),
            words("What it is"),
        ],
        rows: shown.into_iter().map(row).collect(),
    }
    .add_to(blocks);
    if detail == Detail::Full {
        symbol_files(report, blocks);
    }
}

fn module_row(module: &Module, wide: bool, detail: Detail, stopped: Option<&str>) -> Vec<String> {
    let end = module.base.0.saturating_add(u64::from(module.size));
    let end = match detail {
        Detail::Full => address(end, wide),
        Detail::Ticket | Detail::Terminal => String::new(),
    };
    let vendor = module.vendor.as_deref();
    let vendor = vendor.filter(|_| module.microsoft != Some(true));
    let about: Vec<&str> = [vendor, module.purpose.as_deref()]
        .into_iter()
        .flatten()
        .collect();
    vec![
        module.name.clone(),
        address(module.base.0, wide),
        end,
        module.version.clone().unwrap_or_default(),
        built(module, stopped),
        about.join(": "),
    ]
}

/// The day a module was linked, where its timestamp is a time. What lies after the stop is none.
fn built(module: &Module, stopped: Option<&str>) -> String {
    let Some(stamp) = module.timestamp.filter(|&stamp| stamp != 0) else {
        return String::new();
    };
    let iso = iso8601_from_unix(u64::from(stamp)).unwrap_or_default();
    let later = stopped.is_some_and(|stopped| iso.as_str() > stopped);
    if module.timestamp_is_hash == Some(true) || later {
        return format!("hash {stamp:08X}");
    }
    iso.get(..10).unwrap_or_default().into()
}

/// The exact symbol file for each module.
fn symbol_files(report: &Report, blocks: &mut Vec<Block>) {
    let lines: Vec<String> = report
        .modules
        .iter()
        .flat_map(|module| {
            [
                module.pdb.as_ref().map(|pdb| pdb.url.clone()),
                module.image_path.clone(),
            ]
        })
        .flatten()
        .collect();
    if !lines.is_empty() {
        blocks.push(Block::Heading("Files to ask a symbol store for".into()));
        blocks.push(Block::Lines(lines));
    }
}

/// Drivers that were unloaded before the stop.
pub(super) fn unloaded(report: &Report, detail: Detail, blocks: &mut Vec<Block>) {
    if report.unloaded_modules.is_empty() {
        return;
    }
    blocks.push(Block::Heading(format!(
        "Unloaded modules ({})",
        report.unloaded_modules.len()
    )));
    let wide = is_wide(report);
    let rows = report.unloaded_modules.iter().take(detail.heaviest());
    Table {
        columns: vec![code("Module"), code("Base"), code("End"), words("Unloaded")],
        rows: rows
            .map(|m| {
                vec![
                    m.name.clone(),
                    address(m.base.0, wide),
                    address(m.end.0, wide),
                    m.time.as_deref().map(moment).unwrap_or_default(),
                ]
            })
            .collect(),
    }
    .add_to(blocks);
}
