//! The stack's bytes as slots, read once and bounded.

use crate::memory::{AddressSpace, Missing, VirtualAddress};
use crate::source::ReadError;
use alloc::{vec, vec::Vec};

/// The most of a stack that is looked at. Kernel stacks are 24 KiB, grown ones 72 KiB.
const MAX_BYTES: u64 = 128 << 10;
/// Stacks are read in pieces, so that a missing page costs only what lies behind it.
const PIECE: u64 = 0x1000;

/// Whether something is only not fetched yet.
pub(super) fn not_yet(missing: Missing) -> bool {
    missing == Missing::File(ReadError::NotYet)
}

/// The first slot at or behind `address`.
pub(super) fn align_up(address: u64, width: u8) -> u64 {
    let width = u64::from(width);
    address
        .checked_next_multiple_of(width)
        .unwrap_or(address - address % width)
}

/// A stretch of stack.
pub(super) struct Slots {
    first: u64,
    bytes: Vec<u8>,
    width: u8,
    /// Why the reading ended before the end of the stack.
    pub(super) missing: Option<Missing>,
}

impl Slots {
    /// Reads from `low` up to `high`, as far as there is something to read.
    pub(super) fn read(memory: &dyn AddressSpace, low: u64, high: u64, width: u8) -> Self {
        let first = align_up(low, width);
        let high = high.min(first.saturating_add(MAX_BYTES));
        let mut slots = Self {
            first,
            bytes: Vec::new(),
            width,
            missing: None,
        };
        let mut at = first;
        while at < high {
            let len = (PIECE - at % PIECE).min(high - at);
            let mut piece = vec![0; len as usize];
            match memory.read(VirtualAddress(at), &mut piece) {
                Ok(()) if slots.missing.is_none() => slots.bytes.extend_from_slice(&piece),
                Ok(()) => {}
                Err(missing) => {
                    slots.missing.get_or_insert(missing);
                    // What is only not here yet is asked for to the end at once.
                    if !not_yet(missing) {
                        break;
                    }
                }
            }
            at += len;
        }
        slots
    }

    /// The address behind the last whole slot.
    pub(super) fn end(&self) -> u64 {
        self.first + (self.bytes.len() - self.bytes.len() % usize::from(self.width)) as u64
    }

    /// Whether a stack pointer may point there: to a slot, or just behind the last.
    pub(super) fn holds(&self, address: u64) -> bool {
        (self.first..=self.end()).contains(&address)
    }

    /// The value of the slot at `address`.
    pub(super) fn get(&self, address: u64) -> Option<u64> {
        let at = usize::try_from(address.checked_sub(self.first)?).ok()?;
        let bytes = self.bytes.get(at..at.checked_add(self.width.into())?)?;
        Some(match *bytes {
            [a, b, c, d] => u32::from_le_bytes([a, b, c, d]).into(),
            _ => u64::from_le_bytes(bytes.try_into().ok()?),
        })
    }

    /// Every slot from `address` on: where it is and what it holds.
    pub(super) fn from(&self, address: u64) -> impl Iterator<Item = (u64, u64)> + '_ {
        let width = u64::from(self.width);
        (address.max(self.first)..self.end())
            .step_by(width as usize)
            .filter_map(|at| Some((at, self.get(at)?)))
    }
}
