//! `k` and `r`: the stack and the registers.

use crate::model::{Frame, How, Report, Stack};
use crate::report::document::{confidence, gap, how, is_wide, location, register, register_lines};
use crate::report::format::address;
use alloc::{format, string::String, vec::Vec};

/// The stack; with `v`, where the trap frames on it are.
pub(super) fn stack(words: &[&str], report: &Report) -> Vec<String> {
    match &report.stack {
        Some(stack) if !stack.frames.is_empty() => {
            frame_lines(stack, is_wide(report), words == ["v"])
        }
        _ => super::absent("A stack"),
    }
}

/// The frames of a stack. The debugger prints return addresses there; here it is the address of
/// each frame, and how it was found.
pub(super) fn frame_lines(stack: &Stack, wide: bool, traps: bool) -> Vec<String> {
    let pad = if wide { 17 } else { 8 };
    let x64 = stack
        .registers
        .iter()
        .any(|register| register.name == "rip");
    let mut lines = Vec::from([format!(
        " # {:pad$} {:pad$} Call Site",
        "Child-SP", "Address"
    )]);
    for (at, frame) in stack.frames.iter().enumerate() {
        let pointer = frame
            .stack_pointer
            .map_or(String::new(), |sp| address(sp.0, wide));
        let place = location(frame).unwrap_or_else(|| {
            let why = frame.gap.map_or("in no module", gap);
            format!("0x{} ({why})", address(frame.address.0, wide))
        });
        // Unwound frames are the debugger's own; the others say how they were found.
        let mut found = match frame.how {
            How::Context | How::Unwind => String::new(),
            other => format!("  [{}, {}]", how(other), confidence(frame.confidence)),
        };
        if let Some(trap) = trap_frame_of(frame, x64).filter(|_| traps && at > 0) {
            found += &format!(" (TrapFrame @ {})", address(trap, wide));
        }
        let shown = address(frame.address.0, wide);
        lines.push(format!(
            "{at:02x} {pointer:pad$} {shown:pad$} {place}{found}"
        ));
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

/// All registers, or one.
pub(super) fn registers(words: &[&str], report: &Report) -> Vec<String> {
    let wide = is_wide(report);
    let Some(stack) = report.stack.as_ref().filter(|s| !s.registers.is_empty()) else {
        return super::absent("A context with registers");
    };
    let Some(&name) = words.first() else {
        return register_lines(stack, wide);
    };
    let name = name.trim_start_matches('@');
    match stack
        .registers
        .iter()
        .find(|register| register.name.eq_ignore_ascii_case(name))
    {
        Some(found) => Vec::from([String::from(register(found, wide).trim_start())]),
        None => Vec::from([format!("'{name}' is not a register in this report.")]),
    }
}
