use super::*;
use alloc::vec;

/// An image of two pages at 0x10000, of which the second may be missing.
struct Memory(Vec<u8>);

impl AddressSpace for Memory {
    fn read(&self, address: VirtualAddress, buf: &mut [u8]) -> Result<(), Missing> {
        let from = address.0.checked_sub(0x1_0000).ok_or(Missing::Unmapped)? as usize;
        let found = self.0.get(from..from + buf.len());
        buf.copy_from_slice(found.ok_or(Missing::Unmapped)?);
        Ok(())
    }
}

fn put(bytes: &mut [u8], at: usize, value: &[u8]) {
    bytes[at..at + value.len()].copy_from_slice(value);
}

fn image() -> Vec<u8> {
    let mut b = vec![0; 0x2000];
    let word = |b: &mut [u8], at: usize, value: u32| put(b, at, &value.to_le_bytes());
    put(&mut b, 0, b"MZ");
    word(&mut b, 0x3C, 0x80);
    put(&mut b, 0x80, b"PE\0\0\x64\x86");
    word(&mut b, 0x88, 0x5F00_0000);
    put(&mut b, 0x98, &[0x0B, 0x02]);
    word(&mut b, 0x98 + 0x38, 0x2000);
    word(&mut b, 0x98 + 0x40, 0xABCD);
    word(&mut b, 0x98 + 0x6C, 16);
    // Export directory at 0x1000, debug directory at 0x400.
    word(&mut b, 0x98 + 0x70, 0x1000);
    word(&mut b, 0x98 + 0x74, 0x80);
    word(&mut b, 0x98 + 0x70 + 6 * 8, 0x400);
    word(&mut b, 0x98 + 0x74 + 6 * 8, 0x1C);
    word(&mut b, 0x40C, 2);
    word(&mut b, 0x410, 0x30);
    word(&mut b, 0x414, 0x500);
    put(&mut b, 0x500, b"RSDS");
    put(&mut b, 0x504, &[7; 16]);
    word(&mut b, 0x514, 3);
    put(&mut b, 0x518, b"d:\\built\\here\\made.pdb\0");
    for (at, value) in [
        (0x1014, 2),
        (0x1018, 2),
        (0x101C, 0x1028),
        (0x1020, 0x1030),
        (0x1024, 0x1038),
        (0x1028, 0x1010),
        (0x102C, 0x1800),
        (0x1030, 0x1040),
        (0x1034, 0x1050),
    ] {
        word(&mut b, at, value);
    }
    put(&mut b, 0x1038, &[1, 0, 0, 0]);
    put(&mut b, 0x1040, b"Alpha\0");
    put(&mut b, 0x1050, b"Beta\0");
    b
}

#[test]
fn identity_and_symbol_file_stand_in_the_headers() {
    let memory = Memory(image());
    let found = Image::open(&memory, VirtualAddress(0x1_0000)).unwrap();
    assert_eq!(
        (found.machine, found.timestamp, found.size, found.checksum),
        (0x8664, 0x5F00_0000, 0x2000, 0xABCD)
    );
    let pdb = found.code_view().unwrap().unwrap();
    assert_eq!(
        (pdb.name.as_str(), pdb.age, pdb.guid),
        ("made.pdb", 3, Guid([7; 16]))
    );
    assert_eq!(found.directory(DirectoryKind::Exception), None);
}

#[test]
fn exports_are_found_by_name_and_forwarders_are_not() {
    let memory = Memory(image());
    let found = Image::open(&memory, VirtualAddress(0x1_0000)).unwrap();
    assert_eq!(found.export("Alpha"), Ok(Some(0x1800)));
    assert_eq!(found.export("Beta"), Ok(None));
    assert_eq!(found.export("Gamma"), Ok(None));
}

#[test]
fn a_missing_page_costs_what_stands_there_and_no_more() {
    let mut bytes = image();
    bytes.truncate(0x1000);
    let memory = Memory(bytes);
    let found = Image::open(&memory, VirtualAddress(0x1_0000)).unwrap();
    assert!(found.code_view().unwrap().is_some());
    let export = found.export("Alpha");
    assert_eq!(export, Err(ImageError::Missing(Missing::Unmapped)));
    let none = Image::open(&memory, VirtualAddress(0x1_0400));
    assert_eq!(none.unwrap_err(), ImageError::NoImage);
}

#[test]
fn exports_that_all_bear_the_same_letters_do_not_grow_beyond_their_directory() {
    let mut bytes = image();
    // Two hundred exports, all by the one long name at the end of the directory.
    put(&mut bytes, 0x98 + 0x74, &0x1000_u32.to_le_bytes());
    bytes[0x1800..0x18F0].fill(b'a');
    for (at, value) in [(0x1014, 200), (0x1018, 200), (0x101C, 0x1100)] {
        put(&mut bytes, at, &u32::to_le_bytes(value));
    }
    for (at, value) in [(0x1020, 0x1200), (0x1024, 0x1700)] {
        put(&mut bytes, at, &u32::to_le_bytes(value));
    }
    put(&mut bytes, 0x1100, &u32::to_le_bytes(0x500));
    for index in 0..200 {
        put(&mut bytes, 0x1200 + 4 * index, &u32::to_le_bytes(0x1800));
    }
    let memory = Memory(bytes);
    let found = Image::open(&memory, VirtualAddress(0x1_0000)).unwrap();
    let exports = found.exports().unwrap();
    let letters: usize = exports.iter().map(|(_, name)| name.len()).sum();
    assert!((0xF0..=0x1000).contains(&letters), "{letters}");
}
