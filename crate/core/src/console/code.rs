//! `u`, `ub`, `uf`: code as instructions, and what the one that faulted was doing.
//!
//! Kernel dumps hold the code in the drivers' images, minidumps the page around the fault; what is
//! missing is taken from image files that were put beside the dump. The registers at a fault are
//! those of the exception or of the trap frame; what a trap frame of x64 does not keep is unwound to
//! from the registers of the stop.

mod effect;
mod fault;

pub(super) use fault::{Fault, at_trap, trap_context};

use super::Live;
use super::live::{joined, reason};
use super::state::Values;
use crate::image::Image;
use crate::memory::{AddressSpace, VirtualAddress};
use crate::model::Hex;
use crate::nt::Architecture;
use crate::report::format::address;
use crate::symbols::{Instruction, Touch};
use alloc::{format, string::String, vec, vec::Vec};
use core::fmt::Write;
use serde::Serialize;

/// Instructions that are listed unasked, as in the debugger.
const USUAL: usize = 8;
/// The most that one command lists.
const MOST: usize = 512;
/// The longest instruction of x86.
const LONGEST: u64 = 15;
/// So far before an address its function may begin.
const FAR: u64 = 0x2000;
/// Instructions before and behind a fault that the page shows.
const AROUND: (usize, usize) = (8, 6);
/// What a disassembler gives where there is no instruction.
const UNKNOWN: &str = "???";

/// Where no instruction faulted.
const UNTOLD: &str = "Nothing in this dump names an instruction that faulted: Windows stopped by a check \
    or a watchdog of its own. Each frame of the stack shows its code when it is opened.";

/// Code as it is shown.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Listing {
    /// Why there is nothing to show: a sentence.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub problem: String,
    /// Where the marked instruction is: `storport+0x1234`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub place: String,
    /// The instructions.
    pub lines: Vec<Line>,
    /// What the marked one was doing, in sentences.
    pub effects: Vec<String>,
    /// Where the registers come from that were used for that.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub registers: String,
    /// Those registers by name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<(String, Hex)>,
    /// The trap frame that keeps them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trap_frame: Option<Hex>,
    /// The image file that the code was taken from, because the dump does not hold it.
    #[serde(skip_serializing_if = "core::ops::Not::not")]
    pub from_file: bool,
}

/// One instruction.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Line {
    /// Where it stands.
    pub address: Hex,
    /// Its bytes.
    pub bytes: String,
    /// Its text.
    pub text: String,
    /// What it leads to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// Whether it is the one that faulted.
    #[serde(skip_serializing_if = "core::ops::Not::not")]
    pub marked: bool,
}

/// Code that was read.
struct Code {
    at: u64,
    bytes: Vec<u8>,
    /// Why no more.
    end: Option<String>,
    from_file: bool,
}

/// As many bytes of code from `at` on as there are, `len` at most.
fn read(live: &Live<'_>, at: u64, len: u64) -> Code {
    let stretch = live.stretch(at, len);
    let space = live.space();
    let with = live.modules().over(&space, live.files());
    let mut code = Code {
        at,
        bytes: Vec::new(),
        end: None,
        from_file: false,
    };
    for (index, byte) in stretch.bytes.iter().enumerate() {
        let found = byte.or_else(|| {
            let mut one = [0];
            let place = VirtualAddress(at.wrapping_add(index as u64));
            with.read(place, &mut one).ok()?;
            code.from_file = true;
            Some(one[0])
        });
        match found {
            Some(byte) => code.bytes.push(byte),
            None => {
                let why = stretch
                    .holes
                    .iter()
                    .rev()
                    .find(|hole| hole.at <= at + index as u64);
                code.end = why.map(|hole| reason(hole.why));
                break;
            }
        }
    }
    code
}

fn machine(live: &Live<'_>) -> Option<u32> {
    Some(u32::from(live.architecture()?.machine()))
}

fn decode(live: &Live<'_>, code: &Code) -> Vec<Instruction> {
    match (live.disassembler(), machine(live)) {
        (Some(known), Some(machine)) => known.disassemble(machine, code.at, &code.bytes),
        _ => Vec::new(),
    }
}

/// The function around an address, from its image's unwind data.
fn function(live: &Live<'_>, at: u64) -> Option<(u64, u64)> {
    let module = live.modules().find(VirtualAddress(at))?;
    let space = live.space();
    let space = live.modules().over(&space, live.files());
    let image = Image::open(&space, module.base).ok()?;
    let rva = u32::try_from(at - module.base.0).ok()?;
    let (begin, end) = image.function_around(rva).ok()??;
    let place = |rva: u32| module.base.0.wrapping_add(rva.into());
    Some((place(begin), place(end)))
}

/// Where instructions begin that lead to `at`, `count` of them: from the beginning of the function
/// where that is known, else from where decoding meets `at` exactly.
fn begin_before(live: &Live<'_>, at: u64, count: usize) -> u64 {
    if live.architecture() == Some(Architecture::Arm64) {
        return at.saturating_sub(4 * count as u64);
    }
    let known = function(live, at).map(|(begin, _)| begin);
    let known = known.filter(|begin| at - begin <= FAR);
    let reach = LONGEST * count as u64;
    let from = known.unwrap_or(at.saturating_sub(reach));
    let code = read(live, from, at.saturating_sub(from));
    // Where the beginning cannot be read, as much as can be.
    let (from, bytes) = match code.bytes.len() as u64 == at - from {
        true => (from, code.bytes),
        false => nearest(live, at, reach),
    };
    let tries = if known == Some(from) { 1 } else { bytes.len() };
    for skip in 0..tries {
        let start = from + skip as u64;
        let rest = bytes.get(skip..).unwrap_or_default().to_vec();
        let part = Code {
            at: start,
            bytes: rest,
            end: None,
            from_file: false,
        };
        let found = decode(live, &part);
        if found.iter().any(|one| one.text == UNKNOWN) {
            continue;
        }
        let skipped = found.len().saturating_sub(count);
        let len: u64 = found
            .iter()
            .take(skipped)
            .map(|one| u64::from(one.len))
            .sum();
        return start + len;
    }
    at
}

/// What can be read right before an address.
fn nearest(live: &Live<'_>, at: u64, reach: u64) -> (u64, Vec<u8>) {
    let from = at.saturating_sub(reach);
    let stretch = live.stretch(from, at - from);
    let bytes: Vec<u8> = stretch.bytes.iter().rev().map_while(|byte| *byte).collect();
    let start = at - bytes.len() as u64;
    (start, bytes.into_iter().rev().collect())
}

fn lines(live: &Live<'_>, code: &Code, most: usize, marked: Option<u64>) -> Vec<Line> {
    let mut at = code.at;
    let mut found = Vec::new();
    for one in decode(live, code).into_iter().take(most) {
        let from = (at - code.at) as usize;
        let own = code.bytes.get(from..from + usize::from(one.len));
        let mut bytes = String::new();
        for byte in own.unwrap_or_default() {
            // Writing to a string does not fail.
            let _ = write!(bytes, "{byte:02x}");
        }
        found.push(Line {
            address: Hex(at),
            bytes,
            target: one.target.and_then(|to| live.named(to)),
            text: one.text,
            marked: marked == Some(at),
        });
        at = at.wrapping_add(one.len.into());
    }
    found
}

/// Why code cannot be shown at all.
fn without(live: &Live<'_>) -> Option<String> {
    if live.disassembler().is_none() {
        return Some("No disassembler is at hand here.".into());
    }
    let known = live
        .architecture()
        .filter(|kind| *kind != Architecture::Ia64);
    known
        .is_none()
        .then(|| "No disassembler knows this kind of machine.".into())
}

fn missing(live: &Live<'_>, at: u64, code: &Code) -> String {
    if !code.bytes.is_empty() && decode(live, code).is_empty() {
        return "The disassembler at hand does not read code of this kind of machine.".into();
    }
    let why = code.end.as_deref().unwrap_or("nothing is there");
    let mut text = format!(
        "The code at {} is not in this dump: {why}.",
        live.address(at)
    );
    if let Some(module) = live.modules().find(VirtualAddress(at)) {
        text.push_str(&format!(
            " The file {}, put beside the dump, has it.",
            module.name
        ));
    }
    text
}

/// The code around the fault, or at `place`: for the page.
#[must_use]
pub fn listing(place: &str, live: &Live<'_>) -> Listing {
    let problem = |problem| Listing {
        problem,
        ..Listing::default()
    };
    if let Some(why) = without(live) {
        return problem(why);
    }
    let fault = Fault::find(live);
    let at = match (place, &fault) {
        ("", Some(fault)) => fault.at,
        ("", None) => return problem(UNTOLD.into()),
        _ => match live.evaluate(place) {
            Ok(at) => at,
            Err(why) => return problem(why),
        },
    };
    let begin = begin_before(live, at, AROUND.0);
    let behind = LONGEST * AROUND.1 as u64;
    let code = read(live, begin, (at - begin).saturating_add(behind));
    let mut listing = Listing {
        place: live.named(at).unwrap_or_default(),
        from_file: code.from_file,
        ..Listing::default()
    };
    listing.lines = lines(live, &code, MOST, Some(at));
    let last = listing.lines.iter().position(|line| line.marked);
    let Some(last) = last else {
        return Listing {
            problem: missing(live, at, &code),
            lines: Vec::new(),
            ..listing
        };
    };
    listing.lines.truncate(last + 1 + AROUND.1);
    if let Some(fault) = fault.filter(|fault| fault.at == at) {
        listing.effects = fault.effects(live, instruction_at(live, at).as_ref());
        let values = fault.registers.into_iter();
        listing.values = values.map(|(name, value)| (name, Hex(value))).collect();
        listing.registers = fault.source;
        listing.trap_frame = fault.trap_frame.map(Hex);
    }
    listing
}

fn instruction_at(live: &Live<'_>, at: u64) -> Option<Instruction> {
    let code = read(live, at, LONGEST + 1);
    decode(live, &code).into_iter().next()
}

/// How many instructions were asked for, and where.
fn asked(words: &[&str], live: &Live<'_>) -> Result<(u64, Option<usize>), String> {
    let words = joined(words);
    let is_count = |word: &&String| {
        let digits = word.strip_prefix(['L', 'l']);
        digits.is_some_and(|digits| super::number(digits).is_some())
    };
    let count = words.iter().rev().find(is_count);
    let count = count.and_then(|word| super::number(word.get(1..)?));
    let count = count.map(|count| usize::try_from(count).unwrap_or(MOST).clamp(1, MOST));
    match words.iter().find(|word| !is_count(word)) {
        Some(word) => Ok((live.evaluate(word)?, count)),
        None => match Fault::find(live) {
            Some(fault) => Ok((fault.at, count)),
            None => Ok((live.evaluate("@$ip")?, count)),
        },
    }
}

/// One instruction as the debugger prints it; the one that faulted is marked.
fn printed(live: &Live<'_>, line: &Line) -> String {
    let target = line.target.as_ref();
    let target = target.map_or(String::new(), |target| format!("  ({target})"));
    let mark = if line.marked { "  <-- here" } else { "" };
    let at = live.address(line.address.0);
    // The words of ARM64 are printed as numbers.
    let (bytes, wide) = match live.architecture() {
        Some(Architecture::Arm64) => (reversed(&line.bytes), 8),
        _ => (line.bytes.clone(), 15),
    };
    format!("{at} {bytes:<wide$} {}{target}{mark}", line.text)
}

/// Bytes in hexadecimal, the last first.
fn reversed(bytes: &str) -> String {
    let pairs = (0..bytes.len() / 2).rev();
    pairs
        .filter_map(|at| bytes.get(2 * at..2 * at + 2))
        .collect()
}

fn print(live: &Live<'_>, code: &Code, most: usize) -> Vec<String> {
    let fault = Fault::find(live);
    let marked = fault.as_ref().map(|fault| fault.at);
    let mut text = Vec::new();
    if let Some(name) = live.named(code.at) {
        text.push(format!("{name}:"));
    }
    let lines = lines(live, code, most, marked);
    text.extend(lines.iter().map(|line| printed(live, line)));
    if lines.is_empty() {
        text.push(missing(live, code.at, code));
    } else if lines.len() < most
        && let Some(why) = &code.end
    {
        text.push(format!("What follows is not in this dump: {why}."));
    }
    if code.from_file {
        text.push("Some of this was read from the image file beside the dump.".into());
    }
    if let (Some(fault), true) = (&fault, lines.iter().any(|line| line.marked)) {
        text.extend(fault.effects(live, instruction_at(live, fault.at).as_ref()));
    }
    text
}

/// `u [ADDRESS] [L COUNT]`.
pub(super) fn u(words: &[&str], live: &Live<'_>) -> Vec<String> {
    if let Some(why) = without(live) {
        return vec![why];
    }
    let (at, count) = match asked(words, live) {
        Ok(asked) => asked,
        Err(why) => return vec![why],
    };
    let count = count.unwrap_or(USUAL);
    print(live, &read(live, at, LONGEST * count as u64), count)
}

/// `ub [ADDRESS] [L COUNT]`: what stands before.
pub(super) fn ub(words: &[&str], live: &Live<'_>) -> Vec<String> {
    if let Some(why) = without(live) {
        return vec![why];
    }
    let (at, count) = match asked(words, live) {
        Ok(asked) => asked,
        Err(why) => return vec![why],
    };
    let begin = begin_before(live, at, count.unwrap_or(USUAL));
    if begin == at {
        return vec![format!(
            "No row of instructions leads to {}: the code before it is not in this dump, or is none.",
            live.address(at)
        )];
    }
    print(live, &read(live, begin, at - begin), MOST)
}

/// `uf [ADDRESS]`: the function around.
pub(super) fn uf(words: &[&str], live: &Live<'_>) -> Vec<String> {
    if let Some(why) = without(live) {
        return vec![why];
    }
    let at = match asked(words, live) {
        Ok((at, _)) => at,
        Err(why) => return vec![why],
    };
    let Some((begin, end)) = function(live, at) else {
        return vec![format!(
            "Where the function around {} begins, no unwind data in this dump say; u lists from there on.",
            live.address(at)
        )];
    };
    print(live, &read(live, begin, (end - begin).min(FAR)), MOST)
}

/// The instruction at the registers' own place, for `r`, `.trap` and `.cxr`, with the memory that it
/// uses. `values` are those registers.
pub(super) fn current(live: &Live<'_>, at: u64, values: Values<'_>) -> Vec<String> {
    let Some(line) = instruction_line(live, at, Some(values)) else {
        return Vec::new();
    };
    let name = live.named(at).map(|name| format!("{name}:"));
    name.into_iter().chain([line]).collect()
}

/// An instruction as the debugger prints it, `???` where its bytes are not in the dump; nothing where
/// no disassembler is at hand.
pub(super) fn instruction_line(
    live: &Live<'_>,
    at: u64,
    values: Option<Values<'_>>,
) -> Option<String> {
    if without(live).is_some() {
        return None;
    }
    let code = read(live, at, LONGEST + 1);
    let Some(line) = lines(live, &code, 1, None).into_iter().next() else {
        return Some(format!("{} ??              ???", live.address(at)));
    };
    let touch = instruction_at(live, at)?.touches.into_iter().next();
    let memory = values.zip(touch);
    let memory = memory.and_then(|(values, touch)| operand(live, &touch, values));
    Some(printed(live, &line) + &memory.unwrap_or_default())
}

/// The memory that an instruction uses, and what is in it: ` ds:002b:41414141'41414139=????????`.
fn operand(live: &Live<'_>, touch: &Touch, values: Values<'_>) -> Option<String> {
    let at = effect::address(live, touch, values)?;
    let on_stack = ["rsp", "rbp", "esp", "ebp"].contains(&touch.base.as_str());
    let segment = if on_stack { "ss" } else { "ds" };
    let selector = values(segment).map_or(String::new(), |value| format!(":{value:04x}"));
    let segment = match live.architecture() {
        Some(Architecture::Arm64) => String::new(),
        _ => format!("{segment}{selector}:"),
    };
    let width = usize::from(touch.bytes);
    let value = match width {
        0 | 9.. => String::new(),
        _ => {
            let stretch = live.stretch(at, width as u64);
            match stretch.number(0, width) {
                Some(value) if width == 8 => format!("={}", address(value, true)),
                Some(value) => format!("={value:0digits$x}", digits = 2 * width),
                None => format!("={:?<digits$}", "", digits = 2 * width),
            }
        }
    };
    Some(format!(" {segment}{}{value}", live.address(at)))
}

/// The first four bytes of an instruction as a number (FAULT_INSTR_CODE).
pub(super) fn code_word(live: &Live<'_>, at: u64) -> Option<u32> {
    let code = read(live, at, 4);
    let bytes = code.bytes.get(..4)?.try_into().ok()?;
    Some(u32::from_le_bytes(bytes))
}
