//! The commands a person types.

use crate::model::Report;
use alloc::{format, string::String};

/// What the console answers to `line`, from the report alone.
#[must_use]
pub fn run(line: &str, report: &Report) -> String {
    let _ = report;
    format!(
        "'{}' is not a command here.",
        crate::report::format::clean(line)
    )
}
