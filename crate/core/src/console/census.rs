//! `!memusage`: a census of the page-frame database: in what state each page of memory was.
//!
//! The kernel keeps a record (_MMPFN) for every page: on which list it is, and by which page-table
//! entry it is used. For a machine of a terabyte that is 13 GB of records, so it is done when asked
//! for, piece by piece, in the order in which the pages of the database lie in the file, each of which
//! is read once. What a
//! driver locked is not marked in a record: a page in use that no page-table entry names is counted
//! as "no owner found", and nothing more is claimed of it.
//!
//! Layout: Microsoft's public symbols as collected by JPCERTCC/Windows-Symbol-Tables and Vergilius;
//! the numbers of the lists are MMLISTS.

use super::{Begun, Job, Live};
use crate::memory::{AddressSpaceExt, Missing, VirtualAddress};
use crate::nt::{Machine, Member};
use crate::order;
use crate::report::format::pages;
use crate::source::ReadError;
use alloc::{boxed::Box, format, string::String, vec::Vec};

const PAGE: u64 = 0x1000;
/// Pages of the database that one piece finds in the file, and that one piece reads: 6 MiB.
const MAPPED: u64 = 0x2000;
const READ: usize = 0x600;
/// What the smallest table of any paging mode maps.
const MAPPED_BY_TABLE: u64 = 2 << 20;
/// A machine of 16 TiB has so many pages of records, at 48 bytes each.
const MAX_PAGES: u64 = 0x300_0000;
/// Stretches of the file that are noted, which lie side by side as a rule; and records that are cut
/// by the end of a page.
const MOST_STRETCHES: usize = 1 << 20;
const MOST_HALVES: usize = 1 << 21;
/// MMLISTS.
const STATES: [&str; 8] = [
    "Zeroed",
    "Free",
    "Standby",
    "Modified",
    "ModifiedNoWrite",
    "Bad",
    "Active/Valid",
    "Transition",
];
const STANDBY: usize = 2;
const ACTIVE: usize = 6;
/// ReferenceCount stands at the start of the union with the flags, PageLocation in the lowest three
/// bits of the byte behind it, Priority in those of the next.
const LOCATION: u64 = 2;

/// Where a record keeps what is counted.
#[derive(Clone, Copy, Debug)]
struct Record {
    size: u64,
    flags: u64,
    entry: u64,
    width: u8,
}

impl Record {
    fn of(live: &Live<'_>) -> Option<Self> {
        let header = live.header()?;
        let machine = Machine {
            architecture: live.architecture()?,
            build: header.minor_version?,
            debugger_data: live.debugger_data()?,
        };
        let rows = machine.layouts().rows("_MMPFN");
        let row = rows.first()?;
        Some(Self {
            size: row.size()?.into(),
            // The public facts on 26100 leave the union out; it follows `u2` as before.
            flags: row.offset("u3").or(Some(row.offset("u2")? + 8))?,
            entry: row.offset("PteAddress")?,
            width: live.width(),
        })
    }
}

/// Pages of the database that lie side by side in the file.
#[derive(Clone, Copy, Debug)]
struct Stretch {
    offset: u64,
    page: u32,
    pages: u32,
}

#[derive(Debug)]
struct Census {
    record: Record,
    database: u64,
    /// First frame and number of frames of each run of memory.
    runs: Vec<(u64, u64)>,
    /// Pages of the database, and how many of them were looked up.
    pages: u64,
    mapped: u64,
    /// Those that are in the file, in its order once all were looked up.
    found: Vec<Stretch>,
    found_pages: u64,
    /// The stretch that is read next, from which of its pages on; pages read so far.
    next: (usize, u32),
    read: u64,
    tally: Tally,
    /// Of records that two pages share: twice the frame when it is in use, and one more when the
    /// other page says that no entry names it.
    halves: Vec<u64>,
}

/// What was counted.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    states: [u64; 8],
    standby: [u64; 8],
    ownerless: u64,
}

#[derive(Debug)]
enum Piece {
    /// Places of pages, and how many were looked up.
    Places(Vec<Stretch>, u64),
    Counts(Tally, Vec<u64>),
}

/// Adds a page behind a stretch, or as one.
fn join(found: &mut Vec<Stretch>, more: Stretch) {
    let end = |last: &Stretch| {
        let offset = last.offset + u64::from(last.pages) * PAGE;
        offset == more.offset && last.page.checked_add(last.pages) == Some(more.page)
    };
    let room = found.len() < MOST_STRETCHES;
    match found.last_mut().filter(|last| end(last)) {
        Some(last) => last.pages = last.pages.saturating_add(more.pages),
        None if room => found.push(more),
        None => {}
    }
}

impl Census {
    /// The first frame with a record in `page`, and the one behind the last.
    fn frames(&self, page: u64) -> (u64, u64) {
        let size = self.record.size.max(1);
        (page * PAGE / size, ((page + 1) * PAGE).div_ceil(size))
    }

    /// Whether memory stands behind any of those frames.
    fn is_memory(&self, (first, end): (u64, u64)) -> bool {
        self.runs
            .iter()
            .any(|&(from, len)| from < end && first < from.saturating_add(len))
    }

    /// Whether one run of memory has all of these frames.
    fn is_within(&self, (first, end): (u64, u64)) -> bool {
        let mut runs = self.runs.iter();
        runs.any(|&(from, len)| from <= first && end <= from.saturating_add(len))
    }

    fn places(&self, live: &Live<'_>) -> Piece {
        let len = (self.pages - self.mapped).min(MAPPED);
        let Some((paged, space)) = live
            .paged()
            .and_then(|dump| Some((dump, dump.space(live.source)?)))
        else {
            return Piece::Places(Vec::new(), len);
        };
        let mut found = Vec::new();
        // The pages whose entries stand in a table that was asked for just now have to wait for it.
        let mut waiting = None;
        for page in self.mapped..self.mapped + len {
            let Some(at) = self.database.checked_add(page * PAGE) else {
                break;
            };
            let table = at / MAPPED_BY_TABLE;
            if waiting == Some(table) || !self.is_memory(self.frames(page)) {
                continue;
            }
            let frame = match space.physical_address(VirtualAddress(at)) {
                Ok(frame) => frame.0 / PAGE,
                Err(why) => {
                    if why == Missing::File(ReadError::NotYet) {
                        waiting = Some(table);
                    }
                    continue;
                }
            };
            let offset = paged.index.locate(live.source, frame);
            if let (Ok(offset), Ok(page)) = (offset, u32::try_from(page)) {
                let pages = 1;
                join(
                    &mut found,
                    Stretch {
                        offset,
                        page,
                        pages,
                    },
                );
            }
        }
        Piece::Places(found, len)
    }

    /// The pages that the next piece reads: where in the file, and which of the database.
    fn due(&self) -> impl Iterator<Item = (u64, u64)> {
        let (stretch, from) = self.next;
        let left = self.found.get(stretch..).unwrap_or_default().iter();
        left.enumerate()
            .flat_map(move |(index, stretch)| {
                let from = if index == 0 { from } else { 0 };
                (from..stretch.pages).map(move |n| {
                    let n = u64::from(n);
                    (stretch.offset + n * PAGE, u64::from(stretch.page) + n)
                })
            })
            .take(READ)
    }

    fn counts(&self, live: &Live<'_>) -> Piece {
        let mut tally = Tally::default();
        let mut halves = Vec::new();
        let mut bytes = [0; PAGE as usize];
        for (offset, page) in self.due() {
            // All are asked for before the first is judged.
            if live.source.read_at(offset, &mut bytes).is_ok() {
                self.count(&bytes, page, &mut tally, &mut halves);
            }
        }
        Piece::Counts(tally, halves)
    }

    /// Counts the records in one page of the database. A record that two pages share tells its
    /// state in one of them, and what names it in that or in the other.
    fn count(&self, bytes: &[u8], page: u64, tally: &mut Tally, halves: &mut Vec<u64>) {
        let record = self.record;
        let (first, end) = self.frames(page);
        // Asked once for the page and not for each record: most pages lie within one run.
        let all = self.is_within((first, end));
        let width = usize::from(record.width);
        for frame in first..end {
            if !all && !self.is_within((frame, frame + 1)) {
                continue;
            }
            // Where the fields stand in this page, if they do.
            let start = frame * record.size;
            let field = |at: u64| usize::try_from((start + at).checked_sub(page * PAGE)?).ok();
            let entry = field(record.entry).and_then(|at| bytes.get(at..at + width));
            let ownerless = entry.map(|entry| entry.iter().all(|&byte| byte == 0));
            let flags = field(record.flags + LOCATION).and_then(|at| bytes.get(at..at + 2));
            let active = match flags {
                Some(&[location, priority]) => {
                    let state = usize::from(location & 7);
                    add(&mut tally.states, state);
                    if state == STANDBY {
                        add(&mut tally.standby, usize::from(priority & 7));
                    }
                    Some(state == ACTIVE)
                }
                _ => None,
            };
            match (active, ownerless) {
                (Some(true), Some(true)) => tally.ownerless += 1,
                (Some(true), None) => halves.push(frame * 2),
                (None, Some(true)) => halves.push(frame * 2 + 1),
                _ => {}
            }
        }
    }

    /// Goes on behind the pages that were read.
    fn go_on(&mut self) {
        let count = self.due().count() as u64;
        self.read += count;
        let (mut stretch, from) = self.next;
        let mut from = u64::from(from) + count;
        while let Some(found) = self.found.get(stretch) {
            let Some(more) = from.checked_sub(found.pages.into()) else {
                break;
            };
            (stretch, from) = (stretch + 1, more);
        }
        self.next = (stretch, from as u32);
    }

    /// The records of which both halves say that nothing names a page in use.
    fn pair_up(&mut self) {
        let halves = order::by_key(core::mem::take(&mut self.halves), |&half| (half, 0));
        let pairs = halves.windows(2).filter(|pair| match pair {
            [active, ownerless] => active % 2 == 0 && active + 1 == *ownerless,
            _ => false,
        });
        self.tally.ownerless += pairs.count() as u64;
    }
}

fn add(counts: &mut [u64; 8], index: usize) {
    if let Some(count) = counts.get_mut(index) {
        *count += 1;
    }
}

impl Job for Census {
    type Piece = Piece;

    fn read(&self, live: &Live<'_>) -> Piece {
        if self.mapped < self.pages {
            self.places(live)
        } else {
            self.counts(live)
        }
    }

    fn take(&mut self, piece: Piece) {
        match piece {
            Piece::Places(places, looked_up) => {
                self.mapped += looked_up;
                for stretch in places {
                    join(&mut self.found, stretch);
                }
                if self.mapped == self.pages {
                    let found = core::mem::take(&mut self.found);
                    self.found = order::by_key(found, |stretch| (stretch.offset, 0));
                    self.found_pages = self.found.iter().map(|s| u64::from(s.pages)).sum();
                }
            }
            Piece::Counts(tally, halves) => {
                self.go_on();
                let sum = |into: &mut [u64; 8], from: [u64; 8]| {
                    into.iter_mut()
                        .zip(from)
                        .for_each(|(into, from)| *into += from);
                };
                sum(&mut self.tally.states, tally.states);
                sum(&mut self.tally.standby, tally.standby);
                self.tally.ownerless += tally.ownerless;
                let room = MOST_HALVES.saturating_sub(self.halves.len());
                self.halves.extend(halves.into_iter().take(room));
                if self.read == self.found_pages {
                    self.pair_up();
                }
            }
        }
    }

    /// A page takes one unit to find and eight to read.
    fn progress(&self) -> (u64, u64) {
        let read = match self.mapped == self.pages {
            true => self.found_pages,
            false => self.pages,
        };
        (self.mapped + 8 * self.read, self.pages + 8 * read)
    }

    fn answer(&self, _: &Live<'_>) -> Vec<String> {
        let line = |name: &str, count: u64| format!("{name:<24}{count:>12}  {}", pages(count));
        let tally = &self.tally;
        let mut lines = Vec::new();
        for (state, &count) in STATES.iter().zip(&tally.states) {
            lines.push(line(state, count));
            let priorities = (0..)
                .zip(&tally.standby)
                .filter(|found| *state == "Standby" && *found.1 > 0);
            lines.extend(priorities.map(|(n, &count)| line(&format!("  priority {n}"), count)));
        }
        lines.push(line("Active, no owner found", tally.ownerless));
        let counted: u64 = tally.states.iter().sum();
        let all: u64 = self.runs.iter().map(|run| run.1).sum();
        lines.push(format!(
            "{counted} of {all} pages of memory have a record that could be read."
        ));
        if counted == 0 {
            lines.push("The page-frame database is not in this dump.".into());
        }
        lines
    }
}

/// Begins the census.
pub(super) fn census(_: &[&str], live: &Live<'_>) -> Begun {
    match begin(live) {
        Some(census) => Begun::Job(Box::new(census)),
        None => super::absent("The page-frame database").into(),
    }
}

fn begin(live: &Live<'_>) -> Option<Census> {
    let record = Record::of(live)?;
    let variable = live.debugger_data()?.address(Member::MmPfnDatabase)?;
    let database = live.space().pointer(variable, live.width()).ok()?.0;
    let memory = live.report.memory.as_ref()?;
    let runs: Vec<(u64, u64)> = memory
        .physical_runs
        .iter()
        .map(|run| (run.base_page.0, run.pages.0))
        .collect();
    let end = runs.iter().map(|run| run.0.saturating_add(run.1)).max()?;
    let size = record.size.max(1);
    let pages = end.checked_mul(size)?.div_ceil(PAGE).min(MAX_PAGES);
    let usable = database.is_multiple_of(PAGE) && pages > 0;
    usable.then_some(Census {
        record,
        database,
        runs,
        pages,
        mapped: 0,
        found: Vec::new(),
        found_pages: 0,
        next: (0, 0),
        read: 0,
        tally: Tally::default(),
        halves: Vec::new(),
    })
}
