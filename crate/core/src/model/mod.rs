//! The words in which all rooms speak: the report's data model, field by field as the published
//! schema names them, and its closed lists. This room imports nothing, so that every room can
//! answer in the report's own terms.
//!
//! The published schema is `docs/report.schema.json`, its version [`SCHEMA`]. Its rules are those
//! of rust-minidump's: assume that every field is optional; integers that may need more than
//! 32 bits are strings `"0x…"`, because JSON readers lose the low bits of large numbers; closed
//! lists grow only with the version.

mod crash;
mod failure;
mod file;
mod finding;
mod guid;
mod memory;
mod platform;
mod raw;
mod registry;
mod story;
mod symbols;
mod words;

pub use crash::{Blame, BugCheck, Exception, Frame, Module, Parameter, Pdb, Processor};
pub use crash::{ProcessorId, Register, Stack, Stretch, System, UnloadedModule};
pub use failure::Failure;
pub use file::{File, Kind};
pub use finding::{Evidence, Finding, Note};
pub use guid::{Guid, SymbolStoreGuid};
pub use memory::{Balloon, BalloonState};
pub use memory::{
    Check, Counter, Coverage, Memory, MemoryDevice, PageFile, PhysicalRun, PoolTag, Process,
};
pub use platform::IntegrationService;
pub use platform::{Component, HostGeneration, Hypervisor, IntegrationServices, Platform};
pub use platform::{ComponentStatus, HypervisorRole, HypervisorVendor, Role, Verdict};
pub use raw::{Detail, HeaderField, RawHeader, SecondaryBlob};
pub use registry::{Registry, RegistryHive, RegistryValue};
pub use story::{Alternative, Story, StoryLink};
pub use symbols::{SymbolFile, WantedSymbol};
pub use words::{Confidence, Gap, Hex, How, Severity};

use alloc::{string::String, vec::Vec};
use serde::Serialize;

/// The version of the schema. The first number changes when a field changes its meaning or a
/// closed list grows, the second when a field is added.
pub const SCHEMA: &str = "1.0";

/// Everything that was found in one file.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Report {
    /// [`SCHEMA`].
    pub schema: &'static str,
    /// The file itself.
    pub file: File,
    /// One plain sentence: what happened, or what this file is and what to do with it instead.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub summary: String,
    /// Set when nothing could be analysed: a typed reason, worded in [`Report::summary`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Note>,
    /// The stop code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bugcheck: Option<BugCheck>,
    /// The operating system and the moment it stopped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub system: Option<System>,
    /// Firmware, hypervisor, host.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub platform: Option<Platform>,
    /// Loaded modules, in load order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub modules: Vec<Module>,
    /// Drivers that were unloaded before the stop, latest first as recorded.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unloaded_modules: Vec<UnloadedModule>,
    /// The exception that led to the stop, where there was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exception: Option<Exception>,
    /// The stack of the processor that stopped the machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stack: Option<Stack>,
    /// Other stacks: of the other processors, and of a thread that the stop code names.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub stacks: Vec<Stack>,
    /// The processors and what each was running, where the dump tells.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub processors: Vec<Processor>,
    /// Who probably caused it. Absent when there is no ground to name anybody; the note
    /// `no-blame` then says why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blame: Option<Blame>,
    /// How the debugger's `!analyze` would file this stop.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// What is known of the machine's memory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<Memory>,
    /// The Integration Services diagnosis.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub integration_services: Option<IntegrationServices>,
    /// Symbol files and images that were put beside the dump.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub symbol_files: Vec<SymbolFile>,
    /// Symbol files and images that would tell more, the most useful first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub wanted_symbols: Vec<WantedSymbol>,
    /// How the stop came about, where the findings connect.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub story: Option<Story>,
    /// The registry, as far as it was in memory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registry: Option<Registry>,
    /// Plain statements with evidence and advice, most severe and most certain first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Finding>,
    /// The header as it stands, field by field.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub header: Option<RawHeader>,
    /// Data that drivers added to the dump, by its identity.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub secondary_data: Vec<SecondaryBlob>,
    /// What is missing, and why.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<Note>,
    /// What it cost to read.
    pub stats: Stats,
}

/// What it cost to read the file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Stats {
    /// How often the analysis stopped to have something fetched.
    pub rounds: u64,
    /// How many ranges were fetched.
    pub reads: u64,
    /// How many bytes were fetched.
    pub bytes_read: Hex,
    /// Milliseconds from the first read to the report, measured by the caller.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub elapsed_ms: Option<f64>,
    /// KiB of memory that the analyzer had taken by then, where the caller can tell: on the page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_kib: Option<u32>,
}
