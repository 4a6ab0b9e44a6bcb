//! DUMP_HEADER32: the first 0x1000 bytes of every 32-bit dump.
//! Layout: agreed on by rekall, volatility3 and Ghidra up to the tail, which follows volatility3's crash.json; no 32-bit dump was at hand.

/// Bytes in the header.
pub const SIZE: usize = 0x1000;
/// `DUMP` follows the signature.
pub const VALID: [u8; 4] = *b"DUMP";

pub const MAJOR_VERSION: usize = 0x08;
pub const MINOR_VERSION: usize = 0x0c;
pub const DIRECTORY_TABLE_BASE: usize = 0x10;
pub const PFN_DATABASE: usize = 0x14;
pub const LOADED_MODULE_LIST: usize = 0x18;
pub const ACTIVE_PROCESS_HEAD: usize = 0x1c;
pub const MACHINE_IMAGE_TYPE: usize = 0x20;
pub const NUMBER_PROCESSORS: usize = 0x24;
pub const BUG_CHECK_CODE: usize = 0x28;
pub const BUG_CHECK_PARAMETERS: usize = 0x2c; // 4 of 4
pub const PAE_ENABLED: usize = 0x5c; // 1
pub const KD_SECONDARY_VERSION: usize = 0x5d; // 1
pub const DEBUGGER_DATA_BLOCK: usize = 0x60;
pub const PHYSICAL_MEMORY_BLOCK: usize = 0x64; // 700
pub const RUNS: usize = 0x6c; // 8 each
pub const RUNS_MAX: usize = 86;
pub const CONTEXT: usize = 0x320; // 1200
pub const CONTEXT_SIZE: usize = 0x4b0;
pub const EXCEPTION: usize = 0x7d0; // 50
pub const COMMENT: usize = 0x820; // 80
pub const ATTRIBUTES: usize = 0x8a0;
pub const BOOT_ID: usize = 0x8a4;
pub const DUMP_TYPE: usize = 0xf88;
pub const MINI_DUMP_FIELDS: usize = 0xf8c;
pub const SECONDARY_DATA_STATE: usize = 0xf90;
pub const PRODUCT_TYPE: usize = 0xf94;
pub const SUITE_MASK: usize = 0xf98;
pub const WRITER_STATUS: usize = 0xf9c;
pub const REQUIRED_SPACE: usize = 0xfa0; // 8
pub const SYSTEM_UP_TIME: usize = 0xfb8; // 8
pub const SYSTEM_TIME: usize = 0xfc0; // 8

/// Offsets inside EXCEPTION_RECORD32.
pub mod exception {
    pub const CODE: usize = 0x00;
    pub const FLAGS: usize = 0x04;
    pub const ADDRESS: usize = 0x0c;
    pub const COUNT: usize = 0x10;
    pub const INFORMATION: usize = 0x14;
}

/// Field names as a scenario's `faults.fill` gives them, with offset and size.
pub const FIELDS: [(&str, usize, usize); 20] = [
    ("MajorVersion", MAJOR_VERSION, 4),
    ("MinorVersion", MINOR_VERSION, 4),
    ("DirectoryTableBase", DIRECTORY_TABLE_BASE, 4),
    ("PfnDataBase", PFN_DATABASE, 4),
    ("PsLoadedModuleList", LOADED_MODULE_LIST, 4),
    ("PsActiveProcessHead", ACTIVE_PROCESS_HEAD, 4),
    ("NumberProcessors", NUMBER_PROCESSORS, 4),
    ("BugCheckCode", BUG_CHECK_CODE, 4),
    ("BugCheckParameters", BUG_CHECK_PARAMETERS, 16),
    ("KdDebuggerDataBlock", DEBUGGER_DATA_BLOCK, 4),
    ("PhysicalMemoryBlock", PHYSICAL_MEMORY_BLOCK, 700),
    ("ContextRecord", CONTEXT, CONTEXT_SIZE),
    ("Exception", EXCEPTION, 0x50),
    ("RequiredDumpSpace", REQUIRED_SPACE, 8),
    ("SystemTime", SYSTEM_TIME, 8),
    ("SystemUpTime", SYSTEM_UP_TIME, 8),
    ("ProductType", PRODUCT_TYPE, 4),
    ("SuiteMask", SUITE_MASK, 4),
    ("Attributes", ATTRIBUTES, 4),
    ("BootId", BOOT_ID, 4),
];
