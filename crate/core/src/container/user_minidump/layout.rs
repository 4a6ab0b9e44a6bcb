//! Offsets of the user minidump format, in bytes, one block a structure.
//! Source: `minidumpapiset.h` of the Windows SDK, as documented by Microsoft; the Breakpad and
//! Crashpad stream numbers from those projects' headers.

/// MINIDUMP_HEADER.
pub(super) mod header {
    pub const SIGNATURE: u32 = 0x504D_444D;
    pub const STREAM_COUNT: u64 = 0x08;
    pub const DIRECTORY_RVA: u64 = 0x0C;
    pub const TIME_DATE_STAMP: u64 = 0x14;
    pub const FLAGS: u64 = 0x18;
}

/// MINIDUMP_DIRECTORY.
pub(super) mod directory {
    pub const SIZE: u64 = 0x0C;
    pub const DATA_SIZE: u64 = 0x04;
    pub const RVA: u64 = 0x08;
}

/// MINIDUMP_STREAM_TYPE.
pub(super) mod stream {
    pub const THREAD_LIST: u32 = 3;
    pub const MODULE_LIST: u32 = 4;
    pub const EXCEPTION: u32 = 6;
    pub const SYSTEM_INFO: u32 = 7;
    pub const MEMORY64_LIST: u32 = 9;
    pub const UNLOADED_MODULE_LIST: u32 = 14;
    pub const MISC_INFO: u32 = 15;
    pub const LINUX_CPU_INFO: u32 = 0x4767_0003;
    pub const CRASHPAD_INFO: u32 = 0x4350_0001;
}

/// MINIDUMP_SYSTEM_INFO.
pub(super) mod system_info {
    pub const ARCHITECTURE: u64 = 0x00;
    pub const PROCESSORS: u64 = 0x06;
    pub const PRODUCT_TYPE: u64 = 0x07;
    pub const MAJOR: u64 = 0x08;
    pub const MINOR: u64 = 0x0C;
    pub const BUILD: u64 = 0x10;
    pub const PLATFORM: u64 = 0x14;
    pub const CSD_VERSION_RVA: u64 = 0x18;
}

/// MINIDUMP_EXCEPTION_STREAM.
pub(super) mod exception {
    pub const THREAD_ID: u64 = 0x00;
    pub const CODE: u64 = 0x08;
    pub const ADDRESS: u64 = 0x18;
    pub const PARAMETER_COUNT: u64 = 0x20;
    pub const INFORMATION: u64 = 0x28;
    pub const MOST_PARAMETERS: u32 = 15;
}

/// MINIDUMP_MODULE.
pub(super) mod module {
    pub const SIZE: u64 = 0x6C;
    pub const BASE: u64 = 0x00;
    pub const IMAGE_SIZE: u64 = 0x08;
    pub const CHECKSUM: u64 = 0x0C;
    pub const TIME_DATE_STAMP: u64 = 0x10;
    pub const NAME_RVA: u64 = 0x14;
    /// VS_FIXEDFILEINFO begins here.
    pub const VERSION: u64 = 0x18;
    pub const VERSION_SIGNATURE: u32 = 0xFEEF_04BD;
    pub const FILE_VERSION_MS: u64 = VERSION + 0x08;
    pub const FILE_VERSION_LS: u64 = VERSION + 0x0C;
    pub const CODEVIEW_SIZE: u64 = 0x4C;
    pub const CODEVIEW_RVA: u64 = 0x50;
}

/// CV_INFO_PDB70.
pub(super) mod codeview {
    pub const SIGNATURE: u32 = 0x5344_5352;
    pub const GUID: u64 = 0x04;
    pub const AGE: u64 = 0x14;
    pub const NAME: u64 = 0x18;
}

/// MINIDUMP_UNLOADED_MODULE_LIST and MINIDUMP_UNLOADED_MODULE.
pub(super) mod unloaded {
    pub const HEADER_SIZE: u64 = 0x00;
    pub const ENTRY_SIZE: u64 = 0x04;
    pub const COUNT: u64 = 0x08;
    pub const SMALLEST_ENTRY: u64 = 0x18;
    pub const BASE: u64 = 0x00;
    pub const IMAGE_SIZE: u64 = 0x08;
    pub const NAME_RVA: u64 = 0x14;
}

/// MINIDUMP_MISC_INFO.
pub(super) mod misc_info {
    pub const FLAGS: u64 = 0x04;
    /// Flag: the process id is there.
    pub const HAS_PROCESS_ID: u32 = 1;
    /// Flag: the times are there.
    pub const HAS_TIMES: u32 = 2;
    pub const PROCESS_ID: u64 = 0x08;
    pub const CREATE_TIME: u64 = 0x0C;
}
