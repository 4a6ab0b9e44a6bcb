//! `!process`, `!thread`, `!stacks`, `!ready`, `.process`: processes and their threads.

use super::Live;
use super::live::joined;
use super::threads::{MAX_STACKS, stack_of};
use crate::memory::VirtualAddress;
use crate::nt::process::{Process, ProcessLayout, Reader};
use crate::nt::thread::{self, RUNNING, Thread, ThreadLayout};
use crate::nt::{Machine, Space};
use crate::symbols::KernelIdentity;
use crate::symbols::layout::Layouts;
use crate::time::iso8601_from_filetime;
use alloc::{format, string::String, vec::Vec};

/// Threads are told too (`!process … 2`).
const THREADS: u64 = 2;
/// And the stack of each (`!process … 6`).
const STACKS: u64 = 4;
/// The state of a thread that waits for a processor.
const READY: [u8; 3] = [1, 3, 7];
/// Threads that one command lists.
const MAX_LISTED: usize = 5_000;

/// What processes and threads are read with.
pub(super) struct View<'a> {
    pub live: &'a Live<'a>,
    pub space: Space<'a>,
    pub machine: Machine<'a>,
    processes: Vec<Process>,
    of_process: Option<ProcessLayout>,
    pub of_thread: ThreadLayout,
}

impl<'a> View<'a> {
    /// Nothing when the dump has no debugger data block.
    pub(super) fn new(live: &'a Live<'a>) -> Option<Self> {
        let machine = Machine {
            architecture: live.architecture()?,
            build: live.header()?.minor_version.unwrap_or_default(),
            debugger_data: live.debugger_data()?,
        };
        let layouts = Layouts::for_kernel(&KernelIdentity {
            machine: machine.architecture.machine(),
            build: machine.build,
            ..KernelIdentity::default()
        });
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
    fn threads(&self, process: VirtualAddress) -> (Vec<Thread>, Option<String>) {
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

    fn at(&self, at: VirtualAddress) -> String {
        self.live.address(at.0)
    }

    fn or_none(&self, at: Option<VirtualAddress>) -> String {
        at.map_or_else(|| "none".into(), |at| self.at(at))
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
    let first = match words.first() {
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
    if first == 0 || first == u64::MAX >> 32 {
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
        Some(process) => one(&view, &process, flags.unwrap_or(THREADS | 1)),
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

fn hex(value: Option<u32>) -> String {
    value.map_or_else(|| "?".into(), |value| format!("{value:04x}"))
}

fn one(view: &View<'_>, process: &Process, flags: u64) -> Vec<String> {
    let session = process
        .session
        .map_or("none".into(), |id| format!("{id:x}"));
    let directory = process
        .directory
        .map_or("?".into(), |at| format!("{at:09x}"));
    let mut lines = Vec::from([
        format!("PROCESS {}", view.at(process.address)),
        format!(
            "    SessionId: {session}  Cid: {}    Peb: {}  ParentCid: {}",
            hex(process.pid),
            process.environment.map_or("0".into(), |at| view.at(at)),
            hex(process.parent_pid)
        ),
        format!("    DirBase: {directory}"),
        format!("    Image: {}", process.name.as_deref().unwrap_or("?")),
    ]);
    let time = |filetime: Option<u64>| filetime.and_then(iso8601_from_filetime);
    if let Some(exited) = time(process.exited) {
        lines.push(format!("    Exited: {exited}"));
    }
    if flags & 1 != 0 {
        lines.extend(
            process
                .path
                .as_ref()
                .map(|path| format!("    Path: {path}")),
        );
        lines.extend(time(process.created).map(|time| format!("    Created: {time}")));
        let number = |what: &str, value: Option<u64>, unit: &str| {
            value.map(|value| format!("    {what:<26}{value}{unit}"))
        };
        lines.extend(number("CommitCharge", process.commit, " pages"));
        lines.extend(number("Private pages", process.private, ""));
        lines.extend(number("Working set", process.working_set, " pages"));
        lines.extend(number("Threads", process.threads.map(u64::from), ""));
    }
    if flags & THREADS != 0 {
        let (threads, why) = view.threads(process.address);
        let most = if flags & STACKS == 0 {
            MAX_LISTED
        } else {
            MAX_STACKS
        };
        for thread in threads.iter().take(most) {
            lines.push(String::new());
            lines.extend(thread_lines(view, thread));
            if flags & STACKS != 0 {
                lines.extend(stack_of(view.live, thread));
            }
        }
        lines.extend(why);
    }
    lines.push(String::new());
    lines
}

/// In what state a thread is, in the debugger's words.
fn state(thread: &Thread) -> String {
    match (thread.state, thread.state_words()) {
        (Some(RUNNING), _) => match thread.processor {
            Some(number) => format!("RUNNING on processor {number:x}"),
            None => "RUNNING".into(),
        },
        (_, Some((_, Some(reason)))) => format!("WAIT: ({reason})"),
        (_, Some((state, None))) => state.to_ascii_uppercase(),
        (_, None) => "?".into(),
    }
}

fn thread_lines(view: &View<'_>, thread: &Thread) -> Vec<String> {
    let mut lines = Vec::from([format!(
        "        THREAD {}  Cid {}.{}  Teb: {} {}",
        view.at(thread.address),
        hex(thread.pid),
        hex(thread.id),
        thread.environment.map_or("0".into(), |at| view.at(at)),
        state(thread)
    )]);
    let place = |at: VirtualAddress| match view.live.place(at.0) {
        Some(place) => format!("{place} ({})", view.at(at)),
        None => view.at(at),
    };
    let start = thread
        .start
        .map(|at| format!("Start Address {}", place(at)));
    let user = thread.user_start.filter(|&at| Some(at) != thread.start);
    let user = user.map(|at| format!("Win32 Start Address {}", place(at)));
    lines.extend(
        start
            .into_iter()
            .chain(user)
            .map(|line| format!("        {line}")),
    );
    if let Some((limit, base)) = thread.stack {
        lines.push(format!(
            "        Stack Base {} Limit {} Current {}",
            view.at(base),
            view.at(limit),
            view.or_none(thread.kernel_stack)
        ));
    }
    lines.extend(
        thread
            .priority
            .map(|priority| format!("        Priority {priority}")),
    );
    lines
}

/// `!thread [ADDRESS]`.
pub(super) fn thread(words: &[&str], live: &Live<'_>) -> Vec<String> {
    let Some(view) = View::new(live) else {
        return no_view();
    };
    let words = joined(words);
    let at = match words.first() {
        Some(word) => live.evaluate(word),
        None => {
            let current = live.report.stack.as_ref().and_then(|stack| stack.thread);
            current.map(|at| at.0).ok_or_else(|| {
                "Which thread was running is not in this report; name one by its address.".into()
            })
        }
    };
    let at = match at {
        Ok(at) => at,
        Err(why) => return Vec::from([why]),
    };
    let Some(thread) = view.thread(VirtualAddress(at)) else {
        return Vec::from([format!(
            "{} is no thread object of this dump.",
            live.address(at)
        )]);
    };
    let mut lines: Vec<String> = thread_lines(&view, &thread)
        .iter()
        .map(|line| line.trim_start().into())
        .collect();
    let owner = thread.process.map(|at| {
        let process = view.process(at);
        let name = process.and_then(|process| process.name);
        format!(
            "Process {}  Image: {}",
            view.at(at),
            name.as_deref().unwrap_or("?")
        )
    });
    lines.extend(owner);
    let created = thread.created.and_then(iso8601_from_filetime);
    lines.extend(created.map(|time| format!("Created {time}")));
    lines.extend(
        thread
            .trap_frame
            .map(|at| format!("Trap frame {}", view.at(at))),
    );
    lines.extend(stack_of(live, &thread));
    lines
}

/// Threads of every process that `wanted` picks, one a line.
fn listed(
    view: &View<'_>,
    stacks: bool,
    wanted: &dyn Fn(&Process, &Thread) -> bool,
) -> Vec<String> {
    let most = if stacks { MAX_STACKS } else { MAX_LISTED };
    let mut count = 0;
    let mut lines = Vec::new();
    let mut whys: Vec<String> = Vec::new();
    for process in &view.processes {
        let (threads, why) = view.threads(process.address);
        if let Some(why) = why.filter(|why| !whys.contains(why)) {
            whys.push(why);
        }
        let name = process.name.as_deref().unwrap_or("?");
        for thread in threads.iter().filter(|thread| wanted(process, thread)) {
            if count >= most {
                continue;
            }
            count += 1;
            let start = thread.user_start.or(thread.start);
            let start = start.and_then(|at| view.live.place(at.0).or(Some(view.at(at))));
            lines.push(format!(
                "{}.{}  {}  {name:<16} {:<26} {}",
                hex(thread.pid.or(process.pid)),
                hex(thread.id),
                view.at(thread.address),
                state(thread),
                start.unwrap_or_default()
            ));
            if stacks {
                lines.extend(stack_of(view.live, thread));
            }
        }
    }
    whys.truncate(8);
    lines.extend(whys);
    lines
}

/// `!stacks [0 | 2] [FILTER]`: every thread with its state and where it began; with 2, its stack.
pub(super) fn stacks(words: &[&str], live: &Live<'_>) -> Vec<String> {
    let Some(view) = View::new(live) else {
        return no_view();
    };
    if view.processes.is_empty() {
        return super::absent("A list of processes");
    }
    let filter = words
        .iter()
        .find(|word| super::number(word).is_none_or(|n| n > 2));
    let filter = filter.map(|word| word.to_ascii_lowercase());
    let deep = words.contains(&"2");
    listed(&view, deep, &|process, thread| {
        filter.as_ref().is_none_or(|filter| {
            let name = process.name.as_deref().unwrap_or_default();
            let state = state(thread);
            name.to_ascii_lowercase().contains(filter.as_str())
                || state.to_ascii_lowercase().contains(filter.as_str())
        })
    })
}

/// `!ready`: threads that wait for a processor.
pub(super) fn ready(_: &[&str], live: &Live<'_>) -> Vec<String> {
    let Some(view) = View::new(live) else {
        return no_view();
    };
    if view.processes.is_empty() {
        return super::absent("A list of processes");
    }
    let lines = listed(&view, false, &|_, thread| {
        thread.state.is_some_and(|state| READY.contains(&state))
    });
    if lines.is_empty() {
        return Vec::from(["No thread waits for a processor.".into()]);
    }
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
