//! What kind of file this is, its headers, and where every stored byte of memory is.
//!
//! Everything here is decided by content, never by a file's name: people rename dumps, and a
//! `MEMORY.DMP` may be an archive, a saved virtual machine or nothing but zeros. Addresses of the
//! dumped machine are plain `u64` in this room; the rooms below give them their own type.

pub mod header;
mod identify;
pub mod user_minidump;

pub use header::{DumpHeader, DumpType, HeaderError};
pub use identify::{FileFormat, Identity, identify};
