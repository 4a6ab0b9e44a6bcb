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
