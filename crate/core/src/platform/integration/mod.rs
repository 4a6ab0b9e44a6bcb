//! Whether a Hyper-V guest's integration components fit its host.
//!
//! The components are drivers and services inside the guest. Up to Windows 8 and Server 2012 they
//! come as one package from the host's setup disk or Windows Update; from 8.1 and 2012 R2 on they
//! are part of Windows, whose updates replace only the files that changed, so that uneven file
//! versions are healthy there. A driver that is not loaded is not missing: its device may not be
//! offered. And a minidump holds no version resources: what can be known there is when a driver
//! was linked, and that only up to Windows 10 1607 and Server 2016 (later drivers carry a hash).
//!
//! Source: the tables of [`crate::knowledge::integration`], which name theirs.

mod advice;
mod components;
mod verdict;

#[cfg(test)]
mod tests;

pub use advice::has_commands;

use super::identify::{PlatformFacts, title};
use super::registry_values::Values;
use crate::knowledge::windows;
use crate::model::{Confidence, IntegrationServices, Role, Verdict};
use crate::nt::ModuleList;
use alloc::{format, string::String, vec::Vec};

/// The first Windows whose components come with its own updates only.
const FIRST_WITHOUT_PACKAGE: u32 = 10_240;
/// Windows 8.1 and Server 2012 R2: components come with Windows, and from an old host's setup
/// disk as well.
const BUILD_63: u32 = 9600;

/// What a dump holds about the components. Whatever it does not hold stays `None` or empty.
#[derive(Clone, Copy, Debug, Default)]
pub struct IntegrationInputs<'a> {
    /// Loaded drivers, all of them; `None` when the list could not be read.
    pub modules: Option<&'a ModuleList>,
    /// Windows build of the guest.
    pub build: Option<u32>,
    /// VER_NT_*: 1 workstation, 2 domain controller, 3 server.
    pub product_type: Option<u32>,
    /// File versions by file name, from version resources that the dump holds.
    pub versions: &'a [(String, String)],
    /// Registry values by name, among them those of the key `Virtual Machine`.
    pub registry: &'a [(String, String)],
    /// Names of all services in the SYSTEM hive, only when that list is whole.
    pub services: Option<&'a [String]>,
    /// When it stopped, FILETIME.
    pub crash_time: Option<u64>,
    /// The dump is a minidump: it holds neither registry nor version resources.
    pub small_dump: bool,
}

impl IntegrationInputs<'_> {
    /// Whether the host has Dynamic Memory switched on for this machine, where it wrote so.
    fn dynamic_memory(&self) -> Option<bool> {
        let name = "VirtualMachineDynamicMemoryBalancingEnabled";
        Values(self.registry).number(name).map(|value| value != 0)
    }
}

/// Judges the components of the machine that `facts` describes.
#[must_use]
pub fn diagnose(facts: &PlatformFacts, inputs: &IntegrationInputs<'_>) -> IntegrationServices {
    match facts.side {
        Role::Guest => guest(facts, inputs),
        Role::Host => IntegrationServices {
            role: Role::Host,
            verdict: Verdict::NotApplicable,
            confidence: facts.platform.hypervisor.confidence,
            explanation: "This machine is a Hyper-V host. Integration Services belong into its \
                          guests; it has none of its own."
                .into(),
            ..IntegrationServices::default()
        },
        Role::Neither => neither(facts),
        Role::Unknown => IntegrationServices {
            role: Role::Unknown,
            verdict: Verdict::Unknown,
            explanation: "Whether this machine is a Hyper-V guest cannot be told: the dump holds \
                          no firmware tables, and none of the loaded drivers decides it."
                .into(),
            ..IntegrationServices::default()
        },
    }
}

/// No Hyper-V at all: one calm sentence, and on another hypervisor its own tools.
fn neither(facts: &PlatformFacts) -> IntegrationServices {
    let mut advice = Vec::new();
    let explanation = match facts.guest_of {
        Some(platform) => {
            advice.push(platform.advice().into());
            format!(
                "This machine is a guest of {}. What makes it work with its host: {}.",
                title(platform),
                platform.guest_tools()
            )
        }
        None => "This machine is not a Hyper-V guest.".into(),
    };
    // The processor may keep a hypervisor to itself, but a maker's firmware speaks for hardware.
    let confidence = facts.platform.hypervisor.confidence;
    IntegrationServices {
        role: Role::Neither,
        verdict: Verdict::NotApplicable,
        confidence: confidence.max(Confidence::Likely),
        explanation,
        advice,
        ..IntegrationServices::default()
    }
}

fn guest(facts: &PlatformFacts, inputs: &IntegrationInputs<'_>) -> IntegrationServices {
    let mut found = components::collect(inputs);
    let judged = verdict::judge(facts, inputs, &found);
    components::set_status(&mut found, inputs, &judged);
    IntegrationServices {
        role: Role::Guest,
        guest_os: inputs
            .build
            .and_then(|build| windows::name(build, inputs.product_type)),
        host_generation: facts.platform.host_generation.clone(),
        installed: judged.installed,
        expected: judged.expected,
        verdict: judged.verdict,
        confidence: judged.confidence,
        explanation: judged.explanation.join(" "),
        advice: advice::steps(facts, inputs, judged.verdict),
        services: components::services(inputs),
        components: found.into_iter().map(|found| found.component).collect(),
    }
}
