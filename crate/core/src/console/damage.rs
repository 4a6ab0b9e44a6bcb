//! `!errrec` and `!pool`: the record of a hardware error, and the page of pool around an address.
//!
//! Layouts of the answers: public outputs of the debugger's commands of these names. Names of sections and
//! ways of notification: UEFI specification, appendix N.

use super::Live;
use super::live::joined;
use crate::diagnose::hardware::told;
use crate::knowledge::pooltag;
use crate::memory::VirtualAddress;
use crate::model::{Guid, Report};
use crate::nt::hardware_error::{ErrorRecord, Outline, SectionHead};
use crate::nt::pool_block::{PoolBlock, PoolReader};
use crate::report::document::is_wide;
use alloc::{format, string::String, vec::Vec};

const WIDTH: usize = 79;
/// Sections by the first field of their GUID.
const SECTIONS: [(u32, &str); 6] = [
    (0x9876_CCAD, "Processor Generic"),
    (0xDC3E_A0B0, "x86/x64 Processor Specific"),
    (0x8A1E_1D01, "x86/x64 MCA"),
    (0xA5BC_1114, "Memory"),
    (0xD995_E954, "PCI Express"),
    (0x8121_2A96, "Firmware Error Record Reference"),
];
/// Ways of notification, likewise.
const NOTIFIED: [(u32, &str); 6] = [
    (0x2DCE_8BB1, "Corrected Machine Check"),
    (0x4E29_2F96, "Corrected Platform Error"),
    (0xE8F5_6FFE, "Machine Check Exception"),
    (0xCF93_C01F, "PCI Express Error"),
    (0x5BAD_89FF, "Non-Maskable Interrupt"),
    (0x3D61_A466, "Boot Error Record"),
];
/// Windows itself.
const MICROSOFT: u32 = 0xCF07_C4BD;

/// The stop code about a hardware error; its second parameter is the record.
const HARDWARE_ERROR: u32 = 0x124;

fn first_field(guid: &Guid) -> u32 {
    let [a, b, c, d, ..] = guid.0;
    u32::from_le_bytes([a, b, c, d])
}

fn called(guid: &Guid, names: &[(u32, &str)]) -> String {
    let known = names.iter().find(|(first, _)| *first == first_field(guid));
    known.map_or_else(|| format!("{{{guid}}}"), |(_, name)| (*name).into())
}

fn severity(value: u32) -> String {
    let name = match value {
        0 => "Recoverable",
        1 => "Fatal",
        2 => "Corrected",
        3 => "Informational",
        _ => "Unknown",
    };
    format!("{name} ({value})")
}

/// Month, day, year and time of day. Firmware writes digits, Windows numbers; the century tells.
fn time(bytes: [u8; 8]) -> Option<String> {
    let digits = bytes[7] >= 0x19;
    let value = |byte: u8| match digits {
        true => u32::from(byte >> 4) * 10 + u32::from(byte & 15),
        false => u32::from(byte),
    };
    let [second, minute, hour, _, day, month, year, century] = bytes.map(value);
    let year = century * 100 + year;
    let real = (1..=12).contains(&month) && (1..=31).contains(&day) && (1990..2200).contains(&year);
    (real && hour < 24 && minute < 60)
        .then(|| format!("{month}/{day}/{year} {hour}:{minute:02}:{second:02}"))
}

/// `!errrec [ADDRESS]`.
pub(super) fn error_record(words: &[&str], live: &Live<'_>) -> Vec<String> {
    let words = joined(words);
    let at = match words.first() {
        Some(word) => match live.evaluate(word) {
            Ok(at) => at,
            Err(why) => return Vec::from([why]),
        },
        None => match of_stop(live.report) {
            Some(at) => at,
            None => {
                return Vec::from(
                    ["Usage: !errrec ADDRESS; the stop code names no record.".into()],
                );
            }
        },
    };
    let (at, space) = (VirtualAddress(at), live.space());
    let found = ErrorRecord::read(&space, at).zip(Outline::read(&space, at));
    let Some((record, outline)) = found else {
        return Vec::from([format!(
            "There is no record of a hardware error at {at}, or it is not in the dump."
        )]);
    };
    let (double, single) = ("=".repeat(WIDTH), "-".repeat(WIDTH));
    let mut lines = Vec::from([
        double.clone(),
        format!("Common Platform Error Record @ {:016x}", at.0),
        single.clone(),
        format!("Record Id     : {:016x}", outline.id),
        format!("Severity      : {}", severity(outline.severity)),
        format!("Length        : {}", outline.length),
        format!(
            "Creator       : {}",
            called(&outline.creator, &[(MICROSOFT, "Microsoft")])
        ),
        format!("Notify Type   : {}", called(&outline.notify, &NOTIFIED)),
    ]);
    lines.extend(time(outline.time).map(|time| format!("Timestamp     : {time}")));
    lines.push(format!("Flags         : 0x{:08x}", outline.flags));
    for (index, section) in outline.sections.iter().enumerate() {
        lines.extend([String::new(), double.clone()]);
        lines.push(format!(
            "Section {index:<6}: {}",
            called(&section.kind, &SECTIONS)
        ));
        lines.push(single.clone());
        lines.extend(head(section, at));
    }
    lines.push(String::new());
    lines.extend(told(&record));
    lines
}

fn head(section: &SectionHead, record: VirtualAddress) -> Vec<String> {
    let at = record.0.wrapping_add(section.offset.into());
    let primary = if section.flags & 1 == 1 {
        " Primary"
    } else {
        ""
    };
    let mut lines = Vec::from([
        format!("Descriptor    @ {:016x}", section.descriptor.0),
        format!("Section       @ {at:016x}"),
        format!("Offset        : {}", section.offset),
        format!("Length        : {}", section.length),
        format!("Flags         : 0x{:08x}{primary}", section.flags),
        format!("Severity      : {}", severity(section.severity)),
    ]);
    lines.extend(
        section
            .part
            .as_ref()
            .map(|name| format!("FRU Text      : {name}")),
    );
    lines
}

/// Where the stop code says that the record is.
fn of_stop(report: &Report) -> Option<u64> {
    let bugcheck = report.bugcheck.as_ref()?;
    let about = bugcheck.code & 0x0FFF_FFFF == HARDWARE_ERROR;
    let at = bugcheck.parameters.get(1)?.value.0;
    (about && at != 0).then_some(at)
}

/// `!pool ADDRESS`: the blocks of the page, the one of the address marked.
pub(super) fn pool(words: &[&str], live: &Live<'_>) -> Vec<String> {
    let words = joined(words);
    let at = match words.first().map(|word| live.evaluate(word)) {
        Some(Ok(at)) => at,
        Some(Err(why)) => return Vec::from([why]),
        None => return Vec::from(["Usage: !pool ADDRESS".into()]),
    };
    let build = live.header().and_then(|header| header.minor_version);
    let space = live.space();
    let reader = PoolReader::new(&space, live.width(), build.unwrap_or_default());
    let Some(page) = reader.page_of(VirtualAddress(at)) else {
        return alone(at, &reader, live);
    };
    let page_at = live.address(at - at % 0x1000);
    let mut lines = Vec::from([format!(
        "Pool page {} lies in the page at {page_at}",
        live.address(at)
    )]);
    for block in &page.blocks {
        let own = at.wrapping_sub(block.address.0) < block.size;
        lines.push(line(block, own, live));
        if own {
            lines.extend(owner(block.tag));
        }
    }
    if let Some(damaged) = &page.damaged {
        lines.push(format!(
            "{} does not fit to the block in front of it: here the headers end, the pool may be damaged.",
            live.address(damaged.address.0)
        ));
    }
    lines
}

fn line(block: &PoolBlock, own: bool, live: &Live<'_>) -> String {
    let mark = if own { '*' } else { ' ' };
    let digits = if is_wide(live.report) { 16 } else { 8 };
    let state = if block.free { "(Free)" } else { "(Allocated)" };
    format!(
        "{mark}{:0digits$x} size: {:4x} previous size: {:4x}  {state:<11} {mark}{}",
        block.address.0,
        block.size,
        block.previous,
        tag(block.tag)
    )
}

/// A tag; the bit that marked protected blocks is none of its letters.
fn tag(tag: [u8; 4]) -> String {
    let plain = tag.map(|byte| byte & 0x7F);
    let letter = |byte: u8| if byte < 0x20 { '.' } else { char::from(byte) };
    plain.into_iter().map(letter).collect()
}

fn owner(name: [u8; 4]) -> Option<String> {
    let known = pooltag::pool_tag(name)?;
    let tag = tag(name);
    Some(format!(
        "\t\tPooltag {tag} : {}, Binary : {}",
        known.holds, known.driver
    ))
}

/// What can be said of an address whose page has no headers that lead through it.
fn alone(at: u64, reader: &PoolReader<'_>, live: &Live<'_>) -> Vec<String> {
    let shown = live.address(at);
    let Some(header) = reader.header_of(VirtualAddress(at)) else {
        return Vec::from([format!(
            "What stands in front of {shown} is not in this dump."
        )]);
    };
    let mut lines = Vec::from([format!(
        "The headers in the page of {shown} do not lead from block to block: it is no pool, a block of whole \
         pages, or pool of a segment heap, as Windows has it from version 1903 on, whose layout is not read here."
    )]);
    let text = header
        .tag
        .map(|byte| byte & 0x7F)
        .iter()
        .all(|b| (0x20..0x7F).contains(b));
    if text && header.size > 0 && !header.free {
        lines.push(format!(
            "If a block begins there, its header says: size {:x}, tag {}.",
            header.size,
            tag(header.tag)
        ));
        lines.extend(owner(header.tag));
    }
    lines
}
