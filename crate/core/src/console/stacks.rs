//! `!stacks` and `!ready`: every thread in a line or with its stack, process by process. A job, because a
//! machine has thousands of threads and each has a stack of its own.
//!
//! Layout of the answer: public outputs of the debugger's command. What it calls the blocker is the first
//! function behind those that wait.

use super::process::{View, no_view};
use super::thread::Teller;
use super::threads::stack_frames;
use super::{Begun, Job, Live};
use crate::memory::VirtualAddress;
use crate::model::{Frame, Stack};
use crate::nt::thread::Thread;
use crate::report::document::location;
use alloc::{boxed::Box, format, string::String, vec::Vec};

/// Threads that one piece tells.
const AT_ONCE: usize = 4;
/// Threads that one command lists.
const MAX_LISTED: usize = 5_000;
/// Frames of a stack among which the wait is looked for.
const TOP: usize = 8;
/// What functions that wait begin with.
const WAITS: [&str; 8] = [
    "KiSwap",
    "KiCommitThreadWait",
    "KeWaitFor",
    "KeDelayExecutionThread",
    "KeRemoveQueue",
    "KeRemovePriQueue",
    "KiWaitFor",
    "KeTestAlertThread",
];

/// How the debugger calls the states of threads here.
const STATES: [&str; 9] = [
    "INITIALIZED",
    "READY",
    "RUNNING",
    "STANDBY",
    "TERMINATED",
    "Blocked",
    "TRANSITION",
    "DEFERREDRDY",
    "GATEWAIT",
];
/// Those that wait for a processor.
const READY: [u8; 3] = [1, 3, 7];

/// Which threads are told.
#[derive(Clone, Debug)]
struct Wanted {
    /// Whole stacks.
    whole: bool,
    /// Part of a name, lower case.
    filter: Option<String>,
    /// Only those that wait for a processor.
    ready: bool,
}

#[derive(Debug)]
struct Stacks {
    wanted: Wanted,
    /// Processes with their names.
    processes: Vec<(VirtualAddress, String)>,
    /// How many of them were gone through.
    listed: usize,
    /// Threads that are known and not told yet.
    left: Vec<VirtualAddress>,
    /// Threads that were told, or looked at and not wanted.
    told: usize,
    lines: Vec<String>,
    /// The line of the process at hand, until it is needed.
    head: Option<String>,
    shown: usize,
    whys: Vec<String>,
}

/// What one step finds: the threads of the next process, or lines on some.
#[derive(Debug)]
enum Piece {
    Threads(Vec<VirtualAddress>, Option<String>),
    Lines(Vec<Vec<String>>, usize),
}

impl Job for Stacks {
    type Piece = Piece;

    fn read(&self, live: &Live<'_>) -> Piece {
        let Some(view) = View::new(live) else {
            return Piece::Threads(Vec::new(), None);
        };
        if self.left.is_empty() {
            let next = self.processes.get(self.listed);
            let (threads, why) = next.map_or((Vec::new(), None), |(at, _)| view.threads(*at));
            let threads = threads.iter().map(|thread| thread.address);
            return Piece::Threads(threads.collect(), why);
        }
        let teller = Teller::new(&view);
        let some = self.left.iter().take(AT_ONCE);
        let tell = |&at: &VirtualAddress| self.tell(&view, &teller, &view.thread(at)?);
        let told: Vec<Vec<String>> = some.clone().filter_map(tell).collect();
        Piece::Lines(told, some.count())
    }

    fn take(&mut self, piece: Piece) {
        match piece {
            Piece::Threads(threads, why) => {
                if let Some((at, name)) = self.processes.get(self.listed) {
                    let head = format!("{:28}[{:08x} {name}]", "", at.0);
                    let bare = self.wanted.filter.is_some() || self.wanted.ready;
                    self.head = Some(head);
                    if !bare {
                        self.lines.push(String::new());
                        self.lines.extend(self.head.take());
                    }
                }
                self.listed += 1;
                self.left = threads;
                if let Some(why) = why.filter(|why| !self.whys.contains(why)) {
                    self.whys.push(why);
                }
            }
            Piece::Lines(told, looked) => {
                self.left.drain(..looked.min(self.left.len()));
                self.told += looked;
                for lines in told {
                    self.shown += 1;
                    if self.shown <= MAX_LISTED {
                        self.lines.extend(self.head.take());
                        self.lines.extend(lines);
                    }
                }
            }
        }
    }

    fn progress(&self) -> (u64, u64) {
        let done = self.listed + self.told;
        let all = self.processes.len().max(self.listed) + self.told + self.left.len();
        (done as u64, all as u64)
    }

    fn answer(&self, _: &Live<'_>) -> Vec<String> {
        let mut lines = self.lines.clone();
        if self.wanted.ready && self.shown == 0 {
            lines = Vec::from(["No thread waits for a processor.".into()]);
        } else {
            let head = "Proc.Thread  .Thread  Ticks   ThreadState Blocker";
            lines.insert(0, head.into());
            lines.push(String::new());
            lines.push(format!("Threads Processed: {}", self.told));
        }
        if self.shown > MAX_LISTED {
            lines.push(format!("No more than {MAX_LISTED} threads are listed."));
        }
        lines.extend(self.whys.iter().take(8).cloned());
        lines
    }
}

impl Stacks {
    /// The lines on one thread; none when it is not wanted.
    fn tell(
        &self,
        view: &View<'_>,
        teller: &Teller<'_, '_>,
        thread: &Thread,
    ) -> Option<Vec<String>> {
        let ready = thread.state.is_some_and(|state| READY.contains(&state));
        if self.wanted.ready && !ready {
            return None;
        }
        let stack = stack_frames(view.live, thread);
        let frames = match &stack {
            Ok(stack) => stack.frames.as_slice(),
            Err(_) => &[],
        };
        let names: Vec<String> = frames.iter().map(|frame| place(view, frame)).collect();
        let owner = self.listed.checked_sub(1);
        let owner = owner.and_then(|index| self.processes.get(index));
        if let Some(filter) = &self.wanted.filter {
            let fits = |name: &String| name.to_ascii_lowercase().contains(filter.as_str());
            if !names.iter().any(fits) && !owner.is_some_and(|(_, name)| fits(name)) {
                return None;
            }
        }
        let state = thread.state.map(usize::from);
        let state = state.and_then(|state| STATES.get(state)).unwrap_or(&"?");
        let ticks = thread.wait_time.and_then(|then| teller.clock.since(then));
        let ticks = ticks.map_or_else(|| "???????".into(), |ticks| format!("{ticks:07x}"));
        let at = match &stack {
            Ok(stack) if !self.wanted.whole => blocker(stack),
            _ => 0,
        };
        let first = match &stack {
            Ok(_) => names.get(at).cloned().unwrap_or_default(),
            Err(_) => "Stack not in the dump".into(),
        };
        let id = |id: Option<u32>, digits: usize| match id {
            Some(id) => format!("{id:0digits$x}"),
            None => "?".into(),
        };
        let mut lines = Vec::from([format!(
            "{:>4}.{}  {:08x} {ticks} {state:<10} {first}",
            id(thread.pid, 1),
            id(thread.id, 6),
            thread.address.0
        )]);
        if self.wanted.whole {
            let rest = names.iter().skip(1);
            lines.extend(rest.map(|name| format!("{:40}{name}", "")));
        }
        Some(lines)
    }
}

fn place(view: &View<'_>, frame: &Frame) -> String {
    location(frame).unwrap_or_else(|| view.plain(Some(VirtualAddress(frame.address.0))))
}

/// The frame behind the wait; the innermost where none is seen.
fn blocker(stack: &Stack) -> usize {
    let waits = |frame: &Frame| {
        let symbol = frame.symbol.as_deref();
        symbol.is_some_and(|symbol| WAITS.iter().any(|wait| symbol.starts_with(wait)))
    };
    let last = stack.frames.iter().take(TOP).rposition(waits);
    let behind = last.map_or(0, |at| at + 1);
    if behind < stack.frames.len() {
        behind
    } else {
        0
    }
}

fn begin(wanted: Wanted, live: &Live<'_>) -> Begun {
    let Some(view) = View::new(live) else {
        return no_view().into();
    };
    let processes: Vec<(VirtualAddress, String)> = view
        .processes
        .iter()
        .map(|process| {
            let name = process.name.clone();
            (process.address, name.unwrap_or_else(|| "?".into()))
        })
        .collect();
    if processes.is_empty() {
        return super::absent("A list of processes").into();
    }
    Begun::Job(Box::new(Stacks {
        wanted,
        processes,
        listed: 0,
        left: Vec::new(),
        told: 0,
        lines: Vec::new(),
        head: None,
        shown: 0,
        whys: Vec::new(),
    }))
}

/// `!stacks [0 | 1 | 2] [FILTER]`.
pub(super) fn stacks(words: &[&str], live: &Live<'_>) -> Begun {
    let level = |word: &&&str| matches!(**word, "0" | "1" | "2");
    let wanted = Wanted {
        whole: words.first() == Some(&"2"),
        filter: words
            .iter()
            .find(|word| !level(word))
            .map(|word| word.to_ascii_lowercase()),
        ready: false,
    };
    begin(wanted, live)
}

/// `!ready`: threads that wait for a processor.
pub(super) fn ready(_: &[&str], live: &Live<'_>) -> Begun {
    let wanted = Wanted {
        whole: false,
        filter: None,
        ready: true,
    };
    begin(wanted, live)
}
