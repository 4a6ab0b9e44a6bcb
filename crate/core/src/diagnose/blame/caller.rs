//! The driver that called the kernel when the kernel found something wrong.
//!
//! On a stack that was walked call by call, Microsoft's own modules give way to the driver that
//! called them: the kernel does in a driver's name what the driver asked of it. With codes that
//! stand for a broken contract between caller and kernel that is likely; with codes of damaged data
//! it is only possible, because the damage may be older than the call that found it.

use super::{Suspect, near, verifier};
use crate::diagnose::codes::{Silence, silence};
use crate::diagnose::facts::Facts;
use crate::diagnose::role::{Role, role};
use crate::model::{Confidence, Evidence, Frame};
use alloc::{format, string::String, vec};

/// The kernel's own frames between its bug check and the call: so many may lie between.
const WITHIN: usize = 16;

/// Codes that say the caller asked for something it must not ask for: a lock it does not hold, a
/// request that was completed, an object that it had given up, a call at the wrong level.
const BROKEN_CONTRACT: &[u32] = &[
    0x05, 0x0D, 0x11, 0x18, 0x35, 0x36, 0x44, 0x46, 0x48, 0x4A, 0x76, 0xB8, 0xC2, 0xC4, 0xC7, 0xC8,
    0xC9, 0xCB, 0xD0, 0xE3, 0xE4, 0xE6, 0xF6, 0x10D, 0x121, 0x162, 0x1A3,
];
/// Codes whose silence a walked stack may break: what was found is what the caller handed over.
const HANDED_OVER: &[u32] = &[0x19, 0xC5, 0x13A];

/// Whether `facts` have a code of damage in which the caller is still worth a name.
pub(super) fn may_break_silence(facts: &Facts<'_>) -> bool {
    silence(facts.plain_code(), &facts.parameters) == Some(Silence::Corruption)
        && HANDED_OVER.contains(&facts.plain_code())
}

/// Names the driver that called into the kernel.
pub(super) fn called_the_kernel(facts: &Facts<'_>) -> Option<Suspect> {
    // What was interrupted called nobody.
    let (frames, _) = near::from_the_trouble(facts, facts.stack?);
    let frames = near::uninterrupted(frames);
    let (at, frame, name) = frames
        .iter()
        .enumerate()
        .take(WITHIN)
        .take_while(|(_, frame)| frame.confidence > Confidence::Possible && near::of_kernel(frame))
        .find_map(|(at, frame)| {
            let name = frame.module.as_deref().unwrap_or_default();
            (role(name) != Role::Kernel).then_some((at, frame, name))
        })?;
    // With nothing of the kernel before it, it is not a caller: other rules look at that.
    if at == 0 || name.is_empty() || name.starts_with("unloaded ") || role(name) != Role::Other {
        return None;
    }
    if !verifier::watched(facts, name) {
        return None;
    }
    // Special pool: a wrong free is the caller's own, a block that was written over need not be.
    let special = facts.plain_code() == 0xC1 && matches!(facts.parameters[3], 0x20 | 0x30 | 0x31);
    let contract = special || BROKEN_CONTRACT.contains(&facts.plain_code());
    let what = frames.get(at - 1).map(label).unwrap_or_default();
    let text = format!("{} called {what}, in which Windows stopped.", label(frame));
    let place = frame
        .stack_pointer
        .map_or_else(|| format!("frame {at}"), |sp| format!("stack {sp}"));
    let mut evidence = vec![Evidence::new(text, place)];
    if contract {
        let text = "The stop code says that a caller broke the rules of what it called.";
        evidence.push(Evidence::new(text, "stop code"));
    }
    Some(Suspect {
        module: name.into(),
        confidence: if contract {
            Confidence::Likely
        } else {
            Confidence::Possible
        },
        evidence,
    })
}

fn label(frame: &Frame) -> String {
    let module = frame.module.as_deref().unwrap_or("code of no module");
    match &frame.symbol {
        Some(symbol) => format!("{module}!{symbol}"),
        None => module.into(),
    }
}
