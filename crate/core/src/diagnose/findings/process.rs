//! Stops by a lost process or by a watchdog's patience.

use super::{finding, in_page_status};
use crate::diagnose::Ended;
use crate::diagnose::blame::watchdog::{captured, triage};
use crate::diagnose::facts::Facts;
use crate::diagnose::objects::Objects;
use crate::diagnose::usage::{by_module, overflowed};
use crate::knowledge::ntstatus;
use crate::memory::VirtualAddress;
use crate::model::{Confidence, Finding};
use alloc::{format, string::String, vec::Vec};

pub(super) fn ended(facts: &Facts<'_>) -> Option<Finding> {
    let what = match (facts.plain_code(), facts.parameters) {
        (0xEF, [_, 1, ..]) | (0xF4, [6, ..]) => "A thread of a process that Windows needs ended.",
        (0xEF | 0xF4 | 0xC000_021A, _) => "A process that Windows needs ended.",
        _ => return None,
    };
    let mut found = finding(
        "critical-process-ended",
        Confidence::Certain,
        what,
        "Windows stops at once when one of its own indispensable processes (csrss, wininit, \
         services, smss, lsass) goes. Behind it are unreadable system files or a failing disk, \
         damaged system files, or a program that ended it; faulty memory is the next to think of.",
    )
    .because(
        format!("The stop code is {}.", facts.code_label()),
        "stop code",
    );
    match (facts.ended, facts.process_name) {
        (Some(ended), _) => found = told(found, ended),
        (None, Some(name)) => {
            found = found.because(format!("The current process was {name}."), "process");
        }
        _ => {}
    }
    if let Some(status) = in_page_status(facts) {
        found = found.because(
            format!("The status with it is {status:#x}: a page could not be read in."),
            "exception",
        );
    }
    Some(found.toward(facts, "process"))
}

/// Which process it was, how it ended and who ended it.
fn told(mut found: Finding, ended: &Ended) -> Finding {
    let pid = ended.pid.map(|pid| format!(" ({pid})")).unwrap_or_default();
    let text = format!("The process that ended is {}{pid}.", ended.name);
    found = found.because(text, "stop code parameters");
    if let Some(status) = ended.status {
        let name = ntstatus::name(status).unwrap_or("no known status");
        let text = format!("It ended with {status:#x} ({name}).");
        found = found.because(text, "process, ExitStatus");
    }
    if let Some(by) = &ended.by {
        let text = format!("A thread of another process was running: {by} may have ended it.");
        found = found.because(text, "process");
    }
    found
}

/// A kernel stack that had no room left.
pub(super) fn stack_overflow(facts: &Facts<'_>) -> Option<Finding> {
    if !overflowed(facts) {
        return None;
    }
    let (users, full) = by_module(facts);
    let sure = if full {
        Confidence::Likely
    } else {
        Confidence::Possible
    };
    let mut found = finding(
        "kernel-stack-overflow",
        sure,
        "A kernel stack probably ran out of room.",
        "A kernel stack is small and does not grow. Many drivers piled on one another (file system \
         filters, encryption, backup), or one that calls itself again and again, use it up. A \
         damaged stack pointer or a faulty processor ends in the same stop.",
    )
    .because(
        format!("The stop code is {}.", facts.code_label()),
        "stop code",
    );
    for user in users.iter().take(4) {
        let text = format!(
            "{} used {} bytes of the stack, in {} frames.",
            user.module, user.bytes, user.frames
        );
        found = found.because(text, "stack");
    }
    Some(found.toward(facts, "filesystem"))
}

pub(super) fn dpc(facts: &Facts<'_>) -> Option<Finding> {
    if facts.plain_code() != 0x133 {
        return None;
    }
    let what = match facts.parameters[0] {
        0 => "A single deferred procedure call of a driver took longer than it may.",
        _ => "A processor spent too long on interrupt work altogether.",
    };
    let [case, spent, allowed, _] = facts.parameters;
    let mut found = finding(
        "dpc-took-too-long",
        Confidence::Certain,
        "Interrupt work of a driver took too long.",
        format!(
            "{what} While such work runs, nothing else can on that processor. Storage, network \
             and graphics drivers and the firmware of their devices are the usual places to look."
        ),
    )
    .because(format!("The first parameter is {case}."), "parameter 1");
    if case == 0 {
        let text = format!("It took {spent} ticks of the clock, of {allowed} that are allowed.");
        found = found.because(text, "parameters 2 and 3");
    }
    let captured = captured(facts);
    if !captured.is_empty() {
        let each = captured.iter().take(5);
        let each: Vec<String> = each
            .map(|(name, count)| format!("{name} ({count})"))
            .collect();
        let text = format!("The clock found at this work: {}.", each.join(", "));
        found = found.because(text, "DPC watchdog triage block");
    }
    Some(found.toward(facts, "clock"))
}

/// What the blocks of the power manager tell: devices that were waited for, and other requests.
fn of_triage(mut found: Finding, facts: &Facts<'_>) -> Finding {
    let [case, _, third, fourth] = facts.parameters;
    let Some(triage) = triage(facts) else {
        return found;
    };
    if case == 4 {
        for node in triage.devices(VirtualAddress(fourth)) {
            let instance = node
                .instance
                .as_deref()
                .unwrap_or("a device without a path");
            let service = node.service.as_deref().unwrap_or("no service");
            let text = format!("Plug and Play waited for {instance}, driven by {service}.");
            found = found.because(text, "parameter 4 (TRIAGE_9F_PNP)");
        }
    }
    if case == 3 {
        let objects = Objects::new(facts);
        let requests = triage.requests(VirtualAddress(third)).into_iter();
        let others = requests.filter(|at| at.0 != fourth);
        let held = others.filter_map(|at| objects.as_ref()?.irp_holder(at.0));
        for place in held.take(4) {
            let text = format!("Another request for power was with {}.", place.module);
            found = found.because(text, "parameter 3 (TRIAGE_9F_POWER)");
        }
    }
    found
}

pub(super) fn power(facts: &Facts<'_>) -> Option<Finding> {
    if facts.plain_code() != 0x9F {
        return None;
    }
    let what = match facts.parameters[0] {
        3 => "A device held a power request for too long.",
        4 => "A change of power state waited too long for Plug and Play.",
        _ => "A device did not finish a change of power state.",
    };
    let holder = Objects::new(facts)
        .filter(|_| facts.parameters[0] == 3)
        .and_then(|objects| objects.irp_holder(facts.parameters[3]));
    let held = holder.map(|place| format!("The request was with {}.", place.module));
    let objects = Objects::new(facts).filter(|_| matches!(facts.parameters[0], 3 | 5));
    let devices: Vec<String> = objects
        .iter()
        .flat_map(|objects| {
            let below = objects.device(facts.parameters[1]).into_iter();
            below.chain(objects.above(facts.parameters[1]))
        })
        .map(|place| place.module)
        .collect();
    let mut found = finding(
        "power-transition-stuck",
        Confidence::Certain,
        "Sleep, wake-up or shutdown got stuck in a driver.",
        format!(
            "{what} The driver that holds the request is the one to find; the stack shows only \
                 the watchdog that noticed."
        ),
    )
    .because(
        format!("The first parameter is {:#x}.", facts.parameters[0]),
        "parameter 1",
    );
    if let Some(held) = held {
        found = found.because(held, "parameter 4 (IRP)");
    }
    if !devices.is_empty() {
        let text = format!(
            "The device's drivers, the lowest first: {}.",
            devices.join(", ")
        );
        found = found.because(text, "parameter 2 (device stack)");
    }
    Some(of_triage(found, facts).toward(facts, "power"))
}
