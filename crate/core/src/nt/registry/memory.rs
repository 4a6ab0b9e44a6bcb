//! The registry of a dump with pages: where its hives are and through which page tables.
//!
//! The head of the list of hives is a variable of the kernel; where the kernel's identity does
//! not tell its place, the kernel's writable data are searched for it; where that fails as well, a
//! small dump is searched for the hives' signature at once, and a larger one when asked to, because
//! every stored page is read for it. From Windows 10 1803 on
//! the process that holds the stable hives is called `Registry` and is one of the first that
//! starts. Layout of the image's sections: Microsoft's PE format.

use super::{Hives, Registry, Spaces, Start, Until, signature};
use crate::memory::{AddressSpace, AddressSpaceExt, KernelSpace, Missing, VirtualAddress};
use crate::model::Note;
use crate::nt::{Machine, Member, PagedDump, ProcessFacts, current};
use crate::order;
use crate::source::{ReadError, Source, SourceExt};
use alloc::{format, vec::Vec};

/// The process that holds the stable hives, and the first Windows that has it.
const PROCESS: &str = "Registry";
const FIRST_WITH_PROCESS: u32 = 17_063;
/// Processes that are looked at from either end of the list; it is the second or third to start.
const MAX_PROCESSES: usize = 16;
/// The most of the kernel's data that is searched.
const MAX_SEARCHED: u64 = 0x20_0000;
/// The most of the stored pages that is searched for a hive without being asked, and how much of
/// them is read at a time.
const MAX_STORED: u64 = 0x180_0000;
const STRETCH: u64 = 0x10_0000;
/// The section in which the registry keeps its variables, so far as kernels were seen.
const LIKELY: [u8; 8] = *b"PAGEDATA";

/// Members of the headers of an image, and what a section of data has.
mod pe {
    pub const HEADERS_AT: u64 = 0x3C;
    pub const SECTIONS: u64 = 6;
    pub const OPTIONAL_SIZE: u64 = 0x14;
    pub const OPTIONAL: u64 = 0x18;
    pub const SECTION: u64 = 0x28;
    pub const VIRTUAL_SIZE: u64 = 8;
    pub const ADDRESS: u64 = 0xC;
    pub const FLAGS: u64 = 0x24;
    /// Discarded after start; executable; writable.
    pub const DISCARDABLE: u32 = 0x0200_0000;
    pub const EXECUTABLE: u32 = 0x2000_0000;
    pub const WRITABLE: u32 = 0x8000_0000;
    /// More sections than any kernel has.
    pub const MAX_SECTIONS: u16 = 64;
}

/// The registry of a dump: its hives, and where those in a process's memory are read.
#[derive(Clone, Debug, Default)]
pub struct RegistryMemory {
    /// The hives; `None` when none was found.
    pub hives: Option<Hives>,
    /// The page tables of the process `Registry`.
    pub process: Option<u64>,
    /// Why there are none, or fewer than there should be.
    pub notes: Vec<Note>,
}

impl RegistryMemory {
    /// Finds the hives. `start` is the address of `CmpHiveListHead` where it is known, or the list
    /// entry of a hive.
    #[must_use]
    pub fn find(source: &dyn Source, dump: &PagedDump, start: Option<Start>, until: Until) -> Self {
        let mut found = Self::default();
        let Some(kernel) = dump.space(source) else {
            return found;
        };
        let build = dump.header.minor_version.unwrap_or(0);
        let width = dump.pointer_width();
        if build >= FIRST_WITH_PROCESS {
            found.process = registry_process(dump, &kernel);
        }
        let listed = start.map(|start| Hives::from(&kernel, width, build, start, until));
        let why = match listed {
            Some(Ok(hives)) => {
                found.hives = Some(hives);
                return found;
            }
            // More is asked for only when it is known that the list leads nowhere.
            Some(Err(Missing::File(ReadError::NotYet))) => return found,
            Some(Err(why)) => Some(why),
            None => None,
        };
        found.hives = search(dump, &kernel, until);
        let stored = stored(source, dump);
        let small = stored.1 - stored.0 <= MAX_STORED;
        if found.hives.is_none() && small {
            found.hives = by_signature(source, dump, &kernel, until);
        }
        if found.hives.is_none() {
            let why = why.map_or_else(
                || "nothing in the kernel's data leads to a hive".into(),
                |why| format!("{why}"),
            );
            let more = match small {
                true => "",
                false => " `!reg scan` looks for the hives themselves in all stored pages.",
            };
            let text = format!("The registry cannot be read from this dump: {why}.{more}");
            found.notes.push(Note::new("no-registry", text));
        }
        found
    }

    /// Where the list of hives was found to begin.
    #[must_use]
    pub fn start(&self) -> Option<Start> {
        self.hives.as_ref().map(|hives| hives.start)
    }

    /// Asks the registry; `None` when no hive was found.
    pub fn ask<T>(
        &self,
        source: &dyn Source,
        dump: &PagedDump,
        question: impl FnOnce(&Registry<'_>) -> T,
    ) -> Option<T> {
        let hives = self.hives.as_ref()?;
        let kernel = dump.space(source)?;
        let process = self.process.map(|root| kernel.process(root));
        let spaces = Spaces {
            kernel: &kernel,
            process: process.as_ref().map(|space| space as &dyn AddressSpace),
        };
        Some(question(&Registry::new(hives, spaces)))
    }
}

/// The page tables of the process `Registry`.
fn registry_process(dump: &PagedDump, kernel: &KernelSpace<'_>) -> Option<u64> {
    let data = dump.ground.debugger_data.as_ref()?;
    let machine = Machine {
        architecture: dump.ground.architecture?,
        build: dump.header.minor_version?,
        debugger_data: data,
    };
    let links = current::process_links(machine)?;
    let width = dump.pointer_width();
    let head = data
        .address(Member::PsActiveProcessHead)
        .or(dump.header.active_process_head.map(VirtualAddress))?;
    // From both ends at once, so that little is waited for.
    let mut ends = [head, head];
    for _ in 0..MAX_PROCESSES {
        for (end, link) in ends.iter_mut().zip([0, u64::from(width)]) {
            let Ok(next) = kernel.pointer(VirtualAddress(end.0.checked_add(link)?), width) else {
                continue;
            };
            *end = next;
            let process = VirtualAddress(next.0.checked_sub(links)?);
            let Some(facts) = ProcessFacts::read(machine, kernel, process) else {
                continue;
            };
            let is = facts.name.as_deref() == Some(PROCESS) && facts.parent_pid == Some(4);
            if let (true, Some(root)) = (is, facts.directory_table_base) {
                return Some(root);
            }
        }
    }
    None
}

/// Searches the kernel's data for the head of the list.
fn search(dump: &PagedDump, kernel: &KernelSpace<'_>, until: Until) -> Option<Hives> {
    let base = dump.kernel()?.base;
    let (width, build) = (dump.pointer_width(), dump.header.minor_version.unwrap_or(0));
    let mut left = MAX_SEARCHED;
    for (from, to) in data_sections(kernel, base)? {
        let stretch = (VirtualAddress(from), VirtualAddress(to));
        let found = Hives::scan(kernel, width, build, stretch, &mut left, until);
        if found.is_some() {
            return found;
        }
    }
    None
}

/// The first stored page in the file and the end of the last.
#[must_use]
pub fn stored(source: &dyn Source, dump: &PagedDump) -> (u64, u64) {
    let pages = dump.index.stored();
    let end = pages.end().min(source.len());
    (pages.first_page.min(end), end)
}

/// Searches the stored pages for a hive. All of them are asked for before the first is judged.
fn by_signature(
    source: &dyn Source,
    dump: &PagedDump,
    kernel: &KernelSpace<'_>,
    until: Until,
) -> Option<Hives> {
    let (width, build) = (dump.pointer_width(), dump.header.minor_version.unwrap_or(0));
    let (first, end) = stored(source, dump);
    let mut links = Vec::new();
    let mut at = first;
    while at < end {
        let len = STRETCH + signature::REACH;
        if let Ok(bytes) = source.bytes_up_to(at, len.min(end - at)) {
            links.extend(signature::links(&bytes, width, build));
        }
        at += STRETCH;
    }
    let hives = |next| signature::follow(kernel, width, build, next, until).ok();
    links.into_iter().find_map(hives)
}

/// First and last address of the kernel's sections of data.
fn data_sections(kernel: &KernelSpace<'_>, base: VirtualAddress) -> Option<Vec<(u64, u64)>> {
    let at = |offset: u64| base.checked_add(offset);
    let headers = u64::from(kernel.u32(at(pe::HEADERS_AT)?).ok()?);
    let count = kernel.u16(at(headers + pe::SECTIONS)?).ok()?;
    let optional = u64::from(kernel.u16(at(headers + pe::OPTIONAL_SIZE)?).ok()?);
    let mut sections = Vec::new();
    for number in 0..u64::from(count.min(pe::MAX_SECTIONS)) {
        let section = headers + pe::OPTIONAL + optional + number * pe::SECTION;
        let word = |offset: u64| kernel.u32(at(section + offset)?).ok();
        let flags = word(pe::FLAGS)?;
        let unwanted = flags & (pe::DISCARDABLE | pe::EXECUTABLE) != 0;
        if flags & pe::WRITABLE == 0 || unwanted {
            continue;
        }
        let from = at(word(pe::ADDRESS)?.into())?;
        let to = from.0.checked_add(word(pe::VIRTUAL_SIZE)?.into())?;
        let mut name = [0; 8];
        kernel.read(at(section)?, &mut name).ok()?;
        let size = to.saturating_sub(from.0);
        let rank = if name == LIKELY { 0 } else { 1 << 32 };
        sections.push((from.0, to, rank + size));
    }
    // Small ones first: more of them can be searched.
    let sections = order::by_key(sections, |&(_, _, rank)| (rank, 0));
    let sections = sections.into_iter().map(|(from, to, _)| (from, to));
    Some(sections.collect())
}
