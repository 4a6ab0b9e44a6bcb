//! What the chain ends in.

mod balloon;
mod memory;
mod storage;

use super::links::link;
use super::{Case, Failure};
use crate::model::{Alternative, BalloonState, Confidence, HypervisorVendor, StoryLink};
use alloc::{string::String, vec, vec::Vec};

/// The cause, with the links that lead to it.
pub(super) struct Cause {
    pub links: Vec<StoryLink>,
    /// What the chain ends in.
    pub text: String,
    /// The same for the summary, as the beginning of it.
    pub plain: String,
    pub confidence: Confidence,
    pub advice: Vec<String>,
    pub alternatives: Vec<Alternative>,
}

/// Finds it: what starves a machine goes before what its disk says only where the read failed for
/// want of memory.
pub(super) fn find(case: &Case<'_>) -> Cause {
    let short = case.pressure.starving();
    let mut cause = match case.failure {
        Failure::Resources(_) | Failure::Unknown if short => starving(case),
        Failure::Resources(_) => storage::resource(case),
        Failure::Changed | Failure::Content(_) => storage::changed(case),
        Failure::Disk(_) | Failure::Unknown => storage::disk(case),
        Failure::Other(status) => storage::refused(case, status),
    };
    // A disk that fails under a guest that starves: both are told, none is chosen.
    if short && !matches!(case.failure, Failure::Resources(_) | Failure::Unknown) {
        let mut other = starving(case);
        cause.links.append(&mut other.links);
        cause.confidence = Confidence::Possible;
        cause.text.push_str(
            " The machine was short of memory as well and therefore paged all the time, which \
             makes every weakness of the storage show.",
        );
        for step in other.advice {
            if !cause.advice.contains(&step) {
                cause.advice.push(step);
            }
        }
        cause.alternatives.insert(
            0,
            alternative(
                &other.text,
                "It is that one if the storage shows no errors at the time of the stop.",
            ),
        );
    }
    cause
}

/// Which of the things that take memory took it.
fn starving(case: &Case<'_>) -> Cause {
    let balloon = case.facts.memory.and_then(|memory| memory.balloon.as_ref());
    match balloon.filter(|balloon| balloon.state == BalloonState::NotGivingBack) {
        Some(balloon) => balloon::find(case, balloon),
        None => memory::find(case),
    }
}

fn alternative(cause: &str, tells_apart: &str) -> Alternative {
    Alternative {
        cause: cause.into(),
        tells_apart: tells_apart.into(),
    }
}

fn storage_path(case: &Case<'_>) -> Alternative {
    let vendor = case.facts.platform.map(|p| p.hypervisor.vendor);
    match vendor.filter(|_| case.facts.is_guest()) {
        Some(HypervisorVendor::Azure) => alternative(
            "The storage beneath the virtual disk stalled or was throttled.",
            "Look in the portal at the disk's metrics and the machine's resource health at the \
             time of the stop; in the guest for event 129 of storvsc.",
        ),
        Some(HypervisorVendor::HyperV) => alternative(
            "The host's storage stalled or lost data.",
            "Look on the host for Hyper-V-StorageVSP event 9 and, on a cluster, events 5120 and \
             5142 at the time of the stop; in the guest for event 129 of storvsc.",
        ),
        Some(_) => alternative(
            "The host's storage stalled or lost data.",
            "Look on the host for storage errors and latency at the time of the stop; in the \
             guest for events 129 and 153 of its storage driver.",
        ),
        None => alternative(
            "The disk or the way to it failed.",
            "Look in the system log for events 129, 153, 51 and 11 before the stop.",
        ),
    }
}

fn steps(advice: &[&str]) -> Vec<String> {
    advice.iter().map(|&step| step.into()).collect()
}

fn simple(
    case: &Case<'_>,
    found: StoryLink,
    text: String,
    confidence: Confidence,
    advice: &[&str],
) -> Cause {
    Cause {
        links: vec![found],
        plain: text.clone(),
        text,
        confidence,
        advice: steps(advice),
        alternatives: vec![storage_path(case)],
    }
}
