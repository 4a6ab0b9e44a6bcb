//! DOS stub, PE headers and the section table.

use super::{Plan, Tables};
use crate::bytes::Bytes;
use crate::container::header::machine_type;
use crate::scenario::Architecture;

/// Where the PE signature lies.
const PE: usize = 0xf0;

/// Builds the header page.
pub fn build(plan: &Plan, tables: &Tables) -> Vec<u8> {
    let wide = plan.arch != Architecture::X86;
    let mut b = Bytes::zeroed(PE);
    // `4D 5A 90 00`: some readers look for all four bytes.
    b.put(
        0,
        &[
            0x4d, 0x5a, 0x90, 0x00, 0x03, 0, 0, 0, 4, 0, 0, 0, 0xff, 0xff,
        ],
    );
    b.u16(0x18, 0x40);
    b.u32(0x3c, PE as u32);
    b.put(PE, b"PE\0\0");
    let coff = PE + 4;
    let optional_size = if wide { 0xf0 } else { 0xe0 };
    b.u16(coff, machine_type(plan.arch) as u16);
    b.u16(coff + 2, plan.sections.len() as u16);
    b.u32(coff + 4, plan.stamp);
    b.u16(coff + 0x10, optional_size);
    b.u16(coff + 0x12, if wide { 0x22 } else { 0x102 });
    let o = coff + 0x14;
    optional(&mut b, o, plan, wide);
    let directories = o + if wide { 0x70 } else { 0x60 };
    b.u32(directories - 4, 16);
    for (index, (rva, size)) in [
        (0, tables.export),
        (2, tables.resource),
        (3, tables.exception),
        (6, tables.debug),
    ] {
        b.u32(directories + 8 * index, rva);
        b.u32(directories + 8 * index + 4, size);
    }
    let mut at = o + usize::from(optional_size);
    for section in &plan.sections {
        let mut name = section.name.as_bytes().to_vec();
        name.resize(8, 0);
        b.put(at, &name);
        b.u32(at + 8, section.size);
        b.u32(at + 0xc, section.rva);
        b.u32(at + 0x10, section.size.next_multiple_of(0x200));
        b.u32(at + 0x14, section.rva);
        b.u32(at + 0x24, section.flags);
        at += 0x28;
    }
    b.into_vec()
}

fn optional(b: &mut Bytes, o: usize, plan: &Plan, wide: bool) {
    let code: u32 = plan
        .sections
        .iter()
        .filter(|s| s.flags & 0x20 != 0)
        .map(|s| s.size)
        .sum();
    b.u16(o, if wide { 0x20b } else { 0x10b });
    b.u8(o + 2, 12);
    b.u32(o + 0x04, code);
    b.u32(o + 0x10, (plan.size / 2) & !0xf);
    b.u32(o + 0x14, 0x1000);
    if wide {
        b.u64(o + 0x18, plan.base);
    } else {
        b.u32(o + 0x1c, plan.base as u32);
    }
    b.u32(o + 0x20, 0x1000);
    b.u32(o + 0x24, 0x200);
    for at in [0x28, 0x2c, 0x30] {
        b.u16(o + at, plan.version[0]);
        b.u16(o + at + 2, plan.version[1]);
    }
    b.u32(o + 0x38, plan.size);
    b.u32(o + 0x3c, 0x600);
    b.u32(o + 0x40, plan.checksum);
    b.u16(o + 0x44, 1);
    let (stack, width) = (o + 0x48, if wide { 8 } else { 4 });
    for (i, value) in [0x40_0000_u64, 0x1000, 0x10_0000, 0x1000]
        .iter()
        .enumerate()
    {
        b.word(stack + width * i, *value, width);
    }
}
