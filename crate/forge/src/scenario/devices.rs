//! Devices, and requests on their way through them.

use super::Number;
use serde::Deserialize;

/// A device of a loaded driver.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Device {
    /// Where its object lies.
    pub address: Number,
    /// File name of its driver, one of the modules.
    pub driver: String,
    /// Its name, as `\Device\Harddisk0`; none when empty.
    pub name: String,
    /// Address of the device that is attached above it; none when 0.
    pub attached: Number,
    /// A request that waits here.
    pub request: Option<Request>,
    /// FILE_DEVICE_*.
    pub kind: u32,
    /// DO_*.
    pub flags: Number,
    /// FILE_* characteristics.
    pub characteristics: Number,
    /// The instance path of the device that it stands for, as `PCI\VEN_8086&DEV_2922`; none when empty.
    pub instance: String,
}

/// An executive resource that the stopping thread holds, or nobody.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Lock {
    /// Where it lies.
    pub address: Number,
    /// Whether it is held.
    pub held: bool,
    /// Whether by one thread alone.
    pub exclusive: bool,
    /// How many wait to have it alone.
    pub waiters: u32,
}

/// An I/O request packet that has come down to a device.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Request {
    /// Where it lies.
    pub address: Number,
    /// IRP_MJ_*.
    pub major: u8,
    /// Minor function.
    pub minor: u8,
    /// IRP_*.
    pub flags: Number,
    /// Control bits of its stack location.
    pub control: u8,
    /// Parameters of its stack location.
    pub parameters: Vec<Number>,
    /// How far into the image of the driver above its completion routine lies; none when 0.
    pub completion: Number,
    /// Whether it was marked as pending.
    pub pending: bool,
}
