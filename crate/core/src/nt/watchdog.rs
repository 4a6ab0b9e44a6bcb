//! What Windows leaves for whoever looks at a watchdog's stop: which devices Plug and Play waited for,
//! which requests for power were under way, and which code the clock found at interrupt work.
//!
//! Layouts: TRIAGE_9F_POWER, TRIAGE_9F_PNP and what they lead to (TRIAGE_POP_IRP_DATA,
//! TRIAGE_DEVICE_NODE, …) as published in Windows symbols, the same since Windows 7;
//! DPC_WATCHDOG_GLOBAL_TRIAGE_BLOCK as the driver kit declares it: it says where in KPRCB the pointer
//! to the captured addresses stands (KPRCB.DpcWatchdogProfile) and how many bytes they have.

use super::record::Record;
use crate::memory::{AddressSpace, AddressSpaceExt, VirtualAddress};
use alloc::{string::String, vec::Vec};

const POWER: u64 = 0x8000;
const PLUG_AND_PLAY: u64 = 0x8001;
const INTERRUPT_WORK: u64 = 0xAEBE_CEDE;
/// Entries of a list that are read.
const MOST: usize = 16;
/// Bytes of captured addresses that are read.
const MOST_CAPTURED: u64 = 0x8000;

/// Offsets by bytes in a pointer.
struct Layout {
    /// In either block, and in an entry of its list.
    list: u64,
    entry: u64,
    /// TRIAGE_DEVICE_NODE.
    device: u64,
    instance: u64,
    service: u64,
}

const WIDE: Layout = Layout {
    list: 8,
    entry: 0x10,
    device: 0x20,
    instance: 0x28,
    service: 0x38,
};
const NARROW: Layout = Layout {
    list: 4,
    entry: 8,
    device: 0x10,
    instance: 0x14,
    service: 0x1C,
};

/// A device that Plug and Play waited for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeviceNode {
    /// Its own object.
    pub device: Option<VirtualAddress>,
    /// The service that drives it.
    pub service: Option<String>,
    /// Its path below the registry's Enum.
    pub instance: Option<String>,
}

/// Reads these blocks.
#[derive(Clone, Copy)]
pub struct Triage<'a> {
    space: &'a dyn AddressSpace,
    layout: &'static Layout,
    width: u8,
}

impl core::fmt::Debug for Triage<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Triage({} bytes)", self.width)
    }
}

impl<'a> Triage<'a> {
    /// A reader for a machine with pointers of `width` bytes.
    #[must_use]
    pub fn new(space: &'a dyn AddressSpace, width: u8) -> Self {
        Self {
            space,
            layout: if width == 4 { &NARROW } else { &WIDE },
            width,
        }
    }

    fn pointer(&self, at: VirtualAddress, offset: u64) -> Option<VirtualAddress> {
        let found = self.space.pointer(at.checked_add(offset)?, self.width);
        found.ok().filter(|at| at.0 != 0)
    }

    /// What the entries of the block's list point to.
    fn listed(&self, block: VirtualAddress, signature: u64) -> Vec<VirtualAddress> {
        let mut found = Vec::new();
        let own = Record::new(self.space, block, 0, self.width);
        if own.int(0, 2) != Ok(signature) {
            return found;
        }
        let head = self.pointer(block, self.layout.list);
        let mut entry = head.and_then(|head| self.pointer(head, 0));
        while let Some(at) = entry.filter(|at| Some(*at) != head && found.len() < MOST) {
            found.extend(self.pointer(at, self.layout.entry));
            entry = self.pointer(at, 0);
        }
        found
    }

    /// The requests for power that the block at an address leads to.
    #[must_use]
    pub fn requests(&self, block: VirtualAddress) -> Vec<VirtualAddress> {
        self.listed(block, POWER)
    }

    /// The devices that the block at an address leads to.
    #[must_use]
    pub fn devices(&self, block: VirtualAddress) -> Vec<DeviceNode> {
        let nodes = self.listed(block, PLUG_AND_PLAY).into_iter();
        let text = |node: VirtualAddress, offset| {
            let at = node.checked_add(offset)?;
            let text = self.space.unicode_string(at, self.width).ok()?;
            (!text.is_empty()).then_some(text)
        };
        nodes
            .map(|node| DeviceNode {
                device: self.pointer(node, self.layout.device),
                service: text(node, self.layout.service),
                instance: text(node, self.layout.instance),
            })
            .collect()
    }

    /// The addresses of code that the clock captured while a processor was at interrupt work. `block`
    /// is what the stop code points to, `processor` the block of that processor.
    #[must_use]
    pub fn captured(&self, block: VirtualAddress, processor: VirtualAddress) -> Vec<u64> {
        let own = Record::new(self.space, block, 0x10, self.width);
        let told = |offset, len| own.int(offset, len).ok();
        if told(0, 4) != Some(INTERRUPT_WORK) {
            return Vec::new();
        }
        let place = told(8, 2).zip(told(0xC, 4));
        let captured = place.and_then(|(offset, length)| {
            let at = self.pointer(processor, offset)?;
            let length = length.min(MOST_CAPTURED) as u16;
            self.space.bytes(at, length).ok()
        });
        let bytes = captured.unwrap_or_default();
        let words = bytes.chunks_exact(self.width.into());
        words
            .map(|word| word.iter().rev().fold(0, |all, b| all << 8 | u64::from(*b)))
            .filter(|at| *at != 0)
            .collect()
    }
}
