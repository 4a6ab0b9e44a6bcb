//! Page tables: x64 with 4 and 5 levels, ARM64 with 4 KiB granules, 32-bit with and without PAE.
//! Layout of entries: Intel SDM volume 3 chapter 4, Arm ARM D8; kinds of entries that are not valid are Windows' own and come from the machine.

use super::{Frames, Physical};
use crate::memory::PAGE;
use crate::scenario::{self, Architecture};

/// Accessed, dirty, writable, present.
const TABLE: u64 = 0x63;
const LARGE: u64 = 1 << 7;
const USER: u64 = 1 << 2;
const NO_EXECUTE: u64 = 1 << 63;

/// Table descriptor of ARM64, and the access flag with inner shareability of pages.
const ARM_TABLE: u64 = 3;
const ARM_PAGE: u64 = 0x703;
const ARM_BLOCK: u64 = 0x701;

/// How this machine's tables are built.
#[derive(Clone, Copy, Debug)]
pub struct Mode {
    arch: Architecture,
    pae: bool,
    /// Bytes in an entry.
    pub width: usize,
    /// Address bits below each level's index, and bits of the index; top level first.
    levels: &'static [(u32, u32)],
}

const FIVE: [(u32, u32); 5] = [(48, 9), (39, 9), (30, 9), (21, 9), (12, 9)];
const PAE: [(u32, u32); 3] = [(30, 2), (21, 9), (12, 9)];
const PLAIN: [(u32, u32); 2] = [(22, 10), (12, 10)];

impl Mode {
    /// The mode of a machine.
    pub fn of(machine: &scenario::Machine) -> Self {
        let arch = machine.architecture;
        let levels: &'static [(u32, u32)] = match (arch, machine.pae) {
            (Architecture::X86, true) => &PAE,
            (Architecture::X86, false) => &PLAIN,
            (Architecture::X64, _) if machine.paging_levels == 5 => &FIVE,
            _ => &FIVE[1..],
        };
        Self {
            arch,
            pae: machine.pae,
            width: super::entry_width(arch, machine.pae),
            levels,
        }
    }

    /// Binary logarithm of the pages in a large page.
    pub fn large_pages(self) -> u32 {
        self.levels[self.levels.len() - 1].1
    }

    /// Pages in a large page.
    pub fn large_count(self) -> u64 {
        1 << self.large_pages()
    }

    /// A valid entry for a page.
    pub fn leaf(self, frame: u64, code: bool, user: bool) -> u64 {
        let address = frame * PAGE;
        match self.arch {
            Architecture::Arm64 => address | ARM_PAGE | if user { 1 << 6 } else { 0 },
            Architecture::X86 if !self.pae => address | TABLE | if user { USER } else { 0 },
            _ => {
                let execute = if code { 0 } else { NO_EXECUTE };
                address | TABLE | execute | if user { USER } else { 0 }
            }
        }
    }

    fn large_leaf(self, frame: u64) -> u64 {
        match self.arch {
            Architecture::Arm64 => (frame * PAGE) | ARM_BLOCK,
            _ => (frame * PAGE) | TABLE | LARGE,
        }
    }

    fn table(self, frame: u64, user: bool, top: bool) -> u64 {
        match self.arch {
            Architecture::Arm64 => (frame * PAGE) | ARM_TABLE,
            // The entries of the PAE top table have a present bit and nothing else.
            Architecture::X86 if self.pae && top => (frame * PAGE) | 1,
            _ => (frame * PAGE) | TABLE | if user { USER } else { 0 },
        }
    }
}

/// Writes entries into the frames of page tables.
pub struct Tables<'a> {
    pub mode: Mode,
    pub frames: &'a mut Frames,
    pub out: &'a mut Physical,
}

impl Tables<'_> {
    /// Makes an empty table in a frame.
    pub fn make_root(&mut self, frame: u64) {
        self.out
            .contents
            .insert(frame, Box::new([0; PAGE as usize]));
        self.out.kernel.insert(frame);
    }

    fn read(&self, frame: u64, index: u64) -> u64 {
        let Some(page) = self.out.contents.get(&frame) else {
            return 0;
        };
        let at = index as usize * self.mode.width;
        let mut b = [0; 8];
        b[..self.mode.width].copy_from_slice(&page[at..at + self.mode.width]);
        u64::from_le_bytes(b)
    }

    fn write(&mut self, frame: u64, index: u64, value: u64) {
        let width = self.mode.width;
        if let Some(page) = self.out.contents.get_mut(&frame) {
            let at = index as usize * width;
            page[at..at + width].copy_from_slice(&value.to_le_bytes()[..width]);
        }
    }

    fn index(&self, va: u64, level: usize) -> u64 {
        let (shift, bits) = self.mode.levels[level];
        va >> shift & ((1 << bits) - 1)
    }

    /// The table that holds the entry of `va` at `level`, made when it is missing.
    fn descend(&mut self, root: u64, va: u64, level: usize) -> u64 {
        let user =
            va < 0x8000_0000_0000 && (self.mode.arch != Architecture::X86 || va < 0x8000_0000);
        let mut table = root;
        for l in 0..level {
            let index = self.index(va, l);
            let entry = self.read(table, index);
            table = if entry & 1 == 0 {
                let frame = self.frames.take();
                self.make_root(frame);
                let value = self.mode.table(frame, user, l == 0);
                self.write(table, index, value);
                frame
            } else {
                (entry & 0x000f_ffff_ffff_f000) / PAGE
            };
        }
        table
    }

    /// Writes the lowest-level entry of an address.
    pub fn map(&mut self, root: u64, va: u64, entry: u64) {
        let level = self.mode.levels.len() - 1;
        let table = self.descend(root, va, level);
        let index = self.index(va, level);
        self.write(table, index, entry);
    }

    /// Maps a large page.
    pub fn map_large(&mut self, root: u64, va: u64, frame: u64) {
        let level = self.mode.levels.len() - 2;
        let table = self.descend(root, va, level);
        let index = self.index(va, level);
        let entry = self.mode.large_leaf(frame);
        self.write(table, index, entry);
    }

    /// Lets a top table map the tables themselves, where Windows looks for its page-table entries.
    pub fn map_itself(&mut self, root: u64, slot: u64) {
        match (self.mode.arch, self.mode.pae) {
            (Architecture::X86, true) => {
                let own = self.descend(root, 0xc000_0000, 1);
                for i in 0..4 {
                    self.descend(root, i << 30, 1);
                    let entry = self.read(root, i) & !0xfff;
                    self.write(own, i, entry | TABLE);
                }
            }
            (Architecture::X86, false) => {
                let entry = self.mode.table(root, false, false);
                self.write(root, 0x300, entry);
            }
            _ => {
                let entry = self.mode.table(root, false, false);
                self.write(root, slot, entry);
            }
        }
    }

    /// Gives a process the kernel's half of the address space.
    pub fn share_kernel(&mut self, system: u64, root: u64) {
        if self.mode.arch == Architecture::X86 && self.mode.pae {
            let entry = self.read(system, 2);
            self.write(root, 2, entry);
            let top = (self.read(system, 3) & !0xfff) / PAGE;
            let own = self.descend(root, 0xc000_0000, 1);
            for i in 4..512 {
                let entry = self.read(top, i);
                self.write(own, i, entry);
            }
            return;
        }
        let count = 1 << self.mode.levels[0].1;
        for i in count / 2..count {
            let entry = self.read(system, i);
            if entry != 0 {
                self.write(root, i, entry);
            }
        }
    }
}
