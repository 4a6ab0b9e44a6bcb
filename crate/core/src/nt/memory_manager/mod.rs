//! The memory manager's own figures: what the debugger's `!vm` prints, read without symbols.
//!
//! Up to Windows 8.1 every counter is a variable of its own, and the debugger data block or the
//! symbol tables of known kernels say where ([`globals`]). Since Windows 10 they are members of two
//! structures that nothing exports: the system partition (`MiSystemPartition`, [`partition`]) and
//! the memory manager's state (`MiState`, [`state`]). Those are found by the kernel's identity, else
//! by what must stand in them. Servicing moves members within a build, so every known layout is
//! tried in the order of its probability and the figures decide; what none fits is withheld.
//!
//! Sources: Microsoft's public symbols as collected by JPCERTCC/Windows-Symbol-Tables and Vergilius;
//! 26100 from ntdiff. Invariants: outputs of `!vm` that people published.

pub mod checks;
mod globals;
mod neighbours;
mod page_files;
mod partition;
mod scan;
mod state;

use super::DebuggerData;
use crate::memory::{AddressSpace, AddressSpaceExt, Missing, VirtualAddress};
use crate::model::{Confidence, Counter, Gap, Hex, PageFile};
use crate::source::ReadError;
use crate::symbols::layout::{How, Layouts, Shape};
use alloc::collections::BTreeMap;
use alloc::{format, string::String, vec::Vec};
use core::cell::{Cell, RefCell};
use neighbours::Zero;

/// The first build whose counters are members of structures.
const PARTITIONS_FROM: u32 = 10_240;

/// What the figures are read with.
#[derive(Clone, Copy)]
pub struct Target<'a> {
    /// The kernel's memory.
    pub space: &'a dyn AddressSpace,
    /// Layouts of this kernel.
    pub layouts: &'a Layouts<'a>,
    /// The debugger data block, where it is readable.
    pub debugger_data: Option<&'a DebuggerData>,
    /// Where the kernel was loaded.
    pub kernel: VirtualAddress,
    /// Pages of physical memory as something else counted them.
    pub pages: Option<u64>,
}

/// What was found.
#[derive(Clone, Debug, Default)]
pub struct MemoryManager {
    /// By their names in the report.
    pub counters: BTreeMap<&'static str, Counter>,
    /// Page files; empty with `page_files_known` means that there are none.
    pub page_files: Vec<PageFile>,
    /// Whether the list of page files is whole.
    pub page_files_known: bool,
    /// What is missing and why, in sentences.
    pub limits: Vec<String>,
}

/// Figures that a dump with pages should give. One that was not found says so.
const EXPECTED: &[&str] = &[
    "available",
    "resident_available",
    "zeroed",
    "free",
    "standby",
    "modified",
    "modified_no_write",
    "committed",
    "committed_peak",
    "commit_limit",
    "shared_commit",
    "process_commit",
    "driver_commit",
    "page_tables",
    "paged_pool",
    "paged_pool_maximum",
    "nonpaged_pool",
    "nonpaged_pool_maximum",
    "free_system_ptes",
    "mdl_pages",
    "failed_commit_charges",
    "page_hash_errors",
    "standby_0",
    "standby_1",
    "standby_2",
    "standby_3",
    "standby_4",
    "standby_5",
    "standby_6",
    "standby_7",
    "transition",
    "paged_pool_commit",
    "nonpaged_pool_commit",
    "kernel_stacks",
    "contiguous",
    "physical_vads",
    "process_locked",
    "locked_io",
    "large_pages",
];

/// Figures that are never zero while Windows runs: such a zero is another member's place.
const NEVER_ZERO: &[&str] = &[
    "physical",
    "resident_available",
    "committed",
    "commit_limit",
    "committed_peak",
    "commit_limit_maximum",
    "shared_commit",
    "process_commit",
    "driver_commit",
    "page_tables",
    "paged_pool",
    "paged_pool_maximum",
    "paged_pool_commit",
    "nonpaged_pool",
    "nonpaged_pool_maximum",
    "nonpaged_pool_commit",
    "free_system_ptes",
    "mdl_pages",
    "kernel_stacks",
    "boot_commit",
    "page_frame_database",
];

/// Figures that are zero on many machines, with nothing that proves such a zero.
const OFTEN_ZERO: &[&str] = &[
    "modified_page_file",
    "contiguous",
    "physical_vads",
    "process_locked",
    "slab_allocator",
    "page_file_hash",
    "transition",
];

impl MemoryManager {
    /// Reads all of it.
    #[must_use]
    pub fn read(target: Target<'_>) -> Self {
        let watch = Watch {
            space: target.space,
            pending: Cell::new(false),
            unread: Cell::new(false),
        };
        let reader = Reader {
            target: Target {
                space: &watch,
                ..target
            },
            pending: &watch.pending,
            astray: Cell::new(false),
            shapes: RefCell::default(),
        };
        let mut found = Self::default();
        if target.layouts.identity().build < PARTITIONS_FROM {
            globals::read(&reader, &mut found);
        } else {
            let partition = partition::read(&reader, &mut found);
            state::read(&reader, partition.as_ref(), &mut found);
        }
        if watch.unread.get() {
            Self::fill_unread(&mut found.counters);
        }
        fill(
            &mut found.counters,
            "where this kernel keeps it is not known",
            Gap::UnknownLayout,
        );
        found
    }

    /// Says of every figure that is missing that it was not read: for a report that was stopped.
    pub fn fill_unread(counters: &mut BTreeMap<&'static str, Counter>) {
        fill(counters, "not everything was read", Gap::NotRead);
    }

    /// Takes a figure, unless it is there already or the layout has no such member.
    fn put(
        &mut self,
        name: &'static str,
        found: Option<Result<u64, Missing>>,
        source: String,
        confidence: Confidence,
    ) {
        let has = |counter: &Counter| counter.pages.is_some();
        let Some(found) = found.filter(|_| !self.counters.get(name).is_some_and(has)) else {
            return;
        };
        // Windows itself lets counters slip below zero; such a one says nothing.
        let negative = found.is_ok_and(|value| value >> 63 != 0);
        let empty = found == Ok(0) && NEVER_ZERO.contains(&name);
        let confidence = match found == Ok(0) && OFTEN_ZERO.contains(&name) {
            true => confidence.min(Confidence::Likely),
            false => confidence,
        };
        let counter = Counter {
            pages: found.ok().filter(|_| !negative && !empty).map(Hex),
            source: match (empty, negative) {
                (true, _) => source + "; it is zero there, which it never is while Windows runs",
                (_, true) => source + "; it is below zero there, which says nothing",
                _ => source,
            },
            confidence,
            gap: match found {
                Ok(_) if negative || empty => Some(Gap::NotRecorded),
                Ok(_) => None,
                Err(why) => Some(why.gap()),
            },
        };
        self.counters.insert(name, counter);
    }

    /// Takes a count that is zero on most machines: such a zero is no surer than what lies behind it,
    /// for an empty place is what a member leaves that servicing moved.
    fn put_count(
        &mut self,
        name: &'static str,
        (found, zero): (Result<u64, Missing>, Zero),
        source: String,
        confidence: Confidence,
    ) {
        let confidence = match zero {
            Zero::Proven => confidence,
            _ => Confidence::Possible,
        };
        self.put(name, Some(found), source, confidence);
        if zero == Zero::Doubtful {
            self.withhold(
                name,
                "it is zero there, but what lies behind it is not in order",
            );
        }
    }

    /// The pages of a figure.
    fn pages(&self, name: &str) -> Option<u64> {
        Some(self.counters.get(name)?.pages?.0)
    }

    /// Takes a figure back, and says why.
    fn withhold(&mut self, name: &'static str, why: &str) {
        let counter = self.counters.get_mut(name);
        if let Some(counter) = counter.filter(|counter| counter.pages.is_some()) {
            counter.pages = None;
            counter.gap = Some(Gap::UnknownLayout);
            counter.source = format!("{}; {why}", counter.source);
        }
    }

    /// Says of a figure that this Windows does not keep it.
    fn never(&mut self, name: &'static str, why: &str) {
        let counter = Counter {
            pages: None,
            source: why.into(),
            confidence: Confidence::Certain,
            gap: Some(Gap::NotRecorded),
        };
        self.counters.insert(name, counter);
    }
}

/// Gives the figures that a dump with pages should have, and this one lacks, a reason.
fn fill(counters: &mut BTreeMap<&'static str, Counter>, why: &str, gap: Gap) {
    for &name in EXPECTED {
        counters.entry(name).or_insert_with(|| Counter {
            pages: None,
            source: why.into(),
            confidence: Confidence::Possible,
            gap: Some(gap),
        });
    }
}

/// Memory that notes whether something of it was not there yet: then nothing is searched for, since
/// what is asked next may already be the answer.
struct Watch<'a> {
    space: &'a dyn AddressSpace,
    pending: Cell<bool>,
    /// Something will never be there, because the reading was stopped.
    unread: Cell<bool>,
}

impl AddressSpace for Watch<'_> {
    fn read(&self, address: VirtualAddress, buf: &mut [u8]) -> Result<(), Missing> {
        let read = self.space.read(address, buf);
        if read == Err(Missing::File(ReadError::NotYet)) {
            self.pending.set(true);
        }
        if let Err(Missing::File(ReadError::NotRead { .. })) = read {
            self.unread.set(true);
        }
        read
    }
}

/// The target, and whether something of it was not there yet.
struct Reader<'a> {
    target: Target<'a>,
    pending: &'a Cell<bool>,
    /// Something does not stand where this very kernel has it: then what nothing proves may not either.
    astray: Cell<bool>,
    /// Layouts that were looked up, because the same few are asked for again and again.
    shapes: RefCell<BTreeMap<&'static str, Vec<Shape<'a>>>>,
}

impl<'a> Reader<'a> {
    fn width(&self) -> u8 {
        self.target.layouts.identity().pointer_width()
    }

    fn shapes(&self, structure: &'static str) -> Vec<Shape<'a>> {
        let mut known = self.shapes.borrow_mut();
        let look_up = || self.target.layouts.shapes(structure);
        known.entry(structure).or_insert_with(look_up).clone()
    }

    /// Where a variable of this very kernel is.
    fn variable(&self, name: &str) -> Option<(VirtualAddress, How)> {
        let place = self.target.layouts.variable(name)?;
        let at = self.target.kernel.checked_add(place.offset.into())?;
        Some((at, place.how))
    }

    /// An integer of `width` bytes, up to 8.
    fn int(&self, at: VirtualAddress, width: u8) -> Result<u64, Missing> {
        let mut bytes = [0; 8];
        let len = usize::from(width).min(8);
        let buf = bytes.get_mut(..len).unwrap_or_default();
        self.target.space.read(at, buf)?;
        Ok(u64::from_le_bytes(bytes))
    }

    fn pointer(&self, at: VirtualAddress) -> Result<VirtualAddress, Missing> {
        self.target.space.pointer(at, self.width())
    }

    /// The member of the structure at `at`; `None` when the shape has none.
    fn number(
        &self,
        at: VirtualAddress,
        shape: &Shape<'_>,
        member: &str,
    ) -> Option<Result<u64, Missing>> {
        let place = shape.member(member)?;
        let at = at.checked_add(place.offset.into())?;
        Some(self.int(at, place.width.unwrap_or(self.width())))
    }

    /// The same, when it can be read.
    fn value(&self, at: VirtualAddress, shape: &Shape<'_>, member: &str) -> Option<u64> {
        self.number(at, shape, member)?.ok()
    }

    /// Whether a value may be the address of something in the kernel's memory.
    fn in_kernel(&self, value: u64) -> bool {
        let aligned = value.is_multiple_of(self.width().into());
        aligned
            && match self.width() {
                4 => (0x8000_0000..0xFFFF_F000).contains(&value),
                _ => value >> 47 == 0x1_FFFF && value < u64::MAX - 0xFFFF,
            }
    }
}

/// The source of a figure as the report shows it.
fn source(place: &str, member: &str, how: How) -> String {
    let dot = if member.is_empty() { "" } else { "." };
    format!("{place}{dot}{member}, {}", how.words())
}

/// How sure a figure is: the layout's own trust, raised when what stands there is what must, and
/// lowered when it is not.
fn sure(trust: Confidence, fits: bool, proven: bool) -> Confidence {
    match (fits, proven) {
        (false, _) => Confidence::Possible,
        (true, true) => trust.max(Confidence::Likely),
        (true, false) => trust,
    }
}
