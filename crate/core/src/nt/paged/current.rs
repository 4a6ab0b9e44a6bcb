//! The processor that stopped the machine, its thread and process, the exception, and the stack.
//!
//! The header's registers say which stack was in use; the processor whose thread, or whose stack
//! for deferred procedure calls, holds it is the one that stopped. Sources: see `nt::current`.

use super::PagedDump;
use crate::memory::{AddressSpace, AddressSpaceExt, KernelSpace, Missing, VirtualAddress};
use crate::model::Note;
use crate::nt::exception::{Candidates, CrashException, select};
use crate::nt::{
    Context, Machine, Member, ProcessFacts, ProcessorFacts, RunningThread, ThreadFacts,
};
use crate::source::Source;
use alloc::{format, vec::Vec};

/// More processors than any Windows runs on.
const MAX_PROCESSORS: u32 = 2048;
/// The most of a stack that is read: what Windows gives a thread that draws, and then some.
const MAX_STACK: u64 = 0x4_0000;
/// Processors that are asked side by side.
const FEW: usize = 4;
/// Stacks of deferred procedure calls and of interrupts.
const DPC_STACK: u64 = 0x6000;
const PAGE: u64 = 0x1000;

/// What was running.
#[derive(Clone, Debug, Default)]
pub struct Current {
    /// The processor that stopped the machine.
    pub processor: Option<ProcessorFacts>,
    /// Its thread.
    pub thread: Option<ThreadFacts>,
    /// The process of that thread.
    pub process: Option<ProcessFacts>,
    /// The exception that led to the stop.
    pub exception: Option<CrashException>,
    /// The stack: its lowest address in use, and the first behind it.
    pub stack: Option<(VirtualAddress, VirtualAddress)>,
    /// What is missing.
    pub notes: Vec<Note>,
}

impl Current {
    /// Reads it.
    #[must_use]
    pub fn read(source: &dyn Source, dump: &PagedDump) -> Self {
        let mut current = Self::default();
        let Some(space) = dump.space(source) else {
            return current;
        };
        current.exception = exception(dump, &space);
        let own = current.exception.as_ref().and_then(|e| e.context.as_ref());
        let registers = own.or(dump.ground.context.as_ref());
        let at = registers.map(|context| context.stack_pointer);
        current.find_processor(dump, &space, at);
        current.stack = at.and_then(|at| current.stack_around(&space, at));
        if let (Some(at), None) = (at, current.stack) {
            let why = space.read(at, &mut [0; 8]).err();
            let why = why.map_or_else(|| "it lies nowhere".into(), |why| format!("{why}"));
            let text = format!("The stack at {at} cannot be read: {why}.");
            current.notes.push(Note::new("no-stack", text));
        }
        current
    }

    /// The registers to start the stack from.
    #[must_use]
    pub fn crash_context<'a>(&'a self, dump: &'a PagedDump) -> Option<&'a Context> {
        let own = self.exception.as_ref().and_then(|e| e.context.as_ref());
        own.or(dump.ground.context.as_ref())
    }

    fn find_processor(
        &mut self,
        dump: &PagedDump,
        space: &KernelSpace<'_>,
        stack: Option<VirtualAddress>,
    ) {
        let Some(machine) = dump.machine() else {
            return;
        };
        let search = Search {
            machine,
            space,
            stack,
        };
        let chosen = search.among(&blocks(dump, space)).chosen;
        let chosen = chosen.map(|(block, thread)| {
            let processor = ProcessorFacts::read(machine, space, block);
            (processor, thread)
        });
        let Some((processor, thread)) = chosen else {
            let text = "Which processor stopped the machine cannot be told from the dump, so \
                        neither can its thread and process.";
            self.notes.push(Note::new("no-current-thread", text));
            return;
        };
        let process = thread.as_ref().and_then(|thread| thread.process);
        self.process = process.and_then(|at| ProcessFacts::read(machine, space, at));
        self.processor = Some(processor);
        self.thread = thread;
    }

    /// The stack that holds `at`: the thread's own, or as much as is mapped above.
    fn stack_around(
        &self,
        space: &KernelSpace<'_>,
        at: VirtualAddress,
    ) -> Option<(VirtualAddress, VirtualAddress)> {
        let own = self.thread.as_ref().and_then(|thread| {
            let (limit, base) = (thread.stack_limit?, thread.stack_base?);
            (limit..base).contains(&at).then_some(base)
        });
        let dpc = self.processor.as_ref().and_then(|processor| {
            let ends = processor.own_stacks.into_iter().flatten();
            ends.filter(|&end| is_below(at, end)).min()
        });
        let most = own
            .or(dpc)
            .map_or(DPC_STACK, |base| base.0 - at.0)
            .min(MAX_STACK);
        let mut end = at.0;
        let last = at.0.saturating_add(most);
        let mut next = at.0;
        // Pages behind one that is not fetched yet are asked for too.
        while next < last {
            let read = space.read(VirtualAddress(next), &mut [0; 1]);
            let here = next;
            next = ((here / PAGE).saturating_add(1).saturating_mul(PAGE)).min(last);
            match read {
                Ok(()) if end == here => end = next,
                Ok(()) | Err(Missing::File(_)) => {}
                Err(_) => break,
            }
        }
        (end > at.0).then_some((at, VirtualAddress(end)))
    }
}

fn exception(dump: &PagedDump, space: &KernelSpace<'_>) -> Option<CrashException> {
    select(&Candidates {
        architecture: dump.ground.architecture?,
        stop_code: dump.header.bugcheck_code.unwrap_or(0),
        parameters: dump.parameters(),
        header_record: dump.ground.header_exception.as_ref(),
        header_context: dump.ground.context.as_ref(),
        space,
    })
}

/// Addresses of the processor blocks.
pub(super) fn blocks(dump: &PagedDump, space: &KernelSpace<'_>) -> Vec<VirtualAddress> {
    let data = dump.ground.debugger_data.as_ref();
    let Some(array) = data.and_then(|data| data.address(Member::KiProcessorBlock)) else {
        return Vec::new();
    };
    let width = dump.pointer_width();
    let count = dump.header.processors.unwrap_or(1).clamp(1, MAX_PROCESSORS);
    (0..u64::from(count))
        .filter_map(|i| array.checked_add(i * u64::from(width)))
        .filter_map(|at| space.pointer(at, width).ok())
        .filter(|block| block.0 != 0)
        .collect()
}

/// A processor's block and its thread.
type Chosen = (VirtualAddress, Option<ThreadFacts>);

/// What a look at some of the processors gave.
#[derive(Default)]
struct Look {
    chosen: Option<Chosen>,
    /// Whether something is still to be fetched: until then nobody else is asked.
    waiting: bool,
}

impl Look {
    fn or_else(self, other: impl FnOnce() -> Self) -> Self {
        if self.chosen.is_some() || self.waiting {
            self
        } else {
            other()
        }
    }
}

/// The search for the processor that used a stack.
struct Search<'a> {
    machine: Machine<'a>,
    space: &'a KernelSpace<'a>,
    stack: Option<VirtualAddress>,
}

impl Search<'_> {
    /// The processor that stopped the machine was busy, as a rule: the idle ones, and the stacks
    /// for deferred procedure calls, are only looked at when it is none of the busy ones. A few
    /// are asked at a time, each a page of the file or two, while other lists are walked.
    fn among(&self, blocks: &[VirtualAddress]) -> Look {
        if let &[block] = blocks {
            let thread = RunningThread::read(self.machine, self.space, block).thread;
            let thread = thread.and_then(|at| ThreadFacts::read(self.machine, self.space, at));
            return Look {
                chosen: Some((block, thread)),
                waiting: false,
            };
        }
        let mut all = Vec::new();
        for few in blocks.chunks((blocks.len() / 8).max(FEW)) {
            let mut waiting = false;
            let from = all.len();
            for &block in few {
                waiting |= self.is_coming(block);
                all.push(RunningThread::read(self.machine, self.space, block));
            }
            let look = self.look(all.get(from..).unwrap_or_default(), false, false);
            if waiting || look.waiting || look.chosen.is_some() {
                return look;
            }
        }
        self.look(&all, true, false)
            .or_else(|| self.look(&all, false, true))
            .or_else(|| self.look(&all, true, true))
            .or_else(|| self.by_saved_registers(&all))
    }

    /// Whether what stands at an address was asked for and has not come yet.
    fn is_coming(&self, at: VirtualAddress) -> bool {
        matches!(self.space.read(at, &mut [0; 1]), Err(Missing::File(_)))
    }

    /// On a stack that nothing names, as a double fault's on older builds: the registers that the
    /// processor saved tell whose it was.
    fn by_saved_registers(&self, all: &[RunningThread]) -> Look {
        let (machine, space) = (self.machine, self.space);
        let found = all.iter().find(|running| {
            let saved = Context::of_processor(machine, space, running.block);
            saved.is_some_and(|saved| Some(saved.stack_pointer) == self.stack)
        });
        let chosen = found.map(|running| {
            let thread = running.thread;
            let thread = thread.and_then(|at| ThreadFacts::read(machine, space, at));
            (running.block, thread)
        });
        Look {
            chosen,
            waiting: false,
        }
    }

    fn look(&self, all: &[RunningThread], idle: bool, dpc: bool) -> Look {
        let (machine, space) = (self.machine, self.space);
        let mut look = Look::default();
        for running in all.iter().filter(|running| running.idle == idle) {
            let thread = running.thread.and_then(|at| {
                look.waiting |= self.is_coming(at);
                ThreadFacts::read(machine, space, at)
            });
            let own = dpc.then(|| ProcessorFacts::read_own_stacks(machine, space, running.block));
            if runs_on(self.stack, own.unwrap_or_default(), thread.as_ref()) {
                look.chosen = look.chosen.or(Some((running.block, thread)));
            }
        }
        look
    }
}

/// Whether `at` lies on the processor's own stack that ends at `end`.
fn is_below(at: VirtualAddress, end: VirtualAddress) -> bool {
    at < end && end.0 - at.0 <= DPC_STACK
}

/// Whether a processor was using the stack at `stack`: its thread's own, or one of those of its
/// own that end at `own`.
fn runs_on(
    stack: Option<VirtualAddress>,
    own: [Option<VirtualAddress>; 3],
    thread: Option<&ThreadFacts>,
) -> bool {
    let Some(at) = stack else {
        return false;
    };
    let of_thread = thread.and_then(|thread| Some((thread.stack_limit?, thread.stack_base?)));
    of_thread.is_some_and(|(limit, base)| limit <= at && at < base)
        || own.into_iter().flatten().any(|end| is_below(at, end))
}
