//! Physical pages, address translation, and virtual reads that say why a byte is missing.
//!
//! Everything above this room reads memory through [`AddressSpace`], whether the dump holds page
//! tables or, like a triage dump, a few dozen loose blocks.

pub mod paging;
mod physical;
mod sparse;

pub use paging::KernelSpace;
pub use physical::PhysicalMemory;
pub use sparse::{BlockMap, SparseSpace};

use crate::model::Gap;
use crate::source::ReadError;
use alloc::{string::String, vec, vec::Vec};
use core::fmt;

/// A virtual address of the dumped machine.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VirtualAddress(pub u64);

/// A physical address of the dumped machine.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PhysicalAddress(pub u64);

/// A page frame number: a physical address divided by 4096.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pfn(pub u64);

macro_rules! hexadecimal {
    ($($name:ty),*) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:#x}", self.0)
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
        impl $name {
            /// The address `bytes` further on, unless that passes the end of the address space.
            #[must_use]
            pub fn checked_add(self, bytes: u64) -> Option<Self> {
                self.0.checked_add(bytes).map(Self)
            }
        }
    )*};
}
hexadecimal!(VirtualAddress, PhysicalAddress);

/// The level of the page tables at which a translation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Level {
    Pml5,
    Pml4,
    Pdpt,
    Pd,
    Pt,
    /// A prototype entry, to which the entry of the last level led.
    Prototype,
}

/// Why memory of the dumped machine could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// The page tables have no page there.
    NotPresent(Level),
    /// The page was not written to the dump.
    NotInDump(PhysicalAddress),
    /// The page is in a page file.
    PagedOut {
        /// Which.
        page_file: u8,
        /// At which page of it; `None` where the kernel changed the number by a mask that is not
        /// known.
        page: Option<u64>,
    },
    /// The page was never touched, so there is nothing to read; a program would read zeros.
    DemandZero,
    /// The page belongs to a file or a section, and where it is stands in structures that page
    /// tables do not lead to.
    Elsewhere,
    /// No block of the dump holds that address, or no page table can map it.
    Unmapped,
    /// The file could not give the bytes, or not yet.
    File(ReadError),
}

impl From<ReadError> for Missing {
    fn from(error: ReadError) -> Self {
        Self::File(error)
    }
}

impl Missing {
    /// The reason as the report names it.
    #[must_use]
    pub fn gap(self) -> Gap {
        match self {
            Self::NotPresent(_) | Self::DemandZero | Self::Elsewhere => Gap::NotPresent,
            Self::NotInDump(_) => Gap::NotInDump,
            Self::PagedOut { .. } => Gap::PagedOut,
            Self::Unmapped => Gap::Unmapped,
            Self::File(ReadError::Truncated { .. }) => Gap::Truncated,
            Self::File(ReadError::Failed { .. }) => Gap::ReadFailed,
            Self::File(ReadError::NotRead { .. } | ReadError::NotYet) => Gap::NotRead,
        }
    }
}

/// The reason in words, as the rest of a sentence that names what is missing.
impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotPresent(_) => write!(f, "the page tables have no page there"),
            Self::NotInDump(at) => {
                write!(
                    f,
                    "the page was not written to the dump (physical address {at})"
                )
            }
            Self::PagedOut {
                page_file,
                page: Some(page),
            } => write!(f, "it is in page file {page_file}, page {page:#x}"),
            Self::PagedOut {
                page_file,
                page: None,
            } => write!(
                f,
                "it is probably in page file {page_file}; at which page cannot be told, because \
                 the mask that this kernel keeps in such entries is not known"
            ),
            Self::DemandZero => write!(f, "the page was never touched"),
            Self::Elsewhere => write!(f, "the page belongs to a file that was not in memory"),
            Self::Unmapped => write!(f, "no memory of the dump has that address"),
            Self::File(error) => error.fmt(f),
        }
    }
}

/// Virtual memory of the dumped machine.
pub trait AddressSpace {
    /// Fills `buf` from `address` on, or says why the first missing byte is missing. Nothing is
    /// promised of `buf` after an error.
    ///
    /// # Errors
    /// See [`Missing`].
    fn read(&self, address: VirtualAddress, buf: &mut [u8]) -> Result<(), Missing>;

    /// Says that memory near `address` will be read too: whatever leads there may be asked for
    /// now, so that it comes together.
    fn expect_near(&self, _address: VirtualAddress) {}
}

/// Typed reads over any [`AddressSpace`]. Little-endian, as every Windows.
pub trait AddressSpaceExt: AddressSpace {
    /// A 16-bit integer.
    ///
    /// # Errors
    /// As [`AddressSpace::read`].
    fn u16(&self, address: VirtualAddress) -> Result<u16, Missing> {
        let mut b = [0; 2];
        self.read(address, &mut b).map(|()| u16::from_le_bytes(b))
    }
    /// A 32-bit integer.
    ///
    /// # Errors
    /// As [`AddressSpace::read`].
    fn u32(&self, address: VirtualAddress) -> Result<u32, Missing> {
        let mut b = [0; 4];
        self.read(address, &mut b).map(|()| u32::from_le_bytes(b))
    }
    /// A 64-bit integer.
    ///
    /// # Errors
    /// As [`AddressSpace::read`].
    fn u64(&self, address: VirtualAddress) -> Result<u64, Missing> {
        let mut b = [0; 8];
        self.read(address, &mut b).map(|()| u64::from_le_bytes(b))
    }
    /// A pointer of `width` bytes, 4 or 8.
    ///
    /// # Errors
    /// As [`AddressSpace::read`].
    fn pointer(&self, address: VirtualAddress, width: u8) -> Result<VirtualAddress, Missing> {
        match width {
            4 => self
                .u32(address)
                .map(|value| VirtualAddress(u64::from(value))),
            _ => self.u64(address).map(VirtualAddress),
        }
    }
    /// `len` bytes; at most 64 KiB, so that a lying length allocates little.
    ///
    /// # Errors
    /// As [`AddressSpace::read`].
    fn bytes(&self, address: VirtualAddress, len: u16) -> Result<Vec<u8>, Missing> {
        let mut buf = vec![0; usize::from(len)];
        self.read(address, &mut buf).map(|()| buf)
    }
    /// The text of a UNICODE_STRING at `address` (layout: ntdef.h; Length 0, Buffer 8 or 4).
    ///
    /// # Errors
    /// As [`AddressSpace::read`].
    fn unicode_string(&self, address: VirtualAddress, width: u8) -> Result<String, Missing> {
        let length = self.u16(address)?;
        let buffer = address
            .checked_add(u64::from(width))
            .ok_or(Missing::Unmapped)?;
        let text = self.bytes(self.pointer(buffer, width)?, length)?;
        Ok(crate::source::utf16_lossy(&text))
    }
}

impl<A: AddressSpace + ?Sized> AddressSpaceExt for A {}
