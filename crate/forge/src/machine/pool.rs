//! Pool use by tag: the tracker tables and their variables.
//! Layout: _POOL_TRACKER_TABLE of the build; counters were 32 bits wide up to 15063. On a machine with several processors each
//! counts in a table of its own (ExPoolTagTables), the first of which is PoolTrackTable; a tag has the same row in all. A
//! processor may free what another allocated, so that a single count may lie below zero: only the sums mean something.

use super::Machine;
use crate::rng::Rng;
use crate::scenario::{Number, PoolTag};

/// Rows of the table: a power of two and one for what finds no place.
const ROWS: u64 = 0x800 + 1;

/// Tags with their usual share of nonpaged and paged pool in kibibytes, when a scenario names none.
const USUAL: [(&str, u64, u64); 18] = [
    ("Mm  ", 9000, 800),
    ("MmSt", 0, 34000),
    ("CM31", 0, 29000),
    ("Ntff", 0, 21000),
    ("File", 7200, 0),
    ("EtwB", 12400, 900),
    ("FMfn", 0, 6100),
    ("Proc", 900, 0),
    ("Thre", 3100, 0),
    ("Even", 2100, 0),
    ("NtfF", 0, 2300),
    ("Irp ", 1200, 0),
    ("Vbus", 260, 0),
    ("vDMc", 310, 0),
    ("VNC ", 1500, 0),
    ("Vmsc", 640, 0),
    ("Toke", 0, 4100),
    ("Sect", 0, 1900),
];

/// What one table counts of a tag: allocations, frees and bytes of nonpaged and of paged pool.
#[derive(Clone, Copy, Default)]
struct Counts([u64; 6]);

impl Counts {
    fn of(tag: &PoolTag) -> Self {
        let alive = |count: u64, bytes: u64| {
            if count == 0 {
                bytes.div_ceil(512)
            } else {
                count
            }
        };
        let nonpaged = alive(tag.nonpaged_count.0, tag.nonpaged.0);
        let paged = alive(tag.paged_count.0, tag.paged.0);
        let freed = 3 * nonpaged + 17;
        let (nonpaged, paged) = (nonpaged + freed, paged + freed);
        Self([nonpaged, freed, tag.nonpaged.0, paged, freed, tag.paged.0])
    }

    /// A part of it, and what is left. Bytes may come out below zero, counts may not.
    fn split(self, rng: &mut Rng) -> (Self, Self) {
        let (mut part, mut rest) = (Self::default(), self);
        for (i, value) in self.0.into_iter().enumerate() {
            let share = value / 16 * rng.below(5);
            let own = if matches!(i, 2 | 5) && rng.below(4) == 0 {
                share.wrapping_neg()
            } else {
                share.min(value)
            };
            part.0[i] = own;
            rest.0[i] = value.wrapping_sub(own);
        }
        (part, rest)
    }
}

impl Machine<'_> {
    /// Writes the tracker tables.
    pub(super) fn write_pool(&mut self) {
        let stride = self.build.size("_POOL_TRACKER_TABLE");
        if stride == 0 {
            return;
        }
        let tables: Vec<u64> = (0..self.pool_tables())
            .map(|_| {
                let table = self.regions.nonpaged.pages(stride * ROWS);
                self.kernel.touch(table, stride * ROWS);
                table
            })
            .collect();
        let mut rows: Vec<u64> = (0..ROWS - 1).collect();
        let mut rng = Rng::for_purpose(self.scenario.machine.seed, "pool rows");
        rng.shuffle(&mut rows);
        let (over, tags): (Vec<PoolTag>, Vec<PoolTag>) =
            self.pool_tags().into_iter().partition(|tag| tag.expansion);
        self.write_expansion(&over);
        for (tag, row) in tags.iter().zip(rows) {
            let mut left = Counts::of(tag);
            for table in tables.iter().skip(1) {
                let (part, rest) = left.split(&mut rng);
                self.write_tag(table + stride * row, &tag.tag, part);
                left = rest;
            }
            self.write_tag(tables[0] + stride * row, &tag.tag, left);
        }
        let p = self.pointer() as u64;
        if let Some(at) = self
            .variable("ExPoolTagTables")
            .filter(|_| tables.len() > 1)
        {
            for (i, table) in (0..).zip(&tables) {
                self.put_pointer(at + p * i, *table);
            }
        }
        for (name, value) in [
            ("PoolTrackTable", tables[0]),
            ("PoolTrackTableSize", ROWS),
            ("PoolTrackTableMask", ROWS - 2),
        ] {
            if let Some(at) = self.variable(name) {
                self.put_pointer(at, value);
            }
        }
    }

    /// The table for tags that found no row elsewhere: a page of rows, the first in use.
    fn write_expansion(&mut self, tags: &[PoolTag]) {
        let stride = self.build.size("_POOL_TRACKER_TABLE");
        let (Some(table), Some(size), false) = (
            self.variable("PoolTrackTableExpansion"),
            self.variable("PoolTrackTableExpansionSize"),
            tags.is_empty(),
        ) else {
            return;
        };
        let rows = (0x1000 / stride).max(tags.len() as u64);
        let at = self.regions.nonpaged.pages(rows * stride);
        self.kernel.touch(at, rows * stride);
        for (row, tag) in (0..).zip(tags) {
            self.write_tag(at + stride * row, &tag.tag, Counts::of(tag));
        }
        self.put_pointer(table, at);
        self.put_pointer(size, rows);
    }

    /// Allocations of their own: a header before each, or a row in the table of large ones.
    pub(super) fn write_pool_blocks(&mut self) {
        let mut large = Vec::new();
        for block in self.scenario.pool_blocks.clone() {
            let unit = 2 * self.pointer() as u64;
            for _ in 0..block.count.max(1) {
                let (size, paged) = (block.size.0, block.paged);
                if size + unit > 0x1000 {
                    let region = if paged {
                        &mut self.regions.paged
                    } else {
                        &mut self.regions.nonpaged
                    };
                    let at = region.pages(size);
                    self.kernel.touch(at, 8);
                    large.push((at, block.tag.clone(), size, paged));
                    continue;
                }
                let total = (size + unit).next_multiple_of(unit);
                let region = if paged {
                    &mut self.regions.paged
                } else {
                    &mut self.regions.nonpaged
                };
                // A small one never crosses the end of a page.
                let at = loop {
                    let at = region.allocate(total);
                    if at % 0x1000 + total <= 0x1000 {
                        break at;
                    }
                };
                self.kernel.touch(at, total);
                self.write_pool_header(at, &block.tag, total / unit, paged);
            }
        }
        self.write_large(&large);
    }

    fn write_pool_header(&mut self, at: u64, tag: &str, units: u64, paged: bool) {
        let kind = if paged { 3 } else { 2 };
        if self.pointer() == 4 {
            self.kernel.u16(at + 2, (units | kind << 9) as u16);
        } else {
            self.kernel.u8(at + 2, units as u8);
            self.kernel.u8(at + 3, kind as u8);
        }
        let tag: Vec<u8> = tag.bytes().chain([b' '; 4]).take(4).collect();
        self.kernel.write(at + 4, &tag);
    }

    /// The table of large allocations, with free rows between those in use.
    fn write_large(&mut self, all: &[(u64, String, u64, bool)]) {
        let s = "_POOL_TRACKER_BIG_PAGES";
        let stride = self.build.size(s);
        let (Some(table), Some(size)) = (
            self.variable("PoolBigPageTable"),
            self.variable("PoolBigPageTableSize"),
        ) else {
            return;
        };
        if stride == 0 {
            return;
        }
        let rows = (4 * all.len() as u64).next_power_of_two().max(0x200);
        let at = self.regions.nonpaged.pages(rows * stride);
        self.kernel.touch(at, rows * stride);
        for row in 0..rows {
            self.kernel.u64(at + row * stride, 1); // free
        }
        let mut order: Vec<u64> = (0..rows).collect();
        Rng::for_purpose(self.scenario.machine.seed, "large pool").shuffle(&mut order);
        for ((address, tag, bytes, paged), row) in all.iter().zip(order) {
            let at = at + row * stride;
            let tag: Vec<u8> = tag.bytes().chain([b' '; 4]).take(4).collect();
            self.set_pointer(at, s, "Va", *address);
            let key = self.build.field(s, "Key").unwrap_or(8);
            self.kernel.write(at + key, &tag);
            self.set(at, s, "PoolType", u64::from(*paged), 4);
            self.set_pointer(at, s, "NumberOfBytes", *bytes);
        }
        self.put_pointer(table, at);
        self.put_pointer(size, rows);
    }

    /// How many tables there are: one for each processor, where the build says where they are listed.
    fn pool_tables(&self) -> u32 {
        let machine = &self.scenario.machine;
        let listed = self.build.data("ExPoolTagTables").is_some();
        if listed && machine.pool_tables {
            machine.processors.max(1)
        } else {
            1
        }
    }

    fn write_tag(&mut self, at: u64, tag: &str, counts: Counts) {
        let s = "_POOL_TRACKER_TABLE";
        let mut key = [b' '; 4];
        for (slot, byte) in key.iter_mut().zip(tag.bytes()) {
            *slot = byte;
        }
        self.kernel.write(at, &key);
        let wide = self.build.field(s, "NonPagedBytes") == Some(8);
        let narrow = if wide { 8 } else { 4 };
        let p = self.pointer();
        for (member, width, value) in [
            ("NonPagedAllocs", narrow, counts.0[0]),
            ("NonPagedFrees", narrow, counts.0[1]),
            ("NonPagedBytes", p, counts.0[2]),
            ("PagedAllocs", narrow, counts.0[3]),
            ("PagedFrees", narrow, counts.0[4]),
            ("PagedBytes", p, counts.0[5]),
        ] {
            self.set(at, s, member, value, width);
        }
    }

    fn pool_tags(&self) -> Vec<PoolTag> {
        if !self.scenario.pool_tags.is_empty() {
            return self.scenario.pool_tags.clone();
        }
        USUAL
            .iter()
            .map(|(tag, nonpaged, paged)| PoolTag {
                tag: (*tag).into(),
                nonpaged: Number(nonpaged << 10),
                paged: Number(paged << 10),
                ..PoolTag::default()
            })
            .collect()
    }
}
