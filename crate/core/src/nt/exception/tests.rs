use super::*;
use crate::container::Block;
use crate::memory::{BlockMap, SparseSpace};
use crate::source::Slice;
use alloc::{vec, vec::Vec};

const RECORD_AT: u64 = 0xFFFF_8504_0000_1000;
const CONTEXT_AT: u64 = 0xFFFF_8504_0000_2000;
const RAISED_AT: u64 = 0xFFFF_F804_0000_334C;

fn put(bytes: &mut [u8], offset: usize, value: u64) {
    bytes[offset..offset + 8].copy_from_slice(&value.to_le_bytes());
}

/// Memory with an access violation at `RECORD_AT` and its context at `CONTEXT_AT`.
fn memory() -> (Vec<u8>, BlockMap) {
    let mut file = vec![0; 0x1000];
    put(&mut file, 0, u64::from(ACCESS_VIOLATION));
    put(&mut file, 0x10, RAISED_AT);
    put(&mut file, 0x18, 2);
    put(&mut file, 0x28, 0x10);
    put(&mut file, 0x100 + 0x30, 0x0010_001F);
    put(&mut file, 0x100 + 0xF8, RAISED_AT);
    let block = |address, offset, len| Block {
        address,
        offset,
        len,
    };
    let blocks = [block(RECORD_AT, 0, 0x98), block(CONTEXT_AT, 0x100, 0x4D0)];
    let map = BlockMap::new(blocks, file.len() as u64);
    (file, map)
}

fn placeholder() -> ExceptionRecord {
    ExceptionRecord {
        code: BREAKPOINT,
        address: VirtualAddress(0xFFFF_F804_0000_0001),
        ..ExceptionRecord::default()
    }
}

fn choose(
    stop_code: u32,
    parameters: [u64; 4],
    map: &BlockMap,
    file: &[u8],
) -> Option<CrashException> {
    let source = Slice(file);
    select(&Candidates {
        architecture: Architecture::X64,
        stop_code,
        parameters,
        header_record: Some(&placeholder()),
        header_context: None,
        space: &SparseSpace::new(&source, map),
    })
}

const VIOLATION: u64 = 0xFFFF_FFFF_C000_0005;

#[test]
fn a_stop_code_that_passes_the_record_on_gives_it_and_passes_the_placeholder_over() {
    let (file, map) = memory();
    let parameters = [VIOLATION, RAISED_AT, RECORD_AT, CONTEXT_AT];
    let found = choose(0x1000_007E, parameters, &map, &file).unwrap();
    assert_eq!(found.origin, Origin::Parameters);
    assert_eq!(found.record.access(), Some((0, VirtualAddress(0x10))));
    assert_eq!(found.context_origin, Some(Origin::Parameters));
    assert_eq!(found.passed_over, Some(placeholder()));
}

#[test]
fn a_record_that_is_not_in_the_dump_is_composed_from_the_parameters() {
    let (file, _) = memory();
    let nothing = BlockMap::new([], 0);
    let parameters = [VIOLATION, RAISED_AT, RECORD_AT, CONTEXT_AT];
    let found = choose(0x7E, parameters, &nothing, &file).unwrap();
    assert_eq!((found.origin, found.context), (Origin::Composed, None));
    assert_eq!(found.record.code, ACCESS_VIOLATION);
    let found = choose(0x1E, [VIOLATION, RAISED_AT, 1, 0x20], &nothing, &file).unwrap();
    assert_eq!(found.record.access(), Some((1, VirtualAddress(0x20))));
}

#[test]
fn a_record_that_disagrees_with_the_stop_code_is_not_believed() {
    let (mut file, map) = memory();
    put(&mut file, 0x10, RAISED_AT + 1);
    let parameters = [VIOLATION, RAISED_AT, RECORD_AT, CONTEXT_AT];
    let found = choose(0x7E, parameters, &map, &file).unwrap();
    assert_eq!(found.origin, Origin::Composed);
    assert_eq!(found.record.address, VirtualAddress(RAISED_AT));
}

#[test]
fn a_context_comes_through_the_third_parameter_of_a_service_exception() {
    let (file, map) = memory();
    let found = choose(0x3B, [0xC000_0005, RAISED_AT, CONTEXT_AT, 0], &map, &file).unwrap();
    assert_eq!(found.origin, Origin::Composed);
    let context = found.context.unwrap();
    assert_eq!(context.instruction_pointer, VirtualAddress(RAISED_AT));
}

#[test]
fn a_placeholder_alone_is_no_exception() {
    let (file, map) = memory();
    assert_eq!(choose(0x50, [0x1000, 0, RAISED_AT, 0], &map, &file), None);
    // The filter of NTFS was not on the stack: its parameters point nowhere.
    assert_eq!(choose(0x24, [0xB_AD00, 0, 0, 0], &map, &file), None);
    let found = choose(0x24, [0xB_AD00, RECORD_AT, CONTEXT_AT, 0], &map, &file);
    assert_eq!(found.unwrap().origin, Origin::Parameters);
}

#[test]
fn a_record_with_too_many_parameters_is_none() {
    let mut bytes = vec![0; 0x98];
    put(&mut bytes, 0, 0xC000_0005);
    put(&mut bytes, 0x18, 16);
    assert_eq!(ExceptionRecord::parse(Architecture::X64, &bytes), None);
    put(&mut bytes, 0x18, 15);
    let record = ExceptionRecord::parse(Architecture::X64, &bytes).unwrap();
    assert_eq!(record.information.len(), 15);
    assert_eq!(ExceptionRecord::parse(Architecture::X64, &bytes[..8]), None);
}
