//! What the record of a hardware error says, in words: which part reported, where it sits, what
//! went wrong.
//!
//! Sources: UEFI specification, appendix N, for the kinds of memory error; PCI Express base
//! specification for kinds of port and the bits of Advanced Error Reporting; the PCI-SIG's list for
//! makers.

use crate::knowledge::machine_check;
use crate::nt::hardware_error::{ErrorRecord, Part};
use alloc::{format, string::String, vec::Vec};

/// Kinds of memory error, from 1 on.
const MEMORY: &str = "no error|a single-bit error|a multi-bit error|a single-symbol error|\
    a multi-symbol error|a master abort|a target abort|a parity error|a watchdog time-out|\
    an invalid address|a broken mirror|memory sparing|a corrected error found by scrubbing|\
    an uncorrected error found by scrubbing|a physical memory map-out event";
const PLACES: &str = "node|card|module|bank|device|row|column|bit";
/// Kinds of PCI Express port, from 0 on.
const PORTS: &str = "endpoint|legacy endpoint|device|device|root port|upstream switch port|\
    downstream switch port|bridge to PCI|bridge from PCI|endpoint of the root complex|\
    event collector of the root complex";
/// Bits of the uncorrectable error status.
const UNCORRECTABLE: &[(u32, &str)] = &[
    (4, "data link protocol error"),
    (5, "the link went down by surprise"),
    (12, "poisoned data"),
    (13, "flow control protocol error"),
    (14, "completion time-out"),
    (15, "completer abort"),
    (16, "unexpected completion"),
    (17, "receiver overflow"),
    (18, "malformed packet"),
    (19, "wrong end-to-end checksum"),
    (20, "unsupported request"),
    (21, "access control violation"),
    (22, "internal error"),
];
const CORRECTABLE: &[(u32, &str)] = &[
    (0, "receiver error"),
    (6, "bad packet"),
    (7, "bad link packet"),
    (8, "replays rolled over"),
    (12, "replay timer ran out"),
];
/// Makers whose devices are in most machines.
const MAKERS: &[(u16, &str)] = &[
    (0x1002, "AMD"),
    (0x1022, "AMD"),
    (0x10DE, "NVIDIA"),
    (0x10EC, "Realtek"),
    (0x126F, "Silicon Motion"),
    (0x144D, "Samsung"),
    (0x14E4, "Broadcom"),
    (0x15B7, "SanDisk"),
    (0x1987, "Phison"),
    (0x1B4B, "Marvell"),
    (0x1C5C, "SK hynix"),
    (0x1344, "Micron"),
    (0x8086, "Intel"),
];

fn nth(list: &'static str, index: usize) -> Option<&'static str> {
    list.split('|').nth(index)
}

fn bits(status: u32, names: &[(u32, &'static str)]) -> Vec<&'static str> {
    let set = names.iter().filter(|(bit, _)| status >> bit & 1 == 1);
    set.map(|(_, name)| *name).collect()
}

/// The part that the record is about, as the beginning of a sentence.
pub(super) fn reporter(record: &ErrorRecord) -> Option<&'static str> {
    let named = record.parts.iter().find_map(|part| match part {
        Part::Memory { .. } => Some("Memory"),
        Part::PciExpress { .. } => Some("A PCI Express device"),
        Part::Check { .. } => Some("The processor"),
        _ => None,
    });
    let processor = |part: &Part| matches!(part, Part::Processor { .. });
    let any = record.parts.iter().any(processor);
    named.or(any.then_some("The processor"))
}

/// Each part in a sentence.
pub(crate) fn told(record: &ErrorRecord) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for text in record.parts.iter().map(part) {
        if !all.contains(&text) {
            all.push(text);
        }
    }
    all
}

fn part(part: &Part) -> String {
    match part {
        Part::Processor {
            id,
            kind,
            operation,
            level,
        } => processor(*id, *kind, *operation, *level),
        Part::Check {
            processor,
            bank,
            status,
            address,
            misc,
            ..
        } => {
            let said = machine_check::describe(*status);
            let said = said.unwrap_or_else(|| "it holds no error".into());
            let mut text = format!(
                "Machine-check bank {bank} of processor {processor} has the status {status:#x}: \
                 {said}"
            );
            for (what, value) in [("address", address), ("further information", misc)] {
                if let Some(value) = value {
                    text = format!("{text}; {what} {value:#x}");
                }
            }
            text + "."
        }
        Part::Memory {
            address,
            place,
            kind,
        } => memory(*address, place, *kind),
        Part::PciExpress {
            port,
            id,
            place,
            uncorrectable,
            correctable,
        } => {
            let mut errors = bits(uncorrectable.unwrap_or_default(), UNCORRECTABLE);
            errors.extend(bits(correctable.unwrap_or_default(), CORRECTABLE));
            pci_express(*port, *id, *place, &errors)
        }
        Part::Named(name) => format!("The record names {name}."),
        Part::Replaceable(name) => format!("The firmware calls the part {name}."),
    }
}

fn processor(
    id: Option<u64>,
    kind: Option<u8>,
    operation: Option<u8>,
    level: Option<u8>,
) -> String {
    let mut text = String::from("The record names a processor");
    if let Some(id) = id {
        text = format!("{text}, local APIC id {id}");
    }
    let what = kind.map(|kind| match kind {
        1 => "an error in a cache",
        2 => "an error in the address translation buffer",
        4 => "an error on a bus",
        8 => "an error of its micro-architecture",
        _ => "an error that it does not classify",
    });
    if let Some(what) = what {
        text = format!("{text}: {what}");
        if let Some(level) = level.filter(|_| kind == Some(1)) {
            text = format!("{text} of level {level}");
        }
        text.push_str(match operation {
            Some(1) => " while reading data",
            Some(2) => " while writing data",
            Some(3) => " while executing",
            _ => "",
        });
    }
    text + "."
}

fn pci_express(
    port: Option<u32>,
    id: Option<(u16, u16)>,
    [segment, bus, device, function]: [u16; 4],
    errors: &[&str],
) -> String {
    let port = port.and_then(|port| nth(PORTS, port as usize));
    let mut text = format!(
        "The record names a PCI Express {}",
        port.unwrap_or("device")
    );
    if let Some((vendor, product)) = id {
        let maker = MAKERS.iter().find(|(id, _)| *id == vendor);
        let maker = maker.map_or(String::new(), |(_, name)| format!(" of {name}"));
        text = format!(
            "{text}{maker} (vendor {vendor:04x}, device {product:04x}) at bus {bus}, device \
             {device}, function {function}"
        );
        if segment != 0 {
            text = format!("{text} of segment {segment}");
        }
    }
    if !errors.is_empty() {
        text = format!("{text}: {}", errors.join(", "));
    }
    text + "."
}

fn memory(address: Option<u64>, place: &[Option<u16>; 8], kind: Option<u8>) -> String {
    let kind = kind.and_then(|kind| nth(MEMORY, usize::from(kind).checked_sub(1)?));
    let mut text = format!("The record names memory: {}", kind.unwrap_or("an error"));
    if let Some(address) = address {
        text = format!("{text} at physical address {address:#x}");
    }
    for (name, number) in PLACES.split('|').zip(place) {
        if let Some(number) = number {
            text = format!("{text}, {name} {number}");
        }
    }
    text + "."
}

/// The middle of the debugger's bucket: which section the record is about.
pub(super) fn section(record: &ErrorRecord) -> &'static str {
    let kind = |kind: &Option<u8>| match kind {
        Some(1) => "_PROCESSOR_CACHE",
        Some(2) => "_PROCESSOR_TLB",
        Some(4) => "_PROCESSOR_BUS",
        Some(8) => "_PROCESSOR_MAE",
        _ => "_PROCESSOR__UNKNOWN",
    };
    let found = record.parts.iter().find_map(|part| match part {
        Part::Memory { .. } => Some("_MEMORY__UNKNOWN"),
        Part::PciExpress { .. } => Some("_PCIEXPRESS__UNKNOWN"),
        Part::Processor { kind: said, .. } => Some(kind(said)),
        Part::Check { .. } => Some("_PROCESSOR__UNKNOWN"),
        _ => None,
    });
    found.unwrap_or("__UNKNOWN")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn only(part: Part) -> Vec<String> {
        told(&ErrorRecord {
            parts: alloc::vec![part],
            ..ErrorRecord::default()
        })
    }

    #[test]
    fn each_part_is_told_with_its_place_and_what_went_wrong() {
        let place = [Some(0), None, Some(2), None, None, None, None, None];
        let memory = only(Part::Memory {
            address: Some(0x1234_5000),
            place,
            kind: Some(3),
        });
        let wanted = "The record names memory: a multi-bit error at physical address 0x12345000, \
                      node 0, module 2.";
        assert_eq!(memory, [wanted]);
        let bus = only(Part::PciExpress {
            port: Some(4),
            id: Some((0x8086, 0x1901)),
            place: [0, 0, 1, 0],
            uncorrectable: Some(1 << 14),
            correctable: None,
        });
        let wanted = "The record names a PCI Express root port of Intel (vendor 8086, device \
                      1901) at bus 0, device 1, function 0: completion time-out.";
        assert_eq!(bus, [wanted]);
        let processor = only(Part::Processor {
            id: Some(6),
            kind: Some(1),
            operation: Some(1),
            level: Some(2),
        });
        let wanted = "The record names a processor, local APIC id 6: an error in a cache of level \
                      2 while reading data.";
        assert_eq!(processor, [wanted]);
    }

    #[test]
    fn what_the_record_does_not_tell_is_not_said() {
        let bare = only(Part::Processor {
            id: None,
            kind: None,
            operation: None,
            level: None,
        });
        assert_eq!(bare, ["The record names a processor."]);
        let unknown = only(Part::PciExpress {
            port: Some(99),
            id: None,
            place: [0; 4],
            uncorrectable: None,
            correctable: None,
        });
        assert_eq!(unknown, ["The record names a PCI Express device."]);
    }
}
