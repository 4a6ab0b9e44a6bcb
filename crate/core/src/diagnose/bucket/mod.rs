//! The failure bucket: under which name the debugger would file this stop, and its hash.
//!
//! A bucket is no verdict. The debugger follows up the first frame whose owner it does not pass
//! over; where blame has named somebody, that is taken instead, and where the stack is a guess and
//! nobody is named, nothing is claimed but the code. Sources: published outputs of `!analyze -v`
//! (windows-driver-docs, CC-BY-4.0; InsightEngineering); the grammar is written down in
//! `docs/blame.md`.

mod follow;
mod grammar;
mod hash;

#[cfg(test)]
mod cases;
#[cfg(test)]
mod published;
#[cfg(test)]
mod tests;

pub use hash::failure_hash;

use super::facts::Facts;
use super::objects::Objects;
use crate::knowledge::bugcheck::{ParameterKind, parameters};
use crate::knowledge::driver;
use crate::model::{Confidence, Failure, Hex, How};
use alloc::{format, string::String};
use follow::{FollowUp, follow_up, symbol_stem};
use grammar::{NEW_FORM_FROM, Rest, Stem, access, stem};

/// What the debugger says where a function has no name.
const UNKNOWN_FUNCTION: &str = "unknown_function";
/// The module that the debugger names then.
const POOL_CORRUPTION: &str = "Pool_Corruption";
/// How far into KTRAP_FRAME of x64 the instruction pointer is, which frames are found by (the
/// layout is the same from 6.0 to 26100).
const TRAP_FRAME_TO_RIP: u64 = 0x168;

/// How the debugger would file this stop. Versions and link times of images are left to the
/// caller, who knows them.
#[must_use]
pub fn failure(facts: &Facts<'_>) -> Failure {
    let stem = stem(facts);
    let follow = match apart_from_the_stack(facts) {
        // What stands on the stack has no part in it.
        Some(part) => part,
        None => dump_driver(facts, &stem).or_else(|| follow_up(facts)),
    };
    let old = facts.build.is_some_and(|build| build < NEW_FORM_FROM);
    let used = access(facts);
    let mut failure = Failure {
        default_bucket_id: Some(default_bucket(facts)),
        irql: irql(facts),
        trap_frame: trap_frame(facts).map(Hex),
        exception_record: record(facts).map(Hex),
        context: context(facts).map(Hex),
        accessed: used.map(|(address, _)| Hex(address)),
        access: used.map(|(_, access)| access.word()),
        confidence: sure(facts, &stem, follow.as_ref()),
        ..Failure::default()
    };
    if let Some(follow) = &follow {
        failure.address = follow.address.map(Hex);
        failure.frame = follow.frame;
        failure.function_offset = follow.address.map(|_| Hex(follow.offset));
        failure.symbol_name = Some(symbol_name(follow));
        failure.module_name = Some(follow.module.clone());
        failure.image_name = Some(follow.image.clone());
    }
    if pool_damage(facts, follow.as_ref()) {
        failure.module_name = Some(POOL_CORRUPTION.into());
        failure.image_name = Some(POOL_CORRUPTION.into());
    }
    failure.bucket_id = bucket(facts, &stem, follow.as_ref(), old);
    failure.hash = failure.bucket_id.as_deref().map(failure_hash);
    failure.bugcheck_str = stem.text;
    failure
}

/// Whether nobody but the pool itself is on the stack with a code of damaged pool.
fn pool_damage(facts: &Facts<'_>, follow: Option<&FollowUp>) -> bool {
    const POOL: [&str; 3] = ["ExFreePool", "ExAllocatePool", "ExDeferredFreePool"];
    let function = follow.filter(|follow| follow.module == "nt");
    let function = function.and_then(|follow| follow.function.as_deref());
    matches!(facts.plain_code(), 0x19 | 0xC2 | 0xC5)
        && function.is_some_and(|name| POOL.iter().any(|start| name.starts_with(start)))
}

/// `module!function+12`, `module+12`.
fn symbol_name(follow: &FollowUp) -> String {
    let FollowUp { module, offset, .. } = follow;
    match (&follow.function, follow.address) {
        (Some(function), _) => format!("{module}!{function}+{offset:x}"),
        (None, Some(_)) => format!("{module}+{offset:x}"),
        (None, None) => module.clone(),
    }
}

fn bucket(facts: &Facts<'_>, stem: &Stem, follow: Option<&FollowUp>, old: bool) -> Option<String> {
    let x64 = facts.architecture == Some(crate::nt::Architecture::X64);
    let prefix = if old && x64 {
        "X64_"
    } else if facts.kept_running() {
        "LKD_"
    } else {
        ""
    };
    let start = format!("{prefix}{}{}", stem.text, stem.infix);
    let follow = match (stem.rest, follow) {
        (Rest::Nothing, _) => return Some(start),
        (Rest::Inconclusive, _) => {
            return Some(format!("{start}_ANALYSIS_INCONCLUSIVE!{UNKNOWN_FUNCTION}"));
        }
        (_, None) => return None,
        (_, Some(follow)) => follow,
    };
    let FollowUp { module, image, .. } = follow;
    Some(match (stem.rest, &follow.function) {
        (Rest::Image, _) => format!("{start}_IMAGE_{image}"),
        (Rest::DumpDriver, _) if module.starts_with("DUMP_") => format!("{start}_{module}"),
        (_, Some(function)) if old => format!("{start}_{module}!{function}+{:x}", follow.offset),
        (_, Some(function)) => format!("{start}_{module}!{function}"),
        (_, None) if old => format!("{start}_{module}+{:x}", follow.offset),
        (_, None) => format!("{start}_{module}!{UNKNOWN_FUNCTION}"),
    })
}

/// The miniport that the second copy for the dump goes through, where exactly one does. Seen once:
/// `0x7a_c0000185_DUMP_VIOSTOR` with the image viostor.sys.
fn dump_driver(facts: &Facts<'_>, stem: &Stem) -> Option<FollowUp> {
    const NOT_MINIPORTS: [&str; 5] = [
        "dump_diskdump.sys",
        "dump_dumpfve.sys",
        "dump_storport.sys",
        "dump_dumpstorport.sys",
        "dump_atapi.sys",
    ];
    if stem.rest != Rest::DumpDriver {
        return None;
    }
    let copies = facts.modules.as_slice().iter().filter_map(|module| {
        let name = module.name.to_ascii_lowercase();
        let other = !NOT_MINIPORTS.contains(&name.as_str());
        let original = name.strip_prefix("dump_")?;
        other.then(|| String::from(original))
    });
    let mut copies = copies;
    let (first, second) = (copies.next()?, copies.next());
    second.is_none().then(|| FollowUp {
        module: format!("DUMP_{}", symbol_stem(&first).to_ascii_uppercase()),
        image: first,
        ..FollowUp::default()
    })
}

/// What is filed under something else than a frame of the stack: the debugger names the processor's
/// maker, or the memory, or the driver of the bus below the device.
fn apart_from_the_stack(facts: &Facts<'_>) -> Option<Option<FollowUp>> {
    let (module, image) = match facts.plain_code() {
        0x80 | 0x9C | 0x124 => match facts.processor_maker() {
            Some(maker) => (maker, format!("{maker}.sys")),
            None => return Some(None),
        },
        // What the stack shows is the watchdog.
        0x101 | 0x109 => return Some(None),
        0x9F if facts.parameters[0] == 3 => {
            let objects = Objects::new(facts);
            let below = objects.and_then(|objects| objects.device(facts.parameters[1]));
            return Some(below.map(|below| FollowUp {
                module: symbol_stem(&below.module),
                image: below.module,
                ..FollowUp::default()
            }));
        }
        _ if facts.lone_bit() => ("hardware", "memory_corruption".into()),
        _ => return None,
    };
    Some(Some(FollowUp {
        module: module.into(),
        image,
        ..FollowUp::default()
    }))
}

/// The debugger files a driver without public symbols under `unknown_function` too; of Microsoft's
/// it knows the function.
fn sure(facts: &Facts<'_>, stem: &Stem, follow: Option<&FollowUp>) -> Confidence {
    let whole = match follow {
        _ if matches!(stem.rest, Rest::Nothing | Rest::Inconclusive) => true,
        None => false,
        Some(follow) => {
            let guess = follow
                .frame
                .and_then(|at| facts.stack?.frames.get(at as usize))
                .is_some_and(|frame| frame.confidence == Confidence::Possible);
            (follow.function.is_some() || !driver::is_microsoft(&follow.image)) && !guess
        }
    };
    if stem.seen && whole {
        Confidence::Likely
    } else {
        Confidence::Possible
    }
}

/// DEFAULT_BUCKET_ID, by the target's version; the engine never learned another word for
/// Windows 10.
fn default_bucket(facts: &Facts<'_>) -> &'static str {
    match (facts.plain_code(), facts.parameters[0]) {
        (0x139, 3) => return "LIST_ENTRY_CORRUPT",
        (0x139, _) => return "FAIL_FAST",
        (0x116, _) => return "GRAPHICS_DRIVER_TDR_FAULT",
        (0x117, _) => return "GRAPHICS_DRIVER_TDR_TIMEOUT",
        _ => {}
    }
    match facts.build {
        Some(..6000) => "DRIVER_FAULT",
        Some(6000..7600) => "VISTA_DRIVER_FAULT",
        Some(7600..9200) => "WIN7_DRIVER_FAULT",
        _ => "WIN8_DRIVER_FAULT",
    }
}

/// The interrupt level: a parameter of the stop code, else what the processor had when the stop was
/// called for.
fn irql(facts: &Facts<'_>) -> Option<u32> {
    let texts = parameters(facts.code, facts.parameters);
    let mut told = facts.parameters.into_iter().zip(&texts);
    let told = told.find(|(level, text)| text.kind == ParameterKind::Irql && *level < 0x20);
    let level = told.and_then(|(level, _)| u32::try_from(level).ok());
    level.or(facts.interrupt_level.map(u32::from))
}

/// The trap frame: named by the stop code, or found on the stack.
fn trap_frame(facts: &Facts<'_>) -> Option<u64> {
    match facts.plain_code() {
        0x139 => return Some(facts.parameters[1]).filter(|&at| at != 0),
        0x8E => return Some(facts.parameters[2]).filter(|&at| at != 0),
        _ => {}
    }
    // On x64 the part that the processor wrote was found.
    let back = match facts.architecture? {
        crate::nt::Architecture::X64 => TRAP_FRAME_TO_RIP,
        _ => 0,
    };
    let frames = &facts.stack?.frames;
    let trap = frames
        .iter()
        .find(|frame| frame.how == How::TrapFrame && frame.confidence > Confidence::Possible)?;
    trap.stack_pointer?.0.checked_sub(back)
}

fn record(facts: &Facts<'_>) -> Option<u64> {
    let at = match facts.plain_code() {
        0x139 | 0x7E => facts.parameters[2],
        0x24 | 0x12C => facts.parameters[1],
        _ => 0,
    };
    (at != 0).then_some(at)
}

fn context(facts: &Facts<'_>) -> Option<u64> {
    let at = match facts.plain_code() {
        0x7E => facts.parameters[3],
        0x3B | 0x24 | 0x12C => facts.parameters[2],
        _ => 0,
    };
    (at != 0).then_some(at)
}
