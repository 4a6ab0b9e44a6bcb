//! Hives in memory: CMHIVE objects on their list, and the cell maps that lead from a cell index to an address.
//! Layout: _CMHIVE, _HHIVE, _DUAL and _HMAP_ENTRY of the build.

use super::Machine;
use super::processes::REGISTRY;
use crate::firmware::{smbios, strings};
use crate::hive::{Hive, Keys};
use crate::scenario::{self, RegistryValue, ScenarioError};

/// Where the views of hives start in the Registry process.
const REGISTRY_VIEW: u64 = 0x1c4_5a20_0000;

/// Cell references of volatile storage have this bit.
const VOLATILE: u32 = 0x8000_0000;

impl Machine<'_> {
    /// Lays the scenario's hives into memory, and the volatile HARDWARE hive that every machine has.
    pub(super) fn write_hives(&mut self) -> Result<(), ScenarioError> {
        if self.build.field("_CMHIVE", "HiveList").is_none() {
            return Ok(());
        }
        let mut links = Vec::new();
        let hives = self.all_hives();
        let time = self.scenario.system.crash_time.filetime();
        for wanted in &hives {
            let volatile = wanted.file_path.is_none() && wanted.file.is_none();
            let hive = match &wanted.file {
                Some(path) => {
                    let bytes = std::fs::read(path)
                        .map_err(|e| ScenarioError::Unsupported(format!("{path}: {e}")))?;
                    Hive::from_file(&bytes).ok_or_else(|| {
                        ScenarioError::Unsupported(format!("{path} is no registry hive"))
                    })?
                }
                None => {
                    let flag = if volatile { VOLATILE } else { 0 };
                    Hive::build(&wanted.name, &wanted.keys, time, flag)
                }
            };
            links.push(self.write_hive(wanted, &hive, volatile));
        }
        if let Some(head) = self.variable("CmpHiveListHead") {
            self.link(head, &links);
        }
        Ok(())
    }

    /// HARDWARE, SYSTEM with what every machine has, and the scenario's own.
    fn all_hives(&self) -> Vec<scenario::Hive> {
        let mut hives = vec![self.hardware_hive()];
        hives.extend(self.scenario.hives.iter().cloned());
        if !hives.iter().any(|h| h.name.eq_ignore_ascii_case("SYSTEM")) {
            hives.push(scenario::Hive {
                name: "SYSTEM".into(),
                file_path: Some(r"\SystemRoot\System32\Config\SYSTEM".into()),
                ..scenario::Hive::default()
            });
        }
        for hive in &mut hives {
            if hive.name.eq_ignore_ascii_case("SYSTEM") && hive.file.is_none() {
                self.system_keys(&mut hive.keys);
            }
        }
        hives
    }

    /// Keys of SYSTEM that the machine's own identity decides; what the scenario says stays.
    fn system_keys(&self, keys: &mut Keys) {
        let mut put = |path: &str, name: &str, value: RegistryValue| {
            keys.entry(path.into())
                .or_default()
                .entry(name.into())
                .or_insert(value);
        };
        for name in ["Current", "Default", "LastKnownGood"] {
            put("Select", name, RegistryValue::Dword(1));
        }
        let computer = self.scenario.system.computer_name.clone();
        put(
            r"ControlSet001\Control\ComputerName\ComputerName",
            "ComputerName",
            RegistryValue::Text(computer),
        );
        let verifier = &self.scenario.verifier;
        if !verifier.drivers.is_empty() {
            let path = r"ControlSet001\Control\Session Manager\Memory Management";
            let drivers = RegistryValue::Text(verifier.drivers.clone());
            put(path, "VerifyDrivers", drivers);
            put(
                path,
                "VerifyDriverLevel",
                RegistryValue::Dword(verifier.level),
            );
        }
        if !self.scenario.firmware.no_smbios {
            let hex = smbios::payload(self.scenario)
                .iter()
                .map(|b| format!("{b:02x}"))
                .collect();
            let value = RegistryValue::Binary { hex };
            put(r"ControlSet001\Services\mssmbios\Data", "SMBiosData", value);
        }
    }

    /// What the kernel writes about the firmware at start.
    fn hardware_hive(&self) -> scenario::Hive {
        let s = strings(self.scenario);
        let text = |t: &str| RegistryValue::Text(t.trim_end().to_owned());
        let [vendor, version, date] = s.bios.each_ref().map(|t| text(t));
        let [maker, product, system_version, _] = s.system.each_ref().map(|t| text(t));
        let mut keys = Keys::new();
        let bios = [
            ("BIOSVendor", vendor),
            ("BIOSVersion", version),
            ("BIOSReleaseDate", date),
            ("SystemManufacturer", maker),
            ("SystemProductName", product),
            ("SystemVersion", system_version),
        ];
        keys.insert(
            r"DESCRIPTION\System\BIOS".into(),
            bios.into_iter().map(|(n, v)| (n.to_owned(), v)).collect(),
        );
        // The same figure without its leading zero is what WMI shows as the BIOS version.
        let oem = format!("{} - {:x}", s.acpi.0, s.acpi.2);
        let system = [
            (
                "SystemBiosDate",
                RegistryValue::Text(short_date(&s.bios[2])),
            ),
            (
                "SystemBiosVersion",
                RegistryValue::Texts(vec![oem, s.bios[1].trim_end().into()]),
            ),
            ("Identifier", RegistryValue::Text("AT/AT COMPATIBLE".into())),
        ];
        keys.insert(
            r"DESCRIPTION\System".into(),
            system.into_iter().map(|(n, v)| (n.to_owned(), v)).collect(),
        );
        let m = &self.scenario.machine;
        let processor = [
            (
                "ProcessorNameString",
                RegistryValue::Text(m.processor_name.clone()),
            ),
            (
                "VendorIdentifier",
                RegistryValue::Text(m.processor_vendor.clone()),
            ),
            ("~MHz", RegistryValue::Dword(m.mhz)),
        ];
        keys.insert(
            r"DESCRIPTION\System\CentralProcessor\0".into(),
            processor
                .into_iter()
                .map(|(n, v)| (n.to_owned(), v))
                .collect(),
        );
        scenario::Hive {
            name: "HARDWARE".into(),
            keys,
            ..scenario::Hive::default()
        }
    }

    /// Writes one hive and returns the address of its list entry.
    fn write_hive(&mut self, wanted: &scenario::Hive, hive: &Hive, volatile: bool) -> u64 {
        let size = self.build.size("_CMHIVE").max(0x800);
        let at = self.regions.paged.pages(size);
        self.kernel.touch(at, size);
        self.set(at, "_HHIVE", "Signature", 0xbee0_bee0, 4);
        let base = self.regions.paged.pages(hive.base.len() as u64);
        self.kernel.write(base, &hive.base);
        self.set_pointer(at, "_HHIVE", "BaseBlock", base);
        let storage = self.build.field("_HHIVE", "Storage").unwrap_or(0);
        let dual = at
            + storage
            + if volatile {
                self.build.size("_DUAL")
            } else {
                0
            };
        self.write_cell_map(dual, hive, volatile);
        if let Some(path) = &wanted.file_path {
            self.hive_name(at, "FileFullPath", path);
        }
        self.hive_name(
            at,
            "HiveRootPath",
            &format!(r"\REGISTRY\MACHINE\{}", wanted.name),
        );
        at + self.build.field("_CMHIVE", "HiveList").unwrap_or(0)
    }

    fn hive_name(&mut self, at: u64, member: &str, text: &str) {
        if let Some(offset) = self.build.field("_CMHIVE", member) {
            let buffer = self.regions.paged.allocate(2 * text.len() as u64 + 2);
            self.put_string(at + offset, buffer, text);
        }
    }

    /// Directory, tables and entries; each bin lies somewhere else in pool.
    fn write_cell_map(&mut self, dual: u64, hive: &Hive, volatile: bool) {
        let entry_size = self.build.size("_HMAP_ENTRY");
        let pointer = self.pointer();
        let slot = move |directory: u64, table: u64| directory + pointer as u64 * table;
        self.set(dual, "_DUAL", "Length", hive.bins.len() as u64, 4);
        let blocks = hive.bins.len() as u64 / 0x1000;
        let tables = blocks.div_ceil(512);
        let directory = self.regions.paged.pages(0x2000);
        self.kernel.touch(directory, 0x2000);
        self.set_pointer(dual, "_DUAL", "Map", directory);
        for t in 0..tables {
            let table = self.regions.paged.pages(512 * entry_size);
            self.kernel.touch(table, 512 * entry_size);
            self.put_pointer(slot(directory, t), table);
        }
        if tables == 1 {
            // A hive of one table needs no directory: the map points at the small one in place.
            let small = self.build.field("_DUAL", "SmallDir").unwrap_or(0x10);
            let table = self.kernel.read_word(directory, pointer);
            self.put_pointer(dual + small, table);
            self.set_pointer(dual, "_DUAL", "Map", dual + small);
        }
        let mut offset = 0;
        while offset < hive.bins.len() {
            let word = &hive.bins[offset + 8..offset + 12];
            let bin = u32::from_le_bytes([word[0], word[1], word[2], word[3]]) as usize;
            let bin = bin.clamp(0x1000, hive.bins.len() - offset);
            let va = self.write_bin(&hive.bins[offset..offset + bin], volatile);
            for block in 0..bin as u64 / 0x1000 {
                let number = offset as u64 / 0x1000 + block;
                let table = self
                    .kernel
                    .read_word(slot(directory, number / 512), pointer);
                self.map_block(
                    table + entry_size * (number % 512),
                    va,
                    block * 0x1000,
                    bin as u64,
                );
            }
            offset += bin;
        }
    }

    /// Stable bins go into the Registry process where there is one, the others into paged pool.
    fn write_bin(&mut self, bytes: &[u8], volatile: bool) -> u64 {
        let owner = self.processes.iter().position(|p| p.name == REGISTRY);
        if let (Some(index), false) = (owner, volatile) {
            let user = &mut self.processes[index].user;
            let va = user
                .pages()
                .last()
                .map_or(REGISTRY_VIEW, |(vpn, _)| (vpn + 3) << 12);
            user.write(va, bytes);
            return va;
        }
        let va = self.regions.paged.pages(bytes.len() as u64);
        self.kernel.write(va, bytes);
        va
    }

    /// One entry: the block's address, or since Windows 10 the bin's with the block's offset in it.
    fn map_block(&mut self, entry: u64, bin: u64, offset: u64, size: u64) {
        let s = "_HMAP_ENTRY";
        if self.build.field(s, "PermanentBinAddress").is_some() {
            self.set_pointer(entry, s, "BlockOffset", offset);
            self.set_pointer(entry, s, "PermanentBinAddress", bin | 1);
            self.set(entry, s, "MemAlloc", if offset == 0 { size } else { 0 }, 4);
        } else {
            self.set_pointer(entry, s, "BlockAddress", bin + offset);
            self.set_pointer(entry, s, "BinAddress", bin | 1);
        }
    }
}

/// `05/23/2012` as `05/23/12`.
fn short_date(date: &str) -> String {
    match date.rsplit_once('/') {
        Some((head, year)) if year.len() == 4 => format!("{head}/{}", &year[2..]),
        _ => date.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use crate::machine::Machine;
    use crate::scenario::Scenario;

    #[test]
    fn a_cell_index_leads_through_directory_table_and_entry_to_its_key() {
        let text = "[machine]\nbuild = 19041\n[[hives]]\nname = \"SYSTEM\"\nfile_path = '\\SystemRoot\\System32\\Config\\SYSTEM'\n\
                    [hives.keys.'Select']\nCurrent = 1";
        let s = Scenario::from_toml(text).unwrap();
        let m = Machine::invent(&s).unwrap();
        let word = |va| m.kernel.read_word(va, 8);
        // CMHIVE.HiveList 640, HHIVE.BaseBlock 40, Storage 110, DUAL.Map 8 in 19041; the list's second entry is SYSTEM.
        let first = word(m.variable("CmpHiveListHead").unwrap());
        let hive = word(first) - 0x640;
        assert_eq!(m.kernel.read_word(hive, 4), 0xbee0_bee0);
        let root = m.kernel.read_word(word(hive + 0x40) + 0x24, 4);
        let table = word(word(hive + 0x110 + 8));
        let entry = table + 0x18 * (root >> 12);
        let cell = (word(entry + 8) & !0xf) + word(entry) + (root & 0xfff);
        assert_eq!(m.kernel.read(cell + 4, 2), b"nk");
    }
}
