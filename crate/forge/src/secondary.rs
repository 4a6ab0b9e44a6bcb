//! Secondary data behind a dump: firmware tables, processor registers and what drivers add.

use crate::bytes::{Bytes, utf16};
use crate::firmware::{acpi, cpuid, smbios};
use crate::layout::secondary as s;
use crate::machine::Machine;

/// Everything behind the dump of a machine.
pub fn build(machine: &Machine<'_>) -> Vec<u8> {
    let scenario = machine.scenario;
    let mut out = Bytes::zeroed(s::FILE_HEADER);
    out.put(0, &s::SIGNATURE);
    out.u32(8, s::FILE_HEADER as u32);
    out.u32(12, s::FREE_BUILD | scenario.machine.build);
    blob(&mut out, s::CRASH_DUMP, &[]);
    for black_box in &scenario.black_boxes {
        let contents = if black_box.hex.is_empty() {
            black_box.text.clone().into_bytes()
        } else {
            hex_bytes(&black_box.hex)
        };
        blob(&mut out, &black_box.guid, &contents);
    }
    if !scenario.firmware.no_smbios {
        blob(&mut out, s::SMBIOS, &smbios::payload(scenario));
    }
    blob(&mut out, s::REGISTRY_VALUES, &registry_values(machine));
    if machine.arch() == crate::scenario::Architecture::Arm64 {
        blob(&mut out, "00000000-0000-0000-0000-000000000000", &[]);
    } else {
        blob(&mut out, s::REGISTERS, &cpuid::payload(scenario));
    }
    blob(&mut out, s::ACPI, &acpi::heads(scenario));
    out.into_vec()
}

fn blob(out: &mut Bytes, guid: &str, contents: &[u8]) {
    let at = out.append(&[0; s::BLOB_HEADER]);
    out.u32(at, s::BLOB_HEADER as u32);
    out.put(at + s::BLOB_GUID, &s::guid_bytes(guid).unwrap_or_default());
    out.u32(at + s::BLOB_SIZE, contents.len() as u32);
    let pad = contents.len().next_multiple_of(8) - contents.len();
    out.u32(at + s::BLOB_PRE_PAD, 0);
    out.u32(at + s::BLOB_POST_PAD, pad as u32);
    out.append(contents);
    out.append(&vec![0; pad]);
}

/// Bytes from hexadecimal digits; other characters are skipped.
pub fn hex_bytes(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text
        .chars()
        .filter_map(|c| c.to_digit(16))
        .map(|d| d as u8)
        .collect();
    digits.chunks_exact(2).map(|d| d[0] << 4 | d[1]).collect()
}

/// One value of the processor's registry key: name size, name, type, data size, data.
fn value(out: &mut Bytes, name: &str, kind: u32, data: &[u8]) {
    let mut name = utf16(name);
    name.extend([0, 0]);
    out.append(&(name.len() as u32).to_le_bytes());
    out.append(&name);
    out.append(&kind.to_le_bytes());
    out.append(&(data.len() as u32).to_le_bytes());
    out.append(data);
}

fn text(value: &str) -> Vec<u8> {
    let mut bytes = utf16(value);
    bytes.extend([0, 0]);
    bytes
}

fn registry_values(machine: &Machine<'_>) -> Vec<u8> {
    let m = &machine.scenario.machine;
    let identifier = "Intel64 Family 6 Model 45 Stepping 7";
    let mut out = Bytes::default();
    value(&mut out, "~MHz", 4, &m.mhz.to_le_bytes());
    value(&mut out, "Component Information", 3, &[0; 16]);
    value(&mut out, "Identifier", 1, &text(identifier));
    value(&mut out, "ProcessorNameString", 1, &text(&m.processor_name));
    value(&mut out, "VendorIdentifier", 1, &text(&m.processor_vendor));
    out.into_vec()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Scenario;

    #[test]
    fn the_chain_of_blobs_can_be_walked_to_its_end_and_holds_the_firmware() {
        let scenario = Scenario::from_toml("").unwrap();
        let machine = Machine::invent(&scenario).unwrap();
        let bytes = build(&machine);
        assert_eq!(&bytes[..8], b"DumpBlob");
        let word = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
        let mut at = word(8);
        let mut guids = Vec::new();
        while at < bytes.len() {
            assert_eq!(word(at), 0x20);
            guids.push(bytes[at + 4..at + 20].to_vec());
            at += word(at) + word(at + 0x18) + word(at + 0x14) + word(at + 0x1c);
        }
        assert_eq!(at, bytes.len());
        assert!(guids.contains(&s::guid_bytes(s::SMBIOS).unwrap().to_vec()));
        assert_eq!(guids.len(), 5);
    }
}
