//! Kernel dumps of every kind as the rest of the analysis sees them: what was running, which
//! drivers, and the memory.

use super::known::Known;
use crate::container::{DumpHeader, SecondaryData};
use crate::memory::VirtualAddress;
use crate::model::Note;
pub(super) use crate::nt::Space;
use crate::nt::{
    Architecture, Context, CrashException, DebuggerData, Machine, Minidump, ModuleList, PagedDump,
    ProcessFacts, ProcessorFacts, ThreadFacts, UnloadedModule,
};
use crate::source::Source;
use alloc::vec::Vec;

/// What a kernel dump says, whatever its kind.
#[derive(Clone)]
pub(super) struct Dump<'a> {
    pub header: &'a DumpHeader,
    pub modules: &'a ModuleList,
    /// Whether `modules` are all that were loaded.
    pub modules_whole: bool,
    pub unloaded: &'a [UnloadedModule],
    pub exception: Option<&'a CrashException>,
    /// The registers to start the stack from.
    pub context: Option<&'a Context>,
    pub processor: Option<&'a ProcessorFacts>,
    pub thread: Option<&'a ThreadFacts>,
    pub process: Option<&'a ProcessFacts>,
    /// The stack: its lowest address, and the first behind it.
    pub stack: Option<(VirtualAddress, VirtualAddress)>,
    pub debugger_data: Option<&'a DebuggerData>,
    pub build_lab: Option<&'a str>,
    pub secondary: Option<&'a SecondaryData>,
    /// Minidumps: the driver that Windows suspects.
    pub broken_driver: Option<&'a str>,
    /// Minidumps: the level of Driver Verifier.
    pub verifier_level: Option<u32>,
    pub is_small: bool,
    pub notes: Vec<&'a Note>,
}

impl<'a> Dump<'a> {
    pub(super) fn minidump(dump: &'a Minidump) -> Self {
        let figures = dump.pieces.memory_figures.as_ref();
        Self {
            header: &dump.header,
            modules: &dump.modules,
            modules_whole: true,
            unloaded: &dump.unloaded,
            exception: dump.exception.as_ref(),
            context: dump.crash_context(),
            processor: dump.processor.as_ref(),
            thread: dump.thread.as_ref(),
            process: dump.process.as_ref(),
            stack: dump.stack(),
            debugger_data: dump.debugger_data.as_ref(),
            build_lab: dump.build_lab.as_deref(),
            secondary: dump.secondary.as_ref(),
            broken_driver: dump.pieces.broken_driver.as_deref(),
            verifier_level: figures.map(|figures| figures.verify_level),
            is_small: true,
            notes: dump.notes.iter().collect(),
        }
    }

    pub(super) fn paged(dump: &'a PagedDump) -> Self {
        let current = &dump.current;
        Self {
            header: &dump.header,
            modules: &dump.drivers.modules,
            modules_whole: dump.drivers.whole,
            unloaded: &dump.drivers.unloaded,
            exception: current.exception.as_ref(),
            context: current.crash_context(dump),
            processor: current.processor.as_ref(),
            thread: current.thread.as_ref(),
            process: current.process.as_ref(),
            stack: current.stack,
            debugger_data: dump.ground.debugger_data.as_ref(),
            build_lab: dump.ground.build_lab.as_deref(),
            secondary: dump.secondary.as_ref(),
            broken_driver: None,
            verifier_level: None,
            is_small: false,
            notes: dump.notes().collect(),
        }
    }

    /// The architecture, or what a header that names none most probably belongs to.
    pub(super) fn architecture(&self) -> Architecture {
        let named = self.header.machine.and_then(Architecture::from_machine);
        named.unwrap_or(match self.header.pointer_width() {
            4 => Architecture::X86,
            _ => Architecture::X64,
        })
    }

    /// What structures of the kernel are read with.
    pub(super) fn machine(&self) -> Option<Machine<'a>> {
        Some(Machine {
            architecture: self.architecture(),
            build: self.header.minor_version.unwrap_or_default(),
            debugger_data: self.debugger_data?,
        })
    }

    /// Where the kernel was loaded.
    pub(super) fn kernel_base(&self) -> Option<VirtualAddress> {
        let base = self.debugger_data.and_then(DebuggerData::kernel_base);
        self.modules.kernel(base).map(|kernel| kernel.base)
    }

    /// The loaded drivers, when they are all known.
    pub(super) fn all_modules(&self) -> Option<&'a ModuleList> {
        self.modules_whole.then_some(self.modules)
    }
}

impl<'a> Space<'a> {
    pub(super) fn of(known: &'a Known, source: &'a dyn Source) -> Self {
        if let Some(dump) = &known.minidump {
            return Self::Blocks(dump.space(source));
        }
        let paged = known.paged.as_ref().and_then(|dump| dump.space(source));
        paged.map_or(Self::None, Self::Pages)
    }
}
