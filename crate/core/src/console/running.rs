//! `!running`, `!pcr`, `!prcb`, `!cpuinfo`, `!irql`: processors.
//!
//! Layout of the answers: public outputs of the debugger's commands of these names.

use super::Live;
use super::process::View;
use super::threads::stack_of;
use crate::memory::VirtualAddress;
use crate::nt::processor::Running;
use crate::nt::processor_detail::ProcessorDetail;
use crate::nt::thread::Thread;
use crate::nt::{Member, ProcessorFacts};
use alloc::{format, string::String, vec::Vec};

fn all<'a>(live: &Live<'a>) -> &'a [Running] {
    live.lists().map_or(&[], |lists| &lists.running)
}

/// `!running [-t] [-i]`: what each processor was running; `-i` with those that were idle, `-t` with
/// its stack.
pub(super) fn running(words: &[&str], live: &Live<'_>) -> Vec<String> {
    let all = all(live);
    if all.is_empty() {
        return from_report(live);
    }
    let asked = |letter| {
        words
            .iter()
            .any(|word| word.starts_with('-') && word.contains(letter))
    };
    let (idle_too, stacks) = (asked('i'), asked('t'));
    let mask = |wanted: &dyn Fn(&Running) -> bool| {
        let numbers = all.iter().filter(|running| wanted(running));
        let bits = numbers.filter(|running| running.number < 64);
        bits.fold(0_u64, |mask, running| mask | 1 << running.number)
    };
    let digits = 2 * usize::from(live.width());
    let mut lines = Vec::from([
        format!("System Processors:  ({:016x})", mask(&|_| true)),
        format!(
            "  Idle Processors:  ({:016x})",
            mask(&|running| running.idle == Some(true))
        ),
        String::new(),
        format!(
            "       {:digits$}  {:digits$}(pri) {:digits$}(pri) Idle",
            "Prcbs", "Current", "Next"
        ),
    ]);
    let view = View::new(live);
    let mut idle = true;
    for running in all {
        if running.idle == Some(true) && !idle_too {
            continue;
        }
        idle = false;
        let name = name_of(running, view.as_ref());
        lines.push(format!(
            "{}  {name}",
            columns(running, view.as_ref(), digits)
        ));
        if let (true, Some(thread)) = (stacks, &running.thread) {
            lines.push(String::new());
            lines.extend(stack_of(live, thread));
            lines.push(String::new());
        }
    }
    if idle {
        lines.truncate(3);
        lines.push("All processors idle.".into());
    }
    lines
}

/// Whose thread it runs; what the debugger shows here, the queued spin locks, no table places.
fn name_of(running: &Running, view: Option<&View<'_>>) -> String {
    if running.idle == Some(true) {
        return "Idle".into();
    }
    let process = running.thread.as_ref().and_then(|thread| thread.process);
    let process = process.and_then(|at| view?.process(at));
    let name = process.and_then(|process| process.name);
    let name = name.unwrap_or_else(|| "?".into());
    match running.dpc_active {
        Some(true) => format!("{name}, in a deferred procedure call"),
        _ => name,
    }
}

/// Block, current, next and idle thread, with the priorities of the two.
fn columns(running: &Running, view: Option<&View<'_>>, digits: usize) -> String {
    let cell = |at: Option<VirtualAddress>| match at {
        Some(at) => format!("{:0digits$x}", at.0),
        None => format!("{:digits$}", ""),
    };
    let priority = |thread: Option<&Thread>| match thread.and_then(|thread| thread.priority) {
        Some(priority) => format!("({priority:2})"),
        None => "    ".into(),
    };
    let next = running.next.and_then(|at| view?.thread(at));
    format!(
        "{:>3}    {}  {} {} {} {} {}",
        running.number,
        cell(Some(running.block)),
        cell(running.thread.as_ref().map(|thread| thread.address)),
        priority(running.thread.as_ref()),
        cell(running.next),
        priority(next.as_ref()),
        cell(running.idle_thread)
    )
}

fn from_report(live: &Live<'_>) -> Vec<String> {
    let told = &live.report.processors;
    if told.is_empty() {
        return super::absent("What the processors were running");
    }
    told.iter()
        .map(|processor| {
            let name = processor.process_name.as_deref().unwrap_or("?");
            let at = processor.thread.map_or("?".into(), |at| live.address(at.0));
            format!("{:>4}  Current {at}  {name}", processor.number)
        })
        .collect()
}

/// The processor that a command means: by its number, else the one that stopped the machine.
fn chosen<'a>(words: &[&str], live: &'a Live<'_>) -> Option<&'a Running> {
    let all = all(live);
    match words.first() {
        Some(word) => {
            let number = super::number(word)?;
            all.iter()
                .find(|running| u64::from(running.number) == number)
        }
        None => {
            let stopped = live.report.processors.iter().find(|p| p.stopped);
            let number = stopped.map_or(0, |processor| processor.number);
            all.iter().find(|running| running.number == number)
        }
    }
}

/// What interrupt levels are called: wdm.h, for each kind of machine.
fn level_name(level: u8, narrow: bool) -> &'static str {
    match (level, narrow) {
        (0, _) => "LOW_LEVEL",
        (1, _) => "APC_LEVEL",
        (2, _) => "DISPATCH_LEVEL",
        (12, false) => "SYNCH_LEVEL",
        (13, false) | (28, true) => "CLOCK_LEVEL",
        (14, false) | (29, true) => "IPI_LEVEL",
        (27, true) => "PROFILE_LEVEL",
        (30, true) => "POWER_LEVEL",
        (15, false) | (31, true) => "HIGH_LEVEL",
        _ => "DEVICE_LEVEL",
    }
}

/// The interrupt level at which the processor was stopped: kept only where the stop code was raised.
fn level(running: &Running, live: &Live<'_>) -> Option<u8> {
    let told = &live.report.processors;
    told.iter().find(|told| told.number == running.number)?.irql
}

/// `!irql [NUMBER]`.
pub(super) fn irql(words: &[&str], live: &Live<'_>) -> Vec<String> {
    let Some(running) = chosen(words, live) else {
        return super::absent("That processor");
    };
    let number = running.number;
    Vec::from([match level(running, live) {
        Some(level) => format!(
            "Debugger saved IRQL for processor {number:#x} -- {level} ({})",
            level_name(level, live.width() == 4)
        ),
        None => format!(
            "At which level processor {number} was is not known: Windows keeps it of the processor that \
             stopped the machine, where this kernel's layout is known."
        ),
    }])
}

/// `!prcb [NUMBER]`.
pub(super) fn prcb(words: &[&str], live: &Live<'_>) -> Vec<String> {
    let (Some(view), Some(running)) = (View::new(live), chosen(words, live)) else {
        return super::absent("That processor");
    };
    let facts = ProcessorFacts::read(view.machine, &view.space, running.block);
    let detail = ProcessorDetail::read(&view.space, view.machine, running.block);
    let number = running.number;
    let mut lines = Vec::from([format!(
        "PRCB for Processor {number} at {}:",
        view.plain(Some(running.block))
    )]);
    lines.extend(level(running, live).map(|level| format!("Current IRQL -- {level}")));
    let current = running.thread.as_ref().map(|thread| thread.address);
    lines.push(format!(
        "Threads--  Current {} Next {} Idle {}",
        view.plain(current),
        view.plain(running.next),
        view.plain(running.idle_thread)
    ));
    lines.push(format!(
        "Processor Index {number} Number ({}, {}) GroupSetMember {:x}",
        number / 64,
        number % 64,
        1_u64 << (number % 64)
    ));
    if let (Some(interrupts), [Some(kernel), Some(user), Some(dpc)]) =
        (detail.interrupts, detail.times)
    {
        lines.push(format!("Interrupt Count -- {interrupts:08x}"));
        lines.push(format!("Times -- Dpc    {dpc:08x}"));
        lines.push(format!("         Kernel {kernel:08x} User      {user:08x}"));
    }
    let dpc = facts.own_stacks[0];
    lines.extend(dpc.map(|at| format!("DPC Stack -- {}", view.plain(Some(at)))));
    lines.extend(running.dpc_active.map(|active| {
        let word = if active { "yes" } else { "no" };
        format!("DPC active -- {word}")
    }));
    lines
}

/// `!cpuinfo`: what each processor is.
pub(super) fn cpuinfo(_: &[&str], live: &Live<'_>) -> Vec<String> {
    let all = all(live);
    let Some(view) = View::new(live).filter(|_| !all.is_empty()) else {
        return super::absent("What the processors are");
    };
    let mut lines = Vec::from(["CP  F/M/S Manufacturer  MHz Update Signature Features".into()]);
    for running in all {
        let facts = ProcessorFacts::read(view.machine, &view.space, running.block);
        let detail = ProcessorDetail::read(&view.space, view.machine, running.block);
        let known = |value: Option<u64>, digits: usize| match value {
            Some(value) => format!("{value:0digits$x}"),
            None => format!("{:<digits$}", "?"),
        };
        let model = detail.model.map_or_else(
            || "?,?,?".into(),
            |(family, model, stepping)| format!("{family},{model},{stepping}"),
        );
        lines.push(format!(
            "{:2}  {model:<5} {:<12} {:>4} {} {}",
            running.number,
            facts.vendor.as_deref().unwrap_or("?"),
            facts
                .megahertz
                .map_or("?".into(), |speed| format!("{speed}")),
            known(detail.signature, 16),
            known(detail.features, 8)
        ));
    }
    lines
}

/// `!pcr [NUMBER]`.
pub(super) fn pcr(words: &[&str], live: &Live<'_>) -> Vec<String> {
    let (Some(view), Some(running)) = (View::new(live), chosen(words, live)) else {
        return super::absent("That processor");
    };
    let inside = view
        .machine
        .debugger_data
        .layout(Member::OffsetPcrContainedPrcb);
    let Some(pcr) = inside.and_then(|inside| running.block.0.checked_sub(inside)) else {
        return super::absent("Where its control region begins");
    };
    let facts = ProcessorFacts::read(view.machine, &view.space, running.block);
    let current = running.thread.as_ref().map(|thread| thread.address);
    let mut lines = Vec::from([format!(
        "KPCR for Processor {} at {}:",
        running.number,
        view.plain(Some(VirtualAddress(pcr)))
    )]);
    let mut row = |what: &str, value: Option<String>| {
        lines.extend(value.map(|value| format!("{what:>25}: {value}")));
    };
    let at = |at: Option<VirtualAddress>| Some(view.plain(at));
    row("SelfPcr", at(Some(VirtualAddress(pcr))));
    row("Prcb", at(Some(running.block)));
    row(
        "Irql",
        level(running, live).map(|level| format!("{level:08x}")),
    );
    row("CurrentThread", at(current));
    row("NextThread", at(running.next));
    row("IdleThread", at(running.idle_thread));
    row("Cr2", facts.fault_address.map(|at| view.plain(Some(at))));
    row("Cr3", facts.page_tables.map(|at| format!("{at:016x}")));
    lines
}
