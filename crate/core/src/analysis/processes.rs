//! Processes, and what every processor was running, as the report shows them.

use super::dump::Dump;
use super::identity;
use super::known::Known;
use crate::memory::VirtualAddress;
use crate::model::{Confidence, Hex, Process, Processor, Report};
use crate::nt::paged::Lists;
use crate::nt::process::{ProcessLayout, ProcessList, Processes, Reader};
use crate::nt::processor::{self, ProcessorLayout, Running};
use crate::nt::thread::ThreadLayout;
use crate::nt::{self, Machine, Minidump, PagedDump};
use crate::source::Source;
use crate::symbols::layout::Layouts;
use crate::time::iso8601_from_filetime;
use alloc::{string::String, vec::Vec};

/// Walks the list of processes.
pub(super) fn walk(source: &dyn Source, dump: &PagedDump, known: &Known) -> Option<ProcessList> {
    let layouts =
        Layouts::for_kernel(&identity::kernel(&dump.header, known)).with_types(known.types());
    dump.walk_processes(source, &layouts)
}

/// Reads what each of them tells, and what the processors were running.
pub(super) fn read(source: &dyn Source, dump: &PagedDump, known: &Known) -> Lists {
    let layouts =
        Layouts::for_kernel(&identity::kernel(&dump.header, known)).with_types(known.types());
    dump.read_running(source, &layouts, known.process_list.as_ref())
}

/// What a minidump holds of them: the process and the thread that were running, and their
/// processor. `None` without a debugger data block.
pub(super) fn of_minidump(source: &dyn Source, dump: &Minidump, known: &Known) -> Option<Lists> {
    let machine = Machine {
        architecture: dump.architecture?,
        build: dump.header.minor_version.unwrap_or(0),
        debugger_data: dump.debugger_data.as_ref()?,
    };
    let layouts =
        Layouts::for_kernel(&identity::kernel(&dump.header, known)).with_types(known.types());
    let space = dump.space(source);
    let layout = ProcessLayout::likeliest(machine, &layouts);
    let facts = dump.process.as_ref();
    let process = facts.and_then(|facts| {
        let reader = Reader {
            space: &space,
            machine,
            layout: layout.as_ref()?,
        };
        let process = reader.process(facts.address?)?;
        // Two tables must agree on who it is.
        let same = facts.pid.is_none() || facts.pid == process.pid;
        same.then_some(process)
    });
    let threads = ThreadLayout::of_size(machine, &layouts);
    let blocks: Vec<VirtualAddress> = dump.processor.iter().filter_map(|p| p.address).collect();
    let found = ProcessorLayout::find(machine, &layouts);
    let mut running = processor::running(&space, machine, &found, &threads, &blocks);
    for thread in running
        .iter_mut()
        .filter_map(|running| running.thread.as_mut())
    {
        // Another layout than this kernel's names another process.
        if thread.pid.is_none() || thread.pid != facts.and_then(|facts| facts.pid) {
            (thread.pid, thread.id) = (None, None);
        }
    }
    Some(Lists {
        processes: Processes {
            all: process.into_iter().collect(),
            layout,
            ..Processes::default()
        },
        running,
        threads,
    })
}

/// Adds them to the report.
pub(super) fn compose(dump: &Dump<'_>, lists: &Lists, report: &mut Report) {
    let processes = &lists.processes;
    let confidence = processes.layout.as_ref().map(|layout| layout.confidence);
    let sure = confidence.filter(|&sure| sure != Confidence::Certain);
    let described: Vec<Process> = processes.all.iter().map(|p| describe(p, sure)).collect();
    if !described.is_empty() {
        let memory = report.memory.get_or_insert_default();
        memory.processes = described;
    }
    report.notes.extend(processes.notes.iter().cloned());
    let stopped = dump.processor.and_then(|p| p.address);
    report.processors = lists
        .running
        .iter()
        .map(|running| processor(running, lists, stopped))
        .collect();
    complete_stack(dump, lists, report);
}

fn describe(process: &nt::process::Process, confidence: Option<Confidence>) -> Process {
    let time = |filetime: Option<u64>| filetime.and_then(iso8601_from_filetime);
    Process {
        pid: process.pid,
        parent_pid: process.parent_pid,
        name: process.name.clone().unwrap_or_default(),
        session: process.session,
        created: time(process.created),
        exited: time(process.exited),
        commit_pages: process.commit.map(Hex),
        private_pages: process.private.map(Hex),
        working_set_pages: process.working_set.map(Hex),
        threads: process.threads,
        address: Some(Hex(process.address.0)),
        confidence,
    }
}

fn processor(running: &Running, lists: &Lists, stopped: Option<VirtualAddress>) -> Processor {
    let thread = running.thread.as_ref();
    let address = thread.and_then(|thread| thread.process);
    let process = address.and_then(|at| lists.processes.at(at));
    let idle = running.idle == Some(true);
    let name: Option<String> = process.and_then(|process| process.name.clone());
    Processor {
        number: running.number,
        stopped: stopped == Some(running.block),
        thread: thread.map(|thread| Hex(thread.address.0)),
        // Idle threads have none.
        thread_id: thread.and_then(|thread| thread.id).filter(|&id| id != 0),
        process: address.map(|at| Hex(at.0)),
        pid: process
            .and_then(|process| process.pid)
            .or(idle.then_some(0)),
        process_name: name.or_else(|| idle.then(|| "Idle".into())),
        idle: running.idle,
        dpc_active: running.dpc_active,
        irql: running.irql.filter(|_| stopped == Some(running.block)),
    }
}

/// The name of the process that was running, where it is longer than its object holds.
fn complete_stack(dump: &Dump<'_>, lists: &Lists, report: &mut Report) {
    let current = dump.process.and_then(|p| p.address);
    let process = current.and_then(|at| lists.processes.at(at));
    let name = process.and_then(|process| process.name.as_ref());
    if let (Some(stack), Some(name)) = (&mut report.stack, name) {
        stack.process_name = Some(name.clone());
    }
}
