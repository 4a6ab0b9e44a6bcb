//! The stack and the exception of a kernel minidump, as the report shows them.

use crate::knowledge::ntstatus;
use crate::memory::VirtualAddress;
use crate::model::{Exception, Hex, How, Stack};
use crate::nt::exception::Origin;
use crate::nt::{Architecture, CrashException, ExceptionRecord, Minidump, ModuleList};
use crate::source::Source;
use crate::stack::{Registers, StackRange, Start, scan};
use alloc::{format, string::String};

/// Reads the stack that the minidump holds a copy of.
pub(super) fn stack(source: &dyn Source, dump: &Minidump) -> Option<Stack> {
    let (low, high) = dump.stack()?;
    let own = dump
        .exception
        .as_ref()
        .and_then(|exception| exception.context.as_ref());
    let mut stack = scan(&Start {
        architecture: architecture(dump),
        modules: &dump.modules,
        unloaded: &dump.unloaded,
        memory: &dump.space(source),
        range: StackRange { low, high },
        registers: &Registers::from(dump.crash_context()?),
        how: if own.is_some() {
            How::Exception
        } else {
            How::Context
        },
        exception: dump
            .exception
            .as_ref()
            .map(|exception| exception.record.address),
        code: dump.stop_code().unwrap_or_default(),
        parameters: dump.parameters(),
    });
    stack.processor = dump
        .processor
        .as_ref()
        .and_then(|processor| processor.number);
    stack.thread = dump.thread.as_ref().and_then(|thread| hex(thread.address));
    stack.process = dump
        .process
        .as_ref()
        .and_then(|process| hex(process.address));
    stack.process_name = dump
        .process
        .as_ref()
        .and_then(|process| process.name.clone());
    Some(stack)
}

fn hex(address: Option<VirtualAddress>) -> Option<Hex> {
    address.map(|address| Hex(address.0))
}

/// The architecture, or what a header that names none most probably belongs to.
pub(super) fn architecture(dump: &Minidump) -> Architecture {
    dump.architecture
        .unwrap_or(match dump.header.pointer_width() {
            4 => Architecture::X86,
            _ => Architecture::X64,
        })
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
