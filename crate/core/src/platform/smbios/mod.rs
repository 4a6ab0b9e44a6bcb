//! SMBIOS: what the firmware says the machine is. Maker, model, firmware version and date,
//! processors, memory devices. In a virtual machine it is the hypervisor that says so.
//!
//! Windows keeps a copy of the table and its driver mssmbios adds it to dumps (secondary data
//! `bc5c008f-1e3a-44d7-988d-86f6884c6758`) behind a header of 8 bytes, the RawSMBIOSData of
//! GetSystemFirmwareTable: method, major and minor version, DMI revision, length of the table.
//!
//! Source: DMTF DSP0134 (System Management BIOS reference specification) for the structures; the
//! header was checked against dumps of builds 9600, 19041, 22000 and 26100. Windows blanks some
//! serial numbers in dumps with spaces and leaves others, so both are expected.

mod fields;
mod walk;

#[cfg(test)]
pub(crate) mod build;
#[cfg(test)]
mod tests;

pub use fields::{Board, Chassis, Firmware, MappedRange, MemoryArray, MemorySlot, Processor};
pub use fields::{SystemInformation, Uuid};

use super::bytes::{u8_at, u32_at};
use alloc::{string::String, vec::Vec};
use walk::{Structure, Walk};

/// Bytes before the table in the secondary data.
const HEADER: usize = 8;
/// Most entries that each list keeps.
const MAX_LIST: usize = 1024;

/// Why a table could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SmbiosError {
    /// There are fewer bytes than the header needs.
    TooShort {
        /// Bytes that are there.
        found: usize,
    },
    /// Not one structure could be read.
    NoStructures,
}

/// How much of the table could be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Condition {
    /// All of it.
    #[default]
    Complete,
    /// The chain of structures broke and was taken up again further on.
    Resumed,
    /// The rest after some structure could not be read.
    Partial,
}

/// What was read of an SMBIOS table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Smbios {
    /// Version of the specification that the table follows: major, minor.
    pub version: Option<(u8, u8)>,
    /// Type 0, the first.
    pub firmware: Option<Firmware>,
    /// Type 1, the first.
    pub system: Option<SystemInformation>,
    /// Type 2, the first.
    pub board: Option<Board>,
    /// Type 3, the first.
    pub chassis: Option<Chassis>,
    /// Type 4: sockets, filled or not.
    pub processors: Vec<Processor>,
    /// Type 11: free text of the maker.
    pub oem_strings: Vec<String>,
    /// Type 16.
    pub arrays: Vec<MemoryArray>,
    /// Type 17: sockets for memory, filled or not.
    pub slots: Vec<MemorySlot>,
    /// Type 19.
    pub ranges: Vec<MappedRange>,
    /// How much could be read.
    pub condition: Condition,
}

impl Smbios {
    /// Reads the table with its header of 8 bytes, as secondary data and the registry have it.
    ///
    /// # Errors
    /// [`SmbiosError`], when there is nothing to read.
    pub fn from_blob(data: &[u8]) -> Result<Self, SmbiosError> {
        let too_short = SmbiosError::TooShort { found: data.len() };
        let table = data.get(HEADER..).ok_or(too_short)?;
        let stated = u32_at(data, 4).and_then(|length| usize::try_from(length).ok());
        // A length that is nought or too large is not believed; what is there is read.
        let table = match stated {
            Some(length) if length > 0 => table.get(..length).unwrap_or(table),
            _ => table,
        };
        let version = u8_at(data, 1).zip(u8_at(data, 2));
        Self::from_table(table, version.filter(|&(major, _)| major > 0))
    }

    /// Reads a table without a header.
    ///
    /// # Errors
    /// [`SmbiosError::NoStructures`].
    pub fn from_table(table: &[u8], version: Option<(u8, u8)>) -> Result<Self, SmbiosError> {
        let mut smbios = Self {
            version,
            ..Self::default()
        };
        let mut walk = Walk::new(table);
        let mut any = false;
        for structure in walk.by_ref() {
            any = true;
            smbios.take(&structure);
        }
        if !any {
            return Err(SmbiosError::NoStructures);
        }
        smbios.condition = match (walk.complete, walk.resumed()) {
            (true, false) => Condition::Complete,
            (true, true) => Condition::Resumed,
            (false, _) => Condition::Partial,
        };
        Ok(smbios)
    }

    fn take(&mut self, structure: &Structure<'_>) {
        fn first<T>(slot: &mut Option<T>, value: T) {
            slot.get_or_insert(value);
        }
        fn keep<T>(list: &mut Vec<T>, value: Option<T>) {
            if let (Some(value), true) = (value, list.len() < MAX_LIST) {
                list.push(value);
            }
        }
        match structure.kind {
            0 => first(&mut self.firmware, Firmware::read(structure)),
            1 => first(&mut self.system, SystemInformation::read(structure)),
            2 => first(&mut self.board, Board::read(structure)),
            3 => first(&mut self.chassis, Chassis::read(structure)),
            4 => keep(&mut self.processors, Some(Processor::read(structure))),
            11 => {
                for number in 1..=structure.u8(4).unwrap_or(0) {
                    keep(&mut self.oem_strings, structure.string(number));
                }
            }
            16 => keep(&mut self.arrays, MemoryArray::read(structure)),
            17 => keep(&mut self.slots, MemorySlot::read(structure)),
            19 => keep(&mut self.ranges, MappedRange::read(structure)),
            _ => {}
        }
    }

    /// Installed memory in bytes: the sum of the memory devices, or where one of those does not
    /// know its size, of the mapped ranges.
    #[must_use]
    pub fn installed_bytes(&self) -> Option<u64> {
        fn sum(mut sizes: impl Iterator<Item = u64>) -> Option<u64> {
            let sum = sizes.try_fold(0u64, u64::checked_add)?;
            (sum > 0).then_some(sum)
        }
        let all_known = self.slots.iter().all(|slot| slot.bytes.is_some());
        let slots = sum(self.slots.iter().filter_map(|slot| slot.bytes));
        let ranges = sum(self.ranges.iter().map(MappedRange::bytes));
        if all_known {
            slots.or(ranges)
        } else {
            ranges.or(slots)
        }
    }

    /// Manufacturer and product of the system, empty where not recorded.
    #[must_use]
    pub fn maker_and_product(&self) -> (&str, &str) {
        let text = |field: fn(&SystemInformation) -> &Option<String>| {
            self.system
                .as_ref()
                .and_then(|system| field(system).as_deref())
                .unwrap_or_default()
        };
        (text(|s| &s.manufacturer), text(|s| &s.product))
    }
}
