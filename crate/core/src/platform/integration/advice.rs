//! What to do: for exactly this guest, on each of the hosts that are still possible.

use super::verdict::{either, host_version, stands_for};
use super::{FIRST_WITHOUT_PACKAGE, IntegrationInputs};
use crate::knowledge::hypervisor::Platform as Known;
use crate::knowledge::integration::{self, Delivery, HostVersion};
use crate::model::Verdict;
use crate::platform::identify::PlatformFacts;
use alloc::{format, string::String, vec, vec::Vec};

/// Both ways of delivery, for a host that nothing is known of.
const EITHER_HOST: [HostVersion; 2] = [HostVersion::Server2012R2, HostVersion::Server2016];

/// What to look at on the host of a guest that stopped. Sources: Microsoft's pages on Dynamic
/// Memory and Integration Services, and its support articles on the events.
const ON_THE_HOST: [&str; 4] = [
    "On the host, compare memory assigned and memory demand of the virtual machine and look at \
     its memory status (Hyper-V Manager, tab Memory; or Get-VM, MemoryDemand and MemoryStatus).",
    "On the host, look at the state of its Integration Services (Get-VM, \
     IntegrationServicesState and IntegrationServicesVersion; Get-VMIntegrationService for each \
     service).",
    "On the host, look in the log Hyper-V-Worker for event 18590, which repeats the guest's stop \
     code, and event 3322, memory that could not be given for lack of disk space.",
    "On the host, look in the log Hyper-V-StorageVSP for event 9, requests to the virtual disk \
     that took long, around the time of the stop.",
];

/// The steps.
pub(super) fn steps(
    facts: &PlatformFacts,
    inputs: &IntegrationInputs<'_>,
    verdict: Verdict,
) -> Vec<String> {
    let mut steps = match verdict {
        Verdict::Current | Verdict::NotApplicable => Vec::new(),
        _ => delivery(facts, inputs),
    };
    if facts.guest_of == Some(Known::Azure) {
        steps.push(Known::Azure.advice().into());
    } else {
        steps.extend(ON_THE_HOST.iter().map(|&step| step.into()));
    }
    steps
}

/// How newer components reach this guest.
fn delivery(facts: &PlatformFacts, inputs: &IntegrationInputs<'_>) -> Vec<String> {
    let Some(build) = inputs.build else {
        return Vec::new();
    };
    let mut hosts: Vec<HostVersion> = facts
        .platform
        .host_generation
        .iter()
        .map(|&host| host_version(host))
        .collect();
    if hosts.is_empty() {
        hosts.extend(EITHER_HOST);
    }
    // Hosts that call for the same steps stand together.
    let mut groups: Vec<(Delivery, Vec<HostVersion>)> = Vec::new();
    for host in hosts {
        let Some(way) = integration::delivery(build, stands_for(facts, host)) else {
            continue;
        };
        match groups
            .iter_mut()
            .find(|(known, _)| known.steps == way.steps)
        {
            Some((_, list)) => list.push(host),
            None => groups.push((way, vec![host])),
        }
    }
    // The components of Windows 10 and later come with Windows, whatever the host.
    if build >= FIRST_WITHOUT_PACKAGE {
        groups.truncate(1);
    }
    let several = groups.len() > 1;
    let mut steps: Vec<String> = Vec::new();
    for (way, hosts) in groups {
        for step in way.steps {
            let said = match several {
                true => format!("If the host is {}: {step}", either(&hosts)),
                false => (*step).into(),
            };
            if !steps.contains(&said) {
                steps.push(said);
            }
        }
    }
    steps
}
