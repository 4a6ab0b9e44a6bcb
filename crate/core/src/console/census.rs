//! `!memusage`: a census of the page-frame database: in what state each page of memory was.
//!
//! The kernel keeps a record (_MMPFN) for every page: on which list it is, and by which page-table
//! entry it is used. For a machine of a terabyte that is 13 GB of records, so it is done when asked
//! for, piece by piece, in the order in which the pages of the database lie in the file. What a
//! driver locked is not marked in a record: a page in use that no page-table entry names is counted
//! as "no owner found", and nothing more is claimed of it.
//!
//! Layout: Microsoft's public symbols as collected by JPCERTCC/Windows-Symbol-Tables and Vergilius;
//! the numbers of the lists are MMLISTS.

use super::{Begun, Job, Live};
use crate::memory::{AddressSpace, AddressSpaceExt, VirtualAddress};
use crate::nt::Member;
use crate::order;
use crate::report::format::pages;
use crate::symbols::KernelIdentity;
use crate::symbols::layout::Layouts;
use alloc::{boxed::Box, format, string::String, vec, vec::Vec};

const PAGE: u64 = 0x1000;
/// Groups of pages that one piece finds in the file, and that one piece reads.
const MAPPED: u64 = 0x1000;
const READ: u64 = 0x180;
/// A machine of 16 TiB has so many groups.
const MAX_GROUPS: u64 = 1 << 24;
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
const PRIORITY: u64 = 3;

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
        let layouts = Layouts::for_kernel(&KernelIdentity {
            machine: header.machine? as u16,
            build: header.minor_version?,
            ..KernelIdentity::default()
        });
        let rows = layouts.rows("_MMPFN");
        let row = rows.first()?;
        Some(Self {
            size: row.size()?.into(),
            // The public facts on 26100 leave the union out; it follows `u2` as before.
            flags: row.offset("u3").or(Some(row.offset("u2")? + 8))?,
            entry: row.offset("PteAddress")?,
            width: live.width(),
        })
    }

    /// Pages after which records begin with a page again.
    fn group(&self) -> u64 {
        let (mut a, mut b) = (self.size, PAGE);
        while b != 0 {
            (a, b) = (b, a % b);
        }
        self.size / a.max(1)
    }
}

#[derive(Debug)]
struct Census {
    record: Record,
    database: u64,
    /// First frame and number of frames of each run of memory.
    runs: Vec<(u64, u64)>,
    /// Groups of the database, and how many of them were looked up.
    groups: u64,
    mapped: u64,
    /// Groups that are in the file, by their place there.
    found: Vec<(u64, u64)>,
    read: u64,
    tally: Tally,
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
    /// Places of groups, and how many were looked up.
    Places(Vec<(u64, u64)>, u64),
    Counts(Tally, u64),
}

impl Census {
    fn bytes(&self) -> u64 {
        self.record.group() * PAGE
    }

    fn frames(&self) -> u64 {
        self.bytes() / self.record.size.max(1)
    }

    /// Whether memory stands behind any frame of the group.
    fn is_memory(&self, group: u64) -> bool {
        let (first, end) = (group * self.frames(), (group + 1) * self.frames());
        self.runs
            .iter()
            .any(|&(from, len)| from < end && first < from.saturating_add(len))
    }

    fn places(&self, live: &Live<'_>) -> Piece {
        let len = (self.groups - self.mapped).min(MAPPED);
        let paged = live.paged();
        let space = paged.and_then(|dump| dump.space(live.source));
        let place = |group: u64| {
            let at = VirtualAddress(
                self.database
                    .checked_add(group.checked_mul(self.bytes())?)?,
            );
            let frame = space.as_ref()?.physical_address(at).ok()?.0 / PAGE;
            let offset = paged?.index.locate(live.source, frame).ok()?;
            Some((offset, group))
        };
        let groups = self.mapped..self.mapped + len;
        Piece::Places(
            groups
                .filter(|&group| self.is_memory(group))
                .filter_map(place)
                .collect(),
            len,
        )
    }

    fn counts(&self, live: &Live<'_>) -> Piece {
        let mut tally = Tally::default();
        let from = usize::try_from(self.read).unwrap_or(usize::MAX);
        let groups = self.found.get(from..).unwrap_or_default();
        let groups = groups.get(..READ as usize).unwrap_or(groups);
        let space = live.space();
        let mut bytes = vec![0; self.bytes() as usize];
        for &(_, group) in groups {
            let at = self.database.saturating_add(group * self.bytes());
            let mut missing = Vec::new();
            for (page, number) in bytes.chunks_exact_mut(PAGE as usize).zip(0..) {
                let at = VirtualAddress(at.saturating_add(number * PAGE));
                if space.read(at, page).is_err() {
                    missing.push(number);
                }
            }
            self.count(&bytes, &missing, group * self.frames(), &mut tally);
        }
        Piece::Counts(tally, groups.len() as u64)
    }

    /// Counts the records of a group, but for those that touch a page that is missing.
    fn count(&self, bytes: &[u8], missing: &[u64], first: u64, tally: &mut Tally) {
        let size = self.record.size;
        for (record, index) in bytes.chunks_exact(size.max(1) as usize).zip(0..) {
            let (from, end) = (index * size, (index + 1) * size - 1);
            if missing
                .iter()
                .any(|&page| from / PAGE == page || end / PAGE == page)
            {
                continue;
            }
            let frame = first + index;
            let inside =
                |&(from, len): &(u64, u64)| frame.checked_sub(from).is_some_and(|n| n < len);
            if !self.runs.iter().any(inside) {
                continue;
            }
            let bits = |at: u64| {
                let byte = record.get((self.record.flags + at) as usize);
                usize::from(byte.copied().unwrap_or(0) & 7)
            };
            let state = bits(LOCATION);
            add(&mut tally.states, state);
            if state == STANDBY {
                add(&mut tally.standby, bits(PRIORITY));
            }
            let entry = self.record.entry as usize;
            let entry = record.get(entry..entry + usize::from(self.record.width));
            if state == ACTIVE && entry.is_some_and(|entry| entry.iter().all(|&byte| byte == 0)) {
                tally.ownerless += 1;
            }
        }
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
        if self.mapped < self.groups {
            self.places(live)
        } else {
            self.counts(live)
        }
    }

    fn take(&mut self, piece: Piece) {
        match piece {
            Piece::Places(mut places, looked_up) => {
                self.mapped += looked_up;
                self.found.append(&mut places);
                if self.mapped == self.groups {
                    let found = core::mem::take(&mut self.found);
                    self.found = order::by_key(found, |&(offset, group)| (offset, group));
                }
            }
            Piece::Counts(tally, read) => {
                self.read += read;
                let sum = |into: &mut [u64; 8], from: [u64; 8]| {
                    into.iter_mut()
                        .zip(from)
                        .for_each(|(into, from)| *into += from);
                };
                sum(&mut self.tally.states, tally.states);
                sum(&mut self.tally.standby, tally.standby);
                self.tally.ownerless += tally.ownerless;
            }
        }
    }

    /// A group takes one unit to find and eight to read.
    fn progress(&self) -> (u64, u64) {
        let read = match self.mapped == self.groups {
            true => self.found.len() as u64,
            false => self.groups,
        };
        (self.mapped + 8 * self.read, self.groups + 8 * read)
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
    let mut census = Census {
        record,
        database,
        runs,
        groups: 0,
        mapped: 0,
        found: Vec::new(),
        read: 0,
        tally: Tally::default(),
    };
    let groups = end.div_ceil(census.frames().max(1)).min(MAX_GROUPS);
    census.groups = groups;
    (database.is_multiple_of(PAGE) && groups > 0).then_some(census)
}
