//! What kind of file this is, its headers, and where every stored byte of memory is.
//!
//! Everything here is decided by content, never by a file's name: people rename dumps, and a
//! `MEMORY.DMP` may be an archive, a saved virtual machine or nothing but zeros. Addresses of the
//! dumped machine are plain `u64` in this room; the rooms below give them their own type.

pub mod blob;
pub mod header;
mod identify;
pub mod pages;
pub mod triage;
pub mod user_minidump;

pub use blob::{Blob, SecondaryData};
pub use header::{DumpHeader, DumpType, HeaderError};
pub use identify::{FileFormat, Identity, identify};
pub use pages::{Extent, PageIndex, StoredPages};
pub use triage::Triage;

/// A piece of the machine's virtual memory that stands in the file in one piece.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Block {
    /// Virtual address of its first byte.
    pub address: u64,
    /// Where it stands in the file.
    pub offset: u64,
    /// Bytes.
    pub len: u64,
}
