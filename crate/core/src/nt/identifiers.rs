//! The kernel's table of identifiers (`PspCidTable`): every process and every thread under its own
//! number. It is no list, so a wild link in the list of processes does not touch it: where that list
//! is broken, it leads to what lies behind the break.
//!
//! It is a handle table: its code's lowest two bits say how many levels of pages with pointers stand
//! above the pages with entries. An entry is two words, of which the first leads to the object: up to
//! Windows 7 as an address with flags in its lowest three bits, since Windows 8 as 44 bits of it
//! behind 20 bits of flags. Layout: _HANDLE_TABLE and _HANDLE_TABLE_ENTRY of Microsoft's public
//! symbols as collected by JPCERTCC/Windows-Symbol-Tables and Vergilius.

use super::{Machine, Member};
use crate::memory::{AddressSpace, AddressSpaceExt, VirtualAddress};
use alloc::{vec, vec::Vec};

const PAGE: usize = 0x1000;
/// The first build whose entries are packed, and whose TableCode stands behind two counts.
const PACKED_FROM: u32 = 9200;
const CODE: u64 = 8;
/// Levels above the entries, at most.
const MAX_LEVEL: u64 = 2;
/// Pages of entries that are read: more identifiers than any machine has alive.
const MAX_PAGES: usize = 256;
/// Identifiers are handles: multiples of four.
const STEP: u32 = 4;

/// Identifiers and the objects that the table has for them, as far as it can be read; nothing when
/// the dump does not say where it is.
#[must_use]
pub fn identifiers(space: &dyn AddressSpace, machine: Machine<'_>) -> Vec<(u32, VirtualAddress)> {
    let table = Table { space, machine };
    let mut found = Vec::new();
    let pages = table.pages().unwrap_or_default();
    let mut bytes = vec![0; PAGE];
    for (number, &at) in (0_u32..).zip(&pages) {
        if space.read(at, &mut bytes).is_err() {
            continue;
        }
        let entries = (PAGE / (2 * table.width())) as u32;
        for (entry, index) in bytes.chunks_exact(2 * table.width()).zip(0_u32..) {
            let id = number.saturating_mul(entries).saturating_add(index);
            if let Some(object) = table.object(entry) {
                found.push((id.saturating_mul(STEP), object));
            }
        }
    }
    found
}

struct Table<'a> {
    space: &'a dyn AddressSpace,
    machine: Machine<'a>,
}

impl Table<'_> {
    fn width(&self) -> usize {
        usize::from(self.machine.architecture.pointer_width())
    }

    fn word(&self, bytes: &[u8]) -> u64 {
        let word = bytes.get(..self.width()).unwrap_or_default();
        word.iter()
            .rev()
            .fold(0, |value, &byte| value << 8 | u64::from(byte))
    }

    /// Addresses of the pages with entries.
    fn pages(&self) -> Option<Vec<VirtualAddress>> {
        let width = self.machine.architecture.pointer_width();
        let variable = self.machine.debugger_data.address(Member::PspCidTable)?;
        let table = self.space.pointer(variable, width).ok()?;
        let offset = if self.machine.build < PACKED_FROM {
            0
        } else {
            CODE
        };
        let code = self
            .space
            .pointer(table.checked_add(offset)?, width)
            .ok()?
            .0;
        let level = code & 3;
        if level > MAX_LEVEL || !self.is_kernel(code) {
            return None;
        }
        let mut pages = Vec::from([VirtualAddress(code & !3)]);
        for _ in 0..level {
            let mut below = Vec::new();
            let mut bytes = vec![0; PAGE];
            for &page in &pages {
                if self.space.read(page, &mut bytes).is_err() {
                    continue;
                }
                let words = bytes.chunks_exact(self.width()).map(|word| self.word(word));
                below.extend(
                    words
                        .take_while(|&at| self.is_kernel(at))
                        .map(VirtualAddress),
                );
                below.truncate(MAX_PAGES);
            }
            pages = below;
        }
        Some(pages)
    }

    fn is_kernel(&self, at: u64) -> bool {
        at >> (8 * self.width() - 1) != 0
    }

    fn object(&self, entry: &[u8]) -> Option<VirtualAddress> {
        let word = self.word(entry);
        let at = match (self.width(), self.machine.build < PACKED_FROM) {
            (8, false) => (word as i64 >> 16) as u64 & !0xF,
            _ => word & !7,
        };
        (word != 0 && self.is_kernel(at)).then_some(VirtualAddress(at))
    }
}
