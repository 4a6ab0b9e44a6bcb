//! How values are written for people: addresses as the debugger writes them, sizes, spans of
//! time, and text that is safe to show.
//!
//! Sources: the debugger's habit of a back-tick in the middle of a 64-bit address, and of
//! `3 days 23:43:07.653` for an uptime, are seen in its public output samples.

mod amount;
mod safe;

pub use amount::{address, bytes, count, duration, offset, pages, percent};
pub use safe::{clean, clean_lines, wrap};
