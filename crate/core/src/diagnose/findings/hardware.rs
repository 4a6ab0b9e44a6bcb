//! What points to the hardware: errors that it reported, and damage that looks like its work.

use super::finding;
use crate::diagnose::blame::rules::{broken_code, wild_jump};
use crate::diagnose::blame::watchdog::hung_stack;
use crate::diagnose::codes::{Silence, silence};
use crate::diagnose::facts::Facts;
use crate::diagnose::hardware;
use crate::diagnose::pool;
use crate::knowledge::machine_check;
use crate::memory::VirtualAddress;
use crate::model::{Confidence, Finding, How};
use crate::nt::Architecture;
use alloc::{format, string::String};

/// The bit by which `value` differs from a kernel address: all of the upper 17 bits of such an
/// address are ones, and in this one a single bit is not.
pub(super) fn damaged_bit(value: u64) -> Option<u32> {
    const UPPER: u64 = !0 << 47;
    const MIDDLE: u64 = !UPPER & !0xFFF;
    let wrong = !value & UPPER;
    // Masks, and numbers such as the greatest one there is, look like this as well.
    let mask = value & MIDDLE == 0 || value & MIDDLE == MIDDLE;
    (wrong.count_ones() == 1 && wrong >> 63 == 0 && !mask).then(|| wrong.trailing_zeros())
}

/// A register of the exception that holds a kernel address with one wrong bit. The processor
/// refuses such an address without saying which it was.
fn one_wrong_bit(facts: &Facts<'_>) -> Option<(u64, u32, String)> {
    if facts.architecture != Some(Architecture::X64) {
        return None;
    }
    let address = facts.exception.and_then(|e| e.information.get(1));
    let told = address.is_some_and(|address| address.0 != u64::MAX);
    let stack = facts.stack.filter(|_| !told)?;
    if stack.frames.first()?.how != How::Exception {
        return None;
    }
    stack
        .registers
        .iter()
        .filter(|r| r.name.starts_with('r') && r.name != "rflags")
        .find_map(|r| {
            let bit = damaged_bit(r.value.0)?;
            Some((r.value.0, bit, format!("register {}", r.name)))
        })
}

pub(super) fn memory_suspected(facts: &Facts<'_>) -> Option<Finding> {
    let code = facts.plain_code();
    let damage = silence(code, &facts.parameters) == Some(Silence::Corruption);
    let bit = one_wrong_bit(facts);
    let (entry, lone_bit) = (facts.parameters[2], facts.lone_bit());
    let wild = wild_jump(facts).filter(|_| facts.blame().named().is_none());
    let broken = broken_code(facts);
    if !damage && bit.is_none() && wild.is_none() && broken.is_none() {
        return None;
    }
    let sure = match bit.is_some() || lone_bit || code == 0x12B {
        true => Confidence::Likely,
        false => Confidence::Possible,
    };
    let mut found = finding(
        "memory-hardware-suspected",
        sure,
        "Faulty memory is among the suspects.",
        "Windows found data that cannot have been written the way it stands there. A memory module \
         that loses bits does this, and so does a driver that writes where it should not. Stops \
         with changing codes and changing culprits speak for the memory.",
    );
    if damage {
        let text = format!("The stop code is {}.", facts.code_label());
        found = found.because(text, "stop code");
    }
    if let Some(address) = wild {
        let text = format!("The processor was sent to {address:#x}, where no module is.");
        found = found.because(text, "stop code parameters");
    }
    if let Some(place) = broken {
        let text = format!("The processor found no instruction at {place}, in Windows' own code.");
        found = found.because(text, "exception");
    }
    if let Some((address, bit, place)) = bit {
        let text = format!(
            "{address:#x} would be a kernel address if bit {bit} were not 0: one bit is wrong."
        );
        found = found.because(text, place);
    }
    if lone_bit {
        let text = format!(
            "The damaged page table entry should be empty and has one bit set ({entry:#x})."
        );
        found = found.because(text, "parameter 3");
    }
    Some(found.toward(facts, "memory"))
}

pub(super) fn reported(facts: &Facts<'_>) -> Option<Finding> {
    let [source, _, high, low] = facts.parameters;
    let code = facts.plain_code();
    let (who, check) = match (code, source) {
        (0x9C, _) | (0x124, 0) => ("The processor", true),
        (0x124, 3) => ("A non-maskable interrupt", false),
        (0x124, 4) => ("PCI Express", false),
        (0x124, 5) => ("The firmware", false),
        (0x124, 0x10) => ("A device", false),
        (0x124, _) => ("The hardware", false),
        _ => return None,
    };
    let record = facts.hardware;
    let who = record.and_then(hardware::reporter).unwrap_or(who);
    let how = match (record, check) {
        (None, true) => " (machine check)",
        (None, false) => " that could not be corrected",
        (Some(record), _) => match record.severity {
            2 => ", which was corrected",
            1 => " that could not be corrected",
            _ => "",
        },
    };
    let mut found = finding(
        "hardware-error-reported",
        Confidence::Certain,
        format!("{who} reported an error{how}."),
        "The report came from the hardware itself, not from Windows or a driver. Heat, voltage, \
         overclocking, power supply, processor, main board, memory and cards are the suspects, in \
         the order in which they are easy to check.",
    );
    found = match code {
        0x124 => found.because(format!("The error source is {source:#x}."), "parameter 1"),
        _ => found.because(
            format!("The bank that reported is number {source}."),
            "parameter 1",
        ),
    };
    let status = high << 32 | low & 0xFFFF_FFFF;
    if let Some(said) = machine_check::describe(status).filter(|_| check) {
        let text = format!("The machine-check status {status:#x} says: {said}.");
        found = found.because(text, "parameters 3 and 4");
    }
    if let Some(record) = record {
        let place = format!("error record at {}", record.address);
        for text in hardware::told(record) {
            found = found.because(text, place.clone());
        }
    }
    Some(found.toward(facts, "hardware"))
}

pub(super) fn processor_hung(facts: &Facts<'_>) -> Option<Finding> {
    if facts.plain_code() != 0x101 {
        return None;
    }
    let processor = facts.parameters[3];
    let explanation = if facts.is_guest() {
        "A processor did not take a clock interrupt in time. In a virtual machine the usual reason \
         is that the host did not let that virtual processor run."
    } else {
        "A processor did not take a clock interrupt in time: it hung in code that allows no \
         interrupts, or it is unstable."
    };
    let mut found = finding(
        "processor-hung",
        Confidence::Certain,
        "A processor stopped answering.",
        explanation,
    )
    .because(
        format!("The processor that hung is number {processor}."),
        "parameter 4",
    );
    let ran = hung_stack(facts).and_then(|stack| stack.frames.first());
    let ran = ran.and_then(|frame| facts.locate(VirtualAddress(frame.address.0)));
    if let Some(place) = ran {
        let text = format!(
            "Its registers, which may be older than the hang, were last saved in {}.",
            place.label
        );
        found = found.because(text, "parameter 3 (PRCB)");
    }
    Some(found.toward(facts, "clock"))
}

/// What the headers of pool say where a block was overwritten.
pub(super) fn pool_overwritten(facts: &Facts<'_>) -> Option<Finding> {
    if !pool::CODES.contains(&facts.plain_code()) {
        return None;
    }
    let told = pool::told(facts);
    if told.is_empty() {
        return None;
    }
    let found = finding(
        "pool-block-damaged",
        Confidence::Certain,
        "What the pool's headers say of the damage.",
        "A block of kernel memory was overwritten, most often by the owner of the block in front of \
         it, which wrote on behind its end. Tags say for what a block was made, not who wrote: any \
         driver can reach any block.",
    );
    let found = told
        .into_iter()
        .fold(found, |found, (text, place)| found.because(text, place));
    Some(found.toward(facts, "pool"))
}
