//! Executive resources (ERESOURCE): locks that many may share or one may own, in the list at
//! ExpSystemResourcesList.
//!
//! Layout: Microsoft's public symbols (Vergilius, `symbols::layout`), the same from Windows Vista on; only
//! the width of pointers changes it. The count of an owner stands behind two bits in Windows 7 and behind
//! three since 8.1.

use super::list::{Entries, Ring};
use super::record::Record;
use super::{Machine, Member};
use crate::memory::{AddressSpace, VirtualAddress};
use alloc::vec::Vec;

/// More resources than any machine has.
const MAX_RESOURCES: usize = 100_000;
/// Owners of one resource that are read.
const MAX_OWNERS: u64 = 256;
/// ResourceOwnedExclusive in Flag.
const EXCLUSIVE: u64 = 0x80;

/// Offsets, 64-bit and 32-bit.
struct Layout {
    len: u16,
    table: u64,
    active: u64,
    flag: u64,
    owner: u64,
    contention: u64,
    shared_waiters: u64,
    exclusive_waiters: u64,
    entry_len: u64,
}

static WIDE: Layout = Layout {
    len: 0x68,
    table: 0x10,
    active: 0x18,
    flag: 0x1A,
    owner: 0x30,
    contention: 0x44,
    shared_waiters: 0x48,
    exclusive_waiters: 0x4C,
    entry_len: 0x10,
};

static NARROW: Layout = Layout {
    len: 0x38,
    table: 0x08,
    active: 0x0C,
    flag: 0x0E,
    owner: 0x18,
    contention: 0x24,
    shared_waiters: 0x28,
    exclusive_waiters: 0x2C,
    entry_len: 0x08,
};

/// A thread that owns a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owner {
    /// The thread, or what stands for one.
    pub thread: VirtualAddress,
    /// How often it has it, where this build's form is known.
    pub count: Option<u32>,
}

/// A resource that somebody holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource {
    /// Where it is.
    pub address: VirtualAddress,
    /// Whether one alone has it.
    pub exclusive: bool,
    /// Who has it.
    pub owners: Vec<Owner>,
    /// How often somebody had to wait.
    pub contention: u32,
    /// Who waits to share it, and to have it alone.
    pub waiters: [u32; 2],
}

/// The list of all resources; nothing where the dump does not say where it begins.
#[must_use]
pub fn list(space: &dyn AddressSpace, machine: Machine<'_>) -> Option<Entries> {
    let head = machine
        .debugger_data
        .address(Member::ExpSystemResourcesList)?;
    let ring = Ring {
        space,
        head,
        width: machine.architecture.pointer_width(),
        cap: MAX_RESOURCES,
        ahead: 4,
    };
    Some(ring.walk())
}

/// The resource at `at`; nothing where nobody holds it or it cannot be read.
#[must_use]
pub fn held(
    space: &dyn AddressSpace,
    machine: Machine<'_>,
    at: VirtualAddress,
) -> Option<Resource> {
    let width = machine.architecture.pointer_width();
    let layout = if width == 4 { &NARROW } else { &WIDE };
    let record = Record::new(space, at, layout.len, width);
    let word = |offset| record.int(offset, 4).map_or(0, |value| value as u32);
    if record.int(layout.active, 2).ok()? == 0 {
        return None;
    }
    let owner = |at: VirtualAddress| {
        let entry = Record::new(space, at, layout.entry_len as u16, width);
        let thread = entry.target(0)?;
        let count = entry.int(width.into(), 4).ok()?;
        let shift = match machine.build {
            7600..=7601 => Some(2),
            9600.. => Some(3),
            _ => None,
        };
        Some(Owner {
            thread,
            count: shift.map(|shift| (count >> shift) as u32),
        })
    };
    let mut owners = Vec::new();
    owners.extend(at.checked_add(layout.owner).and_then(owner));
    if let Some(table) = record.target(layout.table) {
        // The first entry says how many there are.
        let head = Record::new(space, table, layout.entry_len as u16, width);
        let count = head.int(width.into(), 4).unwrap_or(0).min(MAX_OWNERS);
        owners.extend(
            (1..count).filter_map(|index| owner(table.checked_add(index * layout.entry_len)?)),
        );
    }
    Some(Resource {
        address: at,
        exclusive: record
            .int(layout.flag, 2)
            .is_ok_and(|flag| flag & EXCLUSIVE != 0),
        owners,
        contention: word(layout.contention),
        waiters: [word(layout.shared_waiters), word(layout.exclusive_waiters)],
    })
}
