//! The stacks beside the one that stopped the machine: of the other processors, and of the thread to
//! which the stop code's parameters lead.
//!
//! Windows halts the other processors before it writes a dump and has each save its registers in its
//! block (KPRCB.ProcessorState, or the record that KPRCB.Context points to). Which parameter is a
//! thread: Microsoft's bug check reference.

use super::crash::hex;
use super::dump::{Dump, Space};
use super::known::Known;
use super::names::{Namer, name_frames};
use crate::knowledge::bugcheck::{self, ParameterKind};
use crate::memory::{AddressSpaceExt, VirtualAddress};
use crate::model::{Hex, How, Stack};
use crate::nt::exception::plain_stop_code;
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
/// IRP.Tail.Overlay.Thread, by bytes in a pointer (wdm.h).
const IRP_THREAD: [(u8, u64); 2] = [(8, 0x98), (4, 0x50)];

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
    let mut stacks: Vec<Stack> = running
        .iter()
        .take(MAX_PROCESSORS)
        .filter(|other| Some(other.block) != stopped)
        .filter_map(|other| reader.of_processor(other))
        .collect();
    stacks.extend(reader.named_by_parameters(&stacks));
    let namer = Namer::new(&space, dump.modules, &known.files);
    for stack in &mut stacks {
        name_frames(stack, &namer, 0);
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

    fn of_processor(&self, running: &Running) -> Option<Stack> {
        let context = Context::of_processor(self.machine, self.space, running.block)?;
        let facts = ProcessorFacts::read(self.machine, self.space, running.block);
        let thread = running.thread.as_ref().map(|thread| thread.address);
        let thread = thread.and_then(|at| ThreadFacts::read(self.machine, self.space, at));
        let stacks = ranges(Some(&facts), thread.as_ref());
        let number = running.number;
        let what = match (context.user_mode(), running.idle) {
            (true, _) => format!("Processor {number}: it was running a program's own code."),
            (_, Some(true)) => format!("Processor {number}: it had nothing to do."),
            _ => format!("Processor {number}"),
        };
        Some(Stack {
            processor: Some(number),
            thread: hex(running.thread.as_ref().map(|thread| thread.address)),
            process: hex(thread.and_then(|thread| thread.process)),
            ..self.scan(&Registers::from(&context), &stacks, what)
        })
    }

    /// The stacks of threads to which the stop code's parameters lead, without those that are
    /// listed already.
    fn named_by_parameters(&self, listed: &[Stack]) -> Vec<Stack> {
        let code = self.dump.header.bugcheck_code.unwrap_or(0);
        let values = self.dump.header.parameters.map(Option::unwrap_or_default);
        let texts = bugcheck::parameters(plain_stop_code(code), values);
        let current = hex(self.dump.thread.and_then(|thread| thread.address));
        let mut known: Vec<Option<Hex>> = listed.iter().map(|stack| stack.thread).collect();
        known.push(current);
        let mut found = Vec::new();
        for ((value, text), number) in values.into_iter().zip(&texts).zip(1..) {
            let Some((at, what)) = self.thread_behind(value, text.kind, number) else {
                continue;
            };
            if known.contains(&Some(Hex(at.0))) {
                continue;
            }
            known.push(Some(Hex(at.0)));
            found.extend(self.of_thread(at, what));
        }
        found
    }

    fn thread_behind(
        &self,
        value: u64,
        kind: ParameterKind,
        number: u32,
    ) -> Option<(VirtualAddress, String)> {
        use ParameterKind as Is;
        let width = self.machine.architecture.pointer_width();
        let value = VirtualAddress(value);
        match kind {
            // What is none is told by its first byte.
            Is::Thread | Is::Object | Is::Process => {
                Some((value, format!("The thread in parameter {number}")))
            }
            Is::Irp => {
                let (_, offset) = IRP_THREAD.into_iter().find(|entry| entry.0 == width)?;
                let at = self.space.pointer(value.checked_add(offset)?, width).ok()?;
                let what = format!("The thread of the I/O request in parameter {number}");
                Some((at, what))
            }
            _ => None,
        }
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
