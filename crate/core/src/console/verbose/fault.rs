//! The fault in `!analyze -v`: its instruction, the records of the exception, the registers.
//!
//! Layout: public outputs of the debugger. Where the pools lie: the variables to which the debugger data
//! block points (KDDEBUGGER_DATA64 as Microsoft publishes it); newer kernels keep none there.

use super::{Fields, digits};
use crate::console::Live;
use crate::console::code::{Fault, code_word, instruction_line, trap_context};
use crate::console::threads::{context_lines, exception_lines, trap_lines};
use crate::memory::{AddressSpaceExt, VirtualAddress};
use crate::model::Failure;
use crate::nt::{Context, ExceptionRecord, Machine, Member, ProcessorFacts};
use alloc::{format, string::String, vec::Vec};

/// What stands below registers that are not those of the stop.
const RESET: &str = "Resetting default scope";

/// A name with its distance as these fields have it: `nt!Name+1f`.
fn short(name: &str) -> String {
    match name.rsplit_once("+0x") {
        Some((name, into)) => format!("{name}+{into}"),
        None => name.into(),
    }
}

/// The lines below FAULTING_IP and FOLLOWUP_IP: the place and its instruction.
/// `known` is what the report calls it.
pub(super) fn code_at(
    live: &Live<'_>,
    at: Option<u64>,
    known: Option<&String>,
) -> Option<Vec<String>> {
    let at = at?;
    let name = live.named(at).or_else(|| known.cloned());
    let name = name.map_or_else(|| "+0".into(), |name| short(&name));
    let code = instruction_line(live, at, None);
    Some(Vec::from([name, code.unwrap_or_else(|| live.address(at))]))
}

/// FAULT_INSTR_CODE.
pub(super) fn word_at(live: &Live<'_>, failure: &Failure) -> Option<u64> {
    code_word(live, failure.address?.0).map(Into::into)
}

/// The instruction that faulted, where one did.
pub(super) fn faulting_ip(live: &Live<'_>, fields: &mut Fields) {
    let exception = live.report.exception.as_ref();
    let faulted = |fault: &Fault| {
        exception.is_some() || fault.trap_frame.is_some() || fault.touched.is_some()
    };
    let at = Fault::find(live).filter(faulted).map(|fault| fault.at);
    let exception = exception.filter(|exception| Some(exception.address.0) == at);
    let known = exception.and_then(|exception| exception.location.as_ref());
    if let Some(lines) = code_at(live, at, known) {
        fields.below("FAULTING_IP", String::new(), lines);
    }
}

/// Where a record is, and the command that shows it. The debugger extends addresses of 32 bits.
fn named(live: &Live<'_>, at: u64, command: &str) -> String {
    let (digits, wide) = (digits(live.report), live.width() == 8);
    let long = if wide {
        at
    } else {
        at as u32 as i32 as i64 as u64
    };
    format!("{at:0digits$x} -- ({command} 0x{long:x})")
}

/// EXCEPTION_RECORD and CONTEXT, with what they hold.
pub(super) fn records(live: &Live<'_>, failure: &Failure, fields: &mut Fields) {
    let kind = live.architecture();
    let space = live.space();
    if let Some(at) = failure.exception_record {
        let found = kind.and_then(|kind| ExceptionRecord::read(kind, &space, VirtualAddress(at.0)));
        let lines = found.map_or_else(Vec::new, |record| {
            let (flags, address) = (Some(record.flags), record.address.0);
            exception_lines(live, record.code, flags, address, &record.information)
        });
        fields.below("EXCEPTION_RECORD", named(live, at.0, ".exr"), lines);
    }
    if let Some(at) = failure.context {
        let found = kind.and_then(|kind| Context::read(kind, &space, VirtualAddress(at.0)));
        let mut lines = found.map_or_else(Vec::new, |context| context_lines(live, &context));
        if !lines.is_empty() {
            lines.push(RESET.into());
        }
        fields.below("CONTEXT", named(live, at.0, ".cxr"), lines);
    }
}

/// TRAP_FRAME, with what it keeps.
pub(super) fn trap_frame(live: &Live<'_>, failure: &Failure, fields: &mut Fields) {
    let Some(at) = failure.trap_frame else {
        return;
    };
    let context = trap_context(live, at.0);
    let mut lines = context.map_or_else(Vec::new, |context| trap_lines(live, at.0, &context));
    if !lines.is_empty() {
        lines.push(RESET.into());
    }
    fields.below("TRAP_FRAME", named(live, at.0, ".trap"), lines);
}

/// Where the exception was, as engines since 2024 say it.
pub(super) fn exception_keys(live: &Live<'_>, keys: &mut Fields) {
    let Some(exception) = &live.report.exception else {
        return;
    };
    let at = exception.address;
    let module = live.modules().find(VirtualAddress(at.0));
    keys.put(
        "Failure.Exception.IP.Address",
        Some(format!("0x{:x}", at.0)),
    );
    if let Some(module) = module {
        let into = at.0.wrapping_sub(module.base.0);
        keys.put("Failure.Exception.IP.Module", Some(module.symbol_name()))
            .put("Failure.Exception.IP.Offset", Some(format!("0x{into:x}")));
    }
}

/// The speed of the processor that stopped the machine.
pub(super) fn megahertz(live: &Live<'_>) -> Option<u32> {
    let small = live.minidump().and_then(|dump| dump.processor.as_ref());
    let facts = small.or_else(|| live.paged()?.current.processor.as_ref());
    let speed = facts.and_then(|facts| facts.megahertz);
    speed.or_else(|| {
        let paged = live.paged()?;
        let machine: Machine<'_> = paged.machine()?;
        let block = live.lists()?.running.first()?.block;
        ProcessorFacts::read(machine, &live.space(), block).megahertz
    })
}

/// Which pool an address lies in.
pub(super) fn pool_of(live: &Live<'_>, at: u64) -> Option<&'static str> {
    let data = live.debugger_data()?;
    let space = live.space();
    let bound = |member| {
        let value = space.pointer(data.address(member)?, live.width()).ok()?;
        (value.0 != 0).then_some(value.0)
    };
    let pools = [
        (
            "Paged pool",
            Member::MmPagedPoolStart,
            Member::MmPagedPoolEnd,
        ),
        (
            "Nonpaged pool",
            Member::MmNonPagedPoolStart,
            Member::MmNonPagedPoolEnd,
        ),
    ];
    let mut pools = pools.into_iter().filter_map(|(name, low, high)| {
        let (low, high) = (bound(low)?, bound(high)?);
        (low..high).contains(&at).then_some(name)
    });
    pools.next()
}
