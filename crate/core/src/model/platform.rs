//! Firmware, hypervisor, host, Integration Services.

use super::{Confidence, Evidence};
use alloc::{borrow::Cow, string::String, vec::Vec};
use serde::Serialize;

/// Firmware, hypervisor, host.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Platform {
    /// System manufacturer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub manufacturer: Option<String>,
    /// System product name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub product: Option<String>,
    /// System version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// System family.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub family: Option<String>,
    /// Board manufacturer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub board_manufacturer: Option<String>,
    /// Board product name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub board_product: Option<String>,
    /// Firmware vendor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bios_vendor: Option<String>,
    /// Firmware version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bios_version: Option<String>,
    /// Firmware release date as recorded, month first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bios_date: Option<String>,
    /// SMBIOS version, e.g. `2.3`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub smbios_version: Option<String>,
    /// System serial number, where the dump holds it. Always redacted when redaction is on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub serial: Option<String>,
    /// System UUID. Always redacted when redaction is on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uuid: Option<String>,
    /// Chassis asset tag. Always redacted when redaction is on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub asset_tag: Option<String>,
    /// Generation of the Hyper-V virtual machine: 1 or 2.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vm_generation: Option<u8>,
    /// What runs beneath.
    pub hypervisor: Hypervisor,
    /// The host Windows versions that are still possible. Empty when nothing is known of a host.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub host_generation: Vec<HostGeneration>,
    /// What `host_generation` rests on.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub host_evidence: Vec<Evidence>,
    /// What else is worth knowing here, in plain sentences.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub remarks: Vec<String>,
}

/// What runs beneath Windows.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Hypervisor {
    /// Whose it is.
    pub vendor: HypervisorVendor,
    /// What this Windows is to it.
    pub role: HypervisorRole,
    /// How sure that is.
    pub confidence: Confidence,
    /// What it rests on.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<Evidence>,
}

/// Whose hypervisor it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs)]
pub enum HypervisorVendor {
    HyperV,
    Azure,
    Vmware,
    Virtualbox,
    Kvm,
    Xen,
    Aws,
    Google,
    Parallels,
    Other,
    /// There is none.
    None,
    #[default]
    Unknown,
}

/// What this Windows is to the hypervisor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum HypervisorRole {
    /// No hypervisor.
    #[serde(rename = "none")]
    None,
    /// A virtual machine.
    #[serde(rename = "guest")]
    Guest,
    /// A hypervisor runs beneath; what for is not known.
    #[serde(rename = "root")]
    Root,
    /// For virtualization-based security.
    #[serde(rename = "root+vbs")]
    RootVbs,
    /// A Hyper-V host.
    #[serde(rename = "root+hyper-v")]
    RootHyperV,
    /// A guest that is a host itself.
    #[serde(rename = "nested")]
    Nested,
    /// Cannot be told.
    #[default]
    #[serde(rename = "unknown")]
    Unknown,
}

/// A generation of Hyper-V hosts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[allow(missing_docs)]
pub enum HostGeneration {
    #[serde(rename = "2008")]
    Server2008,
    #[serde(rename = "2008-r2")]
    Server2008R2,
    #[serde(rename = "2012")]
    Server2012,
    #[serde(rename = "2012-r2")]
    Server2012R2,
    #[serde(rename = "2016")]
    Server2016,
    #[serde(rename = "2019")]
    Server2019,
    #[serde(rename = "2022")]
    Server2022,
    #[serde(rename = "2025")]
    Server2025,
    #[serde(rename = "azure")]
    Azure,
    /// Windows 8 and later with the Hyper-V feature.
    #[serde(rename = "client")]
    Client,
}

/// The Integration Services diagnosis.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct IntegrationServices {
    /// Whose side of the virtual machine bus this Windows is on.
    pub role: Role,
    /// Every integration component that was found or is missed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub components: Vec<Component>,
    /// The services of user mode, where the registry tells of them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub services: Vec<IntegrationService>,
    /// The guest system that the judgement is for, e.g. `Windows Server 2012 R2`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub guest_os: Option<String>,
    /// The hosts that the judgement is for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub host_generation: Vec<HostGeneration>,
    /// The component level that is installed, e.g. `6.3.9600.16384`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub installed: Option<String>,
    /// The level that guest and host call for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
    /// The judgement.
    pub verdict: Verdict,
    /// How sure it is.
    pub confidence: Confidence,
    /// The judgement in plain words, and what it rests on or why it cannot be given.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub explanation: String,
    /// Numbered steps.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub advice: Vec<String>,
}

/// Which side of the virtual machine bus.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// A Hyper-V guest.
    Guest,
    /// A Hyper-V host.
    Host,
    /// Neither.
    Neither,
    /// Cannot be told.
    #[default]
    Unknown,
}

/// One integration component.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Component {
    /// File name.
    pub driver: String,
    /// What it is for.
    pub purpose: String,
    /// File version, where known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// When it was linked (ISO 8601, UTC), where its timestamp is a time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub built: Option<String>,
    /// Which file it is where neither version nor link time is known: its stamp and its size, as
    /// symbol servers name it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identity: Option<String>,
    /// Whether it was signed: a dump does not record that, so it is always `unknown` for a file
    /// that is loaded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signature: Option<Cow<'static, str>>,
    /// The judgement on this one.
    pub status: ComponentStatus,
}

/// A service of user mode that belongs to the integration components.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct IntegrationService {
    /// Its name in the registry.
    pub name: Cow<'static, str>,
    /// What it does.
    pub purpose: Cow<'static, str>,
    /// Whether the registry has it.
    pub present: bool,
    /// How it starts: `automatic`, `manual`, `disabled`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start: Option<Cow<'static, str>>,
}

/// The judgement on one component.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs)]
pub enum ComponentStatus {
    Current,
    Outdated,
    InBox,
    NotLoaded,
    Missing,
    #[default]
    Unknown,
}

/// The judgement on the whole set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs)]
pub enum Verdict {
    Current,
    Outdated,
    /// Parts of different packages.
    Mixed,
    /// They come with Windows and are serviced by its updates.
    InBox,
    Missing,
    /// Not a Hyper-V guest.
    #[serde(rename = "n/a")]
    NotApplicable,
    #[default]
    Unknown,
}
