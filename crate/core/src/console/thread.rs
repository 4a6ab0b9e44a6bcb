//! `!thread`, and the threads of `!process`: state, what a thread waits for, times, stack.
//!
//! Layout of the answers: public outputs of the debugger's commands of these names.

use super::Live;
use super::live::joined;
use super::process::{View, hex, no_view};
use super::threads::stack_of;
use crate::memory::{AddressSpaceExt, VirtualAddress};
use crate::nt::object::Objects;
use crate::nt::thread::{RUNNING, Thread, WAITING};
use crate::nt::thread_detail::{Clock, Reader, ThreadDetail, Waited, kind_name};
use alloc::{format, string::String, vec::Vec};

/// KTHREAD_STATE.Ready.
const READY: u8 = 1;

/// What threads are told with.
pub(super) struct Teller<'v, 'a> {
    view: &'v View<'a>,
    reader: Reader<'v>,
    pub clock: Clock,
}

impl<'v, 'a> Teller<'v, 'a> {
    pub(super) fn new(view: &'v View<'a>) -> Self {
        let machine = view.machine;
        Self {
            view,
            reader: Reader::new(machine, &view.layouts, &view.of_thread),
            clock: Clock::read(&view.space, machine),
        }
    }

    /// A thread: its line with what it waits for, and with `all` everything else.
    pub(super) fn lines(&self, thread: &Thread, all: bool) -> Vec<String> {
        let view = self.view;
        let detail = self.reader.read(&view.space, thread);
        let mut lines = Vec::from([format!(
            "THREAD {}  Cid {}.{}  Teb: {} Win32Thread: {} {}",
            view.plain(Some(thread.address)),
            hex(thread.pid),
            hex(thread.id),
            view.or_none(detail.environment),
            view.or_none(detail.window_thread),
            state(thread, &detail)
        )]);
        lines.extend(detail.waits.iter().map(|waited| self.waited(waited)));
        if all {
            lines.extend(self.requests(&detail));
            lines.extend(self.owners(thread, &detail));
            lines.extend(self.times(thread, &detail));
            lines.extend(self.places(thread, &detail));
        }
        lines
    }

    fn waited(&self, waited: &Waited) -> String {
        let kind = waited.kind.and_then(kind_name).unwrap_or("Unknown");
        let mut line = format!("    {}  {kind}", self.view.plain(Some(waited.object)));
        if let Some(limit) = waited.limit {
            line += &format!(" Limit {limit:#x}");
        }
        if let Some(owner) = waited.owner {
            line += &format!(" - owning thread {}", self.view.plain(Some(owner)));
        }
        line
    }

    fn requests(&self, detail: &ThreadDetail) -> Vec<String> {
        let view = self.view;
        let width = view.machine.architecture.pointer_width();
        let objects = Objects::new(&view.space, width, view.machine.build);
        let line = |&at: &VirtualAddress| {
            let request = objects.request(at)?;
            let size = view
                .space
                .u16(VirtualAddress(at.0.wrapping_add(2)))
                .unwrap_or(0);
            let flags = request
                .flags
                .map_or("?".into(), |bits| format!("{bits:08x}"));
            Some(format!(
                "    {}: (0006,{size:04x}) Flags: {}  Mdl: {:08x}",
                view.plain(Some(at)),
                flags,
                request.mdl.map_or(0, |mdl| mdl.0)
            ))
        };
        let mut lines: Vec<String> = detail.requests.iter().filter_map(line).collect();
        if !lines.is_empty() {
            lines.insert(0, "IRP List:".into());
        }
        lines
    }

    fn owners(&self, thread: &Thread, detail: &ThreadDetail) -> [String; 2] {
        let view = self.view;
        let owner = detail.owner.or(thread.process);
        let attached = thread.process.filter(|_| detail.owner.is_some());
        [("Owning Process", owner), ("Attached Process", attached)].map(|(what, at)| {
            let name = at.and_then(|at| view.process(at)?.name);
            let (shown, gap) = match at {
                Some(_) => (view.plain(at), 23),
                None => ("N/A".into(), 15),
            };
            let name = name.unwrap_or_else(|| if at.is_some() { "?" } else { "N/A" }.into());
            format!("{what:<26}{shown:<gap$}Image:         {name}")
        })
    }

    fn times(&self, thread: &Thread, detail: &ThreadDetail) -> Vec<String> {
        let mut lines = Vec::new();
        if let Some(began) = thread.wait_time {
            let ticks = self.clock.since(began).map_or(String::new(), |ticks| {
                let long = self.clock.milliseconds(ticks).filter(|_| ticks > 0);
                let long = long.map_or(String::new(), |long| format!(" ({})", span(long, true)));
                format!("Ticks: {ticks}{long}")
            });
            lines.push(format!("{:<26}{began:<15}{ticks}", "Wait Start TickCount"));
        }
        if let Some(count) = detail.switches {
            let ideal = detail
                .ideal
                .map_or(String::new(), |number| format!("IdealProcessor: {number}"));
            lines.push(format!("{:<26}{count:<15}{ideal}", "Context Switch Count"));
        }
        for (what, ticks) in ["UserTime", "KernelTime"].into_iter().zip(detail.ticks) {
            let long = ticks.and_then(|ticks| self.clock.milliseconds(ticks));
            lines.extend(long.map(|long| format!("{what:<26}{}", span(long, false))));
        }
        lines
    }

    fn places(&self, thread: &Thread, detail: &ThreadDetail) -> Vec<String> {
        let view = self.view;
        let mut lines = Vec::new();
        let start = match thread.user_start {
            Some(at) => Some(("Win32 Start Address", at)),
            None => thread.start.map(|at| ("Start Address", at)),
        };
        lines.extend(start.map(|(what, at)| {
            let shown = view.plain(Some(at));
            match view.live.named(at.0) {
                Some(name) => format!("{what} {name} (0x{shown})"),
                None => format!("{what} 0x{shown}"),
            }
        }));
        let current = thread.kernel_stack;
        lines.extend(detail.initial_stack.map(|initial| {
            format!(
                "Stack Init {} Current {}",
                view.plain(Some(initial)),
                view.plain(current)
            )
        }));
        lines.extend(thread.stack.map(|(limit, base)| {
            let (base, limit) = (view.plain(Some(base)), view.plain(Some(limit)));
            format!("Base {base} Limit {limit}")
        }));
        lines.extend(thread.priority.map(|priority| {
            let base = detail
                .base_priority
                .map_or(String::new(), |base| format!(" BasePriority {base}"));
            format!("Priority {priority}{base}")
        }));
        lines
    }
}

/// `HH:MM:SS.mmm` with the days before it, in either of the debugger's forms: `D:HH:MM:SS.mmm` with `days`.
pub(super) fn span(milliseconds: u64, days: bool) -> String {
    let (seconds, rest) = (milliseconds / 1000, milliseconds % 1000);
    let (minutes, hours) = (seconds / 60 % 60, seconds / 3600);
    let tail = format!("{minutes:02}:{:02}.{rest:03}", seconds % 60);
    let tail = format!("{:02}:{tail}", hours % 24);
    match (days, hours / 24) {
        (true, days) => format!("{days}:{tail}"),
        (false, 0) => tail,
        (false, 1) => format!("1 Day {tail}"),
        (false, days) => format!("{days} Days {tail}"),
    }
}

/// In what state a thread is, in the debugger's words.
fn state(thread: &Thread, detail: &ThreadDetail) -> String {
    let on = |word: &str| match thread.processor {
        Some(number) => format!("{word} on processor {number:x}"),
        None => word.into(),
    };
    let Some(number) = thread.state else {
        return "?".into();
    };
    let mut text = match (number, thread.state_words()) {
        (RUNNING, _) => return on("RUNNING"),
        (READY, _) => return on("READY"),
        (WAITING, Some((_, Some(reason)))) => format!("WAIT: ({reason})"),
        (WAITING, _) => "WAIT:".into(),
        (_, words) => return words.map_or("?", |(state, _)| state).to_ascii_uppercase(),
    };
    if let Some(user) = detail.user_wait {
        text += if user { " UserMode" } else { " KernelMode" };
    }
    if let Some(alertable) = detail.alertable {
        text += if alertable {
            " Alertable"
        } else {
            " Non-Alertable"
        };
    }
    text
}

/// `!thread [ADDRESS]`.
pub(super) fn thread(words: &[&str], live: &Live<'_>) -> Vec<String> {
    let Some(view) = View::new(live) else {
        return no_view();
    };
    let words = joined(words);
    let current = || live.report.stack.as_ref().and_then(|stack| stack.thread);
    let at = match words.first() {
        Some(word) if word != "-1" => live.evaluate(word),
        _ => current().map(|at| at.0).ok_or_else(|| {
            "Which thread was running is not in this report; name one by its address.".into()
        }),
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
    let mut lines = Teller::new(&view).lines(&thread, true);
    lines.extend(stack_of(live, &thread));
    lines
}
