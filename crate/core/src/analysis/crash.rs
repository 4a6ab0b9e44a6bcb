//! The stack and the exception of a kernel dump, as the report shows them.

use super::dump::Dump;
use super::stacks::ranges;
use crate::knowledge::ntstatus;
use crate::memory::{AddressSpace, VirtualAddress};
use crate::model::{Exception, Hex, How, Stack};
use crate::nt::exception::Origin;
use crate::nt::{CrashException, ExceptionRecord, ModuleList};
use crate::stack::{Registers, StackRange, Start, scan};
use alloc::{format, string::String};

/// Reads the stack of the thread that stopped the machine.
pub(super) fn stack(dump: &Dump<'_>, memory: &dyn AddressSpace) -> Option<Stack> {
    let (low, high) = dump.stack?;
    let own = dump.exception.and_then(|found| found.context.as_ref());
    let mut stack = scan(&Start {
        architecture: dump.architecture(),
        modules: dump.modules,
        unloaded: dump.unloaded,
        memory,
        range: StackRange { low, high },
        registers: &Registers::from(dump.context?),
        how: if own.is_some() {
            How::Exception
        } else {
            How::Context
        },
        exception: dump.exception.map(|found| found.record.address),
        stacks: &ranges(dump.processor, dump.thread),
        code: dump.header.bugcheck_code.unwrap_or_default(),
        parameters: dump.header.parameters.map(Option::unwrap_or_default),
    });
    stack.processor = dump.processor.and_then(|processor| processor.number);
    stack.thread = dump.thread.and_then(|thread| hex(thread.address));
    stack.process = dump.process.and_then(|process| hex(process.address));
    stack.process_name = dump.process.and_then(|process| process.name.clone());
    Some(stack)
}

pub(super) fn hex(address: Option<VirtualAddress>) -> Option<Hex> {
    address.map(|address| Hex(address.0))
}

/// The exception for the report.
pub(super) fn describe(exception: &CrashException, modules: &ModuleList) -> Exception {
    let stale = exception.passed_over.as_ref().map(|record| {
        let code = record.code;
        format!("; the header's record ({code:#010x}) is an older one and was passed over")
    });
    let origin = match exception.origin {
        Origin::Composed => "put together from the bug check parameters",
        other => other.name(),
    };
    let source = format!("{origin}{}", stale.unwrap_or_default());
    Exception {
        source,
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
