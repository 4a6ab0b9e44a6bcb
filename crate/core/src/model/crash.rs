//! What crashed: stop code, system, modules, stack, blame.

use super::{Confidence, Evidence, Gap, Guid, Hex, How};
use alloc::{borrow::Cow, format, string::String, string::ToString, vec::Vec};
use serde::Serialize;

/// The stop code and its parameters.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct BugCheck {
    /// The code as recorded.
    pub code: u32,
    /// Its name, e.g. `KERNEL_DATA_INPAGE_ERROR`; empty when it is not known.
    pub name: Cow<'static, str>,
    /// What it means, in a sentence or two.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// What commonly causes it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub causes: Vec<String>,
    /// The four parameters.
    pub parameters: Vec<Parameter>,
    /// The meaning of a first parameter that selects a case of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subtype: Option<String>,
    /// What to look at next in a dump with this stop.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// Commands of the console that follow the parameters.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub commands: Vec<String>,
    /// What is different in a virtual machine; absent when the machine is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub virtual_machine: Option<String>,
    /// Where the code was read: `header`, `KiBugcheckData`.
    pub source: &'static str,
}

/// One parameter of a stop code.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Parameter {
    /// As recorded.
    pub value: Hex,
    /// What this parameter means for this code.
    pub meaning: String,
    /// What this very value means: a status name, a module and offset, an access type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decoded: Option<String>,
}

/// The operating system and the moment it stopped.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct System {
    /// E.g. `Windows Server 2012 R2`, `Windows 10 or Server 2019`: as exact as the dump allows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub os: Option<String>,
    /// The build number, e.g. 9600.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub build: Option<u32>,
    /// The build lab string, e.g. `9600.16384.amd64fre.winblue_rtm.130821-1623`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub build_lab: Option<String>,
    /// `x64`, `x86`, `ARM64`, `IA-64`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub architecture: Option<&'static str>,
    /// `workstation`, `server`, `domain controller`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub product: Option<&'static str>,
    /// The names of the suite bits that are set.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub suite: Vec<&'static str>,
    /// Logical processors.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub processors: Option<u32>,
    /// When it stopped: ISO 8601, UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub crash_time: Option<String>,
    /// How long it had run, in seconds with a fraction.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uptime_seconds: Option<f64>,
    /// Where the kernel was loaded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kernel_base: Option<Hex>,
    /// The processor's name, e.g. from the registry records in the dump.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub processor_name: Option<String>,
    /// The processor as CPUID tells it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub processor_id: Option<ProcessorId>,
    /// The machine's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub computer_name: Option<String>,
    /// The file version of the kernel, e.g. `10.0.19041.804`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kernel_version: Option<String>,
    /// Minutes to add to the machine's local time to get UTC: 480 on the Pacific coast in winter,
    /// -60 in Berlin.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_zone_bias_minutes: Option<i32>,
    /// The name of that time zone, e.g. `W. Europe Standard Time`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<String>,
}

/// A logical processor and what it was running when Windows stopped.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Processor {
    /// Its number.
    pub number: u32,
    /// Whether it is the one that stopped the machine.
    pub stopped: bool,
    /// The thread object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thread: Option<Hex>,
    /// That thread's identifier.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thread_id: Option<u32>,
    /// The process object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub process: Option<Hex>,
    /// That process's identifier.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pid: Option<u32>,
    /// The name of that process's image.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub process_name: Option<String>,
    /// Whether it had nothing to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idle: Option<bool>,
    /// Whether it was running deferred procedure calls.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dpc_active: Option<bool>,
    /// The interrupt level (IRQL) at which it was stopped; only of the processor that stopped the
    /// machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub irql: Option<u8>,
}

/// The identity of a processor.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ProcessorId {
    /// `GenuineIntel`, `AuthenticAMD`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vendor: Option<String>,
    /// Family, as the maker counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub family: Option<u32>,
    /// Model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<u32>,
    /// Stepping.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stepping: Option<u32>,
    /// The update that was loaded into it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub microcode: Option<u32>,
}

/// A loaded module.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Module {
    /// File name, e.g. `storport.sys`.
    pub name: String,
    /// Full path, where the dump records it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Load address.
    pub base: Hex,
    /// SizeOfImage, in bytes.
    pub size: u32,
    /// TimeDateStamp as recorded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timestamp: Option<u32>,
    /// Whether that is a hash of a reproducible build rather than a time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timestamp_is_hash: Option<bool>,
    /// The PE checksum.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checksum: Option<u32>,
    /// File version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The symbol file that belongs to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pdb: Option<Pdb>,
    /// Where the image itself stands in a symbol store: `name/TIMESTAMPsize/name`, to copy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_path: Option<String>,
    /// Whose it is, where known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vendor: Option<String>,
    /// What it is for, where known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub purpose: Option<String>,
    /// Whether it comes with Windows; absent when it is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub microsoft: Option<bool>,
}

/// The symbol file of an image.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Pdb {
    /// File name.
    pub name: String,
    /// Upper case, with dashes.
    pub guid: String,
    /// Age.
    pub age: u32,
    /// Its place in a symbol store, to copy: `name/GUIDage/name`.
    pub url: String,
}

impl Pdb {
    /// The symbol file `name` with the identity of a CodeView record.
    #[must_use]
    pub fn new(name: &str, guid: Guid, age: u32) -> Self {
        Self {
            name: name.into(),
            guid: guid.to_string().to_ascii_uppercase(),
            age,
            url: format!("{name}/{}{age:X}/{name}", guid.symbol_store()),
        }
    }
}

/// A driver that was unloaded before the stop.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct UnloadedModule {
    /// Its name, which Windows cuts at 12 characters here.
    pub name: String,
    /// Where it began.
    pub base: Hex,
    /// Where it ended.
    pub end: Hex,
    /// When it was unloaded: ISO 8601, UTC, where recorded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<String>,
}

/// The exception that led to the stop.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Exception {
    /// The exception code.
    pub code: u32,
    /// Its NTSTATUS name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<&'static str>,
    /// Where it was raised.
    pub address: Hex,
    /// Module and offset of that address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
    /// Its parameters.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub information: Vec<Hex>,
    /// What was tried, e.g. "read of address 0x10".
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access: Option<String>,
    /// `bug check parameters`, `header`: where the record was found, and which was passed over.
    pub source: String,
}

/// A call stack.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Stack {
    /// The processor it was on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub processor: Option<u32>,
    /// The thread object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thread: Option<Hex>,
    /// The process object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub process: Option<Hex>,
    /// The name of that process's image.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub process_name: Option<String>,
    /// Innermost first.
    pub frames: Vec<Frame>,
    /// What it is doing, stretch by stretch, innermost first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub stretches: Vec<Stretch>,
    /// The processor's registers, in the order in which the debugger prints them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub registers: Vec<Register>,
    /// Why frames may be missing or wrong, in a sentence.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub limits: String,
    /// Whose stack it is, where it is not that of the stop.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub about: Option<String>,
    /// Whether it is that of a processor that had nothing to do and that no parameter names.
    #[serde(skip_serializing_if = "core::ops::Not::not")]
    pub idle: bool,
    /// Whether the arguments of the innermost frame prove it to be `KeBugCheckEx`.
    #[serde(skip)]
    pub bug_check: bool,
}

/// Neighbouring frames of a stack that do one thing.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Stretch {
    /// The number of its innermost frame.
    pub first: u32,
    /// How many frames it has.
    pub frames: u32,
    /// What it is, in a word: `bug-check`, `page-fault`, `file-system`, `driver`, ….
    pub kind: &'static str,
    /// What people call it, with the drivers it lies in.
    pub title: String,
    /// What happens there, in a sentence or two.
    pub text: String,
    /// Whether it is a driver that does not come with Windows, as far as its name is known.
    #[serde(skip_serializing_if = "core::ops::Not::not")]
    pub third_party: bool,
}

/// One register.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Register {
    /// Its name in lower case.
    pub name: &'static str,
    /// Its value.
    pub value: Hex,
}

/// One frame.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Frame {
    /// The code address.
    pub address: Hex,
    /// The stack address it was found at, or the stack pointer for the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stack_pointer: Option<Hex>,
    /// What the debugger prints as Child-SP: the stack pointer in this frame; on x86 ChildEBP, the
    /// frame pointer in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub child: Option<Hex>,
    /// What it returns to, where that is more than a guess; 0 for the outermost.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub return_address: Option<Hex>,
    /// x64 and x86: the first values in the place that its arguments have on the stack, four or
    /// three. On x64 that is the function's to use as it likes, so they need not be arguments.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub arguments: Vec<Hex>,
    /// The module it lies in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub module: Option<String>,
    /// The function, where one is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub symbol: Option<String>,
    /// Bytes from the symbol, or from the module's base when there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offset: Option<Hex>,
    /// How it was found.
    pub how: How,
    /// How sure it is that this is a frame.
    pub confidence: Confidence,
    /// Why the module could not be told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gap: Option<Gap>,
}

/// Who probably caused the stop.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Blame {
    /// The module's file name.
    pub module: String,
    /// The function, where one is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub symbol: Option<String>,
    /// The failure bucket in the debugger's grammar.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bucket_id: Option<String>,
    /// The hash of that bucket.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure_hash: Option<String>,
    /// How sure it is.
    pub confidence: Confidence,
    /// What it rests on.
    pub evidence: Vec<Evidence>,
}
