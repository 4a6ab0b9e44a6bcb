//! The scenario file: a machine at the moment it stopped, and the dump to write of it.
//! Every field has a default, so three lines already give an openable dump; `docs/forge.md` lists them all.

mod check;
mod devices;
mod dump;
mod firmware;
mod memory;
mod records;
mod software;
mod value;

pub use devices::{Device, Lock, Request};
pub use dump::{DebuggerBlock, DumpKind, DumpOptions, Faults, Word};
pub use firmware::{BlackBox, Bus, Firmware, FirmwareKind};
pub use memory::{Counters, PageFile, PageKind, Pages, PoolBlocks, PoolTag};
pub use records::{HardwareError, Leaving, PoolPage, Section, Verifier};
pub use software::{
    Exception, Frame, Hive, Module, On, Process, RegistryValue, Running, Stop, System,
    UnloadedModule,
};
pub use value::{Moment, Number, parse_number};

use serde::Deserialize;
use std::fmt;

/// Processor architecture of the invented machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Architecture {
    /// AMD64.
    #[default]
    X64,
    /// 32-bit.
    X86,
    /// 64-bit ARM.
    Arm64,
}

impl Architecture {
    /// Bytes in a pointer.
    pub fn pointer(self) -> usize {
        if self == Self::X86 { 4 } else { 8 }
    }
}

/// The machine itself.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Machine {
    /// Windows build, as 9600.
    pub build: u32,
    /// Processor architecture.
    pub architecture: Architecture,
    /// Number of processors.
    pub processors: u32,
    /// Installed memory in bytes.
    pub memory: Number,
    /// Of the memory, what a hypervisor added while the machine ran: it lies in a run of its own, and
    /// the firmware knows nothing of it.
    pub hot_added: Number,
    /// Decides every address and every order that nothing else decides.
    pub seed: u64,
    /// Where the kernel is loaded; a fitting default otherwise.
    pub kernel_base: Option<Number>,
    /// Levels of page tables on x64: 4 or 5.
    pub paging_levels: u8,
    /// 32-bit machines: page tables with 64-bit entries.
    pub pae: bool,
    /// Map the kernel image with large pages.
    pub large_pages: bool,
    /// ARM64: functions sign the return addresses that they store.
    pub signed: bool,
    /// Keep the bins of stable hives in a process named Registry, as 17134 and later do. A kernel dump then lacks them.
    pub registry_process: bool,
    /// Count pool use in a table for each processor, as machines with several do.
    pub pool_tables: bool,
    /// Write the page-frame database: 48 bytes for each page, so only of small machines.
    pub frame_database: bool,
    /// Bits that 17763 and later keep in entries that are not valid (the L1TF mitigation); 0 on machines without it.
    pub invalid_pte_mask: Number,
    /// Processor name as the firmware tables give it.
    pub processor_name: String,
    /// Processor vendor, 12 characters.
    pub processor_vendor: String,
    /// Megahertz.
    pub mhz: u32,
}

impl Default for Machine {
    fn default() -> Self {
        Self {
            build: 19041,
            architecture: Architecture::X64,
            processors: 2,
            hot_added: Number(0),
            memory: Number(4 << 30),
            seed: 1,
            kernel_base: None,
            paging_levels: 4,
            pae: true,
            large_pages: true,
            signed: false,
            registry_process: false,
            pool_tables: true,
            frame_database: false,
            invalid_pte_mask: Number(0),
            processor_name: "Intel(R) Xeon(R) CPU E5-2670 0 @ 2.60GHz".into(),
            processor_vendor: "GenuineIntel".into(),
            mhz: 2600,
        }
    }
}

/// A whole scenario.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Scenario {
    /// What the scenario shows, for people.
    pub title: String,
    /// The machine.
    pub machine: Machine,
    /// Windows on it.
    pub system: System,
    /// Why it stopped.
    pub stop: Stop,
    /// The stack of the stopping thread, innermost frame first.
    pub stack: Vec<Frame>,
    /// What the other processors were running.
    pub running: Vec<Running>,
    /// Loaded drivers after the kernel, in load order.
    pub modules: Vec<Module>,
    /// Drivers that were unloaded, newest last.
    pub unloaded: Vec<UnloadedModule>,
    /// Memory counters, in pages.
    pub counters: Counters,
    /// Page files.
    pub page_files: Vec<PageFile>,
    /// Processes beside System.
    pub processes: Vec<Process>,
    /// Devices of drivers.
    pub devices: Vec<Device>,
    /// Executive resources in the kernel's list.
    pub locks: Vec<Lock>,
    /// Records of hardware errors.
    pub hardware_errors: Vec<HardwareError>,
    /// Driver Verifier.
    pub verifier: Verifier,
    /// Pages of pool with their blocks.
    pub pool_pages: Vec<PoolPage>,
    /// Pool use by tag.
    pub pool_tags: Vec<PoolTag>,
    /// Allocations of pool.
    pub pool_blocks: Vec<PoolBlocks>,
    /// Registry hives in memory.
    pub hives: Vec<Hive>,
    /// Pages of kernel memory with a state of their own.
    pub pages: Vec<Pages>,
    /// Firmware tables.
    pub firmware: Firmware,
    /// What the driver of a Hyper-V guest keeps of the bus.
    pub bus: Option<Bus>,
    /// Secondary data written behind the dump.
    pub black_boxes: Vec<BlackBox>,
    /// The file to write.
    pub dump: DumpOptions,
    /// Damage to do to it.
    pub faults: Faults,
}

/// Why a scenario cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ScenarioError {
    /// The TOML text does not describe a scenario; the text says where.
    Syntax(String),
    /// The forge has no layouts of this build for this architecture.
    UnknownBuild {
        /// The build asked for.
        build: u32,
        /// The builds there are.
        known: Vec<u32>,
    },
    /// A stack frame names a module or a function that the machine does not have.
    UnknownFrame(String),
    /// The kind of dump cannot be written of this machine; the text says why.
    Unsupported(String),
}

impl fmt::Display for ScenarioError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax(text) => write!(f, "the scenario cannot be read: {text}"),
            Self::UnknownBuild { build, known } => {
                write!(
                    f,
                    "no layouts for build {build} on this architecture; there are {known:?}"
                )
            }
            Self::UnknownFrame(name) => {
                write!(
                    f,
                    "the stack names {name}, which is no module or known function: `nt!Name` is a function that the \
                     build's table knows (the lines `code` of crate/forge/data/nt-ARCHITECTURE-BUILD.tsv), \
                     `driver.sys+0x1234` an address in a driver of [[modules]]"
                )
            }
            Self::Unsupported(text) => f.write_str(text),
        }
    }
}

impl std::error::Error for ScenarioError {}

impl Scenario {
    /// The build that the machine says it is.
    pub fn stated_build(&self) -> u32 {
        self.faults.build.unwrap_or(self.machine.build)
    }

    /// Reads a scenario from TOML text.
    ///
    /// # Errors
    /// `ScenarioError::Syntax` for text that is no scenario, with the line it stumbled over.
    pub fn from_toml(text: &str) -> Result<Self, ScenarioError> {
        let mut scenario: Self =
            toml::from_str(text).map_err(|e| ScenarioError::Syntax(e.to_string()))?;
        scenario.repeat();
        scenario.read_files()?;
        Ok(scenario)
    }

    /// Reads the files that the scenario names.
    fn read_files(&mut self) -> Result<(), ScenarioError> {
        let read = |path: &String| {
            std::fs::read(path).map_err(|e| ScenarioError::Unsupported(format!("{path}: {e}")))
        };
        for module in &mut self.modules {
            let Some(path) = &module.file else {
                continue;
            };
            module.bytes = read(path)?;
            let Some(file) = crate::image::PeFile::parse(&module.bytes) else {
                return Err(ScenarioError::Unsupported(format!("{path} is no PE file")));
            };
            module.size = Number(u64::from(file.size));
            module.stamp = Some(Number(u64::from(file.stamp)));
            module.checksum = Some(Number(u64::from(file.checksum)));
        }
        if let Some(path) = &self.firmware.smbios_file {
            self.firmware.smbios = read(path)?;
        }
        let tables = self.firmware.acpi_files.iter().map(read);
        self.firmware.acpi = tables.collect::<Result<_, _>>()?;
        if let Some(short) = self.firmware.acpi.iter().position(|table| table.len() < 36) {
            let path = &self.firmware.acpi_files[short];
            return Err(ScenarioError::Unsupported(format!(
                "{path} is no ACPI table"
            )));
        }
        Ok(())
    }

    /// Writes out what is there several times.
    fn repeat(&mut self) {
        let modules = std::mem::take(&mut self.modules);
        for module in modules {
            for n in 1..=module.repeat.max(1) {
                let (stem, end) = module
                    .name
                    .rsplit_once('.')
                    .unwrap_or((&module.name, "sys"));
                let mut copy = module.clone();
                if n > 1 {
                    copy.name = format!("{stem}{n}.{end}");
                    (copy.path, copy.base) = (None, None);
                }
                self.modules.push(copy);
            }
        }
        let processes = std::mem::take(&mut self.processes);
        for process in processes {
            for n in 1..=process.repeat.max(1) {
                let mut copy = process.clone();
                copy.current = process.current && n == 1;
                copy.pid = if n == 1 { process.pid } else { 0 };
                self.processes.push(copy);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_lines_are_a_scenario() {
        let s = Scenario::from_toml("[machine]\nbuild = 9600\nmemory = \"2 GiB\"").unwrap();
        assert_eq!(
            (s.machine.build, s.machine.memory.0, s.machine.processors),
            (9600, 2 << 30, 2)
        );
    }

    #[test]
    fn what_is_repeated_has_names_of_its_own() {
        let text = "modules = [{ name = \"a.sys\", repeat = 3 }]\n\
                    [[processes]]\nname = \"p.exe\"\nrepeat = 2\ncurrent = true";
        let s = Scenario::from_toml(text).unwrap();
        let names: Vec<_> = s.modules.iter().map(|m| m.name.as_str()).collect();
        assert_eq!(names, ["a.sys", "a2.sys", "a3.sys"]);
        let current: Vec<_> = s.processes.iter().map(|p| p.current).collect();
        assert_eq!(current, [true, false]);
    }

    #[test]
    fn a_misspelt_field_is_an_error_and_not_ignored() {
        let e = Scenario::from_toml("[machine]\nbiuld = 9600").unwrap_err();
        assert!(e.to_string().contains("biuld"), "{e}");
    }
}
