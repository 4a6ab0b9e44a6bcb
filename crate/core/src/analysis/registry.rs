//! What the registry says of the machine: firmware, processor, name, time zone, how Windows was
//! set to write dumps and to page, and what Hyper-V's Data Exchange wrote into it.
//!
//! Every value is asked for before the first is judged, so that they are fetched together. Keys
//! and their meaning: Microsoft's pages on Data Exchange, on memory dump options and on the
//! registry's performance settings (SupportArticles-docs, windowsserverdocs; CC-BY-4.0).

use super::known::Known;
use crate::model::{Gap, Note, RegistryHive, RegistryValue, Report};
use crate::nt::PagedDump;
use crate::nt::registry::{Kind, Registry, RegistryError, RegistryMemory, Start, Until};
use crate::nt::registry::{Value, number, show};
use crate::source::Source;
use crate::symbols::layout::Layouts;
use alloc::{format, string::String, vec::Vec};

/// The head of the kernel's list of hives.
const HEAD: &str = "CmpHiveListHead";
/// Most values that are taken of a key of which all are wanted.
const MAX_OF_KEY: usize = 64;
/// The most of a value's data that is read: the firmware's tables are the longest.
const MAX_TAKEN: u32 = 0x2_0000;
/// The longest text that is taken.
const MAX_TEXT: usize = 2048;

/// Keys, and which of their values are wanted; none stands for all.
static WANTED: &[(&str, &[&str])] = &[
    (
        "HARDWARE\\DESCRIPTION\\System\\BIOS",
        &[
            "BIOSVendor",
            "BIOSVersion",
            "BIOSReleaseDate",
            "SystemManufacturer",
            "SystemProductName",
            "SystemFamily",
            "SystemVersion",
            "SystemSKU",
            "BaseBoardManufacturer",
            "BaseBoardProduct",
        ],
    ),
    (
        "HARDWARE\\DESCRIPTION\\System",
        &["SystemBiosDate", "SystemBiosVersion"],
    ),
    (
        "HARDWARE\\DESCRIPTION\\System\\CentralProcessor\\0",
        &[
            "ProcessorNameString",
            "VendorIdentifier",
            "Identifier",
            "~MHz",
            "Update Revision",
            "Previous Update Revision",
        ],
    ),
    (
        "SYSTEM\\CurrentControlSet\\Control\\ComputerName\\ComputerName",
        &["ComputerName"],
    ),
    (
        "SYSTEM\\CurrentControlSet\\Control\\TimeZoneInformation",
        &["TimeZoneKeyName", "ActiveTimeBias", "Bias"],
    ),
    ("SYSTEM\\CurrentControlSet\\Control\\CrashControl", &[]),
    (
        "SYSTEM\\CurrentControlSet\\Control\\Session Manager\\Memory Management",
        &[
            "PagingFiles",
            "ExistingPageFiles",
            "ClearPageFileAtShutdown",
            "DisablePagingExecutive",
            "VerifyDrivers",
            "VerifyDriverLevel",
        ],
    ),
    (
        "SYSTEM\\CurrentControlSet\\Control\\DeviceGuard",
        &["EnableVirtualizationBasedSecurity"],
    ),
    (
        "SYSTEM\\CurrentControlSet\\Control\\SystemInformation",
        &[
            "BIOSVersion",
            "BIOSReleaseDate",
            "SystemManufacturer",
            "SystemProductName",
        ],
    ),
    (
        "SYSTEM\\CurrentControlSet\\Services\\mssmbios\\Data",
        &["SMBiosData"],
    ),
    (
        "SOFTWARE\\Microsoft\\Virtual Machine\\Auto",
        &["IntegrationServicesVersion"],
    ),
    (
        "SOFTWARE\\Microsoft\\Virtual Machine\\Guest\\Parameters",
        &[],
    ),
    ("SOFTWARE\\Microsoft\\Virtual Machine\\External", &[]),
    (
        "SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion",
        &[
            "ProductName",
            "CurrentBuild",
            "UBR",
            "DisplayVersion",
            "ReleaseId",
        ],
    ),
];

/// The key of the services, and those that belong to the integration components.
const SERVICES: &str = "SYSTEM\\CurrentControlSet\\Services";
static OF_COMPONENTS: &[&str] = &[
    "vmbus",
    "storvsc",
    "netvsc",
    "dmvsc",
    "VMBusHID",
    "hyperkbd",
    "HyperVideo",
    "storflt",
    "vmicguestinterface",
    "vmicheartbeat",
    "vmickvpexchange",
    "vmicrdv",
    "vmicshutdown",
    "vmictimesync",
    "vmicvmsession",
    "vmicvss",
];
/// Services that no Windows is without. A list that lacks one of them is not the whole list, and
/// what else it lacks proves nothing.
static OF_EVERY_WINDOWS: &[&str] = &["Tcpip", "PlugPlay", "RpcSs"];
/// The value that says when a service starts; 4 is never.
const START: &str = "Start";
/// The firmware's tables behind their header of 8 bytes, which is what the dump's own copy has.
const SMBIOS: &str = "SMBiosData";

/// What the registry said.
#[derive(Clone, Debug, Default)]
pub(super) struct Facts {
    /// Where it lies.
    pub memory: RegistryMemory,
    /// Hives and values for the report.
    hives: Vec<RegistryHive>,
    values: Vec<RegistryValue>,
    /// The values by path and name, as the rules take them.
    pub pairs: Vec<(String, String)>,
    /// The firmware's tables, where the registry holds them.
    pub smbios: Option<Vec<u8>>,
    /// The services of the integration components that exist; only when that is known of each.
    pub services: Option<Vec<String>>,
    notes: Vec<Note>,
}

/// Reads it.
pub(super) fn read(source: &dyn Source, known: &Known, dump: &PagedDump) -> Facts {
    let mut facts = Facts {
        memory: RegistryMemory::find(source, dump, start(known), Until::Machine),
        ..Facts::default()
    };
    let memory = facts.memory.clone();
    facts.notes = memory.notes.clone();
    memory.ask(source, dump, |registry| facts.ask(registry));
    facts.note_gaps();
    facts
}

/// Where a search found a hive, or where the kernel's identity says that their list begins.
fn start(known: &Known) -> Option<Start> {
    if known.hive.is_some() {
        return known.hive;
    }
    let dump = known.dump()?;
    let base = dump.kernel_base()?;
    let identity = super::identity::kernel(dump.header, known);
    let place = Layouts::for_kernel(&identity).variable(HEAD)?;
    base.checked_add(place.offset.into()).map(Start::Head)
}

impl Facts {
    fn ask(&mut self, registry: &Registry<'_>) {
        for hive in registry.hives() {
            let path = hive.path.as_ref().or(hive.file.as_ref());
            self.hives.push(RegistryHive {
                path: path.cloned().unwrap_or_default(),
                gap: registry.root(hive).err().and_then(RegistryError::gap),
            });
        }
        for &(path, names) in WANTED {
            self.ask_key(registry, path, names);
        }
        self.ask_services(registry);
    }

    fn ask_key(&mut self, registry: &Registry<'_>, path: &str, names: &[&str]) {
        let key = match registry.open(path) {
            Ok(key) => key,
            Err(error) => return self.missing(path, "", error),
        };
        let values = key.values();
        let wanted = |value: &&Value<'_>| {
            names.is_empty() || names.iter().any(|n| n.eq_ignore_ascii_case(&value.name))
        };
        for value in values.items.iter().filter(wanted).take(MAX_OF_KEY) {
            self.take(path, value);
        }
        if let Some(error) = values.gap {
            self.missing(path, "", error);
        }
    }

    fn take(&mut self, path: &str, value: &Value<'_>) {
        let data = match value.data_up_to(MAX_TAKEN) {
            Ok(data) => data,
            Err(error) => return self.missing(path, &value.name, error),
        };
        if value.name.eq_ignore_ascii_case(SMBIOS) {
            self.smbios = Some(data);
            return;
        }
        // Biases are signed, and the microcode's revision is 8 bytes with the number at the end.
        let text = match (value.kind, value.name.as_str()) {
            (4, "ActiveTimeBias" | "Bias") => {
                number(4, &data).map(|n| format!("{}", n as u32 as i32))
            }
            (3, "Update Revision" | "Previous Update Revision") => microcode(&data),
            _ => None,
        };
        let text = text.unwrap_or_else(|| show(value.kind, &data));
        let text: String = text
            .chars()
            .filter(|c| !c.is_control())
            .take(MAX_TEXT)
            .collect();
        self.pairs
            .push((format!("{path}\\{}", value.name), text.clone()));
        self.values.push(RegistryValue {
            key: format!("HKLM\\{path}"),
            name: value.name.clone(),
            kind: Some(Kind(value.kind).name()),
            data: Some(text),
            gap: None,
        });
    }

    fn missing(&mut self, path: &str, name: &str, error: RegistryError) {
        // A key that is not there is no gap.
        let Some(gap) = error.gap() else { return };
        self.values.push(RegistryValue {
            key: format!("HKLM\\{path}"),
            name: name.into(),
            gap: Some(gap),
            ..RegistryValue::default()
        });
    }

    fn ask_services(&mut self, registry: &Registry<'_>) {
        let Ok(services) = registry.open(SERVICES) else {
            return;
        };
        let mut there = Vec::new();
        let mut whole = true;
        for name in OF_EVERY_WINDOWS {
            whole &= matches!(services.subkey(name), Ok(Some(_)));
        }
        for &name in OF_COMPONENTS {
            match services.subkey(name) {
                Ok(Some(key)) => {
                    there.push(name.into());
                    if let Ok(Some(start)) = key.value(START) {
                        self.take(&format!("{SERVICES}\\{name}"), &start);
                    }
                }
                Ok(None) => {}
                Err(_) => whole = false,
            }
        }
        self.services = whole.then_some(there);
    }

    /// One sentence on what could not be read, instead of one for each key.
    fn note_gaps(&mut self) {
        let gap_of = |hive: &str| {
            let below = format!("HKLM\\{hive}\\");
            let keys = self.values.iter().filter(|v| v.key.starts_with(&below));
            let missing = keys.filter(|value| value.name.is_empty());
            missing.filter_map(|value| value.gap).next()
        };
        let gaps: Vec<(&str, Gap)> = ["SYSTEM", "SOFTWARE", "HARDWARE"]
            .into_iter()
            .filter_map(|hive| Some((hive, gap_of(hive)?)))
            .collect();
        let Some(&(_, first)) = gaps.first() else {
            return;
        };
        let names: Vec<&str> = gaps.iter().map(|(hive, _)| *hive).collect();
        let why = match (self.memory.process, first) {
            (Some(_), Gap::NotInDump) => {
                "they lie in the process Registry, and a kernel dump holds no memory of processes; \
                 a complete or active dump does"
            }
            (_, Gap::NotInDump) => "their pages were not written to the dump",
            (_, Gap::PagedOut) => "their pages had been moved to the page file",
            (_, Gap::NotRead) => "they are damaged, or were not read to their end",
            _ => "their pages were not in memory",
        };
        let text = format!(
            "Part of the registry cannot be read ({}): {why}.",
            names.join(", ")
        );
        self.notes.push(Note::new("registry-partial", text));
    }

    /// The text of a value by its path and name below HKLM.
    fn value(&self, path: &str) -> Option<&str> {
        let found = self.pairs.iter().find(|(name, _)| name == path);
        found.map(|(_, text)| text.as_str())
    }

    /// Adds to the report.
    pub(super) fn compose(&self, report: &mut Report) {
        report.notes.extend(self.notes.iter().cloned());
        if let Some(system) = &mut report.system {
            let name =
                "SYSTEM\\CurrentControlSet\\Control\\ComputerName\\ComputerName\\ComputerName";
            if system.computer_name.is_none() {
                system.computer_name = self.value(name).map(String::from);
            }
            let zone = |name: &str| {
                let key = "SYSTEM\\CurrentControlSet\\Control\\TimeZoneInformation";
                self.value(&format!("{key}\\{name}"))
            };
            let bias = zone("ActiveTimeBias").or_else(|| zone("Bias"));
            let minutes = bias.and_then(|bias| bias.parse().ok());
            system.time_zone = zone("TimeZoneKeyName").map(String::from);
            system.time_zone_bias_minutes = system.time_zone_bias_minutes.or(minutes);
        }
        if !self.hives.is_empty() {
            report.registry = Some(crate::model::Registry {
                hives: self.hives.clone(),
                values: self.values.clone(),
            });
        }
    }
}

/// The revision of the processor's microcode: the upper half of 8 bytes on Intel, the lower on AMD.
fn microcode(data: &[u8]) -> Option<String> {
    let word = |at: usize| {
        let bytes = data.get(at..at + 4)?.try_into().ok()?;
        Some(u32::from_le_bytes(bytes))
    };
    let revision = [word(4), word(0)].into_iter().flatten().find(|&n| n != 0)?;
    Some(format!("{revision:#x}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_microcode_is_taken_from_either_half() {
        let halves = |low: u32, high: u32| {
            let mut bytes = low.to_le_bytes().to_vec();
            bytes.extend(high.to_le_bytes());
            microcode(&bytes)
        };
        assert_eq!(halves(0, 0x1B).as_deref(), Some("0x1b"));
        assert_eq!(halves(0x0A20_1016, 0).as_deref(), Some("0xa201016"));
        assert_eq!(halves(0, 0), None);
        assert_eq!(microcode(&[1, 2]), None);
    }
}
