//! A structure of the kernel in memory, member by member.
//!
//! All of it is asked for at once, and where only part of it is in the dump, each member by
//! itself: objects lie across two pages as often as not, and each page may be missing alone.

use super::debugger_data::little_endian;
use crate::memory::{AddressSpace, AddressSpaceExt, Missing, VirtualAddress};
use alloc::vec::Vec;

/// A structure in memory.
#[derive(Clone)]
pub struct Record<'a> {
    space: &'a dyn AddressSpace,
    address: VirtualAddress,
    width: u8,
    bytes: Vec<u8>,
}

impl core::fmt::Debug for Record<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Record({})", self.address)
    }
}

impl<'a> Record<'a> {
    /// The structure at `address`, of which `len` bytes matter, on a machine with pointers of
    /// `width` bytes.
    #[must_use]
    pub fn new(space: &'a dyn AddressSpace, address: VirtualAddress, len: u16, width: u8) -> Self {
        Self {
            space,
            address,
            width,
            bytes: space.bytes(address, len).unwrap_or_default(),
        }
    }

    /// Where it is.
    #[must_use]
    pub fn address(&self) -> VirtualAddress {
        self.address
    }

    /// The little-endian integer of `len` bytes, at most 8, at `offset`.
    ///
    /// # Errors
    /// When that member is not there.
    pub fn int(&self, offset: u64, len: u8) -> Result<u64, Missing> {
        if let Some(value) = little_endian(&self.bytes, offset, len.into()) {
            return Ok(value);
        }
        let mut buf = [0; 8];
        let into = buf.get_mut(..usize::from(len)).ok_or(Missing::Unmapped)?;
        let at = self.address.checked_add(offset).ok_or(Missing::Unmapped)?;
        self.space.read(at, into)?;
        Ok(u64::from_le_bytes(buf))
    }

    /// The pointer at `offset`.
    ///
    /// # Errors
    /// When that member is not there.
    pub fn pointer(&self, offset: u64) -> Result<VirtualAddress, Missing> {
        self.int(offset, self.width).map(VirtualAddress)
    }

    /// The pointer at `offset`, unless it is missing or 0.
    #[must_use]
    pub fn target(&self, offset: u64) -> Option<VirtualAddress> {
        self.pointer(offset).ok().filter(|at| at.0 != 0)
    }

    /// `N` bytes at `offset`.
    ///
    /// # Errors
    /// When they are not there.
    pub fn array<const N: usize>(&self, offset: u64) -> Result<[u8; N], Missing> {
        let mut buf = [0; N];
        let from = usize::try_from(offset).unwrap_or(usize::MAX);
        let held = self.bytes.get(from..from.saturating_add(N));
        if let Some(held) = held {
            buf.copy_from_slice(held);
        } else {
            let at = self.address.checked_add(offset).ok_or(Missing::Unmapped)?;
            self.space.read(at, &mut buf)?;
        }
        Ok(buf)
    }
}
