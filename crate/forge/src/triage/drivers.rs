//! The driver list, the unloaded drivers and the string pool of a small dump.

use super::Writer;
use crate::bytes::{Bytes, utf16};
use crate::layout::loader::{LEGACY32, LEGACY64};
use crate::layout::triage as t;

/// A name in the string pool: count of characters, the characters, a terminator, padded to 8 bytes.
fn pool_entry(text: &str) -> Vec<u8> {
    let chars = utf16(text);
    let mut b = Bytes::zeroed(4);
    b.u32(0, (chars.len() / 2) as u32);
    b.append(&chars);
    b.append(&[0, 0]);
    b.align(8);
    b.into_vec()
}

impl Writer<'_, '_> {
    /// From Windows 11 24H2 on: file names, and whole loader entries. Before: paths, and four members only.
    fn modern_style(&self) -> bool {
        let scenario = self.machine.scenario;
        scenario
            .dump
            .base_names
            .unwrap_or(scenario.machine.build >= 26100)
    }

    pub(super) fn drivers(&mut self) {
        let machine = self.machine;
        let stride = self.layout.driver_stride;
        let count = machine.images.len();
        let mut list = Bytes::zeroed(stride * count);
        self.file.align(8);
        let list_at = self.file.len();
        let pool_at = list_at + stride * count;
        let pool_at = pool_at.next_multiple_of(8);
        let mut pool = Vec::new();
        for (i, image) in machine.images.iter().enumerate() {
            let entry = stride * i;
            list.u32(entry, (pool_at + pool.len()) as u32);
            let copy = self.loader_copy(i);
            list.put(entry + self.layout.driver_loader, &copy);
            let modern = self.modern_style();
            pool.extend(pool_entry(if modern { &image.name } else { &image.path }));
        }
        let broken = machine.scenario.dump.broken_driver.as_ref().map(|name| {
            let at = pool_at + pool.len();
            pool.extend(pool_entry(name));
            at
        });
        self.piece(t::DRIVER_LIST_OFFSET, list.as_slice());
        self.field(t::DRIVER_COUNT, count);
        self.piece(t::STRING_POOL_OFFSET, &pool);
        self.field(t::STRING_POOL_SIZE, pool.len());
        self.field(t::BROKEN_DRIVER_OFFSET, broken.unwrap_or(0));
    }

    fn loader_copy(&self, index: usize) -> Vec<u8> {
        let machine = self.machine;
        let image = &machine.images[index];
        let size = self.layout.loader_copy;
        let width = machine.pointer();
        let l = if width == 4 { LEGACY32 } else { LEGACY64 };
        let mut b = if self.modern_style() {
            let mut b = Bytes::zeroed(size);
            b.put(0, &machine.kernel.read(image.loader_entry, size));
            b
        } else {
            Bytes::zeroed(size)
        };
        b.word(l.base as usize, image.base, width);
        b.u32(l.image_size as usize, image.size as u32);
        // Session images are not looked into: their checksum and time stay 0.
        if !image.in_session()
            || machine.scenario.machine.build >= 14393
            || image.name == "win32k.sys"
        {
            b.u32(l.checksum as usize, image.checksum);
            b.u32(l.time_stamp as usize, image.stamp);
        }
        b.into_vec()
    }

    /// Unloaded drivers with names cut at 12 characters.
    pub(super) fn unloaded(&self) -> Vec<u8> {
        let machine = self.machine;
        let stride = self.layout.unloaded_stride;
        let width = machine.pointer();
        let (name_at, start_at, end_at) = if width == 4 {
            (0x08, 0x20, 0x24)
        } else {
            (0x10, 0x28, 0x30)
        };
        let modules = machine.unloaded_ranges();
        let mut b = Bytes::zeroed(self.layout.unloaded_head + stride * modules.len());
        b.word(0, modules.len() as u64, self.layout.unloaded_head);
        for (i, (name, start, end)) in modules.iter().enumerate() {
            let entry = self.layout.unloaded_head + stride * i;
            let mut chars = utf16(name);
            chars.truncate(24);
            b.u16(entry, chars.len() as u16);
            b.u16(entry + 2, chars.len() as u16);
            b.put(entry + name_at, &chars);
            b.word(entry + start_at, *start, width);
            b.word(entry + end_at, *end, width);
        }
        b.into_vec()
    }
}
