//! Physical memory of the machine: frames handed out in a scattered order, page tables, and the contents of every used frame.
//! Frames that nobody used do not exist; in a file they are holes.

mod frames;
mod paging;

pub use frames::Frames;

use crate::machine::{Machine, PageState};
use crate::memory::{Memory, PAGE};
use crate::scenario::Architecture;
use paging::{Mode, Tables};
use std::collections::{BTreeMap, BTreeSet};

/// Where every process sees the shared user data.
const USER_SHARED: u64 = 0x7ffe_0000;

/// A frame's contents.
pub type Frame = Box<[u8; PAGE as usize]>;

/// Physical memory with what a kernel dump takes of it.
#[derive(Debug, Default)]
pub struct Physical {
    /// Contents by frame number.
    pub contents: BTreeMap<u64, Frame>,
    /// Frames that belong to the kernel: what a kernel dump holds.
    pub kernel: BTreeSet<u64>,
    /// Frames of user memory.
    pub user: BTreeSet<u64>,
    /// Frames that are left out of the file on purpose.
    pub left_out: BTreeSet<u64>,
    /// First frame and count of each run of installed memory.
    pub runs: Vec<(u64, u64)>,
    /// Frame of each kernel page that has memory, by page number.
    pub placed: BTreeMap<u64, u64>,
    /// The same of each process's own half.
    pub placed_user: Vec<BTreeMap<u64, u64>>,
}

impl Physical {
    /// Gives every page of the machine a frame and builds the page tables of every process.
    pub fn lay_out(machine: &Machine<'_>) -> Self {
        let mut builder = Builder {
            machine,
            out: Self {
                runs: machine.physical_runs(),
                ..Self::default()
            },
            frames: machine.frames.clone(),
            mode: Mode::of(&machine.scenario.machine),
        };
        builder.run();
        builder.out
    }
}

struct Builder<'m, 's> {
    machine: &'m Machine<'s>,
    out: Physical,
    frames: Frames,
    mode: Mode,
}

impl Builder<'_, '_> {
    fn run(&mut self) {
        for process in &self.machine.processes {
            self.frames.reserve(process.directory / PAGE);
        }
        for frame in self.machine.fixed_frames.values() {
            self.frames.reserve(*frame);
        }
        self.firmware_tables();
        self.kernel_pages();
        self.user_spaces();
        self.leave_out();
    }

    /// The low megabyte keeps the SMBIOS table of a machine with a BIOS.
    fn firmware_tables(&mut self) {
        for (address, bytes) in &self.machine.physical_tables {
            let mut m = Memory::default();
            m.write(*address, bytes);
            for (frame, page) in m.pages() {
                self.out.contents.insert(frame, Box::new(*page));
                self.out.kernel.insert(frame);
            }
        }
    }

    fn tables(&mut self) -> Tables<'_> {
        Tables {
            mode: self.mode,
            frames: &mut self.frames,
            out: &mut self.out,
        }
    }

    fn kernel_pages(&mut self) {
        let root = self.machine.processes[0].directory / PAGE;
        self.tables().make_root(root);
        let large = self.map_large(root);
        let pages: Vec<(u64, Frame)> = self
            .machine
            .kernel
            .pages()
            .map(|(vpn, page)| (vpn, Box::new(*page)))
            .collect();
        for (vpn, page) in pages {
            let frame = match large.get(&(vpn >> self.mode.large_pages())) {
                Some(first) => first + (vpn & (self.mode.large_count() - 1)),
                None => self.map_small(root, vpn),
            };
            self.out.placed.insert(vpn, frame);
            self.out.contents.insert(frame, page);
            self.out.kernel.insert(frame);
        }
        self.odd_pages(root);
        let slot = self.machine.regions.self_map_slot;
        self.tables().map_itself(root, slot);
    }

    /// Maps the kernel image with large pages, as Windows does on machines with enough memory.
    fn map_large(&mut self, root: u64) -> BTreeMap<u64, u64> {
        let mut large = BTreeMap::new();
        if !self.machine.scenario.machine.large_pages {
            return large;
        }
        let image = &self.machine.images[0];
        let unit = self.mode.large_count() * PAGE;
        let (first, last) = (image.base / unit, (image.base + image.size - 1) / unit);
        for number in first..=last {
            let Some(frame) = self.frames.take_run(self.mode.large_count()) else {
                return large;
            };
            self.tables().map_large(root, number * unit, frame);
            large.insert(number, frame);
            self.out
                .kernel
                .extend(frame..frame + self.mode.large_count());
        }
        large
    }

    fn map_small(&mut self, root: u64, vpn: u64) -> u64 {
        let fixed = self.machine.fixed_frames.get(&vpn).copied();
        let frame = fixed.unwrap_or_else(|| self.frames.take());
        let va = vpn * PAGE;
        let entry = self.mode.leaf(frame, self.machine.is_code(va), false);
        let state = self
            .machine
            .page_states
            .get(&vpn)
            .copied()
            .unwrap_or(PageState::Valid);
        let entry = match state {
            PageState::Transition => self.machine.transition_entry(frame),
            _ => entry,
        };
        self.tables().map(root, va, entry);
        frame
    }

    /// The entry of a page without memory of its own; nothing for one that has memory.
    fn odd_entry(&mut self, state: PageState, frame: Option<u64>, user: bool) -> Option<u64> {
        Some(match state {
            PageState::Valid | PageState::Transition => return None,
            PageState::PagedOut { file, offset } => self.machine.paged_out_entry(file, offset),
            PageState::DemandZero => self.machine.demand_zero_entry(),
            PageState::Raw(entry) => entry,
            PageState::Prototype { entry } => {
                // The page's own entry names the prototype, and the prototype the frame.
                if let Some(frame) = frame {
                    let leaf = self.mode.leaf(frame, false, user);
                    self.write_virtual(entry, leaf);
                }
                self.machine.prototype_entry(entry)
            }
        })
    }

    /// Pages without memory of their own: prototype, paged out, demand zero.
    fn odd_pages(&mut self, root: u64) {
        let states: Vec<(u64, PageState)> = self
            .machine
            .page_states
            .iter()
            .map(|(vpn, s)| (*vpn, *s))
            .collect();
        for (vpn, state) in states {
            let va = vpn * PAGE;
            let frame = self.out.placed.get(&vpn).copied();
            let Some(entry) = self.odd_entry(state, frame, false) else {
                continue;
            };
            if matches!(
                state,
                PageState::PagedOut { .. } | PageState::DemandZero | PageState::Raw(_)
            ) && let Some(frame) = self.out.placed.remove(&vpn)
            {
                self.out.contents.remove(&frame);
                self.out.kernel.remove(&frame);
            }
            self.tables().map(root, va, entry);
        }
    }

    fn write_virtual(&mut self, va: u64, value: u64) {
        let width = self.mode.width;
        if let Some(page) = self
            .out
            .placed
            .get(&(va / PAGE))
            .and_then(|f| self.out.contents.get_mut(f))
        {
            let at = (va % PAGE) as usize;
            page[at..at + width].copy_from_slice(&value.to_le_bytes()[..width]);
        }
    }

    /// Each process gets its own top table: its user half, and the kernel's half.
    fn user_spaces(&mut self) {
        let system = self.machine.processes[0].directory / PAGE;
        let slot = self.machine.regions.self_map_slot;
        self.out.placed_user.push(BTreeMap::new());
        for i in 1..self.machine.processes.len() {
            let mut placed = BTreeMap::new();
            let process = &self.machine.processes[i];
            let root = process.directory / PAGE;
            self.tables().make_root(root);
            let pages: Vec<(u64, Frame)> = process
                .user
                .pages()
                .map(|(vpn, page)| (vpn, Box::new(*page)))
                .collect();
            for (vpn, page) in pages {
                let frame = self.frames.take();
                let entry = match self.machine.user_states.get(&(i, vpn)) {
                    Some(PageState::Transition) => self.machine.transition_entry(frame),
                    _ => self.mode.leaf(frame, false, true),
                };
                self.tables().map(root, vpn * PAGE, entry);
                self.out.contents.insert(frame, page);
                self.out.user.insert(frame);
                placed.insert(vpn, frame);
            }
            self.odd_user_pages(i, root, &placed);
            placed.extend(self.shared_user_data(root));
            self.out.placed_user.push(placed);
            self.tables().share_kernel(system, root);
            self.tables().map_itself(root, slot);
        }
    }

    /// Pages of a process without memory of their own.
    fn odd_user_pages(&mut self, process: usize, root: u64, placed: &BTreeMap<u64, u64>) {
        let all = self
            .machine
            .user_states
            .range((process, 0)..=(process, u64::MAX));
        let states: Vec<(u64, PageState)> = all.map(|(&(_, vpn), s)| (vpn, *s)).collect();
        for (vpn, state) in states {
            let Some(entry) = self.odd_entry(state, placed.get(&vpn).copied(), true) else {
                continue;
            };
            self.tables().map(root, vpn * PAGE, entry);
        }
    }

    /// The page of shared user data is readable from every process.
    fn shared_user_data(&mut self, root: u64) -> Option<(u64, u64)> {
        let kernel = self.machine.shared_user_data() / PAGE;
        let frame = self.out.placed.get(&kernel).copied()?;
        let entry = self.mode.leaf(frame, false, true);
        self.tables().map(root, USER_SHARED, entry);
        Some((USER_SHARED / PAGE, frame))
    }

    fn leave_out(&mut self) {
        let faults = &self.machine.scenario.faults;
        let pages = faults.leave_out.iter().map(|n| (n.0 / PAGE, n.0 / PAGE));
        let modules = self
            .machine
            .images
            .iter()
            .filter(|i| {
                faults
                    .leave_out_modules
                    .iter()
                    .any(|n| n.eq_ignore_ascii_case(&i.name))
            })
            .map(|i| (i.base / PAGE, (i.base + i.size) / PAGE));
        let ranges: Vec<(u64, u64)> = pages.chain(modules).collect();
        for (first, last) in ranges {
            let frames: Vec<u64> = self
                .out
                .placed
                .range(first..=last)
                .map(|(_, f)| *f)
                .collect();
            self.out.left_out.extend(frames);
        }
    }
}

/// Physical address width does not matter to the forge; what does is which architecture's entries it writes.
pub(crate) fn entry_width(arch: Architecture, pae: bool) -> usize {
    if arch == Architecture::X86 && !pae {
        4
    } else {
        8
    }
}
