//! What a stack is doing, stretch by stretch, for a reader who does not know the kernel's names: the
//! stop itself, the trap that led to it, the file system below, the program's call at the end.
//!
//! Frames with names tell it themselves ([`crate::knowledge::stretch`]). A minidump has few names;
//! there the module tells, and what stands between the stop and the trap follows from the stop code.

use super::role::{Role, role};
use crate::knowledge::driver::driver;
use crate::knowledge::stretch::{Doing, called, of_class, of_function};
use crate::model::{Confidence, Frame, How, Stack, Stretch};
use crate::nt::exception::plain_stop_code;
use alloc::{borrow::ToOwned, format, string::String, vec::Vec};

/// The kernel's own frames without a name, so many in a row, pass a request on between two of a kind.
const PASSING: usize = 3;
/// Modules that a title names.
const NAMED: usize = 4;
/// What stands before the name of a module that was unloaded.
const UNLOADED: &str = "unloaded ";

/// What one frame says.
#[derive(Clone, Copy)]
struct Mark<'a> {
    doing: Doing,
    /// A driver that is told apart from its neighbours.
    who: &'a str,
    /// Whether it only says that the kernel was at work.
    weak: bool,
}

/// What is between the stop and the trap, by the stop code and its first parameter: Microsoft's bug check
/// reference. 0x7F names the processor's vector, others the exception.
fn trap_of(code: u32, first: u64) -> &'static str {
    match (plain_stop_code(code), first as u32) {
        (0x7F, 2) | (0x80, _) => "nmi",
        (0x7F, 8) => "double-fault",
        (0x7F, 13) => "protection-fault",
        (0x7F, 16 | 19) => "floating-point",
        (0x7F, 18) | (0x9C, _) => "machine-check",
        (0x7F, 0) | (0x1E | 0x3B | 0x7E | 0x8E, 0xC000_0094) => "divide-error",
        (0x7F, 1 | 3) | (0x1E | 0x3B | 0x7E | 0x8E, 0x8000_0003 | 0x8000_0004) => "breakpoint",
        (0x7F, 6) | (0x1E | 0x3B | 0x7E | 0x8E, 0xC000_001D) => "invalid-opcode",
        (0x77 | 0x7A, _) => "in-page-error",
        (0x0A | 0x50 | 0xBE | 0xCC | 0xCD | 0xCE | 0xD0 | 0xD1 | 0xD3..=0xD5 | 0xFC, _)
        | (0x7F, 14) => "page-fault",
        (0x1E | 0x3B | 0x7E | 0x8E, _) => "exception",
        (0x139, _) => "fast-fail",
        (0x124, _) => "hardware-error",
        _ => "trap",
    }
}

fn by_module(name: &str) -> Option<Mark<'_>> {
    if name.starts_with(UNLOADED) {
        let doing = called("module-gone")?;
        return Some(Mark {
            doing,
            who: name,
            weak: false,
        });
    }
    let known = driver(name);
    let doing = known.and_then(|known| of_class(known.class));
    let third = role(name) == Role::Other;
    let doing = match doing.filter(|_| !third) {
        Some(doing) => doing,
        None => called("driver")?,
    };
    Some(Mark {
        who: if doing.word == "driver" { name } else { "" },
        weak: doing.word == "kernel",
        doing,
    })
}

fn mark<'a>(frame: &'a Frame, wide: bool) -> Option<Mark<'a>> {
    let alone = |word, weak| {
        let (doing, who) = (called(word)?, "");
        Some(Mark { doing, who, weak })
    };
    let Some(module) = &frame.module else {
        let program = frame.address.0 < if wide { 1 << 47 } else { 1 << 31 };
        return alone(if program { "program" } else { "nowhere" }, false);
    };
    let of_module = by_module(module)?;
    let symbol = frame
        .symbol
        .as_deref()
        .filter(|_| of_module.doing.word == "kernel" || of_module.doing.word == "hal");
    match symbol.map(of_function) {
        Some(Some(doing)) if doing.word == "support" => Some(Mark { doing, ..of_module }),
        Some(Some(doing)) => Some(Mark {
            doing,
            who: "",
            weak: false,
        }),
        _ => Some(of_module),
    }
}

/// Whether the code at this frame was interrupted by what stands above it.
fn interrupted(index: usize, frame: &Frame) -> bool {
    index > 0 && matches!(frame.how, How::TrapFrame | How::Exception)
}

/// Gives the kernel's nameless frames the meaning that their neighbours have.
fn lean(marks: &mut [Mark<'_>], frames: &[Frame], stack: &Stack, (code, first): (u32, u64)) {
    let Some(innermost) = marks.first_mut() else {
        return;
    };
    if let (true, Some(doing)) = (stack.bug_check, called("bug-check")) {
        (innermost.doing, innermost.who, innermost.weak) = (doing, "", false);
    }
    let trap = frames
        .iter()
        .enumerate()
        .position(|(at, f)| interrupted(at, f));
    let stopped = marks
        .first()
        .is_some_and(|first| first.doing.word == "bug-check");
    if let (true, Some(trap), Some(doing)) = (stopped, trap, called(trap_of(code, first))) {
        for mark in marks.iter_mut().take(trap).filter(|mark| mark.weak) {
            (mark.doing, mark.weak) = (doing, false);
        }
    }
    let mut at = 0;
    while at < marks.len() {
        let weak = |mark: &&Mark<'_>| mark.weak;
        let run = marks.iter().skip(at).take_while(weak).count();
        let before = at
            .checked_sub(1)
            .and_then(|before| marks.get(before))
            .copied();
        let after = marks.get(at + run).copied();
        let split = frames.iter().enumerate().skip(at).take(run + 1);
        let split = split.into_iter().any(|(at, frame)| interrupted(at, frame));
        if let (1..=PASSING, Some(one), Some(other), false) = (run, before, after, split)
            && one.doing == other.doing
            && one.who == other.who
        {
            marks
                .iter_mut()
                .skip(at)
                .take(run)
                .for_each(|mark| *mark = one);
        }
        at += run.max(1);
    }
}

fn sentence(doing: Doing, module: &str) -> String {
    let purpose = match driver(module) {
        Some(known) => format!("{}: {}.", known.vendor, known.purpose),
        None => "What this driver is for is not known here; its file's properties name its maker."
            .into(),
    };
    let text = doing.text.replace("{purpose}", &purpose);
    text.replace("{module}", module)
}

fn describe(doing: Doing, first: usize, frames: &[Frame]) -> Stretch {
    let mut modules: Vec<&str> = Vec::new();
    for module in frames.iter().filter_map(|frame| frame.module.as_deref()) {
        let own = !matches!(role(module), Role::Kernel);
        if own && !modules.contains(&module) {
            modules.push(module);
        }
    }
    let third_party =
        doing.word == "driver" && modules.iter().any(|name| role(name) == Role::Other);
    let module = modules.first().copied().unwrap_or_default();
    let mut text = sentence(doing, module);
    if frames
        .first()
        .is_some_and(|frame| interrupted(first, frame))
    {
        text = format!("What stands above interrupted this code. {text}");
    }
    let doubtful = |frame: &Frame| frame.confidence == Confidence::Possible;
    if frames.iter().all(doubtful) {
        text.push_str(" Perhaps no more than leftovers of earlier calls.");
    }
    modules.truncate(NAMED);
    let title = match modules.as_slice() {
        [] => doing.title.to_owned(),
        _ => format!("{}: {}", doing.title, modules.join(", ")),
    };
    Stretch {
        first: first as u32,
        frames: frames.len() as u32,
        kind: doing.word,
        title,
        text,
        third_party,
    }
}

/// The stretches of a stack, innermost first. `stop` is the stop code with its first parameter, zeros for
/// a stack that did not stop the machine.
#[must_use]
pub fn stretches(stack: &Stack, stop: (u32, u64)) -> Vec<Stretch> {
    let frames = stack.frames.as_slice();
    let wide = frames.iter().any(|frame| frame.address.0 >> 32 != 0);
    let Some(mut marks) = frames
        .iter()
        .map(|f| mark(f, wide))
        .collect::<Option<Vec<_>>>()
    else {
        return Vec::new();
    };
    lean(&mut marks, frames, stack, stop);
    let mut found = Vec::new();
    let mut first = 0;
    while let Some(start) = marks.get(first) {
        let same = |(at, (mark, frame)): &(usize, (&Mark<'_>, &Frame))| {
            *at == first
                || mark.doing == start.doing && mark.who == start.who && !interrupted(*at, frame)
        };
        let both = marks.iter().zip(frames).enumerate().skip(first);
        let len = both.take_while(same).count().max(1);
        let part = frames.get(first..first + len).unwrap_or_default();
        found.push(describe(start.doing, first, part));
        first += len;
    }
    found
}

#[cfg(test)]
mod tests;
