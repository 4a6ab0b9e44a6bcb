//! The exception that led to the stop, and which of several records of it to believe.
//!
//! A dump has an exception record and a context in its header. When Windows stops itself by
//! `KeBugCheckEx` that record is a placeholder: a breakpoint at `KeBugCheckEx`. The true exception
//! of stop codes such as 0x7E comes through their parameters: addresses of the record and of the
//! context, which minidumps hold on the stack. Which parameter means what: Microsoft's bug check
//! reference. Layout: winnt.h EXCEPTION_RECORD64 and EXCEPTION_RECORD32.

use super::debugger_data::little_endian;
use super::{Architecture, Context};
use crate::memory::{AddressSpace, AddressSpaceExt, VirtualAddress};
use alloc::vec::Vec;

/// STATUS_BREAKPOINT, the placeholder's code.
const BREAKPOINT: u32 = 0x8000_0003;
/// STATUS_ACCESS_VIOLATION.
const ACCESS_VIOLATION: u32 = 0xC000_0005;
/// EXCEPTION_MAXIMUM_PARAMETERS.
const MAX_INFORMATION: u64 = 15;

/// Offsets in an exception record, by bytes in a pointer.
struct Layout {
    len: u16,
    code: u64,
    flags: u64,
    record: u64,
    address: u64,
    count: u64,
    information: u64,
    pointer: u64,
}

static RECORD64: Layout = Layout {
    len: 0x98,
    code: 0x00,
    flags: 0x04,
    record: 0x08,
    address: 0x10,
    count: 0x18,
    information: 0x20,
    pointer: 8,
};

static RECORD32: Layout = Layout {
    len: 0x50,
    code: 0x00,
    flags: 0x04,
    record: 0x08,
    address: 0x0C,
    count: 0x10,
    information: 0x14,
    pointer: 4,
};

fn layout(architecture: Architecture) -> &'static Layout {
    match architecture.pointer_width() {
        4 => &RECORD32,
        _ => &RECORD64,
    }
}

/// An exception record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExceptionRecord {
    /// The exception code.
    pub code: u32,
    /// ExceptionFlags.
    pub flags: u32,
    /// The next record of a chain; 0 for none.
    pub next: VirtualAddress,
    /// Where it was raised.
    pub address: VirtualAddress,
    /// Its parameters.
    pub information: Vec<u64>,
}

impl ExceptionRecord {
    /// From the bytes of a record; `None` when they are too short, name no exception, or claim
    /// more parameters than there can be.
    #[must_use]
    pub fn parse(architecture: Architecture, bytes: &[u8]) -> Option<Self> {
        let layout = layout(architecture);
        let int = |offset, len| little_endian(bytes, offset, len);
        let code = int(layout.code, 4)? as u32;
        let count = int(layout.count, 4)?;
        if code == 0 || count > MAX_INFORMATION {
            return None;
        }
        let information = (0..count)
            .map_while(|i| int(layout.information + i * layout.pointer, layout.pointer))
            .collect();
        Some(Self {
            code,
            flags: int(layout.flags, 4)? as u32,
            next: VirtualAddress(int(layout.record, layout.pointer)?),
            address: VirtualAddress(int(layout.address, layout.pointer)?),
            information,
        })
    }

    /// The record at `address`; `None` when there is none, or it cannot be read.
    #[must_use]
    pub fn read(
        architecture: Architecture,
        space: &dyn AddressSpace,
        address: VirtualAddress,
    ) -> Option<Self> {
        let bytes = space.bytes(address, layout(architecture).len).ok()?;
        Self::parse(architecture, &bytes)
    }

    /// For an access violation: what was tried (0 read, 1 write, 8 execute) and at which address.
    #[must_use]
    pub fn access(&self) -> Option<(u64, VirtualAddress)> {
        match (self.code, self.information.as_slice()) {
            (ACCESS_VIOLATION | 0xC000_0006, [kind, address, ..]) => {
                Some((*kind, VirtualAddress(*address)))
            }
            _ => None,
        }
    }
}

/// Where a record or a context was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// At the address that a parameter of the stop code gives.
    Parameters,
    /// In the dump's header.
    Header,
    /// Put together from the parameters: the record itself is not in the dump.
    Composed,
    /// A trap frame at the address that a parameter gives.
    TrapFrame,
}

impl Origin {
    /// As the report names it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Parameters | Self::Composed => "bug check parameters",
            Self::Header => "header",
            Self::TrapFrame => "trap frame",
        }
    }
}

/// The exception, its context, and what was passed over.
#[derive(Clone, Debug, PartialEq)]
pub struct CrashException {
    /// The record.
    pub record: ExceptionRecord,
    /// Where it was found.
    pub origin: Origin,
    /// The registers when it was raised, where the dump holds them.
    pub context: Option<Context>,
    /// Where they were found.
    pub context_origin: Option<Origin>,
    /// The header's record, when it was passed over.
    pub passed_over: Option<ExceptionRecord>,
}

/// How a stop code passes the exception on. Indices of parameters count from 0.
#[derive(Clone, Copy, Default)]
struct Passing {
    code: Option<usize>,
    address: Option<usize>,
    record: Option<usize>,
    context: Option<usize>,
    trap_frame: Option<usize>,
    information: Option<usize>,
}

/// Which parameters of the stop code carry the exception; `None` when none do.
fn passing(stop_code: u32) -> Option<Passing> {
    let thread = Passing {
        code: Some(0),
        address: Some(1),
        ..Passing::default()
    };
    Some(match stop_code {
        // SYSTEM_THREAD_EXCEPTION_NOT_HANDLED
        0x7E => Passing {
            record: Some(2),
            context: Some(3),
            ..thread
        },
        // KMODE_EXCEPTION_NOT_HANDLED
        0x1E => Passing {
            information: Some(2),
            ..thread
        },
        // SYSTEM_SERVICE_EXCEPTION
        0x3B => Passing {
            context: Some(2),
            ..thread
        },
        // KERNEL_MODE_EXCEPTION_NOT_HANDLED
        0x8E => Passing {
            trap_frame: Some(2),
            ..thread
        },
        // The exception filters of FAT, NTFS, CDFS and the redirector.
        0x23 | 0x24 | 0x26 | 0x27 => Passing {
            record: Some(1),
            context: Some(2),
            ..Passing::default()
        },
        // KERNEL_SECURITY_CHECK_FAILURE
        0x139 => Passing {
            trap_frame: Some(1),
            record: Some(2),
            ..Passing::default()
        },
        _ => return None,
    })
}

/// The stop code without the bit that minidumps set in some: `0x1000007E` is `0x7E`.
#[must_use]
pub fn plain_stop_code(code: u32) -> u32 {
    const MINIDUMP: u32 = 0x1000_0000;
    let plain = code & !MINIDUMP;
    if code & 0xF000_0000 == MINIDUMP && plain < 0x1_0000 {
        plain
    } else {
        code
    }
}

/// What a dump offers to choose from.
#[derive(Clone, Copy)]
pub struct Candidates<'a> {
    /// The machine's architecture.
    pub architecture: Architecture,
    /// The stop code as recorded.
    pub stop_code: u32,
    /// Its parameters.
    pub parameters: [u64; 4],
    /// The record in the header.
    pub header_record: Option<&'a ExceptionRecord>,
    /// The context in the header.
    pub header_context: Option<&'a Context>,
    /// The memory that the dump holds.
    pub space: &'a dyn AddressSpace,
}

/// Chooses the exception that led to the stop; `None` when there was none: the code that asked
/// Windows to stop did so without one.
#[must_use]
pub fn select(from: &Candidates<'_>) -> Option<CrashException> {
    let Some(passing) = passing(plain_stop_code(from.stop_code)) else {
        return header_alone(from);
    };
    let (record, origin) = match record(from, &passing) {
        Some(found) => found,
        None => return header_alone(from),
    };
    let (context, context_origin) = match context(from, &passing, record.address) {
        Some((context, origin)) => (Some(context), Some(origin)),
        None => (None, None),
    };
    let passed_over = (origin != Origin::Header)
        .then(|| from.header_record.cloned())
        .flatten()
        .filter(|header| *header != record);
    Some(CrashException {
        record,
        origin,
        context,
        context_origin,
        passed_over,
    })
}

impl Candidates<'_> {
    fn parameter(&self, index: Option<usize>) -> Option<u64> {
        let value = *self.parameters.get(index?)?;
        Some(match self.architecture.pointer_width() {
            4 => value & 0xFFFF_FFFF,
            _ => value,
        })
    }

    /// A parameter that is the address of something.
    fn pointer(&self, index: Option<usize>) -> Option<VirtualAddress> {
        self.parameter(index)
            .filter(|&address| address != 0)
            .map(VirtualAddress)
    }
}

fn record(from: &Candidates<'_>, passing: &Passing) -> Option<(ExceptionRecord, Origin)> {
    // 64-bit Windows extends the code by sign.
    let code = from.parameter(passing.code).map(|code| code as u32);
    let address = from.parameter(passing.address).map(VirtualAddress);
    let agrees = |record: &ExceptionRecord| {
        code.is_none_or(|code| code == record.code)
            && address.is_none_or(|address| address == record.address)
    };
    if let Some(at) = from.pointer(passing.record)
        && let Some(record) = ExceptionRecord::read(from.architecture, from.space, at)
        && agrees(&record)
    {
        return Some((record, Origin::Parameters));
    }
    if let Some(header) = from.header_record
        && code.is_some()
        && agrees(header)
    {
        return Some((header.clone(), Origin::Header));
    }
    let code = code.filter(|&code| code != 0)?;
    let mut record = ExceptionRecord {
        code,
        address: address?,
        ..ExceptionRecord::default()
    };
    if code == ACCESS_VIOLATION
        && let Some(first) = passing.information
    {
        record.information = from.parameters.get(first..).unwrap_or_default().to_vec();
    }
    Some((record, Origin::Composed))
}

fn context(
    from: &Candidates<'_>,
    passing: &Passing,
    raised_at: VirtualAddress,
) -> Option<(Context, Origin)> {
    let architecture = from.architecture;
    if let Some(at) = from.pointer(passing.context)
        && let Some(context) = Context::read(architecture, from.space, at)
    {
        return Some((context, Origin::Parameters));
    }
    if let Some(at) = from.pointer(passing.trap_frame)
        && let Some(len) = Context::trap_frame_len(architecture)
        && let Ok(bytes) = from.space.bytes(at, len)
        && let Some(context) = Context::from_trap_frame(architecture, &bytes, at)
        && (raised_at.0 == 0 || context.instruction_pointer == raised_at)
    {
        return Some((context, Origin::TrapFrame));
    }
    // Minidumps of 0x7E have the exception's own context in their header.
    let header = from.header_context?;
    (header.instruction_pointer == raised_at).then(|| (header.clone(), Origin::Header))
}

/// The header's record, unless it is the placeholder.
fn header_alone(from: &Candidates<'_>) -> Option<CrashException> {
    let record = from.header_record?;
    if record.code == BREAKPOINT {
        return None;
    }
    let context = from
        .header_context
        .filter(|context| context.instruction_pointer == record.address);
    Some(CrashException {
        record: record.clone(),
        origin: Origin::Header,
        context_origin: context.map(|_| Origin::Header),
        context: context.cloned(),
        passed_over: None,
    })
}

#[cfg(test)]
mod tests;
