//! From a kernel object that a stop code points to, to the driver behind it.
//!
//! Layout: DRIVER_OBJECT, DEVICE_OBJECT, IRP and IO_STACK_LOCATION as the Windows driver headers
//! (wdm.h) declare them; they are part of the driver interface and so the same in every version.

use super::facts::{Facts, Place};
use crate::memory::{AddressSpace, AddressSpaceExt, VirtualAddress};
use crate::nt::Architecture;

/// Offsets, 64-bit and 32-bit.
struct Layout {
    width: u8,
    device_driver: u64,
    device_attached: u64,
    driver_start: u64,
    irp_stack_location: u64,
    location_device: u64,
}

const OBJECTS64: Layout = Layout {
    width: 8,
    device_driver: 0x08,
    device_attached: 0x18,
    driver_start: 0x18,
    irp_stack_location: 0xB8,
    location_device: 0x28,
};
const OBJECTS32: Layout = Layout {
    width: 4,
    device_driver: 0x08,
    device_attached: 0x10,
    driver_start: 0x0C,
    irp_stack_location: 0x60,
    location_device: 0x14,
};
/// Devices above one another.
const MAX_ABOVE: usize = 16;
/// The `Type` field at the start of each object.
const TYPE_DEVICE: u16 = 3;
const TYPE_DRIVER: u16 = 4;
const TYPE_IRP: u16 = 6;

/// Reads objects out of whatever memory there is.
pub(super) struct Objects<'a> {
    facts: &'a Facts<'a>,
    space: &'a dyn AddressSpace,
    layout: Layout,
}

impl<'a> Objects<'a> {
    /// Nothing when there is no memory to read.
    pub(super) fn new(facts: &'a Facts<'a>) -> Option<Self> {
        let layout = match facts.architecture? {
            Architecture::X86 => OBJECTS32,
            _ => OBJECTS64,
        };
        Some(Self {
            facts,
            space: facts.space?,
            layout,
        })
    }

    fn typed(&self, object: u64, kind: u16) -> Option<VirtualAddress> {
        let object = VirtualAddress(object);
        (self.space.u16(object).ok()? == kind).then_some(object)
    }

    fn follow(&self, object: VirtualAddress, offset: u64) -> Option<u64> {
        let field = object.checked_add(offset)?;
        self.space
            .pointer(field, self.layout.width)
            .ok()
            .map(|pointer| pointer.0)
    }

    /// The module of a driver object.
    pub(super) fn driver(&self, object: u64) -> Option<Place> {
        let driver = self.typed(object, TYPE_DRIVER)?;
        let start = self.follow(driver, self.layout.driver_start)?;
        self.facts.locate(VirtualAddress(start))
    }

    /// The module whose device a device object is.
    pub(super) fn device(&self, object: u64) -> Option<Place> {
        let device = self.typed(object, TYPE_DEVICE)?;
        self.driver(self.follow(device, self.layout.device_driver)?)
    }

    /// The modules whose devices stand above a device, nearest first.
    pub(super) fn above(&self, device: u64) -> impl Iterator<Item = Place> + '_ {
        let mut at = Some(device);
        let mut left = MAX_ABOVE;
        core::iter::from_fn(move || {
            left = left.checked_sub(1)?;
            let device = self.typed(at?, TYPE_DEVICE)?;
            at = self
                .follow(device, self.layout.device_attached)
                .filter(|at| *at != 0);
            Some(at.and_then(|at| self.device(at)))
        })
        .flatten()
    }

    /// The module that holds an I/O request: the driver of the device it was last passed to.
    pub(super) fn irp_holder(&self, object: u64) -> Option<Place> {
        let irp = self.typed(object, TYPE_IRP)?;
        let location = self.follow(irp, self.layout.irp_stack_location)?;
        let device = self.follow(VirtualAddress(location), self.layout.location_device)?;
        self.device(device)
    }
}
