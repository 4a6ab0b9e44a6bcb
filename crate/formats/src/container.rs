//! The container of PDBs, as far as it has to be sound before it is read: a file whose streams claim
//! the same blocks again and again would make any reader take up more memory than there is.
//!
//! Layout: LLVM's "The MSF File Format".

/// Offsets in the first block.
const BLOCK_SIZE: usize = 32;
const DIRECTORY_LEN: usize = 44;
const DIRECTORY_MAP: usize = 52;
/// The length of a stream that was deleted.
const DELETED: u32 = u32::MAX;

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    let found = bytes.get(at..at.checked_add(4)?)?;
    Some(u32::from_le_bytes(found.try_into().ok()?))
}

/// Nothing when the streams together are longer than the file, or the list of them is not in it.
pub(crate) fn check(bytes: &[u8]) -> Option<()> {
    let block = word(bytes, BLOCK_SIZE)? as usize;
    let len = word(bytes, DIRECTORY_LEN)? as usize;
    if block < 256 || !block.is_power_of_two() || len > bytes.len() {
        return None;
    }
    let map = (word(bytes, DIRECTORY_MAP)? as usize).checked_mul(block)?;
    // A word of the list of streams.
    let listed = |index: usize| {
        let at = index.checked_mul(4).filter(|at| at + 4 <= len)?;
        let place = word(bytes, map.checked_add(at / block * 4)?)? as usize;
        word(bytes, place.checked_mul(block)?.checked_add(at % block)?)
    };
    let count = listed(0)? as usize;
    let mut total = 0_u64;
    for index in 1..=count {
        let len = listed(index)?;
        total += if len == DELETED { 0 } else { u64::from(len) };
        if total > bytes.len() as u64 {
            return None;
        }
    }
    Some(())
}
