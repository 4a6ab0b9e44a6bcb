//! `!running`, `!pcr`, `!prcb`: processors.

use super::Live;
use super::process::View;
use crate::nt::processor::Running;
use crate::nt::{Member, ProcessorFacts};
use alloc::{format, string::String, vec::Vec};

fn all<'a>(live: &Live<'a>) -> &'a [Running] {
    live.lists().map_or(&[], |lists| &lists.running)
}

/// `!running [-t] [-i]`: what each processor was running; `-i` with those that were idle, `-t` with
/// its thread.
pub(super) fn running(words: &[&str], live: &Live<'_>) -> Vec<String> {
    let all = all(live);
    if all.is_empty() {
        return from_report(live);
    }
    let (idle_too, threads) = (words.contains(&"-i"), words.contains(&"-t"));
    let mask = |wanted: &dyn Fn(&Running) -> bool| {
        let numbers = all.iter().filter(|running| wanted(running));
        let bits = numbers.filter(|running| running.number < 64);
        bits.fold(0_u64, |mask, running| mask | 1 << running.number)
    };
    let mut lines = Vec::from([
        format!("System Processors:  ({:016x})", mask(&|_| true)),
        format!(
            "  Idle Processors:  ({:016x})",
            mask(&|running| running.idle == Some(true))
        ),
        String::new(),
    ]);
    let view = View::new(live);
    for running in all {
        if running.idle == Some(true) && !idle_too {
            continue;
        }
        let thread = running.thread.as_ref();
        let at = thread.map_or("?".into(), |thread| live.address(thread.address.0));
        let process = thread.and_then(|thread| view.as_ref()?.process(thread.process?));
        let name = match (process.and_then(|process| process.name), running.idle) {
            (_, Some(true)) => "Idle".into(),
            (Some(name), _) => name,
            (None, _) => "?".into(),
        };
        let priority = thread.and_then(|thread| thread.priority);
        let priority = priority.map_or(String::new(), |priority| format!(" ({priority:2})"));
        let dpc = match running.dpc_active {
            Some(true) => "  in a deferred procedure call",
            _ => "",
        };
        let block = live.address(running.block.0);
        lines.push(format!(
            "{:>4}  Prcb {block}  Current {at}{priority}  {name}{dpc}",
            running.number
        ));
        if let (true, Some(thread)) = (threads, thread) {
            let address = format!("{:x}", thread.address.0);
            let told = super::process::thread(&[&address], live);
            lines.extend(told.iter().map(|line| format!("          {line}")));
        }
    }
    lines
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

/// The interrupt level at which the processor was stopped: kept only where the stop code was raised.
fn level(running: &Running, live: &Live<'_>) -> Option<String> {
    const NAMES: [&str; 3] = ["PASSIVE_LEVEL", "APC_LEVEL", "DISPATCH_LEVEL"];
    let told = &live.report.processors;
    let own = told.iter().find(|told| told.number == running.number)?;
    let level = own.irql?;
    let name = NAMES.get(usize::from(level));
    Some(name.map_or_else(|| format!("{level}"), |name| format!("{level} ({name})")))
}

/// `!irql [NUMBER]`.
pub(super) fn irql(words: &[&str], live: &Live<'_>) -> Vec<String> {
    let Some(running) = chosen(words, live) else {
        return super::absent("That processor");
    };
    Vec::from([match level(running, live) {
        Some(level) => format!(
            "The stop code was raised on processor {} at IRQL {level}.",
            running.number
        ),
        None => format!(
            "At which level processor {} was is not known: Windows keeps it of the processor that \
             stopped the machine, where this kernel's layout is known.",
            running.number
        ),
    }])
}

/// `!prcb [NUMBER]`.
pub(super) fn prcb(words: &[&str], live: &Live<'_>) -> Vec<String> {
    let (Some(view), Some(running)) = (View::new(live), chosen(words, live)) else {
        return super::absent("That processor");
    };
    let facts = ProcessorFacts::read(view.machine, &view.space, running.block);
    let at = |what: &str, at: Option<u64>| {
        let at = at.map_or("?".into(), |at| live.address(at));
        format!("{what:<16}{at}")
    };
    let thread = running.thread.as_ref().map(|thread| thread.address.0);
    let mut lines = Vec::from([
        format!(
            "PRCB for Processor {} at {}:",
            running.number,
            live.address(running.block.0)
        ),
        at("Current Thread", thread),
        at("Next Thread", running.next.map(|at| at.0).or(Some(0))),
        at("Idle Thread", running.idle_thread.map(|at| at.0)),
        at("DPC Stack", facts.own_stacks[0].map(|at| at.0)),
    ]);
    lines.extend(facts.megahertz.map(|speed| format!("{:<16}{speed}", "MHz")));
    lines.extend(
        facts
            .vendor
            .map(|vendor| format!("{:<16}{vendor}", "Vendor")),
    );
    lines.extend(level(running, live).map(|level| format!("{:<16}{level}", "IRQL")));
    lines.extend(running.dpc_active.map(|active| {
        let word = if active { "yes" } else { "no" };
        format!("{:<16}{word}", "DPC active")
    }));
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
    let mut lines = Vec::from([
        format!(
            "KPCR for Processor {} at {}:",
            running.number,
            live.address(pcr)
        ),
        format!("{:<16}{}", "Prcb", live.address(running.block.0)),
    ]);
    let thread = running.thread.as_ref();
    lines.extend(thread.map(|t| format!("{:<16}{}", "CurrentThread", live.address(t.address.0))));
    lines.extend(facts.page_tables.map(|at| format!("{:<16}{at:x}", "Cr3")));
    lines.extend(
        facts
            .fault_address
            .map(|at| format!("{:<16}{}", "Cr2", live.address(at.0))),
    );
    lines
}
