use super::*;
use crate::source::Slice;
use alloc::vec;

/// A file with a header and one stream.
fn file(kind: u32, stream: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0; 0x2C];
    bytes[0..4].copy_from_slice(b"MDMP");
    bytes[0x08..0x0C].copy_from_slice(&1u32.to_le_bytes());
    bytes[0x0C..0x10].copy_from_slice(&0x20u32.to_le_bytes());
    bytes[0x20..0x24].copy_from_slice(&kind.to_le_bytes());
    bytes[0x24..0x28].copy_from_slice(&(stream.len() as u32).to_le_bytes());
    bytes[0x28..0x2C].copy_from_slice(&0x2Cu32.to_le_bytes());
    bytes.extend_from_slice(stream);
    bytes
}

#[test]
fn an_exception_keeps_its_code_address_and_parameters() {
    let mut stream = vec![0; 0xA8];
    stream[0] = 7;
    stream[0x08..0x0C].copy_from_slice(&0xC000_0005u32.to_le_bytes());
    stream[0x18..0x20].copy_from_slice(&0x1234_5678u64.to_le_bytes());
    stream[0x20] = 2;
    stream[0x30..0x38].copy_from_slice(&0x45u64.to_le_bytes());
    let dump = read(&Slice(&file(6, &stream))).unwrap();
    let exception = dump.exception.unwrap();
    assert_eq!((exception.thread_id, exception.code), (7, 0xC000_0005));
    assert_eq!(
        (exception.address, exception.information),
        (0x1234_5678, vec![0, 0x45])
    );
}

#[test]
fn a_stream_that_lies_about_its_place_is_counted_and_left_out() {
    let mut bytes = file(7, &[0; 0x38]);
    bytes[0x24..0x28].copy_from_slice(&0x7FFF_FFFFu32.to_le_bytes());
    let dump = read(&Slice(&bytes)).unwrap();
    assert_eq!((dump.system, dump.broken_streams), (None, 1));
}

#[test]
fn a_module_list_that_promises_too_much_ends_at_the_end_of_the_file() {
    let mut stream = vec![0; 4 + 0x6C];
    stream[0..4].copy_from_slice(&u32::MAX.to_le_bytes());
    stream[4..12].copy_from_slice(&0x40_0000u64.to_le_bytes());
    let dump = read(&Slice(&file(4, &stream))).unwrap();
    assert_eq!(dump.modules.len(), 1);
    assert_eq!(dump.modules[0].base, 0x40_0000);
}

#[test]
fn a_truncated_directory_is_an_error_not_a_panic() {
    let bytes = file(7, &[0; 0x38]);
    for end in 0..bytes.len() {
        let _ = read(&Slice(&bytes[..end]));
    }
    assert!(matches!(
        read(&Slice(&bytes[..0x20])),
        Err(ReadError::Truncated { .. })
    ));
}
