//! Blocks of secondary data that drivers add to a dump: each carries a GUID, and this table says
//! which part of Windows wrote it and what it holds.
//!
//! Source: the tag table read off Windows 11 26100 images by the ntoseye project, Microsoft's
//! documentation of `KBUGCHECK_SECONDARY_DUMP_DATA`, and the blobs of real dumps.

use super::text;
use crate::knowledge::store::Table;

/// Blocks that other rooms decode; everything else is [`SecondaryId::Other`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SecondaryId {
    /// The SMBIOS table.
    Smbios,
    /// Registry values about firmware and processors.
    BiosValues,
    /// CPUID leaves and processor registers.
    Registers,
    /// ACPI tables.
    Acpi,
    /// PCI configuration space.
    PciConfiguration,
    /// Extra memory ranges of a triage dump.
    TriageMemory,
    /// Event tracing buffers.
    EventTrace,
    /// The hypervisor's own event log.
    HypervisorLog,
    /// The secure kernel's crash data.
    SecureKernel,
    /// Black box of the boot and shutdown data.
    BlackBoxBsd,
    /// Black box of NTFS.
    BlackBoxNtfs,
    /// Black box of Plug and Play.
    BlackBoxPnp,
    /// Black box of Winlogon.
    BlackBoxWinlogon,
    /// Black box of code integrity.
    BlackBoxCodeIntegrity,
    /// A block that nobody decodes yet.
    Other,
}

impl SecondaryId {
    fn from_word(word: &str) -> Option<SecondaryId> {
        Some(match word {
            "smbios" => SecondaryId::Smbios,
            "bios-values" => SecondaryId::BiosValues,
            "registers" => SecondaryId::Registers,
            "acpi" => SecondaryId::Acpi,
            "pci" => SecondaryId::PciConfiguration,
            "triage-memory" => SecondaryId::TriageMemory,
            "etw" => SecondaryId::EventTrace,
            "hypervisor-log" => SecondaryId::HypervisorLog,
            "secure-kernel" => SecondaryId::SecureKernel,
            "bb-bsd" => SecondaryId::BlackBoxBsd,
            "bb-ntfs" => SecondaryId::BlackBoxNtfs,
            "bb-pnp" => SecondaryId::BlackBoxPnp,
            "bb-winlogon" => SecondaryId::BlackBoxWinlogon,
            "bb-ci" => SecondaryId::BlackBoxCodeIntegrity,
            "other" => SecondaryId::Other,
            _ => return None,
        })
    }
}

/// What a block of secondary data is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SecondaryBlock {
    /// Which decoder it belongs to.
    pub id: SecondaryId,
    /// The part of Windows that wrote it, by symbol or module name.
    pub owner: &'static str,
    /// What it holds.
    pub holds: &'static str,
}

/// Looks a block up by its tag: the 16 bytes as they stand in the file (a GUID with its first
/// three fields little-endian).
pub fn block(tag: &[u8; 16]) -> Option<SecondaryBlock> {
    entries()
        .find(|(known, _)| known == tag)
        .map(|(_, block)| block)
}

fn entries() -> impl Iterator<Item = ([u8; 16], SecondaryBlock)> {
    text::lines(Table::Secondary.text()).filter_map(|line| {
        let (guid, rest) = text::word(line);
        let (id, rest) = text::word(rest);
        let (owner, holds) = text::word(rest);
        Some((
            parse_guid(guid)?,
            SecondaryBlock {
                id: SecondaryId::from_word(id)?,
                owner,
                holds,
            },
        ))
    })
}

/// A GUID in its usual spelling, as the bytes that stand in a file.
fn parse_guid(text: &str) -> Option<[u8; 16]> {
    // Where each byte of the text form lands: the first three fields are little-endian.
    const PLACE: [usize; 16] = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15];
    let mut digits = text.bytes().filter(|byte| *byte != b'-');
    let mut guid = [0u8; 16];
    for place in PLACE {
        let high = char::from(digits.next()?).to_digit(16)?;
        let low = char::from(digits.next()?).to_digit(16)?;
        *guid.get_mut(place)? = u8::try_from((high << 4) | low).ok()?;
    }
    digits.next().is_none().then_some(guid)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::knowledge::testing::assert_presentable;
    use alloc::collections::BTreeSet;

    #[test]
    fn every_line_is_read_sorted_and_presentable() {
        let lines: alloc::vec::Vec<_> = text::lines(Table::Secondary.text()).collect();
        assert_eq!(entries().count(), lines.len());
        assert!(lines.windows(2).all(|pair| pair[0] < pair[1]));
        let tags: BTreeSet<_> = entries().map(|(tag, _)| tag).collect();
        assert_eq!(tags.len(), lines.len());
        for (_, block) in entries() {
            assert_presentable("owner", block.owner);
            assert_presentable("holds", block.holds);
        }
    }

    #[test]
    fn the_firmware_table_is_found_by_the_bytes_of_its_tag() {
        let tag = [
            0x8f, 0x00, 0x5c, 0xbc, 0x3a, 0x1e, 0xd7, 0x44, 0x98, 0x8d, 0x86, 0xf6, 0x88, 0x4c,
            0x67, 0x58,
        ];
        assert_eq!(block(&tag).map(|block| block.id), Some(SecondaryId::Smbios));
        assert_eq!(block(&[0; 16]), None);
    }

    #[test]
    fn a_guid_of_the_wrong_length_is_refused() {
        assert_eq!(parse_guid("bc5c008f-1e3a-44d7-988d-86f6884c67"), None);
        assert_eq!(parse_guid("bc5c008f-1e3a-44d7-988d-86f6884c675800"), None);
    }
}
