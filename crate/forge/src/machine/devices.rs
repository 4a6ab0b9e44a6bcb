//! Devices of drivers and the requests that wait in them, and words that were overwritten.

use super::Machine;
use crate::layout::io::{IO32, IO64, Io};
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

impl Machine<'_> {
    fn io(&self) -> Io {
        if self.pointer() == 4 { IO32 } else { IO64 }
    }

    /// Writes the scenario's devices, each driver's in a row.
    pub(super) fn make_devices(&mut self) {
        let devices = self.scenario.devices.clone();
        let mut drivers: BTreeMap<String, Vec<u64>> = BTreeMap::new();
        for device in &devices {
            let of_driver = drivers.entry(device.driver.to_lowercase()).or_default();
            of_driver.push(device.address.0);
            self.make_device(device);
        }
        for (name, devices) in drivers {
            self.make_driver(&name, &devices);
        }
    }

    fn make_device(&mut self, device: &Device) {
        let io = self.io();
        let at = device.address.0;
        let [header, mask, name_info, name] = io.header;
        self.kernel
            .touch(at - header - name_info, header + name_info + io.sizes[1]);
        self.kernel.u16(at, DEVICE);
        self.kernel.u16(at + 2, io.sizes[1] as u16);
        self.put_pointer(at + io.device[2], device.attached.0);
        self.kernel.u32(at + io.device[4], DISK);
        if !device.name.is_empty() {
            self.kernel.u8(at - header + mask, 2);
            let text = self
                .regions
                .paged
                .allocate(2 * device.name.len() as u64 + 2);
            self.put_string(at - header - name_info + name, text, &device.name);
        }
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
    }

    fn make_driver(&mut self, name: &str, devices: &[u64]) {
        let io = self.io();
        let image = self.images.iter().find(|i| i.name.to_lowercase() == name);
        let (start, size) = image.map_or((0, 0), |i| (i.base, i.size));
        let at = self.regions.nonpaged.allocate(io.sizes[0] + 0x80);
        self.kernel.touch(at, io.sizes[0]);
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
    }

    /// Overwrites words of kernel memory, as a wild driver does.
    pub(super) fn overwrite(&mut self) {
        for word in &self.scenario.faults.words {
            self.put_pointer(word.address.0, word.value.0);
        }
    }
}
