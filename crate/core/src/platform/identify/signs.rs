//! The witnesses: what each part of the dump says about a hypervisor, before anything is decided.

use super::{PlatformFacts, PlatformInputs};
use crate::knowledge::hypervisor::{self as known, FirmwareStrings};
use crate::knowledge::integration;
use crate::model::Platform;
use alloc::vec::Vec;

/// Drivers that only a Hyper-V host loads.
const HOST_DRIVERS: [&str; 3] = ["vmbusr.sys", "storvsp.sys", "vpcivsp.sys"];
/// Drivers of virtual networking. Hosts load them, and so does Windows with containers, which
/// may itself be a guest that hosts nothing.
const HOST_NETWORK_DRIVERS: [&str; 3] = ["vmswitch.sys", "vmsproxy.sys", "vmsproxyhnic.sys"];
/// Loaded where a Windows hypervisor runs beneath.
const HYPERVISOR_SERVICE: &str = "hvservice.sys";

/// Marks of hypervisors in the OEM id of ACPI tables. Source: boot logs of Linux guests, and the
/// sources of QEMU, VirtualBox, Xen and bhyve. Hyper-V's own is in [`super::acpi`].
const ACPI_MARKS: [(&str, known::Platform); 8] = [
    ("BOCHS", known::Platform::Kvm),
    ("VBOX", known::Platform::VirtualBox),
    ("VMWARE", known::Platform::VMware),
    ("Xen", known::Platform::Xen),
    ("AMAZON", known::Platform::Aws),
    ("Google", known::Platform::Google),
    ("PRLS", known::Platform::Parallels),
    ("BHYVE", known::Platform::Other),
];

/// What the witnesses say.
#[derive(Debug, Default)]
pub(super) struct Signs<'a> {
    /// The platform that the firmware's strings name.
    pub firmware: Option<known::Platform>,
    /// The firmware names a maker, and it is no hypervisor.
    pub physical_firmware: bool,
    /// The firmware has Hyper-V's version string, whatever other names it was given.
    pub hyper_v_uefi: bool,
    /// SMBIOS says that it describes a virtual machine.
    pub virtual_machine_bit: bool,
    /// The platform that marked the ACPI tables.
    pub acpi: Option<known::Platform>,
    /// ACPI tables are there and no hypervisor marked them.
    pub physical_acpi: bool,
    /// The hypervisor that named itself through CPUID.
    pub cpuid: Option<known::Platform>,
    /// Loaded drivers that make a Hyper-V guest, when they do so together.
    pub hyper_v_drivers: Vec<&'a str>,
    /// Loaded guest drivers of the other platform that has most of them.
    pub guest_drivers: Option<(known::Platform, Vec<&'a str>)>,
    /// Loaded drivers of a Hyper-V host.
    pub host_drivers: Vec<&'a str>,
    /// Loaded drivers of virtual networking.
    pub host_network_drivers: Vec<&'a str>,
    /// The interface to the Windows hypervisor is loaded.
    pub hypervisor_service: bool,
    /// The kernel noted whether it is the root partition of its own hypervisor.
    pub root_partition: Option<bool>,
    /// A host has written its version into the registry.
    pub host_in_registry: bool,
    /// The list of drivers is whole.
    pub all_drivers: bool,
}

impl<'a> Signs<'a> {
    pub fn collect(inputs: &PlatformInputs<'a>, facts: &PlatformFacts) -> Self {
        let platform = &facts.platform;
        let firmware = by_firmware(platform);
        let named = platform.manufacturer.is_some() || platform.product.is_some();
        let version = platform.bios_version.as_deref().unwrap_or_default();
        // A bare-metal instance of a cloud has the cloud's marks and no hypervisor.
        let metal = platform.product.as_deref().unwrap_or_default();
        let acpi = by_acpi(facts).filter(|_| !metal.ends_with(".metal"));
        let mut signs = Self {
            firmware,
            physical_firmware: named && firmware.is_none(),
            hyper_v_uefi: version.trim_start().starts_with("Hyper-V UEFI"),
            virtual_machine_bit: facts
                .smbios
                .as_ref()
                .and_then(|smbios| smbios.firmware.as_ref()?.virtual_machine)
                == Some(true),
            acpi,
            physical_acpi: acpi.is_none() && !facts.acpi.is_empty(),
            cpuid: facts
                .processor
                .hypervisor_vendor
                .as_deref()
                .and_then(known::by_cpuid),
            root_partition: inputs.root_partition,
            host_in_registry: super::Values(inputs.registry)
                .number("HostingSystemOsMajor")
                .is_some(),
            all_drivers: inputs.modules.is_some(),
            ..Self::default()
        };
        signs.take_drivers(inputs);
        signs
    }

    /// The platform that at least two witnesses name against firmware strings that are Hyper-V's:
    /// such strings can be given to any virtual machine.
    pub fn against_hyper_v(&self) -> Option<known::Platform> {
        if !self.hyper_v_drivers.is_empty() || self.hyper_v_uefi {
            return None;
        }
        let drivers = self.guest_drivers.as_ref();
        let drivers = drivers
            .filter(|(_, names)| names.len() > 1)
            .map(|&(p, _)| p);
        let named = [self.acpi, self.cpuid, drivers];
        let other = |p: &known::Platform| *p != known::Platform::HyperV;
        let platform = named.into_iter().flatten().find(other)?;
        let count = named.iter().filter(|&&p| p == Some(platform)).count();
        (count > 1).then_some(platform)
    }

    /// Whether firmware strings that name another platform stand against Hyper-V's mark in the ACPI
    /// tables and the loaded drivers of its devices, which no other platform has.
    pub fn for_hyper_v(&self) -> bool {
        let other = self
            .guest_drivers
            .as_ref()
            .is_some_and(|(_, names)| names.len() > 1);
        self.acpi == Some(known::Platform::HyperV) && !self.hyper_v_drivers.is_empty() && !other
    }

    fn take_drivers(&mut self, inputs: &PlatformInputs<'a>) {
        let Some(modules) = inputs.modules else {
            return;
        };
        let names = || modules.as_slice().iter().map(|m| m.name.as_str());
        let any_of = |list: &[&str]| {
            names()
                .filter(|name| list.iter().any(|known| known.eq_ignore_ascii_case(name)))
                .collect::<Vec<_>>()
        };
        self.host_drivers = any_of(&HOST_DRIVERS);
        self.host_network_drivers = any_of(&HOST_NETWORK_DRIVERS);
        self.hypervisor_service = !any_of(&[HYPERVISOR_SERVICE]).is_empty();
        if integration::drivers_prove_guest(names()) {
            self.hyper_v_drivers = names().filter(|name| proves_guest(name)).collect();
        }
        // The platform with most drivers wins; a tie goes to the first of the closed list.
        let theirs: Vec<_> = names()
            .filter_map(|name| Some((known::by_driver(name)?, name)))
            .collect();
        for platform in known::Platform::ALL {
            let loaded = theirs.iter().filter(|(by, _)| *by == platform);
            let loaded: Vec<_> = loaded.map(|&(_, name)| name).collect();
            let most = self.guest_drivers.as_ref().map_or(0, |(_, all)| all.len());
            if loaded.len() > most {
                self.guest_drivers = Some((platform, loaded));
            }
        }
    }
}

/// Whether a driver is one of those that make a Hyper-V guest.
fn proves_guest(name: &str) -> bool {
    use integration::GuestEvidence::{Synthetic, Transport};
    integration::component(name)
        .is_some_and(|found| matches!(found.evidence, Transport | Synthetic))
}

fn by_firmware(platform: &Platform) -> Option<known::Platform> {
    fn text(field: &Option<alloc::string::String>) -> &str {
        field.as_deref().unwrap_or_default()
    }
    let strings = |version| FirmwareStrings {
        manufacturer: text(&platform.manufacturer),
        product: text(&platform.product),
        board_manufacturer: text(&platform.board_manufacturer),
        bios_vendor: text(&platform.bios_vendor),
        bios_version: version,
        asset_tag: text(&platform.asset_tag),
    };
    known::by_firmware(&strings(text(&platform.bios_version)))
        .or_else(|| known::by_firmware(&strings(text(&platform.version))))
}

fn by_acpi(facts: &PlatformFacts) -> Option<known::Platform> {
    facts.acpi.iter().find_map(|table| {
        if table.is_hyper_v() {
            return Some(known::Platform::HyperV);
        }
        ACPI_MARKS
            .iter()
            .find(|(mark, _)| table.oem_id == *mark)
            .map(|&(_, platform)| platform)
    })
}
