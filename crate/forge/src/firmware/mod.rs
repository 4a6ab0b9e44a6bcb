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
    let usual = usual(f.kind);
    let pick =
        |value: &Option<String>, default: &str| value.clone().unwrap_or_else(|| default.into());
    let version = pick(&f.version, usual.version);
    let date = pick(&f.date, usual.date);
    let revision = match f.kind {
        FirmwareKind::HyperVGen1 => revision_of(&date),
        _ => 1,
    };
    // Generation 2 repeats its firmware version as the system's.
    let system_version = if usual.system_version.is_empty() {
        &version
    } else {
        usual.system_version
    };
    Strings {
        system: [
            pick(&f.manufacturer, usual.maker),
            pick(&f.product, usual.product),
            pick(&f.system_version, system_version),
            pick(&f.serial, usual.serial),
        ],
        bios: [pick(&f.vendor, usual.vendor), version, date],
        asset_tag: pick(&f.asset_tag, usual.serial),
        acpi: (
            pick(&f.acpi_oem, usual.acpi.0),
            usual.acpi.1.into(),
            f.acpi_revision.map_or(revision, |n| n.0 as u32),
        ),
        smbios: usual.smbios,
    }
}

/// What a kind of firmware says when a scenario does not.
struct Usual {
    vendor: &'static str,
    version: &'static str,
    date: &'static str,
    maker: &'static str,
    product: &'static str,
    system_version: &'static str,
    serial: &'static str,
    acpi: (&'static str, &'static str),
    smbios: (u8, u8),
}

fn usual(kind: FirmwareKind) -> Usual {
    let guest = Usual {
        vendor: "American Megatrends Inc.",
        version: "090006 ",
        date: "05/23/2012",
        maker: "Microsoft Corporation",
        product: "Virtual Machine",
        system_version: "7.0",
        serial: "0000-0000-1111-2222-3333-4444-55",
        acpi: ("VRTUAL", "MICROSFT"),
        smbios: (2, 3),
    };
    match kind {
        FirmwareKind::HyperVGen1 => guest,
        FirmwareKind::HyperVGen2 => Usual {
            vendor: "Microsoft Corporation",
            version: "Hyper-V UEFI Release v1.0",
            date: "11/26/2012",
            system_version: "",
            smbios: (2, 4),
            ..guest
        },
        FirmwareKind::Other => Usual {
            vendor: "Forge Firmware",
            version: "1.0",
            maker: "Forge",
            product: "Anvil",
            system_version: "1",
            serial: "FORGE-1",
            acpi: ("FORGE ", "ANVIL   "),
            smbios: (2, 8),
            ..guest
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
