//! How a stop code and its parameters begin a bucket: BUGCHECK_STR, and what stands between it and
//! the symbol.
//!
//! Rules marked "seen" follow published outputs of the debugger; for the others the form is the
//! general one, and whoever asks hears that it is only possible. Names of fast-fail codes: winnt.h
//! (Windows SDK). `docs/blame.md` has the grammar.

use super::super::codes::CodeAddress;
use super::super::codes::code_address;
use super::super::facts::Facts;
use super::super::objects::Objects;
use super::follow::symbol_stem;
use crate::diagnose::hardware::section;
use crate::knowledge::bugcheck;
use crate::memory::VirtualAddress;
use alloc::{format, string::String};

/// What follows the beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rest {
    /// `_module!function`.
    Symbol,
    /// `_IMAGE_file`.
    Image,
    /// Nothing.
    Nothing,
    /// `_ANALYSIS_INCONCLUSIVE`.
    Inconclusive,
    /// `_DUMP_DRIVER`: the miniport that wrote the dump, where only one did.
    DumpDriver,
}

/// How a bucket begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stem {
    /// BUGCHECK_STR.
    pub text: String,
    /// What stands between it and the symbol, with its underscore.
    pub infix: String,
    pub rest: Rest,
    /// Whether published outputs show this form.
    pub seen: bool,
}

/// Buckets of systems before Windows 8 keep an older form.
pub(super) const NEW_FORM_FROM: u32 = 9200;
const ACCESS_VIOLATION: u64 = 0xC000_0005;
/// Statuses of a page that could not be read which the debugger puts down to the disk.
const DISK_STATUS: &[u64] = &[0xC000_000E, 0xC000_009C, 0xC000_009D, 0xC000_0185];

/// How memory was used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    Read,
    Write,
    Execute,
}

impl Access {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Execute => "execute",
        }
    }

    /// As processors and Windows before and after 1507 encode it.
    fn of(value: u64) -> Self {
        match value {
            8 => Self::Execute,
            value if value & 0x10 != 0 => Self::Execute,
            value if value & 3 != 0 => Self::Write,
            _ => Self::Read,
        }
    }
}

/// Which address was used, and how, where the code says so.
pub(super) fn access(facts: &Facts<'_>) -> Option<(u64, Access)> {
    let p = facts.parameters;
    match facts.plain_code() {
        0x0A | 0xCE | 0xD1 => Some((p[0], Access::of(p[2]))),
        0x50 => Some((p[0], Access::of(p[1]))),
        _ => {
            let exception = facts.exception.filter(|e| e.code == 0xC000_0005)?;
            let [kind, address, ..] = exception.information.as_slice() else {
                return None;
            };
            let access = if kind.0 == 8 {
                Access::Execute
            } else {
                Access::of(kind.0)
            };
            Some((address.0, access))
        }
    }
}

/// How the bucket of this stop begins.
pub(super) fn stem(facts: &Facts<'_>) -> Stem {
    let old = facts.build.is_some_and(|build| build < NEW_FORM_FROM);
    let mut stem = by_code(facts, old);
    let verifier = facts.plain_code() == 0xC4 || facts.verifier_level.is_some_and(|l| l != 0);
    if verifier && stem.rest == Rest::Symbol {
        stem.infix.push_str("_VRF");
    }
    stem
}

fn seen(text: String) -> Stem {
    Stem {
        text,
        infix: String::new(),
        rest: Rest::Symbol,
        seen: true,
    }
}

fn guessed(text: String) -> Stem {
    Stem {
        seen: false,
        ..seen(text)
    }
}

fn by_code(facts: &Facts<'_>, old: bool) -> Stem {
    let (code, p) = (facts.plain_code(), facts.parameters);
    let status = p[0] & 0xFFFF_FFFF;
    match code {
        0x0A | 0xD1 if !old => access_violation(facts),
        0x50 if !old => page_fault(facts),
        0x7E if !old && status == ACCESS_VIOLATION => access_violation(facts),
        0x1E | 0x3B | 0x8E if !old && status == ACCESS_VIOLATION => {
            let stem = access_violation(facts);
            let seen = stem.seen && code != 0x8E;
            Stem { seen, ..stem }
        }
        0x7E if !old => seen(format!("0x7E_{status:X}")),
        // Published with 0x3B: 0x3B_C0000006_VRF_nt!HvpGetCellPaged.
        0x1E | 0x3B | 0x8E if !old => Stem {
            seen: code == 0x3B,
            ..seen(format!("0x{code:X}_{status:X}"))
        },
        0x0A | 0xD1 => old_fault(facts),
        0x20 => apc(p),
        0x7A | 0x77 => in_page(code, p),
        0x1A if p[0] == 0x3F => Stem {
            rest: Rest::Nothing,
            ..seen("PAGE_HASH_ERRORS_0x1a_3f".into())
        },
        0x116 | 0x117 | 0x141 | 0xEA => Stem {
            rest: Rest::Image,
            seen: code != 0xEA,
            ..seen(format!("0x{code:X}"))
        },
        // A service that Windows needs: what could not be loaded is not among the parameters.
        0x5A => Stem {
            rest: Rest::Image,
            ..guessed(format!("0x5A_{:x}", p[3] & 0xFFFF_FFFF))
        },
        0x139 => fast_fail(p[0]),
        0x153 => lock_entry(p[2]),
        0xC4 => verifier_rule(facts),
        0x1A if facts.lone_bit() => Stem {
            rest: Rest::Nothing,
            ..seen("MEMORY_CORRUPTION_ONE_BIT".into())
        },
        0x80 | 0x9C | 0x124 => hardware(facts, code),
        0x9F => power(facts),
        0xEF => critical_process(facts),
        0x101 => Stem {
            rest: Rest::Inconclusive,
            ..guessed(processors(facts))
        },
        0x119 => scheduler(p[0]),
        0x109 => Stem {
            rest: Rest::Inconclusive,
            ..seen(format!("0x109_{:x}", p[3]))
        },
        _ => by_parameter(code, p),
    }
}

/// Codes that a parameter tells apart, and those that none does.
fn by_parameter(code: u32, p: [u64; 4]) -> Stem {
    match code {
        0x7F => seen(format!("0x7f_{:x}", p[0])),
        0x133 if p[0] <= 1 => seen(format!("0x133_{}", ["DPC", "ISR"][p[0] as usize])),
        0x4E => seen(format!("0x4E_{:x}", p[0])),
        0x19 | 0x1A | 0x13A => seen(format!("0x{code:x}_{:x}", p[0])),
        0xC5 => seen(format!("0xC5_{:x}", p[1])),
        0xCA => seen(format!("0xCA_{:x}", p[0])),
        0x10E | 0x144 => guessed(format!("0x{code:x}_{:x}", p[0])),
        0x10D => seen(format!("0x10D_{:x}", p[0])),
        0xC2 if p[0] == 7 => double_free(p),
        0xC2 => seen(format!("0xc2_{:x}", p[0])),
        0xC9 | 0xE6 => guessed(format!("0x{code:x}_{:x}", p[0])),
        // The one parameter that is written in decimal, and after a live dump's beginning.
        0x1A8 => seen(format!("0x1A8_{}", p[0])),
        0x1CC => seen("0x1cc_EXRESOURCE_TIMEOUT_OWNERTHREAD".into()),
        // Seen with 0x39, 0x13C, 0xE3, 0x162 and, in the old form, 0x7E.
        _ => seen(format!("0x{code:X}")),
    }
}

/// An access violation: what was executed counts, not what was read or written.
fn access_violation(facts: &Facts<'_>) -> Stem {
    let mut stem = seen("AV".into());
    let Some((address, Access::Execute)) = access(facts) else {
        return stem;
    };
    let executed = code_address(facts.plain_code(), &facts.parameters)
        .filter(|(_, _, what)| *what == CodeAddress::Instruction)
        .map(|(at, _, _)| at);
    if executed.is_some_and(|at| at != address) {
        return stem;
    }
    let (kind, known) = match address {
        0 => ("NULL_IP", false),
        _ if facts.modules.find(VirtualAddress(address)).is_some() => ("PAGED_IP", true),
        _ => ("BAD_IP", true),
    };
    stem.infix = format!("_CODE_AV_{kind}");
    stem.seen = known;
    stem
}

/// PAGE_FAULT_IN_NONPAGED_AREA: the access. What follows had been a word about the page (`INVALID` in
/// outputs of 2018 and 2019); engines from 2023 on print that they have none, whatever the fourth
/// parameter says.
fn page_fault(facts: &Facts<'_>) -> Stem {
    let (letter, known) = match access(facts) {
        Some((_, Access::Write)) => ('W', true),
        Some((_, Access::Execute)) => ('X', false),
        _ => ('R', true),
    };
    Stem {
        infix: format!("_{letter}_(null)"),
        seen: known,
        ..seen("AV".into())
    }
}

/// A block that was freed twice: by the tag that it had, where that can be read.
fn double_free(p: [u64; 4]) -> Stem {
    let tag = (p[1] as u32).to_le_bytes();
    let plain = tag.iter().all(u8::is_ascii_graphic);
    let text: String = tag.iter().map(|&byte| char::from(byte)).collect();
    // The form of BUGCHECK_STR in an output of 2015; no newer one was found.
    guessed(match plain {
        true => format!("0xc2_7_{text}"),
        false => "0xc2_7".into(),
    })
}

/// A fault at a raised interrupt level as older systems file it.
fn old_fault(facts: &Facts<'_>) -> Stem {
    let mut stem = seen(format!("0x{:X}", facts.plain_code()));
    // Windows 7 is filed without it.
    let first = facts.build.is_some_and(|build| build < 6000);
    if let Some((_, Access::Write)) = access(facts).filter(|_| first) {
        stem.infix.push_str("_W");
    }
    stem
}

/// A thread that ended with its APCs disabled: whether one was pending, and the way the count is off.
fn apc(p: [u64; 4]) -> Stem {
    let count = p[1] as u16 as i16;
    if p[0] != 0 || count == 0 {
        return guessed("0x20".into());
    }
    if count > 0 {
        return guessed("0x20_NULLAPC_KAPC_POSITIVE".into());
    }
    seen("0x20_NULLAPC_KAPC_NEGATIVE".into())
}

/// A page that could not be read: filed under the status, and for statuses of a disk under the
/// driver that reaches it.
fn in_page(code: u32, p: [u64; 4]) -> Stem {
    let status = if code == 0x7A { p[1] } else { p[0] } & 0xFFFF_FFFF;
    let rest = if DISK_STATUS.contains(&status) {
        Rest::DumpDriver
    } else {
        Rest::Symbol
    };
    Stem {
        rest,
        seen: code == 0x7A,
        ..seen(format!("0x{code:x}_{status:x}"))
    }
}

/// The hardware reported it: filed under the processor's maker and the section that the record is
/// about.
fn hardware(facts: &Facts<'_>, code: u32) -> Stem {
    let case = facts.parameters[0];
    let number = match code {
        0x124 => format!("0x124_{case}"),
        _ => format!("0x{code:X}_{case:X}"),
    };
    let Some(maker) = facts.processor_maker() else {
        return guessed(number);
    };
    let section = facts.hardware.map_or("_NOERRREC", section);
    Stem {
        infix: format!("{section}_IMAGE_{maker}.sys"),
        rest: Rest::Nothing,
        // Seen with these, and with a processor's sections only in older forms.
        seen: matches!(section, "__UNKNOWN" | "_NOERRREC"),
        ..seen(format!("{number}_{maker}"))
    }
}

/// A request for power that did not end: filed under who held it, and the driver of the bus below;
/// where neither can be read, under nothing more.
fn power(facts: &Facts<'_>) -> Stem {
    let stem = seen(format!("0x9F_{:x}", facts.parameters[0]));
    if facts.parameters[0] != 3 {
        return stem;
    }
    let objects = Objects::new(facts);
    let objects = objects.as_ref();
    let holder = objects.and_then(|objects| objects.irp_holder(facts.parameters[3]));
    let Some(below) = objects.and_then(|objects| objects.device(facts.parameters[1])) else {
        return Stem {
            rest: Rest::Nothing,
            ..stem
        };
    };
    let holder = holder.filter(|holder| holder.module != below.module);
    // Below ACPI the debugger names the device too, which is not read.
    let known = holder.is_some() && !below.module.eq_ignore_ascii_case("acpi.sys");
    let holder = holder.map(|holder| format!("_{}", symbol_stem(&holder.module)));
    Stem {
        infix: holder.unwrap_or_default(),
        rest: Rest::Image,
        seen: known,
        ..stem
    }
}

/// The process, and the lower half of the address of the thread that ended it.
fn critical_process(facts: &Facts<'_>) -> Stem {
    let stack = facts.stack.filter(|_| facts.parameters[1] == 0);
    let own = stack.and_then(|stack| stack.process).map(|at| at.0) == Some(facts.parameters[0]);
    let thread = stack.and_then(|stack| stack.thread).filter(|_| own);
    match facts.process_name.zip(thread) {
        Some((name, thread)) => Stem {
            infix: format!(
                "_{name}_BUGCHECK_CRITICAL_PROCESS_{:x}",
                thread.0 & 0xFFFF_FFFF
            ),
            ..seen("0xEF".into())
        },
        None => guessed("0xEF".into()),
    }
}

fn processors(facts: &Facts<'_>) -> String {
    match facts.processors {
        Some(count) => format!("CLOCK_WATCHDOG_TIMEOUT_{count:x}_PROC"),
        None => "CLOCK_WATCHDOG_TIMEOUT".into(),
    }
}

/// What the scheduler of graphics found wrong, by number and name. Published with 2 and A000; the other names
/// are those of Microsoft's page on the code (windows-driver-docs, CC-BY-4.0).
fn scheduler(case: u64) -> Stem {
    let name = match case {
        1 => "_DRIVER_REPORTED_INVALID_FENCE_ID",
        2 => "_DRIVER_FAILED_SUBMIT_COMMAND",
        3 => "_DRIVER_FAILED_PATCH_COMMAND",
        4 => "_DRIVER_INVALID_FLIPQUEUE_LENGTH",
        5 => "_DRIVER_FAULTED_SYSTEM_COMMAND",
        0xA000 => "_VIDSCH_RESET_HW_ENGINE_SUSPEND",
        _ => "",
    };
    Stem {
        infix: name.into(),
        seen: matches!(case, 2 | 0xA000),
        ..seen(format!("0x119_{case:x}"))
    }
}

/// A lock entry that outlived its thread.
fn lock_entry(reason: u64) -> Stem {
    match reason {
        1 => seen(
            "0x153_KERNEL_LOCK_ENTRY_LEAKED_ON_THREAD_TERMINATION_LOCK_POINTER_NOT_NULL".into(),
        ),
        _ => guessed("0x153_KERNEL_LOCK_ENTRY_LEAKED_ON_THREAD_TERMINATION".into()),
    }
}

/// A rule of Static Driver Verifier's kind is filed by its name.
fn verifier_rule(facts: &Facts<'_>) -> Stem {
    let p1 = facts.parameters[0];
    // Memory that a driver left behind when it was unloaded.
    if p1 == 0x62 {
        return Stem {
            infix: "_VRF_LEAKED_POOL".into(),
            rest: Rest::Image,
            ..seen("0xc4_62".into())
        };
    }
    let case = bugcheck::explain(0xC4, facts.parameters).and_then(|known| known.case);
    let rule = case
        .and_then(|text| text.strip_prefix("Rule "))
        .and_then(|text| text.split(':').next());
    match rule {
        Some(rule) => seen(format!("0xc4_{rule}_XDV")),
        None => guessed(format!("0xc4_{p1:x}")),
    }
}

/// Names of the codes of __fastfail, from 0 on, without their prefix.
const FAST_FAIL: &str = "LEGACY_GS_VIOLATION VTGUARD_CHECK_FAILURE STACK_COOKIE_CHECK_FAILURE \
    CORRUPT_LIST_ENTRY INCORRECT_STACK INVALID_ARG GS_COOKIE_INIT FATAL_APP_EXIT \
    RANGE_CHECK_FAILURE UNSAFE_REGISTRY_ACCESS GUARD_ICALL_CHECK_FAILURE GUARD_WRITE_CHECK_FAILURE \
    INVALID_FIBER_SWITCH INVALID_SET_OF_CONTEXT INVALID_REFERENCE_COUNT ? ? ? INVALID_JUMP_BUFFER \
    MRDATA_MODIFIED CERTIFICATION_FAILURE INVALID_EXCEPTION_CHAIN CRYPTO_LIBRARY \
    INVALID_CALL_IN_DLL_CALLOUT INVALID_IMAGE_BASE DLOAD_PROTECTION_FAILURE UNSAFE_EXTENSION_CALL \
    DEPRECATED_SERVICE_INVOKED INVALID_BUFFER_ACCESS INVALID_BALANCED_TREE INVALID_NEXT_THREAD \
    GUARD_ICALL_CHECK_SUPPRESSED APCS_DISABLED INVALID_IDLE_STATE MRDATA_PROTECTION_FAILURE \
    UNEXPECTED_HEAP_EXCEPTION INVALID_LOCK_STATE GUARD_JUMPTABLE INVALID_LONGJUMP_TARGET \
    INVALID_DISPATCH_CONTEXT INVALID_THREAD INVALID_SYSCALL_NUMBER INVALID_FILE_OPERATION \
    LPAC_ACCESS_DENIED GUARD_SS_FAILURE LOADER_CONTINUITY_FAILURE GUARD_EXPORT_SUPPRESSION_FAILURE \
    INVALID_CONTROL_STACK SET_CONTEXT_DENIED INVALID_IAT HEAP_METADATA_CORRUPTION \
    PAYLOAD_RESTRICTION_VIOLATION LOW_LABEL_ACCESS_DENIED ENCLAVE_CALL_FAILURE \
    UNHANDLED_LSS_EXCEPTON ADMINLESS_ACCESS_DENIED UNEXPECTED_CALL CONTROL_INVALID_RETURN_ADDRESS \
    UNEXPECTED_HOST_BEHAVIOR FLAGS_CORRUPTION VEH_CORRUPTION ETW_CORRUPTION RIO_ABORT INVALID_PFN";

fn fast_fail(reason: u64) -> Stem {
    // A stack cookie that was overwritten, and a stack pointer outside the stack.
    if matches!(reason, 2 | 4) {
        return seen("0x139_MISSING_GSFRAME".into());
    }
    let mut names = FAST_FAIL.split_ascii_whitespace();
    let index = usize::try_from(reason).unwrap_or(usize::MAX);
    match names.nth(index).filter(|name| *name != "?") {
        Some(name) => seen(format!("0x139_{reason:x}_{name}")),
        None => guessed(format!("0x139_{reason:x}")),
    }
}
