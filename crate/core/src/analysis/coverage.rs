//! How much of the machine's physical memory is in the file, and where the holes are.
//!
//! What the machine had is told by the kernel's own list (`MmPhysicalMemoryBlock`), which grows when
//! memory is added while Windows runs, as Hyper-V's Dynamic Memory does; else by the list in the
//! header. Layout of the list: `_PHYSICAL_MEMORY_DESCRIPTOR` of Microsoft's public symbols, as
//! Vergilius and the header of a dump have it.

use crate::container::header::Run;
use crate::container::pages::PAGE;
use crate::memory::{AddressSpaceExt, Missing, VirtualAddress};
use crate::model::{Coverage, Hex, Memory, PhysicalRun};
use crate::nt::{Member, PagedDump};
use crate::source::Source;
use alloc::vec::Vec;

/// Cells of the picture.
const CELLS: u64 = 256;
/// More runs than any machine has.
const MAX_RUNS: u32 = 128;

/// What the counting found.
#[derive(Debug, Default)]
pub(super) struct Covered {
    runs: Vec<PhysicalRun>,
    coverage: Option<Coverage>,
}

/// Counts.
pub(super) fn read(source: &dyn Source, dump: &PagedDump) -> Covered {
    let listed: &[Run] = match &dump.header.physical_memory {
        Some(listed) => &listed.runs,
        None => &[],
    };
    let own = machine_runs(source, dump).ok().flatten();
    let runs: &[Run] = own.as_deref().unwrap_or(listed);
    let file = Pages::of(source, dump);
    let described: Vec<PhysicalRun> = runs
        .iter()
        .map(|run| PhysicalRun {
            base_page: Hex(run.base_page),
            pages: Hex(run.pages),
            stored: file.between(
                run.base_page,
                run.base_page.saturating_add(run.pages),
                false,
            ),
            added: !listed.is_empty() && !listed.iter().any(|known| overlap(known, run)),
        })
        .collect();
    let last = runs
        .iter()
        .map(|run| run.base_page.saturating_add(run.pages))
        .max();
    let end = last.unwrap_or(0).max(file.end());
    Covered {
        runs: described,
        coverage: file.coverage(end),
    }
}

/// Puts it into the report.
pub(super) fn compose(covered: &Covered, memory: &mut Memory) {
    if !covered.runs.is_empty() {
        memory.physical_runs.clone_from(&covered.runs);
    }
    memory.coverage.clone_from(&covered.coverage);
}

fn overlap(one: &Run, other: &Run) -> bool {
    one.base_page < other.base_page.saturating_add(other.pages)
        && other.base_page < one.base_page.saturating_add(one.pages)
}

/// The kernel's list of physical memory; nothing where what stands there is no such list.
fn machine_runs(source: &dyn Source, dump: &PagedDump) -> Result<Option<Vec<Run>>, Missing> {
    let data = dump.ground.debugger_data.as_ref();
    let pointer = data.and_then(|data| data.address(Member::MmPhysicalMemoryBlock));
    let (Some(space), Some(pointer)) = (dump.space(source), pointer) else {
        return Ok(None);
    };
    let width = dump.pointer_width();
    let list = space.pointer(pointer, width)?;
    let at = |offset: u64| list.checked_add(offset).ok_or(Missing::Unmapped);
    let number = |place: VirtualAddress| space.pointer(place, width).map(|value| value.0);
    let count = space.u32(list)?;
    let word = u64::from(width);
    let total = number(at(word)?)?;
    if count == 0 || count > MAX_RUNS {
        return Ok(None);
    }
    let mut runs: Vec<Run> = Vec::new();
    let mut sum: u64 = 0;
    for index in 0..u64::from(count) {
        let place = word * 2 * (index + 1);
        let run = Run {
            base_page: number(at(place)?)?,
            pages: number(at(place + word)?)?,
        };
        let follows = runs
            .last()
            .is_none_or(|last| last.base_page + last.pages <= run.base_page);
        // Frames of 52 bits of physical address.
        if !follows || run.base_page >> 40 != 0 || run.pages >> 40 != 0 {
            return Ok(None);
        }
        sum += run.pages;
        runs.push(run);
    }
    Ok((sum == total).then_some(runs))
}

/// The pages of the file.
struct Pages<'a> {
    source: &'a dyn Source,
    dump: &'a PagedDump,
    /// Pages in front of the end of the file.
    held: u64,
}

impl<'a> Pages<'a> {
    fn of(source: &'a dyn Source, dump: &'a PagedDump) -> Self {
        let room = source.len().saturating_sub(dump.index.stored().first_page);
        Self {
            source,
            dump,
            held: room / PAGE,
        }
    }

    fn end(&self) -> u64 {
        self.dump.index.end_frame()
    }

    fn below(&self, pfn: u64, rough: bool) -> Option<u64> {
        let below = self.dump.index.stored_below(self.source, pfn, rough);
        below.ok().map(|below| below.min(self.held))
    }

    fn between(&self, from: u64, to: u64, rough: bool) -> Option<Hex> {
        let below = self.below(from, rough);
        let upto = self.below(to, rough);
        Some(Hex(upto?.saturating_sub(below?)))
    }

    fn coverage(&self, end: u64) -> Option<Coverage> {
        let cell = end.div_ceil(CELLS).max(1);
        // All edges are asked for before the first is judged.
        let edges: Vec<Option<u64>> = (0..=end.div_ceil(cell))
            .map(|index| self.below(index.saturating_mul(cell), true))
            .collect();
        let all = self.below(u64::MAX, false)?;
        let mut stored = Vec::new();
        for pair in edges.windows(2) {
            let &[from, to] = pair else { continue };
            let count = to?.saturating_sub(from?);
            let part = u128::from(count) * 1000 / u128::from(cell);
            let least = u128::from(count > 0);
            stored.push(part.clamp(least, 1000) as u16);
        }
        Some(Coverage {
            cell_pages: Hex(cell),
            stored,
            stored_pages: Hex(all),
        })
    }
}
