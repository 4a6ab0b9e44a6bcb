//! A driver's or the kernel's own file, as it lies on disk.
//!
//! A minidump holds next to nothing of the images; whoever has the file can put it beside the dump.
//! It is the same one when link time and size agree. Then it stands in for pages that are missing:
//! headers, code, unwind data, exports. Never for data that the machine may have changed.
//! Layout: Microsoft's PE format specification.

use crate::image::{CodeView, Image};
use crate::memory::{AddressSpace, Missing, VirtualAddress};
use alloc::vec::Vec;
use core::fmt;

/// Where a PE file keeps what is read here.
mod layout {
    pub(super) const PE_HEADER: usize = 0x3C;
    pub(super) const SECTION_COUNT: usize = 0x06;
    pub(super) const OPTIONAL_LEN: usize = 0x14;
    pub(super) const OPTIONAL: usize = 0x18;
    /// From the optional header on.
    pub(super) const HEADERS_LEN: usize = 0x3C;
    /// In a section header.
    pub(super) const SECTION: usize = 40;
    pub(super) const VIRTUAL_LEN: usize = 8;
    pub(super) const RVA: usize = 12;
    pub(super) const FILE_LEN: usize = 16;
    pub(super) const FILE_OFFSET: usize = 20;
    pub(super) const FLAGS: usize = 36;
    pub(super) const WRITABLE: u32 = 0x8000_0000;
}
/// Windows loads no image with more.
const MAX_SECTIONS: usize = 96;
/// No driver is larger.
pub const MAX_FILE: usize = 256 << 20;

/// A stretch of the image and where the file has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Piece {
    rva: u32,
    /// Bytes in memory.
    len: u32,
    offset: u32,
    /// Bytes in the file; the rest of the piece is zero.
    stored: u32,
}

/// An image file.
#[derive(Clone, PartialEq, Eq)]
pub struct ImageFile {
    bytes: Vec<u8>,
    pieces: Vec<Piece>,
    /// TimeDateStamp.
    pub timestamp: u32,
    /// SizeOfImage, bytes.
    pub size: u32,
    /// IMAGE_FILE_MACHINE_*.
    pub machine: u32,
}

impl fmt::Debug for ImageFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ImageFile({:08X}{:x})", self.timestamp, self.size)
    }
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    let found = bytes.get(at..at.checked_add(4)?)?;
    Some(u32::from_le_bytes(found.try_into().ok()?))
}

impl ImageFile {
    /// Takes a file; `None` when it is no image.
    #[must_use]
    pub fn parse(bytes: Vec<u8>) -> Option<Self> {
        if !bytes.starts_with(b"MZ") || bytes.len() > MAX_FILE {
            return None;
        }
        let pieces = pieces(&bytes)?;
        let mut file = Self {
            bytes,
            pieces,
            timestamp: 0,
            size: 0,
            machine: 0,
        };
        let (timestamp, size, machine) = {
            let image = Image::open(&file, VirtualAddress(0)).ok()?;
            (image.timestamp, image.size, image.machine)
        };
        (file.timestamp, file.size, file.machine) = (timestamp, size, machine);
        Some(file)
    }

    /// The symbol file that belongs to it.
    #[must_use]
    pub fn code_view(&self) -> Option<CodeView> {
        let image = Image::open(self, VirtualAddress(0)).ok()?;
        image.code_view().ok().flatten()
    }

    /// Fills `buf` with what lies at `rva`; `None` where the file does not say what the machine had
    /// there.
    #[must_use]
    pub fn read(&self, rva: u64, buf: &mut [u8]) -> Option<()> {
        let mut at = u32::try_from(rva).ok()?;
        let mut left = buf;
        while !left.is_empty() {
            let inside = |p: &&Piece| at.checked_sub(p.rva).is_some_and(|into| into < p.len);
            let piece = self.pieces.iter().find(inside)?;
            let into = at - piece.rva;
            let len = ((piece.len - into) as usize).min(left.len());
            let (part, rest) = core::mem::take(&mut left).split_at_mut(len);
            part.fill(0);
            let stored = (piece.stored.saturating_sub(into) as usize).min(len);
            if stored > 0 {
                let from = (piece.offset as usize).checked_add(into as usize)?;
                let found = self.bytes.get(from..from.checked_add(stored)?)?;
                part.get_mut(..stored)?.copy_from_slice(found);
            }
            left = rest;
            at = at.checked_add(len as u32)?;
        }
        Some(())
    }
}

/// The headers, and the sections that nobody writes to.
fn pieces(bytes: &[u8]) -> Option<Vec<Piece>> {
    let pe = word(bytes, layout::PE_HEADER)? as usize;
    let half = |at: usize| Some(word(bytes, at)? as usize & 0xFFFF);
    let count = half(pe.checked_add(layout::SECTION_COUNT)?)?.min(MAX_SECTIONS);
    let optional = pe.checked_add(layout::OPTIONAL)?;
    let table = optional.checked_add(half(pe + layout::OPTIONAL_LEN)?)?;
    let headers = word(bytes, optional + layout::HEADERS_LEN)?.min(0x1_0000);
    let mut pieces = Vec::from([Piece {
        rva: 0,
        len: headers,
        offset: 0,
        stored: headers.min(bytes.len() as u32),
    }]);
    for index in 0..count {
        let at = table.checked_add(index * layout::SECTION)?;
        let field = |offset: usize| word(bytes, at.checked_add(offset)?);
        let flags = field(layout::FLAGS)?;
        let (len, stored) = (field(layout::VIRTUAL_LEN)?, field(layout::FILE_LEN)?);
        if flags & layout::WRITABLE == 0 {
            pieces.push(Piece {
                rva: field(layout::RVA)?,
                len: if len == 0 { stored } else { len },
                offset: field(layout::FILE_OFFSET)?,
                stored,
            });
        }
    }
    Some(pieces)
}

impl AddressSpace for ImageFile {
    fn read(&self, address: VirtualAddress, buf: &mut [u8]) -> Result<(), Missing> {
        Self::read(self, address.0, buf).ok_or(Missing::Unmapped)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    /// A file with one section of code and one that is written to.
    fn file() -> Vec<u8> {
        let mut bytes = vec![0; 0x600];
        let mut put = |at: usize, value: u32| {
            bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
        };
        put(0, 0x5A4D);
        put(0x3C, 0x80);
        put(0x80, 0x4550);
        put(0x84, 2 << 16 | 0x8664);
        put(0x88, 0x5B00_0000);
        put(0x94, 0xF0);
        let optional = 0x98;
        put(optional, 0x20B);
        put(optional + 0x38, 0x3000);
        put(optional + 0x3C, 0x200);
        put(optional + 0x6C, 16);
        for (index, (rva, offset, flags)) in
            [(0x1000, 0x200, 0x6000_0020), (0x2000, 0x400, 0xC000_0040)]
                .into_iter()
                .enumerate()
        {
            let at = optional + 0xF0 + index * 40;
            put(at + 8, 0x1000);
            put(at + 12, rva);
            put(at + 16, 0x200);
            put(at + 20, offset);
            put(at + 36, flags);
        }
        bytes[0x204] = 0x90;
        bytes
    }

    #[test]
    fn a_file_gives_headers_and_code_but_no_data_that_is_written() {
        let file = ImageFile::parse(file()).unwrap();
        assert_eq!((file.timestamp, file.size), (0x5B00_0000, 0x3000));
        let mut byte = [1; 2];
        assert_eq!(file.read(0x1004, &mut byte), Some(()));
        assert_eq!(byte, [0x90, 0]);
        // Behind what is stored a section is zero.
        assert_eq!(file.read(0x1FF0, &mut byte), Some(()));
        assert_eq!(byte, [0, 0]);
        assert_eq!(file.read(0x2000, &mut byte), None);
        assert_eq!(file.read(0x1FFF, &mut byte), None);
        assert_eq!(file.read(0xFFFF_FFFF_FFFF, &mut byte), None);
    }

    #[test]
    fn a_damaged_file_is_none_or_gives_nothing_wrong() {
        let good = file();
        for at in 0..0x1F0 {
            let mut bad = good.clone();
            bad[at] = bad[at].wrapping_add(0x41);
            if let Some(file) = ImageFile::parse(bad) {
                let _ = (file.read(0x1000, &mut [0; 64]), file.code_view());
            }
        }
        assert_eq!(ImageFile::parse(good[..0x100].to_vec()), None);
    }
}
