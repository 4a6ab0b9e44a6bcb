//! Rules that rest on what the dump records of one driver.

use super::Suspect;
use crate::diagnose::codes::{CodeAddress, code_address, touched_address};
use crate::diagnose::facts::{Facts, Place};
use crate::diagnose::objects::Objects;
use crate::diagnose::role::{Role, display_vendor, role};
use crate::diagnose::usage::overflowed;
use crate::memory::{AddressSpaceExt, VirtualAddress};
use crate::model::{Confidence, Evidence, Frame, How};
use crate::stack::bug_check_caller;
use alloc::{format, string::String, vec, vec::Vec};

fn suspect(module: &str, confidence: Confidence, text: String, place: &str) -> Option<Suspect> {
    Some(Suspect {
        module: module.into(),
        confidence,
        evidence: vec![Evidence::new(text, place)],
    })
}

/// The code of the placeholder that Windows leaves in the header when there was no exception.
const BREAKPOINT: u32 = 0x8000_0003;

/// Where the fault was: what a parameter says, else the exception, else a trap frame on the stack
/// that carries the fault which the stop code reports.
fn fault(facts: &Facts<'_>) -> Option<(u64, String)> {
    if let Some((address, index, CodeAddress::Instruction)) =
        code_address(facts.plain_code(), &facts.parameters)
        && address != 0
    {
        return Some((address, format!("parameter {}", index + 1)));
    }
    if let Some(exception) = facts.exception.filter(|e| e.code != BREAKPOINT) {
        return Some((exception.address.0, "exception record".into()));
    }
    let trap =
        |frame: &&Frame| frame.how == How::TrapFrame && frame.confidence == Confidence::Certain;
    let frame = facts.stack?.frames.iter().find(trap)?;
    let place = frame.stack_pointer.map(|sp| format!("trap frame at {sp}"));
    Some((frame.address.0, place.unwrap_or_default()))
}

/// The address that was executed though no module is there: a call or jump through a damaged or
/// stale pointer, which the stop code reports.
pub(in crate::diagnose) fn wild_jump(facts: &Facts<'_>) -> Option<u64> {
    let (address, _) = fault(facts)?;
    let nobodys = facts.locate(VirtualAddress(address)).is_none();
    let touched = touched_address(facts.plain_code(), &facts.parameters);
    (nobodys && touched == Some(address)).then_some(address)
}

/// Where the processor found no instruction in Windows' own code (STATUS_ILLEGAL_INSTRUCTION): the
/// code was damaged in memory, or read or run wrongly. Whoever called it has no part in that.
pub(in crate::diagnose) fn broken_code(facts: &Facts<'_>) -> Option<String> {
    let status = match facts.plain_code() {
        0x1E | 0x3B | 0x7E | 0x8E => facts.parameters[0] as u32,
        _ => facts.exception?.code,
    };
    let place = fault_place(facts).filter(|place| place.role != Role::Other && !place.unloaded)?;
    (status == 0xC000_001D).then_some(place.label)
}

/// Whose code the fault was in.
pub(super) fn fault_place(facts: &Facts<'_>) -> Option<Place> {
    facts.locate(VirtualAddress(fault(facts)?.0))
}

/// A driver that was gone when its code or data was still used.
pub(super) fn unloaded_too_early(facts: &Facts<'_>) -> Option<Suspect> {
    // With other codes it is the toucher who is wrong, not the driver that had been there.
    let touched = touched_address(facts.plain_code(), &facts.parameters)
        .filter(|_| matches!(facts.plain_code(), 0xCE | 0xD4));
    let executed = fault(facts).map(|(address, _)| address);
    let place = [executed, touched]
        .into_iter()
        .flatten()
        .filter_map(|address| facts.locate(VirtualAddress(address)))
        .find(|place| place.unloaded && !matches!(place.role, Role::Kernel | Role::Framework))?;
    let text = format!(
        "The address at fault lies where {} had been before it was unloaded ({}).",
        place.module, place.label
    );
    let mut found = suspect(&place.module, Confidence::Likely, text, "unloaded modules")?;
    if facts.plain_code() == 0xCE {
        let text = "Windows reports a driver that was unloaded with work outstanding.";
        found.evidence.push(Evidence::new(text, "stop code"));
    }
    Some(found)
}

/// A driver that was gone when the kernel or a framework still used its data: a timer, a work item
/// or an entry of a list that it had left behind.
pub(super) fn left_behind(facts: &Facts<'_>) -> Option<Suspect> {
    let code = facts.plain_code();
    let touched =
        touched_address(code, &facts.parameters).filter(|_| matches!(code, 0x0A | 0x50 | 0xD1))?;
    let gone = facts.locate(VirtualAddress(touched))?;
    let user = fault_place(facts)?;
    let windows = matches!(user.role, Role::Kernel | Role::Framework);
    if !gone.unloaded || gone.role != Role::Other || user.unloaded || !windows {
        return None;
    }
    let text = format!(
        "{} used memory in which {} had been before it was unloaded ({}).",
        user.label, gone.module, gone.label
    );
    suspect(&gone.module, Confidence::Possible, text, "parameter 1")
}

/// A driver that called `KeBugCheckEx` itself.
pub(super) fn asked_windows_to_stop(facts: &Facts<'_>) -> Option<Suspect> {
    let caller = bug_check_caller(facts.stack?)?;
    let place = facts.locate(VirtualAddress(caller.address.0))?;
    if place.role != Role::Other || place.unloaded {
        return None;
    }
    let text = format!(
        "{} itself asked Windows to stop: the call of KeBugCheckEx came from {}.",
        place.module, place.label
    );
    let at = caller.stack_pointer.map(|sp| format!("stack {sp}"));
    suspect(
        &place.module,
        Confidence::Likely,
        text,
        &at.unwrap_or_default(),
    )
}

/// A driver of another maker in whose code the fault was.
pub(super) fn at_fault(facts: &Facts<'_>) -> Option<Suspect> {
    let (address, source) = fault(facts)?;
    let place = facts.locate(VirtualAddress(address))?;
    // Where the stack ran out, the last to touch it need not be the one that used it.
    if place.role != Role::Other || place.unloaded || overflowed(facts) {
        return None;
    }
    let text = format!("The instruction at fault is {}.", place.label);
    suspect(&place.module, Confidence::Likely, text, &source)
}

/// The same in a driver that comes with Windows and works for nobody else.
pub(super) fn inside_windows_own_driver(facts: &Facts<'_>) -> Option<Suspect> {
    let (address, source) = fault(facts)?;
    let place = facts.locate(VirtualAddress(address))?;
    if place.role != Role::Windows || place.unloaded {
        return None;
    }
    let text = format!("The instruction at fault is {}.", place.label);
    let mut found = suspect(&place.module, Confidence::Possible, text, &source)?;
    let text = "The driver comes with Windows, so the hardware or firmware it drives, or memory \
                damaged by somebody else, may be behind it.";
    found.evidence.push(Evidence::new(text, "modules"));
    Some(found)
}

/// The driver that Windows put on record while it stopped.
pub(super) fn named_by_windows(facts: &Facts<'_>) -> Option<Suspect> {
    let name = facts
        .broken_driver
        .map(file_name)
        .filter(|n| !n.is_empty())?;
    let confidence = match role(name) {
        Role::Other => Confidence::Likely,
        Role::Windows => Confidence::Possible,
        Role::Kernel | Role::Framework => return None,
    };
    let text = format!("Windows itself put {name} on record as the driver at fault.");
    suspect(name, confidence, text, "triage header, BrokenDriverOffset")
}

fn file_name(path: &str) -> &str {
    path.rsplit(['\\', '/']).next().unwrap_or(path)
}

/// Codes outside Microsoft's list that the drivers of one maker raise.
const OWN_CODES: &[(core::ops::RangeInclusive<u32>, &str)] = &[(0xA000_0000..=0xA000_000F, "AMD")];

/// The loaded driver of the maker who alone raises this code.
pub(super) fn only_its_driver_raises_it(facts: &Facts<'_>) -> Option<Suspect> {
    let (_, vendor) = OWN_CODES
        .iter()
        .find(|(codes, _)| codes.contains(&facts.code))?;
    let theirs = |name: &str| display_vendor(name) == Some(*vendor);
    let on_stack = frame_names(facts).into_iter().find(|name| theirs(name));
    let loaded = || facts.modules.as_slice().iter().map(|m| m.name.as_str());
    let name = on_stack.or_else(|| loaded().find(|name| theirs(name)))?;
    let text = format!("Only {vendor}'s display driver stops Windows with this code.");
    suspect(name, Confidence::Likely, text, "stop code")
}

fn frame_names<'a>(facts: &Facts<'a>) -> Vec<&'a str> {
    let frames = facts.stack.map_or(&[][..], |stack| &stack.frames);
    frames.iter().filter_map(|f| f.module.as_deref()).collect()
}

/// Codes that dxgkrnl raises when a graphics adapter or its driver does not do its work, and how
/// far from the top of the stack the adapter's driver may then be.
const DISPLAY_CODES: &[u32] = &[0xEA, 0x10E, 0x113, 0x116, 0x117, 0x119, 0x141, 0x142];
const DISPLAY_WITHIN: usize = 24;

/// The display driver that a graphics watchdog was waiting for.
pub(super) fn display_driver(facts: &Facts<'_>) -> Option<Suspect> {
    let code = facts.plain_code();
    DISPLAY_CODES
        .contains(&code)
        .then(|| graphics(facts, code))?
}

/// Whom the graphics watchdog waited for. On the page this is in the part that few dumps need.
#[inline(never)]
fn graphics(facts: &Facts<'_>, code: u32) -> Option<Suspect> {
    if let Some((address, index, CodeAddress::DisplayDriver)) =
        code_address(code, &facts.parameters)
        && let Some(place) = facts.locate(VirtualAddress(address))
        && place.role == Role::Other
    {
        let text = format!("The stop code names the display driver: {}.", place.label);
        let source = format!("parameter {}", index + 1);
        return suspect(&place.module, Confidence::Likely, text, &source);
    }
    if let Some(name) = stuck_driver_name(facts) {
        let text = format!("The stop code names the driver that was stuck: {name}.");
        return suspect(&name, Confidence::Likely, text, "parameter 3");
    }
    let names = frame_names(facts);
    let near = names.get(..DISPLAY_WITHIN.min(names.len()))?;
    let Some(name) = near.iter().find(|name| display_vendor(name).is_some()) else {
        return only_display_driver(facts);
    };
    let count = near.iter().filter(|other| *other == name).count();
    let text = format!(
        "Windows' graphics watchdog stopped the machine, and {name} is the display driver on the \
         stack ({count} of the {} innermost frames).",
        near.len()
    );
    let sure = if count > 1 {
        Confidence::Likely
    } else {
        Confidence::Possible
    };
    suspect(name, sure, text, "stack")
}

/// The one display driver that is loaded, when all display drivers are of one maker.
fn only_display_driver(facts: &Facts<'_>) -> Option<Suspect> {
    let loaded = facts.modules.as_slice().iter();
    let mut drivers = loaded.filter_map(|m| Some((m.name.as_str(), display_vendor(&m.name)?)));
    let (name, vendor) = drivers.next()?;
    if drivers.any(|(_, other)| other != vendor) {
        return None;
    }
    let text = format!(
        "Windows' graphics watchdog stopped the machine, and {vendor}'s is the only display \
         driver loaded."
    );
    suspect(name, Confidence::Possible, text, "modules")
}

/// The name that 0xEA carries in its third parameter, where the dump holds it.
fn stuck_driver_name(facts: &Facts<'_>) -> Option<String> {
    if facts.plain_code() != 0xEA || facts.parameters[2] == 0 {
        return None;
    }
    let width = facts.architecture?.pointer_width();
    let name = VirtualAddress(facts.parameters[2]);
    let text = facts.space?.unicode_string(name, width).ok()?;
    let module = facts.modules.by_name(file_name(&text))?;
    (role(&module.name) == Role::Other).then(|| module.name.clone())
}

/// The driver that holds the power request on which everybody waits (0x9F with first parameter 3).
pub(super) fn holds_the_power_request(facts: &Facts<'_>) -> Option<Suspect> {
    if facts.plain_code() != 0x9F || facts.parameters[0] != 3 {
        return None;
    }
    let place = Objects::new(facts)?.irp_holder(facts.parameters[3])?;
    if place.role != Role::Other {
        return None;
    }
    let text = format!(
        "The power request that did not end was with {} when time ran out.",
        place.module
    );
    suspect(&place.module, Confidence::Likely, text, "parameter 4 (IRP)")
}
