//! The system partition since Windows 10: `MiSystemPartition` (_MI_PARTITION), above all its visible
//! part Vp (_MI_VISIBLE_PARTITION).
//!
//! Vp begins with the lowest and highest page and the number of pages, which the dump knows from
//! elsewhere, and is followed by the array of page files: that finds it without a name. Where its
//! other members stand differs by build and by servicing, so each known layout is tried.

use super::page_files::{self, SLOTS};
use super::{MemoryManager, Reader, globals, scan, source, sure};
use crate::memory::VirtualAddress;
use crate::model::Confidence;
use crate::symbols::layout::{How, Shape};
use alloc::{format, vec::Vec};

/// Bytes of the partition in which Vp is looked for when it is not where it should be.
const SEARCHED: u64 = 0x6000;
/// Cache lines: what both structures are aligned to.
const LINE: u64 = 0x40;
/// The lowest page is one of the first; so many at most.
const MAX_LOWEST: u64 = 0x1000;
/// MMLISTS: the numbers by which lists of pages name themselves.
const MODIFIED: u64 = 3;
const MODIFIED_NO_WRITE: u64 = 4;

/// Where the visible part is.
#[derive(Clone, Copy)]
struct Place {
    at: VirtualAddress,
    /// Where the partition begins, when its name led there.
    base: Option<VirtualAddress>,
    how: How,
    /// Vp stands where the most probable layout has it.
    expected: bool,
}

/// The partition as it was found: what the memory manager's state is checked against.
pub(super) struct Partition {
    /// Where it begins, when that is known beyond doubt.
    pub base: Option<VirtualAddress>,
    pub committed: Option<u64>,
}

/// Figures of the visible part: counter and member.
const VISIBLE: &[(&str, &str)] = &[
    ("resident_available", "ResidentAvailablePages"),
    ("committed", "TotalCommittedPages"),
    ("commit_limit", "TotalCommitLimit"),
    ("modified", "ModifiedPageListHead"),
    ("modified_no_write", "ModifiedNoWritePageListHead"),
    ("modified_page_file", "TotalPagesForPagingFile"),
    ("shared_commit", "SharedCommit"),
    ("mdl_pages", "MdlPagesAllocated"),
    ("contiguous", "ContiguousPagesAllocated"),
    ("physical_vads", "VadPhysicalPages"),
    ("process_locked", "ProcessLockedFilePages"),
    ("slab_allocator", "SlabAllocatorPages"),
];

/// Reads it.
pub(super) fn read(reader: &Reader<'_>, found: &mut MemoryManager) -> Option<Partition> {
    let shapes = reader.shapes("_MI_VISIBLE_PARTITION");
    let best = places(reader, &shapes)
        .into_iter()
        .filter_map(|place| Some((place, choose(reader, place, &shapes)?)))
        .reduce(|best, next| {
            if next.1.score > best.1.score {
                next
            } else {
                best
            }
        });
    let Some((place, choice)) = best else {
        found.limits.push(missing(reader).into());
        return None;
    };
    let (how, trust) = choice.shape.trust();
    let how = if place.how == How::ByScan {
        How::ByScan
    } else {
        how
    };
    let trust = if place.expected {
        trust
    } else {
        trust.min(Confidence::Likely)
    };
    let confidence = sure(trust, choice.score > 0, choice.score >= PROVEN);
    let vp = "MiSystemPartition.Vp";
    let head = |member| reader.number(place.at, &choice.shape, member);
    // The first members are where they always were, whatever servicing did to the rest.
    let certain = sure(trust, true, true);
    let text = source(vp, "NumberOfPhysicalPages", how);
    found.put("physical", head("NumberOfPhysicalPages"), text, certain);
    let text = source(vp, "AvailablePages", how);
    found.put("available", head("AvailablePages"), text, certain);
    let fits = choice.score > 0 || place.expected && is_sane(reader, place.at, &choice.shape);
    if fits {
        for &(name, member) in VISIBLE {
            found.put(name, head(member), source(vp, member, how), confidence);
        }
        failures(reader, place.at, &choice.shape, (how, confidence), found);
    } else {
        found.limits.push(NO_FIT.into());
    }
    page_files::keep(choice.files, choice.count, found);
    let parts = Parts {
        reader,
        place,
        trust: (how, trust),
    };
    let base = parts.read(found);
    Some(Partition {
        base,
        committed: found.pages("committed"),
    })
}

/// Whether figures that break the rules are still figures: then they are shown as doubtful, where this
/// very kernel has them.
fn is_sane(reader: &Reader<'_>, at: VirtualAddress, shape: &Shape<'_>) -> bool {
    let number = |member| reader.value(at, shape, member);
    let sane = || {
        let (how, _) = shape.trust();
        let most = number("NumberOfPhysicalPages")?.checked_mul(64)?;
        let (committed, limit) = (number("TotalCommittedPages")?, number("TotalCommitLimit")?);
        let range = 1..=most;
        Some(how != How::ByFamily && range.contains(&committed) && range.contains(&limit))
    };
    sane().unwrap_or(false)
}

const NO_FIT: &str = "The memory manager's partition was found, but its figures fit no known \
    layout: they are withheld.";

/// Why there is nothing.
fn missing(reader: &Reader<'_>) -> &'static str {
    if reader.variable("MiSystemPartition").is_some() {
        "The memory manager's partition is not where this kernel has it, or its pages are not in \
         the dump: its counters cannot be told."
    } else {
        "This kernel is in no symbol table, and what the memory manager's partition must hold was \
         found nowhere among its variables: the memory counters cannot be told. Its symbol file, \
         dropped beside the dump, would tell."
    }
}

/// ChargeCommitmentFailures counts four kinds of charges that were refused.
fn failures(
    reader: &Reader<'_>,
    at: VirtualAddress,
    shape: &Shape<'_>,
    (how, confidence): (How, Confidence),
    found: &mut MemoryManager,
) {
    let member = "ChargeCommitmentFailures";
    let Some(at) = shape
        .offset(member)
        .and_then(|offset| at.checked_add(offset))
    else {
        return;
    };
    let kinds = (0..4_u64).map(|kind| {
        let at = at.checked_add(kind * 4);
        at.map_or(Err(crate::memory::Missing::Unmapped), |at| {
            reader.int(at, 4)
        })
    });
    let sum = kinds.sum::<Result<u64, _>>();
    let text = source("MiSystemPartition.Vp", member, how);
    found.put("failed_commit_charges", Some(sum), text, confidence);
}

/// Where Vp may be, the most probable place first.
fn places(reader: &Reader<'_>, shapes: &[Shape<'_>]) -> Vec<Place> {
    let mut found = Vec::new();
    let Some(shape) = shapes.first() else {
        return found;
    };
    let base = reader.variable("MiSystemPartition");
    if let Some((base, how)) = base {
        let rows = reader.shapes("_MI_PARTITION");
        for (index, row) in rows.iter().enumerate() {
            let at = row.offset("Vp").and_then(|offset| base.checked_add(offset));
            let Some(at) = at.filter(|&at| is_head(reader, at, shape)) else {
                continue;
            };
            if !found.iter().any(|place: &Place| place.at == at) {
                let expected = index == 0;
                found.push(Place {
                    at,
                    base: Some(base),
                    how,
                    expected,
                });
            }
        }
        let anywhere = (0..SEARCHED / LINE).filter_map(|line| base.checked_add(line * LINE));
        if found.is_empty() && !reader.pending.get() {
            let at = anywhere.filter(|&at| is_head(reader, at, shape));
            found.extend(at.map(|at| Place {
                at,
                base: Some(base),
                how: How::ByScan,
                expected: false,
            }));
        }
    }
    if found.is_empty() && !reader.pending.get() {
        scan::pages(reader, |page_at, page| {
            for line in (0..page.len()).step_by(LINE as usize) {
                let at = page_at.checked_add(line as u64);
                if may_be_head(reader, page, line, shape)
                    && let Some(at) = at.filter(|&at| is_head(reader, at, shape))
                {
                    found.push(Place {
                        at,
                        base: None,
                        how: How::ByScan,
                        expected: false,
                    });
                }
            }
        });
    }
    found
}

/// Whether the first three numbers may be those of Vp.
fn may_be_head(reader: &Reader<'_>, page: &[u8], line: usize, shape: &Shape<'_>) -> bool {
    let number = |member| {
        let offset = shape.offset(member)? as usize;
        Some(scan::word(page, line + offset, reader.width()))
    };
    let numbers = (
        number("LowestPhysicalPage"),
        number("HighestPhysicalPage"),
        number("NumberOfPhysicalPages"),
    );
    matches!(numbers, (Some(low), Some(high), Some(pages)) if plausible(reader, low, high, pages))
}

fn plausible(reader: &Reader<'_>, low: u64, high: u64, pages: u64) -> bool {
    let counted = reader.target.pages;
    // Memory that is added or taken away while Windows runs changes one count before the other.
    let near = |counted: u64| pages.abs_diff(counted) <= counted / 50;
    let range = low <= MAX_LOWEST && pages > 0x400 && high.saturating_add(1) >= pages;
    range && high < 1 << 40 && counted.is_none_or(near)
}

/// Whether Vp stands there: its numbers, and an array of page files.
fn is_head(reader: &Reader<'_>, at: VirtualAddress, shape: &Shape<'_>) -> bool {
    let number = |member| reader.value(at, shape, member);
    let (Some(low), Some(high), Some(pages)) = (
        number("LowestPhysicalPage"),
        number("HighestPhysicalPage"),
        number("NumberOfPhysicalPages"),
    ) else {
        return false;
    };
    let files = files(reader, at, shape);
    let known = reader.target.pages.is_some();
    // Without a count to compare with, page files must prove it.
    plausible(reader, low, high, pages) && files.is_some_and(|files| known || !files.is_empty())
}

/// Where the page files are; `None` when what stands there is no array of them.
fn files(
    reader: &Reader<'_>,
    at: VirtualAddress,
    shape: &Shape<'_>,
) -> Option<Vec<VirtualAddress>> {
    let place = at.checked_add(shape.offset("NumberOfPagingFiles")?)?;
    let count = usize::try_from(reader.int(place, 4).ok()?).ok()?;
    let array = at.checked_add(shape.offset("PagingFile")?)?;
    if count > SLOTS {
        return None;
    }
    let mut found = Vec::new();
    for slot in 0..SLOTS {
        let stride = u64::from(reader.width());
        let value = reader
            .pointer(array.checked_add(slot as u64 * stride)?)
            .ok()?;
        match slot < count {
            true if reader.in_kernel(value.0) => found.push(value),
            false if value.0 == 0 => {}
            _ => return None,
        }
    }
    Some(found)
}

/// The shape that fits what stands at a place.
struct Choice<'a> {
    shape: Shape<'a>,
    /// 0 when it fits nothing but the head.
    score: u32,
    files: page_files::Read,
    /// Page files that there are.
    count: usize,
}

/// From this score on something more than order of size speaks for the shape.
const PROVEN: u32 = 3;

fn choose<'a>(reader: &Reader<'_>, place: Place, shapes: &[Shape<'a>]) -> Option<Choice<'a>> {
    let mut best: Option<Choice<'a>> = None;
    for shape in shapes {
        let Some(at) = files(reader, place.at, shape) else {
            continue;
        };
        let files = page_files::read(reader, &at);
        let score = score(reader, place.at, shape, &files).unwrap_or(0);
        if best.as_ref().is_none_or(|best| score > best.score) {
            let count = at.len();
            best = Some(Choice {
                shape: *shape,
                score,
                files,
                count,
            });
        }
        if reader.pending.get() {
            break;
        }
    }
    best
}

/// How well the figures of a shape obey what they must; `None` when they do not.
fn score(
    reader: &Reader<'_>,
    at: VirtualAddress,
    shape: &Shape<'_>,
    files: &page_files::Read,
) -> Option<u32> {
    let number = |member| reader.value(at, shape, member);
    let pages = number("NumberOfPhysicalPages")?;
    let (committed, limit) = (number("TotalCommittedPages")?, number("TotalCommitLimit")?);
    let (size, most) = page_files::capacity(&files.files);
    let bounds = pages / 4..=pages.saturating_mul(4).saturating_add(most);
    let order = 0 < committed && committed <= limit && bounds.contains(&limit);
    let lists = [
        list(reader, at, shape, "ModifiedPageListHead", MODIFIED)?,
        list(
            reader,
            at,
            shape,
            "ModifiedNoWritePageListHead",
            MODIFIED_NO_WRITE,
        )?,
    ];
    let listed = lists
        .iter()
        .try_fold(0_u64, |sum, list| sum.checked_add(list.0))?;
    let within = listed.checked_add(number("AvailablePages")?)? <= pages;
    let shared = number("SharedCommit").is_none_or(|shared| shared <= limit);
    if !(order && within && shared) {
        return None;
    }
    let exact = limit == pages.saturating_add(size);
    let named: u32 = lists.iter().map(|list| list.1).sum();
    Some(1 + named + 2 * u32::from(exact))
}

/// The length of a list of pages, and how much its own name speaks for it; `None` when it names
/// itself another list.
fn list(
    reader: &Reader<'_>,
    at: VirtualAddress,
    shape: &Shape<'_>,
    member: &str,
    name: u64,
) -> Option<(u64, u32)> {
    let at = at.checked_add(shape.offset(member)?)?;
    let total = reader.int(at, reader.width()).ok()?;
    let own = reader.int(at.checked_add(reader.width().into())?, 4).ok()?;
    match own {
        _ if own == name => Some((total, 1)),
        0 => Some((total, 0)),
        _ => None,
    }
}

/// The parts of the partition around Vp: its commitment and its lists of pages.
struct Parts<'a, 'r> {
    reader: &'r Reader<'a>,
    place: Place,
    trust: (How, Confidence),
}

/// A layout of the whole partition that was tried.
struct Trial<'a> {
    base: VirtualAddress,
    row: Shape<'a>,
    /// The commitment's figures are in order.
    commit: bool,
    /// The shape of the page lists that adds up to what is available.
    lists: Option<Shape<'a>>,
    exact: bool,
}

impl<'a> Parts<'a, '_> {
    /// Reads them, and says where the partition begins.
    fn read(&self, found: &mut MemoryManager) -> Option<VirtualAddress> {
        let mut best: Option<(u32, Trial<'a>)> = None;
        for row in self.reader.shapes("_MI_PARTITION") {
            let Some(trial) = self.attempt(row, found) else {
                continue;
            };
            let score = 2 * u32::from(trial.lists.is_some())
                + u32::from(trial.commit)
                + u32::from(trial.exact);
            if best.as_ref().is_none_or(|best| score > best.0) {
                best = Some((score, trial));
            }
            if self.reader.pending.get() {
                break;
            }
        }
        let (_, trial) = best?;
        self.commit(&trial, found);
        self.lists(&trial, found);
        let sure = trial.exact || trial.lists.is_some();
        self.place.base.or(Some(trial.base).filter(|_| sure))
    }

    fn attempt(&self, row: Shape<'a>, found: &MemoryManager) -> Option<Trial<'a>> {
        let vp = row.offset("Vp")?;
        let base = match self.place.base {
            Some(base) => base,
            None => VirtualAddress(self.place.at.0.checked_sub(vp)?),
        };
        let exact = self.place.base.is_some() && base.checked_add(vp) == Some(self.place.at);
        let mut trial = Trial {
            base,
            row,
            commit: false,
            lists: None,
            exact,
        };
        trial.commit = self.commit_fits(&trial, found).unwrap_or(false);
        let shapes = self.reader.shapes("_MI_PARTITION_PAGE_LISTS");
        trial.lists = shapes
            .into_iter()
            .find(|shape| self.lists_fit(&trial, shape, found).unwrap_or(false));
        Some(trial)
    }

    fn commit_fits(&self, trial: &Trial<'_>, found: &MemoryManager) -> Option<bool> {
        let at = trial.base.checked_add(trial.row.offset("Commit")?)?;
        let shape = *self.reader.shapes("_MI_PARTITION_COMMIT").first()?;
        let peak = self.reader.value(at, &shape, "PeakCommitment")?;
        let most = self.reader.value(at, &shape, "TotalCommitLimitMaximum")?;
        let (committed, limit) = (found.pages("committed")?, found.pages("commit_limit")?);
        Some(committed <= peak && peak <= most && limit <= most)
    }

    fn lists_fit(
        &self,
        trial: &Trial<'_>,
        shape: &Shape<'_>,
        found: &MemoryManager,
    ) -> Option<bool> {
        let at = trial.base.checked_add(trial.row.offset("PageLists")?)?;
        let number = |member| self.reader.value(at, shape, member);
        let available = found.pages("available")?;
        let idle = number("ZeroedPageListHead")?.checked_add(number("FreePageListHead")?)?;
        let standby = match number("StandbyPageListHead")? {
            0 => self.standby_sum(at, shape)?,
            standby => standby,
        };
        let sum = idle.checked_add(standby)?;
        // Pages come and go while the processors are stopped one by one.
        Some(available > 0 && sum.abs_diff(available) <= (available / 50).max(0x400))
    }

    fn standby_sum(&self, lists: VirtualAddress, shape: &Shape<'_>) -> Option<u64> {
        let at = lists.checked_add(shape.offset("StandbyPageListByPriority")?)?;
        let stride = self.stride()?;
        (0..8_u64).try_fold(0_u64, |sum, index| {
            let at = at.checked_add(index * u64::from(stride))?;
            sum.checked_add(self.reader.int(at, self.reader.width()).ok()?)
        })
    }

    /// Bytes from one list head to the next.
    fn stride(&self) -> Option<u32> {
        self.reader.shapes("_MMPFNLIST").first()?.size()
    }

    fn commit(&self, trial: &Trial<'_>, found: &mut MemoryManager) {
        if !(trial.commit || trial.exact && self.place.expected) {
            return;
        }
        let at = trial
            .row
            .offset("Commit")
            .and_then(|offset| trial.base.checked_add(offset));
        let shapes = self.reader.shapes("_MI_PARTITION_COMMIT");
        let (Some(at), Some(shape)) = (at, shapes.first()) else {
            return;
        };
        let confidence = sure(self.trust.1, trial.commit, trial.commit);
        for (name, member) in [
            ("committed_peak", "PeakCommitment"),
            ("commit_limit_maximum", "TotalCommitLimitMaximum"),
        ] {
            let value = self.reader.number(at, shape, member);
            let text = source("MiSystemPartition.Commit", member, self.trust.0);
            found.put(name, value, text, confidence);
        }
    }

    fn lists(&self, trial: &Trial<'_>, found: &mut MemoryManager) {
        let at = trial
            .row
            .offset("PageLists")
            .and_then(|offset| trial.base.checked_add(offset));
        let expected = self
            .reader
            .shapes("_MI_PARTITION_PAGE_LISTS")
            .into_iter()
            .next();
        // Lists that do not add up are shown only where this very kernel has them.
        let exact = expected.filter(|_| trial.exact && self.place.expected);
        let (Some(at), Some(shape)) = (at, trial.lists.or(exact)) else {
            return;
        };
        let place = "MiSystemPartition.PageLists";
        let fits = trial.lists.is_some();
        let confidence = sure(self.trust.1, fits, fits);
        for (name, member) in [
            ("zeroed", "ZeroedPageListHead"),
            ("free", "FreePageListHead"),
            ("standby", "StandbyPageListHead"),
            ("bad_pages", "BadPageListHead"),
        ] {
            let value = self.reader.number(at, &shape, member);
            found.put(name, value, source(place, member, self.trust.0), confidence);
        }
        let private = self.reader.number(at, &shape, "TransitionPrivatePages");
        let shared = self.reader.number(at, &shape, "TransitionSharedPages");
        if let (Some(private), Some(shared)) = (private, shared) {
            let sum = private.and_then(|private| Ok(private.saturating_add(shared?)));
            let text = source(
                place,
                "TransitionPrivatePages and TransitionSharedPages",
                self.trust.0,
            );
            found.put("transition", Some(sum), text, confidence);
        }
        let member = "StandbyPageListByPriority";
        let heads = shape
            .offset(member)
            .and_then(|offset| at.checked_add(offset));
        if let (Some(heads), Some(stride)) = (heads, self.stride()) {
            let place = format!("{place}.{member}");
            globals::priorities(
                self.reader,
                heads,
                stride,
                &place,
                (self.trust.0, confidence),
                found,
            );
        }
    }
}
