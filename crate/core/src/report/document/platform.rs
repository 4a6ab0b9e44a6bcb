//! Firmware, hypervisor, host, and the Integration Services diagnosis.

use super::{Block, Facts, Once, Table, code, confidence, evidence, words};
use crate::model::{ComponentStatus, HostGeneration, Hypervisor, HypervisorRole};
use crate::model::{HypervisorVendor, IntegrationServices, Platform, Report, Role, Verdict};
use alloc::{format, string::String, vec, vec::Vec};

/// Firmware, hypervisor and host.
pub(super) fn platform(report: &Report, blocks: &mut Vec<Block>) {
    let Some(platform) = &report.platform else {
        return;
    };
    blocks.push(Block::Heading("Platform".into()));
    facts(platform).add_to(blocks);
    let evidence_of_host = platform.hypervisor.evidence.iter();
    let items: Vec<String> = evidence_of_host
        .chain(&platform.host_evidence)
        .map(evidence)
        .chain(platform.remarks.iter().cloned())
        .collect();
    if !items.is_empty() {
        blocks.push(Block::Items(items));
    }
}

fn facts(platform: &Platform) -> Facts {
    let join = |parts: &[Option<&str>]| -> String {
        let known: Vec<&str> = parts.iter().copied().flatten().collect();
        known.join(" ")
    };
    let mut facts = Facts::default();
    facts
        .text(
            "Machine",
            Some(join(&[
                platform.manufacturer.as_deref(),
                platform.product.as_deref(),
                platform.version.as_deref(),
            ])),
        )
        .text("Family", platform.family.as_deref())
        .text(
            "Board",
            Some(join(&[
                platform.board_manufacturer.as_deref(),
                platform.board_product.as_deref(),
            ])),
        )
        .text(
            "Firmware",
            Some(join(&[
                platform.bios_vendor.as_deref(),
                platform.bios_version.as_deref(),
                platform.bios_date.as_deref(),
            ])),
        )
        .text("SMBIOS", platform.smbios_version.as_deref())
        .text("Serial number", platform.serial.as_deref())
        .text("Asset tag", platform.asset_tag.as_deref())
        .text("UUID", platform.uuid.as_deref())
        .text("Hypervisor", Some(hypervisor(&platform.hypervisor)))
        .text(
            "Generation of the virtual machine",
            platform.vm_generation.map(|n| format!("{n}")),
        )
        .text("Host", Some(hosts(&platform.host_generation)));
    facts
}

/// Whose hypervisor, and what this Windows is to it.
fn hypervisor(hypervisor: &Hypervisor) -> String {
    let sure = confidence(hypervisor.confidence);
    match (hypervisor.role, hypervisor.vendor) {
        (HypervisorRole::None, _) => format!("none ({sure})"),
        (HypervisorRole::Unknown, HypervisorVendor::Unknown) => "cannot be told".into(),
        (role, vendor) => format!("{}, {} ({sure})", vendor_name(vendor), role_name(role)),
    }
}

fn vendor_name(vendor: HypervisorVendor) -> &'static str {
    match vendor {
        HypervisorVendor::HyperV => "Hyper-V",
        HypervisorVendor::Azure => "Azure",
        HypervisorVendor::Vmware => "VMware",
        HypervisorVendor::Virtualbox => "VirtualBox",
        HypervisorVendor::Kvm => "KVM",
        HypervisorVendor::Xen => "Xen",
        HypervisorVendor::Aws => "AWS",
        HypervisorVendor::Google => "Google Cloud",
        HypervisorVendor::Parallels => "Parallels",
        HypervisorVendor::Other => "another vendor",
        HypervisorVendor::None => "none",
        HypervisorVendor::Unknown => "vendor unknown",
    }
}

fn role_name(role: HypervisorRole) -> &'static str {
    match role {
        HypervisorRole::None => "not virtual",
        HypervisorRole::Guest => "this is a guest",
        HypervisorRole::Root => "this is the root partition, for what is not known",
        HypervisorRole::RootVbs => "this is the root partition, for virtualization-based security",
        HypervisorRole::RootHyperV => "this is a Hyper-V host",
        HypervisorRole::Nested => "this is a guest and a host itself",
        HypervisorRole::Unknown => "role unknown",
    }
}

fn hosts(hosts: &[HostGeneration]) -> String {
    let names: Vec<&str> = hosts.iter().map(|&host| host_name(host)).collect();
    names.join(" or ")
}

/// The name of a generation of hosts.
fn host_name(host: HostGeneration) -> &'static str {
    match host {
        HostGeneration::Server2008 => "Windows Server 2008",
        HostGeneration::Server2008R2 => "Windows Server 2008 R2",
        HostGeneration::Server2012 => "Windows Server 2012",
        HostGeneration::Server2012R2 => "Windows Server 2012 R2",
        HostGeneration::Server2016 => "Windows Server 2016",
        HostGeneration::Server2019 => "Windows Server 2019",
        HostGeneration::Server2022 => "Windows Server 2022",
        HostGeneration::Server2025 => "Windows Server 2025",
        HostGeneration::Azure => "Azure",
        HostGeneration::Client => "a client Windows with Hyper-V",
    }
}

/// The Integration Services diagnosis.
pub(super) fn integration_services(report: &Report, once: &mut Once, blocks: &mut Vec<Block>) {
    let Some(services) = &report.integration_services else {
        return;
    };
    // On other hypervisors it is their own tools, and on hardware there is nothing to say.
    let heading = match (services.role, services.advice.is_empty()) {
        (Role::Neither, true) => return,
        (Role::Neither, false) => "Guest tools",
        _ => "Hyper-V Integration Services",
    };
    blocks.push(Block::Heading(heading.into()));
    service_facts(services).add_to(blocks);
    if !services.explanation.is_empty() {
        blocks.push(Block::Paragraph(services.explanation.clone()));
    }
    let rows = services.components.iter().map(|component| {
        vec![
            component.driver.clone(),
            component.version.clone().unwrap_or_default(),
            component
                .built
                .as_deref()
                .and_then(|iso| iso.get(..10))
                .unwrap_or_default()
                .into(),
            component.identity.clone().unwrap_or_default(),
            status(component.status).into(),
            component.purpose.clone(),
        ]
    });
    Table {
        columns: vec![
            code("Component"),
            code("Version"),
            code("Built"),
            code("Stamp and size"),
            words("Status"),
            words("Purpose"),
        ],
        rows: rows.collect(),
    }
    .add_to(blocks);
    if services.components.iter().any(|c| c.signature.is_some()) {
        blocks.push(Block::Paragraph(
            "Whether these files are signed is not recorded in a dump.".into(),
        ));
    }
    let rows = services.services.iter().map(|service| {
        vec![
            service.name.clone().into_owned(),
            if service.present {
                "there"
            } else {
                "not there"
            }
            .into(),
            service.start.as_deref().unwrap_or_default().into(),
            service.purpose.clone().into_owned(),
        ]
    });
    Table {
        columns: vec![
            code("Service"),
            words("Registry"),
            words("Start"),
            words("Purpose"),
        ],
        rows: rows.collect(),
    }
    .add_to(blocks);
    once.steps(&services.advice, blocks);
}

fn service_facts(services: &IntegrationServices) -> Facts {
    let role = match services.role {
        Role::Guest => "guest",
        Role::Host => "host",
        Role::Neither => "neither guest nor host",
        Role::Unknown => "cannot be told",
    };
    let verdict = match services.verdict {
        Verdict::Current => "current",
        Verdict::Outdated => "outdated",
        Verdict::Mixed => "parts of different packages",
        Verdict::InBox => "part of Windows, serviced by its updates",
        Verdict::Missing => "missing",
        Verdict::NotApplicable => "not applicable",
        Verdict::Unknown => "cannot be told",
    };
    let settled = !matches!(services.verdict, Verdict::NotApplicable | Verdict::Unknown);
    let verdict = if settled {
        format!("{verdict} ({})", confidence(services.confidence))
    } else {
        verdict.into()
    };
    let mut facts = Facts::default();
    facts
        .text("Verdict", Some(verdict))
        .text("Role", Some(role))
        .text("Guest", services.guest_os.as_deref())
        .text("Host", Some(hosts(&services.host_generation)))
        .text("Installed", services.installed.as_deref())
        .text("Expected", services.expected.as_deref());
    facts
}

fn status(status: ComponentStatus) -> &'static str {
    match status {
        ComponentStatus::Current => "current",
        ComponentStatus::Outdated => "outdated",
        ComponentStatus::InBox => "in-box",
        ComponentStatus::NotLoaded => "not loaded",
        ComponentStatus::Missing => "missing",
        ComponentStatus::Unknown => "unknown",
    }
}
