//! Devices of drivers and the requests that wait in them, and words that were overwritten.

use super::Machine;
use crate::layout::io::{self, IO32, IO64, Io};
use crate::scenario::Device;
use std::collections::BTreeMap;

/// Types that objects begin with.
const DEVICE: u16 = 3;
const DRIVER: u16 = 4;
const REQUEST: u16 = 6;
/// Drivers that a request was made for.
const LOCATIONS: u8 = 3;
/// FILE_DEVICE_DISK.
const DISK: u32 = 7;
const EXTENSION: u16 = 13;
/// DOE_DEFAULT_SD_PRESENT.
const DEFAULT_SECURITY: u32 = 0x800;
/// Major functions.
const MAJORS: u64 = 28;

impl Machine<'_> {
    fn io(&self) -> Io {
        if self.pointer() == 4 { IO32 } else { IO64 }
    }

    /// Writes the scenario's devices, each driver's in a row.
    pub(super) fn make_devices(&mut self) {
        let devices = self.scenario.devices.clone();
        if devices.is_empty() {
            return;
        }
        let mut drivers: BTreeMap<String, Vec<u64>> = BTreeMap::new();
        for device in &devices {
            let of_driver = drivers.entry(device.driver.to_lowercase()).or_default();
            of_driver.push(device.address.0);
            self.make_device(device);
        }
        for (upper, lower) in devices.iter().map(|d| (d.attached.0, d.address.0)) {
            if devices.iter().any(|d| d.address.0 == upper) {
                self.attach(upper, lower);
            }
        }
        let mut objects = Vec::new();
        for (name, devices) in drivers {
            objects.push(self.make_driver(&name, &devices));
        }
        let named = devices.iter().filter(|d| !d.name.is_empty());
        let named: Vec<u64> = named.map(|d| d.address.0).collect();
        self.make_namespace(&objects, &named);
        let requests = devices.iter().filter_map(|d| d.request.as_ref());
        let requests: Vec<u64> = requests.map(|request| request.address.0).collect();
        self.link_requests(&requests);
    }

    /// Writes the scenario's executive resources into the kernel's list.
    pub(super) fn make_locks(&mut self) {
        let locks = self.scenario.locks.clone();
        let Some(head) = self
            .variable("ExpSystemResourcesList")
            .filter(|_| !locks.is_empty())
        else {
            return;
        };
        let form = if self.pointer() == 4 {
            io::LOCK32
        } else {
            io::LOCK64
        };
        let [size, active, flag, owner, contention, exclusive] = form;
        let thread = self.current.thread.object;
        let p = self.pointer() as u64;
        for lock in &locks {
            let at = lock.address.0;
            self.kernel.touch(at, size);
            if !lock.held {
                continue;
            }
            self.kernel.u16(at + active, 1);
            self.kernel
                .u16(at + flag, if lock.exclusive { 0x80 } else { 0 });
            self.put_pointer(at + owner, thread);
            // Once, behind three bits of flags; two up to Windows 7.
            let old = self.scenario.machine.build < 9200;
            self.kernel.u32(at + owner + p, if old { 4 } else { 8 });
            self.kernel.u32(at + contention, lock.waiters);
            self.kernel.u32(at + exclusive, lock.waiters);
        }
        let entries: Vec<u64> = locks.iter().map(|lock| lock.address.0).collect();
        self.link(head, &entries);
    }

    /// The image of a driver: where it begins and how long it is.
    fn image_of(&self, name: &str) -> (u64, u64) {
        let image = self.images.iter().find(|i| i.name.to_lowercase() == name);
        image.map_or((0, 0), |i| (i.base, i.size))
    }

    /// Tells a device what stands below it.
    fn attach(&mut self, upper: u64, lower: u64) {
        let io = self.io();
        let [_, _, _, _, _, extension] = io.more_of_device;
        let width = self.pointer();
        let at = self.kernel.read_word(upper + extension, width);
        self.put_pointer(at + io.extension[4], lower);
    }

    /// The requests of the stopping thread, which made all of them.
    fn link_requests(&mut self, requests: &[u64]) {
        let Some(list) = self.build.field("_ETHREAD", "IrpList") else {
            return;
        };
        let head = self.current.thread.object + list;
        let links = self.io().more_of_request[2];
        let entries: Vec<u64> = requests.iter().map(|irp| irp + links).collect();
        self.link(head, &entries);
    }

    /// `\Driver` and `\Device` below the root directory, all objects of each in one list.
    fn make_namespace(&mut self, drivers: &[u64], devices: &[u64]) {
        let Some(root) = self.variable("ObpRootDirectoryObject") else {
            return;
        };
        let of_drivers = self.make_directory("Driver", 3, drivers);
        let of_devices = self.make_directory("Device", 30, devices);
        let at = self.make_directory("", 5, &[of_devices, of_drivers]);
        self.put_pointer(root, at);
    }

    fn make_directory(&mut self, name: &str, list: u64, objects: &[u64]) -> u64 {
        let p = self.pointer() as u64;
        let [header, _, name_info, _] = self.io().header;
        let size = (io::DIRECTORY_LISTS + 4) * p;
        let at = self.regions.paged.allocate(name_info + header + size) + name_info + header;
        self.kernel
            .touch(at - header - name_info, name_info + header + size);
        self.put_object_name(at, name);
        let mut link = at + list * p;
        for object in objects {
            let entry = self.regions.paged.allocate(3 * p);
            self.kernel.touch(entry, 3 * p);
            self.put_pointer(link, entry);
            self.put_pointer(entry + p, *object);
            link = entry;
        }
        at
    }

    /// The name in front of an object's header.
    fn put_object_name(&mut self, at: u64, name: &str) {
        if name.is_empty() {
            return;
        }
        let [header, mask, name_info, place] = self.io().header;
        self.kernel.u8(at - header + mask, 2);
        let text = self.regions.paged.allocate(2 * name.len() as u64 + 2);
        self.put_string(at - header - name_info + place, text, name);
    }

    fn make_device(&mut self, device: &Device) {
        let io = self.io();
        let at = device.address.0;
        let [header, _, name_info, _] = io.header;
        self.kernel
            .touch(at - header - name_info, header + name_info + io.sizes[1]);
        self.kernel.u16(at, DEVICE);
        self.kernel.u16(at + 2, io.sizes[1] as u16);
        self.put_pointer(at + io.device[2], device.attached.0);
        let kind = if device.kind == 0 { DISK } else { device.kind };
        self.kernel.u32(at + io.device[4], kind);
        self.put_object_name(at, &device.name);
        self.make_extension(device);
        let Some(request) = &device.request else {
            return;
        };
        let irp = request.address.0;
        let size = io.sizes[2] + io.sizes[3] * u64::from(LOCATIONS);
        self.kernel.touch(irp, size);
        self.kernel.u16(irp, REQUEST);
        self.kernel.u16(irp + 2, size as u16);
        self.kernel.u8(irp + io.request[0], LOCATIONS);
        // The lowest location but one is current: one driver below has not seen it.
        self.kernel.u8(irp + io.request[1], 2);
        let thread = self.current.thread.object;
        self.put_pointer(irp + io.request[2], thread);
        let location = irp + io.sizes[2] + io.sizes[3];
        self.put_pointer(irp + io.request[3], location);
        self.kernel.u8(location, request.major);
        self.kernel.u8(location + 1, request.minor);
        self.put_pointer(location + io.location_device, at);
        self.put_pointer(at + io.device[3], irp);
        let [_, flags, _, _, pending, _] = io.more_of_request;
        self.kernel.u32(irp + flags, request.flags.0 as u32);
        self.kernel.u8(irp + pending, u8::from(request.pending));
        self.kernel.u8(location + 3, request.control);
        let [first, _, completion, context] = io.location;
        let p = self.pointer() as u64;
        for (i, value) in (0..4).zip(&request.parameters) {
            self.put_pointer(location + first + i * p, value.0);
        }
        if request.completion.0 != 0 {
            let upper = self.scenario.devices.iter();
            let mut upper = upper.filter(|other| other.address.0 == device.attached.0);
            let driver = upper
                .next()
                .map_or(String::new(), |d| d.driver.to_lowercase());
            let routine = self.image_of(&driver).0 + request.completion.0;
            self.put_pointer(location + completion, routine);
            self.put_pointer(location + context, at);
        }
    }

    /// What the I/O manager keeps of a device, and its node in the tree of devices.
    fn make_extension(&mut self, device: &Device) {
        let io = self.io();
        let at = device.address.0;
        let [references, flags, characteristics, _, driver, own] = io.more_of_device;
        self.kernel.u32(at + references, 1);
        self.kernel.u32(at + flags, device.flags.0 as u32);
        self.kernel
            .u32(at + characteristics, device.characteristics.0 as u32);
        self.put_pointer(at + driver, at + io.sizes[1]);
        let [size, of_device, bits, node, _] = io.extension;
        let extension = self.regions.nonpaged.allocate(size);
        self.kernel.touch(extension, size);
        self.kernel.u16(extension, EXTENSION);
        self.put_pointer(extension + of_device, at);
        self.kernel.u32(extension + bits, DEFAULT_SECURITY);
        self.put_pointer(at + own, extension);
        if device.instance.is_empty() {
            return;
        }
        let [size, of_node, path, service] = io.node;
        let place = self.regions.nonpaged.allocate(size);
        self.kernel.touch(place, size);
        self.put_pointer(place + of_node, at);
        for (offset, text) in [(path, device.instance.as_str()), (service, "examsvc")] {
            let buffer = self.regions.paged.allocate(2 * text.len() as u64 + 2);
            self.put_string(place + offset, buffer, text);
        }
        self.put_pointer(extension + node, place);
    }

    fn make_driver(&mut self, name: &str, devices: &[u64]) -> u64 {
        let io = self.io();
        let (start, size) = self.image_of(name);
        let [header, _, name_info, _] = io.header;
        let before = header + name_info;
        let at = self.regions.nonpaged.allocate(before + io.sizes[0] + 0x80) + before;
        self.kernel.touch(at - before, before + io.sizes[0]);
        self.kernel.u16(at, DRIVER);
        self.kernel.u16(at + 2, io.sizes[0] as u16);
        self.put_pointer(at + io.driver[0], devices[0]);
        self.put_pointer(at + io.driver[1], start);
        self.kernel.u32(at + io.driver[2], size as u32);
        let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
        let text = format!(r"\Driver\{stem}");
        let buffer = self.regions.nonpaged.allocate(2 * text.len() as u64 + 2);
        self.put_string(at + io.driver[3], buffer, &text);
        for (i, device) in devices.iter().enumerate() {
            self.put_pointer(device + io.device[0], at);
            let next = devices.get(i + 1).copied().unwrap_or(0);
            self.put_pointer(device + io.device[1], next);
        }
        self.put_object_name(at, stem);
        self.make_routines(at, start);
        at
    }

    /// Entry points, in the image one behind the other; AddDevice is missing, as in a driver of a file system.
    fn make_routines(&mut self, driver: u64, start: u64) {
        let io = self.io();
        let p = self.pointer() as u64;
        let [extension, fast, init, unload, major, add] = io.routines;
        self.put_pointer(driver + init, start + 0x1000);
        self.put_pointer(driver + unload, start + 0x1100);
        for number in 0..MAJORS {
            self.put_pointer(driver + major + number * p, start + 0x1200 + 0x10 * number);
        }
        let more = self.regions.nonpaged.allocate(4 * p);
        self.kernel.touch(more, 4 * p);
        self.put_pointer(driver + extension, more);
        self.put_pointer(more, driver);
        self.put_pointer(more + add, 0);
        let table = self.regions.nonpaged.allocate(28 * p);
        self.kernel.touch(table, 28 * p);
        self.kernel.u32(table, 28 * p as u32);
        // FastIoCheckIfPossible, FastIoDeviceControl.
        self.put_pointer(table + p, start + 0x1500);
        self.put_pointer(table + 10 * p, start + 0x1600);
        self.put_pointer(driver + fast, table);
    }

    /// Overwrites words of kernel memory, as a wild driver does.
    pub(super) fn overwrite(&mut self) {
        for word in &self.scenario.faults.words {
            self.put_pointer(word.address.0, word.value.0);
        }
    }
}
