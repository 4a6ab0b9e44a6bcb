//! The invented machine: kernel structures laid out in virtual memory, in the layout of one real kernel build.
//! Each submodule builds one part; dumps of every kind are cut out of the finished memory.

mod bus;
mod counters;
mod debugger;
mod devices;
mod frame_database;
mod frames;
mod identifiers;
mod images;
mod images_write;
mod memory_manager;
mod pages;
mod pool;
mod processes;
mod processors;
mod records;
mod regions;
mod registry;
mod shared_data;
mod stack;
mod users;
mod variables;

pub use images::Image;
pub use pages::PageState;
pub use stack::{Shape, arm64_locals};

use crate::layout::Build;
use crate::memory::Memory;
use crate::physical::Frames;
use crate::rng::Rng;
use crate::scenario::{Architecture, Scenario, ScenarioError};
use regions::Regions;
use std::collections::BTreeMap;

/// A processor of the machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct Processor {
    /// Address of its KPCR.
    pub pcr: u64,
    /// Address of its KPRCB.
    pub prcb: u64,
    /// Its idle thread.
    pub idle_thread: u64,
    /// Where its saved CONTEXT lies.
    pub context: u64,
}

/// A thread.
#[derive(Clone, Copy, Debug, Default)]
pub struct Thread {
    /// Address of its ETHREAD.
    pub object: u64,
    /// Thread id.
    pub id: u64,
    /// First address after its kernel stack.
    pub stack_base: u64,
    /// First address of its kernel stack.
    pub stack_limit: u64,
}

/// A process.
#[derive(Clone, Debug, Default)]
pub struct Process {
    /// Address of its EPROCESS.
    pub object: u64,
    /// Process id.
    pub id: u64,
    /// Image name.
    pub name: String,
    /// Its threads.
    pub threads: Vec<Thread>,
    /// User memory, empty for System.
    pub user: Memory,
    /// Its top page table, as soon as frames are given out.
    pub directory: u64,
}

/// What the machine was doing when it stopped.
#[derive(Clone, Debug, Default)]
pub struct Current {
    /// Index of the process.
    pub process: usize,
    /// The thread.
    pub thread: Thread,
    /// Stack pointer of the innermost frame.
    pub stack_pointer: u64,
    /// Where the stack ends that it lies on.
    pub stack_end: u64,
    /// Frame pointer of the innermost frame.
    pub frame_pointer: u64,
    /// The CONTEXT record, in the architecture's size.
    pub context: Vec<u8>,
    /// Instruction pointer of it.
    pub instruction: u64,
    /// Addresses of all frames, innermost first.
    pub frames: Vec<u64>,
    /// Of those, the instructions that touched what the trap frame above them names.
    pub faulting: Vec<u64>,
    /// Return addresses on the stack of every sleeping thread.
    pub sleeping: Vec<u64>,
}

/// What a processor ran.
#[derive(Clone, Debug, Default)]
pub struct Running {
    /// The thread.
    pub thread: Thread,
    /// Addresses of all frames, innermost first.
    pub frames: Vec<u64>,
    /// Their functions, and how far into them they lie.
    pub functions: Vec<(String, u64)>,
}

/// The machine.
#[derive(Debug)]
pub struct Machine<'s> {
    /// What was asked for.
    pub scenario: &'s Scenario,
    /// Layouts of its kernel.
    pub build: Build,
    /// Kernel half of every address space.
    pub kernel: Memory,
    /// Address ranges to allocate from.
    pub regions: Regions,
    /// Kernel image first, then drivers in load order.
    pub images: Vec<Image>,
    /// Processors.
    pub processors: Vec<Processor>,
    /// System first, then the others.
    pub processes: Vec<Process>,
    /// The stopping thread.
    pub current: Current,
    /// What each processor ran.
    pub running: Vec<Running>,
    /// Session structures by number.
    pub sessions: BTreeMap<u32, u64>,
    /// Frames not yet given out.
    pub frames: Frames,
    /// Kernel pages, by number, that are not plainly present.
    pub page_states: BTreeMap<u64, PageState>,
    /// The same of user pages, by index of the process.
    pub user_states: BTreeMap<(usize, u64), PageState>,
    /// Kernel pages, by number, whose frame was chosen early.
    pub fixed_frames: BTreeMap<u64, u64>,
    /// Tables at physical addresses: firmware's.
    pub physical_tables: Vec<(u64, Vec<u8>)>,
}

impl<'s> Machine<'s> {
    /// Invents the machine of a scenario.
    ///
    /// # Errors
    /// A build the forge has no layouts of, or a stack that names unknown code.
    pub fn invent(scenario: &'s Scenario) -> Result<Self, ScenarioError> {
        let arch = scenario.machine.architecture;
        let load = |number: u32| {
            Build::load(arch, number).ok_or_else(|| ScenarioError::UnknownBuild {
                build: number,
                known: Build::numbers(arch),
            })
        };
        let mut build = load(scenario.machine.build)?;
        if let Some(other) = scenario.faults.layout_of {
            build.lay_out_as(&load(other)?);
        }
        for (path, offset) in &scenario.faults.members {
            if !build.move_member(path, offset.0) {
                let text = format!("{path} is no member of a structure that this build has");
                return Err(ScenarioError::Unsupported(text));
            }
        }
        for (name, rva) in &scenario.faults.variables {
            build.move_data(name, rva.0 as u32);
        }
        if let Some(guid) = &scenario.faults.guid {
            build.guid.clone_from(guid);
        }
        let regions = Regions::new(scenario);
        let mut machine = Self {
            scenario,
            build,
            kernel: Memory::default(),
            regions,
            images: Vec::new(),
            processors: Vec::new(),
            processes: Vec::new(),
            current: Current::default(),
            running: Vec::new(),
            sessions: BTreeMap::new(),
            frames: Frames::new(Vec::new(), Rng::new(0)),
            page_states: BTreeMap::new(),
            user_states: BTreeMap::new(),
            fixed_frames: BTreeMap::new(),
            physical_tables: Vec::new(),
        };
        machine.frames = Frames::new(machine.physical_runs(), machine.rng("frames"));
        machine.load_images();
        machine.make_processors();
        machine.make_processes()?;
        machine.make_directories();
        machine.make_stack()?;
        machine.make_sleepers()?;
        machine.write_images();
        machine.write_variables();
        machine.write_shared_data();
        machine.write_physical_block();
        machine.write_firmware();
        machine.write_memory_manager();
        machine.write_frame_database();
        machine.write_pool();
        machine.write_hives()?;
        machine.write_bus();
        machine.write_debugger_block();
        machine.write_pool_blocks();
        machine.write_identifiers();
        machine.make_user_memory();
        machine.make_devices();
        machine.make_locks();
        machine.make_records();
        machine.overwrite();
        machine.mark_pages();
        Ok(machine)
    }

    /// Processor architecture.
    pub fn arch(&self) -> Architecture {
        self.scenario.machine.architecture
    }

    /// Bytes in a pointer.
    pub fn pointer(&self) -> usize {
        self.arch().pointer()
    }

    /// A generator for one purpose.
    pub fn rng(&self, purpose: &str) -> Rng {
        Rng::for_purpose(self.scenario.machine.seed, purpose)
    }

    /// Address of a kernel variable; nothing when this build has no such symbol.
    pub fn variable(&self, name: &str) -> Option<u64> {
        Some(self.images.first()?.base + u64::from(self.build.data(name)?))
    }

    /// Writes a pointer-sized word.
    pub fn put_pointer(&mut self, va: u64, value: u64) {
        let width = self.pointer();
        self.kernel.word(va, value, width);
    }

    /// Writes a member of a structure, when the build has it.
    pub fn set(&mut self, va: u64, structure: &str, member: &str, value: u64, width: usize) {
        if let Some(offset) = self.build.field(structure, member) {
            self.kernel.word(va + offset, value, width);
        }
    }

    /// Writes a pointer-sized member.
    pub fn set_pointer(&mut self, va: u64, structure: &str, member: &str, value: u64) {
        let width = self.pointer();
        self.set(va, structure, member, value, width);
    }

    /// Writes a counted string at `va` whose characters lie at `buffer`.
    pub fn put_string(&mut self, va: u64, buffer: u64, text: &str) {
        let bytes = crate::bytes::utf16(text);
        self.kernel.write(buffer, &bytes);
        self.kernel.u16(buffer + bytes.len() as u64, 0);
        self.kernel.u16(va, bytes.len() as u16);
        self.kernel.u16(va + 2, bytes.len() as u16 + 2);
        let at = va + crate::layout::loader::string_buffer(self.pointer());
        self.put_pointer(at, buffer);
    }

    /// Links entries into a circular list behind `head`; each item is the address of its LIST_ENTRY.
    pub fn link(&mut self, head: u64, entries: &[u64]) {
        let p = self.pointer() as u64;
        let ring: Vec<u64> = std::iter::once(head)
            .chain(entries.iter().copied())
            .collect();
        for (i, at) in ring.iter().enumerate() {
            self.put_pointer(*at, ring[(i + 1) % ring.len()]);
            self.put_pointer(*at + p, ring[(i + ring.len() - 1) % ring.len()]);
        }
    }
}
