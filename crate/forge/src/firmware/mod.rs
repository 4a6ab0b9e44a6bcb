//! Firmware tables of the invented machine: SMBIOS, ACPI and processor identification.

pub mod acpi;
pub mod cpuid;
pub mod smbios;

use crate::scenario::{FirmwareKind, Scenario};

/// Firmware strings decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Strings {
    /// BIOS vendor, version, date.
    pub bios: [String; 3],
    /// Manufacturer, product, version, serial number of the system.
    pub system: [String; 4],
    /// Chassis asset tag.
    pub asset_tag: String,
    /// ACPI OEM id, table id, revision.
    pub acpi: (String, String, u32),
    /// SMBIOS version.
    pub smbios: (u8, u8),
}

/// The strings of a scenario: those of the kind, with what the scenario says instead.
/// Source: samples of Generation 1 and 2 guests (go-smbios, LKML boot logs); the ACPI revision's digits are the BIOS date.
pub fn strings(scenario: &Scenario) -> Strings {
    let f = &scenario.firmware;
    let pick =
        |value: &Option<String>, default: &str| value.clone().unwrap_or_else(|| default.into());
    let date = pick(
        &f.date,
        if f.kind == FirmwareKind::HyperVGen2 {
            "11/26/2012"
        } else {
            "05/23/2012"
        },
    );
    let revision = f.acpi_revision.map_or_else(
        || {
            if f.kind == FirmwareKind::HyperVGen1 {
                revision_of(&date)
            } else {
                1
            }
        },
        |n| n.0 as u32,
    );
    let serial = "0000-0000-1111-2222-3333-4444-55";
    match f.kind {
        FirmwareKind::HyperVGen1 => Strings {
            bios: [
                pick(&f.vendor, "American Megatrends Inc."),
                pick(&f.version, "090006 "),
                date,
            ],
            system: [
                pick(&f.manufacturer, "Microsoft Corporation"),
                pick(&f.product, "Virtual Machine"),
                pick(&f.system_version, "7.0"),
                pick(&f.serial, serial),
            ],
            asset_tag: pick(&f.asset_tag, serial),
            acpi: (pick(&f.acpi_oem, "VRTUAL"), "MICROSFT".into(), revision),
            smbios: (2, 3),
        },
        FirmwareKind::HyperVGen2 => {
            let version = pick(&f.version, "Hyper-V UEFI Release v1.0");
            Strings {
                bios: [
                    pick(&f.vendor, "Microsoft Corporation"),
                    version.clone(),
                    date,
                ],
                system: [
                    pick(&f.manufacturer, "Microsoft Corporation"),
                    pick(&f.product, "Virtual Machine"),
                    pick(&f.system_version, &version),
                    pick(&f.serial, serial),
                ],
                asset_tag: pick(&f.asset_tag, serial),
                acpi: (pick(&f.acpi_oem, "VRTUAL"), "MICROSFT".into(), revision),
                smbios: (2, 4),
            }
        }
        FirmwareKind::Other => Strings {
            bios: [
                pick(&f.vendor, "Forge Firmware"),
                pick(&f.version, "1.0"),
                date,
            ],
            system: [
                pick(&f.manufacturer, "Forge"),
                pick(&f.product, "Anvil"),
                pick(&f.system_version, "1"),
                pick(&f.serial, "FORGE-1"),
            ],
            asset_tag: pick(&f.asset_tag, ""),
            acpi: (pick(&f.acpi_oem, "FORGE "), "ANVIL   ".into(), revision),
            smbios: (2, 8),
        },
    }
}

/// `05/23/2012` as the hexadecimal digits 05 0012 23 of an ACPI OEM revision.
fn revision_of(date: &str) -> u32 {
    let mut parts = date.split('/').map(|p| p.parse::<u32>().unwrap_or(0));
    let (month, day, year) = (
        parts.next().unwrap_or(0),
        parts.next().unwrap_or(0),
        parts.next().unwrap_or(0),
    );
    let digits = format!("{month:02}{:04}{day:02}", year % 100);
    u32::from_str_radix(&digits, 16).unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_acpi_revision_of_a_generation_1_guest_spells_its_bios_date() {
        assert_eq!(revision_of("05/23/2012"), 0x0500_1223);
        assert_eq!(revision_of("12/07/2018"), 0x1200_1807);
        assert_eq!(strings(&Scenario::default()).acpi.2, 0x0500_1223);
    }
}
