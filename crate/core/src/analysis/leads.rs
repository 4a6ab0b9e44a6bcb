//! Whom the stop code's parameters lead to: the thread on which everybody waits, the threads of the
//! process that must not end, the processor that fell silent.
//!
//! Which parameter is what: Microsoft's bug check reference. IRP.Tail.Overlay.Thread: wdm.h. The
//! record of a stuck power transition (TRIAGE_9F_POWER, which that reference describes) and the list
//! of power workers behind it (POP_IRP_WORKER_ENTRY): Windows symbols as Vergilius has them, the same
//! from Windows 7 to 11.

use super::dump::Dump;
use crate::knowledge::bugcheck::{self, ParameterKind, ParameterText};
use crate::memory::{AddressSpace, AddressSpaceExt, VirtualAddress};
use crate::nt::exception::plain_stop_code;
use crate::nt::list::Ring;
use crate::nt::paged::Lists;
use crate::nt::processor::Running;
use crate::nt::{Machine, thread};
use alloc::{format, string::String, vec::Vec};

/// Threads of a process that are followed, and workers of the power manager that are looked at.
const MAX_OF_PROCESS: usize = 4;
const MAX_WORKERS: usize = 64;

/// Offsets of what is read, by bytes in a pointer.
struct Offsets {
    /// IRP.Tail.Overlay.Thread.
    irp_thread: u64,
    /// TRIAGE_9F_POWER.ThreadList.
    workers: u64,
    /// POP_IRP_WORKER_ENTRY: Thread and Irp.
    thread: u64,
    irp: u64,
}
static WIDE: Offsets = Offsets {
    irp_thread: 0x98,
    workers: 0x10,
    thread: 0x10,
    irp: 0x18,
};
static NARROW: Offsets = Offsets {
    irp_thread: 0x50,
    workers: 0x08,
    thread: 0x08,
    irp: 0x0C,
};
/// TRIAGE_9F_POWER.Signature.
const POWER_RECORD: u16 = 0x8000;

/// What the parameters are followed with.
pub(super) struct Leads<'a> {
    dump: &'a Dump<'a>,
    machine: Machine<'a>,
    space: &'a dyn AddressSpace,
    code: u32,
    values: [u64; 4],
    texts: [ParameterText; 4],
}

impl<'a> Leads<'a> {
    pub(super) fn new(
        dump: &'a Dump<'a>,
        machine: Machine<'a>,
        space: &'a dyn AddressSpace,
    ) -> Self {
        let code = plain_stop_code(dump.header.bugcheck_code.unwrap_or(0));
        let values = dump.header.parameters.map(Option::unwrap_or_default);
        Self {
            dump,
            machine,
            space,
            code,
            values,
            texts: bugcheck::parameters(code, values),
        }
    }

    fn width(&self) -> u8 {
        self.machine.architecture.pointer_width()
    }

    fn offsets(&self) -> &'static Offsets {
        if self.width() == 8 { &WIDE } else { &NARROW }
    }

    fn pointer(&self, at: u64, offset: u64) -> Option<VirtualAddress> {
        let at = VirtualAddress(at).checked_add(offset)?;
        self.space.pointer(at, self.width()).ok()
    }

    /// The parameters of this kind: value and number.
    fn of_kind(&self, kind: ParameterKind) -> impl Iterator<Item = (u64, u32)> {
        let all = self.values.into_iter().zip(&self.texts).zip(1..);
        all.filter_map(move |((value, text), number)| {
            (text.kind == kind).then_some((value, number))
        })
    }

    /// The processor that a parameter names, by its block or by its number, with that parameter.
    pub(super) fn processor(&self, running: &[Running]) -> Option<(VirtualAddress, u32)> {
        let by_block = self
            .of_kind(ParameterKind::Prcb)
            .find_map(|(value, number)| {
                let named = running.iter().find(|other| other.block.0 == value)?;
                Some((named.block, number))
            });
        // Processor 0 is also what stands where nothing was written.
        let by_number = || {
            let mut numbers = self.of_kind(ParameterKind::ProcessorIndex);
            numbers.find_map(|(value, number)| {
                let fits = |other: &&Running| value != 0 && u64::from(other.number) == value;
                Some((running.iter().find(fits)?.block, number))
            })
        };
        by_block.or_else(by_number)
    }

    /// The threads, the most telling first, and what each is. What is none is told when it is read.
    pub(super) fn threads(&self, lists: Option<&Lists>) -> Vec<(VirtualAddress, String)> {
        use ParameterKind as Is;
        let mut found: Vec<(VirtualAddress, String)> = self.power_worker().into_iter().collect();
        let mut add = |value: u64, what: String| found.push((VirtualAddress(value), what));
        for ((&value, text), number) in self.values.iter().zip(&self.texts).zip(1..) {
            match text.kind {
                Is::Thread | Is::Object | Is::Process => {
                    add(value, format!("The thread in parameter {number}"));
                    for at in self.of_process(value, lists) {
                        add(
                            at.0,
                            format!("A thread of the process in parameter {number}"),
                        );
                    }
                }
                Is::Irp => {
                    if let Some(at) = self.pointer(value, self.offsets().irp_thread) {
                        let what = format!("The thread of the I/O request in parameter {number}");
                        add(at.0, what);
                    }
                }
                _ => {}
            }
        }
        found
    }

    /// Threads of a process whose end stopped Windows, where it was another one's thread that did.
    fn of_process(&self, value: u64, lists: Option<&Lists>) -> Vec<VirtualAddress> {
        let ended = matches!(self.code, 0xEF | 0xF4);
        let current = self.dump.process.and_then(|process| process.address);
        let process = || {
            let lists = lists?;
            let process = lists.processes.at(VirtualAddress(value))?;
            let layout = lists.processes.layout.as_ref()?;
            let (space, machine) = (self.space, self.machine);
            let at = process.address;
            Some(thread::of_process(space, machine, at, layout, &lists.threads).found)
        };
        if !ended || current == Some(VirtualAddress(value)) {
            return Vec::new();
        }
        let mut threads = process().unwrap_or_default();
        threads.truncate(MAX_OF_PROCESS);
        threads
    }

    /// The power manager's worker that is inside a driver with the request that does not end.
    fn power_worker(&self) -> Option<(VirtualAddress, String)> {
        let [kind, _, record, request] = self.values;
        if self.code != 0x9F || kind != 3 || request == 0 {
            return None;
        }
        if self.space.u16(VirtualAddress(record)).ok()? != POWER_RECORD {
            return None;
        }
        let offsets = self.offsets();
        let ring = Ring {
            space: self.space,
            head: self.pointer(record, offsets.workers)?,
            width: self.width(),
            cap: MAX_WORKERS,
            ahead: 0,
        };
        let workers = ring.walk().found;
        let holds = |worker: &&VirtualAddress| {
            self.pointer(worker.0, offsets.irp) == Some(VirtualAddress(request))
        };
        let worker = workers.iter().find(holds)?;
        let thread = self.pointer(worker.0, offsets.thread)?;
        let what =
            "The power manager's worker that handed the I/O request in parameter 4 to a driver";
        Some((thread, what.into()))
    }
}
