extern crate std;

use super::build::Table;
use super::*;
use crate::knowledge::version::Day;
use crate::platform::testing::{self, SMBIOS, damaged};
use alloc::{borrow::ToOwned, format};

fn machine() -> Table {
    Table::default()
        .firmware("Fabrikam Firmware", "1.20", "03/09/2021", false)
        .system("Fabrikam", "Model T", "B", "Workhorse")
        .board("Fabrikam", "Board 7")
        .chassis("Fabrikam", "")
}

#[test]
fn strings_are_found_by_their_numbers() {
    let smbios = Smbios::from_blob(&machine().blob()).unwrap();
    assert_eq!(smbios.version, Some((3, 1)));
    assert_eq!(smbios.condition, Condition::Complete);
    assert_eq!(smbios.maker_and_product(), ("Fabrikam", "Model T"));
    let firmware = smbios.firmware.unwrap();
    assert_eq!(firmware.version.as_deref(), Some("1.20"));
    assert_eq!(firmware.date, Day::new(2021, 3, 9));
    assert_eq!(firmware.virtual_machine, Some(false));
    let system = smbios.system.unwrap();
    assert_eq!(system.family.as_deref(), Some("Workhorse"));
    assert_eq!(system.uuid, None, "all zero is no UUID");
    assert_eq!(smbios.board.unwrap().product.as_deref(), Some("Board 7"));
    assert_eq!(smbios.chassis.unwrap().asset_tag, None);
}

#[test]
fn memory_sizes_follow_their_three_encodings() {
    let table = Table::default()
        .slot("DIMM 1", 0x4000, 0, 0x1A, 3200)
        .slot("DIMM 2", 0x7FFF, 65_536, 0x22, 4800)
        .slot("DIMM 3", 0x8000 | 512, 0, 0x0F, 0)
        .slot("DIMM 4", 0, 0, 0x02, 0);
    let smbios = Smbios::from_table(&table.clone().table(), None).unwrap();
    let sizes: Vec<_> = smbios.slots.iter().map(|s| s.bytes).collect();
    let gib = 1u64 << 30;
    assert_eq!(
        sizes,
        [Some(16 * gib), Some(64 * gib), Some(512 << 10), Some(0)]
    );
    let kinds: Vec<_> = smbios.slots.iter().map(|s| (s.kind, s.speed)).collect();
    assert_eq!(
        kinds,
        [
            (Some("DDR4"), Some(3200)),
            (Some("DDR5"), Some(4800)),
            (Some("SDRAM"), None),
            (None, None)
        ]
    );
    assert_eq!(smbios.slots[0].manufacturer, None, "`Unknown` is no name");
    assert_eq!(smbios.installed_bytes(), Some(80 * gib + (512 << 10)));

    // One socket that does not know what is in it: the mapped range says more.
    let unknown = table.slot("DIMM 5", 0xFFFF, 0, 2, 0).range(0, 0x7FF_FFFF);
    let smbios = Smbios::from_table(&unknown.table(), None).unwrap();
    assert_eq!(smbios.installed_bytes(), Some(128 * gib));
}

#[test]
fn a_blanked_serial_number_hides_nothing_behind_it() {
    for filler in [b' ', 0] {
        let mut blob = machine().slot("A", 0x2000, 0, 0x1A, 2666).blob();
        let at = blob.windows(9).position(|w| w == b"0000-1111").unwrap();
        blob[at..at + 9].fill(filler);
        let smbios = Smbios::from_blob(&blob).unwrap();
        assert_eq!(smbios.maker_and_product(), ("Fabrikam", "Model T"));
        assert_eq!(smbios.system.clone().unwrap().serial, None);
        assert_eq!(smbios.installed_bytes(), Some(8 << 30), "filler {filler}");
        let resumed = smbios.condition == Condition::Resumed;
        assert_eq!(resumed, filler == 0);
    }
}

#[test]
fn a_table_that_stops_short_says_so() {
    let cut = machine().unfinished();
    let smbios = Smbios::from_table(&cut, None).unwrap();
    assert_eq!(smbios.condition, Condition::Complete, "ends on a boundary");
    let mut broken = cut.clone();
    broken.extend([17, 2, 1, 0, 0, 0]);
    let smbios = Smbios::from_table(&broken, None).unwrap();
    assert_eq!(smbios.condition, Condition::Partial);
    assert_eq!(
        Smbios::from_blob(&[0, 3]),
        Err(SmbiosError::TooShort { found: 2 })
    );
    assert_eq!(Smbios::from_blob(&[0; 64]), Err(SmbiosError::NoStructures));
}

#[test]
fn damaged_tables_neither_panic_nor_grow() {
    let blob = machine()
        .slot("A", 0x2000, 0, 0x1A, 2666)
        .range(0, 9)
        .blob();
    damaged(&blob, |bytes| {
        if let Ok(smbios) = Smbios::from_blob(bytes) {
            assert!(smbios.slots.len() <= 1 + bytes.len() / 4);
            let _ = smbios.installed_bytes();
        }
    });
}

/// Real machines: build and time of the dump, then what the firmware says.
const REAL: [(&str, &str, &str, &str, &str, u64); 6] = [
    (
        "w10-19041-x64-1a.dmp",
        "ASUS",
        "System Product Name",
        "2801",
        "09/08/2023",
        32,
    ),
    (
        "w10-19041-x64-50.dmp",
        "ASUS",
        "System Product Name",
        "2801",
        "09/08/2023",
        32,
    ),
    (
        "w10-19041-x64-1c7.dmp",
        "Dell Inc.",
        "Vostro 3020 T",
        "1.12.0",
        "01/30/2024",
        16,
    ),
    (
        "w11-22000-arm64-1c8.dmp",
        "SAMSUNG ELECTRONICS CO., LTD.",
        "Galaxy Book Go (Wi-Fi)",
        "P00AJW.028.210506.WY.1858",
        "05/ 6/2021",
        4,
    ),
    (
        "w11-26100-x64-65.dmp",
        "AZW",
        "EQ",
        "FP7T107",
        "08/09/2024",
        24,
    ),
    (
        "111217-27671-01.dmp",
        "SAMSUNG ELECTRONICS CO., LTD.",
        "670Z5E",
        "P05ADG.010.140421.SH",
        "04/21/2014",
        8,
    ),
];

#[test]
fn real_dumps_name_their_machines() {
    for dump in testing::dumps() {
        let Some(row) = REAL.iter().find(|row| row.0 == dump.name) else {
            continue;
        };
        let smbios = Smbios::from_blob(dump.blob(SMBIOS).unwrap()).unwrap();
        assert_eq!(smbios.condition, Condition::Complete, "{}", dump.name);
        assert_eq!(smbios.maker_and_product(), (row.1, row.2), "{}", dump.name);
        let firmware = smbios.firmware.clone().unwrap();
        assert_eq!(firmware.version.as_deref(), Some(row.3), "{}", dump.name);
        assert_eq!(firmware.date_text.as_deref(), Some(row.4), "{}", dump.name);
        assert!(firmware.date.is_some(), "{}", dump.name);
        assert_eq!(smbios.installed_bytes(), Some(row.5 << 30), "{}", dump.name);
        let mapped: u64 = smbios.ranges.iter().map(MappedRange::bytes).sum();
        assert_eq!(mapped, row.5 << 30, "{}", dump.name);
    }
}

#[test]
fn a_real_hyper_v_table_is_read_beyond_the_gap_in_it() {
    let Some(corpus) = testing::corpus() else {
        return;
    };
    let table = std::fs::read(corpus.join("smbios/hyper-v-gen1-090008.dmi")).unwrap();
    let json = std::fs::read(corpus.join("smbios/hyper-v-gen1-090008.json")).unwrap();
    let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
    let said = |section: &str, field: &str| json[section][field].as_str().unwrap().to_owned();
    let smbios = Smbios::from_table(&table, Some((2, 3))).unwrap();

    let firmware = smbios.firmware.clone().unwrap();
    let system = smbios.system.clone().unwrap();
    assert_eq!(firmware.vendor, Some(said("BIOSInformation", "Vendor")));
    assert_eq!(firmware.version, Some(said("BIOSInformation", "Version")));
    assert_eq!(
        firmware.date_text,
        Some(said("BIOSInformation", "ReleaseDate"))
    );
    assert_eq!(
        system.manufacturer,
        Some(said("SystemInformation", "Manufacturer"))
    );
    assert_eq!(
        system.product,
        Some(said("SystemInformation", "ProductName"))
    );
    assert_eq!(
        system.serial,
        Some(said("SystemInformation", "SerialNumber"))
    );
    assert_eq!(
        system.uuid.map(|uuid| format!("{uuid}")),
        Some(said("SystemInformation", "UUID"))
    );
    assert_eq!(smbios.oem_strings.len(), 3);
    assert_eq!(smbios.condition, Condition::Resumed);
    assert!(
        !smbios.processors.is_empty(),
        "processors lie behind the gap"
    );
    damaged(&table, |bytes| {
        let _ = Smbios::from_table(bytes, None);
    });
}

#[test]
fn a_uuid_is_written_as_windows_writes_it() {
    let bytes: Vec<u8> = (0..16).collect();
    let uuid = Uuid(bytes.try_into().unwrap());
    assert_eq!(format!("{uuid}"), "03020100-0504-0706-0809-0a0b0c0d0e0f");
}
