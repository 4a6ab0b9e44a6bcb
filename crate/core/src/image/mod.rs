//! PE images in memory: identity, exports, unwind data, version resource, debug record.
//!
//! An image that Windows loaded is spread over pages, and any of them may be missing from a dump:
//! resources above all, which are paged out first. So every question is asked by itself, and an
//! answer that is missing says why. Layout: Microsoft's PE format specification, and winver.h for
//! the version resource.

mod exports;
mod sections;
pub mod unwind;
mod version;

#[cfg(test)]
mod tests;

pub use exports::Exports;
pub use sections::Section;
pub use version::VersionResource;

use crate::memory::{AddressSpace, AddressSpaceExt, Missing, VirtualAddress};
use crate::model::Guid;
use alloc::{string::String, vec::Vec};
use core::fmt;

/// Where the headers of an image keep what is read here.
mod layout {
    /// In the DOS header: where the PE signature stands.
    pub const PE_HEADER: u64 = 0x3C;
    pub const SIGNATURE: u32 = 0x4550;
    /// From the PE signature on.
    pub const MACHINE: u64 = 0x04;
    pub const TIME_STAMP: u64 = 0x08;
    pub const OPTIONAL: u64 = 0x18;
    pub const HEADERS_LEN: u16 = 0x110;
    /// From the optional header on.
    pub const SIZE_OF_IMAGE: u64 = 0x38;
    pub const CHECKSUM: u64 = 0x40;
    pub const MAGIC_32: u64 = 0x10B;
    pub const MAGIC_64: u64 = 0x20B;
    pub const DIRECTORIES_32: u64 = 0x60;
    pub const DIRECTORIES_64: u64 = 0x70;
    /// In an entry of the debug directory.
    pub const DEBUG_LEN: u16 = 0x1C;
    pub const DEBUG_TYPE: u64 = 0x0C;
    pub const DEBUG_SIZE: u64 = 0x10;
    pub const DEBUG_ADDRESS: u64 = 0x14;
    pub const CODE_VIEW: u64 = 2;
    /// In the export directory.
    pub const EXPORT_LEN: u16 = 0x28;
    pub const EXPORT_FUNCTIONS: u64 = 0x14;
    pub const EXPORT_NAMES: u64 = 0x18;
    pub const EXPORT_FUNCTION_TABLE: u64 = 0x1C;
    pub const EXPORT_NAME_TABLE: u64 = 0x20;
    pub const EXPORT_ORDINALS: u64 = 0x24;
}

/// The headers lie in the first page of an image.
const MAX_PE_HEADER: u32 = 0x1000 - layout::HEADERS_LEN as u32;
/// Entries of a debug directory.
const MAX_DEBUG: u32 = 16;
/// The longest CodeView record: a path of 260 characters in it.
const MAX_CODE_VIEW: u16 = 0x18 + 0x208;
/// Names of the kernel's export table: about 3,500.
const MAX_EXPORTS: u32 = 0x1_0000;
/// The longest exported name that is compared.
const MAX_NAME: usize = 0x100;

/// Why something of an image cannot be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImageError {
    /// Its memory is missing.
    Missing(Missing),
    /// What stands there is no image.
    NoImage,
}

impl From<Missing> for ImageError {
    fn from(why: Missing) -> Self {
        Self::Missing(why)
    }
}

impl fmt::Display for ImageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(why) => why.fmt(f),
            Self::NoImage => write!(f, "no PE image stands there"),
        }
    }
}

impl core::error::Error for ImageError {}

/// The data directories that are of use here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DirectoryKind {
    /// Exported functions.
    Export = 0,
    /// Resources.
    Resource = 2,
    /// Unwind data of x64 and ARM64 (`.pdata`).
    Exception = 3,
    /// Debug records.
    Debug = 6,
}

/// Where a data directory lies in the image.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Directory {
    /// From the image's base, in bytes.
    pub rva: u32,
    /// Bytes.
    pub size: u32,
}

/// The symbol file that belongs to an image (the `RSDS` record).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodeView {
    /// File name, without the path of the machine that built it.
    pub name: String,
    /// Its identity.
    pub guid: Guid,
    /// How often it was rewritten.
    pub age: u32,
}

/// An image in memory, with what its headers say.
#[derive(Clone, Copy)]
pub struct Image<'a> {
    space: &'a dyn AddressSpace,
    /// Where it was loaded.
    pub base: VirtualAddress,
    /// IMAGE_FILE_MACHINE_*.
    pub machine: u32,
    /// TimeDateStamp: seconds since 1970 UTC, or a hash.
    pub timestamp: u32,
    /// SizeOfImage, bytes.
    pub size: u32,
    /// CheckSum.
    pub checksum: u32,
    directories: [Directory; 7],
}

impl fmt::Debug for Image<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Image({}, {:#x} bytes)", self.base, self.size)
    }
}

fn int(bytes: &[u8], offset: u64, len: usize) -> Option<u64> {
    let from = usize::try_from(offset).ok()?;
    let found = bytes.get(from..from.checked_add(len)?)?;
    Some(
        found
            .iter()
            .rev()
            .fold(0, |value, &byte| value << 8 | u64::from(byte)),
    )
}

fn word(bytes: &[u8], offset: u64) -> Result<u32, ImageError> {
    int(bytes, offset, 4)
        .map(|value| value as u32)
        .ok_or(ImageError::NoImage)
}

impl<'a> Image<'a> {
    /// Reads the headers of the image at `base`.
    ///
    /// # Errors
    /// When they are missing, or are no headers.
    pub fn open(space: &'a dyn AddressSpace, base: VirtualAddress) -> Result<Self, ImageError> {
        let beyond = ImageError::Missing(Missing::Unmapped);
        let mut mark = [0; 2];
        space.read(base, &mut mark)?;
        let at = base.checked_add(layout::PE_HEADER).ok_or(beyond)?;
        let pe = space.u32(at)?;
        if &mark != b"MZ" || pe > MAX_PE_HEADER {
            return Err(ImageError::NoImage);
        }
        let at = base.checked_add(u64::from(pe)).ok_or(beyond)?;
        let bytes = space.bytes(at, layout::HEADERS_LEN)?;
        let optional = layout::OPTIONAL;
        let magic = int(&bytes, optional, 2);
        let first = match magic {
            Some(layout::MAGIC_32) => layout::DIRECTORIES_32,
            Some(layout::MAGIC_64) => layout::DIRECTORIES_64,
            _ => return Err(ImageError::NoImage),
        };
        if word(&bytes, 0)? != layout::SIGNATURE {
            return Err(ImageError::NoImage);
        }
        let count = word(&bytes, optional + first - 4)?;
        let mut directories = [Directory::default(); 7];
        for (index, directory) in (0..count).zip(directories.iter_mut()) {
            let at = optional + first + u64::from(index) * 8;
            directory.rva = word(&bytes, at)?;
            directory.size = word(&bytes, at + 4)?;
        }
        Ok(Self {
            space,
            base,
            machine: word(&bytes, layout::MACHINE)? & 0xFFFF,
            timestamp: word(&bytes, layout::TIME_STAMP)?,
            size: word(&bytes, optional + layout::SIZE_OF_IMAGE)?,
            checksum: word(&bytes, optional + layout::CHECKSUM)?,
            directories,
        })
    }

    /// Where a data directory lies; `None` when the image has none.
    #[must_use]
    pub fn directory(&self, kind: DirectoryKind) -> Option<Directory> {
        let found = self.directories.get(kind as usize).copied()?;
        let inside = u64::from(found.rva) + u64::from(found.size) <= u64::from(self.size);
        (found.rva != 0 && found.size != 0 && inside).then_some(found)
    }

    /// The address `rva` bytes into the image.
    fn at(&self, rva: u64) -> Result<VirtualAddress, ImageError> {
        let inside = rva < u64::from(self.size);
        let at = self.base.checked_add(rva).filter(|_| inside);
        at.ok_or(ImageError::NoImage)
    }

    /// `len` bytes at `rva`.
    fn bytes(&self, rva: u64, len: u16) -> Result<Vec<u8>, ImageError> {
        Ok(self.space.bytes(self.at(rva)?, len)?)
    }

    /// The symbol file that belongs to it; `None` when it names none.
    ///
    /// # Errors
    /// When the record is missing.
    pub fn code_view(&self) -> Result<Option<CodeView>, ImageError> {
        let Some(directory) = self.directory(DirectoryKind::Debug) else {
            return Ok(None);
        };
        let count = (directory.size / u32::from(layout::DEBUG_LEN)).min(MAX_DEBUG);
        let bytes = self.bytes(u64::from(directory.rva), count as u16 * layout::DEBUG_LEN)?;
        for entry in bytes.chunks_exact(usize::from(layout::DEBUG_LEN)) {
            if int(entry, layout::DEBUG_TYPE, 4) != Some(layout::CODE_VIEW) {
                continue;
            }
            let len = word(entry, layout::DEBUG_SIZE)?.min(u32::from(MAX_CODE_VIEW));
            let record = self.bytes(u64::from(word(entry, layout::DEBUG_ADDRESS)?), len as u16)?;
            if let Some(found) = code_view(&record) {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// The version resource; `None` when it has none.
    ///
    /// # Errors
    /// When it is missing.
    pub fn version(&self) -> Result<Option<VersionResource>, ImageError> {
        version::read(self)
    }

    /// Where the exported function or variable called `name` begins, from the base; `None` when
    /// nothing of that name is exported.
    ///
    /// # Errors
    /// When the tables are missing.
    pub fn export(&self, name: &str) -> Result<Option<u32>, ImageError> {
        let Some(directory) = self.directory(DirectoryKind::Export) else {
            return Ok(None);
        };
        let table = self.bytes(u64::from(directory.rva), layout::EXPORT_LEN)?;
        let functions = word(&table, layout::EXPORT_FUNCTIONS)?;
        let names = word(&table, layout::EXPORT_NAMES)?.min(MAX_EXPORTS);
        let name_table = u64::from(word(&table, layout::EXPORT_NAME_TABLE)?);
        let (mut low, mut high) = (0, names);
        // The names are sorted by their bytes.
        while low < high {
            let middle = low + (high - low) / 2;
            let at = self.at(name_table + u64::from(middle) * 4)?;
            let found = self.text(u64::from(self.space.u32(at)?))?;
            match found.as_slice().cmp(name.as_bytes()) {
                core::cmp::Ordering::Less => low = middle + 1,
                core::cmp::Ordering::Greater => high = middle,
                core::cmp::Ordering::Equal => {
                    return self.function(&table, middle, functions, directory);
                }
            }
        }
        Ok(None)
    }

    fn function(
        &self,
        table: &[u8],
        index: u32,
        functions: u32,
        directory: Directory,
    ) -> Result<Option<u32>, ImageError> {
        let ordinals = u64::from(word(table, layout::EXPORT_ORDINALS)?);
        let at = self.at(ordinals + u64::from(index) * 2)?;
        let ordinal = u32::from(self.space.u16(at)?);
        if ordinal >= functions {
            return Ok(None);
        }
        let addresses = u64::from(word(table, layout::EXPORT_FUNCTION_TABLE)?);
        let rva = self
            .space
            .u32(self.at(addresses + u64::from(ordinal) * 4)?)?;
        // An address within the directory is a name: the function is another image's.
        let forwarded = rva
            .checked_sub(directory.rva)
            .is_some_and(|into| into < directory.size);
        Ok((!forwarded).then_some(rva))
    }

    /// The bytes of a text at `rva`, up to its NUL.
    fn text(&self, rva: u64) -> Result<Vec<u8>, ImageError> {
        let at = self.at(rva)?;
        let in_page = (0x1000 - at.0 % 0x1000) as usize;
        let mut bytes = [0; MAX_NAME];
        let first = bytes.get_mut(..in_page.min(MAX_NAME)).unwrap_or_default();
        self.space.read(at, first)?;
        let mut len = first.len();
        if !first.contains(&0) && len < MAX_NAME {
            let next = self.at(rva.saturating_add(len as u64))?;
            let rest = bytes.get_mut(len..).unwrap_or_default();
            self.space.read(next, rest)?;
            len = MAX_NAME;
        }
        let found = bytes.get(..len).unwrap_or_default();
        let end = found.iter().position(|&b| b == 0).unwrap_or(len);
        Ok(found.get(..end).unwrap_or_default().to_vec())
    }
}

/// A CodeView record: `RSDS`, GUID, age, path.
fn code_view(record: &[u8]) -> Option<CodeView> {
    let rest = record.strip_prefix(b"RSDS")?;
    let (guid, rest) = rest.split_first_chunk::<16>()?;
    let (age, path) = rest.split_first_chunk::<4>()?;
    let end = path.iter().position(|&b| b == 0).unwrap_or(path.len());
    let path = String::from_utf8_lossy(path.get(..end)?).into_owned();
    let name = path.rsplit(['\\', '/']).next().unwrap_or(&path);
    (!name.is_empty()).then(|| CodeView {
        name: name.into(),
        guid: Guid(*guid),
        age: u32::from_le_bytes(*age),
    })
}
