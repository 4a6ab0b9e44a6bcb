//! Memory that drivers asked to have in a minidump (`KbCallbackTriageDumpData`).
//!
//! Until Windows 11 23H2 the kernel's own blob only lists the ranges; their bytes are among the
//! data blocks of the minidump. From 24H2 on another blob holds the bytes themselves, grouped by
//! who asked. Layout of that blob: read off a dump of 26100, in which all ranges of the first
//! group are data blocks too and hold the same bytes, but for counters that moved on meanwhile.

use super::up_to;
use crate::container::Block;
use crate::source::{ReadError, Slice, Source, SourceExt, utf16_lossy};
use alloc::{string::String, vec::Vec};

/// More groups than were ever seen (4).
const MAX_GROUPS: usize = 256;
/// More ranges than were ever seen (56).
const MAX_RANGES: usize = 65_536;

/// Offsets in the blob's header, in a group's header and in a range's header.
mod layout {
    pub const HEADER_LEN: u64 = 0x00;
    pub const HEADER_MIN: u64 = 0x18;
    pub const GROUP_HEADER_LEN: u64 = 0x00;
    pub const GROUP_COUNT: u64 = 0x04;
    pub const GROUP_DATA_LEN: u64 = 0x08;
    pub const GROUP_NAME_LEN: u64 = 0x10;
    pub const GROUP_NAME: u64 = 0x14;
    pub const RANGE_ADDRESS: u64 = 0x00;
    pub const RANGE_LEN: u64 = 0x08;
    pub const RANGE_DATA: u64 = 0x10;
}

/// What one driver asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExtraMemory {
    /// The name under which it asked, e.g. `IoTriageDumpData`.
    pub name: String,
    /// The memory, by address and place in the file.
    pub blocks: Vec<Block>,
}

/// The memory in the blob whose `len` bytes of data begin at `offset`, up to the first group that
/// does not fit.
///
/// # Errors
/// As [`Source::read_at`], but never [`ReadError::Truncated`].
pub fn extra_memory(
    source: &dyn Source,
    offset: u64,
    len: u64,
) -> Result<Vec<ExtraMemory>, ReadError> {
    let bytes = up_to(source, offset, len.min(super::MAX_WHOLE))?;
    let data = Slice(&bytes);
    let mut groups = Vec::new();
    let mut ranges = 0;
    let mut at = match data.u32(layout::HEADER_LEN) {
        Ok(header) => u64::from(header).max(layout::HEADER_MIN),
        Err(_) => return Ok(groups),
    };
    while groups.len() < MAX_GROUPS && ranges < MAX_RANGES {
        let Ok((mut group, end)) = group(data, at) else {
            break;
        };
        for block in &mut group.blocks {
            block.offset = block.offset.saturating_add(offset);
        }
        ranges += group.blocks.len();
        groups.push(group);
        at = end;
    }
    Ok(groups)
}

/// The group at `at`, its blocks placed relative to the blob, and where it ends.
fn group(data: Slice<'_>, at: u64) -> Result<(ExtraMemory, u64), ReadError> {
    let field = |offset| data.u32(at.saturating_add(offset)).map(u64::from);
    let header_len = field(layout::GROUP_HEADER_LEN)?;
    let count = field(layout::GROUP_COUNT)?;
    let data_len = field(layout::GROUP_DATA_LEN)?;
    let name_len = field(layout::GROUP_NAME_LEN)?;
    let start = at.saturating_add(header_len.max(layout::GROUP_NAME));
    let end = start.saturating_add(data_len);
    let name = data.bytes(at.saturating_add(layout::GROUP_NAME), name_len.min(0x100))?;
    let mut group = ExtraMemory {
        name: ascii_or_wide(&name),
        blocks: Vec::new(),
    };
    let mut next = start;
    for _ in 0..count.min(MAX_RANGES as u64) {
        let address = data.u64(next.saturating_add(layout::RANGE_ADDRESS))?;
        let len = u64::from(data.u32(next.saturating_add(layout::RANGE_LEN))?);
        let offset = next.saturating_add(layout::RANGE_DATA);
        next = offset.saturating_add(len);
        if next > end || next > data.len() {
            break;
        }
        group.blocks.push(Block {
            address,
            offset,
            len,
        });
    }
    Ok((group, end))
}

fn ascii_or_wide(name: &[u8]) -> String {
    if name.get(1) == Some(&0) && name.get(2).is_some_and(|&byte| byte != 0) {
        return utf16_lossy(name);
    }
    name.iter()
        .take_while(|&&byte| byte != 0)
        .map(|&byte| match byte {
            0x20..=0x7E => char::from(byte),
            _ => char::REPLACEMENT_CHARACTER,
        })
        .collect()
}
