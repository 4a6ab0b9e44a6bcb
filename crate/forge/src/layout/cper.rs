//! Common Platform Error Records as appendix N of the UEFI specification lays them out, and Windows' own section of a machine
//! check, which ReactOS's and the driver kit's headers declare packed.

/// Header.
pub const SIGNATURE: &[u8; 4] = b"CPER";
pub const REVISION: u16 = 0x0210;
pub const HEADER_SIZE: usize = 128;
pub const H_REVISION: usize = 4;
pub const H_SIGNATURE_END: usize = 6;
pub const H_SECTION_COUNT: usize = 10;
pub const H_SEVERITY: usize = 12;
pub const H_LENGTH: usize = 20;
pub const H_RECORD_ID: usize = 96;

/// Section descriptor.
pub const DESCRIPTOR_SIZE: usize = 72;
pub const D_LENGTH: usize = 4;
pub const D_REVISION: usize = 8;
pub const D_VALID: usize = 10;
pub const D_FLAGS: usize = 12;
pub const D_TYPE: usize = 16;
pub const D_SEVERITY: usize = 48;
pub const D_FRU_TEXT: usize = 52;

/// Types of section, as they stand in memory.
pub const PROCESSOR_GENERIC: [u8; 16] = [
    0xad, 0xcc, 0x76, 0x98, 0xb4, 0x47, 0xdb, 0x4b, 0xb6, 0x5e, 0x16, 0xf1, 0x93, 0xc4, 0xf3, 0xdb,
];
pub const MACHINE_CHECK: [u8; 16] = [
    0x01, 0x1d, 0x1e, 0x8a, 0xf9, 0x42, 0x57, 0x45, 0x9c, 0x33, 0x56, 0x5e, 0x5c, 0xc3, 0xf7, 0xe8,
];
pub const MEMORY: [u8; 16] = [
    0x14, 0x11, 0xbc, 0xa5, 0x64, 0x6f, 0xde, 0x4e, 0xb8, 0x63, 0x3e, 0x83, 0xed, 0x7c, 0x83, 0xb1,
];
pub const PCI_EXPRESS: [u8; 16] = [
    0x54, 0xe9, 0x95, 0xd9, 0xc1, 0xbb, 0x0f, 0x43, 0xad, 0x91, 0xb4, 0x4d, 0xcb, 0x3c, 0x6f, 0x35,
];

/// Lengths of these sections.
pub const PROCESSOR_SIZE: usize = 192;
pub const CHECK_SIZE: usize = 272;
pub const MEMORY_SIZE: usize = 73;
pub const PCI_SIZE: usize = 208;
