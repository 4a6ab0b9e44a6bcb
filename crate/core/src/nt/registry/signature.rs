//! The last road to the hives: their signature, wherever in the stored pages it stands.
//!
//! A kernel that no table knows, whose list of hives is gone as well, still holds the hives
//! themselves. Each begins with 0xBEE0BEE0 and is linked with its neighbours, so that a neighbour's
//! link says at which address the hive lies; what lies there must be a hive again, or the find is
//! dropped. Pages of a pool allocation are never cut within such a structure's list entry, for
//! blocks of less than a page do not cross pages and larger ones begin with one.
//! Source of the signature: _HHIVE in Microsoft's public symbols; volatility3's hivescan goes the
//! same way.

use super::find::{Until, fitting, is_pool};
use super::layout::{self, SIGNATURE};
use super::{Hives, Start};
use crate::memory::{AddressSpace, AddressSpaceExt, Missing, VirtualAddress};
use alloc::vec::Vec;

/// Structures of the pool begin at multiples of this, on every Windows.
const ALIGNMENT: usize = 8;
/// How far behind the signature the last list entry ends, in every layout.
pub const REACH: u64 = 0x1000;
/// Finds that are followed in one stretch: data may hold the number by accident or on purpose.
const MAX_FINDS: usize = 64;

/// Links to the next hive that stand behind a signature in these bytes of the file. Stretches should
/// overlap by [`REACH`].
#[must_use]
pub fn links(bytes: &[u8], width: u8, build: u32) -> Vec<VirtualAddress> {
    let word = |at: usize| {
        let bytes = bytes.get(at..at.checked_add(usize::from(width))?)?;
        let value = bytes.iter().rev().fold(0, |v, &b| v << 8 | u64::from(b));
        Some(value)
    };
    let mut found = Vec::new();
    for (number, unit) in bytes.chunks_exact(ALIGNMENT).enumerate() {
        // As an array it is compared in one step; as a slice, by a call for every unit of the file.
        if unit.first_chunk() != Some(&SIGNATURE.to_le_bytes()) {
            continue;
        }
        for layout in layout::candidates(width, build) {
            let at = number * ALIGNMENT + layout.list as usize;
            let pair = word(at).zip(word(at + usize::from(width)));
            let Some((next, back)) = pair else { continue };
            let new = !found.contains(&VirtualAddress(next));
            if is_pool(next, width) && is_pool(back, width) && new && found.len() < MAX_FINDS {
                found.push(VirtualAddress(next));
            }
        }
    }
    found
}

/// The hives that are linked with the one before `next`.
///
/// # Errors
/// When that is no hive.
pub fn follow(
    kernel: &dyn AddressSpace,
    width: u8,
    build: u32,
    next: VirtualAddress,
    until: Until,
) -> Result<Hives, Missing> {
    let back = next.checked_add(width.into()).ok_or(Missing::Unmapped)?;
    let entry = kernel.pointer(back, width)?;
    fitting(kernel, width, build, entry)?;
    Hives::from(kernel, width, build, Start::Hive(entry), until)
}
