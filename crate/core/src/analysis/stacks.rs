//! The stacks beside the one that stopped the machine: of the other processors, and of the thread to
//! which the stop code's parameters lead.
//!
//! Windows halts the other processors before it writes a dump and has each save its registers in its
//! block (KPRCB.ProcessorState, or the record that KPRCB.Context points to).

use super::crash::hex;
use super::dump::{Dump, Space};
use super::known::Known;
use super::leads::Leads;
use super::names::{Namer, name_frames};
use crate::memory::VirtualAddress;
use crate::model::{Frame, Hex, How, Stack};
use crate::nt::processor::Running;
use crate::nt::{Context, Machine, PagedDump, ProcessorFacts, ThreadFacts};
use crate::source::Source;
use crate::stack::{Registers, StackRange, Start, range_above, scan, switched_away};
use crate::symbols::WithFiles;
use alloc::{format, string::String, vec::Vec};

/// The most processors whose stacks are read unasked.
const MAX_PROCESSORS: usize = 64;
/// Bytes of the stacks of deferred procedure calls, interrupts and exceptions.
const SPECIAL_STACK: u64 = 0x6000;
/// Modules of an idle loop: the kernel, and the drivers that put processors to sleep.
const RESTING: [&str; 5] = [
    "ntoskrnl.exe",
    "hal.dll",
    "intelppm.sys",
    "amdppm.sys",
    "processr.sys",
];
/// What is said of a silent processor whose registers nobody has.
const UNSAVED: &str = "This processor did not save its registers when Windows halted it, so its stack \
    cannot be told.";

/// The stacks that the facts name: the thread's, and those that the processor changes to.
pub(super) fn ranges(
    processor: Option<&ProcessorFacts>,
    thread: Option<&ThreadFacts>,
) -> Vec<StackRange> {
    let own = thread.and_then(|thread| thread.stack_limit.zip(thread.stack_base));
    let special = processor.map(|processor| processor.own_stacks);
    let special = special.into_iter().flatten().flatten();
    let below = |top: VirtualAddress| (VirtualAddress(top.0.saturating_sub(SPECIAL_STACK)), top);
    own.into_iter()
        .chain(special.map(below))
        .map(|(low, high)| StackRange { low, high })
        .collect()
}

/// Whether a processor without work comes through there: the kernel, or what puts it to sleep. A guess
/// says nothing.
fn rests(frame: &Frame) -> bool {
    frame.how == How::Scan
        || frame.module.as_deref().is_none_or(|name| {
            let asleep = |known: &&str| name.eq_ignore_ascii_case(known);
            RESTING.iter().any(asleep)
        })
}

/// What stacks are read with.
struct Reader<'a> {
    dump: &'a Dump<'a>,
    machine: Machine<'a>,
    space: &'a WithFiles<'a>,
}

/// Reads them.
pub(super) fn read(source: &dyn Source, known: &Known) -> Vec<Stack> {
    let (dump, paged) = (known.dump(), known.paged.as_ref());
    let (Some(dump), Some(machine)) = (&dump, paged.and_then(PagedDump::machine)) else {
        return Vec::new();
    };
    let space = Space::of(known, source);
    let space = dump.modules.over(&space, &known.files);
    let reader = Reader {
        dump,
        machine,
        space: &space,
    };
    let running: &[Running] = known.lists().map_or(&[], |lists| &lists.running);
    let stopped = dump.processor.and_then(|processor| processor.address);
    let leads = Leads::new(dump, machine, &space);
    let named = leads.processor(running);
    let parameter = |other: &Running| named.filter(|n| n.0 == other.block).map(|n| n.1);
    // The one that a parameter names comes first.
    let first = running.iter().filter(|other| parameter(other).is_some());
    let rest = running.iter().take(MAX_PROCESSORS);
    let mut stacks: Vec<Stack> = first
        .chain(rest.filter(|other| parameter(other).is_none()))
        .filter(|other| Some(other.block) != stopped)
        .filter_map(|other| reader.of_processor(other, parameter(other)))
        .collect();
    stacks.extend(reader.named_by_parameters(&stacks, leads.threads(known.lists())));
    let namer = Namer::new(&space, dump.modules, &known.files);
    for stack in &mut stacks {
        name_frames(stack, &namer, (0, 0));
        let process = stack.process.map(|at| VirtualAddress(at.0));
        let lists = known.lists();
        let process = process.and_then(|at| lists?.processes.at(at));
        stack.process_name = process.and_then(|process| process.name.clone());
    }
    stacks
}

impl Reader<'_> {
    fn scan(&self, registers: &Registers, stacks: &[StackRange], what: String) -> Stack {
        let dump = self.dump;
        let stack = scan(&Start {
            architecture: self.machine.architecture,
            modules: dump.modules,
            unloaded: dump.unloaded,
            memory: self.space,
            range: range_above(self.space, stacks, registers.stack_pointer),
            registers,
            how: How::Context,
            exception: None,
            stacks,
            // Only the processor that stopped the machine called for it.
            code: 0,
            parameters: dump.header.parameters.map(Option::unwrap_or_default),
        });
        Stack {
            about: Some(what),
            ..stack
        }
    }

    /// The stack of a processor; `named` is the parameter that names it.
    fn of_processor(&self, running: &Running, named: Option<u32>) -> Option<Stack> {
        let number = running.number;
        let which = match named {
            Some(parameter) => format!("Processor {number}, which parameter {parameter} names"),
            None => format!("Processor {number}"),
        };
        let Some(context) = Context::of_processor(self.machine, self.space, running.block) else {
            return named.map(|_| Stack {
                processor: Some(number),
                thread: hex(running.thread.as_ref().map(|thread| thread.address)),
                about: Some(which),
                limits: UNSAVED.into(),
                ..Stack::default()
            });
        };
        let facts = ProcessorFacts::read(self.machine, self.space, running.block);
        let thread = running.thread.as_ref().map(|thread| thread.address);
        let thread = thread.and_then(|at| ThreadFacts::read(self.machine, self.space, at));
        let stacks = ranges(Some(&facts), thread.as_ref());
        let stack = self.scan(&Registers::from(&context), &stacks, which);
        let deferred = running.dpc_active == Some(true) || !stack.frames.iter().all(rests);
        let (doing, rested) = match (context.user_mode(), running.idle) {
            (true, _) => (": it was running a program's own code.", false),
            (_, Some(true)) if deferred => (
                ": no thread ran on it, but an interrupt or a deferred call.",
                false,
            ),
            (_, Some(true)) => (": it had nothing to do.", true),
            _ => ("", false),
        };
        Some(Stack {
            processor: Some(number),
            thread: hex(running.thread.as_ref().map(|thread| thread.address)),
            process: hex(thread.and_then(|thread| thread.process)),
            about: stack.about.map(|which| which + doing),
            idle: rested && named.is_none(),
            ..stack
        })
    }

    /// The stacks of threads to which the stop code's parameters lead, without those that are
    /// listed already.
    fn named_by_parameters(
        &self,
        listed: &[Stack],
        leads: Vec<(VirtualAddress, String)>,
    ) -> Vec<Stack> {
        let current = hex(self.dump.thread.and_then(|thread| thread.address));
        let mut known: Vec<Option<Hex>> = listed.iter().map(|stack| stack.thread).collect();
        known.push(current);
        let mut found = Vec::new();
        for (at, what) in leads {
            let thread = Some(Hex(at.0));
            if !known.contains(&thread) {
                known.push(thread);
                found.extend(self.of_thread(at, what));
            }
        }
        found
    }

    fn of_thread(&self, at: VirtualAddress, what: String) -> Option<Stack> {
        let thread = ThreadFacts::read(self.machine, self.space, at)?;
        let stacks = ranges(None, Some(&thread));
        let base = self.dump.kernel_base();
        let registers = switched_away(
            self.machine.architecture,
            self.space,
            self.dump.modules.kernel(base)?,
            thread.kernel_stack?,
        )?;
        Some(Stack {
            thread: Some(Hex(at.0)),
            process: hex(thread.process),
            ..self.scan(&registers, &stacks, what)
        })
    }
}
