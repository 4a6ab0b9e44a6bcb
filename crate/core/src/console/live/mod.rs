//! What a command that reads the dump works with: the report, the memory, the modules.
//!
//! A command is a step like any other: it may meet [`Missing`] that stands for "not fetched yet",
//! goes on, and is run again; what it said is thrown away until nothing was wanted.

mod expression;
mod stretch;

pub(super) use expression::{joined, number};
pub use stretch::{Hole, MAX_STRETCH, Stretch};

use crate::container::DumpHeader;
use crate::memory::{Missing, PhysicalMemory, VirtualAddress};
use crate::model::Report;
use crate::nt::paged::Lists;
use crate::nt::pool_tags::{PoolTables, PoolTags};
use crate::nt::registry::RegistryMemory;
use crate::nt::{
    Architecture, DebuggerData, Minidump, Module, ModuleList, PagedDump, Space, ThreadFacts,
    UnloadedModule,
};
use crate::report::format::{address, offset};
use crate::source::Source;
use crate::stack::Namer;
use crate::symbols::{Disassembler, Files, Names, NoFiles};
use alloc::{format, string::String};
use core::fmt;

/// What was learned of a dump: all that a question needs but the bytes.
#[derive(Clone, Copy, Debug)]
pub struct Ground<'a> {
    /// The report.
    pub report: &'a Report,
    /// The dump, where it is a kernel minidump.
    pub minidump: Option<&'a Minidump>,
    /// The dump, where it is one with pages.
    pub paged: Option<&'a PagedDump>,
    /// The registry in memory, as far as the analysis looked.
    pub registry: Option<&'a RegistryMemory>,
    /// Pool use, as far as the analysis looked.
    pub pool: Option<&'a PoolTags>,
    /// Symbol files and images that were put beside the dump.
    pub files: &'a dyn Files,
    /// Processes and processors.
    pub lists: Option<&'a Lists>,
    /// What reads machine code, where somebody brought one.
    pub disassembler: Option<&'a dyn Disassembler>,
}

impl<'a> Ground<'a> {
    /// A report without its dump.
    #[must_use]
    pub fn of_report(report: &'a Report) -> Self {
        Self {
            report,
            minidump: None,
            paged: None,
            registry: None,
            pool: None,
            files: &NoFiles,
            lists: None,
            disassembler: None,
        }
    }

    /// The dump, to be read from `source`.
    #[must_use]
    pub fn live(self, source: &'a dyn Source) -> Live<'a> {
        Live {
            ground: self,
            report: self.report,
            source,
        }
    }
}

/// An open dump.
#[derive(Clone, Copy)]
pub struct Live<'a> {
    ground: Ground<'a>,
    /// The report.
    pub report: &'a Report,
    /// The file.
    pub source: &'a dyn Source,
}

impl fmt::Debug for Live<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Live({} bytes of file)", self.source.len())
    }
}

/// What an address is called.
pub type NameOf<'a> = dyn Fn(u64) -> Option<String> + 'a;

/// A name further off than this says little.
const NEAR: u32 = 0x2000;

static NO_MODULES: ModuleList = ModuleList::EMPTY;

impl<'a> Live<'a> {
    /// The dump, where it is one with pages.
    #[must_use]
    pub fn paged(&self) -> Option<&'a PagedDump> {
        self.ground.paged
    }

    /// The registry in memory, as far as the analysis looked.
    #[must_use]
    pub fn registry(&self) -> Option<&'a RegistryMemory> {
        self.ground.registry
    }

    /// Processes and processors.
    #[must_use]
    pub fn lists(&self) -> Option<&'a Lists> {
        self.ground.lists
    }

    /// Where pool use is counted.
    #[must_use]
    pub fn pool(&self) -> Option<&'a PoolTables> {
        self.ground.pool?.tables.as_ref()
    }

    /// The same, where the report left tables of processors out.
    #[must_use]
    pub fn pool_to_add(&self) -> Option<&'a PoolTables> {
        let more = |tables: &&PoolTables| !tables.others.is_empty();
        self.ground.pool.filter(|pool| pool.first_only)?;
        self.pool().filter(more)
    }

    /// The dump, where it is a kernel minidump.
    #[must_use]
    pub fn minidump(&self) -> Option<&'a Minidump> {
        self.ground.minidump
    }

    /// The kernel's memory.
    #[must_use]
    pub fn space(&self) -> Space<'a> {
        if let Some(dump) = self.ground.minidump {
            return Space::Blocks(dump.space(self.source));
        }
        let paged = self.ground.paged.and_then(|dump| dump.space(self.source));
        paged.map_or(Space::None, Space::Pages)
    }

    /// The physical memory, where the dump has pages.
    #[must_use]
    pub fn physical(&self) -> Option<PhysicalMemory<'a>> {
        let dump = self.ground.paged?;
        Some(PhysicalMemory::new(self.source, &dump.index))
    }

    /// The header of the dump.
    #[must_use]
    pub fn header(&self) -> Option<&'a DumpHeader> {
        let small = self.ground.minidump.map(|dump| &dump.header);
        small.or(self.ground.paged.map(|dump| &dump.header))
    }

    /// The debugger data block.
    #[must_use]
    pub fn debugger_data(&self) -> Option<&'a DebuggerData> {
        let small = self.ground.minidump;
        let small = small.and_then(|dump| dump.debugger_data.as_ref());
        let paged = self.ground.paged;
        small.or_else(|| paged?.ground.debugger_data.as_ref())
    }

    /// The thread that was running.
    #[must_use]
    pub fn thread(&self) -> Option<&'a ThreadFacts> {
        let small = self.ground.minidump.and_then(|dump| dump.thread.as_ref());
        small.or_else(|| self.ground.paged?.current.thread.as_ref())
    }

    /// The machine's architecture, where it is known.
    #[must_use]
    pub fn architecture(&self) -> Option<Architecture> {
        Architecture::from_machine(self.header()?.machine?)
    }

    /// Bytes in a pointer.
    #[must_use]
    pub fn width(&self) -> u8 {
        self.header().map_or(8, DumpHeader::pointer_width)
    }

    /// Loaded modules.
    #[must_use]
    pub fn modules(&self) -> &'a ModuleList {
        let small = self.ground.minidump.map(|dump| &dump.modules);
        let paged = self.ground.paged.map(|dump| &dump.drivers.modules);
        small.or(paged).unwrap_or(&NO_MODULES)
    }

    /// Drivers that were unloaded before the stop.
    #[must_use]
    pub fn unloaded(&self) -> &'a [UnloadedModule] {
        let small = self.ground.minidump.map(|dump| dump.unloaded.as_slice());
        let paged = self
            .ground
            .paged
            .map(|dump| dump.drivers.unloaded.as_slice());
        small.or(paged).unwrap_or_default()
    }

    /// Symbol files and images that were put beside the dump.
    #[must_use]
    pub fn files(&self) -> &'a dyn Files {
        self.ground.files
    }

    /// What reads machine code.
    #[must_use]
    pub fn disassembler(&self) -> Option<&'a dyn Disassembler> {
        self.ground.disassembler
    }

    /// What an address is called, with names from exports too: `nt!KeBugCheckEx+0x10`.
    #[must_use]
    pub fn named(&self, at: u64) -> Option<String> {
        self.named_all(&mut |named| named(at))
    }

    /// The same of many addresses: the images are opened once.
    pub fn named_all<T>(&self, ask: &mut dyn FnMut(&NameOf<'_>) -> T) -> T {
        let space = self.space();
        let space = self.modules().over(&space, self.files());
        let namer = Namer::new(&space, self.modules(), self.files());
        ask(&|at| {
            let Some(named) = namer.name(VirtualAddress(at)) else {
                return self.place(at);
            };
            let module = self.modules().find(VirtualAddress(at))?.symbol_name();
            Some(format!(
                "{module}!{}{}",
                named.function,
                offset(named.offset)
            ))
        })
    }

    /// The module called `name` as symbols call it, or by its file name.
    #[must_use]
    pub fn module(&self, name: &str) -> Option<&'a Module> {
        let modules = self.modules();
        if name.eq_ignore_ascii_case("nt") {
            let base = self.debugger_data().and_then(DebuggerData::kernel_base);
            return modules.kernel(base);
        }
        let called = |module: &&Module| module.symbol_name().eq_ignore_ascii_case(name);
        modules
            .by_name(name)
            .or_else(|| modules.as_slice().iter().find(called))
    }

    /// The module and the distance from its base, e.g. `nt+0x1f`; where a symbol file of the module
    /// was put beside the dump, the nearest name of it that is not far off, e.g. `nt!KeBugCheckEx+0x4`.
    #[must_use]
    pub fn place(&self, at: u64) -> Option<String> {
        let module = self.modules().find(VirtualAddress(at))?;
        let name = module.symbol_name();
        let into = at - module.base.0;
        let table = self.ground.files.table(module.base);
        let near = table.and_then(|table| table.name_at(into as u32));
        if let Some((symbol, into)) = near.filter(|(_, into)| *into < NEAR) {
            let distance = offset(into.into());
            return Some(format!("{name}!{symbol}{distance}"));
        }
        Some(if into == 0 {
            name
        } else {
            format!("{name}+{into:#x}")
        })
    }

    /// An address as the debugger writes it for this machine.
    #[must_use]
    pub fn address(&self, at: u64) -> String {
        address(at, self.width() == 8)
    }

    /// What an expression comes to: numbers in hexadecimal, registers, modules, exported names,
    /// `poi(…)`, `+`, `-` and `*`.
    ///
    /// # Errors
    /// A sentence for the person who typed it.
    pub fn evaluate(&self, text: &str) -> Result<u64, String> {
        expression::evaluate(text, self)
    }

    /// `len` bytes of virtual memory from `at` on, with the reason of every gap.
    #[must_use]
    pub fn stretch(&self, at: u64, len: u64) -> Stretch {
        stretch::of_virtual(&self.space(), at, len)
    }

    /// `len` bytes of physical memory from `at` on, with the reason of every gap.
    #[must_use]
    pub fn physical_stretch(&self, at: u64, len: u64) -> Stretch {
        stretch::of_physical(self.physical(), at, len)
    }
}

/// The reason in words, with the level at which a translation ended.
#[must_use]
pub fn reason(why: Missing) -> String {
    match why {
        Missing::NotPresent(level) => {
            format!("not present: the {} leads nowhere", level_name(level))
        }
        other => format!("{other}"),
    }
}

/// A level of the page tables in the words of the processor's manual.
#[must_use]
pub fn level_name(level: crate::memory::Level) -> &'static str {
    use crate::memory::Level;
    match level {
        Level::Pml5 => "PML5 entry",
        Level::Pml4 => "PML4 entry",
        Level::Pdpt => "page directory pointer",
        Level::Pd => "page directory entry",
        Level::Pt => "page table entry",
        Level::Prototype => "prototype entry",
    }
}
