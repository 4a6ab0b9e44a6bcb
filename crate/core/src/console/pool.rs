//! `!poolused` and `!poolfind`: what the pools hold, by tag.
//!
//! On a machine with several processors each counts pool in a table of its own. The report adds
//! them up as far as that is cheap; for more, `!poolused` is a job that reads table after table.
//! `!poolfind` looks for the allocations themselves: the large ones in the kernel's table of them
//! (`PoolBigPageTable`), the small ones by the header that stands before each, page by page through
//! all that the dump stores. A header is four bytes of sizes and type and the tag, so what was freed
//! may still look like one: the answer says that it counts headers.
//!
//! Layout: _POOL_TRACKER_BIG_PAGES and _POOL_HEADER of Microsoft's public symbols as collected by
//! JPCERTCC/Windows-Symbol-Tables and Vergilius.

use super::modules::matches;
use super::{Begun, Job, Live};
use crate::memory::{AddressSpace, Missing, PhysicalAddress, VirtualAddress};
use crate::model::{PoolTag, Report};
use crate::nt::pool_tags::{PoolTables, Sums};
use crate::order;
use crate::report::format::{address, count};
use alloc::{boxed::Box, format, string::String, vec, vec::Vec};

const PAGE: u64 = 0x1000;
/// Tables of processors that one piece reads.
const TABLES: usize = 4;
/// Pages that one piece of a scan reads, and frames that it looks at.
const READ: u64 = 0x180;
const LOOKED: u64 = 0x8000;
/// Allocations that are listed.
const MAX_LISTED: usize = 64;

/// Flags and tag of `!poolused`: `2` sorts by nonpaged, `4` by paged pool.
#[derive(Clone, Debug, Default)]
struct Wanted {
    flags: u64,
    tag: Option<String>,
}

impl Wanted {
    fn of(words: &[&str]) -> Self {
        let mut wanted = Self::default();
        for word in words {
            match u64::from_str_radix(word.trim_start_matches("0x"), 16) {
                Ok(flags) if wanted.tag.is_none() && flags < 0x100 => wanted.flags = flags,
                _ => wanted.tag = Some((*word).into()),
            }
        }
        wanted
    }

    fn lines(&self, tags: &[PoolTag]) -> Vec<String> {
        let fits = |tag: &&PoolTag| {
            let name = tag.tag.trim_end();
            self.tag.as_ref().is_none_or(|wanted| matches(wanted, name))
        };
        let mut chosen: Vec<&PoolTag> = tags.iter().filter(fits).collect();
        if self.flags & 6 != 0 {
            chosen = order::by_key(chosen, |tag| {
                let bytes = match self.flags & 2 {
                    0 => tag.paged_bytes,
                    _ => tag.nonpaged_bytes,
                };
                (u64::MAX - bytes.0, 0)
            });
        }
        super::memory::by_tag(chosen.into_iter())
    }
}

/// Pool use by tag, the heaviest first.
pub(super) fn used(words: &[&str], live: &Live<'_>) -> Begun {
    let wanted = Wanted::of(words);
    if let Some(tables) = live.pool_to_add() {
        let job = Used {
            wanted,
            tables: tables.clone(),
            sums: Sums::default(),
            done: 0,
            missing: 0,
        };
        return Begun::Job(Box::new(job));
    }
    from_report(&wanted, live.report).into()
}

fn from_report(wanted: &Wanted, report: &Report) -> Vec<String> {
    let Some(memory) = report.memory.as_ref().filter(|m| !m.pool_tags.is_empty()) else {
        return super::absent("A list of pool tags");
    };
    let mut lines = wanted.lines(&memory.pool_tags);
    if lines.is_empty() {
        lines.push("No tag like that is in use.".into());
    }
    let about = memory.limits.iter().filter(|text| text.contains("ool use"));
    lines.extend(about.cloned());
    lines
}

/// The sum over the tables of all processors.
#[derive(Debug)]
struct Used {
    wanted: Wanted,
    tables: PoolTables,
    sums: Sums,
    /// Tables that were read; the first is the one that the report shows.
    done: usize,
    missing: usize,
}

impl Job for Used {
    type Piece = Vec<Vec<u8>>;

    fn read(&self, live: &Live<'_>) -> Self::Piece {
        let space = live.space();
        let end = (self.done + TABLES).min(self.tables.others.len() + 1);
        let table = |index: usize| match index.checked_sub(1) {
            Some(other) => self.tables.other(&space, other),
            None => self.tables.first_bytes(&space),
        };
        let mut read: Vec<Vec<u8>> = (self.done..end).map(table).collect();
        if self.done == 0 {
            read.extend(self.tables.expansion_bytes(&space));
        }
        read
    }

    fn take(&mut self, piece: Self::Piece) {
        let end = (self.done + TABLES).min(self.tables.others.len() + 1);
        for table in piece.iter().take(end - self.done) {
            self.missing += usize::from(table.len() < self.tables.len());
        }
        for table in &piece {
            self.sums.add(table, self.tables.form);
        }
        self.done = end;
    }

    fn progress(&self) -> (u64, u64) {
        (self.done as u64, self.tables.others.len() as u64 + 1)
    }

    fn answer(&self, _: &Live<'_>) -> Vec<String> {
        let mut lines = self.wanted.lines(&self.sums.clone().heaviest());
        let all = self.tables.others.len() + 1;
        lines.push(format!("The sum over {} of {all} processors.", self.done));
        if self.missing > 0 {
            lines.push(format!(
                "The tables of {} of them are not whole in the dump: tags may be off.",
                self.missing
            ));
        }
        lines
    }
}

/// Looks for allocations of a tag.
pub(super) fn find(words: &[&str], live: &Live<'_>) -> Begun {
    let Some(&word) = words.first().filter(|word| (1..=4).contains(&word.len())) else {
        return Vec::from(["!poolfind takes a tag of up to four characters.".into()]).into();
    };
    let Some(physical) = live.physical() else {
        return Vec::from(["This dump holds no pages to look through.".into()]).into();
    };
    let mut tag = [b' '; 4];
    tag.iter_mut()
        .zip(word.bytes())
        .for_each(|(to, from)| *to = from);
    let big = live.pool().and_then(|tables| tables.big);
    Begun::Job(Box::new(Find {
        tag,
        width: live.width(),
        big,
        big_size: live.pool().map_or(0, |tables| tables.big_size),
        frames: physical.index().end_frame(),
        tables_done: 0,
        frame: 0,
        found: Found::default(),
    }))
}

/// What was found of a tag.
#[derive(Debug, Default)]
struct Found {
    large: Vec<(u64, u64)>,
    large_all: (u64, u64),
    small: Vec<(u64, u64)>,
    small_all: (u64, u64),
}

impl Found {
    fn large(&mut self, at: u64, bytes: u64) {
        self.large_all = (self.large_all.0 + 1, self.large_all.1.saturating_add(bytes));
        if self.large.len() < MAX_LISTED {
            self.large.push((at, bytes));
        }
    }

    fn small(&mut self, at: u64, bytes: u64) {
        self.small_all = (self.small_all.0 + 1, self.small_all.1.saturating_add(bytes));
        if self.small.len() < MAX_LISTED {
            self.small.push((at, bytes));
        }
    }
}

#[derive(Debug)]
struct Find {
    tag: [u8; 4],
    width: u8,
    /// The table of large allocations and its rows, and how long a row is.
    big: Option<(VirtualAddress, u64)>,
    big_size: u64,
    frames: u64,
    /// Pages of the table that were read, and the next frame to look at.
    tables_done: u64,
    frame: u64,
    found: Found,
}

/// What a piece found, and how far it came.
#[derive(Debug, Default)]
struct Part {
    found: Found,
    table_pages: u64,
    frames: u64,
}

impl Find {
    fn table_pages(&self) -> u64 {
        let bytes = |(_, rows): (_, u64)| rows.saturating_mul(self.big_size);
        self.big.map_or(0, bytes).div_ceil(PAGE)
    }

    fn has_tag(&self, found: Option<&[u8]>) -> bool {
        // The highest bit marks protected blocks.
        found.is_some_and(|found| {
            let same = |(a, b): (&u8, &u8)| a & 0x7F == *b || *a == 0 && *b == b' ';
            found.len() == 4 && found.iter().zip(&self.tag).all(same)
        })
    }

    /// Rows of the table of large allocations: address (its lowest bit says that the row is free),
    /// tag, type, bytes.
    fn rows(&self, live: &Live<'_>) -> Part {
        let mut part = Part {
            table_pages: (self.table_pages() - self.tables_done).min(READ),
            ..Part::default()
        };
        let (Some((at, rows)), Some(size)) = (self.big, usize::try_from(self.big_size).ok()) else {
            return part;
        };
        // Whole rows only: a piece ends with the last that begins in it.
        let row = |page: u64| (page * PAGE).div_ceil(self.big_size.max(1)).min(rows);
        let (first, end) = (
            row(self.tables_done),
            row(self.tables_done + part.table_pages),
        );
        let space = live.space();
        let mut bytes = vec![0; size];
        let width = usize::from(self.width);
        for index in first..end {
            let Some(at) = at.checked_add(index * self.big_size) else {
                break;
            };
            if space.read(at, &mut bytes).is_err() {
                continue;
            }
            let word = |at: usize| {
                let bytes = bytes.get(at..at + width).unwrap_or_default();
                bytes.iter().rev().fold(0, |v, &b| v << 8 | u64::from(b))
            };
            let key = width..width + 4;
            if word(0) & 1 == 0 && word(0) != 0 && self.has_tag(bytes.get(key)) {
                let bytes = if width == 4 { 12 } else { 16 };
                part.found.large(word(0), word(bytes));
            }
        }
        part
    }

    /// Headers in the pages that the dump stores.
    fn pages(&self, live: &Live<'_>) -> Part {
        let mut part = Part::default();
        let Some(physical) = live.physical() else {
            return part;
        };
        let mut page = vec![0; PAGE as usize];
        let mut read = 0;
        while read < READ && part.frames < LOOKED && self.frame + part.frames < self.frames {
            let at = PhysicalAddress((self.frame + part.frames).saturating_mul(PAGE));
            part.frames += 1;
            match physical.read(at, &mut page) {
                Ok(()) => self.headers(&page, at.0, &mut part.found),
                Err(Missing::NotInDump(_)) => continue,
                Err(_) => {}
            }
            read += 1;
        }
        part
    }

    /// _POOL_HEADER: on 64-bit machines a byte each of the size before, pool, size and type, sizes
    /// in units of 16 bytes; on 32-bit ones two halves of 9 and 7 bits, in units of 8.
    fn headers(&self, page: &[u8], at: u64, found: &mut Found) {
        let unit = 2 * usize::from(self.width);
        for (header, offset) in page.chunks_exact(unit).zip((0_u64..).step_by(unit)) {
            if !self.has_tag(header.get(4..8)) {
                continue;
            }
            let byte = |at: usize| u64::from(header.get(at).copied().unwrap_or(0));
            let (units, kind) = match self.width {
                4 => {
                    let word = byte(2) | byte(3) << 8;
                    (word & 0x1FF, word >> 9)
                }
                _ => (byte(2), byte(3)),
            };
            let bytes = units * unit as u64;
            if units > 0 && kind != 0 && offset + bytes <= PAGE {
                found.small(at + offset, bytes);
            }
        }
    }
}

impl Job for Find {
    type Piece = Part;

    fn read(&self, live: &Live<'_>) -> Part {
        if self.tables_done < self.table_pages() {
            self.rows(live)
        } else {
            self.pages(live)
        }
    }

    fn take(&mut self, piece: Part) {
        self.tables_done += piece.table_pages;
        self.frame += piece.frames;
        piece.found.large.iter().for_each(|&(at, bytes)| {
            if self.found.large.len() < MAX_LISTED {
                self.found.large.push((at, bytes));
            }
        });
        piece.found.small.iter().for_each(|&(at, bytes)| {
            if self.found.small.len() < MAX_LISTED {
                self.found.small.push((at, bytes));
            }
        });
        let sum = |into: &mut (u64, u64), from: (u64, u64)| {
            *into = (into.0 + from.0, into.1.saturating_add(from.1));
        };
        sum(&mut self.found.large_all, piece.found.large_all);
        sum(&mut self.found.small_all, piece.found.small_all);
    }

    fn progress(&self) -> (u64, u64) {
        (
            self.tables_done + self.frame,
            self.table_pages() + self.frames,
        )
    }

    fn answer(&self, live: &Live<'_>) -> Vec<String> {
        let mut lines = Vec::new();
        let (large, small) = (self.found.large_all, self.found.small_all);
        for &(at, bytes) in &self.found.large {
            lines.push(format!("{}  {bytes:#x} bytes, large", live.address(at)));
        }
        for &(at, bytes) in &self.found.small {
            lines.push(format!("{}  {bytes:#x} bytes, physical", address(at, true)));
        }
        if large.0 + small.0 > (self.found.large.len() + self.found.small.len()) as u64 {
            lines.push(format!("Only the first {MAX_LISTED} of each are listed."));
        }
        lines.push(match self.big {
            Some(_) => format!(
                "{} large allocations, {} bytes.",
                count(large.0),
                count(large.1)
            ),
            None => "Where large allocations are listed is not known for this kernel.".into(),
        });
        lines.push(format!(
            "{} headers of small ones, {} bytes: what was freed since may be among them.",
            count(small.0),
            count(small.1)
        ));
        let (done, all) = (self.frame, self.frames);
        if done < all {
            lines.push(format!("{done:#x} of {all:#x} page frames were looked at."));
        }
        lines
    }
}
