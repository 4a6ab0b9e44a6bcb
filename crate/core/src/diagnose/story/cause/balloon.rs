//! A balloon that held on while the guest starved.

use super::{Cause, alternative, link, memory, storage_path};
use crate::diagnose::story::{Case, weakest};
use crate::model::{Alternative, Balloon, Confidence, Evidence, HypervisorVendor};
use crate::model::{StoryLink, Verdict};
use crate::platform::{has_commands, size};
use alloc::{format, string::String, vec};

/// The balloon, and why it held on.
pub(super) fn find(case: &Case<'_>, balloon: &Balloon) -> Cause {
    let vendor = case.facts.platform.map(|p| p.hypervisor.vendor);
    let p = &case.pressure;
    let sizes = (size(p.locked.unwrap_or(0)), size(p.physical));
    let sizes = (sizes.0.as_str(), sizes.1.as_str());
    let first = link(
        balloon.explanation.clone(),
        balloon.confidence,
        balloon.evidence.clone(),
    );
    let mut cause = match vendor == Some(HypervisorVendor::HyperV) {
        true => of_dynamic_memory(case, balloon, first, sizes),
        false => of_other_balloon(case, balloon, first, sizes),
    };
    // Something else that took much is not excused by the balloon.
    let others = memory::takers(case);
    if !others.is_empty() {
        cause.confidence = Confidence::Possible;
    }
    for other in others {
        cause.alternatives.push(alternative(
            &other.text,
            "It is that one if it grows again after the restart while the machine has all of its \
             memory.",
        ));
    }
    let unseen = |m: &&crate::model::Memory| m.pool_tags.is_empty() || m.processes.is_empty();
    if case.facts.memory.filter(unseen).is_some() {
        cause.alternatives.push(alternative(
            "A program or a driver leaks memory.",
            "This dump does not list all programs and pool tags: watch them after the restart; a \
             leak grows steadily.",
        ));
    }
    cause
}

pub(super) fn host_memory() -> Alternative {
    alternative(
        "The host itself had no memory left to give, or the machine had reached its maximum.",
        "It is that one if the machine's demand was above a maximum that it had reached, or if \
         the host's own memory was used up at that time (event 3322 of Hyper-V-Worker says so).",
    )
}

fn other_lock(balloon: &Balloon) -> Alternative {
    alternative(
        &format!(
            "Another driver than {} has locked these pages.",
            balloon.driver
        ),
        "Raise the machine's minimum memory to its maximum: locked pages then fall to next to \
         nothing if they were the balloon's, and stay if they were not.",
    )
}

/// A balloon of another hypervisor than Hyper-V.
fn of_other_balloon(
    case: &Case<'_>,
    balloon: &Balloon,
    first: StoryLink,
    (held, all): (&str, &str),
) -> Cause {
    let own = case
        .facts
        .integration
        .map(|services| services.advice.clone());
    let mut advice = vec![String::from(
        "On the host, look at this machine's memory limit, reservation and ballooned memory; \
         raise the reservation or remove the limit.",
    )];
    advice.extend(own.unwrap_or_default());
    Cause {
        links: vec![first],
        plain: format!(
            "The hypervisor had taken {held} of this machine's {all} of memory, and it had too \
             little left."
        ),
        text: format!(
            "The hypervisor had taken {held} of the {all} of this machine through {} and did not \
             give them back: its host was short of memory, or a limit is set for this machine.",
            balloon.driver
        ),
        confidence: balloon.confidence.min(Confidence::Likely),
        advice,
        alternatives: vec![other_lock(balloon), storage_path(case)],
    }
}

/// Hyper-V's Dynamic Memory.
fn of_dynamic_memory(
    case: &Case<'_>,
    balloon: &Balloon,
    first: StoryLink,
    (held, all): (&str, &str),
) -> Cause {
    let services = case.facts.integration;
    let verdict = services.map_or(Verdict::Unknown, |services| services.verdict);
    let mut links = vec![first];
    if let Some(services) = services.filter(|services| !services.explanation.is_empty()) {
        let evidence = vec![Evidence::new(
            format!("Verdict on the integration components: {}.", word(verdict)),
            "integration components",
        )];
        links.push(link(
            services.explanation.clone(),
            services.confidence,
            evidence,
        ));
    }
    let behind = matches!(
        verdict,
        Verdict::Outdated | Verdict::Mixed | Verdict::Missing
    );
    let confidence = match (behind, services) {
        (true, Some(services)) => {
            weakest(&[balloon.confidence, services.confidence, Confidence::Likely])
        }
        _ => Confidence::Possible,
    };
    let sure = confidence > Confidence::Possible;
    // Where it is not known that Dynamic Memory is on, that is what has to be found out.
    let (took, kept) = match balloon.confidence {
        Confidence::Possible => ("may have taken", "not given"),
        _ => ("had taken", "did not give"),
    };
    let why = match (behind, verdict) {
        (true, _) if sure => ", most probably because its Integration Services do not fit its host",
        (true, _) => ", perhaps because its Integration Services do not fit its host",
        (false, Verdict::Current | Verdict::InBox) => {
            ". Its Integration Services are no reason for that: the host is to be looked at"
        }
        _ => {
            ". Whether its Integration Services or its host are the reason cannot be told from \
             this dump"
        }
    };
    let mut advice = services
        .map(|services| services.advice.clone())
        .unwrap_or_default();
    advice.push(static_memory(case));
    Cause {
        links,
        plain: format!(
            "This virtual machine ran short of memory: its host {took} {held} of {all} from it \
             through Hyper-V's Dynamic Memory{}.",
            match (behind, sure) {
                (true, true) => {
                    " and did not return them, most probably for want of fitting Integration \
                     Services"
                }
                (true, false) => {
                    " and not returned them, perhaps for want of fitting Integration Services"
                }
                _ => "",
            }
        ),
        text: format!(
            "Dynamic Memory {took} {held} of this guest's {all} and {kept} them back{why}."
        ),
        confidence,
        advice,
        alternatives: vec![host_memory(), storage_path(case), other_lock(balloon)],
    }
}

/// What helps at once.
fn static_memory(case: &Case<'_>) -> String {
    let gib = case.pressure.physical.div_ceil(0x4_0000);
    let hosts = case
        .facts
        .platform
        .map(|platform| &platform.host_generation);
    let command = match hosts.is_none_or(|hosts| has_commands(hosts)) {
        true => format!(
            " on the host (`Set-VMMemory NAME -DynamicMemoryEnabled $false -StartupBytes {gib}GB`)"
        ),
        false => format!(" of {gib} GB in its settings on the host"),
    };
    format!(
        "Until that has helped, shut the guest down and give it static memory{command}, or set its \
         minimum near to what it needs at its peak."
    )
}

fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Current => "current",
        Verdict::Outdated => "outdated",
        Verdict::Mixed => "mixed",
        Verdict::InBox => "part of Windows",
        Verdict::Missing => "missing",
        Verdict::NotApplicable => "not applicable",
        Verdict::Unknown => "cannot be told",
    }
}
