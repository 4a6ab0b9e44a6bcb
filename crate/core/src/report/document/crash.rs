//! Stop code, exception, stack and blame.

use super::{Block, Column, Detail, Facts, Table, code, confidence, evidence, gap, how, is_wide};
use super::{number, words};
use crate::model::{Frame, Register, Report, Stack, Stretch};
use crate::report::format::{address, offset};
use alloc::{format, string::String, vec, vec::Vec};

/// Registers in a line, as many as the debugger prints.
const REGISTERS_PER_LINE: usize = 3;
/// Frames that a ticket shows: the outermost ones say little there.
const FRAMES_IN_A_TICKET: usize = 20;

/// The stop code, its parameters and what they mean.
pub(super) fn bug_check(report: &Report, blocks: &mut Vec<Block>) {
    let Some(bugcheck) = &report.bugcheck else {
        return;
    };
    blocks.push(Block::Heading("Bug check".into()));
    if !bugcheck.description.is_empty() {
        blocks.push(Block::Paragraph(bugcheck.description.clone()));
    }
    if let Some(subtype) = &bugcheck.subtype {
        blocks.push(Block::Paragraph(subtype.clone()));
    }
    let wide = is_wide(report);
    let rows = bugcheck.parameters.iter().zip(1..).map(|(p, at)| {
        let meaning = match (p.meaning.as_str(), p.decoded.as_deref()) {
            (meaning, None) => meaning.into(),
            ("", Some(decoded)) => decoded.into(),
            (meaning, Some(decoded)) => format!("{meaning}: {decoded}"),
        };
        vec![format!("{at}"), address(p.value.0, wide), meaning]
    });
    Table {
        columns: vec![number("#"), code("Parameter"), words("Meaning")],
        rows: rows.collect(),
    }
    .add_to(blocks);
    if !bugcheck.causes.is_empty() {
        blocks.push(Block::Paragraph("Common causes:".into()));
        blocks.push(Block::Items(bugcheck.causes.clone()));
    }
    for (label, text) in [
        ("Look next", &bugcheck.next),
        ("In a virtual machine", &bugcheck.virtual_machine),
    ] {
        if let Some(text) = text {
            blocks.push(Block::Paragraph(format!("{label}: {text}")));
        }
    }
    if !bugcheck.commands.is_empty() {
        let commands = bugcheck.commands.join("; ");
        blocks.push(Block::Paragraph(format!(
            "Commands that follow the parameters: {commands}"
        )));
    }
}

/// The exception that led to the stop.
pub(super) fn exception(report: &Report, blocks: &mut Vec<Block>) {
    let Some(exception) = &report.exception else {
        return;
    };
    let wide = is_wide(report);
    blocks.push(Block::Heading("Exception".into()));
    let name = exception.name.unwrap_or("not a known status");
    let information: Vec<String> = exception
        .information
        .iter()
        .map(|value| address(value.0, wide))
        .collect();
    let mut facts = Facts::default();
    facts
        .text("Code", Some(format!("0x{:08X}, {name}", exception.code)))
        .code("Address", Some(address(exception.address.0, wide)))
        .code("Location", exception.location.as_deref())
        .text("Access", exception.access.as_deref())
        .code("Parameters", Some(information.join(", ")))
        .text("Recorded in", Some(exception.source.as_str()));
    facts.add_to(blocks);
}

/// The stack of the processor that stopped the machine.
pub(super) fn stack(report: &Report, detail: Detail, blocks: &mut Vec<Block>) {
    let Some(stack) = &report.stack else {
        return;
    };
    let wide = is_wide(report);
    blocks.push(Block::Heading("Stack".into()));
    let mut facts = Facts::default();
    facts
        .text("Processor", stack.processor.map(|n| format!("{n}")))
        .code("Thread", stack.thread.map(|a| address(a.0, wide)))
        .code("Process", stack.process.map(|a| address(a.0, wide)))
        .text("Image", stack.process_name.as_deref());
    facts.add_to(blocks);
    let shown = match detail {
        Detail::Ticket => FRAMES_IN_A_TICKET,
        Detail::Terminal | Detail::Full => usize::MAX,
    };
    frames(stack, shown, wide, blocks);
    let left_out = stack.frames.len().saturating_sub(shown);
    if left_out > 0 {
        blocks.push(Block::Paragraph(format!("{left_out} more below them.")));
    }
    if !stack.stretches.is_empty() {
        blocks.push(Block::Paragraph("What the stack is doing:".into()));
        let shown = stack
            .stretches
            .iter()
            .filter(|part| (part.first as usize) < shown);
        blocks.push(Block::Items(stretches(shown)));
    }
    if !stack.limits.is_empty() {
        blocks.push(Block::Paragraph(stack.limits.clone()));
    }
    registers(stack, wide, blocks);
}

/// What other processors and threads did, and what the black boxes recorded.
pub(super) fn beside(report: &Report, detail: Detail, blocks: &mut Vec<Block>) {
    if detail != Detail::Full {
        return;
    }
    for blob in &report.secondary_data {
        if blob.details.is_empty() {
            continue;
        }
        let label = blob.label.unwrap_or("a black box");
        blocks.push(Block::Heading(format!("Recorded by {label}")));
        let rows = blob.details.iter();
        Table {
            columns: vec![words("What"), words("Recorded")],
            rows: rows
                .map(|one| vec![one.name.into(), one.value.clone()])
                .collect(),
        }
        .add_to(blocks);
    }
    for stack in &report.stacks {
        let about = stack.about.as_deref().unwrap_or("Another stack");
        // An idle loop tells nothing but that.
        if stack.idle {
            blocks.push(Block::Paragraph(about.into()));
            continue;
        }
        blocks.push(Block::Heading(about.trim_end_matches('.').into()));
        let wide = is_wide(report);
        let mut facts = Facts::default();
        facts
            .code("Thread", stack.thread.map(|a| address(a.0, wide)))
            .code("Process", stack.process.map(|a| address(a.0, wide)))
            .text("Image", stack.process_name.as_deref());
        facts.add_to(blocks);
        frames(stack, usize::MAX, wide, blocks);
        if !stack.limits.is_empty() {
            blocks.push(Block::Paragraph(stack.limits.clone()));
        }
    }
}

/// The first `shown` frames as a table.
fn frames(stack: &Stack, shown: usize, wide: bool, blocks: &mut Vec<Block>) {
    let rows = stack.frames.iter().take(shown).enumerate();
    Table {
        columns: FRAME_COLUMNS.into(),
        rows: rows.map(|(at, frame)| frame_row(at, frame, wide)).collect(),
    }
    .add_to(blocks);
}

/// `00-04, 09 Bug check: …`; what several stretches do is said once.
fn stretches<'a>(parts: impl Iterator<Item = &'a Stretch>) -> Vec<String> {
    let mut told: Vec<(String, String)> = Vec::new();
    for part in parts {
        let last = part.first.saturating_add(part.frames.saturating_sub(1));
        let numbers = match part.frames {
            1 => format!("{:02x}", part.first),
            _ => format!("{:02x}-{last:02x}", part.first),
        };
        let other = if part.third_party {
            " (not part of Windows)"
        } else {
            ""
        };
        let what = format!("{}{other}. {}", part.title, part.text);
        match told.iter_mut().find(|(_, known)| *known == what) {
            Some((before, _)) => *before += &format!(", {numbers}"),
            None => told.push((numbers, what)),
        }
    }
    let line = |(numbers, what): (String, String)| format!("{numbers} {what}");
    told.into_iter().map(line).collect()
}

const FRAME_COLUMNS: [Column; 6] = [
    number("#"),
    code("Stack"),
    code("Address"),
    code("Location"),
    words("Found by"),
    words("Sure"),
];

fn frame_row(at: usize, frame: &Frame, wide: bool) -> Vec<String> {
    vec![
        format!("{at:02x}"),
        frame
            .stack_pointer
            .map_or(String::new(), |sp| address(sp.0, wide)),
        address(frame.address.0, wide),
        location(frame).unwrap_or_else(|| match frame.gap {
            Some(why) => format!("({})", gap(why)),
            None => "(in no module)".into(),
        }),
        how(frame.how).into(),
        confidence(frame.confidence).into(),
    ]
}

/// Where a frame is, as the debugger writes it: `storport!RaidStart+0x10`, `storport+0x1234`.
pub(crate) fn location(frame: &Frame) -> Option<String> {
    let module = stem(frame.module.as_deref()?);
    let distance = offset(frame.offset.map_or(0, |value| value.0));
    Some(match &frame.symbol {
        Some(symbol) if symbol.contains('!') => format!("{symbol}{distance}"),
        Some(symbol) => format!("{module}!{symbol}{distance}"),
        None => format!("{module}{distance}"),
    })
}

/// A module's name as symbols use it: without its extension, `nt` for the kernel.
pub(crate) fn stem(name: &str) -> String {
    crate::nt::Module {
        name: name.into(),
        ..crate::nt::Module::default()
    }
    .symbol_name()
}

/// The registers as the debugger prints them.
fn registers(stack: &Stack, wide: bool, blocks: &mut Vec<Block>) {
    if stack.registers.is_empty() {
        return;
    }
    blocks.push(Block::Lines(register_lines(stack, wide)));
}

/// One register with as many digits as the debugger gives it.
pub(crate) fn register(register: &Register, wide: bool) -> String {
    let digits = match register.name {
        "cs" | "ds" | "es" | "fs" | "gs" | "ss" => 4,
        "efl" | "eflags" | "mxcsr" | "cpsr" => 8,
        _ if wide => 16,
        _ => 8,
    };
    format!("{:>3}={:0digits$x}", register.name, register.value.0)
}

/// The registers, three in a line.
fn register_lines(stack: &Stack, wide: bool) -> Vec<String> {
    let line = |registers: &[Register]| {
        let each: Vec<String> = registers.iter().map(|r| register(r, wide)).collect();
        each.join(" ")
    };
    stack
        .registers
        .chunks(REGISTERS_PER_LINE)
        .map(line)
        .collect()
}

/// Who probably caused the stop, and why that is said.
pub(super) fn blame(report: &Report, blocks: &mut Vec<Block>) {
    let Some(blame) = &report.blame else {
        return;
    };
    blocks.push(Block::Heading("Probable cause".into()));
    let mut facts = Facts::default();
    facts
        .text("Module", Some(blame.module.as_str()))
        .code("Function", blame.symbol.as_deref())
        .text("Confidence", Some(confidence(blame.confidence)))
        .code("Failure bucket", blame.bucket_id.as_deref())
        .code("Failure hash", blame.failure_hash.as_deref());
    facts.add_to(blocks);
    if !blame.evidence.is_empty() {
        let items = blame.evidence.iter().map(evidence).collect();
        blocks.push(Block::Items(items));
    }
}
