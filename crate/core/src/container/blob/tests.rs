use super::*;
use crate::source::Slice;
use alloc::vec;

fn blob_bytes(tag: Guid, data: &[u8], post_pad: u32) -> Vec<u8> {
    let mut bytes = 0x20_u32.to_le_bytes().to_vec();
    bytes.extend(tag.0);
    bytes.extend((data.len() as u32).to_le_bytes());
    bytes.extend(0_u32.to_le_bytes());
    bytes.extend(post_pad.to_le_bytes());
    bytes.extend(data);
    bytes.extend(vec![0xCC; post_pad as usize]);
    bytes
}

fn region(blobs: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = vec![0xEE; 0x30];
    bytes.extend(b"DumpBlob");
    bytes.extend(0x10_u32.to_le_bytes());
    bytes.extend(0xF000_65F4_u32.to_le_bytes());
    bytes.extend(blobs.iter().flatten());
    bytes
}

#[test]
fn blobs_are_found_behind_padding_and_empty_ones_skipped() {
    let file = region(&[
        blob_bytes(tag::ACPI, b"abc", 5),
        blob_bytes(Guid([0; 16]), b"", 0),
        blob_bytes(tag::SMBIOS, b"smbios", 0),
        vec![0; 0x40],
    ]);
    let source = Slice(&file);
    let data = walk(&source, 0x30).unwrap().unwrap();
    assert_eq!((data.build, data.cut, data.blobs.len()), (26100, false, 2));
    assert_eq!(
        data.data(&source, tag::SMBIOS).unwrap().as_deref(),
        Some(&b"smbios"[..])
    );
    assert_eq!(data.data(&source, tag::REGISTERS).unwrap(), None);
    assert_eq!(walk(&source, 0).unwrap(), None);
    assert_eq!(walk(&source, u64::MAX).unwrap(), None);
}

#[test]
fn a_blob_that_the_file_cuts_is_listed_as_cut() {
    let file = region(&[blob_bytes(tag::ACPI, &[7; 64], 0)]);
    let short = Slice(&file[..file.len() - 60]);
    let data = walk(&short, 0x30).unwrap().unwrap();
    assert!(data.cut && data.blobs[0].cut);
    assert_eq!(data.blobs[0].data(&short).unwrap(), [7; 4]);
}

#[test]
fn registry_records_are_read_up_to_the_first_that_does_not_fit() {
    let wide = |text: &str| -> Vec<u8> {
        text.encode_utf16()
            .chain([0])
            .flat_map(u16::to_le_bytes)
            .collect()
    };
    let record = |name: &str, kind: u32, value: &[u8]| {
        let mut bytes = Vec::new();
        for part in [&wide(name)[..], &kind.to_le_bytes(), value] {
            if part.len() != 4 || part != kind.to_le_bytes() {
                bytes.extend((part.len() as u32).to_le_bytes());
            }
            bytes.extend(part);
        }
        bytes
    };
    let mut data = record("~MHz", 4, &[0x22, 0x0A, 0]);
    assert!(matches!(
        registry_records(&data)[0].value,
        RegistryValue::Bytes(4, _)
    ));
    data = record("~MHz", 11, &2594_u64.to_le_bytes());
    data.extend(record("VendorIdentifier", 1, &wide("GenuineIntel")));
    let whole = data.len();
    data.extend([0xFF; 16]);
    let records = registry_records(&data);
    assert_eq!(records.len(), 2);
    assert_eq!(records[0].value, RegistryValue::Qword(2594));
    assert_eq!(records[1].value.text(), Some("GenuineIntel"));
    assert_eq!(registry_records(&data[..whole - 1]).len(), 1);
}

#[test]
fn a_chain_of_ntfs_records_that_loops_ends() {
    let mut data = vec![0; 0x200];
    data[4] = 0x40;
    data[0x40] = 2;
    data[0x42] = 0x80;
    data[0x44] = 0x40;
    data[0x5C..0x60].copy_from_slice(b"a.ex");
    let records = ntfs(&data).unwrap();
    assert!(records.len() < 600);
    assert!(matches!(&records[0], NtfsRecord::OplockBreak { owner, .. } if owner == "a.ex"));
}

#[test]
fn boot_status_of_an_unknown_form_is_refused() {
    let mut data = vec![0; 0xB0];
    data[0] = 0x40;
    assert_eq!(boot_status(&data), None);
    data[0] = 0xB0;
    data[0x34] = 23;
    assert_eq!(boot_status(&data).unwrap().last_boot_id, 23);
    assert_eq!(boot_status(&data[..0x50]).unwrap().power_button_time, None);
}
