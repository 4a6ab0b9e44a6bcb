//! `!pte` and `!vtop`: what the page tables make of an address, entry by entry.
//!
//! Sources: the layout of `!pte` and its letters as Microsoft documents them (windows-driver-docs,
//! CC-BY); the bits of valid entries as the `_MMPTE_HARDWARE` of Microsoft's public symbols names
//! them, which are the processor's own and a few that it leaves to Windows.

use super::Live;
use super::live::{joined, level_name, reason};
use crate::memory::paging::{EntryAddress, Invalid, PagingMode, Step, Translation};
use crate::memory::{KernelSpace, Level, Missing, VirtualAddress};
use crate::nt::Space;
use alloc::{format, string::String, vec::Vec};

/// Width of a column of `!pte`.
const COLUMN: usize = 27;
const PAGE: u64 = 0x1000;

/// One letter of an entry's bits.
struct Letter {
    bit: u32,
    /// What is shown where the bit is set, and where it is not.
    set: char,
    clear: char,
}

const fn letter(bit: u32, set: char, clear: char) -> Letter {
    Letter { bit, set, clear }
}

/// x86 and x64. Without execute-disable in plain 32-bit tables, bit 63 is clear there.
static INTEL: [Letter; 11] = [
    letter(9, 'C', '-'),
    letter(8, 'G', '-'),
    letter(7, 'L', '-'),
    letter(6, 'D', '-'),
    letter(5, 'A', '-'),
    letter(4, 'N', '-'),
    letter(3, 'T', '-'),
    letter(2, 'U', 'K'),
    letter(1, 'W', 'R'),
    letter(63, '-', 'E'),
    letter(0, 'V', '-'),
];

/// ARM64. `L` is shown for an entry that leads to no table; execution is the privileged one.
static ARM64: [Letter; 9] = [
    letter(56, 'C', '-'),
    letter(11, '-', 'G'),
    letter(1, '-', 'L'),
    letter(7, '-', 'D'),
    letter(10, 'A', '-'),
    letter(6, 'U', 'K'),
    letter(55, 'W', 'R'),
    letter(53, '-', 'E'),
    letter(0, 'V', '-'),
];

/// The bits of an entry as the debugger's letters.
#[must_use]
pub(super) fn letters(mode: PagingMode, value: u64) -> String {
    let table: &[Letter] = match mode {
        PagingMode::Arm64 => &ARM64,
        _ => &INTEL,
    };
    let shown = |letter: &Letter| {
        if value >> letter.bit & 1 == 0 {
            letter.clear
        } else {
            letter.set
        }
    };
    table.iter().map(shown).collect()
}

/// The debugger's name of a level's entries.
pub(super) fn entry_name(level: Level) -> &'static str {
    match level {
        Level::Pml5 => "PML5E",
        Level::Pml4 => "PXE",
        Level::Pdpt => "PPE",
        Level::Pd => "PDE",
        Level::Pt => "PTE",
        Level::Prototype => "Proto",
    }
}

/// The number of an address's entry in the table of that level.
pub(super) fn index_of(mode: PagingMode, level: Level, at: u64) -> Option<u32> {
    mode.index(level, VirtualAddress(at))
}

/// What an entry says: its frame and bits where the processor uses it, else what Windows noted.
pub(super) fn describe(space: &KernelSpace<'_>, step: &Step) -> String {
    let (mode, value) = (space.format().mode, step.value);
    if mode.uses(step.level, value) {
        let frame = mode.frame(value) / PAGE;
        return format!("pfn {frame:<9x} {}", letters(mode, value));
    }
    let frames = space.physical().index().end_frame();
    match space.format().classify(value, frames) {
        Invalid::Transition([frame, ..]) => format!("transition, pfn {:x}", frame / PAGE),
        Invalid::Prototype(at) => format!("prototype at {:x}", at.0),
        Invalid::Elsewhere => "part of a file or section".into(),
        Invalid::PageFile {
            file,
            page: Some(page),
        } => format!("page file {file}, page {page:x}"),
        Invalid::PageFile { file, page: None } => {
            format!("probably page file {file}; which page hangs on a mask that is not known")
        }
        Invalid::DemandZero => "demand zero".into(),
        Invalid::Nothing => "not valid".into(),
    }
}

/// The page tables, or why the dump has none.
fn tables<'a>(live: &Live<'a>) -> Result<KernelSpace<'a>, String> {
    match live.space() {
        Space::Pages(space) => Ok(space),
        Space::Blocks(_) => Err(
            "A minidump holds no page tables, only blocks of memory; !address says which.".into(),
        ),
        Space::None => Err("The page tables of this dump cannot be read.".into()),
    }
}

/// The entry at each level, with its bits.
pub(super) fn pte(words: &[&str], live: &Live<'_>) -> Vec<String> {
    let words = joined(words);
    let asked = words.first().map_or_else(
        || Err("!pte takes an address.".into()),
        |word| live.evaluate(word),
    );
    let (at, space) = match asked.and_then(|at| Ok((at, tables(live)?))) {
        Ok(found) => found,
        Err(why) => return Vec::from([why]),
    };
    let translation = space.translate(VirtualAddress(at));
    let mut rows = [String::new(), String::new(), String::new()];
    for step in &translation.steps {
        let cells = [
            format!("{} at {}", entry_name(step.level), entry_place(step)),
            format!("contains {:016X}", step.value),
            describe(&space, step),
        ];
        for (row, cell) in rows.iter_mut().zip(cells) {
            row.push_str(&format!("{cell:COLUMN$}"));
        }
    }
    let wide = if live.width() == 8 { 16 } else { 8 };
    let mut lines = Vec::from([format!("{:43}VA {at:0wide$x}", "")]);
    lines.extend(rows.into_iter().filter(|row| !row.is_empty()));
    lines.extend(outcome(&translation, live));
    lines
}

fn entry_place(step: &Step) -> String {
    match step.address {
        EntryAddress::Physical(at) => format!("#{:X}", at.0),
        EntryAddress::Virtual(at) => format!("{:X}", at.0),
    }
}

/// Where a translation ended.
fn outcome(translation: &Translation, live: &Live<'_>) -> Vec<String> {
    match translation.outcome {
        Err(why) => Vec::from([format!("No page: {}.", reason(why))]),
        Ok(mapped) => {
            let size = crate::report::format::bytes(mapped.page_size);
            let state = if mapped.transition {
                ", in transition"
            } else {
                ""
            };
            let mut text = format!(
                "Physical address {:x}, page of {size}{state}",
                mapped.address.0
            );
            text.push_str(&match stored(mapped.address.0, live) {
                Ok(offset) => format!(", in the file at {offset:#x}."),
                Err(why) => format!("; {}.", reason(why)),
            });
            Vec::from([text])
        }
    }
}

/// Where a physical address stands in the file.
pub(super) fn stored(at: u64, live: &Live<'_>) -> Result<u64, Missing> {
    let physical = live.physical().ok_or(Missing::Unmapped)?;
    let page = physical.locate(crate::memory::Pfn(at / PAGE))?;
    Ok(page.saturating_add(at % PAGE))
}

/// The physical address of a virtual one, step by step.
pub(super) fn vtop(words: &[&str], live: &Live<'_>) -> Vec<String> {
    let words = joined(words);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let (directory, at) = match *words.as_slice() {
        [at] => ("0", at),
        [directory, at] => (directory, at),
        _ => return Vec::from(["!vtop takes an address, or a directory and an address.".into()]),
    };
    let asked = live.evaluate(directory).and_then(|directory| {
        let at = live.evaluate(at)?;
        Ok((directory, at, tables(live)?))
    });
    let (directory, at, space) = match asked {
        Ok(found) => found,
        Err(why) => return Vec::from([why]),
    };
    let space = if directory == 0 {
        space
    } else {
        space.process(directory)
    };
    let mode = match space.format().mode {
        PagingMode::X64 => "Amd64VtoP",
        PagingMode::X64FiveLevels => "Amd64VtoP (5 levels)",
        PagingMode::Pae => "X86VtoP (PAE)",
        PagingMode::X86 => "X86VtoP",
        PagingMode::Arm64 => "Arm64VtoP",
    };
    let translation = space.translate(VirtualAddress(at));
    let mut lines = Vec::from([format!(
        "{mode}: Virt {at:016x}, pagedir {:016x}",
        space.root()
    )]);
    for step in &translation.steps {
        let name = level_name(step.level);
        lines.push(format!(
            "{mode}: {name} at {} = {:016x}  {}",
            entry_place(step),
            step.value,
            describe(&space, step)
        ));
    }
    lines.extend(match translation.outcome {
        Ok(mapped) => Vec::from([
            format!("{mode}: Mapped phys {:016x}", mapped.address.0),
            format!(
                "Virtual address {at:x} translates to physical address {:x}.",
                mapped.address.0
            ),
        ]),
        Err(why) => Vec::from([format!(
            "Virtual address {at:x} translates to nothing: {}.",
            reason(why)
        )]),
    });
    lines
}
