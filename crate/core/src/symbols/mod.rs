//! Names and types: exports, embedded layouts by build, dropped PDB and ISF files.

mod files;
mod image_file;
mod instruction;
pub mod layout;
mod names;
mod table;

pub use files::{Files, NoFiles, WithFiles};
pub use image_file::{ImageFile, MAX_FILE};
pub use instruction::{Disassembler, Instruction, Touch};
pub use names::{Names, Symbolizer};
pub use table::{MAGIC, MemberEntry, SymbolTable, SymbolTableBuilder};

use crate::model::Guid;

/// The kernel of a dump, as far as the dump says which one it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KernelIdentity {
    /// IMAGE_FILE_MACHINE_* of the image: 0x8664, 0x14C or 0xAA64.
    pub machine: u16,
    /// The build, e.g. 19041.
    pub build: u32,
    /// The revision behind it, where something tells: `NtBuildLabEx` up to 14393, the version
    /// resource of the image.
    pub revision: Option<u32>,
    /// GUID and age of its symbol file.
    pub pdb: Option<(Guid, u32)>,
    /// Link time stamp (or hash) of the image, and its size in bytes.
    pub image: Option<(u32, u32)>,
}

impl KernelIdentity {
    /// Bytes in a pointer.
    #[must_use]
    pub fn pointer_width(&self) -> u8 {
        if self.machine == layout::X86 { 4 } else { 8 }
    }
}

/// Where a member stands in a structure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TypeMember {
    /// Bytes from the start of the structure.
    pub offset: u32,
    /// Bytes that it takes, where known.
    pub width: Option<u8>,
}

/// Types and names of the kernel from a file that belongs to it, matched by GUID and age: a PDB or
/// an ISF that was dropped beside the dump. What it answers goes before every embedded table.
pub trait Types: core::fmt::Debug {
    /// The member of a structure, both by their names in Windows (`_EPROCESS`, `UniqueProcessId`).
    fn member(&self, structure: &str, member: &str) -> Option<TypeMember>;
    /// The size of a structure in bytes.
    fn size(&self, structure: &str) -> Option<u32>;
    /// Where a variable or function is, relative to the base of the image.
    fn variable(&self, name: &str) -> Option<u32>;
}
