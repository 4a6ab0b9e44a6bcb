//! What the registry in memory said, as far as it tells the machine and how Windows was set up.

use super::{Block, Detail, Table, code, gap, words};
use crate::model::Report;
use alloc::{format, string::String, vec, vec::Vec};

/// Keys whose values stand in other sections already.
const ELSEWHERE: [&str; 4] = [
    "\\SystemInformation",
    "HARDWARE\\DESCRIPTION",
    "\\Services\\",
    "\\ComputerName",
];

/// Values by key, and hives and keys that could not be read with the reason.
pub(super) fn registry(report: &Report, detail: Detail, blocks: &mut Vec<Block>) {
    let Some(registry) = &report.registry else {
        return;
    };
    let everything = detail == Detail::Full;
    let shown = |key: &str| everything || !ELSEWHERE.iter().any(|part| key.contains(part));
    let values = registry.values.iter().filter(|value| shown(&value.key));
    let rows: Vec<Vec<String>> = values
        .map(|value| {
            let data = match (&value.data, value.gap) {
                (Some(data), _) => data.clone(),
                (None, Some(why)) => format!("({})", gap(why)),
                (None, None) => String::new(),
            };
            let key = value.key.strip_prefix("HKLM\\").unwrap_or(&value.key);
            vec![key.into(), value.name.clone(), data]
        })
        .collect();
    let missing = registry.hives.iter().filter_map(|hive| {
        let why = hive.gap?;
        Some(format!(
            "{}: its root cannot be read ({}).",
            hive.path,
            gap(why)
        ))
    });
    let missing: Vec<String> = missing.collect();
    if rows.is_empty() && missing.is_empty() {
        return;
    }
    blocks.push(Block::Heading("Registry".into()));
    Table {
        columns: vec![code("Key below HKLM"), code("Value"), words("Data")],
        rows,
    }
    .add_to(blocks);
    if !missing.is_empty() {
        blocks.push(Block::Items(missing));
    }
}
