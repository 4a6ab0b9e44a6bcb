//! What the processor answered: who made it, which microcode it runs, and whether it said that a
//! hypervisor is beneath.
//!
//! Windows adds to dumps of x86 and x64 (secondary data `d03dc06f-d88e-44c5-ba2a-fae035172d19`)
//! records of 40 bytes: kind (0 a CPUID leaf, 1 a model-specific register), number, and twice
//! 16 bytes: EAX, EBX, ECX, EDX of a leaf, or the register's 64 bits.
//!
//! What is certain, from dumps of 9600, 19041 and 26100: the record's shape, and that the leaves
//! are CPUID's. The two answers come from different processors on bare metal (their APIC numbers
//! differ). On the two machines whose Windows runs on its own hypervisor the first answer has
//! the hypervisor bit and the second has not, as if the second came from the hardware itself;
//! what it is in a virtual machine is not known. The leaves at 0x40000000, in which a
//! hypervisor names itself, were recorded in none of the dumps; they are read where they are.
//!
//! Source of the leaves: Intel SDM volume 2A and AMD APM volume 3 ("CPUID"); Microsoft,
//! Hypervisor Top-Level Functional Specification, "Feature and Interface Discovery".

use super::bytes::{u32_at, u64_at};
use alloc::{string::String, vec::Vec};

/// Bytes of one record.
const RECORD: usize = 40;
/// Most records that are read; real dumps have 30 to 50.
const MAX_RECORDS: usize = 1024;

mod at {
    //! Offsets in a record.
    pub const KIND: usize = 0;
    pub const NUMBER: usize = 4;
    pub const FIRST: usize = 8;
    pub const SECOND: usize = 24;
}
mod leaf {
    //! CPUID leaves.
    pub const VENDOR: u32 = 0;
    pub const FEATURES: u32 = 1;
    pub const HYPERVISOR: u32 = 0x4000_0000;
    pub const HYPERVISOR_VERSION: u32 = 0x4000_0002;
    pub const BRAND: [u32; 3] = [0x8000_0002, 0x8000_0003, 0x8000_0004];
}
/// IA32_BIOS_SIGN_ID: the microcode's revision, in the upper half on Intel.
const MSR_MICROCODE: u32 = 0x8B;
/// Bit 31 of ECX of leaf 1, which hardware leaves clear and hypervisors set.
const HYPERVISOR_PRESENT: u32 = 1 << 31;

/// EAX, EBX, ECX, EDX.
pub type Answer = [u32; 4];

/// What the processor answered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProcessorRegisters {
    /// E.g. `GenuineIntel`.
    pub vendor: Option<String>,
    /// Its name, e.g. `AMD Ryzen 7 3700X 8-Core Processor`.
    pub brand: Option<String>,
    /// Family, extended family included.
    pub family: Option<u32>,
    /// Model, extended model included.
    pub model: Option<u32>,
    /// Stepping.
    pub stepping: Option<u32>,
    /// Revision of the microcode, where the register says so.
    pub microcode: Option<u32>,
    /// Whether the processor says that a hypervisor is beneath this Windows.
    pub hypervisor_present: Option<bool>,
    /// The same bit in the second answer; see the module's description.
    pub hypervisor_in_second: Option<bool>,
    /// The hypervisor's own name, e.g. `Microsoft Hv`. Others imitate that one.
    pub hypervisor_vendor: Option<String>,
    /// The build that a Microsoft hypervisor states of itself.
    pub hypervisor_build: Option<u32>,
}

impl ProcessorRegisters {
    /// Reads the records. Empty when there are none.
    #[must_use]
    pub fn read(data: &[u8]) -> Self {
        let records: Vec<&[u8]> = data.chunks_exact(RECORD).take(MAX_RECORDS).collect();
        let find = |kind: u32, number: u32| {
            records.iter().copied().find(|record| {
                u32_at(record, at::KIND) == Some(kind) && u32_at(record, at::NUMBER) == Some(number)
            })
        };
        let first = |number| find(0, number).and_then(|record| answer(record, at::FIRST));
        let second = |number| find(0, number).and_then(|record| answer(record, at::SECOND));
        let present = |answer: Answer| answer[2] & HYPERVISOR_PRESENT != 0;
        let mut found = Self {
            vendor: first(leaf::VENDOR).and_then(|[_, b, c, d]| text(&[b, d, c])),
            hypervisor_present: first(leaf::FEATURES).map(present),
            hypervisor_in_second: second(leaf::FEATURES).map(present),
            hypervisor_vendor: first(leaf::HYPERVISOR).and_then(|[_, b, c, d]| text(&[b, c, d])),
            ..Self::default()
        };
        if let Some([signature, ..]) = first(leaf::FEATURES) {
            found.identify(signature);
        }
        let brand: Option<Vec<u32>> = leaf::BRAND
            .iter()
            .map(|&number| first(number))
            .collect::<Option<Vec<_>>>()
            .map(|parts| parts.concat());
        found.brand = brand.and_then(|words| text(&words));
        found.hypervisor_build = first(leaf::HYPERVISOR_VERSION)
            .filter(|_| found.hypervisor_vendor.as_deref() == Some("Microsoft Hv"))
            .map(|[build, ..]| build);
        // The upper half on Intel; AMD has the revision in the lower, where dumps record none.
        found.microcode = find(1, MSR_MICROCODE)
            .and_then(|record| u64_at(record, at::FIRST))
            .and_then(|value| match u32::try_from(value >> 32).ok()? {
                0 => u32::try_from(value).ok().filter(|&low| low != 0),
                high => Some(high),
            });
        found
    }

    /// Family, model and stepping out of EAX of leaf 1.
    fn identify(&mut self, signature: u32) {
        let field = |shift: u32, mask: u32| (signature >> shift) & mask;
        let (base, extended) = (field(8, 0xF), field(20, 0xFF));
        let family = if base == 0xF { base + extended } else { base };
        let model = if matches!(base, 6 | 0xF) {
            (field(16, 0xF) << 4) | field(4, 0xF)
        } else {
            field(4, 0xF)
        };
        self.family = Some(family);
        self.model = Some(model);
        self.stepping = Some(field(0, 0xF));
    }

    /// Whether both answers are there and only the first shows a hypervisor.
    #[must_use]
    pub fn hardware_shows_through(&self) -> bool {
        self.hypervisor_present == Some(true) && self.hypervisor_in_second == Some(false)
    }
}

fn answer(record: &[u8], offset: usize) -> Option<Answer> {
    Some([
        u32_at(record, offset)?,
        u32_at(record, offset.checked_add(4)?)?,
        u32_at(record, offset.checked_add(8)?)?,
        u32_at(record, offset.checked_add(12)?)?,
    ])
}

/// Text packed into registers.
fn text(words: &[u32]) -> Option<String> {
    let bytes = words.iter().flat_map(|word| word.to_le_bytes());
    let text: String = bytes
        .take_while(|&b| b != 0)
        .map(char::from)
        .filter(|c| *c == ' ' || c.is_ascii_graphic())
        .collect();
    let text: Vec<&str> = text.split_ascii_whitespace().collect();
    (!text.is_empty()).then(|| text.join(" "))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::platform::testing::{self, REGISTERS, damaged};

    /// Records for tests: leaves with both answers alike.
    pub(crate) fn blob(leaves: &[(u32, Answer)]) -> Vec<u8> {
        let mut data = Vec::new();
        for (number, answer) in leaves {
            data.extend(0u32.to_le_bytes());
            data.extend(number.to_le_bytes());
            for word in answer.iter().chain(answer) {
                data.extend(word.to_le_bytes());
            }
        }
        data
    }

    /// Name of dump, vendor, family, model, stepping, microcode, hypervisor, start of the brand.
    type Row = (
        &'static str,
        &'static str,
        [u32; 3],
        Option<u32>,
        bool,
        &'static str,
    );
    const REAL: [Row; 5] = [
        (
            "111217-27671-01.dmp",
            "GenuineIntel",
            [6, 0x3A, 9],
            Some(0x1B),
            false,
            "Intel(R) Core(TM) i5-3230M",
        ),
        (
            "w10-19041-x64-1a.dmp",
            "GenuineIntel",
            [6, 0x97, 5],
            Some(0x2C),
            false,
            "12th Gen Intel(R) Core(TM) i5-12400F",
        ),
        (
            "w10-19041-x64-1c7.dmp",
            "GenuineIntel",
            [6, 0xB7, 1],
            Some(0x11D),
            false,
            "13th Gen Intel(R) Core(TM) i7-13700",
        ),
        (
            "w10-19041-x64-7e.dmp",
            "AuthenticAMD",
            [0x17, 0x71, 0],
            None,
            true,
            "AMD Ryzen 7 3700X 8-Core Processor",
        ),
        (
            "w11-26100-x64-65.dmp",
            "AuthenticAMD",
            [0x19, 0x44, 1],
            None,
            true,
            "AMD Ryzen 9 6900HX with Radeon Graphics",
        ),
    ];

    #[test]
    fn real_dumps_name_their_processors() {
        for dump in testing::dumps() {
            let Some(row) = REAL.iter().find(|row| row.0 == dump.name) else {
                continue;
            };
            let found = ProcessorRegisters::read(dump.blob(REGISTERS).unwrap());
            assert_eq!(found.vendor.as_deref(), Some(row.1), "{}", dump.name);
            let identity = [found.family, found.model, found.stepping].map(Option::unwrap);
            assert_eq!(identity, row.2, "{}", dump.name);
            assert_eq!(found.microcode, row.3, "{}", dump.name);
            assert_eq!(found.hypervisor_present, Some(row.4), "{}", dump.name);
            assert_eq!(found.hardware_shows_through(), row.4, "{}", dump.name);
            assert!(found.brand.unwrap().starts_with(row.5), "{}", dump.name);
            assert_eq!(found.hypervisor_vendor, None, "{}", dump.name);
        }
    }

    #[test]
    fn a_hypervisor_names_itself_where_the_leaf_is_recorded() {
        let name = |text: &[u8; 12]| {
            let word = |at: usize| u32::from_le_bytes(text[at..at + 4].try_into().unwrap());
            [0x4000_000B, word(0), word(4), word(8)]
        };
        let data = blob(&[
            (1, [0x000A_0F11, 0, 1 << 31, 0]),
            (0x4000_0000, name(b"Microsoft Hv")),
            (0x4000_0002, [20348, 0x000A_0000, 0, 0]),
        ]);
        let found = ProcessorRegisters::read(&data);
        assert_eq!(found.hypervisor_vendor.as_deref(), Some("Microsoft Hv"));
        assert_eq!(found.hypervisor_build, Some(20348));
        assert!(!found.hardware_shows_through());

        let data = blob(&[
            (0x4000_0000, name(b"KVMKVMKVM\0\0\0")),
            (0x4000_0002, [7; 4]),
        ]);
        let found = ProcessorRegisters::read(&data);
        assert_eq!(found.hypervisor_vendor.as_deref(), Some("KVMKVMKVM"));
        assert_eq!(
            found.hypervisor_build, None,
            "only Microsoft's leaf is a build"
        );
        assert_eq!(found.hypervisor_present, None);
    }

    #[test]
    fn damaged_records_do_not_panic() {
        let data = blob(&[
            (0, [1, 2, 3, 4]),
            (1, [u32::MAX; 4]),
            (0x8000_0002, [0x4141_4141; 4]),
        ]);
        damaged(&data, |bytes| {
            let _ = ProcessorRegisters::read(bytes);
        });
        assert_eq!(ProcessorRegisters::read(&[]), ProcessorRegisters::default());
    }
}
