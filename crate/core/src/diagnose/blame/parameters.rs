//! The driver that a parameter of the stop code leads to: through a driver or device object, an I/O
//! request, or the address of a routine that the stop code is about.
//!
//! Which parameter is what says the table of stop codes; the rules before this one have looked at
//! faulting instructions and at Driver Verifier already. A device or a request only says who had to
//! do with it, so it is possible and no more.

use super::Suspect;
use crate::diagnose::codes::{Silence, code_address, silence};
use crate::diagnose::facts::{Facts, Place};
use crate::diagnose::objects::Objects;
use crate::diagnose::role::Role;
use crate::knowledge::bugcheck::{ParameterKind, parameters};
use crate::memory::{AddressSpaceExt, VirtualAddress};
use crate::model::{Confidence, Evidence};
use alloc::{format, vec};

/// Whether the parameters are worth a look although the stack is not that of the culprit: a
/// watchdog names whom it was waiting for.
pub(super) fn may_break_silence(facts: &Facts<'_>) -> bool {
    let silence = silence(facts.plain_code(), &facts.parameters);
    matches!(silence, Some(Silence::Watchdog | Silence::OtherProcessor))
}

/// Names the driver that a parameter leads to.
pub(super) fn a_parameter_leads_to(facts: &Facts<'_>) -> Option<Suspect> {
    let texts = parameters(facts.code, facts.parameters);
    let objects = Objects::new(facts);
    let instruction = code_address(facts.plain_code(), &facts.parameters).map(|found| found.1);
    let follow = |kind: ParameterKind, value: u64| -> Option<(Place, &'static str, Confidence)> {
        let objects = objects.as_ref();
        Some(match kind {
            ParameterKind::DriverObject => (
                objects?.driver(value)?,
                "is its driver object",
                Confidence::Likely,
            ),
            ParameterKind::InstructionAddress => (
                facts.locate(VirtualAddress(value))?,
                "is an address in its code",
                Confidence::Likely,
            ),
            ParameterKind::DeviceObject => (
                objects?.device(value)?,
                "is a device of its",
                Confidence::Possible,
            ),
            ParameterKind::Irp => (
                objects?.irp_holder(value)?,
                "is a request that was last passed to it",
                Confidence::Possible,
            ),
            ParameterKind::UnicodeString => {
                (named(facts, value)?, "is its name", Confidence::Likely)
            }
            _ => return None,
        })
    };
    let found = texts
        .iter()
        .zip(facts.parameters)
        .enumerate()
        .filter(|(index, (_, value))| *value != 0 && Some(*index) != instruction)
        .filter_map(|(index, (text, value))| Some((index, follow(text.kind, value)?)))
        .filter(|(_, (place, _, _))| place.role == Role::Other && !place.unloaded)
        // The surest first; of equals the first parameter.
        .reduce(|best, next| if next.1.2 > best.1.2 { next } else { best });
    let (index, (place, what, confidence)) = found?;
    let number = index + 1;
    let text = format!("Parameter {number} {what}: {}.", place.module);
    Some(Suspect {
        module: place.module,
        confidence,
        evidence: vec![Evidence::new(text, format!("parameter {number}"))],
    })
}

/// The loaded driver whose file name stands at an address.
fn named(facts: &Facts<'_>, value: u64) -> Option<Place> {
    let width = facts.architecture?.pointer_width();
    let text = facts
        .space?
        .unicode_string(VirtualAddress(value), width)
        .ok()?;
    let file = text.rsplit(['\\', '/']).next()?;
    let module = facts.modules.by_name(file)?;
    facts.locate(module.base)
}
