//! Stops because something could not be read, or came back changed.

use super::finding;
use crate::diagnose::facts::Facts;
use crate::knowledge::ntstatus;
use crate::model::{Confidence, Finding, Kind, Verdict};
use alloc::{format, string::String};

/// STATUS_IN_PAGE_ERROR, with which an exception carries the reason as its third parameter.
const IN_PAGE_ERROR: u32 = 0xC000_0006;
pub(in crate::diagnose) const INSUFFICIENT_RESOURCES: u32 = 0xC000_009A;
/// Stop codes whose first parameter is the status of an exception.
const WITH_STATUS: &[u32] = &[0x1E, 0x3B, 0x7E, 0x8E];

/// The status with which a page could not be read, where the stop says so.
pub(in crate::diagnose) fn in_page_status(facts: &Facts<'_>) -> Option<u32> {
    let [p1, p2, ..] = facts.parameters;
    let status = ntstatus::from_parameter;
    let failure = |s: &u32| s >> 30 == 3;
    match facts.plain_code() {
        0x7A => status(p2).filter(failure),
        // Either form: the status first, or a small number first and the status second.
        0x77 => status(p1)
            .filter(failure)
            .or_else(|| status(p2).filter(failure)),
        code if WITH_STATUS.contains(&code) && status(p1) == Some(IN_PAGE_ERROR) => {
            Some(exception_reason(facts).unwrap_or(IN_PAGE_ERROR))
        }
        0xEF | 0xF4 if facts.exception.is_some_and(|e| e.code == IN_PAGE_ERROR) => {
            Some(exception_reason(facts).unwrap_or(IN_PAGE_ERROR))
        }
        _ => None,
    }
}

fn exception_reason(facts: &Facts<'_>) -> Option<u32> {
    let exception = facts.exception.filter(|e| e.code == IN_PAGE_ERROR)?;
    ntstatus::from_parameter(exception.information.get(2)?.0)
}

/// `STATUS_IO_DEVICE_ERROR (0xc0000185)`.
fn status_label(status: u32) -> String {
    ntstatus::name(status).map_or_else(
        || format!("{status:#x}"),
        |name| format!("{name} ({status:#x})"),
    )
}

pub(super) fn read_failed(facts: &Facts<'_>) -> Option<Finding> {
    if !matches!(facts.plain_code(), 0x7A | 0x77) && in_page_status(facts).is_none() {
        return None;
    }
    let status = in_page_status(facts);
    let title = match status {
        Some(INSUFFICIENT_RESOURCES) => {
            "A page could not be read in because a resource of memory ran out."
        }
        _ => "Windows could not read a page back into memory.",
    };
    let meaning = status.and_then(ntstatus::meaning).unwrap_or_default();
    let explanation = format!(
        "A part of the kernel, of a driver or of a program had been moved out to the page file, or \
         stood in its file on disk, and reading it failed. {meaning}{}The code that wanted the \
         page is not at fault.",
        if meaning.is_empty() { "" } else { " " }
    );
    let mut found = finding(
        "storage-read-failed",
        Confidence::Certain,
        title,
        explanation,
    );
    found = match status {
        Some(status) => found.because(
            format!("The read ended with {}.", status_label(status)),
            "stop code parameters",
        ),
        None => found.because(
            format!("The stop code is {}.", facts.code_label()),
            "stop code",
        ),
    };
    if facts.plain_code() == 0x7A {
        let text = format!(
            "The page was wanted for address {:#x}.",
            facts.parameters[3]
        );
        found = found.because(text, "parameter 4");
    }
    if status == Some(INSUFFICIENT_RESOURCES) {
        let look = match is_small(facts) {
            true => {
                "Look at memory rather than at the disk: nonpaged pool, locked pages and commit. A kernel dump holds these figures."
            }
            // The story has found what took it, with the steps for that.
            false if crate::diagnose::story::story(facts).is_some() => return Some(found),
            false => {
                "Look at memory rather than at the disk: nonpaged pool, locked pages and commit."
            }
        };
        return Some(found.advise(&[look]).toward(facts, "resources"));
    }
    Some(found.toward(facts, "storage"))
}

pub(super) fn content_changed(facts: &Facts<'_>) -> Option<Finding> {
    let [p1, p2, p3, p4] = facts.parameters;
    let evidence = match (facts.plain_code(), p1) {
        (0x1A, 0x3F) => format!(
            "At offset {p2:#x} of the page file the checksum is {p3:#x}; written was {p4:#x}."
        ),
        (0x12B, _) => format!("The stop code is {}.", facts.code_label()),
        _ => return None,
    };
    let found = finding(
        "page-content-changed",
        Confidence::Certain,
        "A page of memory came back different from what Windows had written.",
        "Windows notes a checksum of what it writes to the page file or compresses, and on reading \
         it back the checksum was wrong. The damage lies between the memory modules and the disk, \
         both included; no driver on the stack can be blamed for it.",
    )
    .because(evidence, "stop code parameters");
    Some(found.toward(facts, "storage").toward(facts, "memory"))
}

fn is_small(facts: &Facts<'_>) -> bool {
    matches!(facts.kind, Kind::Triage | Kind::HeaderOnly)
}

/// Why the counters do not tell which it was.
fn why_unknown(facts: &Facts<'_>) -> &'static str {
    match is_small(facts) {
        true => "Which it was cannot be told from a minidump: it holds no counters of memory.",
        _ if facts.truncated => {
            "Which it was cannot be told here: the file ends before the counters of memory."
        }
        _ => "Which it was cannot be told here: the counters of memory could not be read.",
    }
}

pub(super) fn guest_chain(facts: &Facts<'_>) -> Option<Finding> {
    let stop = matches!(facts.plain_code(), 0x7A | 0x77 | 0xF4 | 0xEF);
    if !facts.may_be_ballooned_by_hyper_v() || !stop {
        return None;
    }
    // Where the counters are there, the chain itself is told.
    if crate::diagnose::story::story(facts).is_some() {
        return None;
    }
    if matches!(facts.plain_code(), 0xF4 | 0xEF) && in_page_status(facts).is_none() {
        return None;
    }
    // The disk's own answer says nothing of memory.
    let status = in_page_status(facts);
    let memory = status == Some(INSUFFICIENT_RESOURCES);
    let behind = facts.integration.filter(|_| facts.components_are_behind());
    if status.is_some() && !memory && behind.is_none() {
        return Some(stalled(facts));
    }
    let fit = facts
        .integration
        .is_some_and(|services| matches!(services.verdict, Verdict::Current | Verdict::InBox));
    let components = match fit {
        true => "",
        false => {
            ", and integration components that do not fit the host are a known reason for that"
        }
    };
    let sure = match behind {
        Some(_) if memory => Confidence::Likely,
        _ => Confidence::Possible,
    };
    let mut found = finding(
        "hyper-v-guest-storage-chain",
        sure,
        "Memory pressure and the host's storage may lie behind this stop.",
        format!(
            "A guest that is short of memory pages more and more, and each page it reads depends on \
             the host's storage. Memory that Dynamic Memory has taken away and does not give back \
             brings a guest there{components}. A stall of the host's storage longer than the \
             guest's disk time-out ends in the same stop. {}",
            why_unknown(facts)
        ),
    )
    .because(
        "This is a Hyper-V guest, and a page could not be read.",
        "platform, stop code",
    );
    if let Some(services) = behind {
        found = found.because(services.explanation.clone(), "integration components");
        found.advice.extend(services.advice.iter().cloned());
    }
    found = found.advise(&[
        "On the host compare memory demand, assigned memory and status of this machine (Get-VM | Format-List Memory*), and look for Hyper-V-Worker event 3322.",
        STORAGE_EVENTS,
    ]);
    Some(match is_small(facts) {
        true => found.advise(&[
            "Set the guest to write a kernel memory dump: it holds available memory, what drivers have locked, and the page files.",
        ]),
        false => found,
    })
}

const STORAGE_EVENTS: &str = "On the host look for Hyper-V-StorageVSP events 6 and 9, and for cluster shared volume events 5120 and 5142 at that time.";

/// The disk of a guest gave an answer of its own: that says nothing of memory.
fn stalled(facts: &Facts<'_>) -> Finding {
    finding(
        "hyper-v-guest-storage-chain",
        Confidence::Possible,
        "The host's storage may lie behind this stop.",
        "The disk of this virtual machine is a file on its host's storage: a stall there that is \
         longer than the guest's disk time-out, a lost path or damage of the file ends in this stop.",
    )
    .because(
        format!(
            "This is a Hyper-V guest, and a page could not be read: {}.",
            in_page_status(facts).map_or_else(String::new, status_label)
        ),
        "platform, stop code",
    )
    .advise(&[STORAGE_EVENTS])
}

pub(super) fn boot_device(facts: &Facts<'_>) -> Option<Finding> {
    if facts.plain_code() != 0x7B {
        return None;
    }
    let status = ntstatus::from_parameter(facts.parameters[1]).filter(|&s| s != 0);
    let mut found = finding(
        "boot-device-inaccessible",
        Confidence::Certain,
        "Windows could not get at the disk it starts from.",
        "The driver for the disk's controller is missing or disabled, the controller's mode was \
         changed, or the disk does not answer.",
    )
    .because(
        format!("The stop code is {}.", facts.code_label()),
        "stop code",
    );
    if let Some(status) = status {
        let text = format!("The status is {}.", status_label(status));
        found = found.because(text, "parameter 2");
    }
    Some(found.advise(&[
        "If the firmware's disk mode (AHCI, RAID, VMD) was changed, change it back.",
        "If the disk was moved to other hardware or into a virtual machine, enable the matching storage driver from the recovery environment.",
        "Check in the firmware's setup whether the disk is seen at all.",
    ]).toward(facts, "startup"))
}

pub(super) fn file_system(facts: &Facts<'_>) -> Option<Finding> {
    let what = match facts.plain_code() {
        0x23 => "FAT",
        0x24 => "NTFS",
        0x12C => "exFAT",
        0x149 => "ReFS",
        _ => return None,
    };
    let found = finding(
        "file-system-stopped",
        Confidence::Certain,
        format!("The file system driver for {what} stopped Windows."),
        "A file system stops when what it reads from the disk contradicts itself, or when a filter \
         driver (antivirus, backup, encryption) broke its rules. The disk is the first suspect.",
    )
    .because(
        format!("The stop code is {}.", facts.code_label()),
        "stop code",
    );
    Some(found.toward(facts, "filesystem"))
}
