//! Objects of the I/O manager and their names: devices, drivers, requests, files.
//!
//! Layouts: DEVICE_OBJECT, DRIVER_OBJECT, IRP, IO_STACK_LOCATION and FILE_OBJECT as the headers of
//! the driver kit (wdm.h) declare them; they are part of the driver interface and so the same in
//! every version. The header in front of an object and the name in front of that: Microsoft's
//! public symbols as collected by Vergilius (Windows 7 and later). Every object is recognised by
//! its own type and size before anything else of it is believed.

use super::record::Record;
use crate::memory::{AddressSpace, AddressSpaceExt, VirtualAddress};
use alloc::{string::String, vec::Vec};

/// The `Type` field at the start of each object.
const DEVICE: u64 = 3;
const DRIVER: u64 = 4;
const FILE: u64 = 5;
const IRP: u64 = 6;
/// More drivers than any request passes.
const MAX_LOCATIONS: u64 = 64;
/// Devices above one another.
const MAX_STACK: usize = 32;

/// Offsets, 64-bit and 32-bit.
struct Layout {
    width: u8,
    /// Sizes that the objects name, at least.
    sizes: [u64; 4],
    driver_device: u64,
    driver_start: u64,
    driver_size: u64,
    driver_name: u64,
    device_driver: u64,
    device_next: u64,
    device_attached: u64,
    device_request: u64,
    device_flags: u64,
    device_extension: u64,
    device_type: u64,
    irp_mdl: u64,
    irp_flags: u64,
    irp_status: u64,
    irp_count: u64,
    irp_current: u64,
    irp_thread: u64,
    irp_location: u64,
    irp_file: u64,
    location_len: u64,
    location_device: u64,
    location_file: u64,
    location_completion: u64,
    location_context: u64,
    file_device: u64,
    file_name: u64,
    header: u64,
    header_mask: u64,
    name_info: u64,
    creator_info: u64,
}

static WIDE: Layout = Layout {
    width: 8,
    sizes: [0x150, 0x150, 0xD8, 0xD0],
    driver_device: 0x08,
    driver_start: 0x18,
    driver_size: 0x20,
    driver_name: 0x38,
    device_driver: 0x08,
    device_next: 0x10,
    device_attached: 0x18,
    device_request: 0x20,
    device_flags: 0x30,
    device_extension: 0x40,
    device_type: 0x48,
    irp_mdl: 0x08,
    irp_flags: 0x10,
    irp_status: 0x30,
    irp_count: 0x42,
    irp_current: 0x43,
    irp_thread: 0x98,
    irp_location: 0xB8,
    irp_file: 0xC0,
    location_len: 0x48,
    location_device: 0x28,
    location_file: 0x30,
    location_completion: 0x38,
    location_context: 0x40,
    file_device: 0x08,
    file_name: 0x58,
    header: 0x30,
    header_mask: 0x1A,
    name_info: 0x20,
    creator_info: 0x20,
};

static NARROW: Layout = Layout {
    width: 4,
    sizes: [0xB8, 0xA8, 0x80, 0x70],
    driver_device: 0x04,
    driver_start: 0x0C,
    driver_size: 0x10,
    driver_name: 0x1C,
    device_driver: 0x08,
    device_next: 0x0C,
    device_attached: 0x10,
    device_request: 0x14,
    device_flags: 0x1C,
    device_extension: 0x28,
    device_type: 0x2C,
    irp_mdl: 0x04,
    irp_flags: 0x08,
    irp_status: 0x18,
    irp_count: 0x22,
    irp_current: 0x23,
    irp_thread: 0x50,
    irp_location: 0x60,
    irp_file: 0x64,
    location_len: 0x24,
    location_device: 0x14,
    location_file: 0x18,
    location_completion: 0x1C,
    location_context: 0x20,
    file_device: 0x04,
    file_name: 0x30,
    header: 0x18,
    header_mask: 0x0E,
    name_info: 0x10,
    creator_info: 0x10,
};

/// Bits of OBJECT_HEADER.InfoMask: what stands in front of the header, nearest first.
const HAS_CREATOR: u64 = 1;
const HAS_NAME: u64 = 2;

/// Reads objects.
#[derive(Clone, Copy)]
pub struct Objects<'a> {
    space: &'a dyn AddressSpace,
    layout: &'static Layout,
    /// Whether objects have the header of Windows 7 and later.
    named: bool,
}

impl core::fmt::Debug for Objects<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Objects({} bytes)", self.layout.width)
    }
}

/// What an object is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Object {
    /// DEVICE_OBJECT.
    Device(Device),
    /// DRIVER_OBJECT.
    Driver(Driver),
    /// FILE_OBJECT.
    File(File),
    /// IRP.
    Request(Request),
}

/// A device.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Device {
    /// Where it is.
    pub address: VirtualAddress,
    /// Its name below `\Device`, where it has one.
    pub name: Option<String>,
    /// Its driver object.
    pub driver: Option<VirtualAddress>,
    /// The next device of that driver.
    pub next: Option<VirtualAddress>,
    /// The device that is attached to this one, above it.
    pub attached: Option<VirtualAddress>,
    /// The request it works on.
    pub request: Option<VirtualAddress>,
    /// What the driver keeps of it.
    pub extension: Option<VirtualAddress>,
    /// FILE_DEVICE_*.
    pub kind: Option<u32>,
    /// DO_*.
    pub flags: Option<u32>,
}

/// A driver.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Driver {
    /// Where it is.
    pub address: VirtualAddress,
    /// Its name, e.g. `\Driver\storahci`.
    pub name: Option<String>,
    /// Its image.
    pub start: Option<VirtualAddress>,
    /// Bytes of the image.
    pub size: Option<u32>,
    /// Its first device.
    pub device: Option<VirtualAddress>,
}

/// An open file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct File {
    /// Where it is.
    pub address: VirtualAddress,
    /// Its path on its volume.
    pub name: Option<String>,
    /// The device it is on.
    pub device: Option<VirtualAddress>,
}

/// An I/O request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// Where it is.
    pub address: VirtualAddress,
    /// The thread that asked for it.
    pub thread: Option<VirtualAddress>,
    /// The memory that it reads or fills.
    pub mdl: Option<VirtualAddress>,
    /// The file it is for.
    pub file: Option<VirtualAddress>,
    /// IRP_*.
    pub flags: Option<u32>,
    /// IoStatus.Status.
    pub status: Option<u32>,
    /// Which of the locations is current, counted from 1; one more than there are when no driver
    /// had it yet or all are done.
    pub current: u64,
    /// What each driver is asked, the lowest driver first.
    pub locations: Vec<Location>,
}

/// What one driver is asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Location {
    /// IRP_MJ_*.
    pub major: u8,
    /// The minor function.
    pub minor: u8,
    /// The device.
    pub device: Option<VirtualAddress>,
    /// The file.
    pub file: Option<VirtualAddress>,
    /// Who wants to know when it is done.
    pub completion: Option<VirtualAddress>,
    /// What they are told then.
    pub context: Option<VirtualAddress>,
}

impl Request {
    /// The location of the driver that has it now.
    #[must_use]
    pub fn holder(&self) -> Option<&Location> {
        let index = usize::try_from(self.current.checked_sub(1)?).ok()?;
        self.locations.get(index)
    }
}

impl<'a> Objects<'a> {
    /// A reader for a machine with pointers of `width` bytes, of a build.
    #[must_use]
    pub fn new(space: &'a dyn AddressSpace, width: u8, build: u32) -> Self {
        Self {
            space,
            layout: if width == 4 { &NARROW } else { &WIDE },
            named: build >= 7600,
        }
    }

    /// What stands at an address; `None` when it is none of these objects.
    #[must_use]
    pub fn read(&self, at: VirtualAddress) -> Option<Object> {
        let record = self.record(at, 0);
        let (kind, size) = (record.int(0, 2).ok()?, record.int(2, 2).ok()?);
        let index = usize::try_from(kind.checked_sub(DEVICE)?).ok()?;
        let least = *self.layout.sizes.get(index)?;
        // A request and a device name their own variable size; drivers and files theirs exactly.
        let fits = match kind {
            DRIVER | FILE => (least..least + 0x40).contains(&size),
            _ => size >= least.min(0xB8),
        };
        if !fits {
            return None;
        }
        Some(match kind {
            DEVICE => Object::Device(self.device_at(at)),
            DRIVER => Object::Driver(self.driver_at(at)),
            FILE => Object::File(self.file_at(at)),
            IRP => Object::Request(self.request_at(at)),
            _ => return None,
        })
    }

    /// The device at an address.
    #[must_use]
    pub fn device(&self, at: VirtualAddress) -> Option<Device> {
        match self.read(at)? {
            Object::Device(device) => Some(device),
            _ => None,
        }
    }

    /// The driver at an address.
    #[must_use]
    pub fn driver(&self, at: VirtualAddress) -> Option<Driver> {
        match self.read(at)? {
            Object::Driver(driver) => Some(driver),
            _ => None,
        }
    }

    /// The request at an address.
    #[must_use]
    pub fn request(&self, at: VirtualAddress) -> Option<Request> {
        match self.read(at)? {
            Object::Request(request) => Some(request),
            _ => None,
        }
    }

    /// The file at an address.
    #[must_use]
    pub fn file(&self, at: VirtualAddress) -> Option<File> {
        match self.read(at)? {
            Object::File(file) => Some(file),
            _ => None,
        }
    }

    /// The driver of the device at an address.
    #[must_use]
    pub fn driver_of(&self, device: VirtualAddress) -> Option<Driver> {
        self.driver(self.device(device)?.driver?)
    }

    /// The devices attached above one, the lowest first.
    #[must_use]
    pub fn above(&self, device: &Device) -> Vec<Device> {
        let mut found: Vec<Device> = Vec::new();
        let mut next = device.attached;
        while let Some(at) = next.filter(|_| found.len() < MAX_STACK) {
            let seen = found.iter().any(|device| device.address == at);
            let Some(device) = self.device(at).filter(|_| !seen) else {
                break;
            };
            next = device.attached;
            found.push(device);
        }
        found
    }

    fn record(&self, at: VirtualAddress, len: u64) -> Record<'a> {
        Record::new(self.space, at, len as u16, self.layout.width)
    }

    fn text(&self, at: VirtualAddress, offset: u64) -> Option<String> {
        let at = at.checked_add(offset)?;
        let text = self.space.unicode_string(at, self.layout.width).ok()?;
        (!text.is_empty()).then_some(text)
    }

    fn device_at(&self, address: VirtualAddress) -> Device {
        let layout = self.layout;
        let record = self.record(address, layout.device_type + 4);
        let word = |at| record.int(at, 4).ok().map(|value| value as u32);
        Device {
            address,
            name: self.name(address),
            driver: record.target(layout.device_driver),
            next: record.target(layout.device_next),
            attached: record.target(layout.device_attached),
            request: record.target(layout.device_request),
            extension: record.target(layout.device_extension),
            kind: word(layout.device_type),
            flags: word(layout.device_flags),
        }
    }

    fn driver_at(&self, address: VirtualAddress) -> Driver {
        let layout = self.layout;
        let record = self.record(address, layout.driver_name);
        Driver {
            address,
            name: self.text(address, layout.driver_name),
            start: record.target(layout.driver_start),
            size: record
                .int(layout.driver_size, 4)
                .ok()
                .map(|size| size as u32),
            device: record.target(layout.driver_device),
        }
    }

    fn file_at(&self, address: VirtualAddress) -> File {
        let record = self.record(address, 0x10);
        File {
            address,
            name: self.text(address, self.layout.file_name),
            device: record.target(self.layout.file_device),
        }
    }

    fn request_at(&self, address: VirtualAddress) -> Request {
        let layout = self.layout;
        let record = self.record(address, layout.irp_file + 8);
        let word = |at| record.int(at, 4).ok().map(|value| value as u32);
        let byte = |at| record.int(at, 1).unwrap_or(0);
        let (count, current) = (byte(layout.irp_count), byte(layout.irp_current));
        let now = record.target(layout.irp_location);
        // The locations follow the request; the current one says where, whatever precedes it.
        let first = now.and_then(|now| {
            let before = current.checked_sub(1)?.checked_mul(layout.location_len)?;
            Some(VirtualAddress(now.0.checked_sub(before)?))
        });
        let locations = (0..count.min(MAX_LOCATIONS)).map_while(|index| {
            let at = first?.checked_add(index * layout.location_len)?;
            self.location(at)
        });
        Request {
            address,
            thread: record.target(layout.irp_thread),
            mdl: record.target(layout.irp_mdl),
            file: record.target(layout.irp_file),
            flags: word(layout.irp_flags),
            status: word(layout.irp_status),
            current,
            locations: locations.collect(),
        }
    }

    fn location(&self, at: VirtualAddress) -> Option<Location> {
        let layout = self.layout;
        let record = self.record(at, layout.location_len);
        Some(Location {
            major: record.int(0, 1).ok()? as u8,
            minor: record.int(1, 1).ok()? as u8,
            device: record.target(layout.location_device),
            file: record.target(layout.location_file),
            completion: record.target(layout.location_completion),
            context: record.target(layout.location_context),
        })
    }

    /// The name that the object manager knows an object by: OBJECT_HEADER_NAME_INFO, in front of
    /// the header, behind what tells who made it.
    #[must_use]
    pub fn name(&self, object: VirtualAddress) -> Option<String> {
        let layout = self.layout;
        let header = VirtualAddress(object.0.checked_sub(layout.header)?);
        let mask = self.record(header, 0).int(layout.header_mask, 1).ok()?;
        if !self.named || mask & HAS_NAME == 0 {
            return None;
        }
        let creator = match mask & HAS_CREATOR {
            0 => 0,
            _ => layout.creator_info,
        };
        let info = header
            .0
            .checked_sub(creator)?
            .checked_sub(layout.name_info)?;
        self.text(VirtualAddress(info), layout.width.into())
    }
}

/// IRP_MJ_*, by number (wdm.h).
static MAJOR: [&str; 28] = [
    "IRP_MJ_CREATE",
    "IRP_MJ_CREATE_NAMED_PIPE",
    "IRP_MJ_CLOSE",
    "IRP_MJ_READ",
    "IRP_MJ_WRITE",
    "IRP_MJ_QUERY_INFORMATION",
    "IRP_MJ_SET_INFORMATION",
    "IRP_MJ_QUERY_EA",
    "IRP_MJ_SET_EA",
    "IRP_MJ_FLUSH_BUFFERS",
    "IRP_MJ_QUERY_VOLUME_INFORMATION",
    "IRP_MJ_SET_VOLUME_INFORMATION",
    "IRP_MJ_DIRECTORY_CONTROL",
    "IRP_MJ_FILE_SYSTEM_CONTROL",
    "IRP_MJ_DEVICE_CONTROL",
    "IRP_MJ_INTERNAL_DEVICE_CONTROL",
    "IRP_MJ_SHUTDOWN",
    "IRP_MJ_LOCK_CONTROL",
    "IRP_MJ_CLEANUP",
    "IRP_MJ_CREATE_MAILSLOT",
    "IRP_MJ_QUERY_SECURITY",
    "IRP_MJ_SET_SECURITY",
    "IRP_MJ_POWER",
    "IRP_MJ_SYSTEM_CONTROL",
    "IRP_MJ_DEVICE_CHANGE",
    "IRP_MJ_QUERY_QUOTA",
    "IRP_MJ_SET_QUOTA",
    "IRP_MJ_PNP",
];

/// The name of a major function.
#[must_use]
pub fn major_name(major: u8) -> Option<&'static str> {
    MAJOR.get(usize::from(major)).copied()
}
