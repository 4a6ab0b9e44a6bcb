//! The record of a hardware error, which Windows keeps of what processor, memory, bus or firmware
//! reported: WHEA_ERROR_RECORD, which is a Common Platform Error Record.
//!
//! Layout: UEFI specification, appendix N (header, section descriptors, processor, memory and PCI
//! Express sections); the section of a machine check is Windows' own (WHEA_XPF_MCA_SECTION in the
//! driver kit's ntddk.h), packed, so its members stand at odd places.

use super::record::Record;
use crate::memory::{AddressSpace, VirtualAddress};
use crate::model::Guid;
use alloc::{string::String, vec::Vec};

/// `CPER`, and the end of the signature four bytes and a half behind it.
const SIGNATURE: u64 = 0x5245_5043;
const SIGNATURE_END: u64 = 0xFFFF_FFFF;
/// Offsets in the header.
mod header {
    pub const SIGNATURE_END: u64 = 0x06;
    pub const SECTIONS: u64 = 0x0A;
    pub const SEVERITY: u64 = 0x0C;
    pub const LENGTH: u64 = 0x14;
    pub const TIMESTAMP: u64 = 0x18;
    pub const CREATOR: u64 = 0x40;
    pub const NOTIFY: u64 = 0x50;
    pub const RECORD_ID: u64 = 0x60;
    pub const FLAGS: u64 = 0x68;
    pub const SIZE: u64 = 0x80;
}
/// Offsets in a descriptor of a section.
mod descriptor {
    pub const OFFSET: u64 = 0x00;
    pub const LENGTH: u64 = 0x04;
    pub const VALID: u64 = 0x0A;
    pub const FLAGS: u64 = 0x0C;
    pub const KIND: u64 = 0x10;
    pub const SEVERITY: u64 = 0x30;
    pub const FRU_TEXT: u64 = 0x34;
    pub const SIZE: u64 = 0x48;
}
/// Of the flags of a section: it is what the record is about.
const PRIMARY: u64 = 1;
/// Of the valid bits of a descriptor: it names a part to replace.
const HAS_FRU_TEXT: u64 = 2;
/// More sections and bytes than any record has.
const MAX_SECTIONS: u64 = 16;
const MAX_LENGTH: u64 = 0x1_0000;
/// Bytes that hold the header and the sections of most records.
const USUAL: u16 = 0x600;

/// What a section is about, by the first three fields of its GUID.
const KINDS: &[(u32, Kind)] = &[
    (0x9876_CCAD, Kind::Generic),
    (0xDC3E_A0B0, Kind::X86),
    (0x8A1E_1D01, Kind::Check),
    (0xA5BC_1114, Kind::Memory),
    (0x61EC_04FC, Kind::Memory),
    (0xD995_E954, Kind::PciExpress),
    (0xE19E_3D16, Kind::Named("an ARM processor")),
    (0xC575_3963, Kind::Named("a PCI bus")),
    (0xEB5E_4685, Kind::Named("a PCI device")),
    (0x8121_2A96, Kind::Named("the firmware")),
    (0xE712_54E7, Kind::Named("a non-maskable interrupt")),
    (0x5B51_FEF7, Kind::Named("an IOMMU")),
    (0x7103_6561, Kind::Named("an IOMMU")),
    (0x036F_84E1, Kind::Named("an IOMMU")),
];

#[derive(Clone, Copy)]
enum Kind {
    Generic,
    X86,
    Check,
    Memory,
    PciExpress,
    Named(&'static str),
}

/// A record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ErrorRecord {
    /// Where it was found.
    pub address: VirtualAddress,
    /// How bad: 0 recoverable, 1 fatal, 2 corrected, 3 a notice.
    pub severity: u32,
    /// What reported, that of which the record is first.
    pub parts: Vec<Part>,
}

/// A section: what one part of the machine reported. What is `None` the record does not tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// A processor, as firmware and operating systems of every kind describe one.
    Processor {
        /// Its local APIC id.
        id: Option<u64>,
        /// Bits: 1 cache, 2 address translation buffer, 4 bus, 8 micro-architecture.
        kind: Option<u8>,
        /// 1 reading data, 2 writing data, 3 executing.
        operation: Option<u8>,
        /// Of the cache.
        level: Option<u8>,
    },
    /// A bank of machine-check registers.
    Check {
        /// 1 Intel, 2 AMD.
        vendor: u32,
        /// The processor's number in Windows.
        processor: u32,
        /// Which bank.
        bank: u32,
        /// MCi_STATUS.
        status: u64,
        /// MCi_ADDR, where the status says that it holds something.
        address: Option<u64>,
        /// MCi_MISC, likewise.
        misc: Option<u64>,
    },
    /// Memory.
    Memory {
        /// The physical address.
        address: Option<u64>,
        /// Node, card, module, bank, device, row, column, bit.
        place: [Option<u16>; 8],
        /// What kind of error, as UEFI counts them.
        kind: Option<u8>,
    },
    /// A PCI Express device or port.
    PciExpress {
        /// What kind of port, as the PCI Express capability counts them.
        port: Option<u32>,
        /// Vendor and device.
        id: Option<(u16, u16)>,
        /// Segment, bus, device, function.
        place: [u16; 4],
        /// The uncorrectable error status of Advanced Error Reporting.
        uncorrectable: Option<u32>,
        /// Its correctable error status.
        correctable: Option<u32>,
    },
    /// Another part, by its name.
    Named(&'static str),
    /// A part to replace, as the firmware calls it.
    Replaceable(String),
}

impl ErrorRecord {
    /// The record at `address`; `None` when there is none.
    #[must_use]
    pub fn read(space: &dyn AddressSpace, address: VirtualAddress) -> Option<Self> {
        let record = Record::new(space, address, USUAL, 8);
        let int = |at, len| record.int(at, len).ok();
        let signed = int(0, 4)? == SIGNATURE && int(header::SIGNATURE_END, 4)? == SIGNATURE_END;
        let (count, length) = (int(header::SECTIONS, 2)?, int(header::LENGTH, 4)?);
        if !signed || !(1..=MAX_SECTIONS).contains(&count) || length > MAX_LENGTH {
            return None;
        }
        let mut found = Self {
            address,
            severity: int(header::SEVERITY, 4)? as u32,
            parts: Vec::new(),
        };
        for index in 0..count {
            let at = header::SIZE + index * descriptor::SIZE;
            let field = |offset, len| int(at + offset, len);
            let (Some(offset), Some(size), Some(kind)) = (
                field(descriptor::OFFSET, 4),
                field(descriptor::LENGTH, 4),
                record.array(at + descriptor::KIND).ok(),
            ) else {
                continue;
            };
            let inside = offset.checked_add(size).is_some_and(|end| end <= length);
            let section = Section {
                record: &record,
                offset,
                size,
            };
            let Some(part) = section.part(&Guid(kind)).filter(|_| inside) else {
                continue;
            };
            if field(descriptor::FLAGS, 4).is_some_and(|flags| flags & PRIMARY != 0) {
                found.parts.insert(0, part);
            } else {
                found.parts.push(part);
            }
            let named = field(descriptor::VALID, 1).is_some_and(|v| v & HAS_FRU_TEXT != 0);
            let text = record.array::<20>(at + descriptor::FRU_TEXT).ok();
            found.parts.extend(text.filter(|_| named).and_then(fru));
        }
        Some(found)
    }
}

/// The head of a record as it stands in memory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outline {
    /// How bad: 0 recoverable, 1 fatal, 2 corrected, 3 a notice.
    pub severity: u32,
    /// Bytes of the whole record.
    pub length: u32,
    /// Its number.
    pub id: u64,
    /// Bits.
    pub flags: u32,
    /// Who wrote it, and by which way the error was reported.
    pub creator: Guid,
    /// By which way the error was reported.
    pub notify: Guid,
    /// Seconds, minutes, hours, whether that is exact, day, month, year and century, a byte each.
    pub time: [u8; 8],
    /// Its sections in their order.
    pub sections: Vec<SectionHead>,
}

/// A descriptor of a section.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SectionHead {
    /// Where the descriptor is.
    pub descriptor: VirtualAddress,
    /// Bytes from the record to the section.
    pub offset: u32,
    /// Bytes of the section.
    pub length: u32,
    /// Bits; 1 is the section that the record is about.
    pub flags: u32,
    /// As of the record.
    pub severity: u32,
    /// What it is about.
    pub kind: Guid,
    /// The name of a part to replace.
    pub part: Option<String>,
}

impl Outline {
    /// The head of the record at `address`; `None` when there is none.
    #[must_use]
    pub fn read(space: &dyn AddressSpace, address: VirtualAddress) -> Option<Self> {
        ErrorRecord::read(space, address)?;
        let record = Record::new(space, address, USUAL, 8);
        let word = |at| record.int(at, 4).map(|value| value as u32).ok();
        let count = record.int(header::SECTIONS, 2).ok()?.min(MAX_SECTIONS);
        let section = |index: u64| {
            let at = header::SIZE + index * descriptor::SIZE;
            let named = word(at + descriptor::VALID)? as u64 & HAS_FRU_TEXT != 0;
            let text = record.array::<20>(at + descriptor::FRU_TEXT).ok();
            Some(SectionHead {
                descriptor: address.checked_add(at)?,
                offset: word(at + descriptor::OFFSET)?,
                length: word(at + descriptor::LENGTH)?,
                flags: word(at + descriptor::FLAGS)?,
                severity: word(at + descriptor::SEVERITY)?,
                kind: Guid(record.array(at + descriptor::KIND).ok()?),
                part: text
                    .filter(|_| named)
                    .and_then(fru)
                    .and_then(|part| match part {
                        Part::Replaceable(name) => Some(name),
                        _ => None,
                    }),
            })
        };
        Some(Self {
            severity: word(header::SEVERITY)?,
            length: word(header::LENGTH)?,
            id: record.int(header::RECORD_ID, 8).ok()?,
            flags: word(header::FLAGS)?,
            creator: Guid(record.array(header::CREATOR).ok()?),
            notify: Guid(record.array(header::NOTIFY).ok()?),
            time: record.array(header::TIMESTAMP).ok()?,
            sections: (0..count).map_while(section).collect(),
        })
    }
}

/// The name of a part to replace, where it is one.
fn fru(text: [u8; 20]) -> Option<Part> {
    let end = text.iter().position(|&b| b == 0).unwrap_or(text.len());
    let text = core::str::from_utf8(text.get(..end)?).ok()?.trim();
    let plain = text.bytes().all(|b| (0x20..0x7F).contains(&b));
    (plain && !text.is_empty()).then(|| Part::Replaceable(text.into()))
}

struct Section<'a> {
    record: &'a Record<'a>,
    offset: u64,
    size: u64,
}

impl Section<'_> {
    fn int(&self, at: u64, len: u8) -> Option<u64> {
        (at + u64::from(len) <= self.size).then_some(())?;
        self.record.int(self.offset.checked_add(at)?, len).ok()
    }

    /// A field of a section that begins with its valid bits, if its own is set.
    fn valid(&self, bit: u32, at: u64, len: u8) -> Option<u64> {
        let valid = self.int(0, 8)? >> bit & 1 == 1;
        self.int(at, len).filter(|_| valid)
    }

    fn part(&self, kind: &Guid) -> Option<Part> {
        let first = u32::from_le_bytes(*kind.0.first_chunk()?);
        let (_, kind) = KINDS.iter().find(|(known, _)| *known == first)?;
        match kind {
            Kind::Generic => Some(Part::Processor {
                id: self.valid(8, 0x98, 8),
                kind: self.valid(2, 0x0A, 1).map(|v| v as u8),
                operation: self.valid(3, 0x0B, 1).map(|v| v as u8),
                level: self.valid(5, 0x0D, 1).map(|v| v as u8),
            }),
            // It says of the same processor only what the generic section does.
            Kind::X86 => Some(Part::Processor {
                id: self.valid(0, 0x08, 8),
                kind: None,
                operation: None,
                level: None,
            }),
            Kind::Check => self.check(),
            Kind::Memory => Some(self.memory()),
            Kind::PciExpress => Some(self.pci_express()),
            Kind::Named(name) => Some(Part::Named(name)),
        }
    }

    fn check(&self) -> Option<Part> {
        let status = self.int(0x28, 8)?;
        let told = |bit: u32, at| self.int(at, 8).filter(|_| status >> bit & 1 == 1);
        Some(Part::Check {
            vendor: self.int(0x04, 4)? as u32,
            processor: self.int(0x10, 4)? as u32,
            bank: self.int(0x24, 4)? as u32,
            status,
            address: told(58, 0x30),
            misc: told(59, 0x38),
        })
    }

    fn memory(&self) -> Part {
        let word = |index: u32| {
            let at = 0x20 + 2 * u64::from(index);
            self.valid(3 + index, at, 2).map(|v| v as u16)
        };
        Part::Memory {
            address: self.valid(1, 0x10, 8),
            place: [0, 1, 2, 3, 4, 5, 6, 7].map(word),
            kind: self.valid(14, 0x48, 1).map(|v| v as u8),
        }
    }

    fn pci_express(&self) -> Part {
        let short = |at, len| self.valid(3, at, len).unwrap_or_default() as u16;
        let status = |at| self.valid(7, at, 4).map(|v| v as u32);
        Part::PciExpress {
            port: self.valid(0, 0x08, 4).map(|v| v as u32),
            id: self.valid(3, 0x18, 4).map(|v| (v as u16, (v >> 16) as u16)),
            place: [
                short(0x21, 2),
                short(0x23, 1),
                short(0x20, 1),
                short(0x1F, 1),
            ],
            uncorrectable: status(0x74),
            correctable: status(0x80),
        }
    }
}
