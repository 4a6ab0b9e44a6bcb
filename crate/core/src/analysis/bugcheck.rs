//! The stop code as the report shows it: every parameter with its meaning, and where its value
//! says more, that too.

use crate::container::DumpHeader;
use crate::knowledge::bugcheck::{self, ParameterKind, ParameterText, access};
use crate::knowledge::ntstatus;
use crate::memory::VirtualAddress;
use crate::model::{BugCheck, Hex, Parameter};
use crate::nt::ModuleList;
use alloc::{borrow::Cow, format, string::String, vec};

/// Explains the stop code of a header; nothing when the header does not record one.
pub(super) fn explain(header: &DumpHeader, modules: &ModuleList) -> Option<BugCheck> {
    let code = header.bugcheck_code?;
    let values = header.parameters.map(|value| value.unwrap_or_default());
    let texts = bugcheck::parameters(code, values);
    let known = bugcheck::lookup(code);
    let parameters = values.iter().zip(&texts).map(|(&value, text)| Parameter {
        value: Hex(value),
        meaning: text.text.into(),
        decoded: decode(text, value, modules),
    });
    Some(BugCheck {
        code,
        name: bugcheck::name(code).unwrap_or(Cow::Borrowed("")),
        description: known.map(|known| known.meaning.into()).unwrap_or_default(),
        causes: known
            .filter(|known| !known.usual_causes.is_empty())
            .map(|known| vec![known.usual_causes.into()])
            .unwrap_or_default(),
        parameters: parameters.collect(),
        subtype: bugcheck::explain(code, values)
            .and_then(|explanation| explanation.case)
            .map(Into::into),
        source: "header",
    })
}

/// What this very value says, beyond what the parameter means.
fn decode(text: &ParameterText, value: u64, modules: &ModuleList) -> Option<String> {
    use ParameterKind as Is;
    if let Some(known) = text.value {
        return Some(known.into());
    }
    match text.kind {
        Is::Status => status(value),
        Is::AccessMode | Is::FaultAccess => access(text.kind, value).map(Into::into),
        Is::Irql => irql(value),
        Is::ProcessorMode if value <= 1 => {
            Some(["kernel mode", "user mode"][value as usize].into())
        }
        Is::Seconds => Some(format!("{value} s")),
        Is::Milliseconds => Some(format!("{value} ms")),
        Is::FourCharacters => four_characters(value),
        Is::Reserved | Is::Count | Is::Bytes | Is::Pages | Is::Flags | Is::PageFrame => None,
        _ => locate(value, modules),
    }
}

fn status(value: u64) -> Option<String> {
    let status = ntstatus::from_parameter(value)?;
    let name = ntstatus::name(status)?;
    Some(match ntstatus::meaning(status) {
        Some(meaning) => format!("{name}: {meaning}"),
        None => name.into(),
    })
}

/// Names of the interrupt request levels that x64 and ARM64 share (wdm.h).
fn irql(value: u64) -> Option<String> {
    let name = match value {
        0 => "PASSIVE_LEVEL",
        1 => "APC_LEVEL",
        2 => "DISPATCH_LEVEL",
        3..=11 => "a device's interrupt level",
        13 => "CLOCK_LEVEL",
        15 | 0x1F => "HIGH_LEVEL",
        0xFF => "an interrupt was disabled or no level applies",
        _ => return None,
    };
    Some(name.into())
}

fn four_characters(value: u64) -> Option<String> {
    let bytes = u32::try_from(value).ok()?.to_le_bytes();
    let printable = bytes.iter().all(|byte| (0x20..0x7F).contains(byte));
    printable.then(|| bytes.iter().map(|&byte| char::from(byte)).collect())
}

fn locate(value: u64, modules: &ModuleList) -> Option<String> {
    let address = VirtualAddress(value);
    let module = modules.find(address)?;
    Some(format!(
        "{}+{:#x}",
        module.symbol_name(),
        value - module.base.0
    ))
}
