//! Searching the kernel's variables for a structure that nothing names.

use super::Reader;
use crate::image::Image;
use crate::memory::VirtualAddress;
use alloc::{vec, vec::Vec};

const PAGE: usize = 0x1000;
/// Bytes of variables that are searched; the newest kernels have about 3 MiB.
const MAX_BYTES: u64 = 12 << 20;

/// Calls `test` with each page of the kernel's variables that the dump holds.
pub(super) fn pages(reader: &Reader<'_>, mut test: impl FnMut(VirtualAddress, &[u8])) {
    let target = reader.target;
    let Ok(image) = Image::open(target.space, target.kernel) else {
        return;
    };
    let sections = image.sections().unwrap_or_default();
    let mut buf = vec![0; PAGE];
    let mut left = MAX_BYTES;
    for section in sections.iter().filter(|section| section.is_data()) {
        let first = u64::from(section.rva) & !(PAGE as u64 - 1);
        let end = u64::from(section.rva) + u64::from(section.size);
        let mut rva = first;
        while rva < end && left > 0 {
            if let Some(at) = target.kernel.checked_add(rva)
                && target.space.read(at, &mut buf).is_ok()
            {
                test(at, &buf);
            }
            rva += PAGE as u64;
            left = left.saturating_sub(PAGE as u64);
        }
    }
}

/// The integer of `width` bytes at `offset` of a page; 0 behind its end.
pub(super) fn word(page: &[u8], offset: usize, width: u8) -> u64 {
    let end = offset.saturating_add(width.into());
    let bytes = page.get(offset..end).unwrap_or_default();
    bytes
        .iter()
        .rev()
        .fold(0, |value, &byte| value << 8 | u64::from(byte))
}

/// Pointers of an array of `slots`, of which the first `count` are set, at `offset` of a page;
/// `None` when it is no such array.
pub(super) fn pointers(
    reader: &Reader<'_>,
    page: &[u8],
    offset: usize,
    count: usize,
    slots: usize,
) -> Option<Vec<VirtualAddress>> {
    let width = reader.width();
    let stride = usize::from(width);
    if offset.checked_add(slots.checked_mul(stride)?)? > page.len() {
        return None;
    }
    let mut found = Vec::new();
    for slot in 0..slots {
        let value = word(page, offset + slot * stride, width);
        match slot < count {
            true if reader.in_kernel(value) && !found.contains(&VirtualAddress(value)) => {
                found.push(VirtualAddress(value));
            }
            false if value == 0 => {}
            _ => return None,
        }
    }
    Some(found)
}
