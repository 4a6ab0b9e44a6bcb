//! KUSER_SHARED_DATA: the page that Windows maps into every process, with facts about itself.
//!
//! Layout: Microsoft's public symbols as collected by Vergilius; the members read here stand at
//! the same place in every version since XP, the build number since Windows 10.

use crate::memory::{AddressSpace, AddressSpaceExt, Missing, VirtualAddress};
use crate::nt::debugger_data::little_endian;

/// Where the kernel has it.
const KERNEL_64: VirtualAddress = VirtualAddress(0xFFFF_F780_0000_0000);
const KERNEL_32: VirtualAddress = VirtualAddress(0xFFDF_0000);
/// Bytes that are read.
const LEN: u16 = 0x300;

/// Offsets.
mod at {
    pub const INTERRUPT_TIME: u64 = 0x08;
    pub const SYSTEM_TIME: u64 = 0x14;
    pub const TIME_ZONE_BIAS: u64 = 0x20;
    pub const BUILD: u64 = 0x260;
    pub const PRODUCT_TYPE: u64 = 0x264;
    pub const PRODUCT_TYPE_IS_VALID: u64 = 0x268;
    pub const MAJOR: u64 = 0x26C;
    pub const MINOR: u64 = 0x270;
    pub const SUITE_MASK: u64 = 0x2D0;
    pub const PHYSICAL_PAGES: u64 = 0x2E8;
}

/// 100 ns in a minute.
const MINUTE: i64 = 600_000_000;
/// The farthest time zone, in minutes.
const MAX_BIAS: i64 = 24 * 60;

/// What the shared page says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SharedData {
    /// Build number; Windows 10 and later.
    pub build: Option<u32>,
    /// 1 workstation, 2 domain controller, 3 server.
    pub product_type: Option<u32>,
    /// Major and minor version.
    pub version: (u32, u32),
    /// Pages of physical memory; 32 bits, so it wraps above 16 TiB.
    pub physical_pages: Option<u32>,
    /// Minutes from local time to UTC.
    pub time_zone_bias: Option<i32>,
    /// How long Windows had run, in 100 ns.
    pub uptime: Option<u64>,
    /// The time of day, FILETIME.
    pub system_time: Option<u64>,
    /// What kind of product it is, as in OSVERSIONINFOEX.
    pub suite_mask: Option<u32>,
}

impl SharedData {
    /// Reads it on a machine with pointers of `width` bytes.
    ///
    /// # Errors
    /// When its page is missing.
    pub fn read(space: &dyn AddressSpace, width: u8) -> Result<Self, Missing> {
        let bytes = space.bytes(address(width), LEN)?;
        let int = |offset, len| little_endian(&bytes, offset, len);
        let word = |offset| int(offset, 4).map(|value| value as u32);
        let nonzero = |value: Option<u32>| value.filter(|&value| value != 0);
        let bias = time(&bytes, at::TIME_ZONE_BIAS).map(|value| value as i64 / MINUTE);
        let valid = int(at::PRODUCT_TYPE_IS_VALID, 1) == Some(1);
        Ok(Self {
            build: nonzero(word(at::BUILD)).map(|build| build & 0xFFFF),
            product_type: word(at::PRODUCT_TYPE).filter(|kind| valid && (1..=3).contains(kind)),
            version: (word(at::MAJOR).unwrap_or(0), word(at::MINOR).unwrap_or(0)),
            physical_pages: nonzero(word(at::PHYSICAL_PAGES)),
            time_zone_bias: bias
                .filter(|bias| bias.abs() <= MAX_BIAS)
                .map(|bias| bias as i32),
            uptime: time(&bytes, at::INTERRUPT_TIME).filter(|&time| time != 0),
            system_time: time(&bytes, at::SYSTEM_TIME).filter(|&time| time != 0),
            suite_mask: word(at::SUITE_MASK),
        })
    }
}

/// Where a kernel with pointers of `width` bytes has it.
pub(super) const fn address(width: u8) -> VirtualAddress {
    if width == 4 { KERNEL_32 } else { KERNEL_64 }
}

/// KSYSTEM_TIME: the low half, the high half, and that again. A writer sets the copy first, so
/// halves that differ were caught in between and say nothing.
fn time(bytes: &[u8], at: u64) -> Option<u64> {
    let word = |offset| little_endian(bytes, at + offset, 4);
    let (high, again) = (word(4)?, word(8)?);
    (high == again).then_some(high << 32 | word(0)?)
}
