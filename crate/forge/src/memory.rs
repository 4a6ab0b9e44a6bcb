//! Sparse memory of the invented machine by virtual address: one map of 4 KiB pages per address space.
//! Physical frames are given out only when a dump with pages is written.

use std::collections::BTreeMap;

/// Bytes in a page.
pub const PAGE: u64 = 0x1000;

/// One address space: pages exist once something was written to them.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    pages: BTreeMap<u64, Box<[u8; PAGE as usize]>>,
}

impl Memory {
    /// Writes `bytes` at the virtual address `va`, across page ends.
    pub fn write(&mut self, va: u64, bytes: &[u8]) {
        let mut at = va;
        let mut rest = bytes;
        while !rest.is_empty() {
            let offset = (at % PAGE) as usize;
            let n = rest.len().min(PAGE as usize - offset);
            let page = self
                .pages
                .entry(at / PAGE)
                .or_insert_with(|| Box::new([0; PAGE as usize]));
            page[offset..offset + n].copy_from_slice(&rest[..n]);
            rest = &rest[n..];
            at = at.wrapping_add(n as u64);
        }
    }

    /// Writes the low `width` bytes of `value`.
    pub fn word(&mut self, va: u64, value: u64, width: usize) {
        self.write(va, &value.to_le_bytes()[..width]);
    }

    /// Writes a byte.
    pub fn u8(&mut self, va: u64, value: u8) {
        self.write(va, &[value]);
    }

    /// Writes a 16-bit word.
    pub fn u16(&mut self, va: u64, value: u16) {
        self.write(va, &value.to_le_bytes());
    }

    /// Writes a 32-bit word.
    pub fn u32(&mut self, va: u64, value: u32) {
        self.write(va, &value.to_le_bytes());
    }

    /// Writes a 64-bit word.
    pub fn u64(&mut self, va: u64, value: u64) {
        self.write(va, &value.to_le_bytes());
    }

    /// Makes the pages of a range exist, zero where nothing was written.
    pub fn touch(&mut self, va: u64, size: u64) {
        for vpn in va / PAGE..=(va + size.max(1) - 1) / PAGE {
            self.pages
                .entry(vpn)
                .or_insert_with(|| Box::new([0; PAGE as usize]));
        }
    }

    /// Reads `size` bytes; what was never written reads as zero.
    pub fn read(&self, va: u64, size: usize) -> Vec<u8> {
        let mut out = vec![0; size];
        let mut done = 0;
        while done < size {
            let at = va + done as u64;
            let offset = (at % PAGE) as usize;
            let n = (size - done).min(PAGE as usize - offset);
            if let Some(page) = self.pages.get(&(at / PAGE)) {
                out[done..done + n].copy_from_slice(&page[offset..offset + n]);
            }
            done += n;
        }
        out
    }

    /// Reads a word of up to 8 bytes.
    pub fn read_word(&self, va: u64, width: usize) -> u64 {
        let mut b = [0; 8];
        b[..width].copy_from_slice(&self.read(va, width));
        u64::from_le_bytes(b)
    }

    /// True when the page of `va` exists.
    pub fn has(&self, va: u64) -> bool {
        self.pages.contains_key(&(va / PAGE))
    }

    /// Every page that exists, by page number, ascending.
    pub fn pages(&self) -> impl Iterator<Item = (u64, &[u8; PAGE as usize])> {
        self.pages.iter().map(|(vpn, page)| (*vpn, &**page))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_across_a_page_end_reads_back_whole() {
        let mut m = Memory::default();
        m.write(0xffff_f800_0000_0ffe, &[1, 2, 3, 4]);
        assert_eq!(m.pages().count(), 2);
        assert_eq!(m.read(0xffff_f800_0000_0ffd, 6), [0, 1, 2, 3, 4, 0]);
    }

    #[test]
    fn untouched_memory_reads_as_zero_and_does_not_exist() {
        let mut m = Memory::default();
        assert!(!m.has(0x1000));
        assert_eq!(m.read_word(0x1000, 8), 0);
        m.touch(0x1000, 1);
        assert!(m.has(0x1fff) && !m.has(0x2000));
    }
}
