//! The triage part of a small memory dump: TRIAGE_DUMP64, TRIAGE_DUMP32 and the pieces they point at.
//! Layout: 64-bit checked on dumps of 9600, 19041, 22000 (ARM64) and 26100; 32-bit after rizin's dmp_specs.h.

/// `TRGD`, the word that ends a complete small dump.
pub const VALID: [u8; 4] = *b"TRGD";

/// Offsets common to both widths; all are 4 bytes, from the start of the triage header.
pub const SERVICE_PACK_BUILD: usize = 0x00;
pub const SIZE_OF_DUMP: usize = 0x04;
pub const VALID_OFFSET: usize = 0x08;
pub const CONTEXT_OFFSET: usize = 0x0c;
pub const EXCEPTION_OFFSET: usize = 0x10;
pub const MM_OFFSET: usize = 0x14;
pub const UNLOADED_OFFSET: usize = 0x18;
pub const PRCB_OFFSET: usize = 0x1c;
pub const PROCESS_OFFSET: usize = 0x20;
pub const THREAD_OFFSET: usize = 0x24;
pub const CALL_STACK_OFFSET: usize = 0x28;
pub const CALL_STACK_SIZE: usize = 0x2c;
pub const DRIVER_LIST_OFFSET: usize = 0x30;
pub const DRIVER_COUNT: usize = 0x34;
pub const STRING_POOL_OFFSET: usize = 0x38;
pub const STRING_POOL_SIZE: usize = 0x3c;
pub const BROKEN_DRIVER_OFFSET: usize = 0x40;
pub const OPTIONS: usize = 0x44;
pub const TOP_OF_STACK: usize = 0x48;

/// What differs between the widths.
#[derive(Clone, Copy, Debug)]
pub struct Layout {
    /// Bytes in the triage header.
    pub size: usize,
    /// Offset of the debugger data's file offset.
    pub debugger_data: usize,
    /// Offset of the data blocks' file offset.
    pub data_blocks: usize,
    /// Stride of a data block descriptor.
    pub block_stride: usize,
    /// Stride of a driver entry.
    pub driver_stride: usize,
    /// Where the loader entry starts in a driver entry.
    pub driver_loader: usize,
    /// Bytes of the loader entry that are copied.
    pub loader_copy: usize,
    /// Stride of an unloaded driver.
    pub unloaded_stride: usize,
    /// Bytes before the first unloaded driver: the count.
    pub unloaded_head: usize,
    /// Bytes of memory manager information.
    pub mm_size: usize,
}

/// 64-bit.
pub const TRIAGE64: Layout = Layout {
    size: 0x80,
    debugger_data: 0x70,
    data_blocks: 0x78,
    block_stride: 0x10,
    driver_stride: 0x90,
    driver_loader: 0x08,
    loader_copy: 0x88,
    unloaded_stride: 0x38,
    unloaded_head: 8,
    mm_size: 0x50,
};

/// 32-bit. The driver stride is the name offset and a loader entry of 0x50 bytes.
pub const TRIAGE32: Layout = Layout {
    size: 0x68,
    debugger_data: 0x58,
    data_blocks: 0x60,
    block_stride: 0x0c,
    driver_stride: 0x54,
    driver_loader: 0x04,
    loader_copy: 0x50,
    unloaded_stride: 0x28,
    unloaded_head: 4,
    mm_size: 0x30,
};

/// 64-bit memory manager information: where each counter lies.
pub mod mm64 {
    pub const VERSION: usize = 0x00; // 4
    pub const SIZE: usize = 0x04; // 4
    pub const VERIFIER_LEVEL: usize = 0x10; // 4
    pub const MAXIMUM_NONPAGED_POOL: usize = 0x18;
    pub const ALLOCATED_NONPAGED_POOL: usize = 0x20;
    pub const PAGED_POOL_MAXIMUM: usize = 0x28;
    pub const PAGED_POOL_ALLOCATED: usize = 0x30;
    pub const COMMITTED_PAGES: usize = 0x38;
    pub const COMMITTED_PAGES_PEAK: usize = 0x40;
    pub const COMMIT_LIMIT_MAXIMUM: usize = 0x48;
}

/// Which pieces a small dump holds (MiniDumpFields).
pub mod fields {
    pub const USUAL: u32 = 0xc7f;
    pub const BROKEN_DRIVER: u32 = 0x80;
    pub const MM_INFORMATION: u32 = 0x100;
}
