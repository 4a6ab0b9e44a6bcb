//! The record of the hardware error behind WHEA_UNCORRECTABLE_ERROR: where the second parameter
//! points, or, in a minidump, wherever Windows put it among the stretches of memory.

use super::known::Known;
use crate::container::DumpHeader;
use crate::memory::{AddressSpace, AddressSpaceExt, VirtualAddress};
use crate::nt::exception::plain_stop_code;
use crate::nt::hardware_error::ErrorRecord;

/// WHEA_UNCORRECTABLE_ERROR.
const HARDWARE_ERROR: u32 = 0x124;
/// Bytes of a minidump that are searched.
const MAX_SEARCHED: u64 = 0x40_0000;
/// Bytes read at once; records begin at a multiple of eight.
const PIECE: u64 = 0x8000;
const ALIGNMENT: usize = 8;

/// The record, where the dump holds one.
pub(super) fn read(
    space: &dyn AddressSpace,
    known: &Known,
    header: &DumpHeader,
) -> Option<ErrorRecord> {
    if header.bugcheck_code.map(plain_stop_code) != Some(HARDWARE_ERROR) {
        return None;
    }
    let [_, address, ..] = header.parameters;
    let named = address.and_then(|at| ErrorRecord::read(space, VirtualAddress(at)));
    named.or_else(|| search(space, known))
}

fn search(space: &dyn AddressSpace, known: &Known) -> Option<ErrorRecord> {
    let mut left = MAX_SEARCHED;
    let stretches = known.minidump.as_ref()?.memory.stretches();
    let mut found = None;
    // Goes on after the first one, so that all pieces are asked for in one round.
    for block in stretches {
        let len = block.len.min(left);
        left -= len;
        for piece in (0..len).step_by(PIECE as usize) {
            let at = VirtualAddress(block.address.saturating_add(piece));
            let here = (len - piece).min(PIECE) as u16;
            let Ok(bytes) = space.bytes(at, here) else {
                continue;
            };
            let skip = at.0.wrapping_neg() as usize % ALIGNMENT;
            let words = bytes.get(skip..).unwrap_or_default().chunks(ALIGNMENT);
            let mut starts = words
                .enumerate()
                .filter(|(_, word)| word.starts_with(b"CPER"));
            let record = starts.find_map(|(index, _)| {
                let into = (skip + index * ALIGNMENT) as u64;
                ErrorRecord::read(space, at.checked_add(into)?)
            });
            found = found.or(record);
        }
    }
    found
}
