//! Pool use by tag: what every driver and every part of the kernel has allocated.
//!
//! The kernel counts it in a table (`PoolTrackTable`), to which the debugger data block points; on
//! machines with several processors each may have a further table of the same form
//! (`ExPoolTagTables`), whose counts have to be added. A row begins with the tag; how long a row
//! is, the tags themselves tell, for they are text. Layout: Microsoft's public symbols as collected
//! by JPCERTCC/Windows-Symbol-Tables and Vergilius.

use super::{DebuggerData, Member};
use crate::knowledge::pooltag;
use crate::memory::{AddressSpace, AddressSpaceExt, Missing, VirtualAddress};
use crate::model::{Hex, PoolTag};
use crate::order;
use crate::source::ReadError;
use crate::symbols::layout::{Layouts, Shape};
use alloc::collections::BTreeMap;
use alloc::{format, string::String, vec, vec::Vec};

const PAGE: usize = 0x1000;
/// Pages of one table, and of all tables together, that are read.
const MAX_TABLE: usize = 384;
const MAX_PAGES: usize = 640;
/// Pages that are asked for together while it is not known how long the table is.
const AHEAD: usize = 48;
/// Tags in the report: a machine has about 1,500, and the heaviest matter.
const MAX_TAGS: usize = 400;
/// More processors than any Windows runs on.
const MAX_PROCESSORS: u32 = 2048;

/// What was found.
#[derive(Clone, Debug, Default)]
pub struct PoolTags {
    /// The heaviest first.
    pub tags: Vec<PoolTag>,
    /// What is missing and why, in sentences.
    pub limits: Vec<String>,
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
            .filter_map(|shape| Some((shape, fit(&bytes, shape)?)));
        let best = best.reduce(|best, next| if next.1 > best.1 { next } else { best });
        let Some((shape, _)) = best else {
            found.limits.push(if bytes.is_empty() {
                "The table of pool use by tag is not in the dump.".into()
            } else {
                "The table of pool use by tag has no form that is known.".into()
            });
            return found;
        };
        let mut sums = Sums::default();
        sums.add(&bytes, shape, target.width());
        let whole = rows.and_then(|rows| rows.checked_mul(shape.size()?.into()));
        if whole.is_some_and(|whole| whole > bytes.len() as u64) {
            found.limits.push(
                "Part of the table of pool use by tag could not be read: tags may be missing."
                    .into(),
            );
        }
        target.add_processors(table, &bytes, shape, &mut sums, &mut found);
        found.tags = sums.heaviest();
        found
    }
}

impl PoolTarget<'_> {
    fn width(&self) -> u8 {
        self.layouts.identity().pointer_width()
    }

    fn variable(&self, name: &str) -> Option<VirtualAddress> {
        let place = self.layouts.variable(name)?;
        self.kernel.checked_add(place.offset.into())
    }

    /// What the variable points to.
    fn pointer(&self, member: Member, name: &str) -> Option<VirtualAddress> {
        let pointed = self.debugger_data.and_then(|data| data.address(member));
        let at = pointed.or_else(|| self.variable(name))?;
        self.space
            .pointer(at, self.width())
            .ok()
            .filter(|at| at.0 != 0)
    }

    fn number(&self, name: &str) -> Option<u64> {
        let at = self.variable(name)?;
        Some(self.space.pointer(at, self.width()).ok()?.0)
    }

    /// The bytes of a table of so many rows, as far as its pages are in the dump one after the
    /// other. Where the number of rows is not known, it ends with the first page that holds
    /// something else.
    fn table(&self, at: VirtualAddress, rows: Option<u64>) -> Vec<u8> {
        // The longest row.
        let limit = rows.map_or(MAX_TABLE * PAGE, |rows| {
            let bytes = rows.saturating_mul(0x50).min((MAX_TABLE * PAGE) as u64);
            bytes as usize
        });
        let mut bytes: Vec<u8> = Vec::new();
        let mut ahead = 0;
        let mut ended = false;
        let mut offset = 0;
        while offset < limit && ahead < AHEAD {
            let Some(from) = at.checked_add(offset as u64) else {
                break;
            };
            // Pages, but the table need not begin with one.
            let len = (PAGE - from.0 as usize % PAGE).min(limit - offset);
            let mut page = vec![0; len];
            match self.space.read(from, &mut page) {
                Ok(()) if !ended => bytes.append(&mut page),
                Ok(()) => {}
                Err(Missing::File(ReadError::NotYet)) => {
                    ended = true;
                    ahead += usize::from(rows.is_none());
                }
                Err(_) => break,
            }
            offset += len;
        }
        bytes
    }

    /// Adds what processors count in tables of their own.
    fn add_processors(
        &self,
        first: VirtualAddress,
        bytes: &[u8],
        shape: &Shape<'_>,
        sums: &mut Sums,
        found: &mut PoolTags,
    ) {
        let processors = self.processors.min(MAX_PROCESSORS);
        if processors < 2 {
            return;
        }
        let Some(array) = self.variable("ExPoolTagTables") else {
            found.limits.push(
                "Pool use by tag is that of the first table: where processors count apart is not \
                 known for this kernel, so tags may hold more."
                    .into(),
            );
            return;
        };
        let slot = |index: u32| {
            let at = array.checked_add(u64::from(index) * u64::from(self.width()))?;
            self.space.pointer(at, self.width()).ok()
        };
        let mut tables: Vec<VirtualAddress> = (0..processors).filter_map(slot).collect();
        tables.retain(|at| at.0 != 0 && *at != first);
        tables.dedup();
        let each = bytes.len().div_ceil(PAGE) + 1;
        if tables.len().saturating_mul(each) > MAX_PAGES {
            found.limits.push(format!(
                "Pool use by tag is that of the first table: {} processors count apart, too much \
                 to read unasked.",
                tables.len()
            ));
            return;
        }
        let stride = shape.size().unwrap_or(1).max(1);
        let rows = bytes.len() as u64 / u64::from(stride);
        let mut missing = 0;
        for table in tables {
            let mut own = self.table(table, Some(rows));
            own.truncate(bytes.len());
            missing += usize::from(own.len() < bytes.len());
            sums.add(&own, shape, self.width());
        }
        if missing > 0 {
            found.limits.push(format!(
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
fn fit(bytes: &[u8], shape: &Shape<'_>) -> Option<usize> {
    /// Of so many rows one may be damaged.
    const TOLERATED: usize = 64;
    const SPAN: usize = 0x2_0000;
    let stride = usize::try_from(shape.size()?).ok()?;
    let (mut tags, mut wrong) = (0, 0);
    // The same bytes for every form: a longer row must not reach further than a shorter one.
    let span = bytes.get(..SPAN).unwrap_or(bytes);
    for row in span.chunks_exact(stride) {
        match key(row) {
            Key::Tag(_, whole) => tags += usize::from(whole),
            Key::Empty => {}
            Key::Wrong => wrong += 1,
        }
    }
    (tags > 0 && wrong <= tags / TOLERATED).then_some(tags)
}

/// Bytes by tag, modulo the width of a counter: a processor may free what another allocated.
#[derive(Default)]
struct Sums(BTreeMap<[u8; 4], (u64, u64)>);

impl Sums {
    fn add(&mut self, bytes: &[u8], shape: &Shape<'_>, width: u8) {
        let stride = shape.size().map_or(0, |size| size as usize);
        let place = |member| shape.offset(member).map(|offset| offset as usize);
        let (Some(nonpaged), Some(paged)) = (place("NonPagedBytes"), place("PagedBytes")) else {
            return;
        };
        let word = |row: &[u8], at: usize| {
            let bytes = row.get(at..at + usize::from(width)).unwrap_or_default();
            bytes
                .iter()
                .rev()
                .fold(0, |value, &byte| value << 8 | u64::from(byte))
        };
        for row in bytes.chunks_exact(stride.max(1)) {
            match key(row) {
                Key::Tag(tag, _) => {
                    let sum = self.0.entry(tag).or_default();
                    sum.0 = sum.0.wrapping_add(word(row, nonpaged));
                    sum.1 = sum.1.wrapping_add(word(row, paged));
                    if width == 4 {
                        sum.0 &= 0xFFFF_FFFF;
                        sum.1 &= 0xFFFF_FFFF;
                    }
                }
                Key::Empty => {}
                // Behind the end of a table whose length is not known.
                Key::Wrong => break,
            }
        }
    }

    fn heaviest(self) -> Vec<PoolTag> {
        // What is below zero is the part of another processor that is missing here.
        let sane = |bytes: u64| bytes < 1 << 46;
        let used = self.0.into_iter().filter(|&(_, (nonpaged, paged))| {
            sane(nonpaged) && sane(paged) && nonpaged | paged != 0
        });
        let sorted = order::by_key(used.collect(), |&(_, (nonpaged, paged))| {
            (u64::MAX - nonpaged.saturating_add(paged), 0)
        });
        sorted.into_iter().take(MAX_TAGS).map(describe).collect()
    }
}

fn describe((tag, (nonpaged, paged)): ([u8; 4], (u64, u64))) -> PoolTag {
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
    }
}
