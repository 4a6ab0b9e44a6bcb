//! Which instruction faulted, and what was in its registers.
//!
//! Sources: the first parameters of the page-fault stop codes and the information of an access
//! violation, in Microsoft's bug check reference. A trap frame of x64 keeps the registers that a call
//! may change and RBP; those that calls keep are found by unwinding from the stop to the trap.

use super::super::registers::trap_frame_of;
use super::Live;
use super::effect;
use crate::image::Image;
use crate::memory::{AddressSpaceExt, VirtualAddress};
use crate::model::{Frame, How};
use crate::nt::exception::plain_stop_code;
use crate::nt::{Architecture, Context};
use crate::stack::{Registers, cursor};
use crate::symbols::Instruction;
use alloc::{format, string::String, string::ToString, vec::Vec};

/// Frames between the stop and the trap that are unwound.
const MAX_STEPS: usize = 32;
/// Access violation (NTSTATUS).
const ACCESS_VIOLATION: u32 = 0xC000_0005;
/// What a trap frame of x64 keeps for sure.
const KEPT: [&str; 9] = ["rax", "rcx", "rdx", "r8", "r9", "r10", "r11", "rsp", "rbp"];
/// The registers that calls keep, with their numbers in unwind data.
const CALLS_KEEP: [(&str, u8); 7] = [
    ("rbx", 3),
    ("rsi", 6),
    ("rdi", 7),
    ("r12", 12),
    ("r13", 13),
    ("r14", 14),
    ("r15", 15),
];

/// An instruction that faulted.
#[derive(Clone, Debug, Default)]
pub(in crate::console) struct Fault {
    pub at: u64,
    /// Its registers, as far as they are known.
    pub registers: Vec<(String, u64)>,
    /// Where they come from.
    pub source: String,
    pub trap_frame: Option<u64>,
    /// The address that it touched, as the stop code or the exception reports it.
    pub touched: Option<u64>,
}

/// What a trap frame keeps, where it is in the dump.
pub(in crate::console) fn trap_context(live: &Live<'_>, at: u64) -> Option<Context> {
    let architecture = live.architecture()?;
    let place = VirtualAddress(at);
    let len = Context::trap_frame_len(architecture)?;
    let bytes = live.space().bytes(place, len).ok()?;
    Context::from_trap_frame(architecture, &bytes, place)
}

/// The registers at a trap that the dump tells: what the trap frame keeps for sure, and on x64 what
/// calls keep, where `fault` has them unwound.
pub(in crate::console) fn at_trap(context: &Context, fault: Option<&Fault>) -> Vec<(String, u64)> {
    let mut all = named(context);
    if context.architecture == Architecture::X64 {
        let sure = |name: &str| KEPT.contains(&name) || ["rip", "efl", "cs", "ss"].contains(&name);
        all.retain(|(name, _)| sure(name));
        let unwound = fault.map_or(&[][..], |fault| &fault.registers);
        let more = unwound.iter().filter(|(name, _)| !sure(name));
        all.extend(more.cloned());
    }
    all
}

fn named(context: &Context) -> Vec<(String, u64)> {
    let all = context.registers.iter();
    all.map(|one| (one.name.to_string(), one.value.0)).collect()
}

impl Fault {
    pub(in crate::console) fn find(live: &Live<'_>) -> Option<Self> {
        let report = live.report;
        let exception = || Some(report.exception.as_ref()?.address.0);
        let at = |at| Self {
            at,
            ..Self::default()
        };
        let mut found = Self::of_stack(live)
            .or_else(|| exception().map(at))
            .or_else(|| reported(live).map(at))?;
        found.touched = touched(live);
        Some(found)
    }

    fn of_stack(live: &Live<'_>) -> Option<Self> {
        let stack = live.report.stack.as_ref()?;
        let first = stack.frames.first()?;
        let own = || {
            let all = stack.registers.iter();
            all.map(|one| (one.name.to_string(), one.value.0)).collect()
        };
        if first.how == How::Exception {
            return Some(Self {
                at: first.address.0,
                registers: own(),
                source: "the context record of the exception".into(),
                ..Self::default()
            });
        }
        let trap = stack
            .frames
            .iter()
            .find(|frame| frame.how == How::TrapFrame);
        if let Some(trap) = trap {
            return Some(Self::of_trap(live, trap));
        }
        // A stop without a trap: the code that asked for it is not at fault.
        let asked = stack.bug_check || first.symbol.as_deref() == Some("KeBugCheckEx");
        let exception = live.report.exception.is_some();
        (!asked && !exception).then(|| Self {
            at: first.address.0,
            registers: own(),
            source: "the processor's registers".into(),
            ..Self::default()
        })
    }

    fn of_trap(live: &Live<'_>, trap: &Frame) -> Self {
        let mut found = Self {
            at: trap.address.0,
            ..Self::default()
        };
        let Some(architecture) = live.architecture() else {
            return found;
        };
        let x64 = architecture == Architecture::X64;
        let Some(at) = trap_frame_of(trap, x64) else {
            return found;
        };
        let context =
            trap_context(live, at).filter(|context| context.instruction_pointer.0 == found.at);
        let Some(context) = context else {
            return found;
        };
        found.trap_frame = Some(at);
        found.source = format!("the trap frame at {}", live.address(at));
        found.registers = named(&context);
        if x64 {
            found
                .registers
                .retain(|(name, _)| KEPT.contains(&name.as_str()));
            let unwound = unwound(live, found.at).unwrap_or_default();
            if !unwound.is_empty() {
                found.source.push_str(", the others unwound from the stop");
            }
            found.registers.extend(unwound);
        }
        found
    }

    pub(in crate::console) fn register(&self, name: &str) -> Option<u64> {
        let found = self.registers.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| *value)
    }

    /// What the instruction was doing, in sentences.
    pub(super) fn effects(
        &self,
        live: &Live<'_>,
        instruction: Option<&Instruction>,
    ) -> Vec<String> {
        instruction.map_or(Vec::new(), |one| effect::sentences(self, live, one))
    }
}

/// The registers that calls keep, at the trap: unwound from the registers of the stop.
fn unwound(live: &Live<'_>, at: u64) -> Option<Vec<(String, u64)>> {
    let small = live.minidump().and_then(|dump| dump.crash_context());
    let paged = || {
        live.paged()
            .and_then(|dump| dump.current.crash_context(dump))
    };
    let registers = Registers::from(small.or_else(paged)?);
    let mut cursor = cursor(live.architecture()?, &registers)?;
    let space = live.space();
    let space = live.modules().over(&space, live.files());
    for _ in 0..MAX_STEPS {
        if cursor.pc == at && cursor.exact {
            let kept = CALLS_KEEP.iter();
            let kept = kept.filter_map(|(name, number)| Some((*name, cursor.get(*number)?)));
            return Some(kept.map(|(name, value)| (name.into(), value)).collect());
        }
        let module = live.modules().find(VirtualAddress(cursor.pc))?;
        let image = Image::open(&space, module.base).ok()?;
        image.unwind(&mut cursor).ok()?;
    }
    None
}

/// The instruction that a stop code names among its parameters, where it lies in a module.
fn reported(live: &Live<'_>) -> Option<u64> {
    let bugcheck = live.report.bugcheck.as_ref()?;
    let number = match plain_stop_code(bugcheck.code) {
        0x0A | 0xD1 | 0xBE => 3,
        0x50 | 0xD5 => 2,
        0x1E | 0x7E | 0x8E | 0x3B => 1,
        _ => return None,
    };
    let at = bugcheck.parameters.get(number)?.value.0;
    live.modules().find(VirtualAddress(at)).map(|_| at)
}

/// The address that was touched: where the exception or the stop code reports one.
fn touched(live: &Live<'_>) -> Option<u64> {
    let report = live.report;
    let of_exception = report.exception.as_ref().and_then(|exception| {
        let access = exception.code == ACCESS_VIOLATION;
        exception
            .information
            .get(1)
            .filter(|_| access)
            .map(|at| at.0)
    });
    let bugcheck = report.bugcheck.as_ref();
    let of_stop = || {
        let bugcheck = bugcheck?;
        let first = matches!(
            plain_stop_code(bugcheck.code),
            0x0A | 0x50 | 0xBE | 0xCC | 0xCD | 0xCE | 0xD0 | 0xD1 | 0xD5 | 0xFC
        );
        bugcheck
            .parameters
            .first()
            .filter(|_| first)
            .map(|one| one.value.0)
    };
    // For a fault that names no address the processor leaves all bits set.
    of_exception.or_else(of_stop).filter(|&at| at != u64::MAX)
}
