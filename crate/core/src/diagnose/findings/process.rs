//! Stops by a lost process or by a watchdog's patience.

use super::{finding, in_page_status};
use crate::diagnose::facts::Facts;
use crate::diagnose::objects::Objects;
use crate::model::{Confidence, Finding};
use alloc::format;

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
    if let Some(name) = facts.process_name {
        found = found.because(format!("The current process was {name}."), "process");
    }
    if let Some(status) = in_page_status(facts) {
        found = found.because(
            format!("The status with it is {status:#x}: a page could not be read in."),
            "exception",
        );
    }
    Some(found.toward(facts, "process"))
}

pub(super) fn dpc(facts: &Facts<'_>) -> Option<Finding> {
    if facts.plain_code() != 0x133 {
        return None;
    }
    let what = match facts.parameters[0] {
        0 => "A single deferred procedure call of a driver took longer than it may.",
        _ => "A processor spent too long on interrupt work altogether.",
    };
    Some(
        finding(
            "dpc-took-too-long",
            Confidence::Certain,
            "Interrupt work of a driver took too long.",
            format!(
                "{what} While such work runs, nothing else can on that processor. Storage, network \
                 and graphics drivers and the firmware of their devices are the usual places to \
                 look."
            ),
        )
        .because(
            format!("The first parameter is {}.", facts.parameters[0]),
            "parameter 1",
        )
        .toward(facts, "clock"),
    )
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
    Some(found.toward(facts, "power"))
}
