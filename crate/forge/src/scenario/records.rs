//! Records that Windows keeps of an error, for a stop code to point to.

use super::Number;
use serde::Deserialize;

/// The record of a hardware error.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HardwareError {
    /// Where it lies.
    pub address: Number,
    /// 0 recoverable, 1 fatal, 2 corrected.
    pub severity: u32,
    /// Its sections; the last is the one that the record is about.
    pub sections: Vec<Section>,
}

/// What one part of the machine reported.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Section {
    /// A processor.
    Processor {
        /// Local APIC id.
        id: u64,
        /// 1 cache, 2 translation buffer, 4 bus, 8 micro-architecture.
        error: u8,
        /// 1 reading, 2 writing, 3 executing.
        operation: u8,
        /// Of the cache.
        level: u8,
    },
    /// A bank of machine-check registers.
    Check {
        /// Its number in Windows.
        processor: u32,
        /// Which bank.
        bank: u32,
        /// MCi_STATUS.
        status: Number,
        /// MCi_ADDR.
        address: Number,
    },
    /// Memory.
    Memory {
        /// Physical address.
        address: Number,
        /// As UEFI counts kinds of memory error.
        error: u8,
        /// Which module.
        module: u16,
        /// What the firmware calls it.
        name: String,
    },
    /// A PCI Express device.
    PciExpress {
        /// Kind of port.
        port: u32,
        /// Vendor and device.
        id: [u16; 2],
        /// Bus, device, function.
        place: [u8; 3],
        /// Uncorrectable error status.
        uncorrectable: u32,
    },
}

/// Driver Verifier.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Verifier {
    /// Its settings, one bit each; 0 is off.
    pub level: u32,
    /// The drivers that it was told to watch, as the registry has them; `*` for all.
    pub drivers: String,
    /// What it keeps of a driver that is being unloaded.
    pub leaving: Option<Leaving>,
}

/// The verifier's record of one driver, for a stop code to point to.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Leaving {
    /// Where the record lies; the entry of the list of suspects is 0x80 bytes behind it, the driver's
    /// name as plain text 0x180 bytes.
    pub address: Number,
    /// The driver's file name.
    pub driver: String,
}

/// A page of pool with a chain of blocks.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PoolPage {
    /// Where the page begins.
    pub address: Number,
    /// Its blocks; what is left of the page is one free block.
    pub blocks: Vec<Block>,
}

/// A block of pool.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Block {
    /// Bytes, with the header.
    pub size: u64,
    /// Four characters.
    pub tag: String,
}
