//! SMBIOS structures: BIOS (type 0), system (1), board (2), chassis (3), processor (4), memory (16, 17, 19), end (127).
//! Layout: DMTF DSP0134.

use super::strings;
use crate::bytes::Bytes;
use crate::rng::Rng;
use crate::scenario::{FirmwareKind, Scenario};

/// A structure: formatted part after the 4-byte head, then its strings.
fn structure(out: &mut Bytes, kind: u8, handle: u16, body: &[u8], texts: &[&str]) {
    out.append(&[kind, body.len() as u8 + 4]);
    out.append(&handle.to_le_bytes());
    out.append(body);
    for text in texts {
        out.append(text.as_bytes());
        out.append(&[0]);
    }
    out.append(if texts.is_empty() { &[0, 0] } else { &[0] });
}

/// The structure table.
pub fn table(scenario: &Scenario) -> Vec<u8> {
    if !scenario.firmware.smbios.is_empty() {
        return scenario.firmware.smbios.clone();
    }
    let s = strings(scenario);
    let mut out = Bytes::default();
    bios(&mut out, &s.bios, scenario);
    let uuid = Rng::for_purpose(scenario.machine.seed, "uuid")
        .next()
        .to_le_bytes();
    let mut system = vec![1, 2, 3, 4];
    system.extend(uuid);
    system.extend(uuid.map(|b| b ^ 0x5a));
    system.extend([6, 0, 5]); // woken by the power switch; SKU none, family 5
    let [maker, product, version, serial] = s.system.each_ref().map(String::as_str);
    structure(
        &mut out,
        1,
        1,
        &system,
        &[maker, product, version, serial, product],
    );
    structure(
        &mut out,
        2,
        2,
        &[1, 2, 3, 4],
        &[maker, product, version, serial],
    );
    structure(
        &mut out,
        3,
        3,
        &chassis(),
        &[maker, version, serial, &s.asset_tag],
    );
    processor(&mut out, scenario);
    memory(&mut out, scenario);
    structure(&mut out, 127, 0x7f00, &[], &[]);
    out.into_vec()
}

fn bios(out: &mut Bytes, texts: &[String; 3], scenario: &Scenario) {
    let mut body = Bytes::zeroed(0x14);
    let b = &mut body;
    b.put(0, &[1, 2]);
    b.u16(2, 0xf000);
    b.u8(4, 3);
    b.u8(5, 0x0f);
    b.u64(6, 0x0000_0000_0b1b_9880);
    // Extension byte 2: bit 4 marks a virtual machine, bit 3 UEFI.
    let extension = match scenario.firmware.kind {
        FirmwareKind::HyperVGen1 => 0x00,
        FirmwareKind::HyperVGen2 => 0x1c,
        FirmwareKind::Other => 0x08,
    };
    b.put(0x0e, &[3, extension, 0xff, 0xff, 0xff, 0xff]);
    let texts = texts.each_ref().map(String::as_str);
    structure(out, 0, 0, body.as_slice(), &texts);
}

fn chassis() -> Vec<u8> {
    let mut b = vec![1, 3, 2, 3, 4, 3, 3, 3, 3];
    b.extend([0; 4]);
    b
}

fn processor(out: &mut Bytes, scenario: &Scenario) {
    let m = &scenario.machine;
    let mut b = Bytes::zeroed(0x1f);
    b.u8(0, 3);
    b.u8(1, 3);
    b.u8(2, 0xb3);
    b.u8(3, 2);
    b.u64(4, 0x1f8b_fbff_0002_06d7);
    b.u8(0x0c, 1);
    b.u16(0x0e, 100);
    b.u16(0x10, m.mhz as u16);
    b.u16(0x12, m.mhz as u16);
    b.u8(0x14, 0x41);
    b.u8(0x15, 6);
    let texts = [
        "None",
        m.processor_vendor.as_str(),
        m.processor_name.as_str(),
    ];
    structure(out, 4, 4, b.as_slice(), &texts);
}

fn memory(out: &mut Bytes, scenario: &Scenario) {
    let machine = &scenario.machine;
    let bytes = machine.memory.0.saturating_sub(machine.hot_added.0);
    let kib = (bytes >> 10).min(0x7fff_ffff) as u32;
    let mut array = Bytes::zeroed(0x0b);
    array.put(0, &[3, 3, 3]);
    array.u32(3, kib);
    array.u16(7, 0xfffe);
    array.u16(9, 1);
    structure(out, 16, 0x10, array.as_slice(), &[]);
    let mut device = Bytes::zeroed(0x18);
    device.u16(0, 0x10);
    device.u16(2, 0xfffe);
    device.u16(4, 64);
    device.u16(6, 64);
    device.u16(8, (bytes >> 20).min(0x7fff) as u16);
    device.put(0x0a, &[2, 0, 1, 2, 2]);
    device.put(0x13, &[3, 4, 4, 4]);
    structure(
        out,
        17,
        0x11,
        device.as_slice(),
        &["M0", "None", "Microsoft Corporation", "None"],
    );
    let mut mapped = Bytes::zeroed(0x0b);
    mapped.u32(4, kib.saturating_sub(1));
    mapped.u16(8, 0x10);
    mapped.u8(10, 1);
    structure(out, 19, 0x13, mapped.as_slice(), &[]);
}

/// What the registry and the secondary data carry: method, version, length, table.
pub fn payload(scenario: &Scenario) -> Vec<u8> {
    let table = table(scenario);
    let (major, minor) = strings(scenario).smbios;
    let mut out = vec![0, major, minor, 0];
    out.extend((table.len() as u32).to_le_bytes());
    out.extend(table);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Structures as (type, strings), walked the way any reader does.
    fn walk(mut t: &[u8]) -> Vec<(u8, Vec<String>)> {
        let mut out = Vec::new();
        while t.len() >= 4 {
            let (kind, len) = (t[0], t[1] as usize);
            let mut at = len;
            let mut texts = Vec::new();
            while t[at] != 0 {
                let end = at + t[at..].iter().position(|b| *b == 0).unwrap();
                texts.push(String::from_utf8(t[at..end].to_vec()).unwrap());
                at = end + 1;
            }
            at += if texts.is_empty() { 2 } else { 1 };
            out.push((kind, texts));
            t = &t[at..];
        }
        assert!(t.is_empty());
        out
    }

    #[test]
    fn the_table_of_a_generation_1_guest_names_its_bios_and_ends_with_type_127() {
        let found = walk(&table(&Scenario::default()));
        assert_eq!(
            found[0].1,
            ["American Megatrends Inc.", "090006 ", "05/23/2012"]
        );
        assert_eq!(
            found[1].1[..2],
            ["Microsoft Corporation", "Virtual Machine"]
        );
        assert_eq!(found.last().unwrap().0, 127);
    }
}
