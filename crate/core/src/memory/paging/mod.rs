//! Virtual memory through page tables: what the processor would do with an address, and what
//! Windows would do where the processor could not.
//!
//! A page that is in transition is read from its frame, and one that a prototype entry describes
//! through that entry. A page in a page file, or one that was never touched, is missing for that
//! reason. Every answer rests on bytes that were read; what is kept of it is bounded.

mod entry;
mod mode;
#[cfg(test)]
mod tests;

pub use entry::{EntryFormat, Invalid};
pub use mode::PagingMode;

use super::{AddressSpace, Level, Missing, Pfn, PhysicalAddress, PhysicalMemory, VirtualAddress};
use alloc::{vec, vec::Vec};
use core::cell::RefCell;
use core::fmt;
use mode::Rank;

/// Bytes in a page.
const PAGE: u64 = 0x1000;
/// Prototype entries that lead to prototype entries: Windows has none.
const MAX_DEPTH: u8 = 2;
/// Translations kept.
const KEPT: usize = 512;

/// Where an entry stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryAddress {
    /// In a page table.
    Physical(PhysicalAddress),
    /// A prototype entry, in the kernel's memory.
    Virtual(VirtualAddress),
}

/// One entry that a translation went through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// Its level.
    pub level: Level,
    /// Where it stands.
    pub address: EntryAddress,
    /// What it holds.
    pub value: u64,
}

/// Where an address leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mapped {
    /// The physical address.
    pub address: PhysicalAddress,
    /// Bytes in the page: 4 KiB, or 2 MiB, 4 MiB, 1 GiB for large ones.
    pub page_size: u64,
    /// Whether the page was in transition: no processor could use it, but its contents are there.
    pub transition: bool,
}

/// A translation with all that it went through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Translation {
    /// The entries, from the top table down.
    pub steps: Vec<Step>,
    /// Where it led, or why nowhere.
    pub outcome: Result<Mapped, Missing>,
}

/// The virtual memory of the dumped machine, through its page tables.
pub struct KernelSpace<'a> {
    physical: PhysicalMemory<'a>,
    format: EntryFormat,
    /// The kernel's top table.
    kernel: u64,
    /// The top table in use: the kernel's, or a process's.
    root: u64,
    /// Page and its frame's address, at the page number modulo the length.
    kept: RefCell<Vec<Option<(u64, u64)>>>,
}

impl fmt::Debug for KernelSpace<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KernelSpace({:?}, root {:#x})", self.format, self.root)
    }
}

impl<'a> KernelSpace<'a> {
    /// The memory below the top table at `root`, which may hold other bits, as CR3 does.
    #[must_use]
    pub fn new(physical: PhysicalMemory<'a>, format: EntryFormat, root: u64) -> Self {
        let root = format.mode.root(root);
        Self {
            physical,
            format,
            kernel: root,
            root,
            kept: RefCell::new(vec![None; KEPT]),
        }
    }

    /// The memory as the process with the top table at `root` sees it.
    #[must_use]
    pub fn process(&self, root: u64) -> KernelSpace<'a> {
        KernelSpace {
            root: self.format.mode.root(root),
            kernel: self.kernel,
            ..Self::new(self.physical, self.format, root)
        }
    }

    /// The physical memory.
    #[must_use]
    pub fn physical(&self) -> PhysicalMemory<'a> {
        self.physical
    }

    /// The physical address of the top table in use.
    #[must_use]
    pub fn root(&self) -> u64 {
        self.root
    }

    /// How entries are read.
    #[must_use]
    pub fn format(&self) -> EntryFormat {
        self.format
    }

    /// Every entry that the translation of `address` goes through, and where it ends.
    #[must_use]
    pub fn translate(&self, address: VirtualAddress) -> Translation {
        let mut steps = Vec::new();
        let outcome = self.walk(self.root, address, 0, &mut |step| steps.push(step));
        Translation { steps, outcome }
    }

    /// The physical address of a byte.
    ///
    /// # Errors
    /// See [`Missing`].
    pub fn physical_address(&self, address: VirtualAddress) -> Result<PhysicalAddress, Missing> {
        let page = address.0 / PAGE;
        let slot = (page % KEPT as u64) as usize;
        let kept = self.kept.borrow().get(slot).copied().flatten();
        if let Some((_, frame)) = kept.filter(|&(of, _)| of == page) {
            return Ok(PhysicalAddress(frame | (address.0 % PAGE)));
        }
        let mapped = self.walk(self.root, address, 0, &mut |_| ())?;
        if let Some(place) = self.kept.borrow_mut().get_mut(slot) {
            *place = Some((page, mapped.address.0 & !(PAGE - 1)));
        }
        Ok(mapped.address)
    }

    fn walk(
        &self,
        root: u64,
        address: VirtualAddress,
        depth: u8,
        note: &mut dyn FnMut(Step),
    ) -> Result<Mapped, Missing> {
        let mode = self.format.mode;
        let va = mode.canonical(address).ok_or(Missing::Unmapped)?;
        let width = mode.entry_width();
        let mut table = root;
        for rank in mode.levels() {
            let index = va >> rank.shift & ((1 << rank.bits) - 1);
            let at = PhysicalAddress(table.saturating_add(index * u64::from(width)));
            let entry = self.physical.word(at, width)?;
            note(Step {
                level: rank.level,
                address: EntryAddress::Physical(at),
                value: entry,
            });
            if !mode.is_valid(rank, entry) {
                if rank.level == Level::Pt {
                    return self.absent(entry, va, depth, rank.level, note);
                }
                table = self.table_in_transition(entry, rank.level)?;
                continue;
            }
            if mode.maps(rank, entry) {
                return Ok(self.mapped(rank, entry, va));
            }
            table = entry & mode.address_mask();
        }
        Err(Missing::Unmapped)
    }

    fn mapped(&self, rank: &Rank, entry: u64, va: u64) -> Mapped {
        let page_size = 1 << rank.shift;
        let frame = entry & self.format.mode.address_mask() & !(page_size - 1);
        Mapped {
            address: PhysicalAddress(frame | va & (page_size - 1)),
            page_size,
            transition: false,
        }
    }

    /// A page table that is on its way out still is one.
    fn table_in_transition(&self, entry: u64, level: Level) -> Result<u64, Missing> {
        match self
            .format
            .classify(entry, self.physical.index().end_frame())
        {
            Invalid::Transition(candidates) => self.frame(candidates),
            Invalid::PageFile { file, page } => Err(Missing::PagedOut {
                page_file: file,
                page,
            }),
            _ => Err(Missing::NotPresent(level)),
        }
    }

    /// The first candidate that the dump holds.
    fn frame(&self, candidates: [u64; 3]) -> Result<u64, Missing> {
        for candidate in candidates {
            if self.physical.holds(Pfn(candidate / PAGE))? {
                return Ok(candidate);
            }
        }
        let [.., last] = candidates;
        Err(Missing::NotInDump(PhysicalAddress(last)))
    }

    fn absent(
        &self,
        entry: u64,
        va: u64,
        depth: u8,
        level: Level,
        note: &mut dyn FnMut(Step),
    ) -> Result<Mapped, Missing> {
        match self
            .format
            .classify(entry, self.physical.index().end_frame())
        {
            Invalid::Nothing => Err(Missing::NotPresent(level)),
            Invalid::DemandZero => Err(Missing::DemandZero),
            Invalid::Elsewhere => Err(Missing::Elsewhere),
            Invalid::PageFile { file, page } => Err(Missing::PagedOut {
                page_file: file,
                page,
            }),
            Invalid::Transition(candidates) => Ok(Mapped {
                address: PhysicalAddress(self.frame(candidates)? | va & (PAGE - 1)),
                page_size: PAGE,
                transition: true,
            }),
            Invalid::Prototype(at) if depth < MAX_DEPTH && level == Level::Pt => {
                self.through_prototype(at, va, depth, note)
            }
            // A prototype entry that says so itself names a part of a file.
            Invalid::Prototype(_) => Err(Missing::Elsewhere),
        }
    }

    /// Reads the page that the prototype entry at `at` describes.
    fn through_prototype(
        &self,
        at: VirtualAddress,
        va: u64,
        depth: u8,
        note: &mut dyn FnMut(Step),
    ) -> Result<Mapped, Missing> {
        let width = self.format.mode.entry_width();
        let place = self.walk(self.kernel, at, depth + 1, &mut |_| ())?;
        let entry = self.physical.word(place.address, width)?;
        note(Step {
            level: Level::Prototype,
            address: EntryAddress::Virtual(at),
            value: entry,
        });
        let (Some(last), mode) = (self.format.mode.levels().last(), self.format.mode) else {
            return Err(Missing::Unmapped);
        };
        if mode.is_valid(last, entry) {
            return Ok(self.mapped(last, entry, va));
        }
        self.absent(entry, va, depth + 1, Level::Prototype, note)
    }
}

/// Tables of the last level that are asked for side by side.
const TABLES_AHEAD: usize = 16;

impl KernelSpace<'_> {
    /// The table of the level before the last in which `address` is translated, and the index in
    /// it; nothing while a table above it is missing.
    fn table_of_tables(&self, address: VirtualAddress) -> Option<(u64, u64)> {
        let mode = self.format.mode;
        let va = mode.canonical(address)?;
        let mut table = self.root;
        let (_, above) = mode.levels().split_last()?;
        let (rank, above) = above.split_last()?;
        for rank in above {
            let index = va >> rank.shift & ((1 << rank.bits) - 1);
            let width = mode.entry_width();
            let at = table.checked_add(index * u64::from(width))?;
            let entry = self.physical.word(PhysicalAddress(at), width).ok()?;
            if !mode.is_valid(rank, entry) || mode.maps(rank, entry) {
                return None;
            }
            table = entry & mode.address_mask();
        }
        Some((table, va >> rank.shift & ((1 << rank.bits) - 1)))
    }

    /// Asks for the tables of the last level that map what is nearest to `address`.
    fn ask_tables(&self, address: VirtualAddress) -> Option<()> {
        let (table, index) = self.table_of_tables(address)?;
        let mode = self.format.mode;
        let (_, above) = mode.levels().split_last()?;
        let rank = above.last()?;
        let width = mode.entry_width();
        let count = 1_u64 << rank.bits;
        let mut asked = 0;
        for distance in 0..count {
            let below = index.checked_sub(distance).filter(|_| distance > 0);
            let both = [below, index.checked_add(distance)];
            for index in both.into_iter().flatten().filter(|&index| index < count) {
                let at = PhysicalAddress(table.checked_add(index * u64::from(width))?);
                let entry = self.physical.word(at, width).ok()?;
                if asked < TABLES_AHEAD && mode.is_valid(rank, entry) && !mode.maps(rank, entry) {
                    asked += 1;
                    let at = PhysicalAddress(entry & mode.address_mask());
                    let _ = self.physical.word(at, width);
                }
            }
        }
        Some(())
    }
}

impl AddressSpace for KernelSpace<'_> {
    fn expect_near(&self, address: VirtualAddress) {
        self.ask_tables(address);
    }

    fn read(&self, address: VirtualAddress, buf: &mut [u8]) -> Result<(), Missing> {
        let mut result = Ok(());
        let mut at = address.0;
        let mut rest = buf;
        while !rest.is_empty() {
            let take = rest.len().min((PAGE - at % PAGE) as usize);
            let (here, next) = rest.split_at_mut(take);
            let read = self
                .physical_address(VirtualAddress(at))
                .and_then(|physical| self.physical.read(physical, here));
            match read {
                Ok(()) => {}
                // Bytes that are not fetched yet may come; those behind are asked for too.
                Err(Missing::File(_)) => result = result.and(read),
                Err(why) => return result.and(Err(why)),
            }
            rest = next;
            at = match at.checked_add(take as u64) {
                Some(next) => next,
                None if rest.is_empty() => break,
                None => return result.and(Err(Missing::Unmapped)),
            };
        }
        result
    }
}
