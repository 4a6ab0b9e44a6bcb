//! The memory of a kernel dump, whether it holds page tables or, like a minidump, loose blocks.

use crate::memory::{AddressSpace, KernelSpace, Missing, SparseSpace, VirtualAddress};

/// The memory of a kernel dump of any kind.
#[derive(Debug)]
pub enum Space<'a> {
    /// The blocks of a minidump.
    Blocks(SparseSpace<'a>),
    /// Pages, found through page tables.
    Pages(KernelSpace<'a>),
    /// None: nothing can be read by address.
    None,
}

impl AddressSpace for Space<'_> {
    fn read(&self, address: VirtualAddress, buf: &mut [u8]) -> Result<(), Missing> {
        match self {
            Self::Blocks(space) => space.read(address, buf),
            Self::Pages(space) => space.read(address, buf),
            Self::None => Err(Missing::Unmapped),
        }
    }

    fn expect_near(&self, address: VirtualAddress) {
        if let Self::Pages(space) = self {
            space.expect_near(address);
        }
    }
}
