//! `~`, `.trap`, `.cxr`, `.exr`, and the stacks of `!thread`, `!process` and `!stacks`: stacks from any
//! place to start from, and the records that Windows leaves on them.

use super::Live;
use super::code::{Fault, at_trap, current, trap_context};
use super::registers::{self, TRAPS, frame_lines, trap_frame_of};
use super::state::block;
use crate::knowledge::ntstatus;
use crate::memory::{AddressSpaceExt, VirtualAddress};
use crate::model::{Hex, How, Report, Stack};
use crate::nt::thread::{RUNNING, Thread};
use crate::nt::{Architecture, Context, DebuggerData, ExceptionRecord, Machine, ProcessorFacts};
use crate::report::document::is_wide;
use crate::report::format::address;
use crate::stack::{
    Namer, Registers, StackRange, Start, name_frames, range_above, scan, switched_away,
};
use alloc::{format, string::String, vec::Vec};

/// The most threads whose stacks one command lists.
pub(super) const MAX_STACKS: usize = 200;

/// What the debugger says of the trap frames of x64.
const PARTIAL: [&str; 2] = [
    "NOTE: The trap frame does not contain all registers.",
    "Some register values may be zeroed or incorrect.",
];
/// KTRAP_FRAME.ErrCode of x86.
const X86_ERROR_CODE: u64 = 0x64;

/// `~`: the processors, or with a `k` behind one's number or `*` the stacks of one or all.
pub(super) fn processors(words: &[&str], report: &Report) -> Vec<String> {
    let typed = words.concat();
    let wanted = typed.trim_end_matches(registers::is_flag);
    let (wanted, stacks) = match wanted.strip_suffix('k') {
        Some(wanted) => (wanted, true),
        None => (typed.as_str(), false),
    };
    if !stacks {
        return listed(wanted, report);
    }
    let number: Option<u32> = wanted.parse().ok();
    if !matches!(wanted, "*" | "") && number.is_none() {
        return Vec::from(["Usage: ~*k or ~NUMBERk.".into()]);
    }
    let mut lines = Vec::new();
    for stack in report.stack.iter().chain(&report.stacks) {
        let listed = stack.processor.is_some() && (number.is_none() || stack.processor == number);
        if !listed {
            continue;
        }
        let about = stack.about.clone().unwrap_or_else(|| {
            let number = stack.processor.unwrap_or_default();
            format!("Processor {number}, which stopped the machine")
        });
        lines.push(about);
        lines.extend(frame_lines(stack, is_wide(report), &TRAPS));
    }
    if lines.is_empty() {
        return super::absent("The stack of that processor");
    }
    lines
}

/// The processors in a line each, the one that stopped the machine marked as the current one.
fn listed(wanted: &str, report: &Report) -> Vec<String> {
    let (wanted, switch) = match wanted.strip_suffix('s') {
        Some(wanted) => (wanted, true),
        None => (wanted, false),
    };
    let number: Option<u32> = wanted.parse().ok();
    if switch {
        let of = number.map_or("NUMBER".into(), |number| format!("{number}"));
        return Vec::from([format!(
            "The console has no current processor. ~{of}k shows its stack, !prcb {of} its block, !running -it \
             all of them."
        )]);
    }
    let mut lines = Vec::new();
    for processor in &report.processors {
        if number.is_some_and(|number| number != processor.number) {
            continue;
        }
        let mark = if processor.stopped { '.' } else { ' ' };
        let thread = processor
            .thread
            .map_or("?".into(), |at| address(at.0, is_wide(report)));
        let name = processor.process_name.as_deref().unwrap_or("?");
        lines.push(format!(
            "{mark}{:>3}  Thread {thread}  {name}",
            processor.number
        ));
    }
    match lines.is_empty() {
        true => super::absent("What the processors were running"),
        false => lines,
    }
}

/// What stacks are read with.
struct Reader<'a> {
    live: &'a Live<'a>,
    architecture: Architecture,
    data: Option<&'a DebuggerData>,
}

impl<'a> Reader<'a> {
    fn new(live: &'a Live<'a>) -> Option<Self> {
        Some(Self {
            live,
            architecture: live.architecture()?,
            data: live.debugger_data(),
        })
    }

    fn machine(&self) -> Option<Machine<'a>> {
        Some(Machine {
            architecture: self.architecture,
            build: self.live.header()?.minor_version.unwrap_or(0),
            debugger_data: self.data?,
        })
    }

    fn stack(&self, registers: &Registers, stacks: &[StackRange], how: How) -> Stack {
        let (live, space) = (self.live, self.live.space());
        let space = live.modules().over(&space, live.files());
        let mut stack = scan(&Start {
            architecture: self.architecture,
            modules: live.modules(),
            unloaded: live.unloaded(),
            memory: &space,
            range: range_above(&space, stacks, registers.stack_pointer),
            registers,
            how,
            exception: None,
            stacks,
            code: 0,
            parameters: [0; 4],
        });
        name_frames(
            &mut stack,
            &Namer::new(&space, live.modules(), live.files()),
        );
        stack
    }

    /// The lines that show registers, and the stack from them on.
    fn both(&self, mut lines: Vec<String>, context: &Context, how: How) -> Vec<String> {
        let wide = is_wide(self.live.report);
        let stack = self.stack(&Registers::from(context), &self.thread_stacks(), how);
        lines.extend(frame_lines(&stack, wide, &TRAPS));
        lines
    }

    /// The stack of the thread that was running.
    fn thread_stacks(&self) -> Vec<StackRange> {
        let thread = self.live.thread();
        let own = thread.and_then(|thread| thread.stack_limit.zip(thread.stack_base));
        own.map(|(low, high)| StackRange { low, high })
            .into_iter()
            .collect()
    }

    /// The stack of a thread: of one that runs from its processor's registers, of another from its
    /// switch frame.
    fn of_thread(&self, thread: &Thread) -> Result<Stack, String> {
        let machine = self.machine().ok_or("the debugger data block is missing")?;
        let space = self.live.space();
        let stacks: Vec<StackRange> = thread
            .stack
            .map(|(low, high)| StackRange { low, high })
            .into_iter()
            .collect();
        // One that waits or is ready is on no processor.
        let may_run = thread.state.is_none_or(|state| state == RUNNING);
        let running = || self.running(machine, thread.address);
        if let Some(registers) = may_run.then(running).flatten() {
            return Ok(self.stack(&registers, &stacks, How::Context));
        }
        let at = thread.kernel_stack.ok_or("its stack is not known")?;
        if let Err(why) = space.u32(at) {
            return Err(format!("its stack at {at} cannot be read: {why}"));
        }
        let kernel = self.live.module("nt").ok_or("the kernel is not known")?;
        let registers = switched_away(self.architecture, &space, kernel, at);
        let registers = registers.ok_or("no switch frame is where its stack should begin")?;
        Ok(self.stack(&registers, &stacks, How::Context))
    }

    /// The registers of the processor that ran a thread.
    fn running(&self, machine: Machine<'_>, thread: VirtualAddress) -> Option<Registers> {
        let report = self.live.report;
        let current = report
            .stack
            .as_ref()
            .filter(|s| s.thread == Some(Hex(thread.0)));
        if current.is_some() {
            let (small, paged) = (self.live.minidump(), self.live.paged());
            let context = small.and_then(|dump| dump.crash_context());
            let context =
                context.or_else(|| paged.and_then(|dump| dump.current.crash_context(dump)));
            return context.map(Registers::from);
        }
        let space = self.live.space();
        let blocks = self.live.paged()?.processor_blocks(self.live.source);
        let block = blocks.into_iter().find(|&block| {
            let facts = ProcessorFacts::read(machine, &space, block);
            facts.current_thread == Some(thread)
        })?;
        let context = Context::of_processor(machine, &space, block)?;
        Some(Registers::from(&context))
    }
}

fn no_memory() -> Vec<String> {
    super::absent("Memory of a kind of machine that is known")
}

/// The address that was typed, or the lines that say what is wrong with it.
fn typed(words: &[&str], live: &Live<'_>) -> Option<Result<VirtualAddress, Vec<String>>> {
    let word = words.first()?;
    let found = live.evaluate(word).map(VirtualAddress);
    Some(found.map_err(|why| Vec::from([why])))
}

/// The registers that a trap frame keeps, and the stack that it interrupted.
pub(super) fn trap(words: &[&str], live: &Live<'_>) -> Vec<String> {
    let Some(reader) = Reader::new(live) else {
        return no_memory();
    };
    let listed = || {
        let frames = &live.report.stack.as_ref()?.frames;
        let found = frames.iter().find(|frame| frame.how == How::TrapFrame)?;
        trap_frame_of(found, reader.architecture == Architecture::X64).map(VirtualAddress)
    };
    let at = match typed(words, live) {
        Some(Ok(at)) => at,
        Some(Err(lines)) => return lines,
        None => match listed() {
            Some(at) => at,
            None => return Vec::from(["Usage: .trap ADDRESS; the stack has none.".into()]),
        },
    };
    let space = live.space();
    let Some(len) = Context::trap_frame_len(reader.architecture) else {
        return no_memory();
    };
    if let Err(why) = space.bytes(at, len) {
        return Vec::from([format!("The trap frame at {at} cannot be read: {why}.")]);
    }
    match trap_context(live, at.0) {
        Some(context) => reader.both(trap_lines(live, at.0, &context), &context, How::TrapFrame),
        None => Vec::from([format!("There is no trap frame at {at}.")]),
    }
}

/// What a trap frame keeps, as the debugger prints it.
pub(super) fn trap_lines(live: &Live<'_>, at: u64, context: &Context) -> Vec<String> {
    let mut lines = Vec::new();
    match context.architecture {
        Architecture::X64 => lines.extend(PARTIAL.map(Into::into)),
        Architecture::X86 => {
            let code = live
                .space()
                .u32(VirtualAddress(at.wrapping_add(X86_ERROR_CODE)));
            lines.extend(code.map(|code| format!("ErrCode = {code:08x}")));
        }
        _ => {}
    }
    let fault = Fault::find(live).filter(|fault| fault.trap_frame == Some(at));
    let all = at_trap(context, fault.as_ref());
    let selectors = context.architecture == Architecture::X86;
    lines.extend(shown(live, context, &all, selectors));
    lines
}

/// The registers of a context record, as the debugger prints them.
pub(super) fn context_lines(live: &Live<'_>, context: &Context) -> Vec<String> {
    let all = context.registers.iter();
    let all: Vec<(String, u64)> = all.map(|one| (one.name.into(), one.value.0)).collect();
    shown(live, context, &all, true)
}

fn shown(
    live: &Live<'_>,
    context: &Context,
    all: &[(String, u64)],
    selectors: bool,
) -> Vec<String> {
    let values = |name: &str| Some(all.iter().find(|(known, _)| known == name)?.1);
    let mut lines = block(context.architecture, &values, selectors);
    // A line without segment registers has none in its operand either.
    let operand = |name: &str| values(name).filter(|_| selectors || !matches!(name, "ds" | "ss"));
    lines.extend(current(live, context.instruction_pointer.0, &operand));
    lines
}

/// The registers of a context record, and the stack from there on.
pub(super) fn context(words: &[&str], live: &Live<'_>) -> Vec<String> {
    let Some(reader) = Reader::new(live) else {
        return no_memory();
    };
    let at = match typed(words, live) {
        Some(Ok(at)) => at,
        Some(Err(lines)) => return lines,
        None => return Vec::from(["Usage: .cxr ADDRESS".into()]),
    };
    match Context::read(reader.architecture, &live.space(), at) {
        Some(context) => reader.both(context_lines(live, &context), &context, How::Context),
        None => Vec::from([format!(
            "There is no context record of this machine's kind at {at}, or it is not in the dump."
        )]),
    }
}

/// `.ecxr`: the registers at the exception, from its context record, else from the trap frame on the
/// stack.
pub(super) fn exception_context(_: &[&str], live: &Live<'_>) -> Vec<String> {
    let failure = live.report.failure.as_ref();
    if let Some(at) = failure.and_then(|failure| failure.context) {
        return context(&[&format!("{:x}", at.0)], live);
    }
    let frames = live.report.stack.iter().flat_map(|stack| &stack.frames);
    let mut frames = frames.filter(|frame| frame.how == How::TrapFrame);
    match frames.next() {
        Some(_) => trap(&[], live),
        None => Vec::from([
            "Unable to get exception context: the stop names no context record, and no trap frame is on the \
             stack. r shows the registers that the dump keeps."
                .into(),
        ]),
    }
}

/// An exception record; -1 is that of the stop.
pub(super) fn exception(words: &[&str], live: &Live<'_>) -> Vec<String> {
    let report = live.report;
    if matches!(words, [] | ["-1"]) {
        let Some(found) = &report.exception else {
            return super::absent("An exception");
        };
        let information: Vec<u64> = found.information.iter().map(|hex| hex.0).collect();
        return exception_lines(live, found.code, None, found.address.0, &information);
    }
    let at = match typed(words, live) {
        Some(Ok(at)) => at,
        Some(Err(lines)) => return lines,
        None => return no_memory(),
    };
    let architecture = live.architecture();
    let found = architecture.and_then(|kind| ExceptionRecord::read(kind, &live.space(), at));
    match found {
        Some(record) => exception_lines(
            live,
            record.code,
            Some(record.flags),
            record.address.0,
            &record.information,
        ),
        None => Vec::from([format!(
            "There is no exception record at {at}, or it is not in the dump."
        )]),
    }
}

/// What the debugger calls exceptions.
const EXCEPTIONS: [(u32, &str); 10] = [
    (0x8000_0003, "Break instruction exception"),
    (0x8000_0004, "Single step exception"),
    (0xC000_0005, "Access violation"),
    (0xC000_0006, "In-page I/O error"),
    (0xC000_001D, "Illegal instruction"),
    (0xC000_0094, "Integer divide-by-zero"),
    (0xC000_0096, "Privileged instruction"),
    (0xC000_00FD, "Stack overflow"),
    (
        0xC000_0409,
        "Security check failure or stack buffer overrun",
    ),
    (0xC000_0420, "Assertion failure"),
];

pub(super) fn exception_lines(
    live: &Live<'_>,
    code: u32,
    flags: Option<u32>,
    address: u64,
    information: &[u64],
) -> Vec<String> {
    let digits = 2 * usize::from(live.width());
    let place = live.named(address).map_or(String::new(), |place| {
        // The distance has as many digits as an address.
        let (name, into) = place.rsplit_once("+0x").unwrap_or((&place, "0"));
        format!(" ({name}+0x{into:0>digits$})")
    });
    let plain = EXCEPTIONS.iter().find(|(known, _)| *known == code);
    let name = plain
        .map(|(_, name)| *name)
        .or_else(|| ntstatus::name(code));
    let name = name.map_or(String::new(), |name| format!(" ({name})"));
    let mut lines = Vec::from([
        format!("ExceptionAddress: {address:0digits$x}{place}"),
        format!("   ExceptionCode: {code:08x}{name}"),
    ]);
    lines.extend(flags.map(|flags| format!("  ExceptionFlags: {flags:08x}")));
    lines.push(format!("NumberParameters: {}", information.len()));
    for (index, value) in information.iter().enumerate() {
        lines.push(format!("   Parameter[{index}]: {value:0digits$x}"));
    }
    if let (0xC000_0005, [kind, at, ..]) = (code, information) {
        let verb = match kind {
            0 => "read from",
            1 => "write to",
            8 => "execute non-executable",
            _ => "use",
        };
        lines.push(format!("Attempt to {verb} address {at:0digits$x}"));
    }
    lines
}

/// The stack of a thread.
///
/// # Errors
/// The reason why there is none, as the rest of a sentence.
pub(super) fn stack_frames(live: &Live<'_>, thread: &Thread) -> Result<Stack, String> {
    Reader::new(live)
        .ok_or_else(|| "the kind of machine is not known".into())
        .and_then(|reader| reader.of_thread(thread))
}

/// The stack of a thread, or why it cannot be shown.
pub(super) fn stack_of(live: &Live<'_>, thread: &Thread) -> Vec<String> {
    match stack_frames(live, thread) {
        Ok(stack) => frame_lines(&stack, is_wide(live.report), &TRAPS),
        Err(why) => Vec::from([format!("The stack cannot be shown: {why}.")]),
    }
}
