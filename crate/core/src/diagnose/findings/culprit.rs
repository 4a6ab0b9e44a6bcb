//! What blame says, as findings with advice.

use super::{NO_CULPRIT, finding};
use crate::diagnose::blame::Verdict;
use crate::diagnose::codes::{CodeAddress, code_address};
use crate::diagnose::facts::Facts;
use crate::diagnose::role::{Role, display_vendor, role};
use crate::image::Image;
use crate::knowledge::driver::{bad_version, driver, with_bad_versions};
use crate::memory::VirtualAddress;
use crate::model::{Blame, Confidence, Finding};
use alloc::{format, string::String, vec, vec::Vec};

/// The families of causes that advice on a driver comes from: what it is, before that it is one.
fn families(module: &str) -> &'static [&'static str] {
    let class = driver(module).map_or("", |known| known.class);
    let foreign = role(module) == Role::Other;
    match class {
        _ if display_vendor(module).is_some() => &["display"],
        "antivirus" | "anti-cheat" | "security" | "encryption" if foreign => {
            &["security", "driver"]
        }
        "network" if foreign => &["network", "driver"],
        "bluetooth" if foreign => &["bluetooth", "driver"],
        "usb" if foreign => &["usb", "driver"],
        _ if foreign => &["driver"],
        // Drivers of Windows itself fail over what they serve.
        "processor" | "acpi" | "power" | "bus" | "firmware" => &["firmware", "memory"],
        "network" => &["network", "files"],
        "bluetooth" => &["bluetooth", "files"],
        "usb" => &["usb", "files"],
        "storage" => &["storage"],
        "filesystem" => &["filesystem"],
        "virtualisation" => &["virtualisation"],
        _ => &["windows"],
    }
}

/// A finding with the steps for a driver.
fn advised(mut found: Finding, facts: &Facts<'_>, module: &str) -> Finding {
    // The dump may not hold the version: whoever reads compares.
    if let Some(known) = driver(module).filter(|known| !known.known_bad.is_empty()) {
        let text = format!(
            "Of {module} is known: {} Compare its version.",
            known.known_bad
        );
        found = found.because(text, "published");
    }
    let all = families(module).iter();
    all.fold(found, |found, family| found.toward(facts, family))
}

fn named(facts: &Facts<'_>) -> Option<Blame> {
    facts.blame().named().cloned()
}

pub(super) fn likely(facts: &Facts<'_>) -> Option<Finding> {
    let blame = named(facts).filter(|blame| blame.confidence >= Confidence::Likely)?;
    let title = format!("{} probably caused the stop.", blame.module);
    let explanation = format!(
        "The evidence points to {} itself. That it was the one to fail does not rule out that \
         faulty hardware or another driver had damaged its data before, so look whether other \
         dumps of this machine name the same driver.",
        blame.module
    );
    let mut found = finding("culprit-likely", blame.confidence, title, explanation);
    found.evidence = blame.evidence;
    Some(advised(found, facts, &blame.module))
}

pub(super) fn possible(facts: &Facts<'_>) -> Option<Finding> {
    let blame = named(facts).filter(|blame| blame.confidence == Confidence::Possible)?;
    let title = format!("{} may have caused the stop.", blame.module);
    let explanation = format!(
        "{} is close to the fault, but others would fit as well. Take it for a first thing to \
         try, and trust it more when several dumps of this machine name it.",
        blame.module
    );
    let mut found = finding("culprit-possible", blame.confidence, title, explanation);
    found.evidence = blame.evidence;
    Some(advised(found, facts, &blame.module))
}

/// The first loaded driver whose file version is known to be bad, where its version can be read.
pub(super) fn known_bad(facts: &Facts<'_>) -> Option<Finding> {
    let space = facts.space?;
    with_bad_versions().find_map(|name| {
        let module = facts.modules.by_name(name)?;
        let version = Image::open(space, module.base).ok()?.version().ok()??;
        let told = bad_version(name, version.file_version, facts.build)?;
        let title = format!("{name} is of a version that is known to be bad.");
        let found = finding("driver-version-known-bad", Confidence::Certain, title, told);
        let evidence = format!("Its file version is {}.", version.number());
        let steps = ["Update it, whether or not it caused this stop."];
        Some(found.because(evidence, "version resource").advise(&steps))
    })
}

pub(super) fn nobody(facts: &Facts<'_>) -> Option<Finding> {
    let Verdict::NoGround(why) = facts.blame().into_owned() else {
        return None;
    };
    let title = "This dump gives no ground to name a driver.";
    Some(finding(NO_CULPRIT, Confidence::Certain, title, why))
}

pub(super) fn unloaded_too_early(facts: &Facts<'_>) -> Option<Finding> {
    let code = facts.plain_code();
    let executed = match code_address(code, &facts.parameters) {
        Some((address, _, CodeAddress::Instruction)) => address,
        _ => facts.exception?.address.0,
    };
    let place = facts.locate(VirtualAddress(executed))?;
    if !place.unloaded {
        return None;
    }
    let title = format!(
        "{} was unloaded while its code was still needed.",
        place.module
    );
    let explanation = "Windows jumped to a place from which a driver had already been removed: the \
                       driver, or the one that used it, had left a timer, a work item or a \
                       callback behind.";
    Some(
        finding(
            "driver-unloaded-too-early",
            Confidence::Likely,
            title,
            explanation,
        )
        .because(
            format!("The instruction at fault is {}.", place.label),
            "unloaded modules",
        )
        .advise(&[
            "Update the driver, or the program that loads and unloads it.",
            "Until then avoid what unloads it: removing the device, stopping its service, sleep.",
        ]),
    )
}

/// Stop codes of the graphics watchdog and scheduler.
const DISPLAY: &[u32] = &[0xEA, 0x113, 0x116, 0x117, 0x119, 0x141, 0x142];

pub(super) fn display(facts: &Facts<'_>) -> Option<Finding> {
    let blamed = named(facts).filter(|blame| display_vendor(&blame.module).is_some());
    let watchdog = DISPLAY.contains(&facts.plain_code());
    let own = blamed.is_some() && facts.code >> 28 == 0xA;
    if !watchdog && !own {
        return None;
    }
    let title = "The graphics adapter or its driver stopped working.";
    let explanation = "Windows watches over the graphics adapter and restarts it when it does not \
                       answer; this stop means that it could not be brought back. The driver is \
                       the usual cause, but heat, power, overclocking and a failing adapter look \
                       the same from here.";
    let found = finding(
        "display-stopped-responding",
        Confidence::Likely,
        title,
        explanation,
    )
    .because(
        format!("The stop code is {}.", facts.code_label()),
        "stop code",
    );
    let adapters: Vec<&str> = facts
        .modules
        .as_slice()
        .iter()
        .map(|module| module.name.as_str())
        .filter(|name| display_vendor(name).is_some())
        .collect();
    let found = match adapters.as_slice() {
        [] => found,
        names => found.because(
            format!("Graphics drivers loaded: {}.", names.join(", ")),
            "modules",
        ),
    };
    Some(found.toward(facts, "display"))
}

/// What Driver Verifier does for each bit of its level (Microsoft's pages on its options).
const SETTINGS: [(u32, &str); 19] = [
    (0x1, "special pool"),
    (0x2, "IRQL checking"),
    (0x4, "low resources"),
    (0x8, "pool tracking"),
    (0x10, "I/O verification"),
    (0x20, "deadlock detection"),
    (0x80, "DMA checking"),
    (0x100, "security checks"),
    (0x200, "pending I/O requests"),
    (0x400, "IRP logging"),
    (0x800, "miscellaneous checks"),
    (0x2000, "MDL checking for stack"),
    (0x4000, "MDL checking for driver"),
    (0x8000, "power delay fuzzing"),
    (0x1_0000, "port and miniport checking"),
    (0x2_0000, "DDI compliance"),
    (0x4_0000, "systematic low resources"),
    (0x8_0000, "more DDI compliance"),
    (0x200_0000, "code integrity"),
];

fn settings(level: u32) -> String {
    let set = SETTINGS.iter().filter(|(bit, _)| level & bit != 0);
    let names: Vec<&str> = set.map(|(_, name)| *name).collect();
    match names.is_empty() {
        true => String::new(),
        false => format!(": {}", names.join(", ")),
    }
}

pub(super) fn verifier(facts: &Facts<'_>) -> Option<Finding> {
    let mut evidence = vec![];
    if matches!(facts.plain_code(), 0xC4 | 0xC9 | 0xC1 | 0xE6 | 0xC6) {
        evidence.push((
            format!("The stop code is {}.", facts.code_label()),
            "stop code",
        ));
    }
    if let Some(level) = facts.verifier_level.filter(|&level| level != 0) {
        evidence.push((
            format!("Its settings are {level:#x}{}.", settings(level)),
            "its level in the dump",
        ));
    }
    if let Some(list) = facts
        .verified
        .filter(|list| !list.is_empty() && !evidence.is_empty())
    {
        let text = match list.contains('*') {
            true => "It was told to watch every driver.".into(),
            false => format!("It was told to watch {list}."),
        };
        evidence.push((text, "registry, VerifyDrivers"));
    }
    if evidence.is_empty() {
        return None;
    }
    let found = finding(
        "driver-verifier-active",
        Confidence::Certain,
        "Driver Verifier was switched on.",
        "Driver Verifier stops Windows at the first wrong step of a driver that it watches. Such a \
         stop names the culprit better than any other, and it would not have come without the \
         verifier; switch it off once the driver is found, for it slows the machine down.",
    );
    let found = evidence
        .into_iter()
        .fold(found, |found, (text, place)| found.because(text, place));
    Some(found.toward(facts, "verifier"))
}
