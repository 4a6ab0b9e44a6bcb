//! Pool use by tag: what every driver and every part of the kernel has allocated.
//!
//! The kernel counts it in a table (`PoolTrackTable`), to which the debugger data block points; on
//! machines with several processors each counts in a table of the same form (`ExPoolTagTables`, of
//! which that one is the first), and what finds no row in them goes into a last one
//! (`PoolTrackTableExpansion`). A processor may free what another allocated, so only the sums mean
//! something. A row begins with the tag; how long a row is, the tags themselves tell, for they are
//! text. Layout: Microsoft's public symbols as collected by JPCERTCC/Windows-Symbol-Tables and
//! Vergilius.

mod tables;

pub use tables::PoolTables;

use super::{DebuggerData, Member};
use crate::knowledge::pooltag;
use crate::memory::{AddressSpace, VirtualAddress};
use crate::model::{Hex, PoolTag};
use crate::order;
use crate::symbols::layout::{Layouts, Shape};
use alloc::collections::BTreeMap;
use alloc::{format, string::String, vec::Vec};

const PAGE: usize = 0x1000;
/// Pages of all tables together that are read unasked.
const MAX_PAGES: usize = 640;
/// Tags in the report: a machine has about 1,500, and the heaviest matter.
const MAX_TAGS: usize = 400;

/// What was found.
#[derive(Clone, Debug, Default)]
pub struct PoolTags {
    /// The heaviest first.
    pub tags: Vec<PoolTag>,
    /// What is missing and why, in sentences.
    pub limits: Vec<String>,
    /// Where it is counted.
    pub tables: Option<PoolTables>,
    /// Whether `tags` are those of the first table alone, though there are more.
    pub first_only: bool,
}

/// Where to look.
#[derive(Clone, Copy)]
pub struct PoolTarget<'a> {
    /// The kernel's memory.
    pub space: &'a dyn AddressSpace,
    /// Layouts of this kernel.
    pub layouts: &'a Layouts<'a>,
    /// The debugger data block, where it is readable.
    pub debugger_data: Option<&'a DebuggerData>,
    /// Where the kernel was loaded.
    pub kernel: VirtualAddress,
    /// Processors of the machine.
    pub processors: u32,
}

impl PoolTags {
    /// Reads the tables.
    #[must_use]
    pub fn read(target: PoolTarget<'_>) -> Self {
        let mut found = Self::default();
        let Some(table) = target.pointer(Member::PoolTrackTable, "PoolTrackTable") else {
            found
                .limits
                .push("The dump does not say where pool use is counted.".into());
            return found;
        };
        let rows = target
            .number("PoolTrackTableSize")
            .filter(|&rows| rows < 1 << 20);
        let bytes = target.table(table, rows);
        let shapes = target.layouts.shapes("_POOL_TRACKER_TABLE");
        let best = shapes
            .iter()
            .filter_map(|shape| Some((shape, fit(&bytes, shape, rows)?)));
        let best = best.reduce(|best, next| if next.1 > best.1 { next } else { best });
        // Asked for before it is known whether the first table can be read.
        let listed = target.listed(table);
        let form = best.and_then(|(shape, _)| Rows::of(shape, target.width()));
        let Some(form) = form else {
            found.limits.push(if bytes.is_empty() {
                "The table of pool use by tag is not in the dump.".into()
            } else {
                "The table of pool use by tag has no form that is known.".into()
            });
            return found;
        };
        let mut sums = Sums::default();
        sums.add(&bytes, form);
        let whole = rows.and_then(|rows| rows.checked_mul(form.stride as u64));
        if whole.is_some_and(|whole| whole > bytes.len() as u64) {
            found.limits.push(
                "Part of the table of pool use by tag could not be read: tags may be missing."
                    .into(),
            );
        }
        let tables = PoolTables {
            form,
            first: table,
            rows: rows.unwrap_or((bytes.len() / form.stride) as u64),
            expansion: target.expansion(),
            others: listed.unwrap_or_default(),
            big: target.big_pages(),
            big_size: target
                .layouts
                .size("_POOL_TRACKER_BIG_PAGES")
                .unwrap_or(0)
                .into(),
        };
        found.add_others(&tables, target, &mut sums);
        found.tags = sums.heaviest();
        found.tables = Some(tables);
        found
    }

    /// Adds what processors count in tables of their own, and what found no place in them.
    fn add_others(&mut self, tables: &PoolTables, target: PoolTarget<'_>, sums: &mut Sums) {
        if let Some(expansion) = tables.expansion_bytes(target.space) {
            sums.add(&expansion, tables.form);
        }
        if target.processors < 2 {
            return;
        }
        let count = tables.others.len();
        if count == 0 {
            self.limits.push(
                "Pool use by tag is that of the first table: where processors count apart was not \
                 found in this kernel, so tags may hold more or less."
                    .into(),
            );
            self.first_only = true;
            return;
        }
        let each = tables.len().div_ceil(PAGE) + 1;
        if count.saturating_mul(each) > MAX_PAGES {
            self.limits.push(format!(
                "Pool use by tag is that of the first table alone, so tags may hold more or less: {} \
                 processors count apart, which is too much to read unasked. The command !poolused \
                 reads them all.",
                count + 1
            ));
            self.first_only = true;
            return;
        }
        let mut missing = 0;
        for index in 0..count {
            let own = tables.other(target.space, index);
            missing += usize::from(own.len() < tables.len());
            sums.add(&own, tables.form);
        }
        if missing > 0 {
            self.limits.push(format!(
                "What {missing} processors count of pool use is not whole in the dump: tags may be \
                 off."
            ));
        }
    }
}

/// What stands where a row should begin.
enum Key {
    /// Nothing: the row is not in use.
    Empty,
    /// A tag, and whether it has all four characters. A small number looks like one of fewer.
    Tag([u8; 4], bool),
    /// No text.
    Wrong,
}

fn key(row: &[u8]) -> Key {
    let Some(Ok(key)) = row.get(..4).map(<[u8; 4]>::try_from) else {
        return Key::Wrong;
    };
    if key == [0; 4] {
        return Key::Empty;
    }
    // The highest bit marks protected blocks.
    let plain = |byte: u8| (0x20..0x7F).contains(&(byte & 0x7F));
    let [first, rest @ ..] = key;
    if !plain(first) || !rest.iter().all(|&byte| plain(byte) || byte == 0) {
        return Key::Wrong;
    }
    Key::Tag(key, rest.iter().all(|&byte| byte != 0))
}

/// How many tags a form of the rows finds; `None` when it finds what is none.
fn fit(bytes: &[u8], shape: &Shape<'_>, rows: Option<u64>) -> Option<usize> {
    /// Of so many rows one may be damaged.
    const TOLERATED: usize = 64;
    /// Windows makes it of a power of two and one row more.
    const USUAL: u64 = 0x801;
    let stride = usize::try_from(shape.size()?).ok()?;
    let (mut tags, mut wrong) = (0, 0);
    // Behind its rows may lie another processor's table, whose rows begin elsewhere.
    let len = usize::try_from(rows.unwrap_or(USUAL))
        .ok()?
        .checked_mul(stride)?;
    let span = bytes.get(..len).unwrap_or(bytes);
    for row in span.chunks_exact(stride) {
        match key(row) {
            Key::Tag(_, whole) => tags += usize::from(whole),
            Key::Empty => {}
            Key::Wrong => wrong += 1,
        }
    }
    (tags > 0 && wrong <= tags / TOLERATED).then_some(tags)
}

/// Where the members of a row stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rows {
    stride: usize,
    nonpaged: usize,
    paged: usize,
    width: u8,
    /// Allocations and frees of nonpaged and of paged pool, and the bytes of each.
    counts: Option<[usize; 4]>,
    count_width: u8,
}

impl Rows {
    fn of(shape: &Shape<'_>, width: u8) -> Option<Self> {
        let place = |name| Some(shape.offset(name)? as usize);
        let counts = || {
            Some([
                place("NonPagedAllocs")?,
                place("NonPagedFrees")?,
                place("PagedAllocs")?,
                place("PagedFrees")?,
            ])
        };
        let narrow = shape.member("NonPagedAllocs").and_then(|place| place.width);
        Some(Self {
            counts: counts(),
            count_width: narrow.unwrap_or(width),
            stride: usize::try_from(shape.size()?)
                .ok()
                .filter(|&size| size > 0)?,
            nonpaged: shape.offset("NonPagedBytes")? as usize,
            paged: shape.offset("PagedBytes")? as usize,
            width,
        })
    }
}

/// What a tag holds, nonpaged and paged: bytes, and allocations that were not freed.
#[derive(Clone, Copy, Debug, Default)]
struct Held {
    bytes: [u64; 2],
    live: [u64; 2],
    counted: bool,
}

/// By tag, modulo the width of a counter: a processor may free what another allocated.
#[derive(Clone, Debug, Default)]
pub struct Sums(BTreeMap<[u8; 4], Held>);

impl Sums {
    /// Adds the rows of a table, or of a part of one.
    pub fn add(&mut self, bytes: &[u8], form: Rows) {
        let word = |row: &[u8], at: usize, width: u8| {
            let bytes = row.get(at..at + usize::from(width)).unwrap_or_default();
            bytes
                .iter()
                .rev()
                .fold(0, |value, &byte| value << 8 | u64::from(byte))
        };
        for row in bytes.chunks_exact(form.stride.max(1)) {
            match key(row) {
                Key::Tag(tag, _) => {
                    let sum = self.0.entry(tag).or_default();
                    let add = |into: &mut u64, value: u64, width: u8| {
                        let mask = if width == 4 { 0xFFFF_FFFF } else { u64::MAX };
                        *into = into.wrapping_add(value) & mask;
                    };
                    for (into, at) in sum.bytes.iter_mut().zip([form.nonpaged, form.paged]) {
                        add(into, word(row, at, form.width), form.width);
                    }
                    let Some([allocs, frees, paged_allocs, paged_frees]) = form.counts else {
                        continue;
                    };
                    let pairs = [(allocs, frees), (paged_allocs, paged_frees)];
                    sum.counted = true;
                    for (into, (allocs, frees)) in sum.live.iter_mut().zip(pairs) {
                        let count = |at| word(row, at, form.count_width);
                        let live = count(allocs).wrapping_sub(count(frees));
                        add(into, live, form.count_width);
                    }
                }
                Key::Empty => {}
                // Behind the end of a table whose length is not known.
                Key::Wrong => break,
            }
        }
    }

    /// The tags that hold most.
    #[must_use]
    pub fn heaviest(self) -> Vec<PoolTag> {
        // What is below zero is the part of another processor that is missing here.
        let sane = |bytes: u64| bytes < 1 << 46;
        let used = self.0.into_iter().filter(|(_, held)| {
            held.bytes.iter().all(|&bytes| sane(bytes)) && held.bytes != [0; 2]
        });
        let sorted = order::by_key(used.collect(), |(_, held)| {
            let [nonpaged, paged] = held.bytes;
            (u64::MAX - nonpaged.saturating_add(paged), 0)
        });
        sorted.into_iter().take(MAX_TAGS).map(describe).collect()
    }
}

fn describe((tag, held): ([u8; 4], Held)) -> PoolTag {
    let [nonpaged, paged] = held.bytes;
    // More allocations than bytes are none.
    let fits = held.live[0] <= nonpaged && held.live[1] <= paged;
    let [nonpaged_live, paged_live] = held
        .live
        .map(|live| Some(Hex(live)).filter(|_| held.counted && fits));
    let owner = pooltag::pool_tag(tag).map(|known| format!("{}: {}", known.driver, known.holds));
    let letter = |byte: u8| match byte & 0x7F {
        0 => ' ',
        byte => char::from(byte),
    };
    PoolTag {
        tag: tag.into_iter().map(letter).collect(),
        owner,
        paged_bytes: Hex(paged),
        nonpaged_bytes: Hex(nonpaged),
        paged_allocations: paged_live,
        nonpaged_allocations: nonpaged_live,
    }
}
