//! What a debugger shows of devices, drivers and I/O requests beyond what an analysis needs: entry
//! points, flags, parameters, the device below.
//!
//! Layouts: DEVICE_OBJECT, DRIVER_OBJECT, DRIVER_EXTENSION, FAST_IO_DISPATCH, IRP, IO_STACK_LOCATION and
//! KDEVICE_QUEUE as wdm.h declares them, the same in every version; DEVOBJ_EXTENSION behind its public
//! part and the beginning of DEVICE_NODE as Microsoft's symbols have them from Windows 7 on (Vergilius),
//! recognised by the device that they name.

use super::object::{Device, Driver, Location, Request};
use super::record::Record;
use crate::memory::{AddressSpace, AddressSpaceExt, VirtualAddress};
use alloc::string::String;
use alloc::vec::Vec;

/// IO_TYPE_DEVICE_OBJECT_EXTENSION.
const EXTENSION: u64 = 0xD;
/// Major functions.
const MAJORS: u64 = 28;
/// Members of FAST_IO_DISPATCH behind its size.
const FAST: u64 = 27;

/// Offsets, 64-bit and 32-bit.
struct Layout {
    width: u8,
    device_len: u16,
    characteristics: u64,
    vpb: u64,
    queue_busy: u64,
    security: u64,
    device_extension: u64,
    of_device: u64,
    operations: u64,
    extension_flags: u64,
    node: u64,
    below: u64,
    driver_len: u16,
    add_device: u64,
    driver_extension: u64,
    fast: u64,
    entry: u64,
    major: u64,
    buffer: u64,
    pending: u64,
    information: u64,
    requestor: u64,
    cancel: u64,
    user_event: u64,
    cancel_routine: u64,
    user_buffer: u64,
    current: u64,
    location_parameters: u64,
    location_len: u64,
    node_device: u64,
    node_path: u64,
    node_service: u64,
}

static WIDE: Layout = Layout {
    width: 8,
    device_len: 0x148,
    characteristics: 0x34,
    vpb: 0x38,
    queue_busy: 0xC0,
    security: 0x110,
    device_extension: 0x138,
    of_device: 0x08,
    operations: 0x18,
    extension_flags: 0x20,
    node: 0x28,
    below: 0x30,
    driver_len: 0x150,
    add_device: 0x08,
    driver_extension: 0x30,
    fast: 0x50,
    entry: 0x58,
    major: 0x70,
    buffer: 0x18,
    pending: 0x41,
    information: 0x38,
    requestor: 0x40,
    cancel: 0x44,
    user_event: 0x50,
    cancel_routine: 0x68,
    user_buffer: 0x70,
    current: 0xB8,
    location_parameters: 0x08,
    location_len: 0x48,
    node_device: 0x20,
    node_path: 0x28,
    node_service: 0x38,
};

static NARROW: Layout = Layout {
    width: 4,
    device_len: 0xB4,
    characteristics: 0x20,
    vpb: 0x24,
    queue_busy: 0x70,
    security: 0x98,
    device_extension: 0xB0,
    of_device: 0x04,
    operations: 0x0C,
    extension_flags: 0x10,
    node: 0x14,
    below: 0x18,
    driver_len: 0xA8,
    add_device: 0x04,
    driver_extension: 0x18,
    fast: 0x28,
    entry: 0x2C,
    major: 0x38,
    buffer: 0x0C,
    pending: 0x21,
    information: 0x1C,
    requestor: 0x20,
    cancel: 0x24,
    user_event: 0x2C,
    cancel_routine: 0x38,
    user_buffer: 0x3C,
    current: 0x60,
    location_parameters: 0x04,
    location_len: 0x24,
    node_device: 0x10,
    node_path: 0x14,
    node_service: 0x1C,
};

/// Offset of the reference count in a device, of the flags of a location.
const REFERENCES: u64 = 4;
const LOCATION_FLAGS: u64 = 2;
const LOCATION_CONTROL: u64 = 3;

/// More of a device. Pointers that are 0 or cannot be read are `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeviceDetail {
    /// Who has it open.
    pub references: Option<u32>,
    /// FILE_* characteristics.
    pub characteristics: Option<u32>,
    /// Its volume parameter block.
    pub vpb: Option<VirtualAddress>,
    /// Its security descriptor.
    pub security: Option<VirtualAddress>,
    /// Whether requests wait in its queue.
    pub busy: Option<bool>,
    /// Its extension that the I/O manager keeps.
    pub extension: Option<VirtualAddress>,
    /// DEVICE_OBJECT_POWER_EXTENSION.
    pub operations: Option<VirtualAddress>,
    /// DOE_*.
    pub flags: Option<u32>,
    /// Its node in the tree of devices.
    pub node: Option<VirtualAddress>,
    /// The device below.
    pub below: Option<VirtualAddress>,
}

/// More of a driver.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DriverDetail {
    /// DriverInit, DriverStartIo, DriverUnload, AddDevice; 0 where it has none.
    pub entries: [Option<VirtualAddress>; 4],
    /// The routine of each major function.
    pub majors: Vec<VirtualAddress>,
    /// Fast I/O routines: number in FAST_IO_DISPATCH and address, those that there are.
    pub fast: Vec<(usize, VirtualAddress)>,
}

/// More of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestDetail {
    /// The master IRP or the system buffer, by the request's flags.
    pub buffer: Option<VirtualAddress>,
    /// Whether a driver had said that it would finish it later.
    pub pending: bool,
    /// IoStatus.Information.
    pub information: Option<u64>,
    /// 0 for the kernel, 1 for a program.
    pub requestor: Option<u8>,
    /// Whether somebody wants it cancelled.
    pub cancel: Option<bool>,
    /// The event that the caller waits for.
    pub user_event: Option<VirtualAddress>,
    /// Who cancels it.
    pub cancel_routine: Option<VirtualAddress>,
    /// The caller's buffer.
    pub user_buffer: Option<VirtualAddress>,
    /// Where the current location stands.
    pub current: Option<VirtualAddress>,
    /// Flags, control bits and four parameters of each location, in the order of the locations.
    pub locations: Vec<LocationDetail>,
}

/// More of what one driver is asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LocationDetail {
    /// SL_* flags of the request.
    pub flags: u8,
    /// SL_INVOKE_ON_* and SL_PENDING_RETURNED.
    pub control: u8,
    /// Parameters.Others.
    pub parameters: [u64; 4],
}

/// Reads more of objects that were recognised.
#[derive(Clone, Copy)]
pub struct Details<'a> {
    space: &'a dyn AddressSpace,
    layout: &'static Layout,
}

impl core::fmt::Debug for Details<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Details({} bytes)", self.layout.width)
    }
}

impl<'a> Details<'a> {
    /// A reader for a machine with pointers of `width` bytes.
    #[must_use]
    pub fn new(space: &'a dyn AddressSpace, width: u8) -> Self {
        Self {
            space,
            layout: if width == 4 { &NARROW } else { &WIDE },
        }
    }

    fn record(&self, at: VirtualAddress, len: u16) -> Record<'a> {
        Record::new(self.space, at, len, self.layout.width)
    }

    /// More of a device.
    #[must_use]
    pub fn device(&self, device: &Device) -> DeviceDetail {
        let layout = self.layout;
        let record = self.record(device.address, layout.device_len);
        let word = |at| record.int(at, 4).ok().map(|value| value as u32);
        let extension = record.target(layout.device_extension);
        let behind = extension.map(|at| self.record(at, 0x38));
        let own = behind.filter(|behind| {
            behind.int(0, 2) == Ok(EXTENSION)
                && behind.pointer(layout.of_device) == Ok(device.address)
        });
        let target = |at| own.as_ref()?.target(at);
        DeviceDetail {
            references: word(REFERENCES),
            characteristics: word(layout.characteristics),
            vpb: record.target(layout.vpb),
            security: record.target(layout.security),
            busy: record.int(layout.queue_busy, 1).ok().map(|busy| busy != 0),
            extension,
            operations: target(layout.operations),
            flags: own
                .as_ref()
                .and_then(|own| own.int(layout.extension_flags, 4).ok())
                .map(|flags| flags as u32),
            node: target(layout.node),
            below: target(layout.below),
        }
    }

    /// The instance path and the service of a node in the tree of devices; `None` where it is not that
    /// of the device.
    #[must_use]
    pub fn node(&self, node: VirtualAddress, device: VirtualAddress) -> Option<(String, String)> {
        let layout = self.layout;
        let record = self.record(node, layout.node_service as u16 + 0x10);
        if record.pointer(layout.node_device) != Ok(device) {
            return None;
        }
        let text = |at| {
            let at = node.checked_add(at)?;
            self.space.unicode_string(at, layout.width).ok()
        };
        let path = text(layout.node_path)?;
        Some((path, text(layout.node_service).unwrap_or_default()))
    }

    /// More of a driver.
    #[must_use]
    pub fn driver(&self, driver: &Driver) -> DriverDetail {
        let layout = self.layout;
        let record = self.record(driver.address, layout.driver_len);
        let width = u64::from(layout.width);
        let entry = |index: u64| record.pointer(layout.entry + index * width).ok();
        let extension = record.target(layout.driver_extension);
        let add = extension.and_then(|at| {
            let extension = self.record(at, 0x18);
            extension.pointer(layout.add_device).ok()
        });
        let majors =
            (0..MAJORS).map_while(|index| record.pointer(layout.major + index * width).ok());
        let fast = record.target(layout.fast).map(|at| self.record(at, 0xE8));
        let fast = fast.iter().flat_map(|table| {
            let size = table.int(0, 4).unwrap_or(0);
            (1..=FAST)
                .filter(move |index| (index + 1) * width <= size)
                .filter_map(move |index| Some((index as usize - 1, table.target(index * width)?)))
        });
        DriverDetail {
            entries: [entry(0), entry(1), entry(2), add],
            majors: majors.collect(),
            fast: fast.collect(),
        }
    }

    /// More of a request.
    #[must_use]
    pub fn request(&self, request: &Request) -> RequestDetail {
        let layout = self.layout;
        let record = self.record(request.address, 0xC8);
        let byte = |at| record.int(at, 1).ok().map(|value| value as u8);
        let current = record.target(layout.current);
        // The locations stand one behind the other around the current one.
        let first = current.and_then(|now| {
            let before = request.current.checked_sub(1)?;
            now.0.checked_sub(before.checked_mul(layout.location_len)?)
        });
        let locations = (0_u64..).zip(&request.locations);
        let locations = locations.map(|(index, _)| {
            let at = first.and_then(|first| first.checked_add(index * layout.location_len));
            at.map_or_else(LocationDetail::default, |at| {
                self.location(VirtualAddress(at))
            })
        });
        RequestDetail {
            buffer: record.target(layout.buffer),
            pending: byte(layout.pending).is_some_and(|pending| pending != 0),
            information: record.int(layout.information, layout.width).ok(),
            requestor: byte(layout.requestor),
            cancel: byte(layout.cancel).map(|cancel| cancel != 0),
            user_event: record.target(layout.user_event),
            cancel_routine: record.target(layout.cancel_routine),
            user_buffer: record.target(layout.user_buffer),
            current,
            locations: locations.collect(),
        }
    }

    fn location(&self, at: VirtualAddress) -> LocationDetail {
        let layout = self.layout;
        let record = self.record(at, layout.location_len as u16);
        let byte = |at| record.int(at, 1).map_or(0, |value| value as u8);
        let parameter = |index: u64| {
            let at = layout.location_parameters + index * u64::from(layout.width);
            record.int(at, layout.width).unwrap_or(0)
        };
        LocationDetail {
            flags: byte(LOCATION_FLAGS),
            control: byte(LOCATION_CONTROL),
            parameters: [0, 1, 2, 3].map(parameter),
        }
    }
}

/// Whether nobody asked anything here: a location that no driver used yet.
#[must_use]
pub fn is_unused(location: &Location, detail: &LocationDetail) -> bool {
    location.device.is_none()
        && location.file.is_none()
        && location.completion.is_none()
        && (location.major, location.minor) == (0, 0)
        && *detail == LocationDetail::default()
}

/// What minor functions are called, by major function: wdm.h.
static MINORS: [(u8, &[&str]); 3] = [
    (
        0x16,
        &["WAIT_WAKE", "POWER_SEQUENCE", "SET_POWER", "QUERY_POWER"],
    ),
    (
        0x17,
        &[
            "QUERY_ALL_DATA",
            "QUERY_SINGLE_INSTANCE",
            "CHANGE_SINGLE_INSTANCE",
            "CHANGE_SINGLE_ITEM",
            "ENABLE_EVENTS",
            "DISABLE_EVENTS",
            "ENABLE_COLLECTION",
            "DISABLE_COLLECTION",
            "REGINFO",
            "EXECUTE_METHOD",
            "",
            "REGINFO_EX",
        ],
    ),
    (
        0x1B,
        &[
            "START_DEVICE",
            "QUERY_REMOVE_DEVICE",
            "REMOVE_DEVICE",
            "CANCEL_REMOVE_DEVICE",
            "STOP_DEVICE",
            "QUERY_STOP_DEVICE",
            "CANCEL_STOP_DEVICE",
            "QUERY_DEVICE_RELATIONS",
            "QUERY_INTERFACE",
            "QUERY_CAPABILITIES",
            "QUERY_RESOURCES",
            "QUERY_RESOURCE_REQUIREMENTS",
            "QUERY_DEVICE_TEXT",
            "FILTER_RESOURCE_REQUIREMENTS",
            "",
            "READ_CONFIG",
            "WRITE_CONFIG",
            "EJECT",
            "SET_LOCK",
            "QUERY_ID",
            "QUERY_PNP_DEVICE_STATE",
            "QUERY_BUS_INFORMATION",
            "DEVICE_USAGE_NOTIFICATION",
            "SURPRISE_REMOVAL",
            "QUERY_LEGACY_BUS_INFORMATION",
            "DEVICE_ENUMERATED",
        ],
    ),
];

/// The name of a minor function behind its `IRP_MN_`, where the major function has names for them.
#[must_use]
pub fn minor_name(major: u8, minor: u8) -> Option<&'static str> {
    let (_, names) = MINORS.iter().find(|(known, _)| *known == major)?;
    let name = names.get(usize::from(minor)).copied()?;
    (!name.is_empty()).then_some(name)
}
