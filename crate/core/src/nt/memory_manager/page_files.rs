//! The page files (_MMPAGING_FILE): size, what is free, the most ever used.
//!
//! Windows 10 keeps two more of them that are no page files to a person: the swap file of store
//! apps, and a virtual one without a name behind which the compression store stands. Their sizes
//! say nothing about the commit limit, so each is told apart by its name.

use super::{MemoryManager, Reader};
use crate::memory::{AddressSpaceExt, VirtualAddress};
use crate::model::{Confidence, Hex, PageFile};
use crate::symbols::layout::Shape;
use alloc::{string::String, vec::Vec};

/// Slots in the arrays of page files (MAX_PAGE_FILES).
pub(super) const SLOTS: usize = 16;
/// The longest path in bytes.
const MAX_NAME: u16 = 0x208;

/// The page files as one shape reads them.
pub(super) struct Read {
    pub files: Vec<PageFile>,
    /// How well the shape fits: 0 when not at all.
    pub score: u32,
}

/// Reads the page files at these addresses in the shape that fits best.
pub(super) fn read(reader: &Reader<'_>, at: &[VirtualAddress]) -> Read {
    let mut best = Read {
        files: Vec::new(),
        score: 0,
    };
    for shape in reader.shapes("_MMPAGING_FILE") {
        let read = in_shape(reader, at, &shape);
        if read.score > best.score {
            best = read;
        }
        if reader.pending.get() {
            break;
        }
    }
    best
}

fn in_shape(reader: &Reader<'_>, at: &[VirtualAddress], shape: &Shape<'_>) -> Read {
    let mut read = Read {
        files: Vec::new(),
        score: 0,
    };
    for &at in at {
        if let Some((file, score)) = one(reader, at, shape) {
            read.files.push(file);
            read.score += score;
        }
    }
    // A shape that fits one file fits all.
    if read.files.len() < at.len() {
        read.score = 0;
    }
    read
}

fn one(reader: &Reader<'_>, at: VirtualAddress, shape: &Shape<'_>) -> Option<(PageFile, u32)> {
    let number = |member| reader.value(at, shape, member);
    let (size, maximum) = (number("Size")?, number("MaximumSize")?);
    let (minimum, free) = (number("MinimumSize")?, number("FreeSpace")?);
    let peak = number("PeakUsage")?;
    let orderly = free <= size && size <= maximum && minimum <= maximum && peak <= maximum;
    // More than 2^40 pages is no size; no page file may shrink to nothing, and a full one was used.
    let sane = size | maximum | minimum | free | peak < 1 << 40
        && size.min(maximum).min(minimum) > 0
        && free | peak > 0;
    let name = name(reader, at, shape)?;
    let kind = kind(&name);
    let told = kind.is_some();
    let score = 1 + 4 * u32::from(told) + 2 * u32::from(orderly) + u32::from(sane);
    let file = PageFile {
        name,
        kind: kind.unwrap_or("page file"),
        size_pages: Hex(size),
        free_pages: Hex(free),
        peak_pages: Some(Hex(peak)).filter(|_| peak > 0 || free >= size),
        minimum_pages: Hex(minimum),
        maximum_pages: Hex(maximum),
    };
    (sane && (told || orderly)).then_some((file, score))
}

/// Its path; empty when the text is not in the dump; `None` when no name stands there.
fn name(reader: &Reader<'_>, at: VirtualAddress, shape: &Shape<'_>) -> Option<String> {
    let at = at.checked_add(shape.offset("PageFileName")?)?;
    let space = reader.target.space;
    let length = space.u16(at).ok()?;
    let maximum = space.u16(at.checked_add(2)?).ok()?;
    let buffer = reader
        .pointer(at.checked_add(reader.width().into())?)
        .ok()?;
    let text = length > 0 && length % 2 == 0 && length <= maximum && maximum <= MAX_NAME;
    // The text may begin at any even address.
    if !text || !reader.in_kernel(buffer.0 & !7) {
        return None;
    }
    Some(space.unicode_string(at, reader.width()).unwrap_or_default())
}

/// What kind of page file has that path; `None` when it is no path of one.
pub(super) fn kind(name: &str) -> Option<&'static str> {
    let ends = |end: &str| {
        let at = name.len().checked_sub(end.len());
        at.and_then(|at| name.get(at..))
            .is_some_and(|tail| tail.eq_ignore_ascii_case(end))
    };
    if ends("swapfile.sys") {
        Some("swap file")
    } else if name == "No Name for Paging File" {
        Some("compression store")
    } else if ends(".sys") {
        Some("page file")
    } else {
        None
    }
}

/// Puts them into what was found.
pub(super) fn keep(
    read: Read,
    wanted: usize,
    (proven, sure): (bool, Confidence),
    found: &mut MemoryManager,
) {
    found.page_files_known = read.files.len() == wanted && proven;
    if found.page_files_known {
        let text = "page-file structures of the memory manager".into();
        found.put("paging_files", Some(Ok(wanted as u64)), text, sure);
    }
    if !found.page_files_known {
        found.limits.push(String::from(
            "The page files could not be read: their structures are not in the dump, or no known \
             layout fits them.",
        ));
    }
    for file in read.files {
        found.page_files.push(file);
    }
}

/// Sizes of the files that count towards the commit limit: now, and at most.
pub(super) fn capacity(files: &[PageFile]) -> (u64, u64) {
    let plain = files.iter().filter(|file| file.kind == "page file");
    plain.fold((0, 0), |(size, most), file| {
        let largest = file.maximum_pages.0.max(file.size_pages.0);
        (
            size.saturating_add(file.size_pages.0),
            most.saturating_add(largest),
        )
    })
}
