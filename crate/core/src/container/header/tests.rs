use super::*;
use crate::source::Slice;
use alloc::{vec, vec::Vec};

/// A header of nothing but fill, with its signature.
fn blank(width: Width) -> Vec<u8> {
    let len = width.header_len() as usize;
    let mut bytes: Vec<u8> = FILL.iter().copied().cycle().take(len).collect();
    bytes[4..8].copy_from_slice(match width {
        Width::Bits32 => &VALID_32,
        Width::Bits64 => &VALID_64,
    });
    bytes
}

fn put(bytes: &mut [u8], offset: usize, value: &[u8]) {
    bytes[offset..offset + value.len()].copy_from_slice(value);
}

#[test]
fn what_was_never_written_reads_as_absent() {
    for width in [Width::Bits32, Width::Bits64] {
        let bytes = blank(width);
        let header = DumpHeader::read(&Slice(&bytes)).unwrap();
        assert_eq!(header.bugcheck_code, None);
        assert_eq!(header.parameters, [None; 4]);
        assert_eq!(header.kd_secondary_version, None);
        assert_eq!(header.comment, None);
        assert_eq!(header.physical_memory, None);
        assert_eq!((header.context, header.exception), (None, None));
        assert_eq!(header.attributes, Attributes(0));
        assert_eq!(header.kind(), Kind::UnknownKernel);
        let shown = header.fields();
        for field in &shown.fields[2..] {
            assert_eq!(
                (&field.value, field.gap),
                (&None, Some(crate::model::Gap::NotRecorded)),
                "{}",
                field.name
            );
        }
    }
}

#[test]
fn both_headers_give_their_fields() {
    let mut bytes = blank(Width::Bits64);
    put(&mut bytes, 0x38, &0x7A_u32.to_le_bytes());
    put(&mut bytes, 0x40, &1_u64.to_le_bytes());
    put(&mut bytes, 0xF98, &6_u32.to_le_bytes());
    put(&mut bytes, 0x1050, &0x40_u32.to_le_bytes());
    put(&mut bytes, 0xFB0, b"by hand\0");
    put(
        &mut bytes,
        0xFA8,
        &130_000_000_000_000_000_u64.to_le_bytes(),
    );
    let header = DumpHeader::read(&Slice(&bytes)).unwrap();
    assert_eq!(header.bugcheck_code, Some(0x7A));
    assert_eq!(header.parameters[0], Some(1));
    assert_eq!(header.kind(), Kind::Active);
    assert_eq!(header.comment.as_deref(), Some("by hand"));
    assert_eq!(
        header
            .fields()
            .fields
            .iter()
            .find(|f| f.name == "SystemTime")
            .unwrap()
            .meaning
            .as_deref(),
        Some("2012-12-14T23:06:40Z")
    );

    let mut bytes = blank(Width::Bits32);
    put(&mut bytes, 0x28, &0xD1_u32.to_le_bytes());
    put(&mut bytes, 0x20, &0x14C_u32.to_le_bytes());
    put(&mut bytes, 0xF88, &2_u32.to_le_bytes());
    put(&mut bytes, 0x5C, &[1]);
    let header = DumpHeader::read(&Slice(&bytes)).unwrap();
    assert_eq!(header.bugcheck_code, Some(0xD1));
    assert_eq!(header.pae, Some(true));
    assert_eq!(header.kind(), Kind::KernelSummary);
}

#[test]
fn a_lying_run_count_gives_only_the_runs_that_fit() {
    let mut bytes = blank(Width::Bits64);
    put(&mut bytes, 0x88, &u32::MAX.to_le_bytes());
    put(&mut bytes, 0x90, &3_u64.to_le_bytes());
    put(&mut bytes, 0x98, &[0; 32 * 16]);
    let header = DumpHeader::read(&Slice(&bytes)).unwrap();
    let memory = header.physical_memory.unwrap();
    assert_eq!(memory.runs.len(), 32);
    assert!(!memory.adds_up());
}

#[test]
fn every_prefix_of_a_header_is_read_as_far_as_it_goes() {
    let mut bytes = blank(Width::Bits64);
    put(&mut bytes, 0x38, &0x7A_u32.to_le_bytes());
    for len in 8..bytes.len() {
        let header = DumpHeader::read(&Slice(&bytes[..len])).unwrap();
        assert!(header.is_cut_short());
        assert_eq!(header.bugcheck_code, (len >= 0x3C).then_some(0x7A));
    }
    assert!(DumpHeader::read(&Slice(&bytes[..7])).is_err());
    assert_eq!(
        DumpHeader::read(&Slice(&vec![1; 9000])),
        Err(HeaderError::Signature { found: [1; 8] })
    );
}
