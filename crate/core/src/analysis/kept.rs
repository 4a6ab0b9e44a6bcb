//! What the kernel keeps of a stop beside its code: the driver that it put on record, and the
//! process that ended though Windows cannot be without it.
//!
//! Sources: KiBugCheckDriver as the public symbols have it, a pointer to a UNICODE_STRING;
//! Microsoft's reference of 0xEF and 0xF4; EPROCESS.ExitStatus by the tables of layouts.

use super::dump::Dump;
use super::identity;
use super::known::Known;
use crate::container::DumpHeader;
use crate::diagnose::Ended;
use crate::memory::{AddressSpace, AddressSpaceExt, VirtualAddress};
use crate::model::{Confidence, Report};
use crate::nt::exception::plain_stop_code;
use crate::nt::{Member, ProcessFacts};
use crate::symbols::layout::Layouts;
use alloc::string::String;

const CRITICAL_PROCESS_DIED: u32 = 0xEF;
const CRITICAL_OBJECT_TERMINATION: u32 = 0xF4;
/// Of 0xF4: what ended is a process.
const A_PROCESS: u64 = 3;
/// STATUS_PENDING: what ExitStatus says of a process that runs.
const RUNNING: u32 = 0x103;
/// The longest name in EPROCESS and in the text of 0xF4.
const NAME: usize = 16;

/// The driver that the kernel noted; minidumps have it in their own header.
pub(super) fn broken_driver(
    space: &dyn AddressSpace,
    dump: &Dump<'_>,
    known: &Known,
) -> Option<String> {
    if let Some(name) = dump.broken_driver {
        return Some(name.into());
    }
    known.paged.as_ref()?;
    let kernel = identity::kernel(dump.header, known);
    let layouts = Layouts::for_kernel(&kernel).with_types(known.types());
    let place = layouts.variable("KiBugCheckDriver")?;
    let at = dump.kernel_base()?.checked_add(place.offset.into())?;
    let width = dump.header.pointer_width();
    let text = space.pointer(at, width).ok().filter(|at| at.0 != 0)?;
    let name = space.unicode_string(text, width).ok()?;
    let plain = name.chars().all(|c| !c.is_control());
    (plain && !name.is_empty()).then_some(name)
}

/// Driver Verifier's settings that were in force: minidumps have them in a record of their own, other
/// dumps in the first word of MmVerifierData (_MM_DRIVER_VERIFIER_DATA.Level, Windows Vista to 11).
pub(super) fn verifier_level(space: &dyn AddressSpace, dump: &Dump<'_>) -> Option<u32> {
    let in_memory = || {
        let data = dump.machine()?.debugger_data;
        space.u32(data.address(Member::MmVerifierData)?).ok()
    };
    dump.verifier_level.or_else(in_memory)
}

/// The drivers that Driver Verifier was told to watch.
pub(super) fn verified(report: &Report) -> Option<&str> {
    let values = report.registry.as_ref()?.values.iter();
    let mut found = values.filter(|value| value.name == "VerifyDrivers");
    found.next()?.data.as_deref()
}

/// The process that the stop code says has ended.
pub(super) fn ended(
    space: &dyn AddressSpace,
    dump: &Dump<'_>,
    known: &Known,
    header: &DumpHeader,
) -> Option<Ended> {
    let code = plain_stop_code(header.bugcheck_code?);
    let [p1, p2, p3, _] = header.parameters.map(Option::unwrap_or_default);
    let process = match (code, p1, p2) {
        (CRITICAL_PROCESS_DIED, process, 0) => process,
        (CRITICAL_OBJECT_TERMINATION, A_PROCESS, process) => process,
        _ => return None,
    };
    let at = VirtualAddress(process);
    let machine = dump.machine();
    let facts = machine.and_then(|machine| ProcessFacts::read(machine, space, at));
    let own = dump.process.filter(|own| own.address == Some(at));
    let facts = facts.as_ref().or(own);
    let told = (code == CRITICAL_OBJECT_TERMINATION).then(|| text(space, VirtualAddress(p3)));
    let kernel = identity::kernel(dump.header, known);
    let layouts = Layouts::for_kernel(&kernel).with_types(known.types());
    let place = layouts.member("_EPROCESS", "ExitStatus");
    let status = place
        .filter(|place| place.confidence > Confidence::Possible)
        .and_then(|place| at.checked_add(place.offset.into()))
        .and_then(|at| space.u32(at).ok())
        .filter(|status| *status != RUNNING);
    let name = told.flatten().or_else(|| facts?.name.clone())?;
    let other = dump.process.filter(|own| own.address != Some(at));
    Some(Ended {
        name,
        pid: facts.and_then(|facts| facts.pid),
        status,
        by: other.and_then(|other| other.name.clone()),
    })
}

/// A short text of single bytes.
fn text(space: &dyn AddressSpace, at: VirtualAddress) -> Option<String> {
    let mut bytes = [0; NAME];
    space.read(at, &mut bytes).ok()?;
    let end = bytes.iter().position(|&b| b == 0).unwrap_or(NAME);
    let text = core::str::from_utf8(bytes.get(..end)?).ok()?;
    let plain = text.bytes().all(|b| (0x20..0x7F).contains(&b));
    (plain && !text.is_empty()).then(|| text.into())
}
