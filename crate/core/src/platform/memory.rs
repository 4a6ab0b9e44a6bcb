//! Installed memory, as the firmware lists it (SMBIOS types 17 and 19). In a virtual machine it
//! is what the host gave it when it was powered on.

use super::identify::PlatformFacts;
use super::smbios::{MemorySlot, Smbios};
use crate::model::{Hex, Memory, MemoryDevice};
use alloc::{format, string::String, vec::Vec};

/// The part of the report on memory that firmware can answer.
#[must_use]
pub fn memory(facts: &PlatformFacts) -> Memory {
    let Some(smbios) = &facts.smbios else {
        return Memory {
            limits: [String::from(
                "The dump holds no SMBIOS table, so installed memory is not recorded there.",
            )]
            .into(),
            ..Memory::default()
        };
    };
    Memory {
        installed_bytes: smbios.installed_bytes().map(Hex),
        devices: devices(smbios),
        ..Memory::default()
    }
}

fn devices(smbios: &Smbios) -> Vec<MemoryDevice> {
    let device = |slot: &MemorySlot| {
        let bytes = slot.bytes?;
        // What makers write about an empty slot is noise.
        let filled = bytes > 0;
        Some(MemoryDevice {
            locator: locator(slot, &smbios.slots),
            bytes: Hex(bytes),
            speed: slot.speed.filter(|_| filled),
            kind: slot.kind.filter(|_| filled),
            manufacturer: slot.manufacturer.clone().filter(|_| filled),
            part: slot.part.clone().filter(|_| filled),
        })
    };
    smbios.slots.iter().filter_map(device).collect()
}

/// What is printed beside the slot, with its bank where others are printed alike.
fn locator(slot: &MemorySlot, all: &[MemorySlot]) -> String {
    let name = slot.locator.as_deref().unwrap_or("?");
    let alike = all.iter().filter(|s| s.locator == slot.locator).count();
    match &slot.bank {
        Some(bank) if alike > 1 => format!("{name} ({bank})"),
        _ => name.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::smbios::build::Table;
    use crate::platform::testing::{self, SMBIOS};
    use crate::platform::{PlatformInputs, identify};

    fn of(smbios: Option<&[u8]>) -> Memory {
        memory(&identify(&PlatformInputs {
            smbios,
            ..PlatformInputs::default()
        }))
    }

    #[test]
    fn filled_and_empty_slots_are_listed_and_summed() {
        let table = Table::default()
            .slot("DIMM 0", 0x4000, 0, 0x1A, 3200)
            .slot("DIMM 1", 0, 0, 0x1A, 3200);
        let found = of(Some(&table.blob()));
        assert_eq!(found.installed_bytes, Some(Hex(16 << 30)));
        assert_eq!(found.devices[0].kind, Some("DDR4"));
        assert_eq!(found.devices[0].part.as_deref(), Some("PART-1"));
        let empty = &found.devices[1];
        assert_eq!((empty.bytes, empty.kind, empty.speed), (Hex(0), None, None));
    }

    #[test]
    fn without_smbios_the_report_says_why_there_is_nothing() {
        let found = of(None);
        assert_eq!(found.installed_bytes, None);
        assert_eq!(found.limits.len(), 1);
    }

    #[test]
    fn slots_printed_alike_are_told_apart_by_their_banks() {
        for dump in testing::dumps() {
            let found = of(dump.blob(SMBIOS));
            let mut names: Vec<_> = found.devices.iter().map(|d| &d.locator).collect();
            let count = names.len();
            names.sort();
            names.dedup();
            assert_eq!(names.len(), count, "{}", dump.name);
            let sum: u64 = found.devices.iter().map(|d| d.bytes.0).sum();
            assert_eq!(Some(Hex(sum)).filter(|h| h.0 > 0), found.installed_bytes);
        }
    }
}
