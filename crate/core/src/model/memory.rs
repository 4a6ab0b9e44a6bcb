//! What is known of the machine's memory.

use super::{Confidence, Evidence, Gap, Hex};
use alloc::{collections::BTreeMap, format, string::String, vec::Vec};
use serde::Serialize;

/// What is known of the machine's memory.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Memory {
    /// Installed memory in bytes, from the memory devices of SMBIOS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub installed_bytes: Option<Hex>,
    /// Memory devices that SMBIOS lists.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub devices: Vec<MemoryDevice>,
    /// Counters by their name in snake case, e.g. `physical`, `committed`, `commit_limit`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub counters: BTreeMap<&'static str, Counter>,
    /// Page files.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub page_files: Vec<PageFile>,
    /// Processes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub processes: Vec<Process>,
    /// Pool tags.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub pool_tags: Vec<PoolTag>,
    /// Runs of physical memory.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub physical_runs: Vec<PhysicalRun>,
    /// How much of physical memory is in the file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub coverage: Option<Coverage>,
    /// What the hypervisor has taken back of a guest's memory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub balloon: Option<Balloon>,
    /// Arithmetic that the figures must obey.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub checks: Vec<Check>,
    /// What a kernel dump would add, or why figures are missing: plain sentences.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub limits: Vec<String>,
}

/// One counter, in pages of 4 KiB.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Counter {
    /// Pages; absent with a gap.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pages: Option<Hex>,
    /// Where it was read.
    pub source: String,
    /// How sure it is.
    pub confidence: Confidence,
    /// Why it is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gap: Option<Gap>,
}

/// One memory device of SMBIOS type 17.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct MemoryDevice {
    /// E.g. `DIMM 0`.
    pub locator: String,
    /// Bytes; 0 when the slot is empty.
    pub bytes: Hex,
    /// MT/s, where recorded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub speed: Option<u32>,
    /// E.g. `DDR4`, where recorded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<&'static str>,
    /// Who made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub manufacturer: Option<String>,
    /// Part number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub part: Option<String>,
}

/// One page file. Sizes in pages of 4 KiB.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PageFile {
    /// Path.
    pub name: String,
    /// `page file`, `swap file`, `compression store`.
    pub kind: &'static str,
    /// Size now.
    pub size_pages: Hex,
    /// Free now.
    pub free_pages: Hex,
    /// Most ever used; absent where what stands there contradicts what is in use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peak_pages: Option<Hex>,
    /// Smallest size.
    pub minimum_pages: Hex,
    /// Largest size.
    pub maximum_pages: Hex,
}

/// One process. Memory in pages of 4 KiB.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Process {
    /// Process id; absent where its page is not in the dump, or what stands there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pid: Option<u32>,
    /// The process that started it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent_pid: Option<u32>,
    /// Image name; absent where it is not recorded.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<u32>,
    /// When it began: ISO 8601, UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created: Option<String>,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exited: Option<String>,
    /// Commit charge.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commit_pages: Option<Hex>,
    /// Private pages.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub private_pages: Option<Hex>,
    /// Working set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub working_set_pages: Option<Hex>,
    /// Threads that have not ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub threads: Option<u32>,
    /// The process object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<Hex>,
    /// How sure the figures are: less than certain where this very kernel is in no table.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confidence: Option<Confidence>,
}

impl Process {
    /// Its identifier in words.
    #[must_use]
    pub fn pid_text(&self) -> String {
        self.pid
            .map_or_else(|| "not recorded".into(), |pid| format!("{pid}"))
    }

    /// Its name in words.
    #[must_use]
    pub fn name_text(&self) -> &str {
        match self.name.is_empty() {
            true => "(name not recorded)",
            false => &self.name,
        }
    }
}

/// One pool tag. Bytes.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PoolTag {
    /// Four characters.
    pub tag: String,
    /// Whose it is, where known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// Paged pool.
    pub paged_bytes: Hex,
    /// Nonpaged pool.
    pub nonpaged_bytes: Hex,
    /// Allocations of paged pool that were not freed; absent where the counts contradict the bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paged_allocations: Option<Hex>,
    /// Those of nonpaged pool.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nonpaged_allocations: Option<Hex>,
}

/// A run of physical memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PhysicalRun {
    /// First page frame number.
    pub base_page: Hex,
    /// Pages.
    pub pages: Hex,
    /// How many of them are in the file, where that was counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stored: Option<Hex>,
    /// Whether the run came after the header was made ready, as memory does that is added while
    /// Windows runs.
    #[serde(skip_serializing_if = "core::ops::Not::not")]
    pub added: bool,
}

/// How much of physical memory is in the file, from page frame 0 on in cells of one size.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Coverage {
    /// Pages in a cell.
    pub cell_pages: Hex,
    /// Thousandths of each cell's pages that are in the file; 1 where there are fewer but any.
    pub stored: Vec<u16>,
    /// Pages in the file.
    pub stored_pages: Hex,
}

/// Arithmetic that figures must obey.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Check {
    /// A sentence.
    pub text: String,
    /// Whether it holds.
    pub holds: bool,
}
/// What a hypervisor has taken back of a guest's memory. In pages of 4 KiB.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Balloon {
    /// The driver that holds it, e.g. `dmvsc.sys`.
    pub driver: String,
    /// Whether it is loaded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub loaded: Option<bool>,
    /// What it was doing.
    pub state: BalloonState,
    /// How sure that is.
    pub confidence: Confidence,
    /// The same in words.
    pub explanation: String,
    /// Whether the host has Dynamic Memory on for this machine, where it wrote so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host_setting: Option<bool>,
    /// Pages that drivers have locked, the balloon's among them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub locked_pages: Option<Hex>,
    /// What Windows can use: the memory it believes in, less what drivers have locked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usable_pages: Option<Hex>,
    /// Pages that were added while it ran: above what the firmware listed at the start.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hot_added_pages: Option<Hex>,
    /// Pages that are in no figure, by arithmetic: where the counter of locked pages is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_accounted_pages: Option<Hex>,
    /// What it rests on.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<Evidence>,
}

/// What a balloon was doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum BalloonState {
    /// There is none.
    Off,
    /// It held next to nothing.
    Idle,
    /// It held memory, and the guest did not suffer from it.
    InUse,
    /// It held memory while the guest starved.
    NotGivingBack,
    /// The host wants one, and its driver is not there.
    Unable,
    /// Cannot be told.
    #[default]
    Unknown,
}
