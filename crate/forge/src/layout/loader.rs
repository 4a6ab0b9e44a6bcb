//! Loader entries of drivers, unloaded drivers, and counted strings.
//! Layout: KLDR_DATA_TABLE_ENTRY and UNLOADED_DRIVERS as Vergilius prints them; the link time moved in Windows 10 (checked on 26100).

/// Loader entry of one driver.
#[derive(Clone, Copy, Debug)]
pub struct Loader {
    /// Bytes in the whole entry.
    pub size: u64,
    /// Image base.
    pub base: u64,
    /// Entry point.
    pub entry_point: u64,
    /// Image size, 4 bytes.
    pub image_size: u64,
    /// Full path, a counted string.
    pub full_name: u64,
    /// File name, a counted string.
    pub base_name: u64,
    /// Flags, 4 bytes.
    pub flags: u64,
    /// References, 2 bytes.
    pub load_count: u64,
    /// Checksum, 4 bytes.
    pub checksum: u64,
    /// Link time, 4 bytes.
    pub time_stamp: u64,
}

/// x64 and ARM64 before Windows 10, and what small dumps copy.
pub const LEGACY64: Loader = Loader {
    size: 0xa0,
    base: 0x30,
    entry_point: 0x38,
    image_size: 0x40,
    full_name: 0x48,
    base_name: 0x58,
    flags: 0x68,
    load_count: 0x6c,
    checksum: 0x78,
    time_stamp: 0x80,
};

/// x64 and ARM64 since Windows 10.
pub const MODERN64: Loader = Loader {
    time_stamp: 0x9c,
    ..LEGACY64
};

/// x86 before Windows 10.
pub const LEGACY32: Loader = Loader {
    size: 0x5c,
    base: 0x18,
    entry_point: 0x1c,
    image_size: 0x20,
    full_name: 0x24,
    base_name: 0x2c,
    flags: 0x34,
    load_count: 0x38,
    checksum: 0x40,
    time_stamp: 0x44,
};

/// Unloaded driver entry in memory: (stride, start, end, time); the name is a counted string at 0.
pub const UNLOADED64: (u64, u64, u64, u64) = (0x28, 0x10, 0x18, 0x20);
/// The same on x86.
pub const UNLOADED32: (u64, u64, u64, u64) = (0x18, 0x08, 0x0c, 0x10);
/// Slots in the ring of unloaded drivers.
pub const UNLOADED_SLOTS: u64 = 50;

/// Offset of the buffer pointer in a counted string.
pub fn string_buffer(pointer: usize) -> u64 {
    if pointer == 4 { 4 } else { 8 }
}
