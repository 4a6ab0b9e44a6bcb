//! The report: how everything that was found leaves the core, for the page, the command line and
//! other people's programs.
//!
//! Its data model is the room [`crate::model`], and its JSON is that model through serde. Here it
//! is rendered for people: [`text()`] for a terminal, [`markdown()`] for a ticket, [`html()`] as a
//! page of its own. All three draw the same [`document::Document`], which is built from the model
//! alone, so they cannot disagree and nothing is read from the dump again. [`redact()`] takes out
//! what names people and machines.
//!
//! Strings in a report come from a hostile file. Every renderer passes every string through
//! [`format::clean`] and then through the escaping of its own language; there is no other way out.

pub mod document;
pub mod format;
mod html;
mod markdown;
mod redact;
mod text;

pub use document::Detail;
pub use html::html;
pub use markdown::markdown;
pub use redact::{RedactionOptions, redact};
pub use text::text;

use crate::model::Report;
use alloc::string::String;

/// The report in one line: file, what happened, on which system. For lists of many dumps.
#[must_use]
pub fn summary_line(report: &Report) -> String {
    let mut parts: alloc::vec::Vec<String> = alloc::vec::Vec::new();
    if report.error.is_some() {
        parts.push(report.summary.clone());
    } else {
        parts.extend(report.bugcheck.as_ref().map(document::stop_name));
        if let Some(blame) = &report.blame {
            parts.push(blame.module.clone());
        }
        if let Some(system) = &report.system {
            parts.extend(system.os.clone());
            parts.extend(system.crash_time.clone());
        }
        if parts.is_empty() {
            parts.push(report.file.kind_label.clone());
        }
    }
    let line = alloc::format!("{}: {}", report.file.name, parts.join(", "));
    format::clean(&line)
}

#[cfg(test)]
pub(crate) mod tests;
