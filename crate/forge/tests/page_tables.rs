//! Page tables that kdmp-parser does not walk: five levels, 32 bits with and without PAE, ARM64. The walkers here follow the
//! processor manuals and read nothing but the file.

use bluepane_forge::{Scenario, Truth, forge};

struct File {
    bytes: Vec<u8>,
    header: usize,
    wide: bool,
}

impl File {
    fn word(&self, at: usize, width: usize) -> u64 {
        let mut b = [0; 8];
        b[..width].copy_from_slice(&self.bytes[at..at + width]);
        u64::from_le_bytes(b)
    }

    /// File offset of a physical address, by the runs of the header.
    fn offset(&self, physical: u64) -> Option<usize> {
        let (count, first, step) = if self.wide {
            (0x88, 0x98, 8)
        } else {
            (0x64, 0x6c, 4)
        };
        let mut at = self.header;
        for i in 0..self.word(count, 4) as usize {
            let base = self.word(first + 2 * step * i, step) << 12;
            let size = self.word(first + 2 * step * i + step, step) << 12;
            if (base..base + size).contains(&physical) {
                return Some(at + (physical - base) as usize);
            }
            at += size as usize;
        }
        None
    }

    /// Walks tables: (bits below the index, bits of the index) from the top, entries of `width` bytes.
    fn translate(&self, va: u64, levels: &[(u32, u32)], width: usize, arm: bool) -> Option<u64> {
        let root = if self.wide {
            self.word(0x10, 8)
        } else {
            self.word(0x10, 4)
        };
        let mut table = root & !if levels.len() == 3 { 0x1f } else { 0xfff };
        for (depth, (shift, bits)) in levels.iter().enumerate() {
            let index = va >> shift & ((1 << bits) - 1);
            let entry = self.word(self.offset(table + index * width as u64)?, width);
            if entry & 1 == 0 {
                return None;
            }
            let address = entry & 0x000f_ffff_ffff_f000;
            let last = depth + 1 == levels.len();
            let large = if arm {
                entry & 2 == 0 && !last
            } else {
                entry & 0x80 != 0 && !last
            };
            if last || (large && depth + 2 == levels.len()) {
                let low = (1_u64 << shift) - 1;
                return Some(address & !low | va & low);
            }
            table = address;
        }
        None
    }
}

fn every_kernel_page(machine: &str, levels: &[(u32, u32)], width: usize, arm: bool) {
    let text = format!("[machine]\nmemory = \"48 MiB\"\n{machine}\n[dump]\nkind = \"full\"");
    let scenario = Scenario::from_toml(&text).unwrap();
    let truth = Truth::of(&scenario).unwrap();
    let bytes = forge(&scenario).unwrap().to_vec();
    let wide = &bytes[4..8] == b"DU64";
    let file = File {
        header: if wide { 0x2000 } else { 0x1000 },
        bytes,
        wide,
    };
    assert!(truth.kernel.len() > 40);
    for (va, want) in &truth.kernel {
        let physical = file
            .translate(*va, levels, width, arm)
            .unwrap_or_else(|| panic!("{machine}: {va:x} is not mapped"));
        let at = file.offset(physical).unwrap();
        assert!(
            &file.bytes[at..at + 4096] == want,
            "{machine}: {va:x} differs"
        );
    }
}

#[test]
fn five_levels_reach_every_kernel_page() {
    let levels = [(48, 9), (39, 9), (30, 9), (21, 9), (12, 9)];
    every_kernel_page("build = 20348\npaging_levels = 5", &levels, 8, false);
}

#[test]
fn pae_reaches_every_kernel_page_of_a_32_bit_machine() {
    let machine = "build = 7601\narchitecture = \"x86\"";
    every_kernel_page(machine, &[(30, 2), (21, 9), (12, 9)], 8, false);
}

#[test]
fn two_levels_reach_every_kernel_page_of_a_32_bit_machine_without_pae() {
    let machine = "build = 7601\narchitecture = \"x86\"\npae = false";
    every_kernel_page(machine, &[(22, 10), (12, 10)], 4, false);
}

#[test]
fn arm64_tables_reach_every_kernel_page() {
    let levels = [(39, 9), (30, 9), (21, 9), (12, 9)];
    for build in [22000, 26100] {
        let machine = format!("build = {build}\narchitecture = \"arm64\"");
        every_kernel_page(&machine, &levels, 8, true);
    }
}

#[test]
fn small_pages_alone_work_too() {
    let levels = [(39, 9), (30, 9), (21, 9), (12, 9)];
    every_kernel_page("build = 9600\nlarge_pages = false", &levels, 8, false);
}
