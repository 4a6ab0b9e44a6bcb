//! Which frame the debugger would follow up: the first one whose owner is not known to work on
//! behalf of others.
//!
//! The debugger's list (triage.ini) is not public; what stands here follows from published outputs
//! and names only what they show being passed over.

use super::super::codes::code_address;
use super::super::facts::Facts;
use super::super::role::{Role, role};
use crate::memory::VirtualAddress;
use crate::model::{Confidence, Frame, How, Stack};
use crate::nt::Module;
use alloc::string::String;

/// What is followed up.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct FollowUp {
    /// The module as symbols call it, in the case of its file.
    pub module: String,
    /// Its file.
    pub image: String,
    /// The function, where it is known.
    pub function: Option<String>,
    /// Bytes from the function, or from the module.
    pub offset: u64,
    /// The address.
    pub address: Option<u64>,
    /// Which frame it is.
    pub frame: Option<u32>,
}

/// Modules that the debugger passes over while anybody else is on the stack.
const PASSED_OVER: &str = "watchdog.sys ntfs.sys fltmgr.sys verifierext.sys verifier.sys refs.sys fastfat.sys \
    hal.dll halacpi.dll halmacpi.dll";
/// Modules that the debugger passes over where a driver of a device is behind them.
const GIVES_WAY: [&str; 2] = ["ndis.sys", "tcpip.sys"];
/// Functions of the kernel that only carry a fault to the bug check, or find damage for others.
const CARRIERS: &[&str] = &[
    "KeBugCheck",
    "KeBugCheckEx",
    "KeBugCheck2",
    "KiBugCheck",
    "KiBugCheckDispatch",
    "KiBugCheckDebugBreak",
    "DbgBreakPointWithStatus",
    "KiPageFault",
    "KiPageFaultShadow",
    "KiExceptionDispatch",
    "KiDispatchException",
    "KiGeneralProtectionFault",
    "KiInvalidOpcodeFault",
    "KiDivideErrorFault",
    "KiDoubleFaultAbort",
    "KiSystemServiceHandler",
    "RtlDispatchException",
    "RtlpExecuteHandlerForException",
    "MiSystemFault",
    "MmAccessFault",
    "RtlpHeapHandleError",
    "RtlpHpHeapHandleError",
    "RtlpLogHeapFailure",
];

/// The name that symbols give a module, in the case of its file; the kernel is `nt`.
pub(super) fn symbol_stem(image: &str) -> String {
    let module = Module {
        name: image.into(),
        ..Module::default()
    };
    if module.symbol_name() == "nt" {
        return "nt".into();
    }
    let stem = image.rsplit_once('.').map_or(image, |(stem, _)| stem);
    stem.into()
}

/// A driver, by the end of its name; further out on a stack is code of the process.
fn is_driver(name: &str) -> bool {
    name.rsplit('.')
        .next()
        .is_some_and(|end| end.eq_ignore_ascii_case("sys"))
}

fn passed_over(name: &str) -> bool {
    role(name) == Role::Kernel
        || PASSED_OVER
            .split_ascii_whitespace()
            .any(|known| known.eq_ignore_ascii_case(name))
}

/// The stack that is followed up: with 0x9F and 4 that of the thread which holds up Plug and Play.
fn followed<'a>(facts: &Facts<'a>) -> Option<&'a Stack> {
    let [case, _, thread, _] = facts.parameters;
    let held = |stack: &&Stack| {
        let walked = !stack.frames.is_empty() && stack.thread.is_some_and(|at| at.0 == thread);
        facts.plain_code() == 0x9F && case == 4 && walked
    };
    facts.stacks.iter().find(held).or(facts.stack)
}

/// The place to follow up, `None` where the dump shows none.
pub(super) fn follow_up(facts: &Facts<'_>) -> Option<FollowUp> {
    // SYSTEM_EXIT_OWNED_MUTEX: the first parameter is the work that was left in a bad state.
    if facts.plain_code() == 0x39 {
        let found = at(facts, facts.parameters[0]);
        if found.as_ref().is_some_and(|f| f.function.is_some()) {
            return found;
        }
    }
    let verdict = facts.blame();
    // The scheduler of graphics is filed itself, whichever maker's driver it waited for.
    let named = verdict.named().filter(|_| facts.plain_code() != 0x119);
    let mut found = match named {
        Some(blame) => Some(of_module(facts, &blame.module)),
        None => scheduler(facts).or_else(|| solid_frame(facts)).or_else(|| {
            let (address, _, _) = code_address(facts.plain_code(), &facts.parameters)?;
            at(facts, address)
        }),
    };
    let shown = followed(facts).zip(facts.stack);
    if shown.is_some_and(|(followed, shown)| !core::ptr::eq(followed, shown)) {
        // Frames are counted on the stack that is shown.
        found = found.map(|found| FollowUp {
            frame: None,
            ..found
        });
    }
    found
}

/// Where `address` is.
fn at(facts: &Facts<'_>, address: u64) -> Option<FollowUp> {
    let module = facts.modules.find(VirtualAddress(address))?;
    let named = facts
        .names
        .and_then(|names| names.function(VirtualAddress(address)));
    let (function, offset) = match named {
        Some((name, offset)) => (Some(name), offset),
        None => (None, address.wrapping_sub(module.base.0)),
    };
    Some(FollowUp {
        module: symbol_stem(&module.name),
        image: module.name.clone(),
        function,
        offset,
        address: Some(address),
        frame: None,
    })
}

fn of_frame(index: usize, frame: &Frame) -> Option<FollowUp> {
    let image = frame.module.as_deref()?;
    Some(FollowUp {
        module: symbol_stem(image),
        image: image.into(),
        function: frame.symbol.clone(),
        offset: frame.offset.map_or(0, |offset| offset.0),
        address: Some(frame.address.0),
        frame: u32::try_from(index).ok(),
    })
}

/// The place in the module called `name`: the one at fault, else its innermost frame.
fn of_module(facts: &Facts<'_>, name: &str) -> FollowUp {
    let same = |other: &str| other.eq_ignore_ascii_case(name);
    let parameter = code_address(facts.plain_code(), &facts.parameters);
    let fault = parameter
        .map(|(address, _, _)| address)
        .or_else(|| facts.exception.map(|exception| exception.address.0))
        .and_then(|address| at(facts, address))
        .filter(|found| same(&found.image));
    let frames = followed(facts).map_or(&[][..], |stack| &stack.frames);
    let framed = frames
        .iter()
        .enumerate()
        .find(|(_, frame)| frame.module.as_deref().is_some_and(same))
        .and_then(|(index, frame)| {
            let solid = frame.confidence > Confidence::Possible;
            Some((of_frame(index, frame)?, solid))
        });
    match (fault, framed) {
        // The same place with the frame's number and name, or a frame that was walked to.
        (Some(fault), Some((framed, solid))) => {
            if solid || framed.address == fault.address {
                framed
            } else {
                fault
            }
        }
        (None, Some((framed, _))) => framed,
        (Some(fault), None) => fault,
        (None, None) => FollowUp {
            module: symbol_stem(name),
            image: name.into(),
            ..FollowUp::default()
        },
    }
}

/// The scheduler of graphics, which raises 0x119 itself, behind what it writes its log with.
fn scheduler(facts: &Facts<'_>) -> Option<FollowUp> {
    let frames = &facts.stack.filter(|_| facts.plain_code() == 0x119)?.frames;
    let its = |frame: &Frame| {
        let name = frame.module.as_deref().unwrap_or_default();
        let start = name.get(..6);
        start.is_some_and(|start| start.eq_ignore_ascii_case("dxgmms"))
    };
    let (index, frame) = frames.iter().enumerate().find(|(_, frame)| its(frame))?;
    of_frame(index, frame)
}

/// The first frame of somebody who is not passed over, and of a device's driver before what serves all
/// of them; where there is none, the first of the
/// kernel that does more than carry the fault. Frames that are a guess do not count.
fn solid_frame(facts: &Facts<'_>) -> Option<FollowUp> {
    let frames = followed(facts).map_or(&[][..], |stack| &stack.frames);
    let solid = || {
        frames
            .iter()
            .enumerate()
            .filter(|(_, frame)| frame.confidence > Confidence::Possible)
    };
    let owned = |by: fn(&str) -> bool| {
        solid().find(move |(_, frame)| frame.module.as_deref().is_some_and(by))
    };
    let gives_way = |(_, frame): &(usize, &Frame)| {
        let name = frame.module.as_deref().unwrap_or_default();
        GIVES_WAY.iter().any(|one| one.eq_ignore_ascii_case(name))
    };
    let other = owned(|name| !passed_over(name));
    let behind =
        || owned(|name| is_driver(name) && matches!(role(name), Role::Other | Role::Windows));
    let other = match other {
        Some(found) if gives_way(&found) => behind().or(Some(found)),
        other => other,
    };
    // Without names, what carried a fault to the bug check stands before the trap frame.
    let trap = solid()
        .find(|(_, frame)| frame.how == How::TrapFrame && frame.confidence == Confidence::Certain);
    let trap = trap.map_or(0, |(index, _)| index);
    let kernel = || {
        solid().find(|(index, frame)| {
            let carries = |name: &str| CARRIERS.contains(&name);
            let named = frame.symbol.as_deref();
            frame.module.is_some() && named.map_or(*index >= trap, |name| !carries(name))
        })
    };
    let (index, frame) = other.or_else(kernel)?;
    of_frame(index, frame)
}
