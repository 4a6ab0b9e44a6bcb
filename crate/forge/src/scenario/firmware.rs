//! Firmware identity: SMBIOS strings, ACPI identity, CPUID leaves, and the data other components add to a dump.

use super::Number;
use serde::Deserialize;

/// Which firmware tables to invent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FirmwareKind {
    /// Hyper-V guest, Generation 1 (virtual AMI BIOS).
    #[default]
    HyperVGen1,
    /// Hyper-V guest, Generation 2 (UEFI).
    HyperVGen2,
    /// Another machine: every string comes from the scenario.
    Other,
}

/// Firmware strings; absent ones follow the kind.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Firmware {
    /// Family of tables.
    pub kind: FirmwareKind,
    /// BIOS vendor.
    pub vendor: Option<String>,
    /// BIOS version.
    pub version: Option<String>,
    /// BIOS date as SMBIOS writes it, `05/23/2012`.
    pub date: Option<String>,
    /// System manufacturer.
    pub manufacturer: Option<String>,
    /// System product.
    pub product: Option<String>,
    /// System version.
    pub system_version: Option<String>,
    /// System serial number.
    pub serial: Option<String>,
    /// Chassis asset tag.
    pub asset_tag: Option<String>,
    /// ACPI OEM revision of the tables.
    pub acpi_revision: Option<Number>,
    /// ACPI OEM id.
    pub acpi_oem: Option<String>,
    /// Hypervisor signature in CPUID leaf 40000000, 12 characters; empty for none.
    pub hypervisor: Option<String>,
    /// CPUID 40000003 EAX.
    pub hypervisor_features: Option<Number>,
    /// The build that the hypervisor states of itself in CPUID 40000002; not stated otherwise, as in all dumps that were seen.
    pub hypervisor_build: Option<u32>,
    /// This Windows runs on its own hypervisor: it is the root partition.
    pub root_partition: bool,
    /// No SMBIOS data at all.
    pub no_smbios: bool,
    /// A file with a raw SMBIOS structure table, as `dmidecode --dump-bin` or /sys/firmware/dmi/tables/DMI give it.
    pub smbios_file: Option<String>,
    /// Its bytes.
    #[serde(skip)]
    pub smbios: Vec<u8>,
    /// Files with raw ACPI tables, one each; they replace the invented ones.
    pub acpi_files: Vec<String>,
    /// Their bytes.
    #[serde(skip)]
    pub acpi: Vec<Vec<u8>>,
}

/// Versions of the bus between a Hyper-V guest and its host: major in the upper half.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Bus {
    /// The one that is spoken.
    pub agreed: Number,
    /// The newest that the driver in the guest can speak.
    pub newest: Number,
}

/// Data a component adds behind the dump.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BlackBox {
    /// Its GUID in registry form without braces.
    pub guid: String,
    /// Contents as text (UTF-8), when `hex` is empty.
    pub text: String,
    /// Contents as hexadecimal digits.
    pub hex: String,
}
