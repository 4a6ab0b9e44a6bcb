//! Where a dump with pages keeps them: right behind the header run after run, or behind a bitmap
//! with a bit for every page of the machine, or behind a list of ranges.
//!
//! Here only the headers are read; nothing is as long as the machine's memory. Layouts: the bitmap
//! header after Rekall, kdmp-parser, LeechCore and volatility3 (where these name two members the
//! other way round, dumps decide for the first three); the form before Windows 8 after
//! Singularity's `Dump.h`; ranges after kdmp-parser-rs, which alone describes them.

mod index;
mod rank;

pub use index::{Absent, PageIndex};
pub use rank::{RankStep, Ranks};

use super::header::{DumpHeader, FileRange, Run, Width};
use super::{DumpType, Triage};
use crate::source::{ReadError, Source, SourceExt};
use alloc::vec::Vec;
use core::fmt;

/// Bytes in a page of the dump.
pub const PAGE: u64 = 0x1000;
/// More ranges than a debugger writes.
const MAX_RANGES: u64 = 0x4_0000;
/// Pages of the largest address space: 52 bits of physical address.
const MAX_PAGES: u64 = 1 << 40;

/// The start of the bitmap's header, relative to the end of the dump header.
mod bitmap {
    pub const TAG: u64 = 0x00;
    pub const VALID: u64 = 0x04;
    pub const OPTIONS: u64 = 0x08;
}

/// HeaderSize of the form before Windows 8; reserved in the newer one.
mod summary {
    pub const FIRST_PAGE: u64 = 0x0C;
}

/// The rest of the bitmap's header, which differs. `number` is the length of a number.
struct BitmapForm {
    number: u8,
    first_page: u64,
    present: u64,
    bits: u64,
    bitmap: u64,
}

static BITMAP: BitmapForm = BitmapForm {
    number: 8,
    first_page: 0x20,
    present: 0x28,
    bits: 0x30,
    bitmap: 0x38,
};

static SUMMARY_32: BitmapForm = BitmapForm {
    number: 4,
    first_page: summary::FIRST_PAGE,
    present: 0x14,
    bits: 0x18,
    bitmap: 0x20,
};

static SUMMARY_64: BitmapForm = BitmapForm {
    bitmap: 0x28,
    ..SUMMARY_32
};

/// The header of a dump by ranges, relative to the end of the dump header.
mod ranges {
    pub const TAG: u64 = 0x04;
    pub const VALID: u64 = 0x08;
    pub const METADATA_LEN: u64 = 0x10;
    pub const FIRST_PAGE: u64 = 0x18;
    /// In a complete dump: how many ranges, and how many pages.
    pub const COUNT: u64 = 0x20;
    pub const TOTAL: u64 = 0x28;
    pub const RANGES: u64 = 0x30;
    pub const RANGE_LEN: u64 = 0x10;
    /// Where METADATA_LEN begins to count.
    pub const METADATA: u64 = 0x20;
}

/// Why the pages cannot be found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PagesError {
    /// The file could not give the bytes, or not yet.
    Read(ReadError),
    /// What should begin the bitmap or the list of ranges is not there.
    Tag {
        /// Where it should stand.
        offset: u64,
        /// What stands there.
        found: [u8; 4],
    },
    /// A number that cannot be.
    Implausible {
        /// Where it stands.
        offset: u64,
        /// What it is.
        found: u64,
    },
    /// This type of dump has none.
    NoPages,
}

impl From<ReadError> for PagesError {
    fn from(error: ReadError) -> Self {
        Self::Read(error)
    }
}

impl fmt::Display for PagesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read(error) => error.fmt(f),
            Self::Tag { offset, found } => write!(
                f,
                "no list of stored pages at offset {offset:#x}: found {found:02x?}"
            ),
            Self::Implausible { offset, found } => {
                write!(f, "{found:#x} at offset {offset:#x} cannot be")
            }
            Self::NoPages => write!(f, "this type of dump holds no pages"),
        }
    }
}

impl core::error::Error for PagesError {}

/// How the stored pages are listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PageList {
    /// Runs of page frames, stored one after the other.
    Runs(Vec<Run>),
    /// A bit for each page frame, lowest bit first; the pages of the set ones are stored in order.
    Bitmap {
        /// Where the bitmap stands in the file, and its length in bytes.
        place: FileRange,
        /// Bits in it.
        bits: u64,
    },
}

/// Where the pages of a dump are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredPages {
    /// How they are listed.
    pub list: PageList,
    /// Where the first one stands in the file.
    pub first_page: u64,
    /// How many there are, as recorded.
    pub present: u64,
    /// DumpOptions of a bitmap: bit 0 kernel space, bit 1 user space of the current process.
    pub options: u32,
    /// Whether the list was cut, because it was longer than can be.
    pub list_cut: bool,
    /// Whether the numbers before a bitmap contradicted each other, and what the file bears out
    /// was taken.
    pub mended: bool,
}

impl StoredPages {
    /// Reads where the pages are.
    ///
    /// # Errors
    /// See [`PagesError`].
    pub fn read(source: &dyn Source, header: &DumpHeader) -> Result<Self, PagesError> {
        match header.dump_type {
            Some(DumpType::Full) => full(header),
            Some(
                DumpType::Summary
                | DumpType::BitmapFull
                | DumpType::BitmapKernel
                | DumpType::Automatic,
            ) => {
                let old = header.dump_type == Some(DumpType::Summary);
                by_bitmap(source, header.width, old)
            }
            Some(kind @ (DumpType::RangeKernel | DumpType::RangeKernelUser)) => {
                by_ranges(source, header.width, kind)
            }
            Some(kind @ DumpType::RangeComplete) => by_ranges(source, header.width, kind),
            _ => Err(PagesError::NoPages),
        }
    }

    /// Where the last page ends: the length of the file without secondary data, and where that
    /// begins.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.first_page
            .saturating_add(self.present.saturating_mul(PAGE))
    }
}

fn full(header: &DumpHeader) -> Result<StoredPages, PagesError> {
    let memory = header.physical_memory.as_ref();
    let memory = memory.ok_or(PagesError::NoPages)?;
    let list_cut = memory.recorded as usize > memory.runs.len();
    // Runs that did not fit the header are stored all the same.
    let present = if list_cut {
        memory.total_pages
    } else {
        memory.pages()
    };
    Ok(StoredPages {
        list: PageList::Runs(memory.runs.clone()),
        first_page: header.width.header_len(),
        present: present.min(MAX_PAGES),
        options: 0,
        list_cut,
        mended: false,
    })
}

fn tag_at(source: &dyn Source, offset: u64) -> Result<[u8; 4], ReadError> {
    let mut tag = [0; 4];
    source.read_at(offset, &mut tag).map(|()| tag)
}

fn expect_tag(source: &dyn Source, offset: u64, tags: &[&[u8; 4]]) -> Result<(), PagesError> {
    let found = tag_at(source, offset)?;
    if tags.contains(&&found) {
        Ok(())
    } else {
        Err(PagesError::Tag { offset, found })
    }
}

/// A number that is at most `most`.
fn bounded(offset: u64, found: u64, most: u64) -> Result<u64, PagesError> {
    if found <= most {
        Ok(found)
    } else {
        Err(PagesError::Implausible { offset, found })
    }
}

/// `old`: the dump's type is the one of before Windows 8.
fn by_bitmap(source: &dyn Source, width: Width, old: bool) -> Result<StoredPages, PagesError> {
    let base = width.header_len();
    expect_tag(source, base + bitmap::TAG, &[b"SDMP", b"FDMP"])?;
    expect_tag(source, base + bitmap::VALID, &[b"DUMP"])?;
    let options = source.u32(base + bitmap::OPTIONS)?;
    // In the newer form this word is reserved: zero or the fill pattern, never a page's offset.
    let old_first = u64::from(source.u32(base + summary::FIRST_PAGE)?);
    let newer = old_first == 0 || !old_first.is_multiple_of(PAGE);
    // In the older form what stands at the newer one's place is the bitmap itself.
    let led = |first: u64| first.is_multiple_of(PAGE) && first > base && first < source.len();
    let form = match width {
        _ if newer && (!old || led(source.u64(base + BITMAP.first_page)?)) => &BITMAP,
        Width::Bits32 => &SUMMARY_32,
        Width::Bits64 => &SUMMARY_64,
    };
    let number = |at: u64| {
        let at = base + at;
        let found = match form.number {
            4 => u64::from(source.u32(at)?),
            _ => source.u64(at)?,
        };
        Ok::<_, ReadError>((at, found))
    };
    let (first_at, first_page) = number(form.first_page)?;
    let (present_at, present) = number(form.present)?;
    let (bits_at, bits) = number(form.bits)?;
    let offset = base + form.bitmap;
    let said = Numbers {
        first_page,
        present,
        bits,
    };
    let Some((numbers, mended)) = said.settle(offset, source.len()) else {
        bounded(bits_at, bits, MAX_PAGES)?;
        bounded(present_at, present, bits)?;
        return Err(PagesError::Implausible {
            offset: first_at,
            found: first_page,
        });
    };
    let (first_page, bits) = (numbers.first_page, numbers.bits);
    let len = bits.div_ceil(8);
    Ok(StoredPages {
        list: PageList::Bitmap {
            place: FileRange { offset, len },
            bits,
        },
        first_page,
        present,
        options,
        list_cut: false,
        mended,
    })
}

/// What the header of a bitmap says.
#[derive(Clone, Copy)]
struct Numbers {
    first_page: u64,
    present: u64,
    bits: u64,
}

impl Numbers {
    /// The numbers as they are when they agree, else the ones that the others and the file bear out,
    /// and that so it is. A bitmap at `offset` lies right before the first page.
    fn settle(self, offset: u64, file_len: u64) -> Option<(Self, bool)> {
        let plausible = self.bits <= MAX_PAGES && self.present <= self.bits;
        let end = offset.checked_add(self.bits.div_ceil(8));
        let end = end.filter(|_| self.bits <= MAX_PAGES);
        let room = self.first_page.checked_sub(offset);
        let room = room.map_or(0, |bytes| bytes.saturating_mul(8));
        let aligned = self.first_page.is_multiple_of(PAGE);
        if plausible && aligned && end.is_some_and(|end| end <= self.first_page) {
            return Some((self, false));
        }
        // The count alone is wrong where the bitmap ends within a page of the first page and the file
        // is too short for such a count: what the bitmap marks is counted anyway.
        let pages = file_len.saturating_sub(self.first_page) / PAGE;
        let near = self.bits <= room && room - self.bits < 8 * PAGE;
        if self.bits > 0 && aligned && near && self.present > pages {
            return Some((self, false));
        }
        let held = aligned && self.first_page < file_len;
        if held && room > 0 && room <= MAX_PAGES && self.present <= room {
            return Some((Self { bits: room, ..self }, true));
        }
        let first_page = end?.checked_next_multiple_of(PAGE)?;
        let behind = plausible && self.bits > 0 && first_page < file_len;
        behind.then_some((Self { first_page, ..self }, true))
    }
}

fn by_ranges(source: &dyn Source, width: Width, kind: DumpType) -> Result<StoredPages, PagesError> {
    let base = width.header_len();
    expect_tag(source, base + ranges::TAG, &[b"RDMP"])?;
    expect_tag(source, base + ranges::VALID, &[b"DUMP"])?;
    let first_page = source.u64(base + ranges::FIRST_PAGE)?;
    let metadata = source.u64(base + ranges::METADATA_LEN)?;
    let end = (base + ranges::METADATA).saturating_add(metadata);
    let list = base + ranges::RANGES;
    // The two agree in every such dump that was described; the ranges must lie before the pages. Of
    // one that cannot be the other takes the place.
    let (end, first_page, mended) = match (end < list, first_page < list) {
        (false, true) if end % PAGE == 0 && end < source.len() => (end, end, true),
        (true, false) if first_page < source.len() => (first_page, first_page, true),
        _ => (end.min(first_page), first_page, false),
    };
    if end < list {
        return Err(PagesError::Implausible {
            offset: base + ranges::FIRST_PAGE,
            found: first_page,
        });
    }
    let room = (end - list) / ranges::RANGE_LEN;
    let (count, total) = if kind == DumpType::RangeComplete {
        let count = u64::from(source.u32(base + ranges::COUNT)?);
        (count.min(room), Some(source.u64(base + ranges::TOTAL)?))
    } else {
        (room, None)
    };
    let read = count.min(MAX_RANGES);
    let bytes = source.bytes_up_to(list, read * ranges::RANGE_LEN)?;
    let mut runs = Vec::new();
    let mut present: u64 = 0;
    for entry in bytes.chunks_exact(ranges::RANGE_LEN as usize) {
        let entry = crate::source::Slice(entry);
        let (base_page, pages) = (entry.u64(0)?, entry.u64(8)?);
        // A kernel dump's list ends with page frame 0, a complete one's with its total.
        if total.map_or(base_page == 0, |total| present >= total) || pages > MAX_PAGES {
            break;
        }
        present = present.saturating_add(pages);
        runs.push(Run { base_page, pages });
    }
    Ok(StoredPages {
        list: PageList::Runs(runs),
        first_page,
        present: present.min(MAX_PAGES),
        options: 0,
        list_cut: read < count,
        mended,
    })
}

/// Whether the file is as long as its headers say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Extent {
    /// Length that the headers promise, where they promise one. Secondary data may follow.
    pub expected: Option<u64>,
    /// Length of the file.
    pub actual: u64,
    /// Whether Windows itself noted that the space did not suffice.
    pub declared: bool,
}

impl Extent {
    /// From the header and whatever it leads to.
    #[must_use]
    pub fn new(header: &DumpHeader, pages: Option<&StoredPages>, triage: Option<&Triage>) -> Self {
        let promised = pages
            .map(StoredPages::end)
            .or(triage.map(|triage| triage.size_of_dump));
        Self {
            expected: promised.or(header.is_cut_short().then_some(header.width.header_len())),
            actual: header.file_len,
            declared: header.attributes.insufficient_file_size(),
        }
    }

    /// Whether bytes are missing.
    #[must_use]
    pub fn truncated(&self) -> bool {
        self.declared || self.missing() > 0
    }

    /// Bytes that are missing at the end.
    #[must_use]
    pub fn missing(&self) -> u64 {
        self.expected
            .map_or(0, |expected| expected.saturating_sub(self.actual))
    }
}

#[cfg(test)]
mod tests;
