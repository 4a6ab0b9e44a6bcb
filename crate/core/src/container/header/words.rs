//! What the numbers in a header mean, in the words of the Windows headers and of the debugger.
//!
//! Sources: windows-rs `DUMP_FILE_ATTRIBUTES`; Microsoft Learn on OSVERSIONINFOEX, active memory
//! dumps and the varieties of kernel dumps.

use crate::model::Kind;
use alloc::vec::Vec;

/// DumpType as the header has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DumpType {
    /// All physical memory, run after run (1).
    Full,
    /// Kernel memory in the form before Windows 8 (2).
    Summary,
    /// A header and nothing else (3).
    Header,
    /// A minidump (4).
    Triage,
    /// All physical memory, by bitmap (5).
    BitmapFull,
    /// Kernel memory, by bitmap (6): kernel, automatic, active and live dumps.
    BitmapKernel,
    /// Automatic (7). The constant exists; files carry 6 instead, so read like it.
    Automatic,
    /// Written by a debugger: kernel memory, by ranges (8).
    RangeKernel,
    /// Written by a debugger: kernel and user memory, by ranges (9).
    RangeKernelUser,
    /// Written by a debugger: all physical memory, by ranges (0xA).
    RangeComplete,
    /// Something newer.
    Unknown(u32),
}

impl From<u32> for DumpType {
    fn from(value: u32) -> Self {
        match value {
            1 => Self::Full,
            2 => Self::Summary,
            3 => Self::Header,
            4 => Self::Triage,
            5 => Self::BitmapFull,
            6 => Self::BitmapKernel,
            7 => Self::Automatic,
            8 => Self::RangeKernel,
            9 => Self::RangeKernelUser,
            0xA => Self::RangeComplete,
            other => Self::Unknown(other),
        }
    }
}

/// The attribute bits that the header may carry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Attributes(pub u32);

/// Attribute bits by number. Bits from 11 on are set by Windows 11 and not publicly named.
static ATTRIBUTES: &[(u8, &str)] = &[
    (0, "HiberCrash"),
    (1, "DumpDevicePowerOff"),
    (2, "InsufficientDumpfileSize"),
    (3, "KernelGeneratedTriageDump"),
    (4, "LiveDumpGeneratedDump"),
    (5, "DumpIsGeneratedOffline"),
    (6, "FilterDumpFile"),
    (7, "EarlyBootCrash"),
    (8, "EncryptedDumpData"),
    (9, "DecryptedDump"),
];

impl Attributes {
    fn bit(self, number: u8) -> bool {
        self.0 >> number & 1 == 1
    }
    /// The machine stopped while it was going into hibernation or coming out of it.
    #[must_use]
    pub fn hibernation(self) -> bool {
        self.bit(0)
    }
    /// The dump file was too small for everything.
    #[must_use]
    pub fn insufficient_file_size(self) -> bool {
        self.bit(2)
    }
    /// The machine kept running while this was written.
    #[must_use]
    pub fn live(self) -> bool {
        self.bit(4)
    }
    /// Pages that are not in use were left out: an active memory dump.
    #[must_use]
    pub fn filtered(self) -> bool {
        self.bit(6)
    }
    /// The machine stopped early while starting.
    #[must_use]
    pub fn early_boot(self) -> bool {
        self.bit(7)
    }
    /// The stored memory is encrypted.
    #[must_use]
    pub fn encrypted(self) -> bool {
        self.bit(8)
    }
    /// It was encrypted and has been decrypted.
    #[must_use]
    pub fn decrypted(self) -> bool {
        self.bit(9)
    }
    /// The names of the bits that are set and known.
    #[must_use]
    pub fn names(self) -> Vec<&'static str> {
        names(self.0, ATTRIBUTES)
    }
}

/// Suite bits by number.
static SUITES: &[(u8, &str)] = &[
    (0, "SmallBusiness"),
    (1, "Enterprise"),
    (2, "BackOffice"),
    (3, "CommunicationServer"),
    (4, "TerminalServer"),
    (5, "SmallBusinessRestricted"),
    (6, "EmbeddedNT"),
    (7, "DataCenter"),
    (8, "SingleUserTS"),
    (9, "Personal"),
    (10, "Blade"),
    (11, "EmbeddedRestricted"),
    (12, "SecurityAppliance"),
    (13, "StorageServer"),
    (14, "ComputeServer"),
    (15, "HomeServer"),
    (16, "MultiUserTS"),
];

/// The names of the suite bits that are set.
#[must_use]
pub fn suite_names(mask: u32) -> Vec<&'static str> {
    names(mask, SUITES)
}

/// Pieces of a triage dump by bit of MiniDumpFields.
static MINI_DUMP_FIELDS: &[(u8, &str)] = &[
    (0, "context"),
    (1, "exception"),
    (2, "processor"),
    (3, "process"),
    (4, "thread"),
    (5, "stack"),
    (6, "drivers"),
    (7, "broken driver"),
    (8, "memory figures"),
    (9, "data page"),
    (10, "debugger data"),
    (11, "data blocks"),
];

/// The names of the pieces that a triage dump says it has.
#[must_use]
pub fn mini_dump_field_names(mask: u32) -> Vec<&'static str> {
    names(mask, MINI_DUMP_FIELDS)
}

fn names(mask: u32, table: &[(u8, &'static str)]) -> Vec<&'static str> {
    table
        .iter()
        .filter(|(bit, _)| mask >> bit & 1 == 1)
        .map(|&(_, name)| name)
        .collect()
}

/// ProductType in words.
#[must_use]
pub fn product_name(product_type: u32) -> Option<&'static str> {
    match product_type {
        1 => Some("workstation"),
        2 => Some("domain controller"),
        3 => Some("server"),
        _ => None,
    }
}

/// MachineImageType in words.
#[must_use]
pub fn machine_name(machine: u32) -> Option<&'static str> {
    match machine {
        0x014C => Some("x86"),
        0x8664 => Some("x64"),
        0xAA64 => Some("ARM64"),
        0x0200 => Some("IA-64"),
        0x0184 => Some("Alpha"),
        0x01C4 => Some("ARM"),
        _ => None,
    }
}

impl DumpType {
    /// What the report calls it. A minidump stays a minidump even when the machine kept running:
    /// what it can tell is decided by its form.
    #[must_use]
    pub fn kind(self, attributes: Attributes) -> Kind {
        match self {
            Self::BitmapFull | Self::BitmapKernel | Self::Automatic if attributes.live() => {
                Kind::Live
            }
            Self::BitmapFull | Self::BitmapKernel | Self::Automatic if attributes.filtered() => {
                Kind::Active
            }
            Self::Full => Kind::Full,
            Self::Summary => Kind::KernelSummary,
            Self::Header => Kind::HeaderOnly,
            Self::Triage => Kind::Triage,
            Self::BitmapFull => Kind::BitmapFull,
            Self::BitmapKernel | Self::Automatic => Kind::BitmapKernel,
            Self::RangeKernel => Kind::RangeKernel,
            Self::RangeKernelUser => Kind::RangeKernelUser,
            Self::RangeComplete => Kind::RangeComplete,
            Self::Unknown(_) => Kind::UnknownKernel,
        }
    }

    /// The name of the constant or command behind it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Summary => "summary",
            Self::Header => "header",
            Self::Triage => "triage",
            Self::BitmapFull => "bitmap full",
            Self::BitmapKernel => "bitmap kernel",
            Self::Automatic => "automatic",
            Self::RangeKernel => "kernel ranges (.dump /k)",
            Self::RangeKernelUser => "kernel and user ranges (.dump /ka)",
            Self::RangeComplete => "complete ranges (.dump /f)",
            Self::Unknown(_) => "unknown",
        }
    }
}

/// What people call a dump of this kind, without its width.
#[must_use]
pub fn kind_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Full => "Complete memory dump",
        Kind::KernelSummary => "Kernel memory dump in the form before Windows 8",
        Kind::BitmapFull => "Complete memory dump (bitmap)",
        Kind::BitmapKernel => "Kernel or automatic memory dump",
        Kind::Active => "Active memory dump",
        Kind::Live => "Live kernel dump",
        Kind::RangeKernel => "Kernel memory dump by a debugger",
        Kind::RangeKernelUser => "Kernel and user memory dump by a debugger",
        Kind::RangeComplete => "Complete memory dump by a debugger",
        Kind::Triage => "Kernel minidump",
        Kind::HeaderOnly => "Kernel dump header without memory",
        Kind::UnknownKernel => "Kernel dump of an unknown type",
        Kind::UserMinidump => "User minidump",
        Kind::Archive => "Archive",
        Kind::Other => "Not a dump",
    }
}

/// What a dump of this kind holds, and what it cannot tell.
#[must_use]
pub fn holds(kind: Kind) -> &'static str {
    match kind {
        Kind::Full | Kind::BitmapFull | Kind::RangeComplete => {
            "All physical memory: the kernel, every process, every driver. What was in the page file is not in it."
        }
        Kind::KernelSummary | Kind::BitmapKernel | Kind::RangeKernel => {
            "The memory of the kernel and its drivers, with process and pool lists and the memory counters. The memory of programs is not in it, nor what was in the page file."
        }
        Kind::RangeKernelUser => {
            "The memory of the kernel and of the programs that were mapped when a debugger wrote it. What was in the page file is not in it."
        }
        Kind::Active => {
            "Memory in use, of the kernel and of programs. Free, standby and cached pages were left out, and on a Hyper-V host the memory of its virtual machines."
        }
        Kind::Live => {
            "The memory of the kernel, taken while the machine kept running. There is no crash in it: the code says why Windows took it."
        }
        Kind::Triage => {
            "The stop code, the registers, one stack, the lists of loaded and unloaded drivers, and a few blocks of memory. The process list, the pool, the registry and most memory counters are not in it."
        }
        Kind::HeaderOnly => {
            "The stop code, its parameters and the registers. No memory at all is in it."
        }
        Kind::UnknownKernel => "A header that can be read. How the rest is laid out is not known.",
        Kind::UserMinidump => "One program, not the system.",
        Kind::Archive => "Files that may be dumps.",
        Kind::Other => "",
    }
}

/// The line with which the debugger opens a dump of this kind; empty where it is not known.
#[must_use]
pub fn debugger_kind_line(kind: Kind) -> &'static str {
    match kind {
        Kind::Full => "Kernel Complete Dump File: Full address space is available",
        Kind::KernelSummary => {
            "Kernel Summary Dump File: Kernel address space is available, User address space may not be available."
        }
        Kind::BitmapFull => "Kernel Bitmap Dump File: Full address space is available",
        Kind::BitmapKernel | Kind::Live => {
            "Kernel Bitmap Dump File: Kernel address space is available, User address space may not be available."
        }
        Kind::Active => "Kernel Bitmap Dump File: Active memory is available",
        Kind::Triage => "Mini Kernel Dump File: Only registers and stack trace are available",
        _ => "",
    }
}
