//! Objects of the I/O manager, as the driver kit's wdm.h declares them for each pointer width, and the header in front of
//! objects (Windows 7 and later, ReactOS's and Vergilius's headers).

/// Offsets for one pointer width.
#[derive(Clone, Copy, Debug)]
pub struct Io {
    /// Bytes of DRIVER_OBJECT, DEVICE_OBJECT, IRP, IO_STACK_LOCATION.
    pub sizes: [u64; 4],
    /// DRIVER_OBJECT: first device, start, size, name.
    pub driver: [u64; 4],
    /// DEVICE_OBJECT: driver, next device, attached device, current request, type.
    pub device: [u64; 5],
    /// IRP: number of locations, current location, thread, pointer to the current location.
    pub request: [u64; 4],
    /// IO_STACK_LOCATION: device.
    pub location_device: u64,
    /// OBJECT_HEADER: its size, info mask; bytes of the name information in front, and where in it the name stands.
    pub header: [u64; 4],
}

pub const IO64: Io = Io {
    sizes: [0x150, 0x150, 0xd0, 0x48],
    driver: [8, 0x18, 0x20, 0x38],
    device: [8, 0x10, 0x18, 0x20, 0x48],
    request: [0x42, 0x43, 0x98, 0xb8],
    location_device: 0x28,
    header: [0x30, 0x1a, 0x20, 8],
};

pub const IO32: Io = Io {
    sizes: [0xa8, 0xb8, 0x70, 0x24],
    driver: [4, 0xc, 0x10, 0x1c],
    device: [8, 0xc, 0x10, 0x14, 0x2c],
    request: [0x22, 0x23, 0x50, 0x60],
    location_device: 0x14,
    header: [0x18, 0xe, 0x10, 4],
};
