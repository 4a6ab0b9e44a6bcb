//! Where the tables of pool use lie, and reading them.
//!
//! `ExPoolTagTables` is exported nowhere, but in every known kernel it lies within five pages of
//! `PoolTrackTable`, to which the debugger data block points, and its first slot holds the same
//! address: that finds it in a kernel of no symbol table too.

use super::{PAGE, PoolTarget, Rows};
use crate::memory::{AddressSpace, AddressSpaceExt, Missing, VirtualAddress};
use crate::nt::Member;
use crate::source::ReadError;
use alloc::{vec, vec::Vec};

/// Pages of one table that are read.
const MAX_TABLE: usize = 384;
/// Pages that are asked for together while it is not known how long the table is.
const AHEAD: usize = 48;
/// More processors than any Windows runs on: slots of the list in the newest kernels.
const MAX_PROCESSORS: u32 = 2048;
/// Bytes to both sides of the variable in which the list begins: it has 16 KiB where it is longest.
const NEAR: u64 = 0x4800;
/// More rows than a table has.
const MAX_ROWS: u64 = 1 << 20;

/// The tables of a kernel.
#[derive(Clone, Debug)]
pub struct PoolTables {
    /// The form of a row.
    pub form: Rows,
    /// The first table.
    pub first: VirtualAddress,
    /// Rows of each.
    pub rows: u64,
    /// Where the tables of further processors are.
    pub others: Vec<VirtualAddress>,
    /// A table for what found no row, and how many it has.
    pub expansion: Option<(VirtualAddress, u64)>,
    /// The table of large allocations, and its rows.
    pub big: Option<(VirtualAddress, u64)>,
    /// Bytes of a row of that table.
    pub big_size: u64,
}

impl PoolTables {
    /// Bytes of each table.
    #[must_use]
    pub fn len(&self) -> usize {
        let most = (MAX_TABLE * PAGE) as u64;
        self.rows.saturating_mul(self.form.stride as u64).min(most) as usize
    }

    /// Whether they have no row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// The bytes of a further processor's table, as far as they are in the dump.
    #[must_use]
    pub fn other(&self, space: &dyn AddressSpace, index: usize) -> Vec<u8> {
        let at = self.others.get(index).copied();
        at.map_or_else(Vec::new, |at| bytes(space, at, self.len(), false))
    }

    /// The bytes of the first one.
    #[must_use]
    pub fn first_bytes(&self, space: &dyn AddressSpace) -> Vec<u8> {
        bytes(space, self.first, self.len(), false)
    }

    /// Those of the table for what found no row.
    #[must_use]
    pub fn expansion_bytes(&self, space: &dyn AddressSpace) -> Option<Vec<u8>> {
        let (at, rows) = self.expansion?;
        let len = rows.saturating_mul(self.form.stride as u64);
        Some(bytes(
            space,
            at,
            len.min((MAX_TABLE * PAGE) as u64) as usize,
            false,
        ))
    }
}

/// Bytes at an address, as far as their pages are in the dump one after the other. Where the length
/// is only the most that it may be, few are asked for at a time.
fn bytes(space: &dyn AddressSpace, at: VirtualAddress, len: usize, open: bool) -> Vec<u8> {
    let mut bytes: Vec<u8> = Vec::new();
    let (mut ahead, mut offset) = (0, 0);
    let mut ended = false;
    while offset < len && ahead < AHEAD {
        let Some(from) = at.checked_add(offset as u64) else {
            break;
        };
        // Pages, but the table need not begin with one.
        let part = (PAGE - from.0 as usize % PAGE).min(len - offset);
        let mut page = vec![0; part];
        match space.read(from, &mut page) {
            Ok(()) if !ended => bytes.append(&mut page),
            Ok(()) => {}
            Err(Missing::File(ReadError::NotYet)) => {
                ended = true;
                ahead += usize::from(open);
            }
            Err(_) => break,
        }
        offset += part;
    }
    bytes
}

impl PoolTarget<'_> {
    pub(super) fn width(&self) -> u8 {
        self.layouts.identity().pointer_width()
    }

    fn variable(&self, name: &str) -> Option<VirtualAddress> {
        let place = self.layouts.variable(name)?;
        self.kernel.checked_add(place.offset.into())
    }

    fn place(&self, member: Member, name: &str) -> Option<VirtualAddress> {
        let pointed = self.debugger_data.and_then(|data| data.address(member));
        pointed.or_else(|| self.variable(name))
    }

    fn target(&self, at: VirtualAddress) -> Option<VirtualAddress> {
        let pointer = self.space.pointer(at, self.width()).ok()?;
        Some(pointer).filter(|at| at.0 != 0)
    }

    /// What the variable points to.
    pub(super) fn pointer(&self, member: Member, name: &str) -> Option<VirtualAddress> {
        self.target(self.place(member, name)?)
    }

    pub(super) fn number(&self, name: &str) -> Option<u64> {
        let at = self.variable(name)?;
        Some(self.space.pointer(at, self.width()).ok()?.0)
    }

    /// The bytes of a table of so many rows. Where that is not known, it ends with the first page
    /// that holds something else.
    pub(super) fn table(&self, at: VirtualAddress, rows: Option<u64>) -> Vec<u8> {
        // The longest row.
        let limit = rows.map_or(MAX_TABLE * PAGE, |rows| {
            let bytes = rows.saturating_mul(0x50).min((MAX_TABLE * PAGE) as u64);
            bytes as usize
        });
        bytes(self.space, at, limit, rows.is_none())
    }

    /// A table and its rows, of two variables.
    fn sized(&self, table: &str, rows: &str) -> Option<(VirtualAddress, u64)> {
        let rows = self.number(rows);
        let at = self.target(self.variable(table)?)?;
        Some((at, rows.filter(|rows| (1..MAX_ROWS).contains(rows))?))
    }

    pub(super) fn expansion(&self) -> Option<(VirtualAddress, u64)> {
        self.sized("PoolTrackTableExpansion", "PoolTrackTableExpansionSize")
    }

    pub(super) fn big_pages(&self) -> Option<(VirtualAddress, u64)> {
        self.sized("PoolBigPageTable", "PoolBigPageTableSize")
    }

    /// The tables of processors beside the first; `None` when the list was not found.
    pub(super) fn listed(&self, first: VirtualAddress) -> Option<Vec<VirtualAddress>> {
        if self.processors < 2 {
            return None;
        }
        let count = u64::from(self.processors.min(MAX_PROCESSORS));
        if let Some(array) = self.variable("ExPoolTagTables") {
            let slots = (0..count).filter_map(|slot| self.slot(array, slot));
            return Some(distinct(first, slots));
        }
        let own = self.place(Member::PoolTrackTable, "PoolTrackTable")?;
        let from = own.0.saturating_sub(NEAR) & !(PAGE as u64 - 1);
        let width = usize::from(self.width());
        let mut found = None;
        let mut page = vec![0; PAGE];
        for number in 0..(2 * NEAR).div_ceil(PAGE as u64) + 1 {
            let at = VirtualAddress(from.saturating_add(number * PAGE as u64));
            if self.space.read(at, &mut page).is_err() {
                continue;
            }
            for (word, offset) in page.chunks_exact(width).zip((0..).step_by(width)) {
                let value = word.iter().rev().fold(0, |v, &b| v << 8 | u64::from(b));
                let place = VirtualAddress(at.0 + offset);
                if value == first.0 && place != own && found.is_none() {
                    found = self.array_at(place, first, count);
                }
            }
        }
        found
    }

    fn slot(&self, array: VirtualAddress, index: u64) -> Option<VirtualAddress> {
        let at = array.checked_add(index * u64::from(self.width()))?;
        self.target(at)
    }

    /// The list, when it stands there: a table for each processor, no two the same.
    fn array_at(
        &self,
        array: VirtualAddress,
        first: VirtualAddress,
        count: u64,
    ) -> Option<Vec<VirtualAddress>> {
        let slots = (0..count).filter_map(|index| self.slot(array, index));
        let all = distinct(first, slots);
        let whole = all.len() as u64 == count - 1;
        let top = 1_u64 << (u32::from(self.width()) * 8 - 1);
        // Tables are large enough to begin with a page of their own.
        let plain = |at: &VirtualAddress| at.0 & top != 0 && at.0.is_multiple_of(16);
        (whole && all.iter().all(plain)).then_some(all)
    }
}

/// Tables beside the first, each once.
fn distinct(
    first: VirtualAddress,
    slots: impl Iterator<Item = VirtualAddress>,
) -> Vec<VirtualAddress> {
    let mut all: Vec<VirtualAddress> = Vec::new();
    for at in slots {
        if at != first && !all.contains(&at) {
            all.push(at);
        }
    }
    all
}
