//! Which file to write, and the damage to do to it.

use super::{Moment, Number};
use serde::Deserialize;
use std::collections::BTreeMap;

/// The kinds of dump Windows and its debugger write.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DumpKind {
    /// Complete memory dump of physical runs (type 1).
    Full,
    /// Kernel memory dump before Windows 8 (type 2).
    KernelSummary,
    /// Header page only (type 3).
    HeaderOnly,
    /// Small memory dump (type 4).
    #[default]
    Triage,
    /// Complete memory dump with a bitmap (type 5).
    BitmapFull,
    /// Kernel memory dump with a bitmap (type 6).
    BitmapKernel,
    /// Automatic memory dump: type 6 on disk.
    Automatic,
    /// Active memory dump: type 6 with the filter attribute.
    Active,
    /// Live kernel dump: type 6 with the live attribute.
    Live,
    /// `.dump /k` of a debugger (type 8).
    RangeKernel,
    /// `.dump /ka` of a debugger (type 9).
    RangeKernelUser,
    /// `.dump /f` of a debugger (type A).
    RangeComplete,
}

/// The file to write.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DumpOptions {
    /// Kind of dump.
    pub kind: DumpKind,
    /// Driver list of small dumps: true for base names with whole loader entries, as from Windows 11 24H2 on.
    /// Decided by the build when absent.
    pub base_names: Option<bool>,
    /// Name of the driver Windows itself suspects (small dumps).
    pub broken_driver: Option<String>,
    /// Addresses whose memory is added to a small dump, with sizes.
    pub data_blocks: Vec<Block>,
    /// Header comment; left as fill otherwise.
    pub comment: Option<String>,
    /// Whether SMBIOS, ACPI and processor data follow the dump.
    pub secondary: Option<bool>,
}

/// A range of memory to carry.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Block {
    /// Virtual address.
    pub address: Number,
    /// Bytes.
    pub size: Number,
}

/// Damage done on demand.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Faults {
    /// Cut the file to this many bytes.
    pub truncate: Option<Number>,
    /// Say in the header that the file was too small for the dump.
    pub insufficient_space: bool,
    /// Header fields to leave filled with `PAGE`, by name: `KdDebuggerDataBlock`, `SystemTime`, …
    pub fill: Vec<String>,
    /// Set the encryption attribute and scramble everything behind the header.
    pub encrypted: bool,
    /// Virtual pages whose frames are left out of the file although their entries are valid.
    pub leave_out: Vec<Number>,
    /// Leave the pages of these drivers out.
    pub leave_out_modules: Vec<String>,
    /// Overwrite the stop time.
    pub system_time: Option<Moment>,
    /// Overwrite words of kernel memory: links of lists, pointers.
    pub words: Vec<Word>,
    /// Lay the memory manager's structures out as in another build of the same architecture.
    pub layout_of: Option<u32>,
    /// Say everywhere that this is another build of Windows, one that the forge has no layouts of.
    pub build: Option<u32>,
    /// Move members, as servicing does: `"_MI_PARTITION.Vp" = 0x1400`.
    pub members: BTreeMap<String, Number>,
    /// Move variables of the kernel, by name, to other addresses relative to its base.
    pub variables: BTreeMap<String, Number>,
    /// Another symbol file for the kernel, one that is in no table: 32 digits.
    pub guid: Option<String>,
    /// What became of the debugger data block.
    pub debugger_data: DebuggerBlock,
}

/// A word of kernel memory, of a pointer's width.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Word {
    /// Where it stands.
    pub address: Number,
    /// What stands there now.
    pub value: Number,
}

/// State of the debugger data block.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DebuggerBlock {
    /// Plain, as Windows leaves it when it writes a dump.
    #[default]
    Plain,
    /// Overwritten with zeros.
    Absent,
    /// As it is while Windows runs without a debugger (64-bit builds from 9600 on).
    Encoded,
}
