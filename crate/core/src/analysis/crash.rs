//! The exception, the registers and the stack of a kernel minidump.

use super::pieces::{Pieces, Secondary, architecture};
use crate::container::DumpHeader;
use crate::container::header::FileRange;
use crate::knowledge::ntstatus;
use crate::memory::{BlockMap, SparseSpace, VirtualAddress};
use crate::model::{Exception, Hex, How, Stack};
use crate::nt::exception::{Candidates, Origin, select};
use crate::nt::{Context, CrashException, ExceptionRecord, ModuleList};
use crate::source::{ReadError, Source, SourceExt};
use crate::stack::{Registers, StackRange, Start, scan};
use alloc::{format, string::String};

/// The exception, the registers and the stack.
#[derive(Debug, Default)]
pub(super) struct Crash {
    /// The exception that led to the stop.
    pub exception: Option<CrashException>,
    /// Where the processor was when the stack was read.
    pub instruction_pointer: Option<VirtualAddress>,
    /// The stack.
    pub stack: Option<Stack>,
    /// The memory that the dump holds, for rules that follow a pointer.
    pub memory: BlockMap,
}

/// Reads them.
pub(super) fn read(
    source: &dyn Source,
    header: &DumpHeader,
    pieces: &Pieces,
    secondary: &Secondary,
) -> Result<Crash, ReadError> {
    let architecture = architecture(header);
    let memory = pieces.memory(header, &secondary.extra);
    let space = SparseSpace::new(source, &memory);
    let record = bytes(source, header.exception)?
        .and_then(|bytes| ExceptionRecord::parse(architecture, &bytes));
    let context =
        bytes(source, header.context)?.and_then(|bytes| Context::parse(architecture, &bytes));
    let exception = select(&Candidates {
        architecture,
        stop_code: header.bugcheck_code.unwrap_or_default(),
        parameters: parameters(header),
        header_record: record.as_ref(),
        header_context: context.as_ref(),
        space: &space,
    });
    let of_exception = exception
        .as_ref()
        .and_then(|exception| exception.context.as_ref());
    let (registers, how) = match of_exception {
        Some(context) => (Some(context), How::Exception),
        None => (context.as_ref(), How::Context),
    };
    let stack = registers.zip(pieces.triage.stack).map(|(context, stack)| {
        scan(&Start {
            architecture,
            modules: &pieces.modules,
            unloaded: &pieces.unloaded,
            memory: &space,
            range: StackRange {
                low: VirtualAddress(stack.address),
                high: VirtualAddress(stack.address.saturating_add(stack.len)),
            },
            registers: &registers_of(context),
            how,
            exception: exception.as_ref().map(|exception| exception.record.address),
            code: header.bugcheck_code.unwrap_or_default(),
            parameters: parameters(header),
        })
    });
    let instruction_pointer = registers.map(|context| context.instruction_pointer);
    Ok(Crash {
        exception,
        instruction_pointer,
        stack,
        memory,
    })
}

/// The parameters of the stop code, 0 where the header does not record one.
pub(super) fn parameters(header: &DumpHeader) -> [u64; 4] {
    header.parameters.map(Option::unwrap_or_default)
}

fn bytes(
    source: &dyn Source,
    range: Option<FileRange>,
) -> Result<Option<alloc::vec::Vec<u8>>, ReadError> {
    match range
        .map(|range| source.bytes_up_to(range.offset, range.len))
        .transpose()
    {
        Err(ReadError::Truncated { .. }) => Ok(None),
        other => other,
    }
}

fn registers_of(context: &Context) -> Registers {
    Registers {
        instruction_pointer: context.instruction_pointer,
        stack_pointer: context.stack_pointer,
        frame_pointer: context.frame_pointer,
        all: context.registers.clone(),
    }
}

/// The exception for the report.
pub(super) fn describe(exception: &CrashException, modules: &ModuleList) -> Exception {
    let passed_over = exception.passed_over.as_ref();
    let stale = passed_over.map(|record| {
        format!(
            "; the header's record ({:#010x}) is an older one and was passed over",
            record.code
        )
    });
    let origin = match exception.origin {
        Origin::Composed => "put together from the bug check parameters",
        other => other.name(),
    };
    Exception {
        source: format!("{origin}{}", stale.unwrap_or_default()),
        ..record(&exception.record, modules)
    }
}

/// A record for the report.
pub(super) fn record(record: &ExceptionRecord, modules: &ModuleList) -> Exception {
    let module = modules.find(record.address);
    Exception {
        code: record.code,
        name: ntstatus::name(record.code),
        address: Hex(record.address.0),
        location: module.map(|module| {
            format!(
                "{}+{:#x}",
                module.symbol_name(),
                record.address.0 - module.base.0
            )
        }),
        information: record.information.iter().copied().map(Hex).collect(),
        access: record
            .access()
            .and_then(|(kind, address)| access(kind, address)),
        source: "header".into(),
    }
}

/// What an access violation tried (documentation of EXCEPTION_RECORD: 0 is a read, 1 a write, 8
/// execution).
pub(super) fn access(kind: u64, address: VirtualAddress) -> Option<String> {
    let verb = match kind {
        0 => "read of",
        1 => "write to",
        8 => "execution at",
        _ => return None,
    };
    Some(format!("{verb} address {address}"))
}
