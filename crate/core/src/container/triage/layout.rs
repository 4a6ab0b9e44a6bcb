//! The triage header (TRIAGE_DUMP64, TRIAGE_DUMP32) and the small structures it points to, as
//! tables.
//!
//! Layout: rizin `dmp64.h` and `dmp_specs.h`, Singularity `Dump.h`; the 64-bit tables agree with
//! dumps of 9600, 19041, 22000 and 26100, x64 and ARM64. The 32-bit ones come from the sources.

use crate::container::header::Width;

/// What stands at `ValidOffset` when the dump was written to its end.
pub(super) const TRAILER: u32 = u32::from_le_bytes(*b"TRGD");
/// TriageOptions: something did not fit.
pub(super) const OPTION_OVERFLOWED: u32 = 0x100;

/// Offsets in the triage header. Members whose name ends in `_at` hold file offsets.
#[derive(Clone, Copy, Debug)]
pub(super) struct HeaderLayout {
    pub len: u64,
    pub service_pack: u64,
    pub size_of_dump: u64,
    pub trailer_at: u64,
    pub context_at: u64,
    pub exception_at: u64,
    pub memory_figures_at: u64,
    pub unloaded_at: u64,
    pub processor_at: u64,
    pub process_at: u64,
    pub thread_at: u64,
    pub stack_at: u64,
    pub stack_len: u64,
    pub drivers_at: u64,
    pub driver_count: u64,
    pub strings_at: u64,
    pub strings_len: u64,
    pub broken_driver_at: u64,
    pub options: u64,
    pub stack_top: u64,
    pub data_page: u64,
    pub data_page_at: u64,
    pub data_page_len: u64,
    pub debugger_data_at: u64,
    pub debugger_data_len: u64,
    pub blocks_at: u64,
    pub block_count: u64,
}

static HEADER64: HeaderLayout = HeaderLayout {
    len: 0x80,
    service_pack: 0x00,
    size_of_dump: 0x04,
    trailer_at: 0x08,
    context_at: 0x0C,
    exception_at: 0x10,
    memory_figures_at: 0x14,
    unloaded_at: 0x18,
    processor_at: 0x1C,
    process_at: 0x20,
    thread_at: 0x24,
    stack_at: 0x28,
    stack_len: 0x2C,
    drivers_at: 0x30,
    driver_count: 0x34,
    strings_at: 0x38,
    strings_len: 0x3C,
    broken_driver_at: 0x40,
    options: 0x44,
    stack_top: 0x48,
    data_page: 0x60,
    data_page_at: 0x68,
    data_page_len: 0x6C,
    debugger_data_at: 0x70,
    debugger_data_len: 0x74,
    blocks_at: 0x78,
    block_count: 0x7C,
};

/// The same until TriageOptions; without the Itanium members behind it.
static HEADER32: HeaderLayout = HeaderLayout {
    len: 0x68,
    data_page: 0x4C,
    data_page_at: 0x50,
    data_page_len: 0x54,
    debugger_data_at: 0x58,
    debugger_data_len: 0x5C,
    blocks_at: 0x60,
    block_count: 0x64,
    ..HEADER64
};

/// An entry of the table of data blocks.
#[derive(Clone, Copy, Debug)]
pub(super) struct BlockLayout {
    pub len: u64,
    pub address: u64,
    pub at: u64,
    pub size: u64,
}

/// An entry of the driver list: the offset of a name, then the loader's entry.
#[derive(Clone, Copy, Debug)]
pub(super) struct DriverLayout {
    pub len: u64,
    pub name_at: u64,
    pub base: u64,
    pub entry_point: u64,
    pub size: u64,
    pub checksum: u64,
    pub timestamp: u64,
}

/// The list of unloaded drivers.
#[derive(Clone, Copy, Debug)]
pub(super) struct UnloadedLayout {
    /// Where the first entry is, behind the count.
    pub first: u64,
    pub len: u64,
    /// Length of the name in bytes (UNICODE_STRING.Length).
    pub name_len: u64,
    pub name: u64,
    /// Bytes of the name that there is room for.
    pub name_room: u64,
    pub start: u64,
    pub end: u64,
}

pub(super) fn header(width: Width) -> &'static HeaderLayout {
    match width {
        Width::Bits32 => &HEADER32,
        Width::Bits64 => &HEADER64,
    }
}

pub(super) fn block(width: Width) -> BlockLayout {
    match width {
        Width::Bits32 => BlockLayout {
            len: 0x0C,
            address: 0x00,
            at: 0x04,
            size: 0x08,
        },
        Width::Bits64 => BlockLayout {
            len: 0x10,
            address: 0x00,
            at: 0x08,
            size: 0x0C,
        },
    }
}

/// DUMP_DRIVER_ENTRY64: the name's offset and padding, then 0x88 bytes of the loader's entry.
pub(super) static DRIVER64: DriverLayout = DriverLayout {
    len: 0x90,
    name_at: 0x00,
    base: 0x38,
    entry_point: 0x40,
    size: 0x48,
    checksum: 0x80,
    timestamp: 0x88,
};

/// DUMP_DRIVER_ENTRY32: the name's offset, then the 32-bit loader's entry. No source gives its
/// length, so it is found by trying those that the structure can have.
pub(super) static DRIVER32: DriverLayout = DriverLayout {
    len: 0x4C,
    name_at: 0x00,
    base: 0x1C,
    entry_point: 0x20,
    size: 0x24,
    checksum: 0x44,
    timestamp: 0x48,
};

/// Lengths of DUMP_DRIVER_ENTRY32 to try: with the members up to the time stamp first, then with
/// those that later versions of Windows added.
pub(super) static DRIVER32_LENGTHS: &[u64] = &[0x4C, 0x50, 0x54, 0x58, 0x5C, 0x60];

pub(super) fn unloaded(width: Width) -> UnloadedLayout {
    match width {
        Width::Bits32 => UnloadedLayout {
            first: 0x04,
            len: 0x28,
            name_len: 0x00,
            name: 0x08,
            name_room: 0x18,
            start: 0x20,
            end: 0x24,
        },
        Width::Bits64 => UnloadedLayout {
            first: 0x08,
            len: 0x38,
            name_len: 0x00,
            name: 0x10,
            name_room: 0x18,
            start: 0x28,
            end: 0x30,
        },
    }
}

/// Figures of the memory manager (64-bit).
pub(super) mod figures {
    pub const VERSION: u64 = 0x00;
    pub const LEN: u64 = 0x04;
    pub const SPECIAL_POOL_TAG: u64 = 0x08;
    pub const ACTION_TAKEN: u64 = 0x0C;
    pub const VERIFY_LEVEL: u64 = 0x10;
    pub const KERNEL_VERIFIER: u64 = 0x14;
    pub const MAXIMUM_NONPAGED_POOL: u64 = 0x18;
    pub const ALLOCATED_NONPAGED_POOL: u64 = 0x20;
    pub const MAXIMUM_PAGED_POOL: u64 = 0x28;
    pub const ALLOCATED_PAGED_POOL: u64 = 0x30;
    pub const COMMITTED: u64 = 0x38;
    pub const COMMITTED_PEAK: u64 = 0x40;
    pub const COMMIT_LIMIT_MAXIMUM: u64 = 0x48;
    pub const SIZE: u64 = 0x50;
}
