//! DUMP_HEADER64: the first 0x2000 bytes of every 64-bit dump.
//! Layout: checked on dumps of 9600, 19041, 22000 and 26100; names as in QEMU's win_dump_defs.h and windows-rs.

/// Bytes in the header; what follows it depends on the kind.
pub const SIZE: usize = 0x2000;
/// `PAGE`, also the fill of everything that is not written.
pub const SIGNATURE: [u8; 4] = *b"PAGE";
/// `DU64` follows the signature.
pub const VALID: [u8; 4] = *b"DU64";

/// Offsets; the number behind each name in comments is its size.
pub const MAJOR_VERSION: usize = 0x08; // 4: F for a free build
pub const MINOR_VERSION: usize = 0x0c; // 4: build
pub const DIRECTORY_TABLE_BASE: usize = 0x10; // 8
pub const PFN_DATABASE: usize = 0x18; // 8
pub const LOADED_MODULE_LIST: usize = 0x20; // 8
pub const ACTIVE_PROCESS_HEAD: usize = 0x28; // 8
pub const MACHINE_IMAGE_TYPE: usize = 0x30; // 4
pub const NUMBER_PROCESSORS: usize = 0x34; // 4
pub const BUG_CHECK_CODE: usize = 0x38; // 4
pub const BUG_CHECK_PARAMETERS: usize = 0x40; // 4 of 8
pub const DEBUGGER_DATA_BLOCK: usize = 0x80; // 8
pub const PHYSICAL_MEMORY_BLOCK: usize = 0x88; // 700
pub const RUNS: usize = 0x98; // 16 each
pub const RUNS_MAX: usize = 42;
pub const CONTEXT: usize = 0x348; // 3000
pub const CONTEXT_SIZE: usize = 0xbb8;
pub const EXCEPTION: usize = 0xf00; // 98
pub const DUMP_TYPE: usize = 0xf98; // 4
pub const REQUIRED_SPACE: usize = 0xfa0; // 8
pub const SYSTEM_TIME: usize = 0xfa8; // 8
pub const COMMENT: usize = 0xfb0; // 80
pub const SYSTEM_UP_TIME: usize = 0x1030; // 8
pub const MINI_DUMP_FIELDS: usize = 0x1038; // 4
pub const SECONDARY_DATA_STATE: usize = 0x103c; // 4
pub const PRODUCT_TYPE: usize = 0x1040; // 4
pub const SUITE_MASK: usize = 0x1044; // 4
pub const WRITER_STATUS: usize = 0x1048; // 4
pub const UNUSED1: usize = 0x104c; // 1
pub const KD_SECONDARY_VERSION: usize = 0x104d; // 1
pub const ATTRIBUTES: usize = 0x1050; // 4
pub const BOOT_ID: usize = 0x1054; // 4

/// Offsets inside EXCEPTION_RECORD64.
pub mod exception {
    pub const CODE: usize = 0x00;
    pub const FLAGS: usize = 0x04;
    pub const RECORD: usize = 0x08;
    pub const ADDRESS: usize = 0x10;
    pub const COUNT: usize = 0x18;
    pub const INFORMATION: usize = 0x20;
}

/// Bits of the attribute word (DUMP_FILE_ATTRIBUTES).
pub mod attribute {
    pub const INSUFFICIENT_DUMPFILE_SIZE: u32 = 1 << 2;
    pub const KERNEL_GENERATED_TRIAGE: u32 = 1 << 3;
    pub const LIVE_DUMP: u32 = 1 << 4;
    pub const FILTERED: u32 = 1 << 6;
    pub const ENCRYPTED: u32 = 1 << 8;
}

/// Field names as a scenario's `faults.fill` gives them, with offset and size.
pub const FIELDS: [(&str, usize, usize); 20] = [
    ("MajorVersion", MAJOR_VERSION, 4),
    ("MinorVersion", MINOR_VERSION, 4),
    ("DirectoryTableBase", DIRECTORY_TABLE_BASE, 8),
    ("PfnDataBase", PFN_DATABASE, 8),
    ("PsLoadedModuleList", LOADED_MODULE_LIST, 8),
    ("PsActiveProcessHead", ACTIVE_PROCESS_HEAD, 8),
    ("NumberProcessors", NUMBER_PROCESSORS, 4),
    ("BugCheckCode", BUG_CHECK_CODE, 4),
    ("BugCheckParameters", BUG_CHECK_PARAMETERS, 32),
    ("KdDebuggerDataBlock", DEBUGGER_DATA_BLOCK, 8),
    ("PhysicalMemoryBlock", PHYSICAL_MEMORY_BLOCK, 700),
    ("ContextRecord", CONTEXT, CONTEXT_SIZE),
    ("Exception", EXCEPTION, 0x98),
    ("RequiredDumpSpace", REQUIRED_SPACE, 8),
    ("SystemTime", SYSTEM_TIME, 8),
    ("SystemUpTime", SYSTEM_UP_TIME, 8),
    ("ProductType", PRODUCT_TYPE, 4),
    ("SuiteMask", SUITE_MASK, 4),
    ("Attributes", ATTRIBUTES, 4),
    ("BootId", BOOT_ID, 4),
];
