//! Whose hypervisor runs beneath, and what this Windows is to it.

use super::signs::Signs;
use super::{PlatformFacts, PlatformInputs, Values};
use crate::knowledge::hypervisor::Platform as Known;
use crate::model::{Confidence, Evidence, Hypervisor, HypervisorRole, HypervisorVendor, Role};
use alloc::{format, string::String, vec::Vec};

/// Edition number that the hosts of Azure write into their guests' registry.
const AZURE_EDITION: u64 = 168;
/// The first Windows whose security features run a hypervisor beneath it without being asked.
const FIRST_WITH_VBS: u32 = 10_240;

/// Decides vendor, role and side of the bus.
pub(super) fn decide(inputs: &PlatformInputs<'_>, signs: &Signs<'_>, facts: &mut PlatformFacts) {
    let mut evidence = Vec::new();
    let guest = guest_of(inputs, signs, facts, &mut evidence);
    let (vendor, role, confidence) = match guest {
        Some((platform, confidence)) => (
            vendor(platform),
            guest_role(signs, &mut evidence),
            confidence,
        ),
        None => not_a_guest(inputs, signs, facts, &mut evidence),
    };
    facts.guest_of = guest.map(|(platform, _)| platform);
    facts.side = side(facts.guest_of, role, signs);
    facts.platform.vm_generation = generation(signs, facts);
    let elsewhere = !matches!(facts.guest_of, Some(Known::HyperV | Known::Azure));
    if signs.host_in_registry && elsewhere && signs.all_drivers {
        facts.platform.remarks.push(
            "The registry still holds what a Hyper-V host wrote there: this Windows was moved \
             from a Hyper-V guest, and none of that is about this machine."
                .into(),
        );
    }
    facts.platform.hypervisor = Hypervisor {
        vendor,
        role,
        confidence,
        evidence,
    };
}

fn vendor(platform: Known) -> HypervisorVendor {
    match platform {
        Known::HyperV => HypervisorVendor::HyperV,
        Known::Azure => HypervisorVendor::Azure,
        Known::VMware => HypervisorVendor::Vmware,
        Known::VirtualBox => HypervisorVendor::Virtualbox,
        Known::Kvm => HypervisorVendor::Kvm,
        Known::Xen => HypervisorVendor::Xen,
        Known::Aws => HypervisorVendor::Aws,
        Known::Google => HypervisorVendor::Google,
        Known::Parallels => HypervisorVendor::Parallels,
        Known::Other => HypervisorVendor::Other,
    }
}

/// Drivers in a sentence.
fn list(names: &[&str]) -> String {
    names.join(", ")
}

/// The platform that this Windows is a guest of, witness by witness, the most trustworthy first.
fn guest_of(
    inputs: &PlatformInputs<'_>,
    signs: &Signs<'_>,
    facts: &PlatformFacts,
    evidence: &mut Vec<Evidence>,
) -> Option<(Known, Confidence)> {
    let mut found = by_firmware(signs, facts, evidence);
    note_guest_drivers(signs, evidence);
    if let (Some((Known::HyperV, _)), Some(other)) = (found, signs.against_hyper_v()) {
        evidence.push(Evidence::new(
            format!(
                "Drivers, processor and ACPI tables speak for {}: the firmware's names were \
                 given to this machine.",
                title(other)
            ),
            "ACPI tables, CPUID 40000000, loaded modules",
        ));
        return Some((other, Confidence::Likely));
    }
    let elsewhere = |platform| !matches!(platform, Known::HyperV | Known::Azure);
    if found.is_some_and(|(platform, _)| elsewhere(platform)) && signs.for_hyper_v() {
        evidence.push(Evidence::new(
            "Drivers and ACPI tables speak for Hyper-V: the firmware's names were given to this \
             machine.",
            "ACPI tables, loaded modules",
        ));
        found = Some((Known::HyperV, Confidence::Likely));
    }
    if let Some(platform) = signs.acpi {
        evidence.push(Evidence::new(
            format!("The ACPI tables carry the mark of {}", said(platform)),
            "ACPI tables",
        ));
        // The firmware's own strings are stronger; without them this mark is all it says.
        let confidence = match signs.physical_firmware {
            true => Confidence::Likely,
            false => Confidence::Certain,
        };
        found = found.or(Some((platform, confidence)));
    }
    if found.is_none() && signs.virtual_machine_bit {
        let platform = match signs.hyper_v_drivers.is_empty() {
            true => signs
                .guest_drivers
                .as_ref()
                .map_or(Known::Other, |&(p, _)| p),
            false => Known::HyperV,
        };
        found = Some((platform, Confidence::Likely));
    }
    let found = found.or_else(|| by_drivers(signs, facts));
    let (platform, confidence) = found.or_else(|| by_processor(signs, facts, evidence))?;
    let edition = Values(inputs.registry).number("HostingSystemEditionId");
    if platform == Known::HyperV && edition == Some(AZURE_EDITION) {
        evidence.push(Evidence::new(
            "The host wrote the edition number of Azure into the registry.",
            Values::place("HostingSystemEditionId"),
        ));
        return Some((Known::Azure, confidence));
    }
    Some((platform, confidence))
}

fn by_firmware(
    signs: &Signs<'_>,
    facts: &PlatformFacts,
    evidence: &mut Vec<Evidence>,
) -> Option<(Known, Confidence)> {
    let platform = &facts.platform;
    let show = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".into());
    if signs.virtual_machine_bit {
        evidence.push(Evidence::new(
            "The firmware says that it describes a virtual machine.",
            "SMBIOS type 0",
        ));
    }
    if let Some(found) = signs.firmware {
        let (maker, product) = (show(&platform.manufacturer), show(&platform.product));
        let text = match found {
            Known::Azure => "The chassis carries the asset tag of Azure.".into(),
            _ => format!("The firmware names the machine {maker} / {product}."),
        };
        let place = match found {
            Known::Azure => "SMBIOS type 3",
            _ => "SMBIOS type 1",
        };
        evidence.push(Evidence::new(text, place));
        return Some((found, Confidence::Certain));
    }
    if signs.hyper_v_uefi {
        let version = show(&platform.bios_version);
        evidence.push(Evidence::new(
            format!("The firmware is {version}; the host gave the machine other names."),
            "SMBIOS type 0",
        ));
        return Some((Known::HyperV, Confidence::Certain));
    }
    None
}

fn note_guest_drivers(signs: &Signs<'_>, evidence: &mut Vec<Evidence>) {
    if !signs.hyper_v_drivers.is_empty() {
        let names = list(&signs.hyper_v_drivers);
        evidence.push(Evidence::new(
            format!("Drivers of Hyper-V's virtual devices are loaded: {names}."),
            "loaded modules",
        ));
    }
    if let Some((platform, names)) = &signs.guest_drivers {
        evidence.push(Evidence::new(
            format!(
                "Guest drivers of {} are loaded: {}.",
                title(*platform),
                list(names)
            ),
            "loaded modules",
        ));
    }
}

/// Loaded drivers as the only witness.
fn by_drivers(signs: &Signs<'_>, facts: &PlatformFacts) -> Option<(Known, Confidence)> {
    let hardware =
        facts.processor.hypervisor_present == Some(false) || signs.root_partition == Some(true);
    if !signs.hyper_v_drivers.is_empty() && !hardware {
        return Some((Known::HyperV, Confidence::Likely));
    }
    // Without the channel nothing can have been written now: it is left from another machine.
    let written = signs.host_in_registry && !signs.all_drivers;
    if written && signs.host_drivers.is_empty() && !signs.physical_firmware {
        return Some((Known::HyperV, Confidence::Likely));
    }
    let (platform, names) = signs.guest_drivers.as_ref()?;
    // Guest drivers are also loaded for hardware that is handed out or imitated: one of them on a
    // machine with a maker's name is not enough.
    let confidence = match (names.len(), signs.physical_firmware || signs.physical_acpi) {
        _ if hardware => return None,
        (1, true) => return None,
        (1, false) | (_, true) => Confidence::Possible,
        _ => Confidence::Likely,
    };
    Some((*platform, confidence))
}

/// The processor as the only witness. A Microsoft signature proves no guest: Windows sees it on
/// top of its own hypervisor too, and others imitate it.
fn by_processor(
    signs: &Signs<'_>,
    facts: &PlatformFacts,
    evidence: &mut Vec<Evidence>,
) -> Option<(Known, Confidence)> {
    let platform = signs.cpuid?;
    if signs.root_partition == Some(true) {
        return None;
    }
    let name = facts.processor.hypervisor_vendor.as_deref().unwrap_or("-");
    evidence.push(Evidence::new(
        format!("The hypervisor calls itself {name}."),
        "CPUID 40000000",
    ));
    (platform != Known::HyperV).then_some((platform, Confidence::Likely))
}

/// A guest, or a guest that is a host itself.
fn guest_role(signs: &Signs<'_>, evidence: &mut Vec<Evidence>) -> HypervisorRole {
    if signs.host_drivers.is_empty() {
        return HypervisorRole::Guest;
    }
    note_host_drivers(signs, evidence);
    HypervisorRole::Nested
}

fn note_host_drivers(signs: &Signs<'_>, evidence: &mut Vec<Evidence>) {
    let mut names = signs.host_drivers.clone();
    names.extend(&signs.host_network_drivers);
    evidence.push(Evidence::new(
        format!("Drivers of a Hyper-V host are loaded: {}.", list(&names)),
        "loaded modules",
    ));
}

/// Vendor and role where nothing says that this is a guest.
fn not_a_guest(
    inputs: &PlatformInputs<'_>,
    signs: &Signs<'_>,
    facts: &PlatformFacts,
    evidence: &mut Vec<Evidence>,
) -> (HypervisorVendor, HypervisorRole, Confidence) {
    use Confidence::{Certain, Likely, Possible};
    use HypervisorRole as R;
    use HypervisorVendor as V;
    let own = signs.root_partition == Some(true);
    let present = match own {
        true => Some(true),
        false => facts.processor.hypervisor_present,
    };
    note_machine(signs, facts, evidence);
    note_present(facts, evidence);
    if own {
        evidence.push(Evidence::new(
            "The kernel noted that it is the root partition of its own hypervisor.",
            "HvlHyperVRootPartition, HvlpRootFlags",
        ));
    }
    if present == Some(false) {
        let confidence = match signs.physical_firmware || signs.physical_acpi {
            true => Certain,
            false => Likely,
        };
        return (V::None, R::None, confidence);
    }
    if !signs.host_drivers.is_empty() {
        note_host_drivers(signs, evidence);
        let confidence = if present == Some(true) {
            Certain
        } else {
            Likely
        };
        return (V::HyperV, R::RootHyperV, confidence);
    }
    let physical = signs.physical_firmware || signs.physical_acpi;
    if inputs.secure_kernel == Some(true) {
        evidence.push(Evidence::new(
            "The process Secure System is there: the secure kernel ran beside this one.",
            "processes",
        ));
        let sure = if physical { Likely } else { Possible };
        return (V::HyperV, R::RootVbs, sure);
    }
    if present == Some(true) {
        let own = own || facts.processor.hardware_shows_through();
        if !signs.host_network_drivers.is_empty() && own {
            note_host_drivers(signs, evidence);
            return (V::HyperV, R::RootHyperV, Likely);
        }
        if signs.hypervisor_service {
            evidence.push(Evidence::new(
                "Windows' interface to its own hypervisor is loaded: hvservice.sys.",
                "loaded modules",
            ));
        }
        let name = "EnableVirtualizationBasedSecurity";
        let set = Values(inputs.registry).number(name) == Some(1);
        return match (signs.hypervisor_service || own, set) {
            (true, true) => {
                let text = "Windows is set to use virtualization-based security.";
                evidence.push(Evidence::new(text, Values::place(name)));
                (V::HyperV, R::RootVbs, Likely)
            }
            (true, false) => (V::HyperV, R::Root, Likely),
            _ => (V::Unknown, R::Unknown, Possible),
        };
    }
    match inputs.build {
        Some(build) if build < FIRST_WITH_VBS && physical => (V::None, R::None, Likely),
        _ => (V::Unknown, R::Unknown, Possible),
    }
}

fn note_machine(signs: &Signs<'_>, facts: &PlatformFacts, evidence: &mut Vec<Evidence>) {
    let show = |text: &Option<String>| {
        let named = text.clone().filter(|text| !super::is_filler(text));
        named.unwrap_or_else(|| "-".into())
    };
    if signs.physical_firmware {
        let maker = show(&facts.platform.manufacturer);
        let product = show(&facts.platform.product);
        let text = match (maker.as_str(), product.as_str()) {
            ("-", "-") => "The firmware's strings are no hypervisor's.".into(),
            _ => format!("The firmware names a physical machine: {maker} / {product}."),
        };
        evidence.push(Evidence::new(text, "SMBIOS type 1"));
    } else if signs.physical_acpi {
        evidence.push(Evidence::new(
            "The ACPI tables carry no mark of a hypervisor.",
            "ACPI tables",
        ));
    }
}

fn note_present(facts: &PlatformFacts, evidence: &mut Vec<Evidence>) {
    let text = match facts.processor.hypervisor_present {
        Some(true) if facts.processor.hardware_shows_through() => {
            "The processor reports a hypervisor beneath, and the recorded answers of the hardware \
             itself show none: this Windows runs on its own hypervisor."
        }
        Some(true) => "The processor reports a hypervisor beneath.",
        Some(false) => "The processor reports no hypervisor.",
        None => return,
    };
    evidence.push(Evidence::new(text, "CPUID 1"));
}

/// Which side of the virtual machine bus. A guest that is a host itself is judged as a guest.
fn side(guest: Option<Known>, role: HypervisorRole, signs: &Signs<'_>) -> Role {
    match (guest, role) {
        (Some(Known::HyperV | Known::Azure), _) => Role::Guest,
        (Some(_), _) => Role::Neither,
        (None, HypervisorRole::RootHyperV) => Role::Host,
        (None, HypervisorRole::Unknown) if !(signs.physical_firmware || signs.physical_acpi) => {
            Role::Unknown
        }
        _ => Role::Neither,
    }
}

/// Generation of a Hyper-V virtual machine: 1 has the BIOS of AMI, 2 has Microsoft's UEFI.
fn generation(signs: &Signs<'_>, facts: &PlatformFacts) -> Option<u8> {
    if !matches!(facts.guest_of, Some(Known::HyperV | Known::Azure)) {
        return None;
    }
    if signs.hyper_v_uefi {
        return Some(2);
    }
    let ami = facts
        .platform
        .bios_vendor
        .as_deref()
        .is_some_and(|vendor| vendor.starts_with("American Megatrends"));
    let dated = facts
        .acpi
        .iter()
        .any(|t| t.hyper_v_firmware_day().is_some());
    (ami || dated).then_some(1)
}

/// What a platform is called in a sentence.
pub(in crate::platform) fn title(platform: Known) -> &'static str {
    match platform {
        Known::HyperV => "Hyper-V",
        Known::Azure => "Azure",
        Known::VMware => "VMware",
        Known::VirtualBox => "VirtualBox",
        Known::Kvm => "KVM",
        Known::Xen => "Xen",
        Known::Aws => "AWS",
        Known::Google => "Google Cloud",
        Known::Parallels => "Parallels",
        Known::Other => "another hypervisor",
    }
}

fn said(platform: Known) -> String {
    format!("{}.", title(platform))
}
