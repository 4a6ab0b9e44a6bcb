//! A kernel dump with pages, opened: full, kernel, automatic, active and live dumps, and those
//! that a debugger writes.
//!
//! It is opened in pieces, each a step of its own: where the pages are, the page tables and the
//! debugger data block ([`Ground`]), the drivers ([`Drivers`]), what was running ([`Current`]).
//! Every piece rests on those before it; what is missing leaves a note and the rest goes on.

mod current;
mod ground;
mod recover;

pub use current::Current;
pub use ground::Ground;

use super::list::Break;
use super::loader::{self, Loaded};
use super::process::{ProcessList, Processes};
use super::processor::{self, ProcessorLayout, Running};
use super::thread::ThreadLayout;
use super::{DebuggerData, Machine, Member, Module, ModuleList, UnloadedModule};
use crate::container::{DumpHeader, PageIndex, SecondaryData, blob};
use crate::memory::{KernelSpace, PhysicalMemory, VirtualAddress};
use crate::model::Note;
use crate::source::{ReadError, Source};
use crate::symbols::layout::Layouts;
use alloc::{format, string::String, vec::Vec};

/// Loaded and unloaded drivers.
#[derive(Clone, Debug, Default)]
pub struct Drivers {
    /// Loaded.
    pub modules: ModuleList,
    /// Where the loader's entry of each is.
    pub entries: Vec<VirtualAddress>,
    /// Whether the list of the loaded ones is whole.
    pub whole: bool,
    /// Unloaded, the newest first.
    pub unloaded: Vec<UnloadedModule>,
    /// What is missing.
    pub notes: Vec<Note>,
}

/// A kernel dump with pages.
#[derive(Clone, Debug)]
pub struct PagedDump {
    /// Its header.
    pub header: DumpHeader,
    /// Where its pages are.
    pub index: PageIndex,
    /// Page tables, debugger data block, registers.
    pub ground: Ground,
    /// Drivers.
    pub drivers: Drivers,
    /// Processor, thread and process.
    pub current: Current,
    /// What drivers and Windows added behind the pages.
    pub secondary: Option<SecondaryData>,
    /// Processes and processors, once their step is done.
    pub lists: Option<Lists>,
}

/// Processes, and what every processor was running.
#[derive(Clone, Debug, Default)]
pub struct Lists {
    /// The processes.
    pub processes: Processes,
    /// The processors.
    pub running: Vec<Running>,
    /// How threads are read.
    pub threads: ThreadLayout,
}

impl PagedDump {
    /// A dump of which nothing but the header and the place of the pages is known.
    #[must_use]
    pub fn new(header: DumpHeader, index: PageIndex) -> Self {
        Self {
            header,
            index,
            ground: Ground::default(),
            drivers: Drivers::default(),
            current: Current::default(),
            secondary: None,
            lists: None,
        }
    }

    /// Opens a dump whose file can be waited for.
    ///
    /// # Errors
    /// When bytes were not fetched yet.
    pub fn load(
        source: &dyn Source,
        header: DumpHeader,
        mut index: PageIndex,
    ) -> Result<Self, ReadError> {
        index.complete(source)?;
        let mut dump = Self::new(header, index);
        dump.ground = Ground::read(source, &dump.header, &dump.index);
        dump.drivers = dump.read_drivers(source);
        let paths = dump.read_driver_paths(source);
        dump.drivers.modules.set_paths(paths);
        dump.current = Current::read(source, &dump);
        dump.secondary = dump.read_secondary(source)?;
        Ok(dump)
    }

    /// The kernel's memory; `None` when the page tables could not be found.
    #[must_use]
    pub fn space<'a>(&'a self, source: &'a dyn Source) -> Option<KernelSpace<'a>> {
        let root = self.header.directory_table_base?;
        let physical = PhysicalMemory::new(source, &self.index);
        Some(KernelSpace::new(physical, self.ground.format?, root))
    }

    /// Bytes in a pointer.
    #[must_use]
    pub fn pointer_width(&self) -> u8 {
        self.header.pointer_width()
    }

    /// The stop code's parameters; 0 where the header has none.
    #[must_use]
    pub fn parameters(&self) -> [u64; 4] {
        self.header.parameters.map(|value| value.unwrap_or(0))
    }

    /// The kernel among the drivers.
    #[must_use]
    pub fn kernel(&self) -> Option<&Module> {
        let data = self.ground.debugger_data.as_ref();
        let base = data.and_then(DebuggerData::kernel_base);
        self.drivers.modules.kernel(base)
    }

    /// All notes, in the order of the pieces.
    pub fn notes(&self) -> impl Iterator<Item = &Note> {
        let pieces = self.ground.notes.iter().chain(&self.drivers.notes);
        pieces.chain(&self.current.notes)
    }

    /// What structures are read with; `None` without a debugger data block.
    #[must_use]
    pub fn machine(&self) -> Option<Machine<'_>> {
        Some(Machine {
            architecture: self.ground.architecture?,
            build: self.header.minor_version.unwrap_or(0),
            debugger_data: self.ground.debugger_data.as_ref()?,
        })
    }

    /// Addresses of the processors' blocks.
    #[must_use]
    pub fn processor_blocks(&self, source: &dyn Source) -> Vec<VirtualAddress> {
        let space = self.space(source);
        space.map_or_else(Vec::new, |space| current::blocks(self, &space))
    }

    /// Walks the list of processes; `None` when nothing says where it is.
    #[must_use]
    pub fn walk_processes(
        &self,
        source: &dyn Source,
        layouts: &Layouts<'_>,
    ) -> Option<ProcessList> {
        let (space, machine) = (self.space(source)?, self.machine()?);
        let head = self.header.active_process_head.map(VirtualAddress);
        let variable = machine.debugger_data.address(Member::PsActiveProcessHead);
        let walk = |head| ProcessList::walk(&space, machine, layouts, head);
        let found = walk(head.or(variable)?);
        // A damaged header may name what is no list: the debugger data block has it too.
        let other = variable.filter(|&other| found.is_empty() && head != Some(other));
        let other = other.map(walk).filter(|other| !other.is_empty());
        Some(other.unwrap_or(found))
    }

    /// Reads what each process of the list tells, and what every processor was running.
    #[must_use]
    pub fn read_running(
        &self,
        source: &dyn Source,
        layouts: &Layouts<'_>,
        list: Option<&ProcessList>,
    ) -> Lists {
        let Some((space, machine)) = self.space(source).zip(self.machine()) else {
            return Lists::default();
        };
        let mut processes = list.map_or_else(Processes::default, |list| list.read(&space, machine));
        if list.is_none_or(ProcessList::is_lost) {
            processes.complete(&space, machine, layouts);
        }
        let threads = match (processes.all.first(), &processes.layout) {
            (Some(first), Some(layout)) => {
                ThreadLayout::find(machine, layouts, &space, first, layout)
            }
            _ => ThreadLayout::kernel_part(machine, layouts),
        };
        let layout = ProcessorLayout::find(machine, layouts);
        let blocks = current::blocks(self, &space);
        let running = processor::running(&space, machine, &layout, &threads, &blocks);
        Lists {
            processes,
            running,
            threads,
        }
    }

    /// Walks the data that was added behind the last page.
    ///
    /// # Errors
    /// When the file cannot give the bytes, or not yet.
    pub fn read_secondary(&self, source: &dyn Source) -> Result<Option<SecondaryData>, ReadError> {
        // Where header and bitmap count differently, it stands behind the pages of one of them.
        let (near, far) = self.index.ends();
        let found = blob::walk(source, near);
        if near == far || !matches!(found, Ok(None)) {
            return found;
        }
        blob::walk(source, far)
    }

    /// Reads the paths of the loaded drivers.
    #[must_use]
    pub fn read_driver_paths(&self, source: &dyn Source) -> Vec<Option<String>> {
        let space = self.space(source);
        space.map_or_else(Vec::new, |space| {
            loader::paths(&space, &self.drivers.entries, self.pointer_width())
        })
    }

    /// Walks the lists of loaded and unloaded drivers.
    #[must_use]
    pub fn read_drivers(&self, source: &dyn Source) -> Drivers {
        let mut drivers = Drivers::default();
        let Some(space) = self.space(source) else {
            return drivers;
        };
        let data = self.ground.debugger_data.as_ref();
        let variable = |member| data.and_then(|data| data.address(member));
        let head = self.header.loaded_module_list.map(VirtualAddress);
        let width = self.pointer_width();
        // Both are asked for before the first is judged.
        let walk = |head| loader::loaded(&space, head, width, self.header.minor_version);
        let named = variable(Member::PsLoadedModuleList);
        let mut loaded = head.or(named).map(walk);
        // A damaged header may name what is no list: the debugger data block has it too.
        let empty = |loaded: &Loaded| loaded.modules.as_slice().is_empty();
        if loaded.as_ref().is_some_and(empty)
            && let Some(other) = named.filter(|&other| head != Some(other)).map(walk)
            && !empty(&other)
        {
            loaded = Some(other);
        }
        let unloaded = variable(Member::MmUnloadedDrivers).map(|array| {
            let last = variable(Member::MmLastUnloadedDriver);
            loader::unloaded(&space, array, last, width)
        });
        match loaded {
            Some(Loaded {
                modules,
                entries,
                damage,
                lost,
            }) => {
                drivers.entries = entries;
                drivers.whole = !lost && !modules.as_slice().is_empty();
                drivers.modules = modules;
                drivers.notes.extend(damage.map(|why| cut_list(why, lost)));
            }
            None => drivers.notes.push(Note::new(
                "no-drivers",
                "The dump does not say where the list of loaded drivers is.",
            )),
        }
        match unloaded {
            Some(Ok(unloaded)) => drivers.unloaded = unloaded,
            Some(Err(why)) => drivers.notes.push(Note::new(
                "no-unloaded-drivers",
                format!("The list of unloaded drivers is missing: {why}."),
            )),
            None => {}
        }
        drivers
    }
}

fn cut_list(why: Break, lost: bool) -> Note {
    let what = if lost {
        "is not whole"
    } else {
        "is damaged, but all of it was found from its other end"
    };
    let text = format!("The list of loaded drivers {what}: {why}.");
    Note::new("drivers-cut", text)
}
