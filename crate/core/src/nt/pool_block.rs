//! Blocks of kernel pool, as their headers tell them: how long each is, whose tag it carries, and
//! where in its page the chain of headers breaks because somebody wrote past the end of a block.
//!
//! Layout: POOL_HEADER as published in Windows symbols, unchanged from 6.0 to 26100. Each header says
//! how long its block is and how long the one in front of it. From 18362 on most of the pool is a
//! segment heap: a header still carries tag and size of its own block, but no longer leads to the
//! neighbours, which are looked for one by one (the forms of a header that the heap writes: Windows
//! symbols, and published listings of !pool).

use crate::memory::{AddressSpace, AddressSpaceExt, VirtualAddress};
use alloc::vec::Vec;

/// The first build whose pool is a segment heap.
const SEGMENT_HEAP: u32 = 18362;
const PAGE: u64 = 0x1000;
/// Types that a header of a segment heap has: held, of either pool, with or without a quota.
const HELD: [u32; 4] = [0x02, 0x03, 0x0A, 0x0B];
/// Where the tag stands in a header.
const TAG: u64 = 4;

/// Sizes and bits of a header.
struct Layout {
    /// Bytes of a header, and the unit of sizes.
    header: u64,
    /// Bits of a size, and where that of the block itself begins.
    size_bits: u32,
    own_size: u32,
    /// Where the type begins; a free block has none.
    kind: u32,
}

const WIDE: Layout = Layout {
    header: 0x10,
    size_bits: 8,
    own_size: 16,
    kind: 24,
};
const NARROW: Layout = Layout {
    header: 8,
    size_bits: 9,
    own_size: 16,
    kind: 25,
};

/// A block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolBlock {
    /// Where its header is.
    pub address: VirtualAddress,
    /// Bytes, with the header.
    pub size: u64,
    /// What its header says of the one in front: bytes.
    pub previous: u64,
    /// Its tag.
    pub tag: [u8; 4],
    /// Whether nobody has it.
    pub free: bool,
}

/// A page of pool, as far as its headers lead.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PoolPage {
    /// The blocks whose headers agree with one another, from the beginning of the page.
    pub blocks: Vec<PoolBlock>,
    /// The header that does not agree with the block in front of it.
    pub damaged: Option<PoolBlock>,
}

/// Reads pool blocks.
#[derive(Clone, Copy)]
pub struct PoolReader<'a> {
    space: &'a dyn AddressSpace,
    layout: &'static Layout,
    chained: bool,
}

impl core::fmt::Debug for PoolReader<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "PoolReader({} bytes)", self.layout.header)
    }
}

impl<'a> PoolReader<'a> {
    /// A reader for a machine with pointers of `width` bytes, of a build.
    #[must_use]
    pub fn new(space: &'a dyn AddressSpace, width: u8, build: u32) -> Self {
        Self {
            space,
            layout: if width == 4 { &NARROW } else { &WIDE },
            chained: build < SEGMENT_HEAP,
        }
    }

    /// The header at an address, whatever it says.
    #[must_use]
    pub fn header(&self, address: VirtualAddress) -> Option<PoolBlock> {
        let word = self.space.u32(address).ok()?;
        let tag = self.space.u32(address.checked_add(TAG)?).ok()?;
        let size = |from: u32| {
            let units = word >> from & ((1 << self.layout.size_bits) - 1);
            u64::from(units) * self.layout.header
        };
        Some(PoolBlock {
            address,
            size: size(self.layout.own_size),
            previous: size(0),
            tag: tag.to_le_bytes(),
            free: word >> self.layout.kind == 0,
        })
    }

    /// The header in front of what an owner of a block was given.
    #[must_use]
    pub fn header_of(&self, given: VirtualAddress) -> Option<PoolBlock> {
        self.header(VirtualAddress(given.0.checked_sub(self.layout.header)?))
    }

    /// What of the pool of a segment heap lies at an address and in front of it within the page: the
    /// block that holds it and the one before, as far as headers are found that the heap could have
    /// written. Not every block has a header, so what lies between two is unknown.
    #[must_use]
    pub fn before(&self, address: VirtualAddress) -> Vec<PoolBlock> {
        let mut found = Vec::new();
        let start = address.0 - address.0 % PAGE;
        let mut at = address.0 - address.0 % self.layout.header;
        while !self.chained && at >= start && found.len() < 2 {
            let block = self.header(VirtualAddress(at)).filter(|block| {
                let word = self.space.u32(VirtualAddress(at)).unwrap_or_default();
                let held = HELD.contains(&(word >> self.layout.kind)) && word & 0xFFFF == 0;
                let text = block.tag.iter().all(|b| (0x20..0x7F).contains(b));
                held && text && block.size > self.layout.header && block.size <= PAGE
            });
            // A second one inside the first was written over it, or is data.
            let behind = found
                .last()
                .map_or(u64::MAX, |last: &PoolBlock| last.address.0);
            if let Some(block) = block.filter(|block| at.saturating_add(block.size) <= behind) {
                found.push(block);
            }
            let Some(next) = at.checked_sub(self.layout.header) else {
                break;
            };
            at = next;
        }
        found
    }

    /// The blocks of the page in which an address lies; `None` where its headers lead nowhere,
    /// as in a block of whole pages or in a segment heap.
    #[must_use]
    pub fn page_of(&self, address: VirtualAddress) -> Option<PoolPage> {
        let start = address.0 - address.0 % PAGE;
        let mut page = PoolPage::default();
        let (mut into, mut previous) = (0, 0);
        while self.chained && into < PAGE {
            let block = self.header(VirtualAddress(start.checked_add(into)?))?;
            let fits = block.size > 0 && block.size <= PAGE - into;
            let text = block.tag.map(|b| b & 0x7F).iter().all(|b| *b >= 0x20);
            if block.previous != previous || !fits || !(text || block.free) {
                page.damaged = Some(block);
                break;
            }
            previous = block.size;
            into += block.size;
            page.blocks.push(block);
        }
        (!page.blocks.is_empty()).then_some(page)
    }
}
