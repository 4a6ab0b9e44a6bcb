//! The kernel's own list of loaded drivers (PsLoadedModuleList) and its array of unloaded ones
//! (MmUnloadedDrivers).
//!
//! The list is a ring of KLDR_DATA_TABLE_ENTRY, walked from both ends ([`super::list`]); what is
//! between two gaps is lost, and that is said. Layouts: Microsoft's public symbols as collected by
//! Vergilius and the JPCERT tables; where the link time stands differs before Windows 10, where
//! the image itself is asked instead.

use super::list::{Break, Ring};
use super::{Module, ModuleList, UnloadedModule};
use crate::memory::{AddressSpace, AddressSpaceExt, Missing, VirtualAddress};
use alloc::{string::String, vec::Vec};

/// More drivers than any Windows loads; the largest seen has 245.
const MAX_MODULES: usize = 2000;
/// Slots in the array of unloaded drivers (MI_UNLOADED_DRIVERS).
const UNLOADED_SLOTS: u64 = 50;
/// The first build whose entries have the link time at `Layout::stamp`.
const STAMP_FROM: u32 = 10_240;
/// The largest image.
const MAX_IMAGE: u32 = 0x4000_0000;

/// Offsets in KLDR_DATA_TABLE_ENTRY and in an entry of the unloaded drivers.
struct Layout {
    base: u64,
    entry_point: u64,
    size: u64,
    full_name: u64,
    base_name: u64,
    checksum: u64,
    stamp: u64,
    /// Bytes from which all members can be read.
    len: u16,
    unloaded_start: u64,
    unloaded_end: u64,
    unloaded_time: u64,
    unloaded_len: u64,
}

static LAYOUT_64: Layout = Layout {
    base: 0x30,
    entry_point: 0x38,
    size: 0x40,
    full_name: 0x48,
    base_name: 0x58,
    checksum: 0x78,
    stamp: 0x9C,
    len: 0xA0,
    unloaded_start: 0x10,
    unloaded_end: 0x18,
    unloaded_time: 0x20,
    unloaded_len: 0x28,
};

static LAYOUT_32: Layout = Layout {
    base: 0x18,
    entry_point: 0x1C,
    size: 0x20,
    full_name: 0x24,
    base_name: 0x2C,
    checksum: 0x40,
    stamp: 0x58,
    len: 0x5C,
    unloaded_start: 0x08,
    unloaded_end: 0x0C,
    unloaded_time: 0x10,
    unloaded_len: 0x18,
};

fn layout(width: u8) -> &'static Layout {
    if width == 4 { &LAYOUT_32 } else { &LAYOUT_64 }
}

/// The drivers that a walk of the list found.
#[derive(Clone, Debug, Default)]
pub struct Loaded {
    /// In load order, without their paths, which lie elsewhere ([`paths`]).
    pub modules: ModuleList,
    /// Where the entry of each is.
    pub entries: Vec<VirtualAddress>,
    /// What is wrong with the list.
    pub damage: Option<Break>,
    /// Whether drivers are missing.
    pub lost: bool,
}

/// Walks the list whose head is at `head`, on a machine with pointers of `width` bytes.
#[must_use]
pub fn loaded(
    space: &dyn AddressSpace,
    head: VirtualAddress,
    width: u8,
    build: Option<u32>,
) -> Loaded {
    let ring = Ring {
        space,
        head,
        width,
        cap: MAX_MODULES,
        ahead: 3,
    };
    let entries = ring.walk();
    let walk = Walk {
        space,
        width,
        build: build.unwrap_or(0),
    };
    let mut loaded = Loaded {
        damage: entries.damage,
        lost: entries.lost,
        ..Loaded::default()
    };
    let mut modules = Vec::new();
    for at in entries.found {
        match walk.entry(at) {
            Ok(Some(module)) => {
                modules.push(module);
                loaded.entries.push(at);
            }
            Ok(None) => {}
            Err(why) => {
                loaded.damage = loaded.damage.or(Some(Break::Missing(at, why)));
                loaded.lost = true;
            }
        }
    }
    loaded.modules = ModuleList::new(modules);
    loaded
}

/// The paths of the drivers whose entries are at `entries`.
#[must_use]
pub fn paths(
    space: &dyn AddressSpace,
    entries: &[VirtualAddress],
    width: u8,
) -> Vec<Option<String>> {
    let walk = Walk {
        space,
        width,
        build: 0,
    };
    let path = |&at: &VirtualAddress| walk.text(at, layout(width).full_name);
    entries.iter().map(path).collect()
}

struct Walk<'a> {
    space: &'a dyn AddressSpace,
    width: u8,
    build: u32,
}

impl Walk<'_> {
    /// The driver of the entry at `at`; nothing when it is no image.
    fn entry(&self, at: VirtualAddress) -> Result<Option<Module>, Missing> {
        let layout = layout(self.width);
        let bytes = self.space.bytes(at, layout.len)?;
        let word = |offset, len| super::debugger_data::little_endian(&bytes, offset, len);
        let pointer = |offset| word(offset, u64::from(self.width)).unwrap_or(0);
        let base = VirtualAddress(pointer(layout.base));
        let size = word(layout.size, 4).unwrap_or(0) as u32;
        if base.0 == 0 || size == 0 || size > MAX_IMAGE {
            return Ok(None);
        }
        // Behind the entry itself as a rule, while the path is in paged pool.
        let name = self.text(at, layout.base_name).or_else(|| {
            let path = self.text(at, layout.full_name)?;
            Some(file_name(&path))
        });
        // A driver without a readable name is still one: its address says whose code runs.
        let name = name.unwrap_or_else(|| alloc::format!("driver-{base}"));
        let stamp = word(layout.stamp, 4).filter(|_| self.build >= STAMP_FROM);
        let nonzero = |value: Option<u64>| value.map(|v| v as u32).filter(|&v| v != 0);
        Ok(Some(Module {
            name,
            path: None,
            base,
            size,
            entry_point: Some(VirtualAddress(pointer(layout.entry_point))).filter(|e| e.0 != 0),
            timestamp: nonzero(stamp),
            checksum: nonzero(word(layout.checksum, 4)),
        }))
    }

    fn text(&self, at: VirtualAddress, offset: u64) -> Option<String> {
        let at = at.checked_add(offset)?;
        let text = self.space.unicode_string(at, self.width).ok()?;
        (!text.is_empty()).then_some(text)
    }
}

fn file_name(path: &str) -> String {
    path.rsplit('\\').next().unwrap_or(path).into()
}

/// Reads the array of unloaded drivers to which the variable at `array` points; `last` is the
/// variable with the index of the next slot. The newest comes first.
///
/// # Errors
/// When the array cannot be read.
pub fn unloaded(
    space: &dyn AddressSpace,
    array: VirtualAddress,
    last: Option<VirtualAddress>,
    width: u8,
) -> Result<Vec<UnloadedModule>, Missing> {
    let layout = layout(width);
    let next = last.and_then(|last| space.u32(last).ok());
    let array = space.pointer(array, width)?;
    if array.0 == 0 {
        return Ok(Vec::new());
    }
    let bytes = space.bytes(array, (UNLOADED_SLOTS * layout.unloaded_len) as u16)?;
    let slots: Vec<&[u8]> = bytes.chunks_exact(layout.unloaded_len as usize).collect();
    let mut found = Vec::new();
    for age in 1..=UNLOADED_SLOTS {
        let next = u64::from(next.unwrap_or(0)) % UNLOADED_SLOTS;
        let index = (next + UNLOADED_SLOTS - age) % UNLOADED_SLOTS;
        let Some(slot) = slots.get(index as usize) else {
            continue;
        };
        let word = |offset, len| super::debugger_data::little_endian(slot, offset, len);
        let pointer = |offset| VirtualAddress(word(offset, u64::from(width)).unwrap_or(0));
        let (start, end) = (pointer(layout.unloaded_start), pointer(layout.unloaded_end));
        if start.0 == 0 || end <= start {
            continue;
        }
        let at = array.checked_add(index * layout.unloaded_len);
        let name = at.and_then(|at| space.unicode_string(at, width).ok());
        found.push(UnloadedModule {
            name: name.unwrap_or_default(),
            start,
            end,
            time: word(layout.unloaded_time, 8).filter(|&time| time != 0),
        });
    }
    Ok(found)
}
