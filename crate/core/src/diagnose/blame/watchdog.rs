//! Whom a watchdog was waiting for: interrupt work that ran too long, a processor that stopped
//! answering, a thread that held the lock on which a change of power waited, a device that did not
//! follow it; and who used up a stack.

use super::Suspect;
use super::near::{of_kernel, onlooker, uninterrupted};
use crate::diagnose::facts::Facts;
use crate::diagnose::objects::Objects;
use crate::diagnose::role::{Role, role};
use crate::diagnose::usage;
use crate::memory::VirtualAddress;
use crate::model::{Confidence, Evidence, Frame, How, Stack};
use crate::nt::watchdog::Triage;
use crate::order;
use alloc::{format, string::String, vec, vec::Vec};

/// Frames of the kernel and of frameworks that may lie between what is waited for and its driver.
const WITHIN: usize = 24;
/// Fewer captured addresses than this say nothing.
const LEAST_CAPTURED: u32 = 4;

fn suspect(frame: &Frame, confidence: Confidence, text: String) -> Option<Suspect> {
    let place = frame.stack_pointer;
    Some(Suspect {
        module: frame.module.clone()?,
        confidence,
        evidence: vec![Evidence::new(
            text,
            place.map_or_else(|| "stack".into(), |sp| format!("stack {sp}")),
        )],
    })
}

/// The first driver of another maker among `frames` that were walked to, and whether a framework
/// came before it.
fn first_other(frames: &[Frame]) -> Option<(&Frame, bool)> {
    let mut behind = false;
    for frame in uninterrupted(frames).iter().take(WITHIN) {
        if frame.confidence == Confidence::Possible || !of_kernel(frame) {
            return None;
        }
        let name = frame.module.as_deref()?;
        match role(name) {
            Role::Kernel => {}
            Role::Framework | Role::Windows => behind = true,
            Role::Other if name.starts_with("unloaded ") || behind && onlooker(name) => {
                return None;
            }
            Role::Other => return Some((frame, behind)),
        }
    }
    None
}

/// 0x133: the driver whose interrupt or deferred procedure call the clock interrupt found running.
pub(super) fn interrupt_work(facts: &Facts<'_>) -> Option<Suspect> {
    if facts.plain_code() != 0x133 {
        return None;
    }
    let frames = facts.stack?.frames.as_slice();
    // The clock interrupt itself is not the work; what it interrupted begins with its trap frame.
    let clock = frames.iter().position(|frame| frame.how == How::TrapFrame);
    let (frame, behind) = first_other(frames.get(clock.unwrap_or(0)..)?)?;
    // Of one call that took too long it is the one; of many, the last.
    let one = facts.parameters[0] == 0;
    let sure = if one && !behind {
        Confidence::Likely
    } else {
        Confidence::Possible
    };
    let text = match one {
        true => format!(
            "Its interrupt work was running when the time for it was up: {}.",
            place(facts, frame)
        ),
        false => format!(
            "Of the interrupt work that took too long together, its was the last: {}.",
            place(facts, frame)
        ),
    };
    suspect(frame, sure, text)
}

fn place(facts: &Facts<'_>, frame: &Frame) -> String {
    let at = VirtualAddress(frame.address.0);
    let place = facts.locate(at).map(|place| place.label);
    place.unwrap_or_else(|| format!("{}", frame.address))
}

/// 0x101: what the processor that stopped answering was running, as far as its registers are the
/// last ones.
pub(super) fn hung_processor(facts: &Facts<'_>) -> Option<Suspect> {
    if facts.plain_code() != 0x101 {
        return None;
    }
    let hung = hung_stack(facts)?;
    let (frame, behind) = first_other(&hung.frames)?;
    let text = format!(
        "Processor {}, which stopped answering, was running {}.",
        facts.parameters[3],
        place(facts, frame)
    );
    suspect(frame, Confidence::Possible, text).filter(|_| !behind)
}

/// The stack of the processor that stopped answering.
pub(in crate::diagnose) fn hung_stack<'a>(facts: &Facts<'a>) -> Option<&'a Stack> {
    let number = u32::try_from(facts.parameters[3]).ok();
    let hung = |stack: &&Stack| stack.processor.is_some() && stack.processor == number;
    facts.stacks.iter().find(hung)
}

/// 0x9F, first parameter 4: the thread that held the lock of Plug and Play.
pub(super) fn blocked_thread(facts: &Facts<'_>) -> Option<Suspect> {
    if facts.plain_code() != 0x9F || facts.parameters[0] != 4 {
        return None;
    }
    let held = |stack: &&Stack| stack.thread.is_some_and(|at| at.0 == facts.parameters[2]);
    let stack = facts.stacks.iter().find(held)?;
    let (frame, behind) = first_other(&stack.frames)?;
    let sure = if behind {
        Confidence::Possible
    } else {
        Confidence::Likely
    };
    let text = format!(
        "The thread that held up Plug and Play was waiting in {}.",
        place(facts, frame)
    );
    suspect(frame, sure, text)
}

/// 0x9F: the driver of the device, where who holds the request cannot be read.
pub(super) fn drives_the_device(facts: &Facts<'_>) -> Option<Suspect> {
    let [case, device, _, irp] = facts.parameters;
    if facts.plain_code() != 0x9F || !matches!(case, 3 | 5) {
        return None;
    }
    let objects = Objects::new(facts)?;
    if case == 3 && objects.irp_holder(irp).is_some() {
        return None;
    }
    let place = objects
        .above(device)
        .find(|place| place.role == Role::Other && !onlooker(&place.module))?;
    let text = format!("{} drives the device that did not follow.", place.module);
    Some(Suspect {
        module: place.module,
        confidence: Confidence::Possible,
        evidence: vec![Evidence::new(text, "parameter 2 (device stack)")],
    })
}

/// The driver of another maker that used most of a stack that ran out.
pub(super) fn used_up_the_stack(facts: &Facts<'_>) -> Option<Suspect> {
    let user = usage::overflowed(facts).then(|| usage::greatest_user(facts))??;
    let text = format!(
        "Of the stack that ran out it used {} bytes, in {} frames: more than half.",
        user.bytes, user.frames
    );
    Some(Suspect {
        module: user.module,
        confidence: Confidence::Likely,
        evidence: vec![Evidence::new(text, "stack")],
    })
}

/// 0x133: whose code the clock captured most often while the processor was at interrupt work.
pub(super) fn captured_most(facts: &Facts<'_>) -> Option<Suspect> {
    let modules = captured(facts);
    let other = |(name, _): &&(String, u32)| role(name) == Role::Other;
    let (name, count) = modules.iter().find(other)?;
    let rest: u32 = modules.iter().filter(other).map(|(_, count)| count).sum();
    // Two drivers of other makers side by side: then it is neither.
    if count * 2 <= rest || *count < LEAST_CAPTURED {
        return None;
    }
    let text = format!("{count} of the addresses that the clock captured are in {name}.");
    Some(Suspect {
        module: name.clone(),
        confidence: Confidence::Possible,
        evidence: vec![Evidence::new(text, "DPC watchdog triage block")],
    })
}

/// How often the clock found each module at interrupt work, the most often found first.
pub(in crate::diagnose) fn captured(facts: &Facts<'_>) -> Vec<(String, u32)> {
    let [case, _, third, fourth] = facts.parameters;
    let triage = triage(facts).filter(|_| facts.plain_code() == 0x133);
    let block = if case == 0 { fourth } else { third };
    let found = triage
        .zip(facts.processor)
        .map(|(triage, processor)| triage.captured(VirtualAddress(block), processor));
    let mut modules: Vec<(String, u32)> = Vec::new();
    for at in found.unwrap_or_default() {
        let Some(place) = facts.locate(VirtualAddress(at)).filter(|p| !p.unloaded) else {
            continue;
        };
        match modules.iter_mut().find(|(name, _)| *name == place.module) {
            Some((_, count)) => *count += 1,
            None => modules.push((place.module, 1)),
        }
    }
    order::by_key(modules, |(_, count)| (u64::from(u32::MAX - count), 0))
}

/// A reader of what Windows leaves for watchdogs' stops.
pub(in crate::diagnose) fn triage<'a>(facts: &Facts<'a>) -> Option<Triage<'a>> {
    Some(Triage::new(
        facts.space?,
        facts.architecture?.pointer_width(),
    ))
}

/// 0x9F, first parameter 4: the service of the one device that Plug and Play waited for.
pub(super) fn waited_for(facts: &Facts<'_>) -> Option<Suspect> {
    let [case, .., block] = facts.parameters;
    if facts.plain_code() != 0x9F || case != 4 {
        return None;
    }
    let devices = triage(facts)?.devices(VirtualAddress(block));
    let [device] = devices.as_slice() else {
        return None;
    };
    let file = format!("{}.sys", device.service.as_deref()?);
    let module = facts.modules.by_name(&file)?;
    let text = format!(
        "Plug and Play waited for the device that {} drives.",
        module.name
    );
    (role(&module.name) == Role::Other).then(|| Suspect {
        module: module.name.clone(),
        confidence: Confidence::Possible,
        evidence: vec![Evidence::new(text, "parameter 4 (TRIAGE_9F_PNP)")],
    })
}
