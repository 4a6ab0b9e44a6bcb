//! Where Windows puts what: the ranges of kernel address space the forge allocates from, per architecture and era.
//! Source: the fixed layout up to 8.1 as HYPERV's public samples and Windows Internals describe it; later builds place the ranges at random.

use crate::rng::Rng;
use crate::scenario::{self, Architecture, Scenario};

/// A range that hands out addresses from several places in turn, leaving gaps: what is made one after the other does not lie
/// one after the other.
#[derive(Clone, Debug)]
pub struct Region {
    /// Next address and end of each place.
    lanes: Vec<(u64, u64)>,
    /// Where allocations go that fit in no place.
    overflow: u64,
    rng: Rng,
}

impl Region {
    /// A range of `lanes` places of `size` bytes each.
    fn new(base: u64, lanes: u64, size: u64, rng: Rng) -> Self {
        let places = (0..lanes)
            .map(|i| (base + i * size, base + (i + 1) * size))
            .collect();
        Self {
            lanes: places,
            overflow: base + lanes * size,
            rng,
        }
    }

    /// An address for `size` bytes, a multiple of 16, after a gap such as other people's allocations leave.
    pub fn allocate(&mut self, size: u64) -> u64 {
        let gap = self.rng.below(96) * 0x10;
        self.aligned(size, 0x10, gap)
    }

    /// Whole pages after a gap of pages.
    pub fn pages(&mut self, size: u64) -> u64 {
        let gap = self.rng.below(7) * 0x1000;
        self.aligned(size, 0x1000, gap)
    }

    fn aligned(&mut self, size: u64, alignment: u64, gap: u64) -> u64 {
        let count = self.lanes.len() as u64;
        let lane = self.rng.below(count) as usize;
        if let Some((next, end)) = self.lanes.get_mut(lane) {
            let at = (*next + gap).next_multiple_of(alignment);
            if at + size <= *end {
                *next = at + size;
                return at;
            }
        }
        let at = (self.overflow + gap).next_multiple_of(alignment);
        self.overflow = at + size;
        at
    }
}

/// The ranges.
#[derive(Clone, Debug)]
pub struct Regions {
    /// Base of the kernel image.
    pub kernel_base: u64,
    /// Driver images.
    pub images: Region,
    /// Session images (win32k and its helpers).
    pub session: Region,
    /// Nonpaged pool.
    pub nonpaged: Region,
    /// Paged pool.
    pub paged: Region,
    /// Kernel stacks.
    pub stacks: Region,
    /// Processor control regions.
    pub processors: Region,
    /// Base of the page-frame database.
    pub frames: u64,
    /// Slot of the top page table that points at itself (x64, 4 levels).
    pub self_map_slot: u64,
}

impl Regions {
    /// Where each range starts.
    fn bases(machine: &scenario::Machine, slide: &mut Rng) -> [u64; 7] {
        let wide = |slide: &mut Rng| slide.below(0x800) << 21;
        // (kernel, images, session, nonpaged, paged, stacks, frames)
        match (machine.architecture, machine.build) {
            (Architecture::X86, _) => [
                0x8280_0000 + (slide.below(0x40) << 12),
                0x8c00_0000,
                0x9500_0000,
                0x8400_0000,
                0x9800_0000,
                0x8a00_0000,
                0x83c0_0000,
            ],
            (_, ..=7601) => [
                0xffff_f800_0260_0000 + (slide.below(0x100) << 12),
                0xffff_f880_00c0_0000,
                0xffff_f960_0000_0000,
                0xffff_fa80_0180_0000,
                0xffff_f8a0_0000_0000,
                0xffff_f880_0600_0000,
                0xffff_fa80_0000_0000,
            ],
            (_, build) => {
                let base = 0xffff_f800_0240_0000 + (slide.below(0x1ff) << 21);
                let frames = if build > 9600 {
                    0xffff_e500_0000_0000
                } else {
                    0xffff_fa80_0000_0000
                };
                [
                    base,
                    base + 0x4000_0000,
                    0xffff_f960_0000_0000,
                    0xffff_e000_0000_0000 + wide(slide),
                    0xffff_c000_0000_0000 + wide(slide),
                    0xffff_d000_0000_0000 + wide(slide),
                    frames,
                ]
            }
        }
    }

    /// Chooses the ranges of a machine.
    pub fn new(scenario: &Scenario) -> Self {
        let machine = &scenario.machine;
        let rng = |purpose| Rng::for_purpose(machine.seed, purpose);
        let mut slide = rng("slide");
        let bases = Self::bases(machine, &mut slide);
        let kernel_base = machine.kernel_base.map_or(bases[0], |n| n.0);
        let self_map_slot = if machine.build >= 14393 {
            0x110 + slide.below(0x60)
        } else {
            0x1ed
        };
        let narrow = machine.architecture == Architecture::X86;
        // Places of a pool: 16 of 8 MiB, or 8 of 2 MiB in the narrow space of a 32-bit kernel.
        let (lanes, size) = if narrow {
            (8, 0x20_0000)
        } else {
            (16, 0x80_0000)
        };
        Self {
            kernel_base,
            images: Region::new(bases[1], 0, 0, rng("images")),
            session: Region::new(bases[2] + 0x4_0000, 0, 0, rng("session")),
            nonpaged: Region::new(bases[3], lanes, size, rng("nonpaged")),
            paged: Region::new(bases[4], lanes, size, rng("paged")),
            // Behind 16 MiB of processor regions.
            stacks: Region::new(bases[5] + 0x100_0000, lanes, size, rng("stacks")),
            processors: Region::new(bases[5], 0, 0, rng("processors")),
            frames: bases[6],
            self_map_slot,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_region_of_any_machine_runs_into_another() {
        use crate::machine::Machine;
        for text in [
            "[machine]\nprocessors = 16",
            "[machine]\nbuild = 7601\narchitecture = \"x86\"",
        ] {
            let s = crate::scenario::Scenario::from_toml(text).unwrap();
            let m = Machine::invent(&s).unwrap();
            let stacks: Vec<(u64, u64)> = m
                .processes
                .iter()
                .flat_map(|p| &p.threads)
                .map(|t| (t.stack_limit, t.stack_base))
                .collect();
            let size = m.build.size("_KPCR");
            for cpu in &m.processors {
                assert!(
                    stacks
                        .iter()
                        .all(|s| cpu.pcr + size <= s.0 || s.1 <= cpu.pcr)
                );
            }
            for image in &m.images {
                let end = image.base + image.size;
                assert!(
                    stacks.iter().all(|s| end <= s.0 || s.1 <= image.base),
                    "{}",
                    image.name
                );
            }
        }
    }

    #[test]
    fn allocations_never_overlap_and_keep_their_alignment() {
        let mut r = Region::new(0xffff_e000_0000_0000, 4, 0x4000, Rng::new(5));
        let mut taken: Vec<(u64, u64)> = Vec::new();
        for i in 0..200_u64 {
            let size = 1 + i * 7 % 0x300;
            let at = r.allocate(size);
            assert_eq!(at % 0x10, 0);
            assert!(
                taken
                    .iter()
                    .all(|(from, to)| at + size <= *from || at >= *to)
            );
            taken.push((at, at + size));
        }
        assert!(
            taken.windows(2).any(|w| w[1].0 < w[0].0),
            "not one after the other"
        );
        assert_eq!(r.pages(0x6000) % 0x1000, 0);
    }
}
