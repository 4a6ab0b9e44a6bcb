//! ACPI tables: who built the firmware's description of the machine. A hypervisor signs its own
//! tables, which is a second witness beside SMBIOS and the only one where a virtual machine has
//! no SMBIOS at all (the utility machines of Windows containers and of WSL2).
//!
//! Windows adds to dumps (secondary data `e83b40d2-b0a0-4842-abea-71c9e3463dd1`) the tables one
//! behind the other, each cut to a few dozen bytes, and how many differs from dump to dump. So
//! the next table is where the next header is.
//!
//! Source: ACPI specification, "System Description Table Header"; the cutting was seen in dumps of
//! builds 9600, 19041, 22000 and 26100. What Hyper-V writes: public boot logs of its guests.

use super::bytes::{array_at, u8_at, u32_at};
use crate::knowledge::integration::day_from_acpi_revision;
use crate::knowledge::version::Day;
use alloc::{borrow::ToOwned, string::String, vec::Vec};

mod at {
    //! Offsets in the header that every table has.
    pub const LENGTH: usize = 4;
    pub const REVISION: usize = 8;
    pub const OEM_ID: usize = 10;
    pub const OEM_TABLE_ID: usize = 16;
    pub const OEM_REVISION: usize = 24;
    pub const CREATOR_ID: usize = 28;
    pub const CREATOR_REVISION: usize = 32;
}
/// Bytes of the header.
const HEADER: usize = 36;
/// Most tables that are kept.
const MAX_TABLES: usize = 256;
/// Longest table that is believed.
const MAX_LENGTH: u32 = 16 << 20;

/// The header of one table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AcpiTable {
    /// Four characters, e.g. `FACP`.
    pub signature: String,
    /// Length that the header states, bytes; the dump has fewer of them.
    pub length: u32,
    /// Revision of the table's layout.
    pub revision: u8,
    /// Who built it.
    pub oem_id: String,
    /// Their name for it.
    pub oem_table_id: String,
    /// Their revision of it.
    pub oem_revision: u32,
    /// Who made the tool that built it.
    pub creator_id: String,
    /// Revision of that tool.
    pub creator_revision: u32,
}

/// Reads the headers of all tables, in the order of the dump.
#[must_use]
pub fn tables(data: &[u8]) -> Vec<AcpiTable> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(rest) = data.get(at..) {
        if found.len() >= MAX_TABLES || rest.len() < HEADER {
            break;
        }
        match AcpiTable::read(rest) {
            Some(table) => {
                found.push(table);
                at += HEADER;
            }
            None => at += 1,
        }
    }
    found
}

impl AcpiTable {
    fn read(data: &[u8]) -> Option<Self> {
        let signature: [u8; 4] = array_at(data, 0)?;
        let named = |b: &u8| b.is_ascii_uppercase() || b.is_ascii_digit() || *b == b'_';
        let length = u32_at(data, at::LENGTH)?;
        // A table's body may hold anything, so a header is believed only with all its marks.
        if !signature.iter().all(named)
            || !(u32::try_from(HEADER).ok()?..=MAX_LENGTH).contains(&length)
        {
            return None;
        }
        Some(Self {
            signature: text(&signature)?,
            length,
            revision: u8_at(data, at::REVISION)?,
            oem_id: text(&array_at::<6>(data, at::OEM_ID)?)?,
            oem_table_id: text(&array_at::<8>(data, at::OEM_TABLE_ID)?)?,
            oem_revision: u32_at(data, at::OEM_REVISION)?,
            creator_id: text(&array_at::<4>(data, at::CREATOR_ID)?)?,
            creator_revision: u32_at(data, at::CREATOR_REVISION)?,
        })
    }

    /// Whether Hyper-V built this table.
    #[must_use]
    pub fn is_hyper_v(&self) -> bool {
        (self.oem_id == "VRTUAL" && self.oem_table_id.starts_with("MICROSFT"))
            || self.oem_id == "MSFTVM"
    }

    /// The build date of a Generation 1 firmware of Hyper-V, which its tables carry as their OEM
    /// revision. Generation 2 and utility machines have the revision 1 there.
    #[must_use]
    pub fn hyper_v_firmware_day(&self) -> Option<Day> {
        if !self.is_hyper_v() {
            return None;
        }
        day_from_acpi_revision(self.oem_revision)
    }
}

/// Printable text without padding; `None` when there are other bytes in it.
fn text(raw: &[u8]) -> Option<String> {
    let text = core::str::from_utf8(raw).ok()?;
    let printable = |c: char| c == '\0' || c == ' ' || c.is_ascii_graphic();
    text.chars()
        .all(printable)
        .then(|| text.trim_matches(['\0', ' ']).to_owned())
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::platform::testing::{self, ACPI, damaged};
    use alloc::vec;

    /// A table whose body is cut to `body` bytes.
    pub(crate) fn table(
        signature: &str,
        oem: &str,
        id: &str,
        revision: u32,
        body: &[u8],
    ) -> Vec<u8> {
        let mut bytes = vec![];
        bytes.extend(signature.as_bytes());
        bytes.extend(0x114u32.to_le_bytes());
        bytes.extend([3, 0x5A]);
        for (text, length) in [(oem, 6), (id, 8)] {
            let mut field = text.as_bytes().to_vec();
            field.resize(length, 0);
            bytes.extend(field);
        }
        bytes.extend(revision.to_le_bytes());
        bytes.extend(*b"MSFT");
        bytes.extend(0x97u32.to_le_bytes());
        bytes.extend(body);
        bytes
    }

    #[test]
    fn tables_are_found_however_they_are_cut() {
        for cut in [0, 16, 33, 84] {
            let body = vec![0xE0; cut];
            let mut data = table("FACP", "VRTUAL", "MICROSFT", 0x0500_1223, &body);
            data.extend(table("WAET", "VRTUAL", "MICROSFT", 0x0500_1223, &body));
            data.extend(table("SRAT", "VRTUAL", "MICROSFT", 1, &[]));
            let found = tables(&data);
            let names: Vec<_> = found.iter().map(|t| t.signature.as_str()).collect();
            assert_eq!(names, ["FACP", "WAET", "SRAT"], "cut {cut}");
            assert_eq!(found[0].hyper_v_firmware_day(), Day::new(2012, 5, 23));
            assert_eq!(found[2].hyper_v_firmware_day(), None);
            assert!(found[2].is_hyper_v());
        }
    }

    #[test]
    fn the_dates_of_known_firmware_are_read_from_hexadecimal_digits() {
        for (revision, year, month, day) in [
            (0x0500_1223, 2012, 5, 23),
            (0x1200_1807, 2018, 12, 7),
            (0x0600_1702, 2017, 6, 2),
            (0x0300_0919, 2009, 3, 19),
        ] {
            let data = table("FACP", "VRTUAL", "MICROSFT", revision, &[]);
            let found = tables(&data);
            assert_eq!(found[0].hyper_v_firmware_day(), Day::new(year, month, day));
        }
    }

    #[test]
    fn real_dumps_list_their_tables_and_none_is_hyper_vs() {
        let expected = [
            ("111217-27671-01.dmp", 13),
            ("w10-19041-x64-1a.dmp", 28),
            ("w10-19041-x64-1c7.dmp", 30),
            ("w10-19041-x64-7e.dmp", 17),
            ("w11-22000-arm64-1c8.dmp", 13),
            ("w11-26100-x64-65.dmp", 27),
        ];
        for dump in testing::dumps() {
            let data = dump.blob(ACPI).unwrap();
            let found = tables(data);
            if let Some((_, count)) = expected.iter().find(|(name, _)| *name == dump.name) {
                assert_eq!(found.len(), *count, "{}", dump.name);
            }
            assert!(found.iter().any(|t| t.signature == "FACP"), "{}", dump.name);
            assert!(!found.iter().any(AcpiTable::is_hyper_v), "{}", dump.name);
        }
    }

    #[test]
    fn damaged_tables_neither_panic_nor_grow() {
        let mut data = table("FACP", "VRTUAL", "MICROSFT", 1, &[0; 16]);
        data.extend(table("DSDT", "MSFTVM", "DSDT01", 1, &[0; 16]));
        damaged(&data, |bytes| {
            assert!(tables(bytes).len() <= bytes.len() / 36)
        });
    }
}
