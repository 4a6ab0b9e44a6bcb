//! What the machine is.

use super::finding;
use crate::diagnose::facts::Facts;
use crate::model::{Confidence, Finding, HypervisorRole, Kind, Verdict};
use alloc::format;

pub(super) fn host(facts: &Facts<'_>) -> Option<Finding> {
    if facts.hypervisor_role() != HypervisorRole::RootHyperV {
        return None;
    }
    let mut found = finding(
        "hypervisor-host",
        facts.platform?.hypervisor.confidence,
        "This Windows is a Hyper-V host.",
        "The drivers of the host's side of Hyper-V are loaded. Its virtual machines stopped with \
         it, and advice for guests does not apply to it.",
    );
    found.evidence = facts.platform?.hypervisor.evidence.clone();
    Some(found)
}

/// The year in a firmware date, month first (`MM/DD/YYYY`).
fn firmware_year(date: &str) -> Option<u32> {
    let year = date.rsplit('/').next()?.trim();
    let year: u32 = year.parse().ok()?;
    (1990..2200).contains(&year).then_some(year)
}

/// Firmware is called old from this age on, in years.
const OLD: u32 = 4;

pub(super) fn firmware_old(facts: &Facts<'_>) -> Option<Finding> {
    let platform = facts.platform?;
    // A virtual machine's firmware has a date of its own that says nothing of its age.
    let physical = matches!(
        platform.hypervisor.role,
        HypervisorRole::None
            | HypervisorRole::Root
            | HypervisorRole::RootVbs
            | HypervisorRole::RootHyperV
    );
    let date = platform.bios_date.as_deref().filter(|_| physical)?;
    let stopped: u32 = facts.crash_time?.get(..4)?.parse().ok()?;
    let age = stopped.checked_sub(firmware_year(date)?)?;
    if age < OLD {
        return None;
    }
    let version = platform.bios_version.as_deref().unwrap_or("unknown");
    Some(
        finding(
            "firmware-old",
            Confidence::Certain,
            format!("The firmware was {age} years old when Windows stopped."),
            "New firmware brings microcode and corrections for memory, power and devices. It is no \
             proof of anything, but a cheap thing to try when hardware is among the suspects.",
        )
        .because(format!("Version {version} of {date}."), "SMBIOS type 0")
        .toward(facts, "firmware"),
    )
}

pub(super) fn integration(facts: &Facts<'_>) -> Option<Finding> {
    let services = facts.integration?;
    let title = match services.verdict {
        Verdict::Outdated => "The Integration Services are older than guest and host call for.",
        Verdict::Mixed => "The Integration Services come from different packages.",
        Verdict::Missing => "Integration Services that this guest needs are missing.",
        _ => return None,
    };
    let mut found = finding(
        "integration-services-behind",
        services.confidence,
        title,
        services.explanation.clone(),
    );
    for component in &services.components {
        let Some(version) = &component.version else {
            continue;
        };
        let text = format!("{} has version {version}.", component.driver);
        found = found.because(text, "modules");
    }
    found.advice = services.advice.clone();
    Some(found)
}

pub(super) fn balloon_unknown(facts: &Facts<'_>) -> Option<Finding> {
    if !facts.may_be_ballooned_by_hyper_v() || facts.kind != Kind::Triage {
        return None;
    }
    let loaded = facts.modules.by_name("dmvsc.sys").is_some();
    let evidence = match loaded {
        true => "The Dynamic Memory driver dmvsc.sys is loaded.",
        false => "The Dynamic Memory driver dmvsc.sys is not loaded, as in a guest without it.",
    };
    Some(
        finding(
            "balloon-not-in-minidump",
            Confidence::Certain,
            "Whether Dynamic Memory starved this guest cannot be told from a minidump.",
            "A kernel dump holds the figures: available memory, pages that drivers have locked (in \
             which the balloon shows), commit against its limit, and the page files.",
        )
        .because(evidence, "modules")
        .advise(&[
            "Set the guest to write a kernel or automatic memory dump.",
            "On the host compare assigned memory and demand at the time of the stop.",
        ]),
    )
}
