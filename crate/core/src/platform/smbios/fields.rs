//! The structures of SMBIOS that say something about a crash, field by field.
//!
//! Offsets are those of DMTF DSP0134 from the start of the structure.

use super::walk::Structure;
use crate::knowledge::version::Day;
use crate::platform::bytes::{array_at, u32_at, u64_at};
use alloc::string::String;
use core::fmt;

mod at {
    //! Offsets of fields by structure type.
    pub mod t0 {
        pub const VENDOR: usize = 0x04;
        pub const VERSION: usize = 0x05;
        pub const DATE: usize = 0x08;
        pub const CHARACTERISTICS_2: usize = 0x13;
    }
    pub mod t1 {
        pub const MANUFACTURER: usize = 0x04;
        pub const PRODUCT: usize = 0x05;
        pub const VERSION: usize = 0x06;
        pub const SERIAL: usize = 0x07;
        pub const UUID: usize = 0x08;
        pub const SKU: usize = 0x19;
        pub const FAMILY: usize = 0x1A;
    }
    pub mod t2 {
        pub const MANUFACTURER: usize = 0x04;
        pub const PRODUCT: usize = 0x05;
        pub const VERSION: usize = 0x06;
    }
    pub mod t3 {
        pub const MANUFACTURER: usize = 0x04;
        pub const KIND: usize = 0x05;
        pub const VERSION: usize = 0x06;
        pub const ASSET_TAG: usize = 0x08;
    }
    pub mod t4 {
        pub const SOCKET: usize = 0x04;
        pub const MANUFACTURER: usize = 0x07;
        pub const VERSION: usize = 0x10;
        pub const CURRENT_SPEED: usize = 0x16;
        pub const STATUS: usize = 0x18;
        pub const CORES: usize = 0x23;
        pub const THREADS: usize = 0x25;
        pub const CORES_2: usize = 0x2A;
        pub const THREADS_2: usize = 0x2E;
    }
    pub mod t16 {
        pub const CAPACITY_KIB: usize = 0x07;
        pub const SLOTS: usize = 0x0D;
        pub const EXTENDED_CAPACITY: usize = 0x0F;
    }
    pub mod t17 {
        pub const SIZE: usize = 0x0C;
        pub const LOCATOR: usize = 0x10;
        pub const BANK: usize = 0x11;
        pub const KIND: usize = 0x12;
        pub const SPEED: usize = 0x15;
        pub const MANUFACTURER: usize = 0x17;
        pub const PART: usize = 0x1A;
        pub const EXTENDED_SIZE: usize = 0x1C;
        pub const CONFIGURED_SPEED: usize = 0x20;
        pub const EXTENDED_SPEED: usize = 0x54;
        pub const EXTENDED_CONFIGURED_SPEED: usize = 0x58;
    }
    pub mod t19 {
        pub const START_KIB: usize = 0x04;
        pub const END_KIB: usize = 0x08;
        pub const EXTENDED_START: usize = 0x0F;
        pub const EXTENDED_END: usize = 0x17;
    }
}

/// Type 0: the firmware.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Firmware {
    /// Who wrote it.
    pub vendor: Option<String>,
    /// Its version.
    pub version: Option<String>,
    /// Its release date as recorded, month first.
    pub date_text: Option<String>,
    /// The same as a date.
    pub date: Option<Day>,
    /// The bit "this table describes a virtual machine", where recorded. Few hypervisors set it.
    pub virtual_machine: Option<bool>,
}

impl Firmware {
    pub(super) fn read(s: &Structure<'_>) -> Self {
        let date_text = s.text(at::t0::DATE);
        let extension = s.u8(at::t0::CHARACTERISTICS_2);
        Self {
            vendor: s.text(at::t0::VENDOR),
            version: s.text(at::t0::VERSION),
            date: date_text.as_deref().and_then(Day::from_firmware),
            date_text,
            virtual_machine: extension.map(|bits| bits & 0x10 != 0),
        }
    }
}

/// A UUID as the specification orders its bytes: the first three fields little-endian.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Uuid(pub [u8; 16]);

impl fmt::Display for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const ORDER: [usize; 16] = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15];
        for (place, index) in ORDER.into_iter().enumerate() {
            if matches!(place, 4 | 6 | 8 | 10) {
                f.write_str("-")?;
            }
            write!(f, "{:02x}", self.0.get(index).copied().unwrap_or(0))?;
        }
        Ok(())
    }
}

/// Type 1: the system.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SystemInformation {
    /// Who made it.
    pub manufacturer: Option<String>,
    /// What it is sold as.
    pub product: Option<String>,
    /// Its version.
    pub version: Option<String>,
    /// Its serial number; blank in many dumps.
    pub serial: Option<String>,
    /// Its UUID; `None` when blank or not set.
    pub uuid: Option<Uuid>,
    /// Stock-keeping unit.
    pub sku: Option<String>,
    /// Family.
    pub family: Option<String>,
}

impl SystemInformation {
    pub(super) fn read(s: &Structure<'_>) -> Self {
        let uuid: Option<[u8; 16]> = array_at(s.fields, at::t1::UUID);
        let set = |bytes: &[u8; 16]| *bytes != [0; 16] && *bytes != [0xFF; 16];
        Self {
            manufacturer: s.text(at::t1::MANUFACTURER),
            product: s.text(at::t1::PRODUCT),
            version: s.text(at::t1::VERSION),
            serial: s.text(at::t1::SERIAL),
            uuid: uuid.filter(set).map(Uuid),
            sku: s.text(at::t1::SKU),
            family: s.text(at::t1::FAMILY),
        }
    }
}

/// Type 2: the board.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Board {
    /// Who made it.
    pub manufacturer: Option<String>,
    /// What it is sold as.
    pub product: Option<String>,
    /// Its version.
    pub version: Option<String>,
}

impl Board {
    pub(super) fn read(s: &Structure<'_>) -> Self {
        Self {
            manufacturer: s.text(at::t2::MANUFACTURER),
            product: s.text(at::t2::PRODUCT),
            version: s.text(at::t2::VERSION),
        }
    }
}

/// Type 3: the chassis.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Chassis {
    /// Who made it.
    pub manufacturer: Option<String>,
    /// The number that the specification gives its shape, e.g. 3 for a desktop.
    pub kind: Option<u8>,
    /// Its version.
    pub version: Option<String>,
    /// What the owner, or Azure, wrote on it.
    pub asset_tag: Option<String>,
}

impl Chassis {
    pub(super) fn read(s: &Structure<'_>) -> Self {
        Self {
            manufacturer: s.text(at::t3::MANUFACTURER),
            // The top bit says whether there is a lock.
            kind: s.u8(at::t3::KIND).map(|kind| kind & 0x7F),
            version: s.text(at::t3::VERSION),
            asset_tag: s.text(at::t3::ASSET_TAG),
        }
    }
}

/// Type 4: a processor socket.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Processor {
    /// What is printed beside the socket.
    pub socket: Option<String>,
    /// Who made the processor.
    pub manufacturer: Option<String>,
    /// Its name.
    pub version: Option<String>,
    /// Megahertz at boot.
    pub current_mhz: Option<u16>,
    /// Whether there is one in the socket.
    pub populated: bool,
    /// Cores.
    pub cores: Option<u16>,
    /// Hardware threads.
    pub threads: Option<u16>,
}

impl Processor {
    pub(super) fn read(s: &Structure<'_>) -> Self {
        // 0xFF in the byte means that the number is in the word of version 3.0.
        let count = |byte, word| match s.u8(byte)? {
            0 => None,
            0xFF => s.u16(word).filter(|&n| n != 0 && n != 0xFFFF),
            few => Some(u16::from(few)),
        };
        Self {
            socket: s.text(at::t4::SOCKET),
            manufacturer: s.text(at::t4::MANUFACTURER),
            version: s.text(at::t4::VERSION),
            current_mhz: s.u16(at::t4::CURRENT_SPEED).filter(|&mhz| mhz != 0),
            populated: s.u8(at::t4::STATUS).is_some_and(|bits| bits & 0x40 != 0),
            cores: count(at::t4::CORES, at::t4::CORES_2),
            threads: count(at::t4::THREADS, at::t4::THREADS_2),
        }
    }
}

/// Type 16: a set of memory sockets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MemoryArray {
    /// Most memory that it takes, bytes.
    pub capacity: Option<u64>,
    /// How many sockets it has.
    pub slots: u16,
}

impl MemoryArray {
    pub(super) fn read(s: &Structure<'_>) -> Option<Self> {
        let capacity = match u32_at(s.fields, at::t16::CAPACITY_KIB)? {
            0x8000_0000 => u64_at(s.fields, at::t16::EXTENDED_CAPACITY),
            0 => None,
            kib => Some(u64::from(kib) * 1024),
        };
        Some(Self {
            capacity,
            slots: s.u16(at::t16::SLOTS)?,
        })
    }
}

/// Type 17: a memory socket and what is in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MemorySlot {
    /// What is printed beside it.
    pub locator: Option<String>,
    /// Its bank.
    pub bank: Option<String>,
    /// Bytes in it: 0 when it is empty, `None` when the firmware does not know.
    pub bytes: Option<u64>,
    /// E.g. `DDR4`.
    pub kind: Option<&'static str>,
    /// Megatransfers per second at which it runs, or where that is not recorded, could run.
    pub speed: Option<u32>,
    /// Who made it.
    pub manufacturer: Option<String>,
    /// Part number.
    pub part: Option<String>,
}

impl MemorySlot {
    pub(super) fn read(s: &Structure<'_>) -> Option<Self> {
        let bytes = match s.u16(at::t17::SIZE)? {
            0xFFFF => None,
            0x7FFF => u32_at(s.fields, at::t17::EXTENDED_SIZE)
                .map(|mib| u64::from(mib & 0x7FFF_FFFF) << 20),
            kib if kib & 0x8000 != 0 => Some(u64::from(kib & 0x7FFF) << 10),
            mib => Some(u64::from(mib) << 20),
        };
        let speed = |short, long| match s.u16(short)? {
            0 => None,
            0xFFFF => u32_at(s.fields, long).map(|mts| mts & 0x7FFF_FFFF),
            mts => Some(u32::from(mts)),
        };
        let configured = speed(
            at::t17::CONFIGURED_SPEED,
            at::t17::EXTENDED_CONFIGURED_SPEED,
        );
        Some(Self {
            locator: s.text(at::t17::LOCATOR),
            bank: s.text(at::t17::BANK),
            bytes,
            kind: s.u8(at::t17::KIND).and_then(memory_kind),
            speed: configured
                .or_else(|| speed(at::t17::SPEED, at::t17::EXTENDED_SPEED))
                .filter(|&mts| mts != 0),
            manufacturer: s.text(at::t17::MANUFACTURER).filter(|t| told(t)),
            part: s.text(at::t17::PART).filter(|t| told(t)),
        })
    }
}

/// Whether a maker wrote a name and not a word for its absence.
fn told(text: &str) -> bool {
    const ABSENT: [&str; 7] = [
        "unknown",
        "[empty]",
        "empty",
        "not specified",
        "undefined",
        "none",
        "no dimm",
    ];
    !ABSENT.iter().any(|word| text.eq_ignore_ascii_case(word))
}

/// Names of memory kinds, by their number in the specification.
fn memory_kind(number: u8) -> Option<&'static str> {
    Some(match number {
        0x03 => "DRAM",
        0x0F => "SDRAM",
        0x11 => "RDRAM",
        0x12 => "DDR",
        0x13 => "DDR2",
        0x14 => "DDR2 FB-DIMM",
        0x18 => "DDR3",
        0x1A => "DDR4",
        0x1B => "LPDDR",
        0x1C => "LPDDR2",
        0x1D => "LPDDR3",
        0x1E => "LPDDR4",
        0x1F => "non-volatile",
        0x20 => "HBM",
        0x21 => "HBM2",
        0x22 => "DDR5",
        0x23 => "LPDDR5",
        0x24 => "HBM3",
        _ => return None,
    })
}

/// Type 19: a range of physical addresses that memory answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MappedRange {
    /// First byte.
    pub start: u64,
    /// Last byte.
    pub end: u64,
}

impl MappedRange {
    pub(super) fn read(s: &Structure<'_>) -> Option<Self> {
        let start = u32_at(s.fields, at::t19::START_KIB)?;
        let end = u32_at(s.fields, at::t19::END_KIB)?;
        let range = if start == u32::MAX {
            Self {
                start: u64_at(s.fields, at::t19::EXTENDED_START)?,
                end: u64_at(s.fields, at::t19::EXTENDED_END)?,
            }
        } else {
            Self {
                start: u64::from(start) << 10,
                end: (u64::from(end) << 10) | 0x3FF,
            }
        };
        (range.end >= range.start).then_some(range)
    }

    /// How many bytes it has.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        (self.end - self.start).saturating_add(1)
    }
}
