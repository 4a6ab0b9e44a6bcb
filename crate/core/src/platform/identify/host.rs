//! Which Windows the host of a Hyper-V guest may have been.
//!
//! The virtual firmware is compiled into the host's Windows, so its version and date name the
//! host on which the virtual machine was last powered on; live migration keeps them. What the
//! host writes into the guest's registry, and what the hypervisor says of itself, is fresher and
//! wins. On Azure none of this names a release.

use super::{PlatformFacts, PlatformInputs, Values};
use crate::knowledge::hypervisor::Platform as Known;
use crate::knowledge::integration::{self, HostGuess, HostVersion};
use crate::model::{Evidence, HostGeneration};
use alloc::{format, string::String, vec, vec::Vec};

/// Fills the hosts, their evidence and the remarks on them.
pub(super) fn decide(inputs: &PlatformInputs<'_>, facts: &mut PlatformFacts) {
    match facts.guest_of {
        Some(Known::HyperV) => {}
        Some(Known::Azure) => {
            facts.platform.host_generation = vec![HostGeneration::Azure];
            facts.usual_hosts = 1;
            facts.host_confidence = facts.platform.hypervisor.confidence;
            facts.platform.host_evidence = facts.platform.hypervisor.evidence.clone();
            facts.platform.remarks.push(
                "On Azure the date of the virtual firmware says nothing about the host.".into(),
            );
            return;
        }
        _ => return,
    }
    let edition = Values(inputs.registry)
        .number("HostingSystemEditionId")
        .and_then(|edition| u32::try_from(edition).ok());
    let firmware = from_firmware(inputs, facts);
    let fresh = from_host(inputs, facts);
    let fresh = fresh.map(|(guess, text, place)| (of_edition(guess, edition), text, place));
    let mut evidence = Vec::new();
    if let Some((guess, sentence, place)) = &firmware {
        let sentence = match guess.note {
            "" => format!("{sentence}."),
            note => format!("{sentence}: {note}."),
        };
        evidence.push(Evidence::new(sentence, *place));
    }
    if let Some((_, sentence, place)) = &fresh {
        evidence.push(Evidence::new(sentence.clone(), place.clone()));
    }
    if fresh.is_some() {
        facts.host_version = version(inputs, facts);
    }
    let from_firmware = firmware.map(|(guess, ..)| guess);
    let from_host = fresh.map(|(guess, ..)| guess);
    facts
        .platform
        .remarks
        .extend(remark(&from_firmware, &from_host));
    let Some(guess) = combine(from_firmware, from_host) else {
        return;
    };
    let not_azure = facts.platform.asset_tag.is_some();
    let hosts = |list: &[HostVersion]| {
        list.iter()
            .filter(|&&host| !(not_azure && host == HostVersion::Azure))
            .map(|&host| generation(host))
            .collect::<Vec<_>>()
    };
    let usual = hosts(&guess.hosts);
    facts.usual_hosts = usual.len();
    facts.platform.host_generation = usual;
    facts.platform.host_generation.extend(hosts(&guess.also));
    facts.host_confidence = guess.certainty.into();
    // A machine known by its drivers alone is no surer than they are.
    facts.host_confidence = facts
        .host_confidence
        .min(facts.platform.hypervisor.confidence);
    facts.platform.host_evidence = evidence;
}

fn remark(firmware: &Option<HostGuess>, fresh: &Option<HostGuess>) -> Option<String> {
    let text = match (firmware, fresh) {
        (Some(_), None) => {
            "The virtual firmware names the host on which this machine was last powered on. A \
             live migration since then does not show."
        }
        (Some(guess), Some(now)) if !overlap(guess, now) => {
            "The firmware names another host than the one that last wrote into the guest's \
             registry: the machine was moved while it ran. The registry is fresher and counts."
        }
        _ => return None,
    };
    Some(text.into())
}

fn all(guess: &HostGuess) -> impl Iterator<Item = HostVersion> + '_ {
    guess.hosts.iter().chain(&guess.also).copied()
}

/// Whether both may be the same host. "A client" stands for many releases and so counts only
/// where one of them has nothing else to offer.
fn overlap(a: &HostGuess, b: &HostGuess) -> bool {
    let server = |host: &HostVersion| *host != HostVersion::Client;
    let servers = all(a).any(|host| server(&host)) && all(b).any(|host| server(&host));
    all(a).any(|host| (!servers || server(&host)) && all(b).any(|other| host == other))
}

/// Whether an edition of Windows is a server: GetProductInfo's numbers, as the host wrote its own
/// into the guest's registry. `None` for numbers that are not known.
fn is_server(edition: u32) -> Option<bool> {
    match edition {
        7..=10 | 12..=15 | 17..=25 | 42 | 79 | 80 | 145..=148 | 168 | 406..=408 => Some(true),
        1..=6 | 26..=28 | 48 | 49 | 72 | 84 | 98..=101 | 103 | 121 | 122 | 125 | 126 => Some(false),
        161 | 162 | 164 | 165 | 175 | 188 => Some(false),
        _ => None,
    }
}

/// PRODUCT_AZURE_SERVER_CORE: the hosts of Azure.
const AZURE_HOST: u32 = 168;

/// Leaves the hosts of that edition, unless none would be left.
fn of_edition(mut guess: HostGuess, edition: Option<u32>) -> HostGuess {
    let Some((edition, server)) = edition.and_then(|e| Some((e, is_server(e)?))) else {
        return guess;
    };
    let fits = |host: &HostVersion| match host {
        HostVersion::Client => !server,
        HostVersion::Azure => edition == AZURE_HOST,
        _ => server && edition != AZURE_HOST,
    };
    if all(&guess).any(|host| fits(&host)) {
        guess.hosts.retain(fits);
        guess.also.retain(fits);
        if guess.hosts.is_empty() {
            guess.hosts.append(&mut guess.also);
        }
    }
    guess
}

/// The fresher guess, narrowed by the firmware's where both agree on something.
fn combine(firmware: Option<HostGuess>, fresh: Option<HostGuess>) -> Option<HostGuess> {
    let (firmware, fresh) = match (firmware, fresh) {
        (Some(firmware), Some(fresh)) => (firmware, fresh),
        (one, other) => return one.or(other),
    };
    if !overlap(&firmware, &fresh) {
        return Some(fresh);
    }
    let both = |list: &[HostVersion]| -> Vec<HostVersion> {
        let keep = |host: &&HostVersion| all(&fresh).any(|other| other == **host);
        list.iter().filter(keep).copied().collect()
    };
    let (hosts, also) = (both(&firmware.hosts), both(&firmware.also));
    // One host that both name is as sure as the host itself; among several the firmware decides.
    let single = hosts.len() + also.len() == 1 || fresh.hosts.len() == 1;
    let certainty = if single {
        fresh.certainty
    } else {
        firmware.certainty
    };
    Some(match hosts.is_empty() {
        true => HostGuess {
            hosts: also,
            also: Vec::new(),
            certainty,
            note: fresh.note,
        },
        false => HostGuess {
            hosts,
            also,
            certainty,
            note: fresh.note,
        },
    })
}

/// What the virtual firmware says: SMBIOS first, then the text that Windows made of the ACPI
/// tables, then those tables themselves.
fn from_firmware(
    inputs: &PlatformInputs<'_>,
    facts: &PlatformFacts,
) -> Option<(HostGuess, String, &'static str)> {
    let version = facts.platform.bios_version.as_deref().unwrap_or_default();
    let date_text = facts.platform.bios_date.as_deref().unwrap_or_default();
    let date = crate::knowledge::version::Day::from_firmware(date_text);
    let by_smbios = match facts.platform.vm_generation {
        Some(2) => integration::hosts_for_gen2(version, date),
        _ => integration::hosts_for_gen1(version, date),
    };
    if let Some(guess) = by_smbios {
        let sentence = format!("The virtual firmware is {version} of {date_text}");
        return Some((guess, sentence, "SMBIOS type 0"));
    }
    let values = Values(inputs.registry);
    let texts = values.text("SystemBiosVersion").unwrap_or_default();
    let by_text = |text: &str| integration::hosts_for_gen1(text.trim(), None);
    if let Some((guess, text)) = texts
        .split(';')
        .find_map(|text| Some((by_text(text)?, text.trim())))
    {
        let sentence = format!("The virtual firmware calls itself {text}");
        return Some((guess, sentence, "registry value SystemBiosVersion"));
    }
    facts.acpi.iter().find_map(|table| {
        let day = table.hyper_v_firmware_day()?;
        let guess = by_text(&format!("VRTUAL - {:x}", table.oem_revision))?;
        let (y, m, d) = (day.year, day.month, day.day);
        let sentence = format!("The ACPI tables of the virtual firmware are of {y}-{m:02}-{d:02}");
        Some((guess, sentence, "ACPI tables"))
    })
}

/// What the host itself says.
fn from_host(
    inputs: &PlatformInputs<'_>,
    facts: &PlatformFacts,
) -> Option<(HostGuess, String, String)> {
    if let Some(build) = facts.processor.hypervisor_build
        && let Some(guess) = integration::host_from_hypervisor_build(build)
    {
        let sentence = format!("The hypervisor states its own build, {build}.");
        return Some((guess, sentence, "CPUID 40000002".into()));
    }
    let (major, minor) = version(inputs, facts)?;
    let guess = integration::host_from_kvp(major, minor)?;
    let sentence =
        format!("The host wrote its Windows version, {major}.{minor}, into the guest's registry.");
    Some((guess, sentence, Values::place("HostingSystemOsMajor")))
}

/// The version of Windows that the host says it is: by its build, else as it wrote it.
fn version(inputs: &PlatformInputs<'_>, facts: &PlatformFacts) -> Option<(u32, u32)> {
    match facts.processor.hypervisor_build {
        Some(10_240..) => return Some((10, 0)),
        Some(9600) => return Some((6, 3)),
        Some(9200) => return Some((6, 2)),
        _ => {}
    }
    let number = |name| u32::try_from(Values(inputs.registry).number(name)?).ok();
    Some((
        number("HostingSystemOsMajor")?,
        number("HostingSystemOsMinor")?,
    ))
}

/// The report's word for a host.
fn generation(host: HostVersion) -> HostGeneration {
    match host {
        HostVersion::Server2008 => HostGeneration::Server2008,
        HostVersion::Server2008R2 => HostGeneration::Server2008R2,
        HostVersion::Server2012 => HostGeneration::Server2012,
        HostVersion::Server2012R2 => HostGeneration::Server2012R2,
        HostVersion::Server2016 => HostGeneration::Server2016,
        HostVersion::Server2019 => HostGeneration::Server2019,
        HostVersion::Server2022 => HostGeneration::Server2022,
        HostVersion::Server2025 => HostGeneration::Server2025,
        HostVersion::Azure => HostGeneration::Azure,
        HostVersion::Client => HostGeneration::Client,
    }
}
