//! `!process` and `.process`: processes and their threads.
//!
//! Layout of the answers: public outputs of the debugger's commands of these names.

use super::Live;
use super::live::joined;
use super::thread::{Teller, span};
use super::threads::{MAX_STACKS, stack_of};
use crate::memory::VirtualAddress;
use crate::nt::process::{Process, ProcessLayout, Reader};
use crate::nt::process_detail::ProcessDetail;
use crate::nt::thread::{self, Thread, ThreadLayout};
use crate::nt::thread_detail::Clock;
use crate::nt::{Machine, Space};
use crate::symbols::layout::Layouts;
use crate::time::iso8601_from_filetime;
use alloc::{format, string::String, vec::Vec};

/// Memory, times and token are told too (`!process … 1`).
const MORE: u64 = 1;
/// Threads with what they wait for (`!process … 2`).
const THREADS: u64 = 2;
/// And the stack of each (`!process … 6`).
const STACKS: u64 = 4;
/// Threads that one command lists.
const MAX_LISTED: usize = 5_000;

/// What processes and threads are read with.
pub(super) struct View<'a> {
    pub live: &'a Live<'a>,
    pub space: Space<'a>,
    pub machine: Machine<'a>,
    pub processes: Vec<Process>,
    of_process: Option<ProcessLayout>,
    pub of_thread: ThreadLayout,
    pub layouts: Layouts<'static>,
}

impl<'a> View<'a> {
    /// Nothing when the dump has no debugger data block.
    pub(super) fn new(live: &'a Live<'a>) -> Option<Self> {
        let machine = Machine {
            architecture: live.architecture()?,
            build: live.header()?.minor_version.unwrap_or_default(),
            debugger_data: live.debugger_data()?,
        };
        let layouts = machine.layouts();
        let lists = live.lists();
        let found = lists.and_then(|lists| lists.processes.layout.clone());
        Some(Self {
            live,
            space: live.space(),
            machine,
            processes: lists.map_or_else(Vec::new, |lists| lists.processes.all.clone()),
            of_process: found.or_else(|| ProcessLayout::likeliest(machine, &layouts)),
            of_thread: match lists {
                Some(lists) => lists.threads.clone(),
                None => ThreadLayout::kernel_part(machine, &layouts),
            },
            layouts,
        })
    }

    /// The process object at an address.
    pub(super) fn process(&self, at: VirtualAddress) -> Option<Process> {
        let listed = self.processes.iter().find(|process| process.address == at);
        if let Some(listed) = listed {
            return Some(listed.clone());
        }
        let reader = Reader {
            space: &self.space,
            machine: self.machine,
            layout: self.of_process.as_ref()?,
        };
        reader.process(at)
    }

    /// The thread object at an address.
    pub(super) fn thread(&self, at: VirtualAddress) -> Option<Thread> {
        Thread::read(&self.space, self.machine, &self.of_thread, at)
    }

    /// The threads of a process, and why some may be missing.
    pub(super) fn threads(&self, process: VirtualAddress) -> (Vec<Thread>, Option<String>) {
        let Some(layout) = &self.of_process else {
            return (
                Vec::new(),
                Some("The layout of processes is not known.".into()),
            );
        };
        if self.of_thread.links.is_none() || layout.threads.is_none() {
            let why = "This kernel keeps its lists of threads where no table says.";
            return (Vec::new(), Some(why.into()));
        }
        let entries =
            thread::of_process(&self.space, self.machine, process, layout, &self.of_thread);
        let read = |&at: &VirtualAddress| self.thread(at);
        let found: Vec<Thread> = entries.found.iter().filter_map(read).collect();
        let lost = entries.lost || found.len() < entries.found.len();
        let why = entries.damage.filter(|_| lost);
        let why = why.map(|why| format!("The list of its threads is not whole: {why}."));
        (found, why)
    }

    /// An address with all its digits and no back-tick, as extensions of the debugger print it.
    pub(super) fn plain(&self, at: Option<VirtualAddress>) -> String {
        let digits = 2 * usize::from(self.machine.architecture.pointer_width());
        format!("{:0digits$x}", at.map_or(0, |at| at.0))
    }

    /// The same of what may not be recorded: a question mark then, and zeros where a null stands.
    pub(super) fn or_none(&self, at: Option<VirtualAddress>) -> String {
        at.map_or_else(|| "?".into(), |at| self.plain(Some(at)))
    }

    fn detail(&self, process: &Process) -> ProcessDetail {
        let layout = self.of_process.as_ref();
        layout.map_or_else(ProcessDetail::default, |layout| {
            ProcessDetail::read(
                &self.space,
                self.machine,
                &self.layouts,
                layout,
                process.address,
            )
        })
    }
}

/// One line: this dump cannot tell.
pub(super) fn no_view() -> Vec<String> {
    super::absent("What processes and threads are read with, the debugger data block,")
}

/// `!process 0 0`, `!process ADDRESS|PID [FLAGS]`, `!process 0 FLAGS NAME`.
pub(super) fn process(words: &[&str], live: &Live<'_>) -> Vec<String> {
    let Some(view) = View::new(live) else {
        return super::memory::process(words, live.report);
    };
    let words = joined(words);
    let flags = words.get(1).and_then(|word| super::number(word));
    let named = words.first().filter(|&word| word != "-1");
    let first = match named {
        Some(word) => match live.evaluate(word) {
            Ok(value) => value,
            Err(why) => return Vec::from([why]),
        },
        None => match live.report.stack.as_ref().and_then(|stack| stack.process) {
            Some(current) => current.0,
            None => return super::absent("The process that was running"),
        },
    };
    let name = words.get(2);
    if first == 0 {
        return every(
            &view,
            flags.unwrap_or(0),
            name.map(String::as_str),
            words.len(),
        );
    }
    // Small numbers are identifiers, as in the debugger.
    let by_id = view
        .processes
        .iter()
        .find(|p| p.pid.map(u64::from) == Some(first));
    let found = match by_id {
        Some(process) => Some(process.clone()),
        None => view.process(VirtualAddress(first)),
    };
    match found {
        Some(process) => {
            let mut lines = one(&view, &process, flags.unwrap_or(THREADS | MORE));
            if process.address.0 != first {
                lines.insert(0, format!("Searching for Process with Cid == {first:x}"));
            }
            lines
        }
        None => Vec::from([format!(
            "{} is no process object of this dump.",
            live.address(first)
        )]),
    }
}

fn every(view: &View<'_>, flags: u64, name: Option<&str>, words: usize) -> Vec<String> {
    if view.processes.is_empty() {
        let mut lines = super::memory::process(&[], view.live.report);
        let notes = &view.live.report.notes;
        lines.extend(
            notes
                .iter()
                .filter(|note| note.code == "no-processes")
                .map(|note| note.text.clone()),
        );
        return lines;
    }
    let mut lines = Vec::new();
    if words > 0 && name.is_none() {
        lines.push("**** NT ACTIVE PROCESS DUMP ****".into());
    }
    let meant = view.processes.iter().filter(|process| {
        name.is_none_or(|name| {
            process
                .name
                .as_deref()
                .is_some_and(|own| own.eq_ignore_ascii_case(name))
        })
    });
    for process in meant {
        lines.extend(one(view, process, flags));
    }
    let cut = view.live.report.notes.iter();
    let cut = cut.filter(|note| note.code == "processes-cut");
    lines.extend(cut.map(|note| note.text.clone()));
    lines
}

/// An identifier in the four digits of the debugger.
pub(super) fn hex(value: Option<u32>) -> String {
    value.map_or_else(|| "?".into(), |value| format!("{value:04x}"))
}

fn one(view: &View<'_>, process: &Process, flags: u64) -> Vec<String> {
    let session = process
        .session
        .map_or("none".into(), |id| format!("{id:x}"));
    let directory = process
        .directory
        .map_or("?".into(), |at| format!("{at:08x}"));
    let detail = view.detail(process);
    let handles = match (detail.handles, detail.table) {
        (Some(count), _) => format!("{count:3}."),
        (None, Some(VirtualAddress(0))) => "  0.".into(),
        _ => "<Data Not Accessible>".into(),
    };
    let pointer = |at: Option<VirtualAddress>| at.map_or("?".into(), |at| format!("{:08x}", at.0));
    let mut lines = Vec::from([
        format!("PROCESS {}", view.plain(Some(process.address))),
        format!(
            "    SessionId: {session}  Cid: {}    Peb: {}  ParentCid: {}",
            hex(process.pid),
            pointer(detail.environment),
            hex(process.parent_pid)
        ),
        format!(
            "    DirBase: {directory}  ObjectTable: {}  HandleCount: {handles}",
            pointer(detail.table)
        ),
        format!("    Image: {}", process.name.as_deref().unwrap_or("?")),
    ]);
    if flags & MORE != 0 {
        lines.extend(more(view, process, &detail));
    }
    if flags & (THREADS | STACKS) != 0 {
        lines.extend(threads(view, process, flags));
    }
    lines.push(String::new());
    lines
}

/// What flag 1 adds: memory, times, token.
fn more(view: &View<'_>, process: &Process, detail: &ProcessDetail) -> Vec<String> {
    let mut lines = Vec::new();
    let mut vad = String::new();
    for (what, value) in [
        ("VadRoot", detail.ranges.map(|at| view.plain(Some(at)))),
        ("Private", process.private.map(|pages| format!("{pages}."))),
        ("Locked", detail.locked.map(|pages| format!("{pages}."))),
    ] {
        if let Some(value) = value {
            vad += &format!(" {what} {value}");
        }
    }
    if !vad.is_empty() {
        lines.push(format!("   {vad}"));
    }
    let mut line = |what: &str, value: Option<String>| {
        let gap = if what.len() > 30 { 33 } else { 34 };
        lines.extend(value.map(|value| format!("    {what:<gap$}{value}")));
    };
    let clock = Clock::read(&view.space, view.machine);
    let ticks = |ticks: Option<u32>| {
        let long = ticks.and_then(|ticks| clock.milliseconds(ticks));
        long.map(|long| span(long, false))
    };
    let path = process.path.clone();
    line("Token", detail.token.map(|at| view.plain(Some(at))));
    line("ElapsedTime", elapsed(view, process));
    line("UserTime", ticks(detail.ticks[0]));
    line("KernelTime", ticks(detail.ticks[1]));
    let working_set = process.working_set.map(|pages| {
        let kilobytes = pages.saturating_mul(4);
        format!("({pages}, ?, ?) ({kilobytes}KB, ?KB, ?KB)")
    });
    line("Working Set Sizes (now,min,max)", working_set);
    line(
        "PeakWorkingSetSize",
        detail.peak.map(|pages| format!("{pages}")),
    );
    let megabytes = |bytes: Option<u64>| bytes.map(|bytes| format!("{} Mb", bytes >> 20));
    line("VirtualSize", megabytes(detail.size));
    line("PeakVirtualSize", megabytes(detail.peak_size));
    line(
        "CommitCharge",
        process.commit.map(|pages| format!("{pages}")),
    );
    line("Job", detail.job.map(|at| view.plain(Some(at))));
    let time = |filetime: Option<u64>| filetime.and_then(iso8601_from_filetime);
    line("CreateTime", time(process.created));
    line("ExitTime", time(process.exited));
    let status = detail.exit_status.filter(|_| process.exited.is_some());
    line("ExitStatus", status.map(|status| format!("{status:08x}")));
    line("Path", path);
    lines
}

/// How long it had run when Windows stopped, or until it ended.
fn elapsed(view: &View<'_>, process: &Process) -> Option<String> {
    let header = view.live.header()?;
    let end = process.exited.or(header.system_time)?;
    let ran = end.checked_sub(process.created?)?;
    Some(span(ran / 10_000, false))
}

fn threads(view: &View<'_>, process: &Process, flags: u64) -> Vec<String> {
    let (threads, why) = view.threads(process.address);
    let stacks = flags & STACKS != 0 && flags & THREADS != 0;
    let most = if stacks { MAX_STACKS } else { MAX_LISTED };
    let mut lines = Vec::new();
    let teller = Teller::new(view);
    if threads.is_empty() && why.is_none() {
        lines.push("No active threads".into());
    }
    for thread in threads.iter().take(most) {
        lines.push(String::new());
        // Alone, flag 4 is a line for each thread; with 2 and 1 everything is told.
        let mut told = teller.lines(thread, flags & (MORE | THREADS) == MORE | THREADS);
        if flags & THREADS == 0 {
            told.truncate(1);
        }
        if stacks {
            told.extend(stack_of(view.live, thread));
        }
        lines.extend(told.iter().map(|line| format!("        {line}")));
    }
    if threads.len() > most {
        lines.push(format!("No more than {most} threads are listed."));
    }
    lines.extend(why);
    lines
}

/// `.process`: the process that was running.
pub(super) fn current(_: &[&str], live: &Live<'_>) -> Vec<String> {
    let stack = live.report.stack.as_ref();
    match stack.and_then(|stack| stack.process) {
        Some(at) => Vec::from([format!("Implicit process is {}", live.address(at.0))]),
        None => super::absent("The process that was running"),
    }
}
