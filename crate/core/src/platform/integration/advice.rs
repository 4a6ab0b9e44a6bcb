//! What to do: for exactly this guest, on each of the hosts that are still possible.

use super::verdict::{either, host_version, stands_for};
use super::{FIRST_WITHOUT_PACKAGE, IntegrationInputs};
use crate::knowledge::hypervisor::Platform as Known;
use crate::knowledge::integration::{self, Delivery, HostVersion, How};
use crate::model::{HostGeneration, Verdict};
use crate::platform::identify::PlatformFacts;
use alloc::{format, string::String, vec, vec::Vec};

/// Both ways of delivery, for a host that nothing is known of.
const EITHER_HOST: [HostVersion; 2] = [HostVersion::Server2012R2, HostVersion::Server2016];

/// What to look at on the host of a guest that stopped. Sources: Microsoft's pages on Dynamic
/// Memory and Integration Services, and its support articles on the events.
const WHICH_HOST: &str = "See which Windows the host runs, for it decides the way: in the guest, `reg \
    query \"HKLM\\SOFTWARE\\Microsoft\\Virtual Machine\\Guest\\Parameters\"` shows it as \
    HostingSystemOsMajor and HostingSystemOsMinor (6.2 is 2012, 6.3 is 2012 R2, 10.0 is newer).";
const MEMORY: &str = "On the host, `Get-VM NAME | Format-List \
    MemoryAssigned,MemoryDemand,MemoryMaximum,MemoryStatus` (NAME and the same figures stand in \
    Hyper-V Manager): demand above assigned means that the guest gets less than it needs.";
const SERVICES: &str = "On the host, `Get-VM NAME | Format-List IntegrationServices*` shows the \
    state and version of its Integration Services, `Get-VMIntegrationService NAME` each service.";
/// The same where the host has no commands for virtual machines: those came with 2012.
const IN_THE_MANAGER: &str = "On the host, compare Assigned Memory, Memory Demand and Memory \
    Status of the virtual machine in Hyper-V Manager, and look at the Integration Services among \
    its settings: demand above assigned means that the guest gets less than it needs.";
const EVENTS: [&str; 2] = [
    "On the host, `Get-WinEvent -FilterHashtable \
     @{ProviderName='Microsoft-Windows-Hyper-V-Worker'; Id=18590,3322}`: event 18590 repeats the \
     guest's stop code and shows its time, event 3322 says that memory could not be given for lack \
     of disk space.",
    "On the host, `Get-WinEvent -FilterHashtable \
     @{ProviderName='Microsoft-Windows-Hyper-V-StorageVSP'; Id=9}`: requests to a virtual disk \
     that took long; those around the time of the stop count.",
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
        match has_commands(&facts.platform.host_generation) {
            true => steps.extend([MEMORY, SERVICES].map(String::from)),
            false => steps.push(IN_THE_MANAGER.into()),
        }
        steps.extend(EVENTS.map(String::from));
    }
    steps
}

/// Whether a host has commands for its virtual machines, or may have them.
#[must_use]
pub fn has_commands(hosts: &[HostGeneration]) -> bool {
    let old = |host| {
        matches!(
            host,
            HostGeneration::Server2008 | HostGeneration::Server2008R2
        )
    };
    hosts.is_empty() || hosts.iter().any(|&host| !old(host))
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
    let client = facts.host_version.is_none()
        && groups
            .iter()
            .any(|(_, hosts)| hosts.contains(&HostVersion::Client));
    let several = groups.len() > 1;
    let mut steps: Vec<String> = match several {
        true => vec![WHICH_HOST.into()],
        false => Vec::new(),
    };
    for (way, hosts) in groups {
        // Of clients, those of the age of 2012 and 2012 R2 have a setup disk as well.
        let also = match (client, way.how) {
            (true, How::SetupDisk) => " (or Windows 8 or 8.1)",
            _ => "",
        };
        let hosts = match client {
            true => either(&hosts).replace(HostVersion::Client.title(), "Windows 10 or 11"),
            false => either(&hosts),
        };
        for step in way.steps {
            steps.push(match several {
                false => (*step).into(),
                true => format!("If the host is {hosts}{also}: {step}"),
            });
        }
    }
    steps
}
