//! The version resource: a resource tree with one VS_VERSIONINFO.

use super::Plan;
use crate::bytes::{Bytes, utf16};

/// A node of the version block: key, value, children, padded to 4 bytes.
fn node(key: &str, value: &[u8], text: bool, children: &[Vec<u8>]) -> Vec<u8> {
    let mut b = Bytes::zeroed(6);
    b.append(&utf16(key));
    b.append(&[0, 0]);
    b.align(4);
    b.append(value);
    for child in children {
        b.align(4);
        b.append(child);
    }
    let length = b.len() as u16;
    b.u16(0, length);
    b.u16(
        2,
        if text {
            value.len() as u16 / 2
        } else {
            value.len() as u16
        },
    );
    b.u16(4, u16::from(text));
    b.into_vec()
}

fn string(key: &str, value: &str) -> Vec<u8> {
    let mut bytes = utf16(value);
    bytes.extend([0, 0]);
    node(key, &bytes, true, &[])
}

/// The resource directory, to lie at `at`.
pub fn build(plan: &Plan, at: u32) -> Vec<u8> {
    let [a, b, c, d] = plan.version;
    let mut fixed = Bytes::zeroed(52);
    fixed.u32(0, 0xfeef_04bd);
    fixed.u32(4, 0x0001_0000);
    for offset in [8, 16] {
        fixed.u32(offset, u32::from(a) << 16 | u32::from(b));
        fixed.u32(offset + 4, u32::from(c) << 16 | u32::from(d));
    }
    fixed.u32(0x18, 0x3f);
    fixed.u32(0x20, 0x4_0004);
    fixed.u32(0x24, 3);
    let text = format!("{a}.{b}.{c}.{d}");
    let table = node(
        "040904B0",
        &[],
        true,
        &[
            string("CompanyName", &plan.company),
            string("FileVersion", &text),
            string("OriginalFilename", &plan.name),
            string("ProductVersion", &text),
        ],
    );
    let strings = node("StringFileInfo", &[], true, &[table]);
    let version = node("VS_VERSION_INFO", fixed.as_slice(), false, &[strings]);
    let mut out = Bytes::zeroed(0x58);
    // Type 16, name 1, language 0409: three directories of one entry each.
    for (level, id) in [16, 1, 0x409].into_iter().enumerate() {
        let base = 0x18 * level;
        out.u16(base + 0xe, 1);
        out.u32(base + 0x10, id);
        let next = if level < 2 {
            0x8000_0000 | (base as u32 + 0x18)
        } else {
            0x48
        };
        out.u32(base + 0x14, next);
    }
    out.u32(0x48, at + 0x58);
    out.u32(0x4c, version.len() as u32);
    out.append(&version);
    out.into_vec()
}
