//! The shapes of page tables.
//!
//! Sources: Intel SDM volume 3 chapter 4 for x64 and 32-bit tables; Arm ARM section D8 for ARM64
//! with granules of 4 KiB. What the bits of an entry mean that is not valid is Windows' own:
//! see `entry`.

use crate::memory::{Level, VirtualAddress};

/// How a machine translates addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PagingMode {
    /// x64 with four levels: 48 bits of address.
    X64,
    /// x64 with five levels: 57 bits of address.
    X64FiveLevels,
    /// 32-bit x86 with entries of 64 bits.
    Pae,
    /// 32-bit x86 with entries of 32 bits.
    X86,
    /// ARM64 with granules of 4 KiB; the top table is indexed with address bit 47 too, so that
    /// one table serves both halves of the address space, as in Windows.
    Arm64,
}

/// One level of tables.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rank {
    pub level: Level,
    /// Address bits below this level's index.
    pub shift: u32,
    /// Bits of the index.
    pub bits: u32,
    /// Whether an entry may map memory itself.
    pub large: bool,
}

const fn rank(level: Level, shift: u32, bits: u32, large: bool) -> Rank {
    Rank {
        level,
        shift,
        bits,
        large,
    }
}

static LONG: [Rank; 5] = [
    rank(Level::Pml5, 48, 9, false),
    rank(Level::Pml4, 39, 9, false),
    rank(Level::Pdpt, 30, 9, true),
    rank(Level::Pd, 21, 9, true),
    rank(Level::Pt, 12, 9, false),
];
static PAE: [Rank; 3] = [
    rank(Level::Pdpt, 30, 2, false),
    rank(Level::Pd, 21, 9, true),
    rank(Level::Pt, 12, 9, false),
];
static PLAIN: [Rank; 2] = [
    rank(Level::Pd, 22, 10, true),
    rank(Level::Pt, 12, 10, false),
];

/// Page size bit of x86 and x64 entries.
const PAGE_SIZE: u64 = 1 << 7;
/// Set in an ARM64 entry that leads to a table, or to a page at the last level.
const ARM_TABLE: u64 = 1 << 1;

impl PagingMode {
    /// Levels from the top.
    pub(super) fn levels(self) -> &'static [Rank] {
        match self {
            Self::X64FiveLevels => &LONG,
            Self::X64 | Self::Arm64 => LONG.get(1..).unwrap_or_default(),
            Self::Pae => &PAE,
            Self::X86 => &PLAIN,
        }
    }

    /// Bytes in an entry.
    #[must_use]
    pub fn entry_width(self) -> u8 {
        if self == Self::X86 { 4 } else { 8 }
    }

    /// Bytes in a pointer.
    #[must_use]
    pub fn pointer_width(self) -> u8 {
        if self.is_32_bit() { 4 } else { 8 }
    }

    /// Whether addresses have 32 bits.
    #[must_use]
    pub fn is_32_bit(self) -> bool {
        matches!(self, Self::Pae | Self::X86)
    }

    /// Bits of an entry that are a physical address.
    pub(super) fn address_mask(self) -> u64 {
        match self {
            Self::X64 | Self::X64FiveLevels => 0x000F_FFFF_FFFF_F000,
            // Windows on x86 uses 36 bits, client editions 32; processors that run it have 40.
            Self::Pae => 0x0000_00FF_FFFF_F000,
            Self::X86 => 0xFFFF_F000,
            Self::Arm64 => 0x0003_FFFF_FFFF_F000,
        }
    }

    /// The physical address of the top table in a register or field that may hold other bits:
    /// PCID on x64, ASID on ARM64; the PAE table of four entries is aligned to 32 bytes.
    pub(super) fn root(self, value: u64) -> u64 {
        match self {
            Self::Pae => value & 0xFFFF_FFE0,
            Self::Arm64 => value & 0x0000_FFFF_FFFF_F000,
            _ => value & self.address_mask(),
        }
    }

    /// The address as the tables take it; `None` for one that no table can map.
    pub(super) fn canonical(self, address: VirtualAddress) -> Option<u64> {
        let sign_from = match self {
            Self::Pae | Self::X86 => {
                // KDBG and some lists extend 32-bit addresses by their sign.
                let high = address.0 >> 32;
                return (high == 0 || high == 0xFFFF_FFFF).then_some(address.0 & 0xFFFF_FFFF);
            }
            Self::X64FiveLevels => 57,
            Self::X64 | Self::Arm64 => 48,
        };
        let unused = 64 - sign_from;
        let extended = ((address.0 << unused) as i64 >> unused) as u64;
        (extended == address.0).then_some(address.0)
    }

    /// Whether the processor uses an entry of that level; prototype entries have the form of those
    /// of the last.
    #[must_use]
    pub fn uses(self, level: Level, entry: u64) -> bool {
        let ranks = self.levels();
        let rank = ranks.iter().find(|rank| rank.level == level);
        rank.or(ranks.last())
            .is_some_and(|rank| self.is_valid(rank, entry))
    }

    /// The number of an address's entry in the table of that level.
    #[must_use]
    pub fn index(self, level: Level, address: VirtualAddress) -> Option<u32> {
        let rank = self.levels().iter().find(|rank| rank.level == level)?;
        let va = self.canonical(address)?;
        Some((va >> rank.shift & ((1 << rank.bits) - 1)) as u32)
    }

    /// The physical address in a valid entry, large pages with the bits below their size.
    #[must_use]
    pub fn frame(self, entry: u64) -> u64 {
        entry & self.address_mask()
    }

    /// Whether a valid entry maps memory itself.
    pub(super) fn maps(self, rank: &Rank, entry: u64) -> bool {
        rank.level == Level::Pt
            || rank.large
                && match self {
                    Self::Arm64 => entry & ARM_TABLE == 0,
                    _ => entry & PAGE_SIZE != 0,
                }
    }

    /// Whether the processor uses an entry.
    pub(super) fn is_valid(self, rank: &Rank, entry: u64) -> bool {
        let arm_page = self != Self::Arm64 || rank.level != Level::Pt || entry & ARM_TABLE != 0;
        entry & 1 != 0 && arm_page
    }
}
