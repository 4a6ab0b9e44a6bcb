//! The section table of an image: which parts of it are code, which are data.

use super::{Image, ImageError, int, layout};
use alloc::vec::Vec;

/// Offsets, in the file header from the PE signature on, and in an entry of the section table.
mod at {
    pub const COUNT: u64 = 0x06;
    pub const OPTIONAL_LEN: u64 = 0x14;
    pub const ENTRY_LEN: u64 = 0x28;
    pub const SIZE: u64 = 0x08;
    pub const RVA: u64 = 0x0C;
    pub const FLAGS: u64 = 0x24;
}

/// The kernel has about thirty.
const MAX_SECTIONS: u64 = 96;

/// A section.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Section {
    /// From the image's base, in bytes.
    pub rva: u32,
    /// Bytes in memory.
    pub size: u32,
    /// IMAGE_SCN_*.
    pub flags: u32,
}

impl Section {
    /// Whether it holds variables: writable, and neither code nor thrown away after start.
    #[must_use]
    pub fn is_data(&self) -> bool {
        const WRITE: u32 = 0x8000_0000;
        const EXECUTE: u32 = 0x2000_0000;
        const DISCARDABLE: u32 = 0x0200_0000;
        self.flags & (WRITE | EXECUTE | DISCARDABLE) == WRITE
    }
}

impl Image<'_> {
    /// Its sections, as far as they lie within it.
    ///
    /// # Errors
    /// When the table is missing.
    pub fn sections(&self) -> Result<Vec<Section>, ImageError> {
        let pe = u64::from(super::word(&self.bytes(layout::PE_HEADER, 4)?, 0)?);
        let head = self.bytes(pe, layout::OPTIONAL as u16)?;
        let field = |offset| int(&head, offset, 2).unwrap_or(0);
        let count = field(at::COUNT).min(MAX_SECTIONS);
        let table = pe + layout::OPTIONAL + field(at::OPTIONAL_LEN);
        let bytes = self.bytes(table, (count * at::ENTRY_LEN) as u16)?;
        let section = |entry: &[u8]| {
            let word = |offset| int(entry, offset, 4).map(|value| value as u32);
            let (rva, size) = (word(at::RVA)?, word(at::SIZE)?);
            let flags = word(at::FLAGS)?;
            let inside = rva.checked_add(size)? <= self.size;
            inside.then_some(Section { rva, size, flags })
        };
        let entries = bytes.chunks_exact(at::ENTRY_LEN as usize);
        Ok(entries.filter_map(section).collect())
    }
}
