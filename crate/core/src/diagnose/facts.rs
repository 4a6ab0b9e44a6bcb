//! What the rules may know.

use super::blame::{Verdict, blame};
use super::role::{Role, role};
use crate::knowledge::bugcheck;
use crate::knowledge::family::Machine as RunsOn;
use crate::memory::{AddressSpace, VirtualAddress};
use crate::model::{Exception, HypervisorRole, HypervisorVendor, IntegrationServices};
use crate::model::{Kind, Memory, Platform, Stack};
use crate::nt::exception::plain_stop_code;
use crate::nt::hardware_error::{ErrorRecord, Part};
use crate::nt::{Architecture, Machine, ModuleList, UnloadedModule};
use crate::symbols::Symbolizer;
use alloc::{borrow::Cow, format, string::String};

/// Everything that rules draw on, borrowed from whoever read it. What is `None` is not known, and
/// no rule takes it for absent.
#[derive(Clone, Copy)]
pub struct Facts<'a> {
    /// What the file is.
    pub kind: Kind,
    /// Whether bytes that its headers promise are missing.
    pub truncated: bool,
    /// The stop code as recorded.
    pub code: u32,
    /// Its parameters.
    pub parameters: [u64; 4],
    /// The Windows build.
    pub build: Option<u32>,
    /// The architecture.
    pub architecture: Option<Architecture>,
    /// When Windows stopped: ISO 8601, UTC.
    pub crash_time: Option<&'a str>,
    /// How long Windows had run.
    pub uptime_seconds: Option<f64>,
    /// Loaded modules.
    pub modules: &'a ModuleList,
    /// Drivers that had been unloaded.
    pub unloaded: &'a [UnloadedModule],
    /// The exception that led to the stop; a placeholder that Windows leaves there is not one.
    pub exception: Option<&'a Exception>,
    /// The header's exception record, where another was preferred to it.
    pub passed_over: Option<&'a Exception>,
    /// The instruction pointer of the registers that the stack was read from.
    pub instruction_pointer: Option<VirtualAddress>,
    /// The stack.
    pub stack: Option<&'a Stack>,
    /// The driver that Windows itself put on record as broken.
    pub broken_driver: Option<&'a str>,
    /// Other stacks: of the other processors, and of threads that the parameters lead to.
    pub stacks: &'a [Stack],
    /// What structures of the kernel are read with.
    pub machine: Option<Machine<'a>>,
    /// The block of the processor that stopped the machine.
    pub processor: Option<VirtualAddress>,
    /// The interrupt level of the processor that stopped the machine.
    pub interrupt_level: Option<u8>,
    /// How many processors there were.
    pub processors: Option<u32>,
    /// The process that ended though Windows needs it.
    pub ended: Option<&'a Ended>,
    /// The process that was current.
    pub process_name: Option<&'a str>,
    /// Firmware, hypervisor, host.
    pub platform: Option<&'a Platform>,
    /// The Integration Services diagnosis.
    pub integration: Option<&'a IntegrationServices>,
    /// Memory counters.
    pub memory: Option<&'a Memory>,
    /// The record of the hardware error that the stop code is about.
    pub hardware: Option<&'a ErrorRecord>,
    /// Who made the processor, as CPUID names it: `GenuineIntel`, `AuthenticAMD`.
    pub processor_vendor: Option<&'a str>,
    /// Driver Verifier's level, as a triage dump's memory-manager record or the kernel has it; 0 is off.
    pub verifier_level: Option<u32>,
    /// The drivers that Driver Verifier was told to watch, `*` for all, by the registry.
    pub verified: Option<&'a str>,
    /// Whatever memory the dump holds.
    pub space: Option<&'a dyn AddressSpace>,
    /// Names of functions, as far as exports and symbol files give them.
    pub names: Option<&'a dyn Symbolizer>,
    /// What [`blame`] says of these facts, once it was asked.
    pub verdict: Option<&'a Verdict>,
}

impl<'a> Facts<'a> {
    /// A stop code in a dump of that kind, with nothing else known yet.
    #[must_use]
    pub fn new(kind: Kind, code: u32, parameters: [u64; 4], modules: &'a ModuleList) -> Self {
        Self {
            kind,
            truncated: false,
            code,
            parameters,
            build: None,
            architecture: None,
            crash_time: None,
            uptime_seconds: None,
            modules,
            unloaded: &[],
            exception: None,
            passed_over: None,
            instruction_pointer: None,
            stack: None,
            broken_driver: None,
            stacks: &[],
            machine: None,
            processor: None,
            interrupt_level: None,
            processors: None,
            ended: None,
            process_name: None,
            platform: None,
            integration: None,
            memory: None,
            hardware: None,
            processor_vendor: None,
            verifier_level: None,
            verified: None,
            space: None,
            names: None,
            verdict: None,
        }
    }

    /// Who is to blame: asked now, unless it was asked before.
    #[must_use]
    pub fn blame(&self) -> Cow<'a, Verdict> {
        match self.verdict {
            Some(verdict) => Cow::Borrowed(verdict),
            None => Cow::Owned(blame(self)),
        }
    }

    /// The stop code without the bit of minidumps.
    #[must_use]
    pub fn plain_code(&self) -> u32 {
        plain_stop_code(self.code)
    }

    /// Whether nothing stopped: by the file's kind, or by a code that is only given to live dumps.
    #[must_use]
    pub fn kept_running(&self) -> bool {
        let only_live = |known: bugcheck::BugCheck| known.fatality == bugcheck::Fatality::LiveDump;
        self.kind == Kind::Live || bugcheck::lookup(self.code).is_some_and(only_live)
    }

    /// `MEMORY_MANAGEMENT (0x1a)`, or the number alone when the code has no name.
    #[must_use]
    pub fn code_label(&self) -> String {
        let code = self.code;
        match bugcheck::name(code).filter(|name| !name.is_empty()) {
            Some(name) => format!("{name} ({code:#x})"),
            None => format!("{code:#x}"),
        }
    }

    /// `minidump` or `dump`, as sentences about the file call it.
    #[must_use]
    pub fn file_word(&self) -> &'static str {
        match self.kind {
            Kind::Triage => "minidump",
            _ => "dump",
        }
    }

    /// Who made the processor: by CPUID, else by the record of the error.
    #[must_use]
    pub fn processor_maker(&self) -> Option<&'a str> {
        let parts = self.hardware.map_or(&[][..], |record| &record.parts);
        let recorded = || {
            parts.iter().find_map(|part| match part {
                Part::Check { vendor: 1, .. } => Some("GenuineIntel"),
                Part::Check { vendor: 2, .. } => Some("AuthenticAMD"),
                _ => None,
            })
        };
        self.processor_vendor.or_else(recorded)
    }

    /// 0x1A with a page table entry of which nothing but one bit is left.
    #[must_use]
    pub fn lone_bit(&self) -> bool {
        let [case, _, entry, _] = self.parameters;
        self.plain_code() == 0x1A && case == 0x4_1792 && entry.count_ones() == 1
    }

    /// What this Windows is to a hypervisor.
    #[must_use]
    pub fn hypervisor_role(&self) -> HypervisorRole {
        self.platform
            .map_or(HypervisorRole::Unknown, |p| p.hypervisor.role)
    }

    /// Whether this Windows is a virtual machine.
    #[must_use]
    pub fn is_guest(&self) -> bool {
        matches!(
            self.hypervisor_role(),
            HypervisorRole::Guest | HypervisorRole::Nested
        )
    }

    /// What it is, as far as that matters for advice.
    #[must_use]
    pub fn runs_on(&self) -> RunsOn {
        if !self.is_guest() {
            return RunsOn::Physical;
        }
        use HypervisorVendor as Of;
        match self.platform.map(|p| p.hypervisor.vendor) {
            Some(Of::HyperV) => RunsOn::HyperVGuest,
            Some(Of::Vmware) => RunsOn::VmwareGuest,
            Some(Of::Kvm) => RunsOn::KvmGuest,
            Some(Of::Azure | Of::Aws | Of::Google) => RunsOn::CloudGuest,
            _ => RunsOn::Guest,
        }
    }

    /// Whether it is a virtual machine of Hyper-V or Azure.
    #[must_use]
    pub fn is_hyper_v_guest(&self) -> bool {
        let vendor = self.platform.map(|p| p.hypervisor.vendor);
        self.is_guest()
            && matches!(
                vendor,
                Some(HypervisorVendor::HyperV | HypervisorVendor::Azure)
            )
    }

    /// Whether a host of Hyper-V's can take memory back from this machine: Azure never does.
    #[must_use]
    pub fn may_be_ballooned_by_hyper_v(&self) -> bool {
        let vendor = self.platform.map(|p| p.hypervisor.vendor);
        self.is_guest() && vendor == Some(HypervisorVendor::HyperV)
    }

    /// Whether the integration components are known to be behind.
    #[must_use]
    pub fn components_are_behind(&self) -> bool {
        let verdict = self.integration.map(|services| services.verdict);
        matches!(
            verdict,
            Some(
                crate::model::Verdict::Outdated
                    | crate::model::Verdict::Mixed
                    | crate::model::Verdict::Missing
            )
        )
    }

    /// Whose `address` is.
    #[must_use]
    pub fn locate(&self, address: VirtualAddress) -> Option<Place> {
        if let Some(module) = self.modules.find(address) {
            return Some(Place {
                role: role(&module.name),
                label: format!(
                    "{}+{:#x}",
                    module.symbol_name(),
                    address.0.wrapping_sub(module.base.0)
                ),
                module: module.name.clone(),
                unloaded: false,
            });
        }
        let gone = self
            .unloaded
            .iter()
            .find(|gone| (gone.start..gone.end).contains(&address))?;
        Some(Place {
            role: role(&gone.name),
            label: format!("{}+{:#x}", gone.name, address.0 - gone.start.0),
            module: gone.name.clone(),
            unloaded: true,
        })
    }
}

/// A process that ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ended {
    /// Its image.
    pub name: String,
    /// Its identifier.
    pub pid: Option<u32>,
    /// With which status, where one was noted yet.
    pub status: Option<u32>,
    /// The process whose thread ended it, where that is another.
    pub by: Option<String>,
}

/// Where an address is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The module's file name.
    pub module: String,
    /// What part it plays.
    pub role: Role,
    /// `module+0xoffset`.
    pub label: String,
    /// Whether the module had been unloaded.
    pub unloaded: bool,
}
