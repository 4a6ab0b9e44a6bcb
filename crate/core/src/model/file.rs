//! The file itself.

use super::Hex;
use alloc::string::String;
use serde::Serialize;

/// The file itself.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct File {
    /// Its name, as the user's file system has it; never used to decide anything.
    pub name: String,
    /// Bytes.
    pub size: Hex,
    /// What it is, from its content.
    pub kind: Kind,
    /// What Windows calls it, or what it is instead.
    pub kind_label: String,
    /// Whether bytes that its headers promise are missing.
    pub truncated: bool,
    /// Whether Windows encrypted it.
    pub encrypted: bool,
    /// What this kind of file holds, and what it cannot tell: plain sentences.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub holds: String,
    /// The line with which the debugger opens a dump of this kind.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub opening: &'static str,
}

/// What the file is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// All physical memory, as runs (DumpType 1).
    Full,
    /// Kernel memory in the form before Windows 8 (DumpType 2).
    KernelSummary,
    /// All physical memory, by bitmap (DumpType 5).
    BitmapFull,
    /// Kernel memory, by bitmap (DumpType 6): kernel and automatic dumps.
    BitmapKernel,
    /// Memory in use, by bitmap, with the filter attribute.
    Active,
    /// A live kernel dump: the machine kept running.
    Live,
    /// Kernel memory, by ranges (DumpType 8).
    RangeKernel,
    /// Kernel and user memory, by ranges (DumpType 9).
    RangeKernelUser,
    /// All physical memory, by ranges (DumpType 0xA).
    RangeComplete,
    /// A minidump of the kernel (DumpType 4).
    Triage,
    /// A header and nothing else (DumpType 3).
    HeaderOnly,
    /// A kernel dump of a type that is not known.
    UnknownKernel,
    /// A minidump of one process.
    UserMinidump,
    /// An archive that may hold dumps.
    Archive,
    /// Not a dump.
    #[default]
    Other,
}
