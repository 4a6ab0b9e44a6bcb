//! What the value of a parameter says by itself, going by what kind of value it is: no dump is
//! needed for it. Where there is a dump, the analysis adds whose an address is.
//!
//! Sources: IRQL names (wdm.h of the Windows driver kit); bits of a page fault, of page table
//! entries and canonical addresses (Intel SDM volume 3A); software forms of page table entries
//! (`_MMPTE` in public kernel symbols); the debug fills are those of compilers and allocators as
//! their makers document them.

use super::{ParameterKind, ParameterText, access};
use crate::knowledge::{errors, machine_check, ntstatus, pooltag};
use alloc::{format, string::String};

/// Length of a clock tick on most machines, in units of 1/8 ms.
const TICK: u64 = 125;
/// Where page tables were mapped up to Windows 10 1511.
const OLD_PAGE_TABLES: core::ops::Range<u64> = 0xFFFF_F680_0000_0000..0xFFFF_F700_0000_0000;
/// The page that the kernel shares with every program, as programs and as the kernel see it.
const SHARED_PAGE: [u64; 2] = [0x7FFE_0000, 0xFFFF_F780_0000_0000];
/// Values that are put into memory on purpose, to be noticed.
const FILLS: &[(u64, &str)] = &[
    (
        0xCCCC_CCCC_CCCC_CCCC,
        "local data that was never set (compiler's debug fill)",
    ),
    (
        0xCDCD_CDCD_CDCD_CDCD,
        "memory that was never set (allocator's debug fill)",
    ),
    (
        0xDDDD_DDDD_DDDD_DDDD,
        "memory that was freed (allocator's debug fill)",
    ),
    (
        0xFEEE_FEEE_FEEE_FEEE,
        "memory that was freed (heap's debug fill)",
    ),
    (
        0xDEAD_BEEF_DEAD_BEEF,
        "a mark that programmers put into dead memory",
    ),
    (0xDEAD_BEEF, "a mark that programmers put into dead memory"),
    (0xBAD0_B0B0, "memory that Driver Verifier marked as freed"),
];

/// What each of the four values says. `wide` is whether the machine has 64 bits.
#[must_use]
pub fn decode(texts: &[ParameterText; 4], values: &[u64; 4], wide: bool) -> [Option<String>; 4] {
    core::array::from_fn(|index| {
        let (text, value) = (texts.get(index)?, *values.get(index)?);
        if let Some(known) = text.value {
            return Some(known.into());
        }
        match text.kind {
            ParameterKind::MachineCheckHigh => {
                let low = values.get(index + 1).copied().unwrap_or_default();
                machine_check::describe(value << 32 | low & 0xFFFF_FFFF)
            }
            kind => one(kind, value, wide),
        }
    })
}

/// What one value of that kind says.
#[must_use]
pub fn one(kind: ParameterKind, value: u64, wide: bool) -> Option<String> {
    use ParameterKind as Is;
    match kind {
        Is::Status => status(value),
        Is::AccessMode | Is::FaultAccess => Some(tried(kind, value)),
        Is::Irql => irql(value).map(Into::into),
        Is::ProcessorMode => mode(value).map(Into::into),
        Is::Seconds => Some(duration(value.checked_mul(1000)?)),
        Is::Milliseconds => Some(duration(value)),
        Is::InterruptTime => Some(duration(value / 10_000)),
        Is::Ticks => (1..1 << 32).contains(&value).then(|| {
            let time = duration(value * TICK / 8);
            format!("{value} ticks, about {time} where a tick is 15.6 ms")
        }),
        Is::Count => (value > 9 && value < 1 << 32).then(|| format!("{value}")),
        Is::ProcessorIndex => (value < 4096).then(|| format!("processor {value}")),
        Is::Bytes => bytes(value),
        Is::Pages => bytes(value.checked_mul(4096)?).filter(|_| value > 0),
        Is::PageFrame => (value < 1 << 40).then(|| format!("physical address {:#x}", value << 12)),
        Is::PteContents if wide => Some(entry(value)),
        Is::PteAddress if wide => page_of_entry(value),
        Is::FourCharacters => tag(value),
        Is::SourceLine => (value >> 16 != 0 && value < 1 << 32)
            .then(|| format!("file {:#x}, line {}", value >> 16, value & 0xFFFF)),
        Is::Reserved | Is::Undocumented | Is::Plain | Is::Flags | Is::Handle | Is::PteAddress => {
            None
        }
        Is::PteContents | Is::PhysicalAddress | Is::MachineCheckLow | Is::MachineCheckHigh => None,
        _ => address(kind, value, wide),
    }
}

fn status(value: u64) -> Option<String> {
    let status = ntstatus::from_parameter(value)?;
    if status == 0 {
        return Some("no error, or none was given".into());
    }
    // What Microsoft's C++ compiler raises for `throw`.
    if status == 0xE06D_7363 {
        return Some("a C++ exception that nobody caught".into());
    }
    let found = errors::all(status).next()?;
    Some(match errors::meaning(&found) {
        Some(meaning) => format!("{}: {meaning}", found.name),
        None => found.name.into(),
    })
}

/// What was tried, from the word of an access; never nothing, for it is always asked.
fn tried(kind: ParameterKind, value: u64) -> String {
    match access(kind, value) {
        Some(word) => word.into(),
        // The bits of the processor's page fault code.
        None => {
            let what = match value & 0x12 {
                0 => "reading",
                2 => "writing",
                _ => "executing",
            };
            let user = if value & 4 == 0 { "" } else { ", by a program" };
            let guarded = if value & 1 == 0 {
                ""
            } else {
                ", of a page that is there"
            };
            format!("{what}{guarded}{user}, going by the bits {value:#x}")
        }
    }
}

/// Names of the interrupt request levels that x64 and ARM64 share.
fn irql(value: u64) -> Option<&'static str> {
    Some(match value {
        0 => "PASSIVE_LEVEL: ordinary code, page faults can be served",
        1 => "APC_LEVEL: page faults can be served",
        2 => "DISPATCH_LEVEL: no page fault can be served, no wait is allowed",
        3..=11 => "the interrupt level of a device: no page fault can be served",
        12 => "SYNCH_LEVEL or a device's interrupt level",
        13 => "CLOCK_LEVEL: the clock's interrupt",
        14 => "IPI_LEVEL: a call from another processor",
        15 | 0x1F => "HIGH_LEVEL: all interrupts are held off",
        0xFF => "interrupts were off",
        _ => return None,
    })
}

fn mode(value: u64) -> Option<&'static str> {
    match value {
        0 => Some("kernel mode"),
        1 => Some("user mode"),
        _ => None,
    }
}

/// Milliseconds in the unit that a person would take.
fn duration(milliseconds: u64) -> String {
    let seconds = milliseconds / 1000;
    match milliseconds {
        0..1000 => format!("{milliseconds} ms"),
        1000..120_000 => format!("{seconds}.{} s", milliseconds % 1000 / 100),
        120_000..7_200_000 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

fn bytes(value: u64) -> Option<String> {
    Some(match value {
        0..=9 => return None,
        10..0x2800 => format!("{value} bytes"),
        0x2800..0xA0_0000 => format!("{} KiB", value >> 10),
        0xA0_0000..0x2_8000_0000 => format!("{} MiB", value >> 20),
        _ if value < 1 << 48 => format!("{} GiB", value >> 30),
        _ => return None,
    })
}

/// A pool tag with its usual owner, or any four characters.
fn tag(value: u64) -> Option<String> {
    let bytes = u32::try_from(value).ok()?.to_le_bytes();
    let plain = bytes.map(|byte| byte & 0x7F);
    let printable = plain.iter().all(|byte| (0x20..0x7F).contains(byte));
    if !printable {
        return None;
    }
    let name: String = plain.iter().map(|&byte| char::from(byte)).collect();
    Some(match pooltag::pool_tag(bytes) {
        Some(owner) => format!("'{name}', usually {} of {}", owner.holds, owner.driver),
        None => format!("'{name}'"),
    })
}

/// A page table entry of x64 in words.
fn entry(value: u64) -> String {
    let bit = |at: u32| value >> at & 1 == 1;
    let frame = value >> 12 & 0xF_FFFF_FFFF;
    if bit(0) {
        let may = match (bit(1), bit(63)) {
            (true, false) => "may be written and executed",
            (true, true) => "may be written",
            (false, false) => "may be read and executed",
            (false, true) => "may only be read",
        };
        let whose = if bit(2) {
            "program's page"
        } else {
            "kernel's page"
        };
        return format!("valid: page frame {frame:#x}, a {whose} that {may}");
    }
    match (value, bit(10), bit(11)) {
        (0, ..) => "empty: nothing was ever there, or it was given back".into(),
        // Lower bits are the protection of a page that is made of zeros.
        _ if value.count_ones() == 1 && value >> 12 != 0 => {
            format!(
                "a single bit ({}) and nothing else: a flipped bit in an empty entry looks like this",
                value.trailing_zeros()
            )
        }
        (_, true, _) => "not valid: refers to a shared page (prototype)".into(),
        (_, false, true) => {
            format!("not valid, in transition: page frame {frame:#x}")
        }
        _ if value >> 32 != 0 => {
            format!(
                "not valid: in the page file, at page {:#x} of it",
                value >> 32
            )
        }
        _ => "not valid: a page to be made of zeros when it is touched".into(),
    }
}

/// The page that an entry at a fixed place maps.
fn page_of_entry(value: u64) -> Option<String> {
    if !OLD_PAGE_TABLES.contains(&value) {
        return None;
    }
    let page = ((value - OLD_PAGE_TABLES.start) / 8) << 12;
    // Sign-extended from 48 bits.
    let page = if (page >> 47) & 1 == 1 {
        page | (!0 << 48)
    } else {
        page
    };
    Some(format!(
        "the entry of page {page:#x}, where page tables lie at their old fixed place"
    ))
}

/// What an address says by where it lies.
fn address(kind: ParameterKind, value: u64, wide: bool) -> Option<String> {
    let touched = matches!(
        kind,
        ParameterKind::Address | ParameterKind::InstructionAddress
    );
    if value == 0 {
        return touched.then(|| "an empty (null) pointer".into());
    }
    if value < 0x1_0000 {
        if !touched {
            return Some("not an address".into());
        }
        return Some(format!(
            "close to zero: a field at {value:#x} behind an empty (null) pointer"
        ));
    }
    if let Some((_, says)) = FILLS.iter().find(|(fill, _)| *fill == value) {
        return Some((*says).into());
    }
    if SHARED_PAGE.contains(&(value & !0xFFF)) && wide {
        return Some(
            "in the page of time and system facts that every program shares with Windows".into(),
        );
    }
    if !wide {
        return (value < 0x8000_0000).then(|| "an address of a program, not of the kernel".into());
    }
    match value {
        u64::MAX => Some("all ones: no address; the processor does not tell which one it was".into()),
        0..0x8000_0000_0000 => Some("an address of a program, not of the kernel".into()),
        // With five levels of page tables the kernel begins here; then it is a kernel address.
        0xFF00_0000_0000_0000.. => None,
        _ => Some(match letters(value) {
            Some(text) => format!("no address: the letters \"{text}\", so a text was written over the pointer"),
            None => "no address the processor accepts (not canonical): the pointer was overwritten or computed wrongly".into(),
        }),
    }
}

/// Eight bytes that are all letters, in the order of memory.
fn letters(value: u64) -> Option<String> {
    let bytes = value.to_le_bytes();
    let text = bytes
        .iter()
        .all(|b| b.is_ascii_alphanumeric() || b" ._-\\/:".contains(b));
    text.then(|| bytes.iter().map(|&b| char::from(b)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use ParameterKind as Is;

    fn say(kind: ParameterKind, value: u64) -> String {
        one(kind, value, true).unwrap_or_default()
    }

    #[test]
    fn addresses_tell_by_where_they_lie() {
        assert!(say(Is::Address, 0).contains("null"));
        assert!(say(Is::Address, 0x18).contains("0x18 behind an empty"));
        assert!(say(Is::Address, 0x7FFE_0320).contains("shares with Windows"));
        assert!(say(Is::Address, 0x7FF6_1234_0000).contains("of a program"));
        assert!(say(Is::Address, 0x0065_0000_1234_5678).contains("not canonical"));
        assert!(say(Is::Address, 0x6867_6665_6463_6261).contains("\"abcdefgh\""));
        assert_eq!(one(Is::Address, 0xFFFF_8001_ACDC_6010, true), None);
        assert_eq!(one(Is::Address, 0x8055_1234, false), None);
        assert!(one(Is::Address, 0x7055_1234, false).is_some());
    }

    #[test]
    fn entries_of_page_tables_are_read_bit_by_bit() {
        assert!(
            say(Is::PteContents, 0x8000_0001_2345_6963)
                .contains("frame 0x123456, a kernel's page that may be written")
        );
        assert!(say(Is::PteContents, 0).starts_with("empty"));
        assert!(say(Is::PteContents, 1 << 21).contains("single bit (21)"));
        assert!(say(Is::PteContents, 0x1234_5880).contains("in transition"));
        assert!(say(Is::PteContents, 0xB5_0000_0080).contains("page 0xb5"));
        assert_eq!(
            say(Is::PteAddress, 0xFFFF_F6FC_4000_8770),
            "the entry of page 0xfffff880010ee000, where page tables lie at their old fixed place"
        );
    }

    #[test]
    fn statuses_levels_times_and_tags_are_named() {
        assert!(say(Is::Status, 0xFFFF_FFFF_C000_000E).starts_with("STATUS_NO_SUCH_DEVICE: "));
        assert_eq!(
            say(Is::Status, 0xFFFF_FFFF_8007_0005),
            "E_ACCESSDENIED: Access was denied."
        );
        assert!(say(Is::Irql, 2).starts_with("DISPATCH_LEVEL"));
        assert_eq!(say(Is::AccessMode, 8), "executing");
        assert!(say(Is::FaultAccess, 0x1).starts_with("reading, of a page that is there"));
        assert_eq!(
            say(Is::Ticks, 0x500),
            "1280 ticks, about 20.0 s where a tick is 15.6 ms"
        );
        assert_eq!(say(Is::Milliseconds, 7000), "7.0 s");
        assert!(say(Is::FourCharacters, 0x7453_6D4D).contains("'MmSt', usually"));
        assert_eq!(say(Is::Bytes, 0x3000), "12 KiB");
        assert_eq!(say(Is::SourceLine, 0x19_098C), "file 0x19, line 2444");
    }

    #[test]
    fn the_two_halves_of_a_machine_check_are_read_together() {
        let texts = super::super::parameters(0x124, [0, 1, 2, 3]);
        let said = decode(
            &texts,
            &[0, 0xFFFF_8000_1234_0028, 0xBE00_0000, 0x80_0400],
            true,
        );
        assert!(said[2].as_deref().unwrap().contains("time-out"));
    }
}
