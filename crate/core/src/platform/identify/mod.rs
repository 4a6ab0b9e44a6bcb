//! What machine this was: firmware, hypervisor, and for a Hyper-V guest the host beneath.
//!
//! Several witnesses are asked, and each answer names the ones it rests on: the firmware's
//! strings (SMBIOS), the marks in its ACPI tables, what the processor said of a hypervisor, the
//! drivers that Windows had loaded, and what a host wrote into its guest's registry. Firmware
//! strings come first: a processor's answer can be imitated (KVM shows Hyper-V's signature to
//! please Windows), and every Windows 10 and 11 loads Hyper-V's own libraries.

mod host;
mod hypervisor;
mod signs;

#[cfg(test)]
pub(crate) mod tests;

use super::acpi::{self, AcpiTable};
use super::cpuid::ProcessorRegisters;
use super::date::{day_of_filetime, whole_years};
use super::registry_values::Values;
use super::smbios::{Condition, Smbios, SmbiosError};
use crate::knowledge::certainty::Certainty;
use crate::knowledge::hypervisor as known;
use crate::model::{Confidence, HypervisorRole, Platform, Role};
use crate::nt::ModuleList;
use alloc::{format, string::String, string::ToString, vec::Vec};
pub(super) use hypervisor::title;

/// From which age on the firmware of a physical machine is worth a remark, in years.
const OLD_FIRMWARE_YEARS: u16 = 3;

/// What a dump holds about its machine. Whatever it does not hold stays `None` or empty.
#[derive(Clone, Copy, Debug, Default)]
pub struct PlatformInputs<'a> {
    /// The SMBIOS table behind its header of 8 bytes.
    pub smbios: Option<&'a [u8]>,
    /// The cut ACPI tables.
    pub acpi: Option<&'a [u8]>,
    /// The recorded CPUID leaves and registers.
    pub cpuid: Option<&'a [u8]>,
    /// Registry values by name, of the hardware and of the guest's part of Data Exchange.
    pub registry: &'a [(String, String)],
    /// Loaded drivers, all of them; `None` when the list could not be read.
    pub modules: Option<&'a ModuleList>,
    /// Windows build.
    pub build: Option<u32>,
    /// When it stopped, FILETIME.
    pub crash_time: Option<u64>,
    /// Whether the kernel noted that it is the root partition of its own hypervisor.
    pub root_partition: Option<bool>,
    /// Whether the secure kernel ran, where something recorded it.
    pub secure_kernel: Option<bool>,
}

/// What follows from it.
#[derive(Clone, Debug, Default)]
pub struct PlatformFacts {
    /// What the firmware says.
    pub smbios: Option<Smbios>,
    /// Why `smbios` is absent although there were bytes.
    pub smbios_error: Option<SmbiosError>,
    /// Headers of the ACPI tables.
    pub acpi: Vec<AcpiTable>,
    /// What the processor says.
    pub processor: ProcessorRegisters,
    /// The hypervisor that this Windows is a guest of.
    pub guest_of: Option<known::Platform>,
    /// Its side of Hyper-V's virtual machine bus.
    pub side: Role,
    /// How sure the hosts are that `platform.host_generation` lists.
    pub host_confidence: Confidence,
    /// The host's own word on its Windows, major and minor version, where it gave one.
    pub host_version: Option<(u32, u32)>,
    /// How many of `platform.host_generation`, from the front, are the usual ones; the others are
    /// less often met.
    pub usual_hosts: usize,
    /// The same as the report has it.
    pub platform: Platform,
}

impl From<Certainty> for Confidence {
    fn from(certainty: Certainty) -> Self {
        match certainty {
            Certainty::Possible => Self::Possible,
            Certainty::Likely => Self::Likely,
            Certainty::Certain => Self::Certain,
        }
    }
}

/// Tells what machine this was.
#[must_use]
pub fn identify(inputs: &PlatformInputs<'_>) -> PlatformFacts {
    let mut facts = PlatformFacts {
        acpi: inputs.acpi.map(acpi::tables).unwrap_or_default(),
        processor: inputs
            .cpuid
            .map(ProcessorRegisters::read)
            .unwrap_or_default(),
        ..PlatformFacts::default()
    };
    match inputs
        .smbios
        .filter(|data| !data.is_empty())
        .map(Smbios::from_blob)
    {
        Some(Ok(smbios)) => facts.smbios = Some(smbios),
        Some(Err(error)) => facts.smbios_error = Some(error),
        None => {}
    }
    describe(&mut facts);
    describe_from_registry(&mut facts.platform, Values(inputs.registry));
    let signs = signs::Signs::collect(inputs, &facts);
    hypervisor::decide(inputs, &signs, &mut facts);
    host::decide(inputs, &mut facts);
    remark(inputs, &mut facts);
    drop_fillers(&mut facts.platform);
    facts
}

/// What makers leave in fields that they did not fill.
const FILLERS: [&str; 10] = [
    "default string",
    "to be filled by o.e.m.",
    "to be filled by oem",
    "o.e.m.",
    "oem",
    "not specified",
    "not applicable",
    "n/a",
    "unknown",
    "undefined",
];

/// Whether a field of the firmware was left as it came.
pub(super) fn is_filler(text: &str) -> bool {
    FILLERS
        .iter()
        .any(|filler| text.trim().eq_ignore_ascii_case(filler))
}

/// Takes them out, now that nothing rests on them any more.
fn drop_fillers(platform: &mut Platform) {
    for field in [
        &mut platform.manufacturer,
        &mut platform.product,
        &mut platform.version,
        &mut platform.family,
        &mut platform.board_manufacturer,
        &mut platform.board_product,
        &mut platform.serial,
        &mut platform.asset_tag,
    ] {
        if field.as_deref().is_some_and(is_filler) {
            *field = None;
        }
    }
}

/// Copies what SMBIOS says into the report's own fields.
fn describe(facts: &mut PlatformFacts) {
    let Some(smbios) = &facts.smbios else {
        return;
    };
    let platform = &mut facts.platform;
    if let Some(system) = &smbios.system {
        platform.manufacturer = system.manufacturer.clone();
        platform.product = system.product.clone();
        platform.version = system.version.clone();
        platform.family = system.family.clone();
        platform.serial = system.serial.clone();
        platform.uuid = system.uuid.map(|uuid| uuid.to_string());
    }
    if let Some(board) = &smbios.board {
        platform.board_manufacturer = board.manufacturer.clone();
        platform.board_product = board.product.clone();
    }
    if let Some(firmware) = &smbios.firmware {
        platform.bios_vendor = firmware.vendor.clone();
        platform.bios_version = firmware.version.clone();
        platform.bios_date = firmware.date_text.clone();
    }
    platform.asset_tag = smbios
        .chassis
        .as_ref()
        .and_then(|chassis| chassis.asset_tag.clone());
    platform.smbios_version = smbios
        .version
        .map(|(major, minor)| format!("{major}.{minor}"));
}

/// Fills what SMBIOS left open from the values that Windows copies out of it into the registry.
fn describe_from_registry(platform: &mut Platform, values: Values<'_>) {
    let fill = |field: &mut Option<String>, name| {
        if field.is_none() {
            *field = values.text(name).map(String::from);
        }
    };
    fill(&mut platform.manufacturer, "SystemManufacturer");
    fill(&mut platform.product, "SystemProductName");
    fill(&mut platform.family, "SystemFamily");
    fill(&mut platform.board_manufacturer, "BaseBoardManufacturer");
    fill(&mut platform.board_product, "BaseBoardProduct");
    fill(&mut platform.bios_vendor, "BIOSVendor");
    fill(&mut platform.bios_version, "BIOSVersion");
    fill(&mut platform.bios_date, "BIOSReleaseDate");
}

/// Adds what else is worth knowing.
fn remark(inputs: &PlatformInputs<'_>, facts: &mut PlatformFacts) {
    let mut remarks = Vec::new();
    if let Some(smbios) = &facts.smbios {
        match smbios.condition {
            Condition::Partial => remarks.push(
                "The SMBIOS table is cut short or damaged; what stood behind is missing here."
                    .into(),
            ),
            Condition::Complete | Condition::Resumed => {}
        }
    } else if facts.guest_of == Some(known::Platform::HyperV) {
        remarks.push(
            "This dump holds no SMBIOS table. Utility virtual machines (of containers, Windows \
             Sandbox and WSL2) have none at all."
                .into(),
        );
    }
    if facts.guest_of == Some(known::Platform::HyperV) && facts.platform.host_generation.is_empty()
    {
        remarks.push(
            "The version of the bus that guest and host agreed on would tell the host's age too: \
             `!vmbus` looks for it in the memory of vmbus.sys."
                .into(),
        );
    }
    remarks.extend(firmware_age(inputs, facts));
    facts.platform.remarks.extend(remarks);
}

/// A sentence on the age of a physical machine's firmware when it stopped. In a virtual machine
/// the date is the hypervisor's and says nothing of the kind.
fn firmware_age(inputs: &PlatformInputs<'_>, facts: &PlatformFacts) -> Option<String> {
    let physical = facts.guest_of.is_none()
        && facts.side != Role::Unknown
        && facts.platform.hypervisor.role != HypervisorRole::Unknown;
    let firmware = facts.smbios.as_ref()?.firmware.as_ref()?.date?;
    let years = whole_years(firmware, day_of_filetime(inputs.crash_time?)?);
    (physical && years >= OLD_FIRMWARE_YEARS).then(|| {
        format!(
            "The firmware was {years} years old when the machine stopped; see whether the maker \
             has a newer one."
        )
    })
}
