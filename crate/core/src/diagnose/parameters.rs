//! What the parameters of a stop code point to in this very dump: the driver that an address lies
//! in, the driver of a device, who holds a request, the tag of a pool block, the name behind a
//! string, whether a page is there at all.
//!
//! Layout: EXCEPTION_RECORD, CONTEXT and UNICODE_STRING as the Windows headers (winnt.h, ntdef.h)
//! declare them, the trap frame as wdm.h does for 64-bit processors; the tag of a pool header as
//! Microsoft's debugger documentation describes `!pool`.

use super::facts::Facts;
use super::objects::Objects;
use crate::knowledge::bugcheck::{self, ParameterKind, decode};
use crate::knowledge::{ntstatus, pooltag};
use crate::memory::{AddressSpaceExt, Missing, VirtualAddress};
use crate::model::Kind;
use crate::nt::Architecture;
use alloc::{format, string::String, vec::Vec};

/// Below this nothing is an address of the kernel.
const LEAST: u64 = 0x1_0000;
/// The longest text that is read, in characters.
const LONGEST_TEXT: usize = 120;
/// Offsets in a pool header of 64-bit Windows, and its size.
const POOL_TAG: u64 = 4;
const POOL_HEADER: u64 = 0x10;

/// Where records of an exception keep what is shown of them.
struct Records {
    exception_address: u64,
    context_instruction: u64,
    trap_instruction: Option<u64>,
    string_buffer: u64,
}

const X64: Records = Records {
    exception_address: 0x10,
    context_instruction: 0xF8,
    trap_instruction: Some(0x168),
    string_buffer: 8,
};
const ARM64: Records = Records {
    exception_address: 0x10,
    context_instruction: 0x108,
    trap_instruction: None,
    string_buffer: 8,
};
const X86: Records = Records {
    exception_address: 0x0C,
    context_instruction: 0xB8,
    trap_instruction: Some(0x68),
    string_buffer: 4,
};

/// What each parameter says: by its value, and by what it points to.
#[must_use]
pub fn decoded(facts: &Facts<'_>) -> [Option<String>; 4] {
    let texts = bugcheck::parameters(facts.code, facts.parameters);
    let wide = facts.architecture != Some(Architecture::X86);
    let plain = decode::decode(&texts, &facts.parameters, wide);
    let objects = Objects::new(facts);
    let mut each = texts.iter().zip(facts.parameters).zip(plain);
    core::array::from_fn(|_| {
        let ((text, value), plain) = each.next()?;
        // What was read of an object says more than whose it is.
        let object = objects.as_ref().filter(|_| value >= LEAST);
        if let Some(words) = object.and_then(|objects| objects.words(text.kind, value)) {
            return Some(words);
        }
        let found = match text.value {
            Some(_) => None,
            None => resolve(facts, text.kind, value),
        };
        match (plain, found) {
            (Some(plain), Some(found)) => Some(format!("{plain}; {found}")),
            (plain, found) => plain.or(found),
        }
    })
}

fn resolve(facts: &Facts<'_>, kind: ParameterKind, value: u64) -> Option<String> {
    use ParameterKind as Is;
    let points = !matches!(
        kind,
        Is::Plain
            | Is::Count
            | Is::Bytes
            | Is::Pages
            | Is::Flags
            | Is::Handle
            | Is::Status
            | Is::Irql
            | Is::AccessMode
            | Is::FaultAccess
            | Is::ProcessorMode
            | Is::PteContents
            | Is::PageFrame
            | Is::PhysicalAddress
            | Is::FourCharacters
            | Is::ProcessorIndex
            | Is::Ticks
            | Is::Milliseconds
            | Is::Seconds
            | Is::InterruptTime
            | Is::SourceLine
            | Is::MachineCheckHigh
            | Is::MachineCheckLow
            | Is::Reserved
    );
    if !points || value < LEAST {
        return None;
    }
    let followed = match kind {
        Is::ExceptionRecord | Is::ContextRecord | Is::TrapFrame => record(facts, kind, value),
        Is::UnicodeString | Is::WideText | Is::AnsiText => text(facts, kind, value),
        Is::PoolBlock => pool_block(facts, value),
        Is::Process | Is::Thread | Is::Object => current(facts, value),
        _ => None,
    };
    followed
        .or_else(|| place(facts, kind, value))
        .or_else(|| stack(facts, value))
        .or_else(|| page(facts, kind, value))
}

/// The function or driver that an address lies in.
fn place(facts: &Facts<'_>, kind: ParameterKind, value: u64) -> Option<String> {
    let Some(place) = facts.locate(VirtualAddress(value)) else {
        let code = kind == ParameterKind::InstructionAddress;
        let whole = !facts.modules.as_slice().is_empty();
        return (code && whole).then(|| "in no module".into());
    };
    if place.unloaded {
        return Some(format!("{}, which had been unloaded", place.label));
    }
    let named = facts
        .names
        .and_then(|names| names.function(VirtualAddress(value)));
    Some(match named {
        Some((function, into)) => {
            let module = place.label.split('+').next().unwrap_or_default();
            format!("{module}!{function}+{into:#x}")
        }
        None => place.label,
    })
}

/// Whether it lies on the stack that the frames were found on.
fn stack(facts: &Facts<'_>, value: u64) -> Option<String> {
    let frames = facts.stack.iter().flat_map(|stack| &stack.frames);
    let pointers: Vec<u64> = frames
        .filter_map(|frame| Some(frame.stack_pointer?.0))
        .collect();
    let (low, high) = (pointers.iter().min()?, pointers.iter().max()?);
    (low..=high)
        .contains(&&value)
        .then(|| "on the stack of the thread that stopped".into())
}

/// The thread or process that was running.
fn current(facts: &Facts<'_>, value: u64) -> Option<String> {
    let stack = facts.stack?;
    if stack.process.is_some_and(|process| process.0 == value) {
        let name = facts.process_name.unwrap_or("its name is not in the dump");
        return Some(format!("the process that was current: {name}"));
    }
    let thread = stack.thread.is_some_and(|thread| thread.0 == value);
    thread.then(|| "the thread that stopped".into())
}

/// What an exception record, the registers or a trap frame say.
fn record(facts: &Facts<'_>, kind: ParameterKind, value: u64) -> Option<String> {
    let (layout, width) = match facts.architecture? {
        Architecture::X86 => (X86, 4),
        Architecture::Arm64 => (ARM64, 8),
        _ => (X64, 8),
    };
    let space = facts.space?;
    let offset = match kind {
        ParameterKind::ExceptionRecord => layout.exception_address,
        ParameterKind::ContextRecord => layout.context_instruction,
        _ => layout.trap_instruction?,
    };
    let code = space.u32(VirtualAddress(value));
    let field = VirtualAddress(value).checked_add(offset)?;
    let instruction = space.pointer(field, width).ok()?;
    let at = facts.locate(instruction);
    let at = at.map_or_else(|| format!("{:#x}", instruction.0), |place| place.label);
    if kind != ParameterKind::ExceptionRecord {
        return Some(format!("executing at {at}"));
    }
    let code = code.ok()?;
    let name = ntstatus::name(code).map_or_else(|| format!("{code:#x}"), String::from);
    Some(format!("{name} at {at}"))
}

/// A text in memory, cut and in quotes.
fn text(facts: &Facts<'_>, kind: ParameterKind, value: u64) -> Option<String> {
    let space = facts.space?;
    let wide = facts.architecture? != Architecture::X86;
    let at = VirtualAddress(value);
    let (at, length) = match kind {
        ParameterKind::UnicodeString => {
            let (layout, width) = if wide { (X64, 8) } else { (X86, 4) };
            let length = usize::from(space.u16(at).ok()?) / 2;
            let buffer = space
                .pointer(at.checked_add(layout.string_buffer)?, width)
                .ok()?;
            (buffer, length.min(LONGEST_TEXT))
        }
        _ => (at, LONGEST_TEXT),
    };
    let unit = if kind == ParameterKind::AnsiText {
        1
    } else {
        2
    };
    let mut text = String::new();
    for index in 0..length {
        let at = at.checked_add(u64::try_from(index).ok()?.checked_mul(unit)?)?;
        let mut bytes = [0; 2];
        space
            .read(at, bytes.get_mut(..usize::try_from(unit).ok()?)?)
            .ok()?;
        match char::from_u32(u32::from(u16::from_le_bytes(bytes))) {
            Some('\0') | None => break,
            Some(letter) if letter.is_control() => return None,
            Some(letter) => text.push(letter),
        }
    }
    (!text.is_empty()).then(|| format!("\"{text}\""))
}

/// The tag of a pool block and whose it usually is, whether the address is that of its header or of
/// what stands behind it.
fn pool_block(facts: &Facts<'_>, value: u64) -> Option<String> {
    if facts.architecture? == Architecture::X86 {
        return None;
    }
    let space = facts.space?;
    let tag = |header: u64| {
        let tag = space
            .u32(VirtualAddress(header.checked_add(POOL_TAG)?))
            .ok()?;
        decode::one(ParameterKind::FourCharacters, u64::from(tag), true)
            .filter(|_| pooltag::pool_tag(tag.to_le_bytes()).is_some())
    };
    let said = tag(value).or_else(|| tag(value.checked_sub(POOL_HEADER)?))?;
    Some(format!("its pool tag is {said}"))
}

/// Whether the page is there, and why not.
fn page(facts: &Facts<'_>, kind: ParameterKind, value: u64) -> Option<String> {
    use ParameterKind as Is;
    // A minidump holds so few pages that one which is missing says nothing.
    let pages = !matches!(facts.kind, Kind::Triage | Kind::HeaderOnly);
    let asked = matches!(
        kind,
        Is::Address | Is::InstructionAddress | Is::PoolBlock | Is::PteAddress
    );
    if !pages || !asked {
        return None;
    }
    let mut byte = [0];
    match facts.space?.read(VirtualAddress(value), &mut byte) {
        // The entry's own page, not the one that the entry is for.
        Ok(()) if kind == Is::PteAddress => Some("the entry itself is in this dump".into()),
        Err(_) if kind == Is::PteAddress => None,
        Ok(()) => Some("the page is in memory and in this dump".into()),
        Err(Missing::File(_)) => None,
        Err(why) => Some(format!("{why}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::testing::{GONE, Machine, address};
    use crate::memory::{AddressSpace, Level};
    use crate::model::Hex;

    /// Memory made of a few stretches.
    struct Few(Vec<(u64, Vec<u8>)>);

    impl AddressSpace for Few {
        fn read(&self, at: VirtualAddress, buf: &mut [u8]) -> Result<(), Missing> {
            for (base, bytes) in &self.0 {
                let into = usize::try_from(at.0.wrapping_sub(*base)).unwrap_or(usize::MAX);
                if let Some(found) = bytes.get(into..).and_then(|rest| rest.get(..buf.len())) {
                    buf.copy_from_slice(found);
                    return Ok(());
                }
            }
            Err(Missing::NotPresent(Level::Pt))
        }
    }

    fn say(code: u32, parameters: [u64; 4], memory: Vec<(u64, Vec<u8>)>) -> [String; 4] {
        let mut machine = Machine::stopped_by(&["acme.sys"]);
        machine.stack.process = Some(Hex(0xFFFF_8001_0000_1000));
        let few = Few(memory);
        let mut facts = machine.facts(code, parameters);
        facts.kind = Kind::BitmapKernel;
        facts.process_name = Some("acme.exe");
        facts.space = Some(&few);
        decoded(&facts).map(Option::unwrap_or_default)
    }

    #[test]
    fn an_instruction_is_told_with_its_driver_and_an_address_with_its_page() {
        let at = address("acme.sys", 0x12);
        let said = say(0xD1, [0xFFFF_8001_ACDC_6010, 2, 0, at], Vec::new());
        assert!(said[0].contains("no page there"), "{said:?}");
        assert!(said[1].starts_with("DISPATCH_LEVEL"));
        assert_eq!(said[2], "reading");
        assert_eq!(said[3], "acme+0x12");
        let gone = say(0xD1, [0x10, 2, 8, GONE + 4], Vec::new());
        assert!(gone[0].contains("behind an empty") && gone[3].contains("had been unloaded"));
        assert_eq!(
            say(0xD1, [0, 2, 8, 0xFFFF_9999_0000_0000], Vec::new())[3],
            "in no module"
        );
    }

    #[test]
    fn records_strings_and_pool_blocks_are_followed() {
        let at = address("acme.sys", 0x334);
        let mut record = alloc::vec![5, 0, 0, 0xC0];
        record.resize(0x10, 0);
        record.extend(at.to_le_bytes());
        let base = 0xFFFF_8001_0002_0000;
        let said = say(
            0x7E,
            [0xFFFF_FFFF_C000_0005, at, base, 0],
            alloc::vec![(base, record)],
        );
        assert_eq!(said[2], "STATUS_ACCESS_VIOLATION at acme+0x334");
        let name: Vec<u8> = "smss.exe\0".bytes().collect();
        let said = say(
            0xF4,
            [3, 0xFFFF_8001_0000_1000, base, 0],
            alloc::vec![(base, name)],
        );
        assert_eq!(said[1], "the process that was current: acme.exe");
        assert_eq!(said[2], "\"smss.exe\"");
        let mut block = alloc::vec![0; 4];
        block.extend(b"MmSt");
        block.resize(0x20, 0);
        let said = say(0x19, [0x20, base, base, 0], alloc::vec![(base, block)]);
        assert!(
            said[1].starts_with("its pool tag is 'MmSt', usually"),
            "{said:?}"
        );
    }

    #[test]
    fn what_a_minidump_does_not_hold_is_not_taken_for_absent() {
        let machine = Machine::stopped_by(&["acme.sys"]);
        let facts = machine.facts(0x50, [0xFFFF_8001_ACDC_6010, 0, 0, 0]);
        assert_eq!(decoded(&facts)[0], None);
    }
}
