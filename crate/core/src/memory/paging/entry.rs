//! Page-table entries that are not valid: what Windows notes in them of a page that is not in
//! place.
//!
//! Sources: the `_MMPTE_*` structures of Microsoft's public symbols as ntdiff and Vergilius list
//! them; MemProcFS, volatility3 and kdmp-parser for how they are told apart. PageFileLow moved
//! from bit 1 to bit 12 in build 17134. Kernels since 2018 keep a mask in the frame bits of
//! entries that are not valid, where bit 4 is clear, against speculative reads (L1TF).

use super::PagingMode;
use crate::memory::VirtualAddress;

/// Bits that all architectures share.
const PROTOTYPE: u64 = 1 << 10;
const TRANSITION: u64 = 1 << 11;
/// Set when the mask was not applied. x64 only.
const NOT_SWIZZLED: u64 = 1 << 4;
/// Bits that the mask can have: above the low 4 GB, within a physical address.
const MASK_BITS: u64 = 0x000F_FFFF_0000_0000;
/// The build from which on the page-file number stands in bits 12 to 15.
const PAGE_FILE_MOVED: u32 = 17_134;
/// The bit of the mask on machines with up to 46 bits of physical address, as MemProcFS and
/// volatility3 take it to be.
const USUAL_MASK: u64 = 1 << 45;
/// A prototype's address that only says that the VAD knows more, and the page number that does.
const ALL_48: u64 = 0x0000_FFFF_FFFF_FFFF;
const LOOKUP_NEEDED: u64 = 0xFFFF_FFFF;
/// MM_DECOMMIT among the protections.
const DECOMMITTED: u64 = 0x10;
/// Kernel addresses of 32-bit Windows.
const X86_KERNEL: u64 = 0x8000_0000;

/// How this Windows writes entries that are not valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EntryFormat {
    /// The mode of the tables.
    pub mode: PagingMode,
    /// The build; it decides where the page-file number stands.
    pub build: u32,
    /// MiState.Hardware.InvalidPteMask, where somebody read it.
    pub invalid_mask: Option<u64>,
}

/// What an entry that is not valid says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Invalid {
    /// The page is on its way in or out, and its frame still holds it. The candidates for the
    /// frame's physical address, the likeliest first.
    Transition([u64; 3]),
    /// Another entry at that address says where the page is.
    Prototype(VirtualAddress),
    /// The page belongs to a file or section whose state is elsewhere.
    Elsewhere,
    /// In a page file.
    PageFile {
        /// Which.
        file: u8,
        /// At which page of it; `None` where the mask decides and is not known.
        page: Option<u64>,
    },
    /// Committed and never touched, so it has no contents yet.
    DemandZero,
    /// Nothing is there.
    Nothing,
}

impl EntryFormat {
    /// What `entry` says, which is not valid. `frames` is the first page frame that cannot be.
    #[must_use]
    pub fn classify(&self, entry: u64, frames: u64) -> Invalid {
        if entry == 0 {
            return Invalid::Nothing;
        }
        if entry & PROTOTYPE != 0 {
            return self.prototype(entry);
        }
        if entry & TRANSITION != 0 {
            return Invalid::Transition(self.frames(entry, frames));
        }
        self.software(entry)
    }

    /// Whether this Windows keeps a mask in entries that are not valid. x64 alone does.
    #[must_use]
    pub fn swizzles(&self) -> bool {
        let x64 = matches!(self.mode, PagingMode::X64 | PagingMode::X64FiveLevels);
        x64 && self.build >= PAGE_FILE_MOVED
    }

    /// The same, with the mask that stands in the kernel, if it can be one.
    #[must_use]
    pub fn with_mask(self, mask: Option<u64>) -> Self {
        Self {
            invalid_mask: mask.filter(|mask| mask & !MASK_BITS == 0),
            ..self
        }
    }

    /// Whether the mask was applied to this entry.
    fn is_swizzled(&self, entry: u64) -> bool {
        self.swizzles() && entry & NOT_SWIZZLED == 0
    }

    fn frames(&self, entry: u64, frames: u64) -> [u64; 3] {
        let address_mask = self.mode.address_mask();
        let plain = entry & address_mask;
        if !self.is_swizzled(entry) {
            return [plain; 3];
        }
        if let Some(mask) = self.invalid_mask {
            return [(entry ^ mask) & address_mask; 3];
        }
        // The mask flips bits that no frame of this machine has.
        let most = frames.max(1).next_power_of_two().saturating_mul(0x1000);
        [plain, plain & !USUAL_MASK, plain & (most - 1)]
    }

    /// Whether the protection is the one of pages that were given back.
    fn is_decommitted(&self, entry: u64) -> bool {
        let protection = if self.mode == PagingMode::Arm64 { 1 } else { 5 };
        entry >> protection & 0x1F == DECOMMITTED
    }

    fn prototype(&self, entry: u64) -> Invalid {
        let address = match self.mode {
            PagingMode::X86 => X86_KERNEL | (entry >> 1 & 0x7FFF_FC00) | (entry << 1 & 0x3FF),
            PagingMode::Pae => entry >> 32,
            _ if entry >> 16 == ALL_48 => return Invalid::Elsewhere,
            _ => (entry as i64 >> 16) as u64,
        };
        let kernel = if self.mode.is_32_bit() {
            (X86_KERNEL..LOOKUP_NEEDED).contains(&address)
        } else {
            address >> 63 != 0
        };
        if kernel {
            Invalid::Prototype(VirtualAddress(address))
        } else {
            Invalid::Elsewhere
        }
    }

    fn software(&self, entry: u64) -> Invalid {
        let (low, high) = match self.mode {
            PagingMode::X86 => (1, 12),
            PagingMode::Arm64 => (6, 32),
            _ if self.build >= PAGE_FILE_MOVED => (12, 32),
            _ => (1, 32),
        };
        let swizzled = self.is_swizzled(entry);
        let entry = match self.invalid_mask {
            // Entries of untouched pages are seen with the mask and without.
            Some(mask) if swizzled && entry >> 32 != 0 => entry ^ mask & !0xFFFF_FFFF,
            _ => entry,
        };
        let file = (entry >> low & 0xF) as u8;
        let page = entry >> high;
        match page {
            0 if self.is_decommitted(entry) => Invalid::Nothing,
            // Before anything is written out, the page number of an entry stays zero.
            0 => Invalid::DemandZero,
            LOOKUP_NEEDED => Invalid::Elsewhere,
            // With the mask unknown, an entry of nothing but the mask is an untouched page.
            _ if self.invalid_mask.is_none()
                && swizzled
                && page << 32 == USUAL_MASK
                && file == 0 =>
            {
                Invalid::DemandZero
            }
            // The mask is of bits above all frames, and so leaves the file's number alone.
            _ => Invalid::PageFile {
                file,
                page: (self.invalid_mask.is_some() || !swizzled).then_some(page),
            },
        }
    }
}
