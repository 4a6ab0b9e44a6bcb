//! The kernel's own structures, as far as dumps of every kind carry them.

mod context;
mod current;
pub mod debugger_data;
pub mod directory;
pub mod exception;
pub mod hardware_error;
mod identifiers;
pub mod list;
pub mod loader;
pub mod memory_manager;
mod minidump;
mod module;
pub mod object;
pub mod object_detail;
pub mod paged;
pub mod pool_block;
pub mod pool_tags;
pub mod process;
pub mod process_detail;
pub mod processor;
pub mod processor_detail;
mod record;
pub mod registry;
pub mod resource;
mod shared_data;
mod space;
pub mod thread;
pub mod thread_detail;
pub mod watchdog;

pub use context::Context;
pub use current::{Machine, ProcessFacts, ProcessorFacts, RunningThread, ThreadFacts};
pub use debugger_data::{DebuggerData, DebuggerDataError, Member};
pub use exception::{CrashException, ExceptionRecord};
pub use minidump::Minidump;
pub use module::{Module, ModuleList, UnloadedModule};
pub use paged::PagedDump;
pub use record::Record;
pub use shared_data::SharedData;
pub use space::Space;

/// Types of kernel objects in DISPATCHER_HEADER.
const PROCESS_OBJECT: u64 = 3;
const THREAD_OBJECT: u64 = 6;

/// The processor architecture of the dumped machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Architecture {
    /// 32-bit x86.
    X86,
    /// x86-64.
    X64,
    /// 64-bit ARM.
    Arm64,
    /// Itanium.
    Ia64,
}

impl Architecture {
    /// By the machine number of the PE format (IMAGE_FILE_MACHINE_*).
    #[must_use]
    pub fn from_machine(machine: u32) -> Option<Self> {
        match machine {
            0x014C => Some(Self::X86),
            0x8664 => Some(Self::X64),
            0xAA64 => Some(Self::Arm64),
            0x0200 => Some(Self::Ia64),
            _ => None,
        }
    }

    /// As the report names it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::X86 => "x86",
            Self::X64 => "x64",
            Self::Arm64 => "ARM64",
            Self::Ia64 => "IA-64",
        }
    }

    /// The machine number of the PE format.
    #[must_use]
    pub fn machine(self) -> u16 {
        match self {
            Self::X86 => 0x014C,
            Self::X64 => 0x8664,
            Self::Arm64 => 0xAA64,
            Self::Ia64 => 0x0200,
        }
    }

    /// Bytes in a pointer.
    #[must_use]
    pub fn pointer_width(self) -> u8 {
        if self == Self::X86 { 4 } else { 8 }
    }
}
