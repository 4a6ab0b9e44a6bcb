//! Objects of the I/O manager, as the driver kit's wdm.h declares them for each pointer width, and the header in front of
//! objects (Windows 7 and later, ReactOS's and Vergilius's headers).

/// Offsets for one pointer width.
#[derive(Clone, Copy, Debug)]
pub struct Io {
    /// DEVICE_OBJECT: reference count, flags, characteristics, volume parameter block, extension of the driver, of the
    /// I/O manager.
    pub more_of_device: [u64; 6],
    /// DEVOBJ_EXTENSION: its size, device, flags, node, device below; ntddk.h and Vergilius.
    pub extension: [u64; 5],
    /// DEVICE_NODE: its size, device, instance path, service; Vergilius, Windows 7 to 11.
    pub node: [u64; 4],
    /// DRIVER_OBJECT: its extension, fast I/O table, DriverInit, DriverUnload, first major function; AddDevice in the extension.
    pub routines: [u64; 6],
    /// IRP: memory list, flags, entry in the thread's list, buffer of the system, pending, cancel routine.
    pub more_of_request: [u64; 6],
    /// IO_STACK_LOCATION: first parameter, file, completion routine, context.
    pub location: [u64; 4],
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
    more_of_device: [4, 0x30, 0x34, 0x38, 0x40, 0x138],
    extension: [0x70, 8, 0x20, 0x28, 0x30],
    node: [0x48, 0x20, 0x28, 0x38],
    routines: [0x30, 0x50, 0x58, 0x68, 0x70, 8],
    more_of_request: [8, 0x10, 0x20, 0x18, 0x41, 0x68],
    location: [8, 0x30, 0x38, 0x40],
    sizes: [0x150, 0x150, 0xd0, 0x48],
    driver: [8, 0x18, 0x20, 0x38],
    device: [8, 0x10, 0x18, 0x20, 0x48],
    request: [0x42, 0x43, 0x98, 0xb8],
    location_device: 0x28,
    header: [0x30, 0x1a, 0x20, 8],
};

pub const IO32: Io = Io {
    more_of_device: [4, 0x1c, 0x20, 0x24, 0x28, 0xb0],
    extension: [0x3c, 4, 0x10, 0x14, 0x18],
    node: [0x24, 0x10, 0x14, 0x1c],
    routines: [0x18, 0x28, 0x2c, 0x34, 0x38, 4],
    more_of_request: [4, 8, 0x10, 0xc, 0x21, 0x38],
    location: [4, 0x18, 0x1c, 0x20],
    sizes: [0xa8, 0xb8, 0x70, 0x24],
    driver: [4, 0xc, 0x10, 0x1c],
    device: [8, 0xc, 0x10, 0x14, 0x2c],
    request: [0x22, 0x23, 0x50, 0x60],
    location_device: 0x14,
    header: [0x18, 0xe, 0x10, 4],
};

/// OBJECT_DIRECTORY: lists of entries, each with the next, its object, a hash; Vergilius.
pub const DIRECTORY_LISTS: u64 = 37;

/// ERESOURCE: its size, ActiveCount, Flag, OwnerEntry, ContentionCount, NumberOfExclusiveWaiters; Vergilius.
pub const LOCK64: [u64; 6] = [0x68, 0x18, 0x1a, 0x30, 0x44, 0x4c];
pub const LOCK32: [u64; 6] = [0x38, 0xc, 0xe, 0x18, 0x24, 0x2c];
