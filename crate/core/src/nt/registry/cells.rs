//! From a cell index to its bytes.
//!
//! A cell index names storage (bit 31: volatile), directory (10 bits), table (9) and offset
//! (12); the map of each storage leads to blocks of 4 KiB, wherever these lie. From Windows 10
//! 1803 on, stable storage is mapped into the process `Registry`, whose page tables have to be
//! used for it. Source: _HHIVE, _DUAL and _HMAP_ENTRY in Microsoft's public symbols, and the
//! regf documentation of M. Suhanov for what a cell is.

use super::layout::{EntryForm, Layout, MAP};
use super::{Hive, RegistryError};
use crate::memory::{AddressSpace, AddressSpaceExt, Missing, VirtualAddress};
use alloc::{vec, vec::Vec};

/// Bytes in a block.
const BLOCK: u64 = 0x1000;
/// The bit of volatile storage.
const VOLATILE: u32 = 0x8000_0000;
/// The largest cell that is read. Values of more than 16 KiB are spread over several cells, and
/// lists of subkeys that long are split too.
const MAX_CELL: u32 = 0x10_0000;
/// "No cell".
pub(super) const NO_CELL: u32 = u32::MAX;

/// The memory in which the hives lie.
#[derive(Clone, Copy)]
pub struct Spaces<'a> {
    /// The kernel's.
    pub kernel: &'a dyn AddressSpace,
    /// That of the process `Registry`, where there is one.
    pub process: Option<&'a dyn AddressSpace>,
}

impl core::fmt::Debug for Spaces<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Spaces(process: {})", self.process.is_some())
    }
}

impl Spaces<'_> {
    /// Reads at an address, through the process's page tables where it is one of a process.
    fn read(&self, width: u8, at: VirtualAddress, buf: &mut [u8]) -> Result<(), Missing> {
        let of_kernel = match width {
            4 => at.0 >= 0x8000_0000,
            _ => at.0 >> 63 != 0,
        };
        match (of_kernel, self.process) {
            (true, _) => self.kernel.read(at, buf),
            (false, Some(process)) => process.read(at, buf),
            (false, None) => Err(Missing::Unmapped),
        }
    }
}

/// The address of the block that holds a cell index, with the offset in it.
pub(super) fn block(
    spaces: Spaces<'_>,
    layout: &Layout,
    hive: &Hive,
    index: u32,
) -> Result<VirtualAddress, RegistryError> {
    let storage = usize::from(index & VOLATILE != 0);
    let place = index & !VOLATILE;
    let bad = RegistryError::Cell { index };
    let dual = hive.storage.get(storage).ok_or(bad)?;
    if place >= dual.length {
        return Err(bad);
    }
    let width = u64::from(layout.width);
    let (directory, table) = (u64::from(place >> 21), u64::from(place >> 12 & 0x1FF));
    let at = |base: VirtualAddress, offset: u64| base.checked_add(offset).ok_or(bad);
    let kernel = spaces.kernel;
    let table_at = kernel.pointer(at(dual.map, directory * width)?, layout.width)?;
    let entry = at(table_at, table * layout.entry)?;
    let first = kernel.pointer(entry, layout.width)?;
    let block = match layout.form {
        EntryForm::Block => first,
        EntryForm::Bin => {
            let bin = kernel.pointer(at(entry, width)?, layout.width)?;
            match VirtualAddress(bin.0 & !0xF) {
                VirtualAddress(0) => VirtualAddress(0),
                bin => at(bin, first.0)?,
            }
        }
    };
    if block.0 == 0 {
        // The block was not mapped when the machine stopped: it is in the hive's file only.
        return Err(Missing::Elsewhere.into());
    }
    at(block, u64::from(place & 0xFFF))
}

/// Fills `buf` from the byte `offset` of what lies at `index`, block by block: the blocks of a
/// large cell may lie apart.
fn read(
    spaces: Spaces<'_>,
    layout: &Layout,
    hive: &Hive,
    index: u32,
    buf: &mut [u8],
) -> Result<(), RegistryError> {
    let mut result = Ok(());
    let mut next = index;
    let mut rest = buf;
    while !rest.is_empty() {
        let room = BLOCK - u64::from(next & 0xFFF);
        let take = rest.len().min(room as usize);
        let (here, behind) = rest.split_at_mut(take);
        let read = block(spaces, layout, hive, next).and_then(|at| {
            let read = spaces.read(layout.width, at, here);
            read.map_err(RegistryError::from)
        });
        // What is not fetched yet may come: what lies behind is asked for too.
        match read {
            Err(RegistryError::Missing(Missing::File(_))) => result = result.and(read),
            other => other?,
        }
        rest = behind;
        next = next
            .checked_add(take as u32)
            .ok_or(RegistryError::Cell { index })?;
    }
    result
}

/// The contents of the cell at `index`, without its size; at most `most` bytes of them.
pub(super) fn cell(
    spaces: Spaces<'_>,
    layout: &Layout,
    hive: &Hive,
    index: u32,
    most: u32,
) -> Result<Vec<u8>, RegistryError> {
    let bad = RegistryError::Cell { index };
    let mut size = [0; 4];
    read(spaces, layout, hive, index, &mut size)?;
    // A cell that is in use has a negative size.
    let size = i32::from_le_bytes(size);
    if size >= 0 {
        return Err(bad);
    }
    let size = size.unsigned_abs();
    if !(8..=MAX_CELL).contains(&size) || size % 8 != 0 {
        return Err(bad);
    }
    let mut contents = vec![0; (size - 4).min(most) as usize];
    let from = index.checked_add(4).ok_or(bad)?;
    read(spaces, layout, hive, from, &mut contents)?;
    Ok(contents)
}

/// Where the map of a storage is: Length and Map of a _DUAL.
pub(super) fn storage(
    kernel: &dyn AddressSpace,
    layout: &Layout,
    at: VirtualAddress,
) -> Result<super::Storage, Missing> {
    let map = at
        .checked_add(MAP * u64::from(layout.width))
        .ok_or(Missing::Unmapped)?;
    let (length, map) = (kernel.u32(at), kernel.pointer(map, layout.width));
    Ok(super::Storage {
        length: length?,
        map: map?,
    })
}
