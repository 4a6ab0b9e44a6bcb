//! `k` and `r`: the stack and the registers.
//!
//! The columns of `k`, `kb` and `kv` are those of public outputs of the debugger on x64, x86 and ARM64.

use super::Live;
use super::code::current;
use super::state::block;
use crate::model::{Frame, Hex, How, Report, Stack};
use crate::nt::Architecture;
use crate::report::document::{confidence, gap, how, is_wide, location, register};
use crate::report::format::address;
use alloc::{format, string::String, vec::Vec};

/// The stack: `b` and `v` with arguments, `v` with the trap frames on it too, `c` nothing but the
/// places; a number is how many frames.
pub(super) fn stack(words: &[&str], report: &Report) -> Vec<String> {
    let Some(stack) = report.stack.as_ref().filter(|s| !s.frames.is_empty()) else {
        return super::absent("A stack");
    };
    let letters = |word: &&&str| word.chars().all(is_flag);
    let flags = words.first().filter(letters).copied().unwrap_or_default();
    let count = words.iter().find(|word| !letters(word));
    let count = count.and_then(|word| super::number(word));
    let view = View {
        arguments: flags.contains(['b', 'v']),
        traps: flags.contains('v'),
        places: flags.contains('c'),
        count: count.map_or(usize::MAX, |count| count as usize),
    };
    frame_lines(stack, is_wide(report), &view)
}

/// Letters that grow together with `k`.
pub(super) fn is_flag(letter: char) -> bool {
    "bcnpPvLfM".contains(letter)
}

/// What is shown of a stack.
pub(super) struct View {
    arguments: bool,
    traps: bool,
    /// Only the places.
    places: bool,
    count: usize,
}

/// With the trap frames.
pub(super) const TRAPS: View = View {
    arguments: false,
    traps: true,
    places: false,
    count: usize::MAX,
};

/// Whether it is a stack of ARM64, which has no place for arguments.
pub(super) fn is_arm64(stack: &Stack) -> bool {
    stack.registers.iter().any(|register| register.name == "pc")
}

/// The columns in front of a frame's place, as the debugger prints them: stack pointer (on x86 frame
/// pointer), what it returns to, and with `arguments` the values in their place. What is not known
/// has dashes. `gap` is what stands behind the return address, by the engine's age.
pub(super) fn columns(frame: &Frame, wide: bool, arguments: bool, gap: &str) -> String {
    let cell = |value: Option<Hex>| match value {
        Some(value) => address(value.0, wide),
        None if wide => "--------`--------".into(),
        None => "--------".into(),
    };
    let mut line = format!("{} {}{gap}", cell(frame.child), cell(frame.return_address));
    if arguments {
        line += if wide { ": " } else { "" };
        for at in 0..if wide { 4 } else { 3 } {
            line += &cell(frame.arguments.get(at).copied());
            line.push(' ');
        }
    }
    if arguments && wide {
        line += ": ";
    }
    line
}

fn heading(wide: bool, arguments: bool, places: bool) -> String {
    match (places, wide) {
        (true, _) => " # Call Site".into(),
        (_, false) => {
            let tail = if arguments {
                "Args to Child              "
            } else {
                ""
            };
            format!(" # ChildEBP RetAddr      {tail}")
        }
        _ if arguments => {
            let (back, tail) = ("RetAddr", "Args to Child");
            format!(" # Child-SP          {back:21} : {tail:71} : Call Site")
        }
        _ => format!(" # Child-SP          {:21} Call Site", "RetAddr"),
    }
}

/// The frames of a stack in the debugger's columns. Behind each that is not the debugger's own kind
/// stands how it was found.
pub(super) fn frame_lines(stack: &Stack, wide: bool, view: &View) -> Vec<String> {
    let arguments = view.arguments && !is_arm64(stack);
    let x64 = stack
        .registers
        .iter()
        .any(|register| register.name == "rip");
    let mut lines = Vec::from([heading(wide, arguments, view.places)]);
    for (at, frame) in stack.frames.iter().enumerate().take(view.count) {
        let place = location(frame).unwrap_or_else(|| {
            let why = frame.gap.map_or("in no module", gap);
            format!("0x{} ({why})", address(frame.address.0, wide))
        });
        // Unwound frames are the debugger's own; the others say how they were found.
        let mut found = match frame.how {
            How::Context | How::Unwind => String::new(),
            other => format!("  [{}, {}]", how(other), confidence(frame.confidence)),
        };
        let next = stack.frames.get(at + 1).filter(|_| view.traps);
        if let Some(trap) = next.and_then(|next| trap_frame_of(next, x64)) {
            found += &format!(" (TrapFrame @ {})", address(trap, wide));
        }
        let columns = match view.places {
            true => String::new(),
            false => columns(frame, wide, arguments, "     "),
        };
        lines.push(format!("{at:02x} {columns}{place}{found}"));
    }
    if !stack.limits.is_empty() {
        lines.push(stack.limits.clone());
    }
    lines
}

/// Where the trap frame begins that led to a frame. On x64 the part that the processor wrote was
/// found, which stands 0x168 bytes behind the beginning.
pub(super) fn trap_frame_of(frame: &Frame, x64: bool) -> Option<u64> {
    const BEFORE: u64 = 0x168;
    let at = frame
        .stack_pointer
        .filter(|_| frame.how == How::TrapFrame)?;
    at.0.checked_sub(if x64 { BEFORE } else { 0 })
}

/// All registers and the instruction at hand, or one register.
pub(super) fn registers(words: &[&str], live: &Live<'_>) -> Vec<String> {
    let report = live.report;
    let wide = is_wide(report);
    let Some(stack) = report.stack.as_ref().filter(|s| !s.registers.is_empty()) else {
        return super::absent("A context with registers");
    };
    let all = &stack.registers;
    let asked = words.iter().flat_map(|word| word.split(','));
    let asked = asked
        .map(|name| name.trim_start_matches('@'))
        .filter(|name| !name.is_empty());
    let one = |name: &str| {
        let called = match name {
            "$ip" => &["rip", "eip", "pc"][..],
            "$csp" => &["rsp", "esp", "sp"],
            _ => &[name],
        };
        let found = all.iter().find(|one| {
            called
                .iter()
                .any(|name| one.name.eq_ignore_ascii_case(name))
        });
        match found {
            Some(found) => register(found, wide).trim_start().into(),
            None => format!("'{name}' is not a register in this report."),
        }
    };
    let told: Vec<String> = asked.map(one).collect();
    if !told.is_empty() {
        return told;
    }
    let kind = match wide {
        true if is_arm64(stack) => Architecture::Arm64,
        true => Architecture::X64,
        false => Architecture::X86,
    };
    let values = |name: &str| Some(all.iter().find(|one| one.name == name)?.value.0);
    let mut lines = block(kind, &values, true);
    if let Some(frame) = stack.frames.first() {
        lines.extend(current(live, frame.address.0, &values));
    }
    lines
}
