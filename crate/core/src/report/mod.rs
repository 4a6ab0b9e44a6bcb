//! The report: the one shape in which everything that was found leaves the core, for the page,
//! the command line and other people's programs.
//!
//! The published schema is `docs/report.schema.json`, its version [`SCHEMA`]. Its rules are those
//! of rust-minidump's: assume that every field is optional; integers that may need more than
//! 32 bits are strings `"0x…"`, because JSON readers lose the low bits of large numbers; closed
//! lists grow only with the version.

pub mod model;

pub use model::{Report, SCHEMA};
