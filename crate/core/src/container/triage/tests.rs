use super::*;
use crate::container::header::VALID_64;
use alloc::vec;

fn put(bytes: &mut [u8], offset: usize, value: &[u8]) {
    bytes[offset..offset + value.len()].copy_from_slice(value);
}

fn put32(bytes: &mut [u8], offset: usize, value: u32) {
    put(bytes, offset, &value.to_le_bytes());
}

fn put64(bytes: &mut [u8], offset: usize, value: u64) {
    put(bytes, offset, &value.to_le_bytes());
}

fn wide(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// A minidump of 0x4000 bytes with one driver, one unloaded driver, a stack and two blocks.
fn minidump() -> Vec<u8> {
    let mut file = vec![0; 0x4000];
    put(&mut file, 0, b"PAGE");
    put(&mut file, 4, &VALID_64);
    put32(&mut file, 0xF98, 4);
    let header = 0x2000;
    for (offset, value) in [
        (0x04, 0x4000),
        (0x08, 0x3FFC),
        (0x18, 0x2100),
        (0x1C, 0x2200),
        (0x28, 0x2800),
        (0x2C, 0x100),
        (0x30, 0x2300),
        (0x34, 1),
        (0x38, 0x2400),
        (0x3C, 0x100),
        (0x40, 0x2400),
        (0x44, u32::MAX),
        (0x78, 0x2500),
        (0x7C, 2),
    ] {
        put32(&mut file, header + offset, value);
    }
    put64(&mut file, header + 0x48, 0xFFFF_8000_0000_1000);
    put64(&mut file, 0x2100, 1);
    put(&mut file, 0x2108, &14_u16.to_le_bytes());
    put64(&mut file, 0x2110, 0xFFFF_A401_D0EC_7918);
    put(&mut file, 0x2118, &wide("old.sys"));
    put64(&mut file, 0x2130, 0xFFFF_F800_1000_0000);
    put64(&mut file, 0x2138, 0xFFFF_F800_1001_0000);
    put32(&mut file, 0x2300, 0x2400);
    put64(&mut file, 0x2338, 0xFFFF_F800_2000_0000);
    put32(&mut file, 0x2348, 0x9000);
    put32(&mut file, 0x2388, 0x5F00_0000);
    put32(&mut file, 0x2400, 17);
    put(&mut file, 0x2404, &wide("\\SystemRoot\\a.sys"));
    for (entry, address, at, len) in [
        (0x2500, 0x1000_u64, 0x2600, 0x40),
        (0x2510, 0x2000, 0x2640, 0x40),
    ] {
        put64(&mut file, entry, address);
        put32(&mut file, entry + 8, at);
        put32(&mut file, entry + 12, len);
    }
    put(&mut file, 0x3FFC, b"TRGD");
    file
}

fn read(file: &[u8]) -> Triage {
    let source = Slice(file);
    Triage::read(&source, &DumpHeader::read(&source).unwrap()).unwrap()
}

#[test]
fn every_piece_of_a_whole_minidump_is_read() {
    let triage = read(&minidump());
    assert_eq!(triage.notes, []);
    assert_eq!(triage.drivers.len(), 1);
    let driver = &triage.drivers[0];
    assert_eq!(driver.file_name(), "a.sys");
    assert_eq!(driver.path(), Some("\\SystemRoot\\a.sys"));
    assert_eq!((driver.base, driver.size), (0xFFFF_F800_2000_0000, 0x9000));
    assert_eq!(driver.timestamp, 0x5F00_0000);
    assert_eq!(triage.unloaded[0].name, "old.sys");
    assert_eq!(triage.unloaded[0].end - triage.unloaded[0].start, 0x1_0000);
    assert_eq!(triage.broken_driver.as_deref(), Some("\\SystemRoot\\a.sys"));
    assert_eq!(
        triage.processor,
        Some(Copy {
            offset: 0x2200,
            room: 0x100
        })
    );
    assert_eq!(triage.stack.unwrap().address, 0xFFFF_8000_0000_1000);
    assert_eq!(triage.blocks.len(), 2);
    assert!(!triage.overflowed);
}

#[test]
fn a_bad_piece_leaves_a_note_and_the_rest_goes_on() {
    let mut file = minidump();
    put32(&mut file, 0x2034, u32::MAX); // drivers
    put64(&mut file, 0x2100, u64::MAX); // unloaded drivers
    put32(&mut file, 0x2078, 0x9000_0000); // data blocks
    put32(&mut file, 0x2020, 0x7FFF_FFFF); // process
    put32(&mut file, 0x3FFC, 0); // end mark
    let triage = read(&file);
    let pieces: Vec<_> = triage.notes.iter().map(|note| note.piece).collect();
    for piece in [
        Piece::Drivers,
        Piece::UnloadedDrivers,
        Piece::DataBlocks,
        Piece::Process,
        Piece::Trailer,
    ] {
        assert!(pieces.contains(&piece), "{piece:?}");
    }
    assert_eq!(triage.drivers[0].file_name(), "a.sys");
    assert_eq!(triage.unloaded.len(), 1);
    assert!(triage.stack.is_some());
}

#[test]
fn blocks_that_reach_past_the_end_are_kept_and_noted() {
    let mut file = minidump();
    put32(&mut file, 0x251C, 0x1_0000);
    put64(&mut file, 0x2500, u64::MAX - 3);
    let triage = read(&file);
    assert_eq!(triage.blocks.len(), 1);
    assert_eq!(triage.blocks[0].len, 0x1_0000);
    assert_eq!(triage.notes.len(), 2);
}

#[test]
fn the_length_of_a_32_bit_driver_entry_is_found_by_trying() {
    for stride in [0x4C, 0x54, 0x5C] {
        let mut file = vec![0; 0x3000];
        put(&mut file, 0, b"PAGEDUMP");
        put32(&mut file, 0xF88, 4);
        for (offset, value) in [(0x30, 0x2000), (0x34, 3), (0x38, 0x2800), (0x3C, 0x100)] {
            put32(&mut file, 0x1000 + offset, value);
        }
        for i in 0..3 {
            let entry = 0x2000 + i * stride;
            put32(&mut file, entry, 0x2800);
            put32(&mut file, entry + 0x1C, 0x8100_0000 + 0x1_0000 * i as u32);
            put32(&mut file, entry + 0x24, 0x5000);
        }
        put32(&mut file, 0x2800, 5);
        put(&mut file, 0x2804, &wide("a.sys"));
        let drivers = read(&file).drivers;
        let bases: Vec<_> = drivers.iter().map(|driver| driver.base).collect();
        assert_eq!(
            bases,
            [0x8100_0000, 0x8101_0000, 0x8102_0000],
            "{stride:#x}"
        );
    }
}
