//! ACPI table headers of the machine. Small dumps carry the head of each table; the physical tables are whole.
//! Layout: ACPI 6.4, section 5.2.6; identities as boot logs of Hyper-V guests print them.

use super::strings;
use crate::bytes::Bytes;
use crate::scenario::{FirmwareKind, Scenario};

/// Bytes of a table header.
pub const HEAD: usize = 36;

/// Names and lengths of the tables, with their revisions.
fn tables(kind: FirmwareKind) -> Vec<(&'static str, u32, u8)> {
    match kind {
        FirmwareKind::HyperVGen1 => vec![
            ("FACP", 0xf4, 3),
            ("WAET", 0x28, 1),
            ("SLIC", 0x176, 1),
            ("OEM0", 0x64, 1),
            ("SRAT", 0x130, 2),
            ("APIC", 0x452, 1),
            ("OEMB", 0x64, 1),
        ],
        FirmwareKind::HyperVGen2 => {
            vec![
                ("FACP", 0x114, 6),
                ("APIC", 0x58, 4),
                ("OEM0", 0x64, 1),
                ("WAET", 0x28, 1),
                ("BGRT", 0x38, 1),
            ]
        }
        FirmwareKind::Other => vec![("FACP", 0x10c, 5), ("APIC", 0x72, 3), ("MCFG", 0x3c, 1)],
    }
}

/// A whole table, with its checksum.
pub fn table(scenario: &Scenario, name: &str, length: u32, revision: u8) -> Vec<u8> {
    let s = strings(scenario);
    let mut b = Bytes::zeroed(length as usize);
    b.put(0, name.as_bytes());
    b.u32(4, length);
    b.u8(8, revision);
    let fixed = |text: &str, n: usize| {
        let mut bytes = text.as_bytes().to_vec();
        bytes.resize(n, b' ');
        bytes
    };
    b.put(10, &fixed(&s.acpi.0, 6));
    b.put(16, &fixed(&s.acpi.1, 8));
    // SRAT keeps revision 1 on Generation 1 guests.
    b.u32(24, if name == "SRAT" { 1 } else { s.acpi.2 });
    b.put(28, b"MSFT");
    b.u32(32, 0x97);
    let sum = b.as_slice().iter().fold(0_u8, |a, x| a.wrapping_add(*x));
    b.u8(9, 0_u8.wrapping_sub(sum));
    b.into_vec()
}

/// Every table, whole.
pub fn whole(scenario: &Scenario) -> Vec<(String, Vec<u8>)> {
    if !scenario.firmware.acpi.is_empty() {
        let given = scenario.firmware.acpi.iter();
        let name = |t: &Vec<u8>| String::from_utf8_lossy(&t[..4]).into_owned();
        return given.map(|t| (name(t), t.clone())).collect();
    }
    tables(scenario.firmware.kind)
        .into_iter()
        .map(|(name, length, revision)| (name.to_owned(), table(scenario, name, length, revision)))
        .collect()
}

/// The beginning of every table as the secondary data holds it: the head and 8 bytes.
pub fn heads(scenario: &Scenario) -> Vec<u8> {
    whole(scenario)
        .iter()
        .flat_map(|(_, t)| t[..HEAD + 8.min(t.len() - HEAD)].to_vec())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_table_sums_to_zero_and_names_its_maker() {
        for (name, t) in whole(&Scenario::default()) {
            assert_eq!(t.iter().fold(0_u8, |a, b| a.wrapping_add(*b)), 0, "{name}");
            assert_eq!(&t[10..16], b"VRTUAL");
        }
    }
}
