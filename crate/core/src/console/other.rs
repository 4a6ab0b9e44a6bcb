//! `.effmach`, `.dumpdebug`, `.thread`: what the debugger says of its target and of itself.

use super::Live;
use crate::model::Report;
use crate::report::format::address;
use alloc::{format, string::String, vec::Vec};

/// The kind of processor whose registers are shown.
pub(super) fn machine(_: &[&str], report: &Report) -> Vec<String> {
    let kind = report
        .system
        .as_ref()
        .and_then(|system| system.architecture);
    match kind {
        Some("x64") => Vec::from(["Effective machine: x64 (AMD64)".into()]),
        Some("x86") => Vec::from(["Effective machine: x86 compatible (x86)".into()]),
        Some("ARM64") => Vec::from(["Effective machine: ARM 64-bit (AArch64) (ARM64)".into()]),
        Some(other) => Vec::from([format!("Effective machine: {other}")]),
        None => super::absent("The kind of processor"),
    }
}

/// The header of the dump, field by field.
pub(super) fn header(_: &[&str], report: &Report) -> Vec<String> {
    let Some(header) = &report.header else {
        return super::absent("The header of the dump");
    };
    let mut lines = Vec::from([
        format!("----- {}", report.file.kind_label),
        String::new(),
        format!("{}:", header.structure),
    ]);
    let width = header.fields.iter().map(|field| field.name.len()).max();
    let width = width.unwrap_or(0);
    for field in &header.fields {
        let value = field.value.as_deref().unwrap_or("(not filled in)");
        let value = number_of(value).unwrap_or_else(|| value.into());
        let meaning = field.meaning.as_ref();
        let meaning = meaning.map_or(String::new(), |meaning| format!("  {meaning}"));
        lines.push(format!("{:<width$} {value}{meaning}", field.name));
    }
    if !report.secondary_data.is_empty() {
        lines.push(String::new());
        lines.push("Secondary data:".into());
        lines.extend(report.secondary_data.iter().map(|blob| {
            let label = blob.label.unwrap_or("not known");
            format!(
                "{{{}}} at 0x{:x}, 0x{:x} bytes: {label}",
                blob.guid, blob.offset.0, blob.size
            )
        }));
    }
    lines
}

/// A number with as many digits as the debugger gives it; nothing for other text.
fn number_of(text: &str) -> Option<String> {
    let number = super::number(text).filter(|_| text.starts_with("0x") || text.len() == 16)?;
    Some(address(number, text.len() == 16 || number >> 32 != 0))
}

/// The thread that was running.
pub(super) fn thread(words: &[&str], live: &Live<'_>) -> Vec<String> {
    if !words.is_empty() {
        return Vec::from([
            "The console keeps no thread: !thread ADDRESS shows one with its stack, !process ADDRESS one's process."
                .into(),
        ]);
    }
    let stack = live.report.stack.as_ref();
    match stack.and_then(|stack| stack.thread) {
        Some(at) => Vec::from([format!("Implicit thread is now {}", live.address(at.0))]),
        None => super::absent("The thread that was running"),
    }
}
