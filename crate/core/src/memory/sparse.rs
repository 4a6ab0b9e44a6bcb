//! Loose blocks of memory as one address space: what a minidump has instead of page tables.
//!
//! A minidump holds the stack, copies of a few kernel structures and some hundred blocks that
//! drivers and Windows asked for. They come in any order and overlap. Here they are laid out once,
//! so that a read is a binary search, and a read may cross from one block into the next.

use super::{AddressSpace, Missing, VirtualAddress};
use crate::container::Block;
use crate::order;
use crate::source::{ReadError, Source};
use alloc::vec::Vec;

/// More blocks than any minidump has; the largest seen has 1831.
const MAX_BLOCKS: usize = 200_000;

/// Where in the file each stretch of memory stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BlockMap {
    /// By address, apart from one another, all of it in the file.
    present: Vec<Block>,
    /// By address; what blocks promise behind the end of the file.
    cut: Vec<Block>,
    file_len: u64,
}

impl BlockMap {
    /// Lays out `blocks` of a file of `file_len` bytes. Where blocks overlap, the one that begins
    /// first gives the bytes.
    #[must_use]
    pub fn new(blocks: impl IntoIterator<Item = Block>, file_len: u64) -> Self {
        let mut whole = Vec::new();
        let mut cut = Vec::new();
        for mut block in blocks.into_iter().take(MAX_BLOCKS) {
            if block.len == 0 || block.address.checked_add(block.len).is_none() {
                continue;
            }
            let here = file_len.saturating_sub(block.offset).min(block.len);
            if here < block.len {
                cut.push(Block {
                    address: block.address + here,
                    offset: block.offset.saturating_add(here),
                    len: block.len - here,
                });
            }
            block.len = here;
            if here > 0 {
                whole.push(block);
            }
        }
        Self {
            present: apart(whole),
            cut: apart(cut),
            file_len,
        }
    }

    /// The stretches of memory that the file holds, by address.
    #[must_use]
    pub fn stretches(&self) -> &[Block] {
        &self.present
    }

    /// Bytes of memory that the file holds.
    #[must_use]
    pub fn total(&self) -> u64 {
        let lengths = self.present.iter().map(|block| block.len);
        lengths.fold(0, u64::saturating_add)
    }

    /// How many bytes from `address` on are alike: held in one block, cut off, or in none.
    #[must_use]
    pub fn alike(&self, address: u64) -> u64 {
        let within = |blocks| holding(blocks, address).map(|(_, len)| len);
        within(&self.present)
            .or_else(|| within(&self.cut))
            .unwrap_or_else(|| {
                let next = |blocks: &[Block]| {
                    let after = blocks.partition_point(|block| block.address <= address);
                    blocks.get(after).map_or(u64::MAX, |block| block.address)
                };
                next(&self.present).min(next(&self.cut)) - address
            })
    }

    /// Where the byte at `address` stands in the file, and how many follow it there.
    #[must_use]
    pub fn find(&self, address: u64) -> Option<(u64, u64)> {
        holding(&self.present, address)
    }

    fn missing(&self, address: u64, wanted: u64) -> Missing {
        match holding(&self.cut, address) {
            Some((offset, _)) => Missing::File(ReadError::Truncated {
                offset,
                wanted,
                len: self.file_len,
            }),
            None => Missing::Unmapped,
        }
    }
}

/// The same bytes, each address once, by address.
fn apart(blocks: Vec<Block>) -> Vec<Block> {
    let blocks = order::by_key(blocks, |block| (block.address, u64::MAX - block.len));
    let mut result: Vec<Block> = Vec::with_capacity(blocks.len());
    let mut end = 0;
    for block in blocks {
        let skip = end.max(block.address) - block.address;
        if skip >= block.len {
            continue;
        }
        result.push(Block {
            address: block.address + skip,
            offset: block.offset.saturating_add(skip),
            len: block.len - skip,
        });
        end = block.address + block.len;
    }
    result
}

fn holding(blocks: &[Block], address: u64) -> Option<(u64, u64)> {
    let after = blocks.partition_point(|block| block.address <= address);
    let block = blocks.get(after.checked_sub(1)?)?;
    let into = address - block.address;
    (into < block.len).then(|| (block.offset.saturating_add(into), block.len - into))
}

/// The blocks of a minidump as virtual memory.
#[derive(Clone, Copy)]
pub struct SparseSpace<'a> {
    source: &'a dyn Source,
    map: &'a BlockMap,
}

impl<'a> SparseSpace<'a> {
    /// The memory in `source` that `map` lays out.
    #[must_use]
    pub fn new(source: &'a dyn Source, map: &'a BlockMap) -> Self {
        Self { source, map }
    }

    /// Where its blocks are.
    #[must_use]
    pub fn map(&self) -> &'a BlockMap {
        self.map
    }
}

impl core::fmt::Debug for SparseSpace<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "SparseSpace({} bytes)", self.map.total())
    }
}

impl AddressSpace for SparseSpace<'_> {
    fn read(&self, address: VirtualAddress, buf: &mut [u8]) -> Result<(), Missing> {
        let mut result = Ok(());
        let mut address = address.0;
        let mut rest = buf;
        while !rest.is_empty() {
            let wanted = rest.len();
            let Some((offset, len)) = self.map.find(address) else {
                // Bytes that are not fetched yet may come; these will not.
                return Err(self.map.missing(address, wanted as u64));
            };
            let take = wanted.min(usize::try_from(len).unwrap_or(wanted));
            let (here, next) = rest.split_at_mut(take);
            let read = self.source.read_at(offset, here).map_err(Missing::from);
            result = result.and(read);
            rest = next;
            address = match address.checked_add(take as u64) {
                Some(next) => next,
                None if rest.is_empty() => break,
                None => return Err(Missing::Unmapped),
            };
        }
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::AddressSpaceExt;
    use crate::source::Slice;

    fn block(address: u64, offset: u64, len: u64) -> Block {
        Block {
            address,
            offset,
            len,
        }
    }

    fn file() -> Vec<u8> {
        (0..=255).collect()
    }

    #[test]
    fn a_read_crosses_from_block_to_block_and_says_what_is_missing() {
        let file = file();
        let map = BlockMap::new([block(0x1010, 0x40, 0x10), block(0x1000, 0x80, 0x10)], 256);
        let source = Slice(&file);
        let space = SparseSpace::new(&source, &map);
        assert_eq!(space.u32(VirtualAddress(0x100E)), Ok(0x4140_8F8E));
        assert_eq!(space.u16(VirtualAddress(0x101F)), Err(Missing::Unmapped));
        assert_eq!(space.u16(VirtualAddress(0xFFF)), Err(Missing::Unmapped));
        assert_eq!(space.u64(VirtualAddress(u64::MAX)), Err(Missing::Unmapped));
        assert_eq!(map.total(), 0x20);
    }

    #[test]
    fn overlapping_blocks_give_each_byte_once() {
        let map = BlockMap::new(
            [
                block(0x1000, 0, 0x40),
                block(0x1010, 0x90, 0x10),
                block(0x1020, 0x40, 0x40),
                block(0x1000, 0x70, 0x8),
                block(u64::MAX - 3, 0, 8),
            ],
            256,
        );
        assert_eq!(map.total(), 0x60);
        assert_eq!(map.find(0x1004), Some((4, 0x3C)));
        assert_eq!(map.find(0x1045), Some((0x65, 0x1B)));
        assert_eq!(map.find(0x1060), None);
    }

    #[test]
    fn what_the_file_cuts_off_is_truncated_and_hides_nothing() {
        let file = file();
        let map = BlockMap::new([block(0x1000, 0xF0, 0x20), block(0x1018, 0, 8)], 256);
        let source = Slice(&file);
        let space = SparseSpace::new(&source, &map);
        assert_eq!(space.u64(VirtualAddress(0x1018)), Ok(0x0706_0504_0302_0100));
        let read = space.u64(VirtualAddress(0x100C));
        assert!(
            matches!(read, Err(Missing::File(ReadError::Truncated { .. }))),
            "{read:?}"
        );
    }
}
