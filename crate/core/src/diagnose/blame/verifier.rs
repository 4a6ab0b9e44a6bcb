//! Whom Driver Verifier caught: by what the parameters lead to, else by the stack behind the verifier's
//! own routines, of the drivers that were being watched where the dump tells which.
//!
//! Sources: Microsoft's references of 0xC1, 0xC4, 0xC9 and 0xE6; _VF_TARGET_VERIFIED_DRIVER_DATA (its
//! first pointer) and _VF_SUSPECT_DRIVER_ENTRY as Windows symbols have them, Windows 8 to 11; public
//! outputs of 0xC4 with 0x62, in which the second parameter is the driver's name.

use super::Suspect;
use crate::diagnose::codes::{CodeAddress, code_address};
use crate::diagnose::facts::{Facts, Place};
use crate::diagnose::objects::Objects;
use crate::diagnose::role::{Role, role};
use crate::knowledge::bugcheck::{ParameterKind, parameters};
use crate::memory::{AddressSpaceExt, VirtualAddress};
use crate::model::{Confidence, Evidence, Frame};
use alloc::{format, string::String, vec};

/// Codes of Driver Verifier: it stops within the call of the driver that it catches.
const VERIFIER: [u32; 3] = [0xC4, 0xC9, 0xE6];
/// Codes by which Windows refuses a call, whoever watched it.
const REFUSED: [u32; 5] = [0xC2, 0xCB, 0xDA, 0x10D, 0x1F2];
/// 0xCB: pages were left locked, and the first parameter may be who locked them.
const LEFT_LOCKED: u32 = 0xCB;
/// Cases of 0xC4 about a driver that is being unloaded: parameter 2 or 3 leads to its name.
const LEFT_BEHIND: [u64; 3] = [0x60, 0x61, 0x62];
/// _VF_SUSPECT_DRIVER_ENTRY: the first of its names, by bytes in a pointer.
const NAME_WIDE: u64 = 0x18;
const NAME_NARROW: u64 = 0x10;
/// The longest name of a driver that is looked for, in characters.
const NAME: usize = 64;

/// Whether Driver Verifier itself stopped Windows.
pub(super) fn stopped(facts: &Facts<'_>) -> bool {
    VERIFIER.contains(&facts.plain_code())
}

/// Whether a driver may be the one that Driver Verifier caught: it watches those on its list, where
/// there is one.
pub(super) fn watched(facts: &Facts<'_>, module: &str) -> bool {
    let Some(list) = facts.verified.filter(|list| !list.contains('*')) else {
        return true;
    };
    let mut names = list
        .split([' ', ';', '"', '\t'])
        .filter(|name| !name.is_empty());
    !stopped(facts)
        || names.clone().next().is_none()
        || names.any(|name| name.eq_ignore_ascii_case(module))
}

/// The frames without the kernel's and the verifier's own at the top.
pub(super) fn behind_its_routines(frames: &[Frame]) -> &[Frame] {
    let own = |frame: &&Frame| role(frame.module.as_deref().unwrap_or_default()) == Role::Kernel;
    let skipped = frames.iter().take_while(own).count();
    frames.get(skipped..).unwrap_or_default()
}

/// The driver that a parameter leads to.
pub(super) fn caught(facts: &Facts<'_>) -> Option<Suspect> {
    let code = facts.plain_code();
    let verifier = stopped(facts);
    if !verifier && !REFUSED.contains(&code) {
        return None;
    }
    led_to(facts, code, verifier)
}

/// Whom the parameters of such a code lead to. On the page this is in the part that few dumps need.
#[inline(never)]
fn led_to(facts: &Facts<'_>, code: u32, verifier: bool) -> Option<Suspect> {
    if let Some(name) = left_behind(facts) {
        let text = format!("The stop code names the driver that was being unloaded: {name}.");
        return suspect(&name, text, "parameter 2");
    }
    let (index, place) = by_parameter(facts, verifier)?;
    let text = match verifier {
        true => format!("Driver Verifier caught {} ({}).", place.module, place.label),
        false if code == LEFT_LOCKED => {
            format!(
                "The pages that were left locked were locked by {}.",
                place.label
            )
        }
        false => format!("The call that Windows refused came from {}.", place.label),
    };
    suspect(&place.module, text, &format!("parameter {}", index + 1))
}

fn suspect(module: &str, text: String, place: &str) -> Option<Suspect> {
    Some(Suspect {
        module: module.into(),
        confidence: Confidence::Likely,
        evidence: vec![Evidence::new(text, place)],
    })
}

fn by_parameter(facts: &Facts<'_>, verifier: bool) -> Option<(usize, Place)> {
    let code = facts.plain_code();
    let caller = match code_address(code, &facts.parameters) {
        Some((_, index, CodeAddress::Caller)) => index..index + 1,
        _ if verifier => 1..4,
        _ => return None,
    };
    let texts = parameters(code, facts.parameters);
    let objects = Objects::new(facts);
    // A device may be the one that was called; of these cases it is the caller's own.
    let own_device = code == 0xC9 && matches!(facts.parameters[0], 0x05 | 0x0A);
    let found = |index: usize| {
        let value = *facts.parameters.get(index)?;
        let place = facts.locate(VirtualAddress(value)).or_else(|| {
            let objects = objects.as_ref()?;
            let device = || objects.device(value).filter(|_| own_device);
            objects.driver(value).or_else(device)
        })?;
        (place.role == Role::Other).then_some((index, place))
    };
    // What the reference calls code comes before other addresses that lie in some driver.
    let is_code = |index: &usize| {
        let kind = texts.get(*index).map(|text| text.kind);
        kind == Some(ParameterKind::InstructionAddress)
    };
    let code = caller.clone().filter(is_code).find_map(found);
    code.or_else(|| caller.filter(|index| !is_code(index)).find_map(found))
}

/// The driver that is unloaded and leaves something behind: its name, or the verifier's record of it.
fn left_behind(facts: &Facts<'_>) -> Option<String> {
    let [case, name, record, _] = facts.parameters;
    if facts.plain_code() != 0xC4 || !LEFT_BEHIND.contains(&case) {
        return None;
    }
    let (space, width) = (facts.space?, facts.architecture?.pointer_width());
    let counted = |at: u64| space.unicode_string(VirtualAddress(at), width).ok();
    let plain = || text(facts, name);
    let recorded = || {
        let entry = space.pointer(VirtualAddress(record), width).ok()?;
        let into = if width == 8 { NAME_WIDE } else { NAME_NARROW };
        counted(entry.0.checked_add(into)?)
    };
    let known = |text: String| {
        let file = text.rsplit(['\\', '/']).next()?;
        let loaded = facts
            .modules
            .by_name(file)
            .map(|module| module.name.clone());
        // Windows cuts the names of drivers that are gone.
        let gone = || {
            let cut = |name: &str| {
                let start = file.get(..name.len());
                name.len() >= 12 && start.is_some_and(|s| s.eq_ignore_ascii_case(name))
                    || name.eq_ignore_ascii_case(file)
            };
            facts
                .unloaded
                .iter()
                .find(|gone| cut(&gone.name))
                .map(|_| file.into())
        };
        loaded
            .or_else(gone)
            .filter(|name: &String| role(name) == Role::Other)
    };
    counted(name)
        .and_then(known)
        .or_else(|| plain().and_then(known))
        .or_else(|| recorded().and_then(known))
}

/// Text of UTF-16 that ends in a zero.
fn text(facts: &Facts<'_>, at: u64) -> Option<String> {
    let mut units = vec![];
    for index in 0..NAME {
        let place = at.checked_add(2 * index as u64)?;
        match facts.space?.u16(VirtualAddress(place)).ok()? {
            0 => break,
            unit => units.push(unit),
        }
    }
    String::from_utf16(&units)
        .ok()
        .filter(|text| !text.is_empty())
}
