//! A read that failed on its way to the disk, or came back changed.

use super::{Cause, alternative, link, simple, steps, storage_path};
use crate::diagnose::story::{Case, Failure};
use crate::knowledge::ntstatus;
use crate::model::{Alternative, Confidence, HypervisorVendor};
use alloc::{format, string::String, vec, vec::Vec};

/// A resource ran out although memory was left.
pub(super) fn resource(case: &Case<'_>) -> Cause {
    let found = link(
        "The read ended for want of a resource although memory as a whole was left: pool, or the \
         storage driver's own requests.",
        Confidence::Possible,
        Vec::new(),
    );
    simple(
        case,
        found,
        "A resource of the storage path or of the pool ran out; memory as a whole did not.".into(),
        Confidence::Possible,
        &[
            "Look at nonpaged pool by tag, and update storage and filter drivers (antivirus, backup, encryption).",
        ],
    )
}

fn cause(text: String, confidence: Confidence, advice: &[&str]) -> Cause {
    Cause {
        links: Vec::new(),
        plain: text.clone(),
        text,
        confidence,
        advice: steps(advice),
        alternatives: Vec::new(),
    }
}

/// Where to look when the disk is a file on a host.
fn on_the_host(case: &Case<'_>) -> &'static str {
    match case.facts.platform.map(|p| p.hypervisor.vendor) {
        Some(HypervisorVendor::HyperV) => {
            "On the host, look for storage errors and stalls at the time of the stop: Hyper-V-StorageVSP events 4, 5, 6 and 9; on a cluster events 5120 and 5142."
        }
        Some(HypervisorVendor::Azure) => {
            "In the portal, look at the disk's metrics (latency, throttling) and the machine's resource health at the time of the stop."
        }
        _ => "On the host, look for storage errors and stalls at the time of the stop.",
    }
}

pub(super) fn disk(case: &Case<'_>) -> Cause {
    let confidence = match case.failure {
        Failure::Disk(_) => Confidence::Likely,
        _ => Confidence::Possible,
    };
    if case.facts.is_guest() {
        let text = "The virtual disk did not answer or answered with an error: the host's \
                    storage, or the path to it, is to be looked at.";
        let advice = [
            on_the_host(case),
            "In the guest, look for event 129 (requests reset) and 153 (requests retried) of the storage driver before the stop.",
            "Check the free space and the health of the volume that holds the virtual disk.",
        ];
        return Cause {
            alternatives: vec![filter()],
            ..cause(text.into(), confidence, &advice)
        };
    }
    let text = "The disk did not answer or answered with an error: the disk, its cable or \
                controller, and their drivers are to be looked at.";
    let advice = [
        "Read the disk's health (SMART), and check cable, port and controller.",
        "Update the firmware of disk and controller, and the storage drivers.",
        "Run chkdsk /scan on the volume of the page file.",
    ];
    Cause {
        alternatives: vec![filter()],
        ..cause(text.into(), confidence, &advice)
    }
}

/// What stands between Windows and the disk.
fn filter() -> Alternative {
    alternative(
        "A filter driver (antivirus, backup, encryption) failed the read.",
        "It is that one if neither the system log nor the storage shows an error at the time of \
         the stop; `fltmc filters` lists them.",
    )
}

/// A status that is neither a disk's nor a want of memory.
pub(super) fn refused(case: &Case<'_>, status: u32) -> Cause {
    let name = ntstatus::name(status).map_or_else(|| format!("{status:#x}"), String::from);
    let text = format!(
        "The read was refused with {name}, which is neither a disk's error nor a want of memory: \
         what refused it cannot be told from this dump."
    );
    let advice = [
        "See whether the file or disk behind the page was being detached, deleted or dismounted at the time of the stop.",
        "Update storage and filter drivers (antivirus, backup, encryption).",
    ];
    Cause {
        alternatives: vec![storage_path(case)],
        ..cause(text, Confidence::Possible, &advice)
    }
}

pub(super) fn changed(case: &Case<'_>) -> Cause {
    let text = match case.failure {
        Failure::Content(_) => {
            "The disk reported other content than was written: it came back changed, and the \
             damage lies on the way between memory and disk, both included."
        }
        _ => {
            "What Windows wrote to the page file came back changed: the damage lies on the way \
             between memory and disk, both included."
        }
    };
    let advice: &[&str] = match case.facts.is_guest() {
        true => &[
            on_the_host(case),
            "On the host, test the memory, and check the volume that holds the virtual disk.",
            "Update the storage drivers in the guest and the firmware of the host's storage.",
        ],
        false => &["Test the memory for a night, then the disk (SMART), its cable and controller."],
    };
    Cause {
        alternatives: vec![
            alternative(
                "Memory modules are bad.",
                "A memory test over a night finds most of them; other stops with changing codes point there too.",
            ),
            storage_path(case),
        ],
        ..cause(text.into(), Confidence::Likely, advice)
    }
}
